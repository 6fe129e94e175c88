"""Properties of characters that rules ask for: a bit for each, in one table over all code points.

Kernels cannot ask Python whether a character is a letter; and Pythons differ in it, so that frozen tables say it (`cleantext.fold`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cleantext.fold import character_class

__all__ = [
    "ALPHA",
    "ANCHORS",
    "CLAUSE",
    "DECIMAL",
    "DIGIT",
    "EDGE",
    "ENDS_LABEL",
    "ENDS_LISTING",
    "ENDS_TITLE",
    "LEADING",
    "MARKS",
    "MOST_BRACKETS",
    "PARTS_LABEL",
    "QUOTE",
    "ROW",
    "SHIELDS",
    "SPACE",
    "SPELLED",
    "STOP",
    "TRAILING",
    "WORD",
    "characters",
    "marked",
]

Bits = npt.NDArray[np.uint32]

SPACE, ALPHA, DIGIT, DECIMAL, WORD, SPELLED = (1 << n for n in range(6))  # DIGIT as str.isdigit says, DECIMAL as \d does
MOST_BRACKETS = 8  # pairs of outer brackets behind which a line is looked at: each takes a look at all of it
EDGE, LEADING, TRAILING, ROW, STOP, QUOTE, CLAUSE, ENDS_TITLE = (1 << n for n in range(6, 14))
ENDS_LABEL, PARTS_LABEL = 1 << 14, 1 << 15  # as the labels of a pack do
SHIELDS = 1 << 16  # what is protected can start with it
ENDS_LISTING = 1 << 17  # the heading of a list that is text can
ANCHORS = 1 << 18  # an anchor starts with it

MARKS = {
    EDGE: " \t\r\xa0|·丨/\\,、;:>»›<«‹→←\u2013\u2014_-[]【】()〔〕〖〗「」『』“”\"'…┊&+•*×▼▲▶►◄↑↓#=~!?.︱∨∧^",  # stands between widgets
    LEADING: " \t\r-–—·•●○■□◆◇▪►▶▼▲★☆*#|丨→>»›=~",  # bullets and their kin before a line
    TRAILING: " \t\r-–—·•*|丨=~▼▲×",
    ROW: " |·丨┊/[]【】",  # parts the links of a row
    STOP: ".!?",
    QUOTE: "\"'”’)",
    CLAUSE: ",、:",
    ENDS_TITLE: "。!;:,.、",  # no title does
}


@lru_cache(maxsize=1)
def characters() -> Bits:
    """Return the bits of every code point."""
    table = np.zeros(0x110000, np.uint32)
    for bit, name in ((SPACE, "space"), (ALPHA, "alpha"), (DIGIT, "digit"), (DECIMAL, "decimal"), (WORD, "alnum")):
        table[character_class(name)] |= bit
    table[list(map(ord, "_+"))] |= WORD  # \w, and the plus of names such as app+
    spelled = (table & ALPHA) > 0
    spelled[0x3040:0xA000] = False  # Han and kana stand without blanks between words
    table[spelled] |= SPELLED
    for bit, marks in MARKS.items():
        table[list(map(ord, marks))] |= bit
    table.flags.writeable = False
    return table


def marked(table: Bits, marks: Iterable[tuple[int, Iterable[str]]]) -> Bits:
    """Return a copy of a table with further bits for some characters."""
    table = table.copy()
    for bit, chars in marks:
        table[list(map(ord, chars))] |= bit
    table.flags.writeable = False
    return table
