"""Write made-up crawls: WARC, a tree of HTML, JSON lines or Parquet by the name of the file, and what was planted as `truth.parquet`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zlib import Z_DEFAULT_STRATEGY, compressobj

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

if TYPE_CHECKING:
    from benchmarks.crawl import CrawlPage

SPAN = pa.struct(
    [("start", pa.int32()), ("end", pa.int32()), ("source", pa.string()), ("source_start", pa.int32()), ("source_end", pa.int32())]
)
TRUTH = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("host", pa.string()),
        pa.field("role", pa.string()),  # original, exact, near, far, passage, negative
        pa.field("cluster", pa.int64()),  # the same for all copies of a text; null for a page that has none
        pa.field("origin", pa.string()),  # the page that this one was copied from, took a passage of, or resembles; null otherwise
        pa.field("jaccard", pa.float64()),  # to the text of the origin, exact, on clean text
        pa.field("edits", pa.list_(pa.string())),
        pa.field("passages", pa.list_(SPAN)),  # in characters of the clean texts
        pa.field("script", pa.string()),
        pa.field("charset", pa.string()),
        pa.field("declared", pa.string()),
        pa.field("template", pa.string()),
        pa.field("damage", pa.string()),
        pa.field("repairable", pa.bool_()),
        pa.field("title", pa.string()),
        pa.field("text", pa.string()),  # the clean main text, where it is not what was written
        pa.field("chrome", pa.list_(pa.string())),
    ],
    metadata={"cleantext": "crawl truth 1"},
)
ROWS = 4096
Sink = Callable[["CrawlPage"], None]


def gzipped(data: bytes) -> bytes:
    """Return one gzip member without a time in it."""
    made = compressobj(1, 8, 31, 8, Z_DEFAULT_STRATEGY)
    return made.compress(data) + made.flush()


def warc_record(page: CrawlPage) -> bytes:
    """Return a response as a WARC record."""
    charset = f"; charset={page.host.declared}" if page.host.in_header else ""
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html{charset}\r\n\r\n".encode() + page.html
    name = hashlib.blake2b(page.url.encode(), digest_size=16).hexdigest()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{name}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Target-URI: {page.url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def json_line(page: CrawlPage) -> bytes:
    """Return a page as a line of JSON: its text, or its HTML decoded."""
    field, text = ("html", page.decoded()) if page.html else ("text", page.shown)
    return f'{{"id": "{page.id}", "url": "{page.url}", "{field}": {quoted(text)}}}\n'.encode()


class Writer:
    """Writes pages into ``path`` and their truth beside it; a context."""

    def __init__(self, path: Path, truth: Path) -> None:
        self.path, self.written, self.pages = path, 0, 0
        self.rows: list[tuple[Any, ...]] = []
        self.table: list[dict[str, str]] = []
        self.truth = pq.ParquetWriter(truth, TRUTH, compression="zstd", compression_level=1)
        kind = path.name.lower()
        self.tree, self.parquet = not path.suffix, kind.endswith(".parquet")
        self.made = warc_record if ".warc" in kind else json_line
        self.gzip = kind.endswith(".gz")
        self.file = None if self.tree or self.parquet else path.open("wb", buffering=1 << 20)
        if kind.endswith(".zst"):
            self.out = zstandard.ZstdCompressor(level=1).stream_writer(self.file)
        elif self.parquet:
            self.out = None
        else:
            self.out = self.file

    def add(self, page: CrawlPage) -> None:
        """Write a page."""
        self.pages += 1
        self.rows.append(page.truth)
        if self.tree:
            place = self.path / f"{page.id}.html"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(page.html)
            self.written += len(page.html)
        elif self.parquet:
            field, text = ("html", page.decoded()) if page.html else ("text", page.shown)
            self.table.append({"id": page.id, "url": page.url, field: text})
            self.written += len(page.html or text.encode())
        else:
            data = self.made(page)
            self.written += len(data)
            self.out.write(gzipped(data) if self.gzip else data)
        if len(self.rows) == ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(TRUTH)
        self.truth.write_table(pa.table([pa.array(c, f.type) for c, f in zip(columns, TRUTH, strict=True)], schema=TRUTH))
        self.rows = []
        if self.parquet and self.table:
            table = pa.Table.from_pylist(self.table)
            self.out = self.out or pq.ParquetWriter(self.path, table.schema, compression="zstd", compression_level=1)
            self.out.write_table(table)
            self.table = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        self.truth.close()
        for one in (self.out, self.file):
            if one is not None:
                one.close()
