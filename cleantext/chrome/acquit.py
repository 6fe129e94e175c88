"""Protectors: what looks like page chrome and is part of a document keeps its line.

Each is about structure, not about words: a label that returns is a speaker, a date that returns is an entry of a chronicle, a label
among labels that no site uses is a field of a record, words under a colon are the list that it announces, and a page has a title.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cleantext.chrome.votes import A, B, Evidence

if TYPE_CHECKING:
    from cleantext.chrome.lines import Line

__all__ = ["protect", "spare_title"]

_FIELD = re.compile(r"[\u3400-\u9fff][\u3400-\u9fff ]{0,8}[\u3400-\u9fff]: ?[^。;]{0,40}")
_ENTRY = re.compile(r"\s*(?:1\d|20)\d\d[-/.年] ?\d{1,2}[-/.月] ?\d{1,2}日?[ :,]{1,2}[\u3400-\u9fff]")  # a date and what happened
_ANNOUNCES = re.compile(r"[^:]{5,}:")
_SENTENCE = "。!;:,.、"
TURNS = 3  # times that one label, or a date with a time of day as under comments, returns in an interview, a diary
NO_FIELD = ("C08", "C11", "C12")
ENTRIES = 2  # times that a bare date does in a chronicle


def protect(lines: Sequence[Line]) -> None:
    """Withdraw the evidence from what is part of a document; choose the strongest of the rest for where the line stands."""
    turns = Counter(
        e.rule.id for x in lines if x.zone == "body" for e in x.votes.evidence if e.rule.kind == "label" and len(e.salvage) == 1
    )
    structure = {rule for rule, n in turns.items() if n >= TURNS} | _entries(lines)
    for line in lines:
        shield, evidence = line.votes.shield, line.votes.evidence
        line.shielded = shield == 1 or (shield == 2 and line.zone == "tail")
        if evidence and line.shielded:
            evidence = tuple(e for e in evidence if e.power >= A and e.rule.kind != "label")
        elif evidence and structure:
            evidence = tuple(e for e in evidence if e.rule.id not in structure)
        line.evidence = evidence
    for line in (*_records(lines), *_announced(lines)):
        line.evidence = tuple(e for e in line.evidence if e.rule.kind not in ("label", "words") and e.power >= A)
    for line in lines:
        evidence = line.evidence
        line.best = next((e for e in evidence if e.power >= A or line.zone in e.rule.zones), evidence[0]) if evidence else None


def _entries(lines: Sequence[Line]) -> set[str]:
    """Return the rules of bare dates and labels that return with sentences between them: a chronicle, a diary, an interview."""
    seen: Counter[str] = Counter()
    spoken: set[str] = set()  # rules that have met a sentence since they were last seen
    for line in lines:
        bare = [e.rule.id for e in line.votes.evidence if _is_bare(e)]
        for rule in bare:
            seen[rule] += rule in spoken or not seen[rule]
            spoken.discard(rule)
        if not bare and line.votes.gain > 0:
            spoken |= seen.keys()
    chronicle = [x for x in lines if x.zone != "tail" and _ENTRY.match(x.folded)]
    if len({x.folded[:10] for x in chronicle}) > ENTRIES:
        seen += Counter({e.rule.id: ENTRIES for x in chronicle for e in x.votes.evidence if _is_bare(e)})
    often = {e.rule.id for x in lines for e in x.votes.evidence if _is_bare(e) and (":" in x.folded or e.rule.kind == "label")}
    return {rule for rule, n in seen.items() if n >= (TURNS if rule in often else ENTRIES)}


def _is_bare(e: Evidence) -> bool:
    """Say whether a line is one label and its value, or a date with what little stands beside it."""
    if e.rule.kind == "label":
        return len(e.salvage) == 1
    return e.rule.kind == "line" and e.rule.category == "C02" and any(name == "published" for name, _, _ in e.salvage)


def _records(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines of records: runs of labels and values in which those that no rule knows are two and not the minority.

    A talk has a speaker and a room beside its date, a book has a publisher beside its author; the head and foot of a page do not.
    One such label is enough beside one that is weak by itself (时间, 日期). What states who owns the site, its licence or the next page is no field.
    """
    run: list[Line] = []
    for line in (*lines, None):
        if (
            line
            and not any(e.power >= B and e.rule.category in NO_FIELD for e in line.votes.evidence)
            and (_FIELD.fullmatch(line.folded.strip()) or any(e.rule.kind == "label" for e in line.votes.evidence))
        ):
            run.append(line)
            continue
        known = [x for x in run if any(e.power >= B for e in x.votes.evidence)]
        if len(run) - len(known) >= max(2, len(known)):
            yield from run
        run = []


def _announced(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines of widget words that stand under a line of the text that ends in a colon."""
    announced = False
    for line in lines:
        if announced and any(e.words for e in line.evidence):
            yield line
        else:
            announced = not line.votes.evidence and _ANNOUNCES.fullmatch(line.folded.strip()) is not None


def spare_title(lines: Sequence[Line]) -> None:
    """Give a page its first line back where nothing else before its body can be the title.

    Not what is certain anywhere, what states a place in the site, a date or a name, nor a row of links.
    """
    first = next((x for x in lines if not (x.acted and (x.acted.power >= A or x.acted.rule.category in ("C01", "C02", "C03")))), None)
    body = next((x for x in lines if x.zone == "body"), None)
    if first is None or first.acted is None or first.zone == "tail" or first.acted.words > 1 or first.acted.note or body is None:
        return
    if not _can_be_title(body) and not any(
        x.acted is None and (_can_be_title(x) or (x.best is not None and x.best.rule.common)) for x in lines if x.zone == "head"
    ):
        first.acted = None


def _can_be_title(line: Line) -> bool:
    text = line.folded.strip()
    return not line.votes.evidence and 2 <= len(text) <= 80 and text[-1] not in _SENTENCE and not _FIELD.fullmatch(text)
