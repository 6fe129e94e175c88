"""Shared passages: anchors propose, alignments decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64, Ragged
from cleantext.dedup.align import Alignments, align
from cleantext.dedup.anchors import COMMON, LEADS, Anchors, Recipe, find_anchors, find_matches, groups
from cleantext.dedup.corpus import Units
from cleantext.dedup.kernel import shingle_hashes
from cleantext.dedup.rows import Rows, passage_rows
from cleantext.dedup.tokens import Unit
from cleantext.fold import Fold

__all__ = ["HOT", "Found", "Search", "Stretch", "beyond_boilerplate"]

HOT = 256  # places of one anchor up to which all pairs of them are formed; beyond, pairs with one of them
# Of a chain at least this long a match can become a passage; passages at .8 and above have longer ones, apart from lists
# whose shingles repeat. (Of 43,500 passages of Taiwan's statutes 1 % have none of 16, and half of the time goes without it.)
RUN = 16


class Stretch(NamedTuple):
    """A stretch that stands in more than ``max_df`` texts: its first place, and in how many."""

    text: int
    start: int
    end: int
    texts: int


class Found(NamedTuple):
    """What a search for passages found."""

    rows: Rows
    boilerplate: tuple[Stretch, ...]
    hot: int  # anchors in more than HOT places, which were matched with one of them only


@dataclass(frozen=True)
class Search:
    """The options of a search for shared passages."""

    threshold: float
    min_chars: int
    max_df: int = 100
    k: int = 5
    fold: Fold = "basic"
    unit: Unit = "char"

    @property
    def recipe(self) -> Recipe:
        """The anchors of this search."""
        return Recipe.of(self.threshold, self.unit)

    def run(self, corpus: Units) -> Found:
        """Return all pairs of passages of a corpus, also inside one text."""
        units, recipe = corpus.units, self.recipe
        anchors = find_anchors(units.points, units.offsets, recipe)
        order, bounds = groups(anchors.hash)
        limits = (corpus.rank[corpus.members[corpus.starts[:-1]]], recipe.k, self.max_df, HOT)
        matches, state = find_matches(units.points, units.offsets, anchors.at, anchors.text, order, bounds, corpus.side, *limits)
        aligned = self.align(units, matches)
        if (state == COMMON).any():
            aligned = beyond_boilerplate(aligned, anchors.at[state == COMMON], recipe.k)
        rows = passage_rows(corpus, aligned, k=self.k, threshold=self.threshold, min_chars=self.min_chars)
        hot = int((state == LEADS).sum())
        return Found(rows, tuple(_boilerplate(corpus, anchors, order, bounds, state, recipe)), hot)

    def align(self, units: Ragged, matches: I64) -> Alignments:
        """Return the passages that matches of units lead to."""
        return align(
            units.points,
            units.offsets,
            matches,
            shingle_hashes(units.points, self.k),
            k=self.k,
            threshold=self.threshold,
            # Of words it takes fewer than of characters; what is too short in characters goes in `passage_rows`.
            shortest=max(self.min_chars, self.k) if self.unit == "char" else self.k,
            run=RUN if self.threshold >= 0.8 and self.unit == "char" else 0,
        )


def beyond_boilerplate(aligned: Alignments, common: I64, k: int) -> Alignments:
    """Leave out passages that share boilerplate and less than an anchor beside it: an anchor on its edge leads into it.

    ``common`` are the places of anchors of boilerplate, in order.
    """
    low, high = common, np.minimum(common + k, np.append(common[1:], common[-1:] + k))
    before = np.append(0, np.cumsum(high - low))

    def covered(at: I64) -> I64:
        i = np.searchsorted(low, at, "right")
        return before[i] - np.maximum(0, np.where(i > 0, high[i - 1], 0) - at)

    shared = covered(aligned.a_high) - covered(aligned.a_low)
    good = (shared == 0) | (aligned.a_high - aligned.a_low - shared >= k)
    return Alignments(*(column[good] for column in aligned))


def _boilerplate(corpus: Units, anchors: Anchors, order: I64, bounds: I64, state: I32, recipe: Recipe) -> Iterator[Stretch]:
    """Merge anchors that are in too many units, at their first place, into stretches."""
    groups_ = np.flatnonzero(state[order[bounds[:-1]]] == COMMON)
    if len(groups_) == 0:
        return
    df = np.array([len(np.unique(anchors.text[order[bounds[g] : bounds[g + 1]]])) for g in groups_.tolist()])
    at = order[bounds[groups_]]
    by_place = np.argsort(at)
    at, df = at[by_place], df[by_place]
    unit, place = anchors.text[at], anchors.at[at]
    new = np.append(True, (unit[1:] != unit[:-1]) | (place[1:] > place[:-1] + recipe.k + recipe.window))
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(at)) - 1
    for i, j, texts in zip(first.tolist(), last.tolist(), np.minimum.reduceat(df, first).tolist(), strict=True):
        text, base = int(corpus.members[corpus.starts[unit[i]]]), int(corpus.units.offsets[unit[i]])
        yield Stretch(text, *corpus.tokens[text].span(int(place[i]) - base, int(place[j]) - base + recipe.k), texts)
