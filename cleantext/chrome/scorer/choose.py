"""Decide which lines are removed by the model: the lines that a page can spare, given what is known of the whole page.

A line is removed if what its page gains outweighs what it may lose. The gain is one more of the chrome lines that the page is
expected to have; the loss, if the line was text after all, is its share of the characters that are expected to be text. So a short
line among long paragraphs is removed more readily than one on a page of ten short lines, and on a page with little visible text, nothing is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.chrome.scorer.context_features import COUNTS_ON, FIELDS_NEAR, RULE_HERE, ZONE
from cleantext.chrome.scorer.line_features import COLONS, NUMBER, SHAPE, packed
from cleantext.chrome.scorer.line_model import LineModel, bits_of, features, load_model, reasons, sums
from cleantext.chrome.tree_sums import LeafBits
from cleantext.jit import kernel

__all__ = ["Scorer", "choose"]

Flags = npt.NDArray[np.bool_]

# Chosen on pages of held-out sites (see benchmarks/make_linemodel.py), pages2 and pages, in % averaged over pages: the largest value that loses
# no more body characters of the old pages than rules alone (0.10); 0.065 loses 0.25 there (on one page, a list of songs), 0.060 none.
# Without `TABLE` the same costs remove 2.4 points more of pages2 and lose 0.30 of the old pages; without `ALONE` and `TOGETHER` 2.1 points more,
# and signatures under documents.
SPARE = 60  # in 1/1000: the value of the whole text of a page in units of all chrome of a page
SHORT = 36  # lines of a page from which statistics of whole pages apply; on a page with a third of them, the risk counts three times
LEAST = 5000  # in 1/10000: a line that is rather text is never removed
SECOND = 8000  # nor a less certain line between sentences
TOGETHER = 3  # nor, below the first sentence, a less certain line that would be removed with fewer others and without a rule: a signature
ALONE = 8500  # nor, above it, a line that would be removed alone: the heading of a part
TABLE = 100  # likely lines in a row, none of which counts as more certain than their mean; shorter runs move towards it in proportion
MANY_FIELDS = 7  # of sixteen lines nearby: with this many of a label and a value, another one is a field of a record
SURE = 9900  # probability of lines that are known by more than the model
FEW = 5  # a page is assumed to have at least this many lines of chrome, so that the last ones are not removed at any cost
SMALL = 50  # characters of text that a page is assumed to have in addition to those seen
LONG = 2000  # maximum characters of a line that count
BESIDE, COUNTED, FIELDS, RULED = (len(SHAPE) + at for at in (ZONE, COUNTS_ON, FIELDS_NEAR, RULE_HERE))  # columns
GUTTER = 8  # lines that are numbers and count up from 1: line numbers of code, or pages
CLEAR = 200  # in 1/10000: lines below are kept anyway, and are not tested for titles
TITLES = 3  # the lines of a page that are most like a title are kept
TITLE = -4 * 4096  # except those with a lower score


class Scorer(NamedTuple):
    """The model, prepared for judging the lines of pages."""

    model: LineModel
    chrome: LeafBits
    title: LeafBits
    weights: U32  # of n-grams, packed

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, path: str = "") -> Scorer:
        """Return the scorer of the included model, or of a file."""
        return cls.with_model(load_model(path))

    @classmethod
    def with_model(cls, model: LineModel) -> Scorer:
        """Return the scorer of a model."""
        return cls(model, bits_of(model.chrome), bits_of(model.title), packed(model.grams))

    @property
    def digest(self) -> str:
        """16 hex digits of the model."""
        return str(self.model.provenance["digest"])

    def judge(self, points: npt.NDArray[np.uint32], starts: I64, ends: I64, bounds: I64, said: I32) -> tuple[Flags, I32, I32]:
        """Return for the lines of pages which are removed, the probability of chrome in 1/10000, and the features of each."""
        rows = features(points, starts, ends, bounds, said, self.weights)
        sure = np.interp(sums(rows, self.chrome), self.model.sum, self.model.share).astype(np.int32)
        title = np.full(len(rows), TITLE, np.int32)
        doubted = np.flatnonzero((sure > CLEAR) & (sure < SURE))
        title[doubted] = sums(rows, self.title, doubted)
        lengths = np.minimum(ends - starts, LONG).astype(np.int32)
        return choose.sized(len(points))(sure, title, lengths, rows, bounds), sure, rows

    def reasons(self, row: I32) -> list[str]:
        """Return in words the strongest reasons why a line is chrome."""
        return reasons(row, self.model.chrome)


@kernel
def choose(sure: I32, title: I32, lengths: I32, rows: I32, bounds: I64) -> Flags:
    """Choose the lines to remove.

    If a run of likely lines were text after all, the page would have that much more text, and the loss is measured relative to that, but to no more
    than twice the text that is seen: a list page has hardly any, and would lose everything. No line is treated as more certain than a long run that it is
    part of: a list of works or songs is text as a whole or not at all.
    """
    out = np.zeros(len(sure), np.bool_)
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        _count(out, sure, rows, lo, hi)
        risk = max(1.0, SHORT / max(1, hi - lo))
        text = np.int64(10000 * SMALL)
        chrome = np.int64(0)
        for n in range(lo, hi):
            text += (10000 - sure[n]) * np.int64(lengths[n])
            chrome += sure[n]
        chrome = max(chrome, np.int64(10000 * FEW))
        first = lo  # of a run of likely lines
        run = total = np.int64(0)
        for n in range(lo, hi + 1):
            if n < hi and sure[n] >= LEAST:
                run += sure[n] * np.int64(lengths[n])
                total += sure[n]
                continue
            worth = np.float64(text + min(run, text)) * SPARE / 1000
            for k in range(first, n):
                likely = sure[k] - max(np.int64(0), sure[k] - total // (n - first)) * min(n - first, TABLE) // TABLE
                cost = risk * (10000 - likely) * np.float64(max(lengths[k], 4)) * (chrome / 10000)
                out[k] |= cost < worth * likely / 10000 and not _held(sure[k], rows[k])
            first, run, total = n + 1, np.int64(0), np.int64(0)
        first = lo  # of a run of lines that would be removed
        for n in range(lo, hi + 1):
            if n < hi and out[n]:
                continue
            for k in range(first, n):
                few = n - first < TOGETHER and rows[k, BESIDE] > 0 and rows[k, RULED] == 0
                if sure[k] <= (SECOND if few else ALONE if n - first == 1 and rows[k, BESIDE] == 0 else LEAST):
                    out[k] = False
            first = n + 1
        for _ in range(TITLES):
            best = -1
            for n in range(lo, hi):
                if title[n] > TITLE and (best < 0 or title[n] > title[best]):
                    best = n
            if best < 0:
                break
            out[best] = False
            title[best] = TITLE
    return out


@kernel
def _held(sure: int, row: I32) -> bool:
    """Return whether a line is kept although its page can spare it: a less certain line between sentences, or a field among fields."""
    ruled = row[RULED] > 0
    if row[COUNTED] > 0:
        return False
    if sure <= SECOND and row[BESIDE] == 1 and not ruled:
        return True
    return bool(row[COLONS] > 0 and row[FIELDS] >= MANY_FIELDS and sure <= SURE and not ruled)


@kernel
def _count(out: Flags, sure: I32, rows: I32, lo: int, hi: int) -> None:
    """Mark the lines that are only numbers counting up from 1 as removed."""
    first = lo
    for n in range(lo, hi + 1):
        if n > first and (n == hi or rows[n, NUMBER] != rows[n - 1, NUMBER] + 1):
            if n - first >= GUTTER:
                for at in range(first, n):
                    sure[at], out[at] = SURE, True
            first = n
        if n < hi and n == first and rows[n, NUMBER] != 1:
            first = n + 1
