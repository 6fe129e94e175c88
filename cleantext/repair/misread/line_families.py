"""Kernels that find the mojibake of a line: the same as `families.family_edits`, for many lines at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from cleantext.changes import U32
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import CP950, GB18030, Codes
from cleantext.repair.misread.codec_runs import SHORTEST, _runs
from cleantext.repair.misread.families import SINGLE
from cleantext.repair.misread.readings import (
    AFTER,
    BEST,
    DAMAGED,
    DATA,
    FOUND,
    LOSS,
    NEAR,
    NONE,
    PATCHED,
    PLAIN,
    RUNS,
    SEEN,
    TAKEN,
    TEXT,
    WHOLE,
    LineRoom,
    _same,
    best_reading,
    readable,
    without_losses,
)
from cleantext.repair.misread.transcode import NOT, UNSURE, UTF8_TRUE, copy, decode_utf8, encode, patch_utf8
from cleantext.repair.model import WordArrays

__all__ = ["found_in_han", "found_in_latin"]

SINGLES = len(SINGLE)
QUESTION = 0x3F


@kernel
def _has_pairs(line: U32, size: Any) -> Any:
    """Return whether `families.LATIN_PAIRS` are in a line."""
    threes = pairs = i = run = 0
    while i < size:
        run = run + 1 if 0x80 <= line[i] < 0x3000 else 0
        if run == 3:
            threes, run = threes + 1, 0
            if threes == 2:
                return True
        i += 1
    i = 0
    while i + 1 < size:
        if 0x80 <= line[i] < 0x3000 and (0x40 <= line[i + 1] < 0x7F or 0x80 <= line[i + 1] < 0x3000):
            pairs += 1
            if pairs == 3:
                return True
            i += 1
        i += 1
    return False


@kernel
def _add(room: LineRoom, n: Any, low: Any, high: Any, true: Any, text: U32, size: Any) -> Any:
    """Add a reading to those found; return their number, or `UNSURE` if there is no room."""
    begin = room.rows[FOUND, n - 1, 4] if n else 0
    if n == room.rows.shape[1] or begin + size > room.points.shape[1]:
        return UNSURE
    copy(text, 0, size, room.points[AFTER], begin)
    room.rows[FOUND, n, 0], room.rows[FOUND, n, 1], room.rows[FOUND, n, 2], room.rows[FOUND, n, 3], room.rows[FOUND, n, 4] = (
        low,
        high,
        true,
        begin,
        begin + size,
    )
    return n + 1


@kernel
def _better(room: LineRoom, true: Any, score: Any, size: Any, best_true: Any, best: Any, best_size: Any) -> Any:
    """Return whether a reading of a line is better than the best so far: 1 if it is, 0 if not, or `UNSURE`."""
    if best_true == NONE:
        return 1
    if (true == UTF8_TRUE) != (best_true == UTF8_TRUE):
        return 1 if true == UTF8_TRUE else 0
    if abs(score - best) < NEAR:
        return 0 if true == best_true and _same(room.points[BEST], 0, size, room.points[WHOLE], best_size) else UNSURE
    return 1 if score > best else 0


@kernel
def _take(room: LineRoom, first: Any, last: Any) -> None:
    """Choose readings ``first`` to ``last`` of those found, where none that was chosen before overlaps them."""
    for k in range(first, last):
        free = True
        for i in range(room.rows[FOUND, k, 0], room.rows[FOUND, k, 1]):
            free = free and room.bytes_[TAKEN, i] == 0
        if free:
            room.at[room.rows[FOUND, k, 0]] = k + 1
    for k in range(first, last):
        if room.at[room.rows[FOUND, k, 0]] == k + 1:
            room.bytes_[TAKEN, room.rows[FOUND, k, 0] : room.rows[FOUND, k, 1]] = 1


@kernel
def _merge(room: LineRoom, size: Any, groups: Any, counts: Any) -> Any:
    """Choose among the readings found, group after group, those with the most characters first; return how many edits there are.

    Reading ``k`` was chosen if `LineRoom.at` is ``k + 1`` where it starts.
    """
    room.at[:size] = 0
    room.bytes_[TAKEN, :size] = 0
    sums = np.zeros(groups, np.int64)
    for g in range(groups):
        for k in range(counts[g], counts[g + 1]):
            sums[g] += room.rows[FOUND, k, 1] - room.rows[FOUND, k, 0]
    for _ in range(groups):
        best = 0
        for g in range(groups):
            if sums[g] > sums[best]:
                best = g
        if sums[best] == 0:
            break
        _take(room, counts[best], counts[best + 1])
        sums[best] = 0
    n = 0
    for i in range(size):
        n += room.at[i] > 0
    return n


@kernel
def _one(room: LineRoom, size: Any, true: Any, best_size: Any) -> Any:
    """Make the best reading of the line the only edit."""
    room.at[:size] = 0
    room.at[0] = 1
    return _add(room, 0, 0, size, true, room.points[WHOLE], best_size)


@kernel
def found_in_latin(line: U32, size: Any, codes: Codes, words: WordArrays, room: LineRoom) -> Any:
    """Find the edits of a line, whose runs of Latin letters are examined; return their number, or `UNSURE`."""
    if not _has_pairs(line, size):
        return 0
    n_runs = _runs(line[:size], codes.writers, SINGLES, room.rows[RUNS])
    best_true, best, best_size = NONE, 0.0, 0
    for r in range(n_runs):
        if room.rows[RUNS, r, 1] == 0 and room.rows[RUNS, r, 2] == size:
            codec = room.rows[RUNS, r, 0]
            true, score, n = best_reading(line, 0, size, encode(line, 0, size, codec, codes, room.bytes_[DATA]), codec, codes, words, room)
            if true == UNSURE:
                return UNSURE
            if true != NONE:
                better = _better(room, true, score, n, best_true, best, best_size)
                if better == UNSURE:
                    return UNSURE
                if better == 1:
                    best_true, best, best_size = true, score, n
                    copy(room.points[BEST], 0, n, room.points[WHOLE], 0)
                if true == UTF8_TRUE:
                    break
    if best_true != NONE:
        return _one(room, size, best_true, best_size)
    counts = np.zeros(SINGLES + 1, np.int64)
    found = at = 0
    for codec in range(SINGLES):
        while at < n_runs and room.rows[RUNS, at, 0] == codec:
            low, high = room.rows[RUNS, at, 1], room.rows[RUNS, at, 2]
            at += 1
            if low == 0 and high == size:
                continue
            true, _, n = best_reading(line, low, high, encode(line, low, high, codec, codes, room.bytes_[DATA]), codec, codes, words, room)
            if true == UNSURE:
                return UNSURE
            if true != NONE:
                found = _add(room, found, low, high, true, room.points[BEST], n)
                if found == UNSURE:
                    return UNSURE
        counts[codec + 1] = found
    return _merge(room, size, SINGLES, counts)


@kernel
def _same_bytes(room: LineRoom, size: Any, n: Any, of: Any) -> Any:
    i = 0
    while i < size and n == size and room.bytes_[DATA, i] == room.bytes_[SEEN + of, i]:
        i += 1
    return i == size and n == size


@kernel
def found_in_han(line: U32, size: Any, codes: Codes, words: WordArrays, room: LineRoom) -> Any:
    """Find the edits of a line, whose runs of Han characters are examined; return their number, or `UNSURE`."""
    best_true, best, best_size = NONE, 0.0, 0
    sizes = np.full(3, NOT, np.int64)
    for codec in range(GB18030, CP950 + 1):
        n_data = encode(line, 0, size, codec, codes, room.bytes_[DATA])
        if n_data == UNSURE:
            return UNSURE
        if n_data <= 0:
            continue
        again = False
        for k in range(codec - GB18030):
            again = again or _same_bytes(room, n_data, sizes[k], k)
        if again:
            continue
        if codec < CP950:
            sizes[codec - GB18030] = n_data
            copy(room.bytes_[DATA], 0, n_data, room.bytes_[SEEN + codec - GB18030], 0)
        true, score, n = best_reading(line, 0, size, n_data, codec, codes, words, room)
        if true == UNSURE:
            return UNSURE
        if true != NONE:
            better = _better(room, true, score, n, best_true, best, best_size)
            if better == UNSURE:
                return UNSURE
            if better == 1:
                best_true, best, best_size = true, score, n
                copy(room.points[BEST], 0, n, room.points[WHOLE], 0)
            if true == UTF8_TRUE:
                break
    if best_true != NONE:
        return _one(room, size, best_true, best_size)
    counts = np.zeros(5, np.int64)
    found = 0
    for codec in range(GB18030, CP950 + 1):
        i = 0
        while i < size:
            low = i
            while i < size and line[i] >= 0x80:
                i += 1
            if i - low < 2:
                i += 1
                continue
            high = i + 1 if i < size and 0x40 <= line[i] < 0x7F else i
            i = max(high, i)
            if low == 0 and high == size:
                continue
            n_data = encode(line, low, high, codec, codes, room.bytes_[DATA])
            if n_data == UNSURE:
                return UNSURE
            if n_data < SHORTEST:
                continue
            true, _, n = best_reading(line, low, high, n_data, codec, codes, words, room)
            if true == UNSURE:
                return UNSURE
            if true != NONE:
                found = _add(room, found, low, high, true, room.points[BEST], n)
                if found == UNSURE:
                    return UNSURE
        counts[codec - GB18030 + 1] = found
    found = _cut_short(line, size, found, codes, words, room)
    if found == UNSURE:
        return UNSURE
    counts[4] = found
    return _merge(room, size, 4, counts)


@kernel
def _cut_short(line: U32, size: Any, found: Any, codes: Codes, words: WordArrays, room: LineRoom) -> Any:
    """Add `families._cut_short` to what was found; return how many readings that are, or `UNSURE`."""
    i = 0
    while i < size:
        low = i
        while i < size and line[i] >= 0x80 and line[i] != LOSS:
            i += 1
        high = i
        i += 1
        before = low > 0 and (line[low - 1] == QUESTION or line[low - 1] == LOSS)
        behind = high < size and (line[high] == QUESTION or line[high] == LOSS)
        if high - low < 3 or not (before or behind):
            continue
        n_data = encode(line, low, high, GB18030, codes, room.bytes_[DATA])
        if n_data < 0:
            return UNSURE
        left = 0
        while left < 2 and left < n_data and room.bytes_[DATA, left] & 0xC0 == 0x80:
            left += 1
        n_bytes, _ = patch_utf8(room.bytes_[DATA], left, n_data, False, room.bytes_[PATCHED])
        n = 1 if left and not before else 0
        room.points[DAMAGED, 0] = LOSS
        n_text, at, cut_off = decode_utf8(room.bytes_[PATCHED], 0, n_bytes, room.points[TEXT])
        if at < n_bytes and not (cut_off and behind):
            continue
        rest, _ = without_losses(room.points[TEXT], n_text, room.points[PLAIN])
        state, _ = readable(line, low, high, room.points[PLAIN], rest, UTF8_TRUE, words)
        if state == UNSURE:
            return UNSURE
        if state == NONE:
            continue
        copy(room.points[TEXT], 0, n_text, room.points[DAMAGED], n)
        n += n_text
        if behind:
            room.points[DAMAGED, n] = LOSS if at < n_bytes else line[high]
            n += 1
        found = _add(room, found, low, high + 1 if behind else high, UTF8_TRUE, room.points[DAMAGED], n)
        if found == UNSURE:
            return UNSURE
    return found
