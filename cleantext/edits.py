"""Edits: one record for every change that is made to a text.

Repair, normalisation, chrome removal, script conversion and duplicate removal all speak in
edits. One function applies them, one composes the edits of two steps into the edits of both
(as ICU's ``Edits::mergeAndAppend`` does), one takes them back, and one maps offsets through
them. Explanations, dry runs, undo and per-rule counts are views of the same rows.

Offsets are code points. Sequences of edits are sorted and disjoint. Every edit covers at least
one character of the text before it: an insertion is written as the replacement of a neighbour.
So each character of an output has a source, and no span of the output collapses on its way back.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cleantext.errors import EditError, wrong_type

__all__ = ["Choice", "Edit", "OffsetMap", "apply", "compose", "revert", "trimmed"]

JOIN = "+"  # separates the rule ids of a composed edit; rule ids must not contain it


class Edit(NamedTuple):
    """``text[start:end]``, which reads ``before``, becomes ``after`` because of ``rule``.

    >>> Edit(1, 5, "(fā)", "", "pinyin.injection")
    Edit(start=1, end=5, before='(fā)', after='', rule='pinyin.injection')
    """

    start: int
    end: int
    before: str
    after: str
    rule: str

    @property
    def rules(self) -> tuple[str, ...]:
        """All rules that changed the span, in order of application.

        >>> Edit(0, 6, "發(fā)展", "发展", "pinyin.injection+script.hans").rules
        ('pinyin.injection', 'script.hans')
        """
        return tuple(self.rule.split(JOIN))


class Choice(NamedTuple):
    """The choice of an edit among several texts: the alternatives, the likeliest first, and the certainty.

    ``margin`` is the lead of ``after`` over the first alternative in nats; it is negative if words overruled neighbours.
    For an edit with several choices, this is the least certain one.

    >>> Choice(0, 2, "發明", ("髮明",), 6.5).alternatives
    ('髮明',)
    """

    start: int
    end: int
    after: str
    alternatives: tuple[str, ...]
    margin: float


def _listed(edits: Iterable[Edit]) -> Iterable[Edit]:
    if not isinstance(edits, Iterable):
        raise wrong_type(edits, "edits, a list of cleantext.Edit")
    return edits


def _no_edit(value: object) -> EditError:
    return EditError(f"{value!r} is no edit: give Edit(start, end, before, after, rule), two numbers and three strings")


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Apply ``edits`` to ``text``.

    Raise `EditError` where edits overlap, leave the text, insert without a source, or were
    made for another text.

    >>> apply("發(fā)展", [Edit(1, 5, "(fā)", "", "pinyin.injection")])
    '發展'
    """
    if not isinstance(text, str):
        raise wrong_type(text)
    parts: list[str] = []
    at = 0
    for edit in _listed(edits):
        try:
            start, end, before, after, _ = edit
            apart, there = at <= start < end, text[start:end]
            parts.append(text[at:start] + after)
        except (TypeError, ValueError) as error:
            raise _no_edit(edit) from error
        if not apart:
            raise EditError(f"{edit} is empty, or starts before {at}, where the edit before it ends")
        if there != before:
            raise EditError(f"{edit} does not fit: the text has {there!r} there; was it made for another text?")
        at = end
    parts.append(text[at:])
    return "".join(parts)


def revert(text: str, edits: Iterable[Edit]) -> str:
    """Undo ``edits``: return the original text from their output.

    >>> revert("發展", [Edit(1, 5, "(fā)", "", "pinyin.injection")])
    '發(fā)展'
    """
    if not isinstance(text, str):
        raise wrong_type(text)
    parts: list[str] = []
    at = shift = 0
    for edit in _listed(edits):
        try:
            start, end, before, after, _ = edit
            there = start + shift
            reads = text[there : there + len(after)]
            parts.append(text[at:there] + before)
            shift += len(after) - (end - start)
        except (TypeError, ValueError) as error:
            raise _no_edit(edit) from error
        if there < at or reads != after:
            raise EditError(f"{edit} was not applied to this text: at {there} it reads {reads!r}")
        at = there + len(after)
    parts.append(text[at:])
    return "".join(parts)


def trimmed(start: int, before: str, after: str, rule: str) -> list[Edit]:
    """Return the edit ``before -> after`` at ``start`` without the common prefix and suffix.

    For code that computes a new line but no edits. Returns at most one edit, and none if nothing changed.

    >>> trimmed(10, "在cafÃ©里", "在café里", "mojibake.utf8")
    [Edit(start=14, end=16, before='Ã©', after='é', rule='mojibake.utf8')]
    """
    if before == after:
        return []
    if not before:
        raise EditError(f"{rule}: nothing at {start} to put {after!r} in the place of: give a neighbour with it")
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    if head + tail == len(before):  # a pure insertion also takes one neighbouring character
        head, tail = (head - 1, tail) if head else (head, tail - 1)
    stop = len(before) - tail
    return [Edit(start + head, start + stop, before[head:stop], after[head : len(after) - tail], rule)]


def compose(first: Sequence[Edit], then: Sequence[Edit]) -> tuple[Edit, ...]:
    """Return the edits that have the effect of ``first`` followed by ``then``.

    Edits that overlap are merged into one with the rules of both; an edit that is undone
    disappears. ``apply(t, compose(a, b)) == apply(apply(t, a), b)`` for every text.

    >>> compose([Edit(1, 5, "(fā)", "", "pinyin.injection")], [Edit(0, 2, "發展", "发展", "script.hans")])
    (Edit(start=0, end=6, before='發(fā)展', after='发展', rule='pinyin.injection+script.hans'),)
    """
    for edits in (first, then):
        for edit in _listed(edits):
            if not isinstance(edit, Edit):
                raise _no_edit(edit)
    if not first or not then:
        return tuple(first or then)
    out: list[Edit] = []
    i = j = shift = 0  # shift: offset in the text between the steps minus offset in the original, before first[i]
    while i < len(first) or j < len(then):
        if i < len(first):
            low = first[i].start + shift
            high = low + len(first[i].after)
        if j < len(then) and (i == len(first) or then[j].end <= low):
            start, end, before, after, rule = then[j]
            out.append(Edit(start - shift, end - shift, before, after, rule))
            j += 1
        elif j == len(then) or high <= then[j].start:
            out.append(first[i])
            shift += high - low - (first[i].end - first[i].start)
            i += 1
        else:
            i, j, shift = _merge(first, i, then, j, shift, out)
    return tuple(out)


def _merge(first: Sequence[Edit], i: int, then: Sequence[Edit], j: int, shift: int, out: list[Edit]) -> tuple[int, int, int]:
    """Merge the run of overlapping edits from ``first[i]`` and ``then[j]`` on; return the new positions."""
    i0, j0, shift0 = i, j, shift
    at = min(first[i].start + shift, then[j].start)
    stop = at + 1
    while True:
        if i < len(first) and first[i].start + shift < stop:
            high = first[i].start + shift + len(first[i].after)
            shift += len(first[i].after) - (first[i].end - first[i].start)
            stop = max(stop, high)
            i += 1
        elif j < len(then) and then[j].start < stop:
            stop = max(stop, then[j].end)
            j += 1
        else:
            break
    # The edits themselves determine the text between the steps over the length of the run.
    middle = [""] * (stop - at)
    shift1 = shift0
    local: list[Edit] = []
    for edit in first[i0:i]:
        low = edit.start + shift1 - at
        middle[low : low + len(edit.after)] = edit.after
        shift1 += len(edit.after) - (edit.end - edit.start)
        local.append(edit._replace(start=edit.start + shift0 - at, end=edit.end + shift0 - at))
    for edit in then[j0:j]:
        middle[edit.start - at : edit.end - at] = edit.before
    between = "".join(middle)
    before = revert(between, local)
    after = apply(between, (e._replace(start=e.start - at, end=e.end - at) for e in then[j0:j]))
    if before != after:
        rules = dict.fromkeys(r for e in (*first[i0:i], *then[j0:j]) for r in e.rules)
        out.append(Edit(at - shift0, at - shift0 + len(before), before, after, JOIN.join(rules)))
    return i, j, shift


class OffsetMap:
    """Map spans between a text and its edited form, in time logarithmic in the number of edits.

    A character that no edit touched maps to itself. Inside a change that keeps its length (a run of
    converted characters) characters map one to one; a span that starts or ends inside any other
    change is widened to the whole of it. A span of the cleaned text never maps to an empty one; a
    span of the original does where all of it was removed.

    >>> m = OffsetMap([Edit(1, 5, "(fā)", "", "pinyin.injection")])
    >>> m.to_original(0, 2), m.to_cleaned(0, 6), m.to_cleaned(1, 5)
    ((0, 6), (0, 2), (1, 1))
    """

    __slots__ = ("_even", "_high", "_low", "_new_high", "_new_low")

    def __init__(self, edits: Iterable[Edit]) -> None:
        self._even: list[bool] = []
        self._low: list[int] = []
        self._high: list[int] = []
        self._new_low: list[int] = []
        self._new_high: list[int] = []
        shift = 0
        for edit in _listed(edits):
            if not isinstance(edit, Edit):
                raise _no_edit(edit)
            start, end, _, after, rule = edit
            # A composed edit may keep the length by chance, so only edits of a single rule map one to one.
            self._even.append(len(after) == end - start and JOIN not in rule)
            self._low.append(start)
            self._high.append(end)
            self._new_low.append(start + shift)
            shift += len(after) - (end - start)
            self._new_high.append(end + shift)

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that became ``cleaned[start:end]``."""
        return self._carry(start, end, self._new_low, self._new_high, self._low, self._high)

    def to_cleaned(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the cleaned text that stands for ``original[start:end]``."""
        return self._carry(start, end, self._low, self._high, self._new_low, self._new_high)

    def _carry(self, start: int, end: int, low: list[int], high: list[int], to_low: list[int], to_high: list[int]) -> tuple[int, int]:
        if end < start:
            raise EditError(f"a span may not end ({end}) before it starts ({start})")
        # The left end moves after edits that end at it or before; the right end stays before edits that start at it.
        k = bisect_right(high, start)
        if k < len(low) and low[k] < start:
            left = to_low[k] + (start - low[k] if self._even[k] else 0)
        else:
            left = start + (to_high[k - 1] - high[k - 1] if k else 0)
        if start == end:
            return left, left
        k = bisect_left(low, end)
        if k and end < high[k - 1]:
            right = to_high[k - 1] - (high[k - 1] - end if self._even[k - 1] else 0)
        else:
            right = end + (to_high[k - 1] - high[k - 1] if k else 0)
        return left, max(left, right)
