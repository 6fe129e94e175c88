"""Names that come from data (a page's id, a row of a table) as paths that stay inside their folder."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from cleantext.errors import InputError

__all__ = ["inside", "leads_out"]


def inside(root: Path, name: str) -> Path:
    r"""Return the path of ``name`` below ``root``; refuse a name that leads elsewhere, on this system or another.

    Refuses empty and absolute names, drives, empty parts, ``..``, NUL, bytes that are not UTF-8, and names that lead out of
    ``root`` by a link in it. Names are never rewritten. Raise `InputError`.

    >>> inside(Path("out"), "news/1.txt").as_posix()
    'out/news/1.txt'
    >>> inside(Path("out"), "../victim")
    Traceback (most recent call last):
    cleantext.errors.InputError: '../victim': leads out of the folder out; names of pages stay inside it: mend or drop this name
    """
    path = root / name if isinstance(name, str) and not leads_out(name) else None
    if path is None or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise InputError(f"{name!r}: leads out of the folder {root}; names of pages stay inside it: mend or drop this name")
    return path


def leads_out(name: str) -> bool:
    """Return whether a name cannot be that of a file below a folder. Backslashes and drives count if they are separators on Windows."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    foreign = os.name == "nt" or "\\" in name  # `A:标题.txt` is an ordinary name on systems without drives
    return (
        not posix.parts
        or str(posix) != name  # such as `a/.`
        or posix.is_absolute()
        or ".." in posix.parts
        or "\0" in name
        or any("\ud800" <= c <= "\udfff" for c in name)
        or (foreign and (".." in windows.parts or bool(windows.drive or windows.root)))
    )
