"""The learned model of the main text: a line of a page in, the odds that it is main text out.

Two models, one behind the other. The first is linear over hashed words of classes and hashed pieces of text. The second, trees,
sees figures of the line and of what is around it, and what the first said there. Their weights are data (``main_model.npz``),
made by `cleantext.chrome.main_text.make_block_model` from labelled pages.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.chrome.main_text.block_features import F32, I64, NAME_SLOTS, Signals, columns
from cleantext.chrome.main_text.pieces import piece_sums
from cleantext.jit import kernel

__all__ = ["BlockModel", "load_model", "odds"]

NAME_TABLES = 5
CLIP = 12.0  # of what the linear model says


class BlockModel(NamedTuple):
    """Weights of both models."""

    weights: F32  # of slots: names first, then pieces of text
    bias: float
    roots: I64  # first node of each tree
    features: npt.NDArray[np.int16]  # column a node asks for, -1 at a leaf
    thresholds: F32  # at a leaf, what it adds
    left: npt.NDArray[np.int16]  # counted from the first node of the tree; the right one follows in `right`
    right: npt.NDArray[np.int16]
    made_of: str  # provenance


@lru_cache(maxsize=1)
def load_model() -> BlockModel:
    """Return the model that comes with cleantext."""
    with (resources.files(__package__) / "main_model.npz").open("rb") as file, np.load(file) as data:
        return unpack(dict(data))


def unpack(data: dict[str, npt.NDArray[Any]]) -> BlockModel:
    """Return a model from the arrays of its file."""
    return BlockModel(
        data["weights"].astype(np.float32) * np.float32(data["step"]),
        float(data["bias"]),
        data["roots"].astype(np.int64),
        data["features"],
        data["thresholds"],
        data["left"],
        data["right"],
        str(data["made_of"]),
    )


@kernel
def _climb(rows: F32, roots: I64, features: Any, thresholds: F32, left: Any, right: Any) -> F32:
    """Return the sum of what the leaves of all trees add for each row."""
    out = np.zeros(len(rows), np.float32)
    for n in range(len(rows)):
        total = 0.0
        for tree in range(len(roots)):
            first = roots[tree]
            at = first
            while features[at] >= 0:
                at = first + (left[at] if rows[n, features[at]] <= thresholds[at] else right[at])
            total += thresholds[at]
        out[n] = total
    return out


def linear(signals: Signals, model: BlockModel) -> F32:
    """Return what the first model says of each line.

    A word counts at the element of the line, at the one above, at the two above that, and at all others, each with weights of its own.
    """
    sums = _step_sums(signals.steps, model)
    own, leaf, above = sums[:, signals.leaf], signals.leaf, np.maximum(signals.above, 0)
    further = [0.0] * len(signals.steps)
    rest = sums[3].tolist()
    for at, up in enumerate(above.tolist()):
        further[at] = further[up] + rest[at] if at else 0.0
    one = above[leaf]
    two = above[one]
    three = above[two]
    names = own[0] + sums[1, one] + sums[2, two] + sums[2, three] + np.array(further)[above[three]]
    words = model.weights[4 * NAME_SLOTS : NAME_TABLES * NAME_SLOTS]
    said = {slots: float(sum(words[slot] for slot in slots)) for slots in set(signals.inline)}
    run = piece_sums.sized(len(signals.points))
    pieces = run(signals.points, signals.starts, signals.ends, model.weights[NAME_SLOTS * NAME_TABLES :])
    score = names + np.array([said[slots] for slots in signals.inline]) + pieces + model.bias
    found: F32 = np.clip(score, -CLIP, CLIP).astype(np.float32)
    return found


def _step_sums(steps: list[tuple[int, ...]], model: BlockModel) -> Any:
    """Return the weights of the words of each element in each of four tables; the root of the document has none."""
    tables = model.weights[: 4 * NAME_SLOTS].reshape(4, NAME_SLOTS)
    numbers = {slots: n for n, slots in enumerate(dict.fromkeys(steps))}
    sums = np.array([tables[:, list(slots)].sum(axis=1) for slots in numbers], np.float64).reshape(-1, 4)
    found = sums[[numbers[slots] for slots in steps]].T
    found[:, 0] = 0
    return found


def odds(signals: Signals, model: BlockModel) -> F32:
    """Return for each line the natural logarithm of the odds that it is main text."""
    rows = columns(signals, linear(signals, model))
    return _climb.sized(len(rows) * len(model.roots))(rows, model.roots, model.features, model.thresholds, model.left, model.right)
