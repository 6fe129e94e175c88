"""The budget of a page: seconds and memory; and the clock of this process."""

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

# Seconds that a page may take, and more for each megabyte of it: ten times what any ordinary page takes, so that the load of the
# machine does not decide which pages fail.
PAGE_SECONDS = 60.0
SECONDS_A_MEGABYTE = 15.0
# Bytes that a worker may take beyond those it starts with: four times what the worst page of 32 MB takes.
MEMORY = 4_000_000_000
LEAST_MEMORY = 500_000_000  # Python, Arrow and the kernels take half of it
PATIENCE = 10  # limit of elapsed time as a multiple of the limit of CPU time, for pages that wait for a processor or a disk
IGNORE = "leave it out with .cleantextignore, or report it with the page"

Watch = Callable[[int, float], None]  # arguments: the number of a page, and how many seconds it may take from now (0: no limit)


def seconds_of(page_seconds: float, weight: int) -> float:
    """Return the time limit in seconds for pages of ``weight`` bytes in total; 0 if there is no limit.

    >>> seconds_of(10, 2_000_000), seconds_of(0, 2_000_000)
    (40.0, 0)
    """
    return page_seconds and page_seconds + weight * SECONDS_A_MEGABYTE / 1e6


def too_long(seconds: float) -> str:
    """Return the message for a page that took too long."""
    return f"took more than {seconds:.3g} seconds: give it more (--page-seconds), {IGNORE}"


def too_large(memory: int) -> str:
    """Return the message for a page that took too much memory."""
    return f"took more than {memory:,} bytes of memory: give it more (--max-page-memory), {IGNORE}"


def cap_memory(memory: int) -> None:
    """Limit this process to ``memory`` bytes beyond what it has (0: no limit), where the system supports it: on Linux.

    Beyond the limit, Python code gets a `MemoryError`, and other code may end the process.
    """
    if not memory or sys.platform != "linux":
        return
    import resource

    held = int(Path("/proc/self/statm").read_text("ascii").split()[5]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = held + memory
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def unwatched(_: int, __: float) -> None:
    """Do not limit the time of pages."""


class OverTime(BaseException):
    """Raised by the clock in the middle of a page; a `BaseException`, so that no handler in a step catches it."""


@contextlib.contextmanager
def alarm() -> Iterator[Watch]:
    """Yield a clock that raises `OverTime` in this process, if Python and the system can: in the main thread of a Unix program.

    It interrupts Python and `re`, but no compiled kernel; and interrupted code may leave its caches inconsistent. It fires late, since the
    time that kernels take to compile, and a busy machine, are not the page's fault.
    """
    free = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if not free or signal.getsignal(signal.SIGALRM) != signal.SIG_DFL:  # the clock is used by somebody else
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
