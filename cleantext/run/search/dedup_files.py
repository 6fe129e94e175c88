"""Only find duplicates: search pages and tables of texts as they are, without cleaning them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cleantext
from cleantext.errors import ConfigError, InputError, unknown
from cleantext.jit import LARGE, expect
from cleantext.report.page import render
from cleantext.report.tally import Report
from cleantext.run.files import check_output, drop_found, write_json, write_jsonl, write_whole
from cleantext.run.options import FORMATS, LEAST
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.find import Found, find_pages, listed
from cleantext.run.readers.sniff import TABLES as RECORDS
from cleantext.run.readers.sniff import ending_of
from cleantext.run.readers.source import IGNORE_FILE, Source
from cleantext.run.resume.run_state import working
from cleantext.run.search.duplicate_search import Query, marks_of, search
from cleantext.run.search.engines import Level
from cleantext.run.search.search_input import characters_of, table_of
from cleantext.run.shards.budget import PAGE_SECONDS
from cleantext.run.side_tables import write_found, write_table
from cleantext.run.writers.corpus import drop_corpus
from cleantext.run.writers.deduplicated import write_deduplicated
from cleantext.warm import compile_ahead

__all__ = ["dedup_files", "index_files"]

DEDUP = "dedup"  # the folder of its state
Engine = Literal["auto", "memory", "local", "spark"]


def dedup_files(
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    level: Level = "passage",
    threshold: float = 0.8,
    against: str | Path | None = None,
    min_chars: int = 40,
    max_df: int = 100,
    engine: Engine = "auto",
    memory: int = 2 << 30,
    workers: int | None = None,
    master: str = "local[*]",
    spark: Mapping[str, str] | None = None,
    fields: Fields | None = None,
    keep: str = "longest",
    remove: bool = False,
    form: str = "parquet",
    restart: bool = False,
    strict: bool = False,
    page_seconds: float = PAGE_SECONDS,
    progress: Callable[[str], None] | None = None,
    compiled: Callable[[int, int], None] | None = None,
) -> Report:
    """Find near-duplicates among texts as they are; write tables and a report into ``out``, and with ``remove`` the texts without them.

    ``src`` names pages (files, folders), tables, crawls and archives, whose records have fields (see `Fields`). With ``remove``, a corpus
    without the removed text is written as ``form``: "parquet", "jsonl", "jsonl.zst" or "jsonl.gz", with the other columns of the input.
    ``against`` names references (a benchmark, for example): only pairs of a text and a reference are reported.
    A search of many texts uses tables: it needs about ``memory`` bytes
    for any number of texts, spills into ``out`` while it runs, and continues after an interruption; a small search holds all texts in memory. ``engine``
    ("memory" or "local") overrides this choice, or runs the search on the cluster ``master`` ("spark", with its settings ``spark``), whose workers
    must reach ``src`` and ``out`` under these names; the results are the same. Records that cannot
    be read are counted as failed; with ``strict`` they raise `InputError`. Pages that take more than ``page_seconds`` to read (plus 15
    for each megabyte; 0: no limit) also fail. ``progress`` is called with the name of each step, ``compiled``
    with the kernels done and in total, if a first large search has to compile them.
    """
    from cleantext.dedup.tables.document_sql import KEEP

    started = time.perf_counter()
    fields = fields or Fields()
    _check_memory(memory)
    if form not in FORMATS[1:]:
        raise ConfigError(f"format {form!r}: use {', '.join(FORMATS[1:-1])} or {FORMATS[-1]}")
    if engine == "memory" and level == "paragraph":
        raise ConfigError(
            "level 'paragraph' is searched in tables: leave out --engine memory, or use level 'passage', which finds paragraphs, too"
        )
    query = Query(level, threshold, min_chars, max_df, "value" if fields.value else keep)
    if query.keep not in KEEP:
        raise unknown("keep", query.keep, KEEP)
    sources = listed(src)
    folder = Path(out)
    found, more = _found(sources), _found([against]) if against else Found()
    check_output([*sources, *([against] if against else [])], [*found.all, *more.all], folder)
    report = Report()
    report.settings |= {**_settings(level, threshold), "duplicates_removed": remove}
    with working(folder, DEDUP, restart=restart) as state:
        texts = table_of(
            found.pages, found.holders, fields, state / "texts", report, strict=strict, carry=remove, page_seconds=page_seconds
        )
        references = None
        if against:
            apart = Report()
            references = table_of(
                more.pages,
                more.holders,
                replace(fields, value=""),
                state / "references",
                apart,
                strict=strict,
                under=str(against),
                page_seconds=page_seconds,
            )
            _add_failures(report, apart)
            if references.id_type != texts.id_type:
                raise InputError(f"the ids of {against} are of another type than those of the texts: make both numbers or both strings")
        started += _compile_ahead([*found.all, *more.all], level, compiled)
        options: dict[str, Any] = {
            "memory": memory,
            "workers": workers,
            "engine": engine,
            "progress": progress,
            "master": master,
            "spark": spark,
        }
        made = search(texts, query, state, references=references, **options)
        written = write_found(folder, made, report, edits=None, reference=references is not None)
        report.bytes_in = report.bytes_in or sum(part.size for part in texts.table.parts)
        report.chars_in = report.chars_out = made.facts["characters"]
        report.outcomes["kept"] += texts.table.rows
        if remove:
            write_deduplicated(texts, marks_of(made, texts, query, state, memory=memory), query, folder, form, report)
        else:
            drop_corpus(folder)
        _finish(folder, report, started, written)
    return report


def index_files(
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    index: str | Path,
    *,
    add: bool = True,
    fields: Fields | None = None,
    memory: int = 2 << 30,
    workers: int | None = None,
    strict: bool = False,
    page_seconds: float = PAGE_SECONDS,
    compiled: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Report:
    """Search texts against the index in a folder, and among themselves if they are added to it (see `Index`).

    Writes the same files as `dedup_files`; duplicates.parquet has the pairs of the texts of this batch, clusters.parquet all
    clusters of the index, and events.jsonl the changes of the earlier clusters. ``options`` are those of `Index.open`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from cleantext.dedup.index import Index

    started = time.perf_counter()
    _check_memory(memory)
    fields = fields or Fields()
    sources = listed(src)
    folder = Path(out)
    found = _found(sources)
    check_output(sources, found.all, folder)
    report = Report()
    with working(folder, DEDUP, restart=True) as state:
        texts = table_of(found.pages, found.holders, fields, state / "texts", report, strict=strict, page_seconds=page_seconds)
        if not (Path(index) / "header.json").exists():
            options = {"id_type": texts.id_type, "keep": "value" if fields.value else "longest"} | options
        held = Index.open(index, memory=memory, workers=workers, **options)
        if held.options.id_type != texts.id_type:
            raise InputError(f"{index} has {held.options.id_type} ids and these texts have others: make them alike")
        if fields.value and held.options.keep != "value":
            raise ConfigError(f"{index} keeps by {held.options.keep!r}, not by a column: leave out --prefer")
        if add and held.options.keep == "value" and not fields.value:
            raise ConfigError(f"{index} keeps by a value: name its column (--prefer)")
        started += _compile_ahead(found.all, held.options.level, compiled)
        if add:
            added = held.add(texts.table, ids=None)
            pairs, events, hot = added.pairs, added.events.to_pylist(), {"hot_buckets": added.hot_buckets}
            write_table(held.clusters, folder / "clusters.parquet")
        else:
            pairs, events, hot = held.query(texts.table), [], {}
        write_table(pairs, folder / "duplicates.parquet")
        bands = held.options.bands
        report.bytes_in = report.bytes_in or sum(part.size for part in texts.table.parts)
        report.chars_in = report.chars_out = characters_of(texts.table)
        report.outcomes["kept"] += texts.table.rows
        report.settings |= _settings(held.options.level, held.options.threshold)
        report.notes.append(f"index {index}: {len(held):,} {held.options.level}s, {'these among them' if add else 'nothing added'}")
        report.duplicates = {
            "level": held.options.level,
            "threshold": held.options.threshold,
            "pairs": pairs.num_rows,
            "pairs_across_pages": pc.sum(pc.not_equal(pairs["a"], pairs["b"])).as_py() or 0,
            "pages": len(pc.unique(pa.chunked_array([*pairs["a"].chunks, *pairs["b"].chunks], pairs["a"].type))),
            "search": {"bands": bands.bands, "rows": bands.rows, "recall_at_threshold": bands.recall, **hot},
        }
        _finish(folder, report, started, {"duplicates.parquet"} | ({"clusters.parquet"} if add else set()), events)
    return report


def _compile_ahead(given: Sequence[Source], level: str, told: Callable[[int, int], None] | None) -> float:
    """Compile the kernels once, for all workers, if the search is large; return the seconds that it took."""
    size = sum(source.weight for source in given)
    if size < LARGE:
        return 0.0
    expect(size)
    return compile_ahead("passage" if level == "passage" else "document", told=told)


def _check_memory(memory: int) -> None:
    if memory < LEAST:
        raise ConfigError(f"memory of {memory:,} bytes: a search in tables needs {LEAST:,} (--memory 1GB) at least; give it that or more")


def _settings(level: str, threshold: float) -> dict[str, Any]:
    return {"cleantext": cleantext.__version__, "pipeline": "none", "fingerprint": "none", "level": level, "threshold": threshold}


def _finish(folder: Path, report: Report, started: float, written: set[str], events: Sequence[dict[str, Any]] = ()) -> None:
    """Write the report, and delete the tables of an earlier run that were not written now."""
    for name, rows in (("failed.jsonl", report.failures), ("events.jsonl", events)):
        if rows:
            write_jsonl(folder / name, rows)
        else:
            (folder / name).unlink(missing_ok=True)
    drop_found(folder, {*written, "events.jsonl"})
    write_json(folder / "report.json", report.to_json())
    write_whole(folder / "report.html", render(report).encode())
    report.seconds = time.perf_counter() - started


def _found(sources: Sequence[str | Path]) -> Found:
    """Return the named sources: pages, and files with many. Raise if a name has no pages, or if one folder holds both kinds."""
    found = Found()
    for source in sources:
        held = find_pages([source])
        named = [t for t in held.tables if ending_of(t.id) in RECORDS and not t.path.name.startswith("_")]
        if held.pages and named:
            raise ConfigError(
                f"{source} holds tables of texts ({named[0].id}) and pages ({held.pages[0].id}): name those that are meant, or leave some out with {IGNORE_FILE}"
            )
        if not held.all:
            there = f"; there are {held.counted}" if held.other else ""
            raise InputError(f"{source}: neither pages (texts, HTML) nor tables of texts are here{there}")
        held.refuse_none()
        found.join(held)
    twice = next((path for path, n in Counter(s.path.absolute() for s in found.all).items() if n > 1), None)
    if twice:
        raise ConfigError(f"{twice} is named twice: name each file once, or the folder that holds it")
    return found


def _add_failures(report: Report, references: Report) -> None:
    """Add only the failures of references to the report: references are not pages of this run."""
    report.failures += references.failures
    report.outcomes["failed"] += references.outcomes["failed"]
