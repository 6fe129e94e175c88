"""How far the cleaning of a page can be trusted, in two numbers that filters and reports read: what text is expected to be lost, and what page chrome to be left.

Both are expectations of the learned models, for which every line is text with some probability, so they cost a sum. They are kept in
``Page.metadata`` as ``body_lost_expected`` (share of the characters of text that went) and ``chrome_left_expected`` (share of the characters
that stay which are page chrome), from 0 to 1, of pages that a model judged. `benchmarks/confidence.py` and
`benchmarks/make_linemodel.py` compare them with what was lost and left on pages of hosts that the models had not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.chrome.lines.columns import LEARNED, Lines

__all__ = ["expected", "expected_of_pages"]

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
    likely = np.asarray(text, np.float64)
    likely = np.where(~stays & np.asarray(ruled, bool), np.minimum(likely, RULED), likely)
    body, left = float((size * likely).sum()), float(size[stays].sum())
    lost = float((size * likely)[~stays].sum())
    chrome = float((size * (1 - likely))[stays].sum())
    shares: dict[str, Any] = {
        "body_lost_expected": scale[0] * lost / max(body, 1e-9),
        "chrome_left_expected": (chrome / max(left, 1e-9)) ** scale[1],
    }
    return {name: round(share, 4) for name, share in shares.items()}


def expected_of_pages(lines: Lines, sure: I32, bounds: I64, whole: I32) -> Iterator[dict[str, float]]:
    """Yield what is expected of each page of a batch, given how likely each line is chrome, in 1/10000, and which pages are kept ``whole``."""
    chars, text = lines.end - lines.start, 1 - np.maximum(sure, 0) / 10000
    for page, (a, b) in enumerate(pairwise(bounds.tolist())):
        kept = (lines.removed_by[a:b] < 0) | (whole[page] > 0)
        yield expected(chars[a:b], text[a:b], kept, ruled=lines.because[a:b] != LEARNED)
