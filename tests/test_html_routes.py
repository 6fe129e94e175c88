"""Text that a page does not show: read only where what it shows tells no story, and flagged."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleantext.html import read_html
from cleantext.html.streamed import with_streamed

STORY = [
    "渡口的旧船拆了，木料堆在岸边，等着运到城里去。",
    "守船的老人说，桥通了以后，他再没有摆过一次渡。",
    "镇上打算把船头留下来，放在新修的广场中央。",
]
PARAGRAPHS = "".join(f"<p>{line}</p>" for line in STORY)
NOTICE = "<p>本站今天夜里更新设备，会有半个小时打不开，请大家见谅。</p><p>有事请打值班电话，我们会尽快回复。明天早上八点以后一切照常，谢谢各位长期的支持。</p>"


def lines(html):
    page = read_html(html)
    return page.text.split("\n"), page.flags


@pytest.mark.parametrize(
    ("html", "flag"),
    [
        (f"<body><noscript>{PARAGRAPHS}</noscript><div id=app></div>", "html_noscript"),
        (f"<body><div style='display:none'>{PARAGRAPHS}</div>", "html_hidden"),
        (f"<body><template id=post>{PARAGRAPHS}</template>", "html_template"),
        (
            f"<script type='application/ld+json'>{json.dumps({'@type': 'Article', 'articleBody': chr(10).join(STORY)})}</script>",
            "html_json_ld",
        ),
        (f"<script type='application/ld+json'>{json.dumps({'articleBody': PARAGRAPHS})}</script><div id=root></div>", "html_json_ld"),
        (
            f"<script id=__NEXT_DATA__ type='application/json'>{json.dumps({'props': {'page': [{'content': PARAGRAPHS, 'id': 3}]}})}</script>",
            "html_state",
        ),
        (f"<script>window.__INITIAL_STATE__ = {json.dumps({'post': {'body': PARAGRAPHS}})};</script>", "html_state"),
    ],
    ids=["noscript", "hidden", "template", "JSON-LD", "markup in JSON-LD", "Next", "state"],
)
def test_an_empty_body_is_filled(html, flag):
    found, flags = lines(f"<title>渡口</title><div><a href=/>首页</a></div>{html}")
    assert [line for line in found if line != "首页"] == STORY
    assert flags == (flag,)


@pytest.mark.parametrize("wrap", ["<noscript>{}</noscript>", "<div hidden>{}</div>", "<template>{}</template>"])
def test_what_the_page_shows_is_not_replaced(wrap):
    found, flags = lines(f"<title>通知</title>{NOTICE}{wrap.format(PARAGRAPHS * 9)}")
    assert len(found) == 2
    assert flags == ()


@pytest.mark.parametrize("link", ["展开全文", "阅读全文", "[查看全文]", "Read more"])
def test_the_rest_behind_a_link_is_read(link):
    first, *rest = STORY
    found, flags = lines(
        f"<p>{first}</p><p>{NOTICE}</p><p><a href=#>{link}</a></p><div style='display:none'>{''.join(f'<p>{r}</p>' for r in rest)}</div><p>页脚</p>"
    )
    assert found[-3:] == [*rest, "页脚"]
    assert flags == ("html_hidden",)


def test_what_is_hidden_elsewhere_stays_so():
    found, flags = lines(f"{NOTICE}<p><a href=#>展开全文</a></p><p>完。</p><div style='display:none'>{PARAGRAPHS}</div>")
    assert not set(STORY) & set(found)
    assert flags == ()


@pytest.mark.parametrize("script", ["{", "[[[[", '{"articleBody": 5}', "null", '"articleBody"'])
def test_broken_data_is_passed_over(script):
    page = read_html(f"<script type='application/ld+json'>{script}</script><script id='__NEXT_DATA__'>{script}</script><p>短。</p>")
    assert page.text == "短。"


# ------------------------------------------------------------ parts that come later, panels that a control opens


def streamed(place, part, *, kind="B", number="0"):
    return f'<main>{place}<template id="{kind}:{number}"></template></main><footer>页脚</footer><div hidden id="S:{number}">{part}</div>'


@pytest.mark.parametrize("kind", ["B", "P"])
def test_streamed_parts_stand_in_their_places(kind):
    found, flags = lines(streamed("<h1>渡口</h1>", f"<div><div>{PARAGRAPHS}</div></div><script>'</div>'</script>", kind=kind))
    assert found == ["渡口", *STORY, "页脚"]
    assert flags == ()


def test_streamed_parts_hold_others():
    inner = f'<div hidden id="S:1a"><p>{STORY[1]}</p></div>'
    found, _ = lines(streamed("", f'<p>{STORY[0]}</p><template id="P:1a"></template><p>{STORY[2]}</p>') + inner)
    assert found == [*STORY, "页脚"]


@pytest.mark.parametrize(
    "markup",
    [
        f'<div hidden id="S:0">{PARAGRAPHS}</div>',
        streamed("", '<template id="B:0"></template>' + PARAGRAPHS),
        f'<div hidden id="S:0"><template id="B:1"></template>{PARAGRAPHS}</div><div hidden id="S:1"><template id="B:0"></template></div>',
    ],
    ids=["no place", "inside itself", "in each other"],
)
def test_streamed_parts_without_a_place_follow_the_rest(markup):
    assert lines(markup)[0].count(STORY[0]) == 1


def test_a_part_that_never_ends_changes_nothing():
    markup = f'<p>{NOTICE}</p><template id="B:0"></template><div hidden id="S:0"><div>{PARAGRAPHS}</div>'
    assert with_streamed(markup) == markup


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["<div>", "</div>", "<p>春", '<div hidden id="S:0">', '<template id="B:0"></template>', "<script>", "</script>"]),
        max_size=30,
    )
)
def test_streamed_parts_keep_all_text(pieces):
    markup = "".join(f"{piece} {n} " for n, piece in enumerate(pieces))
    kept = re.findall(r"\d+", re.sub(r"<[^>]*>", " ", with_streamed(markup)))
    assert sorted(kept) == sorted(re.findall(r"\d+", re.sub(r"<[^>]*>", " ", markup)))


CONTROL = {
    "aria": ('<button aria-controls="answer-1">怎么坐船？</button>', '<div id="answer-1" style="display:none">{}</div>'),
    "bootstrap": ('<a data-bs-target="#a1" data-bs-toggle="collapse">怎么坐船？</a>', "<div id=a1 hidden>{}</div>"),
    "tab": ('<li role=tab data-target="#t.2">怎么坐船？</li>', "<section id=t.2 style='display: none'><div>{}</div></section>"),
}


@pytest.mark.parametrize("kind", CONTROL)
def test_a_panel_that_a_control_opens_is_read(kind):
    control, panel = CONTROL[kind]
    found, flags = lines(f"{NOTICE}{control}{panel.format(PARAGRAPHS)}<p>页脚</p>")
    assert found[-5:] == ["怎么坐船？", *STORY, "页脚"]
    assert flags == ("html_hidden",)


@pytest.mark.parametrize(
    "panel",
    [
        "<div id=x hidden class='modal fade'>{}</div>",
        "<nav><div id=x hidden>{}</div></nav>",
        "<div class=cookie-consent><div id=x hidden>{}</div></div>",
        "<div id=x><div class=modal hidden>{}</div></div>",
        "<div id=x><p>已经看得见的。</p><div hidden>{}</div></div>",
        "<div id=y hidden>{}</div>",
        "<div id=x hidden><ul><li><a href=/1>春天的第一条新闻，欢迎点击阅读</a></li></ul></div>",
    ],
    ids=["dialog", "menu", "consent", "dialog inside", "hidden inside", "no control", "links"],
)
def test_what_else_a_control_opens_stays_hidden(panel):
    found, flags = lines(f"{NOTICE}<button aria-controls=x>更多</button>{panel.format(PARAGRAPHS)}<p>页脚</p>")
    assert not set(STORY) & set(found)
    assert found[-1] == "页脚"
    assert flags == ()
