"""One made-up crawl in every form: equal corpora out, the seconds of work they take, and what the run layer costs over its stages.

    python -m benchmarks.crawl [--pages 5000] [--forms warc,jsonl,parquet,csv,zip,folder] [--formats parquet,jsonl.zst]

The pages are those of tests/crawl.py: four hosts, GBK and Big5 among them, one in ten a copy and one in ten with a passage of another.

    python -m benchmarks.crawl --growth 1000,4000 [--kind text|html] [--memory 2GB] [--work FOLDER]

Crawls of so many megabytes (unpacked) as JSON lines, cleaned by the command into Parquet without the duplicate documents, with two workers:
the peak memory of the process tree (the sum of PSS and of USS, sampled), processor seconds a page, and both by phase of the run.

    python -m benchmarks.crawl --write 1000 FILE.jsonl.zst

    python -m benchmarks.crawl --kills [--pages 5000]

Kills a run over so many pages at each of the places of tests/failpoints.py, and runs it again: the same bytes, and nothing else, must be there.
"""

import argparse
import hashlib
import itertools
import json
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import zstandard

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import crawl
import failpoints
import made

import cleantext as ct
from cleantext.pipeline import Pipeline
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.find import find_pages
from cleantext.run.readers.records import read_record
from cleantext.run.readers.units import units_of
from cleantext.run.writers.corpus import corpus_tables


def worked():
    """Seconds that this process and its children had a processor for."""
    return sum(r.ru_utime + r.ru_stime for r in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def digest(out):
    """What tells the ids and texts of a corpus from others."""
    rows = sorted((i, t) for table in corpus_tables(out) for i, t in zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    return len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def stages(path):
    """Seconds of the stages alone: decoding, parsing and the pipeline with its edits, over the pages of a table in batches."""
    found = find_pages([path])
    pipeline = Pipeline.load("zh-web")
    spent = 0.0
    for unit in units_of(found.pages, found.holders, Fields()):
        for batch in unit.batches():
            from cleantext.run.readers.batches import rows_of

            rows = list(rows_of(batch))
            before = time.process_time()
            pipeline.trace([read_record(row).page for row in rows])
            spent += time.process_time() - before
    return spent


# ---------------------------------------------------------------- crawls of any size

LETTERS = np.array([ord(c) for c in made.WORDS], np.uint32)
HOSTS = 200
COPIED, ALIKE = 0.1, 0.05  # shares of pages that are copies of an earlier one, or near copies


def body(number):
    """Return the paragraphs of a page: of its number alone, so that copies need no memory of what was written."""
    rng = np.random.default_rng([7, number])
    sizes = np.maximum(rng.lognormal(5.0, 0.6, 2 + int(rng.integers(14))), 30).astype(int)
    points = LETTERS[rng.integers(len(LETTERS), size=int(sizes.sum()))]
    stops = np.cumsum(rng.integers(8, 30, size=len(points) // 18 + 1))
    stops = stops[stops < len(points)]
    points[stops] = ord("，")
    points[stops[::3]] = ord("。")
    text = points.tobytes().decode("utf-32-le")
    ends = np.cumsum(sizes)
    return [text[a:b] + "。" for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def sized(megabytes, kind):
    """Yield the records of a crawl of so many megabytes of content: hosts with frames of their own, copies and near copies among them."""
    written = 0
    for number in itertools.count():
        rng = np.random.default_rng([8, number])
        chance, host = rng.random(), f"news{number % HOSTS}.example.cn"
        copied = number > 10 and chance < COPIED + ALIKE
        paragraphs = body(int(rng.integers(number)) if copied else number)
        if copied and chance >= COPIED:
            paragraphs[0] = "转载：" + paragraphs[0][2:]
        title, day = paragraphs[-1][:14].strip("，。"), f"2020-0{1 + number % 9}-1{number % 9} 10:0{number % 6}"
        if kind == "html":
            lines = "".join(f"<p>{line}</p>\n" for line in paragraphs)
            content = (
                f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}_{host}</title></head><body>\n'
                f'<div class="nav"><a href="/">首页</a> <a href="/n">新闻</a> <a href="/{number}">第{number}</a></div>\n'
                f'<h1>{title}</h1>\n<div class="info">{day}</div>\n<div class="content">{lines}</div>\n'
                f'<div class="foot">{host} 版权所有 <a href="/about">关于</a></div></body></html>'
            )
        else:
            content = "\n".join([title, f"{day} 来源：{host}", *paragraphs, "责任编辑：王小明", f"{host} 版权所有 关于我们 | 联系我们", ""])
        yield {"url": f"https://{host}/a/{number}.html", kind: content, "rank": number}
        written += len(content.encode())
        if written >= megabytes * 1e6:
            return


def write_sized(path, megabytes, kind):
    """Write such a crawl as packed JSON lines; return the number of its pages."""
    n = 0
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as packed:
        for row in sized(megabytes, kind):
            packed.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
            n += 1
    return n


class Sampler(threading.Thread):
    """Samples the memory of a process and all that it started: the peak of the sum, by phase."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.root, self.phase, self.peaks, self.work, self.ended = psutil.Process(pid), "starting", {}, {}, threading.Event()

    def run(self):
        while not self.ended.wait(0.5):
            pss = uss = 0
            for process in [self.root, *self._below()]:
                try:
                    held = process.memory_full_info()
                    pss, uss = pss + held.pss, uss + held.uss
                except psutil.Error:
                    continue
            before = self.peaks.get(self.phase, (0, 0))
            self.peaks[self.phase] = (max(before[0], pss), max(before[1], uss))

    def _below(self):
        try:
            return self.root.children(recursive=True)
        except psutil.Error:
            return []


PHASE = re.compile(r"cleantext\.run\.\S+ (reading|learning|cleaning|searching|writing)$")


def measured(path, out, memory, *options):
    """Clean a crawl as a user would, and tell what it took: seconds of work, pages, and peaks of memory by phase."""
    command = [sys.executable, "-m", "cleantext", "clean", str(path), "-o", str(out), "--format", "parquet", "--duplicates", "documents"]
    before, started = worked(), time.perf_counter()
    process = subprocess.Popen(
        [*command, "--remove", "--workers", "2", "--memory", memory, "-v", *options], stderr=subprocess.PIPE, text=True
    )
    sampler = Sampler(process.pid)
    sampler.start()
    said = []
    for line in process.stderr:
        said.append(line)
        if found := PHASE.search(line.strip()):
            sampler.phase = found[1]
    process.wait()
    sampler.ended.set()
    sampler.join()
    if process.returncode:
        sys.exit("".join(said))
    return worked() - before, time.perf_counter() - started, sampler.peaks


def growth(args):
    """Tell how memory and time grow with the size of a crawl."""
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        found = []
        for megabytes in map(int, args.growth.split(",")):
            path = Path(folder, f"{megabytes}.jsonl.zst")
            pages = write_sized(path, megabytes, args.kind)
            seconds, wall, peaks = measured(path, Path(folder, str(megabytes)), args.memory, *args.options.split())
            most = max(pss for pss, _ in peaks.values())
            found.append((seconds / pages, most))
            told = ", ".join(f"{phase} {pss >> 20}/{uss >> 20}" for phase, (pss, uss) in peaks.items())
            print(
                f"{megabytes:,} MB {args.kind}, {pages:,} pages: {seconds:.0f} s of work ({wall:.0f} s), {1e3 * seconds / pages:.3f} ms a page, "
                f"{megabytes / seconds:.2f} MB/s; peak {most >> 20:,} MB (PSS/USS by phase: {told})",
                flush=True,
            )
        (first, small), (last, large) = found[0], found[-1]
        print(f"time a page {last / first:.2f}x, memory {large / small:.2f}x")


# ---------------------------------------------------------------- kills


def tree(folder):
    """Return the digests of all files of a folder, but for that which names the folder of the input."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "run.json")
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def kills(args):
    """Kill a run at every named place, run it again, and compare."""
    wrong = 0
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        path = Path(folder, "crawl.jsonl.zst")
        with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as packed:
            for row in itertools.islice(sized(10**6, args.kind), args.pages):
                packed.write((json.dumps(row, ensure_ascii=False) + "\n").encode())

        def run(out, **environment):
            call = [sys.executable, failpoints.__file__, str(path), str(out), "4000000"]
            return subprocess.run(call, check=False, capture_output=True, text=True, env=environment or None)

        done = run(Path(folder, "straight"))
        assert not done.returncode, done.stderr
        whole = tree(Path(folder, "straight"))
        for name in failpoints.FAILPOINTS:
            out, fired = Path(folder, name), Path(folder, f"{name}.fired")
            first = run(out, **failpoints.environment(name, fired))
            left = sum(1 for p in out.rglob("*") if p.is_file()) if out.exists() else 0
            again = run(out) if first.returncode else first
            same = not again.returncode and tree(out) == whole
            wrong += not (same and fired.exists())
            told = "" if same else f" {again.stderr[-300:]} {sorted(tree(out).items() ^ whole.items())[:4]}"
            print(
                f"{name:20} exit {first.returncode:4}, {left:3} files then; {'equal' if same else 'DIFFERENT'}"
                f"{'' if fired.exists() else ', never came there'}{told}",
                flush=True,
            )
    sys.exit(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--forms", default="warc,jsonl,parquet,csv,zip,folder")
    parser.add_argument("--formats", default="parquet,jsonl.zst")
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--kills", action="store_true")
    parser.add_argument("--growth", metavar="MB,MB")
    parser.add_argument("--write", nargs=2, metavar=("MB", "FILE"))
    parser.add_argument("--kind", choices=["text", "html"], default="text")
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--work", help="the folder to work in")
    parser.add_argument("--options", default="", help="further options of the command")
    args = parser.parse_args()
    if args.write:
        print(write_sized(Path(args.write[1]), int(args.write[0]), args.kind), "pages")
        return
    if args.kills:
        kills(args)
    if args.growth:
        growth(args)
        return
    ct.warm("pages", "documents", "document")
    pages = list(crawl.crawl(args.pages))
    size = sum(len(p.data) for p in pages)
    print(f"{len(pages):,} pages, {size / 1e6:.1f} MB of HTML; encodings {sorted({p.encoding for p in pages})}", flush=True)
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        for form in args.forms.split(","):
            place = Path(folder, form)
            place.mkdir()
            path = crawl.FORMS[form](place, pages)
            for made in args.formats.split(","):
                before = worked()
                report = ct.clean_files(path, place / made, form=made, duplicates="documents", remove=True, learn_hosts=True)
                seconds = worked() - before
                n, said = digest(place / made)
                found.add((n, said))
                print(
                    f"{form:8} -> {made:10} {n:,} rows {said}  {dict(report.outcomes)}  {seconds:.1f} s of work, {size / 1e6 / seconds:.1f} MB/s",
                    flush=True,
                )
            if args.stages:
                print(f"{form:8} stages alone {stages(path):.1f} s", flush=True)
    print("equal" if len(found) == 1 else f"DIFFERENT: {found}")
    sys.exit(len(found) != 1)


if __name__ == "__main__":
    main()
