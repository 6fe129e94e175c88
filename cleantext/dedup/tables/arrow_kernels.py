"""Kernels of the search over tables: from texts to sketches, from candidates to verified pairs. They need no engine and no files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32, Ragged, text_of
from cleantext.dedup.array_types import U64
from cleantext.dedup.folded.text_columns import array_pieces, text_points
from cleantext.dedup.folded.token_units import Unit, token_column
from cleantext.dedup.minhash.bands import Bands
from cleantext.dedup.minhash.document_pairs import sketch_keys
from cleantext.dedup.minhash.hash_kernels import digests, overlaps
from cleantext.dedup.minhash.sketch import SketchSpec
from cleantext.dedup.minhash.verify import distinct_shingles
from cleantext.fold import KeptColumn, kept_column
from cleantext.jit import kernel, kernel_beside
from cleantext.plan.binary_columns import binary_column, int64_schema, number_batch, values_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COUNTED", "Sketch", "TableLevel", "TextHead", "Verify", "key_names", "pack", "unpack"]

U16 = npt.NDArray[np.uint16]
TableLevel = Literal["document", "paragraph"]
ASTRAL = 0x10000
COUNTED = ("low", "high", "length", "size", "d1", "d2")  # for each text: bounds, kept characters, tokens, and the digest of the tokens


def key_names(bands: Bands) -> list[str]:
    """Return the names of the columns of band keys."""
    return [f"k{band:02d}" for band in range(bands.bands)]


@dataclass(frozen=True)
class TextHead:
    """The leading columns of each text: ``place, id, reference`` and ``value``, which decides which text stays."""

    id_type: Literal["string", "int64"]
    value: Literal["", "int64", "double"] = ""  # type of the column ``value``, if there is one
    reference: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        import pyarrow as pa

        ids = pa.string() if self.id_type == "string" else pa.int64()
        value = pa.int64() if self.value == "int64" else pa.float64()
        return pa.schema([("place", pa.int64()), ("id", ids), ("reference", pa.int32()), ("value", value)])

    def columns(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Return them for a batch of texts. References have no value: they always stay."""
        import pyarrow as pa

        schema, value = self.schema, pa.nulls(batch.num_rows)
        if self.value and not self.reference:
            value = batch.column("value")
            value = value.cast(pa.int32()) if value.type == pa.date32() else value
        reference = pa.array(np.full(batch.num_rows, int(self.reference), np.int32))
        return [batch.column("place"), batch.column("id").cast(schema.field("id").type), reference, value.cast(schema.field("value").type)]


@dataclass(frozen=True)
class Sketch:
    """Fold and sketch texts or their paragraphs: one row each, with digest, band keys and tokens.

    A paragraph is a line with at least ``min_chars`` letters and digits; ``low`` and ``high`` are where it
    starts and ends, in code points of its text.
    """

    spec: SketchSpec
    bands: Bands
    level: TableLevel
    min_chars: int
    head: TextHead

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table of units."""
        import pyarrow as pa

        return pa.schema([*self.head.schema, *int64_schema((*COUNTED, *key_names(self.bands))), ("tokens", pa.binary())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows for a batch of ``place, id, text`` and, with ``keep="value"``, ``value``."""
        import pyarrow as pa

        column = batch.column("text")
        parts, count = [], 0
        for texts in array_pieces(column) if self.level == "document" else [text_points(column)]:
            parts.append(self._sketched(texts, count))
            count += len(texts)
        parts = parts or [self._sketched(text_points(column), 0)]
        text, start, end, length, size, digest, keys = (np.concatenate(arrays, axis=-1) for arrays in list(zip(*parts, strict=True))[:-1])
        data, bounds = (list(each) for each in zip(*(part.packed for part in parts), strict=True))
        ends = np.cumsum([0, *(each[-1] for each in bounds)])
        head = self.head.columns(batch)
        if self.level != "document":
            rows = pa.array(text)
            head = [each.take(rows) for each in head]
        yield pa.record_batch(
            [
                *head,
                *(pa.array(x) for x in (start, end, length, size, *digest.view(np.int64))),
                *(pa.array(key) for key in keys.view(np.int64)),
                binary_column(
                    np.concatenate(data), np.concatenate([[0], *(low + each[1:] for low, each in zip(ends[:-1], bounds, strict=True))])
                ),
            ],
            schema=self.schema,
        )

    def _sketched(self, texts: Ragged, before: int) -> _Sketched:
        """Fold and sketch some texts of a batch, with ``before`` texts before them."""
        text, start, end = self._units(texts)
        kept = kept_column(Ragged(texts.points, np.append(texts.offsets[text] + start, texts.offsets[-1])), fold=self.spec.fold)
        length = np.diff(kept.offsets)
        if self.level == "paragraph":
            long = np.flatnonzero(length >= self.min_chars)
            text, start, end, length = text[long], start[long], end[long], length[long]
            kept = kept.take(long)
            # A text without paragraphs gives one empty paragraph, so that its id counts as used.
            bare = np.setdiff1d(np.arange(len(texts)), text)
            none = np.zeros(len(bare), np.int64)
            text, start, end, length = (np.append(x, y) for x, y in ((text, bare), (start, none), (end, none), (length, none)))
            kept = KeptColumn(kept.points, kept.start, kept.end, np.append(kept.offsets, none + kept.offsets[-1]))
        column = token_column(kept, self.spec.unit)
        units = Ragged(column.points, column.offsets)
        size = np.zeros(len(units), np.int64)
        keys = sketch_keys(units, self.spec, self.bands, size)
        digest = digests(units.points, units.offsets).T.copy()
        return _Sketched(text + before, start, end, length, size, digest, keys, packed(units, self.spec.unit))

    def _units(self, texts: Ragged) -> tuple[I64, I64, I64]:
        """Return the text of each unit, with start and end of the unit in it."""
        if self.level == "document":
            return np.arange(len(texts)), np.zeros(len(texts), np.int64), np.diff(texts.offsets)
        breaks = np.flatnonzero(texts.points == ord("\n"))
        starts = np.sort(np.concatenate([texts.offsets[:-1], breaks + 1]))
        ends = np.sort(np.concatenate([texts.offsets[1:], breaks]))
        # After a line break at the end of a text, an empty line is attributed to the next text. It is too short to matter.
        text = np.minimum(np.searchsorted(texts.offsets, starts, "right") - 1, len(texts) - 1)
        return text, starts - texts.offsets[text], ends - texts.offsets[text]


class _Sketched(NamedTuple):
    """The units of some texts, column by column."""

    text: I64
    start: I64
    end: I64
    length: I64
    size: I64
    digest: U64  # shape (2, units)
    keys: U64  # shape (bands, units)
    packed: tuple[npt.NDArray[np.uint8], I64]


def pack(units: Ragged, unit: Unit) -> pa.Array:
    """Return tokens as a binary column: characters as UTF-16, words (which are hashes) in 32 bits."""
    return binary_column(*packed(units, unit))


def packed(units: Ragged, unit: Unit) -> tuple[npt.NDArray[np.uint8], I64]:
    """Return the bytes of such a column, and their bounds."""
    if unit != "char":
        return units.points.view(np.uint8), units.offsets * 4
    if not (units.points >= ASTRAL).any():
        return units.points.astype(np.uint16).view(np.uint8), units.offsets * 2
    halves, bounds = _encoded(units.points, units.offsets)
    return halves.view(np.uint8), bounds * 2


def _encoded_at_once(points: U32, offsets: I64) -> tuple[U16, I64]:
    """Encode with NumPy."""
    halves = np.frombuffer(text_of(points).encode("utf-16-le"), np.uint16)
    return halves, offsets + np.append(0, np.cumsum(points >= ASTRAL))[offsets]


@kernel_beside(_encoded_at_once)
def _encoded(points: U32, offsets: I64) -> tuple[U16, I64]:
    """Return the UTF-16 of code points, and its bounds."""
    out, bounds = np.empty(2 * len(points), np.uint16), np.zeros(len(offsets), np.int64)
    n = np.uint64(0)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            point = points[i]
            if point >= np.uint32(ASTRAL):
                out[n] = np.uint16(np.uint32(0xD7C0) + (point >> np.uint32(10)))
                n += np.uint64(1)
                point = np.uint32(0xDC00) + (point & np.uint32(0x3FF))
            out[n] = np.uint16(point)
            n += np.uint64(1)
        bounds[d + 1] = n
    return out[:n].copy(), bounds


def unpack(column: pa.Array, unit: Unit) -> Ragged:
    """Return the tokens of a binary column."""
    data, bounds = values_of(column)
    raw = data.tobytes()
    if unit != "char":
        return Ragged(np.frombuffer(raw, np.uint32), bounds // 4)
    return Ragged(*_decoded(np.frombuffer(raw, np.uint16), bounds // 2))


@kernel
def _decoded(halves: npt.NDArray[np.uint16], bounds: I64) -> tuple[U32, I64]:
    """Return the code points of UTF-16, and their bounds."""
    out, offsets, n = np.empty(len(halves), np.uint32), np.zeros(len(bounds), np.int64), 0
    for d in range(len(bounds) - 1):
        high = np.uint32(0)
        for i in range(bounds[d], bounds[d + 1]):
            half = np.uint32(halves[i])
            if half & np.uint32(0xFC00) == np.uint32(0xD800):
                high = half
                continue
            if half & np.uint32(0xFC00) == np.uint32(0xDC00):
                half = np.uint32(ASTRAL) + ((high & np.uint32(0x3FF)) << np.uint32(10)) + (half & np.uint32(0x3FF))
            out[n] = half
            n += 1
        offsets[d + 1] = n
    return out[:n], offsets


@dataclass(frozen=True)
class Verify:
    """Count the shingles that candidates share; keep the pairs that reach ``least``."""

    k: int
    unit: Unit
    least: float

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table of verified pairs."""
        return int64_schema(("a", "b", "inter", "a_size", "b_size"))

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield those rows of ``a, b, a_size, b_size, a_tokens, b_tokens`` that reach the threshold."""
        import pyarrow as pa

        order = np.lexsort([batch.column(name).to_numpy() for name in ("b", "a")])  # pairs of the same text share its hash table
        a_size, b_size = batch.column("a_size").to_numpy()[order], batch.column("b_size").to_numpy()[order]
        ranges: list[I64] = []
        hashes, base = [], 0
        for side in "ab":  # each text once, however many pairs it is in
            _, row, index = np.unique(batch.column(side).to_numpy(), return_index=True, return_inverse=True)
            part = unpack(batch.column(f"{side}_tokens").take(pa.array(row)), self.unit)
            found, bounds = distinct_shingles(part, np.arange(len(part)), self.k)
            hashes.append(found)
            ranges += [(base + bounds[:-1])[index][order], (base + bounds[1:])[index][order]]
            base += len(found)
        a_low, a_high, b_low, b_high = ranges
        inter = overlaps(np.concatenate(hashes), a_low, a_high, b_low, b_high, a_size, b_size, self.least)
        good = (inter > 0) & (inter / (a_size + b_size - inter) >= self.least)  # computed exactly as the reported similarity is
        rows = [(inter if name == "inter" else batch.column(name).to_numpy()[order])[good] for name in self.schema.names]
        yield number_batch(self.schema, rows)
