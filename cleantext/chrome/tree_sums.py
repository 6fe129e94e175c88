"""Sums of many small trees for each line: QuickScorer (Lucchese et al., SIGIR 2015).

Each leaf of a tree is a bit, the leftmost leaf the lowest bit. Each node where a line does not go left clears the bits of the leaves on its left;
the lowest remaining bit is then the leaf of the line. So no tree is walked node by node, and many lines are processed side by side.
Lines of one page are alike: about two nodes of three are decided by the smallest and the largest value of the lines side by side, all of which go the same way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.jit import kernel_beside

__all__ = ["LeafBits", "leaf_bits", "tree_sums"]

LEAVES = 32  # maximum leaves of a tree
ALL = 0xFFFFFFFF
DE_BRUIJN, SHIFT = 0x077CB531, 27  # (bit * DE_BRUIJN) >> SHIFT is a different number below 32 for each bit
BLOCK = 256  # lines processed side by side


class LeafBits(NamedTuple):
    """Trees as bits of their leaves. Thresholds and values have the type of the inputs, or one that can hold them."""

    starts: I32  # number of the first inner node of each tree, and the end of the last one
    features: I32  # of inner nodes: the column that is compared,
    thresholds: Any  # a line with a larger value does not go left
    stays: U32  # the bits of the leaves that remain in that case
    values: Any  # output of each leaf, shape (trees * LEAVES,), at the slot of its bit


def leaf_bits(
    roots: npt.NDArray[Any], features: npt.NDArray[Any], values: Any, left: npt.NDArray[Any], right: npt.NDArray[Any]
) -> LeafBits:
    """Return trees as bits. Raise `ValueError` if one has more than `LEAVES` leaves.

    Args:
        roots: the number of the first node of each tree
        features: the column that a node compares, -1 for a leaf
        values: the threshold of a node, above which a line goes right; for a leaf, its output
        left: the number of the left child
        right: the number of the right child

    """
    starts, inner, stays = [0], [], []
    asked, one, other = features.tolist(), left.tolist(), right.tolist()
    out = np.zeros((len(roots), LEAVES), values.dtype)
    for tree, root in enumerate(roots.tolist()):
        leaf = 0
        open_nodes: list[tuple[int, int]] = [(root, -1)]  # and, once the left side is done, the first leaf on the right
        while open_nodes:
            node, first = open_nodes.pop()
            if first >= 0:
                inner.append(node)
                stays.append(ALL ^ (1 << leaf) - (1 << first))
                open_nodes.append((other[node], -1))
            elif asked[node] >= 0:
                open_nodes += [(node, leaf), (one[node], -1)]
            else:
                if leaf == LEAVES:
                    raise ValueError(f"tree {tree} has more than {LEAVES} leaves")
                out[tree, _slot(1 << leaf)] = values[node]
                leaf += 1
        starts.append(len(inner))
    return LeafBits(
        np.array(starts, np.int32), features[inner].astype(np.int32), values[inner], np.array(stays, np.uint32), out.reshape(-1)
    )


def _slot(bit: Any) -> Any:
    """Return the slot of a bit."""
    return (bit * DE_BRUIJN & ALL) >> SHIFT


def _tree_sums_at_once(
    rows: Any, which: I64, starts: I32, features: I32, thresholds: Any, stays: U32, values: Any
) -> npt.NDArray[np.float64]:
    """Compute the same as `tree_sums` with arrays: all nodes for some lines at once."""
    trees = np.arange(len(starts) - 1)
    grown = trees[np.diff(starts) > 0]  # the others are single leaves
    out = np.empty(len(which), np.float64)
    for at in range(0, len(out), BLOCK):
        left = rows[which[at : at + BLOCK, None], features] <= thresholds
        bits = np.full((len(left), len(trees)), ALL, np.int64)
        if len(grown):
            bits[:, grown] = np.bitwise_and.reduceat(np.where(left, ALL, stays), starts[grown], axis=1)
        out[at : at + BLOCK] = values[trees * LEAVES + _slot(bits & -bits)].astype(np.float64).cumsum(1)[:, -1]  # in the order of the trees
    return out


@kernel_beside(_tree_sums_at_once)
def tree_sums(rows: Any, which: I64, starts: I32, features: I32, thresholds: Any, stays: U32, values: Any) -> npt.NDArray[np.float64]:
    """Return the sums of all trees for some lines; ``rows`` has a row per line, a column per feature, and is read fastest if columns are contiguous.

    The inner loops are branch-free, over contiguous arrays.
    """
    out = np.zeros(len(which), np.float64)
    columns = rows.T
    beside = np.zeros((len(columns), BLOCK), rows.dtype)  # the lines of a block, feature by feature
    least, most = np.zeros(len(columns), rows.dtype), np.zeros(len(columns), rows.dtype)  # of each feature in a block
    mixed = np.zeros(len(columns), np.bool_)  # features of which some value is not a number, so neither below a threshold nor above it
    bits, sums = np.zeros(BLOCK, np.uint32), np.zeros(BLOCK, np.float64)
    every = np.uint32(ALL)
    for at in range(0, len(out), BLOCK):
        size = min(BLOCK, len(out) - at)
        first = which[at]
        follows = True  # the lines of the block are rows that follow each other
        for k in range(1, size):
            follows &= which[at + k] == first + k
        for n in range(len(columns)):
            column = beside[n]
            if follows:
                given = columns[n, first : first + size]
                for k in range(size):
                    column[k] = given[k]
            else:
                given = columns[n]
                for k in range(size):
                    column[k] = given[which[at + k]]
            for k in range(size, BLOCK):
                column[k] = column[0]
            low = high = column[0]
            odd = False
            for k in range(BLOCK):
                value = column[k]
                low, high, odd = min(low, value), max(high, value), odd | (value != value)  # noqa: PLR0124 - not a number
            least[n], most[n], mixed[n] = low, high, odd
        for k in range(BLOCK):
            sums[k] = 0
        for t in range(len(starts) - 1):
            for k in range(BLOCK):
                bits[k] = every
            shared = every  # the bits that remain for all lines of the block
            for n in range(starts[t], starts[t + 1]):
                feature, limit, stay = features[n], thresholds[n], stays[n]
                if not mixed[feature]:
                    if most[feature] <= limit:
                        continue
                    if least[feature] > limit:
                        shared = np.uint32(shared & stay)
                        continue
                asked = beside[feature]
                for k in range(BLOCK):
                    bits[k] &= every if asked[k] <= limit else stay
            leaves = values[t * LEAVES : (t + 1) * LEAVES]
            for k in range(BLOCK):
                left = np.uint32(bits[k] & shared)
                lowest = np.uint32(left & (~left + np.uint32(1)))
                slot = np.uint32(np.uint32(lowest * np.uint32(DE_BRUIJN)) >> np.uint32(SHIFT))
                sums[k] += leaves[slot]  # unsigned, which avoids the check for negative indices
        for k in range(size):
            out[at + k] = sums[k]
    return out
