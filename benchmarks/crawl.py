"""Make up a crawl of any size from a seed, with everything planted in it written down.

    python -m benchmarks.crawl crawl.jsonl --megabytes 100                       # text alone, for duplicates and for speed
    python -m benchmarks.crawl crawl.warc.gz --kind html --pages 10000 --seed 2  # whole pages; also .jsonl(.zst), .parquet, or a folder
    python -m benchmarks.crawl crawl.parquet --preset news --megabytes 1000

What is planted stands in ``truth.parquet`` beside the crawl (`crawl_files.TRUTH`): clusters with the exact similarity of every copy to its origin, the edits that
made it, passages with their places, script, charset and declared charset, damage and whether it can be undone, the clean text, the lines of chrome.
Hosts are drawn by Zipf's law, clusters have a heavy tail and three hot ones (`crawl_plan`), the text is real once over and ciphered from then on (`source_text`),
copies are edited as reposts are (`repost_edits`), pages have the templates, chrome and charsets of their hosts (`crawl_hosts`). One seed, one
crawl: the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crawling.crawl_files import Writer
from benchmarks.crawling.crawl_hosts import Host, make_host, page_of
from benchmarks.crawling.crawl_plan import PRESETS, Role, Shares, plan_crawl
from benchmarks.crawling.repost_edits import lookalike, reposted
from benchmarks.crawling.source_text import Source, folded, jaccard, shingles, to_script
from cleantext.repair.damage import FAMILIES, Injector, draw_injector, garble

MEAN_BYTES = {"text": 2650, "html": 75_000}  # of a page; only to guess how many pages make a size
MISREAD = ("utf-8 as gb18030", "gbk as latin-1", "gbk as cp1252", "utf-8 as latin-1", "utf-8 as cp1252", "utf-8 as cp1252 twice")
COPIES = (Role.EXACT, Role.NEAR, Role.FAR)


@dataclass(frozen=True)
class CrawlPage:
    """One page: what is written of it, and what is true of it."""

    id: str
    url: str
    host: Host
    shown: str  # the text, damaged or not
    html: bytes  # empty for text alone
    truth: tuple[Any, ...]  # a row of `crawl_files.TRUTH`

    def decoded(self) -> str:
        """Return the HTML as text, decoded rightly."""
        return self.html.decode(self.host.charset)


def misread(line: str, family: str, *, lossy: bool) -> tuple[str, bool]:
    """Return a line as mojibake, and whether it can be undone: not where its reader dropped bytes, or ``lossy`` drops one."""
    shown = garble(line, family)
    if shown is None:
        written, read = FAMILIES[family][0]
        return line.encode(written, "replace").decode(read, "replace"), False
    return (shown[:7] + "\ufffd" + shown[8:], False) if lossy else (shown, True)


class Crawl:
    """A crawl of so many pages; iterate over it, as often as you like."""

    def __init__(self, pages: int, *, seed: int = 1, kind: str = "text", preset: str | Shares = "web", hidden: bool = False) -> None:
        self.seed, self.kind, self.hidden = seed, kind, hidden
        self.shares = PRESETS[preset] if isinstance(preset, str) else preset
        self.sources = {script: Source(script, seed) for script in ("hans", "hant")}
        self.plan = plan_crawl(pages, seed, self.sources, self.shares)
        self.host = lru_cache(maxsize=512)(self._host)
        self.injector = lru_cache(maxsize=512)(self._injector)
        self.clean = lru_cache(maxsize=4096)(self._clean)
        self.letters = lru_cache(maxsize=2048)(lambda number: folded(self.clean(number)[0]))
        self.known = lru_cache(maxsize=2048)(lambda number: shingles(self.letters(number)))
        self.chance = np.random.default_rng([seed, 3]).random(pages)

    def __len__(self) -> int:
        return len(self.plan.host)

    def __iter__(self) -> Iterator[CrawlPage]:
        return map(self.page, range(len(self)))

    def _host(self, number: int) -> Host:
        source, rng = self.sources["hans"], np.random.default_rng([self.seed, 2, number])
        titles = [
            source.text[p : p + 16].split("\n")[0].strip("，。、；：") or "新闻"
            for p in source.breaks[rng.integers(0, len(source.breaks), 40)]
        ]
        return make_host(
            number,
            self.seed,
            traditional=bool(self.plan.traditional[number]),
            titles=titles,
            hidden=self.hidden,
            framed=self.kind == "html",
        )

    def _injector(self, number: int) -> Injector:
        rng = random.Random(f"injector {self.seed} {number}")
        text = self.sources["hant" if self.plan.traditional[number] else "hans"].text[:4000]
        return draw_injector(rng, text, pairs=rng.choice((0, 44, 200)), separators=rng.choice((1, 2, 3)))

    def base(self, number: int) -> str:
        """Return the text that a page was made of."""
        source = tuple(self.sources.values())[self.plan.script[number]]
        return source.piece(int(self.plan.start[number]), int(self.plan.end[number])).strip()

    def _clean(self, number: int) -> tuple[str, tuple[str, ...], list[dict[str, Any]]]:
        """Return the clean text of a page, the names of the edits that made it, and the passages that it took."""
        role, origin = Role(self.plan.role[number]), int(self.plan.origin[number])
        host, text, done, spans = self.host(int(self.plan.host[number])), self.base(origin if role in COPIES else number), (), []
        if role is not Role.ORIGINAL:
            rng = random.Random((self.seed << 64) + (1 << 60) + number)
            if role in COPIES:
                text, done = reposted(text, role, rng)
            elif role is Role.NEGATIVE:
                text, kind = lookalike(text, self.base(origin), rng)
                done = (kind,)
        if self.plan.traditional[self.plan.host[number]] != self.plan.script[number]:
            text = to_script(text, "hant" if self.plan.script[number] == 0 else "hans")
            done = (*done, "script-of-host")
        text = host.write(text)
        if role is Role.PASSAGE:
            given = self.clean(origin)[0]
            low = rng.randint(0, max(0, len(given) - 60))
            part = given[low : low + rng.randint(60, 400)]
            lines = text.split("\n")
            at = rng.randint(0, len(lines))
            start = sum(len(line) + 1 for line in lines[:at])
            text = "\n".join((*lines[:at], part, *lines[at:]))
            span = {
                "start": start,
                "end": start + len(part),
                "source": self.name(origin),
                "source_start": low,
                "source_end": low + len(part),
            }
            spans, done = [span], ("passage",)
        return text, done, spans

    def name(self, number: int) -> str:
        """Return the id of a page."""
        return f"{self.host(int(self.plan.host[number])).name}/{number}"

    def similarity(self, number: int, text: str) -> float:
        """Return the exact similarity of a page's text to that of its origin."""
        own, other = folded(text), self.letters(int(self.plan.origin[number]))
        return 1.0 if np.array_equal(own, other) else jaccard(shingles(own), self.known(int(self.plan.origin[number])))

    def damaged(self, number: int, text: str) -> tuple[str, str | None, bool]:
        """Return a text perhaps damaged, by what, and whether that can be undone."""
        chance = self.chance[number]
        if chance < self.shares.mojibake:
            rng = random.Random((self.seed << 64) + (2 << 60) + number)
            family = rng.choice(MISREAD)
            lines = [misread(line, family, lossy=rng.random() < 0.2) for line in text.split("\n")]
            return "\n".join(line for line, _ in lines), family, all(whole for _, whole in lines)
        if chance < self.shares.mojibake + self.shares.slips:
            return self.injector(int(self.plan.host[number])).damage(text.encode("gbk", "ignore").decode("gbk")), "slips", True
        return text, None, True

    def page(self, number: int) -> CrawlPage:
        """Return a page."""
        plan = self.plan
        lends = plan.origin[number] == number  # others may ask for its text
        text, done, spans = self.clean(number) if lends else self._clean(number)
        role, origin = Role(plan.role[number]), int(plan.origin[number])
        host = self.host(int(plan.host[number]))
        similar = None if lends else self.similarity(number, text)
        shown, damage, repairable = self.damaged(number, text)
        html, title, chrome, coded = b"", None, None, (None, None, None)
        if self.kind == "html":
            title = text[: min(24, text.find("。", 6, 24) % 25)].replace("\n", " ")
            html, _, chrome = page_of(host, title, shown, random.Random((self.seed << 64) + (3 << 60) + number))
            coded = (host.charset, host.declared, f"{host.template.kind}-{host.template.variant}")
        name = f"{host.name}/{number}"
        cluster = int(plan.cluster[number])
        gold = text if html or damage else None
        what = (
            name,
            host.name,
            role.name.lower(),
            cluster if cluster >= 0 else None,
            None if lends else self.name(origin),
            similar,
            done,
            spans,
        )
        truth = (*what, host.script, *coded, damage, repairable, title, gold, chrome)
        return CrawlPage(name, f"https://{name}.html", host, shown, html, truth)


def write_crawl(
    path: Path, *, pages: int | None = None, megabytes: float | None = None, truth: Path | None = None, **options: Any
) -> tuple[int, int]:
    """Write a crawl of so many pages, or of about so many megabytes; return its pages and bytes (unpacked)."""
    kind = options.get("kind", "text")
    path.parent.mkdir(parents=True, exist_ok=True)
    with Writer(path, truth or path.parent / "truth.parquet") as out:
        for page in Crawl(pages or max(20, int((megabytes or 1) * 1e6 / MEAN_BYTES[kind])), **options):
            out.add(page)
    return out.pages, out.written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help=".warc, .warc.gz, .jsonl, .jsonl.zst, .parquet, or a folder for a tree of HTML")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--pages", type=int)
    size.add_argument("--megabytes", type=float)
    parser.add_argument("--kind", choices=tuple(MEAN_BYTES), default="text")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preset", choices=tuple(PRESETS), default="web")
    parser.add_argument("--hidden", action="store_true", help="with the forty templates that nobody looks at while working on rules")
    asked = vars(parser.parse_args())
    if asked["kind"] == "text" and (".warc" in asked["path"].name or not asked["path"].suffix):
        parser.error("WARC and trees hold HTML: add --kind html")
    before = time.process_time()
    pages, size_ = write_crawl(asked.pop("path"), **asked)
    spent = time.process_time() - before
    print(f"{pages:,} pages, {size_ / 1e6:,.1f} MB, {spent:.1f} s of the processor, {size_ / 1e6 / spent:.0f} MB/s")


if __name__ == "__main__":
    main()
