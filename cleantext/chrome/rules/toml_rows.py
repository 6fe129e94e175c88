"""Rows of rule packs as written in TOML files, with the line numbers of each row and its fields, for error messages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cleantext.chrome.rules.row_fields import FIELDS, KINDS, field_faults, type_fault
from cleantext.errors import RuleError, did_you_mean, nearest
from cleantext.toml import parsed

if TYPE_CHECKING:
    from cleantext.chrome.rules.pack import Rule

__all__ = ["Mistakes", "TomlRow", "read_rows", "refuse"]

_HEADER = re.compile(r"\[\[?[ \t]*[\"']?([^\]\"']*?)[\"']?[ \t]*\]\]?[^\n]*")
_KEY = re.compile(r"[\"']?([^\s=\"'#\[\]]+)[\"']?[ \t]*=")
_STRING = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
# A key with a value that ends on its line, as most do.
_SHORT = re.compile(
    rf"([\w.-]+)[ \t]*=[ \t]*(?:{_STRING}|[\w.+-]+|\[[ \t]*(?:{_STRING}[ \t]*,?[ \t]*)*\])[ \t]*(?:#[^\n]*)?(?=\r?\n|\Z)", re.ASCII
)
_VALUE = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[{]|[\]}]|\n|[^\n"\'#\[\]{}]+|.', re.DOTALL
)

Lines = dict[str, int]  # line numbers of the fields of a row, and at "" that of the row itself
Mistakes = list[tuple[str, str]]  # location, and message


@dataclass(frozen=True)
class TomlRow:
    """A row of a file: the rule, if it can be made, its location, and the fields that are already reported."""

    rule: Rule
    file: str
    lines: Lines
    told: frozenset[str] = frozenset()

    def where(self, field: str = "") -> str:
        """Return file and line of the row, or of one of its fields."""
        return _where(self.file, self.rule.id or "no id", self.lines, field)


def refuse(mistakes: Mistakes) -> None:
    """Raise `RuleError` with all mistakes, one per line; do nothing if there are none."""
    told = list(dict.fromkeys(f"{where}: {what}" for where, what in mistakes))
    if told:
        raise RuleError("\n".join([f"{len(told)} mistakes", *told] if len(told) > 1 else told))


def read_rows(file: str, text: str, mistakes: Mistakes) -> list[TomlRow]:
    """Return the rows of a file as written, and add the mistakes that can be found without testing a rule.

    A field whose name is misspelt counts as the intended one, so that only one mistake is reported for it.
    """
    data = parsed(text, source=file, refuse=RuleError)
    places = list(_places(text))
    heads: dict[str, list[Lines]] = {}
    for name, lines in places:
        heads.setdefault(name, []).append(lines)
    above = heads.get("", [{"": 1}])[0]

    def line(kind: str, number: int = 0) -> Lines:
        held = heads.get(kind, ())
        return held[number] if number < len(held) else {"": above.get(kind, 1)}

    defaults = data.pop("defaults", {})
    if not isinstance(defaults, dict):
        mistakes.append((f"{file}:{line('defaults')['']}", "defaults is no table: write [defaults] above the fields that all rows share"))
        defaults = {}
    defaults, _ = _fields(defaults, file, "defaults", line("defaults"), mistakes)
    rows: list[TomlRow] = []
    for kind, held in data.items():
        if kind not in KINDS:
            told = f"[[{kind}]] is no kind of rule: {did_you_mean(kind, KINDS)}use one of {', '.join(KINDS)}"
            mistakes += [(f"{file}:{lines['']}", told) for lines in heads.get(kind) or [line(kind)]]
        elif kind == "keep" and isinstance(held, list) and held and not type_fault("words", held):  # phrases, without a row
            told = f"keep.{hashlib.sha256(repr(held).encode()).hexdigest()[:8]}"
            rows.append(_row(kind, {"id": told, "words": held}, {}, file, line(kind), mistakes))
        elif not isinstance(held, list) or not all(isinstance(row, dict) for row in held):
            mistakes.append((f"{file}:{line(kind)['']}", f"{kind} is no list of tables: write [[{kind}]] above each row"))
        else:
            rows += [_row(kind, row, defaults, file, line(kind, n), mistakes) for n, row in enumerate(held)]
    return rows


def _row(kind: str, row: dict[str, Any], defaults: dict[str, Any], file: str, lines: Lines, mistakes: Mistakes) -> TomlRow:
    from cleantext.chrome.rules.pack import Rule

    name = str(row.get("id", "no id"))
    row, told = _fields(row, file, name, lines, mistakes)
    mistakes += [(_where(file, name, lines, field), what) for field, what in field_faults(kind, row)]
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in {**defaults, **row}.items()}
    values = {"id": "", "category": "", **values, "kind": kind, "where": _where(file, name, lines)}
    return TomlRow(Rule(**values), file, lines, told)


def _where(file: str, name: str, lines: Lines, field: str = "") -> str:
    return f"{file}:{lines.get(field, lines[''])} ({name})"


def _fields(row: dict[str, Any], file: str, row_name: str, lines: Lines, mistakes: Mistakes) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the valid fields of a row, and those that are wrong; report unknown names and wrong types."""
    sound: dict[str, Any] = {}
    told: set[str] = set()
    for given, value in row.items():
        name = given
        where = _where(file, row_name, lines, given)
        if given not in FIELDS:
            mistakes.append((where, f"no field {given!r}: {did_you_mean(given, sorted(FIELDS))}Known: {', '.join(sorted(FIELDS))}"))
            name = next(iter(nearest(given, sorted(FIELDS))), "")
            if not name or name in row:
                continue
            lines[name] = lines.get(given, lines[""])
        if fault := type_fault(name, value):
            mistakes.append((where, fault))
            told.add(name)
        else:
            sound[name] = value
    return sound, frozenset(told)


def _places(text: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the name of each table of a TOML file (the top level with an empty name), with its line and those of its keys."""
    held: tuple[str, dict[str, int]] = ("", {"": 1})
    at, number = 0, 1
    while at < len(text):
        if text[at] in " \t\r\n":
            number += text[at] == "\n"
            at += 1
            continue
        if header := _HEADER.match(text, at):
            yield held
            held = (header[1], {"": number})
            at = header.end()
            continue
        if short := _SHORT.match(text, at):
            held[1].setdefault(short[1], number)
            at = short.end()
            continue
        if key := _KEY.match(text, at):
            held[1].setdefault(key[1], number)
            at = key.end()
        end = _value_end(text, at)
        number += text.count("\n", at, end)
        at = end
    yield held


def _value_end(text: str, at: int) -> int:
    """Return where a value ends: at the end of its line, outside strings, lists and tables."""
    depth = 0
    while at < len(text):
        piece = _VALUE.match(text, at)
        assert piece
        if piece[0] == "\n" and depth <= 0:
            return at
        depth += (piece[0] in ("[", "{")) - (piece[0] in ("]", "}"))
        at = piece.end()
    return at
