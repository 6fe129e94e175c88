"""Kernels that find the best reading of a run of mojibake: the same as `families._decoded`, for many lines at once.

They give up (`UNSURE`) where a decision depends on the last digits of a sum, whose order of addition differs from NumPy's,
and at what `cleantext.repair.misread.transcode` leaves to Python.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I64, U32
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import SHOWN, U8, Codes
from cleantext.repair.misread.families import (
    APART_LOST,
    CERTAIN,
    CYRILLIC,
    GAIN,
    HAN,
    LATIN,
    LOST_COST,
    READABLE,
    RULES,
    SIGNS,
    SIGNS_LEAST,
    SINGLE,
)  # fmt: skip
from cleantext.repair.misread.losses import LONGEST, NO_PAIR, _ways
from cleantext.repair.misread.transcode import (
    BIG5_TRUE,
    GB_TRUE,
    NOT,
    UNSURE,
    UTF8_TRUE,
    copy,
    decode_gb,
    decode_utf8,
    encode,
    patch_utf8,
    read,
)
from cleantext.repair.model import WordArrays, follows

__all__ = ["LineRoom", "best_reading", "line_room", "quick", "readable", "without_losses"]

NONE, AS_READ, WITH_LOSSES = 0, 1, 2
NEAR = 1e-6  # sums that differ by less may differ in sign when they are added in another order
LOSS = 0xFFFD
TRUE_BITS = dict(zip(RULES, (UTF8_TRUE, GB_TRUE, BIG5_TRUE), strict=True))
TRUES = tuple(sum(TRUE_BITS[true] for true in trues) for _, trues in (*LATIN, *HAN))  # for each codec, the true encodings that are tried
CYRILLIC_CODECS = (SINGLE.index(CYRILLIC), SINGLE.index("koi8-r"))
SIGN_BITS = tuple(sum(1 << (sign - first) for sign in SIGNS if first <= sign < first + 32) for first in (0x80, 0xA0))
SHORTEST_HIGH = 7  # as in `losses.HIGH`


# Rows of `LineRoom.bytes_`
DATA = 0  # the run, as its codec wrote it
INNER = 1  # what was read, written again
PATCHED, WIDTHS = 2, 3
SEEN = 4  # two rows: the line, as codecs before wrote it
TAKEN = 6  # whether a character of the line belongs to an edit
# Rows of `LineRoom.points`
TEXT = 0  # the run, as read
TEXT_INNER = 1
DEEP = 2  # the best reading of text that was encoded twice
DAMAGED, PLAIN = 3, 4  # text with U+FFFD for what was lost, and without
BEST, WHOLE = 5, 6  # the best reading of the run, and of the line
AFTER = 7  # readings of the runs of a line
LINE, NEXT = 8, 9  # the line after the edits so far, and after one more round
# Rows of `LineRoom.rows`
RUNS = 0  # as `codec_runs`
FOUND = 1  # start and end of a run, the bit of its true encoding, where its reading starts and ends in the row `AFTER`
EDITS, TURN, COMPOSED = 2, 3, 4  # the edits so far, those of one round, and both together


class LineRoom(NamedTuple):
    """Room for what is done with one line. Numba accepts a named tuple of arrays; a call with few of them is faster."""

    bytes_: U8  # shape (rows, n)
    points: U32
    rows: I64  # shape (rows, n, 5)
    at: I64  # for each character of a line, 1 + the edit that starts there


def line_room(longest: int, codecs: int) -> LineRoom:
    """Return room for lines of at most ``longest`` characters; ``codecs`` is the number of single-byte codecs."""
    n = 8 * longest + 64  # GB18030 has four bytes for one character, and twice as many if its text is written again
    rows = codecs * (longest // 2 + 2)
    return LineRoom(
        np.empty((7, n), np.uint8), np.empty((10, n), np.uint32), np.empty((5, rows, 5), np.int64), np.zeros(longest + 1, np.int64)
    )


@kernel
def quick(points: U32, low: Any, high: Any, words: WordArrays) -> tuple[Any, Any]:
    """Return `WordModel.quick` of a text without `families.NEUTRAL` characters, and the number of the others."""
    n, left, total = 0, np.int64(0), 0.0
    for i in range(low, high):
        point = np.int64(points[i])
        if point < 0x80 or 0x2500 <= point < 0x2580 or point == 0x3000:
            continue
        right = words.fold[point] if point < 0x10000 else words.fold[0]
        total += np.float64(follows(words, left, right) if n else words.start[right])
        left = right
        n += 1
    return total, n


@kernel
def _is_letter(point: Any) -> Any:
    return 0x41 <= point <= 0x5A or 0x61 <= point <= 0x7A


@kernel
def readable(run: U32, first: Any, last: Any, text: U32, size: Any, true: Any, words: WordArrays) -> tuple[Any, Any]:
    """Return whether a decoded run is readable (`NONE`, `AS_READ` or `UNSURE`), and its `families._readable`."""
    new = han = alone = 0
    for i in range(size):
        point = text[i]
        if point < 0x80 or 0x2500 <= point < 0x2580 or point == 0x3000:
            continue
        new += 1
        if 0x3400 <= point <= 0x9FFF:
            han += 1
            opens, closes = i == 0 or text[i - 1] < 0x80, i + 1 == size or text[i + 1] < 0x80
            if (closes and i > 0 and _is_letter(text[i - 1])) or (opens and i + 1 < size and _is_letter(text[i + 1])):
                alone += 1
        elif point < 0xA0 or 0xE000 <= point <= 0xF8FF:
            return NONE, 0.0
    if han < 2 or (han < 3 and true != UTF8_TRUE) or alone > 0.2 * han:
        return NONE, 0.0
    if true == UTF8_TRUE and han >= 4 and 2 * han > new and run[first] < 0x2E80:
        return AS_READ, 0.0
    total, _ = quick(text, 0, size, words)
    score, least = total / new, READABLE if han > 2 else CERTAIN
    if abs(score - least) < NEAR:
        return UNSURE, 0.0
    if score < least:
        return NONE, 0.0
    i = first  # the first character that is not neutral tells whether Chinese was displayed
    while i < last and (run[i] < 0x80 or 0x2500 <= run[i] < 0x2580 or run[i] == 0x3000):
        i += 1
    if i < last and run[i] >= 0x2E7F:
        shown, n = quick(run, first, last, words)
        if run[i] > 0x2E7F or n > 1:
            if abs(shown - (score - GAIN) * new) < NEAR * (1 + new):
                return UNSURE, 0.0
            if shown > (score - GAIN) * new:
                return NONE, 0.0
    return AS_READ, score


@kernel
def _never_utf8(data: U8, size: Any) -> Any:
    """Return whether bytes match `families.NEVER_UTF8`."""
    for i in range(size):
        byte = data[i]
        if byte < 0xC0:
            continue
        if byte < 0xC2 or byte > 0xF4 or i + 1 == size or data[i + 1] & 0xC0 != 0x80:
            return True
    return False


@kernel
def _has_signs(data: U8, size: Any) -> Any:
    """Return `families._has_signs`."""
    signs: Any = np.int64(0)
    high = 0
    for i in range(size):
        byte = np.int64(data[i])
        if byte >= 0x80:
            high += 1
            if byte < 0xC0:
                signs += (SIGN_BITS[0] if byte < 0xA0 else SIGN_BITS[1]) >> (byte & 0x1F) & 1
    return signs >= SIGNS_LEAST * high


@kernel
def _resynchronised(data: U8, size: Any, most: Any, codes: Codes, words: WordArrays, room: LineRoom) -> tuple[Any, Any]:
    """Write `losses.resynchronised` to the row `DAMAGED`; return its size, or `NOT` or `UNSURE`, and how much was lost."""
    lost = i = 0
    pairs = 0  # `families.LOST_PAIR`
    while i < size:
        if data[i] == 0xFF:
            pairs += 1
        elif data[i] == 0x80 and i + 1 < size and data[i + 1] == 0x80:
            pairs += 1
            i += 1
        i += 1
    if pairs > most:
        return NOT, 0
    i = 0
    while i < size:
        low = i
        while i < size and data[i] >= 0x80:
            i += 1
        if SHORTEST_HIGH <= i - low <= LONGEST:
            at: Any = low
            for k in range(_ways(data[low:i], words.pairs, words, room.bytes_[WIDTHS, low:i])):
                width = np.int64(room.bytes_[WIDTHS, low + k])
                if width == 1 or words.pairs[np.int64(data[at]) << 8 | np.int64(data[at + 1])] == NO_PAIR:
                    lost += 1
                at += width
            if lost > most:
                return NOT, 0
        i += 1
    if lost == 0:
        return NOT, 0
    n = done = i = 0
    while i < size:
        low = i
        while i < size and data[i] >= 0x80:
            i += 1
        if SHORTEST_HIGH <= i - low <= LONGEST:
            n = decode_gb(data, done, low, codes, room.points[DAMAGED], n)
            if n < 0:
                return n, 0
            at = k = low
            while at < i:
                single = room.bytes_[WIDTHS, k] == 1
                room.points[DAMAGED, n] = LOSS if single else codes.codes[SHOWN, np.int64(data[at]) << 8 | np.int64(data[at + 1])]
                at += 1 if single else 2
                n += 1
                k += 1
            done = i
        i += 1
    return decode_gb(data, done, size, codes, room.points[DAMAGED], n), lost


@kernel
def without_losses(text: U32, size: Any, out: U32) -> tuple[Any, Any]:
    """Write a text without U+FFFD; return its size, and how many Han characters it has."""
    n = han = 0
    for i in range(size):
        point = text[i]
        if point != LOSS:
            out[n] = point
            n += 1
            han += 0x3400 <= point <= 0x9FFF
    return n, han


@kernel
def _damaged(
    run: U32, low: Any, high: Any, data: U8, size: Any, true: Any, codes: Codes, words: WordArrays, room: LineRoom
) -> tuple[Any, Any, Any]:
    """Return `families._damaged`: whether the run is readable, its score, and the size of its text, which is written to the row `DAMAGED`."""
    most = size // (2 * APART_LOST)
    if most == 0 or true == BIG5_TRUE:
        return NONE, 0.0, 0
    if true == UTF8_TRUE:
        bytes_, lost = patch_utf8(data, 0, size, True, room.bytes_[PATCHED])
        left = 0
        while run[low] > 0x2E7F and left < 2 and left < bytes_ and room.bytes_[PATCHED, left] & 0xC0 == 0x80:
            left += 1
        if left == 0 and lost == 0:
            return NONE, 0.0, 0
        n, at, _ = decode_utf8(room.bytes_[PATCHED], left, bytes_, room.points[PLAIN])
        if at < bytes_:
            return NONE, 0.0, 0
        first = 1 if left else 0
        room.points[DAMAGED, 0] = LOSS
        for i in range(n):
            room.points[DAMAGED, first + i] = room.points[PLAIN, i]
        n, lost = n + first, lost + first
    else:
        n, lost = _resynchronised(data, size, most, codes, words, room)
        if n < 0:
            return (UNSURE if n == UNSURE else NONE), 0.0, 0
    rest, han = without_losses(room.points[DAMAGED], n, room.points[PLAIN])
    if lost == 0 or han < APART_LOST * lost:
        return NONE, 0.0, 0
    state, score = readable(run, low, high, room.points[PLAIN], rest, true, words)
    return state, score - LOST_COST, n


@kernel
def _weighed(
    run: U32,
    low: Any,
    high: Any,
    data: U8,
    size: Any,
    true: Any,
    text: U32,
    n: Any,
    whole: Any,
    codes: Codes,
    words: WordArrays,
    room: LineRoom,
) -> tuple[Any, Any, Any]:
    """Return `families._weighed`: which text is best (``text``, which has ``n`` characters or is `NOT` valid, or the row `DAMAGED`), its score and size."""
    state, score = NONE, 0.0
    if n >= 0:
        state, score = readable(run, low, high, text, n, true, words)
    if state == UNSURE or (state == AS_READ and abs(score - CERTAIN) < NEAR):
        return UNSURE, 0.0, 0
    if whole and (state == NONE or score < CERTAIN):
        lossy, score_lossy, n_lossy = _damaged(run, low, high, data, size, true, codes, words, room)
        if lossy == UNSURE or (lossy == AS_READ and state == AS_READ and abs(score - score_lossy) < NEAR):
            return UNSURE, 0.0, 0
        if lossy == AS_READ and (state == NONE or score_lossy > score):
            return WITH_LOSSES, score_lossy, n_lossy
    return state, score, n


@kernel
def _same(one: U32, low: Any, high: Any, other: U32, size: Any) -> Any:
    i = 0
    while i < size and high - low == size and one[low + i] == other[i]:
        i += 1
    return i == size and high - low == size


@kernel
def _may_be(data: U8, size: Any, codec: Any, true: Any) -> Any:
    """Return whether bytes that a codec displayed are worth reading in an encoding that is tried for it."""
    if not TRUES[codec] & true:
        return False
    if true == UTF8_TRUE:
        return not _never_utf8(data, size)
    return codec not in CYRILLIC_CODECS or _has_signs(data, size)


@kernel
def _best_inner(size: Any, data_size: Any, codec: Any, codes: Codes, words: WordArrays, room: LineRoom) -> tuple[Any, Any]:
    """Return the true encoding of the best reading of the row `TEXT`, which is the first reading of a run, and its size; the reading is in `DEEP`."""
    best_true, best, best_size = NONE, 0.0, 0
    for k in range(3):
        true = 1 << k
        if not _may_be(room.bytes_[INNER], data_size, codec, true):
            continue
        n = read(room.bytes_[INNER], data_size, true, codes, room.points[TEXT_INNER])
        if n == UNSURE:
            return UNSURE, 0
        if n >= 0 and _same(room.points[TEXT], 0, size, room.points[TEXT_INNER], n):
            n = NOT
        if n > 0 and encode(room.points[TEXT_INNER], 0, n, codec, codes, room.bytes_[PATCHED]) != NOT:
            return UNSURE, 0  # encoded three times, or more
        kind, score, m = _weighed(
            room.points[TEXT], 0, size, room.bytes_[INNER], data_size, true, room.points[TEXT_INNER], n, False, codes, words, room
        )
        if kind == UNSURE or (kind and best_true and abs(score - best) < NEAR):
            return UNSURE, 0
        if kind != NONE and (best_true == NONE or score > best):
            best_true, best, best_size = true, score, m
            copy(room.points[TEXT_INNER], 0, m, room.points[DEEP], 0)
        if true == UTF8_TRUE and n > 0:
            break
    return best_true, best_size


@kernel
def best_reading(
    run: U32, low: Any, high: Any, size: Any, codec: Any, codes: Codes, words: WordArrays, room: LineRoom
) -> tuple[Any, Any, Any]:
    """Return `families._decoded` of a run, whose ``size`` bytes are in the row `DATA`.

    That is the true encoding of the best reading (`NONE` if there is none, or `UNSURE`), its score, and its size; the reading is in the row `BEST`.
    """
    best_true, best, best_size = NONE, 0.0, 0
    data = room.bytes_[DATA]
    for k in range(3):
        true = 1 << k
        if not _may_be(data, size, codec, true):
            continue
        n = read(data, size, true, codes, room.points[TEXT])
        if n == UNSURE:
            return UNSURE, 0.0, 0
        if n >= 0 and _same(run, low, high, room.points[TEXT], n):
            n = NOT
        text, m = room.points[TEXT], n
        if n > 0:
            inner = encode(room.points[TEXT], 0, n, codec, codes, room.bytes_[INNER])
            if inner == UNSURE:
                return UNSURE, 0.0, 0
            if inner > 0:
                deeper, deep_size = _best_inner(n, inner, codec, codes, words, room)
                if deeper == UNSURE:
                    return UNSURE, 0.0, 0
                if deeper != NONE:
                    text, m = room.points[DEEP], deep_size
        kind, score, m = _weighed(run, low, high, data, size, true, text, m, True, codes, words, room)
        if kind == UNSURE or (kind and best_true and abs(score - best) < NEAR):
            return UNSURE, 0.0, 0
        if kind != NONE and (best_true == NONE or score > best):
            best_true, best, best_size = true, score, m
            if kind == WITH_LOSSES:
                copy(room.points[DAMAGED], 0, m, room.points[BEST], 0)
            else:
                copy(text, 0, m, room.points[BEST], 0)
        if true == UTF8_TRUE and n > 0:
            break
    return best_true, best, best_size
