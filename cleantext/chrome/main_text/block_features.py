"""Signals of the lines of an HTML page, as arrays: the inputs of the learned model of the main text.

There is one row per line. The first model reads hashed words of class names and hashed pieces of the text; the second, a set of trees, reads `columns`:
figures of the line, of its position and of the elements around it, the output of the first model for it and its neighbours, and
the choice of the rules in `cleantext.chrome.main_text.main_blocks`.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import F32, I64, U32, code_points
from cleantext.chrome.main_text.element_tree import BAD, COMMENTS, FOOT, GOOD, PERSON, SHORT, WEAK, Tree, plain
from cleantext.chrome.main_text.line_figures import (
    ELEMENT_LOGS,
    KINDS,
    PLACE_LOGS,
    TEXT_LOGS,
    element_figures,
    flags,
    line_places,
    said_figures,
    sums_of,
    text_figures,
)
from cleantext.html.parsing.class_words import class_words, word_set
from cleantext.transform import Page

__all__ = ["NAME_SLOTS", "Signals", "columns", "read_signals"]

NAME_SLOTS = 1 << 13  # for each of the levels of an element
INLINE = 3  # words of a line that may be those of inline elements

TAGS = (
    "p",
    "li",
    "h1",
    "h2",
    "h3",
    "h4 h5 h6",
    "td tr th",
    "div",
    "dt dd",
    "pre",
    "blockquote",
    "figcaption caption",
    "button label",
    "section article",
)
TAG_OF = {tag: n for n, tags in enumerate(TAGS) for tag in tags.split()}
AROUND = (
    "main", "article", "nav", "header", "footer", "aside", "form", "table", "ul ol", "blockquote", "pre", "section", "dl", "figure", "details", "dialog",
)  # fmt: skip
WORDS = (
    GOOD, BAD, WEAK, COMMENTS, FOOT, PERSON,
    word_set("post posts reply replies thread topic message messages floor answer answers question forum"),
    word_set("product products price sku buy cart shop item items spec specs description goods"),
    word_set("nav navbar navigation menu breadcrumb breadcrumbs sidebar side header head top masthead"),
    word_set("card cards grid list tile tiles result results feed row rows collection"),
    word_set("related recommend recommended more popular latest trending also similar suggested tuijian"),
    word_set("cookie consent banner modal popup overlay dialog notice alert subscribe newsletter signup login"),
    word_set("author date time meta byline published tag tags category categories share social"),
    word_set("title headline heading"),
    word_set("parameter parameters param params attr attrs attribute attributes property properties ptable canshu guige feature features"),
    word_set("rating ratings review reviews star stars vote votes score rank price prices"),
)  # fmt: skip
RULES = {"main": 0, "title": 1, "html.outside-main": 2, "html.link-dense": 3, "html.headed": 4, "html.class": 5}
REPEATED = 6  # stands for all other rules
FIGURES = 176  # rows that are known before any model runs


class Signals(NamedTuple):
    """What is known of a page before any model runs."""

    steps: list[tuple[int, ...]]  # slots of the words of each element
    above: I64  # the parent of each element
    leaf: I64  # element of each line
    inline: list[tuple[int, ...]]  # slots of the words of elements inside each line, and around it
    points: U32  # the text
    starts: I64  # of each line in the text
    ends: I64
    base: F32  # a row per figure, a column per line
    ups: I64  # elements around each line, from the inside out: a row per level
    first: I64  # of each element
    last: I64
    chars: F32  # of each line
    form: I64  # number of the form of each line: the path of its element without indices
    kept: npt.NDArray[np.bool_]  # main text according to the rules
    same: I64  # the nearest element around each line that has siblings of the same form, -1 for none


@lru_cache(maxsize=65_536)
def _step(step: str) -> tuple[int, tuple[int, ...]]:
    """Return bits for the meaning of the tag and words of a step of a path, and the slots of its words."""
    tag, *names = re.split("[#.]", step)
    words = class_words(" ".join(names))
    bits = sum(1 << i for i, tags in enumerate(AROUND) if tag in tags.split())
    bits |= sum(1 << (len(AROUND) + i) for i, known in enumerate(WORDS) if not known.isdisjoint(words))
    return bits, tuple(zlib.crc32(word.encode()) % NAME_SLOTS for word in dict.fromkeys((f"<{tag}>", *words)))


@lru_cache(maxsize=65_536)
def _inline(words: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(zlib.crc32(word.encode()) % NAME_SLOTS for word in words)


@lru_cache(maxsize=1024)
def _tag(tag: str) -> tuple[int, bool]:
    """Return the number of a tag, -1 if it has none, and whether it is a heading."""
    return TAG_OF.get(tag, -1), tag[:1] == "h" and tag[1:].isdigit()


def read_signals(page: Page, tree: Tree, roles: tuple[str, ...], root: int) -> Signals:
    """Read the signals of a page; ``roles`` and ``root`` are what the rules chose."""
    blocks, nodes = page.html, tree.nodes
    count = len(blocks)
    points = code_points(page.text + "\n")
    starts = np.array([b.start for b in blocks], np.int64)
    ends = np.array([b.end for b in blocks], np.int64)
    ends -= (ends > starts) & (points[ends - 1] == 10)
    run = text_figures.sized(len(points))
    figures, counts = run(points, starts, ends, KINDS)
    figures[TEXT_LOGS] = np.log1p(figures[TEXT_LOGS])
    chars, density = counts[0], np.array(tree.density, np.float32)
    sums, prose = sums_of(counts, density)
    # elements
    steps = [_step(step) for step in tree.steps]
    parent, first, last = np.array([(node.parent, node.first, node.last) for node in nodes], np.int64).T.copy()
    bits = np.array([step[0] for step in steps], np.int64)
    forms, alike = _forms(tree)
    leaf = np.array(tree.leaf, np.int64)
    form = np.array(forms, np.int64)[leaf]
    raw, around = element_figures(parent, first, last, bits, np.array(alike, np.int64), sums)
    elements = raw.copy()
    elements[ELEMENT_LOGS] = np.log1p(raw[ELEMENT_LOGS])
    ups = [leaf]
    for _ in range(4):
        ups.append(around[2, ups[-1]])
    item = around[3, leaf]
    own = bits | np.where(parent >= 0, bits[parent], 0)
    # lines
    tags = np.array([_tag(b.tag) for b in blocks], np.int64)
    title = tree.titled
    title_text = plain(page.metadata.get("title", "")).lower()
    plains = [line.lower() for line in tree.plains]
    is_title = [bool(title_text) and (p == title_text or (len(p) > 5 and p in title_text)) for p in plains]
    seen = Counter(plains)
    sentence = (counts[5] > 0) & (density < 0.5) & (chars > 15)
    heading = tags[:, 1] > 0
    related = np.zeros(count)
    related[[i for i in tree.heads if len(tree.lines[i]) < SHORT]] = 1
    inside_headed = np.zeros(count, np.float32)
    for node in nodes:
        if node.headed:
            inside_headed[node.first : node.last + 1] = 1
    top = nodes[root]
    rule = np.array([RULES.get(role, REPEATED) for role in roles], np.int64)
    kept = rule < 2
    known = np.array([chars, figures[0], density, prose > 0, counts[12] > 0, heading, related, sentence, kept], np.float64)
    place = line_places(known, sums, leaf, form, np.array([top.first, top.last], np.int64), title, raw, around)
    place[PLACE_LOGS] = np.log1p(place[PLACE_LOGS])
    place[9], place[20] = is_title, inside_headed
    place[10] = np.log1p(np.array([seen[p] for p in plains], np.float32))
    all_chars, total = max(sums[0, -1], 1.0), max(sums[2, -1], 1.0)
    logs = np.log1p([count, all_chars, total, top.last - top.first, max(alike)])
    masks = around[0, leaf]
    whole = [
        logs[0], logs[1], sums[1, -1] / all_chars, logs[2], total / all_chars, counts[1].sum() / all_chars, kept.mean(),
        (chars * kept).sum() / all_chars, raw[3, root], logs[3], heading.mean(), sentence.mean(), logs[4], title >= 0,
        *(((masks >> bit) & 1).mean() for bit in (len(AROUND) + 3, len(AROUND) + 6, len(AROUND) + 7, len(AROUND) + 9)),
    ]  # fmt: skip
    named = flags(tags[:, 0].copy(), masks, own[leaf], rule, len(TAGS), len(AROUND) + len(WORDS), len(WORDS), REPEATED + 1)
    base = np.empty((FIGURES, count), np.float32)
    at = 0
    for part in (figures, place, named, *(elements[:, up] for up in ups[1:4]), np.array(whole, np.float32)[:, None]):
        base[at : at + len(part)] = part
        at += len(part)
    inline = [_inline(block.tokens[:INLINE]) for block in blocks]
    words = [step[1] for step in steps]
    return Signals(words, parent, leaf, inline, points, starts, ends, base, np.array(ups), first, last, chars, form, kept, item)


def _forms(tree: Tree) -> tuple[list[int], list[int]]:
    """Return a number for the form of each element (its path without indices), and how many siblings in the same parent have its form."""
    shapes: dict[tuple[str, frozenset[str]], int] = {}
    numbers = [shapes.setdefault(node.shape, len(shapes)) for node in tree.nodes]
    size = len(shapes)
    known: dict[int, int] = {}
    forms, keys = [0] * len(numbers), [-1] * len(numbers)
    for at, node in enumerate(tree.nodes):
        if at:
            forms[at] = known.setdefault(forms[node.parent] * size + numbers[at], len(known) + 1)
            keys[at] = node.parent * size + numbers[at]
    brothers = Counter(keys)
    return forms, [brothers[key] for key in keys]


def columns(signals: Signals, score: F32) -> F32:
    """Return the figures of the lines, with outputs of a model for them, neighbours and elements around them: a row per figure, a column per line."""
    weight = np.sqrt(signals.chars)
    rank = np.empty(len(score), np.int64)
    rank[np.argsort(score)] = np.arange(len(score))
    usual = []
    for part in (signals.kept, ~signals.kept):  # outputs for the lines that are main text by the rules, and for the rest
        heavy = weight * part
        usual.append((score * heavy).sum() / max(heavy.sum(), 1.0))
    usual.append(score.mean())
    said = said_figures(
        score, weight, rank, np.array(usual, np.float32), signals.ups, signals.same, signals.first, signals.last, signals.form
    )
    return np.concatenate([signals.base, said])
