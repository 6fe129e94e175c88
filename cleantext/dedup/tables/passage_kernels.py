"""Kernels of the passage search over tables: from texts to anchors, from pairs of anchors to verified passages. They need no engine and no files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cleantext.changes import I32, I64, Ragged
from cleantext.dedup.array_types import U64
from cleantext.dedup.folded.text_columns import text_points
from cleantext.dedup.folded.token_places import located, numbers_of, pack_numbers, pack_places, unpack_places, widen
from cleantext.dedup.folded.token_units import Unit, tokens
from cleantext.dedup.minhash.hash_kernels import digests, gather
from cleantext.dedup.passages.align import Alignments
from cleantext.dedup.passages.anchors import AnchorSpec, find_anchors, grow_pairs
from cleantext.dedup.passages.boilerplate import beyond_boilerplate, proposals
from cleantext.dedup.passages.passage_search import PassageParams, often
from cleantext.dedup.passages.repeated_runs import rows_of_runs
from cleantext.dedup.passages.span_pairs import verified
from cleantext.dedup.tables.arrow_kernels import COUNTED, TextHead, pack, unpack
from cleantext.fold import Fold, kept_column
from cleantext.jit import kernel
from cleantext.plan.binary_columns import int64_schema, number_batch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ALIGNED", "RUNS", "Align", "Beside", "Confirm", "Locate", "Propose", "Tokens", "Winnow"]

RUNS = 2  # in place of the mark of a crowded pair (0 or 1)
ALIGNED = ("a", "b", "a_low", "a_high", "b_low", "b_high", "inter", "a_size", "b_size", "exact")


@dataclass(frozen=True)
class Tokens:
    """Fold texts: one row each, with digest, tokens, and the position of each token in the text.

    ``low`` and ``high`` bound the text in code points, ``length`` counts kept characters, ``size`` tokens.
    """

    fold: Fold
    unit: Unit
    head: TextHead

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table of texts."""
        import pyarrow as pa

        return pa.schema([*self.head.schema, *int64_schema(COUNTED), ("tokens", pa.binary()), ("places", pa.binary())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows for a batch of ``place, id, text`` and, with ``keep="value"``, ``value``."""
        import pyarrow as pa

        texts = text_points(batch.column("text"))
        kept = kept_column(texts, fold=self.fold)
        column, chars = tokens(kept, self.unit)
        digest = digests(column.points, column.offsets).view(np.int64)
        rows = (np.zeros(len(texts), np.int64), *map(np.diff, (texts.offsets, kept.offsets, column.offsets)), digest[:, 0], digest[:, 1])
        yield pa.record_batch(
            [
                *self.head.columns(batch),
                *(pa.array(np.ascontiguousarray(row)) for row in rows),
                pack(Ragged(column.points, column.offsets), self.unit),
                pack_places(column, np.diff(chars), self.unit),
            ],
            schema=self.schema,
        )


@dataclass(frozen=True)
class Winnow:
    """Anchors of texts: hash and place of each, the anchor before it in the same text and the distance to it (0: none, or of another run).

    ``first`` is 1 where no anchor of this hash is before it in the text, ``run`` the run that it is in (see `find_runs`), and ``often``
    1 inside a run, and where so many like it are before it in the text that it is paired with the leading place alone. ``prior_often``
    is that of the anchor before it. Where texts and references are ``apart`` there are neither.
    """

    params: PassageParams
    apart: bool

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table of anchors."""
        import pyarrow as pa

        names = ("number", "spot", "gap", "first", "run", "often", "prior_often")
        return pa.schema([("hash", pa.int64()), ("prior", pa.int64()), *((n, pa.int32()) for n in names)])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the anchors of rows ``number, tokens``."""
        units = unpack(batch.column("tokens"), self.params.unit)
        found = find_anchors(units.points, units.offsets, self.params.anchor_spec)
        run = self.params.runs(units, found, apart=self.apart)[1]
        follows = np.append(False, (found.text[1:] == found.text[:-1]) & (run[1:] == run[:-1]))[: len(found.at)]
        number = batch.column("number").to_numpy()[found.text]
        before = _before(found.hash, found.text, run)
        crowded = (before >= often(apart=self.apart)) | (run < 0)
        yield number_batch(
            self.schema,
            [
                found.hash.view(np.int64),
                np.where(follows, np.append(found.hash[:1], found.hash[:-1]), 0).view(np.int64),
                number.astype(np.int32),
                (found.at - units.offsets[found.text]).astype(np.int32),
                np.where(follows, np.diff(found.at, prepend=0), 0).astype(np.int32),
                (before == 0).astype(np.int32),
                run,
                crowded.astype(np.int32),
                np.append(False, crowded[:-1])[: len(crowded)].astype(np.int32),
            ],
        )


@kernel
def _before(hashes: U64, text: I32, run: I32) -> I32:
    """Return for each anchor how many earlier anchors of its text have the same hash, not counting those inside runs."""
    size = 64
    while size < 2 * len(hashes):
        size *= 2
    table, out, count = np.full(size, -1, np.int64), np.zeros(len(hashes), np.int32), np.zeros(len(hashes), np.int32)
    for i in range(len(hashes)):
        at = (int(np.int64(hashes[i] >> np.uint64(20))) + 0x9E3779B1 * int(text[i])) & (size - 1)
        while table[at] >= 0 and (hashes[table[at]] != hashes[i] or text[table[at]] != text[i]):
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = i
        first = table[at]
        out[i] = count[first]
        if run[i] >= 0 or first == i:
            count[first] += 1
    return out


@dataclass(frozen=True)
class Beside:
    """Return the tokens around anchors of boilerplate, packed by `PackRows`: the anchor and up to ``window - 1`` tokens on each side."""

    anchor_spec: AnchorSpec
    unit: Unit

    @property
    def schema(self) -> pa.Schema:
        """The columns: text and place of the anchor, the number of tokens before it, and all tokens."""
        import pyarrow as pa

        return pa.schema([*int64_schema(("number", "spot", "before")), ("beside", pa.binary())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield a row for each anchor of rows ``number, spots, tokens``."""
        import pyarrow as pa

        units = unpack(batch.column("tokens"), self.unit)
        spots, bounds = numbers_of(batch.column("spots"), 1)
        text = np.repeat(np.arange(batch.num_rows), np.diff(bounds))
        spot = spots[:, 0].astype(np.int64)
        before = np.minimum(spot, self.anchor_spec.window - 1)
        low = units.offsets[text] + spot - before
        high = np.minimum(units.offsets[text] + spot + self.anchor_spec.run, units.offsets[text + 1])
        size = high - low
        offsets = np.append(0, np.cumsum(size))
        tokens = units.points[np.repeat(low - offsets[:-1], size) + np.arange(offsets[-1])]
        rows = [pa.array(np.ascontiguousarray(row)) for row in (batch.column("number").to_numpy()[text], spot, before)]
        yield pa.record_batch([*rows, pack_numbers(tokens.view(np.int32)[:, None], offsets)], schema=self.schema)


@dataclass(frozen=True)
class Propose:
    """Propose stretches of boilerplate in texts, from the extents of all their anchors in boilerplate, packed by `PackRows`."""

    k: int
    unit: Unit

    @property
    def schema(self) -> pa.Schema:
        """The columns: minus the number of texts, text, first token, end, hash of the identifying anchor, hashes of all k-grams."""
        import pyarrow as pa

        return pa.schema([*int64_schema(("fewer", "number", "low", "high", "seed")), ("hashes", pa.binary())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the stretches of rows ``number, extents, tokens``."""
        import pyarrow as pa

        units = unpack(batch.column("tokens"), self.unit)
        extents, bounds = numbers_of(batch.column("extents"), 4)
        rows = []
        for i, number in enumerate(batch.column("number").to_pylist()):
            spot, first, last, shared = extents[bounds[i] : bounds[i + 1]].astype(np.int64).T
            own = units.points[units.offsets[i] : units.offsets[i + 1]]
            for low, high, texts, seed, hashes in proposals(own, spot, first, last, shared, self.k):
                rows.append((-texts, number, low, high, np.uint64(seed).view(np.int64), np.array(hashes, np.uint64).tobytes()))
        columns = list(zip(*rows, strict=True)) or [()] * len(self.schema)
        yield pa.record_batch([pa.array(c, kind) for c, kind in zip(columns, self.schema.types, strict=True)], schema=self.schema)


@dataclass(frozen=True)
class Align:
    """Align pairs of texts at the places of their common anchors, packed by `PackRows`, into verified passages.

    A pair of a text with itself that is marked `RUNS` says that there are runs in it: their copies are passages, too.
    """

    params: PassageParams

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table of passages; positions are in tokens."""
        return int64_schema(ALIGNED)

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the passages of rows ``a, b, pairs, a_tokens, b_tokens, common``."""
        import pyarrow as pa

        a, b = batch.column("a").to_numpy(), batch.column("b").to_numpy()
        number, row, index = np.unique(np.concatenate([a, b]), return_index=True, return_inverse=True)
        both = pa.chunked_array([batch.column("a_tokens"), batch.column("b_tokens")]).take(pa.array(row)).combine_chunks()
        units = unpack(both, self.params.unit)
        one, other = index[: len(a)], index[len(a) :]
        pairs, bounds = numbers_of(batch.column("pairs"), 3)
        size = np.diff(bounds)
        one, other = np.repeat(one, size), np.repeat(other, size)
        marks = pairs[:, 2] == RUNS
        repeating = np.unique(one[marks])
        pairs, one, other = pairs[~marks], one[~marks], other[~marks]
        order = np.lexsort((pairs[:, 1], pairs[:, 0], other, one))
        base = units.offsets
        columns = (one, base[one] + pairs[:, 0], other, base[other] + pairs[:, 1], pairs[:, 2])
        matches = grow_pairs(units.points, base, np.stack(columns, axis=1)[order], self.params.anchor_spec.k)
        found = self.params.align(units, matches)
        if len(repeating):
            found = found.joined(self._copies(units, repeating))
        common, bounds = numbers_of(batch.column("common"), 2)
        if len(common):
            extents = np.unique(np.repeat(base[index[: len(a)]], np.diff(bounds))[:, None] + common, axis=0)
            found = beyond_boilerplate(found, extents[:, 0], extents[:, 1])
        a, b = found.a_text, found.b_text
        places = (found.a_low - base[a], found.a_high - base[a], found.b_low - base[b], found.b_high - base[b])
        yield number_batch(self.schema, [number[a], number[b], *places, *found[6:]])

    def _copies(self, units: Ragged, repeating: I64) -> Alignments:
        """Return the copies in the runs of some of the units."""
        part = gather(units, repeating)
        runs = self.params.runs(part, find_anchors(part.points, part.offsets, self.params.anchor_spec), apart=False)[0]
        found = rows_of_runs(part.points, runs, self.params.k, self.params.copy)
        shift = (units.offsets[repeating] - part.offsets[:-1])[found.a_text]
        text = repeating[found.a_text]
        a, b = (found.a_low + shift, found.a_high + shift), (found.b_low + shift, found.b_high + shift)
        return Alignments(text, *a, text, *b, *found[6:])


@dataclass(frozen=True)
class Locate:
    """Find the spans of token ranges, packed by `PackRows`, in their texts, and widen ranges that cut a character."""

    unit: Unit

    @property
    def schema(self) -> pa.Schema:
        """The columns: the range, the widened range, its span, and its number of kept characters."""
        return int64_schema(("number", "low", "high", "first", "last", "starts", "ends", "chars"))

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of ``number, ranges, places``."""
        places = unpack_places(batch.column("places"), self.unit)
        ranges, bounds = numbers_of(batch.column("ranges"), 2)
        text = np.repeat(np.arange(batch.num_rows), np.diff(bounds))
        low, high = ranges[:, 0].astype(np.int64), ranges[:, 1].astype(np.int64)
        first, last = low.copy(), high.copy()
        widen(text, first, last, places.start, places.offsets)
        start, end, chars = located(places, text, first, last)
        yield number_batch(self.schema, [batch.column("number").to_numpy()[text], low, high, first, last, start, end, chars])


@dataclass(frozen=True)
class Confirm:
    """Verify again the few pairs of ranges that were widened; keep those that reach the threshold."""

    k: int
    unit: Unit
    threshold: float

    @property
    def schema(self) -> pa.Schema:
        """The columns: those of the input, without the tokens."""
        return int64_schema(("x", "y", *ALIGNED[2:], "x_start", "x_end", "y_start", "y_end"))

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the input (which has ``x_tokens, y_tokens`` as well) that pass, with new counts."""
        columns = {name: batch.column(name).to_numpy().copy() for name in self.schema.names}
        sides = [unpack(batch.column(f"{side}_tokens"), self.unit) for side in "xy"]
        good = np.zeros(batch.num_rows, np.bool_)
        for i in range(batch.num_rows):
            x, y = (
                side.points[side.offsets[i] + columns[f"{name}_low"][i] : side.offsets[i] + columns[f"{name}_high"][i]]
                for side, name in zip(sides, "ab", strict=True)
            )
            inter, a_size, b_size = verified(x, y, self.k)
            columns["exact"][i] = np.array_equal(x, y)
            columns["inter"][i], columns["a_size"][i], columns["b_size"][i] = inter, a_size, b_size
            good[i] = inter / max(a_size + b_size - inter, 1) >= self.threshold
        yield number_batch(self.schema, [column[good] for column in columns.values()])
