"""Steps: operations on whole tables as data, so that a plan can be printed, fingerprinted, and run by different engines.

Tables have names. A step reads some and makes one, which may take the name of one that it reads. The
SQL is one dialect that DuckDB and Spark run word for word: joins, semi-joins, GROUP BY with min, max,
sum and count, UNION ALL, on integers, doubles, strings and binary. Hashes come from kernels, never
from an engine, so that two runners get the same rows; rows have no order until the last step gives
them one.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowKernel", "Checkpoint", "Expect", "Join", "Loop", "Map", "Number", "OrderedKernel", "Plan", "Scan", "Sql", "Step"]


class ArrowKernel(Protocol):
    """A pure function of record batches whose results do not depend on how rows are batched. Frozen, small, picklable; its repr shows all options."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the batches that it gives."""
        ...

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield what comes of the rows of ``batch``."""
        ...


class OrderedKernel(Protocol):
    """A function of sorted rows, which may keep state between rows. Otherwise like `ArrowKernel`."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the batches that it gives."""
        ...

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what comes of all rows; there may be none."""
        ...


@dataclass(frozen=True)
class Join:
    """Columns that a `Map` takes from another table: ``columns`` (name here, name there) of the row whose ``key`` equals ``by``.

    Keys are distinct integers. Rows without a match are dropped.
    """

    by: str
    table: str
    key: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Map:
    """Make a table by passing each batch of another one to a kernel. The runner chooses the batches.

    ``joins`` is for large values, such as the tokens of both texts of a pair: a runner may look them up when it
    needs them, or run `query`. ``spread`` means that each row is a large job, such as a file to
    read, so that a cluster distributes rows over all workers.
    """

    into: str
    source: str
    kernel: ArrowKernel
    joins: tuple[Join, ...] = ()
    spread: bool = False

    @property
    def query(self) -> str:
        """The input of the kernel, as a query."""
        place: dict[str, str] = {}  # columns joined so far, which a later join may use as its key
        tables = ""
        for n, join in enumerate(self.joins):
            tables += f" JOIN {join.table} j{n} ON {place.get(join.by, f's.{join.by}')} = j{n}.{join.key}"
            place |= {here: f"j{n}.{there}" for here, there in join.columns}
        return f"SELECT s.*{''.join(f', {there} AS {here}' for here, there in place.items())} FROM {self.source} s{tables}"


@dataclass(frozen=True)
class Scan:
    """Make a table by passing the rows of another one, sorted by ``order``, to a kernel.

    Rows with equal values in the columns ``within`` are passed to the same call of the kernel (all rows, if there are no
    such columns); the runner may split the others. Meant for narrow rows, since they are sorted.
    """

    into: str
    source: str
    kernel: OrderedKernel
    order: tuple[str, ...]
    within: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sql:
    """Make a table by a query."""

    into: str
    query: str


@dataclass(frozen=True)
class Number:
    """Make a table by numbering the rows of another one from 0, sorted by expressions that differ for any two rows.

    This is not an `Sql` step because Spark runs a query that numbers all rows on a single worker.
    """

    into: str
    source: str
    column: str
    order: tuple[str, ...]

    @property
    def query(self) -> str:
        """The step as a query."""
        return f"SELECT s.*, CAST(row_number() OVER (ORDER BY {', '.join(self.order)}) - 1 AS BIGINT) AS {self.column} FROM {self.source} s"


@dataclass(frozen=True)
class Expect:
    """Raise `InputError` unless a table is empty. ``message`` is formatted with its first row."""

    table: str
    message: str


@dataclass(frozen=True)
class Checkpoint:
    """Keep only these tables. Others may be deleted, and a stopped run can continue from here."""

    keep: tuple[str, ...]


@dataclass(frozen=True)
class Loop:
    """Repeat steps while a table has rows, at most ``most`` times."""

    body: tuple[Step, ...]
    table: str
    most: int


Step = Map | Scan | Sql | Number | Expect | Checkpoint | Loop


@dataclass(frozen=True)
class Plan:
    """Steps in order, the tables they produce, and facts about the search for the report."""

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    facts: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The digest of all steps. A stopped run continues only under an equal plan."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def explain(self) -> str:
        """Return the plan as text: inputs and outputs of each step, kernels with their options, and the SQL."""
        return "\n".join([*_told(self.steps, ""), f"gives {', '.join(self.outputs)}"])


def _told(steps: tuple[Step, ...], indent: str) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Map):
            joined = "".join(f", {join.table} by {join.by}" for join in step.joins)
            yield f"{indent}{step.into} = map {step.source}{joined} through {step.kernel!r}"
        elif isinstance(step, Scan):
            apart = f", {', '.join(step.within)} together" if step.within else ""
            yield f"{indent}{step.into} = scan {step.source} by {', '.join(step.order)}{apart} through {step.kernel!r}"
        elif isinstance(step, Sql):
            yield f"{indent}{step.into} ="
            yield textwrap.indent(textwrap.dedent(step.query).strip(), indent + "    ")
        elif isinstance(step, Number):
            yield f"{indent}{step.into} = {step.source} with {step.column}, counted from 0 in the order of {', '.join(step.order)}"
        elif isinstance(step, Expect):
            yield f"{indent}expect no row in {step.table}"
        elif isinstance(step, Checkpoint):
            yield f"{indent}checkpoint {', '.join(step.keep)}"
        else:
            yield f"{indent}while {step.table} has rows, at most {step.most} times:"
            yield from _told(step.body, indent + "    ")
