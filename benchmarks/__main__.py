"""Measure cleantext beside what people would take instead of it, and write down what came out.

    python -m benchmarks --quick                      # every row on little data, some minutes
    python -m benchmarks                              # all of it: an hour or more, on a machine that does nothing else
    python -m benchmarks --only chain.data-juicer     # one row, or a family of rows (`chain`, `script`); more than once for several
    python -m benchmarks --only growth.pages --pages 1000000 --workers 2
    python -m benchmarks --check                      # what is below its floor
    python -m benchmarks --render                     # RESULTS.md, the plots and the README's table again, from results.json

Rows go into ``benchmarks/results.json``; RESULTS.md, the plots and the README's table are written from it. With ``--check``, floors are compared (quality as it is, speed as
ratios to peers of the same run): the rows just measured, or all that are there. ``--raise`` makes the figures floors; one that falls needs
``--allow-regression REASON``. Other packages get environments of their own, made when they are first needed (``CLEANTEXT_PEERS`` says where); one
that cannot be installed is a line of its table that says why.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.rows import chain_rows, quality_rows, stage_rows
from benchmarks.scoreboard import rendered, row_floors
from benchmarks.scoreboard.measured import Context, Measure, machine
from benchmarks.scoreboard.peer_environments import FOLDER, ROOT, why

ROWS: dict[str, Callable[[Context], list[Measure]]] = {
    "start": quality_rows.start,
    "stages": stage_rows.stages,
    "script": stage_rows.conversion,
    "repair": stage_rows.repair,
    "extraction": stage_rows.extraction,
    "documents": stage_rows.documents,
    "chain.data-juicer": chain_rows.data_juicer,
    "chain.datatrove": chain_rows.datatrove,
    "chain.warc": chain_rows.pages,
    "growth.pages": chain_rows.growth,
    "growth.passages": chain_rows.passages,
    "quality": quality_rows.cleaning,
    "unseen": quality_rows.unseen,
}
TITLES = {name: (row.__doc__ or name).split(":")[0].split(".\n")[0].strip().rstrip(".") for name, row in ROWS.items()}
# Scripts whose whole output is a part of RESULTS.md: name, title, call.
REPORTS = {
    "script": ("Scripts: official cases, agreement, equality", ["script.py", "--rounds", "0", "--environments", "{peers}"]),
    "truth": ("Near-duplicates against exact truth", ["truth.py"]),
    "injection": ("Passages planted in long documents", ["injection.py", "--plants", "300", "--no-baselines"]),
    "sketch": ("The sketch, and passages in memory", ["dedup.py"]),
    "repair": ("Repair of simulated damage", ["repair.py", "--data", "../shared/data"]),
    "chrome": ("Page chrome, lines first seen and again", ["cleaning/chrome.py"]),
    "growth": ("Growth in tables", ["growth.py"]),
    "run": ("Start, and what recording edits costs", ["run.py"]),
}


def chosen(names: list[str]) -> list[str]:
    """Return the rows asked for by name or family."""
    out = [row for row in ROWS if not names or any(row == n or row.startswith(f"{n}.") or n.startswith(f"{row}.") for n in names)]
    if not out:
        sys.exit(f"no row is called {', '.join(names)}; there are: {', '.join(ROWS)}")
    return out


def commit() -> str:
    """Return the commit that is measured, marked where files differ from it."""
    said = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return said or "unknown"


def measure(row: str, context: Context, call: Callable[[Context], list[Measure]]) -> dict[str, Any]:
    """Measure a row; one that fails is a row that says so."""
    before = machine()
    try:
        found = call(context)
    except Exception as fault:  # noqa: BLE001 - the other rows go on
        found = [Measure(row, "cleantext", "", error=f"{type(fault).__name__}: {why(str(fault))}")]
        print(f"{row}: {type(fault).__name__}: {fault}", file=sys.stderr)
    after = machine()
    loads = {"load": max(before["load"], after["load"]), "loop_ns": max(before["loop_ns"], after["loop_ns"])}
    return {
        "title": TITLES[row],
        "when": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": commit(),
        "quick": context.quick,
        "rounds": context.rounds,
        "machine": after | loads,
        "measures": [m.plain() for m in found],
    }


def joined(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return measures of sizes, the later ones in place of the earlier ones of a size."""
    by_size = {m["engine"]: m for m in (*before, *after)}
    return sorted(by_size.values(), key=lambda m: int(m["engine"].split()[0].replace(",", "")))


def report(name: str, folder: str) -> dict[str, Any]:
    """Run a script and return its output."""
    title, (script, *options) = REPORTS[name]
    command = ["python", f"benchmarks/{script}", *(o.format(peers="PEERS") for o in options)]
    call = [sys.executable, str(ROOT / "benchmarks" / script), *(o.format(peers=folder) for o in options)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines() if not done.returncode else [f"did not run: {why(done.stderr)}"]
    when = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, commit {commit()}"
    return {"title": title, "command": " ".join(command), "when": when, "lines": ["#" + x if x.startswith("##") else x for x in lines]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little data, two rounds")
    parser.add_argument("--only", action="append", default=[], metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument(
        "--report", action="append", default=[], choices=[*REPORTS, "all"], help="run a script and keep its output, instead of rows"
    )
    parser.add_argument("--rounds", type=int, help="of engines in turn (5; with --quick 2)")
    parser.add_argument("--megabytes", type=float, help="size of the data of each row, instead of its own")
    parser.add_argument("--pages", type=int, action="append", help="sizes of the row growth.pages, beside those that results.json has")
    parser.add_argument("--workers", type=int, default=1, help="of the row growth.pages")
    parser.add_argument("--memory", default="2GB", help="of the row growth.pages")
    parser.add_argument("--work", help="the folder to work in (by default a temporary one)")
    parser.add_argument("--check", action="store_true", help="compare with floors; without rows or --quick, what results.json says")
    parser.add_argument("--raise", dest="raising", action="store_true", help="make the figures floors")
    parser.add_argument("--allow-regression", metavar="REASON", help="with --raise: lower floors too, and keep the reason")
    parser.add_argument(
        "--render", action="store_true", help="write RESULTS.md, plots and README's table from results.json, and measure nothing"
    )
    asked, began = parser.parse_args(), time.perf_counter()
    # Bytecode is kept, as it is for users: without it each start of an engine compiles the source of all that it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    results = rendered.load()
    idle = asked.render or asked.report or ((asked.check or asked.raising) and not asked.only and not asked.quick)
    rows = [] if idle else chosen(asked.only)
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=asked.work) as folder:
        context = Context(asked.quick, asked.rounds or (2 if asked.quick else 5), Path(folder), asked.megabytes)
        for row in rows:
            call = ROWS[row]
            if row == "growth.pages":
                call = partial(chain_rows.growth, sizes=asked.pages, workers=asked.workers, memory=asked.memory)
            print(f"== {row}: {TITLES[row]}", flush=True)
            before = results["rows"].get(row)
            measured[row] = results["rows"][row] = measure(row, context, call)
            if before and row == "growth.pages" and asked.pages and before["quick"] == asked.quick:
                measured[row]["measures"] = joined(before["measures"], measured[row]["measures"])
            for sub, found in rendered.grouped(measured[row]).items():
                print(f"\n{sub}: {found[0]['data']}\n", *rendered.table(found), "", sep="\n", flush=True)
            rendered.save(results)
    for name in REPORTS if "all" in asked.report else asked.report:
        print(f"== {name}", flush=True)
        results["reports"][name] = report(name, str(FOLDER))
        rendered.save(results)
    rendered.render(rendered.load())  # as it stands in the file, where keys are sorted
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"{sum(u.ru_utime + u.ru_stime for u in used):.0f} s of processors, {time.perf_counter() - began:.0f} s by the clock")
    if asked.raising:
        row_floors.save(row_floors.raised(measured or results["rows"], row_floors.load(), asked.allow_regression or ""))
    if asked.check and (problems := row_floors.below(measured or results["rows"], row_floors.load())):
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
