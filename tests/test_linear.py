"""Patterns take time in proportion to the line: the proof, and all patterns that meet the text of pages."""

import importlib
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from itertools import islice, pairwise
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import examples

import cleantext
from cleantext.chrome.lines.evidence import NUMBERED, PROTECTED, SIGNED_DATE
from cleantext.chrome.lines.headers_footers import LISTING
from cleantext.chrome.matching import linear_time
from cleantext.chrome.matching.automata import Automata
from cleantext.chrome.matching.line_scan import SHORT
from cleantext.chrome.matching.linear_time import LARGE, WORK, _Steps, prove
from cleantext.chrome.matching.pattern_nodes import PARSER, Question
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.value_shapes import SHAPES
from cleantext.errors import RuleError


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
            found = at < len(self.line) and self.has(op, arg, self.line[at])
            self.reads[at] += found
            yield from [at + 1] * found
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
            yield from [at] * (at == 0)

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
    matcher, items, start = Backtracker(line), list(PARSER.parse(pattern)), 0
    while start < (len(line) if how == "search" else 1):
        ends = matcher.walk(items, start)
        found = next(ends, None) if how == "search" else len(list(ends))
        start = max(start + 1, found or 0)  # as `re.finditer` does
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


@settings(max_examples=examples(300), deadline=None)
@given(PATTERNS, st.text("abc", min_size=1, max_size=11), st.sampled_from(["fullmatch", "search"]))
def test_no_line_is_read_in_more_ways_than_were_proven(pattern, line, how):
    ways = prove(pattern, how, len(line)).ways
    if ways < 1000:
        assert most_reads(pattern, line, how) <= ways


@settings(max_examples=60)
@given(PATTERNS, st.lists(st.text("abc", max_size=9), min_size=1, max_size=6), st.sampled_from(["fullmatch", "match", "search"]))
def test_automata_answer_as_re_does(pattern, lines, how):
    asked = Automata([Question(pattern, how)])
    assert asked.machines  # or `re` would be asked of so few lines
    points, ends = np.array([ord(c) for line in lines for c in line], np.uint32), np.cumsum([len(line) for line in lines])
    starts = np.append(0, ends[:-1])
    answers = asked.answers(points, starts, ends, np.zeros(len(lines), np.int32))
    assert answers.tolist() == [asked.questions[0].answer(line) for line in lines]


def test_a_look_ahead_at_the_end_of_a_loop_sees_the_next_round():
    for pattern in ("(?:a(?!b))*c", "(?:a(?=[ac]))+c", "(?:a(?=a|c))*c"):
        asked = Automata([Question(pattern)])
        assert asked.machines
        points = np.array([ord(c) for c in "aac"], np.uint32)
        assert asked.answers(points, np.array([0]), np.array([3]), np.zeros(1, np.int32)).tolist() == [True], pattern


REFUSED = {  # and the part that is named
    "赞助(?:甲|甲甲)*乙": "(?:甲(?:|甲))*",
    "(?:甲*)*": "(?:甲*)*",
    "(?:甲?){30}甲{30}": "(?:甲?){30}",
    "(?:甲+)+乙": "(?:甲+)+",
    "(?:甲|.{1,3}){1,50}": "(?:甲|.{1,3}){1,50}",
    "(?:[^。]{1,14}[ 、]{1,3}){0,11}[^。]{1,14}": r"(?:[^。]{1,14}[\ 、]{1,3}){0,11}",
    ".{0,60}甲.{0,60}乙.{0,60}丙.{0,60}": ".{0,60}",
    "(甲+)乙\\1": "\\1",
    "甲?" * 40: "",
    "(?:|甲|)" * 30: "",
    "甲(?:(?:乙|丙)?丁?){3,20}": "(?:[乙丙]?丁?){3,20}",
}
PROVEN = (
    ".{0,20}口号.{0,20}",
    "(?:[^、]{1,14}、){0,11}[^、]{1,14}",
    "(?:[^ 、]{1,14}[ 、]{1,3}){0,11}[^ 、]{1,14}",
    r"\d{1,4}[-/.]?\d{1,2}[-/.]?\d{1,2}",
    "(?:首页|主页)(?: ?> ?[^> ]{1,9}){1,6}",
    "(?:第\\d+页|上一页|下一页|[ |]){1,30}",
    "(?>.{0,60}?甲)(?>.{0,60}?乙)(?>.{0,60}?丙).{0,60}",
    "(?=.{0,30}甲)(?=.{0,30}乙)[^。]{4,60}",
    "(?:(?!下一页).){0,40}下一页",
    "\\s*(?:共\\s*)?\\d+\\s*(?:条\\s*)?评论",
    "甲*乙*丙*",
)


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_cannot_be_proven_is_named(pattern):
    found = prove(pattern, longest=120)
    assert not found.holds(120)
    assert found.part == REFUSED[pattern]
    assert found.why


@pytest.mark.parametrize("pattern", PROVEN)
def test_natural_patterns_are_proven(pattern):
    assert prove(pattern, longest=120).holds(120)


def test_where_a_search_begins_counts():
    assert prove(r"\s+甲", "search").ways == inf
    assert prove(r"^\s+甲", "search").holds()
    assert prove(r"\s{1,9}甲", "search").holds()


ROW = """[[line]]
id = "my.sponsor"
category = "C19"
anchors = ["赞助"]
match = '{}'
hit = ["赞助乙"]
miss = ["赞助甲的一位邻居昨天来过。"]
"""


@pytest.mark.parametrize("pattern", ["赞助(?:甲|甲甲)*乙", "赞助(?:甲*)*乙", "赞助(?:甲?){30}乙", "赞助" + "(?:甲|)" * 40 + "乙"])
def test_rows_that_would_hang_are_refused_when_loaded(pattern, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(ROW.format(pattern), "utf-8")
    with pytest.raises(RuleError, match=r"mine.toml:5 \(my.sponsor\): `match` can read a line in .* Keep the characters that part"):
        load_pack(str(path))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("赞助" + "(" * 450 + "乙" + ")" * 450, "groups inside each other"),
        ("赞助(?:(?:甲{900}){900}){900}乙", "several ways"),
        ("赞助甲{99999999999}", "too large"),
        # Random ones, of 50 to 150 characters, that took seconds.
        ("(?:(?:ax{1,5}b{0,8}(?:b甲){1,4}(?:(?:b.[a-d]*|x{1,5}b甲)|.[a-d]*(?:[a-d]*)?)){1,4}){0,8}", "`match` "),
        ("(?:(?:(?:(?:a|.)[a-d]*.){1,4}){1,4}){0,8}", "`match` "),
        ("(?:(?:[a-d]*[a-d]*a?c?b[a-d]*){1,4}){0,8}", "`match` "),
        ("(?:" + "(?:甲|乙).{0,9}" * 9 + "){1,40}", "`match` "),
    ],
)
def test_huge_patterns_are_refused_soon(pattern, says, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(ROW.format(pattern), "utf-8")
    with pytest.raises(RuleError, match=says):
        load_pack(str(path))


@settings(max_examples=60, deadline=None)
@given(st.lists(PATTERNS, min_size=6, max_size=12).map("".join), st.sampled_from(["{1,9}", "{2,8}", "*", ""]))
def test_no_proof_takes_more_steps_than_it_may(pattern, times):
    steps = []

    class Counted(_Steps):
        def spend(self, number):
            steps.append(number)
            super().spend(number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear_time, "_Steps", Counted)
        found = prove.__wrapped__(f"(?:{pattern}){times}", "fullmatch", 120, most=20_000)
    assert sum(steps[:-1]) <= 20_000
    assert found.why != LARGE or sum(steps) > 20_000


@pytest.mark.parametrize("longest", ["0", "-3", "true", "2.5", "1000000", "'80'"])
def test_longest_is_a_number_of_characters(longest, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(ROW.format("赞助乙") + f"longest = {longest}\n", "utf-8")
    with pytest.raises(RuleError, match=r"`longest` is (?:the number of characters|a whole number)"):
        load_pack(str(path))


# ---------------------------------------------------------------- the patterns of cleantext; `test_rules.py` checks the rows of its packs

PACK = load_pack("zh-web-rules")
LABELS = PACK.label_pattern.pattern


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_values_are_proven(shape):
    assert prove(SHAPES[shape], "fullmatch", SHORT).holds(SHORT)


def test_the_pattern_of_labels_is_proven():
    assert prove(LABELS, "search", SHORT, most=20 * WORK).holds(SHORT)


@pytest.mark.parametrize("question", [PROTECTED, NUMBERED, SIGNED_DATE, LISTING])
def test_questions_asked_of_every_line_are_proven(question):
    assert prove(question.pattern, question.how).holds()


def everything():
    """Return the patterns that are asked of lines, each with how and up to which length."""
    for rule in PACK.rules:
        for question, longest in zip(rule.questions, (rule.longest, rule.longest, 2000), strict=True):
            if question and question.pattern:
                yield question, longest
    for pattern in SHAPES.values():
        yield Question(pattern), SHORT
    yield Question(LABELS, "search"), SHORT
    for question in (PROTECTED, NUMBERED, SIGNED_DATE, LISTING):
        yield question, 2000


def pieces(items):
    """Return short texts that the parts of a parsed pattern can read."""
    found, word = [], ""
    for op, arg in items:
        name = str(op)
        if name == "LITERAL":
            word += chr(arg)
            continue
        found, word = [*found, word] if word else found, ""
        if name == "IN":
            found += [chr(value if str(kind) == "LITERAL" else value[0]) for kind, value in arg if str(kind) in ("LITERAL", "RANGE")]
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            found += pieces(arg[2])
        elif name == "BRANCH":
            found += [piece for branch in arg[1] for piece in pieces(branch)]
        elif name == "SUBPATTERN":
            found += pieces(arg[3])
        elif name == "ATOMIC_GROUP":
            found += pieces(arg)
    return [*found, word] if word else found


def hostile(pattern, longest):
    """Yield lines of the pieces of a pattern, again and again, without and with a character that spoils the end."""
    own = list(dict.fromkeys(pieces(PARSER.parse(pattern)))) or ["甲"]
    own = own[:: max(1, len(own) // 12)][:12]
    words = [*own, *map("".join, pairwise(own)), *(f"{a}1 " for a in own[:4]), "".join(own), "1", " ", "春 ", "-", "甲"]
    for size in {min(200, longest), min(2000, longest)}:
        for word in words:
            line = (word * size)[: size - 1]
            yield from (line, line + "?", line + "。", line + "\x00")
        each = max(1, size // len(own))
        yield "".join((piece * each)[:each] for piece in own)[: size - 1] + "\x00"


def ask_everything():
    for question, longest in everything():
        for line in hostile(question.pattern, longest):
            question.answer(line)


# Patterns of modules that a search of any length does not prove: how they are asked instead, and of how many characters at most.
ASKED = {
    "chrome.rules.row_checks._ID": ("fullmatch", inf),
    "chrome.hosts.profiles._HOST": ("fullmatch", inf),
    "chrome.lines.decide._ENTRY": ("match", inf),
    "chrome.rules.salvage._TOOL_AHEAD": ("fullmatch", SHORT),
    "chrome.rules.salvage._TOOL_BEHIND": ("search", SHORT),
    "chrome.main_text.element_tree.HEADING": ("fullmatch", 60),
    "run.readers.sniff._ASIDE": ("match", inf),
    "run.readers.sniff._STATUS": ("match", inf),
    "run.readers.fields._ADDRESS": ("match", inf),
    "run.readers.source._ADDRESS": ("match", inf),
    "chrome.main_text.element_tree.ACTION": ("fullmatch", inf),
    "chrome.main_text.keep_lines.POSITION": ("match", inf),
    "html.metadata.bylines.SIGNED": ("search", 61),
    "html.markdown.CODE": ("match", inf),
    "html.markdown.TABLE": ("match", inf),
    "html.metadata.bylines.NAME": ("fullmatch", inf),
    "html.metadata.bylines.POSTED": ("fullmatch", inf),
    "html.metadata.bylines.FIELD": ("fullmatch", 30),
    "html.metadata.bylines.MEDIUM": ("match", 80),
    "html.metadata.bylines.SENT": ("fullmatch", 40),
    "html.metadata.bylines.WRITTEN_BY": ("fullmatch", 60),
    "html.metadata.bylines.NAMES": ("search", 120),
    "html.metadata.bylines.REPORTED": ("match", 60),
    "html.metadata.headline.DATE": ("search", 120),
    "html.metadata.bylines.BY": ("search", 120),
    "html.metadata.bylines.CITED": ("search", 120),
    "html.metadata.bylines.LABEL": ("search", 120),
    "html.metadata.bylines.COUNTED": ("search", 80),
    "html.metadata.headline.NUMBER": ("match", 120),
    "html.metadata.headline.SITE_NAME": ("fullmatch", inf),
}
# Those whose search begins at the start of a run only, by a look behind, or ends in what it found; `test_long_runs` asks them.
RUNS = {
    "chrome.rules.salvage._TRAILING_DATE": " |·丨",
    "script.forms.WORD": "aA",
    "script.forms.TATWEEL": "\u0640",
    "repair.misread.families.CUT_SHORT": "鏂扮枂",
    "normalize._FULL_WORD": "Ａ０，：．",
    "normalize._MANY_BREAKS": "\n",
    "html.parsing.class_words.WORD": "Aa",
    "html.metadata.dates.ENGLISH_DATE": "jan 1, 20",
    "html.metadata.bylines.CODE": "1_ A",
    "html.formulas.MATH": "<math>",  # up to the next tag of its name, as the next four
    "html.formulas.TEX": "<annotation encoding=application/x-tex>",
    "html.formulas.SCRIPT": "<script type=math/tex>",
    "html.formulas.PICTURE": "<img alt=''",
    "html.formulas.CONTAINER": "<mjx-container>",
    "html.formulas.TAG": "<a /",
    "html.streamed.TAG": "<script><div>",  # up to the next tag of its name
    "html.parsing.bounds.PLAIN": "<a =\"'/>",  # possessive throughout, as the next two
    "html.parsing.bounds.TAG": "<a =\"'/>",
    "html.parsing.bounds.ROOT_TAG": "<body =\"'/>",
    "html.parsing.nesting.TOKEN": "<!-a =\"'/>",
    "signals._EMAIL": "a.-@",
    "repair.pinyin.CANDIDATE": "新(āi)（",
    "repair.pinyin.PARTED": "新(āi)（",
    "chrome.main_text.element_tree.ACTION": "返回目录|",
    "html.parsing.bounds.CLOSED_AT_ONCE": "<b =\"'/>",  # possessive throughout, as the next one
    "html.parsing.nesting.NAMED": "a =\"'/>",
    "data.format_marks.LONE": b"1. }",
    "repair.spaced.LINE": "版 ，a",  # possessive throughout
}
ELSEWHERE = {  # not of the text of pages, or of a part with a bound of its own
    "decode.PIECE": "the first 16,384 bytes",
    "decode.ATTRIBUTE": "the first 16,384 bytes",
    "decode.CHARSET": "the first 16,384 bytes",
    "decode.XML": "the first 16,384 bytes",
    "html.formulas.STYLE": "one formula, all of it",
    "html.parsing.block_elements.NOT_NAME": "classes and names, of a bounded length",
    "run.readers.sniff._MARKS": "the first 8,192 bytes",
    "run.readers.formats.jsonlines._PARTS": "a table: each character is taken once, by possessive repeats",
    "html.metadata.bylines.BYLINE": "lines of at most 60 characters",
    "html.metadata.bylines.DESPATCH": "the first 60 characters of a line",
    "html.metadata.page_metadata.SUFFIX": "a title whose blanks are single",
    "chrome.rules.toml_rows._HEADER": "a rule pack, as the next three",
    "chrome.rules.toml_rows._KEY": "a rule pack",
    "chrome.rules.toml_rows._SHORT": "a rule pack",
    "chrome.rules.toml_rows._VALUE": "a rule pack",
    "plan.spark.store.PART": "the name of a file",
}


def of_modules():
    """Return the compiled patterns of all modules by name."""
    found = {}
    for module in pkgutil.walk_packages(cleantext.__path__, "cleantext."):
        if not module.name.endswith("__main__") and ".make_" not in module.name:
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern):
                    found.setdefault((value.pattern, value.flags), f"{module.name.removeprefix('cleantext.')}.{name}")
    return {name: re.compile(*key) for key, name in found.items()}


def test_patterns_of_modules_are_proven_or_known():
    found = of_modules()
    doubtful = set()
    for name, pattern in found.items():
        how, longest = ASKED.get(name, ("search", inf))
        if not prove(pattern.pattern, how, longest, pattern.flags & ~re.UNICODE).holds(longest):
            doubtful.add(name)
    assert doubtful <= RUNS.keys() | ELSEWHERE.keys()


def search_runs():
    found = of_modules()
    for name, chars in RUNS.items():
        words = [chars[n : n + size] for size in (1, 2, len(chars)) for n in range(len(chars) - size + 1)]  # of bytes, too
        for word in words:
            end = b"\0" if isinstance(word, bytes) else "\0"
            for _ in found[name].finditer((word * 60_000)[:60_000] + end):
                pass


def in_a_process(code):
    """Run Python that hangs if a pattern does; the time is far above what it takes."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True).stdout


@pytest.mark.parametrize("work", ["ask_everything", "search_runs"])
def test_no_pattern_hangs_on_its_own_pieces(work):
    in_a_process(f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_linear; test_linear.{work}()")


LINES = (
    "上一页1234567891011121314151617181920下一页GO",
    "首页 > 新闻 > 国内 " + "-" * 60 + " 2020年",
    "标签: " + "春 " * 30 + "!",
    "标签: " + " ".join(f"词{n}" for n in range(30)) + "?",
    "главная " + "/ а: " * 25 + "。",
    "举报电话" * 12 + "。。",
    "未经授权不得转载" * 20 + "。",
    "© " * 60 + "公司" * 30,
)
BODY = "青河的渡口\n\n昨夜，清河上游下了一场大雨，今晨水位涨了半米。\n渡口的老人说，船要到午后才能开。"


def test_pages_with_lines_that_used_to_hang_are_cleaned():
    page = "\n".join((BODY, *LINES))
    told = in_a_process(f"import cleantext as ct; t = ct.clean({page!r}); print(all(x in t for x in {BODY.splitlines()!r} if x))")
    assert told == "True\n"
