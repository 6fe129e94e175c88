"""Rows: verified pairs of units carried back to the texts that the units stand for."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64
from cleantext.dedup.align import Alignments
from cleantext.dedup.corpus import Corpus, Units
from cleantext.dedup.kernel import shingle_hashes
from cleantext.dedup.types import F64
from cleantext.dedup.verify import Verified

__all__ = ["LISTED", "Rows", "document_rows", "passage_rows"]

# Members of two units (or of one) up to which all their pairs are listed; beyond, each member with the other's best one.
LISTED = 64


@dataclass(frozen=True)
class Rows:
    """Pairs of spans of texts (numbers in a `Corpus`), offsets in code points of the texts."""

    a: I64
    b: I64
    a_start: I64
    a_end: I64
    b_start: I64
    b_end: I64
    similarity: F64
    a_in_b: F64  # share of the shingles of a that b has, too
    b_in_a: F64
    exact: npt.NDArray[np.bool_]  # the folded texts are equal, not only their shingle sets

    def __len__(self) -> int:
        return len(self.a)

    def where(self, mask: npt.NDArray[np.bool_] | I64) -> Rows:
        """Return the rows of a mask, or at positions."""
        return Rows(*(getattr(self, f.name)[mask] for f in fields(self)))


@dataclass(frozen=True)
class _Pairs:
    """Pairs of texts before their offsets are known: ranges of tokens and sizes of sets."""

    a: I64
    b: I64
    low: tuple[I64, I64]
    high: tuple[I64, I64]
    inter: I64
    size: tuple[I64, I64]
    exact: npt.NDArray[np.bool_]


def document_rows(corpus: Corpus, found: Verified) -> Rows:
    """Return the pairs of texts behind pairs of units, whole text against whole text."""
    length = np.diff(corpus.units.offsets)
    none = np.zeros(len(found.keys), np.int64)
    high = (length[found.a], length[found.b])
    pairs = _spread(corpus, _Pairs(found.a, found.b, (none, none), high, found.inter, (found.a_size, found.b_size), none != 0), 1)
    whole = np.fromiter(map(len, corpus.texts), np.int64, len(corpus))
    return _rows(pairs, (np.zeros(len(pairs.a), np.int64), whole[pairs.a], np.zeros(len(pairs.a), np.int64), whole[pairs.b]))


def passage_rows(corpus: Units, found: Alignments, *, k: int, threshold: float, min_chars: int) -> Rows:
    """Return the pairs of spans behind pairs of passages, and whole texts that are copies of one another."""
    base = corpus.units.offsets[:-1]
    low = (found.a_low - base[found.a_text], found.b_low - base[found.b_text])
    high = (found.a_high - base[found.a_text], found.b_high - base[found.b_text])
    pairs = _spread(
        corpus, _Pairs(found.a_text, found.b_text, low, high, found.inter, (found.a_size, found.b_size), found.exact != 0), min_chars
    )
    pairs = _whole_characters(corpus, pairs, k, threshold)
    tokens, at = corpus.tokens, corpus.tokens.offsets
    ends = []
    long = np.ones(len(pairs.a), bool)
    for text, first, last in ((pairs.a, pairs.low[0], pairs.high[0]), (pairs.b, pairs.low[1], pairs.high[1])):
        ends += [tokens.start[at[text] + first].astype(np.int64), tokens.end[at[text] + last - 1].astype(np.int64)]
        long &= corpus.chars[at[text] + last] - corpus.chars[at[text] + first] >= min_chars
    return _rows(pairs, (ends[0], ends[1], ends[2], ends[3])).where(long)


def _rows(p: _Pairs, spans: tuple[I64, I64, I64, I64]) -> Rows:
    """Name the smaller text (or the one that is no reference) ``a`` and sort."""
    a, b = p.a, p.b
    swap = (a > b) | ((a == b) & (spans[0] > spans[2]))
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    a_start, a_end, b_start, b_end = (np.where(swap, spans[(i + 2) % 4], spans[i]) for i in range(4))
    size = np.where(swap, p.size[1], p.size[0]), np.where(swap, p.size[0], p.size[1])
    union = size[0] + size[1] - p.inter
    with np.errstate(invalid="ignore", divide="ignore"):  # texts too short for shingles are here only as equal ones
        similarity, a_in_b, b_in_a = (np.where(p.exact, 1.0, p.inter / whole) for whole in (union, *size))
    order = np.lexsort((b_end, b_start, a_end, a_start, b, a))
    return Rows(a, b, a_start, a_end, b_start, b_end, similarity, a_in_b, b_in_a, p.exact).where(order)


def _spread(corpus: Units, p: _Pairs, shortest: int) -> _Pairs:
    """Replace units by the texts they stand for, and add the pairs of texts within one unit."""
    size = np.diff(corpus.starts)
    row: list[I64] = []
    first: list[I64] = []
    second: list[I64] = []
    one = (size[p.a] == 1) & (size[p.b] == 1)
    row.append(np.flatnonzero(one))
    first.append(corpus.members[corpus.starts[p.a[one]]])
    second.append(corpus.members[corpus.starts[p.b[one]]])
    for i in np.flatnonzero(~one).tolist():
        x, y = _members(corpus, int(p.a[i])), _members(corpus, int(p.b[i]))
        if p.a[i] == p.b[i]:  # a repeat inside one text
            left, right = x, x
        else:
            left, right = _all_or_star(x, y)
        row.append(np.full(len(left), i))
        first.append(left)
        second.append(right)
    at, a, b = np.concatenate(row), np.concatenate(first), np.concatenate(second)
    inner_a, inner_b = _within(corpus, size, shortest)
    length = np.diff(corpus.tokens.offsets)[inner_a]
    none = np.zeros(len(inner_a), np.int64)

    def column(of_pairs: I64, of_copies: I64) -> I64:
        return np.concatenate([of_pairs[at], of_copies])

    spread = _Pairs(
        np.concatenate([a, inner_a]),
        np.concatenate([b, inner_b]),
        (column(p.low[0], none), column(p.low[1], none)),
        (column(p.high[0], length), column(p.high[1], length)),
        column(p.inter, none),
        (column(p.size[0], none), column(p.size[1], none)),
        np.concatenate([p.exact[at], none == 0]),
    )
    return _allowed(corpus, spread)


def _members(corpus: Units, unit: int) -> I64:
    return corpus.members[corpus.starts[unit] : corpus.starts[unit + 1]]


def _all_or_star(x: I64, y: I64) -> tuple[I64, I64]:
    """Return all pairs of two groups, or, where these are many, each member with the best one of the other group."""
    if len(x) * len(y) <= LISTED * LISTED:
        return np.repeat(x, len(y)), np.tile(y, len(x))
    return np.concatenate([x, np.full(len(y) - 1, x[0])]), np.concatenate([np.full(len(x), y[0]), y[1:]])


def _within(corpus: Units, size: I64, shortest: int) -> tuple[I64, I64]:
    """Return the pairs of texts of equal tokens that have at least ``shortest`` kept characters."""
    at = corpus.tokens.offsets
    long = corpus.chars[at[1:]] - corpus.chars[at[:-1]] >= shortest
    starts = corpus.starts[:-1][(size > 1) & long[corpus.members[corpus.starts[:-1]]]]
    first, second = [corpus.members[starts]], [corpus.members[starts + 1]]  # all there is of most groups
    for unit in np.flatnonzero((size > 2) & long[corpus.members[corpus.starts[:-1]]]).tolist():
        group = _members(corpus, unit)
        if len(group) <= LISTED:
            left, right = np.triu_indices(len(group), 1)
            first.append(group[left[1:]])
            second.append(group[right[1:]])
        else:
            first.append(np.full(len(group) - 2, group[0]))  # a reference, where there is one
            second.append(group[2:])
    return np.concatenate(first), np.concatenate(second)


def _allowed(corpus: Units, p: _Pairs) -> _Pairs:
    """Leave out pairs without a reference where there are references, and pairs of two."""
    if not corpus.references:
        return p
    good = (p.a < corpus.own) != (p.b < corpus.own)
    low, high, size = ((x[good], y[good]) for x, y in (p.low, p.high, p.size))
    return _Pairs(p.a[good], p.b[good], low, high, p.inter[good], size, p.exact[good])


def _whole_characters(corpus: Units, p: _Pairs, k: int, threshold: float) -> _Pairs:
    """Widen ranges that cut a character which NFKC splits (㎡ to m and 2), and verify those again."""
    tokens, at = corpus.tokens, corpus.tokens.offsets
    low, high = [x.copy() for x in p.low], [x.copy() for x in p.high]
    changed = np.zeros(len(p.a), bool)
    for side, text in enumerate((p.a, p.b)):
        first = at[text] + low[side]
        for i in np.flatnonzero((low[side] > 0) & (tokens.start[first] == tokens.start[first - 1])).tolist():
            start = tokens.start[first[i]]
            while low[side][i] > 0 and tokens.start[at[text[i]] + low[side][i] - 1] == start:
                low[side][i] -= 1
            changed[i] = True
        last = np.minimum(at[text] + high[side], at[text + 1] - 1)
        inside = at[text] + high[side] < at[text + 1]
        for i in np.flatnonzero(inside & (tokens.start[last] == tokens.start[last - 1])).tolist():
            start = tokens.start[last[i]]
            while at[text[i]] + high[side][i] < at[text[i] + 1] and tokens.start[at[text[i]] + high[side][i]] == start:
                high[side][i] += 1
            changed[i] = True
    inter, sizes, exact, good = p.inter.copy(), [x.copy() for x in p.size], p.exact.copy(), np.ones(len(p.a), bool)
    for i in np.flatnonzero(changed).tolist():
        x, y = (tokens.points[at[t[i]] + low[s][i] : at[t[i]] + high[s][i]] for s, t in enumerate((p.a, p.b)))
        exact[i] = np.array_equal(x, y)
        x_set, y_set = (np.unique(shingle_hashes(piece, k)[: max(len(piece) - k + 1, 0)]) for piece in (x, y))
        inter[i] = len(np.intersect1d(x_set, y_set, assume_unique=True))
        sizes[0][i], sizes[1][i] = len(x_set), len(y_set)
        good[i] = inter[i] >= threshold * (sizes[0][i] + sizes[1][i] - inter[i])
    columns = ((low[0][good], low[1][good]), (high[0][good], high[1][good]), inter[good], (sizes[0][good], sizes[1][good]))
    return _Pairs(p.a[good], p.b[good], *columns, exact[good])
