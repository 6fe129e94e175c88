"""The frame of a page in short lines without evidence of their own: channels above a title, the rest of a header or footer.

Also the exceptions: lists in a footer that are text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.chrome.lines.columns import (
    BODY,
    CATEGORY,
    CHANNEL_NAME,
    COUNT,
    ENCLOSED,
    FIRST,
    HEAD,
    HEADING,
    LISTS,
    LONG,
    POWER,
    ROW_BELOW,
    RULE,
    RULE_POWER,
    SITE_NAME,
    SUMMARY,
    TITLE,
    WORDS,
    B,
    Lines,
)
from cleantext.chrome.lines.zones import DATES, ENOUGH, FORUM, MANY_POSTS, NAMES, WORD_LINES
from cleantext.chrome.matching.pattern_nodes import Question
from cleantext.jit import kernel

__all__ = ["LISTING", "enclosed", "grow", "header", "listing_ends"]

PATH, SITE_PAGES, LOGINS = 1, 14, 18  # categories
MANY_WORDS = 8  # minimum lines of widget words for a column under the name of a site, if the title has a date
STRANGERS = 2  # maximum lines without a rule above a column; inside it one more, in a row
# Headings of lists that are text end with these; no site uses them for headings in its footer.
LISTS_OF = [
    "目录",
    "目次",
    "名单",
    "名录",
    "一览",
    "一览表",
    "曲目",
    "书目",
    "篇目",
    "剧目",
    "年表",
    "年谱",
    "著作",
    "主要作品",
    "代表作",
    "代表作品",
    "获奖作品",
    "作品列表",
    "演员表",
    "演职员表",
    "日程",
    "议程",
    "赛程",
    "课程表",
    "价目表",
    "附录",
    "鸣谢",
]
LISTING = Question(rf"[\[【]?.{{0,12}}(?:{'|'.join(LISTS_OF)})[\]】]?:?")

Flags = npt.NDArray[np.bool_]


def listing_ends() -> Iterable[str]:
    """Return the characters with which the heading of a list that is text can end."""
    return {word[-1] for word in LISTS_OF} | set("]】:")


# ---------------------------------------------------------------- names of site sections above the title


@kernel
def header(
    known: I64,
    power: I32,
    zone: I32,
    removed_by: I32,
    left: I32,
    bounds: I64,
    summaries: I32,
    evidence: I32,
    slots: I64,
    counts: Flags,
    asked: Flags,
) -> Any:
    """Find the column of navigation links above the title: lines of widget words or channel names, even if they are common words.

    It has at least four such lines and a title below it, and no kept lines above it except the name of the site, if a word for the home page
    or a path (C01) is in or below the column. It ends at the first line that no rule matches and that is longer
    than a channel's name, or at a date; a removed path with a title below it settles everything above it. Return for each of ``left`` its evidence
    of words, -1 for none, and a row for each column: its first line, its last, where the head of the page ends, and 1 if a title is required in between.
    Only for pages that are ``asked`` for.
    """
    words = np.full(len(left), -1, np.int32)
    columns = np.empty((len(bounds) - 1, 4), np.int64)
    found = 0
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p]
        while asked[p] and hi < bounds[p + 1] and zone[left[hi]] == HEAD:
            hi += 1
        way = _way(known, power, removed_by, left, lo, hi, evidence)
        first = last = -1
        size = above = apart = 0  # lines without a rule: above the column, or under a skip link, and since its last line
        for k in range(lo, hi):
            n = left[k]
            if removed_by[n] >= 0 and DATES <= evidence[removed_by[n], CATEGORY] <= NAMES:
                break
            words[k] = _word(summaries[known[n] >> SUMMARY], evidence, counts[slots[k] :])
            if words[k] >= 0:
                first = k if first < 0 else first
                last = k
                size += 1
                apart = 0
            elif power[n] == 0 and k > way:
                above += size <= 1
                apart += size > 1
                named = known[n] & (CHANNEL_NAME if size > 1 else SITE_NAME) != 0
                if not named or above > STRANGERS or apart > STRANGERS + 1:
                    break
        if size < WORD_LINES or above > STRANGERS:
            continue
        placed = way > first or (size >= MANY_WORDS and _dated(removed_by, left, last + 1, hi, evidence))
        for k in range(first, hi if above else first):
            placed = placed or _is_placed(summaries[known[left[k]] >> SUMMARY], evidence, counts[slots[k] :])
        if placed or not above:
            columns[found, 0], columns[found, 1], columns[found, 2], columns[found, 3] = first, last, hi, above > 0
            found += 1
    return words, columns[:found]


@kernel
def _way(known: I64, power: I32, removed_by: I32, left: I32, lo: int, hi: int, evidence: I32) -> int:
    """Return the last removed path above a date, if a possible title is below it; -1 for none."""
    way = -1
    titled = False
    for k in range(lo, hi):
        n = left[k]
        if removed_by[n] >= 0 and evidence[removed_by[n], CATEGORY] == DATES:
            break
        if removed_by[n] >= 0 and evidence[removed_by[n], CATEGORY] == PATH and not evidence[removed_by[n], WORDS]:
            way = k
            titled = False
        titled = titled or (power[n] == 0 and known[n] & TITLE != 0)
    return way if titled else -1


@kernel
def _dated(removed_by: I32, left: I32, lo: int, hi: int, evidence: I32) -> bool:
    """Return whether a date or source was removed."""
    for k in range(lo, hi):  # noqa: SIM110 - Numba has no any()
        if removed_by[left[k]] >= 0 and evidence[removed_by[left[k]], CATEGORY] == DATES:
            return True
    return False


@kernel
def _word(summary: I32, evidence: I32, counts: Flags) -> int:
    """Return the first evidence of widget words that counts, -1 for none."""
    for k in range(summary[COUNT]):
        if counts[k] and evidence[summary[FIRST] + k, WORDS]:
            return int(summary[FIRST] + k)
    return -1


@kernel
def _is_placed(summary: I32, evidence: I32, counts: Flags) -> bool:
    """Return whether some evidence that counts is of a place in the site."""
    for k in range(summary[COUNT]):  # noqa: SIM110 - Numba has no any()
        if counts[k] and evidence[summary[FIRST] + k, CATEGORY] == PATH:
            return True
    return False


# ---------------------------------------------------------------- headers and footers


@kernel
def enclosed(lines: Lines, bounds: I64, evidence: I32, rules: int, zones: int, least: int, most: int) -> I32:
    """Return short lines that no rule matches, if they are among the lines of a header or footer.

    A header extends to the title, a footer starts at its first certain line. At least ``least`` lines of it must have been removed by
    three different rules, since a single credit line under an article is no footer; and only runs of at most ``most`` lines between
    two certain ones are taken, up to the heading of a list that is text, since a longer run may be a table or a list of works. Called once, when rules
    change nothing any more, so that a second run, which finds no certain lines, removes no more. ``bounds`` are those of the pages in ``lines``.
    """
    found = np.zeros(len(lines.removed_by), np.bool_)
    stamp = np.zeros(rules, np.int64)
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        body = forum = 0
        for n in range(lo, hi):
            removed_by = lines.removed_by[n]
            if removed_by < 0:
                body += max(0, lines.gain[n]) if lines.zone[n] == BODY else 0
            else:
                forum += evidence[removed_by, CATEGORY] == FORUM and evidence[removed_by, RULE_POWER] >= B
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
                    if _is_certain(lines.removed_by, n, evidence):
                        certain += 1
                        kinds += stamp[evidence[lines.removed_by[n], RULE]] != a + 1
                        stamp[evidence[lines.removed_by[n], RULE]] = a + 1
                if certain >= least and kinds >= 3:
                    _mark_runs(lines, a, b, evidence, certain, most, found)
            a = b
    return np.flatnonzero(found).astype(np.int32)


@kernel
def grow(lines: Lines, left: I32, headings: I64, tags: I32, blocks: I32) -> None:
    """Remove the rows under headings with them: related articles, member lists, link lists.

    ``headings`` has for each heading its place in ``left``, the latest end of its rows, and its row in ``blocks``: zones, minimum rows,
    whether rows carry a tag, and the evidence to act by. ``tags`` has for each line between these two -1 if it is not a row of the block,
    otherwise the number of its tag: a list continues as long as the tag is the same.
    """
    at = 0
    for h in range(len(headings)):
        first, end = headings[h, 0], headings[h, 1]
        block = blocks[headings[h, 2]]
        zones, least, tagged, by = block[0], block[1], block[2], block[3]
        here = tags[at : at + end - first - 1]
        at += len(here)
        head = left[first]
        if not lines.zone[head] & zones or (lines.removed_by[head] < 0 and lines.shielded[head]):
            continue
        tag = rows = 0
        for k in range(len(here)):
            n = left[first + 1 + k]
            if here[k] < 0 or not zones & lines.zone[n] or (tag and here[k] != tag) or (not tagged and lines.shielded[n]):
                break
            tag = here[k]
            rows += 1
        if rows >= least:
            for k in range(rows + 1):
                n = left[first + k]
                if lines.removed_by[n] < 0:
                    lines.removed_by[n], lines.number[n] = by, rows
                    lines.because[n] = ROW_BELOW if k else HEADING


@kernel
def _is_certain(removed_by: I32, n: int, evidence: I32) -> bool:
    return bool(removed_by[n] >= 0 and evidence[removed_by[n], POWER] >= B)


@kernel
def _mark_runs(lines: Lines, a: int, b: int, evidence: I32, certain: int, most: int, found: Flags) -> None:
    """Mark the kept lines in runs of at most ``most`` between two certain lines, or between one and the edge of the area.

    A run ends at the heading of a list that is text. Above a title that is followed by a date, a run may have any length: there are no tables.
    """
    first, stop = a, b
    if lines.zone[a] == HEAD:
        stop, dated = _title_at(lines, a, b, evidence)
        most = b - a if dated else most
    else:
        while not _is_certain(lines.removed_by, first, evidence):
            first += 1
    start = end = first
    run = 0
    for n in range(first, stop + 1):
        if n == stop or _is_certain(lines.removed_by, n, evidence):
            for k in range(start, end):
                if run <= most and lines.removed_by[k] < 0:
                    found[k] = True
                    lines.because[k] = ENCLOSED
                    lines.number[k] = certain
            start = end = n + 1
            run = 0
        elif end == n and not lines.known[n] & LISTS:
            run += lines.removed_by[n] < 0
            end = n + 1


@kernel
def _title_at(lines: Lines, a: int, b: int, evidence: I32) -> tuple[int, bool]:
    """Return where the title of a page can start (everything before it is the header), and whether a date is below it.

    It is the first line of at least eight characters below the last link or path of the site, with the unsuspected lines right
    before it; if there is none, the last such line before the first certain line that states a date or source, or, without
    one, before the last certain line. A shorter line is the title if it is below a path or right before the date, and there is no longer one.
    """
    dated, limit = False, a
    for n in range(a, b):
        if _is_certain(lines.removed_by, n, evidence):
            if evidence[lines.removed_by[n], CATEGORY] == DATES:
                dated, limit = True, n
                break
            if n + 1 < b:
                limit = n
    at = limit - 1
    while at >= a and not (_unknown(lines.removed_by, lines.suspected, at) and lines.known[at] & LONG):
        at -= 1
    placed = linked = False
    below = first = -1  # kept line below the last path; first long one below the last link
    for n in range(a, limit if dated else b):
        if _is_certain(lines.removed_by, n, evidence):
            category = evidence[lines.removed_by[n], CATEGORY]
            if category == PATH and not evidence[lines.removed_by[n], WORDS]:
                placed, below = True, -1
            if category in (PATH, SITE_PAGES, LOGINS):
                linked, first = True, -1
        elif _unknown(lines.removed_by, lines.suspected, n):
            if lines.known[n] & LONG and not lines.known[n] & TITLE:
                break  # a sentence
            below = n if placed and below < 0 else below
            first = n if linked and first < 0 and lines.known[n] & LONG else first
    if first >= 0:
        at = first
    elif below > at:
        return below, dated
    if at < a:
        if dated:
            return limit - 1 if limit > a and _unknown(lines.removed_by, lines.suspected, limit - 1) else limit, False
        for n in range(limit + 1, b):
            if _unknown(lines.removed_by, lines.suspected, n):
                return n, False
        return a, False
    while at > a and _unknown(lines.removed_by, lines.suspected, at - 1):
        at -= 1
    return at, dated


@kernel
def _unknown(removed_by: I32, suspected: Flags, n: int) -> bool:
    return removed_by[n] < 0 and not suspected[n]
