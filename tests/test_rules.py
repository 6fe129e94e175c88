"""Rule packs: what the loader refuses, and with which words; the samples; how packs are merged."""

import re
from pathlib import Path

import pytest

import cleantext.chrome
import cleantext.chrome.rules.row_fields
from cleantext.chrome import StripChrome
from cleantext.chrome.hosts.profiles import HostProfile
from cleantext.chrome.lines.findings import collect
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import CATEGORIES, Pack, unwrap
from cleantext.chrome.rules.row_checks import check
from cleantext.chrome.rules.toml_rows import read_rows
from cleantext.errors import ConfigError, RuleError
from cleantext.fold import view
from cleantext.html import read_html
from cleantext.pipeline import Pipeline

FILES = sorted((Path(cleantext.chrome.__file__).parent / "packs" / "zh-web-rules").glob("*.toml"))
PACK = load_pack("zh-web-rules")
BODY = "昨夜，清河上游下了一场大雨，今晨水位涨了半米。"

GOOD = {
    "line": """[[line]]
id = "my.slogan"
category = "C19"
anchors = ["口号"]
match = '.{0,4}口号.{0,6}'
hit = ["本站口号"]
miss = ["他喊着口号走过整条街,人们纷纷驻足。"]
""",
    "words": """[[words]]
id = "my.tools"
category = "C04"
words = ["我的工具", "阅读助手"]
hit = ["我的工具 | 阅读助手"]
miss = ["阅读助手上线了。"]
""",
    "label": """[[label]]
id = "my.label"
category = "C02"
value = "names"
words = ["誊写"]
hit = ["誊写：石青"]
miss = ["誊写：每天三百字，写完才许出门。"]
""",
    "block": """[[block]]
id = "my.block"
category = "C07"
anchors = ["往期目录"]
match = '往期目录'
row = '第\\d+期 .{2,20}'
least = 2
hit = ["往期目录\\n第12期 渡口"]
miss = ["往期目录见封底"]
""",
}

# What is changed in a good row, and what the refusal has to say.
FAULTS = [
    ("line", 'hit = ["本站口号"]', "", "give samples"),
    ("line", 'miss = ["他喊着口号走过整条街,人们纷纷驻足。"]', "", "give samples"),
    ("line", 'hit = ["本站口号"]', 'hit = ["本站标语"]', "'本站标语' does not match"),
    ("line", 'miss = ["他喊着口号走过整条街,人们纷纷驻足。"]', 'miss = ["旧口号"]', "'旧口号' matches"),
    ("line", "'.{0,4}口号.{0,6}'", "'(?:口号)?'", "matches the empty line"),
    ("line", "'.{0,4}口号.{0,6}'", "'口号(?:甲|甲甲)*'", "in more and more ways"),
    ("line", "'.{0,4}口号.{0,6}'", "'(口号'", "no regular expression"),
    ("line", "'.{0,4}口号.{0,6}'", "'.{0,4}(?:口号|标语).{0,6}'", "where none of the anchors stands"),
    ("line", "'.{0,4}口号.{0,6}'", "'口号<DATUM>'", "<DATUM>"),
    ("line", 'anchors = ["口号"]', "", "give `anchors`"),
    ("line", 'anchors = ["口号"]', 'anchors = "口号"', "list of strings"),
    ("line", 'anchors = ["口号"]', 'anchors = [""]', "none of them empty"),
    ("line", 'anchors = ["口号"]', 'anker = ["口号"]', "no field 'anker'"),
    ("line", "[[line]]", "[[lines]]", "no kind of rule"),
    ("line", "[[line]]", "[line]", "write [[line]]"),
    ("line", "[[line]]", "[[line]", "not valid TOML"),
    ("line", 'category = "C19"', 'category = "C23"', "C01 to C22"),
    ("line", 'category = "C19"', 'category = "C19"\nstrength = "D"', "strength is one of A, B, C"),
    ("line", 'category = "C19"', 'category = "C19"\nzones = ["top"]', "zones are of head, tail, body"),
    ("line", '"my.slogan"', '"slogan"', "lower-case words joined by dots"),
    ("line", '"my.slogan"', '"my.slo+gan"', "lower-case words joined by dots"),
    ("words", 'words = ["我的工具", "阅读助手"]', "", "give `words`"),
    ("words", 'hit = ["我的工具 | 阅读助手"]', 'hit = ["我的工具 | 别的"]', "does not match"),
    ("label", 'value = "names"', 'value = "name"', "unknown value shape 'name'"),
    ("label", 'hit = ["誊写：石青"]', 'hit = ["誊写：石青说，明天再来。"]', "does not match"),
    ("block", "row = '第\\d+期 .{2,20}'", "", "give `row`"),
    ("block", "第12期 渡口", "渡口", "does not match"),
]


def pack_of(tmp_path, *rows, name="mine.toml"):
    path = tmp_path / name
    path.write_text("\n".join(rows), "utf-8")
    return str(path)


@pytest.mark.parametrize("how", ["phrases", "row", "pattern", "option"])
def test_what_is_to_be_kept_no_rule_takes(how, tmp_path):
    text = "喀什的春天\n文字放大 文字缩小\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。\n責任編輯：石青\n版权所有 某某网"
    row = '[[keep]]\nid = "my.editor"\n'
    rows = {
        "phrases": 'keep = ["责任编辑"]\n',
        "row": f'{row}words = ["責任編輯"]\n',
        "pattern": f'{row}match = \'编辑.{{0,3}}石\'\nhit = ["責任編輯：石青"]\nmiss = ["编辑：李"]\n',
    }
    zh = Pipeline.load("zh-web")
    pipeline = zh.keeping("责任编辑") if how == "option" else zh.with_rules(pack_of(tmp_path, rows[how]))
    assert pipeline(text) == "喀什的春天\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。\n责任编辑：石青"
    assert pipeline.fingerprint != zh.fingerprint
    body = "<p>今年三月，喀什古城的杏花开了，游客比往年多了一倍。巷子里支起了馕坑，香味飘出去很远。</p>" * 2
    page = read_html(f"<title>喀什</title><h1>喀什</h1><div>{body}</div><div class=foot>責任編輯：石青</div><div class=foot>版权所有</div>")
    assert pipeline.fast([page])[0].text.endswith("很远。\n责任编辑：石青")
    assert pipeline.trace([page]).pages[0].text == pipeline.fast([page])[0].text


def test_what_keeps_nothing_certain_is_refused(tmp_path):
    for row, says in (
        ('match = "(a+)+b"', "more and more ways"),
        ("", "give `match`, or `words`"),
        ('words = ["甲"]\nzones = ["head"]', "does nothing in"),
    ):
        with pytest.raises(RuleError, match=re.escape(says)):
            load_pack(pack_of(tmp_path, f'[[keep]]\nid = "my.x"\nhit = ["aab"]\nmiss = ["c"]\n{row}\n'))
    with pytest.raises(ConfigError, match="nothing from which"):
        Pipeline.load("text").keeping("甲")
    with pytest.raises(RuleError, match="every line"):
        Pipeline.load("zh-web").keeping(" ")("甲")


def test_rules_written_as_rows_are_the_same_rules(tmp_path):
    pack = load_pack("zh-web-rules")
    rows = "".join(rule.toml() for rule in sorted(pack.rules, key=lambda r: r.kind))
    mistakes = []
    assert Pack(tuple(row.rule for row in read_rows("x.toml", rows, mistakes))).digest == pack.digest
    assert not mistakes


@pytest.mark.parametrize("kind", GOOD)
def test_good_rows_load(kind, tmp_path):
    assert len(load_pack(pack_of(tmp_path, GOOD[kind])).rules) == 1


@pytest.mark.parametrize(("kind", "old", "new", "says"), FAULTS, ids=[f[3] + str(n) for n, f in enumerate(FAULTS)])
def test_unsafe_rows_are_refused_with_place_and_mend(kind, old, new, says, tmp_path):
    assert old in GOOD[kind]
    path = pack_of(tmp_path, "# a comment", GOOD[kind].replace(old, new))
    with pytest.raises(RuleError) as refused:
        load_pack(path)
    assert says in str(refused.value)
    assert path in str(refused.value)
    if "TOML" not in says:
        line = re.search(rf"{re.escape(path)}:(\d+)[ :]", str(refused.value))[1]
        at = Path(path).read_text("utf-8").splitlines()[int(line) - 1]
        assert at.startswith(("[", "hit", "anchors")) or (new and new.splitlines()[-1] in at), (
            at
        )  # the line of the row, or of what is wrong


ALL = """# a pack with many mistakes

[[line]]
id = "my.slogan"
category = "C9"
strength = "b"
zone = ["heads", "tail"]
anchors = [
    "口号",  # = 3
    "[[line]]",
]
match = '''.{0,4}口号
x = 3'''
unless = '('
hit = "本站口号"
miss = ["他喊着口号走过整条街,人们纷纷驻足。"]

  [[ label ]]
id = "my.label"
category = "C02"
value = "nam"
words = ["誊写"]
hit = ["誊写：石青"]
miss = ["誊写：每天三百字，写完才许出门。"]

[[lime]]
id = "my.lime"

[["line"]]
id = "my.other"
category = "C19"
anchors = ["口号"]
match = '.{0,4}口号'
common = true
longest = "9"
hit = ["本站口号", "我的口号是什么"]
miss = ["旧口号"]

[[line]]
id = "my.other"
disabled = true
hit = ["x"]
"""


def test_all_mistakes_are_told_at_once_each_with_its_line(tmp_path):
    path = pack_of(tmp_path, ALL)
    with pytest.raises(RuleError) as refused:
        load_pack(path)
    first, *told = str(refused.value).split("\n")
    expected = [
        (5, "category is a code from C01 to C22, not 'C9': did you mean 'C19'?"),
        (6, "strength is one of A, B, C, not 'b': did you mean 'B'?"),
        (7, "no field 'zone': did you mean 'zones'? Known: anchors, category"),
        (7, "zones are of head, tail, body, not 'heads': did you mean 'head'?"),
        (14, "`unless` is no regular expression: missing ), unterminated subpattern"),
        (15, "`hit` is a list of strings, none of them empty: write hit = [\"...\"], not '本站口号'"),
        (21, "unknown value shape 'nam': did you mean 'name"),
        (26, "[[lime]] is no kind of rule: did you mean 'line'? use one of line, span"),
        (34, "`common` does nothing in [[line]]"),
        (35, "`longest` is a whole number: write longest = 5, not '9'"),
        (36, "`hit` sample '我的口号是什么' does not match: `match` has to match the whole line, and matches '我的口号' of it"),
        (37, "`miss` sample '旧口号' matches: `match` matches '旧口号'"),
        (42, "a disabled row switches the rule of its id off, `hit` does nothing"),
    ]
    for line, what in expected:
        assert any(t.startswith(f"{path}:{line}") and what in t for t in told), (line, what, told)
    assert any("rule id 'my.other' is used twice" in t for t in told)
    assert (first, len(told)) == (f"{len(told)} mistakes", len(expected) + 1)


@pytest.mark.parametrize(
    ("kind", "sample", "why"),
    [
        ("line", "【本站口號很多很多很多很多】", "it is read as '本站口号很多很多很多很多', and"),
        ("line", "甲乙丙", "`match` matches no part of it"),
        ("line", "本站口号" * 40, "it has 160 characters, and `longest` is 120"),
        ("words", "我的工具 | 别的", "is not made of `words`, counts and separators alone"),
        ("label", "来源：石青", "none of `words` stands in it"),
        ("label", "誊写：石青说，明天再来。", "behind '誊写' and one of `:` there must stand a value of the shape 'names'"),
        ("block", "往期目录\\n渡口", "`row` does not match the whole line '渡口'"),
        ("block", "本期目录\\n第12期 渡口", "`match` matches no part of it"),
    ],
)
def test_a_sample_that_does_not_match_is_told_why(tmp_path, kind, sample, why):
    text = re.sub(r"hit = \[.*\]", lambda _: f'hit = ["{sample}"]', GOOD[kind])
    with pytest.raises(RuleError, match=re.escape(why)) as refused:
        load_pack(pack_of(tmp_path, text))
    assert "does not match: " in str(refused.value)


@pytest.mark.parametrize("field", sorted(cleantext.chrome.rules.row_fields.FIELDS))
@pytest.mark.parametrize("value", ["5", '"x"', "true", "[]", "[1]", "{}", "1.5", '[""]'])
def test_a_value_of_any_type_is_taken_or_refused_in_words(tmp_path, field, value):
    text = GOOD["line"] if f"\n{field} =" in GOOD["line"] else f"{GOOD['line']}{field} = 1"
    text = re.sub(rf"(?m)^{field} = .*", lambda _: f"{field} = {value}", text)
    try:
        load_pack(pack_of(tmp_path, text))
    except RuleError as error:
        assert re.search(r"mine.toml:\d+ \(", str(error))


@pytest.mark.parametrize("field", ["match", "unless", "row"])
@pytest.mark.parametrize("kind", GOOD)
def test_a_pattern_that_is_none_is_refused_in_every_kind(tmp_path, kind, field):
    """Also where rules of the kind have no such field (found by benchmarks/robustness/fuzz.py, seed 50115)."""
    lines = [line for line in GOOD[kind].split("\n") if not line.startswith(f"{field} ")]
    with pytest.raises(RuleError):
        load_pack(pack_of(tmp_path, "\n".join([*lines, f"{field} = '(?:.(甲{{5,}}+'"])))


@pytest.mark.parametrize(
    "data", ["# 本站\nname = 1".encode("gbk"), b"\xff\xfe[\0[\0", b"\xef\xbb\xbf# a\n\x80"], ids=["gbk", "utf-16", "bom"]
)
def test_toml_in_another_encoding_is_refused_with_its_place(tmp_path, data):
    path = tmp_path / "mine.toml"
    path.write_bytes(data)
    at = next(n for n, c in enumerate(data) if c > 127 and (n > 2 or not data.startswith(b"\xef\xbb\xbf")))
    for load, error in ((load_pack, RuleError), (Pipeline.load, ConfigError), (HostProfile.load, ConfigError)):
        with pytest.raises(error) as refused:
            load(str(path))
        where = f"{path}:{data[:at].count(10) + 1}: not UTF-8: byte {at} is {data[at]:#04x}"
        assert str(refused.value).startswith(where)
        assert "save it as UTF-8" in str(refused.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 9999, "a = " + "1" * 9999, "a = ", "[[line]"], ids=["deep", "long", "cut", "open"])
def test_toml_that_is_none_is_refused_alike(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    for load, error in ((load_pack, RuleError), (Pipeline.load, ConfigError), (HostProfile.load, ConfigError)):
        with pytest.raises(error, match=r"mine.toml: not valid TOML"):
            load(str(path))


def test_a_mark_of_the_order_of_bytes_is_passed_over(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD["line"], "utf-8-sig")
    assert [rule.id for rule in load_pack(str(tmp_path / "mine.toml")).rules] == ["my.slogan"]
    (tmp_path / "steps.toml").write_text('[[step]]\nuse = "script.to"', "utf-8-sig")
    assert len(Pipeline.load(tmp_path / "steps.toml").steps) == 1
    (tmp_path / "hosts.toml").write_text("version = 1", "utf-8-sig")
    assert not HostProfile.load(tmp_path / "hosts.toml").hosts


@pytest.mark.parametrize("text", [None, "", "# nothing yet\n", "line = []", "[defaults]\nstrength = 'A'"])
def test_a_pack_that_holds_nothing_is_refused(tmp_path, text):
    folder = tmp_path / "pack"
    folder.mkdir()
    if text is not None:
        (folder / "mine.toml").write_text(text, "utf-8")
    for name in (folder, *folder.iterdir()):
        with pytest.raises(RuleError, match=r"pack.*: holds no rules: write rows"):
            load_pack("zh-web-rules", str(name))


@pytest.mark.parametrize("text", ["line = [1, 2]", "line = 3", "defaults = 3", "[defaults]\nanker = 1\n[[line]]\nid = 'my.slogan'"])
def test_a_pack_of_another_shape_is_refused(tmp_path, text):
    with pytest.raises(RuleError, match=r"mine.toml:"):
        load_pack(pack_of(tmp_path, text))


def test_an_id_may_be_used_once(tmp_path):
    with pytest.raises(RuleError, match=r"'my.slogan' is used twice, in .*:1 .* and .*:9"):
        load_pack(pack_of(tmp_path, GOOD["line"], GOOD["line"]))


def test_an_unknown_pack_names_the_known_ones():
    with pytest.raises(RuleError, match="zh-web-rules"):
        load_pack("zh-web-rulez")
    with pytest.raises(RuleError, match=r"no such rule pack"):
        load_pack("nowhere/mine.toml")


def test_a_changed_file_is_read_again(tmp_path):
    path = pack_of(tmp_path, GOOD["line"])
    first = StripChrome(packs=("zh-web-rules", path)).spec()
    assert f"{BODY}\n{BODY}" == StripChrome(packs=("zh-web-rules", path))(f"{BODY}\n{BODY}\n本站口号")
    pack_of(tmp_path, GOOD["line"].replace("口号", "标语"))
    again = StripChrome(packs=("zh-web-rules", path))
    assert again(f"{BODY}\n{BODY}\n本站口号").endswith("口号")
    assert again.spec() != first  # so that a run does not resume with other rules


def test_packs_of_users_add_override_and_disable(tmp_path):
    page = f"{BODY}\n责任编辑：石青"
    assert StripChrome()(page) == BODY
    off = pack_of(tmp_path, '[[label]]\nid = "meta.editor"\ndisabled = true\n', name="off.toml")
    assert StripChrome(packs=("zh-web-rules", off))(page) == page
    weaker = re.search(r'\[\[label\]\]\nid = "meta.editor"\n(?:.+\n)+', FILES_TEXT)[0].replace("[[label]]\n", '[[label]]\nstrength = "C"\n')
    over = pack_of(tmp_path, weaker, name="over.toml")
    assert StripChrome(packs=("zh-web-rules", over))(f"{BODY}\n责任编辑：石青\n{BODY[:4]}") == f"{BODY}\n责任编辑：石青\n{BODY[:4]}"
    added = load_pack("zh-web-rules", pack_of(tmp_path, GOOD["line"]))
    assert len(added.rules) == len(PACK.rules) + 1
    assert StripChrome(without=("meta.editor",))(page) == page
    with pytest.raises(ConfigError, match=r"did you mean 'meta.editor'"):
        StripChrome(without=("meta.editors",))(page)


def test_a_folder_is_a_pack(tmp_path):
    pack_of(tmp_path, GOOD["line"], name="a.toml")
    pack_of(tmp_path, GOOD["words"], name="b.toml")
    assert {r.id for r in load_pack(str(tmp_path)).rules} == {"my.slogan", "my.tools"}


FILES_TEXT = "\n".join(f.read_text("utf-8") for f in FILES)


def test_the_pack_is_large_and_covers_the_taxonomy():
    assert len(PACK.rules) >= 160
    assert {r.category for r in PACK.rules} == set(CATEGORIES)
    assert all(r.hit and r.miss and r.why for r in PACK.rules)
    assert all(r.meaning == StripChrome.rules[r.id] for r in PACK.rules)
    assert len(StripChrome.rules) == len(PACK.rules)


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda r: r.id)
def test_the_rules_of_cleantext_pass_the_checks_of_yours(rule):
    check(rule)


@pytest.mark.parametrize("rule", [r for r in PACK.rules if r.kind not in ("echo", "enclosed", "repeated", "learned")], ids=lambda r: r.id)
def test_samples_hold_in_the_whole_pack_and_in_both_scripts(rule, to_hant):
    """A hit is suspected by the rule or by one as strong beside it, in Simplified and in Traditional alike."""
    for sample in rule.hit:
        for text in (sample, to_hant(sample)):
            votes = collect([view(text.split("\n")[0])], PACK)[0]
            found = [e.rule.id for e in (*votes.evidence, *votes.spans)] + [r.id for r in votes.heads]
            best = max((e.power for e in (*votes.evidence, *votes.spans)), default=0)
            assert rule.id in found or best >= rule.power, (text, found)


@pytest.fixture(scope="module")
def to_hant():
    from cleantext.script import UnifyScript

    return UnifyScript(to="hant")


def test_unwrap_takes_off_what_surrounds_a_line():
    def core(line):
        a, b = unwrap(line)
        return line[a:b]

    assert core("[责任编辑: 李娜 ]") == "责任编辑: 李娜"
    assert core("(上图)老码头旧影。(下图)新步道。") == "(上图)老码头旧影。(下图)新步道。"
    assert core("—— 【【图】】 ") == "图"
    assert core("() ") == ""
    assert core("·") == ""


def test_the_digest_names_what_the_rules_say_not_where_they_stand():
    assert Pack(tuple(reversed(PACK.rules))).digest == PACK.digest
    assert Pack(PACK.rules[1:]).digest != PACK.digest
