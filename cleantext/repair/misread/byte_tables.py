"""Tables of the codecs of Chinese mojibake, for kernels: which character each codec shows for which bytes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import U32, code_points
from cleantext.gate import table_of
from cleantext.repair.misread.families import GBK_AS_BIG5, SINGLE, UTF8_AS_GBK
from cleantext.repair.misread.ftfy_tables import FtfyTables, ftfy_tables, matching
from cleantext.repair.misread.latin import ALWAYS, suspects
from cleantext.repair.model import WordArrays, word_model

__all__ = ["Codes", "MisreadTables", "tables"]

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
# Bits of `MisreadTables.kind`
GATE, SUSPECT, MARKER, SURROGATE, ALWAYS_CHANGED = 1, 2, 4, 8, 16
TWO_CHARACTERS = 0xFFFFFFFF  # in `Codes.codes`: bytes that stand for two characters
# Codecs by number: those of `families.SINGLE`, then these
GB18030, BIG5, CP950 = len(SINGLE), len(SINGLE) + 1, len(SINGLE) + 2


GB_OF, GB, BIG_OF, CP950_OF, BIG, SHOWN = range(6)  # rows of `Codes.codes`


class Codes(NamedTuple):
    """What kernels look up to encode and decode. Numba accepts a named tuple of arrays; a call with few of them is faster."""

    writers: U16  # which single-byte codecs can write each code point below 0x10000: bit ``n`` stands for codec ``n``
    byte: U8  # shape (codecs, 0x10000): the byte, where the codec can write it
    # Shape (6, 0x10000). For each code point: its bytes in GB18030, two or four as one number, and its pairs in Big5-HKSCS and cp950; 0 where
    # there are none. For each pair of bytes: its code point in GB18030 and Big5-HKSCS, 0 where there is none or where it is written otherwise,
    # and what GBK shows for it, U+FFFD for invalid pairs.
    codes: U32


class MisreadTables(NamedTuple):
    """All that kernels look up."""

    kind: U8  # for each code point: bits that say how it concerns the repair
    codes: Codes
    words: WordArrays
    ftfy: FtfyTables


@lru_cache(maxsize=1)
def tables(gate: str) -> MisreadTables:
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
    codes = np.stack([_gb_of(gb_pairs), gb_pairs, _pair_of("big5hkscs"), _pair_of("cp950"), big_pairs, model.shown])
    return MisreadTables(_kinds(gate), Codes(writers, byte, codes), model.arrays, ftfy_tables())


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
