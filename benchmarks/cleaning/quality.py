"""Measure what cleaning does to text, on the development data: how much chrome goes, how much text stays.

    python benchmarks/cleaning/quality.py                                    # the figures, beside their floors
    python benchmarks/cleaning/quality.py --update                           # raise the floors to these figures
    python benchmarks/cleaning/quality.py --pages                            # the score of each page
    python benchmarks/cleaning/quality.py --left-out                         # what each host alone supports, and what its pages lose without

In all figures more is better. The headline leaves each host out: its pages are cleaned without the rules, words and names that
nothing but that host supports (`left_out.py`); the plain figures use all of them. Host profiles are learned without the
page that is tested. The rules' vocabulary was written beside the even half of the drop-lines (by SHA-1 of the text): the odd half is
the honest figure.

Floors are pinned to the digest of the data. ``--update`` lowers none of them, unless told so with ``--allow-regression``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import extraction
import left_out
from extraction import Case, Score, folded

from cleantext.chrome import StripChrome
from cleantext.chrome.hosts.repeated_lines import learn
from cleantext.chrome.main_text.main_blocks import MainContent
from cleantext.edits import apply
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
from cleantext.transform import Page

DATA = extraction.PAGES.parent
FLOORS = Path(__file__).parents[1] / "floors.json"
HTML = Pipeline((MainContent(), StripChrome()))
HEADLINE = "host-left-out"
ONE_HOST = "money163"
COMMENTS = ("pixnet-1",)  # a blog with 300 lines of readers' comments, which are text, if not of the article
FIELDS = ("title", "published", "source", "author", "editor")
STEP = 1e-4  # figures are rounded down to it before they become floors


def digest(data: Path = DATA) -> str:
    """Return what pins the floors: the SHA-256 of all files that are measured on."""
    found = hashlib.sha256()
    for path in sorted([*data.glob("pages/*/*"), *data.glob("*-lines.jsonl")]):
        found.update(path.relative_to(data).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def figures(data: Path = DATA) -> dict[str, float]:
    """Return every figure by its name."""
    cases = extraction.cases(data / "pages")
    pages = {case.name: read_html(case.html) for case in cases}
    headline, _ = left_out_mode(cases, pages, data)
    rules = {**html_mode(cases, pages), **text_mode(cases, pages), **host_profile(cases, pages), **made_up_lines(data, cases)}
    return {**headline, **left_out.learned(), **rules}


# ---------------------------------------------------------------- whole pages


def by_host(scores: Mapping[str, Score], cases: Sequence[Case]) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = defaultdict(list)
    for case in cases:
        found[case.host].append(scores[case.name])
    return found


def html_mode(cases: Sequence[Case], pages: Mapping[str, Page]) -> dict[str, float]:
    """Return F1, what is kept of the body, and the share of facts stated exactly, through chrome.html and chrome.lines."""
    return html_figures({case.name: HTML.fast([pages[case.name]])[0] for case in cases}, cases)


def html_figures(cleaned: Mapping[str, Page], cases: Sequence[Case]) -> dict[str, float]:
    scores = {case.name: extraction.score(cleaned[case.name].text, case) for case in cases}
    out = {
        "html.f1": mean(mean(s.f1 for s in found) for found in by_host(scores, cases).values()),
        "html.kept": 1 - mean(s.loss for s in scores.values()),
        "html.kept-worst-page": 1 - max(s.loss for s in scores.values()),
    }
    for field in FIELDS:
        out[f"metadata.{field}"] = mean(stated(cleaned[c.name], c, field) for c in cases if c.meta[field])
    return out


def left_out_mode(
    cases: Sequence[Case], pages: Mapping[str, Page], data: Path = DATA
) -> tuple[dict[str, float], dict[str, set[tuple[str, str]]]]:
    """Return the headline: the figures of whole pages, each cleaned without what its host alone supports; and what that is, by owner."""
    found = left_out.support(cases, pages, data)
    off = {who: found.only(who) for who in left_out.by_owner(cases)}
    cleaned, lines = {}, []
    for who, own in left_out.by_owner(cases).items():
        with left_out.without(off[who]) as strip:
            for case in own:
                page = read_html(case.html)
                cleaned[case.name] = Pipeline((MainContent(), strip)).fast([page])[0]
                if case.name not in COMMENTS:
                    lines.append(lines_left(case, page.text, strip(page.text)))
    figures = {**html_figures(cleaned, cases), **shares(lines, "text")}
    return {f"{HEADLINE}.{name}": value for name, value in figures.items()}, off


def stated(page: Page, case: Case, field: str) -> bool:
    value = page.metadata.get(field, "")
    return (value.replace("T", " ") if field == "published" else value) == case.meta[field]


def lines_left(case: Case, text: str, cleaned: str) -> tuple[int, int, int, int]:
    """Return lines of chrome before and after, and characters of body lines before and lost."""
    spans, optional = [folded(s) for s in case.spans], {folded(line) for line in case.optional}

    def plain(line: str) -> str:
        line = folded(line)
        for span in spans:
            line = line.replace(span, "")
        return line

    body = {plain(line) for line in case.expected.split("\n")} - {""}
    before, after = [plain(x) for x in text.split("\n")], [plain(x) for x in cleaned.split("\n")]
    had = [x for x in before if x and x not in body and x not in optional]
    cut = {x for x in after if any(x in line for line in optional)}  # what a cut leaves of an optional line is none of chrome either
    has = [x for x in after if x and x not in body and x not in cut]
    here = body & set(before)
    return len(had), len(has), sum(map(len, here)), sum(map(len, here - set(after)))


def shares(found: Sequence[tuple[int, int, int, int]], name: str) -> dict[str, float]:
    had, has, body, lost = map(sum, zip(*found, strict=True))
    return {f"{name}.chrome-removed": 1 - has / had, f"{name}.body-kept": 1 - lost / body}


def text_mode(cases: Sequence[Case], pages: Mapping[str, Page]) -> dict[str, float]:
    """Return what goes and stays of all visible lines by rules alone, without HTML evidence: the learned scorer was trained on these pages."""
    strip = StripChrome(learned=False)
    found = [lines_left(c, pages[c.name].text, strip(pages[c.name].text)) for c in cases if c.name not in COMMENTS]
    return shares(found, "text")


def host_profile(cases: Sequence[Case], pages: Mapping[str, Page]) -> dict[str, float]:
    """Return the same of one host, with a profile learned from its other pages."""
    host = {case.name: Page(pages[case.name].text) for case in cases if case.host == ONE_HOST}
    found = []
    for case in cases:
        if case.name in host:
            profile = learn([page for name, page in host.items() if name != case.name], host=ONE_HOST)
            text = host[case.name].text
            found.append(lines_left(case, text, StripChrome(profile=profile, host=ONE_HOST, learned=False)(text)))
    return shares(found, "host")


# ---------------------------------------------------------------- made-up lines


def rows(data: Path, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / f"{kind}-lines.jsonl").read_text("utf-8").splitlines()]


def made_up_lines(data: Path, cases: Sequence[Case]) -> dict[str, float]:
    """Return how lines of both kinds fare that were set into real articles."""
    strip = StripChrome()
    bodies = [[x for x in case.expected.split("\n") if x.strip()] for case in cases]
    bodies = [body for body, case in zip(bodies, cases, strict=True) if len(body) >= 8 and not case.name.startswith("money163-0")]

    def stay(texts: Sequence[str], at: Callable[[int, Sequence[str]], int], into: Sequence[Sequence[str]]) -> list[bool]:
        """Say for each line and each body whether the line stays when it is set in at a place."""
        places = [(text, body, at(n, body)) for n, text in enumerate(texts) for body in into]
        whole = ["\n".join((*body[:k], text, *body[k:])) for text, body, k in places]
        cleaned = (apply(page, v.edits) for page, v in zip(whole, strip.page_decisions(whole), strict=True))
        return [text in out.split("\n") for (text, _, _), out in zip(places, cleaned, strict=True)]

    keep, drop, span = rows(data, "keep"), [r for r in rows(data, "drop") if r["alone"]], [r for r in rows(data, "span") if r["category"]]
    kept = stay([r["text"] for r in keep], lambda n, body: len(body) if keep[n].get("zone") == "tail" else len(body) // 2, bodies)
    out = {"keep-lines.kept": mean(kept)}
    for name, half in (("even", True), ("odd", False)):
        lines = [r for r in drop if left_out.even(r["text"]) == half]
        gone = stay([r["text"] for r in lines], lambda n, body: 1 if lines[n]["zone"] == "head" else len(body), bodies[:3])  # noqa: B023
        out[f"drop-lines.removed-{name}"] = 1 - mean(gone)
    out["drop-lines.removed-inside"] = 1 - mean(stay([r["text"] for r in drop], lambda _, body: len(body) // 2, bodies[:3]))
    exact = []
    for row in span:
        for body in bodies:
            half = len(body) // 2
            page, start = "\n".join((*body[:half], row["text"], *body[half:])), len("\n".join(body[:half])) + 1
            cut = [e.before for e in strip.edits(page) if start <= e.start < start + len(row["text"])]
            exact.append(cut == [row["span"]])
    return {**out, "span-lines.exact": mean(exact)}


# ---------------------------------------------------------------- page by page


def each_page() -> None:
    """Print HTML extraction in the mean, and of each page."""
    cases = extraction.cases()
    ways: dict[str, Callable[[Case], str]] = {
        "cleantext": lambda case: HTML.fast([read_html(case.html)])[0].text,
        "cleantext, HTML evidence alone": lambda case: MainContent().fast([read_html(case.html)])[0].text,
        "all visible lines": lambda case: read_html(case.html).text,
    }
    results: dict[str, dict[str, Any]] = {}
    for name, way in ways.items():
        way(cases[0])
        start = time.perf_counter()
        texts = {case.name: way(case) for case in cases}
        results[name] = {"texts": texts, "seconds": time.perf_counter() - start}
    size = sum(len(case.html) for case in cases) / 1e6
    print(f"\n{'':<32}{'F1':>7}{'prec.':>7}{'recall':>7}{'loss':>8}{'worst':>8}{'MB/s':>7}   macro by host, {len(cases)} pages")
    for name, result in results.items():
        scores = {case.name: extraction.score(result["texts"][case.name], case) for case in cases}
        macro = [mean(mean(s[k] for s in found) for found in by_host(scores, cases).values()) for k in range(3)]
        loss = [s.loss for s in scores.values()]
        print(f"{name:<32}{macro[0]:7.4f}{macro[1]:7.4f}{macro[2]:7.4f}{mean(loss):8.2%}{max(loss):8.2%}{size / result['seconds']:7.1f}")
        if name == "cleantext":
            for page, s in scores.items():
                print(f"  {page:<30}{s.f1:7.4f}{s.precision:7.4f}{s.recall:7.4f}{s.loss:8.2%}")


def explain_left_out() -> None:
    """Print the rules, words and names that one host alone supports, and the lines that stay on its pages, or go from them, without these."""
    cases = extraction.cases()
    pages = {case.name: read_html(case.html) for case in cases}
    off = left_out_mode(cases, pages)[1]
    whole = StripChrome()
    for who, own in left_out.by_owner(cases).items():
        print(f"\n{who}: " + ", ".join(f"{kind} {name}" for kind, name in sorted(off[who] & left_out.in_use())))
        with left_out.without(off[who]) as strip:
            for case in own:
                here, there = ([x for x in t(pages[case.name].text).split("\n") if x.strip()] for t in (strip, whole))
                print(*(f"  + {case.name} {line[:90]}" for line in here if line not in there), sep="\n")
                print(*(f"  - {case.name} {line[:90]}" for line in there if line not in here), sep="\n")


# ---------------------------------------------------------------- floors


def below(found: Mapping[str, float], held: Mapping[str, Any], pinned: str) -> list[str]:
    """Return what is wrong with figures, beside the floors that are held."""
    if held["data"] != pinned:
        return [f"the data has changed (sha256 {pinned[:12]}, floors are of {held['data'][:12]}): look, then run with --update"]
    return [
        f"{name} {found.get(name, 0.0):.4f} is below its floor {floor:.4f}"
        for name, floor in held["floors"].items()
        if found.get(name, 0.0) < floor
    ]


def update(found: Mapping[str, float], pinned: str, path: Path = FLOORS, *, allow_regression: bool = False) -> None:
    """Write figures as floors; refuse to lower one."""
    floors = {name: int(value / STEP + 1e-9) * STEP for name, value in found.items()}
    held = json.loads(path.read_text("utf-8"))["floors"] if path.exists() else {}
    lower = [f"{name} {held[name]:.4f} -> {floors.get(name, 0.0):.4f}" for name in held if floors.get(name, 0.0) < held[name] - STEP / 2]
    if lower and not allow_regression:
        raise SystemExit("floors are raised only; to lower these say --allow-regression, and why in the commit:\n  " + "\n  ".join(lower))
    path.write_text(json.dumps({"data": pinned, "floors": {k: round(v, 4) for k, v in sorted(floors.items())}}, indent=1) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", action="store_true", help="print the score of each page")
    parser.add_argument(
        "--left-out", action="store_true", help="print what each host alone supports, and what stays on its pages without it"
    )
    parser.add_argument("--update", action="store_true", help="make the figures floors")
    parser.add_argument("--allow-regression", action="store_true", help="with --update: lower floors too")
    options = parser.parse_args()
    found, pinned = figures(), digest()
    held = json.loads(FLOORS.read_text("utf-8")) if FLOORS.exists() else {"data": pinned, "floors": {}}
    for name, value in sorted(found.items(), key=lambda item: (not item[0].startswith(HEADLINE), item)):
        print(f"{name:<36}{value:8.4f}   floor {held['floors'].get(name, 0.0):.4f}")
    if options.pages:
        each_page()
    if options.left_out:
        explain_left_out()
    if options.update:
        update(found, pinned, allow_regression=options.allow_regression)
    elif problems := below(found, held, pinned):
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
