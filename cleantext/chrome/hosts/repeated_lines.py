"""Learn which lines repeat on the pages of each host: the lines of each host are counted, then the repeated ones are looked at.

Counted are 64-bit hashes of folded lines. Of the repeated lines it is noted on how many distinct
pages they are, in which zone and position. A page that repeats an earlier one does not count again, since reposts would
make sentences look like the frame of the host.

The rule (for n distinct pages of the host; a line counts once per page):

* seen on >= max(3, 0.3 n) pages, or on >= max(3, 0.02 n) and outside the text on 80 % of them;
* longer than 80 characters, or with a full stop: on >= max(5, half of n), outside the text, in one position (quantiles at most 0.25 apart);
* mostly inside the text: only if a rule matches it as well;
* never: lines before a date after the text, such as the name of the office that signs; protected lines; cells of tables; bare numbers.

It acts anywhere if seen on at least max(5, half of n) pages, otherwise before and after the text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import code_points
from cleantext.chrome.hosts.line_keys import key_hashes, line_key
from cleantext.chrome.hosts.profiles import HostLine, HostProfile, Proposal, host_of
from cleantext.chrome.lines.columns import BODY, COUNT, GAIN, HEAD, LOSS, PLACED, SHIELDED, SIGNED, STRONGEST, SUMMARY, ZONE_NAMES
from cleantext.chrome.lines.findings import LineCache
from cleantext.chrome.lines.zones import place
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import Pack, Rule
from cleantext.errors import ConfigError
from cleantext.fold import view_points
from cleantext.transform import Page

__all__ = ["Repeated", "learn", "profile_of", "repeated_lines"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

LEAST = 3  # minimum pages of a line
PAGES = 2_000  # pages of one host that are read: more add nothing new
BATCH = 64  # pages per call of a kernel
HELD = 1 << 23  # maximum characters of a host whose folded lines are kept between counting and looking; those of more are folded again
LABELS = 10_000  # maximum labels of one host
SIGN = 12  # minimum length of a line that may identify a page
SIGNS = 5  # the longest lines outside any frame, by which a repeated page is recognized
PLACES = 64  # positions kept for a line
OFTEN = 5  # a line on this many pages, and on half of them, is frame at any position
SIGNATURE = 3  # lines before a date that may be the signature of an office
LABEL = 8  # characters before the colon of a label


def learn(pages: Iterable[Page], *, host: str | None = None, packs: Sequence[str] = ("zh-web-rules",)) -> HostProfile:
    r"""Learn which lines repeat on the pages of each host.

    ``host`` is the host of all pages; without it each has its own (`cleantext.chrome.hosts.profiles.host_of`), and pages without a host
    are skipped. The first `PAGES` pages of a host are kept in memory and looked at; `cleantext.run.learn.learn_files` needs less memory. Raise
    `ConfigError` if no page has a host.

    >>> texts = [f"今日清河\n第{n}天的早上，{'雨' * n}停了，孩子们跑过堤坝。\n白塔网出品" for n in range(1, 8)]
    >>> profile = learn([Page(text) for text in texts], host="news.example.cn")
    >>> [(line.key, line.pages, line.zone) for line in profile.hosts["news.example.cn"].values()]
    [('今日清河', 7, 'head'), ('白塔网出品', 7, 'tail')]
    """
    texts: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        name = host or host_of(page)
        if name and len(texts[name]) < PAGES:
            texts[name].append(page.text)
    if not texts and host is None:
        raise ConfigError("no page says of which host it is: name the host, or put pages into folders named as their hosts")
    return profile_of({name: repeated_lines(held, packs) for name, held in texts.items()})


class Repeated(NamedTuple):
    """What was learned of one host."""

    lines: tuple[HostLine, ...]  # the frame of the host
    distinct: int  # number of its pages that repeat no earlier one
    unmatched: Mapping[str, tuple[int, str]]  # keys of lines that no rule matches: number of pages, and an example
    labels: Mapping[str, Mapping[str, int]]  # labels before varying values: lines that begin with them, and their numbers


def repeated_lines(texts: Sequence[str], packs: Sequence[str] = ("zh-web-rules",)) -> Repeated:
    """Learn from the pages of one host."""
    pack = load_pack(*packs)
    batches = [texts[n : n + BATCH] for n in range(0, len(texts), BATCH)]
    folded = [_folded(batch) for batch in batches] if sum(map(len, texts)) <= HELD else None
    seen = _Host.of(_page_counts(folded or map(_folded, batches)), len(texts))
    if seen.pages.any() and pack.of_kind["repeated"]:
        for batch, lines in zip(batches, folded or map(_folded, batches), strict=True):
            seen.look(batch, lines, pack)
    return seen.learned()


def profile_of(hosts: Mapping[str, Repeated]) -> HostProfile:
    """Return the profile of hosts, with the lines and labels that several of them share as proposals."""
    found = {name: hosts[name] for name in sorted(hosts) if hosts[name].lines}
    profile = {name: MappingProxyType({line.key: line for line in one.lines}) for name, one in found.items()}
    return HostProfile(profile, {name: one.distinct for name, one in found.items()}, tuple(_proposals(hosts)))


def _page_counts(batches: Iterable[_Folded]) -> tuple[I64, I64]:
    """Return the hashes of the lines of batches of pages, sorted, and on how many pages each is."""
    found = [np.empty(0, np.int64)]
    for batch in batches:
        page = np.repeat(np.arange(len(batch.bounds) - 1), np.diff(batch.bounds))
        solid = np.flatnonzero(batch.sizes)
        order = solid[np.lexsort((page[solid], batch.hashes[solid]))]
        hashes, pages = batch.hashes[order], page[order]
        first = np.append(True, (np.diff(hashes) != 0) | (np.diff(pages) != 0))[: len(order)]
        found.append(hashes[first])  # each line of a page once
    hashes, counts = np.unique(np.concatenate(found), return_counts=True)
    return hashes, counts.astype(np.int64)


class _Folded(NamedTuple):
    """The folded lines of some pages."""

    rows: Rows
    hashes: I64  # of the keys of lines
    sizes: I32  # lengths of the keys, 0 for a blank line
    bounds: I64  # the lines of page ``n`` are bounds[n]:bounds[n + 1]


def _folded(texts: Sequence[str]) -> _Folded:
    rows = Rows.split(view_points(code_points("\n".join(texts))))
    bounds = np.array([0, *accumulate(text.count("\n") + 1 for text in texts)], np.int64)
    return _Folded(rows, *key_hashes(rows), bounds)


@dataclass(slots=True)
class _Seen:
    """Statistics of one repeated line."""

    example: str
    pages: int = 0
    last: int = 0  # number of the page on which it was last seen: it counts once per page
    zones: Counter[str] = field(default_factory=Counter)
    signing: int = 0  # how often a date followed it
    matched: int = 0  # how often a rule matched it
    places: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Host:
    """One host while it is being learned."""

    wanted: I64  # hashes of the repeated lines, sorted, the largest number last,
    pages: I64  # and the number of pages of each
    total: int
    distinct: int = 0
    seen: dict[str, _Seen] = field(default_factory=dict)
    labels: dict[str, Counter[str]] = field(default_factory=dict)  # label, and the lines that begin with it
    known_by: dict[int, int] = field(default_factory=dict)  # line outside any frame, and the page that it belongs to

    @classmethod
    def of(cls, counts: tuple[I64, I64], total: int) -> _Host:
        """Return a host with ``total`` pages, given the hashes of lines and the number of pages of each."""
        hashes, pages = counts
        often = pages >= LEAST
        return cls(np.append(hashes[often], 2**63 - 1), np.append(pages[often], 0), total)

    def look(self, texts: Sequence[str], folded: _Folded, pack: Pack) -> None:
        """Note the repeated lines of pages, with one call of each kernel for all of them."""
        rule, cache = pack.of_kind["repeated"][0], LineCache.of(pack)
        rows, hashes, sizes, bounds = folded
        lines = "\n".join(texts).split("\n")
        known = cache.look(rows)
        solid = np.flatnonzero(sizes)
        ends = np.searchsorted(solid, bounds)
        at = np.minimum(np.searchsorted(self.wanted, hashes), len(self.wanted) - 1)
        often = np.where(self.wanted[at] == hashes, self.pages[at], 0)  # number of pages of each line
        zone = _zones(known, cache, often >= max(OFTEN, self.total / 2), solid, ends)
        shield = np.where(known & SHIELDED, 1, np.where(known & SIGNED, 2, 0))
        quiet = cache.summary_rows[known >> SUMMARY, COUNT] == 0
        for first, last in pairwise(ends.tolist()):
            page = solid[first:last]
            if self._is_repost(page[(sizes[page] >= SIGN) & (often[page] < max(LEAST, self.total / 2))], rows, hashes, sizes):
                continue
            self.distinct += 1
            for n in page[(often[page] > 0) | (quiet[page] & (zone[page] != BODY))].tolist():
                row, line = rows.line(n), lines[n]
                key = line_key(row)
                if quiet[n] and zone[n] != BODY and ":" in key[1 : LABEL + 1] and len(key) <= 60:
                    self._note_label(key, line)
                if often[n] and not shield[n] and _may(row, key, rule, matched=not quiet[n]):
                    place = int(np.searchsorted(page, n))
                    signing = zone[n] != HEAD and 2 in shield[page[place + 1 : place + 1 + SIGNATURE]]
                    self._note(key, line, ZONE_NAMES[int(zone[n])], place / len(page), signing=signing, matched=not quiet[n])

    def _note(self, key: str, text: str, zone: str, place: float, *, signing: bool, matched: bool) -> None:
        shown = " ".join(text.split())
        shown = shown if shown.isprintable() else key
        line = self.seen.setdefault(key, _Seen(shown))
        line.example = min(line.example, shown)  # independent of the order of the pages
        if line.last == self.distinct:
            return
        line.last = self.distinct
        line.pages += 1
        line.zones[zone] += 1
        line.signing += signing
        line.matched += matched
        if len(line.places) < PLACES:
            line.places.append(place)

    def _note_label(self, key: str, text: str) -> None:
        label = key.partition(":")[0] + ":*"
        if "0" in label:
            return
        if label in self.labels or len(self.labels) < LABELS:
            lines = self.labels.setdefault(label, Counter())
            if text.strip() in lines or len(lines) < PLACES:
                lines[text.strip()] += 1

    def _is_repost(self, own: I64, rows: Rows, hashes: I64, sizes: I32) -> bool:
        """Return whether most of the longest ``own`` lines of a page belong to one earlier page."""
        distinct: dict[int, int] = {}
        for n, key in zip(own.tolist(), hashes[own].tolist(), strict=True):
            distinct.setdefault(key, n)
        signs = sorted(distinct, key=lambda key: -int(sizes[distinct[key]]))
        if not signs:
            return True  # no lines of its own: an empty page, or one without anything new
        if len(signs) > SIGNS:
            least = sizes[distinct[signs[SIGNS - 1]]]
            if sizes[distinct[signs[SIGNS]]] == least:  # of equally long lines, the first by their characters
                signs.sort(
                    key=lambda key: (
                        -int(sizes[distinct[key]]),
                        line_key(rows.line(distinct[key])) if sizes[distinct[key]] == least else "",
                    )
                )
            del signs[SIGNS:]
        shared = Counter(self.known_by[s] for s in signs if s in self.known_by)
        repost = 2 * max(shared.values(), default=0) > len(signs)
        if not repost:
            self.known_by |= dict.fromkeys(signs, self.distinct)
        return repost

    def learned(self) -> Repeated:
        """Return the lines that are the frame of the host, and what may be proposed."""
        found = (_judged(key, line, self.distinct) for key, line in self.seen.items())
        lines = tuple(sorted((line for line in found if line), key=lambda r: (-r.pages, r.first, r.line)))
        unmatched = {
            line.key: (self.seen[line.key].pages, self.seen[line.key].example) for line in lines if not self.seen[line.key].matched
        }
        least = max(LEAST, 0.3 * self.distinct)
        labels = {label: dict(begun) for label, begun in self.labels.items() if len(begun) > 1 and begun.total() >= least}
        return Repeated(lines, self.distinct, unmatched, labels)


def _may(row: str, key: str, rule: Rule, *, matched: bool) -> bool:
    """Return whether an unprotected line can be learned at all; ``matched`` means that a rule matches it."""
    if "\t" in row.strip() or not key.isprintable() or len(key) > rule.longest:
        return False
    return matched or rule.finds(key) is not None


def _judged(key: str, line: _Seen, n: int) -> HostLine | None:
    """Apply the rule of the module's docstring."""
    if 2 * line.signing > line.pages or line.pages < LEAST:
        return None
    zone, _ = max(line.zones.items(), key=lambda item: (item[1], item[0]))
    framed = line.zones["body"] <= 0.2 * line.pages
    places = sorted(line.places)
    first, last = places[len(places) // 10], places[-1 - len(places) // 10]
    often = line.pages >= max(OFTEN, n / 2)
    if len(key) > 80 or "。" in key:
        good = often and framed and last - first <= 0.25
    elif framed:
        good = line.pages >= max(LEAST, 0.02 * n)
    else:
        good = line.pages >= max(LEAST, 0.3 * n) and 2 * line.matched > line.pages
    return HostLine(line.example, line.pages, "A" if often else "B", zone, round(first, 2), round(last, 2)) if good else None


def _proposals(hosts: Mapping[str, Repeated]) -> Iterator[Proposal]:
    """Yield lines of several hosts, and labels before varying values, that no rule matches: candidates for new rules."""
    where: dict[str, list[str]] = defaultdict(list)
    before: dict[str, list[str]] = defaultdict(list)
    for name in sorted(hosts):
        for key in hosts[name].unmatched:
            where[key].append(name)
        for label in hosts[name].labels:
            before[label].append(name)
    shared = []
    for key, names in where.items():
        if len(names) > 1:
            seen = [hosts[name].unmatched[key] for name in names]
            shared.append(Proposal(key, tuple(names), sum(n for n, _ in seen), tuple(dict.fromkeys(text for _, text in seen))[:3]))
    for label, names in before.items():
        begun = sum((Counter(hosts[name].labels[label]) for name in names), Counter[str]())
        shared.append(Proposal(label, tuple(names), begun.total(), tuple(text for text, _ in begun.most_common(3))))
    yield from sorted(shared, key=lambda p: (-len(p.hosts), -p.pages, p.key))


def _zones(known: I64, cache: LineCache, often: npt.NDArray[np.bool_], solid: I64, ends: I64) -> I32:
    """Return the zones of lines before any removal; ``solid`` are the non-blank lines, divided into pages at ``ends``.

    A sentence on half of the pages (``often``) does not extend the body of a page.
    """
    summaries = cache.summary_rows[known >> SUMMARY]
    gain = ((known & GAIN) - LOSS).astype(np.int32)
    gain[(gain > 0) & often] = -LOSS
    zone = np.zeros(len(known), np.int32)
    placed = summaries[:, PLACED] > 0
    place.sized(len(known))(summaries[:, STRONGEST].copy(), placed, gain, zone, solid.astype(np.int32), ends)
    return zone
