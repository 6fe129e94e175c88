"""Properties of characters that rules need: a bit for each, in one table over all code points.

Kernels cannot call Python to classify a character; and Python versions differ in that, so frozen tables are used (`cleantext.fold`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cleantext.fold import character_class

__all__ = [
    "ALONE",
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

SPACE, ALPHA, DIGIT, DECIMAL, WORD, SPELLED = (1 << n for n in range(6))  # DIGIT as in str.isdigit, DECIMAL as in \d
MOST_BRACKETS = 8  # pairs of outer brackets that are removed from a line: each needs a pass over it
EDGE, LEADING, TRAILING, ROW, STOP, QUOTE, CLAUSE, ENDS_TITLE = (1 << n for n in range(6, 14))
ENDS_LABEL, PARTS_LABEL = 1 << 14, 1 << 15  # labels of a pack end with this character; it separates labels
SHIELDS = 1 << 16  # protected lines can start with it
ENDS_LISTING = 1 << 17  # headings of lists that are text can end with it
ANCHORS = 1 << 18  # an anchor starts with it
ALONE = 1 << 19  # it is an anchor alone

MARKS = {
    EDGE: " \t\r\xa0|·丨/\\,、;:>»›<«‹→←\u2013\u2014_-[]【】()〔〕〖〗「」『』“”\"'…┊&+•*×▼▲▶►◄↑↓#=~!?.︱∨∧^",  # occurs between widgets
    LEADING: " \t\r-–—·•●○■□◆◇▪►▶▼▲★☆*#|丨→>»›=~",  # bullets and the like at the start of a line
    TRAILING: " \t\r-–—·•*|丨=~▼▲×",
    ROW: " |·丨┊/[]【】",  # separates the links of a row
    STOP: ".!?",
    QUOTE: "\"'”’)",
    CLAUSE: ",、:",
    ENDS_TITLE: "。!;:,.、",  # never the end of a title
}


@lru_cache(maxsize=1)
def characters() -> Bits:
    """Return the bits of every code point."""
    table = np.zeros(0x110000, np.uint32)
    for bit, name in ((SPACE, "space"), (ALPHA, "alpha"), (DIGIT, "digit"), (DECIMAL, "decimal"), (WORD, "alnum")):
        table[character_class(name)] |= bit
    table[list(map(ord, "_+"))] |= WORD  # \w, and the plus of names such as app+
    spelled = (table & ALPHA) > 0
    spelled[0x3040:0xA000] = False  # Han and kana have no blanks between words
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
