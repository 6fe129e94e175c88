"""Lexicons: words in arrays, which kernels find at any position of a text. Used for anchors, vocabularies and first characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, U32, code_points
from cleantext.jit import kernel

__all__ = ["Lexicon", "RuleTable", "lexicon", "may_begin", "stands"]

PAIRS = 1 << 14  # size of the hash table of the first two characters of words


class Lexicon(NamedTuple):
    """Words in arrays, by their first character, longest first, with the owners of each."""

    root: I32  # bucket of each code point, 0 if no word starts with it
    buckets: I32  # bucket b has the words buckets[b] to buckets[b + 1]
    starts: I32  # of the words in `points`
    points: U32
    owned: I32  # word w has the owners owners[owned[w]] to owners[owned[w + 1]]
    owners: I32
    pairs: npt.NDArray[np.bool_]  # whether two characters may begin a word of at least two


class RuleTable(NamedTuple):
    """The properties of the rules of a pack that kernels need; rules are numbered in the order of their ids."""

    longest: I32
    power: I32
    common: npt.NDArray[np.bool_]
    span: npt.NDArray[np.bool_]


def lexicon(owned_by: Iterable[tuple[str, int]]) -> Lexicon:
    """Make a lexicon of words and owners."""
    owners: dict[str, dict[int, None]] = {}
    for word, owner in owned_by:
        owners.setdefault(word, {})[owner] = None
    words = sorted(owners, key=lambda w: (w[0], -len(w), w))
    root = np.zeros(0x110000, np.int32)
    buckets: list[int] = [0, 0]  # bucket 0 is empty
    for n, word in enumerate(words):
        if not root[ord(word[0])]:
            root[ord(word[0])] = len(buckets) - 1
            buckets.append(n)
        buckets[-1] = n + 1
    starts = np.cumsum([0, *map(len, words)], dtype=np.int32)
    owned = np.cumsum([0, *(len(owners[w]) for w in words)], dtype=np.int32)
    flat = np.array([o for w in words for o in owners[w]], np.int32)
    pairs = np.zeros(PAIRS, bool)
    pairs[_slot.function(*np.array([(ord(w[0]), ord(w[1])) for w in words if len(w) > 1], np.int64).reshape(-1, 2).T)] = True
    return Lexicon(root, np.array(buckets, np.int32), starts, code_points("".join(words)), owned, flat, pairs)


@kernel
def _slot(one: int, two: int) -> int:
    """Return the slot of two characters."""
    return ((one * 0x9E37 + two * 0x85EB) >> 4) & (PAIRS - 1)


@kernel
def may_begin(words: Lexicon, one: int, two: int) -> bool:
    """Return whether a word of at least two characters may begin with these two: most words are ruled out by one access."""
    return bool(words.pairs[_slot(one, two)])


@kernel
def stands(points: U32, at: int, word: U32, first: int, last: int) -> bool:
    """Return whether ``word[first:last]`` is at a position of the text, given that its first character is."""
    for k in range(1, last - first):  # noqa: SIM110
        if points[at + k] != word[first + k]:
            return False
    return True
