"""The fold: equal to its definition character by character, frozen, one to one where it says so."""

import json
import sys
import unicodedata
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from made import examples

from cleantext import fold
from cleantext.changes import Ragged, code_points
from cleantext.data import make_fold

SIMPLIFIED = make_fold.simplified()
frozen = pytest.mark.skipif(unicodedata.unidata_version != fold.UNICODE, reason="needs the Unicode version of the tables")

# Characters that NFKC joins, splits, reorders or drops, and plain ones between them.
PIECES = [
    *"中國国发發裏Aaé１５、。 \n㎡ﬁ㍿ǅİſßµ",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{COMBINING DIAERESIS}",
    "ﾊﾟ",
    "か\N{COMBINING KATAKANA-HIRAGANA VOICED SOUND MARK}",
]
PIECES += [
    "\u1112\u1161\u11ab",
    "\u1161",
    "\u11a8",
    "가\u11a8",
    "\ud800",
    "\ufffd",
    "=\u0338",
    "\u0344",
    "\u0f73",
    "\U0001d15e",
    "\ufe0f",
    "👍🏽",
    "\u0345",
]
messy = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)


def definition(text):
    """The data README's definition, word for word; lone surrogates count as U+FFFD."""
    normal = unicodedata.normalize("NFKC", "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text))
    return "".join(x for c in normal for x in SIMPLIFIED.get(c, c).lower() if x.isalnum())


@frozen
def test_tables_are_what_their_sources_give():
    stored = fold._stored()
    made = make_fold.tables()
    assert stored.keys() == made.keys()
    for name, table in made.items():
        assert np.array_equal(stored[name], table), name


@frozen
def test_every_character_alone():
    table = fold.kept_table()
    for cp in range(sys.maxunicode + 1):
        value = int(table[cp])
        found = fold.kept(chr(cp)).text if value >= fold.JOINS else chr(value) if value else ""
        assert found == definition(chr(cp)), hex(cp)


@frozen
@given(messy)
@settings(deadline=None, max_examples=examples(400))
def test_kept_is_its_definition(text):
    assert fold.kept(text).text == definition(text)


@frozen
@given(messy)
@settings(deadline=None, max_examples=examples(300))
def test_kept_points_come_from_where_it_says(text):
    kept = fold.kept(text)
    assert (np.diff(kept.start) >= 0).all() and (np.diff(kept.end) >= 0).all()
    for start, end in set(zip(kept.start.tolist(), kept.end.tolist(), strict=True)):
        assert 0 <= start < end <= len(text)
        group = "".join(chr(p) for p, s in zip(kept.points.tolist(), kept.start.tolist(), strict=True) if s == start)
        assert definition(text[start:end]) == group
        low, high = kept.inside(start, end)
        assert kept.span(low, high) == (start, end)


@given(st.lists(messy, max_size=6))
@settings(deadline=None)
def test_column_equals_one_by_one(texts):
    for column in (fold.kept_column(texts), fold.kept_column(Ragged.of(texts))):
        assert len(column) == len(texts)
        for i, text in enumerate(texts):
            alone, row = fold.kept(text), column[i]
            for name in ("points", "start", "end"):
                assert np.array_equal(getattr(alone, name), getattr(row, name)), (texts, i)


@pytest.mark.parametrize("name", fold.FOLDS)
def test_compiled_and_interpreted_say_the_same(monkeypatch, name):
    texts = [
        "裝修：１５㎡",
        "e\N{COMBINING ACUTE ACCENT}",
        "",
        "\N{COMBINING ACUTE ACCENT}藉",
        "㎡㎡e\u0301\u0301 x",
        "가\u11a8\ud800",
        "。",
    ]
    short = fold.kept_column(texts * 2, fold=name)
    for kernel in (fold._special, fold._keep):
        monkeypatch.setattr(kernel, "sized", lambda _, kernel=kernel: kernel.compiled)
    compiled = fold.kept_column(texts * 2, fold=name)
    for kernel in (fold._special, fold._keep):
        monkeypatch.setattr(kernel, "sized", lambda _, kernel=kernel: kernel.python)
    interpreted = fold.kept_column(texts * 2, fold=name)
    for column in (compiled, interpreted):
        for part in ("points", "start", "end", "offsets"):
            assert np.array_equal(getattr(column, part), getattr(short, part))
            assert getattr(column, part).dtype == getattr(short, part).dtype


def test_nothing_joins_to_the_text_before():
    column = fold.kept_column(["e", "\N{COMBINING ACUTE ACCENT}a", "", "\u11a8"])
    assert [column[i].text for i in range(4)] == ["e", "a", "", "\u11a8"]


def test_what_a_later_unicode_assigns_is_dropped_whatever_python_says(monkeypatch):
    # U+1CCD6, OUTLINED LATIN CAPITAL LETTER A, is "A" under NFKC from Unicode 16 on.
    later = SimpleNamespace(normalize=lambda form, text: unicodedata.normalize(form, text.replace("\U0001ccd6", "A")))
    monkeypatch.setattr(fold, "unicodedata", later)
    assert fold.kept("\U0001ccd6\N{COMBINING ACUTE ACCENT}b").text == "b"


@given(st.text(alphabet=st.characters(), max_size=30) | messy)
@settings(deadline=None, max_examples=examples(300))
def test_view_keeps_offsets_and_is_idempotent(text):
    seen = fold.view(text)
    assert len(seen) == len(text)
    assert fold.view(seen) == seen
    for before, after in zip(text, seen, strict=True):
        if before in "\n\t\r":
            assert after == before


def test_view_is_idempotent_on_every_code_point():
    table = fold.view_points(np.arange(sys.maxunicode + 1, dtype=np.uint32))
    assert np.array_equal(table[table], table)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("責任編輯：ＡＢＣ", "责任编辑:abc"),
        ("a\N{NO-BREAK SPACE}b\N{IDEOGRAPHIC SPACE}c\N{EN SPACE}d\te\n", "a b c d\te\n"),
        ("點擊查看“更多”…", "点击查看“更多”…"),
        ("\N{CJK COMPATIBILITY IDEOGRAPH-F900}⼀", "岂一"),  # Kangxi radical one
        ("", ""),
    ],
)
def test_view_of(text, seen):
    assert fold.view(text) == seen


@pytest.mark.parametrize("pair", ["藉借", "爲為", "裏裡", "里裡", "甦苏", "姪侄", "彷仿", "炼链", "覆复", "著着", "説說", "発發", "妳你"])
def test_closure_joins(pair):
    a, b = pair
    assert fold.view(a) == fold.view(b)
    assert fold.kept(a, fold="wide").text == fold.kept(b, fold="wide").text


@pytest.mark.parametrize("pair", ["芸艺", "弁辨", "已己", "未末", "人入", "日曰", "豫予"])
def test_closure_leaves_apart(pair):
    a, b = pair
    assert fold.view(a) != fold.view(b)


def test_wide_only_merges_what_basic_tells_apart():
    basic, wide = fold.kept_table("basic"), fold.kept_table("wide")
    merged = {}
    for a, b in zip(basic.tolist(), wide.tolist(), strict=True):
        assert merged.setdefault(a, b) == b
        assert (a in (0, fold.SLOW, fold.JOINS)) == (b in (0, fold.SLOW, fold.JOINS))


def test_unknown_fold_says_which_there_are():
    with pytest.raises(Exception, match="wide"):
        fold.kept("中", fold="wider")


def test_one_string_needs_no_numba():
    import subprocess

    code = "import sys; from cleantext.fold import kept, view; view('發'); kept('發e\\u0301'); print('numba' in sys.modules, 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["False", "False"]


@pytest.mark.shared
def test_against_the_scorer_and_verse_pairs():
    data = SHARED / "data" / "dedup"
    assert json.loads((data / "ts_chars.json").read_text("utf-8")) == make_fold.simplified()
    sys.path.insert(0, str(SHARED / "tools"))
    import score_dedup

    folder = score_dedup.Folder()
    rows = score_dedup.read_jsonl(data / "cuv.jsonl.zst")
    laws = [r["text"] for r in score_dedup.read_jsonl(data / "laws.jsonl.zst")[:80]]
    column = fold.kept_column(laws)
    for i, text in enumerate(laws):
        oracle = folder.fold(text)
        assert np.array_equal(oracle.chars, column[i].points)
        assert np.array_equal(oracle.start, column[i].start)
        assert np.array_equal(oracle.end, column[i].end)
    same = [sum(fold.kept(r["hant"], fold=f).text == fold.kept(r["hans"], fold=f).text for r in rows) for f in fold.FOLDS]
    assert same == [4950, 5000]
    assert all(len(code_points(r["hant"])) == len(fold.view(r["hant"])) for r in rows[:50])
