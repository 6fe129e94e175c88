"""The main job: clean a folder of pages, find what they share, and report.

The pages are divided into shards by size and name only, so the outputs do not depend on the number
of workers. Each shard writes its cleaned pages and its part of the tables, then a marker, which holds the
identity of its inputs and pipeline, and the digests of everything it wrote. An interrupted run continues after the last marker.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from cleantext.errors import InputError
from cleantext.jit import LARGE, expect
from cleantext.pipeline import Pipeline
from cleantext.plan.processes import cores
from cleantext.report.tally import Report, counted
from cleantext.run.files import check_output, settle
from cleantext.run.finished.samples import write_report
from cleantext.run.learn import with_learned, with_profile
from cleantext.run.names import clashes, key_in
from cleantext.run.options import Options
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.find import Found, few, find_pages, listed
from cleantext.run.readers.page_batches import BATCH_BYTES
from cleantext.run.readers.source import Source
from cleantext.run.readers.units import Spool, Unit, units_of
from cleantext.run.resume.origin import begin, made_of, unchanged, write_origin
from cleantext.run.resume.run_state import READ, clear, delete, drop_parts, earlier_outputs, make_way, outputs_of, working
from cleantext.run.shards.budget import OverTime, alarm
from cleantext.run.shards.clean_shard import run_shard
from cleantext.run.shards.feed import shards_of
from cleantext.run.shards.settings import METADATA, Settings, Shard, page_folder, total_size
from cleantext.run.shards.workers import Task, can_fork, run_all
from cleantext.run.writers.finish import finish_table
from cleantext.run.writers.texts import finish_texts
from cleantext.warm import Part, compile_ahead

__all__ = ["clean_files", "plan_shards", "whys_of"]

# Limit in bytes of the unpacked inputs: up to it, a run that learns hosts parses pages once and keeps them on the disk until they are cleaned.
REREAD = 1 << 30
MANY_DAMAGED = 1 << 28  # of so many bytes, enough are damaged to compile the kernels for that, half a minute of a processor
PARALLEL_BYTES = 8_000_000  # below this, starting workers (0.7 s each) costs more than they save
TAKEN = "its output would be written over that of {}, which is the same name here: rename one, or clean them in two runs"
Progress = Callable[[str, int, int, int], None]  # arguments: the phase, bytes done and in total (0: unknown), pages
PHASES = ("reading", "learning", "cleaning", "searching", "writing", "reporting")
log = logging.getLogger(__name__)


class _Phases:
    """Reports the phase of a run and its progress, and logs the start of each phase."""

    def __init__(self, told: Progress | None) -> None:
        self.told, self.phase, self.since = told, "", time.perf_counter()
        self.seconds: dict[str, float] = {}  # of each finished phase

    def __call__(self, phase: str, done: int = 0, size: int = 0, pages: int = 0) -> None:
        if phase != self.phase:
            self.end()
            self.phase = phase
            log.info("%s", phase)
        if self.told:
            self.told(phase, done, max(size, done), pages)

    def end(self) -> dict[str, float]:
        """End the phase, and return the duration of each phase in seconds."""
        now = time.perf_counter()
        if self.phase:
            self.seconds[self.phase] = self.seconds.get(self.phase, 0.0) + now - self.since
        self.since = now
        return self.seconds


def plan_shards(sources: Sequence[Source]) -> list[Shard]:
    """Divide the sorted pages into shards, by their sizes alone."""
    return [Shard.of(unit, n) for n, unit in enumerate(units_of(sources, (), Fields()))]


def clean_files(
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    compiled: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Report:
    """Clean all pages of files, folders, tables, crawls and archives into ``out``; return the report, which is also written there.

    ``options`` are the fields of `cleantext.run.options.Options`, with their defaults. ``form`` is "text" (one file per page, in the same folders as
    the input), or a table as described in docs/outputs.md: "parquet", "jsonl", "jsonl.zst" or "jsonl.gz". ``fields`` names the fields of records that
    hold the text, the id and so on, if they do not have the usual names. Records that cannot be read are counted as failed; with ``strict`` the first
    one raises `InputError`.

    ``rules`` are additional rule packs, added to those of the pipeline; ``profile`` is a host profile, or the
    path of one; ``learn_hosts`` makes one from the pages themselves, if their hosts are known and have enough pages: the
    default for tables and crawls. ``duplicates`` searches for "passages", "documents" or "lines" that occur more than once, or is "off";
    with ``remove`` they are removed; stretches in more than ``max_df`` pages are listed as boilerplate, and kept. ``where`` is SQL over the columns of
    the table: pages for which it is not true are written to dropped.parquet. ``record=False`` writes no edits: the run is faster and cannot be undone.
    ``memory`` is the approximate memory of the search for duplicates, in bytes. ``index`` is a folder with the documents of earlier runs: pages
    are also compared with those and added to them, and clusters keep their names; a new index keeps the first of several copies. With
    ``incremental`` the results of each shard are kept (in ``out/.cleantext``, about as large as the corpus and its edits), and a later run cleans only
    new or changed pages, with the host profiles that the first run learned. ``progress`` is called with
    the phase (one of `PHASES`), the bytes done and in total, and the pages; ``compiled`` with the kernels done and in total, if a first large job
    has to compile them. Pages fail if they have more than ``max_page_bytes``, unpacked, take more than ``page_seconds`` of work (plus 15
    for each megabyte; 0: no limit), or if a worker takes more than ``max_page_memory`` bytes for them beyond those it starts with
    (0: no limit; only on Linux, and only in worker processes). Inputs are never changed. A finished run with unchanged inputs is not
    repeated, except with ``restart``. The outputs of pages that are gone from the input are deleted, and a note says how many; an output that was made
    from other inputs is refused, except with ``replaces``, by which these pages replace the old ones. Raise `ConfigError` or `InputError`
    before anything is written; a page that fails is a row of failed.jsonl, not an exception.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page, out = Path(folder, "page.txt"), Path(folder, "out")
    ...     _ = page.write_text("發展新疆的歷史,經濟帶進入了新階段。", "utf-8")
    ...     report = clean_files(page, out, duplicates="off", workers=1)
    ...     (out / "page.txt").read_text("utf-8"), report.outcomes["kept"]
    ('发展新疆的历史,经济带进入了新阶段。', 1)
    """
    started = time.perf_counter()
    phases = _Phases(progress)
    asked = Options.of(options)
    sources = listed(src)
    folder = Path(out)
    recipe, note = Pipeline.load(asked.pipeline).with_rules(*asked.rules), ""
    if asked.profile:
        recipe = with_profile(recipe, asked.profile)
    settings = Settings.of(asked, recipe)
    found = find_pages(sources)
    found.refuse_none()
    check_output(sources, found.all, folder)
    units = units_of(found.pages, found.holders, asked.fields or Fields(), most=settings.max_page_bytes)
    learns = asked.learn_hosts if asked.learn_hosts is not None else bool(found.holders)
    made = made_of(found, units, settings, learn_hosts=learns)
    with working(folder, keep=asked.incremental) as state:
        begin(folder, state, sources, found.all, replace=asked.replaces)
        if not asked.restart and (report := unchanged(folder, state, made)):
            report.seconds = time.perf_counter() - started
            return report
        outputs = set() if settings.is_table else {page.output for page in found.pages}
        earlier = earlier_outputs(folder, state, but=outputs)
        if asked.restart:
            clear(state)
        compiling = _compile_ahead(units, settings, compiled)  # before learning, which runs the kernels of cleaning
        shutil.rmtree(state / READ, ignore_errors=True)  # of an interrupted run: may be incomplete on the disk
        if learns:
            if total_size(units, unpacked=True) <= REREAD:
                units = [replace(unit, kept=state / READ) for unit in units]
            recipe, note = with_learned(recipe, units, folder, workers=workers or cores(), told=phases, once=asked.incremental)
            settings = replace(settings, pipeline=recipe)
        for place in {folder, page_folder(folder, settings)}:
            make_way(place, earlier, outputs)
        shards: list[Shard] = []
        report = Report()
        key = key_in(state)
        taken = clashes(sorted(outputs), key)
        before = Report()
        for shard, told in _run_shards(units, settings, folder, workers, phases, taken, before):
            if asked.strict and told.failures:
                raise InputError(f"{told.failures[0]['error'].removesuffix('; left out')}; mend or drop it, or go without --strict")
            shards.append(shard)
            report += told
        shards.sort(key=lambda shard: shard.place)
        _annotate(report, settings, found)
        report.notes += [note] if note else []
        finish(folder, shards, settings, report, workers, phases)
        phases("reporting")
        write_report(folder, report)
        # Outputs of pages that no longer exist, or fail now.
        written = outputs_of(folder / METADATA)
        keys = {key(name) for name in written}
        gone = [name for name in sorted((outputs | earlier) - written) if key(name) not in keys and delete(folder, name)]
        drop_parts(state, {shard.name for shard in shards}, gone)
        write_origin(folder, state, made)
        settle(folder.iterdir())  # everything must be on the disk before the state for continuing the run is deleted
    # Not a part of report.json, which does not depend on earlier runs:
    if before.pages_in:
        report.notes.append(f"{counted(before.pages_in, 'page')} unchanged, {report.pages_in - before.pages_in:,} done")
    if gone:
        report.notes.append(f"{counted(len(gone), 'page')} of an earlier run removed, whose input is gone or fails now: {few(gone)}")
    report.seconds, report.phases = time.perf_counter() - started - compiling, phases.end()
    return report


def finish(
    out: Path, shards: Sequence[Shard], settings: Settings, report: Report, workers: int | None, phases: Progress | None = None
) -> None:
    """Search for duplicates, and write the corpus and the tables next to it."""
    (finish_table if settings.is_table else finish_texts)(out, shards, settings, report, workers=workers, progress=phases)


def _compile_ahead(units: Sequence[Unit], settings: Settings, told: Callable[[int, int], None] | None) -> float:
    """Compile the kernels once for all workers if the job is large; return the seconds that it took."""
    size = total_size(units, unpacked=True)
    if size < LARGE:
        return 0.0
    expect(size)
    searched: dict[str, tuple[Part, ...]] = {"off": (), "passages": ("passage",)}
    parts: tuple[Part, ...] = ("pages", "documents", *searched.get(settings.duplicates, ("document",)))
    parts += ("mojibake",) if size >= MANY_DAMAGED else ()
    return compile_ahead(*parts, told=told)


def _annotate(report: Report, settings: Settings, found: Found) -> None:
    report.settings = settings.told | {"page_seconds": settings.page_seconds, "max_page_memory": settings.max_page_memory}
    report.notes += found.notes
    if report.skipped:
        told = ", ".join(f"{name} {n:,}" for name, n in sorted(report.skipped.items(), key=lambda k: (-k[1], k[0]))[:8])
        report.notes.append(f"{report.skipped.total():,} records passed over as no pages ({told})")
    if report.renamed:
        report.notes.append(f"{report.renamed:,} records repeat the id of another one: file and number name them instead")
    report.whys = whys_of(settings.pipeline, report)


def whys_of(pipeline: Pipeline, report: Report) -> dict[str, str]:
    """Return the purpose of each rule that made an edit."""
    meant = {rule: why for step in pipeline.steps for rule, why in getattr(step, "rules", {}).items()}  # rules of users may have none
    return {rule: meant[rule] for rule in sorted(report.rules) if rule in meant}


# ---------------------------------------------------------------- shards


def _run_shards(
    units: Sequence[Unit],
    settings: Settings,
    out: Path,
    workers: int | None,
    progress: Progress,
    taken: Mapping[str, str],
    before: Report,
) -> Iterator[tuple[Shard, Report]]:
    """Yield all shards with their tallies, as they finish; pages in ``taken`` fail, since the file system uses their output names for other pages.

    The outcomes of shards finished by an earlier run are counted in ``before``.
    """
    size = total_size(units, unpacked=True)
    _ = settings.fingerprint  # reads rules and models once, before processes are forked
    done = pages = 0
    held: deque[tuple[Shard, Report]] = deque()  # finished by an earlier run

    def tasks() -> Iterator[Task]:
        for shard, report in shards_of(units, settings, out):
            if report is None:
                yield Task(shard, {n: TAKEN.format(taken[s.output]) for n, s in enumerate(shard.sources) if s.output in taken})
            else:
                held.append((shard, report))
                before.outcomes += report.outcomes

    def told() -> Iterator[tuple[Shard, Report]]:
        for pair in _each(tasks(), units, settings, out, workers, size):
            yield from _emptied(held)
            if isinstance(pair[0].unit, Spool):
                pair[0].unit.path.unlink(missing_ok=True)
            yield pair
        yield from _emptied(held)

    progress("cleaning", 0, size, 0)
    for shard, report in told():
        done, pages = done + shard.weight, pages + report.pages_in
        progress("cleaning", done, size, pages)
        log.debug("shard %s: %s", shard.name, dict(report.outcomes))
        yield shard, report


def _emptied(held: deque[tuple[Shard, Report]]) -> Iterator[tuple[Shard, Report]]:
    while held:
        yield held.popleft()


def _each(
    tasks: Iterator[Task], units: Sequence[Unit], settings: Settings, out: Path, workers: int | None, size: int
) -> Iterator[tuple[Shard, Report]]:
    most = len(units) if not any(unit.holds_many for unit in units) else max(len(units), size // BATCH_BYTES + 1)
    count = min(workers or cores(), most)
    if count > 1 and (workers or size >= PARALLEL_BYTES):
        # Spawn instead of fork: pyarrow and numba have started threads by now.
        yield from run_all(tasks, settings, out, count=count, fork=False)
    elif (settings.page_seconds or settings.max_page_memory) and can_fork():
        import pyarrow as pa  # noqa: F401 - once, here; the tables at the end need it, too

        yield from run_all(tasks, settings, out, count=1, fork=True)  # 0.02 s for a process that can be killed
    else:
        yield from _here(tasks, settings, out)


def _here(tasks: Iterator[Task], settings: Settings, out: Path) -> Iterator[tuple[Shard, Report]]:
    """Clean shards in this process until a page takes too much; the rest in another process, which can be killed and has clean caches."""
    with alarm() as watch:
        for task in tasks:
            try:
                report = run_shard(task.shard, settings, out, over=task.over, watch=watch)
            except (OverTime, MemoryError):
                task.trial = True
                yield from run_all(chain([task], tasks), settings, out, count=1, fork=False)
                return
            yield task.shard, report
