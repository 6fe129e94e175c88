"""Features of a single line for the learned scorer, all integers: its shape and its n-grams.

Kernels over the folded lines of a batch. Counts are capped, sizes are in eighths of a binary logarithm, shares in 64ths,
so that no value is specific to a single long page, and the results are the same on every machine.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.fold import view
from cleantext.jit import kernel

__all__ = ["MOST_LOG", "MOST_SYMBOLS", "SHAPE", "SLOTS", "classes", "grams", "logs", "packed", "shape"]

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
MOST_SYMBOLS = HEAD_CHARS + TAIL_CHARS + 4
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
def grams(points: U32, lo: int, hi: int, kinds: U8, symbols: U32, out: U32) -> int:
    """Write the slots of the 1-, 2- and 3-grams of a line; return their number. Digits count as 0, runs of digits and blanks as one.

    Of a long line only both ends count. ``symbols`` is room for `MOST_SYMBOLS`.
    """
    if hi - lo <= HEAD_CHARS + TAIL_CHARS:
        size = _symbols(points[lo:hi], kinds, 1, symbols)
        return _slots(symbols, size, True, out, 0)
    size = _symbols(points[lo : lo + HEAD_CHARS], kinds, 1, symbols)
    found = _slots(symbols, size, False, out, 0)
    size = _symbols(points[hi - TAIL_CHARS : hi], kinds, 2, symbols)
    return _slots(symbols, size, True, out, found)


@kernel
def _symbols(line: U32, kinds: U8, before: int, out: U32) -> int:
    """Write two symbols ``before`` a stretch, and those of its characters; return their number."""
    out[0] = out[1] = before
    size = 2
    for at in range(len(line)):
        char = line[at]
        kind = kinds[char]
        if kind in (DIGIT, BLANK):
            char = np.uint32(48) if kind == DIGIT else np.uint32(32)
            if out[size - 1] == char:
                continue
        out[size] = char
        size += 1
    return size


@kernel
def _slots(symbols: U32, size: int, ends: bool, out: U32, found: int) -> int:  # noqa: FBT001
    """Write the slots of the n-grams that end at each symbol after the first two, and those at the end of the line if the stretch ``ends`` there.

    Return how many there are now. The loop is branch-free, so that many are computed side by side.
    """
    here = out[found : found + 3 * (size - 2) + 2]
    for k in range(size - 2):
        two, one, char = int(symbols[k]), int(symbols[k + 1]), int(symbols[k + 2])
        pair = (one * 0x9E3779B1 + char * 0x85EBCA77) & 0x7FFFFFFF
        triple = (two * 0xC2B2AE3D + pair * 0x27D4EB2F) & 0x7FFFFFFF
        here[3 * k] = ((char * 0x9E3779B1) >> 11) & (SLOTS - 1)
        here[3 * k + 1] = (pair >> 13) & (SLOTS - 1)
        here[3 * k + 2] = (triple >> 12) & (SLOTS - 1)
    found += 3 * (size - 2)
    if ends:
        two, one = int(symbols[size - 2]), int(symbols[size - 1])
        pair = (one * 0x9E3779B1 + 0x85EBCA77) & 0x7FFFFFFF
        triple = (two * 0xC2B2AE3D + pair * 0x27D4EB2F) & 0x7FFFFFFF
        out[found], out[found + 1] = (pair >> 13) & (SLOTS - 1), (triple >> 12) & (SLOTS - 1)
        found += 2
    return found


def packed(weights: npt.NDArray[np.int8]) -> U32:
    """Return the weights of n-grams as bytes of one number for each slot, 128 more each, so that one access gives all."""
    bytes_ = np.zeros((len(weights), 4), np.uint8)
    bytes_[:, :3] = weights.astype(np.int16) + 128
    return bytes_.view("<u4").astype(np.uint32)[:, 0]


@kernel
def shape(points: U32, starts: I64, ends: I64, kinds: U8, log: I32, weights: U32, out: I32) -> None:
    """Fill in `SHAPE` of each line. ``weights[slot]`` are the `packed` weights of an n-gram for chrome, metadata, and titles."""
    slots, symbols = np.empty(3 * MOST_SYMBOLS, np.uint32), np.empty(MOST_SYMBOLS, np.uint32)
    counts = np.zeros(16, np.int64)
    most = np.int64(0)
    for n in range(len(starts)):
        most = max(most, ends[n] - starts[n])
    marks = np.empty(most + 1, np.int64)  # the characters of a line that are not Han
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
        others = 0
        for at in range(lo, hi):  # without branches, which are hard to predict at punctuation
            marks[others] = at
            others += kinds[points[at]] != HAN
        following = lo  # the first character not looked at
        for at in marks[:others]:
            if at > following:  # Han since the last other character
                tokens += token == 0
                token += at - following
                before = HAN
            following = at + 1
            kind = kinds[points[at]]
            counts[kind] += 1
            if kind == DIGIT:
                runs += before != DIGIT
                digits = digits + 1 if before == DIGIT else 1
                longest_digits = max(longest_digits, digits)
            if kind in (BLANK, SEPARATOR):
                longest = max(longest, token)
                token = 0
            else:
                tokens += token == 0
                token += 1
            if (kind == STOP and before != STOP and at > lo + 2) or (
                kind == BLANK and before == POINT and at > lo + 4 and kinds[points[at - 2]] == LATIN and kinds[points[at - 3]] == LATIN
            ):
                stops += 1
            signs += points[at] < 128 and kind not in (LATIN, DIGIT, BLANK)
            before = kind
        if hi > following:
            tokens += token == 0
            token += hi - following
        counts[HAN] = size - others
        longest = max(longest, token)
        if size and kinds[points[hi - 1]] == POINT and counts[LATIN] > 20:
            stops += 1
        black = np.float64(max(1, size - counts[BLANK]))  # division of floats is faster, and exact when rounded down
        row = out[n]
        row[LENGTH] = log[min(size - counts[BLANK], MOST_LOG - 1)]
        row[S_HAN] = np.floor(64 * counts[HAN] / black)
        row[S_LATIN] = np.floor(64 * counts[LATIN] / black)
        row[S_DIGIT] = np.floor(64 * counts[DIGIT] / black)
        row[S_SEP] = np.floor(64 * (counts[SEPARATOR] + counts[BULLET]) / black)
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
        found = grams(points, lo, hi, kinds, symbols, slots)
        outer = inner = peak = 0  # sums of the first and third bytes, and of the second; the largest first byte
        for k in range(found):
            weight = int(weights[slots[k]])
            outer += weight & 0xFF00FF
            inner += weight >> 8 & 0xFF
            peak = max(peak, weight & 0xFF)
        total, meta, title = (outer & 0xFFFF) - 128 * found, inner - 128 * found, (outer >> 16) - 128 * found
        root = np.ceil(np.sqrt(found))
        row[GRAM] = max(-127.0, min(127.0, np.floor(total / root)))
        row[GRAM_META] = max(-127.0, min(127.0, np.floor(meta / root)))
        row[GRAM_TITLE] = max(-127.0, min(127.0, np.floor(title / root)))
        row[GRAM_PEAK] = peak - 128
        row[SIGNS] = np.floor(64 * signs / black)
        row[NUMBER] = _number(points, lo, hi, kinds)


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
