"""The main job: clean a folder of pages, find what they share, and report.

The pages are cut into shards by size and name only, so that the outputs do not depend on the number
of workers. Each shard writes its cleaned pages and its part of the tables, then a marker that holds
what tells its inputs and the pipeline from others, and the digests of all that it wrote. A run that was stopped takes up where the markers end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cleantext
from cleantext.chrome.hosts import HostProfile
from cleantext.jit import LARGE, expect
from cleantext.pipeline import Pipeline
from cleantext.report.tally import Report, counted, total
from cleantext.run.budget import MEMORY, PAGE_SECONDS, OverTime, alarm
from cleantext.run.files import Source, check_output, settle
from cleantext.run.find import Found, few, find_pages, listed
from cleantext.run.learn import with_learned, with_profile
from cleantext.run.markers import finished
from cleantext.run.names import clashes, key_in
from cleantext.run.origin import begin, made_of, unchanged, write_origin
from cleantext.run.packed import MAX_PAGE_BYTES
from cleantext.run.samples import write_report
from cleantext.run.settings import METADATA, Settings, Shard, page_folder, total_size
from cleantext.run.shards import run_shard
from cleantext.run.state import clear, delete, earlier_outputs, make_way, outputs_of, working
from cleantext.run.tables import finish
from cleantext.run.workers import Task, can_fork, run_all
from cleantext.warm import Part, compile_ahead

__all__ = ["clean_files", "plan_shards"]

SHARD_BYTES = 4_000_000  # two or three shards in flight stay below 1 GB; small enough that two workers end together
LEAST_BYTES = 500_000  # of a shard of a small job, which is cut into
SHARDS = 16  # about, so that little is lost where it is stopped
SHARD_PAGES = 2_000
PARALLEL_BYTES = 8_000_000  # below this, starting workers (0.7 s each) costs more than they save
TAKEN = "its output would be written over that of {}, which is the same name here: rename one, or clean them in two runs"
Progress = Callable[[int, int], None]  # bytes done, bytes in all


def plan_shards(sources: Sequence[Source]) -> list[Shard]:
    """Cut the sorted pages into shards, by their sizes alone: of 4 MB, or of a smaller job a sixteenth."""
    most = min(SHARD_BYTES, max(LEAST_BYTES, sum(source.weight for source in sources) // SHARDS))
    shards: list[list[Source]] = [[]]
    size = 0
    for source in sources:
        if shards[-1] and (size + source.weight > most or len(shards[-1]) >= SHARD_PAGES):
            shards.append([])
            size = 0
        shards[-1].append(source)
        size += source.weight
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
    max_page_bytes: int = MAX_PAGE_BYTES,
    page_seconds: float = PAGE_SECONDS,
    max_page_memory: int = MEMORY,
    profile: str | HostProfile = "",
    learn_hosts: bool = False,
    restart: bool = False,
    replaces: bool = False,
    progress: Progress | None = None,
    compiled: Progress | None = None,
) -> Report:
    """Clean all pages of files and folders into ``out``; return the report, which is also written there.

    ``rules`` are rule packs of your own, added to those of the pipeline; ``profile`` is a host profile, or the
    path of one; ``learn_hosts`` makes one of the pages themselves, where folders are named as hosts and hold
    pages enough. ``duplicates`` is "annotate" (report only), "passages" or "documents" (also remove), or
    "off"; stretches in more than ``max_df`` pages are listed as boilerplate, and stay. ``record=False`` writes no edits: the run is faster and cannot be undone. ``progress`` is
    told the bytes done and in all, ``compiled`` the kernels, where a first large job has to compile them.
    Pages of more than ``max_page_bytes``, unpacked, fail, and pages that take more than ``page_seconds`` of work (beside 15
    for each megabyte; 0: no limit) or for which a worker takes more than ``max_page_memory`` bytes beside those it starts with
    (0: no limit; on Linux, and not where the work is done in this process). Inputs are never changed. A run that is done, and of which nothing has changed since, is not done
    again, unless ``restart`` says so. Pages that are gone from the input go from the output, and a note says how many; an output that was made
    from other inputs is refused, unless these pages shall take the place of those (``replaces``). Raise `ConfigError` or `InputError`
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
    sources = listed(src)
    folder = Path(out)
    found = find_pages(sources)
    found.refuse_none()
    check_output(sources, found.pages, folder)
    recipe, note = Pipeline.load(pipeline).with_rules(*rules), ""
    if profile:
        recipe = with_profile(recipe, profile)
    settings = Settings(recipe, duplicates, threshold, min_chars, max_df, record, max_page_bytes, page_seconds, max_page_memory)
    made = made_of(found, settings, learn_hosts=learn_hosts)
    with working(folder) as state:
        begin(folder, state, sources, found.pages, replace=replaces)
        if not restart and (report := unchanged(folder, state, made)):
            report.seconds = time.perf_counter() - started
            return report
        outputs = {page.output for page in found.pages}
        earlier = earlier_outputs(folder, state, but=outputs)
        if restart:
            clear(state)
        if learn_hosts:
            recipe, note = with_learned(recipe, found.pages, folder)
            settings = replace(settings, pipeline=recipe)
        for place in {folder, page_folder(folder, settings)}:
            make_way(place, earlier, outputs)
        shards = plan_shards(found.pages)
        compiling = _compile_ahead(shards, duplicates, compiled)
        key = key_in(state)
        taken = clashes((page.output for page in found.pages), key)
        report = total(list(_run_shards(shards, settings, folder, workers, progress, taken)))
        _annotate(report, settings, found)
        report.notes += [note] if note else []
        finish(folder, shards, settings, report)
        write_report(folder, report)
        # Of pages that are no longer there, or fail now.
        written = outputs_of(folder / METADATA)
        keys = {key(name) for name in written}
        gone = [name for name in sorted((outputs | earlier) - written) if key(name) not in keys and delete(folder, name)]
        write_origin(folder, state, made)
        settle(folder.iterdir())  # all is on the disk before the way to take the run up goes
    if gone:  # no part of report.json, which does not depend on what was there before
        report.notes.append(f"{counted(len(gone), 'page')} of an earlier run removed, whose input is gone or fails now: {few(gone)}")
    report.seconds = time.perf_counter() - started - compiling
    return report


def _compile_ahead(shards: Sequence[Shard], duplicates: str, told: Progress | None) -> float:
    """Compile the kernels once for all workers where the job is large; return the seconds that it took."""
    size = total_size(shards, unpacked=True)
    if size < LARGE:
        return 0.0
    expect(size)
    searched: dict[str, tuple[Part, ...]] = {"off": (), "documents": ("document",)}
    parts: tuple[Part, ...] = ("pages", "documents", *searched.get(duplicates, ("passage",)))
    return compile_ahead(*parts, told=told)


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
        "max_page_bytes": settings.max_page_bytes,
        "page_seconds": settings.page_seconds,
        "max_page_memory": settings.max_page_memory,
    }
    report.notes += found.notes
    meant = {rule: why for step in settings.pipeline.steps for rule, why in getattr(step, "rules", {}).items()}
    report.whys = {rule: meant[rule] for rule in sorted(report.rules) if rule in meant}


# ---------------------------------------------------------------- shards


def _run_shards(
    shards: Sequence[Shard],
    settings: Settings,
    out: Path,
    workers: int | None,
    progress: Progress | None,
    taken: Mapping[str, str],
) -> Iterator[Report]:
    """Do the shards that are not done; ``taken`` are outputs that another page has in this file system, whose pages fail."""
    size = total_size(shards)
    _ = settings.fingerprint  # reads rules and models: here, for processes that are forked
    held = {shard.number: finished(shard, settings, out) for shard in shards}
    todo = [shard for shard in shards if held[shard.number] is None]
    done = size - total_size(todo)
    if progress:
        progress(done, size)
    tasks = [Task(shard, {n: TAKEN.format(taken[s.output]) for n, s in enumerate(shard.sources) if s.output in taken}) for shard in todo]
    for shard, report in _each(tasks, settings, out, workers, total_size(todo)):
        held[shard.number] = report
        done += total_size([shard])
        if progress:
            progress(done, size)
    for number in sorted(held):
        report_ = held[number]
        assert report_ is not None
        yield report_


def _each(tasks: Sequence[Task], settings: Settings, out: Path, workers: int | None, size: int) -> Iterator[tuple[Shard, Report]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(workers or cores, len(tasks))
    if count > 1 and (workers or size >= PARALLEL_BYTES):
        # Spawned, not forked: pyarrow and numba have threads by now.
        yield from run_all(tasks, settings, out, count=count, fork=False)
    elif (settings.page_seconds or settings.max_page_memory) and can_fork():
        import pyarrow as pa  # noqa: F401 - once, here; the tables at the end need it, too

        yield from run_all(tasks, settings, out, count=1, fork=True)  # 0.02 s, for a process that can be stopped
    else:
        yield from _here(tasks, settings, out)


def _here(tasks: Sequence[Task], settings: Settings, out: Path) -> Iterator[tuple[Shard, Report]]:
    """Do shards in this process, until a page takes too much: the rest in another, which can be stopped and has sound caches."""
    with alarm() as watch:
        for number, task in enumerate(tasks):
            try:
                report = run_shard(task.shard, settings, out, over=task.over, watch=watch)
            except (OverTime, MemoryError):
                task.trial = True
                yield from run_all(tasks[number:], settings, out, count=1, fork=False)
                return
            yield task.shard, report
