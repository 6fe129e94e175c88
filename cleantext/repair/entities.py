"""Character references that are visible in text: `&nbsp;`, `&#x4E2D;`, `&amp;amp;`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from cleantext.edits import Edit, apply, compose
from cleantext.fold import character_class
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["Entities"]

# The ampersand may have been escaped repeatedly: any number of `amp;`, then the reference.
REFERENCE = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)*(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][0-9A-Za-z]{1,31});")
# Texts about references, which mean them literally.
ABOUT = re.compile(
    r"转义|轉義|跳脫字元|字符实体|字元實體|实体(?:字符|编码|引用|名称)|HTML ?实体|[Ee]ntity (?:name|reference)|character (?:reference|entit)|HTML entit|\b[Ee]scap(?:e|ed|ing)\b"
)
INVISIBLE = "\xad\u200b\u200c\u200d\u200e\u200f\ufeff"
QUOTES = frozenset("`'\"‘“「『")
# Each round reads the whole text. References nested more deeply than this were made to be slow, and are all kept.
ROUNDS = 16


@register
@dataclass(frozen=True)
class Entities(PageTransform):
    r"""Replace character references with their characters.

    Only references that end in a semicolon and stand for a character that may occur in text. Lines with a `<`
    are markup or code and are left unchanged, like references in quotation marks, pages about escaping, and pages whose
    references are nested more than `ROUNDS` times.

    >>> Entities()("中国&nbsp;新疆 AT&amp;amp;T &#x4E2D;&#25991;")
    '中国\xa0新疆 AT&T 中文'
    >>> Entities()("if (a &amp;&amp; b) x<y; 用 `&nbsp;`")
    'if (a &amp;&amp; b) x<y; 用 `&nbsp;`'
    """

    id: ClassVar[str] = "repair.entities"
    characters: ClassVar[str] = "26"  # &
    version: ClassVar[int] = 2
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"entities.reference": "a character reference of HTML"}
    laws: ClassVar[Laws] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks("A&amp;B\nHTML 实体", "a page about references keeps them"),
        Law.KEEPS_HAN: Breaks("&#x4E2D;", "a reference may be a Han character"),
        Law.KEEPS_LENGTH: Breaks("A&amp;B", "references are longer than characters"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: Breaks("一&#10;二", "a reference may be a line break"),
        Law.ONLY_DELETES: Breaks("&copy;", "a character comes"),
    }

    def wants(self, text: str) -> bool:
        return "&" in text and ";" in text and REFERENCE.search(text) is not None

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        text = page.text
        edits: tuple[Edit, ...] = ()
        if ABOUT.search(text):
            return (), (), {}
        for _ in range(ROUNDS):  # a replacement may complete a reference that was split
            found = list(_edits(text))
            if not found:
                return edits, (), {}
            edits = compose(edits, found)
            text = apply(text, found)
        return (), (), {}


def _edits(text: str) -> Iterator[Edit]:
    stop = 0  # of the last line that was examined: each line is searched once, however many references it contains
    markup = False
    for found in REFERENCE.finditer(text):
        if found.start() >= stop:
            start = text.rfind("\n", 0, found.start()) + 1
            stop = text.find("\n", found.end()) + 1 or len(text)
            markup = text.find("<", start, stop) >= 0
        if markup or text[found.start() - 1 : found.start()] in QUOTES:
            continue
        after = _character(found[1])
        if after:
            yield Edit(found.start(), found.end(), found[0], after, "entities.reference")


@lru_cache(maxsize=4096)
def _character(name: str) -> str:
    """Return the character of a reference; nothing if it may not occur in text (controls, private use, surrogates)."""
    if name[0] != "#":
        from ftfy.chardata import HTML_ENTITIES  # the names of HTML 5, and capital spellings such as &EACUTE;

        return HTML_ENTITIES.get(f"&{name};", "")
    character = html.unescape(f"&{name};")
    if len(character) != 1 or character == "\ufffd":  # the character that HTML displays for invalid numbers
        return ""
    shown = character_class("printable")[ord(character)] or character.isspace()
    return character if shown or character in INVISIBLE else ""
