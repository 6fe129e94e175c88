"""Patterns as nodes of automata: what each reads, and what follows.

Conditions that an automaton cannot check (a word boundary, a lookahead at more than one character inside a line) are assumed to hold: if
a line matches because of that, `re` checks it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from cleantext.chrome.matching.character_bits import DECIMAL, SPACE, WORD, characters

__all__ = [
    "ALL",
    "CHAR",
    "END",
    "LAST",
    "LOOKED",
    "ONE",
    "PARSER",
    "WAYS",
    "Chars",
    "How",
    "Machine",
    "Question",
    "both",
    "chars_of",
    "machine",
    "opening",
    "others",
]

Chars = frozenset[tuple[int, int]]  # ranges of code points, both ends included
How = Literal["fullmatch", "match", "search"]

ALL: Chars = frozenset([(0, 0x10FFFF)])
NONE: Chars = frozenset()
LARGEST = 20_000  # maximum nodes of a pattern that becomes an automaton
CHAR, WAYS, LAST, LOOKED, END = range(5)  # kinds of nodes
PARSER: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001
ONE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")  # items that read one character


class Question(NamedTuple):
    """A question about a line: a pattern, and whether it has to match the whole line, its start, or any part."""

    pattern: str
    how: How = "fullmatch"

    def answer(self, line: str) -> bool:
        """Return the answer of `re`."""
        return getattr(_compiled(self.pattern), self.how)(line) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class Machine:
    """The nodes of one pattern: kind, value, successor and alternative."""

    def __init__(self, question: Question) -> None:
        self.nodes: list[tuple[int, Any, int, int]] = []
        self.exact = True
        self.sure = -1
        self._looks: dict[int, tuple[int, Chars, bool]] = {}  # nodes that stand for their successor, restricted to some characters
        self._narrowed: dict[tuple[int, Chars, bool], int] = {}
        tree = PARSER.parse(question.pattern)
        if tree.state.flags & (re.IGNORECASE | re.MULTILINE):
            raise LookupError("flags")
        self.start = self._line(tree, question.how)
        for node, (following, chars, ends) in list(self._looks.items()):  # possible only after all loops are closed
            at = self._narrow(following, chars, ends=ends)
            self.nodes[node] = (WAYS, 0, at, at)

    def _line(self, tree: Any, how: How) -> int:
        if how == "fullmatch":
            return self._whole(tree)
        tail = self._loop(self._node(END, 0))
        self.sure = self.nodes[tail][2]
        start = self._sequence(tree, tail)
        return self._loop(start) if how == "search" else start

    def _node(self, kind: int, value: Any = 0, following: int = -1, other: int = 0) -> int:
        if len(self.nodes) > LARGEST:
            raise LookupError("too large")
        self.nodes.append((kind, value, following, other))
        return len(self.nodes) - 1

    def _loop(self, following: int) -> int:
        """Allow any characters before what follows."""
        loop = self._node(WAYS)
        self.nodes[loop] = (WAYS, 0, self._node(CHAR, ALL, loop), following)
        return loop

    def _ways(self, ways: Sequence[int]) -> int:
        at = ways[-1]
        for way in reversed(ways[:-1]):
            at = self._node(WAYS, 0, way, at)
        return at

    def _whole(self, tree: Any) -> int:
        """Read alternatives for a whole line. Lookaheads at the start of one are tracked in parallel, and checked at the end of the line."""
        items = list(tree)
        alternatives = items[0][1][1] if len(items) == 1 and str(items[0][0]) == "BRANCH" else [tree]
        ways: list[int] = []
        looks = 0
        for alternative in alternatives:
            rest = list(alternative)
            wanted = [0, 0]  # bits: required, forbidden
            while rest and str(rest[0][0]) in ("ASSERT", "ASSERT_NOT") and rest[0][1][0] > 0 and len(rest[0][1][1]) > 1 and looks < 30:
                forbids, exact, self.exact = str(rest[0][0]) == "ASSERT_NOT", self.exact, True
                ways.append(self._sequence(rest[0][1][1], self._loop(self._node(LOOKED, 1 << looks))))
                if forbids and not self.exact:
                    raise LookupError("what cannot be said, forbidden")
                self.exact &= exact
                wanted[forbids] |= 1 << looks
                looks += 1
                rest = rest[1:]
            ways.append(self._sequence(rest, self._node(END, wanted[0], -1, wanted[1])))
        return self._ways(ways)

    def _sequence(self, items: Iterable[Any], following: int) -> int:
        for op, arg in reversed(list(items)):
            following = self._item(str(op), arg, following)
        return following

    def _item(self, op: str, arg: Any, following: int) -> int:
        if op in ONE:
            return self._node(CHAR, chars_of(op, arg), following)
        if op in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = arg
            return self._repeat(least, most, body, following)
        if op == "ATOMIC_GROUP":
            self.exact = False
            return self._sequence(arg, following)
        if op == "BRANCH":
            return self._ways([self._sequence(branch, following) for branch in arg[1]])
        if op == "SUBPATTERN" and not arg[1] and not arg[2]:
            return self._sequence(arg[3], following)
        if op == "AT" and str(arg) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return self._node(LAST, NONE, following, 1)
        if op == "AT" and str(arg) in ("AT_END", "AT_END_STRING"):
            return self._opened(following, NONE, ends=True)
        if op in ("ASSERT", "ASSERT_NOT") and len(arg[1]) == 1 and str(arg[1][0][0]) in ONE:
            chars, forbids = chars_of(str(arg[1][0][0]), arg[1][0][1]), op == "ASSERT_NOT"
            chars = others(chars) if forbids else chars
            return self._opened(following, chars, ends=forbids) if arg[0] > 0 else self._node(LAST, chars, following, int(forbids))
        if op in ("ASSERT", "ASSERT_NOT", "AT"):
            self.exact = False
            return following
        raise LookupError(op)

    def _repeat(self, least: int, most: Any, body: Any, following: int) -> int:
        if str(most) == "MAXREPEAT":
            at = self._node(WAYS)
            self.nodes[at] = (WAYS, 0, self._sequence(body, at), following)
        else:
            at = following
            for _ in range(int(most) - least):
                at = self._node(WAYS, 0, self._sequence(body, at), following)
        for _ in range(least):
            at = self._sequence(body, at)
        return at

    def _opened(self, following: int, chars: Chars, *, ends: bool) -> int:
        """Return a node for what follows if it begins with one of ``chars``, or, with ``ends``, the end of the line."""
        node = self._node(WAYS)
        self._looks[node] = following, chars, ends
        return node

    def _narrow(self, at: int, chars: Chars, *, ends: bool) -> int:
        """Return a copy of a node, restricted to begin with one of ``chars``, or, with ``ends``, the end of the line."""
        if (at, chars, ends) in self._narrowed:
            return self._narrowed[at, chars, ends]
        if at in self._looks:
            following, further, also = self._looks[at]
            return self._narrow(following, both(chars, further), ends=ends and also)
        kind, value, after, other = self.nodes[at]
        if kind in (END, LOOKED):
            return at if ends else self._node(CHAR, NONE, at)
        node = self._narrowed[at, chars, ends] = self._node(kind)
        if kind == CHAR:
            self.nodes[node] = (CHAR, both(value, chars), after, 0)
        elif kind == WAYS:
            self.nodes[node] = (WAYS, 0, self._narrow(after, chars, ends=ends), self._narrow(other, chars, ends=ends))
        else:
            self.nodes[node] = (LAST, value, self._narrow(after, chars, ends=ends), other)
        return node


def opening(question: Question) -> Chars:
    """Return the characters with which a match of the pattern can start."""
    made = Machine(question)
    found: Chars = NONE
    stack, seen = [made.start], set()
    while stack:
        if (at := stack.pop()) not in seen:
            seen.add(at)
            kind, value, following, other = made.nodes[at]
            found |= value if kind == CHAR else NONE
            stack += [following, other] if kind == WAYS else [following] if kind == LAST else []
    return found


def machine(question: Question) -> Machine | None:
    """Return the automaton of a pattern, or None if it cannot be one."""
    try:
        return Machine(question)
    except LookupError:
        return None


# ---------------------------------------------------------------- characters


@lru_cache(maxsize=4096)
def _in(members: tuple[Any, ...]) -> Chars:
    found: Chars = frozenset()
    for member, value in members:
        if str(member) == "CATEGORY":
            found |= _category(str(value))
        elif str(member) != "NEGATE":
            found |= {value if str(member) == "RANGE" else (value, value)}
    return others(found) if str(members[0][0]) == "NEGATE" else found


def chars_of(op: str, arg: Any) -> Chars:
    """Return the characters of a literal or a class."""
    if op == "ANY":
        return others(frozenset([(10, 10)]))
    if op == "IN":
        return _in(tuple(arg))
    return frozenset([(arg, arg)]) if op == "LITERAL" else others(frozenset([(arg, arg)]))


@lru_cache(maxsize=4096)
def others(chars: Chars) -> Chars:
    """Return all other characters."""
    found, at = [], 0
    for low, high in sorted(chars):
        found.append((at, low - 1))
        at = max(at, high + 1)
    return frozenset((low, high) for low, high in [*found, (at, 0x10FFFF)] if low <= high)


@lru_cache(maxsize=4096)
def both(one: Chars, other: Chars) -> Chars:
    """Return the characters in both sets."""
    return others(others(one) | others(other))


@lru_cache(maxsize=8)
def _category(name: str) -> Chars:
    """Return the characters of the classes for digits, blanks and word characters, and of their complements."""
    if "_NOT_" in name:
        return others(_category(name.replace("_NOT_", "_")))
    has = characters() & {"CATEGORY_DIGIT": DECIMAL, "CATEGORY_SPACE": SPACE, "CATEGORY_WORD": WORD}[name] > 0
    has[ord("+")] = False  # a word character in our vocabularies, but not in `re`
    chars = np.flatnonzero(has)
    runs = np.split(chars, np.flatnonzero(np.diff(chars) > 1) + 1)
    return frozenset((int(run[0]), int(run[-1])) for run in runs)
