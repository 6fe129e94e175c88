"""Runs that were stopped: what they leave, and that the next one ends as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import cleantext as ct
from cleantext.cli import main
from cleantext.errors import ConfigError
from cleantext.plan.lock import only_writer
from cleantext.run import job
from cleantext.run.readers import units
from cleantext.run.readers.find import find_pages
from cleantext.run.resume.markers import finished
from cleantext.run.resume.run_state import sweep
from cleantext.run.search.dedup_files import dedup_files
from cleantext.run.shards.budget import MEMORY
from cleantext.run.shards.settings import STATE, Settings, part

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍。\n發布時間:2023-10-24 来源:石榴云\n口岸是連接兩國間的重要窗口。"


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def crawl(tmp_path, monkeypatch):
    """Six pages, each a shard."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for n in range(6):
        (folder / ("sub" if n % 2 else ".") / f"{n}.txt").write_text(f"第{n}頁的標題\n{BODY}", "utf-8")
    monkeypatch.setattr(units, "BATCH_ROWS", 1)
    return folder


def stop_before_the_end(src, out, monkeypatch, **options):
    """Do all shards, and be stopped before the tables are joined."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        ct.clean_files(src, out, page_seconds=0, max_page_memory=0, **options)


def count_shards(monkeypatch):
    done, real = [], job.run_shard
    monkeypatch.setattr(job, "run_shard", lambda shard, *a, **o: (done.append(shard.number), real(shard, *a, **o))[1])
    return done


# ---------------------------------------------------------------- damage


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path):
    path.write_bytes(bytes(path.stat().st_size))


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(bytes(data))


def same_length(path):
    """Another value of the right form, which no reader would miss."""
    path.write_bytes(path.read_bytes().replace(b"2", b"3"))


@pytest.mark.parametrize("duplicates", ["off", "passages"])
def test_whatever_of_a_finished_shard_is_damaged_it_is_done_again(crawl, tmp_path, monkeypatch, duplicates):
    options = {"duplicates": duplicates, "remove": duplicates != "off", "page_seconds": 0, "max_page_memory": 0}
    ct.clean_files(crawl, tmp_path / "straight", **options)
    out = tmp_path / "out"
    stop_before_the_end(crawl, out, monkeypatch, duplicates=duplicates, remove=duplicates != "off")
    state = out / STATE
    pages = state / "pages" if duplicates == "passages" else out
    third = job.plan_shards(find_pages([crawl]).pages)[2]
    victims = [part(tmp_path / "out", third, kind).name for kind in ("edits.arrow", "metadata.jsonl", "done")]
    damages = [cut, zero, flip, same_length, Path.unlink]
    done = count_shards(monkeypatch)
    kept = tree(state)
    for damage in damages:
        for victim in [*(state / name for name in victims), pages / "4.txt"]:
            before = victim.read_bytes()
            damage(victim)
            if victim.exists() and victim.read_bytes() == before:
                continue
            done.clear()
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(job, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
                ct.clean_files(crawl, out, **options)
            assert done == [2], (damage, victim)  # of the sorted pages 4.txt is the third
            assert tree(state) == kept
    ct.clean_files(crawl, out, **options)
    assert tree(out) == tree(tmp_path / "straight")


def test_a_sound_shard_is_not_done_again(crawl, tmp_path, monkeypatch):
    stop_before_the_end(crawl, tmp_path / "out", monkeypatch, duplicates="off")
    done = count_shards(monkeypatch)
    ct.clean_files(crawl, tmp_path / "out", duplicates="off", page_seconds=0, max_page_memory=0)
    assert done == []


def test_another_budget_gives_pages_that_went_over_it_another_try_and_no_others(crawl, tmp_path, monkeypatch):
    stop_before_the_end(crawl, tmp_path / "out", monkeypatch, duplicates="off")
    recipe = ct.Pipeline.load("zh-web")
    shards = job.plan_shards(find_pages([crawl]).pages)
    marker = part(tmp_path / "out", shards[0], "done")
    from cleantext.run.resume.markers import _sum

    held = json.loads(marker.read_bytes())
    held.pop("sum")
    held["budget"] = [7, MEMORY]
    marker.write_text(json.dumps({"sum": _sum(held), **held}))
    for seconds, memory, sound in ((7, MEMORY, [True, True]), (8, MEMORY, [False, True]), (7, 2 * MEMORY, [False, True])):
        settings = Settings(recipe, duplicates="off", page_seconds=seconds, max_page_memory=memory)
        assert [finished(shard, settings, tmp_path / "out") is not None for shard in shards[:2]] == sound


def test_pages_that_went_from_the_input_meanwhile_go_from_the_output(crawl, tmp_path, monkeypatch):
    out = tmp_path / "out"
    stop_before_the_end(crawl, out, monkeypatch, duplicates="off")
    assert (out / "0.txt").exists()
    (crawl / "0.txt").unlink()
    stop_before_the_end(crawl, out, monkeypatch, duplicates="off")  # again: what the first run wrote is not forgotten
    (crawl / "2.txt").unlink()
    ct.clean_files(crawl, out, duplicates="off", restart=True)
    ct.clean_files(crawl, tmp_path / "straight", duplicates="off")
    assert tree(out) == tree(tmp_path / "straight")


def test_pages_of_a_shard_that_was_not_finished_go_too(crawl, tmp_path, monkeypatch):
    from cleantext.run.shards import clean_shard as shards

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shards, "mark", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        ct.clean_files(crawl, tmp_path / "out", duplicates="off", page_seconds=0, max_page_memory=0)
    assert (tmp_path / "out" / "0.txt").exists()
    (crawl / "0.txt").unlink()
    ct.clean_files(crawl, tmp_path / "out", duplicates="off", page_seconds=0, max_page_memory=0)
    assert not (tmp_path / "out" / "0.txt").exists()


def copied(path, data, times):
    path.write_bytes(data)
    os.utime(path, ns=times)


def renamed(path, data, times):
    other = path.with_name("other")
    copied(other, data, times)
    other.replace(path)


@pytest.mark.parametrize("change", [copied, renamed])
def test_a_page_that_changed_is_done_again_though_its_size_and_time_did_not(crawl, tmp_path, monkeypatch, change):
    """As `cp -p` and `rsync -t` leave it."""
    out, page = tmp_path / "out", crawl / "4.txt"
    stop_before_the_end(crawl, out, monkeypatch, duplicates="off")
    held = page.stat()
    change(page, page.read_bytes().replace("第4頁".encode(), "第9頁".encode()), (held.st_atime_ns, held.st_mtime_ns))
    assert (page.stat().st_size, page.stat().st_mtime_ns) == (held.st_size, held.st_mtime_ns)
    done = count_shards(monkeypatch)
    ct.clean_files(crawl, out, duplicates="off", page_seconds=0, max_page_memory=0)
    assert done == [2]
    assert (out / "4.txt").read_text("utf-8").startswith("第9页")


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("duplicates", ["off", "passages"])
def test_pages_become_folders_and_folders_pages(tmp_path, monkeypatch, stopped, duplicates):
    """Between two runs into one folder: what the first wrote is out of the way, what others put there stays."""
    sources, out = [tmp_path / "first", tmp_path / "second"], tmp_path / "out"
    options = {"duplicates": duplicates, "remove": duplicates != "off", "replaces": True}
    for n, names in enumerate((("a", "b/c/d", "e/f", "same"), ("a/x", "b", "e/f/g/h", "same"))):
        for name in names:
            path = sources[n] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"第{n}頁 {name}\n{BODY}" if duplicates == "off" else f"{name}的第{n}頁很短", "utf-8")
    for src in (sources[0], sources[1], sources[0]):
        if stopped:
            stop_before_the_end(src, out, monkeypatch, **options)
        else:
            assert ct.clean_files(src, out, **options).exit_code == 0
    assert ct.clean_files(sources[1], out, **options).exit_code == 0
    ct.clean_files(sources[1], tmp_path / "straight", **options)
    assert tree(out) == tree(tmp_path / "straight")
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_dir()) == ["a", "e", "e/f", "e/f/g"]


def test_a_link_that_came_while_a_run_was_stopped_fails_its_pages_and_no_others(crawl, tmp_path, monkeypatch):
    out = tmp_path / "out"
    stop_before_the_end(crawl, out, monkeypatch, duplicates="documents", remove=True)
    (tmp_path / "elsewhere").mkdir()
    (out / "sub").symlink_to(tmp_path / "elsewhere")
    report = ct.clean_files(crawl, out, duplicates="documents", remove=True, page_seconds=0, max_page_memory=0)
    assert [row["id"] for row in report.failures] == ["sub/1.txt", "sub/3.txt", "sub/5.txt"]
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (out / "report.json").exists()
    (out / "sub").unlink()
    ct.clean_files(crawl, out, duplicates="documents", remove=True, page_seconds=0, max_page_memory=0)
    ct.clean_files(crawl, tmp_path / "straight", duplicates="documents", remove=True, page_seconds=0, max_page_memory=0)
    assert tree(out) == tree(tmp_path / "straight")


# ---------------------------------------------------------------- signals


CODE = """
import sys
from cleantext.run import job
from cleantext.run.readers import units; units.BATCH_ROWS = 3
from cleantext.cli import main
main()
"""


def start(*args):
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "in"
    folder.mkdir()
    for n in range(30):
        (folder / f"{n:02}.txt").write_text(f"第{n}頁的標題\n{BODY}\n" * 20, "utf-8")
    return folder


def wait_for(path, process, pattern="*.done"):
    until = time.monotonic() + 120
    while not list(path.glob(pattern)) and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.005)


def test_killed_at_any_moment_a_run_ends_as_one_that_was_not(many, tmp_path):
    straight, out = tmp_path / "straight", tmp_path / "out"
    process = start("clean", many, "-o", straight, "--duplicates", "off")
    assert "30 in: 30 kept" in process.communicate()[1]
    rng = random.Random(4)
    for _ in range(4):
        process = start("clean", many, "-o", out, "--duplicates", "off")
        wait_for(out / STATE, process, "lock")
        time.sleep(rng.uniform(0, 0.8))
        process.kill()
        process.communicate()
        (out / "sub").mkdir(exist_ok=True)
        (out / "sub" / ".0123456789ab.77.part").write_text("left by one that was killed")
    until = time.monotonic() + 30
    while "is writing here" in (told := start("clean", many, "-o", out, "--duplicates", "off").communicate()[1]):
        assert time.monotonic() < until  # the worker of a killed run ends a moment later
    assert "30 in: 30 kept" in told
    (out / "sub").rmdir()
    assert tree(out) == tree(straight)


@pytest.mark.parametrize(("stop", "workers"), [(signal.SIGTERM, ()), (signal.SIGINT, ("--workers", "2"))])
def test_stopped_by_a_signal_it_says_how_to_go_on(many, tmp_path, stop, workers):
    """The signal goes to all processes, as that of a terminal does."""
    process = start("clean", many, "-o", tmp_path / "out", "--duplicates", "off", *workers)
    wait_for(tmp_path / "out" / STATE, process)
    os.killpg(process.pid, stop)
    _, told = process.communicate()
    assert process.returncode == 130
    assert told.strip() == "cleantext: interrupted; run the same command again to take up from here"
    assert not list((tmp_path / "out").rglob("*.part"))
    assert list((tmp_path / "out" / STATE).glob("*.done"))


# ---------------------------------------------------------------- two runs


def test_a_second_run_into_a_folder_is_refused_with_the_process_that_holds_it(crawl, tmp_path):
    out = tmp_path / "out"
    (out / STATE).mkdir(parents=True)
    code = (
        "import sys, time; from pathlib import Path; from cleantext.plan.lock import only_writer\n"
        "with only_writer(Path(sys.argv[1]), 'x'): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(out / STATE / "lock")], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        for act in (lambda: ct.clean_files(crawl, out), lambda: dedup_files(crawl, out)):
            with pytest.raises(ConfigError, match=rf"out: process {holder.pid} on .* is writing here"):
                act()
        holder.kill()
    assert CliRunner().invoke(main, ["clean", str(crawl), "-o", str(out), "--duplicates", "off"]).exit_code == 0
    assert not (out / STATE).exists()


def test_a_lock_that_its_holder_deleted_does_not_count(tmp_path):
    path = tmp_path / "lock"
    with only_writer(path, "x"):
        path.unlink()
        with only_writer(path, "x"), pytest.raises(ConfigError, match=f"process {os.getpid()} on"), only_writer(path, "x"):
            pass
    with only_writer(path, "x"):
        pass


def test_only_temporary_files_of_ours_are_swept(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    ours = [tmp_path / ".0123456789ab.1.part", tmp_path / "a" / "b" / ".ffffffffffff.99999.part"]
    others = [tmp_path / "x.part", tmp_path / "a" / ".0123456789ab.part", tmp_path / "a" / ".0123456789ab.1.part.txt"]
    for path in ours + others:
        path.write_text("x")
    sweep(tmp_path)
    assert [p.exists() for p in ours + others] == [False, False, True, True, True]


def test_a_mistake_leaves_no_folder(crawl, tmp_path):
    with pytest.raises(ConfigError):
        dedup_files(crawl, tmp_path / "out", level="paragraph", engine="memory")
    assert not (tmp_path / "out").exists()
