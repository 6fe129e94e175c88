"""Sieves: what a pattern demands of every line that it can match, read off the pattern itself.

A regular expression costs half a microsecond to fail, and an anchor such as 年 stands in much of what is no chrome. So each pattern
gives up what can be checked in a few nanoseconds: the fewest and most characters, and which characters can
be the first four and the last four. A sieve lets everything through that the pattern matches; a test looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32
from cleantext.chrome.characters import DECIMAL, SPACE, characters

__all__ = ["DEPTH", "Sieve", "Sieves", "sieve", "sieves"]

DEPTH = 4  # characters from each end
ENDLESS = 1 << 20
_PARSER: Any = __import__("re")._parser  # noqa: SLF001

Ranges = tuple[tuple[int, int], ...]  # of code points, both ends included


class Sieve(NamedTuple):
    """What one pattern demands. Sets are ranges of code points; None stands for any character."""

    least: int = 0
    most: int = ENDLESS
    front: tuple[Ranges | None, ...] = (None,) * DEPTH
    back: tuple[Ranges | None, ...] = (None,) * DEPTH  # from the last character on


class Sieves(NamedTuple):
    """Many sieves as arrays: a set is a row over kinds of characters that no set tells apart."""

    least: I32
    most: I32
    front: npt.NDArray[np.int16]  # (patterns, DEPTH): number of the set
    back: npt.NDArray[np.int16]
    kind: npt.NDArray[np.int16]  # of each code point
    holds: npt.NDArray[np.bool_]  # (sets, kinds)


def sieve(pattern: str) -> Sieve:
    """Read a sieve off a pattern; one that uses what is not understood here demands nothing."""
    tree = _PARSER.parse(pattern)
    if tree.state.flags & (_PARSER.SRE_FLAG_IGNORECASE | _PARSER.SRE_FLAG_MULTILINE):
        return Sieve()
    try:
        sides = []
        for backward in (False, True):
            sets: list[Ranges | None] = [()] * DEPTH
            _walk(tree, {0}, sets, backward=backward)
            sides.append(tuple(sets))
    except LookupError:
        return Sieve()
    least, most = tree.getwidth()
    return Sieve(least, min(int(most), ENDLESS), *sides)


def _walk(tree: Iterable[Any], starts: set[int], sets: list[Ranges | None], *, backward: bool) -> set[int]:
    """Add to ``sets`` what can stand at each place where the tree starts at one of ``starts``; return where it can end.

    Raise LookupError for what has no meaning here.
    """
    for op, arg in reversed(list(tree)) if backward else tree:
        name = str(op)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            chars = _ranges(name, arg)
            for at in starts:
                known = sets[at]
                sets[at] = None if chars is None or known is None else (*known, *chars)
            starts = {at + 1 for at in starts if at + 1 < DEPTH}
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, body = arg
            reached = set(starts) if least == 0 else set()
            for times in range(1, min(int(most), least + DEPTH) + 1):
                starts = _walk(body, starts, sets, backward=backward)
                if times >= least:
                    reached |= starts
            starts = reached
        elif name == "BRANCH":
            starts = set().union(*(_walk(branch, starts, sets, backward=backward) for branch in arg[1]))
        elif name == "SUBPATTERN":
            if arg[1] or arg[2]:
                raise LookupError("flags of its own")
            starts = _walk(arg[3], starts, sets, backward=backward)
        elif name not in ("ASSERT", "ASSERT_NOT", "AT"):  # these take no characters
            raise LookupError(name)
    return starts


@lru_cache(maxsize=2)
def _category(name: str) -> Ranges:
    table, bit = characters(), {"CATEGORY_DIGIT": DECIMAL, "CATEGORY_SPACE": SPACE}[name]
    return tuple((int(c), int(c)) for c in np.flatnonzero(table & bit))


def _ranges(op: str, arg: Any) -> Ranges | None:
    """Return the characters of a literal or a class; None where they are too many to list."""
    if op == "LITERAL":
        return ((arg, arg),)
    if op != "IN" or str(arg[0][0]) == "NEGATE":
        return None
    found: list[tuple[int, int]] = []
    for member, value in arg:
        if str(member) == "CATEGORY" and str(value) not in ("CATEGORY_DIGIT", "CATEGORY_SPACE"):
            return None
        found += _category(str(value)) if str(member) == "CATEGORY" else [value if str(member) == "RANGE" else (value, value)]
    return tuple(found)


def sieves(rows: Sequence[Sieve]) -> Sieves:
    """Turn sieves into arrays."""
    sets: dict[Ranges | None, int] = {None: 0}  # set 0 holds all
    numbers = np.zeros((2, len(rows), DEPTH), np.int16)
    for n, row in enumerate(rows):
        for side, chosen in enumerate((row.front, row.back)):
            # What a match may be too short to reach demands nothing there: the empty set of such a place is never asked.
            numbers[side, n] = [sets.setdefault(chars, len(sets)) for chars in chosen]
    bounds = sorted({0, 0x110000, *(c for chars in sets for low, high in chars or () for c in (low, high + 1))})
    kind = np.repeat(np.arange(len(bounds) - 1, dtype=np.int16), np.diff(bounds))
    holds = np.zeros((len(sets), len(bounds) - 1), bool)
    holds[0] = True
    for chars, number in sets.items():
        for low, high in chars or ():
            holds[number, kind[low] : kind[high] + 1] = True
    widths = np.array([(row.least, row.most) for row in rows], np.int32).reshape(-1, 2)
    return Sieves(widths[:, 0].copy(), widths[:, 1].copy(), numbers[0], numbers[1], kind, holds)
