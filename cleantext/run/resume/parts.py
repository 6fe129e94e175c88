"""Parts of a corpus as Parquet: those of an interrupted run are reused, and each id names one row."""

from __future__ import annotations

import contextlib
import filecmp
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cleantext.plan import Table
from cleantext.plan.tables import write_part
from cleantext.run.files import naming
from cleantext.run.readers.page_batches import made_id
from cleantext.run.readers.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

    from cleantext.run.search.search_input import Faults

__all__ = ["Corpus", "IdType", "ValueType", "named_once", "repeated", "with_ids_as", "write_kept"]

IdType = Literal["string", "int64"]
ValueType = Literal["int64", "double"]


class Corpus(NamedTuple):
    """A table of texts, the type of its ids, and that of the value that decides which copy is kept."""

    table: Table
    id_type: IdType
    value_type: ValueType


def write_kept(path: Path, tables: Iterable[pa.Table]) -> Path:
    """Write tables as one file; an equal file of an interrupted run is kept: it is the input with which the run began."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = path.with_name(f"new-{path.name}")
    with naming(path), write_part(made) as temporary, contextlib.ExitStack() as stack:
        writer = None
        for table in tables:
            writer = writer or stack.enter_context(pq.ParquetWriter(temporary, table.schema, compression="zstd"))
            writer.write_table(table, row_group_size=10_000)
        if writer is None:  # of an empty file
            stack.enter_context(pq.ParquetWriter(temporary, pa.schema([("id", pa.string()), ("text", pa.string())])))
    if path.exists() and filecmp.cmp(path, made, shallow=False):
        made.unlink()
    else:
        made.replace(path)
    return path


def with_ids_as(path: Path, id_type: IdType) -> Path:
    """Return a part with ids of a type: the same part, if they have it already."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.string() if id_type == "string" else pa.int64()
    if pq.read_schema(path).field("id").type == kind:
        return path
    with pq.ParquetFile(path, pre_buffer=False) as file:
        parts = (pa.Table.from_batches([batch]) for batch in file.iter_batches(batch_size=10_000))
        return write_kept(
            path.with_name(f"{id_type}-{path.name}"),
            (t.set_column(t.schema.get_field_index("id"), "id", t["id"].cast(kind)) for t in parts),
        )


def named_once(corpus: Corpus, sources: Sequence[Source], folder: Path, faults: Faults, *, carry: bool = False) -> Corpus:
    """Return the corpus with distinct ids: an id that occurred before is replaced by file and line. ``carry`` keeps further columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    again = repeated(corpus.table, folder)
    if not again:
        return corpus
    folder.mkdir(parents=True, exist_ok=True)
    names = dict(corpus.table.columns)
    id_name = names["id"]
    given = {str(s.path.absolute()): s for s in sources}
    paths = []
    for n, part in enumerate(corpus.table.parts):
        if n not in again and corpus.id_type == "string":
            paths.append(Path(part.path))
            continue
        rows = set(again.get(n, ()))

        def tables(part: Any = part, rows: set[int] = rows) -> Iterator[pa.Table]:
            at = 0
            with pq.ParquetFile(part.path, pre_buffer=False) as file:
                ours = "line" in file.schema_arrow.names and part.path not in given
                columns = None if carry or ours else list(names.values())
                for batch in file.iter_batches(batch_size=10_000, columns=columns):
                    table = pa.Table.from_batches([batch])
                    ids = table[id_name].cast(pa.string()).to_pylist()
                    for row in sorted(rows.intersection(range(at, at + batch.num_rows))):
                        source, line = (
                            (table["source"][row - at].as_py(), table["line"][row - at].as_py()) if ours else (given[part.path].id, row + 1)
                        )
                        faults.twice(source, line, ids[row - at])
                        ids[row - at] = made_id(source, line)
                    at += batch.num_rows
                    yield table.set_column(table.column_names.index(id_name), id_name, pa.array(ids, pa.string()))

        paths.append(write_kept(folder / f"once-{n:06d}.parquet", tables()))
    return Corpus(Table.of(paths, columns=names, positions=True), "string", corpus.value_type)


def repeated(table: Table, folder: Path) -> dict[int, list[int]]:
    """Return the rows whose id occurs in an earlier row, by parts."""
    import duckdb
    import pyarrow as pa

    name = '"' + dict(table.columns).get("id", "id").replace('"', '""') + '"'
    files = pa.table({"part": pa.array(range(len(table.paths)), pa.int64()), "filename": table.paths})
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[int, list[int]] = {}
    config: Any = {"memory_limit": "512MiB", "temp_directory": str(folder / "spill"), "preserve_insertion_order": "false", "threads": 2}
    with naming(folder), duckdb.connect(config=config) as database:
        database.register("files", files)
        paths = ", ".join("'" + path.replace("'", "''") + "'" for path in table.paths)
        read = f"read_parquet([{paths}], filename = true, file_row_number = true)"  # one scan: more would each take memory
        database.execute(f"CREATE TEMP TABLE twice AS SELECT {name} AS id FROM {read} GROUP BY {name} HAVING count(*) > 1")
        if not database.execute("SELECT count(*) FROM twice").fetchall()[0][0]:
            return {}
        rows = database.execute(
            f"""
            SELECT part, row FROM (
                SELECT part, file_row_number AS row, row_number() OVER (PARTITION BY {name} ORDER BY part, file_row_number) AS n
                FROM {read} p JOIN files f ON p.filename = f.filename WHERE {name} IN (SELECT id FROM twice)
            ) WHERE n > 1 ORDER BY part, row
            """
        )
        while batch := rows.fetchmany(10_000):
            for part, row in batch:
                found.setdefault(part, []).append(row)
    return found
