"""Whole jobs beside the packages that people take for them, and how ours grow."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from benchmarks.crawl import Crawl, write_crawl
from benchmarks.crawling.crawl_plan import PRESETS
from benchmarks.rows.sample_data import Planted, crawl_file
from benchmarks.scoreboard.measured import Contender, Context, Measure, in_turn, scripts, spread

REPAIR = ["repair.mojibake", "repair.entities", "repair.controls", "normalize.forms", "normalize.spaces", "script.to"]
NOTES = {
    "data-juicer": "fix_unicode, whitespace, chinese_convert, document_minhash over characters, 21 bands of 6",
    "datatrove": "minhash as for Chinese in FineWeb-2: words of jieba, 14 bands of 8",
    "trafilatura + datatrove": "favor_precision, then minhash as for Chinese in FineWeb-2",
}


def chain(
    context: Context, row: str, peer: str, environment: str, *, steps: list[str], html: bool = False, preset: str = "web"
) -> list[Measure]:
    """Run the same work here, the peer, and the whole command, on one crawl."""
    kind, suffix = ("html", ".warc") if html else ("text", ".jsonl")
    path, megabytes, pages = crawl_file(context, context.size(5 if html else 2, 1000 if html else 100), suffix, kind=kind, preset=preset)
    small, _, _ = crawl_file(context, 1.5 if html else 0.2, suffix, kind=kind, seed=9)
    options = {"work": str(context.work), "small": str(small)}
    same = Contender("the same work here", "", "cleantext", options | {"steps": steps})
    command = Contender("cleantext clean", "", "cleantext clean", options)
    contenders = [command] if html else [same]
    contenders.append(Contender(peer, environment, peer, options, note=NOTES[peer]))
    contenders += [command] if preset == "web" and not html else []
    damage = f", {100 * PRESETS[preset].mojibake:.0f} % of them mojibake"
    data = f"crawl of {pages:,} {'pages' if html else 'texts'}{damage}, {megabytes:.0f} MB"
    planted = Planted(path, Crawl(pages, kind=kind, preset=preset))
    return in_turn(row, data, "chain", path, megabytes, contenders, context, planted.judge, rounds=min(context.rounds, 3))


def data_juicer(context: Context) -> list[Measure]:
    """Repair, whitespace, Simplified, document MinHash: data-juicer's four operators."""
    whole = chain(context, "chain.data-juicer", "data-juicer", "data_juicer", steps=REPAIR)
    return whole + chain(context, "chain.data-juicer.undamaged", "data-juicer", "data_juicer", steps=REPAIR, preset="undamaged")


def datatrove(context: Context) -> list[Measure]:
    """Document MinHash alone, from JSON lines to JSON lines: datatrove's recipe for Chinese."""
    return chain(context, "chain.datatrove", "datatrove", "datatrove", steps=[])


def pages(context: Context) -> list[Measure]:
    """From WARC to texts without duplicates: trafilatura and datatrove, and the command."""
    return chain(context, "chain.warc", "trafilatura + datatrove", "datatrove", steps=[], html=True)


def growth(context: Context, sizes: list[int] | None = None, workers: int = 1, memory: str = "2GB") -> list[Measure]:
    """How `cleantext clean` grows with the pages of a crawl: pages a second of processor, peak memory, the exponent of time between sizes."""
    scripts()
    from growth import measured

    out: list[Measure] = []
    took: list[tuple[int, float]] = []
    for pages in sizes or ([500, 2000] if context.quick else [1000, 10_000, 100_000]):
        folder = context.work / f"growth{pages}"
        _, size = write_crawl(folder / "crawl.jsonl.zst", pages=pages, seed=4)
        command = [
            sys.executable,
            "-m",
            "cleantext",
            "clean",
            str(folder / "crawl.jsonl.zst"),
            "-o",
            str(folder / "out"),
            "--format",
            "parquet",
        ]
        command += ["--duplicates", "documents", "--remove", "--workers", str(workers), "--memory", memory, "--quiet"]
        seconds, busy, most = measured(command)
        took.append((pages, busy))
        note = f"{busy:.1f} s of processors, {seconds:.0f} s by the clock, {size / 1e6 / busy:.1f} MB/s"
        quality = {}
        if len(took) > 1:
            (a, first), (b, last) = took[-2:]
            quality["exponent"] = round(math.log(last / first) / math.log(b / a), 3)
        row = Measure(
            "growth.pages", f"{pages:,} pages", f"text, {size / 1e6:.0f} MB, {workers} workers", quality, spread([pages / busy]), "pages/s"
        )
        row.peak, row.note = round(most / 1e6), note
        out.append(row)
        Path(folder / "crawl.jsonl.zst").unlink()
    return out


def passages(context: Context) -> list[Measure]:
    """How the search for aligned passages grows in tables on disk (`growth.py` makes the passages)."""
    scripts()
    import shutil

    from growth import measured, write

    out = []
    for count in [20_000] if context.quick else [1_000_000, 2_000_000, 4_000_000, 8_000_000]:
        data, found = context.work / f"passages{count}", context.work / "found"
        data.mkdir()
        size = write(data, count, 0, 30)
        command = [
            sys.executable,
            "-m",
            "cleantext",
            "dedup",
            str(data / "*.parquet"),
            "-o",
            str(found),
            "--level",
            "passage",
            "--engine",
            "local",
        ]
        seconds, busy, most = measured([*command, "--workers", "2", "--memory", "2GB", "--quiet"])
        row = Measure("growth.passages", f"{count:,} paragraphs", f"{size:.0f} MB, 2 workers, 2 GB", speed=spread([size / busy]))
        row.peak, row.note = round(most / 1e6), f"{busy:.1f} s of processors, {seconds:.0f} s by the clock"
        out.append(row)
        shutil.rmtree(data)
        shutil.rmtree(found)
    return out
