"""Write texts without their duplicates, with the other columns of the input: the output of `cleantext dedup --remove`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleantext.edits import apply
from cleantext.report.tally import Report
from cleantext.run.readers.carried import as_type, common
from cleantext.run.resume.parts import Corpus
from cleantext.run.search.duplicate_search import Marks, Query
from cleantext.run.writers.corpus import CorpusWriter
from cleantext.run.writers.finish import removal_edits, spans_of
from cleantext.run.writers.schema import KEY, SCHEMA, carried_in, carried_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_deduplicated"]

ROWS = 2_000  # rows in memory at once
WRITTEN = {"id", "text", "value", "source", "line"}  # the columns of parts that were written from other input
OURS = ("id", "text", "duplicate_cluster", "duplicate_keeper")


def write_deduplicated(texts: Corpus, marks: Marks, query: Query, folder: Path, form: str, report: Report) -> None:
    """Write the texts of a search as a corpus ``id, text, duplicate_cluster, duplicate_keeper`` with the other columns of the input.

    Removed documents, and texts of which nothing is left, have no row. Counts the outcomes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = dict(texts.table.columns)
    schemas = [pq.read_schema(path) for path in texts.table.paths]
    further = common(_further(schema, names) for schema in schemas)
    ids = pa.int64() if texts.id_type == "int64" else pa.string()
    fields = [
        pa.field("id", ids),
        pa.field("text", pa.string()),
        pa.field("duplicate_cluster", pa.int64()),
        pa.field("duplicate_keeper", pa.string()),
    ]
    fields += [pa.field(carried_name(f.name, set(OURS)), f.type) for f in further]
    schema = pa.schema(fields, metadata={KEY: SCHEMA.encode()})
    with CorpusWriter(folder, form, schema) as writer:
        for number, path in enumerate(texts.table.paths):
            members, spans = marks.of(number)
            row = 0
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=ROWS):
                    writer.write(_kept(batch, row, members, spans, names, further, schema, query, report))
                    row += batch.num_rows


def _further(schema: pa.Schema, names: dict[str, str]) -> pa.DataType:
    import pyarrow as pa

    if WRITTEN.issubset(schema.names):  # written from other input
        return carried_in(schema)
    return pa.struct([f for f in schema if f.name not in (names["id"], names["text"])])


def _kept(
    batch: pa.RecordBatch,
    row: int,
    members: dict[int, dict[str, Any]],
    spans: dict[int, Any],
    names: dict[str, str],
    further: pa.DataType,
    schema: pa.Schema,
    query: Query,
    report: Report,
) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [text or "" for text in batch.column(names["text"]).to_pylist()]
    good = []
    for n, text in enumerate(texts):
        if (row + n) not in spans:
            good.append(True)
            continue
        edits = removal_edits(text, spans_of(text, spans[row + n], lines=query.level == "paragraph"), whole_text=query.level == "document")
        texts[n] = apply(text, edits)
        report.chars_out += len(texts[n]) - len(text)
        good.append(query.level != "document" and (bool(texts[n].strip()) or not edits))
    gone = good.count(False)
    report.outcomes["kept"] -= gone
    report.outcomes["duplicate"] += gone
    held = batch.schema
    if WRITTEN.issubset(held.names):
        struct = batch.column("carried") if "carried" in held.names else pa.array([{}] * batch.num_rows, pa.struct([]))
    else:
        rest = [f for f in held if f.name not in (names["id"], names["text"])]
        columns = [batch.column(f.name) for f in rest]
        struct = pa.StructArray.from_arrays(columns, fields=rest) if rest else pa.array([{}] * batch.num_rows, pa.struct([]))
    struct = as_type(struct, further)
    said = [members.get(row + n, {}) for n in range(batch.num_rows)]
    columns = [
        batch.column(names["id"]).cast(schema.field("id").type),
        pa.array(texts, pa.string()),
        pa.array([m.get("cluster") for m in said], pa.int64()),
        pa.array([m.get("keeper") for m in said], pa.string()),
        *(pc.struct_field(struct, [n]) for n in range(len(further))),
    ]
    return pa.table(columns, schema=schema).filter(pa.array(good, pa.bool_()))
