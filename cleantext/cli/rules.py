"""`cleantext rules`: list rules, show a rule with its samples, check a pack, show where a rule fired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["rules"]

SHOWN = ("category", "strength", "zones", "value", "match", "row", "unless", "anchors", "words", "salvage", "why", "hit", "miss")


@click.group("rules")
def rules() -> None:
    """Show the chrome rules, and check your own."""


@rules.command("list")
@click.argument("packs", nargs=-1)
def rules_list(packs: tuple[str, ...]) -> None:
    """List the rules of PACKS (names or files; zh-web-rules by default), one per line."""
    for rule in _pack(packs).rules:
        click.echo(f"{rule.id:32} {rule.category} {rule.kind:6} {rule.strength}  {(rule.hit or rule.words)[0].splitlines()[0][:60]}")


@rules.command("show")
@click.argument("rule_id")
@click.argument("packs", nargs=-1)
@click.option("--toml", is_flag=True, help="Print the rule as TOML, to copy and change it in a pack of your own.")
def rules_show(rule_id: str, packs: tuple[str, ...], *, toml: bool) -> None:
    """Show one rule with its samples, or the meaning of a rule id found in edits."""
    from cleantext.errors import unknown
    from cleantext.pipeline import Pipeline

    pack = _pack(packs)
    if rule_id not in pack.by_id:
        for step in Pipeline.load("zh-web").steps:  # rules that are code: of the main text, of scripts
            if rule_id in step.rules:
                click.echo(f"{'id':9} {rule_id}\n{'step':9} {step.id}\n{'why':9} {step.rules[rule_id]}")
                return
        raise unknown("rule", rule_id, pack.by_id)
    rule = pack.by_id[rule_id]
    if toml:
        click.echo(rule.toml(), nl=False)
        return
    for name in ("id", "kind", *SHOWN, "where"):
        value = getattr(rule, name)
        if value:
            click.echo(f"{name:9} {'  '.join(value) if isinstance(value, tuple) else value}")


@rules.command("test")
@click.argument("pack", type=click.Path(path_type=Path))
def rules_test(pack: Path) -> None:
    """Check a rule pack: load every row, and test every sample. Say which samples a built-in rule matches already."""
    from cleantext.chrome.lines.findings import LineCache
    from cleantext.chrome.matching.line_memory import Rows
    from cleantext.fold import view

    held, known = _pack((str(pack),)).rules, LineCache.of(_pack(()))
    for rule in held:
        click.echo(f"ok  {rule.id}: {len(rule.hit)} hits, {len(rule.miss)} misses")
        for hit, line in ((hit, view(hit)) for hit in rule.hit if "\n" not in hit):
            found = known.findings(line, int(known.look(Rows.of([line]))[0]))
            if ids := dict.fromkeys(e.rule.id for e in (*found.evidence, *found.spans) if e.rule.id != rule.id):
                click.echo(f"    {hit!r} is matched by {', '.join(ids)}, too: a run may tell that rule instead")
    click.echo(f"{len(held)} rules, all samples as stated", err=True)


@rules.command("audit")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--rule", required=True, metavar="ID", help="The rule to look at.")
@click.option("--sample", default=20, show_default=True, help="How many firings to show.")
def rules_audit(out: Path, rule: str, sample: int) -> None:
    """Show a sample of the edits of a rule in the finished run OUT, each with the text around it."""
    from cleantext.run.finished.audit import audit

    found = audit(out, rule, sample=sample)
    for f in found.sample:
        click.echo(f"{f.page}:{f.start}\t{f.lead!r} [{f.before!r} -> {f.after!r}] {f.trail!r}")
    click.echo(f"{found.firings:,} firings on {found.pages:,} pages", err=True)


def _pack(names: tuple[str, ...]) -> Any:
    from cleantext.chrome.rules.load_packs import load_pack

    return load_pack(*(names or ("zh-web-rules",)))
