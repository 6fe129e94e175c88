"""HTML evidence: which lines of a document are its main text.

The blocks of a `Page` carry the path of their element, and so the part of the document's tree that
matters. The choice follows Readability and GNE, text and punctuation density, with three changes
for Chinese: characters are counted instead of words, CJK marks instead of commas, and names of classes
are read word by word, as evidence that needs a second witness, never as a verdict.

1. A line weighs as many characters as stand outside links, half of them where it has no mark at all.
2. From the body of the document down: as long as one child holds most of the weight, go there. Where
   that ends is the root, the smallest element that holds the main text.
3. The title stands before it. Between title and root a lead joins; brothers of the root and of its
   ancestors join where they have the same form (the posts of a forum) or much text of their own.
4. Inside the root, lists of links go, and what its name and its form call chrome.
"""

from __future__ import annotations

import re
from functools import lru_cache
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from cleantext.edits import Edit
from cleantext.html import class_words
from cleantext.transform import HOLDS, Breaks, Law, Page, PageTransform, Safety, register

__all__ = ["Main", "MainContent", "main_blocks"]

MARK = re.compile(r"[。！？；，、：!?;,]")
STOP = re.compile(r"[。！？；!?]")
ATTACHED = re.compile(r"附件|附表|附图|\.(?:docx?|xlsx?|pptx?|pdf|wps|ofd|zip|rar)\b", re.IGNORECASE)
HEADING = re.compile(
    r"[\[【]?(?:(?:相关|相關|推荐|推薦|延伸|热门|熱門|热点|熱點|精彩|更多|最新|精选|精選|猜你|为你|为您|為你|為您|大家都在|网友|網友|全部|我要|发表|發表|我来|我來|你可能|您可能)[·・ ]?)+"
    r"(?:新闻|新聞|阅读|閱讀|报道|報導|链接|鏈接|連結|文章|推荐|推薦|视频|影片|內容|内容|资讯|資訊|专题|專題|评论|評論|留言|跟贴|跟帖|回复|回覆|喜欢|喜歡|看|感兴趣|有興趣)+[\]】]?[:：]?"
    r"|(?:评论|評論|留言|跟贴|回复|回覆)(?:列表|区|區)?[\(（]?\d*[)）]?[:：]?"
)
CELLS = frozenset(("tr", "td", "th", "tbody", "thead", "dd"))
BLANK = re.compile(r"\s+")

GOOD = frozenset(
    "article content contents main text txt detail details post entry artibody endtext zhengwen zw story passage neirong wenzhang editor ueditor ucap rich "
    "body para paragraph bodytext articlebody maincontent".split()
)
LEAD = frozenset("summary abstract lead daodu zhaiyao intro digest subtitle introduction standfirst".split())
BAD = frozenset(
    "ad ads adv advert advertisement gg guanggao sponsor promo promotion related relate relative xiangguan recommend recommended recommendation tuijian "
    "comment comments pinglun gentie share fenxiang sns qrcode ewm erweima footer foot copyright beian nav navbar navigation daohang menu "
    "breadcrumb breadcrumbs crumb crumbs sidebar aside hot rank ranking toolbar tool tools tag tags keyword keywords pager pagination fanye login denglu "
    "register search download disclaimer declare statement mianze jiucuo report feedback dayin print guanbi links youlian popup pop float modal "
    "dialog banner subscribe follow".split()
)

NO_MARK = 0.3
MOST = 0.6  # share of an element's weight that one child must hold to be taken in its place
LEAST_TEXT = 60  # characters of weight; a page with less has no main text to speak of
LINKED = 0.6  # link density from which several lines are a list of links


class Main(NamedTuple):
    """The choice for one page."""

    roles: tuple[str, ...]  # for each block "main", "title", or the id of the rule against it
    root: str  # path of the element chosen, empty where there was none to choose
    flags: tuple[str, ...]


class _Node:
    """An element of the document, with the sums of what stands in it."""

    __slots__ = ("bad", "chars", "children", "first", "headed", "last", "lead", "linked", "parent", "shape", "stops", "weight")

    def __init__(self, step: str, parent: int, first: int) -> None:
        self.parent = parent
        self.first = self.last = first
        self.shape, self.bad, self.lead = _names(step.partition("[")[0])
        self.chars = self.stops = 0
        self.linked = self.weight = 0.0
        self.headed = False
        self.children: list[int] = []

    @property
    def density(self) -> float:
        return self.linked / self.chars if self.chars else 0.0


@lru_cache(maxsize=16_384)
def _names(step: str) -> tuple[tuple[str, frozenset[str]], bool, bool]:
    """Return tag and words of a step of a path, whether a name in it is a bad one and none a good one, whether one names a lead."""
    tag, *names = re.split("[#.]", step)
    words = [frozenset(class_words(name)) for name in names]
    bad = [not w.isdisjoint(BAD) for w in words]
    good = any(not w.isdisjoint(GOOD) and not b for w, b in zip(words, bad, strict=True))
    return (tag, frozenset().union(*words)), any(bad) and not good, any(not w.isdisjoint(LEAD) for w in words)


class _Tree:
    """The elements that hold lines."""

    def __init__(self, page: Page) -> None:
        self.nodes = [_Node("body", -1, 0)]
        self.leaf: list[int] = []  # of each line
        self.lines = [page.text[b.start : b.end].strip() for b in page.html]
        self.stops: list[int] = []
        self.density = [b.link_density for b in page.html]
        index = {"body": 0}
        for i, block in enumerate(page.html):
            line = self.lines[i]
            chars = len(line) - line.count(" ")
            weight = chars * (1 - block.link_density) * (1 if MARK.search(line) else NO_MARK)
            stops = len(STOP.findall(line)) if block.link_density < 0.5 else 0
            self.stops.append(stops)
            at = index.get(block.path, -1)
            if at < 0:
                at = self._grow(index, block.path, i)
            self.leaf.append(at)
            while at >= 0:
                node = self.nodes[at]
                node.last = i
                node.chars += chars
                node.linked += chars * block.link_density
                node.weight += weight
                node.stops += stops
                at = node.parent
            if len(line) < 16 and HEADING.fullmatch(line):
                self._head(i)
        self._discount()

    def _grow(self, index: dict[str, int], path: str, line: int) -> int:
        """Add the element at ``path``, and its ancestors where they are new; return its number."""
        missing = []
        while path not in index:
            missing.append(path)
            path = path.rpartition("/")[0] or "body"
        at = index[path]
        for step in reversed(missing):
            index[step] = len(self.nodes)
            self.nodes[at].children.append(len(self.nodes))
            self.nodes.append(_Node(step.rpartition("/")[2], at, line))
            at = len(self.nodes) - 1
        return at

    def _head(self, line: int) -> None:
        """Mark the largest element that begins with this line, a heading of related pages or of comments."""
        at = self.leaf[line]
        up = self.nodes[at].parent
        while up > 0 and self.nodes[up].first == line:
            at, up = up, self.nodes[up].parent
        if self.nodes[at].first == line:
            self.nodes[at].headed = True

    def _discount(self) -> None:
        """Take the weight of badly named elements from those around them, unless it is most of the page's."""
        half = self.nodes[0].weight / 2
        inside = set()
        for node in self.nodes:
            node.headed = node.headed and node.first < node.last
        for at, node in enumerate(self.nodes):  # parents come before their children
            if node.weight >= half:
                node.bad = node.headed = False
            if node.bad or node.headed or node.parent in inside:
                inside.add(at)
                if node.parent not in inside:
                    for up in self.above(at):
                        self.nodes[up].weight -= node.weight

    def above(self, at: int) -> Iterator[int]:
        """Yield the numbers of the ancestors, from the inside out."""
        while (at := self.nodes[at].parent) >= 0:
            yield at

    def root(self) -> int:
        """Return the smallest element that holds most of the weight."""
        at = 0
        while True:
            children = [c for c in self.nodes[at].children if not self.nodes[c].bad and not self.nodes[c].headed]
            best = max(children, key=lambda c: self.nodes[c].weight, default=0)
            if not best or self.nodes[best].weight < MOST * self.nodes[at].weight:
                return at
            at = best


def main_blocks(page: Page) -> Main:
    """Say for each block of an HTML page whether it is main text, and if not, what speaks against it.

    Nothing is dropped where there is little to choose from: pages without sentences keep all lines and carry the
    flag ``html_no_main``, pages that are lists of links ``html_list_page``.
    """
    if not page.html:
        return Main((), "", ())
    tree = _Tree(page)
    top = tree.root()
    root = tree.nodes[top]
    if root.weight < LEAST_TEXT or not tree.nodes[0].weight:
        flag = "html_list_page" if tree.nodes[0].density > LINKED and tree.nodes[0].chars > 5 * LEAST_TEXT else "html_no_main"
        return Main(("main",) * len(page.html), "", (flag,))
    roles = ["html.outside-main"] * len(page.html)
    for i in range(root.first, root.last + 1):
        roles[i] = "main"
    title = _title(tree, page, root)
    _join_brothers(tree, top, title, roles)
    _prune(tree, roles, title)
    if title >= 0:
        roles[title] = "title"
    return Main(tuple(roles), page.html[root.first].path, ())


def _title(tree: _Tree, page: Page, root: _Node) -> int:
    """Return the last line before the first sentence of the root that reads as the title does; -1 if there is none."""
    wanted = _plain(page.metadata.get("title", ""))
    first = next((i for i in range(root.first, root.last + 1) if tree.stops[i]), root.first)
    found = [i for i in range(first + 1) if wanted and _plain(tree.lines[i]) == wanted]
    if not found:
        found = [i for i in range(first + 1) if page.html[i].tag == "h1" and tree.density[i] < 0.5][-1:]
    heads = [i for i in found if page.html[i].tag in ("h1", "h2")]
    return (heads or found or [-1])[-1]


def _plain(text: str) -> str:
    return BLANK.sub("", text)


def _join_brothers(tree: _Tree, top: int, title: int, roles: list[str]) -> None:
    nodes = tree.nodes
    root = nodes[top]
    own = top
    for up in tree.above(top):
        brothers = [nodes[c] for c in nodes[up].children if c != own]
        alike = [b for b in brothers if b.shape == nodes[own].shape and b.shape[1] and b.density < 0.5]
        for brother in brothers:
            if brother.bad or brother.headed or brother.density > 0.4:
                continue
            lead = title >= 0 and title < brother.last < root.first and (brother.lead or (brother.stops and brother.weight > 20))
            form = brother in alike and (len(alike) > 1 or brother.stops)
            much = brother.first > root.last and brother.stops > 1 and brother.density < 0.15 and brother.weight > 0.15 * root.weight
            if lead or form or much:
                for i in range(brother.first, brother.last + 1):
                    if not lead or tree.stops[i] or tree.nodes[tree.leaf[i]].lead:
                        roles[i] = "main"
        own = up


def _prune(tree: _Tree, roles: list[str], title: int) -> None:
    """Take out what is inside the main text and is chrome by form, or by name and form."""
    total = tree.nodes[0].weight
    bad = set()
    for at, node in enumerate(tree.nodes):
        if node.bad or node.headed or node.parent in bad:
            bad.add(at)
    core = [i for i, role in enumerate(roles) if role == "main" and tree.stops[i] and tree.leaf[i] not in bad]
    low, high = (core[0], core[-1]) if core else (0, -1)
    for node in tree.nodes[1:]:
        if roles[node.first] != "main" or node.weight > 0.3 * total:
            continue
        size = node.last - node.first + 1
        if node.headed:
            rule = "html.headed"
        elif node.bad and (node.density > 0.3 or not node.stops or node.first > high or node.last < low):
            rule = "html.class"
        elif node.density > (0.9 if node.shape[0] == "table" else LINKED) and not node.stops and (size > 1 or node.density > 0.9) and node.shape[0] not in CELLS:
            rule = "html.link-dense"
        else:
            continue
        for i in range(node.first, node.last + 1):
            if roles[i] == "main" and not ATTACHED.search(tree.lines[i]):
                roles[i] = rule


@register
@dataclass(frozen=True)
class MainContent(PageTransform):
    """Keep the title and the main text of an HTML page, drop the lines around them.

    Pages without HTML blocks pass unchanged. What is dropped is whole lines, each with the reason.

    >>> from cleantext.html import read_html
    >>> links = "".join(f'<li><a href="/{i}">频道{i}</a></li>' for i in range(9))
    >>> body = "<p>今年三月，喀什古城的杏花开了，游客比往年多了一倍。巷子里支起了馕坑，香味飘出去很远。</p>" * 2
    >>> page = read_html(f"<title>喀什的春天</title><ul>{links}</ul><h1>喀什的春天</h1><div>{body}</div>")
    >>> MainContent().fast([page])[0].text.split("\\n")[:2]
    ['喀什的春天', '今年三月，喀什古城的杏花开了，游客比往年多了一倍。巷子里支起了馕坑，香味飘出去很远。']
    """

    id: ClassVar[str] = "chrome.html"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {
        "html.outside-main": "outside the element that holds the main text",
        "html.link-dense": "a list of links inside the main text",
        "html.headed": "an element under a heading of related pages or comments",
        "html.class": "named as page chrome, and without sentences or full of links",
    }
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: HOLDS,  # a text alone has no HTML blocks
        Law.LINE_LOCAL: HOLDS,
        Law.KEEPS_HAN: HOLDS,
        Law.KEEPS_LENGTH: HOLDS,
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: HOLDS,
    }

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        if not page.html:
            return (), (), {}
        main = main_blocks(page)
        return _edits(page, main.roles), main.flags, {}


def _edits(page: Page, roles: Sequence[str]) -> list[Edit]:
    """Return one edit for each run of lines that go for one reason."""
    edits: list[Edit] = []
    runs: list[tuple[int, int, str]] = []
    for block, role in zip(page.html, roles, strict=True):
        if role in ("main", "title") or block.end == block.start:
            continue
        if runs and runs[-1][1] == block.start and runs[-1][2] == role:
            runs[-1] = (runs[-1][0], block.end, role)
        else:
            runs.append((block.start, block.end, role))
    for start, end, role in runs:
        edits.append(Edit(start, end, page.text[start:end], "", role))
    return edits
