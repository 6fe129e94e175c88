"""Kernels between reading and writing: learn repeated lines of hosts, and clean pages with them, as `cleantext.run.shards.clean_shard` does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cleantext.chrome.hosts.profiles import HostProfile
from cleantext.chrome.hosts.repeated_lines import learn
from cleantext.errors import InputError
from cleantext.report.tally import Report
from cleantext.run.cluster.reading import records_of
from cleantext.run.learn import LOOKED_AT, with_profile
from cleantext.run.readers.page_batches import Row
from cleantext.run.readers.records import read_record
from cleantext.run.shards.clean_shard import clean_rows
from cleantext.run.shards.settings import Settings
from cleantext.run.writers.schema import rows_schema
from cleantext.transform import Page

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CleanRecords", "Learn", "Sum", "Visible"]


@dataclass(frozen=True)
class Visible:
    """Extract the visible lines of pages from which hosts are learned; pages that cannot be read are skipped."""

    @property
    def schema(self) -> pa.Schema:
        """The columns: place, host, and the visible lines."""
        import pyarrow as pa

        return pa.schema([("place", pa.int64()), ("host", pa.string()), ("text", pa.string())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the visible lines of records."""
        import pyarrow as pa

        made = []
        for place, host, row in zip(
            batch.column("place").to_pylist(), batch.column("known_host").to_pylist(), records_of(batch), strict=True
        ):
            with contextlib.suppress(InputError):
                made.append((place, host, read_record(row).page.text.encode("utf-8", "replace").decode()))
        columns = list(zip(*made, strict=True)) or [(), (), ()]
        yield pa.record_batch([pa.array(column, kind.type) for column, kind in zip(columns, self.schema, strict=True)], schema=self.schema)


@dataclass(frozen=True)
class Learn:
    """Learn the lines that the pages of each host repeat. One host is held in memory at a time."""

    @property
    def schema(self) -> pa.Schema:
        """The columns: the host, and its profile as TOML."""
        import pyarrow as pa

        return pa.schema([("host", pa.string()), ("profile", pa.string())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a row for each host with repeated lines, given rows of `Visible` sorted by host and place."""
        host, pages = "", list[Page]()
        for batch in batches:
            for name, text in zip(batch.column("host").to_pylist(), batch.column("text").to_pylist(), strict=True):
                if name != host:
                    yield from self._learned(host, pages)
                    host, pages = name, []
                if len(pages) < LOOKED_AT:
                    pages.append(Page(text, host=name))
        yield from self._learned(host, pages)

    def _learned(self, host: str, pages: Sequence[Page]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        profile = learn(pages) if pages else HostProfile()
        if profile.hosts:
            yield pa.record_batch([pa.array([host]), pa.array([profile.toml()])], schema=self.schema)


@dataclass(frozen=True)
class CleanRecords:
    """Clean records, each with the profile of its host."""

    settings: Settings = field(repr=False)
    fingerprint: str = field(init=False)  # of the settings; identifies this kernel in a plan

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", self.settings.fingerprint)

    @property
    def schema(self) -> pa.Schema:
        """The columns: place, batch, the tally of a batch (in rows without a page), those of a corpus, and the carried fields."""
        import pyarrow as pa

        head = [("place", pa.int64()), ("batch", pa.int64()), ("tally", pa.string())]
        return pa.schema([*head, *rows_schema(), ("carried", pa.binary()), ("carries", pa.binary())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of records with ``profile``, and one row with the tally of all."""
        import pyarrow as pa

        report = Report()
        for notes in filter(None, batch.column("notes").to_pylist()):
            told = json.loads(notes)
            report.skipped.update(told.get("skipped", {}))
            report.renamed += len(told.get("renamed", ()))
        for profile, numbers, rows in _groups(batch):
            pipeline = self.settings.pipeline if profile is None else with_profile(self.settings.pipeline, _profile(profile))
            table, done = clean_rows(rows, self.settings, report, pipeline=pipeline)
            taken = batch.take(pa.array([numbers[n] for n in done], pa.int64()))
            columns: dict[str, Any] = {name: taken.column(name) for name in ("place", "batch", "carried", "carries")}
            columns["tally"] = pa.nulls(len(done), pa.string())
            columns |= {name: table[name].combine_chunks() for name in table.column_names}
            yield from pa.table([columns[name] for name in self.schema.names], schema=self.schema).to_batches()
        place, told_all = batch.column("place").slice(0, 1), json.dumps(report.to_json(), ensure_ascii=False)
        made = {"place": place, "batch": batch.column("batch").slice(0, 1), "tally": pa.array([told_all], pa.string())}
        yield pa.record_batch([made.get(f.name, pa.nulls(1, f.type)) for f in self.schema], schema=self.schema)


def _groups(batch: pa.RecordBatch) -> Iterator[tuple[str | None, list[int], list[Row]]]:
    """Yield records by the batch they were read in and the profile of their host, with their numbers here; ids within a group are distinct."""
    groups: dict[Any, tuple[list[int], list[Row], set[str]]] = {}
    columns = (batch.column(name).to_pylist() for name in ("batch", "profile", "notes"))
    for n, (number, profile, notes, row) in enumerate(zip(*columns, records_of(batch), strict=True)):
        if notes is not None:
            continue
        numbers, rows, ids = groups.setdefault((number, profile), ([], [], set()))
        if row.id in ids:
            yield profile, numbers, rows
            numbers, rows, ids = groups[number, profile] = ([], [], set())
        numbers.append(n)
        rows.append(row)
        ids.add(row.id)
    for (_, profile), (numbers, rows, _) in groups.items():
        yield profile, numbers, rows


@lru_cache(maxsize=512)
def _profile(text: str) -> HostProfile:
    return HostProfile.parse(text, "profile")


@dataclass(frozen=True)
class Sum:
    """Add up the tallies of batches."""

    @property
    def schema(self) -> pa.Schema:
        """The column ``tally``: `Report.to_json`."""
        import pyarrow as pa

        return pa.schema([("tally", pa.string())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield one row with the sum."""
        import pyarrow as pa

        report = None
        for batch in batches:
            for told in batch.column("tally").to_pylist():
                report = (report or Report()) + Report.from_json(json.loads(told))
        if report is not None:
            yield pa.record_batch([pa.array([json.dumps(report.to_json(), ensure_ascii=False)], pa.string())], schema=self.schema)
