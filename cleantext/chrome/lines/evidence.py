"""Evidence: the finding of one rule on one line, and the kinds of rules that need the line as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from cleantext.chrome.lines.columns import B
from cleantext.chrome.matching.pattern_nodes import Question, opening
from cleantext.chrome.rules.pack import Pack, Rule
from cleantext.chrome.rules.salvage import read_labels

__all__ = ["NUMBERED", "PROTECTED", "SIGNED_DATE", "Evidence", "Findings", "labels", "salvaged", "shielding", "spans"]

Salvage = tuple[tuple[str, int, int], ...]  # field, and its span in the line

PROTECTED = Question(
    r"第 ?[一二三四五六七八九十百零〇\d]{1,5} ?[条章节编款项回卷讲课]"
    r"|[一二三四五六七八九十]{1,3}[、.]|[(]?[一二三四五六七八九十]{1,3}[)]|[壹贰叁肆伍陆柒捌玖拾]、"
    r"|\d{1,2}[.、)](?!\d)|[①-⑳]|[a-h][.、)] ?[\u3400-\u9fff]|注:.{0,30}(?:为准|参考)"
    r"|附(?:件|表|录|图)(?:\d|[一二三四五六七八九十:]|$)|(?:主送|抄送|抄报)[:]"
    r"|(?:特此|此致|敬礼|祝好)|[qa问答][:]|>>>|\$ |参考文献|注释",
    "match",
)
NUMBERED = Question(r".{0,12}[〔\[(](?:19|20)\d\d[〕\])]\d{1,5}号")
SIGNED_DATE = Question(
    r"(?:(?:19|20)\d\d|二[〇○0][〇○一二三四五六七八九0]{2}|中华民国.{1,8})年.{1,3}月.{1,3}日|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}"
)


class Evidence(NamedTuple):
    """The finding of one rule on one line."""

    rule: Rule
    power: int
    start: int  # of the part to cut, as an offset in the line; a whole line has (0, its length)
    end: int
    salvage: tuple[tuple[str, int, int], ...] = ()  # field, and its span in the line
    note: str = ""  # why it is stronger than its rule, for readers of the reasons
    words: int = 0  # for a line of widget words: how many separate ones

    @classmethod
    def alone(cls, rule: Rule) -> Evidence:
        """Return the evidence of a rule for lines that are removed together with others."""
        return cls(rule, rule.power, 0, 0)


class Findings(NamedTuple):
    """All findings on the text of a line."""

    evidence: tuple[Evidence, ...] = ()  # against the whole line, strongest first
    spans: tuple[Evidence, ...] = ()  # against parts of it
    heads: tuple[Rule, ...] = ()  # blocks whose heading it can be
    gain: int = 0  # score for being in the body of a page
    shield: int = 0  # 1: a numbered heading, an attachment and the like; 2: a date, as under a signature


@lru_cache(maxsize=1)
def shielding() -> Iterable[str]:
    """Return the characters with which a protected line can start, except for lines that end in a document number."""
    return [chr(c) for asked in (PROTECTED, SIGNED_DATE) for low, high in opening(asked) for c in range(low, high + 1)]


def spans(line: str, rule: Rule) -> Iterator[Evidence]:
    """Yield evidence against the parts of a line that a rule matches."""
    first = rule.pattern.search(line) if len(line) <= rule.longest else None
    if first is None or (rule.guard and rule.guard.search(line)):
        return
    for match in rule.pattern.finditer(line, first.start()):
        a, b = match.span("cut") if "cut" in rule.pattern.groupindex else match.span()
        if a < b:
            yield Evidence(rule, rule.power, a, b, salvaged(rule, match, 0))


def salvaged(rule: Rule, match: re.Match[str] | None, shift: int) -> tuple[tuple[str, int, int], ...]:
    """Return the fields that a match names, with their spans moved by ``shift`` characters."""
    if match is None or not rule.pattern.groupindex:
        return ()
    fields = [(rule.salvage if name == "value" else name, *match.span(name)) for name in rule.pattern.groupindex if name != "cut"]
    return tuple((name, a + shift, b + shift) for name, a, b in fields if name and a >= 0)


def labels(line: str, shift: int, core: str, pack: Pack) -> Iterator[Evidence]:
    """Yield evidence against a line that consists of labels and values, if each value has the shape that its label requires."""
    pairs = read_labels(core, pack)
    rules = [p.rule for p in pairs if p.rule]
    if rules:
        best = min(rules, key=lambda r: (-r.power, r.id))
        salvage = ((p.rule.salvage if p.rule else "published", p.start + shift, p.end + shift) for p in pairs)
        yield Evidence(best, min(B, best.power), 0, len(line), tuple(s for s in salvage if s[0]))
