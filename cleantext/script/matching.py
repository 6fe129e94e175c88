"""The kernels of script conversion, over code points.

``convert`` does one stage; ``found`` and ``freeze_descriptions`` see to what OpenCC treats apart;
``tally`` counts the evidence for scripts.

Numba compiles them; they are also valid Python, on numpy arrays. Code points come as int32, and
are widened at once: uint32 with int64 would make floats in Numba, int32 alone would overflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.jit import kernel

if TYPE_CHECKING:
    from cleantext.script.dictionaries import ConversionTable

__all__ = [
    "BARRIER",
    "CUT",
    "FREEZE",
    "FROZEN",
    "KEEP",
    "ONLY",
    "convert",
    "found",
    "freeze_descriptions",
    "tally",
]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

# Bits of `marks`, one byte per character. A match may begin at a mark, but not extend over one.
BARRIER = 1  # a segment begins here
FROZEN = 2  # must not be changed

CUT, FREEZE, KEEP, ONLY = 1, 2, 4, 8  # modes

INNER = 0x110000
A, B = 0x9E3779B1, 0x85EBCA6B
LOW = (1 << 21) - 1
START = 1 << 31
LONG = 1 << 30
ZHE, ZHAO = 0x8457, 0x7740  # 著, 着
# The same as unsigned numbers, since Numba checks every signed index for being negative.
UA, UB, UC, UPAIR, WORD, ULOW, BYTE = (
    np.uint64(A),
    np.uint64(B),
    np.uint64(0xC2B2AE35),
    np.uint64(0x5BD1E995),
    np.uint64(0xFFFFFFFF),
    np.uint64(LOW),
    np.uint64(255),
)
U1, U3, U7, EIGHT, U30, U31 = np.uint64(1), np.uint64(3), np.uint64(7), np.uint64(8), np.uint64(30), np.uint64(31)
BLOCK = 1024  # characters per block, so that its buffers stay in the first-level cache
ZHE_RULE = 5  # the tag of the 著 rule in `cleantext.script.dictionaries`


@kernel
def convert(
    points: I32,
    low: I64,
    high: I64,
    marks: U8,
    origin: I32,
    tags: U8,
    table: ConversionTable,
    mode: int,
    out: I32,
    out_marks: U8,
    out_origin: I32,
    out_tags: U8,
    ends: I64,
) -> Any:
    """Convert spans of a batch by one table; return the length of the output, or -1 if ``out`` is too short.

    ``ends`` takes where the output of each span ends. A table that keeps lengths writes each character
    in its place, and changes ``marks`` in place: what is outside the spans must be in ``out`` already.
    Any other table writes one span behind the other, and the marks of the output to ``out_marks``.

    The rest may be empty where it is not needed: ``marks``, which bounds matches; ``tags``, the
    rule that made each character; and ``origin``, which says of each character that begins a unit where that
    unit began in the original, and is -1 inside one.

    With CUT, matches become segments, which bound the matches of later passes; with FREEZE, no later
    pass touches them; with KEEP, they get barriers in ``marks``, and nothing is written; with ONLY,
    the one pass there is, single characters have the tag 0, for that of the table.

    A block at a time, all single characters are mapped and the places listed where a phrase may start;
    then only those are looked at. (With a branch at each character instead, which is guessed wrong at
    one in three, s2t took 10.8 ns a character.) The first steps into the trie are taken together too:
    one after the other, each would wait for memory.
    """
    filter_shift, slot_shift, character, zhe, aligned = (
        table.settings[0],
        table.settings[1],
        table.settings[2],
        table.settings[3],
        table.settings[4],
    )
    ufilter, uslot = np.uint64(filter_shift), np.uint64(slot_shift)
    mask = len(table.slot) - 1
    marked, cuts, record, moved = len(marks) > 0, len(out_marks) > 0, len(tags) > 0, len(origin) > 0
    in_place = aligned != 0 and mode & KEEP == 0
    barrier = BARRIER if mode & (CUT | KEEP) else 0
    inside = FROZEN if mode & FREEZE else 0
    single, places = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int64)
    target = out if in_place else single
    o: Any = 0
    for s in range(len(low)):
        at: Any = low[s]  # everything before this is converted
        end: Any = high[s]
        cut = 0  # BARRIER where a segment has just ended
        while at < end:
            first, stop = at, min(at + BLOCK, end)
            shift = 0 if in_place else first
            found_: Any = 0
            for place in range(first, stop):
                c: Any = np.uint64(points[np.uint64(place)])
                e: Any = np.uint64(table.entry[np.uint64(table.block[c >> EIGHT]) + (c & BYTE)])
                if marked and marks[np.uint64(place)] & FROZEN:
                    e = np.uint64(0)
                c2: Any = np.uint64(points[np.uint64(min(place + 1, end - 1))])
                f: Any = ((c * UA + c2 * UB) & WORD) >> ufilter
                target[np.uint64(place - shift)] = c ^ (e & ULOW)
                places[np.uint64(found_)] = place
                found_ += np.int64((e >> U31 & np.uint64(table.filter[f >> U3]) >> (f & U7)) | (e >> U30 & U1))
            kept: Any = 0
            for n in range(found_):
                i: Any = places[np.uint64(n)]
                c = np.uint64(points[np.uint64(i)])
                h: Any = c * UA + np.uint64(points[np.uint64(min(i + 1, end - 1))]) * UB
                h3: Any = h + np.uint64(points[np.uint64(min(i + 2, end - 1))]) * UC
                f = ((h ^ UPAIR) & WORD) >> ufilter
                f3 = (h3 & WORD) >> ufilter
                e = np.uint64(table.entry[np.uint64(table.block[c >> EIGHT]) + (c & BYTE)])
                places[np.uint64(kept)] = i
                kept += np.int64(
                    (np.uint64(table.filter[f >> U3]) >> (f & U7) | np.uint64(table.filter[f3 >> U3]) >> (f3 & U7) | e >> U30) & U1
                )
            found_, kept = kept, 0
            for n in range(found_):
                i = places[np.uint64(n)]
                c = np.uint64(points[np.uint64(i)])
                h = c * UA + np.uint64(points[np.uint64(min(i + 1, end - 1))]) * UB
                e = np.uint64(table.entry[np.uint64(table.block[c >> EIGHT]) + (c & BYTE)])
                places[np.uint64(kept)] = i
                kept += np.int64((table.slot[(h & WORD) >> uslot] >= 0) | (e >> U30 & U1 > 0))
            found_ = kept
            if in_place and record and not mode & ONLY:
                for k in range(first, stop):
                    out_tags[k] = tags[k] if out[k] == points[k] else character
            for n in range(found_ + 1):
                i = places[n] if n < found_ else max(stop, at)
                if i < at:
                    continue
                c = np.int64(points[i]) if n < found_ else np.int64(0)
                e = np.int64(table.entry[table.block[c >> 8] + (c & 255)])
                value: Any = e & LOW if e & LONG and c != ZHE else -1
                width: Any = 1
                parent = c
                j = i + 1
                while n < found_ and j < end and not (marked and marks[j]):
                    c2 = np.int64(points[j])
                    slot: Any = ((parent * A + c2 * B) & 0xFFFFFFFF) >> slot_shift
                    key = parent << 21 | c2
                    while table.slot[slot] >= 0 and table.slot[slot] >> 21 != key:
                        slot = (slot + 1) & mask
                    info = table.slot[slot] & LOW
                    if table.slot[slot] < 0:
                        break
                    j += 1
                    if info > 1:
                        value = (info >> 1) - 1
                        width = j - i
                    if info & 1 == 0:
                        break
                    parent = INNER + slot
                is_zhao = False
                if value < 0 and c == ZHE and zhe:
                    before = points[i - 1] if i > low[s] and not (marked and marks[i]) else 10
                    after = points[i + 1] if i + 1 < end and not (marked and marks[i + 1]) else 10
                    han = 0x4E00 <= after <= 0x9FFF or 0x3400 <= after <= 0x4DBF or after >= 0x20000
                    is_zhao = han and before not in (9, 10, 13, 32, 0xA0, 0x3000)
                if value < 0 and not is_zhao and n < found_:
                    continue
                if in_place or mode & KEEP:
                    at = i + width if value >= 0 else i
                    if is_zhao and in_place:
                        out[i] = ZHAO
                        if record:
                            out_tags[i] = ZHE_RULE
                        at += 1
                    if value < 0:
                        continue
                    if in_place:
                        row = table.value[value]
                        for k in range(width):
                            new = table.points[(row >> 16) + k]
                            out[i + k] = new
                            if record:
                                out_tags[i + k] = tags[i + k] if new == points[i + k] else row & 15
                            if inside:
                                marks[i + k] |= inside
                    if barrier:
                        marks[i] |= BARRIER
                        if at < end:
                            marks[at] |= BARRIER
                    continue
                # First the single characters before the match, then the match.
                if o + i - at > len(out):
                    return -1
                for k in range(at, i):
                    out[o + k - at] = single[k - first]
                if cuts:
                    for k in range(at, i):
                        out_marks[o + k - at] = marks[k]
                    if at < i:
                        out_marks[o] |= cut
                        cut = 0
                if record:
                    for k in range(at, i):
                        out_tags[o + k - at] = tags[k] if single[k - first] == points[k] else character
                if moved:
                    for k in range(at, i):
                        out_origin[o + k - at] = origin[k]
                o += i - at
                at = i
                if is_zhao:
                    single[i - first] = ZHAO
                    if o >= len(out):
                        return -1
                    out[o] = ZHAO
                    if cuts:
                        out_marks[o] = marks[i] | cut
                        cut = 0
                    if record:
                        out_tags[o] = ZHE_RULE
                    if moved:
                        out_origin[o] = origin[i]
                    o += 1
                    at += 1
                elif value >= 0:
                    row = table.value[value]
                    length = row >> 4 & 4095
                    if o + length > len(out):
                        return -1
                    for k in range(length):
                        new = table.points[(row >> 16) + k]
                        out[o + k] = new
                        if record:
                            out_tags[o + k] = tags[i + k] if length == width and new == points[i + k] else row & 15
                        if moved:
                            out_origin[o + k] = origin[i + k] if length == width else origin[i] if k == 0 else -1
                        if cuts:
                            out_marks[o + k] = inside
                    if cuts:
                        out_marks[o] |= marks[i] | cut | barrier
                    cut = barrier
                    o += length
                    at += width
        ends[s] = o = end if in_place else o
    return o


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
    """Return bits for the presence of compatibility ideographs (1) and ideographic description operators (2)."""
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
    missing = np.zeros(17, np.int64)  # open operands at each level of the prefix notation
    while i < n:
        j = i
        depth = 0
        while True:
            if j >= n or j - i >= 64 or depth >= 16 or (j > i and marks[j] & BARRIER):
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
