"""The index: texts that were searched before, kept in a folder, so that a new batch is compared with them and not they with one another again.

A folder of Parquet files that never change, a header with all that decides what is found, and a manifest that says which files count. A commit
is the renaming of one manifest over the other: a reader sees all of a batch or nothing, and what a killed writer leaves is swept by the next one.
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
from cleantext.dedup.folded.text_units import strings
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
GROWING = ("rows", "held", "shared", "events")  # tables that each batch adds a part to
PARTS = 24  # parts of a table, from which on they are made one
TRIES = 5  # times a reader looks again, where a writer has swept what it was about to read


class Added(NamedTuple):
    """What came of a batch: its pairs with what the index holds and among itself, and what became of the clusters.

    ``pairs`` has the columns of `Duplicates.pairs`; ``events`` has ``event, cluster, other, id``: a cluster is
    *new*, *merged* into the other, has a new *keeper*, was *dissolved*; a text *moved* to the other, or *left*.
    In ``hot_buckets`` buckets with a text of the batch the members were compared with the best ones only.
    """

    pairs: pa.Table
    events: pa.Table
    hot_buckets: int

    def __repr__(self) -> str:
        return f"<Added pairs={self.pairs.num_rows} events={self.events.num_rows} hot_buckets={self.hot_buckets}>"


@dataclass(frozen=True)
class _Manifest:
    """Which files count, after how many batches."""

    serial: int = 0
    next_cluster: int = 0
    tables: dict[str, list[dict[str, Any]]] | None = None
    before: tuple[str, ...] = ()  # files of the manifest before: some reader may be at them
    last: dict[str, Any] | None = None  # the last batch: its digest, and the files that say what was found


class Index:
    """Near-duplicates among texts that come in batches: the clusters are those of one search of all.

    All verified pairs are kept, and what stays is decided anew from them at each batch. (Where more than 128 texts
    share a bucket, a search compares them with the best ones only, and an index that met them in smaller batches
    may hold more pairs, and so larger clusters, than one search of all.)

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
        """Open the index in a folder, or make one there.

        What is given must be what it was made with: raise `SketchMismatch`, which names what differs. Of a
        new index the rest has the defaults of `IndexOptions` and `SketchSpec`. ``level="paragraph"`` compares lines of at
        least ``min_chars`` letters and digits. ``memory`` (bytes) and ``workers`` decide nothing.
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
        _ = chosen.bands  # raises where they cannot reach the recall
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
        """Return the number of texts, or of their paragraphs."""
        return self._read()["rows"].rows

    def files(self, name: Literal["rows", "clusters"]) -> list[str]:
        """Return the Parquet files of a table: ``rows`` has ``id, low, high`` of each text or paragraph."""
        return list(self._read()[name].paths)

    def add(self, texts: Any, *, ids: Any, values: Any = None) -> Added:
        """Add texts under ids that the index does not have yet; return what was found.

        ``texts`` is a list of strings, an Arrow column, or a `Table` of columns ``id, text[, value]``. ``values``
        (the smallest stays) go with ``keep="value"``. A batch is added whole or not at all. The cost is that
        of the batch and of one pass over the narrow tables of the index: many texts at once are cheaper than one by one.
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
                return self._found(manifest)  # it came before, and its caller did not get to see what was found
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
                with contextlib.suppress(OSError):  # the batch is in; the next one makes the parts one
                    self._compact(manifest)
            return found

    def _found(self, manifest: _Manifest) -> Added:
        """Return what the last batch found."""
        last: dict[str, Any] = manifest.last or {}
        pairs, events = (self._parts(last[name], f"empty-{name}.parquet").read() for name in ("pairs", "events"))
        return Added(self._shaped("pairs", pairs), self._shaped("events", events), last["hot_buckets"])

    def query(self, texts: Any, *, ids: Any = None) -> pa.Table:
        """Return the pairs of texts (``a``) with those of the index (``b``), as `Duplicates.pairs` does; nothing is added."""
        with tempfile.TemporaryDirectory(prefix="cleantext-") as scratch:
            if not isinstance(texts, Table):
                texts = strings(texts, "texts")
                ids = ids if ids is not None else [str(n) if self.options.id_type == "string" else n for n in range(len(texts))]
            batch = texts if isinstance(texts, Table) else self._batch(Path(scratch) / "batch.parquet", texts, ids, None)
            self._check(batch, ("id", "text"))
            return self._asked(self.options.query_plan(), Path(scratch), {"batch": batch}, ("rows", "held"))

    @property
    def pairs(self) -> pa.Table:
        """All verified pairs of the index, as `Duplicates.pairs` has them."""
        with tempfile.TemporaryDirectory(prefix="cleantext-") as scratch:
            return self._asked(self.options.pairs_plan(), Path(scratch), {}, ("rows", "shared"))

    @property
    def clusters(self) -> pa.Table:
        """All clusters, as `Duplicates.clusters` has them; names (``cluster``) do not change while their keepers stay together."""
        return self._shaped("clusters", self._retried(lambda tables: tables["clusters"].read()))

    @property
    def events(self) -> pa.Table:
        """What became of clusters, batch after batch: ``event, cluster, other, id``, see `Added`."""
        return self._shaped("events", self._retried(lambda tables: tables["events"].read()))

    def compact(self) -> None:
        """Make one file of the parts of each table. `add` does so by itself where there are many."""
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
        """Refuse a table that lacks what a batch needs."""
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
        """Read from the tables as they are now; look again where a writer has swept some of them meanwhile."""
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
        """Return a table with the one schema of its kind, and the ends of spans named as everywhere: `end` is a word of SQL."""
        schema = self.options.schemas[name]
        table = table.cast(schema) if table.num_rows else schema.empty_table()
        return table.rename_columns([name.replace("low", "start").replace("high", "end") for name in table.column_names])

    def _runner(self, folder: Path) -> EmbeddedRunner:
        return EmbeddedRunner(folder, memory=self.memory, workers=self.workers, resumes=False)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Path]:
        """Be the one writer; give a folder to work in. The system drops the lock of a process that dies."""
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
        """Put new parts to what is there, and let them count."""
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
        """Delete what counts no more: of manifests before the last one, and of writers that were killed."""
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
    SketchSpec(fold=spec.fold, unit=spec.unit, slots=spec.slots, seed=spec.seed, k=spec.k).check(spec)  # of another Unicode, say
    return IndexOptions(spec, **header)


def _write_empty(folder: Path, options: IndexOptions) -> None:
    """Write a file without rows for each table: its columns are known before there is a text."""
    import pyarrow.parquet as pq

    for name, schema in options.schemas.items():
        with write_part(folder / f"empty-{name}.parquet") as temporary:
            pq.write_table(schema.empty_table(), temporary)
