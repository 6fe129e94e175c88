"""The meaning of HTML tags for the lines of a page."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cleantext.changes import I64
from cleantext.html.parsing.class_words import word_set
from cleantext.jit import kernel

__all__ = [
    "BLOCK", "BREAK", "CELL", "DEFINITION", "ENDS_LINE", "FOLDED", "LINK", "META", "PARTS", "PRE", "RAW", "ROOT", "ROW", "SCRIPT", "TAGS", "TERM",
    "TITLE", "UNSEEN", "VOID", "Names", "hashed", "key_of", "look_up",
    "word_table",
]  # fmt: skip

# The kind of a tag, as bits. Custom elements ("x-article") are blocks, other unknown elements (Word's "o:p") are inline.
UNSEEN, BLOCK, BREAK, META, VOID, ENDS_LINE, ROOT, ROW, CELL = (1 << n for n in range(9))
PRE, TERM, DEFINITION, RAW, TITLE, SCRIPT, FOLDED, LINK = (1 << n for n in range(9, 17))

EMBEDDED = "applet audio canvas embed iframe object select textarea video"
WORDS: dict[int, str] = {
    BLOCK: "address article aside blockquote body button caption center col colgroup dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li listing main menu nav ol optgroup p pre search section summary table tbody td "
    "tfoot th thead tr ul xmp",
    UNSEEN: EMBEDDED + " annotation datalist meter noembed noframes noscript option progress rp rt script style svg template title",
    ENDS_LINE: EMBEDDED,  # code, fallback content and readings above characters do not end a line
    VOID: "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr",  # have no end tag
    RAW: "iframe noembed noframes plaintext script style xmp",  # contain no markup
    ROOT: "body head html",
    FOLDED: "tbody tr",  # a page may hide the rows of a long table, which are part of it
    BREAK: "br",
    META: "meta",
    ROW: "tr",
    CELL: "td th",
    PRE: "pre",
    TERM: "dt",
    DEFINITION: "dd",
    TITLE: "title",
    SCRIPT: "script",
    LINK: "a",
}
# Class words of inline elements that hold one fact each. The style sheet separates them; without it date, source and author run together.
PARTS = word_set(
    "time date pubtime pubdate publish published source laiyuan media origin publisher where from author authors zuozhe writer byline editor editors "
    "catalog channel views view count hits jubao name"
)
# Classes whose style sheet keeps line breaks and blanks, like <pre>.
KEEPS_BREAKS = word_set("bbs-screen preformatted pre-wrap pre-line whitespace-pre whitespace-pre-line whitespace-pre-wrap")
MASK = (1 << 40) - 1
SLOTS = 1024


class Names(NamedTuple):
    """Names and their meanings, for lookup in kernels by hash."""

    keys: I64
    values: I64


@kernel
def hashed(value: int, point: int) -> int:
    """Return the hash of a name extended by one character."""
    return (value * 257 + point) & MASK


@kernel
def look_up(names: Names, key: int) -> int:
    """Return the meaning of a name, 0 if it is not in the table."""
    at = key % SLOTS
    while names.keys[at] and names.keys[at] != key:
        at = (at + 1) % SLOTS
    return int(names.values[at])


def key_of(name: str) -> int:
    """Return the hash of a name."""
    key: int = 0
    for letter in name:
        key = hashed.function(key, ord(letter))
    return key


def table(meanings: dict[str, int]) -> Names:
    """Return a table of names in lower case."""
    keys, values = np.zeros(SLOTS, np.int64), np.zeros(SLOTS, np.int64)
    for name, meaning in meanings.items():
        key = key_of(name)
        at = key % SLOTS
        while keys[at]:
            at = (at + 1) % SLOTS
        keys[at], values[at] = key, meaning
    return Names(keys, values)


# Tags, and classes with a dot before them: no tag begins with one.
TAGS = table(
    {tag: sum(bit for bit, tags in WORDS.items() if tag in tags.split()) for tag in word_set(" ".join(WORDS.values()))}
    | {f".{name}": PRE for name in KEEPS_BREAKS}
)


@lru_cache(maxsize=8)
def word_table(words: frozenset[str]) -> Names:
    """Return a table of words, each of which means 1."""
    return table(dict.fromkeys(words, 1))
