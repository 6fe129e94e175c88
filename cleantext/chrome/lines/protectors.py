"""Protectors: a line that looks like page chrome but is part of a document is kept.

Each protector looks at structure, not at words: a repeated label is a speaker, a repeated date is an entry of a chronicle, a label
among labels that no site uses is a field of a record, words under a colon are the list that it announces, and a page has a title.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.chrome.lines.columns import (
    ANNOUNCES,
    BARE,
    BODY,
    CATEGORY,
    COLON,
    COMMON,
    COUNT,
    FIELD,
    FIRST,
    HEAD,
    KIND,
    LABEL,
    NOTED,
    POWER,
    RULE,
    SHIELDED,
    SIGNED,
    SUMMARY,
    TAIL,
    TITLE,
    WIDGETS,
    WORDS,
    ZONE_BITS,
    A,
    B,
    Lines,
)
from cleantext.jit import kernel

__all__ = ["protect", "restore_titles"]

TURNS = 3  # repetitions of one label, or of a date with a time of day as under comments, in an interview or a diary
ENTRIES = 2  # repetitions of a bare date in a chronicle
ORIGIN = 3  # categories C01 to C03: a place in the site, a date, a name are not titles
NO_FIELD = (8, 11, 12)  # categories: the next page, the owner of the site, its licence

Flags = npt.NDArray[np.bool_]


@kernel
def protect(lines: Lines, left: I32, bounds: I64, summaries: I32, evidence: I32, rules: int) -> Any:
    """Withdraw the evidence against parts of a document; choose the strongest of the rest that fits each line's zone.

    ``left[bounds[p]:bounds[p + 1]]`` are the remaining lines of page ``p``. Return where the evidence of each of
    them starts in the second array, which holds for each piece of evidence whether it counts.
    """
    slots = np.zeros(len(left) + 1, np.int64)
    for k in range(len(left)):
        slots[k + 1] = slots[k] + summaries[lines.known[left[k]] >> SUMMARY, COUNT]
    counts = np.ones(slots[-1], np.bool_)
    structure = np.zeros(rules, np.bool_)
    marked = np.zeros(len(left), np.bool_)
    for p in range(len(bounds) - 1):
        page = left[bounds[p] : bounds[p + 1]]
        first = slots[bounds[p]]
        if slots[bounds[p + 1]] == first:
            for n in page:
                lines.best[n], lines.suspected[n] = -1, False
                lines.shielded[n] = _is_shielded(lines.known[n], lines.zone[n])
            continue
        for rule in range(rules):
            structure[rule] = False
        _find_turns(lines.known, lines.zone, page, summaries, evidence, structure)
        _find_entries(lines.known, lines.gain, lines.entry, lines.zone, page, summaries, evidence, structure)
        _withdraw(lines.known, lines.zone, lines.shielded, page, summaries, evidence, structure, counts[first:])
        here = marked[bounds[p] : bounds[p + 1]]
        _find_records(lines.known, page, summaries, evidence, here)
        _find_announced(lines.known, page, summaries, evidence, counts[first:], here)
        _choose(lines.known, lines.zone, lines.best, lines.suspected, page, summaries, evidence, counts[first:], here)
    return slots, counts


@kernel
def _find_turns(known: I64, zone: I32, page: I32, summaries: I32, evidence: I32, structure: Flags) -> None:
    """Find the labels with one value that are repeated in the body: speakers."""
    turns = np.zeros(len(structure), np.int32)
    for n in page:
        if zone[n] == BODY:
            summary = summaries[known[n] >> SUMMARY]
            for e in range(summary[FIRST], summary[FIRST] + summary[COUNT]):
                if evidence[e, KIND] == LABEL and evidence[e, BARE]:
                    turns[evidence[e, RULE]] += 1
                    if turns[evidence[e, RULE]] >= TURNS:
                        structure[evidence[e, RULE]] = True


@kernel
def _find_entries(known: I64, gain: I32, entry: I32, zone: I32, page: I32, summaries: I32, evidence: I32, structure: Flags) -> None:
    """Find the rules of bare dates and labels that are repeated with sentences between them: a chronicle, a diary, an interview."""
    seen = np.zeros(len(structure), np.int32)
    spoken = np.zeros(len(structure), np.bool_)  # rules after whose last occurrence a sentence was seen
    often = np.zeros(len(structure), np.bool_)  # rules that need more repetitions, since comments have dates too
    chronicle = 0
    met = met_any = False  # whether a rule was seen since the last sentence, and at all
    for n in page:
        summary = summaries[known[n] >> SUMMARY]
        bare = False
        for e in range(summary[FIRST], summary[FIRST] + summary[COUNT]):
            if evidence[e, BARE]:
                rule = evidence[e, RULE]
                bare = True
                seen[rule] += spoken[rule] or not seen[rule]
                spoken[rule] = False
                often[rule] |= evidence[e, KIND] == LABEL or (known[n] & COLON) != 0
        if bare:
            met = met_any = True
        elif met and gain[n] > 0:
            for rule in range(len(seen)):
                spoken[rule] = seen[rule] > 0
            met = False
        chronicle += entry[n] > 0 and zone[n] != TAIL
    if not met_any:
        return
    if chronicle > ENTRIES and _is_chronicle(entry, zone, page):
        dated = np.zeros(len(structure), np.bool_)
        for n in page:
            if entry[n] and zone[n] != TAIL:
                summary = summaries[known[n] >> SUMMARY]
                for e in range(summary[FIRST], summary[FIRST] + summary[COUNT]):
                    if evidence[e, BARE] and not dated[evidence[e, RULE]]:
                        dated[evidence[e, RULE]] = True
                        seen[evidence[e, RULE]] += ENTRIES
    for rule in range(len(seen)):
        if seen[rule] >= (TURNS if often[rule] else ENTRIES):
            structure[rule] = True


@kernel
def _is_chronicle(entry: I32, zone: I32, page: I32) -> bool:
    """Return whether more than `ENTRIES` different dates begin lines before the foot of the page."""
    first = second = 0
    for n in page:
        if entry[n] and zone[n] != TAIL and entry[n] not in (first, second):
            if first and second:
                return True
            first, second = entry[n], first
    return False


@kernel
def _withdraw(known: I64, zone: I32, shields: Flags, page: I32, summaries: I32, evidence: I32, structure: Flags, counts: Flags) -> None:
    """Return which lines are shielded; withdraw evidence against shielded lines, dialogues and chronicles."""
    slot = 0
    for n in page:
        summary = summaries[known[n] >> SUMMARY]
        shielded = _is_shielded(known[n], zone[n])
        shields[n] = shielded
        for e in range(summary[FIRST], summary[FIRST] + summary[COUNT]):
            if shielded:
                counts[slot] = evidence[e, POWER] >= A and evidence[e, KIND] != LABEL
            else:
                counts[slot] = not structure[evidence[e, RULE]]
            slot += 1


@kernel
def _is_shielded(known: int, zone: int) -> bool:
    return bool(known & SHIELDED or (known & SIGNED and zone == TAIL))


@kernel
def _find_records(facts: I64, page: I32, summaries: I32, evidence: I32, marked: Flags) -> None:
    """Mark the lines of records: runs of labels and values, of which at least two and not the minority are unknown to all rules.

    A talk has a speaker and a room next to its date, a book has a publisher next to its author; the head and foot of a page do not.
    One unknown label is enough next to one that is weak by itself (时间, 日期). The owner of the site, its licence and the next page
    are not fields.
    """
    start = known = 0
    for k in range(len(page) + 1):
        field = strong = framing = False
        if k < len(page):
            summary = summaries[facts[page[k]] >> SUMMARY]
            field = (facts[page[k]] & FIELD) != 0
            for e in range(summary[FIRST], summary[FIRST] + summary[COUNT]):
                field = field or evidence[e, KIND] == LABEL
                strong = strong or evidence[e, POWER] >= B
                framing = framing or (evidence[e, POWER] >= B and evidence[e, CATEGORY] in NO_FIELD)
        if field and not framing:
            known += strong
            continue
        if k - start - known >= max(2, known):
            for at in range(start, k):
                marked[at] = True
        start, known = k + 1, 0


@kernel
def _find_announced(known: I64, page: I32, summaries: I32, evidence: I32, counts: Flags, marked: Flags) -> None:
    """Mark the lines of widget words under a line of text that ends in a colon."""
    announced = False
    slot = 0
    for k in range(len(page)):
        summary = summaries[known[page[k]] >> SUMMARY]
        words = False
        for e in range(summary[FIRST], summary[FIRST] + summary[COUNT]):
            words = words or (counts[slot] and evidence[e, WORDS] > 0)
            slot += 1
        if announced and words:
            marked[k] = True
        else:
            announced = summary[COUNT] == 0 and (known[page[k]] & ANNOUNCES) != 0


@kernel
def _choose(
    known: I64, zone: I32, best: I32, suspected: Flags, page: I32, summaries: I32, evidence: I32, counts: Flags, marked: Flags
) -> None:
    """Withdraw the evidence that does not count for marked lines; choose the strongest evidence that fits the zone, otherwise the strongest."""
    slot = 0
    for k in range(len(page)):
        n = page[k]
        summary = summaries[known[n] >> SUMMARY]
        first = fitting = -1
        suspected[n] = False
        for e in range(summary[FIRST], summary[FIRST] + summary[COUNT]):
            if marked[k] and (evidence[e, KIND] == LABEL or evidence[e, KIND] == WIDGETS or evidence[e, POWER] < A):
                counts[slot] = False
            if counts[slot]:
                first = e if first < 0 else first
                fits = evidence[e, ZONE_BITS] & zone[n] != 0
                suspected[n] |= fits
                if fitting < 0 and (fits or evidence[e, POWER] >= A):
                    fitting = e
            slot += 1
        best[n] = fitting if fitting >= 0 else first


@kernel
def restore_titles(lines: Lines, left: I32, bounds: I64, summaries: I32, evidence: I32) -> None:
    """Restore the first line of a page if nothing else before its body can be the title.

    Exceptions are lines that are certain anywhere, state a place in the site, a date or a name, or are a row of links.
    """
    for p in range(len(bounds) - 1):
        first = body = -1
        titled = False
        for n in left[bounds[p] : bounds[p + 1]]:
            removed_by = lines.removed_by[n]
            if first < 0 and (removed_by < 0 or (evidence[removed_by, POWER] < A and not 1 <= evidence[removed_by, CATEGORY] <= ORIGIN)):
                first = n
            can_be = (lines.known[n] & TITLE) != 0 and summaries[lines.known[n] >> SUMMARY, COUNT] == 0
            common = lines.best[n] >= 0 and evidence[lines.best[n], COMMON] != 0
            titled = titled or ((can_be or common) and removed_by < 0 and lines.zone[n] == HEAD)
            if body < 0 and lines.zone[n] == BODY:
                body = n
                titled = titled or can_be
            if first >= 0 and body >= 0:
                break
        if first >= 0 and body >= 0 and not titled:
            removed_by = lines.removed_by[first]
            if removed_by >= 0 and lines.zone[first] != TAIL and evidence[removed_by, WORDS] <= 1 and not evidence[removed_by, NOTED]:
                lines.removed_by[first] = -1
