"""Archives of pages: zip and tar, also compressed."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cleantext.decode import decode
from cleantext.run.readers.packed import MAX_PAGE_BYTES, PACKED, Stream, unpacked
from cleantext.run.readers.page_batches import Batches
from cleantext.run.readers.sniff import HTML, TEXT, ending_of, kind_of
from cleantext.run.readers.source import Source, encodable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_tar", "read_zip"]

UTF8_NAME = 0x800  # flag of a member of a zip file


def read_zip(source: Source, most: int = MAX_PAGE_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield the pages of a zip file, sorted by name. Members that are not pages are counted; a broken member fails alone."""
    batches = Batches(source.id)
    try:
        with source.path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = sorted(((_name(m), m) for m in archive.infolist() if not m.is_dir()), key=lambda pair: pair[0])
            for number, (name, member) in enumerate(members, 1):
                try:
                    data = b"" if member.file_size > most else archive.open(member).read(most + 1)
                    why = _too_large(member.file_size, most) if member.file_size > most or len(data) > most else ""
                except (RuntimeError, OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                    data, why = b"", str(error)
                if _add(batches, source, name, data, number, why, most):
                    yield batches.take()
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        batches.fail(0, f"{source.path}: not a zip file that can be read: {error}; left out")
    yield from batches.rest()


def _name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member: Chinese systems write GBK, which the zip format treats as code page 437."""
    if member.flag_bits & UTF8_NAME or member.filename.isascii():
        return member.filename
    try:
        return decode(member.orig_filename.encode("cp437")).text
    except UnicodeEncodeError:
        return member.filename


def read_tar(source: Source, most: int = MAX_PAGE_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield the pages of a tar file, also compressed, in order. Members that are not pages are counted; a truncated file ends at the truncation."""
    batches = Batches(source.id)
    number = 0
    try:
        with tarfile.open(fileobj=Stream(source.path), mode="r|", errorlevel=1) as archive:
            for member in archive:
                if not member.isfile():
                    batches.skipped["no file"] += not member.isdir()
                    continue
                number += 1
                held = archive.extractfile(member) if member.size <= most else None
                data = held.read(most + 1) if held else b""
                why = _too_large(member.size, most) if member.size > most else ""
                if _add(batches, source, member.name.removeprefix("./"), data, number, why, most):
                    yield batches.take()
    except (OSError, tarfile.TarError, ValueError, EOFError) as error:
        batches.fail(number + 1, f"{source.path}, member {number + 1}: {error}; left out, with all that follows")
    yield from batches.rest()


def _too_large(size: int, most: int) -> str:
    return f"has {size:,} bytes, more than {most:,}, which is no page (`clean --max-page-bytes` allows it)"


def _add(batches: Batches, source: Source, name: str, data: bytes, number: int, why: str, most: int) -> bool:
    """Add a member as a page, or count it by its kind."""
    if PurePosixPath(name).name.startswith(".") or "/." in f"/{name}":
        return False
    name = encodable(name)
    if not why:
        data, why = _unpacked(name, data, most)
    kind = kind_of(data, name)
    named = ending_of(name) in TEXT | HTML
    if not (named if why or kind.name == "binary" else kind.group == "page" and (named or kind.name == "html")):
        batches.skipped["text of another ending" if kind.name == "text" else kind.name] += 1
        return False
    if why:
        return batches.fail(number, f"{source.path}, {name}: {why}; left out", name=name)
    return batches.add(name, data, number=number)


def _unpacked(name: str, data: bytes, most: int) -> tuple[bytes, str]:
    """Return the bytes of a compressed member, or the reason why it cannot be read."""
    while (ending := PurePosixPath(name).suffix.lower()) in PACKED:
        try:
            data = unpacked(data, ending, most=most)
        except (ValueError, EOFError) as error:
            return b"", str(error)
        name = name[: -len(ending)]
    return data, ""
