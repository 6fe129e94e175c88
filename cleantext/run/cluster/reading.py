"""Reading kernels: turn files, or rows of a table, into records of one schema.

A record has a place: 23 bits for the unit of reading, 20 for the batch in it and 20 for the row, in the order in which one machine
reads them. Each batch ends with a mark: a row without an id that has the counts of the reader. Further fields are stored as
Arrow messages, since their types differ between files, and a table needs one type.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.chrome.hosts.profiles import host_of
from cleantext.plan import Table
from cleantext.run.readers.carried import as_type, common
from cleantext.run.readers.fields import host_in
from cleantext.run.readers.page_batches import Row, notes_of
from cleantext.run.readers.units import Unit
from cleantext.run.resume.parts import write_kept
from cleantext.transform import Page

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["READ", "Given", "ReadUnits", "kind_of_carried", "packed", "record_schema", "records_of", "units_table", "unpacked"]

ROWS = 1 << 20  # maximum rows of a batch and batches of a unit: a place packs unit, batch and row into 64 bits
# The output of a reader for each page: the columns of `Row` without those of searches.
READ = ("id", "content", "kind", "url", "host", "charset", "decoded", "published", "flags", "source", "number", "error")


def record_schema() -> pa.Schema:
    """Return the schema of records: place, batch, the columns of `READ`, the host to learn, the carried fields, and the notes of marks."""
    import pyarrow as pa

    kinds: dict[str, Any] = {"content": pa.binary(), "decoded": pa.bool_(), "number": pa.int64()}
    fields = [("place", pa.int64()), ("batch", pa.int64()), *((name, kinds.get(name, pa.string())) for name in READ)]
    return pa.schema([*fields, ("known_host", pa.string()), ("carried", pa.binary()), ("carries", pa.binary()), ("notes", pa.string())])


def records_of(batch: pa.RecordBatch) -> Iterator[Row]:
    """Yield records as the readers do."""
    columns = [batch.column(name).to_pylist() for name in READ]
    for values in zip(*columns, strict=True):
        yield Row(**dict(zip(READ, values, strict=True)))


def units_table(units: Sequence[Unit], path: Path) -> Table:
    """Write units of reading as a table ``unit, work, files``, one row each; ``files`` identifies the present version of their files."""
    import pyarrow as pa

    files = [json.dumps(unit.identity) for unit in units]
    columns = {"unit": pa.array(range(len(units)), pa.int64()), "work": pa.array(map(pickle.dumps, units), pa.binary()), "files": files}
    return Table.of([write_kept(path, [pa.table(columns)])])


@dataclass(frozen=True)
class ReadUnits:
    """Read the files of units, each from beginning to end."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of records."""
        return record_schema()

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the records of rows ``unit, work``."""
        for number, work in zip(batch.column("unit").to_pylist(), batch.column("work").to_pylist(), strict=True):
            unit: Unit = pickle.loads(work)  # noqa: S301 - of our own driver
            for n, read in enumerate(unit.batches()):
                assert read.num_rows < ROWS > n, "a place has 20 bits for each"
                yield self._records(read, (number * ROWS + n) * ROWS, many=unit.holds_many)

    def _records(self, read: pa.RecordBatch, place: int, *, many: bool) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        rows = read.num_rows
        names, hosts, errors = (read.column(name).to_pylist() for name in ("id", "host", "error"))
        # Like `with_learned`, which counts hosts without reading files of pages.
        known = [
            (host or host_of(Page("", id=name))) if error is None or not many else ""
            for name, host, error in zip(names, hosts, errors, strict=True)
        ]
        kind = kind_of_carried(read.column("carried").type if many else pa.struct([]))
        carried = packed(read.column("carried"), kind) if many else None
        made: dict[str, Any] = {
            "place": pa.array(np.arange(place, place + rows + 1)),
            "batch": pa.array(np.full(rows + 1, place // ROWS)),
            "known_host": pa.array([*known, None], pa.string()),
            "carried": pa.array([*(carried or [None] * rows), None], pa.binary()),
            "carries": pa.array([kind] * (rows + 1), pa.binary()),
            "notes": pa.array([None] * rows + [json.dumps(notes_of(read) if many else {}, ensure_ascii=False)], pa.string()),
        }
        for name in READ:
            field = self.schema.field(name)
            made[name] = pa.concat_arrays([read.column(name).cast(field.type), pa.nulls(1, field.type)])
        return pa.record_batch([made[name] for name in self.schema.names], schema=self.schema)


@dataclass(frozen=True)
class Given:
    """Convert rows ``place, id, url`` and ``text`` or, with ``html``, ``html`` (a string, or bytes in any encoding) to records."""

    html: bool

    @property
    def schema(self) -> pa.Schema:
        """The columns of records."""
        return record_schema()

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows as records; a null is an empty page."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = batch.num_rows
        page = batch.column("html" if self.html else "text")
        ids, urls = batch.column("id").cast(pa.string()), batch.column("url").cast(pa.string())
        hosts = [url and host_in(url) for url in urls.to_pylist()]
        known = [host or host_of(Page("", id=name or "")) for host, name in zip(hosts, ids.to_pylist(), strict=True)]
        place = batch.column("place")
        constant: dict[str, Any] = {
            "kind": "html" if self.html else "text",
            "decoded": not pa.types.is_binary(page.type) and not pa.types.is_large_binary(page.type),
            "flags": "",
            "source": "pages",
            "carries": kind_of_carried(pa.struct([])),
        }
        made: dict[str, Any] = {name: pa.array([value] * rows, self.schema.field(name).type) for name, value in constant.items()}
        made |= {"place": place, "batch": pc.shift_right(place, 32), "id": pc.fill_null(ids, ""), "url": urls, "number": place}
        made |= {"host": pa.array(hosts, pa.string()), "known_host": pa.array(known, pa.string())}
        made["content"] = pc.fill_null(page.cast(pa.binary()), b"")
        for name in self.schema.names:
            made.setdefault(name, pa.nulls(rows, self.schema.field(name).type))
        yield pa.record_batch([made[name] for name in self.schema.names], schema=self.schema)


# ---------------------------------------------------------------- further fields


def kind_of_carried(kind: pa.DataType) -> bytes:
    """Return the type of further fields as bytes, without dictionaries."""
    import pyarrow as pa

    return bytes(pa.schema([("carried", common([kind]))]).serialize())


def packed(column: pa.Array, kind: bytes) -> list[bytes | None]:
    """Return the rows of a struct column as Arrow messages; `unpacked` is the inverse, with the same ``kind``."""
    import pyarrow as pa

    schema = pa.ipc.read_schema(pa.py_buffer(kind))
    if not len(schema.field(0).type):
        return [None] * len(column)
    whole = pa.record_batch([as_type(column, schema.field(0).type)], schema=schema)
    return [pa.concat_batches([whole.slice(n, 1)]).serialize().to_pybytes() for n in range(len(column))]


def unpacked(rows: Sequence[bytes | None], kinds: Sequence[bytes], kind: pa.DataType) -> pa.Array:
    """Return the further fields of rows, each packed with its own of ``kinds``, as one struct column of a type that holds all."""
    import pyarrow as pa

    parts: list[pa.Array] = []
    for row, own in zip(rows, kinds, strict=True):
        if row is None:
            parts.append(as_type(pa.array([{}], pa.struct([])), kind) if len(kind) else pa.array([{}], kind))
        else:
            schema = pa.ipc.read_schema(pa.py_buffer(own))
            parts.append(as_type(pa.ipc.read_record_batch(pa.py_buffer(row), schema).column(0), kind))
    return pa.concat_arrays(parts) if parts else pa.array([], kind)
