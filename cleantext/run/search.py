"""Duplicates only: search folders of pages as they are, without cleaning them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cleantext
from cleantext.decode import decode
from cleantext.report.page import render
from cleantext.report.tally import Report
from cleantext.run.files import Source, check_output, find_pages, is_html, write_json, write_whole
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
    check_output([*sources, *([against] if against else [])], folder)
    report = Report()
    own = _texts(find_pages(sources).pages, report)
    references = {f"{against}/{name}": text for name, text in _texts(find_pages([against]).pages, Report()).items()} if against else {}
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
    write_json(folder / "report.json", report.to_json())
    write_whole(folder / "report.html", render(report).encode())
    report.seconds = time.perf_counter() - started
    return report


def _texts(pages: Sequence[Source], report: Report) -> dict[str, str]:
    """Read pages; what cannot be read is told and counted."""
    texts: dict[str, str] = {}
    for page in pages:
        try:
            data = page.read()
        except Exception as error:  # noqa: BLE001 - a broken .gz raises what its library likes
            report.fail(page.id, f"cannot be read: {error}")
            continue
        decoded = decode(data)
        if decoded.evidence == "binary":
            report.fail(page.id, "is binary data, not text: convert it first or leave it out with .cleantextignore")
            continue
        text = decoded.text
        if is_html(page.id, data):
            from cleantext.html import read_html

            text = read_html(text).text
        texts[page.id] = text
        report.bytes_in += len(data)
        report.chars_in += len(text)
        report.chars_out += len(text)
        report.outcomes["kept"] += 1
        report.encodings[decoded.encoding] += 1
    return texts
