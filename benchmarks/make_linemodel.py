"""Make ``cleantext/data/linemodel.npz``, the model of the learned line scorer, and say how well it does on sites it has not seen.

    python benchmarks/make_linemodel.py --folds            # train without a fifth of the sites each time, clean their pages, print the figures
    python benchmarks/make_linemodel.py --write            # and train on all, write the model

Needs scikit-learn and lightgbm (training only) and ``../shared``: pages2 (true labels of lines), pages (labels from the expected texts), and
stored pages without labels, which our own HTML mode labels, for less weight. Nothing of a page is stored but weights. Sites are left out
whole: by registered name, and with them every page that shares template lines with one of theirs. Seeds are fixed; one thread.

1. Weights of hashed n-grams: three logistic regressions (chrome, metadata, title) on lines alone.
2. Trees: features of a line in its page, n-gram sums made by regressions that have not seen its site. Beside the pages as they are,
   pages without their chrome (what the scorer is asked about last) and heads and feet of one page around the text of another.
3. A table from sums to shares, read off lines of sites left out.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from confidence import NAMES, shares, show

SHARED = Path(os.environ.get("CLEANTEXT_SHARED", Path(__file__).parents[1] / "../shared"))
sys.path.insert(0, str(SHARED / "tools"))
OUT = Path(__file__).parents[1] / "cleantext/data/linemodel.npz"
KEEP = ("body", "title", "caption")
FOLDS, INNER = 5, 4
OTHERS = ("teacher", "made", "wcxb")  # pages that teach and are not measured
WEIGHT = {"seeds": 1.0, "pages2": 1.0, "pages": 0.6, "teacher": 0.25, "made": 0.4, "wcxb": 0.15}
ONE_HOST = 0.15  # of twelve pages of one template
OWNERS = {"money163": "163", "baijiahao": "baidu", "baike": "baidu"}
GRAM_UNIT = 16  # of a logit, for weights of n-grams
TREES = {
    "objective": "binary",
    "num_leaves": 24,
    "max_depth": 6,
    "learning_rate": 0.08,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "max_bin": 63,
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
}
ROUNDS, TITLE_ROUNDS = 130, 60


# ---------------------------------------------------------------- pages with labels


def load():
    """Return all pages: name, kind, site, lines, labels."""
    from lines import page_lines

    pages = []
    for path in sorted((SHARED / "data/pages2").glob("*/gold.json")):
        gold = json.loads(path.read_text("utf-8"))
        lines = page_lines((path.parent / "page.html").read_bytes())
        pages.append(_page("pages2", path.parent.name, gold["host"], gold.get("repo"), lines, [row[1] for row in gold["lines"]]))
    for path in sorted((SHARED / "data/pages").glob("*/meta.json")):
        meta = json.loads(path.read_text("utf-8"))
        lines = page_lines((path.parent / "page.html").read_bytes())
        labels = _expected(lines, (path.parent / "expected.txt").read_text("utf-8"), meta)
        pages.append(_page("pages", path.parent.name, path.parent.name.rsplit("-", 1)[0], None, lines, labels))
    pages += [_page("seeds", name, "seeds", None, lines, labels) for name, lines, labels in seeds()]
    pages += made()
    pages += teacher()
    pages += wcxb()
    link(pages)
    return pages


def made():
    """Return the made-up pages of the tests: lists, records, manuals and short pages that look like page chrome and are not."""
    tests = Path(__file__).parents[1] / "tests"
    sys.path.insert(0, str(tests))
    from test_chrome_kept import as_read
    from test_chrome_kept import pages as kept
    from test_chrome_sites import pages as sites

    found = []
    for case in json.loads((tests / "cases" / "chrome.json").read_text("utf-8")):
        left, optional = Counter(case["expected"].split("\n")), set(case.get("optional", ()))
        lines = [line for line in case["input"].split("\n") if line.strip()]
        labels = []
        for line in lines:
            dated = sum(char.isdigit() for char in line) >= 6
            labels.append("unsure" if line in optional else "body" if left[line] > 0 else "meta" if dated else "chrome")
            left[line] -= 1
        found.append(_page("made", case["label"], "made-up", None, lines, labels))
    for name, rows in (*kept(), *sites()):
        lines = as_read(rows).split("\n")
        if len(lines) == len(rows):
            labels = ["chrome" if row.startswith("-") else "body" for row in rows]
            kept_ = [n for n, line in enumerate(lines) if line.strip()]
            found.append(_page("made", name, "made-up", None, [lines[n] for n in kept_], [labels[n] for n in kept_]))
    return found


def seeds():
    """Return name, lines and labels of the five seeds."""
    folder = Path(__file__).parents[1] / "seeds"
    found = defaultdict(list)
    for row in map(json.loads, (folder / "labels.jsonl").read_text("utf-8").splitlines()):
        found[row["file"]].append((row["line"], row["label"]))
    for name, labels in sorted(found.items()):
        lines = (folder / name).read_text("utf-8").split("\n")
        yield name[:3], [lines[n - 1] for n, _ in labels], [label for _, label in labels]


def _page(kind, name, host, repo, lines, labels):
    return {"kind": kind, "name": name, "site": site(host), "repo": repo, "lines": lines, "labels": labels}


def site(host):
    """Return the registered name of a host."""
    host = OWNERS.get(host, host).lower()
    parts = host.split(".")
    if "github.io" in host or "+" in host or len(parts) == 1:
        return host
    while len(parts) > 1 and (parts[-1] in ("cn", "tw", "uk", "hk", "sh", "mg", "co") or parts[-1] in ("com", "org", "net", "edu", "gov")):
        parts.pop()
    return {"netease": "163", "pku": "pku-" + parts[0]}.get(parts[-1], parts[-1])


def _gone(lines, output):
    """Return which share of each line an output lacks."""
    import score_lines

    page = score_lines.Page({"host": "", "kind": ""}, lines, ["body"] * len(lines), {})
    return [score_lines.line_share(page, n, kept)[0] for n, kept in enumerate(score_lines.align(page, output)[0])]


def _expected(lines, expected, meta):
    bare = ["".join(line.split()) for line in lines]
    title, optional = "".join(expected.split("\n")[0].split()), ["".join(s.split()) for s in meta.get("optional_lines", [])]
    known = ["".join(str(meta.get(key) or "").split()) for key in ("source", "published")]
    labels = []
    for line, gone in zip(bare, _gone(lines, expected.replace("\t", "\n")), strict=True):
        if any(line == o or (len(line) > 3 and line in o) for o in optional):
            labels.append("unsure")
        elif gone < 0.5:
            labels.append("title" if line == title else "body")
        else:
            labels.append("meta" if any(len(k) > 1 and k in line for k in known) else "chrome")
    return labels


def teacher():
    """Return the pages without labels, as our HTML mode labels them: those with enough text."""
    import zstandard
    from lines import page_lines

    import cleantext as ct

    steps = ct.Pipeline.load("zh-web").without("script.to").steps
    pipeline, pages = ct.Pipeline(tuple(replace(s, learned=False) if s.id == "chrome.lines" else s for s in steps)), []
    with zstandard.ZstdDecompressor().stream_reader((SHARED / "data/unlabelled-zh.jsonl.zst").open("rb")) as stream:
        for row in map(json.loads, io.TextIOWrapper(stream, "utf-8")):
            html = base64.b64decode(row["html_base64"])
            lines = page_lines(html)
            labels = ["body" if gone < 0.5 else "chrome" for gone in _gone(lines, ct.clean_html(html, pipeline=pipeline))]
            text = sum(len(line) for line, label in zip(lines, labels, strict=True) if label == "body")
            if text >= 200 and len(lines) < 1500:
                pages.append(_page("teacher", row["path"], row["host"], row["repo"], lines, labels))
    return pages


def wcxb():
    """Return the pages of WCXB, which are of all kinds and mostly English, with labels from their gold text: they teach what pages are like."""
    import zstandard
    from lines import page_lines

    pages = []
    with zstandard.ZstdDecompressor().stream_reader((SHARED / "data/wcxb-dev.jsonl.zst").open("rb")) as stream:
        for row in map(json.loads, io.TextIOWrapper(stream, "utf-8")):
            lines = page_lines(row["html"].encode())
            if not 5 <= len(lines) < 1500:
                continue
            shares = _gone(lines, row["main_content"])
            labels = ["body" if gone < 0.2 else "chrome" if gone > 0.8 else "unsure" for gone in shares]
            if labels.count("body") >= 2:
                pages.append(_page("wcxb", row["id"], row["url"].split("//")[-1].split("/")[0], None, lines, labels))
    return pages


def link(pages):
    """Give each page the sites that may not be measured by a model that saw it: its own, and those whose template lines it shares."""
    lines = [{line for line in page["lines"] if len(line) >= 5} for page in pages]
    where = defaultdict(set)
    true = [n for n, page in enumerate(pages) if page["kind"] not in OTHERS]
    for n in true:
        for line in lines[n]:
            where[line].add(n)
    parent = {}

    def root(name):
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    sites = []
    for n, page in enumerate(pages):
        shared = Counter(m for line in lines[n] for m in where.get(line, ()) if m != n)
        near = {pages[m]["site"] for m, count in shared.items() if count >= min(8, 0.25 * max(4, len(lines[n])))}
        if page["kind"] in OTHERS:
            near |= {pages[m]["site"] for m in true if pages[m]["repo"] == page["repo"] and page["repo"]}
        sites.append(sorted(near | {page["site"]}))
        if page["kind"] not in OTHERS:
            for other in sites[-1]:
                parent[root(other)] = root(page["site"])
    for page, near in zip(pages, sites, strict=True):
        page["sites"] = {root(name) for name in near}


def fold_of(pages):
    """Return the fold of each site that has labels: sites of many lines first, each to the fold with least."""
    size = Counter()
    for page in pages:
        if page["kind"] not in OTHERS:
            size[min(page["sites"])] += len(page["lines"]) ** 0.5
    load_, folds, random = np.zeros(FOLDS), {}, np.random.RandomState(1)
    for name in sorted(size, key=lambda s: (-size[s], s)):
        folds[name] = int(np.argmin(load_ + 7 * random.rand(FOLDS)))
        load_[folds[name]] += size[name]
    return folds


# ---------------------------------------------------------------- training


class Corpus:
    """All lines of all pages in arrays."""

    def __init__(self, pages):
        from cleantext.changes import code_points
        from cleantext.chrome.lines.columns import CATEGORY, COUNT, FIRST, HEADS, STRONGEST, SUMMARY
        from cleantext.chrome.lines.findings import LineCache
        from cleantext.chrome.matching.line_memory import Rows
        from cleantext.chrome.rules.load_packs import load_pack
        from cleantext.chrome.scorer.line_features import MOST_SYMBOLS, SLOTS, classes, grams
        from cleantext.fold import view_points

        self.pages = pages
        self.weighed = {}
        self.rows = Rows.split(view_points(code_points("\n".join(line for page in pages for line in page["lines"]))))
        self.first = np.append(0, np.cumsum([len(page["lines"]) for page in pages])).astype(np.int64)
        self.page = np.repeat(np.arange(len(pages)), np.diff(self.first))
        self.label = np.array([label for page in pages for label in page["labels"]])
        self.true = np.array([page["kind"] not in OTHERS for page in pages])
        self.weight = np.zeros(len(self.label))
        for n, page in enumerate(pages):
            weight = ONE_HOST if page["name"].startswith("money163") else WEIGHT[page["kind"]]
            self.weight[self.lines([n])] = weight * (60 / max(1, len(page["lines"]))) ** 0.5
        self.weight[np.isin(self.label, ("unsure", "comment"))] = 0
        self.weight[self.label == "meta"] *= 0.3
        register = LineCache.of(load_pack("zh-web-rules"))
        known = register.look(self.rows)
        summaries = register.summary_rows[known >> SUMMARY]
        category = np.where(summaries[:, COUNT] > 0, register.evidence_rows[summaries[:, FIRST], CATEGORY], 0)
        self.said = np.stack((summaries[:, STRONGEST], category, summaries[:, HEADS] > 0), 1).astype(np.int32)
        self.slots, found, symbols = [], np.empty(3 * MOST_SYMBOLS, np.uint32), np.empty(MOST_SYMBOLS, np.uint32)
        for a, b in zip(self.rows.starts, self.rows.ends, strict=True):
            self.slots.append(found[: grams(self.rows.points, a, b, classes(), symbols, found)].copy())
        self.width = SLOTS

    def lines(self, pages):
        """Return the numbers of the lines of some pages."""
        return np.concatenate([np.arange(self.first[n], self.first[n + 1]) for n in pages]) if len(pages) else np.empty(0, np.int64)

    def weigh(self, pages):
        """Return weights of n-grams learned from the lines of some pages; they are remembered, for they do not depend on other features."""
        key = hashlib.sha256(np.asarray(pages).tobytes()).hexdigest()
        if key not in self.weighed:
            self.weighed[key] = self._weigh(pages)
        return self.weighed[key]

    def _weigh(self, pages):
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import SGDClassifier

        out = np.zeros((self.width, 3), np.int8)
        for column, kind in enumerate(("chrome", "meta", "title")):
            weight = self.weight.copy()
            if column:
                weight[~self.true[self.page]] = 0  # the teacher knows of no such labels
            some = self.lines(pages)
            some = some[weight[some] > 0]
            size = np.array([len(self.slots[n]) for n in some])
            value = np.repeat(1 / np.ceil(np.sqrt(size)), size).astype(np.float32)
            rows = csr_matrix(
                (value, np.concatenate([self.slots[n] for n in some]), np.append(0, np.cumsum(size))), (len(some), self.width)
            )
            rows.sum_duplicates()
            model = SGDClassifier(loss="log_loss", alpha=2e-6, max_iter=6, tol=None, average=True, random_state=0)
            model.fit(rows, self.label[some] == kind, sample_weight=weight[some])
            out[:, column] = np.clip(np.round(model.coef_[0] * GRAM_UNIT), -127, 127)
        return out

    def shapes(self, lines, weights):
        from cleantext.chrome.scorer.line_features import SHAPE, classes, logs, packed, shape

        rows, out = self.rows.take(lines), np.zeros((len(lines), len(SHAPE)), np.int32)
        shape(rows.points, rows.starts, rows.ends, classes(), logs(), packed(weights), out)
        return out

    def features(self, lines, bounds, shapes):
        from cleantext.chrome.scorer.context_features import context
        from cleantext.chrome.scorer.line_features import classes, logs
        from cleantext.chrome.scorer.line_model import NAMES

        rows, out = self.rows.take(lines), np.zeros((len(lines), len(NAMES)), np.int32)
        out[:, : shapes.shape[1]] = shapes
        context(rows.points, rows.starts, rows.ends, bounds, classes(), logs(), self.said[lines], out)
        return out

    def made_up(self, pages, seed):
        """Return pages made of others, as numbers of lines, and their weights: without their chrome, and with that of another page."""
        random = np.random.RandomState(seed)
        true = [n for n in pages if self.true[n]]
        other = [n for n in pages if self.pages[n]["kind"] == "teacher"]
        out = []
        for n in [*true, *sorted(random.permutation(other)[:80].tolist())]:
            lines = self.lines([n])
            chrome = np.isin(self.label[lines], ("chrome", "comment"))
            if chrome.any() and (~chrome).sum() >= 2:
                out += [(lines[~chrome], 0.3), (lines[~(chrome & (random.rand(len(lines)) < 0.9))], 0.2)]
        spans = {n: self._span(n) for n in true}
        whole = [n for n in true if spans[n]]
        for _ in range(300):
            a, h, t = random.choice(whole, 3)
            mode = random.randint(3)
            head = np.arange(self.first[h], spans[h][0]) if mode != 1 else np.arange(self.first[a], spans[a][0])
            tail = np.arange(spans[t][1], self.first[t + 1]) if mode != 2 else np.arange(spans[a][1], self.first[a + 1])
            lines = np.concatenate((head, np.arange(*spans[a]), tail))
            out.append((lines[self.label[lines] != "comment"], 0.3))
        return out

    def _span(self, n):
        lines = self.lines([n])
        kept = lines[np.isin(self.label[lines], KEEP)]
        return (int(kept[0]), int(kept[-1]) + 1) if len(kept) else None

    def fit(self, pages, seed):
        """Return weights of n-grams and trees learned from some pages."""
        import lightgbm

        keys = sorted({min(self.pages[n]["sites"]) for n in pages})
        inner = dict(zip(np.random.RandomState(seed).permutation(keys), [k % INNER for k in range(len(keys))], strict=True))
        part = np.array([inner[min(self.pages[n]["sites"])] for n in pages])
        weights = self.weigh(pages)
        shapes = self.shapes(np.arange(len(self.label)), weights)
        for k in range(INNER):
            held = self.lines(pages[part == k])
            shapes[held] = self.shapes(held, self.weigh(pages[part != k]))
        made = self.made_up(pages, seed)
        whole = [self.lines([n]) for n in pages]
        lines = np.concatenate([*whole, *(x for x, _ in made)])
        sizes = [len(x) for x in (*whole, *(x for x, _ in made))]
        bounds = np.append(0, np.cumsum(sizes)).astype(np.int64)
        weight = self.weight[lines].copy()
        for (x, w), a in zip(made, bounds[len(whole) :], strict=False):
            weight[a : a + len(x)] *= w / np.maximum(1e-9, WEIGHT["pages2"])
        rows = self.features(lines, bounds, shapes[lines])
        chrome, used = self.label[lines] == "chrome", weight > 0
        first = lightgbm.train(TREES, lightgbm.Dataset(rows[used], chrome[used], weight=weight[used]), ROUNDS)
        titled = used & self.true[self.page[lines]]
        few = {**TREES, "num_leaves": 12, "max_depth": 4, "min_data_in_leaf": 15}
        title = lightgbm.train(
            few, lightgbm.Dataset(rows[titled], (self.label[lines] == "title")[titled], weight=weight[titled]), TITLE_ROUNDS
        )
        return weights, exported(first), exported(title)

    def sums(self, pages, weights, trees):
        """Return what trees say of the lines of pages."""
        from cleantext.chrome.scorer.line_model import bits_of, sums

        lines = self.lines(pages)
        bounds = np.append(0, np.cumsum([self.first[n + 1] - self.first[n] for n in pages])).astype(np.int64)
        return sums(self.features(lines, bounds, self.shapes(lines, weights)), bits_of(trees))


def exported(booster):
    """Return the trees of a booster as arrays of whole numbers."""
    from cleantext.chrome.scorer.line_model import UNIT, Trees

    nodes, value = [], []

    def add(node):
        at = len(nodes)
        nodes.append([0, 0, at, at])
        value.append(round(node.get("leaf_value", node.get("internal_value")) * UNIT))
        if "leaf_value" not in node:
            below, above = add(node["left_child"]), add(node["right_child"])
            nodes[at] = [node["split_feature"], int(np.floor(node["threshold"])), below, above]
        return at

    roots = [add(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]]
    return Trees(*(np.array(x, np.int32) for x in (roots, nodes, value)))


def calibrated(said, chrome, weight):
    """Return a table from sums to shares of chrome in 1/10000, rising: half what was counted, half a logistic curve, which has no steps."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    curve = LogisticRegression(C=1e6).fit(said[:, None] / 4096, chrome, sample_weight=weight)
    order = np.argsort(said, kind="stable")
    parts = np.array_split(order, 60)
    centre = np.array([np.average(said[p], weights=weight[p]) for p in parts])
    mass = np.array([weight[p].sum() for p in parts])
    share = np.array([((chrome[p] * weight[p]).sum() + 0.3) / (weight[p].sum() + 0.6) for p in parts])
    share = IsotonicRegression(y_min=0.0005, y_max=0.9995).fit(centre, share, mass).predict(centre)
    share = (share + curve.predict_proba(centre[:, None] / 4096)[:, 1]) / 2
    centre, at = np.unique(np.round(centre).astype(np.int32), return_index=True)
    return centre, np.round(10000 * share[at]).astype(np.int32)


# ---------------------------------------------------------------- sites left out


def fitted(corpus):
    """Return for each fold its pages, and what was fitted to the pages that no site of it has part in."""
    folds, tested, models = fold_of(corpus.pages), [], []
    for k in range(FOLDS):
        tested.append([n for n, page in enumerate(corpus.pages) if page["kind"] not in OTHERS and folds[min(page["sites"])] == k])
        seen = np.array([n for n, page in enumerate(corpus.pages) if all(folds.get(s, -1) != k for s in page["sites"])])
        models.append(corpus.fit(seen, k))
        print(f"fold {k}: {len(seen)} pages to learn from, {len(tested[-1])} left out", flush=True)
    return tested, models


def left_out(corpus, tested, fits):
    """Return the pages of each fold, its model, with a table read off the other folds, and the table of all."""
    from cleantext.chrome.scorer.line_model import LineModel

    said, models = np.zeros(len(corpus.label)), []
    for out, (weights, chrome, _) in zip(tested, fits, strict=True):
        said[corpus.lines(out)] = corpus.sums(out, weights, chrome)
    for out, (weights, chrome, title) in zip(tested, fits, strict=True):
        others = corpus.lines([n for fold in tested if fold is not out for n in fold])
        models.append(LineModel(weights, chrome, title, *_table(corpus, others, said), {"digest": "left out"}))
    return tested, models, _table(corpus, corpus.lines([n for fold in tested for n in fold]), said)


def _table(corpus, lines, said):
    lines = lines[corpus.weight[lines] > 0]
    lines = lines[corpus.label[lines] != "meta"]
    return calibrated(said[lines], corpus.label[lines] == "chrome", corpus.weight[lines])


def measured(corpus, tested, models):
    """Clean the pages left out, each with the model of its fold; return counts of each page as `score_lines` makes them."""
    import score_lines

    from cleantext.chrome import StripChrome
    from cleantext.chrome.scorer import Scorer
    from cleantext.pipeline import Pipeline
    from cleantext.transform import Page

    class Learned(StripChrome):
        model = None

        @property
        def scorer(self):
            return self.model

    base, rows = Pipeline.load("zh-web").without("script.to"), []
    for fold, out in enumerate(tested):
        step = type("Learned", (Learned,), {"model": Scorer.with_model(models[fold])})() if models else StripChrome(learned=False)
        pipeline = Pipeline((*[s for s in base.steps if s.id != "chrome.lines"], step))
        for n in out:
            page = corpus.pages[n]
            cleaned = pipeline.fast([Page("\n".join(page["lines"]))])[0]
            counts, lost, _ = score_lines.count_page(
                score_lines.Page({"host": page["site"], "kind": page["kind"]}, page["lines"], page["labels"], {}), cleaned.text
            )
            again = pipeline.fast([Page(cleaned.text)])[0].text
            rows.append((page, counts, lost, cleaned.flags, again == cleaned.text, cleaned.metadata))
    return rows


def told(rows, kind):
    """Return the figures of the pages of one kind."""
    import score_lines

    some = [row for row in rows if row[0]["kind"] == kind]
    each = [score_lines.figures(counts) for _, counts, *_ in some]
    total = score_lines.new_counts()
    for _, counts, *_ in some:
        score_lines.add(total, counts)
    micro = score_lines.figures(total)
    with_chrome = [f for f, row in zip(each, some, strict=True) if row[1]["chrome"]["lines"]]
    return {
        "pages": len(some),
        "chrome macro": 100 * np.mean([f["chrome_line_recall"] for f in with_chrome]),
        "chrome micro": 100 * micro["chrome_line_recall"],
        "body lost macro": 100 * np.mean([f["body_char_loss"] for f in each]),
        "body lost micro": 100 * micro["body_char_loss"],
        "kept lost macro": 100 * np.mean([f["keep_char_loss"] for f in each]),
        "titles lost": f"{total['title']['gone']} of {total['title']['lines']}",
        "not idempotent": sum(not row[4] for row in some),
        "flagged": sum(bool(row[3]) for row in some),
    }


def pinned(rows, kind):
    """Return the figures that floors are pinned to: more is better."""
    found = told(rows, kind)
    lost, titles = (int(x) for x in found["titles lost"].split(" of "))
    return {
        "chrome-removed": round(found["chrome macro"] / 100, 4),
        "body-kept": round(1 - found["body lost macro"] / 100, 4),
        "titles-kept": round(1 - lost / titles, 4),
    }


def shown(name, figures):
    print(name, "  ".join(f"{k} {v:.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items()), flush=True)


def main():
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--folds", action="store_true", help="figures of sites left out")
    asked.add_argument("--write", action="store_true", help="train on all pages, write the model")
    asked.add_argument("--fit", action="store_true", help="fit the folds anew")
    asked.add_argument("--keep", type=Path, help="keep corpus and models of the folds here, and take them from here")
    given = asked.parse_args()
    import pickle

    stored = {}
    if given.keep and given.keep.exists():
        stored = pickle.loads(given.keep.read_bytes())

    def keep(**things):
        stored.update(things)
        if given.keep:
            given.keep.write_bytes(pickle.dumps(stored))

    if "corpus" not in stored:
        keep(corpus=Corpus(load()))
    corpus = stored["corpus"]
    if "fitted" not in stored or given.fit:
        keep(fitted=fitted(corpus))
    tested, models, table = left_out(corpus, *stored["fitted"])
    known = {}
    if given.folds:
        from cleantext.chrome.scorer import choose

        for kind in ("pages2", "pages"):
            shown(f"{kind}: rules alone ", told(measured(corpus, tested, []), kind))
        rows = measured(corpus, tested, models)
        known = {f"{kind}.{name}": value for kind in ("pages2", "pages") for name, value in pinned(rows, kind).items()}
        for kind in ("pages2", "pages", "seeds"):
            shown(f"{kind}: learned ", told(rows, kind))
        trusted = [row for row in rows if NAMES[0] in row[5] and row[0]["kind"] in ("pages2", "pages")]
        show("text", [([row[5][name] for name in NAMES], shares(row[1])) for row in trusted])
        for k, out in enumerate(tested):
            names = {corpus.pages[n]["name"] for n in out}
            shown(f"fold {k}, pages2 ", told([r for r in rows if r[0]["name"] in names], "pages2"))
        for page, _, lost, *_ in rows:
            for _, label, share, line in lost[:6]:
                print("LOST", page["name"], label, f"{share:.0%}", line[:60])
        print("costs", choose.SPARE, choose.LEAST)
    if given.write:
        weights, chrome, title = corpus.fit(np.arange(len(corpus.pages)), 0)
        held = {"grams": weights, "sum": table[0], "share": table[1]}
        held |= {f"chrome.{name}": column for name, column in zip(chrome._fields, chrome, strict=True)}
        held |= {f"title.{name}": column for name, column in zip(title._fields, title, strict=True)}
        write(held, corpus, known)


def write(held, corpus, known):
    """Write the model with what it was made from."""
    from cleantext.chrome.scorer.line_model import NAMES

    held = {
        name: column.astype(np.int16) if np.abs(column).max(initial=0) < 1 << 15 and name != "grams" else column
        for name, column in held.items()
    }
    digest = hashlib.sha256(b"".join(name.encode() + held[name].tobytes() for name in sorted(held))).hexdigest()[:16]
    said = {
        "made by": "benchmarks/make_linemodel.py",
        "from": dict(Counter(page["kind"] for page in corpus.pages)),
        "lines": len(corpus.label),
        "digest": digest,
        "features": list(NAMES),
        "left out": known,  # text mode on sites left out, rules and scorer together
    }
    np.savez_compressed(OUT, **held, provenance=np.frombuffer(json.dumps(said).encode(), np.uint8))
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
