"""The elements of an HTML page that hold lines, rebuilt from the paths of its blocks, with their weights.

Class names are split into words, and never matched by parts of words: "ad" in "padding" and "nav" in "canvas" have cost
other extractors whole articles. Even a whole word counts only with a second reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from cleantext.html.parsing.class_words import class_words, word_set
from cleantext.transform import Page

__all__ = [
    "ALL_LINKED",
    "ANSWER",
    "ATTACHED",
    "FOOT",
    "FORUM",
    "GOOD",
    "KEPT",
    "PARAGRAPH",
    "PERSON",
    "PLACE",
    "PROSE",
    "SHORT",
    "SIGNED",
    "Node",
    "Tree",
    "is_heading",
    "plain",
]

MARK = re.compile(r"[。！？；，、：!?;,]")
STOP = re.compile(r"[。！？；!?]")
ATTACHED = re.compile(r"附件|附表|附图|\.(?:docx?|xlsx?|pptx?|pdf|wps|ofd|zip|rar)\b", re.IGNORECASE)
HEADING = re.compile(
    r"[\[【]?(?:"
    r"(?:(?:相关|相關|推荐|推薦|延伸|热门|熱門|热点|熱點|精彩|更多|最新|精选|精選|猜你|为你|为您|為你|為您|大家都在|网友|網友|全部|我要|发表|發表|我来|我來|你可能|您可能)[·・ ]{0,3})+"
    r"(?:新闻|新聞|阅读|閱讀|报道|報導|链接|鏈接|連結|文章|推荐|推薦|视频|影片|內容|内容|资讯|資訊|专题|專題|问题|問題|产品|產品|商品|图集|圖集|作品|评论|評論|留言|跟贴|跟帖|回复|回覆|喜欢|喜歡|看|感兴趣|有興趣)+"
    r"|(?:评论|評論|留言|跟贴|跟帖|回复|回覆)(?:列表|区|區|\s?[(（]\d+[)）])"
    r"|(?:一周|本周|本週|今日|本月|24小时|24小時|48小时|48小時)(?:热门|熱門|热点|熱點|热文|热榜|熱榜|排行|最热|最熱|新闻排行|新聞排行)榜?"
    r"|(?:点击|點擊|阅读|閱讀|人气|人氣|热门|熱門|热点|熱點|新闻|新聞|文章)+排行榜?|\d[\d,.]*万?\s?[条條](?:评论|評論|留言|跟贴|跟帖|回复|回覆)"
    r")[\]】]?\s?(?:[(（]?\d*\s?[条條]?[)）]?)?[:：]?"
)
# Actions for readers on a post or a picture, as separate links.
ACTION = re.compile(
    r"[\[【(（<《«]?(?:(?:返回(?:目录|目錄|首页|首頁|列表|顶部|頂部|上页|上一页|上级|主页)?|返(?:目录|目錄)|回(?:目录|目錄|首页|首頁|书目|页首)|上一?(?:页|頁|章|篇|节)|下一?(?:页|頁|章|篇|节)|上壹?页|编辑|編輯|编辑本段|edit|讨论|討論|上传视频|回复|回覆|引用|举报|舉報|赞|讚|赞同|支持|反对|收藏|分享|只看该作者|只看樓主|使用道具|楼主|樓主|沙发|沙發|板凳|地板|"
    r"版主|管理员|管理員|查看原图|查看大图|查看更多|展开全部|展开全文|展開全文|阅读全文|閱讀全文|展开阅读全文|查看全文|展开剩余\d*%?|收起|查看历史版本|read more|show more|back|previous|prev|next)[ |·\[\]】)）>》»\ue000-\uf8ff]{0,3})+",
    re.IGNORECASE,
)
HEADLINE = re.compile(r"[\u3400-\u9fff“”《》「」]{6,30}")
MORE_OF = re.compile(r".{1,8}的(?:其他|其它|更多|最新)(?:作品|文章|影评|影評|视频|影片|日记|日記|帖子)[:：]?")
CELLS = frozenset(("tr", "td", "th", "tbody", "thead", "dd"))
KEPT = CELLS | word_set("h1 h2 h3 h4 h5 h6 figcaption caption")  # kept despite their links: rows of data, headings that link to themselves
PROSE = frozenset(("p", "blockquote", "pre"))
PARAGRAPH = word_set("p li ul ol dl dt dd blockquote pre h1 h2 h3 h4 h5 h6 center figure")  # parts of a text, which are never the root
TABLE = CELLS | {"table"}
PLACE = re.compile(r"\[\d+\]")  # index of an element among its siblings, in a path

GOOD = word_set(
    "article content contents main text txt detail details post entry artibody endtext zhengwen zw story passage neirong wenzhang editor ueditor ucap rich "
    "body para paragraph bodytext articlebody maincontent"
)
LEAD = word_set("summary abstract lead daodu zhaiyao intro digest subtitle introduction standfirst")
BAD = word_set(
    "ad ads adv advert advertisement gg guanggao sponsor promo promotion related relate relative xiangguan recommend recommended recommendation tuijian "
    "comment comments pinglun gentie share fenxiang sns qrcode ewm erweima footer foot copyright beian nav navbar navigation daohang menu "
    "breadcrumb breadcrumbs crumb crumbs sidebar aside ranking toolbar pager pagination fanye login denglu register disclaimer mianze jiucuo "
    "feedback dayin print guanbi youlian popup modal dialog banner sharing sharedaddy addthis jiathis bdshare relatedposts relatednews "
    "newsletter toc catalog catalogue mulu reward dashang zanshang postprofile authi replyer jumpbox navbox gutter linenos lineno"
)
ANSWER = word_set("answer answers huida postmessage")  # elements after the first one with such a name are text too
ROWS = word_set("navbox gutter linenos lineno")  # matched on tables and cells too
FORUM = word_set("authi postprofile postmessage postbody plhin")  # class names of forum software for the parts of a post
SIGNED = word_set("sign signature")  # in a forum: the signature under all posts of a member
PERSON = word_set(
    "author authi badge avatar userinfo username postprofile tail actions operation meta"
)  # in a post: its author, and actions for readers
TITLED = word_set("title titles headline biaoti subject articletitle posttitle entrytitle")
SITE = word_set("logo masthead topbar navbar sitename siteheader brand")
PARAMETERS = word_set("parameter parameters param params spec specs specification specifications attribute attributes canshu guige")
PANEL = word_set("panel pane tab tabs tabcon tabcontent switchable")  # the content of a tab
HEADING_TAGS = frozenset(("h1", "h2", "h3"))
SUBHEADS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "dt"))
SHORTEST, LONGEST = 4, 80  # characters of a headline
FOOT = word_set("footer foot copyright beian")
COMMENTS = word_set("comment comments pinglun gentie liuyan")
# These also name the article if they occur with a good word: "post tag-sport", "content hot".
WEAK = word_set("hot rank tool tools tag tags keyword keywords search download declare statement report links pop float subscribe follow")

# Chosen on the development pages. F1 on them changes by less than 0.01 when one of these is a third higher or lower, and by less than
# 0.005 when all class names are removed from the pages: none of them is fitted to single pages.
NO_MARK = 0.3  # weight of a character in a line without any punctuation mark
WRAPPER = 0.3  # share of the page's weight above which a bad name is that of a wrapper, if little text is before it
MOST = 0.6  # minimum share of an element's weight in one child for going down to it
LINK = 0.5  # link density from which a line has no sentences
SHORT = 16  # characters; headings of related pages are shorter
BESIDE = 0.25  # minimum share of the root's weight in loose sentences next to it that makes its parent the root
ALL_LINKED = 0.9  # link density from which a single line is nothing but a link


Named = tuple[tuple[str, frozenset[str]], bool, bool]  # tag and words; whether they are bad, whether they name a lead


NONE: list[int] = []  # the children of most elements: one shared list, never modified


class Node:
    """An element of the document, with the sums over its content."""

    __slots__ = ("bad", "chars", "children", "first", "form", "headed", "last", "lead", "linked", "parent", "shape", "stops", "weight")

    def __init__(self, named: Named, parent: int, line: int) -> None:
        self.shape, self.bad, self.lead = named
        self.parent = parent
        self.first = self.last = line
        self.chars = self.stops = 0
        self.linked = self.weight = 0.0
        self.headed = False
        self.form: frozenset[str] | None = None
        self.children: list[int] = NONE

    @property
    def density(self) -> float:
        return self.linked / self.chars if self.chars else 0.0


@lru_cache(maxsize=16_384)
def _names(step: str) -> Named:
    """Return tag and words of a step of a path without its index, and their meaning."""
    tag, *names = re.split("[#.]", step)
    words = frozenset((*class_words(" ".join(names)), *(name.lower() for name in names if not name.islower())))  # splits copyRight, navBar
    bad = (tag not in TABLE or not words.isdisjoint(ROWS)) and not (
        words.isdisjoint(BAD) and (words.isdisjoint(WEAK) or not words.isdisjoint(GOOD))
    )
    return (tag, words), bad, not words.isdisjoint(LEAD)


class Tree:
    """The elements that hold lines."""

    def __init__(self, page: Page) -> None:
        text = page.text
        self.nodes = [Node(_names("body"), -1, 0)]
        self.leaf: list[int] = []  # element of each line
        self.lines = [text[b.start : b.end].strip() for b in page.html]
        self.plains = [*map(plain, self.lines)]
        self.stops: list[int] = []
        self.weights: list[float] = []
        self.density = [b.link_density for b in page.html]
        self.paths = ["body"]
        self.steps = ["body"]  # the last step of each path, without its index
        self.heads: list[int] = []  # lines that are headings of related pages or comments
        index = {"body": 0}
        nodes, leaf, all_stops, weights, marked = self.nodes, self.leaf, self.stops, self.weights, MARK.search
        for i, (line, density, block) in enumerate(zip(self.lines, self.density, page.html, strict=True)):
            chars = len(line) - line.count(" ")
            weight, stops = 0.0, 0
            if density < 1:
                weight = chars * (1 - density)
                if not marked(line):
                    weight *= NO_MARK
                elif density < LINK:  # a full stop counts as a punctuation mark
                    stops = len(STOP.findall(line))
            all_stops.append(stops)
            weights.append(weight)
            path = block.path
            at = index.get(path, -1)
            if at < 0:
                at = self._grow(index, path, i)
            leaf.append(at)
            node = nodes[at]
            node.last = i
            node.chars += chars
            node.linked += chars * density
            node.weight += weight
            node.stops += stops
            if chars < SHORT and is_heading(line):
                self.heads.append(i)
        for node in reversed(nodes[1:]):  # children come after their parents
            up = nodes[node.parent]
            up.last = node.last if node.last > up.last else up.last  # noqa: FURB136  a third of the time of max()
            up.chars += node.chars
            up.linked += node.linked
            up.weight += node.weight
            up.stops += node.stops
        for i in self.heads:
            self._head(i)
        wanted = plain(page.metadata.get("title", ""))
        self.titled = self.plains.index(wanted) if wanted and wanted in self.plains else -1  # the first line that is the title
        self._discount(self.titled)

    def _grow(self, index: dict[str, int], path: str, line: int) -> int:
        """Add the element at ``path``, and its new ancestors; return its number."""
        up, _, step = path.rpartition("/")
        above = index.get(up or "body", -1)
        if above < 0:
            above = self._grow(index, up, line)
        nodes = self.nodes
        at = index[path] = len(nodes)
        if nodes[above].children:
            nodes[above].children.append(at)
        else:
            nodes[above].children = [at]
        self.paths.append(path)
        step = step.partition("[")[0]
        self.steps.append(step)
        nodes.append(Node(_names(step), above, line))
        return at

    def _head(self, line: int) -> None:
        """Mark the largest element that begins with this line, a heading of related pages or of comments."""
        at = self.leaf[line]
        up = self.nodes[at].parent
        while up > 0 and self.nodes[up].first == line:
            at, up = up, self.nodes[up].parent
        if self.nodes[at].first == line:
            self.nodes[at].headed = True

    def _discount(self, title: int) -> None:
        """Subtract the weight of elements with bad names or headings from the elements around them.

        A name on an element with most of the text may be that of a wrapper. It is trusted only if enough text
        is before the element, like the article before its comments; after the title, less is enough.
        """
        total = self.nodes[0].weight
        before, stops = [0.0], [0]
        for weight, count in zip(self.weights, self.stops, strict=True):
            before.append(before[-1] + weight)
            stops.append(stops[-1] + count)
        inside: set[int] = set()
        for at, node in enumerate(self.nodes):  # parents come before their children
            if not (node.bad or node.headed):
                if node.parent in inside:
                    inside.add(at)
                continue
            node.headed = node.headed and node.first < node.last
            if (node.bad or node.headed) and node.weight > WRAPPER * total:
                text = before[node.first]
                share = 0.3
                if 0 <= title < node.first and stops[node.first] > stops[title + 1]:
                    text -= before[title + 1]
                    share = 0.03 if node.headed or not node.shape[1].isdisjoint(COMMENTS) else 0.12
                if text < share * node.weight:
                    node.bad = node.headed = False
            if node.bad or node.headed or node.parent in inside:
                inside.add(at)
                if node.parent not in inside:
                    for up in self.above(at):
                        self.nodes[up].weight -= node.weight

    def is_forum(self) -> bool:
        """Return whether some elements have class names of forum software."""
        return sum(not node.shape[1].isdisjoint(FORUM) for node in self.nodes) > 1

    def is_pointer(self, line: int) -> bool:
        """Return whether a line is only a link, and neither a row, a heading nor an attachment."""
        if self.density[line] <= ALL_LINKED:
            return False
        return self.nodes[self.leaf[line]].shape[0] not in KEPT and not ATTACHED.search(self.lines[line])

    def is_action(self, line: int) -> bool:
        """Return whether a line of links consists of actions for readers only."""
        return ACTION.fullmatch(self.lines[line]) is not None

    def is_headline(self, line: int) -> bool:
        """Return whether a line could be a headline: some Han words without punctuation, a blank, a digit or a link."""
        return not self.density[line] and HEADLINE.fullmatch(self.lines[line]) is not None

    def is_named_title(self, line: int) -> bool:
        """Return whether a line is in an element that is a heading or named like one, and has the length of headlines."""
        tag, words = self.nodes[self.leaf[line]].shape
        return (
            (tag in HEADING_TAGS or not TITLED.isdisjoint(words))
            and SHORTEST <= len(self.lines[line]) <= LONGEST
            and not self.of_site(line)
        )

    def is_subhead(self, line: int) -> bool:
        """Return whether a line is a heading by its element, or is between two paragraphs of sentences."""
        if self.nodes[self.leaf[line]].shape[0] in SUBHEADS and self.density[line] < LINK:
            return True
        return 0 < line < len(self.lines) - 1 and bool(self.stops[line - 1]) and bool(self.stops[line + 1]) and not self.density[line]

    def is_parameter(self, line: int) -> bool:
        """Return whether a line is in a list that is named after the parameters of a product, or is a row of a table in a tab."""
        at = self.leaf[line]
        around = [at, *islice(self.above(at), 4)]
        if "\t" in self.lines[line] and any(not PANEL.isdisjoint(self.nodes[up].shape[1]) for up in around):
            return True
        return any(not PARAMETERS.isdisjoint(self.nodes[up].shape[1]) for up in around[:3])

    def of_site(self, line: int) -> bool:
        """Return whether a line is in an element that is named after the header of a site's pages, or its logo."""
        at = self.leaf[line]
        return any(self.nodes[up].shape[0] == "nav" or not SITE.isdisjoint(self.nodes[up].shape[1]) for up in (at, *self.above(at)))

    def of_person(self, line: int, top: int) -> bool:
        """Return whether a line without a sentence is, below ``top``, in an element that is named after the author of a post."""
        at = -1 if self.stops[line] else self.leaf[line]
        while at >= 0 and at != top:
            if not self.nodes[at].shape[1].isdisjoint(PERSON):
                return True
            at = self.nodes[at].parent
        return False

    def inside(self, node: Node) -> frozenset[str]:
        """Return the forms of the descendants of an element, except plain paragraphs: equal for posts of a thread without names of their own.

        Empty if there is no class name among them, since all layout tables look alike.
        """
        found = node.form
        if found is None:
            at = self.leaf[node.first]
            while self.nodes[at] is not node and self.nodes[at].parent >= 0:
                at = self.nodes[at].parent
            low = len(self.paths[at])
            forms = {PLACE.sub("", self.paths[self.leaf[i]][low:]) for i in range(node.first, node.last + 1)}
            found = node.form = frozenset(form for form in forms if "." in form or "#" in form)
        return found

    def above(self, at: int) -> Iterator[int]:
        """Yield the numbers of the ancestors, from the inside out."""
        while (at := self.nodes[at].parent) >= 0:
            yield at

    def root(self) -> int:
        """Return the smallest element that holds most of the weight and is more than a paragraph."""
        at = 0
        while True:
            children = [c for c in self.nodes[at].children if not self.nodes[c].bad and not self.nodes[c].headed]
            best = max(children, key=lambda c: self.nodes[c].weight, default=0)
            if not best or self.nodes[best].weight < MOST * self.nodes[at].weight:
                break
            at = best
        while at and (self.nodes[at].shape[0] in PARAGRAPH or self._text_beside(at) > BESIDE * self.nodes[at].weight):
            at = self.nodes[at].parent
        return at

    def _text_beside(self, at: int) -> float:
        """Return the weight of the sentences next to an element that are loose or in paragraphs."""
        up = self.nodes[at].parent
        brothers = [self.nodes[c] for c in self.nodes[up].children if c != at]
        texts = sum(b.weight for b in brothers if b.shape[0] in PROSE and b.stops and b.density < 0.3 and not b.bad and not b.headed)
        return texts + sum(self.weights[i] for i in self.loose(up) if self.stops[i])

    def loose(self, at: int) -> list[int]:
        """Return the lines that are directly in an element, not in one of its children."""
        return [i for i in range(self.nodes[at].first, self.nodes[at].last + 1) if self.leaf[i] == at]


def is_heading(line: str) -> bool:
    """Return whether a line is the heading of related pages or comments: 相关新闻, 热门排行, 评论(3), 石青的其他作品."""
    return HEADING.fullmatch(line) is not None or ("的" in line and MORE_OF.fullmatch(line) is not None)


def plain(text: str) -> str:
    """Return a text without its blanks, for comparison."""
    return "".join(text.split())
