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
from cleantext.run.files import STATE
from cleantext.run.readers.packed import MAX_PAGE_BYTES
from cleantext.run.readers.source import Source
from cleantext.run.readers.units import Spool, Unit

__all__ = [
    "DUPLICATES",
    "EDITS",
    "EDITS_PART",
    "FORMATS",
    "METADATA",
    "ROWS_PART",
    "SPOOL",
    "STATE",
    "Settings",
    "Shard",
    "page_folder",
    "part",
    "total_size",
]

EDITS, METADATA = "edits.parquet", "metadata.jsonl"
EDITS_PART, ROWS_PART, SPOOL = "edits.arrow", "rows.parquet", "read.arrow"
LEAST = 10**9  # bytes within which a search in tables is sure to work; Python, Arrow and the kernels take a third of it
DUPLICATES = ("passages", "documents", "lines", "off")
FORMATS = ("text", "jsonl", "jsonl.zst", "jsonl.gz", "parquet")


@dataclass(frozen=True)
class Settings:
    """All that decides the outputs of a run."""

    pipeline: Pipeline
    duplicates: str = "passages"
    threshold: float = 0.8
    min_chars: int = 40
    max_df: int = 100
    record: bool = True  # write edits.parquet
    max_page_bytes: int = MAX_PAGE_BYTES  # unpacked; pages of more fail
    page_seconds: float = PAGE_SECONDS  # pages that take longer fail; 0: as long as they take
    max_page_memory: int = MEMORY  # bytes that a worker may take beside those it starts with; pages that take more fail; 0: any number
    remove: bool = False  # duplicates, which are else only told
    form: str = "text"
    where: str = ""  # SQL over the columns of the corpus; rows for which it is not true are dropped
    memory: int = 2 << 30  # bytes that the search for duplicates and the writing may take, about

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

    @property
    def is_table(self) -> bool:
        """Whether the corpus is written as a table, not as a text a page."""
        return self.form != "text"

    @property
    def fingerprint(self) -> str:
        """The digest of all that decides what shards write, except ``budget``: only pages that go over it depend on that."""
        parts = [cleantext.__version__, self.pipeline.fingerprint, self.record, self.max_page_bytes, self.is_table, self.remove]
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
    """Pages that are cleaned in one go: a unit of reading, or a batch of one that gives many."""

    number: int
    unit: Unit | Spool
    batch: int | None = None
    inputs: str = ""  # of a batch: what tells the unit that it was read from others

    @classmethod
    def of(cls, unit: Unit, number: int, batch: int) -> Shard:
        """Describe a batch of a unit."""
        return cls(number, unit, batch, json.dumps(unit.identity))

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.number:06d}" if self.batch is None else f"{self.number:06d}-{self.batch:06d}"

    @property
    def size(self) -> int:
        """Bytes of the inputs, as they lie on the disk."""
        return self.unit.size

    @property
    def weight(self) -> int:
        """Bytes of the inputs, unpacked, about."""
        return self.unit.weight

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files of its pages; none where they were read from one that holds many."""
        return self.unit.sources if isinstance(self.unit, Unit) else ()

    def digest(self, settings: Settings) -> str:
        """Name the recipe and the inputs, as they lie on the disk: a marker counts only if it holds the same."""
        inputs = self.inputs or json.dumps(self.unit.identity if isinstance(self.unit, Unit) else "")
        return hashlib.sha256(json.dumps([settings.fingerprint, inputs, self.batch]).encode()).hexdigest()


def part(out: Path, shard: Shard, kind: str) -> Path:
    """Return the file of one shard's part: "done", "outputs.json", "metadata.jsonl", "edits.arrow", "rows.parquet" or "read.arrow"."""
    return out / STATE / f"{shard.name}.{kind}"


def page_folder(out: Path, settings: Settings) -> Path:
    """Where shards write pages: aside, where duplicates will be removed, so that a stopped run can start over from them."""
    return out / STATE / "pages" if settings.remove else out


def total_size(shards: Sequence[Shard | Unit], *, unpacked: bool = False) -> int:
    """Return the bytes of all pages, as they lie on the disk, or about what they unpack to."""
    return sum(shard.weight if unpacked else shard.size for shard in shards)
