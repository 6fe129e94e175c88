"""Arrow string columns to code points and back, without a Python string in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.jit import kernel
from cleantext.script.convert import Batch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["decode", "recoded"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

NO_BYTES = np.zeros(0, np.uint8)
PIECE = 1 << 20  # bytes converted at once, so that arrays stay in the cache and on the heap


# Unsigned numbers, because Numba checks every signed index for being negative.
U0, U1, U2, U3, U4, U6, EIGHT, U12, U16, U18, U24 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 6, 8, 12, 16, 18, 24))
LOW6, LOW5, LOW3, BYTE = (np.uint64(n) for n in (63, 31, 7, 255))
ASCII, TWO, THREE = np.uint64(0x80), np.uint64(0xE0), np.uint64(0xF0)  # sequences of more than 1, 2 and 3 bytes start at these lead bytes
TAIL, BMP = np.uint64(0x80), np.uint64(0x10000)
BITS = np.uint64((0xE0 << 12) + (0x80 << 6) + 0x80)  # the constant bits of a three-byte sequence


@kernel
def decode(data: U8, offsets: I64, points: I32, start: I64) -> None:
    """Write the code points of all rows; ``data`` is valid UTF-8, as Arrow promises.

    Runs of three bytes and of one have loops of their own: branches are guessed best so.
    """
    n: Any = U0
    for row in range(len(offsets) - 1):
        i: Any = np.uint64(offsets[row])
        end = np.uint64(offsets[row + 1])
        while i < end:
            while i < end and np.uint64(data[i]) ^ TWO < U16:
                points[n] = (np.uint64(data[i]) << U12) + (np.uint64(data[i + U1]) << U6) + np.uint64(data[i + U2]) - BITS
                i += U3
                n += U1
            while i < end and np.uint64(data[i]) < ASCII:
                points[n] = data[i]
                i += U1
                n += U1
            if i == end:
                break
            b: Any = np.uint64(data[i])
            if b >= THREE:
                high = (b & LOW3) << U18 | (np.uint64(data[i + U1]) & LOW6) << U12
                points[n] = high | (np.uint64(data[i + U2]) & LOW6) << U6 | (np.uint64(data[i + U3]) & LOW6)
                i += U4
                n += U1
            elif b < TWO:
                points[n] = (b & LOW5) << U6 | (np.uint64(data[i + U1]) & LOW6)
                i += U2
                n += U1
        start[row + 1] = n


@kernel
def encode(points: I32, start: I64, words: U32, at: int, data: U8, offsets: I64) -> Any:
    """Write the UTF-8 of all rows from ``data[at]`` on, and return its end. There must be room for four bytes per code point plus four.

    Four bytes are written for each character, and all but those of its own written over by the
    next: with branches, which white space and digits make hard to guess, it took three times as long.
    """
    n: Any = np.uint64(at)
    for row in range(len(start) - 1):
        for i in range(start[row], start[row + 1]):
            c = np.uint64(points[np.uint64(i)])
            if c >= BMP:
                data[n] = THREE | c >> U18
                data[n + U1] = TAIL | c >> U12 & LOW6
                data[n + U2] = TAIL | c >> U6 & LOW6
                data[n + U3] = TAIL | c & LOW6
                n += U4
                continue
            word = words[c]
            data[n] = word & BYTE
            data[n + U1] = word >> EIGHT & BYTE
            data[n + U2] = word >> U16 & BYTE
            data[n + U3] = word >> U24 & BYTE
            n += word >> U24
        offsets[row + 1] = n
    return n


@lru_cache(maxsize=1)
def utf8_words() -> U32:
    """Return the UTF-8 of each code point of the BMP: up to three bytes from the lowest on, and their number above them."""
    c = np.arange(0x10000, dtype=np.uint32)
    last = (c & 63 | 0x80) << 8
    two = 0xC0 | c >> 6 | last | 2 << 24
    three = 0xE0 | c >> 12 | (c >> 6 & 63 | 0x80) << 8 | last << 8 | 3 << 24
    return np.where(c < 0x80, c | 1 << 24, np.where(c < 0x800, two, three)).astype(np.uint32)


def recoded(column: pa.LargeStringArray, convert: Callable[[Batch], Batch]) -> pa.LargeStringArray:
    """Return a column with ``convert`` applied to the rows. A null counts as an empty string."""
    import pyarrow as pa

    rows = len(column)
    _, buffer, bytes_ = column.buffers()
    if rows == 0 or buffer is None:
        return column
    bounds = np.frombuffer(buffer, np.int64)[column.offset : column.offset + rows + 1]
    source = np.frombuffer(bytes_, np.uint8) if bytes_ is not None else NO_BYTES
    data, offsets, at = NO_BYTES, np.zeros(rows + 1, np.int64), 0
    points, start = np.zeros(0, np.int32), np.zeros(0, np.int64)  # the same room for all pieces
    first = 0
    while first < rows:
        last = min(max(first + 1, int(np.searchsorted(bounds, bounds[first] + PIECE)) - 1), rows)
        here = bounds[first : last + 1]
        size = int(here[-1] - here[0])
        if size > len(points):
            points = np.empty(size, np.int32)
        if last - first >= len(start):
            start = np.zeros(last - first + 1, np.int64)
        decode.sized(size)(source, here, points, start)
        starts = start[: last - first + 1]
        batch = convert(Batch(points[: starts[-1]], starts))
        most = at + 4 * len(batch.points) + 4
        if most > len(data):
            rest = int(bounds[-1] - here[-1])
            grown = pa.allocate_buffer(most + rest + rest // 16)  # Arrow's pool returns memory late, which avoids page faults
            buffer = np.frombuffer(grown, np.uint8)
            buffer[:at] = data[:at]
            data, out = buffer, grown
        at = int(encode.sized(size)(batch.points, batch.start, utf8_words(), at, data, offsets[first : last + 1]))
        first = last
    return pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), out.slice(0, at))
