"""Normalise characters, widths, spaces and line breaks, without any loss for the reader.

Never blanket NFKC: it would turn ① into 1, ㎡ into m2, … into ... and ： into :, which the seeds
show to be lossy on Chinese pages. NFC first, then tables that say what they do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from cleantext.edits import Edit, apply, compose, trimmed
from cleantext.errors import unknown
from cleantext.fold import later
from cleantext.gate import all_but
from cleantext.transform import HOLDS, Breaks, Law, Page, PageTransform, Safety, register

__all__ = ["Forms", "Spaces", "Width", "normalize"]

# ASCII and Han characters never combine with the character before them, so a run between two of them can be
# composed by itself, together with the character before it.
_RUN = re.compile("[\x00-\x7f\u3400-\u9fff]?[^\x00-\x7f\u3400-\u9fff]+")
# Characters that are composed already, and never combine with the character before them.
STABLE = (
    "0-2ff 2010-2027 2030-205e 20a0-20bf 2190-2328 2500-27ff 3000-3029 3030-3098 309b-3163 3200-33ff 3400-4dbf 4e00-9fff ac00-d7a3 "
    "ff00-ffef 1f300-1faff"
)
MARKS = 32  # more marks on one letter are sorted here; no orthography has ten
_MANY_MARKS = re.compile(rb"[^\0]{%d,}" % MARKS)
# The only characters with combining class 0 that decompose into marks.
_HIDDEN_MARKS = {code: unicodedata.normalize("NFD", chr(code)) for code in (0xF73, 0xF75, 0xF81)}


@lru_cache(maxsize=1)
def _known() -> re.Pattern[str]:
    """Return a pattern for runs of characters of the frozen Unicode version, since how later ones combine depends on the Python version."""
    return re.compile(f"[^{later()}]+")


@register
@dataclass(frozen=True)
class Forms(PageTransform):
    """Compose characters (Unicode NFC): e + combining accent to é, the ångström sign to Å, compatibility ideographs to unified ones.

    >>> Forms()("cafe\N{COMBINING ACUTE ACCENT}的咖啡")
    'café的咖啡'
    """

    id: ClassVar[str] = "normalize.forms"
    characters: ClassVar[str] = all_but(STABLE)
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"form.nfc": "canonical composition (NFC)"}
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: HOLDS,
        Law.KEEPS_HAN: Breaks("\N{CJK COMPATIBILITY IDEOGRAPH-F901}", "a compatibility ideograph becomes the unified one"),
        Law.KEEPS_LENGTH: Breaks("e\N{COMBINING ACUTE ACCENT}", "two characters become one"),
        Law.NEVER_GROWS: Breaks("\N{DEVANAGARI LETTER QA}", "some composed letters are excluded from composition"),
        Law.KEEPS_LINES: HOLDS,
        Law.ONLY_DELETES: Breaks("e\N{COMBINING ACUTE ACCENT}", "é was not there"),
    }

    def wants(self, text: str) -> bool:
        return not unicodedata.is_normalized("NFC", text)

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        edits: list[Edit] = []
        for run in _RUN.finditer(page.text):
            if not unicodedata.is_normalized("NFC", run[0]):
                for part in _known().finditer(run[0]):
                    edits += trimmed(run.start() + part.start(), part[0], _composed(part[0]), "form.nfc")
        return edits, (), {}


def _composed(run: str) -> str:
    """Return NFC in time linear in the run.

    `unicodedata` sorts the marks on a letter by insertion, in the square of their number: 40,000 of them take 20 s. So many
    are decomposed and sorted here, which the definition of NFC begins with anyway, and are in order when it sees them.
    """
    if len(run) > MARKS:
        run = run.translate(_HIDDEN_MARKS)
        classes = bytes(map(unicodedata.combining, run))
        parts, at = [], 0
        for found in _MANY_MARKS.finditer(classes):
            apart = "".join([unicodedata.normalize("NFD", mark) for mark in run[slice(*found.span())]])
            parts += [run[at : found.start()], "".join(sorted(apart, key=unicodedata.combining))]
            at = found.end()
        run = "".join([*parts, run[at:]])
    return unicodedata.normalize("NFC", run)


_FULL = {cp: cp - 0xFEE0 for cp in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_FULL_SIGNS = {ord(full): half for full, half in zip("．，：／－＋％＠＿＆", ".,:/-+%@_&", strict=True)}
_FULL_ANY = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
# A sign becomes half-width only inside a number or word that does: ３．１４, １０：３０ and １，０００, but not ＮＢＡ，ＣＢＡ.
_FULL_WORD = re.compile(
    "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"
    "(?:[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"
    "|[．／－＋＠＿＆](?=[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a])"
    "|：(?<=[\uff10-\uff19]：)(?=[\uff10-\uff19])"
    "|，(?<=[\uff10-\uff19]，)(?=[\uff10-\uff19]{3}(?![\uff10-\uff19])))*"
    "(?:(?<=[\uff10-\uff19])％)?"
)


@register
@dataclass(frozen=True)
class Width(PageTransform):
    """Make full-width Latin letters and digits half-width; leave Chinese punctuation as it is.

    >>> Width()("价格１２３．５元（ＮＢＡ），好！")
    '价格123.5元（NBA），好！'
    """

    id: ClassVar[str] = "normalize.width"
    characters: ClassVar[str] = "ff10-ff19 ff21-ff3a ff41-ff5a"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"width.latin": "full-width letters and digits, and the signs between them"}
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        **dict.fromkeys(Law, HOLDS),
        Law.ONLY_DELETES: Breaks("Ａ", "A was not there"),
    }

    def wants(self, text: str) -> bool:
        return _FULL_ANY.search(text) is not None

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        table = {**_FULL, **_FULL_SIGNS}
        return [Edit(m.start(), m.end(), m[0], m[0].translate(table), "width.latin") for m in _FULL_WORD.finditer(page.text)], (), {}


_ODD = "\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_BREAK = "\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff“‘《「"  # the indent of a Chinese paragraph
# Each pattern starts with a character class, for which `re` searches at 1 GB/s. Alternatives at the start are ten times as slow.
_BREAKS = re.compile(rf"[\r{_BREAK}](?:(?<=\r)\n)?")
_ODD_OR_BREAK = re.compile(rf"[\r{_BREAK}{_ODD}]")
_BLANK, _ENDS, _PAIRS = ("", " ", "\t"), ("", " ", "\t", "\n"), (" \n", "\n ", "\n\n\n", "\t\n", "\n\t")
_ODD_RUN = re.compile(rf"[{_ODD}][ \t{_ODD}]*")
_TRAILING = re.compile(r"[ \t](?:(?<![ \t].)[ \t]*)(?=\n|\Z)")
_INDENT = re.compile(rf"[ \t](?:(?<=\n.)|(?<=\A.))[ \t]*(?=[{_CJK}]|\n|\Z)")
_MANY_BREAKS = re.compile("\n{3,}")


@register
@dataclass(frozen=True)
class Spaces(PageTransform):
    r"""Unify spaces and line breaks, remove the indent of Chinese paragraphs, and merge blank lines.

    Spaces between words, and the indent of lines that start with Latin text (code), stay.

    >>> Spaces()("标题\r\n\r\n\r\n\N{IDEOGRAPHIC SPACE}\N{IDEOGRAPHIC SPACE}第一段。 \n    return 0")
    '标题\n\n第一段。\n    return 0'
    """

    id: ClassVar[str] = "normalize.spaces"
    characters: ClassVar[str] = "9-d 1c-20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {
        "space.break": "CR LF, CR, and Unicode's other line ends become a line feed",
        "space.indent": "the indent of a paragraph",
        "space.trailing": "spaces before a line end",
        "space.odd": "no-break, ideographic and typographic spaces become a space",
        "space.blank": "blank lines beyond one, or at either end of the page",
    }
    laws: ClassVar[Mapping[Law, bool | Breaks]] = {
        Law.IDEMPOTENT: HOLDS,
        Law.LINE_LOCAL: Breaks("\n\n", "of many blank lines one stays"),
        Law.KEEPS_HAN: HOLDS,
        Law.KEEPS_LENGTH: Breaks("字 ", "the trailing space goes"),
        Law.NEVER_GROWS: HOLDS,
        Law.KEEPS_LINES: Breaks("\n\n\n", "of many blank lines one stays"),
        Law.ONLY_DELETES: Breaks("一\N{IDEOGRAPHIC SPACE}二", "the plain space was not there"),
    }

    def wants(self, text: str) -> bool:
        if text[:1] in _ENDS or text[-1:] in _BLANK or text[-2:] == "\n\n" or _ODD_OR_BREAK.search(text):
            return bool(text)
        return any(pair in text for pair in _PAIRS)

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        text = page.text
        broken = [Edit(m.start(), m.end(), m[0], "\n", "space.break") for m in _BREAKS.finditer(text)]
        lines = apply(text, broken)
        spaced = list(_spaces(lines))
        tidy = apply(lines, spaced)
        blank = list(_blank_lines(tidy)) if "\n\n\n" in tidy or tidy[:1] == "\n" or tidy[-2:] == "\n\n" else []
        return compose(compose(broken, spaced), blank), (), {}


def _blank_lines(text: str) -> Iterator[Edit]:
    """Yield edits that leave no blank lines at the beginning, one line break at the end, and one blank line elsewhere."""
    head = len(text) - len(text.lstrip("\n"))
    tail = max(head, len(text.rstrip("\n")))
    if head:
        yield Edit(0, head, text[:head], "", "space.blank")
    for match in _MANY_BREAKS.finditer(text, head, tail):
        yield Edit(match.start() + 2, match.end(), match[0][2:], "", "space.blank")
    if len(text) - tail > 1:
        yield Edit(tail, len(text), text[tail:], "\n", "space.blank")


def _spaces(text: str) -> Iterator[Edit]:
    """Yield the edits of spaces: unusual ones anywhere, plain ones at the ends of lines."""
    runs: dict[int, tuple[int, str]] = {}
    if text[-1:] in (" ", "\t") or " \n" in text or "\t\n" in text:
        runs |= {m.start(): (m.end(), "space.trailing") for m in _TRAILING.finditer(text)}
    if text[:1] in (" ", "\t") or "\n " in text or "\n\t" in text:
        runs |= {m.start(): (m.end(), "space.indent") for m in _INDENT.finditer(text)}
    for match in _ODD_RUN.finditer(text):
        start, end = match.span()
        while start and text[start - 1] in " \t":
            start -= 1
        runs[start] = end, "space.odd"
    at = 0
    for start, (end, rule) in sorted(runs.items()):
        if start < at:  # plain spaces inside a run with other spaces
            continue
        at = end
        first, last = start == 0 or text[start - 1] == "\n", end == len(text) or text[end] == "\n"
        if rule == "space.odd" and not first and not last:
            yield Edit(start, end, text[start:end], " ", rule)
        else:
            yield Edit(start, end, text[start:end], "", "space.trailing" if last else "space.indent")


def normalize(text: str, *, width: str = "latin") -> str:
    """Normalise characters, widths (``"latin"``; ``"keep"`` leaves them), spaces and line breaks.

    >>> normalize("\N{IDEOGRAPHIC SPACE}\N{IDEOGRAPHIC SPACE}２０２４年")
    '2024年'
    """
    if width not in ("latin", "keep"):
        raise unknown("width", str(width), ("latin", "keep"))
    steps: list[PageTransform] = [Forms(), *([Width()] if width == "latin" else []), Spaces()]
    for step in steps:
        text = step(text)
    return text
