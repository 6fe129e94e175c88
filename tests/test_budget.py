"""Pages that never end, or end their process: each fails alone, in every way of running."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stuck import Stuck

import cleantext as ct
from cleantext.errors import CleantextError, ConfigError
from cleantext.pipeline import Pipeline
from cleantext.run import job
from cleantext.run.readers import units
from cleantext.run.readers.find import find_pages
from cleantext.run.search import search_input as corpus
from cleantext.run.search.dedup_files import dedup_files
from cleantext.run.shards import budget, workers
from cleantext.run.shards import clean_shard as shards
from cleantext.run.shards.settings import STATE, Settings

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"
RECIPE = Pipeline((Stuck(),), "stuck")
NEVER_END = ["卡在循环", "卡在正则", "卡在内核"]


@pytest.fixture(autouse=True)
def without_warming(monkeypatch):
    monkeypatch.setattr(shards, "warm", lambda *_: None)
    monkeypatch.setattr(budget, "PATIENCE", 100)  # how busy this machine is decides nothing


def pages_in(folder, *texts):
    folder.mkdir()
    for n, text in enumerate(texts):
        (folder / f"{n}.txt").write_text(text, "utf-8")
    return folder


def clean(src, out, **options):
    return ct.clean_files(src, out, **{"pipeline": RECIPE, "duplicates": "off", "page_seconds": 0.5} | options)


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def failed(out):
    return [row["id"] for row in map(json.loads, (out / "failed.jsonl").read_text("utf-8").splitlines())]


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("text", NEVER_END)
def test_a_page_that_never_ends_fails_alone(tmp_path, monkeypatch, text):
    if text == "卡在内核":  # asleep, which is no work
        monkeypatch.setattr(budget, "PATIENCE", 6)
    monkeypatch.setattr(job, "can_fork", lambda: True)
    src = pages_in(tmp_path / "in", BODY, text, BODY + "二", BODY + "三")
    report = clean(src, tmp_path / "out")
    assert (report.outcomes["kept"], failed(tmp_path / "out"), report.exit_code) == (3, ["1.txt"], 3)
    assert "1.txt: took more than 0.5 seconds: give it more (--page-seconds)" in report.failures[0]["error"]
    assert [(tmp_path / "out" / f"{n}.txt").exists() for n in range(4)] == [True, False, True, True]
    assert not (tmp_path / "out" / STATE).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory")
@pytest.mark.parametrize("fork", [True, False])
@pytest.mark.parametrize("text", ["贪字节", "贪数组"])
def test_a_page_that_takes_all_memory_fails_alone(tmp_path, monkeypatch, text, fork):
    monkeypatch.setattr(job, "can_fork", lambda: fork)
    src = pages_in(tmp_path / "in", BODY, text, BODY + "二", text + "三", BODY + "四")
    options = {} if fork else {"workers": 2}
    if not fork:
        monkeypatch.setattr(units, "BATCH_ROWS", 1)
    report = clean(src, tmp_path / "out", page_seconds=60, max_page_memory=500_000_000, **options)
    assert (report.outcomes["kept"], failed(tmp_path / "out"), report.exit_code) == (3, ["1.txt", "3.txt"], 3)
    assert all("took more than 500,000,000 bytes of memory: give it more (--max-page-memory)" in f["error"] for f in report.failures)
    with pytest.raises(ConfigError, match="max_page_memory 1: give at least 500,000,000"):
        clean(src, tmp_path / "more", max_page_memory=1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no clock here")
@pytest.mark.parametrize("engine", ["memory", "local"])
def test_dedup_reads_no_page_for_ever(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(budget, "PATIENCE", 1)
    read = corpus.read_record

    def stuck(row, *, most):
        if row.id == "1.txt":
            while True:
                pass
        return read(row, most=most)

    monkeypatch.setattr(corpus, "read_record", stuck)
    told = BODY + "街上卖馕的老人说,这样的春天他等了三年,城里的人都说今年的雨水好。"
    src = pages_in(tmp_path / "in", told, "卡", "转载:" + told)
    report = dedup_files(src, tmp_path / "out", engine=engine, page_seconds=0.3, workers=1)
    assert (report.outcomes["kept"], failed(tmp_path / "out"), report.duplicates["pairs"]) == (2, ["1.txt"], 1)
    assert "took more than 0.3 seconds" in report.failures[0]["error"]
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_page_that_ends_its_process_fails_alone_and_no_other_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "can_fork", lambda: True)
    src = pages_in(tmp_path / "in", "自杀", BODY, "卡在循环", "自杀")
    report = clean(src, tmp_path / "out")
    assert failed(tmp_path / "out") == ["0.txt", "2.txt", "3.txt"]
    assert "ended its process (exit code 7)" in report.failures[0]["error"]
    assert (tmp_path / "out" / "1.txt").read_text("utf-8") == BODY


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no clock here")
def test_where_no_process_can_be_forked_the_clock_rings_here_and_a_new_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "can_fork", lambda: False)
    monkeypatch.setattr(budget, "PATIENCE", 3)
    src = pages_in(tmp_path / "in", BODY, "卡在正则", BODY + "二")
    before = signal.getsignal(signal.SIGALRM)
    report = clean(src, tmp_path / "out")
    assert (report.outcomes["kept"], failed(tmp_path / "out")) == (2, ["1.txt"])
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_slow_pages_that_keep_to_their_budget_are_done(tmp_path, monkeypatch):
    """Together they take more than one page may: the shard is stopped, tried page by page, and done with the time that they took."""
    monkeypatch.setattr(job, "can_fork", lambda: True)
    src = pages_in(tmp_path / "in", *["慢" + BODY] * 4)
    report = clean(src, tmp_path / "out", page_seconds=0.4)
    assert (report.outcomes["kept"], report.exit_code) == (4, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_page_that_waits_for_a_processor_is_not_to_blame(tmp_path, monkeypatch):
    """Seconds are those of work: a busy machine fails no page."""
    monkeypatch.setattr(job, "can_fork", lambda: True)
    assert clean(pages_in(tmp_path / "in", "等" + BODY), tmp_path / "out").exit_code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_forked_process_writes_what_this_one_does(tmp_path, monkeypatch):
    src = pages_in(tmp_path / "in", BODY, BODY + "二")
    monkeypatch.setattr(job, "can_fork", lambda: True)
    clean(src, tmp_path / "forked")
    clean(src, tmp_path / "here", page_seconds=0, max_page_memory=0)
    trees = [tree(tmp_path / name) for name in ("forked", "here")]
    for files in trees:
        [files.pop(name) for name in ("report.html", "report.json", "run.json")]  # which tell the budget
    assert trees[0] == trees[1]


def test_the_budget_grows_with_the_page_and_counts_for_no_other():
    settings = Settings(RECIPE, page_seconds=10)
    assert settings.seconds(0) == 10
    assert settings.seconds(10_000_000) == 160
    assert Settings(RECIPE, page_seconds=0).seconds(10**9) == 0
    assert settings.fingerprint == Settings(RECIPE, page_seconds=20).fingerprint
    with pytest.raises(ConfigError, match="page_seconds -1"):
        Settings(RECIPE, page_seconds=-1)


def test_what_a_shard_raises_comes_through(tmp_path, monkeypatch):
    """A full disk, say: the run ends with it, and processes with the run."""
    if sys.platform != "linux":
        pytest.skip("forks")
    monkeypatch.setattr(job, "can_fork", lambda: True)

    def full(*_, **__):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(workers, "run_shard", full)
    with pytest.raises(OSError, match="No space left"):
        clean(pages_in(tmp_path / "in", BODY), tmp_path / "out")


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_processes_that_die_without_a_page_to_blame_end_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "can_fork", lambda: True)
    monkeypatch.setattr(workers, "run_shard", lambda *_, **__: os._exit(9))
    with pytest.raises(CleantextError, match="a worker process died"):
        clean(pages_in(tmp_path / "in", BODY), tmp_path / "out")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_of_a_killed_parent_end(tmp_path):
    """Also one that is stuck in a call that lets no other thread run."""
    src = pages_in(tmp_path / "in", "卡在内核", "卡在内核")
    code = (
        "import cleantext as ct; from cleantext.pipeline import Pipeline; from stuck import Stuck; from cleantext.run import job\n"
        f"ct.clean_files({str(src)!r}, {str(tmp_path / 'out')!r}, pipeline=Pipeline((Stuck(),), 'stuck'), duplicates='off')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    until = time.monotonic() + 60
    while not (child := children.read_text().split()) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.2)
    parent.kill()
    parent.wait()
    while any(Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2] for pid in child):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert child


def test_before_pages_are_tried_what_they_need_is_compiled_and_nothing_else(tmp_path, monkeypatch):
    """No clock runs then; kernels that search for duplicates take most of the time, and no page needs them."""
    seen = []
    monkeypatch.setattr(shards, "warm", lambda *parts: seen.append(parts))
    shard = job.plan_shards(find_pages([pages_in(tmp_path / "in", BODY)]).pages)[0]
    shards.try_pages(shard, Settings(RECIPE, duplicates="off"), first=0, over={}, watch=lambda page, _: seen.append(page))
    assert seen == [("pages", "documents"), 0, 0, shards.ALL]
