"""The guide and README are run as they stand: shell, Python, files to save, and the outputs that are shown.

On a page, in order: a block of ``sh`` is a script, one of ``python`` goes on in the names of those before it, one with
``title="NAME"`` is saved as that file, and a block of ``text`` is what the block before it prints, where … stands for anything.
"""

import ast
import codeop
import contextlib
import io
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from cleantext.data import format_marks
from cleantext.run.readers.sniff import KINDS
from cleantext.run.readers.units import READERS
from cleantext.transform import REGISTRY

ROOT = Path(__file__).resolve().parent.parent
GUIDE = sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r'^```(\w+)(?: title="([^"\n]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


SILENT = {"print", "sys.path.insert"}  # calls that return nothing


class Block(NamedTuple):
    line: int
    kind: str
    name: str | None
    text: str
    follows: bool  # nothing but blank lines stands before it and the block before


def blocks(page):
    text, found, end = page.read_text("utf-8"), [], None
    assert text.count("\n```") == 2 * len(FENCE.findall(text)), f"{page.name}: a block without a language, or not closed"
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(line, match[1], match[2], match[3], end is not None and not text[end : match.start()].strip()))
        end = match.end()
    return found


def missing(shown, printed):
    """Return the first piece of what is shown that was not printed there; … stands for anything, blanks at the ends of lines for nothing."""
    shown, printed = ("\n".join(line.rstrip() for line in text.strip().split("\n")) for text in (shown, printed))
    first, *pieces = shown.split("…")
    if not printed.startswith(first):
        return first
    at = len(first)
    for n, piece in enumerate(pieces, 1):
        found = printed.rfind(piece, at) if n == len(pieces) else printed.find(piece, at)
        at = found + len(piece)
        if found < 0:
            return piece
    return None if at == len(printed) else printed[at:]


def run(page, folder, monkeypatch, given=None, replaced=()):
    """Run the blocks of a page in a folder.

    `given` are names that it takes for granted, `replaced` what stands for a machine of the reader's.
    """
    __tracebackhide__ = True
    monkeypatch.chdir(folder)
    commands = folder.parent / "bin"
    commands.mkdir()
    for name, call in (("cleantext", "-m cleantext"), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {call} "$@"\n')
        (commands / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    names, printed = dict(given or {}), None
    for block in blocks(page):
        where, text = f"{page.name}:{block.line}", block.text
        for this, that in replaced:
            text = text.replace(this, that)
        if block.name:
            Path(block.name).parent.mkdir(parents=True, exist_ok=True)
            Path(block.name).write_text(text, "utf-8")
        elif block.kind == "sh":
            if text.startswith(("python3 -m venv", ". .venv/")):  # the two commands of README, which the gate runs, and what they need
                continue
            call = ["bash", "-euo", "pipefail", "-c", text]
            done = subprocess.run(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            printed = done.stdout.decode()
            assert done.returncode == 0, f"{where}: {printed}"
        elif block.kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile("\n" * block.line + text, page.name, "exec"), names)
            printed = out.getvalue()
        else:
            assert (block.kind, block.follows) == ("text", True), f"{where}: neither run, nor saved, nor the output of the block before"
            if (lacks := missing(text, printed)) is not None:
                pytest.fail(f"{where}: {lacks!r} is not in what was printed:\n{printed}")
    return names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder to run a page in; what its Python registers and imports is forgotten afterwards."""
    (tmp_path / "page").mkdir()
    (tmp_path / "cleantext").symlink_to(ROOT)  # the clone, as pages name it
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(format_marks, "SURE", format_marks.SURE)
    yield tmp_path / "page"
    for table, name in ((READERS, "xml"), (READERS, "pagemark"), (KINDS, "pagemark")):
        table.pop(name, None)
    REGISTRY.pop("mine.ellipsis", None)
    for name in ("ellipsis", "feed", "pagemark"):  # modules that pages save
        sys.modules.pop(name, None)


@pytest.mark.parametrize("page", [ROOT / "README.md", *GUIDE], ids=lambda page: page.stem)
def test_python_can_be_pasted(page):
    """Into an interactive interpreter, line by line, which says nothing beside the output shown."""
    found = blocks(page)
    for block, behind in itertools.zip_longest(found, found[1:]):
        if block.kind == "python" and not block.name:
            where = f"{page.name}:{block.line}"
            compiler, lines = codeop.CommandCompiler(), []
            for line in [*block.text.split("\n"), ""]:
                lines.append(line)
                if compiler("\n".join(lines), where) is not None:
                    lines = []
            assert not lines, f"{where} is not complete"
            if behind and behind.kind == "text":
                said = [node.value for node in ast.parse(block.text).body if isinstance(node, ast.Expr)]
                assert all(isinstance(call, ast.Call) and ast.unparse(call.func) in SILENT for call in said), where


@pytest.mark.parametrize("page", [page for page in GUIDE if page.stem not in {"cluster", "elsewhere"}], ids=lambda page: page.stem)
def test_the_guide_runs(page, folder, monkeypatch):
    run(page, folder, monkeypatch)


# A few rows need no 200 partitions, no web server, and no second compiler in the JVM.
LIGHT = {
    "spark.ui.enabled": "false",
    "spark.log.level": "OFF",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}


@pytest.mark.spark
@pytest.mark.long  # four minutes: each command begins Spark anew; run it by hand after a change of docs/cluster.md
@pytest.mark.filterwarnings("default")  # pyspark's own
def test_the_page_on_clusters_runs(folder, monkeypatch):
    """With Spark in this process for the cluster, and folders here for the disks that machines share."""
    pytest.importorskip("pyspark", reason="needs pyspark")
    if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        pytest.skip("needs pyspark and Java")
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cleantext.plan.spark import connected

    text = "渡口边的书店开了三十年,店主人每天清晨划船过河,给对岸的学生送书。河水再大,书也没有迟到过。"
    for name in ("crawl", "corpus", "shared", "bucket/texts"):
        (folder / name).mkdir(parents=True)
    (folder / "crawl" / "a.html").write_text(f"<h1>渡口的书店</h1><p>{text}", "utf-8")
    table = pa.table({"id": ["a", "b"], "text": [text, text + "尾声。"]})
    pq.write_table(table, folder / "corpus" / "a.parquet")
    pq.write_table(table, folder / "bucket" / "texts" / "a.parquet")
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    here = [
        ("spark://host:7077", "local[2]"),
        ("--spark-conf spark.executor.memory=8g", " ".join(f"--spark-conf {name}={value}" for name, value in LIGHT.items())),
        ("pip install", "true"),
        ("s3a://", f"{folder}/"),
        ("/shared", f"{folder}/shared"),
    ]
    with connected("local[2]", LIGHT) as spark:
        frame = spark.createDataFrame(
            [("1", "http://news.example.cn/1", f"<h1>渡口的书店</h1><p>{text}")], "id string, url string, html string"
        )
        run(ROOT / "docs" / "cluster.md", folder, monkeypatch, {"spark": spark, "frame": frame}, here)
    assert any((folder / "out").glob("corpus-*.parquet"))
    assert len(pq.read_table(folder / "found" / "duplicates.parquet")) == 1
    assert any((folder / "shared" / "corpus").iterdir())


def test_blocks_of_other_pipelines_are_those_of_their_tests():
    tests = (ROOT / "tests" / "test_elsewhere.py").read_text("utf-8")
    for heading in re.findall(r"^## (.*)$", (ROOT / "docs" / "elsewhere.md").read_text("utf-8"), re.MULTILINE):
        assert f'given("{heading}"' in tests, heading


def test_readme_runs(folder, monkeypatch):
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    run(ROOT / "README.md", folder, monkeypatch)


def test_all_pages_are_in_the_navigation():
    nav = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]
    assert sorted(page for entry in nav for page in entry.values()) == sorted(page.name for page in GUIDE)


def test_the_two_commands_are_those_of_the_gate():
    """`.ci/run` takes them from README, from the first two blocks of that section."""
    text = (ROOT / "README.md").read_text("utf-8")
    clean, tests = re.findall(r"^```sh\n(.*?)^```", text[text.index("## The two commands") :], re.MULTILINE | re.DOTALL)[:2]
    assert "cleantext clean seeds/ -o cleaned/" in clean
    assert "pytest" in tests
    assert all(block.startswith("python3 -m venv") and block.count("\n") == 1 for block in (clean, tests))


@pytest.mark.parametrize("name", ["commands", "api"])
def test_references_are_those_of_the_code(name):
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import make_reference
    finally:
        sys.path.pop(0)
    text = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    assert text == make_reference.PAGES[name](), "run `python docs/make_reference.py`"


@pytest.mark.parametrize(
    ("shown", "printed", "lacks"),
    [
        ("a\nb", "a  \nb\n", None),
        ("a…c", "a\nb\nc c", None),
        ("a", "ab", "b"),
        ("…b", "ab", None),
        ("a.c", "abc", "a.c"),
        ("a…b…a", "aba", None),
    ],
)
def test_outputs_are_compared(shown, printed, lacks):
    assert missing(shown, printed) == lacks
