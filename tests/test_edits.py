"""Edits: apply, revert, compose, map. The laws that everything else stands on."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleantext.changes import Changes, EditColumns, Ragged, to_original
from cleantext.edits import Edit, OffsetMap, apply, compose, revert, trimmed
from cleantext.errors import EditError
from cleantext.testing import edited, web_text


@st.composite
def two_steps(draw):
    text, first = draw(edited())
    _, then = draw(edited(apply(text, first)))
    return text, first, then


@st.composite
def three_steps(draw):
    text, first, then = draw(two_steps())
    _, last = draw(edited(apply(apply(text, first), then)))
    return text, first, then, last


@given(edited())
def test_revert_takes_apply_back(case):
    text, edits = case
    assert revert(apply(text, edits), edits) == text


@given(two_steps())
@example(("abc", [Edit(1, 2, "b", "", "a.one")], [Edit(0, 2, "ac", "x", "a.two")]))
@example(("ab", [Edit(0, 1, "a", "xy", "a.one")], [Edit(0, 2, "xy", "a", "a.two")]))
@example(("_abcd", [Edit(1, 2, "a", "AA", "a.one"), Edit(3, 4, "c", "CC", "a.one")], [Edit(2, 5, "AbC", "z", "a.two")]))
def test_composed_edits_do_both_steps(case):
    text, first, then = case
    both = compose(first, then)
    assert apply(text, both) == apply(apply(text, first), then)
    assert revert(apply(text, both), both) == text


@given(three_steps())
def test_composition_is_associative_in_effect(case):
    text, a, b, c = case
    assert apply(text, compose(compose(a, b), c)) == apply(text, compose(a, compose(b, c)))


@given(two_steps())
def test_composed_edits_name_every_rule_that_made_them(case):
    _, first, then = case
    known = {e.rule for e in (*first, *then)}
    composed = compose(first, then)
    for edit in composed:
        assert set(edit.rules) <= known
    for step in first:  # an edit whose place still changes is named there
        for edit in composed:
            if edit.start < step.end and step.start < edit.end:
                assert step.rule in edit.rules


@pytest.mark.parametrize(
    ("first", "then", "both"),
    [
        ([(2, 3, "c", "x", "a.one")], [(0, 2, "ab", "y", "a.two")], [(0, 2, "ab", "y", "a.two"), (2, 3, "c", "x", "a.one")]),
        ([(0, 2, "ab", "y", "a.one")], [(1, 2, "c", "z", "a.two")], [(0, 2, "ab", "y", "a.one"), (2, 3, "c", "z", "a.two")]),
        (
            [(0, 1, "a", "b", "a.one")],
            [(0, 1, "b", "c", "a.two"), (1, 2, "x", "y", "a.two")],
            [(0, 1, "a", "c", "a.one+a.two"), (1, 2, "x", "y", "a.two")],
        ),
        (
            [(0, 1, "a", "b", "a.one"), (1, 2, "x", "y", "a.one")],
            [(0, 1, "b", "c", "a.two")],
            [(0, 1, "a", "c", "a.one+a.two"), (1, 2, "x", "y", "a.one")],
        ),
    ],
)
def test_edits_that_only_touch_stay_apart(first, then, both):
    assert compose([Edit(*e) for e in first], [Edit(*e) for e in then]) == tuple(Edit(*e) for e in both)


@given(edited())
def test_nothing_composes_to_itself(case):
    _, edits = case
    assert compose(edits, []) == tuple(edits) == compose([], edits)


@given(two_steps())
def test_spans_map_out_and_back(case):
    text, first, then = case
    edits = compose(first, then)
    out, carried = apply(text, edits), OffsetMap(edits)
    touched = {i for e in edits for i in range(e.start, e.end)}
    for start in range(len(out)):
        for end in range(start + 1, len(out) + 1):
            a, b = carried.to_original(start, end)
            assert 0 <= a < b <= len(text)  # no span collapses
            low, high = carried.to_cleaned(a, b)
            assert low <= start
            assert end <= high
    for at in set(range(len(text))) - touched:  # an unchanged character maps to itself
        low, high = carried.to_cleaned(at, at + 1)
        assert out[low:high] == text[at]
        assert carried.to_original(low, high) == (at, at + 1)


@given(st.lists(edited(), min_size=1, max_size=4), st.data())
def test_columns_map_spans_as_offset_maps_do(cases, data):
    columns = Changes(dict(enumerate(edits for _, edits in cases))).columns
    spans = []
    for page, (text, edits) in enumerate(cases):
        out = apply(text, edits)
        for _ in range(3 if out else 0):
            start = data.draw(st.integers(0, len(out) - 1))
            spans.append((page, start, data.draw(st.integers(start + 1, len(out)))))
    if not spans:
        return
    import numpy as np

    page, start, end = np.array(sorted(spans), np.int32).T
    got = to_original(columns, page, start, end)
    expected = [OffsetMap(cases[p][1]).to_original(s, e) for p, s, e in sorted(spans)]
    assert list(zip(*(x.tolist() for x in got), strict=True)) == expected


@given(st.lists(edited(), max_size=4))
def test_rows_and_columns_say_the_same(cases):
    by_page = {n: edits for n, (_, edits) in enumerate(cases)}
    columns = Changes(by_page).columns
    assert isinstance(columns, EditColumns)
    for n, edits in by_page.items():
        assert columns.rows(n) == tuple(edits)
        assert Changes({}, columns).edits(n) == tuple(edits)
    table = columns.arrow()
    assert table.num_rows == sum(map(len, by_page.values()))
    assert table["after"].to_pylist() == [e.after for n in by_page for e in by_page[n]]


@given(st.lists(st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=6), max_size=6))
def test_ragged_keeps_every_string(strings):
    ragged = Ragged.of(strings)
    assert ragged.strings() == strings
    assert ragged.arrow().to_pylist() == [
        "".join("\N{REPLACEMENT CHARACTER}" if 0xD800 <= ord(c) <= 0xDFFF else c for c in s) for s in strings
    ]


@given(web_text(max_size=8).filter(bool), web_text(max_size=8), st.integers(0, 5))
def test_trimmed_edit_gives_the_new_text(before, after, start):
    edits = trimmed(start, before, after, "a.rule")
    assert apply("字" * start + before, edits) == "字" * start + after
    assert len(edits) == (before != after)


@given(web_text(max_size=8).filter(bool), web_text(max_size=8), web_text(max_size=8))
def test_trimmed_edit_has_nothing_in_common_at_its_ends(before, after, around):
    """But for an insertion, which takes one neighbour with it."""
    for edit in trimmed(3, around + before + around, around + after + around, "a.rule"):
        inserted = len(edit.before) == 1 and len(edit.after) > 1
        assert inserted or not edit.after or (edit.before[0] != edit.after[0] and edit.before[-1] != edit.after[-1])


@pytest.mark.parametrize(
    ("before", "after", "edit"),
    [
        ("ab", "axb", (3, 4, "a", "ax")),  # the neighbour before
        ("b", "xb", (3, 4, "b", "xb")),  # there is none before
        ("a", "ax", (3, 4, "a", "ax")),
        ("aa", "a", (4, 5, "a", "")),
        ("abcb", "ab", (5, 7, "cb", "")),
    ],
)
def test_where_a_trimmed_edit_stands(before, after, edit):
    assert trimmed(3, before, after, "a.rule") == [Edit(*edit, "a.rule")]


@given(edited(), st.data())
def test_an_empty_span_maps_to_an_empty_span(case, data):
    text, edits = case
    out, carried = apply(text, edits), OffsetMap(edits)
    for length, to, size in ((len(out), carried.to_original, len(text)), (len(text), carried.to_cleaned, len(out))):
        at = data.draw(st.integers(0, length))
        low, high = to(at, at)
        assert 0 <= low == high <= size


@pytest.mark.parametrize(
    ("text", "edits", "says"),
    [
        ("abc", [Edit(1, 1, "", "x", "a.b")], "is empty"),
        ("abc", [Edit(0, 2, "ab", "", "a.b"), Edit(1, 3, "bc", "", "a.b")], "starts before"),
        ("abc", [Edit(2, 5, "c", "", "a.b"), Edit(0, 1, "a", "", "a.b")], "starts before"),
        ("abc", [Edit(0, 1, "b", "", "a.b")], "does not fit"),
        ("abc", [Edit(2, 5, "cde", "", "a.b")], "does not fit"),
    ],
)
def test_edits_that_do_not_fit_are_refused(text, edits, says):
    with pytest.raises(EditError, match=says):
        apply(text, edits)


def test_insertions_are_refused_where_they_would_be_made():
    with pytest.raises(EditError, match="give a neighbour"):
        trimmed(0, "", "x", "a.b")


def test_composed_edits_of_equal_length_are_not_taken_for_conversions():
    both = compose([Edit(0, 3, "发布时", "x", "a.one")], [Edit(0, 1, "x", "甲乙丙", "a.two")])
    assert OffsetMap(both).to_cleaned(0, 1) == (0, 3)
    assert OffsetMap([Edit(0, 3, "發佈時", "发布时", "a.one")]).to_cleaned(0, 1) == (0, 1)
    assert OffsetMap([Edit(0, 2, "發佈", "发布", "a.one"), Edit(4, 6, "時間", "时间", "a.one")]).to_cleaned(4, 5) == (4, 5)


def test_columns_apply_without_texts():
    columns = Changes({0: [Edit(0, 1, "a", "b", "x.y")]}).columns
    assert Changes({}, columns).apply(0, "abc") == "bbc"


def test_revert_refuses_another_text():
    with pytest.raises(EditError, match="was not applied"):
        revert("abc", [Edit(0, 1, "x", "y", "a.b")])


def test_spans_may_not_end_before_they_start():
    with pytest.raises(EditError, match="may not end"):
        OffsetMap([]).to_original(3, 2)


@pytest.mark.parametrize(
    "edit", [(1, 2), None, 5, "abcdef", (1, 2, "甲"), ("1", 2, "甲", "", "x.y"), (0, 1, "甲", None, "x.y"), (0.0, 1, "甲", "", "x.y")]
)
def test_what_is_no_edit_is_told(edit):
    for act in (apply, revert):
        with pytest.raises(EditError, match=r"is no edit: give Edit\(start, end, before, after, rule\)"):
            act("甲乙丙", [edit])
    for act in (lambda: compose([edit], []), lambda: compose([], [edit]), lambda: OffsetMap([edit])):
        with pytest.raises(EditError, match="is no edit"):
            act()


@pytest.mark.parametrize("edits", [None, 5])
def test_edits_are_many(edits):
    for act in (lambda: apply("甲", edits), lambda: revert("甲", edits), lambda: compose(edits, []), lambda: OffsetMap(edits)):
        with pytest.raises(TypeError, match=r"expected edits, a list of cleantext.Edit, got"):
            act()
    for act in (apply, revert):
        with pytest.raises(TypeError, match="decode bytes first"):
            act(b"", [])
