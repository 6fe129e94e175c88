"""Corpora as tables: Parquet files as they are, JSON lines and pages written as Parquet first."""

from __future__ import annotations

import contextlib
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cleantext.errors import ConfigError, InputError
from cleantext.plan import Table
from cleantext.plan.tables import write_part
from cleantext.report.tally import Report
from cleantext.run.files import Source, read_page
from cleantext.run.packed import MAX_TEXT_BYTES, PACKED, lines_of, unpacked_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Columns", "Corpus", "is_table", "read_places", "table_of"]

TABLES = {".parquet", ".jsonl"}
PART = 1 << 25  # characters of a Parquet file that is written of pages or JSON lines


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a corpus: its text, what names a row, and what says which copy stays (the smallest value)."""

    text: str = "text"
    id: str = "id"
    value: str = ""


Row = tuple[str | int, str, float | None]  # id, text, value


class Corpus(NamedTuple):
    """A table of texts, the type of its ids, and that of what says which copy stays."""

    table: Table
    id_type: Literal["string", "int64"]
    value_type: Literal["int64", "double"]


def is_table(name: str | Path) -> bool:
    """Say whether a file holds many texts: .parquet, .jsonl, and .jsonl packed."""
    path = Path(name)
    return path.suffix in TABLES or (path.suffix.lower() in PACKED and Path(unpacked_name(path.name)).suffix == ".jsonl")


def table_of(sources: Sequence[Source], columns: Columns, folder: Path, report: Report) -> Corpus:
    """Return pages, JSON lines and Parquet files as one table ``id, text[, value]``.

    Pages that cannot be read are counted in the report. Raise `InputError` for a table without the columns named,
    for a broken line, and for ids that are none.
    """
    tables = [s for s in sources if is_table(s.path)]
    if tables and len(tables) < len(sources):
        other = next(s.id for s in sources if not is_table(s.path))
        raise ConfigError(f"{tables[0].id} is a table of texts and {other} is none: search them in two runs, or name the tables alone")
    if tables and all(s.path.suffix == ".parquet" for s in tables):
        return _parquet(tables, columns)
    if columns.value and not tables:
        raise ConfigError(f"pages have no column {columns.value!r}: say which copy stays with --keep")
    folder.mkdir(parents=True, exist_ok=True)
    return _written(_lines(tables, columns) if tables else _pages(sources, report), columns, folder)


def _parquet(sources: Sequence[Source], columns: Columns) -> Corpus:
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = {"id": columns.id, "text": columns.text} | ({"value": columns.value} if columns.value else {})
    kinds, values = set(), set()
    for source in sources:
        try:
            file = pq.ParquetFile(source.path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{source.path}: not a Parquet file that can be read: {error}") from error
        with file:
            schema = file.schema_arrow
            for name in wanted.values():
                if name not in schema.names:
                    raise InputError(
                        f"{source.path}: no column {name!r}; it has {', '.join(schema.names)}: name the right one (--text, --id)"
                    )
            kinds.add(_id_type(source.path, schema.field(columns.id)))
            if not _is_text(schema.field(columns.text).type):
                raise InputError(
                    f"{source.path}: column {columns.text!r} is {schema.field(columns.text).type}, not text: name another (--text)"
                )
            if columns.value:
                values.add(_value_type(source.path, schema.field(columns.value)))
            if any(batch.column(0).null_count for batch in file.iter_batches(columns=[columns.id])):
                raise InputError(f"{source.path}: column {columns.id!r} has rows without an id: give each one")
    if len(kinds) > 1 or len(values) > 1:
        raise InputError(f"{sources[0].path}: a column has other types in other files: make them one")
    return Corpus(Table.of([s.path for s in sources], columns=wanted, positions=True), kinds.pop(), values.pop() if values else "double")


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _id_type(path: Path, field: pa.Field) -> Literal["string", "int64"]:
    import pyarrow as pa

    if pa.types.is_integer(field.type) and field.type != pa.uint64():
        return "int64"
    if _is_text(field.type):
        return "string"
    raise InputError(f"{path}: column {field.name!r} is {field.type}: ids are strings or integers of at most 64 bits with a sign (--id)")


def _value_type(path: Path, field: pa.Field) -> Literal["int64", "double"]:
    import pyarrow as pa

    if (pa.types.is_integer(field.type) and field.type != pa.uint64()) or pa.types.is_temporal(field.type):
        return "int64"
    if pa.types.is_floating(field.type):
        return "double"
    raise InputError(f"{path}: column {field.name!r} is {field.type}: what says which copy stays is a number or a date (--prefer)")


def _lines(sources: Sequence[Source], columns: Columns) -> Iterator[Row]:
    kind: type | None = None
    for source in sources:
        if source.path.suffix == ".parquet":
            raise ConfigError(f"{source.id}: Parquet files and JSON lines in one run: search them in two runs")
        number = 0
        try:
            for line in lines_of(source.path):
                number += 1
                if line.strip():
                    row = _row(json.loads(line), columns, kind)
                    kind = type(row[0])
                    yield row
        except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
            told = f"no field {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{source.path}, line {number or 1}: {told}; mend or drop it") from error


def _row(held: dict[str, Any], columns: Columns, kind: type | None) -> Row:
    """Take one row out of a JSON object. Raise `ValueError`, `TypeError` or `KeyError` with what is wrong."""
    if not isinstance(held, dict):
        raise TypeError("no JSON object")
    name, text, value = held[columns.id], held[columns.text], held[columns.value] if columns.value else None
    if not isinstance(name, (str, int)) or isinstance(name, bool) or (kind and not isinstance(name, kind)):
        raise TypeError(f"id {name!r}: ids are all strings or all integers")
    if isinstance(name, int) and not -(2**63) <= name < 2**63:
        raise ValueError(f"id {name}: integers have at most 64 bits")
    if isinstance(name, str):
        name.encode()
    if not isinstance(text, str) and text is not None:
        raise TypeError(f"field {columns.text!r} is no string")
    if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool)):
        raise TypeError(f"field {columns.value!r} is no number: {value!r}")
    return name, text or "", value


def _pages(sources: Sequence[Source], report: Report) -> Iterator[Row]:
    for source in sources:
        try:
            page, data, decoded = read_page(source, most=MAX_TEXT_BYTES)
        except InputError as error:
            report.fail(source.id, str(error))
            continue
        report.bytes_in += len(data)
        report.encodings[decoded.encoding] += 1
        yield page.id, page.text, None


def _written(rows: Iterable[Row], columns: Columns, folder: Path) -> Corpus:
    """Write rows as Parquet files of a bounded size."""
    paths: list[Path] = []
    held: list[Row] = []
    size = 0
    kind: Literal["string", "int64"] = "string"
    for row in rows:
        kind = "int64" if isinstance(row[0], int) else "string"
        held.append(row)
        size += len(row[1]) + 100
        if size >= PART:
            paths.append(_write(held, kind, columns, folder / f"{len(paths):06d}.parquet"))
            held, size = [], 0
    if held or not paths:
        paths.append(_write(held, kind, columns, folder / f"{len(paths):06d}.parquet"))
    names = {"id": "id", "text": "text"} | ({"value": "value"} if columns.value else {})
    return Corpus(Table.of(paths, columns=names, positions=True), kind, "double")


def _write(rows: Sequence[Row], kind: str, columns: Columns, path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids, texts, values = zip(*rows, strict=True) if rows else ((), (), ())
    held: dict[str, pa.Array] = {
        "id": pa.array(ids, pa.string() if kind == "string" else pa.int64()),
        "text": pa.array([t.encode("utf-8", "replace").decode() for t in texts], pa.string()),
    }
    if columns.value:
        held["value"] = pa.array(values, pa.float64())
    made = pa.table(held)
    with contextlib.suppress(OSError, pa.ArrowException):
        if pq.read_table(path).equals(made):
            return path  # of a run that was stopped: left as it is, it is the input that the run began with
    with write_part(path) as temporary:
        pq.write_table(made, temporary, compression="zstd", row_group_size=10_000)
    return path


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
