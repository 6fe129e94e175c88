"""Script: detection, conversion, the record of it, and what OpenCC says."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from made import examples

import cleantext.data
from cleantext.data import opencc_text
from cleantext.edits import Edit, apply, revert
from cleantext.errors import ConfigError
from cleantext.jit import _bound
from cleantext.pipeline import Pipeline
from cleantext.script import (
    ArabicForms,
    CompatibilityIdeographs,
    Homoglyphs,
    Quotes,
    Radicals,
    UnifyScript,
    Variants,
    detect_script,
    doubts,
    unify_script,
)
from cleantext.script import convert as convert_module
from cleantext.script import utf8 as utf8_module
from cleantext.script.ambiguity import choose, context
from cleantext.script.convert import Batch, converter
from cleantext.script.detect import HONG_KONG, TAIWAN, TRADITIONAL, class_table, counts_of
from cleantext.script.dictionaries import CONFIGURATIONS, OWN, Group, compiled, flat, pairs, replaced, rows_of
from cleantext.script.forms import Z_VARIANTS
from cleantext.script.segmentation import word_spans, words
from cleantext.script.unify import FORMS
from cleantext.testing import broken, check_laws, web_text
from cleantext.transform import Block, Page

CASES = json.loads((Path(__file__).parent / "cases" / "script.json").read_text("utf-8"))
GOLDEN = json.loads((Path(__file__).parent / "cases" / "opencc.json").read_text("utf-8"))


def convert(texts: list[str], configuration: str, **options) -> list[str]:
    return converter(configuration, **options).convert(Batch.of(texts), record=False).batch.texts()


# --- OpenCC as its sources define it, one step at a time -----------------------------------------

ARITY = {**dict.fromkeys(range(0x2FF0, 0x2FFE), 2), 0x2FF2: 3, 0x2FF3: 3, 0x2FFE: 1, 0x2FFF: 1}


def description_length(text: str, at: int) -> int:
    """Length of the complete ideographic description sequence at ``at`` (UTF8Util.cpp), 0 if there is none."""
    count = 0

    def consume(i: int, depth: int) -> int | None:
        nonlocal count
        if i >= len(text) or depth == 0 or count >= 64:
            return None
        count += 1
        end = i + 1
        for _ in range(ARITY.get(ord(text[i]), 0)):
            end = consume(end, depth - 1)
            if end is None:
                return None
        return end

    return (consume(at, 16) or at) - at if ord(text[at]) in ARITY else 0


@lru_cache
def dictionaries(group: Group) -> list[dict[str, str]]:
    return [{k: v for name in reversed(names) for k, v in pairs(name)} for names in group.tiers]


def longest_prefix(dictionary: dict[str, str], text: str, at: int) -> str | None:
    return next((text[at:end] for end in range(min(at + 20, len(text)), at, -1) if text[at:end] in dictionary), None)


def units(text: str, group: Group):
    """Yield (text, its replacement or None) over a text, as Conversion::Convert walks it."""
    at = 0
    while at < len(text):
        for dictionary in dictionaries(group):
            if key := longest_prefix(dictionary, text, at):
                yield key, dictionary[key]
                at += len(key)
                break
        else:
            width = description_length(text, at) or 1
            yield text[at : at + width], None
            at += width


def reference(text: str, configuration: str) -> str:
    stages, segment_by = CONFIGURATIONS[configuration]
    compat = Group((("CJK_Compatibility_Ideographs",),), 0, 0)
    text = "".join(key if value is None else value for key, value in units(text, compat))
    if segment_by is None and len(stages) == 1:
        segments = [text]
    else:
        segments, run = [], ""
        for key, value in units(text, segment_by or Group(stages[0].tiers[:1], 0, 0)):
            if value is None:
                run += key
            else:
                segments += [run, key]
                run = ""
        segments.append(run)
    for stage in stages:
        segments = ["".join(key if value is None else value for key, value in units(s, stage)) for s in segments]
    return "".join(segments)


WORDS = {
    c: sorted({k for g in (*CONFIGURATIONS[c].stages,) for names in g.tiers for n in names for k, _ in pairs(n)}) for c in CONFIGURATIONS
}
GLUE = ["，", "\n", " ", "⿰", "⿲", "⿾", "a", "の", "\uf900", "\ufe00", "著", "着", "麼", "乾", "〇", "\ud800", "𠮷", ""]


@st.composite
def mixes(draw, configuration=None):
    """A configuration, and a text that meets its dictionary."""
    configuration = configuration or draw(st.sampled_from(sorted(CONFIGURATIONS)))
    words = st.sampled_from(WORDS[configuration])
    cut = st.builds(lambda w, n: w[:n] if n > 0 else w, words, st.integers(0, 3))
    return configuration, "".join(draw(st.lists(st.one_of(words, cut, st.sampled_from(GLUE)), max_size=9)))


@settings(max_examples=examples(600), deadline=None)
@given(mixes())
def test_every_configuration_is_opencc_as_defined(mix):
    configuration, text = mix
    assert convert([text], configuration) == [reference(text, configuration)]


def test_golden_answers_of_the_official_wheel():
    texts = GOLDEN["texts"]
    for configuration, answers in GOLDEN["answers"].items():
        ours = convert(texts, configuration)
        assert [(t, a, o) for t, a, o in zip(texts, answers, ours, strict=True) if a != o] == [], configuration


@pytest.mark.skipif(
    "CLEANTEXT_ORACLE" not in os.environ, reason="CLEANTEXT_ORACLE names the Python of an environment with the OpenCC wheel"
)
def test_official_wheel_on_every_row_and_on_phrase_mixes():
    rng = random.Random(4)
    names = {n for c in CONFIGURATIONS.values() for g in c.stages for names in g.tiers for n in names}
    words = sorted({w for n in names for line in opencc_text(n).splitlines() for w in line.replace("\t", " ").split(" ")})
    glue = [g for g in GLUE if g != "\ud800"]
    texts = words + ["".join(rng.choice(words if rng.random() < 0.8 else glue) for _ in range(rng.randint(1, 8))) for _ in range(20_000)]
    script = "import sys, json, opencc; r = json.load(sys.stdin); json.dump({c: list(map(opencc.OpenCC(c).convert, r['t'])) for c in r['c']}, sys.stdout)"
    ask = json.dumps({"c": sorted(CONFIGURATIONS), "t": texts})
    told = json.loads(
        subprocess.run([os.environ["CLEANTEXT_ORACLE"], "-c", script], input=ask, capture_output=True, text=True, check=True).stdout
    )
    for configuration, answers in told.items():
        ours = convert(texts, configuration)
        assert [(t, a, o) for t, a, o in zip(texts, answers, ours, strict=True) if a != o] == [], configuration


@pytest.mark.shared
def test_official_cases():
    cases = json.loads((SHARED / "data" / "dedup" / "opencc_testcases.json").read_text("utf-8"))["cases"]
    checks = [(c["input"], configuration, fixed) for c in cases for configuration, fixed in c["expected"].items()]
    assert len(checks) == 543
    assert [(t, c, e) for t, c, e in checks if convert([t], c) != [e]] == []


def test_flat_dictionary_has_no_key_that_an_earlier_tier_cuts_short():
    assert flat([{"甲": ("乙", 1)}, {"甲丙": ("丁", 1), "丙": ("戊", 1)}]) == {"甲": ("乙", 1), "丙": ("戊", 1)}
    assert replaced(flat([{"甲": ("乙", 1)}, {"甲丙": ("丁", 1), "丙": ("戊", 1)}]), "甲丙") == "乙戊"


# --- corpus targets ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["label"])
def test_case(case):
    transform = UnifyScript()
    edits = transform.edits(case["original"])
    assert transform(case["original"]) == case["fixed"]
    assert apply(case["original"], edits) == case["fixed"]
    assert (not edits) == (case.get("expect") == "same")


def test_golden_spans():
    text = "憑藉隨著發展，⿰言兌\uf900"
    assert UnifyScript().edits(text) == (
        Edit(0, 2, "憑藉", "凭借", "script.phrase"),
        Edit(2, 4, "隨著", "随着", "script.zhe"),
        Edit(4, 5, "發", "发", "script.character"),
        Edit(10, 11, "\uf900", "岂", "script.character"),
    )
    assert UnifyScript().edits("說他看著書")[1:] == (Edit(3, 4, "著", "着", "script.zhe"), Edit(4, 5, "書", "书", "script.character"))
    assert UnifyScript(to="s2t").edits("\uf914") == (Edit(0, 1, "\uf914", "樂", "script.compatibility"),)
    assert UnifyScript(to="s2twp").edits("用鼠标里") == (
        Edit(1, 3, "鼠标", "滑鼠", "script.vocabulary"),
        Edit(3, 4, "里", "裡", "script.variant"),
    )
    assert UnifyScript(phrases=(("發展", "發達"),)).edits("說發展") == (
        Edit(0, 1, "說", "说", "script.character"),
        Edit(2, 3, "展", "達", "script.user"),
    )


def test_unequal_phrases_are_one_edit_each():
    edits = UnifyScript(to="s2twp").edits("打印机内存不足")
    assert Edit(3, 5, "内存", "記憶體", "script.vocabulary") in edits
    assert apply("打印机内存不足", edits) == unify_script("打印机内存不足", to="s2twp") == "印表機記憶體不足"


def test_keep_and_phrases_come_first_and_are_final():
    assert unify_script("這是發展，後來的憑藉", keep=["發展", "藉"]) == "这是發展，后来的凭藉"
    assert unify_script("軟體", phrases={"軟體": "软件"}, to="t2s") == "软件"
    assert unify_script("鼠标", to="s2twp", keep=["鼠标"]) == "鼠标"
    assert unify_script("說甲", phrases={"甲": "乙" * 100}) == "说" + "乙" * 100


def test_switches():
    assert unify_script("鞾", to="t2s") == "𫖇"
    assert UnifyScript(to="t2s", rare_glyphs=False)("鞾") == "鞾"
    assert UnifyScript(rare_glyphs=True)("說鞾") == "说𫖇"
    assert UnifyScript(to="t2s", zhe=True)("隨著") == "随着"
    assert UnifyScript(zhe=False)("隨著") == "随著"


@pytest.mark.parametrize(
    ("to", "text", "fixed"),
    [
        ("hant", "软件里的发展", "軟件裏的發展"),
        ("hant-tw", "软件里的发展", "軟件裡的發展"),
        ("hant-tw", "這裏說啓", "這裡說啟"),
        ("hant-hk", "说里面", "説裏面"),
        ("hant", "東京の发展", "東京の发展"),
        ("hant", "發展", "發展"),
        ("jp", "舊體", "旧体"),
    ],
)
def test_targets(to, text, fixed):
    assert unify_script(text, to=to) == fixed


def test_lines_of_a_mixed_page_go_each_their_own_way():
    text = "软件里的发展，经济\n這裏說啓，經濟發展\n说里面软件"
    transform = UnifyScript(to="hant-tw")
    assert transform(text) == "軟件裡的發展，經濟\n這裡說啟，經濟發展\n說裡面軟件"
    pages = [Page("這裏說啓"), Page(text), Page("说里面")]
    changes = transform.run(pages)
    assert [apply(p.text, changes.edits(n)) for n, p in enumerate(pages)] == [p.text for p in transform.fast(pages)]
    assert UnifyScript(to="hant-hk")("说里面的发展\n說衆經濟") == "説裏面的發展\n説眾經濟"
    # A phrase that grows moves what stands behind it: then only the lines of one script are converted.
    grows = UnifyScript(to="hant-tw", phrases=(("经济", "經濟學"),))
    assert grows(text) == "軟件裡的發展，經濟學\n這裏說啓，經濟發展\n說裡面軟件"
    assert apply(text, grows.edits(text)) == grows(text)


def test_mistakes_are_explained():
    with pytest.raises(ConfigError, match="did you mean 't2s'"):
        UnifyScript(to="t2ss")
    with pytest.raises(ConfigError, match="empty"):
        UnifyScript(phrases=(("甲", ""),))
    with pytest.raises(ConfigError, match="more than 4095"):
        UnifyScript(phrases=(("甲", "乙" * 4096),))
    with pytest.raises(ConfigError, match="list of words"):
        UnifyScript(keep="發展")
    with pytest.raises(ConfigError, match="no such folder"):
        UnifyScript(to="t2s", dictionary="/nowhere")("發")


# --- the laws of the record ----------------------------------------------------------------------

CHINESE = st.text(alphabet="這是發展說著隨顯名看後乾隆麼这发说后的，。《 \nのa\uf900⿰\ud800𠮷", max_size=40)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(CHINESE, max_size=5), st.sampled_from(["hans", "hant-tw", "t2s", "s2twp", "tw2sp", "hk2s"]))
def test_batch_is_one_by_one_and_fast_is_run(texts, to):
    transform = UnifyScript(to=to, keep=("發展",)) if to == "hk2s" else UnifyScript(to=to)
    pages = [Page(t) for t in texts]
    changes = transform.run(pages)
    fast = [p.text for p in transform.fast(pages)]
    assert fast == [transform(t) for t in texts] == [changes.apply(n, t) for n, t in enumerate(texts)]
    for n, text in enumerate(texts):
        edits = changes.edits(n)
        assert apply(text, edits) == fast[n]
        assert revert(fast[n], edits) == text
        assert {e.rule for e in edits} <= transform.rules.keys()
        assert all(e.before != e.after for e in edits)
    assert list(changes.touched) == [n for n, t in enumerate(texts) if t != fast[n]]


@settings(max_examples=examples(200), deadline=None)
@given(mixes())
def test_edits_of_every_configuration_apply_and_keep_non_han(mix):
    configuration, text = mix
    edits = UnifyScript(to=configuration).edits(text)
    out = apply(text, edits)
    assert out == unify_script(text, to=configuration)
    if not configuration.endswith("p") or configuration == "t2jp":
        assert len(out) == len(text)
        assert all(
            a == b
            for a, b in zip(text, out, strict=True)
            if not ("\u3400" <= a <= "\u9fff" or "\uf900" <= a <= "\ufaff" or a > "\U0001ffff" or a == "〇")
        )


@settings(max_examples=examples(100), deadline=None)
@given(mixes())
def test_python_and_compiled_kernels_agree(mix):
    configuration, text = mix
    compiled_edits = UnifyScript(to=configuration).edits(text)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("collect", "collect_units", "found", "freeze_descriptions", "convert"):
            patch.setattr(convert_module, name, Python(getattr(convert_module, name)))
        assert UnifyScript(to=configuration).edits(text) == compiled_edits


class Python:
    def __init__(self, kernel):
        self.kernel = kernel

    def sized(self, n):
        return self.kernel.python


def test_blocks_of_a_page_move_along():
    page = Page("内存\n鼠标", html=(Block(0, 3, "p"), Block(3, 5, "p")))
    out = UnifyScript(to="s2twp").fast([page])[0]
    assert (out.text, [(b.start, b.end) for b in out.blocks]) == ("記憶體\n滑鼠", [(0, 4), (4, 6)])


def test_column_is_one_by_one():
    pa = pytest.importorskip("pyarrow")
    texts = ["發展", None, "", "软件", "𠮷說\u0436é", "東京の發展", "說\n发展\n臺灣經濟", "a" * 30_000 + "說"]
    expected = [None if t is None else UnifyScript()(t) for t in texts]
    column = pa.array(texts)
    assert UnifyScript().arrow(column).to_pylist() == expected
    assert UnifyScript().arrow(column[3:6]).to_pylist() == expected[3:6]
    assert UnifyScript().arrow(pa.chunked_array([column[:2], column[2:]])).to_pylist() == expected
    assert UnifyScript(to="s2twp").arrow(pa.array(["内存", "鼠标"])).to_pylist() == ["記憶體", "滑鼠"]
    assert UnifyScript().arrow(pa.array([], pa.string())).to_pylist() == []


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(alphabet="發a é\n𠮷。内存鼠标\U0010ffff\x00", max_size=30)), max_size=12), st.integers(0, 3))
def test_column_in_small_pieces_interpreted_and_compiled(texts, skip):
    pa = pytest.importorskip("pyarrow")
    transform = UnifyScript(to="s2twp")  # 内存 -> 記憶體: the output outgrows its first room
    expected = [None if t is None else transform(t) for t in texts][skip:]
    column = pa.array(texts, pa.string())[skip:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utf8_module, "PIECE", 20)
        assert transform.arrow(column).to_pylist() == expected
        for name in ("decode", "encode"):
            patch.setattr(utf8_module, name, Python(getattr(utf8_module, name)))
        assert transform.arrow(column).to_pylist() == expected


def test_pieces_of_a_long_text_are_the_whole(monkeypatch):
    monkeypatch.setattr(convert_module, "PIECE", 1 << 16)
    line = "软件里的鼠标，打印机内存不足。"
    for text in (line * 10_000, (line + "\n") * 10_000, "\n" * 70_000 + line):
        assert unify_script(text, to="s2twp") == text.replace(line, unify_script(line, to="s2twp"))
    # A description that goes on behind the line break at which the text would be cut is one nevertheless.
    text = "说" * 199_998 + "⿰⿰说\n发发" + "说" * 250_000
    assert unify_script(text, to="s2t") == "說" * 199_998 + "⿰⿰说\n发發" + "說" * 250_000
    texts = [line, "", line * 3] * 3_000
    assert convert(texts, "s2twp") == [unify_script(t, to="s2twp") for t in texts[:3]] * 3_000
    pages = [Page(t) for t in texts]
    changes = UnifyScript(to="s2twp").run(pages)
    assert [changes.apply(n, t) for n, t in enumerate(texts)] == [p.text for p in UnifyScript(to="s2twp").fast(pages)]
    assert [apply(t, changes.edits(n)) for n, t in enumerate(texts[:3])] == [changes.apply(n, t) for n, t in enumerate(texts[:3])]


def test_description_that_a_stage_completes_is_skipped_by_the_next():
    assert unify_script("⿲奧福", to="tw2sp") == reference("⿲奧福", "tw2sp") == "⿲奧爾夫"
    assert unify_script("⿰⿲奧福東", to="tw2sp") == reference("⿰⿲奧福東", "tw2sp")


def test_lone_surrogates_and_nul_pass():
    assert unify_script("\ud800發\x00說\udfff") == "\ud800发\x00说\udfff"


TRANSFORMS = [
    UnifyScript(),
    Radicals(),
    CompatibilityIdeographs(),
    Variants(),
    Quotes(),
    Quotes(to="hant"),
    ArabicForms(),
    Homoglyphs(),
]
ODD = st.text(alphabet="\u2f1f\u2ee2\uf900靑敎“”‘’「」『』說的a\u0430\u0441Bb\ufefb\ufe8e\u06c7\u06a9\u0640\u0675 \nの", max_size=25)


@settings(max_examples=examples(150), deadline=None)
@given(st.one_of(web_text(), ODD))
@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: f"{t.id}-{getattr(t, 'to', '')}")
def test_laws(transform, text):
    check_laws(transform, text)
    assert {e.rule for e in transform.edits(text)} <= transform.rules.keys()


@pytest.mark.parametrize("transform", [t for t in TRANSFORMS if getattr(t, "to", "hans") == "hans"], ids=lambda t: t.id)
def test_broken_laws_are_broken_by_their_example(transform):
    assert [law for law, holds in transform.laws.items() if holds is not True and broken(transform, law, holds.example) is None] == []


def test_converted_text_has_no_traditional_evidence_left():
    classes = class_table().classes
    evidence = {chr(c) for c in np.flatnonzero(np.isin(classes, [TRADITIONAL, TAIWAN, HONG_KONG]))}
    rows = rows_of(CONFIGURATIONS["t2s"].stages[0], rare_glyphs=False, zhe=True)
    assert len(evidence) > 3000
    assert all(rows[c][0] != c for c in evidence)
    assert not evidence & {c for value, _ in rows.values() for c in value}


def test_second_conversion_differs_only_where_opencc_chains():
    singles = [k for k, _ in pairs("TSCharacters")]
    once = convert(singles, "t2s", rare_glyphs=False)
    assert {s for s, o, t in zip(singles, once, convert(once, "t2s", rare_glyphs=False), strict=True) if o != t} == CHAINED
    words = [k for k, _ in pairs("TSPhrases")]
    left = {c for out in convert(words, "t2s", rare_glyphs=False) for c in out if convert([c], "t2s", rare_glyphs=False) != [c]}
    assert left == KEPT_BY_PHRASES


CHAINED = set("薴")
KEPT_BY_PHRASES = set("乾剋劄吒徵扞於昇氾濛祕脩蒐薹袷計谿釐陞麽")


# --- other forms ---------------------------------------------------------------------------------


def test_radicals():
    assert Radicals()("\u2f1f地\u2ee2\u2ed3\u2e80") == "土地马长\u2e80"
    catalogue = "".join(map(chr, range(0x2F00, 0x2F30)))
    assert Radicals()(catalogue) == catalogue
    assert Radicals().edits("\u2f1f\u2f1f地") == (Edit(0, 2, "\u2f1f\u2f1f", "土土", "script.radical"),)


def test_compatibility_ideographs_leave_the_unified_ones_of_their_block():
    assert CompatibilityIdeographs()("\uf900\U0002f800") == "豈丽"
    assert (
        CompatibilityIdeographs()("\ufa0e\ufa0f\ufa11\ufa13\ufa14\ufa1f\ufa21\ufa23\ufa24\ufa27\ufa28\ufa29")
        == "\ufa0e\ufa0f\ufa11\ufa13\ufa14\ufa1f\ufa21\ufa23\ufa24\ufa27\ufa28\ufa29"
    )


def test_variants():
    assert Variants()("靑年敎育\n靑の敎") == "青年教育\n靑の敎"
    assert Variants()("說说内內户戶") == "說说内內户戶"
    values = {v for _, v in Z}
    assert not values & {k for k, _ in Z}
    standard = {c for name in ("STCharacters", "TSCharacters", "TWVariants", "HKVariants") for _, v in pairs(name) for c in v}
    assert not standard & {k for k, _ in Z}


Z = [tuple(pair) for pair in Z_VARIANTS.split()]


@pytest.mark.parametrize(
    ("to", "text", "fixed"),
    [
        ("hans", "「他『說』」", "“他‘說’”"),
        ("hans", "「開", "「開"),
        ("hans", "「甲「乙」丙」", "「甲「乙」丙」"),
        ("hans", "「abc」", "「abc」"),
        ("hans", "「東京の人」", "「東京の人」"),
        ("hant", "“说‘好’”", "「说『好』」"),
        ("hant", "it’s “好”", "it’s 「好」"),
        ("hant", "‘it’s 好’", "‘it’s 好’"),
    ],
)
def test_quotes(to, text, fixed):
    assert Quotes(to=to)(text) == fixed


def test_arabic_forms():
    uyghur = "\u0626\u06c7\u064a\u063a\u06c7\u0631\u0686\u06d5 \u0649\u064a\u06d5\u06be\u06d0"
    assert ArabicForms()(uyghur) == uyghur  # no vowel is folded
    assert ArabicForms()("\ufefb\ufdfa") == "\u0644\u0627\ufdfa"
    assert ArabicForms()("\u06c7\u06a9\u0640\u06a9") == "\u06c7\u0643\u0643"
    assert ArabicForms()("\u06a9\u062a\u0627\u0628") == "\u06a9\u062a\u0627\u0628"  # Persian
    assert ArabicForms()("\u0675\u062a") == "\u0674\u0627\u062a"


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("p\u0430ssw\u043erd", "password"),
        ("\u041fp\u0438\u0432\u0435\u0442", "\u041f\u0440\u0438\u0432\u0435\u0442"),
        ("USB\u0430", "USB\u0430"),
        ("a\u0430", "a\u0430"),
        ("\u0436abc", "\u0436abc"),
        ("\u043f\u0440\u0438\u0432\u0435\u0442 hello", "\u043f\u0440\u0438\u0432\u0435\u0442 hello"),
    ],
)
def test_homoglyphs(text, fixed):
    assert Homoglyphs()(text) == fixed


# --- detection -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("台湾的经济发展", "hans"),
        ("經濟發展", "hant"),
        ("這裡的麵包", "hant-tw"),
        ("説出衞生", "hant-hk"),
        ("東京の發展", "jp"),
        ("대한민국 大韓民國", "ko"),
        ("經濟發展和经济发展", "mixed"),
        ("人民", "hani"),
        ("乾隆", "hani"),
        ("hello", "none"),
        ("", "none"),
    ],
)
def test_detect(text, name):
    assert detect_script(text).name == name


def test_detection_counts_are_those_of_the_batch():
    text = "經濟發展和经济发展の한著着" * 200
    script = detect_script(text)
    batch = Batch.of([text])
    counts = counts_of(batch.points, batch.start[:-1], batch.start[1:])
    assert counts.tolist() == [[script.han, script.traditional, script.simplified, script.kana, script.hangul, 200, 200]]
    assert (script.traditional, script.simplified, script.kana, script.hangul) == (600, 600, 200, 200)


# --- dictionaries and their cache ----------------------------------------------------------------


def test_other_dictionaries(tmp_path):
    assert unify_script("擡頭", to="t2s", dictionary="opencc-python-reimplemented") != ""
    (tmp_path / "TSCharacters.txt").write_text("甲\t乙 丙\n", "utf-8")
    assert unify_script("甲發", to="t2s", dictionary=str(tmp_path)) == "乙發"
    with pytest.raises(ConfigError, match="STCharacters"):
        unify_script("甲", to="s2t", dictionary=str(tmp_path))


def test_reimplemented_dictionary_is_the_one_of_the_package():
    rows = dict(pairs("TSCharacters", source="opencc-python-reimplemented"))
    assert len(rows) > 4000
    assert rows != dict(pairs("TSCharacters"))


@pytest.fixture
def cold(monkeypatch, tmp_path):
    """An empty cache folder, and nothing in memory."""
    monkeypatch.setenv("CLEANTEXT_CACHE", str(tmp_path / "cache"))
    compiled.cache_clear()
    yield tmp_path / "cache"
    compiled.cache_clear()


def test_compiled_tables_are_kept_and_found_again(cold, monkeypatch):
    stage = CONFIGURATIONS["tw2s"].stages[0]
    first = compiled(stage)
    assert len(list(cold.glob("*.npz"))) == 1
    compiled.cache_clear()
    monkeypatch.setattr("cleantext.script.dictionaries.compile_table", lambda *a, **k: pytest.fail("compiled again"))
    assert all(np.array_equal(a, b) for a, b in zip(first, compiled(stage), strict=True))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 broken", b"not a zip file at all"])
def test_broken_cache_files_are_built_anew(cold, damage):
    stage = CONFIGURATIONS["tw2t"].stages[0]
    first = compiled(stage)
    for file in cold.glob("*.npz"):
        file.write_bytes(damage)
    compiled.cache_clear()
    assert all(np.array_equal(a, b) for a, b in zip(first, compiled(stage), strict=True))


def test_no_cache_folder_costs_time_only(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setenv("CLEANTEXT_CACHE", str(tmp_path / "file" / "cache"))
    compiled.cache_clear()
    assert unify_script("裡", to="tw2t") == "裏"
    compiled.cache_clear()


def test_processes_that_start_at_once_share_a_cold_cache(tmp_path):
    code = "from cleantext.script import unify_script as u; print(ascii(u('软件里', to='s2tw')))"
    env = {**os.environ, "CLEANTEXT_CACHE": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1])}
    started = [subprocess.Popen([sys.executable, "-W", "error", "-c", code], env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [p.communicate()[0].strip() for p in started] == [ascii("軟件裡")] * 3
    assert not list(tmp_path.glob("*.tmp"))


def test_one_short_string_never_imports_numba(tmp_path):
    code = "import sys; from cleantext.script import unify_script as u; u('隨著發展'); sys.exit('numba' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code], env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}, check=False
        ).returncode
        == 0
    )


def test_rows_of_the_zhe_rule_change_nothing_but_zhe():
    ts = CONFIGURATIONS["t2s"].stages[0]
    plain, ruled = rows_of(ts, rare_glyphs=False), rows_of(ts, rare_glyphs=False, zhe=True)
    assert all(ruled[k] == v for k, v in plain.items())
    assert all(
        v.replace("着", "著") == replaced(plain, k).replace("着", "著") for k, (v, _) in ruled.items() if k not in plain and k not in OWN
    )
    assert cleantext.data.BUNDLED == "bundled"


# --- Characters with several forms -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("电话是在那一年被发明的", "電話是在那一年被發明的"),
        ("他们学习了如何修船", "他們學習了如何修船"),
        ("许多工厂参与制造这种泵", "許多工廠參與製造這種泵"),
        ("城堡的士兵", "城堡的士兵"),
        ("少数组织改变量子比特", "少數組織改變量子比特"),
        ("鲁迅著小说集，被发现", "魯迅著小說集，被發現"),
        ("头发很长，发现问题；皇后在后面，三只羊只吃草", "頭髮很長，發現問題；皇后在後面，三隻羊只吃草"),
    ],
)
def test_neighbours_and_words_decide_between_forms(text, fixed):
    assert unify_script(text, to="hant") == fixed


def test_targets_write_the_forms_of_their_region():
    text = "为了群众的台湾里程，这里床边的峰会"
    assert unify_script(text, to="hant") == "為了群眾的台灣里程，這裏床邊的峰會"
    assert unify_script(text, to="hant-tw") == "為了群眾的台灣里程，這裡床邊的峰會"
    assert unify_script(text, to="s2t").startswith("爲了羣衆的臺灣")  # OpenCC's


def test_forms_of_the_context_are_edits_of_its_rule_and_stop_at_protected_words():
    assert UnifyScript(to="hant").edits("它是被发明的") == (Edit(3, 4, "发", "發", "script.context"),)
    assert unify_script("它是被发明的", to="hant", keep=["被发"]) == "它是被发明的"


@given(st.lists(st.text(alphabet="被发明了如何参与制造只里后面干系，\n台松树a1𠮷", max_size=12), min_size=1, max_size=4))
@settings(max_examples=examples(30))
def test_context_in_numpy_is_the_kernel_and_sees_one_text_only(texts):
    batch = Batch.of(texts)
    found = []
    for run in (choose.python, _bound(choose.function, "python")):
        out, tags = batch.points.copy(), np.zeros(len(batch.points), np.uint8)
        doubt, rival = np.zeros((2, len(batch.points) + 1), np.int32)
        n = run(batch.points, batch.start[:-1], batch.start[1:], np.zeros(0, np.uint8), context(FORMS["hant"]), out, tags, doubt, rival)
        found.append((out.tolist(), tags.tolist(), doubt[:n].tolist(), rival[:n].tolist()))
    assert found[0] == found[1]
    assert convert(texts, "s2t", forms=FORMS["hant"]) == [convert([text], "s2t", forms=FORMS["hant"])[0] for text in texts]


def test_word_around_a_place():
    points = Batch.of(["电话被发明的，理发"]).points
    starts, ends = np.zeros((2, 2), np.int64)
    word_spans(points, np.array([3, 8], np.int32), np.array([0]), np.array([9]), words(), starts, ends)
    assert [(a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)] == [(3, 5), (7, 9)]


# --- Lines of both scripts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "text", "fixed"),
    [
        ("hans", "這個问题很重要,我们要討論一下这個發展的方向", "这个问题很重要,我们要讨论一下这个发展的方向"),
        ("hant", "這個问题很重要,我们要討論一下这個發展的方向", "這個問題很重要,我們要討論一下這個發展的方向"),
        ("hant-tw", "皇后說这里的頭髮,我们還没说", "皇后說這裡的頭髮,我們還沒說"),
        (
            "hans",
            "报道引述台湾学者的话说：「這個問題還沒有結論」，但我们认为时间会给出回答。",
            "报道引述台湾学者的话说：「这个问题还没有结论」，但我们认为时间会给出回答。",
        ),
        ("hans", "我们对於这些问题还不够瞭解", "我们对于这些问题还不够了解"),
        ("hans", "君子終日乾乾，乾為天，衣服乾了", "君子终日乾乾，乾为天，衣服干了"),
    ],
)
def test_spans_of_a_line_of_both_scripts(to, text, fixed):
    assert unify_script(text, to=to) == fixed
    assert unify_script(fixed, to=to) == fixed


@pytest.mark.parametrize(
    "text",
    [
        "头发（頭髮）和发展（發展）", "发展/發展、经济/經濟", "说說 話话", "“发”的繁体是“發”，“们”是“們”", "汉字简化：樂→乐、觀→观", "樊於期为将，荣氏之子榮新江讲课",
        "項鍊（项链）、電覆／电复", "銀鍊 银链，簡單明瞭 简单明了", "国際連合総会決議", "経済発展途上国の問題",
    ],
)  # fmt: skip
@pytest.mark.parametrize("to", ["hans", "hant"])
def test_lines_that_show_both_forms_and_japanese_stay(to, text):
    assert unify_script(f"{text}\n", to=to) == f"{text}\n" or (to == "hant" and "於" in text)


# --- Alternatives, and words of the user's own ---------------------------------------------------------


def test_choices_are_told_with_what_else_there_was_the_least_sure_first():
    found = doubts("它是被发明的，后面有三只羊", to="hant")
    assert [d.margin for d in found] == sorted(d.margin for d in found)
    assert {(d.start, d.before, d.after) for d in found} >= {(3, "发", "發"), (7, "后", "後"), (11, "只", "隻")}
    assert next(d for d in found if d.before == "发").alternatives == "髮"
    assert all(d.after not in d.alternatives for d in found)
    assert doubts("它是被發明的", to="hant") == doubts("它是被發明的", to="hans") == []


@pytest.mark.parametrize(("name", "fixed"), [("own.txt", "用软体甲做發展"), ("own.tsv", "用软体甲 乙做發展")])
def test_a_file_of_words_comes_before_all_dictionaries(tmp_path, name, fixed):
    file = tmp_path / name
    file.write_text("# a comment\n\n软件\t软体甲 乙\n", "utf-8")
    assert unify_script("用软件做发展", to="hant", dictionary=str(file)) == fixed
    assert unify_script("用软件做发展", to="s2t", dictionary=str(file)) == fixed
    file.write_text("软件\t软体丙\n软件\t丁\n", "utf-8")
    os.utime(file, ns=(1, 1))
    assert unify_script("软件", to="s2t", dictionary=str(file)) == "软体丙"  # the file as it is now; of two rows the first


@pytest.mark.parametrize("row", ["软件", "\t软体", "软件\t", "软件 软体"])
def test_a_bad_row_is_named(tmp_path, row):
    (tmp_path / "own.txt").write_text(f"甲\t乙\n{row}\n", "utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        unify_script("软件", to="s2t", dictionary=str(tmp_path / "own.txt"))


def test_edits_and_explanations_tell_the_alternatives_of_doubts():
    """What `doubts` says of places that change, edits say of the least sure one of each: one record in three views."""
    text = "它是被发明的，后面有三只羊；头发里发现的干系不干净，皇后说他们在发展、表里如一，几个只松了松口。\n" * 3
    told = {d.start: d for d in doubts(text, to="hant") if d.before != d.after}
    changes = UnifyScript("hant").run([Page(""), Page(text)])
    edits, choices = changes.edits(1), changes.choices(1)
    assert changes.choices(0) == ()
    by_span = {(c.start, c.end): c for c in choices}
    for edit in edits:
        inside = sorted(told[i].margin for i in range(edit.start, edit.end) if i in told)
        assert ((edit.start, edit.end) in by_span) == bool(inside)
        if inside:
            choice = by_span[edit.start, edit.end]
            least = next(told[i] for i in range(edit.start, edit.end) if i in told and told[i].margin == inside[0])
            place = least.start - edit.start
            assert (choice.margin, choice.after) == (inside[0], edit.after)
            assert choice.alternatives == tuple(edit.after[:place] + c + edit.after[place + 1 :] for c in least.alternatives)
    table = changes.columns.arrow()
    held = [row for row in table.to_pylist() if row["margin"] is not None]
    assert [(r["start"], tuple(r["alternatives"]), r["margin"]) for r in held] == [(c.start, c.alternatives, c.margin) for c in choices]
    assert all(row["alternatives"] == [] for row in table.to_pylist() if row["margin"] is None)
    explained = Pipeline((UnifyScript("hant"),)).explain(Page(text))
    assert sorted(explained.choices) == sorted(choices)
    assert [c.margin for c in explained.choices] == sorted(c.margin for c in choices)


def test_words_of_the_user_have_no_alternatives_and_move_those_behind_them():
    """A phrase of another length stands before; a protected word is not in doubt, on any of the ways."""
    text = "软件是被发明的，头发白了"
    found = doubts(text, to="hant", phrases={"软件": "电脑软体甲"}, keep=["头发"])
    assert [(d.start, d.before) for d in found if d.before == "发"] == [(4, "发")]
    changes = UnifyScript("hant", phrases=(("软件", "电脑软体甲"),), keep=("头发",)).run([Page("头"), Page(text)])
    assert [(c.start, c.after, c.alternatives) for c in changes.choices(1)] == [(4, "發", ("髮",))]


@given(st.lists(st.text("这只后发干里面头发松、，\n", max_size=12), max_size=6), st.sampled_from(["hant", "hant-tw"]))
def test_choices_of_a_batch_are_those_of_its_pages(texts, to):
    transform = UnifyScript(to, phrases=(("后面", "後邊兒"),))
    together = transform.run([Page(text) for text in texts])
    assert [together.choices(n) for n in range(len(texts))] == [transform.run([Page(text)]).choices(0) for text in texts]
    for n in range(len(texts)):
        kept = {edit[:2]: edit for edit in together.edits(n)}
        for choice in together.choices(n):
            assert kept[choice[:2]].after == choice.after not in choice.alternatives
