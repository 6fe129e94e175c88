"""The runner for clusters: steps as DataFrames, kernels through `mapInArrow`, Parquet in between. It uses no RDDs and no JVM calls, so Spark Connect works as well."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from cleantext import errors
from cleantext.errors import CleantextError, ConfigError, InputError
from cleantext.plan.spark.reads import is_read_again
from cleantext.plan.spark.store import TABLE, Store, spark_path
from cleantext.plan.spark.worker import MARK, Probe, installed, shipped
from cleantext.plan.steps import ArrowKernel, Checkpoint, Expect, Map, Number, OrderedKernel, Plan, Scan, Sql
from cleantext.plan.tables import Part, Table
from cleantext.plan.walk import Place, Progress, Walk

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pafs
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["SparkRunner"]

# Settings of the session while a plan runs: the size of batches for Python, and fixed semantics of numbers and types.
SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "4096",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(1 << 24),
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.ansi.enabled": "true",
}
PROBES = 32  # number of tasks that check the workers; with so many, Spark uses all available workers
JOBS = 10_000  # maximum number of tasks for a `Map` with ``spread``
TYPES = {"int64": "bigint", "int32": "int", "string": "string", "binary": "binary", "double": "double", "float": "float", "bool": "boolean"}
TYPES |= {f"list<{name}: string>": "array<string>" for name in ("item", "element")}


@dataclass
class SparkRunner:
    """Run plans in a Spark session, classic or Connect.

    ``folder`` holds the tables between steps: a path or URL that the driver and all workers can access under the same
    name (``s3a://bucket/run``, ``hdfs:///run``, a shared disk). ``files`` is a pyarrow file system for it, if the URL
    is not enough. A table is written if it is an output, is part of a checkpoint, or is read by several steps. A stopped run
    continues after the last checkpoint. Results do not depend on ``partitions`` (of shuffles; by default the setting of the session),
    on the number of workers, or on workers that are lost.
    """

    spark: SparkSession
    folder: str | Path
    partitions: int | None = None
    progress: Progress | None = None
    resumes: bool = True
    files: pafs.FileSystem | None = None

    @cached_property
    def store(self) -> Store:
        """The folder, as this process reaches it."""
        return Store.of(self.folder, self.files)

    def run(self, plan: Plan, inputs: Mapping[str, Table | DataFrame]) -> dict[str, Table]:
        """Run a plan over input tables, or continue a stopped run; return the output tables (`frame` reads one).

        An input is a `Table`, whose files all workers can access, or a DataFrame. A DataFrame without a unique column ``place`` is
        first written to the folder. To continue a stopped run, the DataFrame must be built in the same way again.

        Raise `ConfigError` if a worker has no cleantext or another version; `InputError` if a table that should be empty is
        not, or if a part of a checkpoint was changed; `CleantextError` if Spark failed.
        """
        run = _SparkRun(self, plan, inputs)
        with _settings(self), _told():
            _check_workers(self.spark)
            try:
                return run.through()
            finally:
                run.close()

    def frame(self, table: Table) -> DataFrame:
        """Return a table of a run as a DataFrame."""
        return _read(self.spark, table.parts)

    def clear(self) -> None:
        """Delete the journal and all tables."""
        self.store.clear()


@dataclass(frozen=True)
class _Written:
    """A table on disk: its parts, and its Spark schema as JSON, so that no file must be opened to infer it."""

    parts: tuple[Part, ...]
    schema: str

    @classmethod
    def told(cls, said: Mapping[str, Any]) -> _Written:
        """Return the table that `asdict` was given."""
        return cls(tuple(Part(**part) for part in said["parts"]), said["schema"])


class _SparkRun(Walk):
    """One run of a plan: a DataFrame for each table so far, and the tables that are on disk."""

    def __init__(self, runner: SparkRunner, plan: Plan, inputs: Mapping[str, Table | DataFrame]) -> None:
        super().__init__(runner.progress)
        self.runner, self.spark, self.store, self.plan, self.inputs = runner, runner.spark, runner.store, plan, inputs
        self.frames: dict[str, DataFrame] = {}
        self.written: dict[str, _Written] = {}
        self.copies: dict[str, _Written] = {}  # inputs that were copied into the folder
        self.made_here: set[str] = set()  # tables made by this run, as opposed to inputs
        self.views: dict[str, tuple[str, DataFrame]] = {}  # name of the view of each table, and the DataFrame that it shows
        self.names: list[str] = []  # names of all views
        self.token = uuid.uuid4().hex[:8]
        self.characters = sum(part.size for given in inputs.values() if isinstance(given, Table) for part in given.parts)
        digests = [(name, given.digest if isinstance(given, Table) else _digest(given)) for name, given in sorted(inputs.items())]
        self.fingerprint = hashlib.sha256(f"{plan.fingerprint} {digests} {installed()}".encode()).hexdigest()[:16]

    def through(self) -> dict[str, Table]:
        """Run the remaining steps, and return the outputs of the plan."""
        self.take_up()
        self.steps(self.plan.steps)
        for name in self.plan.outputs:
            self.write(name, (len(self.plan.steps),))
        self.keep((len(self.plan.steps),), self.plan.outputs)
        return {name: Table(self.written[name].parts) for name in self.plan.outputs}

    def close(self) -> None:
        """Drop the views of this run."""
        with contextlib.suppress(Exception):  # the session may be broken
            for name in self.names:
                self.spark.catalog.dropTempView(name)

    # ---------------------------------------------------------------- continuing a stopped run

    def take_up(self) -> None:
        """Load and verify the tables of a stopped run; otherwise start with the inputs."""
        state = self.store.read() if self.runner.resumes else None
        if state and state["plan"] == self.fingerprint:
            self.done = tuple(state["done"])
            self.copies = {name: _Written.told(table) for name, table in state["copies"].items()}
            self.written = {name: _Written.told(table) for name, table in state["tables"].items()}
            self.made_here = set(self.written)
            self.store.check([part for table in (*self.copies.values(), *self.written.values()) for part in table.parts])
            self.frames = {name: _read(self.spark, table.parts, table.schema) for name, table in self.written.items()}
            self.frames |= {name: self.given(name) for name in state["inputs"]}
            return
        self.runner.clear()
        for name, given in self.inputs.items():
            if not isinstance(given, Table) and "place" not in given.columns:
                self.copies[name] = self.made(given, f"{name}-given")
            self.frames[name] = self.given(name)
        self.keep(self.done, [])

    def keep(self, at: Place, names: Sequence[str]) -> None:
        """Record a checkpoint in the journal, then delete tables that are no longer needed."""
        tables = {name: self.written[name] for name in names if name in self.written}
        if self.runner.resumes:
            state: dict[str, Any] = {"plan": self.fingerprint, "done": at, "inputs": [name for name in names if name not in tables]}
            state["tables"] = {name: asdict(table) for name, table in tables.items()}
            state["copies"] = {name: asdict(table) for name, table in self.copies.items()}
            self.store.write(state)
        self.store.sweep({part.path for table in (*tables.values(), *self.copies.values()) for part in table.parts})

    def given(self, name: str) -> DataFrame:
        """Return an input, with a column ``place`` if it has positions."""
        given = self.inputs[name]
        if name in self.copies:
            return _with_places(self.spark, Table(self.copies[name].parts, positions=True), self.copies[name].schema)
        return _with_places(self.spark, given) if isinstance(given, Table) else given

    # ---------------------------------------------------------------- steps

    def step(self, step: Map | Scan | Sql | Number | Expect | Checkpoint, at: Place) -> None:
        """Run one step. A table that only one other step reads is not written, but computed by Spark for that step."""
        if isinstance(step, Expect):
            for row in self.frames[step.table].limit(1).collect():
                raise InputError(step.message.format(**row.asDict()))
        elif isinstance(step, Checkpoint):
            for name in step.keep:
                self.write(name, at)
            self.frames = {name: frame for name, frame in self.frames.items() if name in step.keep}
            self.written = {name: table for name, table in self.written.items() if name in step.keep}
            self.keep(at, step.keep)
        else:
            self.frames[step.into] = self.numbered(step, at) if isinstance(step, Number) else self.frame_of(step)
            self.written.pop(step.into, None)
            self.made_here.add(step.into)
            if is_read_again(self.plan, at, step.into):
                self.write(step.into, at)

    def has_rows(self, name: str) -> bool:
        """Say whether a table has rows."""
        return any(part.rows for part in self.written[name].parts) if name in self.written else bool(self.frames[name].limit(1).count())

    def frame_of(self, step: Map | Scan | Sql) -> DataFrame:
        """Return the output of a step as a lazy DataFrame."""
        if isinstance(step, Sql):
            return self.query(step.query)
        if isinstance(step, Map):
            frame = self.query(step.query) if step.joins else self.frames[step.source]
            return self.through_kernel(frame.repartition(max(1, min(frame.count(), JOBS))) if step.spread else frame, step.kernel)
        # Rows with equal values in ``within`` go to the same partition; without such columns, all rows do.
        many: Any = (self.runner.partitions,) if self.runner.partitions else ()
        together = self.frames[step.source].repartition(*(*many, *step.within) if step.within else (1,))
        return self.through_kernel(together.sortWithinPartitions(*step.order), step.kernel, scans=True)

    def numbered(self, step: Number, at: Place) -> DataFrame:
        """Write the sorted rows, then number them from the row counts of the parts."""
        ordered = self.query(f"SELECT * FROM {step.source} ORDER BY {', '.join(step.order)}")
        written = self.made(ordered, f"{step.into}-ordered-{'.'.join(map(str, at))}")
        starts = [0, *itertools.accumulate(part.rows for part in written.parts)]
        return _counted(_read(self.spark, written.parts, written.schema), written.parts, starts, step.column)

    def through_kernel(self, frame: DataFrame, kernel: ArrowKernel | OrderedKernel, *, scans: bool = False) -> DataFrame:
        """Return the output of a kernel over the batches of a DataFrame."""
        return frame.mapInArrow(shipped(kernel, installed(), self.characters, scans=scans), _columns(kernel.schema))

    def query(self, query: str) -> DataFrame:
        """Run a query, with the names of tables replaced by those of our views."""

        def view(match: re.Match[str]) -> str:
            return match[1] + self.view(match[2]) if match[2] in self.frames else match[0]

        return self.spark.sql(re.sub(r"\b((?:FROM|JOIN)\s+)(\w+)", view, query))

    def view(self, name: str) -> str:
        """Return the name of the view of a table. Each DataFrame gets a new view, since Connect resolves names only when a query runs."""
        frame = self.frames[name]
        if name not in self.views or self.views[name][1] is not frame:
            self.names.append(f"cleantext_{self.token}_{len(self.names)}")
            self.views[name] = (self.names[-1], frame)
            frame.createOrReplaceTempView(self.names[-1])
        return self.views[name][0]

    def write(self, name: str, at: Place) -> None:
        """Write a table that is not on disk yet, and read it from there afterwards."""
        if name in self.made_here and name not in self.written:
            self.written[name] = self.made(self.frames[name], f"{name}-{'.'.join(map(str, at))}")
            self.frames[name] = _read(self.spark, self.written[name].parts, self.written[name].schema)

    def made(self, frame: DataFrame, name: str) -> _Written:
        """Write a DataFrame to a folder with a name unique to this run, since tasks of a killed run may still be writing."""
        folder = f"{name}-{self.token}{TABLE}"
        frame.write.option("compression", "zstd").parquet(spark_path(self.store.path(folder)))
        return _Written(self.store.parts(folder), frame.schema.json())


# ---------------------------------------------------------------- DataFrames


def _read(spark: SparkSession, parts: Sequence[Part], schema: str = "") -> DataFrame:
    """Read files by their literal names, and verify page checksums. A missing file is an error."""
    from pyspark.sql.types import StructType

    reader = spark.read.option("__globPaths__", "false").option("parquet.page.verify-checksum.enabled", "true")
    if schema:
        reader = reader.schema(StructType.fromJson(json.loads(schema)))
    return reader.parquet(*(spark_path(part.path) for part in parts))


def _with_places(spark: SparkSession, table: Table, schema: str = "") -> DataFrame:
    """Read an input with its columns renamed for kernels and, if it has positions, a column ``place``: part << 32 | row."""
    import pyspark.sql.functions as f

    frame = _read(spark, table.parts, schema)
    columns = [f.col(f"`{there}`").alias(here) for here, there in table.columns] or [f.col(f"`{name}`") for name in frame.columns]
    starts = [n << 32 for n in range(len(table.parts))]
    return _counted(frame, table.parts, starts, "place", columns) if table.positions else frame.select(*columns)


def _counted(frame: DataFrame, parts: Sequence[Part], starts: Sequence[int], name: str, columns: Sequence[Any] = ()) -> DataFrame:
    """Add a column that numbers the rows of each file, from the start given for that file."""
    import pyspark.sql.functions as f

    row, columns = f.col("_metadata.row_index"), columns or [f.col(f"`{column}`") for column in frame.columns]
    if len(parts) == 1:
        return frame.select(*columns, (row + starts[0]).alias(name))
    # Spark writes paths in its own way, so ask it for the paths it uses.
    number = {urlparse(part.path).path if "://" in part.path else part.path: n for n, part in enumerate(parts)}
    names = [found[0] for found in frame.select(f.col("_metadata.file_path")).distinct().collect()]
    rows = [(found, starts[number[unquote(urlparse(found).path)]]) for found in names] or [("", 0)]
    begins = f.broadcast(frame.sparkSession.createDataFrame(rows, "`cleantext file` string, `cleantext start` bigint"))
    told = frame.select(*columns, f.col("_metadata.file_path").alias("cleantext file"), row.alias("cleantext row")).join(
        begins, "cleantext file"
    )
    kept = [f.col(f"`{column}`") for column in told.columns if not column.startswith("cleantext ")]
    return told.select(*kept, (f.col("cleantext start") + f.col("cleantext row")).alias(name))


def _digest(frame: DataFrame) -> str:
    """Return a digest of how a DataFrame is computed."""
    return f"{frame.semanticHash()} {frame.schema.json()}"


def _columns(schema: pa.Schema) -> str:
    """Return a schema as a Spark DDL string."""
    return ", ".join(f"`{field.name}` {TYPES[str(field.type)]}" for field in schema)


# ---------------------------------------------------------------- the session


@contextlib.contextmanager
def _settings(runner: SparkRunner) -> Iterator[None]:
    """Apply our settings to the session, and restore the old ones afterwards."""
    conf = runner.spark.conf
    wanted = SETTINGS | ({"spark.sql.shuffle.partitions": str(runner.partitions)} if runner.partitions else {})
    before = {name: conf.get(name, None) for name in wanted}
    for name, value in wanted.items():
        conf.set(name, value)
    try:
        yield
    finally:
        with contextlib.suppress(Exception):  # the session may be broken; the caller needs the original error
            for name, old in before.items():
                conf.unset(name) if old is None else conf.set(name, old)


def _check_workers(spark: SparkSession) -> None:
    """Check that all workers have the same cleantext as the driver, before any work."""
    kernel = Probe()
    work = shipped(kernel, installed(), 0)
    found = spark.range(0, PROBES, 1, PROBES).mapInArrow(work, _columns(kernel.schema)).count()
    assert found == PROBES


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise Spark's errors again with a readable message instead of a Java stack trace."""
    try:
        yield
    except CleantextError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark", "py4j", "grpc")):
            raise
        text = str(error)
        if match := re.search(rf"({MARK} .*?): (.*?)\|", text):
            raise ConfigError(
                f"{match[1]} is not what the driver has ({installed()}), but {match[2]}: install the same wheel and Python on every worker"
            ) from error
        if match := re.search(r"cleantext\.errors\.(\w+): (.*)", text):
            raise getattr(errors, match[1], CleantextError)(match[2]) from error
        if match := re.search(r"reading file (\S+?)\.? |PATH_NOT_FOUND\] Path does not exist: (\S+?)\.? ", text):
            raise InputError(
                f"{unquote(match[1] or match[2])}: this part of a table is gone or damaged; start over (--restart, or `SparkRunner.clear`)"
            ) from error
        raise CleantextError(f"Spark gave up: {_first(text)}") from error


def _first(text: str) -> str:
    """Return the first line of an error and the last line of its last Python traceback."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ends = [line for line in lines if re.match(r"[A-Za-z_.]+(?:Error|Exception|Exit|Interrupt)\b", line)]
    return " ".join(dict.fromkeys([lines[0], *ends[-1:]]))[:1000]
