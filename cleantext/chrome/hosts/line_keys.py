"""What two copies of a line have in common: its key, and a hash of the key that is computed without making a string."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from cleantext.changes import I32, I64, U32, Ragged
from cleantext.chrome.matching.character_bits import DECIMAL, SPACE, characters
from cleantext.chrome.matching.line_memory import Rows
from cleantext.jit import kernel_beside

__all__ = ["key_hashes", "line_key", "line_keys"]

_DIGITS = re.compile(r"\d[\d.,:/-]*")
_BLANKS = re.compile(r"\s+")
JOINS_DIGITS = tuple(map(ord, ".,:/-"))  # characters that may occur in a number after its first digit
BASE, MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93  # odd numbers of 64 bits


def line_key(folded: str) -> str:
    """Return what two copies of a folded line have in common: blanks become single, each number becomes 0.

    >>> line_key("  2015-07-02 05:18  来源: 某报 ")
    '0 0 来源: 某报'
    """
    return _BLANKS.sub(" ", _DIGITS.sub("0", folded)).strip()


def line_keys(folded: Sequence[str]) -> list[str]:
    r"""Return `line_key` of many lines at once; none of them may have a line break.

    >>> line_keys(["第12 期", "\t某报"])
    ['第0 期', '某报']
    """
    return [" ".join(row.split()) for row in _DIGITS.sub("0", "\n".join(folded)).split("\n")] if folded else []


def key_hashes(rows: Rows) -> tuple[I64, I32]:
    """Return a 64-bit hash of the key of each folded line, and the length of each key, 0 for a blank line.

    The hash is a polynomial hash: the sum of the characters of the key, each times `BASE` to the power of its position, then mixed.

    >>> hashes, sizes = key_hashes(Rows.of(["第12期 ", "第3期", " "]))
    >>> bool(hashes[0] == hashes[1]), sizes.tolist()
    (True, [3, 3, 0])
    """
    hashes, sizes = hash_keys.sized(len(rows.points))(rows.points, rows.starts, rows.ends, characters())
    return hashes.view(np.int64), sizes


def _hash_keys_at_once(points: U32, starts: I64, ends: I64, bits: U32) -> Any:  # noqa: ARG001 (as the kernel has it)
    """Compute the same as the kernel, from the keys themselves."""
    keys = Ragged.of(line_keys(Rows(points, starts, ends).lines()))
    sizes = np.diff(keys.offsets)
    out = np.zeros(len(sizes), np.uint64)
    power = np.cumprod(np.append(np.uint64(1), np.full(max(sizes.max(initial=0) - 1, 0), BASE, np.uint64)), dtype=np.uint64)
    place = np.arange(len(keys.points)) - np.repeat(keys.offsets[:-1], sizes)
    some = np.flatnonzero(sizes)
    if len(some):
        out[some] = np.add.reduceat(keys.points.astype(np.uint64) * power[place], keys.offsets[some])
    return (out ^ (out >> np.uint64(32))) * np.uint64(MIX), sizes.astype(np.int32)


@kernel_beside(_hash_keys_at_once)
def hash_keys(points: U32, starts: I64, ends: I64, bits: U32) -> Any:
    """Return the hashes of the keys of lines, and the lengths of the keys."""
    out = np.zeros(len(starts), np.uint64)
    sizes = np.zeros(len(starts), np.int32)
    for n in range(len(starts)):
        total = np.uint64(0)
        power = np.uint64(1)
        size = 0
        blank = number = False
        for at in range(starts[n], ends[n]):
            char = points[at]
            kind = bits[char]
            if number and ((kind & DECIMAL) or char in JOINS_DIGITS):
                continue
            number = (kind & DECIMAL) > 0
            if kind & SPACE:
                blank = size > 0
                continue
            if blank:
                total += np.uint64(32) * power
                power *= np.uint64(BASE)
                size += 1
                blank = False
            total += (np.uint64(48) if number else np.uint64(char)) * power
            power *= np.uint64(BASE)
            size += 1
        out[n] = (total ^ (total >> np.uint64(32))) * np.uint64(MIX)
        sizes[n] = size
    return out, sizes
