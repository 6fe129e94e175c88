"""Make ``cleantext/data/contextmodel.npz``, from which `cleantext.script.ambiguity` knows the forms of Simplified characters.

    python benchmarks/make_contextmodel.py            # two minutes; needs ../shared

Learned from text in Traditional characters and what OpenCC's t2s makes of it, or what people wrote: of each set the half
whose ids (of pages: lines) have an odd SHA-256; the other half is for `benchmarks/script.py`. Beside them the phrases of OpenCC
(Apache-2.0) and the word list of ``charmodel.npz`` (jieba, MIT), converted by OpenCC, each as a text of its own.

| set | what | licence of the text, of which nothing is in the weights but counts |
|---|---|---|
| moj | statutes of Taiwan | outside copyright |
| cuv, ud | verses; sentences of Universal Dependencies | public domain; CC BY-SA 4.0 |
| pages | lines of stored pages in Traditional characters | for measurement and learning only, see ../shared/data/README.md |

The model is logistic regression over hashed features, by AdaGrad. The margin that a form needs to replace OpenCC's was chosen on
a quarter of the half that is learned from, left out for that (``--choose`` prints the table).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numba
import numpy as np
import zstandard

from cleantext import decode, detect_script, read_html
from cleantext.data import opencc_text
from cleantext.script import UnifyScript
from cleantext.script.ambiguity import BITS, SCALE, hashes, neighbours
from cleantext.script.dictionaries import TO_HK, TO_TW, pairs, usual_forms

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("CLEANTEXT_SHARED", ROOT.parent / "shared")) / "data"
WEIGHTS = {"moj": 0.5, "cuv": 1.0, "ud": 2.0, "pages": 2.0}
PHRASES = 0.3
WORDS = ((6, 100, 0.27), (100, 1000, 0.54), (1000, 1e12, 0.9))  # by how often they were counted
ALONE = 8  # times as much for a character that is a word by itself: a surname is in no longer word (沈, of which 瀋陽 knows nothing)
PRIOR = 1.0  # for what OpenCC makes, while learning
OFTEN = 100
EPOCHS, RATE, DECAY = 6, 0.3, 1e-5
Row = tuple[str, str]  # Simplified, Traditional, of one length

FORMS = {ord(k): v for k, (v, _) in usual_forms((TO_TW, TO_HK)).items() if len(k) == 1} | {ord("裡"): "裏"}


def is_learned(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] & 1 == 1


def is_left_out(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[1] & 3 == 0


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with zstandard.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def page_lines() -> Iterator[str]:
    """Yield the lines of stored pages that are Traditional."""
    pages = [base64.b64decode(row["html_base64"]) for row in rows_of(DATA / "unlabelled-zh.jsonl.zst")]
    pages += [path.read_bytes() for folder in ("pages", "pages2") for path in sorted((DATA / folder).glob("*/*.html"))]
    for page in pages:
        text = read_html(decode(page).text).text
        if detect_script(text).name[:4] in ("hant", "mixe"):
            for line in dict.fromkeys(text.split("\n")):
                found = detect_script(line)
                if found.name.startswith("hant") and found.traditional >= 3:
                    yield line


def sets() -> dict[str, list[tuple[str, str, str]]]:
    """Return of each set the rows: id, Simplified, Traditional."""
    t2s = UnifyScript(to="t2s")
    found = {
        "moj": [(row["id"], t2s(row["text"]), row["text"]) for row in rows_of(DATA / "dedup" / "moj.jsonl.zst")],
        "cuv": [(row["id"], row["hans"], row["hant"]) for row in rows_of(DATA / "dedup" / "cuv.jsonl.zst")],
        "ud": [(r["id"], r["hans"], r["hant"]) for r in map(json.loads, (DATA / "dedup" / "ud.jsonl").read_text("utf-8").splitlines())],
        "pages": [(line, t2s(line), line) for line in page_lines()],
    }
    return {name: [row for row in rows if len(row[1]) == len(row[2])] for name, rows in found.items()}


def several() -> dict[str, list[str]]:
    """Return the characters that OpenCC gives several forms, without those that differ by region only."""
    found = {}
    for line in (opencc_text("STCharacters") or "").splitlines():
        key, _, values = line.partition("\t")
        forms = list({v.translate(FORMS): v for v in reversed(values.split())}.values())[::-1]
        if len(forms) > 1 and max(map(ord, [key, *forms])) < 0x10000:
            found[key] = forms
    return found


class Places:
    """Places of characters with several forms: hashes of the features of each form, which one is right, which is OpenCC's."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self.known = known
        self.site = np.zeros(0x110000, np.int64)
        self.site[[ord(c) for c in known]] = np.arange(1, len(known) + 1)
        self.first = np.cumsum([0, *map(len, known.values())])
        self.forms = np.array([ord(f) for forms in known.values() for f in forms])
        self.usual = np.array([ord(chr(f).translate(FORMS)) for f in self.forms])
        self.base = UnifyScript(to="s2t")

    def of(self, rows: Iterable[Row], weight: float) -> tuple[np.ndarray, ...]:
        """Return (hashes of the forms, where those of each place begin, right form, OpenCC's form, weight)."""
        chosen = list(rows)
        simplified, right = ("\n".join(row[n] for row in chosen) + "\n" for n in (0, 1))
        base = "\n".join(self.base(row[0]) for row in chosen) + "\n"
        x, y, b = (
            np.frombuffer(t.encode("utf-32-le", "surrogatepass"), np.int32)
            for t in (simplified, right.translate(FORMS), base.translate(FORMS))
        )
        at = np.flatnonzero(self.site[x])
        count = np.diff(self.first)[self.site[x[at]] - 1]
        of = np.repeat(np.arange(len(at)), count)
        start = np.append(0, np.cumsum(count))
        which = self.first[self.site[x[at]] - 1][of] + np.arange(len(of)) - start[of]
        seen = [s[of] for s in neighbours(x, at, np.zeros(len(at), np.int64), np.full(len(at), len(x)))]
        h = hashes(seen, self.forms[which].astype(np.uint64))
        is_right, is_base = (
            np.maximum.reduceat((self.usual[which] == t[at][of]) * (np.arange(len(of)) - start[of] + 1), start[:-1]) - 1 for t in (y, b)
        )
        return h, start, is_right, is_base, np.full(len(at), weight, np.float32)


def joined(parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    shift = np.cumsum([0, *(len(part[0]) for part in parts)])
    starts = [part[1][:-1] + s for part, s in zip(parts, shift, strict=False)]
    return (
        np.concatenate([p[0] for p in parts]),
        np.concatenate([*starts, shift[-1:]]),
        *(np.concatenate([p[n] for p in parts]) for n in (2, 3, 4)),
    )


@numba.njit
def learn(h, start, right, base, weight, order, weights, squares, prior, rate, decay):
    score = np.empty(16)
    for q in order:
        a, m = start[q], start[q + 1] - start[q]
        if right[q] < 0:
            continue
        most = -1e9
        for k in range(m):
            score[k] = prior if k == base[q] else 0.0
            for f in range(h.shape[1]):
                score[k] += weights[h[a + k, f]]
            most = max(most, score[k])
        total = 0.0
        for k in range(m):
            score[k] = np.exp(score[k] - most)
            total += score[k]
        for k in range(m):
            g = (score[k] / total - (1.0 if k == right[q] else 0.0)) * weight[q]
            if abs(g) < 1e-4:
                continue
            for f in range(h.shape[1]):
                j = h[a + k, f]
                step = g + decay * weights[j]
                squares[j] += step * step
                weights[j] -= rate * step / np.sqrt(squares[j] + 1e-2)


def learned(places: Places, found: dict[str, list[tuple[str, str, str]]], *, whole: bool) -> np.ndarray:
    """Return the weights, in `SCALE`, from the half to learn from, without the quarter left out unless ``whole``."""
    parts = [
        places.of([(s, t) for name, s, t in rows if is_learned(name) and (whole or not is_left_out(name))], WEIGHTS[key])
        for key, rows in found.items()
    ]
    single = dict(pairs("STCharacters"))
    h, start, right, _, weight = places.of([(k, v) for k, v in pairs("STPhrases")], PHRASES)
    alone = places.of([(k, "".join(single.get(c, c) for c in k)) for k, _ in pairs("STPhrases")], PHRASES)[2]
    parts.append((h, start, right, alone, weight))  # the model has to learn them though OpenCC knows them
    for words, weight in counted():
        h, start, right, base, share = places.of([(w, places.base(w)) for w in words], weight)
        share[np.repeat(np.array([len(w) == 1 for w in words]), [sum(c in places.known for c in w) for w in words])] *= ALONE
        parts.append((h, start, right, np.full_like(base, -1), share))  # no prior: what is learned of words has to stand against a phrase
    data = joined(parts)
    weights, squares = np.zeros(1 << BITS), np.zeros(1 << BITS)
    rng = np.random.default_rng(1)
    for _ in range(EPOCHS):
        learn(*data, rng.permutation(len(data[2])), weights, squares, PRIOR, RATE, DECAY)
    print(f"{len(data[2]):,} places, largest weight {np.abs(weights).max():.1f}")
    return np.clip(np.rint(weights * SCALE), -127, 127).astype(np.int8)


def settled(places: Places, found: dict[str, list[tuple[str, str, str]]]) -> set[str]:
    """Return the characters that OpenCC got right `OFTEN` times in the half to learn from, and never wrong: to look at them costs time."""
    usual = {c: {form.translate(FORMS) for form in forms} for c, forms in places.known.items()}
    seen: Counter[str] = Counter()
    wrong: set[str] = set()
    for rows in found.values():
        for name, simplified, right in rows:
            if is_learned(name):
                base = places.base(simplified).translate(FORMS)
                seen.update(c for c in simplified if c in usual)
                wrong |= {s for s, b, r in zip(simplified, base, right.translate(FORMS), strict=True) if b != r and r in usual.get(s, ())}
    return {c for c, n in seen.items() if n >= OFTEN} - wrong


def counted() -> Iterator[tuple[list[str], float]]:
    """Yield words with characters of several forms, by how often they were counted, and the weight of each."""
    with np.load(ROOT / "cleantext" / "data" / "charmodel.npz") as data:
        letters, lengths, counts = data["characters"].astype("<u2").tobytes().decode("utf-16-le"), data["words"].tolist(), data["counts"]
    words, at = [], 0
    for length, number in enumerate(lengths, 1):
        words += [letters[at + length * n : at + length * (n + 1)] for n in range(number)]
        at += length * number
    times = np.exp(counts / 16)
    known = several()
    for least, most, weight in WORDS:
        yield [w for w, n in zip(words, times, strict=True) if least <= n < most and not known.keys().isdisjoint(w)], weight


def margins(places: Places, weights: np.ndarray, found: dict[str, list[tuple[str, str, str]]]) -> None:
    """Print what each margin mends and spoils in the quarter left out."""
    for key, rows in found.items():
        h, start, right, base, _ = places.of([(s, t) for name, s, t in rows if is_learned(name) and is_left_out(name)], 1)
        score = weights[h].astype(np.int64).sum(axis=1)
        of = np.repeat(np.arange(len(right)), np.diff(start))
        own = np.arange(len(of)) - start[:-1][of] == base[of]
        best = np.maximum.reduceat(np.where(own, -(1 << 20), score), start[:-1])
        mine = np.add.reduceat(np.where(own, score, 0), start[:-1]) + PRIOR * SCALE
        which = np.array([np.argmax(np.where(own[a:b], -(1 << 20), score[a:b])) for a, b in pairwise(start)])
        for margin in (0, 0.5, 1, 1.5, 2, 2.5, 3, 4):
            moves = (base >= 0) & (best > mine + margin * SCALE)
            print(
                f"| {key} | {margin} | {(moves & (which == right)).sum()} mended | {(moves & (base == right)).sum()} spoilt | of {(base != right).sum()} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true", help="print the table of margins; write nothing")
    options = parser.parse_args()
    places, found = Places(several()), sets()
    if options.choose:
        margins(places, learned(places, found, whole=False), found)
        return
    left = settled(places, found)
    places = Places({c: forms for c, forms in places.known.items() if c not in left})
    print(f"{len(places.known)} characters")
    np.savez_compressed(
        ROOT / "cleantext" / "data" / "contextmodel.npz",
        characters=np.array([ord(c) for c in places.known], np.uint16),
        first=places.first.astype(np.uint16),
        forms=places.forms.astype(np.uint16),
        weights=learned(places, found, whole=True),
    )


if __name__ == "__main__":
    main()
