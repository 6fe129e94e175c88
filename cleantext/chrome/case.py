"""What is known of the lines of a batch of pages while they are judged, and what comes out of it for each page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, text_of
from cleantext.chrome.arbiter import gate
from cleantext.chrome.columns import (
    BALLOT,
    BECAUSE,
    EMPTIED,
    ENTRY,
    GAIN,
    LOSS,
    PLACED,
    SALVAGED,
    STRENGTH_NAMES,
    STRONGEST,
    ZONE_NAMES,
    Lines,
)
from cleantext.chrome.evidence import Evidence
from cleantext.chrome.metadata import gather
from cleantext.chrome.outcome import Decisions, Reason, cut_parts, removals, title_of, titles
from cleantext.chrome.rows import Rows
from cleantext.chrome.rules import Rule
from cleantext.chrome.scan import stripped
from cleantext.chrome.votes import Register

__all__ = ["Case", "page_bounds"]

Flags = npt.NDArray[np.bool_]
FLAGS = {1: "all_chrome", 2: "over_removal"}
_ENTRY = re.compile(r"\s*(?:1\d|20)\d\d[-/.年] ?\d{1,2}[-/.月] ?\d{1,2}日?[ :,]{1,2}[\u3400-\u9fff]")  # a date and what happened
DATE = 10  # characters by which two entries of a chronicle differ


def page_bounds(pages: I32) -> I64:
    """Return where each page begins among lines, and where the last ends."""
    return np.append(np.flatnonzero(np.diff(pages, prepend=-1)), len(pages))


class Case:
    """The lines of the pages against which anything is said, while they are judged."""

    def __init__(self, texts: Sequence[str], rows: Rows, pages: I64, kept: I64, known: I64, register: Register) -> None:
        self.texts, self.rows, self.register, self.pack = texts, rows, register, register.pack
        self.cut_rows: dict[int, str] = {}  # what is left of a line of which parts were cut
        self.cuts: dict[int, list[Evidence]] = {}  # in offsets of the whole line
        self.origins: dict[int, list[int]] = {}  # where the characters that are left stood in the line
        self.dates: dict[str, int] = {}  # of chronicles
        self.plain = np.zeros(len(texts), bool)  # pages that the scorer is asked about
        self.safe: tuple[I32, I32, I32] | None = None  # what acted before anything aggressive did, and why
        self.told: dict[int, str] = {}  # why learned evidence took a line, where that is asked for
        first = np.searchsorted(pages, pages[kept])  # row that the page starts with
        self.starts, self.ends = rows.starts[kept], rows.ends[kept]  # in the lines of all pages together
        n = len(kept)
        self.lines = Lines(
            page=pages[kept].astype(np.int32),
            row=(kept - first).astype(np.int32),
            start=self.starts - rows.starts[first],
            end=self.ends - rows.starts[first],
            known=known[kept],
            entry=np.zeros(n, np.int32),
            gain=np.zeros(n, np.int32),
            power=np.zeros(n, np.int32),
            placed=np.zeros(n, bool),
            zone=np.zeros(n, np.int32),
            shielded=np.zeros(n, bool),
            suspected=np.zeros(n, bool),
            best=np.full(n, -1, np.int32),
            acted=np.full(n, -1, np.int32),
            because=np.zeros(n, np.int32),
            number=np.zeros(n, np.int32),
        )
        self.every = np.arange(n, dtype=np.int32)
        self.bounds = page_bounds(self.lines.page)
        self._know(self.every)

    def _know(self, lines: I32) -> None:
        """Fill in what follows from what is known of lines."""
        its, register = self.lines, self.register
        known = its.known[lines]
        its.gain[lines] = (known & GAIN) - LOSS
        its.power[lines] = register.ballot_rows[known >> BALLOT, STRONGEST]
        its.placed[lines] = register.ballot_rows[known >> BALLOT, PLACED]
        its.entry[lines] = 0
        for n in lines[known & ENTRY > 0].tolist():
            if _ENTRY.match(row := self.folded(n)):
                its.entry[n] = self.dates.setdefault(row[:DATE], len(self.dates) + 1)

    def folded(self, n: int) -> str:
        """Return a line as far as it is not cut yet."""
        return self.cut_rows[n] if n in self.cut_rows else text_of(self.rows.points[self.starts[n] : self.ends[n]])

    def act(self, n: int, evidence: Evidence, because: int, number: int = 0) -> None:
        """Sentence a line."""
        self.lines.acted[n], self.lines.because[n], self.lines.number[n] = self.register.saying(evidence), because, number

    def _stretches(self, lines: I32) -> tuple[I64, I64]:
        """Return where lines stand in the rows, without the blanks around them and as if nothing were cut from them."""
        points = self.rows.points
        starts, ends = stripped.sized(len(points))(points, self.starts[lines], self.ends[lines], self.register.tables.bits)
        return starts, ends

    def answers(self, lines: I32, questions: I32) -> Flags:
        """Answer a question about each line, without the blanks around it."""
        automata = self.register.tables.automata
        out = automata.answers(self.rows.points, *self._stretches(lines), questions)
        if self.cut_rows:
            for k in np.flatnonzero(np.isin(lines, list(self.cut_rows))).tolist():
                out[k] = automata.questions[questions[k]].answer(self.folded(int(lines[k])).strip())
        return out

    def finds(self, lines: I32, rule: Rule) -> Flags:
        """Say which lines a rule finds, without the blanks around them."""
        tables = self.register.tables
        out = tables.finds(self.rows.points, *self._stretches(lines), np.full(len(lines), tables.numbers[rule.id], np.int32))
        if self.cut_rows:
            for k in np.flatnonzero(np.isin(lines, list(self.cut_rows))).tolist():
                out[k] = rule.finds(self.folded(int(lines[k])).strip()) is not None
        return out

    # ------------------------------------------------------------ the result

    def decisions(self) -> Decisions:
        """Return what was decided about all pages."""
        lines, bounds, register, size = self.lines, self.bounds, self.register, len(self.every)
        tables = register.ballot_rows, register.evidence_rows
        pages = lines.page[bounds[:-1]].tolist()
        whole = gate.sized(size)(lines, bounds, tables[1])
        if self.safe and whole.any():  # too much went: what is safe goes alone
            back = np.repeat(whole, np.diff(bounds)) > 0
            for column, safe in zip((lines.acted, lines.because, lines.number), self.safe, strict=True):
                column[back] = safe[back]
            whole = gate.sized(size)(lines, bounds, tables[1])
        ends = np.array([len(self.texts[page]) for page in pages], np.int64)
        broken = np.array([self.texts[page].endswith("\n") for page in pages], np.int64)
        cuts = removals.sized(size)(lines, bounds, tables[1], whole, ends, broken)
        kept_whole = whole[np.repeat(np.arange(len(pages)), np.diff(bounds))] > 0
        parts = [
            (lines.page[n], a, b, register.tables.numbers[rule])
            for n in self.cuts
            if lines.acted[n] < 0 and not kept_whole[n]
            for a, b, rule in cut_parts(int(lines.start[n]), self.cuts[n])
        ]
        if parts:
            cuts = np.concatenate((cuts, np.array(parts, np.int64)))
            cuts = cuts[np.lexsort((cuts[:, 1], cuts[:, 0]))]
        flags = {page: (FLAGS[flag],) for page, flag in zip(pages, whole.tolist(), strict=True) if flag}
        salvaged = (lines.acted >= 0) & (tables[1][lines.acted, SALVAGED] > 0)
        salvaged[list(self.cuts)] = True
        found: dict[int, list[tuple[str, str]]] = {}
        for n in np.flatnonzero(salvaged & ~kept_whole).tolist():
            text, start = self.texts[page := int(lines.page[n])], int(lines.start[n])
            found.setdefault(page, []).extend((name, text[start + a : start + b]) for e in self._said(n) for name, a, b in e.salvage)
        title = np.where(whole == 0, titles.sized(size)(lines, bounds, *tables), -1)
        named = {page: (int(lines.start[n]), int(lines.end[n])) for page, n in zip(pages, title.tolist(), strict=True) if n >= 0}
        metadata = {
            page: {**title_of(text, *named.get(page, ())), **(gather(found[page]) if page in found else {})}
            for page, text in enumerate(self.texts)
        }
        where = {page: k for k, page in enumerate(pages) if page not in flags}
        return Decisions(self.texts, cuts, register.rules, flags, metadata, lambda page: self._reasons(where.get(page)))

    def _said(self, n: int) -> list[Evidence]:
        """Return what a line went by, and its parts did, in offsets of the whole line."""
        acted, cuts = self.lines.acted[n], self.cuts.get(n, [])
        if acted < 0 or self.lines.because[n] == EMPTIED:
            return cuts
        e = self.register.said(int(acted))
        if cuts:
            origin = self.origins[n]
            e = e._replace(salvage=tuple((name, origin[a], origin[b - 1] + 1) for name, a, b in e.salvage if a < b))
        return [e, *cuts]

    def _reasons(self, k: int | None) -> Iterator[Reason]:
        """Yield why each removed line and part of a line of a page went, in page order."""
        lines = self.lines
        for n in range(*self.bounds[k : k + 2].tolist()) if k is not None else ():
            start, zone = int(lines.start[n]), ZONE_NAMES[int(lines.zone[n])]
            if lines.acted[n] >= 0:
                e = self.register.said(int(lines.acted[n]))
                because = BECAUSE[lines.because[n]].format(zone=zone, n=lines.number[n])
                because = f"{e.note}, {because}" if e.note else because
                because = f"{because}: {self.told[n]}" if self.told.get(n) else because
                yield Reason(start, int(lines.end[n]), e.rule.id, STRENGTH_NAMES[e.power], zone, because)
                continue
            for e in sorted(self.cuts.get(n, ()), key=lambda e: e.start):
                yield Reason(start + e.start, start + e.end, e.rule.id, STRENGTH_NAMES[e.power], zone, "part of a line")
