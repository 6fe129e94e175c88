"""The visible lines of an HTML document: two kernels read it (`tokens`, `scan`), and here their arrays become lines.

Rows of tables and terms with their definitions are also joined here, since that needs the texts of several lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from html import unescape
from itertools import pairwise
from typing import Any, NamedTuple

from cleantext.changes import I64, text_of
from cleantext.html.parsing.block_elements import WORDS, Frames
from cleantext.html.parsing.class_words import class_words
from cleantext.html.parsing.html_tokens import CLASS_CHARS, HI, IDENTITY, IDENTITY_CHARS, LO, PART, START, read_tokens
from cleantext.html.parsing.tags import CELL, META, PARTS, ROW, SCRIPT, TERM, TITLE, word_table
from cleantext.html.parsing.token_lines import CHARS, FRAME, LINKED, NAMES_HI, NAMES_LO, STOP_AT, TokenLines, scan

__all__ = ["Line", "PagePart", "Read", "read_lines"]

ROW_LINES, ROW_CHARS, CELL_CHARS = (
    4,
    400,
    120,
)  # a cell with more lines, a longer one, or longer lines is a column of the layout, not of data
TERM_CHARS = 40
APART = ("h1", "h2", "pre")  # a table with one of them in a cell is layout, not data: the title of a thread, code next to its line numbers
INLINE_WORDS = 8  # words of inline elements after which those of further ones are ignored
ATTRIBUTE = re.compile(r' ([^ =]+)="([^"]*)"')


class Line(NamedTuple):
    """One visible line and its evidence, as in `cleantext.transform.Block`."""

    text: str
    tag: str
    tokens: tuple[str, ...]
    link_density: float
    path: str


AS_LINE: Callable[[Iterable[Any]], Line] = partial(tuple.__new__, Line)  # half the time of a call with keyword arguments


class PagePart(NamedTuple):
    """An inline element whose name describes its content, such as ``<span class="source">``."""

    line: int
    words: tuple[str, ...]
    text: str


@dataclass(slots=True)
class Read:
    """The visible content of a document, and the metadata in its head."""

    lines: list[Line] = field(default_factory=list)
    title: str = ""
    meta: list[tuple[str, str]] = field(default_factory=list)  # (name in lower case, content)
    json_ld: list[str] = field(default_factory=list)
    parts: list[PagePart] = field(default_factory=list)
    flags: tuple[str, ...] = ()  # which fallback found the text, see `cleantext.html.routes`


def read_lines(markup: str, *, keep_hidden: bool = False) -> tuple[Read, int]:
    """Return the visible content of ``markup`` with the metadata of its head, and how many sentence marks it hides."""
    text, points, found, hidden = read_tokens(markup, word_table(PARTS), keep_hidden=keep_hidden)
    scanned = TokenLines(*scan.sized(len(points))(points, found))
    frames = Frames(text, found, scanned.frames)
    return _Events(text, found, scanned, frames).replay(_lines(text, found, scanned, frames)), hidden


def _lines(markup: str, found: I64, scanned: TokenLines, frames: Frames) -> list[Line]:
    """Return the lines made from the arrays of the kernel."""
    text, tags, words, paths = text_of(scanned.text), frames.tags, frames.words, frames.paths
    names = _names(markup, found.take(scanned.inlines, axis=0))
    stops, numbers, chars, linked, lows, highs = (
        scanned.lines[:, column].tolist() for column in (STOP_AT, FRAME, CHARS, LINKED, NAMES_LO, NAMES_HI)
    )
    texts = [text[low:stop] for low, stop in zip([0, *stops], stops, strict=False)]
    said = [
        _joined(_first_names(names, low, high), words[n]) if low < high else words[n]
        for n, low, high in zip(numbers, lows, highs, strict=True)
    ]
    density = [0.0 if not some else 1.0 if some == of else round(some / of, 3) for some, of in zip(linked, chars, strict=True)]
    return [*map(AS_LINE, zip(texts, [tags[n] for n in numbers], said, density, [paths[n] for n in numbers], strict=True))]


def _first_names(names: list[tuple[str, ...]], low: int, high: int) -> tuple[str, ...]:
    """Return the words of the first inline elements of a line."""
    inline = names[low]
    for more in names[low + 1 : high]:
        if len(inline) >= INLINE_WORDS:
            break
        inline += more
    return inline


@lru_cache(maxsize=16_384)
def _joined(inline: tuple[str, ...], around: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(inline + around))[:WORDS]


def _names(markup: str, rows: I64) -> list[tuple[str, ...]]:
    """Return the words of class and id of elements."""
    return [
        _words(markup[class_lo : min(class_hi, class_lo + CLASS_CHARS)], markup[id_lo : min(id_hi, id_lo + IDENTITY_CHARS)])
        for id_lo, id_hi, class_lo, class_hi in rows[:, IDENTITY:].tolist()
    ]


@lru_cache(maxsize=16_384)
def _words(classes: str, identity: str) -> tuple[str, ...]:
    return class_words(unescape(f"{classes} {identity}"))


class _Row:
    """An open table row: where its cells begin in the list of lines."""

    __slots__ = ("cells", "layout")

    def __init__(self) -> None:
        self.cells: list[int] = []
        self.layout = False


class _Events:
    """What occurs between the lines of a document, replayed when the lines are known."""

    def __init__(self, markup: str, found: I64, scanned: TokenLines, frames: Frames) -> None:
        self._markup = markup
        self._found = found
        self._events: list[list[int]] = scanned.events.tolist()
        self._said = text_of(scanned.said)
        self._frames = frames
        self._rows: list[_Row] = []
        self._term: int | None = None  # index of the line of a <dt> that waits for its <dd>
        self._read = Read()

    def replay(self, lines: list[Line]) -> Read:
        """Return what was read, with the ``lines`` of rows and definitions joined."""
        read, taken = self._read, 0
        for what, before, number, said_lo, said_hi in self._events:
            read.lines += lines[taken:before]
            taken = before
            if what & PART:
                (said,) = _names(self._markup, self._found[number : number + 1])
                read.parts.append(PagePart(len(read.lines), said, self._said[said_lo:said_hi].strip()))
            elif what & (META | TITLE | SCRIPT):
                self._head(what, self._markup[self._found[number, LO] : self._found[number, HI]])
            elif what & START:
                self._open(what)
            else:
                self._close(what, number)
        read.lines += lines[taken:]
        return read

    def _head(self, what: int, said: str) -> None:
        if what & SCRIPT:
            self._read.json_ld.append(said)
        elif what & TITLE:
            self._read.title = self._read.title or unescape(said)
        else:
            attributes = {name: unescape(value).strip() for name, value in ATTRIBUTE.findall(said)}
            name = attributes.get("name") or attributes.get("property") or attributes.get("itemprop")
            if name and (content := attributes.get("content")):
                self._read.meta.append((name.lower(), content))

    def _open(self, what: int) -> None:
        if what & ROW:
            if self._rows:
                self._rows[-1].layout = True
            self._rows.append(_Row())
        elif what & TERM:
            self._term = None
        elif what & CELL:
            self._rows[-1].cells.append(len(self._read.lines))

    def _close(self, what: int, frame: int) -> None:
        lines = self._read.lines
        if what & ROW:
            self._close_row(self._rows.pop(), frame)
        elif what & TERM:
            self._term = len(lines) - 1 if lines and lines[-1].path == self._frames.paths[frame] else None
        else:
            self._close_definition(frame)

    def _close_row(self, row: _Row, frame: int) -> None:
        """Join the row into one line, unless the table is only used for layout."""
        lines, cells = self._read.lines, row.cells
        if row.layout or len(cells) < 2:
            return
        if any(line.tag in APART for line in lines[cells[0] :]):
            return
        texts = []
        for low, high in pairwise((*cells, len(lines))):
            text = " ".join(line.text for line in lines[low:high])
            if high - low > ROW_LINES or len(text) > (ROW_CHARS if high - low < 2 else CELL_CHARS):
                return
            texts.append(text)
        text = "\t".join(texts).strip()
        if text:
            self._join(cells[0], frame, text)

    def _close_definition(self, frame: int) -> None:
        """Join a term and its one-line definition, as in the info boxes of encyclopedias."""
        lines, term = self._read.lines, self._term
        self._term = None
        if term is None or not 2 <= len(lines) - term <= ROW_LINES + 1 or len(lines[term].text) > TERM_CHARS:
            return
        text = " ".join(line.text for line in lines[term + 1 :])
        if len(text) <= ROW_CHARS:
            self._join(term, frame, f"{lines[term].text}\t{text}")

    def _join(self, first: int, frame: int, text: str) -> None:
        lines, frames = self._read.lines, self._frames
        chars = sum(len(line.text) for line in lines[first:])
        density = sum(line.link_density * len(line.text) for line in lines[first:]) / chars
        lines[first:] = [Line(text, frames.tags[frame], frames.words[frame], round(density, 3), frames.paths[frame])]
