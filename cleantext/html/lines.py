"""The visible lines of an HTML document, read from the parser's events.

libxml2's HTML parser (through lxml) repairs the nesting and calls one method for each start tag,
end tag and run of text. No tree is built, so that neither memory nor recursion grows with depth.
Measured on the development pages (6.3 MB, one core): parsing with events alone 142 MB/s, a tree of lxml 162 and its
walk 116, lexbor's tree 227; the work in Python for each line outweighs all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from cleantext.html.frames import WORDS, Frame, names_of
from cleantext.html.tags import BLOCK_TAG, BREAK_TAG, EMBEDDED, FOLDED, KIND, META_TAG, PARTS, SPECIAL, UNSEEN_TAG
from cleantext.html.words import class_words

__all__ = ["Line", "Read", "read_lines"]

HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)  # not visibility: WeChat hides every article that way until its script has run
SPACE = re.compile(r"[ \t\n\r\f]+")
# A line break in the source between two wide characters is no space (CSS Text 3, 4.1.3); Hangul has spaces of its own.
WIDE = "\u2e80-\u312f\u31a0-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
BROKEN = re.compile(rf"(?<=[{WIDE}])[ \t]*[\r\n]\s*(?=[{WIDE}])")
SENTENCE = re.compile("[。！？；，、]")
STOP = re.compile("[。！？；]")
LINE_BREAK = re.compile(r"\r\n?|\n")
LINK_EDGE, PART_EDGE = "\0", "\1"  # ends of links and of named parts while a line is collected; the input loses its own
ROW_LINES, ROW_CHARS, CELL_CHARS = (
    4,
    400,
    120,
)  # a cell with more lines, a longer one, or longer ones is a column of the layout, not of data


class Line(NamedTuple):
    """One visible line and its evidence, as in `cleantext.transform.Block`."""

    text: str
    tag: str
    tokens: tuple[str, ...]
    link_density: float
    path: str


class Part(NamedTuple):
    """An inline element whose name says what it holds, such as ``<span class="source">``."""

    line: int
    words: tuple[str, ...]
    text: str


@dataclass(slots=True)
class Read:
    """What one pass over a document found."""

    lines: list[Line] = field(default_factory=list)
    title: str = ""
    meta: list[tuple[str, str]] = field(default_factory=list)  # (name in small letters, content)
    json_ld: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


def read_lines(markup: str) -> Read:
    """Return the visible lines of ``markup`` and what its head says.

    Where the markup hides more sentences than it shows, its scripts would show them: then what is
    hidden is read too.
    """
    data = markup.replace(LINK_EDGE, "").replace(PART_EDGE, "").encode("utf-8", "replace")
    seen = _collect(data, keep_hidden=False)
    if seen.hidden_marks and seen.hidden_marks > 2 * sum(len(SENTENCE.findall(line.text)) for line in seen.read.lines):
        seen = _collect(data, keep_hidden=True)
    return seen.read


def _collect(data: bytes, *, keep_hidden: bool) -> _Collector:
    from lxml import etree

    collector = _Collector(keep_hidden)
    parser = etree.HTMLParser(target=collector, encoding="utf-8", huge_tree=True)
    try:
        parser.feed(data)
        parser.close()
    except etree.LxmlError:  # nothing that could be called markup; what came before it was collected
        collector.close()
    return collector


class _Row:
    """An open table row: where its cells begin in the list of lines."""

    __slots__ = ("cells", "frame", "layout")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.cells: list[int] = []
        self.layout = False


class _Collector:
    """Target of the parser: gathers lines."""

    def __init__(self, keep_hidden: bool) -> None:  # noqa: FBT001
        self.read = Read()
        self.hidden_marks = 0
        self._keep_hidden = keep_hidden
        self._root = Frame("body", "", None, 0)
        self._frames = [self._root]
        self._rows: list[_Row] = []
        self._text: list[str] = []
        self._chars = self._linked = 0
        self._inline: tuple[str, ...] = ()  # words of the inline elements of the line
        self._links = self._skip = self._pre = 0
        self._open: list[
            tuple[bool, tuple[tuple[str, ...], int] | None]
        ] = []  # of each inline element: is it a link; if a part, words and start
        self._raw = ""  # "title" or "json" while their text comes
        self._hiding = False
        self._term: int | None = None  # index of the line of a <dt> that waits for its <dd>

    # Events of the parser

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._skip:
            self._skip += 1
            return
        kind = KIND.get(tag, 0)
        if kind == UNSEEN_TAG:
            self._skip = 1
            self._open_raw(tag, attributes)
            if tag in EMBEDDED:
                self._flush()
            return
        if attributes and ("style" in attributes or "hidden" in attributes) and self._hides(tag, attributes):
            self._skip, self._hiding = 1, True
            if kind == BLOCK_TAG:
                self._flush()
        elif kind == BLOCK_TAG or (not kind and "-" in tag):
            self._open_block(tag, attributes)
        elif not kind:
            self._open_inline(tag, attributes)
        elif kind == BREAK_TAG:
            self._break()
        elif kind == META_TAG:
            self._meta(attributes)

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
            if not self._skip:
                self._raw, self._hiding = "", False
            return
        kind = KIND.get(tag, 0)
        if kind == BLOCK_TAG or (not kind and "-" in tag):
            self._close_block(tag)
        elif not kind:
            self._close_inline()

    def data(self, text: str) -> None:
        if self._skip:
            if self._raw:
                self._take_raw(text)
            elif self._hiding:
                self.hidden_marks += len(SENTENCE.findall(text))
            return
        if size := len(text.strip()):
            self._chars += size
            if self._links:
                self._linked += size
        elif not self._text:
            return  # blanks between blocks
        self._text.append(text)

    def comment(self, text: str) -> None:
        """Take no notice of a comment."""

    def pi(self, target: str, data: str | None = None) -> None:
        """Take no notice of a processing instruction."""

    def close(self) -> None:
        self._flush()

    def _hides(self, tag: str, attributes: Mapping[str, str]) -> bool:
        if self._keep_hidden or tag in FOLDED:
            return False
        return "hidden" in attributes or HIDDEN.search(attributes["style"]) is not None

    # Inline elements

    def _open_inline(self, tag: str, attributes: Mapping[str, str]) -> None:
        link, part = tag == "a" and "href" in attributes, None  # <a name> is a target, often never closed
        self._links += link
        if attributes and ("class" in attributes or "id" in attributes):
            words = class_words(f"{attributes.get('class', '')[:100]} {attributes.get('id', '')[:60]}")
            if len(self._inline) < 8:
                self._inline += words
            if not PARTS.isdisjoint(words):
                self._text.append(PART_EDGE)
                part = words, len(self._text)
        self._open.append((link, part))

    def _close_inline(self) -> None:
        link, part = self._open.pop() if self._open else (False, None)
        if link:
            self._links -= 1
            self._text.append(LINK_EDGE)
        if part and len(self._text) < part[1] + 20:
            text = "".join(self._text[part[1] :])  # empty where a block ended the line inside
            if 0 < len(text) < 80:
                self.read.parts.append(Part(len(self.read.lines), part[0], text.replace(LINK_EDGE, "").replace(PART_EDGE, " ").strip()))
        if part:
            self._text.append(PART_EDGE)

    # The head

    def _open_raw(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "title" and not self.read.title:
            self._raw = "title"
        elif tag == "script" and "ld+json" in attributes.get("type", ""):
            self._raw = "json"
            self.read.json_ld.append("")

    def _take_raw(self, text: str) -> None:
        if self._raw == "title":
            self.read.title += text
        else:
            self.read.json_ld[-1] += text

    def _meta(self, attributes: Mapping[str, str]) -> None:
        name = attributes.get("name") or attributes.get("property") or attributes.get("itemprop")
        content = attributes.get("content")
        if name and content:
            self.read.meta.append((name.strip().lower(), content.strip()))

    # Blocks

    def _open_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._text or self._inline:
            self._flush()
        parent = self._frames[-1]
        if tag in ("html", "head", "body"):
            self._frames.append(self._root)  # double and missing ones alike: the whole document is one body
            return
        parent.children += 1
        names = ""
        if attributes and ("class" in attributes or "id" in attributes):
            names = names_of(attributes.get("id", "")[:60], attributes.get("class", "")[:120])
        frame = Frame(tag, names, parent, parent.children)
        self._frames.append(frame)
        if tag in SPECIAL:
            self._open_special(tag, frame)

    def _open_special(self, tag: str, frame: Frame) -> None:
        if tag == "tr":
            if self._rows:
                self._rows[-1].layout = True
            self._rows.append(_Row(frame))
        elif tag == "pre":
            self._pre += 1
        elif tag == "dt":
            self._term = None
        elif self._rows:
            self._rows[-1].cells.append(len(self.read.lines))

    def _close_block(self, tag: str) -> None:
        if self._text or self._inline:
            self._flush()
        if len(self._frames) > 1:
            frame = self._frames.pop()
            if tag in SPECIAL or tag == "dd":
                self._close_special(tag, frame)

    def _close_special(self, tag: str, frame: Frame) -> None:
        if tag == "tr":
            if self._rows and self._rows[-1].frame is frame:
                self._close_row(self._rows.pop())
        elif tag == "dt":
            lines = self.read.lines
            self._term = len(lines) - 1 if lines and lines[-1].path == frame.location() else None
        elif tag == "dd":
            self._close_definition(frame)
        elif tag == "pre":
            self._pre -= 1

    def _close_row(self, row: _Row) -> None:
        """Make one line of the row, unless the table only lays out the page."""
        lines, cells = self.read.lines, row.cells
        if row.layout or len(cells) < 2:
            return
        bounds = [*cells, len(lines)]
        texts = []
        for low, high in pairwise(bounds):
            text = " ".join(line.text for line in lines[low:high])
            if high - low > ROW_LINES or len(text) > (ROW_CHARS if high - low < 2 else CELL_CHARS):
                return
            texts.append(text)
        text = "\t".join(texts).strip()
        if text:
            self._join(cells[0], "tr", row.frame, text)

    def _close_definition(self, frame: Frame) -> None:
        """Join a term and its one-line definition, as in the fact boxes of encyclopedias."""
        lines, term = self.read.lines, self._term
        self._term = None
        if term is None or not 2 <= len(lines) - term <= ROW_LINES + 1 or len(lines[term].text) > 40:
            return
        text = " ".join(line.text for line in lines[term + 1 :])
        if len(text) <= ROW_CHARS:
            self._join(term, "dd", frame, f"{lines[term].text}\t{text}")

    def _join(self, first: int, tag: str, frame: Frame, text: str) -> None:
        lines = self.read.lines
        chars = sum(len(line.text) for line in lines[first:])
        density = sum(line.link_density * len(line.text) for line in lines[first:]) / chars
        lines[first:] = [Line(text, tag, frame.words(), round(density, 3), frame.location())]

    # Lines

    def _break(self) -> None:
        if self._pre:
            self._text.append("\n")
        else:
            self._flush()

    def _flush(self) -> None:
        """End the line."""
        if not self._chars:
            self._text.clear()
            self._inline = ()
            return
        text = "".join(self._text)
        self._text.clear()
        density, inline = round(self._linked / self._chars, 3), self._inline
        self._chars = self._linked = 0
        self._inline = ()
        # Links that touch are a menu, parted by its style sheet; in a sentence they stay together.
        if density <= 0.8 and LINK_EDGE in text:
            text = text.replace(LINK_EDGE, "")
        sentence = STOP.search(text) is not None
        if sentence and not self._pre:
            text = BROKEN.sub("", text)
        if LINK_EDGE in text:
            text = text.replace(LINK_EDGE, " ")
        if PART_EDGE in text:
            text = text.replace(PART_EDGE, "" if sentence or len(text) > 120 else " ")
        frame = self._frames[-1]
        tokens, path = frame.words(), frame.location()
        if inline:
            tokens = tuple(dict.fromkeys((*inline, *tokens)))[:WORDS]
        for line in LINE_BREAK.split(text) if self._pre else (SPACE.sub(" ", text).strip(),):
            if line.strip():
                self.read.lines.append(Line(line.rstrip(), frame.tag, tokens, density, path))
