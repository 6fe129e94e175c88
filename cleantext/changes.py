"""Edits in bulk: the rows of `cleantext.edits.Edit` as columns, for many pages at once.

A kernel that changes a third of all characters cannot make a Python object for each change, so
`Changes` holds either rows (a few edits a page, from Python) or columns (from a kernel), and gives
either on request. Text inside the columns stays in code points until it is written to Arrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.edits import JOIN, Edit, apply
from cleantext.errors import InputError, wrong_type

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Changes", "EditColumns", "Ragged", "code_points", "column_texts", "text_of", "to_original"]

U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


def code_points(text: str) -> U32:
    """Return the code points of ``text`` as a read-only uint32 array of shape (len(text),)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def text_of(points: U32) -> str:
    """Return the string of an array of code points."""
    return points.tobytes().decode("utf-32-le", "surrogatepass")


def column_texts(column: Any, name: str = "column") -> list[str | None]:
    """Return the strings of a list, an Arrow column, a Series or anything that exports an Arrow stream; None where one is missing.

    Missing are None, Arrow's null, NaN and pandas' NA.

    >>> column_texts(["發展", None, float("nan")])
    ['發展', None, None]
    """
    if isinstance(column, (str, bytes)):
        raise InputError(f"{name}: expected many strings, got one {type(column).__name__}: put it into a list")
    if isinstance(column, Mapping):
        raise InputError(
            f"{name}: expected a list of strings, got a dict, of which only the keys would be read: give list(d.values()), and their ids as list(d)"
        )
    if hasattr(column, "column_names"):
        raise InputError(
            f"{name}: expected one column, got a table of {', '.join(column.column_names)}: give the one that holds text, as table['text']"
        )
    if hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
        import pyarrow as pa

        column = (pa.chunked_array(column) if hasattr(column, "__arrow_c_stream__") else pa.array(column)).to_pylist()
    elif not isinstance(column, Iterable):
        raise wrong_type(column, f"{name}: a list or a column of strings")
    found: list[Any] = list(column)
    if set(map(type, found)) <= {str}:
        return found
    for n, text in enumerate(found):
        if not isinstance(text, str):
            if not (text is None or (isinstance(text, float) and math.isnan(text)) or type(text).__name__ in ("NAType", "NaTType")):
                raise InputError(f"{name}[{n}]: expected a string, got {type(text).__name__}: decode bytes and convert other values first")
            found[n] = None
    return found


@dataclass(frozen=True, slots=True)
class Ragged:
    """Many strings in one array: string ``i`` is ``points[offsets[i]:offsets[i + 1]]``."""

    points: U32
    offsets: I64  # shape (n + 1,), starts at 0

    @classmethod
    def of(cls, strings: Sequence[str]) -> Ragged:
        """Join ``strings``; lone surrogates stay as they are."""
        offsets = np.zeros(len(strings) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, strings), np.int64, len(strings)), out=offsets[1:])
        return cls(code_points("".join(strings)), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def strings(self, first: int = 0, last: int | None = None) -> list[str]:
        """Return strings ``first`` to ``last`` (to the end by default)."""
        bounds = self.offsets[first : (len(self) if last is None else last) + 1].tolist()
        if not bounds:
            return []
        text, low = text_of(self.points[bounds[0] : bounds[-1]]), bounds[0]
        return [text[a - low : b - low] for a, b in pairwise(bounds)]

    def arrow(self) -> pa.Array:
        """Return a UTF-8 column; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD."""
        import pyarrow as pa

        points = self.points[self.offsets[0] : self.offsets[-1]]
        lone = (points & 0xFFFFF800) == 0xD800
        if lone.any():
            points = np.where(lone, np.uint32(0xFFFD), points)
        width = np.ones(len(points), np.int8)
        for least in (0x80, 0x800, 0x10000):
            width += points >= least
        ends = np.zeros(len(points) + 1, np.int64)
        np.cumsum(width, out=ends[1:])
        offsets = ends[self.offsets - self.offsets[0]]
        if ends[-1] < 2**31:
            return pa.StringArray.from_buffers(len(self), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text_of(points).encode()))
        return pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(offsets), pa.py_buffer(text_of(points).encode()))


@dataclass(frozen=True, slots=True)
class EditColumns:
    """Edits of one step over a batch, sorted by page and start. ``rule`` indexes ``rules``."""

    page: I32
    start: I32
    end: I32
    before: Ragged
    after: Ragged
    rule: I32
    rules: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.page)

    def rows(self, page: int) -> tuple[Edit, ...]:
        """Return the edits of one page of the batch."""
        a, b = np.searchsorted(self.page, [page, page + 1]).tolist()
        return tuple(
            Edit(start, end, before, after, self.rules[rule])
            for start, end, before, after, rule in zip(
                self.start[a:b].tolist(),
                self.end[a:b].tolist(),
                self.before.strings(a, b),
                self.after.strings(a, b),
                self.rule[a:b].tolist(),
                strict=True,
            )
        )

    def arrow(self) -> pa.Table:
        """Return the columns ``page, start, end, before, after, rule`` (rule as a dictionary)."""
        import pyarrow as pa

        rule = pa.DictionaryArray.from_arrays(pa.array(self.rule), pa.array(self.rules, pa.string()))
        names = ["page", "start", "end", "before", "after", "rule"]
        return pa.table([self.page, self.start, self.end, self.before.arrow(), self.after.arrow(), rule], names=names)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one step does to a batch: edits, flags and metadata by position of the page in the batch.

    ``texts`` holds the outputs where making the edits gave them anyway; a law checks that they
    equal the applied edits. ``metadata`` adds what is not known of a page yet; ``restated`` replaces what is.

    >>> from cleantext.script import UnifyScript
    >>> from cleantext.transform import Page
    >>> changes = UnifyScript().run([Page("口岸"), Page("發展")])
    >>> list(changes.touched), changes.apply(1, "發展"), len(changes.edits(1))
    ([1], '发展', 1)
    """

    by_page: Mapping[int, Sequence[Edit]] = field(default_factory=dict)
    columns_: EditColumns | None = None
    flags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    metadata: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    texts: Mapping[int, str] | None = None
    restated: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def edits(self, page: int) -> tuple[Edit, ...]:
        """Return the edits of one page of the batch, sorted and disjoint."""
        return tuple(self.by_page.get(page, ())) if self.columns_ is None else self.columns_.rows(page)

    def apply(self, page: int, text: str) -> str:
        """Return what this step makes of ``text``, the page at that position."""
        if self.texts is not None:
            return self.texts.get(page, text)
        edits = self.edits(page)
        return apply(text, edits) if edits else text

    @property
    def touched(self) -> Iterable[int]:
        """The positions of the pages that this step changes."""
        return [p for p, e in self.by_page.items() if e] if self.columns_ is None else np.unique(self.columns_.page).tolist()

    @property
    def columns(self) -> EditColumns:
        """The edits as columns."""
        if self.columns_ is not None:
            return self.columns_
        rows = [(page, e) for page in sorted(self.by_page) for e in self.by_page[page]]
        rules = {rule: n for n, rule in enumerate(sorted({e.rule for _, e in rows}))}
        numbers = np.array([(p, e.start, e.end, rules[e.rule]) for p, e in rows], np.int32).reshape(-1, 4)
        return EditColumns(
            page=numbers[:, 0].copy(),
            start=numbers[:, 1].copy(),
            end=numbers[:, 2].copy(),
            before=Ragged.of([e.before for _, e in rows]),
            after=Ragged.of([e.after for _, e in rows]),
            rule=numbers[:, 3].copy(),
            rules=tuple(rules),
        )


def to_original(columns: EditColumns, page: I32, start: I32, end: I32) -> tuple[I32, I32]:
    """Map many spans from after a step to before it: `cleantext.edits.OffsetMap.to_original` for a batch.

    ``page``, ``start`` and ``end`` have one entry a span; spans may not be empty.
    """
    if not len(columns):
        return start, end
    grown = np.diff(columns.after.offsets) - (columns.end - columns.start)
    composed = np.array([JOIN in rule for rule in columns.rules], bool)[columns.rule]
    even = (grown == 0) & ~composed
    total = np.cumsum(grown)
    first = np.searchsorted(columns.page, columns.page)  # index of the first edit on the page of each edit
    shift = total - np.where(first > 0, total[first - 1], 0)  # how far text behind each edit has moved, within its page
    high = columns.end + shift
    low = high - np.diff(columns.after.offsets)
    base = columns.page.astype(np.int64) << 32

    def carried(key: I64, k: npt.NDArray[np.int64]) -> I64:
        """Return offsets that lie in no edit, moved by the shift of the last edit before them on their page."""
        before = np.maximum(k - 1, 0)
        moved = (k > 0) & (columns.page[before] == page)
        return (key & 0xFFFFFFFF) - np.where(moved, shift[before], 0)

    at = (page.astype(np.int64) << 32) + start
    k = np.searchsorted(base + high, at, "right")
    held = np.minimum(k, len(columns) - 1)
    inside = (k < len(columns)) & (columns.page[held] == page) & (low[held] < start)
    left = np.where(inside, columns.start[held] + np.where(even[held], start - low[held], 0), carried(at, k))
    at = (page.astype(np.int64) << 32) + end
    k = np.searchsorted(base + low, at, "left")
    held = np.maximum(k - 1, 0)
    inside = (k > 0) & (columns.page[held] == page) & (end < high[held])
    right = np.where(inside, columns.end[held] - np.where(even[held], high[held] - end, 0), carried(at, k))
    return left.astype(np.int32), right.astype(np.int32)
