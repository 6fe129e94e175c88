"""JSON lines, JSON arrays and concatenated JSON documents: each value is a record; a broken one fails alone."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cleantext.decode import decode
from cleantext.run.readers.fields import Chosen, Fields, field_of, integer_of, number_of
from cleantext.run.readers.packed import MAX_LINE_BYTES, lines_of, pieces_of
from cleantext.run.readers.page_batches import Batches, as_json, encoded
from cleantext.run.readers.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["JsonRecords", "add_record", "read_json", "read_lines"]

_PARTS = re.compile(r'"(?:[^"\\]++|\\.)*+"|["{}]', re.DOTALL)  # a string, or a mark; a single quote mark begins a truncated string
UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def read_lines(source: Source, fields: Fields) -> Iterator[pa.RecordBatch]:
    """Yield the records of a file with one JSON object per line."""
    held = JsonRecords(source, fields)
    number = 0
    try:
        for number, line in enumerate(text_lines(source), 1):
            text, charset = line
            if text.strip() and held.add(number, text, charset):
                yield held.batches.take()
    except (ValueError, EOFError, OSError) as error:
        held.batches.fail(number + 1, f"{source.path}, line {number + 1}: {error}; left out, with all that follows")
    yield from held.batches.rest()


def read_json(source: Source, fields: Fields) -> Iterator[pa.RecordBatch]:
    """Yield the records of a file that is an array of objects, or a sequence of objects, in any layout."""
    held = JsonRecords(source, fields, unit="record")
    number = 0
    try:
        for number, text in enumerate(_values(source), 1):
            if held.add(number, text, None):
                yield held.batches.take()
    except (ValueError, EOFError, OSError) as error:
        held.batches.fail(number + 1, f"{source.path}, record {number + 1}: {error}; left out, with all that follows")
    yield from held.batches.rest()


def text_lines(source: Source) -> Iterator[tuple[str, str | None]]:
    """Yield the lines of a file, each with its encoding unless UTF-8: concatenated files of different encodings are common."""
    first, encoding = True, ""
    for raw in lines_of(source.path):
        line = raw
        if first:
            first = False
            if raw[:2] in UTF16:
                yield from _wide_lines(source, UTF16[raw[:2]])
                return
            line = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            yield line.decode(), None
        except UnicodeDecodeError:
            found = decode(line, hint=encoding or None)
            encoding = found.encoding if found.evidence not in ("none", "binary") else encoding
            yield found.text, found.encoding


def _wide_lines(source: Source, encoding: str) -> Iterator[tuple[str, str | None]]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    for piece in pieces_of(source.path):
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        for line in lines:
            yield line.removeprefix("\ufeff"), encoding
        if 2 * len(rest) > MAX_LINE_BYTES:
            raise ValueError(f"a line of more than {MAX_LINE_BYTES:,} bytes: break it up")
    if rest:
        yield rest.removeprefix("\ufeff"), encoding


def _values(source: Source) -> Iterator[str]:
    """Yield the text of each object, and of each string next to them: the elements of arrays, or a sequence of values."""
    held, depth, start, at = "", 0, -1, 0
    decoder: Any = None
    for piece in pieces_of(source.path):
        if decoder is None:
            decoder = codecs.getincrementaldecoder(UTF16.get(piece[:2], "utf-8"))("replace")
        held += decoder.decode(piece)
        for part in _PARTS.finditer(held, at):
            at, mark = part.end(), part[0]
            if mark == '"':  # of a string that continues in the next piece
                at = part.start()
                break
            if mark == "{":
                start = part.start() if depth == 0 else start
                depth += 1
            elif mark == "}" and depth:
                depth -= 1
                if depth == 0:
                    yield held[start:at]
                    start = -1
            elif mark[0] == '"' and depth == 0:
                yield mark
        keep = start if start >= 0 else at
        held, at, start = held[keep:], at - keep, min(start, 0)
        if len(held) > MAX_LINE_BYTES:
            raise ValueError(f"a record of more than {MAX_LINE_BYTES:,} characters: break it up")
    if start >= 0 or held.startswith('"'):
        yield held


class JsonRecords:
    """Makes rows of records, with the fields of the first valid one."""

    def __init__(self, source: Source, fields: Fields, unit: str = "line") -> None:
        self.source, self.fields, self.unit = source, fields, unit
        self.batches = Batches(source.id)
        self.chosen: Chosen | None = None
        self.made = False

    def add(self, number: int, text: str, charset: str | None) -> bool:
        """Add the record in a text; return whether the batch is full."""
        try:
            record = json.loads(text)
            if isinstance(record, dict):
                return self.row(number, record, charset)
            why = "no JSON object"
        except (ValueError, TypeError, RecursionError) as error:
            why = str(error)
        except KeyError as error:
            why = f"no field {error}"
        return self.batches.fail(number, f"{self.source.path}, {self.unit} {number}: {why}; left out")

    def row(self, number: int, record: Mapping[str, Any], charset: str | None = None) -> bool:
        """Add a record. Raise `KeyError`, `TypeError` and `ValueError` for one that cannot be used."""
        if self.chosen is None:
            self.chosen = self.fields.chosen(lambda name: _has(record, name))
            self.made = not self.fields.id and (not self.chosen.id or field_of(record, self.chosen.id) is None)
        return add_record(self.batches, self.chosen, record, number, made=self.made, charset=charset)


def add_record(batches: Batches, chosen: Chosen, record: Mapping[str, Any], number: int, *, made: bool, charset: str | None = None) -> bool:
    """Add a record by its fields; with ``made`` its id is its address, or file and number. Raise like `JsonRecords.row`."""
    content = field_of(record, chosen.content)
    if content is not None and not isinstance(content, (str, bytes)):
        raise TypeError(f"field {chosen.content!r} is no string")
    name = None if made else integer_of(field_of(record, chosen.id))
    url = _text(record, chosen.url)
    return batches.add(
        name,
        (content or "").encode("utf-8", "replace") if not isinstance(content, bytes) else content,
        number=number,
        url=url,
        host=_text(record, chosen.host),
        published=_text(record, chosen.published),
        kind=chosen.kind,
        decoded=not isinstance(content, bytes),
        charset=charset,
        flags="" if content is not None else NO_TEXT,
        value=number_of(field_of(record, chosen.value), chosen.value) if chosen.value else None,
        carried={k: v for k, v in record.items() if k not in chosen.carried_not} or None,
    )


NO_TEXT = "null_text"  # the field of the text was null


def _has(record: Mapping[str, Any], name: str) -> bool:
    try:
        field_of(record, name)
    except KeyError:
        return False
    return True


def _text(record: Mapping[str, Any], name: str) -> str | None:
    if not name:
        return None
    try:
        value = field_of(record, name)
    except KeyError:
        return None
    return None if value is None or value == "" else encoded(value) if isinstance(value, str) else as_json(value).strip('"')
