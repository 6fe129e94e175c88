"""From tokens to lines and their surroundings, as arrays: the second kernel over a document."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I64, U32
from cleantext.html.parsing.html_characters import AMP, BLANK, CR, FF, INDENT, LESS, LF, MORE, NBSP, TAB, is_space, is_stop, is_wide
from cleantext.html.parsing.html_tokens import END, HI, KIND, LO, NAMED, PART, START, TEXT
from cleantext.html.parsing.tags import (
    BLOCK,
    BREAK,
    CELL,
    DEFINITION,
    ENDS_LINE,
    LINK,
    META,
    PRE,
    RAW,
    ROOT,
    ROW,
    SCRIPT,
    TERM,
    TITLE,
    VOID,
)
from cleantext.jit import kernel

__all__ = ["ASKED", "CHARS", "FRAME", "INDEX", "LINKED", "NAMES_HI", "NAMES_LO", "PARENT", "STOP_AT", "TOKEN", "TokenLines", "scan"]

# Columns of a line: its end in `text`, its element, its characters, those in links, the span of its inline elements in `inlines`
STOP_AT, FRAME, CHARS, LINKED, NAMES_LO, NAMES_HI, LINE_WIDTH = range(7)
# Columns of an element: its parent, its number among the blocks there, its token, whether a line or an event needs it
PARENT, INDEX, TOKEN, ASKED = range(4)
# Columns of an event, in document order: kind of its token, lines before it, its element or token, and the span of a part in `said`
WHAT, BEFORE, FRAME_OR_TOKEN, SAID_LO, SAID_HI = range(5)

LINK_EDGE, PART_EDGE = 0, 1  # characters for ends of links and named parts in the current line; removed from the input
LONG_LINE = 120  # characters; longer lines are not split at parts
MOST_LINKED = 0.8  # share of a line in links from which they are a menu
PART_CHARS = 80
INLINES = 16  # maximum named inline elements recorded for a line
SMALL_A, SMALL_G, SMALL_L, SMALL_N = map(ord, "agln")


class TokenLines(NamedTuple):
    """The content of a document; spans refer to its canonical form."""

    text: U32  # the lines concatenated, without line breaks
    lines: I64
    inlines: I64  # tokens
    frames: I64
    events: I64
    said: U32  # texts of parts


@kernel
def _write(held: U32, size: int, text: U32, at: int, drop_links: bool, sentence: bool) -> int:  # noqa: FBT001
    """Write the current line to ``text[at:]`` with single blanks, and return its end."""
    joined = sentence
    if not joined:
        count = size
        if drop_links:
            for k in range(size):
                count -= held[k] == LINK_EDGE
        joined = count > LONG_LINE
    start = at
    blank = broken = parted = False
    for k in range(size):
        point = held[k]
        if (point == LINK_EDGE and drop_links) or (point == PART_EDGE and joined):
            parted = parted or point == PART_EDGE
            continue
        if point <= BLANK and point in (LINK_EDGE, PART_EDGE, TAB, LF, FF, CR, BLANK):
            blank = True
            broken = broken or point in (LF, CR)
            parted = parted or point in (LINK_EDGE, PART_EDGE)
            continue
        if at == start and is_space(point):
            continue
        if blank and at > start:
            if not (broken and sentence and not parted and is_wide(point) and is_wide(text[at - 1])):
                text[at] = BLANK
                at += 1
            elif point == INDENT:
                continue  # indentation of a source line
        blank = broken = parted = False
        text[at] = point
        at += 1
    while at > start and is_space(text[at - 1]):
        at -= 1
    return at


@kernel
def _copy(held: U32, lo: int, size: int, text: U32, at: int) -> tuple[int, int]:
    """Write the line of preformatted text that begins at ``held[lo]`` to ``text[at:]`` without trailing blanks; return its ends in both arrays."""
    hi, start = lo, at
    while hi < size and held[hi] != LF and held[hi] != CR:
        if held[hi] != LINK_EDGE and held[hi] != PART_EDGE:
            text[at] = held[hi]
            at += 1
        hi += 1
    while at > start and is_space(text[at - 1]):
        at -= 1
    return hi, at


@kernel
def _doubled(rows: I64) -> I64:
    """Return a copy of an array with twice as many rows."""
    out = np.empty((2 * len(rows), rows.shape[1]), np.int64)
    for n in range(len(rows)):
        for k in range(rows.shape[1]):
            out[n, k] = rows[n, k]
    return out


@kernel
def _take(points: U32, lo: int, hi: int, raw: bool, held: U32, size: int) -> int:  # noqa: FBT001
    """Write a text with its entities resolved to ``held[size:]`` and return its end."""
    at = lo
    while at < hi:
        point = points[at]
        at += 1
        if point == AMP and not raw and at < hi:
            if points[at] == SMALL_A:
                at += 4
            elif points[at] == SMALL_L:
                point = LESS
                at += 3
            elif points[at] == SMALL_G:
                point = MORE
                at += 3
            elif points[at] == SMALL_N:
                point = NBSP
                at += 5
        elif point <= PART_EDGE:
            continue
        held[size] = point
        size += 1
    return size


@kernel
def _close_part(held: U32, lo: int, size: int, said: U32, at: int) -> int:
    """Write the text of a part to ``said[at:]`` and return its end; nothing is written if it is empty or too long for a fact."""
    if not 0 < size - lo < PART_CHARS:
        return at
    start = at
    for k in range(lo, size):
        if held[k] != LINK_EDGE:
            said[at] = BLANK if held[k] == PART_EDGE else held[k]
            at += 1
    while at > start and is_space(said[at - 1]):
        at -= 1
    return at


@kernel
def _frames_asked(frames: I64, count: int) -> None:
    """Mark the ancestors of needed elements as needed."""
    for n in range(count - 1, 0, -1):
        if frames[n, ASKED]:
            frames[frames[n, PARENT], ASKED] = 1


@kernel
def scan(points: U32, tokens: I64) -> Any:
    """Read the tokens of a document; return the fields of `TokenLines`."""
    total = len(tokens)
    parts = 0
    for n in range(total):
        parts += (tokens[n, KIND] & PART) != 0
    frames = np.zeros((total + 1, 4), np.int64)
    frames[0, PARENT] = frames[0, TOKEN] = -1
    count = 1
    children = np.zeros(total + 1, np.int64)
    above = np.zeros(total + 1, np.int64)  # the open elements
    keeps = np.zeros(total + 1, np.bool_)  # for each of them, whether it keeps line breaks
    depth = 1
    inline = np.zeros((total + 1, 4), np.int64)  # the open inline elements: kind, start in `held`, lines written before, token
    nested = 0
    inlines = np.empty(total + 1, np.int64)
    named = named_before = 0
    events = np.zeros((total + 1, 5), np.int64)
    met = 0
    said = np.empty(parts * PART_CHARS, np.uint32)
    spoken = 0
    text = np.empty(len(points) + 1, np.uint32)
    end = 0
    rows = np.empty((64 + total // 4, LINE_WIDTH), np.int64)
    written = 0
    held = np.empty(len(points) + 1, np.uint32)
    size = chars = linked = flushed = 0
    sentence = False
    links = pre = open_rows = 0
    for n in range(total + 1):
        kind = tokens[n, KIND] if n < total else ENDS_LINE
        if kind & TEXT:
            start = size
            size = _take(points, tokens[n, LO], tokens[n, HI], kind & RAW != 0, held, size)
            a, b = start, size
            while a < b and is_space(held[a]):
                a += 1
            while a < b and is_space(held[b - 1]):
                b -= 1
            if a == b and not start:
                size = 0  # blanks between blocks
            chars += b - a
            if links:
                linked += b - a
            for k in range(a, b):
                sentence = sentence or is_stop(held[k])
            continue
        if kind & (BLOCK | ENDS_LINE) or (kind & BREAK and not pre):
            lo = 0
            while chars and lo < size:
                hi = size
                start = end
                if pre:
                    hi, end = _copy(held, lo, size, text, end)
                else:
                    end = _write(held, size, text, end, linked <= MOST_LINKED * chars, sentence)
                lo = hi + 1
                if end > start:
                    if written == len(rows):
                        rows = _doubled(rows)
                    frame = above[depth - 1]
                    frames[frame, ASKED] = 1
                    rows[written, STOP_AT], rows[written, FRAME] = end, frame
                    rows[written, CHARS], rows[written, LINKED] = chars, linked
                    rows[written, NAMES_LO], rows[written, NAMES_HI] = named_before, named
                    written += 1
            if not chars:
                named = named_before
            named_before = named
            size = chars = linked = 0
            sentence = False
            flushed += 1
        elif kind & BREAK:
            held[size] = LF
            size += 1
        if kind & START:
            if kind & ROOT:
                above[depth], keeps[depth] = 0, False  # duplicate and missing ones are treated alike: the whole document is one body
                depth += 1
            elif kind & BLOCK:
                up = above[depth - 1]
                children[up] += 1
                frames[count, PARENT], frames[count, INDEX], frames[count, TOKEN] = up, children[up], n
                if not kind & VOID:
                    above[depth], keeps[depth] = count, kind & PRE != 0
                    pre += keeps[depth]
                    depth += 1
                if kind & ROW:
                    open_rows += 1
                if kind & (ROW | TERM) or (kind & CELL and open_rows):
                    frames[count, ASKED] = 1
                    events[met, WHAT], events[met, BEFORE], events[met, FRAME_OR_TOKEN] = kind, written, count
                    met += 1
                count += 1
            elif not kind & VOID:
                links += kind & LINK != 0
                if kind & NAMED and named - named_before < INLINES:
                    inlines[named] = n
                    named += 1
                if kind & PART:
                    held[size] = PART_EDGE
                    size += 1
                inline[nested, 0], inline[nested, 1], inline[nested, 2], inline[nested, 3] = kind, size, flushed, n
                nested += 1
        elif kind & END and kind & BLOCK:
            if depth > 1:
                depth -= 1
                pre -= keeps[depth]
            closes_row = kind & ROW != 0 and open_rows > 0
            open_rows -= closes_row
            if closes_row or kind & (TERM | DEFINITION):
                frames[above[depth], ASKED] = 1
                events[met, WHAT], events[met, BEFORE], events[met, FRAME_OR_TOKEN] = kind, written, above[depth]
                met += 1
        elif kind & END:
            if nested:
                nested -= 1
                kind = inline[nested, 0]
                if kind & LINK:
                    links -= 1
                    held[size] = LINK_EDGE
                    size += 1
                if kind & PART:
                    if inline[nested, 2] == flushed:
                        first = spoken
                        spoken = _close_part(held, inline[nested, 1], size, said, spoken)
                        if spoken > first:
                            events[met, WHAT], events[met, BEFORE], events[met, FRAME_OR_TOKEN] = PART, written, inline[nested, 3]
                            events[met, SAID_LO], events[met, SAID_HI] = first, spoken
                            met += 1
                    held[size] = PART_EDGE
                    size += 1
        elif kind & (META | TITLE | SCRIPT):
            events[met, WHAT], events[met, BEFORE], events[met, FRAME_OR_TOKEN] = kind, written, n
            met += 1
    _frames_asked(frames, count)
    return text[:end], rows[:written], inlines[:named], frames[:count], events[:met], said[:spoken]
