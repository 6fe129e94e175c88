"""Kernels of the duplicate engine: shingle hashes, sketches, exact overlaps.

All work on the folded code points of many texts laid end to end: text ``i`` has tokens
``offsets[i]`` to ``offsets[i + 1]``. None is meant for one short string.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from cleantext.changes import I64, U32, Ragged
from cleantext.dedup.array_types import U64
from cleantext.jit import kernel, kernel_beside, wrapping

__all__ = [
    "PRIME",
    "band_keys",
    "batches",
    "count_distinct",
    "digests",
    "gather",
    "gather_into",
    "overlaps",
    "roomier",
    "shingle_hashes",
    "sketch_into",
    "sketches",
]


# Odd multiplier of the polynomial, 2**64 / golden ratio; the finaliser is MurmurHash3's.
PRIME = 0x9E3779B97F4A7C15
MIX1, MIX2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
_P, _M1, _M2 = np.uint64(PRIME), np.uint64(MIX1), np.uint64(MIX2)
_0, _1, _33 = (np.uint64(n) for n in (0, 1, 33))
BLOCK = 1 << 14  # tokens hashed at once, so that intermediate arrays stay in the cache of a core
WIDTH = 5  # tokens of a shingle as `SketchSpec` has it by default: this width has a kernel of its own


def shingle_hashes(tokens: U32, k: int) -> U64:
    """Return the 64-bit hash of the ``k`` tokens that start at each token. The last ``k - 1`` values are meaningless."""
    out = np.zeros(len(tokens), np.uint64) if len(tokens) < k else np.empty(len(tokens), np.uint64)
    if len(tokens) >= k:
        out[len(tokens) - k + 1 :] = 0
        if k == WIDTH:
            _hash_five(out, tokens)
        else:
            _hash_doubling(out, tokens, k)
    return out


def _hash_doubling(out: U64, tokens: U32, k: int) -> None:
    """Write the hashes of ``k`` tokens each.

    The hash of ``a + b`` tokens is that of the first ``a`` times the multiplier to the ``b``, and that of the other ``b``. So the
    length is doubled until it is ``k``: array operations by the logarithm of ``k``, as fast as a compiled loop (10 ns a token for 22).
    """
    for low in range(0, len(tokens) - k + 1, BLOCK):
        part = tokens[low : low + BLOCK + k - 1].astype(np.uint64)
        h, done = part, 1
        for bit in bin(k)[3:]:  # the binary digits of k after the leading one
            h = h[:-done] * np.uint64(pow(PRIME, done, 1 << 64)) + h[done:]
            done *= 2
            if bit == "1":
                h = h[:-1] * _P + part[done:]
                done += 1
        h = (h ^ (h >> _33)) * _M1
        h = (h ^ (h >> _33)) * _M2
        out[low : low + len(h)] = h ^ (h >> _33)


@kernel_beside(partial(_hash_doubling, k=WIDTH))
def _hash_five(out: U64, tokens: U32) -> None:
    """Write the hashes of five tokens each: one pass without intermediate arrays, .5 ns a token where doubling takes 5.5."""
    n = len(tokens) - 4
    _hash_columns(out[:n], tokens[:n], tokens[1 : n + 1], tokens[2 : n + 2], tokens[3 : n + 3], tokens[4 : n + 4])


@wrapping
def _hash_columns(out: U64, t0: U32, t1: U32, t2: U32, t3: U32, t4: U32) -> None:
    """Write the hashes of five columns of tokens. Each column has an index of its own that cannot be negative, so that this is vectorised."""
    for i in range(len(out)):
        h = np.uint64(t0[i]) * _P + np.uint64(t1[i])
        h = (h * _P + np.uint64(t2[i])) * _P + np.uint64(t3[i])
        h = h * _P + np.uint64(t4[i])
        h = (h ^ (h >> _33)) * _M1
        h = (h ^ (h >> _33)) * _M2
        out[i] = h ^ (h >> _33)


def sketches(hashes: U64, offsets: I64, k: int, a: U32, b: U32) -> U32:
    """Return one affine32 MinHash per text, shape (texts, slots). A text without shingles has all bits set."""
    out = np.empty((len(offsets) - 1, len(a)), np.uint32)
    sketch_into(out, hashes, offsets, k, a, b)
    return out


@wrapping
def sketch_into(out: U32, hashes: U64, offsets: I64, k: int, a: U32, b: U32) -> None:
    """Write one sketch per text into the rows of ``out``.

    Product, sum and minimum of 128 slots are 24 operations of 512 bits a shingle: 12 cycles on a processor that
    carries them out in halves (Zen 4), 6 on one that does not. Passes of 16 and hashes mixed beforehand were no
    faster, since loads and stores already hide behind these: a loop of the 24 alone takes as long.
    """
    slots = len(a)
    for d in range(len(offsets) - 1):
        row = out[d]
        low, high = offsets[d], offsets[d + 1] - k + 1
        if high <= low:
            row[:] = np.uint32(0xFFFFFFFF)
            continue
        main = max(low + 1, high - 4)
        for at in range(low, main, 8):
            # One pass loads and stores the slots once, so eight shingles cost little more than one. The last block is padded
            # with its last shingle, which does not change a minimum.
            h0 = _fmix32(hashes[at])
            h1 = _fmix32(hashes[min(at + 1, high - 1)])
            h2 = _fmix32(hashes[min(at + 2, high - 1)])
            h3 = _fmix32(hashes[min(at + 3, high - 1)])
            h4 = _fmix32(hashes[min(at + 4, high - 1)])
            h5 = _fmix32(hashes[min(at + 5, high - 1)])
            h6 = _fmix32(hashes[min(at + 6, high - 1)])
            h7 = _fmix32(hashes[min(at + 7, high - 1)])
            for s in range(slots):
                x, y = a[s], b[s]
                m0 = min(np.uint32(x * h0 + y), np.uint32(x * h1 + y))
                m1 = min(np.uint32(x * h2 + y), np.uint32(x * h3 + y))
                m2 = min(np.uint32(x * h4 + y), np.uint32(x * h5 + y))
                m3 = min(np.uint32(x * h6 + y), np.uint32(x * h7 + y))
                before = row[s] if at > low else np.uint32(0xFFFFFFFF)
                row[s] = min(before, m0, m1, m2, m3)
        at = low + (main - low + 7) // 8 * 8
        if high - at > 2:  # the last four or fewer take a narrower pass
            h0 = _fmix32(hashes[at])
            h1 = _fmix32(hashes[at + 1])
            h2 = _fmix32(hashes[at + 2])
            h3 = _fmix32(hashes[high - 1])
            for s in range(slots):
                x, y = a[s], b[s]
                m0 = min(np.uint32(x * h0 + y), np.uint32(x * h1 + y))
                m1 = min(np.uint32(x * h2 + y), np.uint32(x * h3 + y))
                row[s] = min(row[s], m0, m1)
        elif high > at:
            h0 = _fmix32(hashes[at])
            h1 = _fmix32(hashes[high - 1])
            for s in range(slots):
                x, y = a[s], b[s]
                row[s] = min(row[s], np.uint32(x * h0 + y), np.uint32(x * h1 + y))


@wrapping
def _fmix32(h: np.uint64) -> np.uint32:
    """Return datasketch's pre-mix (MurmurHash3's 32-bit finaliser) of the upper half of a shingle hash."""
    x = np.uint32(h >> np.uint64(32))
    x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    x = np.uint32((x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(x ^ (x >> np.uint32(16)))


@wrapping
def digests(tokens: U32, offsets: I64) -> U64:
    """Return a 128-bit digest of each text, shape (texts, 2)."""
    out = np.empty((len(offsets) - 1, 2), np.uint64)
    for d in range(len(offsets) - 1):
        g, h = np.uint64(1), np.uint64(offsets[d + 1] - offsets[d])
        for i in range(offsets[d], offsets[d + 1]):
            t = np.uint64(tokens[i])
            g = (g ^ t) * _P
            h = (h ^ t) * _M1
            g ^= g >> _33
            h ^= h >> np.uint64(29)
        out[d, 0], out[d, 1] = g, h
    return out


def batches(work: I64, most: int) -> list[slice]:
    """Return slices of consecutive items with a total ``work`` of about ``most`` each."""
    cuts = np.flatnonzero(np.diff(np.cumsum(work) // most, prepend=-1, append=-1)).tolist()
    return [slice(i, j) for i, j in pairwise(cuts)]


@kernel
def roomier(rows: I64, room: int) -> I64:
    """Return a copy of a table with ``room`` rows. Loops, since Numba takes seconds to compile a slice assignment."""
    more = np.empty((room, rows.shape[1]), np.int64)
    for i in range(len(rows)):
        for column in range(rows.shape[1]):
            more[i, column] = rows[i, column]
    return more


def gather(column: Ragged, rows: I64) -> Ragged:
    """Return the texts ``rows`` of a column, in this order; the column itself if these are all its rows in order."""
    if len(rows) == len(column) and bool((np.diff(rows) == 1).all()):
        return column
    offsets = np.append(0, np.cumsum(np.diff(column.offsets)[rows]))
    points = np.empty(offsets[-1], np.uint32)
    gather_into(points, column.points, column.offsets, rows, offsets)
    return Ragged(points, offsets)


@kernel
def gather_into(out: U32, points: U32, offsets: I64, rows: I64, at: I64) -> None:
    """Write the texts ``rows`` to the positions ``at``."""
    for i in range(len(rows)):
        low, high = offsets[rows[i]], offsets[rows[i] + 1]
        out[at[i] : at[i] + high - low] = points[low:high]


@wrapping
def band_keys(out: U64, low: int, high: int, rows: U32, width: int) -> None:
    """Write one 64-bit key for each band of the sketches ``rows`` into ``out``, shape (bands, texts), for the texts ``low`` to ``high``.

    Not into a slice of ``out``, which is contiguous only if it is all of it: Numba would compile this twice.
    """
    bands = len(out)
    for d in range(high - low):
        for band in range(bands):
            h = np.uint64(band)
            for s in range(band * width, (band + 1) * width):
                h = (h + np.uint64(rows[d, s])) * _P
                h ^= h >> _33
            out[band, low + d] = h


@kernel
def _place(table: U64, mask: np.uint64, h: np.uint64) -> np.uint64:
    """Return the slot of a hash in an open-addressing table, or the free slot for it. Zero marks a free slot."""
    at = h & mask  # unsigned, because Numba checks every signed index for being negative
    while table[at] != h and table[at] != _0:
        at = (at + _1) & mask
    return at


@kernel
def _cleared(table: U64, least: int) -> np.uint64:
    """Make the first slots of a table free, four for each of ``least`` hashes; return the mask of their numbers."""
    room = _power(4 * least)
    for at in range(room):
        table[at] = _0
    return np.uint64(room - 1)


@kernel
def count_distinct(hashes: U64, low: I64, high: I64) -> I64:
    """Return the number of distinct hashes in each range, and move these to the beginning of the range."""
    table = np.empty(_power(4 * _longest(low, high)), np.uint64)
    out = np.zeros(len(low), np.int64)
    for i in range(len(low)):
        mask = _cleared(table, high[i] - low[i])
        zeros = _0
        n = np.uint64(low[i])
        for t in range(np.uint64(low[i]), np.uint64(high[i])):
            h = hashes[t]
            if h == _0:  # has no place in the table
                hashes[n] = h
                n += np.uint64(zeros == _0)
                zeros += _1
                continue
            at = _place(table, mask, h)
            hashes[n] = h
            n += np.uint64(table[at] == _0)
            table[at] = h
        out[i] = np.int64(n) - low[i]
    return out


@kernel
def _longest(low: I64, high: I64) -> int:
    most = 1
    for i in range(len(low)):
        most = max(most, high[i] - low[i])
    return most


@kernel
def _power(least: int) -> int:
    """Return the smallest power of two that is at least ``least``, and at least 16."""
    size = 16
    while size < least:
        size *= 2
    return size


@kernel
def overlaps(hashes: U64, a_low: I64, a_high: I64, b_low: I64, b_high: I64, a_size: I64, b_size: I64, least: float) -> I64:
    """Return the number of hashes that two ranges have in common, pair by pair. In each range all hashes differ (see `count_distinct`).

    Pairs that follow one another with the same first range share its table. A pair that cannot
    reach Jaccard ``least`` any more is given up and gets -1.
    """
    table = np.empty(_power(4 * _longest(a_low, a_high)), np.uint64)
    out = np.full(len(a_low), -1, np.int64)
    mask, zero = np.uint64(15), False
    for i in range(len(a_low)):
        if i == 0 or a_low[i] != a_low[i - 1] or a_high[i] != a_high[i - 1]:
            mask, zero = _cleared(table, a_high[i] - a_low[i]), False
            for t in range(np.uint64(a_low[i]), np.uint64(a_high[i])):
                zero = zero or hashes[t] == _0
                table[_place(table, mask, hashes[t])] = hashes[t]
        # J >= least  <=>  inter >= least / (1 + least) * (|A| + |B|)
        need = int(np.ceil(least / (1 + least) * (a_size[i] + b_size[i]) - 1e-9))
        if min(a_size[i], b_size[i]) < need:
            continue
        may_miss = b_high[i] - b_low[i] - need
        inter = 0
        for t in range(np.uint64(b_low[i]), np.uint64(b_high[i])):
            h = hashes[t]
            if zero if h == _0 else table[_place(table, mask, h)] == h:
                inter += 1
            else:
                may_miss -= 1
                if may_miss < 0:
                    break
        if may_miss >= 0:
            out[i] = inter
    return out
