"""Scans of the passage search over tables: what needs rows in an order. Each holds one group of rows at a time, or little more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cleantext.changes import I64
from cleantext.dedup.passage_maps import integers
from cleantext.dedup.places import pack_numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MEMBER", "ClusterNumbers", "Pack", "Stretches", "grouped"]

MEMBER = ("text", "low", "high", "keeper", "keeper_low", "keeper_high")


def grouped(batches: Iterator[pa.RecordBatch], names: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches that end where the values of columns ``names`` change."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        keys = np.stack([batch.column(name).to_numpy() for name in names], axis=1)
        if held and not np.array_equal(keys[0], np.array([held[-1].column(name)[-1].as_py() for name in names])):
            yield pa.concat_batches(held)
            held = []
        change = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1))
        if len(change):
            last = int(change[-1]) + 1
            yield pa.concat_batches([*held, batch.slice(0, last)])
            held = [batch.slice(last)]
        else:
            held.append(batch)
    if held:
        yield pa.concat_batches(held)


@dataclass(frozen=True)
class Pack:
    """Pack the values of each group of rows into one binary column, 32 bits each."""

    keys: tuple[str, ...]
    values: tuple[str, ...]
    into: str

    @property
    def schema(self) -> pa.Schema:
        """The columns: keys and the packed values."""
        import pyarrow as pa

        return pa.schema([*integers(self.keys), (self.into, pa.binary())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a row for each group of rows that are sorted by ``keys``."""
        import pyarrow as pa

        for batch in grouped(batches, self.keys):
            keys = [batch.column(name).to_numpy() for name in self.keys]
            new = np.append(True, np.logical_or.reduce([key[1:] != key[:-1] for key in keys]))
            first = np.flatnonzero(new)
            values = np.stack([batch.column(name).to_numpy().astype(np.int32) for name in self.values], axis=1)
            packed = pack_numbers(values, np.append(first, len(values)))
            yield pa.record_batch([*(pa.array(key[first].astype(np.int64)) for key in keys), packed], schema=self.schema)


@dataclass(frozen=True)
class Stretches:
    """Join anchors of boilerplate that are near one another in a text, within ``reach`` tokens, to stretches of ``k`` tokens and more."""

    k: int
    reach: int

    @property
    def schema(self) -> pa.Schema:
        """The columns: text, first and last token, and in how many texts all of it stands."""
        return integers(("number", "low", "high", "texts"))

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the stretches of rows ``number, spot, texts`` in the order of texts and places."""
        for batch in grouped(batches, ("number",)):
            number, at, texts = (batch.column(name).to_numpy() for name in ("number", "spot", "texts"))
            new = np.append(True, (number[1:] != number[:-1]) | (at[1:] > at[:-1] + self.reach))
            first = np.flatnonzero(new)
            last = np.append(first[1:], len(at)) - 1
            yield _rows(self.schema, number[first], at[first], at[last] + self.k, np.minimum.reduceat(texts, first))


@dataclass(frozen=True)
class ClusterNumbers:
    """Number the clusters of members: copies of places that overlap are one."""

    @property
    def schema(self) -> pa.Schema:
        """The columns: those given, and the cluster."""
        import pyarrow as pa

        return pa.schema([*integers(MEMBER), ("similarity", pa.float64()), ("cluster", pa.int64())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield rows as they come, in the order of ``keeper, keeper_low, keeper_high``, with their clusters."""
        import pyarrow as pa

        cluster, last = -1, np.iinfo(np.int64).min
        for batch in batches:
            keeper, low, high = (batch.column(name).to_numpy() for name in ("keeper", "keeper_low", "keeper_high"))
            reach = np.maximum.accumulate(np.append(last, (keeper << 40) + np.maximum(high, 1)))
            clusters = cluster + np.cumsum((keeper << 40) + low >= reach[:-1])
            yield pa.record_batch([*(batch.column(name) for name in self.schema.names[:-1]), pa.array(clusters)], schema=self.schema)
            cluster, last = int(clusters[-1]), int(reach[-1])


def _rows(schema: pa.Schema, *columns: I64) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.record_batch([pa.array(np.ascontiguousarray(column).astype(np.int64)) for column in columns], schema=schema)
