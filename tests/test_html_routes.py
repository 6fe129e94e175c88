"""Text that a page does not show: read only where what it shows tells no story, and flagged."""

import json

import pytest

from cleantext.html import read_html

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
