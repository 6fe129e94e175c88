"""Run one engine as often as asked, in the environment of its package.

    python worker.py KIND ENGINE INPUT OPTIONS.json       a line on stdin: one more run; a line of JSON on stdout

A kind is a file KIND_engines.py beside this one, with ``prepare(engine, input, options)`` that returns two calls: the run, which is timed, and
a small one that compiles, loads and fills caches. ``result(engine, value)`` there turns what the last run gave into JSON, which goes into the file
``options["result"]`` at the end. Seconds are those of the processor, of children too; ``peak`` is the most memory that the process held, in MB.
"""

import importlib
import json
import os
import resource
import sys
from pathlib import Path

for threads in ("RAYON_NUM", "POLARS_MAX", "OMP_NUM", "OPENBLAS_NUM", "MKL_NUM"):
    os.environ[f"{threads}_THREADS"] = "1"


def seconds():
    """Return the seconds of the processor that this process and its children have used."""
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def peak():
    """Return the most megabytes that this process held, and the largest of its children with it."""
    own = next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )  # ru_maxrss is inherited
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def main(kind, engine, source, options):
    answers = os.fdopen(os.dup(1), "w")  # engines print to stdout
    os.dup2(2, 1)
    module = importlib.import_module(f"{kind}_engines")
    options = json.loads(Path(options).read_text("utf-8"))
    if options.get("warm"):
        import cleantext

        cleantext.warm()
    run, warm = module.prepare(engine, Path(source), options)
    warm()
    value = None
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        value = None
        before = seconds()
        value = run()
        print(json.dumps({"seconds": seconds() - before, "peak": peak()}), file=answers, flush=True)
    Path(options["result"]).write_text(json.dumps(module.result(engine, value)), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
