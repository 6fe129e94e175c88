"""Voters: what the text of a line says against it, whatever stands around it.

A pure function of the folded line and the pack, and so remembered, for on a crawl most lines of page chrome come back on the next
page: a `Register` knows a line as one number, with what the arbiter asks of every line in its bits and the number of its ballot where
there is evidence. Nothing is decided here; see `cleantext.chrome.lines`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, Ragged
from cleantext.chrome.characters import ENDS_LABEL, PARTS_LABEL, characters, marked
from cleantext.chrome.columns import BALLOT, GAIN, KINDS, LOSS, OTHER, UNTRIED, ZONES, A, B, C
from cleantext.chrome.metadata import read_labels
from cleantext.chrome.rules import CATEGORIES, Pack, Rule, unwrap
from cleantext.chrome.scan import RuleTable, Scanned, lexicon, scan, stretches
from cleantext.chrome.sieve import ENDLESS, GUARDED, MATCHES, NEVER, Sieve, Sieves, sieve, sieves, sift
from cleantext.fold import view

__all__ = ["A", "B", "C", "Evidence", "Register", "Votes", "collect", "shield"]

REMEMBERED = 80  # characters; longer lines hardly ever return
MEMORY = 1 << 17  # lines and ballots remembered for a pack
MANY = 500  # pairs of lines and rules from which it pays to read sieves off the patterns of a pack
FEW = 50  # lines, as well

_PROTECTED = re.compile(
    r"第 ?[一二三四五六七八九十百零〇\d]{1,5} ?[条章节编款项回卷讲课]"
    r"|[一二三四五六七八九十]{1,3}[、.]|[(]?[一二三四五六七八九十]{1,3}[)]|[壹贰叁肆伍陆柒捌玖拾]、"
    r"|\d{1,2}[.、)](?!\d)|[①-⑳]|[a-h][.、)] ?[\u3400-\u9fff]|注:.{0,30}(?:为准|参考)"
    r"|附(?:件|表|录|图)(?:\d|[一二三四五六七八九十:]|$)|(?:主送|抄送|抄报)[:]"
    r"|(?:特此|此致|敬礼|祝好)|[qa问答][:]|>>>|\$ |参考文献|注释"
)
_NUMBERED = re.compile(r".{0,12}[〔\[(](?:19|20)\d\d[〕\])]\d{1,5}号")
_SIGNED_DATE = re.compile(
    r"(?:(?:19|20)\d\d|二[〇○0][〇○一二三四五六七八九0]{2}|中华民国.{1,8})年.{1,3}月.{1,3}日|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}"
)


class Evidence(NamedTuple):
    """What one voter says of one line."""

    rule: Rule
    power: int
    start: int  # of the part to cut, in the line; a whole line has (0, its length)
    end: int
    salvage: tuple[tuple[str, int, int], ...] = ()  # field and span in the line
    note: str = ""  # what made it stronger than its rule, for the reader of the reasons
    words: int = 0  # of a line of widget words: how many stand apart


class Votes(NamedTuple):
    """All that the text of a line says."""

    evidence: tuple[Evidence, ...] = ()  # against the whole line, strongest first
    spans: tuple[Evidence, ...] = ()  # against parts of it
    heads: tuple[Rule, ...] = ()  # blocks that it can be the heading of
    gain: int = 0  # how much it speaks for standing in the body of a page
    shield: int = 0  # 1: a numbered heading, an attachment and their kin; 2: a date, as under a signature


def collect(lines: Sequence[str], pack: Pack) -> list[Votes]:
    """Return the votes on each folded line. Lines of many pages may come in one call: the cheapest way."""
    register = Register.of(pack)
    known = register.look(lines).tolist()
    quiet = [line for line, k in zip(lines, known, strict=True) if not k >> BALLOT]
    shields = iter(register.shields(quiet))
    return [register.ballots[k >> BALLOT] if k >> BALLOT else _quiet(k, next(shields)) for k in known]


def shield(line: str) -> int:
    """Say what protects a line: 1 always, 2 in the tail of a page. Asked only of lines against which something is said."""
    a, b = unwrap(line)
    core = line[a:b]
    for text in (core, line.lstrip()):
        if _PROTECTED.match(text) or _NUMBERED.fullmatch(text):
            return 1
    return 2 if len(core) <= 20 and _SIGNED_DATE.fullmatch(core) else 0


class Tables:
    """A pack in arrays, its rules numbered in the order of their ids."""

    def __init__(self, pack: Pack) -> None:
        self.by_number = rules = sorted(pack.rules, key=lambda r: r.id)
        self.numbers = {rule.id: n for n, rule in enumerate(rules)}
        labels = [rule for rule in rules if rule.kind == "label"]
        ends = (ENDS_LABEL, {label[-1] for label in pack.labels}), (PARTS_LABEL, {c for rule in labels for c in rule.separators})
        self.bits = marked(characters(), ends)
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

    @cached_property
    def sieves(self) -> Sieves:
        """The sieves of the rules, then those of what shields a line; to read them off takes as long as some thousand lines."""
        protected = sieve(_PROTECTED.pattern)._replace(most=ENDLESS, back=Sieve().back)  # for the start of a line
        return sieves([*(rule.sieve for rule in self.by_number), protected, sieve(_NUMBERED.pattern), sieve(_SIGNED_DATE.pattern)])


CATEGORY_NUMBERS = {category: n for n, category in enumerate(CATEGORIES, 1)}
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
        self.ballot_rows: I32 = np.zeros((64, 5), np.int32)
        self.evidence_rows: I32 = np.zeros((64, 12), np.int32)
        self._said: dict[tuple[Any, ...], int] = {}  # evidence and ballots that do not follow from a line
        self._lock = Lock()

    @classmethod
    def of(cls, pack: Pack) -> Register:
        """Return the register of this very pack, a new one when the old is full."""
        known = _REGISTERS.get(id(pack))
        if known is None or known.pack is not pack:
            if len(_REGISTERS) >= 8:  # packs are few: they come from a cache themselves
                _REGISTERS.clear()
            known = _REGISTERS[id(pack)] = cls(pack)
        elif len(known.known) + len(known.evidence) > MEMORY:
            known = _REGISTERS[id(pack)] = cls(pack, known.tables)
        return known

    def look(self, lines: Sequence[str]) -> I64:
        """Return the numbers of folded lines, voting on those that are new."""
        try:
            return np.fromiter(map(self.known.__getitem__, lines), np.int64, len(lines))
        except KeyError:
            pass
        with self._lock:
            fresh = [line for line in dict.fromkeys(lines) if line not in self.known]
            found = dict(zip(fresh, self._vote(fresh).tolist(), strict=True))
            short = found if max(map(len, fresh), default=0) <= REMEMBERED else {x: n for x, n in found.items() if len(x) <= REMEMBERED}
            self.known |= short
        if len(short) == len(found):
            return np.fromiter(map(self.known.__getitem__, lines), np.int64, len(lines))
        return np.array([self.known[x] if x in self.known else found[x] for x in lines], np.int64)

    def votes(self, line: str, known: int) -> Votes:
        """Return the votes that a number stands for."""
        if known >> BALLOT:
            return self.ballots[known >> BALLOT]
        return _quiet(known, shield(line))

    def ballot(self, key: tuple[Any, ...], votes: Votes) -> int:
        """Return the number of a ballot that a voter beside the text filled in; ``key`` is what it follows from."""
        with self._lock:
            if key not in self._said:
                self._said[key] = self._ballot(votes)
            return self._said[key]

    def said(self, evidence: Evidence) -> int:
        """Return the number of evidence that stands on no ballot."""
        key = (evidence.rule.id, *evidence[1:])
        with self._lock:
            if key not in self._said:
                self._said[key] = self._evidence([evidence])
            return self._said[key]

    # ------------------------------------------------------------ tables

    def _evidence(self, evidence: Sequence[Evidence]) -> int:
        first = len(self.evidence)
        self.evidence += evidence
        self.evidence_rows = _grown(self.evidence_rows, len(self.evidence))
        for n, e in enumerate(evidence, first):
            rule = e.rule
            dated = any(name == "published" for name, _, _ in e.salvage)
            bare = len(e.salvage) == 1 if rule.kind == "label" else dated and rule.kind == "line" and rule.category == "C02"
            self.evidence_rows[n] = (
                self.tables.numbers[rule.id],
                e.power,
                e.words,
                sum(ZONES[zone] for zone in set(rule.zones)),
                CATEGORY_NUMBERS.get(rule.category, 0),
                KINDS.get(rule.kind, OTHER),
                rule.common,
                dated,
                bare,
                bool(e.note),
                len(e.salvage),
                rule.power,
            )
        return first

    def _ballot(self, votes: Votes) -> int:
        number = len(self.ballots)
        first = self._evidence(votes.evidence)
        self.ballots.append(votes)
        self.ballot_rows = _grown(self.ballot_rows, len(self.ballots))
        self.ballot_rows[number] = first, len(votes.evidence), len(votes.heads), len(votes.spans), votes.shield
        return number

    # ------------------------------------------------------------ voting

    def _vote(self, lines: Sequence[str]) -> I64:
        """Vote on distinct lines."""
        tables, column = self.tables, Ragged.of(lines)
        sized = len(column.points)
        found = Scanned(*scan.sized(sized)(column.points, column.offsets, tables.bits, *tables.lexicons, tables.rules))
        evidence: dict[int, list[Evidence]] = {}
        spans: dict[int, list[Evidence]] = {}
        heads: dict[int, list[Rule]] = {}
        for n, r, asked in self._sifted(found, column):
            line, rule = lines[n], self.rules[r]
            if rule.kind == "span":
                if parts := list(_spans(line, rule)):
                    spans.setdefault(n, []).extend(parts)
                continue
            a, b = found.core[n].tolist()
            match = None if asked == MATCHES else rule.finds(line[a:b])
            if asked == MATCHES or match:
                if rule.kind == "block":
                    heads.setdefault(n, []).append(rule)
                else:
                    evidence.setdefault(n, []).append(Evidence(rule, rule.power, 0, len(line), _groups(rule, match, a)))
        for n in np.flatnonzero(found.words[:, 0] >= 0).tolist():
            r, power, words = found.words[n].tolist()
            evidence.setdefault(n, []).append(Evidence(self.rules[r], power, 0, len(lines[n]), words=words))
        for n in np.flatnonzero(found.labelled).tolist():
            a, b = found.core[n].tolist()
            evidence.setdefault(n, []).extend(_labels(lines[n], a, lines[n][a:b], self.pack))
        judged = sorted(evidence.keys() | spans.keys() | heads.keys())
        for n, shielded in zip(judged, self.shields([lines[n] for n in judged]), strict=True):
            votes = Votes(
                tuple(sorted(evidence.get(n, ()), key=lambda e: (-e.power, -len(e.salvage), e.rule.kind != "label", e.rule.id))),
                tuple(sorted(spans.get(n, ()), key=lambda e: (e.start, -e.end, e.rule.id))),
                tuple(sorted(heads.get(n, ()), key=lambda r: r.id)),
                int(found.known[n] & GAIN) - LOSS,
                shielded,
            )
            if votes.evidence or votes.spans or votes.heads:
                found.known[n] |= self._ballot(votes) << BALLOT
        return found.known

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

    def finds(self, rule: Rule, lines: Sequence[str]) -> list[bool]:
        """Say which lines a rule finds, without the blanks around them."""
        if len(lines) <= FEW:
            return [rule.finds(line.strip()) is not None for line in lines]
        asked = self._asked(lines, [(0, self.tables.numbers[rule.id])])[:, 0].tolist()
        return [ask == MATCHES or (ask != NEVER and rule.finds(line.strip()) is not None) for line, ask in zip(lines, asked, strict=True)]

    def shields(self, lines: Sequence[str]) -> list[int]:
        """Return `shield` of lines."""
        if len(lines) <= FEW:
            return list(map(shield, lines))
        protected, numbered, signed = range(len(self.rules), len(self.rules) + 3)
        asked = self._asked(lines, [(0, protected), (1, protected), (0, numbered), (1, numbered), (1, signed)])
        return [shield(line) if ask else 0 for line, ask in zip(lines, asked.any(axis=1).tolist(), strict=True)]

    def _asked(self, lines: Sequence[str], patterns: Sequence[tuple[int, int]]) -> npt.NDArray[np.int8]:
        """Sift each line without its blanks (0), or its core (1), for each pattern."""
        column, n, tables = Ragged.of(lines), len(lines), self.tables
        starts, ends = stretches.sized(len(column.points))(column.points, column.offsets, tables.bits)
        pairs = np.empty((n, len(patterns), 2), np.int32)
        for k, (core, number) in enumerate(patterns):
            pairs[:, k, 0] = np.arange(core * n, core * n + n)
            pairs[:, k, 1] = number
        return sift.sized(len(column.points))(column.points, starts, ends, pairs.reshape(-1, 2), tables.sieves).reshape(n, -1)


@lru_cache(maxsize=2048)
def _quiet(known: int, shielded: int) -> Votes:
    return Votes(gain=(known & GAIN) - LOSS, shield=0 if known & UNTRIED else shielded)


def _grown(rows: I32, size: int) -> I32:
    """Return a table with room for so many rows."""
    if size <= len(rows):
        return rows
    grown = np.zeros((2 * size, rows.shape[1]), np.int32)
    grown[: len(rows)] = rows
    return grown


def _spans(line: str, rule: Rule) -> Iterator[Evidence]:
    first = rule.pattern.search(line) if len(line) <= rule.longest else None
    if first is None or (rule.guard and rule.guard.search(line)):
        return
    for match in rule.pattern.finditer(line, first.start()):
        a, b = match.span("cut") if "cut" in rule.pattern.groupindex else match.span()
        if a < b:
            yield Evidence(rule, rule.power, a, b, _groups(rule, match, 0))


def _groups(rule: Rule, match: re.Match[str] | None, shift: int) -> tuple[tuple[str, int, int], ...]:
    if match is None or not rule.pattern.groupindex:
        return ()
    fields = [(rule.salvage if name == "value" else name, *match.span(name)) for name in rule.pattern.groupindex if name != "cut"]
    return tuple((name, a + shift, b + shift) for name, a, b in fields if name and a >= 0)


def _labels(line: str, shift: int, core: str, pack: Pack) -> Iterator[Evidence]:
    """Vote against a line that is labels and values only, each value of the shape that its label asks for."""
    pairs = read_labels(core, pack)
    rules = [p.rule for p in pairs if p.rule]
    if rules:
        best = min(rules, key=lambda r: (-r.power, r.id))
        salvage = ((p.rule.salvage if p.rule else "published", p.start + shift, p.end + shift) for p in pairs)
        yield Evidence(best, min(B, best.power), 0, len(line), tuple(s for s in salvage if s[0]))
