"""Undo: pages as they were read, from only the output folder of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from cleantext.edits import Edit, revert
from cleantext.errors import CleantextError, ConfigError, EditError, InputError
from cleantext.report.tally import Report
from cleantext.run.files import CORPUS, UNDO, is_name_error, is_run, is_undo, output_path, unwritable, write_json, write_whole
from cleantext.run.finished.outputs import dropped, has_edits, is_table_run, pages_of, text_of
from cleantext.run.readers.source import Source
from cleantext.run.resume.run_state import rows_of, working
from cleantext.run.shards.settings import EDITS, METADATA
from cleantext.run.side_tables import read_steps, readers_of, steps_of
from cleantext.run.writers.corpus import DROPPED_FILE, CorpusWriter, corpus_files, corpus_tables
from cleantext.run.writers.schema import KEY, SCHEMA
from cleantext.transform import Cleaned

__all__ = ["explained", "is_undone", "text_as_read", "undo"]

Steps = Sequence[tuple[str, Sequence[Edit]]]


def undo(out: str | Path, to: str | Path, report: Report) -> Iterator[Path]:
    """Write the pages as they were read, from only the cleaned pages and edits.parquet of a run.

    Text is written as UTF-8 without byte order mark, whatever its encoding was; compressed pages are written
    uncompressed, and HTML as the visible lines that were read from it, with .txt added to its name. Yield each
    file that was written, or was already there with the right content; for a table, tables ``id, url, text`` of its form. A page that cannot be restored (it
    was changed or lost, its name leads out of a folder, or another text is in its place) is counted and named in ``report``, and nothing
    is written for it. The state of the work is kept in ``to``, so that an interrupted undo can be run again. Raise `InputError` if the folder is not a run with
    recorded edits, and `ConfigError` if ``to`` holds the pages of a run, or another process writes there.
    """
    source, target = Path(out), Path(to)
    has_edits(source)
    if is_run(target):
        raise ConfigError(f"output {target} holds the pages of a run: name a new or empty folder")
    with working(target, UNDO) as state:
        resumed = _begin(state, source)
        if is_table_run(source):
            yield from _of_table(source, target, report)
        else:
            yield from _of_texts(source, target, report, over=resumed)


def _of_texts(source: Path, target: Path, report: Report, *, over: bool) -> Iterator[Path]:
    rows = rows_of(source / METADATA)
    open_ = {row["id"]: row for row in rows if row["outcome"] != "failed"}
    failed = {row["id"] for row in rows if row["outcome"] == "failed"}  # for example those that could not be written
    for table in readers_of(source / EDITS):  # a shard at a time: all edits of a crawl may not fit in memory
        for page, steps in steps_of(table()).items():
            if page in open_:
                yield from _restored(source, target, open_.pop(page), steps, report, over=over)
            elif page not in failed:
                report.fail(page, f"{page}: has edits in {EDITS}, but no row in {METADATA}, or another before: clean the page again")
    for row in open_.values():  # pages that the pipeline did not change
        yield from _restored(source, target, row, [], report, over=over)


def _of_table(source: Path, target: Path, report: Report) -> Iterator[Path]:
    """Write the originals of a table as a table ``id, url, text``, in files of bounded size; one shard of edits is in memory at a time."""
    import pyarrow as pa

    schema = pa.schema([("id", pa.string()), ("url", pa.string()), ("text", pa.string())], metadata={KEY: SCHEMA.encode()})
    form = corpus_files(source)[0].name.partition(".")[2]
    with CorpusWriter(target, form, schema, stem="originals") as writer:
        held: list[dict[str, Any]] = []

        def flush() -> None:
            writer.write(pa.Table.from_pylist(held, schema=schema))
            held.clear()

        for row, steps in _with_steps(source):
            try:
                text = text_as_read(source, row, steps)
            except CleantextError as error:
                report.fail(row["id"], str(error))
                continue
            report.outcomes["kept"] += 1
            held.append({"id": row["id"], "url": row["url"], "text": text})
            if len(held) >= 500:
                flush()
        flush()
    yield from (target / name for name in writer.written)


def _with_steps(source: Path) -> Iterator[tuple[dict[str, Any], Steps]]:
    """Yield the rows of a table, kept and dropped, each with its edits, one shard at a time: all files are in the order of shards."""
    kept = ({**row, "outcome": "kept"} for table in corpus_tables(source) for row in table.to_pylist())
    gone = dropped(source, texts=True) if (source / DROPPED_FILE).exists() else iter(())
    edits = ((table["shard"][0].as_py(), table) for read in readers_of(source / EDITS) if (table := read()).num_rows)
    ahead = next(edits, None)
    for shard, rows in groupby(merge(kept, gone, key=itemgetter("shard")), key=itemgetter("shard")):
        while ahead is not None and ahead[0] < shard:
            ahead = next(edits, None)
        steps = steps_of(ahead[1]) if ahead is not None and ahead[0] == shard else {}
        for row in rows:
            yield row, steps.get(row["id"], [])


def is_undone(out: Path, folder: Path) -> bool:
    """Return whether a folder only holds files with names that `undo` of a run writes, interrupted or finished."""
    if is_undo(folder):
        return True
    if is_run(folder):
        return False
    has_edits(out)
    if is_table_run(out):
        return all(CORPUS.fullmatch(path.name) and path.name.startswith("originals-") for path in folder.iterdir())
    names = {_name(row) for row in rows_of(out / METADATA)}
    return all(path.relative_to(folder).as_posix() in names for path in folder.rglob("*") if not path.is_dir())


def _name(row: Mapping[str, Any]) -> str:
    """Return the path of the original of a page below the folder of an undo."""
    return row["output"] or Source(Path(row["id"]), row["id"], 0).output


def _begin(state: Path, source: Path) -> bool:
    """Record which run is undone; return whether its undo was interrupted here. Raise `ConfigError` if that of another run was."""
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


def text_as_read(out: Path, row: Mapping[str, Any], steps: Steps) -> str:
    """Return a page as it was read: its cleaned text with the edits of all steps undone.

    Raise `EditError` if it was changed or lost since, `InputError` if its name leads out of the folder.
    """
    text = text_of(out, row)
    for _, edits in reversed(steps):
        text = revert(text, edits)
    if len(text) != row.get("chars_in"):
        raise EditError(f"{row['id']}: its edits give {len(text):,} characters of {row.get('chars_in')} back: clean the page again")
    return text


def explained(out: str | Path, name: str) -> Cleaned:
    """Return a page of a finished run with its edits. Raise `InputError` if there is no page of this id, or it was changed since."""
    folder = Path(out)
    has_edits(folder)
    row = next(pages_of(folder, texts=True, ids=[name]), None)
    if row is None:
        raise InputError(f"{folder}: no page of id {name!r}: ids stand in the column `id` of the corpus, or in {METADATA}")
    if row["outcome"] == "failed":
        raise InputError(f"{name}: could not be cleaned: see failed.jsonl")
    steps = read_steps(folder / EDITS, name)
    try:
        original = text_as_read(folder, row, [(step.transform, list(step.edits)) for step in steps])
    except EditError as error:
        raise InputError(str(error)) from error
    said = {key: row[key] for key in ("title", "published", "source", "author", "editor") if row.get(key)}
    return Cleaned(original, text_of(folder, row), steps, said, tuple(row.get("flags") or ()))


def _restored(source: Path, target: Path, row: Mapping[str, Any], steps: Steps, report: Report, *, over: bool) -> Iterator[Path]:
    """Write one original. ``over`` allows it to replace one that an interrupted undo wrote."""
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
        if not is_name_error(error):  # for example a full disk: not the page's fault
            raise
        report.fail(row["id"], unwritable(row["id"], error))
    else:
        report.outcomes["kept"] += 1
        yield path
