"""A run killed in the midst of any write goes on from there: the same bytes, and nothing half written is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import crawl
import failpoints
import pytest

TESTS = Path(__file__).parent
CODE = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import cleantext as ct
from cleantext.run.readers import page_batches as batches

batches.BATCH_ROWS = 6
at, real, seen = int(sys.argv[3]), Path.replace, [0]

def replace(self, target):
    seen[0] += 1
    if seen[0] == at and {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    made = real(self, target)
    if seen[0] == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return made

Path.replace = replace  # every file gets its name by it
ct.clean_files(sys.argv[1], sys.argv[2], form="parquet", duplicates="documents", remove=True, where="chars > 1", workers=1, page_seconds=0, max_page_memory=0)
print(seen[0])
"""


def run(path, out, at, *, before=True):
    return subprocess.run(
        [sys.executable, "-c", CODE.format(tests=str(TESTS), before=before), str(path), str(out), str(at)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    path = crawl.write_warc(folder / "a.warc.gz", list(crawl.crawl(24, letters=60)))
    done = run(path, folder / "out", 0)
    assert done.returncode == 0, done.stderr
    return path, tree(folder / "out"), int(done.stdout)


def check(straight, tmp_path, at, *, before):
    path, whole, _ = straight
    out = tmp_path / "out"
    assert run(path, out, at, before=before).returncode == -signal.SIGKILL
    done = run(path, out, 0)
    assert done.returncode == 0, done.stderr
    same = {name: data for name, data in tree(out).items() if name != "run.json"}  # which names the folder of the input alone
    assert same == {name: data for name, data in whole.items() if name != "run.json"}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_run_killed_at_a_write_ends_as_if_it_had_not_been(straight, tmp_path, share):
    check(straight, tmp_path, 1 + int(share * straight[2]), before=share != 0.6)


@pytest.mark.long
def test_a_run_killed_at_every_write_ends_as_if_it_had_not_been(straight, tmp_path):
    for at in range(1, straight[2] + 1):
        for before in (True, False):
            check(straight, tmp_path / f"{at}-{before}", at, before=before)


def test_a_run_whose_worker_is_killed_ends_by_itself_as_if_it_had_not_been(tmp_path):
    pages = list(crawl.crawl(16, letters=60))
    (tmp_path / "in").mkdir()
    for n in range(2):
        crawl.write_jsonl(tmp_path / "in" / f"{n}.jsonl", pages[n::2])

    def run(out, env=None):
        return subprocess.run(
            [sys.executable, failpoints.__file__, tmp_path / "in", out, "4000000"], capture_output=True, text=True, check=False, env=env
        )

    done = run(tmp_path / "straight")
    assert done.returncode == 0, done.stderr
    done = run(tmp_path / "out", failpoints.environment("worker-wrote-edits", tmp_path / "fired"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fired").exists()
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")


@pytest.mark.parametrize("name", failpoints.FAILPOINTS)
def test_places_at_which_runs_are_killed_are_there(name):
    assert callable(failpoints.found(failpoints.FAILPOINTS[name])[2])
