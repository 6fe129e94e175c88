"""The HTML report: one self-contained file that needs neither scripts nor the network."""

from __future__ import annotations

import difflib
from importlib import resources
from typing import Any

from cleantext.report.tally import OUTCOMES, Report, counted, how_searched, set_apart

__all__ = ["AHEAD", "pieces", "render", "shortened"]

LONGEST = 600  # characters of a duplicate that are shown
AHEAD = 300  # and compared beyond that, so that the cut itself is not taken for a difference


def pieces(a: str, b: str) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]]]:
    """Cut two texts into pieces, each with whether the other text has it.

    What both begin and end with is taken off first: the comparison takes the product of the lengths and more, and of texts that repeat
    themselves, which are alike from the start, the cube (1 to 2 s for 900 characters).

    >>> pieces("新疆喀什", "新疆和田")
    ([(True, '新疆'), (False, '喀什')], [(True, '新疆'), (False, '和田')])
    """
    head = _alike(a, b)
    tail = _alike(a[head:][::-1], b[head:][::-1])
    first, last = [(True, a[:head])] * (head > 0), [(True, a[len(a) - tail :])] * (tail > 0)
    a, b = a[head : len(a) - tail], b[head : len(b) - tail]
    left, right = list(first), list(first)
    for tag, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        left += [(tag == "equal", a[i:j])] if j > i else []
        right += [(tag == "equal", b[k:m])] if m > k else []
    return left + last, right + last


def _alike(a: str, b: str) -> int:
    """Return how many characters two texts begin with alike."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def shortened(parts: list[tuple[bool, str]], longest: int) -> list[tuple[bool, str]]:
    """Return the pieces up to a number of characters."""
    out = []
    for same, text in parts:
        if longest <= 0:
            break
        out.append((same, text[:longest]))
        longest -= len(text)
    return out


def _pairs(report: Report) -> list[dict[str, Any]]:
    out = []
    for pair in report.duplicates.get("examples", [])[:50]:
        halves = pieces(pair["a_text"][: LONGEST + AHEAD], pair["b_text"][: LONGEST + AHEAD])
        left, right = (shortened(half, LONGEST) for half in halves)
        out.append({**pair, "left": left, "right": right, "cut": max(len(pair["a_text"]), len(pair["b_text"])) > LONGEST})
    return out


def render(report: Report) -> str:
    """Return the report as HTML."""
    import jinja2

    source = (resources.files("cleantext.report") / "page.html.j2").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    stages = [(stage, tally, report.topics(stage)) for stage, tally in report.stages().items()]
    rules = sorted(report.rules.items(), key=lambda item: (-item[1].removed - item[1].added, item[0]))
    how = how_searched(report.duplicates.get("search", {}))
    apart = set_apart(report.duplicates)
    return environment.from_string(source).render(
        report=report, how=how, apart=apart, counted=counted, outcomes=OUTCOMES, stages=stages, rules=rules, pairs=_pairs(report)
    )
