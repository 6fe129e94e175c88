"""Tokens: the units that shingles consist of, each with its position in the text."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.errors import unknown
from cleantext.fold import KeptColumn
from cleantext.jit import kernel, wrapping

__all__ = ["Unit", "token_column", "tokens"]

Unit = Literal["char", "script"]
WORD = 0x80000000  # this bit marks the token of a word, which is a hash; smaller tokens are code points

# Code points from here on are written without spaces (CJK, kana, Hangul syllables), and these ranges before it.
SPACELESS_FROM = 0x2E80
SPACELESS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))  # Thai and Lao, Burmese, Khmer
LETTERS_AGAIN = 0x10000  # beyond the first plane only the ideographic planes 2 and 3 are spaceless


def tokens(kept: KeptColumn, unit: Unit) -> tuple[KeptColumn, I64]:
    """Return the tokens of folded texts, and the number of kept characters before each of them (and in total, at the end).

    FoldedUnits are all characters, or words where a script writes words.

    With ``unit="script"`` each ideograph is a unit, and so is each run of letters and each run of
    digits of an alphabetic script: five characters of English say little (unrelated books share
    a third of them), five words a lot. A word is a 31-bit hash of its characters.
    """
    column, first = _tokens(kept, unit)
    return column, np.arange(len(kept.points) + 1) if first is None else np.append(first, len(kept.points))


def token_column(kept: KeptColumn, unit: Unit) -> KeptColumn:
    """Return the tokens of folded texts alone."""
    return _tokens(kept, unit)[0]


def _tokens(kept: KeptColumn, unit: Unit) -> tuple[KeptColumn, I64 | None]:
    """Return the tokens, and the first character of each unless all characters are tokens."""
    if unit == "char":
        return kept, None
    if unit != "script":
        raise unknown("unit", unit, ("char", "script"))
    points, first, last, offsets = _words(kept.points, kept.start, kept.end, kept.offsets)
    return KeptColumn(points, kept.start[first], kept.end[last], offsets), first


@kernel
def _kind(point: int) -> int:
    """Return 0 for a character that is a token by itself, 1 for a letter of a word, 2 for a digit."""
    if 0x30 <= point <= 0x39:
        return 2
    if point >= LETTERS_AGAIN:
        return 0 if 0x20000 <= point <= 0x3FFFF else 1
    if point >= SPACELESS_FROM:
        return 0
    for k in range(len(SPACELESS)):
        if SPACELESS[k][0] <= point <= SPACELESS[k][1]:
            return 0
    return 1


@wrapping
def _words(points: U32, start: I32, end: I32, offsets: I64) -> tuple[U32, I64, I64, I64]:
    n = len(points)
    out, first, last = np.empty(n, np.uint32), np.empty(n, np.int64), np.empty(n, np.int64)
    bounds = np.zeros(len(offsets), np.int64)
    m = 0
    for d in range(len(offsets) - 1):
        before = 0
        h = np.uint64(0)
        for i in range(offsets[d], offsets[d + 1]):
            kind = _kind(int(points[i]))
            # A word continues as long as its characters were adjacent in the text.
            joined = kind > 0 and kind == before and (start[i] == end[i - 1] or start[i] == start[i - 1])
            if joined:
                h = (h ^ np.uint64(points[i])) * np.uint64(0x9E3779B97F4A7C15)
                h ^= h >> np.uint64(29)
                out[m - 1] = np.uint32(h >> np.uint64(33)) | np.uint32(0x80000000)
                last[m - 1] = i
            else:
                h = (np.uint64(points[i]) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
                out[m] = points[i]
                first[m], last[m] = i, i
                m += 1
            before = kind
        bounds[d + 1] = m
    return out[:m].copy(), first[:m].copy(), last[:m].copy(), bounds
