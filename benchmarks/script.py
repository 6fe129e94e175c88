"""How fast scripts are converted, beside other converters, and how well.

    python benchmarks/script.py --environments ~/.cache/cleantext-peers            # makes what is missing, with pip
    python benchmarks/script.py --environments DIR --text hant.txt hans.txt --rounds 5

One core, the same text, in turn, the best of all rounds; MB/s of UTF-8. Traditional text for t2s and tw2sp,
Simplified for s2t and s2twp: the laws of ../shared where they are, else the seeds, repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from collections import defaultdict
from pathlib import Path

from cleantext.script import UnifyScript
from cleantext.transform import Page

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data" / "dedup"
PEERS = {
    "opencc": "OpenCC==1.4.2",
    "opencc_reimplemented": "opencc-python-reimplemented==0.1.7",
    "opencc_pyo3": "opencc-pyo3==0.12.0",
    "zhconv_rs": "zhconv-rs==0.4.2",
}
CONFIGURATIONS = {"t2s": "hant", "s2t": "hans", "s2twp": "hans", "tw2sp": "hant"}


def interpreter(folder: Path, peer: str) -> Path:
    """Return the Python of a peer's environment, which is made where it is missing."""
    python = folder / peer / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder / peer, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEERS[peer]], check=True)
    return python


def shared_text(name: str) -> str:
    import zstandard

    with zstandard.open(SHARED / f"{name}.jsonl.zst", "rt", encoding="utf-8") as file:
        return "\n".join(json.loads(line)["text"] for line in file)


def texts(paths: list[str] | None) -> dict[str, str]:
    if paths:
        return dict(zip(("hant", "hans"), (Path(p).read_text("utf-8") for p in paths), strict=True))
    if SHARED.is_dir():
        return {"hant": shared_text("moj"), "hans": shared_text("laws")}
    seeds = ROOT / "seeds"
    return {"hant": (seeds / "000.repaired.txt").read_text("utf-8") * 500, "hans": next(seeds.glob("002_*.txt")).read_text("utf-8") * 150}


def ours(configuration: str, text: str) -> dict[str, float]:
    """Return the seconds that cleantext takes, in all the ways it can be asked."""
    import pyarrow as pa

    convert = UnifyScript(to=configuration)
    documents = [text[i : i + 700] for i in range(0, len(text), 700)]  # 2 kB of UTF-8
    column, pages, page = pa.array(documents), [Page(d) for d in documents], [Page(text)]
    ways = {
        "cleantext": lambda: convert(text),
        "cleantext, with edits": lambda: convert.run(page),
        "cleantext, pages of 2 kB": lambda: convert.fast(pages),
        "cleantext, pages of 2 kB with edits": lambda: convert.run(pages),
        "cleantext, column of 2 kB": lambda: convert.arrow(column),
    }
    out = {}
    for way, call in ways.items():
        call()
        start = time.perf_counter()
        call()
        out[way] = time.perf_counter() - start
    return out


def theirs(python: Path, peer: str, configuration: str, text: str) -> float:
    """Return the seconds that a peer takes for the text (those for a part, in proportion)."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [python, Path(__file__).parent / "peers" / "script_peer.py", peer, configuration]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True, env=environment)
    told = json.loads(done.stdout)
    return told["seconds"] * len(text.encode()) / told["bytes"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=Path, help="folder of the peers' environments")
    parser.add_argument("--text", nargs=2, metavar=("HANT", "HANS"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # inherited by the peers
    pythons = {peer: interpreter(options.environments, peer) for peer in PEERS} if options.environments else {}
    corpus = texts(options.text)
    best: dict[tuple[str, str], float] = defaultdict(lambda: float("inf"))
    for _ in range(options.rounds):
        for configuration, script in CONFIGURATIONS.items():
            found = ours(configuration, corpus[script])
            found |= {peer: theirs(python, peer, configuration, corpus[script]) for peer, python in pythons.items()}
            for name, seconds in found.items():
                best[name, configuration] = min(best[name, configuration], seconds)
    print("| MB/s |", " | ".join(CONFIGURATIONS), "|\n|---|" + "---|" * len(CONFIGURATIONS))
    size = {c: len(corpus[s].encode()) / 1e6 for c, s in CONFIGURATIONS.items()}
    for name in dict.fromkeys(name for name, _ in best):
        print(f"| {name} |", " | ".join(f"{size[c] / best[name, c]:.0f}" for c in CONFIGURATIONS), "|")
    for peer in pythons:
        print(f"| cleantext : {peer} |", " | ".join(f"{best[peer, c] / best['cleantext', c]:.2f}" for c in CONFIGURATIONS), "|")


if __name__ == "__main__":
    main()
