"""The line model: zones, protectors, and the arbiter that decides about every line of a batch of pages.

Voters give evidence (`cleantext.chrome.votes`); none of them deletes. A line goes when its evidence is strong
enough for where it stands (head, tail, or inside the body), or when a second reason supports it:

* strength A acts anywhere, B in its zones or beside a line that acted, C only between lines that acted;
* a heading goes with the rows of its list, a header or footer with the short lines inside it;
* protectors (numbered headings, signatures, dialogue, records, chronicles, titles: `cleantext.chrome.acquit`) acquit;
* a scorer learned from labelled pages takes what a page can spare of the rest (`cleantext.chrome.scorer`), never a protected line;
* a gate keeps the page whole where removal would leave no body.

What goes changes what stands beside what stays. So the arbiter is asked again about the lines that
stayed, until nothing moves: a second run over the cleaned page finds nothing to do.

Lines are numbers in arrays here (`cleantext.chrome.columns.Lines`) and are judged by kernels, for a batch of pages at once. Python looks
only at lines that a rule speaks about beyond its evidence: headings, names to salvage, parts to cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, text_of
from cleantext.chrome.acquit import protect, spare_titles
from cleantext.chrome.arbiter import arbitrate, gate, place, support
from cleantext.chrome.columns import (
    BALLOT,
    BLANK,
    COUNT,
    DATED,
    ECHO,
    EMPTIED,
    ENTRY,
    FIRST,
    GAIN,
    HEAD,
    HEADER,
    HEADS,
    LEARNED,
    LOSS,
    PLACED,
    SALVAGED,
    SPANS,
    STRONGEST,
    TAIL,
    ZONE_BITS,
    ZONES,
    Lines,
)
from cleantext.chrome.confidence import expected_of_pages
from cleantext.chrome.evidence import Evidence
from cleantext.chrome.explain import odds_of, reasons_of, said_of
from cleantext.chrome.frame import enclosed, grow, header
from cleantext.chrome.metadata import gather
from cleantext.chrome.outcome import Decisions, Reason, Verdict, cut_parts, removals, title_of, titles
from cleantext.chrome.rows import Rows
from cleantext.chrome.rules import Rule
from cleantext.chrome.scan import stripped
from cleantext.chrome.scorer import Scorer
from cleantext.chrome.votes import Register

__all__ = ["Decisions", "Reason", "Verdict", "decide"]

Flags = npt.NDArray[np.bool_]
FLAGS = {1: "all_chrome", 2: "over_removal"}
_ENTRY = re.compile(r"\s*(?:1\d|20)\d\d[-/.年] ?\d{1,2}[-/.月] ?\d{1,2}日?[ :,]{1,2}[\u3400-\u9fff]")  # a date and what happened
DATE = 10  # characters by which two entries of a chronicle differ


def decide(
    texts: Sequence[str],
    rows: Rows,
    known: I64,
    register: Register,
    *,
    safety: str = "safe",
    scorer: Scorer | None = None,
    plain: Flags | None = None,
    told: bool = False,
    spared: Sequence[tuple[int, int]] = (),
) -> Decisions:
    """Decide for every line of many pages, given their folded lines, one page after the other, and what is known of each.

    The lines ``spared``, given by their text and number, stay whole, though what is said of them counts for their neighbours.
    With a ``scorer``, lines of ``plain`` pages that no rule takes go by what is learned; ``told`` keeps its reasons in words.
    """
    pages = np.repeat(np.arange(len(texts)), [text.count("\n") + 1 for text in texts])
    suspected = np.zeros(len(texts), bool)
    scorer = scorer if register.pack.of_kind["learned"] else None
    suspected[pages[known >> BALLOT > 0]] = True
    plain = np.full(len(texts), scorer is not None) if plain is None else plain & (scorer is not None)
    suspected |= plain
    case = Case(texts, rows, pages, np.flatnonzero(suspected[pages] & (known & BLANK == 0)), known, register)
    case.plain = plain
    case.hear(safety, scorer, told=told)
    case.spare(spared)
    return case.decisions()


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
        self.sure = np.full(len(kept), -1, np.int32)  # how likely each line is chrome, in 1/10000; -1 where the scorer was not asked
        self.told: dict[int, str] = {}  # why learned evidence took a line, where that is asked for
        first = np.searchsorted(pages, pages[kept])  # row that the page starts with
        self.starts, self.ends = rows.starts[kept], rows.ends[kept]  # in the lines of all pages together
        self.lines = Lines.before(
            pages[kept].astype(np.int32), kept - first, self.starts - rows.starts[first], self.ends - rows.starts[first], known[kept]
        )
        self.every = np.arange(len(kept), dtype=np.int32)
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
        return self.cut_rows[n] if n in self.cut_rows else text_of(self.rows.points[self.starts[n] : self.ends[n]])

    def act(self, n: int, evidence: Evidence, because: int, number: int = 0) -> None:
        """Sentence a line."""
        self.lines.acted[n], self.lines.because[n], self.lines.number[n] = self.register.saying(evidence), because, number

    # ------------------------------------------------------------ rounds

    def hear(self, safety: str, scorer: Scorer | None = None, *, told: bool = False) -> None:
        """Ask the arbiter until nothing moves; ask the scorer about whole pages, then about what is left, until it takes no more.

        Both look at nothing but the lines that stay, and are asked until neither moves: so a second run finds nothing to do.
        What is aggressive comes after all that is safe, and takes more, never less.
        """
        lines, page = self.lines, self.lines.page
        left = self.every[self.plain[page]] if scorer else self.every[:0]
        judged = self._score(left, scorer)
        moved = self._round(self.every)
        for rule in self.pack.of_kind["enclosed"]:
            self._enclose(rule)
        self._settle(self.every, moved)
        changed = np.zeros(len(self.texts), bool)
        changed[page[lines.acted >= 0]] = True
        changed[page[np.array(list(self.cuts), np.int64)]] = True
        self._learn(left, judged, changed, scorer, told=told)
        if safety == "aggressive":
            self.safe = lines.acted.copy(), lines.because.copy(), lines.number.copy()
            while True:
                before = lines.acted >= 0
                self._settle(self.every, np.full(len(self.texts), True), aggressive=True)
                changed[:] = False
                changed[page[before != (lines.acted >= 0)]] = True
                if not changed.any():
                    break
                left = self.every[self.plain[page] & (lines.acted < 0) & changed[page]] if scorer else self.every[:0]
                self._learn(left, self._score(left, scorer), changed, scorer, told=told)

    def _learn(self, left: I32, judged: tuple[Flags, I32, I32], changed: Flags, scorer: Scorer | None, *, told: bool) -> None:
        """Take what the scorer takes of lines that are left, and what the arbiter takes after that, until neither moves."""
        lines, acted, page = self.lines, self.lines.acted, self.lines.page
        wanted, sure, seen = judged
        for rule in self.pack.of_kind["learned"] if scorer else ():
            while len(left):
                at = np.flatnonzero(wanted & (acted[left] < 0) & ~lines.shielded[left])
                at = at[self.finds(left[at], rule)]
                took = left[at]
                acted[took], lines.because[took], lines.number[took] = self.register.saying(Evidence.alone(rule)), LEARNED, sure[at] // 100
                if told and scorer:
                    self.told |= {n: ", ".join(scorer.reasons(seen[k])) for n, k in zip(took.tolist(), at.tolist(), strict=True)}
                changed[page[took]] = True
                left = left[(acted[left] < 0) & changed[page[left]]]
                self._settle(left, changed)
                left = left[acted[left] < 0]
                changed[:] = False
                wanted, sure, seen = self._score(left, scorer)

    def spare(self, spared: Sequence[tuple[int, int]]) -> None:
        """Let lines stay whole."""
        if spared:
            size = int(self.lines.row.max(initial=0)) + 1
            here = np.isin(self.lines.page * np.int64(size) + self.lines.row, [page * size + row for page, row in spared if row < size])
            self.lines.acted[here] = -1
            for n in np.flatnonzero(here).tolist():
                self.cuts.pop(n, None)

    def _settle(self, left: I32, moved: Flags, *, aggressive: bool = False) -> None:
        """Ask the arbiter about the lines that are left of pages of which something went, until nothing moves."""
        while moved.any():
            left = left[(self.lines.acted[left] < 0) & moved[self.lines.page[left]]]
            if not len(left):
                break
            moved = self._round(left, aggressive=aggressive)

    def _score(self, left: I32, scorer: Scorer | None) -> tuple[Flags, I32, I32]:
        """Return which of the lines that are left the scorer would take, how sure it is of each, and the features of each."""
        if scorer is None or not len(left):
            return np.zeros(len(left), bool), np.zeros(len(left), np.int32), np.zeros((len(left), 0), np.int32)
        cut = {k: self.cut_rows[n] for k, n in enumerate(left.tolist()) if n in self.cut_rows} if self.cut_rows else {}
        rows = Rows(self.rows.points, self.starts[left], self.ends[left]).changed(cut)
        judged = scorer.judge(*rows, _bounds(self.lines.page[left]), self.register.strongest(self.lines.known[left]))
        self.sure[left] = judged[1]
        return judged

    def _round(self, left: I32, *, aggressive: bool = False) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Ask the arbiter once about the lines that are left; say of which pages anything went."""
        lines, register, size = self.lines, self.register, len(left)
        bounds = _bounds(lines.page[left])
        tables = register.ballot_rows, register.evidence_rows
        sure = place.sized(size)(lines.power, lines.placed, lines.gain, lines.zone, left, bounds)
        slots, counts = protect.sized(size)(lines, left, bounds, *tables, len(register.rules))
        waiting = arbitrate.sized(size)(lines, left, bounds, *tables, slots, counts, sure, aggressive)
        self._head(
            left,
            *header.sized(size)(lines.known, lines.power, lines.zone, lines.acted, left, bounds, *tables, slots, counts, sure & waiting),
        )
        support.sized(size)(lines, left, bounds, register.evidence_rows, sure, waiting)
        ballots = lines.known[left] >> BALLOT
        if len(heads := np.flatnonzero(tables[0][ballots, HEADS])):
            self._grow(left, bounds, heads, ballots[heads])
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
            titled = bool((~lines.shielded[below]).any())
            if needs_title and not titled:
                continue
            column, said = left[first : last + titled], words[first : last + titled]
            went = (said >= 0) & (lines.acted[column] < 0)
            lines.acted[column[went]] = [register.raised(e) for e in said[went].tolist()]
            lines.because[column[went]] = HEADER

    def _grow(self, left: I32, bounds: I64, heads: I64, ballots: I64) -> None:
        """Ask which lines below headings, at these places of ``left``, are rows of their blocks; take those with the heading."""
        register, tables = self.register, self.register.tables
        blocks = self.pack.of_kind["block"]
        numbers = {block.id: n for n, block in enumerate(blocks)}
        ends = bounds[np.searchsorted(bounds, heads, "right")]
        headings = np.array(
            [
                (k, min(end, k + 1 + block.most), numbers[block.id])
                for k, end, ballot in zip(heads.tolist(), ends.tolist(), ballots.tolist(), strict=True)
                for block in register.heads[ballot]
            ]
        )
        size = headings[:, 1] - headings[:, 0] - 1
        below = left[np.arange(size.sum()) + np.repeat(headings[:, 0] + 1 - np.cumsum(size) + size, size)]
        block = np.repeat(headings[:, 2], size)
        asks = np.array([tables.rows[tables.numbers[block.id]] for block in blocks], np.int32)
        tagged = np.array(["tag" in block.row_pattern.groupindex for block in blocks])
        tags = self.answers(below, asks[block]).astype(np.int32) - 1
        seen: dict[str, int] = {}
        for k in np.flatnonzero((tags == 0) & tagged[block]).tolist():
            match = blocks[block[k]].row_pattern.fullmatch(self.folded(int(below[k])).strip())
            tags[k] = seen.setdefault(match["tag"], len(seen) + 1) if match and match["tag"] else 0
        rows = [
            (sum(ZONES[z] for z in set(b.zones)), b.least, t, register.saying(Evidence.alone(b)))
            for b, t in zip(blocks, tagged.tolist(), strict=True)
        ]
        grow.sized(len(self.every))(self.lines, left, headings, tags, np.array(rows, np.int32))

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
                foot = below[(lines.zone[below] == TAIL) & (lines.acted[below] >= 0)]
                if any(name in self.folded(x) for x in foot.tolist()):
                    at = self.folded(n).index(name)
                    self.act(n, Evidence.alone(rule)._replace(salvage=(("source", at, at + len(name)),)), ECHO)

    def _enclose(self, rule: Rule) -> None:
        """Take short lines that no rule knows from inside a header or footer."""
        lines, register = self.lines, self.register
        where = sum(ZONES[name] for name in set(rule.zones))
        counts = len(register.rules), where, rule.least, rule.most
        found = enclosed.sized(len(self.every))(lines, self.bounds, register.evidence_rows, *counts)
        found = found[~lines.shielded[found]]
        found = found[self.finds(found, rule)]
        lines.acted[found] = register.saying(Evidence.alone(rule))

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

    def _cut(self, lines: I32) -> None:
        """Cut the parts of lines that were voted against; a line of which nothing is left goes."""
        its, register = self.lines, self.register
        for n in lines.tolist():
            spans, at = [], 0
            for span in register.spans[int(its.known[n]) >> BALLOT]:
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
        its.known[lines] = register.look(Rows.of([self.cut_rows[n] for n in lines.tolist()]))
        self._know(lines)
        for n in lines.tolist():
            ballot = register.ballot_rows[its.known[n] >> BALLOT]
            said = register.evidence_rows[ballot[FIRST] : ballot[FIRST] + ballot[COUNT]]
            its.suspected[n] = bool((said[:, ZONE_BITS] & its.zone[n]).any())
        for n in lines[its.known[lines] & BLANK > 0].tolist():
            self.act(n, self.cuts[n][0], EMPTIED)

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
            found.setdefault(page, []).extend((name, text[start + a : start + b]) for e in said_of(self, n) for name, a, b in e.salvage)
        title = np.where(whole == 0, titles.sized(size)(lines, bounds, *tables), -1)
        named = {page: (int(lines.start[n]), int(lines.end[n])) for page, n in zip(pages, title.tolist(), strict=True) if n >= 0}
        metadata = {
            page: {**title_of(text, *named.get(page, ())), **(gather(found[page]) if page in found else {})}
            for page, text in enumerate(self.texts)
        }
        for page, found_there in zip(pages, expected_of_pages(lines, self.sure, bounds, whole), strict=True):
            metadata[page] |= found_there if self.plain[page] else {}
        where = {page: k for k, page in enumerate(pages) if page not in flags}
        return Decisions(self.texts, cuts, register.rules, flags, metadata, partial(reasons_of, self, where), partial(odds_of, self, where))


def _bounds(pages: I32) -> I64:
    """Return where each page begins among lines, and where the last ends."""
    return np.append(np.flatnonzero(np.diff(pages, prepend=-1)), len(pages))
