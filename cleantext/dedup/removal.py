"""Removal: from the passages that may go to the edits that cut them, at the ends of sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cleantext.dedup.cluster import Member, Spans
from cleantext.edits import Edit

__all__ = ["EXACT", "NEAR", "cuts", "whole"]

EXACT, NEAR = "dedup.exact", "dedup.near"

CLOSERS = "」』”’\"'）)》〉】］]"
OPENERS = re.compile(r"[「『“‘\"'（(《〈【［\[ \t\N{IDEOGRAPHIC SPACE}\N{NO-BREAK SPACE}]*\Z")
TAIL = re.compile(rf"[。！？!?…．.；;，,、：:—～~{re.escape(CLOSERS)} \t\N{{IDEOGRAPHIC SPACE}}\N{{NO-BREAK SPACE}}]*")
# A sentence ends behind one of these and the quotes and brackets that it closes; so does a line.
STOP = re.compile(rf"(?:[。！？!?…]|[.；;](?=\s|\Z))[。！？!?….；;{re.escape(CLOSERS)}]*[ \t\N{{IDEOGRAPHIC SPACE}}]*|\n")


def whole(text: str, member: Member) -> list[Edit]:
    """Return the edit that removes a whole text."""
    return [Edit(0, len(text), text, "", EXACT if member.exact else NEAR)] if text else []


def cuts(text: str, members: Sequence[Member], *, min_chars: int) -> list[Edit]:
    """Return the edits that remove passages of one text.

    Nothing is cut inside a sentence: a passage that begins or ends within one loses that part, and
    stays where less than ``min_chars`` letters and digits would go. Passages that meet are one edit.
    """
    gone = Spans()
    rule = {}
    for m in members:
        start, end = _sentences(text, m.start, m.end)
        if sum(map(str.isalnum, text[start:end])) >= min_chars:
            gone.add(start, end)
            rule[start] = EXACT if m.exact else NEAR
    out = []
    for start, end in gone.spans:
        rules = {r for at, r in rule.items() if start <= at < end}
        out.append(Edit(start, end, text[start:end], "", EXACT if rules == {EXACT} else NEAR))
    return out


def _sentences(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the sentences that lie whole within a passage, with their punctuation; whole lines with their line break."""
    line = text.rfind("\n", 0, start) + 1
    opened = OPENERS.search(text, line, start)
    begins = opened.start() if opened else start
    if begins > line and not _ends_sentence(text, line, begins):
        stop = STOP.search(text, start, end)
        if not stop:
            return start, start
        begins = stop.end()
    after = TAIL.match(text, end)
    stops = after.end() if after else end
    if stops < len(text) and text[stops] != "\n" and not _ends_sentence(text, begins, stops):
        stops = max((stop.end() for stop in STOP.finditer(text, begins, stops)), default=begins)
    if begins == text.rfind("\n", 0, begins) + 1 and stops < len(text) and text[stops] == "\n":
        stops += 1
    elif stops == len(text) and begins and text[begins - 1] == "\n":
        begins -= 1  # the last line takes the line break before it
    return begins, stops


def _ends_sentence(text: str, start: int, end: int) -> bool:
    """Say whether a sentence ends right before ``end``."""
    return any(stop.end() == end for stop in STOP.finditer(text, max(start, end - 40), end))
