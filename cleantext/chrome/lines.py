"""The line model: evidence for every line of a page, and the arbiter that decides.

Voters give evidence; none of them deletes. A line goes when its evidence is strong enough for
where it stands (head, tail, or inside the body), or when a second reason supports it:

* strength A acts anywhere, B in the head and the tail or beside a line that acted, C only among lines
  that acted;
* protectors (numbered headings, document numbers, signatures, attachments, dialogue) acquit;
* a gate keeps the page whole where removal would leave no body.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cleantext.chrome.metadata import gather, read_labels
from cleantext.chrome.rules import Pack, Rule, unwrap
from cleantext.edits import Edit

__all__ = ["Evidence", "Line", "Verdict", "judge"]

A, B, C = 3, 2, 1

# A sentence: long enough, and with a mark that ends or joins clauses.
_SENTENCE = re.compile(r"[。!?;…]|[.!?][\"'”’)]?(?:\s|$)")
_CLAUSES = re.compile(r"[,、:]")
_LETTER = re.compile(r"[^\W\d_]")
_WORD_EDGE = re.compile(r"[\s|·丨/\\,、;:>»›→\-–—_\[\]【】()〔〕〖〗<>「」“”\"'…┊&+•*×▼▲▶→←↑↓#=~!?.]+")
_COUNT = re.compile(r"[\d.,]+[万亿kw+%]?")
_PROTECTED = re.compile(
    r"第[一二三四五六七八九十百零〇\d]{1,5}[条章节编款项回卷讲课]"
    r"|[一二三四五六七八九十]{1,3}[、.]|[(]?[一二三四五六七八九十]{1,3}[)]|[壹贰叁肆伍陆柒捌玖拾]、"
    r"|\d{1,2}[.、)](?!\d)|[①-⑳]"
    r"|.{0,12}[〔\[(](?:19|20)\d\d[〕\])]\d{1,5}号$|附(?:件|表|录|图)(?:\d|[一二三四五六七八九十:]|$)|(?:主送|抄送|抄报)[:]"
    r"|(?:特此|此致|敬礼|祝好)|[qa问答][:]|>>>|\$ |参考文献|注释"
)
_SIGNED_DATE = re.compile(r"(?:(?:19|20)\d\d|二[〇○0][〇○一二三四五六七八九0]{2}|中华民国.{1,8})年.{1,3}月.{1,3}日|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}")


class Evidence(NamedTuple):
    """What one voter says of one line."""

    rule: Rule
    power: int
    start: int  # of the part to cut, in the line; a whole line has (0, its length)
    end: int
    salvage: tuple[tuple[str, int, int], ...] = ()  # field and span in the line


@dataclass(slots=True)
class Line:
    """One line that is not blank."""

    start: int  # in the page
    end: int  # without the line break
    folded: str
    zone: str = "body"
    evidence: list[Evidence] = field(default_factory=list)
    spans: list[Evidence] = field(default_factory=list)
    acted: Evidence | None = None

    @property
    def best(self) -> Evidence | None:
        """The strongest evidence against the whole line."""
        return max(self.evidence, key=lambda e: e.power) if self.evidence else None


class Verdict(NamedTuple):
    """What is cut from a page, and what was salvaged."""

    edits: list[Edit]
    flags: list[str]
    metadata: dict[str, Any]


def judge(text: str, folded: str, pack: Pack, *, safety: str = "safe") -> Verdict:
    """Decide for every line of a page. ``folded`` is ``fold.view(text)``, code point for code point."""
    lines = _split(folded)
    if not lines:
        return Verdict([], [], {})
    _collect(lines, folded, pack)
    _zones(lines)
    _protect(lines)
    _arbitrate(lines, safety)
    for block in (r for r in pack.rules if r.kind == "block"):
        _grow(lines, block)
    _echo(lines, pack)
    flags = _gate(lines)
    return Verdict(_cuts(text, lines), flags, _salvaged(text, lines))


def _split(folded: str) -> list[Line]:
    lines, at = [], 0
    for raw in folded.split("\n"):
        if raw and not raw.isspace():
            lines.append(Line(at, at + len(raw), raw))
        at += len(raw) + 1
    return lines


# ---------------------------------------------------------------- voters


def _collect(lines: list[Line], folded: str, pack: Pack) -> None:
    starts = [line.start for line in lines]
    tried: set[tuple[int, int]] = set()
    automaton, owners = pack.anchored
    if automaton is not None:
        for anchor, at, _ in automaton.find_matches_as_indexes(folded, overlapping=True):
            n = bisect_right(starts, at) - 1
            for rule in owners[anchor]:
                if (n, id(rule)) not in tried:
                    tried.add((n, id(rule)))
                    _try(lines[n], rule)
    for line in lines:
        if line.end - line.start > 200:
            continue
        a, b = unwrap(line.folded)
        core = line.folded[a:b]
        if len(core) <= 60:
            for rule in pack.unanchored:
                _try(line, rule)
            _words(line, core, pack)
        _labels(line, a, core, pack)


def _try(line: Line, rule: Rule) -> None:
    if rule.kind == "span":
        if rule.guard and rule.guard.search(line.folded):
            return
        for match in rule.pattern.finditer(line.folded):
            a, b = match.span("cut") if "cut" in rule.pattern.groupindex else match.span()
            line.spans.append(Evidence(rule, rule.power, a, b, _groups(rule, match, 0)))
    elif rule.kind == "line" and line.end - line.start <= rule.longest + 20:
        a, b = unwrap(line.folded)
        match = rule.finds(line.folded[a:b])
        if match:
            line.evidence.append(Evidence(rule, rule.power, 0, len(line.folded), _groups(rule, match, a)))


def _groups(rule: Rule, match: re.Match[str], shift: int) -> tuple[tuple[str, int, int], ...]:
    fields = [(rule.salvage if name == "value" else name, *match.span(name)) for name in rule.pattern.groupindex if name != "cut"]
    return tuple((name, a + shift, b + shift) for name, a, b in fields if name and a >= 0)


def _words(line: Line, core: str, pack: Pack) -> None:
    """Vote against a line that is made of widget words only, in any order."""
    used: list[Rule] = []
    for token in filter(None, _WORD_EDGE.split(core)):
        if _COUNT.fullmatch(token):
            continue
        found = _segment(token, pack)
        if not found:
            return
        used += found
    if not used:
        return
    power = max(r.power for r in used)
    if len(used) >= 3 or (len(used) == 2 and min(r.power for r in used) == B):
        power = min(A, power + 1)
    best = max(used, key=lambda r: r.power)
    line.evidence.append(Evidence(best, power, 0, len(line.folded)))


def _segment(token: str, pack: Pack) -> list[Rule] | None:
    """Split a token into words of the vocabulary, fewest first; None where it cannot be."""
    whole = pack.vocabulary.get(token) or pack.vocabulary.get(token.rstrip("0123456789"))
    if whole:
        return [whole]
    n = len(token)
    if n > 30 or n < 4:
        return None
    best: list[list[Rule] | None] = [[]] + [None] * n
    for end in range(1, n + 1):
        for start in range(max(0, end - pack.longest_word), end):
            before, rule = best[start], pack.vocabulary.get(token[start:end])
            if before is not None and rule and end - start >= 2 and (best[end] is None or len(before) + 1 < len(best[end] or ())):
                best[end] = [*before, rule]
    return best[n]


def _labels(line: Line, shift: int, core: str, pack: Pack) -> None:
    pairs = read_labels(core, pack)
    rules = [p.rule for p in pairs if p.rule]
    if rules:
        best = max(rules, key=lambda r: r.power)
        power = min(A, best.power + 1) if len({r.id for r in rules}) >= 3 else best.power
        salvage = tuple((p.rule.salvage if p.rule else "published", p.start + shift, p.end + shift) for p in pairs)
        line.evidence.append(Evidence(best, power, 0, len(line.folded), tuple(s for s in salvage if s[0])))


# ---------------------------------------------------------------- zones and protectors


def _is_sentence(line: Line) -> bool:
    folded = line.folded
    letters = len(folded)
    return letters >= 18 and (_SENTENCE.search(folded) is not None or (letters >= 50 and len(_CLAUSES.findall(folded)) >= 2))


def _zones(lines: list[Line]) -> None:
    """Head is what stands before the first sentence that no rule suspects, tail what stands after the last."""
    body = [n for n, line in enumerate(lines) if _is_sentence(line) and not (line.best and line.best.power >= B)]
    first, last = (body[0], body[-1]) if body else (len(lines), len(lines))
    for n, line in enumerate(lines):
        line.zone = "head" if n < first else "tail" if n > last else "body"


def _protect(lines: list[Line]) -> None:
    turns = Counter(e.rule.id for line in lines for e in line.evidence if e.rule.kind == "label" and len(e.salvage) == 1 and line.zone == "body")
    for line in lines:
        if not line.evidence:
            continue
        a, b = unwrap(line.folded)
        core = line.folded[a:b]
        if _PROTECTED.match(core) or _PROTECTED.match(line.folded.lstrip()) or (line.zone == "tail" and _SIGNED_DATE.fullmatch(core)):
            line.evidence = [e for e in line.evidence if e.power >= A and e.rule.kind != "label"]
        elif any(turns[e.rule.id] > 2 for e in line.evidence):  # a label that returns is a speaker
            line.evidence = [e for e in line.evidence if turns[e.rule.id] <= 2]


# ---------------------------------------------------------------- the arbiter


def _arbitrate(lines: list[Line], safety: str) -> None:
    for line in lines:
        best = line.best
        if best and (best.power >= A or (best.power == B and line.zone in best.rule.zones)):
            line.acted = best
        elif best and safety == "aggressive" and line.zone in best.rule.zones:
            line.acted = best
    # Support by neighbours, until nothing moves: a footer grows from its certain lines.
    moved = True
    while moved:
        moved = False
        for n, line in enumerate(lines):
            best = line.best
            if line.acted or not best:
                continue
            near = sum(other.acted is not None for other in lines[max(0, n - 2) : n + 3])
            beside = any(other.acted is not None for other in lines[max(0, n - 1) : n + 2])
            around = sum(other.acted is not None for other in lines[max(0, n - 5) : n + 6])
            if (best.power == B and beside and line.zone != "body") or (
                best.power == C and line.zone in best.rule.zones and (near >= 2 or around >= 3 or (beside and _alone(lines, n)))
            ):
                line.acted = best
                moved = True


def _alone(lines: list[Line], n: int) -> bool:
    """Say whether nothing unsuspected stands between a line and the end of its zone."""
    rest = lines[:n] if lines[n].zone == "head" else lines[n + 1 :]
    return all(line.acted or line.evidence for line in rest) and lines[n].zone == "tail"


def _grow(lines: list[Line], block: Rule) -> None:
    """Take the rows under a heading with it: related articles, member lists, link lists."""
    n = 0
    while n < len(lines):
        head = lines[n]
        a, b = unwrap(head.folded)
        match = block.finds(head.folded[a:b]) if head.zone in block.zones and any(x in head.folded for x in block.anchors) else None
        rows = _rows(lines, n + 1, block) if match and not head.acted else 0
        if rows >= block.least:
            for line in lines[n : n + 1 + rows]:
                line.acted = line.acted or Evidence(block, block.power, 0, len(line.folded))
            n += rows
        n += 1


def _rows(lines: Sequence[Line], n: int, block: Rule) -> int:
    tag, count = None, 0
    for line in lines[n : n + block.most]:
        match = block.row_pattern.fullmatch(line.folded.strip())
        if not match or line.zone not in block.zones or (_PROTECTED.match(line.folded.strip()) and not match.groupdict().get("tag")):
            break
        if "tag" in block.row_pattern.groupindex:
            tag = tag or match["tag"]
            if match["tag"] != tag:
                break
        count += 1
    return count


def _echo(lines: list[Line], pack: Pack) -> None:
    """Salvage a bare name under the date as the source, where the foot of the page names it again."""
    rule = pack.by_id.get("meta.source-echo")
    if rule is None:
        return
    for date, line in zip(lines, lines[1:], strict=False):
        name = line.folded.strip()
        dated = date.acted and any(f == "published" for f, _, _ in date.acted.salvage)
        if line.zone != "head" or line.acted or not dated or not rule.finds(name):
            continue
        if any(other.acted and other.zone == "tail" and name in other.folded for other in lines):
            at = line.folded.index(name)
            line.acted = Evidence(rule, rule.power, 0, len(line.folded), (("source", at, at + len(name)),))


def _gate(lines: list[Line]) -> list[str]:
    """Keep the page whole where little would be left of it."""
    gone = [line for line in lines if line.acted]
    if not gone:
        return []
    if len(gone) == len(lines):
        flag = "all_chrome"
    elif sum(len(x.folded) for x in gone if _is_sentence(x)) > 0.6 * sum(len(x.folded) for x in lines if _is_sentence(x)):
        flag = "over_removal"
    else:
        return []
    for line in lines:
        line.acted = None
        line.spans.clear()
    return [flag]


# ---------------------------------------------------------------- the result


def _cuts(text: str, lines: list[Line]) -> list[Edit]:
    """Turn decisions into edits. A line goes with its line break and the blank lines behind it."""
    edits: list[Edit] = []
    kept_end = 0  # end of the last line that stays
    for n, line in enumerate(lines):
        following = lines[n + 1].start if n + 1 < len(lines) else len(text)
        if line.acted is None:
            edits += _span_cuts(text, line)
            kept_end = line.end
            continue
        start, end = line.start, following
        if all(x.acted for x in lines[n:]):  # the foot of the page goes with the line breaks before it
            start = kept_end if n == 0 or lines[n - 1].acted is None else line.start
            end = following if n + 1 < len(lines) or not text.endswith("\n") or not kept_end else len(text) - 1
        elif n + 1 < len(lines) and lines[n + 1].acted is None:
            end -= _separator(text, kept_end, line, following, lines)
        edits.append(Edit(start, end, text[start:end], "", line.acted.rule.id))
    return edits


def _separator(text: str, kept_end: int, line: Line, following: int, lines: list[Line]) -> int:
    """Return how many line breaks to leave, so that paragraphs parted by a blank line stay parted."""
    first = next((x.start for x in lines if x.start > kept_end or (kept_end == 0 and x.start == 0)), line.start)
    parted_before = text.count("\n", kept_end, first) >= 2 or kept_end == 0
    parted_after = text.count("\n", line.end, following) >= 2
    return 1 if parted_after and not parted_before and text[following - 1] == "\n" else 0


def _span_cuts(text: str, line: Line) -> Iterable[Edit]:
    at = line.start
    for cut in sorted(line.spans, key=lambda e: (e.start, -e.end)):
        start, end = line.start + cut.start, line.start + cut.end
        if start >= at and end > start:
            yield Edit(start, end, text[start:end], "", cut.rule.id)
            at = end


def _salvaged(text: str, lines: list[Line]) -> dict[str, Any]:
    found: list[tuple[str, str]] = []
    for line in lines:
        for evidence in ([line.acted] if line.acted else line.spans):
            found += [(name, text[line.start + a : line.start + b]) for name, a, b in evidence.salvage]
    metadata = gather(found)
    title = next((text[x.start : x.end].strip() for x in lines if x.acted is None), "")
    if title and len(title) <= 120 and not title.endswith(("。", "；", ";", "，", ",")):
        metadata = {"title": title, **metadata}
    return metadata
