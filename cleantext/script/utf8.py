"""Arrow string columns to code points and back, without a Python string in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.jit import kernel
from cleantext.script.convert import Batch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["batch_of", "column_of"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


@kernel
def decode(data: U8, offsets: I64, points: I32, start: I64) -> None:
    """Write the code points of all rows; ``data`` is valid UTF-8, as Arrow promises."""
    n = 0
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            b: Any = np.int32(data[i])
            if b < 0x80:
                points[n] = b
                i += 1
            elif b < 0xE0:
                points[n] = (b & 31) << 6 | (np.int32(data[i + 1]) & 63)
                i += 2
            elif b < 0xF0:
                points[n] = (b & 15) << 12 | (np.int32(data[i + 1]) & 63) << 6 | (np.int32(data[i + 2]) & 63)
                i += 3
            else:
                points[n] = (
                    (b & 7) << 18 | (np.int32(data[i + 1]) & 63) << 12 | (np.int32(data[i + 2]) & 63) << 6 | (np.int32(data[i + 3]) & 63)
                )
                i += 4
            n += 1
        start[row + 1] = n


@kernel
def encode(points: I32, start: I64, data: U8, offsets: I64) -> None:
    """Write the UTF-8 of all rows; ``data`` has room for four bytes a code point."""
    n = 0
    for row in range(len(start) - 1):
        for i in range(start[row], start[row + 1]):
            c = points[i]
            if c < 0x80:
                data[n] = c
                n += 1
            elif c < 0x800:
                data[n] = 0xC0 | c >> 6
                data[n + 1] = 0x80 | (c & 63)
                n += 2
            elif c < 0x10000:
                data[n] = 0xE0 | c >> 12
                data[n + 1] = 0x80 | (c >> 6 & 63)
                data[n + 2] = 0x80 | (c & 63)
                n += 3
            else:
                data[n] = 0xF0 | c >> 18
                data[n + 1] = 0x80 | (c >> 12 & 63)
                data[n + 2] = 0x80 | (c >> 6 & 63)
                data[n + 3] = 0x80 | (c & 63)
                n += 4
        offsets[row + 1] = n


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
