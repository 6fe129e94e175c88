"""Clusters: decide which copy stays. Every removed member has a verified pair with the copy that is kept for it.

Texts are visited in the order in which they are preferred (longest, first, or a user's value; ties
by id), so the result depends on neither the order of the input nor on chains of similarities.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64
from cleantext.dedup.array_types import F64
from cleantext.dedup.folded.text_units import FoldedTexts
from cleantext.dedup.minhash.hash_kernels import roomier
from cleantext.dedup.passages.passage_search import PassageParams
from cleantext.dedup.passages.span_pairs import SpanPairs
from cleantext.jit import kernel

__all__ = [
    "SEARCHED_AGAIN",
    "Members",
    "document_members",
    "first_whole",
    "left_of",
    "passage_members",
    "put",
    "take_repeats",
    "take_whole",
]

Bools = npt.NDArray[np.bool_]
SEARCHED_AGAIN = 32  # at most this many passages of one text are searched again because their copies lost a part


@dataclass(frozen=True)
class Members:
    """Spans that may go, and for each the span that stays for it."""

    text: I64
    start: I64
    end: I64
    keeper: I64
    keeper_start: I64
    keeper_end: I64
    similarity: F64
    exact: Bools

    def __len__(self) -> int:
        return len(self.text)

    def where(self, rows: Bools | I64) -> Members:
        """Return the members of a mask, or at positions."""
        return Members(*(getattr(self, name)[rows] for name in COLUMNS))

    def joined(self, *others: Members) -> Members:
        """Return these members and those of others behind them."""
        return Members(*(np.concatenate([getattr(m, name) for m in (self, *others)]) for name in COLUMNS))

    @property
    def spans(self) -> I64:
        """The columns from ``text`` to ``keeper_end`` as a table, for kernels."""
        return np.stack([self.text, self.start, self.end, self.keeper, self.keeper_start, self.keeper_end], axis=1)


COLUMNS = tuple(f.name for f in fields(Members))


def _by_worse(corpus: FoldedTexts, rows: SpanPairs) -> Members:
    """Return the spans that may be removed because a preferred text, or an earlier place of the same text, has a copy."""
    swap = corpus.rank[rows.a] > corpus.rank[rows.b]
    names = [(first + suffix, second + suffix) for first, second in (("b", "a"), ("a", "b")) for suffix in ("", "_start", "_end")]
    columns = [np.where(swap, getattr(rows, second), getattr(rows, first)) for first, second in names]
    return Members(*[*columns, rows.similarity, rows.exact])


def document_members(corpus: FoldedTexts, rows: SpanPairs) -> Members:
    """Return each text that has a verified pair with a preferred text that stays, with the most preferred of these."""
    found = _by_worse(corpus, rows)
    found = found.where(np.lexsort((corpus.rank[found.keeper], corpus.rank[found.text])))
    return found.where(first_whole(found.text, found.keeper, np.zeros(len(corpus), np.bool_)))


@kernel
def first_whole(text: I64, keeper: I64, gone: Bools) -> Bools:
    """Mark, in row order, the first row of each text whose keeper is not removed; the text is then removed."""
    taken = np.zeros(len(text), np.bool_)
    for i in range(len(text)):
        if not gone[text[i]] and not gone[keeper[i]]:
            gone[text[i]] = taken[i] = True
    return taken


def passage_members(corpus: FoldedTexts, rows: SpanPairs, params: PassageParams) -> Members:
    """Return the passages that may be removed, each with a verified copy that is kept whole.

    Copies in other texts are decided first, then repeats inside one text; longer passages before shorter ones.
    Where part of a copy was removed itself, the rest of that copy is searched again. A passage is skipped if it
    adds less than ``min_chars`` to what its text already loses.
    """
    found = _in_order(corpus, _by_worse(corpus, rows))
    inside = found.text == found.keeper
    repeats, found = found.where(inside), found.where(~inside)
    spans, bounds = found.spans, _bounds(found.text)
    gone, place = np.empty((2 * len(spans) + 64, 2), np.int64), np.zeros((len(corpus), 2), np.int64)
    taken, parts, waits = np.zeros(len(spans), np.bool_), [], np.zeros(len(corpus), np.bool_)
    group = used = 0
    while group < len(bounds) - 1:
        group, places = _visit(spans, bounds, group, used, gone, place, taken, params.min_chars, SEARCHED_AGAIN, waits)
        if len(places):
            text = int(spans[bounds[group - 1], 0])
            part = _in_order(corpus, _remains(corpus, params, text, places))
            if place[text, 1] + len(part) + len(spans) - bounds[group] > len(gone):
                gone = np.concatenate([gone, np.empty((len(gone) + len(part), 2), np.int64)])
            more = np.zeros(len(part), np.bool_)
            take_whole(part.spans, 0, len(part), gone, place, more, params.min_chars, waits)
            parts.append(part.where(more))
            used = int(place[text, 1])
    members = found.where(taken).joined(*parts)
    members = members.where(np.argsort(corpus.rank[members.text], kind="stable"))
    kept = members.where(np.lexsort((members.keeper_start, members.keeper)))
    bounds = np.searchsorted(kept.keeper, repeats.text[_bounds(repeats.text)[:-1]])
    return members.joined(
        repeats.where(take_repeats(repeats.spans, _bounds(repeats.text), gone, place, kept.spans, bounds, params.min_chars))
    )


def _bounds(column: I64) -> I64:
    """Return the bounds of each run of equal values."""
    return np.flatnonzero(np.concatenate([[True], column[1:] != column[:-1], [True]])) if len(column) else np.zeros(1, np.int64)


def _in_order(corpus: FoldedTexts, found: Members) -> Members:
    """Order by text, preferred ones first; in each longer passages first, then by place, then by the preferred copy."""
    rank = corpus.rank
    return found.where(
        np.lexsort((found.keeper_end, found.keeper_start, rank[found.keeper], found.start, found.start - found.end, rank[found.text]))
    )


def _remains(corpus: FoldedTexts, params: PassageParams, text: int, places: I64) -> Members:
    """Search again: return the passages that a text shares with the remaining parts (rows text, start, end) of its copies."""
    rows = params.run(corpus.part(text, places)).rows
    keeper, base = places[rows.b - 1, 0], places[rows.b - 1, 1]
    return Members(
        np.full(len(rows), text), rows.a_start, rows.a_end, keeper, base + rows.b_start, base + rows.b_end, rows.similarity, rows.exact
    )


# `gone` holds the removed spans of all texts: those of one text are the rows ``place[text, 0]:place[text, 1]``, disjoint and
# in order. The text being visited has the last rows, so more can be appended.


@kernel
def _visit(
    spans: I64, bounds: I64, group: int, used: int, gone: I64, place: I64, taken: Bools, least: int, most: int, waits: Bools
) -> tuple[int, I64]:
    """Visit texts until remaining parts of copies have to be searched; return the next group of rows, and those parts."""
    for g in range(group, len(bounds) - 1):
        text = spans[bounds[g], 0]
        place[text, 0] = place[text, 1] = used
        blocked = take_whole(spans, bounds[g], bounds[g + 1], gone, place, taken, least, waits)
        used = place[text, 1]
        left = left_of(spans, blocked[:most], gone, place, least)
        if len(left):
            return g + 1, left
    return len(bounds) - 1, np.empty((0, 3), np.int64)


@kernel
def left_of(spans: I64, blocked: I64, gone: I64, place: I64, least: int) -> I64:
    """Return the remaining parts (rows text, start, end; sorted, distinct) of the copies of ``blocked`` passages."""
    left, n = np.empty((16, 3), np.int64), 0
    for i in blocked:
        if not _adds(spans[i], gone, place, least):
            continue
        keeper, start, stop = spans[i, 3], spans[i, 4], spans[i, 5]
        at = _behind(gone, place[keeper, 0], place[keeper, 1], start)
        while start < stop:  # each gap between two removed spans
            end = min(stop, gone[at, 0]) if at < place[keeper, 1] else stop
            if end - start >= least:
                if n == len(left):
                    left = roomier(left, 2 * n)
                left[n, 0], left[n, 1], left[n, 2] = keeper, start, end
                n += 1
            start = gone[at, 1] if at < place[keeper, 1] else stop
            at += 1
    return _distinct(left[:n])


@kernel
def _distinct(places: I64) -> I64:
    """Return places in order, each once."""
    n = 0
    for x in range(len(places)):
        text, start, end = places[x, 0], places[x, 1], places[x, 2]
        at = n
        while at > 0 and (text, start, end) < (places[at - 1, 0], places[at - 1, 1], places[at - 1, 2]):
            at -= 1
        if at == 0 or (text, start, end) != (places[at - 1, 0], places[at - 1, 1], places[at - 1, 2]):
            for y in range(n, at, -1):
                for column in range(3):
                    places[y, column] = places[y - 1, column]
            places[at, 0], places[at, 1], places[at, 2] = text, start, end
            n += 1
    return places[:n].copy()


@kernel
def take_whole(spans: I64, low: int, high: int, gone: I64, place: I64, taken: Bools, least: int, waits: Bools) -> I64:
    """Remove the passages ``low:high`` of one text whose copies are whole; return those whose copies are not.

    A text ``waits`` while its removals are unknown; a text with a copy in such a text has to wait as well.
    """
    blocked, n = np.empty(high - low, np.int64), 0
    for i in range(low, high):
        if not _adds(spans[i], gone, place, least):
            continue
        text, keeper = spans[i, 0], spans[i, 3]
        if waits[keeper]:
            waits[text] = True
            break
        if _meets(gone, place[keeper, 0], place[keeper, 1], spans[i, 4], spans[i, 5]):
            blocked[n] = i
            n += 1
            continue
        place[text, 1] = put(gone, place[text, 0], place[text, 1], spans[i, 1], spans[i, 2])
        taken[i] = True
    return blocked[:n]


@kernel
def take_repeats(spans: I64, bounds: I64, gone: I64, place: I64, kept: I64, first: I64, least: int) -> Bools:
    """Remove repeats inside one text whose copies are whole, unless another text relies on them.

    ``kept`` are the members so far by keeper; those of group ``g`` start at row ``first[g]``.
    """
    taken = np.zeros(len(spans), np.bool_)
    for g in range(len(bounds) - 1):
        low, high = bounds[g], bounds[g + 1]
        text = spans[low, 0]
        last = first[g]
        while last < len(kept) and kept[last, 3] == text:
            last += 1
        goes, n = np.empty((place[text, 1] - place[text, 0] + high - low, 2), np.int64), 0
        for x in range(place[text, 0], place[text, 1]):
            goes[n, 0], goes[n, 1] = gone[x, 0], gone[x, 1]
            n += 1
        stays, m = np.empty((last - first[g] + high - low, 2), np.int64), 0
        for x in range(first[g], last):
            m = put(stays, 0, m, kept[x, 4], kept[x, 5])
        for i in range(low, high):
            start, end, copy_start, copy_end = spans[i, 1], spans[i, 2], spans[i, 4], spans[i, 5]
            if _meets(stays, 0, m, start, end) or end - start - _covered(goes, 0, n, start, end) < least:
                continue
            if not _meets(goes, 0, n, copy_start, copy_end):
                n = put(goes, 0, n, start, end)
                m = put(stays, 0, m, copy_start, copy_end)
                taken[i] = True
    return taken


@kernel
def _adds(span: I64, gone: I64, place: I64, least: int) -> bool:
    """Return whether removing the passage takes at least ``least`` characters that are not removed yet."""
    text, start, end = span[0], span[1], span[2]
    return bool(end - start - _covered(gone, place[text, 0], place[text, 1], start, end) >= least)


@kernel
def _behind(spans: I64, low: int, high: int, at: int) -> int:
    """Return the first of the spans ``low:high`` that ends behind ``at``."""
    while low < high:
        middle = (low + high) // 2
        if spans[middle, 1] > at:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def _meets(spans: I64, low: int, high: int, start: int, end: int) -> bool:
    """Say whether an offset of ``start:end`` is in one of the spans ``low:high``."""
    at = _behind(spans, low, high, start)
    return bool(at < high and spans[at, 0] < end)


@kernel
def _covered(spans: I64, low: int, high: int, start: int, end: int) -> int:
    """Return how many offsets of ``start:end`` are in the spans ``low:high``."""
    n = 0
    for at in range(_behind(spans, low, high, start), high):
        if spans[at, 0] >= end:
            break
        n += min(spans[at, 1], end) - max(spans[at, 0], start)
    return n


@kernel
def put(spans: I64, low: int, high: int, start: int, end: int) -> int:
    """Put ``start:end`` into the spans ``low:high``, joined to those that it meets or touches; return the new end."""
    first = _behind(spans, low, high, start - 1)
    stop = first
    while stop < high and spans[stop, 0] <= end:
        start, end = min(start, spans[stop, 0]), max(end, spans[stop, 1])
        stop += 1
    by = first + 1 - stop
    if by > 0:
        for at in range(high - 1, stop - 1, -1):
            spans[at + by, 0], spans[at + by, 1] = spans[at, 0], spans[at, 1]
    elif by < 0:
        for at in range(stop, high):
            spans[at + by, 0], spans[at + by, 1] = spans[at, 0], spans[at, 1]
    spans[first, 0], spans[first, 1] = start, end
    return high + by
