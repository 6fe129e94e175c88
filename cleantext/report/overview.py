"""An overview of the pages of a run: removed shares, hosts, and the pages worth a look."""

from __future__ import annotations

import heapq
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cleantext.transform import Page

__all__ = ["BINS", "READ", "confidence", "overview", "removed_share"]

BINS = 20  # bins of the histogram of removed shares, each 5 % wide
HOSTS = 50  # hosts listed, those with the largest losses first
HELD_HOSTS = 200_000  # hosts counted separately; beyond so many, those with the smallest losses are merged into "(other hosts)"
OTHER = "(other hosts)"
EACH = 12  # pages shown for each reason
SAMPLE = 24  # pages drawn by a hash of their ids, whatever their outcome
SHORTEST = 200  # characters; for shorter pages, a large removed share means little
CARRIED = ("id", "outcome", "chars_in", "chars_out", "encoding", "script", "flags", "title", "url")
READ = (*CARRIED, "host", "body_lost_expected", "chrome_left_expected")  # fields of a row that `overview` reads
LOST_COUNTS = 10  # weight of lost text relative to chrome left: losing a sentence is worse than keeping a menu

Row = Mapping[str, Any]


def removed_share(row: Row) -> float:
    """Return the removed share of a page's characters, 0 to 1; 0 for a page that was empty or grew.

    >>> removed_share({"chars_in": 200, "chars_out": 50})
    0.75
    """
    before, after = row.get("chars_in") or 0, row.get("chars_out") or 0
    return max(0.0, 1 - after / before) if before else 0.0


def confidence(row: Row) -> float | None:
    """Return a confidence from 0 to 1, by the expected amounts of lost text and of chrome left; None if no learned model judged the page.

    >>> confidence({"body_lost_expected": 0.01, "chrome_left_expected": 0.1})
    0.8
    """
    lost, left = row.get("body_lost_expected"), row.get("chrome_left_expected")
    return None if lost is None or left is None else round(max(0.0, 1 - LOST_COUNTS * lost - left), 4)


def overview(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the overview for report.json from the rows of metadata.jsonl, in memory that does not grow with the number of pages.

    ``removed`` counts pages by removed share, in steps of 5 %. ``hosts`` lists the hosts with the largest losses, with pages and characters
    in and out. ``scripts`` counts pages by script. ``pages`` lists those worth a look, with reasons: most removed, least sure (see
    `confidence`), not judged by a learned model (the longest), emptied, failed, a few for each flag (unless most pages have it), and a sample drawn by a hash of the ids.

    >>> told = overview([{"id": "a.example.cn/1.html", "outcome": "kept", "chars_in": 400, "chars_out": 300}])
    >>> told["removed"][5], told["hosts"], told["pages"][0]["reasons"]
    (1, [{'host': 'a.example.cn', 'pages': 1, 'chars_in': 400, 'chars_out': 300}], ['not judged', 'most removed', 'sample'])
    """
    removed, scripts = [0] * BINS, Counter[str]()
    hosts: dict[str, list[int]] = {}
    chosen: dict[str, _Least] = {}
    flags, number = Counter[str](), -1
    for number, row in enumerate(rows):
        share = removed_share(row)
        if row.get("outcome") != "failed":
            removed[min(int(share * BINS), BINS - 1)] += 1
        if script := row.get("script"):
            scripts[script] += 1
        flags.update(row.get("flags") or ())
        host = row.get("host") or _host(row)
        told = hosts.setdefault(host, [0, 0, 0])
        for n, value in enumerate((1, row.get("chars_in") or 0, row.get("chars_out") or 0)):
            told[n] += value
        if len(hosts) > HELD_HOSTS:
            _merge_smallest(hosts)
        for reason, key in _reasons(row, share):
            chosen.setdefault(reason, _Least(SAMPLE if reason == "sample" else EACH)).add(key, number, row)
    for flag, n in flags.items():
        if n > (number + 1) // 2:  # a flag of most pages is no reason to look at a page
            del chosen[f"flag {flag}"]
    known = {host: told for host, told in hosts.items() if host}
    listed = sorted(known, key=lambda h: (known[h][2] - known[h][1], h))[:HOSTS]
    return {
        "removed": removed,
        "hosts": [dict(zip(("host", "pages", "chars_in", "chars_out"), (h, *known[h]), strict=True)) for h in listed],
        "hosts_in_all": len(known),
        "scripts": dict(sorted(scripts.items())),
        "pages": _pages(chosen),
    }


def _host(row: Row) -> str:
    from cleantext.chrome.hosts.profiles import host_of

    return host_of(Page("", id=str(row.get("id", "")), url=row.get("url") or ""))


def _merge_smallest(hosts: dict[str, list[int]]) -> None:
    """Keep the half of the hosts with the largest losses, and merge the others."""
    ranked = sorted(hosts, key=lambda h: (hosts[h][2] - hosts[h][1], h))
    other = hosts.setdefault(OTHER, [0, 0, 0])
    for host in ranked[HELD_HOSTS // 2 :]:
        if host != OTHER:
            for n, value in enumerate(hosts.pop(host)):
                other[n] += value


def _reasons(row: Row, share: float) -> Iterable[tuple[str, float]]:
    """Yield the reasons to look at a page, each with a key. For each reason, the pages with the smallest keys are shown."""
    if row.get("outcome") in ("failed", "emptied", "duplicate"):
        yield str(row["outcome"]), 0.0
    elif share > 0 and (row.get("chars_in") or 0) >= SHORTEST:
        yield "most removed", -share
    if (sure := confidence(row)) is not None:
        yield "least sure", sure
    elif row.get("outcome") == "kept":
        yield "not judged", -float(row.get("chars_in") or 0)
    for flag in row.get("flags") or ():
        yield f"flag {flag}", 0.0
    yield "sample", zlib.crc32(str(row.get("id", "")).encode("utf-8", "replace"))


class _Least:
    """The rows with the smallest keys; among equal keys, the first rows."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.heap: list[tuple[float, int, Row]] = []  # max-heap of keys

    def add(self, key: float, number: int, row: Row) -> None:
        item = (-key, -number, row)
        if len(self.heap) < self.most:
            heapq.heappush(self.heap, item)
        elif item[:2] > self.heap[0][:2]:
            heapq.heapreplace(self.heap, item)

    def rows(self) -> list[tuple[int, Row]]:
        return [(-number, row) for _, number, row in sorted(self.heap, key=lambda item: (-item[0], -item[1]))]


def _pages(chosen: Mapping[str, _Least]) -> list[dict[str, Any]]:
    """Return each selected page once with all its reasons, ordered by reason, the sample last."""
    order = (
        "failed",
        "emptied",
        "least sure",
        "not judged",
        "most removed",
        *sorted(r for r in chosen if r.startswith("flag ")),
        "duplicate",
        "sample",
    )
    found: dict[int, dict[str, Any]] = {}
    for reason in order:
        for number, row in chosen[reason].rows() if reason in chosen else ():
            if number not in found:
                told = {name: row[name] for name in CARRIED if row.get(name) is not None}
                sure = confidence(row)
                found[number] = told if sure is None else told | {"confidence": sure}
            found[number].setdefault("reasons", []).append(reason)
    return list(found.values())
