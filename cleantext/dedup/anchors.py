"""Anchors: which stretches of the texts can be copies of one another, found through winnowed k-grams.

Of every ``window`` consecutive k-grams the one with the smallest hash is an anchor (Schleimer,
Wilkerson, Aiken 2003), so two texts that share ``window + k - 1`` tokens share an anchor. Equal
anchors are grown to both sides into maximal exact matches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.dedup.types import U64
from cleantext.jit import kernel

__all__ = ["Anchors", "Recipe", "find_anchors", "find_matches", "groups"]


class Recipe(NamedTuple):
    """Width and window of the anchors: every shared run of ``k + window - 1`` tokens is found."""

    k: int
    window: int

    @classmethod
    def of(cls, threshold: float) -> Recipe:
        """Return the sparsest anchors that a passage of this similarity cannot slip through.

        An insertion into n tokens costs 4 shared shingles of n - 4 and adds 5 others, so e of them
        leave J = (n - 4 - 4e) / (n - 4 + 5e) and a run of n / (e + 1). The shortest longest run of
        a passage of 40 tokens or more is 22 at J = .8, 10 at .5 and 7 at .3; substitutions leave more.
        """
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
    tokens: U32, offsets: I64, hashes: U64, at: I64, text: I32, order: I64, bounds: I64, side: I32, k: int, max_df: int, hot: int
) -> tuple[I64, I32]:
    """Grow equal anchors into maximal exact matches of two places.

    Return rows (text a, start a, text b, start b, length), offsets counted over all tokens, and what
    became of each anchor: 0 alone, 1 matched, 2 in more than ``max_df`` texts (boilerplate, not
    matched), 3 in more than ``hot`` places (each matched with the first one only). ``side`` is 1 for
    a text, 2 for a reference and 3 for both: pairs are formed between a text and a reference.
    """
    state = np.zeros(len(at), np.int32)
    for g in range(len(bounds) - 1):
        df, last = 0, -1
        for x in range(bounds[g], bounds[g + 1]):
            if text[order[x]] != last:
                df += 1
                last = text[order[x]]
        kind = 2 if df > max_df else 3 if bounds[g + 1] - bounds[g] > hot else 1
        for x in range(bounds[g], bounds[g + 1]):
            state[order[x]] = kind
    room = 1024
    out = np.empty((room, 5), np.int64)
    n = 0
    for g in range(len(bounds) - 1):
        kind = state[order[bounds[g]]]
        if kind == 2:
            continue
        for x in range(bounds[g], bounds[g + 1] if kind == 1 else bounds[g] + 1):
            i = order[x]
            p, a = at[i], text[i]
            for y in range(x + 1, bounds[g + 1]):
                j = order[y]
                q, b = at[j], text[j]
                if not ((side[a] & 1 and side[b] & 2) or (side[a] & 2 and side[b] & 1)):
                    continue
                # A match is grown from its first pair of anchors alone.
                if i > 0 and j > 0 and state[i - 1] == 1 and hashes[i - 1] == hashes[j - 1] and text[i - 1] == a and text[j - 1] == b:
                    step = p - at[i - 1]
                    if q - at[j - 1] == step:
                        same = True
                        for t in range(1, step + 1):
                            if tokens[p - t] != tokens[q - t]:
                                same = False
                                break
                        if same:
                            continue
                low_a, low_b = offsets[a], offsets[b]
                back = 0
                while p - back > low_a and q - back > low_b and tokens[p - back - 1] == tokens[q - back - 1]:
                    back += 1
                high_a, high_b = offsets[a + 1], offsets[b + 1]
                ahead = 0
                while p + ahead < high_a and q + ahead < high_b and tokens[p + ahead] == tokens[q + ahead]:
                    ahead += 1
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
