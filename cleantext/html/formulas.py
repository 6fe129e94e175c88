r"""Formulas: each once, as TeX between dollar signs, before a document is parsed.

Pages hold a formula up to three times: as MathML for readers of screens, as boxes or a picture for the eye, and as TeX for the script
that drew it. What is seen depends on styles that are not here, and powers lose their place: :math:`10^{-4}` would read 10-4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

__all__ = ["small_letters", "with_formulas"]

# A document without any of these, in small letters, has no formulas; the small letter of the sign of Kelvin is a k.
MARKS = [mark.encode() for mark in ("<math", "katex", "\u212aatex", "mathjax", "math/tex", "mwe-math", "ztext-math", "<sup")]
PARTS_OF_MARKS = [re.compile(part) for part in (b"math", b"atex", b"<sup")]  # one stands in each: found in half the time that `in` takes
# No pattern reads beyond the next tag of its own name: markup that is never closed is read once, not once for each tag.
MOST_UNCLOSED = 20  # elements that draw formulas and are never closed: each is looked through to its end
WITHIN = r"([^<]*+(?:<(?!/?{0}\b)[^<]*+)*+)</{0}\s*>"
MATH = re.compile(r"<math\b([^<>]*+)>" + WITHIN.format("math"), re.IGNORECASE)
TEX = re.compile(
    r"<annotation\b(?=[^<>]*\bencoding\s*=\s*[\"']?application/x-tex)[^<>]*+>" + WITHIN.format("annotation"),
    re.IGNORECASE,
)
ALT = re.compile(r"\b(?:alttext|data-tex|data-formula|alt)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
SCRIPT = re.compile(r"<script\b(?=[^<>]*\btype\s*=\s*[\"']?math/tex)[^<>]*+>" + WITHIN.format("script"), re.IGNORECASE)
IMAGE = r"(?:[^<>]|<(?!img\b))*"  # what an alternative text says may hold <
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
    """Return a document in UTF-8, its letters of ASCII small: a third of the time that those of all Unicode take."""
    return markup.encode("utf-8", "surrogatepass").lower()


def with_formulas(markup: str, lowered: bytes = b"") -> str:
    """Return a document with each of its formulas once, as TeX; without formulas, as it is. ``lowered`` is what `small_letters` makes of it.

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
    """Take out elements that draw a formula; keep the TeX that their tags state."""
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
    """Return the end of the element that a tag opens; of one that is never closed, the end of its tag."""
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
    """Return the TeX of a MathML element: as it says itself, or as its parts say."""
    stated = TEX.search(match[2])
    return _dollars(unescape(stated[1]) if stated else _alt(match[1]) or _parts(match[2]))


def _dollars(tex: str) -> str:
    tex = BLANK.sub(" ", tex).strip()
    if style := STYLE.fullmatch(tex):
        tex = style[1].strip()
    return f"${escape(tex, quote=False)}$" if tex else ""


# What is done to a document with formulas, one thing behind another, each where one of some marks stands in it in small letters of ASCII.
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
UNUSUAL = re.compile("[\u0130\u0131\u017f\u212a]")  # what a pattern that ignores case takes for i, s or k, too

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
    """Return the TeX of the inside of a MathML element that states none."""
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
