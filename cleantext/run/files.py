"""Files in and out: which pages a folder holds, reading them, and writing so that outputs are whole or absent."""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import glob
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from cleantext.decode import Decoded, decode
from cleantext.errors import ConfigError, InputError
from cleantext.run.packed import MAX_PAGE_BYTES, PACKED, read_bytes, unpacked_name
from cleantext.run.paths import leads_out
from cleantext.transform import Page

__all__ = [
    "IGNORE_FILE",
    "TABLES",
    "Found",
    "Read",
    "Source",
    "check_output",
    "drop_found",
    "find_pages",
    "is_run",
    "read_page",
    "settle",
    "whole",
    "write_json",
    "write_jsonl",
    "write_whole",
]

IGNORE_FILE = ".cleantextignore"
TEXT = {"", ".txt", ".text"}
HTML = {".html", ".htm", ".xhtml", ".shtml"}
UNPACKS = 5  # times: what packed text becomes, about
# What a run writes beside the pages: never read as a page, and no page may be written over it.
TABLES = {
    "report.json",
    "report.html",
    "metadata.jsonl",
    "edits.parquet",
    "duplicates.parquet",
    "duplicates.jsonl",
    "clusters.parquet",
    "boilerplate.parquet",
    "cuts.parquet",
    "events.jsonl",
    "failed.jsonl",
}
# Of these, what a search for duplicates may find.
FOUND = {"duplicates.parquet", "duplicates.jsonl", "clusters.parquet", "boilerplate.parquet", "cuts.parquet", "events.jsonl"}
ADVICE = "convert it first, or leave it out with .cleantextignore"


def _ending(name: str) -> str:
    return PurePosixPath(unpacked_name(name)).suffix.lower()


@dataclass(frozen=True, slots=True)
class Source:
    """One page to read: its file, its id (the path below the folder that was named), and the file's size.

    Bytes of a name that are not UTF-8 stand as %XX in the id, which tables and file names can hold.
    """

    path: Path
    id: str
    size: int

    @classmethod
    def of(cls, path: Path, name: str) -> Source:
        """Describe a file; one that cannot be looked at has size 0 and fails when it is read."""
        with contextlib.suppress(OSError):
            return cls(path, _encodable(name), path.stat().st_size)
        return cls(path, _encodable(name), 0)

    @property
    def weight(self) -> int:
        """The bytes of the page, unpacked, as far as its size tells."""
        return self.size * (UNPACKS if self.path.suffix.lower() in PACKED else 1)

    def read(self, *, most: int = MAX_PAGE_BYTES) -> bytes:
        """Return the bytes of the page, unpacked. Raise `InputError` where that cannot be done, or there are more than ``most``."""
        try:
            return read_bytes(self.path, most=most)
        except (OSError, EOFError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InputError(f"{self.id}: cannot be read: {told}; mend the file or its name, or leave it out with {IGNORE_FILE}") from error

    @property
    def output(self) -> str:
        """The path of the cleaned text below the output folder: packed pages unpacked, HTML pages with .txt behind."""
        name = unpacked_name(self.id)
        return name if _ending(name) not in HTML else name + ".txt"


def _encodable(name: str) -> str:
    return re.sub("[\udc80-\udcff]", lambda m: f"%{ord(m[0]) - 0xDC00:02X}", name)


class Read(NamedTuple):
    """A page as read, its bytes, and how they were decoded."""

    page: Page
    data: bytes
    decoded: Decoded


def read_page(source: Source, *, most: int = MAX_PAGE_BYTES) -> Read:
    """Read, decode and parse one page of at most ``most`` bytes. Raise `InputError` with what, where and what to do."""
    data = source.read(most=most)
    decoded = decode(data)
    if decoded.evidence == "binary":
        raise InputError(f"{source.id}: is binary data, not text: {ADVICE}")
    if not _is_html(source.id, data):
        return Read(Page(decoded.text, id=source.id), data, decoded)
    from cleantext.html import read_html

    try:
        return Read(replace(read_html(decoded.text), id=source.id), data, decoded)
    except Exception as error:
        raise InputError(f"{source.id}: cannot be parsed as HTML: {error!r}; please report it with the page") from error


def _is_html(source_id: str, head: bytes) -> bool:
    """Say whether a page is HTML: by its ending, or for files without one by how it begins."""
    if _ending(source_id) in HTML:
        return True
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return _ending(source_id) == "" and start.startswith((b"<!doctype html", b"<html", b"<head"))


# ---------------------------------------------------------------- finding


@dataclass(slots=True)
class Found:
    """What a search for pages found, and what it left out."""

    pages: list[Source] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # by .cleantextignore
    other: list[str] = field(default_factory=list)  # no text or HTML by their endings, no files, or of an earlier run


def find_pages(sources: Sequence[str | Path]) -> Found:
    """Return the pages of files, folders and glob patterns, sorted by id.

    A folder gives its .txt and .html files (also .gz, .zst, .bz2 and .xz) and files without an ending; hidden files
    are passed over, and so is what a `.cleantextignore` beside the pages lists, a pattern a line.
    """
    found = Found()
    for source in sources:
        path = Path(source)
        if path.is_dir():
            _walk(path, found)
        elif path.exists() or path.is_symlink():
            found.pages.append(Source.of(path, path.name))
        else:
            matches = sorted(glob.glob(str(source), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
            if not matches:
                raise InputError(f"{source}: no such file or folder; check the path")
            fixed = Path(*[p for n, p in enumerate(path.parts) if not any(glob.has_magic(q) for q in path.parts[: n + 1])])
            found.pages += [Source.of(Path(m), Path(m).relative_to(fixed).as_posix()) for m in matches if Path(m).is_file()]
    found.pages.sort(key=lambda s: s.id)
    _check_outputs([s.output for s in found.pages])
    return found


def _check_outputs(outputs: Sequence[str]) -> None:
    twice = [o for o, n in Counter(outputs).items() if n > 1]
    if twice:
        raise ConfigError(
            f"{len(twice)} outputs would be written twice, first {twice[0]!r}: rename one of the pages, or clean them in two runs"
        )
    names = set(outputs)
    for output in outputs:
        if leads_out(output):
            raise ConfigError(f"page {output!r} would be written outside the output: name its folder, or rename the page")
        for folder in PurePosixPath(output).parents:
            if str(folder) in names:
                raise ConfigError(f"page {str(folder)!r} has the name of the folder of page {output!r}: rename one of them")
        if output in TABLES or PurePosixPath(output).parts[0] in TABLES:
            raise ConfigError(f"page {output!r} has the name of a table that the run writes: rename it")


def _walk(root: Path, found: Found) -> None:
    ignores: dict[Path, list[str]] = {}
    for folder, names, files in os.walk(root, onerror=lambda e: found.other.append(f"{e.filename} ({e.strerror})")):
        here = Path(folder)
        if IGNORE_FILE in files:
            lines = (here / IGNORE_FILE).read_text("utf-8", "replace").splitlines()
            ignores[here] = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        for name in sorted(names):
            inner = here / name
            if name.startswith("."):
                names.remove(name)
            elif _ignored(inner, root, ignores, folder=True):
                names.remove(name)
                found.ignored.append(inner.relative_to(root).as_posix() + "/")
            elif inner.is_symlink():
                found.other.append(inner.relative_to(root).as_posix() + "/ (a link)")
        names.sort()
        tables = TABLES if "report.json" in files and is_run(here) else set()
        for name in sorted(files):
            path = here / name
            page_id = path.relative_to(root).as_posix()
            if name.startswith("."):
                continue
            if _ignored(path, root, ignores, folder=False):
                found.ignored.append(_encodable(page_id))
            elif name not in tables and _ending(name) in TEXT | HTML and (path.is_file() or path.is_symlink()):
                found.pages.append(Source.of(path, page_id))
            else:
                found.other.append(_encodable(page_id))


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


# ---------------------------------------------------------------- the output folder


def drop_found(out: Path, written: Container[str]) -> None:
    """Delete the tables of duplicates that an earlier run, perhaps of another command, left in ``out``, except those written now."""
    for name in FOUND:
        if name not in written:
            (out / name).unlink(missing_ok=True)


def is_run(folder: Path) -> bool:
    """Say whether a folder is the output of an earlier run, finished or not."""
    if (folder / ".cleantext").is_dir():
        return True
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return "cleantext" in json.loads((folder / "report.json").read_text("utf-8")).get("settings", {})
    return False


def check_output(sources: Iterable[str | Path], pages: Iterable[Source], out: Path) -> None:
    """Refuse an output folder that would endanger anything. Raise `ConfigError` with what to do."""
    target = out.resolve()
    if _encodable(str(target)) != str(target):
        raise ConfigError(
            f"output {_encodable(str(target))}: its path has bytes that are not UTF-8: name a folder that tables can name, too"
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
    if out.is_dir() and any(out.iterdir()) and not is_run(out):
        raise ConfigError(f"output {out} holds files that cleantext did not write: name a new or empty folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".cleantext-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigError(f"output {out} cannot be written: {error.strerror}; choose another folder or mend its permissions") from error


@contextlib.contextmanager
def whole(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what is written there gets the name when it is complete, else goes.

    Without ``sync`` the bytes may still be in the system's cache: see `settle`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}.{os.getpid()}.part")
    try:
        yield temporary
        if sync:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
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
    """Say whether the file system refused a name (too long, a character it cannot hold), not the writing."""
    return error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
