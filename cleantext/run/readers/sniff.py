"""Identify a file by its first bytes: a page, a table of records, an archive, or something without text.

Names are unreliable: crawlers save pages as ``.php``, ``.aspx`` and ``index.html?id=3``, downloads keep an ending of another format. So
the bytes decide, and the ending is used only where they are ambiguous: a fragment of HTML, rows with commas.
Plain text about HTML or JSON must stay text: a file with a name of `TEXT` is HTML only if it starts as a document.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal, NamedTuple

from cleantext.data.format_marks import CONTROLS, marked
from cleantext.decode import UTF16_NULS
from cleantext.run.readers.packed import PACKED, unpacked_name

if TYPE_CHECKING:
    from cleantext.run.readers.source import Remote

__all__ = ["HEAD", "HTML", "KINDS", "TABLES", "TEXT", "Kind", "ending_of", "first_bytes", "kind_of", "sniff"]

HEAD = 1 << 13  # bytes that are examined, unpacked
READ = 1 << 16  # compressed bytes that are read for them
TEXT = {"", ".txt", ".text"}
HTML = {".html", ".htm", ".xhtml", ".shtml"}
TABLES = {".parquet", ".jsonl", ".ndjson", ".jl", ".warc", ".wet"}  # tables of records
# Endings of programs whose output is saved under their name: HTML if the content looks like it.
_MADE = r"\.(?:php\d?|phtml|aspx?|ashx|jspx?|do|action|cgi|cfm|pl|dll|[jdp]html|(?:x|s)?html?)"
_ASKED = re.compile(_MADE + r"[?@;&#!].*", re.DOTALL)
DYNAMIC = re.compile(_MADE + r"(?:[?@;&#!].*)?", re.DOTALL)

Group = Literal["page", "records", "archive", "other"]


class Kind(NamedTuple):
    """What a file is: a name for programs, one for people, and whether it holds pages, records, files, or none of these.

    ``advice`` says what to do with it if a page is wanted.
    """

    name: str
    what: str
    group: Group
    advice: str = "convert it to text or HTML first, or leave it out with .cleantextignore"


AS_TABLE = "`cleantext clean` and `cleantext dedup` read it as a table of pages: name it as an input of theirs"
UNPACK = "unpack it, and name the folder of pages"
_KINDS = (
    Kind("text", "plain text", "page"),
    Kind("html", "an HTML page", "page"),
    Kind("binary", "binary data, not text", "other", "convert it first, or leave it out with .cleantextignore"),
    Kind("jsonl", "JSON lines, a table of records", "records", AS_TABLE),
    Kind("parquet", "a Parquet table", "records", AS_TABLE),
    Kind("json", "a JSON document", "records", AS_TABLE),
    Kind("csv", "a CSV table", "records", AS_TABLE),
    Kind("tsv", "a table of columns between tabs", "records", AS_TABLE),
    Kind("warc", "a WARC file, the records of a crawl", "records", AS_TABLE),
    Kind("wet", "a WET file, the texts of a crawl", "records", AS_TABLE),
    Kind("arc", "an ARC file, the records of a crawl", "records", "write it as WARC (such as with warcio), which `cleantext clean` reads"),
    Kind("http", "an HTTP response with its headers", "records", "cut the headers off, up to the first empty line"),
    Kind("mhtml", "a page saved as MHTML with its pictures", "records", "save it as HTML"),
    Kind("arrow", "an Arrow or Feather table", "records", AS_TABLE),
    Kind("orc", "an ORC table", "records", "write it as Parquet, which `cleantext clean` reads"),
    Kind("avro", "an Avro table", "records", "write it as Parquet, which `cleantext clean` reads"),
    Kind("sqlite", "an SQLite database", "records", "write its texts as JSON lines or Parquet"),
    Kind("duckdb", "a DuckDB database", "records", "write its texts as JSON lines or Parquet"),
    Kind("hdf5", "an HDF5 file", "records", "write its texts as JSON lines or Parquet"),
    Kind("numpy", "a NumPy array", "records", "write its texts as JSON lines or Parquet"),
    Kind("pickle", "a Python pickle", "records", "write its texts as JSON lines or Parquet"),
    Kind("xml", "an XML document (a feed, a sitemap or data)", "records", "take its texts out, as JSON lines or files"),
    Kind("zip", "a zip archive", "archive", AS_TABLE),
    Kind("tar", "a tar archive", "archive", AS_TABLE),
    Kind("7z", "a 7z archive", "archive", UNPACK),
    Kind("rar", "a RAR archive", "archive", UNPACK),
    Kind("cab", "a cabinet archive", "archive", UNPACK),
    Kind("gzip", "packed by gzip, which its name does not say", "archive", "put .gz behind its name, or unpack it"),
    Kind("zstd", "packed by zstd, which its name does not say", "archive", "put .zst behind its name, or unpack it"),
    Kind("bzip2", "packed by bzip2, which its name does not say", "archive", "put .bz2 behind its name, or unpack it"),
    Kind("xz", "packed by xz, which its name does not say", "archive", "put .xz behind its name, or unpack it"),
    Kind("lz4", "packed by lz4", "archive", "unpack it"),
    Kind("pdf", "a PDF document", "other"),
    Kind("office", "an Office document", "other"),
    Kind("opendocument", "an OpenDocument file", "other"),
    Kind("epub", "an EPUB book", "other"),
    Kind("rtf", "an RTF document", "other"),
    Kind("postscript", "a PostScript document", "other"),
    Kind("djvu", "a DjVu document", "other"),
    Kind("chm", "a compiled help file (CHM)", "other"),
    Kind("caj", "a CAJ document", "other"),
    Kind("image", "an image", "other"),
    Kind("sound", "sound or video", "other"),
    Kind("font", "a font", "other"),
    Kind("program", "a program", "other"),
    Kind("source", "the source of a program (PHP, ASP or JSP), not its output", "other", "crawl the page that it makes"),
)
KINDS = {kind.name: kind for kind in _KINDS}

_MARKS = re.compile(rb"\A(?:\s|\xef\xbb\xbf|\xff\xfe|\xfe\xff|\x84\x31\x95\x33)+")  # blanks, and byte order marks
_ASIDE = re.compile(rb"<!--.*?-->|<\?xml[\s-].*?\?>", re.DOTALL)
_DOCUMENT = re.compile(rb"<!doctype\s+(?:html|wml|public)|<(?:html|head|body|wml)[\s>]", re.IGNORECASE)
_TAG = re.compile(
    rb"<(?:meta|title|link|script|style|base|div|p|table|tr|td|tbody|span|center|font|h[1-6]|ul|ol|li|dl|a|img|br|hr|b|strong|form|input"
    rb"|iframe|section|article|main|header|footer|nav|noscript|frameset|embed|object)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_CLOSED = re.compile(
    rb"</(?:title|script|style|div|p|table|span|center|font|h[1-6]|ul|ol|dl|a|form|section|article|main|header)\s*>", re.IGNORECASE
)
_XML = re.compile(
    rb"<\?xml\s|<!doctype\s|<(?:rss|feed|urlset|sitemapindex|rdf:rdf|svg|opml|kml|gpx|mediawiki|dublin_core)[\s>]", re.IGNORECASE
)
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? \d{3}\b[^\r\n]*\r?\n")
_FIELD = re.compile(rb"[!-9;-~]{1,64}:")
_MHTML = re.compile(rb"(?:\A|\n)content-type:\s*multipart/related\b", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[A-Za-z_][\w .-]{0,39}", re.ASCII)
_VALUE = re.compile(r"[+-]?\d[\d.,:/TZ +-]*|(?:https?:)?//\S+", re.ASCII)
_COLUMNS = {
    "id",
    "url",
    "uri",
    "link",
    "text",
    "content",
    "title",
    "body",
    "html",
    "date",
    "time",
    "author",
    "source",
    "lang",
    "language",
    "name",
}


def ending_of(name: str) -> str:
    """Return the ending of a file's name in lower case, without those of compression; including the query of an address.

    >>> ending_of("news/1.HTML.gz"), ending_of("news/readme"), ending_of("index.html?id=3.5")
    ('.html', '', '.html?id=3.5')
    """
    last = PurePath(unpacked_name(name)).name.lower()
    asked = _ASKED.search(last)
    return asked[0] if asked else PurePath(last).suffix


def first_bytes(path: Path | Remote, size: int = HEAD) -> bytes:
    """Return the first bytes of a file, unpacked according to its name; fewer if it is short, truncated or broken. Raise `OSError`."""
    with path.open("rb") as file:
        data = file.read(size if ending_of(path.name) == path.suffix.lower() else READ)
    name = path.name
    while (ending := PurePath(name).suffix.lower()) in PACKED:
        data, name = _unpacked(data, ending, size), name[: -len(ending)]
    return data[:size]


def _unpacked(data: bytes, ending: str, size: int) -> bytes:
    """Unpack the beginning of a file in steps of a kilobyte: some formats expand one byte to thirty thousand."""
    out, at = b"", 0
    member = PACKED[ending]()
    while at < len(data) and len(out) < size:
        piece = data[at : at + 1024]
        at += len(piece)
        while piece and len(out) < size:
            try:
                out += member.decompress(piece)
            except Exception:  # noqa: BLE001 - each library has an error of its own; reading the file will tell
                return out
            piece, member = (member.unused_data, PACKED[ending]()) if member.eof else (b"", member)
    return out


def sniff(path: Path | Remote, name: str = "") -> Kind:
    """Return the kind of a file. ``name`` replaces its own name. Raise `OSError` if it cannot be read."""
    return kind_of(first_bytes(path), name or path.name)


def kind_of(head: bytes, name: str = "") -> Kind:
    """Return the kind of a file by its first bytes, unpacked (`HEAD` of them are enough), and its name.

    >>> kind_of(b"<!DOCTYPE html><p>", "page.txt").name, kind_of(b"<p>a tag</p> is explained here", "page.txt").name
    ('html', 'text')
    >>> kind_of(b'{"id": 1, "text": "a"}', "page.txt").what
    'JSON lines, a table of records'
    """
    return KINDS[_name_of(head[:HEAD], ending_of(name))]


def _name_of(head: bytes, ending: str) -> str:
    other = _by_mark(head)
    if other:
        return other
    plain = _plain(head)
    if plain is None:
        return "binary"
    start = _MARKS.sub(b"", plain, count=1)
    if re.match(rb"WARC/\d\.\d\r?\n[A-Za-z-]+:", start):
        return "wet" if re.search(rb"\nWARC-Type:\s*conversion|\nWARC-Filename:[^\n]*\.wet\b", start, re.IGNORECASE) else "warc"
    if re.match(rb"filedesc://\S+ [\d.]+ \d+ \S+ \d+\s", start):
        return "arc"
    return _message(start) or _source(start, ending) or _json(start, ending) or _markup(start, ending) or _table(start, ending) or "text"


def _message(start: bytes) -> str:
    """Return the kind of a text that is an HTTP response or a page with mail headers (a block of headers, an empty line, content), or nothing."""
    if status := _STATUS.match(start):
        end = _headers(start[status.end() :])
        # Otherwise it is an example in a text.
        sent = end and (b"\r\n" in status[0] or start[status.end() + end :].lstrip()[:1] in (b"", b"<", b"{", b"["))
        return "http" if sent else ""
    headers = start[: _headers(start)]
    return "mhtml" if _MHTML.search(headers) and b"boundary=" in headers.lower() else ""


def _headers(text: bytes) -> int:
    """Return where the block of headers at the start of a text ends, after its empty line; 0 if there is none."""
    at = 0
    for line in text.splitlines(keepends=True):
        if not line.strip():
            return at + len(line) if at else 0
        if not _FIELD.match(line) and not (at and line[:1] in b" \t"):
            return 0
        at += len(line)
    return at if at >= HEAD // 2 else 0  # it continues beyond the bytes read


def _source(start: bytes, ending: str) -> str:
    """Return the kind of a text that is the source of a program, or nothing; a text about one may begin with its mark, but continues with prose."""
    mark = re.match(rb"<\?php\b|<%@|<%\s*(?:dim|set|option|if|response)\b", start, re.IGNORECASE)
    if not mark:
        return ""
    code = re.match(rb"[\x00-\x7f]*", start[mark.end() :][:400])
    return "source" if ending not in TEXT or (code and re.search(rb"[;{=$(#]|/[/*]|%>", code[0])) else ""


def _by_mark(head: bytes) -> str:
    name = marked(head)
    if name:
        return _zipped(head) if name == "zip" else name
    return "pdf" if b"%PDF-" in head[:1024] and b"\0" in head[:512] and not head[:1024].lstrip().startswith(b"<") else ""


def _zipped(head: bytes) -> str:
    if b"mimetypeapplication/epub" in head[:100]:
        return "epub"
    if b"mimetypeapplication/vnd.oasis" in head[:100]:
        return "opendocument"
    return "office" if re.search(rb"\[Content_Types\]\.xml|PK\x03\x04.{26}(?:word|xl|ppt)/", head, re.DOTALL) else "zip"


def _plain(head: bytes) -> bytes | None:
    """Return the head as bytes in which ASCII bytes mean ASCII, also from UTF-16; None if it is not text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[2:].replace(b"\0", b"")
    nuls = head.count(0)
    if not nuls:
        return head
    if nuls > len(head) // 16 and max(head[::2].count(0), head[1::2].count(0)) >= UTF16_NULS * nuls:
        return head.replace(b"\0", b"")
    stray = nuls <= len(head) // 1000 + 1 and len(head.translate(None, CONTROLS)) >= 0.98 * len(head)
    return head.replace(b"\0", b"") if stray else None


def _markup(start: bytes, ending: str) -> str:
    """Return the kind of a text that is HTML or other XML; empty if it is neither."""
    declared = start[:5].lower() == b"<?xml"
    body = start
    while aside := _ASIDE.match(body):
        body = body[aside.end() :].lstrip()
    if _DOCUMENT.match(body):
        return "html"
    tagged = _TAG.match(body)
    if tagged and re.search(rb"<(?:html|body)[\s>]", body, re.IGNORECASE):
        return "html"  # a script or a style before the document
    if ending in HTML:
        return "xml" if re.match(rb"<(?:rss|feed|urlset|sitemapindex)[\s>]", body, re.IGNORECASE) else "html"
    if declared or _XML.match(body):
        alone = ending in TEXT and not re.match(rb"<[^<>]*>\s*(?:<|\Z)|<[^<>]*\Z|\Z", body)  # a tag mentioned in a text
        return "" if alone else "xml"
    fragments = not ending or DYNAMIC.fullmatch(ending)
    return "html" if fragments and tagged and _CLOSED.search(body) else ""


def _json(start: bytes, ending: str) -> str:
    """Return the kind of a text that is JSON, as lines or as one document; empty if it is neither."""
    lined = ending in {".jsonl", ".ndjson", ".jl"}
    named = lined or ending == ".json"
    if not re.match(rb'\{\s*(?:"|\})|\[\s*(?:[\[{"\]\d-]|true|false|null)', start):
        return "jsonl" if lined and start else ""
    text = start.decode("utf-8", "ignore")
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return _cut_json(text, named=named, all_there=len(start) < HEAD - 16)
    rest = text[end:].strip()
    if isinstance(value, dict) and (not rest or rest.startswith("{")):
        return "jsonl" if rest or lined or "\n" not in text[:end] else "json"
    if isinstance(value, list) and not rest and (named or any(isinstance(v, (dict, list)) for v in value)):
        return "jsonl" if lined else "json"
    return "jsonl" if named else ""


def _cut_json(text: str, *, named: bool, all_there: bool) -> str:
    """Judge a text that begins as JSON, but whose first value is broken or is not complete in the bytes read."""
    lines = [line.strip() for line in text.splitlines()[:20] if line.strip()]
    if any(map(_is_object, lines)) and all(line.startswith("{") for line in lines):
        return "jsonl"
    key = re.match(r'(\[?)\s*\{\s*"(?:[^"\\\n]|\\.){0,200}"\s*:\s*["\d\[{tfn-]', text)
    if named or (key and not all_there):
        return "json" if text.startswith("[") or (len(lines) > 1 and lines[0] == "{") else "jsonl"
    return ""


def _is_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _table(start: bytes, ending: str) -> str:
    """Return the kind of a text that is a table with columns, by its ending, or by a header of well-known names over rows of its width."""
    if ending in {".csv", ".tsv", ".tab"}:
        return "csv" if ending == ".csv" else "tsv"
    lines = start.decode("utf-8", "replace").splitlines()
    for separator, name in (("\t", "tsv"), (",", "csv")):
        if lines and separator in lines[0] and _is_header(lines[0].split(separator)):
            rows = _rows(lines if len(start) < HEAD - 16 else lines[:-1], separator)
            # Two lines with one comma each may be prose.
            square = len(rows) > 1 and len(rows) + len(rows[0]) > 4 and all(len(row) == len(rows[0]) for row in rows)
            if square and (ending not in TEXT or _is_data(rows)):
                return name
    return ""


def _is_header(fields: Sequence[str]) -> bool:
    names = [field.strip().strip('"') for field in fields]
    return all(_IDENTIFIER.fullmatch(n) for n in names) and any(n.lower() in _COLUMNS for n in names)


def _is_data(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a column holds only numbers, dates or addresses below a header without blanks: words between commas may be a list in a text."""
    if any(field != field.strip() for field in rows[0]):
        return False
    return any(all(_VALUE.fullmatch(value.strip()) for value in column) for column in zip(*rows[1:], strict=True))


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=separator, strict=False) if row][:20]
    except csv.Error:
        return []
