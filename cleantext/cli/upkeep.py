"""Commands around a corpus: learn the lines that repeat on hosts, and check the installation."""

from __future__ import annotations

import sys
from pathlib import Path

import click

__all__ = ["doctor", "learn"]


@click.command()
@click.argument("src", nargs=-1, required=True)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The profile, as TOML.")
@click.option("--host", help="All pages are of this host. Otherwise folders must be named after hosts.")
def learn(src: tuple[str, ...], out: Path, host: str | None) -> None:
    """Learn the lines that repeat within a host, as a profile to read, edit and share.

    Lines that repeat across hosts are only proposed as rules, on stdout.
    """
    from cleantext.run.learn import learn_files, nothing_learned

    profile = learn_files(src, host=host, out=out)
    profile.save(out)
    for proposal in profile.proposals:
        click.echo(f"{proposal.key}\t{len(proposal.hosts)} hosts, {proposal.pages} pages\t{' | '.join(proposal.examples)}")
    click.echo(f"{sum(map(len, profile.hosts.values())):,} lines of {len(profile.hosts):,} hosts written to {out}", err=True)
    if not profile.hosts:
        click.echo(f"note: {nothing_learned(src, host)}", err=True)


@click.command()
def doctor() -> None:
    """Check the installation: versions, packages that clash, the kernel cache."""
    from cleantext.run.doctor import checks

    sound = True
    for name, good, text in checks():
        sound &= good
        click.echo(f"{'ok  ' if good else 'BAD '} {name}: {text}")
    sys.exit(0 if sound else 2)
