"""Boilerplate: stretches in more texts than are paired with one another. They are no evidence of a passage, and listed apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.dedup.align import Alignments
from cleantext.dedup.anchors import COMMON, Anchors, Recipe
from cleantext.dedup.corpus import Units
from cleantext.jit import kernel

__all__ = ["Stretch", "beyond_boilerplate", "extents", "stretches"]

# Tokens beside boilerplate from which on a passage is more than that. (Of Chinese laws none is lost by 3, and 17 of 5,030 by 5;
# of 1,500 notices in prose of 30 letters 3,782 pairs are there by chance at 1, 8 at 3.)
BESIDE = 3
MOST = 0.9  # of the texts that share an anchor: a stretch grows as long as they agree, so that a few odd copies do not cut it


class Stretch(NamedTuple):
    """A stretch that stands in more than ``max_df`` texts: its first place, and in how many."""

    text: int
    start: int
    end: int
    texts: int


def beyond_boilerplate(aligned: Alignments, low: I64, high: I64) -> Alignments:
    """Leave out passages that share boilerplate (``low:high``, see `extents`) and nothing beside it but by accident.

    Which anchors are chosen on its edge depends on what stands beside it, so a few texts have some in common by chance.
    """
    low, high = low.copy(), high.copy()
    high[:-1] = np.minimum(high[:-1], low[1:])
    before = np.append(0, np.cumsum(high - low))

    def covered(at: I64) -> I64:
        i = np.searchsorted(low, at, "right")
        return before[i] - np.maximum(0, np.where(i > 0, high[i - 1], 0) - at)

    shared = covered(aligned.a_high) - covered(aligned.a_low)
    good = (shared == 0) | (aligned.a_high - aligned.a_low - shared >= BESIDE)
    return Alignments(*(column[good] for column in aligned))


def extents(corpus: Units, anchors: Anchors, order: I64, bounds: I64, state: I32, recipe: Recipe, max_df: int) -> tuple[I64, I64]:
    """Return for each anchor in more than ``max_df`` units, by place, the stretch around it that so many share.

    It goes on for less than ``window`` tokens to each side: there is another anchor in what is longer.
    """
    common = np.flatnonzero(state[order[bounds[:-1]]] == COMMON)
    points, offsets = corpus.units.points, corpus.units.offsets
    back, ahead = _extents(points, offsets, anchors.at, anchors.text, order, bounds, common, recipe.k, recipe.window - 1, max_df)
    at = np.flatnonzero(state == COMMON)
    return anchors.at[at] - back[at], anchors.at[at] + recipe.k + ahead[at]


@kernel
def _extents(
    points: U32, offsets: I64, at: I64, text: I32, order: I64, bounds: I64, common: I64, k: int, most: int, max_df: int
) -> tuple[I64, I64]:
    """Return how many tokens before each anchor of some groups, and behind it, are the same in more than ``max_df`` texts."""
    back, ahead = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for g in common:
        n, size = bounds[g + 1] - bounds[g], 16
        while size < 2 * n:
            size *= 2
        table, last, df, slot = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(n, np.int64)
        for way in (-1, 1):
            key = np.zeros(n, np.uint64)  # of the tokens so far; 0 where it goes on no further
            key[:] = 1
            for step in range(most):
                table[:], left = -1, 0
                for x in range(n):
                    i = order[bounds[g] + x]
                    p = at[i] - 1 - step if way < 0 else at[i] + k + step
                    if key[x] == 0 or not offsets[text[i]] <= p < offsets[text[i] + 1]:
                        key[x] = 0
                        continue
                    key[x] = (key[x] ^ np.uint64(points[p])) * np.uint64(0x9E3779B97F4A7C15)
                    key[x] = (key[x] ^ (key[x] >> np.uint64(29))) | np.uint64(1)
                    s = int(np.int64(key[x] >> np.uint64(20))) & (size - 1)
                    while table[s] >= 0 and key[table[s]] != key[x]:
                        s = (s + 1) & (size - 1)
                    if table[s] < 0:
                        table[s], last[s], df[s] = x, -1, 0
                    slot[x] = s
                    if last[s] != text[i]:
                        last[s] = text[i]
                        df[s] += 1
                for x in range(n):
                    if key[x] != 0:
                        if df[slot[x]] > max_df:
                            left += 1
                            if way < 0:
                                back[order[bounds[g] + x]] = step + 1
                            else:
                                ahead[order[bounds[g] + x]] = step + 1
                        else:
                            key[x] = 0
                if left == 0:
                    break
    return back, ahead


def stretches(corpus: Units, anchors: Anchors, order: I64, bounds: I64, state: I32, recipe: Recipe, max_df: int) -> tuple[Stretch, ...]:
    """Return the stretches that anchors in more than ``max_df`` units lie in, each once and whole, with all texts that hold it.

    From the anchor of most units on, each is grown at its first place to both sides while nearly all that share
    the anchor agree; anchors inside are passed over.
    """
    points, offsets, k = corpus.units.points, corpus.units.offsets, recipe.k
    common = np.flatnonzero(state[order[bounds[:-1]]] == COMMON).tolist()
    places = {g: _once(order[bounds[g] : bounds[g + 1]], anchors.text) for g in common}
    copies, found = np.diff(corpus.starts), dict[bytes, Stretch]()
    listed: dict[int, list[tuple[int, int]]] = {}
    for g in sorted(common, key=lambda g: (-len(places[g]), int(places[g][0]))):
        at, unit = anchors.at[places[g]], anchors.text[places[g]]
        here, one = int(at[0]), int(unit[0])
        if any(low <= here and here + k <= high for low, high in listed.get(one, ())):
            continue
        back, ahead = _agreement(points, offsets, at, unit)
        left = _shared_by_most(back, max_df)
        holds = back >= left
        right = _shared_by_most(ahead[holds], max_df)
        holds &= ahead >= right
        low, high = here - left, here + right
        listed.setdefault(one, []).append((low, high))
        key = points[low:high].tobytes()
        if key not in found:
            text, base = int(corpus.members[corpus.starts[one]]), int(offsets[one])
            found[key] = Stretch(text, *corpus.tokens[text].span(low - base, high - base), int(copies[unit[holds]].sum()))
    return tuple(sorted(found.values()))


def _once(members: I64, text: I32) -> I64:
    """Return the first anchor of each text of a group."""
    first: I64 = members[np.append(True, np.diff(text[members]) != 0)]
    return first


def _shared_by_most(lengths: I64, max_df: int) -> int:
    """Return the greatest length that most reach, and more than ``max_df`` in any case."""
    least = max(max_df + 1, int(np.ceil(MOST * len(lengths))))
    return int(np.sort(lengths)[-least])


@kernel
def _agreement(points: U32, offsets: I64, at: I64, unit: I32) -> tuple[I64, I64]:
    """Return how many tokens before each place, and from it on, are those at the first place."""
    back, ahead = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    low, here, high = offsets[unit[0]], at[0], offsets[unit[0] + 1]
    for i in range(len(at)):
        p, first, last = at[i], offsets[unit[i]], offsets[unit[i] + 1]
        while here - back[i] > low and p - back[i] > first and points[here - back[i] - 1] == points[p - back[i] - 1]:
            back[i] += 1
        while here + ahead[i] < high and p + ahead[i] < last and points[here + ahead[i]] == points[p + ahead[i]]:
            ahead[i] += 1
    return back, ahead
