"""Main text of HTML on sites that the model has not seen: five models, each trained without a fifth of the hosts, clean the pages of these.

Pages of WCXB (CC-BY-4.0) by kind, with its own measure, F1 of the bags of lower-case words of a page; pages2, with what is lost and left by
labelled lines (``../shared/tools/score_lines.py``). Rules are not left out: `cleaning.left_out` does that.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

import cleantext as ct
from cleantext.chrome.main_text import block_model, keep_lines
from cleantext.chrome.main_text.make_block_model import FOLDS, fold_of, owner
from cleantext.pipeline import Pipeline

WORD = re.compile(r"\w+")


class WebPage(NamedTuple):
    """A page of WCXB."""

    kind: str
    host: str
    html: str
    gold: str


def train(shared: Path, folds: Path) -> None:
    """Write a model for each fold: two minutes of a processor."""
    folds.mkdir(exist_ok=True)
    command = ["-m", "cleantext.chrome.main_text.make_block_model", "--shared", shared, "--folds", folds, "--output", folds / "all.npz"]
    subprocess.run([sys.executable, *map(str, command)], check=True)


def wcxb(shared: Path) -> list[WebPage]:
    """Return the development pages of WCXB."""
    import zstandard

    with (shared / "wcxb-dev.jsonl.zst").open("rb") as file:
        rows = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        found = map(json.loads, rows)
        return [WebPage(d["kind"], owner(urlsplit(d["url"]).hostname or d["id"]), d["html"], d["main_content"]) for d in found]


@contextmanager
def left_out(folds: Path) -> Iterator[Any]:
    """Let a function clean a page by the model that was trained without its host."""
    models = [block_model.unpack(dict(np.load(folds / f"{k}.npz"))) for k in range(FOLDS)]
    pipeline, usual = Pipeline.load("zh-web").without("script.to"), keep_lines.load_model

    def clean(html: str | bytes, host: str) -> str:
        keep_lines.load_model = partial(models.__getitem__, fold_of(host))
        return pipeline.fast([ct.read_html(html)])[0].text

    try:
        yield clean
    finally:
        keep_lines.load_model = usual


def f1(text: str, gold: str) -> float:
    """Return F1 of the words of a page; 1 for nothing where nothing is wanted."""
    found, wanted = Counter(WORD.findall(text.lower())), Counter(WORD.findall(gold.lower()))
    if not wanted:
        return float(not found)
    return 2 * sum((found & wanted).values()) / (sum(found.values()) + sum(wanted.values()))


def by_kind(pages: Sequence[WebPage], texts: Sequence[str]) -> dict[str, float]:
    """Return the mean F1 of all pages, and of each kind."""
    scores: dict[str, list[float]] = defaultdict(list)
    for page, text in zip(pages, texts, strict=True):
        for kind in ("F1", page.kind):
            scores[kind].append(f1(text, page.gold))
    return {kind: round(mean(found), 4) for kind, found in scores.items()}


def pages2(shared: Path, folds: Path) -> dict[str, float]:
    """Return shares of chrome removed, and of text and titles lost, in the mean of pages, of labelled Chinese pages."""
    sys.path.append(str(shared.parent / "tools"))
    import score_lines
    from lines import page_lines

    rows = []
    with left_out(folds) as clean:
        for gold in sorted((shared / "pages2").glob("*/gold.json")):
            said, data = json.loads(gold.read_text("utf-8")), (gold.parent / "page.html").read_bytes()
            page = score_lines.Page({"host": "", "kind": ""}, page_lines(data), [row[1] for row in said["lines"]], {})
            rows.append(score_lines.count_page(page, clean(data, owner(said["host"])))[0])

    def shares(labels: Sequence[str], gone: str, of: str) -> list[float]:
        sums = [(sum(c[label][gone] for label in labels), sum(c[label][of] for label in labels)) for c in rows]
        return [a / b for a, b in sums if b]

    text = shares(("body",), "chars_gone", "chars")
    return {
        "chrome removed": round(mean(shares(("chrome",), "gone", "lines")), 4),
        "text lost": round(mean(text), 4),
        "text lost, worst page": round(max(text), 4),
        "titles lost": round(mean(shares(("title",), "gone", "lines")), 4),
    }
