"""Kernels: zones of a page, which evidence is sufficient in which zone, and when a page is kept whole.

``left[bounds[p]:bounds[p + 1]]`` are always the remaining lines of page ``p``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.chrome.lines.columns import (
    ANYWHERE,
    BESIDE,
    BESIDE_DATES,
    BETWEEN,
    BODY,
    CATEGORY,
    COLUMN,
    COMMON,
    COUNT,
    FIRST,
    HEAD,
    HEADS,
    IN_ZONE,
    KIND,
    LINE,
    NOTED,
    POWER,
    RULE,
    RULE_POWER,
    SUMMARY,
    TAIL,
    WIDGETS,
    WORDS,
    ZONE_BITS,
    A,
    B,
    Lines,
)
from cleantext.jit import kernel

__all__ = ["gate", "place", "support", "take_certain"]

ENOUGH = 80  # characters of sentences that make the body of a page certain
LITTLE = 50  # with fewer characters, weak evidence does not count: a list, a form, a caption
WORD_LINES = 4  # this many lines of one widget word each count like one line of such words
DATES, NAMES, SITE_TOOLS, FORUM = 2, 3, 4, 10  # categories
MANY_POSTS = 3  # this many lines of forum software make the page a thread

Flags = npt.NDArray[np.bool_]


# ---------------------------------------------------------------- zones


@kernel
def place(power: I32, placed: Flags, gain: I32, zone: I32, left: I32, bounds: I64) -> Flags:
    """Find the body of each page: the run of lines with the largest sum of gains; return whether it is long enough for weak evidence.

    The largest sum is found as in Kadane's algorithm: sentences add their length, other lines cost 3, suspected ones more. So
    a list of sixty titles is not crossed for one teaser after it, but a table of ten rows is for the next paragraph.
    A page without sentences (a list or a table) is all body, except for the certain lines at its ends.
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
            first, last = _frame(power, placed, page), len(page) - 1 - _frame(power, placed, page[::-1])
        for k in range(len(page)):
            zone[page[k]] = HEAD if k < first else TAIL if k > last else BODY
        sure[p] = best >= LITTLE
    return sure


@kernel
def _frame(power: I32, placed: Flags, page: I32) -> int:
    """Count the strongly suspected lines at the start of a page without sentences; fewer than three are certain only with one of A or a path."""
    run = 0
    sure = False
    while run < len(page) and power[page[run]] >= B:
        sure = sure or power[page[run]] >= A or placed[page[run]]
        run += 1
    return run if run >= 3 or sure else 0


# ---------------------------------------------------------------- evidence


@kernel
def take_certain(
    lines: Lines,
    left: I32,
    bounds: I64,
    summaries: I32,
    evidence: I32,
    slots: I64,
    counts: Flags,
    sure: Flags,
    aggressive: bool,  # noqa: FBT001
) -> Flags:
    """Remove the lines whose evidence is sufficient for their position; return which pages have suspects left."""
    gone = np.zeros(len(left), np.bool_)
    waiting = np.zeros(len(sure), np.bool_)
    menus = _menus()
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        if slots[lo] == slots[hi]:
            continue
        unsuspected = hi  # the first line without evidence against it
        for k in range(lo, hi):
            n = left[k]
            e = lines.best[n]
            if e < 0:
                unsuspected = min(unsuspected, k)
                continue
            if evidence[e, POWER] >= A:
                lines.removed_by[n], lines.because[n] = e, ANYWHERE
            elif evidence[e, ZONE_BITS] & lines.zone[n] and (
                aggressive
                or (evidence[e, POWER] == B and not _may_head(lines, left, lo, hi, k, summaries, evidence, menus, unsuspected < k))
            ):
                lines.removed_by[n], lines.because[n] = e, IN_ZONE
            else:
                waiting[p] = True
                continue
            gone[k] = True
        if waiting[p] and sure[p]:
            _columns(lines, left, lo, hi, evidence, summaries, slots, counts, gone)
    return waiting


@kernel
def support(lines: Lines, left: I32, bounds: I64, evidence: I32, sure: Flags, waiting: Flags) -> None:
    """Remove the suspects that have a second reason, until nothing changes: a footer grows from its certain lines."""
    gone = np.zeros(len(left), np.bool_)
    for p in range(len(bounds) - 1):
        if waiting[p]:
            lo, hi = bounds[p], bounds[p + 1]
            for k in range(lo, hi):
                gone[k] = lines.removed_by[left[k]] >= 0
            while _supported(lines, left, lo, hi, evidence, gone, sure[p]):
                pass


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
    summaries: I32,
    evidence: I32,
    menus: Flags,
    below_text: bool,  # noqa: FBT001
) -> bool:
    """Return whether a strongly suspected line may be the heading of text.

    A single vocabulary word may be one at the head of a page, unless it is in a menu: next to another such line. At the
    foot, that word and the heading of a list may be one if text follows that no rule suspects. Rows of links other than
    tools for reading and sharing are above the title, or below the text.
    """
    n = left[k]
    e = lines.best[n]
    words = evidence[e, WORDS]
    menu = evidence[e, CATEGORY] == 14 or (words > 1 and menus[evidence[e, CATEGORY]])
    if lines.zone[n] == HEAD and menu and words != 1 and (evidence[e, KIND] == WIDGETS or evidence[e, KIND] == LINE):
        return below_text
    if (words != 1 and not summaries[lines.known[n] >> SUMMARY, HEADS]) or evidence[e, RULE_POWER] >= A:
        return False
    if lines.zone[n] == TAIL:
        following = lines.best[left[k + 1]] if k + 1 < hi else 0
        return k + 1 < hi and (following < 0 or evidence[following, POWER] < B)
    for beside in (k - 1, k + 1):
        if lo <= beside < hi and lines.zone[left[beside]] == HEAD and lines.power[left[beside]] >= B:
            first = summaries[lines.known[left[beside]] >> SUMMARY, FIRST]
            if evidence[first, WORDS]:
                return False
    return True


@kernel
def _columns(lines: Lines, left: I32, lo: int, hi: int, evidence: I32, summaries: I32, slots: I64, counts: Flags, gone: Flags) -> None:
    """Remove widget words in a column: at least four below each other in a run of suspects, from two rules."""
    k = lo
    while k < hi:
        start = k
        found = 0
        rule = -1
        varied = False
        while k < hi and lines.best[left[k]] >= 0 and not gone[k]:
            if _widget(lines, left[k], slots[k], evidence, summaries, counts, True) >= 0:
                found += 1
                own = evidence[lines.best[left[k]], RULE]
                varied = varied or (rule >= 0 and own != rule)
                rule = own
            k += 1
        if found >= WORD_LINES and varied:
            for at in range(start, k):
                if _widget(lines, left[at], slots[at], evidence, summaries, counts, True) >= 0:
                    n = left[at]
                    lines.removed_by[n] = _widget(lines, n, slots[at], evidence, summaries, counts, False)
                    lines.because[n], lines.number[n] = COLUMN, found
                    gone[at] = True
        k += 1


@kernel
def _widget(lines: Lines, n: int, slot: int, evidence: I32, summaries: I32, counts: Flags, telling: bool) -> int:  # noqa: FBT001
    """Return the first evidence of widget words on a line outside the body (``telling``: not common words), -1 for none."""
    if lines.zone[n] != BODY:
        summary = summaries[lines.known[n] >> SUMMARY]
        for k in range(summary[COUNT]):
            e = summary[FIRST] + k
            if counts[slot + k] and evidence[e, WORDS] and not (telling and evidence[e, COMMON]):
                return int(e)
    return -1


@kernel
def _supported(lines: Lines, left: I32, lo: int, hi: int, evidence: I32, gone: Flags, sure: bool) -> bool:  # noqa: FBT001
    """Remove the suspects that have a second reason, from top to bottom; return whether any was removed.

    Strong evidence needs a removed neighbour. Weak evidence needs certain lines on both sides, or on one side and the edge of the
    page on the other, with nothing but suspects between; or, if it states a date or source, a removed neighbour that does.
    """
    # What is reached first upwards and downwards over suspects: 1 a removed line, 0 the edge of the page, -1 a kept line.
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
                dated = (before and _states(lines.removed_by, left[k - 1], evidence)) or (
                    after and _states(lines.removed_by, left[k + 1], evidence)
                )
                if evidence[e, CATEGORY] == DATES and dated:
                    because = BESIDE_DATES
                elif above >= 0 and below[k - lo] >= 0 and above + below[k - lo]:
                    because = BETWEEN
            if because >= 0:
                lines.removed_by[n], lines.because[n] = e, because
                gone[k] = moved = True
        above = 1 if gone[k] else -1 if e < 0 else above
    return moved


@kernel
def _states(removed_by: I32, n: int, evidence: I32) -> bool:
    """Return whether a removed line states dates or names."""
    return bool(DATES <= evidence[removed_by[n], CATEGORY] <= SITE_TOOLS)


# ---------------------------------------------------------------- the gate


@kernel
def gate(lines: Lines, bounds: I64, evidence: I32) -> Any:
    """Return why a page is kept whole: 1 nothing would be left of it, 2 little of its sentences; 0 if it is not.

    Lines of a host profile do not count as sentences of the page; but some sentence has to be left.
    """
    out = np.zeros(len(bounds) - 1, np.int32)
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        gone = named = own = lost = left = 0
        for n in range(lo, hi):
            removed_by, gain = lines.removed_by[n], max(0, lines.gain[n])
            if removed_by < 0:
                own += gain
                left += gain > 0
                continue
            gone += 1
            if evidence[removed_by, NOTED]:
                named += 1
            else:
                own += gain
                lost += gain
        if gone and gone == hi - lo:
            out[p] = 1
        elif lost > 0.6 * own or (named and not own) or (gone > (hi - lo) / 2 and not left):
            out[p] = 2  # reason 2: no sentence is left, and less than half of the lines
    return out
