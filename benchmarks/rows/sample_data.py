"""Data that rows are measured on: real text where ../shared is beside the checkout, else the pages of the tests; made-up crawls; planted truth."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.crawl import Crawl, write_crawl
from benchmarks.crawling.source_text import SETS, SHARED, Source, folded, jaccard, shingles
from benchmarks.scoreboard.measured import ROOT, Context, scripts

THRESHOLD = 0.8


def real_text(script: str, megabytes: float) -> tuple[str, str]:
    """Return about so much running text of a script, and what it is: real text as far as it goes, or ciphered where there is next to none."""
    letters, source = int(megabytes * 1e6 / 2.9), Source(script, 1)
    text = source.text[:letters] if SHARED.is_dir() else source.piece(0, letters)
    name = SETS[script] if SHARED.is_dir() else "pages of the tests, ciphered"
    return text, f"{name} ({script}), {len(text.encode()) / 1e6:.1f} MB"


def pages_of(text: str, letters: int = 1000) -> list[str]:
    """Cut a text into pages at line ends."""
    out, page, size = [], [], 0
    for line in text.split("\n"):
        page.append(line)
        size += len(line)
        if size >= letters:
            out.append("\n".join(page))
            page, size = [], 0
    return [*out, "\n".join(page)] if page else out


def saved(context: Context, name: str, value: object) -> Path:
    """Write JSON for engines to read."""
    path = context.work / name
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    return path


@cache
def html_cases() -> tuple[list, str]:
    """Return pages of HTML with the text expected of them: the development pages, else those of the tests."""
    scripts()
    import extraction

    if extraction.PAGES.is_dir():
        found = extraction.cases()
        return found, f"{len(found)} development pages"
    folder, facts = ROOT / "tests/cases/html", json.loads((ROOT / "tests/cases/html/pages.json").read_text("utf-8"))
    found = [
        extraction.Case(name, (folder / f"{name}.html").read_bytes(), "utf-8", (folder / f"{name}.txt").read_text("utf-8"), [], [], fact)
        for name, fact in facts.items()
    ]
    return found, f"{len(found)} made-up pages of the tests"


def crawl_file(context: Context, megabytes: float, suffix: str = ".jsonl", **options: object) -> tuple[Path, float, int]:
    """Write a crawl (once a run); return its path, megabytes and pages. Its truth lies beside it."""
    name = "-".join(map(str, (megabytes, *options.values())))
    path = context.work / name / f"crawl{suffix}"
    if not path.exists():
        pages, size = write_crawl(path, megabytes=megabytes, **options)
        (path.parent / "size").write_text(f"{pages} {size}", "utf-8")
    pages, size = map(int, (path.parent / "size").read_text("utf-8").split())
    return path, size / 1e6, pages


class Planted:
    """What is planted in a crawl, to judge groups of pages by that a search says are copies of each other.

    Of a group as many removals are right as it has members, but one, of one planted cluster whose similarity to its origin reaches the threshold (the
    origin is one of them). A member left over counts as right if its clean text has that similarity with that of another member, exactly.
    """

    def __init__(self, path: Path, crawl: Crawl) -> None:
        rows = pq.read_table(path.parent / "truth.parquet", columns=["id", "cluster", "origin", "jaccard"]).to_pylist()
        self.number = {row["id"]: n for n, row in enumerate(rows)}
        self.core = {r["id"]: r["cluster"] for r in rows if r["cluster"] is not None and (r["origin"] is None or r["jaccard"] >= THRESHOLD)}
        sizes: dict[int, int] = defaultdict(int)
        for cluster in self.core.values():
            sizes[cluster] += 1
        self.wanted = sum(size - 1 for size in sizes.values())
        self.crawl = crawl

    def judge(self, groups: list[list[str]]) -> tuple[dict[str, float], str]:
        """Return recall and precision of removals."""
        planted = right = said = 0
        for group in groups:
            members: dict[int, list[str]] = defaultdict(list)
            rest = []
            for name in group:
                members[self.core[name]].append(name) if name in self.core else rest.append(name)
            planted += sum(len(found) - 1 for found in members.values())
            said += len(group) - 1
            right += sum(len(found) - 1 for found in members.values()) + self.alike(rest, group, list(members.values()))
        found = {"recall": planted / max(1, self.wanted), "precision": min(1.0, right / max(1, said))}
        return {key: round(value, 4) for key, value in found.items()}, f"{self.wanted} planted copies, {said} said"

    def alike(self, rest: list[str], group: list[str], clusters: list[list[str]]) -> int:
        """Count further members, and further clusters, that are alike after all."""
        right = 0
        for name in [*rest, *(found[0] for found in clusters[1:])][:200]:
            own = self.shingles(name)
            right += any(other != name and jaccard(own, self.shingles(other)) >= THRESHOLD for other in group[:50])
        return right

    def shingles(self, name: str):
        """Return the shingles of a page's clean text."""
        return shingles(folded(self.crawl.clean(self.number[name])[0]))
