"""Anchors: find the stretches that may be copies of each other, by winnowed k-grams.

Of every ``window`` consecutive k-grams the one with the smallest hash is an anchor (Schleimer,
Wilkerson, Aiken 2003), so two texts that share ``window + k - 1`` tokens share an anchor. Equal
anchors are grown to both sides into maximal exact matches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.dedup.array_types import U64
from cleantext.dedup.folded.token_units import Unit
from cleantext.dedup.minhash.hash_kernels import roomier, shingle_hashes
from cleantext.jit import kernel

__all__ = [
    "COMMON",
    "FIRST",
    "LEADS",
    "OFTEN",
    "AnchorSpec",
    "Anchors",
    "equal_run",
    "find_anchors",
    "find_matches",
    "groups",
    "grow_pairs",
    "rising",
]

# How an anchor is paired.
ALONE, MATCHED, COMMON, CROWDED, LEADS, FIRST = range(6)
OFTEN = 16  # up to so many places of an anchor in one text are paired with all others, further ones only with the leading place
HASHED = 1 << 16  # tokens whose hashes are in memory at once
FAR = 4096  # a match of a crowded anchor grows by at most so many tokens, since repetitive text would take quadratic time


class AnchorSpec(NamedTuple):
    """Width and window of the anchors: every shared run of ``k + window - 1`` tokens is found."""

    k: int
    window: int

    @classmethod
    def of(cls, threshold: float, unit: Unit = "char") -> AnchorSpec:
        """Return the sparsest anchors that cannot miss a passage of this similarity.

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
        """The length from which every shared run contains an anchor."""
        return self.k + self.window - 1


class Anchors(NamedTuple):
    """Anchors in text order, with hash, place and text of each."""

    hash: U64
    at: I64
    text: I32


def find_anchors(tokens: U32, offsets: I64, anchor_spec: AnchorSpec) -> Anchors:
    """Return the winnowed k-grams of each text."""
    found = []
    low = 0
    while low < len(offsets) - 1:  # a few texts at a time, so that their hashes stay in the cache
        high = max(low + 1, int(np.searchsorted(offsets, offsets[low] + HASHED, "right")) - 1)
        hashes = shingle_hashes(tokens[offsets[low] : offsets[high]], anchor_spec.k)
        found.append(_winnow(hashes, offsets[low : high + 1], low, anchor_spec.k, anchor_spec.window))
        low = high
    if not found:
        return Anchors(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int32))
    return Anchors(*(np.concatenate(column) for column in zip(*found, strict=True)))


@kernel
def _winnow(hashes: U64, offsets: I64, number: int, k: int, window: int) -> tuple[U64, I64, I32]:
    """Select the smallest hash of each window, the rightmost of equal ones. A selected hash is kept while it is in the window.

    ``hashes`` start with the first of the texts, which has this ``number``.
    """
    room = 16
    for d in range(len(offsets) - 1):
        room += max(0, offsets[d + 1] - offsets[d] - k + 1)
    kept, at, text = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int32)
    base, n = offsets[0], 0
    for d in range(len(offsets) - 1):
        low, high = offsets[d] - base, offsets[d + 1] - base - k + 1
        best = -1
        for first in range(low, max(low + 1, high - window + 1)):
            last = min(first + window, high) - 1
            if last < first:
                break
            if best < first:  # the chosen hash has left the window, or there is none yet
                best = last
                for t in range(last - 1, first - 1, -1):
                    if hashes[t] < hashes[best]:
                        best = t
            elif hashes[last] < hashes[best]:
                best = last
            else:
                continue
            kept[n], at[n], text[n] = hashes[best], base + best, number + d
            n += 1
    return kept[:n].copy(), at[:n].copy(), text[:n].copy()


@kernel
def groups(hashes: U64) -> tuple[I64, I64]:
    """Return the anchors that share their hash with others, grouped by hash, and the bounds of the groups."""
    n, size = len(hashes), 16
    while size < 2 * n:
        size *= 2
    # An open-addressing table of hashes; the first anchor of each hash represents its group.
    table, first, count = np.full(size, -1, np.int64), np.empty(n, np.int64), np.zeros(n, np.int64)
    for i in range(n):
        at = int(hashes[i] >> np.uint64(20)) & (size - 1)
        while table[at] >= 0 and hashes[table[at]] != hashes[i]:
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = i
        first[i] = table[at]
        count[first[i]] += 1
    bounds, number, many = np.zeros(n + 1, np.int64), 0, 0
    for i in range(n):
        if count[i] > 1:
            many += count[i]
            number += 1
            bounds[number] = many
            count[i] = bounds[number - 1]  # from here on: the position of the next member
        else:
            count[i] = -1
    order = np.empty(many, np.int64)
    for i in range(n):
        at = count[first[i]]
        if at >= 0:
            order[at] = i
            count[first[i]] += 1
    return order, bounds[: number + 1].copy()


@kernel
def find_matches(
    tokens: U32,
    offsets: I64,
    at: I64,
    text: I32,
    run: I32,
    order: I64,
    bounds: I64,
    side: I32,
    rank: I64,
    k: int,
    max_df: int,
    hot: int,
    often: int,
) -> tuple[I64, I32]:
    """Grow equal anchors into maximal exact matches of two places.

    Return rows (text a, start a, text b, start b, length) in the order of texts and starts, offsets
    counted over all tokens, and what became of each anchor: `ALONE`, `MATCHED`, `COMMON` (in more than
    ``max_df`` texts: boilerplate, not matched) or `CROWDED`. These are in more than ``hot`` places, or stand ``often`` in their
    text before, or lie inside a ``run`` (see `runs.find_runs`), and are matched with the leading place only: the first one in the
    text of the lowest ``rank``. It is `LEADS` where all are crowded (matches grow by `FAR` tokens at most then), or else `FIRST`.
    No place inside a run is matched with one in a run, and none in a run with another in it. ``side`` is 1 for a text, 2 for a reference and 3 for both: pairs are formed between a text and a reference.
    """
    state = _states(text, run, order, bounds, rank, max_df, hot, often)
    place, first, stop, follows = _neighbours(at, text, run, order, bounds, state)
    out, n, begin = np.empty((1024, 5), np.int64), 0, 0
    count, other = np.zeros(len(offsets), np.int64), np.empty((1024, 5), np.int64)
    for i in range(len(text)):
        a, p = text[i], at[i]
        if i and a != text[i - 1]:
            other = _by_text(out, begin, n, count, other)
            begin = n
        if place[i] < 0:
            continue
        for y in range(first[i], stop[i]):
            j = order[y]
            b = text[j]
            if state[j] == CROWDED and state[i] == MATCHED:
                continue
            if (run[i] < 0 and run[j] != 0) or (run[j] < 0 and run[i] != 0) or (run[i] == run[j] != 0 and a == b):
                continue
            if follows[y] == follows[place[i]] >= 0 and _are_paired(state[i - 1], state[j - 1]):
                continue  # the two previous anchors are a pair as well: each match is grown only from its first pair
            if not ((side[a] & 1 and side[b] & 2) or (side[a] & 2 and side[b] & 1)):
                continue
            far = FAR if state[i] == LEADS or state[j] == LEADS else len(tokens)
            start, other_start, length = _grown(tokens, offsets, a, b, p, at[j], k, far)
            if length == 0:
                continue  # a collision: different k-grams with the same hash
            if n == len(out):
                out = roomier(out, 2 * n)
            out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = a, start, b, other_start, length
            n += 1
    _by_text(out, begin, n, count, other)
    return out[:n], state


@kernel
def _are_paired(x: int, y: int) -> bool:
    """Return whether two places of one anchor that is not `COMMON` are a pair."""
    leads = x in (LEADS, FIRST) or y in (LEADS, FIRST)
    return leads or (x == MATCHED and y == MATCHED)


@kernel
def _grown(tokens: U32, offsets: I64, a: int, b: int, p: int, q: int, k: int, far: int) -> tuple[int, int, int]:
    """Extend a match of two k-grams of texts a and b by at most ``far`` tokens; return both starts and the length, 0 if they differ."""
    back = equal_run(tokens, p - 1, q - 1, min(p - offsets[a], q - offsets[b], far), -1)
    ahead = equal_run(tokens, p, q, min(offsets[a + 1] - p, offsets[b + 1] - q, far), 1)
    length = back + ahead if ahead >= k else 0
    if a == b:
        length = min(length, q - p)  # a run that overlaps its own copy
    return p - back, q - back, length


@kernel
def grow_pairs(tokens: U32, offsets: I64, pairs: I64, k: int) -> I64:
    """Return matches as `find_matches` does, from given pairs of anchors: sorted rows (text a, place, text b, place, 1 if crowded)."""
    out, n, first = np.empty((len(pairs), 5), np.int64), 0, 0
    other = np.empty((len(pairs), 5), np.int64)
    for i in range(len(pairs)):
        a, p, b, q = pairs[i, 0], pairs[i, 1], pairs[i, 2], pairs[i, 3]
        if i and (a != pairs[i - 1, 0] or b != pairs[i - 1, 2]):
            _by_start(out, first, n, other)
            first = n
        start, other_start, length = _grown(tokens, offsets, a, b, p, q, k, FAR if pairs[i, 4] else len(tokens))
        if length > 0:
            out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = a, start, b, other_start, length
            n += 1
    _by_start(out, first, n, other)
    return out[:n].copy()


@kernel
def _neighbours(at: I64, text: I32, run: I32, order: I64, bounds: I64, state: I32) -> tuple[I64, I64, I64, I64]:
    """Return the position of each anchor in ``order`` (or -1), the range of later anchors it is paired with, and its predecessor.

    The last one goes by place: a number for the group of the anchor before it in the same text and
    the distance to it. Two of a group for which it is the same continue what began before. It is -1
    where nothing is matched before, and at the ends of runs. (A k-gram reaches up to the next anchor: what is between is equal.)
    """
    place, group = np.full(len(text), -1, np.int64), np.full(len(text), -1, np.int64)
    first, stop = np.zeros(len(text), np.int64), np.zeros(len(text), np.int64)
    for g in range(len(bounds) - 1):
        leader = -1
        for x in range(bounds[g + 1] - 1, bounds[g] - 1, -1):
            i = order[x]
            place[i], group[i] = x, g
            if state[i] == MATCHED or state[i] == LEADS or state[i] == FIRST:
                first[i], stop[i] = x + 1, bounds[g + 1]
            elif leader >= 0:
                first[i], stop[i] = leader, leader + 1
            if state[i] == LEADS or state[i] == FIRST:
                leader = x
    follows = np.full(len(order), -1, np.int64)
    for i in range(1, len(text)):
        matched = group[i - 1] >= 0 and state[i - 1] != COMMON
        if place[i] >= 0 and matched and text[i - 1] == text[i] and run[i - 1] == run[i]:
            follows[place[i]] = (group[i - 1] << 16) + at[i] - at[i - 1]
    return place, first, stop, follows


@kernel
def _by_text(out: I64, low: int, high: int, count: I64, other: I64) -> I64:
    """Sort the matches of one text, which are nearly sorted by start, by the other text and by start.

    ``count`` is zero for all texts, before and after; ``other`` is room, and is returned, larger where that was needed.
    """
    if high - low > len(other):
        other = np.empty((2 * (high - low), 5), np.int64)
    texts, m = np.empty(high - low, np.int64), 0
    for x in range(low, high):
        _copy(out, x, other, x - low)
        b = out[x, 2]
        if count[b] == 0:
            texts[m] = b
            m += 1
        count[b] += 1
    to = low
    for y in rising(texts[:m]):
        to += count[texts[y]]
        count[texts[y]] = to - count[texts[y]]
    for x in range(high - low):
        b = other[x, 2]
        _copy(other, x, out, count[b])
        count[b] += 1
    for x in range(low, high):
        count[out[x, 2]] = 0
    first = low
    for x in range(low + 1, high + 1):
        if x == high or out[x, 2] != out[x - 1, 2]:
            _by_start(out, first, x, other)
            first = x
    return other


@kernel
def _by_start(out: I64, low: int, high: int, other: I64) -> None:
    """Sort the matches of two texts by start. Most are sorted already."""
    keys, sorted_ = np.empty(high - low, np.int64), True
    for x in range(low, high):
        keys[x - low] = (out[x, 1] << 32) + out[x, 3]
        sorted_ = sorted_ and (x == low or keys[x - low - 1] <= keys[x - low])
    if not sorted_:
        order = rising(keys)
        for x in range(low, high):
            _copy(out, x, other, x - low)
        for x in range(low, high):
            _copy(other, order[x - low], out, x)


@kernel
def _copy(rows: I64, x: int, to: I64, y: int) -> None:
    for column in range(5):
        to[y, column] = rows[x, column]


@kernel
def rising(keys: I64) -> I64:
    """Return the order that sorts the keys, equal ones by position (Shell's sort).

    For keys that are few or nearly in order. (NumPy's sorts take seconds to compile.)
    """
    n = len(keys)
    order = np.arange(n)
    gap = 1
    while gap < n // 5:
        gap = gap * 9 // 4 + 1
    while gap > 0:
        for x in range(gap, n):
            i, key, y = order[x], keys[order[x]], x
            while y >= gap and (keys[order[y - gap]] > key or (keys[order[y - gap]] == key and order[y - gap] > i)):
                order[y] = order[y - gap]
                y -= gap
            order[y] = i
        gap = 0 if gap == 1 else max(1, (gap - 1) * 4 // 9)
    return order


@kernel
def _states(text: I32, run: I32, order: I64, bounds: I64, rank: I64, max_df: int, hot: int, often: int) -> I32:
    """Return how each anchor is paired, by the size of its group and its position there."""
    state = np.zeros(len(text), np.int32)
    for g in range(len(bounds) - 1):
        df, places, own, most, last, leader = 0, 0, 0, 0, -1, -1
        for x in range(bounds[g], bounds[g + 1]):
            i = order[x]
            if text[i] != last:
                df += 1
                last, own = text[i], 0
            if run[i] < 0:
                state[i], most = CROWDED, often + 1
                continue
            own += 1
            places += 1
            most = max(most, own)
            state[i] = MATCHED if own <= often else CROWDED
            if leader < 0 or rank[text[i]] < rank[text[leader]]:
                leader = i  # ends up as the first place in the most preferred text
        if df > max_df or places > hot:
            for x in range(bounds[g], bounds[g + 1]):
                state[order[x]] = COMMON if df > max_df else CROWDED
        if df <= max_df and places > hot:
            state[leader] = LEADS
        elif df <= max_df and most > often:
            state[leader] = FIRST
    return state


@kernel
def equal_run(tokens: U32, a: int, b: int, most: int, way: int) -> int:
    """Count equal tokens from ``a`` and ``b`` on, up to ``most``: forwards (``way`` 1) or backwards (-1)."""
    n = 0
    while n < most and tokens[a + n * way] == tokens[b + n * way]:
        n += 1
    return n
