"""CSV and TSV, read row by row, since a broken row must not affect others."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cleantext.run.readers.fields import Chosen, Fields, no_field
from cleantext.run.readers.formats.jsonlines import add_record, text_lines
from cleantext.run.readers.page_batches import Batches
from cleantext.run.readers.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_csv"]

LONGEST = 1 << 24  # characters of a row: an unclosed quote would include everything after it
DELIMITERS = ",;\t|"


def read_csv(source: Source, fields: Fields) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a CSV or TSV file, whose first row names the columns. A row with more or fewer fields fails alone.

    If a column that was named is missing, or none could be the text, the file fails.
    """
    batches = Batches(source.id)
    rows = _Rows(source)
    try:
        header = [name.strip() for name in rows.header()]
    except (ValueError, EOFError, OSError, csv.Error) as error:
        batches.fail(0, f"{source.path}, line 1: {error}; left out")
        yield from batches.rest()
        return
    try:
        chosen = fields.chosen(header.__contains__)
    except KeyError as error:
        batches.fail(0, no_field(str(source.path), error.args[0], header))
        yield from batches.rest()
        return
    for number, (line, row) in enumerate(rows.rows(len(header)), 1):
        try:
            full = (
                _add(batches, chosen, header, row, number, rows.encoding)
                if isinstance(row, list)
                else _failed(batches, source, number, line, row)
            )
        except (ValueError, TypeError) as error:
            full = _failed(batches, source, number, line, str(error))
        if full:
            yield batches.take()
    yield from batches.rest()


def _failed(batches: Batches, source: Source, number: int, line: int, why: str) -> bool:
    return batches.fail(number, f"{source.path}, line {line}: {why}; left out")


def _add(batches: Batches, chosen: Chosen, header: list[str], row: list[str], number: int, charset: str | None) -> bool:
    record: dict[str, str | float | None] = dict(zip(header, row, strict=True))
    if chosen.id and not record[chosen.id]:
        raise ValueError(f"no id in column {chosen.id!r}")
    if chosen.value:
        record[chosen.value] = float(row[header.index(chosen.value)]) if record[chosen.value] else None
    return add_record(batches, chosen, record, number, made=not chosen.id, charset=charset)


class _Rows:
    """The rows of a file: lines are joined until all quotes are closed; if they never are, the row is only its first line."""

    def __init__(self, source: Source) -> None:
        self.source, self.lines = source, text_lines(source)
        self.encoding: str | None = None
        self.waiting: deque[str] = deque()
        self.at = 0
        self.delimiter = "\t" if source.kind == "tsv" else ","
        self.ended = ""

    def _line(self, n: int) -> str | None:
        """Return the n-th pending line."""
        while len(self.waiting) <= n:
            if self.ended:
                return None
            try:
                text, charset = next(self.lines)
            except StopIteration:
                self.ended = "end"
                return None
            except (ValueError, EOFError, OSError) as error:
                self.ended = f"{error}; left out, with all that follows"
                return None
            self.encoding = charset or self.encoding
            self.waiting.append(text.replace("\0", "") + "\n")
        return self.waiting[n]

    def header(self) -> list[str]:
        """Return the names of the columns. Raise `ValueError` if there are none."""
        first = self._line(0)
        if first is None:
            raise ValueError(self.ended if self.ended != "end" else "no line")
        if self.source.kind != "tsv":
            self.delimiter = max(DELIMITERS, key=lambda d: (first.count(d), d == ","))
        row, size = self._joined(0)
        self._drop(size)
        return row or []

    def _drop(self, size: int) -> None:
        for _ in range(size):
            self.waiting.popleft()
        self.at += size

    def _joined(self, width: int) -> tuple[list[str] | None, int]:
        """Return the row that begins with the first line, and its number of lines; None for the row if it does not have ``width`` fields (0: any)."""
        text, size = "", 0
        while (line := self._line(size)) is not None and len(text) < LONGEST:
            text += line
            size += 1
            if not text.count('"') % 2:
                break
        for part, lines in ((text, size), (self.waiting[0], 1)):
            try:
                row = next(csv.reader([part], delimiter=self.delimiter, strict=True), [])
            except csv.Error:
                continue
            if not width or len(row) == width:
                return row, lines
        return None, 1

    def rows(self, width: int) -> Iterator[tuple[int, list[str] | str]]:
        """Yield the rows, each with its line number; for a broken one, the reason."""
        csv.field_size_limit(LONGEST)
        broken = False
        while (line := self._line(0)) is not None:
            if not line.strip():
                self._drop(1)
                continue
            row, size = self._joined(width)
            if row is not None:
                yield self.at + 1, row
            elif not broken or self.delimiter in line:  # otherwise it is the continuation of the broken row
                yield self.at + 1, f"no row of {width} fields, as the header names"
            broken = row is None
            self._drop(size)
        if self.ended != "end":
            yield self.at + 1, self.ended
