"""Pipelines: presets, composition, fingerprints, the ways in."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given

import cleantext as ct
from cleantext.errors import ConfigError
from cleantext.pipeline import Pipeline, preset_names
from cleantext.script import UnifyScript
from cleantext.testing import lines
from cleantext.transform import Block, Page

PAGE = "甲地的春天\n发布时间:2023-10-24 来源:石榴云\n\n今年三月,喀什古城的杏花开了,游客比往年多了一倍。隨著口岸的發展,經濟帶建設進入新階段,顯著成效。\n责任编辑：某某"


def test_presets_load():
    assert "zh-web" in preset_names()
    assert [s.id for s in Pipeline.load("zh-web").steps][-2:] == ["chrome.lines", "script.to"]


def test_order_of_the_preset_is_slips_pinyin_mojibake_normalize_chrome_script():
    stages = [s.id for s in Pipeline.load("zh-web").steps]
    order = ["repair.pinyin", "repair.mojibake", "repair.entities", "normalize.forms", "chrome.lines", "script.to"]
    assert [stages.index(s) for s in order] == sorted(stages.index(s) for s in order)
    if "repair.slip" in stages:
        assert stages[0] == "repair.slip"


def test_fingerprint_is_the_recipe():
    web = Pipeline.load("zh-web")
    assert web.fingerprint == Pipeline.load("zh-web").fingerprint == pickle.loads(pickle.dumps(web)).fingerprint
    assert web.fingerprint != web.without("script.to").fingerprint
    out = subprocess.run(
        [sys.executable, "-c", "import cleantext as ct; print(ct.Pipeline.load('zh-web').fingerprint)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == web.fingerprint


def test_without_and_then():
    web = Pipeline.load("zh-web")
    plain = web.without("script.to", "chrome.lines")
    assert plain("顯著\n分享到：") == "顯著\n分享到："
    from cleantext.script import UnifyScript

    assert plain.then(UnifyScript(to="t2s"))("顯") == "显"
    with pytest.raises(ConfigError, match=r"unknown step 'chrome.line'.*did you mean 'chrome.lines'"):
        web.without("chrome.line")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[step]]\nuse = 'script.too'", "step 1: unknown transform 'script.too'"),
        ("[[step]]\nuse = 'script.to'\nto_ = 'hans'", "unknown option of script.to 'to_'"),
        ("[[step]]\nto = 'hans'", "no `use`"),
        ("[[step]", "not valid TOML"),
        ("[[steps]]\nuse = 'script.to'", "unknown table or key 'steps': did you mean 'step'"),
        ("name = 'nothing'", r"no \[\[step\]\]"),
        ("[[step]]\nuse = 'script.to'\nto = 5", "to = 5: expected str"),
    ],
)
def test_a_wrong_file_says_where_and_what(tmp_path, text, says):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        Pipeline.load(path)


def test_a_file_of_my_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[[step]]\nuse = "script.to"\nto = "s2t"\n')
    assert Pipeline.load(path)("发展") == "發展"
    path.write_text('[[step]]\nuse = "script.to"\nto = "t2s"\n')  # a file is read each time, not remembered
    assert Pipeline.load(path)("發展") == "发展"


def test_arrow_columns_batches_and_strings_agree():
    web = Pipeline.load("zh-web")
    texts = [PAGE, "", None, "發展新疆的歷史"]
    cleaned = [None if t is None else web(t) for t in texts]
    assert web.arrow(pa.array(texts)).to_pylist() == cleaned
    assert web.arrow(pa.chunked_array([texts[:1], texts[1:]])).to_pylist() == cleaned
    assert web.arrow(texts).to_pylist() == cleaned
    mapper = pickle.loads(pickle.dumps(web.on("text")))
    assert mapper({"text": texts, "id": [1, 2, 3, 4]}) == {"text": cleaned, "id": [1, 2, 3, 4]}


def test_explanations_replay():
    page = ct.explain(PAGE)
    assert ct.apply(PAGE, page.edits) == page.text == ct.clean(PAGE)
    assert page.metadata["published"] == "2023-10-24"
    assert page.metadata["source"] == "石榴云"
    at = page.text.index("经济带建设")
    start, end = page.original_span(at, at + 5)
    assert PAGE[start:end] == "經濟帶建設"
    assert page.cleaned_span(start, end) == (at, at + 5)
    assert page.cleaned_span(PAGE.index("责任"), len(PAGE)) == (len(page.text), len(page.text))


@given(lines())
def test_cleaning_is_a_function(text):
    web = Pipeline.load("zh-web")
    assert web(text) == web(text)


def test_threads_share_pipelines():
    web = Pipeline.load("zh-web")
    texts = [PAGE + str(n) for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(web, texts)) == [web(t) for t in texts]


def test_blocks_are_carried_through_edits():
    text = "甲地的春天\n分享到：\n今年三月,喀什古城的杏花开了,遊客比往年多了一倍。\n"
    bounds = [0, 6, 11, len(text)]
    page = Page(text, html=tuple(Block(a, b, tag) for a, b, tag in zip(bounds, bounds[1:], ("h1", "div", "p"), strict=False)))
    [out] = Pipeline.load("zh-web").fast([page])
    assert [b.tag for b in out.blocks if b.end > b.start] == ["h1", "p"]
    assert "".join(out.text[b.start : b.end] for b in out.blocks) == out.text


def test_html_to_text_and_markdown():
    body = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。"
    page = f"<html><body><h1>喀什的春天</h1><div class=share>分享到：</div><p>{body}</p><h2>花期</h2><ul><li>三月初开,{body}</li><li>四月谢,{body}</li></ul><p>{body}</p></body></html>"
    assert ct.clean_html(page) == f"喀什的春天\n{body}\n花期\n三月初开,{body}\n四月谢,{body}\n{body}"
    assert ct.clean_html(page.encode("gb18030"), output="markdown") == (
        f"# 喀什的春天\n\n{body}\n\n## 花期\n\n- 三月初开,{body}\n- 四月谢,{body}\n\n{body}"
    )
    with pytest.raises(ConfigError, match="'text' or 'markdown'"):
        ct.clean_html(page, output="pdf")


CARRIED = """發展新疆的歷史
發布時間:2023-10-24 來源:石榴雲 作者:陳薔薇、何寧

隨著口岸的開放,經濟帶的發展進入了新階段,顯著帶動了沿線的就業。
责任编辑:石青"""


def test_title_and_names_are_converted_with_the_text():
    web = Pipeline.load("zh-web")
    known = web.explain(Page(CARRIED)).metadata
    assert (known["title"], known["title_raw"]) == ("发展新疆的历史", "發展新疆的歷史")
    assert (known["source"], known["source_raw"]) == ("石榴云", "石榴雲")
    assert (known["author"], known["author_raw"]) == (["陈蔷薇", "何宁"], ["陳薔薇", "何寧"])
    assert known["editor"] == ["石青"]
    assert "editor_raw" not in known
    assert web.fast([Page("短"), Page(CARRIED)])[1].metadata == known
    assert Pipeline((web,)).explain(Page(CARRIED)).metadata == known
    assert web.without("script.to").explain(Page(CARRIED)).metadata["title"] == "發展新疆的歷史"


@pytest.mark.parametrize("to", ["hant-tw", "s2twp", "s2t"])
def test_metadata_go_the_way_of_their_text(to):
    page = Page("软件的发展\n\n经济带的发展进入了新阶段。", metadata={"title": "软件的发展", "author": ["陈蔷薇"], "words": "发展"})
    step = UnifyScript(to=to)
    [fast] = step.fast([page])
    assert fast.metadata == step.run([page]).restated[0] | {"words": "发展"}
    assert fast.metadata["title"] == fast.text.split("\n")[0]
    assert fast.metadata["title_raw"] == "软件的发展"
    [again] = step.fast([fast])
    assert again.metadata["title_raw"] == "软件的发展"


def test_names_on_pages_that_are_not_converted_stay():
    page = Page("東京大学の研究について、記者が説明した。", metadata={"title": "東京大學", "source": "發展報"})
    assert UnifyScript().fast([page])[0].metadata == page.metadata
    assert not UnifyScript().run([page]).restated


def test_radicals_that_a_pdf_left_are_characters():
    text = "为了\N{KANGXI RADICAL SQUARE}便\N{KANGXI RADICAL USE}户,\N{KANGXI RADICAL WATER}利局改了\N{KANGXI RADICAL SCRIPT}件。"
    cleaned = ct.explain(text)
    assert cleaned.text == "为了方便用户,水利局改了文件。"
    assert {e.rule for e in cleaned.edits} == {"script.radical"}
