"""Readers: the same pages from every form, a broken record costs itself alone, hints, ids, and what is counted as no page."""

import bz2
import csv
import gzip
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import crawl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from crawl import FORMS
from hypothesis import given
from hypothesis import strategies as st

from cleantext.errors import ConfigError, InputError
from cleantext.run.readers import units
from cleantext.run.readers.carried import as_type, common
from cleantext.run.readers.fields import Fields, id_of_url
from cleantext.run.readers.find import find_pages
from cleantext.run.readers.page_batches import BATCH_BYTES, notes_of, row_schema, rows_of
from cleantext.run.readers.records import read_record
from cleantext.run.readers.source import tree_name
from cleantext.run.readers.units import Spool, units_of

PAGES = list(crawl.crawl(30))
TEXTS = {p.id: p.html for p in PAGES}


def batches(*paths, most=32_000_000, **fields):
    found = find_pages(paths)
    return [b for unit in units_of(found.pages, found.holders, Fields(**fields), most=most) for b in unit.batches()]


def rows(*paths, **options):
    return [row for batch in batches(*paths, **options) for row in rows_of(batch)]


def sound(*paths, **options):
    """Return the texts by ids, and the errors."""
    held = rows(*paths, **options)
    return {r.id: r.content.decode() if r.decoded else r.content for r in held if r.error is None}, [r.error for r in held if r.error]


def skipped(*paths, **options):
    return {k: v for b in batches(*paths, **options) for k, v in notes_of(b).get("skipped", {}).items()}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_pages(tmp_path, form):
    held = rows(FORMS[form](tmp_path, PAGES))
    assert len(held) == len(PAGES)
    assert {r.id: read_record(r).decoded.text for r in held} == TEXTS
    if form not in ("zip", "tar", "folder"):
        assert {r.host for r in held} == {p.host for p in PAGES}
        assert {r.url for r in held} == {p.url for p in PAGES}
    assert {r.error for r in held} == {None}


@pytest.mark.parametrize("form", FORMS)
def test_batches_are_of_one_schema_and_of_a_bounded_size_and_survive_a_spool(tmp_path, form, monkeypatch):
    monkeypatch.setattr("cleantext.run.readers.page_batches.BATCH_BYTES", 3000)
    monkeypatch.setattr("cleantext.run.readers.formats.columnar.BATCH_BYTES", 3000)
    monkeypatch.setattr("cleantext.run.readers.formats.columnar.READ_ROWS", 2)
    monkeypatch.setattr(units, "BATCH_BYTES", 3000)
    made = batches(FORMS[form](tmp_path, PAGES))
    assert len(made) > 5
    for n, batch in enumerate(made):
        assert batch.schema.equals(row_schema(batch.schema.field("carried").type))
        [again] = Spool.write(batch, tmp_path / f"{n}.arrow").batches()
        assert again.equals(batch)
        assert notes_of(again) == notes_of(batch)


def test_batches_that_are_kept_are_read_once_and_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("cleantext.run.readers.page_batches.BATCH_ROWS", 4)
    found = find_pages([FORMS["warc"](tmp_path, PAGES)])
    [unit] = units_of(found.pages, found.holders, Fields())
    kept = replace(unit, kept=tmp_path / "read")
    plain = list(unit.batches())
    assert len(plain) > 1
    for _ in range(2):
        again = list(kept.batches())
        assert [b.schema.metadata for b in again] == [b.schema.metadata for b in plain]
        assert all(a.equals(b) for a, b in zip(again, plain, strict=True))
        monkeypatch.setitem(units.READERS, "warc", lambda *_: pytest.fail("was read again"))


def test_what_a_crawler_says_of_the_charset_is_a_hint_and_no_more(tmp_path):
    body = "口岸是連接兩國間的重要窗口，推動口岸建設需要雙方同頻共振。"
    page = f"<html><body><p>{body}</p></body></html>"
    path = tmp_path / "a.warc"
    path.write_bytes(
        crawl.response("http://a.example/1", page.encode("big5"), "text/html; charset=big5")
        + crawl.response("http://a.example/2", page.encode(), "text/html; charset=big5")
    )
    assert [read_record(r).page.text for r in rows(path)] == [body + "\n"] * 2


def test_of_a_crawl_only_pages_are_read_and_the_rest_is_counted(tmp_path):
    path = tmp_path / "a.warc.gz"
    html = b"<html><p>x</p></html>"
    path.write_bytes(
        b"".join(
            gzip.compress(one)
            for one in (
                crawl.record("warcinfo", b"x"),
                crawl.record("request", b"GET / HTTP/1.1\r\n\r\n"),
                crawl.record("revisit", b"HTTP/1.1 200 OK\r\n\r\n", **{"WARC-Target-URI": "http://a.example/r"}),
                crawl.record("metadata", b"x: y\r\n"),
                crawl.response("http://a.example/1.jpg", b"\xff\xd8", "image/jpeg"),
                crawl.response("http://a.example/1.js", b"x", "application/javascript"),
                crawl.response("http://a.example/404", html, status="404 Not Found"),
                crawl.response("http://a.example/cut", html, **{"WARC-Truncated": "length"}),
                crawl.response("http://a.example/plain", "甲".encode(), "text/plain; charset=utf-8"),
                crawl.record("conversion", "乙".encode(), **{"WARC-Target-URI": "http://a.example/wet", "Content-Type": "text/plain"}),
            )
        )
    )
    held = rows(path)
    assert [(r.id, r.flags) for r in held] == [("a.example/cut", "crawl_truncated"), ("a.example/plain", ""), ("a.example/wet", "")]
    expected = {"request": 1, "revisit": 1, "metadata": 1, "image": 1, "application/javascript": 1, "status 404": 1}
    assert skipped(path) == expected


def test_http_bodies_are_unpacked_and_joined(tmp_path):
    html = "<html><p>口岸</p></html>".encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(html), html)
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n%s\r\n\r\n%s"
    path = tmp_path / "a.warc"
    path.write_bytes(
        b"".join(
            crawl.record(
                "response",
                http % (header, body),
                **{"WARC-Target-URI": f"http://a.example/{n}", "Content-Type": "application/http; msgtype=response"},
            )
            for n, (header, body) in enumerate([(b"Content-Encoding: gzip", gzip.compress(html)), (b"Transfer-Encoding: chunked", chunked)])
        )
    )
    assert [r.content for r in rows(path)] == [html, html]


# ---------------------------------------------------------------- broken records


@pytest.mark.parametrize(
    "broken", [b"garbage\r\nmore: of it\r\n\r\n", b"WARC/1.0\r\nContent-Length: many\r\n\r\nx\r\n\r\n", bytes(100)], ids=range(3)
)
def test_a_broken_record_of_a_warc_file_costs_itself_alone(tmp_path, broken):
    texts, errors = sound(crawl.write_warc(tmp_path / "a.warc", PAGES, broken))
    assert set(texts) == set(TEXTS)
    assert len(errors) <= 1


def test_a_damaged_member_of_a_warc_file_costs_itself_alone(tmp_path):
    path = crawl.write_warc(tmp_path / "a.warc.gz", PAGES)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    texts, errors = sound(path)
    assert len(PAGES) - 1 <= len(texts) < len(PAGES) + 1
    assert len(errors) == 1
    assert "damaged" in errors[0]


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_of_a_warc_file_that_is_cut_off_what_is_there_is_read(tmp_path, name):
    path = crawl.write_warc(tmp_path / name, PAGES)
    path.write_bytes(path.read_bytes()[:-400])
    texts, errors = sound(path)
    assert len(texts) == len(PAGES) - 1
    assert len(errors) == 1


BROKEN = ["{", '{"url": "http://x.example"}', '{"url": "http://x.example", "html": 5}', "[1]", '"text"', "null", '{"html": "\\ud8']


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_a_broken_line_costs_itself_alone(tmp_path, name, broken):
    texts, errors = sound(crawl.write_jsonl(tmp_path / name, PAGES, broken))
    assert texts == TEXTS
    assert len(errors) == 1
    assert "line 4" in errors[0]


@pytest.mark.parametrize("broken", ['{"url": 1 2}', '{"url": "http://x.example"}', '{"html": 5}', '"text"'])
def test_a_broken_value_of_an_array_costs_itself_alone(tmp_path, broken):
    texts, errors = sound(crawl.write_json(tmp_path / "a.json", PAGES, broken))
    assert texts == TEXTS
    assert len(errors) == 1


@pytest.mark.parametrize(
    "broken", ["one field\n", "a,b,c,d\n", 'http://x.example,"never closed,5\n', 'http://x.example,"closed" and more,5\n']
)
def test_a_broken_row_of_csv_costs_itself_alone(tmp_path, broken):
    texts, errors = sound(crawl.write_csv(tmp_path / "a.csv", PAGES, broken))
    assert texts == TEXTS
    assert len(errors) == 1


def test_a_broken_member_of_a_zip_costs_itself_alone(tmp_path):
    path = crawl.write_zip(
        tmp_path / "a.zip", PAGES, [("photo.jpg", b"\xff\xd8\xff\xe0"), (".hidden.html", b"x"), ("__x/a.html.gz", b"no gzip")]
    )
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(PAGES[4].id)
    data = bytearray(path.read_bytes())
    data[member.header_offset + 30 + len(PAGES[4].id) + 20] ^= 0xFF
    path.write_bytes(data)
    held = rows(path)
    assert {r.id for r in held if r.error is None} == set(TEXTS) - {PAGES[4].id}
    assert {r.id for r in held if r.error} == {PAGES[4].id, "__x/a.html.gz"}
    assert skipped(path) == {"image": 1}


def test_members_that_are_too_large_or_packed_to_fill_memories_fail(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.txt", b"x" * 200_000)
        archive.writestr("bomb.txt.gz", gzip.compress(bytes(50_000_000)))
        archive.writestr("small.txt.bz2", bz2.compress("甲".encode()))
    held = {r.id: r for r in rows(path, most=100_000)}
    assert held["small.txt.bz2"].content == "甲".encode()
    assert "more than 100,000" in held["large.txt"].error
    assert "more than 100,000" in held["bomb.txt.gz"].error


def test_names_of_members_in_gbk_are_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x")
        archive.writestr(info, "甲")
    name = "新聞第一頁報告.txt".encode("gb18030")
    data = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x" * len(name))
        archive.writestr(info, "甲")
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name))
    assert data
    assert [r.id for r in rows(path)] == ["新聞第一頁報告.txt"]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.zip", "a.tar", "a.warc", "a.jsonl", "a.csv", "a.feather"])
@pytest.mark.parametrize("data", [b"", b"PAR1 and no more", b"\x00" * 50])
def test_a_file_that_is_empty_or_broken_is_told_and_no_more(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    texts, errors = sound(tmp_path / name)
    assert not texts
    assert all(name in error for error in errors)
    assert errors or not data


@given(st.data())
def test_no_bytes_make_a_reader_raise(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("bytes")
    pages = PAGES[:4]
    form = data.draw(st.sampled_from(["warc-plain", "warc", "jsonl", "json", "csv", "zip", "tar", "parquet", "arrow"]))
    path = FORMS[form](folder, pages)
    held = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at, size = data.draw(st.integers(0, len(held))), data.draw(st.integers(0, 40))
        held[at : at + size] = data.draw(st.binary(max_size=40))
    path.write_bytes(held)
    made = rows(path)
    assert len({r.id for r in made}) == len(made)


# ---------------------------------------------------------------- fields and ids


def lines(path, *records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records), "utf-8")
    return path


@pytest.mark.parametrize(
    ("record", "content", "kind"),
    [
        ({"text": "甲", "html": "<p>"}, "甲", "text"),
        ({"content": "甲"}, "甲", ""),
        ({"raw_content": "甲", "title": "x"}, "甲", ""),
        ({"html": "<p>甲"}, "<p>甲", "html"),
        ({"data": {"text": "甲"}}, "甲", "text"),
        ({"data.text": "甲"}, "甲", "text"),
    ],
    ids=str,
)
def test_fields_are_found_by_their_usual_names(tmp_path, record, content, kind):
    [row] = rows(lines(tmp_path / "a.jsonl", record))
    assert (row.content.decode(), row.kind, row.id) == (content, kind, "a.jsonl:1")


def test_fields_are_named_also_inside_others(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"m": {"u": "https://a.example/x?y=1#z", "k": 7}, "words": "甲", "date": "2020-01-02"})
    [row] = rows(path, text="words", id="m.k", url="m.u")
    assert (row.id, row.url, row.host, row.published) == ("7", "https://a.example/x?y=1#z", "a.example", "2020-01-02")
    [row] = rows(path, text="words", url="m.u")
    assert row.id == "a.example/x?y=1"
    with pytest.raises(ConfigError, match="name the one"):
        Fields(text="a", html="b")
    _, errors = sound(path, text="nowhere")
    assert "no field 'nowhere'" in errors[0]
    pq.write_table(pa.table({"words": ["甲"]}), tmp_path / "b.parquet")
    _, errors = sound(tmp_path / "b.parquet", text="nowhere")
    assert "no column 'nowhere'; it has words" in errors[0]


def test_further_fields_are_carried_whatever_they_hold(tmp_path):
    path = lines(
        tmp_path / "a.jsonl",
        {"text": "甲", "n": 1, "tags": ["x"], "odd": 1, "meta": {"a": 1}},
        {"text": "乙", "n": 2.5, "odd": "y", "half": "\ud800"},
    )
    [batch] = batches(path)
    assert batch.column("carried").to_pylist() == [
        {"n": 1.0, "tags": ["x"], "odd": "1", "meta": {"a": 1}, "half": None},
        {"n": 2.5, "tags": None, "odd": "y", "meta": None, "half": "?"},
    ]


@given(
    st.lists(
        st.sampled_from(
            [
                pa.array([1]),
                pa.array([1.5]),
                pa.array(["x"]),
                pa.array([[1]]),
                pa.array([{"a": 1}]),
                pa.array([{"b": "x"}]),
                pa.array([None]),
                pa.array([True]),
            ]
        ),
        min_size=1,
        max_size=5,
    )
)
def test_columns_of_any_types_become_one(columns):
    kind = common(pa.struct([("x", c.type)]) for c in columns)
    held = [as_type(pa.StructArray.from_arrays([c], names=["x"]), kind) for c in columns]
    assert {c.type for c in held} == {kind}
    for before, after in zip(columns, held, strict=True):
        assert (before[0].as_py() is None) == (after[0].as_py()["x"] is None), "nothing is lost"


def test_binary_columns_are_decoded(tmp_path):
    page = "<html><head><meta charset=gbk></head><body><p>口岸是连接两国间的重要窗口</p></body></html>"
    pq.write_table(pa.table({"id": [1], "html": pa.array([page.encode("gbk")], pa.binary())}), tmp_path / "a.parquet")
    [row] = rows(tmp_path / "a.parquet")
    assert read_record(row).page.text == "口岸是连接两国间的重要窗口\n"


def test_files_of_two_encodings_are_decoded_line_by_line(tmp_path):
    one, two = (
        json.dumps({"id": "a", "text": "口岸是连接两国间的重要窗口"}, ensure_ascii=False),
        json.dumps({"id": "b", "text": "推动口岸建设需要双方同频共振"}, ensure_ascii=False),
    )
    (tmp_path / "a.jsonl").write_bytes(one.encode() + b"\n" + two.encode("gb18030") + b"\n" + one.replace('"a"', '"c"').encode() + b"\n")
    held = rows(tmp_path / "a.jsonl")
    assert [(r.id, r.content.decode()[:2], r.charset) for r in held] == [("a", "口岸", None), ("b", "推动", "gb18030"), ("c", "口岸", None)]
    (tmp_path / "b.csv").write_bytes("id,text\n1,推动口岸建设需要双方同频共振\n".encode("gb18030"))
    assert [r.content.decode() for r in rows(tmp_path / "b.csv")] == ["推动口岸建设需要双方同频共振"]
    for form, data in (("c.jsonl", one + "\n"), ("d.csv", "id,text\n1,口岸\n")):
        (tmp_path / form).write_bytes(data.encode("utf-16"))
        assert [r.content.decode()[:2] for r in rows(tmp_path / form)] == ["口岸"]


def test_csv_with_other_delimiters_and_lines_in_fields(tmp_path):
    with (tmp_path / "a.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([["id", "text"], ["1", "甲\n乙\n\n丙"], ["2", 'he said "x"'], ["", "no id"]])
    texts, errors = sound(tmp_path / "a.csv")
    assert texts == {"1": "甲\n乙\n\n丙", "2": 'he said "x"'}
    assert "no id" in errors[0]


def test_arrow_streams_and_feather_are_read(tmp_path):
    table = pa.table({"id": ["a", "b"], "text": ["甲", "乙"]})
    with pa.ipc.new_stream(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    pyarrow.feather.write_feather(table, tmp_path / "b.feather")
    for path in (tmp_path / "a.arrow", tmp_path / "b.feather"):
        assert sound(path) == ({"a": "甲", "b": "乙"}, [])


@pytest.mark.parametrize(
    ("url", "name", "path"),
    [
        ("https://A.example/x/", "A.example/x/", "A.example/x/index.txt"),
        ("http://a.example/x?y=1&z=2#t", "a.example/x?y=1&z=2", "a.example/x%3Fy=1&z=2.txt"),
        ("a.example", "a.example", "a.example.txt"),
        ("http://a.example/../../etc", "a.example/../../etc", "a.example/%2E%2E/%2E%2E/etc.txt"),
    ],
)
def test_addresses_make_ids_and_paths(url, name, path):
    assert id_of_url(url) == name
    assert tree_name(name) == path


def test_stdin_is_read_as_what_it_holds(tmp_path):
    code = "from cleantext.run.readers.find import find_pages; from cleantext.run.readers.units import *; from cleantext.run.readers.fields import Fields\nf = find_pages(['-'])\nfor u in units_of(f.pages, f.holders, Fields()):\n    print([r.id for r in u.rows()])"
    for data, ids in ((b'{"id": 7, "text": "x"}\n{"text": "y", "id": 8}\n', "['7', '8']"), ("只有一页".encode(), "['stdin']")):
        done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
        assert done.stdout.decode().strip() == ids


def test_a_bucket_is_read_as_a_folder(tmp_path):
    boto3, server = pytest.importorskip("boto3"), pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    held = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    held.start()
    host, port = held.get_host_and_port()
    import os

    import fsspec

    kept = {k: os.environ.get(k) for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")}
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "made",
        "AWS_SECRET_ACCESS_KEY": "up",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        client = boto3.client("s3")
        client.create_bucket(Bucket="crawl")
        for name, path in (
            ("w/a.warc.gz", crawl.write_warc(tmp_path / "a.warc.gz", PAGES[:10])),
            ("w/b.parquet", crawl.write_parquet(tmp_path / "b.parquet", PAGES[10:])),
            ("p/x.txt", crawl.write_csv(tmp_path / "x.csv", PAGES[:1])),
        ):
            client.upload_file(str(path), "crawl", name)
        assert {r.id for r in rows("s3://crawl/w")} == set(TEXTS)
        assert {r.id for r in rows("s3://crawl/w/*.parquet")} == {p.id for p in PAGES[10:]}
        assert len(rows("s3://crawl/w/a.warc.gz")) == 10
        with pytest.raises(InputError, match="no such file or folder"):
            rows("s3://crawl/none/")
    finally:
        fsspec.config.conf.clear()
        held.stop()
        for k, v in kept.items():
            os.environ.pop(k, None) if v is None else os.environ.__setitem__(k, v)
    with pytest.raises(ConfigError, match="not fetched from the web"):
        rows("https://a.example/x")


def test_a_folder_of_tables_is_read_and_beside_pages_tables_are_left_out(tmp_path):
    (tmp_path / "in").mkdir()
    crawl.write_parquet(tmp_path / "in" / "part-0.parquet", PAGES)
    (tmp_path / "in" / "_SUCCESS").write_bytes(b"")
    assert len(rows(tmp_path / "in")) == len(PAGES)
    (tmp_path / "in" / "page.txt").write_text("甲", "utf-8")
    assert [r.id for r in rows(tmp_path / "in") if r.id != "_SUCCESS"] == ["page.txt"]
    assert BATCH_BYTES > 0
