"""Plans on Spark beside one machine: the same rows, what skew costs, and what rows cost in seconds of processors.

    python benchmarks/spark.py parity --texts 20000         # memory, embedded, Spark in 1 and 7 partitions: one digest each
    python benchmarks/spark.py parity --texts 20000 --data ../shared/data/dedup/{laws,moj,cuv}.jsonl.zst ../shared/data/dedup/ud.jsonl
    python benchmarks/spark.py clean --texts 5000           # pages of crawl.py: `clean --engine spark` beside one machine, whole tables
    python benchmarks/spark.py skew --texts 150000          # 100,000 equal texts, or near copies; a line in 100,000 texts
    python benchmarks/spark.py growth --millions 0.1 0.2    # texts of one passage (growth.py has those of one machine)
    python benchmarks/spark.py components --edges 1000000   # a chain, a star, a giant component

Seconds are those of processors, of the driver's JVM and all its Python workers: other work on the machine does not change them much.
Shuffle and spill are sums over all tasks, from Spark's event log; memory is the most that all processes held at once (proportional set sizes).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from growth import family, held, passages, template

from cleantext.dedup import SketchSpec, find_duplicates
from cleantext.dedup.passages.passage_search import PassageParams
from cleantext.dedup.tables.components import components
from cleantext.dedup.tables.document_plan import document_plan
from cleantext.dedup.tables.passage_plan import passage_plan
from cleantext.jit import expect
from cleantext.plan import EmbeddedRunner, Plan, Sql, Table
from cleantext.plan.spark import SparkRunner, connected
from cleantext.run.cluster.running import clean_on
from cleantext.run.job import clean_files

CONF = {"spark.ui.enabled": "false", "spark.driver.memory": "2g", "spark.log.level": "OFF", "spark.local.dir": tempfile.gettempdir()}
FOOTER = "本站所有文章版权归原作者所有，未经许可不得转载，如有侵权请与我们联系，我们将在第一时间处理并致以歉意。"


def plan_of(level: str, *, apart: bool = False, threshold: float = 0.8) -> Plan:
    if level == "passage":
        return passage_plan(PassageParams(threshold, 40, 100), apart=apart)
    return document_plan(SketchSpec(), threshold=threshold, level=level, at_once=5 if apart else 0, apart=apart)


def documents(n: int, seed: int = 1) -> list[str]:
    """Return texts of one to four passages: a seventh are copies of earlier ones, a seventh near copies, a twentieth end in one line."""
    rng = random.Random(seed)
    pool = [text for block in range(1 + n // 40_000) for text in passages(block).to_pylist()]
    texts: list[str] = []
    for _ in range(n):
        kind = rng.random()
        if texts and kind < 2 / 7:
            text = list(rng.choice(texts))
            if kind < 1 / 7:
                for _ in range(1 + len(text) // 60):
                    text[rng.randrange(len(text))] = chr(rng.randrange(0x4E00, 0x5E00))
            texts.append("".join(text))
        else:
            lines = [rng.choice(pool) for _ in range(rng.randint(1, 4))]
            texts.append("\n".join([*lines, FOOTER] if rng.random() < 0.05 else lines))
    return texts


def write(folder: Path, texts: list[str] | pa.ChunkedArray, *, files: int = 8, seed: int | None = None) -> Table:
    order = np.arange(len(texts)) if seed is None else np.random.default_rng(seed).permutation(len(texts))
    column = pa.chunked_array(texts) if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([pa.array(texts, pa.string())])
    table = pa.table({"id": pa.array([f"t{i:09d}" for i in range(len(texts))]), "text": column}).take(pa.array(order))
    folder.mkdir(parents=True)
    for n in range(files):
        pq.write_table(
            table.slice(n * len(table) // files, (n + 1) * len(table) // files - n * len(table) // files), folder / f"{n}.parquet"
        )
    return Table.of(sorted(folder.glob("*.parquet")), positions=True)


def digest(rows: list[dict]) -> str:
    return hashlib.sha256("\n".join(sorted(repr(sorted(row.items())) for row in rows)).encode()).hexdigest()[:16]


def told(tables: dict[str, Table]) -> dict[str, str]:
    out = {}
    for name in ("pairs", "clusters", "stretches", "cuts", "linked"):
        if name in tables:
            rows = tables[name].read().to_pylist()
            renamed = [{k.replace("low", "start").replace("high", "end"): v for k, v in row.items()} for row in rows]
            out[name] = f"{digest(renamed)} ({len(rows):,})"
    return out


def cpu_seconds() -> float:
    """Return the seconds of processors that this process and all below it have taken, those that ended as well."""
    tick = os.sysconf("SC_CLK_TCK")
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                held = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            stats[int(entry.name)] = (int(held[1]), sum(map(int, held[11:15])) / tick)
    held, size = {os.getpid()}, 0
    while len(held) != size:
        size = len(held)
        held |= {pid for pid, (parent, _) in stats.items() if parent in held}
    return sum(stats[pid][1] for pid in held if pid in stats)


def moved(log: Path | None) -> dict[str, int]:
    """Return bytes that tasks have shuffled and spilled so far."""
    found = dict.fromkeys(("shuffled", "spilled"), 0)
    for file in log.iterdir() if log else ():
        for line in file.read_text().splitlines():
            if line.startswith('{"Event":"SparkListenerTaskEnd"') and (metrics := json.loads(line).get("Task Metrics")):
                found["shuffled"] += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                found["spilled"] += metrics["Disk Bytes Spilled"]
    return found


def measured(what: str, work, log: Path | None = None):
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(2):  # to ask costs tens of milliseconds a gigabyte
            most[0] = max(most[0], sum(map(held, family(os.getpid()))))

    threading.Thread(target=watch, daemon=True).start()
    before, bytes_before, start = cpu_seconds(), moved(log), time.perf_counter()
    made = work()
    done.set()
    if log:
        time.sleep(2)  # the log is written behind
    told = ", ".join(f"{(n - bytes_before[name]) / 1e6:,.0f} MB {name}" for name, n in (moved(log) if log else {}).items())
    print(
        f"{what}: {cpu_seconds() - before:.0f} s of processors, {time.perf_counter() - start:.0f} s by the clock, peak {most[0] / 1e9:.2f} GB, {told}",
        flush=True,
    )
    return made


def lines_of(path: str) -> list[str]:
    """Return the texts of a file of JSON lines."""
    data = zstandard.ZstdDecompressor().stream_reader(Path(path).read_bytes()).read() if path.endswith(".zst") else Path(path).read_bytes()
    rows = [json.loads(line) for line in data.splitlines() if line.strip()]
    return [row["text"] if "text" in row else row["hant"] for row in rows]


def parity(folder: Path, spark, texts: list[str], levels: list[str], threshold: float) -> None:
    n = len(texts)
    ids = [f"t{i:09d}" for i in range(n)]
    given = [write(folder / "in", texts), write(folder / "shuffled", texts, files=5, seed=7)]
    for level in levels:
        found = {
            "embedded": told(
                measured(
                    f"{level} embedded",
                    lambda x=level: EmbeddedRunner(folder / f"e-{x}", workers=1).run(plan_of(x, threshold=threshold), {"texts": given[0]}),
                )
            )
        }
        if level != "paragraph":
            memory = measured(f"{level} in memory", lambda x=level: find_duplicates(texts, ids=ids, level=x, threshold=threshold))
            found["memory"] = {
                name: f"{digest(table.to_pylist())} ({table.num_rows:,})"
                for name, table in (("pairs", memory.pairs), ("clusters", memory.clusters))
            }
            if level == "passage":
                cuts = [
                    {"id": i, "start": e.start, "end": e.end, "exact": e.rule == "dedup.exact"} for i in ids for e in memory.edits_for(i)
                ]
                found["memory"] |= {
                    "cuts": f"{digest(cuts)} ({len(cuts):,})",
                    "stretches": f"{digest(memory.boilerplate.to_pylist())} ({memory.boilerplate.num_rows:,})",
                }
        for parts, table in zip((1, 7), given, strict=True):
            runner = SparkRunner(spark, folder / f"s-{level}-{parts}", partitions=parts)
            plan = plan_of(level, apart=parts == 7, threshold=threshold)
            found[f"spark {parts}"] = told(
                measured(f"{level} Spark, {parts} partitions", lambda r=runner, p=plan, t=table: r.run(p, {"texts": t}))
            )
            runner.clear()
        for name in found["embedded"]:
            values = {engine: tables[name] for engine, tables in found.items() if name in tables}
            print(level, name, "EQUAL" if len(set(values.values())) == 1 else "DIFFERENT", values, flush=True)


def clean(folder: Path, spark, n: int) -> None:
    """Clean pages of a made-up crawl in two forms, and compare all rows of all tables."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import crawl
    from test_clean_plan import outputs

    src = folder / "in"
    src.mkdir()
    pages = list(crawl.crawl(n))
    crawl.write_warc(src / "a.warc.gz", pages[: n // 2])
    for part in range(4):
        low, high = n // 2 + part * n // 8, n // 2 + (part + 1) * n // 8
        crawl.write_jsonl(src / f"b{part}.jsonl.zst", pages[low:high])
    options = {"form": "parquet", "duplicates": "passages", "remove": True, "where": "han_share > 0.3"}
    one = measured("one machine", lambda: clean_files(src, folder / "one", workers=1, **options))
    made = measured(
        "Spark", lambda: clean_on(lambda x: SparkRunner(spark, x, partitions=8), src, folder / "spark", cluster=True, **options)
    )
    here, there = outputs(folder / "one"), outputs(folder / "spark")
    for name in sorted({*here, *there}):
        rows = [len(x[name][1]) if name in x else None for x in (here, there)]
        print(name, "EQUAL" if here.get(name) == there.get(name) else "DIFFERENT", rows, flush=True)
    print(
        dict(one.outcomes),
        dict(made.outcomes),
        made.notes,
        len(list((folder / "spark").glob("corpus-*"))),
        "files of the corpus",
        flush=True,
    )


def runner_of(engine: str, spark, folder: Path):
    return SparkRunner(spark, folder, partitions=8) if engine == "spark" else EmbeddedRunner(folder, workers=1)


def skew(folder: Path, spark, n: int, levels: list[str], engine: str, log: Path | None) -> None:
    """Ratios are to the uniform texts of a level, behind a run that makes the engine warm."""
    hot = min(100_000, n * 2 // 3)
    plain = pa.concat_arrays([passages(block) for block in range(-(-n // 50_000))]).slice(0, n)
    texts = plain.to_pylist()
    near = [*texts[: n - hot], *template(0, hot).to_pylist()]
    equal = [*texts[: n - hot], *[texts[0] + texts[1]] * hot]
    lines = [text + "\n" + FOOTER if i < hot else text for i, text in enumerate(texts)]
    cases = {"warm": texts[-20_000:], "uniform": texts, "equal texts": equal, "near copies": near, "one line": lines}
    for level in levels:
        for name, held_texts in cases.items():
            table = write(folder / f"{level}-{name}", held_texts)
            runner = runner_of(engine, spark, folder / f"run-{level}-{name}")
            plan = plan_of(level, apart=engine == "spark")
            expect(sum(map(len, held_texts)))
            what = f"{engine}, {level}, {name}, {len(held_texts):,} texts, {sum(map(len, held_texts)) / 1e6:.1f} million characters"
            made = measured(what, lambda r=runner, p=plan, t=table: r.run(p, {"texts": t}), log)
            print("  facts", made["facts"].read().to_pylist()[0], {name: table.rows for name, table in made.items()}, flush=True)
            runner.clear()


def growth(folder: Path, spark, millions: list[float], level: str, engine: str, log: Path | None) -> None:
    for m in millions:
        n = int(m * 1e6)
        texts = pa.chunked_array([passages(block) for block in range(-(-n // 50_000))]).slice(0, n)
        table = write(folder / f"in-{n}", texts)
        runner = runner_of(engine, spark, folder / f"run-{n}")
        plan = plan_of(level, apart=engine == "spark")
        expect(texts.nbytes)
        made = measured(f"{engine}, {level}, {n:,} texts", lambda r=runner, p=plan, t=table: r.run(p, {"texts": t}), log)
        print("  rows", {name: table.rows for name, table in made.items()}, flush=True)
        runner.clear()
        shutil.rmtree(folder / f"in-{n}")


def chains(folder: Path, spark, n: int) -> None:
    rng = np.random.default_rng(1)
    chain = rng.permutation(n + 1)
    shapes = {
        "chain": (chain[:-1], chain[1:]),
        "star": (np.zeros(n, np.int64), np.arange(1, n + 1)),
        "random": (rng.integers(0, n // 2, n), rng.integers(0, n // 2, n)),
    }
    plan = Plan((*components(()), Sql("out", "SELECT u, v FROM links")), ("out",))
    for name, (a, b) in shapes.items():
        pairs = np.unique(np.stack([np.maximum(a, b), np.minimum(a, b)])[:, a != b], axis=1)
        pq.write_table(pa.table({"u": pairs[0], "v": pairs[1]}), folder / f"{name}.parquet")
        rounds = [0]

        def count(step: str, rounds: list[int] = rounds) -> None:
            rounds[0] += step == "unsettled"

        runner = SparkRunner(spark, folder / f"run-{name}", partitions=8, progress=count)
        made = measured(
            f"{name} of {len(pairs[0]):,} edges on Spark",
            lambda r=runner, x=name: r.run(plan, {"links": Table.of([folder / f"{x}.parquet"])}),
        )
        found = made["out"].read()
        root = union_find(n + 1, *pairs)
        u, v = found["u"].to_numpy(), found["v"].to_numpy()
        good = np.array_equal(root[u], v) and len(u) == int((root != np.arange(n + 1)).sum())
        print(f"  {rounds[0] - 1} rounds, {'as a union-find says' if good else 'WRONG'}", flush=True)
        runner.clear()


def union_find(n: int, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Return the least number of the component of each number."""
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for a, b in zip(high.tolist(), low.tolist(), strict=True):
        x, y = root(a), root(b)
        parent[max(x, y)] = min(x, y)
    return np.array([root(i) for i in range(n)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["parity", "clean", "skew", "growth", "components"])
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--millions", type=float, nargs="+", default=[0.1])
    parser.add_argument(
        "--data", nargs="+", default=[], help="files of JSON lines with a field text, for parity: with the made texts one corpus"
    )
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--level", nargs="+", default=["document", "paragraph", "passage"])
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--engine", choices=["spark", "embedded"], default="spark")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="spark-"))
    log = folder / "log" if options.engine == "spark" else None
    logged = {"spark.eventLog.enabled": "true", "spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false"}
    try:
        with contextlib.ExitStack() as stack:
            spark = None
            if log:
                log.mkdir()
                spark = stack.enter_context(connected(options.master, CONF | logged | {"spark.eventLog.dir": f"file://{log}"}))
            if options.what == "parity":
                texts = [*documents(options.texts), *(text for path in options.data for text in lines_of(path))]
                print(f"{options.texts:,} made texts, {', '.join(options.data)}: {len(texts):,} texts", flush=True)
                parity(folder, spark, texts, options.level, options.threshold)
            elif options.what == "clean":
                clean(folder, spark, options.texts)
            elif options.what == "skew":
                skew(folder, spark, options.texts, options.level, options.engine, log)
            elif options.what == "growth":
                growth(folder, spark, options.millions, options.level[0], options.engine, log)
            else:
                chains(folder, spark, options.edges)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
