"""Automata: patterns as tables, so that a kernel tests a hundred lines in the time in which `re` tests one.

A pattern becomes the states of an automaton that reads one character at a time, over classes of characters that it does not distinguish.
States are created when a line first reaches them, since most of the possible states of a pattern never occur: one kernel walks as far as
the table goes, another extends it. Conditions that an automaton cannot check (a word boundary, a lookahead at more than one character
inside a line) are assumed to hold, and `re` checks the line again if it matches because of that.
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

KEPT = 100  # patterns from which it pays to save the arrays of their automata on the disk
FEW = 1_000  # questions from which it pays to make automata of the patterns
ROOM = 1 << 21  # entries of the table: when it is full, all states are deleted
MOST = 256  # maximum entries of the row of a state
DEAD, SINK, UNKNOWN = 0, 1, -1  # states: nothing can match any more, everything matches, not created yet
FIRST = 2  # offset of the first states of the automata in the table
NODES = 1  # entry of a state's row with its list of nodes; the entry before tells whether a line may end there
NO, YES, ASK, LEARN = range(4)
KIND, VALUE, THEN, OTHER = range(4)  # columns of nodes; see `Machines`
START, SURE, WIDTH = range(3)  # and of automata


class Automata:
    """Questions, numbered in the given order, with the automata that answer them."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self._lock = Lock()

    def answers(self, points: U32, starts: I64, ends: I64, questions: I32) -> Flags:
        """Return for each stretch ``points[starts[k]:ends[k]]`` whether the answer to ``questions[k]`` is yes."""
        if not len(questions):
            return np.zeros(0, bool)
        if len(questions) > FEW or "machines" in self.__dict__:
            said = self._walk(points, starts, ends, questions)
        else:
            said = np.full(len(questions), ASK, np.int8)
        out: Flags = said == YES
        for k in (said == ASK).nonzero()[0].tolist():
            out[k] = self.questions[questions[k]].answer(text_of(points[starts[k] : ends[k]]))
        return out

    def _walk(self, points: U32, starts: I64, ends: I64, questions: I32) -> npt.NDArray[np.int8]:
        tables, column = self.machines, (points, starts, ends, questions)
        said: npt.NDArray[np.int8] = walk.sized(len(points))(*column, tables.kind, tables.classes, tables.exact, tables.states.table)
        further = (said == LEARN).nonzero()[0]
        if len(further):
            with self._lock:  # other threads may walk meanwhile: entries not written yet are unknown to them
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
        """The automata; making them takes as long as some thousand lines."""
        return Machines(self.questions)


# ---------------------------------------------------------------- walking


class States(NamedTuple):
    """The states created so far."""

    table: I32  # a row for each state, `UNKNOWN` for missing entries
    lists: I32  # for each state the number of its nodes, and these
    slots: I32  # hash table of states
    used: I64  # entries of `table` and `lists`, and states
    seen: I32  # for each node the last step in which it was reached
    stack: I32


@kernel
def walk(points: U32, starts: I64, ends: I64, questions: I32, kind: Any, classes: Any, exact: Flags, table: I32) -> Any:
    """Answer questions with `YES` or `NO`; `ASK` if `re` has to decide, `LEARN` if the table has no entry yet."""
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
    """Answer the questions ``which``, and create the states on the way. Return how many were answered before the space for states was full."""
    table, lists, slots, used, seen, stack = states
    for done in range(len(which)):
        k = which[done]
        row = questions[k]
        out[k] = ASK
        if automata[row, START] < 0:
            continue
        state = table[FIRST + row]
        for at in range(starts[k] - 1, ends[k]):  # one step before the first character as well
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
    """Push the nodes that read or end, reached from one after a character, onto the stack; return its new size."""
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
    """Return the state for the nodes on the stack."""
    if not found:
        return DEAD
    looked = 0
    for k in range(found):
        n = stack[k]
        if n == automata[row, SURE]:
            return SINK
        if nodes[n, KIND] == LOOKED:
            looked |= nodes[n, VALUE]
        at = k  # sorted: the same nodes are the same state
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
    """Return the arrays of `Machines`, which are saved on the disk, since making them takes a third of a second."""
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
    """Return a digest of the questions, and of everything that decides their automata."""
    said = hashlib.sha256(repr((list(questions), sys.version_info[:2])).encode())
    said.update(characters().tobytes())
    for source in (__file__, pattern_nodes.__file__):
        said.update(Path(source).read_bytes())
    return said.hexdigest()[:32]


class Machines:
    """The automata of many patterns over one table of states.

    ``automata`` has a row for each pattern: its first node, the node that makes it sure, the width of the rows of its states. ``kind`` maps each
    code point to its kind: no set of characters distinguishes those of one kind; ``holds[s, k]`` tells whether set ``s`` has kind ``k``. A row of ``nodes``
    is the kind of the node; its set of characters, for `LOOKED` its bit, for `END` the required bits; the successor; for `WAYS` the second successor,
    for `LAST` 1 if it may be the edge of the line, for `END` the forbidden bits. Those of pattern ``p`` are ``bounds[p]`` to ``bounds[p + 1]``.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        arrays = cached(f"automata-{_digest(questions)}", lambda: _built(questions)) if len(questions) > KEPT else _built(questions)
        self.automata, self.holds, self.kind, self.exact, self.nodes, self.bounds = (arrays[name] for name in ARRAYS)
        # The column of each kind of characters in the rows of a state.
        self.classes = np.zeros((len(self.exact), self.holds.shape[1]), np.uint8)
        self.forget()

    def prepare(self, questions: I32) -> None:
        """Group the kinds of characters into classes that the automata of questions do not distinguish, if not done yet."""
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
        """Start a new table of states."""
        first, nodes = FIRST + len(self.exact), len(self.nodes)
        table = np.full(ROOM + first, UNKNOWN, np.int32)
        table[DEAD], table[SINK] = NO, YES
        lists, slots = np.zeros(ROOM + nodes, np.int32), np.zeros(1 << 17, np.int32)
        self.states = States(table, lists, slots, np.array([first, 0, 0, 0]), np.zeros(nodes, np.int32), np.zeros(2 * nodes + 2, np.int32))
