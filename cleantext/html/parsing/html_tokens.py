"""From HTML to tokens in an array: texts, and the tags that matter for lines.

lexbor (through resiliparse) repairs the markup like browsers, by the HTML standard, and writes the document in a canonical form: each
element that needs an end tag has one, properly nested; attributes are in double quotes; text has no entities except ``&amp; &lt; &gt;
&nbsp;``. A kernel reads this form. No object is created for an element, and neither memory nor recursion grows with depth.

Measured on the development pages (6.2 MB, one core): parsing and writing run at 190 MB/s; the parser of lxml reaches 115 when it calls
empty methods for each tag.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import Any

import numpy as np

from cleantext.changes import I64, U32, code_points
from cleantext.html.parsing.bounds import canonical
from cleantext.html.parsing.html_characters import (
    BANG,
    BLANK,
    COMMAS,
    DASH,
    EQUALS,
    LESS,
    MORE,
    QUOTE,
    SLASH,
    is_space,
    is_stop,
    small,
)
from cleantext.html.parsing.tags import (
    BLOCK,
    ENDS_LINE,
    FOLDED,
    LINK,
    META,
    PRE,
    RAW,
    ROOT,
    SCRIPT,
    TAGS,
    TITLE,
    UNSEEN,
    VOID,
    Names,
    hashed,
    key_of,
    look_up,
)
from cleantext.jit import kernel

__all__ = [
    "CLASS",
    "CLASS_CHARS",
    "END",
    "HI",
    "IDENTITY",
    "IDENTITY_CHARS",
    "KIND",
    "LO",
    "NAMED",
    "PART",
    "START",
    "TEXT",
    "WIDTH",
    "read_tokens",
    "tokens",
]

# Columns of a token: its kind, the span of its text or of the name of its tag, the spans of id and class
KIND, LO, HI, IDENTITY, CLASS, WIDTH = 0, 1, 2, 3, 5, 7
# Bits of its kind, above those of `cleantext.html.parsing.tags`
TEXT, START, END, NAMED, PART = (1 << n for n in range(20, 25))

LINK_TAG = re.compile(r"<a(?=[\s/>])", re.IGNORECASE)
NUMBER = "cleantext-number"
# What was numbered is text (of an <xmp>, of the value of another attribute), not a link: attributes stand in quotes now.
NO_ATTRIBUTE = re.compile(rf" {NUMBER}=\d+")
DISPLAY_NONE, KEEP_BREAKS = tuple(map(ord, "display:none")), tuple(map(ord, "white-space:pre"))  # also pre-wrap and pre-line
DOT = key_of(".")
STOP = ord(".")
LD_JSON = tuple(map(ord, "ld+json"))
HREF_KEY, TYPE_KEY, HIDDEN_KEY, STYLE_KEY, CLASS_KEY, ID_KEY, NUMBER_KEY = map(
    key_of, ["href", "type", "hidden", "style", "class", "id", NUMBER]
)
SMALL_A, SMALL_C, SMALL_P, SMALL_S, SMALL_Z, CAPITAL_A, CAPITAL_Z, ZERO = map(ord, "acpszAZ0")
IDENTITY_CHARS, CLASS_CHARS = 60, 100  # of attributes of inline elements that are searched for the names of parts


def read_tokens(markup: str, parts: Names, *, keep_hidden: bool) -> tuple[str, U32, I64, int]:
    """Return a document in canonical form, as string and code points, its tokens, and how many sentence marks it hides.

    In browsers, an unclosed link continues through all following paragraphs. Here it ends with its own: if the parser
    has written more links than there were, they are numbered, and those whose number occurred before are ignored.
    """
    text, points = _document(markup)
    found, hidden, repeats = tokens.sized(len(points))(points, TAGS, parts, keep_hidden)
    if repeats and len(LINK_TAG.findall(text)) > len(LINK_TAG.findall(markup)):
        number = itertools.count(1)
        text = canonical(LINK_TAG.sub(lambda _: f"<a {NUMBER}={next(number)}", markup))
        text = NO_ATTRIBUTE.sub("", text)
        points = code_points(text)
        found, hidden, _ = tokens.sized(len(points))(points, TAGS, parts, keep_hidden)
    return text, points, found, hidden


@lru_cache(maxsize=1)  # the last one: the hidden content of a document is read after the visible
def _document(markup: str) -> tuple[str, U32]:
    text = canonical(markup)
    return text, code_points(text)


@kernel
def _is_json(points: U32, lo: int, hi: int) -> bool:
    """Return whether a type is JSON-LD."""
    for first in range(lo, hi - len(LD_JSON) + 1):
        k = 0
        while k < len(LD_JSON) and points[first + k] == LD_JSON[k]:
            k += 1
        if k == len(LD_JSON):
            return True
    return False


@kernel
def _styles(points: U32, lo: int, hi: int, word: tuple[int, ...], colon: int) -> bool:
    """Return whether a style has a declaration such as ``display: none``; ``colon`` is the index of the colon in ``word``."""
    for first in range(lo, hi):
        k, at = 0, first
        while at < hi and k < len(word):
            if small(points[at]) == word[k]:
                k += 1
            elif not is_space(points[at]) or not colon <= k <= colon + 1:
                break
            at += 1
        if k == len(word):
            return True
    return False


@kernel
def _keeps_breaks(points: U32, lo: int, hi: int, tags: Names) -> bool:
    """Return whether one of the classes keeps line breaks."""
    key = DOT
    for at in range(lo, hi):
        if is_space(points[at]):
            if look_up(tags, key):
                return True
            key = DOT
        else:
            key = hashed(key, int(points[at]))
    return hi > lo and look_up(tags, key) != 0


@kernel
def _names_part(points: U32, lo: int, hi: int, parts: Names) -> bool:
    """Return whether a word of a name is one of ``parts``; words are split like in `cleantext.html.parsing.class_words.class_words`."""
    at = lo
    while at < hi:
        first = at
        while at < hi and CAPITAL_A <= points[at] <= CAPITAL_Z:
            at += 1
        if at < hi and SMALL_A <= points[at] <= SMALL_Z and at - first < 2:
            while at < hi and SMALL_A <= points[at] <= SMALL_Z:
                at += 1
        elif at < hi and SMALL_A <= points[at] <= SMALL_Z:
            at -= 1  # the capital that begins the next word
        key = 0
        for k in range(first, at):
            key = hashed(key, int(small(points[k])))
        if at == first:
            at += 1
        elif look_up(parts, key):
            return True
    return False


@kernel
def _attributes(points: U32, at: int, token: I64) -> tuple[int, bool, bool, bool, bool, int]:
    """Read the attributes that begin at an offset.

    Return their end, whether there is an href, whether the style hides, whether it keeps line breaks, whether a type is JSON-LD, and
    the number of a link. ``visibility`` does not count as hiding: WeChat hides every article that way until its script has run.
    """
    href = hides = keeps = linked_data = False
    number = 0
    total = len(points)
    while at < total and points[at] != MORE:
        at += 1  # the blank
        key = hashed(0, int(points[at]))  # a name may even begin with =
        at += 1
        while at < total and points[at] != EQUALS:
            key = hashed(key, int(points[at]))
            at += 1
        at += 2
        value = at
        while at < total and points[at] != QUOTE:
            at += 1
        if key == CLASS_KEY:
            token[CLASS], token[CLASS + 1] = value, at
        elif key == ID_KEY:
            token[IDENTITY], token[IDENTITY + 1] = value, at
        elif key == HREF_KEY:
            href = True
        elif key == STYLE_KEY:
            hides = hides or _styles(points, value, at, DISPLAY_NONE, 7)
            keeps = _styles(points, value, at, KEEP_BREAKS, 11)
        elif key == HIDDEN_KEY:
            hides = True
        elif key == TYPE_KEY:
            linked_data = _is_json(points, value, at)
        elif key == NUMBER_KEY:
            for k in range(value, at):
                number = 10 * number + int(points[k]) - ZERO
        at += 1
    return at, href, hides, keeps, linked_data, number


@kernel
def _closes(points: U32, at: int, lo: int, hi: int) -> bool:
    """Return whether the tag name ``points[lo:hi]`` occurs again at an offset."""
    if at + hi - lo > len(points):
        return False
    for k in range(hi - lo):  # noqa: SIM110
        if small(points[at + k]) != points[lo + k]:
            return False
    return True


@kernel
def _end_of_raw(points: U32, at: int, lo: int, hi: int) -> int:
    """Return where the end tag of the raw text element ``points[lo:hi]`` begins.

    In a script, ``<!-- <script> </script>`` does not end it. Nothing ends a plaintext: the last end tag was written for it.
    """
    script = points[lo] == SMALL_S and points[lo + 1] == SMALL_C
    if points[lo] == SMALL_P:
        end = len(points) - 1
        while end > at and not (points[end] == LESS and points[end + 1] == SLASH and _closes(points, end + 2, lo, hi)):
            end -= 1
        return end
    commented = nested = False
    while at < len(points):
        if points[at] == LESS and at + 3 < len(points):
            commented = commented or (script and points[at + 1] == BANG and points[at + 2] == DASH and points[at + 3] == DASH)
            if points[at + 1] == SLASH and _closes(points, at + 2, lo, hi):
                if not nested:
                    return at
                nested = False
            elif commented and _closes(points, at + 1, lo, hi):
                nested = True
        elif points[at] == MORE and points[at - 1] == DASH and points[at - 2] == DASH:
            commented = nested = False
        at += 1
    return at


@kernel
def _end_of_comment(points: U32, at: int) -> int:
    """Return the end of the comment or document type that begins at an offset."""
    comment = points[at + 2] == DASH
    at += 4 if comment else 2
    while at < len(points) and not (points[at] == MORE and (not comment or (points[at - 1] == DASH and points[at - 2] == DASH))):
        at += 1
    return at + 1


@kernel
def _repeats_links(points: U32, found: I64, count: int) -> bool:
    """Return whether a link at the start of a block has the attributes of the one at the end of the previous block."""
    last = state = 0  # end of the tag of the last link; 1 when it has ended, 2 when a block began or ended since
    for n in range(count):
        kind = found[n, KIND]
        if kind & TEXT:
            for k in range(found[n, LO], found[n, HI]):
                if not is_space(points[k]):
                    state = 0
                    break
        elif kind & BLOCK and state:
            state = 2
        elif kind & LINK and kind & END:
            state = 1
        elif kind & LINK:
            k = 0
            while state == 2 and points[last + k] == points[found[n, HI] + k] and points[last + k] != MORE:
                k += 1
            if k and points[last + k] == MORE and points[found[n, HI] + k] == MORE:
                return True
            last, state = found[n, HI], 0
    return False


@kernel
def tokens(points: U32, tags: Names, parts: Names, keep_hidden: bool) -> Any:  # noqa: FBT001
    """Return the tokens of canonical HTML that are visible or hold metadata.

    Also return how many sentence marks the markup hides, and whether a link at the start of a block repeats the previous one. A title
    and JSON-LD are one token each, with the span of their text; a meta element has the span of its attributes.
    """
    total = len(points)
    most = 1
    for at in range(total):
        most += 2 * (points[at] == LESS)
    found = np.zeros((most, WIDTH), np.int64)
    count = 0
    numbers = np.zeros(most, np.bool_)  # of links seen so far
    skip = hidden = 0  # nesting depths inside elements that are skipped or hidden
    hiding = False
    at = 0
    while at < total:
        if points[at] != LESS:
            lo = at
            while at < total and points[at] != LESS:
                at += 1
            if not skip:
                found[count, KIND], found[count, LO], found[count, HI] = TEXT, lo, at
                count += 1
            elif hiding:
                for k in range(lo, at):
                    hidden += is_stop(points[k]) or points[k] in COMMAS or points[k] == STOP
            continue
        if points[at + 1] == BANG:
            at = _end_of_comment(points, at)
            continue
        opens = points[at + 1] != SLASH
        lo = at + 1 if opens else at + 2
        at = lo
        key = 0
        custom = False
        while at < total and points[at] != BLANK and points[at] != MORE:
            key = hashed(key, int(points[at]))
            custom = custom or points[at] == DASH
            at += 1
        hi = at
        kind = look_up(tags, key)
        if custom and not kind:
            kind = BLOCK
        if not opens:
            at += 1
            if kind & VOID:
                continue
            if not skip:
                found[count, KIND], found[count, LO], found[count, HI] = kind | END, lo, hi
                count += 1
            else:
                skip -= 1
            continue
        token = found[count]
        at, href, hides, keeps, linked_data, number = _attributes(points, at, token)
        inner = at + 1
        after = _end_of_raw(points, inner, lo, hi) if kind & RAW else inner
        hides = hides and not keep_hidden and not kind & FOLDED
        if skip:
            skip += not kind & VOID
        elif kind & META:
            token[KIND], token[LO], token[HI] = META, hi, at
            count += 1
        elif kind & TITLE or (kind & SCRIPT and linked_data):
            if kind & TITLE:
                while after < total and points[after] != LESS:
                    after += 1
            token[KIND], token[LO], token[HI] = kind & (TITLE | SCRIPT), inner, after
            count += 1
            skip, hiding = 1, False
        elif kind & UNSEEN or hides:
            hiding = hides and not kind & UNSEEN
            skip = 0 if kind & VOID else 1
            if kind & (ENDS_LINE if kind & UNSEEN else BLOCK):
                token[KIND] = ENDS_LINE
                count += 1
        else:
            if kind & BLOCK and not kind & (ROOT | VOID) and (keeps or _keeps_breaks(points, token[CLASS], token[CLASS + 1], tags)):
                kind |= PRE
            token[KIND], token[LO], token[HI] = kind | START, lo, hi
            if kind & LINK and (not href or (0 < number < most and numbers[number])):
                token[KIND] -= LINK
            if 0 < number < most:
                numbers[number] = True
            if not kind & (BLOCK | VOID) and token[CLASS + 1] + token[IDENTITY + 1]:
                token[KIND] |= NAMED
                if _names_part(points, token[CLASS], min(token[CLASS + 1], token[CLASS] + CLASS_CHARS), parts) or _names_part(
                    points, token[IDENTITY], min(token[IDENTITY + 1], token[IDENTITY] + IDENTITY_CHARS), parts
                ):
                    token[KIND] |= PART
            count += 1
            if kind & RAW:
                found[count, KIND], found[count, LO], found[count, HI] = TEXT | RAW, inner, after
                count += 1
        if token[KIND] == 0 or token[KIND] == ENDS_LINE:
            for k in range(1, WIDTH):
                token[k] = 0
        at = after
    return found[:count], hidden, _repeats_links(points, found, count)
