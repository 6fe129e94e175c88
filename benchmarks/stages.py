"""How fast the whole job runs on texts, and what each step takes of it: repair, normalisation, chrome, script, in one process.

    python benchmarks/stages.py [--megabytes 4] [--rounds 3] [--pipeline zh-web] [--only laws,moj,lines,damaged,accents]

CPU seconds of one core, the fastest of all rounds in turn, with edits off and on, in MB of UTF-8; pages of 2 kB of the laws (Simplified),
of moj (Traditional) and of cuv and UD sentences in both, the visible lines of pages2, texts of moj damaged as seed 000 is, and lines that mix `Ã©` with real accents.
Texts are repeated to have enough of them, so no step may remember a line that it has seen (`REMEMBERED` of `cleantext.repair.mojibake`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cleantext import jit
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
from cleantext.repair.damage import draw_injector
from cleantext.transform import Page, PageTransform

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("CLEANTEXT_SHARED", ROOT.parent / "shared")) / "data"
SIZE = 700  # characters of a page
ACCENTS = "Le café de José était fermé, dÃ©jÃ  en été; la mÃ©tÃ©o à Besançon reste élevée et l’hôtel «Étoile» a rouvert près du théâtre.\n"


def rows(name: str) -> Iterator[dict[str, str]]:
    import zstandard

    with zstandard.open(SHARED / "dedup" / f"{name}.jsonl.zst", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def pages_of(texts: list[str]) -> list[Page]:
    """Return texts as pages of about `SIZE` characters that end with a line."""
    pages = []
    for text in texts:
        at = 0
        while at < len(text):
            stop = text.find("\n", at + SIZE) + 1 or len(text)
            pages.append(Page(text[at:stop].strip("\n")))
            at = stop
    return pages


def texts(kind: str) -> list[Page]:
    if kind in ("laws", "moj"):
        return pages_of([row["text"] for row in rows(kind)])
    if kind == "cuv":
        return pages_of(["\n".join(row[script] for row in rows("cuv")) for script in ("hant", "hans")])
    if kind == "ud":
        found = [json.loads(line) for line in (SHARED / "dedup" / "ud.jsonl").read_text("utf-8").splitlines()]
        return pages_of(["\n".join(row[script] for row in found) for script in ("hant", "hans")])
    if kind == "lines":
        return [Page(read_html((path / "page.html").read_bytes()).text) for path in sorted((SHARED / "pages2").iterdir()) if path.is_dir()]
    if kind == "damaged":
        chance, found = random.Random(9), []
        for row in rows("moj"):
            with contextlib.suppress(UnicodeError):  # GBK cannot hold all
                text = row["text"][: 4 * SIZE]
                found.append(Page(draw_injector(chance, text, folds=chance.random() < 0.5).damage(text)))
        return found
    return [Page(ACCENTS * 20)]


def timed(pipeline: Pipeline, pages: list[Page], *, record: bool) -> tuple[float, dict[str, float]]:
    """Return the CPU seconds of the whole job, and those within each step; the rest is the search for what needs which."""
    held: dict[str, float] = defaultdict(float)

    def told(call):
        def run(self, *arguments):
            start = time.process_time()
            try:
                return call(self, *arguments)
            finally:
                held[self.id] += time.process_time() - start

        return run

    kinds = {(PageTransform if isinstance(step, PageTransform) else type(step)) for step in pipeline.steps}
    names = [(kind, "run_some" if hasattr(kind, "run_some") else "run" if record else "fast") for kind in kinds]
    names += [(type(step), "run_some") for step in pipeline.steps if "run_some" in vars(type(step))]
    before = [(kind, name, getattr(kind, name)) for kind, name in names]
    for kind, name, call in before:
        setattr(kind, name, told(call))
    start = time.process_time()
    if record:
        pipeline.trace(pages)
    else:
        pipeline.fast(pages)
    total = time.process_time() - start
    for kind, name, call in before:
        setattr(kind, name, call)
    return total, held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=4, help="of each text, repeated or cut")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pipeline", default="zh-web")
    parser.add_argument("--only", default="laws,moj,cuv,ud,lines,damaged,accents")
    options = parser.parse_args()
    jit.expect(10**9)
    sys.modules["cleantext.repair.mojibake"].REMEMBERED = -1
    pipeline = Pipeline.load(options.pipeline)
    names = [step.id for step in pipeline.steps]
    print(f"| text | MB | edits | MB/s | MB/s but for chrome | {' | '.join(names)} |\n|{'---|' * (len(names) + 5)}")
    for kind in options.only.split(","):
        found, wanted, size = texts(kind), options.megabytes * 1e6, 0
        random.Random(5).shuffle(found)
        pages: list[Page] = []
        while size < wanted:
            pages += found[: max(1, len(found))] if size == 0 or kind in ("accents", "lines", "ud") else []
            size = sum(len(page.text.encode()) for page in pages)
            if kind in ("laws", "moj", "cuv", "damaged"):
                break
        while size > wanted and len(pages) > 1:
            size -= len(pages.pop().text.encode())
        best: dict[bool, tuple[float, dict[str, float]]] = {}
        for n in range(options.rounds + 1):
            for record in (False, True):
                told = timed(pipeline, pages, record=record)
                if n and (record not in best or told[0] < best[record][0]):
                    best[record] = told
        for record, (total, held) in best.items():
            rest = total - sum(seconds for name, seconds in held.items() if name.startswith("chrome"))
            shares = " | ".join(f"{held.get(name, 0) / total:.1%}" for name in names)
            speeds = f"{size / 1e6 / total:.1f} | {size / 1e6 / rest:.1f}"
            print(f"| {kind} | {size / 1e6:.1f} | {'on' if record else 'off'} | {speeds} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
