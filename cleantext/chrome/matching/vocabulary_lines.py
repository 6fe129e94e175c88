"""Widget words: lines that consist of words of a vocabulary, counts and separators only."""

from __future__ import annotations

import numpy as np

from cleantext.changes import I32, I64, U32
from cleantext.chrome.lines.columns import HAN_FIRST, HAN_LAST, A, B, C
from cleantext.chrome.matching.character_bits import ALPHA, DECIMAL, DIGIT, EDGE, ROW, SPELLED, WORD
from cleantext.chrome.matching.word_index import Lexicon, RuleTable, stands
from cleantext.jit import kernel

__all__ = ["LONGEST", "widgets"]

LONGEST = 240  # characters of a line of widget words
BAR = 6  # words of a row of links
GLUED = 5  # common words without blanks from which a line is a row of links rather than a title


@kernel
def widgets(points: U32, starts: I64, ends: I64, bits: U32, words: Lexicon, rules: RuleTable) -> I32:
    """Return for each stretch of widget words the rule, the power and the number of words; rule -1 for others."""
    out = np.full((len(starts), 3), -1, np.int32)
    dead = np.zeros(len(points) + 1, np.int32)  # offsets from which no words continue, by the number of the attempt
    stack = np.empty((LONGEST + 1, 3), np.int32)
    attempt = 0
    for n in range(len(starts)):
        attempt = _widgets(points, starts[n], ends[n], bits, words, rules, dead, attempt, stack, out[n])
    return out


@kernel
def _widgets(
    points: U32, a: int, b: int, bits: U32, words: Lexicon, rules: RuleTable, dead: I32, attempt: int, stack: I32, out: I32
) -> int:
    """Judge a line that consists of widget words only, in any order; return the number of attempts so far.

    Two words of strength B, or three of C, count as one of the next strength; a single word has at most B, since
    features of a program and headings of a manual have the same names as buttons. Common words (of places, feelings) add nothing, and
    a few of them without blanks are a title: 新能源车保养技巧.
    """
    attempt += 1
    used = _segment(points, a, b, bits, words, dead, attempt, stack)
    if not used:
        return _bar(points, a, b, bits, words, rules, dead, attempt, stack, out)
    best, strong, telling = stack[0, 2], 0, 0
    for k in range(used):
        rule = stack[k, 2]
        strong += rules.power[rule] >= B
        telling += not rules.common[rule]
        best = _better(best, rule, rules)
    apart = 0
    counted = False
    for at in range(a, b):  # runs of letters, digits and + that contain a letter
        bit = bits[points[at]]
        if not bit & WORD:
            counted = False
        elif bit & ALPHA and not counted:
            apart += 1
            counted = True
    if apart == 1 and 1 < used < GLUED and not telling:
        return attempt
    out[0] = best
    out[1] = A if strong >= 2 else B if strong or (used >= 3 and telling >= 2) else C
    out[2] = apart
    return attempt


@kernel
def _better(a: int, b: int, rules: RuleTable) -> int:
    """Return the stronger of two rules, or the first by id if they are equal."""
    if rules.power[a] != rules.power[b]:
        return a if rules.power[a] > rules.power[b] else b
    return min(a, b)


@kernel
def _bar(points: U32, a: int, b: int, bits: U32, words: Lexicon, rules: RuleTable, dead: I32, attempt: int, stack: I32, out: I32) -> int:
    """Judge a row of at least six short words most of which are known: no vocabulary has all channels of all sites."""
    parts = 0
    for at in range(a, b):
        parts += (bits[points[at]] & ROW) != 0
    if parts < BAR - 1:
        return attempt
    tokens = known = telling = 0
    best = -1
    at = a
    while at < b:
        if bits[points[at]] & ROW or points[at] == ord("\\"):
            at += 1
            continue
        end = at
        while end < b and not (bits[points[end]] & ROW or points[end] == ord("\\")):
            end += 1
        if end - at > 10:
            return attempt
        tokens += 1
        attempt += 1
        if _segment(points, at, end, bits, words, dead, attempt, stack):
            rule = stack[0, 2]
            known += 1
            telling += not rules.common[rule]
            best = rule if best < 0 else _better(best, rule, rules)
        at = end
    if tokens >= BAR and known >= 0.7 * tokens:
        out[0] = best
        out[1] = B if telling else C
        out[2] = tokens
    return attempt


@kernel
def _segment(points: U32, lo: int, hi: int, bits: U32, words: Lexicon, dead: I32, attempt: int, stack: I32) -> int:
    """Split a stretch into words, separators and counts, long words first.

    Return the number of words, with their rules in ``stack[:, 2]``; 0 if it cannot be split.
    """
    depth = 0
    at = _skip(points, lo, hi, bits)
    w = words.buckets[words.root[points[at]]] if at < hi else 0
    while at < hi:
        following = -1
        last = words.buckets[words.root[points[at]] + 1]
        while w < last and following < 0:
            a, b = words.starts[w], words.starts[w + 1]
            end = at + b - a
            if end <= hi and stands(points, at, words.points, a, b) and _apart(points, at, end, lo, hi, bits):
                reached = _skip(points, end, hi, bits)
                following = reached if dead[reached] != attempt else -1
            w += 1
        if following >= 0:
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = at, w, words.owners[words.owned[w - 1]]
            depth += 1
            at = following
            w = words.buckets[words.root[points[at]]] if at < hi else 0
        else:
            dead[at] = attempt
            if not depth:
                return 0
            depth -= 1
            at, w = stack[depth, 0], stack[depth, 1]
    return depth


@kernel
def _skip(points: U32, at: int, hi: int, bits: U32) -> int:
    """Return where the next word starts, after separators and counts."""
    while at < hi:
        bit = bits[points[at]]
        if bit & EDGE:
            at += 1
        elif bit & DIGIT:
            end = _count_end(points, at, hi, bits)
            if end == at:
                return at
            at = end
        else:
            return at
    return at


@kernel
def _count_end(points: U32, at: int, hi: int, bits: U32) -> int:
    """Return the end of a number with its unit (``1.2万+``) that no Han or Latin letter follows; ``at`` if there is none.

    To satisfy this, the unit and the marks after the digits may be given up, but no digit: ``12万年`` is not 1 before ``2万年``.
    """
    if not bits[points[at]] & DECIMAL:
        return at
    digits = at + 1
    while digits < hi and (bits[points[digits]] & DECIMAL or points[digits] == ord(".") or points[digits] == ord(",")):
        digits += 1
    end = digits
    while end < hi and end < digits + 2 and _is_unit(points[end]):
        end += 1
    while end > at:
        if end == hi or not (HAN_FIRST <= points[end] <= HAN_LAST or ord("a") <= points[end] <= ord("z")):
            return end
        end -= 1
        if bits[points[end]] & DECIMAL:
            return at
    return at


@kernel
def _is_unit(char: int) -> bool:
    return char in (ord("万"), ord("亿"), ord("千"), ord("k"), ord("w"), ord("+"), ord("%"))


@kernel
def _apart(points: U32, start: int, end: int, lo: int, hi: int, bits: U32) -> bool:
    """Return whether a word is separate: letters from letters, a single character from everything."""
    before = bits[points[start - 1]] if start > lo else EDGE
    after = bits[points[end]] if end < hi else EDGE
    if (bits[points[start]] & before | bits[points[end - 1]] & after) & SPELLED:
        return False
    return end - start > 1 or (before & (EDGE | DIGIT) != 0 and after & (EDGE | DIGIT) != 0)
