"""The single pass over the characters of new lines: their weights and properties, and which rules could match them.

All lines of a batch are in one array of code points. The kernels here read each character a few times and return numbers;
only lines that some rule may match are handled in Python, with regular expressions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32
from cleantext.chrome.lines.columns import (
    ANNOUNCES,
    BLANK,
    CHANNEL_NAME,
    COLON,
    ENTRY,
    FIELD,
    HAN_FIRST,
    HAN_LAST,
    LISTS,
    LONG,
    LOSS,
    NAMED,
    SHIELDED,
    SITE_NAME,
    TITLE,
)
from cleantext.chrome.matching.character_bits import (
    ALONE,
    ALPHA,
    ANCHORS,
    CLAUSE,
    DECIMAL,
    DIGIT,
    EDGE,
    ENDS_LABEL,
    ENDS_LISTING,
    ENDS_TITLE,
    LEADING,
    MOST_BRACKETS,
    PARTS_LABEL,
    QUOTE,
    SHIELDS,
    SPACE,
    STOP,
    TRAILING,
)
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.matching.vocabulary_lines import LONGEST
from cleantext.chrome.matching.word_index import Lexicon, RuleTable, may_begin, stands
from cleantext.jit import kernel

__all__ = ["Scanned", "scan", "stripped"]

SHORT = 200  # longer lines are paragraphs: only spans and long disclaimers are searched in them
PARAGRAPH = 80  # characters from which a line with a full stop is tested only by rules whose anchors it has
UNMARKED = 30  # characters from which a line without punctuation is prose rather than a title
WEIGHT = 200  # maximum weight of a line in characters
PUNCTUATION = SPACE | CLAUSE | STOP | ENDS_TITLE

TAB, FULL_STOP, SEMICOLON, COLON_MARK, NUMBER = ord("\t"), ord("。"), ord(";"), ord(":"), ord("号")


class Scanned(NamedTuple):
    """The results of the pass."""

    known: I64  # facts about each line, without its summary; `SHIELDED` and `LISTS` are only candidates
    core: I32  # (lines, 2): the part inside blanks, bullets and outer brackets
    worded: npt.NDArray[np.bool_]  # the line may consist of widget words
    labelled: npt.NDArray[np.bool_]  # the line may contain a label
    pairs: I32  # (pairs, 2): line, and rule to try


@kernel
def scan(rows: Rows, bits: U32, anchors: Lexicon, firsts: Lexicon, vocabulary: Lexicon, rules: RuleTable) -> Any:
    """Scan lines. Return the fields of `Scanned`."""
    points = rows.points
    lines = len(rows.starts)
    known = np.zeros(lines, np.int64)
    core = np.zeros((lines, 2), np.int32)
    worded = np.zeros(lines, np.bool_)
    labelled = np.zeros(lines, np.bool_)
    pairs = np.empty((4 * lines + 64, 2), np.int32)
    found = 0
    tried = np.full(len(rules.power), -1, np.int64)  # the last line for which each rule was recorded
    longest = np.int64(0)
    for n in range(lines):
        longest = max(longest, rows.ends[n] - rows.starts[n])
    places, marks = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)  # in a line: where anchors may begin, and punctuation
    for n in range(lines):
        lo, hi = rows.starts[n], rows.ends[n]
        known[n], stopped, begins = _measure(points, lo, hi, bits, anchors, places, marks)
        a, b = _unwrap(points, lo, hi, bits)
        core[n, 0], core[n, 1] = a - lo, b - lo
        if a < b and (bits[points[a]] & SHIELDS or points[b - 1] == NUMBER):
            known[n] |= SHIELDED
        anchored = False
        room = found + len(rules.power)
        if room > len(pairs):
            grown = np.empty((2 * room, 2), np.int32)
            for k in range(found):
                grown[k, 0], grown[k, 1] = pairs[k, 0], pairs[k, 1]
            pairs = grown
        for at in places[:begins]:
            bucket = anchors.root[points[at]]
            for w in range(anchors.buckets[bucket], anchors.buckets[bucket + 1]):
                first, last = anchors.starts[w], anchors.starts[w + 1]
                if at + last - first <= hi and stands(points, at, anchors.points, first, last):
                    for o in range(anchors.owned[w], anchors.owned[w + 1]):
                        rule = anchors.owners[o]
                        if hi - lo > SHORT and rules.longest[rule] <= SHORT:
                            continue
                        anchored = True
                        if tried[rule] < n:
                            tried[rule] = n
                            if a < b and b - a <= rules.longest[rule]:
                                pairs[found, 0], pairs[found, 1] = n, rule
                                found += 1
        if not anchored and (hi - lo > LONGEST or (hi - lo > PARAGRAPH and stopped)):
            known[n] &= ~SHIELDED
            continue
        if a == b:
            continue
        bucket = firsts.root[points[a]]
        if bucket:
            w = firsts.buckets[bucket]
            for o in range(firsts.owned[w], firsts.owned[w + 1]):
                rule = firsts.owners[o]
                if tried[rule] < n and b - a <= rules.longest[rule]:
                    pairs[found, 0], pairs[found, 1] = n, rule
                    found += 1
        if b - a > LONGEST or (stopped and _holds(points, a, b, FULL_STOP)):
            continue
        if vocabulary.root[points[a]] or bits[points[a]] & (EDGE | DIGIT):
            worded[n] = True
        labelled[n] = b - a <= SHORT and _may_label(points, a, b, bits)
    return known, core, worded, labelled, pairs[:found]


@kernel
def _measure(points: U32, lo: int, hi: int, bits: U32, anchors: Lexicon, places: I64, marks: I64) -> tuple[int, bool, int]:
    """Return the facts about a line by itself (see `gain` for the weight), whether it contains a full stop, and how many ``places`` were written."""
    n = hi - lo
    a, b = lo, hi
    while a < b and bits[points[a]] & SPACE:
        a += 1
    while a < b and bits[points[b - 1]] & SPACE:
        b -= 1
    letters, begins, punctuation = _gather(points, lo, hi, bits, anchors, places, marks)
    clauses = colons = 0
    first_colon = -1
    full_stop = stopped = tabbed = False
    for at in marks[:punctuation]:
        c = points[at]
        bit = bits[c]
        clauses += (bit & CLAUSE) != 0
        tabbed = tabbed or c == TAB
        if c == COLON_MARK:
            if not colons:
                first_colon = at
            colons += 1
        elif c == FULL_STOP:
            full_stop = True
        elif at >= lo + 3 and not stopped:  # not the full stop of a leading number
            if c == SEMICOLON:
                stopped = True
            elif bit & STOP:
                after = at + 1
                if after < hi and bits[points[after]] & QUOTE:
                    after += 1
                stopped = after == hi or (bits[points[after]] & SPACE) != 0
    if n < 12:
        gain = n if full_stop and points[b - 1] == FULL_STOP else 0 if a == b or tabbed else -3  # cells count neither for nor against
    elif full_stop:
        gain = min(n, WEIGHT)
    elif stopped:
        gain = min(n, WEIGHT) if n >= 50 else n // 2
    elif n >= 50 and clauses >= 2:
        gain = min(n, WEIGHT) // 2
    else:
        gain = 4 if n >= UNMARKED and not tabbed else -3
    known = gain + LOSS
    if a == b:
        return known | BLANK, full_stop, begins
    if bits[points[a]] & SHIELDS or points[b - 1] == NUMBER:
        known |= SHIELDED
    field = colons > 0 and _is_field(points, a, b, first_colon)
    if field:
        known |= FIELD
    elif 2 <= b - a <= 80 and not bits[points[b - 1]] & ENDS_TITLE:
        known |= TITLE
    if colons:
        known |= COLON
        if colons == 1 and first_colon == b - 1 and b - a > 5:
            known |= ANNOUNCES
    if b - a >= 8:
        known |= LONG
        if points[a] in (ord("1"), ord("2")) and bits[points[a + 1]] & bits[points[a + 2]] & bits[points[a + 3]] & DECIMAL:
            known |= ENTRY
    if letters >= 4:
        known |= NAMED
    if b - a <= 10:
        known |= SITE_NAME
        if b - a <= 4:
            known |= CHANNEL_NAME
    if bits[points[b - 1]] & ENDS_LISTING:
        known |= LISTS
    return known, full_stop, begins


@kernel
def _gather(points: U32, lo: int, hi: int, bits: U32, anchors: Lexicon, places: I64, marks: I64) -> tuple[int, int, int]:
    """Write the ``places`` of a line where an anchor may begin, and its punctuation and blanks; return its letters, and how many were written of each.

    Without branches, which processors cannot predict here: four of ten characters begin some anchor.
    """
    letters = begins = punctuation = 0
    for at in range(lo, hi):
        char = points[at]
        bit = bits[char]
        letters += (bit & ALPHA) != 0
        places[begins] = at
        begins += ((bit & ANCHORS) != 0) & (((bit & ALONE) != 0) | may_begin(anchors, int(char), int(points[min(at + 1, hi - 1)])))
        marks[punctuation] = at
        punctuation += (bit & PUNCTUATION) != 0
    return letters, begins, punctuation


@kernel
def _is_field(points: U32, a: int, b: int, colon: int) -> bool:
    """Return whether a line is a label of two to ten Han characters, a colon, and up to 40 characters: ``出 版 社: 白塔书局``."""
    if not 2 <= colon - a <= 10:
        return False
    for at in range(a, colon):
        han = HAN_FIRST <= points[at] <= HAN_LAST
        if not han and (points[at] != ord(" ") or at in (a, colon - 1)):
            return False
    start = colon + 1
    if start < b and points[start] == ord(" "):
        start += 1
    return b - start <= 40 and not _holds(points, start, b, FULL_STOP) and not _holds(points, start, b, SEMICOLON)


@kernel
def _holds(points: U32, a: int, b: int, char: int) -> bool:
    for at in range(a, b):  # noqa: SIM110 - Numba has no any()
        if points[at] == char:
            return True
    return False


@kernel
def _unwrap(points: U32, lo: int, hi: int, bits: U32) -> tuple[int, int]:
    """Return `cleantext.chrome.rules.pack.unwrap` of a line."""
    a, b = lo, hi
    for pair in range(MOST_BRACKETS + 1):
        while a < b and bits[points[a]] & LEADING:
            a += 1
        while a < b and bits[points[b - 1]] & TRAILING:
            b -= 1
        if b - a < 2 or pair == MOST_BRACKETS:
            return a, b
        close = _closing(points[a])
        if close == 0 or points[b - 1] != close:
            return a, b
        depth = 0
        for k in range(a, b - 1):  # ( ... ) ... ( ... ) is not one bracket
            depth += int(points[k] == points[a]) - int(points[k] == close)
            if depth == 0:
                return a, b
        a, b = a + 1, b - 1
    return a, b


@kernel
def stripped(points: U32, starts: I64, ends: I64, bits: U32) -> Any:
    """Return the bounds of stretches without the blanks around them."""
    starts, ends = starts.copy(), ends.copy()
    for n in range(len(starts)):
        while starts[n] < ends[n] and bits[points[starts[n]]] & SPACE:
            starts[n] += 1
        while starts[n] < ends[n] and bits[points[ends[n] - 1]] & SPACE:
            ends[n] -= 1
    return starts, ends


@kernel
def _closing(char: int) -> int:
    """Return the closing bracket for an opening one, 0 for other characters."""
    if char in (ord("["), ord("<")):
        return char + 2
    if char in (ord("("), ord("【"), ord("〔"), ord("〖"), ord("『"), ord("「")):
        return char + 1
    return 0


@kernel
def _may_label(points: U32, a: int, b: int, bits: U32) -> bool:
    """Return whether the last character of a label is before a separator: most colons follow other characters."""
    for at in range(a + 1, b):
        if bits[points[at]] & PARTS_LABEL:
            if bits[points[at - 1]] & ENDS_LABEL:
                return True
            if points[at - 1] == ord(" ") and at > a + 1 and bits[points[at - 2]] & ENDS_LABEL:
                return True
    return False
