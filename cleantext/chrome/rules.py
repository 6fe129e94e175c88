"""Rule packs: rows of TOML, checked when loaded, compiled into one matcher.

Seven kinds of rows, all matched on `cleantext.fold.view` (lower case, half width, Simplified), so
that one row serves both scripts:

``[[line]]``   a regular expression for a whole line, without its outer brackets and bullets
``[[span]]``   a regular expression for a part of a line, which alone is cut
``[[words]]``  a vocabulary: a line made of its words and separators only
``[[label]]``  labels before a value of a known shape: ``来源: ...``
``[[block]]``  a heading and the rows under it
``[[echo]]``   a bare name under the date, where the foot of the page repeats it
``[[enclosed]]``  short lines that no rule knows, inside a header or footer that others are sure of

Every row has must-hit and must-miss samples; a row that fails them is refused (`cleantext.chrome.checks`).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from cleantext.chrome.shapes import expand
from cleantext.errors import RuleError
from cleantext.fold import view

__all__ = ["CATEGORIES", "KINDS", "Pack", "Rule", "load_pack", "pack_names", "unwrap"]

KINDS = ("line", "span", "words", "label", "block", "echo", "enclosed")
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
SHORT = 200  # longer lines are paragraphs: only spans and long disclaimers are looked for in them
_HAN = re.compile("[\u3400-\u9fff]+")
_OPEN, _CLOSE = "[【(〔〖<「『", "]】)〕〗>」』"
_LEADING = " \t\r-–—·•●○■□◆◇▪►▶▼▲★☆*#|丨→>»›=~"
_TRAILING = " \t\r-–—·•*|丨=~▼▲×"


@dataclass(frozen=True)
class Rule:
    """One row of a pack."""

    id: str
    kind: str
    category: str  # C01 to C22, see the taxonomy in packs/README.md
    strength: str = "B"  # A acts anywhere, B in its zones or beside what acted, C only with a second reason
    zones: tuple[str, ...] = ("head", "tail")
    why: str = ""
    match: str = ""
    anchors: tuple[str, ...] = ()  # one of them stands in whatever the pattern can match
    first: str = ""  # or, for shapes without a literal: the characters that a match can start with
    words: tuple[str, ...] = ()
    value: str = "text"  # the shape of a label's value
    separators: str = ":"
    unless: str = ""
    row: str = ""
    least: int = 3
    most: int = 20
    longest: int = 120  # characters of a line beyond which the rule is not tried
    salvage: str = ""  # the metadata field that takes the group `value`, or the label's value
    hit: tuple[str, ...] = ()
    miss: tuple[str, ...] = ()
    where: str = ""  # file and number of the row
    disabled: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern, named shapes filled in."""
        return _compiled(self.match)

    @cached_property
    def row_pattern(self) -> re.Pattern[str]:
        """The compiled pattern for the rows of a block."""
        return _compiled(self.row)

    @cached_property
    def guard(self) -> re.Pattern[str] | None:
        """What must not occur in the line."""
        return _compiled(self.unless) if self.unless else None

    @property
    def meaning(self) -> str:
        """What it means that this rule acted, in one line."""
        return self.why or CATEGORIES[self.category]

    @property
    def power(self) -> int:
        """3 for A, 2 for B, 1 for C."""
        return STRENGTHS[self.strength]

    def finds(self, folded: str) -> re.Match[str] | None:
        """Match a folded line (without outer brackets and bullets): all of it, or for spans a part."""
        if len(folded) > self.longest or (self.guard and self.guard.search(folded)):
            return None
        return self.pattern.search(folded) if self.kind == "span" else self.pattern.fullmatch(folded)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern with its shapes filled in and its Han characters folded, as the lines are."""
    return re.compile(_HAN.sub(lambda m: view(m[0]), expand(pattern)))


def unwrap(line: str) -> tuple[int, int]:
    """Return the part of a line inside its spaces, bullets and outer brackets.

    >>> a, b = unwrap("[责任编辑: 李娜 ]")
    >>> "[责任编辑: 李娜 ]"[a:b]
    '责任编辑: 李娜'
    """
    a, b = 0, len(line)
    while True:
        while a < b and line[a] in _LEADING:
            a += 1
        while a < b and line[b - 1] in _TRAILING:
            b -= 1
        if b - a < 2 or line[a] not in _OPEN or line[b - 1] != _CLOSE[_OPEN.index(line[a])]:
            return a, b
        depth = 0
        for k in range(a, b - 1):  # ( ... ) ... ( ... ) is not one bracket
            depth += (line[k] == line[a]) - (line[k] == line[b - 1])
            if depth == 0:
                return a, b
        a, b = a + 1, b - 1


@dataclass(frozen=True)
class Anchors:
    """An Aho-Corasick automaton over literals, and for each of them its rules."""

    automaton: Any
    owners: list[list[Rule]]

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Anchors:
        """Compile the anchors of ``rules``."""
        from ahocorasick_rs import BytesAhoCorasick, MatchKind

        owners: dict[str, list[Rule]] = {}
        for rule in rules:
            for anchor in rule.anchors:
                owners.setdefault(view(anchor), []).append(rule)
        words = [w.encode("utf-8", "surrogatepass") for w in owners]
        return cls(BytesAhoCorasick(words, matchkind=MatchKind.Standard) if words else None, list(owners.values()))

    def found(self, lines: Sequence[str]) -> Iterator[tuple[int, list[Rule]]]:
        """Yield the number of each line with an anchor, and the rules to try there."""
        if self.automaton is None or not lines:
            return
        coded = "\n".join(lines).encode("utf-8", "surrogatepass")
        matches = self.automaton.find_matches_as_indexes(coded, overlapping=True)
        ends = np.flatnonzero(np.frombuffer(coded, np.uint8) == ord("\n"))
        at = np.fromiter((start for _, start, _ in matches), np.int64, len(matches))
        tried: dict[int, set[int]] = {}
        for n, (anchor, _, _) in zip(np.searchsorted(ends, at).tolist(), matches, strict=True):
            tried.setdefault(n, set()).add(anchor)
        for n, anchors in tried.items():
            rules = {r.id: r for anchor in sorted(anchors) for r in self.owners[anchor]}
            yield n, list(rules.values())


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
    def vocabulary(self) -> Mapping[str, list[tuple[str, Rule]]]:
        """The words of all ``[[words]]`` rows by their first character, longest first."""
        words: dict[str, Rule] = {}
        for rule in sorted((r for r in self.rules if r.kind == "words"), key=lambda r: (r.power, r.id)):
            words |= {view(w): rule for w in rule.words}  # a word of two rows belongs to the stronger
        by_first: dict[str, list[tuple[str, Rule]]] = {}
        for word in sorted(words, key=lambda w: (-len(w), w)):
            by_first.setdefault(word[0], []).append((word, words[word]))
        return by_first

    @cached_property
    def labels(self) -> Mapping[str, list[Rule]]:
        """Each label, without blanks, and its rules: 发布于 stands before dates and before places."""
        labels: dict[str, list[Rule]] = {}
        for rule in sorted((r for r in self.rules if r.kind == "label"), key=lambda r: (-r.power, r.id)):
            for word in rule.words:
                labels.setdefault(view(word).replace(" ", ""), []).append(rule)
        return labels

    @cached_property
    def separators(self) -> frozenset[str]:
        """The characters that may follow a label."""
        return frozenset(c for rules in self.labels.values() for r in rules for c in r.separators)

    @cached_property
    def label_pattern(self) -> re.Pattern[str]:
        """Finds a label with its separator, at the start of a line or after a separator or bracket."""
        by_separators: dict[str, list[str]] = {}
        for word, rules in sorted(self.labels.items(), key=lambda item: (-len(item[0]), item[0])):
            separators = "".join(sorted({c for r in rules for c in r.separators}))
            by_separators.setdefault(separators, []).append(" ?".join(map(re.escape, word)))
        parts = (f"(?:{'|'.join(words)}) ?[{re.escape(seps)}]" for seps, words in sorted(by_separators.items()))
        return re.compile(f"(?:(?<=^)|(?<=[\\s|丨·,;、/\\[\\]【】()〔〕]))(?P<label>{'|'.join(parts)})" if self.labels else "(?!)")

    @cached_property
    def anchored(self) -> Anchors:
        """The anchors of all rules, for lines of ordinary length."""
        return Anchors.of(self.rules)

    @cached_property
    def anchored_long(self) -> Anchors:
        """The anchors of the rules that are tried on long lines too."""
        return Anchors.of(r for r in self.rules if r.longest > SHORT)

    @cached_property
    def first(self) -> Mapping[str, list[Rule]]:
        """Rules without anchors by the characters that their matches start with."""
        by_first: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for char in rule.first:
                by_first.setdefault(view(char), []).append(rule)
        return by_first

    @cached_property
    def of_kind(self) -> Mapping[str, list[Rule]]:
        """The rules by kind, sorted by id."""
        return {kind: sorted((r for r in self.rules if r.kind == kind), key=lambda r: r.id) for kind in KINDS}

    def including(self, others: Iterable[Rule]) -> Pack:
        """Return the pack with further rules; one of the same id replaces, ``disabled = true`` removes."""
        merged = {**self.by_id, **{r.id: r for r in others}}
        return Pack(tuple(r for r in merged.values() if not r.disabled), self.name)

    def without(self, ids: Iterable[str]) -> Pack:
        """Return the pack without some rules."""
        gone = set(ids)
        return Pack(tuple(r for r in self.rules if r.id not in gone), self.name)


@lru_cache(maxsize=16)
def load_pack(*names: str, without: tuple[str, ...] = ()) -> Pack:
    """Load packs by name (those that come with cleantext) or path; later ones override earlier ones by id.

    ``without`` are ids of rules to leave out.

    Raise `RuleError` for a row that cannot be trusted, naming file, row and the mend.
    """
    pack = Pack((), "+".join(names))
    for name in names:
        rows: list[Rule] = []
        for file, text in _files(name):
            rows += _rows(file, text)
        twice = [i for i, n in Counter(r.id for r in rows).items() if n > 1]
        if twice:
            raise RuleError(f"{name}: rule id {twice[0]!r} is used twice: give each row an id of its own")
        pack = pack.including(rows)
    return pack.without(without) if without else pack


def _files(name: str) -> list[tuple[str, str]]:
    path = Path(name)
    if path.suffix == ".toml" or path.is_dir():
        if not path.exists():
            raise RuleError(f"{path}: no such rule pack; name a .toml file, a folder of them, or one of {', '.join(pack_names())}")
        files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        return [(str(f), f.read_text("utf-8")) for f in files]
    if name not in pack_names():
        raise RuleError(f"unknown rule pack {name!r}: name a .toml file, a folder of them, or one of {', '.join(pack_names())}")
    folder = resources.files("cleantext.chrome.packs") / name
    return sorted((f"{name}/{f.name}", f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".toml"))


def pack_names() -> list[str]:
    """Return the names of the packs that come with cleantext."""
    return sorted(f.name for f in resources.files("cleantext.chrome.packs").iterdir() if f.is_dir() and not f.name.startswith("_"))


_FIELDS = frozenset(Rule.__dataclass_fields__) - {"kind", "where"}


def _line_of(text: str, kind: str, number: int) -> int:
    """Return the line on which a row starts."""
    heads = [n for n, line in enumerate(text.splitlines(), 1) if line.replace(" ", "").startswith(f"[[{kind}]]")]
    return heads[number - 1] if number <= len(heads) else 1


def _rows(file: str, text: str) -> list[Rule]:
    from cleantext.chrome.checks import check

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{file}: not valid TOML: {error}") from error
    defaults = data.pop("defaults", {})
    rules = []
    for kind, rows in data.items():
        if kind not in KINDS:
            raise RuleError(f"{file}: [[{kind}]] is no kind of rule: use one of {', '.join(KINDS)}")
        if not isinstance(rows, list):
            raise RuleError(f"{file}: [{kind}] is a single table: write [[{kind}]] above each row")
        for number, row in enumerate(rows, 1):
            where = f"{file}:{_line_of(text, kind, number)} ({row.get('id', 'no id')})"
            strange = set(row) - _FIELDS
            if strange:
                raise RuleError(f"{where}: no field {sorted(strange)[0]!r}; known: {', '.join(sorted(_FIELDS))}")
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in {**defaults, **row}.items()}
            rule = Rule(**{"id": "", "category": "", **values}, kind=kind, where=where)
            if not rule.disabled:
                check(rule)
            rules.append(rule)
    return rules
