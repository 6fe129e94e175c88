"""Kernels that encode and decode the text of a line, as Python's codecs do.

They give up (`UNSURE`) at what is rare: characters of four bytes in GB18030, pairs of bytes in Big5-HKSCS for two characters. The caller then
leaves the line to Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cleantext.changes import U32
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import BIG, BIG5, BIG_OF, CP950_OF, GB, GB18030, GB_OF, TWO_CHARACTERS, U8, Codes

__all__ = ["BIG5_TRUE", "GB_TRUE", "NOT", "UNSURE", "UTF8_TRUE", "copy", "decode_gb", "decode_utf8", "encode", "patch_utf8", "read"]

NOT, UNSURE = -1, -2
UTF8_TRUE, GB_TRUE, BIG5_TRUE = 1, 2, 4  # the true encodings, as bits
SINGLES = GB18030  # codecs below this number are single-byte ones


@kernel
def copy(source: Any, low: Any, high: Any, out: Any, at: Any) -> None:
    """Copy elements ``low`` to ``high`` of an array. An assignment of slices does the same, but takes a second to compile."""
    for i in range(low, high):
        out[at + i - low] = source[i]


@kernel
def encode(points: U32, low: Any, high: Any, codec: Any, codes: Codes, out: U8) -> Any:
    """Write the bytes of characters ``low`` to ``high`` in a codec; return their number, or `NOT` if it cannot write them."""
    n = 0
    if codec < SINGLES:
        for i in range(low, high):
            point = np.int64(points[i])
            if point > 0xFFFF or not codes.writers[point] >> np.uint16(codec) & np.uint16(1):
                return NOT
            out[n] = codes.byte[codec, point]
            n += 1
        return n
    for i in range(low, high):
        point = np.int64(points[i])
        if point < 0x80:
            out[n] = point
            n += 1
            continue
        if codec == GB18030:
            if point > 0xFFFF:
                rest = point - 0x10000
                code = (0x90 + rest // 12600) << 24 | (0x30 + rest // 1260 % 10) << 16 | (0x81 + rest // 10 % 126) << 8 | (0x30 + rest % 10)
            else:
                code = np.int64(codes.codes[GB_OF, point])
        elif point > 0xFFFF:
            return UNSURE if 0x20000 <= point < 0x30000 else NOT
        else:
            code = np.int64(codes.codes[BIG_OF if codec == BIG5 else CP950_OF, point])
            if (point in (0xCA, 0xEA)) and i + 1 < high and (points[i + 1] == 0x304 or points[i + 1] == 0x30C):
                return UNSURE  # Big5-HKSCS has these two as one
        if code == 0:
            return NOT
        if code > 0xFFFF:
            out[n] = code >> 24
            out[n + 1] = code >> 16 & 0xFF
            n += 2
        out[n] = code >> 8 & 0xFF
        out[n + 1] = code & 0xFF
        n += 2
    return n


@kernel
def decode_utf8(data: U8, low: Any, high: Any, out: U32) -> tuple[Any, Any, Any]:
    """Write the characters of UTF-8; return their number, where an error is (``high`` if there is none), and whether the end was only cut off."""
    n = 0
    i = low
    while i < high:
        lead = np.int64(data[i])
        if lead < 0x80:
            out[n] = lead
            n += 1
            i += 1
            continue
        if lead < 0xC2 or lead > 0xF4:
            return n, i, False
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        point = lead & (0x3F >> more)
        for k in range(1, more + 1):
            if i + k >= high:
                return n, i, True
            byte = np.int64(data[i + k])
            if byte & 0xC0 != 0x80:
                return n, i, False
            if k == 1 and (
                (lead == 0xE0 and byte < 0xA0)
                or (lead == 0xED and byte >= 0xA0)
                or (lead == 0xF0 and byte < 0x90)
                or (lead == 0xF4 and byte >= 0x90)
            ):
                return n, i, False
            point = point << 6 | (byte & 0x3F)
        out[n] = point
        n += 1
        i += more + 1
    return n, high, False


@kernel
def decode_gb(data: U8, low: Any, high: Any, codes: Codes, out: U32, n: Any) -> Any:
    """Write the characters of GB18030 from position ``n`` on; return the position behind them, or `NOT` if it is invalid."""
    i = low
    while i < high:
        lead = np.int64(data[i])
        if lead < 0x80:
            out[n] = lead
            n += 1
            i += 1
            continue
        if i + 1 >= high:
            return NOT
        trail = np.int64(data[i + 1])
        if 0x30 <= trail < 0x3A:
            if i + 3 < high and 0x81 <= data[i + 2] <= 0xFE and 0x30 <= data[i + 3] < 0x3A:
                return UNSURE
            return NOT
        point = codes.codes[GB, lead << 8 | trail]
        if point == 0:
            return NOT
        out[n] = point
        n += 1
        i += 2
    return n


@kernel
def read(data: U8, size: Any, true: Any, codes: Codes, out: U32) -> Any:
    """Write the characters of bytes in a true encoding; return their number, or `NOT` if they are invalid or would be written otherwise."""
    if true == UTF8_TRUE:
        n, at, _ = decode_utf8(data, 0, size, out)
        return n if at == size else NOT
    if true == GB_TRUE:
        return decode_gb(data, 0, size, codes, out, 0)
    n = 0
    i = 0
    while i < size:
        lead = np.int64(data[i])
        if lead < 0x80:
            out[n] = lead
            n += 1
            i += 1
            continue
        if i + 1 >= size:
            return NOT
        point = codes.codes[BIG, lead << 8 | np.int64(data[i + 1])]
        if point == 0:
            return NOT
        if point == TWO_CHARACTERS:
            return UNSURE
        out[n] = point
        n += 1
        i += 2
    return n


@kernel
def _trail(data: U8, at: Any, high: Any) -> Any:
    return at < high and data[at] & 0xC0 == 0x80


@kernel
def _complete(data: U8, at: Any, high: Any) -> Any:
    """Return whether a character of three bytes that Chinese has begins here."""
    return at + 2 < high and 0xE2 <= data[at] <= 0xEF and _trail(data, at + 1, high) and _trail(data, at + 2, high)


@kernel
def _may_follow(data: U8, at: Any, high: Any, ends: Any, inside: Any) -> Any:
    if inside:  # between complete characters, ASCII or the end
        return (ends if at == high else data[at] < 0x80) or _complete(data, at, high)
    return _complete(data, at, high) and _complete(data, at + 3, high)


@kernel
def _broken(data: U8, at: Any, low: Any, high: Any, ends: Any) -> Any:
    """Return the length of the match of `losses.BROKEN` here, 0 for none."""
    lead, trail = 0xE2 <= data[at] <= 0xEF, data[at] & 0xC0 == 0x80
    if not (lead and _trail(data, at + 1, high)) and not trail:
        return 0
    for inside in (True, False):
        if inside:
            if at - low < 3 or not _complete(data, at - 3, high):
                continue
        elif at > low and data[at - 1] >= 0x80:
            continue
        if (lead or _trail(data, at + 1, high)) and _may_follow(data, at + 2, high, ends, inside):
            return 2
        if trail and _may_follow(data, at + 1, high, ends, inside):
            return 1
    return 0


@kernel
def patch_utf8(data: U8, low: Any, high: Any, ends: Any, out: U8) -> tuple[Any, Any]:
    """Write UTF-8 with U+FFFD for the rest of characters that lost a byte; return the number of bytes, and of these characters.

    ``ends`` says whether a rest may stand at the end.
    """
    n = lost = 0
    i = low
    while i < high:
        if _complete(data, i, high):
            out[n], out[n + 1], out[n + 2] = data[i], data[i + 1], data[i + 2]
            n += 3
            i += 3
            continue
        size = _broken(data, i, low, high, ends) if data[i] >= 0x80 else 0
        if size:
            out[n], out[n + 1], out[n + 2] = 0xEF, 0xBF, 0xBD
            n += 3
            i += size
            lost += 1
        else:
            out[n] = data[i]
            n += 1
            i += 1
    return n, lost
