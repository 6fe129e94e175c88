"""Host profiles from files: what `cleantext learn` calls."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cleantext.chrome import StripChrome
from cleantext.chrome.hosts import HostProfile, host_of
from cleantext.chrome.learn import LEAST, learn
from cleantext.errors import ConfigError, InputError
from cleantext.pipeline import Pipeline
from cleantext.report.tally import counted
from cleantext.run.files import Source, read_page
from cleantext.run.find import find_pages, listed
from cleantext.transform import Page

__all__ = ["HOSTS", "learn_files", "nothing_learned", "with_learned", "with_profile"]

ENOUGH = 10  # pages of a host from which a run learns by itself
HOSTS = "hosts.toml"


@dataclass(frozen=True)
class _Pages:
    """The readable pages of files, read anew each time they are gone through."""

    sources: Sequence[Source]

    def __iter__(self) -> Iterator[Page]:
        for source in self.sources:
            with contextlib.suppress(InputError):  # a broken page teaches nothing; cleaning tells of it
                yield read_page(source).page


def learn_files(src: str | Path | Sequence[str | Path], *, host: str | None = None, out: str | Path | None = None) -> HostProfile:
    """Learn the repeated lines of each host from files and folders of pages, in two passes and bounded memory.

    ``host`` says that all pages are of one host; otherwise a folder named as a host (``crawl/news.example.cn/...``) says so.
    ``out`` is where the profile will be written. Pages that cannot be read teach nothing. Raise `ConfigError` where no page says
    its host, and where ``out`` is a page or lies in a folder of pages.
    """
    sources = listed(src)
    found = find_pages(sources)
    found.refuse_none()
    if out is not None:
        _check_apart(Path(out), [Path(source) for source in sources], found.pages)
    return learn(_Pages(found.pages), host=host)


def nothing_learned(src: str | Path | Sequence[str | Path], host: str | None) -> str:
    """Say why pages taught nothing, and what to do.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "1.txt").write_text("只有一页。", "utf-8")
    ...     nothing_learned(folder, "news.example.cn")
    'the profile is empty, and changes nothing: only lines on 3 pages of a host and more are learned, and of 1 page here 1 is of the largest host (news.example.cn); give more pages of a host, 10 or more'
    """
    pages = find_pages(listed(src)).pages
    count = Counter(host or host_of(Page("", id=page.id)) or "" for page in pages)
    count.pop("", None)
    (largest, most), *_ = count.most_common(1) or [("none", 0)]
    return (
        f"the profile is empty, and changes nothing: only lines on {LEAST} pages of a host and more are learned, and of "
        f"{counted(len(pages), 'page')} here {most:,} {'is' if most == 1 else 'are'} of the largest host ({largest}); give more pages of a "
        f"host, {ENOUGH} or more"
    )


def _check_apart(out: Path, sources: Sequence[Path], pages: Sequence[Source]) -> None:
    """Refuse to write over a page, or a file among the pages."""
    target = out.resolve()
    folders = [source for source in sources if source.is_dir() and source.resolve() in target.parents]
    if folders or any(page.path.resolve() == target for page in pages):
        where = f"lies inside the input {folders[0]}" if folders else "is one of the pages"
        raise ConfigError(f"output {out} {where}: name a file elsewhere, so that no input is written over")


def with_profile(pipeline: Pipeline, profile: str | HostProfile, *, host: str = "") -> Pipeline:
    """Return the pipeline with a host profile, or the path of one, in its chrome step.

    ``host`` is that of pages that do not say theirs by a folder named as it.
    """
    if not any(isinstance(s, StripChrome) for s in pipeline.steps):
        raise ConfigError(f"pipeline {pipeline.name} has no chrome.lines step that could take a host profile")
    steps = tuple(replace(s, profile=profile, host=host) if isinstance(s, StripChrome) else s for s in pipeline.steps)
    for step in steps:
        if isinstance(step, StripChrome):
            _ = step.known  # read now: a bad profile stops the run before it starts
    return Pipeline(steps, pipeline.name)


def with_learned(pipeline: Pipeline, pages: Sequence[Source], out: Path) -> tuple[Pipeline, str]:
    """Learn from the pages of a run itself, where folders name their hosts; return the pipeline with the profile, and a note on it.

    Only hosts with at least `ENOUGH` pages are learned from. The profile is written to ``out`` as hosts.toml, for a person to
    read. Where there is no such host, no chrome step, or a profile already, the pipeline comes back as it was, without a note.
    """
    count = Counter(host_of(Page("", id=source.id)) for source in pages)
    wanted = [s for s in pages if (host := host_of(Page("", id=s.id))) and count[host] >= ENOUGH]
    if (
        not wanted
        or any(s.profile for s in pipeline.steps if isinstance(s, StripChrome))
        or "chrome.lines" not in [s.id for s in pipeline.steps]
    ):
        return pipeline, ""
    profile = learn(_Pages(wanted))
    if not profile.hosts:
        return pipeline, ""
    profile.save(out / HOSTS)
    lines = sum(map(len, profile.hosts.values()))
    note = f"{lines:,} lines that repeat on pages of {len(profile.hosts):,} hosts were learned from this run and helped to clean it: see {HOSTS}"
    return with_profile(pipeline, str((out / HOSTS).absolute())), note
