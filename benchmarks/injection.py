"""Passages planted in long documents: how much of them is found, letter by letter.

    python benchmarks/injection.py                     # cleantext and two baselines
    python benchmarks/injection.py --plants 600 --no-baselines

A passage of 40 to 1,500 letters (kept characters of the fold) is cut out of a law and put into another long document at
a random place; its copy is edited, rewritten in the other script, in the other width or with other punctuation. Sources
and hosts are searched together, with everything that they really share. A reported pair that meets both sides of a
planting counts for it: letters inside the planting are right, those beyond it wrong, on both sides. Any other pair is
left out if its exact similarity reaches the threshold (laws do share passages), and all its letters are wrong if not.
F1 is over letters. "Within reach" is the share of letters in plantings whose copy has the threshold's similarity as
a whole: one edit in 44 letters leaves .77, so that no honest search at .8 can report them whole.

Baselines, on folded text: MinHash of paragraphs (datasketch, 128 slots, its own estimate decides), and maximal equal
runs of 40 letters. "Whole lines" plants lines between lines, which is what paragraphs can find.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from datasketch import MinHash, MinHashLSH
from dedup import DATA, read

from cleantext import unify_script
from cleantext.dedup import find_duplicates

sys.path.insert(0, str(DATA.parents[1] / "tools"))
import score_dedup as score

CLASSES = ((40, 100), (100, 300), (300, 1500))
LONG = 2000  # letters of a document that takes part
FULL = {c: c + 0xFEE0 for c in range(0x21, 0x7F)} | {0x20: 0x3000}
HALF = {full: half for half, full in FULL.items()}
MARKS = {
    "，": ",",
    "。": ".",
    "；": ";",
    "：": ":",
    "、": "，",
    "（": "(",
    "）": ")",
    "「": "“",
    "」": "”",
    "《": "〈",
    "》": "〉",
    "\n": "\n\n",
}
Edit = Callable[[str, random.Random], str]


class Row(NamedTuple):
    name: str
    threshold: float
    edit: Edit
    bar: float | None = None
    whole_lines: bool = False


class Span(NamedTuple):
    """A pair of ranges in letters: of a document ``a``, and of a document ``b``."""

    a: str
    a_low: int
    a_high: int
    b: str
    b_low: int
    b_high: int


@dataclass
class Planting:
    source: str
    low: int  # in letters of the source
    high: int
    host: str = ""
    host_low: int = 0
    host_high: int = 0
    found: list[Span] = field(default_factory=list)


# --- edits -----------------------------------------------------------------------------------------


def letters(rate: float) -> Edit:
    """Return an edit that replaces, inserts or deletes a letter, a third each, at this rate of letters."""

    def edit(text: str, rng: random.Random) -> str:
        han = [c for c in text if "\u4e00" <= c <= "\u9fff"]
        out = []
        for c in text:
            kind = rng.randrange(3) if c.isalnum() and rng.random() < rate else None
            out.append({None: c, 0: rng.choice(han or [c]), 1: c + rng.choice(han or [c]), 2: ""}[kind])
        return "".join(out)

    return edit


def other_script(text: str, _rng: random.Random) -> str:
    hans = unify_script(text, to="hans")
    return hans if hans != text else unify_script(text, to="hant")


def other_width(text: str, rng: random.Random) -> str:
    return "".join(chr(FULL.get(ord(c), HALF.get(ord(c), ord(c)))) if rng.random() < 0.7 else c for c in text)


def other_marks(text: str, rng: random.Random) -> str:
    """Replace, drop or double punctuation, and put spaces and line breaks between letters."""
    out = []
    for c in text:
        mark = not c.isalnum() and rng.random() < 0.6
        out.append(rng.choice([MARKS.get(c, c), "", c + c, " "]) if mark else c)
        out.append(rng.choice(" \u3000\n·") if rng.random() < 0.03 else "")
    return "".join(out)


ROWS = (
    Row("no edit", 0.8, letters(0), 0.98),
    Row("1 % of letters", 0.8, letters(0.01), 0.98),
    Row("3 % of letters", 0.5, letters(0.03), 0.97),
    Row("5 % of letters", 0.5, letters(0.05), 0.95),
    Row("10 % of letters", 0.3, letters(0.1), 0.88),
    Row("other script", 0.8, other_script, 0.98),
    Row("other width", 0.8, other_width, 0.98),
    Row("other punctuation", 0.8, other_marks, 0.98),
    Row("no edit, whole lines", 0.8, letters(0), 0.98, whole_lines=True),
    Row("5 % of letters, whole lines", 0.5, letters(0.05), 0.95, whole_lines=True),
)


# --- planting --------------------------------------------------------------------------------------


class Corpus:
    """Sources and hosts with plantings, as texts and folded by the scorer's fold."""

    def __init__(self, texts: dict[str, str], row: Row, plants: int, folder: score.Folder) -> None:
        rng = random.Random(3)
        folded = {name: folder.fold(text) for name, text in texts.items()}
        long = [name for name, fold in folded.items() if len(fold.chars) >= LONG]
        rng.shuffle(long)
        sources, hosts = long[::2], long[1::2]
        waiting: dict[str, list[tuple[int, str, Planting]]] = defaultdict(list)
        for n in range(plants):
            short, most = CLASSES[n % len(CLASSES)]
            name, host = rng.choice(sources), rng.choice(hosts)
            size = round(math.exp(rng.uniform(math.log(short), math.log(most))))
            low = rng.randrange(len(folded[name].chars) - size + 1)
            start, end = folded[name].span(low, low + size)
            place = rng.randrange(len(texts[host]) + 1)
            if row.whole_lines:
                start, end = _lines(texts[name], start, end)
                place = texts[host].find("\n", place) + 1
            planting = Planting(name, *folded[name].kept(start, end))
            copy = row.edit(texts[name][start:end], random.Random(n))
            waiting[host].append((place, copy + "\n" if row.whole_lines and not copy.endswith("\n") else copy, planting))
        self.text = {name: texts[name] for name in sources}
        self.plantings: list[Planting] = []
        for host in hosts:
            pieces, at, length, places = [], 0, 0, []
            for place, copy, planting in sorted(waiting[host], key=lambda one: one[0]):
                pieces += [texts[host][at:place], copy]
                length += place - at
                places.append((planting, length, length + len(copy)))
                length, at = length + len(copy), place
            name = f"host {host}"
            self.text[name] = "".join(pieces) + texts[host][at:]
            fold = folder.fold(self.text[name])
            for planting, start, end in places:
                planting.host, (planting.host_low, planting.host_high) = name, fold.kept(start, end)
                self.plantings.append(planting)
        self.docs = score.Set([{"id": name, "text": text} for name, text in self.text.items()], folder)

    def similarity(self, span: Span) -> float:
        return score.jaccard(self.docs.span_keys(*span[:3]), self.docs.span_keys(*span[3:]))


def _lines(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a range to whole lines."""
    after = text.find("\n", end)
    return text.rfind("\n", 0, start) + 1, len(text) if after < 0 else after


# --- searches --------------------------------------------------------------------------------------


def cleantext(corpus: Corpus, threshold: float) -> list[Span]:
    found = find_duplicates(list(corpus.text.values()), ids=list(corpus.text), threshold=threshold).pairs.to_pylist()
    fold, spans = corpus.docs.fold, []
    for r in found:
        spans.append(Span(r["a"], *fold[r["a"]].kept(r["a_start"], r["a_end"]), r["b"], *fold[r["b"]].kept(r["b_start"], r["b_end"])))
        if corpus.similarity(spans[-1]) != r["similarity"]:
            sys.exit(f"a reported similarity differs from the exact one: {r}")
    return spans


def paragraphs(corpus: Corpus, threshold: float) -> list[Span]:
    """Match paragraphs of at least 40 letters by datasketch, between sources and hosts."""
    units, sets = [], []
    for name, text in corpus.text.items():
        at = 0
        for line in text.split("\n"):
            low, high = corpus.docs.fold[name].kept(at, at + len(line))
            at += len(line) + 1
            if high - low >= CLASSES[0][0]:
                units.append((name, low, high))
                letters = corpus.docs.fold[name].chars[low:high].astype("<u4").tobytes()
                sets.append({letters[i : i + 20] for i in range(0, len(letters) - 16, 4)})
    rows = MinHash.bulk(sets, num_perm=128, hashfunc=zlib.crc32)
    index = MinHashLSH(threshold=threshold, num_perm=128, weights=(0.1, 0.9))  # recall first: the estimate decides
    for n, (name, _, _) in enumerate(units):
        if not name.startswith("host "):
            index.insert(n, rows[n])
    spans = []
    for n, (name, _, _) in enumerate(units):
        if name.startswith("host "):
            spans += [Span(*units[m], *units[n]) for m in index.query(rows[n]) if rows[m].jaccard(rows[n]) >= threshold]
    return spans


def runs(corpus: Corpus, _threshold: float) -> list[Span]:
    """Return all maximal equal runs of 40 letters."""
    names = list(corpus.text)
    found = score.exact_spans([corpus.docs.fold[name] for name in names]).tolist()
    return [Span(names[a], at, at + n, names[b], b_at, b_at + n) for a, at, b, b_at, n, _, _ in found]


# --- scores ----------------------------------------------------------------------------------------


def assign(corpus: Corpus, spans: list[Span], threshold: float) -> int:
    """Give each span to the planting that it meets most of; return the letters of wrong ones."""
    by_pair: dict[tuple[str, str], list[Planting]] = defaultdict(list)
    for p in corpus.plantings:
        p.found = []
        by_pair[p.source, p.host].append(p)
    wrong = 0
    for found in spans:
        from_host = found.a.startswith("host ") and not found.b.startswith("host ")
        span = Span(*found[3:], *found[:3]) if from_host else found
        most, planting = 0, None
        for p in by_pair.get((span.a, span.b), ()):
            met = min(_met(span.a_low, span.a_high, p.low, p.high), _met(span.b_low, span.b_high, p.host_low, p.host_high))
            most, planting = (met, p) if met > most else (most, planting)
        if planting:
            planting.found.append(span)
        elif corpus.similarity(span) < threshold:
            wrong += span.a_high - span.a_low + span.b_high - span.b_low
    return wrong


def _met(a_low: int, a_high: int, b_low: int, b_high: int) -> int:
    """Return how many letters two ranges share; below 0 where there is something between them."""
    return min(a_high, b_high) - max(a_low, b_low)


def tally(p: Planting) -> tuple[int, int, int]:
    """Return letters that are right, wrong and missed, over both sides."""
    right = wrong = missed = 0
    sides = ((p.low, p.high, [s[1:3] for s in p.found]), (p.host_low, p.host_high, [s[4:6] for s in p.found]))
    for low, high, ranges in sides:
        covered = set().union(*(range(*r) for r in ranges))
        inside = sum(low <= i < high for i in covered)
        right, wrong, missed = right + inside, wrong + len(covered) - inside, missed + high - low - inside
    return right, wrong, missed


def edges(p: Planting) -> list[int]:
    """Return how far the ends of what was found lie from the ends of the planting."""
    if not p.found:
        return []
    low, high = min(s.a_low for s in p.found), max(s.a_high for s in p.found)
    host_low, host_high = min(s.b_low for s in p.found), max(s.b_high for s in p.found)
    return [abs(low - p.low), abs(high - p.high), abs(host_low - p.host_low), abs(host_high - p.host_high)]


def f1(plantings: list[Planting], wrong: int = 0) -> float:
    right, beyond, missed = (sum(column) for column in zip(*map(tally, plantings), strict=True))
    return 2 * right / max(1, 2 * right + beyond + missed + wrong)


def reach(corpus: Corpus, threshold: float) -> float:
    """Return the share of planted letters in copies that are similar enough as a whole."""
    size = [p.high - p.low for p in corpus.plantings]
    near = [corpus.similarity(Span(p.source, p.low, p.high, p.host, p.host_low, p.host_high)) >= threshold for p in corpus.plantings]
    return float(np.dot(size, near) / sum(size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--plants", type=int, default=900, help="plantings a row, a third of each length")
    parser.add_argument("--no-baselines", action="store_true")
    options = parser.parse_args()
    folder = score.Folder(DATA / "ts_chars.json")
    texts = {f"{name} {r['id']}": r["text"] for name in ("laws", "moj") for r in read(name)}
    searches = [cleantext] if options.no_baselines else [cleantext, paragraphs, runs]
    classes = " | ".join(f"{low}-{high}" for low, high in CLASSES)
    print(
        f"| planted | threshold | within reach | search | F1 | bar | {classes} | plantings met | boundary error: median, 90 % | wrong elsewhere |"
    )
    print("|---|---|---|---|---|---|" + "---|" * (len(CLASSES) + 3))
    for row in ROWS:
        corpus = Corpus(texts, row, options.plants, folder)
        for search in searches:
            wrong = assign(corpus, search(corpus, row.threshold), row.threshold)
            by_length = [[p for p in corpus.plantings if low <= p.high - p.low < high] for low, high in CLASSES]
            by_length[-1] += [p for p in corpus.plantings if p.high - p.low >= CLASSES[-1][1]]
            errors = [e for p in corpus.plantings for e in edges(p)] or [0]
            figures = " | ".join(f"{f1(group):.3f}" for group in by_length)
            met = sum(bool(p.found) for p in corpus.plantings) / len(corpus.plantings)
            bar = f"{row.bar}" if search is cleantext else ""
            print(f"| {row.name} | {row.threshold} | {reach(corpus, row.threshold):.3f} | {search.__name__} "
                  f"| {f1(corpus.plantings, wrong):.3f} | {bar} | {figures} | {met:.3f} "
                  f"| {np.median(errors):.0f}, {np.percentile(errors, 90):.0f} | {wrong} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
