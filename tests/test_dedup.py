"""Duplicates: against brute force, datasketch and an exact inverted index; laws of clusters and removal."""

import random
import sys
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import datasketch
import numpy as np
import pyarrow as pa
import pytest
from conftest import SHARED
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made import WORDS, corpus, edited, examples, prose

from cleantext.dedup import Sketches, SketchSpec, find_duplicates, shingle_hash
from cleantext.dedup.folded.text_units import FoldedTexts
from cleantext.dedup.minhash.bands import Bands
from cleantext.dedup.minhash.hash_kernels import shingle_hashes, sketches
from cleantext.dedup.passages import anchors
from cleantext.edits import apply
from cleantext.errors import CleantextError, ConfigError, InputError, SketchMismatch
from cleantext.fold import kept
from cleantext.jit import Kernel, eager

ROOT = Path(__file__).parents[1]


def shingles(text, fold="basic"):
    points = kept(text, fold=fold).text
    return {points[i : i + 5] for i in range(len(points) - 4)}


def jaccard(a, b, fold="basic"):
    a, b = shingles(a, fold), shingles(b, fold)
    return len(a & b) / len(a | b) if a | b else 0.0


# ------------------------------------------------------------------ kernels


def test_each_kernel_is_compiled_once_for_texts_of_any_number_and_kind(monkeypatch):
    """Numba would compile a kernel again for an array that may be written to, or that is part of a larger one."""
    texts = [prose(random.Random(n), 300) for n in range(20)]

    def compiled():
        modules = [module for name, module in sys.modules.items() if name.startswith("cleantext.")]
        kernels = {o for module in modules for o in vars(module).values() if isinstance(o, Kernel) and "compiled" in o.__dict__}
        return {kernel.function: list(kernel.compiled.signatures) for kernel in kernels if kernel.function.__name__ != "decode"}

    with eager():
        find_duplicates(texts, level="document")
        before = compiled()
        monkeypatch.setattr("cleantext.dedup.minhash.document_pairs.TOKENS", 1000)
        monkeypatch.setattr("cleantext.dedup.folded.text_columns.PIECE", 1000)
        monkeypatch.setattr("cleantext.dedup.folded.text_columns.MANY", 0)
        found = [find_duplicates(column, level="document") for column in (texts, pa.array(texts), pa.array(texts, pa.large_string()))]
    assert compiled() == before
    assert found[0].facts == found[1].facts == found[2].facts


# ------------------------------------------------------------------ sketches


def test_sketch_is_datasketch_bit_by_bit():
    texts = [prose(random.Random(n), n) for n in (0, *range(4, 25), 200)]  # every remainder of a pass of eight shingles
    for seed, slots in ((1, 128), (7, 64), (3, 37)):
        ours = SketchSpec(seed=seed, slots=slots).sketch(texts)
        for i, text in enumerate(texts):
            theirs = datasketch.MinHash(num_perm=slots, seed=seed, hashfunc=shingle_hash)
            theirs.update_batch(shingles(text))
            assert np.array_equal(theirs.hashvalues, ours.rows[i])
            assert ours.to_datasketch(i) == theirs
            assert ours.to_lean(i) == datasketch.LeanMinHash(theirs)


def test_a_datasketch_index_answers_our_sketches():
    texts = [prose(random.Random(n), 300) for n in range(30)]
    index = datasketch.MinHashLSH(threshold=0.7, num_perm=128)
    for n, text in enumerate(texts):
        one = datasketch.MinHash(num_perm=128, hashfunc=shingle_hash)
        one.update_batch(s.encode() for s in shingles(text))  # bytes or strings
        index.insert(n, one)
    ours = SketchSpec().sketch([edited(random.Random(0), texts[11], 0.01)])
    assert index.query(ours.to_datasketch(0)) == [11]


def test_sketches_come_back_from_datasketch():
    ours = SketchSpec().sketch(["一带一路核心区建设", "丝绸之路经济带核心区"])
    back = Sketches.from_datasketch(ours.spec, [ours.to_datasketch(0), ours.to_lean(1)])
    assert np.array_equal(back.rows, ours.rows)
    with pytest.raises(SketchMismatch, match="seed 2"):
        Sketches.from_datasketch(ours.spec, [datasketch.MinHash(128, seed=2)])


@pytest.mark.parametrize(("field", "value"), [("k", 4), ("slots", 64), ("seed", 2), ("fold", "wide"), ("unit", "script")])
def test_sketches_of_two_kinds_do_not_compare(field, value):
    one, other = SketchSpec().sketch(["发展新质生产力"]), SketchSpec(**{field: value}).sketch(["发展新质生产力"])
    with pytest.raises(SketchMismatch, match=field):
        one.jaccard(0, other, 0)


@pytest.mark.parametrize("n", [5, 30, 100, 1000, 100_000])
def test_sketch_estimates_without_bias_and_with_binomial_variance(n):
    trials, spec = max(40, min(1500, 300_000 // n)), SketchSpec()
    rng = np.random.default_rng(n)
    shared = max(1, round(0.8 * n))
    errors = []
    for _ in range(trials):
        both = rng.integers(0, 2**64, 2 * n - shared, dtype=np.uint64)
        # k = 1: every hash is a shingle of its own
        joined = np.concatenate([both[:n], both[n - shared :]])
        rows = sketches(joined, np.array([0, n, 2 * n]), 1, *spec.permutations)
        errors.append(float(np.mean(rows[0] == rows[1])) - shared / (2 * n - shared))
    j = shared / (2 * n - shared)
    deviation = (j * (1 - j) / spec.slots) ** 0.5
    assert abs(np.mean(errors)) < 4 * deviation / trials**0.5
    assert 0.8 < np.std(errors) / deviation < 1.2


def test_shingle_hash_is_the_kernels():
    text = kept(prose(random.Random(0), 600)).text  # longer than the kernel's blocks
    for n in (0, 1, 4, 5, 6, 255, 256, 260, 261, 600):
        hashes = shingle_hashes(kept(text[:n]).points, 5)
        assert [shingle_hash(text[i : i + 5]) for i in range(n - 4)] == (hashes[: max(n - 4, 0)] >> np.uint64(32)).tolist()
        assert not hashes[max(n - 4, 0) :].any()


def test_bands_reach_their_recall():
    for threshold in (0.3, 0.5, 0.7, 0.8, 0.9):
        bands = Bands.of(threshold, 128)
        assert bands.recall >= 0.995
        assert bands.bands * bands.rows <= 128
    with pytest.raises(ConfigError, match="more slots"):
        Bands.of(0.05, 16)


# ------------------------------------------------------------------ documents


def inverted_index(texts, threshold):
    """Every pair with J >= threshold, counted through an index of all shingles; and equal folds."""
    sets = [shingles(t) for t in texts]
    index = defaultdict(list)
    for i, s in enumerate(sets):
        for shingle in s:
            index[shingle].append(i)
    shared = Counter(pair for places in index.values() for pair in combinations(places, 2))
    found = {p: n / (len(sets[p[0]]) + len(sets[p[1]]) - n) for p, n in shared.items()}
    by_fold = defaultdict(list)
    for i, text in enumerate(texts):
        if folded := kept(text).text:
            by_fold[folded].append(i)
    found |= {pair: 1.0 for group in by_fold.values() for pair in combinations(group, 2)}
    return {p: j for p, j in found.items() if j >= threshold}


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.95])
def test_documents_are_those_of_an_inverted_index(threshold):
    want, got = {}, {}
    for seed in range(6):
        texts = corpus(seed)
        want |= {(seed, *p): j for p, j in inverted_index(texts, threshold).items()}
        rows = find_duplicates(texts, level="document", threshold=threshold).pairs.to_pylist()
        got |= {(seed, r["a"], r["b"]): r["similarity"] for r in rows}
    assert got.items() <= want.items()  # never a pair too many, never another similarity
    assert len(got) >= 0.99 * len(want) > 50


def test_document_pairs_say_what_contains_what():
    text = prose(random.Random(1), 400)
    row = find_duplicates([text, text + prose(random.Random(2), 200)], level="document", threshold=0.5).pairs.to_pylist()[0]
    assert row["a_in_b"] == 1.0 > row["b_in_a"] > row["similarity"] - 1e-9
    assert (row["kind"], row["a_start"], row["a_end"]) == ("near", 0, len(text))


def test_short_texts_are_equal_or_nothing():
    texts = ["同意", "同意。", "同 意", "同", "", "。。", "！", "\ud800", "\ud801", "好的吗", "好的嗎"]
    pairs = find_duplicates(texts, level="document").pairs.to_pylist()
    assert [(r["a"], r["b"], r["similarity"], r["kind"]) for r in pairs] == [
        (0, 1, 1.0, "exact"),
        (0, 2, 1.0, "exact"),
        (1, 2, 1.0, "exact"),
        (9, 10, 1.0, "exact"),
    ]


def test_one_cluster_of_many_copies_does_not_blow_up():
    text = prose(random.Random(3), 60)
    texts = [text] * 20_000 + [text[:-1] + "了。"]
    found = find_duplicates(texts, level="document")
    assert len(found.pairs) < 3 * len(texts)
    assert found.facts["linked_groups"] == {0: 20_000}
    assert sum(map(bool, found.texts())) == 1


def test_many_near_copies_share_few_edges():
    rng = random.Random(4)
    text = prose(rng, 300)
    texts = [text[: 10 * i] + rng.choice(WORDS) + text[10 * i :] for i in range(32)]
    texts = [edited(random.Random(i), rng.choice(texts), 0.002) for i in range(1500)]
    found = find_duplicates(texts, level="document")
    assert found.facts["hot_buckets"] > 0
    for r in found.clusters.to_pylist():
        assert r["keeper"] or r["similarity"] == jaccard(texts[r["id"]], texts[r["keeper_id"]]) >= 0.8
    assert sum(map(bool, found.texts())) < 20


# ------------------------------------------------------------------- passages


def check(texts, found, threshold, least=40):
    """What holds for every result: valid offsets, exact similarity, survivors."""
    for r in found.pairs.to_pylist():
        a, b = texts[r["a"]][r["a_start"] : r["a_end"]], texts[r["b"]][r["b_start"] : r["b_end"]]
        same = kept(a).text == kept(b).text
        assert (r["similarity"], r["kind"]) == ((1.0, "exact") if same else (jaccard(a, b), "near"))
        assert r["similarity"] >= threshold
        if found.level == "passage":
            assert min(len(kept(a)), len(kept(b))) >= least
            assert r["a"] < r["b"] or r["a_end"] <= r["b_start"]
            assert a[0].isalnum() or kept(a[0]).text or len(a) > 1
    out = dict(enumerate(found.texts()))
    members = [r for r in found.clusters.to_pylist() if not r["keeper"]]
    for r in members:
        copy = texts[r["keeper_id"]][r["keeper_start"] : r["keeper_end"]]
        assert copy in out[r["keeper_id"]]  # what stays is in the output
        gone = texts[r["id"]][r["start"] : r["end"]]
        assert jaccard(gone, copy) == r["similarity"] >= threshold or kept(gone).text == kept(copy).text
    removed = {r["id"] for r in members}
    for i, text in enumerate(texts):
        edits = found.edits_for(i)
        assert apply(text, edits) == out[i]
        assert not edits or i in removed
        assert {e.rule for e in edits} <= {"dedup.exact", "dedup.near"}
        for edit in edits:  # each letter that goes is in a unit that has a survivor
            spans = [(r["start"], r["end"]) for r in members if r["id"] == i]
            for at in range(edit.start, edit.end):
                assert not text[at].isalnum() or any(s <= at < e for s, e in spans)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("level", "threshold"), [("passage", 0.8), ("passage", 0.5), ("document", 0.8), ("passage", 0.3)])
def test_laws_on_made_up_corpora(seed, level, threshold):
    texts = corpus(seed)
    check(texts, find_duplicates(texts, level=level, threshold=threshold), threshold)


@given(
    st.lists(
        st.lists(
            st.sampled_from(["甲乙丙丁戊己庚辛壬癸子丑寅卯", "天地玄黄宇宙洪荒", "。", "\n", "㎡", "x1", "日月盈昃辰宿列张"]), max_size=14
        ).map("".join),
        max_size=6,
    )
)
@settings(deadline=None, max_examples=examples(120))
def test_laws_on_repetitive_texts(texts):
    for threshold in (0.8, 0.4):
        check(texts, find_duplicates(texts, threshold=threshold, min_chars=15), threshold, least=15)


def test_every_shared_run_is_found_wherever_it_lies():
    rng = random.Random(5)
    for n in (40, 41, 77, 300):
        run = "".join(rng.choice(WORDS) for _ in range(n))
        a, b = prose(rng, 900) + "甲" + run + "乙" + prose(rng, 700), prose(rng, 30) + "丙" + run + "丁" + prose(rng, 2000)
        row = find_duplicates([a, b]).pairs.to_pylist()
        assert [(r["a_start"], r["a_end"], r["b_start"], r["b_end"]) for r in row] == [
            (a.index(run), a.index(run) + n, b.index(run), b.index(run) + n)
        ]
    assert find_duplicates([a.replace(run, run[:39]), b.replace(run, run[:39])]).pairs.num_rows == 0


@pytest.mark.parametrize(
    ("rate", "threshold", "bar"), [(0, 0.8, 0.98), (0.01, 0.8, 0.98), (0.03, 0.5, 0.97), (0.05, 0.5, 0.95), (0.1, 0.3, 0.88)]
)
def test_injected_passages_are_found_to_the_character(rate, threshold, bar):
    rng = random.Random(f"{rate}")
    hit = miss = wrong = 0
    errors = []
    for _ in range(60):
        size = int(40 * (1500 / 40) ** rng.random())
        source, host = prose(rng, size + 600), prose(rng, 1500)
        at, cut = rng.randrange(500), rng.randrange(len(host))
        passage = source[at : at + size]
        copy = edited(rng, passage, rate).replace("，", ",")
        pairs = find_duplicates([source, host[:cut] + copy + host[cut:]], threshold=threshold).pairs.to_pylist()
        for side, start, length in (("a", at, len(passage)), ("b", cut, len(copy))):
            want = set(range(start, start + length))
            got = {c for r in pairs if r["a"] != r["b"] for c in range(r[f"{side}_start"], r[f"{side}_end"])}
            hit, miss, wrong = hit + len(want & got), miss + len(want - got), wrong + len(got - want)
            if got:
                errors += [abs(min(got) - start), abs(max(got) + 1 - start - length)]
    assert 2 * hit / (2 * hit + miss + wrong) >= bar
    assert np.median(errors) <= 2


def test_copies_of_the_other_script_are_exact():
    hant = "國務院辦公廳印發《關於進一步優化營商環境降低市場主體制度性交易成本的意見》，要求各地區各部門結合實際認真貫徹落實。"
    hans = "国务院办公厅印发《关于进一步优化营商环境降低市场主体制度性交易成本的意见》,要求各地区各部门结合实际认真贯彻落实。"
    (row,) = find_duplicates(pa.array([hant, "按：" + hans]), ids=["a", "b"]).pairs.to_pylist()
    assert (row["similarity"], row["kind"], row["b_start"]) == (1.0, "exact", 2)


def test_wide_fold_is_asked_for():
    a, b = "憑藉" * 4 + prose(random.Random(6), 40), "凭借" * 4 + prose(random.Random(6), 40)
    narrow, wide = (find_duplicates([a, b], level="document", threshold=0.5, fold=fold) for fold in ("basic", "wide"))
    assert narrow.pairs["similarity"].to_pylist()[0] == jaccard(a, b) < 1.0 == wide.pairs["similarity"].to_pylist()[0]
    assert wide.facts["fold"] == "wide"


def test_words_are_units_of_scripts_that_write_words():
    rng = random.Random(7)
    words = ["".join(rng.choice("etaoinshr") for _ in range(rng.randint(2, 7))) for _ in range(3000)]
    a, b = [" ".join(rng.choice(words) for _ in range(400)) for _ in range(2)]
    shared = " ".join(rng.choice(words) for _ in range(40))
    texts = [a[:900] + " " + shared + " " + a[900:], b[:300] + " " + shared + " " + b[300:]]
    (row,) = find_duplicates(texts, unit="script").pairs.to_pylist()
    assert shared in texts[0][row["a_start"] : row["a_end"]]
    assert row["similarity"] >= 0.8
    chinese = [prose(rng, 300)] * 2
    assert find_duplicates(chinese, unit="script").pairs.equals(find_duplicates(chinese).pairs)


def test_passages_of_words_are_as_long_as_asked():
    rng = random.Random(17)
    words = ["".join(rng.choice("etaoinshr") for _ in range(rng.randint(2, 7))) for _ in range(400)]
    sentences = [" ".join(rng.choice(words) for _ in range(rng.randint(4, 12))) + ". " for _ in range(60)]
    texts = ["".join(rng.choice(sentences) for _ in range(rng.randint(1, 15))) for _ in range(25)]
    found = find_duplicates(texts, unit="script")
    assert found.pairs.num_rows > 50
    for r in found.pairs.to_pylist():
        for side in "ab":
            assert len(kept(texts[r[side]][r[f"{side}_start"] : r[f"{side}_end"]])) >= 40


def test_a_repeat_inside_one_text_keeps_the_first():
    sentence = "各单位要结合实际认真贯彻落实本通知精神，切实加强组织领导，确保各项任务按时保质保量完成到位。"
    text = f"甲。{sentence}\n乙丙丁。{sentence}戊。"
    found = find_duplicates([text])
    assert found.texts() == [f"甲。{sentence}\n乙丙丁。戊。"]
    assert [(r["a"], r["b"], r["similarity"]) for r in found.pairs.to_pylist()] == [(0, 0, 1.0)]


def test_no_two_passages_on_one_diagonal():
    for seed in range(6):
        for threshold in (0.3, 0.5, 0.8):
            rows = find_duplicates(corpus(seed), threshold=threshold).pairs.to_pylist()
            seen = defaultdict(list)
            for r in rows:
                for side in ("start", "end"):
                    seen[r["a"], r["b"], side, r[f"a_{side}"] - r[f"b_{side}"]].append((r["a_start"], r["a_end"]))
            for spans in seen.values():
                assert all(a[1] <= b[0] for a, b in zip(sorted(spans), sorted(spans)[1:], strict=False))


@pytest.mark.parametrize("text", ["哈" * 60_000, "哈哈嘿" * 5000, ("第一条规定如下。" * 30 + "\n") * 40])
def test_texts_that_only_repeat_end(text):
    found = find_duplicates([text, text[: len(text) // 2]])
    assert found.pairs.num_rows < 100_000
    assert len(found.texts()[0]) > 0


def test_pairs_of_crowded_places_grow_with_their_number():
    tokens = kept("哈哈嘿" * 20_000).points
    offsets, anchor_spec = np.array([0, len(tokens)]), anchors.AnchorSpec.of(0.8)
    found = anchors.find_anchors(tokens, offsets, anchor_spec)
    order, bounds = anchors.groups(found.hash)
    run = np.zeros(len(found.at), np.int32)
    state = anchors._states(found.text, run, order, bounds, np.zeros(1, np.int64), 100, 256, 16)
    assert (state == anchors.LEADS).sum() > 0
    _, first, stop, _ = anchors._neighbours(found.at, found.text, run, order, bounds, state)
    assert (stop - first).sum() < 2 * len(order)  # each meets its leader, not every other one


def made_of_repeats(size):
    """Texts of about ``size`` letters: what grew with the square of it, in work or in pairs."""
    rng = random.Random(16)
    line, parts = prose(rng, 45), [prose(rng, 20) for _ in range(size // 60)]
    yield "哈" * size
    yield "<template>" * (size // 8)
    yield prose(rng, 400) * (size // 400)
    yield ("甲乙丙" + line * 2) * (size // 93)  # a period whose parts repeat
    yield "".join(part + line for part in parts)  # no run: what is between differs
    yield "".join(part + "标签 春天 " * 20 for part in parts[: size // 100])
    yield "".join(rng.choice([line, "甲乙丙丁戊己庚辛壬癸子丑寅卯"]) for _ in range(size // 30))


@pytest.mark.parametrize("kind", range(7))
def test_pairs_and_work_of_repeats_grow_with_the_text(kind):
    """Counted, not timed: pairs, matches and the letters that matches grow over."""
    pairs, grown = [], []
    for size in (6_000, 12_000, 24_000):
        text = list(made_of_repeats(size))[kind]
        found = find_duplicates([text])
        pairs.append(found.pairs.num_rows)
        corpus = FoldedTexts.read([text], None, None, None, "longest", "basic", "char")
        units, search = corpus.units, found.params
        held = anchors.find_anchors(units.points, units.offsets, search.anchor_spec)
        order, bounds = anchors.groups(held.hash)
        _runs, run = search.runs(units, held, apart=False)
        limits = (np.zeros(1, np.int64), search.anchor_spec.k, 100, 256, anchors.OFTEN)
        matches, _ = anchors.find_matches(units.points, units.offsets, held.at, held.text, run, order, bounds, corpus.side, *limits)
        grown.append(int(matches[:, 4].sum()) + size)
        assert len(found.texts()[0]) <= len(text)
        assert pairs[-1] < size / 2
    assert pairs[2] <= 2.3 * pairs[1] + 20 <= 2.3 * (2.3 * pairs[0] + 20) + 20
    assert grown[2] <= 2.3 * grown[1] <= 2.3 * 2.3 * grown[0]
    assert grown[2] < 60 * size


def test_of_a_run_one_copy_stays():
    rng = random.Random(17)
    line, head, tail = prose(rng, 60), prose(rng, 80), prose(rng, 80)
    text = f"{head}\n" + f"{line}。\n" * 40 + tail
    found = find_duplicates([text])
    assert found.pairs.num_rows == 39  # each with the first, not with one another
    assert set(found.pairs["similarity"].to_pylist()) == {1.0}
    check([text], found, 0.8)
    assert found.texts()[0].count(line) == 1
    other = prose(rng, 60) + line + prose(rng, 700) + prose(rng, 900) + prose(rng, 900)  # longer: it leads all copies of the run
    found = find_duplicates([text, other])
    assert [t.count(line) for t in found.texts()] == [0, 1]
    check([text, other], found, 0.8)


def test_boilerplate_is_listed_apart():
    notice = "本网站所载文章图片音视频文件等资料的版权归版权所有人所有如有侵权请与我们联系我们将及时更正删除谢谢合作"
    texts = [prose(random.Random(n), 100) + "\n" + notice for n in range(30)]
    found = find_duplicates(texts, max_df=20)
    assert found.pairs.num_rows == 0
    assert found.boilerplate.to_pylist() == [{"id": 0, "start": len(texts[0]) - len(notice), "end": len(texts[0]), "texts": 30}]
    assert find_duplicates(texts).pairs.num_rows == 30 * 29 // 2


@pytest.mark.parametrize("n", [21, 30, 80])
def test_boilerplate_is_whole_and_never_paired_by_its_edges(n):
    """What the anchors on the edge of a notice are depends on the text beside it: a few texts have some in common by chance."""
    notice = "本网站所有文章版权归原作者所有,如有侵权请联系我们删除,未经许可不得转载,感谢您的理解与支持,祝您阅读愉快"
    rng = random.Random(3)
    texts = ["".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(100)) + "。\n" + notice + "。" for _ in range(n)]
    found = find_duplicates(texts, max_df=20)
    assert found.pairs.num_rows == 0
    assert found.texts() == texts
    [row] = found.boilerplate.to_pylist()
    assert texts[0][row["start"] : row["end"]] == notice
    assert row["texts"] == n
    again = find_duplicates(texts[::-1], ids=list(range(n))[::-1], max_df=20)
    assert again.boilerplate.equals(found.boilerplate)


def test_boilerplate_of_two_extents_is_two_stretches():
    notice, more = (
        "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇宙洪荒日月盈昃",
        "云腾致雨露结为霜金生丽水玉出昆冈剑号巨阙珠称夜光果珍李柰",
    )
    texts = [prose(random.Random(n), 100) + "\n" + (more if n < 25 else "") + notice for n in range(60)]
    texts += [texts[0]] * 3  # equal texts count, too
    rows = find_duplicates(texts, max_df=20).boilerplate.to_pylist()
    assert {(texts[r["id"]][r["start"] : r["end"]], r["texts"]) for r in rows} == {(more + notice, 28), (notice, 63)}


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6))
@example(seed=227)  # two stretches that overlapped by a few letters were listed as one, which is in three texts
@example(seed=239)
@example(seed=2538)
def test_boilerplate_is_counted_as_it_stands(seed):
    """Against a search for each stretch in every text; nothing that is paired lies in one."""
    rng = random.Random(seed)
    pieces = [prose(rng, rng.randint(15, 60)) for _ in range(4)]
    texts = ["".join(rng.choice([prose(rng, rng.randint(5, 40)), *pieces]) for _ in range(rng.randint(1, 4))) for _ in range(40)]
    found = find_duplicates(texts, max_df=8)
    folded = [kept(t).text for t in texts]
    for row in found.boilerplate.to_pylist():
        stretch = kept(texts[row["id"]][row["start"] : row["end"]]).text
        there = sum(stretch in t for t in folded)
        assert 8 < row["texts"] <= there
        assert row["texts"] == there or len(stretch) < found.facts["certain_run"]
    for pair in found.pairs.to_pylist():
        passage = kept(texts[pair["a"]][pair["a_start"] : pair["a_end"]]).text
        equal = folded[pair["a"]] == folded[pair["b"]]  # equal texts are always a pair, and count as one
        assert equal or pair["similarity"] < 1 or sum(passage in t for t in set(folded)) <= 8


def test_what_stands_beside_boilerplate_is_found_with_it():
    rng = random.Random(5)
    notice = prose(rng, 60)
    texts = [prose(random.Random(n), 100) + "\n" + notice for n in range(30)]
    one = prose(rng, 60)
    texts += [f"甲乙丙。\n{one}{notice}", f"丁戊己。\n{one}{notice}"]
    [pair] = find_duplicates(texts, max_df=20).pairs.to_pylist()
    assert texts[30][pair["a_start"] : pair["a_end"]] in one + notice
    assert pair["a_end"] - pair["a_start"] > len(one) + 30


@pytest.mark.parametrize(
    "mark", ["- ", "* ", "• ", "●", "■", "◆", "·", "# ", "> ", "——", "… ", "「", "|", "★", "※", "→ ", "\N{GRINNING FACE} "]
)
@pytest.mark.parametrize("end", ["", "。", "|", ">>", "\N{THUMBS UP SIGN}", "」", "※", "~~"])
def test_a_line_goes_with_its_bullet_and_its_symbols(mark, end):
    line = f"{mark}为进一步做好今年冬季供暖工作,确保居民温暖过冬,现就有关事项通知如下,请各单位认真遵照执行,并及时反馈情况和意见{end}"
    found = find_duplicates([line, f"甲。\n{line}\n乙"])
    assert found.texts() == ["", f"甲。\n{line}\n乙"]
    assert "removable=1>" in repr(found)
    found = find_duplicates([f"{line}\n{'甲' * 90}", f"丙。\n{line}\n乙"])
    assert found.texts()[1] == "丙。\n乙"


@pytest.mark.parametrize("level", ["document", "passage"])
def test_the_first_that_is_given_stays(level):
    text, other = prose(random.Random(1), 90), prose(random.Random(2), 90)
    texts = [text, other, text + "甲", other, text]
    found = find_duplicates(texts, ids=["e", "d", "c", "b", "a"], level=level, keep="first")
    assert [len(t) > 9 for t in found.texts()] == [True, True, False, False, False]
    assert {r["keeper_id"] for r in found.clusters.to_pylist()} == {"e", "d"}


@pytest.mark.parametrize("level", ["document", "passage"])
def test_no_references_are_not_none_at_all(level):
    text = prose(random.Random(1), 90)
    found = find_duplicates([text, text, text + "甲"], level=level, against=[])
    assert found.pairs.num_rows == found.clusters.num_rows == 0
    assert found.texts() == [text, text, text + "甲"]


def test_what_is_removable_is_what_goes():
    passage = prose(random.Random(1), 60).strip("，。！")
    found = find_duplicates([f"甲乙{passage}丙丁", f"戊{passage}己庚辛壬癸"])  # inside sentences at both ends
    assert found.pairs.num_rows == 1
    assert found.texts()[0] == f"甲乙{passage}丙丁"
    assert f"removable={len(found.edits_for(0)) + len(found.edits_for(1))}>" in repr(found)


def test_removal_ends_at_sentences():
    rng = random.Random(8)
    shared = "".join(f"{''.join(rng.choice(WORDS) for _ in range(18))}。" for _ in range(4))
    a = f"{prose(rng, 300)}\n{shared}\n{prose(rng, 300)}"
    # b takes the passage from the middle of its first sentence on, and goes on in the middle of a sentence of its own.
    b = f"{''.join(rng.choice(WORDS) for _ in range(9))}{shared[5:]}“后文”自成一句。\n末段。"
    out = find_duplicates([a, b]).texts()
    assert out[0] == a
    assert out[1] == b[: b.index("。") + 1] + "“后文”自成一句。\n末段。"


def test_a_removed_line_takes_its_line_break():
    line = prose(random.Random(9), 80)
    assert find_duplicates([f"甲\n{line}\n{prose(random.Random(1), 200)}", f"乙\n{line}\n丙"]).texts()[1] == "乙\n丙"
    assert find_duplicates([f"甲\n{line}\n{prose(random.Random(1), 200)}", f"乙\n{line}"]).texts()[1] == "乙"


def test_passages_that_meet_are_one_edit():
    rng = random.Random(16)
    x, y = (prose(rng, n) + "。\n" for n in (60, 200))
    found = find_duplicates([prose(rng, 300) + "\n" + x, prose(rng, 300) + "\n" + y, "甲\n" + x + y + "乙"])
    assert [(e.start, e.end) for e in found.edits_for(2)] == [(2, 2 + len(x + y))]


def test_what_a_cut_takes_is_counted_as_passages_are():
    """㎡ is no letter to Python, but two of the fold: a passage of 40 kept characters goes, whatever they are made of."""
    line = "㎡".join("经济发展新区建设工作会议精神学习贯彻落实全面推进") + "。"
    assert len(kept(line)) >= 40 > sum(map(str.isalnum, line))
    assert find_duplicates(["甲\n" + line, "乙乙\n" + line]).texts() == ["甲", "乙乙\n" + line]


def test_what_is_left_of_a_cut_copy_is_still_a_keeper():
    rng = random.Random(10)
    x, y, z = (prose(rng, 200) + "\n" for _ in range(3))
    long, middle = prose(rng, 900) + "\n" + y, x + y + z  # middle loses y to long; of its copy x and z must still go
    texts = [long, middle + "甲", middle]
    assert find_duplicates(texts).texts() == [long, x + z + "甲", ""]


# ------------------------------------------------------------ orders and options


def test_of_a_passage_in_crowded_places_little_stays():
    rng = random.Random(15)
    line = prose(rng, 60)
    texts = ["\n".join(prose(rng, 50) + "\n" + line for _ in range(20)) for _ in range(30)]
    found = find_duplicates(texts)
    assert found.facts["hot_anchors"] > 0
    assert found.pairs.num_rows < 600 * 599 // 2 // 10
    # One would be best. A copy that shares a letter beside it with some others is theirs to keep.
    assert 1 <= sum(t.count(line) for t in found.texts()) < 10
    check(texts, found, 0.8)


@pytest.mark.parametrize("level", ["document", "passage"])
def test_shuffled_input_gives_the_same_tables(level):
    texts = corpus(11)
    ids = [f"p{i:03d}" for i in range(len(texts))]
    one = find_duplicates(texts, ids=ids, level=level, threshold=0.5)
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    other = find_duplicates([texts[i] for i in order], ids=[ids[i] for i in order], level=level, threshold=0.5)
    assert one.pairs.equals(other.pairs)
    assert one.clusters.equals(other.clusters)
    assert one.pairs.num_rows > 20
    straight = one.texts()
    assert [straight[i] for i in order] == other.texts()


@pytest.mark.parametrize("level", ["document", "passage"])
def test_against_reports_and_removes_only_what_a_reference_has(level):
    texts = corpus(12)
    mine, references = texts[:50], texts[50:]
    found = find_duplicates(mine, against=references, level=level, threshold=0.5)
    whole = find_duplicates(texts, level=level, threshold=0.5)
    cross = {(r["a"], r["b"] - 50) for r in whole.pairs.to_pylist() if r["a"] < 50 <= r["b"]}
    assert {(r["a"], r["b"]) for r in found.pairs.to_pylist()} == cross != set()
    for r in found.clusters.to_pylist():
        if not r["keeper"]:
            gone, copy = mine[r["id"]][r["start"] : r["end"]], references[r["keeper_id"]][r["keeper_start"] : r["keeper_end"]]
            assert jaccard(gone, copy) == r["similarity"] or kept(gone).text == kept(copy).text
    assert len(found.texts()) == 50


def test_keep_says_which_copy_stays():
    text = prose(random.Random(13), 200)
    texts = [text, text + "补记一句。", text]
    stay = {"longest": 1, "first": 0, (3, 2, 1): 2, (1, 1, 1): 0, ("2024-05-02", "2024-05-01", "2024-05-03"): 1}
    for keep, number in stay.items():
        out = find_duplicates(texts, level="document", keep=keep if isinstance(keep, str) else list(keep)).texts()
        assert [i for i, t in enumerate(out) if t] == [number]


def test_no_removal_through_a_chain():
    rng = random.Random(14)
    text = [c for c in prose(rng, 300) if c.isalnum()]
    chain = []
    for i in range(5):
        chain.append("".join(text))
        for j in range(i * 30, i * 30 + 30, 9):
            text[j] = rng.choice(WORDS)
    found = find_duplicates(chain, level="document", threshold=0.75, keep="first")
    neighbours = {(r["a"], r["b"]) for r in found.pairs.to_pylist()}
    assert (0, 4) not in neighbours
    check(chain, found, 0.75)
    assert sum(map(bool, found.texts())) > 1


def test_rethreshold_is_a_new_search_and_closest_calls_are_near():
    texts = [t for seed in range(3) for t in corpus(seed)]
    found = find_duplicates(texts, level="document", threshold=0.5)
    assert found.rethreshold(0.8).pairs.equals(find_duplicates(texts, level="document", threshold=0.8).pairs)
    assert found.rethreshold(0.8).clusters.equals(find_duplicates(texts, level="document", threshold=0.8).clusters)
    with pytest.raises(InputError, match="search again"):
        found.rethreshold(0.4)
    calls = found.rethreshold(0.8).closest_calls(7).to_pylist()
    distance = sorted(abs(r["similarity"] - 0.8) for r in found.closest_calls(10**6).to_pylist())
    assert sorted(abs(r["similarity"] - 0.8) for r in calls) == distance[:7]
    passages = find_duplicates(texts, threshold=0.5).rethreshold(0.9)
    assert set(passages.pairs["similarity"].to_pylist()) and min(passages.pairs["similarity"].to_pylist()) >= 0.9
    check(texts, passages, 0.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": "一条"}, "list"),
        ({"texts": ["甲", 5]}, r"texts\[1\]"),
        ({"texts": ["甲", "乙"], "ids": ["a"]}, "1 ids for 2"),
        ({"texts": {"a": "甲", "b": "乙"}}, r"give list\(d.values\(\)\), and their ids as list\(d\)"),
        ({"texts": pa.table({"id": ["a"], "text": ["甲"]})}, r"got a table of id, text: give the one that holds text"),
        ({"texts": ["甲"], "level": "paragraph"}, "Index.open"),
        ({"texts": ["甲"], "threshold": "0.8"}, "threshold='0.8'"),
        ({"texts": ["甲"], "threshold": None}, "threshold=None"),
        ({"texts": ["甲", "乙"], "ids": ["a", "a"]}, "'a' stands twice"),
        ({"texts": ["甲", "乙"], "ids": ["a", 1]}, "one order"),
        ({"texts": ["甲"], "threshold": 0}, "threshold"),
        ({"texts": ["甲"], "level": "page"}, "passage"),
        ({"texts": ["甲"], "unit": "byte"}, "script"),
        ({"texts": ["甲"], "fold": "wider"}, "wide"),
        ({"texts": ["甲"], "keep": "newest"}, "longest"),
        ({"texts": ["甲"], "keep": [1, 2]}, "2 values for 1"),
        ({"texts": ["甲"], "slots": 4, "threshold": 0.2, "level": "document"}, "more slots"),
    ],
)
def test_what_cannot_work_is_said(arguments, message):
    with pytest.raises(CleantextError, match=message):
        find_duplicates(arguments.pop("texts"), **arguments)


def test_calls_that_cannot_work_are_refused():
    found = find_duplicates(["甲" * 50] * 2)
    for call in (lambda: found.closest_calls(-1), lambda: found.rethreshold(1.5), lambda: found.edits_for("0")):
        with pytest.raises(InputError, match=r"expected|at most 1|are int, not str"):
            call()
    for options in ({"k": 0}, {"slots": 0}, {"scheme": "x"}):
        with pytest.raises(ConfigError):
            SketchSpec(**options)


def test_unknown_id_is_said():
    with pytest.raises(CleantextError, match="id"):
        find_duplicates(["甲"]).edits_for("x")


@pytest.mark.parametrize("level", ["document", "passage"])
@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["。", "。"], ["甲"]])
def test_nothing_to_find(level, texts):
    found = find_duplicates(texts, level=level)
    assert found.pairs.num_rows == found.clusters.num_rows == found.boilerplate.num_rows == 0
    assert found.texts() == texts
    assert found.closest_calls().num_rows == 0


# -------------------------------------------------------------------- real pages


def test_the_five_pages_with_copies_hidden_among_them():
    names = ["000", "001", "002", "003", "004"]
    texts = {n: next((ROOT / "seeds").glob(f"{n}_*.txt")).read_text("utf-8") for n in names}
    script = {}
    for line in (ROOT / "cleantext/data/opencc/STCharacters.txt").read_text("utf-8").splitlines():
        key, values = line.split("\t")[:2]
        script[key] = values.split()[0]
    texts["001-hant"] = "".join(script.get(c, c) for c in texts["001"])
    sentences = texts["004"].split("。")
    for i in (2, 9, 20):
        sentences[i] = sentences[i][:6] + "本网讯另据了解有关情况正在进一步核实之中" + sentences[i][14:]
    texts["004-repost"] = "。".join(sentences)
    paragraphs = [p for p in texts["002"].split("\n") if len(p) > 80][:2]
    lines = texts["003"].split("\n")
    texts["003"] = "\n".join([*lines[:10], *paragraphs, *lines[10:]])

    found = find_duplicates(list(texts.values()), ids=list(texts))
    pairs = [r for r in found.pairs.to_pylist() if r["a"] != r["b"]]
    for r in pairs:
        a, b = (texts[r[s]][r[f"{s}_start"] : r[f"{s}_end"]] for s in "ab")
        assert r["similarity"] == (1.0 if kept(a).text == kept(b).text else jaccard(a, b))
    by_pair = {(r["a"], r["b"]): r for r in pairs}
    assert set(by_pair) == {("001", "001-hant"), ("002", "003"), ("004", "004-repost")}
    hant = by_pair["001", "001-hant"]
    assert (hant["similarity"], hant["b_start"], hant["b_end"]) == (1.0, 0, len(texts["001-hant"]))
    moved = by_pair["002", "003"]
    assert kept(texts["003"][moved["b_start"] : moved["b_end"]]).text == kept("".join(paragraphs)).text
    assert 0.8 <= by_pair["004", "004-repost"]["similarity"] < 1
    out = dict(zip(texts, found.texts(), strict=True))
    assert out["003"] == "\n".join(lines)
    assert out["001-hant"] == ""
    assert out["001"] == texts["001"]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["laws", "moj"])
def test_bars_on_the_development_sets(name):
    sys.path.insert(0, str(SHARED / "tools"))
    import pyarrow.parquet as pq
    import score_dedup

    data = SHARED / "data" / "dedup"
    rows = score_dedup.read_jsonl(data / f"{name}.jsonl.zst")
    docs = score_dedup.Set(rows)
    truth = {t: [r for r in pq.read_table(data / f"{t}.parquet").to_pylist() if r["set"] == name] for t in ("pairs", "spans")}
    texts, ids = [r["text"] for r in rows], [r["id"] for r in rows]
    pairs = {(r["a"], r["b"]): r["jaccard"] for r in truth["pairs"]}
    for place, threshold in ((2, 0.8), (0, 0.5)):
        found = find_duplicates(texts, ids=ids, level="document", threshold=threshold).pairs.to_pylist()
        score = score_dedup.score_pairs(docs, pairs, found)
        assert score["at"][place]["precision"] == 1.0
        assert score["at"][place]["recall"] >= (0.99 if threshold == 0.8 else 0.98)
        assert score["similarity_error_max"] == 0
        assert not score["errors"]
    found = find_duplicates(texts, ids=ids).pairs.to_pylist()
    score = score_dedup.score_spans(docs, truth["spans"], found)
    assert score["char_recall"] >= 0.99
    assert score["char_precision_verified"] >= 0.98
    assert score["similarity_error_max"] == 0
    assert set(score["errors"]) <= {"same_document"}


@pytest.mark.shared
def test_verses_meet_across_scripts():
    sys.path.insert(0, str(SHARED / "tools"))
    import score_dedup

    rows = score_dedup.read_jsonl(SHARED / "data" / "dedup" / "cuv.jsonl.zst")
    near = {i for i, r in enumerate(rows) if jaccard(r["hant"], r["hans"]) >= 0.8}
    found = find_duplicates([r["hant"] for r in rows], against=[r["hans"] for r in rows], level="document").pairs.to_pylist()
    assert sum(r["a"] == r["b"] for r in found if r["a"] in near) >= 0.99 * len(near)


RIVER = "Река была широкая и спокойная, по берегам росли ивы, и ветер гнал по воде мелкую рябь."


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        ("Утро пришло рано. ", " Старик молчал.", "Утро пришло рано. Старик молчал."),
        ("Утро пришло рано.  ", "\tСтарик молчал.", "Утро пришло рано.  Старик молчал."),
        ("清晨。", " 老人没有说话。", "清晨。 老人没有说话。"),
        ("清晨。", "老人没有说话。", "清晨。老人没有说话。"),
        ("清晨。\n", " Старик молчал.", "清晨。\nСтарик молчал."),
        ("Утро пришло рано. ", "\nСтарик молчал.", "Утро пришло рано.\nСтарик молчал."),
    ],
)
def test_a_sentence_cut_out_of_a_line_leaves_the_blank_between_its_neighbours(before, after, left):
    texts = [f"Вечером приехал брат. {RIVER} Потом мы долго пили чай на веранде.", before + RIVER + after]
    assert find_duplicates(texts, keep="first").texts() == [texts[0], left]


def test_of_two_sentences_that_go_together_one_blank_stays():
    other = "Дорога поднималась всё выше и выше, и внизу открывалась долина с редкими белыми домами."
    texts = [f"Раз. {RIVER} Два.", f"Три. {other} Четыре.", f"Пять. {RIVER} {other} Шесть."]
    assert find_duplicates(texts, keep="first").texts()[2] == "Пять. Шесть."
