"""Record batches of bounded size for kernels, whatever sizes an engine or a file delivers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["cut", "grown"]


def grown(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """Join batches up to ``most`` bytes."""
    import pyarrow as pa

    pending: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if pending and size + batch.nbytes > most:
            yield pa.concat_batches(pending)
            pending, size = [], 0
        pending.append(batch)
        size += batch.nbytes
    if pending:
        yield pa.concat_batches(pending)


def cut(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """Halve batches until each has at most ``most`` bytes, or one row."""
    for batch in batches:
        if batch.num_rows > 1 and batch.nbytes > most:
            half = batch.num_rows // 2
            yield from cut(iter((batch.slice(0, half), batch.slice(half))), most)
        elif batch.num_rows:
            yield batch
