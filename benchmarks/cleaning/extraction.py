"""How extraction from HTML is scored on the development pages, and what the peers extract.

Used by `quality.py`, and by `python -m benchmarks --only extraction` in the environments of the peers.

The text is folded for width (NFKC) and loses its blanks. Precision and recall are the longest common
subsequence over the output and over the expected text, in characters; F1 is their harmonic mean; hosts count once.
Loss is the share of characters of expected lines that the output does not hold: a line that stands in it whole
is kept, of another those characters are that lie in 5-grams of the output.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

PAGES = Path(os.environ.get("CLEANTEXT_SHARED", Path(__file__).parents[1] / "../../shared")) / "data/pages"


class Case(NamedTuple):
    name: str
    html: bytes
    encoding: str
    expected: str
    spans: list[str]
    optional: list[str]
    meta: dict[str, Any]

    @property
    def host(self) -> str:
        return self.name.rsplit("-", 1)[0]


class Score(NamedTuple):
    f1: float
    precision: float
    recall: float
    loss: float


def cases(pages: Path = PAGES) -> list[Case]:
    found = []
    for folder in sorted(p for p in pages.iterdir() if p.is_dir()):
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        expected = (folder / "expected.txt").read_text("utf-8")
        html = (folder / "page.html").read_bytes()
        found.append(Case(folder.name, html, meta["encoding"], expected, meta["span_cuts"], meta["optional_lines"], meta))
    return found


def folded(line: str) -> str:
    return "".join(unicodedata.normalize("NFKC", line).split())


def lines_of(text: str, case: Case) -> list[str]:
    spans = [folded(span) for span in case.spans]
    optional = "\n".join(folded(line) for line in case.optional).split("\n")
    whole = set(optional)
    out = []
    for line in map(folded, text.split("\n")):
        for span in spans:
            line = line.replace(span, "")  # noqa: PLW2901
        if line and line not in whole and not (len(line) >= 8 and any(line in o for o in optional)):  # or a part of it
            out.append(line)
    return out


def common(a: str, b: str) -> int:
    """Return the length of the longest common subsequence (Hyyrö 2004, bit-parallel; Python's integers are the bit vectors)."""
    where: dict[str, int] = defaultdict(int)
    for i, character in enumerate(a):
        where[character] |= 1 << i
    full = (1 << len(a)) - 1
    row = full
    for character in b:
        match = row & where.get(character, 0)
        row = ((row + match) | (row - match)) & full
    return len(a) - row.bit_count()


def score(output: str, case: Case) -> Score:
    want, have = lines_of(case.expected, case), lines_of(output, case)
    a, b = "".join(want), "".join(have)
    same = common(a, b)
    precision, recall = same / len(b) if b else 0.0, same / len(a)
    grams = {b[i : i + 5] for i in range(len(b) - 4)}
    lost = 0
    for line in want:
        if line not in b:
            kept = bytearray(len(line))
            for i in range(len(line) - 4):
                if line[i : i + 5] in grams:
                    kept[i : i + 5] = b"\1" * 5
            lost += kept.count(0)
    return Score(2 * precision * recall / (precision + recall) if same else 0.0, precision, recall, lost / len(a))


# Peers get the text decoded with the true encoding, so that only extraction is compared.


def peer_trafilatura(html: str, **options: Any) -> str:
    import trafilatura

    return trafilatura.extract(html, include_comments=False, **options) or ""


def peer_readability(html: str) -> str:
    import lxml.html
    from readability import Document

    document = Document(html)
    body = lxml.html.fromstring(document.summary())
    for tag in body.iter("p", "div", "br", "li", "tr", "h1", "h2", "h3"):
        tag.tail = "\n" + (tag.tail or "")
    return document.short_title() + "\n" + body.text_content()


def peer_resiliparse(html: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(html, main_content=True, alt_texts=False)


def peer_justext(html: str) -> str:
    import justext

    options = {"length_low": 70, "length_high": 200, "stopwords_low": 0.0, "stopwords_high": 0.0}
    return "\n".join(p.text for p in justext.justext(html.encode(), frozenset(), encoding="utf-8", **options) if not p.is_boilerplate)


def peer_gne(html: str) -> str:
    from gne import GeneralNewsExtractor

    found = GeneralNewsExtractor().extract(html)
    return found["title"] + "\n" + found["content"]


def peer_magic_html(html: str) -> str:
    import lxml.html
    from magic_html import GeneralExtractor

    found = GeneralExtractor().extract(html, base_url="https://example.cn/")
    body = lxml.html.fromstring(found["html"])
    for tag in body.iter("p", "div", "br", "li", "tr", "h1", "h2", "h3"):
        tag.tail = "\n" + (tag.tail or "")
    return found["title"] + "\n" + body.text_content()


def peer_rs_trafilatura(html: str) -> str:
    import rs_trafilatura

    return rs_trafilatura.extract(html).main_content or ""


PEERS: dict[str, Callable[[str], str]] = {
    "trafilatura": peer_trafilatura,
    "trafilatura precision": lambda html: peer_trafilatura(html, favor_precision=True),
    "readability-lxml": peer_readability,
    "resiliparse": peer_resiliparse,
    "jusText, no stop words": peer_justext,
    "gne": peer_gne,
    "magic-html": peer_magic_html,
    "rs-trafilatura": peer_rs_trafilatura,
}
