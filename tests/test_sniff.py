"""A file is what its first bytes say: pages under any name, everything else refused by name or counted."""

import bz2
import gzip
import io
import json
import os
import sqlite3
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from made import examples

import cleantext as ct
from cleantext.cli import main
from cleantext.data.format_marks import CONTROLS, PRINTABLE, SURE
from cleantext.decode import decode
from cleantext.errors import ConfigError, InputError
from cleantext.run.readers.find import find_pages
from cleantext.run.readers.packed import lines_of, read_bytes
from cleantext.run.readers.sniff import KINDS, ending_of, first_bytes, kind_of, sniff
from cleantext.run.readers.units import READERS

BODY = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,老人们说这样的春天他们等了三年。"
HTML = f"<!DOCTYPE html>\n<html><head><meta charset='utf-8'><title>杏花</title></head><body><h1>杏花开了</h1><p>{BODY}</p><p>{BODY[::-1]}</p></body></html>"
NAMES = ["page.txt", "page.php", "page.aspx", "page.asp", "page.jsp", "list.do", "view.cgi", "page.xml", "index.html?id=3", "x.html@id=3", "index", "a.php?x=1.5", "photo.jpg"]  # fmt: skip


def clean(path, out, *more):
    """Run the command; return the exit code and what it said."""
    args = ["clean", str(path), "-o", str(out), "--duplicates", "off", "--workers", "1", *more]
    result = CliRunner().invoke(main, args, catch_exceptions=False)
    return result.exit_code, result.stderr


@pytest.mark.parametrize("name", [*NAMES, "page.txt.gz", "index.html?id=3.gz", "page.php.zst"])
@pytest.mark.parametrize("named", [True, False])
def test_html_under_any_name_is_read_as_html(tmp_path, name, named):
    (tmp_path / "in").mkdir()
    data = HTML.encode()
    data = gzip.compress(data) if name.endswith(".gz") else zstandard.compress(data) if name.endswith(".zst") else data
    (tmp_path / "in" / name).write_bytes(data)
    report = ct.clean_files(tmp_path / "in" / name if named else tmp_path / "in", tmp_path / "out", duplicates="off", workers=1)
    assert report.outcomes == {"kept": 1}
    [row] = map(json.loads, (tmp_path / "out" / "metadata.jsonl").read_text("utf-8").splitlines())
    text = (tmp_path / "out" / row["output"]).read_text("utf-8")
    assert text.startswith("杏花开了")
    assert "<" not in text
    assert row["output"].endswith((".txt", "index"))


@pytest.mark.parametrize(
    "start",
    [
        "<html lang=zh>",
        "\ufeff <HEAD>",
        "<!-- saved 2019 --><!DOCTYPE html PUBLIC '-//W3C//DTD'>",
        "<?xml version='1.0' encoding='utf-8'?><!DOCTYPE html>",
        "<?xml version='1.0'?><!-- x --><html xmlns='http://www.w3.org/1999/xhtml'>",
        "<?xml version='1.0'?><wml><card>",
        "<script>var a = 1;</script><html>",
        "\n\n  <body bgcolor=white>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16", "utf-16-be"])
def test_documents_are_html_whatever_their_name(start, encoding):
    assert kind_of((start + BODY).encode(encoding), "page.txt").name == "html"


@pytest.mark.parametrize(
    "text",
    [
        "网页以 <!DOCTYPE html> 开头,后面是 <html> 和 <head>。",
        "<p> 是段落的标签,</p> 是它的结尾。",
        "<div class='a'>代码示例</div> 在文章里常常出现",
        "{ 说明 } 大括号开头的一段话",
        '{"a": 1} 是 JSON 的一个例子,后面是正文。',
        "[1] 参考文献一\n[2] 参考文献二",
        '["甲"] 这样的写法',
        "id,name 是两个字段的名字\n接下来是正文,没有表格。",
        "标题\t来源\n杏花开了\t本报",
        "Title, date\nSpring has come, at last",
        "WARC/1.0 是一种格式",
        "HTTP/1.1 200 是状态行",
        "%PDF 是一种文件的开头",
        "BM 广场今天开业",
        "MZ 先生说",
        "PAR1 号赛道",
        "RIFF 是一种容器",
        "GIF89a是一种图像格式,使用调色板。",
        "GIF87a 比它更早",
        "%PDF-1.4 是文件头,后面是版本。",
        "%PDF-1.4\n是文件头,后面是版本。\n%是注释\n",
        "%!PS-Adobe-3.0 是另一种文件头",
        "{\\rtf 是富文本的开头,{\\rtf1 也是",
        "wOFF是网页字体的格式",
        "wOF2 同样",
        "OTTO 先生来了",
        "OggS、fLaC 和 ID3 都是标记",
        "8BPS 是图像文件的开头",
        "AT&TFORM 之后是长度",
        "BZh91AY&SY 是压缩文件的开头",
        "!<arch>\n是静态库的开头",
        "ARROW1 是列式文件的开头",
        "数壕沟有几道",
        "SQLite format 3 是数据库文件的开头",
        "HTTP/1.1 200 OK\nServer: 是服务器的名字,\n后面是正文。",
        "HTTP/1.1 200 OK\nContent-Type: text/html\n\n上面是响应的一个例子。",
        "HTTP/1.1 404 Not Found\n这一行是状态行。",
        "WARC/1.0\n是一种格式",
        "filedesc:// 是 ARC 文件的开头",
        "From: 李娜\nContent-Type: multipart/related 是一种类型",
        "<?php 是 PHP 代码的开头标记,以 ?> 结束。",
        "<%@ 是 JSP 的指令",
        "<?xml version='1.0'?> 是 XML 的声明",
        "<rss> 是订阅文件的根元素,</rss> 是它的结尾。",
        "Name, Title\nJohn Smith, CEO\nMary Jones, CTO",
        "Name,Title\nJohn Smith,CEO\nMary Jones,CTO",
        "name\ttitle\n李娜\t主编\n石青\t记者",
        "",
        "\n\n\n",
    ],
)
def test_text_that_talks_of_formats_is_text(text):
    for encoding in ("utf-8", "gb18030"):
        assert kind_of(text.encode(encoding), "page.txt").name == "text"
        assert kind_of(text.encode(encoding), "page").name in {"text", "html", "source"}
        assert decode(text.encode(encoding)).evidence != "binary"


def test_every_mark_that_a_text_may_begin_with_needs_more_than_itself():
    for offset, mark, _ in (*SURE, *PRINTABLE):
        words = "甲" * 6
        head = "x" * offset
        for encoding in ("utf-8", "gb18030"):
            data = head.encode() + mark + words.encode(encoding)
            if len(data.translate(None, CONTROLS)) == len(data) and not _is_undecodable(mark):
                assert kind_of(data, "page.txt").name == "text", (mark, encoding)
                assert decode(data).evidence != "binary", (mark, encoding)


def _is_undecodable(mark):
    try:
        mark.decode("gb18030")
    except UnicodeDecodeError:
        return True
    return False


@pytest.mark.parametrize("name", ["page.php", "a.do", "index.html?id=3", "fragment"])
def test_fragments_of_html_count_under_names_of_programs_only(name):
    assert kind_of(f"<div><p>{BODY}</p></div>".encode(), name).name == "html"
    assert kind_of(f"<div><p>{BODY}</p></div>".encode(), "page.txt").name == "text"
    assert kind_of(BODY.encode(), name).name == "text"


def zipped(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members:
            file.writestr(name, data)
    return out.getvalue()


def tarred():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        file.addfile(tarfile.TarInfo("a.txt"))
    return out.getvalue()


def written(write):
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def arrow(out):
    table = pa.table({"id": [1], "text": ["甲"]})
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


ROW = json.dumps({"id": 1, "text": BODY}, ensure_ascii=False).encode()
WARC = b"WARC/1.0\r\nWARC-Type: %s\r\nContent-Length: 5\r\n\r\nabcde\r\n\r\n"
OTHERS = {
    "jsonl": [
        ROW + b"\n" + ROW,
        ROW,
        b'{"id": 1, "text": "' + "甲".encode() * 9000 + b'"}\n',
        ROW + b'\n{"id": 2, "te',
        b"\xef\xbb\xbf" + ROW,
    ],
    "json": [b"[" + ROW + b", " + ROW + b"]", b'{\n "id": 1,\n "text": "x"\n}', b'[{"text": "' + b"x" * 9000],
    "csv": [b"id,url,text\n1,http://a.example,one\n2,http://b.example,two\n", b'"id","title"\n1,"a\nb"\n2,c\n'],
    "tsv": [b"url\ttext\nhttp://a.example\tone\nhttp://b.example\ttwo\n"],
    "warc": [WARC % b"response", WARC % b"warcinfo"],
    "wet": [WARC % b"conversion"],
    "arc": [b"filedesc://a.arc 0.0.0.0 2004 text/plain 76\n"],
    "http": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + HTML.encode()],
    "mhtml": [b'From: <Saved>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="x"\r\n\r\n'],
    "xml": [b"<?xml version='1.0'?><rss><channel>", b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>", b"<svg width='1'>"],
    "parquet": [written(lambda out: pq.write_table(pa.table({"id": [1], "text": ["甲"]}), out))],
    "arrow": [written(arrow)],
    "zip": [zipped(("a.txt", "x"))],
    "office": [zipped(("[Content_Types].xml", "x"), ("word/document.xml", "x")), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)],
    "epub": [zipped(("mimetype", "application/epub+zip"))],
    "opendocument": [zipped(("mimetype", "application/vnd.oasis.opendocument.text"))],
    "tar": [tarred()],
    "7z": [b"7z\xbc\xaf\x27\x1c" + bytes(30)],
    "rar": [b"Rar!\x1a\x07\x01\0" + bytes(30)],
    "xz": [b"\xfd7zXZ\0" + bytes(30)],
    "gzip": [gzip.compress(HTML.encode())],
    "pdf": [b"%PDF-1.4", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", b"%PDF-1.7\r\n1 0 obj\r\n<< /Type /Catalog >>\r\nendobj"],
    "rtf": [b"{\\rtf1\\ansi", b"{\\rtf1{\\fonttbl"],
    "postscript": [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"%!PS\n0 0 moveto\nshowpage\n"],
    "font": [b"wOFF\0\1\0\0", b"OTTO\0\x0b"],
    "bzip2": [bz2.compress(b"x" * 99)],
    "image": [
        b"\x89PNG\r\n\x1a\n" + bytes(9),
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"GIF89a" + bytes(9),
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"BM" + bytes(60),
    ],
    "sound": [b"ID3\x03" + bytes(20), b"\0\0\0\x20ftypisom"],
    "program": [b"\x7fELF\x02" + bytes(9), b"MZ\x90\0" + bytes(60)],
    "source": [b"<?php\necho 1;", b'<%@ page language="java" %>'],
}
SAMPLES = [(kind, data) for kind, samples in OTHERS.items() for data in samples]


@pytest.fixture(scope="session")
def sqlite_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp("db") / "a.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (text)")
    db.close()
    return path.read_bytes()


@pytest.mark.parametrize(("kind", "data"), SAMPLES, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(SAMPLES)])
def test_what_is_no_page_is_known_under_any_name(kind, data):
    for name in ("a", "a.txt", "a.bin", f"a.{kind}"):
        if not (kind == "json" and name == "a.json" and data.startswith(b"{")):
            assert kind_of(data, name).name == kind, name
    if kind not in {"csv", "tsv", "xml", "mhtml", "http"}:
        assert kind_of(data, "a.html").name == kind


def test_databases_are_known(sqlite_bytes):
    assert kind_of(sqlite_bytes, "a.txt").name == "sqlite"


@pytest.mark.parametrize("kind", sorted(OTHERS.keys() - READERS.keys()))
def test_what_is_no_page_is_refused_by_name(tmp_path, kind):
    path = tmp_path / "a.txt"
    path.write_bytes(OTHERS[kind][0])
    code, said = clean(path, tmp_path / "out")
    assert code == 2
    assert "a.txt" in said
    assert KINDS[kind].what in said
    assert not (tmp_path / "out").exists()
    assert CliRunner().invoke(main, ["explain", str(path)], catch_exceptions=False).exit_code == 2
    assert CliRunner().invoke(main, ["dedup", str(path), "-o", str(tmp_path / "found")], catch_exceptions=False).exit_code == 2


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
@pytest.mark.parametrize("kind", ["jsonl", "warc", "tar", "pdf", "csv", "html"])
def test_what_is_packed_is_looked_into(tmp_path, kind, pack):
    data = OTHERS.get(kind, [HTML.encode()])[0]
    path = tmp_path / f"a.txt.{'gz' if pack is gzip.compress else 'zst'}"
    path.write_bytes(pack(data[:5]) + pack(data[5:]))
    assert sniff(path).name == kind
    assert first_bytes(path, 4) == data[:4]


def test_little_is_unpacked_to_look(tmp_path):
    (tmp_path / "a.txt.zst").write_bytes(zstandard.compress(bytes(100_000_000)))
    (tmp_path / "b.txt.gz").write_bytes(b"\x1f\x8bnot really")
    assert len(first_bytes(tmp_path / "a.txt.zst")) == 8192
    assert first_bytes(tmp_path / "b.txt.gz") == b""


def test_a_folder_counts_what_it_leaves_out_by_kind(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "page.txt").write_text(BODY, "utf-8")
    (folder / "view.php").write_text(HTML, "utf-8")
    for name, kind in (
        ("a.jpg", "image"),
        ("b.png", "image"),
        ("c.txt", "jsonl"),
        ("d.pdf", "pdf"),
        ("e.txt", "pdf"),
        ("f.warc.gz", "warc"),
    ):
        data = OTHERS[kind][0]
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    (folder / "style.css").write_text("p { color: red }")
    (folder / "notes.md").write_text(BODY, "utf-8")
    (folder / "bits.bin").write_bytes(bytes(range(256)))
    code, said = clean(folder, tmp_path / "out")
    assert code == 0
    assert "2 in: 2 kept" in said
    assert (
        "9 left out as no pages (image 2, pdf 2, text of another ending 2, binary 1, jsonl 1, warc 1): a.jpg, b.png, bits.bin, ..." in said
    )
    assert sorted(p.name for p in (tmp_path / "out").glob("*.txt")) == ["page.txt", "view.php.txt"]


def test_a_named_file_that_is_no_page_fails_beside_pages(tmp_path):
    (tmp_path / "a.txt").write_text(BODY, "utf-8")
    (tmp_path / "b.jsonl").write_bytes(ROW)
    (tmp_path / "c.xml").write_bytes(OTHERS["xml"][0])
    report = ct.clean_files([tmp_path / name for name in ("a.txt", "b.jsonl", "c.xml")], tmp_path / "out", duplicates="off")
    assert report.outcomes == {"kept": 2, "failed": 1}
    assert "c.xml: is an XML document" in report.failures[0]["error"]
    assert sorted(p.name for p in (tmp_path / "out").glob("*.txt")) == ["1.txt", "a.txt"], "a record of a table is a page"


def test_no_page_at_all_is_an_error_that_says_what_is_there(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    assert clean(folder, tmp_path / "out")[0] == 2
    for n in range(3):
        (folder / f"part-{n}.pdf").write_bytes(OTHERS["pdf"][0])
    (folder / "photo.jpg").write_bytes(OTHERS["image"][1])
    code, said = clean(folder, tmp_path / "out")
    assert code == 2
    assert "no page found" in said
    assert "there are pdf 3, image 1: part-0.pdf, part-1.pdf, part-2.pdf, ..." in said
    with pytest.raises(InputError, match="no page found"):
        ct.clean_files(folder, tmp_path / "out")
    assert CliRunner().invoke(main, ["learn", str(folder), "-o", str(tmp_path / "p.toml")], catch_exceptions=False).exit_code == 2


def test_what_to_do_is_said_for_each_kind_of_file(tmp_path):
    for name, kind in (("a.txt", "image"), ("b.txt", "image"), ("c.txt", "pdf"), ("d.txt", "7z")):
        (tmp_path / name).write_bytes(OTHERS[kind][0])
    with pytest.raises(InputError) as refused:
        ct.clean_files([tmp_path / f"{name}.txt" for name in "abcd"], tmp_path / "out")
    image, jsonl, archive = (f"is {KINDS[kind].what}, and no page: {KINDS[kind].advice}" for kind in ("image", "pdf", "7z"))
    assert str(refused.value) == f"a.txt (and 1 more): {image}; c.txt: {jsonl}; d.txt: {archive}"


def test_patterns_that_leave_nothing_out_are_told(tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "page.txt").write_text(BODY, "utf-8")
    (folder / "sub" / "old.txt").write_text(BODY, "utf-8")
    (folder / ".cleantextignore").write_text("*.bak\nold.txt\ndrafts/\n")
    (folder / "sub" / ".cleantextignore").write_text("nothing*\n")
    found = find_pages([folder])
    assert [p.id for p in found.pages] == ["sub/page.txt"]
    assert found.unused == [".cleantextignore: *.bak", ".cleantextignore: drafts/", "sub/.cleantextignore: nothing*"]
    assert "note: .cleantextignore: *.bak: matches nothing here" in clean(folder, tmp_path / "out")[1]


def test_outputs_of_pages_under_other_names_stay_apart(tmp_path):
    for name in ("view.php", "view.php.txt"):
        (tmp_path / name).write_text(HTML, "utf-8")
    with pytest.raises(ConfigError, match="written twice"):
        find_pages([tmp_path])


def test_names_too_long_for_an_output_end_in_a_digest(tmp_path):
    names = ["河" * 83 + ".html", "河" * 82 + "湖.html", "甲" * 70 + "%" * 40 + ".aspx"]
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_text(HTML, "utf-8")
    report = ct.clean_files(tmp_path / "in", tmp_path / "out", workers=1)
    assert report.outcomes == {"kept": 3}
    rows = [json.loads(line) for line in (tmp_path / "out" / "metadata.jsonl").read_text("utf-8").splitlines()]
    assert sorted(row["id"] for row in rows) == sorted(names), "ids are whole"
    assert len({row["output"] for row in rows}) == 3
    assert all(len(row["output"].encode()) <= 255 and row["output"].endswith(".txt") for row in rows)
    again = ct.clean_files(tmp_path / "in", tmp_path / "again", workers=1)
    assert again.outcomes == report.outcomes
    assert sorted(p.name for p in (tmp_path / "again").glob("*.txt")) == sorted(row["output"] for row in rows)


@given(st.binary(max_size=600), st.sampled_from(["", ".txt", ".html", ".json", ".jsonl", ".csv", ".php?a=1", ".gz", ".xml"]))
@settings(max_examples=examples(400), deadline=None)
def test_any_bytes_have_a_kind(data, ending):
    assert kind_of(data, f"a{ending}") in KINDS.values()
    assert ending_of(f"a{ending}") == ("" if ending == ".gz" else ending)


@given(
    st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                '"',
                "a",
                ":",
                ",",
                "[",
                "]",
                "\n",
                "\\",
                "<",
                ">",
                "html",
                "!doctype ",
                "<?xml ",
                "?>",
                "<!--",
                "-->",
                "1",
                " ",
                "甲",
                "\t",
                "id",
            ]
        ),
        max_size=60,
    ).map("".join)
)
@settings(max_examples=examples(400), deadline=None)
def test_any_marks_have_a_kind(text):
    for ending in ("", ".txt", ".json", ".jsonl", ".php", ".html"):
        kind_of(text.encode(), f"a{ending}")


@pytest.mark.parametrize("command", ["clean", "dedup", "dedup --engine local", "learn --host h.example", "explain"])
@pytest.mark.parametrize("name", ["ff", "ff.txt.gz", "ff.parquet"])
def test_what_is_named_and_no_file_is_refused_and_not_waited_for(tmp_path, command, name):
    """A pipe that nobody writes to would never open."""
    os.mkfifo(tmp_path / name)
    first, *options = command.split()
    out = [] if first == "explain" else ["-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [first, str(tmp_path / name), *out, *options])
    assert (result.exit_code, "is not a file: write it to one first" in result.output) == (2, True), result.output
    for read in (read_bytes, lambda path: list(lines_of(path))):
        with pytest.raises(ValueError, match="is not a file"):
            read(tmp_path / name)


def test_pipes_among_pages_are_passed_over(tmp_path):
    (tmp_path / "a.txt").write_text("甲地的春天", "utf-8")
    for name in (".cleantextignore", "report.json", "b.txt"):
        os.mkfifo(tmp_path / name)
    assert [s.id for s in find_pages([tmp_path]).pages] == ["a.txt"]
