"""Bytes to text, with the evidence that chose the encoding.

The order is the browser's (byte order mark, HTTP header, the page's own `meta`), with two changes that
crawled Chinese pages ask for. Bytes that are strict UTF-8 are UTF-8 whatever the label says: four of the
36 pages of the development set say gb2312 and are UTF-8. And a label is believed only if the text that it
gives looks like text; else a detector decides. The detector is uchardet by way of resiliparse: with one
byte lost in the page, as truncation and lenient proxies do, it still named 100 % of Chinese pages, where
chardet, charset-normalizer and chardetng fell to 36-40 % because they ask for valid sequences.

Bad bytes become U+FFFD and take no neighbour with them. Private-use characters stay: slip repair reads
the bytes behind them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from cleantext.errors import wrong_type

__all__ = ["Decoded", "Evidence", "decode"]

Evidence = Literal["bom", "utf-8", "hint", "meta", "detector", "utf-16", "binary", "none"]


class Decoded(NamedTuple):
    """Decoded text, the Python codec that gave it, and what decided.

    ``evidence`` is "bom", "hint" (the HTTP header), "meta" (the page's own label), "utf-8" (the bytes are
    UTF-8, at most damaged in places), "utf-16" (the pattern of NULs), "detector"; or "none" where nothing
    is known about the bytes and "binary" where they are no text: such a page should fail.

    >>> decode("新疆".encode("gbk"), hint="gb2312").encoding
    'gb18030'
    """

    text: str
    encoding: str
    evidence: Evidence


# Labels that resiliparse's WHATWG table lacks and Chinese servers send.
ALIASES = {
    "euc-cn": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "gb-2312": "gb18030",
    "utf": "utf-8",
    "cp950": "big5hkscs",
    "ms950": "big5hkscs",
    "big-5": "big5hkscs",
    "cp949": "cp949",
}
# From a WHATWG encoding to the Python codec that reads what its bytes mean on the web. gb2312 and gbk have
# gb18030's decoder by that standard; Python's own `gb2312` has no 镕 and reads A1A4 as ・ and A1AA as ―.
CODECS = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
    "iso8859-11": "cp874",
}
# Encodings whose structure a detector can see; between single-byte ones it guesses, and the label knows better.
MULTIBYTE = frozenset({"gb18030", "big5hkscs", "cp932", "cp949", "euc_jp"})
CHINESE = ("gb18030", "big5hkscs")

BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\x84\x31\x95\x33", "gb18030"))
MAGIC = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"\xd0\xcf\x11\xe0",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x7fELF",
    b"wOFF",
    b"wOF2",
)
CONTROLS = bytes([*range(9), 11, *range(14, 27), *range(28, 32), 127])
ASCII = bytes(range(128))

# Counted in 36 pages and 1,800 laws, 的 and ， are 2-11 % of the characters above ASCII; in the same bytes read as
# the other Chinese encoding 0.0-0.2 %. (Not 。, which has the same two bytes in EUC-JP as in GBK.)
PLAUSIBLE = 0.006


def decode(data: bytes | bytearray | memoryview, *, hint: str | None = None) -> Decoded:
    """Decode the bytes of a page; ``hint`` is the HTTP header's Content-Type or charset, if there was one.

    Never raises for any bytes; look at ``evidence`` for pages that are not text.

    >>> decode("新疆".encode("gbk"), hint="text/html; charset=gb2312")
    Decoded(text='新疆', encoding='gb18030', evidence='hint')
    >>> decode('<meta charset="gb2312">新质生产力'.encode()).evidence  # the label lies
    'utf-8'
    """
    if not isinstance(data, bytes):
        if isinstance(data, str):
            raise TypeError("expected bytes, got str: a str is decoded already; if it is garbled, try cleantext.repair(text)")
        if not isinstance(data, (bytearray, memoryview)):
            raise wrong_type(data, "bytes")
        data = bytes(data)
    if hint is not None and not isinstance(hint, str):
        raise wrong_type(hint, "hint=a str, the Content-Type or charset of the HTTP header")
    for bom, encoding in BOMS:
        if data.startswith(bom):
            return Decoded(_lenient(data[len(bom) :], encoding), encoding, "bom")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if data.startswith(MAGIC) or b"\0" in data or _controls(data[:1024]) > 0.02:
            return _with_nuls(data)
        return _legacy(data, hint, error.start)
    if b"\0" in data or data.startswith(MAGIC):
        return _with_nuls(data)
    # A few two-byte sequences of UTF-8 may be Chinese characters by chance, as those of 联通 nearly are.
    if 0 < len(data) - len(text) < 32 and max(text) < "\u0800":
        labelled = _labelled(data, hint, sure=True)
        if labelled is not None:
            return labelled
    elif b"\x1b" in data and b"\x1b$" in data and b"\x1b(" in data:
        return Decoded(_lenient(data, "iso2022_jp_2"), "iso2022_jp_2", "detector")
    return Decoded(text, "utf-8", "utf-8")


def _legacy(data: bytes, hint: str | None, bad: int) -> Decoded:
    """Decode bytes that are not strict UTF-8: the first bad one is at ``bad``."""
    labelled = _labelled(data, hint, sure=False)
    if labelled is not None and labelled.encoding in CHINESE and _is_chinese(labelled.text, len(data)):
        return labelled
    if _is_damaged_utf8(data, bad):
        return Decoded(data.decode("utf-8", "replace"), "utf-8", "utf-8")
    if labelled is not None and _believable(data, labelled.encoding):
        return labelled
    for chinese in CHINESE:
        text = _lenient(data, chinese)
        if _is_chinese(text, len(data)):
            return Decoded(text, chinese, "detector")
    encoding = _detected(data)
    if encoding is None:
        return Decoded(data.decode("utf-8", "replace"), "utf-8", "none")
    return Decoded(_lenient(data, encoding), encoding, "detector")


def _detected(data: bytes) -> str | None:
    """Return what uchardet says, None where it knows nothing, or UTF-8, which was tried before."""
    from resiliparse.parse.encoding import detect_encoding

    name = detect_encoding(data, html5_compatible=False)
    encoding = _codec(name) if name else None
    return None if encoding == "utf-8" else encoding


def _is_damaged_utf8(data: bytes, bad: int) -> bool:
    """Say whether the bytes around a bad one are UTF-8: at least nine in ten of those above 0x7F.

    Of GBK and Big5 text 25-45 % of the bytes form UTF-8 sequences by chance.
    """
    for sample in (data[max(0, bad - 1024) : bad + 1024], data):
        high = sample.translate(None, ASCII)
        if len(high) >= 32 or sample is data:
            return len(high.decode("utf-8", "ignore").encode()) >= 0.9 * len(high) and len(high) > 3
    return False


def _labelled(data: bytes, hint: str | None, *, sure: bool) -> Decoded | None:
    """Decode by the first label under which the bytes are (nearly) valid. With ``sure`` only a Chinese label counts."""
    for evidence, label in _labels(data, hint):
        encoding = _codec(label)
        if encoding is None or encoding == "utf-8" or (sure and encoding not in CHINESE):
            continue
        text = _lenient(data, encoding)
        if text.count("\ufffd") <= len(text) // 1000 + 1:
            return Decoded(text, encoding, evidence)
    return None


def _labels(data: bytes, hint: str | None) -> Iterator[tuple[Evidence, str]]:
    if hint:
        found = re.search(r"charset\s*=\s*[\"']?([^\s;\"']+)", hint, re.IGNORECASE)
        yield "hint", found[1] if found else hint
    label = prescan(data)
    if label:
        yield "meta", label


@lru_cache(maxsize=256)
def _codec(label: str) -> str | None:
    """Return the Python codec for a label of the web, None for unknown ones."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    label = label.strip().lower().replace("_", "-") if label.lower().startswith(("euc_", "gb_2312_")) else label.strip().lower()
    if label in ALIASES:
        return ALIASES[label]
    name = map_encoding_to_html5(label, fallback_utf8=False)
    return None if name is None else CODECS.get(name, name)


def _believable(data: bytes, encoding: str) -> bool:
    """Say whether nothing better than the label is known of the bytes."""
    if len(data.translate(None, ASCII)) < 64:  # too short to convict a label
        return True
    if any(_is_chinese(_lenient(data, other), len(data)) for other in CHINESE if other != encoding):
        return False
    other = _detected(data)
    return other in (None, encoding) or other not in MULTIBYTE or "\ufffd" in _lenient(data, other)


def _is_chinese(text: str, size: int) -> bool:
    """Say whether 的 and ， are `PLAUSIBLE` of the characters above ASCII: each of those took one byte more than it is long."""
    least = PLAUSIBLE * max(1, size - len(text))
    commas = text.count("，")
    return commas >= least or commas + text.count("的") >= least


def _controls(sample: bytes) -> float:
    return 1 - len(sample.translate(None, CONTROLS)) / max(1, len(sample))


def _with_nuls(data: bytes) -> Decoded:
    """Decode bytes with NULs or many controls: UTF-16 without a mark, text with a few stray ones, or no text."""
    nuls = data.count(0)
    if not data.startswith(MAGIC):
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            # Markup and line breaks of UTF-16 have their NULs at one parity; nothing else is at the other.
            if nuls >= 2 and data[first::2].count(0) == nuls and len(data) % 2 == 0:
                text = data.decode(encoding, "replace")
                if "\ufffd" not in text and _controls(text.encode()[:1024]) <= 0.02:
                    return Decoded(text, encoding, "utf-16")
        if nuls <= len(data) // 1000 and _controls(data) <= 0.02:
            rest = decode(data.replace(b"\0", b""))
            if rest.evidence != "binary":
                return rest
    return Decoded(data.decode("utf-8", "replace"), "utf-8", "binary")


def _lenient(data: bytes, encoding: str) -> str:
    """Decode as browsers do: a bad byte is one U+FFFD, 0x80 in GBK is the euro sign, cp1252 has its C1 controls."""
    if encoding == "gb18030":  # what Python's gbk reads, gb18030 reads alike, and a third slower
        try:
            return data.decode("gbk")
        except UnicodeDecodeError:
            pass
    text = data.decode(encoding, "cleantext.web")
    if encoding == "big5hkscs":  # Python follows HKSCS where the web follows Microsoft, as in 約翰‧史密斯
        for hkscs, web in (("\N{BULLET}", "\N{HYPHENATION POINT}"), ("♁", "⊕"), ("☉", "⊙"), ("\N{OVERLINE}", "\N{MACRON}")):
            text = text.replace(hkscs, web)
    return text


def _web_error(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    first = error.object[error.start]
    if error.encoding == "charmap":
        return chr(first), error.start + 1
    if error.encoding == "gb18030" and first == 0x80:
        return "€", error.start + 1
    if error.encoding == "big5hkscs" and error.object[error.start : error.start + 2] == b"\xa3\xe1":
        return "€", error.start + 2
    return "\ufffd", error.end


codecs.register_error("cleantext.web", _web_error)

# The prescan of the HTML standard, "prescan a byte stream to determine its encoding": comments, meta elements
# and other tags, whose attributes are read so that a `<meta` inside a quoted value is not seen.
# The first alternative skips tags of plain shape in one step; it sees what the attribute parser would.
PIECE = re.compile(
    rb"<(?!meta[\s/])/?[a-z][^\s>\"'=]*(?:\s+[a-z-]+=\"[^\"]*\")*\s*/?>|<!--.*?(?:-->|\Z)|<(meta)(?=[\s/])|<(/?[a-z])[^\s>]*|<[!/?][^>]*",
    re.IGNORECASE | re.DOTALL,
)
ATTRIBUTE = re.compile(
    rb"[\s/]*([^\s/>=][^\s/>=]*|=[^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"'][^\s>]*)|([\"'])|()(?=>)))?", re.DOTALL
)
CHARSET = re.compile(rb"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"'][^\s;]*))", re.IGNORECASE)
XML = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"'>]+)[\"'][^>]*>")


def prescan(data: bytes) -> str | None:
    """Return the encoding label near the start of a page, by the algorithm of the HTML standard.

    >>> prescan(b'<!-- <meta charset="big5"> --><meta http-equiv=content-type content="text/html; charset=gb2312">')
    'gb2312'
    """
    label = _label(data[:1024])
    if label is None and data.find(b"charset", 1024, 16_384) >= 0:  # browsers also obey a label that they meet later, while they parse
        label = _label(data[:16_384])
    return label


def _label(head: bytes) -> str | None:
    xml = XML.match(head)
    if xml:
        return xml[1].decode("latin-1")
    at = 0
    while piece := PIECE.search(head, at):
        at = piece.end()
        if not (piece[1] or piece[2]):
            at += head[at : at + 1] == b">"
            continue
        attributes, at = _attributes(head, at)
        label = _meta(attributes) if piece[1] else None
        if label and _codec(label):
            return label
    return None


def _attributes(head: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    found: dict[bytes, bytes] = {}
    while piece := ATTRIBUTE.match(head, at):
        at = piece.end()
        if piece[5] or at == len(head):  # a quote that never closes has the rest as its value; a tag that never does is none
            return {}, len(head)
        value = next((v for v in piece.groups()[1:4] if v is not None), b"")
        found.setdefault(piece[1].lower(), value.lower())
    return found, at


def _meta(attributes: dict[bytes, bytes]) -> str | None:
    if b"charset" in attributes:
        return attributes[b"charset"].decode("latin-1").strip() or None
    if attributes.get(b"http-equiv") == b"content-type":
        found = CHARSET.search(attributes.get(b"content", b""))
        if found:
            return next(v for v in found.groups() if v is not None).decode("latin-1").strip()
    return None
