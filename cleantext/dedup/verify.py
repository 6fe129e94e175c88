"""Verification: the exact similarity of candidates, from their sets of 64-bit shingle hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cleantext.changes import I32, I64
from cleantext.dedup.kernel import count_distinct, overlaps
from cleantext.dedup.types import F64, U64

__all__ = ["Shingles", "Verified"]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


@dataclass(frozen=True)
class Shingles:
    """The shingle hashes of all units, and how many distinct ones each unit has."""

    hashes: U64
    low: I64
    high: I64
    size: I64
    side: I32

    @classmethod
    def of(cls, hashes: U64, offsets: I64, side: I32, k: int) -> Shingles:
        """Count the distinct shingles of each unit."""
        low, high = offsets[:-1], np.maximum(offsets[1:] - k + 1, offsets[:-1])
        return cls(hashes, low, high, count_distinct(hashes, low, high), side)

    def verify(self, pairs: U64, least: float) -> Verified:
        """Return the pairs (``a << 32 | b``, rising) of a text and a reference that have J >= ``least``."""
        a, b = (pairs >> HALF).astype(np.int64), (pairs & LOW).astype(np.int64)
        wanted = ((self.side[a] & 1) & (self.side[b] >> 1)) | ((self.side[b] & 1) & (self.side[a] >> 1)) == 1
        a, b = a[wanted], b[wanted]
        inter = overlaps(self.hashes, self.low[a], self.high[a], self.low[b], self.high[b], self.size[a], self.size[b], least)
        union = self.size[a] + self.size[b] - inter
        good = (inter > 0) & (inter >= least * union)
        return Verified(pairs[wanted][good], inter[good], self.size[a[good]], self.size[b[good]])


@dataclass(frozen=True)
class Verified:
    """Pairs of units as ``a << 32 | b``, with the sizes of their shingle sets and of what these share."""

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
        """Return the pairs of both, which have none in common, in the order of their keys."""
        keys = np.concatenate([self.keys, other.keys])
        order = np.argsort(keys)
        columns = ((self.inter, other.inter), (self.a_size, other.a_size), (self.b_size, other.b_size))
        return Verified(keys[order], *(np.concatenate(column)[order] for column in columns))
