"""What a search costs in memory, and as its plan in this process: Arrow tables, one DuckDB connection, no files and no other processes.

    python benchmarks/twins.py [--texts 100 1000 20000] [--level document passage]

Seconds of this process's processors, the least of some rounds in turn, kernels compiled and warm.
"""

from __future__ import annotations

import argparse
import time

import duckdb
import pyarrow as pa
from spark import documents, plan_of

from cleantext.dedup import find_duplicates
from cleantext.plan import Checkpoint, Expect, Map, Number, Plan, Scan, Sql
from cleantext.plan.batches import cut, grown
from cleantext.plan.walk import Place, Walk

BATCH = 1 << 22


class InProcess(Walk):
    """Runs a plan over Arrow tables."""

    def __init__(self, tables: dict[str, pa.Table]) -> None:
        super().__init__()
        self.tables, self.queries = tables, 0
        self.database = duckdb.connect(config={"threads": 1, "preserve_insertion_order": "false"})
        for name, table in tables.items():
            self.database.register(name, table)

    def step(self, step: Map | Scan | Sql | Number | Expect | Checkpoint, at: Place) -> None:
        if isinstance(step, Map):
            source = self.query(step.query) if step.joins else self.tables[step.source]
            made = [out for batch in cut(grown(iter(source.to_batches()), BATCH), 2 * BATCH) for out in step.kernel(batch)]
            self.keep(step.into, pa.Table.from_batches(made, step.kernel.schema))
        elif isinstance(step, Scan):
            source = self.query(f"SELECT * FROM {step.source} ORDER BY {', '.join(step.order)}")
            self.keep(step.into, pa.Table.from_batches(step.kernel(iter(source.to_batches())), step.kernel.schema))
        elif isinstance(step, (Sql, Number)):
            self.keep(step.into, self.query(step.query))
        elif isinstance(step, Expect):
            assert not self.tables[step.table].num_rows, step.message

    def query(self, query: str) -> pa.Table:
        self.queries += 1
        return self.database.execute(query).to_arrow_table()

    def keep(self, name: str, table: pa.Table) -> None:
        self.tables[name] = table
        self.database.register(name, table)

    def has_rows(self, name: str) -> bool:
        return bool(self.tables[name].num_rows)


def by_plan(plan: Plan, texts: list[str]) -> InProcess:
    n = len(texts)
    table = pa.table({"id": [f"t{i:09d}" for i in range(n)], "text": pa.array(texts, pa.string()), "place": pa.array(range(n), pa.int64())})
    run = InProcess({"texts": table})
    run.steps(plan.steps)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--texts", type=int, nargs="+", default=[100, 1000, 20_000])
    parser.add_argument("--level", nargs="+", default=["document", "passage"])
    options = parser.parse_args()
    for level in options.level:
        plan = plan_of(level)
        for n in options.texts:
            texts, ids = documents(n), [f"t{i:09d}" for i in range(n)]
            best: dict[str, float] = {}
            for _ in range(2 if n > 5000 else 4):
                start = time.process_time()
                found = find_duplicates(texts, ids=ids, level=level, threshold=0.8).clusters
                between = time.process_time()
                run = by_plan(plan, texts)
                best["memory"] = min(best.get("memory", 1e9), between - start)
                best["plan"] = min(best.get("plan", 1e9), time.process_time() - between)
                assert run.tables["clusters"].num_rows == found.num_rows
            print(
                f"{level}, {n:,} texts: memory {best['memory'] * 1e3:,.0f} ms, plan {best['plan'] * 1e3:,.0f} ms ({run.queries} queries), "
                f"{best['plan'] / best['memory']:.1f} times",
                flush=True,
            )


if __name__ == "__main__":
    main()
