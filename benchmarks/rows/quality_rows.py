"""Quality alone, and what a start costs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import partial

from benchmarks.crawling.source_text import SHARED
from benchmarks.scoreboard.measured import ROOT, Context, Measure, scripts, spread


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
