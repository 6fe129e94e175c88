"""Boilerplate: stretches that occur in too many texts to pair these with each other. They are listed separately, and are not evidence of a passage.

Around each anchor in more than ``max_df`` units, less than one window of tokens is compared on each side, since a longer shared stretch
contains another anchor. So whole texts are never compared, and the search over tables (`passage_sql`) finds the same as that in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.dedup.folded.text_units import FoldedUnits
from cleantext.dedup.minhash.hash_kernels import shingle_hashes
from cleantext.dedup.passages.align import Alignments
from cleantext.dedup.passages.anchors import COMMON, Anchors, AnchorSpec
from cleantext.jit import wrapping

__all__ = ["Stretch", "agreement", "beyond_boilerplate", "extents", "listed", "most", "proposals", "stretches"]

# A passage counts if it has at least so many tokens outside boilerplate. (With 3, none of 5,030 passages of Chinese laws is lost,
# with 5, 17 are. Among 1,500 notices with 30 letters of prose, 1 leaves 3,782 pairs that arose by chance, 3 leaves 8.)
BESIDE = 3
MOST = 0.9  # a stretch continues while this share of the texts with its anchor agree, so that a few deviating copies do not end it


class Stretch(NamedTuple):
    """A stretch in more than ``max_df`` texts: its first occurrence, and the number of texts."""

    text: int
    start: int
    end: int
    texts: int


def beyond_boilerplate(aligned: Alignments, low: I64, high: I64) -> Alignments:
    """Drop passages that consist of boilerplate (``low:high``, see `extents`), except for what matches by accident.

    The anchors at the edge of boilerplate depend on the text next to it, so a few texts share some of these by chance.
    """
    order = np.argsort(low, kind="stable")
    low, high = low[order], np.maximum.accumulate(high[order])
    high[:-1] = np.minimum(high[:-1], low[1:])
    before = np.append(0, np.cumsum(high - low))

    def covered(at: I64) -> I64:
        i = np.searchsorted(low, at, "right")
        return before[i] - np.maximum(0, np.where(i > 0, high[i - 1], 0) - at)

    shared = covered(aligned.a_high) - covered(aligned.a_low)
    good = (shared == 0) | (aligned.a_high - aligned.a_low - shared >= BESIDE)
    return Alignments(*(column[good] for column in aligned))


def most(units: int, max_df: int) -> int:
    """Return how many of the units that share an anchor must agree for a stretch to continue."""
    return max(max_df + 1, int(np.ceil(MOST * units)))


@wrapping
def agreement(
    points: U32, low: I64, at: I64, high: I64, text: I64, order: I64, bounds: I64, least: I64, k: int, steps: int
) -> tuple[I64, I64]:
    """Count the tokens before and after each anchor, up to ``steps``, that are equal in at least ``least[g]`` units of its group.

    Anchor ``i`` begins at ``points[at[i]]``; the tokens ``points[low[i]:high[i]]`` of its unit are available. Group ``g``, the anchors with one
    hash, is ``order[bounds[g]:bounds[g + 1]]``, sorted by unit.
    """
    back, ahead = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for g in range(len(bounds) - 1):
        n, size = bounds[g + 1] - bounds[g], 16
        while size < 2 * n:
            size *= 2
        table, last, df, slot = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(n, np.int64)
        for way in (-1, 1):
            key = np.ones(n, np.uint64)  # hash of the tokens so far; 0 once the stretch has ended
            for step in range(steps):
                table[:], left = -1, 0
                for x in range(n):
                    i = order[bounds[g] + x]
                    p = at[i] - 1 - step if way < 0 else at[i] + k + step
                    if key[x] == 0 or not low[i] <= p < high[i]:
                        key[x] = 0
                        continue
                    key[x] = (key[x] ^ np.uint64(points[p])) * np.uint64(0x9E3779B97F4A7C15)
                    key[x] = (key[x] ^ (key[x] >> np.uint64(29))) | np.uint64(1)
                    s = int(np.int64(key[x] >> np.uint64(20))) & (size - 1)
                    while table[s] >= 0 and key[table[s]] != key[x]:
                        s = (s + 1) & (size - 1)
                    if table[s] < 0:
                        table[s], last[s], df[s] = x, -1, 0
                    slot[x] = s
                    if last[s] != text[i]:
                        last[s] = text[i]
                        df[s] += 1
                for x in range(n):
                    if key[x] != 0 and df[slot[x]] >= least[g]:
                        left += 1
                        if way < 0:
                            back[order[bounds[g] + x]] = step + 1
                        else:
                            ahead[order[bounds[g] + x]] = step + 1
                    else:
                        key[x] = 0
                if left == 0:
                    break
    return back, ahead


class _Common(NamedTuple):
    """Groups of anchors in more than ``max_df`` units, with the number of units of each."""

    order: I64
    bounds: I64
    units: I64


def _common(anchors: Anchors, order: I64, bounds: I64, state: I32) -> _Common:
    groups = np.flatnonzero(state[order[bounds[:-1]]] == COMMON)
    size = bounds[groups + 1] - bounds[groups]
    edges = np.append(0, np.cumsum(size))
    members = order[np.repeat(bounds[groups] - edges[:-1], size) + np.arange(edges[-1])]
    unit = anchors.text[members]
    new = np.append(True, unit[1:] != unit[:-1])
    new[edges[:-1]] = True
    return _Common(members, edges, np.add.reduceat(new.astype(np.int64), edges[:-1]))


def extents(
    corpus: FoldedUnits, anchors: Anchors, order: I64, bounds: I64, state: I32, anchor_spec: AnchorSpec, max_df: int
) -> tuple[I64, I64]:
    """Return, for each anchor in more than ``max_df`` units, the stretch around it that as many units share, sorted by place."""
    common = _common(anchors, order, bounds, state)
    back, ahead = _agreement(corpus, anchors, common, np.full(len(common.units), max_df + 1), anchor_spec)
    at = np.sort(common.order)
    return anchors.at[at] - back[at], anchors.at[at] + anchor_spec.k + ahead[at]


def _agreement(corpus: FoldedUnits, anchors: Anchors, common: _Common, least: I64, anchor_spec: AnchorSpec) -> tuple[I64, I64]:
    points, offsets, text = corpus.units.points, corpus.units.offsets, anchors.text.astype(np.int64)
    return agreement(
        points,
        offsets[text],
        anchors.at,
        offsets[text + 1],
        text,
        common.order,
        common.bounds,
        least,
        anchor_spec.k,
        anchor_spec.window - 1,
    )


def stretches(
    corpus: FoldedUnits, anchors: Anchors, order: I64, bounds: I64, state: I32, anchor_spec: AnchorSpec, max_df: int
) -> tuple[Stretch, ...]:
    """Return the whole stretches around anchors in more than ``max_df`` units, each once, with the number of texts."""
    common = _common(anchors, order, bounds, state)
    back, ahead = _agreement(corpus, anchors, common, np.array([most(n, max_df) for n in common.units.tolist()], np.int64), anchor_spec)
    copies = np.diff(corpus.starts)
    texts = np.zeros(len(anchors.at), np.int64)
    for low, high in zip(common.bounds[:-1].tolist(), common.bounds[1:].tolist(), strict=True):
        members = common.order[low:high]
        texts[members] = copies[np.unique(anchors.text[members])].sum()
    points, offsets = corpus.units.points, corpus.units.offsets
    found: list[tuple[int, int, int, int, int, list[int]]] = []
    for unit in np.unique(anchors.text[common.order[common.bounds[:-1]]]).tolist():
        base = int(offsets[unit])
        first, last = np.searchsorted(anchors.text, [unit, unit + 1])
        at = first + np.flatnonzero(texts[first:last])
        spot = anchors.at[at] - base
        own = points[base : offsets[unit + 1]]
        for low, high, count, seed, hashes in proposals(
            own, spot, spot - back[at], spot + anchor_spec.k + ahead[at], texts[at], anchor_spec.k
        ):
            found.append((-count, unit, low, high, seed, hashes))
    out = []
    for count, unit, low, high in listed(sorted(found)):
        text = int(corpus.members[corpus.starts[unit]])
        out.append(Stretch(text, *corpus.tokens[text].span(low, high), -count))
    return tuple(sorted(out))


def proposals(own: U32, spot: I64, low: I64, high: I64, texts: I64, k: int) -> Iterator[tuple[int, int, int, int, list[int]]]:
    """Yield the stretches of one unit: first token, end, number of texts, hash of the identifying anchor, hashes of all k-grams.

    Anchors are visited by the number of their texts, the largest first. Each joins the extents of anchors in nearly as many texts that
    overlap by a k-gram less one token, so that each k-gram of the whole is in one of them; anchors inside an earlier stretch are skipped.
    """
    hashes = shingle_hashes(own, k)
    by_place = np.argsort(low, kind="stable")
    done: list[tuple[int, int]] = []
    for seed in np.lexsort((spot, -texts)).tolist():
        if any(a <= spot[seed] and spot[seed] + k <= b for a, b in done):
            continue
        peers = by_place[texts[by_place] >= MOST * texts[seed]]
        reach = np.maximum.accumulate(high[peers])
        parts = np.flatnonzero(np.append(True, low[peers][1:] > reach[:-1] - k + 1))  # starts of the groups of overlapping extents
        part = int(np.searchsorted(parts, np.flatnonzero(peers == seed)[0], "right")) - 1
        a, b = int(low[peers[parts[part]]]), int(reach[np.append(parts[1:], len(peers))[part] - 1])
        done.append((a, b))
        yield a, b, int(texts[seed]), int(hashes[spot[seed]]), hashes[a : b - k + 1].tolist()


def listed(found: Iterable[tuple[int, int, int, int, int, list[int]]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the proposals whose anchor is in no earlier one. They come sorted, those in most texts first."""
    known: set[int] = set()
    for count, unit, low, high, seed, hashes in found:
        if seed not in known:
            known.update(hashes)
            yield count, unit, low, high
