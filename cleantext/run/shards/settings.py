"""What a run does, but not where or how fast; and the shards into which it divides its pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import cleantext
from cleantext.pipeline import Pipeline
from cleantext.run.files import STATE
from cleantext.run.options import Options, OutputChoices
from cleantext.run.readers.source import Source
from cleantext.run.readers.units import Spool, Unit
from cleantext.run.shards.budget import seconds_of

__all__ = [
    "EDITS",
    "EDITS_PART",
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


@dataclass(frozen=True)
class Settings(OutputChoices):
    """Everything that decides the outputs of a run."""

    pipeline: Pipeline

    @classmethod
    def of(cls, options: Options, pipeline: Pipeline) -> Settings:
        """Return the settings for these options, with the pipeline built from them."""
        return cls(pipeline, **{f.name: getattr(options, f.name) for f in fields(OutputChoices)})

    @property
    def is_table(self) -> bool:
        """Whether the corpus is written as a table, not as one text file per page."""
        return self.form != "text"

    @property
    def fingerprint(self) -> str:
        """The digest of everything that decides what shards write, except ``budget``, which matters only for pages that exceed it."""
        parts = [cleantext.__version__, self.pipeline.fingerprint, self.record, self.max_page_bytes, self.is_table, self.remove]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def budget(self) -> list[float]:
        """The budget of a page: seconds and bytes of memory."""
        return [self.page_seconds, self.max_page_memory]

    @property
    def told(self) -> dict[str, Any]:
        """The settings as shown in a report."""
        return {
            "cleantext": cleantext.__version__,
            "pipeline": self.pipeline.name,
            "fingerprint": self.pipeline.fingerprint,
            "format": self.form,
            "duplicates": self.duplicates,
            "duplicates_removed": self.remove,
            "where": self.where,
            "threshold": self.threshold,
            "min_chars": self.min_chars,
            "max_df": self.max_df,
            "edits_recorded": self.record,
            "max_page_bytes": self.max_page_bytes,
        }

    def seconds(self, weight: int) -> float:
        """Return the time limit in seconds for pages of ``weight`` bytes in total; 0 if there is no limit."""
        return seconds_of(self.page_seconds, weight)


@dataclass(frozen=True)
class Shard:
    """Pages that are cleaned together: a unit of reading, or one batch of a unit with many."""

    number: int
    unit: Unit | Spool
    batch: int | None = None
    known_by: str = ""  # identity of its unit when it was found

    @classmethod
    def of(cls, unit: Unit, number: int, batch: int | None = None) -> Shard:
        """Describe a unit, or a batch of one."""
        return cls(number, unit, batch, json.dumps(unit.identity))

    @property
    def place(self) -> tuple[int, int]:
        """Its place among the shards of a run."""
        return self.number, self.batch or 0

    @cached_property
    def name(self) -> str:
        """The name of its files: derived from its inputs, so that a later run with more or fewer inputs finds them."""
        unit = hashlib.sha256(self.known_by.encode()).hexdigest()[:16]
        return unit if self.batch is None else f"{unit}-{self.batch:06d}"

    @property
    def size(self) -> int:
        """The size of the inputs on the disk in bytes."""
        return self.unit.size

    @property
    def weight(self) -> int:
        """The approximate unpacked size of the inputs in bytes."""
        return self.unit.weight

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files of its pages; empty if they were read from a file with many."""
        return self.unit.sources if isinstance(self.unit, Unit) else ()

    def digest(self, settings: Settings) -> str:
        """Return the digest of the recipe and of the inputs on the disk: a marker is valid only with the same digest."""
        inputs = json.dumps(self.unit.identity) if isinstance(self.unit, Unit) and self.batch is None else self.known_by
        return hashlib.sha256(json.dumps([settings.fingerprint, inputs, self.batch]).encode()).hexdigest()


def part(out: Path, shard: Shard, kind: str) -> Path:
    """Return the file of one shard's part: "done", "outputs.json", "metadata.jsonl", "edits.arrow", "rows.parquet" or "read.arrow"."""
    return out / STATE / f"{shard.name}.{kind}"


def page_folder(out: Path, settings: Settings) -> Path:
    """Return where shards write pages: if duplicates will be removed, in a separate folder, so that a continued run can start from them."""
    return out / STATE / "pages" if settings.remove else out


def total_size(shards: Sequence[Shard | Unit], *, unpacked: bool = False) -> int:
    """Return the total size of all pages in bytes, on the disk or about unpacked."""
    return sum(shard.weight if unpacked else shard.size for shard in shards)
