"""How far the cleaning of a page can be trusted, in two numbers that filters and reports read: what text is expected to be lost, and what page chrome to be left.

Both are expectations of the learned models, for which every line is text with some probability, so they cost a sum. They are kept in
``Page.metadata`` as ``body_lost_expected`` (share of the characters of text that went) and ``chrome_left_expected`` (share of the characters
that stay which are page chrome), from 0 to 1, of pages that a model judged. `benchmarks/confidence.py` and
`benchmarks/make_linemodel.py` compare them with what was lost and left on pages of hosts that the models had not seen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.chrome.lines.columns import LEARNED, Lines

__all__ = ["expected", "expected_of_pages"]

F64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RULED = 0.002  # a line that rules took is text no more often, whatever a model says of it
# Lines of one page are right or wrong together, and those that a page can spare were chosen. So the sum of what may be lost is multiplied, and the share
# that is left raised to a power, by text and HTML. Chosen on 134 pages (text) and 98 (HTML) of hosts left out, in six parts by what was
# expected. Text: lost .05, .13, .37, .69 % of the text where .04, .26, .70, 1.3 % were the bare sum; left 5, 18, 15, 20, 47, 65 % page chrome
# where .8, 3, 7, 14, 29, 61 % were. HTML: lost .05, .03, .2, .3, .4, 4.9 % where .0, .1, .3, .8, 2, 23 % were; left 0, .1, .1, .5, 3, 40 % where
# .1, .2, .4, 1, 3, 23 % were.
TEXT, HTML = (0.5, 0.65), (0.25, 1.0)


def expected(
    chars: npt.ArrayLike, text: npt.ArrayLike, kept: npt.ArrayLike, *, ruled: npt.ArrayLike = False, scale: tuple[float, float] = TEXT
) -> dict[str, float]:
    """Return what is expected to be lost and left of a page.

    Args:
        chars: number of characters of each line
        text: how likely each line is text, from 0 to 1
        kept: whether it stays
        ruled: whether a rule took it
        scale: `TEXT` or `HTML`

    >>> expected([100, 100, 10], [1.0, 0.9, 0.1], [True, True, False])
    {'body_lost_expected': 0.0026, 'chrome_left_expected': 0.1427}

    """
    size, stays = np.asarray(chars, np.float64), np.asarray(kept, bool)
    [shares] = _shares(np.array([0, len(size)]), size, np.asarray(text, np.float64), stays, np.asarray(ruled, bool), scale)
    return shares


def expected_of_pages(lines: Lines, sure: I32, bounds: I64, whole: I32) -> list[dict[str, float]]:
    """Return what is expected of each page of a batch, given how likely each line is chrome, in 1/10000, and which pages are kept ``whole``."""
    kept = (lines.removed_by < 0) | np.repeat(whole > 0, np.diff(bounds))
    size = (lines.end - lines.start).astype(np.float64)
    return _shares(bounds, size, 1 - np.maximum(sure, 0) / 10000, kept, lines.because != LEARNED, TEXT)


def _shares(bounds: I64, size: F64, text: F64, kept: Flags, ruled: Flags, scale: tuple[float, float]) -> list[dict[str, float]]:
    """Return what is expected of pages; page ``p`` has the lines ``bounds[p]`` to ``bounds[p + 1]``."""
    likely = np.where(~kept & ruled, np.minimum(text, RULED), text)
    page = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    body, lost, left, chrome = (
        np.bincount(page, weights, len(bounds) - 1)
        for weights in (size * likely, np.where(kept, 0, size * likely), np.where(kept, size, 0), np.where(kept, size * (1 - likely), 0))
    )
    shares = scale[0] * lost / np.maximum(body, 1e-9), (chrome / np.maximum(left, 1e-9)) ** scale[1]
    columns = (np.round(share, 4).tolist() for share in shares)
    return [{"body_lost_expected": a, "chrome_left_expected": b} for a, b in zip(*columns, strict=True)]
