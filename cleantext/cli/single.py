"""Single stages from files or stdin to stdout: `cleantext convert`, `repair` and `extract`; and the reasons for removed lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cleantext.pipeline import Pipeline
    from cleantext.transform import Cleaned

__all__ = ["convert", "extract", "reasons_of", "repair"]


def _each(files: tuple[Path, ...], work: Callable[[str], str]) -> None:
    """Apply ``work`` to the text of each file, or of stdin, and write the results to stdout in UTF-8."""
    for text in _texts(files):
        sys.stdout.buffer.write(work(text).encode("utf-8", "replace"))


def _texts(files: tuple[Path, ...]) -> list[str]:
    return [_decoded(file) for file in files or (Path("-"),)]


def _decoded(file: Path) -> str:
    from cleantext.decode import decode

    return decode(_bytes(file)).text


def _bytes(file: Path) -> bytes:
    from cleantext.run.readers.source import Source

    return sys.stdin.buffer.read() if str(file) == "-" else Source.of(file, str(file)).read()


FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))


@click.command()
@FILES
@click.option(
    "--to", required=True, metavar="SCRIPT", help="hans, hant, hant-tw, hant-hk, jp, or a configuration of OpenCC: t2s, s2twp, ..."
)
@click.option("--keep", multiple=True, metavar="WORD", help="Never convert this word; may be repeated.")
@click.option(
    "--dictionary",
    metavar="FILE",
    help="A file of your own words, applied first: word, tab, replacement on each line (OpenCC's format or .tsv). Or a folder of OpenCC's files.",
)
@click.option(
    "--script-report",
    "least_sure",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write the N least certain choices among forms to stderr.",
)
def convert(files: tuple[Path, ...], to: str, keep: tuple[str, ...], dictionary: str | None, least_sure: int | None) -> None:
    """Convert FILES, or stdin, to one script of Chinese; nothing else changes."""
    from cleantext.data import BUNDLED
    from cleantext.script import doubts, unify_script

    def work(text: str) -> str:
        for doubt in doubts(text, to=to, keep=keep, dictionary=dictionary or BUNDLED)[:least_sure] if least_sure else ():
            around = text[max(0, doubt.start - 8) : doubt.start + 9].replace("\n", " ")
            click.echo(f"{doubt.start}\t{doubt.before}\t{doubt.after}\t{doubt.alternatives}\t{doubt.margin:.1f}\t{around}", err=True)
        return unify_script(text, to=to, keep=keep, dictionary=dictionary or BUNDLED)

    _each(files, work)


@click.command()
@FILES
def repair(files: tuple[Path, ...]) -> None:
    """Repair FILES, or stdin: wrong decodings, injected pinyin, entities, control characters; nothing else changes."""
    from cleantext.repair import repair as repaired

    _each(files, repaired)


@click.command()
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--markdown", "form", flag_value="markdown", help="Write Markdown, with headings, lists and quotes.")
@click.option("--json", "form", flag_value="json", help="Write JSON: title, date, source, authors and the text.")
@click.option("--url", help="The address of the page, which may contain its date and host.")
@click.option("--to", default="keep", show_default=True, metavar="SCRIPT", help="hans, hant, ...: the script of the text.")
def extract(file: Path, form: str | None, url: str | None, to: str) -> None:
    """Write the main text of an HTML page, FILE or stdin, as text, Markdown or JSON."""
    from cleantext.decode import decode
    from cleantext.html import read_html
    from cleantext.html.markdown import markdown
    from cleantext.pipeline import Pipeline

    page = Pipeline.load("web").with_script(to).fast([read_html(decode(_bytes(file)).text, url=url)])[0]
    if form == "json":
        told: dict[str, Any] = {"url": page.url, **page.metadata, "flags": list(page.flags), "text": page.text}
        out = json.dumps(told, ensure_ascii=False, indent=1, default=str)
    else:
        out = markdown(page) if form == "markdown" else page.text
    sys.stdout.buffer.write(out.encode("utf-8", "replace"))
    if out and not out.endswith("\n"):
        sys.stdout.buffer.write(b"\n")


def reasons_of(cleaned: Cleaned, pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the reason for each removed line of chrome, with its position in the original."""
    from cleantext.chrome import StripChrome
    from cleantext.edits import OffsetMap, apply

    made = {step.transform: step.edits for step in cleaned.steps}
    text = cleaned.original
    maps: list[OffsetMap] = []
    for step in pipeline.steps:
        if isinstance(step, StripChrome):
            out = []
            learned = any("learned.line" in edit.rules for edit in made.get(step.id, ()))  # nothing is, of HTML
            for reason in replace(step, learned=learned).reasons(text):
                start, end = reason.start, reason.end
                for earlier in reversed(maps):
                    start, end = earlier.to_original(start, end)
                out.append({**reason._asdict(), "start": start, "end": end})
            return out
        edits = made.get(step.id, ())
        maps.append(OffsetMap(edits))
        text = apply(text, edits)
    return []
