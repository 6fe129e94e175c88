"""Markup for which a parser needs quadratic time: the excess is removed before parsing.

By the HTML standard, a parser compares each attribute with the previous ones in its tag, searches all open elements,
and reopens formatting elements in every block: 20,000 attributes of one tag take 1 s, 200,000 would take two minutes; 5,000
pairs of ``<b id=1><p>`` become 200 MB. Browsers have limits, too. No page of the development set comes near these.

Nearly all pages have too few tags to exceed the limits, and only that is tested for them: the limits are applied if the work could be large.
"""

from __future__ import annotations

import re
from itertools import islice

from cleantext.html.parsing.nesting import ATTRIBUTE, FORMATTING, NAME, SPACE, cut

__all__ = ["NOSCRIPT", "bounded", "canonical"]

NOSCRIPT = re.compile(r"<(/?)noscript(?![\w-])", re.IGNORECASE)

ATTRIBUTES = 1000  # of a tag; the others are removed
DEEPEST = 512  # elements open at a time, as in Chromium; the tags of deeper ones are removed, their text is kept
OPEN = 64  # formatting elements open at a time; likewise
ROOTS = 64  # tags of html and body, all of whose attributes belong to one element, and of framesets; the others are removed
SHORT = 2000  # characters of markup in which the work cannot become large
STEPS = 30_000_000  # from element to element for all tags, 0.15 s
COPIES = 1_000_000  # of formatting elements, 200 MB
WINDOW, DENSE = 8192, 16  # characters; windows that tags with many attributes may fill: 20,000 attributes, which take 1 s

# Possessive throughout, so each character is read once. It stops before the first tag with too many attributes.
PLAIN = re.compile(rf"(?:[^<]++|<(?![A-Za-z])|<[A-Za-z]{NAME}*+(?:{ATTRIBUTE}){{0,{ATTRIBUTES}}}+(?!{ATTRIBUTE}))*+")
TAG = re.compile(rf"(<[A-Za-z]{NAME}*+(?:{ATTRIBUTE}){{0,{ATTRIBUTES}}}+)(?:{ATTRIBUTE})*+")
ROOT_TAG = re.compile(rf"<(?:html|body|frameset)(?=[\t\n\f\r />])(?:{ATTRIBUTE})*+(?:{SPACE}|/)*+>?", re.IGNORECASE)
# Each begins with something that is found fast
TAG_END = re.compile(r"\">(?<=[^\s=]\">)")  # of any tag that is open here, unless in a value in single quotes
OPENS_VALUE = re.compile(r"'(?<=[=\s]')")
FORMATS = sorted(FORMATTING - {"a"})  # a link ends the previous one
ANY_CASE = ("".join(f"[{c}{c.upper()}]" for c in name) for name in FORMATS)  # faster than a pattern that ignores case
FORMATTING_TAG = re.compile(rf"<(?=[{''.join(sorted({n[0] + n[0].upper() for n in FORMATS}))}])(?:{'|'.join(ANY_CASE)})(?=[\t\n\f\r />])")
# A formatting element that contains only text, which is never reopened
CLOSED_AT_ONCE = re.compile(
    rf"<({'|'.join(FORMATS)})(?=[\t\n\f\r />])(?:{ATTRIBUTE})*+{SPACE}*+>[^<]*+</\1(?=[\t\n\f\r />])", re.IGNORECASE
)


def bounded(markup: str) -> str:
    r"""Return markup without the parts for which its parser would need quadratic time; nearly all pages are unchanged.

    >>> long = "<p " + " ".join(f"a{n}" for n in range(200_000)) + ">春天</p>"
    >>> len(long), len(bounded(long)), bounded(long)[-11:]
    (1488899, 4899, 'a999>春天</p>')
    """
    if len(markup) <= SHORT:
        return markup
    if _has_dense_tags(markup) and not PLAIN.fullmatch(markup):
        markup = TAG.sub(r"\1", markup)
    if _multiplies(markup):
        markup = cut(markup, deepest=DEEPEST, formatting=OPEN)
        roots = list(islice(ROOT_TAG.finditer(markup), ROOTS + 1))
        if len(roots) > ROOTS:
            markup = markup[: roots[-1].start()] + ROOT_TAG.sub("", markup[roots[-1].start() :])
    return markup


def _has_dense_tags(markup: str) -> bool:
    """Return whether there could be a tag whose attributes fill more than about `DENSE` windows."""
    dense = 0
    if len(markup) <= DENSE * WINDOW:
        return False
    for start in range(0, len(markup), WINDOW):
        dense += not _ends_tags(markup[start : start + WINDOW])
        if dense > DENSE:
            return True
    return False


def _ends_tags(window: str) -> bool:
    """Return whether a tag that is open before these characters certainly ends in them, or has no attribute there."""
    end = TAG_END.search(window)
    single = window.find("'")
    if not end or single < 0:
        return end is not None
    single = window.find("'", end.end())  # the end of a single-quoted value, if one was open there
    again = TAG_END.search(window, single + 1) if single >= 0 else None
    return again is not None and not OPENS_VALUE.search(window, single, again.end())


def _multiplies(markup: str) -> bool:
    """Return whether a parser could take many steps between elements, or reopen formatting elements often."""
    tags = markup.count("<")
    if tags * tags <= 4 * COPIES:
        return False
    if tags * tags > STEPS and (tags - markup.count("</")) * tags > STEPS:
        return True
    found = [tag.start() for tag in FORMATTING_TAG.finditer(markup)]
    if len(found) <= max(OPEN, COPIES // tags):
        return False
    most = max(OPEN, COPIES // max(tags - markup.count("</"), 1))
    return len(found) > most and sum(1 for start in found if not CLOSED_AT_ONCE.match(markup, start)) > most


def canonical(markup: str, *, noscript: str = "template") -> str:
    """Return a document as its parser understands it.

    ``<noscript>`` is parsed as a template, since browsers run scripts and do not show it: otherwise the head of a page would end with
    its first ``<noscript>``. `cleantext.html.routes` reads it as another element.
    """
    from resiliparse.parse.html import HTMLTree

    markup = NOSCRIPT.sub(rf"<\1{noscript}", bounded(markup))
    try:
        return str(HTMLTree.parse(markup))
    except UnicodeEncodeError:  # a lone surrogate
        return str(HTMLTree.parse(markup.encode("utf-8", "replace").decode()))
