"""The tables of a run on Spark: a folder, local or in an object store, that the driver and all workers access under one name."""

from __future__ import annotations

import contextlib
import json
import re
import zlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.errors import ConfigError, InputError
from cleantext.plan.tables import Part, write_part

if TYPE_CHECKING:
    import pyarrow.fs as pafs

__all__ = ["Store", "spark_path"]

TAIL = 8  # bytes after the footer of a Parquet file: its length and four letters
TABLE = ".table"  # suffix of the folder of a table
JOURNAL = "journal.json"
PART = re.compile(r"part-(\d+)-.*\.parquet")
HADOOP = {"s3a": "s3", "s3n": "s3"}  # URL schemes that only Hadoop knows
READERS = 16  # footers read in parallel


def spark_path(path: str) -> str:
    """Return a path as a URL for Spark, which looks up paths without a scheme in the default file system of the cluster."""
    return path if "://" in path else f"file://{Path(path).absolute()}"


@dataclass(frozen=True)
class Store:
    """A folder of tables, and how this process accesses it."""

    folder: str  # a path, or a URL such as s3a://bucket/folder
    files: pafs.FileSystem
    root: str  # path of the folder in ``files``

    @classmethod
    def of(cls, folder: str | Path, files: pafs.FileSystem | None = None) -> Store:
        """Open a folder by path or URL, with the file system ``files``, or else one of pyarrow's or fsspec's."""
        import pyarrow as pa
        import pyarrow.fs as pafs

        text = str(folder).rstrip("/")
        scheme, mark, rest = text.partition("://")
        if not mark or scheme == "file":
            root = str(Path(rest if mark else text).absolute())
            return cls(root, files or pafs.LocalFileSystem(), root)
        if files is not None:
            return cls(text, files, rest)
        try:
            found, root = pafs.FileSystem.from_uri(f"{HADOOP.get(scheme, scheme)}://{rest}")
        except (pa.ArrowException, OSError, ValueError) as error:
            try:
                found, root = _fsspec(text)
            except (ImportError, ValueError, OSError) as other:
                raise ConfigError(
                    f"{folder}: neither pyarrow ({error}) nor fsspec ({other}) reach this; give SparkRunner its files="
                ) from other
        return cls(text, found, root)

    def path(self, name: str) -> str:
        """Return the path of the folder of a table for workers."""
        return f"{self.folder}/{name}"

    # ---------------------------------------------------------------- tables

    def parts(self, name: str) -> tuple[Part, ...]:
        """Describe the files of a table in the order of its partitions: those with rows, or a single empty one."""
        import pyarrow.fs as pafs

        infos = self.files.get_file_info(pafs.FileSelector(f"{self.root}/{name}"))
        found = sorted((int(match[1]), info.base_name) for info in infos if (match := PART.fullmatch(info.base_name)))
        with ThreadPoolExecutor(READERS) as pool:
            parts = list(pool.map(self._part, [f"{name}/{base}" for _, base in found]))
        return tuple(part for part in parts if part.rows) or tuple(parts[:1])

    def _part(self, name: str) -> Part:
        import pyarrow.parquet as pq

        with self.files.open_input_file(f"{self.root}/{name}") as file:
            size, crc = _footer(file)
            file.seek(0)
            return Part(f"{self.folder}/{name}", size, crc, pq.ParquetFile(file).metadata.num_rows)

    def check(self, parts: Sequence[Part]) -> None:
        """Raise `InputError` if a part was deleted or changed. Spark itself verifies the checksums of pages when it reads them."""
        import pyarrow as pa

        def fault(part: Part) -> str:
            try:
                with self.files.open_input_file(self.root + part.path.removeprefix(self.folder)) as file:
                    if file.size() != part.size:
                        return f"has {file.size():,} of {part.size:,} bytes"
                    return "" if _footer(file) == (part.size, part.crc) else "holds other bytes"
            except (OSError, pa.ArrowException) as error:
                return "is gone" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"

        with ThreadPoolExecutor(READERS) as pool:
            for part, said in zip(parts, pool.map(fault, parts), strict=True):
                if said:
                    raise InputError(
                        f"{part.path}: this part of a checkpoint {said}; start over (--restart, or `SparkRunner.clear`), its rows would be missing"
                    )

    def sweep(self, needed: AbstractSet[str]) -> None:
        """Delete the folders of tables without needed parts. Other folders are left alone."""
        import pyarrow.fs as pafs

        folders = {path.rpartition("/")[0].rpartition("/")[2] for path in needed}
        for info in self.files.get_file_info(pafs.FileSelector(self.root, allow_not_found=True)):
            if info.type == pafs.FileType.Directory and info.base_name.endswith(TABLE) and info.base_name not in folders:
                with contextlib.suppress(FileNotFoundError):
                    self.files.delete_dir(info.path)

    # ---------------------------------------------------------------- the journal

    def write(self, value: Any) -> None:
        """Write the journal atomically."""
        import pyarrow.fs as pafs

        data = json.dumps(value).encode()
        self.files.create_dir(self.root, recursive=True)
        if isinstance(self.files, pafs.LocalFileSystem):
            with write_part(Path(self.root, JOURNAL)) as temporary:
                temporary.write_bytes(data)
        else:  # in object stores a file appears only when it is closed
            with self.files.open_output_stream(f"{self.root}/{JOURNAL}") as file:
                file.write(data)

    def read(self) -> Any:
        """Return the journal, or None."""
        try:
            with self.files.open_input_file(f"{self.root}/{JOURNAL}") as file:
                return json.loads(file.read())
        except (OSError, ValueError):
            return None

    def clear(self) -> None:
        """Delete all tables and the journal."""
        self.sweep(set())
        with contextlib.suppress(OSError):
            self.files.delete_file(f"{self.root}/{JOURNAL}")


def _footer(file: Any) -> tuple[int, int]:
    """Return the size of a Parquet file in bytes, and the CRC-32 of its footer."""
    size = file.size()
    if size < TAIL:
        return size, 0
    length = int.from_bytes(file.read_at(TAIL, size - TAIL)[:4], "little")
    start = max(size - TAIL - length, 0)
    return size, zlib.crc32(file.read_at(size - start, start))


def _fsspec(url: str) -> tuple[pafs.FileSystem, str]:
    import fsspec
    import pyarrow.fs as pafs

    found, root = fsspec.core.url_to_fs(url)
    return pafs.PyFileSystem(pafs.FSSpecHandler(found)), root
