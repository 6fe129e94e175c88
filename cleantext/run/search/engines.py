"""The plans of searches for duplicates, and what runs them on a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cleantext.plan import Plan, Table
    from cleantext.plan.spark import SparkRunner

__all__ = ["Level", "dedup_plan", "on_spark", "runners"]

FEW = 500_000  # texts up to which all bands are searched in one query, and who stays is decided in one scan
AT_ONCE = 5  # bands of many texts on a cluster: each query begins with a shuffle of what it reads
Level = Literal["document", "paragraph", "passage"]


def dedup_plan(
    *,
    level: Level,
    threshold: float,
    min_chars: int,
    max_df: int = 100,
    keep: str = "longest",
    id_type: Literal["string", "int64"] = "string",
    value_type: Literal["int64", "double"] = "double",
    against: bool,
    rows: int = 0,
    cluster: bool = False,
) -> Plan:
    """Return the plan of a search over tables of so many rows, for one machine or a cluster; `Plan.explain` prints it."""
    from cleantext.dedup import SketchSpec
    from cleantext.dedup.passages.passage_search import PassageParams
    from cleantext.dedup.tables.document_plan import document_plan
    from cleantext.dedup.tables.document_sql import KEEP
    from cleantext.dedup.tables.passage_plan import passage_plan
    from cleantext.errors import unknown

    if keep not in KEEP:
        raise unknown("keep", keep, KEEP)
    options: Any = {"keep": keep, "id_type": id_type, "value_type": value_type, "against": against}
    if level == "passage":
        return passage_plan(PassageParams(threshold, min_chars, max_df), apart=cluster and rows >= FEW, **options)
    at_once = 0 if rows < FEW else AT_ONCE if cluster else 1
    return document_plan(
        SketchSpec(), threshold=threshold, level=level, min_chars=min_chars, at_once=at_once, apart=cluster and rows >= FEW, **options
    )


@contextlib.contextmanager
def runners(
    master: str, settings: Mapping[str, str] | None, progress: Callable[[str], None] | None
) -> Iterator[Callable[[Path], SparkRunner]]:
    """Give what makes runners of a cluster ``master``, with settings of Spark's own, each for a folder that all its workers reach."""
    from cleantext.plan.spark import SparkRunner, connected

    with connected(master, settings) as session:
        yield lambda folder: SparkRunner(session, folder, progress=progress)


def on_spark(
    plan: Plan,
    tables: Mapping[str, Table],
    folder: Path,
    master: str,
    settings: Mapping[str, str] | None,
    progress: Callable[[str], None] | None,
) -> dict[str, Table]:
    """Run a plan on the cluster ``master``; all its workers reach ``folder`` and the tables."""
    with runners(master, settings, progress) as make:
        return make(folder).run(plan, tables)
