"""Automata: patterns as tables, so that a kernel asks a thousand lines in the time in which `re` asks one.

A pattern becomes the states of an automaton that reads a character at a time, over classes of characters that it does not tell apart.
States are made when a line first leads to them, for most of those that a pattern could have are never met: the kernel walks as far
as the table goes, and a line that leads beyond it is walked in Python, which writes the table on. What an automaton cannot say (a look
ahead at more than one character) it takes as said, and `re` is asked again where that makes a line match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32, text_of
from cleantext.chrome.characters import DECIMAL, SPACE, WORD, characters
from cleantext.jit import kernel

__all__ = ["Automata", "Question", "opening"]

Chars = frozenset[tuple[int, int]]  # ranges of code points, both ends included
Flags = npt.NDArray[np.bool_]
How = Literal["fullmatch", "match", "search"]

ALL: Chars = frozenset([(0, 0x10FFFF)])
FEW = 500  # questions from which it pays to make automata of the patterns
ROOM = 1 << 22  # entries of the table: when it is full, all states are forgotten
LARGEST = 20_000  # nodes of a pattern that becomes an automaton
DEAD, SINK, UNKNOWN = 0, 1, -1  # states: nothing matches any more, everything does, not made yet
NO, YES, ASK = range(3)
EDGE = 1  # the class, as a bit, of what stands before the first character and behind the last
CHAR, WAYS, AHEAD, BEHIND, END = range(5)  # kinds of nodes
_PARSER: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001


class Question(NamedTuple):
    """What is asked of a line: a pattern, and whether it has to match all, the start, or any part of it."""

    pattern: str
    how: How = "fullmatch"

    def answer(self, line: str) -> bool:
        """Ask `re`."""
        return getattr(_compiled(self.pattern), self.how)(line) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class Automata:
    """Questions, numbered as they are given, with the automata that answer them."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self._lock = Lock()

    def answers(self, points: U32, starts: I64, ends: I64, questions: I32) -> Flags:
        """Say of stretches ``points[starts[k]:ends[k]]`` whether the answer to ``questions[k]`` is yes."""
        if len(questions) > FEW or "machines" in self.__dict__:
            tables = self.machines
            said = walk.sized(len(points))(
                points, starts, ends, questions, tables.kind, tables.classes, tables.first, tables.exact, tables.table
            )
        else:
            said = np.full(len(questions), ASK, np.int8)
        out: Flags = said == YES
        for k in np.flatnonzero(said == ASK).tolist():
            out[k] = self._ask(int(questions[k]), points[starts[k] : ends[k]])
        return out

    def _ask(self, number: int, points: U32) -> bool:
        """Ask `re`, or walk on where the table ends."""
        if "machines" in self.__dict__ and (machine := self.machines.machines[number]):
            with self._lock:
                said = self.machines.learn(number, machine, points)
            if machine.exact or not said:
                return said
        return self.questions[number].answer(text_of(points))

    @cached_property
    def machines(self) -> Machines:
        """The automata; to make them takes as long as some thousand lines."""
        return Machines(self.questions)


@kernel
def walk(points: U32, starts: I64, ends: I64, questions: I32, kind: Any, classes: Any, first: I32, exact: Flags, table: I32) -> Any:
    """Answer questions `YES`, `NO`, or `ASK`."""
    out = np.zeros(len(questions), np.int8)
    for k in range(len(questions)):
        row = questions[k]
        state = first[row]
        at = starts[k]
        while state > SINK and at < ends[k]:
            state = table[state + classes[row, kind[points[at]]]]
            at += 1
        if state > SINK:
            state = table[state]
        out[k] = ASK if state == UNKNOWN or (state == SINK and not exact[row]) else state
    return out


# ---------------------------------------------------------------- from patterns to nodes


class Machine:
    """The nodes of one pattern, and the sets of characters on them."""

    def __init__(self, question: Question) -> None:
        self.nodes: list[tuple[int, Any, Any]] = []  # kind, set, what follows
        self.exact = True
        self.tail = -1  # the node from which everything matches
        final = self._node(END)
        if question.how != "fullmatch":
            self.tail = self._loop(final)
            final = self.nodes[self.tail][2][1]
        tree = _PARSER.parse(question.pattern)
        if tree.state.flags & (re.IGNORECASE | re.MULTILINE):
            raise LookupError("flags")
        self.start = self._sequence(tree, self.tail if self.tail >= 0 else final)
        if question.how == "search":
            self.start = self._loop(self.start)

    def _node(self, kind: int, chars: Any = None, following: Any = None) -> int:
        if len(self.nodes) > LARGEST:
            raise LookupError("too large")
        self.nodes.append((kind, chars, following))
        return len(self.nodes) - 1

    def _loop(self, following: int) -> int:
        """Let any characters stand before what follows."""
        loop = self._node(WAYS)
        self.nodes[loop] = (WAYS, None, (self._node(CHAR, ALL, loop), following))
        return loop

    def _sequence(self, items: Iterable[Any], following: int) -> int:
        for op, arg in reversed(list(items)):
            following = self._item(str(op), arg, following)
        return following

    def _item(self, op: str, arg: Any, following: int) -> int:
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return self._node(CHAR, _chars(op, arg), following)
        if op in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = arg
            return self._repeat(least, most, body, following)
        if op == "BRANCH":
            return self._node(WAYS, None, tuple(self._sequence(branch, following) for branch in arg[1]))
        if op == "SUBPATTERN" and not arg[1] and not arg[2]:
            return self._sequence(arg[3], following)
        if op == "AT" and str(arg) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return self._node(BEHIND, (frozenset(), True), following)
        if op == "AT" and str(arg) in ("AT_END", "AT_END_STRING"):
            return self._node(AHEAD, (frozenset(), True), following)
        if op in ("ASSERT", "ASSERT_NOT"):
            side, body = arg
            if len(body) == 1 and str(body[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
                chars = _chars(str(body[0][0]), body[0][1])
                chars = chars if op == "ASSERT" else _others(chars)
                return self._node(AHEAD if side > 0 else BEHIND, (chars, op == "ASSERT_NOT"), following)
            self.exact = False
            return following
        if op == "AT":
            self.exact = False
            return following
        raise LookupError(op)

    def _repeat(self, least: int, most: Any, body: Any, following: int) -> int:
        if str(most) == "MAXREPEAT":
            loop = self._node(WAYS)
            self.nodes[loop] = (WAYS, None, (self._sequence(body, loop), following))
            at = loop
        else:
            at = following
            for _ in range(int(most) - least):
                at = self._node(WAYS, None, (self._sequence(body, at), following))
        for _ in range(least):
            at = self._sequence(body, at)
        return at

    @property
    def sets(self) -> set[Chars]:
        """The sets of characters on the nodes."""
        return {ALL, *(chars if kind == CHAR else chars[0] for kind, chars, _ in self.nodes if chars is not None)}

    def number(self, masks: dict[Chars, int], everything: int) -> None:
        """Write sets as bits: one for each class of characters, the first for the edge of the line."""

        def bits(kind: int, chars: Any) -> int:
            if kind == CHAR:
                return masks[chars]
            return masks[chars[0]] | (EDGE if chars[1] else 0)

        self.nodes = [(kind, chars if chars is None else bits(kind, chars), following) for kind, chars, following in self.nodes]
        self.everything = everything
        self.looks_back = any(kind == BEHIND for kind, _, _ in self.nodes)
        self._reached: dict[tuple[int, int], dict[int, int]] = {}

    def reached(self, node: int, before: int) -> dict[int, int]:
        """Return the nodes that read or end, reached from one behind a class of characters, and the classes that may follow."""
        key = node, before if self.looks_back else 0
        if key not in self._reached:
            found: dict[int, int] = {}
            stack = [(node, self.everything)]
            seen: dict[int, int] = {}
            while stack:
                at, may = stack.pop()
                if not may & ~seen.get(at, 0):
                    continue
                seen[at] = seen.get(at, 0) | may
                kind, mask, following = self.nodes[at]
                if kind == CHAR:
                    if may & mask:
                        found[at] = found.get(at, 0) | may & mask
                elif kind == END:
                    found[at] = found.get(at, 0) | may
                elif kind == WAYS:
                    stack += [(n, may) for n in following]
                elif kind == AHEAD:
                    stack.append((following, may & mask))
                elif mask & before:
                    stack.append((following, may))
            self._reached[key] = found
        return self._reached[key]


class Machines:
    """The automata of many patterns over one table of states."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.machines = [_machine(question) for question in questions]
        sets = {chars: n for n, chars in enumerate(dict.fromkeys(c for m in self.machines if m for c in m.sets))}
        bounds = np.unique([c for chars in sets for low, high in chars for c in (low, high + 1)] + [0, 0x110000])
        holds = np.zeros((len(sets), len(bounds) - 1), bool)
        for chars, number in sets.items():
            for low, high in np.searchsorted(bounds, np.add(list(chars) or np.empty((0, 2), int), (0, 1))).tolist():
                holds[number, low:high] = True
        self.kind = np.repeat(np.arange(len(bounds) - 1, dtype=np.int16), np.diff(bounds))  # of each code point: no set parts those of one
        self.classes = np.zeros((len(questions), len(bounds) - 1), np.uint8)
        self.width = [0] * len(questions)
        for n, machine in enumerate(self.machines):
            if machine:
                self._number(n, machine, sets, holds)
        self.exact = np.array([m is None or m.exact for m in self.machines], bool)
        self._forget()

    def _number(self, n: int, machine: Machine, sets: dict[Chars, int], holds: Flags) -> None:
        """Give numbers to the classes of characters that a pattern tells apart."""
        own = list(machine.sets)
        held = holds[[sets[chars] for chars in own]]
        packed = np.ascontiguousarray(np.packbits(held, axis=0).T)
        _, first, inverse = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True, return_inverse=True)
        if len(first) > 254:
            self.machines[n] = None
            return
        self.classes[n] = inverse + 1
        self.width[n] = len(first) + 1
        members = held[:, first]
        masks = {chars: sum(2 << int(c) for c in np.flatnonzero(row)) for chars, row in zip(own, members, strict=True)}
        machine.number(masks, (2 << len(first)) - 1)

    def _forget(self) -> None:
        """Begin a new table."""
        self.table: I32 = np.zeros(1 << 14, np.int32)
        self.table[SINK] = YES
        self._size = 2
        self._states: dict[tuple[int, frozenset[tuple[int, int]]], int] = {}
        self._items: dict[int, list[tuple[int, int]]] = {}
        self.first = np.full(len(self.machines), UNKNOWN, np.int32)

    def learn(self, number: int, machine: Machine, points: U32) -> bool:
        """Walk along a line, making the states that it leads to; say whether it matches."""
        if self._size > ROOM:
            self._forget()
        if self.first[number] == UNKNOWN:
            self.first[number] = self._state(number, machine, machine.reached(machine.start, EDGE))
        state = int(self.first[number])
        for c in self.classes[number, self.kind[points]].tolist():
            if state <= SINK:
                return state == SINK
            to = int(self.table[state + c])
            if to == UNKNOWN:
                found: dict[int, int] = {}
                for node, may in self._items[state]:
                    if may >> c & 1:
                        for at, classes in machine.reached(machine.nodes[node][2], 1 << c).items():
                            found[at] = found.get(at, 0) | classes
                to = self._state(number, machine, found)
                self.table[state + c] = to
            state = to
        return bool(self.table[state] == YES)

    def _state(self, number: int, machine: Machine, found: dict[int, int]) -> int:
        """Return the state of being at some nodes."""
        if machine.tail >= 0 and self._is_sink(machine, found):
            return SINK
        ends = sum(classes & EDGE for node, classes in found.items() if machine.nodes[node][0] == END)
        items = [(node, classes) for node, classes in found.items() if machine.nodes[node][0] == CHAR]
        if not items and not ends:
            return DEAD
        key = number, frozenset(found.items())
        if key not in self._states:
            width, at = self.width[number], self._size
            if at + width > len(self.table):
                self.table = np.concatenate((self.table, np.zeros(max(width, len(self.table)), np.int32)))
            leads = 0
            for _, classes in items:
                leads |= classes
            self.table[at : at + width] = [YES if ends else NO, *(UNKNOWN if leads >> c & 1 else DEAD for c in range(1, width))]
            self._size += width
            self._states[key] = at
            self._items[at] = items
        return self._states[key]

    @staticmethod
    def _is_sink(machine: Machine, found: dict[int, int]) -> bool:
        """Say whether everything that follows matches."""
        reads = machine.nodes[machine.tail][2][0]
        return found.get(reads, 0) | EDGE == machine.everything and any(
            classes & EDGE for node, classes in found.items() if machine.nodes[node][0] == END
        )


def opening(question: Question) -> Chars:
    """Return the characters that the pattern can start with."""
    machine = Machine(question)
    found: Chars = frozenset()
    stack, seen = [machine.start], set()
    while stack:
        if (at := stack.pop()) not in seen:
            seen.add(at)
            kind, chars, following = machine.nodes[at]
            if kind == CHAR:
                found |= chars
            else:
                stack += following if kind == WAYS else [following]
    return found


def _machine(question: Question) -> Machine | None:
    """Return the automaton of a pattern, None for one that is none."""
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
    return _others(found) if str(members[0][0]) == "NEGATE" else found


def _chars(op: str, arg: Any) -> Chars:
    """Return the characters of a literal or a class."""
    if op == "ANY":
        return _others(frozenset([(10, 10)]))
    if op == "IN":
        return _in(tuple(arg))
    return frozenset([(arg, arg)]) if op == "LITERAL" else _others(frozenset([(arg, arg)]))


@lru_cache(maxsize=4096)
def _others(chars: Chars) -> Chars:
    """Return all other characters."""
    found, at = [], 0
    for low, high in sorted(chars):
        found.append((at, low - 1))
        at = max(at, high + 1)
    return frozenset((low, high) for low, high in [*found, (at, 0x10FFFF)] if low <= high)


@lru_cache(maxsize=8)
def _category(name: str) -> Chars:
    """Return the characters of the classes for digits, blanks and word characters, and of their opposites."""
    if "_NOT_" in name:
        return _others(_category(name.replace("_NOT_", "_")))
    has = characters() & {"CATEGORY_DIGIT": DECIMAL, "CATEGORY_SPACE": SPACE, "CATEGORY_WORD": WORD}[name] > 0
    has[ord("+")] = False  # a letter to our words, none to `re`
    chars = np.flatnonzero(has)
    runs = np.split(chars, np.flatnonzero(np.diff(chars) > 1) + 1)
    return frozenset((int(run[0]), int(run[-1])) for run in runs)
