"""The open block elements of a document, and what a line can say of where it stands."""

from __future__ import annotations

import re
from functools import lru_cache

from cleantext.html.words import class_words

__all__ = ["WORDS", "Frame", "names_of"]

WORDS = 16  # words of class and id that a line carries, those of its element first
DEPTH = 100  # steps of a path; what is nested deeper shares the path of its ancestor there


class Frame:
    """An open block element."""

    __slots__ = ("children", "index", "names", "parent", "path", "tag", "tokens")

    def __init__(self, tag: str, names: str, parent: Frame | None, index: int) -> None:
        self.tag = tag
        self.names = names  # "#id.class.class"
        self.parent = parent
        self.index = index
        self.children = 0
        self.path: str | None = None
        self.tokens: tuple[str, ...] | None = None

    def words(self) -> tuple[str, ...]:
        """Return the words of class and id of an element and its ancestors, from the inside out, the first `WORDS` of them."""
        chain = []
        at: Frame | None = self
        while at is not None and at.tokens is None:
            chain.append(at)
            at = at.parent
        tokens = at.tokens if at is not None and at.tokens else ()
        for step in reversed(chain):
            if step.names:
                tokens = _inherited(step.names, tokens)
            step.tokens = tokens
        return tokens

    def location(self) -> str:
        """Return the path of an element: steps ``tag#id.class[n]``, n counting the block children of the parent."""
        if self.path is None:
            chain = []
            at = self
            while at.path is None and at.parent is not None:
                chain.append(at)
                at = at.parent
            path = at.path or "body"
            depth = path.count("/")
            for step in reversed(chain):
                if depth < DEPTH:
                    path = f"{path}/{step.tag}{step.names}[{step.index}]"
                    depth += 1
                step.path = path
        return self.path or "body"


@lru_cache(maxsize=16_384)
def _inherited(names: str, tokens: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*class_words(names), *tokens)))[:WORDS]


NOT_NAME = re.compile(r"[^\w\s-]+")


@lru_cache(maxsize=16_384)
def names_of(identity: str, classes: str) -> str:
    """Return ``#id.class.class``, short and free of the signs that part the steps of a path."""
    parts = [f".{name}" for name in NOT_NAME.sub("", classes).split()[:4]]
    if identity := "".join(NOT_NAME.sub("", identity).split()):
        parts.insert(0, f"#{identity}")
    return "".join(parts)
