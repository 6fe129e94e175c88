"""Automata: patterns as tables, so that a kernel asks a hundred lines in the time in which `re` asks one.

A pattern becomes the states of an automaton that reads a character at a time, over classes of characters that it does not tell apart.
States are made when a line first leads to them, for most of those that a pattern could have are never met: one kernel walks as far as
the table goes, another writes it on where it ends. What an automaton cannot say (a word's edge, a look ahead at more than one character
from the midst of a line) it takes as said, and `re` is asked again where that makes a line match.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32, text_of
from cleantext.chrome.matching import pattern_nodes
from cleantext.chrome.matching.character_bits import characters
from cleantext.chrome.matching.pattern_nodes import ALL, CHAR, END, LAST, LOOKED, WAYS, Chars, Question, machine
from cleantext.data import cached
from cleantext.jit import kernel

__all__ = ["Automata"]

Flags = npt.NDArray[np.bool_]

KEPT = 100  # patterns from which it pays to keep the arrays of their automata on the disk
FEW = 1_000  # questions from which it pays to make automata of the patterns
ROOM = 1 << 21  # entries of the table: when it is full, all states are forgotten
MOST = 256  # entries of the row of a state
DEAD, SINK, UNKNOWN = 0, 1, -1  # states: nothing matches any more, everything does, not made yet
FIRST = 2  # where the table has the first state of each automaton
NODES = 1  # where the row of a state says which nodes it is made of; before that, whether a line may end there
NO, YES, ASK, LEARN = range(4)
KIND, VALUE, THEN, OTHER = range(4)  # columns of nodes; see `Machines`
START, SURE, WIDTH = range(3)  # and of automata


class Automata:
    """Questions, numbered as they are given, with the automata that answer them."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self._lock = Lock()

    def answers(self, points: U32, starts: I64, ends: I64, questions: I32) -> Flags:
        """Say of stretches ``points[starts[k]:ends[k]]`` whether the answer to ``questions[k]`` is yes."""
        if len(questions) > FEW or "machines" in self.__dict__:
            said = self._walk(points, starts, ends, questions)
        else:
            said = np.full(len(questions), ASK, np.int8)
        out: Flags = said == YES
        for k in np.flatnonzero(said == ASK).tolist():
            out[k] = self.questions[questions[k]].answer(text_of(points[starts[k] : ends[k]]))
        return out

    def _walk(self, points: U32, starts: I64, ends: I64, questions: I32) -> npt.NDArray[np.int8]:
        tables, column = self.machines, (points, starts, ends, questions)
        said: npt.NDArray[np.int8] = walk.sized(len(points))(*column, tables.kind, tables.classes, tables.exact, tables.states.table)
        further = np.flatnonzero(said == LEARN)
        if len(further):
            with self._lock:  # others may walk meanwhile: what is not written yet is unknown to them
                tables.prepare(questions[further])
                while len(further):
                    states = tables.states
                    done = learn.sized(len(points))(
                        *column,
                        further,
                        said,
                        tables.kind,
                        tables.classes,
                        tables.exact,
                        tables.automata,
                        tables.nodes,
                        tables.holds,
                        states,
                    )
                    further = further[done:]
                    if len(further):
                        tables.forget()
        return said

    @cached_property
    def machines(self) -> Machines:
        """The automata; to make them takes as long as some thousand lines."""
        return Machines(self.questions)


# ---------------------------------------------------------------- walking


class States(NamedTuple):
    """The states that were made so far."""

    table: I32  # a row for each state, `UNKNOWN` where nothing was written yet
    lists: I32  # how many nodes a state has, and these
    slots: I32  # hash table of states
    used: I64  # entries of `table` and `lists`, and states
    seen: I32  # of nodes: the step in which they were met last
    stack: I32


@kernel
def walk(points: U32, starts: I64, ends: I64, questions: I32, kind: Any, classes: Any, exact: Flags, table: I32) -> Any:
    """Answer questions `YES` or `NO`; `ASK` where `re` has to say more, `LEARN` where the table ends."""
    out = np.zeros(len(questions), np.int8)
    for k in range(len(questions)):
        row = questions[k]
        state = table[FIRST + row]
        at = starts[k]
        while state > SINK and at < ends[k]:
            state = table[state + int(classes[row, kind[points[at]]])]
            at += 1
        if state > SINK:
            state = table[state]
        out[k] = LEARN if state == UNKNOWN else ASK if state == YES and not exact[row] else state
    return out


@kernel
def learn(
    points: U32,
    starts: I64,
    ends: I64,
    questions: I32,
    which: I64,
    out: Any,
    kind: Any,
    classes: Any,
    exact: Flags,
    automata: I32,
    nodes: I32,
    holds: Flags,
    states: States,
) -> int:
    """Answer the questions ``which``, and make the states on the way. Return how many were answered when the room for them ended."""
    table, lists, slots, used, seen, stack = states
    for done in range(len(which)):
        k = which[done]
        row = questions[k]
        out[k] = ASK
        if automata[row, START] < 0:
            continue
        state = table[FIRST + row]
        for at in range(starts[k] - 1, ends[k]):  # before the first character as well
            following = state
            if at >= starts[k]:
                if state <= SINK:
                    break
                place = state + int(classes[row, kind[points[at]]])
                following = table[place]
            else:
                place = FIRST + row
            if following == UNKNOWN:
                if used[0] + MOST > len(table) or used[1] + len(nodes) + 1 > len(lists) or 2 * used[2] > len(slots):
                    return done + 1
                used[3] += 1
                found = 0
                if at < starts[k]:
                    found = _reach(automata[row, START], -1, 0, nodes, holds, seen, stack, used[3])
                else:
                    first = table[state + NODES]
                    for n in lists[first + 1 : first + 1 + lists[first]]:
                        if nodes[n, KIND] == CHAR and holds[nodes[n, VALUE], kind[points[at]]]:
                            found = _reach(nodes[n, THEN], kind[points[at]], found, nodes, holds, seen, stack, used[3])
                following = _state(row, found, automata, nodes, table, lists, slots, used, stack)
                table[place] = following
            state = following
        if state > SINK:
            state = table[state]
        out[k] = ASK if state == YES and not exact[row] else state
    return len(which)


@kernel
def _reach(node: int, before: int, found: int, nodes: I32, holds: Flags, seen: I32, stack: I32, step: int) -> int:
    """Add to the front of the stack the nodes that read or end, reached from one behind a character; return how many there are now."""
    top = len(stack) - 1
    stack[top] = node
    while top < len(stack):
        at = stack[top]
        top += 1
        if seen[at] == step:
            continue
        seen[at] = step
        if nodes[at, KIND] == WAYS:
            stack[top - 1], stack[top - 2] = nodes[at, OTHER], nodes[at, THEN]
            top -= 2
        elif nodes[at, KIND] == LAST:
            if (before < 0 and nodes[at, OTHER]) or (before >= 0 and holds[nodes[at, VALUE], before]):
                top -= 1
                stack[top] = nodes[at, THEN]
        else:
            stack[found] = at
            found += 1
    return found


@kernel
def _state(row: int, found: int, automata: I32, nodes: I32, table: I32, lists: I32, slots: I32, used: I64, stack: I32) -> int:
    """Return the state of being at the nodes on the stack."""
    if not found:
        return DEAD
    looked = 0
    for k in range(found):
        n = stack[k]
        if n == automata[row, SURE]:
            return SINK
        if nodes[n, KIND] == LOOKED:
            looked |= nodes[n, VALUE]
        at = k  # in order: the same nodes are the same state
        while at and stack[at - 1] > n:
            stack[at] = stack[at - 1]
            at -= 1
        stack[at] = n
    key = np.int64(row)
    for k in range(found):
        key = ((key ^ (key >> 15) ^ np.int64(stack[k])) * np.int64(0x9E3779B1)) & 0x7FFFFFFF
    slot = (key ^ (key >> 15)) & (len(slots) - 1)
    while slots[slot]:
        first = table[slots[slot] + NODES]
        k = 0
        if lists[first] == found:
            while k < found and lists[first + 1 + k] == stack[k]:
                k += 1
        if k == found:
            return int(slots[slot])
        slot = (slot + 1) & (len(slots) - 1)
    state, first = used[0], used[1]
    slots[slot] = state
    lists[first] = found
    ends = NO
    for k in range(found):
        n = stack[k]
        lists[first + 1 + k] = n
        if nodes[n, KIND] == END and nodes[n, VALUE] & ~looked == 0 and nodes[n, OTHER] & looked == 0:
            ends = YES
    table[state + NODES] = first
    table[state] = ends
    used[0] += automata[row, WIDTH]
    used[1] += found + 1
    used[2] += 1
    return int(state)


ARRAYS = ("automata", "holds", "kind", "exact", "nodes", "bounds")


def _built(questions: Sequence[Question]) -> dict[str, Any]:
    """Return the arrays of `Machines`, which are kept on the disk: to make them takes a third of a second."""
    machines = [machine(question) for question in questions]
    sets: dict[Chars, int] = {ALL: 0}
    parts: list[I32] = [np.zeros((4, 0), np.int32)]
    automata = np.full((len(questions), 3), -1, np.int32)
    automata[:, WIDTH] = 0
    base = 0
    for n, made in enumerate(machines):
        if made:
            columns = list(zip(*made.nodes, strict=True))
            columns[1] = tuple(sets.setdefault(v, len(sets)) if type(v) is frozenset else v for v in columns[1])
            parts.append(np.array(columns, np.int32))
            parts[-1][2] += base
            parts[-1][3, parts[-1][0] == WAYS] += base
            automata[n, :WIDTH] = base + made.start, base + made.sure if made.sure >= 0 else -1
            base += len(made.nodes)
    bounds = np.unique([c for chars in sets for low, high in chars for c in (low, high + 1)] + [0, 0x110000])
    holds = np.zeros((len(sets), len(bounds) - 1), bool)
    for number, chars in enumerate(sets):
        for low, high in np.searchsorted(bounds, np.add(list(chars) or np.empty((0, 2), int), (0, 1))).tolist():
            holds[number, low:high] = True
    return {
        "automata": automata,
        "holds": holds,
        "kind": np.repeat(np.arange(len(bounds) - 1, dtype=np.int16), np.diff(bounds)),
        "exact": np.array([m is None or m.exact for m in machines], bool),
        "nodes": np.concatenate(parts, axis=1).T.copy(),
        "bounds": np.append(0, np.cumsum([len(m.nodes) if m else 0 for m in machines])),
    }


def _digest(questions: Sequence[Question]) -> str:
    """Return what stands for the questions, and for all that says what becomes of them."""
    said = hashlib.sha256(repr((list(questions), sys.version_info[:2])).encode())
    said.update(characters().tobytes())
    for source in (__file__, pattern_nodes.__file__):
        said.update(Path(source).read_bytes())
    return said.hexdigest()[:32]


class Machines:
    """The automata of many patterns over one table of states.

    ``automata`` has a row for each pattern: its first node, the node that makes it sure, the width of the rows of its states. ``kind`` says of each
    code point of which kind it is: no set of characters parts those of one; ``holds[s, k]``, whether set ``s`` has kind ``k``. A row of ``nodes`` is
    the kind of the node; its set of characters, for `LOOKED` its bit, for `END` the bits that are needed; what follows; for `WAYS` the second way,
    for `LAST` 1 if it may be the edge of the line, for `END` the bits that are forbidden. Those of pattern ``p`` are ``bounds[p]`` to ``bounds[p + 1]``.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        arrays = cached(f"automata-{_digest(questions)}", lambda: _built(questions)) if len(questions) > KEPT else _built(questions)
        self.automata, self.holds, self.kind, self.exact, self.nodes, self.bounds = (arrays[name] for name in ARRAYS)
        # Where a kind of characters stands in the rows of a state.
        self.classes = np.zeros((len(self.exact), self.holds.shape[1]), np.uint8)
        self.forget()

    def prepare(self, questions: I32) -> None:
        """Put the kinds of characters into classes that the automata of questions do not tell apart, where that was not done yet."""
        start, _, done = self.automata[questions].T
        for n in np.unique(questions[(done == 0) & (start >= 0)]).tolist():
            own = self.nodes[self.bounds[n] : self.bounds[n + 1]]
            read = own[(own[:, KIND] == CHAR) | (own[:, KIND] == LAST), VALUE]
            packed = np.packbits(self.holds[np.append(0, np.unique(read))], axis=0).T.copy()
            classes, inverse = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_inverse=True)
            if (width := NODES + 1 + len(classes)) > MOST:
                self.automata[n, START] = -1
            else:
                self.classes[n], self.automata[n, WIDTH] = inverse + NODES + 1, width

    def forget(self) -> None:
        """Begin a new table of states."""
        first, nodes = FIRST + len(self.exact), len(self.nodes)
        table = np.full(ROOM + first, UNKNOWN, np.int32)
        table[DEAD], table[SINK] = NO, YES
        lists, slots = np.zeros(ROOM + nodes, np.int32), np.zeros(1 << 17, np.int32)
        self.states = States(table, lists, slots, np.array([first, 0, 0, 0]), np.zeros(nodes, np.int32), np.zeros(2 * nodes + 2, np.int32))
