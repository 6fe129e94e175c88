"""Bands: which sketches to compare at all (locality-sensitive hashing).

Two texts are candidates where all slots of at least one band agree: with probability
1 - (1 - J**rows)**bands. Candidates only propose; `verify` decides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64
from cleantext.dedup.array_types import U64
from cleantext.errors import ConfigError
from cleantext.jit import kernel

__all__ = ["Bands", "bucket_pairs", "buckets"]

HOT = 128  # buckets of up to so many members are compared pair by pair, larger ones with representatives only


class Bands(NamedTuple):
    """``bands`` of ``rows`` slots each, and the probability that they find a pair at the threshold."""

    bands: int
    rows: int
    recall: float

    @classmethod
    def of(cls, threshold: float, slots: int, recall: float = 0.995) -> Bands:
        """Return the widest bands that find a pair at ``threshold`` with probability ``recall``.

        Wider bands propose fewer pairs in vain. Raise `ConfigError` where no width reaches the recall.

        >>> Bands.of(0.8, 128)[:2], Bands.of(0.5, 128)[:2]
        ((21, 6), (42, 3))
        """
        for rows in range(slots, 0, -1):
            found = 1 - (1 - threshold**rows) ** (slots // rows)
            if found >= recall:
                return cls(slots // rows, rows, found)
        raise ConfigError(f"{slots} slots cannot find pairs at {threshold} with probability {recall}: use more slots, or a lower recall")


def buckets(keys: U64, has: I64) -> tuple[list[I32], U64]:
    """Return the buckets of more than `HOT` texts, and the pairs of all smaller ones as ``a << 32 | b``.

    ``keys`` has a row a band, with one key a text.
    Only the texts ``has`` (those with a shingle) take part; the members of a bucket and the two of
    a pair rise. A pair that several bands propose comes once.
    """
    number = np.uint64((1 << max(1, len(has)).bit_length()) - 1)
    hot: dict[bytes, I32] = {}
    found = []
    for key in keys[:, has]:
        # The lowest bits of each key hold the number of its text, so that one vectorised sort replaces an argsort. The key bits
        # lost to this give a few more candidates.
        packed = np.sort((key & ~number) | np.arange(len(key), dtype=np.uint64))
        order, ordered = (packed & number).astype(np.int64), packed & ~number
        new = np.ones(len(order) + 1, bool)
        new[1:-1] = ordered[1:] != ordered[:-1]
        shared = ~(new[:-1] & new[1:])
        bounds = np.append(np.flatnonzero(new[:-1][shared]), int(shared.sum()))
        members = has[order[shared]].astype(np.int32)
        for g in np.flatnonzero(np.diff(bounds) > HOT).tolist():
            bucket = members[bounds[g] : bounds[g + 1]]
            hot[bucket.tobytes()] = bucket
        found.append(bucket_pairs(members, bounds, HOT))
    return [hot[k] for k in sorted(hot)], np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)


@kernel
def bucket_pairs(members: I32, bounds: I64, hot: int) -> U64:
    """Return every pair of every bucket of at most ``hot`` members."""
    n = np.int64(0)
    for g in range(len(bounds) - 1):
        size = bounds[g + 1] - bounds[g]
        if size <= hot:
            n += size * (size - 1) // 2
    out = np.empty(n, np.uint64)
    n = np.int64(0)
    for g in range(len(bounds) - 1):
        if bounds[g + 1] - bounds[g] <= hot:
            for x in range(bounds[g], bounds[g + 1]):
                for y in range(x + 1, bounds[g + 1]):
                    out[n] = (np.uint64(members[x]) << np.uint64(32)) | np.uint64(members[y])
                    n += 1
    return out
