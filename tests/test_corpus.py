"""A crawl in, a corpus out: the same from every form, in every format, documented, undone, filtered, deduplicated, taken up after any stop."""

import json
import random
import subprocess
import sys
from pathlib import Path

import crawl
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from crawl import FORMS
from made import prose

import cleantext as ct
from cleantext.cli import main
from cleantext.errors import ConfigError, InputError
from cleantext.report.tally import OUTCOMES, Report
from cleantext.run import job
from cleantext.run.finished.outputs import pages_of
from cleantext.run.finished.restore import undo
from cleantext.run.readers import page_batches as batches
from cleantext.run.writers import corpus
from cleantext.run.writers.corpus import corpus_files, corpus_tables
from cleantext.run.writers.schema import COLUMNS, SCHEMA, corpus_schema
from cleantext.signals import SIGNALS, signals_of

PAGES = list(crawl.crawl(40, letters=120))
ROOT = Path(__file__).parent.parent


def clean(src, out, **options):
    return ct.clean_files(src, out, **{"form": "parquet", "workers": 1, "page_seconds": 0, "max_page_memory": 0, **options})


def rows(out, *columns):
    table = pa.concat_tables(list(corpus_tables(out)))
    return [tuple(row.values()) for row in table.select(list(columns)).to_pylist()]


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A WARC file cleaned into Parquet, and its rows."""
    folder = tmp_path_factory.mktemp("straight")
    report = clean(FORMS["warc"](folder, PAGES), folder / "out")
    return folder / "out", sorted(rows(folder / "out", "id", "text", "title", "published", "host")), report


@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv", "zip", "folder"])
def test_every_form_gives_the_same_corpus(tmp_path, straight, form):
    report = clean(FORMS[form](tmp_path, PAGES), tmp_path / "out", learn_hosts=True)
    assert sorted(rows(tmp_path / "out", "id", "text", "title", "published", "host")) == straight[1]
    assert report.outcomes == straight[2].outcomes


@pytest.mark.parametrize("form", ["jsonl", "jsonl.zst", "jsonl.gz", "text"])
def test_every_format_holds_the_same(tmp_path, straight, form):
    clean(FORMS["warc"](tmp_path, PAGES), tmp_path / "out", form=form, learn_hosts=True)
    if form == "text":
        texts = {row["id"]: (tmp_path / "out" / row["output"]).read_bytes().decode() for row in pages_of(tmp_path / "out")}
        assert texts == {name: text for name, text, *_ in straight[1]}
    else:
        assert sorted(rows(tmp_path / "out", "id", "text", "title", "published", "host")) == straight[1]
    assert not list((tmp_path / "out").glob(".*"))


def test_the_schema_is_that_of_the_documentation(straight):
    schema = pq.read_schema(corpus_files(straight[0])[0])
    assert schema.remove_metadata() == corpus_schema().remove_metadata()
    assert schema.metadata[b"cleantext_schema"] == SCHEMA.encode()
    told = (ROOT / "docs" / "outputs.md").read_text("utf-8")
    for name, kind, what in (*COLUMNS, *SIGNALS):
        assert f"| `{name}` | {kind} | {what} |" in told, name
    assert f"schema version is {SCHEMA}" in told
    for path in straight[0].glob("*.parquet"):
        assert pq.read_schema(path).metadata[b"cleantext_schema"] == SCHEMA.encode(), path.name


def test_rows_have_one_schema_whatever_the_input_carries(tmp_path):
    (tmp_path / "in").mkdir()
    given = [
        {"text": prose(random.Random(n), 80), "title": f"t{n}", **({"rank": n} if n < 5 else {"rank": "high", "tags": ["a"]})}
        for n in range(9)
    ]
    for n, row in enumerate(given):
        (tmp_path / "in" / f"{n}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    clean(tmp_path / "in", tmp_path / "out", duplicates="off")
    table = pa.concat_tables(list(corpus_tables(tmp_path / "out")))
    assert table["given_title"].to_pylist() == [f"t{n}" for n in range(9)]
    assert table["rank"].to_pylist() == ["0", "1", "2", "3", "4", *["high"] * 4]
    assert table["tags"].to_pylist() == [None] * 5 + [["a"]] * 4
    assert table["id"].to_pylist() == [f"{n}.jsonl:1" for n in range(9)]


def test_the_number_of_workers_and_the_size_of_batches_change_no_text(tmp_path, straight, monkeypatch):
    path = FORMS["warc"](tmp_path, PAGES)
    clean(path, tmp_path / "two", workers=2)
    assert {k: v for k, v in tree(tmp_path / "two").items() if k not in ("run.json", "report.html", "hosts.toml")} == {
        k: v for k, v in tree(straight[0]).items() if k not in ("run.json", "report.html", "hosts.toml")
    }
    monkeypatch.setattr(batches, "BATCH_ROWS", 7)
    monkeypatch.setattr(corpus, "FILE_BYTES", 20_000)
    monkeypatch.setattr(corpus, "GROUP_ROWS", 5)
    clean(path, tmp_path / "small")
    assert sorted(rows(tmp_path / "small", "id", "text", "title", "published", "host")) == straight[1]
    assert len(corpus_files(tmp_path / "small")) > 1


# ---------------------------------------------------------------- counts, conditions, duplicates


def told(report):
    return {name: report.outcomes[name] for name in OUTCOMES if report.outcomes[name]}


def test_what_comes_in_is_kept_emptied_duplicate_filtered_or_failed(tmp_path):
    body = [prose(random.Random(n), 150) for n in range(4)]
    given = [{"id": str(n), "text": text} for n, text in enumerate([*body, body[0], ""])]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in given) + "{\n", "utf-8")
    report = clean(path, tmp_path / "out", remove=True, duplicates="documents", where="id <> '3'")
    assert told(report) == {"kept": 3, "emptied": 1, "duplicate": 1, "filtered": 1, "failed": 1}
    assert report.pages_in == 7
    assert [r[0] for r in rows(tmp_path / "out", "id")] == ["0", "1", "2"]
    gone = {r["id"]: (r["outcome"], r["reason"]) for r in pq.read_table(tmp_path / "out" / "dropped.parquet").to_pylist()}
    assert gone == {
        "3": ("filtered", "not (id <> '3')"),
        "4": ("duplicate", "near-duplicate of 0"),
        "5": ("emptied", "nothing is left of it"),
    }
    [failed] = map(json.loads, (tmp_path / "out" / "failed.jsonl").read_text("utf-8").splitlines())
    assert failed["id"] == "a.jsonl:7"
    back = {p["id"]: p["text"] for path in undo(tmp_path / "out", tmp_path / "back", Report()) for p in pq.read_table(path).to_pylist()}
    assert back == {row["id"]: row["text"] for row in given}


def test_conditions_are_sql_over_the_columns(tmp_path):
    path = tmp_path / "a.jsonl"
    texts = ["这是一段足够长的中文，讲的是口岸的春天和赶路的人。", "This is English text of some length.", "短"]
    path.write_text("".join(json.dumps({"text": t, "rank": n}) + "\n" for n, t in enumerate(texts)), "utf-8")
    report = clean(path, tmp_path / "out", where="han_share > 0.3 and chars > 10 and rank < 5")
    assert told(report) == {"kept": 1, "filtered": 2}
    for bad in ("no_such > 1", "select", "han_share >", "1; drop table page"):
        with pytest.raises(ConfigError, match="--where"):
            clean(path, tmp_path / "bad", where=bad)
    with pytest.raises(ConfigError, match="rows of tables"):
        clean(path, tmp_path / "bad", where="true", form="text")


@pytest.mark.parametrize("level", ["documents", "passages", "lines"])
@pytest.mark.parametrize("small", [True, False])
def test_duplicates_are_told_and_removed(tmp_path, monkeypatch, level, small):
    if not small:
        monkeypatch.setattr("cleantext.run.search.duplicate_search.SMALL", -1)
    rng = random.Random(5)
    a, b, c = (prose(rng, 90) for _ in range(3))
    texts = {"1": f"{a}\n{b}", "2": f"{a}\n{b}", "3": f"{c}\n{a}"}
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": list(texts), "text": list(texts.values()), "more": [1, 2, 3]}), path)
    report = clean(path, tmp_path / "told", duplicates=level)
    assert told(report) == {"kept": 3}
    assert {(r[0], r[1]) for r in rows(tmp_path / "told", "id", "duplicate_keeper") if r[1]} >= {("2", "1")}
    report = clean(path, tmp_path / "out", duplicates=level, remove=True)
    left = dict(rows(tmp_path / "out", "id", "text"))
    assert left["1"] == texts["1"]
    assert "2" not in left
    assert left["3"].strip() == (texts["3"] if level == "documents" else c)
    assert told(report) == {"kept": 2, "duplicate": 1}
    back = {p["id"]: p["text"] for path in undo(tmp_path / "out", tmp_path / "back", Report()) for p in pq.read_table(path).to_pylist()}
    assert back == texts


def test_ids_that_come_again_in_other_batches_give_way(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    texts = [f"第{n}頁：{prose(random.Random(n), 60)}發展" for n in range(7)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"id": "x" if n % 3 == 0 else str(n), "text": t}) + "\n" for n, t in enumerate(texts)), "utf-8")
    report = clean(path, tmp_path / "out")
    assert [r[0] for r in rows(tmp_path / "out", "id")] == ["x", "1", "2", "a.jsonl:4", "4", "5", "a.jsonl:7"]
    assert report.renamed == 2
    back = [p["text"] for path in undo(tmp_path / "out", tmp_path / "back", Report()) for p in pq.read_table(path).to_pylist()]
    assert back == texts
    clean(path, tmp_path / "texts", form="text")
    assert {p.name for p in (tmp_path / "texts").glob("*.txt")} == {
        f"{n}.txt" for n in ("x", "1", "2", "a.jsonl%3A4", "4", "5", "a.jsonl%3A7")
    }


# ---------------------------------------------------------------- stops


class Stopped(BaseException):
    pass


def test_a_table_run_that_was_stopped_is_taken_up(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ROWS", 8)
    path = FORMS["warc"](tmp_path, PAGES)
    options = {"duplicates": "documents", "remove": True}
    clean(path, tmp_path / "straight", **options)
    done, real = [], job.run_shard

    def stopping(shard, *args, **kwargs):
        if len(done) == 3:
            raise Stopped
        done.append(shard.name)
        return real(shard, *args, **kwargs)

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(job, "run_shard", stopping)
        clean(path, tmp_path / "out", **options)
    more = []
    monkeypatch.setattr(job, "run_shard", lambda shard, *a, **k: (more.append(shard.name), real(shard, *a, **k))[1])
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(job, "finish", lambda *_: (_ for _ in ()).throw(Stopped))
        clean(path, tmp_path / "out", **options)
    assert not set(done) & set(more)
    assert len(done) + len(more) == 5
    more.clear()
    monkeypatch.setattr("cleantext.run.readers.units.Unit.batches", lambda _: pytest.fail("was read again"))
    monkeypatch.setattr("cleantext.run.job.with_learned", lambda pipeline, *_: (pipeline, ""))
    with pytest.raises(ConfigError):
        clean(path, tmp_path / "out", threshold=2, **options)
    assert not more


def test_a_finished_table_run_is_not_done_again(tmp_path, monkeypatch, straight):
    path = FORMS["warc"](tmp_path, PAGES)
    first = clean(path, tmp_path / "out")
    before = tree(tmp_path / "out")
    monkeypatch.setattr(job, "run_shard", lambda *_, **__: pytest.fail("was done again"))
    again = clean(path, tmp_path / "out")
    assert any("nothing new: 40 pages as before" in note for note in again.notes)
    assert again.outcomes == first.outcomes
    assert tree(tmp_path / "out") == before
    corpus_files(tmp_path / "out")[0].write_bytes(b"damaged")
    with pytest.raises(pytest.fail.Exception):
        clean(path, tmp_path / "out")


def test_strict_ends_the_run_at_the_first_broken_record(tmp_path):
    path = crawl.write_jsonl(tmp_path / "a.jsonl", PAGES[:5], "{")
    with pytest.raises(InputError, match=r"line 4.*go without --strict"):
        clean(path, tmp_path / "out", strict=True)
    assert clean(path, tmp_path / "out2").exit_code == 3


def test_outputs_of_another_format_go(tmp_path):
    path = FORMS["jsonl"](tmp_path, PAGES[:4])
    clean(path, tmp_path / "out", where="false")
    assert (tmp_path / "out" / "dropped.parquet").exists()
    clean(path, tmp_path / "out", form="jsonl.gz")
    assert [p.name for p in corpus_files(tmp_path / "out")] == ["corpus-00000.jsonl.gz"]
    assert not (tmp_path / "out" / "dropped.parquet").exists()
    clean(path, tmp_path / "out", form="text")
    assert not corpus_files(tmp_path / "out")
    assert (tmp_path / "out" / "news0.example.cn" / "a" / "0.html.txt").exists()
    clean(path, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.txt"))


# ---------------------------------------------------------------- the command line, and others that read it


def run(*arguments, **options):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False, **options)


def test_the_command_line_says_all_of_it(tmp_path):
    path = FORMS["csv"](tmp_path, PAGES)
    done = run(
        "clean",
        path,
        "-o",
        tmp_path / "out",
        "--format",
        "parquet",
        "--duplicates",
        "documents",
        "--remove",
        "--where",
        "chars > 10",
        "--html",
        "html",
        "--url",
        "url",
    )
    assert done.exit_code == 0, done.output
    assert "40 in" in done.output
    assert duckdb.sql(f"select count(*) from '{tmp_path}/out/corpus-*.parquet'").fetchall()[0][0] > 30
    done = run("undo", tmp_path / "out", "-o", tmp_path / "back")
    assert done.exit_code == 0, done.output
    name = rows(tmp_path / "out", "id")[0][0]
    done = run("explain", tmp_path / "out", "--id", name, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["text"] == rows(tmp_path / "out", "text")[0][0]
    assert run("explain", tmp_path / "out", "--id", "nothing").exit_code == 2
    assert run("report", tmp_path / "out").exit_code == 0


def test_dedup_writes_what_is_left_with_the_columns_of_its_input(tmp_path):
    one, two = prose(random.Random(1), 200), prose(random.Random(2), 200)
    for n, form in enumerate(("parquet", "jsonl")):
        source = tmp_path / f"a{n}.{form}"
        given = [{"id": 1, "text": one, "rank": 7}, {"id": 2, "text": one, "rank": 8}, {"id": 3, "text": two, "rank": 9}]
        if form == "parquet":
            pq.write_table(pa.Table.from_pylist(given), source)
        else:
            source.write_text("".join(json.dumps(row) + "\n" for row in given), "utf-8")
        done = run("dedup", source, "-o", tmp_path / f"out{n}", "--level", "document", "--remove", "--format", "jsonl")
        assert done.exit_code == 0, done.output
        left = [json.loads(line) for line in (tmp_path / f"out{n}" / "corpus-00000.jsonl").read_text("utf-8").splitlines()]
        assert left == [
            {"id": 1, "text": one, "duplicate_cluster": 0, "duplicate_keeper": "1", "rank": 7},
            {"id": 3, "text": two, "duplicate_cluster": None, "duplicate_keeper": None, "rank": 9},
        ]


@pytest.mark.elsewhere
def test_other_libraries_read_the_corpus(straight):
    path = str(corpus_files(straight[0])[0])
    n = len(straight[1])
    assert duckdb.sql(f"select count(distinct id) from '{path}'").fetchall() == [(n,)]
    pandas, polars, datasets = (pytest.importorskip(name) for name in ("pandas", "polars", "datasets"))
    assert len(pandas.read_parquet(path)) == n
    assert polars.read_parquet(path)["id"].n_unique() == n
    assert datasets.Dataset.from_parquet(path, cache_dir=str(straight[0].parent / "cache")).num_rows == n


# ---------------------------------------------------------------- signals


def test_signals_say_what_they_are_called():
    text = "口岸的春天。\nABC 12，电话13900000000、a@b.cn\n口岸的春天。\n" + "甲乙丙丁戊己庚辛壬癸" * 3
    one = {k: v[0].item() for k, v in signals_of([text, ""], read=[100, 0], removed=[25, 0], damage=[2, 0], links=[0.5, 0.0]).items()}
    solid = len("".join(text.split()))
    assert one["han_share"] == pytest.approx(sum("\u4e00" <= c <= "\u9fff" for c in text) / solid)
    assert one["latin_share"] == pytest.approx(7 / solid)
    assert one["digit_share"] == pytest.approx(13 / solid)
    assert (one["sentences"], one["lines"], one["damage"], one["phones"], one["emails"], one["id_numbers"]) == (2, 4, 2, 1, 1, 0)
    assert one["duplicate_line_share"] == pytest.approx(6 / solid)
    assert (one["removed_share"], one["link_density"]) == (0.25, 0.5)
    assert 0 < one["repeated_ngram_share"] < 1
    none = {k: v[1].item() for k, v in signals_of([text, ""], read=[1, 0], removed=[0, 0], damage=[0, 0], links=[0.0, 0.0]).items()}
    assert not any(none.values())


@pytest.mark.shared
def test_a_real_crawl_goes_end_to_end(tmp_path, shared):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cleantext",
            "clean",
            str(shared / "dedup" / "warcfile.warc.gz"),
            "-o",
            str(tmp_path / "out"),
            "--format",
            "parquet",
        ],
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "16 in" in done.stderr
    assert "33 records passed over" in done.stderr
    report = Report.from_json(json.loads((tmp_path / "out" / "report.json").read_bytes()))
    found = rows(tmp_path / "out", "id", "url", "text", "chars_out")
    gone = tmp_path / "out" / "dropped.parquet"
    emptied = pq.read_table(gone)["outcome"].to_pylist() if gone.exists() else []
    failed = (tmp_path / "out" / "failed.jsonl").read_text("utf-8").splitlines() if report.outcomes["failed"] else []
    assert (len(found), len(emptied), len(failed)) == tuple(report.outcomes[name] for name in ("kept", "emptied", "failed"))
    assert len(found) + len(emptied) + len(failed) == 16 == len({name for name, *_ in found}) + len(emptied) + len(failed)
    assert len(found) >= 12
    assert all(url.partition("://")[2].startswith(name.partition("#")[0]) or name.startswith("warcfile") for name, url, *_ in found)
    assert all(text.strip() and len(text) == size for _, _, text, size in found)
    assert sum(size for *_, size in found) == report.chars_out
