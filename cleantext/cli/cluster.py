"""Options of commands that can run on Apache Spark, and the limits of such runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cleantext.report.tally import Report

__all__ = ["clean_there", "cluster", "is_given", "is_on_cluster", "settings_of"]

# Options of `clean` that only work on one machine, and the replacement on a cluster.
LOCAL = {
    "check": "look at a sample of the pages on one machine",
    "dry_run": "look at a sample of the pages on one machine",
    "workers": "take spark.executor.instances and spark.executor.cores (--spark-conf), or local[N]",
    "memory": "take spark.executor.memory and spark.executor.memoryOverhead (--spark-conf)",
    "max_page_memory": "take spark.executor.pyspark.memory (--spark-conf)",
    "page_seconds": "a page takes as long as it takes: --max-page-bytes bounds it",
}


def cluster(names: Sequence[str], told: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options for the engine (the first of ``names`` by default) and for the address of Spark."""
    engine = click.option("--engine", type=click.Choice(names), default=names[0], help=f"{told} (docs/cluster.md).")
    master = click.option(
        "--master",
        default="local[*]",
        show_default=True,
        metavar="URL",
        help="The cluster: spark://host:7077, yarn, k8s://..., or sc://host:15002 of Spark Connect. Its workers must reach SRC and OUT under the same names.",
    )
    conf = click.option(
        "--spark-conf", multiple=True, metavar="NAME=VALUE", help="A setting of Spark, such as spark.executor.memory=8g; may be repeated."
    )
    return lambda command: engine(master(conf(command)))


def is_given(ctx: click.Context, name: str) -> bool:
    """Return whether an option was given on the command line."""
    return ctx.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


def is_on_cluster(ctx: click.Context, engine: str) -> bool:
    """Return whether a command runs on Spark: by --engine, or else if --master or --spark-conf is given."""
    named = is_given(ctx, "master") or is_given(ctx, "spark_conf")
    if named and engine != "spark" and is_given(ctx, "engine") and engine != "auto":
        raise click.UsageError("--master and --spark-conf go with --engine spark alone")
    return engine == "spark" or named


def clean_there(ctx: click.Context, src: tuple[str, ...], out: Path, master: str, spark_conf: Iterable[str], **options: Any) -> Report:
    """Run `clean` on Spark. Options that only work on one machine are refused; so is --edits, since no edits are written on Spark."""
    _refuse_local(ctx)
    from cleantext.run.cluster.running import clean_on_spark

    options = {name: value for name, value in options.items() if name not in LOCAL}
    options["form"] = options["form"] if is_given(ctx, "form") else "parquet"
    return clean_on_spark(src, out, master=master, spark=settings_of(spark_conf), **options)


def _refuse_local(ctx: click.Context) -> None:
    for name, instead in LOCAL.items():
        if is_given(ctx, name):
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with --engine spark: {instead}")
    if is_given(ctx, "record") and ctx.params["record"]:
        raise click.UsageError(
            "--edits does not go with --engine spark: edits are counted there, not written; clean on one machine to undo"
        )
    if is_given(ctx, "form") and ctx.params["form"] == "text":
        raise click.UsageError("--format text does not go with --engine spark: take parquet or jsonl")


def settings_of(pairs: Iterable[str]) -> dict[str, str]:
    """Read settings such as spark.executor.memory=8g."""
    split = [pair.partition("=") for pair in pairs]
    for name, mark, _ in split:
        if not (name and mark):
            raise click.UsageError(f"--spark-conf {name!r}: expected NAME=VALUE")
    return {name: value for name, _, value in split}
