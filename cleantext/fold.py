"""Fold: two normalised views of a text in which copies are equal, for matching but never for output.

`view` maps one code point to one: width, case, script and variants folded, so that a rule matches
on the view and cuts in the original at the same offsets. `kept` gives the letters and digits alone,
each with the place it came from, for shingles and duplicates.

Both read frozen tables (``data/fold.npz``, made by `cleantext.data.make_fold`) that name their
Unicode version: the ``unicodedata`` of two Python versions would give two different folds. `character_class`
says from the same tables what ``str.isalpha`` and its kin say of that version. What
NFKC joins or splits takes a slow path through ``unicodedata.normalize``, which Unicode promises
never to change for characters that were assigned in that version.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64, U32, Ragged, code_points, text_of
from cleantext.errors import unknown
from cleantext.jit import kernel

__all__ = [
    "FOLDS",
    "UNICODE",
    "Fold",
    "Kept",
    "KeptColumn",
    "character_class",
    "kept",
    "kept_column",
    "kept_table",
    "later",
    "letter",
    "variants",
    "view",
    "view_points",
]

UNICODE = "14.0.0"
Fold = Literal["basic", "wide"]
FOLDS = ("basic", "wide")

WORD = 64  # texts of up to so many characters, such as the thousands of words in rules, are folded faster without arrays

# Values of the table that are not code points.
SLOW = 0xFFFFFFFF  # NFKC turns this character into several
JOINS = 0xFFFFFFFE  # may combine with the character before it
# The only combining characters that are letters by themselves: Hangul vowels and finals.
JAMO = frozenset([*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)])


@lru_cache(maxsize=1)
def _stored() -> dict[str, npt.NDArray[np.int64]]:
    with (resources.files("cleantext.data") / "fold.npz").open("rb") as file, np.load(file) as stored:
        return {name: stored[name] for name in stored.files}


@lru_cache(maxsize=2)
def _table(name: str) -> U32:
    first, value, marker = _stored()[name].T
    length = np.diff(first, append=0x110000)
    shift = np.repeat(np.where(marker, 0, 1), length)
    table: U32 = (np.arange(0x110000) * shift + np.repeat(value, length)).astype(np.uint32)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def variants() -> dict[int, int]:
    """Return the wide variant closure, code point to code point: 藉 to 借, 爲 and 為 to 为, 裏 and 裡 to 里."""
    return dict(_stored()["variants"].tolist())


@lru_cache(maxsize=2)
def kept_table(fold: Fold = "basic") -> U32:
    """Return what each code point alone contributes to `kept`: a code point, 0 (nothing), `SLOW` or `JOINS`."""
    if fold == "basic":
        return _table("kept")
    if fold != "wide":
        raise unknown("fold", fold, FOLDS)
    to = np.arange(0x110000, dtype=np.uint32)
    closure = np.array(list(variants().items()), np.int64)
    to[closure[:, 0]] = closure[:, 1]
    basic = _table("kept")
    table = np.where(basic < JOINS, to[np.minimum(basic, 0x10FFFF)], basic)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=8)
def character_class(name: str) -> npt.NDArray[np.bool_]:
    """Return the mask of the code points in a class: "space", "alpha", "digit", "decimal", "alnum", "printable", or "later" than this Unicode.

    Use it instead of ``str.isalpha`` and similar methods if the result affects pages: for 4,970 characters these differ between
    Python 3.11 and 3.13.

    >>> character_class("alpha")[[ord("疆"), 0x31350]].tolist()  # an ideograph of Unicode 15, too
    [True, True]
    """
    table = _table(name).astype(np.bool_)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def later() -> str:
    r"""Return the characters that a later Unicode may assign, for a class of `re`. Whether ``\w`` and ``\d`` match these depends on the Python version.

    >>> import re
    >>> re.findall(rf"(?:(?![{later()}])\w)+", "新疆\U00011f50\U00011f51路")  # two digits, to Python 3.12 and later ones
    ['新疆', '路']
    """
    edges = np.flatnonzero(np.diff(character_class("later"), prepend=False, append=False)).reshape(-1, 2)
    return "".join(f"{chr(low)}-{chr(high - 1)}" for low, high in edges.tolist())


@lru_cache(maxsize=1)
def letter() -> str:
    r"""Return a pattern for one letter, like ``[^\W\d_]``: a letter of this Unicode, or an ideograph of a later one.

    >>> import re
    >>> re.findall(f"{letter()}+", "新疆2\U00031350路")
    ['新疆', '\U00031350路']
    """
    return rf"(?:(?![{later()}])[^\W\d_]|(?=[{later()}])[\U00020000-\U0003ffff])"


def view_points(points: U32) -> U32:
    """Return the view of code points, one to one."""
    return np.take(_table("view"), points)


def view(text: str) -> str:
    r"""Return ``text`` as rules see it, with the same length and the same offsets.

    Full-width forms become narrow, spaces of every width a plain one, letters lower case,
    Traditional and variant characters one Simplified form. Line breaks, tabs and punctuation
    that has no narrow form stay. Applying it twice changes nothing more.

    >>> view("責任編輯：ＡＢＣ\N{IDEOGRAPHIC SPACE}憑藉")
    '责任编辑:abc 凭藉'
    """
    if len(text) <= WORD:
        return text.translate(_CHARACTERS)
    return text_of(view_points(code_points(text)))


class _Characters(dict[int, int]):
    """A table of `view` for `str.translate`."""

    def __missing__(self, char: int) -> int:
        self[char] = found = int(_table("view")[char])
        return found


_CHARACTERS = _Characters()


@dataclass(frozen=True, slots=True)
class Kept:
    """The letters and digits of one text: kept code point ``i`` comes from ``text[start[i]:end[i]]``.

    Several code points share one place if NFKC splits a character (㎡ gives m and 2), and one comes from
    several characters if NFKC composes them (e and U+0301).
    """

    points: U32
    start: I32
    end: I32

    def __len__(self) -> int:
        return len(self.points)

    @property
    def text(self) -> str:
        """The folded text."""
        return text_of(self.points)

    def span(self, low: int, high: int) -> tuple[int, int]:
        """Return the span of the text from which kept code points ``low`` to ``high`` come."""
        return int(self.start[low]), int(self.end[high - 1])

    def inside(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of kept code points that come from within ``text[start:end]``."""
        low = int(np.searchsorted(self.start, start, "left"))
        return low, max(low, int(np.searchsorted(self.end, end, "right")))


@dataclass(frozen=True, slots=True)
class KeptColumn:
    """The letters and digits of many texts: text ``i`` has rows ``offsets[i]`` to ``offsets[i + 1]``."""

    points: U32
    start: I32
    end: I32
    offsets: I64

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> Kept:
        part = slice(self.offsets[i], self.offsets[i + 1])
        return Kept(self.points[part], self.start[part], self.end[part])

    def take(self, rows: I64) -> KeptColumn:
        """Return the texts ``rows``, in this order."""
        size = np.diff(self.offsets)[rows]
        offsets = np.append(0, np.cumsum(size))
        at = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], size)
        return KeptColumn(self.points[at], self.start[at], self.end[at], offsets)


def kept(text: str, *, fold: Fold = "basic") -> Kept:
    """Return the letters and digits of ``text`` under NFKC, Traditional to Simplified, lower case.

    ``fold="wide"`` merges variants too, as `view` does. A lone surrogate counts as U+FFFD, which
    is no letter.

    >>> kept("裝修：１５㎡").text, kept("裝修：１５㎡").span(4, 6)
    ('装修15m2', (5, 6))
    """
    return kept_column([text], fold=fold)[0]


def kept_column(texts: Sequence[str] | Ragged, *, fold: Fold = "basic") -> KeptColumn:
    """Return `kept` of many texts in four arrays; ``start`` and ``end`` count from the start of each text."""
    column = texts if isinstance(texts, Ragged) else Ragged.of(texts)
    points, table = column.points, kept_table(fold)
    runs = _runs(column, fold, table, _special.sized(len(points))(points, table))
    room = len(points) + len(runs[-1])
    # Allocated here and not in the kernel, since NumPy requests large pages, which is four times as fast.
    value, start, end = np.empty(room, np.uint32), np.empty(room, np.int32), np.empty(room, np.int32)
    bounds = np.zeros(len(column.offsets), np.int64)
    _keep.sized(len(points))(value, start, end, bounds, points, column.offsets, table, *runs)
    size = int(bounds[-1])
    return KeptColumn(value[:size], start[:size], end[:size], bounds)


@kernel
def _special(points: U32, table: U32) -> I64:
    """Return the positions of characters for which the table is not sufficient."""
    n = 0
    for i in range(len(points)):
        n += table[points[i]] >= np.uint32(JOINS)
    at = np.empty(n, np.int64)
    n = 0
    for i in range(len(points)):
        if table[points[i]] >= np.uint32(JOINS):
            at[n] = i
            n += 1
    return at


@kernel
def _keep(
    value: U32, start: I32, end: I32, bounds: I64, points: U32, offsets: I64, table: U32, low: I64, high: I64, first: I64, given: U32
) -> None:
    """Write the arrays of a `KeptColumn`; run ``r``, from ``low[r]`` to ``high[r]``, gives ``given[first[r]:first[r + 1]]``."""
    n = r = 0
    for d in range(len(offsets) - 1):
        base, i = offsets[d], offsets[d]
        while i < offsets[d + 1]:
            run = r < len(low) and low[r] < offsets[d + 1]
            until = low[r] if run else offsets[d + 1]
            for at in range(i, until):  # always written, and overwritten if dropped: avoids a branch
                kept = table[points[at]]
                value[n], start[n], end[n] = kept, at - base, at - base + 1
                n += kept != 0
            i = until
            if run:
                for t in range(first[r], first[r + 1]):
                    value[n], start[n], end[n] = given[t], low[r] - base, high[r] - base
                    n += 1
                i = high[r]
                r += 1
        bounds[d + 1] = n


@lru_cache(maxsize=1 << 16)
def _run(run: str, fold: Fold) -> tuple[int, ...]:
    """Return the kept code points of a run that NFKC may change as a whole."""
    table = kept_table(fold)
    if table[ord(run[0])] == 0:
        run = run[1:]  # nothing combines with this character, and NFKC of a later Python might expand a character of a later Unicode
    out = []
    for char in unicodedata.normalize("NFKC", run):
        value = int(table[ord(char)])
        if value >= JOINS:
            value = ord(char) if ord(char) in JAMO else 0
        if value:
            out.append(value)
    return tuple(out)


def _runs(column: Ragged, fold: Fold, table: U32, at: I64) -> tuple[I64, I64, I64, U32]:
    """Return the runs that NFKC may change, the start of the result of each run, and the concatenated results."""
    points, offsets = column.points, column.offsets
    joins = (table[points[at]] == JOINS) & (offsets[np.searchsorted(offsets, at)] != at)  # not across texts
    goes_on = joins & (np.diff(at, prepend=-1) == 1)
    goes_on[:1] = False
    first = np.flatnonzero(~goes_on)
    low = at[first] - joins[first]
    high = at[np.append(first[1:], len(at))[: len(first)] - 1] + 1
    single = high - low == 1  # most runs are one of a few characters
    known, which = np.unique(points[low[single]], return_inverse=True)
    found = [_run(chr(point), fold) for point in known.tolist()]
    found += [_run(text_of(points[a:b]), fold) for a, b in zip(low[~single].tolist(), high[~single].tolist(), strict=True)]
    index = np.empty(len(low), np.int64)
    index[single], index[~single] = which, np.arange(len(known), len(found))
    gives = [found[n] for n in index.tolist()]
    begins = np.append(0, np.cumsum([len(run) for run in gives], dtype=np.int64))
    return low, high, begins, np.array([point for run in gives for point in run], np.uint32)
