"""Streams: stdout in any encoding, and what goes through a pipe."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cleantext.cli import main
from cleantext.pipeline import Pipeline

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,老人们说这样的春天他们等了三年。"
# Not in GBK: brackets of ours, an emoji, a letter of Uyghur, é in none of ASCII.
PAGE = f"河道清淤 😀 ۇ é\n文字放大 文字缩小\n\n{BODY}\n责任编辑:王小明\n"
ENCODINGS = ["gbk", "cp936", "ascii", "cp1252", "big5", "utf-8"]


def shell(*args, stdin=b"", encoding="gbk"):
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LANG": "C", "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-m", "cleantext", *map(str, args)], input=stdin, capture_output=True, check=False, env=env)
    assert b"Traceback" not in done.stderr
    return done


def run(*args, encoding="gbk", stdin=None):
    result = CliRunner(charset=encoding).invoke(main, [str(a) for a in args], input=stdin, catch_exceptions=False)
    return result.exit_code, result.stdout_bytes


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(PAGE, "utf-8")
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_explain_writes_to_any_console(page, encoding):
    for more in ([], ["--diff"]):
        code, out = run("explain", page, *more, encoding=encoding)
        assert code == 0
        if encoding != "ascii":  # click writes UTF-8 there
            assert ("王小明" if encoding != "cp1252" else "\\u738b") in out.decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_json_on_any_console(page, encoding):
    code, out = run("explain", page, "--json", encoding=encoding)
    assert code == 0
    assert "😀" in json.loads(out.decode("utf-8" if encoding == "ascii" else encoding))["text"]


def test_a_redirected_console_of_gbk(page, tmp_path):
    assert shell("explain", page).returncode == 0
    assert "⟨" not in (out := shell("explain", page).stdout.decode("gbk"))
    assert "\\u27e8" in out
    for command in (["rules", "list"], ["rules", "show", "ticker.menu"], ["--help"], ["clean", "--help"], ["doctor"]):
        assert shell(*command).returncode in (0, 2)
    assert shell("clean", page, "-o", tmp_path / "out").returncode == 0
    assert shell("report", tmp_path / "out", encoding="ascii").returncode == 0


def test_names_of_other_bytes_are_printed(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xb7\xa2")
    folder.mkdir()
    (folder / "a.txt").write_text(PAGE, "utf-8")
    for encoding in ("utf-8", "gbk"):
        done = shell("explain", folder / "a.txt", "--diff", encoding=encoding)
        assert done.returncode == 0


def test_pipe_writes_utf8_whatever_the_console():
    done = shell("pipe", stdin="發展😀\n".encode())
    assert done.stdout.decode() == "发展😀\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no JSON: "),
        ("\ufeff[1]", "no JSON object, but a list"),
        ("5", "no JSON object, but a number"),
        ('{"body": "b"}', "no field 'text'; it has body"),
        ("{}", "no field 'text'; it has none"),
        ('{"text": null}', "field 'text' is null, no text"),
        ('{"text": ["a"]}', "field 'text' is a list, no text"),
        ("[" * 100_000, "no JSON: "),
    ],
    ids=lambda x: x[:20],
)
def test_pipe_tells_what_is_wrong_with_a_record(line, says):
    result = CliRunner().invoke(main, ["pipe", "--jsonl", "text"], input=(line + "\n").encode(), catch_exceptions=False)
    assert result.exit_code == 3
    assert f"line 1: {says}" in result.stderr
    assert result.stdout_bytes == (line + "\n").encode()


def test_pipe_tells_of_a_step_that_fails(monkeypatch):
    def breaks(self, text):
        if "坏" in text:
            raise ValueError("planted")
        return text + "!"

    monkeypatch.setattr(Pipeline, "__call__", breaks)
    for more, lines in ((["--jsonl", "text"], ['{"text": "坏"}', '{"text": "好"}']), ([], ["坏", "好"])):
        result = CliRunner().invoke(main, ["pipe", *more], input="\n".join(lines).encode(), catch_exceptions=False)
        assert result.exit_code == 3
        assert "line 1: a step of the pipeline failed: ValueError('planted')" in result.stderr
        assert "好!" in result.stdout


def test_pipe_reads_fields_inside_fields():
    lines = [{"data": {"text": "發展"}}, {"data.text": "經濟"}, {"data": "發展"}, {"data": {}}]
    result = CliRunner().invoke(
        main, ["pipe", "--jsonl", "data.text"], input="\n".join(map(json.dumps, lines)).encode(), catch_exceptions=False
    )
    assert [json.loads(x) for x in result.stdout.splitlines()] == [{"data": {"text": "发展"}}, {"data.text": "经济"}, *lines[2:]]
    assert result.exit_code == 3


def test_pipe_of_nothing_and_a_reader_that_goes():
    assert shell("pipe").stdout == b""
    assert shell("pipe", "--jsonl", "text", stdin=b"\n\n").stdout == b"\n\n"
    command = f"yes 發展 | head -5000 | {sys.executable} -m cleantext pipe | head -1; echo ${{PIPESTATUS[2]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert done.stdout.decode().split() == ["发展", "0"]
    assert done.stderr == b""
