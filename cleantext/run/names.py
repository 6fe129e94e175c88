"""File names that a file system treats as equal: they differ only in case (Windows, macOS), or in their Unicode normalization (macOS)."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["clashes", "key_in"]

Key = Callable[[str], str]


def key_in(folder: Path) -> Key:
    """Return a key function: two names get the same key if the file system of an existing folder treats them as equal."""
    fold_case = _is_one(folder, "probe-a", "probe-A")
    compose = _is_one(folder, "probe-\u00e9", "probe-e\u0301")

    def key(name: str) -> str:
        if compose:
            name = unicodedata.normalize("NFC", name)
        return name.casefold() if fold_case else name

    return key


def _is_one(folder: Path, one: str, other: str) -> bool:
    path = folder / one
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except (OSError, UnicodeError):  # a name that cannot be written here
        return False
    try:
        return os.path.lexists(folder / other)
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def clashes(names: Iterable[str], key: Key) -> dict[str, str]:
    """Return the names, of several distinct ones, that would overwrite another or need a folder in its place, each with that other name.

    >>> clashes(["a/1.txt", "A/1.txt", "a/2.txt", "A"], str.casefold)
    {'A/1.txt': 'a/1.txt', 'A': 'a/1.txt'}
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in names:
        own = key(name)
        above = [own[:at] for at, char in enumerate(own) if char == "/"]
        other = files.get(own) or folders.get(own) or next((files[a] for a in above if a in files), None)
        if other:
            found[name] = other
            continue
        files[own] = name
        for each in above:
            folders.setdefault(each, name)
    return found
