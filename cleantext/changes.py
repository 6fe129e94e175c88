"""Edits of many pages at once: the fields of `cleantext.edits.Edit` as columns.

A kernel that changes a third of all characters cannot make a Python object for each change, so
`Changes` holds either rows (a few edits a page, from Python) or columns (from a kernel), and gives
either on request. Text inside the columns stays in code points until it is written to Arrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.edits import JOIN, Choice, Edit, apply
from cleantext.errors import InputError, wrong_type

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Changes", "Choices", "Cuts", "EditColumns", "Ragged", "code_points", "column_texts", "cut", "joined", "text_of", "to_original"]

BLOCK = 1 << 16  # characters that `Ragged.of` joins at once: within the cache of a core it takes a third of the time

U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]


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
        if offsets[-1] <= BLOCK:
            return cls(code_points("".join(strings)), offsets)
        points, first = np.empty(offsets[-1], np.uint32), 0
        while first < len(strings):
            last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + BLOCK)))
            points[offsets[first] : offsets[min(last, len(strings))]] = code_points("".join(strings[first:last]))
            first = last
        points.flags.writeable = False  # like those of few strings; otherwise Numba would compile every kernel twice
        return cls(points, offsets)

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
class Choices:
    """Alternatives of edits: edit ``edit[i]`` has the texts ``first[i]`` to ``first[i + 1]``, the likeliest first."""

    edit: I64  # ascending
    first: I64  # shape (n + 1,)
    texts: Ragged
    margin: F32  # as in `cleantext.edits.Choice`

    @classmethod
    def of(cls, after: Ragged, edit: I64, place: I64, others: I32, margin: F32) -> Choices:
        """Return the least sure choice of each edit: character ``place`` of ``after`` might be any of ``others``, a row a choice, 0 behind the last.

        ``edit`` is ascending, and has an edit as often as it chose.
        """
        order = np.lexsort((margin, edit))
        least = order[np.diff(edit[order], prepend=-1) > 0]
        edit, place, others, margin = edit[least], place[least], others[least], margin[least]
        count = (others > 0).sum(axis=1)
        row = np.repeat(np.arange(len(edit)), count)
        size = np.diff(after.offsets)[edit[row]]
        offsets = np.append(0, np.cumsum(size))
        points = after.points[np.arange(offsets[-1]) + np.repeat(after.offsets[edit[row]] - offsets[:-1], size)]
        points[offsets[:-1] + place[row]] = others[others > 0]
        return cls(edit, np.append(0, np.cumsum(count)), Ragged(points, offsets), margin)


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
    choices: Choices | None = None

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

    def chosen(self, page: int) -> tuple[Choice, ...]:
        """Return the choices of the edits of one page, in order."""
        if self.choices is None:
            return ()
        held, edits = self.choices, self.rows(page)
        base, end = np.searchsorted(self.page, [page, page + 1]).tolist()
        low, high = np.searchsorted(held.edit, [base, end]).tolist()
        out = []
        for n, row, margin in zip(range(low, high), held.edit[low:high].tolist(), held.margin[low:high].tolist(), strict=True):
            start, stop, _, after, _ = edits[row - base]
            out.append(Choice(start, stop, after, tuple(held.texts.strings(*held.first[n : n + 2].tolist())), margin))
        return tuple(out)

    def alternatives(self) -> tuple[pa.ListArray, pa.Array]:
        """Return the columns ``alternatives`` and ``margin``: an empty list and null for edits without a choice."""
        import pyarrow as pa

        count, margin = np.zeros(len(self) + 1, np.int32), np.full(len(self), np.nan, np.float32)
        texts = Ragged.of(())
        if self.choices is not None:
            count[self.choices.edit + 1] = np.diff(self.choices.first)
            margin[self.choices.edit] = self.choices.margin
            texts = self.choices.texts
        lists = pa.ListArray.from_arrays(pa.array(np.cumsum(count, dtype=np.int32)), texts.arrow().cast(pa.string()))
        return lists, pa.array(margin, from_pandas=True)

    def arrow(self) -> pa.Table:
        """Return the columns ``page, start, end, before, after, rule`` (rule as a dictionary), ``alternatives`` and ``margin``."""
        import pyarrow as pa

        rule = pa.DictionaryArray.from_arrays(pa.array(self.rule), pa.array(self.rules, pa.string()))
        names = ["page", "start", "end", "before", "after", "rule", "alternatives", "margin"]
        return pa.table([self.page, self.start, self.end, self.before.arrow(), self.after.arrow(), rule, *self.alternatives()], names=names)


@dataclass(frozen=True, slots=True)
class Changes:
    """The result of one step on a batch: edits, flags and metadata by position of the page in the batch.

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

    def choices(self, page: int) -> tuple[Choice, ...]:
        """Return the recorded choices of the edits of one page."""
        return () if self.columns_ is None else self.columns_.chosen(page)

    def apply(self, page: int, text: str) -> str:
        """Return ``text``, the page at this position, after this step."""
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


def joined(parts: Sequence[EditColumns]) -> EditColumns:
    """Return the edits of one step over the parts of a batch, in their order, without choices."""
    if len(parts) == 1:
        return parts[0]
    rules = tuple(sorted({rule for part in parts for rule in part.rules}))

    def texts(ragged: Sequence[Ragged]) -> Ragged:
        sizes = np.concatenate([np.diff(r.offsets) for r in ragged])
        return Ragged(np.concatenate([r.points for r in ragged]), np.append(0, np.cumsum(sizes)))

    page, start, end = (np.concatenate([getattr(part, name) for part in parts]) for name in ("page", "start", "end"))
    rule = np.concatenate([np.array([rules.index(r) for r in part.rules], np.int32)[part.rule] for part in parts])
    return EditColumns(page, start, end, texts([p.before for p in parts]), texts([p.after for p in parts]), rule, rules)


class Cuts(NamedTuple):
    """Spans of a page to be removed, or to be replaced by a single character each."""

    page: int
    points: U32  # of the page
    start: I64  # ascending, disjoint
    end: I64
    after: U32  # the replacement of each span, 0 for none
    rule: I32


def cut(parts: Sequence[Cuts], rules: tuple[str, ...]) -> tuple[EditColumns | None, dict[int, str]]:
    """Return the edits that cut pages, and the remaining texts. For steps with so many cuts that an object per edit is too slow.

    >>> here = Cuts(3, code_points("a(b)c"), np.array([1]), np.array([4]), np.zeros(1, np.uint32), np.zeros(1, np.int32))
    >>> edits, texts = cut([here], ("mine",))
    >>> edits.rows(3), texts
    ((Edit(start=1, end=4, before='(b)', after='', rule='mine'),), {3: 'ac'})
    """
    if not parts:
        return None, {}
    texts, before = {}, []
    for part in parts:
        depth = np.zeros(len(part.points) + 1, np.int8)
        depth[part.start] = 1
        depth[part.end] -= 1
        gone = np.cumsum(depth[:-1], dtype=np.int8) > 0
        before.append(part.points[gone])
        points = part.points
        if part.after.any():
            points = points.copy()
            points[part.start] = part.after
            gone[part.start[part.after > 0]] = False
        texts[part.page] = text_of(points[~gone])
    start, end, after = (np.concatenate([getattr(part, name) for part in parts]) for name in ("start", "end", "after"))
    sizes = np.append(0, np.cumsum(end - start)), np.append(0, np.cumsum(after > 0))
    columns = EditColumns(
        page=np.repeat(np.array([part.page for part in parts], np.int32), [len(part.start) for part in parts]),
        start=start.astype(np.int32),
        end=end.astype(np.int32),
        before=Ragged(np.concatenate(before), sizes[0]),
        after=Ragged(after[after > 0], sizes[1]),
        rule=np.concatenate([part.rule for part in parts]),
        rules=rules,
    )
    return columns, texts


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
    shift = total - np.where(first > 0, total[first - 1], 0)  # shift of the text after each edit, within its page
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
