"""Records of tables of texts: an id, a text, and a value that says which copy stays; of each broken one, why."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cleantext.errors import InputError
from cleantext.report.tally import Report
from cleantext.run.files import Source
from cleantext.run.packed import lines_of

__all__ = ["Columns", "Faults", "Row", "field_of", "made_id", "rows_of_lines"]

WHOLE = 2**53  # below which a float is the integer that it was before a table without integers took it
Row = tuple[str | int, str, float | None, str, int]  # id, text, value, the file and the line


@dataclass(frozen=True)
class Columns:
    """The names of the columns of a corpus: its text, what names a row, and what says which copy stays (the smallest value).

    ``meta.id`` is the field ``id`` of the column ``meta``. Where there is no column ``id`` and none was named, file and line name a row.
    """

    text: str = "text"
    id: str = "id"
    value: str = ""

    @property
    def id_may_lack(self) -> bool:
        """Whether rows may go without an id: nobody named its column."""
        return self.id == "id"


@dataclass
class Faults:
    """Broken records of a run: counted in its report, or with ``strict`` the end of it."""

    report: Report
    strict: bool = False
    without_text: int = 0
    first: str = ""
    renamed: list[str] = field(default_factory=list)

    def add(self, source: Source, line: int, why: str) -> None:
        """Count a record that cannot be used. Raise `InputError` if the run is strict."""
        told = f"{source.path}, line {line}: {why}"
        if self.strict:
            raise InputError(f"{told}; mend or drop it, or go without --strict")
        self.first = self.first or told
        self.report.fail(f"{source.id}:{line}", f"{told}; left out")

    def finish(self, rows: int) -> None:
        """Tell what is to be told of all records. Raise `InputError` where not one of them could be used."""
        if self.first and not rows:
            raise InputError(f"{self.first}; no other row could be read: mend it, or name other columns (--text, --id)")
        if self.without_text:
            self.report.notes.append(f"{self.without_text:,} rows have no text (null): they have no duplicates")
        if self.renamed:
            self.report.notes.append(
                f"{len(self.renamed):,} rows repeat the id of another one: file and line name them instead, "
                f"such as {', '.join(self.renamed[:3])} (--strict refuses them)"
            )


def made_id(source: Source | str, line: int) -> str:
    """Return the id of a row that has none of its own."""
    return f"{source if isinstance(source, str) else source.id}:{line}"


def field_of(record: Mapping[str, Any], name: str) -> Any:
    """Return a field of a record by its name, or by the way to it. Raise `KeyError`.

    >>> field_of({"data": {"text": "甲"}}, "data.text"), field_of({"data.text": "乙"}, "data.text")
    ('甲', '乙')
    """
    if name in record:
        return record[name]
    held: Any = record
    for part in name.split("."):
        if not isinstance(held, dict) or part not in held:
            raise KeyError(name)
        held = held[part]
    return held


def rows_of_lines(sources: Sequence[Source], columns: Columns, faults: Faults) -> Iterator[Row]:
    """Yield the rows of JSON lines. The first row says whether they have ids; if not, all are named by file and line."""
    made: bool | None = None
    for source in sources:
        number = 0
        try:
            for number, line in enumerate(lines_of(source.path), 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                    if not isinstance(record, dict):
                        faults.add(source, number, "no JSON object")
                        continue
                    if made is None:
                        made = columns.id_may_lack and record.get(columns.id) is None
                    text, value = _text(record, columns), _value(record, columns)
                    name = made_id(source, number) if made else _id(record, columns)
                except (ValueError, TypeError, RecursionError) as error:
                    faults.add(source, number, str(error))
                except KeyError as error:
                    faults.add(source, number, f"no field {error}")
                else:
                    faults.without_text += text is None
                    yield name, text or "", value, source.id, number
        except (ValueError, EOFError, OSError) as error:
            faults.add(source, number + 1, str(error))


def _id(record: Mapping[str, Any], columns: Columns) -> str | int:
    name = field_of(record, columns.id)
    if isinstance(name, float) and math.isfinite(name) and name == int(name) and abs(name) < WHOLE:
        return int(name)  # as pandas writes integers of a column in which some are missing
    if name is None or not isinstance(name, (str, int)) or isinstance(name, bool):
        raise TypeError(f"id {name!r}: ids are strings or integers")
    if isinstance(name, str):
        name.encode()
    return name


def _text(record: Mapping[str, Any], columns: Columns) -> str | None:
    text = field_of(record, columns.text)
    if not isinstance(text, str) and text is not None:
        raise TypeError(f"field {columns.text!r} is no string")
    return text


def _value(record: Mapping[str, Any], columns: Columns) -> float | None:
    value = field_of(record, columns.value) if columns.value else None
    if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool)):
        raise TypeError(f"field {columns.value!r} is no number: {value!r}")
    return value
