"""Names that come from data never lead out of the folder they belong to."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import cleantext as ct
from cleantext.chrome.hosts.profiles import HostProfile
from cleantext.cli import main
from cleantext.errors import ConfigError, InputError
from cleantext.report.tally import Report
from cleantext.run.files import STATE, TABLES, UNDO, is_run, is_undo, whole
from cleantext.run.finished.restore import undo
from cleantext.run.paths import inside
from cleantext.run.readers.find import find_pages
from cleantext.run.readers.source import Source
from cleantext.run.resume.run_state import working

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


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    (folder / "in").mkdir()
    for name in "ab":
        (folder / "in" / f"{name}.txt").write_text(f"標題{name}\n{BODY}", "utf-8")
    ct.clean_files(folder / "in", folder / "out", duplicates="off")
    (folder / "victim").write_text("mine")
    return folder


@pytest.fixture
def run_of_two(tmp_path, original):
    """A finished run with pages a.txt and b.txt, and a file beside its folder."""
    return shutil.copytree(original, tmp_path, dirs_exist_ok=True)


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
    for bad in ("{", "[" * 100_000, "[]", '{"id": 5}', '{"id": "x", "outcome": "kept", "output": 7}'):
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


# ---------------------------------------------------------------- the state of a run


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("link", ["", "lock", "pages", "pages/sub", "work", "dedup", "dedup/texts", "000000.edits.arrow", "earlier.json"])
@pytest.mark.parametrize("command", ["clean", "clean --restart", "clean --remove", "dedup", "dedup --engine local", "undo"])
def test_links_in_the_place_of_the_state_are_refused_and_what_they_lead_to_stays(run_of_two, link, command):
    """Everything in the state is written over, and deleted in the end."""
    out, victim = run_of_two / "out", run_of_two / "mine"
    (victim / "sub").mkdir(parents=True)
    (victim / "sub" / "a.txt").write_text("mine", "utf-8")
    (victim / "lock").write_text("mine", "utf-8")
    name, *options = command.split()
    target, source = (out, run_of_two / "in") if name != "undo" else (run_of_two / "back", out)
    target.mkdir(exist_ok=True)
    path = target / STATE / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(victim / "lock" if "." in link or link == "lock" else victim)
    before = files(victim), files(out)
    result = CliRunner().invoke(main, [name, str(source), "-o", str(target), *options])
    assert (result.exit_code, (files(victim), files(out))) == (2, before), result.output


def test_a_linked_state_makes_no_run(tmp_path):
    (tmp_path / "elsewhere" / UNDO).mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / STATE).symlink_to(tmp_path / "elsewhere")
    assert not is_run(tmp_path / "out")
    assert not is_undo(tmp_path / "out")
    with pytest.raises(ConfigError, match="its state holds no links"), working(tmp_path / "out"):
        pass
    (tmp_path / "out" / STATE).unlink()
    (tmp_path / "out" / STATE).write_text("mine")
    with pytest.raises(ConfigError, match="its state holds no links"), working(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / STATE).read_text() == "mine"


def test_a_link_called_as_a_probe_leads_nowhere(run_of_two):
    (run_of_two / "out" / ".cleantext-probe").symlink_to(run_of_two / "victim")
    ct.clean_files(run_of_two / "in", run_of_two / "out", duplicates="off")
    assert (run_of_two / "victim").read_text() == "mine"


@pytest.mark.parametrize("name", [*sorted(TABLES), f"{STATE}/lock", STATE, "report.json/a.txt"])
def test_rows_that_name_what_is_the_runs_own_delete_and_write_nothing(run_of_two, name):
    out, back = run_of_two / "out", run_of_two / "back"
    (out / "events.jsonl").write_text("mine")
    rewrite(out, output=name)
    before = files(out)
    with pytest.raises(InputError, match="but a table or the state of a run"):
        ct.clean_files(run_of_two / "in", out, duplicates="off")
    assert files(out) == before
    report = Report()
    assert [p.name for p in undo(out, back, report)] == ["b.txt"]
    assert [f["id"] for f in report.failures] == ["a.txt"]
    assert files(out) == before


@pytest.mark.parametrize("name", [STATE, f"{STATE}/x.txt", "metadata.jsonl/x.txt"])
def test_pages_named_as_what_is_the_runs_own_are_refused(tmp_path, name):
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    path.write_text(BODY, "utf-8")
    with pytest.raises(ConfigError, match="or of its state: rename it"):
        find_pages([f"{tmp_path}/in/{name[:2]}*/x.txt" if "/" in name else path])


def test_errors_of_writing_name_the_file_not_its_temporary_name(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError) as caught, whole(tmp_path / "a") as temporary:
        temporary.write_text("x")
    assert caught.value.filename == str(tmp_path / "a")
    assert ".part" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("duplicates", ["off", "passages", "passages --remove", "documents --remove"])
@pytest.mark.parametrize("obstacle", ["link out", "file for folder", "folder for file"])
def test_a_page_whose_place_is_taken_fails_alone(run_of_two, duplicates, obstacle):
    """Also where pages go aside first, until duplicates are found."""
    source, out = run_of_two / "in", run_of_two / "out"
    (source / "sub").mkdir()
    (source / "sub" / "victim.txt").write_text(f"第三頁\n{BODY}", "utf-8")
    (run_of_two / "elsewhere").mkdir()
    if obstacle == "link out":
        (out / "sub").symlink_to(run_of_two / "elsewhere")
    elif obstacle == "file for folder":
        (out / "sub").write_text("mine")
    else:
        (out / "sub" / "victim.txt" / "mine").mkdir(parents=True)
    report = ct.clean_files(source, out, duplicates=duplicates.split()[0], remove="--remove" in duplicates)
    assert [f["id"] for f in report.failures] == ["sub/victim.txt"]
    told = json.loads((out / "report.json").read_text("utf-8"))
    assert told["pages"] == {"in": 3, "kept": 2, "emptied": 0, "duplicate": 0, "filtered": 0, "failed": 1}
    assert told["characters"]["out"] == sum(len((out / name).read_text("utf-8")) for name in ("a.txt", "b.txt"))
    assert told["changed"] == 2
    back = Report()
    assert sorted(p.name for p in undo(out, run_of_two / "back", back)) == ["a.txt", "b.txt"]
    assert not back.failures
    assert {"report.json", "metadata.jsonl", "failed.jsonl"} <= set(files(out))
    assert not (out / STATE).exists()
    assert not list((run_of_two / "elsewhere").iterdir())


def test_a_link_called_as_the_temporary_profile_leads_nowhere(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".hosts.toml.part").symlink_to(tmp_path / "victim")
    HostProfile({}).save(tmp_path / "hosts.toml")
    assert (tmp_path / "victim").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hosts.toml", "victim"]


# ---------------------------------------------------------------- undo


@pytest.mark.parametrize("finished", [True, False])
def test_undo_writes_over_no_run(run_of_two, finished):
    other = run_of_two / "other"
    shutil.copytree(run_of_two / "out", other)
    if not finished:
        (other / "report.json").unlink()
        (other / STATE).mkdir()
    before = files(other)
    result = CliRunner().invoke(main, ["undo", str(run_of_two / "out"), "-o", str(other)])
    assert (result.exit_code, "holds the pages of a run: name a new or empty folder" in result.output) == (2, True)
    with pytest.raises(ConfigError, match="holds the pages of a run"):
        list(undo(run_of_two / "out", other, Report()))
    assert files(other) == before


def test_a_stopped_undo_can_be_run_again(run_of_two):
    out, back = run_of_two / "out", run_of_two / "back"
    stopped = undo(out, back, Report())
    next(stopped)
    with pytest.raises(ConfigError, match="is writing here"):
        next(undo(out, back, Report()))
    stopped.close()
    assert is_undo(back)
    (back / ".0123456789ab.77.part").write_text("left by one that was killed")
    shutil.copytree(out, run_of_two / "another")
    result = CliRunner().invoke(main, ["undo", str(run_of_two / "another"), "-o", str(back)])
    assert (result.exit_code, f"an undo of {out.resolve()} was stopped here" in result.output) == (2, True)
    result = CliRunner().invoke(main, ["clean", str(run_of_two / "in"), "-o", str(back)])
    assert (result.exit_code, "holds files that cleantext did not write" in result.output) == (2, True)
    assert CliRunner().invoke(main, ["undo", str(out), "-o", str(back)]).exit_code == 0
    assert files(back) == files(run_of_two / "in")
    assert not (back / STATE).exists()


@pytest.mark.parametrize("fault", ["folder", "in a file", "no UTF-8", "id of no characters", "folder in its place", "file in its place"])
def test_a_bad_page_does_not_end_undo(run_of_two, fault):
    out, back = run_of_two / "out", run_of_two / "back"
    back.mkdir()
    bad = "a.txt"
    if fault == "folder":
        (out / "a.txt").unlink()
        (out / "a.txt").mkdir()
    elif fault == "in a file":
        rewrite(out, output="b.txt/a.txt")
    elif fault == "no UTF-8":
        (out / "a.txt").write_bytes(b"\xff\xfe")
        rewrite(out, output_sha256=hashlib.sha256(b"\xff\xfe").hexdigest())
    elif fault == "id of no characters":
        bad = "\ud800"
        rewrite(out, id=bad, output=None, outcome="duplicate", chars_in=0)
    elif fault == "folder in its place":
        (back / "a.txt" / "mine").mkdir(parents=True)
    else:
        (out / "sub").mkdir()
        (out / "a.txt").rename(out / "sub" / "a.txt")
        rewrite(out, output="sub/a.txt")
        (back / "sub").write_text("mine")
    report = Report()
    assert [p.name for p in undo(out, back, report)] == ["b.txt"]
    assert bad in {f["id"] for f in report.failures}
    assert not (back / STATE).exists()


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
