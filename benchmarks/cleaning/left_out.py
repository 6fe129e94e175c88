"""Leave one host out: what cleaning does to the pages of a host when nothing that only this host supports is in use.

No number in cleantext is fitted to the development pages, but people who had read them wrote its rules, words and names. So for
each host those are switched off whose only support in the data is that host: a rule that fires there, a word or anchor that stands there
in a line of page chrome, a name of a class or meta tag that is used there, and in none of: the pages of all other hosts, the seeds, the even half of
the drop-lines and span-lines (by SHA-1, see `quality.py`). What nothing in the data supports stays: it was written from knowledge of the web.

Hosts of one owner share templates and are left out together (`OWNERS`), which is stricter than by name.
The branches of a pattern are left out with the anchors that lead to them, not one by one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from extraction import Case, folded

import cleantext.chrome.main_text.element_tree as tree
import cleantext.chrome.main_text.main_blocks as blocks
import cleantext.html.metadata.bylines as html_bylines
import cleantext.html.metadata.dates as html_dates
import cleantext.html.metadata.headline as html_titles
import cleantext.html.metadata.page_metadata as html_metadata
import cleantext.html.parsing.visible_lines as html_lines
from cleantext.chrome import StripChrome
from cleantext.chrome.lines.findings import collect
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import Pack
from cleantext.chrome.scorer.line_model import load_model
from cleantext.fold import view
from cleantext.html.parsing.class_words import class_words
from cleantext.transform import Page

__all__ = ["Support", "WithoutHost", "by_owner", "even", "in_use", "learned", "names_in", "owner", "reduced", "support", "without"]

SEEDS = Path(__file__).parents[2] / "seeds"
OWNERS = {"money163": "163", "baijiahao": "baidu", "baike": "baidu"}
MANY = "*"  # support by data of more than one owner, or of none
# Tables of names of classes, ids and meta tags, by the modules that read them.
NAMES = {
    tree: ("GOOD", "LEAD", "BAD", "COMMENTS", "FOOT", "WEAK", "ANSWER", "FORUM", "PERSON", "ROWS", "SIGNED"),
    blocks: ("ANSWER", "FOOT", "GOOD", "SIGNED"),
    html_lines: ("PARTS",),
}
NAMES |= {
    html_metadata: ("TITLE", "SOURCE"),
    html_bylines: ("SOURCE_WORDS", "AUTHOR_WORDS"),
    html_dates: ("TIME_WORDS", "PUBLISHED"),
    html_titles: ("NAMES", "SITE", "RELATED"),
}
_TOKEN = re.compile(r"[^\W\d_]+")
_ATTRIBUTE = re.compile(r"""(?i)\b(?:class|id)\s*=\s*["']?([^"'>]{1,200})""")
_META = re.compile(r"""(?i)<meta[^>]{0,200}?\b(?:name|property|itemprop)\s*=\s*["']?([^"'>\s]{1,60})""")


def owner(case: Case) -> str:
    """Return who owns the host of a page."""
    return OWNERS.get(case.host, case.host)


def even(text: str) -> bool:
    """Say whether a made-up line is of the half beside which the vocabulary was written."""
    return int(hashlib.sha1(text.encode()).hexdigest(), 16) % 2 == 0


@dataclass
class Support:
    """For each rule, word, anchor and name the owner whose pages alone support it, or `MANY`."""

    by: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, key: tuple[str, str], who: str) -> None:
        if self.by.setdefault(key, who) != who:
            self.by[key] = MANY

    def only(self, who: str) -> set[tuple[str, str]]:
        """Return what one owner alone supports."""
        return {key for key, by in self.by.items() if by == who}


def support(cases: Sequence[Case], pages: Mapping[str, Page], data: Path) -> Support:
    """Read all the data once for who supports what."""
    found, pack = Support(), load_pack("zh-web-rules")
    for case in cases:
        body = {folded(line) for line in case.expected.split("\n")}
        _lines([x for x in pages[case.name].text.split("\n") if folded(x) not in body], owner(case), pack, found)
        for name in names_in(case):
            found.add(("name", name), owner(case))
    labels = [json.loads(line) for line in (SEEDS / "labels.jsonl").read_text("utf-8").splitlines()]
    texts = {row["file"]: (SEEDS / row["file"]).read_text("utf-8").split("\n") for row in labels}
    _lines([texts[r["file"]][r["line"] - 1] for r in labels if r["action"] != "keep"], MANY, pack, found)
    for kind in ("drop", "span"):
        lines = [json.loads(line)["text"] for line in (data / f"{kind}-lines.jsonl").read_text("utf-8").splitlines()]
        _lines([line for line in lines if even(line)], MANY, pack, found)
    return found


def names_in(case: Case) -> set[str]:
    """Return the words of classes and ids and the names of meta tags in the markup of a page."""
    markup = case.html.decode(case.encoding, "replace")
    words = {word for names in _ATTRIBUTE.findall(markup) for word in class_words(names)}
    return words | {name.lower() for name in _META.findall(markup)}


def _lines(lines: Iterable[str], who: str, pack: Pack, found: Support) -> None:
    """Note what the chrome lines of one owner support."""
    rows = [view(line) for line in lines if line.strip()]
    for row, votes in zip(rows, collect(rows, pack), strict=True):
        rules = {e.rule.id: e.rule for e in (*votes.evidence, *votes.spans)} | {r.id: r for r in votes.heads}
        for rule in rules.values():
            found.add(("rule", rule.id), who)
            for anchor in rule.anchors:
                if _view(anchor) in row:
                    found.add((rule.id, anchor), who)
        if any(r.kind in ("words", "label") for r in rules.values()):
            words = _words(pack)
            parts = {row[at : at + size] for size in words for at in range(len(row) - size + 1) if size > 1}
            for part in parts | set(_TOKEN.findall(row)):
                for key in words.get(len(part), {}).get(part, ()):
                    found.add(key, who)


_view = lru_cache(maxsize=None)(view)


@lru_cache(maxsize=1)
def _words(pack: Pack) -> dict[int, dict[str, list[tuple[str, str]]]]:
    """Return for each length the words as they stand in folded lines, each with its rules and spellings."""
    found: dict[int, dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for rule in pack.rules:
        for word in rule.words if rule.kind in ("words", "label") else ():
            found[len(word)][view(word)].append((rule.id, word))
    return found


def reduced(pack: Pack, off: set[tuple[str, str]]) -> Pack:
    """Return a pack without the rules, words and anchors that are off; what has none left goes."""
    rules = []
    for rule in pack.rules:
        words = tuple(w for w in rule.words if (rule.id, w) not in off)
        anchors = tuple(a for a in rule.anchors if (rule.id, a) not in off)
        if ("rule", rule.id) not in off and bool(words) == bool(rule.words) and bool(anchors) == bool(rule.anchors):
            rules.append(replace(rule, words=words, anchors=anchors))
    return Pack(tuple(rules), f"{pack.name} without {len(off)}")


@dataclass(frozen=True)
class WithoutHost(StripChrome):
    """Page chrome with the pack that is left."""

    left: Pack = field(default=Pack(()), compare=False)

    @property
    def pack(self) -> Pack:
        return self.left


@contextmanager
def without(off: set[tuple[str, str]]) -> Iterator[StripChrome]:
    """Switch off names of classes and meta tags inside the block; yield the transform with the rest of the pack."""
    kept = {(module, table): getattr(module, table) for module, tables in NAMES.items() for table in tables}
    try:
        for (module, table), names in kept.items():
            setattr(module, table, type(names)(name for name in names if ("name", name) not in off))
        tree._names.cache_clear()
        html_titles._step.cache_clear()
        yield WithoutHost(learned=False, left=reduced(load_pack("zh-web-rules"), off))
    finally:
        for (module, table), names in kept.items():
            setattr(module, table, names)
        tree._names.cache_clear()
        html_titles._step.cache_clear()


def learned() -> dict[str, float]:
    """Return the figures of rules and learned scorer together in text mode, each page cleaned by a model that saw no page of its site.

    They were measured when the model was made, for that takes a quarter of an hour: see `make_linemodel.py`.
    """
    return {f"host-left-out.learned.{name}": value for name, value in load_model().provenance["left out"].items()}


def in_use() -> set[tuple[str, str]]:
    """Return everything that can be switched off."""
    pack = load_pack("zh-web-rules")
    names = {("name", name) for module, tables in NAMES.items() for table in tables for name in getattr(module, table)}
    return names | {("rule", r.id) for r in pack.rules} | {(r.id, word) for r in pack.rules for word in (*r.words, *r.anchors)}


def by_owner(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Return the pages of each owner."""
    found: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        found[owner(case)].append(case)
    return found
