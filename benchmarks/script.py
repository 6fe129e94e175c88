"""How well scripts are converted, and how fast, beside other converters.

    python benchmarks/script.py --environments ~/.cache/cleantext-peers            # makes what is missing, with pip
    python benchmarks/script.py --environments DIR --rounds 0                      # no speed, a minute

Right: OpenCC's own cases; equality with the OpenCC wheel on every row of its dictionaries, on random mixes
of them and on real text; agreement with verses and sentences that exist in both scripts.

Fast: one core, the same text, in turn; MB/s of UTF-8 and of CPU seconds by the median of all rounds, ratios by the median of the
ratios within a round. Traditional text for t2s and tw2sp, Simplified for s2t and s2twp: the laws of ../shared
where they are, else the seeds, repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
import venv
from collections import defaultdict
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from statistics import median

from make_contextmodel import is_learned

from cleantext.data import opencc_text
from cleantext.script import UnifyScript, detect_script
from cleantext.script.dictionaries import CONFIGURATIONS
from cleantext.transform import Page

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("CLEANTEXT_SHARED", ROOT.parent / "shared")) / "data" / "dedup"
PEERS = {
    "opencc": "OpenCC==1.4.2",
    "opencc_reimplemented": "opencc-python-reimplemented==0.1.7",
    "opencc_pyo3": "opencc-pyo3==0.12.0",
    "zhconv_rs": "zhconv-rs==0.4.2",
}
TIMED = {"t2s": "hant", "s2t": "hans", "s2twp": "hans", "tw2sp": "hant"}
TARGETS = {"t2s": "hans", "s2t": "hant"}  # timed beside
SIGNS = str.maketrans("“”‘’.", "「」『』。")
COMPARED = ("t2s", "s2t", "tw2sp", "s2twp", "hk2s")
GLUE = ["，", "\n", " ", "⿰", "⿲", "⿾", "a", "の", "\uf900", "\ufe00", "著", "着", "麼", "乾", "〇", "𠮷", "123", "\N{OGHAM SPACE MARK}"]
Texts = dict[str, list[str]]


def interpreter(folder: Path, peer: str) -> Path:
    """Return the Python of a peer's environment, which is made where it is missing."""
    python = folder / peer / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder / peer, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEERS[peer]], check=True)
    return python


def ask(python: Path, script: str, *arguments: str, given: str) -> str:
    """Return what a script says in the environment of a peer."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [python, Path(__file__).parent / "peers" / script, *arguments]
    return subprocess.run(command, input=given.encode(), capture_output=True, check=True, env=environment).stdout.decode()


# --- texts ---------------------------------------------------------------------------------------


def shared_rows(name: str) -> list[dict[str, str]]:
    import zstandard

    with zstandard.open(SHARED / f"{name}.jsonl.zst", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def large_texts() -> dict[str, str]:
    if SHARED.is_dir():
        return {script: "\n".join(row["text"] for row in shared_rows(name)) for script, name in (("hant", "moj"), ("hans", "laws"))}
    seeds = ROOT / "seeds"
    return {"hant": (seeds / "000.repaired.txt").read_text("utf-8") * 500, "hans": next(seeds.glob("002_*.txt")).read_text("utf-8") * 150}


def real_texts() -> list[str]:
    """Return all documents that are at hand, of both scripts."""
    texts = [path.read_text("utf-8", "ignore") for path in sorted((ROOT / "seeds").rglob("*.txt"))]
    if SHARED.is_dir():
        texts += [row["text"] for name in ("moj", "laws") for row in shared_rows(name)]
        texts += [path.read_text("utf-8", "ignore") for path in sorted((SHARED.parent / "pages").rglob("*")) if path.is_file()]
        texts += ["\n".join(row[script] for row in pair_rows(name)) for name in ("cuv", "ud") for script in ("hant", "hans")]
    return texts


def pair_rows(name: str) -> list[dict[str, str]]:
    """Return texts that exist in both scripts: Bible verses, or sentences of Universal Dependencies."""
    return shared_rows(name) if name == "cuv" else [json.loads(line) for line in (SHARED / f"{name}.jsonl").read_text("utf-8").splitlines()]


def dictionary_words() -> list[str]:
    """Return every key and every value of the dictionaries that configurations use."""
    names = {name for c in CONFIGURATIONS.values() for group in c.stages for tier in group.tiers for name in tier}
    lines = (line for name in names for line in (opencc_text(name) or "").splitlines() if not line.startswith("#"))
    return sorted({word for line in lines for word in line.replace("\t", " ").split(" ") if word})


def mixes(words: list[str], count: int) -> list[str]:
    rng = random.Random(4)
    return ["".join(rng.choice(words if rng.random() < 0.8 else GLUE) for _ in range(rng.randint(1, 8))) for _ in range(count)]


# --- right ---------------------------------------------------------------------------------------


def converted(to: str, texts: list[str]) -> list[str]:
    """Return the texts converted one by one and as a column, which must say the same."""
    import pyarrow as pa

    transform = UnifyScript(to=to)
    one_by_one = [page.text for page in transform.fast([Page(text) for text in texts])]
    if transform.arrow(pa.array(texts, pa.large_string())).to_pylist() != one_by_one:
        sys.exit(f"{to}: a column is not converted as its texts are")
    return one_by_one


def equality(opencc: Path) -> Iterator[str]:
    """Yield rows: what was compared with the wheel, and how many lines differ."""
    words = dictionary_words()
    real = real_texts()
    asked: dict[str, Texts] = {
        "every key and value, 16 configurations": dict.fromkeys(CONFIGURATIONS, words),
        f"random mixes of them, {', '.join(COMPARED)}": dict.fromkeys(COMPARED, mixes(words, 200_000)),
        f"real text, {', '.join(COMPARED)}": dict.fromkeys(COMPARED, real),
    }
    for name, texts in asked.items():
        told = json.loads(ask(opencc, "script_answers.py", "opencc", given=json.dumps(texts)))
        lines = size = differ = 0
        for configuration, answers in told.items():
            for ours, theirs in zip(converted(configuration, texts[configuration]), answers, strict=True):
                pairs = list(zip_longest(ours.split("\n"), theirs.split("\n")))
                lines += len(pairs)
                differ += sum(a != b for a, b in pairs)
            size += sum(len(text.encode()) for text in texts[configuration])
        yield f"| {name} | {lines:,} | {size / len(told) / 1e6:.1f} | {differ} |"


def official(opencc: Path) -> Iterator[str]:
    """Yield a row for each converter: how many of OpenCC's own cases it passes."""
    cases = json.loads((SHARED / "opencc_testcases.json").read_text("utf-8"))["cases"]
    asked: Texts = defaultdict(list)
    expected: Texts = defaultdict(list)
    for case in cases:
        for configuration, answer in case["expected"].items():
            asked[configuration].append(case["input"])
            expected[configuration].append(answer)
    ours = {configuration: converted(configuration, texts) for configuration, texts in asked.items()}
    theirs = json.loads(ask(opencc, "script_answers.py", "opencc", given=json.dumps(asked)))
    for name, answers in (("cleantext", ours), ("OpenCC", theirs)):
        passed = sum(a == b for c in asked for a, b in zip(answers[c], expected[c], strict=True))
        yield f"| {name} | {passed} of {sum(map(len, asked.values()))} |"


def agreement(pythons: dict[str, Path]) -> Iterator[str]:
    """Yield rows: how many pairs come out as they were written, and how many characters in 10,000 do not, in the half not learned from."""
    for name in ("cuv", "ud"):
        rows = [row for row in pair_rows(name) if not is_learned(row["id"])]
        ways = {"t2s": ("hant", "hans"), "tw2s": ("hant", "hans"), "s2t": ("hans", "hant"), "s2tw": ("hans", "hant")}
        given = json.dumps({c: [r[a] for r in rows] for c, (a, _) in ways.items()})
        theirs = {peer: json.loads(ask(pythons[peer], "script_answers.py", peer, given=given)) for peer in ("opencc", "zhconv_rs")}
        for configuration, (source, wanted) in ways.items():
            target = {"t2s": "hans", "s2t": "hant", "s2tw": "hant-tw"}.get(configuration)
            texts, truth = [row[source] for row in rows], [row[wanted] for row in rows]
            cells = [score(converted(configuration, texts), truth), *(score(theirs[peer][configuration], truth) for peer in theirs)]
            cells.append(score(converted(target, texts), truth) if target else "")
            yield f"| {name}, {len(rows):,} pairs, {configuration} | {' | '.join(cells)} |"
            if name == "ud" and target:  # of which 42 quotation marks and a full stop were changed by hand, too
                there, ours = ([t.translate(SIGNS) for t in texts] for texts in (truth, converted(target, texts)))
                cells = [score([t.translate(SIGNS) for t in theirs[peer][configuration]], there) for peer in theirs]
                yield f"| the same, quotation marks aside | | {' | '.join(cells)} | {score(ours, there)} |"


def there_and_back() -> Iterator[str]:
    """Yield rows: wrong characters of Traditional text made Simplified and Traditional again, regional forms taken as one."""
    from make_contextmodel import FORMS, sets

    for name, found in sets().items():
        rows = [row for row in found if not is_learned(row[0])]
        simplified, truth = [row[1] for row in rows], [row[2].translate(FORMS) for row in rows]
        opencc, ours = ([t.translate(FORMS) for t in converted(to, simplified)] for to in ("s2t", "hant"))
        counted = [
            (a != t, b != t)
            for x, y, z in zip(opencc, ours, truth, strict=True)
            for a, b, t in zip(x, y, z, strict=True)
            if a != t or b != t
        ]
        size = sum(map(len, truth)) / 1e4
        cells = [f"{sum(n for n, _ in counted) / size:.1f}", f"{sum(n for _, n in counted) / size:.1f}"]
        yield f"| {name}, {size * 10:,.0f} k characters | {' | '.join(cells)} | {counted.count((True, False))} : {counted.count((False, True))} |"


def mixed_lines(count: int = 2000) -> Iterator[str]:
    """Yield rows: lines made of a pair's spans in turn, how many of their characters are the target text's; and clean lines that change."""
    rng = random.Random(7)
    rows = [(r["hans"], r["hant"]) for name in ("ud", "cuv") for r in pair_rows(name) if len(r["hans"]) == len(r["hant"]) >= 14]
    rng.shuffle(rows)
    lines = []
    for pair in rows:
        line, which = "", rng.random() < 0.5
        while len(line) < len(pair[0]):
            line += pair[which][len(line) : len(line) + rng.randint(2, 12)]
            which = not which
        lines += [(line, pair[0])] if line not in pair else []
    lines = lines[:count]
    clean = {"hans": [row["text"] for row in shared_rows("laws")], "hant": [row["text"] for row in shared_rows("moj")]}
    clean["hant-tw"] = clean["hant"]
    for to in ("hans", "hant", "hant-tw"):
        answers = converted(to, [line for line, _ in lines])
        wanted = [text for _, text in lines] if to == "hans" else converted(to, [text for _, text in lines])
        right = sum(a == b for x, y in zip(answers, wanted, strict=True) for a, b in zip(x, y, strict=True))
        strange = sum(getattr(detect_script(text), "traditional" if to == "hans" else "simplified") for text in answers)
        size = sum(map(len, wanted))
        texts = [line for text in clean.get(to, []) for line in text.split("\n")]
        rng.shuffle(texts)
        texts = texts[:100_000]
        if to == "hant-tw":  # of which those ask for a change that are not written as Taiwan does
            texts = [a for a, b in zip(texts, converted("t2tw", texts), strict=True) if a == b]
        changed = sum(a != b for a, b in zip(converted(to, texts), texts, strict=True))
        yield f"| {to} | {1 - strange / size:.2%} | {right / size:.2%} | {changed} of {len(texts):,} |"


def score(answers: list[str], truth: list[str]) -> str:
    right = sum(a == b for a, b in zip(answers, truth, strict=True))
    wrong = sum(x != y for a, b in zip(answers, truth, strict=True) for x, y in zip_longest(a, b))
    return f"{right / len(truth):.1%}, {wrong / sum(map(len, truth)) * 1e4:.1f}"


# --- fast ----------------------------------------------------------------------------------------


def ours(configuration: str, text: str) -> dict[str, float]:
    """Return the seconds that cleantext takes, in all the ways it can be asked: medians of five, in turn."""
    import pyarrow as pa

    convert = UnifyScript(to=configuration)
    documents = [text[i : i + 700] for i in range(0, len(text), 700)]  # 2 kB of UTF-8
    column, pages, page = pa.array(documents), [Page(d) for d in documents], [Page(text)]
    ways = {
        "cleantext": lambda: convert(text),
        "cleantext, column of 2 kB": lambda: convert.arrow(column),
        "cleantext, pages of 2 kB": lambda: convert.fast(pages),
        "cleantext, with edits": lambda: convert.run(page),
        "cleantext, pages of 2 kB with edits": lambda: convert.run(pages),
    }
    if configuration in TARGETS:
        target = UnifyScript(to=TARGETS[configuration])
        ways |= {"cleantext, target": lambda: target(text), "cleantext, target, pages of 2 kB": lambda: target.fast(pages)}
    seconds = defaultdict(list)
    for n in range(6):
        for way, call in ways.items():
            start = time.process_time()
            call()
            seconds[way] += [time.process_time() - start] if n else []
    return {way: median(s) for way, s in seconds.items()}


def theirs(python: Path, peer: str, configuration: str, text: str) -> float:
    """Return the seconds that a peer takes for the text (those for a part, in proportion)."""
    told = json.loads(ask(python, "script_peer.py", peer, configuration, given=text))
    return told["seconds"] * len(text.encode()) / told["bytes"]


def speed(pythons: dict[str, Path], rounds: int) -> Iterator[str]:
    """Yield the rows of MB/s, then those of ratios."""
    corpus = large_texts()
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for configuration, script in TIMED.items():
            found = ours(configuration, corpus[script])
            found |= {peer: theirs(python, peer, configuration, corpus[script]) for peer, python in pythons.items()}
            for name, taken in found.items():
                seconds[name, configuration].append(taken)
    size = {c: len(corpus[script].encode()) / 1e6 for c, script in TIMED.items()}
    for name in dict.fromkeys(name for name, _ in seconds):
        yield f"| {name} | {' | '.join(f'{size[c] / median(seconds[name, c]):.0f}' if seconds[name, c] else '' for c in TIMED)} |"

    def ratio(name: str, other: str, configuration: str) -> str:
        both = [b / a for a, b in zip(seconds[name, configuration], seconds[other, configuration], strict=False)]
        return f"{median(both):.2f}" if both else ""

    for name, other in [
        ("cleantext, column of 2 kB", "cleantext"),
        ("cleantext, target", "cleantext"),
        *(("cleantext", peer) for peer in pythons),
    ]:
        yield f"| {name} : {other} | {' | '.join(ratio(name, other, c) for c in TIMED)} |"
    if pythons:
        fastest = {c: min(pythons, key=lambda peer: median(seconds[peer, c])) for c in TIMED}
        cells = [f"{ratio('cleantext', fastest[c], c)} ({fastest[c]})" for c in TIMED]
        yield f"| cleantext : fastest peer | {' | '.join(cells)} |"


def table(header: str, rows: Iterator[str]) -> None:
    print(f"\n{header}\n|{'---|' * (header.count('|') - 1)}")
    for row in rows:
        print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=Path, help="folder of the peers' environments; without it, only cleantext is timed")
    parser.add_argument("--peers", nargs="+", choices=PEERS, help="only these; OpenCC and zhconv-rs are what texts are compared with")
    parser.add_argument("--rounds", type=int, default=5, help="of timing")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # inherited by the peers
    peers = options.peers or list(PEERS)
    pythons = {peer: interpreter(options.environments, peer) for peer in peers} if options.environments else {}
    if pythons:
        opencc = pythons["opencc"]
        if SHARED.is_dir():
            table("| official cases | passed |", official(opencc))
            table("| pairs: equal, wrong characters in 10,000 | cleantext | OpenCC | zhconv-rs | cleantext, target |", agreement(pythons))
            table("| lines of both scripts | in the target script | as the target text | clean lines changed |", mixed_lines())
            table("| there and back: wrong in 10,000 | OpenCC | cleantext, hant | mended : spoilt |", there_and_back())
        table("| compared with OpenCC | lines | MB each | differ |", equality(opencc))
    if options.rounds:
        table(f"| MB/s | {' | '.join(TIMED)} |", speed(pythons, options.rounds))


if __name__ == "__main__":
    main()
