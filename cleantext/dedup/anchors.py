"""Anchors: which stretches of the texts can be copies of one another, found through winnowed k-grams.

Of every ``window`` consecutive k-grams the one with the smallest hash is an anchor (Schleimer,
Wilkerson, Aiken 2003), so two texts that share ``window + k - 1`` tokens share an anchor. Equal
anchors are grown to both sides into maximal exact matches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.dedup.tokens import Unit
from cleantext.dedup.types import U64
from cleantext.jit import kernel

__all__ = ["COMMON", "LEADS", "Anchors", "Recipe", "find_anchors", "find_matches", "groups"]

# What becomes of an anchor.
ALONE, MATCHED, COMMON, CROWDED, LEADS = range(5)
FAR = 4096  # tokens by which a match of a crowded anchor grows: text that only repeats would take quadratic time


class Recipe(NamedTuple):
    """Width and window of the anchors: every shared run of ``k + window - 1`` tokens is found."""

    k: int
    window: int

    @classmethod
    def of(cls, threshold: float, unit: Unit = "char") -> Recipe:
        """Return the sparsest anchors that a passage of this similarity cannot slip through.

        An insertion into n tokens costs 4 shared shingles of n - 4 and adds 5 others, so e of them
        leave J = (n - 4 - 4e) / (n - 4 + 5e) and a run of n / (e + 1). The shortest longest run of
        a passage of 40 tokens or more is 22 at J = .8, 10 at .5 and 7 at .3; substitutions leave more.
        Where words are tokens, the shortest passage has seven or eight.
        """
        if unit == "script":
            return cls(6, 2)
        if threshold >= 0.8:
            return cls(12, 11)
        return cls(8, 4) if threshold >= 0.45 else cls(6, 2)

    @property
    def run(self) -> int:
        """The shortest shared run that is certain to hold an anchor."""
        return self.k + self.window - 1


class Anchors(NamedTuple):
    """Anchors in the order of the texts: hash and place of each, and the text that it is in."""

    hash: U64
    at: I64
    text: I32


def find_anchors(hashes: U64, offsets: I64, recipe: Recipe) -> Anchors:
    """Return the winnowed k-grams of each text, given the hash of the k-gram from each token on."""
    return Anchors(*_winnow(hashes, offsets, recipe.k, recipe.window))


@kernel
def _winnow(hashes: U64, offsets: I64, k: int, window: int) -> tuple[U64, I64, I32]:
    """Keep the smallest hash of each window, the rightmost of equal ones; a chosen one stays while it lies in the window."""
    room = 16
    for d in range(len(offsets) - 1):
        room += 1 + max(0, offsets[d + 1] - offsets[d] - k + 1)
    kept, at, text = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int32)
    n = 0
    for d in range(len(offsets) - 1):
        low, high = offsets[d], offsets[d + 1] - k + 1
        best = -1
        for first in range(low, max(low + 1, high - window + 1)):
            last = min(first + window, high) - 1
            if last < first:
                break
            if best < first:  # the one chosen has left the window, or there is none yet
                best = last
                for t in range(last - 1, first - 1, -1):
                    if hashes[t] < hashes[best]:
                        best = t
            elif hashes[last] < hashes[best]:
                best = last
            else:
                continue
            kept[n], at[n], text[n] = hashes[best], best, d
            n += 1
    return kept[:n].copy(), at[:n].copy(), text[:n].copy()


def groups(anchors: Anchors) -> tuple[I64, I64]:
    """Return the anchors ordered by hash, those alone left out, and the bounds of each group of equal ones."""
    order = np.argsort(anchors.hash, kind="stable")
    sorted_hash = anchors.hash[order]
    new = np.ones(len(order) + 1, bool)
    new[1:-1] = sorted_hash[1:] != sorted_hash[:-1]
    shared = ~(new[:-1] & new[1:])
    bounds = np.flatnonzero(new[:-1][shared])
    return order[shared], np.append(bounds, int(shared.sum()))


@kernel
def find_matches(
    tokens: U32, offsets: I64, hashes: U64, at: I64, text: I32, order: I64, bounds: I64, side: I32, rank: I64, k: int, max_df: int, hot: int
) -> tuple[I64, I32]:
    """Grow equal anchors into maximal exact matches of two places.

    Return rows (text a, start a, text b, start b, length), offsets counted over all tokens, and what
    became of each anchor: `ALONE`, `MATCHED`, `COMMON` (in more than ``max_df`` texts: boilerplate, not
    matched) or `CROWDED` (in more than ``hot`` places: these are matched with one of them only, `LEADS`,
    the first one in the text of the lowest ``rank``, and grown by `FAR` tokens at most). ``side`` is 1 for a text, 2 for a reference and 3 for both: pairs
    are formed between a text and a reference.
    """
    state = _states(text, order, bounds, rank, max_df, hot)
    room, n = 1024, 0
    out = np.empty((room, 5), np.int64)
    for g in range(len(bounds) - 1):
        kind = state[order[bounds[g]]]
        if kind == COMMON:
            continue
        few = kind == MATCHED
        for x in range(bounds[g], bounds[g + 1]):
            if not few and state[order[x]] != LEADS:
                continue
            for y in range(x + 1 if few else bounds[g], bounds[g + 1]):
                i, j = min(order[x], order[y]), max(order[x], order[y])
                p, q, a, b = at[i], at[j], text[i], text[j]
                if i == j or not ((side[a] & 1 and side[b] & 2) or (side[a] & 2 and side[b] & 1)):
                    continue
                if _goes_on(tokens, hashes, at, text, state, i, j):
                    continue  # a match is grown from its first pair of anchors alone
                far = len(tokens) if few else FAR
                back = _run(tokens, p - 1, q - 1, min(p - offsets[a], q - offsets[b], far), -1)
                ahead = _run(tokens, p, q, min(offsets[a + 1] - p, offsets[b + 1] - q, far), 1)
                if ahead < k:
                    continue  # two k-grams of one hash
                length = back + ahead
                if a == b:
                    length = min(length, q - p)  # a run that overlaps its own copy
                if n == room:
                    room *= 2
                    more = np.empty((room, 5), np.int64)
                    more[:n] = out
                    out = more
                out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = a, p - back, b, q - back, length
                n += 1
    return out[:n].copy(), state


@kernel
def _states(text: I32, order: I64, bounds: I64, rank: I64, max_df: int, hot: int) -> I32:
    """Return what becomes of each anchor, from the size of its group."""
    state = np.zeros(len(text), np.int32)
    for g in range(len(bounds) - 1):
        df, last = 0, -1
        leader = order[bounds[g]]
        for x in range(bounds[g + 1] - 1, bounds[g] - 1, -1):
            if text[order[x]] != last:
                df += 1
                last = text[order[x]]
            if rank[text[order[x]]] <= rank[text[leader]]:
                leader = order[x]  # in the end the first place in the text that is kept before the others
        kind = COMMON if df > max_df else CROWDED if bounds[g + 1] - bounds[g] > hot else MATCHED
        for x in range(bounds[g], bounds[g + 1]):
            state[order[x]] = kind
        if kind == CROWDED:
            state[leader] = LEADS
    return state


@kernel
def _run(tokens: U32, a: int, b: int, most: int, way: int) -> int:
    """Return how many tokens are equal from ``a`` and ``b`` on, ``most`` at most, forwards or (``way`` -1) backwards."""
    n = 0
    while n < most and tokens[a + n * way] == tokens[b + n * way]:
        n += 1
    return n


@kernel
def _goes_on(tokens: U32, hashes: U64, at: I64, text: I32, state: I32, i: int, j: int) -> bool:
    """Say whether the anchors before two equal ones are a pair, too, and of the same match."""
    if i == 0 or j == 0 or hashes[i - 1] != hashes[j - 1] or text[i - 1] != text[i] or text[j - 1] != text[j]:
        return False
    if state[i - 1] == COMMON or (state[i - 1] != MATCHED and state[i - 1] != LEADS and state[j - 1] != LEADS):
        return False
    step = at[i] - at[i - 1]
    return bool(at[j] - at[j - 1] == step and _run(tokens, at[i] - 1, at[j] - 1, step, -1) == step)
