"""Files in and out: which pages a folder holds, reading them, and writing so that outputs are whole or absent."""

from __future__ import annotations

import fnmatch
import glob
import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cleantext.errors import ConfigError, InputError

__all__ = ["IGNORE_FILE", "Found", "Source", "check_output", "find_pages", "is_html", "write_json", "write_jsonl", "write_whole"]

IGNORE_FILE = ".cleantextignore"
TEXT = {"", ".txt", ".text"}
HTML = {".html", ".htm", ".xhtml", ".shtml"}
PACKED = {".gz", ".zst"}


@dataclass(frozen=True, slots=True)
class Source:
    """One page to read: its file, its id (the path below the folder that was named), and the file's size."""

    path: Path
    id: str
    size: int

    def read(self) -> bytes:
        """Return the bytes of the page, unpacked."""
        data = self.path.read_bytes()
        if self.path.suffix == ".gz":
            return gzip.decompress(data)
        if self.path.suffix == ".zst":
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        return data

    @property
    def output(self) -> str:
        """The path of the cleaned text below the output folder: HTML pages and packed ones end in .txt."""
        path = PurePosixPath(self.id)
        while path.suffix in PACKED:
            path = path.with_suffix("")
        return str(path if path.suffix not in HTML else path.with_name(path.name + ".txt"))


@dataclass(slots=True)
class Found:
    """What a search for pages found, and what it left out."""

    pages: list[Source] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # by .cleantextignore
    other: list[str] = field(default_factory=list)  # endings that are no pages


def is_html(source_id: str, head: bytes) -> bool:
    """Say whether a page is HTML, by its ending or, for files without one, by how it begins."""
    path = PurePosixPath(source_id)
    while path.suffix in PACKED:
        path = path.with_suffix("")
    if path.suffix.lower() in HTML:
        return True
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return path.suffix == "" and start.startswith((b"<!doctype html", b"<html", b"<head"))


def find_pages(sources: Sequence[str | Path]) -> Found:
    """Return the pages of files, folders and glob patterns, sorted by id.

    A folder gives its .txt and .html files (also .gz and .zst) and files without an ending; hidden files
    are passed over, and so is what a `.cleantextignore` beside the pages lists, a pattern a line.
    """
    found = Found()
    for source in sources:
        path = Path(source)
        if path.is_dir():
            _walk(path, found)
        elif path.exists():
            found.pages.append(Source(path, path.name, path.stat().st_size))
        else:
            matches = sorted(glob.glob(str(source), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
            if not matches:
                raise InputError(f"{source}: no such file or folder; check the path")
            found.pages += [Source(Path(m), PurePosixPath(m).name, Path(m).stat().st_size) for m in matches if Path(m).is_file()]
    twice = [i for i, n in Counter(s.output for s in found.pages).items() if n > 1]
    if twice:
        raise ConfigError(f"{len(twice)} pages would be written twice, first {twice[0]!r}: give one folder that holds them all")
    found.pages.sort(key=lambda s: s.id)
    return found


def _walk(root: Path, found: Found) -> None:
    ignores: dict[Path, list[str]] = {}
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(n for n in names if not n.startswith("."))
        if IGNORE_FILE in files:
            lines = (here / IGNORE_FILE).read_text("utf-8").splitlines()
            ignores[here] = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        for name in list(names):
            if _ignored(here / name, root, ignores, folder=True):
                names.remove(name)
                found.ignored.append((here / name).relative_to(root).as_posix() + "/")
        for name in sorted(files):
            path = here / name
            page_id = path.relative_to(root).as_posix()
            if name.startswith("."):
                continue
            if _ignored(path, root, ignores, folder=False):
                found.ignored.append(page_id)
            elif _ending(name) in TEXT | HTML:
                found.pages.append(Source(path, page_id, path.stat().st_size if path.exists() else 0))
            else:
                found.other.append(page_id)


def _ending(name: str) -> str:
    path = PurePosixPath(name)
    while path.suffix in PACKED:
        path = path.with_suffix("")
    return path.suffix.lower()


def _ignored(path: Path, root: Path, ignores: dict[Path, list[str]], *, folder: bool) -> bool:
    for base in (path.parent, *path.parent.parents):
        for pattern in ignores.get(base, ()):
            name = path.relative_to(base).as_posix()
            if pattern.endswith("/"):
                if folder and fnmatch.fnmatch(name, pattern[:-1]):
                    return True
            elif fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(path.name, pattern):
                return True
        if base == root:
            return False
    return False


def check_output(sources: Iterable[str | Path], out: Path) -> None:
    """Refuse an output folder that would endanger anything. Raise `ConfigError` with what to do."""
    target = out.resolve()
    for source in sources:
        origin = Path(source).resolve()
        if target == origin or (origin.is_dir() and origin in target.parents):
            raise ConfigError(f"output {out} lies inside the input {source}: choose a folder outside, so that outputs never become inputs")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"output {out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not ((out / "report.json").exists() or (out / ".cleantext").exists()):
        raise ConfigError(f"output {out} holds files that cleantext did not write: name a new or empty folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".cleantext-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigError(f"output {out} cannot be written: {error.strerror}; choose another folder or mend its permissions") from error


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file that is there whole or not at all: a temporary name beside it, then a rename.

    Without ``sync`` the bytes may still be in the system's cache; a shard syncs once for all its pages.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file that a person can read, whole or not at all."""
    write_whole(path, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a row of JSON a line, whole or not at all."""
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
