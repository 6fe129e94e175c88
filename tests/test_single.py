"""Presets, --to, and the commands that do one stage alone."""

import json

import pytest
from click.testing import CliRunner

import cleantext as ct
from cleantext.cli import main
from cleantext.errors import ConfigError
from cleantext.pipeline import Pipeline

HTML = """<html><head><title>春天来了_某站</title><meta charset="utf-8"></head><body><div class="nav"><a href="/">首页</a> <a href="/n">新闻</a></div>
<h1>春天来了</h1><div class="info">2020-03-04 10:20 来源：某报</div><div class="content"><p>今年三月，喀什古城的杏花开了，游客比往年多了一倍，街上的老人说这样的景象十年未见。</p>
<ul><li>第一件事是修桥，修好之后村里的人不再绕路。</li></ul></div></body></html>"""


def run(*args, **options):
    return CliRunner().invoke(main, [str(a) for a in args], catch_exceptions=False, **options)


def test_convert_changes_the_script_alone(tmp_path):
    assert run("convert", "--to", "t2s", input="發展　１０月\r\n乾隆").stdout_bytes == "发展　１０月\r\n乾隆".encode()
    (tmp_path / "a.txt").write_bytes("發展".encode("big5"))
    assert run("convert", "--to", "hans", tmp_path / "a.txt").stdout == "发展"
    assert run("convert", "--to", "s2twp", input="软件").stdout == "軟體"
    assert run("convert", "--to", "hans", "--keep", "發展", input="發展經濟").stdout == "發展经济"
    assert run("convert", "--to", "klingon", input="x").exit_code == 2
    assert run("convert", "--to", "t2s", tmp_path / "none.txt").exit_code == 2


def test_repair_repairs_and_converts_nothing():
    assert run("repair", input="cafÃ© 發展 &amp;amp;").stdout == ct.repair("cafÃ© 發展 &amp;amp;")


def test_extract_gives_text_markdown_and_json(tmp_path):
    (tmp_path / "a.html").write_bytes(HTML.encode("gb18030").replace(b"utf-8", b"gb2312"))
    text = run("extract", tmp_path / "a.html").stdout
    assert "首页" not in text
    assert "杏花开了" in text
    assert run("extract", input=HTML).stdout == text
    assert "# 春天来了" in run("extract", "-", "--markdown", input=HTML).stdout
    told = json.loads(run("extract", "--json", "--url", "http://news.example.cn/1.html", input=HTML).stdout)
    assert told["title"] == "春天来了"
    assert told["published"].startswith("2020-03-04")
    assert told["url"] == "http://news.example.cn/1.html"
    assert "遊客" in run("extract", "--to", "hant", input=HTML).stdout


@pytest.mark.parametrize(
    ("preset", "out"),
    [("zh-web", "发展游客"), ("zh-web-hant", "發展遊客"), ("web", "发展游客"), ("text", "发展游客")],
)
def test_presets_say_what_becomes_of_the_script(preset, out):
    given = {"zh-web": "發展遊客今年三月,古城的杏花開了,來的人比往年多了一倍。"}
    made = Pipeline.load(preset)(f"{given.get(preset, '发展游客今年三月,古城的杏花开了,来的人比往年多了一倍。')}⼀")
    assert made.startswith(out)
    assert made.endswith("一"), "a radical of Kangxi is the character that it stands for"
    chrome = [step.id for step in Pipeline.load(preset).steps if step.id.startswith("chrome.")]
    assert chrome == ([] if preset == "text" else ["chrome.html", "chrome.lines"])


def test_to_says_it_for_any_preset(tmp_path):
    (tmp_path / "a.txt").write_text("發展", "utf-8")
    for to, text in (("hans", "发展"), ("hant", "發展"), ("keep", "發展")):
        for preset in ("zh-web", "text"):
            assert run("pipe", "--pipeline", preset, "--to", to, input="發展").stdout.strip() == text
        out = tmp_path / to
        assert run("clean", tmp_path / "a.txt", "-o", out, "--to", to, "--duplicates", "off").exit_code == 0
        assert (out / "a.txt").read_text("utf-8") == text
    assert run("pipe", "--to", "klingon", input="x").exit_code == 2
    two = Pipeline.load("zh-web").then(Pipeline.load("zh-web").steps[-1])
    with pytest.raises(ConfigError, match=r"has 2 script\.to steps"):
        two.with_script("hant")
