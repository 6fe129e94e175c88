"""Other ways to the text of a document that shows none: hidden elements, ``<noscript>``, templates, the data of its scripts.

A reader with scripts sees what these hold, so they are asked only where the visible lines tell no story, and a flag says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cleantext.html.lines import Line, Read, read_lines
from cleantext.html.tokens import NOSCRIPT

__all__ = ["read_document"]

STORY = 100  # letters of sentences that a page shows; with less, what it hides is looked at
MORE = 2  # times as many letters of sentences must the other way have
MARKED = re.compile(r"[。！？；，、]|[.!?,;:](?:\s|$)")

TEMPLATE = re.compile(r"<(/?)template(?![\w-])", re.IGNORECASE)


def read_document(markup: str) -> Read:
    """Return the visible lines of a document; where they tell no story, what the document holds for scripts or in spite of them."""
    read, hidden = read_lines(markup)
    shown = story(read.lines)
    if shown >= STORY:
        return read
    if hidden:
        other, _ = read_lines(markup, keep_hidden=True)
        if story(other.lines) > MORE * shown:
            other.flags = ("html_hidden",)
            read, shown = other, story(other.lines)
    for pattern, flag in ((NOSCRIPT, "html_noscript"), (TEMPLATE, "html_template")):
        if shown < STORY and pattern.search(markup):
            other, _ = read_lines(pattern.sub(r"<\1div", markup))
            if story(other.lines) > MORE * shown:
                other.flags = (flag,)
                read, shown = other, story(other.lines)
    return read


def story(lines: Iterable[Line]) -> int:
    """Return how many letters stand in lines that have marks and are no links; a letter of a Latin word counts a third."""
    count = 0
    for line in lines:
        text = line.text
        if len(text) >= 12 and line.link_density < 0.5 and MARKED.search(text):
            count += len(text) if text[len(text) // 2] > "\u2e80" else len(text) // 3
    return count
