"""One page before and after: text that was kept, removed, or replaced, and by which rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cleantext.edits import Edit, apply

__all__ = ["Piece", "View", "page_view"]

LONGEST = 6_000  # characters shown of the original page
AFTER = 3_000  # characters shown of the cleaned page
QUIET = 400  # longer unchanged stretches are shown without their middle
SHOWN = 140  # characters shown at both ends of such a stretch


class Piece(NamedTuple):
    """A stretch of a page: kept (``kind`` "same"), removed ("gone"), replaced ("new"), or not shown ("skipped")."""

    kind: str
    text: str
    before: str = ""  # the replaced text, if ``kind`` is "new"
    rules: tuple[str, ...] = ()


class View(NamedTuple):
    """The original page as pieces, the start of the cleaned page, and the number of its characters not shown."""

    pieces: list[Piece]
    after: str
    cut: int


def page_view(original: str, edits: Sequence[Edit]) -> View:
    r"""Cut a page into pieces that show what was changed, up to 6,000 characters of the original.

    ``edits`` are sorted, disjoint, and in offsets of ``original``.

    >>> view = page_view("正文。\n分享到\n", [Edit(4, 8, "分享到\n", "", "share.buttons")])
    >>> [(piece.kind, piece.text, piece.rules) for piece in view.pieces], view.after
    ([('same', '正文。\n', ()), ('gone', '分享到\n', ('share.buttons',))], '正文。\n')
    """
    after = apply(original, edits)
    pieces = [piece._replace(text=piece.text[:LONGEST]) for piece in _pieces(original, edits)]
    return View(pieces, after[:AFTER], max(0, len(after) - AFTER))


def _pieces(original: str, edits: Sequence[Edit]) -> list[Piece]:
    out: list[Piece] = []
    at = 0
    for edit in edits:
        if edit.start >= LONGEST:
            break
        out += _kept(original[at : edit.start], head=not out)
        if edit.after:
            out.append(Piece("new", edit.after, edit.before, edit.rules))
        elif out and out[-1].kind == "gone" and out[-1].rules == edit.rules:
            out[-1] = out[-1]._replace(text=out[-1].text + edit.before)
        else:
            out.append(Piece("gone", edit.before, "", edit.rules))
        at = edit.end
    rest = original[at : max(at, LONGEST)]
    out += _kept(rest, head=not out, tail=True)
    if len(original) > at + len(rest):
        out.append(Piece("skipped", f"{len(original) - at - len(rest):,}"))
    return out


def _kept(text: str, *, head: bool = False, tail: bool = False) -> Iterator[Piece]:
    """Yield kept text, without the middle if it is long."""
    if len(text) <= QUIET:
        if text:
            yield Piece("same", text)
        return
    first, last = (QUIET if head else SHOWN), (QUIET if tail and not head else SHOWN)
    yield Piece("same", text[:first])
    yield Piece("skipped", f"{len(text) - first - last:,}") if len(text) > first + last else Piece("same", text[first:-last])
    yield Piece("same", text[-last:])
