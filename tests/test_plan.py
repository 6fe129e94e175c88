"""The search over tables: equal to the one in memory row by row, whatever the split, the order, the workers or the interruptions."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import Same
from made import corpus, edited, prose

from cleantext.changes import Ragged
from cleantext.dedup import SketchSpec, find_duplicates
from cleantext.dedup.folded.text_columns import text_points
from cleantext.dedup.minhash.bands import HOT
from cleantext.dedup.tables.arrow_kernels import pack, unpack
from cleantext.dedup.tables.document_plan import document_plan
from cleantext.errors import CleantextError, InputError
from cleantext.plan import Checkpoint, EmbeddedRunner, Expect, Join, Loop, Map, Plan, Sql, Table
from cleantext.run.readers.fields import Fields
from cleantext.run.search.dedup_files import dedup_files


def encodable(texts):
    """A Parquet file holds no lone surrogate."""
    return [t.encode("utf-8", "replace").decode() for t in texts]


FILES = 2


def write(folder, ids, texts, *, seed=None, files=FILES, **more):
    """Write a corpus as Parquet files, its rows in an order of their own."""
    order = list(range(len(ids)))
    if seed is not None:
        random.Random(seed).shuffle(order)
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(files):
        part = order[n::files]
        table = {"id": pa.array([ids[i] for i in part], pa.string()), "text": pa.array([texts[i] for i in part], pa.string())}
        table |= {name: pa.array([values[i] for i in part], pa.float64()) for name, values in more.items()}
        paths.append(folder / f"{n}.parquet")
        pq.write_table(pa.table(table), paths[-1], row_group_size=37)
    return Table.of(paths, positions=True)


def rows(table):
    renamed = [n.replace("low", "start").replace("high", "end") for n in table.column_names]
    return table.rename_columns(renamed).to_pylist()


def searched(folder, texts, *, workers=1, references=None, spec=None, seed=None, **options):
    ids = [f"t{i:04d}" for i in range(len(texts))]
    values = options.pop("values", None)
    tables = {"texts": write(folder / "texts", ids, texts, seed=seed, **({"value": values} if values else {}))}
    if references is not None:
        tables["references"] = write(folder / "references", [f"r{i:04d}" for i in range(len(references))], references, seed=seed)
    options |= {"keep": "value"} if values else {}
    plan = document_plan(spec or SketchSpec(), against=references is not None, at_once=0, **options)
    out = EmbeddedRunner(folder / "run", workers=workers, memory=1 << 30).run(plan, tables)
    return rows(out["pairs"].read()), rows(out["clusters"].read()), out["facts"].read().to_pylist()[0]


def in_memory(texts, *, references=None, spec=None, **options):
    spec = spec or SketchSpec()
    values = options.pop("values", None)
    order = [i for n in range(FILES) for i in range(n, len(texts), FILES)]  # that of the files and their rows
    found = find_duplicates(
        [texts[i] for i in order],
        ids=[f"t{i:04d}" for i in order],
        against=references,
        against_ids=[f"r{i:04d}" for i in range(len(references))] if references is not None else None,
        level="document",
        unit=spec.unit,
        fold=spec.fold,
        **({"keep": [values[i] for i in order]} if values else {}),
        **options,
    )
    return (
        found.pairs.to_pylist(),
        found.clusters.to_pylist(),
        {"hot_buckets": found.facts["hot_buckets"], "equal_groups": found.facts["equal_groups"]},
    )


def same(tmp_path, texts, **options):
    pairs, clusters, facts = searched(tmp_path, texts, **options)
    options = {k: v for k, v in options.items() if k not in ("workers", "seed")}
    expected = in_memory(texts, **options)
    for mine, theirs in ((pairs, expected[0]), (clusters, expected[1])):
        assert len(mine) == len(theirs)
        assert next(((x, y) for x, y in zip(mine, theirs, strict=True) if x != y), None) is None
    assert facts["equal_groups"] == expected[2]["equal_groups"]
    assert facts["pairs"] == len(pairs)
    return pairs, clusters, facts


# ------------------------------------------------------------------ the same as in memory


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.8},
        {"threshold": 0.5, "seed": 3},
        {"threshold": 0.7, "keep": "first"},
        {"threshold": 0.8, "spec": SketchSpec(unit="script")},
        {"threshold": 0.8, "spec": SketchSpec(fold="wide")},
    ],
    ids=str,
)
def test_documents_as_in_memory(tmp_path, options):
    pairs, clusters, _ = same(tmp_path, encodable(corpus(5, 50) + corpus(6, 20)), **options)
    assert len(pairs) > 20 < len(clusters)


def test_references_as_in_memory(tmp_path):
    texts = encodable(corpus(7, 40))
    pairs, _, _ = same(tmp_path, texts[:50], references=texts[40:], threshold=0.6)
    assert pairs
    assert all(p["a"][0] == "t" and p["b"][0] == "r" for p in pairs)


def test_a_value_says_which_copy_stays(tmp_path):
    texts = encodable(corpus(8, 30))
    rng = random.Random(8)
    same(tmp_path, texts, threshold=0.6, values=[float(rng.randrange(5)) for _ in texts])


def test_crowds_as_in_memory(tmp_path):
    """A hot bucket is compared with a few representatives, a large group of equal texts with one: both runs choose the same."""
    rng = random.Random(9)
    model, other = prose(rng, 120), prose(rng, 90)
    texts = (
        [f"{edited(rng, model, 0.001)}{n:03d}" for n in range(HOT + 60)] + [other] * 100 + [edited(rng, other, 0.004) for _ in range(80)]
    )
    rng.shuffle(texts)
    _, _, facts = same(tmp_path, texts, threshold=0.8)
    assert facts["hot_buckets"]


def test_order_workers_and_resources_do_not_matter(tmp_path):
    texts = encodable(corpus(10, 60))
    first = searched(tmp_path / "a", texts, threshold=0.6, seed=1)
    assert searched(tmp_path / "b", texts, threshold=0.6, seed=2, workers=2) == first


@settings(max_examples=8)
@given(st.lists(st.text("甲乙丙丁12 \n", max_size=60), max_size=25))
def test_texts_of_few_letters_as_in_memory(tmp_path_factory, texts):
    same(tmp_path_factory.mktemp("few"), texts, threshold=0.5)


def test_paragraphs_are_documents_of_their_own(tmp_path):
    texts = encodable(corpus(11, 40))
    joined = ["\n".join(texts[n : n + 4]) for n in range(0, len(texts), 4)]
    pairs, clusters, _ = searched(tmp_path, joined, threshold=0.6, level="paragraph", min_chars=20)
    lines = [(n, line) for n, text in enumerate(joined) for line in text.split("\n")]
    at = []
    for n, text in enumerate(joined):
        start = 0
        for line in text.split("\n"):
            at.append((f"t{n:04d}", start, start + len(line)))
            start += len(line) + 1
    from cleantext.fold import kept

    long = [i for i, (_, line) in enumerate(lines) if len(kept(line)) >= 20]
    found = find_duplicates([lines[i][1] for i in long], level="document", threshold=0.6)
    expected = [(*at[long[p["a"]]], *at[long[p["b"]]], p["similarity"]) for p in found.pairs.to_pylist()]
    assert [(p["a"], p["a_start"], p["a_end"], p["b"], p["b_start"], p["b_end"], p["similarity"]) for p in pairs] == expected
    assert len(clusters) == found.clusters.num_rows


# ------------------------------------------------------------------ stopped, spoilt, refused


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    texts = encodable(corpus(12, 40))
    table = write(tmp_path / "texts", [f"t{i}" for i in range(len(texts))], texts)
    plan = document_plan(SketchSpec(), threshold=0.6, at_once=0)
    whole = EmbeddedRunner(tmp_path / "whole", workers=1).run(plan, {"texts": table})
    done = []

    def stop(name):
        done.append(name)
        if name == stop_at and len(done) > before:
            raise KeyboardInterrupt

    for stop_at in ("units", "candidates", "verified", "apart", "kept"):
        before = 0
        done.clear()
        runner = EmbeddedRunner(tmp_path / f"run-{stop_at}", workers=1, progress=stop)
        with pytest.raises(KeyboardInterrupt):
            runner.run(plan, {"texts": table})
        before, first = 10**6, list(done)
        done.clear()
        out = runner.run(plan, {"texts": table})
        assert done[0] == first[-1], "it starts with the step that was not done"
        for name in plan.outputs:
            assert out[name].read().equals(whole[name].read())


def test_a_killed_run_goes_on(tmp_path):
    texts = encodable(corpus(13, 60))
    write(tmp_path / "texts", [f"t{i}" for i in range(len(texts))], texts)
    call = [
        sys.executable,
        "-m",
        "cleantext",
        "dedup",
        str(tmp_path / "texts"),
        "--level",
        "document",
        "--engine",
        "local",
        "--workers",
        "1",
    ]
    out = tmp_path / "out"
    process = subprocess.Popen([*call, "-o", str(out)], stderr=subprocess.DEVNULL)
    journal = out / ".cleantext" / "dedup" / "plan" / "journal.json"
    while not journal.exists() and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "report.json").exists()
    done = json.loads(journal.read_text())["done"]
    subprocess.run([*call, "-o", str(out)], check=True, capture_output=True)
    subprocess.run([*call, "-o", str(tmp_path / "straight")], check=True, capture_output=True)
    assert done
    for name in ("duplicates.parquet", "clusters.parquet", "report.json"):
        assert (out / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


@pytest.mark.parametrize("harm", ["gone", "cut", "changed"])
def test_a_spoilt_checkpoint_is_refused_by_name(tmp_path, harm):
    def stop(name):
        if name == "candidates":
            raise KeyboardInterrupt

    texts = encodable(corpus(14, 20))
    table = write(tmp_path / "texts", [f"t{i}" for i in range(len(texts))], texts)
    plan = document_plan(SketchSpec(), threshold=0.6, at_once=0)
    with pytest.raises(KeyboardInterrupt):
        EmbeddedRunner(tmp_path / "run", workers=1, progress=stop).run(plan, {"texts": table})
    part = next((tmp_path / "run").glob("docs-*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    if harm == "gone":
        part.unlink()
    else:
        part.write_bytes(data if harm == "changed" else data[:-7])
    with pytest.raises(InputError, match=part.name):
        EmbeddedRunner(tmp_path / "run", workers=1).run(plan, {"texts": table})


def test_other_inputs_are_another_run(tmp_path):
    plan = document_plan(SketchSpec(), threshold=0.6, at_once=0)
    text = prose(random.Random(1), 80)
    one = EmbeddedRunner(tmp_path / "run", workers=1).run(plan, {"texts": write(tmp_path / "a", ["x", "y"], [text, text])})
    assert one["pairs"].rows == 1
    two = EmbeddedRunner(tmp_path / "run", workers=1).run(plan, {"texts": write(tmp_path / "b", ["x", "y"], [text, text[::-1]])})
    assert two["pairs"].rows == 0


def test_ids_that_stand_twice_are_refused(tmp_path):
    table = write(tmp_path / "texts", ["a", "b", "a"], ["一", "二", "三"])
    with pytest.raises(InputError, match="'a' stands twice"):
        EmbeddedRunner(tmp_path / "run", workers=1).run(document_plan(SketchSpec(), threshold=0.8), {"texts": table})


def test_hostile_rows(tmp_path):
    """A text of 20 MB, empty ones, nulls, and characters beyond the first plane."""
    big = prose(random.Random(2), 1000) * 4000
    texts = [big, big + "尾", "", "𠀀𠀁𠀂𠀃𠀄𠀅𠀆" * 5, "𠀀𠀁𠀂𠀃𠀄𠀅𠀆" * 5 + "甲", "……"]
    pairs, _, _ = same(tmp_path, texts, threshold=0.8)
    assert {(p["a"], p["b"]) for p in pairs} == {("t0000", "t0001"), ("t0003", "t0004")}


# ------------------------------------------------------------------ the layer itself


def test_loops_stop_and_checkpoints_keep(tmp_path):
    pq.write_table(pa.table({"n": [1, 2, 3]}), tmp_path / "n.parquet")
    body = (
        Sql("n", "SELECT n - 1 AS n FROM n WHERE n > 1"),
        Sql("seen", "SELECT * FROM seen UNION ALL SELECT * FROM n"),
        Checkpoint(("n", "seen")),
    )
    plan = Plan((Sql("seen", "SELECT n FROM n"), Loop(body, "n", 50), Sql("out", "SELECT count(*) AS rows FROM seen")), ("out",))
    out = EmbeddedRunner(tmp_path / "run", workers=1).run(plan, {"n": Table.of([tmp_path / "n.parquet"])})
    assert out["out"].read().to_pylist() == [{"rows": 6}]
    assert len(list((tmp_path / "run").glob("*.parquet"))) == 3, "tables that are no more leave no files"


def test_expect_tells_the_first_row(tmp_path):
    pq.write_table(pa.table({"n": [7]}), tmp_path / "n.parquet")
    with pytest.raises(InputError, match="seven is 7"):
        EmbeddedRunner(tmp_path / "run").run(Plan((Expect("n", "seven is {n}"),), ()), {"n": Table.of([tmp_path / "n.parquet"])})


def test_a_plan_explains_itself():
    told = document_plan(SketchSpec(), threshold=0.8).explain()
    assert "map texts through Sketch(" in told
    assert "while hot has rows" in told
    assert told.endswith("gives pairs, clusters, shown, facts")


def test_queries_keep_to_the_common_dialect():
    """No engine hashes, no lists, no quoted names: what DuckDB and Spark both read, and read alike."""
    told = document_plan(SketchSpec(), threshold=0.8, against=True).explain().lower()
    for word in ('"', "`", "hash(", "list(", "array", "unnest", "qualify", "using sample", "::", " any(", "ilike", "rank()", "exclude"):
        assert word not in told, word


def test_a_map_joins_what_its_query_says(tmp_path, monkeypatch):
    """Read value by value from a keyed blob file or joined by an engine: the same rows; those without a partner are left out."""
    from cleantext.plan import embedded

    monkeypatch.setattr(embedded, "ROWS", 3)
    rng = random.Random(3)
    keys = rng.sample(range(50), 30)
    wide = {"number": keys, "held": [bytes(rng.randbytes(rng.randrange(9))) for _ in keys], "other": [rng.randrange(50) for _ in keys]}
    pairs = {"a": [rng.randrange(50) for _ in range(40)], "b": [rng.randrange(50) for _ in range(40)]}
    for name, table in (("wide", wide), ("pairs", pairs), ("none", {"a": [], "b": []}), ("empty", {"number": [], "held": [], "other": []})):
        kinds = {"held": pa.binary()}
        pq.write_table(pa.table({n: pa.array(c, kinds.get(n, pa.int64())) for n, c in table.items()}), tmp_path / f"{name}.parquet")
    joins = (
        Join("a", "wide", "number", (("a_bytes", "held"), ("a_other", "other"))),
        Join("a_other", "wide", "number", (("bytes", "held"),)),
    )
    columns = ("a", "b", "a_bytes", "a_other", "bytes")
    step = Map("out", "pairs", Same(columns), joins)
    steps = [step, Sql("expected", step.query)]
    steps += [
        Map("nothing", "none", Same(columns), joins),
        Map("alone", "pairs", Same((*columns[:2], "x_bytes")), (Join("a", "empty", "number", (("x_bytes", "held"),)),)),
    ]
    tables = {name: Table.of([tmp_path / f"{name}.parquet"]) for name in ("wide", "pairs", "none", "empty")}
    out = EmbeddedRunner(tmp_path / "run", workers=1).run(Plan(tuple(steps), ("out", "expected", "nothing", "alone")), tables)
    mine, theirs = (sorted(map(repr, out[name].read().select(columns).to_pylist())) for name in ("out", "expected"))
    assert mine == theirs
    assert 0 < len(mine) < 40
    assert out["nothing"].rows == out["alone"].rows == 0


def test_blob_files_go_with_their_tables(tmp_path):
    pq.write_table(pa.table({"number": [1, 2]}), tmp_path / "n.parquet")
    steps = (
        Sql("n", "SELECT number, number + 1 AS more FROM n"),
        Map("out", "n", Same(("number", "one")), (Join("number", "n", "number", (("one", "more"),)),)),
        Checkpoint(("out",)),
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "n-7-one.blobs").touch()  # of a run that was killed
    EmbeddedRunner(tmp_path / "run", workers=1).run(Plan(steps, ("out",)), {"n": Table.of([tmp_path / "n.parquet"])})
    assert sorted(p.name for p in (tmp_path / "run").glob("*-*")) == ["out-1-0.parquet"]


def test_too_little_memory_is_said(tmp_path):
    plan = Plan((Sql("out", "SELECT list(range) AS one FROM range(40000000)"),), ("out",))  # a list cannot be spilled
    with pytest.raises(CleantextError, match="give the run more memory"):
        EmbeddedRunner(tmp_path / "run", workers=1, memory=1).run(plan, {})


@given(st.lists(st.text("a甲𠀀é", max_size=8), max_size=8), st.integers(0, 3), st.sampled_from(["char", "script"]))
def test_tokens_come_back(texts, skip, unit):
    column = pack(Ragged.of(texts), unit)[min(skip, len(texts)) :]
    back = unpack(column, unit)
    assert back.strings() == texts[min(skip, len(texts)) :]


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=8), st.integers(0, 8))
def test_columns_are_read_as_strings_are(texts, skip):
    column = pa.array(texts, pa.string())[skip:]
    assert text_points(column).strings() == [t or "" for t in texts[skip:]]


# ------------------------------------------------------------------ the command


def test_tables_from_the_command_line(tmp_path):
    from click.testing import CliRunner

    from cleantext.cli import main

    rng = random.Random(15)
    model = prose(rng, 100)
    lines = [json.dumps({"url": f"u{n}", "body": edited(rng, model, 0.005), "day": -n}, ensure_ascii=False) for n in range(5)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(lines) + "\n\n", "utf-8")
    call = ["dedup", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--level", "document", "--engine", "local", "--workers", "1"]
    call += ["--text", "body", "--id", "url", "--prefer", "day"]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 0, result.output
    clusters = pq.read_table(tmp_path / "out" / "clusters.parquet").to_pylist()
    assert {c["keeper_id"] for c in clusters} == {"u4"}
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["duplicates"]["examples"][0]["a_text"]
    assert (tmp_path / "out" / "report.html").exists()
    assert not (tmp_path / "out" / ".cleantext").exists()

    (tmp_path / "in" / "b.jsonl").write_text('{"url": "x", "body": "甲"}\n{"url": 1}\n', "utf-8")
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 3
    failed = [json.loads(line) for line in (tmp_path / "out" / "failed.jsonl").read_text("utf-8").splitlines()]
    assert [row["id"].rpartition("/")[2] for row in failed] == ["b.jsonl:1", "b.jsonl:2"]
    result = CliRunner().invoke(main, ["dedup", "nothing", "--explain-plan", "--level", "paragraph"])
    assert result.exit_code == 0
    assert "row_number()" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "passage", "engine": "local", "threshold": 1.5}, "expected a number above 0"),
        ({"level": "paragraph", "engine": "memory"}, "searched in tables"),
        ({"level": "document", "engine": "local", "keep": "newest"}, "unknown keep"),
    ],
)
def test_what_cannot_work_is_said(tmp_path, options, message):
    write(tmp_path / "texts", ["a"], ["一"])
    with pytest.raises(CleantextError, match=message):
        dedup_files(tmp_path / "texts", tmp_path / "out", **options)


def test_a_missing_column_is_named(tmp_path):
    pq.write_table(pa.table({"key": ["a"], "content": ["一"]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="it has key, content"):
        dedup_files(tmp_path / "x.parquet", tmp_path / "out", level="document", engine="local", fields=Fields(text="body"))


def test_pages_in_tables_are_as_in_memory(tmp_path, seeds):
    one = dedup_files(seeds, tmp_path / "memory", level="document", threshold=0.1)
    two = dedup_files(seeds, tmp_path / "local", level="document", threshold=0.1, engine="local", workers=1)
    for key in ("pairs", "pairs_across_pages", "clusters", "pages"):
        assert one.duplicates[key] == two.duplicates[key]
    assert one.outcomes == two.outcomes
