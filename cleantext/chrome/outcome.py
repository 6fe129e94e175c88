"""What the arbiter decided about a page, as edits, reasons and a title."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cleantext.chrome.votes import A, B, C
from cleantext.edits import Edit

if TYPE_CHECKING:
    from cleantext.chrome.lines import Line

__all__ = ["Reason", "edits_of", "reasons_of", "title_of"]

STRENGTH = {A: "A", B: "B", C: "C"}


class Reason(NamedTuple):
    """Why a span of a page was cut: one row for each removed line or part of a line."""

    start: int
    end: int  # in the page, line break not included
    rule: str
    strength: str  # "A", "B" or "C": that of the evidence, which several words of one kind may raise
    zone: str
    because: str  # what made the evidence enough


def edits_of(text: str, lines: list[Line]) -> list[Edit]:
    """Turn decisions into edits. A line goes with its line break and the blank lines behind it."""
    edits: list[Edit] = []
    last = max(n for n, line in enumerate(lines) if line.acted is None)
    kept_end = 0  # end of the last line that stays
    first = 0  # start of the run of lines that goes
    run: tuple[int, int, str] | None = None  # of one rule, not yet an edit
    for n, line in enumerate(lines):
        if line.acted is None:
            if run:
                edits.append(_cut(text, *run))
                run = None
            edits += _span_edits(text, line)
            kept_end = line.end
            continue
        following = lines[n + 1].start if n + 1 < len(lines) else len(text)
        goes_on = n > 0 and lines[n - 1].acted is not None
        first = first if goes_on else line.start
        start, end = line.start, following
        if n > last:  # the foot of the page goes with the line breaks before it
            start = line.start if goes_on else kept_end
            end = len(text) - 1 if n + 1 == len(lines) and text.endswith("\n") else following
        elif lines[n + 1].acted is None:
            parted_before = kept_end == 0 or text.count("\n", kept_end, first) >= 2
            end -= not parted_before and text.count("\n", line.end, following) >= 2 and text[following - 1] == "\n"
        rule = line.acted.rule.id
        if run and run[1] == start and run[2] == rule:  # one edit for a run of one rule
            run = (run[0], end, rule)
        else:
            if run:
                edits.append(_cut(text, *run))
            run = (start, end, rule)
    return [*edits, _cut(text, *run)] if run else edits


def _cut(text: str, start: int, end: int, rule: str) -> Edit:
    return Edit(start, end, text[start:end], "", rule)


def _span_edits(text: str, line: Line) -> Iterator[Edit]:
    """Yield the cuts of a line; those that meet are one after the other, never over each other."""
    at = line.start
    for cut in sorted(line.cuts, key=lambda e: (e.start, -e.end)):
        start, end = max(at, line.start + cut.start), line.start + cut.end
        if end > start:
            yield Edit(start, end, text[start:end], "", cut.rule.id)
            at = end


def reasons_of(lines: Sequence[Line]) -> Iterator[Reason]:
    """Yield why each removed line and part of a line went, in page order."""
    for line in lines:
        if line.acted:
            yield Reason(line.start, line.end, line.acted.rule.id, STRENGTH[line.acted.power], line.zone, line.because)
        else:
            for cut in sorted(line.cuts, key=lambda e: e.start):
                yield Reason(line.start + cut.start, line.start + cut.end, cut.rule.id, STRENGTH[cut.power], line.zone, "part of a line")


def title_of(text: str, lines: Sequence[Line] = ()) -> dict[str, Any]:
    """Return the line that stays right before the date, or the first that does, if it reads like a title."""
    staying = [n for n, x in enumerate(lines) if x.acted is None]
    staying = [n for n in staying if not lines[n].votes.evidence] or staying
    dated = next((n for n, x in enumerate(lines) if x.acted and x.zone == "head" and "published" in (f for f, _, _ in x.acted.salvage)), 0)
    run: list[int] = []  # the lines of four letters and more right before the date
    for n in reversed([n for n in staying if n < dated and sum(map(str.isalpha, lines[n].folded)) >= 4]):
        if run and n != run[-1] - 1:
            break
        run.append(n)
    near = [n for n in run if len(lines[n].folded.strip()) >= 8]  # the nearest first
    at = run[-1] if 0 < len(run) <= 2 else near[0] if near else staying[0] if staying else -1
    title = text[lines[at].start : lines[at].end].strip() if at >= 0 else text.lstrip().partition("\n")[0].strip()
    return {"title": title} if title and len(title) <= 120 and not title.endswith(("。", "；", ";", "，", ",")) else {}
