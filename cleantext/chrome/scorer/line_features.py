"""Features of a single line for the learned scorer, all integers: its shape and its n-grams.

Kernels over the folded lines of a batch. Counts are capped, sizes are in eighths of a binary logarithm, shares in 64ths,
so that no value is specific to a single long page, and the results are the same on every machine.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.fold import view
from cleantext.jit import kernel

__all__ = ["MOST_LOG", "SHAPE", "SLOTS", "classes", "grams", "logs", "shape"]

U8 = npt.NDArray[np.uint8]

# Classes of characters.
OTHER, HAN, LATIN, DIGIT, BLANK, SEPARATOR, COMMA, STOP, OPEN, CLOSE, COLON, POINT, KANA, BULLET = range(14)
MEMBERS = {
    SEPARATOR: "|/\\>»·_-—–~<«+=&→←↑↓",
    COMMA: ",、;，；",
    STOP: "。!?！？…",
    OPEN: "([{（【《〈「『“‘〔",
    CLOSE: ")]}）】》〉」』”’〕\"'",
    COLON: ":：",
    POINT: ".",
    BULLET: "•●■◆▪★☆◇○□▲△▶►※*#·",
}
HEAD_CHARS, TAIL_CHARS = 40, 16  # characters at each end of a long line whose n-grams count
SLOTS = 1 << 16  # size of the hash table of n-grams
MOST_LOG = 1 << 12

SHAPE = (
    "length",
    "han",
    "latin",
    "digits",
    "separators",
    "blanks",
    "commas",
    "stops",
    "colons",
    "brackets",
    "digit_runs",
    "longest_digits",
    "first",
    "last",
    "mark",
    "tokens",
    "longest_token",
    "prose",
    "gram_chrome",
    "gram_meta",
    "gram_title",
    "gram_peak",
    "signs",
    "number",
)
(
    LENGTH,
    S_HAN,
    S_LATIN,
    S_DIGIT,
    S_SEP,
    BLANKS,
    COMMAS,
    STOPS,
    COLONS,
    BRACKETS,
    DIGIT_RUNS,
    LONGEST_DIGITS,
    FIRST,
    LAST,
    MARK,
    TOKENS,
    LONGEST_TOKEN,
    PROSE,
    GRAM,
    GRAM_META,
    GRAM_TITLE,
    GRAM_PEAK,
    SIGNS,
    NUMBER,
) = range(len(SHAPE))


@lru_cache(maxsize=1)
def classes() -> U8:
    """Return the class of each code point of folded text."""
    table = np.zeros(0x110000, np.uint8)
    table[0x3400:0xA000] = table[0x20000:0x32000] = HAN
    table[0x3007] = HAN
    table[0x3041:0x3100] = table[0xAC00:0xD7A4] = KANA
    for low, high in (("a", "z"), ("A", "Z"), ("\xc0", "\u024f"), ("\u0370", "\u052f")):
        table[ord(low) : ord(high) + 1] = LATIN
    table[ord("0") : ord("9") + 1] = DIGIT
    for char in " \t\xa0\u3000":
        table[ord(char)] = BLANK
    for kind, chars in MEMBERS.items():
        for char in chars:
            table[ord(char)] = table[ord(view(char))] = kind
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def logs() -> I32:
    """Return a table of log2(n + 1) in eighths, for n below `MOST_LOG`."""
    table = np.round(8 * np.log2(1 + np.arange(MOST_LOG))).astype(np.int32)
    table.flags.writeable = False
    return table


@kernel
def grams(points: U32, lo: int, hi: int, kinds: U8, out: I32) -> int:
    """Write the slots of the 1-, 2- and 3-grams of a line; return their number. Digits count as 0, runs of digits and blanks as one."""
    found = 0
    one = two = np.int64(1)  # the previous characters
    start = lo
    stop = hi
    skip = hi - TAIL_CHARS if hi - lo > HEAD_CHARS + TAIL_CHARS else hi
    at = start
    while at <= stop:
        if at == lo + HEAD_CHARS and skip < hi:
            at = skip
            one = two = np.int64(2)
        if at == stop:
            char = np.int64(1)  # the end of the line
        else:
            char = np.int64(points[at])
            kind = kinds[points[at]]
            if kind == DIGIT:
                char = np.int64(48)
            elif kind == BLANK:
                char = np.int64(32)
            if (kind in (DIGIT, BLANK)) and char == one:
                at += 1
                continue
        pair = (one * 0x9E3779B1 + char * 0x85EBCA77) & 0x7FFFFFFF
        triple = (two * 0xC2B2AE3D + pair * 0x27D4EB2F) & 0x7FFFFFFF
        if at < stop:
            out[found] = ((char * 0x9E3779B1) >> 11) & (SLOTS - 1)
            found += 1
        out[found] = (pair >> 13) & (SLOTS - 1)
        out[found + 1] = (triple >> 12) & (SLOTS - 1)
        found += 2
        two, one = one, char
        at += 1
    return found


@kernel
def shape(points: U32, starts: I64, ends: I64, kinds: U8, log: I32, weights: Any, out: I32) -> None:
    """Fill in `SHAPE` of each line. ``weights[slot]`` are the weights of an n-gram for chrome, metadata, and titles."""
    slots = np.empty(3 * (HEAD_CHARS + TAIL_CHARS) + 8, np.int32)
    counts = np.zeros(16, np.int64)
    for n in range(len(starts)):
        lo, hi = starts[n], ends[n]
        while lo < hi and kinds[points[lo]] == BLANK:
            lo += 1
        while hi > lo and kinds[points[hi - 1]] == BLANK:
            hi -= 1
        for k in range(16):
            counts[k] = 0
        size = hi - lo
        runs = longest_digits = digits = 0
        tokens = token = longest = 0
        stops = signs = 0
        before = -1
        for at in range(lo, hi):
            kind = kinds[points[at]]
            counts[kind] += 1
            if kind == DIGIT:
                runs += before != DIGIT
                digits = digits + 1 if before == DIGIT else 1
                longest_digits = max(longest_digits, digits)
            if kind in (BLANK, SEPARATOR):
                token = 0
            else:
                tokens += token == 0
                token += 1
                longest = max(longest, token)
            if (kind == STOP and before != STOP and at > lo + 2) or (
                kind == BLANK and before == POINT and at > lo + 4 and kinds[points[at - 2]] == LATIN and kinds[points[at - 3]] == LATIN
            ):
                stops += 1
            signs += points[at] < 128 and kind not in (LATIN, DIGIT, BLANK)
            before = kind
        if size and kinds[points[hi - 1]] == POINT and counts[LATIN] > 20:
            stops += 1
        black = max(1, size - counts[BLANK])
        row = out[n]
        row[LENGTH] = log[min(size - counts[BLANK], MOST_LOG - 1)]
        row[S_HAN] = 64 * counts[HAN] // black
        row[S_LATIN] = 64 * counts[LATIN] // black
        row[S_DIGIT] = 64 * counts[DIGIT] // black
        row[S_SEP] = 64 * (counts[SEPARATOR] + counts[BULLET]) // black
        row[BLANKS] = min(counts[BLANK], 31)
        row[COMMAS] = min(counts[COMMA], 15)
        row[STOPS] = min(stops, 15)
        row[COLONS] = min(counts[COLON], 7)
        row[BRACKETS] = min(counts[OPEN] + counts[CLOSE], 15)
        row[DIGIT_RUNS] = min(runs, 15)
        row[LONGEST_DIGITS] = min(longest_digits, 15)
        row[FIRST] = kinds[points[lo]] if size else 0
        row[LAST] = kinds[points[hi - 1]] if size else 0
        row[MARK] = _mark(points, lo, hi, kinds)
        row[TOKENS] = min(tokens, 31)
        row[LONGEST_TOKEN] = log[min(longest, MOST_LOG - 1)]
        prose = 0
        if stops and size >= 12:
            prose = size if counts[BLANK] * 4 < size or counts[LATIN] * 2 > size else size // 2
        elif size >= 40 and counts[COMMA] >= 2 and counts[BLANK] * 6 < size:
            prose = size // 2
        row[PROSE] = min(prose, 400)
        total = meta = title = np.int64(0)
        peak = np.int64(-128)
        found = grams(points, lo, hi, kinds, slots)
        for k in range(found):
            slot = slots[k]
            w = np.int64(weights[slot, 0])
            total += w
            peak = max(peak, w)
            meta += weights[slot, 1]
            title += weights[slot, 2]
        root = _root(found)
        row[GRAM] = max(-127, min(127, total // root))
        row[GRAM_META] = max(-127, min(127, meta // root))
        row[GRAM_TITLE] = max(-127, min(127, title // root))
        row[GRAM_PEAK] = peak
        row[SIGNS] = 64 * signs // black
        row[NUMBER] = _number(points, lo, hi, kinds)


@kernel
def _root(n: int) -> int:
    """Return the square root of a number, rounded up."""
    root = 1
    while root * root < n:
        root += 1
    return root


@kernel
def _number(points: U32, lo: int, hi: int, kinds: U8) -> int:
    """Return the value of a line that is a number of at most four digits, otherwise -1."""
    if not 0 < hi - lo <= 4:
        return -1
    number = 0
    for at in range(lo, hi):
        if kinds[points[at]] != DIGIT:
            return -1
        number = 10 * number + int(points[at]) - 48
    return number


@kernel
def _mark(points: U32, lo: int, hi: int, kinds: U8) -> int:
    """Return the kind of start of a line: 1 a bullet, 2 a number and a mark, 3 a bracket with a number, 4 an opening bracket, 0 nothing."""
    if lo == hi:
        return 0
    kind = kinds[points[lo]]
    if kind in (BULLET, SEPARATOR):
        return 1
    if kind == DIGIT:
        at = lo + 1
        while at < hi and kinds[points[at]] == DIGIT:
            at += 1
        if at - lo <= 3 and at < hi and kinds[points[at]] in (POINT, COMMA, CLOSE):
            return 2
        return 5 if at < hi and kinds[points[at]] == BLANK else 0
    if kind == OPEN:
        return 3 if lo + 1 < hi and kinds[points[lo + 1]] == DIGIT else 4
    return 0
