"""How far the cleaning of a page can be trusted, as two numbers for filters and reports: the text expected to be lost, and the page chrome expected to be left.

Both are expected values under the learned models, which give each line a probability of being text, so they only cost a sum. They are stored in
``Page.metadata`` as ``body_lost_expected`` (the removed share of the characters of text) and ``chrome_left_expected`` (the share of the
kept characters that is page chrome), from 0 to 1, for pages that a model judged. `benchmarks/confidence.py` and
`benchmarks/make_linemodel.py` compare them with the actual values on pages of hosts that the models had not seen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.chrome.lines.columns import LEARNED, Lines

__all__ = ["expected", "expected_of_pages"]

F64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RULED = 0.002  # upper bound for the probability that a line removed by rules is text, whatever a model predicts
# The lines of one page are right or wrong together, and the removed lines were selected. To correct for this, the expected loss is multiplied, and the expected
# share left is raised to a power, separately for text and HTML. Chosen on 134 pages (text) and 98 (HTML) of held-out hosts, in six groups by expected
# value. Text: .05, .13, .37, .69 % of the text was lost where the uncorrected sum was .04, .26, .70, 1.3 %; 5, 18, 15, 20, 47, 65 % page chrome was left
# where it was .8, 3, 7, 14, 29, 61 %. HTML: .05, .03, .2, .3, .4, 4.9 % was lost where it was .0, .1, .3, .8, 2, 23 %; 0, .1, .1, .5, 3, 40 % was left
# where it was .1, .2, .4, 1, 3, 23 %.
TEXT, HTML = (0.5, 0.65), (0.25, 1.0)


def expected(
    chars: npt.ArrayLike, text: npt.ArrayLike, kept: npt.ArrayLike, *, ruled: npt.ArrayLike = False, scale: tuple[float, float] = TEXT
) -> dict[str, float]:
    """Return the expected shares of text lost and chrome left on a page.

    Args:
        chars: number of characters of each line
        text: probability that each line is text, from 0 to 1
        kept: whether each line is kept
        ruled: whether a rule removed it
        scale: `TEXT` or `HTML`

    >>> expected([100, 100, 10], [1.0, 0.9, 0.1], [True, True, False])
    {'body_lost_expected': 0.0026, 'chrome_left_expected': 0.1427}

    """
    size, stays = np.asarray(chars, np.float64), np.asarray(kept, bool)
    [shares] = _shares(np.array([0, len(size)]), size, np.asarray(text, np.float64), stays, np.asarray(ruled, bool), scale)
    return shares


def expected_of_pages(lines: Lines, sure: I32, bounds: I64, whole: I32) -> list[dict[str, float]]:
    """Return the expected shares for each page of a batch, given how likely each line is chrome, in 1/10000, and which pages are kept ``whole``."""
    kept = (lines.removed_by < 0) | np.repeat(whole > 0, np.diff(bounds))
    size = (lines.end - lines.start).astype(np.float64)
    return _shares(bounds, size, 1 - np.maximum(sure, 0) / 10000, kept, lines.because != LEARNED, TEXT)


def _shares(bounds: I64, size: F64, text: F64, kept: Flags, ruled: Flags, scale: tuple[float, float]) -> list[dict[str, float]]:
    """Return the expected shares of pages; page ``p`` has the lines ``bounds[p]`` to ``bounds[p + 1]``."""
    likely = np.where(~kept & ruled, np.minimum(text, RULED), text)
    page = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    body, lost, left, chrome = (
        np.bincount(page, weights, len(bounds) - 1)
        for weights in (size * likely, np.where(kept, 0, size * likely), np.where(kept, size, 0), np.where(kept, size * (1 - likely), 0))
    )
    shares = scale[0] * lost / np.maximum(body, 1e-9), (chrome / np.maximum(left, 1e-9)) ** scale[1]
    columns = (np.round(share, 4).tolist() for share in shares)
    return [{"body_lost_expected": a, "chrome_left_expected": b} for a, b in zip(*columns, strict=True)]
