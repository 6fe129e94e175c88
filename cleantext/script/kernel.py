"""The kernels of script conversion, over code points.

``substitute`` does one stage whose values are as long as their keys, in place: the t2s of a crawl.
``rewrite`` does a stage of any kind, from one array to another. ``collect`` turns what they did into
runs of edits; ``tally`` counts the evidence for scripts.

Numba compiles them; they are also valid Python, on numpy arrays. Code points come as int32, and
are widened at once: uint32 with int64 would make floats in Numba, int32 alone would overflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.jit import kernel

if TYPE_CHECKING:
    from cleantext.script.tables import Table

__all__ = [
    "BARRIER",
    "CUT",
    "FREEZE",
    "FROZEN",
    "KEEP",
    "TEXT",
    "collect",
    "found",
    "freeze_descriptions",
    "rewrite",
    "substitute",
    "tally",
]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

# What stands in `marks`, one byte a character. A match may begin at a mark, but not go on over one.
BARRIER = 1  # a segment begins here
FROZEN = 2  # not to be touched
TEXT = 4  # a text begins here

CUT, FREEZE, KEEP = 1, 2, 4  # modes

INNER = 0x110000
A, B = 0x9E3779B1, 0x85EBCA6B
LOW = (1 << 21) - 1
START = 1 << 31
LONG = 1 << 30
ZHE, ZHAO = 0x8457, 0x7740  # 著, 着
ZHE_RULE = 5  # the tag of the 著 rule in `cleantext.script.tables`

# The walk through the trie stands in both kernels that match: as a function of its own, which Numba
# does not inline, it cost t2s five sixths of its speed (1,172 -> 204 MB/s).


@kernel
def substitute(points: I32, low: I64, high: I64, marks: U8, table: Table, mode: int, tags: U8) -> None:
    """Convert spans of ``points`` in place, by a table whose values are as long as their keys.

    ``marks`` bounds the matches, unless it is empty; with CUT, barriers are put around them; with KEEP
    they are not replaced. ``tags`` takes the rule of each change, unless it is empty.
    """
    filter_shift, slot_shift, character, zhe = table.settings[0], table.settings[1], table.settings[2], table.settings[3]
    mask = len(table.slot) - 1
    free = len(marks) == 0
    record = len(tags) > 0
    for s in range(len(low)):
        i, end = low[s], high[s]
        while i < end:
            c: Any = np.int64(points[i])
            e: Any = np.int64(table.entry[table.block[c >> 8] + (c & 255)])
            if e < START:
                # Stored whether it changes or not: one character in five does, which a branch would guess wrong.
                if free or not marks[i] & FROZEN:
                    points[i] = c ^ e
                    if record:
                        tags[i] = character if e else tags[i]
                i += 1
                continue
            if not free and marks[i] & FROZEN:
                i += 1
                continue
            value: Any = e & LOW if e & LONG else -1
            stop = j = i + 1
            parent = c
            while j < end and (free or not marks[j]):
                c2: Any = np.int64(points[j])
                h: Any = (parent * A + c2 * B) & 0xFFFFFFFF
                f = h >> filter_shift
                if not table.filter[f >> 3] >> (f & 7) & 1:
                    break
                key = parent << 21 | c2
                at = h >> slot_shift
                while table.slot[at] >= 0 and table.slot[at] >> 21 != key:
                    at = (at + 1) & mask
                info = table.slot[at] & LOW
                if table.slot[at] < 0:
                    break
                j += 1
                if info > 1:
                    value = (info >> 1) - 1
                    stop = j
                if info & 1 == 0:
                    break
                parent = INNER + at
            if value >= 0:
                row = table.value[value]
                first = row >> 16
                if not mode & KEEP:
                    for k in range(stop - i):
                        new = table.points[first + k]
                        if record and new != points[i + k]:
                            tags[i + k] = row & 15
                        points[i + k] = new
                if mode & CUT:
                    marks[i] |= BARRIER
                    if stop < end:
                        marks[stop] |= BARRIER
            elif c == ZHE and zhe:
                before = points[i - 1] if i > low[s] and (free or not marks[i]) else 10
                after = points[i + 1] if i + 1 < end and (free or not marks[i + 1]) else 10
                han = 0x4E00 <= after <= 0x9FFF or 0x3400 <= after <= 0x4DBF or after >= 0x20000
                if han and before not in (9, 10, 13, 32, 0xA0, 0x3000):
                    points[i] = ZHAO
                    if record:
                        tags[i] = ZHE_RULE
            elif e & LOW:
                points[i] = c ^ (e & LOW)
                if record:
                    tags[i] = character
            i = stop


@kernel
def rewrite(
    points: I32, marks: U8, origin: I32, tags: U8, table: Table, mode: int, out: I32, out_marks: U8, out_origin: I32, out_tags: U8
) -> Any:
    """Convert a batch by any table; return the length of the output, or -1 where ``out`` is too short.

    With CUT, matches become segments, which bound the matches of later passes; with FREEZE, later
    passes do not touch them. ``origin`` says for each character that begins a unit where that unit
    began in the original, and is -1 inside one. It and ``tags`` are empty where nobody asks for edits.
    """
    filter_shift, slot_shift, character = table.settings[0], table.settings[1], table.settings[2]
    mask = len(table.slot) - 1
    record = len(origin) > 0
    barrier = BARRIER if mode & CUT else 0
    inside = FROZEN if mode & FREEZE else 0
    n, room = len(points), len(out)
    i: Any = 0
    o: Any = 0
    cut = 0  # BARRIER where a segment has just ended
    while i < n:
        if o >= room:
            return -1
        mark = marks[i]
        c: Any = np.int64(points[i])
        e: Any = np.int64(0)
        if not mark & FROZEN:
            e = np.int64(table.entry[table.block[c >> 8] + (c & 255)])
        value: Any = -1
        if e >= START:
            value = e & LOW if e & LONG else -1
            stop = j = i + 1
            parent = c
            while j < n and not marks[j]:
                c2: Any = np.int64(points[j])
                h: Any = (parent * A + c2 * B) & 0xFFFFFFFF
                f = h >> filter_shift
                if not table.filter[f >> 3] >> (f & 7) & 1:
                    break
                key = parent << 21 | c2
                at = h >> slot_shift
                while table.slot[at] >= 0 and table.slot[at] >> 21 != key:
                    at = (at + 1) & mask
                info = table.slot[at] & LOW
                if table.slot[at] < 0:
                    break
                j += 1
                if info > 1:
                    value = (info >> 1) - 1
                    stop = j
                if info & 1 == 0:
                    break
                parent = INNER + at
            if value >= 0:
                row = table.value[value]
                first, length, width = row >> 16, row >> 4 & 4095, stop - i
                if o + length > room:
                    return -1
                for k in range(length):
                    out[o + k] = table.points[first + k]
                    out_marks[o + k] = inside
                out_marks[o] |= mark | cut | barrier
                if record:
                    for k in range(length):
                        same = length == width and out[o + k] == points[i + k]
                        out_tags[o + k] = tags[i + k] if same else row & 15
                        out_origin[o + k] = origin[i + k] if length == width else origin[i] if k == 0 else -1
                cut = barrier
                o += length
                i = stop
                continue
        single = c ^ (e & LOW)
        out[o] = single
        out_marks[o] = mark | cut
        if record:
            out_origin[o] = origin[i]
            out_tags[o] = tags[i] if single == c else character
        cut = 0
        o += 1
        i += 1
    return o


@kernel
def collect(
    points: I32, out: I32, origin: I32, tags: U8, character: int, spans: I64, rows: I32, offsets: I64, before: U32, after: U32
) -> Any:
    """Write the runs of changed characters; return how many runs there are, and their characters before and after.

    ``spans`` has a row for each span: low and high in ``points``, low and high in ``out``, page, and
    where the page begins in ``points``. ``rows`` takes page, start, end, rule. ``offsets`` has two
    rows, for ``before`` and ``after``. An empty ``origin`` stands for a conversion character by character.
    """
    aligned = len(origin) == 0
    n = nb = na = 0
    for s in range(len(spans)):
        i, end, o, stop, page, base = spans[s, 0], spans[s, 1], spans[s, 2], spans[s, 3], spans[s, 4], spans[s, 5]
        last = np.int64(-1)
        while o < stop:
            o2 = o + 1
            i2 = i + 1
            if aligned:
                if points[i] == out[o]:
                    i, o = i2, o2
                    continue
            else:
                while o2 < stop and origin[o2] < 0:
                    o2 += 1
                i2 = np.int64(origin[o2]) if o2 < stop else end
                k = 0
                while k < o2 - o and o2 - o == i2 - i and points[i + k] == out[o + k]:
                    k += 1
                if k == o2 - o:
                    i, o = i2, o2
                    continue
            rule = character if tags[o] == 0 else np.int64(tags[o])
            if last != i or rows[3, n - 1] != rule:
                rows[0, n] = page
                rows[1, n] = i - base
                rows[3, n] = rule
                n += 1
            rows[2, n - 1] = i2 - base
            last = i2
            for k in range(i, i2):
                before[nb] = points[k]
                nb += 1
            for k in range(o, o2):
                after[na] = out[k]
                na += 1
            offsets[0, n] = nb
            offsets[1, n] = na
            i, o = i2, o2
    return n, nb, na


@kernel
def tally(points: I32, low: I64, high: I64, classes: U8, addend: I64, counts: I64) -> None:
    """Count the classes of the characters of each span: seven counters of 9 bits in one int64, emptied every 511 characters."""
    for s in range(len(low)):
        i = low[s]
        while i < high[s]:
            stop = min(i + 511, high[s])
            total = np.int64(0)
            for k in range(i, stop):
                total += addend[classes[points[k]]]
            for f in range(7):
                counts[s, f] += total >> (9 * f) & 511
            i = stop


@kernel
def found(points: I32) -> int:
    """Say whether there are compatibility ideographs (1) and ideographic description operators (2)."""
    compatibility = descriptions = False
    for i in range(len(points)):
        c = points[i]
        compatibility |= ((c >= 0xF900) & (c <= 0xFAFF)) | ((c >= 0x2F800) & (c <= 0x2FA1F))
        descriptions |= (c >= 0x2FF0) & (c <= 0x2FFF)
    return (1 if compatibility else 0) + (2 if descriptions else 0)


@kernel
def freeze_descriptions(points: I32, marks: U8) -> None:
    """Freeze complete ideographic description sequences (⿰言兌), as OpenCC does: at most 64 characters, 16 levels deep."""
    n = len(points)
    i = 0
    missing = np.zeros(17, np.int64)  # operands, at each level of what is written in prefix notation
    while i < n:
        j = i
        depth = 0
        while True:
            if j >= n or j - i >= 64 or depth >= 16 or (j > i and marks[j]):
                j = i
                break
            c = points[j]
            j += 1
            if 0x2FF0 <= c <= 0x2FFF:
                depth += 1
                missing[depth] = 3 if 0x2FF2 <= c <= 0x2FF3 else 1 if c >= 0x2FFE else 2
                continue
            while depth and missing[depth] == 1:
                depth -= 1
            if depth == 0:
                break
            missing[depth] -= 1
        if j > i + 1:
            for k in range(i, j):
                marks[k] |= FROZEN
        i = max(j, i + 1)
