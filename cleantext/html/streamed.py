"""Parts of a page that its server sends after the rest: React streams them in hidden elements, and a script moves each to its place.

``<template id="B:0"></template>`` is the placeholder of ``<div hidden id="S:0">``, and so are ``P:1`` and ``S:1`` inside other parts (see
``renderToPipeableStream`` of react-dom). Without the script a reader would find the article hidden, or nothing at all.
"""

from __future__ import annotations

import re

__all__ = ["with_streamed"]

PART = re.compile(r'<div hidden(?:="")? id="S:([\w:-]{1,20})"[^<>]*+>')
PLACE = re.compile(r'<template id="[BP]:([\w:-]{1,20})">\s*+</template>')
TAG = re.compile(r"<(/?)div\b[^<>]*+>|<(?:script\b[^<>]*+>[^<]*+(?:<(?!/?script\b)[^<]*+)*+</script\s*>)", re.IGNORECASE)
DEEPEST = 50  # parts inside parts


def with_streamed(markup: str) -> str:
    """Return a document with its streamed parts in their places; unchanged without such parts.

    >>> with_streamed('<main><template id="B:0"></template></main><div hidden id="S:0"><p>花开了。</p></div>')
    '<main><p>花开了。</p></main>'
    """
    if not PART.search(markup):
        return markup
    parts: dict[str, str] = {}
    rest, at = [], 0
    while found := PART.search(markup, at):
        end = _end(markup, found.end())
        if end < 0:
            break
        parts[found[1]] = parts.get(found[1], "") + markup[found.end() : markup.rindex("<", 0, end)]
        rest.append(markup[at : found.start()])
        at = end
    rest.append(markup[at:])

    def placed(text: str, depth: int) -> str:
        return PLACE.sub(lambda m: placed(parts.pop(m[1]), depth + 1) if m[1] in parts and depth < DEEPEST else m[0], text)

    out = placed("".join(rest), 0)
    while parts:  # parts whose placeholder was not found
        part = parts.pop(next(iter(parts)))
        out += f"<div>{placed(part, 0)}</div>"
    return out


def _end(markup: str, at: int) -> int:
    """Return where a ``div`` element ends whose content starts at an offset; -1 if it does not end."""
    depth = 1
    for tag in TAG.finditer(markup, at):
        if tag[1] is not None:
            depth += -1 if tag[1] else 1
            if not depth:
                return tag.end()
    return -1
