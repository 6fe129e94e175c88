"""Kernels of the search over tables: from texts to sketches, from candidates to verified pairs. No engine, no file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32, Ragged, text_of
from cleantext.dedup.bands import Bands
from cleantext.dedup.documents import sketch_keys
from cleantext.dedup.kernel import count_distinct, digests, overlaps, shingle_hashes
from cleantext.dedup.sketch import SketchSpec
from cleantext.dedup.tokens import Unit, tokens
from cleantext.fold import KeptColumn, kept_column
from cleantext.jit import kernel
from cleantext.script.utf8 import decode

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Sketch", "TableLevel", "Verify", "column_texts", "key_names", "pack", "unpack", "value_column"]

TableLevel = Literal["document", "paragraph"]
ASTRAL = 0x10000


def key_names(bands: Bands) -> list[str]:
    """Return the names of the columns of band keys."""
    return [f"k{band:02d}" for band in range(bands.bands)]


@dataclass(frozen=True)
class Sketch:
    """Fold texts, or their paragraphs, and sketch them: one row each, with digest, band keys and tokens.

    A paragraph is a line with at least ``min_chars`` letters and digits; ``low`` and ``high`` are where it
    starts and ends, in code points of its text.
    """

    spec: SketchSpec
    bands: Bands
    level: TableLevel
    min_chars: int
    reference: bool
    id_type: Literal["string", "int64"]
    value: Literal["", "int64", "double"] = ""  # the type of a column that says which text stays, where there is one

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table of units."""
        import pyarrow as pa

        ids = pa.string() if self.id_type == "string" else pa.int64()
        head = [("place", pa.int64()), ("id", ids), ("reference", pa.int32())]
        head.append(("value", pa.int64() if self.value == "int64" else pa.float64()))
        integers = ["low", "high", "length", "size", "d1", "d2", *key_names(self.bands)]
        return pa.schema([*head, *((name, pa.int64()) for name in integers), ("tokens", pa.binary())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a batch of ``place, id, text`` and, where one decides, ``value``."""
        import pyarrow as pa

        texts = column_texts(batch.column("text"))
        text, start, end = self._units(texts)
        kept = kept_column(Ragged(texts.points, np.append(texts.offsets[text] + start, texts.offsets[-1])), fold=self.spec.fold)
        length = np.diff(kept.offsets)
        if self.level == "paragraph":
            long = np.flatnonzero(length >= self.min_chars)
            text, start, end, length = text[long], start[long], end[long], length[long]
            kept = kept.take(long)
            # A text without a paragraph leaves an empty one: its id is taken, too.
            bare = np.setdiff1d(np.arange(len(texts)), text)
            none = np.zeros(len(bare), np.int64)
            text, start, end, length = (np.append(x, y) for x, y in ((text, bare), (start, none), (end, none), (length, none)))
            kept = KeptColumn(kept.points, kept.start, kept.end, np.append(kept.offsets, none + kept.offsets[-1]))
        column, _ = tokens(kept, self.spec.unit)
        units = Ragged(column.points, column.offsets)
        keys = sketch_keys(units, self.spec, self.bands)
        end_of_shingles = np.maximum(units.offsets[1:] - self.spec.k + 1, units.offsets[:-1])
        size = count_distinct(shingle_hashes(units.points, self.spec.k), units.offsets[:-1], end_of_shingles)
        digest = digests(units.points, units.offsets).view(np.int64)
        rows = pa.array(text)
        schema = self.schema
        yield pa.record_batch(
            [
                batch.column("place").take(rows),
                batch.column("id").cast(schema.field("id").type).take(rows),
                pa.array(np.full(len(text), int(self.reference), np.int32)),
                value_column(batch, schema.field("value").type, told=bool(self.value) and not self.reference).take(rows),
                *(pa.array(x) for x in (start, end, length, size, digest[:, 0].copy(), digest[:, 1].copy())),
                *(pa.array(key.view(np.int64)) for key in keys),
                pack(units, self.spec.unit),
            ],
            schema=schema,
        )

    def _units(self, texts: Ragged) -> tuple[I64, I64, I64]:
        """Return for each unit its text, and its start and end there."""
        if self.level == "document":
            return np.arange(len(texts)), np.zeros(len(texts), np.int64), np.diff(texts.offsets)
        breaks = np.flatnonzero(texts.points == ord("\n"))
        starts = np.sort(np.concatenate([texts.offsets[:-1], breaks + 1]))
        ends = np.sort(np.concatenate([texts.offsets[1:], breaks]))
        # What follows a line break at the very end counts as an empty line of the next text: too short for anything.
        text = np.minimum(np.searchsorted(texts.offsets, starts, "right") - 1, len(texts) - 1)
        return text, starts - texts.offsets[text], ends - texts.offsets[text]


def value_column(batch: pa.RecordBatch, kind: pa.DataType, *, told: bool) -> pa.Array:
    """Return what says which text stays: nothing where it is not ``told``, as of references, which always do."""
    import pyarrow as pa

    if not told:
        return pa.nulls(batch.num_rows, kind)
    column = batch.column("value")
    return (column.cast(pa.int32()) if column.type == pa.date32() else column).cast(kind)


def column_texts(column: pa.Array) -> Ragged:
    """Return the strings of an Arrow column without a Python string for each; a null counts as empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.fill_null(column.cast(pa.large_string()), "")
    _, where, data = column.buffers()
    bounds = np.frombuffer(where, np.int64)[column.offset : column.offset + len(column) + 1]
    points, starts = np.empty(bounds[-1] - bounds[0], np.int32), np.zeros(len(bounds), np.int64)
    if len(points):
        decode(np.frombuffer(data, np.uint8), bounds, points, starts)
    return Ragged(points[: starts[-1]].view(np.uint32), starts)


def pack(units: Ragged, unit: Unit) -> pa.Array:
    """Return tokens as a binary column: characters as UTF-16, words (which are hashes) in 32 bits."""
    import pyarrow as pa

    if unit != "char":
        data, offsets = units.points.tobytes(), units.offsets * 4
    else:
        wide = units.points >= ASTRAL
        data = text_of(units.points).encode("utf-16-le") if wide.any() else units.points.astype(np.uint16).tobytes()
        offsets = 2 * (units.offsets + np.append(0, np.cumsum(wide))[units.offsets])
    return pa.Array.from_buffers(pa.large_binary(), len(units), [None, pa.py_buffer(offsets), pa.py_buffer(data)]).cast(pa.binary())


def unpack(column: pa.Array, unit: Unit) -> Ragged:
    """Return the tokens of a binary column."""
    import pyarrow as pa

    column = column.cast(pa.large_binary())
    _, where, data = column.buffers()
    bounds = np.frombuffer(where, np.int64)[column.offset : column.offset + len(column) + 1]
    held = bytes(memoryview(data)[bounds[0] : bounds[-1]]) if data is not None else b""
    offsets = bounds - bounds[0]
    if unit != "char":
        return Ragged(np.frombuffer(held, np.uint32), offsets // 4)
    return Ragged(*_decoded(np.frombuffer(held, np.uint16), offsets // 2))


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
        import pyarrow as pa

        return pa.schema([(name, pa.int64()) for name in ("a", "b", "inter", "a_size", "b_size")])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the verified ones of rows ``a, b, a_size, b_size, a_tokens, b_tokens``."""
        import pyarrow as pa

        order = pa.array(np.lexsort([batch.column(name).to_numpy() for name in ("b", "a")]))  # pairs of one text share its table
        batch = batch.take(order)
        number = batch.column("a").to_numpy()
        new = np.append(True, number[1:] != number[:-1])[: len(number)]
        a_size, b_size = batch.column("a_size").to_numpy(), batch.column("b_size").to_numpy()
        ranges, hashes, base = [], [], 0
        for name in ("a_tokens", "b_tokens"):
            column = batch.column(name)
            part = unpack(column.filter(pa.array(new)) if name == "a_tokens" else column, self.unit)  # the same text again: once
            hashes.append(shingle_hashes(part.points, self.k))
            ranges += [part.offsets[:-1] + base, np.maximum(part.offsets[1:] - self.k + 1, part.offsets[:-1]) + base]
            base += len(part.points)
        first = np.cumsum(new) - 1
        a_low, a_high = ranges[0][first], ranges[1][first]
        inter = overlaps(np.concatenate(hashes), a_low, a_high, ranges[2], ranges[3], a_size, b_size, self.least)
        good = (inter > 0) & (inter / (a_size + b_size - inter) >= self.least)  # the very number that is reported
        yield pa.record_batch(
            [pa.array(batch.column(n).to_numpy()[good]) if n != "inter" else pa.array(inter[good]) for n in self.schema.names],
            schema=self.schema,
        )
