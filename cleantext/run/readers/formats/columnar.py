"""Tables with columns: Parquet, Arrow and Feather, as batches of the readers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cleantext.errors import InputError
from cleantext.run.readers.fields import WHOLE, Chosen, Fields, host_in, id_of_url, no_field
from cleantext.run.readers.formats.jsonlines import NO_TEXT
from cleantext.run.readers.page_batches import BATCH_BYTES, BATCH_ROWS, Batches, made_id, notes_of, row_schema, with_notes
from cleantext.run.readers.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_arrow", "read_parquet", "table_rows", "value_type"]

READ_ROWS = 256  # rows read at once: only then is their unpacked size known


def read_parquet(source: Source, fields: Fields) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file. If a field that was named is missing, or has a wrong type, the file fails."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(pq.ParquetFile(stack.enter_context(source.path.open("rb")), pre_buffer=False))
        except (OSError, pa.ArrowException) as error:
            yield from _broken(source, f"not a Parquet file that can be read: {error}")
            return
        yield from table_rows(source, fields, file.schema_arrow, file.iter_batches(batch_size=READ_ROWS))


def read_arrow(source: Source, fields: Fields) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an Arrow file, stream or Feather file."""
    import pyarrow as pa

    with contextlib.ExitStack() as stack:
        file = stack.enter_context(source.path.open("rb"))
        try:
            head = file.read(8)
            file.seek(0)
            if head.startswith(b"ARROW1"):
                opened = pa.ipc.open_file(file)
                batches: Any = (opened.get_batch(n) for n in range(opened.num_record_batches))
            elif head.startswith(b"FEA1"):
                import pyarrow.feather

                opened = pyarrow.feather.read_table(file)
                batches = opened.to_batches(max_chunksize=READ_ROWS)
            else:
                opened = pa.ipc.open_stream(file)
                batches = opened
        except (OSError, pa.ArrowException) as error:
            yield from _broken(source, f"not an Arrow file that can be read: {error}")
            return
        small = (batch.slice(at, READ_ROWS) for batch in batches for at in range(0, batch.num_rows, READ_ROWS))
        yield from table_rows(source, fields, opened.schema, small)


def _broken(source: Source, why: str) -> Iterator[pa.RecordBatch]:
    yield from _failed(source, f"{source.path}, line 0: {why}; left out")


def _failed(source: Source, why: str) -> Iterator[pa.RecordBatch]:
    batches = Batches(source.id)
    batches.fail(0, why)
    yield from batches.rest()


def table_rows(source: Source, fields: Fields, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of batches of any schema as batches of readers. If columns are missing, or have a wrong type, the file fails."""
    import pyarrow as pa

    try:
        chosen = fields.chosen(lambda name: _field(schema, name) is not None)
        _check(source, schema, chosen)
    except KeyError as error:
        yield from _failed(source, no_field(str(source.path), error.args[0], schema.names))
        return
    except InputError as error:
        yield from _failed(source, str(error))
        return
    held: list[pa.RecordBatch] = []
    size = rows = number = 0
    try:
        for made in _sound(source, chosen, batches):
            number += made.num_rows
            if held and (size + made.nbytes > BATCH_BYTES or rows + made.num_rows > BATCH_ROWS):
                yield _joined(source, held)
                held, size, rows = [], 0, 0
            held.append(made)
            size += made.nbytes
            rows += made.num_rows
    except (OSError, pa.ArrowException) as error:
        if held:
            yield _joined(source, held)
        yield from _broken(source, f"damaged behind row {number}: {error}")
        return
    if held:
        yield _joined(source, held)


def _sound(source: Source, chosen: Chosen, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of batches with valid values for their types; each row with an invalid value fails alone."""
    import pyarrow as pa

    number = 0
    for batch in batches:
        todo = [batch]
        while todo:
            part = todo.pop()
            try:
                part.validate(full=True)
                made = _rows(source, chosen, part, number)
            except (pa.ArrowException, ValueError) as error:
                if part.num_rows > 1:
                    half = part.num_rows // 2
                    todo += [part.slice(half), part.slice(0, half)]
                    continue
                fault = Batches(source.id)
                fault.fail(number + 1, f"{source.path}, line {number + 1}: {error}; left out")
                made = with_notes(_fitted(fault.take(), chosen, part), {"integers": True})
            number += part.num_rows
            yield made


def _fitted(fault: pa.RecordBatch, chosen: Chosen, part: pa.RecordBatch) -> pa.RecordBatch:
    """Return a failed row with the columns of the other rows."""
    import pyarrow as pa

    further = [f for f in part.schema if f.name not in chosen.carried_not]
    kind = pa.struct(further)
    value = _value_kind(part.schema, chosen)
    schema = row_schema(kind, value)
    made = {"carried": pa.nulls(1, kind) if further else fault.column("carried"), "value": pa.nulls(1, value)}
    return pa.record_batch([made.get(name, fault.column(name)) for name in schema.names], schema=schema)


def _value_kind(schema: pa.Schema, chosen: Chosen) -> pa.DataType:
    import pyarrow as pa

    kind = _of(schema, chosen.value) if chosen.value else pa.float64()
    return pa.float64() if pa.types.is_floating(kind) else pa.int64()


def _check(source: Source, schema: pa.Schema, chosen: Chosen) -> None:
    import pyarrow as pa

    kind = _of(schema, chosen.content)
    if not (_is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise InputError(f"{source.path}: column {chosen.content!r} is {kind}, not text: name another (--text)")
    if chosen.id and not (_is_text(_of(schema, chosen.id)) or _is_number(_of(schema, chosen.id))):
        raise InputError(f"{source.path}: column {chosen.id!r} is {_of(schema, chosen.id)}: ids are strings or integers (--id)")
    if chosen.value:
        value_type(source, _of(schema, chosen.value), chosen.value)


def value_type(source: Source, kind: pa.DataType, name: str) -> pa.DataType:
    """Return the type of the value that decides which copy is kept. Raise `InputError` for a type without a meaningful order."""
    import pyarrow as pa

    if (pa.types.is_integer(kind) and kind != pa.uint64()) or pa.types.is_temporal(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    raise InputError(f"{source.path}: column {name!r} is {kind}: what says which copy stays is a number or a date (--prefer)")


def _field(schema: pa.Schema, name: str) -> pa.DataType | None:
    """Return the type of a column, or of a field inside one, None if it does not exist."""
    import pyarrow as pa

    if name in schema.names:
        return schema.field(name).type
    head, *rest = name.split(".")
    if not rest or head not in schema.names:
        return None
    found = schema.field(head).type
    for part in rest:
        if not pa.types.is_struct(found) or found.get_field_index(part) < 0:
            return None
        found = found.field(part).type
    return found


def _of(schema: pa.Schema, name: str) -> pa.DataType:
    found = _field(schema, name)
    assert found is not None
    return found


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    import pyarrow.compute as pc

    if name in batch.schema.names:
        return batch.column(name)
    head, *rest = name.split(".")
    return pc.struct_field(batch.column(head), rest)


def _rows(source: Source, chosen: Chosen, batch: pa.RecordBatch, before: int) -> pa.RecordBatch:
    """Return the rows of a batch of the table; ids may still be repeated."""
    import pyarrow as pa
    import pyarrow.compute as pc

    n = batch.num_rows
    text = pa.string()
    content = _column(batch, chosen.content)
    decoded = _is_text(content.type)
    flags = pc.if_else(pc.is_null(content), NO_TEXT, "")
    data = pc.fill_null(content.cast(pa.large_string() if decoded else pa.large_binary()), "" if decoded else b"")
    data = data.cast(pa.large_binary())
    numbers = pa.array(range(before + 1, before + 1 + n), pa.int64())
    url = _column(batch, chosen.url).cast(text) if chosen.url else pa.nulls(n, text)
    hosts = _column(batch, chosen.host).cast(text) if chosen.host else pa.array([host_in(u) for u in url.to_pylist()], text)
    error, whole = pa.nulls(n, text), False
    if chosen.id:
        given = _column(batch, chosen.id)
        ids, whole = _ids(given)
        lacking = pc.is_null(given, nan_is_null=True) if pa.types.is_floating(given.type) else pc.is_null(given)
        if pc.any(lacking).as_py():
            why = [f"{source.path}, line {m}: no id in column {chosen.id!r}; left out" for m in numbers.to_pylist()]
            error = pc.if_else(lacking, pa.array(why, text), error)
            ids = pc.if_else(lacking, pa.array([made_id(source, m) for m in numbers.to_pylist()], text), ids)
    else:
        named = [id_of_url(u) if u else made_id(source, m) for u, m in zip(url.to_pylist(), numbers.to_pylist(), strict=True)]
        ids = pa.array(named, text)
    value = pa.nulls(n, pa.float64())
    if chosen.value:
        value = _column(batch, chosen.value)
        kind = value_type(source, value.type, chosen.value)
        value = (value.cast(pa.int32()) if value.type == pa.date32() else value).cast(kind)
    further = [name for name in batch.schema.names if name not in chosen.carried_not]
    struct = (
        pa.StructArray.from_arrays([batch.column(name) for name in further], fields=[batch.schema.field(name) for name in further])
        if further
        else None
    )
    carried = struct if struct is not None else pa.array([{}] * n, pa.struct([]))
    arrays = {
        "id": ids,
        "content": data,
        "kind": pa.array([chosen.kind] * n, text),
        "url": url,
        "host": hosts,
        "charset": pa.nulls(n, text),
        "decoded": pa.array([decoded] * n),
        "published": _told(_column(batch, chosen.published), text) if chosen.published else pa.nulls(n, text),
        "flags": flags,
        "value": value,
        "source": pa.array([source.id] * n, text),
        "number": numbers,
        "error": error,
        "carried": carried,
    }
    schema = row_schema(carried.type, value.type)
    made = pa.record_batch([arrays[name] for name in schema.names], schema=schema)
    return with_notes(made, {"integers": whole})


def _told(column: pa.Array, text: pa.DataType) -> pa.Array:
    import pyarrow as pa

    try:
        return column.cast(text)
    except pa.ArrowException:
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], text)


def _ids(given: pa.Array) -> tuple[pa.Array, bool]:
    """Return ids as strings, and whether all are integers of 64 bits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(given.type):
        values = [None if x is None or x != x else int(x) if x == int(x) and abs(x) < WHOLE else repr(x) for x in given.to_pylist()]  # noqa: PLR0124 - NaN
        return pa.array([None if v is None else str(v) for v in values], pa.string()), all(v is None or isinstance(v, int) for v in values)
    if given.type == pa.uint64():
        return given.cast(pa.string()), (pc.max(given).as_py() or 0) < 2**63
    return given.cast(pa.string()), bool(pa.types.is_integer(given.type))


def _joined(source: Source, held: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Concatenate batches; an id that occurred before is replaced by file and number."""
    import pyarrow as pa

    whole = all(notes_of(batch)["integers"] for batch in held)
    batch = pa.concat_batches([b.replace_schema_metadata(None) for b in held])
    ids, seen, renamed = batch.column("id").to_pylist(), set(), []
    for n, (name, number) in enumerate(zip(ids, batch.column("number").to_pylist(), strict=True)):
        if name in seen:
            renamed.append((source.id, number, name))
            ids[n] = made_id(source, number)
        seen.add(name)
    if renamed:
        batch = batch.set_column(0, "id", pa.array(ids, pa.string()))
    return with_notes(batch, {k: v for k, v in (("renamed", renamed), ("integers", whole and not renamed)) if v})
