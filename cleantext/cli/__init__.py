"""The command line. Every command is a thin wrapper around a public function.

Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 ``--check`` found changes, 2 usage,
configuration or rule error, 3 some pages failed (takes precedence over 1), 4 error of the operating system
(a full disk, for example), 130 interrupted and resumable.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleantext import __version__
from cleantext.cli.cluster import clean_there, cluster, is_on_cluster
from cleantext.cli.config import config, defaults_of, settings_file
from cleantext.cli.dedup import MAX_DF, RESUMES, dedup, size_of, told_size
from cleantext.cli.recipe import chosen_pipeline, recipe
from cleantext.cli.rules import rules as rules_
from cleantext.cli.single import convert, extract, reasons_of, repair
from cleantext.cli.streams import any_character, as_json, nobody_reads
from cleantext.cli.upkeep import doctor, learn
from cleantext.errors import CleantextError
from cleantext.jit import seldom_collected
from cleantext.run.options import DUPLICATES, FORMATS, Options

if TYPE_CHECKING:
    from cleantext.pipeline import Pipeline
    from cleantext.transform import Cleaned

SHOWN = 20  # at most so many failures or choices are listed
USUAL = Options()  # the defaults


class Commands(click.Group):
    """A group of commands that turns exceptions into the exit codes above and one-line messages, whatever the encoding of the streams."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        any_character()
        seldom_collected()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _stopped_by_sigterm():
            return self._invoked(ctx)

    def _invoked(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CleantextError as error:
            click.echo(f"cleantext: {error}", err=True)
            ctx.exit(2)
        except BrokenPipeError:  # the reader of our stdout has exited, which is not a failure of ours
            nobody_reads()
            ctx.exit(0)
        except OSError as error:
            click.echo(
                f"cleantext: {error.filename or 'the system'}: {error.strerror or error}; mend that and run the same again", err=True
            )
            ctx.exit(4)
        except KeyboardInterrupt:
            kept = "; run the same command again to take up from here" if _is_kept(ctx.meta.get(RESUMES)) else ""
            click.echo(f"cleantext: interrupted{kept}", err=True)
            ctx.exit(130)


def _is_kept(out: Path | None) -> bool:
    """Return whether a stopped command left a state in its output folder from which it can continue."""
    from cleantext.run.files import STATE

    return out is not None and (out / STATE).exists()


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Handle SIGTERM like Ctrl-C: incomplete files are deleted, and the run can be continued."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="cleantext")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Turn crawled web pages, Chinese first, into a corpus.

    \b
    cleantext clean pages/ -o cleaned/    clean a folder; the report shows what was removed and why
    cleantext explain page.txt            show what would be removed from one page

    \b
    Exit codes: 0 done; 1 --check found changes; 2 wrong usage or configuration, nothing was done; 3 some
    pages failed, the others are done (takes precedence over 1); 4 error of the operating system (a full disk,
    for example); 130 interrupted.
    """  # noqa: D301 - click reads the backslash
    if held := settings_file(Path.cwd()):
        ctx.default_map = defaults_of(main, *held)


main.add_command(dedup)
main.add_command(rules_)
main.add_command(config)
for _command in (convert, extract, repair, learn, doctor):
    main.add_command(_command)


@main.command()
@click.argument("src", nargs=-1, required=True)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the cleaned pages and tables.")
@recipe
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes; outputs are the same for any number. [default: all cores]")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=USUAL.form,
    show_default=True,
    help="A text file per page, or a table with a row per page: see docs/outputs.md.",
)
@click.option(
    "--duplicates",
    type=click.Choice(DUPLICATES),
    default=USUAL.duplicates,
    show_default=True,
    help="The kind of near-duplicates to find and report.",
)
@click.option("--remove", is_flag=True, help="Also remove the near-duplicates.")
@click.option(
    "--index",
    default=USUAL.index,
    metavar="DIR",
    help="An index of the documents of earlier runs: also compare with those, and add these. Clusters keep their numbers.",
)
@click.option(
    "--where",
    default="",
    metavar="SQL",
    help='Keep only pages that meet a condition, such as "han_share > 0.3 and chars > 200"; others go to dropped.parquet.',
)
@click.option("--text", default="", metavar="FIELD", help="The field of a record that holds plain text. [default: text, content, ...]")
@click.option("--html", default="", metavar="FIELD", help="The field that holds HTML. [default: html, raw_html, ...]")
@click.option("--id", "id_", default="", metavar="FIELD", help="The field that names a record. [default: id, or url, or file and number]")
@click.option("--url", default="", metavar="FIELD", help="The field that holds its address. [default: url, uri, ...]")
@click.option("--strict", is_flag=True, help="Stop at a record that cannot be read, instead of counting and reporting it.")
@click.option(
    "--threshold", default=USUAL.threshold, show_default=True, help="Minimum similarity of near-duplicates (exact Jaccard index)."
)
@click.option(
    "--min-chars", type=click.IntRange(min=1), default=USUAL.min_chars, show_default=True, help="Minimum number of letters of a passage."
)
@click.option("--max-df", type=click.IntRange(min=1), default=USUAL.max_df, show_default=True, help=MAX_DF)
@click.option("--edits/--no-edits", "record", default=USUAL.record, show_default=True, help="Record edits, for explain and undo.")
@click.option(
    "--max-page-bytes",
    default=told_size(USUAL.max_page_bytes),
    show_default=True,
    metavar="SIZE",
    help="Larger pages (uncompressed) fail: they are listed, and the run continues.",
)
@click.option(
    "--page-seconds",
    type=click.FloatRange(min=0),
    default=USUAL.page_seconds,
    show_default=True,
    help="Pages that take longer fail as well; each megabyte of a page adds 15 seconds. 0: no limit.",
)
@click.option(
    "--max-page-memory",
    default=told_size(USUAL.max_page_memory),
    show_default=True,
    metavar="SIZE",
    help="Memory limit of a worker for its pages; pages that need more fail as well (Linux). 0: no limit.",
)
@click.option("--profile", default="", metavar="FILE", help="Host profile that `cleantext learn` wrote.")
@click.option(
    "--learn-hosts/--no-learn-hosts",
    default=None,
    help="Learn the lines that repeat on each host from the pages, if their hosts are known and have enough pages. [default: for tables and crawls]",
)
@click.option(
    "--memory",
    default=told_size(USUAL.memory),
    show_default=True,
    help="Approximate memory for the search for duplicates; at least 1GB.",
)
@cluster(["local", "spark"], "Run on this machine, or on Apache Spark with the same rows in tables. [default: spark with --master]")
@click.option("--restart", is_flag=True, help="Discard the results of earlier runs in OUT, and start over.")
@click.option(
    "--incremental",
    is_flag=True,
    help="Keep the results of shards in OUT/.cleantext, so that a later run only cleans new or changed inputs.",
)
@click.option(
    "--replace",
    "replaces",
    is_flag=True,
    help="Replace an existing output that was made from other pages, which is refused otherwise.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if any page would change, 3 if any fails.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would change.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@click.option("-v", "verbosity", count=True, help="Log the phases of the run to stderr; with -vv also its shards and steps.")
@click.pass_context
def clean(
    ctx: click.Context,
    /,
    src: tuple[str, ...],
    out: Path,
    pipeline: str,
    rules: tuple[str, ...],
    *,
    check: bool,
    dry_run: bool,
    quiet: bool,
    verbosity: int,
    max_page_bytes: str,
    max_page_memory: str,
    memory: str,
    text: str,
    html: str,
    id_: str,
    url: str,
    engine: str,
    master: str,
    spark_conf: tuple[str, ...],
    **options: Any,
) -> None:
    """Clean pages: files, folders, glob patterns, tables (JSON lines, CSV, Parquet, Arrow), WARC and WET files, zip and tar, - for stdin.

    Writes one text file per page (in the same tree of folders) and metadata.jsonl, or with --format a table. Also writes edits.parquet,
    duplicates.parquet and .jsonl, report.json and report.html. Inputs are never changed.
    """
    from rich.console import Console

    from cleantext.cli.progress import compiling, log_to, phases, steps
    from cleantext.report.terminal import summary
    from cleantext.run import job
    from cleantext.run.readers.fields import Fields

    options["max_page_bytes"], options["memory"] = size_of(max_page_bytes), size_of(memory)
    options["max_page_memory"] = size_of(max_page_memory)
    options["fields"] = Fields(text=text, html=html, id=id_, url=url)
    on_cluster = is_on_cluster(ctx, engine)
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)  # logs have no width to wrap to
    log_to(console, verbosity)
    with contextlib.ExitStack() as held:
        if not on_cluster:
            options["compiled"] = held.enter_context(compiling(console, quiet=quiet))
            options["progress"] = held.enter_context(phases(console, quiet=quiet))
        if check or dry_run:
            import tempfile

            out = Path(held.enter_context(tempfile.TemporaryDirectory())) / "out"
        ctx.meta[RESUMES] = None if check or dry_run else out
        if on_cluster:
            options["progress"] = held.enter_context(steps(console, quiet=quiet))
            report = clean_there(ctx, src, out, master, spark_conf, pipeline=pipeline, rules=rules, **options)
        else:
            report = job.clean_files(src, out, pipeline=pipeline, rules=rules, **options)
    if not quiet:
        summary(report, None if check or dry_run else str(out), console, drawn=not on_cluster)
    sys.exit(report.exit_code or int(check and report.changed > 0))  # 3 before 1: a failed page might change, too


@main.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@recipe
@click.option(
    "--id", "name", default="", metavar="ID", help="FILE is the output folder of a run: show what it changed on the page with this id."
)
@click.option("--diff", "form", flag_value="diff", help="A unified diff instead of colours.")
@click.option("--json", "form", flag_value="json", help="Edits, metadata and flags as JSON, offsets into the original.")
def explain(file: Path, pipeline: str, rules: tuple[str, ...], form: str | None, name: str) -> None:
    """Show what would change in FILE ('-' for stdin), and by which rule. With --id, show what a finished run with output FILE changed."""
    recipe_ = chosen_pipeline(pipeline, rules)
    if name:
        from cleantext.run.finished.restore import explained

        cleaned = explained(file, name)
    else:
        cleaned = _explained(file, recipe_)
    reasons = [] if name else reasons_of(cleaned, recipe_)
    if form == "json":
        rows = [{**e._asdict(), "rules": e.rules} for e in cleaned.edits]
        told = {"text": cleaned.text, "edits": rows, "choices": [c._asdict() for c in cleaned.choices], "reasons": reasons}
        click.echo(as_json({**told, "metadata": cleaned.metadata, "flags": cleaned.flags}))
    elif form == "diff":
        import difflib

        before, after = (t.splitlines(keepends=True) for t in (cleaned.original, cleaned.text))
        for line in difflib.unified_diff(before, after, f"{file}", f"{file} (cleaned)", n=1):
            click.echo(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", nl=False)
    else:
        from rich.console import Console

        from cleantext.report.terminal import explanation

        console = Console(soft_wrap=True, highlight=False)
        console.print(explanation(cleaned, marks=console.color_system is None))
        for r in reasons:
            text = cleaned.original[r["start"] : r["end"]].strip().replace("\n", " ")
            console.print(f"{r['rule']}, strength {r['strength']}, {r['because']}: {text[:60]}", style="dim", markup=False)
        for c in cleaned.choices[:SHOWN]:
            chosen = f"{cleaned.original[c.start : c.end]} as {c.after}, else {', '.join(c.alternatives)}: ahead by {c.margin:.1f} nats"
            console.print(chosen, style="dim", markup=False)
        for key, value in cleaned.metadata.items():
            console.print(f"{key}: {value}", style="bold", markup=False)
        if cleaned.flags:
            console.print(f"flags: {', '.join(cleaned.flags)}", style="yellow", markup=False)


def _explained(file: Path, pipeline: Pipeline) -> Cleaned:
    from cleantext.run.readers.records import read_page
    from cleantext.run.readers.source import Source

    if str(file) != "-":
        return pipeline.explain(read_page(Source.of(file, str(file))).page)
    import tempfile

    with tempfile.NamedTemporaryFile() as held:  # read like any page whose name has no extension
        held.write(sys.stdin.buffer.read())
        held.flush()
        return pipeline.explain(read_page(Source.of(Path(held.name), "-")).page)


@main.command()
@recipe
@click.option("--jsonl", metavar="FIELD", help="Read and write JSON lines; clean this field, such as text or data.text.")
@click.option("--page", is_flag=True, help="Stdin is a single page, text or HTML; write its cleaned text.")
def pipe(pipeline: str, rules: tuple[str, ...], jsonl: str | None, *, page: bool) -> None:
    """Clean stdin to stdout in UTF-8: one record per line, as text or (with --jsonl) as JSON, or with --page one page.

    Each record is one page, so the lines of a page are judged together only inside a JSON field, or with --page. `data.text` means the
    field text of the object data. A line without such a record is passed through unchanged and reported on stderr; the exit code is then 3.
    """
    from cleantext.cli.streams import piped

    if page and jsonl:
        raise click.UsageError("--page and --jsonl both say what stdin holds: give one")
    recipe_ = chosen_pipeline(pipeline, rules)
    if page:
        sys.stdout.buffer.write(_explained(Path("-"), recipe_).text.encode("utf-8", "replace"))
        return
    sys.exit(piped(recipe_, jsonl))


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("-o", "--to", required=True, type=click.Path(path_type=Path), help="Folder for the originals.")
def undo(out: Path, to: Path) -> None:
    """Restore the original pages from nothing but the output folder OUT of a run."""
    from cleantext.report.tally import Report
    from cleantext.run.files import check_output
    from cleantext.run.finished.restore import is_undone
    from cleantext.run.finished.restore import undo as taken_back

    check_output([out], [], to, ours=partial(is_undone, out))
    report = Report()
    click.get_current_context().meta[RESUMES] = to
    written = sum(1 for _ in taken_back(out, to, report))
    for row in report.failures[:SHOWN]:
        click.echo(f"cleantext: {row['error']}", err=True)
    rest = f", {len(report.failures):,} pages could not come back" if report.failures else ""
    click.echo(f"{written:,} originals written to {to}{rest}", err=True)
    sys.exit(report.exit_code)


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
def report(out: Path) -> None:
    """Write the HTML report of a finished run again from its report.json."""
    from jinja2 import UndefinedError

    from cleantext.errors import InputError
    from cleantext.report.tally import Report
    from cleantext.run.finished.samples import render_report

    if not out.is_dir():
        raise InputError(f"{out}: no such folder; check the path")
    if not (out / "report.json").exists():
        raise InputError(f"{out}: no report.json here; name the output folder of a finished run")
    try:
        render_report(out, Report.from_json(json.loads((out / "report.json").read_bytes())))
    except (InputError, ValueError, TypeError, LookupError, AttributeError, RecursionError, UndefinedError) as error:
        raise InputError(f"{out / 'report.json'}: {error}: this is not what a run wrote; run `cleantext clean` again") from error
    click.echo(str(out / "report.html"))
