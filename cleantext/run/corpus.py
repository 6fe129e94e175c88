"""Corpora as tables: Parquet files as they are, where that can be; JSON lines, pages and others written as Parquet first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from cleantext.errors import ConfigError, InputError
from cleantext.plan import Table
from cleantext.report.tally import Report
from cleantext.run.budget import PAGE_SECONDS, OverTime, alarm, seconds_of, too_long
from cleantext.run.files import Read, Source, read_page
from cleantext.run.packed import MAX_TEXT_BYTES
from cleantext.run.parts import Corpus, IdType, ValueType, named_once, with_ids_as, write_kept
from cleantext.run.records import WHOLE, Columns, Faults, Row, made_id, rows_of_lines
from cleantext.run.sniff import TABLES, ending_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Columns", "Corpus", "characters_of", "is_table", "read_pages", "read_places", "table_of"]

PART = 1 << 25  # characters of a Parquet file that is written of pages or JSON lines


def is_table(source: Source) -> bool:
    """Say whether a file holds many texts, as Parquet or JSON lines: by its bytes, or where it is empty or broken by its name."""
    return source.kind in {"parquet", "jsonl"} or ending_of(source.path.name) in TABLES


def _is_parquet(source: Source) -> bool:
    return source.kind == "parquet" or (source.kind != "jsonl" and PurePath(source.path).suffix.lower() == ".parquet")


def table_of(
    sources: Sequence[Source],
    columns: Columns,
    folder: Path,
    report: Report,
    *,
    strict: bool = False,
    page_seconds: float = PAGE_SECONDS,
) -> Corpus:
    """Return pages, JSON lines and Parquet files as one table ``id, text[, value]``.

    Pages and rows that cannot be read are counted in the report; a row that repeats an id, or has none where no column
    was named, is named by its file and line. With ``strict`` such rows raise `InputError`, as do a table without the
    columns named, or of other types, and one of which no row can be read.
    """
    tables = [s for s in sources if is_table(s)]
    if tables and len(tables) < len(sources):
        other = next(s.id for s in sources if not is_table(s))
        raise ConfigError(f"{tables[0].id} is a table of texts and {other} is none: search them in two runs, or name the tables alone")
    if columns.value and not tables:
        raise ConfigError(f"pages have no column {columns.value!r}: say which copy stays with --keep")
    faults = Faults(report, strict=strict)
    if tables and all(map(_is_parquet, tables)):
        corpus = _parquet(tables, columns, folder, faults)
    else:
        if any(map(_is_parquet, tables)):
            raise ConfigError(f"{tables[0].id}: Parquet files and JSON lines in one run: search them in two runs")
        folder.mkdir(parents=True, exist_ok=True)
        corpus = _written(rows_of_lines(tables, columns, faults) if tables else _pages(sources, report, page_seconds), columns, folder)
    if tables:
        corpus = named_once(corpus, tables, folder, faults)
        faults.finish(corpus.table.rows)
    return corpus


# ---------------------------------------------------------------- Parquet


def _parquet(sources: Sequence[Source], columns: Columns, folder: Path, faults: Faults) -> Corpus:
    """Return Parquet files as they are where their ids can be used so, else what is written of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sound: list[tuple[Source, str, bool]] = []  # with the kind of ids (none: to be made), and whether all are there
    values: set[ValueType] = set()
    for source in sources:
        try:
            file = pq.ParquetFile(source.path)
        except (OSError, pa.ArrowException) as error:
            faults.add(source, 0, f"not a Parquet file that can be read: {error}")
            continue
        with file:
            schema = file.schema_arrow
            text = _field(source, schema, columns.text)
            if not _is_text(text.type):
                raise InputError(f"{source.path}: column {columns.text!r} is {text.type}, not text: name another (--text)")
            if columns.value:
                values.add(_value_type(source.path, _field(source, schema, columns.value)))
            named = columns.id in schema.names or not columns.id_may_lack
            kind = _id_kind(source.path, _field(source, schema, columns.id)) if named else ""
            kind, nulls = _looked_at(file, columns.id, kind) if kind else ("", 0)
            sound.append((source, kind, nulls == 0))
            faults.without_text += _nulls(file, columns.text)
    if not sound:
        faults.finish(0)
    if len(values) > 1:
        raise InputError(f"{sources[0].path}: a column has other types in other files: make them one")
    kinds = {kind for _, kind, _ in sound}
    id_type: IdType = "int64" if kinds <= {"int64", "small"} else "string"
    value_type = values.pop() if values else "double"
    wanted = {"id": columns.id, "text": columns.text} | ({"value": columns.value} if columns.value else {})
    nested = any(name not in pq.read_schema(source.path).names for source, _, _ in sound for name in wanted.values())
    if not nested and kinds in ({"int64"}, {"string"}) and all(there for *_, there in sound):
        return Corpus(Table.of([s.path for s, *_ in sound], columns=wanted, positions=True), id_type, value_type)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [
        _rewritten(n, source, made=not kind, id_type=id_type, columns=columns, folder=folder, faults=faults)
        for n, (source, kind, _) in enumerate(sound)
    ]
    return Corpus(Table.of(paths, columns={name: name for name in wanted}, positions=True), id_type, value_type)


def _field(source: Source, schema: pa.Schema, name: str) -> pa.Field:
    """Return a column, or a field inside one. Raise `InputError` where there is none."""
    if name in schema.names:
        return schema.field(name)
    import pyarrow as pa

    head, *rest = name.split(".")
    if rest and head in schema.names:
        found = schema.field(head)
        for part in rest:
            if not pa.types.is_struct(found.type) or found.type.get_field_index(part) < 0:
                break
            found = found.type.field(part)
        else:
            return found.with_name(name)
    raise InputError(f"{source.path}: no column {name!r}; it has {', '.join(schema.names)}: name the right one (--text, --id)")


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    import pyarrow.compute as pc

    if name in batch.schema.names:
        return batch.column(name)
    head, *rest = name.split(".")
    return pc.struct_field(batch.column(head), rest)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _id_kind(path: Path, field: pa.Field) -> str:
    import pyarrow as pa

    if field.type == pa.uint64() or pa.types.is_floating(field.type):
        return "wide"
    if pa.types.is_integer(field.type):
        return "int64"
    if _is_text(field.type):
        return "string"
    raise InputError(f"{path}: column {field.name!r} is {field.type}: ids are strings or integers (--id)")


def _looked_at(file: Any, name: str, kind: str) -> tuple[str, int]:
    """Return the kind of ids of a file, and how many are missing: numbers that are no int64 are "small" if all could be."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nulls, small = 0, True
    for batch in file.iter_batches(columns=[name]):
        ids = _column(batch, name)
        nulls += ids.null_count
        if kind == "wide":
            if pa.types.is_floating(ids.type):
                nulls += pc.sum(pc.is_nan(ids)).as_py() or 0
                ids = ids.filter(pc.invert(pc.is_nan(ids)))
                small &= pc.all(pc.and_(pc.equal(pc.floor(ids), ids), pc.less(pc.abs(ids), WHOLE))).as_py() is not False
            else:
                small &= (pc.max(ids).as_py() or 0) < 2**63
    return (kind if kind != "wide" else "small" if small else "large"), nulls


def _value_type(path: Path, field: pa.Field) -> ValueType:
    import pyarrow as pa

    if (pa.types.is_integer(field.type) and field.type != pa.uint64()) or pa.types.is_temporal(field.type):
        return "int64"
    if pa.types.is_floating(field.type):
        return "double"
    raise InputError(f"{path}: column {field.name!r} is {field.type}: what says which copy stays is a number or a date (--prefer)")


def _nulls(file: Any, name: str) -> int:
    """Return how many rows have no text, as far as the file says itself."""
    found = 0
    for group in range(file.metadata.num_row_groups):
        for column in map(file.metadata.row_group(group).column, range(file.metadata.num_columns)):
            if column.path_in_schema == name and column.statistics is not None and column.statistics.has_null_count:
                found += column.statistics.null_count
    return found


def _rewritten(n: int, source: Source, *, made: bool, id_type: IdType, columns: Columns, folder: Path, faults: Faults) -> Path:
    """Write a Parquet file with ids that can be used; rows without one are counted, and left out."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def batches() -> Iterator[pa.Table]:
        line = 0
        with pq.ParquetFile(source.path) as file:
            wanted = [name for name in (columns.text, columns.value, "" if made else columns.id) if name]
            for batch in file.iter_batches(batch_size=10_000, columns=wanted):
                lines = pa.array(range(line + 1, line + 1 + batch.num_rows), pa.int64())
                line += batch.num_rows
                ids = pa.array([made_id(source, at) for at in lines.to_pylist()], pa.string()) if made else _column(batch, columns.id)
                held = {"id": ids, "text": _column(batch, columns.text), "line": lines}
                held |= {"value": _column(batch, columns.value)} if columns.value else {}
                there = pc.invert(pc.is_null(ids, nan_is_null=True))
                for missing in lines.filter(pc.invert(there)).to_pylist():
                    faults.add(source, missing, f"no id in column {columns.id!r}")
                table = pa.table(held).filter(there)
                if pa.types.is_floating(ids.type) and id_type == "string":  # 1.0 is 1
                    ids = table["id"]
                    table = table.set_column(
                        0, "id", pa.array([str(int(x)) if x == int(x) else repr(x) for x in ids.to_pylist()], pa.string())
                    )
                kind = pa.string() if id_type == "string" else pa.int64()
                table = table.set_column(0, "id", table["id"].cast(kind)).set_column(1, "text", table["text"].cast(pa.string()))
                yield table.append_column("source", pa.array([source.id] * table.num_rows, pa.string()))

    return write_kept(folder / f"given-{n:06d}.parquet", batches())


# ---------------------------------------------------------------- pages and lines


def read_pages(sources: Sequence[Source], report: Report, page_seconds: float) -> Iterator[tuple[Source, Read]]:
    """Yield pages as they are read. What cannot be, or takes too long to parse, is told and counted."""
    with alarm() as watch:
        for n, source in enumerate(sources):
            seconds = seconds_of(page_seconds, source.weight)
            try:
                watch(n, seconds)
                read = read_page(source, most=MAX_TEXT_BYTES)
                watch(n, 0)
            except InputError as error:
                watch(n, 0)
                report.fail(source.id, str(error))
                continue
            except OverTime:
                report.fail(source.id, f"{source.id}: {too_long(seconds)}")
                continue
            yield source, read


def _pages(sources: Sequence[Source], report: Report, page_seconds: float) -> Iterator[Row]:
    for source, (page, data, decoded) in read_pages(sources, report, page_seconds):
        report.bytes_in += len(data)
        report.encodings[decoded.encoding] += 1
        yield page.id, page.text, None, source.id, 1


def _written(rows: Iterable[Row], columns: Columns, folder: Path) -> Corpus:
    """Write rows as Parquet files of a bounded size. Ids are integers if all are, else strings."""
    paths: list[Path] = []
    held: list[Row] = []
    size = 0
    numbers = True
    for row in rows:
        numbers = numbers and isinstance(row[0], int) and -(2**63) <= row[0] < 2**63
        held.append(row)
        size += len(row[1]) + 100
        if size >= PART:
            paths.append(_write(held, columns, folder / f"{len(paths):06d}.parquet"))
            held, size = [], 0
    if held or not paths:
        paths.append(_write(held, columns, folder / f"{len(paths):06d}.parquet"))
    id_type: IdType = "int64" if numbers and any(_rows(path) for path in paths) else "string"
    names = {"id": "id", "text": "text"} | ({"value": "value"} if columns.value else {})
    paths = [with_ids_as(path, id_type) for path in paths]
    return Corpus(Table.of(paths, columns=names, positions=True), id_type, "double")


def _write(rows: Sequence[Row], columns: Columns, path: Path) -> Path:
    import pyarrow as pa

    ids, texts, values, files, lines = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    numbers = bool(rows) and all(isinstance(i, int) and -(2**63) <= i < 2**63 for i in ids)
    held: dict[str, pa.Array] = {
        "id": pa.array(ids if numbers else map(str, ids), pa.int64() if numbers else pa.string()),
        "text": pa.array([t.encode("utf-8", "replace").decode() for t in texts], pa.string()),
        "source": pa.array(files, pa.string()),
        "line": pa.array(lines, pa.int64()),
    }
    if columns.value:
        held["value"] = pa.array(values, pa.float64())
    return write_kept(path, [pa.table(held)])


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def characters_of(table: Table) -> int:
    """Return the characters of all texts of a table."""
    import pyarrow.compute as pc

    name = dict(table.columns).get("text", "text")
    lengths = (pc.sum(pc.utf8_length(batch.column(0).cast("string"))).as_py() for batch in table.batches([name]))
    return sum(filter(None, lengths))


def read_places(table: Table, places: Iterable[int]) -> Mapping[int, str]:
    """Return the texts of some rows of a table, by their places."""
    import pyarrow.parquet as pq

    wanted: dict[int, list[int]] = {}
    for place in sorted(set(places)):
        wanted.setdefault(place >> 32, []).append(place & 0xFFFFFFFF)
    name = dict(table.columns).get("text", "text")
    out: dict[int, str] = {}
    for number, rows in wanted.items():
        with pq.ParquetFile(table.paths[number]) as file:
            low = 0
            for batch in file.iter_batches(batch_size=64, columns=[name]):
                for row in rows[bisect_left(rows, low) : bisect_left(rows, low + batch.num_rows)]:
                    out[number << 32 | row] = batch.column(0)[row - low].as_py() or ""
                low += batch.num_rows
                if low > rows[-1]:
                    break
    return out
