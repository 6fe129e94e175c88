"""One shard: clean its pages and write them, its rows of metadata, its edits, and at last its marker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cleantext.changes import Changes
from cleantext.errors import CleantextError, InputError
from cleantext.jit import expect
from cleantext.report.tally import Report
from cleantext.run.budget import Watch, unwatched
from cleantext.run.files import Source, is_name_error, output_path, read_page, settle, unwritable, write_whole
from cleantext.run.markers import mark
from cleantext.run.settings import EDITS_PART, METADATA, Settings, Shard, page_folder, part, total_size
from cleantext.run.tables import write_edits
from cleantext.transform import Page
from cleantext.warm import warm

__all__ = ["ALL", "run_shard", "try_pages"]

ALL = -1  # the pages of a shard, together


def run_shard(
    shard: Shard, settings: Settings, out: Path, *, over: Mapping[int, str] | None = None, extra: float = 0.0, watch: Watch = unwatched
) -> Report:
    """Clean one shard: write its pages, its rows of metadata and its edits; return its tally.

    ``over`` names pages that fail without being read, and why: those that went over their budget, or ended their process.
    ``extra`` are seconds that the others may take together beside what is usual.
    """
    report, over = Report(), over or {}
    expect(total_size([shard], unpacked=True))  # in a process of its own, where this is one
    inputs = shard.digest(settings)  # before reading: a file that changes meanwhile is done again
    seconds = settings.seconds(total_size([shard], unpacked=True))
    watch(ALL, seconds and seconds + extra)
    rows = {source.id: {"id": source.id, "output": source.output} for source in shard.sources}
    pages = []
    for number, source in enumerate(shard.sources):
        if number in over:
            _failed(rows[source.id], report, f"{source.id}: {over[number]}")
        elif (page := _read(source, rows[source.id], settings, report)) is not None:
            pages.append(page)
    pages, cleaned, steps = _cleaned(pages, rows, settings, report)
    watch(ALL, 0)
    write_whole(part(out, shard, "outputs.json"), json.dumps([s.output for s in shard.sources]).encode(), sync=False)
    if settings.record:
        ids = [p.id for p in pages]
        for step, changes in zip(settings.pipeline.steps, steps, strict=True):
            report.count(step.id, ids, changes.columns)
        write_edits(part(out, shard, EDITS_PART), ids, settings.pipeline, steps)
    written = []
    for page in cleaned:
        try:
            path = output_path(page_folder(out, settings), rows[page.id]["output"])
            write_whole(path, page.text.encode("utf-8", "replace"), sync=False)
        except InputError as error:
            _failed(rows[page.id], report, f"{page.id}: cannot be written: {error}")
            continue
        except OSError as error:
            if not is_name_error(error):  # a full disk, say: not the page's fault
                raise
            _failed(rows[page.id], report, unwritable(page.id, error))
            continue
        written.append(path)
        _describe(rows[page.id], page, report)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
    write_whole(part(out, shard, METADATA), lines.encode(), sync=False)
    settle(written)  # once for all pages of the shard; only then may the marker say that they are there
    mark(shard, settings, out, inputs=inputs, report=report, over=bool(over))
    return report


def try_pages(shard: Shard, settings: Settings, *, first: int, over: Mapping[int, str], watch: Watch) -> None:
    """Read and clean the pages of a shard one by one from the ``first`` on, and write nothing: each has its own budget.

    Kernels are compiled before: that is no page's fault.
    """
    warm("pages", "documents")
    for number, source in enumerate(shard.sources):
        if number < first or number in over:
            continue
        watch(number, settings.seconds(source.weight))
        try:
            read = read_page(source, most=settings.max_page_bytes)
            watch(number, settings.seconds(len(read.data)))
            _work([read.page], settings)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - told when the shard is done
            continue
    watch(ALL, 0)


def _read(source: Source, row: dict[str, Any], settings: Settings, report: Report) -> Page | None:
    """Read one page. What fails is counted and told, never raised."""
    try:
        page, data, decoded = read_page(source, most=settings.max_page_bytes)
    except InputError as error:
        _failed(row, report, str(error))
        return None
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "encoding": decoded.encoding, "decided_by": decoded.evidence}
    row["chars_in"] = len(page.text)
    report.bytes_in += len(data)
    report.chars_in += len(page.text)
    report.encodings[decoded.encoding] += 1
    return page


def _cleaned(
    pages: list[Page], rows: dict[str, dict[str, Any]], settings: Settings, report: Report
) -> tuple[list[Page], list[Page], list[Changes]]:
    """Clean a batch. Where it fails, find the pages to blame one by one, and clean the others."""
    try:
        return pages, *_work(pages, settings)
    except (CleantextError, ImportError, MemoryError):  # of the recipe or the installation; whoever gave the memory finds the page
        raise
    except Exception:  # noqa: BLE001 - see above: the pages to blame are found, told and counted
        sound = []
        for page in pages:
            try:
                _work([page], settings)
                sound.append(page)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001
                _failed(rows[page.id], report, f"{page.id}: a step of the pipeline failed: {error!r}; please report it with the page")
        return sound, *_work(sound, settings)


def _work(pages: list[Page], settings: Settings) -> tuple[list[Page], list[Changes]]:
    if not settings.record:
        return settings.pipeline.fast(pages), []
    traced = settings.pipeline.trace(pages)
    return traced.pages, traced.steps


def _failed(row: dict[str, Any], report: Report, why: str) -> None:
    report.fail(row["id"], why)
    row["outcome"] = "failed"
    row["output"] = None


def _describe(row: dict[str, Any], page: Page, report: Report) -> None:
    digest = hashlib.sha256(page.text.encode("utf-8", "replace")).hexdigest()
    report.changed += digest != row["sha256"]
    row["chars_out"] = len(page.text)
    row["output_sha256"] = digest
    row["outcome"] = "kept" if page.text.strip() else "emptied"
    row["flags"] = list(page.flags)
    row |= {k: v for k, v in sorted(page.metadata.items()) if k not in row}
    report.outcomes[row["outcome"]] += 1
    report.chars_out += len(page.text)
    report.flags.update(page.flags)
