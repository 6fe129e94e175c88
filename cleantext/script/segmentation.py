"""Find the word around a character: the most probable segmentation of its surroundings, by counts of words.

A second opinion where `cleantext.script.ambiguity` is in doubt: 被发 is a phrase of OpenCC (被髮左衽), but 被发明 is cut into 被 and 发明,
whose 发 is 發. The words are those of ``charmodel.npz`` and the phrases of OpenCC, up to four characters.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.data import cached, opencc_text
from cleantext.data.frequencies import counted_words
from cleantext.jit import kernel
from cleantext.script.dictionaries import pairs

__all__ = ["Words", "word_spans", "words"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

LONGEST = 4  # maximum length of a word
REACH = 4  # characters on each side that are segmented
STEP = 16  # logarithms are stored in sixteenths
PHRASE = round(STEP * np.log(2))  # count assumed for phrases without counts
UNSEEN = -18 * STEP  # log share of characters without counts
BITS = 18
A, B = 0x9E3779B1, 0x85EBCA6B
UA, UB, WORD, U16, U32, USHIFT, MASK = (np.uint64(n) for n in (A, B, 0xFFFFFFFF, 16, 32, 32 - BITS, (1 << BITS) - 1))
PAIRS = 19  # bits of the hash of a pair
U0, U1, U3, U7, UPAIRS = (np.uint64(n) for n in (0, 1, 3, 7, 32 - PAIRS))
PHRASES = ("STPhrases", "STPhrases_GeneratedFromRegionalPhrases")
FORMAT = 2  # version of the cached table; increase it when `_table` changes


class Words(NamedTuple):
    """Words, hashed: Numba takes a named tuple of arrays as it is."""

    key: U64  # the characters, 16 bits each, the last one lowest; 0 is an empty slot
    log: npt.NDArray[np.int16]  # log share among all words
    single: npt.NDArray[np.int16]  # log share of the characters from U+4E00 to U+9FFF
    begins: npt.NDArray[np.uint8]  # bit set of the first two characters of words, by hash; a fiftieth of the size of the table


@kernel
def _log(key: Any, table: Words) -> Any:
    """Return the log share of a word, or 1 for a string that is not a word."""
    slot: Any = ((((key & WORD) * UA) & WORD) ^ (((key >> U32) * UB) & WORD)) >> USHIFT
    while table.key[slot] != U0:
        if table.key[slot] == key:
            return np.int64(table.log[slot])
        slot = (slot + U1) & MASK
    return 1


@kernel
def _pair(key: Any) -> Any:
    """Return the index of the bit for the first two characters of a word."""
    return ((key * UA) & WORD) >> UPAIRS


@kernel
def word_spans(points: I32, at: I32, low: I64, high: I64, table: Words, starts: I64, ends: I64) -> None:
    """Write start and end of the word around each place in ``at`` (ascending), which must lie within the spans ``low`` to ``high``."""
    total = np.empty(2 * REACH + 2, np.int64)
    back = np.empty(2 * REACH + 2, np.int64)
    s = 0
    for n in range(len(at)):
        i = np.int64(at[n])
        while high[s] <= i:
            s += 1
        first: Any = i
        last: Any = i + 1
        while first > max(low[s], i - REACH) and 0x4E00 <= points[first - 1] <= 0x9FFF:
            first -= 1
        while last < min(high[s], i + REACH + 1) and 0x4E00 <= points[last] <= 0x9FFF:
            last += 1
        size: Any = last - first
        total[1 : size + 1] = -(1 << 30)
        total[0] = 0
        for j in range(size):
            key: Any = np.uint64(points[first + j])
            value = total[j] + table.single[points[first + j] - 0x4E00]
            if value > total[j + 1]:
                total[j + 1] = value
                back[j + 1] = j
            for k in range(1, min(LONGEST, size - j)):
                key = key << U16 | np.uint64(points[first + j + k])
                if k == 1:
                    bit: Any = _pair(key)
                    if not np.uint64(table.begins[bit >> U3]) >> (bit & U7) & U1:
                        break
                log = _log(key, table)
                if log < 1 and total[j] + log > total[j + k + 1]:
                    total[j + k + 1] = total[j] + log
                    back[j + k + 1] = j
        end: Any = size
        while first + back[end] > i:
            end = back[end]
        starts[n] = first + back[end]
        ends[n] = first + end


def _table() -> dict[str, npt.NDArray[Any]]:
    counts = {word: log for word, log in counted_words() if len(word) <= LONGEST}
    total = round(STEP * float(np.log(sum(np.exp(log / STEP) for log in counts.values()))))
    for name in PHRASES:
        for phrase, _ in pairs(name):
            if len(phrase) <= LONGEST and max(phrase) <= "\uffff":
                counts.setdefault(phrase, PHRASE)
    key, log = np.zeros(1 << BITS, np.uint64), np.zeros(1 << BITS, np.int16)
    packed = np.array([int.from_bytes(word.encode("utf-16-be")) for word in counts], np.uint64)
    slot = ((((packed & WORD) * UA) & WORD) ^ (((packed >> U32) * UB) & WORD)) >> USHIFT
    values = np.array(list(counts.values())) - total
    left = np.arange(len(packed))
    while len(left):
        free = left[key[slot[left]] == 0]
        key[slot[free]], log[slot[free]] = packed[free], values[free]  # with several keys per slot the last one wins
        left = left[key[slot[left]] != packed[left]]
        slot[left] = slot[left] + U1 & MASK
    single, begins = np.full(0x5200, UNSEEN, np.int16), np.zeros(1 << PAIRS, np.uint8)
    for word, value in zip(counts, values.tolist(), strict=True):
        if len(word) == 1 and 0x4E00 <= ord(word) <= 0x9FFF:
            single[ord(word) - 0x4E00] = value
    starts = np.array([ord(word[0]) << 16 | ord(word[1]) for word in counts if len(word) > 1], np.uint64)
    begins[((starts * UA) & WORD) >> UPAIRS] = 1
    return {"key": key, "log": log, "single": single, "begins": np.packbits(begins, bitorder="little")}


@lru_cache(maxsize=1)
def words() -> Words:
    """Return the table from the disk cache, or build it."""
    digest = hashlib.sha256((resources.files("cleantext.data") / "charmodel.npz").read_bytes())
    for name in PHRASES:
        digest.update(f"{FORMAT} {name}={opencc_text(name)}".encode())
    return Words(**cached(f"words-{digest.hexdigest()[:32]}", _table))
