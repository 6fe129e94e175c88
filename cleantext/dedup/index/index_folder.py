"""The index: a folder with the sketches of the texts seen so far. A new batch is compared with them; they are not compared with each other again.

The folder holds immutable Parquet files, a header with all options that affect results, and a manifest that lists the current files. A commit
renames a new manifest over the old one, so a reader sees a batch completely or not at all. The next writer deletes what a killed writer left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import cleantext
from cleantext.dedup.folded.text_columns import strings
from cleantext.dedup.folded.token_units import Unit
from cleantext.dedup.index.index_plans import IndexOptions
from cleantext.dedup.minhash.sketch import SketchSpec
from cleantext.dedup.tables.arrow_kernels import TableLevel
from cleantext.errors import ConfigError, InputError, SketchMismatch
from cleantext.fold import Fold
from cleantext.plan import EmbeddedRunner, Part, Plan, Table
from cleantext.plan.lock import only_writer
from cleantext.plan.tables import sync, write_part

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Added", "Index"]

SCHEMA = 1
GROWING = ("rows", "held", "shared", "events")  # every batch adds a part to each of these tables
PARTS = 24  # a table of so many parts is compacted into one
TRIES = 5  # how often a reader retries after a writer deleted a file that it was about to read


class Added(NamedTuple):
    """The result of adding a batch: its pairs with indexed texts and within the batch, and the changes of clusters.

    ``pairs`` has the columns of `Duplicates.pairs`; ``events`` has ``event, cluster, other, id``: a cluster is
    *new*, *merged* into the other, has a new *keeper*, was *dissolved*; a text *moved* to the other, or *left*.
    ``hot_buckets`` is the number of crowded buckets with a text of the batch, in which members were compared only with the best ones.
    """

    pairs: pa.Table
    events: pa.Table
    hot_buckets: int

    def __repr__(self) -> str:
        return f"<Added pairs={self.pairs.num_rows} events={self.events.num_rows} hot_buckets={self.hot_buckets}>"


@dataclass(frozen=True)
class _Manifest:
    """The current files, and the number of commits so far."""

    serial: int = 0
    next_cluster: int = 0
    tables: dict[str, list[dict[str, Any]]] | None = None
    before: tuple[str, ...] = ()  # files of the previous manifest, which a reader may still have open
    last: dict[str, Any] | None = None  # the last batch: its digest, and the files with its results


class Index:
    """Find near-duplicates among texts that arrive in batches, with the same clusters as one search over all of them.

    The index stores all verified pairs, and decides again with each batch which texts stay. (If more than 128 texts
    share a bucket, a search compares them only with the best ones. An index that received them in smaller batches
    may then hold more pairs, and so larger clusters, than a single search over all texts.)

    >>> import tempfile
    >>> index = Index.open(tempfile.mkdtemp() + "/index", threshold=0.6)
    >>> _ = index.add(["春天来了,喀什古城的杏花开了,老人说这样的春天他等了三年。"], ids=["a"])
    >>> index.query(["春天來了,喀什古城的杏花開了,老人說這樣的春天他等了三年！"], ids=["x"]).to_pylist()[0]["similarity"]
    1.0
    """

    def __init__(self, folder: Path, options: IndexOptions, *, memory: int = 2 << 30, workers: int | None = None) -> None:
        self.folder, self.options, self.memory, self.workers = folder, options, memory, workers

    def __repr__(self) -> str:
        return f"<Index {str(self.folder)!r} texts={len(self)} level={self.options.level!r} threshold={self.options.threshold}>"

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        level: TableLevel | None = None,
        threshold: float | None = None,
        recall: float | None = None,
        min_chars: int | None = None,
        keep: Literal["longest", "first", "value"] | None = None,
        id_type: Literal["string", "int64"] | None = None,
        fold: Fold | None = None,
        unit: Unit | None = None,
        slots: int | None = None,
        memory: int = 2 << 30,
        workers: int | None = None,
    ) -> Index:
        """Open the index in a folder, or create it.

        Options given for an existing index must equal those it was created with; otherwise `SketchMismatch` names the
        differences. A new index takes the defaults of `IndexOptions` and `SketchSpec` for options not given. ``level="paragraph"``
        compares lines of at least ``min_chars`` letters and digits. ``memory`` (bytes) and ``workers`` do not affect results.
        """
        path = Path(folder)
        options: dict[str, Any] = {
            "threshold": threshold,
            "recall": recall,
            "level": level,
            "min_chars": min_chars,
            "keep": keep,
            "id_type": id_type,
        }
        given = {k: v for k, v in options.items() if v is not None}
        options = {"fold": fold, "unit": unit, "slots": slots}
        sketch = {k: v for k, v in options.items() if v is not None}
        header = path / "header.json"
        if header.exists():
            chosen = _read_header(header)
            wrong = [f"{k} {v!r} and {getattr(chosen, k)!r}" for k, v in given.items() if v != getattr(chosen, k)]
            wrong += [f"{k} {v!r} and {getattr(chosen.spec, k)!r}" for k, v in sketch.items() if v != getattr(chosen.spec, k)]
            if wrong:
                raise SketchMismatch(f"{path}: this index was made otherwise: {', '.join(wrong)}; leave that out, or make another index")
            return cls(path, chosen, memory=memory, workers=workers)
        chosen = IndexOptions(SketchSpec(**sketch), **given)
        _ = chosen.bands  # raises `ConfigError` if no bands reach the recall
        if path.exists() and any(p for p in path.iterdir() if not p.name.startswith((".empty-", "empty-", ".header"))):
            raise ConfigError(f"{path} holds files, but no index: name a new or empty folder")
        path.mkdir(parents=True, exist_ok=True)
        _write_empty(path, chosen)
        with write_part(header) as temporary:
            temporary.write_text(
                json.dumps({"schema": SCHEMA, "cleantext": cleantext.__version__, **asdict(chosen)}, indent=1) + "\n", "utf-8"
            )
        return cls(path, chosen, memory=memory, workers=workers)

    def __len__(self) -> int:
        """Return the number of texts, or of paragraphs at ``level="paragraph"``."""
        return self._read()["rows"].rows

    def files(self, name: Literal["rows", "clusters"]) -> list[str]:
        """Return the Parquet files of a table: ``rows`` has ``id, low, high`` of each text or paragraph."""
        return list(self._read()[name].paths)

    def add(self, texts: Any, *, ids: Any, values: Any = None) -> Added:
        """Add texts with new ids; return their duplicates and the changes of clusters.

        ``texts`` is a list of strings, an Arrow column, or a `Table` of columns ``id, text[, value]``. ``values``
        (the text with the smallest one stays) are required with ``keep="value"``. A batch is added completely or not at all. Each call
        also reads the narrow tables of the index once, so adding many texts at once is cheaper than one by one.
        """
        if not isinstance(texts, Table) and (values is None) == (self.options.keep == "value"):
            raise InputError(
                f"values: this index keeps by {self.options.keep!r}; {'give one a text' if values is None else 'leave them out'}"
            )
        with self._writing() as work:
            batch = texts if isinstance(texts, Table) else self._batch(work / "batch.parquet", texts, ids, values)
            self._check(batch, ("id", "text", "value") if self.options.keep == "value" else ("id", "text"))
            manifest = self._manifest()
            digest = [(p.size, p.rows, _content(Path(p.path))) for p in batch.parts]
            if batch.rows and manifest.last and manifest.last["batch"] == [list(d) for d in digest]:
                return self._found(manifest)  # the same batch again: it was committed, but its caller may not have received the result
            tables = self._tables(manifest)
            runner = self._runner(work / "run")
            inputs = {"batch": batch, "was": tables["clusters"], **{n: tables[n] for n in GROWING if n != "events"}}
            try:
                out = runner.run(self.options.add_plan(manifest.next_cluster), inputs)
            except InputError as error:
                raise InputError(f"{self.folder}: {error}") from error
            new = {"rows": out["added"], "held": out["fresh"], "shared": out["linked"], "events": out["events"]}
            last = {"batch": digest, "hot_buckets": out["facts"].read()["hot_buckets"][0].as_py()}
            manifest = self._commit(manifest, new, out["clusters"], out["pairs"], last)
            found = self._found(manifest)
            if max(map(len, (manifest.tables or {}).values())) >= PARTS:
                with contextlib.suppress(OSError):  # the batch is committed; compaction can wait for the next one
                    self._compact(manifest)
            return found

    def _found(self, manifest: _Manifest) -> Added:
        """Return the result of the last batch."""
        last: dict[str, Any] = manifest.last or {}
        pairs, events = (self._parts(last[name], f"empty-{name}.parquet").read() for name in ("pairs", "events"))
        return Added(self._shaped("pairs", pairs), self._shaped("events", events), last["hot_buckets"])

    def query(self, texts: Any, *, ids: Any = None) -> pa.Table:
        """Return the pairs of texts (``a``) with indexed texts (``b``), in the columns of `Duplicates.pairs`. Nothing is added."""
        with tempfile.TemporaryDirectory(prefix="cleantext-") as scratch:
            if not isinstance(texts, Table):
                texts = strings(texts, "texts")
                ids = ids if ids is not None else [str(n) if self.options.id_type == "string" else n for n in range(len(texts))]
            batch = texts if isinstance(texts, Table) else self._batch(Path(scratch) / "batch.parquet", texts, ids, None)
            self._check(batch, ("id", "text"))
            return self._asked(self.options.query_plan(), Path(scratch), {"batch": batch}, ("rows", "held"))

    @property
    def pairs(self) -> pa.Table:
        """All verified pairs of the index, in the columns of `Duplicates.pairs`."""
        with tempfile.TemporaryDirectory(prefix="cleantext-") as scratch:
            return self._asked(self.options.pairs_plan(), Path(scratch), {}, ("rows", "shared"))

    @property
    def clusters(self) -> pa.Table:
        """All clusters, in the columns of `Duplicates.clusters`. The number of a ``cluster`` is stable from batch to batch (see `Added`)."""
        return self._shaped("clusters", self._retried(lambda tables: tables["clusters"].read()))

    @property
    def events(self) -> pa.Table:
        """The changes of clusters, batch after batch: ``event, cluster, other, id`` (see `Added`)."""
        return self._shaped("events", self._retried(lambda tables: tables["events"].read()))

    def compact(self) -> None:
        """Merge the parts of each table into one file. `add` does so by itself when there are many."""
        with self._writing():
            self._compact(self._manifest())

    # ---------------------------------------------------------------- files

    def _batch(self, path: Path, texts: Any, ids: Any, values: Any) -> Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        given = strings(texts, "texts")
        names = ids.to_pylist() if hasattr(ids, "to_pylist") else list(ids)
        if len(names) != len(given):
            raise InputError(f"ids: {len(names)} for {len(given)} texts")
        kind, of = (pa.string(), str) if self.options.id_type == "string" else (pa.int64(), int)
        wrong = next((n for n in names if not isinstance(n, of) or isinstance(n, bool)), None) if names else None
        if wrong is not None or None in names:
            raise InputError(f"ids: this index has {self.options.id_type} ids, not {wrong!r}")
        try:
            columns = {"id": pa.array(names, kind), "text": pa.array([t.encode("utf-8", "replace").decode() for t in given], pa.string())}
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
            raise InputError(f"ids: this index has {self.options.id_type} ids: {error}") from error
        if values is not None:
            columns["value"] = pa.array(values, pa.float64())
        with write_part(path) as temporary:
            pq.write_table(pa.table(columns), temporary, row_group_size=10_000)
        return Table.of([path], columns={n: n for n in columns}, positions=True)

    def _check(self, batch: Table, names: tuple[str, ...]) -> None:
        """Raise `InputError` for a table that lacks a column that a batch needs."""
        missing = [n for n in names if n not in dict(batch.columns)]
        if missing or not batch.positions:
            has = ", ".join(dict(batch.columns)) or "none by name"
            raise InputError(f"a batch is a Table with positions and columns {', '.join(names)}; this one names {has}")

    def _manifest(self) -> _Manifest:
        path = self.folder / "manifest.json"
        if not path.exists():
            return _Manifest()
        state = json.loads(path.read_text("utf-8"))
        return _Manifest(state["serial"], state["next_cluster"], state["tables"], tuple(state["before"]), state["last"])

    def _tables(self, manifest: _Manifest) -> dict[str, Table]:
        return {name: self._parts((manifest.tables or {}).get(name, ()), f"empty-{name}.parquet") for name in (*GROWING, "clusters")}

    def _parts(self, described: Sequence[dict[str, Any]], empty: str) -> Table:
        """Return a table of the index; ``empty`` is a file of its columns and no row."""
        parts = tuple(Part(**{**p, "path": str(self.folder / p["path"])}) for p in described)
        return Table(parts or (Part.of(self.folder / empty, checked=False),))

    def _read(self) -> dict[str, Table]:
        return self._tables(self._manifest())

    def _retried(self, read: Any) -> Any:
        """Read from the current tables; try again if a writer deleted some of them in the meantime."""
        for n in range(TRIES):
            try:
                return read(self._read())
            except FileNotFoundError:
                if n == TRIES - 1:
                    raise
                time.sleep(0.05 * 2**n)
        raise AssertionError

    def _asked(self, plan: Plan, scratch: Path, inputs: dict[str, Table], names: Sequence[str]) -> pa.Table:
        def run(tables: dict[str, Table]) -> pa.Table:
            runner = self._runner(scratch / "run")
            runner.clear()
            return runner.run(plan, {**inputs, **{n: tables[n] for n in names}})["pairs"].read()

        return self._shaped("pairs", self._retried(run))

    def _shaped(self, name: str, table: pa.Table) -> pa.Table:
        """Return a table in its public schema: inside plans spans are ``low`` and ``high``, since `end` is a keyword of SQL."""
        schema = self.options.schemas[name]
        table = table.cast(schema) if table.num_rows else schema.empty_table()
        return table.rename_columns([name.replace("low", "start").replace("high", "end") for name in table.column_names])

    def _runner(self, folder: Path) -> EmbeddedRunner:
        return EmbeddedRunner(folder, memory=self.memory, workers=self.workers, resumes=False)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Path]:
        """Become the only writer, and yield a working folder. The system releases the lock of a process that dies."""
        work = self.folder / "work"
        with only_writer(self.folder / "lock", f"index {self.folder}"):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            self._sweep(self._manifest())
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def _commit(self, manifest: _Manifest, new: dict[str, Table], clusters: Table, pairs: Table, last: dict[str, Any]) -> _Manifest:
        """Move new parts into the folder, and commit them with a new manifest."""
        serial = manifest.serial + 1
        next_cluster = manifest.next_cluster
        for batch in new["events"].batches():
            next_cluster = max([next_cluster, *(n + 1 for n in batch.column("cluster").to_pylist())])
        tables = {name: list((manifest.tables or {}).get(name, ())) for name in GROWING}
        moved = {name: self._moved(table, f"{serial:06d}-{name}") if table.rows else [] for name, table in new.items()}
        for name, parts in moved.items():
            tables[name] += parts
        tables["clusters"] = self._moved(clusters, f"{serial:06d}-clusters")
        last |= {"pairs": self._moved(pairs, f"{serial:06d}-pairs"), "events": moved["events"]}
        made = _Manifest(serial, next_cluster, tables, tuple(_files(manifest)), last)
        self._write(made)
        return self._manifest()

    def _moved(self, table: Table, name: str) -> list[dict[str, Any]]:
        parts = []
        for n, part in enumerate(table.parts):
            path = self.folder / f"{name}-{n}.parquet"
            sync(Path(part.path))
            Path(part.path).replace(path)
            parts.append(asdict(replace(Part.of(path), path=path.name)))
        sync(self.folder)
        return parts

    def _compact(self, manifest: _Manifest) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        serial = manifest.serial + 1
        tables = dict(manifest.tables or {})
        for name in GROWING:
            if len(tables.get(name, ())) < 2:
                continue
            schema = pq.read_schema(self.folder / f"empty-{name}.parquet")  # parts may differ in which columns can be null
            path = self.folder / f"{serial:06d}-{name}.parquet"
            with write_part(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for batch in self._parts(tables[name], f"empty-{name}.parquet").batches():
                    writer.write_batch(pa.record_batch(batch.columns, schema=schema))
            tables[name] = [asdict(replace(Part.of(path), path=path.name))]
        self._write(replace(manifest, serial=serial, tables=tables, before=tuple(_files(manifest))))

    def _write(self, manifest: _Manifest) -> None:
        with write_part(self.folder / "manifest.json") as temporary:
            temporary.write_text(json.dumps(asdict(manifest)), "utf-8")

    def _sweep(self, manifest: _Manifest) -> None:
        """Delete obsolete files: those of manifests before the previous one, and those that killed writers left."""
        files = {*_files(manifest), *manifest.before}
        for path in [*self.folder.glob("0*.parquet"), *self.folder.glob(".*.parquet.*")]:
            if path.name not in files:
                path.unlink(missing_ok=True)


def _files(manifest: _Manifest) -> list[str]:
    """Return the files that a manifest names."""
    last = manifest.last or {}
    return [part["path"] for parts in [*(manifest.tables or {}).values(), last.get("pairs", []), last.get("events", [])] for part in parts]


def _content(path: Path) -> str:
    """Return the digest of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _read_header(path: Path) -> IndexOptions:
    try:
        header = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}; bring the file back, or make the index again from the texts") from error
    if header.pop("schema", None) != SCHEMA:
        raise InputError(f"{path}: not an index of this version of cleantext (schema {SCHEMA}); make it again from the texts")
    header.pop("cleantext")
    spec = SketchSpec(**header.pop("spec"))
    SketchSpec(fold=spec.fold, unit=spec.unit, slots=spec.slots, seed=spec.seed, k=spec.k).check(spec)  # also compares Unicode
    return IndexOptions(spec, **header)


def _write_empty(folder: Path, options: IndexOptions) -> None:
    """Write an empty Parquet file for each table, so that its schema is known before the first batch."""
    import pyarrow.parquet as pq

    for name, schema in options.schemas.items():
        with write_part(folder / f"empty-{name}.parquet") as temporary:
            pq.write_table(schema.empty_table(), temporary)
