"""Search the documents of a run against those of earlier runs in an index, and add them to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cleantext.errors import ConfigError
from cleantext.plan import Table
from cleantext.plan.tables import write_part
from cleantext.report.tally import counted
from cleantext.run.resume.parts import Corpus, write_kept
from cleantext.run.search.duplicate_search import SHOWN, Query, Searched, database, excerpts, quoted, write_table_part

if TYPE_CHECKING:
    import pyarrow as pa

    from cleantext.dedup.index import Index

__all__ = ["search_indexed"]

I64 = npt.NDArray[np.int64]


def search_indexed(
    texts: Corpus, query: Query, index: str, folder: Path, *, memory: int, workers: int | None
) -> tuple[Searched, list[dict[str, Any]], str]:
    """Search documents against an index and among themselves, and add them; return the result, the changes of clusters, and a note.

    The clusters are those of the whole index. Documents whose ids it holds from an earlier run are not added again: they stay in
    their clusters, or, if their length has changed, are in none. A new index keeps the first of several copies. Raise
    `ConfigError` for an index that was made with other options.
    """
    from cleantext.dedup.index import Index

    given: dict[str, Any] = {} if (Path(index) / "header.json").exists() else {"keep": "first", "id_type": "string"}
    held = Index.open(index, level=query.level, threshold=query.threshold, memory=memory, workers=workers, **given)  # type: ignore[arg-type]
    if held.options.id_type != "string" or held.options.keep == "value":
        raise ConfigError(
            f"{index}: holds {held.options.id_type} ids and keeps by {held.options.keep!r}: make one with `clean --index` alone"
        )
    folder.mkdir(parents=True, exist_ok=True)
    known, changed = _known(texts, held, folder, memory)
    new = (
        texts.table if not len(known) else Table.of([_without(texts, known, folder)], columns={"id": "id", "text": "text"}, positions=True)
    )
    added = held.add(new, ids=None)
    clusters = _current(held.clusters, texts, changed)
    names = [name.replace("start", "low").replace("end", "high") for name in clusters.column_names]
    tables = {"pairs": added.pairs, "clusters": clusters.rename_columns(names)}
    shown = _shown(added.pairs, texts)
    facts = _facts(added.pairs, clusters, held, added.hot_buckets)
    note = f"index {index}: {len(held):,} documents, {texts.table.rows - len(known):,} of this run new"
    if len(changed):
        note += f"; {counted(len(changed), 'page')} changed since it was added under the same id, and not compared"
    found = {name: write_table_part(table, folder / f"found-{name}.parquet") for name, table in tables.items()}
    return Searched(found, facts, *excerpts(shown)), added.events.to_pylist(), note


def _known(texts: Corpus, held: Index, folder: Path, memory: int) -> tuple[I64, I64]:
    """Return the places of texts whose ids the index holds, and those among them whose length has changed.

    What was known before these texts were added is saved in the folder, in case the run is interrupted later.
    """
    digest = hashlib.sha256()
    for path in texts.table.paths:
        with Path(path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    kept = folder / f"known-{digest.hexdigest()[:16]}.npy"
    if kept.exists():
        rows: I64 = np.load(kept)
    else:
        names = dict(texts.table.columns)
        with database(folder, memory, texts.table.paths) as opened:
            opened.execute(
                f"""
                SELECT (f.n << 32) | p.file_row_number AS place, CAST(r.high <> length(p."{names["text"]}") AS BIGINT) AS other
                FROM read_parquet({quoted(texts.table.paths)}, filename = true, file_row_number = true) p JOIN files f ON p.filename = f.filename
                JOIN (SELECT id, max(high) AS high FROM read_parquet({quoted(held.files("rows"))}) GROUP BY id) r ON r.id = p."{names["id"]}"
                ORDER BY place
                """
            )
            found = opened.fetchnumpy()
        rows = np.stack([np.asarray(found["place"], np.int64), np.asarray(found["other"], np.int64)], axis=1)
        with write_part(kept) as temporary, temporary.open("wb") as out:
            np.save(out, rows)
    return rows[:, 0], rows[rows[:, 1] > 0, 0]


def _rows(texts: Corpus, places: I64) -> Iterator[tuple[pa.Table, npt.NDArray[np.bool_]]]:
    """Yield the texts in batches, with a mask of those at the places."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = dict(texts.table.columns)
    for number, path in enumerate(texts.table.paths):
        at = number << 32
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=2_000, columns=[names["id"], names["text"]]):
                here = np.isin(np.arange(at, at + batch.num_rows), places, assume_unique=True)
                yield pa.Table.from_batches([batch]).select([names["id"], names["text"]]).rename_columns(["id", "text"]), here
                at += batch.num_rows


def _without(texts: Corpus, places: I64, folder: Path) -> Path:
    """Write the texts that are not at these places."""
    return write_kept(folder / "index-batch.parquet", (table.filter(~here) for table, here in _rows(texts, places)))


def _current(clusters: pa.Table, texts: Corpus, changed: I64) -> pa.Table:
    """Return clusters without texts that have changed since."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(changed):
        return clusters
    ids = pa.chunked_array([table["id"].filter(pa.array(here)).combine_chunks() for table, here in _rows(texts, changed)], pa.string())
    return clusters.filter(pc.invert(pc.is_in(clusters["id"], value_set=ids)))


def _shown(pairs: pa.Table, texts: Corpus) -> list[dict[str, Any]]:
    """Return the longest pairs with their texts; for texts of earlier runs only the ids are known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    size = pc.subtract(pairs["a_end"], pairs["a_start"])
    order = pc.sort_indices(pairs.append_column("size", size), [("size", "descending"), ("a", "ascending"), ("b", "ascending")])
    told: list[dict[str, Any]] = pairs.take(order[:SHOWN]).to_pylist()
    wanted = pa.array(sorted({row[side] for row in told for side in "ab"}), pa.string())
    contents: dict[str, str] = {}
    for table, _ in _rows(texts, np.empty(0, np.int64)) if told else ():
        here = table.filter(pc.is_in(table["id"], value_set=wanted))
        contents |= dict(zip(here["id"].to_pylist(), here["text"].to_pylist(), strict=True))
    return [
        {**row, **{f"{side}_text": contents.get(row[side], "")[row[f"{side}_start"] : row[f"{side}_end"]] for side in "ab"}} for row in told
    ]


def _facts(pairs: pa.Table, clusters: pa.Table, held: Index, hot: int) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    bands = held.options.bands
    return {
        "level": held.options.level,
        "threshold": held.options.threshold,
        "pairs": pairs.num_rows,
        "pairs_across_pages": pairs.num_rows,
        "clusters": len(pc.unique(clusters["cluster"])),
        "pages": len(pc.unique(pa.chunked_array([*pairs["a"].chunks, *pairs["b"].chunks], pa.string()))),
        "removable": pc.sum(pc.invert(clusters["keeper"])).as_py() or 0,
        "boilerplate": 0,
        "search": {"bands": bands.bands, "rows": bands.rows, "recall_at_threshold": bands.recall, "hot_buckets": hot},
    }
