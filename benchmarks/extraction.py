"""Score extraction from HTML on the development pages, beside other extractors.

    python benchmarks/extraction.py                                   # cleantext
    python benchmarks/extraction.py --peers /tmp/w/peers/bin/python   # and those peers that this interpreter has

The text is folded for width (NFKC) and loses its blanks. Precision and recall are the longest common
subsequence over the output and over the expected text, in characters; F1 is their harmonic mean; hosts count once.
Loss is the share of characters of expected lines that the output does not hold: a line that stands in it whole
is kept, of another those characters are that lie in 5-grams of the output.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

PAGES = Path(__file__).parents[1] / "../shared/data/pages"


class Case(NamedTuple):
    name: str
    html: bytes
    encoding: str
    expected: str
    spans: list[str]
    optional: list[str]

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
        found.append(
            Case(folder.name, (folder / "page.html").read_bytes(), meta["encoding"], expected, meta["span_cuts"], meta["optional_lines"])
        )
    return found


def folded(line: str) -> str:
    return "".join(unicodedata.normalize("NFKC", line).split())


def lines_of(text: str, case: Case) -> list[str]:
    spans = [folded(span) for span in case.spans]
    optional = {folded(line) for line in case.optional}
    out = []
    for line in map(folded, text.split("\n")):
        for span in spans:
            line = line.replace(span, "")  # noqa: PLW2901
        if line and line not in optional:
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


def cleantext_html(case: Case) -> str:
    from cleantext.chrome.blocks import MainContent
    from cleantext.html import read_html

    page = read_html(case.html)
    return MainContent().fast([page])[0].text


def visible(case: Case) -> str:
    from cleantext.html import read_html

    return read_html(case.html).text


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


PEERS: dict[str, Callable[[str], str]] = {
    "trafilatura": peer_trafilatura,
    "trafilatura precision": lambda html: peer_trafilatura(html, favor_precision=True),
    "readability-lxml": peer_readability,
    "resiliparse": peer_resiliparse,
    "jusText, no stop words": peer_justext,
    "gne": peer_gne,
}


def run_peers() -> None:
    """Write the output of every peer that this interpreter can import, as JSON on standard output."""
    out: dict[str, Any] = {}
    for name, peer in PEERS.items():
        texts, seconds = {}, 0.0
        try:
            for case in cases():
                html = case.html.decode(case.encoding, "replace")
                start = time.perf_counter()
                try:
                    texts[case.name] = peer(html)
                except ImportError:
                    raise
                except Exception as error:  # noqa: BLE001  a peer that raises has extracted nothing
                    print(f"{name}, {case.name}: {type(error).__name__}: {error}", file=sys.stderr)
                    texts[case.name] = ""
                seconds += time.perf_counter() - start
        except ImportError as error:
            print(f"{name}: not installed ({error})", file=sys.stderr)
            continue
        out[name] = {"texts": texts, "seconds": seconds}
    json.dump(out, sys.stdout)


def table(results: dict[str, dict[str, Any]], data: list[Case]) -> None:
    size = sum(len(case.html) for case in data) / 1e6
    print(f"{'':<24}{'F1':>7}{'prec.':>7}{'recall':>7}{'loss':>8}{'worst':>8}  {'MB/s':>6}   macro by host, {len(data)} pages")
    for name, result in results.items():
        scores = {case.name: score(result["texts"][case.name], case) for case in data}
        hosts: dict[str, list[Score]] = defaultdict(list)
        for case in data:
            hosts[case.host].append(scores[case.name])
        macro = [mean(mean(s[k] for s in found) for found in hosts.values()) for k in range(4)]
        worst = max(s.loss for s in scores.values())
        print(f"{name:<24}{macro[0]:7.4f}{macro[1]:7.4f}{macro[2]:7.4f}{macro[3]:8.2%}{worst:8.2%}  {size / result['seconds']:6.1f}")
        result["scores"] = scores


def ours(function: Callable[[Case], str], data: list[Case]) -> dict[str, Any]:
    function(data[0])
    start = time.perf_counter()
    texts = {case.name: function(case) for case in data}
    return {"texts": texts, "seconds": time.perf_counter() - start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has the peers installed")
    parser.add_argument("--run-peers", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--pages", action="store_true", help="print the score of each page")
    options = parser.parse_args()
    if options.run_peers:
        run_peers()
        return
    data = cases()
    results = {"cleantext, HTML alone": ours(cleantext_html, data), "all visible lines": ours(visible, data)}
    if options.peers:
        done = subprocess.run([options.peers, __file__, "--run-peers"], check=True, stdout=subprocess.PIPE)
        results |= json.loads(done.stdout)
    table(results, data)
    if options.pages:
        for name, s in results["cleantext, HTML alone"]["scores"].items():
            print(f"{name:<24}{s.f1:7.4f}{s.precision:7.4f}{s.recall:7.4f}{s.loss:8.2%}")


if __name__ == "__main__":
    main()
