"""The work of a run: the shards of its inputs, each marked as finished or not.

Pages with their own files are read by the process that cleans them. A file with many pages (a table, a crawl, an archive) is read here,
batch after batch, and each batch is passed to a worker as an Arrow file: one stream feeds any number of workers, and no more batches
are on the disk than workers can take. The division into batches depends only on the file, so that a continued run finds
its shards again; a file whose shards are all finished is not read at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cleantext.report.tally import Report
from cleantext.run.files import naming, write_whole
from cleantext.run.readers.page_batches import made_id, notes_of, with_notes
from cleantext.run.readers.source import tree_name
from cleantext.run.readers.units import Spool, Unit
from cleantext.run.resume.markers import finished
from cleantext.run.shards.settings import SPOOL, STATE, Settings, Shard, part

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["shards_of"]


def shards_of(units: Sequence[Unit], settings: Settings, out: Path) -> Iterator[tuple[Shard, Report | None]]:
    """Yield the shards in order, each with its tally if it is finished. The batch of an unfinished shard is on the disk."""
    seen = {tree_name(source.id) for unit in units for source in unit.sources} if not settings.is_table else set()
    for number, unit in enumerate(units):
        if not unit.holds_many:
            shard = Shard.of(unit, number)
            yield shard, finished(shard, settings, out)
            continue
        known = _counted(unit, out) if settings.is_table else None
        if known is not None:
            held = [(shard, finished(shard, settings, out)) for shard in (Shard.of(unit, number, n) for n in range(known))]
            if all(report is not None for _, report in held):
                yield from held
                continue
        n = -1
        for n, read in enumerate(unit.batches()):
            batch = read
            shard = Shard.of(unit, number, n)
            report = finished(shard, settings, out)
            if not settings.is_table:
                batch = _with_names_of_their_own(batch, seen)
            if report is None:
                path = part(out, shard, SPOOL)
                path.parent.mkdir(parents=True, exist_ok=True)
                with naming(path):
                    shard = replace(shard, unit=Spool.write(batch, path))
            yield shard, report
        write_whole(_count_file(unit, out), json.dumps(n + 1).encode(), sync=False)


def _with_names_of_their_own(batch: pa.RecordBatch, seen: set[str]) -> pa.RecordBatch:
    """Return a batch in which no record would overwrite another one: a name that is taken is replaced by file and number."""
    import pyarrow as pa

    ids, renamed = batch.column("id").to_pylist(), []
    for n, name in enumerate(ids):
        if tree_name(name) in seen and batch.column("error")[n].as_py() is None:
            source, number = batch.column("source")[n].as_py(), batch.column("number")[n].as_py()
            renamed.append((source, number, name))
            ids[n] = made_id(source, number)
        seen.add(tree_name(ids[n]))
    if not renamed:
        return batch
    notes = notes_of(batch)
    notes["renamed"] = [*notes.get("renamed", ()), *renamed]
    return with_notes(batch.set_column(0, "id", pa.array(ids, pa.string())), notes)


def _count_file(unit: Unit, out: Path) -> Path:
    digest = hashlib.sha256(json.dumps(unit.identity).encode()).hexdigest()[:32]
    return out / STATE / f"{digest}.batches"


def _counted(unit: Unit, out: Path) -> int | None:
    """Return how many batches a unit gave when it was read to its end, if its files are unchanged."""
    with contextlib.suppress(OSError, ValueError):
        return int(json.loads(_count_file(unit, out).read_bytes()))
    return None
