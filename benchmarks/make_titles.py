"""Make ``cleantext/html/metadata/title_weights.json``, with which `cleantext.html.metadata.headline` finds the headline of a document.

    python benchmarks/make_titles.py            # needs scipy; prints the share of headlines found on hosts left out

A conditional logistic regression: of the lines of a page that may be its headline one is. Pages are `pages2` and `pages` (labelled by
hand), four kinds of WCXB (whose titles are stated for most), and Chinese pages without labels where one heading alone is what the title of
the document begins with. Each page is shown once more without its stated titles, so that the rest of the evidence is learned too.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import zstandard
from scipy.optimize import minimize

from cleantext.chrome.main_text.make_block_model import FOLDS, SHARED, fold_of, owner
from cleantext.decode import decode
from cleantext.html.metadata.headline import Headlines, clear_headline
from cleantext.html.metadata.page_metadata import stated_titles, title_by_rules
from cleantext.html.parsing.visible_lines import Read
from cleantext.html.routes import read_document

WEIGHTS_FILE = Path(__file__).parents[1] / "cleantext/html/metadata/title_weights.json"
SHRINK = 1.0  # ridge
WEIGHTS = {"pages2": 4.0, "pages": 1.5, "wcxb": 0.2, "unlabelled": 0.7}
BLIND = {"pages2": 0.8, "pages": 0.8, "wcxb": 0.2, "unlabelled": 0.8}  # of a page once more, without what it states
ONE_TEMPLATE, ONE_OF = "money163", 0.2
KINDS = ("article", "forum", "documentation", "product")
LEAST = 0.02  # smaller weights are left out of the file


class Headed(NamedTuple):
    """A page whose headline is known."""

    source: str
    name: str
    host: str
    read: Read
    titles: frozenset[str]


def folded(text: str | None) -> str:
    """Return the letters and digits of a text, width folded."""
    return "".join(c for c in unicodedata.normalize("NFKC", text or "") if c.isalnum())


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a compressed JSONL file."""
    with path.open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8"):
            yield json.loads(line)


def pages(shared: Path) -> Iterator[Headed]:
    """Yield the pages with their headlines."""
    for folder in sorted(f for f in (shared / "pages2").iterdir() if f.is_dir()):
        gold = json.loads((folder / "gold.json").read_text("utf-8"))
        titles = [text for _, label, text in gold["lines"] if label == "title"]
        if gold["title"]:
            read = read_document(decode((folder / "page.html").read_bytes()).text)
            yield Headed("pages2", folder.name, owner(gold["host"]), read, frozenset(map(folded, [gold["title"], *titles])))
    for folder in sorted(f for f in (shared / "pages").iterdir() if f.is_dir()):
        title = json.loads((folder / "meta.json").read_text("utf-8"))["title"]
        host = folder.name.rsplit("-", 1)[0].replace(ONE_TEMPLATE, "163") + ".com"
        yield Headed(
            "pages", folder.name, host, read_document(decode((folder / "page.html").read_bytes()).text), frozenset([folded(title)])
        )
    for row in rows(shared / "wcxb-dev.jsonl.zst"):
        if row["title"] and row["kind"] in KINDS:
            host = owner(urlsplit(row["url"]).hostname or row["id"])
            yield Headed("wcxb", row["id"], host, read_document(row["html"]), frozenset([folded(row["title"])]))
    for row in rows(shared / "unlabelled-zh.jsonl.zst"):
        read = read_document(decode(base64.b64decode(row["html_base64"])).text)
        if title := clear_headline(read.lines, stated_titles(read)):
            yield Headed("unlabelled", row["blob"], owner(row["host"] or row["repo"]), read, frozenset([folded(title)]))


class Choices:
    """What may be the headline of each page, as a matrix of signs."""

    def __init__(self, found: list[Headed]) -> None:
        self.names: dict[str, int] = {}
        self.pages, self.signs, self.gold, self.weights, self.blind = [], [], [], [], []
        for blind in (False, True):
            for page in found:
                stated = ["", ""] if blind else stated_titles(page.read)
                ruled = "" if blind else title_by_rules(page.read)
                asked = list(Headlines(page.read.lines, stated, ruled).candidates())
                self.signs.append([[self.names.setdefault(sign, len(self.names)) for sign in one.signs] for one in asked])
                self.gold.append(np.array([folded(page.read.lines[one.line].text) in page.titles for one in asked], bool))
                self.weights.append((BLIND if blind else WEIGHTS)[page.source] * (ONE_OF if page.name.startswith(ONE_TEMPLATE) else 1))
                self.pages.append(page)
                self.blind.append(blind)
        self.matrices = [self._dense(signs) for signs in self.signs]
        self.folds = np.array([fold_of(page.host) for page in self.pages])

    def _dense(self, signs: list[list[int]]) -> Any:
        out = np.zeros((len(signs), len(self.names)), np.float32)
        for row, own in enumerate(signs):
            out[row, own] = 1
        return out

    def fit(self, use: Any) -> Any:
        """Return the weights that fit some pages."""
        use = [k for k in use if self.gold[k].any()]
        matrix = np.concatenate([self.matrices[k] for k in use])
        sizes = np.array([len(self.gold[k]) for k in use])
        starts = np.cumsum(sizes) - sizes
        gold, weight = np.concatenate([self.gold[k] for k in use]), np.array([self.weights[k] for k in use])

        def loss(found: Any) -> Any:
            said = matrix @ found
            odds = np.exp(said - np.repeat(np.maximum.reduceat(said, starts), sizes))
            total, right = np.add.reduceat(odds, starts), np.maximum(np.add.reduceat(odds * gold, starts), 1e-300)
            slope = (odds / np.repeat(total, sizes) - odds * gold / np.repeat(right, sizes)) * np.repeat(weight, sizes)
            return (weight * np.log(total / right)).sum() + SHRINK * found @ found / 2, matrix.T @ slope + SHRINK * found

        return minimize(loss, np.zeros(len(self.names)), jac=True, method="L-BFGS-B").x

    def right(self, found: Any, k: int) -> bool:
        """Say whether weights find the headline of a page."""
        return bool(len(self.gold[k]) and self.gold[k][(self.matrices[k] @ found).argmax()])


def main() -> None:
    """Train, print what is found on hosts left out, and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--output", type=Path, default=WEIGHTS_FILE)
    args = parser.parse_args()
    data = Choices(list(pages(args.shared)))
    every = np.arange(len(data.pages))
    right = np.zeros(len(every), bool)
    for fold in range(FOLDS):
        found = data.fit(every[data.folds != fold])
        for k in every[data.folds == fold]:
            right[k] = data.right(found, k)
    shares = {}
    for source in WEIGHTS:
        for blind in (False, True):
            own = [k for k in every if data.pages[k].source == source and data.blind[k] == blind]
            shares[f"{source}{' without stated titles' if blind else ''}"] = round(float(np.mean(right[own])), 4)
    print(json.dumps(shares, indent=1))
    found = data.fit(every)
    weights = {name: round(float(found[k]), 2) for name, k in sorted(data.names.items()) if abs(found[k]) >= LEAST}
    made_of = "pages2, pages, WCXB development pages (CC-BY-4.0, Murrough Foley), Chinese pages with one clear heading"
    args.output.write_text(
        json.dumps({"made_of": made_of, "right on hosts left out": shares, "weights": weights}, indent=1) + "\n", "utf-8"
    )


if __name__ == "__main__":
    main()
