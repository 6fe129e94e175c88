"""The kernel that writes a corpus: each part of the cleaned pages with its own marks, independently, by any worker.

It reads a part again, and only the row groups of marks that its places fall into, so no text is moved between workers. Files are named by the number
of their part and renamed into place when complete, so a task that runs twice writes the same files twice.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.dedup.folded.token_places import numbers_of
from cleantext.plan import Map, Plan, Table
from cleantext.run.cluster.reading import kind_of_carried, unpacked
from cleantext.run.readers.carried import common
from cleantext.run.resume.parts import write_kept
from cleantext.run.search.duplicate_search import Spans
from cleantext.run.shards.settings import Settings
from cleantext.run.writers.corpus import one_file
from cleantext.run.writers.finish import Where, dropped_rows, filtered, with_duplicates
from cleantext.run.writers.schema import LATER, corpus_schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["WriteParts", "parts_table", "write_plan"]

ROWS = 2_000  # rows of a part held at once, and of a row group


@dataclass(frozen=True)
class WriteParts:
    """Write the files of parts: ``corpus-00000.parquet`` (or JSON lines), and ``dropped-00000.parquet`` for pages that are not kept."""

    out: str
    settings: Settings = field(repr=False)
    carries: bytes  # the type of all further fields
    shards: tuple[str, ...]  # the files of this table
    options: str = field(init=False)  # of the settings; identifies this kernel in a plan

    def __post_init__(self) -> None:
        told = self.settings
        object.__setattr__(self, "options", repr([told.duplicates, told.remove, told.form, told.where]))

    @property
    def schema(self) -> pa.Schema:
        """The columns: the number of a part, its files, pages by outcome as JSON, and the characters of those kept."""
        import pyarrow as pa

        return pa.schema(
            [("part", pa.int64()), ("corpus", pa.string()), ("dropped", pa.string()), ("outcomes", pa.string()), ("chars", pa.int64())]
        )

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield a row for each part in the rows ``part, path, marks``."""
        import pyarrow as pa

        carried = pa.ipc.read_schema(pa.py_buffer(self.carries)).field(0).type
        schema = corpus_schema(carried)
        with Where(self.settings.where, schema) as chosen:
            for number, path, marks in zip(*(batch.column(name).to_pylist() for name in ("part", "path", "marks")), strict=True):
                outcomes: Counter[str] = Counter()
                chars = 0
                with ExitStack() as stack:
                    files = _Files(Path(self.out), number, self.settings.form, carried, stack)
                    for table, became, reasons in self._finished(path, json.loads(marks), carried, schema):
                        filtered(chosen(table), self.settings.where, became, reasons)
                        chars += files.write(table, became, reasons)
                        outcomes.update(became)
                    names = files.names()
                yield pa.record_batch([[number], [names[0]], [names[1]], [json.dumps(outcomes)], [chars]], schema=self.schema)

    def _finished(
        self, path: str, marks: Sequence[str], carried: pa.DataType, schema: pa.Schema
    ) -> Iterator[tuple[pa.Table, list[str], list[str]]]:
        """Yield the rows of a part with all their columns, their outcomes, and the reasons: some thousand at a time."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                cleaned = pa.Table.from_batches([batch]).filter(pc.is_null(batch.column("tally"))).sort_by("place").combine_chunks()
                places = cleaned["place"].to_pylist()
                row = {place: n for n, place in enumerate(places)}
                marks_of = {row[m["place"]]: m for m in _of_places(marks, places) if m["place"] in row}
                shards = _shards(self.shards, set(cleaned["batch"].to_pylist()))
                ids = [marks_of[n]["name"] or i if n in marks_of else i for n, i in enumerate(cleaned["id"].to_pylist())]
                made: dict[str, Any] = {name: pa.nulls(len(places), schema.field(name).type) for name in LATER}
                made["id"] = pa.array(ids, pa.string())
                made["shard"] = pa.array([shards[n] for n in cleaned["batch"].to_pylist()], pa.int32())
                ours = schema.names[: len(schema) - len(carried)]
                columns = [made[name] if name in made else cleaned[name].cast(schema.field(name).type) for name in ours]
                further = unpacked(cleaned["carried"].to_pylist(), cleaned["carries"].to_pylist(), carried)
                table = pa.table([*columns, *(pc.struct_field(further, [n]) for n in range(len(carried)))], schema=schema)
                members = {n: m for n, m in marks_of.items() if m["cluster"] is not None}
                spans = {n: _spans(m["spans"]) for n, m in marks_of.items() if m["spans"]}
                table, outcomes, reasons, _ = with_duplicates(table, members, spans, self.settings)
                yield table, outcomes, reasons


class _Files:
    """The files of a part, each created when it has a first row."""

    def __init__(self, out: Path, number: int, form: str, carried: pa.DataType, stack: ExitStack) -> None:
        self.kept = (out / f"corpus-{number:05d}.{form}", form, corpus_schema(carried))
        self.rest = (out / f"dropped-{number:05d}.parquet", "parquet", corpus_schema(carried, dropped=True))
        self.number, self.stack = number, stack
        self.sinks: dict[Path, Any] = {}

    def write(self, table: pa.Table, outcomes: Sequence[str], reasons: Sequence[str]) -> int:
        """Write rows; return the number of characters of those that are kept."""
        import pyarrow as pa

        kept = table.filter(pa.array([outcome == "kept" for outcome in outcomes], pa.bool_()))
        if kept.num_rows:
            self._sink(self.kept)(kept)
        if kept.num_rows < table.num_rows:
            self._sink(self.rest)(dropped_rows(table, outcomes, reasons, self.rest[2]))
        return sum(kept["chars_out"].to_pylist())

    def names(self) -> list[str]:
        """Return the names of the files, empty if there are none. The first part always has one, since a corpus without pages still has a file."""
        if not self.number and self.kept[0] not in self.sinks:
            self._sink(self.kept)(self.kept[2].empty_table())
        return [path.name if path in self.sinks else "" for path in (self.kept[0], self.rest[0])]

    def _sink(self, file: tuple[Path, str, pa.Schema]) -> Any:
        if file[0] not in self.sinks:
            self.sinks[file[0]] = self.stack.enter_context(one_file(*file))
        return self.sinks[file[0]]


def _spans(packed: bytes) -> list[Spans]:
    import pyarrow as pa

    numbers, _ = numbers_of(pa.array([packed], pa.binary()), 3)
    return [Spans(int(low), int(high), bool(exact)) for low, high, exact in numbers.tolist()]


def _of_places(paths: Sequence[str], places: Sequence[int]) -> Iterator[Mapping[str, Any]]:
    """Yield the marks of the row groups that contain the given places, which are sorted."""
    import pyarrow.parquet as pq

    for path in paths:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                low, high = _bounds(file.metadata.row_group(group))
                at = bisect_left(places, low)
                if at < len(places) and places[at] <= high:
                    yield from file.read_row_group(group).to_pylist()


def _bounds(group: Any) -> tuple[int, int]:
    """Return the least and the greatest place of a row group."""
    for n in range(group.num_columns):
        column = group.column(n)
        if column.path_in_schema == "place" and column.statistics is not None and column.statistics.has_min_max:
            return column.statistics.min, column.statistics.max
    return -(2**63), 2**63 - 1


def _shards(paths: Sequence[str], batches: set[int]) -> dict[int, int]:
    """Return the numbers of shards by their batches."""
    import pyarrow.parquet as pq

    found: dict[int, int] = {}
    for path in paths:
        table = pq.read_table(path, partitioning=None, filters=[("batch", "in", batches)] if batches else None)
        found |= dict(zip(table["batch"].to_pylist(), table["shard"].to_pylist(), strict=True))
    return found


# ---------------------------------------------------------------- the plan


def parts_table(cleaned: Table, marks: Table, path: Path) -> Table:
    """Write the parts of cleaned pages as a table ``part, path, marks``, each with the files of marks that it may need."""
    import pyarrow as pa

    spans = [(file, _range(file)) for file in marks.paths]
    rows = []
    for n, part in enumerate(cleaned.paths):
        low, high = _range(part)
        rows.append((n, part, json.dumps([file for file, (first, last) in spans if first <= high and low <= last])))
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    table = pa.table(
        {n: pa.array(c, k) for n, c, k in zip(("part", "path", "marks"), columns, (pa.int64(), pa.string(), pa.string()), strict=True)}
    )
    return Table.of([write_kept(path, [table])])


def _range(path: str) -> tuple[int, int]:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    bounds = [_bounds(metadata.row_group(n)) for n in range(metadata.num_row_groups)]
    return min((low for low, _ in bounds), default=0), max((high for _, high in bounds), default=-1)


def write_plan(found: Mapping[str, Table], settings: Settings, out: Path) -> Plan:
    """Return the step from a table ``parts`` (see `parts_table`) to files below ``out``, given the outputs of `clean_plan`.

    Output: ``written``, a row for each part (`WriteParts`). Raise `ConfigError` if ``where`` of the settings is no condition over the columns.
    """
    import pyarrow as pa

    kinds = sorted(found["kinds"].read().to_pylist(), key=lambda row: row["first"])
    carried = common(pa.ipc.read_schema(pa.py_buffer(row["carries"])).field(0).type for row in kinds)
    with Where(settings.where, corpus_schema(carried)):  # checked now, not by a worker
        pass
    kernel = WriteParts(str(out.absolute()), settings, kind_of_carried(carried), tuple(found["shards"].paths))
    return Plan((Map("written", "parts", kernel, spread=True),), ("written",))
