"""Pages of a finished run as they were and as they are, for its report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from cleantext.chrome import StripChrome
from cleantext.edits import Edit, apply, compose
from cleantext.errors import EditError, InputError
from cleantext.pipeline import Pipeline
from cleantext.report.overview import READ, overview
from cleantext.report.page import render
from cleantext.report.pieces import View, page_view
from cleantext.report.tally import Report
from cleantext.run.files import write_json, write_whole
from cleantext.run.outputs import is_table_run, pages_of
from cleantext.run.restore import text_as_read
from cleantext.run.settings import EDITS, METADATA
from cleantext.run.tables import read_edits

__all__ = ["Sample", "close_lines", "render_report", "samples_of", "write_report"]

LONG = 20_000  # characters of a page beyond which its lines are not asked about again
SHOWN = 160  # characters of a line
CALLS = 8  # lines that went and that stay, each
DOUBT = 0.1  # a line that is page chrome with less is no close call


class Sample(NamedTuple):
    """A page of a finished run: its text as read, and what each step did to it."""

    text: str
    steps: Sequence[tuple[str, Sequence[Edit]]]
    host: str = ""

    def view(self) -> View:
        """Return the page as it was and as it is."""
        return page_view(self.text, reduce(compose, [made for _, made in self.steps], ()))


def write_report(out: Path, report: Report, pipeline: Pipeline) -> None:
    """Write report.json and report.html into the folder of a run whose tables are there."""
    if (out / METADATA).exists() or is_table_run(out):
        failed = report.failures if is_table_run(out) else ()
        report.overview = overview(chain(pages_of(out, columns=READ), ({"id": row["id"], "outcome": "failed"} for row in failed)))
    samples = samples_of(out, report.overview.get("pages", ()))
    report.overview["lines"] = close_lines(pipeline, samples)
    write_json(out / "report.json", report.to_json())
    render_report(out, report, samples)


def render_report(out: Path, report: Report, samples: Mapping[str, Sample] | None = None) -> None:
    """Write report.html, with the pages of the run that its report chose, as they were and as they are."""
    samples = samples_of(out, report.overview.get("pages", ())) if samples is None else samples
    views = {page: sample.view() for page, sample in samples.items()}
    write_whole(out / "report.html", render(report, views).encode("utf-8", "replace"))


def samples_of(out: Path, pages: Iterable[Mapping[str, Any]]) -> dict[str, Sample]:
    """Return some pages of a run by their ids, from its outputs. A page that failed, or changed since, has none."""
    wanted = {page["id"] for page in pages if page.get("outcome") != "failed"}
    if not wanted or not (out / EDITS).exists():
        return {}
    edits = read_edits(out / EDITS, wanted)
    found = {}
    for row in pages_of(out, texts=True, ids=wanted):
        steps = edits.get(row["id"], [])
        with contextlib.suppress(EditError, InputError):
            found[row["id"]] = Sample(text_as_read(out, row, steps), steps, row.get("host") or "")
    return found


def close_lines(pipeline: Pipeline, samples: Mapping[str, Sample]) -> list[dict[str, Any]]:
    """Return lines of plain text about which the learned model was least sure: those that went although they are the likeliest text, then those that stay.

    Each is ``page, text, chrome`` (how likely it is page chrome, 0 to 1) and ``gone``. Of HTML another model decides, which looks at markup.
    """
    at = next((n for n, step in enumerate(pipeline.steps) if isinstance(step, StripChrome) and step.learned), None)
    if at is None:
        return []
    before, step = {s.id for s in pipeline.steps[:at]}, pipeline.steps[at]
    assert isinstance(step, StripChrome)
    plain = {page: s for page, s in samples.items() if not any(name == "chrome.html" for name, _ in s.steps) and len(s.text) <= LONG}
    texts = [reduce(apply, [made for name, made in s.steps if name in before], s.text) for s in plain.values()]
    found: list[dict[str, Any]] = [
        {"page": page, "text": text[odds.start : odds.end].strip()[:SHOWN], "chrome": odds.chrome, "gone": odds.gone}
        for page, text, lines in zip(plain, texts, step.odds(texts, hosts=[s.host for s in plain.values()]), strict=True)
        for odds in lines
    ]
    told: list[dict[str, Any]] = []
    for gone in (True, False):
        lines = [line for line in found if line["gone"] == gone and line["chrome"] > DOUBT]
        told += sorted(lines, key=lambda line: (line["chrome"] if gone else -line["chrome"], line["page"], line["text"]))[:CALLS]
    return told
