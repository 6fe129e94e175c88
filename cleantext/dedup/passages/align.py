"""Alignment: exact matches chained over edits into pairs of passages, each with its exact similarity.

Matches of two texts that follow one another on both sides within ``GAP`` tokens form a chain. A
chain is grown over small edits, into its gaps and beyond its ends, and cut where its similarity
would fall below the threshold. Every passage that leaves this module was verified: its similarity
is the exact Jaccard index of the shingle sets of its two spans.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32
from cleantext.dedup.array_types import U64
from cleantext.dedup.minhash.hash_kernels import roomier
from cleantext.dedup.passages.anchors import equal_run, rising
from cleantext.dedup.passages.cut_chains import cut
from cleantext.jit import kernel, wrapping

__all__ = ["Alignments", "align"]

GAP = 40  # a passage ends after so many tokens without a match
LOOKBACK = 64  # each match may be chained to one of so many matches before it; those within GAP are nearly always among the last ten
BEYOND = 1024  # tokens by which a chain may grow at each end; longer similar stretches have matches of their own
REACH = 8  # longest edit, in tokens, that the growth steps over
ASKEW = 4  # tokens that match behind every edit of two tokens or more that takes more of one side than of the other


class Alignments(NamedTuple):
    """Pairs of passages as columns; offsets count over the tokens of all texts."""

    a_text: I64
    a_low: I64
    a_high: I64
    b_text: I64
    b_low: I64
    b_high: I64
    inter: I64
    a_size: I64
    b_size: I64
    exact: I64  # 1 if both are equal token by token

    def joined(self, other: Alignments) -> Alignments:
        """Return these pairs, followed by others."""
        return Alignments(*map(np.concatenate, zip(self, other, strict=True)))


def align(tokens: U32, offsets: I64, matches: I64, shingles: U64, *, k: int, threshold: float, shortest: int, run: int) -> Alignments:
    """Chain, grow, cut and verify matches (rows of `anchors.find_matches`).

    A passage is at least ``shortest`` tokens long on both sides; chains without a match of ``run``
    tokens are left alone, since no passage of this similarity can do without one (`AnchorSpec.of`).
    """
    pairs = _pairs(matches)
    score, before = _link(matches, pairs, GAP, LOOKBACK)
    members, chains = _trace(pairs, score, before)
    members, chains = _promising(matches[:, 4], members, chains, run)
    blocks, bounds = _grow(tokens, offsets, matches, members, chains, REACH, shortest)
    rows = cut(tokens, offsets, blocks, bounds, shingles, k, threshold, shortest)
    return Alignments(*rows[~_inside(rows)].T.copy())


@kernel
def _inside(rows: I64) -> npt.NDArray[np.bool_]:
    """Mark each passage that lies within another one that starts or ends on the same diagonal.

    A longer passage may have been cut out of a chain after a shorter one claimed a part of its way.
    """
    inside = np.zeros(len(rows), np.bool_)
    diagonals, stamp, reach = np.empty(1024, np.int64), np.zeros(1024, np.int64), np.empty(1024, np.int64)
    epoch = first = 0
    while first < len(rows):
        stop = first + 1
        while stop < len(rows) and rows[stop, 0] == rows[first, 0] and rows[stop, 3] == rows[first, 3]:
            stop += 1
        if stop - first > 1:
            # Sort by start, and the longest first among equal starts, so that a passage comes before those that lie in it.
            keys = np.empty(stop - first, np.int64)
            for x in range(first, stop):
                keys[x - first] = ((rows[x, 1] + 1) << 32) - rows[x, 2]
            order = rising(keys)
            if 2 * len(order) > len(stamp):
                room = 4 * len(order)
                size = 1024
                while size < room:
                    size *= 2
                diagonals, stamp, reach = np.empty(size, np.int64), np.zeros(size, np.int64), np.empty(size, np.int64)
            for side in range(1, 3):
                epoch += 1
                for y in order:
                    x = first + y
                    at = _slot(rows[x, side] - rows[x, side + 3], diagonals, stamp, epoch)
                    if stamp[at] == epoch and reach[at] >= rows[x, 2]:
                        inside[x] = True
                    else:
                        diagonals[at], stamp[at], reach[at] = rows[x, side] - rows[x, side + 3], epoch, rows[x, 2]
        first = stop
    return inside


@kernel
def _pairs(matches: I64) -> I64:
    """Return the bounds of the matches of each pair of texts."""
    bounds, n = np.zeros(len(matches) + 1, np.int64), 0
    for i in range(1, len(matches)):
        if matches[i, 2] != matches[i - 1, 2] or matches[i, 0] != matches[i - 1, 0]:
            n += 1
            bounds[n] = i
    if len(matches):
        n += 1
        bounds[n] = len(matches)
    return bounds[: n + 1].copy()


@kernel
def _link(matches: I64, pairs: I64, gap: int, lookback: int) -> tuple[I64, I64]:
    """Return for each match the score of the best chain that ends with it, and its predecessor in that chain or -1.

    A token matched counts 1, a token of the wider side of a gap -1.
    """
    n = len(matches)
    score, before, reach = np.empty(n, np.int64), np.full(n, -1, np.int64), np.empty(n, np.int64)
    for pair in range(len(pairs) - 1):
        first = pairs[pair]
        for i in range(first, pairs[pair + 1]):
            a, b, length = matches[i, 1], matches[i, 3], matches[i, 4]
            score[i] = length
            reach[i] = a + length if i == first else max(reach[i - 1], a + length)
            for j in range(i - 1, max(first, i - lookback) - 1, -1):
                if a - reach[j] > gap:
                    break  # this match and all before it end too early
                if matches[j, 1] >= a or matches[j, 3] >= b:
                    continue
                gap_a, gap_b = a - matches[j, 1] - matches[j, 4], b - matches[j, 3] - matches[j, 4]
                shared = max(0, -gap_a, -gap_b)  # both may claim the same tokens
                wide = max(gap_a, gap_b) + shared
                if wide > gap or shared >= length:
                    continue
                best = score[j] + length - shared - wide
                if best > score[i]:
                    score[i], before[i] = best, j
    return score, before


@kernel
def _trace(pairs: I64, score: I64, before: I64) -> tuple[I64, I64]:
    """Select chains, the best of each pair of texts first, so that each match is in one chain. Return their members and bounds."""
    n = len(score)
    used = np.zeros(n, np.bool_)
    members, chains = np.empty(n, np.int64), np.empty(n + 1, np.int64)
    chains[0] = 0
    at = count = 0
    for pair in range(len(pairs) - 1):
        first = pairs[pair]
        for x in rising(-score[first : pairs[pair + 1]]):
            i = first + x
            if used[i]:
                continue
            start = at
            while i >= 0 and not used[i]:
                used[i] = True
                members[at] = i
                at += 1
                i = before[i]
            for y in range((at - start) // 2):
                members[start + y], members[at - 1 - y] = members[at - 1 - y], members[start + y]
            count += 1
            chains[count] = at
    return members, chains[: count + 1].copy()


def _promising(length: I64, members: I64, chains: I64, run: int) -> tuple[I64, I64]:
    """Return the chains that hold a match of at least ``run`` tokens."""
    if len(members) == 0:
        return members, chains
    good = np.maximum.reduceat(length[members], chains[:-1]) >= run
    size = np.diff(chains)
    return members[np.repeat(good, size)], np.append(0, np.cumsum(size[good]))


@kernel
def _step(tokens: U32, a: int, b: int, a_stop: int, b_stop: int, way: int, reach: int) -> tuple[int, int, int]:
    """Step over one edit: return how many tokens to skip on each side, and how many match after them.

    The smallest edit wins behind which enough matches to be no accident: two tokens after one
    substituted, more the further and the more askew the step is. (0, 0, 0) if there is none.
    """
    room_a, room_b = (a_stop - a) * way, (b_stop - b) * way
    for size in range(1, reach + 1):
        if size == 2 and not _askew(tokens, a, b, min(room_a, reach + ASKEW), min(room_b, reach + ASKEW), way):
            return _straight(tokens, a, b, min(room_a, room_b), way, reach)
        best_run, best_a, best_b = 0, 0, 0
        for other in range(size, -1, -1):
            for side in range(2 if other < size else 1):
                skip_a, skip_b = (size, other) if side == 0 else (other, size)
                need = _need(size) if other == size else min(size + 2, 7)
                if skip_a + need <= room_a and skip_b + need <= room_b:
                    run = equal_run(tokens, a + skip_a * way, b + skip_b * way, min(16, room_a - skip_a, room_b - skip_b), way)
                    if run >= need and run > best_run:
                        best_run, best_a, best_b = run, skip_a, skip_b
        if best_run > 0:
            return best_a, best_b, best_run
    return 0, 0, 0


@kernel
def _need(size: int) -> int:
    """Return how many tokens must match behind so many that are substituted."""
    return 2 if size <= 2 else size // 2 + 2


@kernel
def _straight(tokens: U32, a: int, b: int, room: int, way: int, reach: int) -> tuple[int, int, int]:
    """Step over two substituted tokens or more."""
    same = 0
    for i in range(2, min(room, reach + 2)):
        same |= int(tokens[a + i * way] == tokens[b + i * way]) << i
    same &= same >> 1  # two tokens are equal from here on
    for size in range(2, reach + 1):
        if same >> size & 1 and size + _need(size) <= room:
            run = equal_run(tokens, a + size * way, b + size * way, min(16, room - size), way)
            if run >= _need(size):
                return size, size, run
    return 0, 0, 0


@kernel
def _askew(tokens: U32, a: int, b: int, room_a: int, room_b: int, way: int) -> bool:
    """Return whether `ASKEW` consecutive tokens may be equal nearby on both sides: a cheap filter that rejects most steps.

    The tokens of b are a set of 64 bits; a run of tokens of a that may be in it is looked for.
    """
    some, both = 0, 0
    for i in range(room_b):
        some |= 1 << _bit(int(tokens[b + i * way]))
    for i in range(room_a):
        both |= (some >> _bit(int(tokens[a + i * way])) & 1) << i
    both &= both >> 1
    return both & both >> 2 != 0


@kernel
def _bit(token: int) -> int:
    return (token * 0x9E3779B1 >> 20) & 63


@kernel
def _grow(tokens: U32, offsets: I64, matches: I64, members: I64, chains: I64, reach: int, shortest: int) -> tuple[I64, I64]:
    """Return chains as blocks (start a, start b, length, text a, text b), ascending on both sides and grown over edits.

    Of each pair of texts the better chains come first and claim the blocks that they grow over: no
    block is in two passages. What does not grow to ``shortest`` tokens on both sides is left out.
    """
    out, n = np.empty((4096, 5), np.int64), 0
    bounds = np.zeros(len(chains), np.int64)
    left = np.empty((BEYOND + 1, 3), np.int64)
    claimed, stamp, epoch, count = np.empty(1024, np.int64), np.zeros(1024, np.int64), 0, 0
    for c in range(len(chains) - 1):
        first, stop = chains[c], chains[c + 1]
        begin = bounds[c + 1] = n
        head = members[first]
        text_a, text_b = matches[head, 0], matches[head, 2]
        if c == 0 or text_a != matches[members[first - 1], 0] or text_b != matches[members[first - 1], 2]:
            epoch, count = c + 1, 0
        while count and first < stop and _is_claimed(matches[members[first]], claimed, stamp, epoch):
            first += 1
        while count and first < stop and _is_claimed(matches[members[stop - 1]], claimed, stamp, epoch):
            stop -= 1
        if first == stop:
            continue
        head, tail = matches[members[first]], matches[members[stop - 1]]
        low_a, low_b = max(offsets[text_a], head[1] - BEYOND), offsets[text_b]
        high_a, high_b = min(offsets[text_a + 1], tail[1] + tail[4] + BEYOND), offsets[text_b + 1]
        if text_a == text_b:  # a passage does not reach into its own copy
            low_b, high_a = max(low_b, tail[1] + tail[4]), min(high_a, head[3])
        # No more than 14 blocks in a gap: a step takes a token at least and finds two.
        if n + 16 * (stop - first) + 2 * BEYOND > len(out):
            out = roomier(out, 2 * (len(out) + 16 * (stop - first)))
        a, b, m = head[1], head[3], 0
        while m <= BEYOND:
            skip_a, skip_b, run = _step(tokens, a - 1, b - 1, low_a - 1, low_b - 1, -1, reach)
            if run == 0:
                break
            a, b = a - skip_a, b - skip_b
            more_run = equal_run(tokens, a, b, min(skip_a, skip_b), 1)  # an uneven step may land inside a run
            run = more_run + equal_run(tokens, a - 1, b - 1, min(a - low_a, b - low_b), -1)
            a, b = a + more_run - run, b + more_run - run
            if count and _has(_start(a, b), claimed, stamp, epoch):
                break
            left[m, 0], left[m, 1], left[m, 2] = a, b, run
            m += 1
        for x in range(m - 1, -1, -1):
            out[n, 0], out[n, 1], out[n, 2] = left[x, 0], left[x, 1], left[x, 2]
            n += 1
        for x in range(first, stop + 1):
            # Between two matches, and behind the last one, small blocks are found from the left.
            to_a, to_b, length = high_a, high_b, 0
            if x < stop:
                to_a, to_b, length = matches[members[x], 1], matches[members[x], 3], matches[members[x], 4]
            if x > first:
                a, b = out[n - 1, 0] + out[n - 1, 2], out[n - 1, 1] + out[n - 1, 2]
                while True:
                    skip_a, skip_b, run = _step(tokens, a, b, to_a, to_b, 1, reach)
                    if run == 0:
                        break
                    a, b = a + skip_a, b + skip_b
                    back = equal_run(tokens, a - 1, b - 1, min(skip_a, skip_b), -1)
                    a, b = a - back, b - back
                    run = back + equal_run(tokens, a + back, b + back, min(to_a - a, to_b - b) - back, 1)
                    if count and _has(_end(a + run, b + run), claimed, stamp, epoch):
                        break
                    out[n, 0], out[n, 1], out[n, 2] = a, b, run
                    n += 1
                    a, b = a + run, b + run
                a, b = out[n - 1, 0] + out[n - 1, 2], out[n - 1, 1] + out[n - 1, 2]
                shared = max(0, a - to_a, b - to_b)
                to_a, to_b, length = to_a + shared, to_b + shared, length - shared
            if length > 0:
                out[n, 0], out[n, 1], out[n, 2] = to_a, to_b, length
                n += 1
        last = chains[c + 1]  # only needed if another chain of the same texts may follow
        if last < len(members) and text_a == matches[members[last], 0] and text_b == matches[members[last], 2]:
            while 2 * (count + 2 * (n - begin)) > len(claimed):
                claimed, stamp = _wider(claimed, stamp, epoch)
            for x in range(begin, n):
                count += _claim(_start(out[x, 0], out[x, 1]), claimed, stamp, epoch)
                count += _claim(_end(out[x, 0] + out[x, 2], out[x, 1] + out[x, 2]), claimed, stamp, epoch)
        a, b = out[n - 1, 0] + out[n - 1, 2] - out[begin, 0], out[n - 1, 1] + out[n - 1, 2] - out[begin, 1]
        if min(a, b) < shortest:
            n = begin
        for x in range(begin, n):
            out[x, 3], out[x, 4] = text_a, text_b
        bounds[c + 1] = n
    return out[:n].copy(), bounds


@kernel
def _start(a: int, b: int) -> int:
    """Return the key of the start of a block."""
    return (a << 32) + 2 * b


@kernel
def _end(a: int, b: int) -> int:
    """Return the key of the end of a block."""
    return (a << 32) + 2 * b + 1


# What is claimed is an open table: of the pair of texts at hand where ``stamp`` is ``epoch``, free where it is another.


@kernel
def _is_claimed(match: I64, claimed: I64, stamp: I64, epoch: int) -> bool:
    """Return whether a block with the start and the end of this match is in a passage already."""
    start, end = _start(match[1], match[3]), _end(match[1] + match[4], match[3] + match[4])
    return _has(start, claimed, stamp, epoch) and _has(end, claimed, stamp, epoch)


@wrapping
def _slot(key: int, claimed: I64, stamp: I64, epoch: int) -> int:
    """Return the slot of a key, or the free slot for it."""
    mask = len(claimed) - 1
    at = ((key * 0x9E3779B97F4A7C1 >> 32) ^ key) & mask
    while stamp[at] == epoch and claimed[at] != key:
        at = (at + 1) & mask
    return at


@kernel
def _has(key: int, claimed: I64, stamp: I64, epoch: int) -> bool:
    return bool(stamp[_slot(key, claimed, stamp, epoch)] == epoch)


@kernel
def _claim(key: int, claimed: I64, stamp: I64, epoch: int) -> int:
    """Insert a key; return 1 if it is new."""
    at = _slot(key, claimed, stamp, epoch)
    new = stamp[at] != epoch
    claimed[at], stamp[at] = key, epoch
    return 1 if new else 0


@kernel
def _wider(claimed: I64, stamp: I64, epoch: int) -> tuple[I64, I64]:
    """Return the table with twice the capacity."""
    more, stamps = np.empty(2 * len(claimed), np.int64), np.zeros(2 * len(claimed), np.int64)
    for at in range(len(claimed)):
        if stamp[at] == epoch:
            _claim(claimed[at], more, stamps, epoch)
    return more, stamps
