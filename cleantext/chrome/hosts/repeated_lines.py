"""Learn which lines repeat on the pages of each host: two passes over the pages, in bounded memory.

The first pass counts 64-bit hashes of folded lines. The second looks at the repeated ones: on how many distinct
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

__all__ = ["learn"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

LEAST = 3  # minimum pages of a line
PAGES = 2_000  # pages of one host that are read: more add nothing new
LINES = 200_000  # hashes kept for one host, and
ALL_LINES = 4_000_000  # for all hosts: lines seen once are dropped first, so counts are never too high
BATCH = 64
SIGN = 12  # minimum length of a line that may identify a page
SIGNS = 5  # the longest lines outside any frame, by which a repeated page is recognized
PLACES = 64  # positions kept for a line
OFTEN = 5  # a line on this many pages, and on half of them, is frame at any position
SIGNATURE = 3  # lines before a date that may be the signature of an office
LABEL = 8  # characters before the colon of a label


def learn(pages: Iterable[Page], *, host: str | None = None, packs: Sequence[str] = ("zh-web-rules",)) -> HostProfile:
    r"""Learn which lines repeat on the pages of each host.

    ``pages`` is iterated twice: pass a list, or an object that opens its pages again. ``host`` is the host of all pages;
    without it each has its own (`cleantext.chrome.hosts.profiles.host_of`), and pages without a host are skipped. Raise `ConfigError`
    for an iterator, and if no page has a host.

    >>> texts = [f"今日清河\n第{n}天的早上，{'雨' * n}停了，孩子们跑过堤坝。\n白塔网出品" for n in range(1, 8)]
    >>> profile = learn([Page(text) for text in texts], host="news.example.cn")
    >>> [(line.key, line.pages, line.zone) for line in profile.hosts["news.example.cn"].values()]
    [('今日清河', 7, 'head'), ('白塔网出品', 7, 'tail')]
    """
    if iter(pages) is pages:
        raise ConfigError("learn goes through the pages twice: give a list, not an iterator")
    pack = load_pack(*packs)
    hosts = _count(pages, host)
    if not hosts and host is None:
        raise ConfigError("no page says of which host it is: name the host, or put pages into folders named as their hosts")
    for name, batch in _batches(pages, host):
        if hosts[name].pages.any():
            hosts[name].look(batch, pack)
    found = {name: lines for name, seen in sorted(hosts.items()) if (lines := seen.lines())}
    profile = {name: MappingProxyType({line.key: line for line in lines}) for name, lines in found.items()}
    return HostProfile(profile, {name: hosts[name].distinct for name in profile}, tuple(_proposals(hosts, found)))


def _batches(pages: Iterable[Page], host: str | None) -> Iterator[tuple[str, list[str]]]:
    """Yield hosts and the texts of their pages, the first `PAGES` of each."""
    waiting: dict[str, list[str]] = defaultdict(list)
    seen: Counter[str] = Counter()
    held = 0
    for page in pages:
        name = host or host_of(page)
        seen[name] += 1
        if not name or seen[name] > PAGES:
            continue
        waiting[name].append(page.text)
        held += 1
        if len(waiting[name]) == BATCH:
            yield name, waiting.pop(name)
            held -= BATCH
        elif held >= 64 * BATCH:  # many hosts with few pages each
            yield from waiting.items()
            waiting, held = defaultdict(list), 0
    yield from waiting.items()


def _count(pages: Iterable[Page], host: str | None) -> dict[str, _Host]:
    """Count for each line on how many pages of its host it is."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    numbers: Counter[str] = Counter()
    held = 0
    for name, texts in _batches(pages, host):
        known = counts[name]
        held -= len(known)
        _, hashes, sizes, ends = _folded(texts)
        for first, last in pairwise(ends):
            known.update(set(hashes[first:last][sizes[first:last] > 0].tolist()))
        if len(known) > LINES:
            counts[name] = known = _without_once(known)
        held += len(known)
        numbers[name] += len(texts)
        if held > ALL_LINES:
            counts = defaultdict(Counter, {n: _without_once(c) for n, c in counts.items()})
            held = sum(map(len, counts.values()))
    return {name: _Host.of(counts[name], total) for name, total in numbers.items()}


def _without_once(counts: Counter[int]) -> Counter[int]:
    return Counter({h: n for h, n in counts.items() if n > 1})


def _folded(texts: Sequence[str]) -> tuple[Rows, I64, I32, list[int]]:
    """Return the folded lines of texts, hashes and lengths of their keys (0 for a blank line), and the bounds of the lines of each text."""
    rows = Rows.split(view_points(code_points("\n".join(texts))))
    return rows, *key_hashes(rows), list(accumulate((text.count("\n") + 1 for text in texts), initial=0))


@dataclass(slots=True)
class _Seen:
    """Statistics of one line from the second pass."""

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
    def of(cls, counts: Mapping[int, int], total: int) -> _Host:
        """Return a host with ``total`` pages, given the number of pages of each line."""
        often = np.array([*sorted((h, n) for h, n in counts.items() if n >= LEAST), (2**63 - 1, 0)], np.int64)
        return cls(often[:, 0].copy(), often[:, 1].copy(), total)

    def look(self, texts: Sequence[str], pack: Pack) -> None:
        """Run the second pass over pages, with one call of each kernel for all of them."""
        if not pack.of_kind["repeated"]:
            return
        rule, cache = pack.of_kind["repeated"][0], LineCache.of(pack)
        rows, hashes, sizes, bounds = _folded(texts)
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
        if label in self.labels or len(self.labels) < LINES // 20:
            lines = self.labels.setdefault(label, Counter())
            if text.strip() in lines or len(lines) < PLACES:
                lines[text.strip()] += 1

    def _is_repost(self, own: I64, rows: Rows, hashes: I64, sizes: I32) -> bool:
        """Return whether most of the longest ``own`` lines of a page belong to one earlier page."""
        _, firsts = np.unique(hashes[own], return_index=True)
        own = own[firsts]  # distinct
        least = np.sort(sizes[own])[-SIGNS:][:1]
        longest = sorted((-int(sizes[n]), line_key(rows.line(n)), int(hashes[n])) for n in own[sizes[own] >= least].tolist())
        signs = [sign for _, _, sign in longest[:SIGNS]]
        if not signs:
            return True  # no lines of its own: an empty page, or one without anything new
        shared = Counter(self.known_by[s] for s in signs if s in self.known_by)
        repost = 2 * max(shared.values(), default=0) > len(signs)
        if not repost:
            self.known_by |= dict.fromkeys(signs, self.distinct)
        return repost

    def lines(self) -> list[HostLine]:
        """Return the lines that are the frame of the host."""
        found = (_judged(key, line, self.distinct) for key, line in self.seen.items())
        return sorted((line for line in found if line), key=lambda r: (-r.pages, r.first, r.line))


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


def _proposals(hosts: Mapping[str, _Host], found: Mapping[str, Sequence[HostLine]]) -> Iterator[Proposal]:
    """Yield lines of several hosts, and labels before varying values, that no rule matches: candidates for new rules."""
    where: dict[str, list[str]] = defaultdict(list)
    for name, lines in found.items():
        for line in lines:
            if not hosts[name].seen[line.key].matched:
                where[line.key].append(name)
    shared = [Proposal(key, tuple(names), *_evidence(hosts, key, names)) for key, names in where.items() if len(names) > 1]
    before: dict[str, list[str]] = defaultdict(list)
    for name, host in hosts.items():
        for label, begins in host.labels.items():
            if len(begins) > 1 and begins.total() >= max(LEAST, 0.3 * host.distinct):
                before[label].append(name)
    for label, names in before.items():
        begun = sum((hosts[name].labels[label] for name in names), Counter[str]())
        shared.append(Proposal(label, tuple(names), begun.total(), tuple(text for text, _ in begun.most_common(3))))
    yield from sorted(shared, key=lambda p: (-len(p.hosts), -p.pages, p.key))


def _evidence(hosts: Mapping[str, _Host], key: str, names: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    seen = [hosts[name].seen[key] for name in names]
    return sum(line.pages for line in seen), tuple(dict.fromkeys(line.example for line in seen))[:3]


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
