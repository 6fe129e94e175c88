"""Arrow string columns to code points and back, without a Python string in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.jit import kernel
from cleantext.script.convert import Batch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["batch_of", "column_of", "pieces"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


# Unsigned numbers, because Numba looks at every signed index whether it is negative.
U0, U1, U2, U3, U4, U6, U12, U18 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 6, 12, 18))
LOW6, LOW5, LOW4, LOW3 = (np.uint64(n) for n in (63, 31, 15, 7))
ASCII, TWO, THREE = np.uint64(0x80), np.uint64(0xE0), np.uint64(0xF0)


@kernel
def decode(data: U8, offsets: I64, points: I32, start: I64) -> None:
    """Write the code points of all rows; ``data`` is valid UTF-8, as Arrow promises."""
    n: Any = U0
    for row in range(len(offsets) - 1):
        i: Any = np.uint64(offsets[row])
        end = np.uint64(offsets[row + 1])
        while i < end:
            b: Any = np.uint64(data[i])
            if THREE > b >= TWO:
                points[n] = (b & LOW4) << U12 | (np.uint64(data[i + U1]) & LOW6) << U6 | (np.uint64(data[i + U2]) & LOW6)
                i += U3
            elif b < ASCII:
                points[n] = b
                i += U1
            elif b < TWO:
                points[n] = (b & LOW5) << U6 | (np.uint64(data[i + U1]) & LOW6)
                i += U2
            else:
                high = (b & LOW3) << U18 | (np.uint64(data[i + U1]) & LOW6) << U12
                points[n] = high | (np.uint64(data[i + U2]) & LOW6) << U6 | (np.uint64(data[i + U3]) & LOW6)
                i += U4
            n += U1
        start[row + 1] = n


@kernel
def encode(points: I32, start: I64, data: U8, offsets: I64) -> None:
    """Write the UTF-8 of all rows; ``data`` has room for four bytes a code point."""
    n: Any = U0
    for row in range(len(start) - 1):
        for i in range(start[row], start[row + 1]):
            c = points[np.uint64(i)]
            if 0x800 <= c < 0x10000:
                data[n] = 0xE0 | c >> 12
                data[n + U1] = 0x80 | (c >> 6 & 63)
                data[n + U2] = 0x80 | (c & 63)
                n += U3
            elif c < 0x80:
                data[n] = c
                n += U1
            elif c < 0x800:
                data[n] = 0xC0 | c >> 6
                data[n + U1] = 0x80 | (c & 63)
                n += U2
            else:
                data[n] = 0xF0 | c >> 18
                data[n + U1] = 0x80 | (c >> 12 & 63)
                data[n + U2] = 0x80 | (c >> 6 & 63)
                data[n + U3] = 0x80 | (c & 63)
                n += U4
        offsets[row + 1] = n


def pieces(column: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """Yield slices of a column, each of about half a megabyte of text: arrays of that size stay in the cache and on the heap."""
    _, offsets, _ = column.buffers()
    if offsets is None:
        return
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    first = 0
    while first < len(column):
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + (1 << 19))) - 1)
        last = min(last, len(column))
        yield column.slice(first, last - first)
        first = last


def batch_of(column: pa.LargeStringArray) -> Batch:
    """Return the rows of a column as a batch; a null is an empty text."""
    rows = len(column)
    _, offsets, data = column.buffers()
    if rows == 0 or offsets is None:
        return Batch(np.zeros(0, np.int32), np.zeros(rows + 1, np.int64))
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + rows + 1]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    points, start = np.empty(bounds[-1] - bounds[0], np.int32), np.zeros(rows + 1, np.int64)
    decode.sized(len(points))(bytes_, bounds, points, start)
    return Batch(points[: start[-1]], start)


def column_of(batch: Batch) -> pa.LargeStringArray:
    """Return the texts of a batch as a column."""
    import pyarrow as pa

    data, offsets = np.empty(4 * len(batch.points), np.uint8), np.zeros(len(batch.start), np.int64)
    encode.sized(len(batch.points))(batch.points, batch.start, data, offsets)
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data[: offsets[-1]]))
