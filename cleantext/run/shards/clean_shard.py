"""One shard: clean its pages and write them, or their rows of the corpus, their edits, and finally its marker."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cleantext.changes import Changes
from cleantext.chrome import StripChrome
from cleantext.chrome.hosts.profiles import host_of
from cleantext.edits import apply
from cleantext.errors import CleantextError, InputError
from cleantext.jit import expect
from cleantext.pipeline import Pipeline
from cleantext.plan.tables import write_part
from cleantext.report.overview import confidence
from cleantext.report.tally import Report, nearest
from cleantext.run.files import is_name_error, naming, output_path, settle, unwritable, write_whole
from cleantext.run.readers.page_batches import Row, notes_of
from cleantext.run.readers.records import read_record
from cleantext.run.readers.source import output_name, tree_name
from cleantext.run.readers.units import Unit
from cleantext.run.resume.markers import mark
from cleantext.run.shards.budget import Watch, unwatched
from cleantext.run.shards.settings import EDITS_PART, METADATA, ROWS_PART, Settings, Shard, page_folder, part
from cleantext.run.side_tables import write_edits
from cleantext.run.writers.schema import part_table
from cleantext.transform import Page
from cleantext.warm import warm

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ALL", "clean_rows", "run_shard", "try_pages"]

ALL = -1  # stands for all pages of a shard together
ASKED = 3  # pages of a shard whose uncertain lines are listed, and
LONG = 20_000  # the length in characters above which pages are not
SHOWN = 160  # characters of a line that are listed
DOUBT = 0.1  # a line with a smaller probability of page chrome is not uncertain


@dataclass
class _Work:
    """The pages of a shard: what was read, and the outcomes."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id, in order
    pages: list[Page] = field(default_factory=list)
    cleaned: list[Page] = field(default_factory=list)
    steps: list[Changes] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)  # of ids among the records of the batch


def run_shard(
    shard: Shard, settings: Settings, out: Path, *, over: Mapping[int, str] | None = None, extra: float = 0.0, watch: Watch = unwatched
) -> Report:
    """Clean one shard: write its pages or rows, and its edits; return its tally.

    ``over`` maps pages that fail without being read to the reason: those that went over their budget, or ended their process.
    ``extra`` are the seconds that the other pages may take together beyond the usual limit.
    """
    report, over = Report(), over or {}
    expect(shard.weight)  # in its own process, if this is a worker
    inputs = shard.digest(settings)  # before reading: a file that changes meanwhile is read again
    seconds = settings.seconds(shard.weight)
    watch(ALL, seconds and seconds + extra)
    work = _Work()
    for number, row in enumerate(shard.unit.rows()):
        output = None if settings.is_table else output_name(row.id) if shard.sources else tree_name(row.id)
        held = work.rows[row.id] = {"id": row.id, "output": output}
        work.places[row.id] = number
        if number in over:
            _failed(held, report, f"{row.id}: {over[number]}")
        elif (page := _read(row, held, settings, report)) is not None:
            work.pages.append(page)
    _clean(work, settings, report)
    report.lines = _close_lines(work, settings)
    watch(ALL, 0)
    if settings.record:
        ids = _count(work, settings, report)
        path = part(out, shard, EDITS_PART)
        with naming(path):
            write_edits(path, ids, settings.pipeline, work.steps)
    if settings.is_table:
        _write_table(work, shard, settings, out, report)
    else:
        _write_texts(work, shard, settings, out, report)
    mark(shard, settings, out, inputs=inputs, report=report, over=bool(over))
    return report


def clean_rows(rows: Iterable[Row], settings: Settings, report: Report, *, pipeline: Pipeline) -> tuple[pa.Table, list[int]]:
    """Clean records with distinct ids; return their rows of the corpus, and the numbers of the records of these rows.

    Failures are counted in ``report``, like everything else. ``pipeline`` replaces that of the settings: it may know a host.
    """
    work = _Work()
    settings = replace(settings, pipeline=pipeline)
    for number, row in enumerate(rows):
        held = work.rows[row.id] = {"id": row.id, "output": None}
        work.places[row.id] = number
        if (page := _read(row, held, settings, report)) is not None:
            work.pages.append(page)
    _clean(work, settings, report)
    _count(work, settings, report)
    return _table(work, settings, report, None), [work.places[page.id] for page in work.pages]


def try_pages(shard: Shard, settings: Settings, *, first: int, over: Mapping[int, str], watch: Watch) -> None:
    """Read and clean the pages of a shard one by one from ``first`` on, without writing: each has its own budget.

    Kernels are compiled before, since that time is not a page's fault.
    """
    warm("pages", "documents")
    rows = shard.unit.rows()
    for number in range(shard.unit.count):
        if shard.sources and (number < first or number in over):
            rows = _behind(shard, number)  # its file is not read again
            continue
        if shard.sources:
            watch(number, settings.seconds(shard.sources[number].weight))
        row = next(rows)
        if number < first or number in over:
            continue
        watch(number, settings.seconds(len(row.content)))
        try:
            _done([read_record(row, most=settings.max_page_bytes).page], settings)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - told when the shard is done
            continue
    watch(ALL, 0)


def _behind(shard: Shard, number: int) -> Iterator[Row]:
    assert isinstance(shard.unit, Unit)
    return replace(shard.unit, sources=shard.sources[number + 1 :]).rows()


def _read(row: Row, held: dict[str, Any], settings: Settings, report: Report) -> Page | None:
    """Read one page. A failure is counted and reported, never raised."""
    try:
        page, data, decoded = read_record(row, most=settings.max_page_bytes)
    except InputError as error:
        _failed(held, report, str(error))
        return None
    held |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "encoding": decoded.encoding, "decided_by": decoded.evidence}
    held["chars_in"] = len(page.text)
    if settings.is_table:
        held |= {"file": row.source, "record": row.number, "kind": "html" if page.html else "text"}
    report.bytes_in += len(data)
    report.chars_in += len(page.text)
    report.encodings[decoded.encoding] += 1
    return page


def _clean(work: _Work, settings: Settings, report: Report) -> None:
    """Clean a batch. If it fails, find the pages that cause it one by one, and clean the others."""
    try:
        work.cleaned, work.steps = _done(work.pages, settings)
    except (CleantextError, ImportError, MemoryError):  # not due to a page, or found by the process that set the memory limit
        raise
    except Exception:  # noqa: BLE001 - see above: the pages to blame are found, told and counted
        sound = []
        for page in work.pages:
            try:
                _done([page], settings)
                sound.append(page)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001
                _failed(work.rows[page.id], report, f"{page.id}: a step of the pipeline failed: {error!r}; please report it with the page")
        work.pages = sound
        work.cleaned, work.steps = _done(sound, settings)


def _done(pages: list[Page], settings: Settings) -> tuple[list[Page], list[Changes]]:
    if not settings.record:
        return settings.pipeline.fast(pages), []
    traced = settings.pipeline.trace(pages)
    return traced.pages, traced.steps


def _count(work: _Work, settings: Settings, report: Report) -> list[str]:
    """Count the edits, if they are recorded, and return the ids of the pages."""
    ids = [p.id for p in work.pages]
    for step, changes in zip(settings.pipeline.steps, work.steps, strict=settings.record):
        report.count(step.id, ids, changes.columns)
    return ids


def _close_lines(work: _Work, settings: Settings) -> list[dict[str, Any]]:
    """Return the most uncertain lines of the learned model, from the pages of plain text with the most expected errors."""
    steps = settings.pipeline.steps
    at = next((n for n, step in enumerate(steps) if isinstance(step, StripChrome) and step.learned), None)
    if at is None or not work.steps:
        return []
    step = steps[at]
    assert isinstance(step, StripChrome)
    doubts = [
        (confidence(page.metadata), n) for n, page in enumerate(work.cleaned) if not work.pages[n].html and len(work.pages[n].text) <= LONG
    ]
    chosen = [n for _, n in sorted((sure, n) for sure, n in doubts if sure is not None)[:ASKED]]
    texts = [reduce(apply, [changes.edits(n) for changes in work.steps[:at]], work.pages[n].text) for n in chosen]
    hosts = [host_of(work.pages[n]) for n in chosen]
    return nearest(
        {"page": work.pages[n].id, "text": text[odds.start : odds.end].strip()[:SHOWN], "chrome": odds.chrome, "gone": odds.gone}
        for n, text, lines in zip(chosen, texts, step.odds(texts, hosts=hosts), strict=True)
        for odds in lines
        if odds.chrome > DOUBT
    )


def _failed(row: dict[str, Any], report: Report, why: str) -> None:
    report.fail(row["id"], why)
    row["outcome"] = "failed"
    row["output"] = None


def _describe(row: dict[str, Any], page: Page, report: Report, *, is_table: bool) -> None:
    """Record the outcome of a page, and count it."""
    data = page.text.encode("utf-8", "replace")
    digest = hashlib.sha256(data).hexdigest() if len(data) == row["bytes"] or not is_table else ""  # a table does not store it
    report.changed += digest != row["sha256"]
    row["chars_out"] = len(page.text)
    row["output_sha256"] = digest
    row["outcome"] = "kept" if page.text.strip() else "emptied"
    row["flags"] = list(page.flags)
    report.outcomes[row["outcome"]] += 1
    report.chars_out += len(page.text)
    report.flags.update(page.flags)


# ---------------------------------------------------------------- texts


def _write_texts(work: _Work, shard: Shard, settings: Settings, out: Path, report: Report) -> None:
    """Write each page as a text, and the rows of metadata."""
    rows = work.rows
    write_whole(
        part(out, shard, "outputs.json"), json.dumps([row["output"] for row in rows.values() if row["output"]]).encode(), sync=False
    )
    written = []
    for page in work.cleaned:
        try:
            path = output_path(page_folder(out, settings), rows[page.id]["output"])
            write_whole(path, page.text.encode("utf-8", "replace"), sync=False)
        except InputError as error:
            _failed(rows[page.id], report, f"{page.id}: cannot be written: {error}")
            continue
        except OSError as error:
            if not is_name_error(error):  # for example a full disk: not the page's fault
                raise
            _failed(rows[page.id], report, unwritable(page.id, error))
            continue
        written.append(path)
        _describe(rows[page.id], page, report, is_table=False)
        rows[page.id] |= {k: v for k, v in sorted(page.metadata.items()) if k not in rows[page.id]}
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
    write_whole(part(out, shard, METADATA), lines.encode(), sync=False)
    settle(written)  # once for all pages of the shard; the marker may be written only after that


# ---------------------------------------------------------------- tables


def _write_table(work: _Work, shard: Shard, settings: Settings, out: Path, report: Report) -> None:
    """Write the rows of the corpus, with the statistics of each page."""
    import pyarrow.parquet as pq

    skipped, carried = _carried(work, shard, report)
    report.skipped += skipped
    table = _table(work, settings, report, carried)
    path = part(out, shard, ROWS_PART)
    with naming(path), write_part(path, synced=False) as temporary:
        pq.write_table(table, temporary, compression="lz4", row_group_size=256, write_statistics=False)


def _table(work: _Work, settings: Settings, report: Report, carried: pa.Array | None) -> pa.Table:
    """Return the rows of cleaned pages, and count their outcomes."""
    from cleantext.signals import scripts_of, signals_of

    rows = [work.rows[page.id] for page in work.cleaned]
    for row, page, script in zip(rows, work.cleaned, scripts_of([page.text for page in work.pages]), strict=True):
        _describe(row, page, report, is_table=True)
        row["host"] = host_of(page) or None
        row["script"] = script
    removed, damage = _taken(work, settings)
    signals = signals_of(
        [page.text for page in work.cleaned],
        read=[row["chars_in"] for row in rows],
        removed=removed,
        damage=damage,
        links=[_links(p) for p in work.cleaned],
    )
    return part_table(work.cleaned, rows, signals, carried)


def _carried(work: _Work, shard: Shard, report: Report) -> tuple[Counter[str], pa.Array | None]:
    """Return the counts of skipped records in the batch, and the further columns of the cleaned pages."""
    import pyarrow as pa

    if shard.sources:
        return Counter(), None
    [batch] = shard.unit.batches()
    notes = notes_of(batch)
    report.renamed += len(notes.get("renamed", ()))
    at = pa.array([work.places[page.id] for page in work.cleaned], pa.int64())
    return Counter(notes.get("skipped", {})), batch.column("carried").take(at)


def _taken(work: _Work, settings: Settings) -> tuple[list[int], list[int]]:
    """Return for each page the number of characters removed as chrome, and the number of repairs."""
    n = len(work.pages)
    if not settings.record:
        return [max(len(a.text) - len(b.text), 0) for a, b in zip(work.pages, work.cleaned, strict=True)], [0] * n
    removed, damage = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for step, changes in zip(settings.pipeline.steps, work.steps, strict=True):
        columns = changes.columns
        if not len(columns):
            continue
        if step.id.startswith("chrome."):
            gone = np.diff(columns.before.offsets) - np.diff(columns.after.offsets)
            removed += np.bincount(columns.page, gone, n).astype(np.int64)
        elif step.id.startswith("repair."):
            damage += np.bincount(columns.page, minlength=n)
    return np.maximum(removed, 0).tolist(), damage.tolist()


def _links(page: Page) -> float:
    """Return the share of a page's characters inside links."""
    size = sum(b.end - b.start for b in page.html)
    return sum(b.link_density * (b.end - b.start) for b in page.html) / size if size else 0.0
