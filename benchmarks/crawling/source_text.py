"""Text for made-up crawls: real Chinese, each stretch of it once, and ciphered copies of it when it runs out.

The text is that of ``../shared/data/dedup`` (laws: Simplified, moj: Traditional), or else the made-up pages of ``tests/cases/html`` and the
cleaned seeds. A crawl takes pieces of it one behind the other. When all is used, it begins again under a *cipher*: a substitution of
characters within classes of frequency, other in each round, that leaves the forty most frequent ones. Lengths, repetition and the skew of
n-grams stay; shared shingles by chance do not arise, so that what is planted is all there is. Ciphered text is for speed and for duplicates, and
says nothing about language.
"""

from __future__ import annotations

import os
import re
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import zstandard

from cleantext.data import opencc_text

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("CLEANTEXT_SHARED", ROOT.parent / "shared")) / "data" / "dedup"
SETS = {"hans": "laws", "hant": "moj"}
KEPT, CLASS = 40, 64  # characters that a cipher leaves, characters that it permutes among themselves
ODD = np.uint64(0x9E3779B97F4A7C15)
RUN, LONGEST = 13, 60  # characters that may not occur twice; the most between two places where a piece may begin
HAN = re.compile("[\u3400-\u9fff]")
RANGE = 0x110000  # code points


def texts_of(script: str) -> list[str]:
    """Return the source texts of a script."""
    if SHARED.is_dir():
        import json

        with zstandard.open(SHARED / f"{SETS[script]}.jsonl.zst", "rt", encoding="utf-8") as file:
            return [json.loads(line)["text"] for line in file]
    files = [*sorted((ROOT / "tests/cases/html").glob("*.txt")), *sorted((ROOT / "seeds/expected").glob("*.txt"))]
    own = files[::2] if script == "hans" else files[1::2]  # nothing stands in both
    return [to_script(path.read_text("utf-8"), script) for path in own]


@cache
def once(script: str) -> str:
    """Join the lines of the texts of a script, without those of which a fifth or more has occurred before."""
    lines = [line.strip() for text in texts_of(script) for line in text.split("\n") if len(HAN.findall(line)) >= 12]
    points = np.frombuffer("\n".join(lines).encode("utf-32-le"), np.uint32)
    windows = hashes(points, RUN)
    _, first = np.unique(windows, return_index=True)
    repeated = np.ones(len(points), bool)
    repeated[first] = False
    repeated[len(windows) :] = False
    sums = np.append(0, np.cumsum(repeated))
    ends = np.cumsum([len(line) + 1 for line in lines])
    starts = np.append(0, ends[:-1])
    bad = sums[ends - 1] - sums[starts]
    return "\n".join(line for line, b in zip(lines, bad, strict=True) if b < len(line) / 5) + "\n"


def hashes(points: np.ndarray, width: int) -> np.ndarray:
    """Return a 64-bit hash of each ``width`` neighbouring code points."""
    n = max(len(points) - width + 1, 0)
    wide = points.astype(np.uint64)
    out = wide[:n] * ODD
    for j in range(1, width):
        out += wide[j : j + n]
        out *= ODD
    return out


class Source:
    """The text of one script, which can be taken from any place on without end."""

    def __init__(self, script: str, seed: int) -> None:
        self.text, self.seed = once(script), seed
        self.points = np.frombuffer(self.text.encode("utf-32-le"), np.uint32)
        self.size = len(self.points)
        ends = np.flatnonzero(np.isin(self.points, [ord(c) for c in "\n。；"])) + 1
        gaps = np.diff(np.append(0, ends))
        forced = [np.arange(e - g + LONGEST, e, LONGEST) for e, g in zip(ends[gaps > LONGEST], gaps[gaps > LONGEST], strict=True)]
        self.breaks = np.unique(np.concatenate([[0], ends, *forced]))
        self.breaks = self.breaks[self.breaks < self.size]
        counted = np.bincount(self.points[self.points < 0x10000], minlength=0x10000)
        order = np.argsort(-counted, kind="stable")
        self.ranked = np.array([c for c in order[: int((counted > 0).sum())] if 0x4E00 <= c < 0xA000], np.uint32)
        self.ciphers: dict[int, np.ndarray] = {}

    def cipher(self, turn: int) -> np.ndarray:
        """Return the substitution of a turn, as a table of code points."""
        if turn not in self.ciphers:
            table = np.arange(0x10000, dtype=np.uint16)
            rng = np.random.default_rng([self.seed, 11, turn])
            rest = self.ranked[KEPT:]
            order = np.arange(len(rest)) // CLASS + rng.random(len(rest))  # permuted within each class
            table[rest] = rest[np.argsort(order, kind="stable")].astype(np.uint16)
            for others in ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
                table[[ord(c) for c in others]] = rng.permutation([ord(c) for c in others])
            self.ciphers[turn] = table
        return self.ciphers[turn]

    def begin(self, place: np.ndarray) -> np.ndarray:
        """Return places moved on to the next place where a piece may begin."""
        turn, local = np.divmod(place, self.size)
        at = np.searchsorted(self.breaks, local)
        wrapped = at == len(self.breaks)
        return (turn + wrapped) * self.size + np.where(wrapped, 0, self.breaks[np.where(wrapped, 0, at)])

    def piece(self, start: int, end: int) -> str:
        """Return the text between two places."""
        turn, low = divmod(start, self.size)
        high = low + end - start
        if high > self.size:
            return self.piece(start, (turn + 1) * self.size) + self.piece((turn + 1) * self.size, end)
        if not turn:
            return self.text[low:high]
        points = self.points[low:high]
        if points.max(initial=0) < 0x10000:
            return self.cipher(turn)[points].tobytes().decode("utf-16-le")
        table = self.cipher(turn)
        return np.where(points < 0x10000, table[np.minimum(points, 0xFFFF)], points).astype(np.uint32).tobytes().decode("utf-32-le")


# ---------------------------------------------------------------- scripts, and the fold of the truth


@cache
def characters(name: str) -> dict[int, str]:
    """Return a character table of OpenCC, first targets only."""
    rows = (line.split("\t") for line in (opencc_text(name) or "").splitlines() if "\t" in line and not line.startswith("#"))
    return {ord(key): value.split()[0] for key, value in rows if len(key) == 1 and len(value.split()[0]) == 1}


@cache
def conversion(name: str) -> np.ndarray:
    """Return such a table as an array over all code points."""
    table = np.arange(RANGE, dtype=np.uint32)
    table[list(characters(name))] = [ord(one) for one in characters(name).values()]
    return table


def mapped(text: str, table: np.ndarray) -> str:
    """Return a text with each code point replaced by its entry in a table of all."""
    return table[np.frombuffer(text.encode("utf-32-le"), np.uint32)].tobytes().decode("utf-32-le")


def converted(text: str, name: str) -> str:
    """Convert a text by a character table of OpenCC."""
    return mapped(text, conversion(name))


def to_script(text: str, script: str) -> str:
    """Convert character by character (``hans``, ``hant``): what careless reposts do."""
    return converted(text, "TSCharacters" if script == "hans" else "STCharacters")


@cache
def fold_table() -> np.ndarray:
    """Return for each code point the one that it is compared as, 0 for those that are not."""
    table = np.zeros(RANGE, np.uint32)
    simplified = characters("TSCharacters")
    for code in (*range(0x3400), *range(0xA000, 0xD800), *range(0xF900, 0x10000)):
        one = unicodedata.normalize("NFKC", chr(code))
        one = simplified.get(ord(one), one).lower() if len(one) == 1 else one
        if len(one) == 1 and one.isalnum():
            table[code] = ord(one)
    table[0x3400:0xA000] = np.arange(0x3400, 0xA000)
    table[0x20000:0x34000] = np.arange(0x20000, 0x34000)
    table[list(simplified)] = [ord(one) for one in simplified.values()]
    return table


def folded(text: str) -> np.ndarray:
    """Return the letters of a text as they are compared: as ``../shared/data/dedup/README.md`` defines them, but without a code point that NFKC takes apart."""
    kept = fold_table()[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
    return kept[kept != 0]


def shingles(kept: np.ndarray) -> np.ndarray:
    """Return the set of 5-shingles of folded letters, sorted."""
    found = hashes(kept, 5)
    found.sort()
    return found[np.append(True, found[1:] != found[:-1])] if len(found) else found


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    """Return the similarity of two sorted sets."""
    if not len(a) or not len(b):
        return 0.0
    at = np.searchsorted(b, a)
    both = int((b[np.minimum(at, len(b) - 1)] == a).sum())
    return both / (len(a) + len(b) - both)
