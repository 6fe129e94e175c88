"""The tables beside the cleaned pages: edits, metadata, duplicates, the report; and the way back from them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cleantext.changes import Changes, EditColumns, to_original
from cleantext.edits import Edit, OffsetMap, apply, revert
from cleantext.errors import InputError
from cleantext.pipeline import Pipeline
from cleantext.report.page import render
from cleantext.report.tally import Report
from cleantext.run.files import write_json, write_jsonl, write_whole

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cleantext.dedup import Duplicates
    from cleantext.run.job import Settings, Shard

__all__ = ["EDITS", "SCHEMA", "finish", "read_edits", "undo", "write_edits", "write_pairs"]

SCHEMA = "1"  # of all Parquet outputs; raised when columns change
EDITS = "edits.parquet"
SHOWN = 200  # pairs that report.json and report.html show with their texts


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


def _tables(path: Path) -> Iterator[pa.Table]:
    """Yield the tables of a finished edits.parquet or of a shard's part, one at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        if (file.schema_arrow.metadata or {}).get(b"cleantext_schema") != SCHEMA.encode():
            raise InputError(f"{path}: not written by this version of cleantext (schema {SCHEMA}); read it with the version that wrote it")
        yield from (file.read_row_group(n) for n in range(file.num_row_groups))
    else:
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
            yield from (pa.Table.from_batches([batch]) for batch in stream)


def _parquet(path: Path) -> pq.ParquetWriter:
    """Open edits.parquet: delta-coded offsets are half as large and quicker to write than plain ones."""
    import pyarrow.parquet as pq

    numbers = ("step", "start", "end", "original_start", "original_end")
    coded = [f.name for f in _schema() if f.name not in numbers]
    delta = {n: "DELTA_BINARY_PACKED" for n in numbers if n != "step"}
    options = {"compression": "zstd", "compression_level": 1, "write_statistics": False}
    return pq.ParquetWriter(path, _schema(), use_dictionary=coded, column_encoding=delta, **options)


def read_edits(path: Path, pages: Sequence[str] | None = None) -> dict[str, list[tuple[str, list[Edit]]]]:
    """Read edits as ``page -> [(transform, edits)]`` in the order of the steps; of some pages, or of all."""
    import pyarrow.compute as pc

    out: dict[str, list[tuple[str, list[Edit]]]] = {}
    wanted = None if pages is None else _array(pages)
    by_page: dict[str, list[tuple[int, str, Edit]]] = defaultdict(list)
    for table in _tables(path):
        here = table if wanted is None else table.filter(pc.is_in(table["page"].cast("string"), value_set=wanted))
        for row in here.to_pylist():
            edit = Edit(row["start"], row["end"], row["before"], row["after"], row["rule"])
            by_page[row["page"]].append((row["step"], row["transform"], edit))
    for page, rows in by_page.items():
        rows.sort(key=lambda r: (r[0], r[2].start))
        out[page] = [(transform, [e for _, _, e in group]) for (_, transform), group in groupby(rows, key=lambda r: (r[0], r[1]))]
    return out


def _array(values: Iterable[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(sorted(values), pa.string())


# ---------------------------------------------------------------- the end of a run


def finish(out: Path, shards: Sequence[Shard], settings: Settings, report: Report) -> Report:
    """Join the shards' tables, find duplicates, and write the report."""
    from cleantext.run.job import STATE

    state = out / STATE
    rows = [json.loads(line) for s in shards for line in (state / f"{s.number:06d}.metadata.jsonl").read_text("utf-8").splitlines()]
    parts = [state / f"{s.number:06d}.edits.arrow" for s in shards] if settings.record else []
    removed: dict[str, list[Edit]] = {}
    if settings.duplicates != "off":
        removed = _duplicates(out, rows, parts, settings, report)
    if settings.record:
        _join_edits(out / EDITS, parts, removed, settings, report)
    else:
        (out / EDITS).unlink(missing_ok=True)
    write_jsonl(out / "metadata.jsonl", rows)
    if report.failures:
        write_jsonl(out / "failed.jsonl", report.failures)
    else:
        (out / "failed.jsonl").unlink(missing_ok=True)
    write_json(out / "report.json", report.to_json())
    write_whole(out / "report.html", render(report).encode())
    return report


def _join_edits(path: Path, parts: Sequence[Path], removed: Mapping[str, Sequence[Edit]], settings: Settings, report: Report) -> None:
    temporary = path.with_name(".edits.parquet.part")
    with _parquet(temporary) as writer:
        for part in parts:
            for table in _tables(part):
                writer.write_table(table)
        if removed:
            pages = sorted(removed)
            columns = Changes({n: removed[page] for n, page in enumerate(pages)}).columns
            report.count("dedup", pages, columns)
            original = _originals(parts, pages)
            table = _rows(pages, len(settings.pipeline.steps), "dedup", columns, [])
            spans = [original[page](e.start, e.end) for page in pages for e in removed[page]]
            for name, values in zip(("original_start", "original_end"), zip(*spans, strict=True), strict=True):
                table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), _ints(values))
            writer.write_table(table)
    temporary.replace(path)


def _ints(values: Sequence[int]) -> pa.Array:
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


def _originals(parts: Sequence[Path], pages: Iterable[str]) -> dict[str, _Origin]:
    wanted = set(pages)
    out = {page: _Origin(()) for page in wanted}
    for part in parts:
        out |= {page: _Origin(steps) for page, steps in read_edits(part, sorted(wanted)).items()}
    return out


def _duplicates(out: Path, rows: list[dict[str, Any]], parts: Sequence[Path], settings: Settings, report: Report) -> dict[str, list[Edit]]:
    """Find duplicates among the cleaned pages and write their tables; where asked to, remove and say what."""
    from cleantext.dedup import find_duplicates
    from cleantext.run.job import page_folder

    kept = [row for row in rows if row["outcome"] in ("kept", "emptied")]
    folder = page_folder(out, settings)
    ids = [row["id"] for row in kept]
    texts = [(folder / row["output"]).read_bytes().decode() for row in kept]
    level: Literal["document", "passage"] = "document" if settings.duplicates == "documents" else "passage"
    found = find_duplicates(texts, ids=ids, level=level, threshold=settings.threshold, min_chars=settings.min_chars)
    removed = {i: list(found.edits_for(i)) for i in ids} if settings.duplicates in ("passages", "documents") else {}
    removed = {i: edits for i, edits in removed.items() if edits}
    write_pairs(out, found, dict(zip(ids, texts, strict=True)), parts if settings.record else None, report)
    if folder != out:
        for row, text in zip(kept, texts, strict=True):
            _remove(out, row, text, removed.get(row["id"], []), report)
    return removed


def _remove(out: Path, row: dict[str, Any], text: str, edits: Sequence[Edit], report: Report) -> None:
    """Write one page without what stands elsewhere too; a page of which nothing stays is no file."""
    left = apply(text, edits)
    report.chars_out += len(left) - len(text)
    row["chars_out"] = len(left)
    if edits and not left.strip():
        report.outcomes[row["outcome"]] -= 1
        report.outcomes["duplicate"] += 1
        row["outcome"] = "duplicate"
        (out / row["output"]).unlink(missing_ok=True)
    else:
        write_whole(out / row["output"], left.encode("utf-8", "replace"), sync=False)


def write_pairs(out: Path, found: Duplicates, texts: Mapping[str, str], parts: Sequence[Path] | None, report: Report) -> None:
    """Write duplicates.parquet and .jsonl and count them; ``parts`` hold the edits that lead back to the texts as read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pairs = found.pairs.to_pylist()
    origins = _originals(parts, {p[side] for p in pairs for side in "ab"}) if parts is not None else None
    for pair in pairs:
        for side in "ab":
            span = pair[f"{side}_start"], pair[f"{side}_end"]
            start, end = origins[pair[side]](*span) if origins else (None, None)
            pair[f"original_{side}_start"], pair[f"original_{side}_end"] = start, end
    columns = {
        f"original_{side}_{edge}": pa.array([p[f"original_{side}_{edge}"] for p in pairs], pa.int32())
        for side in "ab"
        for edge in ("start", "end")
    }
    table = found.pairs
    for name, values in columns.items():
        table = table.append_column(name, values)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), "cleantext_schema": SCHEMA})
    temporary = out / ".duplicates.parquet.part"
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(out / "duplicates.parquet")
    rows = [_with_text(p, texts) for p in pairs]
    write_jsonl(out / "duplicates.jsonl", rows)
    clusters = found.clusters
    pages = {p[side] for p in pairs for side in "ab"}
    report.duplicates = {
        "level": found.level,
        "threshold": found.threshold,
        "pairs": len(pairs),
        "pairs_across_pages": sum(p["a"] != p["b"] for p in pairs),
        "clusters": len(set(clusters["cluster"].to_pylist())),
        "pages": len(pages),
        "examples": sorted(rows, key=lambda r: (-(r["a_end"] - r["a_start"]), r["a"], r["b"], r["a_start"]))[:SHOWN],
    }


def _with_text(pair: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    return {**pair, **{f"{s}_text": texts[pair[s]][pair[f"{s}_start"] : pair[f"{s}_end"]] for s in "ab"}}


# ---------------------------------------------------------------- the way back


def undo(out: str | Path, to: str | Path) -> Iterator[Path]:
    """Write the pages as they were read, from the cleaned pages and edits.parquet of a run alone.

    Text comes back as UTF-8, whatever its encoding was; HTML as the visible lines that were read from it.
    Yield each file written. Raise `InputError` where the folder is not a run with recorded edits, and
    `EditError` where a page was changed since.
    """
    source, target = Path(out), Path(to)
    if not (source / "metadata.jsonl").exists() or not (source / EDITS).exists():
        raise InputError(f"{source}: no metadata.jsonl and {EDITS} here; name the output folder of a run that recorded its edits")
    edits = read_edits(source / EDITS)
    for line in (source / "metadata.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["outcome"] == "failed":
            continue
        path = source / row["output"]
        text = path.read_bytes().decode() if path.exists() else ""
        for _, step in reversed(edits.get(row["id"], [])):
            text = revert(text, step)
        write_whole(target / row["id"], text.encode(), sync=False)
        yield target / row["id"]
