"""The main job over files: what it writes, what it survives, and that nothing is lost."""

import gzip
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
import zstandard

import cleantext as ct
from cleantext.edits import apply
from cleantext.errors import ConfigError, InputError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import OUTCOMES, Report
from cleantext.run import job
from cleantext.run.files import find_pages
from cleantext.run.tables import read_edits, undo

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。\n口岸是连接两国间的重要窗口,推动口岸建设需要双方同频共振。"


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def crawl(tmp_path):
    """A small folder with pages of several kinds."""
    folder = tmp_path / "crawl"
    (folder / "a.example").mkdir(parents=True)
    (folder / "a.example" / "1.txt").write_text(f"甲地的春天\n发布时间:2023-10-24 来源:石榴云\n{BODY}\n责任编辑：某某\n", "utf-8")
    (folder / "a.example" / "2.txt").write_bytes(
        f"發展新疆的歷史與經濟\r\n\r\n{'隨著口岸的開放,經濟帶的發展進入新階段。' * 4}".encode("gb18030")
    )
    (folder / "empty.txt").write_bytes(b"")
    (folder / "packed.txt.gz").write_bytes(gzip.compress(BODY.encode()))
    (folder / "packed2.txt.zst").write_bytes(zstandard.compress(BODY.encode()))
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return folder


def test_outputs_mirror_the_tree(crawl, tmp_path):
    out = tmp_path / "out"
    report = ct.clean_files(crawl, out)
    assert report.exit_code == 0
    assert (out / "a.example" / "1.txt").read_text("utf-8") == f"甲地的春天\n{BODY}\n"
    assert (out / "a.example" / "2.txt").read_text("utf-8").startswith("发展新疆的历史与经济\n\n随着口岸的开放")
    assert (out / "packed.txt").read_text("utf-8") == BODY
    rows = [json.loads(line) for line in (out / "metadata.jsonl").read_text("utf-8").splitlines()]
    assert [r["id"] for r in rows] == sorted(r["id"] for r in rows)
    first = next(r for r in rows if r["id"] == "a.example/1.txt")
    assert (first["title"], first["published"], first["source"], first["editor"]) == ("甲地的春天", "2023-10-24", "石榴云", ["某某"])
    assert {"report.json", "report.html", "edits.parquet", "duplicates.parquet", "duplicates.jsonl"} <= set(tree(out))
    assert not (out / job.STATE).exists()
    assert any("photo.jpg" in note for note in report.notes)


def test_pages_in_are_kept_emptied_duplicate_or_failed(crawl, tmp_path):
    (crawl / "binary.txt").write_bytes(bytes(range(256)) * 40)
    (crawl / "broken.txt.gz").write_bytes(b"\x1f\x8b not gzip")
    report = ct.clean_files(crawl, tmp_path / "out")
    assert report.pages_in == 7 == sum(report.outcomes[o] for o in OUTCOMES)
    assert report.outcomes["failed"] == 2
    assert report.outcomes["emptied"] == 1
    assert report.exit_code == 3
    failed = [json.loads(line) for line in (tmp_path / "out" / "failed.jsonl").read_text("utf-8").splitlines()]
    assert [f["id"] for f in failed] == ["binary.txt", "broken.txt.gz"]
    assert all(f["id"] in f["error"] for f in failed)


def test_inputs_are_never_changed(crawl, tmp_path):
    before = tree(crawl)
    ct.clean_files(crawl, tmp_path / "out", duplicates="passages")
    assert tree(crawl) == before


def test_any_number_of_workers_gives_the_same_bytes(crawl, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "SHARD_PAGES", 2)
    ct.clean_files(crawl, tmp_path / "one", workers=1)
    ct.clean_files(crawl, tmp_path / "two", workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_recorded_edits_replay_and_undo(crawl, tmp_path):
    out, back = tmp_path / "out", tmp_path / "back"
    ct.clean_files(crawl, out)
    steps = read_edits(out / "edits.parquet")
    original = ct.decode((crawl / "a.example" / "2.txt").read_bytes()).text
    text = original
    for _, edits in steps["a.example/2.txt"]:
        text = apply(text, edits)
    assert text == (out / "a.example" / "2.txt").read_text("utf-8")
    written = list(undo(out, back))
    assert len(written) == 5
    assert (back / "a.example" / "2.txt").read_bytes().decode() == original
    assert (back / "a.example" / "1.txt").read_bytes() == (crawl / "a.example" / "1.txt").read_bytes()


def test_edits_point_into_the_page_as_read(crawl, tmp_path):
    ct.clean_files(crawl, tmp_path / "out")
    original = ct.decode((crawl / "a.example" / "2.txt").read_bytes()).text
    rows = [r for r in pq.read_table(tmp_path / "out" / "edits.parquet").to_pylist() if r["page"] == "a.example/2.txt"]
    assert any(r["transform"].startswith("script") for r in rows)
    for row in rows:
        if row["transform"].startswith("script"):
            assert original[row["original_start"] : row["original_end"]] == row["before"]


def test_without_edits_the_pages_are_the_same(crawl, tmp_path):
    ct.clean_files(crawl, tmp_path / "with")
    ct.clean_files(crawl, tmp_path / "without", record=False)
    pages = {name: data for name, data in tree(tmp_path / "with").items() if name.endswith(".txt")}
    assert pages == {name: data for name, data in tree(tmp_path / "without").items() if name.endswith(".txt")}
    assert not (tmp_path / "without" / "edits.parquet").exists()
    with pytest.raises(InputError, match="recorded its edits"):
        list(undo(tmp_path / "without", tmp_path / "back"))


@pytest.mark.parametrize("mode", ["passages", "documents"])
def test_removed_duplicates_leave_one_copy_and_come_back(crawl, tmp_path, mode):
    article = "口岸是连接两国间的重要窗口,推动口岸建设需要双方同频共振,显然,加强口岸建设、畅通口岸已成共识,各方都愿意为此出力。"
    for name in ("x", "y", "z"):
        (crawl / f"{name}.txt").write_text(article, "utf-8")
    out = tmp_path / "out"
    report = ct.clean_files(crawl, out, duplicates=mode)
    texts = [p.read_text("utf-8") for p in sorted(out.rglob("*.txt"))]
    assert sum(article in t for t in texts) == 1
    assert report.outcomes["duplicate"] >= 2
    assert report.pages_in == 8
    list(undo(out, tmp_path / "back"))
    for name in ("x", "y", "z"):
        assert (tmp_path / "back" / f"{name}.txt").read_text("utf-8") == article


def test_a_page_that_breaks_a_step_fails_alone(crawl, tmp_path, monkeypatch):
    import cleantext.chrome as chrome

    real = chrome.StripChrome.run

    def run(self, pages):
        if any("甲地" in p.text for p in pages):
            raise ZeroDivisionError("planted")
        return real(self, pages)

    monkeypatch.setattr(chrome.StripChrome, "run", run)
    report = ct.clean_files(crawl, tmp_path / "out")
    assert report.outcomes["failed"] == 1
    assert "planted" in report.failures[0]["error"]
    assert (tmp_path / "out" / "packed.txt").exists()


# ---------------------------------------------------------------- stopping and starting again


def test_a_stopped_run_takes_up_from_its_markers(crawl, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "SHARD_PAGES", 1)
    ct.clean_files(crawl, tmp_path / "straight")
    real, done = job.run_shard, []

    def stopping(shard, settings, out):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(shard.number)
        return real(shard, settings, out)

    monkeypatch.setattr(job, "run_shard", stopping)
    with pytest.raises(KeyboardInterrupt):
        ct.clean_files(crawl, tmp_path / "out")
    again = []
    monkeypatch.setattr(job, "run_shard", lambda *a: (again.append(a[0].number), real(*a))[1])
    ct.clean_files(crawl, tmp_path / "out")
    assert done == [0, 1]
    assert again == [2, 3, 4]
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")


def test_another_recipe_or_changed_input_is_done_again(crawl, tmp_path, monkeypatch):
    settings = job.Settings(Pipeline.load("zh-web"))
    [shard] = job.plan_shards(find_pages([crawl]).pages)
    digest = shard.digest(settings)
    assert digest == shard.digest(job.Settings(Pipeline.load("zh-web")))
    assert digest != shard.digest(job.Settings(Pipeline.load("zh-web").without("script.to")))
    os.utime(crawl / "empty.txt", (1, 1))
    assert digest != shard.digest(settings)


def test_killed_run_leaves_whole_files_and_resumes(tmp_path):
    crawl, out = tmp_path / "crawl", tmp_path / "out"
    crawl.mkdir()
    for n in range(60):
        (crawl / f"{n:03}.txt").write_text(f"第{n}页的标题\n{BODY}\n" * 400, "utf-8")
    code = (
        "import cleantext as ct; from cleantext.run import job; job.SHARD_PAGES = 5\n"
        f"ct.clean_files({str(crawl)!r}, {str(out)!r}, workers=1, duplicates='off')"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not list(out.glob(f"{job.STATE}/*.done")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    markers = len(list(out.glob(f"{job.STATE}/*.done")))
    assert markers
    whole = (f"标题\n{BODY}\n").encode()
    assert all(whole in p.read_bytes() for p in out.rglob("*.txt") if not p.name.startswith("."))
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(list(out.glob("*.txt"))) == 60
    assert Report.from_json(json.loads((out / "report.json").read_text("utf-8"))).pages_in == 60


# ---------------------------------------------------------------- refusals


def test_output_inside_input_is_refused(crawl):
    before = tree(crawl)
    with pytest.raises(ConfigError, match="lies inside the input"):
        ct.clean_files(crawl, crawl / "cleaned")
    with pytest.raises(ConfigError, match="lies inside the input"):
        ct.clean_files(crawl, crawl)
    assert tree(crawl) == before


def test_strangers_folder_is_refused(crawl, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="did not write"):
        ct.clean_files(crawl, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_output_that_is_a_file_is_refused(crawl, tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        ct.clean_files(crawl, tmp_path / "out")


def test_output_that_cannot_be_written_is_refused(crawl):
    with pytest.raises(ConfigError, match="cannot be written"):
        ct.clean_files(crawl, "/proc/cleantext-out")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pipeline": "zh-wab"}, "did you mean 'zh-web'"),
        ({"pipeline": "missing.toml"}, "no such pipeline file"),
        ({"rules": ["missing.toml"]}, "no such rule pack"),
        ({"duplicates": "all"}, "use annotate"),
        ({"threshold": 8}, "at most 1"),
    ],
)
def test_settings_that_cannot_work_say_what_to_do(crawl, tmp_path, options, says):
    with pytest.raises(ct.CleantextError, match=says):
        ct.clean_files(crawl, tmp_path / "out", **options)


def test_missing_input_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        ct.clean_files(tmp_path / "nowhere", tmp_path / "out")


def test_full_disk_leaves_no_half_files(crawl, tmp_path):
    """On a file system of 64 kB the run ends with an error, and what is there is whole."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        (crawl / "long.txt").write_text(BODY * 2000, "utf-8")
        with pytest.raises(OSError, match="No space left"):
            ct.clean_files(crawl, small / "out", workers=1)
        assert not [p for p in (small / "out").rglob("*.txt") if p.name == "long.txt"]
        assert not list((small / "out").rglob("*.part"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


# ---------------------------------------------------------------- which pages


def test_ignore_files_and_endings(crawl):
    (crawl / ".cleantextignore").write_text("# not pages\na.example/\nempty.txt\n")
    (crawl / ".hidden.txt").write_text("x")
    found = find_pages([crawl])
    assert [p.id for p in found.pages] == ["packed.txt.gz", "packed2.txt.zst"]
    assert found.ignored == ["a.example/", "empty.txt"]
    assert found.other == ["photo.jpg"]


def test_same_output_twice_is_refused(crawl):
    (crawl / "packed.txt").write_text("x")
    with pytest.raises(ConfigError, match="written twice"):
        find_pages([crawl])


def test_globs_and_single_files(crawl):
    assert [p.id for p in find_pages([f"{crawl}/a.example/*.txt"]).pages] == ["1.txt", "2.txt"]
    assert [p.id for p in find_pages([crawl / "empty.txt"]).pages] == ["empty.txt"]


def test_works_under_fork(crawl, tmp_path):
    context = multiprocessing.get_context("fork")
    process = context.Process(target=ct.clean_files, args=(crawl, tmp_path / "out"), kwargs={"duplicates": "off"})
    process.start()
    process.join(60)
    assert process.exitcode == 0
