"""Runs after runs: shards that have not changed are not done again, and an index keeps clusters over runs."""

import json
import os

import duckdb
import pyarrow.parquet as pq
import pytest
from crawl import crawl, write_jsonl, write_parquet, write_warc

import cleantext as ct
from cleantext.errors import ConfigError
from cleantext.run import job
from cleantext.run.shards.settings import STATE
from cleantext.run.writers import finish

PAGES = list(crawl(60, seed=5))
OPTIONS = {"form": "parquet", "duplicates": "documents", "remove": True, "page_seconds": 0, "max_page_memory": 0}
WRITERS = {"jsonl.zst": write_jsonl, "parquet": write_parquet, "warc.gz": write_warc}


def clean(src, out, **options):
    return ct.clean_files(src, out, **{**OPTIONS, **options})


def tables(folder):
    """What a run wrote, but for what names the folder of its input."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file() and p.name != "run.json"}


def write_parts(folder, ending, parts):
    folder.mkdir(exist_ok=True)
    for name, pages in parts.items():
        WRITERS[ending](folder / f"{name}.{ending}", pages)
    return folder


def done_shards(monkeypatch):
    done, real = [], job.run_shard
    monkeypatch.setattr(job, "run_shard", lambda shard, *a, **o: (done.append(shard.name), real(shard, *a, **o))[1])
    return done


@pytest.mark.parametrize("ending", list(WRITERS))
def test_only_shards_that_are_new_or_changed_are_done(tmp_path, monkeypatch, ending):
    src = write_parts(tmp_path / "in", ending, {"a": PAGES[:20], "c": PAGES[20:40]})
    clean(src, tmp_path / "out", learn_hosts=False, incremental=True)
    done = done_shards(monkeypatch)
    write_parts(src, ending, {"b": PAGES[40:50], "c": PAGES[20:39]})
    report = clean(src, tmp_path / "out", learn_hosts=False, incremental=True)
    assert len(done) == 2
    assert "20 pages unchanged, 29 done" in report.notes
    clean(src, tmp_path / "straight", learn_hosts=False)
    assert tables(tmp_path / "out") == tables(tmp_path / "straight")
    assert not (tmp_path / "straight" / STATE).exists()
    names = {p.name.partition(".")[0] for p in (tmp_path / "out" / STATE).glob("*.done")}
    assert len(names) == 3


def test_a_run_of_which_nothing_changed_says_so_and_what_it_keeps_goes_with_a_usual_one(tmp_path):
    src = write_parts(tmp_path / "in", "jsonl.zst", {"a": PAGES[:20]})
    clean(src, tmp_path / "out", incremental=True)
    before = tables(tmp_path / "out")
    assert "nothing new: 20 pages as before" in clean(src, tmp_path / "out", incremental=True).notes[-1]
    (src / "a.jsonl.zst").unlink()
    write_parts(src, "jsonl.zst", {"b": PAGES[:20]})
    clean(src, tmp_path / "out")
    assert not (tmp_path / "out" / STATE).exists()
    assert (
        pq.read_table(tmp_path / "out" / "corpus-00000.parquet")["text"]
        == pq.read_table(as_file(before["corpus-00000.parquet"], tmp_path))["text"]
    )


def as_file(data, folder):
    path = folder / "before.parquet"
    path.write_bytes(data)
    return path


def test_an_incremental_run_stays_with_the_profile_that_it_learned(tmp_path, monkeypatch):
    src = write_parts(tmp_path / "in", "parquet", {"a": PAGES[:45]})
    clean(src, tmp_path / "out", incremental=True)
    learned = (tmp_path / "out" / "hosts.toml").read_bytes()
    done = done_shards(monkeypatch)
    write_parts(src, "parquet", {"b": PAGES[45:]})
    report = clean(src, tmp_path / "out", incremental=True)
    assert (tmp_path / "out" / "hosts.toml").read_bytes() == learned
    assert len(done) == 1
    assert "45 pages unchanged, 15 done" in report.notes


def test_texts_too(tmp_path, monkeypatch):
    src = tmp_path / "in"
    src.mkdir()
    for n, page in enumerate(PAGES[:6]):
        (src / f"{n}.html").write_bytes(page.data)
    options = {"form": "text", "duplicates": "passages", "incremental": True}
    clean(src, tmp_path / "out", **options)
    done = done_shards(monkeypatch)
    os.utime(src / "3.html", (1, 1))
    (src / "5.html").unlink()
    clean(src, tmp_path / "out", **options)
    assert done
    clean(src, tmp_path / "straight", form="text", duplicates="passages")
    assert tables(tmp_path / "out") == tables(tmp_path / "straight")
    assert not (tmp_path / "out" / STATE / "pages" / "5.html").exists()


# ---------------------------------------------------------------- the index


def rows(out, columns="id, duplicate_cluster, duplicate_keeper"):
    return duckdb.sql(f"SELECT {columns} FROM '{out}/corpus-*.parquet' ORDER BY id").fetchall()


def test_copies_of_pages_of_runs_before_are_found_and_clusters_keep_their_names(tmp_path):
    one = write_jsonl(tmp_path / "one.jsonl", PAGES[:30])
    copies = [type(p)("mirror.example.cn", p.number, p.html, p.encoding) for p in PAGES[:5]]
    two = write_jsonl(tmp_path / "two.jsonl", [*copies, *PAGES[30:]])
    options = {"index": str(tmp_path / "index"), "learn_hosts": False}
    clean(one, tmp_path / "1", remove=False, **options)
    clusters = {i: c for i, c, _ in rows(tmp_path / "1") if c is not None}
    report = clean(two, tmp_path / "2", **options)
    assert report.outcomes["duplicate"] >= 5
    kept = {i for i, *_ in rows(tmp_path / "2")}
    assert not kept & {p.id for p in copies}
    gone = dict(duckdb.sql(f"SELECT id, duplicate_cluster FROM '{tmp_path}/2/dropped.parquet' WHERE host = 'mirror.example.cn'").fetchall())
    for page in copies:
        keeper = duckdb.sql(f"SELECT reason FROM '{tmp_path}/2/dropped.parquet' WHERE id = '{page.id}'").fetchall()[0][0]
        assert "mirror" not in keeper
        former = f"{PAGES[page.number].host}/a/{page.number}.html"
        assert former not in clusters or clusters[former] == gone[page.id]
    events = [json.loads(line) for line in (tmp_path / "2" / "events.jsonl").read_text("utf-8").splitlines()]
    assert {e["event"] for e in events} <= {"new", "joined", "merged", "keeper", "dissolved", "moved", "left"}
    assert report.duplicates["pairs"] >= 5
    again = clean(two, tmp_path / "3", **options)  # all of them stand in the index now
    assert rows(tmp_path / "3") == rows(tmp_path / "2")
    assert again.outcomes == report.outcomes


def test_a_run_that_was_stopped_behind_the_index_finds_the_same(tmp_path, monkeypatch):
    src = write_jsonl(tmp_path / "one.jsonl", PAGES[:40])
    clean(src, tmp_path / "straight", index=str(tmp_path / "other"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(finish, "edits_writer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        clean(src, tmp_path / "out", index=str(tmp_path / "index"))
    clean(src, tmp_path / "out", index=str(tmp_path / "index"))
    told = {n: d for n, d in tables(tmp_path / "out").items() if not n.startswith("report")}
    assert told == {n: d for n, d in tables(tmp_path / "straight").items() if not n.startswith("report")}


def test_a_page_that_changed_since_it_was_added_is_told_and_stays(tmp_path):
    copy = type(PAGES[0])("mirror.example.cn", 0, PAGES[0].html, PAGES[0].encoding)
    src = write_jsonl(tmp_path / "one.jsonl", [*PAGES[:8], copy])
    options = {"index": str(tmp_path / "index"), "learn_hosts": False}
    clean(src, tmp_path / "1", **options)
    assert copy.id not in {i for i, *_ in rows(tmp_path / "1")}
    changed = type(copy)(copy.host, 0, PAGES[50].html, copy.encoding)
    write_jsonl(src, [*PAGES[:8], changed])
    report = clean(src, tmp_path / "2", **options)
    assert copy.id in {i for i, *_ in rows(tmp_path / "2")}
    assert any("1 page changed since it was added" in note for note in report.notes)


def test_an_index_of_passages_there_is_none(tmp_path):
    with pytest.raises(ConfigError, match="holds documents, not passages"):
        clean(write_jsonl(tmp_path / "one.jsonl", PAGES[:2]), tmp_path / "out", duplicates="passages", index=str(tmp_path / "index"))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "index").exists()
