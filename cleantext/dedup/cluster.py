"""Clusters: which copy stays. Every member has a verified pair with the very copy that is kept for it.

Texts are visited in the order in which they are preferred (longest, first, or a user's value; ties
by id), so the result depends on neither the order of the input nor on chains of similarities.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from cleantext.dedup.corpus import Corpus
from cleantext.dedup.passages import Search
from cleantext.dedup.rows import Rows

__all__ = ["Member", "document_members", "passage_members"]

SEARCHED_AGAIN = 32  # passages of one text whose copies have lost a part, and are searched again


class Member(NamedTuple):
    """A span that may go, and the span that stays for it."""

    text: int
    start: int
    end: int
    keeper: int
    keeper_start: int
    keeper_end: int
    similarity: float
    exact: bool


def _by_worse(corpus: Corpus, rows: Rows) -> tuple[dict[int, list[Member]], list[int]]:
    """Return for each text what may go for a copy in a preferred text (or before it in the same one), and the order of visit."""
    rank = corpus.rank
    swap = rank[rows.a] > rank[rows.b]
    names = [(first + suffix, second + suffix) for first, second in (("b", "a"), ("a", "b")) for suffix in ("", "_start", "_end")]
    columns = [np.where(swap, getattr(rows, second), getattr(rows, first)).tolist() for first, second in names]
    found: dict[int, list[Member]] = defaultdict(list)
    for row in zip(*columns, rows.similarity.tolist(), rows.exact.tolist(), strict=True):
        member = Member(*row)
        found[member.text].append(member)
    return found, sorted(found, key=rank.__getitem__)


def document_members(corpus: Corpus, rows: Rows) -> list[Member]:
    """Return each text that has a verified pair with a preferred text that stays, with the most preferred of these."""
    found, order = _by_worse(corpus, rows)
    gone: set[int] = set()
    members = []
    for text in order:
        keepers = [m for m in found[text] if m.keeper not in gone]
        if keepers:
            gone.add(text)
            members.append(min(keepers, key=lambda m: corpus.rank[m.keeper]))
    return members


def passage_members(corpus: Corpus, rows: Rows, search: Search) -> list[Member]:
    """Return the passages that may go, each with a verified copy of which nothing goes.

    Copies in other texts come first, then repeats inside one text; longer ones before shorter ones.
    Where part of a copy is gone itself, what remains of it is searched again. A passage that adds
    less than the shortest one to those of its text that go already is passed over.
    """
    found, order = _by_worse(corpus, rows)
    plan = _Plan(corpus, search)
    for text in order:
        blocked = [m for m in sorted(found[text], key=plan.order) if m.keeper != text and not plan.take(m)]
        for part in plan.remains(blocked[:SEARCHED_AGAIN]):
            plan.take(part)
    for text in order:
        for m in sorted(found[text], key=plan.order):
            if m.keeper == text and not plan.stays[text].meets(m.start, m.end):
                plan.take(m)
    return plan.members


class _Plan:
    """What goes and what must stay, so far."""

    def __init__(self, corpus: Corpus, search: Search) -> None:
        self.corpus, self.search = corpus, search
        self.gone: dict[int, Spans] = defaultdict(Spans)
        self.stays: dict[int, Spans] = defaultdict(Spans)
        self.members: list[Member] = []

    def order(self, m: Member) -> tuple[int, ...]:
        """Sort key: longer passages first, then the place, then the preferred copy."""
        return m.start - m.end, m.start, int(self.corpus.rank[m.keeper]), m.keeper_start

    def adds(self, m: Member) -> bool:
        """Say whether enough of a passage does not go already."""
        return m.end - m.start - self.gone[m.text].covered(m.start, m.end) >= self.search.min_chars

    def take(self, m: Member) -> bool:
        """Let a passage go, if its copy is whole; return whether that is settled."""
        if not self.adds(m):
            return True
        if self.gone[m.keeper].meets(m.keeper_start, m.keeper_end):
            return False
        self.gone[m.text].add(m.start, m.end)
        self.stays[m.keeper].add(m.keeper_start, m.keeper_end)
        self.members.append(m)
        return True

    def remains(self, blocked: list[Member]) -> list[Member]:
        """Return the passages that a text shares with what is left of copies that have lost a part."""
        places = {
            (m.keeper, start, end)
            for m in blocked
            if self.adds(m)
            for start, end in self.gone[m.keeper].left(m.keeper_start, m.keeper_end)
            if end - start >= self.search.min_chars
        }
        if not places:
            return []
        copies, text = sorted(places), blocked[0].text
        rows = self.search.between(self.corpus.texts[text], [self.corpus.texts[k][start:end] for k, start, end in copies])
        parts = []
        for i in range(len(rows)):
            keeper, base, _ = copies[int(rows.b[i]) - 1]
            copy = base + int(rows.b_start[i]), base + int(rows.b_end[i])
            parts.append(
                Member(text, int(rows.a_start[i]), int(rows.a_end[i]), keeper, *copy, float(rows.similarity[i]), bool(rows.exact[i]))
            )
        return sorted(parts, key=self.order)


class Spans:
    """A set of offsets, as disjoint spans in order."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []

    def _near(self, start: int, end: int) -> range:
        """Return the places of the spans that meet ``start:end`` or touch it."""
        low = bisect_right(self.spans, (start, start))
        low -= low > 0 and self.spans[low - 1][1] >= start
        high = bisect_right(self.spans, (end, end + 1))
        return range(low, high)

    def meets(self, start: int, end: int) -> bool:
        """Say whether an offset of ``start:end`` is in the set."""
        return any(a < end and start < b for a, b in (self.spans[i] for i in self._near(start, end)))

    def covered(self, start: int, end: int) -> int:
        """Return how many offsets of ``start:end`` are in the set."""
        return sum(max(0, min(b, end) - max(a, start)) for a, b in (self.spans[i] for i in self._near(start, end)))

    def left(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the parts of ``start:end`` that are not in the set."""
        parts = []
        for a, b in [self.spans[i] for i in self._near(start, end)]:
            if a > start:
                parts.append((start, min(a, end)))
            start = max(start, b)
        return [*parts, (start, end)] if start < end else parts

    def add(self, start: int, end: int) -> None:
        """Put ``start:end`` into the set."""
        near = self._near(start, end)
        for a, b in [self.spans[i] for i in near]:
            start, end = min(start, a), max(end, b)
        del self.spans[near.start : near.stop]
        insort(self.spans, (start, end))
