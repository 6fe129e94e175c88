"""The block elements of a document, and the evidence of a line on its position."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

from cleantext.changes import I64
from cleantext.fold import later
from cleantext.html.parsing.class_words import class_words
from cleantext.html.parsing.html_tokens import CLASS, HI, IDENTITY, LO
from cleantext.html.parsing.token_lines import ASKED, INDEX, PARENT, TOKEN

__all__ = ["WORDS", "Frames"]

WORDS = 16  # maximum words of class and id of a line, those of its own element first
# Maximum steps of a path, and characters; deeper elements share the path of their ancestor at that depth. The longest path of the
# development pages has 448 characters. Without the second limit each line of a page could take 15 kB.
DEPTH, PATH_CHARS = 100, 2000
IDENTITY_CHARS, CLASS_CHARS = 60, 120


class Frames:
    """Tag, path and words of each element that is needed.

    A path has a step ``tag#id.class[n]`` for each element, where n counts the block children of the parent. Words of class and id
    are ordered from the inside out, the first `WORDS` of them.
    """

    def __init__(self, markup: str, tokens: I64, frames: I64) -> None:
        self.tags = tags = ["body"] * len(frames)
        self.paths = paths = tags[:]
        words: list[tuple[str, ...]] = [()] * len(frames)
        self.words = words
        depth = [0] * len(frames)
        asked = frames[1:, ASKED].nonzero()[0] + 1
        rows = tokens.take(frames[asked, TOKEN], axis=0)
        for n, up, index, lo, hi, id_lo, id_hi, class_lo, class_hi in zip(
            asked.tolist(),
            *(frames[asked, column].tolist() for column in (PARENT, INDEX)),
            *(rows[:, column].tolist() for column in (LO, HI, IDENTITY, IDENTITY + 1, CLASS, CLASS + 1)),
            strict=True,
        ):
            tag = tags[n] = markup[lo:hi]
            said, step = words[up], tag
            if id_hi or class_hi:
                names = names_of(markup[id_lo:id_hi], markup[class_lo:class_hi])
                said, step = _inherited(names, said), tag + names
            words[n] = said
            depth[n] = depth[up] + 1
            paths[n] = f"{paths[up]}/{step}[{index}]" if depth[n] <= DEPTH and len(paths[up]) < PATH_CHARS else paths[up]


@lru_cache(maxsize=16_384)
def _inherited(names: str, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*class_words(names), *words)))[:WORDS]


NOT_NAME = re.compile(rf"(?:[^\w\s-]|[{later()}])+")


@lru_cache(maxsize=16_384)
def names_of(identity: str, classes: str) -> str:
    """Return ``#id.class.class`` for attributes as written, shortened and without the characters that separate the steps of a path."""
    parts = [f".{name}" for name in NOT_NAME.sub("", unescape(classes)[:CLASS_CHARS]).split()[:4]]
    if identity := "".join(NOT_NAME.sub("", unescape(identity)[:IDENTITY_CHARS]).split()):
        parts.insert(0, f"#{identity}")
    return "".join(parts)
