"""Cut chains of blocks into passages, and verify each on its shingle sets."""

from __future__ import annotations

import numpy as np

from cleantext.changes import I64, U32
from cleantext.dedup.array_types import F64, U64
from cleantext.dedup.minhash.hash_kernels import roomier
from cleantext.jit import kernel

__all__ = ["cut"]


@kernel
def cut(tokens: U32, offsets: I64, blocks: I64, bounds: I64, shingles: U64, k: int, threshold: float, shortest: int) -> I64:
    """Cut chains of blocks into the longest passages of at least ``threshold``, verified on their shingle sets.

    Distinct shingles are counted without building sets: a shingle is new in a passage if its previous occurrence
    in the same text lies before the passage. The shingles of a block are in both passages.
    """
    out, n, most, longest = np.empty((1024, 10), np.int64), 0, 1, 1
    for c in range(len(bounds) - 1):
        most = max(most, bounds[c + 1] - bounds[c])
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    table, gaps = np.full(_power(2 * longest), -1, np.int64), np.full(64, -1, np.int64)
    before, looked = np.empty(len(shingles), np.int64), np.zeros(len(offsets), np.int64)
    todo = np.empty((2 * most + 4, 2), np.int64)
    shared, lowest, where = np.empty(most + 1, np.float64), np.empty(most, np.float64), np.empty(most, np.int64)
    for c in range(len(bounds) - 1):
        depth = 1
        todo[0, 0], todo[0, 1] = bounds[c], bounds[c + 1]
        while depth > 0:
            depth -= 1
            low, high = todo[depth, 0], todo[depth, 1]
            if high <= low or not _long(blocks, low, high, shortest):
                continue
            first, stop = _best(blocks, low, high, k, threshold, shared, lowest, where)
            if stop <= first:
                continue
            todo[depth, 0], todo[depth, 1] = stop, high
            todo[depth + 1, 0], todo[depth + 1, 1] = low, first
            depth += 2
            if not _long(blocks, first, stop, shortest):
                continue
            a_low, b_low = blocks[first, 0], blocks[first, 1]
            a_high, b_high = blocks[stop - 1, 0] + blocks[stop - 1, 2], blocks[stop - 1, 1] + blocks[stop - 1, 2]
            for side in range(3, 5):
                text, low_t, high_t = blocks[first, side], a_low, a_high
                if side == 4:
                    low_t, high_t = b_low, b_high
                # Computed once for the whole text, or for each passage while these are a small part of the text. (-1: done.)
                if looked[text] >= 0:
                    looked[text] += high_t - low_t
                    if 2 * looked[text] < offsets[text + 1] - offsets[text]:
                        if 2 * (high_t - low_t) > len(gaps):
                            gaps = np.full(_power(4 * (high_t - low_t)), -1, np.int64)
                        gaps[: _power(2 * (high_t - k + 1 - low_t))] = -1
                        _find_before(before, shingles, low_t, high_t - k + 1, gaps)
                    else:
                        looked[text] = -1
                        _find_before(before, shingles, offsets[text], offsets[text + 1], table)
            a_size = _distinct(before, a_low, a_high - k + 1)
            if stop - first == 1:  # one exact match: the sets are equal
                inter = b_size = a_size
            else:
                b_size = _distinct(before, b_low, b_high - k + 1)
                if 2 * (b_high - b_low) > len(gaps):
                    gaps = np.full(_power(4 * (b_high - b_low)), -1, np.int64)
                inter = _in_both(blocks[first:stop], before, shingles, k, gaps)
            meets_itself = blocks[first, 3] == blocks[first, 4] and a_high > b_low
            if meets_itself or inter / (a_size + b_size - inter) < threshold:  # computed exactly as the reported similarity is
                if stop - first > 1:  # repeated shingles made the estimate too high
                    split = _widest(blocks, first, stop)
                    todo[depth, 0], todo[depth, 1] = split, stop
                    todo[depth + 1, 0], todo[depth + 1, 1] = first, split
                    depth += 2
                continue
            if n == len(out):
                out = roomier(out, 2 * n)
            out[n, 0], out[n, 1], out[n, 2], out[n, 3] = blocks[first, 3], a_low, a_high, blocks[first, 4]
            out[n, 4], out[n, 5], out[n, 6], out[n, 7], out[n, 8] = b_low, b_high, inter, a_size, b_size
            same = inter == a_size == b_size and a_high - a_low == b_high - b_low
            if same and stop - first > 1:
                for t in range(a_high - a_low):
                    same = same and tokens[a_low + t] == tokens[b_low + t]
            out[n, 9] = 1 if same else 0
            n += 1
    return out[:n].copy()


@kernel
def _find_before(before: I64, shingles: U64, low: int, high: int, table: I64) -> None:
    """Write the previous occurrence of each shingle of a text, or -1.

    A slot of ``table`` counts as free if it holds a place outside the text, so the table need not be cleared between texts.
    """
    mask = _power(2 * (high - low)) - 1
    for t in range(low, high):
        at = int(np.int64(shingles[t] >> np.uint64(20))) & mask
        while low <= table[at] < high and shingles[table[at]] != shingles[t]:
            at = (at + 1) & mask
        before[t] = table[at] if low <= table[at] < high else -1
        table[at] = t


@kernel
def _distinct(before: I64, low: int, high: int) -> int:
    """Return the number of distinct shingles from ``low`` on up to ``high``."""
    n = 0
    for t in range(low, high):
        n += before[t] < low
    return n


@kernel
def _in_both(blocks: I64, before: I64, shingles: U64, k: int, gaps: I64) -> int:
    """Return the number of distinct shingles that both sides of a run of blocks hold.

    These are the shingles of the blocks, and those across their edges and in gaps that the other side
    has in such a place, too. The latter are looked up in ``gaps``, an open table of places.
    """
    last = len(blocks) - 1
    low, a_stop, b_stop = blocks[0, 0], blocks[last, 0] + blocks[last, 2] - k + 1, blocks[last, 1] + blocks[last, 2] - k + 1
    mask = 0
    for x in range(last + 1):
        mask += _gap(blocks, x, 1, k, b_stop)[1] - _gap(blocks, x, 1, k, b_stop)[0]
    mask = _power(2 * mask) - 1
    gaps[: mask + 1] = -1
    for x in range(last + 1):
        first, stop = _gap(blocks, x, 1, k, b_stop)
        for t in range(first, stop):
            gaps[_slot(shingles[t], shingles, gaps, mask)] = t
    inter = 0
    for x in range(last + 1):
        first, stop = _gap(blocks, x, 0, k, a_stop)
        for t in range(blocks[x, 0], first):
            p = before[t]
            if p >= low:  # a repeat on this side: counted already if its earlier place was in a block, or if the other side has it
                while p >= low and not _in_block(blocks, p, k):
                    p = before[p]
                if p >= low or gaps[_slot(shingles[t], shingles, gaps, mask)] >= 0:
                    continue
            inter += 1
        for t in range(first, stop):
            if before[t] < low and gaps[_slot(shingles[t], shingles, gaps, mask)] >= 0:
                inter += 1
    return inter


@kernel
def _gap(blocks: I64, x: int, side: int, k: int, end: int) -> tuple[int, int]:
    """Return the range of the shingles of one side that start behind those within a block and before the next block."""
    first = blocks[x, side] + max(0, blocks[x, 2] - k + 1)
    stop = min(end, blocks[x + 1, side]) if x + 1 < len(blocks) else end
    return first, max(first, stop)


@kernel
def _in_block(blocks: I64, t: int, k: int) -> bool:
    """Say whether a shingle of the first side lies within a block."""
    low, high = 0, len(blocks)
    while high - low > 1:
        middle = (low + high) // 2
        if blocks[middle, 0] <= t:
            low = middle
        else:
            high = middle
    return bool(t < blocks[low, 0] + blocks[low, 2] - k + 1)


@kernel
def _slot(h: np.uint64, shingles: U64, places: I64, mask: int) -> int:
    """Return the slot of a shingle, or the free slot for it."""
    at = int(np.int64(h >> np.uint64(20))) & mask
    while places[at] >= 0 and shingles[places[at]] != h:
        at = (at + 1) & mask
    return at


@kernel
def _long(blocks: I64, first: int, stop: int, shortest: int) -> bool:
    """Say whether a run of blocks spans at least ``shortest`` tokens on both sides."""
    last = stop - 1
    a, b = blocks[last, 0] + blocks[last, 2] - blocks[first, 0], blocks[last, 1] + blocks[last, 2] - blocks[first, 1]
    return bool(min(a, b) >= shortest)


@kernel
def _best(blocks: I64, low: int, high: int, k: int, threshold: float, shared: F64, lowest: F64, where: I64) -> tuple[int, int]:
    """Return the longest run of blocks within ``low:high`` whose estimated similarity is at least ``threshold``.

    With I shingles shared of n and m, J >= t  <=>  (1 + t) I - t (n + m) >= 0, and this adds up along the chain.
    TokenPlaces count from the first block, so that rounding does not depend on what other texts there are.
    """
    base = blocks[low, 0] + blocks[low, 1]
    shared[0] = 0
    for x in range(low, high):
        shared[x - low + 1] = shared[x - low] + (1 + threshold) * max(0, blocks[x, 2] - k + 1)
    slack = threshold * 2 * (k - 1) + 1e-9
    last = high - 1
    span = blocks[last, 0] - blocks[low, 0] + blocks[last, 1] - blocks[low, 1] + 2 * blocks[last, 2]
    if shared[high - low] - threshold * span + slack >= 0:
        return low, high
    depth = best = 0
    first, stop = low, low
    for x in range(low, high):  # candidates for the start: each is lower than all before it
        value = shared[x - low] - threshold * (blocks[x, 0] + blocks[x, 1] - base)
        if depth == 0 or value < lowest[depth - 1]:
            lowest[depth], where[depth] = value, x
            depth += 1
    for x in range(high - 1, low - 1, -1):
        value = shared[x - low + 1] - threshold * (blocks[x, 0] + blocks[x, 1] + 2 * blocks[x, 2] - base)
        while depth > 0 and value - lowest[depth - 1] + slack >= 0:
            depth -= 1
            length = blocks[x, 0] + blocks[x, 2] - blocks[where[depth], 0]
            if x >= where[depth] and length > best:
                best, first, stop = length, where[depth], x + 1
    return first, stop


@kernel
def _widest(blocks: I64, first: int, stop: int) -> int:
    """Return the block after the widest gap in a run of blocks."""
    widest, split = -1, first + 1
    for x in range(first, stop - 1):
        wide = blocks[x + 1, 0] - blocks[x, 0] + blocks[x + 1, 1] - blocks[x, 1] - 2 * blocks[x, 2]
        if wide > widest:
            widest, split = wide, x + 1
    return split


@kernel
def _power(least: int) -> int:
    """Return the smallest power of two that is at least ``least``, and at least 64."""
    size = 64
    while size < least:
        size *= 2
    return size
