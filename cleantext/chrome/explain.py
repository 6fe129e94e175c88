"""Why lines went: the rows of an explanation, from what the arbiter left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cleantext.chrome.columns import BECAUSE, EMPTIED, LEARNED, STRENGTH_NAMES, ZONE_NAMES
from cleantext.chrome.evidence import Evidence
from cleantext.chrome.outcome import Odds, Reason

if TYPE_CHECKING:
    from cleantext.chrome.lines import Case

__all__ = ["odds_of", "reasons_of", "said_of"]


def said_of(case: Case, n: int) -> list[Evidence]:
    """Return what a line went by, and its parts did, in offsets of the whole line."""
    acted, cuts = case.lines.acted[n], case.cuts.get(n, [])
    if acted < 0 or case.lines.because[n] == EMPTIED:
        return cuts
    e = case.register.said(int(acted))
    if cuts:
        origin = case.origins[n]
        e = e._replace(salvage=tuple((name, origin[a], origin[b - 1] + 1) for name, a, b in e.salvage if a < b))
    return [e, *cuts]


def _lines(case: Case, where: Mapping[int, int], page: int) -> range:
    """Return the numbers of the lines of a page; ``where`` has the number of each page among those with evidence."""
    return range(*case.bounds[where[page] : where[page] + 2].tolist()) if page in where else range(0)


def reasons_of(case: Case, where: Mapping[int, int], page: int) -> Iterator[Reason]:
    """Yield why each removed line and part of a line of a page went, in page order."""
    lines = case.lines
    for n in _lines(case, where, page):
        start, zone = int(lines.start[n]), ZONE_NAMES[int(lines.zone[n])]
        if lines.acted[n] >= 0:
            e = case.register.said(int(lines.acted[n]))
            because = BECAUSE[lines.because[n]].format(zone=zone, n=lines.number[n])
            because = f"{e.note}, {because}" if e.note else because
            because = f"{because}: {case.told[n]}" if case.told.get(n) else because
            yield Reason(start, int(lines.end[n]), e.rule.id, STRENGTH_NAMES[e.power], zone, because)
            continue
        for e in sorted(case.cuts.get(n, ()), key=lambda e: e.start):
            yield Reason(start + e.start, start + e.end, e.rule.id, STRENGTH_NAMES[e.power], zone, "part of a line")


def odds_of(case: Case, where: Mapping[int, int], page: int) -> Iterator[Odds]:
    """Yield the lines of a page about which the scorer was asked, and that went by what it said or stay whole."""
    lines = case.lines
    for n in _lines(case, where, page):
        gone = bool(lines.acted[n] >= 0)
        if case.sure[n] >= 0 and n not in case.cuts and (not gone or lines.because[n] == LEARNED):
            yield Odds(int(lines.start[n]), int(lines.end[n]), int(case.sure[n]) / 10000, gone)
