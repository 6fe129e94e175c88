"""Turn one record into one page: decode it, and parse it if it is HTML."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from cleantext.decode import Decoded, decode
from cleantext.errors import InputError
from cleantext.run.readers.packed import MAX_PAGE_BYTES
from cleantext.run.readers.page_batches import Row
from cleantext.run.readers.sniff import KINDS, Kind, kind_of
from cleantext.run.readers.source import Source
from cleantext.transform import Page

__all__ = ["ReadPage", "read_page", "read_record", "refusal"]


class ReadPage(NamedTuple):
    """A page as read, its bytes, and how they were decoded."""

    page: Page
    data: bytes
    decoded: Decoded


def read_page(source: Source, *, most: int = MAX_PAGE_BYTES) -> ReadPage:
    """Read, decode and parse one page of at most ``most`` bytes. Raise `InputError` with what, where and what to do."""
    return read_record(Row(source.id, source.read(most=most), source=source.id), most=most)


def read_record(row: Row, *, most: int = MAX_PAGE_BYTES) -> ReadPage:
    """Decode and parse a page of at most ``most`` bytes. Raise `InputError` with what, where and what to do."""
    data = row.content
    if row.error is not None:
        raise InputError(row.error)
    if len(data) > most:
        raise InputError(f"{row.id}: has more than {most:,} bytes, which is no page (`clean --max-page-bytes` allows it)")
    decoded = Decoded(data.decode("utf-8", "replace"), row.charset or "utf-8", "utf-8") if row.decoded else decode(data, hint=row.charset)
    kind = row.kind or _kind(row, decoded)
    if kind not in ("html", "text"):
        raise InputError(f"{row.id}: {refusal(KINDS[kind])}")
    made = Page(decoded.text, id=row.id)
    if kind == "html":
        from cleantext.html import read_html

        try:
            made = _ended(replace(read_html(decoded.text, url=row.url), id=row.id))
        except Exception as error:
            raise InputError(f"{row.id}: cannot be parsed as HTML: {error!r}; please report it with the page") from error
    elif row.decoded is False and decoded.evidence == "binary":
        raise InputError(f"{row.id}: {refusal(KINDS['binary'])}")
    if row.url or row.host or row.flags or row.published:
        metadata = made.metadata
        if row.published and "published" not in metadata:
            metadata = {**metadata, "published": row.published}
        made = replace(
            made, url=row.url or made.url, host=row.host or made.host, metadata=metadata, flags=(*made.flags, *row.flags.split())
        )
    return ReadPage(made, data, decoded)


def _kind(row: Row, decoded: Decoded) -> str:
    """Return the kind of a page by its bytes, and by the file name if it has its own file."""
    if row.decoded:  # text in a table: HTML only if it begins as a document
        found = kind_of(row.content, ".txt")
        return found.name if found.name == "html" else "text"
    found = kind_of(row.content, row.id)
    if found.group == "page" and decoded.evidence == "binary":
        return "binary"
    return found.name


def _ended(page: Page) -> Page:
    """Return an HTML page with a line break after its last line, like a text file."""
    if not page.text or page.text.endswith("\n"):
        return page
    return replace(page, text=f"{page.text}\n", html=(*page.html[:-1], page.html[-1]._replace(end=len(page.text) + 1)))


def refusal(kind: Kind) -> str:
    """Return a message: what a file is that is not a page, and what to do with it."""
    return f"is {kind.what}, and no page: {kind.advice}"
