"""How long the command takes to start, and what recording edits costs.

    python benchmarks/run.py            # about two minutes; prints the rows for RESULTS.md

Figures are whole processes (start) or whole runs of the pipeline in one process (record), each repeated
in turn with the others and given as median (least-most). Compare ratios, not single times.
"""

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"


def spread(values, unit="s"):
    return f"{statistics.median(values):.3g} {unit} ({min(values):.3g}-{max(values):.3g})"


def timed(*args, env=None):
    start = time.perf_counter()
    subprocess.run(args, check=True, capture_output=True, env={**os.environ, **(env or {})}, cwd=ROOT)
    return time.perf_counter() - start


def start(times=9):
    """Import, --help, and the main job on the seeds with a cold and a warm kernel cache."""
    python = sys.executable
    rows = {"python -c pass": [], "import cleantext": [], "cleantext --help": [], "clean seeds/, warm": [], "clean seeds/, cold": []}
    with tempfile.TemporaryDirectory() as scratch:
        for n in range(times):
            rows["python -c pass"].append(timed(python, "-c", "pass"))
            rows["import cleantext"].append(timed(python, "-c", "import cleantext"))
            rows["cleantext --help"].append(timed(python, "-m", "cleantext", "--help"))
            if n < 5:
                rows["clean seeds/, warm"].append(timed(python, "-m", "cleantext", "clean", str(SEEDS), "-o", f"{scratch}/w{n}"))
            if n < 2:
                cold = {"NUMBA_CACHE_DIR": f"{scratch}/cache{n}"}
                rows["clean seeds/, cold"].append(timed(python, "-m", "cleantext", "clean", str(SEEDS), "-o", f"{scratch}/c{n}", env=cold))
    for name, values in rows.items():
        print(f"| {name} | {spread(values)} |")


def corpus(pages, *, script, seed=0):
    """Pages of 20 to 60 seed paragraphs in random order, in one script."""
    import cleantext as ct

    rng = random.Random(seed)
    paragraphs = [p for f in sorted(SEEDS.glob("00[1-4]_*.txt")) for p in f.read_text("utf-8").split("\n") if p.strip()]
    if script == "hant":
        paragraphs = [ct.unify_script(p, to="s2t") for p in paragraphs]
    return ["\n\n".join(rng.sample(paragraphs, rng.randint(20, 60))) for _ in range(pages)]


def record(pages=400, times=5):
    """The main job, duplicates off, with and without recorded edits."""
    import cleantext as ct

    ct.warm()
    for script in ("hant", "hans"):
        texts = corpus(pages, script=script)
        size = sum(len(t.encode()) for t in texts) / 1e6
        runs = {True: [], False: []}
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "in"
            source.mkdir()
            for n, text in enumerate(texts):
                (source / f"{n:05}.txt").write_text(text, "utf-8")
            for n in range(times + 1):
                for keep in (True, False):
                    out = Path(scratch) / f"out{keep}{n}"
                    report = ct.clean_files(source, out, workers=1, duplicates="off", record=keep)
                    if n:  # the first run fills the file cache
                        runs[keep].append(size / report.seconds)
                    shutil.rmtree(out)
        ratio = statistics.median(a / b for a, b in zip(runs[True], runs[False], strict=True))
        print(f"| {script}, {size:.0f} MB | {spread(runs[False], 'MB/s')} | {spread(runs[True], 'MB/s')} | {ratio:.2f} |")


if __name__ == "__main__":
    start()
    record()
