"""The line model: zones, protectors, and the arbiter that decides about every line of a batch of pages.

Voters give evidence (`cleantext.chrome.votes`); none of them deletes. A line goes when its evidence is strong
enough for where it stands (head, tail, or inside the body), or when a second reason supports it:

* strength A acts anywhere, B in its zones or beside a line that acted, C only between lines that acted;
* a heading goes with the rows of its list, a header or footer with the short lines inside it;
* protectors (numbered headings, signatures, dialogue, records, chronicles, titles: `cleantext.chrome.acquit`) acquit;
* a gate keeps the page whole where removal would leave no body.

What goes changes what stands beside what stays. So the arbiter is asked again about the lines that
stayed, until nothing moves: a second run over the cleaned page finds nothing to do.

Lines are numbers in arrays here (`cleantext.chrome.columns.Lines`) and are judged by kernels, for a batch of pages at once. Python looks
only at lines that a rule speaks about beyond its evidence: headings, names to salvage, parts to cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from cleantext.changes import I32, I64
from cleantext.chrome.acquit import protect, spare_titles
from cleantext.chrome.arbiter import arbitrate, gate, place, support
from cleantext.chrome.columns import (
    BALLOT,
    BECAUSE,
    BLANK,
    DATED,
    ECHO,
    EMPTIED,
    ENTRY,
    GAIN,
    HEAD,
    HEADER,
    HEADING,
    HEADS,
    LISTS,
    LOSS,
    PLACED,
    ROW_BELOW,
    SALVAGED,
    SHIELDED,
    SPANS,
    STRONGEST,
    TAIL,
    ZONE_NAMES,
    ZONES,
    A,
    B,
    C,
    Lines,
)
from cleantext.chrome.evidence import Evidence, Votes, shield
from cleantext.chrome.frame import LISTING, enclosed, header
from cleantext.chrome.metadata import gather
from cleantext.chrome.outcome import Decisions, Reason, Verdict, cut_parts, removals, title_of, titles
from cleantext.chrome.rules import Pack, Rule
from cleantext.chrome.votes import Register, strongest

__all__ = ["Decisions", "Reason", "Verdict", "decide", "judge", "zones"]

STRENGTH = {A: "A", B: "B", C: "C"}
FLAGS = {1: "all_chrome", 2: "over_removal"}
_ENTRY = re.compile(r"\s*(?:1\d|20)\d\d[-/.年] ?\d{1,2}[-/.月] ?\d{1,2}日?[ :,]{1,2}[\u3400-\u9fff]")  # a date and what happened
DATE = 10  # characters by which two entries of a chronicle differ


def judge(text: str, folded: str, pack: Pack, *, safety: str = "safe") -> Verdict:
    """Decide for every line of a page. ``folded`` is ``fold.view(text)``, code point for code point."""
    rows, register = folded.split("\n"), Register.of(pack)
    return decide([text], rows, register.look(rows), register, safety=safety).verdicts()[0]


def decide(texts: Sequence[str], rows: Sequence[str], known: I64, register: Register, *, safety: str = "safe") -> Decisions:
    """Decide for every line of many pages, given their folded lines, one page after the other, and what is known of each."""
    pages = np.repeat(np.arange(len(texts)), [text.count("\n") + 1 for text in texts])
    suspected = np.zeros(len(texts), bool)
    suspected[pages[known >> BALLOT > 0]] = True
    case = Case(texts, rows, pages, np.flatnonzero(suspected[pages] & (known & BLANK == 0)), known, register)
    case.hear(safety)
    return case.decisions()


def zones(rows: Sequence[str], votes: Sequence[Votes]) -> list[tuple[str, str, Votes]]:
    """Return the zone, the folded text and the votes of each line of a page that is not blank, before anything goes."""
    lines = [(row, vote) for row, vote in zip(rows, votes, strict=False) if row and not row.isspace()]
    power, placed = np.array([strongest(vote) for _, vote in lines], np.int32).reshape(-1, 2).T.copy()
    gain = np.array([vote.gain for _, vote in lines], np.int32)
    zone, every = np.zeros(len(lines), np.int32), np.arange(len(lines), dtype=np.int32)
    place.sized(len(lines))(power, placed > 0, gain, zone, every, np.array([0, len(lines)]))
    return [(ZONE_NAMES[z], row, vote) for z, (row, vote) in zip(zone.tolist(), lines, strict=True)]


class Case:
    """The lines of the pages against which anything is said, while they are judged."""

    def __init__(self, texts: Sequence[str], rows: Sequence[str], pages: I64, kept: I64, known: I64, register: Register) -> None:
        self.texts, self.rows, self.register, self.pack = texts, rows, register, register.pack
        self.numbers = kept.tolist()  # of the rows that are lines here
        self.cut_rows: dict[int, str] = {}  # what is left of a line of which parts were cut
        self.cuts: dict[int, list[Evidence]] = {}  # in offsets of the whole line
        self.origins: dict[int, list[int]] = {}  # where the characters that are left stood in the line
        self.just_cut: frozenset[int] = frozenset()  # lines of which parts were cut since they were last shielded
        self.dates: dict[str, int] = {}  # of chronicles
        width = np.fromiter(map(len, rows), np.int64, len(rows))
        start = np.cumsum(width + 1) - width - 1
        first = np.searchsorted(pages, pages[kept])  # row that the page starts with
        n = len(kept)
        self.lines = Lines(
            page=pages[kept].astype(np.int32),
            row=(kept - first).astype(np.int32),
            start=start[kept] - start[first],
            end=(start + width)[kept] - start[first],
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
        self.bounds = _bounds(self.lines.page)
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
        return self.cut_rows[n] if n in self.cut_rows else self.rows[self.numbers[n]]

    def shielded(self, n: int) -> bool:
        """Say whether a line is protected where it stands."""
        known = int(self.lines.known[n])
        if known >> BALLOT or n in self.just_cut:
            return bool(self.lines.shielded[n])
        how = shield(self.folded(n), known)
        return how == 1 or (how == 2 and self.lines.zone[n] == TAIL)

    def act(self, n: int, evidence: Evidence, because: int, number: int = 0) -> None:
        """Sentence a line."""
        self.lines.acted[n], self.lines.because[n], self.lines.number[n] = self.register.said(evidence), because, number

    # ------------------------------------------------------------ rounds

    def hear(self, safety: str) -> None:
        """Ask the arbiter until nothing moves."""
        left, acted, page = self.every, self.lines.acted, self.lines.page
        moved = self._round(left, safety)
        for rule in self.pack.of_kind["enclosed"]:
            self._enclose(rule)
        while moved.any():
            left = left[(acted[left] < 0) & moved[page[left]]]
            if not len(left):
                break
            moved = self._round(left, safety)

    def _round(self, left: I32, safety: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Ask the arbiter once about the lines that are left; say of which pages anything went."""
        lines, register, size = self.lines, self.register, len(left)
        bounds = _bounds(lines.page[left])
        tables = register.ballot_rows, register.evidence_rows
        self.just_cut = frozenset()
        sure = place.sized(size)(lines.power, lines.placed, lines.gain, lines.zone, left, bounds)
        slots, counts = protect.sized(size)(lines, left, bounds, *tables, len(register.rules))
        waiting = arbitrate.sized(size)(lines, left, bounds, *tables, slots, counts, sure, safety == "aggressive")
        self._head(
            left,
            *header.sized(size)(lines.known, lines.power, lines.zone, lines.acted, left, bounds, *tables, slots, counts, sure & waiting),
        )
        support.sized(size)(lines, left, bounds, register.evidence_rows, sure, waiting)
        ballots = lines.known[left] >> BALLOT
        for k in np.flatnonzero(tables[0][ballots, HEADS]).tolist():
            page = left[k : bounds[np.searchsorted(bounds, k, "right")]]
            for rule in register.ballots[ballots[k]].heads:
                self._grow(page, rule)
        for rule in self.pack.of_kind["echo"]:
            self._echo(left, bounds, rule)
        spare_titles.sized(size)(lines, left, bounds, register.ballot_rows, register.evidence_rows)
        cut = left[(tables[0][ballots, SPANS] > 0) & (lines.acted[left] < 0)]
        if len(cut):
            self._cut(cut)
        moved = np.zeros(len(self.texts), bool)
        moved[lines.page[left[lines.acted[left] >= 0]]] = True
        moved[lines.page[cut]] = True
        return moved

    def _head(self, left: I32, words: I32, columns: I64) -> None:
        """Take the columns of the site's pages. The last line of one that no possible title follows may be the title."""
        lines, register = self.lines, self.register
        for first, last, end, needs_title in columns.tolist():
            below = left[last + 1 : end]
            below = below[(lines.acted[below] < 0) & (lines.power[below] == 0)]
            titled = any(not self.shielded(n) for n in below.tolist())
            if needs_title and not titled:
                continue
            column, said = left[first : last + titled], words[first : last + titled]
            went = (said >= 0) & (lines.acted[column] < 0)
            lines.acted[column[went]] = [register.raised(e) for e in said[went].tolist()]
            lines.because[column[went]] = HEADER

    def _grow(self, page: I32, block: Rule) -> None:
        """Take the rows under a heading with it: related articles, member lists, link lists. ``page`` starts with the heading."""
        lines, head = self.lines, int(page[0])
        where = sum(ZONES[name] for name in set(block.zones))
        if not lines.zone[head] & where or (lines.acted[head] < 0 and self.shielded(head)):
            return
        tag, rows = "", 0
        tagged = "tag" in block.row_pattern.groupindex
        below = page[1 : 1 + block.most]
        for n, zone in zip(below.tolist(), lines.zone[below].tolist(), strict=True):
            found = self.register.row(block, self.folded(n))
            if found is None or not zone & where or (found != tag and tag) or (not tagged and self.shielded(n)):
                break
            tag = found
            rows += 1
        if rows >= block.least:
            went = page[: rows + 1]
            went = went[lines.acted[went] < 0]
            lines.acted[went], lines.number[went] = self.register.said(_by(block)), rows
            lines.because[went] = np.where(went == head, HEADING, ROW_BELOW)

    def _echo(self, left: I32, bounds: I64, rule: Rule) -> None:
        """Salvage a bare name under the date as the source, where the foot of the page names it again."""
        lines = self.lines
        acted = lines.acted[left]
        dated = (acted >= 0) & (self.register.evidence_rows[acted, DATED] > 0)
        under = dated[:-1] & (acted[1:] < 0) & (lines.zone[left[1:]] == HEAD) & (lines.page[left[:-1]] == lines.page[left[1:]])
        for k in (np.flatnonzero(under) + 1).tolist():
            n = int(left[k])
            name = self.folded(n).strip()
            if rule.finds(name):
                below = left[k : bounds[np.searchsorted(bounds, k, "right")]]
                if any(name in x for x in self.strings(below[(lines.zone[below] == TAIL) & (lines.acted[below] >= 0)])):
                    at = self.folded(n).index(name)
                    self.act(n, _by(rule)._replace(salvage=(("source", at, at + len(name)),)), ECHO)

    def _enclose(self, rule: Rule) -> None:
        """Take short lines that no rule knows from inside a header or footer."""
        lines, register = self.lines, self.register
        where = sum(ZONES[name] for name in set(rule.zones))
        listing = np.zeros(len(self.every), bool)
        may_list = self.every[(lines.known & LISTS > 0) & (lines.zone & where > 0)]
        listing[may_list] = [LISTING.fullmatch(row.strip()) is not None for row in self.strings(may_list)]
        counts = len(register.rules), where, rule.least, rule.most
        found = enclosed.sized(len(self.every))(lines, self.bounds, register.evidence_rows, listing, *counts)
        found = found[register.finds(rule, self.strings(found))]
        doubtful = (lines.known[found] & SHIELDED > 0) | lines.shielded[found]
        doubtful[doubtful] = [self.shielded(n) for n in found[doubtful].tolist()]
        lines.acted[found[~doubtful]] = register.said(_by(rule))

    def strings(self, lines: I32) -> list[str]:
        """Return lines as far as they are not cut yet."""
        rows = [self.rows[self.numbers[n]] for n in lines.tolist()]
        if self.cut_rows:
            rows = [self.cut_rows.get(n, row) for n, row in zip(lines.tolist(), rows, strict=True)]
        return rows

    def _cut(self, lines: I32) -> None:
        """Cut the parts of lines that were voted against; a line of which nothing is left goes."""
        its, register = self.lines, self.register
        for n in lines.tolist():
            spans, at = [], 0
            for span in register.ballots[its.known[n] >> BALLOT].spans:
                if span.start >= at:
                    spans.append(span)
                    at = span.end
            folded = self.folded(n)
            origin = self.origins.get(n) or list(range(len(folded)))
            cuts = self.cuts.setdefault(n, [])
            for e in spans:
                salvage = tuple((name, origin[a], origin[b - 1] + 1) for name, a, b in e.salvage if a < b)
                cuts.append(Evidence(e.rule, e.power, origin[e.start], origin[e.end - 1] + 1, salvage))
            gone = {k for e in spans for k in range(e.start, e.end)}
            self.origins[n] = [o for k, o in enumerate(origin) if k not in gone]
            self.cut_rows[n] = "".join(c for k, c in enumerate(folded) if k not in gone)
        self.just_cut = frozenset(lines.tolist())
        its.known[lines] = register.look(self.strings(lines))
        self._know(lines)
        for n in lines.tolist():
            votes = register.ballots[its.known[n] >> BALLOT]
            its.suspected[n] = any(ZONE_NAMES[int(its.zone[n])] in e.rule.zones for e in votes.evidence)
        for n in lines[its.known[lines] & BLANK > 0].tolist():
            self.act(n, self.cuts[n][0], EMPTIED)

    # ------------------------------------------------------------ the result

    def decisions(self) -> Decisions:
        """Return what was decided about all pages."""
        lines, bounds, register, size = self.lines, self.bounds, self.register, len(self.every)
        tables = register.ballot_rows, register.evidence_rows
        pages = lines.page[bounds[:-1]].tolist()
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
        e = self.register.evidence[acted]
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
                e = self.register.evidence[lines.acted[n]]
                because = BECAUSE[lines.because[n]].format(zone=zone, n=lines.number[n])
                because = f"{e.note}, {because}" if e.note else because
                yield Reason(start, int(lines.end[n]), e.rule.id, STRENGTH[e.power], zone, because)
                continue
            for e in sorted(self.cuts.get(n, ()), key=lambda e: e.start):
                yield Reason(start + e.start, start + e.end, e.rule.id, STRENGTH[e.power], zone, "part of a line")


def _by(rule: Rule) -> Evidence:
    """Return what a rule alone says of lines that go with others."""
    return Evidence(rule, rule.power, 0, 0)


def _bounds(pages: I32) -> I64:
    """Return where each page begins among lines, and where the last ends."""
    return np.append(np.flatnonzero(np.diff(pages, prepend=-1)), len(pages))
