"""Decide for every line of a batch of pages whether it is removed.

Rules, host profiles and the learned scorer give evidence (`cleantext.chrome.lines.findings`); none of them deletes. A line is removed if its evidence is strong
enough for its position (head, tail, or inside the body), or if a second reason supports it:

* strength A acts anywhere, B in its zones or next to a removed line, C only between removed lines;
* a heading is removed with the rows of its list, a header or footer with the short lines inside it;
* protectors (numbered headings, signatures, dialogue, records, chronicles, titles: `cleantext.chrome.lines.protectors`) withdraw evidence;
* a scorer trained on labelled pages removes what a page can spare of the rest (`cleantext.chrome.scorer`), but never a protected line;
* a page is kept whole if removal would leave no body.

Removing a line changes the neighbours of the kept lines. So the kept lines are judged again
until nothing changes: a second run over the cleaned page finds nothing to do.

Here lines are numbers in arrays (`cleantext.chrome.lines.columns.Lines`), and kernels judge them for a batch of pages at once. Python code handles
only lines for which rules do more than give evidence: headings, names to salvage, parts to cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, text_of
from cleantext.chrome.lines.columns import (
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
    SPANS,
    STRONGEST,
    SUMMARY,
    TAIL,
    ZONE_BITS,
    ZONES,
    Lines,
)
from cleantext.chrome.lines.decisions import Decisions, PageDecision, Reason
from cleantext.chrome.lines.evidence import Evidence
from cleantext.chrome.lines.findings import LineCache
from cleantext.chrome.lines.headers_footers import enclosed, grow, header
from cleantext.chrome.lines.protectors import protect, restore_titles
from cleantext.chrome.lines.results import results_of
from cleantext.chrome.lines.zones import place, support, take_certain
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.matching.line_scan import stripped
from cleantext.chrome.rules.pack import Rule
from cleantext.chrome.scorer import Scorer

__all__ = ["Decisions", "PageDecision", "Reason", "decide"]

Flags = npt.NDArray[np.bool_]
_ENTRY = re.compile(r"\s*(?:1\d|20)\d\d[-/.年] ?\d{1,2}[-/.月] ?\d{1,2}日?[ :,]{1,2}[\u3400-\u9fff]")  # a date and an event
DATE = 10  # characters in which two entries of a chronicle differ


def decide(
    texts: Sequence[str],
    rows: Rows,
    known: I64,
    cache: LineCache,
    *,
    safety: str = "safe",
    scorer: Scorer | None = None,
    plain: Flags | None = None,
    told: bool = False,
    spared: Sequence[tuple[int, int]] = (),
) -> Decisions:
    """Decide for every line of many pages, given their folded lines, page after page, and the facts about each.

    The lines ``spared``, given by their text and number, are kept whole, but their evidence still counts for their neighbours.
    With a ``scorer``, lines of ``plain`` pages that no rule removes are decided by it; ``told`` records its reasons in words.
    """
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)  # of the texts in the rows, each with a line break
    pages = np.searchsorted(ends, rows.starts, "right")
    suspected = np.zeros(len(texts), bool)
    scorer = scorer if cache.pack.of_kind["learned"] else None
    suspected[pages[known >> SUMMARY > 0]] = True
    plain = np.full(len(texts), scorer is not None) if plain is None else plain & (scorer is not None)
    suspected |= plain
    decider = Decider(texts, rows, pages, np.flatnonzero(suspected[pages] & (known & BLANK == 0)), known, cache)
    decider.plain = plain
    decider.run(safety, scorer, told=told)
    decider.spare(spared)
    return results_of(decider)


class Decider:
    """The lines of pages with any evidence, while they are judged."""

    def __init__(self, texts: Sequence[str], rows: Rows, pages: I64, kept: I64, known: I64, cache: LineCache) -> None:
        self.texts, self.rows, self.cache, self.pack = texts, rows, cache, cache.pack
        self.cut_rows: dict[int, str] = {}  # the rest of a line from which parts were cut
        self.cuts: dict[int, list[Evidence]] = {}  # with offsets in the whole line
        self.origins: dict[int, list[int]] = {}  # for each remaining character its offset in the line
        self.dates: dict[str, int] = {}  # of chronicles
        self.plain = np.zeros(len(texts), bool)  # pages for which the scorer is used
        self.safe: tuple[I32, I32, I32] | None = None  # which evidence removed lines before the aggressive rules ran, and why
        self.sure = np.full(len(kept), -1, np.int32)  # how likely each line is chrome, in 1/10000; -1 if the scorer was not used
        self.told: dict[int, str] = {}  # why learned evidence removed a line, if requested
        first = np.searchsorted(pages, pages[kept])  # row of the first line of the page
        self.starts, self.ends = rows.starts[kept], rows.ends[kept]  # offsets in the lines of all pages together
        self.lines = Lines.before(
            pages[kept].astype(np.int32), kept - first, self.starts - rows.starts[first], self.ends - rows.starts[first], known[kept]
        )
        self.every = np.arange(len(kept), dtype=np.int32)
        self.bounds = _bounds(self.lines.page)
        self._know(self.every)

    def _know(self, lines: I32) -> None:
        """Fill in the columns that follow from the facts about lines."""
        its, cache = self.lines, self.cache
        known = its.known[lines]
        its.gain[lines] = (known & GAIN) - LOSS
        its.power[lines] = cache.summary_rows[known >> SUMMARY, STRONGEST]
        its.placed[lines] = cache.summary_rows[known >> SUMMARY, PLACED]
        its.entry[lines] = 0
        for n in lines[known & ENTRY > 0].tolist():
            if _ENTRY.match(row := self.folded(n)):
                its.entry[n] = self.dates.setdefault(row[:DATE], len(self.dates) + 1)

    def folded(self, n: int) -> str:
        """Return a line without the parts already cut."""
        return self.cut_rows[n] if n in self.cut_rows else text_of(self.rows.points[self.starts[n] : self.ends[n]])

    def act(self, n: int, evidence: Evidence, because: int, number: int = 0) -> None:
        """Mark line ``n`` as removed, with its evidence and the reason why that was sufficient."""
        self.lines.removed_by[n], self.lines.because[n], self.lines.number[n] = self.cache.evidence_number(evidence), because, number

    # ------------------------------------------------------------ rounds

    def run(self, safety: str, scorer: Scorer | None = None, *, told: bool = False) -> None:
        """Apply the rules until nothing changes; use the scorer on whole pages, then on what is left, until it removes no more.

        Both look only at kept lines, and are repeated until neither removes any: so a second run finds nothing to do.
        The aggressive rules run after all safe ones, and remove more lines, never fewer.
        """
        lines, page = self.lines, self.lines.page
        left = self.every[self.plain[page]] if scorer else self.every[:0]
        judged = self._score(left, scorer)
        moved = self._round(self.every)
        for rule in self.pack.of_kind["enclosed"]:
            self._enclose(rule)
        self._repeat(self.every, moved)
        changed = np.zeros(len(self.texts), bool)
        changed[page[lines.removed_by >= 0]] = True
        changed[page[np.array(list(self.cuts), np.int64)]] = True
        self._learn(left, judged, changed, scorer, told=told)
        if safety == "aggressive":
            self.safe = lines.removed_by.copy(), lines.because.copy(), lines.number.copy()
            while True:
                before = lines.removed_by >= 0
                self._repeat(self.every, np.full(len(self.texts), True), aggressive=True)
                changed[:] = False
                changed[page[before != (lines.removed_by >= 0)]] = True
                if not changed.any():
                    break
                left = self.every[self.plain[page] & (lines.removed_by < 0) & changed[page]] if scorer else self.every[:0]
                self._learn(left, self._score(left, scorer), changed, scorer, told=told)

    def _learn(self, left: I32, judged: tuple[Flags, I32, I32], changed: Flags, scorer: Scorer | None, *, told: bool) -> None:
        """Remove the lines of ``left`` that the scorer selects, and those that rules remove after that, until nothing changes."""
        lines, removed_by, page = self.lines, self.lines.removed_by, self.lines.page
        wanted, sure, seen = judged
        for rule in self.pack.of_kind["learned"] if scorer else ():
            while len(left):
                at = np.flatnonzero(wanted & (removed_by[left] < 0) & ~lines.shielded[left])
                at = at[self.finds(left[at], rule)]
                if not len(at) and not changed.any():
                    break
                took = left[at]
                removed_by[took], lines.because[took], lines.number[took] = (
                    self.cache.evidence_number(Evidence.alone(rule)),
                    LEARNED,
                    sure[at] // 100,
                )
                if told and scorer:
                    self.told |= {n: ", ".join(scorer.reasons(seen[k])) for n, k in zip(took.tolist(), at.tolist(), strict=True)}
                changed[page[took]] = True
                left = left[(removed_by[left] < 0) & changed[page[left]]]
                self._repeat(left, changed)
                left = left[removed_by[left] < 0]
                changed[:] = False
                wanted, sure, seen = self._score(left, scorer)

    def spare(self, spared: Sequence[tuple[int, int]]) -> None:
        """Mark lines to be kept whole."""
        if spared:
            size = int(self.lines.row.max(initial=0)) + 1
            here = np.isin(self.lines.page * np.int64(size) + self.lines.row, [page * size + row for page, row in spared if row < size])
            self.lines.removed_by[here] = -1
            for n in np.flatnonzero(here).tolist():
                self.cuts.pop(n, None)

    def _repeat(self, left: I32, moved: Flags, *, aggressive: bool = False) -> None:
        """Apply the rules again to the remaining lines of pages that changed, until nothing changes."""
        while moved.any():
            left = left[(self.lines.removed_by[left] < 0) & moved[self.lines.page[left]]]
            if not len(left):
                break
            moved = self._round(left, aggressive=aggressive)

    def _score(self, left: I32, scorer: Scorer | None) -> tuple[Flags, I32, I32]:
        """Return which of the remaining lines the scorer would remove, its probability for each, and the features of each."""
        if scorer is None or not len(left):
            return np.zeros(len(left), bool), np.zeros(len(left), np.int32), np.zeros((len(left), 0), np.int32)
        cut = {k: self.cut_rows[n] for k, n in enumerate(left.tolist()) if n in self.cut_rows} if self.cut_rows else {}
        rows = Rows(self.rows.points, self.starts[left], self.ends[left]).changed(cut)
        judged = scorer.judge(*rows, _bounds(self.lines.page[left]), self.cache.strongest(self.lines.known[left]))
        self.sure[left] = judged[1]
        return judged

    def _round(self, left: I32, *, aggressive: bool = False) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Apply the rules once to the remaining lines; return which pages changed."""
        lines, cache, size = self.lines, self.cache, len(left)
        bounds = _bounds(lines.page[left])
        tables = cache.summary_rows, cache.evidence_rows
        sure = place.sized(size)(lines.power, lines.placed, lines.gain, lines.zone, left, bounds)
        slots, counts = protect.sized(size)(lines, left, bounds, *tables, len(cache.rules))
        waiting = take_certain.sized(size)(lines, left, bounds, *tables, slots, counts, sure, aggressive)
        self._head(
            left,
            *header.sized(size)(
                lines.known, lines.power, lines.zone, lines.removed_by, left, bounds, *tables, slots, counts, sure & waiting
            ),
        )
        support.sized(size)(lines, left, bounds, cache.evidence_rows, sure, waiting)
        summaries = lines.known[left] >> SUMMARY
        if len(heads := np.flatnonzero(tables[0][summaries, HEADS])):
            self._grow(left, bounds, heads, summaries[heads])
        for rule in self.pack.of_kind["echo"]:
            self._echo(left, bounds, rule)
        restore_titles.sized(size)(lines, left, bounds, cache.summary_rows, cache.evidence_rows)
        cut = left[(tables[0][summaries, SPANS] > 0) & (lines.removed_by[left] < 0)]
        if len(cut):
            self._cut(cut)
        moved = np.zeros(len(self.texts), bool)
        moved[lines.page[left[lines.removed_by[left] >= 0]]] = True
        moved[lines.page[cut]] = True
        return moved

    def _head(self, left: I32, words: I32, columns: I64) -> None:
        """Remove the columns of links above titles. If no possible title follows a column, its last line may be the title."""
        lines, cache = self.lines, self.cache
        for first, last, end, needs_title in columns.tolist():
            below = left[last + 1 : end]
            below = below[(lines.removed_by[below] < 0) & (lines.power[below] == 0)]
            titled = bool((~lines.shielded[below]).any())
            if needs_title and not titled:
                continue
            column, said = left[first : last + titled], words[first : last + titled]
            went = (said >= 0) & (lines.removed_by[column] < 0)
            lines.removed_by[column[went]] = [cache.raised(e) for e in said[went].tolist()]
            lines.because[column[went]] = HEADER

    def _grow(self, left: I32, bounds: I64, heads: I64, summaries: I64) -> None:
        """Find which lines below headings, at these places of ``left``, are rows of their blocks; remove them with the heading."""
        cache, tables = self.cache, self.cache.tables
        blocks = self.pack.of_kind["block"]
        numbers = {block.id: n for n, block in enumerate(blocks)}
        ends = bounds[np.searchsorted(bounds, heads, "right")]
        headings = np.array(
            [
                (k, min(end, k + 1 + block.most), numbers[block.id])
                for k, end, summary in zip(heads.tolist(), ends.tolist(), summaries.tolist(), strict=True)
                for block in cache.heads[summary]
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
            (sum(ZONES[z] for z in set(b.zones)), b.least, t, cache.evidence_number(Evidence.alone(b)))
            for b, t in zip(blocks, tagged.tolist(), strict=True)
        ]
        grow.sized(len(self.every))(self.lines, left, headings, tags, np.array(rows, np.int32))

    def _echo(self, left: I32, bounds: I64, rule: Rule) -> None:
        """Salvage a bare name under the date as the source, if the foot of the page repeats it."""
        lines = self.lines
        removed_by = lines.removed_by[left]
        dated = (removed_by >= 0) & (self.cache.evidence_rows[removed_by, DATED] > 0)
        under = dated[:-1] & (removed_by[1:] < 0) & (lines.zone[left[1:]] == HEAD) & (lines.page[left[:-1]] == lines.page[left[1:]])
        for k in (np.flatnonzero(under) + 1).tolist():
            n = int(left[k])
            name = self.folded(n).strip()
            if rule.finds(name):
                below = left[k : bounds[np.searchsorted(bounds, k, "right")]]
                foot = below[(lines.zone[below] == TAIL) & (lines.removed_by[below] >= 0)]
                if any(name in self.folded(x) for x in foot.tolist()):
                    at = self.folded(n).index(name)
                    self.act(n, Evidence.alone(rule)._replace(salvage=(("source", at, at + len(name)),)), ECHO)

    def _enclose(self, rule: Rule) -> None:
        """Remove short lines that no rule matches from inside a header or footer."""
        lines, cache = self.lines, self.cache
        where = sum(ZONES[name] for name in set(rule.zones))
        counts = len(cache.rules), where, rule.least, rule.most
        found = enclosed.sized(len(self.every))(lines, self.bounds, cache.evidence_rows, *counts)
        found = found[~lines.shielded[found]]
        if not len(found):
            return
        found = found[self.finds(found, rule)]
        lines.removed_by[found] = cache.evidence_number(Evidence.alone(rule))

    def _stretches(self, lines: I32) -> tuple[I64, I64]:
        """Return the offsets of lines in the rows, without surrounding blanks and ignoring cuts."""
        points = self.rows.points
        starts, ends = stripped.sized(len(points))(points, self.starts[lines], self.ends[lines], self.cache.tables.bits)
        return starts, ends

    def answers(self, lines: I32, questions: I32) -> Flags:
        """Evaluate a question for each line, without surrounding blanks."""
        automata = self.cache.tables.automata
        out = automata.answers(self.rows.points, *self._stretches(lines), questions)
        if self.cut_rows:
            for k in np.flatnonzero(np.isin(lines, list(self.cut_rows))).tolist():
                out[k] = automata.questions[questions[k]].answer(self.folded(int(lines[k])).strip())
        return out

    def finds(self, lines: I32, rule: Rule) -> Flags:
        """Return which lines a rule matches, without surrounding blanks."""
        tables = self.cache.tables
        out = tables.finds(self.rows.points, *self._stretches(lines), np.full(len(lines), tables.numbers[rule.id], np.int32))
        if self.cut_rows:
            for k in np.flatnonzero(np.isin(lines, list(self.cut_rows))).tolist():
                out[k] = rule.finds(self.folded(int(lines[k])).strip()) is not None
        return out

    def _cut(self, lines: I32) -> None:
        """Cut the parts of lines that rules matched; remove a line of which nothing is left."""
        its, cache = self.lines, self.cache
        for n in lines.tolist():
            spans, at = [], 0
            for span in cache.spans[int(its.known[n]) >> SUMMARY]:
                if span.start >= at:
                    spans.append(span)
                    at = span.end
            folded = self.folded(n)
            origin = self.origins.get(n) or list(range(len(folded)))
            cuts = self.cuts.setdefault(n, [])
            for e in spans:
                salvage = tuple((name, origin[a], origin[b - 1] + 1) for name, a, b in e.salvage if a < b)
                cuts.append(Evidence(e.rule, e.power, origin[e.start], origin[e.end - 1] + 1, salvage))
            stays = [slice(a, b) for a, b in zip([0, *(e.end for e in spans)], [*(e.start for e in spans), len(folded)], strict=True)]
            self.origins[n] = [o for part in stays for o in origin[part]]
            self.cut_rows[n] = "".join([folded[part] for part in stays])
        its.known[lines] = cache.look(Rows.of([self.cut_rows[n] for n in lines.tolist()]))
        self._know(lines)
        for n in lines.tolist():
            summary = cache.summary_rows[its.known[n] >> SUMMARY]
            said = cache.evidence_rows[summary[FIRST] : summary[FIRST] + summary[COUNT]]
            its.suspected[n] = bool((said[:, ZONE_BITS] & its.zone[n]).any())
        for n in lines[its.known[lines] & BLANK > 0].tolist():
            self.act(n, self.cuts[n][0], EMPTIED)


def _bounds(pages: I32) -> I64:
    """Return where each page begins among the lines, and where the last one ends."""
    if not len(pages):
        return np.zeros(1, np.int64)
    begins = (pages[1:] != pages[:-1]).nonzero()[0]
    bounds = np.empty(len(begins) + 2, np.int64)
    bounds[0], bounds[-1] = 0, len(pages)
    np.add(begins, 1, out=bounds[1:-1])
    return bounds
