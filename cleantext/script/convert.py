"""Convert a batch of texts from one script to another, and say what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import EditColumns, Ragged
from cleantext.data import BUNDLED, opencc_text
from cleantext.script.kernel import BARRIER, CUT, FREEZE, FROZEN, KEEP, TEXT, collect, found, freeze_descriptions, rewrite, substitute
from cleantext.script.tables import CHARACTER, COMPAT, CONFIGURATIONS, RULES, TS, Group, Table, compiled, custom

__all__ = ["Batch", "Converted", "Converter", "converter", "merged"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

ALIGNED = 4  # the place of that setting of a table
EMPTY, NONE = np.zeros(0, np.int32), np.zeros(0, np.uint8)


class Batch(NamedTuple):
    """The code points of texts, one after the other: text ``n`` is ``points[start[n]:start[n + 1]]``."""

    points: I32
    start: I64

    @classmethod
    def of(cls, texts: Sequence[str]) -> Batch:
        """Join ``texts``; lone surrogates stay as they are."""
        start = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=start[1:])
        joined = texts[0] if len(texts) == 1 else "".join(texts)
        return cls(np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.int32), start)

    def texts(self, only: Sequence[int] | None = None) -> list[str]:
        """Return the texts, or those at some positions."""
        bounds = self.start.tolist()
        if only is not None and 2 * len(only) < len(bounds):
            return [self.points[bounds[n] : bounds[n + 1]].tobytes().decode("utf-32-le", "surrogatepass") for n in only]
        text = self.points.tobytes().decode("utf-32-le", "surrogatepass")
        texts = [text] if len(bounds) == 2 else [text[a:b] for a, b in pairwise(bounds)]
        return texts if only is None else [texts[n] for n in only]


class Converted(NamedTuple):
    """A batch after conversion, and the edits that made it, if they were asked for."""

    batch: Batch
    edits: EditColumns | None


@dataclass(frozen=True)
class Converter:
    """The passes of one configuration. Make one with `converter`, which keeps those in use."""

    stages: tuple[Table, ...]
    segment: Table | None  # cuts the text before the first stage
    user: Table | None  # phrases and protected words of the user: before all else, and final
    compatibility: Table | None

    def convert(self, batch: Batch, low: I64 | None = None, high: I64 | None = None, *, record: bool = True) -> Converted:
        """Convert the spans ``low`` to ``high`` of a batch (all texts by default), each within one text."""
        low, high = (batch.start[:-1], batch.start[1:]) if low is None or high is None else (low, high)
        n = len(batch.points)
        special = found.sized(n)(batch.points)
        if special == 0 and self.user is None and self.segment is None and len(self.stages) == 1 and self.stages[0].settings[ALIGNED]:
            out, tags = batch.points.copy(), np.zeros(n if record else 0, np.uint8)
            substitute.sized(n)(out, low, high, NONE, self.stages[0], 0, tags)
            result = Batch(out, batch.start)
            return Converted(result, _columns(batch, result, EMPTY, tags, low, high) if record else None)
        marks = np.zeros(n + 1, np.uint8)
        if int((high - low).sum()) < n:
            marks += FROZEN
            for a, b in zip(low.tolist(), high.tolist(), strict=True):
                marks[a:b] = 0
        marks[low] |= BARRIER
        marks[batch.start] |= TEXT
        return self._passes(batch, marks[:n], special, record=record)

    def _passes(self, batch: Batch, marks: U8, special: int, *, record: bool) -> Converted:
        n = len(batch.points)
        origin = np.arange(n if record else 0, dtype=np.int32)
        now: Pass = batch.points.copy(), marks, origin, np.zeros(len(origin), np.uint8)
        if special & 2:
            freeze_descriptions.sized(n)(batch.points, marks)
        if special & 1 and self.compatibility is not None:
            now = _pass(now, self.compatibility, 0)
        if self.user is not None:
            now = _pass(now, self.user, FREEZE)
        if self.segment is not None:
            now = _pass(now, self.segment, CUT | KEEP)
        for k, stage in enumerate(self.stages):
            now = _pass(now, stage, CUT if k == 0 and self.segment is None and len(self.stages) > 1 else 0)
        points, marks, origin, tags = now
        lengths = np.diff(batch.start)
        lengths[lengths > 0] = np.diff(np.append(np.flatnonzero(marks & TEXT), len(points)))
        result = Batch(points, np.append(0, np.cumsum(lengths)))
        return Converted(result, _columns(batch, result, origin, tags, batch.start[:-1], batch.start[1:]) if record else None)


Pass = tuple[I32, U8, I32, U8]  # points, marks, origin, tags


def _pass(now: Pass, table: Table, mode: int) -> Pass:
    """Run one pass: in place where the table keeps lengths, else with more room where the output outgrows it."""
    n, record = len(now[0]), len(now[2]) > 0
    if table.settings[ALIGNED] and not mode & FREEZE:
        substitute.sized(n)(now[0], np.array([0]), np.array([n]), now[1], table, mode, now[3])
        return now
    room = n + n // 4 + 16
    while True:
        kept = room if record else 0
        out, marks, origin, tags = np.empty(room, np.int32), np.empty(room, np.uint8), np.empty(kept, np.int32), np.empty(kept, np.uint8)
        length = rewrite.sized(n)(*now, table, mode, out, marks, origin, tags)
        if length >= 0:
            return out[:length], marks[:length], origin[:length], tags[:length]
        room *= 2


def _columns(batch: Batch, result: Batch, origin: I32, tags: U8, low: I64, high: I64) -> EditColumns:
    """Return what changed as columns, runs of one rule merged."""
    old, new = batch.points, result.points
    aligned = not len(origin)
    most = int(np.count_nonzero(old != new)) if aligned else max(len(old), len(new))
    page = np.searchsorted(batch.start, low, side="right") - 1
    if not aligned:
        page = np.arange(len(low))
    ends = (low, high) if aligned else (result.start[:-1], result.start[1:])
    spans = np.stack([low, high, *ends, page, batch.start[page]], axis=1)
    rows, offsets = np.empty((4, most), np.int32), np.zeros((2, most + 1), np.int64)
    before, after = np.empty(most, np.uint32), np.empty(most, np.uint32)
    n, nb, na = collect.sized(len(old))(old, new, origin, tags, CHARACTER, spans, rows, offsets, before, after)
    return EditColumns(
        page=rows[0, :n],
        start=rows[1, :n],
        end=rows[2, :n],
        before=Ragged(before[:nb], offsets[0, : n + 1]),
        after=Ragged(after[:na], offsets[1, : n + 1]),
        rule=rows[3, :n],
        rules=RULES,
    )


@lru_cache(maxsize=32)
def converter(
    configuration: str,
    *,
    dictionary: str = BUNDLED,
    rare_glyphs: bool = True,
    zhe: bool = False,
    phrases: tuple[tuple[str, str], ...] = (),
) -> Converter:
    """Return the converter of an OpenCC configuration, with its two switches and a user's phrases."""
    stages, segment_by = CONFIGURATIONS[configuration]

    def table(group: Group) -> Table:
        simplifies = group == TS
        return compiled(group, source=dictionary, rare_glyphs=rare_glyphs or not simplifies, zhe=zhe and simplifies)

    return Converter(
        stages=tuple(table(group) for group in stages),
        segment=table(segment_by) if segment_by else None,
        user=custom(dict(phrases)) if phrases else None,
        compatibility=compiled(COMPAT) if dictionary == BUNDLED or opencc_text("CJK_Compatibility_Ideographs", source=dictionary) else None,
    )


def merged(parts: Sequence[EditColumns]) -> EditColumns:
    """Join the edits of parts of one batch, no two of which have a page in common."""
    if len(parts) == 1:
        return parts[0]
    empty = Ragged(np.zeros(0, np.uint32), np.zeros(1, np.int64))
    if not parts:
        none = np.zeros(0, np.int32)
        return EditColumns(none, none, none, empty, empty, none, RULES)
    order = np.argsort(np.concatenate([p.page for p in parts]), kind="stable")

    def column(name: str) -> I32:
        return np.concatenate([getattr(p, name) for p in parts])[order]

    def ragged(name: str) -> Ragged:
        points = np.concatenate([getattr(p, name).points for p in parts])
        lengths = np.concatenate([np.diff(getattr(p, name).offsets) for p in parts])
        offsets = np.append(0, np.cumsum(lengths[order]))
        source = np.repeat((np.cumsum(lengths) - lengths)[order] - offsets[:-1], lengths[order]) + np.arange(len(points))
        return Ragged(points[source], offsets)

    return EditColumns(column("page"), column("start"), column("end"), ragged("before"), ragged("after"), column("rule"), RULES)
