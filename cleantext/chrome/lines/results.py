"""From decisions on lines to results for their pages: cuts, flags, metadata, and the reasons on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cleantext.chrome.lines.columns import BECAUSE, EMPTIED, LEARNED, SALVAGED, STRENGTH_NAMES, ZONE_NAMES
from cleantext.chrome.lines.confidence import expected_of_pages
from cleantext.chrome.lines.decisions import Decisions, Odds, Reason, cut_parts, removals, title_of, titles
from cleantext.chrome.lines.evidence import Evidence
from cleantext.chrome.lines.zones import gate
from cleantext.chrome.rules.salvage import gather

if TYPE_CHECKING:
    from cleantext.chrome.lines.decide import Decider

__all__ = ["odds_of", "reasons_of", "results_of", "said_of"]

FLAGS = {1: "all_chrome", 2: "over_removal"}


def said_of(decider: Decider, n: int) -> list[Evidence]:
    """Return the evidence by which a line or its parts were removed, with offsets in the whole line."""
    removed_by, cuts = decider.lines.removed_by[n], decider.cuts.get(n, [])
    if removed_by < 0 or decider.lines.because[n] == EMPTIED:
        return cuts
    e = decider.cache.evidence_at(int(removed_by))
    if cuts:
        origin = decider.origins[n]
        e = e._replace(salvage=tuple((name, origin[a], origin[b - 1] + 1) for name, a, b in e.salvage if a < b))
    return [e, *cuts]


def _lines(decider: Decider, where: Mapping[int, int], page: int) -> range:
    """Return the numbers of the lines of a page; ``where`` has the number of each page among those with evidence."""
    return range(*decider.bounds[where[page] : where[page] + 2].tolist()) if page in where else range(0)


def reasons_of(decider: Decider, where: Mapping[int, int], page: int) -> Iterator[Reason]:
    """Yield the reason for each removed line and part of a line of a page, in page order."""
    lines = decider.lines
    for n in _lines(decider, where, page):
        start, zone = int(lines.start[n]), ZONE_NAMES[int(lines.zone[n])]
        if lines.removed_by[n] >= 0:
            e = decider.cache.evidence_at(int(lines.removed_by[n]))
            because = BECAUSE[lines.because[n]].format(zone=zone, n=lines.number[n])
            because = f"{e.note}, {because}" if e.note else because
            because = f"{because}: {decider.told[n]}" if decider.told.get(n) else because
            yield Reason(start, int(lines.end[n]), e.rule.id, STRENGTH_NAMES[e.power], zone, because)
            continue
        for e in sorted(decider.cuts.get(n, ()), key=lambda e: e.start):
            yield Reason(start + e.start, start + e.end, e.rule.id, STRENGTH_NAMES[e.power], zone, "part of a line")


def odds_of(decider: Decider, where: Mapping[int, int], page: int) -> Iterator[Odds]:
    """Yield the lines of a page that the scorer judged and did not leave to rules: removed for its score, or kept whole."""
    lines = decider.lines
    for n in _lines(decider, where, page):
        gone = bool(lines.removed_by[n] >= 0)
        if decider.sure[n] >= 0 and n not in decider.cuts and (not gone or lines.because[n] == LEARNED):
            yield Odds(int(lines.start[n]), int(lines.end[n]), int(decider.sure[n]) / 10000, gone)


def results_of(decider: Decider) -> Decisions:
    """Return the decisions on all pages."""
    lines, bounds, cache, size = decider.lines, decider.bounds, decider.cache, len(decider.every)
    tables = cache.summary_rows, cache.evidence_rows
    pages = lines.page[bounds[:-1]].tolist()
    whole = gate.sized(size)(lines, bounds, tables[1])
    if decider.safe and whole.any():  # too much was removed: use only the safe removals
        back = np.repeat(whole, np.diff(bounds)) > 0
        for column, safe in zip((lines.removed_by, lines.because, lines.number), decider.safe, strict=True):
            column[back] = safe[back]
        whole = gate.sized(size)(lines, bounds, tables[1])
    ends = np.array([len(decider.texts[page]) for page in pages], np.int64)
    broken = np.array([decider.texts[page].endswith("\n") for page in pages], np.int64)
    cuts = removals.sized(size)(lines, bounds, tables[1], whole, ends, broken)
    kept_whole = whole[np.repeat(np.arange(len(pages)), np.diff(bounds))] > 0
    parts = [
        (lines.page[n], a, b, cache.tables.numbers[rule])
        for n in decider.cuts
        if lines.removed_by[n] < 0 and not kept_whole[n]
        for a, b, rule in cut_parts(int(lines.start[n]), decider.cuts[n])
    ]
    if parts:
        cuts = np.concatenate((cuts, np.array(parts, np.int64)))
        cuts = cuts[np.lexsort((cuts[:, 1], cuts[:, 0]))]
    flags = {page: (FLAGS[flag],) for page, flag in zip(pages, whole.tolist(), strict=True) if flag}
    salvaged = (lines.removed_by >= 0) & (tables[1][lines.removed_by, SALVAGED] > 0)
    salvaged[list(decider.cuts)] = True
    found: dict[int, list[tuple[str, str]]] = {}
    for n in np.flatnonzero(salvaged & ~kept_whole).tolist():
        text, start = decider.texts[page := int(lines.page[n])], int(lines.start[n])
        found.setdefault(page, []).extend((name, text[start + a : start + b]) for e in said_of(decider, n) for name, a, b in e.salvage)
    title = np.where(whole == 0, titles.sized(size)(lines, bounds, *tables), -1)
    named = {page: (int(lines.start[n]), int(lines.end[n])) for page, n in zip(pages, title.tolist(), strict=True) if n >= 0}
    metadata = {page: title_of(text, *named.get(page, ())) for page, text in enumerate(decider.texts)}
    for page, fields in found.items():
        metadata[page] |= gather(fields)
    for page, found_there in zip(pages, expected_of_pages(lines, decider.sure, bounds, whole), strict=True):
        metadata[page] |= found_there if decider.plain[page] else {}
    where = {page: k for k, page in enumerate(pages) if page not in flags}
    return Decisions(
        decider.texts, cuts, cache.rules, flags, metadata, partial(reasons_of, decider, where), partial(odds_of, decider, where)
    )
