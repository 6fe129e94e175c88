"""Near-duplicate documents: sketches propose, exact shingle sets decide."""

from __future__ import annotations

import numpy as np

from cleantext.changes import I32, I64, Ragged
from cleantext.dedup.array_types import U64
from cleantext.dedup.minhash.bands import HOT, Bands, bucket_pairs, buckets
from cleantext.dedup.minhash.hash_kernels import band_keys, count_distinct, shingle_hashes, sketch_into
from cleantext.dedup.minhash.sketch import SketchSpec
from cleantext.dedup.minhash.verify import Shingles, Verified

__all__ = ["ROUNDS", "find_documents", "sketch_keys"]

ROUNDS = 8  # the members of a hot bucket are compared with up to so many representatives, one after the other
TOKENS, ROWS = 1 << 17, 1 << 12  # texts whose hashes and sketches are in memory at once
NEAR = 0.05  # pairs this far below the threshold are kept as well, for `Duplicates.closest_calls`


def find_documents(units: Ragged, side: I32, rank: I64, spec: SketchSpec, bands: Bands, threshold: float) -> tuple[Verified, int]:
    """Return the verified pairs of units at the threshold or slightly below it, and the number of hot buckets.

    A hot bucket is not compared pair by pair: the first of its members by ``rank`` are its
    representatives, and a member meets the next one only while no earlier one matched it. Edges
    stay linear in the size of the bucket.
    """
    least = max(threshold - NEAR, 0.01)
    shingles = Shingles.of(units, side, spec.k)
    hot, pairs = buckets(sketch_keys(units, spec, bands), np.flatnonzero(np.diff(units.offsets) >= spec.k))
    found = shingles.verify(pairs, least)
    seen = pairs
    rest = [bucket[np.argsort(rank[bucket], kind="stable")] for bucket in hot]
    for _ in range(ROUNDS if hot else 0):
        proposed = np.unique(np.concatenate([_star(bucket) if len(bucket) > HOT else _all(bucket) for bucket in rest]))
        found = found.joined(shingles.verify(proposed[~np.isin(proposed, seen)], least))
        seen = np.union1d(seen, proposed)
        matched = found.keys[found.similarity >= threshold]
        rest = [left for bucket in rest if len(bucket) > HOT and len(left := bucket[1:][~np.isin(_star(bucket), matched)]) > 1]
        if not rest:
            break
    return found, len(hot)


def sketch_keys(units: Ragged, spec: SketchSpec, bands: Bands, size: I64 | None = None) -> U64:
    """Return the band keys, shape (bands, units), and write the number of distinct shingles of each unit into ``size``.

    Hashes and sketches stand in memory for some hundred units at a time, and in the same place.
    """
    keys = np.empty((bands.bands, len(units)), np.uint64)
    rows = np.empty((min(ROWS, len(units)), spec.slots), np.uint32)
    low = 0
    while low < len(units):
        high = int(np.searchsorted(units.offsets, units.offsets[low] + TOKENS, "right")) - 1
        high = min(max(high, low + 1), low + ROWS, len(units))
        offsets = units.offsets[low : high + 1] - units.offsets[low]
        hashes = shingle_hashes(units.points[units.offsets[low] : units.offsets[high]], spec.k)
        sketch_into(rows, hashes, offsets, spec.k, *spec.permutations)
        band_keys(keys, low, high, rows, bands.rows)
        if size is not None:
            size[low:high] = count_distinct(hashes, offsets[:-1], np.maximum(offsets[1:] - spec.k + 1, offsets[:-1]))
        low = high
    return keys


def _star(bucket: I32) -> U64:
    """Return the pairs of the first member with each other member, in order."""
    first, others = bucket[0].astype(np.uint64), bucket[1:].astype(np.uint64)
    pairs: U64 = (np.minimum(first, others) << np.uint64(32)) | np.maximum(first, others)
    return pairs


def _all(bucket: I32) -> U64:
    """Return every pair of the members."""
    return bucket_pairs(np.sort(bucket), np.array([0, len(bucket)], np.int64), len(bucket))
