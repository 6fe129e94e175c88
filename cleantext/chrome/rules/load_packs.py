"""Load rule packs, included ones and those of users: read, check, merge."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from cleantext.chrome.rules.pack import Pack, Rule
from cleantext.chrome.rules.row_checks import faults
from cleantext.chrome.rules.row_fields import effect_faults
from cleantext.chrome.rules.toml_rows import Mistakes, TomlRow, read_rows, refuse
from cleantext.errors import RuleError, unknown
from cleantext.toml import text_of

__all__ = ["load_pack", "pack_names"]


def load_pack(*names: str, without: tuple[str, ...] = (), keep: tuple[str, ...] = ()) -> Pack:
    """Load packs by name (those included in cleantext) or path; later ones override earlier ones by id.

    ``without`` are ids of rules to leave out, ``keep`` phrases: lines with one are never removed. A pack is compiled once, and again when its file has changed.
    Raise `RuleError` for invalid rows: each mistake with file, line and the fix.
    """
    shipped = pack_names()
    return _load(names, without, keep, tuple(() if name in shipped else _state(name) for name in names))


@lru_cache(maxsize=16)
def _load(names: tuple[str, ...], without: tuple[str, ...], keep: tuple[str, ...], state: tuple[Any, ...]) -> Pack:  # noqa: ARG001 (the key of the cache)
    pack = Pack((), "+".join(names))
    known: set[str] = set()  # all ids so far, including rows that a pack disabled
    mistakes: Mistakes = []
    for name in names:
        rows: list[TomlRow] = []
        for file, text in _files(name):
            rows += read_rows(file, text, mistakes)
        if not rows and not mistakes:
            raise RuleError(f"{name}: holds no rules: write rows such as [[line]] into a .toml file there, or do not name it")
        if name not in pack_names():  # included packs are checked by our tests: 0.2 s per process
            for row in rows:
                mistakes += [(row.where(field), what) for field, what in faults(row.rule, told=row.told) if field not in row.told]
        twice = [i for i, n in Counter(row.rule.id for row in rows).items() if n > 1 and i]
        for same in twice:
            wheres = " and ".join(row.where() for row in rows if row.rule.id == same)
            mistakes.append((name, f"rule id {same!r} is used twice, in {wheres}: give each row an id of its own"))
        refuse(mistakes)
        rules = [row.rule for row in rows]
        known |= set(pack.by_id) if pack.rules or name in pack_names() else _shipped()
        pack = pack.including(rules)
        if name not in pack_names():
            refuse(list(effect_faults(rows, pack, known)))
    for unwanted in without:
        if unwanted not in pack.by_id:
            raise unknown("rule", unwanted, pack.by_id)
    pack = pack.without(without) if without else pack
    if not all(phrase.strip() for phrase in keep):
        raise RuleError("an empty phrase would keep every line: name what is to stay")
    return pack.including([Rule("keep.phrases", "keep", "", words=keep)]) if keep else pack


def _shipped() -> set[str]:
    """Return the ids of all rules included in cleantext."""
    return {row.rule.id for name in pack_names() for file, text in _files(name) for row in read_rows(file, text, [])}


def _paths(name: str) -> list[Path]:
    path = Path(name)
    if (path.suffix != ".toml" and not path.is_dir()) or not path.exists():
        raise RuleError(f"{name}: no such rule pack; name a .toml file, a folder of them, or one of {', '.join(pack_names())}")
    return sorted(path.glob("*.toml")) if path.is_dir() else [path]


def _state(name: str) -> tuple[tuple[str, int, int], ...]:
    """Return what distinguishes two versions of a user's pack."""
    return tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in _paths(name))


def _files(name: str) -> list[tuple[str, str]]:
    if name not in pack_names():
        return [(str(p), text_of(p.read_bytes(), source=str(p), refuse=RuleError)) for p in _paths(name)]
    folder = resources.files("cleantext.chrome.packs") / name
    return sorted((f"{name}/{f.name}", f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".toml"))


@lru_cache(maxsize=1)
def pack_names() -> tuple[str, ...]:
    """Return the names of the packs included in cleantext."""
    return tuple(sorted(f.name for f in resources.files("cleantext.chrome.packs").iterdir() if f.is_dir() and not f.name.startswith("_")))
