"""A pack as tables: what kernels read to find the lines that its rules may match, and the automata that decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.chrome.lines.columns import KINDS, LISTS, OTHER, SHIELDED, SIGNED, ZONES
from cleantext.chrome.lines.evidence import NUMBERED, PROTECTED, SIGNED_DATE, shielding
from cleantext.chrome.lines.headers_footers import LISTING, listing_ends
from cleantext.chrome.matching.automata import Automata
from cleantext.chrome.matching.character_bits import ALONE, ANCHORS, ENDS_LABEL, ENDS_LISTING, PARTS_LABEL, SHIELDS, characters, marked
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.matching.line_scan import Scanned, scan, stripped
from cleantext.chrome.matching.pattern_nodes import Question
from cleantext.chrome.matching.word_index import RuleTable, lexicon
from cleantext.chrome.rules.pack import CATEGORIES, Pack, Rule
from cleantext.fold import view

__all__ = ["CATEGORY_NUMBERS", "Tables"]

Flags = npt.NDArray[np.bool_]

SIGNATURE = 20  # maximum length of a line that is the date under a signature
CATEGORY_NUMBERS = {category: n for n, category in enumerate(CATEGORIES, 1)}


class Tables:
    """A pack as arrays, its rules numbered in the order of their ids."""

    def __init__(self, pack: Pack) -> None:
        self.by_number = rules = sorted(pack.rules, key=lambda r: r.id)
        self.numbers = {rule.id: n for n, rule in enumerate(rules)}
        separators = {c for rule in rules if rule.kind == "label" for c in rule.separators}
        anchors = {view(anchor[0]) for rule in rules for anchor in rule.anchors}
        alone = {view(anchor) for rule in rules for anchor in rule.anchors if len(anchor) == 1}
        labels = (ENDS_LABEL, {label[-1] for label in pack.labels}), (PARTS_LABEL, separators)
        self.bits = marked(
            characters(), (*labels, (SHIELDS, shielding()), (ENDS_LISTING, listing_ends()), (ANCHORS, anchors), (ALONE, alone))
        )
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
        self.blocks = np.array([rule.kind == "block" for rule in rules], bool)
        self.groups = np.array([rule.kind != "span" and rule.names_groups for rule in rules], bool)
        questions = [rule.questions for rule in rules]
        asked = [pattern for pattern, _, _ in questions]
        self.guards, self.rows = (self._ask(asked, [q[k] for q in questions]) for k in (1, 2))
        self.protected, self.numbered, self.signed, self.listing = self._ask(asked, [PROTECTED, NUMBERED, SIGNED_DATE, LISTING]).tolist()
        self.automata = Automata(asked)  # question n belongs to rule n

    def _columns(self, number: int, rule: Rule) -> tuple[int, ...]:
        """Return the columns that all evidence of a rule has in common."""
        zones = sum(ZONES[zone] for zone in set(rule.zones))
        kind, category = KINDS.get(rule.kind, OTHER), CATEGORY_NUMBERS.get(rule.category, 0)
        return (number, rule.power, 0, zones, category, kind, rule.common, 0, 0, 0, 0, rule.power)

    @staticmethod
    def _ask(asked: list[Question], further: Sequence[Question | None]) -> I32:
        """Add questions; return their numbers, -1 for none."""
        numbers = [len(asked) + n if question else -1 for n, question in enumerate(further)]
        asked += [question or Question("") for question in further]
        return np.array(numbers, np.int32)

    def finds(self, points: U32, starts: I64, ends: I64, rules: I32) -> Flags:
        """Return whether rules match the stretches ``points[starts[k]:ends[k]]``: completely, or for span rules in part."""
        found = (ends - starts <= self.rules.longest[rules]) & self.automata.answers(points, starts, ends, rules)
        guarded = (found & (self.guards[rules] >= 0)).nonzero()[0]
        if len(guarded):
            found[guarded] = ~self.automata.answers(points, starts[guarded], ends[guarded], self.guards[rules[guarded]])
        return found

    def look(self, rows: Rows) -> Scanned:
        """Scan lines; for those that may be protected or head a list, check whether they do."""
        points, lo, hi = rows
        found = Scanned(*scan.sized(len(points))(rows, self.bits, *self.lexicons, self.rules))
        asked = (found.known & (SHIELDED | LISTS)).nonzero()[0]
        if not len(asked):
            return found
        known = found.known[asked]
        bare, end = stripped.sized(len(points))(points, lo[asked], hi[asked], self.bits)
        a, b = (lo[asked, None] + found.core[asked]).T
        last = hi[asked]
        lists, may = (known & LISTS).nonzero()[0], (known & SHIELDED).nonzero()[0]
        other = may[(a[may] != bare[may]) | (b[may] != last[may])]  # both with and without bullets and brackets
        signed = may[b[may] - a[may] <= SIGNATURE]
        asks = (  # all in one call: lines, where they start and end, and the question
            (lists, bare, end, self.listing),
            (may, a, b, self.protected),
            (may, a, b, self.numbered),
            (other, bare, last, self.protected),
            (other, bare, last, self.numbered),
            (signed, a, b, self.signed),
        )
        sizes = [len(which) for which, *_ in asks]
        said = self.automata.answers(
            points,
            np.concatenate([starts[which] for which, starts, _, _ in asks]),
            np.concatenate([ends[which] for which, _, ends, _ in asks]),
            np.repeat(np.array([question for *_, question in asks], np.int32), sizes),
        )
        facts = np.zeros(len(asked), np.int64)
        first = 0
        for (which, *_), size, fact in zip(asks, sizes, (LISTS, SHIELDED, SHIELDED, SHIELDED, SHIELDED, SIGNED), strict=True):
            facts[which[said[first : first + size]]] |= fact
            first += size
        facts[(facts & SHIELDED) > 0] &= ~SIGNED
        found.known[asked] = known & ~(SHIELDED | LISTS) | facts
        return found
