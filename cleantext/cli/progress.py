"""Progress on stderr, where that is a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["bar", "steps"]


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
        task = shown.add_task(what, total=None)
        yield lambda done, size: shown.update(task, completed=done, total=size, refresh=True)


@contextlib.contextmanager
def steps(console: Any, *, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Give what is to be told the name of each step; nothing where nobody would see it."""
    if not console.is_terminal or quiet:
        yield None
        return
    with console.status("starting") as status:
        yield lambda name: status.update(f"step {name}")
