"""Scans of the search over tables: kernels that need sorted rows. Each has about one group of rows in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cleantext.dedup.clusters.keepers import first_whole
from cleantext.dedup.folded.token_places import numbers_of, pack_numbers
from cleantext.dedup.passages.anchors import AnchorSpec
from cleantext.dedup.passages.boilerplate import agreement, listed, most
from cleantext.plan.binary_columns import int64_schema, number_batch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MEMBER", "Extents", "Listed", "Overlapping", "PackRows", "Stay", "grouped"]

MEMBER = ("text", "low", "high", "keeper", "keeper_low", "keeper_high")


def grouped(batches: Iterator[pa.RecordBatch], names: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches that never split a group of equal values in the columns ``names``."""
    import pyarrow as pa

    pending: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        keys = np.stack([batch.column(name).to_numpy() for name in names], axis=1)
        if pending and not np.array_equal(keys[0], np.array([pending[-1].column(name)[-1].as_py() for name in names])):
            yield pa.concat_batches(pending)
            pending = []
        change = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1))
        if len(change):
            last = int(change[-1]) + 1
            yield pa.concat_batches([*pending, batch.slice(0, last)])
            pending = [batch.slice(last)]
        else:
            pending.append(batch)
    if pending:
        yield pa.concat_batches(pending)


@dataclass(frozen=True)
class PackRows:
    """Pack the values of each group of rows into one binary column, 32 bits each."""

    keys: tuple[str, ...]
    values: tuple[str, ...]
    into: str

    @property
    def schema(self) -> pa.Schema:
        """The columns: keys and the packed values."""
        import pyarrow as pa

        return pa.schema([*int64_schema(self.keys), (self.into, pa.binary())])

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
class Extents:
    """Measure how far the text around anchors of boilerplate is shared by more than ``max_df`` texts, and by most (see `agreement`)."""

    anchor_spec: AnchorSpec
    max_df: int

    @property
    def schema(self) -> pa.Schema:
        """The columns: text and place of the anchor, the two extents, the number of its texts, and 1 if this place is its first."""
        return int64_schema(("number", "spot", "low", "high", "most_low", "most_high", "texts", "leads"))

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a row for each of ``hash, number, spot, before, beside, copies`` in the order of the first three."""
        for batch in grouped(batches, ("hash",)):
            hashes, number, spot, before, copies = (
                batch.column(name).to_numpy() for name in ("hash", "number", "spot", "before", "copies")
            )
            tokens, offsets = numbers_of(batch.column("beside"), 1)
            points = tokens[:, 0].copy().view(np.uint32)
            leads = np.append(True, hashes[1:] != hashes[:-1])
            bounds = np.append(np.flatnonzero(leads), len(hashes))
            new = leads | np.append(True, number[1:] != number[:-1])
            units = np.add.reduceat(new.astype(np.int64), bounds[:-1])
            texts = np.add.reduceat(np.where(new, copies, 0), bounds[:-1])
            columns = [number, spot]
            place = (offsets[:-1], offsets[:-1] + before, offsets[1:], number, np.arange(len(hashes)), bounds)
            for least in (np.full(len(units), self.max_df + 1), np.array([most(n, self.max_df) for n in units.tolist()])):
                back, ahead = agreement(points, *place, least, self.anchor_spec.k, self.anchor_spec.window - 1)
                columns += [spot - back, spot + self.anchor_spec.k + ahead]
            yield number_batch(self.schema, [*columns, np.repeat(texts, np.diff(bounds)), leads])


@dataclass(frozen=True)
class Listed:
    """Select the proposed stretches that no earlier one contains."""

    @property
    def schema(self) -> pa.Schema:
        """The columns: text, first token and end, and the number of texts."""
        return int64_schema(("number", "low", "high", "texts"))

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the stretches to list, from rows of `Propose` sorted by the number of texts, the largest first."""
        proposed = (
            (
                row["fewer"],
                row["number"],
                row["low"],
                row["high"],
                row["seed"] % (1 << 64),
                np.frombuffer(row["hashes"], np.uint64).tolist(),
            )
            for batch in batches
            for row in batch.to_pylist()
        )
        found = np.array([(number, low, high, -fewer) for fewer, number, low, high in listed(proposed)], np.int64).reshape(-1, 4)
        yield number_batch(self.schema, found.T)


@dataclass(frozen=True)
class Overlapping:
    """Group the copies of one keeper into clusters: those whose places in it overlap. The start of the first place identifies a cluster."""

    @property
    def schema(self) -> pa.Schema:
        """The columns: those of the input, and the start of the first place of the cluster."""
        import pyarrow as pa

        return pa.schema([*int64_schema(MEMBER), ("similarity", pa.float64()), ("first", pa.int64())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each row with its cluster. Rows must be sorted by ``keeper, keeper_low, keeper_high``."""
        import pyarrow as pa

        first, last = 0, np.iinfo(np.int64).min
        for batch in batches:
            keeper, low, high = (batch.column(name).to_numpy() for name in ("keeper", "keeper_low", "keeper_high"))
            reach = np.maximum.accumulate(np.append(last, (keeper << 40) + np.maximum(high, 1)))
            opens = (keeper << 40) + low >= reach[:-1]
            firsts = np.append(first, low[opens])[np.cumsum(opens)]
            yield pa.record_batch([*(batch.column(name) for name in self.schema.names[:-1]), pa.array(firsts)], schema=self.schema)
            first, last = int(firsts[-1]), int(reach[-1])


@dataclass(frozen=True)
class Stay:
    """Decide from pairs of ranks which texts are removed: those in a pair with a better one that stays. Each is removed for the best such text."""

    @property
    def schema(self) -> pa.Schema:
        """The columns: the rank of a removed text, and the rank of the text that stays for it."""
        return int64_schema(("worse", "better"))

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the decisive pairs of rows sorted by ``worse, better``, or by component and these. Memory: one byte per rank."""
        gone = np.zeros(1 << 10, np.bool_)
        for batch in batches:
            worse, better = batch.column("worse").to_numpy(), batch.column("better").to_numpy()
            room = 1 + int(worse.max(initial=0))
            if room > len(gone):
                gone = np.append(gone, np.zeros(2 * room - len(gone), np.bool_))
            taken = first_whole(worse, better, gone)
            yield number_batch(self.schema, (worse[taken], better[taken]))
