"""Transform: the interface of everything that changes pages, and its laws.

A `Transform` is a frozen dataclass whose fields are its options. It has one definition,
`Transform.run`: a batch of pages in, `Changes` out. A call on one string, the edits of one string
and the bulk form all go through it.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from cleantext.changes import Changes
from cleantext.edits import Choice, Edit, OffsetMap, compose
from cleantext.errors import wrong_type

__all__ = [
    "HOLDS",
    "REGISTRY",
    "Block",
    "Breaks",
    "Cleaned",
    "Law",
    "Page",
    "PageTransform",
    "Safety",
    "Step",
    "Transform",
    "advance",
    "register",
]


class Block(NamedTuple):
    """A visible piece of a page and its origin in the HTML, used as evidence. Blocks tile the text."""

    start: int
    end: int
    tag: str = ""
    tokens: tuple[str, ...] = ()  # words of the attributes class and id, split at - _ and camelCase
    link_density: float = 0.0  # share of the block's characters inside links
    path: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    r"""One page: its text as read, and further information for Transforms.

    ``text`` is the decoded text, or all visible lines of an HTML document. ``html`` holds the
    blocks of an HTML document and is empty for plain text, where each line is a block.

    >>> page = Page("口岸\n開放")
    >>> [block.end for block in page.blocks], page.rebase([Edit(0, 3, "口岸\n", "", "mine")], "開放").text
    ([3, 5], '開放')
    """

    text: str
    id: str = ""
    url: str | None = None
    host: str | None = None
    html: tuple[Block, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks that tile ``text``: those of the HTML, or one a line (its line break included)."""
        return self.html or tuple(_lines(self.text))

    def rebase(self, edits: Sequence[Edit], text: str) -> Page:
        """Return the page after ``edits`` made ``text`` of its text; blocks still tile it.

        The output of an edit that crosses blocks belongs to the first of them; empty blocks are dropped.
        """
        if not self.html:  # dataclasses.replace would take four times as long, half the time for a short page
            return Page(text, self.id, self.url, self.host, (), self.metadata, self.flags)
        moved = OffsetMap(edits)
        ends = [moved.to_cleaned(0, block.end)[1] for block in self.html]
        starts = [0, *ends]
        kept = (b._replace(start=s, end=e) for b, s, e in zip(self.html, starts, ends, strict=False) if e > s)
        return replace(self, text=text, html=tuple(kept))


def _lines(text: str) -> Iterator[Block]:
    at = 0
    while at < len(text):
        stop = text.find("\n", at) + 1 or len(text)
        yield Block(at, stop)
        at = stop


class Law(enum.Enum):
    """A property that holds for every input. Each Transform states for each law whether it holds.

    >>> from cleantext.script import UnifyScript
    >>> UnifyScript().laws[Law.KEEPS_LENGTH], UnifyScript().laws[Law.KEEPS_HAN].example
    (True, '發展')
    """

    IDEMPOTENT = "t(t(x)) == t(x)"
    LINE_LOCAL = "t(a + newline + b) == t(a) + newline + t(b)"
    KEEPS_HAN = "the Han characters come out as they went in, in order"
    KEEPS_LENGTH = "as many characters come out as went in"
    NEVER_GROWS = "never more characters come out than went in"
    KEEPS_LINES = "as many line breaks come out as went in"
    ONLY_DELETES = "what comes out is a subsequence of what went in"


class Breaks(NamedTuple):
    """States that a law does not hold, with a counterexample (two lines for LINE_LOCAL; a page if its HTML matters) and the reason."""

    example: str | Page
    why: str


HOLDS = True
Laws = Mapping[Law, "bool | Breaks"]


class Safety(enum.Enum):
    """What a reader may lose by a Transform."""

    SAFE = "safe"  # the meaning is preserved
    LOSSY = "lossy"  # distinctions are merged, such as 乾 and 干
    AGGRESSIVE = "aggressive"  # may remove text that somebody wants


class Transform(ABC):
    """A change of pages that records what it changed. Subclasses are frozen dataclasses.

    >>> from cleantext.normalize import Width
    >>> Width()("１０月"), Width().edits("１０月")
    ('10月', (Edit(start=0, end=2, before='１０', after='10', rule='width.latin'),))
    """

    id: ClassVar[str]
    version: ClassVar[int]  # increased whenever outputs change
    safety: ClassVar[Safety]
    laws: ClassVar[Laws]
    rules: ClassVar[Mapping[str, str]]  # every rule id it may emit, and what it means

    @abstractmethod
    def run(self, pages: Sequence[Page]) -> Changes:
        """Return what this Transform changes on a batch. The one definition of what it does."""

    def fast(self, pages: Sequence[Page]) -> list[Page]:
        """Return the changed pages without a record. May be overridden; a law proves it equal to `run`."""
        return advance(pages, self.run(pages))

    def __call__(self, text: str, *, page: Page | None = None) -> str:
        """Return the changed text."""
        return self.fast([as_page(text, page)])[0].text

    def edits(self, text: str, *, page: Page | None = None) -> tuple[Edit, ...]:
        """Return the edits that change the text, sorted and disjoint."""
        return self.run([as_page(text, page)]).edits(0)

    def spec(self) -> dict[str, Any]:
        """Return id, version and options: equal specifications do equal work."""
        return {"use": self.id, "version": self.version, **{f.name: getattr(self, f.name) for f in fields(self)}}  # type: ignore[arg-type]


class PageTransform(Transform):
    """A Transform that looks at one page at a time, in Python.

    ``characters`` is the cheapest gate in front of it: a text without any of them is left alone. A Pipeline asks for all of its
    steps at once. Ranges as `cleantext.gate.table_of` reads them; empty where any text may need work.
    """

    characters: ClassVar[str] = ""

    @abstractmethod
    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        """Return edits, flags and metadata of one page."""

    def wants(self, text: str) -> bool:
        """Return whether the text may need changes: a cheap filter before `on_page`, which must not affect results."""
        return True

    def run(self, pages: Sequence[Page]) -> Changes:
        return self.run_some(pages, range(len(pages)))

    def run_some(self, pages: Sequence[Page], which: Iterable[int]) -> Changes:
        """Do the same as `run`, if only the pages at the positions ``which`` (ascending) may need changes."""
        edits: dict[int, Sequence[Edit]] = {}
        flags: dict[int, tuple[str, ...]] = {}
        metadata: dict[int, Mapping[str, Any]] = {}
        for i in which:
            page = pages[i]
            if not self.wants(page.text):
                continue
            found, raised, salvaged = self.on_page(page)
            if found:
                edits[i] = found
            if raised:
                flags[i] = tuple(raised)
            if salvaged:
                metadata[i] = salvaged
        return Changes(edits, None, flags, metadata)


def advance(pages: Sequence[Page], changes: Changes) -> list[Page]:
    """Return the pages after one step: new text, blocks carried along, flags and metadata added."""
    out = list(pages)
    for i in changes.touched:
        page = out[i]
        out[i] = page.rebase(changes.edits(i) if page.html else (), changes.apply(i, page.text))
    for i, flags in changes.flags.items():
        out[i] = replace(out[i], flags=tuple(dict.fromkeys((*out[i].flags, *flags))))
    for i, found in changes.metadata.items():
        out[i] = _described(out[i], {**found, **out[i].metadata})  # the value of an earlier step takes precedence
    for i, found in changes.restated.items():
        out[i] = _described(out[i], {**out[i].metadata, **found})
    return out


def _described(page: Page, metadata: Mapping[str, Any]) -> Page:
    """Return a page with other metadata, in a quarter of the time of dataclasses.replace."""
    return Page(page.text, page.id, page.url, page.host, page.html, metadata, page.flags)


def as_page(text: str, page: Page | None) -> Page:
    """Return ``page`` with this text, or a new page. Raise `TypeError` for anything else."""
    if not isinstance(text, str):
        raise wrong_type(text)
    if page is None:
        return Page(text)
    if not isinstance(page, Page):
        raise wrong_type(page, "page=a cleantext.Page, as cleantext.read_html gives")
    return page if page.text == text else replace(page, text=text, html=())


REGISTRY: dict[str, type[Transform]] = {}


def register(cls: type[Transform]) -> type[Transform]:
    """Register a Transform, so that presets can use it by its id."""
    REGISTRY[cls.id] = cls
    return cls


class Step(NamedTuple):
    """The edits and choices of one Transform, in offsets of its input text."""

    transform: str
    edits: tuple[Edit, ...]
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Cleaned:
    """A cleaned text with its record. The offsets of ``edits`` refer to ``original``.

    >>> from cleantext.pipeline import explain
    >>> cleaned = explain("新\N{ZERO WIDTH SPACE}疆發展")
    >>> cleaned.text, cleaned.edits[1].before
    ('新疆发展', '發')
    >>> cleaned.original_span(0, 2), cleaned.cleaned_span(1, 2)
    ((0, 3), (1, 1))
    """

    original: str
    text: str
    steps: tuple[Step, ...]
    metadata: Mapping[str, Any]
    flags: tuple[str, ...]

    @cached_property
    def edits(self) -> tuple[Edit, ...]:
        """All steps composed into one: ``apply(original, edits) == text``."""
        composed: tuple[Edit, ...] = ()
        for step in self.steps:
            composed = compose(composed, step.edits)
        return composed

    @cached_property
    def _maps(self) -> tuple[OffsetMap, ...]:
        """One map per step. This is more exact than a map of the composed edits, in which adjacent edits of different steps are merged."""
        return tuple(OffsetMap(step.edits) for step in self.steps)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The choices of edits among several forms, the least certain first. Spans refer to ``original``.

        >>> from cleantext.pipeline import explain
        >>> [(c.start, c.after, c.alternatives) for c in explain("电话是被发明的", pipeline="zh-web-hant").choices]
        [(4, '發', ('髮',))]
        """
        found = [
            c._replace(start=a, end=b) for n, s in enumerate(self.steps) for c in s.choices for a, b in [self._back(n, c.start, c.end)]
        ]
        return tuple(sorted(found, key=lambda choice: (choice.margin, choice.start)))

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that became ``text[start:end]``."""
        return self._back(len(self._maps), start, end)

    def _back(self, steps: int, start: int, end: int) -> tuple[int, int]:
        """Map a span back over the first ``steps`` steps."""
        for step in reversed(self._maps[:steps]):
            start, end = step.to_original(start, end)
        return start, end

    def cleaned_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of ``text`` for ``original[start:end]``; an empty span if all of it was removed."""
        for step in self._maps:
            start, end = step.to_cleaned(start, end)
        return start, end
