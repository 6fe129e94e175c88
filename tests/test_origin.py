"""What an output was made of: other pages are refused, the same are not done again, a mistake leaves nothing behind."""

import json
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import cleantext as ct
from cleantext.cli import main
from cleantext.errors import ConfigError
from cleantext.run import job

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args], catch_exceptions=False)


def pages_in(folder, names, text=BODY):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}的标题\n{text}", "utf-8")
    return folder


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def cleaned(src, out, **options):
    return ct.clean_files(src, out, duplicates="off", workers=1, **options)


# ---------------------------------------------------------------- other pages


@pytest.mark.parametrize("names", [["x.txt", "y.txt"], ["1.txt", "2.txt"]], ids=["other names", "the same names"])
def test_an_output_of_another_folder_is_refused_and_stays(tmp_path, names):
    one, two, out = pages_in(tmp_path / "one", ["1.txt", "2.txt"]), pages_in(tmp_path / "two", names, "乙" * 30), tmp_path / "out"
    cleaned(one, out)
    before = tree(out)
    result = run("clean", two, "-o", out)
    assert result.exit_code == 2
    assert f"output {out} was made from {one}, which this run does not read" in result.output
    assert "--replace" in result.output
    assert tree(out) == before
    assert run("clean", two, "-o", out, "--replace", "--duplicates", "off").exit_code == 0
    cleaned(two, tmp_path / "straight")
    assert tree(out) == tree(tmp_path / "straight")


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], True),
        (["a/1.txt"], ["a"], False),
        (["a"], ["."], False),
        (["a/1.txt"], ["a/2.txt"], True),
        (["a/1.txt", "a/2.txt"], ["a/2.txt"], True),
        (["a/1.txt", "a/gone.txt"], ["a/1.txt"], False),
        (["a/*.txt"], ["a/1*"], True),
        (["a"], ["a/1.txt"], True),
    ],
)
def test_what_would_be_lost_is_refused_and_nothing_else(tmp_path, monkeypatch, first, second, refused):
    monkeypatch.chdir(tmp_path)
    pages_in(Path("a"), ["1.txt", "2.txt", "gone.txt"])
    pages_in(Path("b"), ["x.txt"])
    cleaned(first, "../out")
    Path("a/gone.txt").unlink()
    before = tree(Path("../out"))
    if refused:
        with pytest.raises(ConfigError, match=r"\(--replace\)"):
            cleaned(second, "../out")
        assert tree(Path("../out")) == before
        cleaned(second, "../out", replaces=True)
    else:
        cleaned(second, "../out")
    shutil.rmtree("../straight", ignore_errors=True)
    cleaned(second, "../straight")
    assert tree(Path("../out")) == tree(Path("../straight"))
    shutil.rmtree("../out")


def test_a_folder_that_was_moved_is_known_by_its_pages(tmp_path):
    one, out = pages_in(tmp_path / "one", ["1.txt", "2.txt"]), tmp_path / "out"
    cleaned(one, out)
    moved = one.rename(tmp_path / "moved")
    (moved / "new.txt").write_text(BODY, "utf-8")
    assert cleaned(moved, out).outcomes["kept"] == 3
    (moved / "1.txt").write_text("別的", "utf-8")
    again = moved.rename(tmp_path / "again")
    with pytest.raises(ConfigError, match="was made from"):
        cleaned(again, out)


def test_a_stopped_run_of_another_folder_is_refused_too(tmp_path, monkeypatch):
    one, two, out = pages_in(tmp_path / "one", ["1.txt"]), pages_in(tmp_path / "two", ["2.txt"]), tmp_path / "out"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        cleaned(one, out)
    with pytest.raises(ConfigError, match="was made from"):
        cleaned(two, out)
    cleaned(one, out)
    assert (out / "1.txt").exists()


# ---------------------------------------------------------------- the same pages


def count_shards(monkeypatch):
    done, real = [], job.run_shard
    monkeypatch.setattr(job, "run_shard", lambda *a, **o: (done.append(1), real(*a, **o))[1])
    return done


@pytest.mark.parametrize("duplicates", ["off", "passages", "documents"])
def test_a_finished_run_is_not_done_again(tmp_path, monkeypatch, duplicates):
    src, out = pages_in(tmp_path / "in", ["1.txt", "2.txt", "3.html"]), tmp_path / "out"
    (src / "no.txt").write_bytes(bytes(range(256)) * 20)
    options = {"duplicates": duplicates, "page_seconds": 0, "max_page_memory": 0, "workers": 1}
    first = ct.clean_files(src, out, **options)
    before = tree(out), {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    done = count_shards(monkeypatch)
    again = ct.clean_files(src, out, **options)
    assert not done
    assert again.notes == [*first.notes, "nothing new: 4 pages as before (--restart does all again)"]
    assert (again.to_json() | {"notes": []}) == (first.to_json() | {"notes": []})
    assert again.exit_code == first.exit_code == 3
    assert (tree(out), {p: p.stat().st_mtime_ns for p in out.rglob("*")}) == before
    ct.clean_files(src, out, restart=True, **options)
    assert done
    assert tree(out) == before[0]


def lost(out, src):
    (out / "1.txt").unlink()


def edited(out, src):
    (out / "1.txt").write_text("mine", "utf-8")


def table_lost(out, src):
    (out / "edits.parquet").unlink()


def table_edited(out, src):
    (out / "metadata.jsonl").write_text((out / "metadata.jsonl").read_text("utf-8").replace("标题", "標題"), "utf-8")


def run_json_damaged(out, src):
    (out / "run.json").write_text("[" * 100_000)


def page_changed(out, src):
    (src / "2.txt").write_text(f"另一页\n{BODY}", "utf-8")


def page_added(out, src):
    (src / "new.txt").write_text(BODY, "utf-8")


def page_gone(out, src):
    (src / "2.txt").unlink()


def other_files(out, src):
    (src / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0")


def dedup_there(out, src):
    assert run("dedup", src, "-o", out).exit_code == 0


@pytest.mark.parametrize(
    "change",
    [lost, edited, table_lost, table_edited, run_json_damaged, page_changed, page_added, page_gone, other_files, dedup_there],
    ids=lambda f: f.__name__,
)
def test_whatever_has_changed_is_done_again(tmp_path, change):
    src, out = pages_in(tmp_path / "in", ["1.txt", "2.txt"]), tmp_path / "out"
    cleaned(src, out)
    change(out, src)
    report = cleaned(src, out)
    assert not any("nothing new" in note for note in report.notes)
    cleaned(src, tmp_path / "straight")
    assert tree(out) == tree(tmp_path / "straight")


@pytest.mark.parametrize("options", [{"record": False}, {"page_seconds": 5}, {"pipeline": "zh-web", "rules": ["mine.toml"]}, {"max_df": 7}])
def test_other_options_are_another_run(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    row = '[[line]]\nid = "mine.x"\ncategory = "C19"\nanchors = ["乙乙"]\nmatch = "乙乙"\nhit = ["乙乙"]\nmiss = ["甲"]'
    Path("mine.toml").write_text(row, "utf-8")
    src, out = pages_in(tmp_path / "in", ["1.txt"]), tmp_path / "out"
    cleaned(src, out)
    assert not any("nothing new" in note for note in cleaned(src, out, **options).notes)
    assert any("nothing new" in note for note in cleaned(src, out, **options).notes)
    if "rules" in options:
        Path("mine.toml").write_text(row.replace("乙乙", "丙丙"), "utf-8")
        assert not any("nothing new" in note for note in cleaned(src, out, **options).notes)


def test_a_page_that_could_not_be_written_gets_another_try(tmp_path):
    src, out = pages_in(tmp_path / "in", ["1.txt", "2.txt"]), tmp_path / "out"
    (out / "2.txt").mkdir(parents=True)
    (out / ".cleantext").mkdir()  # a run that was stopped
    assert cleaned(src, out).outcomes["failed"] == 1
    (out / "2.txt").rmdir()
    assert cleaned(src, out).outcomes["failed"] == 0


def test_nothing_new_ends_quickly(tmp_path, seeds):
    run("clean", seeds, "-o", tmp_path / "out")
    start = time.process_time()
    result = run("clean", seeds, "-o", tmp_path / "out")
    assert "note: nothing new: 5 pages as before" in result.output
    assert "5 in: 5 kept" in result.output
    assert time.process_time() - start < 1


# ---------------------------------------------------------------- a mistake leaves nothing behind


@pytest.fixture
def crawl(tmp_path):
    pages_in(tmp_path / "in", ["1.txt", "2.txt"])
    (tmp_path / "x.jsonl").write_text('{"id": 1, "text": "甲"}\n', "utf-8")
    (tmp_path / "bad.toml").write_text("[[line]]\nid = 5\n", "utf-8")
    return tmp_path


MISTAKES = [
    "clean in -o OUT --pipeline zh-wed",
    "clean in -o OUT --rules nope.toml",
    "clean in -o OUT --rules bad.toml",
    "clean in -o OUT --profile bad.toml",
    "clean in -o OUT --threshold 3",
    "clean nowhere -o OUT",
    "clean x.jsonl -o OUT --where id=1",
    "dedup in -o OUT --threshold 3",
    "dedup in -o OUT --keep shortest",
    "dedup in -o OUT --prefer rank",
    "dedup x.jsonl -o OUT --text content",
    "dedup x.jsonl -o OUT --prefer rank",
    "dedup x.jsonl -o OUT --memory 1MB",
    "dedup x.jsonl -o OUT --against in",
    "dedup x.jsonl -o OUT --index known --threshold 3",
    "dedup x.jsonl -o OUT --index known --prefer rank",
    "dedup x.jsonl -o OUT --index known --text content",
    "undo in -o OUT",
    "undo nowhere -o OUT",
    "learn in -o OUT",
    "learn nowhere -o OUT",
    "report nowhere",
    "rules audit nowhere --rule x",
]


@pytest.mark.parametrize("out", ["out", "new/deep/out", "empty"])
@pytest.mark.parametrize("call", MISTAKES)
def test_a_mistake_leaves_what_was_there_and_nothing_else(crawl, monkeypatch, call, out):
    monkeypatch.chdir(crawl)
    Path("empty").mkdir()
    before = tree(crawl)
    result = run(*call.replace("OUT", out).split())
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert tree(crawl) == before


def test_a_mistake_beside_a_finished_run_changes_nothing(crawl, monkeypatch):
    monkeypatch.chdir(crawl)
    cleaned("in", "out")
    before = tree(crawl)
    for call in MISTAKES:
        if call.split()[0] in ("clean", "dedup"):
            assert run(*call.replace("OUT", "out").split()).exit_code == 2
            assert tree(crawl) == before, call


# ---------------------------------------------------------------- undo again


def test_undo_can_be_run_again_into_its_own_output_and_overwrites_nothing(tmp_path):
    src, out, back = pages_in(tmp_path / "in", ["1.txt", "a/2.txt"]), tmp_path / "out", tmp_path / "back"
    cleaned(src, out)
    for _ in range(2):
        result = run("undo", out, "-o", back)
        assert (result.exit_code, "2 originals written" in result.output) == (0, True), result.output
        assert tree(back) == tree(src)
    (back / "1.txt").write_text("mine", "utf-8")
    (back / "a" / "2.txt").unlink()
    result = run("undo", out, "-o", back)
    assert result.exit_code == 3
    assert "1.txt: is there already, with another text" in result.output
    assert ((back / "1.txt").read_text("utf-8"), (back / "a" / "2.txt").exists()) == ("mine", True)
    (back / "other.txt").write_text("mine", "utf-8")
    before = tree(back)
    result = run("undo", out, "-o", back)
    assert (result.exit_code, "holds files that cleantext did not write" in result.output) == (2, True)
    assert tree(back) == before


def test_undo_into_the_input_itself_writes_nothing_over(tmp_path):
    src, out = tmp_path / "in", tmp_path / "out"
    src.mkdir()
    (src / "1.txt").write_bytes(f"發展新疆的歷史\n{BODY * 3}".encode("gb18030"))
    cleaned(src, out)
    before = tree(src)
    assert run("undo", out, "-o", src).exit_code == 3
    assert tree(src) == before


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.txt", "cannot be read: No such file or directory; check the path"),
        ("in", "cannot be read: it is a folder; name a file in it; `cleantext clean` and `cleantext dedup` take whole folders"),
        ("link.txt", "cannot be read: No such file or directory; check the path; a link may lead to what is gone"),
        ("cut.txt.gz", "the .gz file is cut off; fetch or pack it again"),
        ("broken.txt.gz", "not packed as .gz or damaged"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_next_step_for_its_cause(crawl, monkeypatch, name, says):
    import gzip

    monkeypatch.chdir(crawl)
    Path("link.txt").symlink_to("gone.txt")
    Path("cut.txt.gz").write_bytes(gzip.compress(BODY.encode() * 9)[:-9])
    Path("broken.txt.gz").write_bytes(b"\x1f\x8bno")
    result = run("explain", name)
    assert (result.exit_code, says in result.output) == (2, True), result.output


@pytest.mark.parametrize("call", ["undo nowhere -o back", "report nowhere", "rules audit nowhere --rule x"])
def test_a_folder_that_is_not_there_is_told_as_such(crawl, monkeypatch, call):
    monkeypatch.chdir(crawl)
    result = run(*call.split())
    assert (result.exit_code, "nowhere: no such folder; check the path" in result.output) == (2, True), result.output


def test_the_inputs_are_named_in_run_json(tmp_path):
    src, out = pages_in(tmp_path / "in", ["1.txt"]), tmp_path / "out"
    cleaned(src, out)
    assert json.loads((out / "run.json").read_text("utf-8"))["inputs"] == [str(src)]


# ---------------------------------------------------------------- file systems that take two names for one


@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (["News.txt", "news.txt"], ["news.txt"]),
        (["A/1.txt", "a/1.txt", "a/2.txt"], ["a/1.txt"]),
        (["caf\u00e9.txt", "cafe\u0301.txt"], ["caf\u00e9.txt"]),
        (["x", "X/1.txt"], ["x"]),
    ],
)
@pytest.mark.parametrize("duplicates", ["off", "passages"])
def test_two_pages_never_write_one_file_silently(tmp_path, monkeypatch, names, lost, duplicates):
    """Here names differ in case and form; the key of such a file system is put in the place of ours."""
    import unicodedata

    src, out = pages_in(tmp_path / "in", names), tmp_path / "out"
    options = {"duplicates": duplicates, "page_seconds": 0, "max_page_memory": 0, "workers": 1}
    assert ct.clean_files(src, out, **options).outcomes == {"kept": len(names)} or duplicates == "passages"
    shutil.rmtree(out)
    with monkeypatch.context() as patch:
        patch.setattr(job, "key_in", lambda _: lambda name: unicodedata.normalize("NFC", name).casefold())
        report = ct.clean_files(src, out, **options)
    assert [row["id"] for row in report.failures] == lost
    assert "would be written over that of" in report.failures[0]["error"]
    assert report.exit_code == 3


def test_a_page_whose_case_changed_is_not_deleted_as_one_that_is_gone(tmp_path, monkeypatch):
    src, out = pages_in(tmp_path / "in", ["News.txt"]), tmp_path / "out"
    cleaned(src, out)
    (src / "News.txt").rename(src / "news.txt")
    (out / "News.txt").rename(out / "news.txt")  # what the file system would have: one file
    (out / "News.txt").hardlink_to(out / "news.txt")
    monkeypatch.setattr(job, "key_in", lambda _: str.casefold)
    report = cleaned(src, out)
    assert (out / "News.txt").exists()
    assert not any("removed" in note for note in report.notes)


def test_the_file_system_is_asked(tmp_path, monkeypatch):
    from cleantext.run import names

    (tmp_path / "x").touch()
    folds = (tmp_path / "X").exists()
    (tmp_path / "x").unlink()
    key = names.key_in(tmp_path)
    assert (key("A") == key("a")) == folds
    monkeypatch.setattr(names.os.path, "lexists", lambda _: True)
    key = names.key_in(tmp_path)
    assert key("Cafe\u0301") == key("caf\u00e9")
    assert not list(tmp_path.iterdir())
