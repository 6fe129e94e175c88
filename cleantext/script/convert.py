"""Convert a batch of texts from one script to another, and record the edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import Choices, EditColumns, Ragged
from cleantext.data import BUNDLED, opencc_text
from cleantext.script.ambiguity import Certain, Context, certainty, choose, context
from cleantext.script.dictionaries import CHARACTER, COMPAT, CONFIGURATIONS, CONTEXT, RULES, TS, ConversionTable, Group, compiled, custom
from cleantext.script.matching import (
    BARRIER,
    CUT,
    FREEZE,
    FROZEN,
    KEEP,
    ONLY,
    convert,
    found,
    freeze_descriptions,
)
from cleantext.script.record import collect, collect_units
from cleantext.script.segmentation import word_spans, words

__all__ = ["Batch", "Converted", "Converter", "converter", "merged"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

ALIGNED = 4  # index of this setting of a table
EMPTY, NONE = np.zeros(0, np.int32), np.zeros(0, np.uint8)


class Batch(NamedTuple):
    """The concatenated code points of texts: text ``n`` is ``points[start[n]:start[n + 1]]``."""

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
    """A batch after conversion with, if recorded, the edits, and the certainty of forms chosen by context."""

    batch: Batch
    edits: EditColumns | None
    certain: Certain | None = None


@dataclass(frozen=True)
class Converter:
    """The passes of one configuration. Use `converter`, which caches them."""

    stages: tuple[ConversionTable, ...]
    segment: ConversionTable | None  # splits the text into segments before the first stage
    user: ConversionTable | None  # phrases and protected words of the user, applied first and not changed afterwards
    compatibility: ConversionTable | None
    context: Context | None = None  # chooses again among the forms of ambiguous characters, after the last stage

    def convert(self, batch: Batch, low: I64 | None = None, high: I64 | None = None, *, record: bool = True) -> Converted:
        """Convert the spans ``low`` to ``high`` of a batch (all texts by default), each within one text."""
        low, high = (batch.start[:-1], batch.start[1:]) if low is None or high is None else (low, high)
        n = len(batch.points)
        whole = int((high - low).sum()) == n
        special = found.sized(n)(batch.points)
        if special == 0 and self.user is None and self.segment is None and len(self.stages) == 1 and self.stages[0].settings[ALIGNED]:
            out = np.empty(n, np.int32) if whole else batch.points.copy()
            tags, ends = np.zeros(n if record else 0, np.uint8), np.empty(len(low), np.int64)
            convert.sized(n)(batch.points, low, high, NONE, EMPTY, tags, self.stages[0], ONLY, out, NONE, EMPTY, tags, ends)
            certain = self._choose(batch.points, low, high, NONE, out, tags)
            return _converted(batch, Batch(out, batch.start), EMPTY, tags, certain, record=record)
        marks = np.zeros(n + 1, np.uint8)
        if not whole:
            marks += FROZEN
            for a, b in zip(low.tolist(), high.tolist(), strict=True):
                marks[a:b] = 0
        for bounds in (low, high, batch.start):
            marks[bounds] |= BARRIER
        return self._passes(batch, marks[:n], special, record=record)

    def _passes(self, batch: Batch, marks: U8, special: int, *, record: bool) -> Converted:
        """Run all passes on each piece of a batch."""
        n, tables = len(batch.points), list(self._tables(special))
        aligned = all(table.settings[ALIGNED] for table, _ in tables)
        cuts, done, sure = _cuts(batch, lines=self.user is None and not special & 2), [], []
        bounds = [
            np.unique(np.concatenate([[a], batch.start[slice(*np.searchsorted(batch.start, [a, b]))], [b]])) for a, b in pairwise(cuts)
        ]
        for within in bounds:
            a, b = within[[0, -1]].tolist()
            origin = np.arange(a, b, dtype=np.int32) if record and not aligned else EMPTY
            now = Pass(batch.points[a:b], marks[a:b], origin, np.zeros(b - a if record else 0, np.uint8), within - a)
            for k, (table, mode) in enumerate(tables):
                if special & 2:  # before each pass, since a pass that makes text longer may complete a description
                    freeze_descriptions.sized(n)(now.points, now.marks)
                before, now = now, _pass(now, table, mode, last=k == len(tables) - 1)
            # The last stage of a configuration with a context keeps lengths.
            sure.append(self._choose(before.points, now.bounds[:-1], now.bounds[1:], before.marks, now.points, now.tags))
            done.append(now)
        points, _, origin, tags, _ = done[0] if len(done) == 1 else _joined(done)
        start = batch.start
        if not aligned:
            shift = np.append(0, np.cumsum([len(now.points) for now in done])).tolist()
            old, new = np.concatenate(bounds), np.concatenate([now.bounds + base for now, base in zip(done, shift, strict=False)])
            start = new[np.searchsorted(old, batch.start)]
        base = np.append(0, np.cumsum([len(now.points) for now in done]))
        return _converted(batch, Batch(points, start), origin, tags, _joined_certain(sure, base), record=record)

    def _choose(self, points: I32, low: I64, high: I64, marks: U8, out: I32, tags: U8) -> Certain | None:
        """Choose again among the forms of ambiguous characters; return their certainty if ``tags`` are recorded."""
        if self.context is None:
            return None
        plain = out.copy() if len(tags) else EMPTY
        self._look_again(points, low, high, marks, out, tags)
        return certainty(points, low, high, marks, self.context, plain, out) if len(tags) else None

    def _look_again(self, points: I32, low: I64, high: I64, marks: U8, out: I32, tags: U8) -> None:
        """Choose among forms by their neighbours, and in doubt by the words around them."""
        assert self.context is not None
        n = len(points)
        doubt, rival = np.empty((2, n // 4 + 16), np.int32)
        found_ = int(choose.sized(n)(points, low, high, marks, self.context, out, tags, doubt, rival))
        if not found_:
            return
        at, starts, ends = doubt[:found_], np.empty(found_, np.int64), np.empty(found_, np.int64)
        word_spans.sized(40 * found_)(points, at, low, high, words(), starts, ends)
        size = ends - starts  # each of these words is looked up in the dictionaries by itself
        first = np.cumsum(size) - size
        alone = points[np.arange(size.sum()) + np.repeat(starts - first, size)]
        found_alone, bounds = np.empty_like(alone), np.empty_like(first)
        arguments = NONE, EMPTY, NONE, self.stages[-1], ONLY, found_alone, NONE, EMPTY, NONE, bounds
        convert.sized(len(alone))(alone, first, first + size, *arguments)
        chosen = found_alone[first + at - starts] == rival[:found_]
        agreed = at[chosen]
        out[agreed] = rival[:found_][chosen]
        if len(tags):
            tags[agreed] = CONTEXT

    def _tables(self, special: int) -> Iterator[tuple[ConversionTable, int]]:
        """Yield the table and the mode of each pass."""
        if special & 1 and self.compatibility is not None:
            yield self.compatibility, 0
        if self.user is not None:
            yield self.user, FREEZE
        if self.segment is not None:
            yield self.segment, CUT | KEEP
        for k, stage in enumerate(self.stages):
            yield stage, CUT if k == 0 and self.segment is None and len(self.stages) > 1 else 0


# Batches are converted in pieces of at least so many characters. Without pieces, s2twp spent a quarter of its time on page faults for
# a long text; with pieces of 65,536 it spends a twentieth on joining them.
PIECE = 1 << 18


def _cuts(batch: Batch, *, lines: bool) -> list[int]:
    """Return where to cut a batch: at starts of texts and, since no dictionary key contains a line break, at starts of lines."""
    n, cuts = len(batch.points), [0]
    while n - cuts[-1] > PIECE:
        least = cuts[-1] + PIECE
        cut = int(batch.start[np.searchsorted(batch.start, least)])
        breaks = np.flatnonzero(batch.points[least : min(cut, least + PIECE)] == 10) if lines else EMPTY
        cuts.append(least + int(breaks[0]) + 1 if len(breaks) else cut)
    return [*cuts, n] if cuts[-1] < n or n == 0 else cuts


class Pass(NamedTuple):
    """A piece of a batch between two passes. Arrays that are not needed are empty."""

    points: I32
    marks: U8
    origin: I32
    tags: U8
    bounds: I64  # starts of the texts, and the end


def _joined(pieces: Sequence[Pass]) -> Pass:
    return Pass(*(np.concatenate(column) for column in zip(*pieces, strict=True)))


def _pass(now: Pass, table: ConversionTable, mode: int, *, last: bool) -> Pass:
    """Run one pass over a piece, again with more room if the output does not fit. The last pass needs no marks."""
    points, marks, origin, tags, bounds = now
    n, run = len(points), convert.sized(len(points))
    low, high, ends = bounds[:-1], bounds[1:], np.zeros(len(bounds), np.int64)
    if mode & KEEP:
        run(points, low, high, marks, EMPTY, NONE, table, mode, EMPTY, NONE, EMPTY, NONE, ends[1:])
        return now
    if table.settings[ALIGNED]:
        out, out_tags = np.empty(n, np.int32), np.empty(len(tags), np.uint8)
        run(points, low, high, marks, EMPTY, tags, table, mode, out, NONE, EMPTY, out_tags, ends[1:])
        return Pass(out, marks, origin, out_tags, bounds)
    room = n + n // 4 + 16
    while True:
        out, out_marks = np.empty(room, np.int32), np.empty(0 if last else room, np.uint8)
        out_origin, out_tags = np.empty(room if len(origin) else 0, np.int32), np.empty(room if len(tags) else 0, np.uint8)
        length = run(points, low, high, marks, origin, tags, table, mode, out, out_marks, out_origin, out_tags, ends[1:])
        if length >= 0:
            return Pass(out[:length], out_marks[:length], out_origin[:length], out_tags[:length], ends)
        room *= 2


def _joined_certain(pieces: Sequence[Certain | None], base: I64) -> Certain | None:
    """Join the certainties of pieces that begin at ``base`` in the output."""
    known = [piece for piece in pieces if piece is not None]
    if not known:
        return None
    most = max(piece.others.shape[1] for piece in known)
    others = [np.pad(piece.others, ((0, 0), (0, most - piece.others.shape[1]))) for piece in known]
    at = [piece.at + low for piece, low in zip(known, base.tolist(), strict=False)]
    return Certain(np.concatenate(at), np.concatenate(others), np.concatenate([piece.margin for piece in known]))


def _converted(batch: Batch, result: Batch, origin: I32, tags: U8, certain: Certain | None, *, record: bool) -> Converted:
    """Return the result with its edits and their alternatives, if recorded."""
    if not record:
        return Converted(result, None)
    edits = _columns(batch, result, origin, tags)
    if certain is None or not len(edits):
        return Converted(result, edits, certain)
    size = np.diff(edits.after.offsets)
    grown = np.cumsum(size - (edits.end - edits.start)) - (size - (edits.end - edits.start))
    low = batch.start[edits.page] + edits.start + grown  # offsets in the output; ``grown`` includes all earlier texts
    edit = np.maximum(np.searchsorted(low, certain.at, "right") - 1, 0)
    here = (certain.at >= low[edit]) & (certain.at < low[edit] + size[edit])
    edit = edit[here]
    chosen = Choices.of(edits.after, edit, certain.at[here] - low[edit], certain.others[here], certain.margin[here])
    return Converted(result, replace(edits, choices=chosen), certain)


def _columns(batch: Batch, result: Batch, origin: I32, tags: U8) -> EditColumns:
    """Return the edits as columns, with adjacent changes by the same rule merged."""
    old, new = batch.points, result.points
    if not len(origin):
        places = np.flatnonzero(old != new)
        rows, offsets = np.empty((4, len(places)), np.int32), np.empty(len(places) + 1, np.int64)
        n = collect.sized(len(places))(places, tags, CHARACTER, batch.start, rows, offsets)
        offsets = offsets[: n + 1]
        before, after = Ragged(old[places].view(np.uint32), offsets), Ragged(new[places].view(np.uint32), offsets)
    else:
        most = max(len(old), len(new))
        rows, bounds = np.empty((4, most), np.int32), np.zeros((2, most + 1), np.int64)
        old_points, new_points = np.empty(most, np.uint32), np.empty(most, np.uint32)
        arrays = batch.start, result.start, rows, bounds, old_points, new_points
        n, nb, na = collect_units.sized(most)(old, new, origin, tags, CHARACTER, *arrays)
        before, after = Ragged(old_points[:nb], bounds[0, : n + 1]), Ragged(new_points[:na], bounds[1, : n + 1])
    return EditColumns(page=rows[0, :n], start=rows[1, :n], end=rows[2, :n], before=before, after=after, rule=rows[3, :n], rules=RULES)


@lru_cache(maxsize=32)
def converter(
    configuration: str,
    *,
    dictionary: str = BUNDLED,
    rare_glyphs: bool = True,
    zhe: bool = False,
    phrases: tuple[tuple[str, str], ...] = (),
    forms: tuple[Group, ...] = (),
) -> Converter:
    """Return the converter of an OpenCC configuration, with its two switches and a user's phrases.

    With ``forms`` its first stage alone gives what all stages would: the forms are in its values.
    """
    stages, segment_by = CONFIGURATIONS[configuration]
    if forms:
        stages = stages[:1]

    def table(group: Group) -> ConversionTable:
        simplifies = group == TS
        return compiled(group, source=dictionary, rare_glyphs=rare_glyphs or not simplifies, zhe=zhe and simplifies, forms=forms)

    return Converter(
        stages=tuple(table(group) for group in stages),
        segment=table(segment_by) if segment_by else None,
        user=custom(dict(phrases)) if phrases else None,
        context=context(forms, source=dictionary) if forms else None,
        compatibility=compiled(COMPAT) if dictionary == BUNDLED or opencc_text("CJK_Compatibility_Ideographs", source=dictionary) else None,
    )


def merged(parts: Sequence[EditColumns]) -> EditColumns:
    """Join the edits of disjoint parts of one batch. Parts that share a page must not change lengths."""
    if len(parts) == 1:
        return parts[0]
    empty = Ragged(np.zeros(0, np.uint32), np.zeros(1, np.int64))
    if not parts:
        none = np.zeros(0, np.int32)
        return EditColumns(none, none, none, empty, empty, none, RULES)
    places = np.concatenate([p.page.astype(np.int64) << 32 | p.start for p in parts])
    order = None if (np.diff(places) >= 0).all() else np.argsort(places, kind="stable")

    def column(name: str) -> I32:
        joined: I32 = np.concatenate([getattr(p, name) for p in parts])
        return joined if order is None else joined[order]

    def ragged(name: str) -> Ragged:
        points = np.concatenate([getattr(p, name).points for p in parts])
        lengths = np.concatenate([np.diff(getattr(p, name).offsets) for p in parts])
        if order is None:
            return Ragged(points, np.append(0, np.cumsum(lengths)))
        offsets = np.append(0, np.cumsum(lengths[order]))
        source = np.repeat((np.cumsum(lengths) - lengths)[order] - offsets[:-1], lengths[order]) + np.arange(len(points))
        return Ragged(points[source], offsets)

    columns = column("page"), column("start"), column("end"), ragged("before"), ragged("after"), column("rule"), RULES
    return EditColumns(*columns, choices=_choices(parts, np.argsort(order) if order is not None else None))


def _choices(parts: Sequence[EditColumns], moved: I64 | None) -> Choices | None:
    """Join the alternatives of the edits of parts; ``moved`` has the new index of each edit."""
    base = np.append(0, np.cumsum([len(p) for p in parts])).tolist()
    held = [(low, p.choices) for low, p in zip(base, parts, strict=False) if p.choices is not None]
    if not held:
        return None
    edit = np.concatenate([c.edit + low for low, c in held])
    edit = edit if moved is None else moved[edit]
    order = np.argsort(edit, kind="stable")
    first = np.append(0, np.cumsum(np.concatenate([np.diff(c.first) for _, c in held])))
    size = np.concatenate([np.diff(c.texts.offsets) for _, c in held])
    count = np.diff(first)[order]
    texts = np.arange(count.sum()) + np.repeat(first[:-1][order] - (np.cumsum(count) - count), count)
    low, begin = np.cumsum(size) - size, np.append(0, np.cumsum(size[texts]))
    points = np.concatenate([c.texts.points for _, c in held])
    points = points[np.arange(begin[-1]) + np.repeat(low[texts] - begin[:-1], size[texts])]
    margin = np.concatenate([c.margin for _, c in held])[order]
    return Choices(edit[order], np.append(0, np.cumsum(count)), Ragged(points, begin), margin)
