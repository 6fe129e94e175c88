"""Progress on stderr, where that is a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["bar", "compiling", "steps"]

SECONDS = 60  # of compiling, on two cores


@contextlib.contextmanager
def bar(console: Any, what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Give what is to be told the bytes done and the bytes in all; nothing where nobody would see it."""
    if not console.is_terminal or quiet:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    # No thread that draws beside the run: a process without threads can be forked (see `cleantext.run.workers`).
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as shown:
        task = shown.add_task(what, total=None, visible=False)  # until the size is known
        yield lambda done, size: shown.update(task, completed=done, total=size, visible=True, refresh=True)


@contextlib.contextmanager
def compiling(console: Any, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Give what is to be told the kernels compiled and those in all. Elsewhere than on a terminal one line says it all."""
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
    """Give what is to be told the name of each step; nothing where nobody would see it."""
    if not console.is_terminal or quiet:
        yield None
        return
    with console.status("starting") as status:
        yield lambda name: status.update(f"step {name}")
