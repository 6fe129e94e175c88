r"""Formulas: reduce each to one copy, as TeX between dollar signs, before a document is parsed.

Pages contain a formula up to three times: as MathML for screen readers, as boxes or a picture for display, and as TeX for the script
that rendered it. Which one is visible depends on style sheets that are not available, and superscripts are lost: :math:`10^{-4}` would become 10-4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

__all__ = ["small_letters", "with_formulas"]

# A document in lower case without any of these has no formulas; the lower-case form of the Kelvin sign is k.
MARKS = [mark.encode() for mark in ("<math", "katex", "\u212aatex", "mathjax", "math/tex", "mwe-math", "ztext-math", "<sup")]
PARTS_OF_MARKS = [re.compile(part) for part in (b"math", b"atex", b"<sup")]  # every mark contains one of these: twice as fast as `in`
# No pattern reads beyond the next tag of its own name, so unclosed markup is read once, not once for each tag.
MOST_UNCLOSED = 20  # maximum unclosed elements that render formulas: each is searched up to its end
WITHIN = r"([^<]*+(?:<(?!/?{0}\b)[^<]*+)*+)</{0}\s*>"
MATH = re.compile(r"<math\b([^<>]*+)>" + WITHIN.format("math"), re.IGNORECASE)
TEX = re.compile(
    r"<annotation\b(?=[^<>]*\bencoding\s*=\s*[\"']?application/x-tex)[^<>]*+>" + WITHIN.format("annotation"),
    re.IGNORECASE,
)
ALT = re.compile(r"\b(?:alttext|data-tex|data-formula|alt)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
SCRIPT = re.compile(r"<script\b(?=[^<>]*\btype\s*=\s*[\"']?math/tex)[^<>]*+>" + WITHIN.format("script"), re.IGNORECASE)
IMAGE = r"(?:[^<>]|<(?!img\b))*"  # an alternative text may contain <
PICTURE = re.compile(rf"<img\b(?={IMAGE}\b(?:mwe-math-fallback|eeimg|ee_img|data-formula|class=[\"']?latex)){IMAGE}+>", re.IGNORECASE)
STATED = re.compile(r"<(span|div)\b(?=[^<>]*\bclass=[\"'][^\"'<>]*\bztext-math\b)[^<>]*+>", re.IGNORECASE)
DRAWN = re.compile(
    r"<(span|div)\b(?=[^<>]*\bclass=[\"'][^\"'<>]*(?:\bkatex-html\b|\bMathJax(?:_Preview|_Display|_SVG)?\b|\bMJXc-display\b|\bmjx-chtml\b))[^<>]*+>",
    re.IGNORECASE,
)
CONTAINER = re.compile(r"<mjx-container\b" + WITHIN.format("mjx-container"), re.IGNORECASE)
STYLE = re.compile(r"\{\\(?:displaystyle|textstyle)\s*+(.*)\}", re.DOTALL)
POWER = re.compile(
    r"(?<![\d.,])(10|[2e])\s*<sup\b[^<>]*+>\s*([-−+]?\d{1,4})\s*</sup\s*>|(?<=[\d\w])<sup\b[^<>]*+>\s*([-−]\d{1,3})\s*</sup\s*>"
)
BLANK = re.compile(r"\s+")
TAG = re.compile(r"<(/?)(\w++)[^<>]*?(/?)>")


def small_letters(markup: str) -> bytes:
    """Return a document in UTF-8 with ASCII letters in lower case: a third of the time that Unicode lower-casing takes."""
    return markup.encode("utf-8", "surrogatepass").lower()


def with_formulas(markup: str, lowered: bytes = b"") -> str:
    """Return a document with one copy of each formula, as TeX; unchanged without formulas. ``lowered`` is the result of `small_letters`.

    >>> with_formulas('<p>误差 10<sup>-4</sup></p>')
    '<p>误差 10^-4</p>'
    """
    lowered = lowered or small_letters(markup)
    if not any(part.search(lowered) for part in PARTS_OF_MARKS) or not any(mark in lowered for mark in MARKS):
        return markup
    unusual = UNUSUAL.search(markup)
    for needles, change in CHANGES:
        if unusual or any(needle in lowered for needle in needles):
            markup = change(markup)
            lowered = small_letters(markup)
    return markup


def _cut(markup: str, opens: re.Pattern[str], *, keep: bool) -> str:
    """Remove elements that render a formula; keep the TeX in their tags."""
    parts, at, unclosed = [], 0, 0
    for match in opens.finditer(markup):
        if match.start() < at:
            continue
        if unclosed > MOST_UNCLOSED:
            break
        tex = _dollars(_alt(match[0])) if keep else ""
        if keep and not tex:
            continue
        parts += [markup[at : match.start()], tex]
        at = _end(markup, match)
        unclosed += at == match.end()
    return "".join((*parts, markup[at:]))


def _end(markup: str, opens: re.Match[str]) -> int:
    """Return the end of the element that a tag opens; if it is never closed, the end of its tag."""
    depth = 1
    for tag in re.compile(rf"<(/?){opens[1]}\b[^>]*>", re.IGNORECASE).finditer(markup, opens.end(), opens.end() + 200_000):
        depth += -1 if tag[1] else 1
        if not depth:
            return tag.end()
    return opens.end()


def _alt(tag: str) -> str:
    found = ALT.search(tag)
    return unescape(found[1] or found[2] or "") if found else ""


def _of_math(match: re.Match[str]) -> str:
    """Return the TeX of a MathML element: its annotation, its alternative text, or the conversion of its parts."""
    stated = TEX.search(match[2])
    return _dollars(unescape(stated[1]) if stated else _alt(match[1]) or _parts(match[2]))


def _dollars(tex: str) -> str:
    tex = BLANK.sub(" ", tex).strip()
    if style := STYLE.fullmatch(tex):
        tex = style[1].strip()
    return f"${escape(tex, quote=False)}$" if tex else ""


# The steps for a document with formulas, in order, each only if one of some marks is in it in lower-case ASCII.
CHANGES: tuple[tuple[tuple[bytes, ...], Callable[[str], str]], ...] = (
    ((b"<mjx-container",), lambda markup: CONTAINER.sub(lambda m: "".join(math[0] for math in MATH.finditer(m[0])), markup)),
    ((b"ztext-math",), lambda markup: _cut(markup, STATED, keep=True)),
    ((b"katex-html", b"mathjax", b"mjxc-display", b"mjx-chtml"), lambda markup: _cut(markup, DRAWN, keep=False)),
    ((b"math/tex",), lambda markup: SCRIPT.sub(lambda m: _dollars(unescape(m[1])), markup)),
    (
        (b"mwe-math-fallback", b"eeimg", b"ee_img", b"data-formula", b"latex"),
        lambda markup: PICTURE.sub(lambda m: _dollars(_alt(m[0])) or m[0], markup),
    ),
    ((b"<math",), lambda markup: MATH.sub(_of_math, markup)),
    ((b"<sup",), lambda markup: POWER.sub(lambda m: f"{m[1] or ''}^{m[2] or m[3]}", markup)),
)
UNUSUAL = re.compile("[\u0130\u0131\u017f\u212a]")  # also matched as i, s or k by a pattern that ignores case

TWO = {
    "msup": "{}^{{{}}}",
    "msub": "{}_{{{}}}",
    "mfrac": "\\frac{{{}}}{{{}}}",
    "mroot": "\\sqrt[{1}]{{{0}}}",
    "mover": "{}^{{{}}}",
    "munder": "{}_{{{}}}",
}
THREE = {"msubsup": "{}_{{{}}}^{{{}}}", "munderover": "{}_{{{}}}^{{{}}}"}


def _parts(inner: str) -> str:
    """Return the TeX for the content of a MathML element without a TeX annotation."""
    stack: list[tuple[str, list[str]]] = [("", [])]
    at = 0
    for tag in TAG.finditer(inner):
        text = unescape(inner[at : tag.start()]).strip()
        if text:
            stack[-1][1].append(text)
        at = tag.end()
        if tag[3]:
            continue
        if not tag[1]:
            stack.append((tag[2].lower(), []))
        elif len(stack) > 1:
            name, parts = stack.pop()
            form = TWO.get(name) if len(parts) == 2 else THREE.get(name) if len(parts) == 3 else None
            said = form.format(*parts) if form else "".join(parts)
            stack[-1][1].append(f"\\sqrt{{{said}}}" if name == "msqrt" else said)
    return "".join(part for _, parts in stack for part in parts) + unescape(inner[at:]).strip()
