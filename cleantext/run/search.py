"""Duplicates only: search folders of pages as they are, without cleaning them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cleantext
from cleantext.errors import InputError
from cleantext.report.page import render
from cleantext.report.tally import Report
from cleantext.run.files import Source, check_output, find_pages, read_page, write_json, write_jsonl, write_whole
from cleantext.run.tables import write_pairs

__all__ = ["dedup_files"]


def dedup_files(
    src: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    level: Literal["document", "passage"] = "passage",
    threshold: float = 0.8,
    against: str | Path | None = None,
    min_chars: int = 40,
) -> Report:
    """Find near-duplicates among the pages of files and folders as they are; write tables and a report into ``out``.

    ``against`` is a folder of references (a benchmark, say): only pairs of a page and a reference are reported.
    """
    from cleantext.dedup import find_duplicates

    started = time.perf_counter()
    sources = [src] if isinstance(src, (str, Path)) else list(src)
    folder = Path(out)
    pages, more = find_pages(sources).pages, find_pages([against]).pages if against else []
    check_output([*sources, *([against] if against else [])], [*pages, *more], folder)
    report = Report()
    own = _texts(pages, report)
    references = {str(Path(against or "", name)): text for name, text in _texts(more, report).items()}
    found = find_duplicates(
        list(own.values()),
        ids=list(own),
        level=level,
        threshold=threshold,
        min_chars=min_chars,
        against=list(references.values()) if against else None,
        against_ids=list(references) if against else None,
    )
    report.settings = {
        "cleantext": cleantext.__version__,
        "pipeline": "none",
        "fingerprint": "none",
        "level": level,
        "threshold": threshold,
    }
    write_pairs(folder, found, {**own, **references}, None, report)
    if report.failures:
        write_jsonl(folder / "failed.jsonl", report.failures)
    write_json(folder / "report.json", report.to_json())
    write_whole(folder / "report.html", render(report).encode())
    report.seconds = time.perf_counter() - started
    return report


def _texts(pages: Sequence[Source], report: Report) -> dict[str, str]:
    """Read pages; what cannot be read is told and counted."""
    texts: dict[str, str] = {}
    for source in pages:
        try:
            page, data, decoded = read_page(source)
        except InputError as error:
            report.fail(source.id, str(error))
            continue
        texts[page.id] = page.text
        report.bytes_in += len(data)
        report.chars_in += len(page.text)
        report.chars_out += len(page.text)
        report.outcomes["kept"] += 1
        report.encodings[decoded.encoding] += 1
    return texts
