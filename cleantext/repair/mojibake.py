"""Mojibake: text that was encoded in one encoding and decoded in another."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from cleantext.changes import Changes, joined
from cleantext.edits import Edit, apply, compose, trimmed
from cleantext.gate import Table, holds, lines_with, ranges_of, table_of
from cleantext.jit import everything
from cleantext.repair.misread import misread_pages
from cleantext.repair.misread.families import GBK_AS_BIG5, UTF8_AS_GBK, family_edits
from cleantext.repair.misread.latin import SUSPECTS, ftfy_line, needs_ftfy, suspects
from cleantext.repair.misread.line_rounds import LATIN, ROUNDS
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["Mojibake"]

LOST = "锟斤拷"  # U+FFFD twice in UTF-8, read as GBK
# Texts about mojibake: quoted mojibake, less than half of a line, is left unchanged.
ABOUT = ("乱码", "亂碼", "锟斤拷", "烫烫烫", "mojibake", "Mojibake", "文字化け")
MARKERS = frozenset(UTF8_AS_GBK + GBK_AS_BIG5)
SUSPECTED = frozenset(map(chr, np.flatnonzero(suspects()).tolist()))
SHORT, FEW = 16_000, 400  # characters of pages and of their lines with suspects: up to both, a kernel takes longer to call than Python
AT_ONCE = 1 << 20  # characters of pages that kernels handle at once
REMEMBERED = 300  # characters of a line whose edits are cached


@register
@dataclass(frozen=True)
class Mojibake(PageTransform):
    """Decode mojibake again, line by line.

    Chinese first, by strict inverses (`cleantext.repair.misread.families`): GBK and Big5 read as latin-1 or cp1252, GBK read as
    cp1250, cp1251, cp1254, iso8859-2, koi8-r or Big5, UTF-8 read as GBK or as any single-byte encoding; bytes that were lost before
    become U+FFFD, and the text on both sides is restored. The rest is passed to ftfy, whose result for
    lines without Chinese mojibake is never changed. Both are repeated, for text that was encoded twice.

    The characters for which U+FFFD and 锟斤拷 stand are lost. They are counted (metadata ``lost_characters``), never guessed, and a page
    with more than one in a hundred has the flag ``lost_characters``.

    >>> Mojibake()("乌鲁木齐 æˆ‘ä»¬")
    '乌鲁木齐 我们'
    """

    id: ClassVar[str] = "repair.mojibake"
    characters: ClassVar[str] = f"{SUSPECTS} {ranges_of(UTF8_AS_GBK + GBK_AS_BIG5 + LOST[0])}"
    version: ClassVar[int] = 3
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {
        "mojibake.utf8": "Chinese in UTF-8 that was read as another encoding",
        "mojibake.gbk": "GBK that was read as another encoding",
        "mojibake.big5": "Big5 that was read as another encoding",
        "mojibake.latin": "UTF-8 that was read as a single-byte encoding, as ftfy sees it",
    }
    laws: ClassVar[Laws] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks("Äœ\nab", "ftfy looks at the line break: œ before anything but a letter is bad"),
        Law.KEEPS_HAN: Breaks("æˆ‘ä»¬", "Han characters come back"),
        Law.KEEPS_LENGTH: Breaks("æˆ‘ä»¬", "three characters were one"),
        Law.NEVER_GROWS: Breaks("ﬃ", "a ligature is three letters"),
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks("æˆ‘ä»¬", "characters change"),
    }

    def wants(self, text: str) -> bool:
        return holds(text, _gate())

    def run_some(self, pages: Sequence[Page], which: Iterable[int]) -> Changes:
        which = [i for i in which if pages[i].text]
        characters = sum(len(pages[i].text) for i in which)
        few = characters <= SHORT and not everything() and _suspected(pages, which) <= FEW
        if few or not misread_pages.pays(characters):
            start = time.thread_time()
            changes = super().run_some(pages, which)
            misread_pages.python_took(characters, time.thread_time() - start)
            return changes
        parts = [self._columns(pages, some) for some in _pieces(pages, which)]
        edits = [part.columns_ for part in parts if part.columns_ is not None]
        flags, metadata, texts = (
            {i: value for part in parts for i, value in getattr(part, name).items()} for name in ("flags", "metadata", "texts")
        )
        return Changes({}, joined(edits) if edits else None, flags, metadata, texts if edits else None)

    def _columns(self, pages: Sequence[Page], which: Sequence[int]) -> Changes:
        """Do the work of `on_page` for pages at once, with kernels."""
        given = [pages[i].text for i in which]
        found = misread_pages.find(given, self.characters, _line_edits)
        for page in np.unique(found.rows[:, 0]).tolist():
            if _is_about(given[page]):
                rows = found.rows
                found = found._replace(rows=rows[(rows[:, 0] != page) | (2 * (rows[:, 2] - rows[:, 1]) > rows[:, 6])])
        texts = misread_pages.edited(found)
        flags: dict[int, tuple[str, ...]] = {}
        metadata: dict[int, Mapping[str, Any]] = {}
        for i, before, after in zip(which, given, texts, strict=True):
            lost = after.count("\ufffd") + before.count(LOST)
            if lost:
                metadata[i] = {"lost_characters": lost}
                if lost > len(before) / 100:
                    flags[i] = ("lost_characters",)
        columns = misread_pages.columns(found, np.array(which, np.int32)) if len(found.rows) else None
        return Changes({}, columns, flags, metadata, {which[page]: texts[page] for page in np.unique(found.rows[:, 0]).tolist()})

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        found = [(start, line, edits) for start, line in lines_with(page.text, _gate()) if (edits := _line_edits(line))]
        quotes = bool(found) and _is_about(page.text)
        edits = [
            edit._replace(start=edit.start + start, end=edit.end + start)
            for start, line, edits in found
            for edit in edits
            if not quotes or 2 * len(edit.before) > len(line)
        ]
        lost = page.text.count("\ufffd") + page.text.count(LOST)
        lost += sum(edit.after.count("\ufffd") - edit.before.count("\ufffd") for edit in edits)
        if not lost:
            return edits, (), {}
        return edits, (("lost_characters",) if lost > len(page.text) / 100 else ()), {"lost_characters": lost}


def _suspected(pages: Sequence[Page], which: Iterable[int]) -> int:
    """Return the number of characters of the lines that may need repair."""
    return sum(len(line) for i in which for _, line in lines_with(pages[i].text, _gate()))


def _is_about(text: str) -> bool:
    """Return whether a text is about mojibake. Several searches for a word are faster than one for an expression."""
    return any(word in text for word in ABOUT)


def _pieces(pages: Sequence[Page], which: Sequence[int]) -> Iterator[list[int]]:
    """Yield the positions of pages, so many at once that their arrays are of moderate size."""
    some: list[int] = []
    characters = 0
    for i in which:
        some.append(i)
        characters += len(pages[i].text)
        if characters > AT_ONCE:
            yield some
            some, characters = [], 0
    if some:
        yield some


@lru_cache(maxsize=1)
def _gate() -> Table:
    return table_of(Mojibake.characters)


def _line_edits(line: str) -> Sequence[Edit]:
    return _known_edits(line) if len(line) <= REMEMBERED else _found_edits(line)


def _found_edits(line: str) -> Sequence[Edit]:
    edits: Sequence[Edit] = ()
    rule = ""
    for _ in range(ROUNDS):
        suspected = not SUSPECTED.isdisjoint(line)
        found = family_edits(line, latin=True) if suspected else []
        if not found and not MARKERS.isdisjoint(line):
            found = family_edits(line, latin=False)
        if not found and suspected and rule != LATIN and needs_ftfy(line):  # ftfy leaves its own results unchanged
            found = trimmed(0, line, ftfy_line(line), LATIN)
        if not found:
            break
        rule = found[0].rule
        edits = compose(edits, found)
        line = apply(line, found)
    return edits


_known_edits = lru_cache(maxsize=1 << 12)(_found_edits)  # headers and footers of sites occur again and again
