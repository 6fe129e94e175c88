"""The line model: zones, protectors, and the arbiter that decides about every line of a page.

Voters give evidence (`cleantext.chrome.votes`); none of them deletes. A line goes when its evidence is strong
enough for where it stands (head, tail, or inside the body), or when a second reason supports it:

* strength A acts anywhere, B in its zones or beside a line that acted, C only among lines that acted;
* a heading goes with the rows of its list, a header or footer with the short lines inside it;
* protectors (numbered headings, document numbers, signatures, attachments, dialogue) acquit;
* a gate keeps the page whole where removal would leave no body.

What goes changes what stands beside what stays. So the arbiter is asked again about the lines that
stayed, until nothing moves: a second run over the cleaned page finds nothing to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from cleantext.chrome.metadata import gather
from cleantext.chrome.rules import Pack, Rule
from cleantext.chrome.votes import A, B, C, Evidence, Votes, collect
from cleantext.edits import Edit

__all__ = ["Line", "Reason", "Verdict", "decide", "judge"]

STRENGTH = {A: "A", B: "B", C: "C"}
BODY = 80  # characters of sentences that make the body of a page sure
COLUMN = 4  # lines of one widget word each that are as good as one line of them


class Reason(NamedTuple):
    """Why a span of a page was cut: one row for each removed line or part of a line."""

    start: int
    end: int  # in the page, line break not included
    rule: str
    strength: str  # "A", "B" or "C": that of the evidence, which several words of one kind may raise
    zone: str
    because: str  # what made the evidence enough


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
        return tuple(_reasons(self.lines))


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
        self.acted, self.because = evidence, because

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
        return Verdict(metadata=_title(text))
    starts = accumulate(map(len, rows), lambda at, length: at + length + 1, initial=0)
    lines = [Line(start, row, vote) for start, row, vote in zip(starts, rows, votes, strict=False) if row and not row.isspace()]
    _round(lines, pack, safety)
    for rule in pack.of_kind["enclosed"]:
        _enclose(lines, rule)
    while (alive := [line for line in lines if line.acted is None]) and _round(alive, pack, safety):
        pass
    flags = _gate(lines)
    if flags:
        return Verdict(flags=flags, metadata=_title(text))
    found = [(name, text[x.start + a : x.start + b]) for x in lines for e in ([x.acted] if x.acted else x.cuts) for name, a, b in e.salvage]
    return Verdict(_edits(text, lines), [], {**_title(text, lines), **gather(found)}, lines)


def _round(lines: list[Line], pack: Pack, safety: str) -> bool:
    """Ask the arbiter once about the lines that are left; say whether anything went."""
    _zones(lines)
    _protect(lines)
    _arbitrate(lines, safety)
    for n, line in enumerate(lines):
        for rule in line.votes.heads:
            _grow(lines, n, rule)
    for rule in pack.of_kind["echo"]:
        _echo(lines, rule)
    moved = False
    for line in lines:
        if line.acted is None and line.votes.spans:
            line.cut(pack)
            line.evidence = line.votes.evidence
            moved = True
            if not line.folded or line.folded.isspace():
                line.act(line.cuts[0], "nothing else stands in the line")
    return moved or any(line.acted for line in lines)


# ---------------------------------------------------------------- zones and protectors


def _zones(lines: list[Line]) -> None:
    """Find the body: the run of lines that speaks most for being one. Head and tail are what stands around it.

    The run of the largest sum (Kadane): sentences add their length, other lines take 3, suspected ones more. So
    a list of sixty titles is not crossed for one teaser behind it, a table of ten rows is for the next paragraph.
    """
    best = total = 0
    first = last = len(lines)
    start = 0
    for n, line in enumerate(lines):
        power = line.votes.evidence[0].power if line.votes.evidence else 0
        total += -20 if power >= B else -6 if power else line.votes.gain
        if total <= 0:
            total, start = 0, n + 1
        elif total > best:
            best, first, last = total, start, n
    for n, line in enumerate(lines):
        line.zone = "head" if n < first else "tail" if n > last else "body"


def _protect(lines: list[Line]) -> None:
    """Withdraw evidence from what looks like chrome and is part of a document."""
    turns = Counter(
        e.rule.id for x in lines if x.zone == "body" for e in x.votes.evidence if e.rule.kind == "label" and len(e.salvage) == 1
    )
    for line in lines:
        shield, evidence = line.votes.shield, line.votes.evidence
        line.shielded = shield == 1 or (shield == 2 and line.zone == "tail")
        if evidence and line.shielded:
            evidence = tuple(e for e in evidence if e.power >= A and e.rule.kind != "label")
        elif evidence and turns and any(turns[e.rule.id] > 2 for e in evidence):  # a label that returns is a speaker
            evidence = tuple(e for e in evidence if turns[e.rule.id] <= 2)
        line.evidence = evidence
        line.best = next((e for e in evidence if e.power >= A or line.zone in e.rule.zones), evidence[0]) if evidence else None


# ---------------------------------------------------------------- the arbiter


def _arbitrate(lines: list[Line], safety: str) -> None:
    waiting = []
    gone = bytearray(len(lines))  # 1 for each line that acted
    for n, line in enumerate(lines):
        best = line.best
        if best is None:
            continue
        if best.power >= A:
            line.act(best, "strong enough anywhere")
        elif line.zone in best.rule.zones and (best.power == B or safety == "aggressive"):
            line.act(best, f"in the {line.zone}")
        else:
            waiting.append(n)
            continue
        gone[n] = 1
    for run in _runs(waiting):
        words = [n for n in run if lines[n].zone != "body" and any(e.rule.kind == "words" for e in lines[n].evidence)]
        for n in words if len(words) >= COLUMN else ():
            best = next(e for e in lines[n].evidence if e.rule.kind == "words")
            lines[n].act(best, f"one of {len(words)} widget words, each on a line of its own")
            gone[n] = 1
    moved = True
    while moved:  # support by neighbours: a footer grows from its certain lines
        moved = False
        for n in waiting:
            best = lines[n].best
            if not gone[n] and best and (because := _support(lines, gone, n, best)):
                lines[n].act(best, because)
                gone[n] = moved = True


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


def _support(lines: list[Line], gone: bytearray, n: int, best: Evidence) -> str:
    """Return the second reason against a line, or nothing."""
    line = lines[n]
    beside = any(gone[max(0, n - 1) : n + 2])
    if best.power == B:
        return "beside a line that goes" if beside and line.zone != "body" else ""
    if line.zone not in best.rule.zones:
        return ""
    around = sum(gone[max(0, n - 5) : n + 6])
    if around >= 3 or (around >= 2 and sum(gone[max(0, n - 2) : n + 3]) >= 2):
        return f"{around} of the 10 lines around it go"
    if beside and line.zone == "tail" and all(gone[k] or lines[k].evidence for k in range(n + 1, len(lines))):
        return "beside a line that goes, and only suspects follow"
    return ""


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
            run = [x for x in area[before + 1 : after] if x.acted is None]
            for line in run if len(run) <= rule.most else ():
                if not line.shielded and rule.finds(line.folded.strip()):
                    line.act(Evidence(rule, rule.power, 0, len(line.folded)), because)


def _title_at(area: list[Line], certain: list[int]) -> int:
    """Return where the title of a page can start; what stands before it is the header.

    It is the last line of eight characters and more, with the unsuspected lines right before it, in front of
    the first certain line that states a date or source; where none does, in front of the last certain line.
    """
    unknown = [n for n, x in enumerate(area) if x.acted is None and not x.evidence]
    dated = next((n for n in certain if area[n].acted.rule.category == "C02"), None)  # type: ignore[union-attr]
    limit = dated if dated is not None else max((n for n in certain if n + 1 < len(area)), default=0)
    long = [n for n in unknown if n < limit and len(area[n].folded.strip()) >= 8]
    if not long:
        return limit if dated is not None else next((n for n in unknown if n > limit), 0)
    at = long[-1]
    while at - 1 in unknown:
        at -= 1
    return at


# ---------------------------------------------------------------- the result


def _gate(lines: list[Line]) -> list[str]:
    """Name what keeps the page whole: nothing would be left of it, or little of its sentences."""
    gone = [line for line in lines if line.acted]
    if gone and len(gone) == len(lines):
        return ["all_chrome"]
    if sum(max(0, x.votes.gain) for x in gone) > 0.6 * sum(max(0, x.votes.gain) for x in lines):
        return ["over_removal"]
    return []


def _edits(text: str, lines: list[Line]) -> list[Edit]:
    """Turn decisions into edits. A line goes with its line break and the blank lines behind it."""
    edits: list[Edit] = []
    kept = [n for n, line in enumerate(lines) if line.acted is None]
    last = kept[-1]
    kept_end = 0  # end of the last line that stays
    first = 0  # start of the run of lines that goes
    for n, line in enumerate(lines):
        following = lines[n + 1].start if n + 1 < len(lines) else len(text)
        if line.acted is None:
            edits += _span_edits(text, line)
            kept_end = line.end
            continue
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
        if edits and edits[-1].end == start and edits[-1].rule == rule and goes_on:  # one edit for a run of one rule
            start = edits.pop().start
        edits.append(Edit(start, end, text[start:end], "", rule))
    return edits


def _span_edits(text: str, line: Line) -> Iterator[Edit]:
    """Yield the cuts of a line; those that meet are one after the other, never over each other."""
    at = line.start
    for cut in sorted(line.cuts, key=lambda e: (e.start, -e.end)):
        start, end = max(at, line.start + cut.start), line.start + cut.end
        if end > start:
            yield Edit(start, end, text[start:end], "", cut.rule.id)
            at = end


def _reasons(lines: Sequence[Line]) -> Iterator[Reason]:
    for line in lines:
        if line.acted:
            yield Reason(line.start, line.end, line.acted.rule.id, STRENGTH[line.acted.power], line.zone, line.because)
        else:
            for cut in sorted(line.cuts, key=lambda e: e.start):
                yield Reason(line.start + cut.start, line.start + cut.end, cut.rule.id, STRENGTH[cut.power], line.zone, "part of a line")


def _title(text: str, lines: Sequence[Line] = ()) -> dict[str, Any]:
    """Return the line that stays right before the date, or the first that does, if it reads like a title."""
    staying = [n for n, x in enumerate(lines) if x.acted is None]
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
