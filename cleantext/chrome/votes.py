"""Voters: what the text of a line says against it, whatever stands around it.

A pure function of the folded line and the pack, and so remembered, for on a crawl most lines of page chrome come back on the next
page: a `Register` knows a line as one number, with what the arbiter asks of every line in its bits and the number of its ballot where
there is evidence. Nothing is decided here; see `cleantext.chrome.lines`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, Ragged
from cleantext.chrome.characters import ENDS_LABEL, ENDS_LISTING, PARTS_LABEL, SHIELDS, characters, marked
from cleantext.chrome.columns import (
    BALLOT,
    BARE,
    CATEGORY,
    DATED,
    GAIN,
    KIND,
    KINDS,
    LABEL,
    LINE,
    LOSS,
    NOTED,
    OTHER,
    POWER,
    SALVAGED,
    WORDS,
    ZONES,
    B,
)
from cleantext.chrome.evidence import Evidence, Votes, labels, salvaged, shield, shielding, spans
from cleantext.chrome.frame import listing_ends
from cleantext.chrome.lexicon import RuleTable, lexicon
from cleantext.chrome.rules import CATEGORIES, Pack, Rule
from cleantext.chrome.scan import Scanned, scan, stripped
from cleantext.chrome.sieve import GUARDED, MATCHES, UNGUARDED, Sieves, sieves, sift
from cleantext.chrome.widgets import widgets
from cleantext.fold import view

__all__ = ["Evidence", "Register", "Votes", "collect", "strongest"]

T = TypeVar("T")

REMEMBERED = 80  # characters; longer lines hardly ever return
MEMORY = 1 << 17  # lines and evidence remembered for a pack
MANY = 500  # pairs of lines and rules from which it pays to read sieves off the patterns of a pack
FEW = 50  # lines, as well
CATEGORY_NUMBERS = {category: n for n, category in enumerate(CATEGORIES, 1)}
DATES = CATEGORY_NUMBERS["C02"]


def collect(lines: Sequence[str], pack: Pack) -> list[Votes]:
    """Return the votes on each folded line. Lines of many pages may come in one call: the cheapest way."""
    register = Register.of(pack)
    return [register.votes(line, known) for line, known in zip(lines, register.look(lines).tolist(), strict=True)]


class Tables:
    """A pack in arrays, its rules numbered in the order of their ids."""

    def __init__(self, pack: Pack) -> None:
        self.by_number = rules = sorted(pack.rules, key=lambda r: r.id)
        self.numbers = {rule.id: n for n, rule in enumerate(rules)}
        separators = {c for rule in rules if rule.kind == "label" for c in rule.separators}
        labels = (ENDS_LABEL, {label[-1] for label in pack.labels}), (PARTS_LABEL, separators)
        self.bits = marked(characters(), (*labels, (SHIELDS, shielding()), (ENDS_LISTING, listing_ends())))
        self.lexicons = (
            lexicon((view(anchor), n) for n, rule in enumerate(rules) for anchor in rule.anchors),
            lexicon((view(char), n) for n, rule in enumerate(rules) for char in rule.first),
            lexicon((word, self.numbers[rule.id]) for word, rule in pack.vocabulary.items()),
        )
        self.rules = RuleTable(
            np.array([r.longest for r in rules], np.int32),
            np.array([r.power for r in rules], np.int32),
            np.array([r.common for r in rules], bool),
            np.array([r.kind == "span" for r in rules], bool),
        )
        self.columns = np.array([self._columns(n, rule) for n, rule in enumerate(rules)], np.int32).reshape(-1, 12)

    def _columns(self, number: int, rule: Rule) -> tuple[int, ...]:
        """Return what all evidence of a rule has in common."""
        zones = sum(ZONES[zone] for zone in set(rule.zones))
        kind, category = KINDS.get(rule.kind, OTHER), CATEGORY_NUMBERS.get(rule.category, 0)
        return (number, rule.power, 0, zones, category, kind, rule.common, 0, 0, 0, 0, rule.power)

    @cached_property
    def sieves(self) -> Sieves:
        """The sieves of the rules; to read them off takes as long as some thousand lines."""
        return sieves([rule.sieve for rule in self.by_number])


_REGISTERS: dict[int, Register] = {}


class Register:
    """What is known of lines under one pack: a number for each, ballots for those with evidence."""

    def __init__(self, pack: Pack, tables: Tables | None = None) -> None:
        self.pack = pack
        self.tables = tables or Tables(pack)
        self.rules = self.tables.by_number
        self.known: dict[str, int] = {}
        self.ballots: list[Votes] = [Votes()]
        self.evidence: list[Evidence] = []
        self.ballot_rows: I32 = np.zeros((64, 7), np.int32)  # ballot 0 is empty
        self.evidence_rows: I32 = np.zeros((64, 12), np.int32)
        self._said: dict[tuple[Any, ...], int] = {}  # evidence and ballots that do not follow from a line
        self._raised: dict[int, int] = {}
        self._rows: dict[str, dict[str, str | None]] = {}  # of blocks
        self._lock = Lock()

    @classmethod
    def of(cls, pack: Pack) -> Register:
        """Return the register of this very pack, a new one when the old is full."""
        known = _REGISTERS.get(id(pack))
        if known is None or known.pack is not pack:
            if len(_REGISTERS) >= 8:  # packs are few: they come from a cache themselves
                _REGISTERS.clear()
            known = _REGISTERS[id(pack)] = cls(pack)
        elif len(known.known) + len(known.evidence) + len(known.ballots) > MEMORY:
            known = known.forget()
        return known

    def forget(self) -> Register:
        """Put an empty register in the place of this one, which goes on to serve those who hold it."""
        new = _REGISTERS[id(self.pack)] = Register(self.pack, self.tables)
        return new

    def look(self, lines: Sequence[str]) -> I64:
        """Return the numbers of folded lines, voting on those that are new."""
        found = list(map(self.known.get, lines))
        if None in found:
            with self._lock:
                fresh = list(dict.fromkeys(line for line, known in zip(lines, found, strict=True) if known is None))
                new = dict(zip(fresh, self._vote(fresh).tolist(), strict=True))
                self.known |= {line: known for line, known in new.items() if len(line) <= REMEMBERED}
            found = [new[line] if known is None else known for line, known in zip(lines, found, strict=True)]
        return np.array(found, np.int64)

    def votes(self, line: str, known: int) -> Votes:
        """Return the votes that a number stands for."""
        if known >> BALLOT:
            return self.ballots[known >> BALLOT]
        return _quiet((known & GAIN) - LOSS, shield(line, known))

    def ballot(self, key: tuple[Any, ...], votes: Votes) -> int:
        """Return the number of a ballot that a voter beside the text filled in; ``key`` is what it follows from."""
        with self._lock:
            if key not in self._said:
                self._said[key] = self._file([votes])
            return self._said[key]

    def said(self, evidence: Evidence) -> int:
        """Return the number of evidence that stands on no ballot."""
        key = (evidence.rule.id, *evidence[1:])
        with self._lock:
            if key not in self._said:
                self._said[key] = self._note([evidence])
            return self._said[key]

    def raised(self, number: int) -> int:
        """Return the number of evidence as it stands under a number, but of strength B."""
        if number not in self._raised:
            self._raised[number] = self.said(self.evidence[number]._replace(power=B))
        return self._raised[number]

    def finds(self, rule: Rule, lines: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Say which lines a rule finds, without the blanks around them."""
        if len(lines) <= FEW:
            return np.array([rule.finds(line.strip()) is not None for line in lines], bool)
        column, tables = Ragged.of(lines), self.tables
        size = len(column.points)
        pairs = np.stack((np.arange(len(lines)), np.full(len(lines), tables.numbers[rule.id])), axis=1).astype(np.int32)
        starts, ends = stripped.sized(size)(column.points, column.offsets, tables.bits)
        asked = sift.sized(size)(column.points, starts, ends, pairs, tables.sieves)
        found: npt.NDArray[np.bool_] = asked == MATCHES
        for n in np.flatnonzero((asked == GUARDED) | (asked == UNGUARDED)).tolist():
            found[n] = rule.finds(lines[n].strip()) is not None
        return found

    def row(self, block: Rule, line: str) -> str | None:
        """Return the tag of a row of a block, empty for one without; None for what is no row of it."""
        rows = self._rows.setdefault(block.id, {})
        if line not in rows:
            if len(rows) > MEMORY:
                rows.clear()
            match = block.row_pattern.fullmatch(line.strip())
            rows[line] = None if match is None else match.groupdict().get("tag") or ""
        return rows[line]

    # ------------------------------------------------------------ tables

    def _note(self, evidence: Sequence[Evidence]) -> int:
        """Add evidence to its table; return the number of the first."""
        first = len(self.evidence)
        self.evidence += evidence
        self.evidence_rows = _grown(self.evidence_rows, len(self.evidence))
        rows = self.evidence_rows[first : len(self.evidence)]
        rows[:] = self.tables.columns[[self.tables.numbers[e.rule.id] for e in evidence]]
        rows[:, POWER] = [e.power for e in evidence]
        rows[:, WORDS] = [e.words for e in evidence]
        rows[:, NOTED] = [e.note != "" for e in evidence]
        rows[:, SALVAGED] = [len(e.salvage) for e in evidence]
        rows[:, DATED] = [any(name == "published" for name, _, _ in e.salvage) for e in evidence]
        of_label, of_date = rows[:, KIND] == LABEL, (rows[:, KIND] == LINE) & (rows[:, CATEGORY] == DATES)
        rows[:, BARE] = np.where(of_label, rows[:, SALVAGED] == 1, of_date & (rows[:, DATED] > 0))
        return first

    def _file(self, ballots: Sequence[Votes]) -> int:
        """Add ballots to their table; return the number of the first."""
        number = len(self.ballots)
        first = self._note([e for votes in ballots for e in votes.evidence]) if ballots else 0
        self.ballots += ballots
        self.ballot_rows = _grown(self.ballot_rows, len(self.ballots))
        for n, votes in enumerate(ballots, number):
            counts = len(votes.evidence), len(votes.heads), len(votes.spans)
            self.ballot_rows[n] = first, *counts, votes.shield, *strongest(votes)
            first += len(votes.evidence)
        return number

    # ------------------------------------------------------------ voting

    def _vote(self, lines: Sequence[str]) -> I64:
        """Vote on distinct lines."""
        tables, column, rules = self.tables, Ragged.of(lines), self.rules
        size = len(column.points)
        found = Scanned(*scan.sized(size)(column.points, column.offsets, tables.bits, *tables.lexicons, tables.rules))
        cores = found.core.tolist()
        against: dict[int, list[Evidence]] = defaultdict(list)
        parts: dict[int, list[Evidence]] = defaultdict(list)
        heads: dict[int, list[Rule]] = defaultdict(list)
        for n, r, asked in self._sifted(found, column):
            line, rule = lines[n], rules[r]
            if rule.kind == "span":
                parts[n] += spans(line, rule)
                continue
            a, b = cores[n]
            match = None if asked == MATCHES else rule.finds(line[a:b]) if asked == GUARDED else rule.pattern.fullmatch(line[a:b])
            if match is None and asked != MATCHES:
                continue
            if rule.kind == "block":
                heads[n].append(rule)
            else:
                against[n].append(Evidence(rule, rule.power, 0, len(line), salvaged(rule, match, a)))
        for n, r, power, words in self._worded(found, column):
            against[n].append(Evidence(rules[r], power, 0, len(lines[n]), words=words))
        for n, (a, b) in _chosen(found.labelled, found.core):
            against[n] += labels(lines[n], a, lines[n][a:b], self.pack)
        judged = sorted(n for n in against.keys() | parts.keys() | heads.keys() if against.get(n) or parts.get(n) or heads.get(n))
        ballots = [
            Votes(
                _sorted(against.get(n, ()), lambda e: (-e.power, -len(e.salvage), e.rule.kind != "label", e.rule.id)),
                _sorted(parts.get(n, ()), lambda e: (e.start, -e.end, e.rule.id)),
                _sorted(heads.get(n, ()), lambda r: r.id),
                (known & GAIN) - LOSS,
                shield(lines[n], known),
            )
            for n, known in zip(judged, found.known[judged].tolist(), strict=True)
        ]
        found.known[judged] |= np.arange(len(judged)) + self._file(ballots) << BALLOT
        return found.known

    def _worded(self, found: Scanned, column: Ragged) -> Iterator[list[int]]:
        """Yield the lines that are made of widget words: number, rule, power and how many words."""
        lines, tables, size = np.flatnonzero(found.worded), self.tables, len(column.points)
        starts, ends = (column.offsets[lines, None] + found.core[lines]).T.copy()
        rows = widgets.sized(size)(column.points, starts, ends, tables.bits, tables.lexicons[2], tables.rules)
        made = rows[:, 0] >= 0
        return ([n, *row] for n, row in zip(lines[made].tolist(), rows[made].tolist(), strict=True))

    def _sifted(self, found: Scanned, column: Ragged) -> Iterable[tuple[int, int, int]]:
        """Return lines, the rules to try there, and what is to be asked."""
        pairs, offsets = found.pairs, column.offsets
        if len(pairs) <= MANY:
            return ((n, r, GUARDED) for n, r in pairs.tolist())
        starts = np.concatenate((offsets[:-1] + found.core[:, 0], offsets[:-1]))
        ends = np.concatenate((offsets[:-1] + found.core[:, 1], offsets[1:]))  # of the cores, then of whole lines
        where = pairs.copy()
        where[self.tables.rules.span[pairs[:, 1]], 0] += len(column)
        asked = sift.sized(len(column.points))(column.points, starts, ends, where, self.tables.sieves)
        worth = np.flatnonzero(asked)
        return zip(*pairs[worth].T.tolist(), asked[worth].tolist(), strict=True)


def strongest(votes: Votes) -> tuple[int, bool]:
    """Return the power of the strongest evidence, and whether it is of a place in the site."""
    return (votes.evidence[0].power, votes.evidence[0].rule.category == "C01") if votes.evidence else (0, False)


def _sorted(votes: Sequence[T], key: Callable[[T], Any]) -> tuple[T, ...]:
    return tuple(sorted(votes, key=key) if len(votes) > 1 else votes)


def _chosen(which: Any, rows: I32) -> Iterator[tuple[int, list[int]]]:
    """Yield the numbers of the rows that are chosen, and these."""
    chosen = np.flatnonzero(which)
    return zip(chosen.tolist(), rows[chosen].tolist(), strict=True)


@lru_cache(maxsize=2048)
def _quiet(gain: int, shielded: int) -> Votes:
    return Votes(gain=gain, shield=shielded)


def _grown(rows: I32, size: int) -> I32:
    """Return a table with room for so many rows."""
    if size <= len(rows):
        return rows
    grown = np.zeros((2 * size, rows.shape[1]), np.int32)
    grown[: len(rows)] = rows
    return grown
