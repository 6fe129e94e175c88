"""Faults found by review of the plan layer, the index and the command `dedup`: each test fails on 91a6fb6."""

import contextlib
import gzip
import json
import random
import subprocess
import sys
from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from made import THOROUGH, edited, prose

import cleantext as ct
import cleantext.run.search.dedup_files
from cleantext.cli import main
from cleantext.dedup import SketchSpec, find_duplicates
from cleantext.dedup.index import index_folder as module
from cleantext.dedup.minhash import bands, document_pairs
from cleantext.dedup.tables import document_sql
from cleantext.dedup.tables.document_plan import document_plan
from cleantext.errors import CleantextError, ConfigError, InputError
from cleantext.plan import EmbeddedRunner, Plan, Sql, Table, embedded
from cleantext.run.readers.fields import Fields
from cleantext.run.search import duplicate_search as duplicates
from cleantext.run.search import engines
from cleantext.run.search.dedup_files import dedup_files, index_files

LOCAL = {"level": "document", "engine": "local", "workers": 1}


class Stopped(Exception):
    pass


def stop_at(step):
    def stop(name):
        if name == step:
            raise Stopped

    return stop


def table(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def ends(folder):
    return [(p["a"], p["b"]) for p in pq.read_table(folder / "duplicates.parquet").to_pylist()]


def invoked(*arguments):
    """Run a command; what it cannot do is told in one line, never by a traceback."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


def sets(clusters):
    found = defaultdict(set)
    for row in clusters.to_pylist():
        found[row["cluster"]].add((row["id"], row["keeper_id"], row["similarity"]))
    return sorted(map(sorted, found.values()))


# ------------------------------------------------------------------ wrong results


def test_a_resumed_run_of_another_column_is_another_run(tmp_path):
    """The journal knows the files and the steps, but not which columns are read."""
    one, two = prose(random.Random(1), 200), prose(random.Random(2), 200)
    table(tmp_path / "in" / "x.parquet", id=["a", "b"], title=[one, one], body=[one, two])
    with pytest.raises(Stopped):
        dedup_files(tmp_path / "in", tmp_path / "out", fields=Fields(text="title"), progress=stop_at("candidates"), **LOCAL)
    report = dedup_files(tmp_path / "in", tmp_path / "out", fields=Fields(text="body"), **LOCAL)
    assert report.duplicates["pairs"] == 0


def test_a_resumed_run_of_another_preference_is_another_run(tmp_path):
    one = prose(random.Random(1), 200)
    table(tmp_path / "in" / "x.parquet", id=["a", "b"], text=[one, one + "甲"], day=[1, 2], rank=[2, 1])
    with pytest.raises(Stopped):
        dedup_files(tmp_path / "in", tmp_path / "out", fields=Fields(value="day"), progress=stop_at("candidates"), **LOCAL)
    dedup_files(tmp_path / "in", tmp_path / "out", fields=Fields(value="rank"), **LOCAL)
    rows = pq.read_table(tmp_path / "out" / "clusters.parquet").to_pylist()
    assert [r["id"] for r in rows if r["keeper"]] == ["b"]


def test_a_run_of_another_version_is_not_taken_up(tmp_path, monkeypatch):
    one = prose(random.Random(1), 200)
    table(tmp_path / "in" / "x.parquet", id=["a", "b"], text=[one, one])
    with pytest.raises(Stopped):
        dedup_files(tmp_path / "in", tmp_path / "out", progress=stop_at("candidates"), **LOCAL)
    monkeypatch.setattr(ct, "__version__", "99.0")
    done = []
    dedup_files(tmp_path / "in", tmp_path / "out", progress=done.append, **LOCAL)
    assert done[0] == "docs", "kernels of another version may give other rows"


def test_a_pair_right_at_the_threshold(tmp_path):
    """55 of 100 shingles: 55 / 100 >= 0.55, but 0.55 * 100 is 55.00000000000001."""
    letters = [chr(0x4E00 + n) for n in range(400)]
    a = "".join(letters[:59] + letters[100:122])
    b = "".join(letters[:59] + letters[200:223])
    assert find_duplicates([a, b], level="document", threshold=0.55).pairs["similarity"].to_pylist() == [0.55]
    plan = document_plan(SketchSpec(), threshold=0.55)
    tables = {"texts": Table.of([table(tmp_path / "x.parquet", id=["a", "b"], text=[a, b])], positions=True)}
    out = EmbeddedRunner(tmp_path / "run", workers=1).run(plan, tables)
    assert out["pairs"].read()["similarity"].to_pylist() == [0.55]


def test_two_runs_in_one_output_folder_do_not_mix(tmp_path):
    """The second one overwrites docs-0-0.parquet of the first, which goes on with it."""
    one, two = prose(random.Random(1), 200), prose(random.Random(2), 200)
    table(tmp_path / "A" / "x.parquet", id=["a1", "a2", "a3"], text=[one, one, two])
    table(tmp_path / "B" / "x.parquet", id=["b1", "b2", "b3"], text=[one, two, two])

    def meanwhile(name):
        if name == "twice":
            with contextlib.suppress(Stopped, ConfigError):  # refused, best of all
                dedup_files(tmp_path / "B", tmp_path / "out", progress=stop_at("twice"), **LOCAL)

    dedup_files(tmp_path / "A", tmp_path / "out", progress=meanwhile, **LOCAL)
    assert ends(tmp_path / "out") == [("a1", "a2")]


def test_a_folder_of_tables_with_a_marker_is_a_folder_of_tables(tmp_path):
    """Spark and Hadoop put an empty file `_SUCCESS`, without an ending, beside the parts: it is no page."""
    one = prose(random.Random(1), 200)
    table(tmp_path / "in" / "part-0.parquet", id=["a", "b"], text=[one, one])
    (tmp_path / "in" / "_SUCCESS").touch()
    try:
        report = dedup_files(tmp_path / "in", tmp_path / "out", **LOCAL)
    except ConfigError:
        return  # refusing a folder of both is as good
    assert report.duplicates["pairs"] == 1


def test_pages_of_one_name_in_two_folders_are_two_pages(tmp_path):
    one = prose(random.Random(1), 200)
    for name in "AB":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(one, "utf-8")
    try:
        report = dedup_files([tmp_path / "A", tmp_path / "B"], tmp_path / "out", level="document")
    except CleantextError:
        return
    assert report.duplicates["pairs"] == 1, "one of the two was dropped in silence"


def test_batches_with_hot_buckets_are_one_search(tmp_path, monkeypatch):
    """Members of a hot bucket that were matched with their hub in an earlier batch stay in its loop."""
    for held in (bands, document_pairs, document_sql):
        monkeypatch.setattr(held, "HOT", 4)
    wrong = []
    for seed in range(30 if THOROUGH else 6):
        rng = random.Random(seed)
        models = [prose(rng, n) for n in (60, 150, 300)]
        texts = [edited(rng, rng.choice(models), rng.choice([0.003, 0.01, 0.02, 0.05])) for _ in range(120)]
        ids = [f"t{n:03d}" for n in range(len(texts))]
        index = ct.Index.open(tmp_path / str(seed), threshold=0.75, keep="first", workers=1)
        order = rng.sample(range(len(texts)), len(texts))
        for low, high in ((0, 80), (80, 120)):
            index.add([texts[i] for i in order[low:high]], ids=[ids[i] for i in order[low:high]])
        whole = find_duplicates([texts[i] for i in order], ids=[ids[i] for i in order], level="document", threshold=0.75, keep="first")
        if sets(index.clusters) != sets(whole.clusters):
            wrong.append(seed)
    assert not wrong


def test_the_first_stays_in_the_order_of_files_and_rows(tmp_path):
    line = prose(random.Random(1), 90)
    (tmp_path / "in").mkdir()
    for name, ids in (("b", ["d", "c"]), ("a", ["z", "y"])):
        rows = [{"id": i, "text": line} for i in ids]
        (tmp_path / "in" / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    for source in ([tmp_path / "in"], [tmp_path / "a.parquet", tmp_path / "b.parquet"]):
        dedup_files(source, tmp_path / "out", level="document", engine="local", keep="first", workers=1)
        assert [r["id"] for r in pq.read_table(tmp_path / "out" / "clusters.parquet").to_pylist() if r["keeper"]] == ["z"]


def test_prefer_is_heeded_or_refused(tmp_path):
    """Pages in memory, an index by another rule, --keep beside it: --prefer is dropped without a word."""
    one = prose(random.Random(1), 200)
    rows = [json.dumps({"id": f"a{n}", "text": one, "rank": -n}) for n in range(3)]
    (tmp_path / "x.jsonl").write_text("\n".join(rows), "utf-8")
    (tmp_path / "P").mkdir()
    (tmp_path / "P" / "x.txt").write_text(one, "utf-8")
    index_files(tmp_path / "x.jsonl", tmp_path / "o", tmp_path / "i")
    (tmp_path / "y.jsonl").write_text("\n".join(rows).replace('"a', '"b'), "utf-8")
    assert invoked("dedup", tmp_path / "P", "-o", tmp_path / "o1", "--prefer", "rank").exit_code == 2
    assert invoked("dedup", tmp_path / "y.jsonl", "-o", tmp_path / "o2", "--index", tmp_path / "i", "--prefer", "rank").exit_code == 2
    both = ("--prefer", "rank", "--keep", "first")
    assert invoked("dedup", tmp_path / "x.jsonl", "-o", tmp_path / "o3", "--index", tmp_path / "j", *both).exit_code == 2


# ------------------------------------------------------------------ an index that stops working


def test_an_index_whose_first_batches_had_no_hot_bucket_can_be_compacted(tmp_path):
    """The columns of `shared` are nullable or not, as the loop ran or not: the parts cannot be written into one file."""
    rng = random.Random(1)
    model, other = prose(rng, 150), prose(rng, 150)
    index = ct.Index.open(tmp_path / "i", workers=1)
    index.add([other, other + "甲"], ids=["a", "b"])
    index.add([edited(rng, model, 0.001) + str(n) for n in range(200)], ids=[f"h{n}" for n in range(200)])
    index.compact()
    assert len(index) == 202


def test_a_batch_that_counts_is_not_reported_as_failed(tmp_path, monkeypatch):
    """The commit stands, then compaction raises: the caller is told that the batch failed, and cannot add it again."""
    monkeypatch.setattr(module, "PARTS", 2)
    index = ct.Index.open(tmp_path / "i", workers=1)
    index.add(["春天来了喀什古城的杏花开了"], ids=["a"])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.Index, "_compact", full)
    with contextlib.suppress(OSError):
        index.add(["老人说这样的春天他等了三年"], ids=["b"])
        return
    assert len(index) == 1, "added whole or not at all: it raised, and the batch is in"


def test_an_index_run_that_stopped_behind_the_commit_can_be_run_again(tmp_path, monkeypatch):
    one = prose(random.Random(1), 200)
    (tmp_path / "P").mkdir()
    for name in "ab":
        (tmp_path / "P" / f"{name}.txt").write_text(one, "utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(cleantext.run.search.dedup_files, "write_jsonl", full)
        with pytest.raises(OSError, match="No space"):
            index_files(tmp_path / "P", tmp_path / "out", tmp_path / "i")
    index_files(tmp_path / "P", tmp_path / "out", tmp_path / "i")  # "mend that and run the same again", it said
    assert ends(tmp_path / "out") == [("a.txt", "b.txt")]


@pytest.mark.parametrize(
    "options", [{"level": "passage"}, {"keep": "newest"}, {"threshold": 1.5}, {"id_type": "int32"}, {"min_chars": 0}], ids=str
)
def test_an_index_of_unknown_options_is_not_made(tmp_path, options):
    with pytest.raises(CleantextError):
        ct.Index.open(tmp_path / "i", **options)
    assert not (tmp_path / "i" / "header.json").exists()


def test_an_index_that_was_killed_while_it_was_made_can_be_made(tmp_path, monkeypatch):
    def killed(*_, **__):
        raise Stopped

    with monkeypatch.context() as patched:
        patched.setattr(module.json, "dumps", killed)
        with pytest.raises(Stopped):
            ct.Index.open(tmp_path / "i")
    assert len(ct.Index.open(tmp_path / "i")) == 0


def test_an_index_by_value_can_be_asked_without_values(tmp_path):
    one = prose(random.Random(1), 200)
    (tmp_path / "x.jsonl").write_text(json.dumps({"id": "a", "text": one, "rank": 1}), "utf-8")
    (tmp_path / "y.jsonl").write_text(json.dumps({"id": "b", "text": one}), "utf-8")
    index_files(tmp_path / "x.jsonl", tmp_path / "o", tmp_path / "i", fields=Fields(value="rank"))
    index_files(tmp_path / "y.jsonl", tmp_path / "o1", tmp_path / "i", add=False)
    assert ends(tmp_path / "o1") == [("b", "a")]
    with pytest.raises(CleantextError, match="value"):
        index_files(tmp_path / "y.jsonl", tmp_path / "o2", tmp_path / "i")


@pytest.mark.parametrize(("kind", "ids"), [("string", [None]), ("int64", [2**70]), ("string", ["\ud800"]), ("int64", [1.0])], ids=str)
def test_ids_that_name_nothing_are_refused(tmp_path, kind, ids):
    with pytest.raises(InputError):
        ct.Index.open(tmp_path / "i", id_type=kind, workers=1).add(["春天来了喀什古城的杏花开了"], ids=ids)


def test_ids_of_texts_without_a_paragraph_count(tmp_path):
    """At paragraph level ids are looked for in the rows of paragraphs: a text that has none leaves no trace of its id."""
    with pytest.raises(InputError, match="stands twice"):
        ct.Index.open(tmp_path / "i", level="paragraph", workers=1).add(["短", "短短"], ids=["a", "a"])


def test_a_reader_that_was_overtaken_within_a_query_looks_again(tmp_path, monkeypatch):
    """The file goes between the view and the query: the runner calls that a full disk."""
    rng = random.Random(3)
    texts = [prose(rng, 80) for _ in range(4)]
    index = ct.Index.open(tmp_path / "i", workers=1)
    for n, text in enumerate(texts):
        index.add([text], ids=[str(n)])
    old = {p: p.read_bytes() for p in (tmp_path / "i").glob("0*.parquet")}
    before = index._manifest()
    index.compact()
    index.add([texts[0]], ids=["x"])
    index.compact()
    for path, data in old.items():
        path.write_bytes(data)
    current, calls, real = index._manifest, [], embedded.write_part

    def overtaken(path, **options):
        for p in old:
            if path.name.startswith("first") and p.name not in {q["path"] for t in current().tables.values() for q in t}:
                p.unlink(missing_ok=True)
        return real(path, **options)

    monkeypatch.setattr(embedded, "write_part", overtaken)
    monkeypatch.setattr(index, "_manifest", lambda: calls.append(1) or (before if len(calls) == 1 else current()))
    assert index.query([texts[1]], ids=["q"])["b"].to_pylist() == ["1"]


# ------------------------------------------------------------------ stopped, stale, moved


def test_what_was_not_synced_is_done_again(tmp_path):
    """Behind a power cut the last tables may be cut: the run goes on from the last checkpoint, as the runner's docstring says."""
    one = prose(random.Random(1), 200)
    tables = {"texts": Table.of([table(tmp_path / "x.parquet", id=["a", "b"], text=[one, one + "甲"])], positions=True)}
    plan = document_plan(SketchSpec(), threshold=0.8, at_once=0)
    with pytest.raises(Stopped):
        EmbeddedRunner(tmp_path / "run", workers=1, progress=stop_at("found_0")).run(plan, tables)
    part = next((tmp_path / "run").glob("banded-*.parquet"))  # made by a query behind the first checkpoint
    part.write_bytes(part.read_bytes()[:10])
    assert EmbeddedRunner(tmp_path / "run", workers=1).run(plan, tables)["pairs"].rows == 1


def test_a_run_goes_on_from_another_working_directory(tmp_path, monkeypatch):
    """The journal names parts as the command line did: relative to where it was called."""
    one = prose(random.Random(1), 200)
    table(tmp_path / "in" / "x.parquet", id=["a", "b"], text=[one, one])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Stopped):
        dedup_files("in", "out", progress=stop_at("candidates"), **LOCAL)
    monkeypatch.chdir("/")
    assert dedup_files(tmp_path / "in", tmp_path / "out", **LOCAL).duplicates["pairs"] == 1


def test_tables_of_an_earlier_run_do_not_stay_beside_those_of_this_one(tmp_path):
    one, two = prose(random.Random(1), 200), prose(random.Random(2), 200)
    table(tmp_path / "in" / "x.parquet", id=["a", "b"], text=[one, one])
    dedup_files(tmp_path / "in", tmp_path / "out", **LOCAL)
    (tmp_path / "P").mkdir()
    (tmp_path / "P" / "x.txt").write_text(two, "utf-8")
    (tmp_path / "P" / "y.txt").write_bytes(b"\0\1\2\3" * 500)
    dedup_files(tmp_path / "P", tmp_path / "out", level="document")
    assert not pq.read_table(tmp_path / "out" / "clusters.parquet").num_rows, "of other texts"
    (tmp_path / "P" / "y.txt").unlink()
    dedup_files(tmp_path / "P", tmp_path / "out", level="document")
    assert not (tmp_path / "out" / "failed.jsonl").exists(), "nothing failed"


def test_the_state_of_a_stopped_clean_run_is_not_swept_by_dedup(tmp_path):
    one = prose(random.Random(1), 200)
    table(tmp_path / "in" / "x.parquet", id=["a", "b"], text=[one, one])
    marker = tmp_path / "out" / ".cleantext" / "000000.done.json"
    marker.parent.mkdir(parents=True)
    marker.write_text("{}")
    with contextlib.suppress(ConfigError):
        dedup_files(tmp_path / "in", tmp_path / "out", **LOCAL)
    assert marker.exists()


# ------------------------------------------------------------------ memory


def test_a_batch_is_bounded_by_what_it_takes_in_memory(tmp_path):
    """Parquet's sizes are those of its dictionary: 4,000 copies of a page take 50 kB there and 50 MB here."""
    page = prose(random.Random(1), 4000)
    path = table(tmp_path / "x.parquet", id=[str(n) for n in range(4000)], text=[page] * 4000)
    task = embedded._Task(None, str(path), (0,), (("id", "id"), ("text", "text")), 0, "")
    most = max(batch.nbytes for batch in embedded._batches(task))
    assert most < 4 * embedded.BATCH, f"{most >> 20} MB"


def test_large_runs_search_a_band_at_a_time(tmp_path, monkeypatch):
    """`dedup_files` never says how many rows there are: all bands of any corpus are joined in one query."""
    monkeypatch.setattr(engines, "FEW", 1)
    one = prose(random.Random(1), 200)
    table(tmp_path / "in" / "x.parquet", id=["a", "b"], text=[one, one])
    done = []
    dedup_files(tmp_path / "in", tmp_path / "out", progress=done.append, **LOCAL)
    assert "found_1" in done


def test_one_more_text_does_not_copy_the_index(tmp_path, monkeypatch):
    """ "One pass over the narrow tables": but the band keys of all texts are written anew, twice."""
    index = ct.Index.open(tmp_path / "i", workers=1)
    rng = random.Random(1)
    index.add([prose(rng, 60) for _ in range(2000)], ids=[str(n) for n in range(2000)])
    rows = {}
    real = embedded._Run.query

    def counted(self, step, at):
        made = real(self, step, at)
        rows[step.into] = max(rows.get(step.into, 0), made.rows)
        return made

    monkeypatch.setattr(embedded._Run, "query", counted)
    index.add(["新的一句话没有人说过" * 4], ids=["x"])
    assert rows["banded"] < 100, "only buckets that a fresh text is in matter"


# ------------------------------------------------------------------ the command


def test_a_threshold_above_one_is_refused(tmp_path):
    one = prose(random.Random(1), 200)
    path = table(tmp_path / "x.parquet", id=["a", "b"], text=[one, one])
    assert invoked("dedup", path, "-o", tmp_path / "o", "--level", "document", "--engine", "local", "--threshold", "1.5").exit_code == 2


def test_a_size_of_two_points_is_refused(tmp_path):
    (tmp_path / "x.txt").write_text("甲", "utf-8")
    assert invoked("dedup", tmp_path / "x.txt", "-o", tmp_path / "o", "--memory", "1.2.3GB").exit_code == 2


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ([{"id": "\ud800", "text": "甲"}], ()),
        ([{"id": True, "text": "甲"}], ()),
        ([{"id": 1.5, "text": "甲"}], ()),
        ([{"id": "a", "text": ["甲", "乙"]}], ()),
        ([{"id": "a", "text": "甲", "day": "2024-01-02"}], ("--prefer", "day")),
    ],
    ids=str,
)
def test_broken_lines_are_told(tmp_path, rows, more):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    result = invoked("dedup", path, "-o", tmp_path / "o", "--level", "document", "--engine", "local", *more)
    assert result.exit_code == 2
    assert "x.jsonl" in result.output


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
def test_packed_lines_that_are_cut_off_are_told(tmp_path, name):
    data = gzip.compress(b'{"id": "a", "text": "b"}\n' * 100)[:-12] if name.endswith("gz") else b"no zstd"
    (tmp_path / name).write_bytes(data)
    result = invoked("dedup", tmp_path / name, "-o", tmp_path / "o", "--level", "document", "--engine", "local")
    assert result.exit_code == (3 if name.endswith("gz") else 2)  # the rows before the cut are searched
    assert name in result.output


@pytest.mark.parametrize(
    ("columns", "more"),
    [
        ({"id": pa.array([b"\xff", b"b"]), "text": ["甲", "乙"]}, ()),
        ({"id": ["a", "b"], "text": ["甲", "乙"], "day": ["2024-01-02", "2024-01-01"]}, ("--prefer", "day")),
    ],
    ids=["bytes that are no UTF-8", "a date as string"],
)
def test_columns_of_other_types_are_told(tmp_path, columns, more):
    path = table(tmp_path / "x.parquet", **columns)
    result = invoked("dedup", path, "-o", tmp_path / "o", "--level", "document", "--engine", "local", *more)
    assert result.exit_code == 2
    assert "x.parquet" in result.output


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date32(), pa.int64()], ids=str)
def test_dates_and_large_integers_say_which_copy_stays(tmp_path, kind):
    """ "A number that says which copy stays (a date, a rank)": a column of dates, or of nanoseconds, is one."""
    one = prose(random.Random(1), 200)
    days = [1_700_000_000_000_000_002, 1_700_000_000_000_000_001] if kind == pa.int64() else [20002, 20001]
    path = table(tmp_path / "x.parquet", id=["a", "b"], text=[one, one], day=pa.array(days, kind))
    dedup_files(path, tmp_path / "o", fields=Fields(value="day"), **LOCAL)
    rows = pq.read_table(tmp_path / "o" / "clusters.parquet").to_pylist()
    assert [r["id"] for r in rows if r["keeper"]] == ["b"]


def test_a_full_disk_has_one_exit_code(tmp_path, monkeypatch):
    """4, the system refused: also where it is DuckDB that was refused."""
    import duckdb

    one = prose(random.Random(1), 200)
    path = table(tmp_path / "x.parquet", id=["a", "b"], text=[one, one])

    class Full:
        def execute(self, query):
            if query.startswith("COPY"):
                raise duckdb.IOException("No space left on device")

        def close(self):
            pass

    monkeypatch.setattr(embedded._Run, "_connected", lambda self: Full())
    assert invoked("dedup", path, "-o", tmp_path / "o", "--level", "document", "--engine", "local").exit_code == 4


def test_ctrl_c_in_a_query_interrupts(tmp_path):
    """DuckDB sees the signal first, and raised an error of its own: exit code 1 and a trace."""
    script = """
import os, signal, threading
from pathlib import Path
from cleantext.plan import EmbeddedRunner, Plan, Sql

signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
endless = "SELECT sum(a.range * b.range % 7) AS n FROM range(300000) a, range(3000000) b"
try:
    EmbeddedRunner(Path("run"), workers=1).run(Plan((Sql("n", endless),), ("n",)), {})
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "interrupted\n", done.stderr


@pytest.mark.parametrize("local", [True, False])
def test_only_where_something_is_kept_a_run_takes_up(tmp_path, monkeypatch, local):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    def stop_behind_a_step(runner, *_):
        (tmp_path / "out" / ".cleantext" / "dedup" / "plan" / "step").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(duplicates, "_in_memory", stop)
    monkeypatch.setattr(EmbeddedRunner, "run", stop_behind_a_step)
    (tmp_path / "a.txt").write_text("甲" * 50, "utf-8")
    more = ("--engine", "local", "--level", "document") if local else ()
    result = CliRunner().invoke(main, ["dedup", str(tmp_path / "a.txt"), "-o", str(tmp_path / "out"), *more])
    assert result.exit_code == 130
    assert ("take up" in result.output) == local


def test_the_index_counts_characters(tmp_path):
    path = table(tmp_path / "x.parquet", id=["a", "b"], text=["甲乙丙", "丁"])
    report = index_files(path, tmp_path / "out", tmp_path / "index", workers=1)
    assert (report.chars_in, report.chars_out) == (4, 4)


def test_both_engines_write_the_same(tmp_path):
    """Nobody has to know which engine searched: same tables, whatever was chosen."""
    (tmp_path / "in").mkdir()
    rng = random.Random(3)
    for n, text in enumerate(corpus_of(rng)):
        (tmp_path / "in" / f"{n:02}.txt").write_text(text, "utf-8")
    for level in ("document", "passage"):
        reports = [dedup_files(tmp_path / "in", tmp_path / f"{level}-{e}", level=level, engine=e, workers=1) for e in ("memory", "local")]
        assert reports[0].duplicates["pairs"] == reports[1].duplicates["pairs"] > 0
        for name in ("duplicates", "clusters", *(("cuts",) if level == "passage" else ())):
            one, two = (pq.read_table(tmp_path / f"{level}-{e}" / f"{name}.parquet") for e in ("memory", "local"))
            assert one.to_pylist() == two.to_pylist(), name


def corpus_of(rng):
    base = [prose(rng, 300) for _ in range(6)]
    return [*base, base[0], edited(rng, base[1], 0.01), base[2][:150] + base[3][:150], "短"]


@pytest.mark.parametrize("size", ["0", "1", "10KB", "600MB"])
def test_too_little_memory_is_refused(tmp_path, size):
    (tmp_path / "a.txt").write_text("甲" * 50, "utf-8")
    for more in (("--engine", "local", "--level", "document"), ("--index", str(tmp_path / "index"))):
        result = CliRunner().invoke(main, ["dedup", str(tmp_path / "a.txt"), "-o", str(tmp_path / "out"), "--memory", size, *more])
        assert result.exit_code == 2
        assert "needs 1,000,000,000 (--memory 1GB) at least" in result.output


def test_what_exceeds_the_memory_is_told_without_advice_for_duckdb(tmp_path):
    wide = Sql("n", "SELECT list(range) AS n FROM range(100000000)")
    with pytest.raises(CleantextError, match="give the run more memory, or fewer workers") as caught:
        EmbeddedRunner(tmp_path, workers=1, memory=1).run(Plan((wide,), ("n",)), {})
    assert "SET " not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ["memory", "local"])
def test_references_are_told_apart_and_are_no_pages(tmp_path, engine):
    line = prose(random.Random(1), 90)
    for folder, names in (("own", "ab"), ("references", "xyz")):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.txt").write_text(line, "utf-8")
    options = {"level": "document", "engine": engine, "against": tmp_path / "references"}
    report = dedup_files(tmp_path / "own", tmp_path / "out", **options)
    assert (report.pages_in, report.duplicates["pages"], report.duplicates["pairs"]) == (2, 2, 6)
    assert report.chars_in == 2 * len(line)
    assert report.bytes_in == 2 * len(line.encode())
    if engine == "local":
        clusters = pq.read_table(tmp_path / "out" / "clusters.parquet").to_pylist()
        assert [(r["id"], r["reference"]) for r in clusters] == [
            (str(tmp_path / "references" / "x.txt"), True),
            ("a.txt", False),
            ("b.txt", False),
        ]


def test_tables_of_an_index_have_one_schema_with_and_without_rows(tmp_path):
    line = prose(random.Random(1), 90)
    index = ct.Index.open(tmp_path / "index", workers=1)
    none, some = index.add([line], ids=["a"]), index.add([line], ids=["b"])
    assert none.pairs.num_rows == 0 < some.pairs.num_rows
    whole = find_duplicates([line, line], ids=["a", "b"], level="document")
    for found in (none.pairs, some.pairs, index.pairs, index.query([line]), index.query(["甲"])):
        assert found.schema == whole.pairs.schema
    assert none.events.schema == some.events.schema == index.events.schema
    assert index.clusters.schema == whole.clusters.schema == ct.Index.open(tmp_path / "other").clusters.schema
    with pytest.raises(InputError, match="'a' is in the index already: leave it out, or only ask"):
        index.add([line + "甲"], ids=["a"])


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("甲" * 50, "utf-8")
    with pytest.raises(ConfigError, match=r"a\.txt is named twice"):
        dedup_files([tmp_path / "in", tmp_path / "in" / "a.txt"], tmp_path / "out")


def test_a_call_that_is_refused_leaves_nothing_behind(tmp_path):
    (tmp_path / "a.txt").write_text("甲" * 50, "utf-8")
    for options in ({"keep": "newest"}, {"engine": "local", "memory": 1, "level": "document"}):
        with pytest.raises(ConfigError):
            dedup_files(tmp_path / "a.txt", tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
