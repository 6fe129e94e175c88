"""Voters: what the text of a line says against it, whatever stands around it.

A pure function of the folded line and the pack, and so remembered: on a crawl most lines of page chrome
come back on the next page. Nothing is decided here; see `cleantext.chrome.lines`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from cleantext.chrome.metadata import read_labels
from cleantext.chrome.rules import SHORT, Pack, Rule, unwrap

__all__ = ["A", "B", "C", "Evidence", "Votes", "collect"]

A, B, C = 3, 2, 1

REMEMBERED = 80  # characters; longer lines hardly ever return
MEMORY = 1 << 17  # lines remembered for a pack
BAR = 6  # words of a row of links
UNMARKED = 30  # characters from which a line without marks is rather prose than a title
WIDGETS = 240  # characters of a line of widget words

PARAGRAPH = 80  # characters from which a line with a full stop is tried for its anchors only

_PROTECTED = re.compile(
    r"第 ?[一二三四五六七八九十百零〇\d]{1,5} ?[条章节编款项回卷讲课]"
    r"|[一二三四五六七八九十]{1,3}[、.]|[(]?[一二三四五六七八九十]{1,3}[)]|[壹贰叁肆伍陆柒捌玖拾]、"
    r"|\d{1,2}[.、)](?!\d)|[①-⑳]|[a-h][.、)] ?[\u3400-\u9fff]|注:.{0,30}(?:为准|参考)"
    r"|.{0,12}[〔\[(](?:19|20)\d\d[〕\])]\d{1,5}号$|附(?:件|表|录|图)(?:\d|[一二三四五六七八九十:]|$)|(?:主送|抄送|抄报)[:]"
    r"|(?:特此|此致|敬礼|祝好)|[qa问答][:]|>>>|\$ |参考文献|注释"
)
_SIGNED_DATE = re.compile(
    r"(?:(?:19|20)\d\d|二[〇○0][〇○一二三四五六七八九0]{2}|中华民国.{1,8})年.{1,3}月.{1,3}日|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}"
)
_CLAUSES = re.compile(r"[,、:]")
_STOP = re.compile(r"[。;]|[.!?][\"'”’)]?(?:\s|$)")
_GAP = re.compile(r"[ |·丨┊/\\]+")
_GAPS = re.compile(r"[^\w+]+")
_EDGE = frozenset(" \t\r\xa0|·丨/\\,、;:>»›<«‹→←\u2013\u2014_-[]【】()〔〕〖〗「」『』“”\"'…┊&+•*×▼▲▶►◄↑↓#=~!?.︱∨∧^")
_COUNT = re.compile(r"\d[\d.,]*[万亿千kw+%]{0,2}(?![\u3400-\u9fffa-z])")


class Evidence(NamedTuple):
    """What one voter says of one line."""

    rule: Rule
    power: int
    start: int  # of the part to cut, in the line; a whole line has (0, its length)
    end: int
    salvage: tuple[tuple[str, int, int], ...] = ()  # field and span in the line
    note: str = ""  # what made it stronger than its rule, for the reader of the reasons
    words: int = 0  # of a line of widget words: how many stand apart


class Votes(NamedTuple):
    """All that the text of a line says."""

    evidence: tuple[Evidence, ...] = ()  # against the whole line, strongest first
    spans: tuple[Evidence, ...] = ()  # against parts of it
    heads: tuple[Rule, ...] = ()  # blocks that it can be the heading of
    gain: int = 0  # how much it speaks for standing in the body of a page
    shield: int = 0  # 1: a numbered heading, an attachment and their kin; 2: a date, as under a signature


@lru_cache(maxsize=2048)
def _quiet(gain: int, shield: int) -> Votes:
    return Votes(gain=gain, shield=shield)


_MEMORY: dict[int, tuple[Pack, dict[str, Votes]]] = {}


def _remembered(pack: Pack) -> dict[str, Votes]:
    """Return what was voted with this very pack before. Packs are few: they come from a cache themselves."""
    known = _MEMORY.get(id(pack))
    if known is None or known[0] is not pack:
        if len(_MEMORY) >= 8:
            _MEMORY.clear()
        known = _MEMORY[id(pack)] = (pack, {})
    if len(known[1]) > MEMORY:
        known[1].clear()
    return known[1]


def collect(lines: Sequence[str], pack: Pack) -> list[Votes]:
    """Return the votes on each folded line. Lines of many pages may come in one call: the cheapest way."""
    memory = _remembered(pack)
    out = [memory.get(line) for line in lines]
    fresh = list(dict.fromkeys(line for line, known in zip(lines, out, strict=True) if known is None))
    if fresh:
        new = dict(zip(fresh, _vote(fresh, pack), strict=True))
        memory |= {line: votes for line, votes in new.items() if len(line) <= REMEMBERED}
        out = [new[line] if known is None else known for line, known in zip(lines, out, strict=True)]
    return out  # type: ignore[return-value]


def _vote(lines: list[str], pack: Pack) -> Iterator[Votes]:
    """Vote on distinct lines."""
    short = [n for n, line in enumerate(lines) if len(line) <= SHORT]
    long = [n for n, line in enumerate(lines) if len(line) > SHORT]
    found: dict[int, Sequence[Rule]] = {}
    for numbers, anchors in ((short, pack.anchored), (long, pack.anchored_long)):
        found |= {numbers[k]: rules for k, rules in anchors.found([lines[n] for n in numbers])}
    for n, line in enumerate(lines):
        rules = found.get(n, ())
        if not rules and (len(line) > WIDGETS or (len(line) > PARAGRAPH and "。" in line)):
            yield _quiet(_gain(line), 0)
        else:
            yield _vote_line(line, rules, pack)


def _vote_line(line: str, anchored: Sequence[Rule], pack: Pack) -> Votes:
    a, b = unwrap(line)
    core = line[a:b]
    shield = _shield(line, core)
    if not core:
        return _quiet(_gain(line), shield)
    evidence: list[Evidence] = []
    spans: list[Evidence] = []
    heads: list[Rule] = []
    for rule in (*anchored, *pack.first.get(core[0], ())):
        if len(core) > rule.longest:  # half of what prose holds an anchor of
            continue
        if rule.kind == "span":
            spans += _spans(line, rule)
        elif match := rule.finds(core):
            if rule.kind == "block":
                heads.append(rule)
            else:
                evidence.append(Evidence(rule, rule.power, 0, len(line), _groups(rule, match, a)))
    if len(core) <= WIDGETS and "。" not in core:
        evidence += _words(line, core, pack)
        if len(core) <= SHORT and pack.label_end.search(core):
            evidence += _labels(line, a, core, pack)
    if not (evidence or spans or heads):
        return _quiet(_gain(line), shield)
    evidence.sort(key=lambda e: (-e.power, -len(e.salvage), e.rule.kind != "label", e.rule.id))
    spans.sort(key=lambda e: (e.start, -e.end, e.rule.id))
    heads.sort(key=lambda r: r.id)
    return Votes(tuple(evidence), tuple(spans), tuple(heads), _gain(line), shield)


def _shield(line: str, core: str) -> int:
    """Say what protects a line: 1 always, 2 in the tail of a page."""
    if _PROTECTED.match(core) or _PROTECTED.match(line.lstrip()):
        return 1
    return 2 if len(core) <= 20 and _SIGNED_DATE.fullmatch(core) else 0


def _gain(line: str) -> int:
    """Weigh a line as body text: its length where it holds sentences, a small loss where it does not.

    Two clauses in 50 characters count as well, as do exclamations and questions, at half: titles of
    related pages are full of both.
    """
    n = len(line)
    if n < 12:
        if line.rstrip().endswith("。"):
            return n
        return -3 if line.strip() and "\t" not in line else 0  # cells of a table speak neither for nor against
    if "。" in line:
        return min(n, 200)
    if _STOP.search(line, 3):  # not the full stop of a number in front
        return min(n, 200) if n >= 50 else n // 2
    if n >= 50 and len(_CLAUSES.findall(line)) >= 2:
        return min(n, 200) // 2
    return 4 if n >= UNMARKED and "\t" not in line else -3


def _spans(line: str, rule: Rule) -> Iterator[Evidence]:
    first = rule.pattern.search(line) if len(line) <= rule.longest else None
    if first is None or (rule.guard and rule.guard.search(line)):
        return
    for match in rule.pattern.finditer(line, first.start()):
        a, b = match.span("cut") if "cut" in rule.pattern.groupindex else match.span()
        if a < b:
            yield Evidence(rule, rule.power, a, b, _groups(rule, match, 0))


def _groups(rule: Rule, match: re.Match[str], shift: int) -> tuple[tuple[str, int, int], ...]:
    fields = [(rule.salvage if name == "value" else name, *match.span(name)) for name in rule.pattern.groupindex if name != "cut"]
    return tuple((name, a + shift, b + shift) for name, a, b in fields if name and a >= 0)


def _words(line: str, core: str, pack: Pack) -> Iterator[Evidence]:
    """Vote against a line that is made of widget words only, in any order.

    Two words of strength B, or three of C, are as good as one of the next strength; alone, none is better than B, for
    features of a program and headings of a manual are called as buttons are. Common words (of places, feelings) add nothing.
    """
    if core[0] not in pack.vocabulary and core[0] not in _EDGE and not core[0].isdigit():
        return
    used = _segment(core, pack)
    if not used:
        yield from _bar(line, core, pack)
        return
    best = min(used, key=lambda r: (-r.power, r.id))
    strong = sum(r.power >= B for r in used)
    power = A if strong >= 2 else B if strong or (len(used) >= 3 and sum(not r.common for r in used) >= 2) else C
    yield Evidence(best, power, 0, len(line), words=len([t for t in _GAPS.split(core) if any(map(str.isalpha, t))]))


def _bar(line: str, core: str, pack: Pack) -> Iterator[Evidence]:
    """Vote against a row of six and more short words most of which are known: no site's channels are all in a list."""
    if sum(map(core.count, " |·丨┊/")) < BAR - 1:
        return
    tokens = _GAP.split(core)
    if len(tokens) < BAR or max(map(len, tokens)) > 10:
        return
    known = [rule for token in tokens for rule in _segment(token, pack)[:1]]
    if len(known) >= 0.7 * len(tokens):
        power = C if all(r.common for r in known) else B
        yield Evidence(min(known, key=lambda r: (-r.power, r.id)), power, 0, len(line), words=len(tokens))


def _segment(core: str, pack: Pack) -> list[Rule]:
    """Split a line into words of the vocabulary, separators and counts, long words first; nothing where it cannot be."""
    vocabulary, n = pack.vocabulary, len(core)
    dead: set[int] = set()
    stack: list[tuple[int, Iterator[tuple[str, Rule]], Rule | None]] = []
    at = _skip(core, 0)
    candidates = iter(vocabulary.get(core[at], ())) if at < n else iter(())
    while at < n:
        for word, rule in candidates:
            if not core.startswith(word, at) or not _bounded(core, at, at + len(word), word):
                continue
            following = _skip(core, at + len(word))
            if following not in dead:
                stack.append((at, candidates, rule))
                at = following
                candidates = iter(vocabulary.get(core[at], ())) if at < n else iter(())
                break
        else:
            dead.add(at)
            if not stack:
                return []
            at, candidates, _ = stack.pop()
    return [rule for _, _, rule in stack if rule]


def _skip(core: str, at: int) -> int:
    """Return where the next word starts, behind separators and counts."""
    n = len(core)
    while at < n:
        if core[at] in _EDGE:
            at += 1
        elif core[at].isdigit() and (count := _COUNT.match(core, at)):
            at = count.end()
        else:
            break
    return at


def _bounded(core: str, start: int, end: int, word: str) -> bool:
    """Say whether a word stands apart: letters from letters, a single character from everything."""
    before = core[start - 1] if start else " "
    after = core[end] if end < len(core) else " "
    if (_spelled(word[0]) and _spelled(before)) or (_spelled(word[-1]) and _spelled(after)):
        return False
    return len(word) > 1 or ((before in _EDGE or before.isdigit()) and (after in _EDGE or after.isdigit()))


def _spelled(char: str) -> bool:
    """Say whether a letter belongs to a script that parts words by blanks: all but Han and kana."""
    return char.isalpha() and not "\u3040" <= char <= "\u9fff"


def _labels(line: str, shift: int, core: str, pack: Pack) -> Iterator[Evidence]:
    """Vote against a line that is labels and values only, each value of the shape that its label asks for."""
    pairs = read_labels(core, pack)
    rules = [p.rule for p in pairs if p.rule]
    if rules:
        best = min(rules, key=lambda r: (-r.power, r.id))
        salvage = ((p.rule.salvage if p.rule else "published", p.start + shift, p.end + shift) for p in pairs)
        yield Evidence(best, min(B, best.power), 0, len(line), tuple(s for s in salvage if s[0]))
