"""Find the mojibake of many pages at once, with kernels; lines that these leave are handled by Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32, EditColumns, Ragged, code_points
from cleantext.edits import Edit
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import (
    ALONE_BAD,
    ALWAYS_CHANGED,
    CONTINUATION,
    FIRST_OF_2,
    FIRST_OF_3,
    FIRST_OF_4,
    GATE,
    MARKER,
    NAMED_BESIDE,
    SURROGATE,
    SUSPECT,
    Tables,
    tables,
)  # fmt: skip
from cleantext.repair.misread.families import RULES, SINGLE
from cleantext.repair.misread.line_families import found_in_han, found_in_latin
from cleantext.repair.misread.readings import Work, work
from cleantext.repair.misread.transcode import UNSURE

__all__ = ["Found", "columns", "edited", "find", "pays", "python_took"]

LONGEST = 200_000  # characters of a line for which there is room
RULE_NAMES = tuple(RULES.values())
NEWLINE = 10
FIRSTS = FIRST_OF_2 | FIRST_OF_3 | FIRST_OF_4


class Found(NamedTuple):
    """The edits of many pages, by page and start."""

    given: Ragged  # the texts of the pages
    rows: I64  # shape (n, 7): page, start, end, rule, where its text starts and ends in ``after``, and how long its line is
    after: U32
    rules: tuple[str, ...]


@kernel
def _bits(line: U32, size: Any, tables: Tables) -> Any:
    bits = np.uint8(0)
    for i in range(size):
        bits |= tables.kind[np.int64(line[i])]
    return bits


@kernel
def _concerns_ftfy(line: U32, size: Any, bits: Any, tables: Tables) -> Any:
    """Return whether ftfy may change a line; False is certain. ``line`` has its line break."""
    if bits & ALWAYS_CHANGED:
        return True
    bad = False
    for i in range(size):
        kind = tables.kind[np.int64(line[i])]
        if kind & SUSPECT and (
            kind & ALONE_BAD
            or (i > 0 and tables.kind[np.int64(line[i - 1])] & NAMED_BESIDE)
            or (i + 1 < size and tables.kind[np.int64(line[i + 1])] & NAMED_BESIDE)
        ):
            bad = True
            break
    if not bad:
        return False
    # What none of its encodings can write it changes only where a part looks like UTF-8, or at C1 controls.
    writers = 0xFFFF
    first = False
    for i in range(size):
        point = np.int64(line[i])
        if 0x80 <= point < 0xA0:
            return True
        clue = np.int64(tables.clue[point]) if point < 0x10000 else 0
        if first and clue & CONTINUATION:
            return True
        first = clue & FIRSTS != 0
        writers &= np.int64(tables.charmap[point]) if point < 0x10000 else 0
    return writers != 0


@kernel
def _edited(line: U32, size: Any, bare: Any, work: Work) -> Any:
    """Write a line after its edits to ``work.line``; return its size. ``bare`` is the size without its line break."""
    n = i = 0
    while i < size:
        k = work.at[i] - 1 if i < bare else -1
        if k < 0:
            work.line[n] = line[i]
            n += 1
            i += 1
            continue
        for j in range(work.found[k, 3], work.found[k, 4]):
            work.line[n] = work.after[j]
            n += 1
        i = work.found[k, 1]
    return n


@kernel
def _line_rows(line: U32, size: Any, bits: Any, tables: Tables, work: Work, rows: I64, n: Any, after: U32, used: Any) -> Any:
    """Write the edits of a line from row ``n`` on, with offsets in it; return how many these are, or `UNSURE`."""
    if bits & SURROGATE or size >= len(work.at):
        return UNSURE
    bare = size - 1 if line[size - 1] == NEWLINE else size
    found = found_in_latin(line, bare, tables, work) if bits & SUSPECT else 0
    if found == 0 and bits & MARKER:
        found = found_in_han(line, bare, tables, work)
    if found == 0:
        return UNSURE if bits & SUSPECT and _concerns_ftfy(line, size, bits, tables) else 0
    if found == UNSURE or n + found > len(rows):
        return UNSURE
    for i in range(bare):
        k = work.at[i] - 1
        if k >= 0:
            begin, end = work.found[k, 3], work.found[k, 4]
            if used + end - begin > len(after):
                return UNSURE
            rows[n, 1], rows[n, 2], rows[n, 3], rows[n, 4] = i, work.found[k, 1], work.found[k, 2] >> 1, used
            after[used : used + end - begin] = work.after[begin:end]
            used += end - begin
            rows[n, 5], rows[n, 6] = used, size
            n += 1
    # Text that was wrongly encoded again, and lines with several kinds of damage, are for Python.
    size = _edited(line, size, bare, work)
    bits = _bits(work.line, size, tables)
    bare = size - 1 if work.line[size - 1] == NEWLINE else size
    if size >= len(work.at) or (bits & SUSPECT and found_in_latin(work.line, bare, tables, work) != 0):
        return UNSURE
    if bits & MARKER and found_in_han(work.line, bare, tables, work) != 0:
        return UNSURE
    return UNSURE if bits & SUSPECT and _concerns_ftfy(work.line, size, bits, tables) else found


@kernel
def _page_rows(points: U32, offsets: I64, tables: Tables, work: Work, rows: I64, after: U32, left: I64) -> tuple[Any, Any]:
    """Write the edits of pages, and the lines that are left to Python: page, start and end. Return the number of both."""
    n = n_left = used = 0
    for page in range(len(offsets) - 1):
        stop = offsets[page]
        while stop < offsets[page + 1]:
            start = stop
            bits = np.uint8(0)
            while stop < offsets[page + 1]:
                point = points[stop]
                bits |= tables.kind[np.int64(point)]
                stop += 1
                if point == NEWLINE:
                    break
            if not bits & GATE:
                continue
            found = _line_rows(points[start:stop], stop - start, bits, tables, work, rows, n, after, used)
            begin = start - offsets[page]
            if found == UNSURE:
                left[n_left, 0], left[n_left, 1], left[n_left, 2] = page, begin, stop - offsets[page]
                n_left += 1
                continue
            for k in range(n, n + found):
                rows[k, 0] = page
                rows[k, 1] += begin
                rows[k, 2] += begin
                used = rows[k, 5]
            n += found
    return n, n_left


@kernel
def _spliced(points: U32, offsets: I64, rows: I64, after: U32, out: U32, ends: I64) -> None:
    """Write the pages after their edits, and where each of them ends."""
    n = k = 0
    for page in range(len(offsets) - 1):
        at = offsets[page]
        while k < len(rows) and rows[k, 0] == page:
            start = offsets[page] + rows[k, 1]
            out[n : n + start - at] = points[at:start]
            n += start - at
            size = rows[k, 5] - rows[k, 4]
            out[n : n + size] = after[rows[k, 4] : rows[k, 5]]
            n += size
            at = offsets[page] + rows[k, 2]
            k += 1
        out[n : n + offsets[page + 1] - at] = points[at : offsets[page + 1]]
        n += offsets[page + 1] - at
        ends[page] = n


@kernel
def _gathered(points: U32, begin: I64, end: I64, out: U32) -> None:
    """Write pieces of an array one after another."""
    n = 0
    for k in range(len(begin)):
        out[n : n + end[k] - begin[k]] = points[begin[k] : end[k]]
        n += end[k] - begin[k]


def pays(characters: int) -> bool:
    """Return whether pages of so many characters are handled by kernels."""
    return not _page_rows.interprets(characters)


def python_took(characters: int, seconds: float) -> None:
    """Count the time that Python took instead."""
    _page_rows.count(characters, seconds)


def find(texts: Sequence[str], gate: str, line_edits: Callable[[str], Sequence[Edit]]) -> Found:
    """Return the edits of texts; lines that kernels leave are given to ``line_edits``."""
    given = Ragged.of(texts)
    n, breaks = len(given.points), np.flatnonzero(given.points == NEWLINE)
    longest = int(np.diff(breaks, prepend=-1, append=n).max())
    room = work(min(longest, LONGEST), len(SINGLE))
    rows, after = np.zeros((n // 2 + 16, 7), np.int64), np.empty(n + 64, np.uint32)
    left = np.empty((len(breaks) + len(texts), 3), np.int64)
    n_rows, n_left = _page_rows.sized(n)(given.points, given.offsets, tables(gate), room, rows, after, left)
    rows, names = rows[:n_rows], list(RULE_NAMES)
    more: list[tuple[int, ...]] = []
    texts_more: list[str] = []
    used = int(rows[-1, 5]) if n_rows else 0
    for page, start, stop in left[:n_left].tolist():
        for edit in line_edits(texts[page][start:stop]):
            if edit.rule not in names:
                names.append(edit.rule)
            more.append((page, start + edit.start, start + edit.end, names.index(edit.rule), used, used + len(edit.after), stop - start))
            texts_more.append(edit.after)
            used += len(edit.after)
    if more:
        rows = np.concatenate([rows, np.array(more, np.int64)])
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        after = np.concatenate([after[: used - sum(map(len, texts_more))], code_points("".join(texts_more))])
    return Found(given, rows, after, tuple(names))


def columns(found: Found, pages: I32) -> EditColumns:
    """Return edits as columns; ``pages`` has the position of each page in its batch."""
    rows = found.rows
    page = rows[:, 0]
    start, end = found.given.offsets[page] + rows[:, 1], found.given.offsets[page] + rows[:, 2]
    rules = sorted({found.rules[k] for k in np.unique(rows[:, 3]).tolist()})
    places = np.array([rules.index(name) if name in rules else 0 for name in found.rules], np.int32)
    return EditColumns(
        page=pages[page],
        start=rows[:, 1].astype(np.int32),
        end=rows[:, 2].astype(np.int32),
        before=_pieces(found.given.points, start, end),
        after=_pieces(found.after, rows[:, 4], rows[:, 5]),
        rule=places[rows[:, 3]],
        rules=tuple(rules),
    )


def _pieces(points: U32, begin: I64, end: I64) -> Ragged:
    offsets = np.append(0, np.cumsum(end - begin))
    out = np.empty(offsets[-1], np.uint32)
    _gathered.sized(len(out))(points, np.ascontiguousarray(begin), np.ascontiguousarray(end), out)
    return Ragged(out, offsets)


def edited(found: Found) -> list[str]:
    """Return all texts after their edits."""
    rows, given = found.rows, found.given
    grown = int((rows[:, 5] - rows[:, 4] - (rows[:, 2] - rows[:, 1])).sum())
    out, ends = np.empty(len(given.points) + grown, np.uint32), np.zeros(len(given) + 1, np.int64)
    _spliced.sized(len(out))(given.points, given.offsets, rows, found.after, out, ends[1:])
    return Ragged(out, ends).strings()
