"""README.md is run: its Python, its commands, its rule."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cleantext.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if not line.startswith("python3")]


def test_python_blocks_run_in_order(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    space = {}
    blocks = [text for kind, text in BLOCKS if kind == "python"]
    assert len(blocks) >= 4
    rows = {"id": ["a", "b", "c"], "text": ["口岸是连接两国间的重要窗口", "口岸是連接兩國間的重要窗口。", "三年"]}
    pq.write_table(pa.table(rows), "corpus.parquet")
    for text in blocks:
        exec(compile(text, "README.md", "exec"), space)
    assert space["page"].text.startswith("发展新疆的历史\n\n随着口岸的开放,经济带的发展")
    assert space["page"].metadata["author"] == ["陈蔷薇"]
    assert len(space["found"].pairs) == 1
    assert sorted(pq.read_table("deduplicated.parquet")["id"].to_pylist()) == ["a", "c"]


def test_the_page_is_what_explain_prints():
    [block] = [text for kind, text in BLOCKS if kind == "text"]
    printed = CliRunner().invoke(main, ["explain", str(next((ROOT / "seeds").glob("003_*.txt")))]).output
    at = 0
    for piece in block.replace("\n", "…\n").split("…"):
        if piece.strip():
            assert piece.strip() in printed[at:], piece
            at = printed.index(piece.strip(), at)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "seeds", here / "seeds")
    (here / "bin").mkdir()
    (here / "bin" / "cleantext").write_text(f'#!/bin/sh\nexec {sys.executable} -m cleantext "$@"\n')
    (here / "bin" / "cleantext").chmod(0o755)
    return here


def test_commands_run_in_order(folder):
    """One test, for each command takes up what those before it left."""
    assert len(COMMANDS) >= 6
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        if "undo" in command:
            for seed in (ROOT / "seeds").glob("00?_*.txt"):
                assert (folder / "originals" / seed.name).read_bytes() == seed.read_bytes()
        if "pipe" in command:
            assert "显著的成效与经济的发展" in done.stdout


def test_the_rule_works(tmp_path):
    from cleantext.chrome import strip_chrome
    from cleantext.chrome.rules.pack import load_pack

    [text] = [text for kind, text in BLOCKS if kind == "toml"]
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    [row] = tomllib.loads(text)["line"]
    assert row["id"] in load_pack(str(tmp_path / "mine.toml")).by_id
    body = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"
    assert strip_chrome(f"{body}\n每日精选", rules=["zh-web-rules", str(tmp_path / "mine.toml")]) == body


def test_the_two_commands_are_the_first_two_shell_blocks():
    section = README[README.index("## The two commands") :]
    first, second = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[:2]
    assert "cleantext clean seeds/ -o cleaned/" in first
    assert "pytest" in second
    assert all(x.startswith("python3 -m venv") and x.count("\n") == 1 for x in (first, second))


def test_every_command_and_public_function_is_told():
    from cleantext.cli import main

    told = README + (ROOT / "CHANGELOG.md").read_text("utf-8")
    for name in main.commands:
        assert re.search(rf"\b{name}\b", told), name
    for name in (
        "decode",
        "repair",
        "normalize",
        "strip_chrome",
        "unify_script",
        "detect_script",
        "clean",
        "explain",
        "find_duplicates",
        "Pipeline",
    ):
        assert f"ct.{name}" in README, name
