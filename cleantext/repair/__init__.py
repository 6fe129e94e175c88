"""Repair: restore the text as its author wrote it, before any other step.

The order is the reverse of the damage: what was done last is undone first. Folding width or dropping private-use
characters earlier would destroy the bytes that the first steps need.
"""

from __future__ import annotations

from collections.abc import Sequence

from cleantext.errors import wrong_type
from cleantext.repair.controls import Controls
from cleantext.repair.entities import Entities
from cleantext.repair.mojibake import Mojibake
from cleantext.repair.pinyin import PinyinInjections
from cleantext.repair.shortcodes import Shortcodes
from cleantext.repair.slip import GbkSlips
from cleantext.repair.spaced import LetterSpacing
from cleantext.transform import PageTransform

__all__ = ["STEPS", "Controls", "Entities", "GbkSlips", "LetterSpacing", "Mojibake", "PinyinInjections", "Shortcodes", "repair"]

ROUNDS = 32  # each reads the whole text. Simple damage takes two, and one more for each repetition of the damage

STEPS: tuple[PageTransform, ...] = (GbkSlips(), PinyinInjections(), Mojibake(), Entities(), Shortcodes(), LetterSpacing(), Controls())


def repair(text: str, *, steps: Sequence[PageTransform] = STEPS) -> str:
    """Undo what machines did to a text: slips, injected pinyin, mojibake, character references, short codes, letter-spacing, controls.

    The steps run until none of them changes anything, so each step sees the results of the others
    and ``repair(repair(x)) == repair(x)``. Each of them shortens the text or reduces the number of characters of a
    finite set (ligatures, C1 controls, surrogates), so this terminates; a text that needs more than `ROUNDS` rounds, which
    must have been made for that purpose, is left unchanged.

    >>> repair("10\N{LATIN CAPITAL LETTER I WITH CIRCUMFLEX}&frac14;s 新\N{ZERO WIDTH SPACE}疆")
    '10μs 新疆'
    """
    if not isinstance(text, str):
        raise wrong_type(text)
    given = text
    for _ in range(ROUNDS):
        before = text
        for step in steps:
            if step.wants(text):
                text = step(text)
        if text == before:
            return text
    return given
