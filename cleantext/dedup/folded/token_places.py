"""Token places: the positions of tokens in their texts, and lists of numbers, stored as binary columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64
from cleantext.dedup.folded.token_units import Unit
from cleantext.fold import KeptColumn
from cleantext.jit import kernel
from cleantext.plan.binary_columns import binary_column, values_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TokenPlaces", "located", "numbers_of", "pack_numbers", "pack_places", "unpack_places", "widen"]

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


class TokenPlaces(NamedTuple):
    """Start, end and number of kept characters (``width``) of each token. Text ``i`` has the tokens ``offsets[i]:offsets[i + 1]``."""

    start: I32
    end: I32
    width: I64
    offsets: I64


def pack_places(column: KeptColumn, width: I64, unit: Unit) -> pa.Array:
    """Encode token places as a binary column of variable-length integers (seven bits per byte): about two bytes a token."""
    rows = [np.diff(column.start, prepend=np.int32(0)).astype(np.int64), (column.end - column.start).astype(np.int64)]
    first = column.offsets[:-1][np.diff(column.offsets) > 0]
    rows[0][first] = column.start[first]
    if unit != "char":  # every character has width 1
        rows.append(width)
    count = len(rows)
    data, bounds = _pack(np.stack(rows, axis=1).ravel(), column.offsets * count)
    return binary_column(data, bounds)


def unpack_places(column: pa.Array, unit: Unit) -> TokenPlaces:
    """Decode what `pack_places` encoded."""
    count = 2 if unit == "char" else 3
    data, bounds = values_of(column)
    values, offsets = _unpack(data, bounds)
    rows = values.reshape(-1, count)
    offsets = offsets // count
    start = _summed(rows[:, 0].copy(), offsets)
    width = rows[:, 2].copy() if count == 3 else np.ones(len(rows), np.int64)
    return TokenPlaces(start, (start + rows[:, 1]).astype(np.int32), width, offsets)


def pack_numbers(values: I32, bounds: I64) -> pa.Array:
    """Encode lists of numbers as a binary column; the list of row ``i`` is ``values[bounds[i]:bounds[i + 1]]``."""
    return binary_column(np.ascontiguousarray(values), bounds * 4 * values.shape[1])


def numbers_of(column: pa.Array, width: int) -> tuple[I32, I64]:
    """Return the numbers of a binary column, ``width`` a row, and the bounds of each list; a null has none."""
    data, bounds = values_of(column)
    return np.frombuffer(data.tobytes(), np.int32).reshape(-1, width), bounds // (4 * width)


@kernel
def _pack(values: I64, offsets: I64) -> tuple[Bytes, I64]:
    out, bounds, n = np.empty(10 * len(values), np.uint8), np.zeros(len(offsets), np.int64), 0
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            value = values[i]
            while value >= 128:
                out[n] = np.uint8(value & 127)
                n += 1
                value >>= 7
            out[n] = np.uint8(value | 128)
            n += 1
        bounds[d + 1] = n
    return out[:n].copy(), bounds


@kernel
def _unpack(data: Bytes, bounds: I64) -> tuple[I64, I64]:
    out, offsets, n = np.empty(len(data), np.int64), np.zeros(len(bounds), np.int64), 0
    for d in range(len(bounds) - 1):
        value, shift = np.int64(0), 0
        for i in range(bounds[d], bounds[d + 1]):
            byte = np.int64(data[i])
            value |= (byte & 127) << shift
            shift += 7
            if byte & 128:
                out[n] = value
                n += 1
                value, shift = np.int64(0), 0
        offsets[d + 1] = n
    return out[:n].copy(), offsets


@kernel
def _summed(steps: I64, offsets: I64) -> I32:
    """Return the cumulative sums of the steps, text by text."""
    out = np.empty(len(steps), np.int32)
    for d in range(len(offsets) - 1):
        at = np.int64(0)
        for i in range(offsets[d], offsets[d + 1]):
            at += steps[i]
            out[i] = at
    return out


@kernel
def widen(text: I64, low: I64, high: I64, start: I32, offsets: I64) -> Bools:
    """Widen token ranges in place until none starts or ends inside a character; return which ranges changed."""
    changed = np.zeros(len(text), np.bool_)
    for i in range(len(text)):
        first, last = offsets[text[i]], offsets[text[i] + 1]
        while low[i] > 0 and start[first + low[i]] == start[first + low[i] - 1]:
            low[i] -= 1
            changed[i] = True
        while 0 < high[i] < last - first and start[first + high[i]] == start[first + high[i] - 1]:
            high[i] += 1
            changed[i] = True
    return changed


def located(places: TokenPlaces, text: I64, low: I64, high: I64) -> tuple[I64, I64, I64]:
    """Return start, end and number of kept characters of token ranges in their texts."""
    base = places.offsets[text]
    chars = np.append(0, np.cumsum(places.width))
    return places.start[base + low].astype(np.int64), places.end[base + high - 1].astype(np.int64), chars[base + high] - chars[base + low]
