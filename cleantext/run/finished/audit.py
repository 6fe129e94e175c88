"""Show where a rule fired in a finished run: a sample of its edits, each with the text around it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cleantext.errors import EditError, InputError
from cleantext.run.finished.outputs import has_edits, pages_of
from cleantext.run.finished.restore import text_as_read
from cleantext.run.shards.settings import EDITS
from cleantext.run.side_tables import read_edits, tables_of

__all__ = ["Audit", "Firing", "audit"]

SHOWN = 60  # characters before and after


class Firing(NamedTuple):
    """One edit of a rule on a page."""

    page: str
    start: int  # in the text as read
    end: int
    before: str
    after: str
    lead: str  # the text as read before it, and
    trail: str  # after it


class Audit(NamedTuple):
    """How often a rule fired, and a sample of it in page order."""

    rule: str
    firings: int
    pages: int
    sample: tuple[Firing, ...]


def audit(out: str | Path, rule: str, *, sample: int = 20, seed: int = 0) -> Audit:
    """Draw a sample of the edits of a rule from the output folder of a run; the same seed draws the same sample.

    Raise `InputError` if the folder is not a run with recorded edits, or if no rule of this id fired in it.
    """
    folder = Path(out)
    has_edits(folder)
    total, pages, drawn = _draw(folder / EDITS, rule, sample, random.Random(seed))  # noqa: S311 - a sample, no secret
    texts = _as_read(folder, sorted({page for page, *_ in drawn}))
    found = []
    for page, start, end, before, after in sorted(drawn):
        text = texts.get(page, "")
        found.append(Firing(page, start, end, before, after, text[max(0, start - SHOWN) : start], text[end : end + SHOWN]))
    return Audit(rule, total, pages, tuple(found))


def _draw(path: Path, rule: str, sample: int, chance: random.Random) -> tuple[int, int, list[tuple[str, int, int, str, str]]]:
    """Draw rows by reservoir sampling, so tables may have any size; also return how many rows there are, and on how many pages."""
    import pyarrow.compute as pc

    total = 0
    pages: set[str] = set()
    fired: set[str] = set()
    drawn: list[tuple[str, int, int, str, str]] = []
    for table in tables_of(path):
        names = table["rule"].cast("string")
        fired.update(pc.unique(names).to_pylist())
        here = table.filter(pc.equal(names, rule))
        pages.update(pc.unique(here["page"].cast("string")).to_pylist())
        keep: dict[int, int] = {}  # slot in the sample, and the last row drawn into it
        for n in range(here.num_rows):
            at = total + n if total + n < sample else chance.randrange(total + n + 1)
            if at < sample:
                keep[at] = n
        total += here.num_rows
        for at, n in sorted(keep.items()):
            (row,) = here.slice(n, 1).to_pylist()
            firing = (row["page"], row["original_start"], row["original_end"], row["before"], row["after"])
            drawn[at : at + 1] = [firing]
    if not total:
        raise InputError(f"{path}: no rule {rule!r} fired in this run; those that did: {', '.join(sorted(fired)) or 'none'}")
    return total, len(pages), drawn


def _as_read(folder: Path, pages: Sequence[str]) -> dict[str, str]:
    """Return the texts of pages as they were read, by undoing their edits."""
    edits = read_edits(folder / EDITS, pages)
    texts = {}
    for row in pages_of(folder, texts=True, ids=set(pages)):
        with contextlib.suppress(EditError, InputError):  # changed since: the edit is known, but not the text around it
            texts[row["id"]] = text_as_read(folder, row, edits.get(row["id"], []))
    return texts
