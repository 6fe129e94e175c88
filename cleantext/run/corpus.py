"""Corpora as tables: Parquet files as they are, JSON lines and pages written as Parquet first."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from cleantext.errors import ConfigError, InputError
from cleantext.plan import Table
from cleantext.plan.tables import write_part
from cleantext.report.tally import Report
from cleantext.run.files import Source, read_page

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Columns", "is_table", "read_places", "table_of"]

TABLES = {".parquet", ".jsonl"}
PART = 1 << 25  # characters of a Parquet file that is written of pages or JSON lines


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a corpus: its text, what names a row, and what says which copy stays (the smallest value)."""

    text: str = "text"
    id: str = "id"
    value: str = ""


def is_table(name: str | Path) -> bool:
    """Say whether a file holds many texts: .parquet, .jsonl, and .jsonl packed."""
    path = Path(name)
    return path.suffix in TABLES or (path.suffix in {".gz", ".zst"} and Path(path.stem).suffix == ".jsonl")


def table_of(sources: Sequence[Source], columns: Columns, folder: Path, report: Report) -> tuple[Table, Literal["string", "int64"]]:
    """Return pages, JSON lines and Parquet files as one table ``id, text[, value]``, and the type of its ids.

    Pages that cannot be read are counted in the report. Raise `InputError` for a table without the columns named, or a broken line.
    """
    tables = [s for s in sources if is_table(s.path)]
    if tables and len(tables) < len(sources):
        raise ConfigError(f"{tables[0].id} is a table and {next(s.id for s in sources if s not in tables)} a page: search them in two runs")
    if tables and all(s.path.suffix == ".parquet" for s in tables):
        return _parquet(tables, columns)
    folder.mkdir(parents=True, exist_ok=True)
    rows = _lines(tables, columns) if tables else _pages(sources, report)
    return _written(rows, columns, folder)


def _parquet(sources: Sequence[Source], columns: Columns) -> tuple[Table, Literal["string", "int64"]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = {"id": columns.id, "text": columns.text} | ({"value": columns.value} if columns.value else {})
    kinds = set()
    for source in sources:
        try:
            schema = pq.read_schema(source.path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{source.path}: not a Parquet file that can be read: {error}") from error
        for name in wanted.values():
            if name not in schema.names:
                raise InputError(f"{source.path}: no column {name!r}; it has {', '.join(schema.names)}: name the right one (--text, --id)")
        kinds.add("int64" if pa.types.is_integer(schema.field(columns.id).type) else "string")
    if len(kinds) > 1:
        raise InputError(f"column {columns.id!r} is a number in some files and a string in others: make them one")
    return Table.of([s.path for s in sources], columns=wanted, positions=True), "int64" if kinds == {"int64"} else "string"


def _lines(sources: Sequence[Source], columns: Columns) -> Iterator[tuple[Any, str, Any]]:
    for source in sources:
        if source.path.suffix == ".parquet":
            raise ConfigError(f"{source.id}: Parquet files and JSON lines in one run: search them in two runs")
        with _opened(source.path) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                    yield row[columns.id], str(row[columns.text] or ""), row[columns.value] if columns.value else None
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(
                        f"{source.path}, line {number}: no JSON object with the fields {columns.id!r} and {columns.text!r}: {error}; mend or drop the line"
                    ) from error


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zst":
        import zstandard

        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True))
    return path.open("rb")


def _pages(sources: Sequence[Source], report: Report) -> Iterator[tuple[str, str, None]]:
    for source in sources:
        try:
            page, data, decoded = read_page(source)
        except InputError as error:
            report.fail(source.id, str(error))
            continue
        report.bytes_in += len(data)
        report.encodings[decoded.encoding] += 1
        yield page.id, page.text, None


def _written(rows: Iterable[tuple[Any, str, Any]], columns: Columns, folder: Path) -> tuple[Table, Literal["string", "int64"]]:
    """Write rows as Parquet files of a bounded size."""
    paths: list[Path] = []
    held: list[tuple[Any, str, Any]] = []
    size, kind = 0, None
    for row in rows:
        kind = kind or ("int64" if isinstance(row[0], int) else "string")
        held.append(row)
        size += len(row[1]) + 100
        if size >= PART:
            paths.append(_write(held, kind, columns, folder / f"{len(paths):06d}.parquet"))
            held, size = [], 0
    kind = kind or "string"
    if held or not paths:
        paths.append(_write(held, kind, columns, folder / f"{len(paths):06d}.parquet"))
    names = {"id": "id", "text": "text"} | ({"value": "value"} if columns.value else {})
    return Table.of(paths, columns=names, positions=True), "int64" if kind == "int64" else "string"


def _write(rows: Sequence[tuple[Any, str, Any]], kind: str, columns: Columns, path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids, texts, values = zip(*rows, strict=True) if rows else ((), (), ())
    held: dict[str, pa.Array] = {
        "id": pa.array([str(i) for i in ids] if kind == "string" else ids, pa.string() if kind == "string" else pa.int64()),
        "text": pa.array([t.encode("utf-8", "replace").decode() for t in texts], pa.string()),
    }
    if columns.value:
        held["value"] = pa.array(values, pa.float64())
    with write_part(path) as temporary:
        pq.write_table(pa.table(held), temporary, compression="zstd", row_group_size=10_000)
    return path


def read_places(table: Table, places: Iterable[int]) -> Mapping[int, str]:
    """Return the texts of some rows of a table, by their places."""
    import pyarrow.parquet as pq

    wanted: dict[int, set[int]] = {}
    for place in places:
        wanted.setdefault(place >> 32, set()).add(place & 0xFFFFFFFF)
    name = dict(table.columns).get("text", "text")
    out: dict[int, str] = {}
    for number, rows in wanted.items():
        with pq.ParquetFile(table.paths[number]) as file:
            low = 0
            for g in range(file.num_row_groups):
                high = low + file.metadata.row_group(g).num_rows
                here = sorted(r for r in rows if low <= r < high)
                if here:
                    column = file.read_row_group(g, columns=[name]).column(0)
                    out |= {number << 32 | r: column[r - low].as_py() or "" for r in here}
                low = high
    return out
