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
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cleantext
from cleantext.changes import Changes
from cleantext.chrome.hosts import HostProfile
from cleantext.errors import CleantextError, InputError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import Report, total
from cleantext.run.files import Found, Source, check_output, find_pages, is_name_error, read_page, settle, write_whole
from cleantext.run.learn import with_learned, with_profile
from cleantext.run.settings import STATE, Settings, Shard, page_folder, part, total_size
from cleantext.run.tables import METADATA, finish, outputs_of, write_edits
from cleantext.transform import Page
from cleantext.warm import beside, warm

__all__ = ["clean_files", "plan_shards", "run_shard"]

SHARD_BYTES = 4_000_000  # two or three shards in flight stay below 1 GB; small enough that two workers end together
SHARD_PAGES = 2_000
PARALLEL_BYTES = 8_000_000  # below this, starting workers (0.7 s each) costs more than they save
Progress = Callable[[int, int], None]  # bytes done, bytes in all


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
    max_df: int = 100,
    record: bool = True,
    profile: str | HostProfile = "",
    learn_hosts: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Clean all pages of files and folders into ``out``; return the report, which is also written there.

    ``rules`` are rule packs of your own, added to those of the pipeline; ``profile`` is a host profile, or the
    path of one; ``learn_hosts`` makes one of the pages themselves, where folders are named as hosts and hold
    pages enough. ``duplicates`` is "annotate" (report only), "passages" or "documents" (also remove), or
    "off"; stretches in more than ``max_df`` pages are listed as boilerplate, and stay. ``record=False`` writes no edits: the run is faster and cannot be undone. Inputs are never changed. Raise `ConfigError` or
    `InputError` before anything is written; a page that fails is a row of failed.jsonl, not an exception.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page, out = Path(folder, "page.txt"), Path(folder, "out")
    ...     _ = page.write_text("發展新疆的歷史,經濟帶進入了新階段。", "utf-8")
    ...     report = clean_files(page, out, duplicates="off", workers=1)
    ...     (out / "page.txt").read_text("utf-8"), report.outcomes["kept"]
    ('发展新疆的历史,经济带进入了新阶段。', 1)
    """
    started = time.perf_counter()
    sources = [src] if isinstance(src, (str, Path)) else list(src)
    folder = Path(out)
    found = find_pages(sources)
    check_output(sources, found.pages, folder)
    recipe, note = Pipeline.load(pipeline).with_rules(*rules), ""
    if profile:
        recipe = with_profile(recipe, profile)
    if learn_hosts:
        recipe, note = with_learned(recipe, found.pages, folder)
    settings = Settings(recipe, duplicates, threshold, min_chars, max_df, record)
    state = folder / STATE
    earlier = {o for table in (folder / METADATA, *state.glob("*.metadata.jsonl")) for o in outputs_of(table)}
    if restart:
        shutil.rmtree(state, ignore_errors=True)
    state.mkdir(exist_ok=True)
    shards = plan_shards(found.pages)
    with beside(*({"off": (), "documents": ("document",)}.get(duplicates, ("passage",)))):  # type: ignore[arg-type]
        report = total(list(_run_shards(shards, settings, folder, workers, progress)))
    _annotate(report, settings, found)
    report.notes += [note] if note else []
    finish(folder, shards, settings, report)
    for stale in earlier - outputs_of(folder / METADATA):  # of pages that are no longer there, or fail now
        (folder / stale).unlink(missing_ok=True)
    settle(folder.iterdir())  # all is on the disk before the way to take the run up goes
    shutil.rmtree(state, ignore_errors=True)
    report.seconds = time.perf_counter() - started
    return report


def _annotate(report: Report, settings: Settings, found: Found) -> None:
    report.settings = {
        "cleantext": cleantext.__version__,
        "pipeline": settings.pipeline.name,
        "fingerprint": settings.pipeline.fingerprint,
        "duplicates": settings.duplicates,
        "threshold": settings.threshold,
        "min_chars": settings.min_chars,
        "max_df": settings.max_df,
        "edits_recorded": settings.record,
    }
    if found.ignored:
        report.notes.append(f"{len(found.ignored)} left out by .cleantextignore: {_few(found.ignored)}")
    if found.other:
        report.notes.append(
            f"{len(found.other)} left out as no pages (no text or HTML by their endings, or an earlier run's): {_few(found.other)}"
        )
    if not found.pages:
        report.notes.append("no pages found: .txt, .text, .html, .htm, .xhtml, .shtml or no ending, also packed as .gz or .zst")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


# ---------------------------------------------------------------- shards


def _run_shards(shards: Sequence[Shard], settings: Settings, out: Path, workers: int | None, progress: Progress | None) -> Iterator[Report]:
    size = total_size(shards)
    held = {shard.number: _finished(shard, settings, out) for shard in shards}
    todo = [shard for shard in shards if held[shard.number] is None]
    done = size - total_size(todo)
    if progress:
        progress(done, size)
    for shard, report in _each(todo, settings, out, workers, total_size(todo)):
        held[shard.number] = report
        done += total_size([shard])
        if progress:
            progress(done, size)
    for number in sorted(held):
        report_ = held[number]
        assert report_ is not None
        yield report_


def _each(shards: Sequence[Shard], settings: Settings, out: Path, workers: int | None, size: int) -> Iterator[tuple[Shard, Report]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(workers or cores, len(shards))
    if count <= 1 or (workers is None and size < PARALLEL_BYTES):
        for shard in shards:
            yield shard, run_shard(shard, settings, out)
        return
    warm()  # compile once here, not once in every worker
    # Spawned, not forked: pyarrow and numba have threads by now.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_shard, shard, settings, out): shard for shard in shards}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise CleantextError(
                "a worker process died: out of memory, killed, or started from a script without `if __name__ == '__main__':`. "
                "Finished shards are kept: run the same again to take up from there, with one worker if memory is short"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _finished(shard: Shard, settings: Settings, out: Path) -> Report | None:
    with contextlib.suppress(OSError, ValueError, KeyError, InputError):
        held = json.loads(part(out, shard, "done").read_text("utf-8"))
        if held["digest"] == shard.digest(settings):
            return Report.from_json(held["report"])
    return None


def run_shard(shard: Shard, settings: Settings, out: Path) -> Report:
    """Clean one shard: write its pages, its rows of metadata and its edits; return its tally."""
    report = Report()
    digest = shard.digest(settings)  # before reading: a file that changes meanwhile is done again
    rows = {source.id: {"id": source.id, "output": source.output} for source in shard.sources}
    pages = [page for source in shard.sources if (page := _read(source, rows[source.id], report)) is not None]
    pages, cleaned, steps = _cleaned(pages, rows, settings, report)
    if settings.record:
        ids = [p.id for p in pages]
        for step, changes in zip(settings.pipeline.steps, steps, strict=True):
            report.count(step.id, ids, changes.columns)
        write_edits(part(out, shard, "edits.arrow"), ids, settings.pipeline, steps)
    written = []
    for page in cleaned:
        path = page_folder(out, settings) / rows[page.id]["output"]
        try:
            write_whole(path, page.text.encode("utf-8", "replace"), sync=False)
        except OSError as error:
            if not is_name_error(error):  # a full disk, say: not the page's fault
                raise
            _failed(rows[page.id], report, f"{page.id}: cannot be written: {error.strerror}; rename it")
            continue
        written.append(path)
        _describe(rows[page.id], page, report)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
    write_whole(part(out, shard, "metadata.jsonl"), lines.encode(), sync=False)
    settle(written)  # once for all pages of the shard; only then may the marker say that they are there
    held = json.dumps({"digest": digest, "report": report.to_json()}, ensure_ascii=False)
    write_whole(part(out, shard, "done"), held.encode())
    return report


def _read(source: Source, row: dict[str, Any], report: Report) -> Page | None:
    """Read one page. What fails is counted and told, never raised."""
    try:
        page, data, decoded = read_page(source)
    except InputError as error:
        _failed(row, report, str(error))
        return None
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "encoding": decoded.encoding, "decided_by": decoded.evidence}
    row["chars_in"] = len(page.text)
    report.bytes_in += len(data)
    report.chars_in += len(page.text)
    report.encodings[decoded.encoding] += 1
    return page


def _cleaned(
    pages: list[Page], rows: dict[str, dict[str, Any]], settings: Settings, report: Report
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
        for page in pages:
            try:
                work([page])
                sound.append(page)
            except Exception as error:  # noqa: BLE001
                _failed(rows[page.id], report, f"{page.id}: a step of the pipeline failed: {error!r}; please report it with the page")
        return sound, *work(sound)


def _failed(row: dict[str, Any], report: Report, why: str) -> None:
    report.fail(row["id"], why)
    row["outcome"] = "failed"
    row["output"] = None


def _describe(row: dict[str, Any], page: Page, report: Report) -> None:
    digest = hashlib.sha256(page.text.encode("utf-8", "replace")).hexdigest()
    report.changed += digest != row["sha256"]
    row["chars_out"] = len(page.text)
    row["output_sha256"] = digest
    row["outcome"] = "kept" if page.text.strip() else "emptied"
    row["flags"] = list(page.flags)
    row |= {k: v for k, v in sorted(page.metadata.items()) if k not in row}
    report.outcomes[row["outcome"]] += 1
    report.chars_out += len(page.text)
    report.flags.update(page.flags)
