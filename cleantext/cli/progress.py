"""Progress on stderr, as a bar on a terminal or otherwise as a line per minute; and logging."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["compiling", "line_of", "log_to", "phases", "steps"]

SECONDS = 60  # expected time to compile all kernels on two cores
EVERY = 60  # seconds between two lines of progress without a terminal


def line_of(phase: str, done: int, size: int, pages: int, seconds: float) -> str:
    """Format the progress of a phase as one line, ``seconds`` after it began.

    >>> line_of("cleaning", 200_000_000, 1_000_000_000, 42_000, 60.0)
    'cleaning: 42,000 pages, 200 of 1,000 MB, 3.3 MB/s, about 4 min left'
    >>> line_of("searching", 0, 0, 42_000, 5.0)
    'searching: 42,000 pages'
    """
    told = [f"{phase}: {pages:,} pages"]
    if size:
        told.append(f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB")
    if done and seconds:
        left = (size - done) * seconds / done
        told += [f"{done / 1e6 / seconds:.1f} MB/s", f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"]
    return ", ".join(told)


@contextlib.contextmanager
def phases(console: Any, *, quiet: bool) -> Iterator[Callable[[str, int, int, int], None] | None]:
    """Yield a callback for phase, bytes done, total bytes and pages. It draws a bar on a terminal, or otherwise prints a line per minute."""
    if quiet:
        yield None
        return
    if not console.is_terminal:
        began = last = time.monotonic()
        now = ""

        def tell(phase: str, done: int, size: int, pages: int) -> None:
            nonlocal began, last, now
            at = time.monotonic()
            if phase != now:
                now, began = phase, at
            if at - last >= EVERY:
                last = at
                console.print(line_of(phase, done, size, pages, at - began), highlight=False)

        yield tell
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    # Drawn without a thread, since only a process without threads can be forked safely (see `cleantext.run.shards.workers`).
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as shown:
        tasks: dict[str, Any] = {}

        def update(phase: str, done: int, size: int, pages: int) -> None:
            if phase not in tasks:
                for task in tasks.values():
                    shown.update(task, visible=False)
                tasks[phase] = shown.add_task(phase, total=None)
            shown.update(tasks[phase], description=f"{phase}, {pages:,} pages", completed=done, total=size or None, refresh=True)

        yield update


def log_to(console: Any, verbosity: int) -> None:
    """Log to stderr: with -v the phases of a run, with -vv also its shards and steps."""
    import logging

    if verbosity:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        logger = logging.getLogger("cleantext")
        logger.handlers = [handler]  # replaces the handler of an earlier command in this process
        logger.setLevel(logging.DEBUG if verbosity > 1 else logging.INFO)


@contextlib.contextmanager
def compiling(console: Any, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a callback for the numbers of compiled kernels and of all kernels. Without a terminal it prints a single line."""
    said = f"compiling kernels, once on this machine: about {SECONDS} s"
    if quiet:
        yield None
        return
    if not console.is_terminal:
        lines = iter((said,))

        def tell(*_: int) -> None:
            for line in lines:
                console.print(line)

        yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    shown = Progress(TextColumn(said), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True)
    task = shown.add_task(said, total=None)

    def update(done: int, size: int) -> None:
        shown.start()
        shown.update(task, completed=done, total=size or None)
        if size and done == size:
            shown.stop()

    try:
        yield update
    finally:
        shown.stop()


@contextlib.contextmanager
def steps(console: Any, *, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Yield a callback for the name of each step, or None if there is no terminal or ``quiet``."""
    if not console.is_terminal or quiet:
        yield None
        return
    with console.status("starting") as status:
        yield lambda name: status.update(f"step {name}")
