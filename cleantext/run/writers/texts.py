"""The end of a run that writes texts: find and remove duplicates, and join the tables next to the pages."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cleantext.edits import Edit, apply
from cleantext.errors import InputError
from cleantext.plan import Table
from cleantext.report.tally import Report
from cleantext.run.files import check_place, settle, unwritable, write_jsonl, write_whole
from cleantext.run.paths import inside
from cleantext.run.resume.parts import Corpus, write_kept
from cleantext.run.resume.run_state import rows_of
from cleantext.run.shards.settings import EDITS, EDITS_PART, METADATA, STATE, Settings, Shard, page_folder, part
from cleantext.run.side_tables import edits_writer
from cleantext.run.writers.corpus import drop_corpus
from cleantext.run.writers.finish import Progress, join_edits, removal_edits, searched_in, with_title

__all__ = ["finish_texts"]

Row = dict[str, Any]
TEXTS = 1 << 24  # bytes of texts in a row group


def finish_texts(
    out: Path, shards: Sequence[Shard], settings: Settings, report: Report, *, workers: int | None, progress: Progress | None = None
) -> None:
    """Join the shards' tables, find duplicates among the pages, and remove them if asked to; one shard is in memory at a time."""
    rows = [rows_of(part(out, shard, METADATA)) for shard in shards]
    kept = [[row for row in held if row["outcome"] != "failed" and (not settings.remove or _has_place(out, row, report))] for held in rows]
    edits = [part(out, shard, EDITS_PART) for shard in shards] if settings.record else None
    corpus = Corpus(Table(()), "string", "double")
    if settings.duplicates != "off":
        folder = page_folder(out, settings)
        paths = [_texts(folder, held, out / STATE / "texts" / f"{n:06d}.parquet") for n, held in enumerate(kept)]
        corpus = Corpus(Table.of(paths, columns={"id": "id", "text": "text"}, positions=True), "string", "double")
    _, marks = searched_in(corpus, settings, out, report, workers=workers, edits=edits, progress=progress)
    with ExitStack() as stack:
        writer = stack.enter_context(edits_writer(out / EDITS)) if edits is not None else None
        for number, held in enumerate(kept):
            _, spans = marks.of(number)
            removed: dict[str, list[Edit]] = {}
            for n, row in enumerate(held) if settings.remove else ():
                text = inside(page_folder(out, settings), row["output"]).read_bytes().decode()
                title = row.get("title")
                if made := removal_edits(text, spans.get(n, ()), whole_text=settings.duplicates == "documents" and n in spans):
                    removed[row["id"]] = with_title(title and str(title), text, made)
                _remove(out, row, text, removed.get(row["id"], []), report)
            if writer is not None and edits is not None:
                join_edits(writer, edits[number], number, removed, settings, report)
    if settings.remove:
        settle(out / row["output"] for held in kept for row in held if row["output"])
    if not settings.record:
        (out / EDITS).unlink(missing_ok=True)
    write_jsonl(out / METADATA, (row for held in rows for row in held))
    drop_corpus(out)
    if report.failures:
        write_jsonl(out / "failed.jsonl", report.failures)
    else:
        (out / "failed.jsonl").unlink(missing_ok=True)


def _texts(folder: Path, rows: Sequence[Row], path: Path) -> Path:
    """Write pages as a table of ids and texts."""
    import pyarrow as pa

    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    tables = (
        pa.table([[row["id"] for row in group], [inside(folder, row["output"]).read_bytes().decode() for row in group]], schema=schema)
        for group in _groups(rows)
    )
    return write_kept(path, tables)


def _groups(rows: Sequence[Row]) -> Iterator[list[Row]]:
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += 3 * int(row["chars_out"])
        if size >= TEXTS:
            yield held
            held, size = [], 0
    if held:
        yield held


def _has_place(out: Path, row: Row, report: Report) -> bool:
    """Return whether a page that was set aside can be written to its place; if not, it fails now, before others are removed as its copies."""
    try:
        check_place(out, row["output"])
    except InputError as error:
        why = f"{row['id']}: cannot be written: {error}"
    except OSError as error:
        why = unwritable(row["id"], error)
    else:
        return True
    report.outcomes[row["outcome"]] -= 1
    report.chars_out -= row["chars_out"]
    report.changed -= row["output_sha256"] != row["sha256"]
    report.flags -= Counter(row["flags"])
    report.fail(row["id"], why)
    row["outcome"], row["output"] = "failed", None
    return False


def _remove(out: Path, row: Row, text: str, edits: Sequence[Edit], report: Report) -> None:
    """Write one page without its duplicates; a page of which nothing is left gets no file."""
    left = apply(text, edits)
    report.chars_out += len(left) - len(text)
    report.changed += bool(edits) and row["output_sha256"] == row["sha256"]
    row["chars_out"], row["output_sha256"] = len(left), hashlib.sha256(left.encode()).hexdigest()
    if edits and not left.strip():
        report.outcomes[row["outcome"]] -= 1
        report.outcomes["duplicate"] += 1
        inside(out, row["output"]).unlink(missing_ok=True)
        row["outcome"], row["output"] = "duplicate", None
    else:
        write_whole(inside(out, row["output"]), left.encode("utf-8", "replace"), sync=False)
