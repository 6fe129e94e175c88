"""Speed of the duplicate search on the development sets, in turn with other engines; recall beside it.

    python benchmarks/dedup.py                                            # cleantext
    python benchmarks/dedup.py --environments ~/.cache/cleantext-peers    # and its peers; what is missing is made, with pip
    python benchmarks/dedup.py --environments DIR --peers rensa gaoya     # these only

cleantext starts from raw strings and ends with verified decisions; a peer is given the folded text, and neither its
fold nor a verification is timed. All run on one core, round by round in turn, each twice in its turn: the second run
counts. Figures are seconds of the processor; speeds and ratios are the median (least-most) of the rounds, a ratio is
taken within its round. Recall is that of all pairs with an exact similarity of at least the threshold; the share of
false pairs is among those reported.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cleantext.dedup import SketchSpec, find_duplicates
from cleantext.dedup.minhash.hash_kernels import shingle_hashes, sketch_into
from cleantext.fold import kept_column

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "dedup"
# A peer, the environment it runs in and what that needs. (What data-juicer and datatrove import without asking for it is here.)
PEERS = {
    "datasketch": ("datasketch", "datasketch==2.0.0 xxhash==4.1.0"),
    "rensa": ("rensa", "rensa==0.5.0 numpy"),
    "rensa_hashes": ("rensa", "rensa==0.5.0 numpy"),
    "gaoya": ("gaoya", "gaoya==0.2.2 numpy"),
    "datatrove": ("datatrove", "datatrove==0.10.1 xxhash==3.8.2 regex tokenizers"),
    "text_dedup": ("text_dedup", "text-dedup==0.4.1"),  # asks for Python 3.12
    "data_juicer": ("data_juicer", "py-data-juicer==1.6.1 aiohttp scipy"),
}
PYTHONS = (sys.executable, "python3.12", "python3.13")  # the first one that can install a peer


def read(name: str) -> list[dict]:
    raw = pa.CompressedInputStream(pa.OSFile(str(DATA / f"{name}.jsonl.zst")), "zstd").read()
    return [json.loads(line) for line in raw.splitlines()]


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def spread(values: Iterable[float], digits: int = 1) -> str:
    """Return the median, and the least and the most behind it."""
    values = list(values)
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


class NotInstalled(Exception):
    """The environment of a peer cannot be made; says why."""


class Peer:
    """A peer in a process of its own, which searches when it is asked to."""

    def __init__(self, name: str, folder: Path, source: str, threshold: float) -> None:
        self.name, self.errors = name, tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - goes with this object
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        command = [interpreter(folder, name), Path(__file__).parent / "peers" / "dedup_peer.py", name, source, str(threshold)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        self.process = subprocess.Popen(command, encoding="utf-8", env=environment, **pipes)

    def run(self) -> dict | None:
        """Return what one run took and found; nothing where the peer has died."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def close(self) -> str:
        """End the process and return the last line that it wrote about errors."""
        self.process.communicate()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["no message"])[-1]


def interpreter(folder: Path, peer: str) -> Path:
    """Return the Python of a peer's environment, which is made where it is missing."""
    environment, needs = PEERS[peer]
    home = folder / environment
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    faults = []
    for maker in PYTHONS if not python.exists() else ():
        try:
            for command in ([maker, "-m", "venv", home], [python, "-m", "pip", "install", "--quiet", *needs.split()]):
                subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
            break
        except (OSError, subprocess.CalledProcessError) as fault:
            faults.append((getattr(fault, "stderr", "") or str(fault)).strip().splitlines()[-1])
            shutil.rmtree(home, ignore_errors=True)
    if not python.exists():
        raise NotInstalled(faults[0])
    return python


def documents(rows: list[dict], truth: dict, threshold: float, rounds: int, folder: Path | None, names: list[str]) -> None:
    texts, ids = [r["text"] for r in rows], {r["id"]: n for n, r in enumerate(rows)}
    megabytes = sum(len(t.encode()) for t in texts) / 1e6
    want = {tuple(sorted((ids[a], ids[b]))) for (a, b), j in truth.items() if j >= threshold}
    print(f"\ndocuments, {len(texts)} texts, {megabytes:.1f} MB, threshold {threshold}, {len(want)} pairs, {rounds} rounds\n")
    folded = kept_column(texts)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump([folded[i].text for i in range(len(texts))], file, ensure_ascii=False)
        file.flush()
        peers: list[Peer] = []
        failed: dict[str, str] = {}
        for name in names if folder else ():
            try:
                peers.append(Peer(name, folder, file.name, threshold))
            except NotInstalled as why:
                failed[name] = str(why)
        took: dict[str, list[float]] = {name: [] for name in ("cleantext", *(names if folder else ()))}
        said: dict[str, dict] = {}

        def run() -> None:
            find_duplicates(texts, level="document", threshold=threshold).texts()

        for n in range(rounds + 1):  # the first one compiles, and does not count
            run()  # nor does this: whoever ran in between has the memory and the caches; peers do the same
            used = {"cleantext": seconds(run)}
            for peer in peers:
                if answer := peer.run():
                    said[peer.name], used[peer.name] = answer, answer["seconds"]
            for name, value in used.items() if n else ():
                took[name].append(value)
        failed |= {peer.name: message for peer in peers for message in [peer.close()] if not took[peer.name]}
    own = find_duplicates(texts, level="document", threshold=threshold).pairs.to_pylist()
    said["cleantext"] = {"pairs": [(r["a"], r["b"]) for r in own], "note": "from raw strings, verified"}
    print("| | MB/s | cleantext : it | recall | false pairs | |\n|---|---|---|---|---|---|")
    for name, values in took.items():
        if name in failed:
            print(f"| {name} | did not run | | | | {failed[name]} |")
            continue
        found = {tuple(p) for p in said[name]["pairs"]}
        ratio = spread((v / own for v, own in zip(values, took["cleantext"], strict=True)), 2)
        recall, false = len(found & want) / len(want), len(found - want) / max(1, len(found))
        print(f"| {name} | {spread(megabytes / v for v in values)} | {ratio} | {recall:.4f} | {false:.3f} | {said[name]['note']} |")


def passages(name: str, texts: list[str], rounds: int) -> None:
    megabytes = sum(len(t.encode()) for t in texts) / 1e6
    found = find_duplicates(texts)
    found.texts()
    search, whole, document = [], [], []
    for _ in range(rounds):
        search.append(megabytes / seconds(lambda: find_duplicates(texts)))
        whole.append(megabytes / seconds(lambda: find_duplicates(texts).texts()))
        document.append(megabytes / seconds(lambda: find_duplicates(texts, level="document").texts()))
    size = f"{len(texts)} | {megabytes:.1f} | {found.pairs.num_rows}"
    print(f"| {name} | {size} | {spread(search)} | {spread(whole)} | {spread(document)} |")


def kernel(rounds: int) -> None:
    spec = SketchSpec()
    print(f"| shingles a text | ns a shingle, sketch of {spec.slots} slots | with the hashes |\n|---|---|---|")
    for n in (5, 10, 30, 100, 1000, 100_000):
        count = max(1, 1_000_000 // n)
        tokens = np.random.default_rng(n).integers(0x4E00, 0x9FFF, count * (n + 4)).astype(np.uint32)
        hashes = shingle_hashes(tokens, 5)
        # As the search does it: some thousand texts at a time, and all in the same place. (Fresh memory would cost more than
        # the sketch of a short text.)
        part = min(count, 4096)
        rows, offsets = np.empty((part, spec.slots), np.uint32), np.arange(part + 1) * (n + 4)
        parts = [slice(at * (n + 4), (at + part) * (n + 4)) for at in range(0, count - part + 1, part)]

        def sketch(parts=parts, h=hashes, o=offsets, r=rows) -> None:
            for part in parts:
                sketch_into(r, h[part], o, 5, *spec.permutations)

        def both(parts=parts, t=tokens, o=offsets, r=rows) -> None:
            for part in parts:
                sketch_into(r, shingle_hashes(t[part], 5), o, 5, *spec.permutations)

        both()
        took = [(seconds(sketch), seconds(both)) for _ in range(rounds)]
        alone, whole = (spread((pair[i] * 1e9 / len(parts) / part / n for pair in took), 2) for i in (0, 1))
        print(f"| {n} | {alone} | {whole} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--environments", type=Path, help="folder with an environment for each peer; what is missing is made")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="all by default, where there is --environments")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # one core for all, peers too: none gains by a thread that nobody saw
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    kernel(options.rounds)
    table = pq.read_table(DATA / "pairs.parquet").to_pylist()
    sets = {name: read(name) for name in ("laws", "moj")}
    for name, rows in sets.items():
        truth = {(r["a"], r["b"]): r["jaccard"] for r in table if r["set"] == name}
        documents(rows, truth, 0.8, options.rounds, options.environments, options.peers)
        documents(rows, truth, 0.5, options.rounds, None, [])
    print("\n| passages at .8 | texts | MB | pairs | MB/s to pairs | MB/s to texts without them | MB/s as documents |")
    print("|---|---|---|---|---|---|---|")
    for name, rows in sets.items():
        texts = [r["text"] for r in rows]
        passages(name, texts, options.rounds)
        passages(f"{name}, lines", [line for text in texts for line in text.split("\n") if len(line) > 20], options.rounds)


if __name__ == "__main__":
    sys.exit(main())
