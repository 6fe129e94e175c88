"""Quality alone, and what a start costs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import partial

from benchmarks.crawling.source_text import SHARED
from benchmarks.rows.sample_data import saved
from benchmarks.rows.stage_rows import EXTRACTORS
from benchmarks.scoreboard.measured import ROOT, Context, Measure, scripts, spread
from benchmarks.scoreboard.peer_environments import Engine, PeerError


def cleaning(_context: Context) -> list[Measure]:
    """What cleaning does to the development pages: the figures of `quality.py`, whose floors stand in floors.json."""
    if not SHARED.is_dir():
        return [Measure("quality", "cleantext", "the development data", error="needs ../shared")]
    scripts()
    import quality

    found = quality.figures(quality.DATA)
    groups: dict[str, dict[str, float]] = {}
    for name, value in found.items():
        group, _, figure = name.rpartition(".")
        groups.setdefault(group, {})[figure] = round(value, 4)
    return [Measure("quality", group, "development pages and lines", figures) for group, figures in sorted(groups.items())]


def unseen(context: Context) -> list[Measure]:
    """Main text of HTML on sites left out: WCXB by kind, and pages2, by models that were trained without the site of each page."""
    if not SHARED.is_dir():
        return [Measure("unseen", "cleantext", "WCXB and pages2", error="needs ../shared")]
    if context.quick:
        return [Measure("unseen", "cleantext", "WCXB and pages2", error="trains five models: not with --quick")]
    scripts()
    import unseen as measure

    shared, folds = SHARED.parent, context.work / "folds"
    measure.train(shared, folds)
    pages = measure.wcxb(shared)
    data = f"WCXB, {len(pages)} pages, F1 by kind"
    with measure.left_out(folds) as clean:
        texts = [clean(page.html.encode("utf-8", "replace"), page.host) for page in pages]
    out = [Measure("unseen.wcxb", "cleantext", data, measure.by_kind(pages, texts), note="sites left out")]
    source = saved(context, "wcxb.json", [page.html for page in pages])
    for name, environment in EXTRACTORS:
        try:
            engine = Engine(name, environment, "extraction", source, {})
            try:
                engine.run()
                out.append(Measure("unseen.wcxb", name, data, measure.by_kind(pages, engine.result())))
            finally:
                engine.close()
        except PeerError as error:
            out.append(Measure("unseen.wcxb", name, data, error=str(error)))
    labelled = "pages2, 98 Chinese pages, HTML"
    return [*out, Measure("unseen.pages2", "cleantext", labelled, measure.pages2(shared, folds), note="sites left out")]


def start(context: Context) -> list[Measure]:
    """Seconds of processor from a cold shell to the end: import, help, the seeds."""
    out = []
    commands = {
        "python -c pass": ["-c", "pass"],
        "import cleantext": ["-c", "import cleantext"],
        "cleantext --help": ["-m", "cleantext", "--help"],
        "cleantext clean seeds/": ["-m", "cleantext", "clean", str(ROOT / "seeds"), "-o", str(context.work / "seeds"), "--restart"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    run = partial(subprocess.run, check=True, capture_output=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    for n in range(context.rounds + 1):
        for name, arguments in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run([sys.executable, *arguments])
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if n:
                took[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    for name, values in took.items():
        out.append(Measure("start", name, "warm caches", speed=spread(values), unit="s"))
    return out
