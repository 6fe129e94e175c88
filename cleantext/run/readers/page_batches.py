"""The one schema of what readers give: Arrow batches of pages, a bounded size each, and how rows become such batches.

A record that cannot be read is a row, too: with ``error``, so that what is counted as failed travels, and is taken up
again, with the rows beside it. What is no page at all (a request in a WARC file, a picture) is only counted, in the
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

BATCH_BYTES = 4_000_000  # of content, about: two or three batches in flight stay below 1 GB; small enough that two workers end together
BATCH_ROWS = 2_000
FLAG_CUT = "crawl_truncated"  # the crawler kept only the beginning of a page
NOTES = b"cleantext"  # key of what the metadata of a batch's schema tells


class Row(NamedTuple):
    """One page as a reader gives it."""

    id: str
    content: bytes  # as read; in UTF-8 where `decoded`
    kind: str = ""  # "text", "html", or empty where the content says it
    url: str | None = None
    host: str | None = None
    charset: str | None = None  # that an HTTP header names; of what was decoded, the encoding of its file where it is not UTF-8
    decoded: bool = False
    published: str | None = None
    flags: str = ""  # parted by blanks
    value: float | int | None = None  # what says which copy of duplicates stays
    source: str = ""  # the file, and
    number: int = 1  # the record in it, from 1
    error: str | None = None  # why there is no page
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
    """Yield the rows of a batch, without what is carried."""
    columns = [batch.column(name).to_pylist() for name in Row._fields if name != "carried"]
    for values in zip(*columns, strict=True):
        yield Row(*values)


def made_id(source: Source | str, number: int) -> str:
    """Return the id of a record that has none of its own: its file and its number there."""
    return f"{source if isinstance(source, str) else source.id}:{number}"


def with_notes(batch: pa.RecordBatch, notes: Mapping[str, Any]) -> pa.RecordBatch:
    """Return a batch that tells something of itself."""
    return batch.replace_schema_metadata({NOTES: json.dumps(dict(notes), ensure_ascii=False).encode()})


def notes_of(batch: pa.RecordBatch) -> dict[str, Any]:
    """Return what a batch tells of itself.

    ``skipped`` counts what is no page, ``renamed`` has file, number and id of records whose id stood twice, ``integers`` says
    whether all ids are such.
    """
    held: dict[str, Any] = json.loads((batch.schema.metadata or {}).get(NOTES, b"{}"))
    return held


@dataclass
class Batches:
    """Gathers the rows of one file, or of pages, into batches.

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
        """Add a page, and say whether the batch is full. Without a name its address names it, or its file and number.

        A name that stands in the batch already gives way to file and number, too.
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
        """Add a record that cannot be read, and say whether the batch is full."""
        source = source or self.source
        self.rows.append(Row(name or made_id(source, number), b"", source=source, number=number, error=why))
        self.size += 100 + len(why)
        return self.full

    @property
    def full(self) -> bool:
        """Whether the batch should be taken."""
        return self.size >= BATCH_BYTES or len(self.rows) >= BATCH_ROWS

    def take(self) -> pa.RecordBatch:
        """Return what was gathered as a batch, and begin anew."""
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
        """Yield what is left, where there is something."""
        if self.rows or self.skipped:
            yield self.take()


def _carried(rows: list[Mapping[str, Any] | None]) -> pa.Array:
    """Return further fields as one struct column: a field whose values are of several kinds as JSON."""
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
    """Return a text that Arrow takes: half characters (as JSON may hold) become U+FFFD."""
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
    """Return a value as JSON that Arrow takes as text."""
    return encoded(json.dumps(value, ensure_ascii=False, default=str))
