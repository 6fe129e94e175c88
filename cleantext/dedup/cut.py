"""Cut chains of blocks into passages, and verify each on its shingle sets."""

from __future__ import annotations

import numpy as np

from cleantext.changes import I64, U32
from cleantext.dedup.types import F64, U64
from cleantext.jit import kernel

__all__ = ["cut"]


@kernel
def cut(tokens: U32, blocks: I64, bounds: I64, shingles: U64, k: int, threshold: float, shortest: int) -> I64:
    """Cut chains of blocks into the longest passages of at least ``threshold``, verified on their shingle sets."""
    capacity, n = 1024, 0
    out = np.empty((capacity, 10), np.int64)
    most = longest = 1
    for c in range(len(bounds) - 1):
        if bounds[c + 1] > bounds[c]:
            most = max(most, bounds[c + 1] - bounds[c])
            longest = max(longest, blocks[bounds[c + 1] - 1, 0] + blocks[bounds[c + 1] - 1, 2] - blocks[bounds[c], 0])
    room = _power(2 * longest)
    table, stamp, epoch = np.empty(room, np.uint64), np.zeros(room, np.int64), 0
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
            # 1: a shingle of a alone, 2: of both
            epoch += 2
            mask = _power(2 * (a_high - a_low)) - 1
            a_size = b_size = inter = 0
            for t in range(a_low, a_high - k + 1):
                at = _find(table, stamp, epoch, mask, shingles[t])
                if stamp[at] < epoch:
                    stamp[at], table[at] = epoch, shingles[t]
                    a_size += 1
            if stop - first == 1:  # one exact match: the sets are equal
                inter = b_size = a_size
            else:
                b_size = _distinct(shingles, b_low, b_high - k + 1)
                for t in range(b_low, b_high - k + 1):
                    at = _find(table, stamp, epoch, mask, shingles[t])
                    if stamp[at] == epoch:
                        stamp[at] = epoch + 1
                        inter += 1
            meets_itself = blocks[first, 3] == blocks[first, 4] and a_high > b_low
            if meets_itself or inter < threshold * (a_size + b_size - inter):
                if stop - first > 1:  # shingles that repeat made the estimate too high
                    split = _widest(blocks, first, stop)
                    todo[depth, 0], todo[depth, 1] = split, stop
                    todo[depth + 1, 0], todo[depth + 1, 1] = first, split
                    depth += 2
                continue
            if n == capacity:
                capacity *= 2
                more = np.empty((capacity, 10), np.int64)
                more[:n] = out
                out = more
            out[n, 0], out[n, 1], out[n, 2], out[n, 3] = blocks[first, 3], a_low, a_high, blocks[first, 4]
            out[n, 4], out[n, 5], out[n, 6], out[n, 7], out[n, 8] = b_low, b_high, inter, a_size, b_size
            same = a_high - a_low == b_high - b_low
            for t in range(a_high - a_low if same and inter == a_size == b_size else 0):
                same = same and tokens[a_low + t] == tokens[b_low + t]
            out[n, 9] = 1 if same and inter == a_size == b_size else 0
            n += 1
    return out[:n].copy()


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
    """
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
    for x in range(low, high):  # starts worth while: each lower than all before it
        value = shared[x - low] - threshold * (blocks[x, 0] + blocks[x, 1])
        if depth == 0 or value < lowest[depth - 1]:
            lowest[depth], where[depth] = value, x
            depth += 1
    for x in range(high - 1, low - 1, -1):
        value = shared[x - low + 1] - threshold * (blocks[x, 0] + blocks[x, 1] + 2 * blocks[x, 2])
        while depth > 0 and value - lowest[depth - 1] + slack >= 0:
            depth -= 1
            length = blocks[x, 0] + blocks[x, 2] - blocks[where[depth], 0]
            if x >= where[depth] and length > best:
                best, first, stop = length, where[depth], x + 1
    return first, stop


@kernel
def _widest(blocks: I64, first: int, stop: int) -> int:
    """Return the block behind the widest gap of a run of blocks."""
    widest, split = -1, first + 1
    for x in range(first, stop - 1):
        wide = blocks[x + 1, 0] - blocks[x, 0] + blocks[x + 1, 1] - blocks[x, 1] - 2 * blocks[x, 2]
        if wide > widest:
            widest, split = wide, x + 1
    return split


@kernel
def _power(least: int) -> int:
    """Return the first power of two from 64 on that is not below ``least``."""
    size = 64
    while size < least:
        size *= 2
    return size


@kernel
def _find(table: U64, stamp: I64, epoch: int, mask: int, h: np.uint64) -> int:
    """Return the place of a hash in an open table, or the free place where it belongs; a stamp below ``epoch`` is free."""
    at = int(np.int64(h & np.uint64(mask)))  # Numba keeps int(uint64) unsigned
    while stamp[at] >= epoch and table[at] != h:
        at = (at + 1) & mask
    return at


@kernel
def _distinct(shingles: U64, low: int, high: int) -> int:
    """Return the number of distinct shingles in a range."""
    mask = _power(2 * (high - low)) - 1
    table, used = np.empty(mask + 1, np.uint64), np.zeros(mask + 1, np.int64)
    n = 0
    for t in range(low, high):
        at = _find(table, used, 1, mask, shingles[t])
        if used[at] == 0:
            used[at], table[at] = 1, shingles[t]
            n += 1
    return n
