"""The words of class and id attributes."""

from __future__ import annotations

import re
from functools import lru_cache

from cleantext.fold import later

__all__ = ["class_words", "word_set"]


def word_set(words: str) -> frozenset[str]:
    """Return the set of the words in a string separated by blanks: a readable notation for tables of words."""
    return frozenset(words.split())


# Split at - and _ and any other sign, before a capital after a lower-case letter, and between letters and digits.
# Never inside a word: "ad" in "padding" or "nav" in "canvas" has cost other extractors whole articles.
WORD = re.compile(rf"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|(?:(?![{later()}])[^\W\d_A-Za-z])+")


@lru_cache(maxsize=16_384)
def class_words(names: str) -> tuple[str, ...]:
    """Return the words of class and id names in lower case, each once.

    >>> class_words("TRS_Editor ArticleContent-main2 padding")
    ('trs', 'editor', 'article', 'content', 'main', 'padding')
    """
    return tuple(dict.fromkeys(word.lower() for word in WORD.findall(names[:200])))
