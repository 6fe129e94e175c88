"""stdout and stderr of any encoding, and cleaning of records in a pipe."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from cleantext.errors import CleantextError, InputError

if TYPE_CHECKING:
    from cleantext.pipeline import Pipeline

__all__ = ["any_character", "as_json", "nobody_reads", "piped"]


def any_character() -> None:
    """Let stdout and stderr escape characters that their encoding (such as GBK on a Chinese Windows) lacks, instead of raising.

    Output for programs does not rely on this: `as_json` then writes ASCII, and `piped` writes bytes of UTF-8.
    """
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", "") == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def as_json(data: Any) -> str:
    """Return data as JSON: readable if stdout is UTF-8, else in ASCII with escapes."""
    with contextlib.suppress(LookupError, TypeError):
        if codecs.lookup(sys.stdout.encoding).name == "utf-8":
            return json.dumps(data, ensure_ascii=False, indent=1)
    return json.dumps(data, indent=1)


def nobody_reads() -> None:
    """Redirect stdout to nowhere after its reader has exited, since Python flushes it at the end and would report an error."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class _NoRecordError(Exception):
    """A line without anything to clean; the message says why."""


def piped(pipeline: Pipeline, field: str | None) -> int:
    """Clean the records of stdin, one per line, and return the exit code: 3 if some were passed through unchanged."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    failed = blank = lines = 0
    for number, line in enumerate(stdin, 1):
        if number == 1:
            _check_kind(line, field)
        lines, blank = number, blank + (not line.strip())
        try:
            out = _cleaned(line, pipeline, field)
        except _NoRecordError as error:
            click.echo(f"cleantext: stdin, line {number}: {error}; passed through", err=True)
            out, failed = line, failed + 1
        stdout.write(out)
        stdout.flush()
    if field is None and 0 < blank < lines:
        click.echo("cleantext: each line was cleaned by itself; for a page, whose lines belong together, use --page", err=True)
    return 3 if failed else 0


def _check_kind(line: bytes, field: str | None) -> None:
    """Raise `InputError`, with advice, if the first line shows that stdin is not a sequence of lines with one record each."""
    from cleantext.run.readers.sniff import kind_of

    kind = kind_of(line, "stdin.txt")
    if kind.name == "text" or (field is not None and kind.name in ("jsonl", "json")):
        return
    if kind.name == "html":
        raise InputError("stdin: is an HTML page, not a record a line: use --page; folders of pages are for `cleantext clean`")
    if kind.name == "jsonl":
        raise InputError("stdin: is JSON lines: name the field to clean, such as --jsonl text")
    raise InputError(f"stdin: is {kind.what}, not a record a line: {kind.advice}")


def _cleaned(line: bytes, pipeline: Pipeline, field: str | None) -> bytes:
    if field is None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        return (_through(pipeline, text).replace("\n", " ") + "\n").encode("utf-8", "replace")
    if not line.strip():
        return line
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _NoRecordError(f"no JSON: {error}") from error
    if not isinstance(record, dict):
        raise _NoRecordError(f"no JSON object, but {_kind(record)}")
    held, name = _place(record, field)
    if not isinstance(held[name], str):
        raise _NoRecordError(f"field {field!r} is {_kind(held[name])}, no text")
    held[name] = _through(pipeline, held[name])
    return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _place(record: dict[str, Any], field: str) -> tuple[dict[str, Any], str]:
    """Return the object that contains a field, and the field's name in it: ``a.b`` is a field of this name, or the field b of a."""
    if field in record:
        return record, field
    held: Any = record
    *way, name = field.split(".")
    for part in way:
        held = held.get(part) if isinstance(held, dict) else None
    if not isinstance(held, dict) or name not in held:
        raise _NoRecordError(f"no field {field!r}; it has {', '.join(record) or 'none'}")
    return held, name


def _through(pipeline: Pipeline, text: str) -> str:
    try:
        return pipeline(text)
    except (CleantextError, ImportError):  # of the recipe or the installation, not of this record
        raise
    except Exception as error:
        raise _NoRecordError(f"a step of the pipeline failed: {error!r}; please report it with the record") from error


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
