"""Names that come from data never lead out of the folder they belong to."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import cleantext as ct
from cleantext.cli import main
from cleantext.errors import ConfigError, InputError
from cleantext.report.tally import Report
from cleantext.run.files import Source
from cleantext.run.find import find_pages
from cleantext.run.paths import inside
from cleantext.run.restore import undo

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"
HOSTILE = [
    "../victim",
    "a/../../victim",
    "/victim",
    "..",
    ".",
    "",
    "a/.",
    "a//b",
    "a\0b",
    "..\\victim",
    "C:\\victim",
    "\\\\host\\share\\x",
    "\ud800",
]


@pytest.fixture
def run_of_two(tmp_path):
    """A finished run with pages a.txt and b.txt, and a file beside its folder."""
    (tmp_path / "in").mkdir()
    for name in "ab":
        (tmp_path / "in" / f"{name}.txt").write_text(f"標題{name}\n{BODY}", "utf-8")
    ct.clean_files(tmp_path / "in", tmp_path / "out", duplicates="off")
    (tmp_path / "victim").write_text("mine")
    return tmp_path


def rewrite(out, **changes):
    """Change the row of a.txt in metadata.jsonl."""
    path = out / "metadata.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows[0] |= changes
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="leads out of the folder"):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["a.txt", "news.example.cn/一/二.txt", "..a", "a..", "...", "A:标题.txt", "a\\b.txt", "%2e%2e/x"])
def test_names_that_stay_inside_are_kept_as_they_are(tmp_path, name):
    assert inside(tmp_path, name) == tmp_path / name


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "", "/", "\\", "C:", "\0", "新", "link"]), max_size=6).map("".join))
def test_whatever_the_name_the_path_is_below_the_folder_or_there_is_none(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "contained"
    root.mkdir(exist_ok=True)
    if not (root / "link").is_symlink():
        (root / "link").symlink_to(root.parent)
    try:
        path = inside(root, name)
    except InputError:
        return
    assert root.resolve() in path.resolve().parents


@pytest.mark.parametrize("name", ["../victim", "VICTIM", "link/victim"])
def test_undo_writes_nothing_outside_its_folder(run_of_two, name):
    out, back = run_of_two / "out", run_of_two / "back"
    back.mkdir()
    (back / "link").symlink_to(run_of_two)
    name = name.replace("VICTIM", str(run_of_two / "victim"))
    rewrite(out, output=name)
    report = Report()
    assert [p.name for p in undo(out, back, report)] == ["b.txt"]
    assert [f["id"] for f in report.failures] == ["a.txt"]
    assert "leads out of the folder" in report.failures[0]["error"] or "changed or lost" in report.failures[0]["error"]
    assert (run_of_two / "victim").read_text() == "mine"


def test_undo_takes_no_name_from_an_id_that_leads_out(run_of_two):
    """Of a page without an output, such as a duplicate, the id says the name."""
    rewrite(run_of_two / "out", id="../victim", output=None, outcome="duplicate", chars_in=0)
    report = Report()
    list(undo(run_of_two / "out", run_of_two / "back", report))
    assert {f["id"] for f in report.failures} == {"a.txt", "../victim"}
    assert (run_of_two / "victim").read_text() == "mine"


@pytest.mark.parametrize("name", ["../victim", "VICTIM"])
def test_a_second_run_deletes_nothing_outside_its_folder(run_of_two, name):
    rewrite(run_of_two / "out", output=name.replace("VICTIM", str(run_of_two / "victim")))
    result = CliRunner().invoke(main, ["clean", str(run_of_two / "in"), "-o", str(run_of_two / "out"), "--duplicates", "off"])
    assert (result.exit_code, "leads out of the folder" in result.output) == (2, True)
    assert (run_of_two / "victim").read_text() == "mine"


def test_rows_that_are_none_are_told_with_their_line(run_of_two):
    path = run_of_two / "out" / "metadata.jsonl"
    for bad in ("{", "[]", '{"id": 5}', '{"id": "x", "outcome": "kept", "output": 7}'):
        path.write_text(path.read_text("utf-8").splitlines()[0] + "\n" + bad + "\n", "utf-8")
        for act in (
            lambda: ct.clean_files(run_of_two / "in", run_of_two / "out", duplicates="off"),
            lambda: list(undo(run_of_two / "out", run_of_two / "back", Report())),
        ):
            with pytest.raises(InputError, match="line 2: no row of a run"):
                act()


def test_globs_that_climb_are_refused(tmp_path):
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "up.txt").write_text(BODY, "utf-8")
    with pytest.raises(ConfigError, match="would be written outside the output"):
        ct.clean_files(f"{tmp_path}/x/*/../../up.txt", tmp_path / "out" / "deep", duplicates="off")
    assert not (tmp_path / "out" / "up.txt").exists()


def test_names_that_unpack_to_folders_are_refused(tmp_path):
    (tmp_path / "...gz").write_bytes(b"")
    assert Source.of(tmp_path / "...gz", "...gz").output == ".."
    with pytest.raises(ConfigError, match="would be written outside the output"):
        find_pages([tmp_path / "...gz"])


def test_a_link_in_the_output_leads_nowhere(run_of_two):
    """Somebody put it there after an earlier run: the page fails, and what it points to stays."""
    (run_of_two / "in" / "sub").mkdir()
    (run_of_two / "in" / "sub" / "victim.txt").write_text(BODY, "utf-8")
    (run_of_two / "elsewhere").mkdir()
    (run_of_two / "out" / "sub").symlink_to(run_of_two / "elsewhere")
    report = ct.clean_files(run_of_two / "in", run_of_two / "out", duplicates="off")
    assert [f["id"] for f in report.failures] == ["sub/victim.txt"]
    assert not list((run_of_two / "elsewhere").iterdir())


def test_an_output_whose_path_is_not_utf_8_is_refused_in_words(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(BODY, "utf-8")
    out = Path(str(tmp_path) + "/o\udcff")
    with pytest.raises(ConfigError, match="o%FF: its path has bytes that are not UTF-8"):
        ct.clean_files(tmp_path / "in", out)
    assert not out.exists()


def test_undo_tells_of_each_page_that_cannot_come_back_and_writes_the_others(run_of_two):
    out = run_of_two / "out"
    (run_of_two / "in" / "c.txt").write_text(BODY, "utf-8")
    ct.clean_files(run_of_two / "in", out, duplicates="off")
    (out / "a.txt").write_text("changed", "utf-8")
    (out / "c.txt").unlink()
    result = CliRunner().invoke(main, ["undo", str(out), "-o", str(run_of_two / "back")])
    assert result.exit_code == 3
    assert "a.txt: changed or lost" in result.output
    assert "c.txt: changed or lost" in result.output
    assert "1 originals written" in result.output
    assert [p.name for p in (run_of_two / "back").iterdir()] == ["b.txt"]


def test_undo_refuses_edits_of_another_page(run_of_two):
    """Flipped bits in edits.parquet are an error in words, or a page that cannot come back, never a wrong text."""
    edits = run_of_two / "out" / "edits.parquet"
    whole = edits.read_bytes()
    for place in range(10, len(whole), max(1, len(whole) // 40)):
        edits.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            written = list(undo(run_of_two / "out", run_of_two / f"back{place}", Report()))
        except InputError:
            continue
        for path in written:
            assert path.read_text("utf-8") == (run_of_two / "in" / path.name).read_text("utf-8")
