"""Forms: characters that Unicode encodes twice, quotation marks of the other script, letters of Arabic and Cyrillic in Chinese corpora.

Each is a Transform of its own; of them only `Radicals` is in presets.

None of them needs OpenCC, and none is wanted everywhere: a page about radicals must keep them, and a
name may rest on a compatibility ideograph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from cleantext.data import character_forms
from cleantext.edits import Edit
from cleantext.errors import unknown
from cleantext.script.dictionaries import pairs
from cleantext.transform import HOLDS, Breaks, Law, Page, PageTransform, Safety, register

__all__ = ["ArabicForms", "CompatibilityIdeographs", "Homoglyphs", "Quotes", "Radicals", "Variants"]

Found = tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]


def mapped(text: str, pattern: re.Pattern[str], table: Mapping[str, str], rule: str) -> list[Edit]:
    """Return an edit for each match of ``pattern``, which replaces its characters by a table."""
    return [Edit(m.start(), m.end(), m[0], "".join(table[c] for c in m[0]), rule) for m in pattern.finditer(text)]


def class_of(table: Mapping[str, str]) -> re.Pattern[str]:
    """Return a pattern for runs of the keys of a table."""
    return re.compile(f"[{''.join(map(re.escape, sorted(table)))}]+")


def _laws(example: str) -> dict[Law, bool | Breaks]:
    """Return the laws of a map from characters to characters; ``example`` is a text that it changes."""
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


# A page with so many different radicals is about radicals. Damage from PDF files and OCR repeats a few of them.
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
    characters: ClassVar[str] = "2e80-2ef3 2f00-2fd5"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    laws: ClassVar[Mapping[Law, bool | Breaks]] = _laws("\N{KANGXI RADICAL EARTH}地") | {
        Law.LINE_LOCAL: Breaks(
            "".join(map(chr, range(0x2F00, 0x2F0B))) + "\n" + "".join(map(chr, range(0x2F0B, 0x2F16))),
            "the page decides by all its radicals",
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


# One character under two code points, because a source of Unicode had both or printed it in another style: first the form of
# Korean and older fonts, which is in no Chinese standard, then that of Chinese text.
Z_VARIANTS = (
    "靑青 淸清 卽即 旣既 槪概 鄕鄉 敎教 眞真 愼慎 塡填 顚顛 絶絕 緖緒 飮飲 兪俞 偸偷 曁暨 郞郎 毎每 姸妍 屛屏 倂併 値值 呑吞 喩喻 "
    "娯娛 揷插 甁瓶 硏研 鎭鎮 産產 緑綠 録錄 謡謠 増增 徳德 歩步 黒黑"
)
FOREIGN = re.compile("[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines without kana and Hangul, each with where it starts."""
    at = 0
    for line in text.split("\n"):
        if not FOREIGN.search(line):
            yield at, line
        at += len(line) + 1


@lru_cache(maxsize=1)
def _variants() -> tuple[Mapping[str, str], re.Pattern[str]]:
    table = {pair[0]: pair[1] for pair in Z_VARIANTS.split()}
    return table, class_of(table)


@register
@dataclass(frozen=True)
class Variants(PageTransform):
    """Write the Chinese one of two code points of the same character: 靑 as 青, 敎 as 教.

    Only pairs that differ in print, never in sense, and whose first one no Chinese standard has.
    (Unihan's kSemanticVariant is neither transitive nor free of sense.) Lines with kana or Hangul stay.

    >>> Variants()("卽使敎育")
    '即使教育'
    """

    id: ClassVar[str] = "script.variants"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    laws: ClassVar[Mapping[Law, bool | Breaks]] = _laws("卽使")
    rules: ClassVar[Mapping[str, str]] = {"script.variants": "the form of the character that Chinese text has"}

    def wants(self, text: str) -> bool:
        return _variants()[1].search(text) is not None

    def on_page(self, page: Page) -> Found:
        table, pattern = _variants()
        found = ((at, e) for at, line in _lines(page.text) for e in mapped(line, pattern, table, "script.variants"))
        return [e._replace(start=e.start + at, end=e.end + at) for at, e in found], (), {}


CORNER, CURLY = "「」『』", "“”‘’"
HAN = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003347f]")


@register
@dataclass(frozen=True)
class Quotes(PageTransform):
    """Write quotation marks as the other script does: “” ‘’ in Simplified text, 「」 『』 in Traditional.

    Only pairs that open and close in one line, have Chinese between them, and are not nested in
    their own kind; a line where marks of a kind do not pair keeps them. So apostrophes stay.

    >>> Quotes()("他說：「我讀『論語』。」")
    '他說：“我讀‘論語’。”'
    >>> Quotes(to="hant")("“it’s 好”")
    '「it’s 好」'
    """

    to: str = "hans"

    id: ClassVar[str] = "script.quotes"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    laws: ClassVar[Mapping[Law, bool | Breaks]] = _laws("「說」") | {Law.KEEPS_HAN: HOLDS}
    rules: ClassVar[Mapping[str, str]] = {"script.quotes": "a quotation mark as the script at hand writes it"}

    def __post_init__(self) -> None:
        if self.to not in ("hans", "hant"):
            raise unknown("script for quotation marks", self.to, ("hans", "hant"))

    def wants(self, text: str) -> bool:
        return any(mark in text for mark in (CORNER if self.to == "hans" else CURLY))

    def on_page(self, page: Page) -> Found:
        old, new = (CORNER, CURLY) if self.to == "hans" else (CURLY, CORNER)
        edits = []
        for at, line in _lines(page.text):
            for k in (0, 2):
                for i, j in _pairs(line, old[k], old[k + 1]):
                    edits += [
                        Edit(at + i, at + i + 1, old[k], new[k], "script.quotes"),
                        Edit(at + j, at + j + 1, old[k + 1], new[k + 1], "script.quotes"),
                    ]
        return sorted(edits), (), {}


def _pairs(line: str, left: str, right: str) -> list[tuple[int, int]]:
    """Return the positions of paired marks around Chinese text; none if the marks of the line are not balanced."""
    marks = [(i, c) for i, c in enumerate(line) if c in (left, right)]
    opened, closed = marks[::2], marks[1::2]
    if len(marks) % 2 or any(c != left for _, c in opened) or any(c != right for _, c in closed):
        return []
    return [(i, j) for (i, _), (j, _) in zip(opened, closed, strict=True) if HAN.search(line, i, j)]


# --- Letters of other scripts ---------------------------------------------------------------------------

# Letters that only Uyghur, Kazakh and Kyrgyz write. Not U+06C6 and U+06D5, which Kurdish has, nor U+06D0, which Pashto has:
# in both, U+06A9 is right.
TURKIC = re.compile("[\u06ad\u06c7\u06c8\u06cb\u0674-\u0678]")
_LETTER = "[\u0620-\u06ff\ufb50-\ufdff\ufe70-\ufefc]"
TATWEEL = re.compile(f"(?<={_LETTER})\u0640+(?={_LETTER})")
# High hamza and the letter; NFKC has them in the wrong order.
DIGRAPHS = {"\u0675": "\u0674\u0627", "\u0676": "\u0674\u0648", "\u0677": "\u0674\u06c7", "\u0678": "\u0674\u0649"}
KEHEH, KAF = "\u06a9", "\u0643"


@lru_cache(maxsize=1)
def _presentation() -> tuple[Mapping[str, str], re.Pattern[str]]:
    table = character_forms("arabic")
    return table, class_of(table)


@register
@dataclass(frozen=True)
class ArabicForms(PageTransform):
    """Write Arabic presentation forms as letters; in Uyghur, Kazakh and Kyrgyz text also mend what only a foreign keyboard writes.

    Such text has letters that Arabic has not (U+06AD, U+06C7, U+06C8, U+06CB). There U+06A9 becomes U+0643, U+0675 to U+0678
    become high hamza and letter, and tatweel between letters goes. Nothing else is folded: the
    customary foldings of Arabic (yeh and alef maksura, heh and teh marbuta) merge vowels of Uyghur.
    Ligatures of whole words, such as U+FDFA, stay.

    >>> ArabicForms()("\ufee7\ufe8e\ufee3\ufedf\ufed6") == "\u0646\u0627\u0645\u0644\u0642"
    True
    """

    id: ClassVar[str] = "script.arabic"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks("\u06c7\n\u06a9", "the page decides whether it is Uyghur"),
        Law.KEEPS_HAN: HOLDS,
        Law.KEEPS_LENGTH: Breaks("\ufefb", "lam-alef is two letters"),
        Law.NEVER_GROWS: Breaks("\ufefb", "lam-alef is two letters"),
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks("\ufefb", "letters are replaced"),
    }
    rules: ClassVar[Mapping[str, str]] = {
        "script.arabic.form": "a presentation form is its letter",
        "script.arabic.kaf": "U+06A9 of a Persian keyboard is the U+0643 of Uyghur and Kazakh",
        "script.arabic.hamza": "a digraph is high hamza and letter",
        "script.arabic.tatweel": "an elongation mark between letters is no letter",
    }

    def on_page(self, page: Page) -> Found:
        text = page.text
        table, pattern = _presentation()
        edits = [Edit(m.start(), m.end(), m[0], "".join(table[c] for c in m[0]), "script.arabic.form") for m in pattern.finditer(text)]
        if TURKIC.search(text) or any(TURKIC.search(e.after) for e in edits):
            edits += [Edit(m.start(), m.end(), m[0], KAF * len(m[0]), "script.arabic.kaf") for m in re.finditer(f"{KEHEH}+", text)]
            edits += [Edit(m.start(), m.end(), m[0], DIGRAPHS[m[0]], "script.arabic.hamza") for m in re.finditer("[\u0675-\u0678]", text)]
            edits += [Edit(m.start(), m.end(), m[0], "", "script.arabic.tatweel") for m in TATWEEL.finditer(text)]
        return sorted(edits), (), {}


# Letters that look alike in every font, Cyrillic and Latin.
CYRILLIC = "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
LATIN = "aeopcyxijsABEKMHOPCTXIJS"
TO_LATIN, TO_CYRILLIC = dict(zip(CYRILLIC, LATIN, strict=True)), dict(zip(LATIN, CYRILLIC, strict=True))
WORD = re.compile(
    "(?<![A-Za-z\u0400-\u04ff])[A-Za-z\u0400-\u04ff]*(?:[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z])[A-Za-z\u0400-\u04ff]*"
)
IS_CYRILLIC = re.compile("[\u0400-\u04ff]")


@register
@dataclass(frozen=True)
class Homoglyphs(PageTransform):
    """Write a word that mixes Latin and Cyrillic letters in the script of most of its letters.

    Only where all letters of the lesser script have a twin in the other; not where both have as
    many; not a Cyrillic ending on a Latin word, which is Russian grammar. Words of one script stay,
    and letters beside Han characters too.

    >>> Homoglyphs()("p\N{CYRILLIC SMALL LETTER A}ssword")
    'password'
    """

    id: ClassVar[str] = "script.homoglyphs"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: HOLDS,
        Law.KEEPS_HAN: HOLDS,
        Law.KEEPS_LENGTH: HOLDS,
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks("p\N{CYRILLIC SMALL LETTER A}ssword", "letters are replaced"),
    }
    rules: ClassVar[Mapping[str, str]] = {"script.homoglyph": "a letter of another script inside a word is its twin"}

    def wants(self, text: str) -> bool:
        return IS_CYRILLIC.search(text) is not None

    def on_page(self, page: Page) -> Found:
        edits: list[Edit] = []
        for word in WORD.finditer(page.text):
            strangers = _strangers(word[0])
            table = TO_LATIN if any(word[0][i] in TO_LATIN for i in strangers) else TO_CYRILLIC
            at = word.start()
            edits += [Edit(at + i, at + i + 1, word[0][i], table[word[0][i]], "script.homoglyph") for i in strangers]
        return edits, (), {}


def _strangers(word: str) -> list[int]:
    """Return the positions of the letters to replace in a mixed word."""
    cyrillic = [i for i, c in enumerate(word) if IS_CYRILLIC.match(c)]
    latin = sorted(set(range(len(word))) - set(cyrillic))
    if len(cyrillic) == len(latin):
        return []
    fewer, table = (cyrillic, TO_LATIN) if len(cyrillic) < len(latin) else (latin, TO_CYRILLIC)
    ending = fewer is cyrillic and fewer == list(range(len(word) - len(fewer), len(word)))
    return [] if ending or any(word[i] not in table for i in fewer) else fewer
