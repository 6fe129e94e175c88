"""Removal: turn the passages that may be removed into spans to cut, which begin and end with whole sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32, Ragged
from cleantext.dedup.clusters.keepers import Members
from cleantext.dedup.folded.text_units import FoldedTexts
from cleantext.dedup.folded.token_places import TokenPlaces
from cleantext.edits import Edit
from cleantext.jit import kernel

__all__ = ["TITLE", "TextCuts", "cuts_of", "passage_cuts", "whole_texts"]

EXACT, NEAR = "dedup.exact", "dedup.near"
TITLE = "dedup.title"  # a title whose section was removed completely

CLOSERS = "」』”’\"'）)》〉】］]"
OPENERS = "「『“‘\"'（(《〈【［[ \t\N{IDEOGRAPHIC SPACE}\N{NO-BREAK SPACE}"
TAIL = f"。！？!?…．.；;，,、：:—～~{CLOSERS} \t\N{IDEOGRAPHIC SPACE}\N{NO-BREAK SPACE}"
# A sentence ends after one of these marks and any closing quotes and brackets. The end of a line also ends it.
MARKS = "。！？!?…"
POINTS = ".；;"  # these end a sentence only before a space or at the end
AFTER = f"{MARKS}{POINTS}{CLOSERS}"
BLANKS = " \t\N{IDEOGRAPHIC SPACE}"
OPENS, TAILS, MARK, POINT, CLOSES, BLANK, SPACE = (1 << n for n in range(7))
NEWLINE = 10
NEAR_END = 40  # how many characters before a place are searched for the end of a sentence
ENDLESS = 1 << 62


@lru_cache(maxsize=1)
def _kinds() -> npt.NDArray[np.uint8]:
    """Return what each character of the first plane can be, as bits."""
    kinds = np.zeros(0x10000, np.uint8)
    spaces = "".join(c for c in map(chr, range(0x3001)) if c.isspace())
    for bit, chars in ((OPENS, OPENERS), (TAILS, TAIL), (MARK, MARKS), (POINT, POINTS), (CLOSES, AFTER), (BLANK, BLANKS), (SPACE, spaces)):
        kinds[[ord(c) for c in chars]] |= bit
    return kinds


@dataclass(frozen=True)
class TextCuts:
    """Spans that are cut out of texts: disjoint, in the order of the texts."""

    text: I64
    start: I64
    end: I64
    exact: npt.NDArray[np.bool_]  # all of it has a copy that reads the same folded

    def edits(self, number: int, text: str) -> list[Edit]:
        """Return the edits of one text."""
        low, high = np.searchsorted(self.text, [number, number + 1]).tolist()
        rows = zip(self.start[low:high].tolist(), self.end[low:high].tolist(), self.exact[low:high].tolist(), strict=True)
        return [Edit(start, end, text[start:end], "", EXACT if exact else NEAR) for start, end, exact in rows]

    def apply(self, texts: list[str]) -> list[str]:
        """Return all texts without what is cut."""
        out = texts.copy()
        parts: list[str] = []
        last, at = -1, 0
        for number, start, end in zip(self.text.tolist(), self.start.tolist(), self.end.tolist(), strict=True):
            if number != last:
                if parts:
                    out[last] = "".join([*parts, texts[last][at:]])
                parts, last, at = [], number, 0
            parts.append(texts[number][at:start])
            at = end
        if parts:
            out[last] = "".join([*parts, texts[last][at:]])
        return out


def whole_texts(members: Members) -> TextCuts:
    """Return the cuts that remove the members of a search for documents."""
    order = np.argsort(members.text)
    text = members.text[order]
    return TextCuts(text, np.zeros(len(text), np.int64), members.end[order], members.exact[order])


def passage_cuts(corpus: FoldedTexts, members: Members, *, min_chars: int) -> TextCuts:
    """Return the cuts that remove passages.

    No cut starts or ends inside a sentence: a passage is trimmed to the whole sentences in it, and is kept
    if these have fewer than ``min_chars`` letters and digits. Adjacent passages become one cut.
    """
    number, row = np.unique(members.text, return_inverse=True)
    column, tokens = Ragged.of([corpus.texts[i] for i in number.tolist()]), corpus.tokens
    previous, following = _beside(tokens.start, tokens.end, tokens.offsets, members.text, members.start, members.end)
    start, end = _sentences(column.points, column.offsets, row, members.start, members.end, previous, following, _kinds())
    letters = _letters(tokens.start, tokens.offsets, corpus.chars, members.text, start, end)
    cuts = _joined(column, row, start, end, letters, members.exact, min_chars)
    return replace(cuts, text=number[cuts.text])


def cuts_of(
    column: Ragged, places: TokenPlaces, row: I64, start: I64, end: I64, exact: npt.NDArray[np.bool_], *, min_chars: int
) -> TextCuts:
    """Return the cuts of `passage_cuts` in texts of a column whose tokens stand in these places; ``row`` is the text of each passage."""
    previous, following = _beside(places.start, places.end, places.offsets, row, start, end)
    start, end = _sentences(column.points, column.offsets, row, start, end, previous, following, _kinds())
    letters = _letters(places.start, places.offsets, np.append(0, np.cumsum(places.width)), row, start, end)
    return _joined(column, row, start, end, letters, exact, min_chars)


def _joined(column: Ragged, row: I64, start: I64, end: I64, letters: I64, exact: npt.NDArray[np.bool_], min_chars: int) -> TextCuts:
    """Return the cuts of at least ``min_chars`` letters: adjacent ones merged, each leaving a blank between its neighbours."""
    good = np.flatnonzero((letters >= min_chars) & (end > start))
    order = good[np.lexsort((start[good], row[good]))]
    row, start, end, exact = _merged(row[order], start[order], end[order], exact[order])
    _leave_blanks(column.points, column.offsets, row, start, end, _kinds())
    return TextCuts(row, start, end, exact)


@kernel
def _beside(starts: I32, ends: I32, offsets: I64, text: I64, start: I64, end: I64) -> tuple[I64, I64]:
    """Return where the last kept character before each span ``start:end`` of a text ends, and where the first one behind it starts."""
    previous, following = np.zeros(len(text), np.int64), np.full(len(text), ENDLESS, np.int64)
    for i in range(len(text)):
        low, high = offsets[text[i]], offsets[text[i] + 1]
        own = starts[low:high]
        before, behind = low + np.searchsorted(own, start[i]), low + np.searchsorted(own, end[i])
        if before > low:
            previous[i] = ends[before - 1]
        if behind < high:
            following[i] = starts[behind]
    return previous, following


@kernel
def _letters(starts: I32, offsets: I64, chars: I64, text: I64, start: I64, end: I64) -> I64:
    """Return how many kept characters each span ``start:end`` of a text holds."""
    out = np.empty(len(text), np.int64)
    for i in range(len(text)):
        low, high = offsets[text[i]], offsets[text[i] + 1]
        own = starts[low:high]
        out[i] = chars[low + np.searchsorted(own, end[i])] - chars[low + np.searchsorted(own, start[i])]
    return out


@kernel
def _merged(text: I64, start: I64, end: I64, exact: npt.NDArray[np.bool_]) -> tuple[I64, I64, I64, npt.NDArray[np.bool_]]:
    """Join spans, sorted by text and start, that meet or touch."""
    text, start, end, exact = text.copy(), start.copy(), end.copy(), exact.copy()
    n = 0
    for i in range(len(text)):
        if n and text[n - 1] == text[i] and end[n - 1] >= start[i]:
            end[n - 1] = max(end[n - 1], end[i])
            exact[n - 1] &= exact[i]
        else:
            text[n], start[n], end[n], exact[n] = text[i], start[i], end[i], exact[i]
            n += 1
    return text[:n], start[:n], end[:n], exact[:n]


@kernel
def _leave_blanks(points: U32, offsets: I64, row: I64, starts: I64, ends: I64, kinds: npt.NDArray[np.uint8]) -> None:
    """Exclude the blanks on one side of each cut inside a line, so that the text before and after it stays separated."""
    for i in range(len(row)):
        text = points[offsets[row[i]] : offsets[row[i] + 1]]
        start, end = starts[i], ends[i]
        if start == 0 or end == len(text) or text[start - 1] == NEWLINE or text[end] == NEWLINE or text[end - 1] == NEWLINE:
            continue
        while start < end and _is(text[start], BLANK, kinds):
            start += 1
        while start == starts[i] and end > start and _is(text[end - 1], BLANK, kinds):
            end -= 1
        starts[i], ends[i] = start, end


@kernel
def _sentences(
    points: U32, offsets: I64, row: I64, starts: I64, ends: I64, previous: I64, following: I64, kinds: npt.NDArray[np.uint8]
) -> tuple[I64, I64]:
    """Return the whole sentences within each passage, with their punctuation; whole lines include their line break.

    ``previous`` is where the last letter before each passage ends, ``following`` where the first letter after it starts. If that letter
    is not in the same line, the passage is extended to the start or end of the line, over any bullets and symbols there.
    """
    out_start, out_end = np.empty(len(row), np.int64), np.empty(len(row), np.int64)
    for i in range(len(row)):
        text = points[offsets[row[i]] : offsets[row[i] + 1]]
        start, end = starts[i], ends[i]
        line = start  # start of the line, or a bound far enough back that nothing reads beyond it: a page may be one long line
        while line > max(0, previous[i] - NEAR_END - 1) and text[line - 1] != NEWLINE:
            line -= 1
        begins = line if previous[i] <= line else start
        while begins > line and _is(text[begins - 1], OPENS, kinds):
            begins -= 1
        if begins > line and not _ends_sentence(text, line, begins, kinds):
            begins = _stop(text, start, end, kinds)
            if begins < 0:
                out_start[i] = out_end[i] = start
                continue
        stops = end
        while stops < min(len(text), following[i] + 1) and text[stops] != NEWLINE:
            stops += 1
        if following[i] < stops:
            stops = end
        while stops < len(text) and _is(text[stops], TAILS, kinds):
            stops += 1
        if stops < len(text) and text[stops] != NEWLINE and not _ends_sentence(text, begins, stops, kinds):
            last = begins
            at = _stop(text, begins, stops, kinds)
            while at >= 0:
                last = at
                at = _stop(text, at, stops, kinds)
            stops = last
        if (begins == 0 or text[begins - 1] == NEWLINE) and stops < len(text) and text[stops] == NEWLINE:
            stops += 1
        elif stops == len(text) and begins > 0 and text[begins - 1] == NEWLINE:
            begins -= 1  # the last line is removed with the line break before it
        out_start[i], out_end[i] = begins, stops
    return out_start, out_end


@kernel
def _is(point: int, bits: int, kinds: npt.NDArray[np.uint8]) -> bool:
    return bool(point < 0x10000 and kinds[point] & bits)


@kernel
def _stop(text: U32, start: int, end: int, kinds: npt.NDArray[np.uint8]) -> int:
    """Return the end of the first sentence or line that ends within ``start:end``, or -1."""
    for at in range(start, end):
        if text[at] == NEWLINE:
            return at + 1
        if _is(text[at], MARK, kinds) or (_is(text[at], POINT, kinds) and (at + 1 == end or _is(text[at + 1], SPACE, kinds))):
            stop = at + 1
            while stop < end and _is(text[stop], CLOSES, kinds):
                stop += 1
            while stop < end and _is(text[stop], BLANK, kinds):
                stop += 1
            return stop
    return -1


@kernel
def _ends_sentence(text: U32, start: int, end: int, kinds: npt.NDArray[np.uint8]) -> bool:
    """Say whether a sentence ends right before ``end``."""
    at = max(start, end - NEAR_END)
    while 0 <= at < end:
        at = _stop(text, at, end, kinds)
    return bool(at == end)
