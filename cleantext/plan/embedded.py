"""The runner of one machine: worker processes for kernels, DuckDB for queries, Parquet between the steps."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cleantext
from cleantext.errors import CleantextError, InputError
from cleantext.jit import collected
from cleantext.plan.batches import grown
from cleantext.plan.database_memory import memory_limit
from cleantext.plan.keyed_blobs import BlobReader, KeyedBlobFile
from cleantext.plan.processes import cores, in_processes
from cleantext.plan.steps import ArrowKernel, Checkpoint, Expect, Map, Number, Plan, Scan, Sql
from cleantext.plan.tables import Journal, Part, Table, sync, write_part
from cleantext.plan.walk import Place, Progress, Walk

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["EmbeddedRunner"]

TASK = 1 << 24  # uncompressed bytes of a table per task: small enough for workers to finish at about the same time
BATCH = 1 << 22  # uncompressed bytes per batch for a kernel
GROUP = 1 << 15  # rows per row group that a query writes; a few of these are in memory at once
GROUP_BYTES = 1 << 25  # bytes per row group
ROWS = 64  # rows read at once, since Parquet does not tell how large they are in memory
SCANNED = 1 << 12  # the same for tables without binary columns
SMALL = 1 << 22  # the database stays open while a kernel works on tables of at most so many bytes
PARALLEL = 1 << 26  # below so many bytes, starting workers (more than a second each) costs more than they save


@dataclass
class EmbeddedRunner:
    """Run plans in a folder, within about ``memory`` bytes; larger intermediate results are spilled to the folder.

    Each step writes its table as Parquet, and a journal records it. So a stopped run continues after the last
    completed step, or after a power failure, from the last checkpoint. With ``resumes=False`` there is no journal,
    for runs that are cheaper to repeat. Results do not depend on ``workers``, ``memory`` or ``resumes``.
    """

    folder: Path
    workers: int | None = None  # default: the number of cores
    memory: int = 2 << 30
    progress: Progress | None = None
    resumes: bool = True

    @property
    def cores(self) -> int:
        """The number of workers."""
        return self.workers or cores()

    def run(self, plan: Plan, inputs: Mapping[str, Table]) -> dict[str, Table]:
        """Run a plan over input tables, or continue a stopped run; return the output tables.

        Raise `InputError` if a table that should be empty is not, or if a part of a checkpoint was
        changed, and `CleantextError` if a worker died, or memory or disk space ran out.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        inputs = dict(sorted(inputs.items()))
        digest = hashlib.sha256(repr([(name, table.digest) for name, table in inputs.items()]).encode()).hexdigest()
        # The version is included since its kernels may give different rows.
        run = _Run(self, plan, Journal(self.folder, f"{plan.fingerprint} {digest} {cleantext.__version__}"), inputs)
        try:
            run.steps(plan.steps)
        finally:
            run.close()
        return {name: run.tables[name] for name in plan.outputs}

    def clear(self) -> None:
        """Delete the journal and all tables."""
        shutil.rmtree(self.folder, ignore_errors=True)


class _Run(Walk):
    """One run of a plan: the tables so far, and where an earlier run was stopped."""

    def __init__(self, runner: EmbeddedRunner, plan: Plan, journal: Journal, tables: dict[str, Table]) -> None:
        super().__init__(runner.progress)
        self.runner, self.plan, self.journal, self.tables = runner, plan, journal, tables
        self.inputs = {part.path for table in tables.values() for part in table.parts}
        self.database: duckdb.DuckDBPyConnection | None = None
        self.views: dict[str, Table] = {}  # tables that the database has views of
        self.blob_files: dict[tuple[str, str, str], KeyedBlobFile] = {}
        state = journal.read() if runner.resumes else None
        if state:
            self.done, self.tables = tuple(state[0]), state[1]

    def close(self) -> None:
        """Close the database, which frees its memory."""
        if self.database is not None:
            self.database.close()
            self.database = None
            self.views = {}

    def make_room(self, *tables: Table) -> None:
        """Close the database before kernels work on large tables. It stays open beside small ones, since opening it again takes time."""
        if sum(part.size for table in tables for part in table.parts) > SMALL:
            self.close()

    def has_rows(self, name: str) -> bool:
        """Say whether a table has rows."""
        return bool(self.tables[name].rows)

    def step(self, step: Map | Scan | Sql | Number | Expect | Checkpoint, at: Place) -> None:
        """Run one step, and record it in the journal."""
        self.do(step, at)
        if self.runner.resumes:
            self.journal.write(at, self.tables, checkpoint=isinstance(step, Checkpoint))
        if isinstance(step, Checkpoint) or not self.runner.resumes:
            self.sweep()

    def do(self, step: Map | Scan | Sql | Number | Expect | Checkpoint, at: Place) -> None:
        """Run one step."""
        if isinstance(step, Map):
            self.tables[step.into] = self.map(step, ".".join(map(str, at)))
        elif isinstance(step, Scan):
            self.tables[step.into] = self.scan(step, ".".join(map(str, at)))
        elif isinstance(step, Sql):
            self.tables[step.into] = self.query(step, ".".join(map(str, at)))
        elif isinstance(step, Number):
            self.tables[step.into] = self.query(Sql(step.into, step.query), ".".join(map(str, at)))
        elif isinstance(step, Expect):
            for batch in self.tables[step.table].batches():
                if batch.num_rows:
                    raise InputError(step.message.format(**batch.slice(0, 1).to_pylist()[0]))
        else:
            self.tables = {name: table for name, table in self.tables.items() if name in step.keep}
            for path in sorted(self.files()) if self.runner.resumes else ():
                sync(Path(path))

    def sweep(self) -> None:
        """Delete the files of dropped tables, and incomplete files that a killed run left."""
        files = self.files()
        for path in [*self.runner.folder.glob("*.parquet"), *self.runner.folder.glob(".*.parquet.*")]:
            if str(path) not in files and str(path) not in self.inputs:
                path.unlink(missing_ok=True)
        self.blob_files = {name: blob_file for name, blob_file in self.blob_files.items() if name[0] in files}
        kept = {file for blob_file in self.blob_files.values() for file in blob_file.files}
        for path in self.runner.folder.glob("*.blobs*"):
            if str(path) not in kept:
                path.unlink(missing_ok=True)

    def blob_file(self, table: Table, key: str, column: str) -> KeyedBlobFile:
        """Return a column of a table as a file of blobs, which is kept as long as the table."""
        name = (table.paths[0], key, column)
        if name not in self.blob_files:
            self.blob_files[name] = KeyedBlobFile.write(table, key, column, self.runner.folder / f"{Path(name[0]).stem}-{column}.blobs")
        return self.blob_files[name]

    def files(self) -> set[str]:
        """Return the files of the current tables, without the inputs."""
        return {part.path for table in self.tables.values() for part in table.parts} - self.inputs

    # ---------------------------------------------------------------- queries

    def query(self, step: Sql, at: str) -> Table:
        """Run a query, and write its rows to one file."""
        import duckdb

        con = self._connected()
        for name, table in self.tables.items():
            if self.views.get(name) == table or not re.search(rf"\b{name}\b", step.query):
                continue
            files = ", ".join(_quoted(path) for path in table.paths)
            con.execute(f'CREATE OR REPLACE VIEW "{name}" AS SELECT * FROM read_parquet([{files}], hive_partitioning = false)')
            self.views[name] = table
        path = self.runner.folder / f"{step.into}-{at}.parquet"
        try:
            with write_part(path, synced=False) as temporary:
                con.execute(
                    f"COPY ({step.query}) TO {_quoted(str(temporary))} (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {GROUP}, ROW_GROUP_SIZE_BYTES {GROUP_BYTES})"
                )
        except duckdb.OutOfMemoryException as error:
            told = str(error).split("\n", 1)[0]  # the other lines explain how to configure DuckDB, which users of a plan cannot
            raise CleantextError(
                f"{step.into}: {self.runner.memory / 1e9:.2g} GB do not suffice ({told}): give the run more memory, or fewer workers"
            ) from error
        except (RuntimeError, duckdb.InterruptException) as error:  # DuckDB intercepts Ctrl-C
            if isinstance(error, duckdb.InterruptException) or "interrupted" in str(error).lower():
                raise KeyboardInterrupt from error
            raise
        except duckdb.IOException as error:
            gone = [p for table in self.tables.values() for p in table.paths if not Path(p).exists()]
            if gone:
                raise FileNotFoundError(errno.ENOENT, "was there when the run began", gone[0]) from error
            raise OSError(errno.ENOSPC, f"step {step.into}: {error}", str(self.runner.folder)) from error
        return Table((Part.of(path, checked=self.runner.resumes),))

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self.database is None:
            import duckdb

            spill = self.runner.folder / "spill"
            self.database = duckdb.connect(
                config={
                    "memory_limit": memory_limit(self.runner.memory),
                    "temp_directory": str(spill),
                    "threads": self.runner.cores,
                    "preserve_insertion_order": "false",
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                }
            )
        return self.database

    # ---------------------------------------------------------------- kernels

    def map(self, step: Map, at: str) -> Table:
        """Run a kernel over a table in parallel tasks, each of which writes one file."""
        source = self.tables[step.source]
        joined = {here for join in step.joins for here, _ in join.columns}
        own = [join for join in step.joins if join.by not in joined]
        pairs = len({join.table for join in own}) < len(own)
        if pairs:
            source = self.pairs_together(step, own[0].by, own[1].by, at)
        self.make_room(source, *(self.tables[join.table] for join in step.joins))
        joins = tuple(
            (join.by, tuple((here, self.blob_file(self.tables[join.table], join.key, there)) for here, there in join.columns))
            for join in step.joins
        )
        tasks = [
            _Task(
                step.kernel,
                part,
                groups,
                source.columns,
                number if source.positions else None,
                f"{self.runner.folder / step.into}-{at}-{n}.parquet",
                joins,
            )
            for n, (number, part, groups) in enumerate(_tasks(source))
        ]
        size = sum(part.size for part in source.parts) + sum(
            blob_file.size * source.rows // max(blob_file.rows, 1) for _, columns in joins for _, blob_file in columns
        )
        count = min(self.runner.cores, len(tasks)) if size > PARALLEL else 1
        parts = in_processes(_work, tasks, count=count, what=step.into) if count > 1 else [_work(task) for task in tasks]
        if pairs:
            Path(source.paths[0]).unlink()
        return Table(tuple(parts))

    def ordered(self, step: Map | Scan, order: Sequence[str], at: str) -> Table:
        """Return the input of a step, sorted."""
        return self.query(Sql(f"{step.into}-sorted", f"SELECT * FROM {step.source} ORDER BY {', '.join(order)}"), at)

    def pairs_together(self, step: Map, a: str, b: str, at: str) -> Table:
        """Return the input of a step, sorted so that the pairs among a few rows come together, and each row is read once for many of its pairs.

        The least partner of a row is mostly the same for all rows of a cluster. (Of 1.4 million pairs, in clusters of up to 128 texts,
        the duplicate search verified 2.7 times as many a second as in the order of b and a.)
        """
        nearest = f"SELECT {b}, min({a}) AS nearest FROM {step.source} GROUP BY {b}"
        query = f"SELECT p.* FROM {step.source} p JOIN ({nearest}) n ON p.{b} = n.{b} ORDER BY n.nearest, p.{b}, p.{a}"
        return self.query(Sql(f"{step.into}-sorted", query), at)

    def scan(self, step: Scan, at: str) -> Table:
        """Sort the rows of a table, and run a kernel over all of them in this process."""
        import pyarrow.parquet as pq

        ordered = self.ordered(step, step.order, at)
        self.make_room(ordered)
        out = self.runner.folder / f"{step.into}-{at}.parquet"
        with (
            write_part(out, synced=False) as temporary,
            pq.ParquetWriter(temporary, step.kernel.schema, compression="lz4", use_dictionary=False, write_statistics=False) as writer,
            pq.ParquetFile(ordered.paths[0], pre_buffer=False) as file,
        ):
            for made in step.kernel(grown(file.iter_batches(batch_size=SCANNED), BATCH)):
                if made.num_rows:
                    writer.write_batch(made, row_group_size=GROUP)
        Path(ordered.paths[0]).unlink()
        return Table((Part.of(out, checked=self.runner.resumes),))


@dataclass(frozen=True)
class _Task:
    """A kernel and the row groups of one file that it works on."""

    kernel: ArrowKernel
    path: str
    groups: tuple[int, ...]
    columns: tuple[tuple[str, str], ...]
    number: int | None  # number of the file, if rows get a column ``place``
    out: str
    # For each join: the column of keys, and each new column with the file of its values
    joins: tuple[tuple[str, tuple[tuple[str, KeyedBlobFile], ...]], ...] = ()


def _tasks(table: Table) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    """Split a table into tasks (file number, path, row groups). An empty file gives one task, so that its output gets a schema."""
    import pyarrow.parquet as pq

    for number, path in enumerate(table.paths):
        metadata = pq.read_metadata(path)
        groups: list[int] = []
        size = 0
        for g in range(metadata.num_row_groups):
            groups.append(g)
            size += metadata.row_group(g).total_byte_size
            if size >= TASK:
                yield number, path, tuple(groups)
                groups, size = [], 0
        if groups or not metadata.num_row_groups:
            yield number, path, tuple(groups)


def _work(task: _Task) -> Part:
    """Run one task, and describe the file that it wrote."""
    import pyarrow.parquet as pq

    out = Path(task.out)
    with (
        write_part(out, synced=False) as temporary,
        pq.ParquetWriter(temporary, task.kernel.schema, compression="lz4", use_dictionary=False, write_statistics=False) as writer,
    ):
        for batch in _batches(task):
            for made in task.kernel(batch):
                if made.num_rows:
                    writer.write_batch(made, row_group_size=GROUP)
    collected()
    return Part.of(out)


def _batches(task: _Task) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a task in batches of about `BATCH` bytes.

    The size of rows in memory is known only after decoding, since a dictionary stores a repeated page only once.
    """
    import pyarrow.parquet as pq

    if not task.groups:
        return
    with pq.ParquetFile(task.path, pre_buffer=False) as file, contextlib.ExitStack() as stack:
        joins = [(by, [(name, stack.enter_context(blob_file.opened())) for name, blob_file in columns]) for by, columns in task.joins]
        place = sum(file.metadata.row_group(g).num_rows for g in range(task.groups[0]))
        names = [there for _, there in task.columns] or None
        narrow = all(column.physical_type != "BYTE_ARRAY" for column in file.schema)
        rows = _rows(
            task, file.iter_batches(batch_size=SCANNED if narrow else ROWS, row_groups=list(task.groups), columns=names), joins, place
        )
        yield from grown(rows, BATCH)


def _rows(
    task: _Task, batches: Iterator[pa.RecordBatch], joins: list[tuple[str, list[tuple[str, BlobReader]]]], place: int
) -> Iterator[pa.RecordBatch]:
    """Rename the columns of batches, add the places of rows, and join columns of other tables."""
    import numpy as np
    import pyarrow as pa

    for read in batches:
        batch = read
        if task.columns:
            batch = pa.record_batch([read.column(there) for _, there in task.columns], [here for here, _ in task.columns])
        if task.number is not None:
            places: Any = np.arange(place, place + batch.num_rows) + (task.number << 32)
            batch = batch.append_column("place", pa.array(places, pa.int64()))
            place += batch.num_rows
        yield from _joined(batch, joins)


def _joined(batch: pa.RecordBatch, joins: Sequence[tuple[str, list[tuple[str, BlobReader]]]]) -> Iterator[pa.RecordBatch]:
    """Yield the rows joined with values from files of blobs, in batches of about `BATCH` bytes."""
    import numpy as np
    import pyarrow as pa

    if not joins:
        yield batch
        return
    by, columns = joins[0]
    keys = batch.column(by).to_numpy()
    size = np.cumsum(sum(reader.sizes(keys) for _, reader in columns))
    low = 0
    while low < len(keys):
        high = max(low + 1, int(np.searchsorted(size, (size[low - 1] if low else 0) + BATCH, "right")))
        values = [(name, *reader.take(keys[low:high])) for name, reader in columns]
        part = batch.slice(low, high - low).filter(pa.array(values[0][1]))
        for name, _, value in values:
            part = part.append_column(name, value)
        yield from _joined(part, joins[1:])
        low = high


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
