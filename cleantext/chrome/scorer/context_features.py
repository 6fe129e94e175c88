"""Features of a line in its page: position, sentences nearby, neighbours, repetition, and rules that match lines nearby."""

from __future__ import annotations

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.chrome.scorer.line_features import (
    COLON,
    COLONS,
    DIGIT_RUNS,
    FIRST,
    GRAM,
    GRAM_META,
    GRAM_TITLE,
    HAN,
    KANA,
    LAST,
    LATIN,
    LENGTH,
    MARK,
    MOST_LOG,
    NUMBER,
    PROSE,
    S_DIGIT,
    S_HAN,
    SHAPE,
    SIGNS,
    STOPS,
    TOKENS,
    U8,
)
from cleantext.jit import kernel

__all__ = ["CONTEXT", "COUNTS_ON", "FIELDS_NEAR", "RULE_HERE", "ZONE", "context"]

STRONG = 40  # in 1/16 logit: the n-grams of the line alone indicate page chrome
TITLED = -40  # and those of a line that may be a title
PAGE_SLOTS = 1 << 15  # size of the hash table of letter pairs in the sentences of a page

CONTEXT = (
    "from_start",
    "from_end",
    "part",
    "page_lines",
    "page_prose",
    "prose_lines",
    "prose_share",
    "prose_before",
    "prose_after",
    "sentence_above",
    "sentence_below",
    "size_above",
    "size_below",
    "zone",
    "to_body",
    "past_body",
    "run",
    "run_before",
    "repeats",
    "again_above",
    "again_below",
    "shared",
    "shared_rank",
    "mean_1",
    "mean_2",
    "mean_4",
    "mean_8",
    "mean_16",
    "mean_above",
    "mean_below",
    "above_4",
    "below_4",
    "above_12",
    "below_12",
    "gram_zone",
    "gram_to_body",
    "gram_past_body",
    "like_above",
    "like_below",
    "short_4",
    "links_8",
    "counts_on",
    "like_above_2",
    "like_below_2",
    "like_above_3",
    "like_below_3",
    "prose_10",
    "largest",
    "fields_4",
    "signs_4",
    "page_gram",
    "page_short",
    "page_han",
    "rule",
    "rule_category",
    "rule_above",
    "rule_below",
    "category_above",
    "category_below",
    "rules_4",
    "rules_12",
    "rules_since_sentence",
    "rules_to_sentence",
    "heading_above",
    "page_rules",
    "rule-1",
    "rule+1",
    "since_largest",
    "since_mean",
    "since_lines",
    "until_largest",
    "until_mean",
    "until_lines",
    "strong_above",
    "strong_below",
    "strong_since",
    "after_title",
    *(f"{name}{d:+d}" for d in (-3, -2, -1, 1, 2, 3) for name in ("gram", "length")),
    *(f"{name}{d:+d}" for d in (-1, 1) for name in ("first", "last", "stops", "prose", "digits", "mark", "han", "meta", "title", "tokens")),
)

PLACE = len(SHAPE)  # the column in which they begin
ZONE, COUNTS_ON, FIELDS_NEAR, RULE_HERE = (CONTEXT.index(name) for name in ("zone", "counts_on", "fields_4", "rule"))


@kernel
def context(points: U32, starts: I64, ends: I64, bounds: I64, kinds: U8, log: I32, said: I32, out: I32) -> None:
    """Fill in `CONTEXT` of each line, next to `SHAPE` in ``out``.

    ``said`` has the strongest rule of each line: power, category, whether it heads a block. Page ``p`` has the lines ``bounds[p]`` to ``bounds[p + 1]``.
    """
    stamp = np.full(PAGE_SLOTS, -1, np.int32)
    for p in range(len(bounds) - 1):
        lo, hi = int(bounds[p]), int(bounds[p + 1])
        size = hi - lo
        if not size:
            continue
        page = out[lo:hi]
        # ---- the sentences of the page, and the run of lines that is its body
        total = count = letters = np.int64(0)
        for k in range(size):
            total += page[k, PROSE]
            count += page[k, PROSE] > 0
            letters += ends[lo + k] - starts[lo + k]
            if page[k, PROSE] > 0:
                one = np.int64(0)
                for at in range(starts[lo + k], min(ends[lo + k], starts[lo + k] + 600)):
                    kind = kinds[points[at]]
                    char = np.int64(points[at]) if kind in (HAN, LATIN, KANA) else np.int64(0)
                    if one and char:
                        stamp[((one * 0x9E3779B1 + char * 0x85EBCA77) >> 13) & (PAGE_SLOTS - 1)] = p
                    one = char
        first, last = _run(page, size, PROSE)
        g_first, g_last = _run(page, size, GRAM)
        same = _repeats(points, starts, ends, lo, size)
        sums = np.zeros(size + 1, np.int64)
        shorts = np.zeros(size + 1, np.int64)
        links = np.zeros(size + 1, np.int64)
        fields = np.zeros(size + 1, np.int64)
        signs = np.zeros(size + 1, np.int64)
        proses = np.zeros(size + 1, np.int64)
        hans = np.zeros(size + 1, np.int64)
        largest = np.int64(0)
        run_start = np.zeros(size, np.int64)
        run_end = np.zeros(size, np.int64)
        below = np.full(size, -1, np.int64)
        next_rule = np.full(size, -1, np.int64)
        next_strong = np.full(size, -1, np.int64)
        largest_until = np.full(size, -128, np.int64)
        ruled = np.zeros(size + 1, np.int64)
        for k in range(size):
            sums[k + 1] = sums[k] + page[k, GRAM]
            shorts[k + 1] = shorts[k] + (page[k, LENGTH] < 30)
            links[k + 1] = links[k] + (page[k, PROSE] == 0 and page[k, LENGTH] >= 25 and page[k, LAST] != COLON)
            fields[k + 1] = fields[k] + (page[k, COLONS] > 0)
            signs[k + 1] = signs[k] + page[k, SIGNS]
            proses[k + 1] = proses[k] + page[k, PROSE]
            hans[k + 1] = hans[k] + page[k, S_HAN]
            largest = max(largest, page[k, PROSE])
            ruled[k + 1] = ruled[k] + (said[lo + k, 0] >= 2)
            run_start[k] = k if k == 0 or page[k, PROSE] > 0 or page[k - 1, PROSE] > 0 else run_start[k - 1]
        for k in range(size - 1, -1, -1):
            if k + 1 < size:
                weak = page[k + 1, PROSE] > 0 or page[k + 1, GRAM] <= STRONG
                next_strong[k] = next_strong[k + 1] if weak else k + 1
                largest_until[k] = -128 if page[k + 1, PROSE] > 0 else max(largest_until[k + 1], np.int64(page[k + 1, GRAM]))
                next_rule[k] = k + 1 if said[lo + k + 1, 0] >= 2 else next_rule[k + 1]
            run_end[k] = k if k == size - 1 or page[k, PROSE] > 0 or page[k + 1, PROSE] > 0 else run_end[k + 1]
            if k + 1 < size:
                below[k] = k + 1 if page[k + 1, PROSE] > 0 else below[k + 1]
        before = np.int64(0)
        above = last_rule = heading = last_strong = titled = -1
        since_largest = -128
        strong_since = 0
        best_shared = np.int64(0)
        for k in range(size):
            row = out[lo + k, PLACE:]
            row[0] = log[min(k, MOST_LOG - 1)]
            row[1] = log[min(size - 1 - k, MOST_LOG - 1)]
            row[2] = 64 * k // size
            row[3] = log[min(size, MOST_LOG - 1)]
            row[4] = log[min(int(total), MOST_LOG - 1)]
            row[5] = log[min(int(count), MOST_LOG - 1)]
            row[6] = 64 * int(total) // max(1, int(letters))
            row[7] = log[min(int(before), MOST_LOG - 1)]
            row[8] = log[min(int(total - before - page[k, PROSE]), MOST_LOG - 1)]
            row[9] = log[min(k - above, MOST_LOG - 1)] if above >= 0 else 99
            row[10] = log[min(below[k] - k, MOST_LOG - 1)] if below[k] >= 0 else 99
            row[11] = log[page[above, PROSE]] if above >= 0 else -1
            row[12] = log[page[below[k], PROSE]] if below[k] >= 0 else -1
            row[13] = 0 if k < first else 2 if k > last else 1
            row[14] = _signed(log, first - k)
            row[15] = _signed(log, k - last)
            row[16] = log[min(run_end[k] - run_start[k] + 1, MOST_LOG - 1)]
            row[17] = log[min(k - run_start[k], MOST_LOG - 1)]
            row[18] = min(same[k, 0], 15)
            row[19] = same[k, 1]
            row[20] = same[k, 2]
            shared = _shared(points, starts[lo + k], min(ends[lo + k], starts[lo + k] + 60), kinds, stamp, p) if page[k, PROSE] == 0 else -1
            row[21] = shared
            row[22] = 1 if shared * page[k, LENGTH] > best_shared else 0
            best_shared = max(best_shared, shared * page[k, LENGTH])
            for m in range(5):
                reach = 1 << m
                a, b = max(0, k - reach), min(size, k + reach + 1)
                row[23 + m] = (sums[b] - sums[a]) // (b - a)
            row[28] = sums[k] // k if k else 0
            row[29] = (sums[size] - sums[k + 1]) // (size - k - 1) if k + 1 < size else 0
            row[30] = (sums[k] - sums[max(0, k - 4)]) // min(k, 4) if k else 0
            row[31] = (sums[min(size, k + 5)] - sums[k + 1]) // (min(size, k + 5) - k - 1) if k + 1 < size else 0
            row[32] = (sums[k] - sums[max(0, k - 12)]) // min(k, 12) if k else 0
            row[33] = (sums[min(size, k + 13)] - sums[k + 1]) // (min(size, k + 13) - k - 1) if k + 1 < size else 0
            row[34] = 0 if k < g_first else 2 if k > g_last else 1
            row[35] = _signed(log, g_first - k)
            row[36] = _signed(log, k - g_last)
            row[37] = _alike(page, k, k - 1) if k else -1
            row[38] = _alike(page, k, k + 1) if k + 1 < size else -1
            a, b = max(0, k - 4), min(size, k + 5)
            row[39] = 16 * (shorts[b] - shorts[a]) // (b - a)
            a, b = max(0, k - 8), min(size, k + 9)
            row[40] = 16 * (links[b] - links[a]) // (b - a)
            row[41] = page[k, NUMBER] >= 0 and (
                (k > 0 and page[k - 1, NUMBER] == page[k, NUMBER] - 1 and page[k - 1, NUMBER] >= 0)
                or (k + 1 < size and page[k + 1, NUMBER] == page[k, NUMBER] + 1)
            )
            row[42] = _alike(page, k, k - 2) if k >= 2 else -1
            row[43] = _alike(page, k, k + 2) if k + 2 < size else -1
            row[44] = _alike(page, k, k - 3) if k >= 3 else -1
            row[45] = _alike(page, k, k + 3) if k + 3 < size else -1
            a, b = max(0, k - 10), min(size, k + 11)
            row[46] = log[min((proses[b] - proses[a]) // (b - a), MOST_LOG - 1)]
            row[47] = log[largest]
            a, b = max(0, k - 4), min(size, k + 5)
            row[48] = 16 * (fields[b] - fields[a]) // (b - a)
            row[49] = (signs[b] - signs[a]) // (b - a)
            row[50] = sums[size] // size
            row[51] = 16 * shorts[size] // size
            row[52] = hans[size] // size
            row[53] = said[lo + k, 0]
            row[54] = said[lo + k, 1]
            row[55] = log[min(k - last_rule, MOST_LOG - 1)] if last_rule >= 0 else 99
            row[56] = log[min(next_rule[k] - k, MOST_LOG - 1)] if next_rule[k] >= 0 else 99
            row[57] = said[lo + last_rule, 1] if last_rule >= 0 else -1
            row[58] = said[lo + next_rule[k], 1] if next_rule[k] >= 0 else -1
            a, b = max(0, k - 4), min(size, k + 5)
            row[59] = 16 * (ruled[b] - ruled[a]) // (b - a)
            a, b = max(0, k - 12), min(size, k + 13)
            row[60] = 16 * (ruled[b] - ruled[a]) // (b - a)
            row[61] = min(31, ruled[k] - ruled[above + 1])
            row[62] = min(31, ruled[below[k] if below[k] >= 0 else size] - ruled[k + 1])
            row[63] = log[min(k - heading, MOST_LOG - 1)] if heading >= 0 else 99
            row[64] = 16 * ruled[size] // size
            row[65] = said[lo + k - 1, 0] if k else -1
            row[66] = said[lo + k + 1, 0] if k + 1 < size else -1
            if said[lo + k, 0] >= 2:
                last_rule = k
            if said[lo + k, 2]:
                heading = k
            since, until = k - above - 1, (below[k] if below[k] >= 0 else size) - k - 1
            row[67] = since_largest
            row[68] = (sums[k] - sums[above + 1]) // since if since else 0
            row[69] = log[min(since, MOST_LOG - 1)]
            row[70] = largest_until[k]
            row[71] = (sums[k + 1 + until] - sums[k + 1]) // until if until else 0
            row[72] = log[min(until, MOST_LOG - 1)]
            row[73] = log[min(k - last_strong, MOST_LOG - 1)] if last_strong >= 0 else 99
            row[74] = log[min(next_strong[k] - k, MOST_LOG - 1)] if next_strong[k] >= 0 else 99
            row[75] = strong_since
            row[76] = log[min(k - titled, MOST_LOG - 1)] if titled >= 0 else 99
            if page[k, PROSE] > 0:
                since_largest, strong_since = -128, 0
            else:
                since_largest = max(since_largest, int(page[k, GRAM]))
                if page[k, GRAM] > STRONG:
                    last_strong = k
                    strong_since = min(31, strong_since + 1)
            if page[k, GRAM_TITLE] > TITLED and titled < 0:
                titled = k
            at = 77
            for d in (-3, -2, -1, 1, 2, 3):
                inside = 0 <= k + d < size
                row[at] = page[k + d, GRAM] if inside else 128
                row[at + 1] = page[k + d, LENGTH] if inside else -1
                at += 2
            for d in (-1, 1):
                inside = 0 <= k + d < size
                for column in (FIRST, LAST, STOPS, PROSE, S_DIGIT, MARK, S_HAN, GRAM_META, GRAM_TITLE, TOKENS):
                    row[at] = page[k + d, column] if inside else -1
                    at += 1
            before += page[k, PROSE]
            if page[k, PROSE] > 0:
                above = k


@kernel
def _signed(log: I32, n: int) -> int:
    """Return the logarithm of a distance, with its sign."""
    return int(log[min(n, MOST_LOG - 1)]) if n >= 0 else -int(log[min(-n, MOST_LOG - 1)])


@kernel
def _run(page: I32, size: int, column: int) -> tuple[int, int]:
    """Return the first and last line of the run that is most likely the body: by the length of sentences, or by n-grams."""
    best = total = start = first = 0
    last = -1
    for k in range(size):
        if column == PROSE:
            total += page[k, PROSE] if page[k, PROSE] > 0 else -3
        else:
            total += max(-40, min(40, -page[k, GRAM])) + (20 if page[k, PROSE] > 0 else -4)
        if total <= 0:
            total, start = 0, k + 1
        elif total > best:
            best, first, last = total, start, k
    return first, last


@kernel
def _repeats(points: U32, starts: I64, ends: I64, lo: int, size: int) -> I32:
    """Return how often each line occurs elsewhere in its page, and whether above and below it."""
    out = np.zeros((size, 3), np.int32)
    room = 16
    while room < 2 * size:
        room *= 2
    keys = np.zeros(room, np.int64)
    seen = np.zeros(room, np.int32)
    slot_of = np.zeros(size, np.int64)
    for k in range(size):
        key = np.int64(ends[lo + k] - starts[lo + k])
        for at in range(starts[lo + k], min(ends[lo + k], starts[lo + k] + 80)):
            key = ((key ^ (key >> 17) ^ np.int64(points[at])) * 0x9E3779B1) & 0x7FFFFFFF
        key |= np.int64(1) << 48
        slot = (key ^ (key >> 13)) & (room - 1)
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) & (room - 1)
        keys[slot] = key
        out[k, 1] = seen[slot] > 0
        seen[slot] += 1
        slot_of[k] = slot
    for k in range(size - 1, -1, -1):
        out[k, 0] = seen[slot_of[k]] - 1
    done = np.zeros(room, np.bool_)
    for k in range(size - 1, -1, -1):
        out[k, 2] = done[slot_of[k]]
        done[slot_of[k]] = True
    return out


@kernel
def _shared(points: U32, lo: int, hi: int, kinds: U8, stamp: I32, page: int) -> int:
    """Return the share of a line's letter pairs that occur in the sentences of its page, in 64ths; -1 without pairs."""
    pairs = found = 0
    one = np.int64(0)
    for at in range(lo, hi):
        kind = kinds[points[at]]
        char = np.int64(points[at]) if kind in (HAN, LATIN, KANA) else np.int64(0)
        if one and char:
            pairs += 1
            found += stamp[((one * 0x9E3779B1 + char * 0x85EBCA77) >> 13) & (PAGE_SLOTS - 1)] == page
        one = char
    return 64 * found // pairs if pairs else -1


@kernel
def _alike(page: I32, k: int, other: int) -> int:
    """Return how similar two lines are in shape, 0 to 5."""
    return (
        int(abs(page[k, LENGTH] - page[other, LENGTH]) <= 3)
        + int(page[k, FIRST] == page[other, FIRST])
        + int(page[k, LAST] == page[other, LAST])
        + int(page[k, MARK] == page[other, MARK])
        + int(page[k, DIGIT_RUNS] == page[other, DIGIT_RUNS])
    )
