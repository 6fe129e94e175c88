"""Host profiles from files: what `cleantext learn` calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cleantext.chrome import StripChrome
from cleantext.chrome.hosts import HostProfile
from cleantext.chrome.learn import learn
from cleantext.errors import ConfigError, InputError
from cleantext.pipeline import Pipeline
from cleantext.run.files import Source, find_pages, read_page
from cleantext.transform import Page

__all__ = ["learn_files", "with_profile"]


@dataclass(frozen=True)
class _Pages:
    """The readable pages of files, read anew each time they are gone through."""

    sources: Sequence[Source]

    def __iter__(self) -> Iterator[Page]:
        for source in self.sources:
            with contextlib.suppress(InputError):  # a broken page teaches nothing; cleaning tells of it
                yield read_page(source).page


def learn_files(src: str | Path | Sequence[str | Path], *, host: str | None = None) -> HostProfile:
    """Learn the repeated lines of each host from files and folders of pages, in two passes and bounded memory.

    ``host`` says that all pages are of one host; otherwise a folder named as a host (``crawl/news.example.cn/...``) says so.
    Pages that cannot be read teach nothing. Raise `ConfigError` where no page says its host.
    """
    return learn(_Pages(find_pages([src] if isinstance(src, (str, Path)) else list(src)).pages), host=host)


def with_profile(pipeline: Pipeline, profile: str | HostProfile) -> Pipeline:
    """Return the pipeline with a host profile, or the path of one, in its chrome step."""
    if not any(isinstance(s, StripChrome) for s in pipeline.steps):
        raise ConfigError(f"pipeline {pipeline.name} has no chrome.lines step that could take a host profile")
    steps = tuple(replace(s, profile=profile) if isinstance(s, StripChrome) else s for s in pipeline.steps)
    for step in steps:
        if isinstance(step, StripChrome):
            _ = step.known  # read now: a bad profile stops the run before it starts
    return Pipeline(steps, pipeline.name)
