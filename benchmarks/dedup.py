"""Speed and recall of the duplicate search on the development sets, beside other engines.

    python benchmarks/dedup.py                                   # cleantext
    python benchmarks/dedup.py --peers .peers/bin/python     # and those peers that this interpreter has

cleantext starts from raw strings and ends with verified decisions; a peer is given the folded text, and its fold and
verification are not timed. All run on one thread; seconds are the process's own, the least of three runs. Recall is
that of all pairs with an exact similarity of at least the threshold; the share of false pairs is among those reported.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cleantext.dedup import SketchSpec, find_duplicates
from cleantext.dedup.kernel import shingle_hashes, sketch_into
from cleantext.fold import kept_column

DATA = Path(__file__).parents[1] / "../shared/data/dedup"
PEERS = ("datasketch", "rensa", "gaoya")


def read(name: str) -> list[dict]:
    raw = pa.CompressedInputStream(pa.OSFile(str(DATA / f"{name}.jsonl.zst")), "zstd").read()
    return [json.loads(line) for line in raw.splitlines()]


def least(function, times: int = 3) -> float:
    """The least CPU seconds of some runs after one that compiles."""
    function()
    seconds = []
    for _ in range(times):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


def show(name: str, megabytes: float, seconds: float, found: set, truth: set) -> None:
    recall = len(found & truth) / len(truth)
    false = len(found - truth) / max(1, len(found))
    print(f"{name:>24}  {megabytes / seconds:8.1f} MB/s  {seconds:7.2f} s  recall {recall:.4f}  false {false:.3f}")


def documents(rows: list[dict], truth: dict, threshold: float, peers: str | None) -> None:
    texts, ids = [r["text"] for r in rows], {r["id"]: n for n, r in enumerate(rows)}
    megabytes = sum(len(t.encode()) for t in texts) / 1e6
    want = {tuple(sorted((ids[a], ids[b]))) for (a, b), j in truth.items() if j >= threshold}
    print(f"documents, {len(texts)} texts, {megabytes:.1f} MB, threshold {threshold}, {len(want)} pairs")

    def run():
        found = find_duplicates(texts, level="document", threshold=threshold)
        found.texts()
        return found

    pairs = run().pairs.to_pylist()
    show("cleantext", megabytes, least(run), {(r["a"], r["b"]) for r in pairs}, want)
    folded = kept_column(texts)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump([folded[i].text for i in range(len(texts))], file, ensure_ascii=False)
        file.flush()
        for peer in PEERS if peers else ():
            script = Path(__file__).parent / "peers" / f"dedup_{peer}.py"
            done = subprocess.run([peers, str(script), file.name, str(threshold)], capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{peer:>24}  did not run: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no message'}")
                continue
            result = json.loads(done.stdout)
            show(peer, megabytes, result["seconds"], {tuple(p) for p in result["pairs"]}, want)


def passages(name: str, texts: list[str]) -> None:
    megabytes = sum(len(t.encode()) for t in texts) / 1e6
    found = find_duplicates(texts)
    search = least(lambda: find_duplicates(texts))
    whole = least(lambda: find_duplicates(texts).texts())
    print(f"passages, {name}: {len(texts)} texts, {megabytes:.1f} MB, {found.pairs.num_rows} pairs: {megabytes / search:.1f} MB/s", end="")
    print(f", with removal {megabytes / whole:.1f} MB/s")


def kernel() -> None:
    spec = SketchSpec()
    for n in (5, 10, 30, 100, 1000, 100_000):
        count = max(1, 2_000_000 // n)
        tokens = np.random.default_rng(n).integers(0x4E00, 0x9FFF, count * (n + 4)).astype(np.uint32)
        offsets = np.arange(count + 1) * (n + 4)
        hashes = shingle_hashes(tokens, 5)
        rows = np.empty((count, spec.slots), np.uint32)  # kept: fresh memory costs more than a short text's sketch
        sketch = least(lambda h=hashes, o=offsets, r=rows: sketch_into(r, h, o, 5, *spec.permutations))
        both = least(lambda t=tokens, o=offsets, r=rows: sketch_into(r, shingle_hashes(t, 5), o, 5, *spec.permutations))
        print(
            f"sketch of {spec.slots} slots, {n:6d} shingles a text: {sketch * 1e9 / count / n:5.2f} ns a shingle, {both * 1e9 / count / n:5.2f} with hashes"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--peers", help="a Python that has datasketch, rensa, gaoya")
    peers = parser.parse_args().peers
    kernel()
    table = pq.read_table(DATA / "pairs.parquet").to_pylist()
    for name in ("laws", "moj"):
        truth = {(r["a"], r["b"]): r["jaccard"] for r in table if r["set"] == name}
        rows = read(name)
        for threshold in (0.8, 0.5):
            documents(rows, truth, threshold, peers if threshold == 0.8 else None)
        texts = [r["text"] for r in rows]
        passages(name, texts)
        passages(f"{name}, lines", [line for text in texts for line in text.split("\n") if len(line) > 20])


if __name__ == "__main__":
    sys.exit(main())
