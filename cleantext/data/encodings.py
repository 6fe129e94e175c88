"""The encodings of the web: labels, codecs, and the differences between Python's codecs and browsers."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

__all__ = ["ASSIGNED", "PRIVATE", "codec_of", "lenient"]

# Labels that Chinese servers send and resiliparse's WHATWG table lacks.
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
# Characters that had private code points in GBK and GB 18030-2000, which Python's codec follows, and those that they
# have in GB 18030-2022 (A6D9 to A6F3 and FE59 to FEA0; A8BC since 2005). The C library's iconv reads all of them so.
ASSIGNED = {
    private: chr(assigned)
    for first, points in (
        ("\ue78d", (0xFE10, 0xFE12, 0xFE11, 0xFE13, 0xFE14, 0xFE15, 0xFE16, 0xFE17, 0xFE18, 0xFE19)),
        ("\ue7c7", (0x1E3F,)),
        ("\ue816", (0x20087, 0x20089, 0x200CC)),
        ("\ue81e", (0x9FB4,)),
        ("\ue826", (0x9FB5,)),
        ("\ue82b", (0x9FB6, 0x9FB7)),
        ("\ue831", (0x215D7, 0x9FB8)),
        ("\ue83b", (0x2298F,)),
        ("\ue843", (0x9FB9,)),
        ("\ue854", (0x9FBA, 0x241FE)),
        ("\ue864", (0x9FBB,)),
    )
    for private, assigned in zip(map(chr, range(ord(first), ord(first) + len(points))), points, strict=True)
}
_PRIVATE = re.compile(f"[{''.join(ASSIGNED)}]")
PRIVATE = {ord(assigned): private for private, assigned in ASSIGNED.items()}  # for `str.translate`: back to what has two bytes


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """Return the Python codec for a label of the web, or None if it is unknown."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    label = label.strip().lower().replace("_", "-") if label.lower().startswith(("euc_", "gb_2312_")) else label.strip().lower()
    if label in ALIASES:
        return ALIASES[label]
    name = map_encoding_to_html5(label, fallback_utf8=False)
    return None if name is None else CODECS.get(name, name)


def lenient(data: bytes, encoding: str) -> str:
    """Decode as browsers do: a bad byte is one U+FFFD, 0x80 in GBK is the euro sign, cp1252 has its C1 controls."""
    if encoding == "gb18030":  # gb18030 decodes valid gbk in the same way, but a third slower
        try:
            return data.decode("gbk")
        except UnicodeDecodeError:
            pass
    text = data.decode(encoding, "cleantext.web")
    if encoding == "gb18030":
        text = _PRIVATE.sub(lambda found: ASSIGNED[found[0]], text)
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
