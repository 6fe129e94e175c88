"""Kernels that find the best reading of a run of mojibake: the same as `families._decoded`, for many lines at once.

They give up (`UNSURE`) where a decision depends on the last digits of a sum, whose order of addition differs from NumPy's,
and at what `cleantext.repair.misread.transcode` leaves to Python.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cleantext.changes import I64, U32
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import U8, Tables
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
from cleantext.repair.misread.transcode import BIG5_TRUE, GB_TRUE, NOT, UNSURE, UTF8_TRUE, decode_gb, decode_utf8, encode, patch_utf8, read
from cleantext.repair.model import follows

__all__ = ["Work", "best_reading", "quick", "readable", "without_losses", "work"]

NONE, AS_READ, WITH_LOSSES = 0, 1, 2
NEAR = 1e-6  # sums that differ by less may differ in sign when they are added in another order
LOSS = 0xFFFD
TRUE_BITS = dict(zip(RULES, (UTF8_TRUE, GB_TRUE, BIG5_TRUE), strict=True))
TRUES = tuple(sum(TRUE_BITS[true] for true in trues) for _, trues in (*LATIN, *HAN))  # for each codec, the true encodings that are tried
CYRILLIC_CODEC, KOI8 = SINGLE.index(CYRILLIC), SINGLE.index("koi8-r")
SIGN_BITS = tuple(sum(1 << (sign - first) for sign in SIGNS if first <= sign < first + 32) for first in (0x80, 0xA0))
SHORTEST_HIGH = 7  # as in `losses.HIGH`


class Work(NamedTuple):
    """Room for the bytes and characters of one line. Numba accepts a named tuple of arrays."""

    data: U8  # the run, as its codec wrote it
    seen: U8  # shape (2, n): the line, as codecs before wrote it
    inner: U8  # what was read, written again
    patched: U8
    widths: U8
    text: U32  # the run, as read
    text_inner: U32
    deep: U32  # the best reading of text that was encoded twice
    damaged: U32  # text with U+FFFD for what was lost
    plain: U32  # the same without
    best: U32  # the best reading of the run
    whole: U32  # the best reading of the line
    after: U32  # readings of the runs of a line
    line: U32  # the line after the edits so far
    next: U32  # the line after one more round
    runs: I64  # shape (n, 3), as `codec_runs`
    found: I64  # shape (n, 5): start and end of a run, the bit of its true encoding, where its reading starts and ends in ``after``
    edits: I64  # shape (n, 4): the edits so far
    turn: I64  # the edits of one round
    composed: I64  # the edits so far and these
    at: I64  # for each character of a line, 1 + the edit that starts there
    taken: U8  # whether a character of the line belongs to an edit


def work(longest: int, codecs: int) -> Work:
    """Return room for lines of at most so many characters."""
    n = 8 * longest + 64  # GB18030 has four bytes for one character, and twice as many if its text is written again
    u8, u32 = (lambda: np.empty(n, np.uint8)), (lambda: np.empty(n, np.uint32))
    rows = codecs * (longest // 2 + 2)
    return Work(
        u8(), np.empty((2, n), np.uint8), u8(), u8(), u8(), u32(), u32(), u32(), u32(), u32(), u32(), u32(), np.empty(4 * n, np.uint32), u32(), u32(),
        np.empty((rows, 3), np.int64), np.empty((rows, 5), np.int64), *(np.empty((rows, 4), np.int64) for _ in range(3)), np.zeros(longest + 1, np.int64), np.empty(longest + 1, np.uint8),
    )  # fmt: skip


@kernel
def quick(points: U32, low: Any, high: Any, tables: Tables) -> tuple[Any, Any]:
    """Return `WordModel.quick` of a text without `families.NEUTRAL` characters, and the number of the others."""
    n, left, total = 0, np.int64(0), 0.0
    for i in range(low, high):
        point = np.int64(points[i])
        if point < 0x80 or 0x2500 <= point < 0x2580 or point == 0x3000:
            continue
        right = tables.fold[point] if point < 0x10000 else tables.fold[0]
        total += np.float64(follows(tables.links, left, right) if n else tables.links.start[right])
        left = right
        n += 1
    return total, n


@kernel
def _is_letter(point: Any) -> Any:
    return 0x41 <= point <= 0x5A or 0x61 <= point <= 0x7A


@kernel
def readable(run: U32, first: Any, last: Any, text: U32, size: Any, true: Any, tables: Tables) -> tuple[Any, Any]:
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
    total, _ = quick(text, 0, size, tables)
    score, least = total / new, READABLE if han > 2 else CERTAIN
    if abs(score - least) < NEAR:
        return UNSURE, 0.0
    if score < least:
        return NONE, 0.0
    i = first  # the first character that is not neutral tells whether Chinese was displayed
    while i < last and (run[i] < 0x80 or 0x2500 <= run[i] < 0x2580 or run[i] == 0x3000):
        i += 1
    if i < last and run[i] >= 0x2E7F:
        shown, n = quick(run, first, last, tables)
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
    signs = high = 0
    for i in range(size):
        byte = np.int64(data[i])
        if byte >= 0x80:
            high += 1
            if byte < 0xC0:
                signs += (SIGN_BITS[0] if byte < 0xA0 else SIGN_BITS[1]) >> (byte & 0x1F) & 1
    return signs >= SIGNS_LEAST * high


@kernel
def _resynchronised(data: U8, size: Any, most: Any, tables: Tables, work: Work) -> tuple[Any, Any]:
    """Write `losses.resynchronised` to ``damaged``; return its size, or `NOT` or `UNSURE`, and how much was lost."""
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
            at = low
            for k in range(_ways(data[low:i], tables.pairs, tables.links, work.widths[low:i])):
                width = np.int64(work.widths[low + k])
                if width == 1 or tables.pairs[np.int64(data[at]) << 8 | np.int64(data[at + 1])] == NO_PAIR:
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
            n = decode_gb(data, done, low, tables, work.damaged, n)
            if n < 0:
                return n, 0
            at = k = low
            while at < i:
                single = work.widths[k] == 1
                work.damaged[n] = LOSS if single else tables.shown[np.int64(data[at]) << 8 | np.int64(data[at + 1])]
                at += 1 if single else 2
                n += 1
                k += 1
            done = i
        i += 1
    return decode_gb(data, done, size, tables, work.damaged, n), lost


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
def _damaged(run: U32, low: Any, high: Any, data: U8, size: Any, true: Any, tables: Tables, work: Work) -> tuple[Any, Any, Any]:
    """Return `families._damaged`: whether the run is readable, its score, and the size of its text, which is written to ``damaged``."""
    most = size // (2 * APART_LOST)
    if most == 0 or true == BIG5_TRUE:
        return NONE, 0.0, 0
    if true == UTF8_TRUE:
        bytes_, lost = patch_utf8(data, 0, size, True, work.patched)
        left = 0
        while run[low] > 0x2E7F and left < 2 and left < bytes_ and work.patched[left] & 0xC0 == 0x80:
            left += 1
        if left == 0 and lost == 0:
            return NONE, 0.0, 0
        n, at, _ = decode_utf8(work.patched, left, bytes_, work.plain)
        if at < bytes_:
            return NONE, 0.0, 0
        first = 1 if left else 0
        work.damaged[0] = LOSS
        for i in range(n):
            work.damaged[first + i] = work.plain[i]
        n, lost = n + first, lost + first
    else:
        n, lost = _resynchronised(data, size, most, tables, work)
        if n < 0:
            return (UNSURE if n == UNSURE else NONE), 0.0, 0
    rest, han = without_losses(work.damaged, n, work.plain)
    if lost == 0 or han < APART_LOST * lost:
        return NONE, 0.0, 0
    state, score = readable(run, low, high, work.plain, rest, true, tables)
    return state, score - LOST_COST, n


@kernel
def _weighed(
    run: U32, low: Any, high: Any, data: U8, size: Any, true: Any, text: U32, n: Any, whole: Any, tables: Tables, work: Work
) -> tuple[Any, Any, Any]:
    """Return `families._weighed`: which text is best (``text``, which has ``n`` characters or is `NOT` valid, or ``damaged``), its score and size."""
    state, score = NONE, 0.0
    if n >= 0:
        state, score = readable(run, low, high, text, n, true, tables)
    if state == UNSURE or (state == AS_READ and abs(score - CERTAIN) < NEAR):
        return UNSURE, 0.0, 0
    if whole and (state == NONE or score < CERTAIN):
        lossy, score_lossy, n_lossy = _damaged(run, low, high, data, size, true, tables, work)
        if lossy == UNSURE or (lossy == AS_READ and state == AS_READ and abs(score - score_lossy) < NEAR):
            return UNSURE, 0.0, 0
        if lossy == AS_READ and (state == NONE or score_lossy > score):
            return WITH_LOSSES, score_lossy, n_lossy
    return state, score, n


@kernel
def _same(one: U32, low: Any, high: Any, other: U32, size: Any) -> Any:
    if high - low != size:
        return False
    for i in range(size):
        if one[low + i] != other[i]:
            return False
    return True


@kernel
def _may_be(data: U8, size: Any, codec: Any, true: Any) -> Any:
    """Return whether bytes that a codec displayed are worth reading in an encoding that is tried for it."""
    if not TRUES[codec] & true:
        return False
    if true == UTF8_TRUE:
        return not _never_utf8(data, size)
    return not (codec == CYRILLIC_CODEC or codec == KOI8) or _has_signs(data, size)  # noqa: PLR1714 - faster in a kernel


@kernel
def _best_inner(size: Any, data_size: Any, codec: Any, tables: Tables, work: Work) -> tuple[Any, Any]:
    """Return the true encoding of the best reading of ``text``, which is the first reading of a run, and its size; the reading is in ``deep``."""
    best_true, best, best_size = NONE, 0.0, 0
    for k in range(3):
        true = 1 << k
        if not _may_be(work.inner, data_size, codec, true):
            continue
        n = read(work.inner, data_size, true, tables, work.text_inner)
        if n == UNSURE:
            return UNSURE, 0
        if n >= 0 and _same(work.text, 0, size, work.text_inner, n):
            n = NOT
        if n > 0 and encode(work.text_inner, 0, n, codec, tables, work.patched) != NOT:
            return UNSURE, 0  # encoded three times, or more
        kind, score, m = _weighed(work.text, 0, size, work.inner, data_size, true, work.text_inner, n, False, tables, work)
        if kind == UNSURE or (kind != NONE and best_true != NONE and abs(score - best) < NEAR):
            return UNSURE, 0
        if kind != NONE and (best_true == NONE or score > best):
            best_true, best, best_size = true, score, m
            work.deep[:m] = work.text_inner[:m]
        if true == UTF8_TRUE and n > 0:
            break
    return best_true, best_size


@kernel
def best_reading(run: U32, low: Any, high: Any, size: Any, codec: Any, tables: Tables, work: Work) -> tuple[Any, Any, Any]:
    """Return `families._decoded` of a run, whose ``size`` bytes are in ``data``.

    That is the true encoding of the best reading (`NONE` if there is none, or `UNSURE`), its score, and its size; the reading is in ``best``.
    """
    best_true, best, best_size = NONE, 0.0, 0
    data = work.data
    for k in range(3):
        true = 1 << k
        if not _may_be(data, size, codec, true):
            continue
        n = read(data, size, true, tables, work.text)
        if n == UNSURE:
            return UNSURE, 0.0, 0
        if n >= 0 and _same(run, low, high, work.text, n):
            n = NOT
        text, m = work.text, n
        if n > 0:
            inner = encode(work.text, 0, n, codec, tables, work.inner)
            if inner == UNSURE:
                return UNSURE, 0.0, 0
            if inner > 0:
                deeper, deep_size = _best_inner(n, inner, codec, tables, work)
                if deeper == UNSURE:
                    return UNSURE, 0.0, 0
                if deeper != NONE:
                    text, m = work.deep, deep_size
        kind, score, m = _weighed(run, low, high, data, size, true, text, m, True, tables, work)
        if kind == UNSURE or (kind != NONE and best_true != NONE and abs(score - best) < NEAR):
            return UNSURE, 0.0, 0
        if kind != NONE and (best_true == NONE or score > best):
            best_true, best, best_size = true, score, m
            if kind == WITH_LOSSES:
                work.best[:m] = work.damaged[:m]
            else:
                work.best[:m] = text[:m]
        if true == UTF8_TRUE and n > 0:
            break
    return best_true, best, best_size
