"""The line model: zones, protectors, and the arbiter that decides about every line of a page.

Voters give evidence (`cleantext.chrome.votes`); none of them deletes. A line goes when its evidence is strong
enough for where it stands (head, tail, or inside the body), or when a second reason supports it:

* strength A acts anywhere, B in its zones or beside a line that acted, C only between lines that acted;
* a heading goes with the rows of its list, a header or footer with the short lines inside it;
* protectors (numbered headings, signatures, dialogue, records, chronicles, titles: `cleantext.chrome.acquit`) acquit;
* a gate keeps the page whole where removal would leave no body.

What goes changes what stands beside what stays. So the arbiter is asked again about the lines that
stayed, until nothing moves: a second run over the cleaned page finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise, takewhile
from typing import Any

from cleantext.chrome.acquit import protect, spare_title
from cleantext.chrome.columns import COLUMN, LISTING, header
from cleantext.chrome.metadata import gather
from cleantext.chrome.outcome import Reason, edits_of, reasons_of, title_of
from cleantext.chrome.rules import Pack, Rule
from cleantext.chrome.votes import A, B, Evidence, Votes, collect
from cleantext.edits import Edit

__all__ = ["Line", "Reason", "Verdict", "decide", "judge", "zones"]

BODY = 80  # characters of sentences that make the body of a page sure
LITTLE = 50  # and those below which it is so little that weak evidence is none: a list, a form, a caption
MENUS = ("C07", "C08", "C14", "C18")  # rows of links


@dataclass(frozen=True)
class Verdict:
    """What is cut from a page, what was salvaged, and why."""

    edits: list[Edit] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    lines: Sequence[Line] = field(default=(), repr=False, compare=False)

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """One row for each removed line or part of a line, in page order."""
        return tuple(reasons_of(self.lines))


class Line:
    """One line that is not blank."""

    __slots__ = ("acted", "because", "best", "cuts", "end", "evidence", "folded", "origin", "shielded", "start", "votes", "zone")

    def __init__(self, start: int, folded: str, votes: Votes) -> None:
        self.start = start  # in the page
        self.end = start + len(folded)  # without the line break
        self.folded = folded  # as far as it is not cut yet
        self.origin: list[int] | None = None  # where the characters of `folded` stood in the line, once something was cut
        self.votes = votes
        self.evidence = votes.evidence  # what of the votes counts in this page
        self.best: Evidence | None = None  # the strongest that counts where the line stands
        self.zone = "body"
        self.shielded = False
        self.acted: Evidence | None = None
        self.because = ""
        self.cuts: list[Evidence] = []  # in offsets of the whole line

    def act(self, evidence: Evidence, because: str) -> None:
        """Sentence the line."""
        self.acted, self.because = evidence, f"{evidence.note}, {because}" if evidence.note else because

    def cut(self, pack: Pack) -> bool:
        """Cut the parts that were voted against; say whether there were any."""
        spans, at = [], 0
        for span in self.votes.spans:
            if span.start >= at:
                spans.append(span)
                at = span.end
        if not spans:
            return False
        origin = self.origin or list(range(len(self.folded)))
        for e in spans:
            salvage = tuple((name, origin[a], origin[b - 1] + 1) for name, a, b in e.salvage if a < b)
            self.cuts.append(Evidence(e.rule, e.power, origin[e.start], origin[e.end - 1] + 1, salvage))
        gone = {k for e in spans for k in range(e.start, e.end)}
        self.origin = [o for k, o in enumerate(origin) if k not in gone]
        self.folded = "".join(c for k, c in enumerate(self.folded) if k not in gone)
        self.votes = collect([self.folded], pack)[0]
        return True


def judge(text: str, folded: str, pack: Pack, *, safety: str = "safe") -> Verdict:
    """Decide for every line of a page. ``folded`` is ``fold.view(text)``, code point for code point."""
    rows = folded.split("\n")
    return decide(text, rows, collect(rows, pack), pack, safety=safety)


def decide(text: str, rows: Sequence[str], votes: Sequence[Votes], pack: Pack, *, safety: str = "safe") -> Verdict:
    """Decide for every line of a page, given its folded lines and the votes on each."""
    if not any(v.evidence or v.spans or v.heads for v in votes):
        return Verdict(metadata=title_of(text))
    lines = _lines(rows, votes)
    _round(lines, pack, safety)
    for rule in pack.of_kind["enclosed"]:
        _enclose(lines, rule)
    while (alive := [line for line in lines if line.acted is None]) and _round(alive, pack, safety):
        pass
    flags = _gate(lines)
    if flags:
        return Verdict(flags=flags, metadata=title_of(text))
    found = [(name, text[x.start + a : x.start + b]) for x in lines for e in ([x.acted] if x.acted else x.cuts) for name, a, b in e.salvage]
    return Verdict(edits_of(text, lines), [], {**title_of(text, lines), **gather(found)}, lines)


def zones(rows: Sequence[str], votes: Sequence[Votes]) -> list[tuple[str, str, Votes]]:
    """Return the zone, the folded text and the votes of each line of a page that is not blank, before anything goes."""
    lines = _lines(rows, votes)
    _zones(lines)
    return [(line.zone, line.folded, line.votes) for line in lines]


def _lines(rows: Sequence[str], votes: Sequence[Votes]) -> list[Line]:
    starts = accumulate(map(len, rows), lambda at, length: at + length + 1, initial=0)
    return [Line(start, row, vote) for start, row, vote in zip(starts, rows, votes, strict=False) if row and not row.isspace()]


def _round(lines: list[Line], pack: Pack, safety: str) -> bool:
    """Ask the arbiter once about the lines that are left; say whether anything went."""
    sure = _zones(lines)
    protect(lines)
    _arbitrate(lines, safety, sure=sure)
    for n, line in enumerate(lines):
        for rule in line.votes.heads:
            _grow(lines, n, rule)
    for rule in pack.of_kind["echo"]:
        _echo(lines, rule)
    spare_title(lines)
    moved = False
    for line in lines:
        if line.acted is None and line.votes.spans:
            line.cut(pack)
            line.evidence = line.votes.evidence
            moved = True
            if not line.folded or line.folded.isspace():
                line.act(line.cuts[0], "nothing else stands in the line")
    return moved or any(line.acted for line in lines)


# ---------------------------------------------------------------- zones


def _zones(lines: list[Line]) -> bool:
    """Find the body: the run of lines that speaks most for being one; say whether it is long enough for weak evidence.

    The run of the largest sum (Kadane): sentences add their length, other lines take 3, suspected ones more. So
    a list of sixty titles is not crossed for one teaser behind it, a table of ten rows is for the next paragraph.
    A page without sentences, a list or a table, is body but for the certain lines at its ends.
    """
    best = total = start = 0
    first, last = 0, -1
    for n, line in enumerate(lines):
        power = line.votes.evidence[0].power if line.votes.evidence else 0
        total += -20 if power >= B else -6 if power else line.votes.gain
        if total <= 0:
            total, start = 0, n + 1
        elif total > best:
            best, first, last = total, start, n
    if not best:
        first, last = _frame(lines), len(lines) - 1 - _frame(lines[::-1])
    for n, line in enumerate(lines):
        line.zone = "head" if n < first else "tail" if n > last else "body"
    return best >= LITTLE


def _frame(lines: list[Line]) -> int:
    """Count the strongly suspected lines that a page without sentences starts with; less than three are certain only with one of A or a path."""
    run = list(takewhile(_framing, lines))
    sure = any(x.votes.evidence[0].power >= A or x.votes.evidence[0].rule.category == "C01" for x in run)
    return len(run) if len(run) >= 3 or sure else 0


def _framing(line: Line) -> bool:
    return bool(line.votes.evidence) and line.votes.evidence[0].power >= B


# ---------------------------------------------------------------- the arbiter


def _arbitrate(lines: list[Line], safety: str, *, sure: bool) -> None:
    waiting = []
    gone = bytearray(len(lines))  # 1 for each line that acted
    for n, line in enumerate(lines):
        best = line.best
        if best is None:
            continue
        if best.power >= A:
            line.act(best, "strong enough anywhere")
        elif line.zone in best.rule.zones and (safety == "aggressive" or (best.power == B and not _may_head(lines, n, best))):
            line.act(best, f"in the {line.zone}")
        else:
            waiting.append(n)
            continue
        gone[n] = 1
    for run in _runs(waiting) if sure else ():
        words = [n for n in run if lines[n].zone != "body" and any(e.words and not e.rule.common for e in lines[n].evidence)]
        if len(words) >= COLUMN and len({lines[n].best.rule.id for n in words}) > 1:  # type: ignore[union-attr]
            for n in words:
                best = next(e for e in lines[n].evidence if e.words)
                lines[n].act(best, f"one of {len(words)} widget words, each on a line of its own")
                gone[n] = 1
    for n in header(lines, gone) if sure else ():
        lines[n].act(next(e for e in lines[n].evidence if e.words)._replace(power=B), "in a column of the site's pages, above the title")
        gone[n] = 1
    moved = True
    while moved:  # support by neighbours: a footer grows from its certain lines
        moved = False
        for n in waiting:
            best = lines[n].best
            if not gone[n] and best and (because := _support(lines, gone, n, best, sure=sure)):
                lines[n].act(best, because)
                gone[n] = moved = True


def _may_head(lines: list[Line], n: int, best: Evidence) -> bool:
    """Say whether a line that is suspected strongly may be the heading of text.

    One word of a vocabulary is, at the head of a page, unless a menu stands there: another such line beside it. At the
    foot that word and the heading of a list are where text follows that no rule suspects. Rows of links that are no
    tools for reading and sharing stand above the title, or below the text.
    """
    line = lines[n]
    menu = best.rule.category == "C14" or (best.words > 1 and best.rule.category in MENUS)
    if line.zone == "head" and menu and best.words != 1 and best.rule.kind in ("words", "line"):
        return any(x.best is None for x in lines[:n])
    if (best.words != 1 and not line.votes.heads) or best.rule.power >= A:
        return False
    following = lines[n + 1] if n + 1 < len(lines) else None
    if line.zone == "tail":
        return following is not None and (following.best is None or following.best.power < B)
    return not any(_framing(x) and x.votes.evidence[0].words for x in lines[max(0, n - 1) : n + 2] if x is not line and x.zone == "head")


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Yield the runs of consecutive numbers."""
    run: list[int] = []
    for n in numbers:
        if run and n != run[-1] + 1:
            yield run
            run = []
        run.append(n)
    if run:
        yield run


def _support(lines: list[Line], gone: bytearray, n: int, best: Evidence, *, sure: bool) -> str:
    """Return the second reason against a line, or nothing.

    Strong evidence needs a neighbour that goes. Weak evidence needs certain lines on both sides, or on one and the edge of the
    page on the other, with nothing but suspects between; or, if it states a date or source, a neighbour that does.
    """
    line = lines[n]
    beside = [k for k in (n - 1, n + 1) if 0 <= k < len(lines) and gone[k]]
    if best.power == B:
        if line.zone == "body" or not beside or (best.words == 1 and line.zone == "head"):
            return ""
        return "beside a line that goes"
    if line.zone not in best.rule.zones or not sure:
        return ""
    if best.rule.category == "C02" and any(lines[k].acted.rule.category in ("C02", "C03", "C04") for k in beside):  # type: ignore[union-attr]
        return "beside another line of dates and names"
    sides = [_certain(lines, gone, way) for way in (range(n - 1, -1, -1), range(n + 1, len(lines)))]
    return "between lines that go" if None not in sides and any(sides) else ""


def _certain(lines: list[Line], gone: bytearray, way: range) -> bool | None:
    """Look along a way over suspects: True for a line that goes, None for one that is none, False for the edge of the page."""
    for k in way:
        if gone[k]:
            return True
        if lines[k].best is None:
            return None
    return False


def _grow(lines: list[Line], n: int, block: Rule) -> None:
    """Take the rows under a heading with it: related articles, member lists, link lists."""
    if lines[n].zone not in block.zones or (lines[n].shielded and not lines[n].acted):
        return
    tag, end = None, n + 1
    for line in lines[n + 1 : n + 1 + block.most]:
        match = block.row_pattern.fullmatch(line.folded.strip())
        if not match or line.zone not in block.zones or (line.shielded and "tag" not in match.groupdict()):
            break
        if "tag" in match.groupdict():
            tag = tag or match["tag"]
            if match["tag"] != tag:
                break
        end += 1
    if end - n - 1 >= block.least:
        for k, line in enumerate(lines[n:end]):
            if line.acted is None:
                because = "a row under the heading" if k else f"a heading and its {end - n - 1} rows"
                line.act(Evidence(block, block.power, 0, len(line.folded)), because)


def _echo(lines: list[Line], rule: Rule) -> None:
    """Salvage a bare name under the date as the source, where the foot of the page names it again."""
    for date, line in pairwise(lines):
        if line.zone != "head":
            break
        if line.acted or date.acted is None or "published" not in (name for name, _, _ in date.acted.salvage):
            continue
        name = line.folded.strip()
        if rule.finds(name) and any(x.acted and x.zone == "tail" and name in x.folded for x in lines):
            at = line.folded.index(name)
            source = Evidence(rule, rule.power, 0, len(line.folded), (("source", at, at + len(name)),))
            line.act(source, "the foot of the page names it again")


def _enclose(lines: list[Line], rule: Rule) -> None:
    """Take short lines that no rule knows, where they stand among those of a header or footer.

    Of a header up to the title, of a footer from its first certain line on; only where ``least`` lines of it went by
    three different rules, for a lone credit line under an article is no footer; and only runs of ``most`` lines between
    two certain ones, for what is longer may be a table or a list of works. Asked once, when the arbiter has settled,
    so that a second run, which finds no certain lines, takes no more.
    """
    body = sum(max(0, x.votes.gain) for x in lines if x.zone == "body" and x.acted is None)
    forum = sum(x.acted is not None and x.acted.rule.category == "C10" and x.acted.rule.power >= B for x in lines)
    if body < BODY or forum >= 3:
        return  # a list, a song, a thread: its short lines may be the text
    for zone in rule.zones:
        area = [line for line in lines if line.zone == zone]
        certain = [n for n, x in enumerate(area) if x.acted and x.acted.power >= B]
        if len(certain) < rule.least or len({area[n].acted.rule.id for n in certain}) < 3:  # type: ignore[union-attr]
            continue
        because = f"inside a {zone} of {len(certain)} certain lines"
        low, high = (0, _title_at(area, certain)) if zone == "head" else (certain[0], len(area))
        for before, after in pairwise([low - 1, *(n for n in certain if low <= n < high), high]):
            between = area[before + 1 : after]
            listing = next((n for n, x in enumerate(between) if LISTING.fullmatch(x.folded.strip())), len(between))
            run = [x for x in between[:listing] if x.acted is None]
            for line in run if len(run) <= rule.most else ():
                if not line.shielded and rule.finds(line.folded.strip()):
                    line.act(Evidence(rule, rule.power, 0, len(line.folded)), because)


def _title_at(area: list[Line], certain: list[int]) -> int:
    """Return where the title of a page can start; what stands before it is the header.

    It is the last line of eight characters and more, with the unsuspected lines right before it, in front of
    the first certain line that states a date or source; where none does, in front of the last certain line. A shorter line
    right before the date is the title where no longer one stands above it.
    """
    unknown = [n for n, x in enumerate(area) if x.acted is None and not any(x.zone in e.rule.zones for e in x.evidence)]
    dated = next((n for n in certain if area[n].acted.rule.category == "C02"), None)  # type: ignore[union-attr]
    limit = dated if dated is not None else max((n for n in certain if n + 1 < len(area)), default=0)
    long = [n for n in unknown if n < limit and len(area[n].folded.strip()) >= 8]
    if not long:
        if dated is not None:
            return dated - 1 if dated - 1 in unknown else limit
        return next((n for n in unknown if n > limit), 0)
    at = long[-1]
    while at - 1 in unknown:
        at -= 1
    return at


# ---------------------------------------------------------------- the result


def _gate(lines: list[Line]) -> list[str]:
    """Name what keeps the page whole: nothing would be left of it, or little of its sentences.

    What a host profile names are no sentences of this page; but some sentence has to stay.
    """
    gone = [line for line in lines if line.acted]
    if gone and len(gone) == len(lines):
        return ["all_chrome"]
    named = {id(x) for x in gone if x.acted and x.acted.note}
    own = sum(max(0, x.votes.gain) for x in lines if id(x) not in named)
    if sum(max(0, x.votes.gain) for x in gone if id(x) not in named) > 0.6 * own or (named and not own):
        return ["over_removal"]
    if len(gone) > len(lines) / 2 and not any(x.votes.gain > 0 for x in lines if not x.acted):
        return ["over_removal"]  # no sentence is left, and of the lines not half
    return []
