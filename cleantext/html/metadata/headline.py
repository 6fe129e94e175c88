"""The headline of a document: the most likely one of all its lines.

If the title of the document repeats a heading, that is the headline. Otherwise lines are scored by features: the title
is similar, the line is a heading or named like one, a date or the first sentence follows, no other line precedes it.
The weights are those of a conditional logistic regression over the lines of labelled pages, made by ``benchmarks/make_titles.py``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from importlib import resources
from math import exp
from typing import TYPE_CHECKING, NamedTuple

from cleantext.html.parsing.class_words import class_words, word_set

if TYPE_CHECKING:
    from cleantext.html.parsing.visible_lines import Line

__all__ = ["Candidate", "Headlines", "best_headline", "clear_headline"]

MOST_LINES = 400  # maximum lines of a page that are considered
LONGEST, SHORTEST = 120, 1  # characters of a headline
CLEAR = 6  # minimum characters of a heading repeated by the document title for which there is no doubt
SENTENCE = 40  # characters of a line with a punctuation mark that is prose
AFTER = 4  # lines of prose after which only headings are considered
ABOVE = 8  # lines considered above the longest run of prose
PLAIN = 12  # maximum lines considered that are neither headings nor similar to the title
NEAR = 4  # lines after a headline in which the date is expected
STRONG = ("-same", "-begins", "-numbered", "-holds")  # kinds of similarity to a stated title that leave little doubt
HEADS = ("h1", "h2", "h3", "h4")
NAMES = word_set("title headline heading subject topic biaoti h1 tit tt header1 entrytitle posttitle newstitle bt")
SITE = word_set("logo site brand nav navbar menu sidebar side footer foot breadcrumb breadcrumbs crumb crumbs login search mainnav topnav")
RELATED = word_set("related recommend recommended hot list rank more comment comments reply side sidebar widget aside")
PROSE_END = re.compile(r"[。！？!?…；][”」』）)]?$")
DATE = re.compile(
    r"(?:19|20)\d\d ?[-/.年] ?\d{1,2}|\d{1,2}/\d{1,2}/(?:19|20)\d\d|\d{1,2}:\d\d|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}",
    re.IGNORECASE,
)
DIGIT = re.compile(r"\d")  # occurs in every date
# A search is fast if all alternatives begin with fixed characters and case is not ignored there: Han words, and English words by their letters.
LABEL = re.compile(r"(?:译|文|翻译|版主|作者|来源|來源|编辑|編輯|发布|發布|发表|發表|时间|時間|日期|记者|記者|阅读|浏览|点击)")
ENGLISH_LABEL = re.compile(r"[PpAaBb](?i:(?<=p)(?:osted|ublished)|(?<=a)uthor|(?<=b)y )")
CRUMB = re.compile(r"[>»›＞]|::")
COMMAND = re.compile(
    r"(?:登录|登錄|注册|註冊|首页|首頁|搜索|更多|欢迎|歡迎|游客|位置|返回|评论|評論|分享|下载|下載|收藏|推荐|推薦|订阅|訂閱|菜单|导航|版权|频道|頻道)"
)
ENGLISH_COMMAND = re.compile(r"[LlSsſMmCc](?i:(?<=l)og ?in|(?<=s)(?:ign|earch|kip to)|(?<=m)enu|(?<=c)ookie)")
NUMBER = re.compile(r"^第?[\d.一二三四五六七八九十百]{1,8}[章节回篇.、：:\s]{0,3}")
MARK = re.compile(r"[。！？；，、]|[.!?,;] ")
MARKS = re.compile(r"[。；]")
# Endings of site names, for a name before the headline: 清河日报数字报-渡口重开.
SITE_NAME = re.compile(
    r".*(?:[网報报社刊]|電子版|电子版|数字报|在线|在線|论坛|論壇|博客|频道|頻道|门户|門戶|人民政府|委员会|Online|News|Blog)", re.IGNORECASE
)
LONGEST_END = 6  # characters of the longest of these
SITE_CHARS = 8
SIZES = ((4, "1"), (7, "2"), (12, "3"), (36, "4"), (60, "5"), (1 << 30, "6"))
BELOW = ((1, "at"), (2, "1"), (4, "3"), (9, "8"), (21, "20"), (1 << 30, "far"))  # lines from a headline down to the text
PROSE = ((2, "1"), (4, "3"), (6, "5"), (9, "8"), (1 << 30, "no"))
PLACES = ((1, "0"), (4, "3"), (21, "20"), (61, "60"), (1 << 30, "far"))
FRONT = re.compile(r"[_|｜–—»]|(?<=[^a-z])-|-(?=[^a-z])")  # followed by the name of the site or of a board
MORE = 12  # maximum characters of a headline before or after the part that the title repeats
BRACKETS = "【[(（<"


class Candidate(NamedTuple):
    """A line that may be the headline, with its features."""

    line: int
    signs: tuple[str, ...]


@lru_cache(maxsize=1)
def weights() -> dict[str, float]:
    """Return the weight of each feature in the logits of a headline."""
    return json.loads((resources.files(__package__) / "title_weights.json").read_text("utf-8"))["weights"]  # type: ignore[no-any-return]


def best_headline(lines: Sequence[Line], stated: Sequence[str], ruled: str = "") -> tuple[str, float]:
    """Return the most likely headline, and its probability among all lines considered; empty if there is none.

    ``stated`` are the titles stated by the document: ``<title>``, and those of its meta tags; ``ruled`` is the choice of the rules.
    """
    if clear := clear_headline(lines, stated):
        return clear, 1.0
    known, said = weights(), []
    for line, signs in Headlines(lines, stated, ruled).candidates():
        if "no-echo" in signs and "stop" in signs:  # a sentence
            continue
        if "site-name" in signs and len(lines[line].text) <= SITE_CHARS and not any(sign.endswith(STRONG) for sign in signs):
            continue
        said.append((sum([known[sign] for sign in signs if sign in known]), -line))
    if not said:
        return "", 0.0
    most, line = max(said)
    return lines[-line].text, 1 / sum(exp(other - most) for other, _ in said)


def clear_headline(lines: Sequence[Line], stated: Sequence[str]) -> str:
    """Return the only heading that equals a stated title or its beginning, except for a tag before it ([求助] 渡口在哪里); empty unless there is exactly one."""
    wanted = [plain(text) for text in stated]
    found = ""
    for line in lines[:MOST_LINES]:
        if line.link_density >= 0.5 or (line.tag not in HEADS and not _last_step(line.path) & 1):
            continue
        same = plain(line.text)
        if same == found or (len(same) < CLEAR and not (line.tag == "h1" and same in wanted)):
            continue
        tagged = same[:1] in BRACKETS and len(same) <= LONGEST
        if any(
            title == same
            or (title.startswith(same) and not title[len(same)].isalnum())
            or (tagged and _likeness(same, title, _front(title)) == "holds")
            for title in wanted
        ):
            if found:
                return ""
            found = same
    return next((line.text for line in lines if found and plain(line.text) == found and line.link_density < 0.5), "")


def plain(text: str) -> str:
    """Return a text without blanks, in lower case."""
    return "".join(text.split()).lower()


def is_site_name(text: str) -> bool:
    """Return whether a line ends like the name of a site."""
    return SITE_NAME.fullmatch(text, max(0, len(text) - LONGEST_END)) is not None


def _last_step(path: str) -> int:
    """Return the meaning of the last step of a path, as in `_step`."""
    return _step(path[path.rfind("/") + 1 :].partition("[")[0])


@lru_cache(maxsize=8192)
def _step(step: str) -> int:
    """Return the meaning of a step of a path without its index: 1 a title, 2 the header of a site, 4 related pages."""
    tag, *names = re.split("[#.]", step)
    words = class_words(" ".join(names))
    named = not NAMES.isdisjoint(words) or any(word.endswith("title") for word in words)
    return named + 2 * (tag == "nav" or not SITE.isdisjoint(words)) + 4 * (tag in ("aside", "footer") or not RELATED.isdisjoint(words))


def _within(value: int, steps: Sequence[tuple[int, str]]) -> str:
    return next(name for below, name in steps if value < below)


class Headlines:
    """The lines of a document that may be its headline, and the features of each."""

    def __init__(self, lines: Sequence[Line], stated: Sequence[str], ruled: str = "") -> None:
        self.lines = lines = lines[:MOST_LINES]
        self.ruled = ruled
        self.plain = [plain(line.text) for line in lines]
        wanted = [(name, title, _front(title)) for name, title in zip(("title", "og"), map(plain, stated), strict=False) if title]
        self.echoes = [_echo(same, wanted) if SHORTEST <= len(same) <= LONGEST else [] for same in self.plain]
        self.begun = any(echo and echo[0].endswith(STRONG) for echo in self.echoes)
        self.blind = not any(self.echoes)
        self.prose = [
            len(line.text) >= SENTENCE and line.link_density < 0.3 and PROSE_END.search(line.text[-2:]) is not None for line in lines
        ]
        self.ahead = [9] * (len(lines) + 1)  # lines from each to the next line of prose, 9 if it is more than 8 lines away
        for i in range(len(lines) - 2, -1, -1):
            self.ahead[i] = 1 if self.prose[i + 1] else min(self.ahead[i + 1] + 1, 9)
        self.seen = Counter(line.text for line in lines)
        self.heads = Counter(line.tag for line in lines)
        self.names = [_last_step(line.path) for line in lines]
        self.facts: dict[int, int] = {}
        self.order = 0  # of lines that neither belong to the site nor are commands

    @cached_property
    def start(self) -> int:
        """The first line of the longest run of prose, with as few links in it as possible."""
        best, start, total, since = 0.0, 0, 0.0, 0
        for i, line in enumerate(self.lines):
            if line.link_density < 0.5 and MARK.search(line.text):
                total += min(len(line.text), 200)
            else:
                total -= 30 if line.link_density >= 0.5 else 10
            if total <= 0:
                total, since = 0.0, i + 1
            elif total > best:
                best, start = total, since
        return start

    @cached_property
    def start_path(self) -> list[str]:
        """The steps of the path of that line."""
        return self.lines[self.start].path.split("/")

    def candidates(self) -> Iterator[Candidate]:
        """Yield the lines that may be the headline."""
        passed, crumbs, plain_ones = 0, "", 0
        for i, line in enumerate(self.lines):
            text = line.text
            asked = bool(self.echoes[i]) or line.tag in HEADS or self.names[i] & 1 or self.start - ABOVE <= i <= self.start
            if not asked and line.link_density < 0.5 and passed < AFTER and plain_ones < PLAIN:
                asked, plain_ones = True, plain_ones + 1
            if asked and SHORTEST <= len(text) <= LONGEST:
                signs = [*self._likeness(i), *self._form(i), *self._place(i)]
                if crumbs and len(self.plain[i]) > 2 and crumbs.endswith(self.plain[i]):
                    signs.append("crumbs-end")
                if passed:
                    signs.append("after-prose" if passed < 3 else "deep")
                if self.blind:
                    signs += ["blind-" + sign for sign in signs]
                yield Candidate(i, tuple(signs))
            passed += self.prose[i]
            if len(text) <= LONGEST and CRUMB.search(text):
                crumbs = self.plain[i]

    def _likeness(self, i: int) -> Iterator[str]:
        """Yield the kinds of similarity of a line to the stated titles."""
        line, echo = self.lines[i], self.echoes[i]
        strong = bool(echo) and echo[0].endswith(STRONG)
        yield from echo or ("no-echo",)
        if self.begun and echo and not strong:
            yield "beaten"
        if line.tag in HEADS[:3]:
            yield f"{line.tag}-{'only' if self.heads[line.tag] == 1 else 'many'}"
            if strong:
                yield "heading-echo"
        else:
            yield f"tag-{line.tag}"
        if line.link_density >= 0.5:
            yield "linked-echo" if echo else "linked"
        elif line.link_density:
            yield "some-links"
        if self.ruled and line.text == self.ruled:
            yield "ruled"

    def _form(self, i: int) -> Iterator[str]:
        """Yield features of the text of a line."""
        text, size = self.lines[i].text, len(self.plain[i])
        yield "size-" + _within(size, SIZES)
        if PROSE_END.search(text[-2:]):
            yield "stop" if text[-1] in "。；”" else "stop-?"
        if MARK.search(text):
            yield "mark"
            if MARKS.search(text[:-1]):
                yield "stops"
        dated, crumb, command = _is_dated(text), CRUMB.search(text), COMMAND.search(text) or ENGLISH_COMMAND.search(text)
        if dated:
            yield "date"
        if LABEL.match(text) or ENGLISH_LABEL.match(text):
            yield "label"
        elif text[-1] in ":：":
            yield "colon"
        if crumb:
            yield "crumb"
        if command:
            yield "command"
        if NUMBER.match(text):
            yield "chapter" if text[0] == "第" else "numbered"
        if text[0] in BRACKETS:
            yield "bracketed"
        if is_site_name(text):
            yield "site-name"
        if "\t" in text:
            yield "row"
        if (again := self.seen[text]) > 1:
            yield "again"
            if again > 3:
                yield "often"
        if not (dated or crumb or command) and self.lines[i].link_density < 0.5 and size > 3 and not self._around(i) & 2:
            self.order += 1
            if self.order < 4:
                yield f"order-{self.order}"

    def _around(self, i: int) -> int:
        return self.names[i] | _last_step(self.lines[i].path.rpartition("/")[0])

    def _facts(self, i: int) -> int:
        """Return 1 for a line with a date, 2 for one with a label of a fact, 3 for both; -1 for a long one."""
        said = self.facts.get(i)
        if said is None:
            text = self.lines[i].text
            said = self.facts[i] = -1 if len(text) >= 80 else _is_dated(text) + 2 * bool(LABEL.search(text) or ENGLISH_LABEL.search(text))
        return said

    def _place(self, i: int) -> Iterator[str]:
        """Yield features of the surroundings of a line."""
        lines, line = self.lines, self.lines[i]
        around = self._around(i)
        if "/center" in line.path[-30:]:
            yield "centred"
        if self.names[i] & 1:
            yield "named"
        elif around & 1:
            yield "named-above"
        elif not NAMES.isdisjoint(line.tokens):
            yield "named-inline"
        if around & 2:
            yield "of-site"
        if around & 4:
            yield "of-related"
        yield "prose-" + _within(self.ahead[i], PROSE)
        nexts = [said for said in map(self._facts, range(i + 1, min(i + 1 + NEAR, len(lines)))) if said >= 0]
        if any(said & 1 for said in nexts):
            yield "date-follows"
            if nexts[0] & 1:
                yield "date-next"
        if any(said & 2 for said in nexts[:3]):
            yield "label-follows"
        if i and lines[i - 1].link_density < 0.5 and len(lines[i - 1].text) > SENTENCE:
            yield "after-long"
        if i + 1 < len(lines) and lines[i + 1].link_density > 0.9 and not self.names[i] & 1:
            yield "before-link"
        if i and lines[i - 1].link_density > 0.3:
            yield "after-link"
        yield "at-" + _within(i, PLACES)
        gap = self.start - i
        yield "start-" + (_within(gap, BELOW) if gap >= 0 else "in3" if gap > -4 else "inside")
        if self.start < len(lines):
            own, text = line.path.split("/"), self.start_path
            common = next((k for k, (x, y) in enumerate(zip(own, text, strict=False)) if x != y), min(len(own), len(text)))
            yield f"away-{min(len(text) - common, 6)}{'u' if gap >= 0 else 'd'}"
            yield f"deep-{min(len(own) - common, 4)}"


def _is_dated(text: str) -> bool:
    return DIGIT.search(text) is not None and DATE.search(text) is not None


def _front(title: str) -> str:
    """Return a title without the name of the site or a board after it."""
    return FRONT.split(title, maxsplit=1)[0]


def _echo(same: str, wanted: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the kinds of similarity of the text of a line to the stated titles, each of which is given with its name and its front."""
    out: list[str] = []
    for name, title, front in wanted:
        if same == title:
            out.append(f"{name}-same")
        elif title.startswith(same) and not title[len(same)].isalnum():
            out.append(f"{name}-begins")
        else:
            how = _likeness(same, title, front)
            if not how:
                continue
            share = len(same) / len(title)
            out += [f"{name}-{how}", f"{name}-{'most' if share > 0.5 else 'some' if share > 0.25 else 'little'}"]
    return out


def _likeness(same: str, title: str, front: str) -> str:
    """Return the similarity of a line to a title that does not begin with it."""
    if 4 < len(front) < len(same) <= len(front) + MORE and front in same and not CRUMB.search(same):  # [求助] 渡口在哪里 - 某某论坛
        return "holds"
    if same in title:
        return "ends" if title.endswith(same) and not title[-len(same) - 1].isalnum() else "part"
    if (number := NUMBER.match(same)) and len(same) - number.end() > 2 and title.startswith(same[number.end() :]):
        return "numbered"
    if len(title) > 3 and title in same and len(same) < 2 * len(title) + 8:
        return "inside"
    return "near" if len(same) > 7 and same[:6] in title else ""
