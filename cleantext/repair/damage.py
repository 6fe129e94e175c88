"""A simulator of the damage: the generators of the pages that `cleantext.repair` repairs.

Applied to the repaired text of seed 000, `Injector` reproduces that seed, character for character, so
(damaged, truth) pairs can be made from any clean text, for tests and benchmarks.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from cleantext.repair.pinyin import first_readings

__all__ = ["FAMILIES", "SEPARATORS", "Injector", "draw_injector", "garble", "lenient_gbk"]

SEPARATORS = "！？；：，。、"  # all were seen except ，which follows from the others
MARK = b"\x01"  # the generator splits at it; it leaves no trace if it is between characters
FOLDED = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def lenient_gbk(data: bytes, *, private: bool = True) -> str:
    r"""Decode GBK like PHP's multibyte functions: a lead byte without a trail byte becomes `?` and consumes the next byte.

    Pairs of the user-defined areas become private-use characters, or disappear if not ``private``.

    >>> lenient_gbk(b"\xb5(sh\xa8\xb4)\xd8\x84")
    '?shù)貏'
    """
    out = []
    at = 0
    while at < len(data):
        lead = data[at]
        if lead < 0x80:
            out.append(chr(lead))
            at += 1
            continue
        trail = data[at + 1] if at + 1 < len(data) else 0
        at += 2
        if lead in (0x80, 0xFF) or trail < 0x40 or trail in (0x7F, 0xFF):
            out.append("?")
            continue
        character = bytes((lead, trail)).decode("gb18030", "replace")
        if private or not "\ue000" <= character <= "\uf8ff":
            out.append(character)
    return "".join(out)


@dataclass(frozen=True)
class Injector:
    """A generator of injected pages: pairs of characters and readings, in the order of replacement.

    Both steps replace bytes, not characters, so they also match where the second byte of one character and
    the first of the next happen to be the bytes they look for. `MARK`, or the parenthesis of a reading, then
    follows a lead byte, the decoder consumes it, and everything after it is read out of step: a slip.
    """

    table: tuple[tuple[str, str], ...] = ()
    separators: str = ""
    private: bool = True  # whether the decoder keeps private-use characters
    folds: bool = False  # whether the width was folded afterwards

    def damage(self, text: str) -> str:
        """Return the output of the generator for a text that GBK can encode.

        >>> Injector((("數", "shù"),)).damage("吸納當地勞動力特別")
        '吸納當?shù)貏趧恿μ貏e'
        """
        data = text.encode("gb18030")
        for character, reading in self.table:
            pair = character.encode("gb18030")
            data = data.replace(pair, pair + f"({reading})".encode("gb18030"))
        for separator in self.separators:
            data = data.replace(separator.encode("gb18030"), MARK + separator.encode("gb18030"))
        shown = lenient_gbk(data, private=self.private).replace(MARK.decode(), "")
        return shown.translate(FOLDED) if self.folds else shown


def draw_injector(
    chance: random.Random, text: str, *, pairs: int = 60, separators: int = 3, private: bool = True, folds: bool = False
) -> Injector:
    """Draw a generator for a document: ``pairs`` of its Traditional characters, weighted by frequency, and ``separators``."""
    readings = first_readings()
    known = [c for c in dict.fromkeys(text) if c in readings and len(c.encode("gb18030")) == 2]
    weights = [text.count(c) ** 0.5 * chance.expovariate(1) for c in known]
    chosen = [c for _, c in sorted(zip(weights, known, strict=True), reverse=True)][:pairs]
    chance.shuffle(chosen)
    marks = "".join(chance.sample(SEPARATORS, min(separators, len(SEPARATORS))))
    return Injector(tuple((c, readings[c]) for c in chosen), marks, private, folds)


# name: (written as, read as); "utf-8 twice" is decoded wrongly two times.
FAMILIES: dict[str, Sequence[tuple[str, str]]] = {
    "utf-8 as latin-1": (("utf-8", "latin-1"),),
    "utf-8 as cp1252": (("utf-8", "sloppy-windows-1252"),),
    "utf-8 as cp1251": (("utf-8", "sloppy-windows-1251"),),
    "utf-8 as mac-roman": (("utf-8", "mac-roman"),),
    "utf-8 as cp437": (("utf-8", "cp437"),),
    "utf-8 as gb18030": (("utf-8", "gb18030"),),
    "gbk as latin-1": (("gb18030", "latin-1"),),
    "gbk as cp1252": (("gb18030", "sloppy-windows-1252"),),
    "gbk as cp1250": (("gb18030", "sloppy-windows-1250"),),
    "gbk as iso8859-2": (("gb18030", "iso8859-2"),),
    "gbk as cp1251": (("gb18030", "sloppy-windows-1251"),),
    "gbk as koi8-r": (("gb18030", "koi8-r"),),
    "gbk as cp1254": (("gb18030", "sloppy-windows-1254"),),
    "gbk as big5": (("gb18030", "big5hkscs"),),
    "big5 as latin-1": (("big5hkscs", "latin-1"),),
    "big5 as cp1252": (("big5hkscs", "sloppy-windows-1252"),),
    "utf-8 as cp1252 twice": (("utf-8", "sloppy-windows-1252"), ("utf-8", "sloppy-windows-1252")),
}


def garble(text: str, family: str) -> str | None:
    """Return ``text`` as mojibake of a family, or None if that loses bytes and so cannot be undone.

    >>> garble("新疆", "utf-8 as gb18030")
    '鏂扮枂'
    """
    import ftfy.bad_codecs  # noqa: F401 - registers the sloppy codecs, which map all 256 bytes

    try:
        for written, read in FAMILIES[family]:
            data = text.encode(written)
            shown = data.decode(read)
            if shown.encode(read) != data:
                return None
            text = shown
    except UnicodeError:
        return None
    return text
