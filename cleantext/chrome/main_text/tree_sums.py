"""What many small trees add up to for each line of a page: QuickScorer (Lucchese et al. 2015).

A tree keeps one bit a leaf. Each of its inner nodes that a line does not go left at clears the bits of the leaves on its left; the first
bit that is left then is the leaf where the line comes out. So nothing is followed from node to node, and all lines are asked at once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import F32, I32, I64
from cleantext.jit import kernel_beside

__all__ = ["LeafBits", "leaf_bits", "tree_sums"]

MOST_LEAVES = 31  # of a tree: as many bits as an int32 has without its sign
DE_BRUIJN, SHIFT, SLOTS = 0x077CB531, 27, 32  # lowest bit * DE_BRUIJN, its 32 bits shifted: another number below 32 for each bit
ALL = (1 << MOST_LEAVES) - 1


class LeafBits(NamedTuple):
    """Trees as bits of their leaves."""

    starts: I64  # first inner node of each tree, and the end of the last one
    features: I64  # of inner nodes: the row of the figures that is asked
    thresholds: F32  # above which a line does not go left
    stays: I32  # bits of the leaves that are left then
    values: F32  # what leaves add, shape (trees, SLOTS), each leaf in the slot of its bit


def leaf_bits(roots: I64, features: npt.NDArray[Any], thresholds: F32, left: npt.NDArray[Any], right: npt.NDArray[Any]) -> LeafBits:
    """Return trees of `cleantext.chrome.main_text.block_model.BlockModel` as bits; `ValueError` where one has too many leaves."""
    starts, inner, stays = [0], [], []
    values = np.zeros((len(roots), SLOTS), np.float32)
    asked, one, other = features.tolist(), left.tolist(), right.tolist()
    for tree, root in enumerate(roots.tolist()):
        bit = 1
        open_nodes: list[tuple[int, int]] = [(root, 0)]  # and, of one whose left side is done, the first bit there
        while open_nodes:
            node, first = open_nodes.pop()
            if first:
                inner.append(node)
                stays.append(ALL & ~(bit - first))
                open_nodes.append((root + other[node], 0))
            elif asked[node] >= 0:
                open_nodes += [(node, bit), (root + one[node], 0)]
            else:
                if bit > ALL:
                    raise ValueError(f"a tree has more than {MOST_LEAVES} leaves")
                values[tree, _slot(bit)] = thresholds[node]
                bit <<= 1
        starts.append(len(inner))
    return LeafBits(np.array(starts), features[inner].astype(np.int64), thresholds[inner], np.array(stays, np.int32), values)


def _slot(bit: Any) -> Any:
    """Return the slot of a bit."""
    return ((bit * DE_BRUIJN) & 0xFFFFFFFF) >> SHIFT


def _sums_at_once(figures: F32, starts: I64, features: I64, thresholds: F32, stays: I32, values: F32) -> F32:
    """Do what `tree_sums` does, in NumPy."""
    total = np.zeros(figures.shape[1])
    for tree, (a, b) in enumerate(pairwise(starts.tolist())):
        bits = np.where(figures[features[a:b]] <= thresholds[a:b, None], np.int32(ALL), stays[a:b, None])
        found = np.bitwise_and.reduce(bits, axis=0).astype(np.int64)
        total += values[tree, _slot(found & -found)]
    return total.astype(np.float32)


@kernel_beside(_sums_at_once)
def tree_sums(figures: F32, starts: I64, features: I64, thresholds: F32, stays: I32, values: F32) -> F32:
    """Return the sum of what all trees add for each line; ``figures`` has a row a feature, a column a line."""
    count = figures.shape[1]
    total = np.zeros(count, np.float64)
    bits = np.empty(count, np.int32)
    for tree in range(len(starts) - 1):
        bits[:] = ALL
        for node in range(starts[tree], starts[tree + 1]):
            row, threshold, left = figures[features[node]], thresholds[node], stays[node]
            for n in range(count):
                bits[n] &= ALL if row[n] <= threshold else left
        for n in range(count):
            low = np.int64(bits[n] & -bits[n])
            total[n] += values[tree, ((low * DE_BRUIJN) & 0xFFFFFFFF) >> SHIFT]
    return total.astype(np.float32)
