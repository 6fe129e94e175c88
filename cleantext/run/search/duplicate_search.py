"""The search for duplicates in texts in Parquet files: in memory if they are few, otherwise as a plan over tables."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cleantext.errors import ConfigError
from cleantext.plan import EmbeddedRunner, Plan, Table
from cleantext.plan.database_memory import memory_limit
from cleantext.plan.tables import write_part
from cleantext.run.files import naming
from cleantext.run.resume.parts import Corpus
from cleantext.run.search.engines import Level, dedup_plan, on_spark
from cleantext.run.search.search_input import read_places

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection


__all__ = [
    "LEVELS",
    "SHOWN",
    "Marks",
    "Query",
    "Searched",
    "Spans",
    "database",
    "excerpts",
    "marks_of",
    "quoted",
    "search",
    "told_of",
    "write_table_part",
]

SMALL = 12_000_000  # bytes of texts up to which they are searched in this process: it takes about 400 MB, and starts without delay
LONGER = 1_000  # characters of a text in a report
EXCERPT = 300  # the same in duplicates.jsonl: a page that repeats one line a thousand times has a thousand pairs
SHOWN = 200  # pairs that report.json and report.html show with their texts
CALLS = 10  # number of pairs nearest to the threshold among which rejected ones are shown; only if compared in memory
LEVELS: dict[str, Literal["document", "passage", "paragraph"]] = {"documents": "document", "passages": "passage", "lines": "paragraph"}


@dataclass(frozen=True)
class Query:
    """What to search for."""

    level: Level = "passage"
    threshold: float = 0.8
    min_chars: int = 40
    max_df: int = 100
    keep: str = "longest"  # or "first", or "value": the smallest


class Searched(NamedTuple):
    """The result of a search, as tables on disk: ``pairs``, ``clusters``, and for passages ``cuts`` and ``stretches``; and figures for the report."""

    tables: Mapping[str, Table]
    facts: dict[str, Any]
    examples: list[dict[str, Any]]  # the longest pairs with their texts
    listed: list[dict[str, Any]]  # pairs with the beginnings of their texts: all of a search in memory, otherwise the examples


def search(
    texts: Corpus,
    query: Query,
    folder: Path,
    *,
    references: Corpus | None = None,
    memory: int = 2 << 30,
    workers: int | None = None,
    engine: Literal["auto", "memory", "local", "spark"] = "auto",
    master: str = "local[*]",
    spark: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Searched:
    """Search texts for duplicates among themselves, or for those they share with references. Without ``engine``, their size decides.

    Both engines find the same. Raise `ConfigError` for invalid options.
    """
    given = {"texts": texts} | ({"references": references} if references else {})
    fits = query.level != "paragraph" and query.keep in ("longest", "first")
    if engine == "memory" and not fits:
        raise ConfigError(f"level {query.level!r}, keep {query.keep!r}: such a search is one in tables: leave out --engine")
    folder.mkdir(parents=True, exist_ok=True)
    if engine == "memory" or (engine == "auto" and fits and _unpacked(given.values()) <= SMALL):
        return _in_memory(texts, references, query, folder)
    tables = {name: corpus.table for name, corpus in given.items()}
    plan = dedup_plan(
        level=query.level,
        threshold=query.threshold,
        min_chars=query.min_chars,
        max_df=query.max_df,
        keep=query.keep,
        id_type=texts.id_type,
        value_type=texts.value_type,
        against=references is not None,
        rows=sum(table.rows for table in tables.values()),
        cluster=engine == "spark",
    )
    if engine == "spark":
        found = on_spark(plan, tables, folder / "spark", master, spark, progress)
    else:
        found = EmbeddedRunner(folder / "plan", memory=memory, progress=progress, workers=workers).run(plan, tables)
    return Searched(
        {n: found[n] for n in ("pairs", "clusters", "cuts", "stretches") if n in found},
        told_of(found, plan, query),
        *_examples(found["shown"], tables),
    )


def told_of(found: Mapping[str, Table], plan: Plan, query: Query) -> dict[str, Any]:
    """Return what a report says on the result of a plan."""
    facts: dict[str, Any] = found["facts"].read().to_pylist()[0]
    searched: dict[str, Any] = {name: facts[name] for name in ("hot_buckets", "hot_anchors", "equal_groups") if name in facts}
    if "linked" in found:
        searched["linked_groups"] = {str(row["id"]): row["copies"] for row in found["linked"].read().to_pylist()}
    return {
        "level": query.level,
        "threshold": query.threshold,
        "pairs": facts["pairs"],
        "pairs_across_pages": facts["across"],
        "clusters": facts["clusters"],
        "pages": facts["involved"],
        "removable": found["cuts"].rows if "cuts" in found else facts["removable"],
        "boilerplate": found["stretches"].rows if "stretches" in found else 0,
        "characters": facts["characters"],
        "search": {**plan.facts, **searched},
        "below": [],  # tables hold no pairs below the threshold
    }


def _unpacked(corpora: Iterable[Corpus]) -> int:
    """Return the approximate size of the texts in bytes."""
    import pyarrow.parquet as pq

    size = 0
    for corpus in corpora:
        name = dict(corpus.table.columns).get("text", "text")
        for path in corpus.table.paths:
            held = pq.read_metadata(path)
            for g in range(held.num_row_groups):
                group = held.row_group(g)
                columns = (group.column(n) for n in range(group.num_columns))
                size += sum(c.total_uncompressed_size for c in columns if c.path_in_schema == name)
            if size > SMALL:
                return size
    return size


def _examples(shown: Table, given: Mapping[str, Table]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows = shown.read().to_pylist()
    sides = {"a": [(0, p["a_place"]) for p in rows], "b": [(p["b_reference"], p["b_place"]) for p in rows]}
    held = [
        read_places(table, [place for side in sides.values() for n, place in side if n == number])
        for number, table in enumerate(given.values())
    ]
    for side, places in sides.items():
        for pair, (number, place) in zip(rows, places, strict=True):
            pair[f"{side}_text"] = held[number][place][pair[f"{side}_start"] : pair[f"{side}_end"]]
    return excerpts([{k: v for k, v in pair.items() if not k.endswith(("_place", "_reference"))} for pair in rows])


def excerpts(pairs: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return pairs with their texts shortened as in a report, and as in duplicates.jsonl."""
    longer, shorter = ([{**p, **{f"{s}_text": _excerpt(p[f"{s}_text"], n) for s in "ab"}} for p in pairs] for n in (LONGER, EXCERPT))
    return longer, shorter


def _excerpt(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"


# ---------------------------------------------------------------- in memory


def _in_memory(texts: Corpus, references: Corpus | None, query: Query, folder: Path) -> Searched:
    import pyarrow as pa

    from cleantext.dedup import find_duplicates

    ids, contents = _columns(texts)
    more, others = _columns(references) if references else ([], [])
    found = find_duplicates(
        contents,
        ids=ids,
        level=query.level,  # type: ignore[arg-type]
        threshold=query.threshold,
        min_chars=query.min_chars,
        max_df=query.max_df,
        against=others if references else None,
        against_ids=more if references else None,
        keep=query.keep,
    )
    clusters = found.clusters.rename_columns([n.replace("start", "low").replace("end", "high") for n in found.clusters.column_names])
    tables = {"pairs": found.pairs, "clusters": clusters}
    if query.level == "passage":
        cuts = found._cuts  # noqa: SLF001 - as `Duplicates.edits_for` does, for all texts
        held = found.corpus.ids
        tables["cuts"] = pa.table(
            {
                "id": pa.array([held[n] for n in cuts.text.tolist()], found.pairs["a"].type),
                "low": cuts.start,
                "high": cuts.end,
                "exact": cuts.exact,
            }
        )
        tables["stretches"] = found.boilerplate.rename_columns(["id", "low", "high", "texts"])
    pairs = found.pairs.to_pylist()
    below = [p for p in found.closest_calls(CALLS).to_pylist() if p["similarity"] < query.threshold] if query.level == "document" else []
    text_of = dict(zip(ids, contents, strict=True)) | dict(zip(more, others, strict=True))
    longest = sorted(pairs, key=lambda r: (r["a"] == r["b"], r["a_start"] - r["a_end"], str(r["a"]), str(r["b"]), r["a_start"]))[:SHOWN]
    examples = [{**p, **{f"{s}_text": _excerpt(text_of[p[s]][p[f"{s}_start"] : p[f"{s}_end"]], LONGER) for s in "ab"}} for p in longest]
    facts = {
        "level": found.level,
        "threshold": found.threshold,
        "pairs": len(pairs),
        "pairs_across_pages": sum(p["a"] != p["b"] for p in pairs),
        "clusters": len(set(found.clusters["cluster"].to_pylist())),
        "pages": len({p[side] for p in pairs for side in "ab"}.intersection(ids)),
        "removable": len(found._cuts.text),  # noqa: SLF001
        "boilerplate": found.boilerplate.num_rows,
        "characters": sum(map(len, contents)),
        "search": {k: {str(i): n for i, n in v.items()} if isinstance(v, dict) else v for k, v in found.facts.items()},
        "below": [{**p, **{f"{s}_text": _excerpt(text_of[p[s]], LONGER) for s in "ab"}} for p in below],
    }
    listed = [{**p, **{f"{s}_text": _excerpt(text_of[p[s]][p[f"{s}_start"] : p[f"{s}_end"]], EXCERPT) for s in "ab"}} for p in pairs]
    return Searched(
        {name: write_table_part(table, folder / f"found-{name}.parquet") for name, table in tables.items()}, facts, examples, listed
    )


def _columns(corpus: Corpus) -> tuple[list[Any], list[str]]:
    names = dict(corpus.table.columns)
    ids: list[Any] = []
    texts: list[str] = []
    for batch in corpus.table.batches([names.get("id", "id"), names.get("text", "text")]):
        ids += batch.column(names.get("id", "id")).to_pylist()
        texts += [text or "" for text in batch.column(names.get("text", "text")).to_pylist()]
    return ids, texts


def write_table_part(table: pa.Table, path: Path) -> Table:
    """Write a table of the result next to its other files."""
    import pyarrow.parquet as pq

    with write_part(path, synced=False) as temporary:
        pq.write_table(table, temporary)
    return Table.of([path])


# ---------------------------------------------------------------- by places


class Spans(NamedTuple):
    """The spans to remove from one text."""

    low: int
    high: int
    exact: bool


@dataclass
class Marks:
    """The result of a search for the rows of each part of a corpus, read one part after another."""

    members: Iterator[dict[str, Any]]
    spans: Iterator[dict[str, Any]]
    ahead: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def of(self, part: int) -> tuple[dict[int, dict[str, Any]], dict[int, list[Spans]]]:
        """Return the result for rows of the next part: ``cluster, keeper, goes`` by row, and the spans to remove."""
        members = {row["place"] & 0xFFFFFFFF: row for row in self._rows("members", part)}
        spans: dict[int, list[Spans]] = {}
        for row in self._rows("spans", part):
            spans.setdefault(row["place"] & 0xFFFFFFFF, []).append(Spans(row["low"], row["high"], row["exact"]))
        return members, spans

    def _rows(self, name: str, part: int) -> Iterator[dict[str, Any]]:
        source: Iterator[dict[str, Any]] = getattr(self, name)
        row = self.ahead.get(name) or next(source, None)
        while row is not None and row["place"] >> 32 <= part:
            yield row
            row = next(source, None)
        self.ahead[name] = row


NOTHING = Marks(iter(()), iter(()))


def marks_of(searched: Searched | None, corpus: Corpus, query: Query, folder: Path, *, memory: int) -> Marks:
    """Join the result with the places of the texts, in their order: clusters by their members, and the spans to remove."""
    if searched is None:
        return replace(NOTHING, ahead={})
    names = dict(corpus.table.columns)
    made = {name: folder / f"{name}.parquet" for name in ("members", "spans")}
    with database(folder, memory, corpus.table.paths) as opened:
        opened.execute(
            f"""
            CREATE TEMP VIEW places AS SELECT (f.n << 32) | p.file_row_number AS place, CAST(p."{names["id"]}" AS VARCHAR) AS id
            FROM read_parquet({quoted(corpus.table.paths)}, filename = true, file_row_number = true) p JOIN files f ON p.filename = f.filename
            """
        )
        for name in searched.tables:
            opened.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM read_parquet({quoted(searched.tables[name].paths)})")
        opened.execute(
            f"""
            COPY (SELECT place, cluster, keeper, goes FROM (
                SELECT p.place, min(c.cluster) AS cluster, arg_min(CAST(c.keeper_id AS VARCHAR), c.cluster) AS keeper, bool_or(NOT c.keeper) AS goes
                FROM clusters c JOIN places p ON CAST(c.id AS VARCHAR) = p.id GROUP BY p.place) ORDER BY place)
            TO {quoted([str(made["members"])])[1:-1]} (FORMAT parquet)
            """
        )
        taken = (
            "SELECT id, low, high, exact FROM cuts"
            if query.level == "passage"
            else "SELECT id, low, high, similarity = 1 AS exact FROM clusters WHERE NOT keeper"
        )
        opened.execute(
            f"""
            COPY (SELECT DISTINCT p.place, t.low, t.high, t.exact FROM ({taken}) t JOIN places p ON CAST(t.id AS VARCHAR) = p.id
                  ORDER BY p.place, t.low, t.high)
            TO {quoted([str(made["spans"])])[1:-1]} (FORMAT parquet)
            """
        )
    return Marks(_rows_of(made["members"]), _rows_of(made["spans"]))


@contextlib.contextmanager
def database(folder: Path, memory: int, paths: Sequence[str]) -> Iterator[DuckDBPyConnection]:
    """Yield a database that spills into a folder and takes about ``memory`` bytes, including its readers; its table ``files`` numbers the paths."""
    import duckdb
    import pyarrow as pa

    files = pa.table({"n": pa.array(range(len(paths)), pa.int64()), "filename": pa.array(paths, pa.string())})
    config: Any = {
        "memory_limit": memory_limit(memory),
        "temp_directory": str(folder / "spill"),
        "preserve_insertion_order": "false",
    }
    with naming(folder), duckdb.connect(config=config) as opened:
        opened.register("files", files)
        yield opened


def quoted(paths: Iterable[str]) -> str:
    """Return paths as a list in SQL."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"


def _rows_of(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=4096):
            yield from batch.to_pylist()
