"""Duplicates: what a search found, and what follows from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cleantext.dedup.cluster import Member, document_members, passage_members
from cleantext.dedup.corpus import Corpus
from cleantext.dedup.passages import Search, Stretch
from cleantext.dedup.removal import cuts, whole
from cleantext.dedup.rows import Rows
from cleantext.edits import Edit, apply
from cleantext.errors import InputError, unknown

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Duplicates", "Level"]

Level = Literal["document", "passage"]


@dataclass(frozen=True)
class Duplicates:
    """Verified duplicates of some texts. Offsets are code points of the texts as given.

    ``facts`` says how the search was done: fold, unit, shingle width, bands and their recall or
    anchors and the run that they are certain to find, groups of equal texts and hot buckets whose
    members were compared with a representative only.
    """

    corpus: Corpus
    rows: Rows  # down to a little below the threshold, at document level
    level: Level
    threshold: float
    facts: Mapping[str, Any]
    search: Search | None = None  # of passages
    stretches: tuple[Stretch, ...] = ()

    def __repr__(self) -> str:
        return f"<Duplicates level={self.level!r} threshold={self.threshold} pairs={len(self._found)} removable={len(self._members)}>"

    @cached_property
    def _found(self) -> Rows:
        return self.rows.where(self.rows.similarity >= self.threshold)

    @cached_property
    def _members(self) -> list[Member]:
        if self.search is None:
            return document_members(self.corpus, self._found)
        return passage_members(self.corpus, self._found, replace(self.search, threshold=self.threshold))

    @cached_property
    def _by_text(self) -> dict[int, list[Member]]:
        found: dict[int, list[Member]] = defaultdict(list)
        for m in self._members:
            found[m.text].append(m)
        return found

    @property
    def pairs(self) -> pa.Table:
        """One row a verified pair: ``a, b, a_start, a_end, b_start, b_end, similarity, a_in_b, b_in_a, kind``.

        ``similarity`` is the exact Jaccard index of the shingles of the two spans; ``a_in_b`` is the
        share of a's shingles that b has, too. ``kind`` is "exact" where both read the same folded.
        """
        return self._table(self._found)

    def _table(self, rows: Rows) -> pa.Table:
        import pyarrow as pa

        ids = self.corpus.ids
        spans = {name: getattr(rows, name) for name in ("a_start", "a_end", "b_start", "b_end", "similarity", "a_in_b", "b_in_a")}
        kind = pa.DictionaryArray.from_arrays(rows.exact.astype(np.int8), pa.array(["near", "exact"])).cast(pa.string())
        return pa.table({"a": _ids(ids, rows.a.tolist()), "b": _ids(ids, rows.b.tolist()), **spans, "kind": kind})

    @property
    def clusters(self) -> pa.Table:
        """One row a copy: ``cluster, id, start, end, keeper, keeper_id, keeper_start, keeper_end, similarity``.

        A cluster is a place that stays (``keeper`` true) and all that have a verified pair with a
        part of it. Nothing of a keeper is ever a member.
        """
        import pyarrow as pa

        members = sorted(self._members, key=lambda m: (m.keeper, m.keeper_start, m.keeper_end, m.text, m.start))
        rows: list[tuple[int, int, int, int, bool, int, int, int, float]] = []
        at = 0
        cluster = 0
        while at < len(members):
            end, stop = at, members[at].keeper_end
            while end < len(members) and members[end].keeper == members[at].keeper and members[end].keeper_start < max(stop, 1):
                stop = max(stop, members[end].keeper_end)
                end += 1
            k, start = members[at].keeper, members[at].keeper_start
            rows.append((cluster, k, start, stop, True, k, start, stop, 1.0))
            rows += [
                (cluster, m.text, m.start, m.end, False, m.keeper, m.keeper_start, m.keeper_end, m.similarity) for m in members[at:end]
            ]
            at, cluster = end, cluster + 1
        names = ("cluster", "id", "start", "end", "keeper", "keeper_id", "keeper_start", "keeper_end", "similarity")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)) if rows else ([] for _ in names), strict=True))
        kinds = {"keeper": pa.bool_(), "similarity": pa.float64()}
        ids = self.corpus.ids
        return pa.table(
            {
                n: _ids(ids, column) if n in ("id", "keeper_id") else pa.array(column, kinds.get(n, pa.int64()))
                for n, column in columns.items()
            }
        )

    @property
    def boilerplate(self) -> pa.Table:
        """Stretches in more than ``max_df`` texts, which are not paired: ``id, start, end`` of the first, and ``texts``."""
        import pyarrow as pa

        columns = list(zip(*self.stretches, strict=True)) or [(), (), (), ()]
        rest = {n: pa.array(c, pa.int64()) for n, c in zip(("start", "end", "texts"), columns[1:], strict=True)}
        return pa.table({"id": _ids(self.corpus.ids, list(columns[0])), **rest})

    def edits_for(self, id: Any) -> list[Edit]:  # noqa: A002 - the name that the user gave them
        """Return the edits that remove from a text what has a copy that stays.

        At passage level whole sentences go: a passage that ends within one is shortened to those it
        holds whole, and stays where these have fewer than ``min_chars`` letters.
        """
        text = self._number.get(id)
        if text is None:
            raise unknown("id", str(id), map(str, self._number))
        members = self._by_text.get(text, [])
        if not members:
            return []
        original = self.corpus.texts[text]
        return cuts(original, members, min_chars=self.search.min_chars) if self.search else whole(original, members[0])

    @cached_property
    def _number(self) -> dict[Any, int]:
        return {self.corpus.ids[i]: i for i in range(self.corpus.own)}

    def texts(self) -> list[str]:
        """Return the texts in the order in which they were given, without what has a copy that stays.

        At document level a removed text is empty.
        """
        out = [""] * self.corpus.own
        for i, position in enumerate(self.corpus.order.tolist()):
            out[position] = apply(self.corpus.texts[i], self.edits_for(self.corpus.ids[i]))
        return out

    def rethreshold(self, threshold: float) -> Duplicates:
        """Return what remains at a higher threshold, without a new search.

        At passage level passages below it are left out; a new search would cut them into shorter ones above it.
        """
        if threshold < self.threshold:
            raise InputError(f"this search was done at {self.threshold}: for {threshold} search again")
        return replace(self, threshold=threshold)

    def closest_calls(self, n: int = 10) -> pa.Table:
        """Return the ``n`` pairs whose similarity is nearest to the threshold.

        At document level those below it are among them, which were verified and not reported.
        """
        distance = np.abs(self.rows.similarity - self.threshold)
        return self._table(self.rows.where(np.sort(np.argsort(distance, kind="stable")[:n])))


def _ids(ids: list[Any], rows: list[int]) -> pa.Array:
    import pyarrow as pa

    return pa.array([ids[i] for i in rows], pa.string() if ids and isinstance(ids[0], str) else pa.int64())
