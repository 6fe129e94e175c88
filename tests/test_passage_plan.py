"""The passage search over tables: equal to the one in memory row by row, whatever the split, the order, the workers or the interruptions."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import THOROUGH, corpus, edited, prose
from test_plan import FILES, encodable, rows, write

from cleantext.dedup import find_duplicates
from cleantext.dedup.folded.token_places import numbers_of, pack_numbers, pack_places, unpack_places
from cleantext.dedup.passages.passage_search import HOT, PassageParams
from cleantext.dedup.tables.passage_plan import passage_plan
from cleantext.fold import KeptColumn
from cleantext.plan import EmbeddedRunner
from cleantext.run.search.dedup_files import dedup_files


def ids_of(texts, letter="t"):
    return [f"{letter}{i:04d}" for i in range(len(texts))]


def searched(folder, texts, *, workers=1, references=None, seed=None, keep="longest", values=None, apart=False, **options):
    tables = {"texts": write(folder / "texts", ids_of(texts), texts, seed=seed, **({"value": values} if values else {}))}
    if references is not None:
        tables["references"] = write(folder / "references", ids_of(references, "r"), references, seed=seed)
    search = PassageParams(**{"threshold": 0.8, "min_chars": 40, "max_df": 100} | options)
    plan = passage_plan(search, keep="value" if values else keep, against=references is not None, apart=apart)
    out = EmbeddedRunner(folder / "run", workers=workers, memory=1 << 30).run(plan, tables)
    return {name: rows(out[name].read()) for name in plan.outputs}


def in_memory(texts, *, references=None, keep="longest", values=None, **options):
    order = [i for n in range(FILES) for i in range(n, len(texts), FILES)]  # that of the files and their rows
    found = find_duplicates(
        [texts[i] for i in order],
        ids=[ids_of(texts)[i] for i in order],
        against=references,
        against_ids=ids_of(references, "r") if references is not None else None,
        keep=[values[i] for i in order] if values else keep,
        **{"threshold": 0.8} | options,
    )
    edits = [(name, e.start, e.end, e.rule == "dedup.exact") for name in ids_of(texts) for e in found.edits_for(name)]
    return {
        "pairs": found.pairs.to_pylist(),
        "clusters": found.clusters.to_pylist(),
        "stretches": found.boilerplate.to_pylist(),
        "cuts": [{"id": name, "start": start, "end": end, "exact": exact} for name, start, end, exact in edits],
        "linked": [{"id": name, "copies": n} for name, n in found.facts["linked_groups"].items()],
        "hot_anchors": found.facts["hot_anchors"],
        "equal_groups": found.facts["equal_groups"],
    }


def same(folder, texts, *, workers=1, seed=None, apart=False, **options):
    mine, theirs = searched(folder, texts, workers=workers, seed=seed, apart=apart, **options), in_memory(texts, **options)
    facts = mine["facts"][0]
    for name in ("pairs", "stretches", "linked", "clusters", "cuts"):
        assert next(((x, y) for x, y in zip(mine[name], theirs[name], strict=False) if x != y), None) is None, name
        assert len(mine[name]) == len(theirs[name]), name
    assert (facts["hot_anchors"], facts["equal_groups"]) == (theirs["hot_anchors"], theirs["equal_groups"])
    assert facts["pairs"] == len(mine["pairs"])
    return mine


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.8},
        {"threshold": 0.5, "seed": 3},
        {"threshold": 0.3, "keep": "first", "apart": True},
        {"threshold": 0.8, "unit": "script"},
        {"threshold": 0.8, "fold": "wide", "min_chars": 60},
        {"threshold": 0.6, "max_df": 4, "apart": True},
    ],
    ids=str,
)
def test_passages_as_in_memory(tmp_path, options):
    found = same(tmp_path, encodable(corpus(5, 50) + corpus(6, 20)), **options)
    assert len(found["pairs"]) > 20 < len(found["cuts"])


def test_references_as_in_memory(tmp_path):
    texts = encodable(corpus(7, 40))
    found = same(tmp_path, texts[:50], references=texts[40:], threshold=0.6)
    assert found["pairs"]
    assert all(p["a"][0] == "t" and p["b"][0] == "r" for p in found["pairs"])


def test_a_value_says_which_copy_stays(tmp_path):
    texts = encodable(corpus(8, 30))
    rng = random.Random(8)
    same(tmp_path, texts, threshold=0.6, values=[float(rng.randrange(5)) for _ in texts])


def test_boilerplate_and_crowded_anchors_as_in_memory(tmp_path):
    """A footer of many pages is listed, a refrain that one text repeats is paired with its first place alone."""
    rng = random.Random(9)
    footer, refrain = prose(rng, 90), prose(rng, 50)
    texts = [prose(rng, 60) + (footer if n % 3 else footer[:50]) + prose(rng, 30) for n in range(40)]
    texts += [prose(rng, 80).join([refrain] * (HOT + 10)), refrain + prose(rng, 300) + refrain, footer * 3]
    found = same(tmp_path, texts, threshold=0.7, max_df=20, seed=4)
    assert found["stretches"]
    assert found["facts"][0]["hot_anchors"]
    assert any(p["a"] == p["b"] for p in found["pairs"])


def repeating(seed):
    """Texts that repeat: runs of long and short units, broken and edited, beside one another, and places that stand often in one text."""
    rng = random.Random(seed)
    units = [prose(rng, n) for n in (1, 2, 7, 30, 90)]
    line = prose(rng, 45)
    texts = ["".join(rng.choice([prose(rng, 25), rng.choice(units) * rng.choice([1, 3, 30, 90])]) for _ in range(6)) for _ in range(8)]
    texts += [(units[2] * 2 + units[3]) * 40, units[4] * 20, units[4] + prose(rng, 60), edited(rng, units[3] * 60, 0.004)]
    texts += ["".join(prose(rng, 20) + line for _ in range(30)), line + prose(rng, 30), units[4] * 9 + prose(rng, 40)]
    return encodable(texts)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{}, {"threshold": 0.5, "max_df": 5, "apart": True}, {"min_chars": 12, "unit": "script"}], ids=str)
def test_texts_that_repeat_as_in_memory(tmp_path, seed, options):
    found = same(tmp_path, repeating(seed), seed=seed, **options)
    assert sum(p["a"] == p["b"] for p in found["pairs"]) > 50
    assert found["facts"][0]["hot_anchors"]


def test_references_that_repeat_as_in_memory(tmp_path):
    texts = repeating(4)
    found = same(tmp_path, texts[::2], references=texts[1::2])
    assert found["pairs"]


def test_large_groups_of_equal_texts_as_in_memory(tmp_path):
    rng = random.Random(10)
    one, other = prose(rng, 120), prose(rng, 90)
    texts = [one] * 80 + ["。".join(one)] + [edited(rng, one, 0.01) + other] * 70 + [other, prose(rng, 30) + other]
    rng.shuffle(texts)
    assert len(same(tmp_path, texts, threshold=0.6)["linked"]) == 2


def mixed(seed, n=40):
    """Pages that put together paragraphs of a few sources, some edited: copies of copies that have lost a part."""
    rng = random.Random(seed)
    pool = [prose(rng, rng.randint(30, 160)) for _ in range(n)]
    pages = []
    for _ in range(n):
        parts = [p if rng.random() < 0.7 else edited(rng, p, 0.02) for p in rng.choices(pool, k=rng.randint(1, 9))]
        pages.append(rng.choice(["\n", "", "。"]).join(parts))
    return pages


@pytest.mark.parametrize("seed", range(4))
def test_copies_that_have_lost_a_part_as_in_memory(tmp_path, seed):
    same(tmp_path, mixed(seed), threshold=(0.8, 0.5)[seed % 2], seed=seed, apart=seed >= 2)


def test_what_is_left_is_searched_in_rounds(tmp_path):
    """A round decides all but the texts that wait for a search, and those that wait for these."""
    rounds = []
    texts = mixed(5, 60)
    search = PassageParams(0.8, 40, 100)
    runner = EmbeddedRunner(tmp_path / "run", workers=1, progress=lambda name: rounds.append(name) if name == "decided" else None)
    runner.run(passage_plan(search), {"texts": write(tmp_path / "texts", ids_of(texts), texts)})
    assert len(rounds) >= 3, "one to begin with, and one for each search"


def test_characters_that_fold_to_several_letters_stay_whole(tmp_path):
    rng = random.Random(11)
    body = prose(rng, 70)
    texts = ["㎡" + body + "㍿", "2" + body + "株式", "m2" + body + "株", "前文" + body + "㍿㍿", "３㎡" + body]
    same(tmp_path, [prose(rng, 20) + t + prose(rng, 20) for t in texts], threshold=0.5)


def test_order_workers_and_resources_do_not_matter(tmp_path):
    texts = encodable(corpus(10, 60)) + mixed(6)
    first, other = searched(tmp_path / "a", texts, threshold=0.6, seed=1), searched(tmp_path / "b", texts, threshold=0.6, seed=2, workers=2)
    for pair in [*first["shown"], *other["shown"]]:
        del pair["a_place"], pair["b_place"]  # the files are others
    assert other == first


@settings(max_examples=50 if THOROUGH else 8)
@given(st.lists(st.text("甲乙丙丁12 \n㎡", max_size=90), max_size=12), st.sampled_from([0.3, 0.8]), st.integers(1, 12))
def test_texts_of_few_letters_as_in_memory(tmp_path_factory, texts, threshold, min_chars):
    same(tmp_path_factory.mktemp("few"), texts, threshold=threshold, min_chars=min_chars)


@pytest.mark.parametrize("n", [21, 60])
def test_boilerplate_as_in_memory(tmp_path, n):
    notice, more = prose(random.Random(101), 60), prose(random.Random(102), 45)
    texts = [prose(random.Random(i), 90) + "\n" + (more if i < 25 else "") + notice + ("尾声" if i % 3 else "") for i in range(n)]
    found = same(tmp_path, texts + texts[:3] + ["甲" + texts[5]], max_df=20)
    assert {row["texts"] for row in found["stretches"]} >= {n + 4}


@settings(max_examples=40 if THOROUGH else 5)
@given(st.integers(0, 10**6), st.sampled_from([0.3, 0.5, 0.8, 1.0]), st.sampled_from([20, 40]), st.sampled_from([3, 100]))
def test_made_corpora_as_in_memory(tmp_path_factory, seed, threshold, min_chars, max_df):
    texts = encodable(corpus(seed, 15)) + mixed(seed, 12)
    same(tmp_path_factory.mktemp("made"), texts, threshold=threshold, min_chars=min_chars, max_df=max_df, seed=seed)


def test_long_texts(tmp_path):
    """A text of 6 MB that many share a passage with is not brought to all of them at once."""
    rng = random.Random(14)
    lines = [prose(rng, 60) for _ in range(70)]
    big = "\n".join([prose(rng, 1000) for _ in range(1500)] + lines)
    found = same(tmp_path, [big, *lines, "𠀀𠀁" + lines[0] + "𠀂"], threshold=0.8)
    assert len(found["pairs"]) == 72


def test_nothing_to_find(tmp_path):
    for n, texts in enumerate(([], [""], ["……", "好", "好"], ["经" * 39, "经" * 39])):
        same(tmp_path / str(n), texts)


def test_batches_of_the_runner_do_not_matter(tmp_path, monkeypatch):
    from cleantext.plan import embedded

    texts = encodable(corpus(12, 30)) + mixed(7)
    first = searched(tmp_path / "a", texts, threshold=0.6)
    for name, value in (("BATCH", 1 << 10), ("SCANNED", 7), ("ROWS", 3), ("TASK", 1 << 12)):
        monkeypatch.setattr(embedded, name, value)
    assert searched(tmp_path / "b", texts, threshold=0.6) == first


def test_what_reaches_the_threshold_does_so_wherever_it_stands():
    """Two runs of 24 around one substitution have J = .8: sums of places in millions must not round that away."""
    from cleantext.dedup.passages.cut_chains import _best

    chain = np.array([[0, 0, 24, 0, 1], [25, 25, 24, 0, 1], [89, 89, 12, 0, 1]], np.int64)
    room = (np.empty(4), np.empty(3), np.empty(3, np.int64))
    for shift in (0, 10, 10**7 + 3, 58_000_001, 2**31 + 7):
        moved = chain + np.array([shift, 2 * shift, 0, 0, 0])
        assert _best(moved, 0, 3, 5, 0.8, *room) == (0, 2)


@given(st.lists(st.lists(st.integers(0, 2**31 - 2), max_size=4), max_size=5))
def test_places_and_numbers_come_back(lists):
    sizes = [len(x) for x in lists]
    bounds = np.append(0, np.cumsum(sizes)).astype(np.int64)
    values = np.array([v for x in lists for v in x], np.int32).reshape(-1, 1)
    back, ends = numbers_of(pack_numbers(values, bounds), 1)
    assert (back.tolist(), ends.tolist()) == (values.tolist(), bounds.tolist())
    start = np.concatenate([np.sort(np.array(x, np.int32)) for x in lists] or [np.empty(0, np.int32)]).astype(np.int32)
    column = KeptColumn(np.zeros(len(start), np.uint32), start, start + 1, bounds)
    for unit in ("char", "script"):
        held = unpack_places(pack_places(column, np.ones(len(start), np.int64), unit), unit)
        for mine, theirs in zip(held, (start, start + 1, np.ones(len(start)), bounds), strict=True):
            assert np.array_equal(mine, theirs)


# ------------------------------------------------------------------ stopped, and elsewhere


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A plan, its table and what a run gives that is not stopped."""
    folder, texts = tmp_path_factory.mktemp("whole"), mixed(8)
    table = write(folder / "texts", ids_of(texts), texts)
    plan = passage_plan(PassageParams(0.8, 40, 100))
    return plan, table, EmbeddedRunner(folder / "run", workers=1).run(plan, {"texts": table})


@pytest.mark.parametrize("stop_at", ["anchors", "matched", "spread", "pieces", "grouped", "cuts"])
def test_a_stopped_run_goes_on_where_it_was(tmp_path, whole, stop_at):
    plan, table, expected = whole
    done = []

    def stop(name):
        done.append(name)
        if name == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EmbeddedRunner(tmp_path / "run", workers=1, progress=stop).run(plan, {"texts": table})
    first = list(done)
    out = EmbeddedRunner(tmp_path / "run", workers=1, progress=done.append).run(plan, {"texts": table})
    assert done[len(first)] == stop_at, "it starts with the step that was not done"
    for name in plan.outputs:
        assert out[name].read().equals(expected[name].read())


def test_the_command_hands_its_limit_on(tmp_path):
    notice = prose(random.Random(7), 60)
    (tmp_path / "in").mkdir()
    for n in range(12):
        (tmp_path / "in" / f"{n:02d}.txt").write_text(prose(random.Random(n), 100) + "\n" + notice, "utf-8")
    for engine in ("memory", "local"):
        report = dedup_files(tmp_path / "in", tmp_path / engine, max_df=10, engine=engine)
        assert (report.duplicates["pairs"], report.duplicates["boilerplate"]) == (0, 1)
    one, two = (pq.read_table(tmp_path / engine / "boilerplate.parquet").to_pylist() for engine in ("memory", "local"))
    assert one == two


def test_queries_keep_to_the_common_dialect():
    told = passage_plan(PassageParams(0.8, 40, 100), against=True).explain().lower()
    for word in ('"', "`", "hash(", "list(", "array", "unnest", "qualify", "using sample", "::", " any(", "ilike", "rank()", "exclude"):
        assert word not in told, word
    assert "scan matched by a, b, a_spot, b_spot, a, b together through packrows(" in told


# ------------------------------------------------------------------ the command


def test_pages_in_tables_are_as_in_memory(tmp_path, seeds):
    pages = tmp_path / "pages"
    pages.mkdir()
    for n, text in enumerate(mixed(9)):
        (pages / f"{n:02d}.txt").write_text(text, "utf-8")
    for path in seeds.glob("*.txt"):
        (pages / path.name).write_bytes(path.read_bytes())
    one = dedup_files(pages, tmp_path / "memory", threshold=0.6)
    two = dedup_files(pages, tmp_path / "local", threshold=0.6, engine="local", workers=1)
    assert one.duplicates["pairs"] > 20
    assert two.duplicates["below"] == []  # pairs below the threshold are known in memory alone
    assert {key: two.duplicates[key] for key in one.duplicates if key != "below"} == {
        k: v for k, v in one.duplicates.items() if k != "below"
    }
    assert one.outcomes == two.outcomes
    mine, theirs = (pq.read_table(tmp_path / name / "duplicates.parquet") for name in ("local", "memory"))
    assert mine.to_pylist() == theirs.select(mine.column_names).to_pylist()
    cuts = pq.read_table(tmp_path / "local" / "cuts.parquet").to_pylist()
    assert cuts
    assert all(c["start"] < c["end"] for c in cuts)
    assert pq.read_metadata(tmp_path / "local" / "boilerplate.parquet").num_rows == 0
    dedup_files(pages, tmp_path / "local", level="document", engine="local", workers=1)
    assert not (tmp_path / "local" / "cuts.parquet").exists(), "no table of an earlier run beside the new ones"


def test_a_killed_run_goes_on(tmp_path):
    texts = mixed(13, 60)
    write(tmp_path / "texts", ids_of(texts), texts)
    call = [
        sys.executable,
        "-m",
        "cleantext",
        "dedup",
        str(tmp_path / "texts"),
        "--level",
        "passage",
        "--engine",
        "local",
        "--workers",
        "1",
    ]
    out = tmp_path / "out"
    process = subprocess.Popen([*call, "-o", str(out)], stderr=subprocess.DEVNULL)
    journal = out / ".cleantext" / "dedup" / "plan" / "journal.json"
    until = time.monotonic() + 60
    while (not journal.exists() or "matched" not in journal.read_text()) and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "report.json").exists()
    assert json.loads(journal.read_text())["done"]
    subprocess.run([*call, "-o", str(out)], check=True, capture_output=True)
    subprocess.run([*call, "-o", str(tmp_path / "straight")], check=True, capture_output=True)
    for name in ("duplicates.parquet", "clusters.parquet", "cuts.parquet", "report.json"):
        assert (out / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()
