"""The learned model of lines: weights of n-grams and two sums of decision trees, one for page chrome, one for titles.

All numbers are integers: leaves are in units of 1/4096 logit, so that a sum is the same on every machine, compiled or not. Made by
`benchmarks/make_linemodel.py`, which reports its quality on unseen sites.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.chrome.scorer.context_features import CONTEXT, context
from cleantext.chrome.scorer.line_features import SHAPE, classes, logs, shape
from cleantext.chrome.tree_sums import LeafBits, leaf_bits, tree_sums

__all__ = ["UNIT", "LineModel", "Trees", "bits_of", "features", "load_model", "reasons", "sums", "why"]

UNIT = 4096  # units per logit
NAMES = (*SHAPE, *CONTEXT)
# Descriptions of features for readers, by prefixes of their names; the longest prefix counts.
SAID = {
    "gram": "its words",
    "length": "its length",
    "meta": "the lines beside it",
    "title": "the lines beside it",
    "han": "its characters",
    "latin": "its characters",
    "digit": "its digits",
    "longest": "its length",
    "number": "its digits",
    "counts_on": "numbers that count on",
    "first": "how it starts and ends",
    "last": "how it starts and ends",
    "mark": "how it starts and ends",
    "tokens": "its parts",
    "sep": "its parts",
    "blanks": "its parts",
    "brackets": "its marks",
    "commas": "its marks",
    "colons": "its marks",
    "signs": "its marks",
    "stops": "whether it is a sentence",
    "prose": "sentences of the page",
    "from_": "its place in the page",
    "part": "its place in the page",
    "page_": "the kind of page",
    "largest": "the kind of page",
    "sentence_": "how far it stands from sentences",
    "size_": "how far it stands from sentences",
    "zone": "its place beside the body",
    "to_body": "its place beside the body",
    "past_body": "its place beside the body",
    "run": "a run of short lines",
    "short": "a run of short lines",
    "links": "a run of headlines",
    "like_": "lines of one form beside it",
    "fields": "labels beside it",
    "signs_4": "marks beside it",
    "repeats": "it stands in the page again",
    "again_": "it stands in the page again",
    "shared": "words it shares with the text",
    "mean_": "the words of lines near it",
    "above_": "the words of lines near it",
    "below_": "the words of lines near it",
    "gram_zone": "its place among such words",
    "gram_to": "its place among such words",
    "gram_past": "its place among such words",
    "since_": "the lines between it and the sentences above",
    "until_": "the lines between it and the sentences below",
    "strong_": "the words of lines near it",
    "after_title": "its place below the title",
    "rule": "what rules say here",
    "category": "what rules say near it",
    "heading": "what rules say near it",
    "page_rules": "what rules say of the page",
}


class Trees(NamedTuple):
    """A sum of decision trees. Node ``n`` leads to ``nodes[n, 3]`` if feature ``nodes[n, 0]`` is above ``nodes[n, 1]``, otherwise to ``nodes[n, 2]``.

    The successor of a leaf is itself. ``value[n]`` is the average of the training lines that reached a node,
    and the output of a leaf.
    """

    roots: I32
    nodes: I32
    value: I32


class LineModel(NamedTuple):
    """Weights of n-grams, trees, and the calibration of sums: ``share[k]`` of the lines at ``sum[k]`` are chrome."""

    grams: npt.NDArray[np.int8]
    chrome: Trees
    title: Trees
    sum: I32
    share: I32  # in 1/10000
    provenance: Mapping[str, Any]


@lru_cache(maxsize=4)
def load_model(path: str = "") -> LineModel:
    """Return the included model, or one from a file that `benchmarks/make_linemodel.py` wrote."""
    with open(path, "rb") if path else (resources.files("cleantext.data") / "linemodel.npz").open("rb") as file, np.load(file) as stored:  # noqa: PTH123
        held = {name: stored[name] for name in stored.files}
    trees = {
        kind: Trees(*(held[f"{kind}.{name}"].astype(np.int32) for name in Trees._fields))  # one type, so that kernels are compiled once
        for kind in ("chrome", "title")
    }
    said = json.loads(bytes(held["provenance"]).decode())
    if said["features"] != list(NAMES):
        raise ValueError(f"{path or 'linemodel.npz'}: made for other features; run benchmarks/make_linemodel.py again")
    return LineModel(held["grams"], trees["chrome"], trees["title"], held["sum"].astype(np.int32), held["share"].astype(np.int32), said)


def features(points: U32, starts: I64, ends: I64, bounds: I64, said: I32, weights: U32) -> I32:
    """Return the features of the lines of pages, stored feature by feature; page ``p`` has the lines ``bounds[p]`` to ``bounds[p + 1]``.

    ``weights`` are the weights of n-grams, `cleantext.chrome.scorer.line_features.packed`.
    """
    lines, size = len(starts), len(points)
    out = np.zeros((len(NAMES), lines), np.int32).T
    shape.sized(size)(points, starts, ends, classes(), logs(), weights, out)
    context.sized(size)(points, starts, ends, bounds, classes(), logs(), said, out)
    return out


def bits_of(trees: Trees) -> LeafBits:
    """Return trees in the form that `sums` needs."""
    node, (asked, bound, left, right) = np.arange(len(trees.nodes)), trees.nodes.T
    leaf = left == node
    return leaf_bits(trees.roots, np.where(leaf, -1, asked), np.where(leaf, trees.value, bound), left, right)


def sums(rows: I32, trees: LeafBits, which: I64 | None = None) -> I32:
    """Return the sums of the trees for each row of features, or for some rows by number."""
    which = np.arange(len(rows)) if which is None else which
    return tree_sums.sized(len(which) * rows.shape[1])(rows, which, *trees).astype(np.int32)


def why(row: I32, trees: Trees) -> dict[str, float]:
    """Return how much each feature moved the sum of one row on its paths through the trees, in logits."""
    moved: dict[str, float] = defaultdict(float)
    for root in trees.roots.tolist():
        node, to = root, -1
        while to != node:
            node = to if to >= 0 else node
            asked, bound, below, above = trees.nodes[node].tolist()
            to = above if row[asked] > bound else below
            moved[NAMES[asked]] += float(trees.value[to] - trees.value[node]) / UNIT
    return dict(moved)


def reasons(row: I32, trees: Trees, *, most: int = 3) -> list[str]:
    """Return in words the strongest reasons why a line is chrome, the strongest first."""
    spoke: dict[str, float] = defaultdict(float)
    for name, by in why(row, trees).items():
        start = max((s for s in SAID if name.startswith(s)), key=len)
        words = SAID[start]
        if name[-2] in "+-":
            words = "the words of lines near it" if start == "gram" else "the lines beside it"
        spoke[words] += by
    return [words for words in sorted(spoke, key=lambda w: (-spoke[w], w)) if spoke[words] > 0][:most]
