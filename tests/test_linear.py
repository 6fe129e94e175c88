"""Patterns take time in proportion to the line: the proof, and all patterns that meet the text of pages."""

import re
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleantext.chrome.linear import prove
from cleantext.chrome.patterns import PARSER


class Backtracker:
    """A matcher that goes the ways of `re`, and counts how often each character of a line is read."""

    def __init__(self, line):
        self.line = line
        self.reads = Counter()

    def walk(self, items, at):
        """Yield where a sequence of items can end that starts at a character, in the order of `re`."""
        if not items:
            yield at
            return
        (op, arg), rest = items[0], items[1:]
        for end in self.item(str(op), arg, at):
            yield from self.walk(rest, end)

    def item(self, op, arg, at):
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            if at < len(self.line) and self.has(op, arg, self.line[at]):
                self.reads[at] += 1
                yield at + 1
        elif op == "BRANCH":
            for branch in arg[1]:
                yield from self.walk(list(branch), at)
        elif op == "SUBPATTERN":
            yield from self.walk(list(arg[3]), at)
        elif op in ("MAX_REPEAT", "MIN_REPEAT"):
            yield from self.repeat(*arg, at, lazy=op == "MIN_REPEAT")
        elif op == "ATOMIC_GROUP":
            yield from islice(self.walk(list(arg), at), 1)
        elif op in ("ASSERT", "ASSERT_NOT"):
            looker = Backtracker(self.line) if len(arg[1]) == 1 else self  # a look at one character is a part of the step
            found = next(looker.walk(list(arg[1]), at), None) is not None
            if found == (op == "ASSERT"):
                yield at
        elif str(arg) == "AT_BEGINNING":
            if at == 0:
                yield at

    def repeat(self, least, most, body, at, *, lazy):
        def more():
            if most:
                for end in self.walk(list(body), at):
                    yield from self.repeat(max(0, least - 1), most - 1 if most != PARSER.MAXREPEAT else most, body, end, lazy=lazy)

        if lazy and not least:
            yield at
        yield from more()
        if not lazy and not least:
            yield at

    def has(self, op, arg, char):
        if op == "ANY":
            return char != "\n"
        if op == "IN":
            return any(value == ord(char) if str(kind) == "LITERAL" else value[0] <= ord(char) <= value[1] for kind, value in arg)
        return (ord(char) == arg) == (op == "LITERAL")


def most_reads(pattern, line, how="fullmatch"):
    """Return how often a character of the line is read where no way is the right one."""
    matcher = Backtracker(line)
    for start in range(len(line) if how == "search" else 1):
        for _ in matcher.walk(list(PARSER.parse(pattern)), start):
            pass
    return max(matcher.reads.values(), default=0)


def repeated(patterns):
    counts = st.sampled_from(["?", "*", "+", "{2}", "{0,3}", "{1,4}", "{2,9}", "*?", "{0,3}?"])
    return st.builds(lambda p, n: f"(?:{p}){n}", patterns, counts)


PIECES = st.sampled_from(["a", "b", "c", "[ab]", "[bc]", ".", "^", "(?=a)", "(?![ab])", "(?=ab)", "(?!ba)"])
PATTERNS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: f"(?:{'|'.join(p)})"),
        repeated(inner),
        inner.map(lambda p: f"(?>{p})"),
    ),
    max_leaves=9,
)


@settings(max_examples=3000, deadline=None)
@given(PATTERNS, st.text("abc", min_size=1, max_size=11), st.sampled_from(["fullmatch", "search"]))
def test_no_line_is_read_in_more_ways_than_were_proven(pattern, line, how):
    ways = prove(pattern, how, len(line)).ways
    if ways < 1000:
        assert most_reads(pattern, line, how) <= ways
