"""How fast page chrome goes: text lines of four kinds, and HTML to clean text beside trafilatura.

    python benchmarks/chrome.py                                  # text, about a minute
    python benchmarks/chrome.py --html                           # and HTML
    python benchmarks/chrome.py --peers ~/peers/bin/python       # and HTML beside trafilatura, if this Python has it

Figures are MB of UTF-8 a second of CPU time on one core, the best of several rounds, kernels compiled and patterns read. "first" is with
lines never seen before: all that the register remembers is forgotten before each round. "again" is the same pages once more, as the lines of
a site's frame come again on its next page. The two are measured in turn.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import extraction
import zstandard

import cleantext as ct
from cleantext.chrome import StripChrome
from cleantext.chrome.lines.findings import LineCache
from cleantext.chrome.main_text.main_blocks import MainContent
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
from cleantext.transform import Page

DATA = extraction.PAGES.parent
STRIP = StripChrome()
HTML = Pipeline((MainContent(), STRIP))
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


def html(peers: str | None, rounds: int = 5) -> None:
    cases = extraction.cases()
    size = sum(len(case.html) for case in cases) / 1e6

    def clean() -> None:
        for case in cases:
            HTML.fast([read_html(case.html)])

    clean()
    own = []
    for _ in range(rounds):
        LineCache.of(STRIP.pack).forget()
        own.append(seconds(clean))
    print(f"HTML to clean text {size / min(own):.1f} MB/s, {size:.1f} MB in {len(cases)} pages, one at a time")
    if peers:
        done = subprocess.run([peers, "-c", PEER], check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent)
        speed = size / float(done.stdout)
        print(f"trafilatura {speed:.1f} MB/s, given decoded text; cleantext / trafilatura {size / min(own) / speed:.1f}")


# Run by another Python, beside this file.
PEER = """
import time, extraction
cases = [case.html.decode(case.encoding, "replace") for case in extraction.cases()]
extraction.peer_trafilatura(cases[0])
found = []
for _ in range(3):
    start = time.process_time()
    for html in cases:
        extraction.peer_trafilatura(html)
    found.append(time.process_time() - start)
print(min(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--html", action="store_true", help="measure HTML to clean text too")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has trafilatura")
    options = parser.parse_args()
    ct.warm()
    text()
    if options.html or options.peers:
        html(options.peers)


if __name__ == "__main__":
    main()
