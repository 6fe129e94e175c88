"""Findings: the evidence of rules on a line by its text alone, independent of its surroundings.

They are a pure function of the folded line and the pack, and are cached, since in a crawl most lines of page chrome occur again on the next
page: a `LineCache` represents a line as one number, whose bits are the facts needed for every line, with the number of a row that summarizes its
evidence, if there is any. Nothing is decided here; see `cleantext.chrome.lines.decide`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I32, I64
from cleantext.chrome.lines.columns import (
    BARE,
    CATEGORY,
    COUNT,
    DATED,
    FIRST,
    GAIN,
    HEADS,
    KIND,
    LABEL,
    LINE,
    LOSS,
    NOTED,
    PLACED,
    POWER,
    RULE,
    SALVAGED,
    SHIELDED,
    SIGNED,
    SPANS,
    STRONGEST,
    SUMMARY,
    WORDS,
    B,
)
from cleantext.chrome.lines.evidence import (
    Evidence,
    Findings,
    Salvage,
    labels,
    salvaged,
    spans,
)
from cleantext.chrome.lines.rule_tables import CATEGORY_NUMBERS, Tables
from cleantext.chrome.matching.line_memory import Memory, Rows
from cleantext.chrome.matching.line_scan import Scanned
from cleantext.chrome.matching.vocabulary_lines import widgets
from cleantext.chrome.rules.pack import Pack, Rule

__all__ = ["Evidence", "Findings", "LineCache", "collect"]

MEMORY = 1 << 17  # maximum rows of evidence and summaries cached for a pack
PLACES, DATES = CATEGORY_NUMBERS["C01"], CATEGORY_NUMBERS["C02"]


def collect(lines: Sequence[str], pack: Pack) -> list[Findings]:
    """Return the findings on each folded line. Lines of many pages may come in one call: the cheapest way."""
    cache = LineCache.of(pack)
    return [cache.findings(line, known) for line, known in zip(lines, cache.look(Rows.of(lines)).tolist(), strict=True)]


_CACHES: dict[int, LineCache] = {}


class _EvidenceColumns(NamedTuple):
    """Evidence against whole lines, as columns."""

    line: I32
    rule: I32
    power: I32
    words: I32
    salvage: Mapping[int, Salvage]  # only for some rows


class LineCache:
    """The findings on lines under one pack: a number for each line, summaries for those with evidence."""

    def __init__(self, pack: Pack, tables: Tables | None = None) -> None:
        self.pack = pack
        self.tables = tables or Tables(pack)
        self.rules = self.tables.by_number
        self.memory = Memory()
        self.summaries = 1  # number of rows written: summary 0 is empty
        self.evidence = 0
        self.summary_rows: I32 = np.zeros((64, 6), np.int32)
        self.evidence_rows: I32 = np.zeros((64, 12), np.int32)
        self.heads: dict[int, tuple[Rule, ...]] = {}  # by summary: the blocks that the line can head
        self.spans: dict[int, tuple[Evidence, ...]] = {}  # by summary: evidence against parts of the line
        self.salvage: dict[int, Salvage] = {}  # by evidence
        self.notes: dict[int, str] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}  # evidence and summaries that do not follow from a line
        self._raised: dict[int, int] = {}
        self._lock = Lock()

    @classmethod
    def of(cls, pack: Pack) -> LineCache:
        """Return the cache of exactly this pack, a new one if the old one is full."""
        known = _CACHES.get(id(pack))
        if known is None or known.pack is not pack:
            if len(_CACHES) >= 8:  # there are few packs, which are cached themselves
                _CACHES.clear()
            known = _CACHES[id(pack)] = cls(pack)
        elif known.memory.full or known.evidence + known.summaries > MEMORY:
            known = known.forget()
        return known

    def forget(self) -> LineCache:
        """Replace this cache by an empty one; those who hold the old one can still use it."""
        new = _CACHES[id(self.pack)] = LineCache(self.pack, self.tables)
        return new

    def look(self, rows: Rows) -> I64:
        """Return the numbers of folded lines; rules are matched only on new lines."""
        with self._lock:
            return self.memory.look(rows, self._match)

    def findings(self, line: str, known: int) -> Findings:
        """Return the findings for a number."""
        gain, shield = (known & GAIN) - LOSS, 1 if known & SHIELDED else 2 if known & SIGNED else 0
        if not (summary := known >> SUMMARY):
            return _quiet(gain, shield)
        first, count = self.summary_rows[summary, [FIRST, COUNT]].tolist()
        evidence = tuple(self.evidence_at(n, len(line)) for n in range(first, first + count))
        return Findings(evidence, self.spans.get(summary, ()), self.heads.get(summary, ()), gain, shield)

    def evidence_at(self, number: int, length: int = 0) -> Evidence:
        """Return the evidence with a number, against a line of this length."""
        rule, power, words = self.evidence_rows[number, [RULE, POWER, WORDS]].tolist()
        return Evidence(self.rules[rule], power, 0, length, self.salvage.get(number, ()), self.notes.get(number, ""), words)

    def summary(self, key: tuple[Any, ...], findings: Findings) -> int:
        """Return the number of a summary of evidence from outside the text (a host profile); ``key`` is what it follows from."""
        with self._lock:
            if key not in self._numbers:
                evidence = findings.evidence
                rule, power, words = (
                    np.array([(self.tables.numbers[e.rule.id], e.power, e.words) for e in evidence], np.int32).reshape(-1, 3).T
                )
                said = _EvidenceColumns(
                    np.zeros_like(rule), rule, power, words, {n: e.salvage for n, e in enumerate(evidence) if e.salvage}
                )
                self._numbers[key] = self._file(np.zeros(1, np.int32), said, {0: findings.spans}, {0: findings.heads})
                first = self.evidence - len(evidence)
                self._annotate({first + n: e.note for n, e in enumerate(evidence) if e.note})
            return self._numbers[key]

    def evidence_number(self, evidence: Evidence) -> int:
        """Return the number of evidence that is in no summary."""
        key = (evidence.rule.id, *evidence[1:])
        with self._lock:
            if key not in self._numbers:
                rule = np.array([self.tables.numbers[evidence.rule.id]], np.int32)
                power, words = np.array([[evidence.power], [evidence.words]], np.int32)
                self._numbers[key] = number = self._note(
                    _EvidenceColumns(rule, rule, power, words, {0: evidence.salvage} if evidence.salvage else {})
                )
                self._annotate({number: evidence.note} if evidence.note else {})
            return self._numbers[key]

    def raised(self, number: int) -> int:
        """Return the number of the same evidence with strength B."""
        if number not in self._raised:
            self._raised[number] = self.evidence_number(self.evidence_at(number)._replace(power=B))
        return self._raised[number]

    def strongest(self, known: I64) -> I32:
        """Return for each line the power and category of its strongest evidence, and whether it can head a block, in the form that the scorer needs."""
        summaries = self.summary_rows[known >> SUMMARY]
        category = np.where(summaries[:, COUNT] > 0, self.evidence_rows[summaries[:, FIRST], CATEGORY], 0)
        return np.stack((summaries[:, STRONGEST], category, summaries[:, HEADS] > 0), 1).astype(np.int32)

    # ------------------------------------------------------------ tables

    def _note(self, said: _EvidenceColumns) -> int:
        """Append evidence to its table; return the number of the first row."""
        first = self.evidence
        self.evidence += len(said.rule)
        self.evidence_rows = _grown(self.evidence_rows, self.evidence)
        rows = self.evidence_rows[first : self.evidence]
        rows[:] = self.tables.columns[said.rule]
        rows[:, POWER], rows[:, WORDS] = said.power, said.words
        for n, fields in said.salvage.items():
            rows[n, SALVAGED], rows[n, DATED] = len(fields), any(name == "published" for name, _, _ in fields)
            self.salvage[first + n] = fields
        of_date = (rows[:, KIND] == LINE) & (rows[:, CATEGORY] == DATES)
        rows[:, BARE] = np.where(rows[:, KIND] == LABEL, rows[:, SALVAGED] == 1, of_date & (rows[:, DATED] > 0))
        return first

    def _annotate(self, notes: Mapping[int, str]) -> None:
        """Add notes to evidence."""
        self.notes |= notes
        self.evidence_rows[list(notes), NOTED] = 1

    def _file(
        self, lines: I32, said: _EvidenceColumns, parts: Mapping[int, tuple[Evidence, ...]], heads: Mapping[int, tuple[Rule, ...]]
    ) -> int:
        """Append summaries of lines to their table, with the evidence in the order of the lines; return the number of the first."""
        number, first = self.summaries, self._note(said)
        self.summaries += len(lines)
        self.summary_rows = _grown(self.summary_rows, self.summaries)
        rows = self.summary_rows[number : self.summaries]
        begins, ends = np.searchsorted(said.line, lines), np.searchsorted(said.line, lines, "right")
        rows[:, FIRST], rows[:, COUNT] = first + begins, ends - begins
        some = np.flatnonzero(begins < ends)
        strongest = self.evidence_rows[rows[some, FIRST]]
        rows[some, STRONGEST], rows[some, PLACED] = strongest[:, POWER], strongest[:, CATEGORY] == PLACES
        for n, line in enumerate(lines.tolist() if parts or heads else ()):
            if line in parts:
                self.spans[number + n], rows[n, SPANS] = parts[line], len(parts[line])
            if line in heads:
                self.heads[number + n], rows[n, HEADS] = heads[line], len(heads[line])
        return number

    # ------------------------------------------------------------ matching

    def _match(self, rows: Rows) -> I64:
        """Match all rules on distinct lines."""
        tables, rules = self.tables, self.rules
        points, lo, hi = rows
        found = tables.look(rows)
        line, rule = found.pairs.T.copy()
        span = tables.rules.span[rule]
        a, b = np.where(span, 0, found.core[line, 0]), np.where(span, hi[line] - lo[line], found.core[line, 1])
        met = tables.finds(points, lo[line] + a, lo[line] + b, rule)
        line, rule, span, a, b = line[met], rule[met], span[met], a[met], b[met]
        parts: dict[int, list[Evidence]] = defaultdict(list)
        for n, r in zip(line[span].tolist(), rule[span].tolist(), strict=True):
            parts[n] += spans(rows.line(n), rules[r])
        heading = tables.blocks[rule]
        heads: dict[int, list[Rule]] = defaultdict(list)
        for n, r in zip(line[heading].tolist(), rule[heading].tolist(), strict=True):
            heads[n].append(rules[r])
        said = self._against(rows, found, *(x[~span & ~heading] for x in (line, rule, a, b)))
        judged = np.unique(np.array([*said.line.tolist(), *(n for n, found in parts.items() if found), *heads], np.int32))
        first = self._file(
            judged,
            said,
            {n: tuple(sorted(found, key=lambda e: (e.start, -e.end, e.rule.id))) for n, found in parts.items()},
            {n: tuple(sorted(found, key=lambda r: r.id)) for n, found in heads.items()},
        )
        found.known[judged] |= np.arange(first, first + len(judged)) << SUMMARY
        return found.known

    def _against(self, rows: Rows, found: Scanned, line: I32, rule: I32, a: I32, b: I32) -> _EvidenceColumns:
        """Return the evidence against whole lines: from rules that match, widget words and labels; sorted, the strongest first."""
        tables, words = self.tables, self._worded(rows, found)
        labelled: list[tuple[int, int, int, int]] = []
        salvage: dict[int, Salvage] = {}
        for k in np.flatnonzero(tables.groups[rule]).tolist():
            meant, start = self.rules[rule[k]], int(a[k])
            if fields := salvaged(meant, meant.pattern.fullmatch(rows.line(line[k])[start : b[k]]), start):
                salvage[k] = fields
        size = len(line) + words.shape[1]
        for n in np.flatnonzero(found.labelled).tolist():
            start, end = found.core[n].tolist()
            text = rows.line(n)
            for e in labels(text, start, text[start:end], self.pack):
                labelled.append((n, tables.numbers[e.rule.id], e.power, 0))
                if e.salvage:
                    salvage[size] = e.salvage
                size += 1
        by_rules = np.stack((line, rule, tables.rules.power[rule], np.zeros_like(rule)))
        found_all = np.concatenate((by_rules, words, np.array(labelled, np.int32).reshape(-1, 4).T), axis=1)
        line, rule, power, count = found_all
        salvaged_fields = np.zeros(size, np.int32)
        salvaged_fields[list(salvage)] = list(map(len, salvage.values()))
        order = np.lexsort((rule, tables.columns[rule, KIND] != LABEL, -salvaged_fields, -power, line))
        moved = np.empty(size, np.int64)
        moved[order] = np.arange(size)
        line, rule, power, count = found_all[:, order]
        return _EvidenceColumns(line, rule, power, count, {int(moved[k]): fields for k, fields in salvage.items()})

    def _worded(self, rows: Rows, found: Scanned) -> I32:
        """Return the lines that consist of widget words: number, rule, power and how many words."""
        lines, tables, points = np.flatnonzero(found.worded), self.tables, rows.points
        starts, ends = (rows.starts[lines, None] + found.core[lines]).T.copy()
        said = widgets.sized(len(points))(points, starts, ends, tables.bits, tables.lexicons[2], tables.rules)
        made = said[:, 0] >= 0
        return np.concatenate((lines[made, None], said[made]), axis=1, dtype=np.int32).T


@lru_cache(maxsize=2048)
def _quiet(gain: int, shielded: int) -> Findings:
    return Findings(gain=gain, shield=shielded)


def _grown(rows: I32, size: int) -> I32:
    """Return a table with room for ``size`` rows."""
    if size <= len(rows):
        return rows
    grown = np.zeros((2 * size, rows.shape[1]), np.int32)
    grown[: len(rows)] = rows
    return grown
