"""The arbiter's kernels: zones, what evidence is enough where, and what a page is kept whole for.

``left[bounds[p]:bounds[p + 1]]`` are always the lines of page ``p`` that nothing took so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.chrome.columns import (
    ANYWHERE,
    BALLOT,
    BESIDE,
    BESIDE_DATES,
    BETWEEN,
    BODY,
    CATEGORY,
    COLUMN,
    COMMON,
    COUNT,
    ENCLOSED,
    FIRST,
    HEAD,
    HEADS,
    IN_ZONE,
    KIND,
    LINE,
    LONG,
    NOTED,
    POWER,
    RULE,
    RULE_POWER,
    TAIL,
    WIDGETS,
    WORDS,
    ZONE_BITS,
    A,
    B,
    Lines,
)
from cleantext.jit import kernel

__all__ = ["arbitrate", "enclosed", "gate", "place"]

ENOUGH = 80  # characters of sentences that make the body of a page sure
LITTLE = 50  # and those below which it is so little that weak evidence is none: a list, a form, a caption
WORD_LINES = 4  # lines of one widget word each that are as good as one line of them
DATES, NAMES, SITE_TOOLS, FORUM = 2, 3, 4, 10  # categories
MANY_POSTS = 3  # lines of a forum's shell that make the page a thread

Flags = npt.NDArray[np.bool_]


# ---------------------------------------------------------------- zones


@kernel
def place(power: I32, gain: I32, zone: I32, left: I32, bounds: I64) -> Flags:
    """Find the body of each page: the run of lines that speaks most for being one; say whether it is long enough for weak evidence.

    The run of the largest sum (Kadane): sentences add their length, other lines take 3, suspected ones more. So
    a list of sixty titles is not crossed for one teaser behind it, a table of ten rows is for the next paragraph.
    A page without sentences, a list or a table, is body but for the certain lines at its ends.
    """
    sure = np.zeros(len(bounds) - 1, np.bool_)
    for p in range(len(bounds) - 1):
        page = left[bounds[p] : bounds[p + 1]]
        best = total = start = first = 0
        last = -1
        for k in range(len(page)):
            strength = power[page[k]]
            total += -20 if strength >= B else -6 if strength else gain[page[k]]
            if total <= 0:
                total, start = 0, k + 1
            elif total > best:
                best, first, last = total, start, k
        if not best:
            first, last = _frame(power, page), len(page) - 1 - _frame(power, page[::-1])
        for k in range(len(page)):
            zone[page[k]] = HEAD if k < first else TAIL if k > last else BODY
        sure[p] = best >= LITTLE
    return sure


@kernel
def _frame(power: I32, page: I32) -> int:
    """Count the strongly suspected lines that a page without sentences starts with; less than three are certain only with one of A."""
    run = strongest = 0
    while run < len(page) and power[page[run]] >= B:
        strongest = max(strongest, power[page[run]])
        run += 1
    return run if run >= 3 or strongest >= A else 0


# ---------------------------------------------------------------- evidence


@kernel
def arbitrate(
    lines: Lines,
    left: I32,
    bounds: I64,
    ballots: I32,
    evidence: I32,
    slots: I64,
    counts: Flags,
    sure: Flags,
    aggressive: bool,  # noqa: FBT001
) -> None:
    """Take the lines whose evidence is enough for where they stand, then those that these support, until nothing moves."""
    gone = np.zeros(len(left), np.bool_)
    menus = _menus()
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        if slots[lo] == slots[hi]:
            continue
        unsuspected = hi  # the first line that nothing is said against
        waiting = 0
        for k in range(lo, hi):
            n = left[k]
            e = lines.best[n]
            if e < 0:
                unsuspected = min(unsuspected, k)
                continue
            if evidence[e, POWER] >= A:
                lines.acted[n], lines.because[n] = e, ANYWHERE
            elif evidence[e, ZONE_BITS] & lines.zone[n] and (
                aggressive or (evidence[e, POWER] == B and not _may_head(lines, left, lo, hi, k, ballots, evidence, menus, unsuspected < k))
            ):
                lines.acted[n], lines.because[n] = e, IN_ZONE
            else:
                waiting += 1
                continue
            gone[k] = True
        if waiting:
            if sure[p]:
                _columns(lines, left, lo, hi, evidence, ballots, slots, counts, gone)
            while _supported(lines, left, lo, hi, evidence, gone, sure[p]):
                pass  # a footer grows from its certain lines


@kernel
def _menus() -> Flags:
    """Return which categories are rows of links."""
    menus = np.zeros(64, np.bool_)
    for category in (7, 8, 14, 18):
        menus[category] = True
    return menus


@kernel
def _may_head(
    lines: Lines,
    left: I32,
    lo: int,
    hi: int,
    k: int,
    ballots: I32,
    evidence: I32,
    menus: Flags,
    below_text: bool,  # noqa: FBT001
) -> bool:
    """Say whether a line that is suspected strongly may be the heading of text.

    One word of a vocabulary is, at the head of a page, unless a menu stands there: another such line beside it. At the
    foot that word and the heading of a list are where text follows that no rule suspects. Rows of links that are no
    tools for reading and sharing stand above the title, or below the text.
    """
    n = left[k]
    e = lines.best[n]
    words = evidence[e, WORDS]
    menu = evidence[e, CATEGORY] == 14 or (words > 1 and menus[evidence[e, CATEGORY]])
    if lines.zone[n] == HEAD and menu and words != 1 and (evidence[e, KIND] == WIDGETS or evidence[e, KIND] == LINE):
        return below_text
    if (words != 1 and not ballots[lines.known[n] >> BALLOT, HEADS]) or evidence[e, RULE_POWER] >= A:
        return False
    if lines.zone[n] == TAIL:
        following = lines.best[left[k + 1]] if k + 1 < hi else 0
        return k + 1 < hi and (following < 0 or evidence[following, POWER] < B)
    for beside in (k - 1, k + 1):
        if lo <= beside < hi and lines.zone[left[beside]] == HEAD and lines.power[left[beside]] >= B:
            first = ballots[lines.known[left[beside]] >> BALLOT, FIRST]
            if evidence[first, WORDS]:
                return False
    return True


@kernel
def _columns(lines: Lines, left: I32, lo: int, hi: int, evidence: I32, ballots: I32, slots: I64, counts: Flags, gone: Flags) -> None:
    """Take widget words that stand one below the other, four and more in a run of suspects, of two rules."""
    k = lo
    while k < hi:
        start = k
        found = 0
        rule = -1
        varied = False
        while k < hi and lines.best[left[k]] >= 0 and not gone[k]:
            if _widget(lines, left[k], slots[k], evidence, ballots, counts, True) >= 0:
                found += 1
                own = evidence[lines.best[left[k]], RULE]
                varied = varied or (rule >= 0 and own != rule)
                rule = own
            k += 1
        if found >= WORD_LINES and varied:
            for at in range(start, k):
                if _widget(lines, left[at], slots[at], evidence, ballots, counts, True) >= 0:
                    n = left[at]
                    lines.acted[n] = _widget(lines, n, slots[at], evidence, ballots, counts, False)
                    lines.because[n], lines.number[n] = COLUMN, found
                    gone[at] = True
        k += 1


@kernel
def _widget(lines: Lines, n: int, slot: int, evidence: I32, ballots: I32, counts: Flags, telling: bool) -> int:  # noqa: FBT001
    """Return the first evidence of a line outside the body that is of widget words (``telling``: no common ones), -1 for none."""
    if lines.zone[n] != BODY:
        ballot = ballots[lines.known[n] >> BALLOT]
        for k in range(ballot[COUNT]):
            e = ballot[FIRST] + k
            if counts[slot + k] and evidence[e, WORDS] and not (telling and evidence[e, COMMON]):
                return int(e)
    return -1


@kernel
def _supported(lines: Lines, left: I32, lo: int, hi: int, evidence: I32, gone: Flags, sure: bool) -> bool:  # noqa: FBT001
    """Take the suspects for which there is a second reason, from top to bottom; say whether any went.

    Strong evidence needs a neighbour that goes. Weak evidence needs certain lines on both sides, or on one and the edge of the
    page on the other, with nothing but suspects between; or, if it states a date or source, a neighbour that does.
    """
    # What is met first on the way up and down over suspects: 1 a line that goes, 0 the edge of the page, -1 a line that stays.
    below = np.zeros(hi - lo + 1, np.int8)
    for k in range(hi - 1, lo, -1):
        below[k - 1 - lo] = 1 if gone[k] else -1 if lines.best[left[k]] < 0 else below[k - lo]
    above = 0
    moved = False
    for k in range(lo, hi):
        n = left[k]
        e = lines.best[n]
        if e >= 0 and not gone[k]:
            before = k > lo and gone[k - 1]
            after = k + 1 < hi and gone[k + 1]
            because = -1
            if evidence[e, POWER] == B:
                if lines.zone[n] != BODY and (before or after) and not (evidence[e, WORDS] == 1 and lines.zone[n] == HEAD):
                    because = BESIDE
            elif evidence[e, ZONE_BITS] & lines.zone[n] and sure:
                dated = (before and _states(lines.acted, left[k - 1], evidence)) or (after and _states(lines.acted, left[k + 1], evidence))
                if evidence[e, CATEGORY] == DATES and dated:
                    because = BESIDE_DATES
                elif above >= 0 and below[k - lo] >= 0 and above + below[k - lo]:
                    because = BETWEEN
            if because >= 0:
                lines.acted[n], lines.because[n] = e, because
                gone[k] = moved = True
        above = 1 if gone[k] else -1 if e < 0 else above
    return moved


@kernel
def _states(acted: I32, n: int, evidence: I32) -> bool:
    """Say whether a line that went states dates or names."""
    return bool(DATES <= evidence[acted[n], CATEGORY] <= SITE_TOOLS)


# ---------------------------------------------------------------- headers and footers


@kernel
def enclosed(lines: Lines, bounds: I64, evidence: I32, rules: int, zones: int, least: int, most: int) -> I32:
    """Return short lines that no rule knows, where they stand among those of a header or footer.

    Of a header up to the title, of a footer from its first certain line on; only where ``least`` lines of it went by
    three different rules, for a lone credit line under an article is no footer; and only runs of ``most`` lines between
    two certain ones, for what is longer may be a table or a list of works. Asked once, when the arbiter has settled,
    so that a second run, which finds no certain lines, takes no more. ``bounds`` are those of the pages in ``lines``.
    """
    found = np.zeros(len(lines.acted), np.bool_)
    stamp = np.zeros(rules, np.int64)
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        body = forum = 0
        for n in range(lo, hi):
            acted = lines.acted[n]
            if acted < 0:
                body += max(0, lines.gain[n]) if lines.zone[n] == BODY else 0
            else:
                forum += evidence[acted, CATEGORY] == FORUM and evidence[acted, RULE_POWER] >= B
        if body < ENOUGH or forum >= MANY_POSTS:
            continue  # a list, a song, a thread: its short lines may be the text
        a = lo
        while a < hi:
            b = a
            while b < hi and lines.zone[b] == lines.zone[a]:
                b += 1
            if lines.zone[a] & zones:
                certain = kinds = 0
                for n in range(a, b):
                    if _is_certain(lines.acted, n, evidence):
                        certain += 1
                        kinds += stamp[evidence[lines.acted[n], RULE]] != a + 1
                        stamp[evidence[lines.acted[n], RULE]] = a + 1
                if certain >= least and kinds >= 3:
                    _mark_runs(lines, a, b, evidence, certain, most, found)
            a = b
    return np.flatnonzero(found).astype(np.int32)


@kernel
def _is_certain(acted: I32, n: int, evidence: I32) -> bool:
    return bool(acted[n] >= 0 and evidence[acted[n], POWER] >= B)


@kernel
def _mark_runs(lines: Lines, a: int, b: int, evidence: I32, certain: int, most: int, found: Flags) -> None:
    """Mark the lines that stay in runs of ``most`` at most between two certain lines, or one and the edge of the area."""
    first, stop = a, b
    if lines.zone[a] == HEAD:
        stop = _title_at(lines, a, b, evidence)
    else:
        while not _is_certain(lines.acted, first, evidence):
            first += 1
    start = first
    run = 0
    for n in range(first, stop + 1):
        if n == stop or _is_certain(lines.acted, n, evidence):
            for k in range(start, n):
                if run <= most and lines.acted[k] < 0:
                    found[k] = True
                    lines.because[k] = ENCLOSED
                    lines.number[k] = certain
            start, run = n + 1, 0
        else:
            run += lines.acted[n] < 0


@kernel
def _title_at(lines: Lines, a: int, b: int, evidence: I32) -> int:
    """Return where the title of a page can start; what stands before it is the header.

    It is the last line of eight characters and more, with the unsuspected lines right before it, in front of
    the first certain line that states a date or source; where none does, in front of the last certain line.
    """
    dated, limit = False, a
    for n in range(a, b):
        if _is_certain(lines.acted, n, evidence):
            if evidence[lines.acted[n], CATEGORY] == DATES:
                dated, limit = True, n
                break
            if n + 1 < b:
                limit = n
    at = limit - 1
    while at >= a and not (_unknown(lines.acted, lines.suspected, at) and lines.known[at] & LONG):
        at -= 1
    if at < a:
        if dated:
            return limit
        for n in range(limit + 1, b):
            if _unknown(lines.acted, lines.suspected, n):
                return n
        return a
    while at > a and _unknown(lines.acted, lines.suspected, at - 1):
        at -= 1
    return at


@kernel
def _unknown(acted: I32, suspected: Flags, n: int) -> bool:
    return acted[n] < 0 and not suspected[n]


# ---------------------------------------------------------------- the gate


@kernel
def gate(lines: Lines, bounds: I64, evidence: I32) -> Any:
    """Say what keeps a page whole: 1 nothing would be left of it, 2 little of its sentences; 0 for nothing.

    What a host profile names are no sentences of this page; but some sentence has to stay.
    """
    out = np.zeros(len(bounds) - 1, np.int32)
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        gone = named = own = lost = left = 0
        for n in range(lo, hi):
            acted, gain = lines.acted[n], max(0, lines.gain[n])
            if acted < 0:
                own += gain
                left += gain > 0
                continue
            gone += 1
            if evidence[acted, NOTED]:
                named += 1
            else:
                own += gain
                lost += gain
        if gone and gone == hi - lo:
            out[p] = 1
        elif lost > 0.6 * own or (named and not own) or (gone > (hi - lo) / 2 and not left):
            out[p] = 2  # of the last: no sentence is left, and of the lines not half
    return out
