"""The learned model of main text: what it is, that it is asked beside the rules, and that what it does can be explained."""

from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleantext import jit
from cleantext.chrome.main_text.block_features import columns, read_signals
from cleantext.chrome.main_text.block_model import linear, load_model, odds
from cleantext.chrome.main_text.keep_lines import BETA, best_threshold
from cleantext.chrome.main_text.main_blocks import MainContent, main_blocks, main_by_rules
from cleantext.chrome.main_text.pieces import piece_sums
from cleantext.chrome.tree_sums import leaf_bits, tree_sums
from cleantext.html import read_html
from cleantext.transform import Page

SENTENCE = "渡口的旧船拆了，木料堆在岸边，等着运到城里去，守船的老人说，他再没有摆过一次渡。"
NAV = "<div class=nav><ul>" + "".join(f"<li><a href=/{i}>栏目{i}</a>" for i in range(12)) + "</ul></div>"
SIDE = "<div class=side><h3>热门</h3><ul>" + "".join(f"<li><a href=/s{i}>河边的集市又开张了，第{i}年</a>" for i in range(9)) + "</ul></div>"
FOOT = "<div class=footer><p>版权所有 某某网</p><p><a href=/about>关于我们</a> | <a href=/job>招聘</a></p></div>"
ARTICLE = f"<title>渡口_某某网</title>{NAV}<div class=content><h1>渡口</h1>{f'<p>{SENTENCE}</p>' * 9}</div>{SIDE}{FOOT}"


def signals(html):
    page = read_html(html)
    tree, main, top = main_by_rules(page)
    return read_signals(page, tree, main.roles, top)


def roles(html):
    page = read_html(html)
    return {page.text[b.start : b.end].strip(): role for b, role in zip(page.html, main_blocks(page).roles, strict=True)}


def test_the_weights_are_small_and_say_where_they_come_from():
    data = (resources.files("cleantext.chrome.main_text") / "main_model.npz").read_bytes()
    assert len(data) < 300_000
    assert "WCXB" in load_model().made_of
    assert "seed" in load_model().made_of


def test_prose_is_likelier_than_links():
    page = read_html(ARTICLE)
    said = odds(signals(ARTICLE), load_model())
    lines = [page.text[b.start : b.end].strip() for b in page.html]
    prose = [odd for odd, line in zip(said, lines, strict=True) if line == SENTENCE]
    links = [odd for odd, line in zip(said, lines, strict=True) if line.startswith("栏目")]
    assert min(prose) > 0 > max(links)


def test_kernels_compiled_and_not():
    found, model = signals(ARTICLE), load_model()
    weights = model.weights[-(1 << 16) :]
    forms = [form(found.points, found.starts, found.ends, weights) for form in (piece_sums.compiled, piece_sums.python)]
    assert np.allclose(*forms)
    with jit.eager():
        said = odds(signals(ARTICLE), model)
    assert said.tobytes() == odds(signals(ARTICLE), model).tobytes()


def test_every_line_has_its_figures():
    found = signals(ARTICLE)
    rows = columns(found, linear(found, load_model()))
    assert rows.shape[0] > load_model().trees.features.max()
    assert rows.shape[1] == len(found.chars)
    assert np.isfinite(rows).all()


def descended(figures, data):
    """What trees add up to, from node to node, as their file has them."""
    for row in figures.T:
        total = 0.0
        for root in data["roots"].tolist():
            at = root
            while data["features"][at] >= 0:
                at = root + int((data["left"] if row[data["features"][at]] <= data["thresholds"][at] else data["right"])[at])
            total += float(data["thresholds"][at])
        yield np.float32(total)


def test_bits_of_leaves_lead_where_the_trees_do():
    with (resources.files("cleantext.chrome.main_text") / "main_model.npz").open("rb") as file:
        data = dict(np.load(file))
    figures = np.random.default_rng(1).normal(size=(209, 12)).astype(np.float32)
    for form in (tree_sums.compiled, tree_sums.python):
        found = form(np.ascontiguousarray(figures.T), np.arange(12), *load_model().trees)
        assert found.astype(np.float32).tolist() == list(descended(figures, data))


def test_trees_of_one_leaf_or_too_many():
    leaf = [np.array(values, kind) for values, kind in (([0], int), ([-1], int), ([0.5], np.float32), ([0], int), ([0], int))]
    for form in (tree_sums.compiled, tree_sums.python):
        assert form(np.zeros((3, 1), np.float32), np.arange(3), *leaf_bits(*leaf)).tolist() == [0.5] * 3
    chain = np.arange(33)
    with pytest.raises(ValueError, match="leaves"):
        leaf_bits(chain[:1], np.append(np.tile([0, -1], 32), -1), np.zeros(65, np.float32), np.arange(1, 66), np.arange(2, 67))


@given(
    st.lists(
        st.sampled_from(
            [
                "<div class=a>",
                "</div>",
                "<p>",
                SENTENCE,
                "链接",
                "<a href=x>",
                "</a>",
                "<table><tr><td>",
                "</table>",
                "<h1>",
                "x. ",
                "\u3000",
            ]
        ),
        max_size=60,
    )
)
@settings(deadline=None, max_examples=60)
def test_any_page_has_finite_odds(parts):
    html = "".join(parts)
    if read_html(html).html:
        assert np.isfinite(odds(signals(html), load_model())).all()
        assert len(main_blocks(read_html(html)).roles) == len(read_html(html).html)


def test_what_it_takes_out_is_explained_and_the_rules_can_be_asked_alone():
    page = read_html(ARTICLE)
    known = set(MainContent.rules)
    assert {edit.rule for edit in MainContent().edits(page.text, page=page)} <= known
    assert main_blocks(page, learned=False) == main_by_rules(page)[1]
    assert MainContent(learned=False).spec() != MainContent().spec()


def test_a_page_is_asked_once():
    once = MainContent().fast([read_html(ARTICLE)])[0]
    assert "html_main" in once.flags
    assert MainContent().fast([once])[0] == once


def test_a_short_page_is_left_to_the_rules():
    page = read_html(f"<title>渡口</title><h1>渡口</h1><p>{SENTENCE}</p>{FOOT}")
    assert main_blocks(page).roles == main_blocks(page, learned=False).roles


@pytest.mark.parametrize(
    "head", ["<div class=postTitle><a href=1>船还在渡口</a></div>", "<div class=detail_title>船还在渡口</div>", "<h2>船还在渡口</h2>"]
)
@pytest.mark.parametrize("title", ["某某网", "新闻动态", "船还在渡口 - 某某网"])
def test_the_headline_stays(head, title):
    found = roles(f"<title>{title}</title>{NAV}<div class=post>{head}<div class=text>{f'<p>{SENTENCE}</p>' * 6}</div></div>{SIDE}{FOOT}")
    assert found["船还在渡口"] in ("title", "main")


def test_posts_in_tables_without_names_stay():
    posts = "".join(
        f"<table><tr><td><b>船友{n}</b></td></tr><tr><td class=p4>{line}</td></tr></table>"
        for n, line in enumerate([SENTENCE * 5, "同意", "去年也是这样？", SENTENCE, "再等等看"])
    )
    found = roles(
        f"<title>论坛</title><table><tr><td><a href=/>首页</a></td></tr></table>{posts}<table><tr><td>版权所有 某某网</td></tr></table>"
    )
    assert {found[line] for line in ("同意", "去年也是这样？", SENTENCE, "再等等看")} == {"main"}


def test_a_list_of_short_links_is_no_foot():
    chapters = "".join(f"<li><a href=/{n}>第{n}章 渡口</a>" for n in range(80))
    notice = "<div id=copyRight><p>本站的书都是网友传来的，版权归作者，如有不妥，请来信告知，我们会很快删去，谢谢大家。</p></div>"
    found = roles(f"<title>船还在渡口</title>{NAV}<div class=list><ul>{chapters}</ul></div>{notice}")
    assert {found[f"第{n}章 渡口"] for n in range(80)} == {"main"}


def test_numbers_of_a_listing_go():
    code = "<pre><code>a = 1\nb = 2\nprint(a + b)</code><ul class=x><li>1</li><li>2</li><li>3</li></ul></pre>"
    found = roles(f"<title>加法</title><h1>加法</h1><p>{SENTENCE}</p>{code}<p>{SENTENCE * 2}</p>")
    assert {found[str(n)] for n in (1, 2, 3)} == {"html.line-numbers"}
    assert found["print(a + b)"] == "main"
    steps = roles(f"<h1>加法</h1><p>{SENTENCE}</p><ul><li>1</li><li>2</li><li>3</li></ul><p>{SENTENCE}</p>")
    assert steps["2"] == "main"


def test_rules_drawn_with_dashes_go_and_those_of_listings_stay():
    found = roles(f"<title>渡口</title><h1>渡口</h1><p>{SENTENCE}</p><p>{'-' * 30}</p><p>{SENTENCE}</p><pre>a\n{'=' * 12}\nb</pre>")
    assert found["-" * 30] == "html.repeated"
    assert found["=" * 12] == "main"


def test_pages_without_blocks_have_no_roles():
    assert main_blocks(Page("渡口")).roles == ()


def test_parameters_of_a_product_come():
    rows = ["材质：松木", "长度：2米", "产地：清河"]
    listed = "".join(f"<li>{row}</li>" for row in rows)
    promises = "".join(f"<p>{SENTENCE}</p>" for _ in range(12))
    head, foot = f"<title>船桨</title>{NAV}<div class=product><h1>船桨</h1>", f"<div class=detail>{promises}</div></div>{FOOT}"
    found = roles(f"{head}<ul class=p-parameter-list>{listed}</ul>{foot}")
    assert {found[row] for row in rows} == {"main"}


@given(st.lists(st.tuples(st.floats(-9, 9) | st.integers(-2, 2), st.integers(0, 50)), min_size=1, max_size=12))
def test_no_other_threshold_has_a_better_expected_measure(lines):
    said, words = np.array([float(odd) for odd, _ in lines]), np.array([float(size) for _, size in lines])
    likely = words / (1 + np.exp(-said))

    def measure(least):
        kept = said >= least
        return (1 + BETA**2) * likely[kept].sum() / (words[kept].sum() + BETA**2 * likely.sum() + 1e-9)

    assert measure(best_threshold(said, words)) >= max(map(measure, said)) - 1e-9
