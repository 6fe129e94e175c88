"""A corpus as files of bounded size: Parquet or JSON lines, also compressed; each complete or absent, and independent of the number of workers."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from cleantext.errors import ConfigError, InputError
from cleantext.run.files import CORPUS, whole
from cleantext.run.writers.schema import check_schema

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DROPPED_FILE", "CorpusWriter", "checked_where", "corpus_files", "corpus_tables", "drop_corpus", "named_rows", "one_file"]

FILE_BYTES = 256_000_000  # maximum size of the rows in one file, unpacked
GROUP_ROWS = 2_000  # maximum rows of a row group of Parquet, and bytes:
GROUP_BYTES = 32_000_000
DROPPED_FILE = "dropped.parquet"


class CorpusWriter:
    """Writes tables of one schema, in order, as ``corpus-00000.parquet`` and so on."""

    def __init__(self, folder: Path, form: str, schema: pa.Schema, *, file_bytes: int = 0, stem: str = "corpus") -> None:
        self.folder, self.form, self.schema, self.stem = folder, form, schema, stem
        self.file_bytes = file_bytes or FILE_BYTES
        self.written: list[str] = []
        self.rows = self.size = 0
        self.held: list[pa.Table] = []
        self.waiting = 0  # bytes of the rows not yet written
        self.open: contextlib.ExitStack | None = None
        self.sink: Any = None

    def write(self, table: pa.Table) -> None:
        """Write rows; start a new file when one is full."""
        self.rows += table.num_rows
        if not table.num_rows:
            return
        self.held.append(table)
        self.waiting += table.nbytes
        if self.waiting >= GROUP_BYTES or sum(t.num_rows for t in self.held) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self.held:
            return
        import pyarrow as pa

        table = pa.concat_tables(self.held)
        self.held, self.waiting = [], 0
        if self.open is None:
            self._begin()
        self.sink(table)
        self.size += table.nbytes
        if self.size >= self.file_bytes:
            self._end()

    def _begin(self) -> None:
        name = f"{self.stem}-{len(self.written):05d}.{self.form}"
        self.open = contextlib.ExitStack()
        temporary = self.open.enter_context(whole(self.folder / name))
        self.sink = self.open.enter_context(_sink(temporary, self.form, self.schema))
        self.written.append(name)
        self.size = 0

    def _end(self) -> None:
        assert self.open
        opened, self.open = self.open, None
        opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._abandon(kind, error, trace)
            return
        try:
            self._finish()
        except BaseException as failed:  # for example a full disk, which may be noticed only when the last rows are written
            self._abandon(type(failed), failed, failed.__traceback__)
            raise
        if self.stem == "corpus":
            drop_corpus(self.folder, self.written)

    def _finish(self) -> None:
        self._flush()
        if not self.written:  # a corpus without pages still has a file
            self._begin()
            self.sink(self.schema.empty_table())
        if self.open is not None:
            self._end()

    def _abandon(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """Discard the file that is being written."""
        opened, self.open = self.open, None
        if opened is not None:
            opened.__exit__(kind, error, trace)


@contextlib.contextmanager
def _sink(path: Path, form: str, schema: pa.Schema) -> Iterator[Any]:
    """Yield a writer that takes tables."""
    if form == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3) as writer:
            yield lambda table: writer.write_table(table, row_group_size=max(table.num_rows, 1))
        return
    with _packed(path, form) as file:

        def write(table: pa.Table) -> None:
            for batch in table.to_batches(max_chunksize=256):
                file.write(
                    "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in batch.to_pylist()).encode("utf-8", "replace")
                )

        yield write


@contextlib.contextmanager
def _packed(path: Path, form: str) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if form.endswith(".gz"):
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:  # no time, no name: reproducible bytes
                yield packed  # type: ignore[misc]
        elif form.endswith(".zst"):
            import zstandard

            with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as packed:
                yield packed
        else:
            yield file


@contextlib.contextmanager
def one_file(path: Path, form: str, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Yield a function that writes tables to one file of a form. The file is complete or absent, and reproducible."""
    with whole(path) as temporary, _sink(temporary, form, schema) as sink:
        yield sink


def drop_corpus(folder: Path, but: Sequence[str] = ()) -> None:
    """Delete the files of a corpus that an earlier run left, and its dropped rows in parts, except ``but``."""
    for path in (*corpus_files(folder), *folder.glob("dropped-*.parquet")):
        if path.name not in but and CORPUS.fullmatch(path.name):
            path.unlink()
    if not but:
        (folder / DROPPED_FILE).unlink(missing_ok=True)


# ---------------------------------------------------------------- reading it again


def corpus_files(folder: Path) -> list[Path]:
    """Return the files of the corpus in an output folder, in order."""
    return sorted(p for p in folder.iterdir() if p.name.startswith("corpus-") and CORPUS.fullmatch(p.name)) if folder.is_dir() else []


def corpus_tables(
    folder: Path, columns: Collection[str] | None = None, *, but: Collection[str] = (), ids: Collection[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of the corpus in an output folder, in order, some thousand at a time, with only the ``columns`` named, or all ``but`` some.

    ``ids`` restricts the rows to these pages. Raise `InputError` for damaged files.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def asked(names: Sequence[str]) -> list[str]:
        return [name for name in names if (columns is None or name in columns) and name not in but]

    for path in corpus_files(folder):
        try:
            if path.suffix == ".parquet":
                with pq.ParquetFile(path, pre_buffer=False) as file:
                    check_schema(file.schema_arrow, str(path))
                    groups = (
                        None
                        if ids is None
                        else [g for g in range(file.num_row_groups) if named_rows(file.read_row_group(g, ["id"]), ids).num_rows]
                    )
                    for batch in file.iter_batches(batch_size=GROUP_ROWS, row_groups=groups, columns=asked(file.schema_arrow.names)):
                        yield named_rows(pa.Table.from_batches([batch]), ids)
            else:
                for table in _json_tables(path):
                    yield named_rows(table, ids).select(asked(table.column_names))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"{path}: damaged: {error}; clean the pages again") from error


def named_rows(table: pa.Table, ids: Collection[str] | None) -> pa.Table:
    """Return the rows of a table whose id is one of ``ids``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if ids is None:
        return table
    return table.filter(pc.is_in(table["id"].cast(pa.string()), value_set=pa.array(sorted(ids), pa.string())))


def _json_tables(path: Path) -> Iterator[pa.Table]:
    import pyarrow as pa

    from cleantext.run.readers.packed import lines_of

    rows: list[dict[str, Any]] = []
    for line in lines_of(path):
        rows.append(json.loads(line))
        if len(rows) == GROUP_ROWS:
            yield pa.Table.from_pylist(rows)
            rows = []
    if rows:
        yield pa.Table.from_pylist(rows)


def checked_where(where: str, schema: pa.Schema) -> None:
    """Raise `ConfigError` for a condition that is not SQL, or not over these columns."""
    import duckdb

    with duckdb.connect() as database:
        database.register("page", schema.empty_table())
        try:
            database.execute(f"SELECT count(*) FROM (SELECT *, chars_out AS chars FROM page) WHERE ({where})")
        except duckdb.Error as error:
            told = str(error).split("\n", 1)[0]
            raise ConfigError(f"--where {where!r}: {told}; the columns are {', '.join(schema.names)}, and chars for chars_out") from error
