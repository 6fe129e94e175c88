"""Checks of the rows of a rule pack when it is loaded.

Refused are rows without samples, rows that match the empty line, rows whose time is not proven to be proportional to
the line (`cleantext.chrome.matching.linear_time`), and rows whose anchors are not implied by their pattern: each with file, row, and the fix.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, product
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from cleantext.chrome.matching.linear_time import LARGE, prove
from cleantext.chrome.matching.pattern_nodes import PARSER
from cleantext.chrome.rules.value_shapes import SHAPES, expand
from cleantext.errors import RuleError, did_you_mean
from cleantext.fold import view

if TYPE_CHECKING:
    from cleantext.chrome.rules.pack import Rule

__all__ = ["check", "faults"]

Fault = tuple[str, str]  # a field, and what is wrong with it

_ID = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)+")
TRIES = 400  # number of lines generated from a pattern to find one without an anchor
LARGEST = 1_000  # maximum characters of a generated line
MOST = 100_000  # maximum of `longest`
KEEP_APART = (
    "Keep the characters that part what is repeated out of it, as in '(?:[^,]{1,9},){1,5}', give smaller counts, "
    "or go on from the first place only, as in '(?>.{0,20}?word)'"
)


def check(rule: Rule) -> None:
    """Raise `RuleError` for an invalid row, with how to fix it."""
    for _, what in faults(rule):
        raise RuleError(f"{rule.where}: {what}")


def faults(rule: Rule, *, told: Container[str] = ()) -> Iterator[Fault]:
    """Yield the faults of a row: the field, and what to do. Fields in ``told``, which are already reported, are not checked."""
    from cleantext.chrome.rules.pack import CATEGORIES, STRENGTHS, ZONES

    if not _ID.fullmatch(rule.id):
        yield "id", f"an id is lower-case words joined by dots, such as share.scan-qr{_not(rule.id)}"
    if rule.disabled:
        return
    if rule.strength not in STRENGTHS:
        yield "strength", f"strength is one of {', '.join(STRENGTHS)}{_not(rule.strength, STRENGTHS)}"
    for zone in rule.zones:
        if zone not in ZONES:
            yield "zones", f"zones are of {', '.join(ZONES)}{_not(zone, ZONES)}"
    if not 0 < rule.longest <= MOST:
        yield "longest", f"`longest` is the number of characters up to which lines are tried, from 1 to {MOST}{_not(rule.longest)}"
    if rule.category not in CATEGORIES and (rule.kind != "keep" or rule.category):
        yield "category", f"category is a code from C01 to C22{_not(rule.category, CATEGORIES)}"
    phrases = rule.kind == "keep" and bool(rule.words) and not rule.match  # phrases are their own samples
    if "hit" not in told and "miss" not in told and not phrases and (not rule.miss or not (rule.hit or rule.kind == "words")):
        yield "", "give samples: `hit` must match, `miss` must not; without both nobody can trust the rule"
    sound = "words" not in told and "match" not in told
    if rule.kind in ("words", "label"):
        rule = replace(rule, match="", unless="", row="")  # fields of other kinds, which are reported as such
        for fault in _word_faults(rule):
            sound = False
            yield fault
    elif not phrases:
        for fault in _tried_faults(rule):
            sound = False
            yield fault
    if sound:  # its other zones are reported above
        strength = rule.strength if rule.strength in STRENGTHS else "B"
        yield from _sample_faults(replace(rule, strength=strength, zones=tuple(z for z in rule.zones if z in ZONES)))


def _not(value: object, known: Iterable[str] = ()) -> str:
    """Return what was found instead of the expected value, and what may have been meant."""
    hint = did_you_mean(value, known).rstrip()
    return f", not {value!r}{f': {hint}' if hint else ''}"


def _word_faults(rule: Rule) -> Iterator[Fault]:
    if not rule.words:
        yield "words", "give `words`"
    if rule.value not in SHAPES:
        yield "value", f"unknown value shape {rule.value!r}: {did_you_mean(rule.value, SHAPES)}one of {', '.join(SHAPES)}"


def _tried_faults(rule: Rule) -> Iterator[Fault]:
    try:
        found = list(_pattern_faults(rule))
        yield from found
        if rule.kind in ("line", "span", "block"):
            if not rule.anchors and (rule.kind != "line" or not rule.first):
                yield (
                    "anchors",
                    "give `anchors`: literals of which one stands in all that the pattern matches (or, for lines, `first`: how they start)",
                )
            elif not found:
                yield from _anchor_faults(rule)
    except RecursionError:
        yield "match", "it has too many groups inside each other: write it flatter"


def _pattern_faults(rule: Rule) -> Iterator[Fault]:
    if not rule.match:
        yield "match", "give `match`, or `words`" if rule.kind == "keep" else "give `match`"
    if rule.kind == "block" and not rule.row:
        yield "row", "give `row`: a pattern for the lines under the heading"
    wrong: set[str] = set()
    for pattern in ("match", "row", "unless"):
        for what in _pattern_fault(rule, pattern):
            wrong.add(pattern)
            yield pattern, what
    longest = inf if rule.kind == "keep" else rule.longest  # patterns that keep lines are tried on lines of any length
    tried: tuple[tuple[Literal["match", "unless", "row"], float], ...] = (("match", longest), ("unless", longest), ("row", inf))
    for name, longest in tried:
        if name in wrong or not getattr(rule, name):
            continue
        question = rule.question(name)
        if not question.pattern or (found := prove(question.pattern, question.how, longest)).holds(longest):
            continue
        if found.why == LARGE:
            yield name, f"`{name}` {LARGE}"
            continue
        many = "in more and more ways the longer it is" if found.ways == inf else f"in up to {found.ways:,.0f} ways"
        told = f"`{name}` can read a line {many}, and `re` tries them all: {repr(found.part) + ' ' if found.part else 'it '}{found.why}. {KEEP_APART}"
        yield name, told


def _pattern_fault(rule: Rule, name: str) -> Iterator[str]:
    pattern = getattr(rule, name)
    strange = re.search(r"(?<!\?P)<[A-Z]+>", expand(pattern))
    if strange:
        yield f"`{name}` names a shape {strange[0]} that there is not: see cleantext/chrome/rules/value_shapes.py"
        return
    try:
        compiled = re.compile(expand(pattern))
    except (re.error, OverflowError) as error:
        yield f"`{name}` is no regular expression: {error}; quote it with '...' so that TOML leaves \\ alone"
        return
    if pattern and name != "unless" and compiled.fullmatch(""):
        yield f"`{name}` matches the empty line: demand at least one character"


def _anchor_faults(rule: Rule) -> Iterator[Fault]:
    if not rule.anchors:
        return
    anchors = [view(a) for a in rule.anchors]
    made = islice(_lines(PARSER.parse(rule.pattern.pattern), anchors), TRIES)
    bare = [x for x in made if not any(a in x for a in anchors) and len(x) <= rule.longest and rule.finds(x)]
    if bare:
        shown = ", ".join(map(repr, dict.fromkeys(bare[:: max(1, len(bare) // 5)])))
        yield "anchors", f"it matches {shown}, where none of the anchors stands, so it would never be tried there: add them"


# ---------------------------------------------------------------- samples


def _sample_faults(rule: Rule) -> Iterator[Fault]:
    for sample in rule.hit:
        if not _acts(rule, sample):
            yield "hit", f"`hit` sample {sample!r} does not match: {_why_not(rule, sample)}"
    for sample in rule.miss:
        if sample not in rule.hit and _acts(rule, sample):
            yield "miss", f"`miss` sample {sample!r} matches: {_why(rule, sample)}"


def _read_as(rule: Rule, sample: str) -> str:
    """Return a line as a pattern gets it: folded, and for whole lines without bullets and outer brackets."""
    from cleantext.chrome.rules.pack import unwrap

    folded = view(sample.split("\n", 1)[0])
    start, end = unwrap(folded)
    return folded if rule.kind in ("span", "keep") else folded[start:end]


def _why_not(rule: Rule, sample: str) -> str:
    """Return why a sample that should match does not."""
    line = _read_as(rule, sample)
    shown = f"it is read as {line!r}, and " if line != sample else ""
    if rule.kind == "words":
        return f"{shown}is not made of `words`, counts and separators alone"
    if rule.kind == "label":
        marks = " ".join(rule.separators)
        found = next((w for w in sorted(rule.words, key=len, reverse=True) if view(w).replace(" ", "") in line.replace(" ", "")), "")
        if not found:
            return f"{shown}none of `words` stands in it"
        return f"{shown}behind {found!r} and one of `{marks}` there must stand a value of the shape {rule.value!r}, and nothing else that is no label with its value"
    if len(line) > rule.longest and rule.kind != "keep":
        return f"{shown}it has {len(line)} characters, and `longest` is {rule.longest}"
    found_at = rule.pattern.search(line)
    if found_at and rule.kind not in ("span", "keep") and not rule.pattern.fullmatch(line):
        return f"{shown}`match` has to match the whole line, and matches {found_at[0]!r} of it"
    if not found_at:
        return f"{shown}`match` matches no part of it"
    if rule.guard and (barred := rule.guard.search(line)):
        return f"{shown}`unless` finds {barred[0]!r} in it"
    if rule.kind == "block":
        rows = [row for row in view(sample).split("\n")[1:] if not rule.row_pattern.fullmatch(row)]
        if rows:
            return f"`row` does not match the whole line {rows[0]!r}"
    if rule.anchors and not any(view(a) in line for a in rule.anchors):
        return f"{shown}none of `anchors` stands in it"
    return f"{shown}a line that protects its text, or another rule, stands against it"


def _why(rule: Rule, sample: str) -> str:
    """Return what matches in a sample that should not."""
    if rule.kind in ("words", "label"):
        return "it is made of `words` alone" if rule.kind == "words" else "it reads as one of `words` with a value of its shape"
    found = rule.finds(_read_as(rule, sample))
    return (
        f"`match` matches {found[0]!r}; forbid it with `unless`, or ask for more" if found else "its heading and rows are those of a block"
    )


def _acts(rule: Rule, sample: str) -> bool:
    """Return whether the rule alone, in a separate pack, matches the sample."""
    from cleantext.chrome.lines.findings import collect
    from cleantext.chrome.rules.pack import Pack

    first, *rows = view(sample).split("\n")
    if rule.kind in ("echo", "enclosed", "repeated", "learned", "keep"):
        return rule.finds(first) is not None
    findings = collect([first], Pack((rule,)))[0]
    if rule.kind == "block":
        return bool(findings.heads) and all(rule.row_pattern.fullmatch(row) for row in rows)
    return bool(findings.spans if rule.kind == "span" else findings.evidence)


# ---------------------------------------------------------------- lines made of a pattern


def _lines(tree: Sequence[Any], anchors: Sequence[str]) -> Iterator[str]:
    """Yield lines that a parsed pattern can match, those without an anchor first: every branch, with the fewest repetitions."""
    pieces = [list(islice(_piece(str(op), arg, anchors), 12)) for op, arg in tree]
    return ("".join(parts) for parts in product(*pieces)) if all(pieces) else iter(())


def _piece(op: str, arg: Any, anchors: Sequence[str]) -> Iterator[str]:
    if op == "LITERAL":
        yield chr(arg)
    elif op in ("ANY", "NOT_LITERAL"):
        yield "某"
    elif op == "IN":
        yield _member(arg)
    elif op in ("MAX_REPEAT", "MIN_REPEAT"):
        least, _, body = arg
        yield from (line * least for line in (islice(_lines(body, anchors), 4) if least else ("",)) if len(line) * least <= LARGEST)
        if not least:
            yield from islice(_lines(body, anchors), 4)
    elif op == "BRANCH":
        lines = [line for branch in arg[1] for line in islice(_lines(branch, anchors), 6)]
        yield from sorted(lines, key=lambda line: any(a in line for a in anchors))
    elif op == "SUBPATTERN":
        yield from _lines(arg[3], anchors)
    else:  # assertions and positions add nothing
        yield ""


def _member(members: Sequence[Any]) -> str:
    """Return a character of a class."""
    if str(members[0][0]) == "NEGATE":
        return "某"
    for op, arg in members:
        if str(op) == "LITERAL":
            return chr(arg)
        if str(op) == "RANGE":
            return chr(arg[0])
        if str(op) == "CATEGORY":
            return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(arg), "某")
    return "某"
