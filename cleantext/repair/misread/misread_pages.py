"""Find the mojibake of many pages at once, with kernels; lines that these leave are handled by Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I32, I64, U32, EditColumns, Ragged, code_points
from cleantext.edits import JOIN, Edit
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import GATE, MisreadTables, tables
from cleantext.repair.misread.families import SINGLE
from cleantext.repair.misread.line_rounds import BASE, NEWLINE, RULE_NAMES, line_rows
from cleantext.repair.misread.readings import EDITS, LINE, LineRoom, line_room
from cleantext.repair.misread.transcode import UNSURE, copy

__all__ = ["FoundEdits", "columns", "edited", "find", "pays", "python_took"]

START = 0.3  # seconds to make the tables and to load the kernels
SHORT = 8_000  # characters of pages whose longest line is not looked for
LONGEST = 200_000  # characters of a line for which there is room


class FoundEdits(NamedTuple):
    """The edits of many pages, by page and start."""

    given: Ragged  # the texts of the pages
    # Shape (n, 7): page, start and end in it, rules as digits (see `line_rounds`), where the text of the edit starts and ends in ``after``, and
    # the length of its line, all in characters
    rows: I64
    after: U32  # the texts of the edits, one after another


@kernel
def _page_rows(points: U32, offsets: I64, tables: MisreadTables, room: LineRoom, rows: I64, after: U32, left: I64) -> tuple[Any, Any]:
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
            found = line_rows(points[start:stop], stop - start, bits, tables, room)
            begin, sum_ = start - offsets[page], 0
            for k in range(found):
                sum_ += room.rows[EDITS, k, 2]
            if found == UNSURE or n + found > len(rows) or used + sum_ > len(after):
                left[n_left, 0], left[n_left, 1], left[n_left, 2] = page, begin, stop - offsets[page]
                n_left += 1
                continue
            grown = 0
            for k in range(found):
                low, high, size = room.rows[EDITS, k, 0], room.rows[EDITS, k, 1], room.rows[EDITS, k, 2]
                copy(room.points[LINE], low + grown, low + grown + size, after, used)
                rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3] = page, begin + low, begin + high, room.rows[EDITS, k, 3]
                rows[n, 4], rows[n, 5], rows[n, 6] = used, used + size, stop - start
                grown += size - (high - low)
                used += size
                n += 1
    return n, n_left


@kernel
def _spliced(points: U32, offsets: I64, rows: I64, after: U32, out: U32, ends: I64) -> None:
    """Write the pages after their edits, and where each of them ends."""
    n = k = 0
    for page in range(len(offsets) - 1):
        at = offsets[page]
        while k < len(rows) and rows[k, 0] == page:
            start = offsets[page] + rows[k, 1]
            copy(points, at, start, out, n)
            n += start - at
            size = rows[k, 5] - rows[k, 4]
            copy(after, rows[k, 4], rows[k, 5], out, n)
            n += size
            at = offsets[page] + rows[k, 2]
            k += 1
        copy(points, at, offsets[page + 1], out, n)
        n += offsets[page + 1] - at
        ends[page] = n


@kernel
def _gathered(points: U32, begin: I64, end: I64, out: U32) -> None:
    """Write pieces of an array one after another."""
    n = 0
    for k in range(len(begin)):
        copy(points, begin[k], end[k], out, n)
        n += end[k] - begin[k]


def pays(characters: int) -> bool:
    """Return whether pages of so many characters are handled by kernels."""
    return not _page_rows.interprets(characters, START)


def python_took(characters: int, seconds: float) -> None:
    """Count the time that Python took instead."""
    _page_rows.count(characters, seconds)


def find(texts: Sequence[str], gate: str, line_edits: Callable[[str], Sequence[Edit]]) -> FoundEdits:
    """Return the edits of texts; lines that kernels leave are given to ``line_edits``."""
    given = Ragged.of(texts)
    n, breaks = len(given.points), np.flatnonzero(given.points == NEWLINE)
    # Lines end at line breaks and with pages. To look for the longest takes longer than the work on a few short pages.
    longest = n if n <= SHORT else int(np.diff(np.union1d(breaks + 1, given.offsets)).max())
    room = line_room(min(longest, LONGEST), len(SINGLE))
    rows, after = np.empty((n // 2 + 16, 7), np.int64), np.empty(n + 64, np.uint32)
    left = np.empty((len(breaks) + len(texts), 3), np.int64)
    n_rows, n_left = _page_rows.sized(n)(given.points, given.offsets, tables(gate), room, rows, after, left)
    rows = rows[:n_rows]
    more: list[tuple[int, ...]] = []
    texts_more: list[str] = []
    used = int(rows[-1, 5]) if n_rows else 0
    for page, start, stop in left[:n_left].tolist():
        for edit in line_edits(texts[page][start:stop]):
            more.append((page, start + edit.start, start + edit.end, _digits(edit.rule), used, used + len(edit.after), stop - start))
            texts_more.append(edit.after)
            used += len(edit.after)
    if more:
        rows = np.concatenate([rows, np.array(more, np.int64)])
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        after = np.concatenate([after[: used - sum(map(len, texts_more))], code_points("".join(texts_more))])
    return FoundEdits(given, rows, after)


def columns(found: FoundEdits, pages: I32) -> EditColumns:
    """Return edits as columns; ``pages`` has the position of each page in its batch."""
    rows = found.rows
    page = rows[:, 0]
    start, end = found.given.offsets[page] + rows[:, 1], found.given.offsets[page] + rows[:, 2]
    codes, code = np.unique(rows[:, 3], return_inverse=True)
    names = [_name(n) for n in codes.tolist()]
    rules = sorted(names)
    return EditColumns(
        page=pages[page],
        start=rows[:, 1].astype(np.int32),
        end=rows[:, 2].astype(np.int32),
        before=_pieces(found.given.points, start, end),
        after=_pieces(found.after, rows[:, 4], rows[:, 5]),
        rule=np.array([rules.index(name) for name in names], np.int32)[code],
        rules=tuple(rules),
    )


def _digits(rule: str) -> int:
    """Return the rules of an edit as digits."""
    code = 0
    for name in rule.split(JOIN):
        code = code * BASE + RULE_NAMES.index(name) + 1
    return code


def _name(code: int) -> str:
    """Return the rule whose digits these are."""
    names: list[str] = []
    while code:
        code, digit = divmod(code, BASE)
        names.insert(0, RULE_NAMES[digit - 1])
    return JOIN.join(names)


def _pieces(points: U32, begin: I64, end: I64) -> Ragged:
    """Return the pieces of an array between positions."""
    offsets = np.append(0, np.cumsum(end - begin))
    out, points = np.empty(offsets[-1], np.uint32), points.view()
    points.flags.writeable = False  # some are; otherwise Numba would compile the kernel twice
    _gathered.sized(len(out))(points, np.ascontiguousarray(begin), np.ascontiguousarray(end), out)
    return Ragged(out, offsets)


def edited(found: FoundEdits) -> list[str]:
    """Return all texts after their edits."""
    rows, given = found.rows, found.given
    grown = int((rows[:, 5] - rows[:, 4] - (rows[:, 2] - rows[:, 1])).sum())
    out, ends = np.empty(len(given.points) + grown, np.uint32), np.zeros(len(given) + 1, np.int64)
    _spliced.sized(len(out))(given.points, given.offsets, rows, found.after, out, ends[1:])
    return Ragged(out, ends).strings()
