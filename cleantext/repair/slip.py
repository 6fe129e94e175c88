"""GBK slips: `橋頭堡?!弊灾螀^` is `橋頭堡。”自治區`.

What the hypotheses of `cleantext.repair.shifted` leave open is decided by a model of words, and only with a
byte certificate, a margin over every other reading, and in pages that show the damage beyond doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cleantext.edits import Edit
from cleantext.repair.damage import FOLDED
from cleantext.repair.model import word_model
from cleantext.repair.pinyin import CANDIDATE, first_readings, syllable
from cleantext.repair.shifted import ANCHOR, Reading, best_reading, certified
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["GbkSlips"]

FULL_WIDTH = re.compile("[\uff01-\uff5e]")
HAN_RUN = re.compile("[\u3400-\u9fff\ue000-\uf8ff]")


@register
@dataclass(frozen=True)
class GbkSlips(PageTransform):
    """Put back the bytes that the generators of injected pages lost, where one reading stands out.

    A reading needs at least `gain` nats a character over the text shown, `margin` nats over the next best reading,
    and Han characters among the `common` most frequent ones. Pages with injected pinyin or two strong slips
    are damaged beyond doubt; elsewhere a question mark is a question mark unless its run is a strong slip: at least
    three displayed characters, and twice the gain.

    In damaged pages what cannot be decided stays, with the flag ``slip_unresolved`` and its spans in the metadata
    under the same name. It must run before anything that folds width or drops private-use characters.

    >>> GbkSlips()("開放的橋頭堡?!弊灾螀^黨委和政府")
    '開放的橋頭堡。”自治區黨委和政府'
    >>> GbkSlips()("真的嗎?!不會吧?，啊??!")
    '真的嗎?!不會吧?，啊??!'
    """

    gain: float = 2.5
    margin: float = 1.0
    common: int = 5000

    id: ClassVar[str] = "repair.slip"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"slip.run": "GBK text read one byte out of step because a generator lost a byte"}
    laws: ClassVar[Laws] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks("發(fā)展經(jīng)濟與設(shè)備品質(zhì)區(qū)域\n目標??κ?、霍爾果斯", "the whole page says whether it is damaged"),
        Law.KEEPS_HAN: Breaks("開放的橋頭堡?!弊灾螀^黨委和政府", "the true characters come back"),
        Law.KEEPS_LENGTH: Breaks("開放的橋頭堡?!弊灾螀^黨委和政府", "what was inserted goes"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks("開放的橋頭堡?!弊灾螀^黨委和政府", "characters change"),
    }

    def wants(self, text: str) -> bool:
        return ("?" in text or "\ufffd" in text) and ANCHOR.search(text) is not None

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        text = page.text
        folded = FULL_WIDTH.search(text) is None
        edits, open_, strong = self._mend(text, folded=folded, strict=True)
        if strong >= 2 or _injected(text):
            edits, open_, _ = self._mend(text, folded=folded, strict=False)
        else:
            open_ = []
        return edits, (("slip_unresolved",) if open_ else ()), ({"slip_unresolved": open_} if open_ else {})

    def _mend(self, text: str, *, folded: bool, strict: bool) -> tuple[list[Edit], list[tuple[int, int]], int]:
        """Return the edits, the spans of runs without an answer, and how many runs were strong."""
        edits: list[Edit] = []
        unresolved = []
        strong = at = 0
        while anchor := ANCHOR.search(text, at):
            start = anchor.start()
            reading = best_reading(text, start, word_model(), before=_before(text, start, edits), folded=folded)
            at = start + 1
            if reading is None or not self._accepts(text[start : reading.stop], reading):
                unresolved.append((start, at if reading is None else reading.stop))
                continue
            is_strong = _is_strong(text[start : reading.stop], reading, self.gain)
            if strict and not is_strong:
                continue
            strong += is_strong
            at = reading.stop
            after = reading.text.translate(FOLDED) if folded else reading.text
            edits.append(Edit(start, at, text[start:at], after, "slip.run"))
        return edits, unresolved, strong

    def _accepts(self, shown: str, reading: Reading) -> bool:
        return (
            reading.gain >= self.gain
            and reading.margin >= self.margin
            and int(word_model().rank(reading.text).max()) < self.common
            and certified(shown, reading.text)
        )


def _is_strong(shown: str, reading: Reading, gain: float) -> bool:
    return reading.gain >= 2 * gain and len(HAN_RUN.findall(shown)) >= 3


def _before(text: str, start: int, edits: list[Edit]) -> str:
    """Return a few characters of repaired text left of a position, without readings."""
    low = max(0, start - 30)
    shown = text[low:start]
    if edits and edits[-1].end > low:
        shown = edits[-1].after + text[edits[-1].end : start]
    return CANDIDATE.sub("", shown).rpartition("\n")[2]


def _injected(text: str) -> bool:
    """Say whether five different characters are annotated as the generators do."""
    found = {text[m.start() - 1] for m in CANDIDATE.finditer(text) if first_readings().get(text[m.start() - 1]) == syllable(m[0])}
    return len(found) >= 5
