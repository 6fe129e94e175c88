"""The input of a search for duplicates: Parquet files are read as they are if possible; everything else is first written as Parquet."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from cleantext.errors import ConfigError, InputError
from cleantext.plan import Table
from cleantext.report.tally import Report
from cleantext.run.readers.carried import as_type, common
from cleantext.run.readers.fields import Chosen, Fields
from cleantext.run.readers.formats.columnar import value_type
from cleantext.run.readers.formats.jsonlines import NO_TEXT
from cleantext.run.readers.packed import MAX_TEXT_BYTES
from cleantext.run.readers.page_batches import Row, made_id, notes_of, rows_of
from cleantext.run.readers.records import ReadPage, read_record
from cleantext.run.readers.source import Remote, Source
from cleantext.run.readers.units import Unit, units_of
from cleantext.run.resume.parts import Corpus, IdType, ValueType, named_once, with_ids_as, write_kept
from cleantext.run.shards.budget import PAGE_SECONDS, OverTime, alarm, seconds_of, too_long

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Corpus", "Faults", "characters_of", "read_places", "table_of"]

PART = 1 << 26  # bytes of texts in each Parquet file written from other input


@dataclass
class Faults:
    """Broken records of a run: counted in its report; with ``strict`` they end the run."""

    report: Report
    strict: bool = False
    without_text: int = 0
    first: str = ""
    renamed: list[str] = field(default_factory=list)

    def add(self, name: str, why: str) -> None:
        """Count a record that cannot be used. Raise `InputError` if the run is strict."""
        if self.strict:
            raise InputError(f"{why.removesuffix('; left out')}; mend or drop it, or go without --strict")
        self.first = self.first or why.removesuffix("; left out")
        self.report.fail(name, why)

    def twice(self, source: str, line: int, name: str) -> None:
        """Report that a record repeats the id of another one. Raise `InputError` if the run is strict."""
        if self.strict:
            raise InputError(f"{source}, line {line}: id {name!r} stands twice; make it unique, or go without --strict")
        self.renamed.append(made_id(source, line))

    def finish(self, rows: int) -> None:
        """Report what concerns all records. Raise `InputError` if not one of them could be used."""
        if self.first and not rows:
            raise InputError(f"{self.first}; no other row could be read: mend it, or name other columns (--text, --id)")
        if self.without_text:
            self.report.notes.append(f"{self.without_text:,} rows have no text (null): they have no duplicates")
        if self.renamed:
            self.report.notes.append(
                f"{len(self.renamed):,} rows repeat the id of another one: file and line name them instead, "
                f"such as {', '.join(self.renamed[:3])} (--strict refuses them)"
            )


def table_of(
    pages: Sequence[Source],
    holders: Sequence[Source],
    fields: Fields,
    folder: Path,
    report: Report,
    *,
    strict: bool = False,
    carry: bool = False,
    under: str = "",
    page_seconds: float = PAGE_SECONDS,
) -> Corpus:
    """Return pages, and files with many, as one table ``id, text[, value]``; with ``carry``, their other columns are in ``carried``.

    What cannot be read is counted in the report; a record that repeats an id, or has none where no column
    was named, gets its file and number as id. With ``strict`` such records raise `InputError`, as does a table without the
    columns named, or with other types, or without any readable record. ``under`` is put before the ids of pages.
    """
    if fields.value and not holders:
        raise ConfigError(f"pages have no column {fields.value!r}: say which copy stays with --keep")
    faults = Faults(report, strict=strict)
    corpus = _in_place(holders, fields, faults) if holders and not pages else None
    if corpus is None:
        folder.mkdir(parents=True, exist_ok=True)
        corpus = _written(
            _texts(
                [replace(p, id=str(PurePath(under, p.id))) for p in pages] if under else pages,
                holders,
                fields,
                report,
                faults,
                page_seconds,
                carry=carry,
            ),
            folder,
            value=bool(fields.value),
        )
    if holders:
        corpus = named_once(corpus, holders, folder, faults, carry=carry)
        faults.finish(corpus.table.rows)
    return corpus


# ---------------------------------------------------------------- as they are


def _in_place(sources: Sequence[Source], fields: Fields, faults: Faults) -> Corpus | None:
    """Return Parquet files as they are, if all of them are suitable: no id is missing, and all have one type."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if any(s.kind != "parquet" or isinstance(s.path, Remote) for s in sources):
        return None
    found: set[tuple[Chosen, pa.DataType, str]] = set()
    nulls = 0
    for source in sources:
        try:
            with pq.ParquetFile(source.path, pre_buffer=False) as file:
                schema = file.schema_arrow
                chosen = fields.chosen(schema.names.__contains__)  # nested fields are extracted first
                ids = schema.field(chosen.id).type if chosen.id else pa.null()
                value = str(value_type(source, schema.field(chosen.value).type, chosen.value)) if chosen.value else "double"
                if not (pa.types.is_string(schema.field(chosen.content).type) and chosen.kind == "text") or _missing(file, chosen.id):
                    return None
                found.add((chosen, pa.int64() if pa.types.is_signed_integer(ids) else ids, value))
                nulls += _nulls(file, chosen.content)
        except (OSError, KeyError, pa.ArrowException):
            return None  # reading it will report the error
    if len({(c.content, c.id, c.value, ids, value) for c, ids, value in found}) != 1:
        return None
    [(chosen, ids, value), *_] = found
    if ids not in (pa.string(), pa.int64()):
        return None
    faults.without_text += nulls
    names = {"id": chosen.id, "text": chosen.content} | ({"value": chosen.value} if chosen.value else {})
    paths = [Path(str(s.path)) for s in sources]
    return Corpus(
        Table.of(paths, columns=names, positions=True),
        "int64" if ids == pa.int64() else "string",
        "int64" if value == "int64" else "double",
    )


def _missing(file: Any, name: str) -> bool:
    """Return whether an id is missing."""
    return not name or any(batch.column(0).null_count for batch in file.iter_batches(columns=[name]))


def _nulls(file: Any, name: str) -> int:
    """Return the number of rows without a text, as far as the metadata of the file tells."""
    found = 0
    for group in range(file.metadata.num_row_groups):
        for column in map(file.metadata.row_group(group).column, range(file.metadata.num_columns)):
            if column.path_in_schema == name and column.statistics is not None and column.statistics.has_null_count:
                found += column.statistics.null_count
    return found


# ---------------------------------------------------------------- written first


def _texts(
    pages: Sequence[Source], holders: Sequence[Source], fields: Fields, report: Report, faults: Faults, page_seconds: float, *, carry: bool
) -> Iterator[tuple[pa.Table, bool]]:
    """Yield the readable records as tables ``id, text, value, source, line[, carried]``, each with whether all its ids are integers."""
    for unit in units_of(pages, holders, fields, most=MAX_TEXT_BYTES):
        for batch in unit.batches():
            yield _table(unit, batch, report, faults, page_seconds, carry=carry), bool(notes_of(batch).get("integers"))


def _table(unit: Unit, batch: pa.RecordBatch, report: Report, faults: Faults, page_seconds: float, *, carry: bool) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    for source, number, name in notes_of(batch).get("renamed", ()):
        faults.twice(source, number, name)
    if unit.holds_many:
        faults.without_text += pc.sum(pc.equal(batch.column("flags"), NO_TEXT)).as_py() or 0
    good = pc.is_null(batch.column("error"))
    plain = pc.all(pc.and_(batch.column("decoded"), pc.equal(batch.column("kind"), "text"))).as_py() and pc.all(good).as_py()
    if plain:
        texts = batch.column("content").cast(pa.large_string())
    else:
        read: list[str | None] = []
        for row in rows_of(batch):
            try:
                if row.error is None and row.decoded and row.kind == "text":
                    read.append(row.content.decode())
                    continue
                page, data, decoded = _read(row, page_seconds)
            except InputError as error:
                (faults.add if unit.holds_many else report.fail)(row.id, str(error))
                read.append(None)
                continue
            if not unit.holds_many:
                report.bytes_in += len(data)
                report.encodings[decoded.encoding] += 1
            read.append(page.text.encode("utf-8", "replace").decode())
        texts = pa.array(read, pa.large_string())
    held = {
        "id": batch.column("id"),
        "text": texts,
        "value": batch.column("value"),
        "source": batch.column("source"),
        "line": batch.column("number"),
    }
    if carry and len(batch.schema.field("carried").type):
        held["carried"] = batch.column("carried")
    return pa.table(held).filter(pc.is_valid(texts))


def _read(row: Row, page_seconds: float) -> ReadPage:
    """Read a record. Raise `InputError` if that fails or takes too long."""
    seconds = seconds_of(page_seconds, len(row.content))
    try:
        with alarm() as watch:
            watch(0, seconds)
            return read_record(row, most=MAX_TEXT_BYTES)
    except OverTime as error:
        raise InputError(f"{row.id}: {too_long(seconds)}") from error


def characters_of(table: Table) -> int:
    """Return the total number of characters of a table's texts."""
    import pyarrow.compute as pc

    name = dict(table.columns).get("text", "text")
    lengths = (pc.sum(pc.utf8_length(batch.column(0).cast("string"))).as_py() for batch in table.batches([name]))
    return sum(filter(None, lengths))


def _written(tables: Iterable[tuple[pa.Table, bool]], folder: Path, *, value: bool) -> Corpus:
    """Write texts as Parquet files of bounded size. Ids are integers if all are, otherwise strings."""
    paths: list[Path] = []
    held: list[pa.Table] = []
    size = 0
    numbers, kinds = True, set()

    def flush() -> None:
        path = folder / f"{len(paths):06d}.parquet"
        paths.append(write_kept(path, [_one(held)] if held else []))
        held.clear()

    rows = 0
    for table, integers in tables:
        numbers = numbers and (integers or not table.num_rows)
        kinds.add(str(table["value"].type))
        rows += table.num_rows
        held.append(table)
        size += table["text"].nbytes
        if size >= PART:
            flush()
            size = 0
    if held or not paths:
        flush()
    id_type: IdType = "int64" if numbers and rows else "string"
    value_kind: ValueType = "int64" if kinds == {"int64"} else "double"
    names = {"id": "id", "text": "text"} | ({"value": "value"} if value else {})
    paths = [with_ids_as(path, id_type) for path in paths]
    return Corpus(Table.of(paths, columns=names, positions=True), id_type, value_kind)


def _one(tables: Sequence[pa.Table]) -> pa.Table:
    """Concatenate tables; the types of their other columns, and of the column that decides which copy is kept, are widened to hold all values."""
    import pyarrow as pa

    made = list(tables)
    if any("carried" in t.column_names for t in tables):
        kind = common(t["carried"].type for t in tables if "carried" in t.column_names)
        made = [_with_carried(t, kind) for t in made]
    kinds = {t["value"].type for t in made}
    if len(kinds) > 1:
        made = [t.set_column(2, "value", t["value"].cast(pa.float64())) for t in made]
    return pa.concat_tables(made)


def _with_carried(table: pa.Table, kind: pa.DataType) -> pa.Table:
    import pyarrow as pa

    if "carried" not in table.column_names:
        return table.append_column("carried", pa.nulls(table.num_rows, kind))
    return table.set_column(table.column_names.index("carried"), "carried", as_type(table["carried"].combine_chunks(), kind))


def read_places(table: Table, places: Iterable[int]) -> Mapping[int, str]:
    """Return the texts of some rows of a table, by their places."""
    import pyarrow.parquet as pq

    wanted: dict[int, list[int]] = {}
    for place in sorted(set(places)):
        wanted.setdefault(place >> 32, []).append(place & 0xFFFFFFFF)
    name = dict(table.columns).get("text", "text")
    out: dict[int, str] = {}
    for number, rows in wanted.items():
        with pq.ParquetFile(table.paths[number], pre_buffer=False) as file:
            low = 0
            for batch in file.iter_batches(batch_size=64, columns=[name]):
                for row in rows[bisect_left(rows, low) : bisect_left(rows, low + batch.num_rows)]:
                    out[number << 32 | row] = batch.column(0)[row - low].as_py() or ""
                low += batch.num_rows
                if low > rows[-1]:
                    break
    return out
