"""Read a finished run: the outcomes of its pages, and their texts before and after."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from cleantext.errors import EditError, InputError
from cleantext.run.paths import inside
from cleantext.run.resume.run_state import rows_of
from cleantext.run.shards.settings import EDITS, METADATA
from cleantext.run.writers.corpus import DROPPED_FILE, corpus_files, corpus_tables, named_rows
from cleantext.run.writers.schema import check_schema

__all__ = ["dropped", "has_edits", "is_table_run", "pages_of", "text_of"]


def is_table_run(out: Path) -> bool:
    """Return whether a folder holds a corpus that was written as a table."""
    return bool(corpus_files(out))


def has_edits(out: Path) -> None:
    """Raise `InputError` if a folder is not a run with recorded edits."""
    if not out.is_dir():
        raise InputError(f"{out}: no such folder; check the path")
    if not (out / EDITS).exists() or not (is_table_run(out) or (out / METADATA).exists()):
        raise InputError(f"{out}: no {METADATA} and {EDITS} here; name the output folder of a run that recorded its edits")


def pages_of(
    out: Path, *, texts: bool = False, columns: Collection[str] | None = None, ids: Collection[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the pages of a run, with ``outcome``; for tables also with their ``text`` on request.

    ``columns`` restricts the columns of a table that are read; ``ids`` restricts the pages. The dropped rows
    of a table come after those that were kept; pages that failed are in no table.
    """
    if not is_table_run(out):
        rows = rows_of(out / METADATA) if (out / METADATA).exists() else ()
        yield from (row for row in rows if ids is None or row["id"] in ids)
        return
    for table in corpus_tables(out, columns, but=() if texts else ("text",), ids=ids):
        for row in table.to_pylist():
            yield {**row, "outcome": "kept"}
    if (out / DROPPED_FILE).exists():
        yield from dropped(out, texts=texts, columns=columns, ids=ids)


def dropped(
    out: Path, *, texts: bool = False, columns: Collection[str] | None = None, ids: Collection[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows that were dropped, like `pages_of`. Raise `InputError` for a damaged file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = out / DROPPED_FILE
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            check_schema(file.schema_arrow, str(path))
            names = [n for n in file.schema_arrow.names if (texts or n != "text") and (columns is None or n in columns)]
            for batch in file.iter_batches(batch_size=2_000, columns=names):
                yield from named_rows(pa.Table.from_batches([batch]), ids).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged: {error}; clean the pages again") from error


def text_of(out: Path, row: Mapping[str, Any]) -> str:
    """Return the cleaned text of a page of a run. Raise `EditError` if it was changed or lost since, `InputError` if its name leads out."""
    if "text" in row:
        return str(row["text"])
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
        return data.decode()
    except UnicodeDecodeError as error:
        raise EditError(f"{path}: not the text that cleaning wrote ({error}): clean the page again") from error
