"""The index: batches in any split give the clusters of one search; readers and writers do not meet; nothing is lost when one dies."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import THOROUGH, corpus, edited, prose

import cleantext as ct
from cleantext.dedup import find_duplicates
from cleantext.dedup.index import index_folder as module
from cleantext.errors import ConfigError, InputError, SketchMismatch

ENCODABLE = str.maketrans({"\ud800": "�"})


def made(seed, n=25):
    texts = [t.translate(ENCODABLE) for t in corpus(seed, n)]
    return texts, [f"t{i:03d}" for i in range(len(texts))]


def sets(clusters):
    """Clusters as sets, whatever their names."""
    found = defaultdict(set)
    for row in clusters.to_pylist():
        found[row["cluster"]].add((row["id"], row["start"], row["keeper"], row["keeper_id"], row["keeper_start"], row["similarity"]))
    return sorted(map(sorted, found.values()))


@settings(max_examples=50 if THOROUGH else 6)
@given(data=st.data(), seed=st.integers(0, 500), keep=st.sampled_from(["longest", "first", "value"]))
def test_any_split_is_one_search(tmp_path_factory, data, seed, keep):
    texts, ids = made(seed, 14)
    order = data.draw(st.permutations(range(len(texts))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=3)))
    values = [float(random.Random(i).randrange(4)) for i in ids]
    index = ct.Index.open(tmp_path_factory.mktemp("index") / "i", threshold=0.6, keep=keep, workers=1)
    named = {}
    for low, high in zip([0, *cuts], [*cuts, len(texts)], strict=True):
        batch = order[low:high]
        more = {"values": [values[i] for i in batch]} if keep == "value" else {}
        added = index.add([texts[i] for i in batch], ids=[ids[i] for i in batch], **more)
        named = followed(named, added.events.to_pylist(), index.clusters.to_pylist())
    given = [values[i] for i in order] if keep == "value" else keep
    whole = find_duplicates([texts[i] for i in order], ids=[ids[i] for i in order], level="document", threshold=0.6, keep=given)
    assert sets(index.clusters) == sets(whole.clusters)
    assert index.pairs.to_pylist() == whole.pairs.to_pylist()
    assert len(index) == len(texts)


def followed(before, events, clusters):
    """Check that the events of a batch lead from the clusters before to those after; return these, as id -> (name, keeper)."""
    after = {row["id"]: (row["cluster"], row["keeper"]) for row in clusters}
    told = defaultdict(set)
    for e in events:
        told[e["event"]].add((e["cluster"], e["other"], e["id"]))
    names = {n for n, _ in before.values()}
    assert {n for n, _ in after.values()} - names == {c for c, _, _ in told["new"]}
    gone = names - {n for n, _ in after.values()}
    assert gone == {c for c, _, _ in told["merged"] | told["dissolved"]} - {n for n, _ in after.values()}
    keepers = {i: n for i, (n, k) in before.items() if k}
    assert {(keepers[i], i) for i in keepers if i not in after} == {(c, i) for c, _, i in told["dissolved"]}
    assert {(keepers[i], after[i][0], i) for i in keepers if i in after and after[i][0] != keepers[i]} == told["merged"]
    assert {i for i in before if i not in after and i not in keepers} == {i for _, _, i in told["left"]}
    heirs = {n: after[i][0] for i, n in keepers.items() if i in after}
    moved = {(n, after[i][0], i) for i, (n, k) in before.items() if not k and i in after and after[i][0] not in (n, heirs.get(n))}
    assert moved == told["moved"]
    return after


def test_clusters_keep_their_names_and_merges_are_told(tmp_path):
    """Two texts that have nothing to do with each other are found to be copies of a third one that comes later."""
    rng = random.Random(1)
    body = prose(rng, 400)
    a, b = body[:300], body[100:]
    index = ct.Index.open(tmp_path / "i", threshold=0.5, workers=1)
    first = index.add([a, a + "甲", b, b + "乙", prose(rng, 50)], ids=["a", "a2", "b", "b2", "x"])
    assert [(e["event"], e["cluster"]) for e in first.events.to_pylist()] == [("new", 0), ("new", 1)]
    second = index.add([body], ids=["ab"])
    assert [tuple(e.values()) for e in second.events.to_pylist()] == [("keeper", 0, 0, "ab"), ("merged", 1, 0, "b2")]
    assert {row["cluster"] for row in index.clusters.to_pylist()} == {0}
    third = index.add([prose(rng, 90)] * 2, ids=["p", "q"])
    assert third.events["cluster"].to_pylist() == [2], "the name 1 is not used again"
    assert third.pairs.to_pylist()[0]["kind"] == "exact"
    assert index.events.num_rows == 5


def test_a_query_is_a_search_against_the_index(tmp_path):
    texts, ids = made(3)
    more, _ = made(4)
    more = more[:10] + texts[5:15]
    index = ct.Index.open(tmp_path / "i", threshold=0.5, workers=1)
    index.add(texts, ids=ids)
    before = index.clusters
    found = index.query(more, ids=[f"q{i}" for i in range(len(more))])
    whole = find_duplicates(more, ids=[f"q{i}" for i in range(len(more))], against=texts, against_ids=ids, level="document", threshold=0.5)
    assert found.to_pylist() == whole.pairs.to_pylist()
    assert index.clusters.equals(before)


def test_paragraphs_of_batches(tmp_path):
    one, two, three = (prose(random.Random(n), 60) for n in range(3))
    index = ct.Index.open(tmp_path / "i", level="paragraph", workers=1)
    index.add([f"{one}\n{two}"], ids=["a"])
    found = index.add([f"短\n{three}\n{two}\n{two}"], ids=["b"]).pairs.to_pylist()
    at = len(f"短\n{three}\n")
    inside = ("b", at, at + len(two), "b", at + len(two) + 1, at + 2 * len(two) + 1)
    spans = [(p["a"], p["a_start"], p["a_end"], p["b"], p["b_start"], p["b_end"]) for p in found]
    assert spans == [
        ("a", len(one) + 1, len(one) + 1 + len(two), "b", at, at + len(two)),
        ("a", len(one) + 1, len(one) + 1 + len(two), *inside[3:]),
        inside,
    ]


def test_parameters_are_those_it_was_made_with(tmp_path):
    ct.Index.open(tmp_path / "i", threshold=0.7, unit="script")
    assert ct.Index.open(tmp_path / "i").options.threshold == 0.7
    with pytest.raises(SketchMismatch, match=r"threshold 0.8 and 0.7, unit 'char' and 'script'"):
        ct.Index.open(tmp_path / "i", threshold=0.8, unit="char")
    header = json.loads((tmp_path / "i" / "header.json").read_text())
    header["spec"]["unicode"] = "99.0"
    (tmp_path / "i" / "header.json").write_text(json.dumps(header))
    with pytest.raises(SketchMismatch, match="unicode"):
        ct.Index.open(tmp_path / "i")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("")
    with pytest.raises(ConfigError, match="no index"):
        ct.Index.open(tmp_path / "other")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": ["甲"], "ids": ["t000"]}, "'t000' is in the index already"),
        ({"texts": ["甲", "乙"], "ids": ["x", "x"]}, "'x' stands twice"),
        ({"texts": ["甲"], "ids": ["x", "y"]}, "2 for 1 texts"),
        ({"texts": ["甲"], "ids": [7]}, "string ids"),
        ({"texts": [5], "ids": ["x"]}, "expected a string"),
        ({"texts": ["甲"], "ids": ["x"], "values": [1.0]}, "keeps by 'longest'"),
    ],
)
def test_a_bad_batch_changes_nothing(tmp_path, arguments, message):
    texts, ids = made(5)
    index = ct.Index.open(tmp_path / "i", threshold=0.6, workers=1)
    index.add(texts, ids=ids)
    before = {p.name: p.read_bytes() for p in (tmp_path / "i").iterdir() if p.is_file()}
    with pytest.raises(InputError, match=message):
        index.add(**arguments)
    assert {p.name: p.read_bytes() for p in (tmp_path / "i").iterdir() if p.is_file()} == before


def test_one_writer_at_a_time_and_readers_at_any_time(tmp_path):
    texts, ids = made(6)
    index = ct.Index.open(tmp_path / "i", threshold=0.6, workers=1)
    index.add(texts, ids=ids)
    with index._writing():
        with pytest.raises(ConfigError, match="is writing here"):
            index.add(["甲"], ids=["x"])
        assert ct.Index.open(tmp_path / "i").query(texts[:3]).num_rows
    index.add(["甲乙丙丁戊"], ids=["x"])


def test_a_reader_that_was_overtaken_looks_again(tmp_path):
    """A reader may hold a manifest of which a writer has swept the files: two commits later they are gone."""
    texts, ids = made(7)
    index = ct.Index.open(tmp_path / "i", threshold=0.6, workers=1)
    index.add(texts[:20], ids=ids[:20])
    old = index._manifest()
    for n in range(20, 26):
        index.add(texts[n : n + 1], ids=ids[n : n + 1])
    reader = ct.Index.open(tmp_path / "i", workers=1)
    current, calls = reader._manifest, []
    reader._manifest = lambda: calls.append(1) or (old if len(calls) == 1 else current())
    assert reader.clusters.num_rows == index.clusters.num_rows
    assert len(calls) == 2


def test_parts_are_made_one(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PARTS", 4)
    texts, ids = made(8)
    index = ct.Index.open(tmp_path / "i", threshold=0.6, workers=1)
    for n in range(0, 36, 4):
        index.add(texts[n : n + 4], ids=ids[n : n + 4])
        assert max(map(len, index._manifest().tables.values())) < 5
    whole = find_duplicates(texts[:36], ids=ids[:36], level="document", threshold=0.6)
    assert sets(index.clusters) == sets(whole.clusters)
    index.compact()
    assert {len(parts) for parts in index._manifest().tables.values()} == {1}
    assert sets(index.clusters) == sets(whole.clusters)
    index.add([], ids=[])
    assert len(list((tmp_path / "i").glob("0*.parquet"))) < 20, "what counts no more is swept"


def test_a_killed_writer_leaves_the_index_as_it_was(tmp_path):
    texts, ids = made(9)
    index = ct.Index.open(tmp_path / "i", threshold=0.6, workers=1)
    index.add(texts[:20], ids=ids[:20])
    before = index.clusters
    code = (
        f"import cleantext as ct, json; texts = json.loads({json.dumps(json.dumps(texts[20:]))})\n"
        f"ct.Index.open({str(tmp_path / 'i')!r}, workers=1).add(texts, ids={ids[20:]!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    run = tmp_path / "i" / "work" / "run"
    until = time.monotonic() + 60
    while len(list(run.glob("*.parquet"))) < 5 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert index.clusters.equals(before)
    assert len(index) == 20
    index.add(texts[20:], ids=ids[20:])
    assert sets(index.clusters) == sets(find_duplicates(texts, ids=ids, level="document", threshold=0.6).clusters)
    assert not (tmp_path / "i" / "work").exists()


def test_from_the_command_line(tmp_path):
    from click.testing import CliRunner

    from cleantext.cli import main

    rng = random.Random(10)
    text = prose(rng, 120)
    for name, texts in {"one": [text, prose(rng, 80)], "two": [edited(rng, text, 0.004)]}.items():
        (tmp_path / name).mkdir()
        for n, each in enumerate(texts):
            (tmp_path / name / f"{name}{n}.txt").write_text(each, "utf-8")
    options = ["--level", "document", "--index", str(tmp_path / "index")]
    for name, rows in (("one", 0), ("two", 1)):
        call = ["dedup", str(tmp_path / name), "-o", str(tmp_path / f"out-{name}"), *options]
        for more in (["--no-add"], []):
            result = CliRunner().invoke(main, call + more)
            assert result.exit_code == 0, result.output
            assert pq.read_metadata(tmp_path / f"out-{name}" / "duplicates.parquet").num_rows == rows
    assert {c["id"] for c in pq.read_table(tmp_path / "out-two" / "clusters.parquet").to_pylist()} == {"one0.txt", "two0.txt"}
    assert json.loads((tmp_path / "out-two" / "events.jsonl").read_text("utf-8").splitlines()[0])["event"] == "new"
    result = CliRunner().invoke(main, ["dedup", str(tmp_path / "two"), "-o", str(tmp_path / "x"), *options, "--threshold", "0.5"])
    assert result.exit_code == 2
    assert "threshold 0.5 and 0.8" in result.output
