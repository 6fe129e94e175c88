"""Further columns that are carried through: their types differ between files, and one table needs one type for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cleantext.run.readers.page_batches import as_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["as_type", "common", "merged"]


def common(kinds: Iterable[pa.DataType]) -> pa.DataType:
    """Return the struct type with all fields of some struct types, in the order of their first occurrence.

    >>> import pyarrow as pa
    >>> common([pa.struct([("a", pa.int64())]), pa.struct([("b", pa.string()), ("a", pa.float64())])])
    StructType(struct<a: double, b: string>)
    """
    import pyarrow as pa

    found: dict[str, pa.DataType] = {}
    for kind in kinds:
        for field in kind:
            found[field.name] = merged(found[field.name], field.type) if field.name in found else _plain(field.type)
    return pa.struct(list(found.items()))


def merged(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Return the type that holds the values of both: JSON text, if no other type does."""
    import pyarrow as pa

    if one == other:
        return one
    try:
        fields = [pa.schema([("x", kind)]) for kind in (one, _plain(other))]
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()


def _plain(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def as_type(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Convert a column to a type that `common` or `merged` returned for it and others."""
    import pyarrow as pa

    if column.type == kind:
        return column
    if pa.types.is_struct(kind) and pa.types.is_struct(column.type):
        import pyarrow.compute as pc

        there = {field.name: n for n, field in enumerate(column.type)}
        parts = [
            as_type(pc.struct_field(column, [there[f.name]]), f.type) if f.name in there else pa.nulls(len(column), f.type) for f in kind
        ]
        if not parts:
            return pa.array([{}] * len(column), kind)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=pc.is_null(column))
    if not (pa.types.is_string(kind) and not _is_text(_plain(column.type))):
        try:
            return column.cast(kind)
        except pa.ArrowException:
            return pa.array(column.to_pylist(), kind)
    return pa.array([None if v is None else v if isinstance(v, str) else as_json(v) for v in column.to_pylist()], kind)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
