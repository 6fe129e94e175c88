"""Kernels that repair a line until nothing changes: the same as `line_edits`, for many lines at once.

Edits are rows: start and end in the text before, the size of what is there after, and a rule. Composed edits have the numbers of their rules as digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cleantext.changes import U32
from cleantext.jit import kernel
from cleantext.repair.misread.byte_tables import MARKER, SURROGATE, SUSPECT, U8, MisreadTables
from cleantext.repair.misread.families import RULES
from cleantext.repair.misread.ftfy_lines import ftfy_result
from cleantext.repair.misread.ftfy_tables import FtfyTables
from cleantext.repair.misread.line_families import found_in_han, found_in_latin
from cleantext.repair.misread.readings import AFTER, COMPOSED, EDITS, FOUND, LINE, NEXT, TURN, WHOLE, LineRoom
from cleantext.repair.misread.transcode import UNSURE, copy

__all__ = ["LATIN", "ROUNDS", "RULE_NAMES", "line_rows"]

LATIN = "mojibake.latin"
RULE_NAMES = (*RULES.values(), LATIN)  # the digit of a rule is its place here, counted from 1
FTFY = len(RULE_NAMES)
BASE = len(RULE_NAMES) + 1
ROUNDS = 8  # text that was wrongly encoded three times has been seen
NEWLINE = 10


@kernel
def _bits(line: U32, size: Any, kind: U8) -> Any:
    bits = np.uint8(0)
    for i in range(size):
        bits |= kind[np.int64(line[i])]
    return bits


@kernel
def _edited(line: U32, size: Any, bare: Any, room: LineRoom) -> tuple[Any, Any]:
    """Write the line after the edits that were found to the row `NEXT`, and these to `TURN`; return its size and their number."""
    n = i = count = 0
    while i < size:
        k = room.at[i] - 1 if i < bare else -1
        if k < 0:
            room.points[NEXT, n] = line[i]
            n += 1
            i += 1
            continue
        begin, end = room.rows[FOUND, k, 3], room.rows[FOUND, k, 4]
        room.rows[TURN, count, 0], room.rows[TURN, count, 1], room.rows[TURN, count, 2], room.rows[TURN, count, 3] = (
            i,
            room.rows[FOUND, k, 1],
            end - begin,
            (room.rows[FOUND, k, 2] >> 1) + 1,
        )
        count += 1
        for j in range(begin, end):
            room.points[NEXT, n] = room.points[AFTER, j]
            n += 1
        i = room.rows[FOUND, k, 1]
    return n, count


@kernel
def _by_ftfy(line: U32, size: Any, kind: U8, ftfy: FtfyTables, room: LineRoom) -> tuple[Any, Any]:
    """Write the line as ftfy repairs it to the row `NEXT`, and the edit, as `edits.trimmed` makes it, to `TURN`; return its size (or `UNSURE`) and 1 or 0."""
    new = ftfy_result(line, size, kind, ftfy, room)
    if new == UNSURE:
        return UNSURE, 0
    shorter, head, tail = min(size, new), 0, 0
    while head < shorter and line[head] == room.points[WHOLE, head]:
        head += 1
    if head == size and head == new:
        return size, 0
    while tail < shorter - head and line[size - 1 - tail] == room.points[WHOLE, new - 1 - tail]:
        tail += 1
    if head + tail == size:  # an insertion takes a neighbour with it
        if head:
            head -= 1
        else:
            tail -= 1
    room.rows[TURN, 0, 0], room.rows[TURN, 0, 1], room.rows[TURN, 0, 2], room.rows[TURN, 0, 3] = head, size - tail, new - tail - head, FTFY
    for i in range(new):
        room.points[NEXT, i] = room.points[WHOLE, i]
    return new, 1


@kernel
def _with_rules(code: Any, more: Any) -> Any:
    """Return the digits of a rule with those of another behind them, each once."""
    digits = np.int64(0)  # of ``more``, the first one last
    while more:
        digits = digits * BASE + more % BASE
        more //= BASE
    while digits:
        digit, rest = digits % BASE, code
        while rest and rest % BASE != digit:
            rest //= BASE
        if rest == 0:
            code = code * BASE + digit
        digits //= BASE
    return code


@kernel
def _composed(given: U32, room: LineRoom, n: Any, m: Any) -> Any:
    """Compose ``n`` edits with the ``m`` edits of the row `TURN`, as `edits.compose`; return their number. The row `NEXT` has the text after both."""
    first, then, out = room.rows[EDITS], room.rows[TURN], room.rows[COMPOSED]
    i = j = shift = grown = count = 0  # how much longer the text has become before the first edits, and before the second ones
    while i < n or j < m:
        low = first[i, 0] + shift if i < n else 0
        high = low + first[i, 2] if i < n else 0
        if j < m and (i == n or then[j, 1] <= low):
            out[count, 0], out[count, 1], out[count, 2], out[count, 3] = then[j, 0] - shift, then[j, 1] - shift, then[j, 2], then[j, 3]
            grown += then[j, 2] - (then[j, 1] - then[j, 0])
            j += 1
            count += 1
            continue
        if j == m or high <= then[j, 0]:
            copy(first[i], 0, 4, out[count], 0)
            shift += first[i, 2] - (first[i, 1] - first[i, 0])
            i += 1
            count += 1
            continue
        at = min(low, then[j, 0])
        stop, start, begin = at + 1, at - shift, at + grown
        rules = rules_then = np.int64(0)
        while True:
            if i < n and first[i, 0] + shift < stop:
                stop = max(stop, first[i, 0] + shift + first[i, 2])
                shift += first[i, 2] - (first[i, 1] - first[i, 0])
                rules = _with_rules(rules, first[i, 3])
                i += 1
            elif j < m and then[j, 0] < stop:
                stop = max(stop, then[j, 1])
                grown += then[j, 2] - (then[j, 1] - then[j, 0])
                rules_then = _with_rules(rules_then, then[j, 3])
                j += 1
            else:
                break
        end, size = stop - shift, stop + grown - begin
        same = end - start == size
        for k in range(size):
            same = same and given[start + k] == room.points[NEXT, begin + k]
        if not same:
            out[count, 0], out[count, 1], out[count, 2], out[count, 3] = start, end, size, _with_rules(rules, rules_then)
            count += 1
    for k in range(count):
        copy(out[k], 0, 4, first[k], 0)
    return count


@kernel
def line_rows(given: U32, size: Any, bits: Any, tables: MisreadTables, room: LineRoom) -> Any:
    """Write the edits of a line, which may have its line break, to the row `EDITS`, and the line after them to `LINE`; return their number, or `UNSURE`."""
    if bits & SURROGATE or size >= len(room.at):
        return UNSURE
    line = room.points[LINE]
    for i in range(size):
        line[i] = given[i]
    n = rule = 0
    for _ in range(ROUNDS):
        bare = size - 1 if line[size - 1] == NEWLINE else size
        m = found_in_latin(line, bare, tables.codes, tables.words, room) if bits & SUSPECT else 0
        if m == 0 and bits & MARKER:
            m = found_in_han(line, bare, tables.codes, tables.words, room)
        if m == UNSURE or m + n + 1 > room.rows.shape[1]:
            return UNSURE
        if m:
            new, m = _edited(line, size, bare, room)
        elif bits & SUSPECT and rule != FTFY:  # ftfy leaves its own results unchanged
            new, m = _by_ftfy(line, size, tables.kind, tables.ftfy, room)
        else:
            break
        if new == UNSURE or new >= len(room.at) or new == 0:
            return UNSURE
        if m == 0:
            break
        rule = room.rows[TURN, 0, 3]
        if n:
            n = _composed(given, room, n, m)
        else:
            n = m
            for k in range(m):
                copy(room.rows[TURN, k], 0, 4, room.rows[EDITS, k], 0)
        size = new
        for i in range(size):
            line[i] = room.points[NEXT, i]
        bits = _bits(line, size, tables.kind)
        if bits & SURROGATE:
            return UNSURE
    return n
