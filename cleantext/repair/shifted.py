"""GBK slips: `橋頭堡?!弊灾螀^` is `橋頭堡。”自治區`.

The generators of injected pages (`cleantext.repair.damage`) insert bytes into GBK text without respecting
character boundaries. If that splits a character, its first byte becomes a question mark and everything after
it is read one byte out of step, until the reader gets into step again. Only that one byte is lost: with it
restored, the bytes of the displayed text are the bytes of the true text.

An anchor is a question mark before a separator (the lost byte is the first of a character whose second byte is
the first of the separator) or before the rest of a reading (`?shù)`, where the table gives the lost byte).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np

from cleantext.data.encodings import PRIVATE
from cleantext.repair.damage import SEPARATORS
from cleantext.repair.model import WordModel
from cleantext.repair.pinyin import CANDIDATE, GLOSS, characters_of, first_readings, syllable

__all__ = ["ANCHOR", "Hypothesis", "Reading", "best_reading", "certified", "hypotheses", "possible_runs", "quiet"]

HALVES = {ord(s) - 0xFEE0: s for s in SEPARATORS if s > "\uff00"}
WIDEN = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
LOST = "?\ufffd"
PARENTHESES = "(（"  # start of a reading
REST = GLOSS + "[)）]"
ANCHOR = re.compile(rf"[{LOST}](?=[{SEPARATORS}{''.join(map(chr, HALVES))}]|\?[{SEPARATORS}{''.join(map(chr, HALVES))}]|{REST})")
TAIL = re.compile(REST)
SEPARATOR = re.compile(rf"[{SEPARATORS}{''.join(map(chr, HALVES))}]")
NOISE = re.compile(rf"([{LOST}]){REST}|[(（]{REST}")  # readings, complete or without their parenthesis
DEEP, WIDE = 10, 8.0
LAST = 0.7  # weight of the margin over a rival that differs only in its last character: the following text favours neither
ANY = b"\0"  # stands for a byte above 0x7F
LONGEST = 400  # displayed characters; slips of Simplified text continue to the end of the line
ENDS = 16  # maximum ends of one run. Damage has one, seldom two; a run with more possible ends is a long series of ASCII signs such as `?!?!?!`


class Hypothesis(NamedTuple):
    """A possible origin of a run: for each character the candidates, and its end in the displayed text."""

    stop: int
    slots: tuple[str, ...]


class Reading(NamedTuple):
    """The best text for a run, with log probabilities per character: gain over the displayed text, and margin over the next best."""

    stop: int
    text: str
    gain: float
    margin: float


@lru_cache(maxsize=65536)
def _pair(first: int, second: int) -> str:
    """Return the character of two bytes, including private use, or nothing."""
    try:
        character = bytes((first, second)).decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return character if len(character) == 1 else ""


@lru_cache(maxsize=4096)
def _bytes(character: str) -> bytes:
    """Return the two GBK bytes of a character, or nothing."""
    data = _encoded(character)
    return data if len(data) == 2 else b""


def _encoded(text: str) -> bytes:
    """Return the bytes that `cleantext.decode` decoded to a text as GBK: two for a character that GB 18030-2022 moved."""
    return text.translate(PRIVATE).encode("gb18030", "ignore")


_encoded_one = lru_cache(maxsize=4096)(_encoded)  # of one character


@lru_cache(maxsize=1024)
def _ending(second: int, allowed: frozenset[str]) -> str:
    return "".join(c for c in (_pair(lead, second) for lead in range(0x81, 0xFF)) if c in allowed)


@lru_cache(maxsize=1024)
def _beginning(first: int, allowed: frozenset[str]) -> str:
    return "".join(c for c in (_pair(first, trail) for trail in range(0x81, 0xFF)) if c in allowed)


@lru_cache(maxsize=4096)
def _annotated(first: int, reading: str) -> str:
    """Return the characters whose first byte is ``first`` and that are annotated with a reading."""
    return "".join(c for c in characters_of(reading) if _bytes(c)[:1] == bytes((first,)))


def hypotheses(text: str, at: int, allowed: frozenset[str], *, folded: bool) -> Iterator[Hypothesis]:
    """Yield the possible origins of the run that starts at the anchor ``text[at]``.

    A run with a character that is not ``allowed`` is rejected, which eliminates most false anchors at once. With ``folded``, an ASCII character may
    stand for its full-width form, for text whose width was folded after the damage.

    >>> next(hypotheses("橋頭堡?!弊灾螀^", 3, frozenset("。”自治區"), folded=True)).slots
    ('。', '”', '自', '治', '區')
    """
    tail = TAIL.match(text, at + 1)
    if tail:
        before = at - len(gloss[0]) if (gloss := _gloss_before(text, at)) else at
        data = _bytes(text[before - 1]) if before else b""
        for character in _annotated(data[1], syllable(tail[0])) if data else "":
            yield from _follow(text, tail.end(), _bytes(character)[1], (), allowed, folded)
    else:
        shown = text[at + 1]
        if shown == "?" and (after := SEPARATOR.match(text, at + 2)):
            yield from _twice(after[0], at + 2, allowed)
        first, second = _bytes(HALVES.get(ord(shown), shown))
        yield from _follow(text, at + 2, second, (_ending(first, allowed),), allowed, folded)


def _twice(shown: str, stop: int, allowed: frozenset[str]) -> Iterator[Hypothesis]:
    """Yield a character that has lost both bytes: its second byte and the first of the separator make another separator."""
    first = _bytes(HALVES.get(ord(shown), shown))[0]
    for other in SEPARATORS:
        if _bytes(other)[1] == first:
            yield Hypothesis(stop, (_ending(_bytes(other)[0], allowed),))


def _gloss_before(text: str, at: int) -> re.Match[str] | None:
    start = text.rfind("(", max(0, at - 12), at)
    found = CANDIDATE.match(text, start) if start > 0 else None
    return found if found and found.end() == at else None


def _follow(
    text: str,
    at: int,
    pending: int,
    slots: tuple[str, ...],
    allowed: frozenset[str],
    folded: bool,  # noqa: FBT001 - private
) -> Iterator[Hypothesis]:
    """Continue reading out of step, with ``pending`` as the left-over byte, until the reader is in step again."""
    stop = min(len(text), at + LONGEST)
    while at <= stop:
        shown = text[at] if at < len(text) else "\n"
        if shown in LOST or shown == "\n":
            if shown != "\n":
                yield from _in_step(text, at, pending, slots, allowed)
            if not (folded and shown == "?"):
                return
        code = ord(shown)
        data = _bytes(shown)
        if 0x40 <= code < 0x7F:
            last = _pair(pending, code)
            if last in allowed:
                yield Hypothesis(at + 1, (*slots, last))
        if folded and 0x20 <= code < 0x7F:
            data = bytes((0xA3, code + 0x80)) if code > 0x20 else b"\xa1\xa1"
        character = _pair(pending, data[0]) if data else ""
        if character not in allowed:
            return
        slots = (*slots, character)
        at += 1
        gloss = CANDIDATE.match(text, at) if text[at : at + 1] in PARENTHESES else None
        if gloss and first_readings().get(shown) == syllable(gloss[0]):  # injected out of step
            at = gloss.end()
        pending = data[1]
        if pending < 0x80:
            yield Hypothesis(at, (*slots, chr(pending)))
            return


def _in_step(text: str, at: int, pending: int, slots: tuple[str, ...], allowed: frozenset[str]) -> Iterator[Hypothesis]:
    """Yield the ends at a second question mark: before a separator in step, with a reading in step, or at the end of the line."""
    tail = TAIL.match(text, at + 1)
    if tail:
        known = _annotated(pending, syllable(tail[0]))
        if known:
            yield Hypothesis(tail.end(), (*slots, known))
    elif at + 1 == len(text) or text[at + 1] == "\n" or SEPARATOR.match(text, at + 1):
        yield Hypothesis(at + 1, (*slots, _beginning(pending, allowed)))


def possible_runs(text: str, at: int, allowed: frozenset[str], *, folded: bool) -> tuple[Hypothesis, ...]:
    """Return the possible origins of the run at an anchor, with ends relative to the anchor; nothing if there are too many."""
    found = tuple(islice((Hypothesis(h.stop - at, h.slots) for h in hypotheses(text, at, allowed, folded=folded)), ENDS + 1))
    return tuple(h for h in found if all(h.slots)) if len(found) <= ENDS else ()


def best_reading(text: str, at: int, possible: tuple[Hypothesis, ...], model: WordModel, *, before: str) -> Reading:
    """Return the most likely reading of the run at an anchor, given its possible origins (at least one).

    ``before`` is the repaired text left of the run. All readings are scored with the same text on both sides.
    """
    end = at + max(h.stop for h in possible)
    line = text.find("\n", end, end + 3)
    end = min(end + 3, len(text) if line < 0 else line + 1)
    reading = _best(possible, ("\n" + before)[-4:], text[at:end], model)
    return reading._replace(stop=at + reading.stop)


@lru_cache(maxsize=4096)  # a page that repeats one run needs one reading
def _best(possible: tuple[Hypothesis, ...], before: str, window: str, model: WordModel) -> Reading:
    """Return the most likely reading of a run at the start of a window of the text; its end is relative to the window."""
    shown = model.score(before + quiet(window) + "\n")
    scored = []
    for stop, slots in possible:
        likely = _likely([before[-1], *slots, window[stop : stop + 1] or "\n"], model)
        behind = quiet(window[stop:]) + "\n"
        scored += [(score, stop, c) for score, c in zip(model.scores([before + c + behind for c in likely]), likely, strict=True)]
    scored.sort(reverse=True)
    best, stop, chosen = scored[0]
    rivals = [(best - score) * (LAST if (at_, rival[:-1]) == (stop, chosen[:-1]) else 1) for score, at_, rival in scored[1:]]
    return Reading(stop, chosen, (best - shown) / len(chosen), min(rivals, default=np.inf))


def quiet(text: str) -> str:
    """Return a displayed text without readings and their remains."""
    return NOISE.sub(lambda m: m[1] or "", text)


def _likely(slots: Sequence[str], model: WordModel) -> list[str]:
    """Return likely choices of one character from each slot, without the first and the last, which are context.

    Viterbi in both directions gives the best path through each candidate; the candidates of a slot at most `WIDE` nats below the
    best are combined with those of the others.
    """
    ids = [model.indices(s) for s in slots]
    steps = [model.steps(a, b) for a, b in pairwise(ids)]
    forward = [np.zeros(len(ids[0]), np.float32)]
    for step in steps:
        forward.append((forward[-1][:, None] + step).max(0))
    backward = np.zeros(len(ids[-1]), np.float32)
    choices: list[tuple[float, str]] = [(0.0, "")]
    for i in range(len(steps) - 1, 0, -1):
        backward = (steps[i] + backward[None, :]).max(1)
        through = forward[i] + backward
        loss = through.max() - through
        options = [j for j in np.argsort(loss, kind="stable")[:DEEP].tolist() if loss[j] <= WIDE]
        choices = sorted((float(loss[j]) + rest, slots[i][j] + tail) for j in options for rest, tail in choices)[: DEEP * DEEP]
    return [tail for _, tail in choices]


def certified(shown: str, true: str) -> bool:
    """Return whether the bytes of ``true`` are those of ``shown``, with lost bytes restored and insertions removed.

    Each question mark stands for one byte; readings, complete or without their parenthesis, for none;
    ASCII characters for themselves or for their full-width forms, on both sides.

    >>> certified("?!弊灾螀^", "。”自治區"), certified("?!弊灾螀^", "。“自治區")
    (True, False)
    """
    pieces: list[tuple[bytes, ...]] = []
    at = 0
    while at < len(shown):
        character = shown[at]
        gloss = None
        if character in LOST:
            gloss = TAIL.match(shown, at + 1)
        elif shown[at + 1 : at + 2] in PARENTHESES:
            gloss = CANDIDATE.match(shown, at + 1)
        data = _encoded_one(character)
        if character in LOST:
            pieces.append((ANY,) if gloss else (ANY, b"\xa3\xbf"))
        elif "!" <= character <= "~":
            pieces.append((data, bytes((0xA3, data[0] + 0x80))))
        else:
            pieces.append((data,))
        at = gloss.end() if gloss else at + 1
    return any(_matches(pieces, _encoded(t)) for t in (true, true.translate(WIDEN)))


def _matches(pieces: Sequence[tuple[bytes, ...]], data: bytes) -> bool:
    """Return whether bytes consist of one choice from each piece, in order. All choices are tracked at once; `re` would backtrack."""
    ends = {0}
    for choices in pieces:
        ends = {
            end + len(choice)
            for end in ends
            for choice in choices
            if (end < len(data) and data[end] > 0x7F if choice is ANY else data.startswith(choice, end))
        }
    return len(data) in ends
