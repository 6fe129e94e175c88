"""UTF-8 that was read as a single-byte encoding: handled by ftfy, behind a gate that never changes its result.

ftfy decides by a regular expression, `badness`, whether a line may be mojibake at all. Each of its alternatives
needs a character that clean Chinese text does not contain; `SUSPECTS` has one from every alternative, so
a text without them costs one table look-up per character. A test analyses the expression and proves this.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from cleantext.gate import Table, lines_with, table_of

if TYPE_CHECKING:
    from ftfy import TextFixerConfig

__all__ = ["SUSPECTS", "ftfy_line", "ftfy_safe", "gated", "needs_ftfy", "suspects"]

# C1 controls; ftfy's classes bad, law, currency, numeric, accented and box; Ù ‚ Ђ ВГРС ΒΓΞΟ of its special cases;
# Latin ligatures; surrogates. Without its classes of quotation marks, dashes and dots, which are common in Chinese text.
SUSPECTS = (
    "80-9f a2-a8 aa ac af b1-b3 b5-b6 b8-ba bc-be c0-d1 d7-d9 dc-dd df-f1 f7 fc 100-107 10c-113 116-11b 11e-11f 122-123 12a-12b 12f-130 132-133 136-137 "
    "139-13e 141-143 145 147 149 152-153 155 158 15a-15b 15e-162 164-165 16e 170 178-17e 192 1c4-1cc 1f1-1f3 2c6-2c7 2d8 2db-2dc 392-393 39e-39f 402 412-413 "
    "420-421 490-491 201a 2020-2021 2030 2044 20a7 20ac 2116 2202 2206 220f 2211 221a 221e 2229 222b 2248 2260-2261 2264-2265 2310 2502 250c 2510 2518 251c "
    "2524 252c 253c 2550-256c 2580 2584 2588 258c 2590-2593 25ca d800-dfff fb00-fb06 fffd"
)
ALWAYS = re.compile("[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06\ud800-\udfff]")  # changed by ftfy in any context
# A letter that no single-byte encoding displays for UTF-8, even if bytes were lost or became blanks: as in hôtel.
NO_UTF8 = re.compile("[A-Za-z][^\0-\x7f][A-Za-z]")
C1 = re.compile("[\x80-\x9f]")
# Each alternative of `badness` needs one of these suspects, or a suspect next to another character from a list such as this.
BY_ITSELF = "\x80-\x9fÂÃØÙŒœΒΓΞΟВГРС"
NAMED = "[\x80-\u24ff\u2502-\u2e7f\uf8ff\ufb00-\ufb06\ufffd]"  # a superset, with hardly any that Chinese has next to a suspect
LONGEST = 1_000_000  # characters; ftfy splits longer lines, and handles each piece separately


@lru_cache(maxsize=1)
def suspects() -> Table:
    """Return `SUSPECTS` as a table."""
    return table_of(SUSPECTS)


@lru_cache(maxsize=1)
def safe_config() -> TextFixerConfig:
    """Return ftfy's options without normalisation: quotes, width, line breaks, controls, entities and normal forms are handled by other steps."""
    from ftfy import TextFixerConfig

    return TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )


def ftfy_safe(text: str) -> str:
    """Return the result of ftfy with `safe_config`, line by line; line breaks stay."""
    from ftfy import fix_text

    config = safe_config()
    *whole, last = text.split("\n")
    return "".join(_with_break(line, lambda part: fix_text(part, config)) for line in (*(f"{line}\n" for line in whole), last))


def _with_break(line: str, fix: Callable[[str], str]) -> str:
    """Return a line as ``fix`` does it; its line break stays: ftfy reads the byte C0 ("À" in Latin-1) and a line break at the end as a null."""
    fixed = fix(line)
    return fix(line[:-1]) + "\n" if line.endswith("\n") and not fixed.endswith("\n") else fixed


def ftfy_line(line: str) -> str:
    r"""Return `ftfy_safe` of one line, with or without its line break.

    >>> ftfy_line("cafÃ© é\n")
    'café é\n'
    """
    return _with_break(line, _fixed)


def _fixed(line: str) -> str:
    """Return `ftfy_safe` of one line.

    `fix_text` repeats its steps until nothing changes; this function stops as soon as that is certain: `fix_encoding` only stops at text
    it leaves unchanged, so it is called again only if one of the other fixes changed something.
    """
    from ftfy import fix_encoding
    from ftfy.badness import is_bad
    from ftfy.chardata import UTF8_DETECTOR_RE
    from ftfy.fixes import fix_c1_controls, fix_latin_ligatures, fix_surrogates

    if len(line) > LONGEST:
        return ftfy_safe(line)
    while True:
        if NO_UTF8.search(line) and is_bad(line):  # the result of `fix_encoding` after it has tried all encodings
            size = len(line)
            line = UTF8_DETECTOR_RE.sub(lambda m: _embedded(m[0]) if len(m[0]) < size else m[0], line)  # noqa: B023 - asked at once
        line = fix_encoding(line)
        if not (ALWAYS.search(line) or C1.search(line)):
            return line
        given, line = line, fix_surrogates(fix_latin_ligatures(fix_c1_controls(line)))
        if line == given:
            return line


@lru_cache(maxsize=1 << 12)
def _embedded(part: str) -> str:
    """Return the result of ftfy for a part of a line that looks like UTF-8; cached, since the few that a language has occur again and again."""
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    return fix_encoding(part) if is_bad(part) else part


@lru_cache(maxsize=1)
def may_be_bad() -> re.Pattern[str]:
    """Return a pattern for a necessary condition of ftfy's `badness`, ten times as fast."""
    found = "".join(map(chr, np.flatnonzero(suspects()).tolist()))
    return re.compile(f"[{found}](?:(?={NAMED})|(?<={NAMED}.)|(?<=[{BY_ITSELF}]))", re.DOTALL)


def needs_ftfy(line: str) -> bool:
    """Return whether ftfy might change a line (with its line break); it leaves all others unchanged."""
    from ftfy.badness import BADNESS_RE

    if not (may_be_bad().search(line) or ALWAYS.search(line)):
        return False
    pieces = (line[at : at + LONGEST] for at in range(0, len(line), LONGEST)) if len(line) > LONGEST else (line,)
    return any(BADNESS_RE.search(piece) or ALWAYS.search(piece) for piece in pieces)


def gated(text: str) -> str:
    """Return the same as `ftfy_safe`, at hardly any cost for clean text.

    >>> gated("æˆ‘ä»¬ 新疆")
    '我们 新疆'
    """
    parts = []
    done = 0
    for start, line in lines_with(text, suspects()):
        if needs_ftfy(line):
            parts += [text[done:start], ftfy_line(line)]
            done = start + len(line)
    return "".join(parts) + text[done:] if parts else text
