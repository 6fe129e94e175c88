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
from cleantext.run.files import Source

__all__ = ["STATE", "Settings", "Shard", "page_folder", "part"]

STATE = ".cleantext"  # in the output folder while a run goes on: markers and parts of the tables


@dataclass(frozen=True)
class Settings:
    """All that decides the outputs of a run."""

    pipeline: Pipeline
    duplicates: str = "annotate"
    threshold: float = 0.8
    min_chars: int = 40
    max_df: int = 100
    record: bool = True  # write edits.parquet

    def __post_init__(self) -> None:
        if self.duplicates not in ("annotate", "passages", "documents", "off"):
            raise ConfigError(f"duplicates {self.duplicates!r}: use annotate, passages, documents or off")
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold}: a similarity is above 0 and at most 1")
        if self.min_chars < 1:
            raise ConfigError(f"min_chars {self.min_chars}: a passage has at least one letter")
        if self.max_df < 1:
            raise ConfigError(f"max_df {self.max_df}: a passage stands in at least one text")

    @property
    def removes(self) -> bool:
        """Whether duplicates are removed, not only reported."""
        return self.duplicates in ("passages", "documents")

    @property
    def fingerprint(self) -> str:
        """The digest of all that decides the outputs."""
        search = [self.duplicates, self.threshold, self.min_chars, self.max_df]
        parts = [cleantext.__version__, self.pipeline.fingerprint, *search, self.record]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Shard:
    """Pages that are cleaned in one go."""

    number: int
    sources: tuple[Source, ...]

    def digest(self, settings: Settings) -> str:
        """Name the inputs and the recipe: a marker counts only if it holds the same."""
        files = [(s.id, str(s.path.resolve()), s.size, s.path.stat().st_mtime_ns if s.path.exists() else 0) for s in self.sources]
        return hashlib.sha256(json.dumps([settings.fingerprint, files]).encode()).hexdigest()


def part(out: Path, shard: Shard, kind: str) -> Path:
    """Return the file of one shard's part: "done", "metadata.jsonl" or "edits.arrow"."""
    return out / STATE / f"{shard.number:06d}.{kind}"


def page_folder(out: Path, settings: Settings) -> Path:
    """Where shards write pages: aside, where duplicates will be removed, so that a stopped run can start over from them."""
    return out / STATE / "pages" if settings.removes else out


def total_size(shards: Sequence[Shard]) -> int:
    """Return the bytes of all pages, as they lie on the disk."""
    return sum(s.size for shard in shards for s in shard.sources)
