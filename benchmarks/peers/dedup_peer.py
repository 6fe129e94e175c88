"""Run one duplicate search as often as asked. Runs in the environment of the peer, which has no cleantext.

    python dedup_peer.py PEER TEXTS.json THRESHOLD        a line on stdin: one more run, a line of JSON on stdout

A peer is a file dedup_PEER.py with ``search(texts, threshold)``, which is timed. What it is given may be made
by its ``prepare(texts)`` and the pairs be drawn from what it found by ``pairs(found)``, which are not.
Seconds are those of the processor, of children too. ``NOTE`` says what differs from the other peers.
"""

import importlib
import json
import os
import resource
import sys
from pathlib import Path

for name in ("RAYON", "POLARS_MAX", "OMP", "OPENBLAS", "MKL"):
    os.environ[name + ("_THREADS" if name == "POLARS_MAX" else "_NUM_THREADS")] = "1"


def clusters(groups):
    """Return all pairs within groups of texts: what a peer says that reports clusters only."""
    return {(a, b) for group in groups for a in group for b in group if a < b}


def joined(pairs):
    """Return the groups of texts that pairs connect."""
    group = {}
    for a, b in pairs:
        one, other = group.setdefault(a, {a}), group.setdefault(b, {b})
        if one is not other:
            one |= other
            group.update(dict.fromkeys(other, one))
    return {id(members): members for members in group.values()}.values()


def bands(rows, count, width):
    """Return the pairs that agree in a band: for peers whose sketches can be made once, but not looked up."""
    found = set()
    for band in range(count):
        buckets = {}
        for n, row in enumerate(rows):
            buckets.setdefault(tuple(row[band * width : band * width + width]), []).append(n)
        found |= clusters(bucket for bucket in buckets.values() if len(bucket) > 1)
    return found


def seconds():
    """Return the seconds of the processor that this process and its children have used."""
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def main(name, source, threshold):
    answers = os.fdopen(os.dup(1), "w")  # peers print to stdout
    os.dup2(2, 1)
    peer = importlib.import_module(f"dedup_{name}")
    given = json.loads(Path(source).read_text("utf-8"))
    if hasattr(peer, "prepare"):
        given = peer.prepare(given)
    for _ in sys.stdin:
        peer.search(given, float(threshold))  # whoever ran in between has the memory and the caches: not timed
        start = seconds()
        found = peer.search(given, float(threshold))
        used = seconds() - start
        pairs = peer.pairs(found) if hasattr(peer, "pairs") else found
        print(json.dumps({"seconds": used, "pairs": sorted(pairs), "note": peer.NOTE}), file=answers, flush=True)


if __name__ == "__main__":
    sys.modules["dedup_peer"] = sys.modules["__main__"]
    main(*sys.argv[1:])
