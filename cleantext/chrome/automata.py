"""Automata: patterns as tables, so that a kernel asks a thousand lines in the time in which `re` asks one.

A pattern becomes the states of an automaton that reads a character at a time, over classes of characters that it does not tell apart.
States are made when a line first leads to them, for most of those that a pattern could have are never met: the kernel walks as far
as the table goes, and a line that leads beyond it is walked in Python, which writes the table on. What an automaton cannot say (a word's
edge, a look back at more than one character) it takes as said, and `re` is asked again where that makes a line match.
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
FIRST = 2  # where the table has the first state of each automaton
NO, YES, ASK, LEARN = range(4)
EDGE = 1  # the class, as a bit, of what stands before the first character and behind the last
CHAR, WAYS, NEXT, LAST, LOOK, END = range(6)  # kinds of nodes: NEXT and LAST ask what stands before and behind
# What a line has to be from here on, or must not be: nodes of a look ahead and the classes that may follow.
Duty = tuple[bool, frozenset[tuple[int, int]]]
Items = dict[tuple[int, frozenset[Duty]], int]  # nodes, each under its duties, and the classes that may follow
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
            # One table, and not two: another thread may be writing it on, in a longer one.
            said = walk.sized(len(points))(points, starts, ends, questions, tables.kind, tables.classes, tables.exact, tables.table)
        else:
            said = np.full(len(questions), ASK, np.int8)
        out: Flags = said == YES
        for k in np.flatnonzero(said >= ASK).tolist():
            line = points[starts[k] : ends[k]]
            out[k] = self._learn(int(questions[k]), line) if said[k] == LEARN else self.questions[questions[k]].answer(text_of(line))
        return out

    def _learn(self, number: int, line: U32) -> bool:
        """Walk on where the table ends."""
        machine = self.machines.machines[number]
        if machine:
            with self._lock:
                said = self.machines.learn(number, machine, line)
            if machine.exact or not said:
                return said
        return self.questions[number].answer(text_of(line))

    @cached_property
    def machines(self) -> Machines:
        """The automata; to make them takes as long as some thousand lines."""
        return Machines(self.questions)


@kernel
def walk(points: U32, starts: I64, ends: I64, questions: I32, kind: Any, classes: Any, exact: Flags, table: I32) -> Any:
    """Answer questions `YES` or `NO`; `ASK` where `re` has to say more, `LEARN` where the table ends."""
    out = np.zeros(len(questions), np.int8)
    for k in range(len(questions)):
        row = questions[k]
        state = table[FIRST + row]
        at = starts[k]
        while state > SINK and at < ends[k]:
            state = table[state + classes[row, kind[points[at]]]]
            at += 1
        if state > SINK:
            state = table[state]
        out[k] = LEARN if state == UNKNOWN else ASK if state == YES and not exact[row] else state
    return out


# ---------------------------------------------------------------- from patterns to nodes


class Machine:
    """The nodes of one pattern, and the sets of characters on them."""

    def __init__(self, question: Question) -> None:
        self.nodes: list[tuple[int, Any, Any]] = []  # kind, set of characters, what follows
        self.exact = True
        self.looks = 0  # how deep inside looks ahead
        self.tail = self._loop(self._node(END))  # from here on everything matches
        tree = _PARSER.parse(question.pattern)
        if tree.state.flags & (re.IGNORECASE | re.MULTILINE):
            raise LookupError("flags")
        self.start = self._sequence(tree, self._node(END) if question.how == "fullmatch" else self.tail)
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
            return self._node(LAST, (frozenset(), True), following)
        if op == "AT" and str(arg) in ("AT_END", "AT_END_STRING"):
            return self._node(NEXT, (frozenset(), True), following)
        if op in ("ASSERT", "ASSERT_NOT"):
            return self._look(arg[0], arg[1], following, forbids=op == "ASSERT_NOT")
        if op == "AT":
            return self._pass_over(following)
        raise LookupError(op)

    def _look(self, side: int, body: Any, following: int, *, forbids: bool) -> int:
        """Ask for what stands ahead or behind."""
        if len(body) == 1 and str(body[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            chars = _chars(str(body[0][0]), body[0][1])
            return self._node(NEXT if side > 0 else LAST, (_others(chars) if forbids else chars, forbids), following)
        if side > 0 and not self.looks:
            self.looks += 1
            start = self._sequence(body, self.tail)
            self.looks -= 1
            return self._node(LOOK, None, (forbids, start, following))
        return self._pass_over(following)

    def _pass_over(self, following: int) -> int:
        """Take as said what cannot be: `re` is asked again."""
        if self.looks:
            raise LookupError("inside a look ahead, which may forbid it")
        self.exact = False
        return following

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
        self.looks_back = any(kind == LAST for kind, _, _ in self.nodes)
        self._reached: dict[tuple[int, int], Items] = {}

    def reached(self, node: int, before: int) -> Items:
        """Return the nodes that read or end, reached from one behind a class of characters, and the classes that may follow."""
        key = node, before if self.looks_back else 0
        if key not in self._reached:
            found: Items = {}
            free: frozenset[Duty] = frozenset()
            stack = [(node, free, self.everything)]
            seen: Items = {}
            while stack:
                at, duties, may = stack.pop()
                if not may & ~seen.get((at, duties), 0):
                    continue
                seen[at, duties] = seen.get((at, duties), 0) | may
                kind, mask, following = self.nodes[at]
                if kind in (CHAR, END):
                    if may := may & mask if kind == CHAR else may:
                        found[at, duties] = found.get((at, duties), 0) | may
                elif kind == WAYS:
                    stack += [(n, duties, may) for n in following]
                elif kind == NEXT:
                    stack.append((following, duties, may & mask))
                elif kind == LOOK:
                    forbids, start, following = following
                    duty = forbids, frozenset((n, classes) for (n, _), classes in self.reached(start, before).items())
                    stack.append((following, duties | {duty}, may))
                elif mask & before:
                    stack.append((following, duties, may))
            self._reached[key] = found
        return self._reached[key]

    def step(self, items: Items, c: int) -> Items:
        """Return where a character of a class leads."""
        out: Items = {}
        for (node, duties), may in items.items():
            if may >> c & 1 and self.nodes[node][0] == CHAR and (left := self._go_on(duties, c)) is not None:
                for (at, further), classes in self.reached(self.nodes[node][2], 1 << c).items():
                    key = at, left | further
                    out[key] = out.get(key, 0) | classes
        return out

    def _go_on(self, duties: frozenset[Duty], c: int) -> frozenset[Duty] | None:
        """Return what is left of duties behind a character of a class, None where one is broken."""
        left = set()
        for forbids, nodes in duties:
            found: dict[int, int] = {}
            for node, may in nodes:
                if may >> c & 1 and self.nodes[node][0] == CHAR:
                    for (at, _), classes in self.reached(self.nodes[node][2], 1 << c).items():
                        found[at] = found.get(at, 0) | classes
            kept = self._is_all(found)
            if kept or not found:
                if kept == forbids:
                    return None
            else:
                left.add((forbids, frozenset(found.items())))
        return frozenset(left)

    def ends(self, items: Items) -> bool:
        """Say whether a line that ends here matches."""

        def ended(nodes: Iterable[tuple[int, int]]) -> bool:
            return any(may & EDGE and self.nodes[node][0] == END for node, may in nodes)

        return any(
            ended([(node, may)]) and all(ended(nodes) != forbids for forbids, nodes in duties) for (node, duties), may in items.items()
        )

    def is_sure(self, items: Items) -> bool:
        """Say whether everything that follows matches."""
        return self._is_all({node: may for (node, duties), may in items.items() if not duties})

    def _is_all(self, found: dict[int, int]) -> bool:
        reads, end = self.nodes[self.tail][2]
        return found.get(reads, 0) | EDGE == self.everything and bool(found.get(end, 0) & EDGE)


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
        self.table: I32 = np.zeros((1 << 14) + len(self.machines), np.int32)
        self.table[SINK] = YES
        self._size = FIRST + len(self.machines)
        self.table[FIRST : self._size] = UNKNOWN
        self._states: dict[tuple[int, frozenset[Any]], int] = {}
        self._items: dict[int, Items] = {}

    def learn(self, number: int, machine: Machine, points: U32) -> bool:
        """Walk along a line, making the states that it leads to; say whether it matches."""
        if self._size > ROOM:
            self._forget()
        state = int(self.table[FIRST + number])
        if state == UNKNOWN:
            state = self._state(number, machine, machine.reached(machine.start, EDGE))
            self.table[FIRST + number] = state
        for c in self.classes[number, self.kind[points]].tolist():
            if state <= SINK:
                return state == SINK
            to = int(self.table[state + c])
            if to == UNKNOWN:
                to = self._state(number, machine, machine.step(self._items[state], c))
                self.table[state + c] = to
            state = to
        return bool(self.table[state] == YES)

    def _state(self, number: int, machine: Machine, items: Items) -> int:
        """Return the state of being at some nodes."""
        if machine.is_sure(items):
            return SINK
        if not items:
            return DEAD
        key = number, frozenset(items.items())
        if key not in self._states:
            width, at = self.width[number], self._size
            if at + width > len(self.table):
                self.table = np.concatenate((self.table, np.zeros(max(width, len(self.table)), np.int32)))
            leads = 0
            for (node, _), classes in items.items():
                leads |= classes if machine.nodes[node][0] == CHAR else 0
            ends = YES if machine.ends(items) else NO
            self.table[at : at + width] = [ends, *(UNKNOWN if leads >> c & 1 else DEAD for c in range(1, width))]
            self._size += width
            self._states[key] = at
            self._items[at] = items
        return self._states[key]


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
                stack += following if kind == WAYS else [following[2]] if kind == LOOK else [following] if kind != END else []
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
