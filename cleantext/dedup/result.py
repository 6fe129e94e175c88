"""Duplicates: what a search found, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cleantext.dedup.clusters.keepers import Members, document_members, passage_members
from cleantext.dedup.clusters.removal import TextCuts, passage_cuts, whole_texts
from cleantext.dedup.folded.text_units import FoldedTexts
from cleantext.dedup.passages.boilerplate import Stretch
from cleantext.dedup.passages.passage_search import PassageParams
from cleantext.dedup.passages.span_pairs import SpanPairs
from cleantext.edits import Edit
from cleantext.errors import InputError, unknown

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Duplicates", "Level"]

Level = Literal["document", "passage"]


@dataclass(frozen=True)
class Duplicates:
    r"""Verified duplicates among texts. Offsets are code points of the texts as given.

    ``facts`` describes the search: fold, unit, shingle width; the bands and their recall, or the
    anchors and the shortest run that they are certain to find; the number of groups of equal texts, and of
    hot buckets, whose members were compared only with representatives.

    >>> from cleantext.dedup import find_duplicates
    >>> line = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。"
    >>> found = find_duplicates([line, "街上\n" + line], ids=["a", "b"], keep="first")
    >>> found
    <Duplicates level='passage' threshold=0.8 pairs=1 removable=1>
    >>> found.pairs.select(["a", "b", "b_start", "similarity"]).to_pylist()
    [{'a': 'a', 'b': 'b', 'b_start': 3, 'similarity': 1.0}]
    >>> found.clusters.num_rows, found.boilerplate.num_rows, found.closest_calls(5).num_rows
    (2, 0, 1)
    >>> found.texts()[1], len(found.edits_for("b")), len(found.rethreshold(1.0).pairs)
    ('街上', 1, 1)
    """

    corpus: FoldedTexts
    rows: SpanPairs  # at document level also pairs slightly below the threshold
    level: Level
    threshold: float
    facts: Mapping[str, Any]
    params: PassageParams | None = None  # of passages
    stretches: tuple[Stretch, ...] = ()

    def __repr__(self) -> str:
        return f"<Duplicates level={self.level!r} threshold={self.threshold} pairs={len(self._found)} removable={len(self._cuts.text)}>"

    @cached_property
    def _found(self) -> SpanPairs:
        return self.rows.where(self.rows.similarity >= self.threshold)

    @cached_property
    def _members(self) -> Members:
        if self.params is None:
            return document_members(self.corpus, self._found)
        return passage_members(self.corpus, self._found, replace(self.params, threshold=self.threshold))

    @cached_property
    def _cuts(self) -> TextCuts:
        if self.params is None:
            return whole_texts(self._members)
        return passage_cuts(self.corpus, self._members, min_chars=self.params.min_chars)

    @property
    def pairs(self) -> pa.Table:
        """One row per verified pair: ``a, b, a_start, a_end, b_start, b_end, similarity, a_in_b, b_in_a, kind``.

        ``similarity`` is the exact Jaccard index of the shingles of the two spans; ``a_in_b`` is the
        share of a's shingles that b also has. ``kind`` is "exact" if the folded spans are equal, else "near".
        """
        return self._table(self._found)

    def _table(self, rows: SpanPairs) -> pa.Table:
        import pyarrow as pa

        ids = self.corpus.ids
        spans = {name: getattr(rows, name) for name in ("a_start", "a_end", "b_start", "b_end", "similarity", "a_in_b", "b_in_a")}
        kind = pa.DictionaryArray.from_arrays(rows.exact.astype(np.int8), pa.array(["near", "exact"])).cast(pa.string())
        return pa.table({"a": _ids(ids, rows.a.tolist()), "b": _ids(ids, rows.b.tolist()), **spans, "kind": kind})

    @property
    def clusters(self) -> pa.Table:
        """One row per copy: ``cluster, id, start, end, keeper, keeper_id, keeper_start, keeper_end, similarity``.

        A cluster consists of a place that stays (``keeper`` is true) and its members: all places that have a verified
        pair with a part of it. No part of a keeper is ever a member.
        """
        import pyarrow as pa

        m = self._members
        m = m.where(np.lexsort((m.end, m.start, m.text, m.keeper_end, m.keeper_start, m.keeper)))
        # Copies of overlapping places form one cluster: a new cluster begins with each keeper, and after each gap between its places.
        reach = np.maximum.accumulate((m.keeper << 40) + np.maximum(m.keeper_end, 1))
        new = np.append(True, (m.keeper[1:] << 40) + m.keeper_start[1:] >= reach[:-1])[: len(m)]
        first = np.flatnonzero(new)
        stays = m.where(first)
        end = np.maximum.reduceat(m.keeper_end, first) if len(first) else first
        keeper = Members(stays.keeper, stays.keeper_start, end, stays.keeper, stays.keeper_start, end, np.ones(len(first)), first >= 0)
        both, row = keeper.joined(m), np.append(first, np.arange(len(m)))
        order = np.argsort(row, kind="stable")  # puts each keeper right before the first of its copies
        both = both.where(order)
        ids = self.corpus.ids
        return pa.table(
            {
                "cluster": np.cumsum(order < len(first)) - 1,
                "id": _ids(ids, both.text.tolist()),
                "start": both.start,
                "end": both.end,
                "keeper": order < len(first),
                "keeper_id": _ids(ids, both.keeper.tolist()),
                "keeper_start": both.keeper_start,
                "keeper_end": both.keeper_end,
                "similarity": both.similarity,
            }
        )

    @property
    def boilerplate(self) -> pa.Table:
        """Stretches in more than ``max_df`` texts, which are not paired: ``id, start, end`` of the first one, and the number of ``texts``.

        For a stretch shorter than ``facts["certain_run"]``, ``texts`` may be too low.
        """
        import pyarrow as pa

        columns = list(zip(*self.stretches, strict=True)) or [(), (), (), ()]
        rest = {n: pa.array(c, pa.int64()) for n, c in zip(("start", "end", "texts"), columns[1:], strict=True)}
        return pa.table({"id": _ids(self.corpus.ids, list(columns[0])), **rest})

    def edits_for(self, id: Any) -> list[Edit]:  # noqa: A002 - the name that the user gave them
        """Return the edits that remove from a text everything that has a copy that stays.

        At passage level only whole sentences are removed: a passage that ends within a sentence is shortened to the
        whole sentences in it, and stays if these have fewer than ``min_chars`` letters. Raises `ConfigError` for an unknown id, `InputError`
        for one of another type.
        """
        text = self._number.get(id)
        if text is None:
            kinds = {type(known).__name__ for known in self._number}
            if self._number and type(id).__name__ not in kinds:
                raise InputError(f"id {id!r}: the ids of these texts are {kinds.pop()}, not {type(id).__name__}")
            raise unknown("id", str(id), map(str, self._number))
        return self._cuts.edits(text, self.corpus.texts[text])

    @cached_property
    def _number(self) -> dict[Any, int]:
        return {self.corpus.ids[i]: i for i in range(self.corpus.own)}

    def texts(self) -> list[str]:
        """Return the texts in the order of the input, without everything that has a copy that stays.

        At document level a removed text is empty.
        """
        kept = self._cuts.apply(self.corpus.texts)
        out = [""] * self.corpus.own
        for position, text in zip(self.corpus.order.tolist(), kept, strict=False):  # the references come last, and are dropped
            out[position] = text
        return out

    def rethreshold(self, threshold: float) -> Duplicates:
        """Return the duplicates at a higher threshold, without a new search.

        At passage level, passages below it are dropped, whereas a new search might find shorter passages above it within them.
        """
        if not threshold <= 1:
            raise InputError(f"threshold {threshold}: a similarity is at most 1")
        if threshold < self.threshold:
            raise InputError(f"this search was done at {self.threshold}: for {threshold} search again")
        return replace(self, threshold=threshold)

    def closest_calls(self, n: int = 10) -> pa.Table:
        """Return the ``n`` pairs whose similarity is nearest to the threshold.

        At document level this includes pairs slightly below the threshold, which were verified but not reported.
        """
        if n < 0:
            raise InputError(f"n={n}: expected the number of pairs")
        distance = np.abs(self.rows.similarity - self.threshold)
        return self._table(self.rows.where(np.sort(np.argsort(distance, kind="stable")[:n])))


def _ids(ids: list[Any], rows: list[int]) -> pa.Array:
    import pyarrow as pa

    return pa.array([ids[i] for i in rows], pa.string() if ids and isinstance(ids[0], str) else pa.int64())
