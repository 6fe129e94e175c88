"""Features of a line in its page: position, sentences nearby, neighbours, repetition, and rules that match lines nearby."""

from __future__ import annotations

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.chrome.scorer.line_features import (
    COLON,
    COLONS,
    DIGIT_RUNS,
    FIRST,
    GRAM,
    GRAM_META,
    GRAM_TITLE,
    LAST,
    LENGTH,
    MARK,
    MOST_LOG,
    PROSE,
    S_DIGIT,
    S_HAN,
    SHAPE,
    SIGNS,
    STOPS,
    TOKENS,
    U8,
)
from cleantext.chrome.scorer.page_features import (
    F64,
    FIELD_SUMS,
    GRAM_SUMS,
    HAN_SUMS,
    LINK_SUMS,
    PROSE_SUMS,
    RULE_SUMS,
    SHORT_SUMS,
    SIGN_SUMS,
    in_page,
    mean,
)
from cleantext.jit import kernel

__all__ = ["CONTEXT", "COUNTS_ON", "FIELDS_NEAR", "RULE_HERE", "ZONE", "context"]

CONTEXT = (
    "from_start",
    "from_end",
    "part",
    "page_lines",
    "page_prose",
    "prose_lines",
    "prose_share",
    "prose_before",
    "prose_after",
    "sentence_above",
    "sentence_below",
    "size_above",
    "size_below",
    "zone",
    "to_body",
    "past_body",
    "run",
    "run_before",
    "repeats",
    "again_above",
    "again_below",
    "shared",
    "shared_rank",
    "mean_1",
    "mean_2",
    "mean_4",
    "mean_8",
    "mean_16",
    "mean_above",
    "mean_below",
    "above_4",
    "below_4",
    "above_12",
    "below_12",
    "gram_zone",
    "gram_to_body",
    "gram_past_body",
    "like_above",
    "like_below",
    "short_4",
    "links_8",
    "counts_on",
    "like_above_2",
    "like_below_2",
    "like_above_3",
    "like_below_3",
    "prose_10",
    "largest",
    "fields_4",
    "signs_4",
    "page_gram",
    "page_short",
    "page_han",
    "rule",
    "rule_category",
    "rule_above",
    "rule_below",
    "category_above",
    "category_below",
    "rules_4",
    "rules_12",
    "rules_since_sentence",
    "rules_to_sentence",
    "heading_above",
    "page_rules",
    "rule-1",
    "rule+1",
    "since_largest",
    "since_mean",
    "since_lines",
    "until_largest",
    "until_mean",
    "until_lines",
    "strong_above",
    "strong_below",
    "strong_since",
    "after_title",
    *(f"{name}{d:+d}" for d in (-3, -2, -1, 1, 2, 3) for name in ("gram", "length")),
    *(f"{name}{d:+d}" for d in (-1, 1) for name in ("first", "last", "stops", "prose", "digits", "mark", "han", "meta", "title", "tokens")),
)

PLACE = len(SHAPE)  # the column in which they begin
ZONE, COUNTS_ON, FIELDS_NEAR, RULE_HERE = (CONTEXT.index(name) for name in ("zone", "counts_on", "fields_4", "rule"))
NEIGHBOURS = 77  # where the features of the lines beside a line begin


@kernel
def context(points: U32, starts: I64, ends: I64, bounds: I64, kinds: U8, log: I32, said: I32, out: I32) -> None:
    """Fill in `CONTEXT` of each line, next to `SHAPE` in ``out``, which is written fastest if its columns are contiguous.

    ``said`` has the strongest rule of each line: power, category, whether it heads a block. Page ``p`` has the lines ``bounds[p]`` to ``bounds[p + 1]``.
    """
    shapes, here = out.T[:PLACE], out.T[PLACE:]
    lines = len(starts)
    page = np.empty(lines, np.int64)
    for p in range(len(bounds) - 1):
        for k in range(bounds[p], bounds[p + 1]):
            page[k] = p
    sums = _sums(shapes, said)
    in_page(points, starts, ends, bounds, kinds, log, said, shapes, here, sums)
    _windows(page, bounds, sums, log, here)
    _neighbours(page, said, shapes, here)


@kernel
def _sums(shapes: I32, said: I32) -> F64:
    """Return running sums over the lines of all pages. As floats, whose division is fast; they are whole numbers, and their quotients exact when rounded down."""
    sums = np.zeros((8, shapes.shape[1] + 1), np.float64)
    for k in range(shapes.shape[1]):
        sums[GRAM_SUMS, k + 1] = sums[GRAM_SUMS, k] + shapes[GRAM, k]
        sums[SHORT_SUMS, k + 1] = sums[SHORT_SUMS, k] + (shapes[LENGTH, k] < 30)
        link = shapes[PROSE, k] == 0 and shapes[LENGTH, k] >= 25 and shapes[LAST, k] != COLON
        sums[LINK_SUMS, k + 1] = sums[LINK_SUMS, k] + link
        sums[FIELD_SUMS, k + 1] = sums[FIELD_SUMS, k] + (shapes[COLONS, k] > 0)
        sums[SIGN_SUMS, k + 1] = sums[SIGN_SUMS, k] + shapes[SIGNS, k]
        sums[PROSE_SUMS, k + 1] = sums[PROSE_SUMS, k] + shapes[PROSE, k]
        sums[HAN_SUMS, k + 1] = sums[HAN_SUMS, k] + shapes[S_HAN, k]
        sums[RULE_SUMS, k + 1] = sums[RULE_SUMS, k] + (said[k, 0] >= 2)
    return sums


@kernel
def _windows(page: I64, bounds: I64, sums: F64, log: I32, here: I32) -> None:
    """Fill in the means of lines around each line."""
    grams = sums[GRAM_SUMS]
    for m in range(5):
        _window(page, bounds, grams, 1 << m, 1, here[23 + m])
    for column, kind, reach, factor in (
        (39, SHORT_SUMS, 4, 16),
        (40, LINK_SUMS, 8, 16),
        (46, PROSE_SUMS, 10, 1),
        (48, FIELD_SUMS, 4, 16),
        (49, SIGN_SUMS, 4, 1),
        (59, RULE_SUMS, 4, 16),
        (60, RULE_SUMS, 12, 16),
    ):
        _window(page, bounds, sums[kind], reach, factor, here[column])
    prose = here[46]
    for k in range(len(page)):
        prose[k] = log[min(prose[k], MOST_LOG - 1)]
    for column, reach in ((28, len(page)), (30, 4), (32, 12)):
        above, below = here[column], here[column + 1]
        for k in range(len(page)):
            above[k] = mean(grams, max(bounds[page[k]], k - reach), k, 1)
            below[k] = mean(grams, k + 1, min(bounds[page[k] + 1], k + 1 + reach), 1)


@kernel
def _window(page: I64, bounds: I64, sums: F64, reach: int, factor: int, out: I32) -> None:
    """Write the mean of each line and the lines of its page up to ``reach`` away, times ``factor``."""
    for k in range(len(page)):
        out[k] = mean(sums, max(bounds[page[k]], k - reach), min(bounds[page[k] + 1], k + reach + 1), factor)


@kernel
def _neighbours(page: I64, said: I32, shapes: I32, here: I32) -> None:
    """Fill in the features that compare each line with those next to it, or are theirs."""
    _beside(page, said[:, 0], 1, -1, here[65], here[66])
    for d, above, below in ((1, 37, 38), (2, 42, 43), (3, 44, 45)):
        _alike(page, shapes, d, here[above], here[below])
    for d in range(1, 4):
        for column, source, outside in ((0, GRAM, 128), (1, LENGTH, -1)):
            _beside(page, shapes[source], d, outside, here[NEIGHBOURS + 2 * (3 - d) + column], here[NEIGHBOURS + 2 * (2 + d) + column])
    at = NEIGHBOURS + 12
    for column in (FIRST, LAST, STOPS, PROSE, S_DIGIT, MARK, S_HAN, GRAM_META, GRAM_TITLE, TOKENS):
        _beside(page, shapes[column], 1, -1, here[at], here[at + 10])
        at += 1


@kernel
def _beside(page: I64, source: I32, d: int, outside: int, above: I32, below: I32) -> None:
    """Write for each line what ``source`` has for the line ``d`` lines above and below it; ``outside`` the page a fixed value."""
    lines = len(page)
    for k in range(min(d, lines)):
        above[k] = below[lines - 1 - k] = outside
    page_below, source_below, above = page[min(d, lines) :], source[min(d, lines) :], above[min(d, lines) :]
    for k in range(lines - d):
        same = page[k] == page_below[k]
        above[k] = source[k] if same else outside
        below[k] = source_below[k] if same else outside


@kernel
def _alike(page: I64, shapes: I32, d: int, above: I32, below: I32) -> None:
    """Write how similar in shape each line is to the line ``d`` lines above and below it, 0 to 5; -1 outside the page."""
    lines = len(page)
    for k in range(min(d, lines)):
        above[k] = below[lines - 1 - k] = -1
    length, first, last, mark, runs = shapes[LENGTH], shapes[FIRST], shapes[LAST], shapes[MARK], shapes[DIGIT_RUNS]
    for k in range(lines - d):
        similar = (
            int(abs(length[k] - length[k + d]) <= 3)
            + int(first[k] == first[k + d])
            + int(last[k] == last[k + d])
            + int(mark[k] == mark[k + d])
            + int(runs[k] == runs[k + d])
        )
        above[k + d] = below[k] = similar if page[k] == page[k + d] else -1
