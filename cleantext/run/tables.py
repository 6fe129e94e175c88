"""The tables beside the cleaned pages: edits, metadata, duplicates, the report."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cleantext.changes import Changes, EditColumns, to_original
from cleantext.edits import Edit, OffsetMap, apply
from cleantext.errors import InputError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import Report
from cleantext.run.files import check_place, drop_found, settle, unwritable, whole, write_jsonl, write_whole
from cleantext.run.paths import inside
from cleantext.run.settings import EDITS, EDITS_PART, METADATA, Settings, Shard, page_folder, part
from cleantext.run.state import rows_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cleantext.dedup import Duplicates
    from cleantext.plan import Table

__all__ = [
    "REMOVED",
    "SCHEMA",
    "copy_table",
    "finish",
    "read_edits",
    "readers_of",
    "steps_of",
    "tables_of",
    "write_edits",
    "write_pairs",
    "write_table",
]

SCHEMA = "1"  # of all Parquet outputs; raised when columns change
REMOVED = "dedup"  # the transform of edits that remove duplicates
SHOWN = 200  # pairs that report.json and report.html show with their texts
EXCERPT = 300  # characters of a text in duplicates.jsonl: a page of one line a thousand times has a thousand pairs
LONGER = 1_000  # and of the few in report.json


def _schema() -> pa.Schema:
    import pyarrow as pa

    name = pa.dictionary(pa.int32(), pa.string())
    fields = [("page", name), ("step", pa.int8()), ("transform", name), ("rule", name), ("start", pa.int32()), ("end", pa.int32())]
    fields += [("before", pa.string()), ("after", pa.string()), ("original_start", pa.int32()), ("original_end", pa.int32())]
    return pa.schema(fields, metadata={"cleantext_schema": SCHEMA})


def _rows(pages: Sequence[str], step: int, transform: str, edits: EditColumns, earlier: Sequence[EditColumns]) -> pa.Table:
    """Return the edits of one step as a table; ``original_*`` are their spans in the text as read."""
    import pyarrow as pa

    start, end = edits.start, edits.end
    for before in reversed(earlier):
        start, end = to_original(before, edits.page, start, end)
    n = len(edits)
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
    }
    return pa.table(columns, schema=_schema())


def write_edits(path: Path, pages: Sequence[str], pipeline: Pipeline, steps: Sequence[Changes]) -> None:
    """Write the edits of a batch as Arrow, step after step, each in the offsets of the text it was given."""
    import pyarrow as pa

    columns = [changes.columns for changes in steps]
    # Dictionaries differ between the steps, which only the stream format can hold.
    with pa.ipc.new_stream(path, _schema()) as writer:
        for n, (transform, edits) in enumerate(zip(pipeline.steps, columns, strict=True)):
            if len(edits):
                writer.write_table(_rows(pages, n, transform.id, edits, [c for c in columns[:n] if len(c)]))


def tables_of(path: Path) -> Iterator[pa.Table]:
    """Yield the tables of edits.parquet, one for each shard and last what was removed as duplicate; or that of a shard's part."""
    import pyarrow as pa

    if path.suffix == ".parquet":
        yield from (read() for read in readers_of(path))
    else:
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
            batches = list(stream)
            yield (
                pa.concat_tables([pa.Table.from_batches([b]) for b in batches]).unify_dictionaries() if batches else _schema().empty_table()
            )


def readers_of(path: Path) -> list[Callable[[], pa.Table]]:
    """Return for each table of edits.parquet the function that reads it. Both raise `InputError` where the file is damaged or another's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read(number: int) -> pa.Table:
        try:
            table = file.read_row_group(number)
            table.validate(full=True)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"{path}: damaged: {error}; clean the pages again") from error
        return table

    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        schema = file.schema_arrow
        sound = (schema.metadata or {}).get(b"cleantext_schema") == SCHEMA.encode() and schema.equals(_schema())
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged: {error}; clean the pages again") from error
    if not sound:
        raise InputError(f"{path}: not written by this version of cleantext (schema {SCHEMA}); read it with the version that wrote it")
    return [partial(read, n) for n in range(file.num_row_groups)]


def _parquet(path: Path) -> pq.ParquetWriter:
    """Open edits.parquet: delta-coded offsets are half as large and quicker to write than plain ones."""
    import pyarrow.parquet as pq

    numbers = ("step", "start", "end", "original_start", "original_end")
    coded = [f.name for f in _schema() if f.name not in numbers]
    delta = {n: "DELTA_BINARY_PACKED" for n in numbers if n != "step"}
    options = {"compression": "zstd", "compression_level": 1, "write_statistics": False, "write_page_checksum": True}
    return pq.ParquetWriter(path, _schema(), use_dictionary=coded, column_encoding=delta, **options)


def read_edits(path: Path, pages: Iterable[str] | None = None) -> dict[str, list[tuple[str, list[Edit]]]]:
    """Read edits as ``page -> [(transform, edits)]`` in the order of the steps; of some pages, or of all."""
    out: dict[str, list[tuple[str, list[Edit]]]] = {}
    for table in tables_of(path):
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


# ---------------------------------------------------------------- the end of a run


def finish(out: Path, shards: Sequence[Shard], settings: Settings, report: Report) -> None:
    """Join the shards' tables, and find duplicates."""
    rows = [row for s in shards for row in rows_of(part(out, s, METADATA))]
    parts = [part(out, s, EDITS_PART) for s in shards] if settings.record else []
    removed: dict[str, list[Edit]] = {}
    if settings.duplicates != "off":
        removed = _duplicates(out, rows, parts, settings, report)
    else:
        drop_found(out, set())
    if settings.record:
        _join_edits(out / EDITS, parts, removed, settings, report)
    else:
        (out / EDITS).unlink(missing_ok=True)
    write_jsonl(out / METADATA, rows)
    if report.failures:
        write_jsonl(out / "failed.jsonl", report.failures)
    else:
        (out / "failed.jsonl").unlink(missing_ok=True)


def _join_edits(path: Path, parts: Sequence[Path], removed: Mapping[str, Sequence[Edit]], settings: Settings, report: Report) -> None:
    with whole(path) as temporary, _parquet(temporary) as writer:
        for each in parts:
            for table in tables_of(each):
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
        if removed:
            writer.write_table(_removals(parts, removed, settings, report))


def _removals(parts: Sequence[Path], removed: Mapping[str, Sequence[Edit]], settings: Settings, report: Report) -> pa.Table:
    """Return what was removed as duplicate as a table of edits: one more step behind those of the pipeline."""
    pages = sorted(removed)
    columns = Changes({n: removed[page] for n, page in enumerate(pages)}).columns
    report.count(REMOVED, pages, columns)
    original = _origins(parts, pages)
    table = _rows(pages, len(settings.pipeline.steps), REMOVED, columns, [])
    spans = [original[page](e.start, e.end) for page in pages for e in removed[page]]
    for name, values in zip(("original_start", "original_end"), zip(*spans, strict=True), strict=True):
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), _ints(values))
    return table


def _ints(values: Sequence[int | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.int32())


# ---------------------------------------------------------------- duplicates


class _Origin:
    """Carries spans of a cleaned page back to its text as read."""

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


def _duplicates(out: Path, rows: list[dict[str, Any]], parts: Sequence[Path], settings: Settings, report: Report) -> dict[str, list[Edit]]:
    """Find duplicates among the cleaned pages and write their tables; where asked to, remove and say what."""
    from cleantext.dedup import find_duplicates

    kept = [row for row in rows if row["outcome"] != "failed" and (not settings.removes or _has_place(out, row, report))]
    folder = page_folder(out, settings)
    ids = [row["id"] for row in kept]
    texts = [inside(folder, row["output"]).read_bytes().decode() for row in kept]
    level: Literal["document", "passage"] = "document" if settings.duplicates == "documents" else "passage"
    options = {"threshold": settings.threshold, "min_chars": settings.min_chars, "max_df": settings.max_df}
    found = find_duplicates(texts, ids=ids, level=level, **options)  # type: ignore[arg-type]
    removed = {i: list(found.edits_for(i)) for i in ids} if settings.removes else {}
    removed = {
        row["id"]: _with_title(row, text, removed[row["id"]]) for row, text in zip(kept, texts, strict=True) if removed.get(row["id"])
    }
    drop_found(out, write_pairs(out, found, dict(zip(ids, texts, strict=True)), parts if settings.record else None, report))
    if settings.removes:
        for row, text in zip(kept, texts, strict=True):
            _remove(out, row, text, removed.get(row["id"], []), report)
        settle(out / row["output"] for row in kept if row["output"])
    return removed


def _has_place(out: Path, row: dict[str, Any], report: Report) -> bool:
    """Say whether a page that lies aside can go to its place; else it fails now, before others are removed as its copies."""
    try:
        check_place(out, row["output"])
    except InputError as error:
        why = f"{row['id']}: cannot be written: {error}"
    except OSError as error:
        why = unwritable(row["id"], error)
    else:
        return True
    report.outcomes[row["outcome"]] -= 1
    report.chars_out -= row["chars_out"]
    report.changed -= row["output_sha256"] != row["sha256"]
    report.flags -= Counter(row["flags"])
    report.fail(row["id"], why)
    row["outcome"], row["output"] = "failed", None
    return False


def _with_title(row: Mapping[str, Any], text: str, edits: list[Edit]) -> list[Edit]:
    """Return what is removed of a page as duplicate, and its title where nothing else would be left: such a page is one that stands elsewhere."""
    left = apply(text, edits)
    title = row.get("title")
    if not title or left.split() != str(title).split():
        return edits
    from cleantext.dedup.removal import TITLE

    ends = [0, *(e.end for e in edits)]
    starts = [*(e.start for e in edits), len(text)]
    rest = [Edit(a, b, text[a:b], "", TITLE) for a, b in zip(ends, starts, strict=True) if a < b]
    return sorted([*edits, *rest], key=lambda e: e.start)


def _remove(out: Path, row: dict[str, Any], text: str, edits: Sequence[Edit], report: Report) -> None:
    """Write one page without what stands elsewhere too; a page of which nothing stays is no file."""
    left = apply(text, edits)
    report.chars_out += len(left) - len(text)
    report.changed += bool(edits) and row["output_sha256"] == row["sha256"]
    row["chars_out"], row["output_sha256"] = len(left), hashlib.sha256(left.encode()).hexdigest()
    if edits and not left.strip():
        report.outcomes[row["outcome"]] -= 1
        report.outcomes["duplicate"] += 1
        inside(out, row["output"]).unlink(missing_ok=True)
        row["outcome"], row["output"] = "duplicate", None
    else:
        write_whole(inside(out, row["output"]), left.encode("utf-8", "replace"), sync=False)


def write_pairs(out: Path, found: Duplicates, texts: Mapping[str, str], parts: Sequence[Path] | None, report: Report) -> set[str]:
    """Write what a search found and count it; return the names of the tables. ``parts`` hold the edits that lead back to the texts as read."""
    pairs = found.pairs.to_pylist()
    origins = _origins(parts, {p[side] for p in pairs for side in "ab"}) if parts is not None else None
    table = found.pairs
    for side in "ab":
        spans = [origins[p[side]](p[f"{side}_start"], p[f"{side}_end"]) if origins else (None, None) for p in pairs]
        for n, edge in enumerate(("start", "end")):
            table = table.append_column(f"original_{side}_{edge}", _ints([span[n] for span in spans]))
            for pair, span in zip(pairs, spans, strict=True):
                pair[f"original_{side}_{edge}"] = span[n]
    tables = {"duplicates.parquet": table} | ({"boilerplate.parquet": found.boilerplate} if found.level == "passage" else {})
    for name, made in tables.items():
        write_table(made, out / name)
    write_jsonl(out / "duplicates.jsonl", (_with_text(p, texts, EXCERPT) for p in pairs))
    longest = sorted(pairs, key=lambda r: (r["a"] == r["b"], r["a_start"] - r["a_end"], str(r["a"]), str(r["b"]), r["a_start"]))
    report.duplicates = {
        "level": found.level,
        "threshold": found.threshold,
        "pairs": len(pairs),
        "pairs_across_pages": sum(p["a"] != p["b"] for p in pairs),
        "clusters": len(set(found.clusters["cluster"].to_pylist())),
        "pages": len({p[side] for p in pairs for side in "ab"}.intersection(found.corpus.ids[: found.corpus.own])),
        "boilerplate": found.boilerplate.num_rows,
        "search": {k: {str(i): n for i, n in v.items()} if isinstance(v, dict) else v for k, v in found.facts.items()},
        "examples": [_with_text(p, texts, LONGER) for p in longest[:SHOWN]],
    }
    return {*tables, "duplicates.jsonl"}


def _with_text(pair: Mapping[str, Any], texts: Mapping[str, str], most: int) -> dict[str, Any]:
    spans = {s: texts[pair[s]][pair[f"{s}_start"] : pair[f"{s}_end"]] for s in "ab"}
    return {**pair, **{f"{s}_text": span if len(span) <= most else span[:most] + "…" for s, span in spans.items()}}


def copy_table(table: Table, path: Path, *, reference: bool = False) -> None:
    """Write a table of a plan as an output: whole or not at all, with the version of its schema.

    ``reference`` says of clusters in a further column of this name which rows are references: those that stay.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = pq.read_schema(table.paths[0])
    names = [name.replace("low", "start").replace("high", "end") for name in held.names]  # `end` is a word of SQL
    fields = [field.with_name(name) for field, name in zip(held, names, strict=True)]
    schema = pa.schema([*fields, *([pa.field("reference", pa.bool_())] if reference else [])], metadata={"cleantext_schema": SCHEMA})
    with whole(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for batch in table.batches():
            columns = [*batch.columns, *([batch.column("keeper")] if reference else [])]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as an output: whole or not at all, with the version of its schema."""
    import pyarrow.parquet as pq

    with whole(path) as temporary:
        pq.write_table(table.replace_schema_metadata({"cleantext_schema": SCHEMA}), temporary, compression="zstd")
