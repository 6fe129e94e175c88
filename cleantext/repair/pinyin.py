"""Pinyin injections: `發(fā)展` is `發展`.

Networks of copied pages evade duplicate detection by a byte-wise replacement in GBK text: after each
character of a table they insert its reading in parentheses. All pairs seen (467, on 31 sites) are characters
that only Traditional text has, each with the first reading of pypinyin's table. A third of such a page is
noise. The same string in a dictionary, a lesson or a name helps readers; the evidence
against a page is that it annotates all occurrences of its characters, and only those, in running text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32, Changes, Cuts, code_points, cut
from cleantext.edits import Edit
from cleantext.gate import Table, ranges_of, table_of
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["PinyinInjections", "characters_of", "first_readings", "syllable"]

I16 = npt.NDArray[np.int16]
HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
HAN_RANGES = "3400-9fff f900-faff 20000-323af"
TONED = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿăĕĭŏŭ\N{COMBINING MACRON}\N{COMBINING ACUTE ACCENT}\N{COMBINING CARON}\N{COMBINING GRAVE ACCENT}"
LETTERS = "a-züê\N{LATIN SMALL LETTER ALPHA}\N{LATIN SMALL LETTER SCRIPT G}\N{COMBINING DIAERESIS}" + TONED
# The longest syllables, such as zhuāng, have six letters; with combining marks eight characters.
GLOSS = rf"[a-zü{LETTERS[4:]}]{{0,8}}?[{TONED}][{LETTERS}]{{0,7}}"
HALF = re.compile(rf"\({GLOSS}\)")
FULL = re.compile(rf"（{GLOSS}）")
# Begins with the parenthesis, to which `re` skips.
CANDIDATE = re.compile(rf"[(（](?<=[{HAN}].)(?:(?<=\(){GLOSS}\)|(?<=（){GLOSS}）)(?:\({GLOSS}\)|（{GLOSS}）)*")
PARTED = re.compile(f"({CANDIDATE.pattern})")
# Letters that the authors of such tables confuse: IPA letters for Latin ones, breve for caron.
LOOKS = str.maketrans("\N{LATIN SMALL LETTER ALPHA}\N{LATIN SMALL LETTER SCRIPT G}ăĕĭŏŭ", "agǎěǐǒǔ")


def syllable(gloss: str) -> str:
    """Return the reading in a gloss, in composed letters.

    >>> syllable("（fɑ\N{COMBINING MACRON}）")
    'fā'
    """
    return unicodedata.normalize("NFC", gloss.strip("()（）").translate(LOOKS))


@lru_cache(maxsize=1)
def first_readings() -> Mapping[str, str]:
    """Return the first reading of each character that occurs only in Traditional text.

    >>> first_readings()["發"]
    'fā'
    """
    table = (resources.files("cleantext.data") / "readings.tsv").read_text("utf-8")
    return {character: reading for reading, characters in (row.split("\t") for row in table.splitlines()) for character in characters}


def characters_of(reading: str) -> str:
    """Return the characters that occur only in Traditional text and have this first reading.

    >>> "發" in characters_of("fā")
    True
    """
    return _by_reading().get(reading, "")


@lru_cache(maxsize=1)
def _by_reading() -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for character, reading in first_readings().items():
        found.setdefault(reading, []).append(character)
    return {reading: "".join(characters) for reading, characters in found.items()}


# Simplified first lines that hacked sites put on the Traditional pages they host.
ADULT = (
    "成人",
    "无码",
    "無碼",
    "国产精品",
    "久久",
    "亚洲精品",
    "欧美",
    "日韩",
    "色综合",
    "黄色",
    "免费观看",
    "在线播放",
    "在线观看",
    "AV",
    "av",
    "福利",
    "激情",
    "色情",
    "一区二区",
    "人妻",
    "三级片",
)


@register
@dataclass(frozen=True)
class PinyinInjections(PageTransform):
    """Remove injected pinyin from pages that are full of it, and record its rate.

    A gloss counts if it follows a character that t2s changes and is its first reading. A page
    is changed if it has `least` such glosses (or `kinds` different characters), if they are at least 95 % of
    its glosses, if they follow at least 80 % of the occurrences of those characters, and if they are in
    running text: next to other characters, unlike a list of words with readings.

    Metadata: ``pinyin_injection_rate``, glosses per Han character, which indicates a spam network. Flags:
    ``pinyin_injection``, and ``adult_first_line`` if the first line consists of certain keywords.

    >>> PinyinInjections()("發(fā)展經(jīng)濟、建設(shè)新區(qū)、提高質(zhì)量")
    '發展經濟、建設新區、提高質量'
    >>> PinyinInjections()("姓單(shàn)的人發(fā)言")
    '姓單(shàn)的人發(fā)言'
    """

    least: int = 10
    kinds: int = 5

    id: ClassVar[str] = "repair.pinyin"
    characters: ClassVar[str] = ranges_of(TONED)
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"pinyin.injection": "a reading that a spam network inserted behind a character"}
    laws: ClassVar[Laws] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks("發(fā)展經(jīng)濟與設(shè)備\n品質(zhì)區(qū)域", "the whole page is the evidence"),
        Law.KEEPS_HAN: HOLDS,
        Law.KEEPS_LENGTH: Breaks("發(fā)展經(jīng)濟與設(shè)備品質(zhì)區(qū)域", "glosses go"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: HOLDS,
    }

    def wants(self, text: str) -> bool:
        return ("(" in text and HALF.search(text) is not None) or ("（" in text and FULL.search(text) is not None)

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        found = self._found(page.text)
        if found is None:
            return (), (), {}
        spans, flags, metadata = found
        return [Edit(start, end, page.text[start:end], "", "pinyin.injection") for start, end in spans.tolist()], flags, metadata

    def run_some(self, pages: Sequence[Page], which: Iterable[int]) -> Changes:
        """Do the same as `PageTransform.run_some` without one object per edit: there is an edit for every five characters of a page."""
        parts: list[Cuts] = []
        flags, metadata = {}, {}
        for n in which:
            text = pages[n].text
            found = self._found(text) if self.wants(text) else None
            if found is not None:
                spans, flags[n], metadata[n] = found
                one = np.zeros(len(spans), np.int32)
                parts.append(Cuts(n, code_points(text), spans[:, 0], spans[:, 1], one.view(np.uint32), one))
        columns, texts = cut(parts, tuple(self.rules))
        return Changes(columns_=columns, flags=flags, metadata=metadata, texts=texts) if parts else Changes()

    def _found(self, text: str) -> tuple[I64, tuple[str, ...], dict[str, Any]] | None:
        """Return the spans of the readings of an injected page, one per row, with its flags and metadata."""
        points = code_points(text)
        pieces = PARTED.split(text)  # text and glosses alternate
        read = np.fromiter(map(_annotated, pieces[1::2]), np.int16, len(pieces) // 2)
        bounds = np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)))[:-1].reshape(-1, 2)
        spans = bounds[(read > 0) & (_readings().take(points.take(bounds[:, 0] - 1)) == read)]
        if not self._convicts(points, len(bounds), spans):
            return None
        flags = ["pinyin_injection"]
        headline = next(filter(None, map(str.strip, text.split("\n"))), "")
        if sum(word in headline for word in ADULT) >= 2:
            flags.append("adult_first_line")
        rate = round(len(spans) / int(_han().take(points).sum()), 4)
        return spans, tuple(flags), {"pinyin_injection_rate": rate}

    def _convicts(self, points: U32, found: int, spans: I64) -> bool:
        characters = points[spans[:, 0] - 1]
        if (len(spans) < self.least and len(set(characters.tolist())) < self.kinds) or len(spans) < 0.95 * found:
            return False
        # A repaired slip leaves no gloss: after 教, every 師 lost its own in a page whose table contains the bytes between them.
        among = np.zeros(int(points.max()) + 1, np.bool_)
        among[characters] = True
        if len(spans) < 0.8 * int(among.take(points).sum()):
            return False
        han = _han().take(np.concatenate([[0], points, [0]]))
        beside = han[spans - np.array([1, -1])]  # before the annotated character, and after its reading
        return bool(beside.any(axis=1).sum() >= 0.5 * len(spans))


@lru_cache(maxsize=1)
def _han() -> Table:
    return table_of(HAN_RANGES)


@lru_cache(maxsize=1)
def _numbers() -> Mapping[str, int]:
    """Return a number for each reading that is the first of a character, starting at 1."""
    return {reading: n for n, reading in enumerate(_by_reading(), 1)}


@lru_cache(maxsize=1)
def _readings() -> I16:
    """Return the number of the first reading of each code point that occurs only in Traditional text, 0 for others."""
    table = np.zeros(0x110000, np.int16)
    for character, reading in first_readings().items():
        table[ord(character)] = _numbers()[reading]
    return table


@lru_cache(maxsize=1 << 12)
def _annotated(glosses: str) -> int:
    """Return the number of the first reading if all glosses are the same one, otherwise 0."""
    readings = {syllable(gloss) for gloss in re.findall(r"[^()（）]+", glosses)}
    return _numbers().get(readings.pop(), 0) if len(readings) == 1 else 0
