"""Which fields of a row act, by its kind: one that does nothing is a mistake of whoever wrote it, and is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleantext.errors import RuleError, unknown

if TYPE_CHECKING:
    from cleantext.chrome.rules import Pack, Rule

__all__ = ["check_effect", "check_fields"]

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
}
SWITCH = {"id", "disabled", "why"}  # of a row that switches another one off
ANYWHERE = {"line", "words", "label"}  # kinds whose strength A asks for no zone


def check_fields(kind: str, row: Mapping[str, Any], where: str) -> None:
    """Raise `RuleError` for a field of a row, as it stands in a file, that does nothing there."""
    if row.get("disabled"):
        idle = sorted(set(row) - SWITCH)
        if idle:
            raise RuleError(
                f"{where}: a disabled row switches the rule of its id off, `{idle[0]}` does nothing: give `id` and `disabled` alone"
            )
        return
    idle = sorted(set(row) - COMMON - USED[kind])
    if idle:
        kinds = [f"[[{other}]]" for other, used in USED.items() if idle[0] in used]
        raise RuleError(f"{where}: `{idle[0]}` does nothing in [[{kind}]]: drop it, or write one of {', '.join(kinds)}")
    if kind in ANYWHERE and row.get("strength") == "A" and "zones" in row:
        raise RuleError(f'{where}: strength "A" acts anywhere, `zones` does nothing: drop it, or give strength "B"')


def check_effect(rows: Sequence[Rule], pack: Pack, known: Iterable[str]) -> None:
    """Raise `RuleError` for a row of a user's that changes nothing in the ``pack`` that it has become a part of.

    ``known`` are the ids that were there before.
    """
    ids = set(known)
    owners = {rule.id for rule in pack.vocabulary.values()} if any(rule.kind == "words" for rule in rows) else set()
    for rule in rows:
        if rule.disabled and rule.id not in ids:
            raise RuleError(f"{rule.where}: switches nothing off: {unknown('rule', rule.id, sorted(ids))}")
        if rule.kind == "words" and not rule.disabled and rule.id in pack.by_id and rule.id not in owners:
            from cleantext.fold import view

            stronger = sorted({pack.vocabulary[view(word)].id for word in rule.words})
            if not ids.intersection(stronger):
                continue  # rows of one pack, of which the first speaks: the others may be meant for other packs
            raise RuleError(
                f"{rule.where}: all its words belong to {', '.join(stronger)} already, which is as strong: drop the row, or raise its strength"
            )
