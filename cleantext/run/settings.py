"""What a run does, apart from where and how fast; and the shards into which it cuts its pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cleantext
from cleantext.errors import ConfigError
from cleantext.pipeline import Pipeline
from cleantext.run.budget import LEAST_MEMORY, MEMORY, PAGE_SECONDS, seconds_of
from cleantext.run.files import STATE, Source
from cleantext.run.packed import MAX_PAGE_BYTES

__all__ = ["EDITS", "EDITS_PART", "METADATA", "STATE", "Settings", "Shard", "page_folder", "part", "state_of"]

EDITS, METADATA = "edits.parquet", "metadata.jsonl"
EDITS_PART = "edits.arrow"


@dataclass(frozen=True)
class Settings:
    """All that decides the outputs of a run."""

    pipeline: Pipeline
    duplicates: str = "annotate"
    threshold: float = 0.8
    min_chars: int = 40
    max_df: int = 100
    record: bool = True  # write edits.parquet
    max_page_bytes: int = MAX_PAGE_BYTES  # unpacked; pages of more fail
    page_seconds: float = PAGE_SECONDS  # pages that take longer fail; 0: as long as they take
    max_page_memory: int = MEMORY  # bytes that a worker may take beside those it starts with; pages that take more fail; 0: any number

    def __post_init__(self) -> None:
        if self.duplicates not in ("annotate", "passages", "documents", "off"):
            raise ConfigError(f"duplicates {self.duplicates!r}: use annotate, passages, documents or off")
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

    @property
    def removes(self) -> bool:
        """Whether duplicates are removed, not only reported."""
        return self.duplicates in ("passages", "documents")

    @property
    def fingerprint(self) -> str:
        """The digest of all that decides the outputs, except ``budget``: only pages that go over it depend on that."""
        search = [self.duplicates, self.threshold, self.min_chars, self.max_df]
        parts = [cleantext.__version__, self.pipeline.fingerprint, *search, self.record, self.max_page_bytes]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def budget(self) -> list[float]:
        """What a page may take: seconds and bytes of memory."""
        return [self.page_seconds, self.max_page_memory]

    def seconds(self, weight: int) -> float:
        """Return how long a page, or pages, of so many bytes may take: 0 where there is no limit."""
        return seconds_of(self.page_seconds, weight)


@dataclass(frozen=True)
class Shard:
    """Pages that are cleaned in one go."""

    number: int
    sources: tuple[Source, ...]

    def digest(self, settings: Settings) -> str:
        """Name the recipe and the inputs, as they lie on the disk: a marker counts only if it holds the same.

        Programs can set a file's size and time of modification (``cp -p``), but not that of its last change, nor its number.
        """
        files = [(s.id, str(s.path.resolve()), s.size, state_of(s.path)) for s in self.sources]
        return hashlib.sha256(json.dumps([settings.fingerprint, files]).encode()).hexdigest()


def state_of(path: Path) -> tuple[int, ...]:
    """Return what tells two states of a file apart: its size, its times, its number; nothing where it cannot be looked at."""
    try:
        held = path.stat()
    except OSError:
        return ()
    return held.st_size, held.st_mtime_ns, held.st_ctime_ns, held.st_ino


def part(out: Path, shard: Shard, kind: str) -> Path:
    """Return the file of one shard's part: "done", "outputs.json", "metadata.jsonl" or "edits.arrow"."""
    return out / STATE / f"{shard.number:06d}.{kind}"


def page_folder(out: Path, settings: Settings) -> Path:
    """Where shards write pages: aside, where duplicates will be removed, so that a stopped run can start over from them."""
    return out / STATE / "pages" if settings.removes else out


def total_size(shards: Sequence[Shard], *, unpacked: bool = False) -> int:
    """Return the bytes of all pages, as they lie on the disk, or about what they unpack to."""
    return sum(s.weight if unpacked else s.size for shard in shards for s in shard.sources)
