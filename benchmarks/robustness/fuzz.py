"""Fuzz the command line: mutated pages, rules, archives, tables and finished runs, each round in a sandbox of its own.

    python -m benchmarks.robustness.fuzz --minutes 30 [--seed 1] [--keep DIR]

A round makes a folder of hostile inputs from a seed, runs `clean`, `dedup`, `undo` and `explain` on it as a user would, and checks what must
hold whatever the input is: a documented exit code, no traceback, no file outside the output folder made, changed or deleted, inputs as they
were, every page accounted for, and no command that works longer than its limit. Rounds that break one of these are kept with the command that did it.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import hashlib
import io
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

ROOT = Path(__file__).resolve().parents[2]
EXIT_CODES = {0, 1, 2, 3, 4, 130}
OUTPUTS = ("out", "originals")
LIMIT = 120.0  # seconds of work that a command of a round may take; its pages are small
PATIENCE = 5  # times as long as it may work a command may take on a machine that others use, too

PIECES = [
    "&amp;", "&#20320;", "&#x4f60", "?！弊：", "»", "首页 > 新闻 > ", "上一页1234567891011下一页", "标签: 春 ", "責任編輯:", "2020年1月2日 12:30 ", "（", ")", "【", "]", ">", "|", "·", "\u200b", "\u3000",
    "\u180e", "\ufeff", "\u0301", "é", "Ã©", "ä½ å¥½", "浣犲ソ", "\ue5e5", "\x00", "\x1b[31m", "\r", "\x85", "\u2028", "😀", "👨\u200d👩", "發", "发", "fā", "(fā)", ":copyright:", "1" * 40, "-" * 60,
    "<p>", "</p>", "<div class=comment>", "<article>", "</article>", "<table><tr><td>", "<script>var a='<p>';</script>", "<!--", "-->", "<![CDATA[", "<svg>", "<math><mi>x", "<plaintext>", "<template>",
    "<noscript>", "<textarea>", "<a href='", "<meta charset=gbk>", "<br>", "<ruby>漢<rt>hàn</rt></ruby>", "<select><option>", "<frameset>", "<style>p{display:none}</style>", "<li>", "\n", "\n\n",
]  # fmt: skip
PROSE = [
    "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。",
    "市水务局在东河段启动了清淤工程,预计工期为四十五天,期间两岸步道将分段封闭。",
    "記者獲悉,口岸是連接兩國間的重要窗口,推動口岸建設需要雙方同頻共振。",
    "The river was dredged in spring; residents had asked for it for years.",
]
ENCODINGS = ["utf-8", "utf-8", "utf-8", "gb18030", "big5", "utf-16", "utf-16-le", "latin-1", "shift_jis", "koi8-r"]
NAMES = [
    "a.txt",
    "b.html",
    "c",
    "d.htm",
    "e.php",
    "f.json",
    "g.xml",
    "index.html?id=3",
    "長.txt",
    "名 字.txt",
    "x" * 250,
    "-rf.txt",
    "#.txt",
    "%2e%2e.txt",
    "con.txt",
    "a\nb.txt",
]


def text(rng: random.Random) -> str:
    """Return a page of prose and hostile pieces, some of them repeated many times."""
    parts = [rng.choice(PROSE) + "\n" for _ in range(rng.randrange(4))]
    parts += [rng.choice(PIECES) * rng.choice([1, 1, 1, 2, 3, 30, 300, 3000]) for _ in range(rng.randrange(12))]
    rng.shuffle(parts)
    if rng.random() < 0.2:
        parts.append(
            "".join(
                chr(
                    rng.choice(
                        [
                            rng.randrange(32, 0x250),
                            rng.randrange(0x2000, 0x3400),
                            rng.randrange(0x3400, 0x9FFF),
                            rng.randrange(0x10000, 0x2FFFF),
                        ]
                    )
                )
                for _ in range(200)
            )
        )
    return "".join(parts)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Return bytes with a few faults of transport: flipped, lost, repeated, cut, joined."""
    out = bytearray(data)
    for _ in range(rng.choice([0, 0, 1, 2, 8])):
        if not out:
            break
        at, n = rng.randrange(len(out)), rng.choice([1, 1, 2, 7, 100, 5000])
        how = rng.randrange(5)
        if how == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            del out[at : at + n]
        elif how == 2:
            out[at:at] = out[at : at + n] * rng.choice([1, 2, 50])
        elif how == 3:
            del out[at:]
        else:
            out[at:at] = bytes(rng.randrange(256) for _ in range(min(n, 100)))
    return bytes(out)


def page(rng: random.Random, models: list[bytes]) -> bytes:
    """Return the bytes of a page: a mutated real one, or one made of pieces."""
    if models and rng.random() < 0.5:
        return mutated(rng, rng.choice(models))
    return mutated(rng, text(rng).encode(rng.choice(ENCODINGS), "replace"))


def packed(rng: random.Random, data: bytes, name: str) -> tuple[str, bytes]:
    """Return data in a container, which may be broken."""
    how = rng.randrange(7)
    if how == 0:
        name, data = name + ".gz", gzip.compress(data)
    elif how == 1:
        name, data = name + ".zst", zstandard.compress(data)
    elif how == 2:
        name, data = name + ".bz2", bz2.compress(data)
    elif how == 3:
        name, data = name + ".gz", gzip.compress(data) + gzip.compress(b"\0" * 3_000_000)
    elif how == 4:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("../../evil.txt", data)
        name, data = rng.choice([name, "pages.zip"]), buffer.getvalue()
    elif how == 5:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            info = tarfile.TarInfo("/tmp/evil.txt")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        name, data = rng.choice([name, "pages.tar"]), buffer.getvalue()
    else:
        head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://example.cn/\r\nContent-Length: %d\r\n\r\n" % len(data)
        name, data = rng.choice([name, "pages.warc"]), head + data
    return name, mutated(rng, data) if rng.random() < 0.5 else data


def table(rng: random.Random) -> tuple[str, bytes]:
    """Return a table of texts as JSON lines, CSV or Parquet, with rows of wrong types, without ids, or broken."""
    ids: list[object] = [1, 2, "x", "x", None, 1.5, float("nan"), 2**64 - 1, -1, "../a", "", {"a": 1}]
    texts: list[object] = [*PROSE, *PROSE, None, "", 5, ["a"], text(rng)]
    rows = [
        {rng.choice(["id", "id", "id", "url"]): rng.choice(ids), rng.choice(["text", "text", "content"]): rng.choice(texts)}
        for _ in range(rng.randrange(30))
    ]
    if rng.random() < 0.3:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kind = rng.choice([pa.string(), pa.int64(), pa.float64(), pa.uint64(), pa.large_string()])
        size = rng.randrange(1, 30)
        column = pa.array([None if rng.random() < 0.2 else n for n in range(size)]).cast(kind)
        sink = io.BytesIO()
        pq.write_table(pa.table({"id": column, "text": pa.array([rng.choice([*PROSE, None]) for _ in range(size)])}), sink)
        return "t.parquet", mutated(rng, sink.getvalue())
    lines = "".join(json.dumps(row, ensure_ascii=rng.random() < 0.5) + "\n" for row in rows).encode()
    name, data = rng.choice(
        [("t.jsonl", lines), ("t.json", lines), ("t.json", json.dumps(rows).encode()), ("t.csv", b"id,text\n1,a\n2,b\n"), ("t.txt", lines)]
    )
    data = mutated(rng, data)
    how = rng.randrange(4)
    return (name + ".gz", gzip.compress(data)) if how == 0 else (name + ".zst", zstandard.compress(data)) if how == 1 else (name, data)


def rules(rng: random.Random) -> str:
    """Return a rule pack with a row whose pattern is made at random, sometimes of a kind that backtracks."""

    def pattern(depth: int) -> str:
        how = rng.randrange(8 if depth else 3)
        if how < 3:
            return rng.choice(["甲", "赞助", r"\d", "[^。]", ".", "[a-z ]", "<DATE>", "乙", r"\s", "|", "("])
        inner = "".join(pattern(depth - 1) for _ in range(rng.randrange(1, 4)))
        return rng.choice(
            [
                f"(?:{inner})*",
                f"(?:{inner}){{1,30}}",
                f"({inner}|{inner})",
                f"(?={inner})",
                f"(?:{inner})?",
                f"{inner}+",
                f"[{inner}]{{0,14}}",
                f"(?:{inner}){{5,}}+",
            ]
        )

    kind = rng.choice(["line", "line", "span", "words", "label", "block", "nonsense"])
    match = rng.choice(["赞助", ""]) + "".join(pattern(3) for _ in range(rng.randrange(1, 4)))
    fields = {
        "id": rng.choice(["mine.rule", "meta.editor", "x", ""]),
        "category": rng.choice(["C19", "C99"]),
        "anchors": ["赞助"],
        "match": match,
        "words": ["赞助"],
        "row": rng.choice([".{1,9}", match]),
        "unless": rng.choice(["", "。", match]),
        "hit": ["赞助" + rng.choice(["", "甲乙", "12"])],
        "miss": [PROSE[0]],
        "strength": rng.choice(["A", "B", "Z"]),
        "disabled": rng.choice([True, False]),
    }
    chosen = {k: v for k, v in fields.items() if rng.random() < 0.8}
    return f"[[{kind}]]\n" + "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in chosen.items())


# ---------------------------------------------------------------- rounds


def _worked() -> float:
    """Return the seconds of processor time that ended children, and theirs, have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Sandbox:
    """A folder of inputs, an output folder, and files beside them that no command may touch."""

    def __init__(self, folder: Path, seed: int, faults: list[str], timings: Counter[str]) -> None:
        self.folder, self.seed, self.faults, self.timings = folder, seed, faults, timings
        for name in ("in", "beside", "out"):
            (folder / name).mkdir(parents=True)
        (folder / "beside" / "victim.txt").write_text("victim", "utf-8")
        (folder / "victim").write_text("victim", "utf-8")

    def others(self) -> dict[str, str]:
        """Return the digest of every file outside the output folders."""
        files = (p for p in sorted(self.folder.rglob("*")) if p.is_file() and p.relative_to(self.folder).parts[0] not in OUTPUTS)
        return {os.fsdecode(os.fsencode(p)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    def fault(self, what: str, call: list[str]) -> None:
        self.faults.append(f"seed {self.seed}: {what}: cleantext {' '.join(call)}")
        print(self.faults[-1][:600], flush=True)

    def call(self, *args: str, allowed: Callable[[int], bool] = EXIT_CODES.__contains__, stdin: bytes = b"") -> int | None:
        """Run a command and check what must hold. Return its exit code, None where it did not end."""
        before, worked = self.others(), _worked()
        try:
            done = subprocess.run(
                [sys.executable, "-m", "cleantext", *args],
                check=False,
                cwd=self.folder,
                input=stdin,
                capture_output=True,
                timeout=PATIENCE * LIMIT,
            )
        except subprocess.TimeoutExpired:
            self.fault(f"no end within {PATIENCE * LIMIT:.0f} s", list(args))
            return None
        took = _worked() - worked
        if took > LIMIT:
            self.fault(f"{took:.0f} s of work", list(args))
        self.timings[args[0]] += 1
        self.timings["longest"] = max(self.timings["longest"], int(took))
        said = done.stderr.decode("utf-8", "replace")
        if "Traceback" in said:
            self.fault(f"traceback {said.strip().splitlines()[-1][:200]}", list(args))
        elif not allowed(done.returncode):
            self.fault(f"exit code {done.returncode}, {said.strip()[-200:]}", list(args))
        after = self.others()
        if after != before:
            changed = sorted({k for k in before.keys() | after.keys() if before.get(k) != after.get(k)})
            self.fault(f"touched {changed[:3]}", list(args))
        return done.returncode

    def accounted(self, call: list[str]) -> None:
        """Check that every page of the run is kept, emptied, a duplicate or failed, and that failures are listed."""
        report = self.folder / "out" / "report.json"
        if not report.exists():
            return
        pages = json.loads(report.read_text("utf-8"))["pages"]
        listed = self.folder / "out" / "failed.jsonl"
        failed = listed.read_text("utf-8").count("\n") if listed.exists() else 0
        if failed != pages["failed"]:
            self.fault(f"{failed} rows in failed.jsonl, {pages['failed']} counted", call)
        if pages["in"] != sum(pages.values()) - pages["in"]:
            self.fault(f"of {pages['in']} pages the outcomes are {pages}", call)


def damage_run(rng: random.Random, out: Path) -> None:
    """Damage a finished run as a disk or a stranger would: names that lead outside, flipped tables, lost pages."""
    files = [p for p in sorted(out.rglob("*")) if p.is_file()]
    if not files:
        return
    metadata = out / "metadata.jsonl"
    if metadata.exists() and rng.random() < 0.5:
        rows = [json.loads(line) for line in metadata.read_text("utf-8").split("\n") if line]
        for row in rows[:2]:
            row[rng.choice(["output", "id"])] = rng.choice(
                ["../victim", "../beside/victim.txt", "/tmp/evil.txt", "", ".", "..\\victim", "a\0b", 5, None]
            )
        metadata.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    else:
        path = rng.choice(files)
        path.write_bytes(mutated(rng, path.read_bytes()) or b"\0")


def play(sandbox: Sandbox, rng: random.Random, models: list[bytes]) -> None:
    """Play one round."""
    source = sandbox.folder / "in"
    for _ in range(rng.randrange(1, 40)):
        name, data = rng.choice(NAMES), page(rng, models)
        if rng.random() < 0.15:
            name, data = packed(rng, data, name)
        folder = source / rng.choice(["", "", "sub", "www.example.cn", "深/層"])
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / (f"{rng.randrange(1000)}{name}" if rng.random() < 0.8 else name)).write_bytes(data)
        except OSError:
            continue  # a name that this file system does not take
    kind = rng.randrange(5)
    page_call = [
        "clean",
        "in",
        "-o",
        "out",
        "--duplicates",
        *rng.choice([["passages"], ["passages", "--remove"], ["documents", "--remove"], ["off"]]),
    ]
    if kind <= 1:
        sandbox.call(*page_call)
        sandbox.accounted(page_call)
        if kind == 1:
            damage_run(rng, sandbox.folder / "out")
        sandbox.call("report", "out")
        code = sandbox.call("undo", "out", "-o", "originals")
        shutil.rmtree(sandbox.folder / "originals", ignore_errors=True)
        if code is not None and rng.random() < 0.5:
            sandbox.call(*page_call)
    elif kind == 2:
        (sandbox.folder / "mine.toml").write_text(rules(rng), "utf-8")
        sandbox.call("rules", "test", "mine.toml")
        sandbox.call(*page_call, "--rules", "mine.toml")
    elif kind == 3:
        tables = sandbox.folder / "tables"
        tables.mkdir()
        for _ in range(rng.randrange(1, 3)):
            name, data = table(rng)
            (tables / name).write_bytes(data)
        sandbox.call(
            "dedup",
            rng.choice(["tables", *(f"tables/{p.name}" for p in tables.iterdir())]),
            "-o",
            "out",
            *rng.choice([[], ["--engine", "local", "--level", "document"]]),
        )
    else:
        sandbox.call("dedup", "in", "-o", "out")
    files = [p for p in sorted(source.rglob("*")) if p.is_file()]
    if files:
        chosen = str(rng.choice(files).relative_to(sandbox.folder))
        sandbox.call("explain", *rng.choice([[], ["--json"], ["--diff"]]), "--", chosen)
        shutil.rmtree(sandbox.folder / "out", ignore_errors=True)
        sandbox.call("clean", "-o", "out", "--", chosen)
    sandbox.call("pipe", *rng.choice([[], ["--jsonl", "text"]]), stdin=table(rng)[1])


def models() -> list[bytes]:
    """Return the pages of the repository, as models to mutate."""
    files = [*sorted((ROOT / "seeds").glob("*.txt")), *sorted((ROOT / "tests" / "cases" / "html").glob("*.html"))]
    return [p.read_bytes()[:60_000] for p in files]


def rounds(minutes: float, seed: int, keep: Path) -> Iterator[tuple[list[str], Counter[str]]]:
    """Play rounds until the time is over; yield the faults and the counts of each."""
    end, known = time.monotonic() + minutes * 60, models()
    while time.monotonic() < end:
        folder, faults, timings = Path(tempfile.mkdtemp(prefix="cleantext-fuzz-")), list[str](), Counter[str]()
        rng = random.Random(seed)
        play(Sandbox(folder, seed, faults, timings), rng, known)
        if faults:
            shutil.copytree(folder, keep / str(seed), dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(folder, ignore_errors=True)
        yield faults, timings
        seed += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()) / "cleantext-fuzz-faults", help="folder for rounds with faults"
    )
    args = parser.parse_args()
    total, faults, played = Counter[str](), list[str](), 0
    for found, timings in rounds(args.minutes, args.seed, args.keep):
        played += 1
        longest = max(total["longest"], timings.pop("longest", 0))
        total.update(timings)
        total["longest"] = longest
        faults += found
    longest = total.pop("longest")
    print(
        f"{played} rounds from seed {args.seed}; commands {dict(total)}; longest command {longest} s of work; {len(faults)} faults"
        + (f", kept in {args.keep}" if faults else "")
    )
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
