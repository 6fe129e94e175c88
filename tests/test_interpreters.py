"""Results do not depend on the Unicode version of the Python that runs: digests of what each stage makes of characters.

Python 3.11 knows Unicode 14, 3.12 and 3.13 know 15 and 15.1, 3.14 knows 16. The digests are the same on all of them; where one of
them changes on purpose, outputs change.
"""

import hashlib
import json
from html import escape

import pytest

import cleantext as ct
from cleantext import fold
from cleantext.chrome.matching.character_bits import characters
from cleantext.html.parsing.block_elements import names_of
from cleantext.html.parsing.class_words import class_words
from cleantext.normalize import Forms
from cleantext.repair.entities import _character

LETTERS = 0x33480  # behind the last letter of Unicode 17
LATER = [point for point in range(LETTERS) if fold.character_class("later")[point]]
# An ideograph, digits, a capital, a vowel that composes, letters of two scripts: of Unicode 15 and 16.
NEW = "\U00031350\U0002ebf0\U00011f51\U00010d40\U00010d50\U00016d70\U0001e5f1\U00016d67\U00016d68\ua7cb\u1c8a"


def digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def page(c):
    return f"""{c}{c}日报
发布时间:20{c}3-1{c}-24 来源:{c}{c}云 作者:陈{c}薇 编辑:{c}{c}{c}
{c}月{c}日 10:{c}8
({c}/{c})
今年三月,喀什古城的杏花开了{c},游客比往年多了一倍。
责任编辑:{c}某{c}
上一页 {c} {c} 下一页
标签: {c}{c} {c}{c}
版权所有 {c}{c}
{c}.{c}.附件:{c}.doc
原标题:{c}{c}口岸"""


def cleaned(c):
    found = ct.explain(page(c))
    return [found.text, dict(found.metadata), found.flags]


def read(c):
    body = "".join(f'<p class="x{c}">{escape(line)}</p>' for line in page(c).split("\n"))
    found = ct.read_html(f'<title>{c}春{c}_{c}网</title><body class="a{c}b"><h1 id="{c}">{c}春{c}</h1>{body}')
    return [found.text, found.html, dict(found.metadata)]


FACTS = {
    "classes": (lambda: "".join(map(chr, characters().tolist())), "7d997df5d6802c1c"),
    "view": (lambda: fold.view("".join(chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)), "1c0e2dde795c0f73"),
    "kept": (lambda: fold.kept("".join(f"e{chr(c)}\u0301" for c in LATER[::5])).text, "9322264a3b7e0543"),
    "references": (lambda: "".join(_character(f"#{c}") or "-" for c in range(0x20, LETTERS)), "aa4555388badc566"),
    "composed": (lambda: Forms()("\n".join(f"e{chr(c)}\u0301a{chr(c)}{chr(c)}" for c in LATER[::3])), "36ccd48f894698c5"),
    "class words": (
        lambda: json.dumps([(class_words(f"a{chr(c)}b"), names_of(f"{chr(c)}x", chr(c))) for c in LATER[::5]]),
        "6e975796bba53439",
    ),
    "pages": (lambda: json.dumps([cleaned(c) for c in NEW[::2]], default=str), "2dea9b4e79e7a43c"),
    "pages of HTML": (lambda: json.dumps([read(c) for c in NEW[::2]], default=str), "35c0c3eebfb9f658"),
}


@pytest.mark.parametrize("fact", FACTS)
def test_what_characters_are_does_not_depend_on_the_interpreter(fact):
    say, expected = FACTS[fact]
    assert digest(say()) == expected
