"""Kernels that repair a line as ftfy does (`latin.ftfy_line`).

They give up (`UNSURE`) at what is rare: characters above 0xFFFF, spaces that were no-break spaces, CESU-8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cleantext.changes import U32
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import ALWAYS_CHANGED, U8
from cleantext.repair.misread.ftfy_tables import (
    CLUE,
    CONTINUATION,
    ENCODINGS,
    FIRST_OF_2,
    FIRST_OF_3,
    FIRST_OF_4,
    INSIDE,
    MACROMAN,
    OVER,
    SLOPPY,
    STRICT,
    FtfyTables,
)
from cleantext.repair.misread.readings import BEST, DATA, DEEP, PATCHED, PLAIN, TEXT, TEXT_INNER, WHOLE, LineRoom
from cleantext.repair.misread.transcode import NOT, UNSURE, copy, decode_utf8

__all__ = ["ftfy_result", "is_bad"]

N_ENCODINGS = len(ENCODINGS)
MOST_ROUNDS = 30
QUESTION, LOST = 0x3F, 0x1A  # bytes that replaced others; ftfy writes U+FFFD as the second


@kernel
def is_bad(text: U32, low: Any, high: Any, ftfy: FtfyTables) -> Any:
    """Return whether ftfy finds characters ``low`` to ``high`` bad, by themselves; all of them are below 0x10000."""
    for i in range(low, high):
        open_ = ftfy.bad[0, np.int64(text[i])]
        if i > low:
            open_ &= ftfy.bad[INSIDE, 0]
        k = 1
        while open_ != 0:
            if open_ & ftfy.bad[OVER, k] != 0:
                return True
            if i + k == high:
                break
            open_ &= ftfy.bad[k, np.int64(text[i + k])]
            k += 1
    return False


@kernel
def _is_lost(byte: Any) -> Any:
    return byte in (LOST, QUESTION)


@kernel
def _is_trail_or_lost(byte: Any) -> Any:
    return byte == LOST or byte & 0xC0 == 0x80


@kernel
def _has_altered(data: U8, size: Any) -> Any:
    """Return whether bytes may match ftfy's `ALTERED_UTF8_RE`: a space among bytes above ASCII."""
    for i in range(1, size):
        if data[i] == 0x20 and data[i - 1] >= 0x80:
            lead = data[i - 1]
            if lead in (0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9, 0xE2, 0xE3, 0xF0):
                return True
            if i > 1 and (data[i - 2] == 0xF0 or 0xE0 <= data[i - 2] <= 0xE3):
                return True
            if i > 2 and data[i - 3] == 0xF0:
                return True
    return False


@kernel
def _lossy(data: U8, i: Any, size: Any) -> Any:
    """Return the length of the match of ftfy's `LOSSY_UTF8_RE` here, 0 for none; surrogates, whose first byte is ED, aside."""
    lead = data[i]
    if lead == LOST:
        return 1
    if lead < 0xC2 or i + 1 >= size:
        return 0
    one = data[i + 1]
    if lead <= 0xDF:
        return 2 if one == LOST or (lead <= 0xC3 and one == QUESTION) else 0
    if i + 2 >= size or lead > 0xF4:
        return 0
    two = data[i + 2]
    if lead < 0xF0:
        return 3 if (_is_lost(one) and _is_trail_or_lost(two)) or (_is_trail_or_lost(one) and _is_lost(two)) else 0
    if i + 3 >= size:
        return 0
    lost = others = questions = 0
    for k in range(i + 1, i + 4):
        lost += 1 if _is_lost(data[k]) else 0
        questions += 1 if data[k] == QUESTION else 0
        others += 0 if data[k] == QUESTION or _is_trail_or_lost(data[k]) else 1
    return 4 if lost and questions <= 1 and not others else 0


@kernel
def _without_losses(data: U8, size: Any, out: U8) -> Any:
    """Write bytes with U+FFFD for what was lost, as ftfy does; return their number."""
    n = i = 0
    while i < size:
        length = _lossy(data, i, size)
        if length:
            out[n], out[n + 1], out[n + 2] = 0xEF, 0xBF, 0xBD
            n += 3
            i += length
        else:
            out[n] = data[i]
            n += 1
            i += 1
    return n


@kernel
def _writers(text: U32, low: Any, high: Any, ftfy: FtfyTables) -> Any:
    writers: Any = 0xFFFF
    for i in range(low, high):
        writers &= np.int64(ftfy.writers[np.int64(text[i])])
    return writers


@kernel
def _decoded(text: U32, size: Any, writers: Any, ftfy: FtfyTables, room: LineRoom, out: U32) -> Any:
    """Write a text decoded by the first encoding that makes it UTF-8; return its size, or `NOT` or `UNSURE`."""
    for codec in range(N_ENCODINGS):
        if not writers >> codec & 1:
            continue
        for i in range(size):
            room.bytes_[DATA, i] = ftfy.bytes_[codec, np.int64(text[i])]
        if codec != MACROMAN and _has_altered(room.bytes_[DATA], size):
            return UNSURE
        data, n = room.bytes_[DATA], size
        for i in range(n - 1):  # other UTF-8, or halves of lost surrogates
            if (data[i] == 0xC0 and data[i + 1] == 0x80) or (data[i] == 0xED and data[i + 1] >= 0xA0):
                return UNSURE
        if n > 1 and data[n - 2] == 0xC0 and data[n - 1] == 0x0A:  # see `latin.ftfy_line`
            return UNSURE
        if SLOPPY[codec]:
            n = _without_losses(data, size, room.bytes_[PATCHED])
            data = room.bytes_[PATCHED]
        n_text, at, _ = decode_utf8(data, 0, n, out)
        if at == n:
            for i in range(n_text):
                if out[i] > 0xFFFF:
                    return UNSURE
            return n_text
    return NOT


@kernel
def _utf8_end(text: U32, at: Any, size: Any, ftfy: FtfyTables) -> Any:
    """Return where a match of ftfy's `UTF8_DETECTOR_RE` that starts here ends; ``at`` itself for none."""
    clue = ftfy.bytes_[CLUE]
    if at > 0 and clue[np.int64(text[at - 1])] & STRICT:
        return at
    i = at
    while i < size:
        first, length = clue[np.int64(text[i])], 1
        while length < 4 and i + length < size and clue[np.int64(text[i + length])] & CONTINUATION:
            length += 1
        if first & FIRST_OF_2 and length > 1:
            i += 2
        elif first & FIRST_OF_3 and length > 2:
            i += 3
        elif first & FIRST_OF_4 and length > 3:
            i += 4
        else:
            break
    return i


@kernel
def _has_utf8(text: U32, size: Any, ftfy: FtfyTables) -> Any:
    i = 0
    while i < size and _utf8_end(text, i, size, ftfy) == i:
        i += 1
    return i < size


@kernel
def _without_c1(text: U32, size: Any, ftfy: FtfyTables) -> Any:
    """Give C1 controls their meaning in cp1252; return whether any has one. ftfy does this to what no encoding decodes, also if it is Latin-1."""
    changed = False
    for i in range(size):
        if 0x80 <= text[i] < 0xA0:
            point = ftfy.c1[np.int64(text[i]) - 0x80]
            changed = changed or text[i] != point
            text[i] = point
    return changed


@kernel
def _renewed(text: U32, size: Any, new: U32, n: Any) -> Any:
    """Copy ``n`` characters of ``new`` to ``text``, which had ``size``; return whether anything changed."""
    changed = n != size
    for i in range(n):
        changed = changed or new[i] != text[i]
        text[i] = new[i]
    return changed


@kernel
def _inner_part(size: Any, ftfy: FtfyTables, room: LineRoom) -> Any:
    """Repair the text in the row `TEXT`, a part of a part that looks like UTF-8, as `fix_encoding` does; return its size, or `UNSURE`."""
    text, new = room.points[TEXT], room.points[TEXT_INNER]
    for n_round in range(MOST_ROUNDS):
        if not is_bad(text, 0, size, ftfy):
            return size
        n = _decoded(text, size, _writers(text, 0, size, ftfy), ftfy, room, new)
        if n == UNSURE:
            return UNSURE
        if n == NOT:  # a part that was found is found whole in itself, and then left
            if n_round > 0 and _has_utf8(text, size, ftfy):
                return UNSURE
            if not _without_c1(text, size, ftfy):
                return size
            continue
        if not _renewed(text, size, new, n):
            return size
        size = n
    return UNSURE


@kernel
def _inner_parts(size: Any, ftfy: FtfyTables, room: LineRoom) -> Any:
    """Do for the row `DEEP` what `_parts` does for `WHOLE`; the result is in `PLAIN`."""
    text, new = room.points[DEEP], room.points[PLAIN]
    n = i = 0
    while i < size:
        end = _utf8_end(text, i, size, ftfy)
        if end > i and end - i < size and is_bad(text, i, end, ftfy):
            copy(text, i, end, room.points[TEXT], 0)
            m = _inner_part(end - i, ftfy, room)
            if m == UNSURE:
                return UNSURE
            copy(room.points[TEXT], 0, m, new, n)
        else:
            end = max(end, i + 1)
            m = end - i
            copy(text, i, end, new, n)
        n += m
        i = end
    return n


@kernel
def _part(size: Any, ftfy: FtfyTables, room: LineRoom) -> Any:
    """Repair the text in the row `DEEP`, a part of a line that looks like UTF-8, as `fix_encoding` does; return its size, or `UNSURE`."""
    text, new = room.points[DEEP], room.points[PLAIN]
    for _ in range(MOST_ROUNDS):
        if not is_bad(text, 0, size, ftfy):
            return size
        n = _decoded(text, size, _writers(text, 0, size, ftfy), ftfy, room, new)
        again = n == NOT
        if again:
            n = _inner_parts(size, ftfy, room)
        if n == UNSURE:
            return UNSURE
        if not _renewed(text, size, new, n) and not (again and _without_c1(text, n, ftfy)):
            return n
        size = n
    return UNSURE


@kernel
def _parts(size: Any, ftfy: FtfyTables, room: LineRoom) -> Any:
    """Write the text in the row `WHOLE` to `BEST`, with its bad parts that look like UTF-8 repaired; return its size, or `UNSURE`."""
    text, new = room.points[WHOLE], room.points[BEST]
    n = i = 0
    while i < size:
        end = _utf8_end(text, i, size, ftfy)
        if end > i and end - i < size and is_bad(text, i, end, ftfy):
            copy(text, i, end, room.points[DEEP], 0)
            m = _part(end - i, ftfy, room)
            if m == UNSURE:
                return UNSURE
            copy(room.points[DEEP], 0, m, new, n)
        else:
            end = max(end, i + 1)
            m = end - i
            copy(text, i, end, new, n)
        n += m
        i = end
    return n


@kernel
def _letter_amid(text: U32, size: Any) -> Any:
    """Return whether a text matches `latin.NO_UTF8`."""
    for i in range(1, size - 1):
        if text[i] >= 0x80:
            left, right = text[i - 1] & 0xDF, text[i + 1] & 0xDF
            if text[i - 1] < 0x80 and text[i + 1] < 0x80 and 0x41 <= left <= 0x5A and 0x41 <= right <= 0x5A:
                return True
    return False


@kernel
def ftfy_result(line: U32, size: Any, kind: U8, ftfy: FtfyTables, room: LineRoom) -> Any:
    """Write `latin.ftfy_line` of a line, which has its line break, to the row `WHOLE`; return its size, or `UNSURE`."""
    text, new = room.points[WHOLE], room.points[BEST]
    for i in range(size):
        if line[i] > 0xFFFF:
            return UNSURE
        text[i] = line[i]
    if _letter_amid(text, size) and is_bad(text, 0, size, ftfy):
        n = _parts(size, ftfy, room)
        if n == UNSURE:
            return UNSURE
        _renewed(text, size, new, n)
        size = n
    settled = False
    for _ in range(MOST_ROUNDS):
        if not is_bad(text, 0, size, ftfy):
            settled = True
            break
        n = _decoded(text, size, _writers(text, 0, size, ftfy), ftfy, room, new)
        again = n == NOT
        if again:
            n = _parts(size, ftfy, room)
        if n == UNSURE:
            return UNSURE
        if not _renewed(text, size, new, n) and not (again and _without_c1(text, n, ftfy)):
            size = n
            settled = True
            break
        size = n
    if not settled:
        return UNSURE
    for i in range(size):
        if kind[np.int64(text[i])] & ALWAYS_CHANGED:
            return UNSURE
    return UNSURE if _without_c1(text, size, ftfy) else size
