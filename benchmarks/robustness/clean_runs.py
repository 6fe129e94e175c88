"""One made-up crawl in every form: equal corpora out, the seconds of work they take, and what the run layer costs over its stages.

    python -m benchmarks.robustness.clean_runs [--pages 5000] [--forms warc,jsonl,parquet,csv,zip,folder] [--formats parquet,jsonl.zst]

The pages are those of tests/crawl.py: four hosts, GBK and Big5 among them, one in ten a copy and one in ten with a passage of another.

    python -m benchmarks.robustness.clean_runs --kills [--pages 5000]

Kills a run over so many pages at each of the places of tests/failpoints.py, and runs it again: the same bytes, and nothing else, must be there.
"""

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import crawl
import failpoints

import cleantext as ct
from benchmarks.crawl import write_crawl
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
            from cleantext.run.readers.page_batches import rows_of

            rows = list(rows_of(batch))
            before = time.process_time()
            pipeline.trace([read_record(row).page for row in rows])
            spent += time.process_time() - before
    return spent


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
        write_crawl(path, pages=args.pages, kind=args.kind)

        def run(out, **environment):
            call = [sys.executable, failpoints.__file__, str(path), str(out), "1000000"]
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
    parser.add_argument("--kind", choices=["text", "html"], default="text")
    parser.add_argument("--work", help="the folder to work in")
    args = parser.parse_args()
    if args.kills:
        kills(args)
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
