"""Tables on disk: Parquet parts with their sizes and checksums, and the journal of a run."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Journal", "Part", "Table", "sync", "write_part"]

PIECE = 1 << 20


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table: path, bytes, CRC-32 (0 if it will not be checked; for inputs, of the modification time) and rows."""

    path: str
    size: int
    crc: int
    rows: int

    @classmethod
    def of(cls, path: Path, *, checked: bool = True) -> Part:
        """Describe a finished file."""
        import pyarrow.parquet as pq

        return cls(str(path), path.stat().st_size, _crc(path) if checked else 0, pq.read_metadata(path).num_rows)

    @classmethod
    def given(cls, path: Path) -> Part:
        """Describe a file of the user without reading all of it: a different modification time counts as a different file."""
        import pyarrow.parquet as pq

        stat = path.stat()
        return cls(str(path.absolute()), stat.st_size, zlib.crc32(str(stat.st_mtime_ns).encode()), pq.read_metadata(path).num_rows)

    def check(self) -> None:
        """Raise `InputError` if the file was deleted or changed."""
        path = Path(self.path)
        size = path.stat().st_size if path.exists() else -1
        if size != self.size or _crc(path) != self.crc:
            said = "is gone" if size < 0 else f"has {size:,} of {self.size:,} bytes" if size != self.size else "holds other bytes"
            raise InputError(
                f"{path}: this part of a checkpoint {said}; start over (--restart, or `EmbeddedRunner.clear`), its rows would be missing"
            )


@dataclass(frozen=True)
class Table:
    """A table as Parquet parts.

    ``columns`` are the columns to read, as pairs of the name for kernels and the name in the files; all by
    default. With ``positions`` there is also a column ``place``: part << 32 | row.
    """

    parts: tuple[Part, ...]
    columns: tuple[tuple[str, str], ...] = ()
    positions: bool = False

    @classmethod
    def of(cls, paths: Sequence[str | Path], *, columns: Mapping[str, str] | None = None, positions: bool = False) -> Table:
        """Describe existing files, in this order."""
        return cls(tuple(Part.given(Path(p)) for p in paths), tuple((columns or {}).items()), positions)

    @property
    def digest(self) -> str:
        """The identity of the table: its files, and the columns that are used."""
        return f"{[(p.path, p.size, p.crc, p.rows) for p in self.parts]} {self.columns} {self.positions}"

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(part.rows for part in self.parts)

    @property
    def paths(self) -> list[str]:
        """The files."""
        return [part.path for part in self.parts]

    def read(self) -> pa.Table:
        """Return the whole table, in the order of its parts."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        tables = [pq.read_table(path, partitioning=None) for path in self.paths]
        return pa.concat_tables([t.cast(tables[0].schema) for t in tables])  # parts may differ in which columns can be null

    def batches(self, columns: Sequence[str] | None = None, rows: int = 1 << 14) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches of up to ``rows``."""
        import pyarrow.parquet as pq

        for path in self.paths:
            # With `pre_buffer` Arrow would hold what it has read of the whole file until the file is closed: here, and wherever a file is read in batches.
            with pq.ParquetFile(path, pre_buffer=False) as file:
                yield from file.iter_batches(batch_size=rows, columns=list(columns) if columns else None)


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            value = zlib.crc32(piece, value)
    return value


def sync(path: Path) -> None:
    """Wait until a file, or the directory entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def write_part(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to ``path``. Afterwards the file is synced and renamed to ``path``, or deleted after an exception."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        if synced:
            sync(temporary)
        temporary.replace(path)
        if synced:
            sync(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@dataclass
class Journal:
    """The progress of a run: the last completed step and the current tables, written after each step, and synced at each checkpoint."""

    folder: Path
    fingerprint: str

    def write(self, done: Sequence[int], tables: Mapping[str, Table], *, checkpoint: bool) -> None:
        """Record that the step at ``done`` (see `cleantext.plan.walk.Place`) is completed.

        A checkpoint is kept until the next one. After a power failure, which may lose unsynced files, a run continues from there.
        """
        described = {name: {**vars(table), "parts": [self._here(part) for part in table.parts]} for name, table in tables.items()}
        text = json.dumps({"plan": self.fingerprint, "done": list(done), "tables": described})
        for name in ("checkpoint", "journal") if checkpoint else ("journal",):
            with write_part(self.folder / f"{name}.json", synced=checkpoint) as temporary:
                temporary.write_text(text, "utf-8")

    def read(self) -> tuple[list[int], dict[str, Table]] | None:
        """Return the last completed step and the verified tables of a stopped run of the same plan, or None.

        Raise `InputError` if even the last checkpoint has a part that was truncated or changed.
        """
        spoilt = None
        for name in ("journal", "checkpoint"):
            state = self._read(name)
            if state is not None:
                try:
                    for part in (p for table in state[1].values() for p in table.parts if Path(p.path).parent == self.folder):
                        part.check()
                except InputError as error:
                    spoilt = error
                    continue
                return state
        if spoilt:
            raise spoilt
        return None

    @property
    def kept(self) -> set[str]:
        """The files of the last checkpoint."""
        state = self._read("checkpoint")
        return {part.path for table in state[1].values() for part in table.parts} if state else set()

    def _read(self, name: str) -> tuple[list[int], dict[str, Table]] | None:
        with contextlib.suppress(OSError, ValueError):
            state: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
            if state["plan"] == self.fingerprint:
                return state["done"], {
                    name: Table(
                        tuple(replace(part, path=str(self.folder / part.path)) for part in (Part(**p) for p in t["parts"])),
                        tuple((a, b) for a, b in t["columns"]),
                        t["positions"],
                    )
                    for name, t in state["tables"].items()
                }
        return None

    def _here(self, part: Part) -> dict[str, Any]:
        """Describe a file. Those in our folder are described by name only, so that the folder may be moved."""
        folder, name = os.path.split(part.path)
        return {**vars(part), "path": name if folder == str(self.folder) else part.path}
