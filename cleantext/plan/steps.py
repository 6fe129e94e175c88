"""Steps: work on whole tables, written down so that it can be printed, named, run and run elsewhere.

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
    """Work on record batches: pure, and the same whatever rows share a batch. Frozen, small, and picklable; its repr names all its options."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the batches that it gives."""
        ...

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield what comes of the rows of ``batch``."""
        ...


class OrderedKernel(Protocol):
    """Work on rows in an order, of which it may remember some. Otherwise as a `ArrowKernel`."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the batches that it gives."""
        ...

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what comes of all rows; there may be none."""
        ...


@dataclass(frozen=True)
class Join:
    """Columns that rows of a `Map` get from another table: ``columns`` (name here, name there) of the row whose ``key`` is ``by`` here.

    Keys are integers, each once in the table. A row without one there is left out.
    """

    by: str
    table: str
    key: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Map:
    """Make a table by giving each batch of another one to a kernel. Batches are cut as the runner likes.

    ``joins`` is for wide values of few rows, such as the tokens of both texts of a pair: a runner may read them where it
    needs them, or run the `query` and write out what is wanted. ``spread`` says that each row is a job of its own, such as a file to
    read: a cluster gives them to all its workers.
    """

    into: str
    source: str
    kernel: ArrowKernel
    joins: tuple[Join, ...] = ()
    spread: bool = False

    @property
    def query(self) -> str:
        """What the kernel gets, as a query."""
        place: dict[str, str] = {}  # of the columns that are joined, which a later one may go by
        tables = ""
        for n, join in enumerate(self.joins):
            tables += f" JOIN {join.table} j{n} ON {place.get(join.by, f's.{join.by}')} = j{n}.{join.key}"
            place |= {here: f"j{n}.{there}" for here, there in join.columns}
        return f"SELECT s.*{''.join(f', {there} AS {here}' for here, there in place.items())} FROM {self.source} s{tables}"


@dataclass(frozen=True)
class Scan:
    """Make a table by giving the rows of another one, in the order of some columns, to a kernel.

    Rows that agree in the columns ``within`` meet in one scan (all rows, where there are none); a runner may
    scan others elsewhere. For narrow rows, since they are sorted.
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
    """Make a table by numbering the rows of another one from 0 on, in the order of some expressions, in which no two rows are equal.

    A step of its own, since queries that number all rows do so on one worker.
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
    """Stop with `InputError` unless a table is empty; ``message`` is formatted with its first row."""

    table: str
    message: str


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed from here on: the other tables may go, and a run that was stopped starts from here."""

    keep: tuple[str, ...]


@dataclass(frozen=True)
class Loop:
    """Repeat steps, ``most`` times at the most, while a table has rows."""

    body: tuple[Step, ...]
    table: str
    most: int


Step = Map | Scan | Sql | Number | Expect | Checkpoint | Loop


@dataclass(frozen=True)
class Plan:
    """Steps in order, the tables that they are done for, and what a report should say of how they work."""

    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    facts: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The digest of all steps: a run that was stopped goes on only under an equal plan."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def explain(self) -> str:
        """Return the plan as text: what each step reads and makes, kernels with their options, queries word for word."""
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
