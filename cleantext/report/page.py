"""The HTML report: one self-contained file that needs neither scripts nor the network."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from cleantext.report.overview import removed_share
from cleantext.report.page_pieces import Piece, View
from cleantext.report.tally import OUTCOMES, Report, counted, how_searched, set_apart

__all__ = ["AHEAD", "calls", "clusters", "flow", "percent", "pieces", "render", "shortened"]

CLUSTERS = 30  # clusters shown, and texts of each
MEMBERS = 4
LONGEST = 600  # characters shown of a duplicate
CALLS = 5  # closest pairs shown above the threshold and below it, and characters of each
CALL = 400  # characters
AHEAD = 300  # further characters compared, so that the truncation does not appear as a difference


def pieces(a: str, b: str) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]]]:
    """Cut two texts into pieces, each with whether the other text also has it.

    The common prefix and suffix are split off first, since the comparison is at least quadratic, and cubic for repetitive texts
    (1 to 2 s for 900 characters).

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
    """Return the length of the common prefix."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def shortened(parts: list[tuple[bool, str]], longest: int) -> list[tuple[bool, str]]:
    """Truncate the pieces to a total number of characters."""
    out = []
    for same, text in parts:
        if longest <= 0:
            break
        out.append((same, text[:longest]))
        longest -= len(text)
    return out


def render(report: Report, views: Mapping[str, View] | None = None) -> str:
    """Return the report as a self-contained HTML file. ``views`` has the pages to show by id (see `page_view`)."""
    import jinja2

    folder = resources.files("cleantext.report")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((folder / "page.html.j2").read_text("utf-8"))
    own = {name: (folder / file).read_text("utf-8") for name, file in (("style", "style.css"), ("script", "page.js"))}
    seen = {"removed": [], "hosts": [], "hosts_in_all": 0, **report.overview}
    pages = [_shown(report, page) for page in seen.get("pages", ())]
    hosts = seen["hosts"]
    return template.render(
        **own,
        report=report,
        overview=seen,
        views={page: view._asdict() | {"pieces": [_Told(piece, report) for piece in view.pieces]} for page, view in (views or {}).items()},
        pages=pages,
        reasons=list(dict.fromkeys(reason for page in pages for reason in page["reasons"])),
        sure=any("confidence" in page for page in pages),
        most_of_a_host=max((max(h["chars_in"], h["chars_out"]) for h in hosts), default=1),
        flow=flow(report),
        counts=_counts(report),
        rules=sorted(report.rules.items(), key=lambda item: (item[1].added - item[1].removed, -item[1].added, item[0])),
        whys=report.whys,
        clusters=clusters(report.duplicates.get("examples", ())),
        calls=calls(report.duplicates),
        sections=_sections(report, pages=bool(pages)),
        how=how_searched(report.duplicates.get("search", {})),
        apart=set_apart(report.duplicates),
        counted=counted,
        percent=percent,
        hue=_hue,
        outcomes=OUTCOMES,
    )


def percent(part: float, whole: float) -> float:
    """Return a share as a percentage with one decimal; 0 if ``whole`` is 0.

    >>> percent(1, 3), percent(5, 0)
    (33.3, 0.0)
    """
    return round(100 * part / whole, 1) if whole else 0.0


def flow(report: Report) -> list[tuple[str, float, float, float, str]]:
    """Return a bar for each stage: name, percent untouched, percent removed, percent rewritten, and a label.

    Percentages are relative to the largest total of characters at any stage.
    """
    stages = [(name, t.removed, t.added) for name, t in report.stages().items()]
    sizes = [report.chars_in]
    for _, removed, added in stages:
        sizes.append(sizes[-1] - removed + added)
    most = max(*sizes, report.chars_out, 1)
    bars = [("in", percent(report.chars_in, most), 0.0, 0.0, f"{report.chars_in:,}")]
    for (name, removed, added), size in zip(stages, sizes, strict=False):
        gone = max(removed - added, 0)
        told = f"−{gone:,}" if gone else f"+{added - removed:,}" if added > removed else f"{added:,} rewritten"
        bars.append((name, percent(size - removed, most), percent(gone, most), percent(added, most), told))
    return [*bars, ("out", percent(report.chars_out, most), 0.0, 0.0, f"{report.chars_out:,}")]


def clusters(pairs: Iterable[Mapping[str, Any]]) -> list[Cluster]:
    """Group pairs that share a text into clusters. Each text occurs once; the others of a cluster are marked where they differ from the first."""
    texts: dict[tuple[str, int, int], dict[str, Any]] = {}
    parent: dict[tuple[str, int, int], tuple[str, int, int]] = {}

    def root(key: tuple[str, int, int]) -> tuple[str, int, int]:
        while parent[key] != key:
            key = parent[key]
        return key

    for pair in pairs:
        keys = []
        for side in "ab":
            key = (str(pair[side]), pair[f"{side}_start"], pair[f"{side}_end"])
            keys.append(key)
            read = pair[f"original_{side}_start"], pair[f"original_{side}_end"]
            texts.setdefault(key, {"text": pair[f"{side}_text"], "original": read if read[0] is not None else None, "near": []})
            parent.setdefault(key, key)
        for key in keys:
            texts[key]["near"].append(pair["similarity"])
        first, then = sorted((root(keys[0]), root(keys[1])))
        parent[then] = first
    groups: dict[tuple[str, int, int], list[tuple[str, int, int]]] = {}
    for key in texts:
        groups.setdefault(root(key), []).append(key)
    ranked = sorted(groups.values(), key=lambda keys: (-len(keys), -len(texts[keys[0]]["text"]), keys[0]))
    return [_cluster(keys, texts) for keys in ranked[:CLUSTERS]]


def calls(duplicates: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pairs closest to the threshold from above and, if such were compared, from below, with their differences marked."""
    threshold = duplicates.get("threshold", 0.0)
    near = sorted(duplicates.get("examples", ()), key=lambda p: (p["similarity"], str(p["a"]), str(p["b"])))[:CALLS]
    near += sorted(duplicates.get("below", ()), key=lambda p: (-p["similarity"], str(p["a"]), str(p["b"])))[:CALLS]
    told = []
    for pair in near:
        halves = pieces(pair["a_text"][: CALL + AHEAD], pair["b_text"][: CALL + AHEAD])
        told.append({**pair, "above": pair["similarity"] >= threshold, "sides": [shortened(half, CALL) for half in halves]})
    return told


class Cluster(list[dict[str, Any]]):
    """The texts shown of a cluster, and the number of further ones."""

    more = 0


def _cluster(keys: Sequence[tuple[str, int, int]], texts: Mapping[tuple[str, int, int], Mapping[str, Any]]) -> Cluster:
    out = Cluster()
    first = texts[keys[0]]["text"][: LONGEST + AHEAD]
    for n, (page, start, end) in enumerate(keys[:MEMBERS]):
        told = texts[page, start, end]
        mine = pieces(first, told["text"][: LONGEST + AHEAD])[1] if n else [(True, first)]
        shared = {"page": page, "start": start, "end": end, "original": told["original"], "cut": len(told["text"]) > LONGEST}
        out.append({**shared, "similarity": max(told["near"]) if n else None, "pieces": shortened(mine, LONGEST)})
    out.more = len(keys) - len(out)
    return out


class _Told:
    """A piece of a page. ``quiet`` marks a rewriting that needs no attention, such as a conversion of script."""

    def __init__(self, piece: Piece, report: Report) -> None:
        self.kind, self.text, self.before, self.rules = piece
        steps = {report.rules[rule].step.split(".")[0] for rule in piece.rules if rule in report.rules}
        self.quiet = bool(steps) and steps <= {"script", "normalize"}


def _shown(report: Report, page: Mapping[str, Any]) -> dict[str, Any]:
    share = removed_share(page)
    error = next((row["error"] for row in report.failures if row["id"] == page["id"]), "") if page["outcome"] == "failed" else ""
    told = {"chars_in": None, "chars_out": None, "title": None, "url": None, **page}
    return {**told, "share": round(share, 4), "percent": percent(share, 1), "error": error}


def _counts(report: Report) -> list[tuple[str, list[tuple[str, int]], str]]:
    """Return tables of counts: title, names with numbers (the largest first), and the unit of the numbers."""
    damage = [(topic, tally.pages) for topic, tally in report.topics("repair").items()]
    kinds = (
        ("Kind of damage that was repaired", damage, "pages, each counted for each of its rules"),
        ("Script", report.overview.get("scripts", {}).items(), "pages"),
        ("Encoding", report.encodings.items(), "pages"),
        ("Flags", report.flags.items(), "pages"),
    )
    return [(title, sorted(items, key=lambda item: (-item[1], item[0]))[:12], noun) for title, items, noun in kinds]


def _sections(report: Report, *, pages: bool) -> list[tuple[str, str]]:
    told = [
        ("run", "The run"),
        ("pages", "Pages worth a look"),
        ("rules", "Rules"),
        ("duplicates", "Near-duplicates"),
        ("calls", "Closest calls"),
    ]
    told += [("failures", "Failed pages"), ("notes", "Notes")]
    near = report.lines or report.duplicates.get("examples") or report.duplicates.get("below")
    there = {"pages": pages, "calls": bool(near), "failures": bool(report.failures), "notes": bool(report.notes)}
    return [(anchor, title) for anchor, title in told if there.get(anchor, True)]


def _hue(rule: str) -> int:
    """Return the hue of a rule in degrees. Rules with the same topic (the first word of the id) have the same hue."""
    return (200 + zlib.crc32(rule.partition(".")[0].encode()) % 190) % 360  # from blue to orange, since green marks rewritten text
