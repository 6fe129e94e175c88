"""The end of a run: make ids unique, search for duplicates, and write the corpus from the parts of its shards, one after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from cleantext.changes import Changes
from cleantext.edits import Edit, apply
from cleantext.jit import collected
from cleantext.plan import Table
from cleantext.report.tally import Report
from cleantext.run.files import drop_found, whole, write_jsonl
from cleantext.run.readers.carried import as_type, common
from cleantext.run.readers.page_batches import made_id
from cleantext.run.resume.parts import Corpus, repeated, write_kept
from cleantext.run.search.duplicate_search import LEVELS, Marks, Query, Searched, Spans, marks_of, search
from cleantext.run.search.indexed import search_indexed
from cleantext.run.shards.settings import EDITS, EDITS_PART, METADATA, ROWS_PART, STATE, Settings, Shard, part
from cleantext.run.side_tables import REMOVED, edits_writer, numbered, removal_rows, tables_of, write_found
from cleantext.run.writers.corpus import DROPPED_FILE, CorpusWriter, checked_where
from cleantext.run.writers.schema import carried_in, corpus_schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Progress",
    "Where",
    "dropped_rows",
    "filtered",
    "finish_table",
    "join_edits",
    "query_of",
    "removal_edits",
    "searched_in",
    "spans_of",
    "with_duplicates",
    "with_title",
]

Progress = Callable[[str, int, int, int], None]  # as in `cleantext.run.job`
log = logging.getLogger(__name__)
WHY_EMPTY = "nothing is left of it"


def query_of(settings: Settings) -> Query:
    """Return what a run searches for."""
    return Query(LEVELS[settings.duplicates], settings.threshold, settings.min_chars, settings.max_df)


def searched_in(
    corpus: Corpus,
    settings: Settings,
    out: Path,
    report: Report,
    *,
    workers: int | None,
    edits: Sequence[Path] | None,
    progress: Progress | None = None,
) -> tuple[Searched | None, Marks]:
    """Search the cleaned texts if the settings ask for it, and write what was found; return it, also by places."""
    query = query_of(settings) if settings.duplicates != "off" else Query()
    work = out / STATE / "search"
    if settings.duplicates == "off":
        drop_found(out, set())
        return None, marks_of(None, corpus, query, work, memory=settings.memory)
    rows = corpus.table.rows
    _searching(progress, rows, "begun")
    if settings.index:
        found, events, note = search_indexed(corpus, query, settings.index, work, memory=settings.memory, workers=workers)
        write_jsonl(out / "events.jsonl", events)
        report.notes.append(note)
        drop_found(out, write_found(out, found, report, edits=None) | {"events.jsonl"})
    else:
        found = search(corpus, query, work, memory=settings.memory, workers=workers, progress=partial(_searching, progress, rows))
        drop_found(out, write_found(out, found, report, edits=edits))
    return found, marks_of(found, corpus, query, work, memory=settings.memory)


def _searching(progress: Progress | None, pages: int, step: str) -> None:
    """Report that the search has reached a step."""
    log.debug("searching: %s", step)
    if progress:
        progress("searching", 0, 0, pages)


def removal_edits(text: str, spans: Sequence[Spans], *, whole_text: bool) -> list[Edit]:
    """Return the edits that remove spans of a text: the whole text, or each removed line with its line break."""
    if whole_text:
        return [Edit(0, len(text), text, "", "dedup.exact" if all(s.exact for s in spans) else "dedup.near")] if text else []
    return [Edit(low, high, text[low:high], "", "dedup.exact" if exact else "dedup.near") for low, high, exact in spans if high > low]


def with_title(title: str | None, text: str, edits: list[Edit]) -> list[Edit]:
    """Return the edits that remove duplicates from a page, and also its title if nothing else would be left: such a page is a copy as a whole."""
    left = apply(text, edits)
    if not edits or not title or left.split() != title.split():
        return edits
    from cleantext.dedup.clusters.removal import TITLE

    ends = [0, *(e.end for e in edits)]
    starts = [*(e.start for e in edits), len(text)]
    rest = [Edit(a, b, text[a:b], "", TITLE) for a, b in zip(ends, starts, strict=True) if a < b]
    return sorted([*edits, *rest], key=lambda e: e.start)


# ---------------------------------------------------------------- tables


class _Part(NamedTuple):
    """One shard's rows, and the edits that made them."""

    rows: Path
    edits: Path | None


def finish_table(
    out: Path, shards: Sequence[Shard], settings: Settings, report: Report, *, workers: int | None, progress: Progress | None = None
) -> None:
    """Write the corpus, the rows dropped from it, its edits and the tables of duplicates; count the outcomes of the pages."""
    parts = [_Part(part(out, s, ROWS_PART), part(out, s, EDITS_PART) if settings.record else None) for s in shards]
    parts = _named_once(parts, out / STATE / "once", report)
    corpus = Corpus(Table.of([p.rows for p in parts], columns={"id": "id", "text": "text"}, positions=True), "string", "double")
    _, marks = searched_in(
        corpus,
        settings,
        out,
        report,
        workers=workers,
        progress=progress,
        edits=[p.edits for p in parts if p.edits] if settings.record else None,
    )
    import pyarrow.parquet as pq

    carried = common(carried_in(pq.read_schema(p.rows)) for p in parts)
    schema, dropped = corpus_schema(carried), corpus_schema(carried, dropped=True)
    (out / METADATA).unlink(missing_ok=True)
    with ExitStack() as stack:
        writer = stack.enter_context(CorpusWriter(out, settings.form, schema))
        rest = stack.enter_context(_Dropped(out / DROPPED_FILE, dropped))
        edits = stack.enter_context(edits_writer(out / EDITS)) if settings.record else None
        chosen = stack.enter_context(Where(settings.where, schema))
        # Edits are written in a thread while the rows of the next part are made; it ends before the files are closed.
        thread, writing = stack.enter_context(ThreadPoolExecutor(1)), list[Future[None]]()
        size, done, pages = sum(s.weight for s in shards), 0, 0
        for number, each in enumerate(parts):
            if progress:
                progress("writing", done, size, pages)
            table = _flat(pq.read_table(each.rows), number, carried, schema)
            before = sum(table["chars_out"].to_pylist())
            table, outcomes, reasons, removed = with_duplicates(table, *marks.of(number), settings)
            filtered(chosen(table), settings.where, outcomes, reasons)
            _tally(report, before, table, outcomes)
            done, pages = done + shards[number].weight, pages + len(outcomes)
            _write(table, outcomes, reasons, writer, rest, dropped)
            if edits is not None and each.edits is not None:
                ids = table["id"].to_pylist()
                gone = {ids[n]: made for n, made in removed.items()}
                _ended(writing)
                writing = [thread.submit(join_edits, edits, each.edits, number, gone, settings, report)]
            collected()
        _ended(writing)
    if not settings.record:
        (out / EDITS).unlink(missing_ok=True)
    if report.failures:
        write_jsonl(out / "failed.jsonl", report.failures)
    else:
        (out / "failed.jsonl").unlink(missing_ok=True)


def _ended(writing: Sequence[Future[None]]) -> None:
    """Wait for what is being written, and raise what it raised."""
    for one in writing:
        one.result()


def _named_once(parts: Sequence[_Part], folder: Path, report: Report) -> list[_Part]:
    """Return parts in which each id names one row: an id that an earlier part has is replaced by file and record."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cleantext.run.side_tables import renamed_pages

    again = repeated(Table.of([p.rows for p in parts]), folder) if parts else {}
    out = list(parts)
    for number, rows in again.items():
        table = pq.read_table(parts[number].rows)
        ids, files, records = (table[name].to_pylist() for name in ("id", "file", "record"))
        names = {ids[row]: made_id(files[row], records[row]) for row in rows}
        report.renamed += len(names)
        path = folder / f"{number:06d}.rows.parquet"
        table = table.set_column(0, "id", pa.array([names.get(i, i) for i in ids], pa.string()))
        write_kept(path, [table])
        edits = parts[number].edits
        out[number] = _Part(path, renamed_pages(edits, names, folder / f"{number:06d}.edits.arrow") if edits else None)
    return out


def _flat(table: pa.Table, shard: int, carried: pa.DataType, schema: pa.Schema) -> pa.Table:
    """Return rows with their carried fields as separate columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.num_rows:
        return schema.empty_table()
    table = table.combine_chunks()
    columns = [c for name, c in zip(table.column_names, table.columns, strict=True) if name != "carried"]
    if "carried" in table.column_names:
        struct = as_type(table["carried"].chunk(0), carried)
        further = [pc.struct_field(struct, [n]) for n in range(len(carried))]
    else:
        further = [pa.nulls(table.num_rows, f.type) for f in carried]
    columns[table.column_names.index("shard")] = pa.array([shard] * table.num_rows, pa.int32())
    columns += further
    return pa.table(columns, schema=schema)


def with_duplicates(
    table: pa.Table, members: Mapping[int, Mapping[str, Any]], spans: Mapping[int, Sequence[Spans]], settings: Settings
) -> tuple[pa.Table, list[str], list[str], dict[int, list[Edit]]]:
    """Return rows with their clusters, without what is removed; the outcome of each and its reason; and the edits of removal by rows."""
    import pyarrow as pa

    texts = table["text"].to_pylist()
    outcomes = ["kept" if text.strip() else "emptied" for text in texts]
    reasons = ["" if text.strip() else WHY_EMPTY for text in texts]
    titles = table["title"].to_pylist()
    removed: dict[int, list[Edit]] = {}
    if members:
        for name, key, kind in (("duplicate_cluster", "cluster", pa.int64()), ("duplicate_keeper", "keeper", pa.string())):
            values = pa.array([members[n][key] if n in members else None for n in range(table.num_rows)], kind)
            table = table.set_column(table.column_names.index(name), name, values)
    if settings.remove and spans:
        for n, taken in spans.items():
            if found := removal_edits(
                texts[n], spans_of(texts[n], taken, lines=settings.duplicates == "lines"), whole_text=settings.duplicates == "documents"
            ):
                found = with_title(titles[n], texts[n], found)
                removed[n] = found
                texts[n] = apply(texts[n], found)
                if not texts[n].strip() and outcomes[n] == "kept":
                    outcomes[n] = "duplicate"
                    reasons[n] = f"near-duplicate of {members[n]['keeper']}" if n in members else "all of it stands in other pages"
        table = _restated(table, texts, sorted(removed))
    return table, outcomes, reasons, removed


def spans_of(text: str, spans: Sequence[Spans], *, lines: bool) -> Sequence[Spans]:
    """Return spans; if lines are removed, each includes its line break."""
    if not lines:
        return spans
    return [s._replace(high=s.high + 1) if text[s.high : s.high + 1] == "\n" else s for s in spans]


def _restated(table: pa.Table, texts: Sequence[str], rows: Sequence[int]) -> pa.Table:
    """Return rows with their texts after removal, and the columns computed from them."""
    import pyarrow as pa

    from cleantext.signals import SIGNALS, signals_of

    if not rows:
        return table
    fresh = signals_of(
        [texts[n] for n in rows],
        read=[1] * len(rows),
        removed=[0] * len(rows),
        damage=[0] * len(rows),
        links=[0.0] * len(rows),
    )
    at = {n: k for k, n in enumerate(rows)}
    for name, *_rest in SIGNALS:
        if name in ("removed_share", "link_density", "damage"):
            continue
        old = table[name].to_pylist()
        values = [fresh[name][at[n]].item() if n in at else old[n] for n in range(table.num_rows)]
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))
    for name, made in (("text", texts), ("chars_out", [len(t) for t in texts])):
        table = table.set_column(table.column_names.index(name), name, pa.array(made, table[name].type))
    return table


def _tally(report: Report, before: int, table: pa.Table, outcomes: Sequence[str]) -> None:
    """Count the outcomes of pages that have changed since their shards counted them as kept or emptied."""
    sizes = table["chars_out"].to_pylist()
    report.chars_out += sum(size for size, outcome in zip(sizes, outcomes, strict=True) if outcome == "kept") - before
    for outcome in outcomes:
        if outcome in ("duplicate", "filtered"):
            report.outcomes["kept"] -= 1
            report.outcomes[outcome] += 1


def _write(
    table: pa.Table, outcomes: Sequence[str], reasons: Sequence[str], writer: CorpusWriter, rest: _Dropped, schema: pa.Schema
) -> None:
    import pyarrow as pa

    kept = pa.array([outcome == "kept" for outcome in outcomes], pa.bool_())
    writer.write(table.filter(kept))
    if len(outcomes) > outcomes.count("kept"):
        rest.write(dropped_rows(table, outcomes, reasons, schema))


def filtered(keep: Sequence[bool], where: str, outcomes: list[str], reasons: list[str]) -> None:
    """Set the outcome and reason of pages that would be kept but do not meet the condition."""
    for n, outcome in enumerate(outcomes):
        if outcome == "kept" and not keep[n]:
            outcomes[n], reasons[n] = "filtered", f"not ({where})"


def dropped_rows(table: pa.Table, outcomes: Sequence[str], reasons: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Return the rows that are not kept, with their outcomes and reasons."""
    import pyarrow as pa

    columns = [pa.array(outcomes, pa.string()), pa.array(reasons, pa.string()), *table.columns]
    return pa.table(columns, schema=schema).filter(pa.array([o != "kept" for o in outcomes], pa.bool_()))


def join_edits(writer: Any, path: Path, shard: int, removed: Mapping[str, Sequence[Edit]], settings: Settings, report: Report) -> None:
    """Write the edits of a shard as one row group, followed by those that removed duplicates."""
    import pyarrow as pa

    [edits] = tables_of(path)
    if removed:
        columns = Changes(dict(enumerate(removed.values()))).columns
        report.count(REMOVED, list(removed), columns)
        edits = pa.concat_tables([edits, removal_rows(edits, removed, len(settings.pipeline.steps))]).unify_dictionaries()
    if edits.num_rows:
        writer.write_table(numbered(edits, shard), row_group_size=edits.num_rows)


class _Dropped:
    """Writes dropped.parquet, if any row is dropped."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self.schema = path, schema
        self.stack = ExitStack()
        self.writer: Any = None

    def __enter__(self) -> Self:
        self.stack.__enter__()
        return self

    def write(self, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        if self.writer is None:
            self.writer = self.stack.enter_context(
                pq.ParquetWriter(self.stack.enter_context(whole(self.path)), self.schema, compression="zstd")
            )
        self.writer.write_table(table)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stack.__exit__(kind, error, trace)
        if self.writer is None and kind is None:
            self.path.unlink(missing_ok=True)


class Where:
    """Evaluates a condition for each row."""

    def __init__(self, where: str, schema: pa.Schema) -> None:
        self.where, self.schema = where, schema
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        if self.where:
            import duckdb

            checked_where(self.where, self.schema)
            self.database = self.stack.enter_context(duckdb.connect(config={"enable_external_access": "false", "threads": 1}))
        return self

    def __call__(self, table: pa.Table) -> list[bool]:
        if not self.where:
            return [True] * table.num_rows
        self.database.register("page", table.append_column("row number", [list(range(table.num_rows))]))
        rows = self.database.execute(f'SELECT "row number" FROM (SELECT *, chars_out AS chars FROM page) WHERE ({self.where})').fetchall()
        good = {row for (row,) in rows}
        return [n in good for n in range(table.num_rows)]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stack.__exit__(kind, error, trace)
