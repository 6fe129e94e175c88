"""Runs: stretches of a text that repeat one unit many times. Each copy is paired with the first one only.

A run of n copies has n(n-1)/2 pairs and n exact matches, each nearly as long as the run, so work and results would grow
quadratically. The anchors inside a run, which add nothing to those of its first copy, are therefore left out of the search, and the
copies of a run are reported as separate rows.
"""

from __future__ import annotations

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.dedup.array_types import U64
from cleantext.dedup.minhash.hash_kernels import roomier
from cleantext.dedup.passages.align import Alignments
from cleantext.dedup.passages.span_pairs import verified
from cleantext.jit import kernel

__all__ = ["find_runs", "rows_of_runs"]

COPIES = 8  # a stretch with at least so many copies is a run; fewer copies are paired in all combinations
STEPS = 16  # a text gets a budget of so many comparisons per anchor; when it is spent, the search for runs ends there


@kernel
def find_runs(tokens: U32, offsets: I64, hashes: U64, at: I64, text: I32, k: int, least: int) -> tuple[I64, I32]:
    """Return runs of texts (rows text, start, end, period; offsets over all tokens) and the run that each anchor is in.

    A run has at least `COPIES` adjacent copies of a unit, which has at least ``least`` tokens and is a multiple of the period.
    The run of an anchor is 0 outside of runs, the number of the run (from 1) in its first and last period,
    and the negative number in between, where the anchor repeats one a period before.
    """
    n, size = len(at), 64
    while size < 2 * n:
        size *= 2
    table, run = np.full(size, -1, np.int64), np.zeros(n, np.int32)
    out, found = np.empty((16, 4), np.int64), 0
    i = left = 0
    tried, until, floor = -1, 0, np.int64(0)
    while i < n:
        d = text[i]
        if i == 0 or text[i - 1] != d:
            stop = i
            while stop < n and text[stop] == d:
                stop += 1
            left, tried, floor = STEPS * (stop - i), -1, offsets[d]
        j = _last(hashes, text, table, i)
        i += 1
        if j < 0 or left <= 0 or (i - 1 < until and i - 1 - j == tried):
            continue
        first, period = i - 1, at[i - 1] - at[j]
        while i < n and text[i] == d and hashes[i] == hashes[i - first + j] and at[i] - at[i - first + j] == period:
            i += 1
        last = i - 1
        left -= last - first + 1
        tried, until, i = first - j, last + 1, first + 1
        unit = period * ((least + period - 1) // period)
        if at[last] + k - at[j] + 2 * k < COPIES * unit:  # too short, even with the tokens shared beyond its anchors
            continue
        low, high = max(at[j], floor), at[last] + k
        while low > floor and tokens[low - 1] == tokens[low - 1 + period]:
            low -= 1
        while high < offsets[d + 1] and tokens[high] == tokens[high - period]:
            high += 1
        same = high - low >= COPIES * unit
        for t in range(low, high - period if same else low):
            same = same and tokens[t] == tokens[t + period]
        if not same:
            continue
        if found == len(out):
            out = roomier(out, 2 * found)
        out[found, 0], out[found, 1], out[found, 2], out[found, 3] = d, low, high, period
        found += 1
        x = j
        while x < n and text[x] == d and at[x] + k <= high:
            if at[x] >= low and run[x] == 0:
                run[x] = -found if x >= first and at[x] <= high - k - period else found
            if x > first:
                _last(hashes, text, table, x)
            x += 1
        i, floor = max(i, x), high
    return out[:found].copy(), run


@kernel
def _last(hashes: U64, text: I32, table: I64, i: int) -> int:
    """Return the previous anchor with the hash and in the text of anchor ``i``, or -1, and store ``i`` as the latest."""
    mask = len(table) - 1
    at = (int(np.int64(hashes[i] >> np.uint64(20))) + 0x9E3779B1 * int(text[i])) & mask
    while table[at] >= 0 and (hashes[table[at]] != hashes[i] or text[table[at]] != text[i]):
        at = (at + 1) & mask
    last = table[at]
    table[at] = i
    return int(last)


def rows_of_runs(points: U32, runs: I64, k: int, least: int) -> Alignments:
    """Return the copies of each run, from the second one on, as passages that equal the first.

    ``k`` is the length of shingles. An incomplete copy at the end is in no row.
    """
    rows = []
    for text, low, high, period in runs.tolist():
        unit = period * -(-least // period)
        copy = points[low : low + unit]
        size = verified(copy, copy, k)[1]
        start = low + unit * np.arange(1, (high - low) // unit)
        one = np.ones(len(start), np.int64)
        rows.append((text * one, low * one, (low + unit) * one, text * one, start, start + unit, size * one, size * one, size * one, one))
    if not rows:
        return Alignments(*(np.empty(0, np.int64) for _ in Alignments._fields))
    return Alignments(*(np.concatenate(column) for column in zip(*rows, strict=True)))
