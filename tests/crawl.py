"""A made-up crawl: HTML pages of a few hosts, some in GBK and Big5, some copies of others, written in every form that readers know."""

import csv
import gzip
import io
import json
import random
import tarfile
import zipfile
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from made import prose

from cleantext import unify_script

ENCODINGS = ("utf-8", "utf-8", "gb18030", "big5")


@dataclass(frozen=True)
class Crawled:
    """One page: its address without the scheme is its id in all forms."""

    host: str
    number: int
    html: str
    encoding: str

    @property
    def id(self):
        return f"{self.host}/a/{self.number}.html"

    @property
    def url(self):
        return f"https://{self.id}"

    @property
    def data(self):
        return self.html.encode(self.encoding)


def crawl(n, seed=0, hosts=4, letters=400):
    """Return n pages: each host has a frame of its own; one page in ten is a copy of an earlier one, one in ten has a passage of it."""
    rng = random.Random(seed)
    bodies = []
    for number in range(n):
        host = f"news{number % hosts}.example.cn"
        kind = rng.random()
        body = [prose(rng, rng.randint(letters // 2, letters)) for _ in range(3)]
        if number > 10 and kind < 0.1:
            body = rng.choice(bodies)
        elif number > 10 and kind < 0.2:
            body = [*body[:2], rng.choice(bodies)[0]]
        bodies.append(body)
        encoding = ENCODINGS[rng.randrange(len(ENCODINGS))]
        title = body[0][:12].strip("，。！")
        paragraphs = "".join(f"<p>{line}</p>\n" for line in body)
        html = (
            f'<!DOCTYPE html><html><head><meta charset="{encoding}"><title>{title}_{host}</title></head><body>\n'
            f'<div class="nav"><a href="/">首頁</a> <a href="/n">新聞</a> <a href="/{number}">第{number}</a></div>\n'
            f'<h1>{title}</h1>\n<div class="info">2020-0{1 + number % 9}-1{number % 9} 10:0{number % 6}</div>\n'
            f'<div class="content">{paragraphs}</div>\n'
            f'<div class="foot">{host} 版權所有 <a href="/about">關於</a></div></body></html>'
        )
        yield Crawled(host, number, unify_script(html, to="hant-tw") if encoding == "big5" else html, encoding)


def record(kind, block, **headers):
    named = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{random.Random(block).getrandbits(128):032x}>",
        "WARC-Date": "2020-01-01T00:00:00Z",
        **headers,
    }
    head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in named.items())
    return f"WARC/1.0\r\n{head}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def response(url, data, content_type="text/html", status="200 OK", **headers):
    http = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n\r\n".encode() + data
    return record("response", http, **{"WARC-Target-URI": url, "Content-Type": "application/http; msgtype=response", **headers})


def warc_records(pages):
    yield record("warcinfo", b"software: made up\r\n")
    for page in pages:
        yield record("request", f"GET {page.url} HTTP/1.1\r\n\r\n".encode(), **{"WARC-Target-URI": page.url})
        yield response(page.url, page.data, f"text/html; charset={page.encoding}")


def write_warc(path, pages, broken=b""):
    """Write a WARC file, each record a gzip member."""
    with path.open("wb") as file:
        for n, one in enumerate(warc_records(pages)):
            if broken and n == 5:
                file.write(broken)
            file.write(gzip.compress(one, mtime=0) if path.suffix == ".gz" else one)
    return path


def rows(pages):
    return [{"url": p.url, "html": p.html, "rank": p.number} for p in pages]


def write_jsonl(path, pages, broken=""):
    lines = [json.dumps(row, ensure_ascii=False) for row in rows(pages)]
    lines[3:3] = [broken] if broken else []
    data = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(zstandard.compress(data) if path.suffix == ".zst" else gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_json(path, pages, broken=""):
    values = [json.dumps(row, ensure_ascii=False, indent=1) for row in rows(pages)]
    values[3:3] = [broken] if broken else []
    path.write_text("[\n" + ",\n".join(values) + "\n]", "utf-8")
    return path


def write_parquet(path, pages):
    pq.write_table(pa.Table.from_pylist(rows(pages)), path, row_group_size=7)
    return path


def write_arrow(path, pages):
    table = pa.Table.from_pylist(rows(pages))
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    return path


def write_csv(path, pages, broken=""):
    out = io.StringIO()
    writer = csv.DictWriter(out, ["url", "html", "rank"], delimiter="\t" if path.suffix == ".tsv" else ",")
    writer.writeheader()
    for n, row in enumerate(rows(pages)):
        if n == 3:
            out.write(broken)
        writer.writerow(row)
    path.write_bytes(out.getvalue().encode())
    return path


def write_zip(path, pages, broken=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for page in pages:
            archive.writestr(page.id, page.data)
        for name, data in broken:
            archive.writestr(name, data)
    return path


def write_tar(path, pages):
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for page in pages:
            member = tarfile.TarInfo(page.id)
            member.size = len(page.data)
            archive.addfile(member, io.BytesIO(page.data))
    return path


def write_folder(path, pages):
    for page in pages:
        place = path / page.id
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(page.data)
    return path


FORMS = {
    "warc": lambda folder, pages: write_warc(folder / "crawl.warc.gz", pages),
    "warc-plain": lambda folder, pages: write_warc(folder / "crawl.warc", pages),
    "jsonl": lambda folder, pages: write_jsonl(folder / "crawl.jsonl.zst", pages),
    "json": lambda folder, pages: write_json(folder / "crawl.json", pages),
    "parquet": lambda folder, pages: write_parquet(folder / "crawl.parquet", pages),
    "arrow": lambda folder, pages: write_arrow(folder / "crawl.arrow", pages),
    "csv": lambda folder, pages: write_csv(folder / "crawl.csv", pages),
    "tsv": lambda folder, pages: write_csv(folder / "crawl.tsv", pages),
    "zip": lambda folder, pages: write_zip(folder / "crawl.zip", pages),
    "tar": lambda folder, pages: write_tar(folder / "crawl.tar.gz", pages),
    "folder": lambda folder, pages: write_folder(folder / "crawl", pages),
}
