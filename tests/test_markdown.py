"""Markdown of a page: what its elements say survives, and nothing of the text is lost."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleantext.html import read_html
from cleantext.html.markdown import markdown
from cleantext.transform import Page


def of(html):
    return markdown(read_html(html))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h2>渡口</h2><p>船来了。</p>", "## 渡口\n\n船来了。"),
        ("<ul><li>甲<li>乙</ul>", "- 甲\n- 乙"),
        ("<ol><li>甲<li>乙</ol>", "1. 甲\n2. 乙"),
        ("<ul><li>甲<ol><li>乙<li>丙</ol><li>丁</ul>", "- 甲\n  1. 乙\n  2. 丙\n- 丁"),
        ("<ul><li><p>甲</p><p>乙</p></li></ul>", "- 甲\n  乙"),
        ("<table><tr><th>年<th>船<tr><td>1<td>a|b</table>", "| 年 | 船 |\n| --- | --- |\n| 1 | a\\|b |"),
        ("<table><tr><td>年<td>船<tr><td>1<td>2<td>3</table>", "| 年 | 船 |  |\n| --- | --- | --- |\n| 1 | 2 | 3 |"),
        ("<pre>a = 1\n  b = 2</pre>", "```\na = 1\n  b = 2\n```"),
        ("<pre>```\na</pre>", "````\n```\na\n````"),
        ("<blockquote><p>甲</p><blockquote>乙</blockquote></blockquote>", "> 甲\n\n> > 乙"),
        ("<p>甲</p><p>乙</p>", "甲\n\n乙"),
    ],
)
def test_what_elements_say(html, expected):
    assert of(html) == expected


def test_plain_text_is_paragraphs():
    assert markdown(Page("甲\n\n乙")) == "甲\n\n乙"


@given(
    st.lists(
        st.sampled_from(
            [
                "<ul><li>",
                "<ol><li>",
                "</ul>",
                "</ol>",
                "<p>",
                "甲",
                "<table><tr><td>",
                "<td>乙",
                "</table>",
                "<pre>",
                "</pre>",
                "<h3>丙",
                "<blockquote>",
            ]
        ),
        max_size=30,
    )
)
@settings(deadline=None, max_examples=80)
def test_every_line_is_there_in_order(parts):
    page = read_html("".join(parts))
    plain = re.sub(r"[^\u3400-\u9fff]", "", page.text)
    assert re.sub(r"[^\u3400-\u9fff]", "", markdown(page)) == plain
