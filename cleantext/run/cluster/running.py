"""`cleantext clean --engine spark`: files in, the corpus and its tables out, with Spark in between."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cleantext.chrome.hosts.profiles import HostProfile
from cleantext.errors import CleantextError, ConfigError, InputError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import OUTCOMES, Report
from cleantext.run.clean_plan import clean_plan
from cleantext.run.cluster.reading import units_table
from cleantext.run.cluster.writing import parts_table, write_plan
from cleantext.run.files import check_output, drop_found, settle, write_json, write_jsonl
from cleantext.run.job import whys_of
from cleantext.run.learn import HOSTS, told_profile, with_profile
from cleantext.run.options import Options
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.find import find_pages, listed
from cleantext.run.readers.units import units_of
from cleantext.run.resume.origin import begin, write_origin
from cleantext.run.resume.run_state import working
from cleantext.run.search.duplicate_search import Searched, told_of
from cleantext.run.search.engines import runners
from cleantext.run.shards.settings import EDITS, METADATA, Settings
from cleantext.run.side_tables import write_found
from cleantext.run.writers.corpus import DROPPED_FILE, drop_corpus

if TYPE_CHECKING:
    from cleantext.plan import Plan, Table

__all__ = ["Runner", "clean_on", "clean_on_spark"]

KNOWN = 10_000  # approximate bytes of a page, since the number of pages is unknown before they are read


class Runner(Protocol):
    """Runs plans in a folder, on Spark or on one machine."""

    def run(self, plan: Plan, inputs: Mapping[str, Any]) -> dict[str, Table]:
        """Run a plan over tables, or the rest of it after an interruption."""
        ...

    def clear(self) -> None:
        """Discard finished work."""
        ...


def clean_on_spark(
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    master: str = "local[*]",
    spark: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> Report:
    """Clean pages on the cluster ``master``, with Spark settings ``spark``; all workers must reach ``src`` and ``out`` by these names.

    The other ``options`` are those of `clean_on`. Raise the same errors, and `ConfigError` if the cluster cannot be reached.
    """
    with runners(master, spark, progress) as make:
        return clean_on(make, src, out, cluster=True, **options)


def clean_on(
    make: Callable[[Path], Runner],
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    cluster: bool = False,
    **options: Any,
) -> Report:
    """Clean pages by plans; write a corpus with the rows of `clean_files`, its tables of duplicates, failed.jsonl, hosts.toml and report.json.

    ``make`` makes a runner of plans for a folder. The ``options`` are those of `clean_files`, but ``form`` is "parquet" by default; ``record`` means that edits
    are counted for ``removed_share``, ``damage`` and the report, but none are written. The files of the corpus are parts in no particular order
    (``corpus-00017.parquet``), and so are the dropped rows (``dropped-00017.parquet``). Raise `ConfigError` or `InputError` before anything is written,
    `InputError` for a page that fails if ``strict``, and `CleantextError` if the numbers of pages read and written differ.
    """
    started = time.perf_counter()
    asked = Options.of({"form": "parquet", **options, "page_seconds": 0, "max_page_memory": 0})
    if asked.index or asked.incremental:
        raise ConfigError(f"on a cluster there is no {'index' if asked.index else 'incremental'}: clean on one machine with it")
    sources = listed(src)
    folder = Path(out)
    recipe = Pipeline.load(asked.pipeline).with_rules(*asked.rules)
    if profile := asked.profile:
        recipe = with_profile(recipe, HostProfile.load(profile) if isinstance(profile, str) else profile)  # workers may not have the file
    if asked.form == "text":
        raise ConfigError("on a cluster pages are written as tables: use --format parquet or jsonl")
    settings = Settings.of(asked, recipe)
    found = find_pages(sources)
    found.refuse_none()
    check_output(sources, found.all, folder)
    units = units_of(found.pages, found.holders, asked.fields or Fields(), most=settings.max_page_bytes)
    learns = asked.learn_hosts if asked.learn_hosts is not None else bool(found.holders)
    size = sum(unit.weight for unit in units)
    with working(folder) as state:
        begin(folder, state, sources, found.all, replace=asked.replaces)
        work = state / "cluster"
        plan = clean_plan(settings, learn_hosts=learns, rows=size // KNOWN, cluster=cluster)
        work.mkdir(exist_ok=True)
        runner = make(work / "clean")
        if asked.restart:
            runner.clear()
        made = runner.run(plan, {"units": units_table(units, work / "units.parquet")})
        report = _tally(made["tally"])
        if asked.strict and report.failures:
            raise InputError(f"{report.failures[0]['error'].removesuffix('; left out')}; mend or drop it, or go without --strict")
        writes = write_plan(made, settings, folder)
        files = make(work / "write").run(writes, {"parts": parts_table(made["cleaned"], made["marks"], work / "parts.parquet")})
        _count(report, made, files["written"])
        _say(report, settings, found.notes)
        drop_found(folder, _found(folder, made, plan, settings, report))
        _profiles(folder, made, report)
        write_jsonl(folder / "failed.jsonl", report.failures) if report.failures else (folder / "failed.jsonl").unlink(missing_ok=True)
        names = [row[name] for row in files["written"].read().to_pylist() for name in ("corpus", "dropped") if row[name]]
        drop_corpus(folder, names)
        for name in (EDITS, METADATA, DROPPED_FILE, "report.html"):  # left in this folder by another run
            (folder / name).unlink(missing_ok=True)
        write_json(folder / "report.json", report.to_json())
        write_origin(folder, state, "")
        settle(folder.iterdir())
    report.seconds = time.perf_counter() - started
    return report


def _tally(table: Table) -> Report:
    report = Report()
    for told in table.read()["tally"].to_pylist():
        report += Report.from_json(json.loads(told))
    return report


def _count(report: Report, made: Mapping[str, Table], written: Table) -> None:
    """Count the outcomes of pages since they were cleaned. Raise `CleantextError` if their number differs from that of pages read."""
    import pyarrow.compute as pc

    read, failed = report.pages_in, report.outcomes["failed"]
    rows = written.read().to_pylist()
    report.outcomes = Counter({"failed": failed} if failed else {})
    for row in rows:
        report.outcomes.update(json.loads(row["outcomes"]))
    report.chars_out = sum(row["chars"] for row in rows)
    report.renamed += pc.count(made["marks"].read()["name"]).as_py()
    told = " + ".join(f"{report.outcomes[name]:,} {name}" for name in OUTCOMES)
    if read != report.pages_in:
        raise CleantextError(f"{read:,} pages were read, and {told} came out: please report it")
    report.notes.append(f"{read:,} pages in = {told}")


def _say(report: Report, settings: Settings, notes: Sequence[str]) -> None:
    report.settings = settings.told | {"edits_recorded": False}
    report.notes += notes
    report.whys = whys_of(settings.pipeline, report)


def _found(folder: Path, made: Mapping[str, Table], plan: Plan, settings: Settings, report: Report) -> set[str]:
    """Write the result of a search, without texts; return the names of the tables."""
    if settings.duplicates == "off":
        return set()
    from cleantext.run.writers.finish import query_of

    tables = {name: made[name] for name in ("pairs", "clusters", "cuts", "stretches") if name in made}
    written = write_found(folder, Searched(tables, told_of(made, plan, query_of(settings)), [], []), report, edits=None)
    (folder / "duplicates.jsonl").unlink()  # it would contain texts
    return written - {"duplicates.jsonl"}


def _profiles(folder: Path, made: Mapping[str, Table], report: Report) -> None:
    """Write hosts.toml."""
    rows = made["profiles"].read()["profile"].to_pylist() if "profiles" in made else []
    (folder / HOSTS).unlink(missing_ok=True)
    if not rows:
        return
    parsed = [HostProfile.parse(row, HOSTS) for row in rows]
    profile = HostProfile({h: lines for p in parsed for h, lines in p.hosts.items()}, {h: n for p in parsed for h, n in p.pages.items()})
    profile.save(folder / HOSTS)
    report.notes.insert(0, told_profile(profile))
