"""The way back: pages as they were read, from the output folder of a run alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from cleantext.edits import Edit, revert
from cleantext.errors import CleantextError, ConfigError, EditError
from cleantext.report.tally import Report
from cleantext.run.files import UNDO, is_name_error, is_run, output_path, unwritable, write_json, write_whole
from cleantext.run.outputs import dropped, has_edits, is_table_run, text_of
from cleantext.run.readers.source import Source
from cleantext.run.settings import EDITS, METADATA
from cleantext.run.state import rows_of, working
from cleantext.run.tables import readers_of, steps_of
from cleantext.run.writers.corpus import DROPPED_FILE, CorpusWriter, corpus_files, corpus_tables
from cleantext.run.writers.schema import KEY, SCHEMA

__all__ = ["text_as_read", "undo"]

Steps = Sequence[tuple[str, Sequence[Edit]]]


def undo(out: str | Path, to: str | Path, report: Report) -> Iterator[Path]:
    """Write the pages as they were read, from the cleaned pages and edits.parquet of a run alone.

    Text comes back as UTF-8 without byte order mark, whatever its encoding was; packed pages come back
    unpacked, and HTML as the visible lines that were read from it, with .txt behind its name. Yield each
    file written. A page that cannot come back, since it was changed or lost or its name leads out of a folder, is counted
    and told in ``report``, and nothing of it is written. While it works its state stands in ``to``, so that it can be run again
    after it was stopped. Raise `InputError` where the folder is not a run with recorded edits, and `ConfigError` where ``to``
    holds the pages of a run, or another process writes there.
    """
    source, target = Path(out), Path(to)
    has_edits(source)
    if is_run(target):
        raise ConfigError(f"output {target} holds the pages of a run: name a new or empty folder")
    with working(target, UNDO) as state:
        _begin(state, source)
        yield from (_of_table if is_table_run(source) else _of_texts)(source, target, report)


def _of_texts(source: Path, target: Path, report: Report) -> Iterator[Path]:
    rows = rows_of(source / METADATA)
    open_ = {row["id"]: row for row in rows if row["outcome"] != "failed"}
    failed = {row["id"] for row in rows if row["outcome"] == "failed"}  # such as those that could not be written
    for table in readers_of(source / EDITS):  # a shard at a time: all edits of a crawl would not fit
        for page, steps in steps_of(table()).items():
            if page in open_:
                yield from _restored(source, target, open_.pop(page), steps, report)
            elif page not in failed:
                report.fail(page, f"{page}: has edits in {EDITS}, but no row in {METADATA}, or another before: clean the page again")
    for row in open_.values():  # whose text the pipeline left as it was
        yield from _restored(source, target, row, [], report)


def _of_table(source: Path, target: Path, report: Report) -> Iterator[Path]:
    """Write the originals of a table as a table ``id, url, text``, in files of a bounded size; one shard of edits is in memory at a time."""
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
    """Yield the rows of a table, kept and dropped, each with its edits: a shard at a time, in whose order all files are."""
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


def _begin(state: Path, source: Path) -> None:
    """Say of which run this is the undo. Raise `ConfigError` where one of another was stopped here."""
    held, ours = state / "run.json", str(source.resolve())
    if held.exists():
        try:
            other = str(json.loads(held.read_bytes()))
        except ValueError:
            other = "another run"
        if other != ours:
            raise ConfigError(f"{state.parent.parent}: an undo of {other} was stopped here: run that again, or name another folder")
    write_json(held, ours)


def text_as_read(out: Path, row: Mapping[str, Any], steps: Steps) -> str:
    """Return a page as it was read: its cleaned text with the edits of all steps taken back.

    Raise `EditError` where it was changed or lost since, `InputError` where its name leads out of the folder.
    """
    text = text_of(out, row)
    for _, edits in reversed(steps):
        text = revert(text, edits)
    if len(text) != row.get("chars_in"):
        raise EditError(f"{row['id']}: its edits give {len(text):,} characters of {row.get('chars_in')} back: clean the page again")
    return text


def _restored(source: Path, target: Path, row: Mapping[str, Any], steps: Steps, report: Report) -> Iterator[Path]:
    try:
        path = output_path(target, row["output"] or Source(Path(row["id"]), row["id"], 0).output)
        data = text_as_read(source, row, steps).encode()
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
