"""Figures of the lines of a page, as kernels: the parts of `cleantext.chrome.main_text.block_features`.

Each returns a row per figure, with a column per line or element. Where the model uses a logarithm, the row holds the number itself
(`TEXT_LOGS` and the like), and NumPy computes the logarithm, since that of compiled code differs in the last bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cleantext.changes import F32, I64, U32
from cleantext.jit import kernel

__all__ = [
    "COUNTS", "ELEMENT_LOGS", "KINDS", "PLACES", "PLACE_LOGS", "TEXT_LOGS", "element_figures", "flags", "line_places", "said_figures", "sums_of",
    "text_figures",
]  # fmt: skip

OTHER, HAN, SMALL, CAPITAL, DIGIT, STOP, COMMA, HALF_STOP, SEPARATOR, QUOTE, COLON, TAB, BLANK, PERIOD, CURRENCY, KIND_COUNT = range(16)
CHARACTERS = {
    STOP: "。！？!?…", COMMA: "，、,;", HALF_STOP: "；", SEPARATOR: "|｜/·•>»›_-–—", QUOTE: "“”\"'《》「」()（）", COLON: ":：", TAB: "\t",
    BLANK: " \n\u3000\xa0", PERIOD: ".", CURRENCY: "$¥￥€£₹元",
}  # fmt: skip
KINDS = np.zeros(1 << 16, np.uint8)
KINDS[0x3400:0xA000] = HAN
for _first, _kind in ((97, SMALL), (65, CAPITAL)):
    KINDS[_first : _first + 26] = _kind
KINDS[48:58] = DIGIT
for _kind, _characters in CHARACTERS.items():
    KINDS[[ord(c) for c in _characters]] = _kind
DOT, CLOSING_QUOTE, NIL, NINE, HIGHEST = ord("."), 0x201D, ord("0"), ord("9"), 0xFFFF

FIGURES, COUNTS = 20, 13  # rows for the text of a line, and for its counts
TEXT_LOGS = [0, 12, 13, 14]
PLACES, PLACE_LOGS = 45, [1, 2, 5, 6, 7, 16, 17, 19, 30, 42]
ELEMENTS, ELEMENT_LOGS = 8, [0, 1, 6]
SAID = 33
REACHES, SAID_REACHES = (1, 3, 8), (2, 4, 8, 16, 40)  # lines in each direction
FAR = 500  # distance in lines to a mark that does not exist
ONE = np.float32(1)


@kernel
def text_figures(points: U32, starts: I64, ends: I64, kinds: Any) -> Any:
    """Return figures of the text of each line, and the numbers of its letters, digits and marks; the text must end with a line break."""
    lines = len(starts)
    out, counts = np.zeros((FIGURES, lines), np.float32), np.zeros((COUNTS, lines), np.float32)
    of_kind = np.zeros(KIND_COUNT, np.int64)
    for n in range(lines):
        start, end = starts[n], ends[n]
        of_kind[:] = 0
        last = 0
        for at in range(start, end):
            last = int(kinds[min(points[at], HIGHEST)])
            kind = last
            if kind == PERIOD:
                behind = kinds[min(points[at + 1], HIGHEST)]
                if behind not in (BLANK, TAB):
                    kind = OTHER
            of_kind[kind] += 1
        space = of_kind[BLANK] + of_kind[TAB]
        counts[0, n] = end - start - space
        counts[1, n] = of_kind[HAN]
        counts[2, n] = of_kind[SMALL] + of_kind[CAPITAL]
        counts[3, n] = of_kind[CAPITAL]
        counts[4, n] = of_kind[DIGIT]
        counts[5, n] = of_kind[STOP] + of_kind[HALF_STOP] + of_kind[PERIOD]
        counts[6, n] = of_kind[COMMA] + of_kind[HALF_STOP]
        counts[7, n] = of_kind[SEPARATOR]
        counts[8, n] = of_kind[QUOTE]
        counts[9, n] = of_kind[COLON]
        counts[10, n] = of_kind[TAB]
        counts[11, n] = space
        counts[12, n] = of_kind[CURRENCY]
        size = max(counts[0, n], ONE)
        out[0, n] = size
        for k in range(1, 12):
            out[k, n] = counts[k, n] / size
        out[12, n], out[13, n], out[14, n] = counts[5, n], counts[6, n], counts[11, n]
        out[15, n] = counts[12, n] > 0
        if end > start:
            final, first = points[end - 1], points[start]
            out[16, n] = last in (STOP, HALF_STOP) or final in (DOT, CLOSING_QUOTE)
            out[17, n] = last == COLON
            out[18, n] = NIL <= first <= NINE
        out[19, n] = size / (counts[11, n] + ONE)
    return out, counts


@kernel
def sums_of(counts: F32, density: F32) -> Any:
    """Return cumulative sums before each line and at the end: characters, those in links, those of prose, linked lines; and the prose of each line."""
    lines = len(density)
    sums = np.zeros((4, lines + 1), np.float64)
    prose = np.zeros(lines, np.float32)
    for n in range(lines):
        chars = counts[0, n]
        if counts[5, n] + counts[6, n] > 0:
            prose[n] = chars * (ONE - density[n])
        sums[0, n + 1] = sums[0, n] + chars
        sums[1, n + 1] = sums[1, n] + chars * density[n]
        sums[2, n + 1] = sums[2, n] + prose[n]
        sums[3, n + 1] = sums[3, n] + (density[n] > 0.5)
    return sums, prose


@kernel
def element_figures(parent: I64, first: I64, last: I64, bits: I64, alike: I64, sums: Any) -> Any:
    """Return figures of each element, and its surroundings.

    The latter are the bits of all elements around it, its depth, the nearest element around it that has other lines, and the nearest, starting with
    itself, that has at least three siblings of its form, itself included.
    """
    count = len(parent)
    out, around = np.zeros((ELEMENTS, count), np.float64), np.zeros((4, count), np.int64)
    around[3, 0] = -1
    total = max(sums[2, -1], 1.0)
    for at in range(count):
        lines = float(last[at] - first[at] + 1)
        chars = sums[0, last[at] + 1] - sums[0, first[at]]
        linked = sums[1, last[at] + 1] - sums[1, first[at]]
        prose = sums[2, last[at] + 1] - sums[2, first[at]]
        out[0, at], out[1, at] = lines, chars
        out[2, at] = linked / max(chars, 1.0)
        out[3, at] = prose / total
        out[4, at] = prose / max(chars, 1.0)
        out[5, at] = (sums[3, last[at] + 1] - sums[3, first[at]]) / lines
        out[6, at] = alike[at]
        out[7, at] = chars / lines
        if at:
            up = parent[at]
            around[0, at] = around[0, up] | bits[at]
            around[1, at] = around[1, up] + 1
            around[2, at] = up if first[up] != first[at] or last[up] != last[at] else around[2, up]
            around[3, at] = at if alike[at] > 2 and lines > 1 else around[3, up]
    return out, around


@kernel
def flags(tags: I64, around: I64, own: I64, rules: I64, tag_count: int, around_count: int, own_count: int, rule_count: int) -> F32:
    """Return as rows of 0 and 1 the tag of each line, the bits of all elements around it, the higher bits of its own, and the rule against it."""
    second = tag_count + around_count + own_count
    out = np.zeros((second + rule_count, len(tags)), np.float32)
    for n in range(len(tags)):
        if tags[n] >= 0:
            out[tags[n], n] = 1
        for bit in range(around_count):
            out[tag_count + bit, n] = (around[n] >> bit) & 1
        for bit in range(own_count):
            out[tag_count + around_count + bit, n] = (own[n] >> (around_count - own_count + bit)) & 1
        out[second + rules[n], n] = 1
    return out


@kernel
def _window(values: Any, reach: int, out: Any) -> None:
    """Write the mean over neighbours in each direction, without the line itself."""
    count = len(values)
    total = np.zeros(count + 1, np.float64)
    for n in range(count):
        total[n + 1] = total[n] + values[n]
    for n in range(count):
        lo, hi = max(n - reach, 0), min(n + reach + 1, count)
        out[n] = (total[hi] - total[lo] - values[n]) / max(hi - lo - 1, 1)


@kernel
def _since(marks: Any, out: Any) -> None:
    """Write the distance in lines back to the last mark, `FAR` if there is none."""
    last = -FAR
    for n in range(len(marks)):
        if marks[n]:
            last = n
        out[n] = min(n - last, FAR)


@kernel
def _until(marks: Any, out: Any) -> None:
    """Write the distance in lines to the next mark, `FAR` if there is none."""
    last = -FAR
    for k in range(len(marks)):
        n = len(marks) - 1 - k
        if marks[n]:
            last = k
        out[n] = min(k - last, FAR)


@kernel
def _sum_of_form(values: Any, form: I64, out: Any) -> None:
    """Write the sum over the lines of the same form."""
    sums = np.zeros(form.max() + 1, np.float64)
    for n in range(len(form)):
        sums[form[n]] += values[n]
    for n in range(len(form)):
        out[n] = sums[form[n]]


@kernel
def line_places(known: Any, sums: Any, leaf: I64, form: I64, root: I64, title: int, elements: Any, around: I64) -> Any:
    """Return figures of the position of each line.

    ``known`` are its characters, their logarithm, link density, and 0 or 1 for each of: it has prose, a currency sign, is a
    heading, a heading of related pages, a sentence, and kept by rules; ``root`` is the first and the last line of the element chosen by the rules.
    """
    count = len(leaf)
    out = np.zeros((PLACES, count), np.float64)
    all_chars, total = max(sums[0, -1], 1.0), max(sums[2, -1], 1.0)
    chars, size, density, has_prose, currency = known[0], known[1], known[2], known[3], known[4]
    heading, related, sentence, kept = known[5], known[6], known[7], known[8]
    _since(sentence, out[5])
    _until(sentence, out[6])
    _since(heading, out[7])
    _since(kept, out[16])
    _until(kept, out[17])
    _window(kept, 5, out[18])
    _since(related, out[19])
    _window(currency, 6, out[21])
    for k in range(3):
        _window(density, REACHES[k], out[22 + k])
        _window(size, REACHES[k], out[25 + k])
    _window(has_prose, 3, out[28])
    _window(has_prose, 10, out[29])
    _sum_of_form(np.ones(count, np.float64), form, out[30])
    _sum_of_form(chars, form, out[32])
    _sum_of_form(density, form, out[35])
    _sum_of_form(size, form, out[36])
    _sum_of_form(has_prose, form, out[37])
    _sum_of_form(kept, form, out[38])
    heads, tails = np.full(form.max() + 1, count, np.int64), np.zeros(form.max() + 1, np.int64)
    for n in range(count):
        heads[form[n]], tails[form[n]] = min(heads[form[n]], n), n
    for n in range(count):
        out[0, n], out[1, n], out[2, n] = n / count, n, count - n
        out[3, n], out[4, n] = sums[0, n + 1] / all_chars, sums[2, n + 1] / total
        out[8, n] = min(max(n - title, -60), 200) if title >= 0 else -99
        out[11, n], out[12, n] = density[n], around[1, leaf[n]]
        out[13, n] = root[0] <= n <= root[1]
        out[14, n], out[15, n] = min(max(n - root[0], -99), 99), min(max(n - root[1], -99), 99)
        alike = out[30, n]
        out[31, n] = alike / count
        out[32, n] /= all_chars
        out[33, n] = alike / (tails[form[n]] - heads[form[n]] + 1)
        out[34, n] = n - heads[form[n]]
        for k in range(35, 39):
            out[k, n] /= alike
        item = around[3, leaf[n]]
        if item >= 0:
            out[39, n], out[40, n] = 1, elements[6, item]
            out[41, n], out[42, n] = elements[1, item] / all_chars, elements[1, item]
            out[43, n], out[44, n] = elements[4, item], elements[2, item]
    return out


@kernel
def said_figures(score: F32, weight: F32, rank: I64, usual: F32, ups: I64, item: I64, first: I64, last: I64, form: I64) -> F32:
    """Return the outputs of a model for each line, its neighbours and the elements around it, as figures.

    ``weight`` is the weight of each line, ``rank`` its rank among all lines by output, and ``usual`` the means over the lines that rules keep,
    the rest, and all.
    """
    count = len(score)
    out = np.zeros((SAID, count), np.float32)
    heavy, said, weights = score * weight, score.astype(np.float64), weight.astype(np.float64)
    sums = np.zeros((3, count + 1), np.float64)
    for n in range(count):
        sums[0, n + 1], sums[1, n + 1], sums[2, n + 1] = sums[0, n] + score[n], sums[1, n] + heavy[n], sums[2, n] + weight[n]
    windows, by_form = np.zeros((5, count), np.float64), np.zeros((4, count), np.float64)
    for k in range(5):
        _window(said, SAID_REACHES[k], windows[k])
    _sum_of_form(np.ones(count, np.float64), form, by_form[0])
    _sum_of_form(said, form, by_form[1])
    _sum_of_form(heavy.astype(np.float64), form, by_form[2])
    _sum_of_form(weights, form, by_form[3])
    most = score.max()
    gain, best = np.float32(0), score[0]
    for n in range(count):
        out[0, n] = score[n]
        out[1, n] = score[n - 2] if n > 1 else 0
        out[2, n] = score[n - 1] if n else 0
        out[3, n] = score[n + 1] if n + 1 < count else 0
        out[4, n] = score[n + 2] if n + 2 < count else 0
        for k in range(5):
            out[5 + k, n] = windows[k, n]
        for level in range(4):
            lo, hi = first[ups[level + 1, n]], last[ups[level + 1, n]] + 1
            out[10 + 2 * level, n] = (sums[0, hi] - sums[0, lo]) / (hi - lo)
            out[11 + 2 * level, n] = (sums[1, hi] - sums[1, lo]) / max(sums[2, hi] - sums[2, lo], 1.0)
        lo, hi = (first[item[n]], last[item[n]] + 1) if item[n] >= 0 else (0, 1)
        out[18, n] = (sums[1, hi] - sums[1, lo]) / max(sums[2, hi] - sums[2, lo], 1.0)
        out[19, n] = sums[0, count] / count
        out[20, n] = sums[1, count] / max(sums[2, count], 1.0)
        out[21, n] = most
        out[22, n] = rank[n] / count
        out[23, n] = by_form[1, n] / by_form[0, n]
        out[24, n] = by_form[2, n] / max(by_form[3, n], 1.0)
        out[25, n], out[26, n] = usual[0], score[n] - usual[0]
        out[27, n], out[28, n] = usual[1], score[n] - usual[1]
        out[29, n] = score[n] - most
        gain += score[n] - usual[2]
        out[30, n] = gain / np.float32(count)
        best = max(best, score[n])
        out[31, n] = best
    best = score[count - 1]
    for k in range(count):
        best = max(best, score[count - 1 - k])
        out[32, count - 1 - k] = best
    return out
