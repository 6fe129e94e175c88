"""Host profiles: lines that repeat on the pages of one host, learned once, reviewed, shared.

A line on a third of a host's pages, at the head or the foot, belongs to the frame and not to the text. That is the cheapest strong
evidence there is, but only within a host: lines that repeat across hosts are quotations, verses and reposts as often
as chrome, so they are only proposed to people as rules (`HostProfile.proposals`) and never deleted.

A profile is one source of evidence: it raises the strength of what `cleantext.chrome.lines.decide` weighs. Protectors and the check for
over-removal act as before.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from cleantext.changes import I64
from cleantext.chrome.hosts.line_keys import key_hashes, line_key, line_keys
from cleantext.chrome.lines.columns import SUMMARY, A, B
from cleantext.chrome.lines.findings import Evidence, LineCache
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.rules.pack import Rule
from cleantext.errors import ConfigError
from cleantext.fold import view
from cleantext.toml import parsed, text_of
from cleantext.transform import Page

__all__ = ["HostLine", "HostProfile", "Proposal", "host_of", "load_profile", "support"]

VERSION = 1
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", re.IGNORECASE)
_PAGE = re.compile(r"\.(?:html?|s?html|xhtml|txt|text|php|aspx?|jsp|gz|zst|warc)$", re.IGNORECASE)
HEADER = """\
# Lines that come back on the pages of a host. Read them: delete a row, and its line stays; `strength = "B"` acts only before and
# after the text of a page, "A" inside it as well. A line stands for all that differ in width, script, case or numbers only.
# `pages` says on how many it stood, `first` and `last` where: 0.0 is the top of the page, 1.0 its end.
"""


class HostLine(NamedTuple):
    """A line that repeats on the pages of a host."""

    line: str  # as it is on one of the pages
    pages: int  # distinct pages that have it
    strength: str  # "A" acts anywhere, "B" before and after the text of a page
    zone: str  # its most common zone: "head", "tail" or "body"
    first: float  # its position on the page, as a share of the lines: the 10 % and the 90 % quantile
    last: float

    @property
    def key(self) -> str:
        """The folded line, by which it is found again."""
        return line_key(view(self.line))


class Proposal(NamedTuple):
    """A line, or a label before varying values (``责任编辑:*``), that many pages share: a rule that a person may write."""

    key: str
    hosts: tuple[str, ...]
    pages: int
    examples: tuple[str, ...]  # lines as they are on pages


@dataclass(frozen=True, eq=False)
class HostProfile:
    """The repeated lines of one or more hosts: made by `learn`, kept as TOML that a person reads and edits.

    >>> HostProfile().toml() == HostProfile({}).toml(), HostProfile().lines_of("news.example.cn")
    (True, {})
    """

    hosts: Mapping[str, Mapping[str, HostLine]] = field(default_factory=dict)  # host, key
    pages: Mapping[str, int] = field(default_factory=dict)  # number of distinct pages from which each host was learned
    proposals: tuple[Proposal, ...] = ()  # not saved: they are for people to review

    @cached_property
    def digest(self) -> str:
        """16 hex digits: a digest of the content of the profile."""
        return hashlib.sha256(self.toml().encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostProfile) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def lines_of(self, host: str) -> Mapping[str, HostLine]:
        """Return the lines of a host by their keys; empty for a host that was not learned."""
        return self.hosts.get(host, {})

    def hashes_of(self, host: str) -> I64:
        """Return the hashes of the keys of a host's lines, sorted (`cleantext.chrome.hosts.line_keys.key_hashes`)."""
        if host not in self._hashes:
            self._hashes[host] = np.sort(key_hashes(Rows.of(list(self.lines_of(host))))[0])
        return self._hashes[host]

    @cached_property
    def _hashes(self) -> dict[str, I64]:
        return {}

    def toml(self) -> str:
        """Return the profile as TOML, with one line for each learned line."""
        parts = [HEADER, f"version = {VERSION}\n"]
        for host in sorted(self.hosts):
            rows = sorted(self.hosts[host].values(), key=lambda r: (-r.pages, r.first, r.line))
            parts.append(f"\n[{_quoted(host)}]\npages = {self.pages.get(host, 0)}\nlines = [\n")
            parts += [
                f'  {{ pages = {r.pages}, strength = "{r.strength}", zone = "{r.zone}", first = {r.first:.2f}, last = {r.last:.2f}, '
                f"line = {_quoted(r.line)} }},\n"
                for r in rows
            ]
            parts.append("]\n")
        return "".join(parts)

    def save(self, path: str | Path) -> None:
        """Write the profile as TOML, completely or not at all."""
        target = Path(path)
        temporary = target.with_name(f".{target.name}.part")
        temporary.unlink(missing_ok=True)  # a link of this name would be followed
        with temporary.open("x", encoding="utf-8") as file:
            file.write(self.toml())
        temporary.replace(target)

    @classmethod
    def load(cls, path: str | Path) -> HostProfile:
        """Read a profile; raise `ConfigError` for an invalid one, naming file, host and row."""
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}: name a profile that `cleantext learn` wrote") from error
        return cls.parse(text_of(raw, source=str(path), refuse=ConfigError), str(path))

    @classmethod
    def parse(cls, text: str, path: str) -> HostProfile:
        """Parse a profile from TOML with the path ``path``; raise `ConfigError` like `load`."""
        data = parsed(text, source=path, refuse=ConfigError)
        if data.pop("version", None) != VERSION:
            raise ConfigError(f"{path}: not a host profile of version {VERSION}: write one with `cleantext learn`")
        hosts: dict[str, Mapping[str, HostLine]] = {}
        pages: dict[str, int] = {}
        for host, held in data.items():
            rows = held.get("lines") if isinstance(held, dict) else None
            if not isinstance(rows, list):
                raise ConfigError(f"{path}, [{host}]: give `lines`, a list of rows")
            lines = [_row(f"{path}, [{host}], row {n}", row) for n, row in enumerate(rows, 1)]
            hosts[host] = MappingProxyType({line.key: line for line in lines})
            pages[host] = int(held.get("pages", 0))
        return cls(hosts, pages)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, ({h: dict(rows) for h, rows in self.hosts.items()}, dict(self.pages), self.proposals)


def _rebuilt(hosts: Mapping[str, Mapping[str, HostLine]], pages: Mapping[str, int], proposals: tuple[Proposal, ...]) -> HostProfile:
    return HostProfile(hosts, pages, proposals)


def _quoted(text: str) -> str:
    """Return a TOML string; a JSON string is valid TOML if everything in it is printable, which keys are."""
    return json.dumps(text, ensure_ascii=False)


def _row(where: str, row: Any) -> HostLine:
    known = {"line": "", "pages": 0, "strength": "B", "zone": "tail", "first": 0.0, "last": 1.0}
    if not isinstance(row, dict) or not isinstance(row.get("line"), str) or not row["line"].strip():
        raise ConfigError(f"{where}: give `line`, as it stands on pages of the host")
    strange = set(row) - set(known)
    if strange:
        raise ConfigError(f"{where}: no field {min(strange)!r}; known: {', '.join(known)}")
    line = HostLine(**{**known, **row})
    if line.strength not in ("A", "B"):
        raise ConfigError(f'{where}: strength {line.strength!r}: use "A" (anywhere) or "B" (before and after the text)')
    return line


def load_profile(path: str) -> HostProfile:
    """Load a profile; it is cached until its file changes."""
    try:
        state = os.stat(path)  # noqa: PTH116 - half the time of Path, and asked for each batch
    except OSError:
        return HostProfile.load(path)  # raises with the cause
    return _loaded(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _loaded(path: str, changed: int, size: int) -> HostProfile:  # noqa: ARG001 (the key of the cache)
    return HostProfile.load(path)


def host_of(page: Page) -> str:
    """Return the host of a page: the stated one, that of its address, or the name of the folder that it was read from.

    >>> host_of(Page("", url="https://News.example.cn/a.html")), host_of(Page("", id="crawl/www.example.cn/a/b.html")), host_of(Page(""))
    ('news.example.cn', 'www.example.cn', '')
    """
    if page.host:
        return page.host.lower()
    if page.url and "[" not in page.url and (host := urlsplit(page.url).hostname):
        return host
    folders = page.id.split("/")[:-1]
    return next((f.lower() for f in folders if _HOST.fullmatch(f) and not _PAGE.search(f)), "")


def support(known: I64, rows: Rows, hashes: I64, profile: HostProfile, host: str, rule: Rule, cache: LineCache) -> None:
    """Add the evidence of a host's profile to the facts ``known`` of the folded lines of one of its pages; ``hashes`` are those of their keys.

    A rule that already matches the line is raised to the strength of the profile, since it knows what to salvage;
    if none does, ``rule`` is the evidence. Protected lines (numbered headings, attachments, dates of signatures) get no evidence.
    """
    lines, wanted, lengths = profile.lines_of(host), profile.hashes_of(host), rows.ends - rows.starts
    at = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    short = np.flatnonzero((wanted[at] == hashes) & (lengths > 0) & (lengths <= rule.longest))
    folded = rows.take(short).lines()
    for n, row, key in zip(short.tolist(), folded, line_keys(folded), strict=True):
        if (line := lines.get(key)) is None or "\t" in row.strip():
            continue
        findings = cache.findings(row, int(known[n]))
        if findings.shield or (not findings.evidence and not rule.finds(key)):
            continue
        power = A if line.strength == "A" else B
        note = f"on {line.pages} pages of the host"
        says = Evidence(rule, power, 0, len(row), note=note)
        best, *others = findings.evidence or (says,)
        if best is not says:
            best, others = best._replace(power=max(best.power, power), note=note), [says, *others]
        summary = cache.summary((row, power, note), findings._replace(evidence=(best, *others)))
        known[n] = known[n] & ((1 << SUMMARY) - 1) | summary << SUMMARY
