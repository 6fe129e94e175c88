"""The main job: clean a folder of pages, find what they share, and report.

The pages are cut into shards by size and name only, so that the outputs do not depend on the number
of workers. Each shard writes its cleaned pages and its part of the tables, then a marker that holds
the digest of its inputs and of the pipeline. A run that was stopped takes up where the markers end.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cleantext
from cleantext.changes import Changes
from cleantext.chrome import StripChrome
from cleantext.decode import decode
from cleantext.errors import CleantextError, ConfigError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import Report, total
from cleantext.run.files import Found, Source, check_output, find_pages, is_html, write_whole
from cleantext.transform import Page

__all__ = ["Settings", "clean_files", "plan_shards"]

SHARD_BYTES = 4_000_000  # two or three shards in flight stay below 1 GB; small enough that two workers end together
SHARD_PAGES = 2_000
PARALLEL_BYTES = 8_000_000  # below this, starting workers (0.7 s each) costs more than they save
STATE = ".cleantext"
Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True)
class Settings:
    """What a run does, apart from where and how fast."""

    pipeline: Pipeline
    duplicates: str = "annotate"
    threshold: float = 0.8
    min_chars: int = 40
    record: bool = True  # write edits.parquet

    def __post_init__(self) -> None:
        if self.duplicates not in ("annotate", "passages", "documents", "off"):
            raise ConfigError(f"duplicates {self.duplicates!r}: use annotate, passages, documents or off")
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold}: a similarity is above 0 and at most 1")

    @property
    def fingerprint(self) -> str:
        """The digest of all that decides the outputs."""
        parts = [cleantext.__version__, self.pipeline.fingerprint, self.duplicates, self.threshold, self.min_chars, self.record]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Shard:
    """Pages that are cleaned in one go."""

    number: int
    sources: tuple[Source, ...]

    def digest(self, settings: Settings) -> str:
        """Name the inputs and the recipe: a marker counts only if it holds the same."""
        files = [(s.id, s.size, s.path.stat().st_mtime_ns if s.path.exists() else 0) for s in self.sources]
        return hashlib.sha256(json.dumps([settings.fingerprint, files]).encode()).hexdigest()


def plan_shards(sources: Sequence[Source]) -> list[Shard]:
    """Cut the sorted pages into shards, by their sizes alone."""
    shards: list[list[Source]] = [[]]
    size = 0
    for source in sources:
        if shards[-1] and (size + source.size > SHARD_BYTES or len(shards[-1]) >= SHARD_PAGES):
            shards.append([])
            size = 0
        shards[-1].append(source)
        size += source.size
    return [Shard(n, tuple(s)) for n, s in enumerate(shards) if s]


def clean_files(
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    pipeline: str | Path | Pipeline = "zh-web",
    rules: Sequence[str] = (),
    workers: int | None = None,
    duplicates: str = "annotate",
    threshold: float = 0.8,
    min_chars: int = 40,
    record: bool = True,
    restart: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Clean all pages of files and folders into ``out``; return the report, which is also written there.

    ``rules`` are rule packs of your own, added to those of the pipeline. ``duplicates`` is "annotate"
    (report only), "passages" or "documents" (also remove), or "off". ``record=False`` writes no edits:
    the run is faster and cannot be undone. Inputs are never changed. Raise `ConfigError` or
    `InputError` before anything is written; a page that fails is a row of failed.jsonl, not an exception.
    """
    started = time.perf_counter()
    sources = [src] if isinstance(src, (str, Path)) else list(src)
    folder = Path(out)
    settings = Settings(with_rules(Pipeline.load(pipeline), rules), duplicates, threshold, min_chars, record)
    found = find_pages(sources)
    check_output(sources, folder)
    state = folder / STATE
    if restart:
        shutil.rmtree(state, ignore_errors=True)
    state.mkdir(exist_ok=True)
    shards = plan_shards(found.pages)
    report = total(list(_run_shards(shards, settings, folder, workers, progress)))
    from cleantext.run.tables import finish

    report = finish(folder, shards, settings, _annotated(report, settings, found))
    shutil.rmtree(state, ignore_errors=True)
    report.seconds = time.perf_counter() - started
    return report


def with_rules(pipeline: Pipeline, packs: Sequence[str]) -> Pipeline:
    """Return the pipeline with further rule packs in its chrome step."""
    if not packs:
        return pipeline
    if not any(isinstance(s, StripChrome) for s in pipeline.steps):
        raise ConfigError(f"pipeline {pipeline.name} has no chrome.lines step that could take the rules {', '.join(packs)}")
    steps = tuple(replace(s, packs=(*s.packs, *packs)) if isinstance(s, StripChrome) else s for s in pipeline.steps)
    for step in steps:
        if isinstance(step, StripChrome):
            _ = step.pack  # load now: a bad row stops the run before it starts
    return Pipeline(steps, pipeline.name)


def _annotated(report: Report, settings: Settings, found: Found) -> Report:
    report.settings = {
        "cleantext": cleantext.__version__,
        "pipeline": settings.pipeline.name,
        "fingerprint": settings.pipeline.fingerprint,
        "duplicates": settings.duplicates,
        "threshold": settings.threshold,
        "min_chars": settings.min_chars,
        "edits_recorded": settings.record,
    }
    if found.ignored:
        report.notes.append(f"{len(found.ignored)} entries left out by .cleantextignore: {_few(found.ignored)}")
    if found.other:
        report.notes.append(f"{len(found.other)} files left out that are no text or HTML: {_few(found.other)}")
    if not found.pages:
        report.notes.append("no pages found: .txt, .text, .html, .htm, .xhtml, .shtml or no ending, also packed as .gz or .zst")
    return report


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


# ---------------------------------------------------------------- shards


def _run_shards(shards: Sequence[Shard], settings: Settings, out: Path, workers: int | None, progress: Progress | None) -> Iterator[Report]:
    size = sum(s.size for shard in shards for s in shard.sources)
    done = 0
    todo = []
    for shard in shards:
        earlier = _finished(shard, settings, out)
        if earlier is None:
            todo.append(shard)
        else:
            yield earlier
            done += sum(s.size for s in shard.sources)
    if progress:
        progress(done, size)
    for shard, report in _each(todo, settings, out, workers, size):
        done += sum(s.size for s in shard.sources)
        if progress:
            progress(done, size)
        yield report


def _each(shards: Sequence[Shard], settings: Settings, out: Path, workers: int | None, size: int) -> Iterator[tuple[Shard, Report]]:
    count = min(workers or len(os.sched_getaffinity(0)), len(shards))
    if count <= 1 or (workers is None and size < PARALLEL_BYTES):
        for shard in shards:
            yield shard, run_shard(shard, settings, out)
        return
    cleantext.warm()  # compile once here, not once in every worker
    # Spawned, not forked: pyarrow and numba have threads by now.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_shard, shard, settings, out): shard for shard in shards}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise CleantextError(
                "a worker process died (out of memory, or killed). Finished shards are kept: run the same command again to "
                "take up from there, with --workers 1 if memory is short"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _finished(shard: Shard, settings: Settings, out: Path) -> Report | None:
    marker = out / STATE / f"{shard.number:06d}.done"
    with contextlib.suppress(OSError, ValueError, KeyError):
        held = json.loads(marker.read_text("utf-8"))
        if held["digest"] == shard.digest(settings):
            return Report.from_json(held["report"])
    return None


def run_shard(shard: Shard, settings: Settings, out: Path) -> Report:
    """Clean one shard: write its pages, its rows of metadata and its edits; return its tally."""
    report = Report()
    rows: list[dict[str, Any]] = []
    pages: list[Page] = []
    digest = shard.digest(settings)  # before reading: a file that changes meanwhile is done again
    for source in shard.sources:
        row, page = _read(source, report)
        rows.append(row)
        if page is not None:
            pages.append(page)
    pages, cleaned, steps = _cleaned(pages, rows, settings, report)
    if settings.record:
        ids = [p.id for p in pages]
        for step, changes in zip(settings.pipeline.steps, steps, strict=True):
            report.count(step.id, ids, changes.columns)
        from cleantext.run.tables import write_edits

        write_edits(out / STATE / f"{shard.number:06d}.edits.arrow", ids, settings.pipeline, steps)
    outputs = {s.id: s.output for s in shard.sources}
    for page in cleaned:
        write_whole(page_folder(out, settings) / outputs[page.id], page.text.encode("utf-8", "replace"), sync=False)
    after = dict(zip((p.id for p in pages), cleaned, strict=True))
    for row in rows:
        if row["id"] in after:
            _describe(row, after[row["id"]], report)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(out / STATE / f"{shard.number:06d}.metadata.jsonl", lines.encode(), sync=False)
    os.sync()  # once for all pages of the shard; only then may the marker say that they are there
    held = json.dumps({"digest": digest, "report": report.to_json()}, ensure_ascii=False)
    write_whole(out / STATE / f"{shard.number:06d}.done", held.encode())
    return report


def _read(source: Source, report: Report) -> tuple[dict[str, Any], Page | None]:
    """Read one page. What fails is counted and told, never raised."""
    row: dict[str, Any] = {"id": source.id, "output": source.output}
    try:
        data = source.read()
    except Exception as error:  # noqa: BLE001 - a broken .gz or .zst raises what its library likes; the page fails, the run goes on
        return _failed(row, report, f"cannot be read: {error}")
    report.bytes_in += len(data)
    decoded = decode(data)
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "encoding": decoded.encoding, "decided_by": decoded.evidence}
    if decoded.evidence == "binary":
        return _failed(row, report, "is binary data, not text: convert it first or leave it out with .cleantextignore")
    report.encodings[decoded.encoding] += 1
    try:
        if is_html(source.id, data):
            from cleantext.html import read_html

            page = replace(read_html(decoded.text), id=source.id)
        else:
            page = Page(decoded.text, id=source.id)
    except Exception as error:  # noqa: BLE001 - one page that breaks the parser must not stop a crawl
        return _failed(row, report, f"cannot be parsed: {error!r}")
    row["chars_in"] = len(page.text)
    report.chars_in += len(page.text)
    return row, page


def _cleaned(
    pages: list[Page], rows: Sequence[dict[str, Any]], settings: Settings, report: Report
) -> tuple[list[Page], list[Page], list[Changes]]:
    """Clean a batch. Where it fails, find the pages to blame one by one, and clean the others."""

    def work(batch: list[Page]) -> tuple[list[Page], list[Changes]]:
        if not settings.record:
            return settings.pipeline.fast(batch), []
        traced = settings.pipeline.trace(batch)
        return traced.pages, traced.steps

    try:
        return pages, *work(pages)
    except (CleantextError, ImportError):  # of the recipe or the installation, not of a page
        raise
    except Exception:  # noqa: BLE001 - see above: the pages to blame are found, told and counted
        sound = []
        row_of = {row["id"]: row for row in rows}
        for page in pages:
            try:
                work([page])
                sound.append(page)
            except Exception as error:  # noqa: BLE001
                report.chars_in -= len(page.text)
                _failed(row_of[page.id], report, f"a step of the pipeline failed: {error!r}; please report it with the page")
        return sound, *work(sound)


def _failed(row: dict[str, Any], report: Report, why: str) -> tuple[dict[str, Any], None]:
    report.fail(row["id"], why)
    row["outcome"] = "failed"
    return row, None


def page_folder(out: Path, settings: Settings) -> Path:
    """Where shards write pages: aside, where duplicates will be removed, so that a stopped run can start over from them."""
    return out / STATE / "pages" if settings.duplicates in ("passages", "documents") else out


def _describe(row: dict[str, Any], page: Page, report: Report) -> None:
    row["chars_out"] = len(page.text)
    row["outcome"] = "kept" if page.text.strip() else "emptied"
    row["flags"] = list(page.flags)
    row |= {k: v for k, v in sorted(page.metadata.items()) if k not in row}
    report.outcomes[row["outcome"]] += 1
    report.chars_out += len(page.text)
    report.flags.update(page.flags)
