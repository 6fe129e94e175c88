"""Features of a line that follow from its page as a whole, or from the order of its lines: body, sentences, repetition, rules above and below."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.chrome.matching.line_memory import line_key
from cleantext.chrome.scorer.line_features import GRAM, GRAM_TITLE, HAN, KANA, LATIN, LENGTH, MOST_LOG, NUMBER, PROSE, U8
from cleantext.jit import kernel

__all__ = [
    "F64",
    "FIELD_SUMS",
    "GRAM_SUMS",
    "HAN_SUMS",
    "LINK_SUMS",
    "PROSE_SUMS",
    "RULE_SUMS",
    "SHORT_SUMS",
    "SIGN_SUMS",
    "in_page",
    "mean",
]

STRONG = 40  # in 1/16 logit: the n-grams of the line alone indicate page chrome
TITLED = -40  # and those of a line that may be a title
PAGE_SLOTS = 1 << 15  # size of the hash table of letter pairs in the sentences of a page
GRAM_SUMS, SHORT_SUMS, LINK_SUMS, FIELD_SUMS, SIGN_SUMS, PROSE_SUMS, HAN_SUMS, RULE_SUMS = range(8)  # running sums over lines

F64 = npt.NDArray[np.float64]


@kernel
def in_page(points: U32, starts: I64, ends: I64, bounds: I64, kinds: U8, log: I32, said: I32, shapes: I32, here: I32, sums: F64) -> None:
    """Fill in the features that follow from a page as a whole, or from its lines in order."""
    stamp = np.full(PAGE_SLOTS, -1, np.int32)
    gram, prose, length, number = shapes[GRAM], shapes[PROSE], shapes[LENGTH], shapes[NUMBER]
    room = 1
    for p in range(len(bounds) - 1):
        room = max(room, bounds[p + 1] - bounds[p])
    run_end, below, next_rule, next_strong, largest_until = np.empty((5, room), np.int64)
    for p in range(len(bounds) - 1):
        lo, hi = int(bounds[p]), int(bounds[p + 1])
        size = hi - lo
        if not size:
            continue
        # ---- the sentences of the page, and the run of lines that is its body
        total = count = letters = largest = 0
        for k in range(lo, hi):
            total += int(prose[k])
            count += int(prose[k] > 0)
            letters += int(ends[k] - starts[k])
            largest = max(largest, int(prose[k]))
        if count < size:  # only other lines are compared with the sentences
            for k in range(lo, hi):
                if prose[k] > 0:
                    _stamp(points[starts[k] : min(ends[k], starts[k] + 600)], kinds, stamp, p)
        first, last = _run(gram, prose, lo, hi, True)
        g_first, g_last = _run(gram, prose, lo, hi, False)
        _repeats(points, starts, ends, lo, size, here)
        ruled, grams = sums[RULE_SUMS, lo : hi + 1], sums[GRAM_SUMS, lo : hi + 1]
        for k in range(size - 1, -1, -1):
            run_end[k], below[k], next_rule[k], next_strong[k], largest_until[k] = k, -1, -1, -1, -128
            if k + 1 < size:
                sentence = prose[lo + k + 1] > 0
                weak = sentence or gram[lo + k + 1] <= STRONG
                next_strong[k] = next_strong[k + 1] if weak else k + 1
                largest_until[k] = -128 if sentence else max(largest_until[k + 1], np.int64(gram[lo + k + 1]))
                next_rule[k] = k + 1 if said[lo + k + 1, 0] >= 2 else next_rule[k + 1]
                run_end[k] = k if prose[lo + k] > 0 or sentence else run_end[k + 1]
                below[k] = k + 1 if sentence else below[k + 1]
        page_figures = (
            log[min(size, MOST_LOG - 1)],
            log[min(total, MOST_LOG - 1)],
            log[min(count, MOST_LOG - 1)],
            64 * total // max(1, letters),
        )
        likely, shorts = mean(sums[GRAM_SUMS], lo, hi, 1), mean(sums[SHORT_SUMS], lo, hi, 16)
        hans, rules = mean(sums[HAN_SUMS], lo, hi, 1), mean(sums[RULE_SUMS], lo, hi, 16)
        before = 0
        above = last_rule = heading = last_strong = titled = -1
        run_start = 0
        since_largest = -128
        strong_since = 0
        best_shared = 0
        for k in range(size):
            n = lo + k
            is_prose = prose[n] > 0
            run_start = k if k == 0 or is_prose or prose[n - 1] > 0 else run_start
            here[0, n] = log[min(k, MOST_LOG - 1)]
            here[1, n] = log[min(size - 1 - k, MOST_LOG - 1)]
            here[2, n] = 64 * k // size
            here[3, n], here[4, n], here[5, n], here[6, n] = page_figures
            here[7, n] = log[min(before, MOST_LOG - 1)]
            here[8, n] = log[min(total - before - int(prose[n]), MOST_LOG - 1)]
            here[9, n] = log[min(k - above, MOST_LOG - 1)] if above >= 0 else 99
            here[10, n] = log[min(below[k] - k, MOST_LOG - 1)] if below[k] >= 0 else 99
            here[11, n] = log[prose[lo + above]] if above >= 0 else -1
            here[12, n] = log[prose[lo + below[k]]] if below[k] >= 0 else -1
            here[13, n] = 0 if k < first else 2 if k > last else 1
            here[14, n] = _signed(log, first - k)
            here[15, n] = _signed(log, k - last)
            here[16, n] = log[min(run_end[k] - run_start + 1, MOST_LOG - 1)]
            here[17, n] = log[min(k - run_start, MOST_LOG - 1)]
            shared = -1 if is_prose else _shared(points[starts[n] : min(ends[n], starts[n] + 60)], kinds, stamp, p)
            here[21, n] = shared
            here[22, n] = 1 if shared * length[n] > best_shared else 0
            best_shared = max(best_shared, shared * int(length[n]))
            here[34, n] = 0 if k < g_first else 2 if k > g_last else 1
            here[35, n] = _signed(log, g_first - k)
            here[36, n] = _signed(log, k - g_last)
            here[41, n] = number[n] >= 0 and (
                (k > 0 and number[n - 1] == number[n] - 1 and number[n - 1] >= 0) or (k + 1 < size and number[n + 1] == number[n] + 1)
            )
            here[47, n] = log[largest]
            here[50, n], here[51, n], here[52, n], here[64, n] = likely, shorts, hans, rules
            here[53, n], here[54, n] = said[n, 0], said[n, 1]
            here[55, n] = log[min(k - last_rule, MOST_LOG - 1)] if last_rule >= 0 else 99
            here[56, n] = log[min(next_rule[k] - k, MOST_LOG - 1)] if next_rule[k] >= 0 else 99
            here[57, n] = said[lo + last_rule, 1] if last_rule >= 0 else -1
            here[58, n] = said[lo + next_rule[k], 1] if next_rule[k] >= 0 else -1
            after = below[k] if below[k] >= 0 else size  # the next sentence, or the end of the page
            here[61, n] = min(31.0, ruled[k] - ruled[above + 1])
            here[62, n] = min(31.0, ruled[after] - ruled[k + 1])
            here[63, n] = log[min(k - heading, MOST_LOG - 1)] if heading >= 0 else 99
            if said[n, 0] >= 2:
                last_rule = k
            if said[n, 2]:
                heading = k
            here[67, n] = since_largest
            here[68, n] = mean(grams, above + 1, k, 1)
            here[69, n] = log[min(k - above - 1, MOST_LOG - 1)]
            here[70, n] = largest_until[k]
            here[71, n] = mean(grams, k + 1, after, 1)
            here[72, n] = log[min(after - k - 1, MOST_LOG - 1)]
            here[73, n] = log[min(k - last_strong, MOST_LOG - 1)] if last_strong >= 0 else 99
            here[74, n] = log[min(next_strong[k] - k, MOST_LOG - 1)] if next_strong[k] >= 0 else 99
            here[75, n] = strong_since
            here[76, n] = log[min(k - titled, MOST_LOG - 1)] if titled >= 0 else 99
            if is_prose:
                since_largest, strong_since = -128, 0
            else:
                since_largest = max(since_largest, int(gram[n]))
                if gram[n] > STRONG:
                    last_strong = k
                    strong_since = min(31, strong_since + 1)
            if shapes[GRAM_TITLE, n] > TITLED and titled < 0:
                titled = k
            before += int(prose[n])
            if is_prose:
                above = k


@kernel
def mean(sums: F64, a: int, b: int, factor: int) -> float:
    """Return ``factor`` times the mean of the lines from ``a`` to ``b``, rounded down; 0 without lines."""
    return np.floor(factor * (sums[b] - sums[a]) / max(1, b - a)) if b > a else 0.0


@kernel
def _signed(log: I32, n: int) -> int:
    """Return the logarithm of a distance, with its sign."""
    return int(log[min(n, MOST_LOG - 1)]) if n >= 0 else -int(log[min(-n, MOST_LOG - 1)])


@kernel
def _run(gram: I32, prose: I32, lo: int, hi: int, by_length: bool) -> tuple[int, int]:  # noqa: FBT001
    """Return the first and last line of the run of a page that is most likely the body: by the length of sentences, or by n-grams."""
    best = total = start = first = 0
    last = -1
    for k in range(hi - lo):
        sentence = prose[lo + k] > 0
        if by_length:
            total += prose[lo + k] if sentence else -3
        else:
            total += max(-40, min(40, -gram[lo + k])) + (20 if sentence else -4)
        if total <= 0:
            total, start = 0, k + 1
        elif total > best:
            best, first, last = total, start, k
    return first, last


@kernel
def _repeats(points: U32, starts: I64, ends: I64, lo: int, size: int, here: I32) -> None:
    """Fill in how often each line occurs elsewhere in its page, and whether above and below it: by its length and its first 80 characters."""
    room = 16
    while room < 2 * size:
        room *= 2
    keys = np.zeros(room, np.int64)
    seen = np.zeros(room, np.int32)
    slot_of = np.zeros(size, np.int64)
    for k in range(size):
        start = starts[lo + k]
        key = line_key(points[start : min(ends[lo + k], start + 80)]) ^ ((ends[lo + k] - start) << 40) | 1
        slot = (key ^ (key >> 31)) & (room - 1)
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) & (room - 1)
        keys[slot] = key
        here[19, lo + k] = seen[slot] > 0
        seen[slot] += 1
        slot_of[k] = slot
    for k in range(size - 1, -1, -1):
        count = seen[slot_of[k]]
        here[18, lo + k] = min(abs(count) - 1, 15)
        here[20, lo + k] = count < 0
        seen[slot_of[k]] = -abs(count)  # the sign: there is one below


@kernel
def _stamp(line: U32, kinds: U8, stamp: I32, page: int) -> None:
    """Mark the letter pairs of a line as pairs of the page."""
    one = 0
    for at in range(len(line)):
        char = _letter(int(line[at]), kinds)
        if one and char:
            stamp[_pair(one, char)] = page
        one = char


@kernel
def _shared(line: U32, kinds: U8, stamp: I32, page: int) -> int:
    """Return the share of a line's letter pairs that occur in the sentences of its page, in 64ths; -1 without pairs."""
    pairs = found = 0
    one = 0
    for at in range(len(line)):
        char = _letter(int(line[at]), kinds)
        if one and char:
            pairs += 1
            found += stamp[_pair(one, char)] == page
        one = char
    return 64 * found // pairs if pairs else -1


@kernel
def _letter(char: int, kinds: U8) -> int:
    """Return a letter as it is, 0 for other characters."""
    kind = kinds[char]
    return char if kind in (HAN, LATIN, KANA) else 0


@kernel
def _pair(one: int, two: int) -> int:
    """Return the slot of two letters."""
    return ((one * 0x9E3779B1 + two * 0x85EBCA77) >> 13) & (PAGE_SLOTS - 1)
