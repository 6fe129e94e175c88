"""Decisions over tables: which passages are removed, text by text in the order of preference, as in `keepers.passage_members`.

One scan over narrow rows decides every text, except where a copy has lost a part: the rest of that copy
must be searched again, which needs the texts. Such a text waits for the next scan, and so does every text
that depends on a copy in a waiting text. Memory holds the removed spans: those of all texts or, if the connected
components of texts are decided separately, those of the current components, whose texts are renumbered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, Ragged
from cleantext.dedup.clusters.keepers import SEARCHED_AGAIN, left_of, put, take_repeats, take_whole
from cleantext.dedup.clusters.removal import cuts_of
from cleantext.dedup.folded.text_columns import text_points
from cleantext.dedup.folded.text_units import FoldedUnits
from cleantext.dedup.folded.token_places import numbers_of, pack_places, unpack_places
from cleantext.dedup.folded.token_units import Unit
from cleantext.dedup.minhash.hash_kernels import roomier
from cleantext.dedup.passages.passage_search import PassageParams
from cleantext.dedup.tables.arrow_kernels import pack, unpack
from cleantext.dedup.tables.ordered_kernels import MEMBER, grouped
from cleantext.fold import KeptColumn
from cleantext.jit import kernel
from cleantext.plan.binary_columns import int64_schema, number_batch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Cut", "Decide", "Repeats", "SearchAgain", "Slice"]

# Kinds of rows for `Decide`: pairs; the mark of a text that was searched again; the pairs found by that search.
FOUND, SEARCHED, AGAIN = range(3)
GOES, STAYS, REPEAT = range(3)  # kinds of rows for `Repeats`


def _members(*more: str) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([*int64_schema(MEMBER), ("similarity", pa.float64()), *int64_schema(("exact", *more))])


@dataclass(frozen=True)
class Decide:
    """Decide which passages are removed; where that needs a search, return the remaining parts of the copies instead.

    With ``apart`` the rows are sorted by component, and a scan may get any subset of the components.
    """

    min_chars: int
    apart: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The columns: removed passages (``left_over`` 0), and places of keepers to compare with ``text`` again (``left_over`` 1)."""
        return _members("left_over")

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the decisions for rows sorted by text, kind, and preference."""
        import pyarrow as pa

        gone, place, waits, used = np.empty((16, 2), np.int64), np.zeros((16, 2), np.int64), np.zeros(16, np.bool_), 0
        for batch in grouped(batches, ("component",) if self.apart else ("text",)):
            spans = np.stack([batch.column(name).to_numpy() for name in MEMBER], axis=1)
            kind = batch.column("kind").to_numpy()
            numbers = None
            if self.apart:  # a component never asks for another one, so the spans of the previous one are dropped
                numbers, at = np.unique(spans[:, [0, 3]], return_inverse=True)
                spans[:, [0, 3]] = at.reshape(-1, 2)
                used, waits[:] = 0, False
            room = 1 + int(max(spans[:, 0].max(), spans[:, 3].max()))
            if room > len(place):
                more = 2 * room - len(place)
                place, waits = np.append(place, np.zeros((more, 2), np.int64), axis=0), np.append(waits, np.zeros(more, np.bool_))
            if numbers is not None:
                place[:room] = 0
            if used + len(spans) + 1 > len(gone):
                gone = roomier(gone, 2 * (used + len(spans)) + 1)
            taken, left, used = _decide(spans, kind, gone, place, waits, used, self.min_chars, SEARCHED_AGAIN)
            if numbers is not None:
                left[:, 0], left[:, 1] = numbers[left[:, 0]], numbers[left[:, 1]]
            columns = [batch.column(name).filter(pa.array(taken)) for name in (*MEMBER, "similarity", "exact")]
            yield pa.record_batch([*columns, pa.array(np.zeros(int(taken.sum()), np.int64))], schema=self.schema)
            none = np.zeros(len(left), np.int64)
            rows = [left[:, 0], none, none, left[:, 1], left[:, 2], left[:, 3], none.astype(np.float64), none, none + 1]
            yield number_batch(self.schema, rows)


@kernel
def _decide(
    spans: I64, kind: I64, gone: I64, place: I64, waits: npt.NDArray[np.bool_], used: int, least: int, most: int
) -> tuple[npt.NDArray[np.bool_], I64, int]:
    """Visit texts as `keepers.passage_members` does; return the mask of removed rows, rows (text, keeper, start, end) to search, and the end of ``gone``."""
    taken, left, n, high = np.zeros(len(spans), np.bool_), np.empty((16, 4), np.int64), 0, 0
    while high < len(spans):
        low, text = high, spans[high, 0]
        found = low
        while found < len(spans) and spans[found, 0] == text and kind[found] == FOUND:
            found += 1
        high = found
        while high < len(spans) and spans[high, 0] == text:
            high += 1
        place[text, 0] = place[text, 1] = used
        blocked = take_whole(spans, low, found, gone, place, taken, least, waits)
        if found < high and not waits[text]:
            take_whole(spans, found + 1, high, gone, place, taken, least, waits)
        elif not waits[text]:
            places = left_of(spans, blocked[:most], gone, place, least)
            waits[text] = len(places) > 0
            for i in range(len(places)):
                if n == len(left):
                    left = roomier(left, 2 * n)
                left[n, 0], left[n, 1], left[n, 2], left[n, 3] = text, places[i, 0], places[i, 1], places[i, 2]
                n += 1
        if waits[text]:
            place[text, 1] = used
            for i in range(low, high):
                taken[i] = False
        used = place[text, 1]
    return taken, left[:n].copy(), used


@dataclass(frozen=True)
class Slice:
    """Keep only the tokens that start within ``low:high`` of their text, with positions relative to ``low``."""

    unit: Unit

    @property
    def schema(self) -> pa.Schema:
        """The columns: those of the input."""
        import pyarrow as pa

        names = ("text", "kind", "keeper", "low", "high")
        return pa.schema([*int64_schema(names), ("tokens", pa.binary()), ("places", pa.binary())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a batch with fewer tokens."""
        import pyarrow as pa

        units, places = unpack(batch.column("tokens"), self.unit), unpack_places(batch.column("places"), self.unit)
        low, high = batch.column("low").to_numpy(), batch.column("high").to_numpy()
        base = units.offsets
        bounds = np.array([[*np.searchsorted(places.start[base[i] : base[i + 1]], [low[i], high[i]])] for i in range(len(low))])
        first, size = base[:-1] + bounds[:, 0], bounds[:, 1] - bounds[:, 0]
        offsets = np.append(0, np.cumsum(size))
        at = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], size)
        shift = np.repeat(low, size).astype(np.int32)
        part = KeptColumn(units.points[at], places.start[at] - shift, places.end[at] - shift, offsets)
        columns = [batch.column(name) for name in self.schema.names[:-2]]
        packed = [pack(Ragged(part.points, offsets), self.unit), pack_places(part, places.width[at], self.unit)]
        yield pa.record_batch([*columns, *packed], schema=self.schema)


@dataclass(frozen=True)
class SearchAgain:
    """Search texts for passages that they share with given places of other texts."""

    params: PassageParams

    @property
    def schema(self) -> pa.Schema:
        """The columns of passages that may be removed."""
        return _members()

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the passages found for rows sorted by ``text, kind, keeper, low``: each text (kind 0), followed by its places."""
        unit = self.params.unit
        for batch in grouped(batches, ("text",)):
            text, keeper, low = (batch.column(name).to_numpy() for name in ("text", "keeper", "low"))
            bounds = np.append(np.flatnonzero(np.append(True, text[1:] != text[:-1])), len(text))
            units, places = unpack(batch.column("tokens"), unit), unpack_places(batch.column("places"), unit)
            for i, j in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
                own = slice(units.offsets[i], units.offsets[j])
                column = KeptColumn(units.points[own], places.start[own], places.end[own], units.offsets[i : j + 1] - units.offsets[i])
                rows = self.params.run(FoldedUnits.against(column, np.append(0, np.cumsum(places.width[own])))).rows
                base = low[i + rows.b]
                spans = [np.full(len(rows), text[i]), rows.a_start, rows.a_end, keeper[i + rows.b], base + rows.b_start, base + rows.b_end]
                yield number_batch(self.schema, (*spans, rows.similarity, rows.exact.astype(np.int64)))


@dataclass(frozen=True)
class Repeats:
    """Decide which repeats inside one text are removed."""

    min_chars: int

    @property
    def schema(self) -> pa.Schema:
        """The columns of removed passages."""
        return _members()

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the removed repeats. Input rows of a text: its removed spans, the spans that stay for other texts, its repeats in order."""
        import pyarrow as pa

        for batch in grouped(batches, ("text",)):
            spans = np.stack([batch.column(name).to_numpy() for name in MEMBER], axis=1)
            taken = _repeat(spans, batch.column("kind").to_numpy(), self.min_chars)
            columns = [batch.column(name).filter(pa.array(taken)) for name in self.schema.names]
            yield pa.record_batch(columns, schema=self.schema)


@kernel
def _repeat(spans: I64, kind: I64, least: int) -> npt.NDArray[np.bool_]:
    """Return the mask of repeats that are removed (see `keepers.take_repeats`)."""
    taken = np.zeros(len(spans), np.bool_)
    gone, place, bounds, first = (
        np.empty((len(spans) + 1, 2), np.int64),
        np.zeros((1, 2), np.int64),
        np.zeros(2, np.int64),
        np.zeros(1, np.int64),
    )
    high = 0
    while high < len(spans):
        text, n = spans[high, 0], 0
        while high < len(spans) and spans[high, 0] == text and kind[high] == GOES:
            n = put(gone, 0, n, spans[high, 1], spans[high, 2])
            high += 1
        place[0, 1] = n
        stays = high
        while high < len(spans) and spans[high, 0] == text and kind[high] == STAYS:
            high += 1
        repeats = high
        while high < len(spans) and spans[high, 0] == text:
            high += 1
        kept, own = spans[stays:repeats].copy(), spans[repeats:high].copy()
        for x in range(len(kept)):
            kept[x, 3] = 0
        for x in range(len(own)):
            own[x, 0] = 0
        bounds[1] = len(own)
        good = take_repeats(own, bounds[: 1 + (len(own) > 0)], gone, place, kept, first, least)
        for x in range(len(own)):
            taken[repeats + x] = good[x]
    return taken


@dataclass(frozen=True)
class Cut:
    """Compute the cuts of removed passages (see `removal.passage_cuts`)."""

    unit: Unit
    min_chars: int

    @property
    def schema(self) -> pa.Schema:
        """The columns: disjoint spans, and whether the folded copy of each is exactly equal."""
        return int64_schema(("number", "low", "high", "exact"))

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the cuts of rows ``text, number, spans, places``."""
        spans, bounds = numbers_of(batch.column("spans"), 3)
        row = np.repeat(np.arange(batch.num_rows), np.diff(bounds))
        texts, places = text_points(batch.column("text")), unpack_places(batch.column("places"), self.unit)
        low, high = spans[:, 0].astype(np.int64), spans[:, 1].astype(np.int64)
        cuts = cuts_of(texts, places, row, low, high, spans[:, 2] != 0, min_chars=self.min_chars)
        number = batch.column("number").to_numpy()[cuts.text]
        yield number_batch(self.schema, (number, cuts.start, cuts.end, cuts.exact.astype(np.int64)))
