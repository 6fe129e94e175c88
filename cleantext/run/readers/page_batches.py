"""The common schema of all readers: Arrow batches of pages of bounded size, and how rows become batches.

A record that cannot be read is a row as well, with ``error``, so that failures are stored and resumed
together with the other rows. What is not a page at all (a request in a WARC file, a picture) is only counted, in the
metadata of the schema.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from cleantext.run.readers.fields import host_in, id_of_url
from cleantext.run.readers.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "FLAG_CUT", "Batches", "Row", "made_id", "notes_of", "row_schema", "rows_of", "with_notes"]

BATCH_BYTES = 4_000_000  # approximate content: two or three batches in flight stay below 1 GB; small enough that two workers end together
BATCH_ROWS = 2_000
FLAG_CUT = "crawl_truncated"  # the crawler kept only the beginning of a page
NOTES = b"cleantext"  # key of the notes in the metadata of a batch's schema


class Row(NamedTuple):
    """One page as a reader returns it."""

    id: str
    content: bytes  # as read; UTF-8 if `decoded`
    kind: str = ""  # "text", "html", or empty if the content decides
    url: str | None = None
    host: str | None = None
    charset: str | None = None  # named by an HTTP header; if decoded, the encoding of its file unless UTF-8
    decoded: bool = False
    published: str | None = None
    flags: str = ""  # separated by blanks
    value: float | int | None = None  # decides which copy of duplicates is kept
    source: str = ""  # the file, and
    number: int = 1  # the record in it, from 1
    error: str | None = None  # why the page could not be read
    carried: Mapping[str, Any] | None = None  # further fields


def row_schema(carried: pa.DataType | None = None, value: pa.DataType | None = None) -> pa.Schema:
    """Return the schema of batches: the columns of `Row`; ``carried`` is a struct of the further fields, which differ between files."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("id", text),
            ("content", pa.large_binary()),
            ("kind", text),
            ("url", text),
            ("host", text),
            ("charset", text),
            ("decoded", pa.bool_()),
            ("published", text),
            ("flags", text),
            ("value", value or pa.float64()),
            ("source", text),
            ("number", pa.int64()),
            ("error", text),
            ("carried", carried or pa.struct([])),
        ]
    )


def rows_of(batch: pa.RecordBatch) -> Iterator[Row]:
    """Yield the rows of a batch, without their carried fields."""
    columns = [batch.column(name).to_pylist() for name in Row._fields if name != "carried"]
    for values in zip(*columns, strict=True):
        yield Row(*values)


def made_id(source: Source | str, number: int) -> str:
    """Return the id of a record without one: its file and its number in it."""
    return f"{source if isinstance(source, str) else source.id}:{number}"


def with_notes(batch: pa.RecordBatch, notes: Mapping[str, Any]) -> pa.RecordBatch:
    """Return a batch with notes in its metadata."""
    return batch.replace_schema_metadata({NOTES: json.dumps(dict(notes), ensure_ascii=False).encode()})


def notes_of(batch: pa.RecordBatch) -> dict[str, Any]:
    """Return the notes of a batch.

    ``skipped`` counts what is not a page, ``renamed`` has file, number and id of records with repeated ids, ``integers`` is
    true if all ids are integers.
    """
    held: dict[str, Any] = json.loads((batch.schema.metadata or {}).get(NOTES, b"{}"))
    return held


@dataclass
class Batches:
    """Collects the rows of one file, or of pages, into batches.

    >>> batches = Batches("a.jsonl")
    >>> batches.add("x", "甲".encode(), number=1, carried={"rank": 3}), batches.add("x", "乙".encode(), number=2)
    (False, False)
    >>> [(row.id, row.content.decode()) for row in rows_of(batches.take())]
    [('x', '甲'), ('a.jsonl:2', '乙')]
    """

    source: str
    rows: list[Row] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    renamed: list[tuple[str, int, str]] = field(default_factory=list)
    integers: bool = True
    size: int = 0

    def add(
        self, name: str | int | None, content: bytes, *, source: str = "", number: int = 1, url: str | None = None, **more: Any
    ) -> bool:
        """Add a page; return whether the batch is full. Without a name, the id is its address, or its file and number.

        A name that is already in the batch is also replaced by file and number.
        """
        source = source or self.source
        self.integers = self.integers and isinstance(name, int) and -(2**63) <= name < 2**63
        known = str(name) if name is not None else id_of_url(url) if url else ""
        if not known or known in self.ids:
            if known:
                self.renamed.append((source, number, known))
            known = made_id(source, number)
        self.ids.add(known)
        if url and not more.get("host"):
            more["host"] = host_in(url)
        self.rows.append(Row(known, content, source=source, number=number, url=url, **more))
        self.size += len(content) + 100
        return self.full

    def fail(self, number: int, why: str, *, source: str = "", name: str = "") -> bool:
        """Add a record that cannot be read; return whether the batch is full."""
        source = source or self.source
        self.rows.append(Row(name or made_id(source, number), b"", source=source, number=number, error=why))
        self.size += 100 + len(why)
        return self.full

    @property
    def full(self) -> bool:
        """Whether the batch should be taken."""
        return self.size >= BATCH_BYTES or len(self.rows) >= BATCH_ROWS

    def take(self) -> pa.RecordBatch:
        """Return the collected rows as a batch, and start a new one."""
        import pyarrow as pa

        carried = _carried([row.carried for row in self.rows])
        schema = row_schema(carried.type)
        columns = list(zip(*self.rows, strict=True)) if self.rows else [()] * len(Row._fields)
        numbers = bool(self.rows) and all(row.value is None or isinstance(row.value, int) for row in self.rows)
        if numbers and any(row.value is not None for row in self.rows):
            schema = row_schema(carried.type, pa.int64())
        where = Row._fields
        arrays = [carried if name == "carried" else pa.array(columns[where.index(name)], schema.field(name).type) for name in schema.names]
        notes = {"skipped": dict(self.skipped), "renamed": self.renamed, "integers": self.integers and bool(self.rows)}
        batch = with_notes(pa.record_batch(arrays, schema=schema), {k: v for k, v in notes.items() if v})
        self.rows, self.ids, self.skipped, self.renamed, self.integers, self.size = [], set(), Counter(), [], True, 0
        return batch

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Yield the rest, if there is any."""
        if self.rows or self.skipped:
            yield self.take()


def _carried(rows: list[Mapping[str, Any] | None]) -> pa.Array:
    """Return further fields as one struct column; a field with values of several types is written as JSON."""
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row or ())
    children = []
    for name in names:
        values = [row.get(name) if row else None for row in rows]
        children.append(_column(values))
    if not children:
        return pa.array([{}] * len(rows), pa.struct([]))
    return pa.StructArray.from_arrays(children, names=[encoded(name) for name in names])


def encoded(text: str) -> str:
    """Return a text that Arrow accepts: lone surrogates (possible in JSON) become U+FFFD."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def _column(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    kinds = {type(v) for v in values if v is not None}
    try:
        if kinds <= {str}:
            return pa.array([None if v is None else encoded(v) for v in values], pa.string())
        if len(kinds) == 1 or kinds == {int, float}:
            made = pa.array(values)
            if not pa.types.is_null(made.type):
                return made
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError, ValueError):
        pass
    return pa.array([v if v is None or isinstance(v, str) else as_json(v) for v in map(_sound, values)], pa.string())


def _sound(value: Any) -> Any:
    return encoded(value) if isinstance(value, str) else value


def as_json(value: Any) -> str:
    """Return a value as JSON that Arrow accepts as text."""
    return encoded(json.dumps(value, ensure_ascii=False, default=str))
