"""Binary columns: lists of numbers, tokens and strings, concatenated as the bytes of Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["binary_column", "int64_schema", "number_batch", "values_of"]

Bytes = npt.NDArray[np.uint8]
Bounds = npt.NDArray[np.int64]


def values_of(column: pa.Array) -> tuple[Bytes, Bounds]:
    """Return the concatenated bytes of a column of strings or binary values, and their bounds, shape (rows + 1,). A null counts as empty.

    The bytes are those of the column, not to be written to.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.fill_null(column.cast(pa.large_binary()), b"")
    _, where, data = column.buffers()
    bounds = np.frombuffer(where, np.int64)[column.offset : column.offset + len(column) + 1]
    values = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]] if data is not None else np.empty(0, np.uint8)
    return values, bounds - bounds[0]


def binary_column(data: Any, bounds: Bounds) -> pa.Array:
    """Return a binary column of the values ``data[bounds[i]:bounds[i + 1]]``. ``data`` is bytes or a contiguous array."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(bounds)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers).cast(pa.binary())


def int64_schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of a table of 64-bit integers."""
    import pyarrow as pa

    return pa.schema([(name, pa.int64()) for name in names])


def number_batch(schema: pa.Schema, columns: Iterable[Any]) -> pa.RecordBatch:
    """Return a batch of arrays of numbers, cast to the types of the schema."""
    import pyarrow as pa

    return pa.record_batch(
        [pa.array(np.ascontiguousarray(column), field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
