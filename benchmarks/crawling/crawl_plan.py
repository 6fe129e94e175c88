"""Which page of a made-up crawl is what: hosts, clusters of copies, lengths, as arrays over all pages.

Shares follow what has been counted of crawls (Fetterly et al. 2003: 29 % near-duplicates, 22 % of them all but identical; TxT360: 17 % exact; C4, RealNews: clusters
with a heavy tail, the largest of short pages); ``../shared/research/engine.md`` names the sources. The rest is a proposal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from benchmarks.crawling.source_text import Source


class Role(IntEnum):
    """What a page is to others."""

    ORIGINAL, EXACT, NEAR, FAR, PASSAGE, NEGATIVE = range(6)


@dataclass(frozen=True)
class Shares:
    """Shares of all pages (`passage`, `negative`: of those that are no copies)."""

    exact: float = 0.22  # the same text but for width, script, line ends
    near: float = 0.15  # edits that leave a similarity of about .7 to 1
    far: float = 0.08  # about .4 to .7
    passage: float = 0.15  # has a passage of another page
    negative: float = 0.02  # looks like another page and is none: forms, sequels, tables
    hot: tuple[float, ...] = (0.02, 0.01, 0.005)  # clusters of short pages
    mojibake: float = 0.03
    slips: float = 0.003  # question marks and pinyin injected, as seed 000


PRESETS = {
    "web": Shares(),
    "news": Shares(exact=0.25, near=0.2, far=0.05),
    "snapshots": Shares(exact=0.5, near=0.15, far=0.05),  # two crawls of the same hosts
    "undamaged": Shares(mojibake=0, slips=0),
    "unique": Shares(exact=0, near=0, far=0, passage=0, negative=0, hot=(), mojibake=0, slips=0),
}
ZIPF, MOST_OF_HOST, TAIL = 1.2, 0.05, 2.2
LETTERS, SPREAD, SHORTEST, LONGEST_PAGE = 1100, 0.8, 120, 12_000


@dataclass(frozen=True)
class CrawlPlan:
    """Arrays with one row a page."""

    host: np.ndarray
    role: np.ndarray
    cluster: np.ndarray  # -1: no copies
    origin: np.ndarray  # the page that it is a copy of, or takes a passage of; itself otherwise
    script: np.ndarray  # 0 Simplified, 1 Traditional, of the page that the text was taken for
    start: np.ndarray  # places in the source of its script
    end: np.ndarray
    traditional: np.ndarray  # of hosts: whether they write Traditional


def host_weights(hosts: int) -> np.ndarray:
    """Return shares of hosts by Zipf's law, flattened at the head until the largest has `MOST_OF_HOST`, or what is possible."""
    rank, q = np.arange(1, hosts + 1), 0.0
    limit = max(MOST_OF_HOST, 1.5 / hosts)
    while True:
        weights = (rank + q) ** -ZIPF
        weights /= weights.sum()
        if weights[0] <= limit:
            return weights
        q = q * 1.2 + 1


def cluster_sizes(n: int, copies: int, hot: tuple[float, ...], rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return sizes of clusters with so many copies in all, the hot ones first, and how many of these there are."""
    large = np.array([round(n * share) for share in hot if round(n * share) >= 5], np.int64)
    large = large[np.cumsum(large) < copies / 2]
    left, most = copies - int((large - 1).sum()), max(2, int(0.002 * n))
    chance, least = rng.random(max(left, 1)), 2
    while True:
        drawn = np.minimum(least * (1 - chance) ** (-1 / (TAIL - 1)), max(least, most)).astype(np.int64)
        cut = int(np.searchsorted(np.cumsum(drawn - 1), left))
        sizes = np.concatenate([large, drawn[:cut]])
        if sizes.sum() <= 0.97 * n:
            return sizes, len(large)
        least += 1  # so many copies do not fit into pairs


def plan_crawl(n: int, seed: int, sources: dict[str, Source], shares: Shares) -> CrawlPlan:
    """Plan a crawl of ``n`` pages."""
    rng = np.random.default_rng([seed, 1])
    hosts = int(np.clip(n // 50, 12, 5000))
    host = rng.choice(hosts, n, p=host_weights(hosts))
    role, cluster, origin = np.zeros(n, np.int8), np.full(n, -1), np.arange(n)
    copies = round((shares.exact + shares.near + shares.far) * n)
    sizes, hot = cluster_sizes(n, copies, shares.hot, rng) if copies else (np.empty(0, np.int64), 0)
    order = rng.permutation(n)
    members = order[: sizes.sum()]
    cluster[members] = np.repeat(np.arange(len(sizes)), sizes)
    first = np.repeat(members[np.cumsum(sizes) - sizes], sizes)
    origin[members] = first
    copied = members[members != first]
    kinds = np.array([shares.exact, shares.near, shares.far])
    if len(copied):
        role[copied] = rng.choice([Role.EXACT, Role.NEAR, Role.FAR], len(copied), p=kinds / kinds.sum())
    short = np.isin(cluster, np.arange(hot))
    role[short & (role == Role.FAR)] = Role.NEAR
    alone = order[sizes.sum() :]
    rest = (n - len(copied)) / max(1, len(alone))  # shares are of all that are no copies, but those with copies neither borrow nor mislead
    borrows = rng.random(len(alone)) < min(0.9, rest * (shares.passage + shares.negative))
    lends = np.concatenate([alone[~borrows], np.unique(first[~np.isin(cluster[members], np.arange(hot))])])
    if borrows.any() and len(lends):
        kind = [Role.PASSAGE, Role.NEGATIVE]
        odds = np.array([shares.passage, shares.negative])
        role[alone[borrows]] = rng.choice(kind, int(borrows.sum()), p=odds / odds.sum())
        origin[alone[borrows]] = rng.choice(lends, int(borrows.sum()))
    letters = np.clip(rng.lognormal(np.log(LETTERS) - SPREAD**2 / 2, SPREAD, n), SHORTEST, LONGEST_PAGE).astype(np.int64)
    letters[short] = rng.integers(100, 400, int(short.sum()))
    traditional = rng.permutation(np.arange(hosts) >= 0.8 * hosts)
    script = traditional[host].astype(np.int8)
    start, end = np.zeros(n, np.int64), np.zeros(n, np.int64)
    own = origin == np.arange(n)
    own |= np.isin(role, [Role.PASSAGE, Role.NEGATIVE])
    for code, source in enumerate(sources.values()):
        rows = np.flatnonzero(own & (script == code))
        bounds = source.begin(np.append(0, np.cumsum(letters[rows])))
        start[rows], end[rows] = bounds[:-1], bounds[1:]
    of = origin[~own]
    start[~own], end[~own], script[~own] = start[of], end[of], script[of]
    return CrawlPlan(host, role, cluster, origin, script, start, end, traditional)


def scaled(shares: Shares, **changes: float) -> Shares:
    """Return shares with some changed."""
    return replace(shares, **changes)
