"""Which fields of a row have an effect, by its kind: a field without effect is a mistake, and is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cleantext.errors import unknown

if TYPE_CHECKING:
    from cleantext.chrome.rules.pack import Pack
    from cleantext.chrome.rules.toml_rows import TomlRow

__all__ = ["FIELDS", "KINDS", "effect_faults", "field_faults", "type_fault"]

KINDS = ("line", "span", "words", "label", "block", "echo", "enclosed", "repeated", "learned", "keep")
LISTS = ("zones", "anchors", "words", "hit", "miss")
NUMBERS = ("least", "most", "longest")
SWITCHES = ("common", "disabled")
TEXTS = ("id", "category", "strength", "why", "match", "first", "value", "separators", "unless", "row", "salvage")
FIELDS = frozenset((*LISTS, *NUMBERS, *SWITCHES, *TEXTS))

COMMON = {"id", "category", "strength", "why", "hit", "miss", "disabled"}
USED = {
    "line": {"match", "anchors", "first", "unless", "longest", "salvage", "zones"},
    "span": {"match", "anchors", "unless", "longest", "salvage"},
    "words": {"words", "common", "zones"},
    "label": {"words", "value", "separators", "salvage", "zones"},
    "block": {"match", "anchors", "row", "unless", "least", "most", "longest", "zones"},
    "echo": {"match", "unless", "longest", "salvage", "zones"},
    "enclosed": {"match", "unless", "least", "most", "longest", "zones"},
    "repeated": {"match", "unless", "longest", "zones"},
    "learned": {"match", "unless", "longest", "zones"},
    "keep": {"match", "words", "unless"},
}
SWITCH = {"id", "disabled", "why"}  # of a row that disables another one
ANYWHERE = {"line", "words", "label"}  # kinds in which strength A needs no zone


def type_fault(name: str, value: Any) -> str:
    """Return what is wrong with the type of a field's value; empty if it is right."""
    if name in LISTS:
        good = isinstance(value, list) and all(isinstance(v, str) and v for v in value)
        return "" if good else f'`{name}` is a list of strings, none of them empty: write {name} = ["..."], not {_shown(value)}'
    if name in NUMBERS:
        return "" if type(value) is int else f"`{name}` is a whole number: write {name} = 5, not {_shown(value)}"
    if name in SWITCHES:
        return "" if isinstance(value, bool) else f"`{name}` is true or false: write {name} = true, not {_shown(value)}"
    return "" if isinstance(value, str) else f'`{name}` is one string: write {name} = "...", not {_shown(value)}'


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def field_faults(kind: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a row, as written in a file, that have no effect there, and why."""
    if row.get("disabled"):
        for name in sorted(set(row) - SWITCH):
            yield name, f"a disabled row switches the rule of its id off, `{name}` does nothing: give `id` and `disabled` alone"
        return
    for name in sorted(set(row) - COMMON - USED[kind]):
        kinds = [f"[[{other}]]" for other, used in USED.items() if name in used]
        yield name, f"`{name}` does nothing in [[{kind}]]: drop it, or write one of {', '.join(kinds)}"
    if kind in ANYWHERE and row.get("strength") == "A" and "zones" in row:
        yield "zones", 'strength "A" acts anywhere, `zones` does nothing: drop it, or give strength "B"'


def effect_faults(rows: Iterable[TomlRow], pack: Pack, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield rows of a user that change nothing in the ``pack`` to which they were added: the location of each, and why.

    ``known`` are the ids that existed before.
    """
    ids, held = set(known), list(rows)
    owners = {rule.id for rule in pack.vocabulary.values()} if any(row.rule.kind == "words" for row in held) else set()
    for row in held:
        rule = row.rule
        if rule.disabled and rule.id not in ids:
            yield row.where("id"), f"switches nothing off: {unknown('rule', rule.id, sorted(ids))}"
        if rule.kind == "words" and not rule.disabled and rule.id in pack.by_id and rule.id not in owners:
            from cleantext.fold import view

            stronger = sorted({pack.vocabulary[view(word)].id for word in rule.words})
            if not ids.intersection(stronger):
                continue  # of rows in one pack only the first is reported: the others may be meant for other packs
            told = f"all its words belong to {', '.join(stronger)} already, which is as strong: drop the row, or raise its strength"
            yield row.where("words"), told
