"""Tables of what ftfy looks for, for kernels: made of ftfy's own expressions and codecs."""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32, code_points

__all__ = ["FtfyTables", "ftfy_tables", "matching"]

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U64 = npt.NDArray[np.uint64]
FIRST_OF_2, FIRST_OF_3, FIRST_OF_4, CONTINUATION, STRICT = 1, 2, 4, 8, 16  # bits of the row `CLUE` of `FtfyTables.bytes_`
CLUES = (
    (FIRST_OF_2, "utf8_first_of_2"), (FIRST_OF_3, "utf8_first_of_3"), (FIRST_OF_4, "utf8_first_of_4"),
    (CONTINUATION, "utf8_continuation"), (STRICT, "utf8_continuation_strict"),
)  # fmt: skip
# ftfy's encodings, in its order; a test compares them
ENCODINGS = (
    "latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253", "sloppy-windows-1254",
    "sloppy-windows-1257", "iso-8859-2", "macroman", "cp437",
)  # fmt: skip
MACROMAN, SLOPPY = ENCODINGS.index("macroman"), tuple(name.startswith("sloppy") for name in ENCODINGS)
LONGEST_BAD = 7  # characters of the longest alternative of `badness`
OVER, INSIDE = LONGEST_BAD, LONGEST_BAD + 1  # rows of `FtfyTables.bad`
CLUE = len(ENCODINGS)  # a row of `FtfyTables.bytes_`


class FtfyTables(NamedTuple):
    """What the kernels of `cleantext.repair.misread.ftfy_lines` look up, for code points below 0x10000."""

    # Shape (encodings + 1, 0x10000): its byte in each of `ENCODINGS`; the last row has the classes of what may be UTF-8, as bits
    bytes_: U8
    writers: U16  # which of `ENCODINGS` have a character, as bits
    c1: U32  # what the bytes from 80 to 9F are in cp1252
    # Shape (`LONGEST_BAD` + 2, 0x10000): which alternatives of `badness` take a character at a place, or are over, as bits; then which of them
    # have at most so many characters; then, at 0, which may match behind the start of a text.
    bad: U64


@lru_cache(maxsize=1)
def ftfy_tables() -> FtfyTables:
    """Return the tables."""
    import ftfy.bad_codecs  # noqa: F401 - registers the sloppy codecs
    from ftfy.badness import BADNESS_RE
    from ftfy.chardata import ENCODING_REGEXES, UTF8_CLUES

    writers, bytes_ = np.zeros(0x10000, np.uint16), np.zeros((len(ENCODINGS) + 1, 0x10000), np.uint8)
    for bit, name in CLUES:
        bytes_[CLUE, matching(f"[{UTF8_CLUES[name]}]")] |= bit
    for n, codec in enumerate(ENCODINGS):
        shown = "".join(c for c in sorted({*map(chr, range(0x80)), *bytes(range(0x100)).decode(codec)}) if ENCODING_REGEXES[codec].match(c))
        points = code_points(shown)
        writers[points] |= np.uint16(1 << n)
        bytes_[n, points] = np.frombuffer(shown.encode(codec), np.uint8)
    rows = list(_rows(_parser.parse(BADNESS_RE.pattern, BADNESS_RE.flags)))
    assert len(rows) <= 64
    bad = np.zeros((LONGEST_BAD + 2, 0x10000), np.uint64)
    for n, (anchored, row) in enumerate(rows):
        taken = np.uint64(1 << n)
        for k in range(LONGEST_BAD):
            bad[k, row[k] if k < len(row) else slice(None)] |= taken
        bad[OVER, len(row) : LONGEST_BAD + 1] |= taken
        if not anchored:
            bad[INSIDE, 0] |= taken
    c1 = code_points(bytes(range(0x80, 0xA0)).decode("sloppy-windows-1252"))
    return FtfyTables(bytes_, writers, c1, bad)


def matching(pattern: str | re.Pattern[str]) -> I64:
    """Return the code points below 0x10000 that match a pattern of one character."""
    found = re.findall(pattern, "".join(map(chr, range(0x10000))), re.DOTALL if isinstance(pattern, str) else 0)
    return np.array([ord(c) for c in found], np.int64)


def _rows(parsed: Any) -> list[tuple[bool, list[I64]]]:
    """Return what a parsed pattern matches: rows of sets of characters, and whether each stands at the start of the text."""
    rows: list[tuple[bool, list[I64]]] = [(False, [])]
    for op, value in parsed:
        more: list[tuple[bool, list[I64]]]
        if op is _constants.BRANCH:
            more = [row for branch in value[1] for row in _rows(branch)]
        elif op is _constants.MAX_REPEAT and tuple(value[:2]) == (0, 1):
            more = [(False, []), *_rows(value[2])]
        elif op is _constants.AT and value is _constants.AT_BEGINNING:
            more = [(True, [])]
        else:
            more = [(False, [_characters(op, value)])]
        rows = [(at_start or start, [*row, *rest]) for start, row in rows for at_start, rest in more]
    return rows


def _characters(op: Any, value: Any) -> I64:
    """Return the code points below 0x10000 that one element of a parsed pattern matches."""
    taken = np.zeros(0x10000, np.bool_)
    if op is _constants.LITERAL:
        taken[value] = True
    elif op is _constants.ANY:
        taken[:] = True
        taken[ord("\n")] = False
    elif op is _constants.IN:
        for kind, what in value:
            if kind is _constants.LITERAL:
                taken[what] = True
            elif kind is _constants.RANGE:
                taken[what[0] : what[1] + 1] = True
            elif kind is _constants.CATEGORY:
                taken[matching({_constants.CATEGORY_SPACE: r"\s", _constants.CATEGORY_WORD: r"\w"}[what])] = True
            else:
                assert kind is _constants.NEGATE
        if value[0][0] is _constants.NEGATE:
            taken = ~taken
    else:
        raise ValueError(f"{op} is not known in ftfy's expression")
    return np.flatnonzero(taken)
