"""The words of class and id attributes."""

from __future__ import annotations

import re
from functools import lru_cache

from cleantext.fold import later

__all__ = ["class_words", "word_set"]


def word_set(words: str) -> frozenset[str]:
    """Return the words of a string that are parted by blanks: a table of words that reads as one."""
    return frozenset(words.split())


# At - and _ and any other sign, before a capital that follows a small letter, and between letters and digits.
# Never inside a word: "ad" in "padding" or "nav" in "canvas" has cost other extractors whole articles.
WORD = re.compile(rf"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|(?:(?![{later()}])[^\W\d_A-Za-z])+")


@lru_cache(maxsize=16_384)
def class_words(names: str) -> tuple[str, ...]:
    """Return the words of class and id names in small letters, each once.

    >>> class_words("TRS_Editor ArticleContent-main2 padding")
    ('trs', 'editor', 'article', 'content', 'main', 'padding')
    """
    return tuple(dict.fromkeys(word.lower() for word in WORD.findall(names[:200])))
