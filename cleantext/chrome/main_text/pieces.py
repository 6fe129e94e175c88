"""Hashed pieces of two to four characters at both ends of a line: the text features of the linear model."""

from __future__ import annotations

from typing import Any

import numpy as np

from cleantext.changes import I64, U32
from cleantext.jit import kernel

__all__ = ["TEXT_SLOTS", "piece_slots", "piece_sums"]

TEXT_SLOTS = 1 << 16
HEAD, TAIL = 40, 10  # characters of a line from which pieces are taken
WIDTH = HEAD + TAIL + 2  # with one more before and after
SHORTEST, LONGEST = 2, 4
EDGE = 1  # stands for the outside of a line
A, Z, NIL, NINE, LOWER = ord("A"), ord("Z"), ord("0"), ord("9"), 32


@kernel
def _pieces(points: U32, start: int, end: int, held: I64, slots: I64) -> int:
    """Write the slots of the pieces of a line, and return their number; `held` is a buffer for its characters."""
    size = end - start
    second = max(size, HEAD) - max(min(size - HEAD, TAIL), 0)
    for k in range(WIDTH):
        at = k - 1 if k <= HEAD else second + k - HEAD - 1
        held[k] = EDGE
        if 0 <= at < size:
            point = int(points[start + at])
            if A <= point <= Z:
                point += LOWER
            elif NIL <= point <= NINE:
                point = NIL
            held[k] = point
    count = 0
    for order in range(SHORTEST, LONGEST + 1):
        for k in range(WIDTH - order + 1):
            if held[k] == EDGE and held[k + order - 1] == EDGE:
                continue
            key = 0
            for m in range(k, k + order):
                key = (key * 1_000_003 + held[m]) & 0x7FFFFFFF
            slots[count] = ((key * 2_654_435_761) >> 7) % TEXT_SLOTS
            count += 1
    return count


@kernel
def piece_sums(points: U32, starts: I64, ends: I64, weights: Any) -> Any:
    """Return the sum of the weights of the pieces of each line."""
    out = np.zeros(len(starts), np.float64)
    held, slots = np.zeros(WIDTH, np.int64), np.zeros(3 * WIDTH, np.int64)
    for n in range(len(starts)):
        for k in range(_pieces(points, starts[n], ends[n], held, slots)):
            out[n] += weights[slots[k]]
    return out


@kernel
def piece_slots(points: U32, start: int, end: int) -> Any:
    """Return the slots of the pieces of one line."""
    slots = np.zeros(3 * WIDTH, np.int64)
    return slots[: _pieces(points, start, end, np.zeros(WIDTH, np.int64), slots)]
