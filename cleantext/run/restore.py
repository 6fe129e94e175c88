"""The way back: pages as they were read, from the output folder of a run alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cleantext.edits import Edit, revert
from cleantext.errors import CleantextError, ConfigError, EditError, InputError
from cleantext.report.tally import Report
from cleantext.run.files import UNDO, Source, is_name_error, is_run, is_undo, output_path, unwritable, write_json, write_whole
from cleantext.run.paths import inside
from cleantext.run.settings import EDITS, METADATA
from cleantext.run.state import rows_of, working
from cleantext.run.tables import REMOVED, readers_of, steps_of

__all__ = ["is_undone", "recorded", "text_as_read", "undo"]

Steps = Sequence[tuple[str, Sequence[Edit]]]


def undo(out: str | Path, to: str | Path, report: Report) -> Iterator[Path]:
    """Write the pages as they were read, from the cleaned pages and edits.parquet of a run alone.

    Text comes back as UTF-8 without byte order mark, whatever its encoding was; packed pages come back
    unpacked, and HTML as the visible lines that were read from it, with .txt behind its name. Yield each
    file written, or there already as it would be. A page that cannot come back, since it was changed or lost, its name leads out of a
    folder, or another text stands in its place, is counted and told in ``report``, and nothing of it is written. While it works its
    state stands in ``to``, so that it can be run again after it was stopped. Raise `InputError` where the folder is not a run with recorded edits, and `ConfigError` where ``to``
    holds the pages of a run, or another process writes there.
    """
    source, target = Path(out), Path(to)
    rows = recorded(source)
    open_ = {row["id"]: row for row in rows if row["outcome"] != "failed"}
    failed = {row["id"] for row in rows if row["outcome"] == "failed"}  # such as those that could not be written
    removed: dict[str, list[tuple[str, list[Edit]]]] = {}
    tables = readers_of(source / EDITS)
    if tables and (last := steps_of(tables[-1]())) and all(steps[-1][0] == REMOVED for steps in last.values()):
        removed = last
        tables.pop()
    if is_run(target):
        raise ConfigError(f"output {target} holds the pages of a run: name a new or empty folder")
    with working(target, UNDO) as state:
        resumed = _begin(state, source)
        for table in tables:  # a shard at a time: all edits of a crawl would not fit
            for page, steps in steps_of(table()).items():
                if page in open_:
                    yield from _restored(source, target, open_.pop(page), [*steps, *removed.get(page, [])], report, over=resumed)
                elif page not in failed:
                    report.fail(page, f"{page}: has edits in {EDITS}, but no row in {METADATA}, or another before: clean the page again")
        for page, row in open_.items():  # whose text the pipeline left as it was
            yield from _restored(source, target, row, removed.get(page, []), report, over=resumed)


def is_undone(out: Path, folder: Path) -> bool:
    """Say whether a folder holds nothing but files of the names that `undo` of a run writes, stopped or done."""
    if is_undo(folder):
        return True
    if is_run(folder):
        return False
    names = {_name(row) for row in recorded(out)}
    return all(path.relative_to(folder).as_posix() in names for path in folder.rglob("*") if not path.is_dir())


def _name(row: Mapping[str, Any]) -> str:
    """Return the path of the original of a page below the folder of an undo."""
    return row["output"] or Source(Path(row["id"]), row["id"], 0).output


def _begin(state: Path, source: Path) -> bool:
    """Say of which run this is the undo, and return whether it was stopped here. Raise `ConfigError` where that of another was."""
    held, ours = state / "run.json", str(source.resolve())
    if held.exists():
        try:
            other = str(json.loads(held.read_bytes()))
        except ValueError:
            other = "another run"
        if other != ours:
            raise ConfigError(f"{state.parent.parent}: an undo of {other} was stopped here: run that again, or name another folder")
        return True
    write_json(held, ours)
    return False


def recorded(out: Path) -> list[dict[str, Any]]:
    """Return the rows of the metadata of a run that recorded its edits. Raise `InputError` where the folder is none."""
    if not out.is_dir():
        raise InputError(f"{out}: no such folder; check the path")
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
        try:
            data = path.read_bytes() if path.is_file() else b""
        except OSError as error:
            raise EditError(f"{path}: cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != row.get("output_sha256"):
            raise EditError(f"{path}: changed or lost since it was cleaned, so its edits do not fit: clean the page again")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise EditError(f"{path}: not the text that cleaning wrote ({error}): clean the page again") from error
    for _, edits in reversed(steps):
        text = revert(text, edits)
    if len(text) != row.get("chars_in"):
        raise EditError(f"{row['id']}: its edits give {len(text):,} characters of {row.get('chars_in')} back: clean the page again")
    return text


def _restored(source: Path, target: Path, row: Mapping[str, Any], steps: Steps, report: Report, *, over: bool) -> Iterator[Path]:
    """Write one original. ``over`` lets it take the place of one that an undo, which was stopped, wrote before."""
    try:
        path = output_path(target, _name(row))
        data = text_as_read(source, row, steps).encode()
        there = path.is_file() and path.read_bytes() == data
        if not there and not over and path.is_file():
            raise InputError(f"{path}: is there already, with another text than {row['id']} had: move it away, or name another folder")
        if not there:
            write_whole(path, data, sync=False)
    except CleantextError as error:
        report.fail(row["id"], str(error))
    except UnicodeError as error:
        report.fail(row["id"], f"{row['id']!r}: holds what is no character ({error}): mend or drop this row of {METADATA}")
    except OSError as error:
        if not is_name_error(error):  # a full disk, say: not the page's fault
            raise
        report.fail(row["id"], unwritable(row["id"], error))
    else:
        report.outcomes["kept"] += 1
        yield path
