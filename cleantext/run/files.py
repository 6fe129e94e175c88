"""Files in and out: find the pages in a folder, read them, and write outputs that are either complete or absent."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cleantext.errors import CleantextError, ConfigError, InputError
from cleantext.run.paths import inside
from cleantext.run.readers.source import Source, encodable

__all__ = [
    "STATE",
    "TABLES",
    "UNDO",
    "check_output",
    "check_place",
    "drop_found",
    "is_name_error",
    "is_own",
    "is_run",
    "is_undo",
    "missing_folders",
    "naming",
    "output_path",
    "settle",
    "unwritable",
    "whole",
    "write_json",
    "write_jsonl",
    "write_whole",
]

STATE = ".cleantext"  # folder in the output while a run is unfinished: markers and parts of the tables
UNDO = "undo"  # folder of the state of an undo
# Files that a run writes next to the pages: they are never read as pages, and no page may overwrite them.
TABLES = {
    "report.json",
    "report.html",
    "dropped.parquet",
    "hosts.toml",
    "metadata.jsonl",
    "edits.parquet",
    "duplicates.parquet",
    "duplicates.jsonl",
    "clusters.parquet",
    "boilerplate.parquet",
    "cuts.parquet",
    "events.jsonl",
    "failed.jsonl",
    "run.json",
}
CORPUS = re.compile(r"(?:corpus|dropped|originals)-\d{5,}\.(?:parquet|jsonl(?:\.gz|\.zst)?)")
# Those of them that a search for duplicates may write.
FOUND = {"duplicates.parquet", "duplicates.jsonl", "clusters.parquet", "boilerplate.parquet", "cuts.parquet", "events.jsonl"}


# ---------------------------------------------------------------- the output folder


def drop_found(out: Path, written: Container[str]) -> None:
    """Delete the tables of duplicates that an earlier run, perhaps of another command, left in ``out``, except those in ``written``."""
    for name in FOUND:
        if name not in written:
            (out / name).unlink(missing_ok=True)


def is_own(name: str) -> bool:
    """Return whether a name below an output folder is reserved for a table or the state of a run, so that no page may have it."""
    first = name.partition("/")[0]
    return first in TABLES or first == STATE or CORPUS.fullmatch(first) is not None


def output_path(root: Path, name: str) -> Path:
    """Return the path of a page's output. Raise `InputError` if the name leads out of the folder, or is reserved for the run's own files."""
    path = inside(root, name)
    if is_own(name):
        raise InputError(f"{name!r}: is no page of {root}, but a table or the state of a run: mend or drop this name")
    return path


def check_place(root: Path, name: str) -> None:
    """Raise the same `InputError` or `OSError` as writing an output would, if a link, a file or a folder is in its way."""
    path = output_path(root, name)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    while (path := path.parent) != root:
        if os.path.lexists(path) and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def is_run(folder: Path) -> bool:
    """Return whether a folder is the output of an earlier run, finished or not. A link in place of the state does not count."""
    if _is_folder(folder / STATE) and not is_undo(folder):
        return True
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError, RecursionError):
        report = folder / "report.json"
        return report.is_file() and "cleantext" in json.loads(report.read_text("utf-8")).get("settings", {})
    return False


def is_undo(folder: Path) -> bool:
    """Return whether a folder is the output of an interrupted undo."""
    return _is_folder(folder / STATE) and _is_folder(folder / STATE / UNDO) and not (folder / "report.json").exists()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def check_output(sources: Iterable[str | Path], pages: Iterable[Source], out: Path, *, ours: Callable[[Path], bool] = is_run) -> None:
    """Refuse an output folder if writing to it would endanger other files. Raise `ConfigError` with what to do.

    ``ours`` returns whether the command may continue in a folder that is not empty. This check creates nothing: the writer
    creates the folder.
    """
    target = out.resolve()
    if encodable(str(target)) != str(target):
        raise ConfigError(
            f"output {encodable(str(target))}: its path has bytes that are not UTF-8: name a folder that tables can name, too"
        )
    for source in sources:
        origin = Path(source).resolve()
        if target == origin or (origin.is_dir() and origin in target.parents):
            raise ConfigError(f"output {out} lies inside the input {source}: choose a folder outside, so that outputs never become inputs")
    for page in pages:
        if target in page.path.resolve().parents:
            raise ConfigError(f"input {page.path} lies inside the output {out}: choose another output, so that no input is written over")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"output {out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not ours(out):
        held = "the pages of a run" if is_run(out) else "files that cleantext did not write"
        raise ConfigError(f"output {out} holds {held}: name a new or empty folder")
    made = missing_folders(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ConfigError(f"output {out} cannot be written: {error.strerror}; choose another folder or mend its permissions") from error
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def missing_folders(path: Path) -> list[Path]:
    """Return the missing folders on a path, from the innermost to the outermost."""
    return [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the name of the written file to errors of the system: those of Arrow and DuckDB lack it, and have no ``errno`` field.

    If DuckDB runs out of memory, raise a `CleantextError`.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise _named(error.strerror or str(error), error.errno, path) from error
    except Exception as error:
        kind = type(error).__name__ if type(error).__module__.partition(".")[0] in ("duckdb", "_duckdb") else ""
        told = str(error).split("\n", 1)[0]  # the lines below it explain how to configure DuckDB, which users of a run cannot do
        if kind == "IOException":
            raise _named(told, None, path) from error
        if kind == "OutOfMemoryException":
            raise CleantextError(f"{path}: memory does not suffice ({told}): give the run more (--memory)") from error
        raise


def _named(told: str, number: int | None, path: Path) -> OSError:
    found = re.search(r"\[errno (\d+)\]", told)
    number = number or (int(found[1]) if found else errno.ENOSPC if "No space left" in told else errno.EIO)
    return OSError(number, os.strerror(number) if "Error writing" in told else told, str(path))


@contextlib.contextmanager
def whole(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary name next to ``path``; the file is renamed to ``path`` when it is complete, and deleted on an error.

    Without ``sync`` the bytes may still be in the system's cache: see `settle`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}.{os.getpid()}.part")
    try:
        with naming(path):
            yield temporary
        if sync:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None  # the name that users know
        with contextlib.suppress(OSError):  # otherwise the second error would hide the first
            temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file completely or not at all."""
    with whole(path, sync=sync) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file that people can read, completely or not at all."""
    write_whole(path, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one row of JSON per line, completely or not at all."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def settle(paths: Iterable[Path]) -> None:
    """Wait until files written without `sync` are on the disk: one wait for many files."""
    if hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        with contextlib.suppress(OSError), path.open("rb") as file:
            os.fsync(file.fileno())


def is_name_error(error: OSError) -> bool:
    """Return whether the error is about the name (too long, a forbidden character, taken by another file or folder), not about writing."""
    taken = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)
    return error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, *taken)


def unwritable(page: str, error: OSError) -> str:
    """Return a message on a page whose name was refused, with what to do."""
    return f"{page}: cannot be written: {error.strerror}; rename it, or move away what stands in its place"
