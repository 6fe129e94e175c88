"""Compare what pages are expected to have lost and kept with what they lost and kept, on hosts that the model of main text has not seen.

    python -m cleantext.chrome.main_text.make_block_model --folds FOLDS --output FOLDS/all.npz     # some minutes
    python benchmarks/confidence.py FOLDS

Prints, for sixths of the pages of ``../shared/data/pages2`` in the order of what is expected, the means of both (HTML mode); for text mode
`make_linemodel.py --folds` does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np

SHARED = Path(os.environ.get("CLEANTEXT_SHARED", Path(__file__).parents[1] / "../shared"))
sys.path.insert(0, str(SHARED / "tools"))
NAMES = ("body_lost_expected", "chrome_left_expected")


def shares(counts):
    """Return which share of its text a page lost, and which of what is left is page chrome, given counts of `score_lines`."""
    left = {kind: counts[kind]["chars"] - counts[kind]["chars_gone"] for kind in ("body", "title", "caption", "meta", "chrome", "comment")}
    body = counts["body"]
    return body["chars_gone"] / max(1, body["chars"]), (left["chrome"] + left["comment"]) / max(1, sum(left.values()))


def show(name, pairs, *, parts=6):
    """Print the means of what was expected and what was, by parts of the pages."""
    for k, what in enumerate(NAMES):
        rows = np.array([(expected[k], found[k]) for expected, found in pairs])
        print(f"{name} {what}: {len(rows)} pages, {rows[:, 0].mean():.4f} expected, {rows[:, 1].mean():.4f} found")
        for part in np.array_split(rows[np.argsort(rows[:, 0])], parts):
            print(f"  {part[:, 0].mean():.4f} expected, {part[:, 1].mean():.4f} found")


def main():
    import score_lines
    from lines import page_lines

    import cleantext as ct
    from cleantext.chrome.main_text import block_model, keep_lines
    from cleantext.chrome.main_text.make_block_model import FOLDS, fold_of, owner

    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("folds", type=Path, help="what make_model --folds wrote")
    folder = asked.parse_args().folds
    models = [block_model.unpack(dict(np.load(folder / f"{k}.npz"))) for k in range(FOLDS)]
    pipeline, pairs = ct.Pipeline.load("zh-web").without("script.to"), []
    for gold in sorted((SHARED / "data/pages2").glob("*/gold.json")):
        said = json.loads(gold.read_text("utf-8"))
        data = (gold.parent / "page.html").read_bytes()
        keep_lines.load_model = partial(models.__getitem__, fold_of(owner(said["host"])))
        page = pipeline.fast([ct.read_html(data)])[0]
        if all(name in page.metadata for name in NAMES):
            labels = [row[1] for row in said["lines"]]
            counts, _, _ = score_lines.count_page(score_lines.Page({"host": "", "kind": ""}, page_lines(data), labels, {}), page.text)
            pairs.append(([page.metadata[name] for name in NAMES], shares(counts)))
    show("html", pairs)


if __name__ == "__main__":
    main()
