"""Rule packs: rows of TOML, checked when loaded, compiled into one matcher.

Ten kinds of rows, all matched on `cleantext.fold.view` (lower case, half width, Simplified), so
one row works for both scripts:

``[[line]]``   a regular expression for a whole line, without its outer brackets and bullets
``[[span]]``   a regular expression for a part of a line; only this part is cut
``[[words]]``  a vocabulary: a line that consists of its words and separators only
``[[label]]``  labels before a value of a known shape: ``来源: ...``
``[[block]]``  a heading and the rows under it
``[[echo]]``   a bare name under the date, if the foot of the page repeats it
``[[enclosed]]``  short lines that no rule matches, inside a header or footer that is certain by other rules
``[[repeated]]``  which of the lines of a host profile may be removed for it
``[[learned]]``  which of the lines that the learned scorer selects may be removed for it
``[[keep]]``     phrases, or a regular expression for a part of a line: neither rules nor the scorer remove a line with one

A file may have ``keep = ["...", ...]`` above its rows instead of a row of phrases.

Every row has must-hit and must-miss samples; a row that fails them is refused (`cleantext.chrome.rules.row_checks`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Literal

from cleantext.chrome.matching.character_bits import MOST_BRACKETS
from cleantext.chrome.matching.pattern_nodes import Question
from cleantext.chrome.rules.row_fields import COMMON, KINDS, USED
from cleantext.chrome.rules.value_shapes import expand
from cleantext.fold import view

__all__ = ["CATEGORIES", "KINDS", "Pack", "Rule", "unwrap"]

STRENGTHS = {"A": 3, "B": 2, "C": 1}
ZONES = ("head", "tail", "body")
CATEGORIES = {
    "C01": "where the page stands in its site",
    "C02": "when and where it was published, by whom",
    "C03": "editors and credits",
    "C04": "font size, printing, reading tools",
    "C05": "share buttons",
    "C06": "codes to scan, accounts to follow",
    "C07": "related and recommended pages",
    "C08": "previous, next, page numbers",
    "C09": "comments and counters",
    "C10": "shell of a forum",
    "C11": "copyright, disclaimers, reprint notices",
    "C12": "licence and filing numbers",
    "C13": "hotlines and addresses of the site",
    "C14": "navigation, sponsors, members of the site",
    "C15": "image placeholders, credits, player controls",
    "C16": "stock quote inserts",
    "C17": "original title, tags",
    "C18": "apps, logins, browser notices",
    "C19": "advertisements",
    "C20": "leftovers of markup and scripts",
    "C21": "empty and counter lines",
    "C22": "encyclopaedia tools",
}
_HAN = re.compile("[\u3400-\u9fff]+")
_OPEN, _CLOSE = "[【(〔〖<「『", "]】)〕〗>」』"
_LEADING = " \t\r-–—·•●○■□◆◇▪►▶▼▲★☆*#|丨→>»›=~"
_TRAILING = " \t\r-–—·•*|丨=~▼▲×"


@dataclass(frozen=True)
class Rule:
    """One row of a pack.

    >>> Rule("mine.slogan", "line", "C19", match="每日精选.{0,9}", anchors=("每日精选",)).finds("每日精选 不容错过") is not None
    True
    """

    id: str
    kind: str
    category: str  # C01 to C22, see the taxonomy in docs/rules.md
    strength: str = "B"  # A acts anywhere, B in its zones or next to a removed line, C only with a second reason
    zones: tuple[str, ...] = ("head", "tail")
    why: str = ""
    match: str = ""
    anchors: tuple[str, ...] = ()  # every match contains one of them
    first: str = ""  # or, for shapes without a literal: the characters with which a match can start
    words: tuple[str, ...] = ()
    common: bool = False  # the words are common in texts: any number of them is weak evidence
    value: str = "text"  # the form that what follows a label must have, a name in `cleantext.chrome.rules.value_shapes`
    separators: str = ":"
    unless: str = ""
    row: str = ""
    least: int = 3
    most: int = 20
    longest: int = 120  # the rule is not tried on lines with more characters
    salvage: str = ""  # name of the metadata field that gets the text of the group `value`, or, for labels, what follows the label
    hit: tuple[str, ...] = ()
    miss: tuple[str, ...] = ()
    where: str = ""  # file and number of the row
    disabled: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern with named shapes filled in; for `[[keep]]` rows including the phrases."""
        phrases = [re.escape(view(word)) for word in self.words] if self.kind == "keep" else []
        return re.compile("|".join([*phrases, *([_filled(self.match)] if self.match or not phrases else [])]))

    @property
    def names_groups(self) -> bool:
        """Whether the pattern has named groups; found without compiling it, since in a small job most patterns are never needed."""
        return "(?P<" in _filled(self.match).replace("\\\\", "").replace("\\(", "")

    @cached_property
    def row_pattern(self) -> re.Pattern[str]:
        """The compiled pattern for the rows of a block."""
        return re.compile(_filled(self.row))

    @cached_property
    def guard(self) -> re.Pattern[str] | None:
        """What must not occur in the line."""
        return re.compile(_filled(self.unless)) if self.unless else None

    @property
    def questions(self) -> tuple[Question, Question | None, Question | None]:
        """The questions of pattern, guard and the rows of a block about a line."""
        return self.question("match"), self.question("unless") if self.unless else None, self.question("row") if self.row else None

    def question(self, name: Literal["match", "unless", "row"]) -> Question:
        """Return the question of one of the patterns about a line."""
        whole = name == "row" or (name == "match" and self.kind not in ("span", "keep"))
        return Question(_filled(getattr(self, name)), "fullmatch" if whole else "search")

    def toml(self) -> str:
        """Return the rule as a row of a pack, without default values.

        >>> print(Rule("mine.ad", "line", "C19", match="每日精选", anchors=("每日精选",), hit=("每日精选",), miss=("精选",)).toml(), end="")
        [[line]]
        id = "mine.ad"
        category = "C19"
        match = "每日精选"
        anchors = ["每日精选"]
        hit = ["每日精选"]
        miss = ["精选"]
        """
        acting = {"id", "disabled", "why"} if self.disabled else COMMON | USED[self.kind]
        rows = [f"[[{self.kind}]]"]
        for told in fields(self):
            value = getattr(self, told.name)
            if told.name in acting and (told.name in ("id", "category") or value != told.default) and value != "":
                rows.append(f"{told.name} = {json.dumps(value, ensure_ascii=False)}")
        return "\n".join(rows) + "\n"

    @property
    def meaning(self) -> str:
        """What a removal by this rule means, in one line."""
        return self.why or CATEGORIES.get(self.category, "stays, whatever rules say")

    @property
    def power(self) -> int:
        """3 for A, 2 for B, 1 for C."""
        return STRENGTHS[self.strength]

    def finds(self, folded: str) -> re.Match[str] | None:
        """Match a folded line (without outer brackets and bullets): completely, or for spans and `[[keep]]` rows in part."""
        if len(folded) > self.longest and self.kind != "keep":
            return None
        match = self.pattern.search(folded) if self.kind in ("span", "keep") else self.pattern.fullmatch(folded)
        # In this order, since patterns fail early and guards only at the end.
        return None if match and self.guard and self.guard.search(folded) else match


def _filled(pattern: str) -> str:
    """Return a pattern with its shapes filled in and its Han characters folded like the lines."""
    return _HAN.sub(lambda m: view(m[0]), expand(pattern))


def unwrap(line: str) -> tuple[int, int]:
    """Return the part of a line inside its spaces, bullets and at most `MOST_BRACKETS` pairs of outer brackets.

    >>> a, b = unwrap("[责任编辑: 李娜 ]")
    >>> "[责任编辑: 李娜 ]"[a:b]
    '责任编辑: 李娜'
    """
    a, b = 0, len(line)
    for pair in range(MOST_BRACKETS + 1):
        while a < b and line[a] in _LEADING:
            a += 1
        while a < b and line[b - 1] in _TRAILING:
            b -= 1
        if b - a < 2 or pair == MOST_BRACKETS or line[a] not in _OPEN or line[b - 1] != _CLOSE[_OPEN.index(line[a])]:
            return a, b
        depth = 0
        for k in range(a, b - 1):  # ( ... ) ... ( ... ) is not one bracket
            depth += (line[k] == line[a]) - (line[k] == line[b - 1])
            if depth == 0:
                return a, b
        a, b = a + 1, b - 1
    return a, b


@dataclass(frozen=True)
class Pack:
    """The rules of one or more files, ready to match."""

    rules: tuple[Rule, ...]
    name: str = "custom"
    source: str = field(default="", compare=False)

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        """The rules by id."""
        return {r.id: r for r in self.rules}

    @cached_property
    def digest(self) -> str:
        """16 hex digits: a digest of the rules, independent of their order and their files."""
        said = sorted(repr(replace(r, where="", hit=(), miss=(), why="")) for r in self.rules)
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]

    @cached_property
    def vocabulary(self) -> Mapping[str, Rule]:
        """The words of all ``[[words]]`` rows; a word in two rows belongs to the stronger one."""
        words: dict[str, Rule] = {}
        for rule in sorted((r for r in self.rules if r.kind == "words"), key=lambda r: (-r.power, r.common, r.id)):
            words = {view(w): rule for w in rule.words} | words
        return words

    @cached_property
    def labels(self) -> Mapping[str, list[Rule]]:
        """Each label, without blanks, and its rules: 发布于 may be before dates and before places."""
        labels: dict[str, list[Rule]] = {}
        for rule in sorted((r for r in self.rules if r.kind == "label"), key=lambda r: (-r.power, r.id)):
            for word in rule.words:
                labels.setdefault(view(word).replace(" ", ""), []).append(rule)
        return labels

    @cached_property
    def label_pattern(self) -> re.Pattern[str]:
        """Finds a label with its separator: at the start of a line, after a separator or bracket, and anywhere if it has four characters.

        Inline elements can lose the blank between them: ``来源：新京报责任编辑：石青``.
        """
        if not self.labels:
            return re.compile("(?!)")
        by_separators: dict[str, list[str]] = {}
        for word, rules in sorted(self.labels.items(), key=lambda item: (-len(item[0]), item[0])):
            by_separators.setdefault("".join(sorted({c for r in rules for c in r.separators})), []).append(word)

        def parts(least: int) -> str:
            found = ((" ?".join(map(re.escape, w)) for w in words if len(w) >= least) for words in by_separators.values())
            return "|".join(f"(?:{'|'.join(f) or '(?!)'}) ?[{re.escape(seps)}]" for f, seps in zip(found, by_separators, strict=True))

        def starts(least: int) -> str:  # tested before hundreds of alternatives
            return "".join(sorted({re.escape(word[0]) for word in self.labels if len(word) >= least})) or r"^\s\S"

        opened = f"(?=[{starts(1)}])(?:(?<=^)|(?<=[\\s|丨·,;、/\\[\\]【】()〔〕]))(?:{parts(1)})"
        return re.compile(f"(?P<label>{opened}|(?=[{starts(4)}])(?<=[\u3400-\u9fff0-9])(?:{parts(4)}))")

    @cached_property
    def of_kind(self) -> Mapping[str, list[Rule]]:
        """The rules by kind, sorted by id."""
        return {kind: sorted((r for r in self.rules if r.kind == kind), key=lambda r: r.id) for kind in KINDS}

    def keeps(self, folded: str) -> bool:
        """Return whether a folded line is kept, whatever rules match it."""
        return any(rule.finds(folded) for rule in self.of_kind["keep"])

    def including(self, others: Iterable[Rule]) -> Pack:
        """Return the pack with further rules; a rule with the same id replaces the old one, ``disabled = true`` removes it."""
        merged = {**self.by_id, **{r.id: r for r in others}}
        return Pack(tuple(r for r in merged.values() if not r.disabled), self.name)

    def without(self, ids: Iterable[str]) -> Pack:
        """Return the pack without some rules."""
        gone = set(ids)
        return Pack(tuple(r for r in self.rules if r.id not in gone), self.name)
