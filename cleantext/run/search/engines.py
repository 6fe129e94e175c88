"""The plans of searches for duplicates, and their runners on a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cleantext.plan import Plan, Table
    from cleantext.plan.spark import SparkRunner

__all__ = ["Level", "dedup_plan", "on_spark", "runners"]

FEW = 500_000  # number of texts up to which one query searches all bands, and one scan decides who is kept
AT_ONCE = 5  # bands searched at once for many texts on a cluster: each query begins with a shuffle of its input
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
    """Return the plan of a search over tables of ``rows`` rows, for one machine or a cluster; `Plan.explain` prints it."""
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
    """Yield a function that makes runners on the cluster ``master``, with settings for Spark, each for a folder that all workers can reach."""
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
    """Run a plan on the cluster ``master``; all its workers must reach ``folder`` and the tables."""
    with runners(master, settings, progress) as make:
        return make(folder).run(plan, tables)
