"""How fast page chrome goes: text lines of four kinds (HTML beside its peers: `python -m benchmarks --only extraction`).

    python benchmarks/cleaning/chrome.py                                  # text, about a minute

Figures are MB of UTF-8 a second of CPU time on one core, the best of several rounds, kernels compiled and patterns read. "first" is with
lines never seen before: all that the register remembers is forgotten before each round. "again" is the same pages once more, as the lines of
a site's frame come again on its next page. The two are measured in turn.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence

import extraction
import zstandard

import cleantext as ct
from cleantext.chrome import StripChrome
from cleantext.chrome.lines.findings import LineCache
from cleantext.html import read_html
from cleantext.transform import Page

DATA = extraction.PAGES.parent
STRIP = StripChrome()
BATCH = 64  # pages
MADE = 60  # lines of a page made of sample lines


def batches(pages: Sequence[Page]) -> Iterator[Sequence[Page]]:
    return (pages[n : n + BATCH] for n in range(0, len(pages), BATCH))


def laws(count: int) -> list[str]:
    with (DATA / "dedup/laws.jsonl.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().decode().splitlines()
    return [json.loads(line)["text"] for line in lines[:count]]


def samples() -> list[str]:
    """Return the lines of both kinds that were written for this project, each once, in random order."""
    lines = [json.loads(x)["text"] for kind in ("keep", "drop") for x in (DATA / f"{kind}-lines.jsonl").read_text("utf-8").splitlines()]
    return random.Random(1).sample(lines, len(lines))


def kinds() -> dict[str, list[str]]:
    cases, lines = extraction.cases(), samples()
    return {
        "visible lines of pages": [read_html(case.html).text for case in cases],
        "articles": [case.expected for case in cases],
        "statutes": laws(3_000),
        "sample lines, each once": ["\n".join(lines[n : n + MADE]) for n in range(0, len(lines), MADE)],
        "sample lines, many times": ["\n".join(random.Random(n).sample(lines, MADE)) for n in range(200)],
    }


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def run(pages: Sequence[Page]) -> None:
    for batch in batches(pages):
        STRIP.fast(batch)


def text(rounds: int = 7) -> None:
    print(f"{'MB/s':<28}{'MB':>7}{'lines':>9}{'B/line':>8}{'first':>8}{'again':>8}{'us/line':>9}{'again':>7}")
    for name, texts in kinds().items():
        pages = [Page(t) for t in texts]
        size, lines = sum(len(t.encode()) for t in texts) / 1e6, sum(t.count("\n") + 1 for t in texts)
        run(pages)
        first, again = [], []
        for _ in range(rounds):
            LineCache.of(STRIP.pack).forget()
            first.append(seconds(lambda: run(pages)))  # noqa: B023
            again.append(seconds(lambda: run(pages)))  # noqa: B023
        a, b = min(first), min(again)
        print(
            f"{name:<28}{size:7.2f}{lines:9}{size * 1e6 / lines:8.0f}{size / a:8.1f}{size / b:8.1f}{a / lines * 1e6:9.2f}{b / lines * 1e6:7.2f}"
        )


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    ct.warm()
    text()


if __name__ == "__main__":
    main()
