"""HTML evidence: which lines of a document are its main text.

The choice follows Readability and GNE (text and punctuation density), with three changes for Chinese: characters are counted instead of
words, CJK marks instead of commas, and class names are split into words and count only with a second reason.

1. The weight of a line is its number of characters outside links, a third of that if it has no punctuation at all.
2. From the body of the document down: as long as one child holds most of the weight, go there. The last element
is the root, the smallest element that holds the main text (`cleantext.chrome.main_text.element_tree`).
3. The title is before it. A lead between title and root is added; siblings of the root and of its ancestors
are added if they are paragraphs, have the same form (the posts of a forum) or much text of their own.
4. Inside the root, lists of links are removed, and elements that are chrome by name and form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from cleantext.chrome.main_text.dropping import edits_of, without
from cleantext.chrome.main_text.element_tree import (
    ALL_LINKED,
    ANSWER,
    ATTACHED,
    FOOT,
    GOOD,
    KEPT,
    PARAGRAPH,
    PLACE,
    PROSE,
    SHORT,
    SIGNED,
    Node,
    Tree,
    is_heading,
    plain,
)
from cleantext.chrome.main_text.headlines import find_title, second_title, unnamed_title
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import Pack
from cleantext.edits import Edit
from cleantext.fold import view
from cleantext.transform import HOLDS, Block, Breaks, Law, Page, PageTransform, Safety, register

__all__ = ["Main", "MainContent", "main_blocks", "main_by_rules"]

LEAST_TEXT = 40  # characters of weight; a page with less has no recognizable main text
LEAST_NAMED = 20  # the same if the element is named as an article: verse has no punctuation, and weighs a third
LITTLE = 0.3  # share of the page's weight above which nothing inside the main text is removed
LINKED = 0.6  # link density from which several lines are a list of links
DRAWN = "-=_*~—─"
DRAWN_LINE = re.compile(r"[-=_*~—─]{10,}")  # between posts, or above a signature
COUNTER = re.compile(r"(\d{1,3}) ?/ ?(\d{1,3})")
MANY = 20  # links of one form that may be a list
SOME_LINKS = 0.5  # link density from which a line is not plain text
REFERENCES = re.compile(
    r"(?:参考|參考|引用)(?:资料|資料|文献|文獻|链接|連結|来源|书目|書目)|注释|註釋|references|notes|bibliography|further reading",
    re.IGNORECASE,
)
FEW = 3  # sentences; a root with fewer may not be text at all
DECIDED = frozenset(("html_main", "html_list_page", "html_no_main"))


class Main(NamedTuple):
    """The choice for one page."""

    roles: tuple[str, ...]  # for each block "main", "title", or the id of the rule against it
    root: str  # path of the element chosen, empty if there was none to choose
    flags: tuple[str, ...]
    expected: Mapping[str, float] = {}  # see `cleantext.chrome.lines.confidence`


def main_blocks(page: Page, *, learned: bool = True) -> Main:
    """Return for each block of an HTML page whether it is main text, and if not, the rule against it.

    The rules choose first. A model that gets their choice and everything else that is known of a line (`cleantext.chrome.main_text`) then
    removes lines that are surely not main text, and adds lines that surely are; where rules or model are in doubt, the choice of the rules
    remains. A page on which this was done (flag ``html_main``), or that the rules kept whole, is not judged again.

    In doubt, text is kept. A page that is a list of links keeps all its lines (flag ``html_list_page``); one with too little
    text to locate the main text loses only lines that are chrome by form and name (flag ``html_no_main``).
    """
    if not page.html:
        return Main((), "", ())
    if learned and not DECIDED.isdisjoint(page.flags):
        return Main(("main",) * len(page.html), "", ())
    tree, main, top = main_by_rules(page)
    if not learned:
        return main
    from cleantext.chrome.main_text.keep_lines import with_model

    roles, trust = with_model(page, tree, main.roles, top)
    return main._replace(roles=roles, flags=main.flags or ("html_main",), expected=trust)


def main_by_rules(page: Page) -> tuple[Tree, Main, int]:
    """Return the elements of an HTML page, the choice of the rules, and the number of the element chosen."""
    tree = Tree(page)
    top = tree.root()
    root = tree.nodes[top]
    flags: tuple[str, ...] = ()
    little = root.weight < (LEAST_TEXT if root.shape[1].isdisjoint(GOOD) else LEAST_NAMED)
    if little or (root.stops < FEW and _is_not_text(tree, top)):
        if _is_list(tree):
            return tree, Main(("main",) * len(page.html), "", ("html_list_page",)), 0
        top, root, flags = 0, tree.nodes[0], ("html_no_main",)
    roles = ["html.outside-main"] * len(page.html)
    for i in range(root.first, root.last + 1):
        roles[i] = "main"
    title = find_title(tree, page, root)
    if title < 0 and top and not flags:
        title = unnamed_title(tree, next((i for i in range(root.first, root.last + 1) if tree.stops[i]), root.first))
    second = second_title(tree, title, plain(page.metadata.get("title", "")))
    _join_brothers(tree, top, title, roles)
    _prune(tree, roles, rows=root.stops < FEW)
    _prune_runs(tree, roles)
    _prune_repeats(tree, roles, tree.lines[title] if title >= 0 else "")
    _prune_gutters(tree, page, roles)
    if "main" not in roles:
        return tree, Main(("main",) * len(page.html), "", ("html_no_main",)), 0
    for i in (title, second):
        if i >= 0:
            roles[i] = "title"
    return tree, Main(tuple(roles), tree.paths[top], flags), top


def _is_not_text(tree: Tree, top: int) -> bool:
    """Return whether a root with hardly a sentence only outweighs a page of links or rows, and is not text.

    It is mostly links, the foot of the page by its name, or has no sentence at all and is a list or the smaller part of everything outside
    links: an address under a hundred products. Lyrics have no sentence either, but are most of their page; and an element that is named
    as an article is text.
    """
    root, page = tree.nodes[top], tree.nodes[0]
    if root.density > LINKED or any(not FOOT.isdisjoint(tree.nodes[at].shape[1]) for at in (top, *tree.above(top))):
        return True
    lesser = 2 * (root.chars - root.linked) < page.chars - page.linked
    return not root.stops and ((lesser and root.shape[1].isdisjoint(GOOD)) or (2 * root.density > LINKED and _is_list(tree)))


def _is_list(tree: Tree) -> bool:
    """Return whether most characters of the page are in links of the length of titles, or in many links of one form."""
    links = [i for i, density in enumerate(tree.density) if density > 0.5]
    titles = sum(len(tree.lines[i]) for i in links if len(tree.lines[i]) >= 10)
    forms: dict[str, list[int]] = {}
    for i in links:
        forms.setdefault(PLACE.sub("", tree.paths[tree.leaf[i]]), []).append(len(tree.lines[i]))
    column = max(forms.values(), key=sum, default=[])
    return 2 * max(titles, sum(column) if len(column) >= MANY else 0) > tree.nodes[0].chars


def _join_brothers(tree: Tree, top: int, title: int, roles: list[str]) -> None:
    """Add to the main text the elements next to the root that belong to it."""
    nodes, root, own = tree.nodes, tree.nodes[top], top
    for level, up in enumerate(tree.above(top)):
        brothers = [nodes[c] for c in nodes[up].children if c != own]
        shape = nodes[own].shape
        alike = sum(1 for b in brothers if b.weight and _alike(b, shape) and (b.shape[1] or _same_inside(tree, b, nodes[own])))
        for brother in brothers:
            if (
                brother.bad
                or brother.headed
                or (alike and not brother.shape[1] and _alike(brother, shape) and not _same_inside(tree, brother, nodes[own]))
            ):
                continue
            lines = range(brother.first, brother.last + 1)
            if 0 <= title < brother.last < root.first:  # a lead
                chosen = [
                    i
                    for i in lines
                    if i > title
                    and ((tree.stops[i] and tree.weights[i] > 20) or nodes[tree.leaf[i]].lead or (i == title + 1 and tree.is_headline(i)))
                ]
            elif level == 0 and brother.shape[0] in PROSE and brother.density < 0.3:
                chosen = [i for i in lines if tree.stops[i] or brother.shape[0] == "pre"]
            elif _alike(brother, shape) and ((alike > 1 and brother.density < 0.75) or (alike and brother.stops and brother.density < 0.4)):
                chosen = [
                    i for i in lines if tree.density[i] < 0.9 and not (alike > 1 and tree.of_person(i, up))
                ]  # posts of a forum, sections of an article
            elif brother.first > root.last and brother.stops and brother.density < 0.4 and not brother.shape[1].isdisjoint(ANSWER):
                chosen = [i for i in lines if tree.stops[i]]  # the other answers next to the best one
            elif (
                brother.first > root.last
                and brother.stops > 1
                and brother.density < 0.15
                and brother.weight > (0.05 if level == 0 else 0.15) * root.weight
            ):
                chosen = list(lines)
            elif brother.first > root.last and level < 3:
                chosen = [i for i in lines if ATTACHED.search(tree.lines[i])]
            else:
                continue
            for i in chosen:
                roles[i] = "main"
        if level == 0:
            for i in tree.loose(up):
                if tree.stops[i]:
                    roles[i] = "main"
        own = up


def _alike(node: Node, shape: tuple[str, frozenset[str]]) -> bool:
    """Return whether an element has a form, possibly except for a word that marks the first of its kind: "l_post bright" and "l_post"."""
    if node.shape == shape:
        return True
    (tag, words), (other, known) = node.shape, shape
    return tag == other and len(words & known) > 1 and (words <= known or known <= words) and abs(len(words) - len(known)) < 3


def _same_inside(tree: Tree, one: Node, other: Node) -> bool:
    """Return whether two elements without names have equal content, with some names in it: posts in separate tables."""
    return bool(tree.inside(one)) and tree.inside(one) == tree.inside(other)


def _prune(tree: Tree, roles: list[str], *, rows: bool) -> None:
    """Remove from the main text what is chrome by form, or by name and form.

    On a page without sentences (``rows``) a link next to cells without links, the name of a post in a list of vacancies, is kept.
    """
    total = tree.nodes[0].weight
    references = _references(tree)
    bad = set()
    for at, node in enumerate(tree.nodes):
        if node.bad or node.headed or node.parent in bad:
            bad.add(at)
    core = [i for i, role in enumerate(roles) if role == "main" and tree.stops[i] and tree.leaf[i] not in bad]
    low, high = (core[0], core[-1]) if core else (0, -1)
    for node in tree.nodes[1:]:
        if roles[node.first] != "main" or node.weight > LITTLE * total:
            continue
        edge = node.first > high or node.last < low  # before the first or after the last sentence of the main text
        if node.headed:
            rule = "html.headed"
        elif (node.bad and (edge or node.density > 0.3 or not node.stops)) or (not node.shape[1].isdisjoint(SIGNED) and tree.is_forum()):
            rule = "html.class"
        elif rows and node.parent and tree.nodes[node.parent].density <= LINKED:
            continue
        elif not node.stops and node.shape[0] not in KEPT and _linked(node, edge):
            rule = "html.link-dense"
        else:
            continue
        for i in range(node.first, node.last + 1):
            if roles[i] == "main" and i not in references and not ATTACHED.search(tree.lines[i]):
                roles[i] = rule


def _references(tree: Tree) -> frozenset[int]:
    """Return the links under a heading of references."""
    found: set[int] = set()
    for i, line in enumerate(tree.lines):
        if len(line) < SHORT and REFERENCES.fullmatch(line):
            at = i + 1
            while at < len(tree.lines) and tree.density[at] > SOME_LINKS:
                found.add(at)
                at += 1
    return frozenset(found)


def _prune_runs(tree: Tree, roles: list[str]) -> None:
    """Remove paragraphs that are one link each, if there are three in a row or one follows a heading of related pages."""
    for i, density in enumerate(tree.density):
        if density > LINKED and roles[i] == "main" and tree.is_action(i):
            roles[i] = "html.link-dense"
    i = 0
    references = _references(tree)
    while i < len(roles):
        stop = i
        while stop < len(roles) and roles[stop] == "main" and tree.is_pointer(stop):
            stop += 1
        if stop > i and i in references:
            i = stop
            continue
        headed = stop > i > 0 and roles[i - 1] == "main" and is_heading(tree.lines[i - 1])
        if headed or stop - i > 2:
            roles[i - headed : stop] = ["html.link-dense"] * (stop - i + headed)
        i = max(stop, i + 1)


def _prune_repeats(tree: Tree, roles: list[str], title: str) -> None:
    """Remove the title where a reply repeats it, and the numbers 1/9, 2/9 ... 9/9 of the pictures of a series."""
    again = {plain(mark + title) for mark in ("Re:", "回复:", "回复：", "回覆:", "回覆：")} if title else set()
    series: dict[str, list[tuple[int, int]]] = {}
    for i, line in enumerate(tree.lines):
        if roles[i] != "main":
            continue
        if (line[:1] in DRAWN and DRAWN_LINE.fullmatch(line) and "/pre" not in tree.paths[tree.leaf[i]]) or (
            again and line[:1] in "R回" and tree.plains[i] in again
        ):
            roles[i] = "html.repeated"
        elif len(line) < 10 and "/" in line and (found := COUNTER.fullmatch(line)):
            series.setdefault(found[2], []).append((i, int(found[1])))
    for of, numbers in series.items():
        if len(numbers) > 2 and [n for _, n in numbers] == list(range(1, int(of) + 1)):
            for i, _ in numbers:
                roles[i] = "html.repeated"


def _prune_gutters(tree: Tree, page: Page, roles: list[str]) -> None:
    """Remove the line numbers 1, 2, 3 ... of a listing, which are before, after or next to its code."""
    lo = 0
    while lo < len(roles):
        hi = lo
        while hi < len(roles) and roles[hi] == "main" and tree.lines[hi] == str(hi - lo + 1):
            hi += 1
        if hi - lo > 2 and any("/pre" in page.html[i].path for i in range(max(0, lo - 1), min(hi + 1, len(roles)))):
            roles[lo:hi] = ["html.line-numbers"] * (hi - lo)
        lo = max(hi, lo + 1)


def _linked(node: Node, edge: bool) -> bool:  # noqa: FBT001
    """Return whether an element is a list of links; a paragraph that is one link is such a list only at the edge of the main text."""
    if node.first < node.last:
        return node.density > LINKED
    return node.density > ALL_LINKED and (edge or node.shape[0] not in PARAGRAPH)


_SENTENCES = "今年三月，喀什古城的杏花开了，游客比往年多了一倍。"


def _made(*elements: tuple[str, str]) -> Page:
    """Return a page of the same sentence in paragraphs of elements, each given by its path and its word."""
    text = f"{_SENTENCES}\n" * len(elements)
    size = len(_SENTENCES) + 1
    return Page(
        text, html=tuple(Block(n * size, n * size + size, "p", (word,), 0.0, f"{path}/p[{n}]") for n, (path, word) in enumerate(elements))
    )


# Pages that break laws. On the second page, the first pass removes the first paragraph, and the second pass those around the element that has
# most of the rest.
_FRAMED = _made(("body/div.nav[1]", "nav"), *[("body/div.article[2]", "article")] * 4)


@register
@dataclass(frozen=True)
class MainContent(PageTransform):
    r"""Keep the title and the main text of an HTML page, drop the lines around them.

    Pages without HTML blocks pass unchanged. Only whole lines are dropped, each with the reason. ``learned=False`` uses the rules only.
    A line with one of the phrases ``keep``, or that a ``[[keep]]`` row of the rule packs ``packs`` matches, is kept at any position.

    >>> from cleantext.html import read_html
    >>> links = "".join(f'<li><a href="/{i}">频道{i}</a></li>' for i in range(9))
    >>> body = "<p>今年三月，喀什古城的杏花开了，游客比往年多了一倍。巷子里支起了馕坑，香味飘出去很远。</p>" * 2
    >>> page = read_html(f"<title>喀什的春天</title><ul>{links}</ul><h1>喀什的春天</h1><div>{body}</div>")
    >>> MainContent().fast([page])[0].text.split("\n")[:2]
    ['喀什的春天', '今年三月，喀什古城的杏花开了，游客比往年多了一倍。巷子里支起了馕坑，香味飘出去很远。']
    """

    learned: bool = True
    packs: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    id: ClassVar[str] = "chrome.html"
    version: ClassVar[int] = 4
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {
        "html.outside-main": "outside the element that holds the main text",
        "html.link-dense": "a list of links inside the main text",
        "html.headed": "an element under a heading of related pages or comments",
        "html.repeated": "the title over a reply, the number of a picture in its series, or a rule drawn with dashes",
        "html.line-numbers": "the numbers of the lines of a listing",
        "html.learned": "the model of main text, taught by labelled pages, is sure that it is none",
        "html.class": "named as page chrome, and without sentences or full of links",
    }
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: HOLDS,  # a flag marks pages whose main text was chosen
        Law.LINE_LOCAL: Breaks(_FRAMED, "the page decides what is its main text"),
        Law.KEEPS_HAN: Breaks(_FRAMED, "lines outside the main text go"),
        Law.KEEPS_LENGTH: Breaks(_FRAMED, "lines outside the main text go"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: Breaks(_FRAMED, "lines outside the main text go"),
        Law.ONLY_DELETES: HOLDS,
    }

    def fast(self, pages: Sequence[Page]) -> list[Page]:
        return [without(page, self._choose(page)) if page.html else page for page in pages]

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        if not page.html:
            return (), (), {}
        main = self._choose(page)
        return edits_of(page, main.roles), main.flags, main.expected

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), **({"kept": self.keepers.digest} if self.packs or self.keep else {})}

    @property
    def keepers(self) -> Pack:
        """The rows that keep lines."""
        return load_pack(*self.packs, keep=self.keep)

    def _choose(self, page: Page) -> Main:
        main = main_blocks(page, learned=self.learned)
        if not (self.packs or self.keep) or not self.keepers.of_kind["keep"]:
            return main
        lines = [view(page.text[block.start : block.end]) for block in page.html]
        stays = ((role, role not in ("main", "title") and self.keepers.keeps(line)) for role, line in zip(main.roles, lines, strict=True))
        return main._replace(roles=tuple("main" if keep else role for role, keep in stays))
