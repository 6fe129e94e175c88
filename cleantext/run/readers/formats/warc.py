"""WARC and WET files: the responses of a crawl, and the texts extracted from them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from cleantext.run.readers.packed import MAX_PAGE_BYTES, PACKED, Stream
from cleantext.run.readers.page_batches import FLAG_CUT, Batches
from cleantext.run.readers.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_warc"]

PAGES = {"text/html", "application/xhtml+xml", "text/plain", "application/vnd.wap.xhtml+xml", ""}
STREAMED = {".gz"}  # compressions that fastwarc reads record by record itself
SEARCH = 1 << 20  # bytes searched at once for the start of the next record
GZIP, PLAIN = b"\x1f\x8b\x08", b"WARC/1."


def read_warc(source: Source, most: int = MAX_PAGE_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield the pages of a WARC or WET file: HTML and plain text with a success status. Other records are counted.

    The charset of the HTTP header is a hint. A record that is damaged, truncated, or larger than ``most`` bytes fails alone: reading continues
    with the next record that can be found.
    """
    batches = Batches(source.id)
    failed = False
    for number, given in enumerate(_records(source), 1):
        full, before, failed, record = False, failed, False, given
        if not isinstance(record, str):
            try:
                full = _add(batches, record, number, most)
            except Exception as error:  # noqa: BLE001 - of a record alone, whatever it holds
                record, before = str(error), False
        if isinstance(record, str):
            failed = True
            if not before:  # otherwise it is the damage of the previous record, found again
                full = batches.fail(number, f"{source.path}, record {number}: {record}; left out")
        if full:
            yield batches.take()
    yield from batches.rest()


def _records(source: Source) -> Iterator[Any]:
    """Yield the records of a file, and a message for each stretch that is not a record."""
    from fastwarc.warc import ArchiveIterator

    with contextlib.ExitStack() as stack:
        endings = [ending for ending in PACKED if source.path.name.lower().endswith(ending)]
        single = not endings or set(endings) <= STREAMED
        file: Any = stack.enter_context(source.path.open("rb") if single else Stream(source.path))
        mark, start = (GZIP if endings else PLAIN), 0
        while True:
            at = start
            if start:
                file.seek(start)
            try:
                for record in ArchiveIterator(file, parse_http=False):
                    at = max(at, record.stream_pos)
                    yield record
            except (OSError, ValueError, EOFError) as error:
                yield f"damaged: {error}"
                found = _next(file, mark, at + 1) if single and file.seekable() else None
                # The last record that was read is complete: the damage is after it.
                while found is not None and not _begins(file, found):
                    found = _next(file, mark, found + 1)
                if found is None:
                    return
                start = found
                continue
            return


def _next(file: BinaryIO, mark: bytes, start: int) -> int | None:
    """Return the next offset of a mark, beginning at ``start``."""
    file.seek(start)
    before = b""
    at = start
    while piece := file.read(SEARCH):
        found = (before + piece).find(mark)
        if found >= 0:
            return at - len(before) + found
        at += len(piece)
        before = (before + piece)[-len(mark) + 1 :]
    return None


def _begins(file: BinaryIO, at: int) -> bool:
    """Return whether a record begins at an offset: the same bytes may also occur inside others."""
    import zlib

    file.seek(at)
    head = file.read(4096)
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 64)
        except zlib.error:
            return False
    return head.startswith(b"WARC/")


def _add(batches: Batches, record: Any, number: int, most: int) -> bool:
    from fastwarc.warc import WarcRecordType as Kind

    kind = record.record_type
    if kind not in (Kind.response, Kind.conversion, Kind.resource):
        if kind != Kind.warcinfo:
            batches.skipped[str(kind)] += 1
        return False
    headers = record.headers
    url = (headers.get("WARC-Target-URI") or "").strip("<> ") or None
    size = record.content_length
    if size > most:
        return batches.fail(number, f"{url}: has {size:,} bytes, more than {most:,} (`clean --max-page-bytes` allows it)")
    block = record.reader.read()
    if len(block) < size:
        return batches.fail(number, f"{url}: cut off: {len(block):,} of {size:,} bytes are there; left out")
    cut = {"flags": FLAG_CUT} if headers.get("WARC-Truncated") else {}
    if kind == Kind.conversion:
        return batches.add(None, block, number=number, url=url, kind="text", decoded=True)
    charset, content_type, status = None, (headers.get("Content-Type") or "").partition(";")[0].strip().lower(), 200
    if kind == Kind.response and record.is_http:
        record.set_bytes_content(block)
        record.parse_http(auto_decode="all")
        block = record.reader.read()
        content_type = (record.http_content_type or "").lower()
        charset = record.http_charset
        status = record.http_headers.status_code or 200 if record.http_headers else 200
    elif kind == Kind.response:
        content_type = ""
    if not 200 <= status < 300:
        batches.skipped[f"status {status}"] += 1
        return False
    if content_type not in PAGES:
        batches.skipped[
            content_type.partition("/")[0] if content_type.startswith(("image/", "audio/", "video/", "font/")) else content_type
        ] += 1
        return False
    if len(block) > most:
        return batches.fail(number, f"{url}: unpacks to {len(block):,} bytes, more than {most:,} (`clean --max-page-bytes` allows it)")
    return batches.add(None, block, number=number, url=url, kind="html" if "html" in content_type else "", charset=charset, **cut)
