"""Texts as they were given, a list of strings or an Arrow column, and their code points piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, Ragged, column_texts
from cleantext.dedup.minhash.hash_kernels import batches
from cleantext.plan.binary_columns import values_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["array_pieces", "pieces", "strings", "text_column", "text_points"]

MANY = 1 << 22  # bytes of an Arrow column from which on it is decoded without making Python strings; below, they take milliseconds
PIECE = 1 << 17  # characters that are in memory as code points at once


def text_column(column: Any, name: str) -> list[str] | pa.ChunkedArray:
    """Return texts as an Arrow column if they are one, and long; otherwise as strings. A missing text counts as empty."""
    if hasattr(column, "column_names"):
        return strings(column, name)  # raises
    if hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
        import pyarrow as pa

        column = pa.chunked_array(column if hasattr(column, "__arrow_c_stream__") else [pa.array(column)])
        if column.type in (pa.string(), pa.large_string()) and column.nbytes >= MANY:
            return column
    return strings(column, name)


def strings(column: Any, name: str) -> list[str]:
    """Return the strings of a column (see `cleantext.changes.column_texts`); a missing text becomes an empty one, which has no duplicates."""
    return [text or "" for text in column_texts(column, name)]


def pieces(column: list[str] | pa.ChunkedArray) -> Iterator[Ragged]:
    """Yield the code points of texts, some at a time, so that arrays stay in the cache of a core."""
    if isinstance(column, list):
        for part in batches(np.fromiter(map(len, column), np.int64, len(column)), PIECE):
            yield Ragged.of(column[part])
        return
    for chunk in column.chunks:
        yield from array_pieces(chunk)


def array_pieces(column: pa.Array) -> Iterator[Ragged]:
    """Yield the code points of an Arrow column, some texts at a time; a null counts as empty."""
    data, bounds = values_of(column)
    for part in batches(np.diff(bounds) // 3, PIECE):
        yield _decoded(data, bounds[part.start : part.stop + 1])


def text_points(column: pa.Array) -> Ragged:
    """Return the code points of an Arrow column without making Python strings; a null counts as empty."""
    return _decoded(*values_of(column))


def _decoded(data: npt.NDArray[np.uint8], bounds: I64) -> Ragged:
    from cleantext.script.utf8 import decode

    size = int(bounds[-1] - bounds[0])
    points, starts = np.empty(size, np.int32), np.zeros(len(bounds), np.int64)
    if size:
        decode.sized(size)(data, bounds, points, starts)
    points.flags.writeable = False  # like those of strings; otherwise Numba would compile kernels twice
    return Ragged(points[: starts[-1]].view(np.uint32), starts)
