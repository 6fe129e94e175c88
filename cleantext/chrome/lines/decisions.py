"""The decisions on pages: as columns of edits, as one decision per page, and their titles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I32, I64, Changes, EditColumns, Ragged
from cleantext.chrome.lines.columns import COUNT, DATED, HEAD, LONG, NAMED, RULE, SUMMARY, Lines
from cleantext.chrome.lines.evidence import Evidence
from cleantext.chrome.rules.pack import Rule
from cleantext.edits import Edit
from cleantext.jit import kernel

__all__ = ["Decisions", "Odds", "PageDecision", "Reason", "cut_parts", "removals", "title_of", "titles"]


class Reason(NamedTuple):
    """Why a span of a page was cut: one row for each removed line or part of a line."""

    start: int
    end: int  # offset in the page, without the line break
    rule: str
    strength: str  # "A", "B" or "C": strength of the evidence, which several words of one kind may raise
    zone: str
    because: str  # why the evidence was sufficient


class Odds(NamedTuple):
    """The probability of a learned model that a line of a page is page chrome, and whether it was removed for that."""

    start: int
    end: int  # offset in the page, without the line break
    chrome: float  # 0 to 1
    gone: bool


@dataclass(frozen=True)
class PageDecision:
    """The cuts of a page, its salvaged metadata, and the reasons."""

    edits: list[Edit] = field(default_factory=list)
    flags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    explain: Callable[[], Iterable[Reason]] = field(default=tuple, repr=False, compare=False)

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """One row for each removed line or part of a line, in page order."""
        return tuple(self.explain())


@dataclass(frozen=True)
class Decisions:
    """The decisions on a batch of pages: as columns if only the texts are needed, as `page_decisions` if the reasons are needed too."""

    texts: Sequence[str]
    cuts: I64  # rows of page, start, end and rule number, sorted
    rules: Sequence[Rule]
    flags: Mapping[int, tuple[str, ...]]
    metadata: Mapping[int, Mapping[str, Any]]
    explain: Callable[[int], Iterable[Reason]]  # why parts of a page were removed
    weigh: Callable[[int], Iterable[Odds]]  # the lines of a page that a learned model decided on

    def page_decisions(self) -> list[PageDecision]:
        """Return the decision on each page."""
        edits: list[list[Edit]] = [[] for _ in self.texts]
        for page, start, end, rule in self.cuts.tolist():
            edits[page].append(Edit(start, end, self.texts[page][start:end], "", self.rules[rule].id))
        return [PageDecision(e, self.flags.get(n, ()), self.metadata.get(n, {}), partial(self.explain, n)) for n, e in enumerate(edits)]

    def changed_texts(self) -> dict[int, str]:
        """Return what is left of each page that changes."""
        out: dict[int, str] = {}
        pages, starts, ends = self.cuts[:, 0], self.cuts[:, 1].tolist(), self.cuts[:, 2].tolist()
        firsts = np.append(np.flatnonzero(np.diff(pages, prepend=-1)), len(pages)).tolist()
        for number, first, last in zip(pages[firsts[:-1]].tolist(), firsts, firsts[1:], strict=False):
            text = self.texts[number]
            kept = zip([0, *ends[first:last]], [*starts[first:last], len(text)], strict=True)
            out[number] = "".join([text[a:b] for a, b in kept])
        return out

    def changes(self) -> Changes:
        """Return the decisions as the changes of one step."""
        used, rule = np.unique(self.cuts[:, 3], return_inverse=True)
        page, start, end = self.cuts[:, :3].astype(np.int32).T.copy()
        before = [self.texts[n][a:b] for n, a, b in zip(page.tolist(), start.tolist(), end.tolist(), strict=True)]
        columns = EditColumns(
            page=page,
            start=start,
            end=end,
            before=Ragged.of(before),
            after=Ragged(np.empty(0, np.uint32), np.zeros(len(page) + 1, np.int64)),
            rule=rule.astype(np.int32),
            rules=tuple(self.rules[n].id for n in used.tolist()),
        )
        return Changes({}, columns, self.flags, {n: m for n, m in self.metadata.items() if m}, self.changed_texts())


@kernel
def removals(lines: Lines, bounds: I64, evidence: I32, whole: I32, ends: I64, broken: I64) -> I64:
    """Return the cuts that remove the lines decided on: rows of page, start, end and rule; none for pages that are kept ``whole``.

    A line is removed with its line break and the blank lines after it; the foot of a page with the line breaks before it. Adjacent lines
    of one rule form one cut. Page ``p`` has ``ends[p]`` characters, the last a line break if ``broken[p]`` is 1.
    """
    rows = np.empty((len(lines.removed_by), 4), np.int64)
    found = 0
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        if whole[p]:
            continue
        last = hi - 1  # last line that is kept
        while last >= lo and lines.removed_by[last] >= 0:
            last -= 1
        kept = -1
        first = lo  # of the run of removed lines
        joins = False  # whether the line before belongs to the last cut written
        for n in range(lo, hi):
            if lines.removed_by[n] < 0:
                kept, joins = n, False
                continue
            goes_on = n > lo and lines.removed_by[n - 1] >= 0
            first = first if goes_on else n
            start = lines.start[n]
            end = lines.start[n + 1] if n + 1 < hi else ends[p]
            if n > last:
                start = start if goes_on else lines.end[kept]
                end -= broken[p] if n + 1 == hi else 0
            elif lines.removed_by[n + 1] < 0:
                parted = kept < 0 or lines.row[first] - lines.row[kept] >= 2
                end -= not parted and lines.row[n + 1] - lines.row[n] >= 2
            rule = evidence[lines.removed_by[n], RULE]
            if joins and rows[found - 1, 2] == start and rows[found - 1, 3] == rule:
                rows[found - 1, 2] = end
            else:
                rows[found, 0], rows[found, 1], rows[found, 2], rows[found, 3] = lines.page[lo], start, end, rule
                found += 1
            joins = True
    return rows[:found]


def cut_parts(start: int, parts: Iterable[Evidence]) -> Iterator[tuple[int, int, str]]:
    """Yield the cuts inside a line that starts at ``start``, with their rules; adjacent cuts may touch, but never overlap."""
    at = start
    for part in sorted(parts, key=lambda e: (e.start, -e.end)):
        a, b = max(at, start + part.start), start + part.end
        if b > a:
            yield a, b, part.rule.id
            at = b


@kernel
def titles(lines: Lines, bounds: I64, summaries: I32, evidence: I32) -> I64:
    """Return for each page the kept line right before the date, or the first kept line; -1 if there is none."""
    out = np.full(len(bounds) - 1, -1, np.int64)
    for p in range(len(bounds) - 1):
        dated = first = doubted = -1
        for n in range(bounds[p + 1] - 1, bounds[p] - 1, -1):
            removed_by = lines.removed_by[n]
            if removed_by < 0:
                doubted = n
                first = n if summaries[lines.known[n] >> SUMMARY, COUNT] == 0 else first
            elif lines.zone[n] == HEAD and evidence[removed_by, DATED]:
                dated = n
        sure = first >= 0  # of lines without evidence against them
        near = last = -1
        run = 0  # number of lines with four or more letters right before the date
        for n in range(dated - 1, bounds[p] - 1, -1):
            stays = lines.removed_by[n] < 0 and (not sure or summaries[lines.known[n] >> SUMMARY, COUNT] == 0)
            if stays and lines.known[n] & NAMED:
                near = n if near < 0 and lines.known[n] & LONG else near
                last = n
                run += 1
            elif run:
                break
        out[p] = last if 0 < run <= 2 else near if near >= 0 else first if sure else doubted
    return out


def title_of(text: str, start: int = 0, end: int | None = None) -> dict[str, Any]:
    """Return a line of a page, by default the first non-blank one, as its title, if it reads like one."""
    title = text[start:end].strip() if end is not None else text.lstrip().partition("\n")[0].strip()
    return {"title": title} if title and len(title) <= 120 and not title.endswith(("。", "；", ";", "，", ",")) else {}
