"""Tools for testing Transforms, including your own: Hypothesis strategies for Chinese web text, and `check_laws`.

Needs the ``test`` extra: ``pip install 'cleantext-zh[test]'``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise

from hypothesis import strategies as st

from cleantext.edits import Edit, apply, revert
from cleantext.html import read_html
from cleantext.transform import Block, Breaks, Law, Page, Transform

__all__ = ["broken", "check_laws", "check_page", "edited", "html_documents", "html_pages", "lines", "marks", "pages", "web_text"]

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

# Typical parts of Chinese pages, and characters that break programs.
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
SHOWS_NOTHING = st.sampled_from(
    "\u180e\u200b\u200c\u200d\u200e\u200f\u061c\u2066\u2069\ufeff\ufe0f\xad\x0b\x0c\x1b\x00\x80\x85\u2028\xa0\u3000\u115f\u3164"
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
    """Return texts like those of crawls: Han of both scripts, damage, chrome, unusual spaces, hidden and rare characters.

    >>> isinstance(web_text(max_size=2), st.SearchStrategy)
    True
    """
    piece = st.one_of(HAN, HAN, HAN, TRADITIONAL, MARKS, LATIN, SPACES, SPACES, HIDDEN, RARE, CHROME, DAMAGE, PROSE)
    return st.lists(piece, max_size=max_size).map("".join)


def marks(*, max_size: int = 8) -> st.SearchStrategy[str]:
    """Return runs of invisible characters between letters, both of scripts that need some of them and of scripts that need none.

    >>> isinstance(marks(max_size=2), st.SearchStrategy)
    True
    """
    shown = st.sampled_from([*"字a मسกᠠ👍æ\n ", "\x1b[0m", "\N{LATIN SMALL LETTER AE}\N{EN DASH}"])
    hidden = st.one_of(SHOWS_NOTHING, st.characters(categories=["Cf", "Zs", "Cc", "Zl", "Zp"]))
    return st.lists(st.one_of(hidden, hidden, shown), max_size=max_size).map("".join)


def lines(*, max_size: int = 8) -> st.SearchStrategy[str]:
    """Return pages of whole lines: prose, chrome and short lines.

    >>> isinstance(lines(max_size=2), st.SearchStrategy)
    True
    """
    return st.lists(st.one_of(PROSE, CHROME, web_text(max_size=6), st.just("")), max_size=max_size).map("\n".join)


def pages(text: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Page]:
    """Return pages of web text.

    >>> isinstance(pages(st.just("發展")), st.SearchStrategy)
    True
    """
    return st.builds(Page, text if text is not None else st.one_of(web_text(), lines()))


@st.composite
def html_pages(draw: st.DrawFn) -> Page:
    """Return pages with blocks of HTML that tile their text.

    >>> isinstance(html_pages(), st.SearchStrategy)
    True
    """
    text = draw(lines())
    cuts = sorted({0, len(text), *draw(st.sets(st.integers(0, len(text)), max_size=6))})
    tag = st.sampled_from(["p", "h1", "li", "div", "td"])
    words = st.sampled_from([(), ("share",), ("content",), ("nav",)])
    blocks = (Block(a, b, draw(tag), draw(words), draw(st.sampled_from([0.0, 0.9])), f"body/div[{a}]") for a, b in pairwise(cuts))
    return Page(text, html=tuple(blocks))


@st.composite
def html_documents(draw: st.DrawFn) -> Page:
    """Return pages read from typical HTML: navigation, a title, an article, sidebars, comments and a footer, in any order.

    >>> isinstance(html_documents(), st.SearchStrategy)
    True
    """
    word = st.sampled_from(["首页", "频道", "渡口", "书店", "發展", "更多", "第2页", "石青"])
    line = st.one_of(PROSE, PROSE, CHROME, web_text(max_size=4), word)
    links = st.lists(word, min_size=1, max_size=8).map(
        lambda names: "".join(f"<li><a href='/{n}'>{w}</a></li>" for n, w in enumerate(names))
    )
    text = st.lists(line, min_size=1, max_size=6).map(lambda parts: "".join(f"<p>{escape(part)}</p>" for part in parts))
    name = st.sampled_from(["", "nav", "content", "article", "related", "comment", "footer", "share"])
    heading = st.sampled_from(["", "<h1>渡口重开</h1>", "<h3>相关阅读</h3>", "<h2>發展</h2>"])
    part = st.builds(
        lambda name, heading, body: f"<div class='{name}'>{heading}{body}</div>",
        name,
        heading,
        st.one_of(text, text, links.map("<ul>{}</ul>".format)),
    )
    inner = draw(st.lists(part, max_size=6))
    outer = draw(st.lists(part, max_size=4))
    title = draw(st.sampled_from(["", "<title>渡口重开_某站</title>"]))
    return read_html(f"{title}<body>{''.join(outer[:2])}<div id='main'>{''.join(inner)}</div>{''.join(outer[2:])}</body>")


@st.composite
def edited(draw: st.DrawFn, text: str | None = None, *, rules: Sequence[str] = ("a.one", "a.two", "b.three")) -> tuple[str, list[Edit]]:
    """Return a text (a given one, or a drawn one) and edits that fit it.

    >>> isinstance(edited("發展"), st.SearchStrategy)
    True
    """
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


def _part(page: Page, start: int, end: int) -> Page:
    """Return a stretch of a page with its blocks."""
    cut = (b._replace(start=max(b.start, start) - start, end=min(b.end, end) - start) for b in page.html)
    return replace(page, text=page.text[start:end], html=tuple(b for b in cut if b.end > b.start))


def broken(transform: Transform, law: Law, given: str | Page) -> str | None:
    r"""Describe how a law is broken for a text or a page with HTML; return None if it holds. LINE_LOCAL is tried at every line feed.

    >>> from cleantext.normalize import Width
    >>> print(broken(Width(), Law.ONLY_DELETES, "Ａ级"))
    Width(): ONLY_DELETES (what comes out is a subsequence of what went in) is broken by 'Ａ级', which gives 'A级'
    """
    page = Page(given) if isinstance(given, str) else given
    [cleaned] = transform.fast([page])
    text, out = page.text, cleaned.text
    if law is Law.IDEMPOTENT:
        bad = transform.fast([cleaned])[0].text != out
    elif law is Law.LINE_LOCAL:
        breaks = [n for n, c in enumerate(text) if c == "\n"]
        halves = [transform.fast([_part(page, 0, n), _part(page, n + 1, len(text))]) for n in breaks]
        bad = any(before.text + "\n" + after.text != out for before, after in halves)
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


def check_laws(transform: Transform, given: str | Page) -> None:
    """Assert all promises of a Transform for one text or page with HTML: its laws, edits, fast path, and batches.

    Draw texts with `web_text` and `lines`::

        @given(web_text())
        def test_mine(text):
            check_laws(Mine(), text)

    Texts drawn so seldom contain what a Transform of yours changes: mix that into them. The counterexamples of laws that do not hold
    are checked too: each must break its law, and none may break a law that is declared to hold.

    >>> from cleantext.normalize import Width
    >>> check_laws(Width(), "１０月")
    """
    _check_counterexamples(transform)
    for law, holds in transform.laws.items():
        if not isinstance(holds, Breaks):
            problem = broken(transform, law, given)
            assert problem is None, problem
    check_page(transform, Page(given) if isinstance(given, str) else given)
    missing = [law.name for law in Law if law not in transform.laws]
    assert not missing, f"{transform} does not say whether these laws hold: {missing}"


_CHECKED: set[tuple[type[Transform], str]] = set()  # Transforms whose counterexamples were checked


def _check_counterexamples(transform: Transform) -> None:
    """Assert, once for each Transform, that its counterexamples break the laws that they stand for, and no law that is declared to hold.

    Laws are declared for a class. With other options than the defaults a counterexample may break nothing.
    """
    key = type(transform), repr(transform)
    if key in _CHECKED:
        return
    examples = [holds.example for holds in transform.laws.values() if isinstance(holds, Breaks)]
    for law, holds in transform.laws.items():
        if not isinstance(holds, Breaks):
            for example in examples:
                problem = broken(transform, law, example)
                assert problem is None, problem
        elif _has_defaults(transform):
            found = broken(transform, law, holds.example)
            assert found, f"{transform}: {law.name} holds for {holds.example!r}: declare that it HOLDS, or find a counterexample"
    _CHECKED.add(key)


def _has_defaults(transform: Transform) -> bool:
    try:
        return repr(type(transform)()) == repr(transform)
    except TypeError:  # an option without a default
        return True


def check_page(transform: Transform, page: Page) -> None:
    """Assert that edits, output, fast path and batch of a page agree, and that its blocks still tile it.

    >>> from cleantext.normalize import Width
    >>> check_page(Width(), Page("１０月"))
    """
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
