"""What the duplicate search finds on the development sets, against truth that was counted.

    python benchmarks/truth.py

Document pairs and shared passages of the two sets at .8 and .5, verses across scripts, and the error of the sketch.
All scores are those of ../shared/tools/score_dedup.py, which shares no code with the library.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pyarrow.parquet as pq
from dedup import DATA, read

from cleantext.dedup import SketchSpec, find_duplicates
from cleantext.dedup.minhash.hash_kernels import sketches

sys.path.insert(0, str(DATA.parents[1] / "tools"))
import score_dedup as score

SETS, THRESHOLDS = ("laws", "moj"), (0.8, 0.5)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def pairs(sets: dict[str, score.Set]) -> None:
    print("| document pairs | threshold | pairs there | recall | precision | largest error of a similarity | faults |")
    print("|---|---|---|---|---|---|---|")
    table = pq.read_table(DATA / "pairs.parquet").to_pylist()
    for name, docs in sets.items():
        truth = {(r["a"], r["b"]): r["jaccard"] for r in table if r["set"] == name}
        for threshold in THRESHOLDS:
            found = find_duplicates(list(docs.text.values()), ids=list(docs.text), level="document", threshold=threshold)
            result = score.score_pairs(docs, truth, found.pairs.to_pylist())
            at = next(row for row in result["at"] if row["threshold"] == threshold)
            figures = f"{at['truth']} | {number(at['recall'])} | {number(at['precision_all'])}"
            print(f"| {name} | {threshold} | {figures} | {result['similarity_error_max']:.1e} | {result['errors'] or 'none'} |")


def spans(sets: dict[str, score.Set]) -> None:
    print("\n| shared passages | threshold | reported | char recall | by document | precision, verified | strict ", end="")
    print(
        "| boundary error: median, 90 % | exact | largest error of a similarity | faults |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    table = pq.read_table(DATA / "spans.parquet").to_pylist()
    for name, docs in sets.items():
        truth = [r for r in table if r["set"] == name]
        for threshold in THRESHOLDS:
            found = find_duplicates(list(docs.text.values()), ids=list(docs.text), threshold=threshold)
            predicted = found.pairs.to_pylist()
            between = [r for r in predicted if r["a"] != r["b"]]  # repeats inside one document are not in the truth
            r = score.score_spans(docs, truth, between, threshold)
            keys = ("char_recall", "char_recall_by_document", "char_precision_verified", "char_precision_strict")
            edge = r["boundary_error"]
            figures = " | ".join([str(r["predicted"]), *(number(r[key]) for key in keys), f"{edge['median']:.0f}, {edge['p90']:.0f}"])
            print(
                f"| {name} | {threshold} | {figures} | {number(edge['exact'])} | {r['similarity_error_max']:.1e} | {r['errors'] or 'none'} |"
            )


def verses(folder: score.Folder) -> None:
    """Match Traditional verses with Simplified ones, as documents."""
    rows = read("cuv")
    names = [r["id"] for r in rows]
    docs = score.Set(
        [{"id": f"hant {r['id']}", "text": r["hant"]} for r in rows] + [{"id": f"hans {r['id']}", "text": r["hans"]} for r in rows], folder
    )
    print("\n| verses, hant against hans | threshold | aligned pairs there | found | recall | all pairs found | their precision |")
    print("|---|---|---|---|---|---|---|")
    for threshold in THRESHOLDS:
        want = {n for n in names if score.jaccard(docs.keys(f"hant {n}"), docs.keys(f"hans {n}")) >= threshold}
        hant, hans = ([r[script] for r in rows] for script in ("hant", "hans"))
        found = find_duplicates(hant, ids=names, against=hans, against_ids=names, level="document", threshold=threshold)
        said = {(r["a"], r["b"]) for r in found.pairs.to_pylist()}
        right = sum(
            score.jaccard(docs.keys(f"hant {a}"), docs.keys(f"hans {b}")) >= threshold
            or np.array_equal(docs.fold[f"hant {a}"].chars, docs.fold[f"hans {b}"].chars)  # too short for a shingle
            for a, b in said
        )
        hits = sum((n, n) in said for n in want)
        print(f"| | {threshold} | {len(want)} | {hits} | {number(hits / len(want))} | {len(said)} | {number(right / len(said))} |")


def sketch() -> None:
    """Estimate the similarity of sets of known overlap."""
    spec = SketchSpec()
    print(f"\n| sketch of {spec.slots} slots, shingles a text | J | trials | bias, in its standard errors | deviation : binomial |")
    print("|---|---|---|---|---|")
    for n in (5, 30, 100, 1000, 100_000):
        for share in (0.5, 0.8):
            trials, shared = max(40, min(4000, 2_000_000 // n)), max(1, round(share * n))
            rng = np.random.default_rng(n)
            j = shared / (2 * n - shared)
            errors = []
            for _ in range(trials):
                both = rng.integers(0, 2**64, 2 * n - shared, dtype=np.uint64)
                rows = sketches(np.concatenate([both[:n], both[n - shared :]]), np.array([0, n, 2 * n]), 1, *spec.permutations)
                errors.append(float(np.mean(rows[0] == rows[1])) - j)
            expected = (j * (1 - j) / spec.slots) ** 0.5
            bias, deviation = float(np.mean(errors)), float(np.std(errors))
            print(f"| {n} | {j:.3f} | {trials} | {bias:+.5f}, {bias / expected * trials**0.5:+.1f} | {deviation / expected:.3f} |")


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    folder = score.Folder(DATA / "ts_chars.json")
    sets = {name: score.Set(read(name), folder) for name in SETS}
    pairs(sets)
    spans(sets)
    verses(folder)
    sketch()


if __name__ == "__main__":
    main()
