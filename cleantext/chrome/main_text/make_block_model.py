"""Make ``main_model.npz``, the weights of `cleantext.chrome.main_text.block_model`, from labelled pages.

Run with lightgbm 4 installed, in a checkout next to ``../shared``: ``python -m cleantext.chrome.main_text.make_block_model``. Neither lightgbm nor
the pages are needed at run time; the file contains no text of any page. ``--folds DIR`` writes to DIR a model for each fifth of the hosts,
trained without it, to measure quality on unseen pages.

Labels: ``pages2`` and ``pages`` have labels by line. For the pages of WCXB (CC-BY-4.0), a line is main text to the extent that its words are in
5-grams of the gold text; a line of less than five words, if it is a line there, or occurs in it and is next to such lines. The weight of a line is the
root of its length, that of a page 1, more for ``pages2``, since these pages are labelled by hand and Chinese.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from cleantext.changes import F32
from cleantext.chrome.main_text.block_features import NAME_SLOTS, Signals, columns, read_signals
from cleantext.chrome.main_text.block_model import CLIP, NAME_TABLES
from cleantext.chrome.main_text.main_blocks import main_by_rules
from cleantext.chrome.main_text.pieces import TEXT_SLOTS, piece_slots
from cleantext.fold import view
from cleantext.html import read_html
from cleantext.jit import kernel

SHARED = Path(__file__).parents[3] / "../shared/data"
FOLDS = 5
SEED = 7
EPOCHS, RATE, DECAY = 4, 0.05, 1e-3  # of the linear model
TREES, LEAVES, TREE_RATE = 240, 31, 0.06
WEIGHTS = {"pages2": 4.0, "pages": 2.0, "wcxb": 1.0, "taught": 0.7}  # of a page
WORD = re.compile(r"\w+")
KEEP = {"body": 1.0, "title": 1.0, "caption": 1.0, "chrome": 0.0}
TITLE_WEIGHT = 4.0
MOST_LINES, LEAST_STOPS = 1500, 4  # limits for pages without labels
CHROME, HEAVIEST = 0.35, 0.15  # share of the chrome of a page in its weight; of one line


class Labelled(NamedTuple):
    """A page and the labels of its lines."""

    source: str
    name: str
    host: str
    signals: Signals
    labels: npt.NDArray[np.float64]  # share of main text, -1 if unknown
    weights: npt.NDArray[np.float64]


def owner(host: str) -> str:
    """Return the part of a host name that identifies its operator."""
    parts = host.split(".")
    return ".".join(parts[-3:] if len(parts) > 2 and parts[-2] in ("com", "edu", "gov", "org", "net", "co", "ac") else parts[-2:])


def fold_of(host: str) -> int:
    """Return the fold of a host."""
    return int(hashlib.sha1(host.encode()).hexdigest(), 16) % FOLDS  # noqa: S324


def by_words(lines: list[str], gold: str) -> tuple[Any, Any]:
    """Label lines by the words of a gold text."""
    words = WORD.findall(gold.lower())
    grams = set(zip(*(words[k:] for k in range(5)), strict=False))
    whole = {" ".join(WORD.findall(line.lower())) for line in gold.split("\n")}
    joined = f" {' '.join(words)} "
    labels, weights, doubtful = np.full(len(lines), -1.0), np.ones(len(lines)), []
    for i, line in enumerate(lines):
        said = WORD.findall(line.lower())
        text = " ".join(said)
        if len(said) >= 5:
            covered = np.zeros(len(said))
            for k in range(len(said) - 4):
                if tuple(said[k : k + 5]) in grams:
                    covered[k : k + 5] = 1
            labels[i] = covered.mean()
        elif said and text not in whole and f" {text} " in joined:
            doubtful.append(i)
        elif said:
            labels[i] = text in whole
    for i in doubtful:
        near = [labels[j] for j in range(max(0, i - 2), min(len(lines), i + 3)) if j != i and labels[j] >= 0]
        labels[i], weights[i] = bool(near) and np.mean(near) >= 0.6, 0.5
    return labels, weights


def by_hand(lines: list[str], gold: list[list[str]]) -> tuple[Any, Any]:
    """Label lines by those of a labelled page, in which the cells of a row are separate lines."""
    where: dict[str, list[tuple[int, str]]] = {}
    for at, (_, label, text) in enumerate(gold):
        where.setdefault("".join(view(text).split()), []).append((at, label))
    labels, weights, last = np.full(len(lines), -1.0), np.ones(len(lines)), -1
    for i, line in enumerate(lines):
        said = []
        for piece in line.split("\t"):
            known = where.get("".join(view(piece).split()), [])
            if known:
                after = [k for k in known if last < k[0] < last + 400]
                at, label = after[0] if after else min(known, key=lambda k: abs(k[0] - last))
                last = max(last, at) if abs(at - last) < 400 else last
                said.append(label)
        label = next((k for k in ("title", "body") if k in said), said[0] if said else "")
        labels[i] = KEEP.get(label, -1.0)
        weights[i] = TITLE_WEIGHT if label == "title" else 1.0
    return labels, weights


def by_text(lines: list[str], expected: str, optional: list[str]) -> tuple[Any, Any]:
    """Label lines by those of an expected text."""
    wanted = ["".join(view(line).split()) for line in expected.split("\n")]
    free = ["".join(view(line).split()) for line in optional]
    known, joined = set(wanted), "\n".join(wanted)
    labels = np.zeros(len(lines))
    for i, line in enumerate(lines):
        text = "".join(view(line).split())
        if text in known or (len(text) >= 8 and text in joined) or any(len(w) >= 12 and w in text for w in wanted):
            labels[i] = 1
        elif text in free or any(len(f) >= 8 and (f in text or text in f) for f in free):
            labels[i] = -1
    return labels, np.ones(len(lines))


def pages(shared: Path) -> Iterator[Labelled]:
    """Read the labelled pages."""
    import zstandard

    def labelled(source: str, name: str, host: str, html: str | bytes, label: Any) -> Iterator[Labelled]:
        page = read_html(html)
        if page.html:
            tree, main, root = main_by_rules(page)
            labels, weights = label([page.text[b.start : b.end].strip() for b in page.html])
            yield Labelled(source, name, owner(host), read_signals(page, tree, main.roles, root), labels, weights)

    with (shared / "wcxb-dev.jsonl.zst").open("rb") as file:
        for row in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8"):
            d = json.loads(row)
            if gold := d["main_content"].strip():
                yield from labelled(
                    "wcxb", d["id"], urlsplit(d["url"]).hostname or d["id"], d["html"], lambda lines, gold=gold: by_words(lines, gold)
                )
    for folder in sorted(f for f in (shared / "pages2").iterdir() if f.is_dir()):
        d = json.loads((folder / "gold.json").read_text("utf-8"))
        yield from labelled(
            "pages2", folder.name, d["host"], (folder / "page.html").read_bytes(), lambda lines, d=d: by_hand(lines, d["lines"])
        )
    for folder in sorted(f for f in (shared / "pages").iterdir() if f.is_dir()):
        d = json.loads((folder / "meta.json").read_text("utf-8"))
        host = folder.name.rsplit("-", 1)[0].replace("money163", "163") + ".com"
        expected = (folder / "expected.txt").read_text("utf-8")
        yield from labelled(
            "pages",
            folder.name,
            host,
            (folder / "page.html").read_bytes(),
            lambda lines, e=expected, d=d: by_text(lines, e, d["optional_lines"]),
        )


def taught(shared: Path) -> Iterator[Labelled]:
    """Read the Chinese pages without labels, and label them by the rules if these found an article: only for the linear model.

    The trees see the output of the rules, and would only learn to repeat it.
    """
    import zstandard

    with (shared / "unlabelled-zh.jsonl.zst").open("rb") as file:
        for row in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8"):
            d = json.loads(row)
            page = read_html(base64.b64decode(d["html_base64"]))
            if not page.html or len(page.html) > MOST_LINES:
                continue
            tree, main, root = main_by_rules(page)
            if main.flags or tree.nodes[root].stops < LEAST_STOPS:
                continue
            labels = np.array([float(role in ("main", "title")) for role in main.roles])
            signals = read_signals(page, tree, main.roles, root)
            yield Labelled("taught", d["blob"], owner(d["host"] or d["repo"]), signals, labels, np.ones(len(labels)))


@kernel
def _fit(starts: Any, slots: Any, labels: Any, weights: Any, order: Any, size: int, epochs: int, rate: float, decay: float) -> Any:
    """Fit a logistic regression by AdaGrad; return its weights, the bias last."""
    found, squares = np.zeros(size + 1), np.full(size, 1e-2)
    for _ in range(epochs):
        for row in order:
            z = found[size]
            for k in range(starts[row], starts[row + 1]):
                z += found[slots[k]]
            wrong = (1 / (1 + np.exp(-z)) - labels[row]) * weights[row]
            found[size] -= 0.01 * wrong
            for k in range(starts[row], starts[row + 1]):
                slot = slots[k]
                slope = wrong + decay * found[slot]
                squares[slot] += slope * slope
                found[slot] -= rate * slope / np.sqrt(squares[slot])
    return found


def name_slots(signals: Signals) -> list[list[int]]:
    """Return the slots of words around each line, as `cleantext.chrome.main_text.block_model.linear` adds their weights."""
    around: dict[int, list[int]] = {}
    for leaf in dict.fromkeys(signals.leaf.tolist()):
        at, level, found = leaf, 0, around.setdefault(leaf, [])
        while at > 0:
            table = min(level, 2) if level < 4 else 3
            found += [table * NAME_SLOTS + slot for slot in signals.steps[at]]
            at, level = int(signals.above[at]), level + 1
    return [
        around[leaf] + [4 * NAME_SLOTS + slot for slot in inline]
        for leaf, inline in zip(signals.leaf.tolist(), signals.inline, strict=True)
    ]


class Set:
    """All pages, with their lines concatenated."""

    def __init__(self, found: list[Labelled]) -> None:
        self.pages = found
        starts, slots, labels, weights = [0], [], [], []
        for page in found:
            signals = page.signals
            weight = np.where(page.labels >= 0, np.sqrt(np.minimum(signals.chars, 400) + 4) * page.weights, 0)
            if page.source != "wcxb":  # all chrome of a page has a third of its weight, even if it is one line
                for chrome in (False, True):
                    part = (page.labels >= 0) & ((page.labels < 0.5) == chrome)
                    weight[part] *= (CHROME if chrome else 1 - CHROME) / max(weight[part].sum(), 1e-9)
            weights.append(WEIGHTS[page.source] * np.minimum(weight / max(weight.sum(), 1e-9), HEAVIEST))
            labels.append(np.clip(page.labels, 0, 1))
            for names, lo, hi in zip(name_slots(signals), signals.starts, signals.ends, strict=True):
                pieces = piece_slots(signals.points, lo, hi)
                slots.append(np.concatenate([names, NAME_SLOTS * NAME_TABLES + pieces]).astype(np.int32))
                starts.append(starts[-1] + len(slots[-1]))
        self.starts, self.slots = np.array(starts), np.concatenate(slots)
        self.labels, self.weights = np.concatenate(labels), np.concatenate(weights)
        self.weights = np.minimum(self.weights / self.weights.mean(), 40.0)
        sizes = [len(page.labels) for page in found]
        self.folds = np.repeat([fold_of(page.host) for page in found], sizes)
        self.ends = np.cumsum(sizes)

    def fit_linear(self, rows: Any) -> Any:
        """Return the weights of the linear model and its bias, rounded as in the file."""
        order = np.random.default_rng(SEED).permutation(rows[self.weights[rows] > 0])
        size = NAME_SLOTS * NAME_TABLES + TEXT_SLOTS
        found = _fit(self.starts, self.slots, self.labels, self.weights, order, size, EPOCHS, RATE, DECAY)
        step = np.float32(np.abs(found[:-1]).max() / 127)
        return np.round(found[:-1] / step).astype(np.int8), step, np.float32(found[-1])

    def say(self, weights: Any, step: Any, bias: Any, rows: Any, out: F32) -> None:
        """Write the output of a linear model for some lines."""
        sums = np.concatenate([[0.0], np.cumsum(weights[self.slots].astype(np.float64))])
        out[rows] = np.clip((sums[self.starts[rows + 1]] - sums[self.starts[rows]]) * step + bias, -CLIP, CLIP)

    def columns(self, said: F32, count: int) -> F32:
        """Return the inputs of the trees for the first pages."""
        return np.concatenate(
            [columns(p.signals, said[e - len(p.labels) : e]).T for p, e in zip(self.pages[:count], self.ends, strict=False)]
        )

    def fit_trees(self, seen: F32, rows: Any) -> Any:
        """Fit the trees."""
        import lightgbm

        rows = rows[self.weights[rows] > 0]
        options = {
            "objective": "cross_entropy", "num_leaves": LEAVES, "learning_rate": TREE_RATE, "min_data_in_leaf": 60, "feature_fraction": 0.4,
            "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5, "max_bin": 63, "verbose": -1, "num_threads": 1, "seed": SEED,
            "deterministic": True, "force_col_wise": True,
        }  # fmt: skip
        data = lightgbm.Dataset(seen[rows], self.labels[rows], weight=self.weights[rows])
        return lightgbm.train(options, data, TREES)


def packed(trees: Any) -> dict[str, Any]:
    """Return trees as arrays."""
    roots: list[int] = []
    features: list[int] = []
    thresholds: list[float] = []
    left: list[int] = []
    right: list[int] = []
    for tree in trees.dump_model()["tree_info"]:
        first = len(features)
        roots.append(first)
        pending = [tree["tree_structure"]]
        rows = []
        while pending:
            node = pending.pop(0)
            at = {"node": node, "left": 0, "right": 0}
            rows.append(at)
            for side in ("left", "right"):
                if f"{side}_child" in node:
                    at[side] = len(rows) + len(pending)
                    pending.append(node[f"{side}_child"])
        for row in rows:
            node = row["node"]
            features.append(node.get("split_feature", -1))
            thresholds.append(node["threshold"] if "threshold" in node else node["leaf_value"])
            left.append(row["left"])
            right.append(row["right"])
    return {
        "roots": np.array(roots, np.int32), "features": np.array(features, np.int16), "thresholds": np.array(thresholds, np.float32),
        "left": np.array(left, np.int16), "right": np.array(right, np.int16),
    }  # fmt: skip


def main() -> None:
    """Train the model and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("main_model.npz"))
    args = parser.parse_args()
    by_hand_or_words = list(pages(args.shared))
    data = Set([*by_hand_or_words, *taught(args.shared)])
    every = np.arange(len(data.labels))
    labelled = every[: sum(len(page.labels) for page in by_hand_or_words)]
    said = np.zeros(len(every), np.float32)
    linear = []
    for fold in range(FOLDS):  # the trees are trained with outputs for lines that the linear model has not seen
        linear.append(data.fit_linear(every[data.folds != fold]))
        weights, step, bias = linear[-1]
        data.say(weights, step, bias, every[data.folds == fold], said)
    seen = data.columns(said, len(by_hand_or_words))
    made_of = f"WCXB development pages (CC-BY-4.0, Murrough Foley), pages2, pages; {len(data.pages)} pages, {len(every)} lines, with Chinese pages that the rules labelled; seed {SEED}"
    for fold in range(FOLDS) if args.folds else ():
        weights, step, bias = linear[fold]
        trees = data.fit_trees(seen, labelled[data.folds[labelled] != fold])
        args.folds.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            args.folds / f"{fold}.npz", weights=weights, step=step, bias=bias, made_of=made_of + f"; without fold {fold}", **packed(trees)
        )
    weights, step, bias = data.fit_linear(every)
    trees = data.fit_trees(seen, labelled)
    np.savez_compressed(args.output, weights=weights, step=step, bias=bias, made_of=made_of, **packed(trees))


if __name__ == "__main__":
    main()
