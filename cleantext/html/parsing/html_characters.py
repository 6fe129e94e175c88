"""Character properties in HTML text, for kernels."""

from __future__ import annotations

from cleantext.jit import kernel

__all__ = ["AMP", "BANG", "BLANK", "COMMAS", "CR", "DASH", "EQUALS", "FF", "INDENT", "LESS", "LF", "MORE", "NBSP", "QUOTE", "SLASH", "TAB"]
__all__ += ["is_space", "is_stop", "is_wide", "small"]

TAB, LF, FF, CR, BLANK, BANG, QUOTE, AMP, DASH, SLASH, LESS, EQUALS, MORE = map(ord, '\t\n\f\r !"&-/<=>')
NBSP, INDENT = 0xA0, 0x3000
COMMAS = (ord("，"), ord("、"))
STOPS = (ord("。"), ord("！"), ord("？"), ord("；"))
A, Z = ord("A"), ord("Z")


@kernel
def small(point: int) -> int:
    """Return an ASCII capital as a lower-case letter, other characters unchanged."""
    return point + BLANK if A <= point <= Z else point


@kernel
def is_space(point: int) -> bool:
    """Return the same as `str.isspace`."""
    if point < 0x80:
        return point == BLANK or 9 <= point <= 13 or 28 <= point <= 31
    if point < 0x1680:
        return point in (0x85, NBSP)
    return point == INDENT or 0x2000 <= point <= 0x200A or point in (0x1680, 0x2028, 0x2029, 0x202F, 0x205F)


@kernel
def is_stop(point: int) -> bool:
    """Return whether a character ends a clause of a Chinese sentence."""
    return point in STOPS


@kernel
def is_wide(point: int) -> bool:
    """Return whether a line break of the source next to a character is removed (CSS Text 3, 4.1.3). Hangul is excluded, since it is written with spaces."""
    return (
        0x2E80 <= point <= 0x312F
        or 0x31A0 <= point <= 0xA4CF
        or 0xF900 <= point <= 0xFAFF
        or 0xFE30 <= point <= 0xFE4F
        or 0xFF00 <= point <= 0xFFEF
    )
