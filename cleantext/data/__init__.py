"""Tables: dictionaries, frozen fold tables, readings. Each is loaded at first use.

The one place that reads package data, and that keeps what was compiled from it in the user's
cache folder. A cached file is named after the digest of all that went into it, so it is never
out of date; it is written under a temporary name and renamed, so processes that start at once
do not meet half a file; and a folder that cannot be written to costs time, never an error.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.errors import ConfigError

__all__ = ["BUNDLED", "REIMPLEMENTED", "cache_folder", "cached", "character_forms", "is_own", "opencc_text", "own_words"]

BUNDLED = "bundled"
REIMPLEMENTED = "opencc-python-reimplemented"

Arrays = dict[str, npt.NDArray[Any]]


@lru_cache(maxsize=256)
def opencc_text(name: str, *, source: str = BUNDLED) -> str | None:
    r"""Return the text of an OpenCC dictionary such as ``STPhrases``, or None if the source does not have it.

    ``source`` is "bundled" (the dictionaries of OpenCC 1.4.2), "opencc-python-reimplemented" (the
    installed package, whose files are found through its distribution: two distributions own the
    import name ``opencc`` and overwrite each other's modules), or a folder of ``NAME.txt`` files.
    Raise `ConfigError` where there is no such package or folder.

    >>> opencc_text("TSPhrases").splitlines()[0]
    '慰藉\t慰藉'
    """
    if source == BUNDLED:
        file = resources.files(__name__) / "opencc" / f"{name}.txt"
        return file.read_text("utf-8") if file.is_file() else None
    path = _of_distribution(name) if source == REIMPLEMENTED else _of_folder(source, name)
    return path.read_text("utf-8-sig") if path is not None and path.is_file() else None


def _of_distribution(name: str) -> Path | None:
    try:
        files = metadata.distribution(REIMPLEMENTED).files or []
    except metadata.PackageNotFoundError as error:
        raise ConfigError(
            f'dictionary={REIMPLEMENTED!r}: not installed; pip install {REIMPLEMENTED}, or use dictionary="bundled"'
        ) from error
    return next((Path(str(f.locate())) for f in files if f.name == f"{name}.txt"), None)


def _of_folder(source: str, name: str) -> Path:
    folder = Path(source)
    if not folder.is_dir():
        raise ConfigError(
            f'dictionary={source!r}: no such folder or file; give a folder of OpenCC dictionaries (STPhrases.txt, ...), a file of your own words, "{BUNDLED}" or "{REIMPLEMENTED}"'
        )
    return folder / f"{name}.txt"


def is_own(source: str) -> bool:
    """Return whether a ``dictionary`` is a file with a user's own words."""
    return source not in (BUNDLED, REIMPLEMENTED) and Path(source).is_file()


def own_words(source: str, *, longest: int) -> tuple[tuple[str, str], ...]:
    """Return the rows of a file with a user's own words: word and replacement, separated by a tab.

    Empty lines and lines that begin with ``#`` are skipped. If there are several replacements separated by blanks, the first is used, as in
    OpenCC; in a ``.tsv`` file the whole second field is. Raise `ConfigError` for a line without a tab, with an empty field, or with a field
    of more than ``longest`` characters.
    """
    return _own_words(source, Path(source).stat().st_mtime_ns, longest)


@lru_cache(maxsize=8)
def _own_words(source: str, _changed: int, longest: int) -> tuple[tuple[str, str], ...]:
    rows: dict[str, str] = {}
    for number, line in enumerate(Path(source).read_text("utf-8-sig").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, tab, value = line.partition("\t")
        value = value.partition("\t")[0] if source.endswith(".tsv") else value.strip().split(" ", 1)[0]
        if not tab or not key or not value or max(len(key), len(value)) > longest:
            raise ConfigError(
                f"dictionary={source!r}, line {number}: {line[:60]!r} is not a word, a tab and its replacement, of at most {longest} characters"
            )
        rows.setdefault(key, value)
    return tuple(rows.items())


@lru_cache(maxsize=8)
def character_forms(kind: str) -> dict[str, str]:
    """Return the replacements of the characters of one kind in ``forms.tsv``: "kangxi", "radical" or "arabic"."""
    rows = (line.split("\t") for line in (resources.files(__name__) / "forms.tsv").read_text("utf-8").splitlines())
    return {chr(int(row[1], 16)): "".join(chr(int(p, 16)) for p in row[2].split()) for row in rows if row[0] == kind}


def cache_folder() -> Path:
    """Return the folder of compiled tables: ``$CLEANTEXT_CACHE``, or the cache folder of the platform."""
    if named := os.environ.get("CLEANTEXT_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "cleantext" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "cleantext"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cleantext"


def cached(name: str, build: Callable[[], Arrays]) -> Arrays:
    """Return the arrays stored under ``name``, or build and store them. The name must include a digest of their content.

    A missing or broken file is built again.
    """
    try:
        path = cache_folder() / f"{name}.npz"
        with path.open("rb") as file, np.load(file) as found:  # opened here, since NumPy does not close a broken file
            return dict(found)
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile):  # RuntimeError: no home folder
        arrays = build()
    with contextlib.suppress(OSError, RuntimeError):
        _keep(cache_folder() / f"{name}.npz", arrays)
    return arrays


def _keep(path: Path, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
