"""The exact similarity of candidates, against sets of tuples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleantext.changes import Ragged
from cleantext.dedup.folded.text_units import REFERENCE, TEXT
from cleantext.dedup.minhash import verify
from cleantext.dedup.minhash.hash_kernels import count_distinct, overlaps
from cleantext.dedup.minhash.verify import Shingles, Verified

UNITS = st.lists(st.text("甲乙", min_size=4, max_size=14), min_size=2, max_size=7)  # what has no shingle is no candidate
SIDES = st.sampled_from([TEXT, REFERENCE, TEXT | REFERENCE])


def shingles(text, k):
    return {text[n : n + k] for n in range(len(text) - k + 1)}


def key(a, b):
    return (a << 32) | b


def apart(a, b):
    """Whether one of two sides may be the text and the other one the reference."""
    return bool((a & TEXT and b & REFERENCE) or (b & TEXT and a & REFERENCE))


@given(UNITS, st.data(), st.integers(1, 4), st.sampled_from([0.1, 0.5, 0.8, 1.0]), st.sampled_from([3, 1 << 24]))
def test_verified_pairs_are_those_of_sets(units, data, k, least, batch):
    side = [data.draw(SIDES) for _ in units]
    candidates = [(a, b) for a in range(len(units)) for b in range(a + 1, len(units))]
    expected = []
    for a, b in candidates:
        one, two = shingles(units[a], k), shingles(units[b], k)
        shared = len(one & two)
        if shared and shared / len(one | two) >= least and apart(side[a], side[b]):
            expected.append((key(a, b), shared, len(one), len(two), shared / len(one | two), a, b))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "BATCH", batch)
        found = Shingles.of(Ragged.of(units), np.array(side, np.int32), k).verify(np.array([key(*c) for c in candidates], np.uint64), least)
    columns = (found.keys, found.inter, found.a_size, found.b_size, found.similarity, found.a, found.b)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


def test_sizes_are_counted_once():
    sets = Shingles.of(Ragged.of(["甲乙甲", "甲乙", "乙", "甲乙甲"]), np.array([3, 3, 3, 3], np.int32), 2)
    assert sets.verify(np.array([key(0, 3)], np.uint64), 0.5).inter.tolist() == [2]
    assert sets.size.tolist() == [2, -1, -1, 2]
    sets.size[0] = 5  # what is known is not counted again
    assert not len(sets.verify(np.array([key(0, 1)], np.uint64), 0.5).keys)
    assert sets.size.tolist() == [5, 1, -1, 2]


def test_pairs_join_in_the_order_of_their_keys():
    one = Verified(np.array([3, 9], np.uint64), np.array([1, 2]), np.array([3, 4]), np.array([5, 6]))
    two = Verified(np.array([5], np.uint64), np.array([7]), np.array([8]), np.array([9]))
    both = one.joined(two)
    assert [column.tolist() for column in (both.keys, both.inter, both.a_size, both.b_size)] == [[3, 5, 9], [1, 7, 2], [3, 8, 4], [5, 9, 6]]


RANGES = st.lists(st.lists(st.integers(0, 40), max_size=30), min_size=1, max_size=5)


@given(RANGES)
def test_distinct_hashes_are_those_of_sets(ranges):
    bounds = np.cumsum([0, *map(len, ranges)])
    hashes = np.array([n for row in ranges for n in row], np.uint64) << np.uint64(4)  # so that slots collide
    size = count_distinct(hashes, bounds[:-1], bounds[1:])
    assert [hashes[low : low + n].tolist() for low, n in zip(bounds[:-1], size, strict=True)] == [
        [n << 4 for n in dict.fromkeys(row)] for row in ranges
    ]


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=30, unique=True), min_size=1, max_size=5),
    st.data(),
    st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]),
)
def test_overlaps_are_those_of_sets_where_they_can_matter(ranges, data, least):
    bounds = np.cumsum([0, *map(len, ranges)])
    hashes = np.array([n for row in ranges for n in row], np.uint64) << np.uint64(4)
    index = st.integers(0, len(ranges) - 1)
    pairs = sorted(data.draw(st.lists(st.tuples(index, index), min_size=1, max_size=8)))
    a, b = np.array(pairs).T
    size = np.array([len(set(row)) for row in ranges])
    found = overlaps(hashes, bounds[a], bounds[a + 1], bounds[b], bounds[b + 1], size[a], size[b], least).tolist()
    for (x, y), inter in zip(pairs, found, strict=True):
        shared, every = len({*ranges[x]} & {*ranges[y]}), len({*ranges[x]} | {*ranges[y]})
        if shared >= least * every:
            assert inter == shared
        else:
            assert inter in (-1, shared)
