"""Rows of rules that act on nothing are refused, with what to write instead."""

import pytest

from cleantext.chrome.rules.load_packs import load_pack, pack_names
from cleantext.errors import RuleError

LINE = 'id = "mine.slogan"\ncategory = "C19"\nanchors = ["口号"]\nmatch = ".{0,4}口号.{0,6}"\nhit = ["本站口号"]\nmiss = ["他喊着口号走过整条街,人们纷纷驻足。"]\n'
LABEL = 'id = "mine.editor"\ncategory = "C03"\nwords = ["本期统筹"]\nvalue = "names"\nhit = ["本期统筹:王小明"]\nmiss = ["本期统筹的事情很多,大家都很忙。"]\n'
WORDS = 'id = "mine.words"\ncategory = "C05"\nwords = ["点个大赞"]\nhit = ["点个大赞"]\nmiss = ["他说点个大赞吧,于是大家都笑了。"]\n'


def pack(tmp_path, text, *others):
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    return load_pack(*others, str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("others", [(), ("zh-web-rules",)], ids=str)
def test_a_row_that_switches_nothing_off_is_refused(tmp_path, others):
    with pytest.raises(RuleError, match=r"mine\.toml:2 .*switches nothing off.*did you mean 'meta.editor'"):
        pack(tmp_path, '[[label]]\nid = "meta.editr"\ndisabled = true\n', *others)
    with pytest.raises(RuleError, match="`match` does nothing: give `id` and `disabled` alone"):
        pack(tmp_path, '[[line]]\nid = "meta.editor"\ndisabled = true\nmatch = "x"\n', *others)
    loaded = pack(tmp_path, '[[label]]\nid = "meta.editor"\ndisabled = true\nwhy = "kept here"\n', *others)
    assert "meta.editor" not in loaded.by_id


def test_two_packs_may_switch_one_rule_off(tmp_path):
    text = '[[label]]\nid = "meta.editor"\ndisabled = true\n'
    (tmp_path / "other.toml").write_text(text, "utf-8")
    assert "meta.editor" not in pack(tmp_path, text, "zh-web-rules", str(tmp_path / "other.toml")).by_id


@pytest.mark.parametrize(
    ("kind", "row", "field", "instead"),
    [
        ("line", LINE, 'row = "甲"', r"\[\[block\]\]"),
        ("line", LINE, 'words = ["甲"]', r"\[\[words\]\], \[\[label\]\]"),
        ("line", LINE, "least = 2", r"\[\[block\]\], \[\[enclosed\]\]"),
        ("span", LINE, 'zones = ["head"]', r"\[\[line\]\]"),
        ("label", LABEL, 'match = "甲"', r"\[\[line\]\]"),
        ("label", LABEL, 'anchors = ["甲"]', r"\[\[line\]\]"),
        ("words", WORDS, 'unless = "甲"', r"\[\[line\]\]"),
        ("words", WORDS, 'salvage = "author"', r"\[\[line\]\]"),
        ("line", LINE, 'strength = "A"\nzones = ["head"]', "acts anywhere"),
    ],
)
def test_fields_that_do_nothing_are_refused(tmp_path, kind, row, field, instead):
    pack(tmp_path, f"[[{kind}]]\n{row}") if kind != "span" else None
    with pytest.raises(RuleError, match=f"does nothing.*{instead}|{instead}.*does nothing"):
        pack(tmp_path, f"[[{kind}]]\n{row}{field}\n")


def test_words_that_others_own_are_refused(tmp_path):
    shipped = load_pack("zh-web-rules")
    owner = next(r for r in shipped.rules if r.kind == "words" and r.strength == "A")
    row = WORDS.replace("点个大赞", owner.words[0])
    with pytest.raises(RuleError, match="all its words belong to"):
        pack(tmp_path, f"[[words]]\n{row}", "zh-web-rules")
    assert "mine.words" in pack(tmp_path, f"[[words]]\n{WORDS}", "zh-web-rules").by_id


def test_rows_that_come_with_cleantext_hold_no_idle_field():
    for name in pack_names():
        assert load_pack(name).rules
