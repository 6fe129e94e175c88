"""Made-up pages in the markup of forums, blogs, newspapers, encyclopedias and offices: what stays of them, and what is known of them.

Each was written with its expected text before it was measured, the first 36 before the code was read; then the code was mended by
classes of misses. The figures of first sight, before any of that: F1 .916 for the first 36, .944 when
faults of the pages themselves were mended, as links without an address (one page lost an answer), .938 for the next
twelve (three lost text), .948 for the last eight (two lost a headline). What the floors hold is what came of it: they say that nothing is
lost again, not how well unseen pages fare.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import mean

import pytest

from cleantext.chrome import StripChrome
from cleantext.chrome.main_text.main_blocks import MainContent, main_blocks
from cleantext.html import read_html
from cleantext.pipeline import Pipeline

PAGES = Path(__file__).parent / "cases" / "html"
FACTS = json.loads((PAGES / "pages.json").read_text("utf-8"))
HTML = Pipeline((MainContent(), StripChrome()))
F1, FINE = 0.985, 49  # in the mean; pages of .97 and more


@pytest.fixture(scope="module")
def extraction():
    path = str(Path(__file__).parents[1] / "benchmarks" / "cleaning")
    sys.path.insert(0, path)
    try:
        import extraction

        yield extraction
    finally:
        sys.path.remove(path)


def case_of(extraction, name):
    fact = FACTS[name]
    expected = (PAGES / f"{name}.txt").read_text("utf-8")
    markup = (PAGES / f"{name}.html").read_bytes()
    return extraction.Case(f"{name}-1", markup, fact["encoding"], expected, fact.get("span_cuts", []), fact.get("optional_lines", []), fact)


@pytest.fixture(scope="module")
def cleaned():
    names = list(FACTS)
    return dict(zip(names, HTML.fast([read_html((PAGES / f"{name}.html").read_bytes()) for name in names]), strict=True))


@pytest.mark.parametrize("name", FACTS, ids=[f"{name} {fact['label']}" for name, fact in FACTS.items()])
def test_no_body_is_lost(extraction, cleaned, name):
    score = extraction.score(cleaned[name].text, case_of(extraction, name))
    assert score.loss == 0
    assert score.f1 > 0.8


def test_what_stays_is_the_article(extraction, cleaned):
    scores = {name: extraction.score(cleaned[name].text, case_of(extraction, name)) for name in FACTS}
    assert mean(score.f1 for score in scores.values()) >= F1
    assert sum(score.f1 >= 0.97 for score in scores.values()) >= FINE


ALONE = """
import json, sys
from pathlib import Path
from cleantext.chrome import StripChrome
from cleantext.chrome.main_text.main_blocks import MainContent
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
pages = Pipeline((MainContent(), StripChrome())).fast([read_html(Path(name).read_bytes()) for name in sys.argv[1:]])
sys.stdout.buffer.write(json.dumps([page.text for page in pages]).encode())
"""


def test_kernels_as_python_say_the_same(cleaned):
    """Pages cleaned by kernels as Python, in a process where Numba compiles nothing, are those of compiled kernels."""
    call = [sys.executable, "-c", ALONE, *(str(PAGES / f"{name}.html") for name in cleaned)]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
    assert json.loads(done.stdout) == [page.text for page in cleaned.values()]


@pytest.mark.parametrize(("field", "least"), [("title", 0.94), ("published", 0.84), ("source", 0.66), ("author", 0.48), ("editor", 1.0)])
def test_facts(cleaned, field, least):
    known = [name for name, fact in FACTS.items() if fact[field]]
    right = [name for name in known if str_of(cleaned[name].metadata.get(field, ""), field) == FACTS[name][field]]
    assert len(right) >= least * len(known), sorted(set(known) - set(right))


def str_of(value, field):
    return value.replace("T", " ") if field == "published" else value


SENTENCE = "昨夜，清河上游下了一场大雨，今晨水位涨了半米，村里的干部连夜赶到了堤上。"


def roles(html):
    page = read_html(html)
    return {page.text[b.start : b.end].strip(): role for b, role in zip(page.html, main_blocks(page).roles, strict=True)}


def test_answers_beside_the_best_one_stay():
    html = f"<h1>桥修好了吗</h1><div class=best><div class=bd>{SENTENCE}<br>{SENTENCE[::-1]}</div></div><div class=answers><h2>其他</h2><div>没有，还要半年。</div></div>"
    assert roles(html)["没有，还要半年。"] == "main"


def test_posts_are_alike_but_for_a_word():
    posts = "".join(
        f"<div class='l_post{' bright' * (not n)}'><div class=d_author>石青{n}</div><div>{'好。' * n or SENTENCE * 4}</div></div>"
        for n in range(3)
    )
    found = roles(f"<title>水位</title><h1>水位</h1><div class=list>{posts}</div><div class=foot>版权</div>")
    assert {found["好。"], found["好。好。"]} == {"main"}
    assert found["石青2"] == "html.outside-main"


def test_titles_and_code_are_no_rows():
    page = read_html(
        "<table><tr><td>查看: 3</td><td><h1>昨夜的水位</h1></td></tr><tr><td><pre>1\n2</pre></td><td><pre>a = 1\nb = 2</pre></td></tr></table>"
    )
    assert page.text.split("\n") == ["查看: 3", "昨夜的水位", "1", "2", "a = 1", "b = 2"]


def test_numbers_of_a_series_go_and_fractions_stay():
    pictures = "".join(f"<li><p>{SENTENCE}</p><p>{n}/3</p></li>" for n in (1, 2, 3))
    assert roles(f"<h1>冬捕</h1><ul>{pictures}</ul>")["2/3"] == "html.repeated"
    assert roles(f"<h1>冬捕</h1><div><p>{SENTENCE}</p><p>1/3</p><p>{SENTENCE}</p><p>2/3</p></div>")["2/3"] == "main"


def test_a_headline_is_found_where_all_titles_are_alike():
    html = f"<title>青峡一中</title><table><tr><td>位置：首页</td></tr><tr><td>校史上的三次迁校</td></tr><tr><td>作者：佚名</td></tr><tr><td>{SENTENCE * 3}</td></tr></table>"
    assert roles(html)["校史上的三次迁校"] == "title"


@pytest.mark.parametrize("line", ["【纠错】【责任编辑:秦岭】", "（编辑：晓东）返回首页"])
def test_a_button_glued_to_a_label(line):
    assert StripChrome()(f"水位\n{SENTENCE}\n{SENTENCE}\n{line}") == f"水位\n{SENTENCE}\n{SENTENCE}"


def test_the_title_behind_the_name_of_a_blog():
    head = "<title>暗房裡的老鐵: 黑白底片沖洗筆記</title><h1><a href=/>暗房裡的老鐵</a></h1>"
    assert read_html(f"{head}<h3>黑白底片沖洗筆記</h3><p>{SENTENCE}</p>").metadata["title"] == "黑白底片沖洗筆記"
