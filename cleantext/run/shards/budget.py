"""What a page may take: seconds and memory; and the clock of this process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = [
    "LEAST_MEMORY",
    "MEMORY",
    "PAGE_SECONDS",
    "OverTime",
    "Watch",
    "alarm",
    "cap_memory",
    "seconds_of",
    "too_large",
    "too_long",
    "unwatched",
]

# Seconds that a page may take, and more for each megabyte of it: ten times what any ordinary page takes, so that a busy
# machine does not decide which pages fail.
PAGE_SECONDS = 60.0
SECONDS_A_MEGABYTE = 15.0
# Bytes that a worker may take beside those it starts with: four times what the worst page of 32 MB takes.
MEMORY = 4_000_000_000
LEAST_MEMORY = 500_000_000  # Python, Arrow and the kernels take half of it
PATIENCE = 10  # times as long as it may work a page may take, waiting for a processor or a disk
IGNORE = "leave it out with .cleantextignore, or report it with the page"

Watch = Callable[[int, float], None]  # a page by its number, and how many seconds it may take from now: 0 for any


def seconds_of(page_seconds: float, weight: int) -> float:
    """Return how long a page, or pages, of so many bytes may take: 0 where there is no limit.

    >>> seconds_of(10, 2_000_000), seconds_of(0, 2_000_000)
    (40.0, 0)
    """
    return page_seconds and page_seconds + weight * SECONDS_A_MEGABYTE / 1e6


def too_long(seconds: float) -> str:
    """Say what is wrong with a page that took too long."""
    return f"took more than {seconds:.3g} seconds: give it more (--page-seconds), {IGNORE}"


def too_large(memory: int) -> str:
    """Say what is wrong with a page that took too much memory."""
    return f"took more than {memory:,} bytes of memory: give it more (--max-page-memory), {IGNORE}"


def cap_memory(memory: int) -> None:
    """Let this process take so many bytes beside what it has (0: any number), where the system can say so: on Linux.

    Whoever asks for more gets a `MemoryError`, or ends the process, in code that is not Python.
    """
    if not memory or sys.platform != "linux":
        return
    import resource

    held = int(Path("/proc/self/statm").read_text("ascii").split()[5]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = held + memory
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def unwatched(_: int, __: float) -> None:
    """Let pages take what time they take."""


class OverTime(BaseException):
    """Raised in the midst of a page by the clock; no handler of exceptions in a step may take it for one."""


@contextlib.contextmanager
def alarm() -> Iterator[Watch]:
    """Give a clock that raises `OverTime` in this process, where Python and the system can: in the main thread of a Unix program.

    It interrupts Python and `re`, but no compiled kernel; and what was interrupted may leave its caches wrong. It rings late: the
    time that kernels take to compile, and a busy machine, are no page's fault.
    """
    free = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if not free or signal.getsignal(signal.SIGALRM) != signal.SIG_DFL:  # somebody else's clock
        yield unwatched
        return

    def ring(*_: object) -> None:
        raise OverTime

    signal.signal(signal.SIGALRM, ring)
    try:
        yield lambda _, seconds: (signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds), None)[1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
