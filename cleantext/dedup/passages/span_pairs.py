"""SpanPairs: translate verified pairs of units into pairs of the texts in these units."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32
from cleantext.dedup.array_types import F64
from cleantext.dedup.folded.text_units import FoldedTexts, FoldedUnits
from cleantext.dedup.folded.token_places import widen
from cleantext.dedup.minhash.hash_kernels import roomier, shingle_hashes
from cleantext.dedup.minhash.verify import Verified
from cleantext.dedup.passages.align import Alignments
from cleantext.jit import kernel

__all__ = ["LISTED", "SpanPairs", "document_rows", "passage_rows", "verified"]

Bools = npt.NDArray[np.bool_]

# Units of up to so many members are paired member by member; in larger ones each member is paired with the other unit's best one.
LISTED = 64


@dataclass(frozen=True)
class SpanPairs:
    """Pairs of spans of texts (numbers in a `FoldedTexts`), offsets in code points of the texts."""

    a: I64
    b: I64
    a_start: I64
    a_end: I64
    b_start: I64
    b_end: I64
    similarity: F64
    a_in_b: F64  # share of a's shingles that b also has
    b_in_a: F64
    exact: Bools  # the folded texts are equal, not only their shingle sets

    def __len__(self) -> int:
        return len(self.a)

    def where(self, mask: Bools | I64) -> SpanPairs:
        """Return the rows of a mask, or at positions."""
        return SpanPairs(*(getattr(self, name)[mask] for name in COLUMNS))


COLUMNS = tuple(f.name for f in fields(SpanPairs))


@dataclass(frozen=True)
class _Pairs:
    """Pairs of texts before their offsets are known: ranges of tokens and sizes of sets."""

    a: I64
    b: I64
    a_low: I64
    a_high: I64
    b_low: I64
    b_high: I64
    inter: I64
    a_size: I64
    b_size: I64
    exact: Bools

    def where(self, rows: Bools | I64) -> _Pairs:
        """Return the pairs of a mask, or at positions."""
        return _Pairs(**{name: column[rows] for name, column in vars(self).items()})


def document_rows(corpus: FoldedTexts, found: Verified) -> SpanPairs:
    """Return the pairs of whole texts for pairs of units."""
    none, length = np.zeros(len(found.keys), np.int64), np.diff(corpus.units.offsets)
    a, b = found.a, found.b
    pairs = _spread(corpus, _Pairs(a, b, none, length[a], none, length[b], found.inter, found.a_size, found.b_size, none != 0), length > 0)
    none = np.zeros(len(pairs.a), np.int64)
    return _rows(pairs, none, corpus.sizes[pairs.a], none, corpus.sizes[pairs.b])


def passage_rows(corpus: FoldedUnits, found: Alignments, *, k: int, threshold: float, min_chars: int) -> SpanPairs:
    """Return the pairs of spans for pairs of passages, and the pairs of equal texts."""
    a_base, b_base = corpus.units.offsets[found.a_text], corpus.units.offsets[found.b_text]
    places = (found.a_low - a_base, found.a_high - a_base, found.b_low - b_base, found.b_high - b_base)
    sizes = (found.inter, found.a_size, found.b_size)
    best = corpus.members[corpus.starts[:-1]]
    long = corpus.chars[corpus.tokens.offsets[best + 1]] - corpus.chars[corpus.tokens.offsets[best]] >= min_chars
    pairs = _spread(corpus, _Pairs(found.a_text, found.b_text, *places, *sizes, found.exact != 0), long)
    pairs = _whole_characters(corpus, pairs, k, threshold)
    at, chars = corpus.tokens.offsets, corpus.chars
    a_low, a_high, b_low, b_high = (
        at[pairs.a] + pairs.a_low,
        at[pairs.a] + pairs.a_high,
        at[pairs.b] + pairs.b_low,
        at[pairs.b] + pairs.b_high,
    )
    long = np.minimum(chars[a_high] - chars[a_low], chars[b_high] - chars[b_low]) >= min_chars
    start, end = corpus.tokens.start, corpus.tokens.end
    spans = [column[long].astype(np.int64) for column in (start[a_low], end[a_high - 1], start[b_low], end[b_high - 1])]
    return _rows(pairs.where(long), *spans)


def _rows(p: _Pairs, a_start: I64, a_end: I64, b_start: I64, b_end: I64) -> SpanPairs:
    """Make the text with the smaller number (never a reference, if there are any) ``a``, and sort the rows."""
    swap = (p.a > p.b) | ((p.a == p.b) & (a_start > b_start))

    def swapped(first: I64, second: I64) -> tuple[I64, I64]:
        return np.where(swap, second, first), np.where(swap, first, second)

    (a, b), (a_start, b_start), (a_end, b_end) = swapped(p.a, p.b), swapped(a_start, b_start), swapped(a_end, b_end)
    a_size, b_size = swapped(p.a_size, p.b_size)
    with np.errstate(invalid="ignore", divide="ignore"):  # texts too short for shingles only occur in pairs of equal texts
        similarity, a_in_b, b_in_a = (np.where(p.exact, 1.0, p.inter / whole) for whole in (a_size + b_size - p.inter, a_size, b_size))
    order = np.lexsort(((b_start << 32) + b_end, (a_start << 32) + a_end, (a << 32) + b))
    return SpanPairs(a, b, a_start, a_end, b_start, b_end, similarity, a_in_b, b_in_a, p.exact).where(order)


def _spread(corpus: FoldedUnits, p: _Pairs, long: Bools) -> _Pairs:
    """Replace units by their texts, and add the pairs of equal texts in those units that are ``long`` enough."""
    at = corpus.tokens.offsets
    own = corpus.own if corpus.apart else 0
    row, a, b = _texts(p.a, p.b, corpus.starts, corpus.members, long, own, LISTED)
    copies = row < 0
    if len(row) == len(p.a) and not copies.any():
        return replace(p.where(row), a=a, b=b)
    # Copies refer to an extra last row: an exact pair with empty ranges.
    p = _Pairs(**{name: np.append(column, column.dtype == bool) for name, column in vars(p).items()}).where(row)
    length = np.where(copies, at[a + 1] - at[a], 0)
    return replace(p, a=a, b=b, a_high=p.a_high + length, b_high=p.b_high + length)


@kernel
def _texts(a: I64, b: I64, starts: I64, members: I64, long: Bools, own: int, listed: int) -> tuple[I64, I64, I64]:
    """Return the pairs of texts that pairs of units stand for: row of the units, or -1 for copies, and both texts.

    Where two groups have many pairs each member is paired with the best one of the other group. With
    references (texts from ``own`` on, if it is not 0) each pair has one.
    """
    out, n = np.empty((len(a) + 64, 3), np.int64), 0
    for row in range(len(a) + len(starts) - 1):
        x, y = (a[row], b[row]) if row < len(a) else (row - len(a), row - len(a))
        x_low, x_high, y_low, y_high = starts[x], starts[x + 1], starts[y], starts[y + 1]
        copies, inside = row >= len(a), row < len(a) and x == y
        if copies and (x_high - x_low < 2 or not long[x]):
            continue
        many = x_high - x_low > listed if copies else (x_high - x_low) * (y_high - y_low) > listed * listed
        for i in range(x_low, x_high):
            first, last = y_low, y_high
            if copies:
                first = i + 1
            elif inside:
                first, last = i, i + 1
            if many and not inside and i > x_low:
                last = min(last, y_low + (0 if copies else 1))
            for j in range(first, last):
                one, other = members[i], members[j]
                if own and (one < own) == (other < own):
                    continue
                if n == len(out):
                    out = roomier(out, 2 * n)
                out[n, 0], out[n, 1], out[n, 2] = -1 if copies else row, one, other
                n += 1
    return out[:n, 0].copy(), out[:n, 1].copy(), out[:n, 2].copy()


def _whole_characters(corpus: FoldedUnits, p: _Pairs, k: int, threshold: float) -> _Pairs:
    """Widen ranges that cut a character which NFKC splits (㎡ to m and 2), and verify those again."""
    tokens, at = corpus.tokens, corpus.tokens.offsets
    changed = widen(p.a, p.a_low, p.a_high, tokens.start, at) | widen(p.b, p.b_low, p.b_high, tokens.start, at)
    if not changed.any():
        return p
    good = np.ones(len(p.a), bool)
    for i in np.flatnonzero(changed).tolist():
        x = tokens.points[at[p.a[i]] + p.a_low[i] : at[p.a[i]] + p.a_high[i]]
        y = tokens.points[at[p.b[i]] + p.b_low[i] : at[p.b[i]] + p.b_high[i]]
        p.exact[i] = np.array_equal(x, y)
        inter, a_size, b_size = verified(x, y, k)
        p.inter[i], p.a_size[i], p.b_size[i] = inter, a_size, b_size
        good[i] = inter / max(a_size + b_size - inter, 1) >= threshold
    return p.where(good)


def verified(x: U32, y: U32, k: int) -> tuple[int, int, int]:
    """Return how many distinct shingles two stretches of tokens share, and how many each has."""
    x_set, y_set = (np.unique(shingle_hashes(piece, k)[: max(len(piece) - k + 1, 0)]) for piece in (x, y))
    return len(np.intersect1d(x_set, y_set, assume_unique=True)), len(x_set), len(y_set)
