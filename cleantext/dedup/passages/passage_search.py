"""Shared passages: anchors propose, alignments decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64, Ragged
from cleantext.dedup.folded.text_units import FoldedUnits
from cleantext.dedup.folded.token_units import Unit
from cleantext.dedup.minhash.hash_kernels import shingle_hashes
from cleantext.dedup.passages.align import Alignments, align
from cleantext.dedup.passages.anchors import COMMON, FIRST, LEADS, OFTEN, Anchors, AnchorSpec, find_anchors, find_matches, groups
from cleantext.dedup.passages.boilerplate import Stretch, beyond_boilerplate, extents, stretches
from cleantext.dedup.passages.repeated_runs import find_runs, rows_of_runs
from cleantext.dedup.passages.span_pairs import SpanPairs, passage_rows
from cleantext.fold import Fold

__all__ = ["HOT", "PassageParams", "PassageResult", "often"]

HOT = 256  # places of one anchor up to which all pairs of them are formed; beyond, pairs with one of them
# Of a chain at least this long a match can become a passage; passages at .8 and above have longer ones, apart from lists
# whose shingles repeat. (Of 43,500 passages of Taiwan's statutes 1 % have none of 16, and half of the time goes without it.)
RUN = 16
PAIR = 30  # what a pair of places costs, in tokens that are read once


def often(*, apart: bool) -> int:
    """Return how many places of an anchor in one text are paired with all others: all, where a text may not lead for another one."""
    return 1 << 30 if apart else OFTEN


class PassageResult(NamedTuple):
    """What a search for passages found."""

    rows: SpanPairs
    boilerplate: tuple[Stretch, ...]
    hot: int  # anchors in more than HOT places, or more than OFTEN of one text, of which some were matched with one of them only


@dataclass(frozen=True)
class PassageParams:
    """The options of a search for shared passages."""

    threshold: float
    min_chars: int
    max_df: int = 100
    k: int = 5
    fold: Fold = "basic"
    unit: Unit = "char"

    @property
    def anchor_spec(self) -> AnchorSpec:
        """The anchors of this search."""
        return AnchorSpec.of(self.threshold, self.unit)

    def run(self, corpus: FoldedUnits) -> PassageResult:
        """Return all pairs of passages of a corpus, also inside one text."""
        units, anchor_spec = corpus.units, self.anchor_spec
        anchors = find_anchors(units.points, units.offsets, anchor_spec)
        order, bounds = groups(anchors.hash)
        runs, run = self.runs(units, anchors, apart=corpus.apart)
        limits = (corpus.rank[corpus.members[corpus.starts[:-1]]], anchor_spec.k, self.max_df, HOT, often(apart=corpus.apart))
        size = np.diff(bounds)
        work = len(units.points) + PAIR * int((size * np.minimum(size, HOT) // 2).sum())
        matching = find_matches.sized(work)
        matches, state = matching(units.points, units.offsets, anchors.at, anchors.text, run, order, bounds, corpus.side, *limits)
        aligned = self.align(units, matches)
        if len(runs):
            aligned = aligned.joined(rows_of_runs(units.points, runs, self.k, self.copy))
        if (state == COMMON).any():
            aligned = beyond_boilerplate(aligned, *extents(corpus, anchors, order, bounds, state, anchor_spec, self.max_df))
        rows = passage_rows(corpus, aligned, k=self.k, threshold=self.threshold, min_chars=self.min_chars)
        hot = int(((state == LEADS) | (state == FIRST)).sum())
        return PassageResult(rows, stretches(corpus, anchors, order, bounds, state, anchor_spec, self.max_df), hot)

    def runs(self, units: Ragged, anchors: Anchors, *, apart: bool) -> tuple[I64, I32]:
        """Return the runs of units, and the run of each anchor (see `find_runs`); none where texts and references are apart."""
        if apart:
            return np.empty((0, 4), np.int64), np.zeros(len(anchors.at), np.int32)
        return find_runs(units.points, units.offsets, *anchors, self.anchor_spec.k, self.copy)

    @property
    def copy(self) -> int:
        """The shortest copy in a run, in tokens: a token has a character at least."""
        return max(self.min_chars, self.k)

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
