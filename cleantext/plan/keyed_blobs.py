"""Keyed blob files: look up single values of a table by key in one flat file, without loading the table."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.plan.binary_columns import binary_column, values_of
from cleantext.plan.tables import Table, write_part

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BlobReader", "KeyedBlobFile"]

I64 = npt.NDArray[np.int64]
INTEGER = 8  # bytes
ROWS = 256  # rows read at once; their values may be long


@dataclass(frozen=True)
class KeyedBlobFile:
    """A column of binary values or integers, concatenated in a file, with two more files for the sorted keys and the positions."""

    path: str
    integers: bool
    rows: int
    size: int

    @classmethod
    def write(cls, table: Table, key: str, column: str, path: Path) -> KeyedBlobFile:
        """Write a column of a table to ``path``. Keys are distinct integers."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        integers = pa.types.is_integer(pq.read_schema(table.paths[0]).field(column).type)
        keys, places = _array(f"{path}.keys.npy", (table.rows,)), _array(f"{path}.places.npy", (table.rows, 2))
        done = size = 0
        with write_part(path, synced=False) as temporary, temporary.open("wb") as file:
            for batch in table.batches((key, column), ROWS):
                data, bounds = _values(batch.column(1))
                file.write(data)
                here = slice(done, done + batch.num_rows)
                keys[here] = batch.column(0).to_numpy()
                places[here, 0], places[here, 1] = bounds[:-1] + size, np.diff(bounds)
                done, size = here.stop, size + int(bounds[-1])
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
            keys[:], places[:] = keys[order], places[order]
        return cls(str(path), integers, table.rows, size)

    @property
    def files(self) -> list[str]:
        """The paths of the three files."""
        return [self.path, f"{self.path}.keys.npy", f"{self.path}.places.npy"]

    @contextlib.contextmanager
    def opened(self) -> Iterator[BlobReader]:
        """Open the files, and yield a reader."""
        # Mapped, since a search touches only a few pages of the keys. An empty file cannot be mapped.
        keys, places = (np.load(f"{self.path}.{name}.npy", mmap_mode="r" if self.rows else None) for name in ("keys", "places"))
        file = os.open(self.path, os.O_RDONLY)
        try:
            yield BlobReader(file, keys, places, self.integers)
        finally:
            os.close(file)


class BlobReader(NamedTuple):
    """An open file of blobs."""

    file: int
    keys: I64
    places: I64
    integers: bool

    def take(self, wanted: I64) -> tuple[npt.NDArray[np.bool_], pa.Array]:
        """Return a mask of the keys that exist, and their values in the order of ``wanted``."""
        import pyarrow as pa

        unique, inverse = np.unique(wanted, return_inverse=True)
        at, there = self.find(unique)
        places = self.places[at[there]]
        data = b"".join([self.read(start, size) for start, size in places.tolist()])
        row = (np.cumsum(there) - 1)[inverse][there[inverse]]
        if self.integers:
            return there[inverse], pa.array(np.frombuffer(data, np.int64)[row])
        bounds = np.append(0, np.cumsum(places[:, 1]))
        return there[inverse], binary_column(data, bounds).take(pa.array(row))

    def sizes(self, wanted: I64) -> I64:
        """Return the size of the value of each key in bytes, 0 for missing keys."""
        at, there = self.find(wanted)
        out = np.zeros(len(wanted), np.int64)
        out[there] = self.places[at[there], 1]
        return out

    def find(self, wanted: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
        """Return the row of each key, and a mask of those that exist."""
        if not len(self.keys):
            return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return at, self.keys[at] == wanted

    def read(self, start: int, size: int) -> bytes:
        """Read ``size`` bytes at ``start``; raise `OSError` at the end of the file."""
        data = os.pread(self.file, size, start)
        while len(data) < size:  # a read of gigabytes, or one interrupted by a signal, returns less
            more = os.pread(self.file, size - len(data), start + len(data))
            if not more:
                raise OSError(f"a file of blobs ends at byte {start + len(data)}")
            data += more
        return data


def _array(path: str, shape: tuple[int, ...]) -> I64:
    """Return an array of integers to be filled in that lies in a file: in memory it would grow with the table."""
    if not shape[0]:  # nothing cannot be mapped
        np.save(path, np.zeros(shape, np.int64))
        return np.zeros(shape, np.int64)
    return np.lib.format.open_memmap(path, "w+", np.dtype(np.int64), shape)


def _values(column: Any) -> tuple[Any, I64]:
    """Return the concatenated bytes of values, and their bounds."""
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        return column.to_numpy().astype(np.int64).tobytes(), np.arange(len(column) + 1, dtype=np.int64) * INTEGER
    return values_of(column)
