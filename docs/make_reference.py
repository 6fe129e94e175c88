"""Write commands.md and api.md, the references, from the code: `python docs/make_reference.py`. A test holds them equal."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import cleantext as ct
import cleantext.testing
from cleantext.cli import main

NOTE = "<!-- Made by docs/make_reference.py: change the docstrings instead. -->\n"
QUOTED = re.compile(r"(: |-> )'([^']*)'")  # annotations, which are strings
SPLIT = re.compile(r", (?=\*|\w+[:=])")  # between parameters
ROLE = re.compile(r"``([^`]+)``")  # of reStructuredText
# Where each public name belongs: what a reader wants to do.
PARTS = {
    "Clean": ["clean", "clean_html", "clean_files", "explain", "Cleaned", "Pipeline", "Page", "read_html", "Report", "warm"],
    "One stage alone": ["decode", "Decoded", "repair", "normalize", "strip_chrome", "unify_script", "detect_script", "Script"],
    "Near-duplicates": ["find_duplicates", "Duplicates", "Index", "SketchSpec", "shingle_hash"],
    "Edits": ["Edit", "apply", "revert", "compose"],
    "Rules, hosts and Transforms of your own": ["Rule", "learn", "HostProfile", "Transform", "Law", "Changes"],
    "Errors": ["CleantextError", "ConfigError", "EditError", "InputError", "RuleError", "SketchMismatch"],
}


def commands() -> str:
    """Return the reference of the command line: what each command says for --help."""
    return "\n".join([NOTE + "# Command reference\n\nWhat `cleantext COMMAND --help` says.\n", *_command(main, "cleantext")])


def _command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"## {path}\n\n`{' '.join([path, *command.collect_usage_pieces(context)])}`\n"
    yield "\n\n".join(f"~~~text\n{part}\n~~~" if "    " in part else part for part in _paragraphs(command.help or "")) + "\n"
    records = [record for option in command.params if (record := option.get_help_record(context))]
    if records:
        cells = [tuple(cell.replace("|", "\\|") for cell in record) for record in records]
        yield "\n".join(["| option | |", "|---|---|", *(f"| `{names}` | {told} |" for names, told in cells)]) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _command(command.commands[name], f"{path} {name}")


def _paragraphs(text: str) -> Iterator[str]:
    for part in inspect.cleandoc(text).split("\n\n"):
        yield part.removeprefix("\b\n") if part.startswith("\b\n") else " ".join(part.split())


def api() -> str:
    """Return the reference of the public names, from signatures and docstrings."""
    told = [name for names in PARTS.values() for name in names]
    assert sorted(told) == ct.__all__, set(told) ^ set(ct.__all__)
    pieces = [NOTE + "# API reference\n\nAll names of `import cleantext as ct`. Offsets are code points everywhere.\n"]
    for part, names in PARTS.items():
        pieces += [f"## {part}\n", *(_public(f"ct.{name}", getattr(ct, name)) for name in names)]
    pieces += ["## cleantext.testing\n", f"{_prose(inspect.getdoc(ct.testing) or '')}\n"]
    pieces += [_public(f"cleantext.testing.{name}", getattr(ct.testing, name)) for name in ct.testing.__all__]
    return "\n".join(pieces)


def _public(name: str, value: Any) -> str:
    pieces = [f"### {name}\n", _signature(name.removeprefix("ct."), value), f"{_prose(inspect.getdoc(value) or '')}\n"]
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        pieces.append("\n".join(f"- `{one.name}`: {one.value}" for one in value) + "\n")
    elif inspect.isclass(value):
        for member, made in vars(value).items():
            function = made.__func__ if isinstance(made, (classmethod, staticmethod)) else made
            call = getattr(function, "fget", None) or getattr(function, "func", None) or function  # of properties
            if member[0] != "_" and inspect.isfunction(call) and call.__doc__:
                kind = "" if call is function else "property "
                shown = f"`{kind}{member}`" if kind else f"`{member}{' '.join(_arguments(call).split())}`"
                pieces.append(f"**{shown}**\n\n{_prose(inspect.getdoc(call) or '')}\n")
    return "\n".join(pieces)


def _arguments(call: Any) -> str:
    try:
        shown = QUOTED.sub(r"\1\2", str(inspect.signature(call)))
    except ValueError:
        return "(…)"
    if len(shown) < 100 or shown.count(",") < 2:
        return shown
    inner, result = shown[1:].rsplit(")", 1)
    return "(\n" + "".join(f"    {parameter},\n" for parameter in SPLIT.split(inner)) + f"){result}"


def _signature(name: str, value: Any) -> str:
    if inspect.isclass(value):
        names = [f.name for f in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else getattr(value, "_fields", ())
        return f"Fields: {', '.join(f'`{f}`' for f in names if f[0] != '_')}.\n" if names else ""
    return f"~~~text\n{name}{_arguments(value)}\n~~~\n"


def _prose(text: str) -> str:
    """Return a docstring as Markdown: examples and indented blocks fenced, roles as code."""
    out: list[str] = []
    fenced = False
    for line in text.split("\n"):
        example = line.startswith(("    ", ">>>")) or (fenced and line.strip() != "")
        if example and not fenced:
            out.append("~~~pycon" if line.startswith(">>>") else "~~~text")
        elif fenced and not example:
            out.append("~~~")
        fenced = example
        out.append(line if example else ROLE.sub(r"`\1`", line.removesuffix(":") if line.endswith("::") else line))
    return "\n".join([*out, "~~~"] if fenced else out)


PAGES = {"commands": commands, "api": api}

if __name__ == "__main__":
    for page, make in PAGES.items():
        Path(__file__).with_name(f"{page}.md").write_text(make(), "utf-8")
