"""How the search over tables grows: time a passage and peak memory, from one to eight million passages.

    python benchmarks/growth.py                             # 1, 2, 4, 8 million passages, 2 workers, 2 GB
    python benchmarks/growth.py --millions 0.1 --plot growth.png
    python benchmarks/growth.py --copies 100000             # one cluster of near copies among 400,000 passages
    python benchmarks/growth.py --level passage --page 30 --millions 0.5 1 2 4      # passages within pages of about 10 kB

Passages are made: characters by Zipf's law, 40 to 250 of them, 110 on average. Of each hundred 22 are exact copies of an
earlier one in other punctuation, 15 near copies (0.5 to 6 % of the characters changed). With ``--page`` so many of them, one
to a line, make a text. Memory is the sum of the
proportional set sizes of the process and its workers, read twice a second, so shared pages count once.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cleantext.changes import Ragged

BLOCK = 50_000
FIRST, LAST, MARK = 40, 250, ord("，")


def originals(block: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the code points of a block of passages, and their offsets."""
    rng = np.random.default_rng(block)
    alphabet = np.random.default_rng(0).permutation(np.arange(0x4E00, 0x4E00 + 4000)).astype(np.uint32)
    weight = 1 / (np.arange(4000) + 20.0)
    table = np.repeat(alphabet, np.maximum(1, (weight / weight.sum() * 65_536).astype(int)))
    length = np.minimum(FIRST + rng.exponential(70, BLOCK).astype(np.int64), LAST)
    offsets = np.append(0, np.cumsum(length))
    return table[rng.integers(0, len(table), offsets[-1])], offsets


def passages(block: int, *, copies: float = 0.22, near: float = 0.15) -> pa.Array:
    """Return a block of passages, some of them copies of passages of an earlier block."""
    points, offsets = originals(block)
    if block:
        rng = np.random.default_rng((1, block))
        source, where = originals(int(rng.integers(0, block)))
        row = np.arange(BLOCK)
        pick = rng.integers(0, BLOCK, BLOCK)
        kind = rng.random(BLOCK)
        copied = kind < copies + near
        size = np.where(copied, np.diff(where)[pick], np.diff(offsets)[row])
        start = np.where(copied, where[:-1][pick], offsets[:-1][row])
        bounds = np.append(0, np.cumsum(size))
        at = np.arange(bounds[-1]) + np.repeat(start - bounds[:-1], size)
        from_source = np.repeat(copied, size)
        out = np.where(from_source, source[np.where(from_source, at, 0)], points[np.where(from_source, 0, at)])
        rate = np.where(kind < copies, 0, rng.uniform(0.005, 0.06, BLOCK))
        changed = from_source & (rng.random(len(out)) < np.repeat(rate, size))
        out[changed] = rng.integers(0x5000, 0x5D00, int(changed.sum()))
        points, offsets = out.astype(np.uint32), bounds
    # A comma about every twelfth character, at places of each copy's own.
    mark = np.random.default_rng((2, block)).random(len(points)) < 1 / 12
    at = np.flatnonzero(mark)
    return Ragged(np.insert(points, at, MARK), offsets + np.append(0, np.cumsum(mark))[offsets]).arrow()


def template(block: int, count: int) -> pa.Array:
    """Return near copies of one passage of 200 characters: in each some of its characters are its own."""
    points, _ = originals(0)
    rng = np.random.default_rng((3, block))
    out = np.tile(points[:200], (count, 1))
    changed = rng.random(out.shape) < 0.004
    out[changed] = rng.integers(0x5000, 0x5D00, int(changed.sum()))
    return Ragged(out.ravel(), np.arange(count + 1) * 200).arrow()


def pages(held: pa.Array, page: int) -> pa.Array:
    """Join passages, ``page`` of them to a text."""
    lines = held.to_pylist()
    return pa.array(["\n".join(lines[i : i + page]) for i in range(0, len(lines), page)])


def write(folder: Path, count: int, copies: int, page: int) -> float:
    """Write ``count`` passages as Parquet files; return their megabytes of UTF-8."""
    size = 0.0
    for n in range(-(-count // BLOCK)):
        held = passages(n)
        if n * BLOCK < copies:
            held = template(n, BLOCK)
        held = held[: min(BLOCK, count - n * BLOCK)]
        if page > 1:
            held = pages(held, page)
        ids = pa.array([f"p{n:04d}-{i:05d}" for i in range(len(held))])
        pq.write_table(pa.table({"id": ids, "text": held}), folder / f"{n:05d}.parquet", compression="zstd", row_group_size=10_000)
        size += held.nbytes / 1e6
    return size


def measured(command: list[str]) -> tuple[float, float, int]:
    """Run a command; return its seconds, those of the processors, and the most bytes that it and its children held at once."""
    most = 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command)

    def watch() -> None:
        nonlocal most
        while process.poll() is None:
            most = max(most, sum(map(held, family(process.pid))))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    watcher.join()
    if code:
        raise SystemExit(f"{command}: exit code {code}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, most


def family(pid: int) -> list[int]:
    """Return a process and all that came of it."""
    try:
        children = [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(x for child in children for x in family(child))]


def held(pid: int) -> int:
    """Return the proportional set size of a process."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:")), 0)


def plot(rows: list[tuple[float, float, float]], path: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    millions, micros, peak = zip(*rows, strict=True)
    figure, axes = plt.subplots(figsize=(6, 3.5))
    axes.plot(millions, micros, "o-", color="#1f5f8b")
    axes.set(xlabel="million passages", ylabel="microseconds a passage", ylim=(0, max(micros) * 1.3), xscale="log", xticks=millions)
    axes.set_xticklabels([f"{m:g}" for m in millions])
    axes.minorticks_off()
    other = axes.twinx()
    other.plot(millions, peak, "s--", color="#b5532a")
    other.set(ylabel="peak memory, GB", ylim=(0, 2.2))
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--level", choices=["document", "passage"], default="document")
    parser.add_argument("--page", type=int, default=1, help="passages that make one text")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--copies", type=int, default=0, help="so many near copies of one passage among four times as many passages")
    parser.add_argument("--folder", help="where to put the data (by default a temporary folder)")
    parser.add_argument("--plot", help="draw time and memory into this PNG (needs matplotlib)")
    options = parser.parse_args()
    counts = [4 * options.copies] if options.copies else [int(m * 1e6) for m in options.millions]
    rows = []
    for count in counts:
        with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
            data, out = Path(scratch) / "data", Path(scratch) / "out"
            data.mkdir()
            size = write(data, count, options.copies, options.page)
            command = [sys.executable, "-m", "cleantext", "dedup", str(data / "*.parquet"), "-o", str(out), "--level", options.level]
            command += ["--engine", "local", "--workers", str(options.workers), "--memory", options.memory, "--quiet"]
            seconds, busy, most = measured(command)
            pairs, clusters = (pq.read_metadata(out / f"{name}.parquet").num_rows for name in ("duplicates", "clusters"))
            rows.append((count / 1e6, seconds * 1e6 / count, most / 1e9))
            print(
                f"{count / 1e6:5g} million passages, {size:7.1f} MB: {seconds:7.1f} s, {seconds * 1e6 / count:6.2f} us a passage, "
                f"{size / seconds:5.1f} MB/s, {busy * 1e3 / size:5.1f} ms of processors a MB, peak {most / 1e9:.2f} GB, {pairs:,} pairs, {clusters:,} rows of clusters",
                flush=True,
            )
            shutil.rmtree(data)
    if len(rows) > 1:
        print(f"time a passage, most to first: {max(m for _, m, _ in rows) / rows[0][1]:.2f}")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
