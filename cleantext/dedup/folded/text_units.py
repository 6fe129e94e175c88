"""The texts of a search: folded once, in the order of their ids, equal folds collapsed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cleantext.changes import I32, I64, U32, Ragged
from cleantext.dedup.array_types import U64
from cleantext.dedup.folded.text_columns import pieces, strings, text_column
from cleantext.dedup.folded.token_units import Unit, token_column, tokens
from cleantext.dedup.minhash.hash_kernels import digests, gather, gather_into
from cleantext.errors import InputError
from cleantext.fold import Fold, KeptColumn, kept_column
from cleantext.jit import kernel

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["REFERENCE", "TEXT", "FoldedTexts", "FoldedUnits", "Keep"]

TEXT, REFERENCE = 1, 2  # bits of `FoldedTexts.side`; without a reference set every text has both
Keep = str | Sequence[Any]


@dataclass(frozen=True)
class FoldedUnits:
    """Folded texts, followed by references. Texts with equal tokens share one unit.

    ``units`` holds the tokens of each unit; unit ``u`` stands for the texts
    ``members[starts[u]:starts[u + 1]]``, the preferred one first.
    """

    references: int  # number of references, which are the last texts
    rank: I64  # position of each text in the order of preference; references come first
    tokens: KeptColumn
    chars: I64  # kept characters before each token
    unit: I64
    starts: I64
    members: I64
    units: Ragged
    side: I32

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def own(self) -> int:
        """The number of texts that are not references."""
        return len(self) - self.references

    @property
    def apart(self) -> bool:
        """Whether only pairs of a text and a reference count. This also holds for an empty set of references."""
        return self.references > 0 or bool((self.side != TEXT | REFERENCE).any())

    def part(self, text: int, places: I64) -> FoldedUnits:
        """Return one text, with places (rows text, start, end) as its references. The places must not cut a token."""
        t = self.tokens
        points, start, end, offsets, chars = _slices(t.points, t.start, t.end, t.offsets, self.chars, text, places)
        return FoldedUnits.against(KeptColumn(points, start, end, offsets), chars)

    @classmethod
    def against(cls, tokens: KeptColumn, chars: I64) -> FoldedUnits:
        """Return the first text with all other texts as its references."""
        others = len(tokens) - 1
        rank = np.append(others, np.arange(others))
        unit, starts, members, side = _grouped(digests(tokens.points, tokens.offsets), tokens.offsets, rank, others, apart=True)
        units = gather(Ragged(tokens.points, tokens.offsets), members[starts[:-1]])
        return FoldedUnits(others, rank, tokens, chars, unit, starts, members, units, side)


@kernel
def _slices(points: U32, start: I32, end: I32, offsets: I64, chars: I64, text: int, places: I64) -> tuple[U32, I32, I32, I64, I64]:
    """Return the tokens of a text, then those of the places, with starts, ends, bounds and preceding kept characters."""
    low, bounds = np.empty(len(places) + 1, np.int64), np.zeros(len(places) + 2, np.int64)
    low[0], bounds[1] = offsets[text], offsets[text + 1] - offsets[text]
    for i in range(len(places)):
        first, last = offsets[places[i, 0]], offsets[places[i, 0] + 1]
        own = start[first:last]
        low[i + 1] = first + np.searchsorted(own, places[i, 1])
        bounds[i + 2] = bounds[i + 1] + first + np.searchsorted(own, places[i, 2]) - low[i + 1]
    n = bounds[-1]
    out, starts, ends, before = np.empty(n, np.uint32), np.empty(n, np.int32), np.empty(n, np.int32), np.zeros(n + 1, np.int64)
    for i in range(len(low)):
        base = places[i - 1, 1] if i else 0
        for x in range(bounds[i], bounds[i + 1]):
            t = low[i] + x - bounds[i]
            out[x], starts[x], ends[x] = points[t], start[t] - base, end[t] - base
            before[x + 1] = before[x] + chars[t + 1] - chars[t]
    return out, starts, ends, bounds, before


@dataclass(frozen=True)
class FoldedTexts(FoldedUnits):
    """Texts sorted by id, and their units; ``order[i]`` is the position of text ``i`` in the input."""

    columns: tuple[list[str] | pa.ChunkedArray, ...]  # the texts as given, and the references
    places: I64  # position of each text in the columns, laid end to end
    sizes: I64  # code points of each text
    ids: list[Any]
    order: I64

    @cached_property
    def texts(self) -> list[str]:
        """The texts; those of an Arrow column become strings when they are asked for."""
        given = [text for column in self.columns for text in strings(column, "texts")]
        return [given[place] for place in self.places.tolist()]

    @classmethod
    def read(
        cls, texts: Any, ids: Any, against: Any, against_ids: Any, keep: Keep, fold: Fold, unit: Unit, *, places: bool = True
    ) -> FoldedTexts:
        """Fold texts and references and collapse equal folds. Without ``places``, only the units have tokens, for a search for documents."""
        columns = (text_column(texts, "texts"), text_column(against, "against") if against is not None else [])
        own_ids, order = _sorted(len(columns[0]), ids, "ids")
        more_ids, more_order = _sorted(len(columns[1]), against_ids, "against_ids")
        at = np.concatenate([order, more_order + len(order)])
        if places:
            both = [text for column in columns for text in strings(column, "texts")]
            points = Ragged.of([both[place] for place in at.tolist()])
            kept = kept_column(points, fold=fold)
            length, sizes = np.diff(kept.offsets), np.diff(points.offsets)
            held, chars = tokens(kept, unit)
            keys, laid = digests(held.points, held.offsets), Ragged(held.points, held.offsets)
        else:
            parts = _TokenPieces.of(columns, fold, unit)
            length, sizes, keys = parts.length[at], parts.sizes[at], parts.keys[at]
            none = np.zeros(0, np.int32)
            held, chars = KeptColumn(none.view(np.uint32), none, none, np.append(0, np.cumsum(parts.count[at]))), none.astype(np.int64)
        rank = _rank(length[: len(order)], order, keep) + len(more_order)
        rank = np.concatenate([rank, np.arange(len(more_order))])
        unit_of, starts, members, side = _grouped(keys, held.offsets, rank, len(more_order), apart=against is not None)
        best = members[starts[:-1]]
        units = gather(laid, best) if places else parts.gathered(at[best])
        folded = (len(more_order), rank, held, chars, unit_of, starts, members, units, side)
        return cls(*folded, columns=columns, places=at, sizes=sizes, ids=own_ids + more_ids, order=order)


@dataclass(frozen=True)
class _TokenPieces:
    """The tokens of texts in the order given, without their places, in pieces: clearing memory for more takes the system as long as folding."""

    points: list[Ragged]
    count: I64  # tokens of each text
    length: I64  # kept characters of each text
    sizes: I64  # code points of each text
    keys: U64  # digest of each text

    @classmethod
    def of(cls, columns: Iterable[list[str] | pa.ChunkedArray], fold: Fold, unit: Unit) -> _TokenPieces:
        """Fold texts."""
        points = []
        counted: list[list[I64]] = [[np.zeros(0, np.int64)] for _ in range(3)]
        keys = [np.zeros((0, 2), np.uint64)]
        for column in columns:
            for piece in pieces(column):
                kept = kept_column(piece, fold=fold)
                held = token_column(kept, unit)
                points.append(Ragged(held.points, held.offsets))
                keys.append(digests(held.points, held.offsets))
                for found, offsets in zip(counted, (held.offsets, kept.offsets, piece.offsets), strict=True):
                    found.append(np.diff(offsets))
        count, length, sizes = map(np.concatenate, counted)
        return cls(points, count, length, sizes, np.concatenate(keys))

    def gathered(self, rows: I64) -> Ragged:
        """Return the texts ``rows``, in this order."""
        offsets = np.append(0, np.cumsum(self.count[rows]))
        out = np.empty(offsets[-1], np.uint32)
        place = np.full(len(self.count), -1)
        place[rows] = np.arange(len(rows))
        low = 0
        for piece in self.points:
            row = place[low : low + len(piece)]
            here = np.flatnonzero(row >= 0)
            gather_into(out, piece.points, piece.offsets, here, offsets[row[here]])
            low += len(piece)
        return Ragged(out, offsets)


def _grouped(keys: U64, offsets: I64, rank: I64, references: int, *, apart: bool) -> tuple[I64, I64, I64, I32]:
    """Group texts with equal digests: return unit, starts, members and side as in `FoldedUnits`. Unless ``apart``, every text is a reference, too."""
    unit, starts, members = _collapse(keys, offsets, rank)
    side = np.full(len(starts) - 1, 0 if apart else TEXT | REFERENCE, np.int32)
    if apart:
        own = len(unit) - references
        side[unit[:own]] |= TEXT
        side[unit[own:]] |= REFERENCE
    return unit, starts, members, side


def _sorted(count: int, ids: Iterable[Any] | None, name: str) -> tuple[list[Any], I64]:
    """Return the ids of texts, sorted so that results do not depend on the order of the input, and where each text stands in it."""
    if ids is None:
        return list(range(count)), np.arange(count, dtype=np.int64)
    known: list[Hashable] = ids.to_pylist() if hasattr(ids, "to_pylist") else list(ids)
    if len(known) != count:
        raise InputError(f"{name}: {len(known)} ids for {count} texts")
    if not (all(isinstance(i, str) for i in known) or all(isinstance(i, (int, np.integer)) for i in known)):
        raise InputError(f"{name}: expected all strings or all integers, so that they have one order")
    if len(set(known)) != len(known):
        raise InputError(f"{name}: not unique: {next(i for n, i in enumerate(known) if i in set(known[:n]))!r} stands twice")
    order = np.array(sorted(range(len(known)), key=known.__getitem__), np.int64)  # type: ignore[arg-type]
    return [known[i] for i in order], order


def _rank(length: I64, order: I64, keep: Keep) -> I64:
    """Return the rank of each text in the order of preference; ties go by id. ``order`` has the input positions."""
    if isinstance(keep, str):
        if keep not in ("longest", "first"):
            raise InputError(f"keep={keep!r}: expected 'longest', 'first', or one value for each text, of which the smallest stays")
        best_first = np.argsort(-length if keep == "longest" else order, kind="stable")
    else:
        if len(keep) != len(order):
            raise InputError(f"keep: {len(keep)} values for {len(order)} texts")
        values = [keep[i] for i in order.tolist()]
        best_first = np.array(sorted(range(len(order)), key=values.__getitem__), np.int64)
    rank = np.empty(len(order), np.int64)
    rank[best_first] = np.arange(len(order))
    return rank


@kernel
def _collapse(keys: U64, offsets: I64, rank: I64) -> tuple[I64, I64, I64]:
    """Return the unit of each text, the bounds of each unit's members, and the members, the preferred one first.

    FoldedUnits come in the order of their best texts, so that neighbours stay neighbours in memory.
    Without a letter or digit there is nothing to compare: such a text is a unit of its own.
    """
    n, size = len(rank), 16
    while size < 2 * n:
        size *= 2
    by_rank, best, table = np.empty(n, np.int64), np.empty(n, np.int64), np.full(size, -1, np.int64)
    for text in range(n):
        by_rank[rank[text]] = text
    for one in by_rank:  # texts come in order of preference, so the first one of a unit is its best
        best[one] = one
        if offsets[one] == offsets[one + 1]:
            continue
        at = int(keys[one, 0]) & (size - 1)
        while table[at] >= 0 and (keys[table[at], 0] != keys[one, 0] or keys[table[at], 1] != keys[one, 1]):
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = one
        best[one] = table[at]
    unit, units = np.empty(n, np.int64), 0
    for text in range(n):
        if best[text] == text:
            unit[text] = units
            units += 1
    starts, members = np.zeros(units + 1, np.int64), np.empty(n, np.int64)
    for text in range(n):
        unit[text] = unit[best[text]]
        starts[unit[text] + 1] += 1
    starts = np.cumsum(starts)
    to = starts.copy()
    for one in by_rank:
        members[to[unit[one]]] = one
        to[unit[one]] += 1
    return unit, starts, members
