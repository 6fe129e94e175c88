"""Page chrome on plain text: what goes, what stays, and why; the laws of the arbiter; the development data."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import THOROUGH, judge

from cleantext.chrome import StripChrome, strip_chrome
from cleantext.chrome.lines.findings import collect
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import Pack
from cleantext.chrome.rules.salvage import gather, iso_date, read_labels
from cleantext.edits import apply, revert
from cleantext.errors import ConfigError
from cleantext.fold import view
from cleantext.transform import Page

STRIP = StripChrome()
PACK = load_pack("zh-web-rules")
P1 = "昨夜，清河上游下了一场大雨，今晨水位涨了半米。"
P2 = "村里人说，桥是去年修的；路还没有通，车只能停在河对岸，走过来要半个钟头。"
P3 = "到了傍晚，雨停了，孩子们追着一条黄狗跑过堤坝，谁也没有注意到天色。"

SAMPLES = sorted({line for r in PACK.rules for s in (*r.hit, *r.miss) for line in s.split("\n")})
PROSE = [
    *(
        P1,
        P2,
        P3,
        "他说，船明天才来。(记者 石青)",
        "老街的清晨（点击图片可放大）",
        "风停在屋檐下",
        "合计\t128\t96",
        "",
        " ",
        "\u3000\u3000灯亮了。",
        "\r",
    ),
    *(
        "附件：1.报名表",
        "2017年10月13日",
        "清河市人民政府办公室",
        "一、总体要求",
        "- - -",
        "0",
        "】(",
        "责任编辑：",
        "IMG_20180101_101010.jpg",
    ),
]
PAGES = st.tuples(
    st.lists(st.one_of(st.sampled_from(SAMPLES), st.sampled_from(PROSE)), max_size=14), st.sampled_from(["\n", "\n\n", "\r\n"])
).map(lambda page: page[1].join(page[0]))


def stays(*lines):
    text = "\n".join(lines)
    assert STRIP(text) == text, STRIP.reasons(text)


def goes(line, *, before=(P1,), after=()):
    page = "\n".join((*before, line, *after))
    assert STRIP(page) == "\n".join((*before, *after)), page


# ---------------------------------------------------------------- where a line stands decides


def test_credit_lines_go_at_the_foot_and_stay_inside():
    goes("责任编辑：石青", before=(P1, P2))
    stays(P1, "责任编辑：石青", P2)


def test_strength_a_acts_anywhere():
    goes("文字放大 文字缩小", before=(P1,), after=(P2,))
    goes("W020180101000000000001_800", before=(P1,), after=(P2,))


def test_a_date_is_chrome_at_the_head_and_a_signature_at_the_foot():
    goes("2018-12-09 10:20", before=("标题在此",), after=(P1, P2))
    stays("标题在此", P1, P2, "清河市人民政府办公室", "2018年12月9日")


def test_a_list_of_titles_goes_with_its_heading():
    page = [P1, P2, "相关新闻", "清河大桥昨晚合龙", "老街改造一期完工", "渡口恢复摆渡"]
    assert STRIP("\n".join(page)) == f"{P1}\n{P2}"
    stays(P1, "相关新闻报道了什么", P2)


def test_widget_words_in_a_column_count_as_those_in_a_row():
    goes("微信\n微博\n豆瓣\n收藏", before=(P1, P2))
    stays(P1, "微信\n微博", P2)


def test_a_footer_takes_what_stands_between_its_lines():
    footer = [
        "分享到：",
        "老街影像馆",
        "发表评论",
        "登录后才能发表留言",
        "© 2020 白塔网 版权所有",
        "京ICP备00000001号",
        "关于我们 | 联系我们",
        "北岸书屋",
        "返回顶部",
    ]
    assert STRIP("\n".join([P1, P2, P3, *footer])) == f"{P1}\n{P2}\n{P3}"
    stays(P1, "老街影像馆", P2)
    assert "老街影像馆" in STRIP(f"{P1}\n{P2}\n责任编辑：石青\n老街影像馆")  # one credit line is no footer


def test_three_certain_lines_are_no_footer_yet():
    page = [P1, P2, "责任编辑：石青", "北岸书屋", "分享到：", "老街影像馆", "京ICP备00000001号"]
    assert STRIP("\n".join(page)) == f"{P1}\n{P2}\n北岸书屋\n老街影像馆"


def test_a_long_list_inside_a_footer_may_be_the_text():
    works = [f"第{n}幅 渡口" for n in range(301)]
    footer = ["发表评论", "登录后才能发表留言", "© 2020 白塔网 版权所有", "京ICP备00000001号", "返回顶部"]
    assert STRIP("\n".join([P1, P2, P3, "责任编辑：石青", *works, *footer])) == "\n".join([P1, P2, P3, *works])
    assert STRIP("\n".join([P1, P2, P3, "责任编辑：石青", *works[:9], *footer])) == f"{P1}\n{P2}\n{P3}"


def test_songs_and_threads_keep_their_short_lines():
    song = ["渡口", "船走了 水还在响", "我把灯放低", "让风看见你", "渡口没有名字", "也没有人等我"]
    footer = ["分享到：", "发表评论", "登录后才能发表留言", "© 2020 白塔网 版权所有", "京ICP备00000001号", "返回顶部"]
    assert STRIP("\n".join(["首页 > 歌词", *song, "分享到微信好友 分享到朋友圈", *song[2:], *footer])) == "\n".join([*song, *song[2:]])
    posts = ["问一句桥修好没有", "修好了", "谢谢楼上", "昨天刚走过", "那我明天去"]
    thread = [line for n, post in enumerate(posts) for line in (f"{n}楼 2014-03-02 10:2{n}", post, "只看该作者 倒序浏览")]
    assert STRIP("\n".join([P1, P2, P3, *thread, *footer])) == "\n".join([P1, P2, P3, *posts])


def test_one_widget_word_inside_an_article_stays_two_go():
    stays(P1, "联系我们", P2)
    goes("联系我们 | 网站地图", before=(P1,), after=(P2,))


def test_a_label_that_returns_is_a_speaker():
    turns = ["记者：石青", P2, "记者：白石", P3, "记者：许文山", P2]
    stays(P1, *turns, "记者：何宁")
    assert STRIP("\n".join([P1, *turns[:2], "记者：何宁"])).endswith(P2)


@pytest.mark.parametrize(
    "line",
    ["附件：1.报名表", "一、作者：石青", "（二）来源：清河", "第三条 版权所有", "特此通知", "抄送：市委办公室", "江政发〔2019〕12号"],
)
def test_protected_lines_stay_at_the_foot(line):
    stays(P1, P2, line)


# ---------------------------------------------------------------- spans


@pytest.mark.parametrize(
    ("line", "span"),
    [
        ("船队今晚返航。(记者 石青)", "(记者 石青)"),
        ("时间：2019.03.02 来源：清河网 分享到：", "分享到："),
        ("发布时间：2019-03-02 来源：清河网 【字体：大 中 小】", "【字体：大 中 小】"),
        ("与连云港(601008,股吧)签约，两地今后同船。", "(601008,股吧)"),
        ("老街的清晨（点击图片可放大）", "（点击图片可放大）"),
        ("新桥通车了。W020180101000000000001_600", "W020180101000000000001_600"),
    ],
)
def test_a_span_is_cut_exactly_and_nothing_else(line, span):
    page = f"{P1}\n{line}\n{P2}"
    (edit,) = STRIP.edits(page)
    assert edit.before == span
    assert apply(page, [edit]) == page.replace(span, "")


def test_what_a_span_leaves_is_asked_again():
    line = "灯亮了。（责编：白石）（完）(记者 石青)"  # each stands at the end of the line only when the next is gone
    assert STRIP(f"{P1}\n{line}\n{P2}") == f"{P1}\n灯亮了。\n{P2}"
    page = f"{P1}\n[编辑][编辑]\n{P2}"
    assert STRIP(page) == f"{P1}\n{P2}"


# ---------------------------------------------------------------- gates


def test_a_page_of_chrome_alone_is_kept_whole():
    page = "分享到：\n责任编辑：石青\n京ICP备00000001号"
    assert STRIP(page) == page
    assert STRIP.run([Page(page)]).flags == {0: ("all_chrome",)}


def test_a_page_that_would_lose_most_of_its_sentences_is_kept_whole():
    notice = "版权声明：本站文章版权归原作者所有，未经授权请勿转载，违者将依法追究责任，特此说明。" * 2
    page = f"{P1}\n{notice}\n{notice}"
    assert STRIP(page) == page
    assert STRIP.run([Page(page)]).flags == {0: ("over_removal",)}


# ---------------------------------------------------------------- lines and their breaks


@pytest.mark.parametrize(
    ("page", "cleaned"),
    [
        (f"{P1}\n{P2}\n责任编辑：石青", f"{P1}\n{P2}"),
        (f"{P1}\n{P2}\n责任编辑：石青\n", f"{P1}\n{P2}\n"),
        (f"{P1}\n\n{P2}\n\n责任编辑：石青\n\n分享到：\n\n", f"{P1}\n\n{P2}\n"),
        (f"{P1}\n文字放大 文字缩小\n\n{P2}", f"{P1}\n\n{P2}"),
        (f"{P1}\n\n文字放大 文字缩小\n\n{P2}", f"{P1}\n\n{P2}"),
        (f"首页 > 正文\n\n{P1}\n{P2}", f"{P1}\n{P2}"),
        (f"\n首页 > 正文\n{P1}\r\n{P2}\r\n责任编辑：石青\r\n", f"\n{P1}\r\n{P2}\r\n"),
    ],
)
def test_paragraphs_stay_parted_as_they_were(page, cleaned):
    assert STRIP(page) == cleaned


# ---------------------------------------------------------------- explanations and metadata


def test_every_removal_says_why():
    page = f"首页 > 正文\n标题在此\n2018-12-09 10:20 来源：清河网\n{P1}\n{P2}(记者 石青)\n责任编辑：石青\n相关新闻\n清河大桥昨晚合龙\n渡口恢复摆渡了"
    reasons = STRIP.reasons(page)
    assert [(page[r.start : r.end], r.rule, r.strength, r.zone) for r in reasons] == [
        ("首页 > 正文", "position.breadcrumb", "A", "head"),
        ("2018-12-09 10:20 来源：清河网", "meta.source", "B", "head"),
        ("(记者 石青)", "meta.reporter-credit", "A", "body"),
        ("责任编辑：石青", "meta.editor", "B", "tail"),
        ("相关新闻", "related.guess", "B", "tail"),
        ("清河大桥昨晚合龙", "related.list", "B", "tail"),
        ("渡口恢复摆渡了", "related.list", "B", "tail"),
    ]
    assert all(r.because and r.rule in PACK.by_id for r in reasons)
    metadata = STRIP.run([Page(page)]).metadata[0]
    assert {k: v for k, v in metadata.items() if not k.endswith("_expected")} == {
        "title": "标题在此",
        "published": "2018-12-09T10:20",
        "published_raw": "2018-12-09 10:20",
        "source": "清河网",
        "author": ["石青"],
        "editor": ["石青"],
    }


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("2023年6月8日 09:03:16", "2023-06-08T09:03:16"),
        ("2017-11-03", "2017-11-03"),
        ("2017/1/3 8:05", "2017-01-03T08:05"),
        ("2017-13-03", None),
        ("2017-01-03 25:61", "2017-01-03"),
        ("昨天", None),
    ],
)
def test_dates_become_iso(raw, iso):
    assert iso_date(raw) == iso


def test_labels_are_read_as_pairs_or_not_at_all():
    def read(line):
        return [(p.rule.id if p.rule else None, line[p.start : p.end]) for p in read_labels(line, PACK)]

    assert read("2023-10-24 来源:石榴云 作者:陈蔷薇") == [(None, "2023-10-24"), ("meta.source", "石榴云"), ("meta.author", "陈蔷薇")]
    assert read("发布于:湖南") == [("meta.place", "湖南")]  # a label of two rules goes to the one whose shape fits
    assert read("监 制:石青") == [("meta.staff", "石青")]
    assert read("来源:石榴云 这一句不是值。") == []
    assert read("作者:我写得很慢,一天三百字。") == []


def test_names_come_one_by_one():
    assert gather([("author", "本报记者 何宁 通讯员周舟"), ("author", "何宁"), ("editor", "韩保林 PK155")]) == {
        "author": ["何宁", "周舟"],
        "editor": ["韩保林"],
    }


def test_level_is_checked_and_aggressive_takes_more():
    with pytest.raises(ConfigError, match="'safe' or 'aggressive'"):
        StripChrome(level="bold")
    page = f"{P1}\n{P2}\n评论"
    assert strip_chrome(page) == page
    assert strip_chrome(page, safety="aggressive") == f"{P1}\n{P2}"


# ---------------------------------------------------------------- laws


@given(page=PAGES)
def test_a_second_run_finds_nothing(page):
    once = STRIP(page)
    assert STRIP(once) == once


@given(page=PAGES)
def test_kept_and_removed_give_the_page_back(page):
    edits = STRIP.edits(page)
    assert revert(apply(page, edits), edits) == page
    kept, at = [], 0
    for edit in edits:
        kept.append(page[at : edit.start])
        at = edit.end
    assert "".join((*kept, page[at:])) == apply(page, edits)


@given(page=PAGES)
def test_each_reason_is_an_edit_and_each_edit_has_reasons(page):
    verdict = STRIP.page_decisions([page])[0]
    for reason in verdict.reasons:
        assert any(e.start <= reason.start and reason.end <= e.end and e.rule == reason.rule for e in verdict.edits)
    for edit in verdict.edits:
        assert any(edit.start <= r.start and r.end <= edit.end and edit.rule == r.rule for r in verdict.reasons)


@given(page=PAGES, seed=st.integers(0, 9))
def test_the_order_of_rules_does_not_matter(page, seed):
    rules = list(PACK.rules)
    random.Random(seed).shuffle(rules)
    other = SHUFFLED.setdefault(seed, Pack(tuple(rules)))
    assert judge(page, view(page), other) == judge(page, view(page), PACK)


SHUFFLED: dict[int, Pack] = {}


@pytest.mark.parametrize("kind", ["line", "span", "words", "label"])
def test_of_equal_rules_the_first_id_speaks(kind, tmp_path):
    said = {"line": "北岸 书屋", "span": "北岸 书屋", "words": "北岸书屋", "label": "北岸书屋：石青"}[kind]
    named = {"words": 'words = ["北岸书屋"]\n', "label": 'words = ["北岸书屋"]\nvalue = "names"\n'}
    fields = named.get(kind, """match = '北岸 书屋'\nanchors = ["北岸"]\n""")
    rows = "".join(
        f"""[[{kind}]]\nid = "{name}"\ncategory = "C14"\n{fields}hit = ["{said}"]\nmiss = ["南岸书屋"]\n"""
        for name in ("b.two", "a.one", "c.three")
    )
    path = tmp_path / "mine.toml"
    path.write_text(rows, "utf-8")
    votes = collect([said.replace("：", ":")], load_pack(str(path)))[0]
    assert next(e.rule.id for e in (*votes.evidence, *votes.spans)) == "a.one"


@given(page=PAGES)
def test_width_case_and_script_do_not_matter(page):
    from cleantext.script import UnifyScript

    def where(text):
        return [(e.start, e.end, e.rule) for e in STRIP.edits(text)]

    assert where(view(page)) == where(page)
    simplified = UnifyScript(to="t2s")(page)
    if len(simplified) == len(page):
        assert where(simplified) == where(page)


@given(pages=st.lists(PAGES, max_size=4))
def test_a_batch_is_its_pages(pages):
    together = STRIP.page_decisions(pages)
    assert together == [STRIP.page_decisions([page])[0] for page in pages]


@given(text=st.text(max_size=80))
def test_any_text_is_judged(text):
    assert revert(STRIP(text), STRIP.edits(text)) == text


@settings(max_examples=200 if THOROUGH else 10)  # each makes the tables of a pack
@given(lines=st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=30))
def test_votes_do_not_depend_on_what_was_asked_before(lines):
    folded = [view(line) for line in lines]
    fresh = Pack(PACK.rules)  # another object: it remembers nothing
    assert collect(folded, fresh) == collect(folded, PACK)


def test_odds_say_of_the_lines_that_went_by_what_is_learned_that_they_did():
    text = "\n".join(
        [
            "首页 > 新闻 > 正文",
            "字号 大 中 小",
            "清河的堤坝",
            *("村里的人都到了堤上，一夜没有睡，天亮时雨停了。" * 3,) * 6,
            "扫一扫 手机看",
            "上一篇 下一篇",
        ]
    )
    step = StripChrome()
    [odds] = step.odds([text])
    learned = {(e.start, e.end) for e in step.edits(text) if e.rule == "learned.line"}
    assert {o.start for o in odds if o.gone} == {start for start, _ in learned}
    assert all(0 <= o.chrome <= 1 and text[o.start : o.end].strip() and "\n" not in text[o.start : o.end] for o in odds)
    assert step.odds([]) == []
    assert StripChrome(learned=False).odds([text]) == [[]]
