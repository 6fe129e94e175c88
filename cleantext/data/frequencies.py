"""Frequencies of Chinese characters, which distinguish a few bytes of Chinese from those of other scripts.

The counts are those of the word list behind `cleantext.repair.model` (``charmodel.npz``, see ``make_charmodel``),
summed over the characters of all words. A Traditional character is as frequent as its Simplified form.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

from cleantext.data import opencc_text

__all__ = ["counted_words", "han_evidence"]

CHANCE = math.log(1 / 6763)  # log share of each character if all 6,763 of GB 2312 are equally likely, as for bytes that are not Chinese
RARE = -13.0  # log share of a character that is rare or not listed
SIGNS = frozenset("，。、；：？！…“”‘’（）〔〕《》「」『』—·～〈〉【】％　")
STRANGE = -6.0  # log odds of a character that is neither Chinese nor punctuation of Chinese text
GLUED = -2.0  # log odds added for a character next to an ASCII letter, where accented Latin letters stand


def counted_words() -> Iterator[tuple[str, int]]:
    """Yield the words of ``charmodel.npz``, Simplified, up to four characters, with the logarithms of their counts in sixteenths."""
    import numpy as np

    with (resources.files("cleantext.data") / "charmodel.npz").open("rb") as file, np.load(file) as data:
        letters, lengths, logs = (
            data["characters"].astype("<u2").tobytes().decode("utf-16-le"),
            data["words"].tolist(),
            data["counts"].tolist(),
        )
    at = 0
    counts = iter(logs)
    for length, number in enumerate(lengths, 1):
        for start in range(at, at + length * number, length):
            yield letters[start : start + length], next(counts)
        at += length * number


@lru_cache(maxsize=1)
def _weights() -> dict[str, float]:
    """Return log(share among the characters of texts / `CHANCE`) of all listed characters, in both scripts."""
    import numpy as np

    with (resources.files("cleantext.data") / "charmodel.npz").open("rb") as file, np.load(file) as data:
        letters, lengths, logs = data["characters"], data["words"], data["counts"]
    counts = np.repeat(np.exp(logs.astype(np.float64) / 16), np.repeat(np.arange(1, len(lengths) + 1), lengths))
    sums = np.bincount(letters, counts)
    total = sums.sum()
    known = np.flatnonzero(sums)
    weights = {chr(c): max(math.log(sums[c] / total), RARE) - CHANCE for c in known.tolist()}
    for line in (opencc_text("TSCharacters") or "").splitlines():
        traditional, simplified = line.split("\t")
        if simplified[0] in weights:
            weights[traditional] = max(weights.get(traditional, RARE - CHANCE), weights[simplified[0]])
    return weights


def han_evidence(text: str) -> float:
    """Return the log odds that a short text is Chinese, against random characters.

    Below two characters above ASCII nothing is known: minus infinity. A sum over characters, meant for some dozens of them.

    >>> han_evidence("东河街道办") > 3 > han_evidence("橡忖屮蝈")
    True
    """
    weights = _weights()
    sum_, high = 0.0, 0
    before = " "
    for character in text:
        glued = before.isascii() != character.isascii() and (before if before.isascii() else character).isalpha()
        before = character
        sum_ += GLUED * glued
        if not character.isascii():
            high += 1
            sum_ += 0.0 if character in SIGNS else weights.get(character, RARE - CHANCE if "㐀" <= character <= "鿿" else STRANGE)
    return sum_ if high > 1 else -math.inf
