"""Units of reading: what one process reads from beginning to end. This is the single entry point for all forms of input."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.errors import InputError
from cleantext.run.files import naming
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.formats.archives import read_tar, read_zip
from cleantext.run.readers.formats.columnar import read_arrow, read_parquet
from cleantext.run.readers.formats.csvrows import read_csv
from cleantext.run.readers.formats.jsonlines import read_json, read_lines
from cleantext.run.readers.formats.warc import read_warc
from cleantext.run.readers.packed import MAX_PAGE_BYTES
from cleantext.run.readers.page_batches import BATCH_BYTES, BATCH_ROWS, Batches, Row, rows_of
from cleantext.run.readers.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["READERS", "Spool", "Unit", "units_of"]

# Readers by kind (`cleantext.run.readers.sniff`): functions of a file and `Fields`, or, for those in `BOUNDED`, of the maximum bytes of a page.
READERS: dict[str, Callable[..., Iterator[Any]]] = {
    "jsonl": read_lines,
    "json": read_json,
    "csv": read_csv,
    "tsv": read_csv,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "warc": read_warc,
    "wet": read_warc,
    "zip": read_zip,
    "tar": read_tar,
}
LEAST_BYTES = 500_000  # minimum size of a unit of a small job, which is divided into
UNITS = 16  # about this many, so that little is lost if it is interrupted
ALL = "all"  # marker file next to kept batches: the file has no further ones
BOUNDED = {"warc", "wet", "zip", "tar"}


@dataclass(frozen=True)
class Unit:
    r"""Pages with one file each, or one file with many: a table, a crawl, an archive.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.jsonl")
    ...     _ = path.write_text('{"url": "http://news.example.cn/1", "text": "口岸"}\n{"text": 5}\n', "utf-8")
    ...     [batch] = Unit((Source(path, "a.jsonl", 60, "jsonl"),)).batches()
    >>> batch.select(["id", "host", "error"]).to_pylist()[0]
    {'id': 'news.example.cn/1', 'host': 'news.example.cn', 'error': None}
    >>> batch["id"][1].as_py(), batch["error"][1].as_py().endswith("field 'text' is no string; left out")
    ('a.jsonl:2', True)
    """

    sources: tuple[Source, ...]
    fields: Fields = field(default_factory=Fields)
    most: int = MAX_PAGE_BYTES  # bytes of a page, unpacked
    kept: Path | None = (
        None  # a folder in which the batches of a file with many pages are saved while they are read, so that they can be used again
    )

    @property
    def holds_many(self) -> bool:
        """Whether it is one file that gives any number of batches; otherwise one batch."""
        return len(self.sources) == 1 and self.sources[0].kind in READERS

    @property
    def size(self) -> int:
        """The size of its files on the disk in bytes."""
        return sum(source.size for source in self.sources)

    @property
    def weight(self) -> int:
        """The approximate unpacked size of its files in bytes."""
        return sum(source.weight for source in self.sources)

    @property
    def identity(self) -> list[Any]:
        """What identifies it and the version of its files, as plain data."""
        files = [(s.id, str(s.path.resolve()), s.size, s.kind, s.state) for s in self.sources]
        return [files, repr(self.fields) if self.holds_many else "", self.most]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield its records. A table that lacks a field that was named, or any that could be the text, is one failed record."""
        if not self.holds_many:
            batches = Batches("", list(self.rows()), integers=False)
            yield from batches.rest()
        elif self.kept is None:
            yield from self._read()
        else:
            folder = self.kept / hashlib.sha256(json.dumps(self.identity).encode()).hexdigest()[:32]
            yield from self._again(folder) if (folder / ALL).exists() else self._keeping(folder)

    def _read(self) -> Iterator[pa.RecordBatch]:
        [source] = self.sources
        yield from READERS[source.kind](source, self.most if source.kind in BOUNDED else self.fields)

    def _keeping(self, folder: Path) -> Iterator[pa.RecordBatch]:
        folder.mkdir(parents=True, exist_ok=True)
        with naming(folder):
            for n, batch in enumerate(self._read()):
                Spool.write(batch, folder / f"{n:06d}.arrow")
                yield batch
            (folder / ALL).touch()

    @staticmethod
    def _again(folder: Path) -> Iterator[pa.RecordBatch]:
        for path in sorted(folder.glob("*.arrow")):
            yield from Spool(path, 0, 0, 0).batches()

    def rows(self) -> Iterator[Row]:
        """Yield its pages one by one, each read on demand."""
        if self.holds_many:
            for batch in self.batches():
                yield from rows_of(batch)
            return
        for source in self.sources:
            try:
                yield Row(source.id, source.read(most=self.most), source=source.id)
            except InputError as error:
                yield Row(source.id, b"", source=source.id, error=str(error))

    @property
    def count(self) -> int:
        """The number of its pages, if each has its own file."""
        return len(self.sources)


@dataclass(frozen=True)
class Spool:
    """A batch that was already read, as an Arrow file: how other processes get the pages of a file with many."""

    path: Path
    size: int
    weight: int
    count: int

    def rows(self) -> Iterator[Row]:
        """Yield its rows."""
        for batch in self.batches():
            yield from rows_of(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batch."""
        import pyarrow as pa

        with pa.memory_map(str(self.path)) as mapped, pa.ipc.open_file(mapped) as file:
            for n in range(file.num_record_batches):
                yield file.get_batch(n)

    @classmethod
    def write(cls, batch: pa.RecordBatch, path: Path) -> Spool:
        """Write a batch."""
        import pyarrow as pa

        with pa.ipc.new_file(path, batch.schema) as writer:
            writer.write_batch(batch)
        return cls(path, int(batch.nbytes), int(batch.nbytes), batch.num_rows)


def units_of(pages: Sequence[Source], holders: Sequence[Source], fields: Fields, *, most: int = MAX_PAGE_BYTES) -> list[Unit]:
    """Divide pages into units, by their sizes alone: of 4 MB, or a sixteenth of a smaller job; each file with many pages is one unit."""
    full = min(BATCH_BYTES, max(LEAST_BYTES, sum(source.weight for source in pages) // UNITS))
    groups: list[list[Source]] = [[]]
    size = 0
    for source in pages:
        if groups[-1] and (size + source.weight > full or len(groups[-1]) >= BATCH_ROWS):
            groups.append([])
            size = 0
        groups[-1].append(source)
        size += source.weight
    return [*(Unit(tuple(group), fields, most) for group in groups if group), *(Unit((source,), fields, most) for source in holders)]
