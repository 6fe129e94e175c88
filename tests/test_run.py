"""The main job over files: what it writes, what it survives, and that nothing is lost."""

import gzip
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from made import prose

import cleantext as ct
from cleantext.edits import Edit, OffsetMap, apply
from cleantext.errors import ConfigError, InputError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import OUTCOMES, Report
from cleantext.run import job
from cleantext.run.finished.restore import explained, undo
from cleantext.run.learn import learn_files
from cleantext.run.readers import units
from cleantext.run.readers.find import find_pages
from cleantext.run.readers.source import Source
from cleantext.run.search import dedup_files as search
from cleantext.run.shards.settings import STATE, Settings
from cleantext.run.side_tables import read_edits

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
    assert not (out / STATE).exists()
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
    ct.clean_files(crawl, tmp_path / "out", duplicates="passages", remove=True)
    assert tree(crawl) == before


def test_any_number_of_workers_gives_the_same_bytes(crawl, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "BATCH_ROWS", 2)
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
    written = list(undo(out, back, Report()))
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


@pytest.mark.parametrize("form", ["parquet", "text"])
def test_what_duplicates_lose_points_into_the_page_as_read(form, tmp_path):
    """Behind steps that lengthen, shorten and remove; `OffsetMap` says where, edit by edit."""
    rng = random.Random(4)
    shared = "".join(rng.choice("發展經濟帶的歷史與口岸開放") for _ in range(120)) + "。"
    pages = [
        {
            "id": f"p{n}",
            "text": f"发布时间:2023-10-{n + 10}\n{n}&amp;{prose(rng, 60 + n)}...\n{shared}\n中(zhōng)国(guó)人(rén)口(kǒu)",
            "url": "",
        }
        for n in range(5)
    ]
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps(page) + "\n" for page in pages), "utf-8")
    out = tmp_path / "out"
    ct.clean_files(path, out, form=form, duplicates="passages", remove=True)
    rows = pq.read_table(out / "edits.parquet").to_pylist()
    removed = [row for row in rows if row["transform"] == "dedup"]
    assert sum(row["rule"] == "dedup.exact" for row in removed) == 4
    for row in removed:
        span = row["start"], row["end"]
        for step in range(row["step"] - 1, -1, -1):
            edits = [Edit(*(r[name] for name in Edit._fields)) for r in rows if (r["page"], r["step"]) == (row["page"], step)]
            span = OffsetMap(edits).to_original(*span)
        assert (row["original_start"], row["original_end"]) == span
        text = next(page["text"] for page in pages if page["id"] in row["page"])
        assert row["rule"] != "dedup.exact" or shared[:-1] in text[slice(*span)]


def test_a_run_keeps_what_its_edits_chose_among(tmp_path):
    (tmp_path / "in").mkdir()
    text = "电话是在那一年被发明的。\n她的头发在风里发亮，一只猫松了松口。\n"
    (tmp_path / "in" / "a.txt").write_text(text, "utf-8")
    ct.clean_files(tmp_path / "in", tmp_path / "out", pipeline="zh-web-hant")
    told = explained(tmp_path / "out", "a.txt")
    there = ct.explain(text, pipeline="zh-web-hant")
    assert (told.choices, told.steps) == (there.choices, there.steps)
    assert ("發", ("髮",)) in {choice[2:4] for choice in told.choices}


def test_without_edits_the_pages_are_the_same(crawl, tmp_path):
    ct.clean_files(crawl, tmp_path / "with")
    ct.clean_files(crawl, tmp_path / "without", record=False)
    pages = {name: data for name, data in tree(tmp_path / "with").items() if name.endswith(".txt")}
    assert pages == {name: data for name, data in tree(tmp_path / "without").items() if name.endswith(".txt")}
    assert not (tmp_path / "without" / "edits.parquet").exists()
    with pytest.raises(InputError, match="recorded its edits"):
        list(undo(tmp_path / "without", tmp_path / "back", Report()))


@pytest.mark.parametrize("mode", ["passages", "documents"])
def test_removed_duplicates_leave_one_copy_and_come_back(crawl, tmp_path, mode):
    article = "口岸是连接两国间的重要窗口,推动口岸建设需要双方同频共振,显然,加强口岸建设、畅通口岸已成共识,各方都愿意为此出力。"
    for name in ("x", "y", "z"):
        (crawl / f"{name}.txt").write_text(article, "utf-8")
    out = tmp_path / "out"
    report = ct.clean_files(crawl, out, duplicates=mode, remove=True)
    texts = [p.read_text("utf-8") for p in sorted(out.rglob("*.txt"))]
    assert sum(article in t for t in texts) == 1
    assert report.outcomes["duplicate"] >= 2
    assert report.pages_in == 8
    list(undo(out, tmp_path / "back", Report()))
    for name in ("x", "y", "z"):
        assert (tmp_path / "back" / f"{name}.txt").read_text("utf-8") == article


def test_a_page_with_nothing_left_but_its_title_is_a_duplicate(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rng = random.Random(7)
    body = "\n".join(prose(rng, 60) for _ in range(4))
    own = prose(rng, 60)
    pages = {
        "1.txt": f"县城的春天\n{body}\n{own}",
        "2.txt": f"另一个标题\n{body}",
        "3.txt": f"还有一个标题\n{body}\n本文是这里独有的一句。",
        "4.txt": "只有标题的一页",
    }
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")
    out = tmp_path / "out"
    report = ct.clean_files(folder, out, duplicates="passages", remove=True)
    assert report.outcomes == {"kept": 3, "duplicate": 1}
    assert not (out / "2.txt").exists()
    assert (out / "3.txt").read_text("utf-8").split() == ["还有一个标题", "本文是这里独有的一句。"]
    assert report.rules["dedup.title"].pages == 1
    assert {p.name: p.read_text("utf-8") for p in undo(out, tmp_path / "back", Report())} == pages


def test_small_jobs_are_cut_into_shards_of_their_own_size():
    """By sizes alone: a job that is stopped loses a sixteenth of what it has done, at most."""
    for size, shards in ((100_000, 1), (1_000_000, 2), (8_000_000, 16), (64_000_000, 16), (128_000_000, 32)):
        pages = [Source(Path(f"{n}.txt"), f"{n}.txt", size // 1000) for n in range(1000)]
        assert len(job.plan_shards(pages)) == pytest.approx(shards, abs=1)


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
    monkeypatch.setattr(units, "BATCH_ROWS", 1)
    ct.clean_files(crawl, tmp_path / "straight", page_seconds=0, max_page_memory=0)
    real, done = job.run_shard, []

    def stopping(shard, *arguments, **options):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(shard.number)
        return real(shard, *arguments, **options)

    monkeypatch.setattr(job, "run_shard", stopping)
    with pytest.raises(KeyboardInterrupt):
        ct.clean_files(crawl, tmp_path / "out", page_seconds=0, max_page_memory=0)  # no process but this one
    again = []
    monkeypatch.setattr(job, "run_shard", lambda *a, **o: (again.append(a[0].number), real(*a, **o))[1])
    ct.clean_files(crawl, tmp_path / "out", page_seconds=0, max_page_memory=0)
    assert done == [0, 1]
    assert again == [2, 3, 4]
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")


def test_another_recipe_or_changed_input_is_done_again(crawl, tmp_path, monkeypatch):
    settings = Settings(Pipeline.load("zh-web"))
    [shard] = job.plan_shards(find_pages([crawl]).pages)
    digest = shard.digest(settings)
    assert digest == shard.digest(Settings(Pipeline.load("zh-web")))
    assert digest != shard.digest(Settings(Pipeline.load("zh-web").without("script.to")))
    os.utime(crawl / "empty.txt", (1, 1))
    assert digest != shard.digest(settings)


def test_killed_run_leaves_whole_files_and_resumes(tmp_path):
    crawl, out = tmp_path / "crawl", tmp_path / "out"
    crawl.mkdir()
    for n in range(60):
        (crawl / f"{n:03}.txt").write_text(f"第{n}页的标题\n{BODY}\n" * 80, "utf-8")
    code = (
        "import cleantext as ct; from cleantext.run.readers import units; units.BATCH_ROWS = 5\n"
        f"ct.clean_files({str(crawl)!r}, {str(out)!r}, workers=1, duplicates='off')"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not list(out.glob(f"{STATE}/*.done")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    markers = len(list(out.glob(f"{STATE}/*.done")))
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
        ({"duplicates": "all"}, "use passages"),
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


# ---------------------------------------------------------------- found by review: each was once a fault


def page_in(folder, name="p.txt", text=BODY):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return folder


def test_no_input_is_written_over(tmp_path):
    folder = page_in(tmp_path / "pages")
    (folder / "report.json").write_text("{}")
    for source in (f"{folder}/*.txt", folder / "p.txt"):
        with pytest.raises(ConfigError, match="lies inside the output"):
            ct.clean_files(source, folder)
    assert (folder / "p.txt").read_text("utf-8") == BODY
    with pytest.raises(ConfigError, match="did not write"):
        ct.clean_files(page_in(tmp_path / "other"), folder)


def test_several_zstd_frames_are_read_and_a_cut_one_fails(tmp_path):
    frames = zstandard.compress(BODY.encode()) + zstandard.compress("\n第二帧。".encode())
    (page_in(tmp_path / "in") / "two.txt.zst").write_bytes(frames)
    (tmp_path / "in" / "cut.txt.zst").write_bytes(zstandard.compress(os.urandom(5000))[:2000])
    report = ct.clean_files(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out" / "two.txt").read_text("utf-8") == f"{BODY}\n第二帧。"
    assert [f["id"] for f in report.failures] == ["cut.txt.zst"]


def test_long_and_undecodable_names(tmp_path):
    page_in(tmp_path / "in", "新" * 80 + ".txt")
    (tmp_path / "in" / os.fsdecode(b"\xb7\xa2.txt")).write_text(BODY, "utf-8")
    page_in(tmp_path / "in", "x" * 250 + ".html", f"<p>{BODY}</p>")
    report = ct.clean_files(tmp_path / "in", tmp_path / "out")
    assert report.outcomes == {"kept": 3}
    [long] = [p.name for p in (tmp_path / "out").glob("x*")]
    assert re.fullmatch("x{234}~[0-9a-f]{16}.txt", long), "a name that would be too long has a digest"
    assert (tmp_path / "out" / "%B7%A2.txt").read_text("utf-8") == BODY
    assert (tmp_path / "out" / ("新" * 80 + ".txt")).exists()


def test_markers_of_another_folder_do_not_count(tmp_path, monkeypatch):
    one, two = page_in(tmp_path / "one", text="甲甲甲甲"), page_in(tmp_path / "two", text="乙乙乙乙")
    for folder in (one, two):
        os.utime(folder / "p.txt", (5, 5))
    monkeypatch.setattr(job, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ct.clean_files(one, tmp_path / "out")
    monkeypatch.undo()
    with pytest.raises(ConfigError, match=f"was made from {one}, which this run does not read"):
        ct.clean_files(two, tmp_path / "out")
    ct.clean_files(two, tmp_path / "out", replaces=True)
    assert (tmp_path / "out" / "p.txt").read_text("utf-8") == "乙乙乙乙"


def test_pages_that_are_gone_or_fail_now_leave_no_output(tmp_path):
    folder = page_in(tmp_path / "in")
    page_in(folder, "gone.txt")
    page_in(folder, "breaks.txt")
    ct.clean_files(folder, tmp_path / "out")
    (folder / "gone.txt").unlink()
    (folder / "breaks.txt").write_bytes(bytes(range(256)) * 20)
    report = ct.clean_files(folder, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").glob("*.txt")] == ["p.txt"]
    assert "2 pages of an earlier run removed, whose input is gone or fails now: breaks.txt, gone.txt" in report.notes


def test_undo_names_unpacked_and_html_pages_as_what_they_are(crawl, tmp_path):
    page_in(crawl, "h.html", f"<html><body><h1>标题</h1><p>{BODY}</p></body></html>")
    ct.clean_files(crawl, tmp_path / "out")
    names = {p.relative_to(tmp_path / "back").as_posix() for p in undo(tmp_path / "out", tmp_path / "back", Report())}
    assert {"packed.txt", "packed2.txt", "h.html.txt"} <= names
    assert ct.clean_files(tmp_path / "back", tmp_path / "again").exit_code == 0


@pytest.mark.parametrize(("names", "says"), [(["a.gz", "a/b.txt"], "the folder of page"), (["x.txt", "x.txt.gz"], "written twice")])
def test_outputs_that_would_collide_are_refused(tmp_path, names, says):
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"x") if name.endswith(".gz") else b"x")
    with pytest.raises(ConfigError, match=says):
        ct.clean_files(tmp_path / "in", tmp_path / "out")


def test_what_is_no_file_is_passed_over_and_told(tmp_path):
    folder = page_in(tmp_path / "in")
    os.mkfifo(folder / "pipe.txt")
    (folder / "link").symlink_to(tmp_path)
    (folder / "UPPER.HTML").write_text(f"<p>{BODY}</p>")
    (folder / "UPPER.TXT.GZ").write_bytes(gzip.compress(BODY.encode()))
    (folder / "dangling.txt").symlink_to("/nowhere")
    found = find_pages([folder])
    assert [p.output for p in found.pages] == ["UPPER.HTML.txt", "UPPER.TXT", "dangling.txt", "p.txt"]
    assert sorted(found.other) == ["link/ (a link)", "pipe.txt"]
    report = ct.clean_files(folder, tmp_path / "out")
    assert [f["id"] for f in report.failures] == ["dangling.txt"]


def test_a_finished_run_is_read_as_pages_without_its_tables(crawl, tmp_path):
    ct.clean_files(crawl, tmp_path / "out")
    assert not [p for p in find_pages([tmp_path / "out"]).pages if not p.id.endswith(".txt")]


def test_globs_keep_folders_apart(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.txt").write_text(BODY, "utf-8")
    assert [p.id for p in find_pages([f"{tmp_path}/*/index.txt"]).pages] == ["a/index.txt", "b/index.txt"]


def test_check_counts_pages_whose_bytes_would_change(tmp_path):
    folder = page_in(tmp_path / "in")
    assert ct.clean_files(folder, tmp_path / "out1").changed == 0
    (folder / "p.txt").write_bytes(BODY.encode("gb18030"))
    assert ct.clean_files(folder, tmp_path / "out2", record=False).changed == 1


def test_repeats_inside_one_page_do_not_blow_the_tables_up(tmp_path):
    line = "口岸是连接两国间的重要窗口,推动口岸建设需要双方同频共振,显然,加强口岸建设、畅通口岸已成共识。"
    page_in(tmp_path / "in", text="\n".join([line] * 1000))
    ct.clean_files(tmp_path / "in", tmp_path / "out")
    size = sum(p.stat().st_size for p in (tmp_path / "out").glob("*.*") if p.name != "p.txt")
    assert size < 30 * len(line.encode()) * 1000


def of_duplicates(out):
    return {p.name for p in out.iterdir()} & {
        "duplicates.parquet",
        "duplicates.jsonl",
        "clusters.parquet",
        "boilerplate.parquet",
        "cuts.parquet",
        "events.jsonl",
    }


def test_boilerplate_is_told_and_listed(tmp_path):
    from cleantext.report.terminal import _found
    from cleantext.run.search.dedup_files import dedup_files

    (tmp_path / "in").mkdir()
    article = prose(random.Random(1), 300) + "\n"
    for n in range(12):
        (tmp_path / "in" / f"{n:02}.txt").write_text(
            prose(random.Random(n + 5), 60) + "\n" + article + prose(random.Random(n + 50), 60), "utf-8"
        )
    report = dedup_files(tmp_path / "in", tmp_path / "few", max_df=10)
    assert report.duplicates["pairs"] == 0
    assert _found(report).endswith("; 1 stretch in more than 10 texts was not paired and stays: see boilerplate.parquet, and --max-df")
    assert "1 stretch in more than 10 texts" in (tmp_path / "few" / "report.html").read_text("utf-8")
    assert Report.from_json(json.loads((tmp_path / "few" / "report.json").read_text("utf-8"))).duplicates["boilerplate"] == 1
    [row] = pq.read_table(tmp_path / "few" / "boilerplate.parquet").to_pylist()
    assert (row["id"], row["texts"]) == ("00.txt", 12)
    assert article.strip("。，！\n") in (tmp_path / "in" / "00.txt").read_text("utf-8")[row["start"] : row["end"]]

    report = ct.clean_files(tmp_path / "in", tmp_path / "out", duplicates="passages", remove=True, max_df=10)
    assert report.duplicates["boilerplate"] == 1
    before = report.chars_out
    report = ct.clean_files(tmp_path / "in", tmp_path / "out", duplicates="passages", remove=True, max_df=12)
    assert report.duplicates["boilerplate"] == 0
    assert before - report.chars_out > 10 * len(article)
    with pytest.raises(ct.ConfigError, match="max_df 0"):
        ct.clean_files(tmp_path / "in", tmp_path / "out", max_df=0)


def test_a_run_leaves_no_duplicates_of_an_earlier_one(tmp_path):
    from cleantext.run.search.dedup_files import dedup_files, index_files

    (tmp_path / "in").mkdir()
    line = prose(random.Random(1), 80)
    for n in range(2):
        (tmp_path / "in" / f"{n}.txt").write_text(line, "utf-8")
    out = tmp_path / "out"
    documents = {"duplicates.parquet", "duplicates.jsonl", "clusters.parquet"}
    passages = {*documents, "boilerplate.parquet", "cuts.parquet"}
    dedup_files(tmp_path / "in", out)
    assert of_duplicates(out) == passages
    dedup_files(tmp_path / "in", out, level="document", engine="local", workers=1)
    assert of_duplicates(out) == documents
    dedup_files(tmp_path / "in", out, level="document")
    assert of_duplicates(out) == documents
    index_files(tmp_path / "in", out, tmp_path / "index", workers=1)
    assert of_duplicates(out) == {"duplicates.parquet", "clusters.parquet", "events.jsonl"}
    index_files(tmp_path / "in", out, tmp_path / "index", workers=1, add=False)
    assert of_duplicates(out) == {"duplicates.parquet"}
    dedup_files(tmp_path / "in", out, level="document", engine="local", workers=1)
    ct.clean_files(tmp_path / "in", out)
    assert of_duplicates(out) == passages
    ct.clean_files(tmp_path / "in", out, duplicates="off")
    assert of_duplicates(out) == set()


@pytest.mark.parametrize("src", [None, 5, b"page.txt", [None], ["page.txt", 5], 1.5])
def test_sources_are_paths(tmp_path, src):
    for act in (ct.clean_files, search.dedup_files, lambda src, _: learn_files(src)):
        with pytest.raises(
            TypeError, match=r"expected src=a path \(str or Path\) or a list of paths: files, folders or glob patterns, got"
        ):
            act(src, tmp_path / "out")
    assert not (tmp_path / "out").exists()
