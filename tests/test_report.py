"""The report: a sum that does not mind order, numbers that mean something, pages that show it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cleantext.changes import Changes
from cleantext.cli import main
from cleantext.edits import Edit
from cleantext.errors import InputError
from cleantext.report.page import pieces, render, shortened
from cleantext.report.tally import OUTCOMES, SAMPLES, Report, total

EDIT = st.builds(
    Edit, st.just(0), st.just(1), st.sampled_from("甲乙"), st.sampled_from(["", "丙丁"]), st.sampled_from(["meta.date", "space.odd"])
)


@st.composite
def reports(draw):
    report = Report(bytes_in=draw(st.integers(0, 9)), chars_in=draw(st.integers(0, 9)), changed=draw(st.integers(0, 2)))
    for page in draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3)):
        report.outcomes[draw(st.sampled_from(OUTCOMES[:3]))] += 1
        edits = draw(st.lists(EDIT, max_size=8))
        rows = [e._replace(start=n, end=n + 1) for n, e in enumerate(edits)]
        report.count(draw(st.sampled_from(["chrome.lines", "normalize.spaces"])), [page], Changes({0: rows}).columns)
    for page in draw(st.lists(st.sampled_from(["x", "y"]), max_size=2)):
        report.fail(page, f"{page}: broken")
    return report


@given(reports(), reports(), reports())
def test_reports_are_a_commutative_monoid(a, b, c):
    assert (a + b) + c == a + (b + c) == c + b + a
    assert a + Report() == Report() + a == total([a])


@given(reports())
def test_json_and_back(report):
    assert Report.from_json(report.to_json()).to_json() == report.to_json()
    assert all(len(t.samples) <= SAMPLES for t in report.rules.values())


def test_counts_are_those_of_the_rows():
    rows = {0: [Edit(0, 2, "甲乙", "", "a.b"), Edit(3, 4, "丙", "丁戊", "c.d")], 1: [Edit(0, 1, "己", "", "a.b")]}
    report = Report()
    report.count("chrome.lines", ["one", "two"], Changes(rows).columns)
    tally = report.rules["a.b"]
    assert (tally.edits, tally.removed, tally.added, tally.pages, tally.step) == (2, 3, 0, 2, "chrome.lines")
    assert tally.samples == [("one", 0, "甲乙", ""), ("two", 0, "己", "")]
    assert isinstance(tally.removed, int)
    assert not isinstance(tally.removed, np.generic)


def test_another_schema_is_refused():
    with pytest.raises(InputError, match="schema"):
        Report.from_json({})


def test_page_shows_everything_and_escapes_it():
    report = Report(settings={"pipeline": "zh-web", "fingerprint": "f", "cleantext": "0"})
    report.count("chrome.lines", ["<p>"], Changes({0: [Edit(0, 8, "<script>", "", "a.b")]}).columns)
    report.fail("bad", "bad: is binary data")
    page = render(report)
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "is binary data" in page


@given(st.text("甲乙丙", max_size=12), st.text("甲乙丙", max_size=12), st.integers(0, 12))
def test_pieces_are_the_texts(a, b, longest):
    left, right = pieces(a, b)
    assert ("".join(t for _, t in left), "".join(t for _, t in right)) == (a, b)
    assert [t for same, t in left if same] == [t for same, t in right if same]
    assert "".join(t for _, t in shortened(left, longest)) == a[:longest]


WHOLE = Report(bytes_in=3, settings={"cleantext": "1", "pipeline": "mine", "fingerprint": "0"}).to_json()
BROKEN = [{**WHOLE, name: value} for name in WHOLE for value in (None, 5, "x", [1], {"a": 1})] + [
    {k: v for k, v in WHOLE.items() if k != name} for name in WHOLE
]


@pytest.mark.parametrize(
    "data", [b"", b"x", b"[]", b"5", b"null", b'"x"', b"{}", b'{"schema": 2}', b"\xff\xfe{", b"[" * 9999, b'{"schema": 1}']
)
def test_a_broken_report_is_refused_with_what_to_do(tmp_path, data):
    (tmp_path / "report.json").write_bytes(data)
    result = CliRunner().invoke(main, ["report", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 2
    assert f"{tmp_path / 'report.json'}: " in result.stderr
    assert "run `cleantext clean` again" in result.stderr
    assert not (tmp_path / "report.html").exists()


def test_any_other_json_is_a_report_or_refused(tmp_path):
    for data in (WHOLE, *BROKEN):
        (tmp_path / "report.json").write_text(json.dumps(data), "utf-8")
        result = CliRunner().invoke(main, ["report", str(tmp_path)], catch_exceptions=False)
        assert result.exit_code == 0 if data == WHOLE else result.exit_code in (0, 2), data
