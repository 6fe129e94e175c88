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

HOT = 256  # an anchor with up to so many places is paired in all combinations, one with more only with its leading place
# Only chains with a match of at least so many tokens are tried. Passages at a similarity of 0.8 and above have one, except lists
# with repeated shingles. (1 % of 43,500 passages of Taiwan's statutes have none of 16; the filter halves the time.)
RUN = 16
PAIR = 30  # cost of a pair of places, relative to reading one token


def often(*, apart: bool) -> int:
    """Return how many places of an anchor in one text are paired with all others. No limit if pairs are between texts and references."""
    return 1 << 30 if apart else OFTEN


class PassageResult(NamedTuple):
    """What a search for passages found."""

    rows: SpanPairs
    boilerplate: tuple[Stretch, ...]
    hot: int  # anchors in more than HOT places, or more than OFTEN of one text, which were paired only with the leading place


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
        """Return all pairs of passages of a corpus, including pairs within one text."""
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
        """Return the runs of units, and the run of each anchor (see `find_runs`); no runs if texts and references are ``apart``."""
        if apart:
            return np.empty((0, 4), np.int64), np.zeros(len(anchors.at), np.int32)
        return find_runs(units.points, units.offsets, *anchors, self.anchor_spec.k, self.copy)

    @property
    def copy(self) -> int:
        """The length of the shortest copy in a run, in tokens, each of which has at least one character."""
        return max(self.min_chars, self.k)

    def align(self, units: Ragged, matches: I64) -> Alignments:
        """Align matches of units into passages."""
        return align(
            units.points,
            units.offsets,
            matches,
            shingle_hashes(units.points, self.k),
            k=self.k,
            threshold=self.threshold,
            # Words are longer than characters, so fewer suffice; `passage_rows` drops what has too few characters.
            shortest=max(self.min_chars, self.k) if self.unit == "char" else self.k,
            run=RUN if self.threshold >= 0.8 and self.unit == "char" else 0,
        )
