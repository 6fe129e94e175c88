"""Tables of the codecs of Chinese mojibake, for kernels: which character each codec shows for which bytes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32, code_points
from cleantext.gate import table_of
from cleantext.repair.misread.families import GBK_AS_BIG5, SINGLE, UTF8_AS_GBK
from cleantext.repair.misread.ftfy_tables import FtfyTables, ftfy_tables, matching
from cleantext.repair.misread.latin import ALWAYS, suspects
from cleantext.repair.model import Links, word_model

__all__ = ["Tables", "tables"]

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
# Bits of `Tables.kind`
GATE, SUSPECT, MARKER, SURROGATE, ALWAYS_CHANGED = 1, 2, 4, 8, 16
TWO_CHARACTERS = 0xFFFFFFFF  # in `Tables.big5`: bytes that stand for two characters
# Codecs by number: those of `families.SINGLE`, then these
GB18030, BIG5, CP950 = len(SINGLE), len(SINGLE) + 1, len(SINGLE) + 2


class Tables(NamedTuple):
    """What the kernels look up. Numba accepts a named tuple of arrays."""

    kind: U8  # for each code point: bits that say how it concerns the repair
    ftfy: FtfyTables
    writers: U16  # which single-byte codecs can write each code point below 0x10000: bit ``n`` stands for codec ``n``
    byte: U8  # shape (codecs, 0x10000): the byte, where the codec can write it
    gb_of: U32  # the bytes of each code point below 0x10000 in GB18030, two or four as one number; 0 for surrogates
    gb: U32  # the code point of each pair of bytes in GB18030; 0 where there is none, or where it is written otherwise
    big_of: U32  # shape (2, 0x10000): the pair of bytes in Big5-HKSCS and in cp950; 0 where there is none
    big: U32  # the code point of each pair of bytes in Big5-HKSCS, as ``gb``
    shown: U32  # the code point that is shown for each pair of GBK bytes; U+FFFD for invalid pairs
    pairs: I32  # the same as indices of the model of words
    fold: I64  # the index in the model of words of each code point below 0x10000
    links: Links


@lru_cache(maxsize=1)
def tables(gate: str) -> Tables:
    """Return the tables; ``gate`` has the ranges of the characters without one of which a line is not looked at."""
    import ftfy.bad_codecs  # noqa: F401 - registers the sloppy codecs

    writers, byte = np.zeros(0x10000, np.uint16), np.zeros((len(SINGLE), 0x10000), np.uint8)
    for n, codec in enumerate(SINGLE):
        shown = bytes(range(256)).decode(codec)
        points = code_points(shown)
        writers[points] |= np.uint16(1 << n)
        byte[n, points] = np.frombuffer(shown.encode(codec), np.uint8)
    gb_pairs, big_pairs = (_pairs(codec) for codec in ("gb18030", "big5hkscs"))
    model = word_model()
    return Tables(
        _kinds(gate), ftfy_tables(), writers, byte, _gb_of(gb_pairs), gb_pairs, np.stack([_pair_of("big5hkscs"), _pair_of("cp950")]), big_pairs,
        model.shown, model.pairs, model.fold, model.links,
    )  # fmt: skip


def _kinds(gate: str) -> U8:
    kind = np.zeros(0x110000, np.uint8)
    kind[table_of(gate)] |= GATE
    kind[suspects()] |= SUSPECT
    kind[code_points(UTF8_AS_GBK + GBK_AS_BIG5)] |= MARKER
    kind[0xD800:0xE000] |= SURROGATE
    kind[matching(ALWAYS)] |= ALWAYS_CHANGED
    return kind


def _pairs(codec: str) -> U32:
    """Return the code point for each pair of bytes; 0 where a pair is invalid, or where the codec writes its character otherwise."""
    found = np.zeros(0x10000, np.uint32)
    for lead in range(0x80, 0x100):
        for trail in range(0x100):
            data = bytes((lead, trail))
            try:
                text = data.decode(codec)
            except UnicodeDecodeError:
                continue
            if len(text) > 1:
                found[lead << 8 | trail] = TWO_CHARACTERS
            elif text.encode(codec) == data:
                found[lead << 8 | trail] = ord(text)
    return found


def _pair_of(codec: str) -> U32:
    """Return the pair of bytes that a codec writes for each code point below 0x10000; 0 where it cannot."""
    found = np.zeros(0x10000, np.uint32)
    for point in range(0x80, 0x10000):
        if not 0xD800 <= point < 0xE000:
            data = chr(point).encode(codec, "ignore")
            found[point] = int.from_bytes(data)
    return found


def _gb_of(pairs: U32) -> U32:
    """Return the bytes that GB18030 writes for each code point below 0x10000."""
    found = np.zeros(0x10000, np.uint32)
    at = np.flatnonzero(pairs)
    found[pairs[at]] = at
    left = np.flatnonzero(found == 0)
    left = left[(left >= 0x80) & ((left < 0xD800) | (left >= 0xE000))]
    data = "".join(map(chr, left.tolist())).encode("gb18030")
    found[left] = np.frombuffer(data, ">u4")
    return found
