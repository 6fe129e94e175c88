"""The options of cleaning: names and defaults in one place, for `clean_files`, clusters, the command line and settings in files.

This module imports quickly: the command line reads its defaults here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.errors import ConfigError, unknown
from cleantext.run.readers.packed import MAX_PAGE_BYTES
from cleantext.run.shards.budget import LEAST_MEMORY, MEMORY, PAGE_SECONDS

if TYPE_CHECKING:
    from cleantext.chrome.hosts.profiles import HostProfile
    from cleantext.pipeline import Pipeline
    from cleantext.run.readers.fields import Fields

__all__ = ["DUPLICATES", "FORMATS", "LEAST", "Options", "OutputChoices"]

LEAST = 10**9  # smallest memory in bytes with which a search in tables is sure to work; Python, Arrow and the kernels take a third of it
DUPLICATES = ("passages", "documents", "lines", "off")
FORMATS = ("text", "jsonl", "jsonl.zst", "jsonl.gz", "parquet")


@dataclass(frozen=True, kw_only=True)
class OutputChoices:
    """The options that decide the outputs of a run, besides its pipeline and pages. Raise `ConfigError` for invalid values."""

    duplicates: str = "passages"  # what to search for: passages, documents or lines that occur more than once; or off
    remove: bool = False  # remove duplicates; otherwise they are only reported
    threshold: float = 0.8  # minimum similarity of a near-duplicate
    min_chars: int = 40  # minimum number of letters and digits of a duplicate passage or line
    max_df: int = 100  # a passage in more texts than this is boilerplate, which is kept
    index: str = ""  # a folder with the documents of earlier runs, with which pages are compared, and to which they are added
    form: str = "text"  # one text file per page, or a table: jsonl, jsonl.zst, jsonl.gz or parquet
    where: str = ""  # SQL over the columns of the corpus; rows for which it is not true are dropped
    record: bool = True  # write edits.parquet
    max_page_bytes: int = MAX_PAGE_BYTES  # unpacked; larger pages fail
    page_seconds: float = PAGE_SECONDS  # pages that take longer fail; each megabyte adds 15 seconds; 0: no limit
    max_page_memory: int = MEMORY  # bytes that a worker may take beyond those it starts with; pages that take more fail; 0: no limit
    memory: int = 2 * 10**9  # approximate memory of the search for duplicates and of writing, in bytes

    def __post_init__(self) -> None:
        if self.duplicates not in DUPLICATES:
            raise ConfigError(f"duplicates {self.duplicates!r}: use {', '.join(DUPLICATES[:-1])} or off")
        if self.form not in FORMATS:
            raise ConfigError(f"format {self.form!r}: use {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
        if self.remove and self.duplicates == "off":
            raise ConfigError("duplicates are not searched for (off), so that none can be removed: say of what kind (--duplicates)")
        if self.duplicates == "lines" and self.form == "text":
            raise ConfigError("duplicates of lines are searched for tables: use --format jsonl or parquet, or --duplicates passages")
        if self.where and self.form == "text":
            raise ConfigError("--where drops rows of tables: use --format jsonl or parquet")
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold}: a similarity is above 0 and at most 1")
        if self.min_chars < 1:
            raise ConfigError(f"min_chars {self.min_chars}: a passage has at least one letter")
        if self.max_df < 1:
            raise ConfigError(f"max_df {self.max_df}: a passage stands in at least one text")
        if self.max_page_bytes < 1:
            raise ConfigError(f"max_page_bytes {self.max_page_bytes}: a page has at least one byte")
        if not self.page_seconds >= 0:
            raise ConfigError(f"page_seconds {self.page_seconds}: seconds are at least 0, which sets no limit")
        if self.max_page_memory and self.max_page_memory < LEAST_MEMORY:
            raise ConfigError(f"max_page_memory {self.max_page_memory:,}: give at least {LEAST_MEMORY:,} bytes (500MB), or 0 for no limit")
        if self.memory < LEAST:
            raise ConfigError(
                f"memory of {self.memory:,} bytes: a search in tables needs {LEAST:,} (--memory 1GB) at least; give it that or more"
            )
        if self.index and self.duplicates != "documents":
            raise ConfigError(f"an index of a run holds documents, not {self.duplicates}: search for those (--duplicates documents)")


@dataclass(frozen=True, kw_only=True)
class Options(OutputChoices):
    """All options of `clean_files` and of cleaning on a cluster.

    >>> Options.of({"threshold": 0.9}).threshold, Options().form
    (0.9, 'text')
    """

    pipeline: str | Path | Pipeline = "zh-web"
    rules: Sequence[str] = ()  # additional rule packs, added to those of the pipeline
    profile: str | HostProfile = ""  # a host profile, or its path
    learn_hosts: bool | None = None  # make a profile from the pages themselves; by default for tables and crawls
    fields: Fields | None = None  # which fields of records hold the text, id and so on, if they do not have the usual names
    strict: bool = False  # stop at the first record that cannot be read
    restart: bool = False  # discard what an interrupted or finished run has done
    replaces: bool = False  # these pages replace an output that was made from other inputs
    incremental: bool = False  # keep the results of each shard, for a later run that cleans only new or changed pages

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Return options from a mapping of names to values. Raise `ConfigError` for an unknown name."""
        names = [f.name for f in fields(cls)]
        for name in given:
            if name not in names:
                raise unknown("option", name, names)
        return cls(**given)
