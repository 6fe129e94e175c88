"""The learned line scorer: kernels against their Python, laws, and made-up pages. Figures on real pages: benchmarks/make_linemodel.py."""

import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import cleantext as ct
from cleantext.changes import code_points
from cleantext.chrome import StripChrome
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.scorer import Scorer
from cleantext.chrome.scorer.choose import GUTTER, SURE, choose
from cleantext.chrome.scorer.context_features import CONTEXT
from cleantext.chrome.scorer.line_features import NUMBER, SHAPE, STOPS, classes, logs, shape
from cleantext.chrome.scorer.line_model import NAMES, SAID, UNIT, Trees, bits_of, features, reasons, sums, why
from cleantext.chrome.tree_sums import tree_sums
from cleantext.cli import main
from cleantext.fold import view_points
from cleantext.html import read_html
from cleantext.transform import Page

TITLE = "清河老街改造一期完工 三百户居民搬回旧居"
BODY = [
    "昨天上午,清河老街改造一期工程完工,三百多户居民陆续搬回了住了半辈子的旧居。",
    "老街东起石桥,西到码头,全长一千二百米。沿街的铺子换了新门板,卖豆腐的、修钟表的、裁衣裳的都还在原来的地方。",
    "住在桥头的林阿婆今年八十一岁。她说,墙比从前白了,灶间也亮了,只是夜里听不见隔壁收音机的声音,反倒睡不踏实。",
    "老街的木结构房子大多建于清末。修缮时,匠人把朽坏的柱脚一根一根锯掉,再用老料接上,榫卯照旧,不用一根铁钉。",
    "石桥旁的茶馆是最早开门的一家。老板说,从前一壶茶卖五分钱,如今卖十五块,来的还是那些老主顾,坐下来就是半天。",
    "孩子们最高兴。放学以后,他们从桥头跑到码头,又从码头跑回来,谁家的狗叫了,谁家的饭熟了,整条街都知道。",
    "也有人搬走了不再回来。巷尾的裁缝铺换了主人,招牌还挂着,新来的年轻人在里面卖花,说要把这块招牌一直留下去。",
    "施工队的负责人介绍,二期工程明年三月动工,涉及码头一带的仓库和两座旧戏台,预计用时十个月。",
]
MENU = ["清河要闻", "街巷故事", "书院讲座", "码头市集", "茶山行旅", "视频", "图片", "专题", "登录", "注册", "下载客户端", "网站无障碍"]
RELATED = [
    "相关阅读",
    "白塔书院重新开放 市民可免费参观",
    "南岸大桥合龙 明年五一通车",
    "古渡口发现宋代沉船 考古队进驻",
    "东山茶园采茶节开幕",
]
FOOT = [
    "社区公告",
    "志愿者招募",
    "场地预约",
    "意见箱",
    "关于本站",
    "联系方式",
    "广告投放",
    "网站导航",
    "清河新闻网 未经许可不得转载",
    "邮箱订阅",
    "回到顶端",
]
PAGE = "\n".join([*MENU, TITLE, "2020-03-04 10:20", *BODY, *RELATED, *FOOT])

LINES = st.sampled_from([*MENU, TITLE, *BODY, *RELATED, *FOOT, "1", "2", "01", "", "1. 范围", "问:为什么?", "注释", "姓名:林石", "a" * 300])


def rows_of(text):
    rows = Rows.split(view_points(code_points(text)))
    return rows, np.array([0, len(rows.starts)]), np.zeros((len(rows.starts), 3), np.int32)


@pytest.fixture(scope="module")
def scorer():
    return Scorer.of()


# ---------------------------------------------------------------- kernels


@given(st.lists(LINES, min_size=1, max_size=30))
def test_kernels_say_compiled_what_they_say_as_python(lines):
    scorer = Scorer.of()
    rows, bounds, said = rows_of("\n".join(lines))
    near = [np.zeros((len(lines), len(SHAPE)), np.int32) for _ in range(2)]
    for out, run in zip(near, (shape.python, shape.compiled), strict=True):
        run(rows.points, rows.starts, rows.ends, classes(), logs(), scorer.weights, out)
    assert (near[0] == near[1]).all()
    found = features(*rows, bounds, said, scorer.weights)
    trees = scorer.model.chrome
    few = found, np.arange(len(found)), *bits_of(trees._replace(roots=trees.roots[:9]))
    chrome = [run(*few).astype(np.int32) for run in (tree_sums.python, tree_sums.compiled)]
    assert (chrome[0] == chrome[1]).all()
    sure = [np.clip(chrome[0], 0, 10000).astype(np.int32) for _ in range(2)]
    lengths = (rows.ends - rows.starts).astype(np.int32)
    went = [run(s, chrome[0].copy(), lengths, found, bounds) for s, run in zip(sure, (choose.python, choose.compiled), strict=True)]
    assert (went[0] == went[1]).all()


@given(st.integers(0, 10**6), st.integers(0, 70))
def test_sums_are_those_of_the_leaves_that_rows_come_to(seed, lines):
    rng, made = np.random.default_rng(seed), []

    def grow(at, depth):  # of any form, down to a single leaf
        asked, bound = rng.integers(len(NAMES)), rng.integers(-400, 400)
        made.append([asked, bound, at, at, rng.integers(-9999, 9999)])
        if depth and rng.random() < 0.8:
            made[at][2] = grow(len(made), depth - 1)
            made[at][3] = grow(len(made), depth - 1)
        return at

    roots = np.array([grow(len(made), depth) for depth in rng.integers(0, 6, 5)], np.int32)
    table = np.array(made, np.int32)
    trees = Trees(roots, table[:, :4], table[:, 4])
    scoring = bits_of(trees)
    rows = rng.integers(-500, 500, (lines, len(NAMES))).astype(np.int32)

    def leaf(row, at):
        asked, bound, below, above, value = made[at]
        return value if below == at else leaf(row, above if row[asked] > bound else below)

    wanted = [sum(leaf(row, at) for at in roots) for row in rows]
    assert sums(rows, scoring).tolist() == wanted
    assert tree_sums.compiled(rows, np.arange(lines), *scoring).tolist() == wanted
    some = rng.permutation(lines)[: lines // 2]
    assert sums(rows, scoring, some).tolist() == [wanted[n] for n in some]


@given(st.lists(st.lists(LINES, min_size=1, max_size=8), min_size=1, max_size=4))
def test_features_of_a_page_do_not_depend_on_its_batch(pages):
    weights = Scorer.of().weights
    rows, _, said = rows_of("\n".join(line for page in pages for line in page))
    bounds = np.append(0, np.cumsum([len(page) for page in pages]))
    batch = features(*rows, bounds, said, weights)
    alone = []
    for page in pages:
        rows, bounds, said = rows_of("\n".join(page))
        alone.append(features(*rows, bounds, said, weights))
    assert (batch == np.concatenate(alone)).all()


def test_features_are_named_and_said_in_words():
    assert len(NAMES) == len(SHAPE) + len(CONTEXT) == len(set(NAMES))
    assert all(any(name.startswith(start) for start in SAID) for name in NAMES)


def test_shape_of_a_sentence_and_of_a_number(scorer):
    rows, _, _ = rows_of("他来了。她走了!\n12")
    out = np.zeros((2, len(SHAPE)), np.int32)
    shape(*rows, classes(), logs(), scorer.weights, out)
    assert out[0, STOPS] == 2
    assert out[:, NUMBER].tolist() == [-1, 12]


# ---------------------------------------------------------------- the model


def test_the_model_is_small_and_says_what_it_was_made_from(scorer):
    assert len((resources.files("cleantext.data") / "linemodel.npz").read_bytes()) <= 600_000
    assert scorer.model.provenance["made by"] == "benchmarks/make_linemodel.py"
    assert len(scorer.digest) == 16
    assert (np.diff(scorer.model.sum) > 0).all()
    assert (np.diff(scorer.model.share) >= 0).all()


def test_reasons_add_up_to_what_the_trees_say(scorer):
    rows, bounds, said = rows_of(PAGE)
    found = features(*rows, bounds, said, scorer.weights)
    for row, total in zip(found, sums(found, scorer.chrome), strict=True):
        start = sum(int(scorer.model.chrome.value[root]) for root in scorer.model.chrome.roots)
        assert sum(why(row, scorer.model.chrome).values()) * UNIT + start == pytest.approx(total, abs=1)
        assert len(reasons(row, scorer.model.chrome)) <= 3


def test_menu_words_are_likelier_page_chrome_than_sentences(scorer):
    rows, bounds, said = rows_of(PAGE)
    _, sure, _ = scorer.judge(*rows, bounds, said)
    lines = PAGE.split("\n")
    assert min(sure[lines.index(x)] for x in MENU) > max(sure[lines.index(x)] for x in BODY)


# ---------------------------------------------------------------- what goes


def test_lines_that_no_rule_knows_go_and_text_stays():
    by_rules, learned = StripChrome(learned=False)(PAGE).split("\n"), StripChrome()(PAGE).split("\n")
    assert set(learned) < set(by_rules)
    assert {TITLE, *BODY} <= set(learned)
    assert len(set(learned) & {*MENU, *FOOT}) <= 2


def test_it_says_how_sure_it_is_and_why():
    told = [r for r in StripChrome().reasons(PAGE) if r.rule == "learned.line"]
    assert told
    assert all(r.because.startswith("learned, of such lines ") and ": " in r.because and r.strength == "C" for r in told)


def test_without_learned_rules_are_alone():
    assert not [r for r in StripChrome(learned=False).reasons(PAGE) if r.rule == "learned.line"]
    assert StripChrome(without=("learned.line",))(PAGE) == StripChrome(learned=False)(PAGE)
    pipeline = ct.Pipeline.load("zh-web").without_learned()
    assert [s.learned for s in pipeline.steps if hasattr(s, "learned")] == [False, False]  # of text, and of HTML
    assert pipeline.fingerprint != ct.Pipeline.load("zh-web").fingerprint


def test_the_command_line_can_leave_it_out(tmp_path):
    (tmp_path / "page.txt").write_text(PAGE, "utf-8")
    said = []
    for options in ([], ["--no-learned"]):
        done = CliRunner().invoke(main, ["explain", str(tmp_path / "page.txt"), "--json", *options], catch_exceptions=False)
        said.append({r["rule"] for r in json.loads(done.stdout)["reasons"]})
    assert said[0] - said[1] == {"learned.line"}


def test_it_has_no_say_in_pages_of_html():
    page = read_html("<p>" + "<p>".join(PAGE.split("\n")))
    both = [step.run([page]).texts for step in (StripChrome(), StripChrome(learned=False))]
    assert both[0] == both[1]


def test_protected_lines_stay():
    kept = ["1. 范围", "附件:名单", "问:为什么?"]
    text = "\n".join([*MENU, TITLE, *BODY, *kept, *RELATED, *FOOT])
    assert set(kept) <= set(StripChrome()(text).split("\n"))


@pytest.mark.parametrize(
    "page", ["网站首页", "网站首页\n用户登录", "\n".join(MENU), "春晓\n春眠不觉晓\n处处闻啼鸟\n夜来风雨声\n花落知多少", "苹果\n梨\n桃", ""]
)
def test_where_there_is_no_text_nothing_goes_for_it(page):
    assert StripChrome()(page) == StripChrome(learned=False)(page)


def test_numbers_beside_code_go_from_eight_on():
    gutter = [str(n) for n in range(1, 13)]
    code = ["def main():", "    total = 0", "    for n in range(10):", "        total += n", "    return total"]
    text = "\n".join([TITLE, *BODY, *gutter, *code])
    assert StripChrome()(text) == "\n".join([TITLE, *BODY, *code])
    short = "\n".join([TITLE, *BODY, *gutter[: GUTTER - 1], *code])
    assert set(code) <= set(StripChrome()(short).split("\n"))
    assert SURE > 9000


@given(st.lists(LINES, min_size=1, max_size=40))
def test_a_second_run_finds_nothing_to_do(lines):
    step = StripChrome()
    once = step("\n".join(lines))
    assert step(once) == once


@given(st.lists(LINES, min_size=1, max_size=40))
def test_what_stays_stood_there_in_this_order(lines):
    text = "\n".join(lines)
    verdict = StripChrome().page_decisions([text])[0]
    at = 0
    for edit in verdict.edits:
        assert edit.start >= at
        assert text[edit.start : edit.end] == edit.before
        assert not edit.after
        at = edit.end


@given(st.lists(st.lists(LINES, min_size=1, max_size=12), min_size=2, max_size=4))
def test_pages_are_judged_each_by_itself(pages):
    texts = ["\n".join(page) for page in pages]
    assert [v.edits for v in StripChrome().page_decisions(texts)] == [StripChrome().page_decisions([text])[0].edits for text in texts]


@given(st.lists(LINES, max_size=40))
def test_what_is_expected_to_be_lost_and_left_are_shares(lines):
    text = "\n".join(lines)
    page = StripChrome().fast([Page(text)])[0]
    lost, left = (page.metadata.get(f"{name}_expected") for name in ("body_lost", "chrome_left"))
    if not text.strip():
        assert lost is left is None
    else:
        assert 0 <= lost <= 1
        assert 0 <= left <= 1
        assert lost == 0 or page.text != text


def test_more_is_expected_to_be_lost_and_left_of_a_page_with_a_frame():
    bare, framed = (StripChrome().fast([Page(text)])[0].metadata for text in ("\n".join([TITLE, *BODY]), PAGE))
    assert 0 == bare["body_lost_expected"] < framed["body_lost_expected"] < 0.01
    assert bare["chrome_left_expected"] < framed["chrome_left_expected"] < 0.2
    page = ct.Pipeline.load("zh-web").fast([read_html("".join(f"<p>{line}</p>" for line in BODY))])[0]
    assert page.metadata["body_lost_expected"] < 0.01
    assert page.metadata["chrome_left_expected"] < 0.3


def test_blank_lines_change_nothing():
    spaced = "\n\n".join(PAGE.split("\n"))
    assert StripChrome()(spaced).split() == StripChrome()(PAGE).split()


def test_another_model_makes_another_pipeline(scorer):
    other = Scorer.with_model(scorer.model._replace(provenance={**scorer.model.provenance, "digest": "0" * 16}))
    step = StripChrome()
    model = step.spec()["model"]
    assert model == scorer.digest
    assert not replace(step, learned=False).spec()["model"]
    assert other.digest != scorer.digest


@given(st.lists(LINES, min_size=1, max_size=40))
def test_aggressive_takes_all_that_safe_does(lines):
    page = "\n".join(lines)
    bold = StripChrome(level="aggressive")
    left = bold(page)
    kept = iter(StripChrome()(page).split("\n"))
    assert not left or all(any(line == other for other in kept) for line in left.split("\n"))
    assert bold(left) == left
