"""The columns of a corpus: one schema for every form of input, in Parquet and in JSON lines (docs/outputs.md describes each column)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleantext.errors import InputError
from cleantext.transform import Page

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "COLUMNS",
    "DROPPED",
    "GIVEN",
    "KEY",
    "SCHEMA",
    "carried_in",
    "carried_name",
    "check_schema",
    "corpus_schema",
    "part_table",
    "rows_schema",
]

SCHEMA = "3"  # of all Parquet outputs; increased when columns change
KEY = b"cleantext_schema"
GIVEN = "given_"  # prefix of a carried column whose name is one of ours
DROPPED = ("outcome", "reason")  # the additional first columns of dropped.parquet

# Name, type, and meaning: the table of docs/outputs.md is generated from this.
COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("id", "string", "what names the page: its own id, its address without the scheme, its path, or file and record number; unique"),
    ("url", "string", "its address, where one is known"),
    ("host", "string", "the host of the address, or the folder named as a host that it lay in"),
    ("text", "string", "the cleaned text"),
    ("title", "string", "the title that the page states"),
    ("published", "string", "when it was published, ISO 8601 as exactly as the page says it; else what the input said"),
    ("source", "string", "the medium that the page names as its source"),
    ("author", "list<string>", "the authors that the page names"),
    ("editor", "list<string>", "the editors that the page names"),
    (
        "script",
        "string",
        "of the text as read: hans, hant, hant-tw, hant-hk, mixed, jp, ko, hani (Han characters that do not tell) or none",
    ),
    ("language", "string", "a hint from the letters alone: zh, ja, ko, or und"),
    ("kind", "string", "text or html"),
    ("flags", "list<string>", "remarks on the page, such as crawl_truncated or html_main"),
    ("encoding", "string", "the encoding that the page was read in"),
    ("chars_in", "int32", "characters (code points) as read: of HTML, of its visible lines"),
    ("chars_out", "int32", "characters of the text"),
    (
        "body_lost_expected",
        "float",
        "share of the characters of text that is expected to be lost, 0 to 1; null where no learned model judged",
    ),
    ("chrome_left_expected", "float", "share of the characters that stay which is expected to be page chrome"),
    ("file", "string", "the input file that it came from, and"),
    ("record", "int64", "the record in it, from 1"),
    ("sha256", "string", "of the bytes as read"),
    ("shard", "int32", "the part of the run that cleaned it, by which edits.parquet is ordered, too"),
    ("duplicate_cluster", "int64", "the group of near-duplicates that it belongs to; null where it has none, or none were searched for"),
    ("duplicate_keeper", "string", "the id of the page of that group that stays; of passages of the first group"),
)
LATER = ("shard", "duplicate_cluster", "duplicate_keeper")  # columns that are known only after all pages are cleaned
LANGUAGES = {"jp": "ja", "ko": "ko", "none": "und"}


def _types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {"string": pa.string(), "int32": pa.int32(), "int64": pa.int64(), "list<string>": pa.list_(pa.string()), "float": pa.float32()}


def corpus_schema(carried: pa.DataType | None = None, *, dropped: bool = False) -> pa.Schema:
    """Return the schema of a corpus, whose other columns are the fields of ``carried``; or of the rows dropped from it."""
    import pyarrow as pa

    from cleantext.signals import SIGNALS

    types = _types()
    fields = [pa.field(name, types[kind]) for name, kind, _ in COLUMNS]
    fields += [pa.field(name, types[kind]) for name, kind, _ in SIGNALS]
    ours = {f.name for f in fields}
    fields += [pa.field(carried_name(f.name, ours), f.type) for f in carried or ()]
    if dropped:
        fields = [pa.field(name, pa.string()) for name in DROPPED] + fields
    return pa.schema(fields, metadata={KEY: SCHEMA.encode()})


def rows_schema() -> pa.Schema:
    """Return the columns of cleaned pages, before shards have numbers and duplicates are known."""
    import pyarrow as pa

    from cleantext.signals import SIGNALS

    types = _types()
    return pa.schema([(name, types[kind]) for name, kind, _ in (*COLUMNS, *SIGNALS) if name not in LATER])


def carried_name(name: str, ours: set[str]) -> str:
    """Return the output name of a carried column: its own, unless it is one of ours."""
    return f"{GIVEN}{name}" if name in ours or name in DROPPED else name


def check_schema(schema: pa.Schema, where: str) -> None:
    """Raise `InputError` for a table that this version did not write."""
    if (schema.metadata or {}).get(KEY) != SCHEMA.encode():
        raise InputError(f"{where}: not written by this version of cleantext (schema {SCHEMA}); read it with the version that wrote it")


def part_table(pages: Sequence[Page], rows: Sequence[Mapping[str, Any]], signals: Mapping[str, Any], carried: pa.Array | None) -> pa.Table:
    """Return cleaned pages as a table of the schema, with ``carried`` as one struct column; the columns on duplicates are still null."""
    import pyarrow as pa

    from cleantext.signals import SIGNALS

    types, n = _types(), len(pages)
    made: dict[str, Any] = {
        "id": [page.id for page in pages],
        "url": [page.url for page in pages],
        "host": [row["host"] for row in rows],
        "text": _texts([page.text for page in pages]),
        "author": [_names(page.metadata.get("author")) for page in pages],
        "editor": [_names(page.metadata.get("editor")) for page in pages],
        "language": [LANGUAGES.get(row["script"], "zh") for row in rows],
        "flags": [list(page.flags) for page in pages],
        "chars_out": [len(page.text) for page in pages],
    }
    made |= {name: pa.nulls(n, types[kind]) for name, kind, _ in COLUMNS if name in LATER}
    for name in ("body_lost_expected", "chrome_left_expected"):
        made[name] = [page.metadata.get(name) for page in pages]
    for name in ("title", "published", "source"):
        made[name] = [_one(page.metadata.get(name)) for page in pages]
    for name in ("script", "kind", "encoding", "chars_in", "file", "record", "sha256"):
        made[name] = [row[name] for row in rows]
    arrays = [made[name] if isinstance(made[name], pa.Array) else pa.array(made[name], types[kind]) for name, kind, _ in COLUMNS]
    arrays += [pa.array(signals[name], types[kind]) for name, kind, _ in SIGNALS]
    names = [name for name, *_ in (*COLUMNS, *SIGNALS)]
    if carried is None or not len(carried.type):  # Parquet has no struct without fields
        return pa.table(arrays, names=names)
    return pa.table([*arrays, carried], names=[*names, "carried"])


def carried_in(schema: pa.Schema) -> pa.DataType:
    """Return the type of the carried fields in the rows of a part."""
    import pyarrow as pa

    return schema.field("carried").type if "carried" in schema.names else pa.struct([])


def _texts(texts: list[str]) -> pa.Array:
    """Return texts as a column; lone surrogates, which it cannot hold, become question marks."""
    import pyarrow as pa

    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())


def _one(value: Any) -> str | None:
    if value is None:
        return None
    return "；".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)]
