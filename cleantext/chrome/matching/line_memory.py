"""Folded lines as stretches of one array, and a cache of the lines seen before: no string is created for a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32, Ragged, text_of
from cleantext.jit import kernel

__all__ = ["Memory", "Rows"]

LONGEST = 80  # characters; longer lines hardly ever occur again
MOST = 1 << 17  # maximum lines in the cache, a power of two
POOL = 1 << 22  # and their total characters


class Rows(NamedTuple):
    """Folded lines: line ``n`` is ``points[starts[n]:ends[n]]``."""

    points: U32
    starts: I64
    ends: I64

    @classmethod
    def of(cls, lines: Sequence[str]) -> Rows:
        """Return rows for lines given as strings."""
        column = Ragged.of(lines)
        return cls(column.points, column.offsets[:-1], column.offsets[1:])

    @classmethod
    def split(cls, points: U32) -> Rows:
        """Return the lines of a text."""
        points = points.view()
        points.flags.writeable = False  # like those of strings; otherwise Numba would compile every kernel twice
        ends = np.append(np.flatnonzero(points == ord("\n")), len(points))
        return cls(points, np.append(0, ends[:-1] + 1), ends)

    def line(self, n: int) -> str:
        """Return a line as a string."""
        return text_of(self.points[self.starts[n] : self.ends[n]])

    def lines(self) -> list[str]:
        """Return all lines as strings."""
        sizes = self.ends - self.starts
        ends = np.cumsum(sizes)
        text = text_of(self.points[np.repeat(self.starts - ends + sizes, sizes) + np.arange(ends[-1] if len(ends) else 0)])
        return [text[a:b] for a, b in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]

    def part(self, first: int, last: int) -> Rows:
        """Return the lines from ``first`` up to ``last``."""
        return Rows(self.points, self.starts[first:last], self.ends[first:last])

    def take(self, which: I64) -> Rows:
        """Return some of the lines."""
        return Rows(self.points, self.starts[which], self.ends[which])

    def changed(self, lines: Mapping[int, str]) -> Rows:
        """Return the lines with some of them replaced."""
        if not lines:
            return self
        new, which, size = Rows.of(list(lines.values())), list(lines), len(self.points)
        starts, ends = self.starts.copy(), self.ends.copy()
        starts[which], ends[which] = new.starts + size, new.ends + size
        return Rows(Rows.split(np.concatenate((self.points, new.points))).points, starts, ends)


class Memory:
    """A number for each cached line, found by its characters."""

    def __init__(self) -> None:
        self.slots: I32 = np.zeros(2 * MOST, np.int32)
        self.numbers: I64 = np.empty(MOST, np.int64)
        self.pool: U32 = np.empty(POOL, np.uint32)
        self.bounds: I64 = np.zeros(MOST + 1, np.int64)
        self.size: I64 = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return int(self.size[0])

    @property
    def full(self) -> bool:
        """Whether no more new lines can be cached."""
        return len(self) == MOST or int(self.bounds[len(self)]) + LONGEST > POOL

    def look(self, rows: Rows, judge: Callable[[Rows], I64]) -> I64:
        """Return the numbers of lines; ``judge`` returns those of new lines."""
        known, fresh, entry = recall.sized(len(rows.points))(rows, self.slots, self.numbers, self.pool, self.bounds, self.size)
        if len(fresh):
            try:
                numbers = judge(rows.take(fresh))
            except BaseException:
                self.__init__()  # type: ignore[misc] # nothing may be remembered that has no number yet
                raise
            self.numbers[entry[entry >= 0]] = numbers[entry >= 0]
            new = known < 0
            known[new] = numbers[-1 - known[new]]
        out: I64 = known
        return out


@kernel
def line_key(line: U32) -> int:
    """Return a hash of up to `LONGEST` characters, a number of 59 bits: a sum of products, which are computed side by side."""
    key = len(line)
    for at in range(len(line)):
        factor = ((at + 3) * (at + 7919) * 0x9E3779B1) & 0x7FFFFFFF
        factor = ((factor ^ (factor >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF
        key += int(line[at]) * (factor ^ (factor >> 13))  # as good as random: no small multiples of two or three factors are equal
    return key


@kernel
def recall(rows: Rows, slots: I32, numbers: I64, pool: U32, bounds: I64, size: I64) -> Any:
    """Look lines up; cache those that are new and not too long.

    Return for each line its number, or -1 - k if it is the ``k``-th of the new ones; the indices of the new lines; and the entry under which each
    of them is cached, -1 for none.
    """
    lines = len(rows.starts)
    out = np.empty(lines, np.int64)
    fresh = np.empty(lines, np.int64)
    entry = np.empty(lines, np.int64)
    found = 0
    for n in range(lines):
        lo, hi = rows.starts[n], rows.ends[n]
        known = -1
        slot = -1
        if hi - lo <= LONGEST:
            line = rows.points[lo:hi]
            key = line_key(line)
            slot = (key ^ (key >> 20) ^ (key >> 40)) & (len(slots) - 1)
            while slots[slot]:
                known = slots[slot] - 1
                first = bounds[known]
                if bounds[known + 1] - first == hi - lo and _equal(pool[first : bounds[known + 1]], line):
                    break
                known = -1
                slot = (slot + 1) & (len(slots) - 1)
        if known >= 0:
            out[n] = numbers[known]
            continue
        out[n] = -1 - found
        fresh[found] = n
        entry[found] = -1
        last = size[0]
        if slot >= 0 and last < len(numbers) and bounds[last] + LONGEST <= len(pool):
            slots[slot] = last + 1
            numbers[last] = -1 - found
            pool[bounds[last] : bounds[last] + hi - lo] = rows.points[lo:hi]
            bounds[last + 1] = bounds[last] + hi - lo
            size[0] = last + 1
            entry[found] = last
        found += 1
    return out, fresh[:found], entry[:found]


@kernel
def _equal(one: U32, other: U32) -> bool:
    """Return whether two stretches of equal length are equal, without a branch for each character."""
    different = 0
    for at in range(len(one)):
        different += one[at] != other[at]
    return different == 0
