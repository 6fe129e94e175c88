"""Learn host profiles from files: the implementation of `cleantext learn`."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cleantext.chrome import StripChrome
from cleantext.chrome.hosts.profiles import HostProfile, host_of
from cleantext.chrome.hosts.repeated_lines import LEAST, PAGES, Repeated, profile_of, repeated_lines
from cleantext.errors import ConfigError, InputError
from cleantext.pipeline import Pipeline
from cleantext.plan.processes import in_processes
from cleantext.report.tally import counted
from cleantext.run.files import naming, write_json
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.find import find_pages, listed
from cleantext.run.readers.page_batches import Row
from cleantext.run.readers.records import read_record
from cleantext.run.readers.source import Source
from cleantext.run.readers.units import Unit, units_of
from cleantext.run.resume.run_state import LEARNED
from cleantext.run.shards.settings import STATE
from cleantext.transform import Page

__all__ = ["HOSTS", "learn_files", "nothing_learned", "told_profile", "with_learned", "with_profile"]

ENOUGH = 10  # minimum pages of a host from which a run learns without being asked
LOOKED_AT = 300  # pages of a host that a run looks at: a line on a third of them is on a third of all
GROUP = 2_000  # pages that a task learns from; larger groups only where these would be more than
GROUPS = 128  # maximum groups: each is a file open for writing, and some systems allow a process 256
TOGETHER = 64  # pages of a group written at once
HELD = 1 << 23  # characters of the pages of all groups that are kept in memory until they are written
PARALLEL = 64_000_000  # below so many characters, starting workers (more than a second each) costs more than they save
HOSTS = "hosts.toml"
Told = Callable[[str, int, int, int], None]  # progress, as of `cleantext.run.job`


def learn_files(
    src: str | Path | Sequence[str | Path], *, host: str | None = None, out: str | Path | None = None, fields: Fields | None = None
) -> HostProfile:
    """Learn the repeated lines of each host from files and folders of pages, in bounded memory.

    ``host`` is the host of all pages; without it, hosts are the names of folders (``crawl/news.example.cn/...``).
    ``out`` is where the profile will be written. Pages that cannot be read are skipped. Raise `ConfigError` if no page has a known
    host, or if ``out`` is a page or is in a folder of pages.
    """
    sources = listed(src)
    found = find_pages(sources)
    found.refuse_none()
    if out is not None:
        _check_apart(Path(out), [Path(source) for source in sources], found.all)
    units = units_of(found.pages, found.holders, fields or Fields())
    with tempfile.TemporaryDirectory(prefix="cleantext-learn-") as folder:
        profile = _learned(units, Path(folder), least=1, most=PAGES, host=host)
    if profile is None and not host:
        raise ConfigError("no page says of which host it is: name the host, or put pages into folders named as their hosts")
    return profile or HostProfile()


def nothing_learned(src: str | Path | Sequence[str | Path], host: str | None) -> str:
    """Return a message: why nothing was learned from the pages, and what to do.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "1.txt").write_text("只有一页。", "utf-8")
    ...     nothing_learned(folder, "news.example.cn")
    'the profile is empty, and changes nothing: only lines on 3 pages of a host and more are learned, and of 1 page here 1 is of the largest host (news.example.cn); give more pages of a host, 10 or more'
    """
    found = find_pages(listed(src))
    hosts = [name for unit in units_of(found.pages, found.holders, Fields()) for name in _hosts(unit)]
    count = Counter(host or name for name in hosts)
    count.pop("", None)
    (largest, most), *_ = count.most_common(1) or [("none", 0)]
    return (
        f"the profile is empty, and changes nothing: only lines on {LEAST} pages of a host and more are learned, and of "
        f"{counted(len(hosts), 'page')} here {most:,} {'is' if most == 1 else 'are'} of the largest host ({largest}); give more pages of a "
        f"host, {ENOUGH} or more"
    )


def _check_apart(out: Path, sources: Sequence[Path], pages: Sequence[Source]) -> None:
    """Refuse to overwrite a page, or to write a file among the pages."""
    target = out.resolve()
    folders = [source for source in sources if source.is_dir() and source.resolve() in target.parents]
    if folders or any(page.path.resolve() == target for page in pages):
        where = f"lies inside the input {folders[0]}" if folders else "is one of the pages"
        raise ConfigError(f"output {out} {where}: name a file elsewhere, so that no input is written over")


def with_profile(pipeline: Pipeline, profile: str | HostProfile, *, host: str = "") -> Pipeline:
    """Return the pipeline with a host profile, or the path of one, in its chrome step.

    ``host`` is used for pages without a folder named after their host.
    """
    if not any(isinstance(s, StripChrome) for s in pipeline.steps):
        raise ConfigError(f"pipeline {pipeline.name} has no chrome.lines step that could take a host profile")
    steps = tuple(replace(s, profile=profile, host=host) if isinstance(s, StripChrome) else s for s in pipeline.steps)
    for step in steps:
        if isinstance(step, StripChrome):
            _ = step.known  # read now: a bad profile stops the run before it starts
    return Pipeline(steps, pipeline.name)


def with_learned(
    pipeline: Pipeline, units: Sequence[Unit], out: Path, *, workers: int = 1, told: Told | None = None, once: bool = False
) -> tuple[Pipeline, str]:
    """Learn from the pages of a run itself, if their hosts are known; return the pipeline with the profile, and a note on it.

    Learns only from hosts with at least `ENOUGH` pages, from the first `LOOKED_AT` pages of each. The profile is written to ``out`` as
    hosts.toml, for people to read; a continued run does not learn again, and with ``once`` neither does a run of changed pages. If there is no such
    host, no chrome step, or already a profile, the pipeline is returned unchanged, without a note. ``told`` is the progress of `cleantext.run.job`.
    """
    if any(s.profile for s in pipeline.steps if isinstance(s, StripChrome)) or "chrome.lines" not in [s.id for s in pipeline.steps]:
        return pipeline, ""
    made = out / STATE / LEARNED
    read = [] if once else [unit.identity for unit in units]
    inputs = hashlib.sha256(json.dumps([pipeline.fingerprint, *read]).encode()).hexdigest()
    with contextlib.suppress(OSError, ValueError, TypeError, ConfigError):
        held = json.loads(made.read_bytes())
        if held["inputs"] == inputs and (not held["profile"] or HostProfile.load(out / HOSTS).digest == held["profile"]):
            return _told(pipeline, HostProfile.load(out / HOSTS), out) if held["profile"] else (pipeline, "")
    profile = _learned(units, out / STATE, least=ENOUGH, most=LOOKED_AT, workers=workers, told=told) or HostProfile()
    if profile.hosts:
        profile.save(out / HOSTS)
    write_json(made, {"inputs": inputs, "profile": profile.digest if profile.hosts else ""})
    return _told(pipeline, profile, out) if profile.hosts else (pipeline, "")


def told_profile(profile: HostProfile) -> str:
    """Return a message on what a run learned."""
    lines = sum(map(len, profile.hosts.values()))
    return f"{lines:,} lines that repeat on pages of {len(profile.hosts):,} hosts were learned from this run and helped to clean it: see {HOSTS}"


def _told(pipeline: Pipeline, profile: HostProfile, out: Path) -> tuple[Pipeline, str]:
    return with_profile(pipeline, str((out / HOSTS).absolute())), told_profile(profile)


def _learned(
    units: Sequence[Unit], folder: Path, *, least: int, most: int, host: str | None = None, workers: int = 1, told: Told | None = None
) -> HostProfile | None:
    """Learn from the first ``most`` pages of each host with at least ``least``; return None if there is no such host.

    The hosts are counted, and divided into groups of about `GROUP` pages. The texts of each group are
    written to a file in ``folder``, and each file is a task of a worker. The result does not depend on the groups.
    """
    count: Counter[str] = Counter()
    size, done = sum(unit.weight for unit in units), 0
    for unit in units:
        for hosts, read in _host_batches(unit):
            count.update([host] * len(hosts) if host else hosts)
            done += read
            if told:
                told("reading", done, size, count.total())
    wanted = {name: min(n, most) for name, n in count.items() if name and n >= least}
    if not wanted:
        return None
    if told:
        told("learning", 0, 0, sum(wanted.values()))
    groups = _grouped(wanted)
    paths = [folder / f"learn-{n}.arrow" for n in range(max(groups.values()) + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with naming(folder):
            written = _write_groups(units, wanted, groups, paths, host)
        workers = min(workers, len(paths)) if written > PARALLEL else 1
        learned = in_processes(_learn_group, paths, count=workers, what="learning") if workers > 1 else list(map(_learn_group, paths))
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    return profile_of({name: found for part in learned for name, found in part.items()})


def _grouped(pages: Mapping[str, int]) -> dict[str, int]:
    """Return the group of each host; groups have about the same number of pages."""
    loads = [(0, n) for n in range(max(1, min(GROUPS, sum(pages.values()) // GROUP, len(pages))))]
    out = {}
    for host in sorted(pages, key=lambda host: (-pages[host], host)):
        load, group = heapq.heappop(loads)
        out[host] = group
        heapq.heappush(loads, (load + pages[host], group))
    return out


def _write_groups(units: Sequence[Unit], wanted: dict[str, int], groups: Mapping[str, int], paths: Sequence[Path], host: str | None) -> int:
    """Write the texts of the wanted number of readable pages of each host; return their characters. Nothing after the last of them is read."""
    import pyarrow as pa

    schema = pa.schema([("host", pa.string()), ("text", pa.large_string())])
    held: list[list[tuple[str, str]]] = [[] for _ in paths]
    written = waiting = 0
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(pa.ipc.new_stream(path, schema)) for path in paths]

        def flush(group: int) -> None:
            if held[group]:
                hosts, texts = zip(*held[group], strict=True)
                writers[group].write_batch(pa.record_batch([list(hosts), list(texts)], schema=schema))
                held[group].clear()

        for name, text in _texts(units, wanted, host):
            group = groups[name]
            held[group].append((name, text.encode("utf-8", "replace").decode()))
            written += len(text)
            waiting += len(text)
            if waiting > HELD:
                waiting = 0
                for each in range(len(paths)):
                    flush(each)
            elif len(held[group]) == TOGETHER:
                waiting -= sum(len(text) for _, text in held[group])
                flush(group)
        for group in range(len(paths)):
            flush(group)
    return written


def _texts(units: Sequence[Unit], wanted: dict[str, int], host: str | None) -> Iterator[tuple[str, str]]:
    """Yield host and text of the wanted number of readable pages of each host."""
    for unit in units:
        for row, name in _rows(unit, wanted, host):
            with contextlib.suppress(InputError):  # a broken page is skipped here; cleaning reports it
                yield name, read_record(row).page.text
                wanted[name] -= 1
                if not wanted[name]:
                    del wanted[name]
                if not wanted:
                    return


def _learn_group(path: Path) -> dict[str, Repeated]:
    """Learn from the pages of a group, host by host; return the hosts with something to tell.

    Only the texts of one host are in memory at once, since groups grow with the number of hosts.
    """
    import pyarrow as pa

    with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
        batches = list(stream)  # they stay in the file
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for n, batch in enumerate(batches):
            for row, host in enumerate(batch.column(0).to_pylist()):
                places[host].append((n, row))
        found = ((host, repeated_lines([batches[n].column(1)[row].as_py() for n, row in rows])) for host, rows in places.items())
        return {host: one for host, one in found if one.lines or one.labels}


def _hosts(unit: Unit) -> Iterator[str]:
    """Yield the host of each page, without reading the files of pages."""
    return (host for hosts, _ in _host_batches(unit) for host in hosts)


def _host_batches(unit: Unit) -> Iterator[tuple[list[str], int]]:
    """Yield the hosts of the pages of each batch, and its size in bytes."""
    if not unit.holds_many:
        yield [host_of(Page("", id=source.id)) for source in unit.sources], unit.weight
        return
    for batch in unit.batches():
        rows = zip(*(batch.column(n).to_pylist() for n in ("id", "host", "error")), strict=True)
        yield [host or host_of(Page("", id=name)) for name, host, error in rows if error is None], int(batch.nbytes)


def _rows(unit: Unit, wanted: Container[str], known: str | None) -> Iterator[tuple[Row, str]]:
    """Yield the pages of the wanted hosts; ``known`` is the host of all pages."""
    if not unit.holds_many and not known:
        unit = replace(unit, sources=tuple(s for s in unit.sources if host_of(Page("", id=s.id)) in wanted))
    for row in unit.rows():
        host = known or row.host or host_of(Page("", id=row.id))
        if row.error is None and host in wanted:
            yield row, host
