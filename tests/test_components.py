"""Connected components by queries, and who stays in them: as a union-find and a loop over all pairs say."""

import itertools
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleantext.dedup.tables.components import components
from cleantext.dedup.tables.document_sql import keepers
from cleantext.plan import EmbeddedRunner, Plan, Sql, Table


def shapes():
    """Graphs that rounds of queries could take long for, or go wrong on: pairs of numbers."""
    rng = random.Random(1)
    shuffled = list(range(3000))
    rng.shuffle(shuffled)
    return {
        "none": [],
        "star": [(0, n) for n in range(1, 2000)],
        "star around the last": [(n, 1999) for n in range(1999)],
        "chain": [(n, n + 1) for n in range(2000)],
        "chain in no order": list(itertools.pairwise(shuffled)),
        "giant": [(rng.randrange(2000), rng.randrange(2000)) for _ in range(6000)],
        "sparse": [(rng.randrange(3000), rng.randrange(3000)) for _ in range(1200)],
        "stars in a chain": [(100 * n, 100 * n + m) for n in range(20) for m in range(1, 101)],
    }


def parted(edges):
    """Return the least number of the component of each number, by union-find."""
    parent = {}

    def root(n):
        parent.setdefault(n, n)
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for a, b in edges:
        x, y = sorted((root(a), root(b)))
        parent[y] = x
    return {n: root(n) for n in list(parent)}


def staying(edges):
    """Return who goes and for whom: in order, each that has a pair with a better one that stays, for the best of these."""
    better = {}
    for a, b in edges:
        better.setdefault(max(a, b), set()).add(min(a, b))
    gone = {}
    for n in sorted(better):
        stays = [m for m in better[n] if m not in gone]
        if stays:
            gone[n] = min(stays)
    return gone


def table_of(path, names, rows):
    columns = list(zip(*rows, strict=True)) or [[] for _ in names]
    pq.write_table(pa.table({name: pa.array(column, pa.int64()) for name, column in zip(names, columns, strict=True)}), path)
    return Table.of([path])


COMPONENTS = Plan((*components(()), Sql("out", "SELECT u, v FROM links")), ("out",))
# What `keepers` decides, without the names of texts that it goes on to.
STAYS = {apart: Plan(tuple(keepers((), apart=apart)[: 6 if apart else 2]), ("kept",)) for apart in (False, True)}


def found_of(runner, folder, edges):
    """Return components and who goes for whom, decided at once and apart."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = sorted({(max(edge), min(edge)) for edge in edges if edge[0] != edge[1]})
    links = runner(folder / "components").run(COMPONENTS, {"links": table_of(folder / "links.parquet", ("u", "v"), pairs)})["out"]
    stays = []
    for apart, plan in STAYS.items():
        given = {"between": table_of(folder / "between.parquet", ("worse", "better"), pairs)}
        stays.append(runner(folder / f"stays-{apart}").run(plan, given)["kept"].read().to_pylist())
    assert sorted(map(str, stays[0])) == sorted(map(str, stays[1]))
    return {r["u"]: r["v"] for r in links.read().to_pylist()}, {r["worse"]: r["better"] for r in stays[0]}


def check(runner, folder, edges):
    edges = [edge for edge in edges if edge[0] != edge[1]]
    links, stays = found_of(runner, folder, edges)
    assert links == {n: root for n, root in parted(edges).items() if n != root}
    assert stays == staying(edges)


@pytest.mark.parametrize("shape", shapes())
def test_components_as_a_union_find_says(tmp_path, shape):
    check(lambda folder: EmbeddedRunner(folder, workers=1, resumes=False), tmp_path, shapes()[shape])


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_components_of_any_graph(tmp_path_factory, edges):
    check(lambda folder: EmbeddedRunner(folder, workers=1, resumes=False), tmp_path_factory.mktemp("graph"), edges)


def test_a_long_chain_is_no_mistake(tmp_path):
    """A hundred thousand texts of which each is decided only after the last one, and an order of them that a table happens to have."""
    n = 100_000
    order = list(range(n))
    random.Random(2).shuffle(order)
    pairs = [(i + 1, i) for i in order]
    given = {"between": table_of(tmp_path / "between.parquet", ("worse", "better"), pairs)}
    kept = EmbeddedRunner(tmp_path / "run", workers=1).run(STAYS[False], given)["kept"].read()
    assert kept["worse"].to_pylist() == list(range(1, n + 1, 2))
    assert kept["better"].to_pylist() == list(range(0, n, 2))
