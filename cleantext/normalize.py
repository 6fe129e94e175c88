"""Normalise characters, widths, spaces and line breaks, without any loss for the reader.

Never blanket NFKC: it would turn ① into 1, ㎡ into m2, … into ... and ： into :, which the seeds
show to be lossy on Chinese pages. NFC first, then tables that say what they do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32, Changes, Ragged, code_points
from cleantext.edits import Edit, apply, compose, trimmed
from cleantext.errors import unknown
from cleantext.fold import later
from cleantext.gate import all_but, table_of
from cleantext.jit import kernel, kernel_beside
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


_BREAK = "\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
_BREAKS = re.compile(rf"[\r{_BREAK}](?:(?<=\r)\n)?")
_MANY_BREAKS = re.compile("\n{3,}")
# Classes of characters, the first for all others. Of the last a Chinese paragraph starts.
_OTHER, _PLAIN, _ODD, _FEED, _OTHER_BREAK, _CJK = range(6)
_CLASSES = (
    (_PLAIN, "9 20"),
    (_ODD, "a0 1680 2000-200a 202f 205f 3000"),
    (_FEED, "a"),
    (_OTHER_BREAK, "b-d 1c-1e 85 2028-2029"),
)
_PARAGRAPHS = "2e80-9fff f900-faff ff01-ff60 20000-3ffff 201c 2018 300a 300c"
_KEPT, _INNER, _INDENT, _TRAILING = range(
    4
)  # what becomes of a run of spaces: it stays, is one plain space, goes from either end of a line
_RULES = ("", "space.odd", "space.indent", "space.trailing")


@lru_cache(maxsize=1)
def _classes() -> npt.NDArray[np.uint8]:
    table = np.where(table_of(_PARAGRAPHS), np.uint8(_CJK), np.uint8(_OTHER))
    for n, ranges in _CLASSES:
        table[table_of(ranges)] = n
    return table


def _space_runs_at_once(points: U32, classes: npt.NDArray[np.uint8], runs: I64) -> tuple[int, bool, bool]:
    """Do what `_space_runs` does, in NumPy."""
    found = classes.take(points)
    data, feed = found.tobytes(), bytes([_FEED])
    breaks, many = bytes([_OTHER_BREAK]) in data, data[:1] == feed or data[-2:] == 2 * feed or 3 * feed in data
    at = np.flatnonzero((found == _PLAIN) | (found == _ODD))
    if not len(at):
        return 0, breaks, many
    new = np.diff(at, prepend=-2) > 1
    low, high = at[new], at[np.append(new[1:], True)] + 1
    odd = np.logical_or.reduceat(found[at] == _ODD, np.flatnonzero(new))
    first, behind = (low == 0) | (found[low - 1] == _FEED), np.append(found, np.uint8(_FEED))[high]
    last, inner = behind == _FEED, np.where(odd, _INNER, _KEPT)
    kind = np.where(last, _TRAILING, np.where(first & (odd | (behind == _CJK)), _INDENT, inner))
    n = int((kind != _KEPT).sum())
    runs[:n] = np.stack([low, high, kind], 1)[kind != _KEPT]
    return n, breaks, many


@kernel_beside(_space_runs_at_once)
def _space_runs(points: U32, classes: npt.NDArray[np.uint8], runs: I64) -> tuple[int, bool, bool]:
    """Write start, end and kind of the runs of spaces that do not stay; return their number, and whether there are other breaks, or blank lines to go."""
    n = low = odd = feeds = 0
    breaks = False
    size = len(points)
    many = size > 0 and classes[np.int64(points[0])] == _FEED
    for i in range(size + 1):
        here = classes[np.int64(points[i])] if i < size else np.uint8(_FEED)
        if _PLAIN <= here <= _ODD:
            odd += here == _ODD
            continue
        if low < i:
            first = low == 0 or classes[np.int64(points[low - 1])] == _FEED
            kind = _TRAILING if here == _FEED else _INDENT if first and (odd > 0 or here == _CJK) else _INNER if odd > 0 else _KEPT
            if kind != _KEPT:
                runs[n, 0], runs[n, 1], runs[n, 2] = low, i, kind
                n += 1
            feeds = odd = 0
        low = i + 1
        feeds = feeds + 1 if here == _FEED else 0
        many = many or feeds > 2
        breaks = breaks or here == _OTHER_BREAK
    return n, breaks, many


FEW = 4  # pages that are not asked about first: `on_page` does not take longer


@kernel
def _untidy(points: U32, offsets: I64, classes: npt.NDArray[np.uint8], runs: I64, out: npt.NDArray[np.bool_]) -> None:
    """Note in ``out`` which texts have spaces or breaks to change; ``runs`` is room for those of the longest."""
    for i in range(len(out)):
        n, breaks, many = _space_runs(points[offsets[i] : offsets[i + 1]], classes, runs)
        out[i] = n > 0 or breaks or many


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

    def run_some(self, pages: Sequence[Page], which: Iterable[int]) -> Changes:
        asked = list(which)
        if len(asked) <= FEW:
            return super().run_some(pages, asked)
        column = Ragged.of([pages[i].text for i in asked])
        runs = np.empty((int(np.diff(column.offsets).max(initial=0)) // 2 + 1, 3), np.int64)
        untidy = np.zeros(len(asked), np.bool_)
        _untidy.sized(len(column.points))(column.points, column.offsets, _classes(), runs, untidy)
        return super().run_some(pages, [asked[k] for k in np.flatnonzero(untidy).tolist()])

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        text = page.text
        edits, breaks, many = _spaces(text)
        if breaks:
            broken = [Edit(m.start(), m.end(), m[0], "\n", "space.break") for m in _BREAKS.finditer(text)]
            text = apply(text, broken)
            edits, _, many = _spaces(text)
        if edits:
            text = apply(text, edits)
            many = "\n\n\n" in text or text[:1] == "\n" or text[-2:] == "\n\n"
        all_edits: Sequence[Edit] = compose(broken, edits) if breaks else edits
        return compose(all_edits, list(_blank_lines(text))) if many else all_edits, (), {}


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


def _spaces(text: str) -> tuple[list[Edit], bool, bool]:
    """Return the edits of spaces: unusual ones anywhere, plain ones at the ends of lines; and whether there are other breaks, or blank lines to go."""
    runs = np.empty((len(text) // 2 + 1, 3), np.int64)
    n, breaks, many = _space_runs.sized(len(text))(code_points(text), _classes(), runs)
    found = runs[:n].tolist()
    return [Edit(low, high, text[low:high], " " if kind == _INNER else "", _RULES[kind]) for low, high, kind in found], breaks, many


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
