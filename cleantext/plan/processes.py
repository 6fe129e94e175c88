"""Worker processes: they leave signals to their parent, and end when it ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import wait

__all__ = ["end_with_parent", "undisturbed"]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Block Ctrl-C and SIGTERM for processes started inside the block; terminals send these to all processes, and only the parent should react."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """End this process when its parent ends or is killed, whatever code is running. Call this first in a new process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end() -> None:
        wait([parent.sentinel])
        os._exit(1)

    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, since the thread below cannot run while `re` holds the GIL
    threading.Thread(target=end, daemon=True).start()
