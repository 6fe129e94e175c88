"""Sieves: what a pattern demands of every line that it can match, read off the pattern itself.

A regular expression costs half a microsecond to fail, and an anchor such as 年 stands in much of what is no chrome. So each pattern
gives up what can be checked in a few nanoseconds, for each of its alternatives: the fewest and most characters, which can be the
first four and the last four, which have to follow one another, whatever stands between; and whether it is no more than one
class repeated, which settles it. Of a guard it is enough to know the characters that what it finds can start with.
A sieve lets everything through that the pattern matches; a test looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.chrome.characters import DECIMAL, SPACE, characters
from cleantext.jit import kernel

__all__ = ["GUARDED", "MATCHES", "NEVER", "UNGUARDED", "Sieve", "Sieves", "sieve", "sieves", "sift"]

DEPTH = 4  # characters from each end
NEEDS = 8  # characters that follow one another
TELLING = 2_000  # members of a class up to which it is worth a look whether one stands in a line
MOST_WAYS = 24
ENDLESS = 1 << 20
NEVER, GUARDED, UNGUARDED, MATCHES = range(4)  # ask nothing; pattern and guard; the pattern alone; nothing, for it matches
_PARSER: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001

I16 = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]

Chars = frozenset[tuple[int, int]]  # ranges of code points, both ends included
ALL: Chars = frozenset([(0, 0x10FFFF)])
NONE: Chars = frozenset()


class Way(NamedTuple):
    """What one alternative of a pattern demands of a line."""

    least: int = 0
    most: int = ENDLESS
    front: tuple[Chars, ...] = (ALL,) * DEPTH
    back: tuple[Chars, ...] = (ALL,) * DEPTH  # from the last character on
    needs: tuple[Chars, ...] = ()  # one of each, in this order


class Sieve(NamedTuple):
    """What a pattern and its guard demand."""

    ways: tuple[Way, ...] = (Way(),)
    every: Chars = ALL
    settled: bool = False  # what passes matches
    guard: Chars = NONE  # no guard finds anything where none of these stands


class Sieves(NamedTuple):
    """Many sieves as arrays: a set is a row over kinds of characters that no set tells apart."""

    ways: I32  # pattern n has ways[n] to ways[n + 1]
    least: I32
    most: I32
    front: npt.NDArray[np.int16]  # (ways, DEPTH): number of the set
    back: npt.NDArray[np.int16]
    needs: npt.NDArray[np.int16]  # (ways, NEEDS), filled up with -1
    every: npt.NDArray[np.int16]
    settled: npt.NDArray[np.bool_]
    guard: npt.NDArray[np.int16]
    kind: npt.NDArray[np.int16]  # of each code point
    holds: npt.NDArray[np.bool_]  # (sets, kinds)


def sieve(pattern: str, *, guard: str = "", longest: int = ENDLESS, part: bool = False) -> Sieve:
    """Read a sieve off a pattern for whole lines of ``longest`` characters, or for a ``part`` of a line.

    What is not understood here demands nothing.
    """
    tree = _parsed(pattern)
    found = _starts(_parsed(guard)) if guard else NONE
    if tree is None:
        return Sieve((Way(most=longest),), guard=found)
    ways = tuple(_way(one, longest, part=part) for one in _alternatives(tree))
    every = None if part else _repeated(tree)
    return Sieve(ways, every or ALL, every is not None, found)


def _alternatives(tree: Any) -> list[Any]:
    """Return what a pattern is made of on its highest level, each with what stands before and behind it."""
    items = list(tree)
    at = next((n for n, (op, _) in enumerate(items) if str(op) == "BRANCH"), None)
    if at is None or len(items[at][1][1]) > MOST_WAYS:
        return [tree]
    return [_PARSER.SubPattern(tree.state, [*items[:at], *branch, *items[at + 1 :]]) for branch in items[at][1][1]]


def _way(tree: Any, longest: int, *, part: bool) -> Way:
    least, most = tree.getwidth()
    try:
        needs = tuple(chars for chars in _needs(tree) if _count(chars) <= TELLING)[:NEEDS]
    except LookupError:
        needs = ()
    if part:
        return Way(least, longest, needs=needs)
    return Way(least, min(int(most), longest), _ends(tree, backward=False), _ends(tree, backward=True), needs)


def _needs(tree: Iterable[Any]) -> list[Chars]:
    """Return characters of which a match has one each, in this order; raise LookupError for what has no meaning here."""
    found: list[Chars] = []
    for op, arg in tree:
        name = str(op)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            found.append(_chars(name, arg))
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            found += _needs(arg[2]) * min(arg[0], 4)
        elif name == "BRANCH":
            found += [frozenset().union(*chars) for chars in zip(*map(_needs, arg[1]), strict=False)]
        elif name == "SUBPATTERN":
            if arg[1] or arg[2]:
                raise LookupError("flags of its own")
            found += _needs(arg[3])
        elif name not in ("ASSERT", "ASSERT_NOT", "AT"):
            raise LookupError(name)
    return found


@lru_cache(maxsize=1024)
def _count(chars: Chars) -> int:
    return sum(high + 1 - low for low, high in chars)


def _parsed(pattern: str) -> Any:
    tree = _PARSER.parse(pattern)
    return None if tree.state.flags & (re.IGNORECASE | re.MULTILINE) else tree


def _starts(tree: Any) -> Chars:
    """Return the characters that a match can start with: all where it may be empty."""
    return ALL if tree is None or tree.getwidth()[0] == 0 else _ends(tree, backward=False)[0]


def _ends(tree: Any, *, backward: bool) -> tuple[Chars, ...]:
    sets = [NONE] * DEPTH
    try:
        _walk(tree, {0}, sets, backward=backward)
    except LookupError:
        return (ALL,) * DEPTH
    return tuple(sets)


def _walk(tree: Iterable[Any], starts: set[int], sets: list[Chars], *, backward: bool) -> set[int]:
    """Add to ``sets`` what can stand at each place where the tree starts at one of ``starts``; return where it can end.

    Raise LookupError for what has no meaning here.
    """
    for op, arg in reversed(list(tree)) if backward else tree:
        if not starts:
            break
        name = str(op)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            chars = _chars(name, arg)
            for at in starts:
                sets[at] |= chars
            starts = {at + 1 for at in starts if at + 1 < DEPTH}
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, body = arg
            reached = set(starts) if least == 0 else set()
            for times in range(1, min(int(most), least + DEPTH) + 1):
                starts = _walk(body, starts, sets, backward=backward)
                if not starts:
                    break
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


def _repeated(tree: Any) -> Chars | None:
    """Return the class of a pattern that is one class repeated, None for every other pattern."""
    if len(tree) == 1 and str(tree[0][0]) == "MAX_REPEAT":
        body = tree[0][1][2]
        if len(body) == 1 and str(body[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN") and _exact(*body[0]):
            return _chars(str(body[0][0]), body[0][1])
    return None


def _exact(op: Any, arg: Any) -> bool:
    return str(op) != "IN" or all(str(member) != "CATEGORY" or str(value) in ("CATEGORY_DIGIT", "CATEGORY_SPACE") for member, value in arg)


def _chars(op: str, arg: Any) -> Chars:
    """Return the characters of a literal or a class."""
    if op == "ANY":
        return _others(frozenset([(10, 10)]))
    if op != "IN":
        return frozenset([(arg, arg)]) if op == "LITERAL" else _others(frozenset([(arg, arg)]))
    if not _exact(op, arg):
        return ALL
    found: Chars = NONE
    for member, value in arg:
        if str(member) == "CATEGORY":
            found |= _category(str(value))
        elif str(member) != "NEGATE":
            found |= {value if str(member) == "RANGE" else (value, value)}
    return _others(found) if str(arg[0][0]) == "NEGATE" else found


@lru_cache(maxsize=256)
def _others(chars: Chars) -> Chars:
    """Return all other characters."""
    found, at = [], 0
    for low, high in sorted(chars):
        found.append((at, low - 1))
        at = max(at, high + 1)
    return frozenset((low, high) for low, high in [*found, (at, 0x10FFFF)] if low <= high)


@lru_cache(maxsize=2)
def _category(name: str) -> Chars:
    chars = np.flatnonzero(characters() & {"CATEGORY_DIGIT": DECIMAL, "CATEGORY_SPACE": SPACE}[name])
    runs = np.split(chars, np.flatnonzero(np.diff(chars) > 1) + 1)
    return frozenset((int(run[0]), int(run[-1])) for run in runs)


def sieves(rows: Sequence[Sieve]) -> Sieves:
    """Turn sieves into arrays."""
    sets: dict[Chars, int] = {}

    def numbers(*chars: Chars) -> list[int]:
        return [sets.setdefault(c, len(sets)) for c in chars]

    ways = [way for row in rows for way in row.ways]
    ends = np.array([numbers(*way.front, *way.back) for way in ways], np.int16).reshape(-1, 2 * DEPTH)
    needs = np.full((len(ways), NEEDS), -1, np.int16)
    for n, way in enumerate(ways):
        needs[n, : len(way.needs)] = numbers(*way.needs)
    whole = np.array([numbers(row.every, row.guard) for row in rows], np.int16).reshape(-1, 2)
    bounds = np.unique([c for chars in sets for low, high in chars for c in (low, high + 1)] + [0, 0x110000])
    holds = np.zeros((len(sets), len(bounds) - 1), bool)
    for chars, number in sets.items():
        for low, high in np.searchsorted(bounds, np.add(list(chars) or np.empty((0, 2), int), (0, 1))).tolist():
            holds[number, low:high] = True
    return Sieves(
        np.cumsum([0, *(len(row.ways) for row in rows)], dtype=np.int32),
        np.array([way.least for way in ways], np.int32),
        np.array([way.most for way in ways], np.int32),
        ends[:, :DEPTH].copy(),
        ends[:, DEPTH:].copy(),
        needs,
        whole[:, 0].copy(),
        np.array([row.settled for row in rows], bool),
        whole[:, 1].copy(),
        np.repeat(np.arange(len(bounds) - 1, dtype=np.int16), np.diff(bounds)),
        holds,
    )


@kernel
def sift(points: U32, starts: I64, ends: I64, pairs: I32, sieves: Sieves) -> npt.NDArray[np.int8]:
    """Say for each pair of a line and a pattern what has to be asked: `NEVER`, `GUARDED`, `UNGUARDED` or `MATCHES`.

    Line ``n`` is ``points[starts[n]:ends[n]]``.
    """
    out = np.zeros(len(pairs), np.int8)
    kinds = sieves.kind[points]
    for k in range(len(pairs)):
        n, row = pairs[k, 0], pairs[k, 1]
        line = kinds[starts[n] : ends[n]]
        fits = False
        for way in range(sieves.ways[row], sieves.ways[row + 1]):
            if sieves.least[way] <= len(line) <= sieves.most[way]:
                fits = _passes(line, sieves.front[way], sieves.back[way], sieves.needs[way], sieves.holds)
                if fits:
                    break
        if fits and sieves.settled[row]:
            fits = _all(line, sieves.holds[sieves.every[row]])
        if fits:
            guarded = _any(line, sieves.holds[sieves.guard[row]])
            out[k] = GUARDED if guarded else MATCHES if sieves.settled[row] else UNGUARDED
    return out


@kernel
def _passes(line: I16, front: I16, back: I16, needs: I16, holds: Flags) -> bool:
    """Say whether a line has the ends that one way demands, and one after the other what it needs."""
    for at in range(min(DEPTH, len(line))):
        if not holds[front[at], line[at]] or not holds[back[at], line[len(line) - 1 - at]]:
            return False
    at = 0
    for need in needs:
        if need < 0:
            break
        while at < len(line) and not holds[need, line[at]]:
            at += 1
        if at == len(line):
            return False
        at += 1
    return True


@kernel
def _any(line: I16, held: Flags) -> bool:
    for kind in line:  # noqa: SIM110 - Numba has no any()
        if held[kind]:
            return True
    return False


@kernel
def _all(line: I16, held: Flags) -> bool:
    for kind in line:  # noqa: SIM110
        if not held[kind]:
            return False
    return True
