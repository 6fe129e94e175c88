"""Fallbacks for a document without visible text: hidden elements, ``<noscript>``, templates, the data of its scripts.

A reader with scripts sees their content, so they are used only if the visible lines have no continuous text, and a flag records it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cleantext.html.formulas import small_letters, with_formulas
from cleantext.html.parsing.block_elements import names_of
from cleantext.html.parsing.bounds import NOSCRIPT
from cleantext.html.parsing.class_words import class_words, word_set
from cleantext.html.parsing.visible_lines import Line, Read, read_lines
from cleantext.html.streamed import with_streamed

__all__ = ["read_document"]

STORY = 50  # minimum letters of sentences that a page shows; with less, its hidden parts are examined
MORE = 2  # minimum ratio of letters of sentences in the fallback to those shown
MARKED = re.compile(r"[。！？；，、]|[.!?,;:](?:\s|$)")

OPENS = re.compile(
    r"[\[【(（]?(?:点击)?(?:展开|展開|查看|阅读|閱讀|显示|顯示)(?:阅读|閱讀|剩余|剩餘|余下|更多|全部|全文|内容|內容|后文){1,4}[\])）】]?|(?:read|show|continue|view|see) (?:full|more|reading|all)(?: \w+)?",
    re.IGNORECASE,
)
LONGEST_LINK = 40  # characters of such a link
# The tab of a product page with its parameters, and class names of the panel that it opens.
PANEL = re.compile(
    r">\s*(?:商品|产品|產品|详细|詳細|技术|技術|基本)?(?:规格|規格|参数|參數|配置)(?:与包装|与参数|參數|参数|表)?\s*<|>\s*(?:tech(?:nical)? )?spec(?:ification)?s\s*<",
    re.IGNORECASE,
)
PANEL_MARKS = [mark.encode() for mark in ("规格", "規格", "参数", "參數", "配置", "spec")]
PANEL_WORDS = word_set("panel pane tab tabs tabcon tabcontent switchable")
LEAST_ROWS, SHARE_OF_ROWS = 4, 0.4  # of a panel of parameters
# Targets of the button of an accordion or the handle of a tab: by WAI-ARIA, or as in Bootstrap.
CONTROLS = re.compile(r"-(?:(?<=\baria-)controls|(?<=\bdata-)(?:bs-)?target)\s*=\s*[\"']?#?([\w:.-]{1,80})", re.IGNORECASE)
CONTROL_MARKS = (b"aria-controls", b"data-target", b"data-bs-target")
NO_PANEL = word_set(
    "modal dialog popup popover cookie cookies consent login signin nav navbar menu submenu dropdown cart search offcanvas drawer header footer"
)
STATE = re.compile(
    r"<script\b(?=[^<>]*\bid=[\"']?__(?:NEXT|NUXT)_DATA__)[^<>]*+>|\b__(?:INITIAL|PRELOADED|APOLLO)_STATE__[\"']?\]?\s*=\s*(?=\{)"
)
BODIES = frozenset(("articlebody", "body", "content", "contenthtml", "contents", "html", "htmlbody", "text", "detail", "articlecontent"))
MARKUP = re.compile(r"</?(?:p|div|br|h[1-6]|ul|li|span|table|img|strong)\b[^<>]*+>", re.IGNORECASE)
DEEPEST, MOST_STATE = 40, 5_000_000  # limits for searching the data of scripts
TEMPLATE = re.compile(r"<(/?)template(?![\w-])", re.IGNORECASE)


def read_document(markup: str) -> Read:
    """Return the visible lines of a document; if they have no continuous text, the content for scripts, or for browsers without scripts."""
    markup = with_streamed(markup)
    lowered = small_letters(markup)
    markup = with_formulas(markup, lowered)
    read, hidden = read_lines(markup)
    shown = story(read.lines)
    if hidden and any(OPENS.fullmatch(line.text) for line in read.lines if len(line.text) <= LONGEST_LINK):
        read = _opened(read, markup)
    if hidden and not read.flags:
        named = _controlled(markup) if any(mark in lowered for mark in CONTROL_MARKS) else frozenset()
        if named or (any(mark in lowered for mark in PANEL_MARKS) and PANEL.search(markup)):
            read = _with_panels(read, markup, named)
    if hidden and shown < STORY and not read.flags:
        other, _ = read_lines(markup, keep_hidden=True)
        if story(other.lines) > MORE * shown:
            read = replace(other, flags=("html_hidden",))
            shown = story(read.lines)
    for pattern, flag in ((NOSCRIPT, "html_noscript"), (TEMPLATE, "html_template")):
        if shown < STORY and pattern.search(markup):
            other, _ = read_lines(pattern.sub(r"<\1div", markup))
            if story(other.lines) > MORE * shown:
                read, shown = replace(other, flags=(flag,)), story(other.lines)
    if shown < STORY:
        for text, flag in ((_longest(_bodies(read.json_ld)), "html_json_ld"), (_longest(_states(markup)), "html_state")):
            lines = _lines_of(text)
            if story(lines) > max(MORE * shown, STORY):
                return replace(read, lines=[*read.lines, *lines], flags=(flag,))
    return read


def _opened(read: Read, markup: str) -> Read:
    """Return a document with the hidden rest of its text, which a link before or after it opens."""
    full, hidden = _with_hidden(read, markup)
    if not hidden:
        return read
    keep = [not h for h in hidden]
    lo = 0
    for hi in range(1, len(hidden) + 1):
        if hi < len(hidden) and hidden[hi] == hidden[lo]:
            continue
        beside = [line.text for line in (*full.lines[max(0, lo - 1) : lo], *full.lines[hi : hi + 1])]
        if (
            hidden[lo]
            and any(OPENS.fullmatch(text) for text in beside)
            and story(full.lines[max(0, lo - 3) : lo])
            and story(full.lines[lo:hi])
        ):
            keep[lo:hi] = [True] * (hi - lo)
        lo = hi
    if sum(keep) == len(read.lines):
        return read
    return replace(read, lines=[line for line, k in zip(full.lines, keep, strict=True) if k], flags=("html_hidden",))


def _with_hidden(read: Read, markup: str) -> tuple[Read, list[bool]]:
    """Return a document with everything that it hides, and which of its lines are hidden; no lines if that cannot be determined."""
    full, _ = read_lines(markup, keep_hidden=True)
    shown = iter([*read.lines, None])
    wanted = next(shown)
    hidden = []
    for line in full.lines:
        hidden.append(wanted is None or line.text != wanted.text)
        if not hidden[-1]:
            wanted = next(shown)
    return full, hidden if wanted is None else []  # hidden cells change a row


def _controlled(markup: str) -> frozenset[str]:
    """Return the ids of elements that a control of the page opens."""
    return frozenset(names_of(name, "")[1:] for name in set(CONTROLS.findall(markup)))  # in the form used in steps of paths


def _with_panels(read: Read, markup: str, named: frozenset[str]) -> Read:
    """Return a document with the panels that it hides until a control is used: those ``named`` that have continuous text, and parameters of a product."""
    full, hidden = _with_hidden(read, markup)
    keep = [not h for h in hidden]
    panels: dict[str, list[int]] = {}
    opened: dict[str, list[int]] = {}
    for i, line in enumerate(full.lines if hidden else ()):
        if hidden[i]:
            if path := _opens(line.path, named):
                opened.setdefault(path, []).append(i)
            elif path := _panel(line.path):
                panels.setdefault(path, []).append(i)
    for rows in panels.values():
        found = sum("\t" in full.lines[i].text for i in rows)
        if found >= max(LEAST_ROWS, SHARE_OF_ROWS * len(rows)):
            for i in rows:
                keep[i] = True
    shown = {_opens(line.path, named) for line, h in zip(full.lines, hidden, strict=False) if not h} if opened else set()
    for path, rows in opened.items():  # no control opens the hidden part of an element that is otherwise visible
        if path not in shown and story(full.lines[i] for i in rows):
            for i in rows:
                keep[i] = True
    if sum(keep) == len(read.lines) or not hidden:
        return read
    return replace(read, lines=[line for line, k in zip(full.lines, keep, strict=True) if k], flags=("html_hidden",))


def _opens(path: str, named: frozenset[str]) -> str:
    """Return the path up to the outermost element that a control opens; empty if there is none, or if it is a menu or a dialog."""
    if not named:
        return ""
    steps = path.split("/")
    names = [step.partition("[")[0] for step in steps]
    if any(not NO_PANEL.isdisjoint(class_words(name)) for name in names):
        return ""
    at = next((k for k, name in enumerate(names, 1) if name.partition("#")[2].partition(".")[0] in named), 0)
    return "/".join(steps[:at])


def _panel(path: str) -> str:
    """Return the path up to the innermost element that is named as a panel; empty if there is none."""
    steps = path.split("/")
    for k in range(len(steps), 0, -1):
        if not PANEL_WORDS.isdisjoint(class_words(steps[k - 1].partition("[")[0])):
            return "/".join(steps[:k])
    return ""


def _bodies(scripts: Iterable[str]) -> Iterator[str]:
    """Yield the texts of articles in JSON-LD."""
    for script in scripts:
        try:
            found = json.loads(script, strict=False)
        except (ValueError, RecursionError):
            continue
        yield from _strings(found, frozenset(("articlebody",)))


def _states(markup: str) -> Iterator[str]:
    """Yield possible texts of articles in the data from which scripts render the page."""
    if "_DATA__" not in markup and "_STATE__" not in markup:
        return
    for match in STATE.finditer(markup):
        try:
            found, _ = json.JSONDecoder(strict=False).raw_decode(markup[match.end() : match.end() + MOST_STATE].lstrip())
        except (ValueError, RecursionError):
            continue
        yield from _strings(found, BODIES)


def _strings(value: Any, names: frozenset[str], name: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the strings under one of some names."""
    if isinstance(value, str):
        if name in names:
            yield value
    elif depth < DEEPEST and isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, names, str(key).lower().replace("_", ""), depth + 1)
    elif depth < DEEPEST and isinstance(value, list):
        for inner in value:
            yield from _strings(inner, names, name, depth + 1)


def _longest(texts: Iterable[str]) -> str:
    return max(texts, key=len, default="")


def _lines_of(text: str) -> list[Line]:
    """Return the lines of a text or markup in a script, like those of an article."""
    found = (
        read_lines(text)[0].lines if MARKUP.search(text) else [Line(t.strip(), "p", (), 0.0, "body") for t in text.split("\n") if t.strip()]
    )
    return [
        line._replace(
            tokens=("article", "body"),
            path=line.path.replace("body", "body/article.article-body[9999]", 1) + f"/p[{n}]" * (line.tag == "p" and line.path == "body"),
        )
        for n, line in enumerate(found, 1)
    ]


def story(lines: Iterable[Line]) -> int:
    """Return the number of letters in lines that have punctuation marks and are not links; a letter of a Latin word counts a third."""
    count = 0
    for line in lines:
        text = line.text
        if len(text) >= 12 and line.link_density < 0.5 and MARKED.search(text):
            count += len(text) if text[len(text) // 2] > "\u2e80" else len(text) // 3
    return count
