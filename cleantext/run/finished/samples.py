"""Pages of a finished run before and after cleaning, for its report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any

from cleantext.edits import compose
from cleantext.errors import EditError, InputError
from cleantext.report.overview import READ, overview
from cleantext.report.page import render
from cleantext.report.page_pieces import View, page_view
from cleantext.report.tally import Report
from cleantext.run.files import write_json, write_whole
from cleantext.run.finished.outputs import is_table_run, pages_of
from cleantext.run.finished.restore import text_as_read
from cleantext.run.shards.settings import EDITS, METADATA
from cleantext.run.side_tables import read_edits

__all__ = ["page_views", "render_report", "write_report"]


def write_report(out: Path, report: Report) -> None:
    """Write report.json and report.html into the folder of a run whose tables are complete."""
    if (out / METADATA).exists() or is_table_run(out):
        failed = report.failures if is_table_run(out) else ()
        report.overview = overview(chain(pages_of(out, columns=READ), ({"id": row["id"], "outcome": "failed"} for row in failed)))
    write_json(out / "report.json", report.to_json())
    render_report(out, report)


def render_report(out: Path, report: Report) -> None:
    """Write report.html, with the sample pages that the report chose, before and after cleaning."""
    write_whole(out / "report.html", render(report, page_views(out, report.overview.get("pages", ()))).encode("utf-8", "replace"))


def page_views(out: Path, pages: Iterable[Mapping[str, Any]]) -> dict[str, View]:
    """Return views of some pages of a run by their ids, from its outputs. A page that failed, or changed since, has none."""
    wanted = {page["id"] for page in pages if page.get("outcome") != "failed"}
    if not wanted or not (out / EDITS).exists():
        return {}
    edits = read_edits(out / EDITS, wanted)
    found = {}
    for row in pages_of(out, texts=True, ids=wanted):
        steps = edits.get(row["id"], [])
        with contextlib.suppress(EditError, InputError):
            found[row["id"]] = page_view(text_as_read(out, row, steps), reduce(compose, [made for _, made in steps], ()))
    return found
