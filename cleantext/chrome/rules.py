"""Rule packs: rows of TOML, checked when loaded, compiled into one matcher.

Six kinds of rows, all matched on `cleantext.fold.view` (lower case, half width, Simplified), so
that one row serves both scripts:

``[[line]]``   a regular expression for a whole line, without its outer brackets and bullets
``[[span]]``   a regular expression for a part of a line, which alone is cut
``[[words]]``  a vocabulary: a line made of its words and separators only
``[[label]]``  labels before a value of a known shape: ``来源: ...``
``[[block]]``  a heading and the rows under it
``[[echo]]``   a bare name under the date, where the foot of the page repeats it

Every row has must-hit and must-miss samples; a row that fails them is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from cleantext.chrome.shapes import SHAPES, expand
from cleantext.errors import RuleError
from cleantext.fold import view

__all__ = ["KINDS", "Pack", "Rule", "load_pack", "unwrap"]

KINDS = ("line", "span", "words", "label", "block", "echo")
STRENGTHS = {"A": 3, "B": 2, "C": 1}
ZONES = ("head", "tail", "body")
_HAN = re.compile("[\u3400-\u9fff]+")
_ID = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)+")
_OPEN, _CLOSE = "[【(〔〖<「『", "]】)〕〗>」』"
_LEADING = " \t-–—·•●○■□◆◇▪►▶▼▲★☆*#|丨→>»›=~"
_TRAILING = " \t-–—·•*|丨=~▼▲×"


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
    def vocabulary(self) -> Mapping[str, Rule]:
        """Each word of a ``[[words]]`` row and its rule."""
        return {view(w): r for r in self.rules if r.kind == "words" for w in r.words}

    @cached_property
    def longest_word(self) -> int:
        """Length of the longest word of the vocabulary."""
        return max(map(len, self.vocabulary), default=0)

    @cached_property
    def labels(self) -> Mapping[str, Rule]:
        """Each label and its rule."""
        return {view(w): r for r in self.rules if r.kind == "label" for w in r.words}

    @cached_property
    def label_pattern(self) -> re.Pattern[str]:
        """Finds a label with its separator, at the start of a line or after a separator or bracket."""
        spaced = {" ?".join(map(re.escape, w)): r.separators for w, r in self.labels.items()}
        by_separators: dict[str, list[str]] = {}
        for w in sorted(spaced, key=len, reverse=True):
            by_separators.setdefault(spaced[w], []).append(w)
        parts = (f"(?:{'|'.join(ws)}) ?[{re.escape(seps)}]" for seps, ws in by_separators.items())
        return re.compile(f"(?:(?<=^)|(?<=[\\s|丨·,;、/\\[\\]【】()〔〕]))(?P<label>{'|'.join(parts)})" if spaced else "(?!)")

    @cached_property
    def anchored(self) -> tuple[Any, list[list[Rule]]]:
        """An Aho-Corasick automaton over all anchors, and for each anchor its rules."""
        from ahocorasick_rs import AhoCorasick, MatchKind

        owners: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for anchor in rule.anchors:
                owners.setdefault(view(anchor), []).append(rule)
        return AhoCorasick(list(owners), matchkind=MatchKind.Standard) if owners else None, list(owners.values())

    @cached_property
    def unanchored(self) -> tuple[Rule, ...]:
        """Line rules for shapes without a literal (image ids, dates): tried on short lines only."""
        return tuple(r for r in self.rules if r.kind == "line" and not r.anchors)

    def including(self, others: Iterable[Rule]) -> Pack:
        """Return the pack with further rules; one of the same id replaces, ``disabled = true`` removes."""
        merged = {**self.by_id, **{r.id: r for r in others}}
        return Pack(tuple(r for r in merged.values() if not r.disabled), self.name)

    def without(self, ids: Iterable[str]) -> Pack:
        """Return the pack without some rules."""
        gone = set(ids)
        return Pack(tuple(r for r in self.rules if r.id not in gone), self.name)


@lru_cache(maxsize=16)
def load_pack(*names: str) -> Pack:
    """Load packs by name (those that come with cleantext) or path; later ones override earlier ones by id.

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
    return pack


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


def _rows(file: str, text: str) -> list[Rule]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{file}: not valid TOML: {error}") from error
    defaults = data.pop("defaults", {})
    rules = []
    for kind, rows in data.items():
        if kind not in KINDS:
            raise RuleError(f"{file}: [[{kind}]] is no kind of rule: use one of {', '.join(KINDS)}")
        for number, row in enumerate(rows, 1):
            where = f"{file}, {kind} {number} ({row.get('id', 'no id')})"
            strange = set(row) - _FIELDS
            if strange:
                raise RuleError(f"{where}: no field {sorted(strange)[0]!r}; known: {', '.join(sorted(_FIELDS))}")
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in {**defaults, **row}.items()}
            rule = Rule(**{"id": "", "category": "", **values}, kind=kind, where=where)
            _check(rule)
            rules.append(rule)
    return rules


def _check(rule: Rule) -> None:
    """Refuse a row that cannot be trusted, and say how to mend it."""

    def refuse(why: str) -> RuleError:
        return RuleError(f"{rule.where}: {why}")

    if not _ID.fullmatch(rule.id):
        raise refuse("an id is lower-case words joined by dots, such as share.scan-qr")
    if rule.disabled:
        return
    if rule.strength not in STRENGTHS or not set(rule.zones) <= set(ZONES):
        raise refuse(f"strength is one of {', '.join(STRENGTHS)}; zones are of {', '.join(ZONES)}")
    if not re.fullmatch(r"C(0[1-9]|1\d|2[0-2])", rule.category):
        raise refuse("category is a code from C01 to C22")
    if not rule.miss or not (rule.hit or rule.kind == "words"):
        raise refuse("give samples: `hit` must match, `miss` must not; without both nobody can trust the rule")
    if rule.kind in ("words", "label"):
        if not rule.words:
            raise refuse("give `words`")
        if rule.value not in SHAPES:
            raise refuse(f"unknown value shape {rule.value!r}: one of {', '.join(SHAPES)}")
    else:
        _check_pattern(rule, refuse)


def _check_pattern(rule: Rule, refuse: Any) -> None:
    for name, pattern in (("match", rule.match), ("row", rule.row), ("unless", rule.unless)):
        if name == "match" and not pattern:
            raise refuse("give `match`")
        try:
            compiled = _compiled(pattern)
        except re.error as error:
            raise refuse(f"`{name}` is no regular expression: {error}") from error
        if pattern and name != "unless" and compiled.fullmatch(""):
            raise refuse(f"`{name}` matches the empty line: demand at least one character")
        if _catastrophic(expand(pattern)):
            raise refuse(f"`{name}` repeats a repetition, which can take exponential time: bound one of them, as in {{1,20}}")
    if rule.kind in ("span", "block") and not rule.anchors:
        raise refuse("give `anchors`: literals of which one stands in all that the pattern matches")
    if rule.kind == "block" and not rule.row:
        raise refuse("give `row`: a pattern for the lines under the heading")
    for sample in rule.hit:
        a, b = unwrap(view(sample.split("\n")[0]))
        if rule.anchors and not any(view(x) in view(sample) for x in rule.anchors):
            raise refuse(f"no anchor occurs in the sample {sample!r}, so the rule would never be tried there")
        if not rule.finds(view(sample) if rule.kind == "span" else view(sample.split("\n")[0])[a:b]):
            raise refuse(f"`hit` sample {sample!r} does not match")
    if rule.kind != "block":
        for sample in rule.miss:
            a, b = unwrap(view(sample))
            if rule.finds(view(sample) if rule.kind == "span" else view(sample)[a:b]):
                raise refuse(f"`miss` sample {sample!r} matches")


def _catastrophic(pattern: str) -> bool:
    """Say whether an unbounded repetition holds another one that can match the same text."""
    parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001

    def unbounded(tree: Sequence[Any], inside: bool) -> bool:  # noqa: FBT001
        for op, arg in tree:
            name = str(op)
            if name in ("MAX_REPEAT", "MIN_REPEAT"):
                _, most, body = arg
                many = most is parser.MAXREPEAT or most > 100
                if (many and inside) or unbounded(body, inside or many):
                    return True
            elif name == "BRANCH":
                if any(unbounded(b, inside) for b in arg[1]):
                    return True
            elif name == "SUBPATTERN":
                if unbounded(arg[3], inside):
                    return True
            elif name in ("ASSERT", "ASSERT_NOT", "ATOMIC_GROUP") and unbounded(arg[1] if name != "ATOMIC_GROUP" else arg, inside):
                return True
        return False

    return unbounded(parser.parse(pattern), False)
