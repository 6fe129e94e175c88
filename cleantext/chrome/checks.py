"""What a row of a rule pack must satisfy before anybody's text depends on it.

A row without samples, one that matches the empty line, one whose time is not proven to be in proportion to
the line (`cleantext.chrome.linear`), one whose anchors are not implied by its pattern: each is refused with file, row, and the mend.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import inf
from typing import TYPE_CHECKING, Any

from cleantext.chrome.linear import LARGE, prove
from cleantext.chrome.patterns import PARSER
from cleantext.chrome.shapes import SHAPES, expand
from cleantext.errors import RuleError
from cleantext.fold import view

if TYPE_CHECKING:
    from cleantext.chrome.rules import Rule

__all__ = ["check"]

_ID = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)+")
TRIES = 400  # lines made of a pattern to find one without an anchor
LARGEST = 1_000  # characters of a line that is made of a pattern
MOST = 100_000  # for `longest`


def check(rule: Rule) -> None:
    """Raise `RuleError` for a row that cannot be trusted, and say how to mend it."""
    from cleantext.chrome.rules import CATEGORIES, STRENGTHS, ZONES

    if not _ID.fullmatch(rule.id):
        raise _refuse(rule, "an id is lower-case words joined by dots, such as share.scan-qr")
    if rule.disabled:
        return
    for name in ("zones", "anchors", "words", "hit", "miss"):
        value = getattr(rule, name)
        if not isinstance(value, tuple) or not all(isinstance(v, str) and v for v in value):
            raise _refuse(rule, f'`{name}` is a list of strings, none of them empty: write {name} = ["..."]')
    if rule.strength not in STRENGTHS or not set(rule.zones) <= set(ZONES):
        raise _refuse(rule, f"strength is one of {', '.join(STRENGTHS)}; zones are of {', '.join(ZONES)}")
    if type(rule.longest) is not int or not 0 < rule.longest <= MOST:
        raise _refuse(rule, f"`longest` is the number of characters up to which lines are tried, from 1 to {MOST}")
    if rule.category not in CATEGORIES:
        raise _refuse(rule, "category is a code from C01 to C22")
    if not rule.miss or not (rule.hit or rule.kind == "words"):
        raise _refuse(rule, "give samples: `hit` must match, `miss` must not; without both nobody can trust the rule")
    if rule.kind in ("words", "label"):
        if not rule.words:
            raise _refuse(rule, "give `words`")
        if rule.value not in SHAPES:
            raise _refuse(rule, f"unknown value shape {rule.value!r}: one of {', '.join(SHAPES)}")
    else:
        try:
            _check_patterns(rule)
            if rule.kind in ("line", "span", "block"):
                _check_anchors(rule)
        except RecursionError as error:
            raise _refuse(rule, "it has too many groups inside each other: write it flatter") from error
    _check_samples(rule)


def _refuse(rule: Rule, why: str) -> RuleError:
    return RuleError(f"{rule.where}: {why}")


def _check_patterns(rule: Rule) -> None:
    if not rule.match:
        raise _refuse(rule, "give `match`")
    if rule.kind == "block" and not rule.row:
        raise _refuse(rule, "give `row`: a pattern for the lines under the heading")
    for name in ("match", "row", "unless"):
        pattern = getattr(rule, name)
        strange = re.search(r"(?<!\?P)<[A-Z]+>", expand(pattern))
        if strange:
            raise _refuse(rule, f"`{name}` names a shape {strange[0]} that there is not: see cleantext/chrome/shapes.py")
        try:
            compiled = re.compile(expand(pattern))
        except (re.error, OverflowError) as error:
            raise _refuse(rule, f"`{name}` is no regular expression: {error}; quote it with '...' so that TOML leaves \\ alone") from error
        if pattern and name != "unless" and compiled.fullmatch(""):
            raise _refuse(rule, f"`{name}` matches the empty line: demand at least one character")
    for name, question, longest in zip(("match", "unless", "row"), rule.questions, (rule.longest, rule.longest, inf), strict=True):
        if question and question.pattern and not (found := prove(question.pattern, question.how, longest)).holds(longest):
            if found.why == LARGE:
                raise _refuse(rule, f"`{name}` {LARGE}")
            many = "in more and more ways the longer it is" if found.ways == inf else f"in up to {found.ways:,.0f} ways"
            raise _refuse(
                rule,
                f"`{name}` can read a line {many}, and `re` tries them all: {repr(found.part) + ' ' if found.part else 'it '}{found.why}. "
                "Keep the characters that part what is repeated out of it, as in '(?:[^,]{1,9},){1,5}', give smaller counts, "
                "or go on from the first place only, as in '(?>.{0,20}?word)'",
            )


def _check_anchors(rule: Rule) -> None:
    if not rule.anchors and (rule.kind != "line" or not rule.first):
        raise _refuse(
            rule, "give `anchors`: literals of which one stands in all that the pattern matches (or, for lines, `first`: how they start)"
        )
    if not rule.anchors:
        return
    anchors = [view(a) for a in rule.anchors]
    made = islice(_lines(PARSER.parse(rule.pattern.pattern), anchors), TRIES)
    bare = [x for x in made if not any(a in x for a in anchors) and len(x) <= rule.longest and rule.finds(x)]
    if bare:
        shown = ", ".join(map(repr, dict.fromkeys(bare[:: max(1, len(bare) // 5)])))
        raise _refuse(rule, f"it matches {shown}, where none of the anchors stands, so it would never be tried there: add them")


def _check_samples(rule: Rule) -> None:
    for sample in (*rule.hit, *rule.miss):
        wanted = sample in rule.hit
        found = _acts(rule, sample)
        if wanted and not found:
            raise _refuse(rule, f"`hit` sample {sample!r} does not match")
        if found and not wanted:
            raise _refuse(rule, f"`miss` sample {sample!r} matches")


def _acts(rule: Rule, sample: str) -> bool:
    """Say whether the rule alone, in a pack of its own, votes against the sample."""
    from cleantext.chrome.rules import Pack
    from cleantext.chrome.votes import collect

    first, *rows = view(sample).split("\n")
    if rule.kind in ("echo", "enclosed", "repeated", "learned"):
        return rule.finds(first) is not None
    votes = collect([first], Pack((rule,)))[0]
    if rule.kind == "block":
        return bool(votes.heads) and all(rule.row_pattern.fullmatch(row) for row in rows)
    return bool(votes.spans if rule.kind == "span" else votes.evidence)


def _lines(tree: Sequence[Any], anchors: Sequence[str]) -> Iterator[str]:
    """Yield lines that a parsed pattern can match, those without an anchor first: every branch, fewest repetitions."""
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
    else:  # assertions, places: they add nothing
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
