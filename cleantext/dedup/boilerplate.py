"""Boilerplate: stretches in more texts than are paired with one another. They are no evidence of a passage, and listed apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.dedup.anchors import COMMON, Anchors, Recipe
from cleantext.dedup.corpus import Units
from cleantext.jit import kernel

__all__ = ["Stretch", "beside_boilerplate", "stretches"]

MOST = 0.9  # of the texts that share an anchor: a stretch grows as long as they agree, so that a few odd copies do not cut it


class Stretch(NamedTuple):
    """A stretch that stands in more than ``max_df`` texts: its first place, and in how many."""

    text: int
    start: int
    end: int
    texts: int


def beside_boilerplate(matches: I64, common: I64, offsets: I64, recipe: Recipe) -> npt.NDArray[np.bool_]:
    """Say which matches (rows of `anchors.find_matches`) hold an anchor's width that is no boilerplate.

    ``common`` are the places of its anchors, in order. A run that many texts share may go on for ``window - 1`` tokens
    on both sides of its last anchor that all of them have: which one is chosen there depends on what stands beside it,
    so a few texts have anchors on the edge in common, and whether two do is chance.
    """
    if len(common) == 0:
        return np.ones(len(matches), np.bool_)
    reach, text = recipe.window - 1, np.searchsorted(offsets, common, "right")
    low = np.maximum(common - reach, offsets[text - 1])
    high = np.minimum(common + recipe.k + reach, offsets[text])
    high[:-1] = np.minimum(high[:-1], low[1:])
    before = np.append(0, np.cumsum(high - low))

    def covered(at: I64) -> I64:
        i = np.searchsorted(low, at, "right")
        return before[i] - np.maximum(0, np.where(i > 0, high[i - 1], 0) - at)

    start, length = matches[:, 1], matches[:, 4]
    good: npt.NDArray[np.bool_] = length - covered(start + length) + covered(start) >= recipe.k
    return good


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
