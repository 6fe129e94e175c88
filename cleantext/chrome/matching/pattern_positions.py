"""The positions of a pattern where a character is read, and their successors: the automaton that `cleantext.chrome.matching.linear_time` analyses.

It accepts more than the pattern, never less: lookaheads at more than one character are separate branches without continuation,
lookbehinds and word boundaries always hold, a counted repetition above a size is a loop.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import inf
from typing import Any

from cleantext.chrome.matching.pattern_nodes import ALL, ONE, PARSER, Chars, How, both, chars_of, others

__all__ = ["LARGE", "Places", "Unproven", "written"]

REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
LARGEST = 20_000  # maximum nodes and positions of a pattern
NODE, ONLY, FIRST, ENTER, LEAVE, IF = range(6)  # kinds of automaton nodes that consume no character

Loop = tuple[Any, float]  # the outermost repetition around a position that counts as a loop, and the most characters it reads
State = tuple[int, Chars]  # a position, and the part of its set that a lookahead at one character leaves
SOME: Chars = frozenset()  # the set of the end of the pattern, if a condition precedes it


LARGE = "is too large to be proven: split it into several rows"


class Unproven(Exception):
    """The part of a pattern that cannot be bounded, and why."""


class Places:
    """The numbered positions of a pattern, and in how many ways each can follow another without reading a character between them.

    The first one is the start of the line. The end of the pattern and of each lookahead are positions, too, since paths that lead there
    count as well. Only the first path through an atomic group continues, so no more paths leave it than entered it.
    """

    def __init__(self, pattern: str | bytes, how: How, count: int, flags: int) -> None:
        self._count = count
        self._nodes: list[tuple[int, Any, tuple[int, ...]]] = []  # kind, value and targets; for a position, its successors
        self._sets: dict[int, Chars] = {}  # of the nodes that are positions
        self._loops: dict[int, Loop | None] = {}
        self._known: dict[tuple[int, bool, bool], Counter[State]] = {}
        self._groups: list[int] = []  # where atomic groups end
        tree = PARSER.parse(pattern, flags)
        self._flags = tree.state.flags | (re.ASCII if isinstance(pattern, bytes) else 0)
        end = self._place(ALL, (), None)
        first = self._sequence(tree, end, None)
        ahead = -1
        if how == "search":
            ahead = self._place(ALL, (), (None, inf))
            first = self._node(ahead, first)
            self._nodes[ahead] = (NODE, None, (first,))
        numbers: dict[State, int] = {}

        def numbered(found: Counter[State]) -> dict[int, int]:
            return {numbers.setdefault(state, len(numbers)): ways for state, ways in found.items() if state[0] >= 0}

        def groups(found: Counter[State]) -> dict[int, int]:
            return {~node: ways for (node, _), ways in found.items() if node < 0}

        numbers[self._node(first), ALL] = 0
        self.follow: list[dict[int, int]] = []
        self.within: list[dict[int, int]] = []  # without those after the end of an atomic group
        self.enters: list[dict[int, int]] = []  # atomic groups that are entered
        self.loops: list[Loop | None] = []
        self.ends: set[int] = set()  # positions that read nothing
        sets: list[Chars] = []
        for node, chars in _growing(numbers):
            ways = self._nodes[node][2]
            self.ends |= set() if ways else {len(sets)}
            follow, within = (self._together(ways, begins=not sets, leaves=leaves) for leaves in (True, False))
            self.follow.append(numbered(follow))
            self.within.append(numbered(within))
            self.enters.append(groups(within))
            self.loops.append(self._loops.get(node))
            sets.append(both(self._sets.get(node, ALL), chars) if ways else ALL)
        left = [self._together(self._nodes[node][2], begins=False, leaves=False) for node in self._groups]
        # After an atomic group: nodes, since a lookahead at its end may restrict what follows, and groups that are entered.
        self.behind = [(Counter({node: ways for (node, _), ways in found.items() if node >= 0}), groups(found)) for found in left]
        self.nodes = [node for node, _ in numbers]
        self.ahead = numbers.get((ahead, ALL), -1)
        self.done = self._done(numbers.get((end, ALL), -1))
        bounds = sorted({c for chars in sets for low, high in chars for c in (low, high + 1)})
        bit = {c: 1 << k for k, c in enumerate(bounds)}  # one bit for all characters that no set distinguishes
        self.chars = [0] * len(sets)
        for k, chars in enumerate(sets):
            for low, high in chars:
                self.chars[k] |= bit[high + 1] - bit[low]

    def _done(self, end: int) -> set[int]:
        """Return the positions after which the pattern can end, whatever is read next: no search starts later in that case."""
        done = {p for p, follow in enumerate(self.follow) if end in follow}
        while left := {p for p in done if not done.issuperset(self.follow[p].keys() - self.ends)}:
            done -= left
        return done

    def _node(self, *ways: int, kind: int = NODE, value: Any = None) -> int:
        if len(self._nodes) > LARGEST:
            raise Unproven("", LARGE)
        self._nodes.append((kind, value, ways))
        return len(self._nodes) - 1

    def _place(self, chars: Chars, ways: tuple[int, ...], loop: Loop | None) -> int:
        node = self._node(*ways)
        self._sets[node], self._loops[node] = chars, loop
        return node

    def _together(self, nodes: Iterable[int], *, begins: bool, leaves: bool) -> Counter[State]:
        found: Counter[State] = Counter()
        for node in nodes:
            found.update(self._reached(node, begins=begins, leaves=leaves))
        return found

    def _reached(self, node: int, *, begins: bool, leaves: bool) -> Counter[State]:
        """Return the positions that are reached without reading, and atomic groups that are entered, and in how many ways each."""
        if node in self._sets:
            return Counter(((node, ALL),))
        key = node, begins, leaves
        if key not in self._known:
            kind, value, ways = self._nodes[node]
            closed = (kind == FIRST and not begins) or (kind == LEAVE and not leaves)
            found = Counter() if closed else self._together(ways, begins=begins, leaves=leaves)
            if kind == ENTER:
                found[~value, ALL] += 1
            elif kind == ONLY:
                found, wider = Counter(), found
                for (place, chars), n in wider.items():
                    found[place, both(chars, value) if self._goes_on(place) else SOME] += n
            elif kind == IF:
                found, wider = Counter(), found
                for (place, chars), n in wider.items():
                    found[place, chars if self._goes_on(place) else SOME] += n
            self._known[key] = found
        return self._known[key]

    def _goes_on(self, node: int) -> bool:
        return node < 0 or bool(self._nodes[node][2])

    def _sequence(self, items: Iterable[Any], following: int, loop: Loop | None) -> int:
        for op, arg in reversed(list(items)):
            following = self._item(str(op), arg, following, loop)
        return following

    def _item(self, op: str, arg: Any, following: int, loop: Loop | None) -> int:
        if op in ONE:
            return self._place(_read(op, arg, self._flags), (following,), loop)
        if op in REPEATS:
            return self._repeat(op, arg, following, loop)
        if op == "BRANCH":
            return self._node(*(self._sequence(branch, following, loop) for branch in arg[1]))
        if op == "SUBPATTERN":
            flags, self._flags = self._flags, (self._flags | arg[1]) & ~arg[2]
            node = self._sequence(arg[3], following, loop)
            self._flags = flags
            return node
        if op == "ATOMIC_GROUP":
            if loop:  # the round of the loop is not tracked
                return self._sequence(arg, following, loop)
            group = len(self._groups)
            self._groups.append(self._node(following, kind=LEAVE))
            return self._node(self._sequence(arg, self._groups[group], loop), kind=ENTER, value=group)
        if op in ("ASSERT", "ASSERT_NOT"):
            if arg[0] < 0:
                return self._node(following, kind=IF)
            if len(arg[1]) == 1 and str(arg[1][0][0]) in ONE:
                chars = _read(str(arg[1][0][0]), arg[1][0][1], self._flags)
                return self._node(following, kind=ONLY, value=others(chars) if op == "ASSERT_NOT" else chars)
            return self._node(self._sequence(arg[1], self._place(ALL, (), None), loop), self._node(following, kind=IF))
        if op == "AT":
            starts = str(arg) == "AT_BEGINNING_STRING" or (str(arg) == "AT_BEGINNING" and not self._flags & re.MULTILINE)
            return self._node(following, kind=FIRST if starts else IF)
        raise Unproven(written([(op, arg)]), "looks back at what a group has read, for which there is no proof")

    def _repeat(self, op: str, arg: Any, following: int, loop: Loop | None) -> int:
        least, most, body = arg
        width, widest = body.getwidth()
        if width == 0 and most > 1:
            raise Unproven(written([(op, arg)]), "repeats what can be empty")
        if most <= self._count:
            at = following
            for _ in range(most - least):
                at = self._node(self._sequence(body, at, loop), following)
            for _ in range(least):
                at = self._sequence(body, at, loop)
            return at
        endless = most == PARSER.MAXREPEAT or widest >= PARSER.MAXREPEAT
        again = self._node()
        once = self._sequence(body, again, loop or (((op, arg),), inf if endless else most * widest))
        self._nodes[again] = (NODE, None, (once, following))
        return once if least else again


def _growing(numbers: dict[State, int]) -> Iterator[State]:
    """Yield states in the order of their numbers, including those added during iteration."""
    order: list[State] = []
    at = 0
    while at < len(numbers):
        order += list(numbers)[len(order) :] if at == len(order) else []
        yield order[at]
        at += 1


# ---------------------------------------------------------------- parsed patterns


@lru_cache(maxsize=1)
def _cased() -> dict[int, frozenset[tuple[int, int]]]:
    """Return the characters that differ from others only by case, each with all of these."""
    kin: dict[str, set[int]] = {}
    for c in range(0x1E944):
        char = chr(c)
        for other in {char.lower(), char.upper(), char.casefold()}:
            if len(other) == 1 and other != char:
                kin.setdefault(char.casefold(), {c}).update((c, ord(other)))
    return {c: frozenset((k, k) for k in group) for group in kin.values() for c in group}


def _read(op: str, arg: Any, flags: int) -> Chars:
    """Return the characters of an item that reads one, or a superset."""
    if op == "ANY" and flags & re.DOTALL:
        return ALL
    chars = chars_of(op, arg)
    if flags & re.ASCII and op == "IN" and any(str(member) == "CATEGORY" for member, _ in arg):
        chars |= {(128, 0x10FFFF)}
    if flags & re.IGNORECASE:
        chars = chars.union(*(kin for c, kin in _cased().items() if any(low <= c <= high for low, high in chars)))
    return chars


def written(items: Iterable[Any]) -> str:
    """Write a part of a parsed pattern as a pattern.

    >>> written(PARSER.parse("(?:a|b[^c-e]){2,3}x+?"))
    '(?:a|b[^c-e]){2,3}x+?'
    """
    parts = [(str(op), arg) for op, arg in items]
    return "".join(f"(?:{_written(op, arg)})" if op == "BRANCH" and len(parts) > 1 else _written(op, arg) for op, arg in parts)


def _written(op: str, arg: Any) -> str:
    if op in REPEATS:
        least, most, body = arg
        inner = written(body)
        one = len(body) == 1 and (str(body[0][0]) in ONE or (str(body[0][0]) == "SUBPATTERN" and body[0][1][0] is None))
        many = "" if most == PARSER.MAXREPEAT else most
        count = {(0, ""): "*", (1, ""): "+", (0, 1): "?"}.get((least, many), f"{{{least}}}" if least == most else f"{{{least},{many}}}")
        return (inner if one else f"(?:{inner})") + count + {"MIN_REPEAT": "?", "POSSESSIVE_REPEAT": "+"}.get(op, "")
    if op == "BRANCH":
        return "|".join(map(written, arg[1]))
    if op == "SUBPATTERN":
        return f"({'' if arg[0] else '?:'}{written(arg[3])})"
    if op == "ATOMIC_GROUP":
        return f"(?>{written(arg)})"
    if op in ("ASSERT", "ASSERT_NOT"):
        return f"(?{'<' if arg[0] < 0 else ''}{'=' if op == 'ASSERT' else '!'}{written(arg[1])})"
    if op == "IN":
        return f"[{''.join(_member(str(member), value) for member, value in arg)}]"
    if op in ("LITERAL", "NOT_LITERAL"):
        return re.escape(chr(arg)) if op == "LITERAL" else f"[^{re.escape(chr(arg))}]"
    return {"ANY": ".", "GROUPREF": f"\\{arg}"}.get(op) or {"AT_BEGINNING": "^", "AT_END": "$"}.get(str(arg), "")


def _member(op: str, value: Any) -> str:
    if op == "RANGE":
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    if op == "CATEGORY":
        letter = str(value).removeprefix("CATEGORY_").removeprefix("NOT_")[0].lower()
        return f"\\{letter.upper() if '_NOT_' in str(value) else letter}"
    return "^" if op == "NEGATE" else re.escape(chr(value))
