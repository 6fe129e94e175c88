"""The way back: pages as they were read, from the output folder of a run alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cleantext.edits import Edit, revert
from cleantext.errors import CleantextError, EditError, InputError
from cleantext.report.tally import Report
from cleantext.run.files import Source, is_name_error, write_whole
from cleantext.run.paths import inside
from cleantext.run.settings import EDITS, METADATA
from cleantext.run.state import rows_of
from cleantext.run.tables import REMOVED, readers_of, steps_of

__all__ = ["recorded", "text_as_read", "undo"]

Steps = Sequence[tuple[str, Sequence[Edit]]]


def undo(out: str | Path, to: str | Path, report: Report) -> Iterator[Path]:
    """Write the pages as they were read, from the cleaned pages and edits.parquet of a run alone.

    Text comes back as UTF-8 without byte order mark, whatever its encoding was; packed pages come back
    unpacked, and HTML as the visible lines that were read from it, with .txt behind its name. Yield each
    file written. A page that cannot come back, since it was changed or lost or its name leads out of a folder, is counted
    and told in ``report``, and nothing of it is written. Raise `InputError` where the folder is not a run with recorded edits.
    """
    source, target = Path(out), Path(to)
    open_ = {row["id"]: row for row in recorded(source) if row["outcome"] != "failed"}
    removed: dict[str, list[tuple[str, list[Edit]]]] = {}
    tables = readers_of(source / EDITS)
    if tables and (last := steps_of(tables[-1]())) and all(steps[-1][0] == REMOVED for steps in last.values()):
        removed = last
        tables.pop()
    for table in tables:  # a shard at a time: all edits of a crawl would not fit
        for page, steps in steps_of(table()).items():
            if page in open_:
                yield from _restored(source, target, open_.pop(page), [*steps, *removed.get(page, [])], report)
            else:
                report.fail(page, f"{page}: has edits in {EDITS}, but no row in {METADATA}, or another before: clean the page again")
    for page, row in open_.items():  # whose text the pipeline left as it was
        yield from _restored(source, target, row, removed.get(page, []), report)


def recorded(out: Path) -> list[dict[str, Any]]:
    """Return the rows of the metadata of a run that recorded its edits. Raise `InputError` where the folder is none."""
    if not (out / METADATA).exists() or not (out / EDITS).exists():
        raise InputError(f"{out}: no {METADATA} and {EDITS} here; name the output folder of a run that recorded its edits")
    return rows_of(out / METADATA)


def text_as_read(out: Path, row: Mapping[str, Any], steps: Steps) -> str:
    """Return a page as it was read: its cleaned text below ``out`` with the edits of all steps taken back.

    Raise `EditError` where it was changed or lost since, `InputError` where its name leads out of the folder.
    """
    data = b""
    if row["outcome"] != "duplicate":
        path = inside(out, row["output"] or "")
        data = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(data).hexdigest() != row.get("output_sha256"):
            raise EditError(f"{path}: changed or lost since it was cleaned, so its edits do not fit: clean the page again")
    text = data.decode()
    for _, edits in reversed(steps):
        text = revert(text, edits)
    if len(text) != row.get("chars_in"):
        raise EditError(f"{row['id']}: its edits give {len(text):,} characters of {row.get('chars_in')} back: clean the page again")
    return text


def _restored(source: Path, target: Path, row: Mapping[str, Any], steps: Steps, report: Report) -> Iterator[Path]:
    name = row["output"] or Source(Path(row["id"]), row["id"], 0).output
    try:
        path = inside(target, name)
        data = text_as_read(source, row, steps).encode()
        write_whole(path, data, sync=False)
    except CleantextError as error:
        report.fail(row["id"], str(error))
    except OSError as error:
        if not is_name_error(error):  # a full disk, say: not the page's fault
            raise
        report.fail(row["id"], f"{row['id']}: cannot be written: {error.strerror}; rename it")
    else:
        report.outcomes["kept"] += 1
        yield path
