"""Normalisation: cases, and a slow definition to hold the fast one against."""

import re
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleantext.changes import code_points
from cleantext.normalize import Forms, Spaces, Width, normalize

spaces = sys.modules["cleantext.normalize"]  # the package has a function of this name
NBSP, WIDE = "\N{NO-BREAK SPACE}", "\N{IDEOGRAPHIC SPACE}"
ODD = NBSP + WIDE


def tidy(text):
    """Spaces, line by line, as one would say it."""
    lines = []
    for raw in re.sub("\r\n?|\N{LINE SEPARATOR}", "\n", text).split("\n"):
        line = raw.rstrip(" \t" + ODD)
        indent = re.match(f"[ \t{ODD}]*", line)[0]
        goes = re.search(f"[{ODD}]", indent) or line[len(indent) :][:1] in tuple("字Ａ１．：")
        lines.append(re.sub(f"[ \t]*[{ODD}][ \t{ODD}]*", " ", line[len(indent) if goes else 0 :]))
    text = re.sub("\n{3,}", "\n\n", "\n".join(lines))
    return re.sub("\n{2,}\\Z", "\n", re.sub("\\A\n+", "", text))


@given(st.text(" \t\n\r字a１．：\N{LINE SEPARATOR}" + ODD, max_size=14))
def test_spaces_are_as_defined(text):
    assert Spaces()(text) == tidy(text)


@given(st.text(" \t\n\r字a\N{LINE SEPARATOR}\U0001f600" + ODD, max_size=14))
@settings(deadline=None)
def test_both_forms_of_the_runs_of_spaces_agree(text):
    """The kernel, and what runs until it is compiled."""
    one, other = np.zeros((2, len(text) // 2 + 1, 3), np.int64)
    given_ = code_points(text), spaces._classes()
    assert spaces._space_runs_at_once(*given_, one) == spaces._space_runs.compiled(*given_, other)
    assert one.tolist() == other.tolist()


@given(st.text(max_size=30))
def test_forms_are_nfc(text):
    assert Forms()(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{WIDE}{WIDE}第一段。", "第一段。"),
        (f"{NBSP} 自治区党委", "自治区党委"),
        ("  def f():\n    return 1", "  def f():\n    return 1"),
        ("甲  乙", "甲  乙"),
        (f"2023-06-08{NBSP}{NBSP}来源", "2023-06-08 来源"),
        ("一\r\n二\r三\x85四", "一\n二\n三\n四"),
        ("一\n\n\n\n二\n\n\n", "一\n\n二\n"),
        ("标题 \n\t\n正文\t", "标题\n\n正文"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_spaces(text, expected):
    assert Spaces()(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("价格１２３．５元", "价格123.5元"),
        ("ＮＢＡ，ＣＢＡ", "NBA，CBA"),
        ("１０：３０开会：好", "10:30开会：好"),
        ("增长４５％，", "增长45%，"),
        ("（１）", "（1）"),
        ("１，０００元，１，２，３", "1,000元，1，2，3"),
        ("Ａ：选项", "A：选项"),
        ("①Ⅱ㎡℃…№", "①Ⅱ㎡℃…№"),
        ("，。！？：；", "，。！？：；"),
        ("ﾊﾝｶｸ", "ﾊﾝｶｸ"),
    ],
)
def test_width_leaves_chinese_punctuation_and_symbols(text, expected):
    assert Width()(text) == expected


def test_each_space_has_its_rule():
    edits = Spaces().edits(f"{WIDE}甲{NBSP}乙 \r\n\n\n\n丙")
    assert [e.rule for e in edits] == ["space.indent", "space.odd", "space.trailing", "space.break", "space.blank"]


def test_normalize_runs_them_in_order():
    assert normalize(f"{WIDE}cafe\N{COMBINING ACUTE ACCENT}１２") == "café12"
    assert normalize("１２", width="keep") == "１２"
