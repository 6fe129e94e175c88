"""A file to read: its location, on this machine or anywhere that fsspec can open, and its name in tables."""

from __future__ import annotations

import contextlib
import hashlib
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, BinaryIO

from cleantext.errors import ConfigError, InputError
from cleantext.run.readers.packed import MAX_PAGE_BYTES, PACKED, read_bytes, unpacked_name
from cleantext.run.readers.sniff import TEXT, ending_of

__all__ = ["IGNORE_FILE", "Remote", "Source", "encodable", "is_remote", "output_name", "remote_files", "state_of", "tree_name"]

IGNORE_FILE = ".cleantextignore"
UNPACKS = 5  # approximate ratio of unpacked to compressed text
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that fsspec opens, with the methods of `Path` that reading needs."""

    address: str
    size: int = 0
    state: str = ""  # identifies its version: etag or time

    @property
    def name(self) -> str:
        """The last part of its address."""
        return PurePosixPath(self.address).name

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePosixPath(self.address).suffix

    @property
    def parents(self) -> tuple[Path, ...]:
        """Empty: it is in no folder of this machine."""
        return ()

    def open(self, mode: str = "rb") -> BinaryIO:
        """Open it for reading. Raise `OSError`."""
        import fsspec

        return fsspec.open(self.address, mode).open()  # type: ignore[no-any-return]

    def stat(self) -> Any:
        """Return its size, and that it is a file."""
        return SimpleNamespace(st_size=self.size, st_mode=stat.S_IFREG, st_mtime_ns=self.state, st_ctime_ns=0, st_ino=0)

    def is_file(self) -> bool:
        """Return True."""
        return True

    def resolve(self) -> Remote:
        """Return itself: there are no links."""
        return self

    absolute = resolve

    def __str__(self) -> str:
        return self.address


def is_remote(name: object) -> bool:
    """Return whether a name is an address, such as ``s3://bucket/a.warc.gz``.

    >>> is_remote("s3://bucket/a.warc.gz"), is_remote("crawl/a.warc.gz"), is_remote("C://a")
    (True, False, False)
    """
    return isinstance(name, str) and _ADDRESS.match(name) is not None


def remote_files(address: str) -> list[tuple[Remote, str]]:
    """Return the files of an address, which may be a pattern or a folder, each with its name below that, sorted.

    Raise `ConfigError` if fsspec, or its package for such addresses, is not installed, and `InputError` if nothing is there.
    """
    scheme = address.partition("://")[0]
    if scheme in ("http", "https"):
        raise ConfigError(f"{address}: pages are not fetched from the web: crawl them first, and name the files")
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise ConfigError(
            f"{address}: needs the package fsspec, and for {scheme}:// the one that opens it ({error}): pip install them"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{address}: {error}; name files, folders, or an address that fsspec opens") from error
    try:
        if any(c in path for c in "*?["):
            found = {name: system.info(name) for name in sorted(system.glob(path))}
            root = re.split(r"[*?\[]", path, maxsplit=1)[0].rpartition("/")[0]
        else:
            found = dict(sorted(system.find(path, detail=True).items()))
            root = path.rstrip("/") if path not in found else path.rpartition("/")[0]
    except Exception as error:  # each file system has its own errors
        raise InputError(f"{address}: cannot be read: {error}") from error
    files = [
        (
            Remote(f"{scheme}://{name.lstrip('/') if scheme != 'file' else name}", int(info.get("size") or 0), _version(info)),
            _below(name, root),
        )
        for name, info in found.items()
        if info.get("type") != "directory" and not PurePosixPath(name).name.startswith(".")
    ]
    if not files:
        raise InputError(f"{address}: no such file or folder; check the address")
    return files


def _version(info: dict[str, Any]) -> str:
    return str(info.get("ETag") or info.get("etag") or info.get("LastModified") or info.get("mtime") or info.get("created") or "")


def _below(name: str, root: str) -> str:
    return name[len(root) :].strip("/") if root and name.startswith(root) else name.strip("/")


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read, its id (the path below the folder that was named), and its size.

    Bytes of a name that are not UTF-8 are written as %XX in the id, which tables and file names can hold. ``kind`` is the kind of the file
    by its first bytes (`cleantext.run.readers.sniff`), if it was examined.
    """

    path: Path | Remote
    id: str
    size: int
    kind: str = ""

    @classmethod
    def of(cls, path: Path | Remote, name: str) -> Source:
        """Describe a file; one without access has size 0 and fails when it is read."""
        with contextlib.suppress(OSError):
            return cls(path, encodable(name), path.stat().st_size)
        return cls(path, encodable(name), 0)

    @property
    def weight(self) -> int:
        """The approximate unpacked size of the file in bytes, estimated from its size."""
        return self.size * (UNPACKS if self.path.suffix.lower() in PACKED else 1)

    def read(self, *, most: int = MAX_PAGE_BYTES) -> bytes:
        """Return the bytes of the file, unpacked. Raise `InputError` if that fails, or there are more than ``most``."""
        try:
            return read_bytes(self.path, most=most)
        except (OSError, EOFError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InputError(f"{self.id}: cannot be read: {told}; {_next_step(error)}") from error

    @property
    def state(self) -> tuple[Any, ...]:
        """Values that change when the file does: programs can set its size and time (``cp -p``), but not its change time or inode number."""
        return state_of(self.path)

    @property
    def output(self) -> str:
        """The path of the cleaned text below the output folder: see `output_name`."""
        return output_name(self.id)


def state_of(path: Path | Remote) -> tuple[Any, ...]:
    """Return what distinguishes two versions of a file: its size, times and inode number; empty without access."""
    try:
        held = path.stat()
    except OSError:
        return ()
    return held.st_size, held.st_mtime_ns, held.st_ctime_ns, held.st_ino


def _next_step(error: Exception) -> str:
    """Return what to do about a file that cannot be read, depending on the error."""
    if isinstance(error, IsADirectoryError):
        return "name a file in it; `cleantext clean` and `cleantext dedup` take whole folders"
    if isinstance(error, FileNotFoundError):
        return "check the path; a link may lead to what is gone"
    if isinstance(error, PermissionError):
        return f"give yourself the right to read it, or leave it out with {IGNORE_FILE}"
    if isinstance(error, OSError):
        return f"check the disk and the name, or leave it out with {IGNORE_FILE}"
    if isinstance(error, EOFError):
        return f"fetch or pack it again, or leave it out with {IGNORE_FILE}"
    return f"mend the file, or leave it out with {IGNORE_FILE}"


LONGEST_NAME = 255  # bytes of a file's name, in all common file systems


def output_name(name: str) -> str:
    """Return the path of the cleaned text of a page below the output folder: without endings of compression, with .txt added unless it is a text.

    A name that is too long for the file system ends in a digest of the whole name instead.

    >>> output_name("news/1.html.gz"), output_name("news/2.txt")
    ('news/1.html.txt', 'news/2.txt')
    """
    name = unpacked_name(name)
    return "/".join(map(_short, (name if ending_of(name) in TEXT else f"{name}.txt").split("/")))


def tree_name(name: str) -> str:
    """Return the path of the cleaned text of a record, whose id may be an address: parts that are invalid in paths become %XX.

    >>> tree_name("news.example.cn/a/"), tree_name("../a.html")
    ('news.example.cn/a/index.txt', '%2E%2E/a.html.txt')
    """
    parts = [
        f"%2E{part[1:].replace('.', '%2E')}" if part in (".", "..") else re.sub(r'[\\\0:*?"<>|\x01-\x1f]', _escaped, part)
        for part in name.split("/")
    ]
    parts = [part or ("index" if n == len(parts) - 1 else "%") for n, part in enumerate(parts)]
    return "/".join(
        map(_short, [*parts[:-1], f"{parts[-1]}.txt" if ending_of(parts[-1]) not in TEXT or "." not in parts[-1] else parts[-1]])
    )


def _escaped(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def _short(name: str) -> str:
    data = name.encode("utf-8", "surrogateescape")
    if len(data) <= LONGEST_NAME:
        return name
    behind = f"~{hashlib.sha256(data).hexdigest()[:16]}{'.txt' if name.endswith('.txt') else ''}"
    return data[: LONGEST_NAME - len(behind)].decode("utf-8", "ignore") + behind


def encodable(name: str) -> str:
    """Return a name with %XX for each byte that is not UTF-8."""
    return re.sub("[\udc80-\udcff]", lambda m: f"%{ord(m[0]) - 0xDC00:02X}", name)
