"""`cleantext dedup`: near-duplicates alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

__all__ = ["MAX_DF", "RESUMES", "dedup", "settings_of", "size_of"]

RESUMES = "cleantext.resumes"  # key in a context of the output in which an interrupted command can take up where it was

MAX_DF = "Passages in more texts are boilerplate: listed in boilerplate.parquet, not paired, and never removed."


@click.command()
@click.argument("src", nargs=-1, required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder for the tables and the report.")
@click.option(
    "--level",
    type=click.Choice(["document", "paragraph", "passage"]),
    default="passage",
    show_default="passage; with --index its own, at first document",
    help="Compare whole texts, their paragraphs (local engine), or find passages wherever they lie.",
)
@click.option("--threshold", default=0.8, show_default=True, help="Least similarity of a near-duplicate (exact Jaccard).")
@click.option(
    "--min-chars", type=click.IntRange(min=1), default=40, show_default=True, help="Least letters and digits of a passage or paragraph."
)
@click.option("--max-df", type=click.IntRange(min=1), default=100, show_default=True, help=MAX_DF)
@click.option("--against", metavar="SRC", help="References: report only what texts share with these.")
@click.option(
    "--keep",
    default="longest",
    show_default=True,
    metavar="longest|first",
    help="Which copy stays; of equally long ones that of the smallest id, and the first goes by the order of files and rows.",
)
@click.option("--index", type=click.Path(path_type=Path), help="A folder of texts searched before: search against them, and add these.")
@click.option("--add/--no-add", default=True, show_default=True, help="With --index: add these texts, or only ask.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "memory", "local", "spark"]),
    default="auto",
    show_default="by what is given: spark with --master; local for tables, paragraphs, options that it alone has, and more than fits into --memory",
    help="Hold all texts in memory, work in tables on disk, or on a cluster of Apache Spark.",
)
@click.option(
    "--master",
    default="local[*]",
    show_default=True,
    metavar="URL",
    help="The cluster: spark://host:7077, yarn, k8s://..., or sc://host:15002 of Spark Connect. Its workers reach SRC and OUT by the same names.",
)
@click.option(
    "--spark-conf", multiple=True, metavar="NAME=VALUE", help="A setting of Spark, such as spark.executor.memory=8g; may be repeated."
)
@click.option("--memory", default="2GB", show_default=True, help="What the local engine may take of it, about; at least 1GB.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes of the local engine. [default: all cores]")
@click.option("--text", default="text", show_default=True, metavar="COLUMN", help="The column of a table that holds the text.")
@click.option("--id", "id_", default="id", show_default=True, metavar="COLUMN", help="The column that names a row.")
@click.option("--prefer", default="", metavar="COLUMN", help="A number that says which copy stays: the smallest (a date, a rank).")
@click.option("--strict", is_flag=True, help="A row that cannot be read, or repeats an id, ends the run; else it is counted and told.")
@click.option(
    "--page-seconds",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Pages that take longer to read fail; each megabyte of a page gives it 15 more. 0: no limit.",
)
@click.option("--restart", is_flag=True, help="Forget what an interrupted run has done.")
@click.option("--explain-plan", is_flag=True, help="Print the steps of the local engine, and do nothing.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@click.pass_context
def dedup(
    ctx: click.Context,
    /,
    src: tuple[str, ...],
    out: Path | None,
    *,
    memory: str,
    text: str,
    id_: str,
    prefer: str,
    explain_plan: bool,
    index: Path | None,
    add: bool,
    spark_conf: tuple[str, ...],
    quiet: bool,
    **options: Any,
) -> None:
    """Find near-duplicates among texts as they are: pages, or tables of texts (.parquet, .jsonl).

    Writes duplicates.parquet (pairs with exact similarity), report.json and report.html; the local engine also
    clusters.parquet (which copy stays) and, of passages, boilerplate.parquet and cuts.parquet (the spans that removal takes).
    With --index, duplicates.parquet has the pairs of these texts with those of the index and among themselves, clusters.parquet
    all clusters of the index, and events.jsonl what became of those before.
    """
    from rich.console import Console

    from cleantext.cli.progress import compiling, steps
    from cleantext.report.terminal import summary
    from cleantext.run.corpus import Columns
    from cleantext.run.search import dedup_files, dedup_plan, index_files

    if explain_plan:
        names = ("threshold", "min_chars", "max_df")
        keep = "value" if prefer else options["keep"]
        click.echo(
            dedup_plan(level=options["level"], **{n: options[n] for n in names}, keep=keep, against=bool(options["against"])).explain()
        )
        return
    if out is None:
        raise click.UsageError("Missing option '-o' / '--out'.")
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    columns = Columns(text, id_, prefer)
    if options["engine"] == "auto":
        asked_for = [where for name, (_, where) in GOES_WITH.items() if _given(ctx, name) and "memory" not in where]
        options["engine"] = "spark" if {"spark"} in asked_for else "local" if any("local" in where for where in asked_for) else "auto"
    here = "index" if index is not None else str(options["engine"])
    for name, (option, where) in GOES_WITH.items():
        if _given(ctx, name) and here not in where and not (here == "auto" and "memory" in where):
            engines = " and ".join(f"--engine {name}" if name != "index" else "--index" for name in sorted(where))
            raise click.UsageError(f"{option} goes with {engines} alone" + ("" if here == "auto" else f", not with {here}"))
    if prefer and _given(ctx, "keep"):
        raise click.UsageError("--prefer and --keep both say which copy stays: give one")
    if index is not None:
        asked = {n: options[n] for n in ("level", "threshold", "min_chars", "keep") if _given(ctx, n)}
        asked |= {name: options[name] for name in ("workers", "strict", "page_seconds")}
        with compiling(console, quiet=quiet) as compiled:
            report = index_files(src, out, index, add=add, columns=columns, memory=size_of(memory), compiled=compiled, **asked)
    else:
        ctx.meta[RESUMES] = out
        options["spark"] = settings_of(spark_conf)
        with compiling(console, quiet=quiet) as compiled, steps(console, quiet=quiet) as progress:
            report = dedup_files(src, out, columns=columns, memory=size_of(memory), progress=progress, compiled=compiled, **options)
    if not quiet:
        summary(report, str(out), console)
    sys.exit(report.exit_code)


# Options that not every way of searching has: the engines memory and local, and the index.
GOES_WITH = {
    "against": ("--against", {"memory", "local", "spark"}),
    "max_df": ("--max-df", {"memory", "local", "spark"}),
    "engine": ("--engine", {"memory", "local", "spark"}),
    "master": ("--master", {"spark"}),
    "spark_conf": ("--spark-conf", {"spark"}),
    "restart": ("--restart", {"local", "spark"}),
    "memory": ("--memory", {"local", "index"}),
    "workers": ("--workers", {"local", "index"}),
    "strict": ("--strict", {"local", "spark", "index"}),
    "text": ("--text", {"local", "spark", "index"}),
    "id_": ("--id", {"local", "spark", "index"}),
    "prefer": ("--prefer", {"local", "spark", "index"}),
    "add": ("--add/--no-add", {"index"}),
}


def _given(ctx: click.Context, name: str) -> bool:
    """Say whether an option stands on the command line: what does not is the index's own."""
    return ctx.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


def settings_of(pairs: Iterable[str]) -> dict[str, str]:
    """Read settings such as spark.executor.memory=8g."""
    split = [pair.partition("=") for pair in pairs]
    for name, mark, _ in split:
        if not (name and mark):
            raise click.UsageError(f"--spark-conf {name!r}: expected NAME=VALUE")
    return {name: value for name, _, value in split}


def size_of(size: str) -> int:
    """Read a size such as 2GB, 500MB or 1.5GiB."""
    units = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", size)
    if not found or found[2].upper() not in units:
        raise click.UsageError(f"size {size!r}: expected one such as 2GB")
    return int(float(found[1]) * units[found[2].upper()])
