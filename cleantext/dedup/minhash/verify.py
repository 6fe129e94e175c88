"""Verification: the exact similarity of candidates, from their sets of 64-bit shingle hashes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from cleantext.changes import I32, I64, Ragged
from cleantext.dedup.array_types import F64, U64
from cleantext.dedup.minhash.hash_kernels import count_distinct, gather, overlaps, shingle_hashes

__all__ = ["Shingles", "Verified"]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
BATCH = 1 << 24  # shingles whose hashes are in memory at once


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
        self._count(np.concatenate([a, b]))
        small, large = np.minimum(self.size[a], self.size[b]), np.maximum(self.size[a], self.size[b])
        wanted = small >= (least - 1e-9) * large  # an upper bound of J
        pairs, a, b = pairs[wanted], a[wanted], b[wanted]
        inter = [self._overlaps(a[part], b[part], least) for part in _batches(self.size[a] + self.size[b])]
        shared = np.concatenate([np.zeros(0, np.int64), *inter])
        good = (shared > 0) & (shared / (self.size[a] + self.size[b] - shared) >= least)  # computed exactly as the reported similarity is
        return Verified(pairs[good], shared[good], self.size[a[good]], self.size[b[good]])

    def _count(self, units: I64) -> None:
        """Count the distinct shingles of those units that were not counted yet."""
        new = np.unique(units[self.size[units] < 0])
        for batch in _batches(np.diff(self.units.offsets)[new]):
            hashes, low, high = self._hashes(new[batch])
            self.size[new[batch]] = count_distinct(hashes, low, high)

    def _hashes(self, units: I64) -> tuple[U64, I64, I64]:
        """Return the shingle hashes of units, and the start and end of each unit's hashes."""
        part = gather(self.units, units)
        low = part.offsets[:-1]
        return shingle_hashes(part.points, self.k), low, np.maximum(part.offsets[1:] - self.k + 1, low)

    def _overlaps(self, a: I64, b: I64, least: float) -> I64:
        involved, place = np.unique(np.concatenate([a, b]), return_inverse=True)
        hashes, low, high = self._hashes(involved)
        x, y = place[: len(a)], place[len(a) :]
        return overlaps(hashes, low[x], high[x], low[y], high[y], self.size[a], self.size[b], least)


def _batches(work: I64) -> list[slice]:
    """Return slices of consecutive items with a total ``work`` of about `BATCH` each."""
    cuts = np.flatnonzero(np.diff(np.cumsum(work) // BATCH, prepend=-1, append=-1)).tolist()
    return [slice(i, j) for i, j in itertools.pairwise(cuts)]


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
