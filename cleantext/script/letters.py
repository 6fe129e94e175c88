"""Letters of other scripts in Chinese corpora: Arabic script of Uyghur and Kazakh, Latin among Cyrillic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from cleantext.data import character_forms
from cleantext.edits import Edit
from cleantext.script.forms import Found, class_of
from cleantext.transform import HOLDS, Breaks, Law, Page, PageTransform, Safety, register

__all__ = ["ArabicForms", "Homoglyphs"]

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
