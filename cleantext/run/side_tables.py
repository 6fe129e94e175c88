"""The tables next to a corpus: its edits and its duplicates."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cleantext.changes import I32, Changes, EditColumns, Ragged, to_original
from cleantext.edits import Choice, Edit, OffsetMap
from cleantext.errors import InputError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import Report
from cleantext.run.files import whole, write_jsonl
from cleantext.run.search.duplicate_search import Searched
from cleantext.run.writers.schema import SCHEMA
from cleantext.transform import Step

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cleantext.plan import Table

__all__ = [
    "REMOVED",
    "copy_table",
    "edits_writer",
    "numbered",
    "read_edits",
    "read_steps",
    "readers_of",
    "removal_rows",
    "renamed_pages",
    "steps_of",
    "tables_of",
    "write_edits",
    "write_found",
    "write_table",
]

REMOVED = "dedup"  # the name of the transform in edits that remove duplicates
MOST_ORIGINS = 100_000  # limit of pairs whose spans are mapped back to the texts as read; nobody looks at each of more pairs
SPANS = ("a_start", "a_end", "b_start", "b_end")
ORIGINAL = tuple(f"original_{name}" for name in SPANS)


def _schema() -> pa.Schema:
    import pyarrow as pa

    name = pa.dictionary(pa.int32(), pa.string())
    fields = [("page", name), ("step", pa.int8()), ("transform", name), ("rule", name), ("start", pa.int32()), ("end", pa.int32())]
    fields += [("before", pa.string()), ("after", pa.string()), ("original_start", pa.int32()), ("original_end", pa.int32())]
    fields += [("alternatives", pa.list_(pa.string())), ("margin", pa.float32())]
    return pa.schema([*fields, ("shard", pa.int32())], metadata={"cleantext_schema": SCHEMA})


def _rows(pages: Sequence[str], step: int, transform: str, edits: EditColumns, earlier: Sequence[EditColumns]) -> pa.Table:
    """Return the edits of one step as a table; ``original_*`` are their spans in the text as read."""
    import pyarrow as pa

    start, end = edits.start, edits.end
    for before in reversed(earlier):
        start, end = to_original(before, edits.page, start, end)
    n = len(edits)
    alternatives, margin = edits.alternatives()
    columns = {
        "page": pa.DictionaryArray.from_arrays(pa.array(edits.page), pa.array(pages, pa.string())),
        "step": pa.array(np.full(n, step, np.int8)),
        "transform": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([transform])),
        "rule": pa.DictionaryArray.from_arrays(pa.array(edits.rule), pa.array(edits.rules, pa.string())),
        "start": pa.array(edits.start),
        "end": pa.array(edits.end),
        "before": edits.before.arrow(),
        "after": edits.after.arrow(),
        "original_start": pa.array(start),
        "original_end": pa.array(end),
        "alternatives": alternatives,
        "margin": margin,
        "shard": pa.array(np.zeros(n, np.int32)),  # set when the shards are joined
    }
    return pa.table(columns, schema=_schema())


def write_edits(path: Path, pages: Sequence[str], pipeline: Pipeline, steps: Sequence[Changes]) -> None:
    """Write the edits of a batch as Arrow, step after step, with offsets in the text that each step was given."""
    import pyarrow as pa

    columns = [changes.columns for changes in steps]
    # The steps have different dictionaries, which only the stream format can hold.
    with pa.ipc.new_stream(path, _schema()) as writer:
        for n, (transform, edits) in enumerate(zip(pipeline.steps, columns, strict=True)):
            if len(edits):
                writer.write_table(_rows(pages, n, transform.id, edits, [c for c in columns[:n] if len(c)]))


def tables_of(path: Path, pages: Iterable[str] | None = None) -> Iterator[pa.Table]:
    """Yield the tables of edits.parquet, one for each shard, including the removal of duplicates; or the table of a shard's part.

    With ``pages``, shards without any of these pages may be left out.
    """
    import pyarrow as pa

    if path.suffix == ".parquet":
        yield from (read() for read in readers_of(path, pages))
    else:
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
            batches = list(stream)
            yield (
                pa.concat_tables([pa.Table.from_batches([b]) for b in batches]).unify_dictionaries() if batches else _schema().empty_table()
            )


def readers_of(path: Path, pages: Iterable[str] | None = None) -> list[Callable[[], pa.Table]]:
    """Return for each table of edits.parquet, or for those with edits of some ``pages``, a function that reads it.

    This and these functions raise `InputError` if the file is damaged or not one of ours.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = None if pages is None else pa.array(sorted(pages), pa.string())

    def has(number: int) -> bool:
        """Return whether a row group has one of the pages; looks at its distinct names, not at each edit."""
        column = file.read_row_group(number, columns=["page"])["page"]
        return any(pc.any(pc.is_in(chunk.dictionary, value_set=wanted)).as_py() for chunk in column.chunks)

    def read(number: int) -> pa.Table:
        try:
            table = file.read_row_group(number)
            table.validate(full=True)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"{path}: damaged: {error}; clean the pages again") from error
        return table

    try:
        file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)
        schema = file.schema_arrow
        sound = (schema.metadata or {}).get(b"cleantext_schema") == SCHEMA.encode() and schema.equals(_schema())
        asked = [n for n in range(file.num_row_groups) if not sound or wanted is None or has(n)]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged: {error}; clean the pages again") from error
    if not sound:
        raise InputError(f"{path}: not written by this version of cleantext (schema {SCHEMA}); read it with the version that wrote it")
    return [partial(read, n) for n in asked]


def _parquet(path: Path) -> pq.ParquetWriter:
    """Open edits.parquet: delta-coded offsets take half the space of plain ones and are faster to write."""
    import pyarrow.parquet as pq

    numbers = ("step", "start", "end", "original_start", "original_end", "shard")
    coded = [f.name for f in _schema() if f.name not in numbers or f.name == "shard"]
    delta = {n: "DELTA_BINARY_PACKED" for n in numbers if n not in ("step", "shard")}
    options = {"compression": "zstd", "compression_level": 1, "write_statistics": False, "write_page_checksum": True}
    return pq.ParquetWriter(path, _schema(), use_dictionary=coded, column_encoding=delta, **options)


def read_edits(path: Path, pages: Iterable[str] | None = None) -> dict[str, list[tuple[str, list[Edit]]]]:
    """Read edits as ``page -> [(transform, edits)]`` in the order of the steps; of some pages, or of all."""
    out: dict[str, list[tuple[str, list[Edit]]]] = {}
    pages = None if pages is None else set(pages)
    for table in tables_of(path, pages):
        for page, steps in steps_of(table, pages).items():
            out[page] = out.get(page, []) + steps
    return out


def steps_of(table: pa.Table, pages: Iterable[str] | None = None) -> dict[str, list[tuple[str, list[Edit]]]]:
    """Return the edits of one table as ``page -> [(transform, edits)]``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pages is not None:
        table = table.filter(pc.is_in(table["page"].cast("string"), value_set=pa.array(sorted(pages), pa.string())))
    columns = (table[n].to_pylist() for n in ("page", "step", "transform", "start", "end", "before", "after", "rule"))
    by_page: dict[str, list[tuple[int, int, str, Edit]]] = defaultdict(list)
    for page, step, transform, start, end, before, after, rule in zip(*columns, strict=True):
        by_page[page].append((step, start, transform, Edit(start, end, before, after, rule)))
    return {
        page: [(transform, [r[3] for r in group]) for (_, transform), group in groupby(sorted(rows), key=lambda r: (r[0], r[2]))]
        for page, rows in by_page.items()
    }


def read_steps(path: Path, page: str) -> tuple[Step, ...]:
    """Read the steps of one page, including the candidates that its edits chose among."""
    import pyarrow.compute as pc

    rows = [row for table in tables_of(path, [page]) for row in table.filter(pc.equal(table["page"].cast("string"), page)).to_pylist()]
    found: dict[int, Step] = {}
    for row in sorted(rows, key=lambda row: (row["step"], row["start"])):
        step = found.get(row["step"], Step(row["transform"], ()))
        edit = Edit(*(row[name] for name in Edit._fields))
        chosen = () if row["margin"] is None else (Choice(*edit[:2], edit.after, tuple(row["alternatives"]), row["margin"]),)
        found[row["step"]] = Step(step.transform, (*step.edits, edit), (*step.choices, *chosen))
    return tuple(found.values())


# ---------------------------------------------------------------- edits that remove duplicates


def edits_writer(path: Path) -> Any:
    """Yield a writer of edits.parquet, with one row group per shard; the file is written completely or not at all."""

    @contextlib.contextmanager
    def opened() -> Iterator[pq.ParquetWriter]:
        with whole(path) as temporary, _parquet(temporary) as writer:
            yield writer

    return opened()


def numbered(edits: pa.Table, shard: int) -> pa.Table:
    """Return the edits of a shard with its number."""
    import pyarrow as pa

    at = edits.schema.get_field_index("shard")
    return edits.set_column(at, edits.schema.field(at), pa.array(np.full(edits.num_rows, shard, np.int32)))


def removal_rows(edits: pa.Table, removed: Mapping[str, Sequence[Edit]], step: int) -> pa.Table:
    """Return the removal of duplicates as a table of edits: one more step after those of the pipeline, which ``edits`` of the shard hold."""
    pages = list(removed)
    return _rows(pages, step, REMOVED, Changes(dict(enumerate(removed.values()))).columns, _places(edits, pages))


def _places(edits: pa.Table, pages: Sequence[str]) -> list[EditColumns]:
    """Return the edits of some pages step by step, without their texts: mapping offsets needs only their positions and lengths."""
    import pyarrow as pa
    import pyarrow.compute as pc

    edits = edits.append_column("number", pc.index_in(edits["page"].cast(pa.string()), pa.array(pages, pa.string())))
    edits = edits.filter(pc.is_valid(edits["number"])).sort_by([("step", "ascending"), ("number", "ascending"), ("start", "ascending")])
    rule = edits["rule"].combine_chunks().cast(pa.string()).dictionary_encode()
    number, start, end, steps, rules = (c.to_numpy() for c in (edits["number"], edits["start"], edits["end"], edits["step"], rule.indices))
    before, after = (pc.utf8_length(edits[name]).to_numpy() for name in ("before", "after"))

    def sized(lengths: I32) -> Ragged:
        return Ragged(np.zeros(0, np.uint32), np.append(0, np.cumsum(lengths, dtype=np.int64)))

    bounds = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    return [
        EditColumns(
            number[a:b], start[a:b], end[a:b], sized(before[a:b]), sized(after[a:b]), rules[a:b], tuple(rule.dictionary.to_pylist())
        )
        for a, b in pairwise(bounds)
        if a < b
    ]


def renamed_pages(path: Path, names: Mapping[str, str], out: Path) -> Path:
    """Write the edits of a shard with other names for some pages."""
    import pyarrow as pa

    [table] = tables_of(path)
    pages = table["page"].combine_chunks()
    pages = pages.chunk(0) if isinstance(pages, pa.ChunkedArray) else pages
    known = pa.array([names.get(name, name) for name in pages.dictionary.to_pylist()], pa.string())
    with pa.ipc.new_stream(out, _schema()) as writer:
        writer.write_table(table.set_column(0, _schema().field(0), pa.DictionaryArray.from_arrays(pages.indices, known)))
    return out


def _ints(values: Sequence[int | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.int32())


# ---------------------------------------------------------------- duplicates


class _Origin:
    """Maps spans of a cleaned page to its text as read."""

    def __init__(self, steps: Sequence[tuple[str, Sequence[Edit]]]) -> None:
        self.maps = [OffsetMap(edits) for _, edits in steps]

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        for step in reversed(self.maps):
            start, end = step.to_original(start, end)
        return start, end


def _origins(parts: Sequence[Path], pages: Iterable[str]) -> dict[str, _Origin]:
    wanted = set(pages)
    out = {page: _Origin(()) for page in wanted}
    for each in parts:
        out |= {page: _Origin(steps) for page, steps in read_edits(each, wanted).items()}
    return out


def _original(pair: Mapping[str, Any], origins: Mapping[str, _Origin] | None) -> dict[str, int | None]:
    """Return the spans of a pair in the texts as read."""
    found: dict[str, int | None] = dict.fromkeys(ORIGINAL)
    for side in "ab" if origins is not None else "":
        span = origins[str(pair[side])](pair[f"{side}_start"], pair[f"{side}_end"])  # type: ignore[index]
        found[f"original_{side}_start"], found[f"original_{side}_end"] = span
    return found


def write_found(out: Path, found: Searched, report: Report, *, edits: Sequence[Path] | None, reference: bool = False) -> set[str]:
    """Write and count what a search found; return the names of the tables.

    ``edits`` are the parts that map spans to the texts as read, if there are any; ``reference`` means that the texts kept in clusters are references.
    """
    pairs = found.tables["pairs"]
    names = {"clusters": "clusters.parquet", "stretches": "boilerplate.parquet", "cuts": "cuts.parquet"}
    few = edits is not None and pairs.rows <= MOST_ORIGINS
    rows = pairs.read().select(["a", "b", *SPANS]).to_pylist() if few else []
    told = [*found.examples, *found.listed]
    origins = _origins(edits, {str(row[side]) for row in (*rows, *told) for side in "ab"}) if edits is not None else None
    if few and origins is not None:
        table = pairs.read()
        spans = [_original(row, origins) for row in rows]
        for name in ORIGINAL:
            table = table.append_column(name, _ints([span[name] for span in spans]))
        write_table(table, out / "duplicates.parquet")
    else:
        copy_table(pairs, out / "duplicates.parquet", nulls=ORIGINAL)
    for row in told:
        row.update(_original(row, origins))
    for name, file in names.items():
        if name in found.tables:
            copy_table(found.tables[name], out / file, reference=reference and name == "clusters")
    write_jsonl(out / "duplicates.jsonl", found.listed)
    report.duplicates = {**{k: v for k, v in found.facts.items() if k != "characters"}, "examples": found.examples}
    return {"duplicates.parquet", "duplicates.jsonl", *(file for name, file in names.items() if name in found.tables)}


def copy_table(table: Table, path: Path, *, reference: bool = False, nulls: Sequence[str] = ()) -> None:
    """Write a table of a plan as an output, completely or not at all, with the version of its schema; ``nulls`` are integer columns of unknown values.

    ``reference`` adds a column of this name to clusters, which is true for references: the rows that are kept.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = pq.read_schema(table.paths[0])
    names = [name.replace("low", "start").replace("high", "end") for name in held.names]  # `end` is a reserved word of SQL
    fields = [field.with_name(name) for field, name in zip(held, names, strict=True)]
    fields += [pa.field(name, pa.int32()) for name in nulls]
    schema = pa.schema([*fields, *([pa.field("reference", pa.bool_())] if reference else [])], metadata={"cleantext_schema": SCHEMA})
    with whole(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for batch in table.batches():
            columns = [
                *batch.columns,
                *(pa.nulls(batch.num_rows, pa.int32()) for _ in nulls),
                *([batch.column("keeper")] if reference else []),
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as an output, completely or not at all, with the version of its schema."""
    import pyarrow.parquet as pq

    with whole(path) as temporary:
        pq.write_table(table.replace_schema_metadata({"cleantext_schema": SCHEMA}), temporary, compression="zstd")
