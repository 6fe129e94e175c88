"""`python -m tests.cases` tells what a rule does to the made-up pages: judged on rules that are known to be bad, good and idle."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def judging():
    sys.path.insert(0, str(ROOT))
    try:
        from tests.cases import __main__ as judging
    finally:
        sys.path.pop(0)
    return judging


@pytest.fixture
def few(judging, monkeypatch):
    """Judge four pages of text, a song, and a column in HTML."""
    known = list(judging.cases())
    few = [*known[:4], *(case for case in known if case.name.startswith(("html 47", "html 54")))]
    monkeypatch.setattr(judging, "cases", lambda: iter(few))
    return few


def rule(line):
    return f'[[line]]\nid = "mine.x"\ncategory = "C19"\nstrength = "A"\nanchors = ["{line}"]\nmatch = "{line}"\nhit = ["{line}"]\nmiss = ["他们"]\n'


def test_a_rule_that_takes_text_is_told(judging, few, tmp_path, capsys):
    line = "我把你的名字写在车窗"
    (tmp_path / "bad.toml").write_text(rule(line), "utf-8")
    assert judging.main(["--rules", str(tmp_path / "bad.toml")]) == 1
    out = capsys.readouterr().out
    assert f"TEXT LOST   {few[4].name}: {line}" in out
    assert out.endswith("1 lines of text are lost that were not before\n")


def test_a_rule_that_does_nothing_changes_nothing(judging, few, tmp_path, capsys):
    (tmp_path / "idle.toml").write_text(rule("这一行没有人写过"), "utf-8")
    assert judging.main(["--rules", str(tmp_path / "idle.toml"), "--save", str(tmp_path / "saved.json")]) == 0
    assert capsys.readouterr().out.endswith("0 lines fare otherwise, 0 lines of text are lost that were not before\n")
    assert judging.main(["--against", str(tmp_path / "saved.json")]) == 0


def test_lines_are_judged_by_what_a_reader_would_keep(judging):
    case = judging.Case("text: x", judging.Page("首页\n渡口 的书店\n好书(图)\n选读"), ["渡口的书店", "好书"], ["选读"])
    verdict = judging.judge(case, case.page.text)
    assert (dict(verdict.had), dict(verdict.left), dict(verdict.lost)) == ({"首页": 1}, {"首页": 1}, {})
    assert dict(judging.judge(case, "好书").lost) == {"渡口的书店": 1}
    assert not judging.judge(case, "渡口的书店\n好书").left


KNOWN = json.loads((ROOT / "tests" / "cases" / "known-failures.json").read_text("utf-8"))


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case["label"])
def test_known_failures_still_fail(case):
    """A case that passes leaves the list, and becomes a case of its stage."""
    import cleantext as ct

    assert case["expect"] == "fail"
    made = ct.unify_script(case["original"], to=case["to"]) if case["stage"] == "script" else ct.strip_chrome(case["original"])
    assert made != case["fixed"], "it passes now: move it to the cases of its stage"
    assert made == case["now"], "it fails otherwise than it did: look at it"
