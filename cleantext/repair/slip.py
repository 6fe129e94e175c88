"""GBK slips: `橋頭堡?!弊灾螀^` is `橋頭堡。”自治區`.

A model of words chooses among the hypotheses of `cleantext.repair.shifted`, but only with a
byte certificate, a margin over every other reading, and in pages that are certainly damaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cleantext.changes import code_points
from cleantext.data import opencc_text
from cleantext.edits import Edit
from cleantext.repair.damage import FOLDED
from cleantext.repair.model import word_model
from cleantext.repair.pinyin import CANDIDATE, first_readings, syllable
from cleantext.repair.shifted import ANCHOR, Hypothesis, Reading, best_reading, certified, possible_runs, quiet
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["GbkSlips"]

STRONG = 2.0  # nats of margin
ALONE = 4.0  # the same if a single character was read out of step
# An unknown word that lost a byte looks like two words with a full stop between them. In the first
# half of the laws all three full stops between Han characters below this margin were wrong, of 68 above it 12.
STOPS = 2.0
# Characters of readings that are weighed for a page, at 0.1 to 0.2 ms each, before it counts as undamaged, and how many more for each
# clear reading. In the laws damaged by `cleantext.repair.damage` at most 150 were weighed between two clear readings.
EFFORT, EFFORT_EACH = 10_000, 1_000
PROOF = 3  # characters that prove the damage of a page
KINDS = 5  # different characters with readings
READABLE = -7.5  # nats per character; Chinese text has -5
WIDE_LETTER = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u3000]")  # rarely intended, often the result of a dropped byte
FULL_WIDTH = re.compile("[\uff01-\uff5e]")
# Characters that nobody types after a question mark and a separator by accident.
DISPLAYED = re.compile("[@-~\u0370-\u04ff\u3040-\u9fff\ue000-\uf8ff]")


@register
@dataclass(frozen=True)
class GbkSlips(PageTransform):
    """Restore the bytes that the generators of injected pages lost, if one reading is clearly best.

    A reading needs a gain of at least `gain` nats per character over the displayed text, a margin of `margin` nats over the next best reading
    (`STOPS` if it puts a full stop between Han characters), and only Han characters among the `common` most frequent ones. A clear one has twice
    the gain and reads like Chinese. Clear readings of at least two characters that nobody types there prove the damage of a page,
    and so do those that close an open quotation; with `PROOF` of them, or injected pinyin, all readings are accepted. With
    less, only clear ones with a margin of `STRONG` are. Of 120,000 question marks put before separators in clean text none passed.
    If too many readings would have to be weighed (`EFFORT`), the page is left unchanged.

    In damaged pages, undecided runs are left unchanged, with the flag ``slip_unresolved`` and their spans in the metadata
    of the same name. This step must run before anything that folds width or drops private-use characters.

    >>> GbkSlips()("開放的橋頭堡?!弊灾螀^黨委和政府")
    '開放的橋頭堡。”自治區黨委和政府'
    >>> GbkSlips()("真的嗎?!不會吧?，啊??!")
    '真的嗎?!不會吧?，啊??!'
    """

    gain: float = 2.5
    margin: float = 0.75
    common: int = 5000

    id: ClassVar[str] = "repair.slip"
    characters: ClassVar[str] = "3f fffd"  # the display of a lost byte
    version: ClassVar[int] = 2
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"slip.run": "GBK text read one byte out of step because a generator lost a byte"}
    laws: ClassVar[Laws] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks(
            "發(fā)展經(jīng)濟與設(shè)備品質(zhì)區(qū)域\n目標??κ?、霍爾果斯", "the whole page says whether it is damaged"
        ),
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
        allowed = _allowed(self.common, _script(text))
        anchors = _Anchors(text, allowed, folded=folded)
        edits, open_, proof = self._mend(text, anchors, strict=True)
        if proof >= PROOF or _injected(text):
            edits, open_, _ = self._mend(text, anchors, strict=False)
        elif not edits:
            open_ = []
        doubted = _repeated_stops(text, edits)
        if doubted:
            starts = {e.start for e in doubted}
            edits = [e for e in edits if e.start not in starts]
            open_ = sorted([*open_, *((e.start, e.end) for e in doubted)])
        return edits, (("slip_unresolved",) if open_ else ()), ({"slip_unresolved": open_} if open_ else {})

    def _mend(self, text: str, anchors: _Anchors, *, strict: bool) -> tuple[list[Edit], list[tuple[int, int]], int]:
        """Return the edits, the spans of undecided runs, and the number of characters that prove the damage."""
        edits: list[Edit] = []
        unresolved: list[tuple[int, int]] = []
        at = proof = 0
        effort = EFFORT
        quotations = _Quotations(text)
        for start in anchors.places:
            if start < at:
                continue
            before = _before(text, start, edits)
            possible = anchors.runs(start)
            effort -= 2 + sum(len(h.slots) + 4 for h in possible)
            if effort < 0:
                return [], [], 0
            reading = best_reading(text, start, possible, word_model(), before=before) if possible else None
            at = start + 1
            if reading is None or not self._accepts(text[start : reading.stop], reading, before, text[reading.stop : reading.stop + 1]):
                if not unresolved or start >= unresolved[-1][1]:
                    unresolved.append((start, at if reading is None else reading.stop))
                continue
            shown = text[start : reading.stop]
            clear = self._is_clear(reading)
            letters = _displayed(shown) if clear else 0
            effort += EFFORT_EACH * clear
            proof += letters if letters > 1 else quotations.closes(start, reading.text)
            strong = letters > 0 and reading.margin >= (STRONG if letters > 1 else ALONE)
            if strict and not strong:
                continue
            at = reading.stop
            after = reading.text.translate(FOLDED) if anchors.folded else reading.text
            edits.append(Edit(start, at, text[start:at], after, "slip.run"))
        return edits, unresolved, proof

    def _accepts(self, shown: str, reading: Reading, before: str, behind: str) -> bool:
        margin = self.margin
        if reading.text[0] == "。" and _is_han(before[-1:]) and _is_han((reading.text + behind)[1:2]):
            margin = np.inf if _opens(before) else max(margin, STOPS)
        return reading.gain >= self.gain and reading.margin >= margin and certified(shown, reading.text)

    def _is_clear(self, reading: Reading) -> bool:
        return reading.gain >= 2 * self.gain and word_model().quick(reading.text) >= READABLE * len(reading.text)


class _Anchors:
    """The possible starts of runs in a text, and the possible origins of each, which a damaged page needs twice."""

    def __init__(self, text: str, allowed: frozenset[str], *, folded: bool) -> None:
        self._text, self._allowed, self.folded = text, allowed, folded
        self.places = [m.start() for m in ANCHOR.finditer(text)]
        self._runs: dict[int, tuple[Hypothesis, ...]] = {}

    def runs(self, start: int) -> tuple[Hypothesis, ...]:
        """Return the possible origins of the run at one of the positions."""
        if start not in self._runs:
            self._runs[start] = possible_runs(self._text, start, self._allowed, folded=self.folded)
        return self._runs[start]


class _Quotations:
    """The quotation marks of the lines of a text, counted once: positions must be queried in order."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._open = text, 0, 0

    def closes(self, start: int, reading: str) -> bool:
        """Return whether a reading closes an open quotation in its line: common for correct readings, very rare for others."""
        if "”" not in reading:
            return False
        line = self._text.rfind("\n", self._at, start) + 1
        if line:
            self._at, self._open = line, 0
        self._open += self._text.count("“", self._at, start) - self._text.count("”", self._at, start)
        self._at = start
        return self._open > 0


def _opens(before: str) -> bool:
    """Return whether a parenthesis is open; no sentence ends inside one."""
    return before.count("（") + before.count("(") > before.count("）") + before.count(")")


def _is_han(character: str) -> bool:
    return "\u3400" <= character < "\ue000"


def _displayed(shown: str) -> int:
    return len(DISPLAYED.findall(quiet(shown)))


def _before(text: str, start: int, edits: list[Edit]) -> str:
    """Return a few characters of repaired text left of a position, without readings."""
    low = max(0, start - 30)
    shown = text[low:start]
    if edits and edits[-1].end > low:
        shown = edits[-1].after + text[edits[-1].end : start]
    return CANDIDATE.sub("", shown).rpartition("\n")[2]


def _repeated_stops(text: str, edits: list[Edit]) -> list[Edit]:
    """Return the edits that put a full stop between the same two Han characters as another edit.

    Sentences rarely repeat such a boundary, but words do: from 獨立保函, which the model does not know, it made 獨立。函 sixty times.
    """
    between: dict[tuple[str, str], list[Edit]] = {}
    for i, edit in enumerate(edits):
        left, right = _before(text, edit.start, edits[max(0, i - 1) : i])[-1:], (edit.after + text[edit.end : edit.end + 1])[1:2]
        if edit.after[0] == "。" and _is_han(left) and _is_han(right):
            between.setdefault((left, right), []).append(edit)
    return [edit for same in between.values() if len(same) > 1 for edit in same]


@lru_cache(maxsize=1)
def _scripts() -> tuple[frozenset[str], frozenset[str]]:
    """Return the characters that occur only in Traditional and only in Simplified text."""
    rows = [line.split("\t") for line in (opencc_text("STCharacters") or "").splitlines()]
    targets = {c for _, values in rows for c in values}
    return frozenset(first_readings()), frozenset(key for key, _ in rows if key not in targets)


@lru_cache(maxsize=1)
def _classes() -> npt.NDArray[np.uint8]:
    """Return for each code point whether it occurs only in Traditional (1) or only in Simplified (2) text, or is listed as both (3)."""
    classes = np.zeros(0x110000, np.uint8)
    for n, script in enumerate(_scripts(), 1):
        classes[[ord(c) for c in script]] |= n
    return classes


def _script(text: str) -> str:
    """Return "hant" or "hans", or nothing for a page with both; since runs out of step contain both, a share of one fifth is required."""
    _, one, other, both = np.bincount(_classes().take(code_points(text)), minlength=4).tolist()
    traditional, simplified = one + both, other + both
    if 5 * traditional < simplified:
        return "hans"
    return "hant" if 5 * simplified < traditional else ""


@lru_cache(maxsize=8)
def _allowed(common: int, script: str) -> frozenset[str]:
    """Return the punctuation and the frequent Han characters of GBK that a page in a script may contain."""
    pairs = b"".join(bytes((a, b)) for a in range(0x81, 0xFF) for b in (*range(0x40, 0x7F), *range(0x80, 0xFF)))
    characters = WIDE_LETTER.sub("", pairs.decode("gb18030"))
    frequent = {c for c, rank in zip(characters, word_model().rank(characters).tolist(), strict=True) if rank < common}
    traditional, simplified = _scripts()
    return frozenset(frequent - {"hans": traditional, "hant": simplified, "": frozenset()}[script])


def _injected(text: str) -> bool:
    """Return whether five different characters are annotated like the generators do."""
    found: set[str] = set()
    for gloss in CANDIDATE.finditer(text):
        character = text[gloss.start() - 1]
        if character not in found and first_readings().get(character) == syllable(gloss[0]):
            found.add(character)
            if len(found) == KINDS:
                return True
    return False
