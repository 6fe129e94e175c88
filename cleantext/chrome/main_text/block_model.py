"""The learned model of the main text: the input is a line of a page, the output the odds that it is main text.

There are two models in sequence. The first is linear over hashed words of class names and hashed pieces of text. The second, a set of trees,
reads figures of the line and its surroundings, and the outputs of the first model there. Their weights are data (``main_model.npz``),
made by `cleantext.chrome.main_text.make_block_model` from labelled pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import F32, I64
from cleantext.chrome.main_text.block_features import NAME_SLOTS, Signals, columns
from cleantext.chrome.main_text.pieces import piece_sums
from cleantext.chrome.tree_sums import LeafBits, leaf_bits, tree_sums
from cleantext.jit import kernel

__all__ = ["BlockModel", "load_model", "odds"]

NAME_TABLES = 5
CLIP = 12.0  # limit of the output of the linear model


class BlockModel(NamedTuple):
    """Weights of both models."""

    weights: F32  # by slot: names first, then pieces of text
    bias: float
    trees: LeafBits
    made_of: str  # provenance


@lru_cache(maxsize=1)
def load_model() -> BlockModel:
    """Return the model included in cleantext."""
    with (resources.files(__package__) / "main_model.npz").open("rb") as file, np.load(file) as data:
        return unpack(dict(data))


def unpack(data: dict[str, npt.NDArray[Any]]) -> BlockModel:
    """Return a model from the arrays of its file."""
    first = np.repeat(data["roots"], np.diff(np.append(data["roots"], len(data["features"]))))  # for each node the root of its tree
    return BlockModel(
        data["weights"].astype(np.float32) * np.float32(data["step"]),
        float(data["bias"]),
        leaf_bits(data["roots"], data["features"], data["thresholds"], first + data["left"], first + data["right"]),
        str(data["made_of"]),
    )


@kernel
def _named(slots: I64, ends: I64, leaf: I64, above: I64, inline: I64, inline_ends: I64, weights: F32) -> Any:
    """Return the sum of the weights of the words around each line.

    Those of element n are ``slots[ends[n - 1]:ends[n]]``, and those of inline elements of a line are in ``inline`` likewise; the root of the
    document has none.
    """
    count = len(above)
    sums = np.zeros((4, count), np.float64)  # of each element: as the element of a line, one above, two above, and the sum of further ones
    for n in range(1, count):
        for table in range(3):
            sums[table, n] = _summed(slots, ends[n - 1], ends[n], weights, table * NAME_SLOTS)
        sums[3, n] = sums[3, above[n]] + _summed(slots, ends[n - 1], ends[n], weights, 3 * NAME_SLOTS)
    out = np.zeros(len(leaf), np.float64)
    for n in range(len(leaf)):
        one = above[leaf[n]]
        two = above[one]
        three = above[two]
        out[n] = sums[0, leaf[n]] + sums[1, one] + sums[2, two] + sums[2, three] + sums[3, above[three]]
        out[n] += _summed(inline, inline_ends[n - 1] if n else 0, inline_ends[n], weights, 4 * NAME_SLOTS)
    return out


@kernel
def _summed(slots: I64, lo: int, hi: int, weights: F32, first: int) -> float:
    """Return the sum of the weights of some slots in the table that begins at ``first``."""
    total = np.float32(0)
    for k in range(lo, hi):
        total += weights[first + slots[k]]
    return float(total)


def _flat(lists: Sequence[tuple[int, ...]]) -> tuple[I64, I64]:
    """Return lists of numbers as one array, and where each ends."""
    ends = np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)))
    return np.fromiter(chain.from_iterable(lists), np.int64, int(ends[-1])), ends


def linear(signals: Signals, model: BlockModel) -> F32:
    """Return the output of the first model for each line.

    A word has different weights at the element of the line, at its parent, at the two above that, and at all others.
    """
    names = _named(*_flat(signals.steps), signals.leaf, np.maximum(signals.above, 0), *_flat(signals.inline), model.weights)
    run = piece_sums.sized(len(signals.points))
    pieces = run(signals.points, signals.starts, signals.ends, model.weights[NAME_SLOTS * NAME_TABLES :])
    found: F32 = np.clip(names + pieces + model.bias, -CLIP, CLIP).astype(np.float32)
    return found


def odds(signals: Signals, model: BlockModel) -> F32:
    """Return for each line the natural logarithm of the odds that it is main text."""
    rows = np.ascontiguousarray(columns(signals, linear(signals, model)).T)
    return tree_sums.sized(rows.size)(rows, np.arange(len(rows)), *model.trees).astype(np.float32)
