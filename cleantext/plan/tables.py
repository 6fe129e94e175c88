"""Tables on disk: Parquet parts with their sizes and checksums, and the journal of a run."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Journal", "Part", "Table", "sync", "write_part"]

PIECE = 1 << 20


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table: its path, bytes, CRC-32 (0 where nobody will ask) and rows."""

    path: str
    size: int
    crc: int
    rows: int

    @classmethod
    def of(cls, path: Path, *, checked: bool = True) -> Part:
        """Describe a finished file."""
        import pyarrow.parquet as pq

        return cls(str(path), path.stat().st_size, _crc(path) if checked else 0, pq.read_metadata(path).num_rows)

    def check(self) -> None:
        """Raise `InputError` where the file is not the one that was written."""
        path = Path(self.path)
        size = path.stat().st_size if path.exists() else -1
        if size != self.size or _crc(path) != self.crc:
            said = "is gone" if size < 0 else f"has {size:,} of {self.size:,} bytes" if size != self.size else "holds other bytes"
            raise InputError(f"{path}: this part of a checkpoint {said}; start over (--restart), its rows would be missing from the result")


@dataclass(frozen=True)
class Table:
    """A table as Parquet parts.

    ``columns`` are the ones that a kernel gets, as pairs of its name here and in the files; all by
    default. With ``positions`` it also gets ``place``, part << 32 | row.
    """

    parts: tuple[Part, ...]
    columns: tuple[tuple[str, str], ...] = ()
    positions: bool = False

    @classmethod
    def of(cls, paths: Sequence[str | Path], *, columns: Mapping[str, str] | None = None, positions: bool = False) -> Table:
        """Describe files that exist, in this order."""
        return cls(tuple(Part.of(Path(p)) for p in paths), tuple((columns or {}).items()), positions)

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

        return pa.concat_tables([pq.read_table(path, partitioning=None) for path in self.paths])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows some thousand at a time."""
        import pyarrow.parquet as pq

        for path in self.paths:
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(batch_size=1 << 14)


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            value = zlib.crc32(piece, value)
    return value


def sync(path: Path) -> None:
    """Wait until a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def write_part(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """Give a temporary name beside ``path``: what is written there takes its place whole and synced, or goes."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        if synced:
            sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@dataclass
class Journal:
    """Where a run stands: the step it has done and the tables it holds, on disk after each step."""

    path: Path
    fingerprint: str

    def write(self, done: Sequence[int], tables: Mapping[str, Table], *, sync: bool) -> None:
        """Say that the step at ``done`` (its place, and for each loop round and place) is done."""
        held = {name: asdict(table) for name, table in tables.items()}
        with write_part(self.path, synced=sync) as temporary:
            temporary.write_text(json.dumps({"plan": self.fingerprint, "done": list(done), "tables": held}), "utf-8")

    def read(self) -> tuple[list[int], dict[str, Table]] | None:
        """Return where a run under the same plan was stopped, its tables verified; None if there is none.

        Raise `InputError` where a part was cut or changed since.
        """
        with contextlib.suppress(OSError, ValueError):
            held: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
            if held["plan"] == self.fingerprint:
                tables = {
                    name: Table(tuple(Part(**p) for p in t["parts"]), tuple((a, b) for a, b in t["columns"]), t["positions"])
                    for name, t in held["tables"].items()
                }
                for table in tables.values():
                    for part in table.parts:
                        part.check()
                return held["done"], tables
        return None
