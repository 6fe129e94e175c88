"""Duplicates only: search pages and tables of texts as they are, without cleaning them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cleantext
from cleantext.errors import ConfigError, InputError
from cleantext.jit import LARGE, expect
from cleantext.report.page import render
from cleantext.report.tally import Report
from cleantext.run.budget import PAGE_SECONDS
from cleantext.run.corpus import Columns, characters_of, is_table, read_pages, read_places, table_of
from cleantext.run.files import (
    IGNORE_FILE,
    Source,
    check_output,
    drop_found,
    write_json,
    write_jsonl,
    write_whole,
)
from cleantext.run.find import find_pages, listed
from cleantext.run.sniff import TABLES as RECORDS
from cleantext.run.sniff import ending_of
from cleantext.run.state import working
from cleantext.run.tables import LONGER, copy_table, write_pairs, write_table
from cleantext.warm import compile_ahead

if TYPE_CHECKING:
    from cleantext.plan import Plan, Table

__all__ = ["dedup_files", "dedup_plan", "index_files"]

LEAST = 10**9  # bytes within which a search in tables is sure to work; Python, Arrow and the kernels take a third of it
DEDUP = "dedup"  # the folder of its state
FEW = 500_000  # texts up to which all bands are searched in one query
AT_ONCE = 5  # of many on a cluster: each query begins with a shuffle of what it reads
OF_PASSAGES = {"stretches": "boilerplate", "cuts": "cuts"}  # tables that only a search for passages gives, and their names as outputs
Level = Literal["document", "paragraph", "passage"]
Engine = Literal["auto", "memory", "local", "spark"]
TIMES = 25  # the bytes of its texts that a search in memory takes, about


def dedup_plan(
    *,
    level: Level,
    threshold: float,
    min_chars: int,
    max_df: int = 100,
    keep: str = "longest",
    id_type: Literal["string", "int64"] = "string",
    value_type: Literal["int64", "double"] = "double",
    against: bool,
    at_once: int = 0,
    apart: bool = False,
) -> Plan:
    """Return the plan of a search over tables (``at_once`` and ``apart``: see `document_plan`); `Plan.explain` prints it."""
    from cleantext.dedup import SketchSpec
    from cleantext.dedup.passage_plan import passage_plan
    from cleantext.dedup.passages import Search
    from cleantext.dedup.plan import document_plan
    from cleantext.dedup.stages import KEEP
    from cleantext.errors import unknown

    if keep not in KEEP:
        raise unknown("keep", keep, KEEP)
    options: Any = {"keep": keep, "id_type": id_type, "value_type": value_type, "against": against}
    if level == "passage":
        return passage_plan(Search(threshold, min_chars, max_df), **options)
    return document_plan(SketchSpec(), threshold=threshold, level=level, min_chars=min_chars, at_once=at_once, apart=apart, **options)


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
    columns: Columns | None = None,
    keep: str = "longest",
    restart: bool = False,
    strict: bool = False,
    page_seconds: float = PAGE_SECONDS,
    progress: Callable[[str], None] | None = None,
    compiled: Callable[[int, int], None] | None = None,
) -> Report:
    """Find near-duplicates among texts as they are; write tables and a report into ``out``.

    ``src`` names pages (files, folders), Parquet files or JSON lines, which hold many texts (see `Columns`).
    ``against`` names references (a benchmark, say): only pairs of a text and a reference are reported.
    ``engine="memory"`` holds all texts in this process; ``"local"`` needs no more than about ``memory`` bytes
    for any number of texts, spills into ``out`` while it runs, and takes up where it was stopped; ``"spark"`` does the same on the
    cluster ``master`` (with settings ``spark`` of its own), whose workers reach ``src`` and ``out`` under these names; ``"auto"`` takes
    ``"local"`` for tables of texts, paragraphs, and pages that would need more memory. Rows of a table that cannot
    be read are counted as failed; with ``strict`` they raise `InputError`. Pages that take more than ``page_seconds`` to read (beside 15
    for each megabyte; 0: no limit) fail, too. ``progress`` is told the name of each step, ``compiled``
    the kernels done and in all, where a first large search has to compile them.
    """
    from cleantext.plan import EmbeddedRunner

    started = time.perf_counter()
    columns = columns or Columns()
    sources = listed(src)
    folder = Path(out)
    pages, more = _found(sources), _found([against]) if against else []
    check_output([*sources, *([against] if against else [])], [*pages, *more], folder)
    report = Report()
    report.settings |= _settings(level, threshold)
    if engine == "auto":
        engine, why = _chosen([*pages, *more], level, memory)
        report.notes += [f"searched in tables on disk (--engine local), {why}"] if why else []
    with working(folder, DEDUP, restart=restart) as state:
        if engine == "memory":
            options: dict[str, Any] = {"level": level, "threshold": threshold, "min_chars": min_chars, "max_df": max_df, "keep": keep}
            options["page_seconds"] = page_seconds
            started += _compile_ahead([*pages, *more], level, compiled)
            written = _in_memory(pages, more, folder, report, against=against, **options)
        else:
            _check_memory(memory)
            given = {"texts": table_of(pages, columns, state / "texts", report, strict=strict, page_seconds=page_seconds)}
            if against:
                apart = Report()
                given["references"] = table_of(
                    more, Columns(columns.text, columns.id), state / "references", apart, strict=strict, page_seconds=page_seconds
                )
                _add_failures(report, apart)
                if given["references"].id_type != given["texts"].id_type:
                    raise InputError(f"the ids of {against} are of another type than those of the texts: make both numbers or both strings")
            tables = {name: corpus.table for name, corpus in given.items()}
            few = sum(table.rows for table in tables.values()) < FEW
            plan = dedup_plan(
                level=level,
                threshold=threshold,
                min_chars=min_chars,
                max_df=max_df,
                keep="value" if columns.value else keep,
                id_type=given["texts"].id_type,
                value_type=given["texts"].value_type,
                against=bool(against),
                at_once=0 if few else AT_ONCE if engine == "spark" else 1,
                apart=engine == "spark" and not few,
            )
            if engine == "spark":
                from cleantext.plan.spark import SparkRunner, connected

                with connected(master, spark) as session:
                    found = SparkRunner(session, state / "spark", progress=progress).run(plan, tables)
            else:
                started += _compile_ahead([*pages, *more], level, compiled)
                found = EmbeddedRunner(state / "plan", memory=memory, progress=progress, workers=workers).run(plan, tables)
            written = _from_tables(plan, found, tables, folder, report, level=level, threshold=threshold)
        _finish(folder, report, started, written)
    return report


def index_files(
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    index: str | Path,
    *,
    add: bool = True,
    columns: Columns | None = None,
    memory: int = 2 << 30,
    workers: int | None = None,
    strict: bool = False,
    page_seconds: float = PAGE_SECONDS,
    compiled: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Report:
    """Search texts against the index in a folder, and among themselves where they are added to it (see `Index`).

    Writes what `dedup_files` does; duplicates.parquet has the pairs of the texts of this batch, clusters.parquet all
    clusters of the index and events.jsonl what became of those before. ``options`` are those of `Index.open`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from cleantext.dedup.index import Index

    started = time.perf_counter()
    _check_memory(memory)
    columns = columns or Columns()
    sources = listed(src)
    folder = Path(out)
    pages = _found(sources)
    check_output(sources, pages, folder)
    report = Report()
    with working(folder, DEDUP, restart=True) as state:
        texts = table_of(pages, columns, state / "texts", report, strict=strict, page_seconds=page_seconds)
        if not (Path(index) / "header.json").exists():
            options = {"id_type": texts.id_type, "keep": "value" if columns.value else "longest"} | options
        held = Index.open(index, memory=memory, workers=workers, **options)
        if held.recipe.id_type != texts.id_type:
            raise InputError(f"{index} has {held.recipe.id_type} ids and these texts have others: make them alike")
        if columns.value and held.recipe.keep != "value":
            raise ConfigError(f"{index} keeps by {held.recipe.keep!r}, not by a column: leave out --prefer")
        if add and held.recipe.keep == "value" and not columns.value:
            raise ConfigError(f"{index} keeps by a value: name its column (--prefer)")
        started += _compile_ahead(pages, held.recipe.level, compiled)
        if add:
            found = held.add(texts.table, ids=None)
            pairs, events, hot = found.pairs, found.events.to_pylist(), {"hot_buckets": found.hot_buckets}
            write_table(held.clusters, folder / "clusters.parquet")
        else:
            pairs, events, hot = held.query(texts.table), [], {}
        write_table(pairs, folder / "duplicates.parquet")
        bands = held.recipe.bands
        report.bytes_in = report.bytes_in or sum(part.size for part in texts.table.parts)
        report.chars_in = report.chars_out = characters_of(texts.table)
        report.outcomes["kept"] += texts.table.rows
        report.settings |= _settings(held.recipe.level, held.recipe.threshold)
        report.notes.append(f"index {index}: {len(held):,} {held.recipe.level}s, {'these among them' if add else 'nothing added'}")
        report.duplicates = {
            "level": held.recipe.level,
            "threshold": held.recipe.threshold,
            "pairs": pairs.num_rows,
            "pairs_across_pages": pc.sum(pc.not_equal(pairs["a"], pairs["b"])).as_py() or 0,
            "pages": len(pc.unique(pa.chunked_array([*pairs["a"].chunks, *pairs["b"].chunks], pairs["a"].type))),
            "search": {"bands": bands.bands, "rows": bands.rows, "recall_at_threshold": bands.recall, **hot},
        }
        _finish(folder, report, started, {"duplicates.parquet"} | ({"clusters.parquet"} if add else set()), events)
    return report


def _chosen(given: Sequence[Source], level: str, memory: int) -> tuple[Engine, str]:
    """Return the engine for some pages or tables, and why it is not the one in memory."""
    if any(map(is_table, given)):
        return "local", "as tables of texts are"
    if level == "paragraph":
        return "local", "as paragraphs are"
    size = sum(source.weight for source in given)
    if size * TIMES > memory:
        return "local", f"for {size / 1e6:,.0f} MB of texts might need more memory than there is to be ({memory / 1e9:,.1f} GB)"
    return "memory", ""


def _compile_ahead(given: Sequence[Source], level: str, told: Callable[[int, int], None] | None) -> float:
    """Compile the kernels once, for all workers, where the search is large; return the seconds that it took."""
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
    """Write the report, and leave no table of an earlier run beside those that were written now."""
    for name, rows in (("failed.jsonl", report.failures), ("events.jsonl", events)):
        if rows:
            write_jsonl(folder / name, rows)
        else:
            (folder / name).unlink(missing_ok=True)
    drop_found(folder, {*written, "events.jsonl"})
    write_json(folder / "report.json", report.to_json())
    write_whole(folder / "report.html", render(report).encode())
    report.seconds = time.perf_counter() - started


def _found(sources: Sequence[str | Path]) -> list[Source]:
    """Return the pages that are named, or the tables of texts; of a folder what it holds of one kind."""
    found: list[Source] = []
    for source in sources:
        path = Path(source)
        held = find_pages([source])
        pages = held.pages
        if path.is_dir():
            tables = sorted((t for t in held.tables if is_table(t) and not t.path.name.startswith("_")), key=lambda t: t.id)
            pages = [p for p in pages if not (tables and p.path.name.startswith("_"))]  # markers of Hadoop and Spark
            named = [t for t in tables if ending_of(t.id) in RECORDS]  # beside pages, other JSON may be anything
            if pages and named:
                raise ConfigError(
                    f"{path} holds tables of texts ({named[0].id}) and pages ({pages[0].id}): name those that are meant, or leave some out with {IGNORE_FILE}"
                )
            pages = pages or named or tables
        if not pages:
            there = f"; there are {held.counted}" if held.other else ""
            raise InputError(f"{path}: neither pages (texts, HTML) nor tables of texts (.parquet, .jsonl) are here{there}")
        if not any(map(is_table, pages)):
            held.refuse_none()
        found += pages
    twice = next((path for path, n in Counter(s.path.absolute() for s in found).items() if n > 1), None)
    if twice:
        raise ConfigError(f"{twice} is named twice: name each file once, or the folder that holds it")
    return found


# ---------------------------------------------------------------- in memory


def _in_memory(
    pages: Sequence[Source],
    more: Sequence[Source],
    folder: Path,
    report: Report,
    *,
    level: Level,
    threshold: float,
    min_chars: int,
    max_df: int,
    against: str | Path | None,
    keep: str,
    page_seconds: float,
) -> set[str]:
    """Search pages and write what was found; return the names of the tables."""
    from cleantext.dedup import find_duplicates

    if level == "paragraph":
        raise ConfigError(
            "level 'paragraph' is searched in tables: leave out --engine, or use level 'passage', which finds paragraphs, too"
        )
    if any(is_table(s) for s in [*pages, *more]):
        raise ConfigError("tables of texts are searched with --engine local: choose that, or leave out --engine")
    if keep not in ("longest", "first"):
        raise ConfigError(f"keep {keep!r}: of pages use longest or first")
    own, apart = _texts(pages, report, page_seconds), Report()
    references = {str(Path(against or "", name)): text for name, text in _texts(more, apart, page_seconds).items()}
    _add_failures(report, apart)
    if both := own.keys() & references.keys():
        raise ConfigError(f"a page and a reference are called {min(both)}: rename one")
    found = find_duplicates(
        list(own.values()),
        ids=list(own),
        level=level,
        threshold=threshold,
        min_chars=min_chars,
        max_df=max_df,
        against=list(references.values()) if against else None,
        against_ids=list(references) if against else None,
        keep=keep,
    )
    return write_pairs(folder, found, {**own, **references}, None, report)


def _add_failures(report: Report, references: Report) -> None:
    """Count what failed of references, and nothing else: they are no pages of this run."""
    report.failures += references.failures
    report.outcomes["failed"] += references.outcomes["failed"]


def _texts(pages: Sequence[Source], report: Report, page_seconds: float) -> dict[str, str]:
    """Read pages; what cannot be read is told and counted."""
    texts: dict[str, str] = {}
    for _, (page, data, decoded) in read_pages(pages, report, page_seconds):
        if page.id in texts:
            raise ConfigError(f"two pages are called {page.id}: rename one, or search their folders in two runs")
        texts[page.id] = page.text
        report.bytes_in += len(data)
        report.chars_in += len(page.text)
        report.chars_out += len(page.text)
        report.outcomes["kept"] += 1
        report.encodings[decoded.encoding] += 1
    return texts


# ---------------------------------------------------------------- in tables


def _from_tables(
    plan: Plan, found: dict[str, Table], given: dict[str, Table], folder: Path, report: Report, *, level: Level, threshold: float
) -> set[str]:
    """Write the tables of a finished plan, and count what they hold; return their names."""
    facts: dict[str, Any] = found["facts"].read().to_pylist()[0]
    copy_table(found["pairs"], folder / "duplicates.parquet")
    # What stays is a reference, where there are any, and nothing else is in a cluster.
    copy_table(found["clusters"], folder / "clusters.parquet", reference="references" in given)
    of_passages = {table: name for table, name in OF_PASSAGES.items() if table in found}
    for table, name in of_passages.items():
        copy_table(found[table], folder / f"{name}.parquet")
    search: dict[str, Any] = {name: facts[name] for name in ("hot_buckets", "hot_anchors", "equal_groups") if name in facts}
    if "linked" in found:
        search["linked_groups"] = {str(row["id"]): row["copies"] for row in found["linked"].read().to_pylist()}
    shown = found["shown"].read().to_pylist()
    sides = {"a": [(0, p["a_place"]) for p in shown], "b": [(p["b_reference"], p["b_place"]) for p in shown]}
    held = [
        read_places(table, [place for side in sides.values() for n, place in side if n == number])
        for number, table in enumerate(given.values())
    ]
    for side, places in sides.items():
        for pair, (number, place) in zip(shown, places, strict=True):
            text = held[number][place][pair[f"{side}_start"] : pair[f"{side}_end"]]
            pair[f"{side}_text"] = text if len(text) <= LONGER else text[:LONGER] + "…"
            pair |= {f"original_{side}_start": None, f"original_{side}_end": None}  # texts are compared as they were given
    report.bytes_in = report.bytes_in or sum(part.size for part in given["texts"].parts)
    report.chars_in = report.chars_out = facts["characters"]
    report.outcomes["kept"] += given["texts"].rows
    report.duplicates = {
        "level": level,
        "threshold": threshold,
        "pairs": facts["pairs"],
        "pairs_across_pages": facts["across"],
        "clusters": facts["clusters"],
        "pages": facts["involved"],
        "removable": facts["removable"],
        "boilerplate": found["stretches"].rows if "stretches" in found else 0,
        "search": {**plan.facts, **search},
        "examples": [{k: v for k, v in pair.items() if not k.endswith(("_place", "_reference"))} for pair in shown],
    }
    return {"duplicates.parquet", "clusters.parquet", *(f"{name}.parquet" for name in of_passages.values())}
