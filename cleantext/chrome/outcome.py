"""What the arbiter decided about pages, as edits, reasons and titles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I32, I64
from cleantext.chrome.columns import BALLOT, COUNT, DATED, HEAD, LONG, NAMED, RULE, Lines
from cleantext.chrome.votes import Evidence
from cleantext.edits import Edit
from cleantext.jit import kernel

__all__ = ["Reason", "Verdict", "merged", "removals", "title_of", "titles"]


class Reason(NamedTuple):
    """Why a span of a page was cut: one row for each removed line or part of a line."""

    start: int
    end: int  # in the page, line break not included
    rule: str
    strength: str  # "A", "B" or "C": that of the evidence, which several words of one kind may raise
    zone: str
    because: str  # what made the evidence enough


@dataclass(frozen=True)
class Verdict:
    """What is cut from a page, what was salvaged, and why."""

    edits: list[Edit] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    explain: Callable[[], Iterator[Reason]] = field(default=lambda: iter(()), repr=False, compare=False)

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """One row for each removed line or part of a line, in page order."""
        return tuple(self.explain())


@kernel
def removals(lines: Lines, bounds: I64, evidence: I32, ends: I64, broken: I64) -> I64:
    """Return the edits that take the lines that went: rows of page, start, end and rule.

    A line goes with its line break and the blank lines behind it; the foot of a page goes with the breaks before it. Neighbours
    of one rule are one edit. Page ``p`` has ``ends[p]`` characters, the last a line break where ``broken[p]`` is 1.
    """
    rows = np.empty((len(lines.acted), 4), np.int64)
    found = 0
    for p in range(len(bounds) - 1):
        lo, hi = bounds[p], bounds[p + 1]
        last = hi - 1  # line that stays
        while last >= lo and lines.acted[last] >= 0:
            last -= 1
        kept = -1
        first = lo  # of the run that goes
        joins = False  # the line before was of the edit written last
        for n in range(lo, hi):
            if lines.acted[n] < 0:
                kept, joins = n, False
                continue
            goes_on = n > lo and lines.acted[n - 1] >= 0
            first = first if goes_on else n
            start = lines.start[n]
            end = lines.start[n + 1] if n + 1 < hi else ends[p]
            if n > last:
                start = start if goes_on or kept < 0 else lines.end[kept]
                end -= broken[p] if n + 1 == hi else 0
            elif lines.acted[n + 1] < 0:
                parted = kept < 0 or lines.row[first] - lines.row[kept] >= 2
                end -= not parted and lines.row[n + 1] - lines.row[n] >= 2
            rule = evidence[lines.acted[n], RULE]
            if joins and rows[found - 1, 2] == start and rows[found - 1, 3] == rule:
                rows[found - 1, 2] = end
            else:
                rows[found, 0], rows[found, 1], rows[found, 2], rows[found, 3] = p, start, end, rule
                found += 1
            joins = True
    return rows[:found]


def merged(text: str, edits: Sequence[Edit], cuts: Mapping[int, Iterable[Evidence]]) -> list[Edit]:
    """Add the cuts inside lines, by the start of their line, to the edits of whole lines.

    Cuts that meet are one after the other, never over each other.
    """
    out = list(edits)
    for line, parts in cuts.items():
        at = line
        for cut in sorted(parts, key=lambda e: (e.start, -e.end)):
            a, b = max(at, line + cut.start), line + cut.end
            if b > a:
                out.append(Edit(a, b, text[a:b], "", cut.rule.id))
                at = b
    return sorted(out)


@kernel
def titles(lines: Lines, bounds: I64, ballots: I32, evidence: I32) -> I64:
    """Return for each page the line that stays right before the date, or the first that does; -1 where none does."""
    out = np.full(len(bounds) - 1, -1, np.int64)
    for p in range(len(bounds) - 1):
        dated = first = doubted = -1
        for n in range(bounds[p + 1] - 1, bounds[p] - 1, -1):
            acted = lines.acted[n]
            if acted < 0:
                doubted = n
                first = n if ballots[lines.known[n] >> BALLOT, COUNT] == 0 else first
            elif lines.zone[n] == HEAD and evidence[acted, DATED]:
                dated = n
        sure = first >= 0  # of lines that nothing is said against
        near = last = -1
        run = 0  # lines of four letters and more right before the date
        for n in range(dated - 1, bounds[p] - 1, -1):
            stays = lines.acted[n] < 0 and (not sure or ballots[lines.known[n] >> BALLOT, COUNT] == 0)
            if stays and lines.known[n] & NAMED:
                near = n if near < 0 and lines.known[n] & LONG else near
                last = n
                run += 1
            elif run:
                break
        out[p] = last if 0 < run <= 2 else near if near >= 0 else first if sure else doubted
    return out


def title_of(text: str, start: int = 0, end: int | None = None) -> dict[str, Any]:
    """Return a line of a page as its title, the first that is not blank by default, if it reads like one."""
    title = text[start:end].strip() if end is not None else text.lstrip().partition("\n")[0].strip()
    return {"title": title} if title and len(title) <= 120 and not title.endswith(("。", "；", ";", "，", ",")) else {}
