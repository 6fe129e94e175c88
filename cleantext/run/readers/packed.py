"""Compressed files (.gz, .zst, .bz2, .xz), read in small pieces: a malicious one fails before it fills the memory."""

from __future__ import annotations

import errno
import io
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    from cleantext.run.readers.source import Remote

    File: TypeAlias = Path | Remote

__all__ = [
    "MAX_LINE_BYTES",
    "MAX_PAGE_BYTES",
    "MAX_TEXT_BYTES",
    "PACKED",
    "Stream",
    "lines_of",
    "pieces_of",
    "read_bytes",
    "unpacked",
    "unpacked_name",
]

MAX_PAGE_BYTES = 32_000_000  # of one page, unpacked: a book has 10 MB; cleaning takes up to 25 times as much memory
MAX_TEXT_BYTES = 1 << 30  # of one text that is only compared, not cleaned
MAX_LINE_BYTES = 1 << 28  # of one line of a table of texts
# Compression ratios: zeros reach a thousand (gzip) to thirty thousand (zstd, bzip2), web pages 3 to 30, and one line
# repeated again and again 200. Short pages may have any ratio.
MAX_RATIO = 250
RATIO_FROM = 8_000_000  # unpacked bytes above which the ratio is checked
PIECE = 1 << 10  # compressed bytes taken at once: 1,024 bytes of zstd become 32 MB at most
READ = 1 << 18  # bytes read or unpacked at once


def _gzip() -> Any:
    return zlib.decompressobj(wbits=31)


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


def _bzip2() -> Any:
    import bz2

    return bz2.BZ2Decompressor()


def _xz() -> Any:
    import lzma

    return lzma.LZMADecompressor(memlimit=1 << 28)


# Each makes an object with `decompress`, `eof` and `unused_data`, for one member or frame.
PACKED: dict[str, Callable[[], Any]] = {
    ".gz": _gzip,
    ".zst": _zstd,
    ".bz2": _bzip2,
    ".xz": _xz,
    ".tgz": _gzip,
    ".tbz2": _bzip2,
    ".txz": _xz,
}


def unpacked_name(name: str) -> str:
    """Return a name without the endings of compression.

    >>> unpacked_name("news/1.html.GZ")
    'news/1.html'
    """
    path = PurePath(name)
    while path.suffix.lower() in PACKED:
        name = name[: -len(path.suffix)]
        path = PurePath(name)
    return name


def read_bytes(path: File, *, most: int = MAX_PAGE_BYTES) -> bytes:
    """Return the unpacked bytes of a file. Raise `ValueError` if there are more than ``most``, or it is broken; `EOFError` if it is truncated."""
    held = path.stat()
    if stat.S_ISDIR(held.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if held.st_size > most:
        raise ValueError(_too_large("has", most))
    parts, size, packed = [], 0, path.suffix.lower() in PACKED
    for piece, taken in _pieces(path):
        size += len(piece)
        if size > most:
            raise ValueError(_too_large("unpacks to" if packed else "has", most))
        if packed and size > max(RATIO_FROM, taken * MAX_RATIO):
            raise ValueError(f"unpacks to more than {MAX_RATIO} times its size: it was made to fill memories")
        parts.append(piece)
    return b"".join(parts)


def unpacked(data: bytes, ending: str, *, most: int = MAX_PAGE_BYTES) -> bytes:
    """Return bytes unpacked. Raise `ValueError` and `EOFError` like `read_bytes`."""
    parts, size = [], 0
    for piece in _unpacked([data], ending):
        size += len(piece)
        if size > most:
            raise ValueError(_too_large("unpacks to", most))
        if size > max(RATIO_FROM, len(data) * MAX_RATIO):
            raise ValueError(f"unpacks to more than {MAX_RATIO} times its size: it was made to fill memories")
        parts.append(piece)
    return b"".join(parts)


def _too_large(what: str, most: int) -> str:
    return f"{what} more than {most:,} bytes, which is no page (`clean --max-page-bytes` allows it)"


def lines_of(path: File, *, most: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Yield the lines of a file, unpacked, without line breaks. Raise like `read_bytes`, also for a line of more than ``most`` bytes."""
    held: list[bytes] = []
    size = 0
    for piece, _ in _pieces(path):
        *lines, rest = piece.split(b"\n")
        for line in lines:
            yield b"".join([*held, line])
            held, size = [], 0
        held.append(rest)
        size += len(rest)
        if size > most:
            raise ValueError(f"a line of more than {most:,} bytes: break it up")
    if size:
        yield b"".join(held)


def pieces_of(path: File) -> Iterator[bytes]:
    """Yield the unpacked pieces of a file. Raise `OSError`, `ValueError` and `EOFError` like `read_bytes`."""
    return (piece for piece, _ in _pieces(path) if piece)


class Stream(io.RawIOBase):
    """The unpacked bytes of a file as a file object for sequential reading."""

    def __init__(self, path: File) -> None:
        self.pieces, self.held, self.at = pieces_of(path), memoryview(b""), 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; none at the end."""
        while not self.held:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.held = memoryview(piece)
        n = min(len(buffer), len(self.held))
        buffer[:n], self.held = self.held[:n], self.held[n:]
        self.at += n
        return n

    def tell(self) -> int:
        """Return the number of bytes read."""
        return self.at


def _pieces(path: File) -> Iterator[tuple[bytes, int]]:
    """Yield the unpacked pieces of a file, each with the compressed bytes read so far."""
    taken = 0

    def read() -> Iterator[bytes]:
        nonlocal taken
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe without a writer would block forever
            raise ValueError("is not a file: write it to one first")
        with path.open("rb") as file:
            while piece := file.read(READ):
                for start in range(0, len(piece), PIECE) if layers else (0,):
                    part = piece[start : start + PIECE] if layers else piece
                    taken += len(part)
                    yield part

    layers, name = [], path.name
    while (ending := PurePath(name).suffix.lower()) in PACKED:
        layers.append(ending)
        name = name[: -len(ending)]
    pieces: Iterable[bytes] = read()
    for ending in layers:
        pieces = _unpacked(pieces, ending)
    for piece in pieces:
        yield piece, taken


def _unpacked(pieces: Iterable[bytes], ending: str) -> Iterator[bytes]:
    """Unpack a stream of one format: all its members and frames. Raise `ValueError` or `EOFError`."""
    make, member = PACKED[ending], None
    for given in pieces:
        for start in range(0, len(given), PIECE):
            piece = given[start : start + PIECE]
            while piece:
                if member is None:
                    piece = piece if ending == ".zst" else piece.lstrip(b"\0")  # padding after the last member
                    if not piece:
                        break
                    member = make()
                try:
                    yield from _outputs(member, piece)
                except Exception as error:  # zlib, zstandard, lzma and bz2 have different error classes
                    raise ValueError(f"not packed as {ending} or damaged: {error}") from error
                piece, member = (member.unused_data, None) if member.eof else (b"", member)
    if member is not None:
        raise EOFError(f"the {ending} file is cut off")


def _outputs(member: Any, piece: bytes) -> Iterator[bytes]:
    """Yield the output of a piece: at once for zlib and zstandard, whose pieces have bounded outputs, otherwise in small steps."""
    if not hasattr(member, "needs_input"):
        yield member.decompress(piece)
        return
    while piece or not (member.eof or member.needs_input):
        yield member.decompress(piece, READ)
        piece = b""
