"""Judge a change of rules on the made-up pages: how many lines of chrome go, and which lines of text are lost.

    python -m tests.cases                         the figures
    python -m tests.cases --rules mine.toml       the same with a pack of yours, and each line that it changes
    python -m tests.cases --save before.json      the outputs, to compare those of changed code with: --against before.json

116 pages of text (chrome.json) and 56 of HTML (html/), written for this project, with what a reader would keep. Exit code 1: lines of text are
lost that were not before.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cleantext.chrome import StripChrome
from cleantext.chrome.main_text.main_blocks import MainContent
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
from cleantext.transform import Page

HERE = Path(__file__).parent


class Case(NamedTuple):
    name: str
    page: Page
    expected: list[str]
    optional: list[str]  # lines that nobody minds


class Verdict(NamedTuple):
    """Of the lines of a page, without their blanks."""

    had: Counter[str]  # page chrome that it has
    left: Counter[str]  # page chrome that stays
    lost: Counter[str]  # text that stands in no line of the output, whole


def cases() -> Iterator[Case]:
    """Yield the pages: those of text, then those of HTML."""
    for row in json.loads((HERE / "chrome.json").read_text("utf-8")):
        yield Case(f"text: {row['label']}", Page(row["input"]), row["expected"].split("\n"), row.get("optional", []))
    facts = json.loads((HERE / "html" / "pages.json").read_text("utf-8"))
    for number, fact in facts.items():
        page = read_html((HERE / "html" / f"{number}.html").read_bytes())
        expected = (HERE / "html" / f"{number}.txt").read_text("utf-8").split("\n")
        yield Case(f"html {number}: {fact['label']}", page, expected, fact.get("optional_lines", []))


def folded(lines: list[str]) -> Counter[str]:
    """Return lines without their blanks, with how often each stands."""
    return Counter(line for line in ("".join(line.split()) for line in lines) if line)


def judge(case: Case, output: str) -> Verdict:
    """Compare an output with what a reader would keep."""
    text, out = folded(case.expected), folded(output.split("\n"))
    fine = text + folded("\n".join(case.optional).split("\n"))

    def chrome(lines: Counter[str]) -> Counter[str]:
        return Counter({line: n for line, n in (lines - fine).items() if not any(part in line for part in text)})

    lost = Counter({line: n for line, n in (text - out).items() if not any(line in whole for whole in out)})
    return Verdict(chrome(folded(case.page.text.split("\n"))), chrome(out), lost)


def cleaned(known: list[Case], *packs: str) -> dict[str, str]:
    """Return what cleaning makes of each page: main text and rules, the script as it is."""
    pipeline = Pipeline((MainContent(), StripChrome())).with_rules(*packs)
    pages = pipeline.fast([case.page for case in known])
    return {case.name: page.text for case, page in zip(known, pages, strict=True)}


def figures(verdicts: list[Verdict]) -> str:
    """Return the figures of a set of pages."""
    had, left = (sum(getattr(v, field).total() for v in verdicts) for field in ("had", "left"))
    lost = sum(v.lost.total() for v in verdicts)
    return f"{len(verdicts)} pages: {had - left:,} of {had:,} lines of chrome go ({(had - left) / had:.1%}), {lost} lines of text are lost"


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.cases", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", action="append", default=[], metavar="FILE", help="a rule pack; may be repeated")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the outputs")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with outputs that were saved")
    asked = parser.parse_args(argv)
    known = list(cases())
    after = cleaned(known, *asked.rules)
    verdicts = {case.name: judge(case, after[case.name]) for case in known}
    for kind in ("text", "html"):
        print(f"{kind:5}{figures([v for name, v in verdicts.items() if name.startswith(kind)])}")
    if asked.save:
        asked.save.write_text(json.dumps(after, ensure_ascii=False, indent=0), "utf-8")
    if not (asked.against or asked.rules):
        return 0
    before = json.loads(asked.against.read_text("utf-8")) if asked.against else cleaned(known)
    return int(compare(known, before, verdicts))


def compare(known: list[Case], before: dict[str, str], verdicts: dict[str, Verdict]) -> bool:
    """Print each line that fares otherwise than before; say whether text is lost."""
    worse = changes = 0
    for case in known:
        old, new = judge(case, before[case.name]), verdicts[case.name]
        told = {
            "TEXT LOST": new.lost - old.lost,
            "text back": old.lost - new.lost,
            "chrome gone": old.left - new.left,
            "chrome back": new.left - old.left,
        }
        for what, lines in told.items():
            for line in lines:
                print(f"{what:12}{case.name}: {line[:80]}")
        worse += told["TEXT LOST"].total()
        changes += sum(lines.total() for lines in told.values())
    print(f"{changes} lines fare otherwise, {worse} lines of text are lost that were not before")
    return worse > 0


if __name__ == "__main__":
    sys.exit(main())
