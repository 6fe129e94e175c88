"""Markup that a parser reads in the square of its length, and what is left out of it first.

By the standard of HTML a parser compares each attribute with those before it in its tag, looks for each formatting element through all
that are open, and opens these anew in every block: 20,000 attributes of one tag take 1 s, 200,000 would take two minutes; 5,000
pairs of ``<b id=1><p>`` become 200 MB. Browsers have bounds of their own. No page of the development set comes near these.

Tags are found wherever they seem to be, also in scripts and comments, where too long ones lose words that nobody sees: to know
the context would take a parser, and one that could be misled.
"""

from __future__ import annotations

import re
from itertools import accumulate, islice

__all__ = ["bounded"]

ATTRIBUTES = 1000  # of a tag; those beyond go
OPEN = 64  # formatting elements open at a time; those opened beyond go, their text stays
ROOTS = 64  # tags of html and body, all of whose attributes are those of one element; those beyond go
FEW_TAGS = 1000  # below, formatting elements cannot multiply by much

SPACE = r"[\t\n\f\r ]"
NAME = r"[^\t\n\f\r />]"
VALUE = r"\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+"
ATTRIBUTE = rf"(?:{SPACE}|/)*+{NAME}[^\t\n\f\r />=]*+(?:{SPACE}*+={SPACE}*+(?:{VALUE}))?+"
# Possessive throughout, so each character is read once. It stops in front of the first tag with too many attributes.
PLAIN = re.compile(rf"(?:[^<]++|<(?![A-Za-z])|<[A-Za-z]{NAME}*+(?:{ATTRIBUTE}){{0,{ATTRIBUTES}}}+(?!{ATTRIBUTE}))*+")
TAG = re.compile(rf"(<[A-Za-z]{NAME}*+(?:{ATTRIBUTE}){{0,{ATTRIBUTES}}}+)(?:{ATTRIBUTE})*+")
FORMATTING = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
# Both in one search, whose first letter spares it most tags. A start tag is "".
EITHER = re.compile(rf"<(?=/?[bcefhinstuBCEFHINSTU])(?:(/?)(?:{FORMATTING})|html|body)(?=[\t\n\f\r />])", re.IGNORECASE)
FORMAT_TAG = re.compile(rf"<(/?)(?:{FORMATTING})(?=[\t\n\f\r />])(?:{ATTRIBUTE})*+(?:{SPACE}|/)*+>?", re.IGNORECASE)
ROOT_TAG = re.compile(rf"<(?:html|body)(?=[\t\n\f\r />])(?:{ATTRIBUTE})*+(?:{SPACE}|/)*+>?", re.IGNORECASE)


def bounded(markup: str) -> str:
    r"""Return markup without what its parser would take the square of its length for; nearly all pages as they are.

    >>> long = "<p " + " ".join(f"a{n}" for n in range(5000)) + ">春天</p>"
    >>> len(long), len(bounded(long)), bounded(long)[-11:]
    (28899, 4899, 'a999>春天</p>')
    """
    if len(markup) <= 2 * ATTRIBUTES:
        return markup
    if not PLAIN.fullmatch(markup):
        markup = TAG.sub(r"\1", markup)
    if markup.count("<") <= FEW_TAGS:
        return markup
    if max(accumulate(-1 if end else 1 for end in EITHER.findall(markup)), default=0) <= OPEN:
        return markup
    markup = FORMAT_TAG.sub(_Depth(), markup)
    roots = list(islice(ROOT_TAG.finditer(markup), ROOTS + 1))
    if len(roots) > ROOTS:
        markup = markup[: roots[-1].start()] + ROOT_TAG.sub("", markup[roots[-1].start() :])
    return markup


class _Depth:
    """Drops the start tags of formatting elements beyond `OPEN`."""

    def __init__(self) -> None:
        self._open = 0

    def __call__(self, tag: re.Match[str]) -> str:
        if tag[1]:
            self._open = max(0, self._open - 1)
        elif self._open >= OPEN:
            return ""
        else:
            self._open += 1
        return tag[0]
