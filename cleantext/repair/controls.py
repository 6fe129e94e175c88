"""Invisible characters: controls, byte order marks, zero-width and bidirectional marks.

In Chinese text they are left over from editors and copy protection and break every match. In other scripts some are
part of the spelling: the joiners of Persian and of emoji, the marks that order Arabic and Latin in one line. So
the script of their neighbours decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32, Changes, Cuts, code_points, cut
from cleantext.edits import Edit
from cleantext.gate import Table, holds, table_of
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["Controls"]

# Tab, line feed and carriage return are text; U+0085, U+2028 and U+2029 are line breaks and left to normalisation.
SUSPECTS = "0-8 b c e-1f 7f-84 86-9f ad 61c 180e 200b-200f 202a-202e 2060-206f feff fff9-fffc fffe-ffff"

DEAD = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffc\ufffe\uffff"
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
RIGHT_TO_LEFT = re.compile("[\u0590-\u05ff\u0620-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
# Without U+180E itself: it is removed unless a Mongolian letter precedes it, and must not protect what follows it.
JOINING = "\u0600-\u061b\u0620-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u180d\u180f-\u18af\u1b00-\u1c4f\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010d00-\U00011fff"
UNSPACED = "\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u1980-\u19ff"  # Thai, Lao, Tibetan, Burmese, Khmer: U+200B separates words
PICTURE = "\u2190-\u2bff\u3030\u303d\ufe0f\U0001f000-\U0001faff"

SPOT = re.compile(
    "(?P<escape>\x1b\\[[0-9;]*[A-Za-z])"
    f"|(?P<dead>[{DEAD}]+)"
    "|(?P<break>[\x0b\x0c])"
    f"|(?P<zero>(?<![{UNSPACED}])\u200b|\u200b(?![{UNSPACED}])|(?<![{JOINING}])\u200c|(?<![{JOINING}{PICTURE}])\u200d|(?<=[{PICTURE}])\u200d(?![{PICTURE}])|(?<![\u1800-\u180d\u180f-\u18af])\u180e)"
    f"|(?P<bidi>[{BIDI}]+)"
)
# A character of UTF-8 displayed as latin-1 or cp1252: its soft hyphen or C1 control is a byte. The ones that `Mojibake` leaves are
# quoted, as in pages about mojibake, or truncated; without that byte they could never be decoded.
BYTES = re.compile("[\xe0-\xef][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{2}")
LINE = re.compile("[^\n\x0b\x0c]*")
RULES = {"escape": "controls.escape", "dead": "controls.dead", "break": "controls.break", "zero": "controls.zero", "bidi": "controls.bidi"}


KINDS = tuple(RULES)
ESCAPE = 0x1B
FEW = 64  # number of places up to which single processing is faster than arrays


@lru_cache(maxsize=1)
def _suspects() -> Table:
    return table_of(SUSPECTS)


@lru_cache(maxsize=1)
def _dead() -> Table:
    return _suspects() & ~table_of("b c 61c 180e 200b-200f 202a-202e 2066-2069")


@register
@dataclass(frozen=True)
class Controls(PageTransform):
    """Remove control, zero-width and bidirectional characters that their neighbours do not need.

    Kept are joiners after letters of joining scripts and inside emoji, U+200B in scripts without spaces,
    bidirectional marks in lines with right-to-left letters, and bytes of mojibake that could not be repaired. Vertical tab and form feed, the line
    and page breaks of word processors, become line feeds. Object replacement characters and interlinear annotation marks are removed.

    >>> Controls()("\N{ZERO WIDTH NO-BREAK SPACE}新\N{ZERO WIDTH SPACE}疆\N{SOFT HYPHEN}")
    '新疆'
    >>> Controls()("می\N{ZERO WIDTH NON-JOINER}خواهم") == "می\N{ZERO WIDTH NON-JOINER}خواهم"
    True
    """

    id: ClassVar[str] = "repair.controls"
    characters: ClassVar[str] = SUSPECTS
    version: ClassVar[int] = 2
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {
        "controls.escape": "a colour code of a terminal",
        "controls.dead": "a control, byte order mark, soft hyphen or noncharacter",
        "controls.break": "a vertical tab or form feed, which broke the line",
        "controls.zero": "a zero-width character that its script does not use",
        "controls.bidi": "a mark for right-to-left text in a line without any",
    }
    laws: ClassVar[Laws] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: HOLDS,
        Law.KEEPS_HAN: HOLDS,
        Law.KEEPS_LENGTH: Breaks("\ufeff新", "marks go"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: Breaks("新\x0b疆", "a vertical tab is a line break"),
        Law.ONLY_DELETES: Breaks("新\x0b疆", "a vertical tab becomes a line feed"),
    }

    def wants(self, text: str) -> bool:
        return holds(text, _suspects())

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        changes = self.run_some([page], [0])
        return changes.edits(0), (), {}

    def run_some(self, pages: Sequence[Page], which: Iterable[int]) -> Changes:
        """Do the same as `PageTransform.run_some` without one object per edit: there may be an edit for every second character."""
        parts = [found for n in which if (found := _found(n, pages[n].text)) is not None]
        columns, texts = cut(parts, tuple(RULES.values()))
        return Changes(columns_=columns, texts=texts) if parts else Changes()


def _found(page: int, text: str) -> Cuts | None:
    """Return the cuts of a text. Runs of `DEAD` characters can be cut without context, except for escapes and bytes of mojibake."""
    points = code_points(text)
    at = np.flatnonzero(_suspects().take(points))
    start, end, certain = _dead_runs(text, points, at) if len(at) > FEW else (at[:0], at[:0], np.zeros(0, np.bool_))
    inside = np.searchsorted(start, at, "right") - 1
    rest = at[~((inside >= 0) & certain[inside] & (at < end[inside]))] if len(start) else at
    looked = np.array(list(_spans(text, rest.tolist())), np.int64).reshape(-1, 3)
    order = np.argsort(np.append(start[certain], looked[:, 0]), kind="stable")
    rule = np.append(np.full(int(certain.sum()), KINDS.index("dead")), looked[:, 2])[order].astype(np.int32)
    if not len(order):
        return None
    after = np.where(rule == KINDS.index("break"), 10, 0).astype(np.uint32)
    return Cuts(page, points, np.append(start[certain], looked[:, 0])[order], np.append(end[certain], looked[:, 1])[order], after, rule)


def _dead_runs(text: str, points: U32, at: I64) -> tuple[I64, I64, npt.NDArray[np.bool_]]:
    """Return the runs of `DEAD` characters among those ``at`` some places, and which are neither escapes nor in bytes of mojibake."""
    dead = at[_dead().take(points[at])]
    start, end = dead[np.diff(dead, prepend=-2) > 1], dead[np.diff(dead, append=len(points) + 1) > 1] + 1
    escapes = np.append(0, np.cumsum(points[dead] == ESCAPE))
    escape = np.diff(escapes[np.searchsorted(dead, [start, end])], axis=0)[0] > 0
    leads = (points >= 0xE0) & (points <= 0xEF) if BYTES.search(text) else np.zeros(len(points), np.bool_)
    return start, end, ~(escape | leads[start - 1] & (start > 0) | leads[start - 2] & (start > 1))


def _spans(text: str, places: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the spans to remove at some places, each with the number of its kind."""
    stop = 0
    line = _Line(text)
    for at in places:
        found = SPOT.match(text, at) if at >= stop else None
        if found is None or BYTES.match(text, max(0, at - 2)) or BYTES.match(text, max(0, at - 1)):
            continue
        stop = found.end()
        kind = found.lastgroup or ""
        if kind == "bidi" and line.is_right_to_left(found.start()):
            continue
        yield found.start(), found.end(), KINDS.index(kind)


class _Line:
    """The line around positions that are queried in order; each line is read once. Vertical tab and form feed also end a line."""

    def __init__(self, text: str) -> None:
        self._text, self._stop, self._is_right_to_left = text, 0, False

    def is_right_to_left(self, at: int) -> bool:
        """Return whether the line has a letter of a right-to-left script."""
        if at >= self._stop:
            start = max(self._stop, *(self._text.rfind(end, self._stop, at) + 1 for end in "\n\x0b\x0c"))
            self._stop = LINE.match(self._text, start).end() + 1  # type: ignore[union-attr]
            self._is_right_to_left = RIGHT_TO_LEFT.search(self._text, start, self._stop) is not None
        return self._is_right_to_left
