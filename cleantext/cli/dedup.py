"""`cleantext dedup`: near-duplicates alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from cleantext.cli.cluster import cluster, is_given, is_on_cluster, settings_of

__all__ = ["MAX_DF", "RESUMES", "dedup", "size_of", "told_size"]

RESUMES = "cleantext.resumes"  # key in click's context for the output folder from which an interrupted command can continue

MAX_DF = "Passages in more texts are boilerplate: they are listed in boilerplate.parquet, not paired, and never removed."


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
@click.option("--threshold", default=0.8, show_default=True, help="Minimum similarity of near-duplicates (exact Jaccard index).")
@click.option(
    "--min-chars",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="Minimum number of letters and digits of a passage or paragraph.",
)
@click.option("--max-df", type=click.IntRange(min=1), default=100, show_default=True, help=MAX_DF)
@click.option("--against", metavar="SRC", help="Reference texts: report only pairs of a text and a reference.")
@click.option(
    "--keep",
    default="longest",
    show_default=True,
    metavar="longest|first",
    help="Which copy stays: the longest (the smallest id among equally long ones), or the first in the order of files and rows.",
)
@click.option(
    "--index", type=click.Path(path_type=Path), help="Folder of an index of earlier texts: compare with those as well, and add these."
)
@click.option("--add/--no-add", default=True, show_default=True, help="With --index: add these texts, or only compare them.")
@cluster(
    ["auto", "memory", "local", "spark"],
    "Search in memory, in tables on disk (local), or on Apache Spark. [default: by size, spark with --master; the results are the same]",
)
@click.option("--memory", default="2GB", show_default=True, help="Approximate memory for the local engine; at least 1GB.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes of the local engine. [default: all cores]")
@click.option("--text", default="", metavar="COLUMN", help="The field of a table that holds the text. [default: text, content, ...]")
@click.option("--id", "id_", default="", metavar="COLUMN", help="The field that names a record. [default: id, or url, or file and line]")
@click.option("--prefer", default="", metavar="COLUMN", help="A number (a date, a rank): the copy with the smallest one stays.")
@click.option("--remove", is_flag=True, help="Also write the texts without their duplicates, with the other columns of their table.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "jsonl", "jsonl.zst", "jsonl.gz"]),
    default="parquet",
    show_default=True,
    help="Format of the output of --remove.",
)
@click.option("--strict", is_flag=True, help="Stop at a row that cannot be read or repeats an id, instead of counting and reporting it.")
@click.option(
    "--page-seconds",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Pages that take longer to read fail; each megabyte of a page adds 15 seconds. 0: no limit.",
)
@click.option("--restart", is_flag=True, help="Discard the results of an interrupted run, and start over.")
@click.option("--explain-plan", is_flag=True, help="Print the steps of the local engine, and do nothing else.")
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
    """Find near-duplicates among texts without cleaning them: pages, tables (.parquet, .jsonl, .csv, ...), crawls (.warc) or archives.

    Writes duplicates.parquet (pairs with exact similarity), report.json and report.html, clusters.parquet (which copy stays)
    and, for passages, boilerplate.parquet and cuts.parquet (the spans that --remove removes). With --index, duplicates.parquet has
    the pairs of these texts with those of the index and with each other, clusters.parquet all clusters of the index, and
    events.jsonl the changes of clusters.
    """
    from rich.console import Console

    from cleantext.cli.progress import compiling, steps
    from cleantext.report.terminal import summary
    from cleantext.run.readers.fields import Fields
    from cleantext.run.search.dedup_files import dedup_files, index_files
    from cleantext.run.search.engines import dedup_plan

    if explain_plan:
        names = ("level", "threshold", "min_chars", "max_df")
        keep = "value" if prefer else options["keep"]
        click.echo(dedup_plan(**{n: options[n] for n in names}, keep=keep, against=bool(options["against"])).explain())
        return
    if out is None:
        raise click.UsageError("Missing option '-o' / '--out'.")
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    fields = Fields(text=text, id=id_, value=prefer)
    here = "index" if index is not None else "search"
    for name, (option, where) in GOES_WITH.items():
        if is_given(ctx, name) and here not in where:
            raise click.UsageError(f"{option} goes without --index" if here == "index" else f"{option} goes with --index alone")
    if prefer and is_given(ctx, "keep"):
        raise click.UsageError("--prefer and --keep both say which copy stays: give one")
    if index is not None:
        asked = {n: options[n] for n in ("level", "threshold", "min_chars", "keep") if is_given(ctx, n)}
        asked |= {name: options[name] for name in ("workers", "strict", "page_seconds")}
        with compiling(console, quiet=quiet) as compiled:
            report = index_files(src, out, index, add=add, fields=fields, memory=size_of(memory), compiled=compiled, **asked)
    else:
        ctx.meta[RESUMES] = out
        if is_on_cluster(ctx, options["engine"]):
            options["engine"] = "spark"
        options["spark"] = settings_of(spark_conf)
        with compiling(console, quiet=quiet) as compiled, steps(console, quiet=quiet) as progress:
            report = dedup_files(src, out, fields=fields, memory=size_of(memory), progress=progress, compiled=compiled, **options)
    if not quiet:
        summary(report, str(out), console)
    sys.exit(report.exit_code)


# Options that only go with a search ("search"), or only with an index ("index").
GOES_WITH = {
    "against": ("--against", {"search"}),
    "max_df": ("--max-df", {"search"}),
    "engine": ("--engine", {"search"}),
    "master": ("--master", {"search"}),
    "spark_conf": ("--spark-conf", {"search"}),
    "restart": ("--restart", {"search"}),
    "remove": ("--remove", {"search"}),
    "form": ("--format", {"search"}),
    "add": ("--add/--no-add", {"index"}),
}


def told_size(size: int) -> str:
    """Format a size for `size_of`: 2GB for 2,000,000,000."""
    return next((f"{size // unit}{name}" for name, unit in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)) if size % unit == 0), str(size))


def size_of(size: str) -> int:
    """Parse a size such as 2GB, 500MB or 1.5GiB into bytes."""
    units = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", size)
    if not found or found[2].upper() not in units:
        raise click.UsageError(f"size {size!r}: expected one such as 2GB")
    return int(float(found[1]) * units[found[2].upper()])
