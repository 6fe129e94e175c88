"""Prove that matching takes time proportional to the length of the line, or find the part of a pattern that prevents it.

`re` backtracks: it walks the tree of all ways to read the line from a position on, so its time is the number of ways to read each prefix
of the line, summed over its characters (Weideman, van der Merwe, Berglund, Watson: Analyzing matching time behavior of backtracking
regular expression matchers by using ambiguity of NFA, CIAA 2016). Here that number is bounded on an automaton without empty moves;
its states are the positions of a pattern where a character is read.

Two ways to read the same characters are one walk through the product of the automaton with itself (Allauzen, Mohri, Rastogi: General
algorithms for testing the ambiguity of finite automata, DLT 2008). If two different ways diverge in a loop and meet in it again, each
round doubles them (Weber, Seidl: On the degree of ambiguity of finite automata, TCS 1991): the pattern is refused. In any other loop the time
of entry decides everything that follows, so what counts is how many times of entry can be open at once: as many as there are characters on the
walk on which one way is in the loop and another before it, or, if that walk has no end, as many as the counts of the pattern allow. The number of
ways to be at a position is then the sum over the preceding positions that one line can reach at the same time.

All approximations err towards more ways: ``x{2,5}`` is treated as ``x+``, and its count only bounds how long a way stays in it; lookaheads are
separate branches without continuation; lookbehinds and word boundaries always hold. No more ways leave an atomic group than
entered it. A pattern that is refused is tried again with small counts written out.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterator
from functools import lru_cache
from math import inf
from typing import NamedTuple

from cleantext.chrome.matching.pattern_nodes import How
from cleantext.chrome.matching.pattern_positions import LARGE, Places, Unproven, written

__all__ = ["LARGE", "Proof", "prove"]

STEPS = 60_000  # maximum steps for a line: a millisecond, at 16 ns each
WAYS = 100  # maximum per character of a text of any length
COUNTS = (1, 3, 8)  # repetitions up to these are written out, each if the smaller ones were not sufficient
START = 0  # the position before the line
WORK = 1_000_000  # maximum steps of a proof: about half a second


class Proof(NamedTuple):
    """The maximum number of ways to read a prefix of the line, and the part of the pattern that causes it."""

    ways: float
    part: str = ""
    why: str = ""

    def holds(self, longest: float = inf) -> bool:
        """Return whether the time is proportional to the length of the line, for lines of up to ``longest`` characters."""
        return self.ways <= WAYS or self.ways * longest <= STEPS


@lru_cache(maxsize=4096)
def prove(pattern: str | bytes, how: How = "fullmatch", longest: float = inf, flags: int = 0, *, most: int = WORK) -> Proof:
    """Bound the ways in which `re` can read a prefix of a line of up to ``longest`` characters.

    If the proof takes more than ``most`` steps, the pattern counts as unproven, since users wait while a pack is loaded.

    >>> prove("(?:[甲乙]{1,9}、)*丙").ways
    1.0
    >>> prove("(?:[甲乙]|甲乙)*丙")
    Proof(ways=inf, part='(?:[甲乙]|甲乙)*', why='can read the same characters in several ways, and each round doubles them')
    """
    best = Proof(inf)
    work = _Steps(most)
    for count in COUNTS:
        try:
            found = _Ways(Places(pattern, how, count, flags), longest, work).proof()
        except Unproven as reason:
            found = Proof(inf, *reason.args)
        except RecursionError:
            found = Proof(inf, "", "has too many groups inside each other")
        if found.ways < best.ways or not best.why:
            best = found
        if best.holds(longest) or work.left < 0:
            break
    return best


class _Steps:
    """The remaining steps of a proof."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, number: int) -> None:
        """Subtract a number of steps. Raise `Unproven` if none are left."""
        self.left -= number
        if self.left < 0:
            raise Unproven("", LARGE)


class _Ways:
    """The number of ways to read a prefix of the line."""

    def __init__(self, places: Places, longest: float, work: _Steps) -> None:
        self._places, self._follow, self._chars, self._longest = places, places.follow, places.chars, longest
        self._spend = work.spend
        self._together = self._meet()
        self._reach = self._reaches()
        self._leads: list[list[int]] = [[] for _ in self._follow]
        for p, follow in enumerate(self._follow):
            for q in follow:
                self._leads[q].append(p)

    def _moves(self, p: int, q: int) -> Iterator[tuple[int, int]]:
        """Yield the pairs of positions of two ways after the next character."""
        return self._alike(self._follow[p], self._follow[q])

    def _alike(self, first: Collection[int], second: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield the pairs of positions, one of each collection, that can read a common character."""
        self._spend(1 + len(first) * len(second))
        chars = self._chars
        for a in first:
            for b in second:
                if chars[a] & chars[b]:
                    yield a, b

    def _meet(self) -> list[int]:
        """Return for each position a bit set of the positions, including itself, that one line can reach at the same time."""
        chars, follow = self._chars, self._follow
        readers: dict[int, int] = defaultdict(int)  # a bit for each position that reads the same characters
        for p, read in enumerate(chars):
            readers[read] |= 1 << p
        self._spend(len(readers) ** 2 // 2)
        alike = {read: sum(bits for other, bits in readers.items() if read & other) for read in readers}
        leads = [sum(1 << q for q in after) for after in follow]
        ahead, done = self._places.ahead, sum(1 << p for p in self._places.done)
        search = 1 << ahead if ahead >= 0 else 0
        met = [0] * len(follow)
        stack = [(START, START)]
        while stack:
            p, q = stack.pop()
            self._spend(len(follow[p]))
            for a in follow[p]:
                new = leads[q] & alike[chars[a]] & ~met[a]
                if a == ahead:  # a search that succeeds starts no other search on the way
                    new &= ~done
                elif done >> a & 1:
                    new &= ~search
                while new:
                    b = new.bit_length() - 1
                    new ^= 1 << b
                    met[a] |= 1 << b
                    met[b] |= 1 << a
                    stack.append((a, b))
        return [bits | 1 << p for p, bits in enumerate(met)]

    def _reaches(self) -> list[int]:
        """Return for each position a bit set of the positions that can follow it at any distance."""
        reach = [sum(1 << q for q in follow) for follow in self._follow]
        changed = True
        while changed:
            changed = False
            self._spend(sum(map(len, self._follow)) // 8)  # the bits of a position are processed at once
            for p, follow in enumerate(self._follow):
                further = reach[p]
                for q in follow:
                    further |= reach[q]
                changed |= further != reach[p]
                reach[p] = further
        return reach

    def proof(self) -> Proof:
        """Count the ways to each position, in topological order."""
        self._ways: dict[int, float] = {START: 1}  # at one time
        self._total: dict[int, float] = {START: 1}  # at all times
        self._entered: dict[int, float] = {}  # ways into an atomic group, at all times
        read: dict[int, tuple[float, float]] = {START: (0, 0)}  # characters, including that of the position itself: minimum and maximum
        worst = Proof(1, "", "has parts that can read the same characters, or none, in several ways")
        order = sorted(range(len(self._follow)), key=lambda p: (-(self._reach[p] | 1 << p).bit_count(), p))
        for p in order:
            if p in self._ways:
                continue
            loops = self._reach[p] >> p & 1
            loop = {q for q in order if self._reach[p] >> q & 1 and self._reach[q] >> p & 1} if loops else {p}
            before = sorted({a for q in loop for a in self._leads[q] if a in self._ways})
            if not before:
                continue  # not reachable
            least, early = min(read[a][0] for a in before) + 1, max(read[a][1] for a in before)
            item, stays, times = None, 1.0, 1.0
            if loops:
                item, stays = self._places.loops[p] or (None, inf)
                if self._splits(loop):
                    return Proof(inf, written(item or ()), "can read the same characters in several ways, and each round doubles them")
                times = self._times(loop, min(early, stays - 1, self._longest))
            ways, total = self._entries(loop, before, times, min(stays, self._longest))
            for q in loop:
                read[q] = least, min(early + stays, self._longest)
                self._ways[q], self._total[q] = ways, min(total, ways * max(1, read[q][1] - least + 1))
            if times > 1 and ways > worst.ways:
                worst = Proof(ways, written(item or ()), "can start at many places, of which each is tried")
        ends = self._places.ends & self._ways.keys()
        most = self._heaviest([(n, p, p) for p, n in self._ways.items() if p not in ends])
        return worst._replace(ways=max([most, *(self._ways[p] for p in ends)]))

    def _entries(self, loop: set[int], before: list[int], times: float, most: float) -> tuple[float, float]:
        """Return the number of ways into a position or loop: at one time, and at all times together, each multiplied by how long it stays."""
        ways, total, places = self._ways, self._total, self._places
        every = [(ways[a] * n, a, b) for a in before for b, n in self._follow[a].items() if b in loop]
        within = [(ways[a] * n, a, b) for a in before for b, n in places.within[a].items() if b in loop]
        nodes = {places.nodes[b] for b in loop}
        left = sum(self._entry(group) * behind[n] for group, (behind, _) in enumerate(places.behind) for n in nodes & behind.keys())
        once = left + sum(total[a] * n for a in before for b, n in places.within[a].items() if b in loop)
        return min(self._heaviest(every) * times, self._heaviest(within) * times + left, once), once * most

    def _entry(self, group: int) -> float:
        """Return in how many ways an atomic group is entered, at all times together: no more ways leave it."""
        if group not in self._entered:
            self._entered[group] = inf
            ways = sum(total * self._places.enters[p].get(group, 0) for p, total in self._total.items() if group in self._places.enters[p])
            ways += sum(self._entry(g) * groups[group] for g, (_, groups) in enumerate(self._places.behind) if group in groups)
            self._entered[group] = ways
        return self._entered[group]

    def _heaviest(self, ways: list[tuple[float, int, int]]) -> float:
        """Bound the sum over those of some ways, each from a position to a position, that one line can take at once.

        Ways that exclude each other form a group, which counts as its largest; the groups are built greedily.
        """
        groups: list[tuple[int, list[tuple[int, int]]]] = []  # with a bit for each position that a way comes from
        total = 0.0
        for n, a, b in sorted(ways, reverse=True):
            self._spend(
                1 + sum(len(group) for origins, group in groups if self._together[a] & origins) // 4
            )  # few groups are compared completely
            for k, (origins, group) in enumerate(groups):
                if not self._together[a] & origins or not any(self._meets(a, c) and self._meets(b, d) for c, d in group):
                    group.append((a, b))
                    groups[k] = (origins | 1 << a, group)
                    break
            else:
                groups.append((1 << a, [(a, b)]))
                total += n
        return total

    def _meets(self, p: int, q: int) -> bool:
        return bool(self._together[p] >> q & 1)

    def _splits(self, loop: set[int]) -> bool:
        """Return whether two ways can diverge in a loop and meet in it again."""
        if any(n > 1 for p in loop for q, n in self._follow[p].items() if q in loop):
            return True
        stack, seen = [(p, p) for p in loop], set()
        while stack:
            p, q = stack.pop()
            for a, b in self._moves(p, q):
                if a in loop and b in loop:
                    if a == b and p != q:
                        return True
                    if a != b and (a, b) not in seen:
                        seen.add((a, b))
                        stack.append((a, b))
        return False

    def _times(self, loop: set[int], longest: float) -> float:
        """Return at how many times a loop can be entered while the first way that entered it is still in it, for ``longest`` characters."""
        bits = sum(1 << q for q in loop)
        outside = {q for q, reach in enumerate(self._reach) if reach & bits and q not in loop}
        walks: dict[tuple[int, int], list[tuple[int, int]]] = {}  # of a way in the loop and one before it
        backwards: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        last: set[tuple[int, int]] = set()
        fresh: set[tuple[int, int]] = set()
        inside = [[a for a in follow if a in loop] for follow in self._follow]
        before = [[b for b in follow if b in outside] for follow in self._follow]
        self._spend(len(inside))
        for q in outside:
            there = self._together[q] & ~(1 << q)
            while there:
                p = there.bit_length() - 1
                there ^= 1 << p
                self._spend(1)
                if p in outside and inside[p]:
                    fresh.update(self._alike(inside[p], before[q]))
                elif p in loop:
                    if any(True for _ in self._alike(inside[p], inside[q])):
                        last.add((p, q))
                    walks[p, q] = list(self._alike(inside[p], before[q]))
                    for move in walks[p, q]:
                        backwards[move].append((p, q))
            fresh.update(self._alike(inside[q], before[q]))
        shortest = dict.fromkeys(last, 1)  # walk to another entry
        queue = deque(last)
        while queue:
            pair = queue.popleft()
            for earlier in backwards[pair]:
                if earlier not in shortest:
                    shortest[earlier] = shortest[pair] + 1
                    queue.append(earlier)
        apart = min((shortest[pair] for pair in fresh if pair in shortest), default=inf)
        if apart == inf:
            return 1
        # The longest walk, computed from its end; pairs that remain have none.
        length = dict.fromkeys(shortest, 1)
        further = {pair: sum(move in shortest for move in walks[pair]) for pair in shortest}
        ends = [pair for pair, n in further.items() if not n]
        for pair in ends:
            for earlier in backwards[pair]:
                length[earlier] = max(length[earlier], length[pair] + 1)
                further[earlier] -= 1
                if not further[earlier]:
                    ends.append(earlier)
        if len(ends) == len(length):
            longest = min(longest, max(length.values()))
        return inf if longest == inf else 1 + longest // apart
