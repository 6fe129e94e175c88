"""Files in and out: which pages a folder holds, reading them, and writing so that outputs are whole or absent."""

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

STATE = ".cleantext"  # in an output folder while a run goes on: markers and parts of the tables
UNDO = "undo"  # the folder of the state of an undo
# What a run writes beside the pages: never read as a page, and no page may be written over it.
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
# Of these, what a search for duplicates may find.
FOUND = {"duplicates.parquet", "duplicates.jsonl", "clusters.parquet", "boilerplate.parquet", "cuts.parquet", "events.jsonl"}


# ---------------------------------------------------------------- the output folder


def drop_found(out: Path, written: Container[str]) -> None:
    """Delete the tables of duplicates that an earlier run, perhaps of another command, left in ``out``, except those written now."""
    for name in FOUND:
        if name not in written:
            (out / name).unlink(missing_ok=True)


def is_own(name: str) -> bool:
    """Say whether a name below an output folder is that of a table or of the state of a run, which no page may have."""
    first = name.partition("/")[0]
    return first in TABLES or first == STATE or CORPUS.fullmatch(first) is not None


def output_path(root: Path, name: str) -> Path:
    """Return the path of a page's output. Raise `InputError` for a name that leads out of the folder, or is no page's but the run's own."""
    path = inside(root, name)
    if is_own(name):
        raise InputError(f"{name!r}: is no page of {root}, but a table or the state of a run: mend or drop this name")
    return path


def check_place(root: Path, name: str) -> None:
    """Raise as writing an output would, `InputError` or `OSError`, where a link, a file or a folder stands in its way."""
    path = output_path(root, name)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    while (path := path.parent) != root:
        if os.path.lexists(path) and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def is_run(folder: Path) -> bool:
    """Say whether a folder is the output of an earlier run, finished or not. A link in the place of its state is none."""
    if _is_folder(folder / STATE) and not is_undo(folder):
        return True
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError, RecursionError):
        report = folder / "report.json"
        return report.is_file() and "cleantext" in json.loads(report.read_text("utf-8")).get("settings", {})
    return False


def is_undo(folder: Path) -> bool:
    """Say whether a folder is the output of an undo that was stopped."""
    return _is_folder(folder / STATE) and _is_folder(folder / STATE / UNDO) and not (folder / "report.json").exists()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def check_output(sources: Iterable[str | Path], pages: Iterable[Source], out: Path, *, ours: Callable[[Path], bool] = is_run) -> None:
    """Refuse an output folder that would endanger anything. Raise `ConfigError` with what to do.

    ``ours`` says of a folder that holds something whether the command may go on in it. Nothing is left behind: the folder is made
    by who writes there.
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
    """Return those of a folder and the folders above it that are not there, the inmost first."""
    return [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of the system say which file was written: those of Arrow and DuckDB do not, nor their number in a field.

    What DuckDB has not memory enough for is a `CleantextError`.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise _named(error.strerror or str(error), error.errno, path) from error
    except Exception as error:
        kind = type(error).__name__ if type(error).__module__.partition(".")[0] in ("duckdb", "_duckdb") else ""
        told = str(error).split("\n", 1)[0]  # below it stands how to configure DuckDB, which no user of a run can do
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
    """Give a temporary name beside ``path``; what is written there gets the name when it is complete, else goes.

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
            error.filename, error.filename2 = str(path), None  # the name that people know
        with contextlib.suppress(OSError):  # else the second error would hide the first
            temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file that is there whole or not at all."""
    with whole(path, sync=sync) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file that a person can read, whole or not at all."""
    write_whole(path, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a row of JSON a line, whole or not at all."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def settle(paths: Iterable[Path]) -> None:
    """Wait until files that were written without `sync` are on the disk: once for many."""
    if hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        with contextlib.suppress(OSError), path.open("rb") as file:
            os.fsync(file.fileno())


def is_name_error(error: OSError) -> bool:
    """Say whether the file system refused a name (too long, a character it cannot hold, taken by another's file or folder), not the writing."""
    taken = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)
    return error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, *taken)


def unwritable(page: str, error: OSError) -> str:
    """Say of a page whose name was refused what to do."""
    return f"{page}: cannot be written: {error.strerror}; rename it, or move away what stands in its place"
