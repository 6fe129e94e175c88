"""Time linear in the page, whatever it is made of. Speed itself is measured by benchmarks/robustness/long_lines.py.

What replaced a slower way is compared with that way, written down naively here. Pages that took minutes are done once more in a
process of its own, which the system ends after a time that they missed by far.
"""

import difflib
import importlib.util
import re
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import THOROUGH, examples
from resiliparse.parse.html import HTMLTree

from cleantext.changes import code_points
from cleantext.chrome.lines.rule_tables import Tables
from cleantext.chrome.matching.character_bits import MOST_BRACKETS
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import unwrap
from cleantext.dedup.clusters import removal
from cleantext.edits import Edit, apply, compose
from cleantext.html import read_html
from cleantext.html.parsing import bounds
from cleantext.html.parsing.block_elements import PATH_CHARS
from cleantext.html.parsing.bounds import ATTRIBUTES, DEEPEST, OPEN, ROOTS, bounded, canonical
from cleantext.html.parsing.nesting import cut
from cleantext.normalize import MARKS, Forms
from cleantext.repair import Controls, Entities, GbkSlips, repair, shifted, slip
from cleantext.repair.controls import RIGHT_TO_LEFT, _Line
from cleantext.repair.entities import ABOUT, QUOTES, REFERENCE, ROUNDS, _character
from cleantext.repair.misread.families import CUT_SHORT, _apart
from cleantext.repair.model import WordModel, word_model
from cleantext.repair.pinyin import CANDIDATE
from cleantext.repair.shifted import LOST, TAIL, WIDEN, certified
from cleantext.repair.slip import _Quotations
from cleantext.report.page import pieces

resource = importlib.util.find_spec("resource")

# What took long: code, and about how long it took.
SLOW = {
    "references": "from cleantext.repair import *; Entities()('&amp;' * 300_000)",  # 40 s
    "slips": "from cleantext.repair import *; GbkSlips()('?！弊：' * 10_000); GbkSlips()('?!' * 1_000)",  # 1,000 s and more
    "marks of families": "from cleantext.repair import *; Mojibake()(''.join(map(chr, range(0x4e00, 0x9000))) * 5)",  # 200 s
    "marks of direction": "from cleantext.repair import *; Controls()('a\\u200f' * 100_000)",  # 60 s
    "combining marks": "from cleantext.normalize import *; Forms()('\\u0301\\u0327' * 30_000)",  # 45 s
    "attributes": "from cleantext.html.parsing.bounds import *; canonical('<p ' + ' '.join(f'a{n}=1' for n in range(150_000)))",  # 60 s
    "formatting": "from cleantext.html.parsing.bounds import *; canonical(''.join(f'<b id={n}><p>' for n in range(10_000)))",  # 50 s, 800 MB
    "brackets": "from cleantext.chrome.rules.pack import *; unwrap('(' * 200_000 + ')' * 200_000)",  # hours
}
# Markup that opens elements without end, and then looks through them; some of it seems to close them.
N = 10_000 if THOROUGH else 4_000
NESTED = {
    "ends ahead": "</b>" * N + "<b id=i><p>" * N,
    "other ends": "".join(f"<b id={n}><p></i>" for n in range(N)),
    "unknown ends": "<q>" * 2 * N + "</x>" * 2 * N,
    "rules": "<q>" * 2 * N + "<hr>" * 2 * N,
    "options": "<q>" * 2 * N + "<option>x" * 2 * N,
    "options of a list": "<select>" + "<option>x" * 2 * N,
    "buttons": "<q>" * 2 * N + "<button>x</button>" * 2 * N,
    "ends in blocks": "<q><div></q></div>" * N + "<hr>" * N,
    "ends in cells": "".join(f"<b id={n}><table><td></b></table>" for n in range(N)),
    "ends in comments": "<q><!--</q>-->" * N + "<hr>" * N,
    "ends in attributes": "<q><x a='</q>'></x>" * N + "<hr>" * N,
    "ends in scripts": "<q><script></q></script>" * N + "<hr>" * N,
    "ends in styles of images": "<q><svg><p><style></p></svg></q></style>" * N + "<hr>" * N,
    "ends of images": "<svg><desc><q></svg>" * N + "<svg><span><q></svg>" * N + "<hr>" * N,
    "character data": "<q><svg><![CDATA[></svg></q>]]></svg>" * N + "<hr>" * N,
    "hidden character data": "<svg><desc><q><![CDATA[>" + "<q>" * N + "]]>" + "<hr>" * N,
    "styles of lists": "<select><style></select>" + "<q>" * N + "<hr>" * N,
    "lists that ended": "<select><input>" + "<q>" * N + "<optgroup>" * N + "<hr>" * N,
    "double lists": "<select><select><optgroup></select>" * N + "<hr>" * N,
    "double tables": "<table><table></table>" + "<td><q>" * N + "<hr>" * N,
    "cells without tables": "<td><q>" * N + "<hr>" * N,
    "alike": "<b><b><b><b><div></b></b></b></b></div>" * N + "<hr>" * N,
    "tags closed by a slash": "<svg><desc>" + "<q/>" * N + "<hr>" * N,
    "templates": "<template>" * N + "<hr>" * N,
    "attributes with tags": "<p " + " ".join(f"a{n}='<b>'" for n in range(4 * N)) + ">",
    "attributes with ends": "<p " + " ".join(f"a{n}='\">'" for n in range(4 * N)) + ">",
    "attributes with other ends": "<p " + " ".join(f'a{n}="b\'>"' for n in range(4 * N)) + ">",
}
SECONDS = 20  # of a processor: other work on the machine does not count


@pytest.mark.skipif(resource is None, reason="no such limits on this system")
@pytest.mark.parametrize("kind", SLOW)
def test_pages_that_took_minutes(kind):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))"
    subprocess.run([sys.executable, "-c", f"{limit}; {SLOW[kind]}"], check=True, timeout=600)


@pytest.mark.skipif(resource is None, reason="no such limits on this system")
def test_markup_that_opens_elements_without_end():
    code = f"""
import resource, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_long_lines import N, NESTED, canonical
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
for name, markup in NESTED.items():
    start = time.process_time()
    canonical(markup)
    seconds = time.process_time() - start
    assert seconds < N / 1250, (name, seconds)
"""
    limits = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, ({8 * SECONDS}, {8 * SECONDS}))"
    subprocess.run([sys.executable, "-c", f"{limits}\n{code}"], check=True, timeout=600)


# ---------------------------------------------------------------- references

PIECES = ["&", "amp;", "am", "p;", "#112;", "#", "38;", "lt;", "<", "\n", "&#10;", "“", "`", "x", "&copy;", "copy;", "&#8203;", "&amp;"]


def slowly(text):
    """Replace references line by line, until nothing changes."""
    edits = ()
    while True:
        found = []
        for m in REFERENCE.finditer(text):
            start, stop = text.rfind("\n", 0, m.start()) + 1, text.find("\n", m.end())
            if "<" in text[start : len(text) if stop < 0 else stop] or text[m.start() - 1 : m.start()] in QUOTES:
                continue
            if after := _character(m[1]):
                found.append(Edit(m.start(), m.end(), m[0], after, "entities.reference"))
        if not found:
            return edits
        edits, text = compose(edits, found), apply(text, found)


@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
@settings(deadline=None, max_examples=examples(400))
def test_references_as_if_each_looked_for_its_line(text):
    assert ABOUT.search(text) or Entities().edits(text) == slowly(text)


def nested(depth):
    """Return a reference out of a reference out of a reference."""
    text = "&#112;"
    for _ in range(depth):
        text = f"&am{text};#112;"
    return text


def test_references_made_to_come_out_of_one_another_stay():
    assert Entities()(nested(3)) == "p"
    assert Entities()(nested(ROUNDS)) == nested(ROUNDS)


def test_repair_ends_where_its_steps_call_for_one_another():
    def layered(depth):
        return "&#8" * depth + "&#8203;" + "203;" * depth  # each reference is whole once a zero-width space inside it is gone

    assert repair("春" + layered(3)) == "春"
    assert repair(layered(1000)) == layered(1000)


# ---------------------------------------------------------------- slips


def backtracking(shown, true):
    """Say what `certified` says, by a regular expression."""
    pattern, at = b"", 0
    while at < len(shown):
        c = shown[at]
        gloss = TAIL.match(shown, at + 1) if c in LOST else CANDIDATE.match(shown, at + 1)
        data = c.encode("gb18030", "ignore")
        if c in LOST:
            pattern += b"[\\x80-\\xff]" if gloss else b"(?:[\\x80-\\xff]|\xa3\xbf)"
        elif "!" <= c <= "~":
            pattern += b"(?:" + re.escape(data) + b"|" + re.escape(bytes((0xA3, data[0] + 0x80))) + b")"
        else:
            pattern += re.escape(data)
        at = gloss.end() if gloss else at + 1
    return any(re.fullmatch(pattern, t.encode("gb18030", "ignore"), re.DOTALL) for t in (true, true.translate(WIDEN)))


@given(st.text("??!！？弊灾螀^，a自。”\n\ufffd", max_size=8), st.text("?!！？弊自治區。”，aａ\n", max_size=8))
@settings(deadline=None, max_examples=examples(500))
def test_certificates_as_by_a_regular_expression(shown, true):
    assert certified(shown, true) == backtracking(shown, true)


def test_certificates_of_true_runs():
    for shown, true in (("?!弊灾螀^", "。”自治區"), ("?shù)貏趧恿μ貏e", "地勞動力特別"), ("????", "。，"), ("???", "？啊")):
        assert certified(shown, true) == backtracking(shown, true)
    assert certified("?" * 60, "？" * 60)
    assert not certified("?" * 400, "？" * 199 + "\n")


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.lists(st.text("的是在中国新疆經济，。”“a1 \n\ue000", min_size=n, max_size=n), min_size=1, max_size=6)
    )
)
@settings(deadline=None, max_examples=60)
def test_texts_are_scored_together_as_alone(texts):
    model = word_model()
    assert model.scores(texts) == [model.score(text) for text in texts]
    assert model.score(texts[0]) == pytest.approx(by_words(model, texts[0]), abs=1e-9)


def by_words(model, text):
    """Sum over all ways to cut a text into words, one prefix after the other."""
    points = model.indices(text).tolist()
    total = [0.0]
    for stop in range(1, len(points) + 1):
        ways = []
        for length in range(1, min(stop, len(model._words)) + 1):
            key = 0
            for point in points[stop - length : stop]:
                key = key << 16 | point
            words, logs = model._words[length - 1]
            at = min(int(np.searchsorted(words, np.uint64(key))), len(words) - 1)
            if int(words[at]) == key:
                ways.append(total[stop - length] + float(logs[at]))
            elif length == 1:
                ways.append(total[stop - 1] + max(float(model._start[points[stop - 1]]), -17.0))
        total.append(float(np.logaddexp.reduce(ways)))
    marks = [int(m) for m in model._mark[points]]
    return total[-1] + sum(float(model._apart[a, b]) for a, b in pairwise(marks))


@pytest.fixture
def weighed(monkeypatch):
    """Count the texts that are scored."""
    shifted._best.cache_clear()
    counts = []
    scores = WordModel.scores
    monkeypatch.setattr(WordModel, "scores", lambda model, texts: counts.append(len(texts) * len(texts[0])) or scores(model, texts))
    return counts


@pytest.mark.parametrize("unit", ["?！弊：", "?！", "?,弊灾螀^", "??、"])
def test_a_run_again_and_again_is_weighed_once(weighed, unit):
    GbkSlips().edits(unit * 30)
    few = sum(weighed)
    GbkSlips().edits(unit * 600)
    assert sum(weighed) <= 3 * few


def test_a_page_that_asks_for_too_many_readings_stays(weighed, monkeypatch):
    han = "".join(map(chr, range(0x6000, 0x6200)))
    page = "\n".join(f"春?、{han[n]}{han[-n]}" for n in range(1, 400)) + "\n開放的橋頭堡?!弊灾螀^黨委和政府"
    assert [edit.after for edit in GbkSlips().edits(page)] == ["。”自治區"]
    weighed.clear()
    shifted._best.cache_clear()
    monkeypatch.setattr(slip, "EFFORT", 200)
    assert GbkSlips().edits(page) == ()
    assert sum(weighed) <= 100 * 2 * (200 + shifted.LONGEST)


@given(st.text("“”\n春", max_size=30), st.lists(st.integers(0, 30), max_size=6).map(sorted), st.sampled_from(["。”", "春"]))
def test_quotations_are_counted_as_if_from_the_start_of_the_line(text, places, reading):
    quotations = _Quotations(text)
    for at in (p for p in places if p <= len(text)):
        line = text[text.rfind("\n", 0, at) + 1 : at]
        assert quotations.closes(at, reading) == ("”" in reading and line.count("“") > line.count("”"))


# ---------------------------------------------------------------- mojibake, controls, forms


@given(st.text("春天鏂？?\ufffda\n", max_size=20))
def test_runs_that_were_cut_short_are_found_as_from_every_place(text):
    anywhere = re.compile(r"([^\x00-\x7f\ufffd]{3,})[?\ufffd]")
    assert [m.span() for m in CUT_SHORT.finditer(text) if m[2]] == [m.span() for m in anywhere.finditer(text)]


SPANS = (
    st.lists(st.integers(0, 40), unique=True, max_size=12)
    .map(sorted)
    .map(lambda at: [Edit(a, b, "x" * (b - a), "", "r") for a, b in zip(at[::2], at[1::2], strict=False)])
)


@given(SPANS, SPANS)
def test_edits_apart_as_by_comparing_each_with_each(edits, found):
    assert list(_apart(edits, found)) == [e for e in edits if not any(f.start < e.end and e.start < f.end for f in found)]


@given(st.text("aא\n\x0b\x0c\u200f", max_size=20))
def test_lines_with_right_to_left_letters_as_by_cutting_each_out(text):
    line = _Line(text)
    for at in range(len(text)):
        if text[at] not in "\n\x0b\x0c":
            start = max(text.rfind(end, 0, at) for end in "\n\x0b\x0c") + 1
            whole = re.match("[^\n\x0b\x0c]*", text[start:])[0]
            assert line.is_right_to_left(at) == bool(RIGHT_TO_LEFT.search(whole))


def test_marks_of_direction_on_many_lines():
    assert Controls()("a\u200fb\nא\u200f1\x0bc\u200f") == "ab\nא\u200f1\nc"


@given(st.text("a\u0301\u0327\u0323\u0344\u0f73\u0f71\u0f75\u0f81\u1e69\u0345\u1100\u1161\u05b0é", max_size=12), st.integers(1, 30))
def test_forms_are_those_of_unicode_however_many_marks(text, times):
    text *= times
    assert Forms()(text) == unicodedata.normalize("NFC", text)


def test_many_marks_are_sorted_stably():
    marks = "\u0327\u0301\u0f73\u0323" * MARKS
    assert Forms()("e" + marks) == unicodedata.normalize("NFC", "e" + marks)


# ---------------------------------------------------------------- HTML


def test_attributes_beyond_a_bound_are_left_out_wherever_they_stand():
    names = [f"a{n}" for n in range(30 * ATTRIBUTES)]
    for form in ("{}", "{}=1", "{} = '>'", '{}="<b x>"', "{}=<"):
        for between in (" ", "\n") if form[-1] in "1<" else (" ", "/", "\n"):  # a value without quotes holds slashes
            said = between.join(form.format(name) for name in names)
            short = bounded(f"<p>春<p class=x {said}>天</p>")
            assert "a998" in short
            assert "a999" not in short
            assert short.endswith(">天</p>")
    page = read_html("<p>春</p><div class=main " + " ".join(names) + " hidden>天</div>")
    assert page.text == "春\n天"
    assert page.html[1].tokens == ("main",)


def test_formatting_that_never_ends_is_bounded_and_its_text_stays():
    many = "".join(f"<b id={n}><p>春{n}" for n in range(5 * OPEN))
    markup = many + "</b>" * 5 * OPEN + "<i>天</i>" * 4000
    assert bounded(markup).count("<b ") == OPEN
    assert bounded(markup).count("<i>") == 4000
    assert read_html(many * 2).text == "\n".join(f"春{n}" for _ in range(2) for n in range(5 * OPEN))


def test_double_roots_are_bounded():
    markup = "".join(f"<HTML a{n}=1><body b{n}>" for n in range(1000)) + "春" + "<b>" * 1000
    assert len(re.findall("<(?:HTML|body)", bounded(markup))) == ROOTS
    assert read_html(markup).text == "春"


TAGS = [
    "<p class=a>",
    "<b>",
    "</b>",
    "<i id='x'>",
    "</i>",
    "春天",
    "<",
    ">",
    '"',
    "<a href=/x>",
    "</a>",
    "<!-- <b> -->",
    "<script>a<b</script>",
    "&lt;",
]


@given(st.lists(st.sampled_from(TAGS), max_size=40).map("".join), st.integers(1, 30))
@settings(deadline=None)
def test_other_markup_is_left_alone(markup, times):
    markup = f"{markup}</b></i>" * times
    if len(re.findall("<[bi][ >]", markup)) <= OPEN:
        assert bounded(markup) == markup


SHOWN = [
    *(
        "<div>",
        "</div>",
        "<p>",
        "</p>",
        "<q>",
        "</q>",
        "<b>",
        "</b>",
        "<b id=x>",
        "<i>",
        "</i>",
        "<a href=x>",
        "</a>",
        "<h1>",
        "</h1>",
        "<hr>",
    ),
    *("<ul>", "<li>", "</li>", "</ul>", "<ol>", "<dl>", "<dt>", "<dd>", "</dl>", "<button>", "</button>", "<form>", "</form>", "<nobr>"),
    *(
        "<!--</q>-->",
        "<x a='</q>'>",
        "</x>",
        "<ruby>",
        "<section>",
        "</section>",
        "<pre>",
        "</pre>",
        "<font>",
        "</font>",
        "<HTML a>",
        "<body>",
    ),
    *("<script>'<q>'</script>", "<p title='<b>' class=y>", "<p a b=1 c='>' d>", "春", "天", "花", "<"),
]


def depths(markup):
    """Return how deep elements stand in markup that a parser has written, and its text without blanks."""
    depth = deepest = 0
    for end, name in re.findall("<(/?)([a-z0-9]+)", markup := re.sub("<!--.*?-->|(<script>).*?(?=</script>)", r"\1", markup)):
        if name not in ("hr", "br", "input"):
            depth += -1 if end else 1
            deepest = max(deepest, depth)
    return deepest, re.sub(r"\s", "", re.sub("<[^>]*>", "", re.sub('="[^"]*"', "", markup)))


@given(st.lists(st.sampled_from(SHOWN), max_size=60).map("".join))
@settings(deadline=None, max_examples=examples(400))
def test_bounded_markup_shows_the_same_text(markup):
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in {"SHORT": 0, "STEPS": -1, "COPIES": -1, "DEEPEST": 6, "OPEN": 2, "ROOTS": 2, "DENSE": -1}.items():
            patch.setattr(bounds, name, bound)
        short = bounded(markup)
    assert depths(canonical(short))[1] == depths(canonical(markup))[1]


@given(st.lists(st.sampled_from(SHOWN), max_size=60).map("".join), st.integers(1, 20))
@settings(deadline=None, max_examples=examples(600))
def test_elements_are_nested_to_a_depth(markup, times):
    short = cut(markup * times, deepest=20, formatting=4)
    # Above those: html, body, a row and a group of rows for each cell, formatting elements anew
    assert depths(canonical(short))[0] <= 2 + 2 * 20 + 4


FOREIGN_AND_LISTS = [
    f"<{slash}{name}{closed}>"
    for name in (
        *(
            "select",
            "option",
            "optgroup",
            "svg",
            "math",
            "table",
            "td",
            "tr",
            "desc",
            "mi",
            "foreignobject",
            "title",
            "g",
            "p",
            "b",
            "q",
            "div",
        ),
        *(
            "body",
            "html",
            "form",
            "ruby",
            "rt",
            "rp",
            "hr",
            "input",
            "button",
            "style",
            "font",
            "font color=a",
            "annotation-xml",
            "main",
            "template",
        ),
        *("annotation-xml encoding='text/html'", "annotation-xml encoding=text&#47;html"),
    )
    for slash, closed in (("", ""), ("/", ""), ("", "/"))
]


def depth_of(markup):
    """Return how deep the elements of a document stand, as its parser sees it."""
    node, depth, deepest = HTMLTree.parse(markup).document, 0, 0
    while node:
        if node.first_child:
            node, depth = node.first_child, depth + 1
            deepest = max(deepest, depth)
            continue
        while node and not node.next:
            node, depth = node.parent, depth - 1
        node = node and node.next
    return deepest


@given(st.lists(st.sampled_from(FOREIGN_AND_LISTS), max_size=3), st.lists(st.sampled_from(FOREIGN_AND_LISTS), min_size=1, max_size=7))
@settings(deadline=None, max_examples=examples(300))
def test_lists_of_options_images_formulas_and_frames_are_nested_to_a_depth(before, unit):
    assert depth_of(cut("".join(before) + "".join(unit) * 120, deepest=20, formatting=4)) <= 2 + 2 * 20 + 4


@pytest.mark.parametrize(
    "unit",
    [
        "<svg></mi></svg></svg><svg/><math><math>",  # 802 deep where 64 was the bound
        "</table></math><svg/><foreignobject/><foreignobject/><foreignobject>",
        "<p><svg/><svg/><object/><object><object><object>",
        "<ruby><rt/><p></rt><p>",
        "<svg><br/></br><span><svg><svg>",
        "<svg a=b/><desc><q></svg>",
        "<svg/><form><rp/><form><svg><rp><form>",  # the line break for a form that is left out ended the image
        "<select><select><table><td><select><svg><desc><select>",
        "<select><option><div><option><svg><g><option>",
        "<math><annotation-xml encoding=text&#47;html><p></math>",
    ],
)
def test_what_seemed_to_close_elements_is_nested_to_a_depth(unit):
    assert depth_of(cut(unit * 400, deepest=64, formatting=16)) <= 2 + 2 * 64 + 16


def test_sets_of_frames_are_bounded():
    for unit in ("<frameset><style>", "<frameset/><frameset></frameset><dd>", "<svg><p></svg><frameset>"):
        assert depth_of(bounded(unit * 9000)) < 2 * DEEPEST


def test_elements_that_close_one_another_are_as_they_were():
    for unit in ("<li>春", "<p>春", "<dt>春<dd>天", "<option>春", "<a href=x>春<p>", "<h1>春", "<div><form></div>", "<button>春"):
        assert cut(unit * 1900, deepest=DEEPEST, formatting=OPEN) == unit * 1900
    for unit in ("<tr><td>春", "<td>春", "<tbody><tr><th>春", "<td><p>春<li>天"):
        assert cut("<table>" + unit * 9000, deepest=DEEPEST, formatting=OPEN) == "<table>" + unit * 9000
    icon = "<p><svg><path d=x /><g><path/></g><title>x</title><style>a</style></svg></p>"
    assert cut(icon * 9000, deepest=DEEPEST, formatting=OPEN) == icon * 9000


def test_lines_beyond_the_depth_stay_lines():
    markup = "".join(f"<div>春{n}" for n in range(9000))
    assert read_html(markup).text == "\n".join(f"春{n}" for n in range(9000))


def test_paths_have_a_longest():
    name = "x" * 100
    page = read_html(f"<div class='{name} {name[1:]}'>" * 90 + "<p>春<p>天")
    assert page.text == "春\n天"
    assert all(len(block.path) < PATH_CHARS + 400 for block in page.html)


# ---------------------------------------------------------------- chrome


@pytest.mark.parametrize("depth", [0, 1, MOST_BRACKETS, MOST_BRACKETS + 1, 60])
def test_brackets_are_looked_behind_to_a_depth(depth):
    line = "【" * depth + "责任编辑: 李娜" + "】" * depth
    a, b = unwrap(line)
    assert line[a:b] == (line[MOST_BRACKETS : len(line) - MOST_BRACKETS] if depth > MOST_BRACKETS else "责任编辑: 李娜")
    core = Tables(load_pack("zh-web-rules")).look(Rows.of([line])).core
    assert core.tolist() == [[a, b]]


# ---------------------------------------------------------------- removal


def whole_sentences(text, start, end, previous, following):
    """Return what `_sentences` does, looking for both ends of the line from every passage."""
    kinds, points = removal._kinds(), code_points(text)
    of, stop, ends_sentence = removal._is.python, removal._stop.python, removal._ends_sentence.python
    line = text.rfind("\n", 0, start) + 1
    begins = line if previous <= line else start
    while begins > line and of(points[begins - 1], removal.OPENS, kinds):
        begins -= 1
    if begins > line and not ends_sentence(points, line, begins, kinds):
        begins = stop(points, start, end, kinds)
        if begins < 0:
            return start, start
    stops = text.find("\n", end) if "\n" in text[end:] else len(text)
    if following < stops:
        stops = end
    while stops < len(text) and of(points[stops], removal.TAILS, kinds):
        stops += 1
    if stops < len(text) and text[stops] != "\n" and not ends_sentence(points, begins, stops, kinds):
        last, at = begins, stop(points, begins, stops, kinds)
        while at >= 0:
            last, at = at, stop(points, at, stops, kinds)
        stops = last
    if (begins == 0 or text[begins - 1] == "\n") and stops < len(text) and text[stops] == "\n":
        stops += 1
    elif stops == len(text) and begins > 0 and text[begins - 1] == "\n":
        begins -= 1
    return begins, stops


@given(st.text("春天花开了，。.“”（） ·…\n", min_size=1, max_size=120), st.randoms(use_true_random=False), st.sampled_from([1, 5, 60]))
@settings(deadline=None, max_examples=examples(300))
def test_sentences_as_if_the_whole_line_were_read(text, chance, times):
    text = "".join(c * (times if c in "·…“ " and chance.random() < 0.2 else 1) for c in text)
    letters = [at for at, c in enumerate(text) if c in "春天花开了"]
    if letters:
        first, last = sorted((chance.randrange(len(letters)), chance.randrange(len(letters))))
        start, end = letters[first], letters[last] + 1
        previous = letters[first - 1] + 1 if first else 0
        following = letters[last + 1] if last + 1 < len(letters) else removal.ENDLESS
        one = [np.array([n]) for n in (0, start, end, previous, following)]
        found = removal._sentences.python(code_points(text), np.array([0, len(text)]), *one, removal._kinds())
        assert tuple(int(at[0]) for at in found) == whole_sentences(text, start, end, previous, following)


# ---------------------------------------------------------------- the report


@given(st.text("ab", max_size=12), st.text("ab", max_size=12))
def test_pieces_are_the_texts_and_say_what_both_have(a, b):
    left, right = pieces(a, b)
    assert "".join(text for _, text in left) == a
    assert "".join(text for _, text in right) == b
    assert [text for same, text in left if same] == [text for same, text in right if same]
    assert all(text for _, text in left + right)


def test_texts_that_repeat_themselves_are_hardly_compared(monkeypatch):
    compared = []
    matcher = difflib.SequenceMatcher
    monkeypatch.setattr(
        difflib, "SequenceMatcher", lambda _, a, b, autojunk: compared.append(len(a) * len(b)) or matcher(None, a, b, autojunk)
    )
    assert pieces("春" * 900, "春" * 700 + "天") == ([(True, "春" * 700), (False, "春" * 200)], [(True, "春" * 700), (False, "天")])
    assert pieces("首页" * 450, "首页" * 400) == ([(True, "首页" * 400), (False, "首页" * 50)], [(True, "首页" * 400)])
    assert compared == [200, 0]
