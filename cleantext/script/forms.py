"""Forms: characters that Unicode encodes twice, quotation marks of the other script. Each a Transform of its own, none in a preset.

None of them needs OpenCC, and none is wanted everywhere: a page about radicals must keep them, and a
name may rest on a compatibility ideograph.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from cleantext.data import character_forms
from cleantext.edits import Edit
from cleantext.errors import unknown
from cleantext.script.tables import pairs
from cleantext.transform import HOLDS, Breaks, Law, Page, PageTransform, Safety, register

__all__ = ["CompatibilityIdeographs", "Quotes", "Radicals", "Variants", "mapped"]

Found = tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]


def mapped(text: str, pattern: re.Pattern[str], table: Mapping[str, str], rule: str) -> list[Edit]:
    """Return an edit for each run of characters that ``pattern`` finds, by a table of characters."""
    return [Edit(m.start(), m.end(), m[0], "".join(table[c] for c in m[0]), rule) for m in pattern.finditer(text)]


def class_of(table: Mapping[str, str]) -> re.Pattern[str]:
    """Return a pattern for runs of the keys of a table."""
    return re.compile(f"[{''.join(map(re.escape, sorted(table)))}]+")


def _laws(example: str) -> dict[Law, bool | Breaks]:
    """Return the laws of a map from characters to characters, on an example that it changes."""
    return {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: HOLDS,
        Law.KEEPS_HAN: Breaks(example, "one code point of a character becomes another"),
        Law.KEEPS_LENGTH: HOLDS,
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks(example, "characters are replaced"),
    }


@lru_cache(maxsize=1)
def _radicals() -> tuple[Mapping[str, str], re.Pattern[str]]:
    table = character_forms("kangxi") | character_forms("radical")
    return table, class_of(table)


# A page with so many different radicals speaks about radicals; damage from PDF files and OCR has a few that come again and again.
CATALOGUE = 20


@register
@dataclass(frozen=True)
class Radicals(PageTransform):
    """Write characters as characters where a PDF or OCR program wrote radicals.

    Kangxi radicals (U+2F00 to U+2FD5) and the supplement (U+2E80 to U+2EF3, by the UCD's equivalent
    ideographs; NFKC has two of them). Pages with more than 20 different radicals are left alone: there
    they are the subject.

    >>> Radicals()("\N{KANGXI RADICAL EARTH}地与\N{CJK RADICAL C-SIMPLIFIED HORSE}")
    '土地与马'
    """

    id: ClassVar[str] = "script.radicals"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    laws: ClassVar[Mapping[Law, bool | Breaks]] = _laws("\N{KANGXI RADICAL EARTH}地") | {
        Law.KEEPS_HAN: HOLDS,  # radicals are symbols; the Han characters beside them stay
        Law.LINE_LOCAL: Breaks(
            "".join(map(chr, range(0x2F00, 0x2F0B))) + "\n" + "".join(map(chr, range(0x2F0B, 0x2F16))), "the page decides by all its radicals"
        ),
    }
    rules: ClassVar[Mapping[str, str]] = {"script.radical": "a radical stands for the character of its form"}

    def on_page(self, page: Page) -> Found:
        table, pattern = _radicals()
        edits = mapped(page.text, pattern, table, "script.radical")
        return edits if len({c for e in edits for c in e.before}) <= CATALOGUE else [], (), {}


@lru_cache(maxsize=1)
def _compatibility() -> tuple[Mapping[str, str], re.Pattern[str]]:
    table = dict(pairs("CJK_Compatibility_Ideographs"))
    return table, class_of(table)


@register
@dataclass(frozen=True)
class CompatibilityIdeographs(PageTransform):
    """Write CJK compatibility ideographs as the unified ones, as NFC and OpenCC do.

    The twelve characters of that block that are unified ideographs (U+FA0E, U+FA0F, ...) stay. What is
    lost is the glyph that a name may have been written with.

    >>> CompatibilityIdeographs()("\N{CJK COMPATIBILITY IDEOGRAPH-F900}有此理")
    '豈有此理'
    """

    id: ClassVar[str] = "script.compatibility"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.LOSSY
    laws: ClassVar[Mapping[Law, bool | Breaks]] = _laws("\N{CJK COMPATIBILITY IDEOGRAPH-F900}有此理")
    rules: ClassVar[Mapping[str, str]] = {"script.compatibility": "a CJK compatibility ideograph is its unified one"}

    def on_page(self, page: Page) -> Found:
        table, pattern = _compatibility()
        return mapped(page.text, pattern, table, "script.compatibility"), (), {}


# One abstract character under two code points, because a source set of Unicode had both, or printed it in another style: the form
# of Korean and older fonts, then that of Chinese. No Chinese standard has the first one; none of the pairs differs in sense.
Z_VARIANTS = (
    "靑青 淸清 卽即 旣既 槪概 鄕鄉 敎教 眞真 愼慎 塡填 顚顛 絕絶 緖緒 飮飲 戱戲 黃黄 強强 說説 稅税 銳鋭 閱閲 脫脱 悅悦 溫温 "
    "產産 內内 呂吕 戶户 錄録 綠緑 祿禄 兪俞 偸偷 瑤瑶 遙遥 搖摇 謠謡 鄭郑 橫横 虛虚 曁暨 爲為 僞偽 啓啟 敍敘 衞衛 郞郎 黑黒 步歩"
)
