"""The options that choose a pipeline, common to all commands that clean."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from cleantext.pipeline import Pipeline

__all__ = ["chosen_pipeline", "recipe"]

F = TypeVar("F", bound=Callable[..., Any])


def recipe(command: F) -> F:
    """Add the options that choose the pipeline."""

    @wraps(command)
    def chosen(*args: Any, pipeline: str, learned: bool, to: str | None, keep: tuple[str, ...], **options: Any) -> Any:
        from cleantext.pipeline import Pipeline

        recipe_ = pipeline if learned and not to and not keep else Pipeline.load(pipeline)
        if isinstance(recipe_, Pipeline):
            recipe_ = recipe_ if learned else recipe_.without_learned()
            recipe_ = recipe_.with_script(to) if to else recipe_
            recipe_ = recipe_.keeping(*keep)
        return command(*args, pipeline=recipe_, **options)

    options = (
        click.option(
            "--learned/--no-learned", default=True, help="Let learned models decide about lines, besides the rules. [default: learned]"
        ),
        click.option("--to", metavar="SCRIPT", help="hans, hant, hant-tw, hant-hk, ..., or keep. [default: as the preset says]"),
        click.option(
            "--pipeline",
            default="zh-web",
            show_default=True,
            metavar="NAME|FILE",
            help="Preset (zh-web, zh-web-hant, web, text) or TOML file.",
        ),
        click.option("--keep", multiple=True, metavar="PHRASE", help="Never remove a line with this phrase; may be repeated."),
        click.option(
            "--rules", multiple=True, metavar="FILE", help="A rule pack of your own, used with those of the pipeline; may be repeated."
        ),
    )
    for option in options:
        chosen = option(chosen)
    return cast("F", chosen)


def chosen_pipeline(name: str | Pipeline, rules: tuple[str, ...]) -> Pipeline:
    """Load a pipeline by name, and add rule packs."""
    from cleantext.pipeline import Pipeline

    return Pipeline.load(name).with_rules(*rules)
