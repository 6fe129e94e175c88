"""Mojibake: text that was encoded in one way and decoded in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cleantext.edits import Edit, trimmed
from cleantext.repair.gate import holds, lines_with
from cleantext.repair.latin import ftfy_safe, needs_ftfy, suspects
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["Mojibake"]

LOST = "锟斤拷"  # U+FFFD twice in UTF-8, read as GBK


@register
@dataclass(frozen=True)
class Mojibake(PageTransform):
    """Decode mojibake again, line by line.

    UTF-8 that was read as latin-1, cp1252, cp1251, mac-roman or cp437 goes through ftfy.

    What U+FFFD and 锟斤拷 stand for is lost. It is counted (metadata ``lost_characters``), never guessed, and a page
    with more than one in a hundred is flagged ``lost_characters``.

    >>> Mojibake()("乌鲁木齐 æˆ‘ä»¬")
    '乌鲁木齐 我们'
    """

    id: ClassVar[str] = "repair.mojibake"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"mojibake.latin": "UTF-8 that was read as a single-byte encoding"}
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
        return holds(text, suspects()) or "锟" in text

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        edits: list[Edit] = []
        for start, line in lines_with(page.text, suspects()):
            if needs_ftfy(line):
                edits += trimmed(start, line, ftfy_safe(line), "mojibake.latin")
        lost = page.text.count("\ufffd") + page.text.count(LOST)
        if not lost:
            return edits, (), {}
        return edits, (("lost_characters",) if lost > len(page.text) / 100 else ()), {"lost_characters": lost}
