"""For tests of Transforms, yours too: Hypothesis strategies for Chinese web text, and `check_laws`.

Needs the ``test`` extra: ``pip install 'cleantext-zh[test]'``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st

from cleantext.edits import Edit, apply, revert
from cleantext.transform import Block, Breaks, Law, Page, Transform

__all__ = ["broken", "check_laws", "check_page", "edited", "html_pages", "lines", "pages", "web_text"]

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

# What Chinese pages are made of, and what breaks programs that read them.
HAN = st.sampled_from("发展新疆經濟區設關於這個裡麵著乾後里面着干後喀什霍尔果斯口岸一二三的是了在")
TRADITIONAL = st.sampled_from(["發展", "經濟帶", "核心區", "隨著", "顯著", "乾淨", "皇后", "後來", "頭髮", "憑藉", "裡面", "臺灣"])
MARKS = st.sampled_from("，。、；：？！“”‘’（）《》【】…—·,.;:?!()[]'\"-/|>")
LATIN = st.sampled_from("abcXYZ019ＡＢｃ１２éñü")
SPACES = st.sampled_from([" ", "\t", "\n", "\n\n", "\r\n", "\r", "\N{NO-BREAK SPACE}", "\N{IDEOGRAPHIC SPACE}", "\N{LINE SEPARATOR}"])
HIDDEN = st.sampled_from("\ufeff\u200b\u200c\u200d\u00ad\u2060\u202a\u202c\x00\x07\x1b\x85\ufe0f\U000e0100")
RARE = st.sampled_from("\U00020000\ue000\ufffd\uf900\u2f00㎡①Ⅱ\u3164ﾞか\u304b\u3099가\u1100\u1161👨‍👩‍👧⿰言兌")
CHROME = st.sampled_from(
    [
        "发布时间:2023-10-24 来源:石榴云 作者:陈蔷薇",
        "文字放大 文字缩小",
        "分享到：",
        "责任编辑：某某",
        "首页 > 正文",
        "掃一掃分享本頁",
        "新ICP备11000096号",
        "版权所有",
        "(原标题:口岸)",
        "W020231024331736256423_800",
        "2017年10月13日",
        "附件:",
    ]
)
DAMAGE = st.sampled_from(
    [
        "發(fā)",
        "區(qū)",
        "設(shè)",
        "經(jīng)",
        "&nbsp;",
        "&#x4E2D;",
        ":copyright:",
        "std::a::b",
        "æ–°ç–†",
        "ÐÂ½®",
        "锟斤拷",
        "?！弊",
        "cafÃ©",
    ]
)
PROSE = st.sampled_from(
    [
        "今年三月,喀什古城的杏花开了,游客比往年多了一倍。",
        "口岸是連接兩國間的重要窗口。推動口岸建設需要雙方同頻共振。",
        "新疆充分发挥全区口岸优势，加快口岸现代化建设，不断推动口岸扩能提质。",
    ]
)


def web_text(*, max_size: int = 40) -> st.SearchStrategy[str]:
    """Return texts as crawls hold them: Han of both scripts, damage, chrome, odd spaces, hidden and rare characters."""
    piece = st.one_of(HAN, HAN, HAN, TRADITIONAL, MARKS, LATIN, SPACES, SPACES, HIDDEN, RARE, CHROME, DAMAGE, PROSE)
    return st.lists(piece, max_size=max_size).map("".join)


def lines(*, max_size: int = 8) -> st.SearchStrategy[str]:
    """Return pages of whole lines: prose, chrome and short lines."""
    return st.lists(st.one_of(PROSE, CHROME, web_text(max_size=6), st.just("")), max_size=max_size).map("\n".join)


def pages(text: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Page]:
    """Return pages of web text."""
    return st.builds(Page, text if text is not None else st.one_of(web_text(), lines()))


@st.composite
def html_pages(draw: st.DrawFn) -> Page:
    """Return pages with blocks of HTML that tile their text."""
    text = draw(lines())
    cuts = sorted({0, len(text), *draw(st.sets(st.integers(0, len(text)), max_size=6))})
    tag = st.sampled_from(["p", "h1", "li", "div", "td"])
    words = st.sampled_from([(), ("share",), ("content",), ("nav",)])
    blocks = (Block(a, b, draw(tag), draw(words), draw(st.sampled_from([0.0, 0.9])), f"body/div[{a}]") for a, b in pairwise(cuts))
    return Page(text, html=tuple(blocks))


@st.composite
def edited(draw: st.DrawFn, text: str | None = None, *, rules: Sequence[str] = ("a.one", "a.two", "b.three")) -> tuple[str, list[Edit]]:
    """Return a text (a given one, or a drawn one) and edits that fit it."""
    if text is None:
        text = draw(web_text(max_size=12))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=10)))
    edits = [
        Edit(a, b, text[a:b], draw(st.text("甲乙xy", max_size=3)), draw(st.sampled_from(rules)))
        for a, b in pairwise(cuts)
        if draw(st.booleans())
    ]
    return text, edits


def _is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(c in rest for c in short)


def broken(transform: Transform, law: Law, text: str) -> str | None:
    """Say how a law is broken on a text; None where it holds there. LINE_LOCAL is tried at every line feed."""
    out = transform(text)
    if law is Law.IDEMPOTENT:
        bad = transform(out) != out
    elif law is Law.LINE_LOCAL:
        parts = text.split("\n")
        bad = any(transform("\n".join(parts[:n])) + "\n" + transform("\n".join(parts[n:])) != out for n in range(1, len(parts)))
    elif law is Law.KEEPS_HAN:
        bad = _HAN.findall(out) != _HAN.findall(text)
    elif law is Law.KEEPS_LENGTH:
        bad = len(out) != len(text)
    elif law is Law.NEVER_GROWS:
        bad = len(out) > len(text)
    elif law is Law.KEEPS_LINES:
        bad = out.count("\n") != text.count("\n")
    else:
        bad = not _is_subsequence(out, text)
    return f"{transform}: {law.name} ({law.value}) is broken by {text!r}, which gives {out!r}" if bad else None


def check_laws(transform: Transform, text: str) -> None:
    """Assert on one text what a Transform promises: its laws, its edits, its fast path, its batches.

    Draw texts with `web_text` and `lines`::

        @given(web_text())
        def test_mine(text):
            check_laws(Mine(), text)
    """
    for law, holds in transform.laws.items():
        if not isinstance(holds, Breaks):
            problem = broken(transform, law, text)
            assert problem is None, problem
    check_page(transform, Page(text))
    missing = [law.name for law in Law if law not in transform.laws]
    assert not missing, f"{transform} does not say whether these laws hold: {missing}"


def check_page(transform: Transform, page: Page) -> None:
    """Assert that edits, output, fast path and batch of a page agree, and that its blocks still tile it."""
    changes = transform.run([page])
    edits = changes.edits(0)
    out = apply(page.text, edits)
    assert changes.apply(0, page.text) == out, f"{transform}: the texts that run() gave are not the applied edits of {page.text!r}"
    assert changes.columns.rows(0) == edits, f"{transform}: rows and columns differ on {page.text!r}"
    assert revert(out, edits) == page.text
    [fast] = transform.fast([page])
    assert fast.text == out, f"{transform}: fast() gives {fast.text!r}, the edits give {out!r}"
    at = 0
    for block in fast.blocks:
        assert block.start == at
        at = block.end
    assert at == len(fast.text), f"{transform}: blocks of {page.text!r} end at {at} of {len(fast.text)}"
    other = Page("發展\n\n隨著(fā)")
    both = transform.run([other, page, other])
    assert both.edits(1) == edits, f"{transform}: a batch gives other edits than the page alone: {page.text!r}"
    unnamed = {rule for e in edits for rule in e.rules} - set(transform.rules) if transform.rules else set()
    assert not unnamed, f"{transform}: rules {unnamed} are not declared in its `rules`"
