"""Settings from a file in the current folder: cleantext.toml, or [tool.cleantext] in pyproject.toml.

Keys are the long names of options, such as ``format`` and ``min-chars``. Keys before any table apply to ``clean`` and to every command with the
same option; keys in a table named after a command apply to that command only. The command line takes precedence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cleantext.errors import ConfigError, unknown

__all__ = ["config", "defaults_of", "settings_file"]

FILES = ("cleantext.toml", "pyproject.toml")
NEVER = {"check", "dry-run", "out", "help", "version"}  # these concern a single call


def settings_file(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the settings file of a folder and its settings, or None."""
    for name in FILES:
        path = folder / name
        if path.is_file():
            from cleantext.toml import parsed, text_of

            data = parsed(text_of(path.read_bytes(), source=str(path), refuse=ConfigError), source=str(path), refuse=ConfigError)
            held = data if name == FILES[0] else data.get("tool", {}).get("cleantext")
            if held is not None:
                return path, held
    return None


def defaults_of(group: click.Group, path: Path, held: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the defaults of each command, by names of parameters, for click. Raise `ConfigError` for unknown settings and commands."""
    options = {name: _options(command) for name, command in group.commands.items()}
    shared = {key: value for key, value in held.items() if not isinstance(value, dict)}
    every = {key for known in options.values() for key in known}
    for key in shared:
        if key.replace("_", "-") not in every:
            raise unknown("setting", key, sorted(every), where=f"{path}: ")
    main = options.get("clean", {})
    found = {name: _named(shared, {k: o for k, o in known.items() if _same(o, main.get(k, o))}) for name, known in options.items()}
    for name, own in held.items():
        if isinstance(own, dict):
            if name not in options:
                raise unknown("command", name, sorted(options), where=f"{path}: ")
            for key in own:
                if key.replace("_", "-") not in options[name]:
                    raise unknown("setting", key, sorted(options[name]), where=f"{path}, [{name}]: ")
            found[name] |= _named(own, options[name])
    return found


def _options(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by their long names, without the leading hyphens."""
    named = {max(o.opts, key=len).lstrip("-"): o for o in command.params if isinstance(o, click.Option)}
    return {name: option for name, option in named.items() if name not in NEVER and len(name) > 1}


def _same(one: click.Option, other: click.Option) -> bool:
    """Return whether two options with the same name have the same meaning: `undo --to` is a folder, `clean --to` a script."""
    return one.name == other.name and type(one.type) is type(other.type)


def _named(settings: dict[str, Any], known: dict[str, click.Option]) -> dict[str, Any]:
    named = {key.replace("_", "-"): value for key, value in settings.items()}
    return {str(known[key].name): value for key, value in named.items() if key in known}


@click.group("config")
def config() -> None:
    """Show the settings of the current folder."""


@config.command("show", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("command", default="clean")
@click.pass_context
def show(ctx: click.Context, command: str) -> None:
    """Show every setting of COMMAND with its value and source. Options after COMMAND are taken into account."""
    group = ctx.find_root().command
    assert isinstance(group, click.Group)
    if command not in group.commands:
        raise unknown("command", command, sorted(group.commands))
    held = settings_file(Path.cwd())
    asked = group.commands[command]
    given = click.Context(
        asked, info_name=command, default_map=defaults_of(group, *held).get(command) if held else None, resilient_parsing=True
    )
    asked.parse_args(given, list(ctx.args))
    origins = {ParameterSource.COMMANDLINE: "the command line", ParameterSource.DEFAULT_MAP: str(held[0].name) if held else ""}
    for name, option in _options(asked).items():
        value = given.params.get(str(option.name))
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
        source = given.get_parameter_source(str(option.name))
        click.echo(f"{name:18} {shown or '-':24} {origins.get(source, 'default') if source else 'default'}")
