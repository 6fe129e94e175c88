"""Verification: the exact similarity of candidates, from their sets of 64-bit shingle hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleantext.changes import I32, I64, Ragged
from cleantext.dedup.array_types import F64, U64
from cleantext.dedup.minhash.hash_kernels import batches, count_distinct, gather, overlaps, shingle_hashes
from cleantext.jit import kernel

__all__ = ["Shingles", "Verified", "distinct_shingles"]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
BATCH = 1 << 21  # tokens of the pairs that are compared at once: more take memory that the system has to clear first
PIECE = 1 << 17  # tokens that are hashed at once


@dataclass(frozen=True)
class Shingles:
    """The shingle sets of all units, computed on demand, so that not all hashes are in memory at the same time."""

    units: Ragged
    side: I32
    k: int
    size: I64  # distinct shingles of each unit; -1 until counted, which is done on demand since it takes as long as the sketch

    @classmethod
    def of(cls, units: Ragged, side: I32, k: int) -> Shingles:
        """Return the sets of ``units``, none of them counted yet."""
        return cls(units, side, k, np.full(len(units), -1, np.int64))

    def verify(self, pairs: U64, least: float) -> Verified:
        """Verify candidates (``a << 32 | b``, ascending): return those of a text and a reference with J >= ``least``."""
        a, b = (pairs >> HALF).astype(np.int64), (pairs & LOW).astype(np.int64)
        wanted = ((self.side[a] & 1) & (self.side[b] >> 1)) | ((self.side[b] & 1) & (self.side[a] >> 1)) == 1
        pairs, a, b = pairs[wanted], a[wanted], b[wanted]
        length = np.diff(self.units.offsets)
        shared = np.concatenate(
            [np.zeros(0, np.int64), *(self._overlaps(a[part], b[part], least) for part in batches(length[a] + length[b], BATCH))]
        )
        good = (shared > 0) & (shared / (self.size[a] + self.size[b] - shared) >= least)  # computed exactly as the reported similarity is
        return Verified(pairs[good], shared[good], self.size[a[good]], self.size[b[good]])

    def _overlaps(self, a: I64, b: I64, least: float) -> I64:
        """Return the number of shingles that two units share, pair by pair; -1 for those that cannot reach ``least``."""
        involved, place = np.unique(np.concatenate([a, b]), return_inverse=True)
        hashes, bounds = distinct_shingles(self.units, involved, self.k)
        self.size[involved] = np.where(self.size[involved] < 0, np.diff(bounds), self.size[involved])
        small, large = np.minimum(self.size[a], self.size[b]), np.maximum(self.size[a], self.size[b])
        near = np.flatnonzero(small >= (least - 1e-9) * large)  # an upper bound of J
        x, y = place[near], place[near + len(a)]
        out = np.full(len(a), -1, np.int64)
        out[near] = overlaps(hashes, bounds[x], bounds[x + 1], bounds[y], bounds[y + 1], self.size[a[near]], self.size[b[near]], least)
        return out


def distinct_shingles(units: Ragged, rows: I64, k: int) -> tuple[U64, I64]:
    """Return the distinct shingle hashes of some units, and the bounds of those of each. Works in pieces that stay in the cache of a core."""
    lengths = np.diff(units.offsets)[rows]
    hashes, bounds = np.empty(int(np.maximum(lengths - k + 1, 0).sum()), np.uint64), np.zeros(len(rows) + 1, np.int64)
    for piece in batches(lengths, PIECE):
        part = gather(units, rows[piece])
        low = part.offsets[:-1]
        found = shingle_hashes(part.points, k)
        size = count_distinct(found, low, np.maximum(part.offsets[1:] - k + 1, low))
        bounds[piece.start + 1 : piece.stop + 1] = bounds[piece.start] + np.cumsum(size)
        _lay_together(hashes, found, low, bounds[piece.start : piece.stop + 1])
    return hashes[: bounds[-1]], bounds


@kernel
def _lay_together(out: U64, hashes: U64, low: I64, bounds: I64) -> None:
    """Copy the hashes from each position of ``low`` on to between two bounds."""
    for i in range(len(low)):
        out[bounds[i] : bounds[i + 1]] = hashes[low[i] : low[i] + bounds[i + 1] - bounds[i]]


@dataclass(frozen=True)
class Verified:
    """Pairs of units as keys ``a << 32 | b``, with the sizes of their shingle sets and of the intersections."""

    keys: U64
    inter: I64
    a_size: I64
    b_size: I64

    @property
    def similarity(self) -> F64:
        """The exact Jaccard index of each pair."""
        return self.inter / (self.a_size + self.b_size - self.inter)

    @property
    def a(self) -> I64:
        """The first unit of each pair."""
        return (self.keys >> HALF).astype(np.int64)

    @property
    def b(self) -> I64:
        """The second unit of each pair."""
        return (self.keys & LOW).astype(np.int64)

    def joined(self, other: Verified) -> Verified:
        """Return the pairs of both, sorted by key. The two must have no pair in common."""
        keys = np.concatenate([self.keys, other.keys])
        order = np.argsort(keys)
        columns = ((self.inter, other.inter), (self.a_size, other.a_size), (self.b_size, other.b_size))
        return Verified(keys[order], *(np.concatenate(column)[order] for column in columns))
