"""Worker processes: they leave signals to their parent, and end when it ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

from cleantext.errors import CleantextError
from cleantext.jit import LARGE, expect, seldom_collected

__all__ = ["cores", "end_with_parent", "in_processes", "undisturbed"]

Task = TypeVar("Task")
Made = TypeVar("Made")
DIED = (
    "{}: a worker process died: out of memory, killed, or started from a script without `if __name__ == '__main__':`. "
    "Run the same again, with one worker if memory is short"
)


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(call: Callable[[Task], Made], tasks: Iterable[Task], *, count: int, what: str) -> list[Made]:
    """Return the results of a function of a module for all tasks, done in ``count`` processes; ``what`` names the work in an error.

    The processes are spawned, not forked, since Arrow and DuckDB have started threads by the time they are needed. Raise
    `CleantextError` if one dies.
    """
    try:
        with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin) as pool:
            with undisturbed():
                made = pool.map(call, tasks)
            return list(made)
    except BrokenProcessPool as error:
        raise CleantextError(DIED.format(what)) from error


def _begin() -> None:
    end_with_parent()
    seldom_collected()
    expect(LARGE)  # only large jobs are divided among processes


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
