"""Reports and explanations for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleantext.report.page import AHEAD, pieces, shortened
from cleantext.report.tally import OUTCOMES, Report, counted, how_searched, set_apart
from cleantext.transform import Cleaned

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["explanation", "summary"]

SHOWN = 3  # duplicate pairs shown below the table; duplicates.jsonl and report.html have more
LONGEST = 240
SOON = 0.1  # phases shorter than so many seconds are not shown


def summary(report: Report, out: str | None, console: Console, *, drawn: bool = True) -> None:
    """Print what a run did (or would do, if ``out`` is None): pages, characters, edits by stage, duplicates, time. ``drawn``: there is a report.html."""
    from rich.table import Table

    outcomes = ", ".join(f"{report.outcomes[name]:,} {name}" for name in OUTCOMES if report.outcomes[name] or name == "kept")
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    table.add_row("pages", f"{report.pages_in:,} in: {outcomes}")
    table.add_row("characters", f"{report.chars_in:,} in, {report.chars_out:,} out")
    for stage, tally in report.stages().items():
        topics = ", ".join(f"{topic} {t.edits:,}" for topic, t in sorted(report.topics(stage).items(), key=lambda x: (-x[1].edits, x[0])))
        table.add_row(stage, f"{tally.edits:,} edits, {tally.removed:,} characters to {tally.added:,} ({topics})")
    if report.duplicates:
        table.add_row("duplicates", _found(report))
        if how := how_searched(report.duplicates.get("search", {})):
            table.add_row("", how)
    speed = f", {report.bytes_in / 1e6 / report.seconds:,.2g} MB/s" if report.seconds else ""
    table.add_row("time", f"{report.seconds:.2f} s for {report.bytes_in / 1e6:,.2f} MB{speed}")
    if phases := ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in report.phases.items() if seconds >= SOON):
        table.add_row("", phases)
    console.print(table)
    for pair in report.duplicates.get("examples", [])[:SHOWN]:
        console.print(_side_by_side(pair))
    for failure in report.failures[:10]:
        console.print(f"failed: {failure['error']}", style="red", highlight=False, markup=False, soft_wrap=True)
    for note in report.notes:
        console.print(f"note: {note}", style="dim", highlight=False, markup=False, soft_wrap=True)
    shown = "report.html shows what was found, and why" if drawn else "report.json has all that was counted"
    told = f"written to {out}: {shown}" if out else "a dry run: nothing was written"
    console.print(told, highlight=False, markup=False, soft_wrap=True)


def _found(report: Report) -> str:
    found = report.duplicates
    kind = f"near-duplicate {found['level']}"
    across, inside = found["pairs_across_pages"], found["pairs"] - found["pairs_across_pages"]
    told = f"{counted(across, 'pair')} of {kind}s across pages" if across else f"no {kind}s across pages"
    told += f" at similarity {found['threshold']} or above"
    told += f"; {counted(inside, 'pair')} inside one page" if inside else ""
    return told + (f"; {apart}" if (apart := set_apart(found)) else "")


def _side_by_side(pair: dict[str, object]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(expand=True, title_justify="left", show_lines=False)
    for side in "ab":
        table.add_column(Text(f"{pair[side]} {pair[f'{side}_start']}-{pair[f'{side}_end']}"), ratio=1, overflow="fold")
    halves = pieces(str(pair["a_text"])[: LONGEST + AHEAD], str(pair["b_text"])[: LONGEST + AHEAD])
    marked = (((text, "" if same else "bold yellow") for same, text in shortened(half, LONGEST)) for half in halves)
    table.add_row(*(Text.assemble(*half) for half in marked))
    table.caption = f"similarity {pair['similarity']:.3f}"
    return table


def explanation(cleaned: Cleaned, *, context: int = 12, marks: bool = False) -> Text:
    """Return the original text with removed text in red, inserted text in green, and the rules beside them.

    ``marks`` writes [-what went-] and {+what came+}, for where there are no colours.
    """
    from rich.text import Text

    out = Text()
    at = 0
    for edit in cleaned.edits:
        gap = cleaned.original[at : edit.start]
        keep = context * 4
        if len(gap) > 2 * keep:
            out.append(gap[:keep] if at else "").append(" … ", "dim").append(gap[-keep:])
        else:
            out.append(gap)
        before, after = edit.before.rstrip("\n"), edit.after.rstrip("\n")
        out.append(f"[-{before}-]" if marks and before else before, "red strike")
        out.append(f"{{+{after}+}}" if marks and after else after, "green")
        out.append(f" ⟨{', '.join(edit.rules)}⟩", "dim cyan").append(edit.before[len(before) :])
        at = edit.end
    rest = cleaned.original[at:]
    out.append(rest if len(rest) <= context * 8 else rest[: context * 4] + " …")
    return out
