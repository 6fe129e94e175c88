"""Signals of the lines of an HTML page, as arrays: what the learned model of the main text is asked.

A row a line. The first model sees hashed words of classes and hashed pieces of the text; the second, trees, sees `columns`:
figures of the line, of its place, of the elements around it, what the first said of it and of its neighbours, and
what the rules of `cleantext.chrome.main_text.main_blocks` said.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import U32, code_points
from cleantext.chrome.main_text.element_tree import BAD, COMMENTS, FOOT, GOOD, PERSON, SHORT, WEAK, Tree, is_heading, plain
from cleantext.html.parsing.class_words import class_words, word_set
from cleantext.transform import Page

__all__ = ["NAME_SLOTS", "Signals", "columns", "read_signals"]

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

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
REPEATED = 6  # all other rules
# Kinds of characters, each of one kind
OTHER, HAN, SMALL, CAPITAL, DIGIT, STOP, COMMA, HALF_STOP, SEPARATOR, QUOTE, COLON, TAB, BLANK, PERIOD, CURRENCY, KINDS = range(16)
CHARACTERS = {
    STOP: "。！？!?…", COMMA: "，、,;", HALF_STOP: "；", SEPARATOR: "|｜/·•>»›_-–—", QUOTE: "“”\"'《》「」()（）", COLON: ":：", TAB: "\t",
    BLANK: " \n\u3000\xa0", PERIOD: ".", CURRENCY: "$¥￥€£₹元",
}  # fmt: skip
KIND = np.zeros(1 << 16, np.int64)
KIND[0x3400:0xA000] = HAN
for _first, _kind in ((97, SMALL), (65, CAPITAL)):
    KIND[_first : _first + 26] = _kind
KIND[48:58] = DIGIT
for _kind, _characters in CHARACTERS.items():
    KIND[[ord(c) for c in _characters]] = _kind


class Signals(NamedTuple):
    """What is known of a page before any model is asked."""

    steps: list[tuple[int, ...]]  # slots of the words of each element
    above: I64  # the element around each element
    leaf: I64  # element of each line
    inline: list[tuple[int, ...]]  # slots of words of what is inside each line, and around it
    points: U32  # the text
    starts: I64  # of each line in the text
    ends: I64
    base: F32  # figures, a row a line
    ups: I64  # elements around each line, from the inside out: a row a level
    first: I64  # of each element
    last: I64
    chars: F32  # of each line
    form: I64  # number of the form of each line: the path of its element without places
    kept: npt.NDArray[np.bool_]  # what the rules have as main text
    same: I64  # the element whose brothers of the same form stand nearest around each line, -1


@lru_cache(maxsize=65_536)
def _step(step: str) -> tuple[str, int, tuple[int, ...]]:
    """Return the tag of a step of a path, bits of what its tag and words say, and slots of its words."""
    tag, *names = re.split("[#.]", step.partition("[")[0])
    words = class_words(" ".join(names))
    bits = sum(1 << i for i, tags in enumerate(AROUND) if tag in tags.split())
    bits |= sum(1 << (len(AROUND) + i) for i, known in enumerate(WORDS) if not known.isdisjoint(words))
    return tag, bits, tuple(zlib.crc32(word.encode()) % NAME_SLOTS for word in dict.fromkeys((f"<{tag}>", *words)))


@lru_cache(maxsize=65_536)
def _inline(words: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(zlib.crc32(word.encode()) % NAME_SLOTS for word in words)


def _text_figures(points: npt.NDArray[np.uint32], starts: I64, ends: I64) -> tuple[F32, F32]:
    """Return figures of the text of each line, and its letters, figures and marks in number."""
    kinds = KIND[np.minimum(points, 0xFFFF)]
    blank = (kinds == BLANK) | (kinds == TAB)
    dots = np.flatnonzero(kinds == PERIOD)
    kinds[dots[~blank[dots + 1]]] = OTHER  # the text ends with a line break
    lines = np.repeat(np.arange(len(starts)) * KINDS, ends - starts)
    where = np.arange(len(lines)) + np.repeat(starts - np.cumsum(np.append(0, (ends - starts)[:-1])), ends - starts)
    by_kind = np.bincount(lines + kinds[where], minlength=KINDS * len(starts)).reshape(-1, KINDS).T.astype(np.float32)
    space = by_kind[BLANK] + by_kind[TAB]
    counts = np.array([
        ends - starts - space, by_kind[HAN], by_kind[SMALL] + by_kind[CAPITAL], by_kind[CAPITAL], by_kind[DIGIT],
        by_kind[STOP] + by_kind[HALF_STOP] + by_kind[PERIOD], by_kind[COMMA] + by_kind[HALF_STOP], by_kind[SEPARATOR], by_kind[QUOTE],
        by_kind[COLON], by_kind[TAB], space, by_kind[CURRENCY],
    ], np.float32)  # fmt: skip
    size = np.maximum(counts[0], 1)
    final = np.where(ends > starts, points[np.maximum(ends - 1, 0)], 0)
    first = np.where(ends > starts, points[np.minimum(starts, len(points) - 1)], 0)
    last = KIND[np.minimum(final, 0xFFFF)]
    ends_stop = (last == STOP) | (last == HALF_STOP) | (final == 46) | (final == 0x201D)
    figures = [
        np.log1p(size),
        *(counts[n] / size for n in range(1, 12)),
        np.log1p(counts[5]),
        np.log1p(counts[6]),
        np.log1p(counts[11]),
        counts[12] > 0,
    ]
    figures += [ends_stop, last == COLON, (first >= 48) & (first <= 57), size / (counts[11] + 1)]
    return np.array(figures, np.float32), counts


def read_signals(page: Page, tree: Tree, roles: tuple[str, ...], root: int) -> Signals:
    """Read the signals of a page; ``roles`` and ``root`` are what the rules chose."""
    blocks, nodes = page.html, tree.nodes
    count = len(blocks)
    points = code_points(page.text + "\n")
    starts = np.array([b.start for b in blocks], np.int64)
    ends = np.array([b.end for b in blocks], np.int64)
    ends -= (ends > starts) & (points[ends - 1] == 10)
    figures, counts = _text_figures(points, starts, ends)
    chars = counts[0]
    density = np.array(tree.density, np.float32)
    prose = chars * (1 - density) * ((counts[5] + counts[6]) > 0)
    # elements
    parent = np.array([node.parent for node in nodes], np.int64)
    first = np.array([node.first for node in nodes], np.int64)
    last = np.array([node.last for node in nodes], np.int64)
    leaf = np.array(tree.leaf, np.int64)
    steps = [_step(path.rpartition("/")[2]) for path in tree.paths]
    masks, depths, up = [0] * len(nodes), [0] * len(nodes), [0] * len(nodes)
    for at in range(1, len(nodes)):
        above = nodes[at].parent
        masks[at] = masks[above] | steps[at][1]
        depths[at] = depths[above] + 1
        up[at] = above if (nodes[above].first, nodes[above].last) != (nodes[at].first, nodes[at].last) else up[above]
    known: dict[tuple[int, str, frozenset[str]], int] = {}
    form_of = [0] * len(nodes)
    for at in range(1, len(nodes)):
        form_of[at] = known.setdefault((form_of[nodes[at].parent], *nodes[at].shape), len(known) + 1)
    form = np.array(form_of, np.int64)[leaf]
    forms: dict[tuple[int, str, frozenset[str]], int] = {}
    keys = [(node.parent, *node.shape) for node in nodes]
    for key in keys:
        forms[key] = forms.get(key, 0) + 1
    alike = np.array([forms[key] for key in keys], np.int64)
    alike[0] = 1
    higher = np.array(up, np.int64)
    sums = np.zeros((5, count + 1), np.float64)
    np.cumsum(chars, out=sums[0, 1:])
    np.cumsum(chars * density, out=sums[1, 1:])
    np.cumsum(prose, out=sums[2, 1:])
    np.cumsum(counts[5], out=sums[3, 1:])
    np.cumsum(density > 0.5, out=sums[4, 1:])
    span = sums[:, last + 1] - sums[:, first]
    lines = (last - first + 1).astype(np.float64)
    total = max(sums[2, -1], 1.0)
    all_chars = max(sums[0, -1], 1.0)
    of_node = np.array(
        [
            np.log1p(lines),
            np.log1p(span[0]),
            span[1] / np.maximum(span[0], 1),
            span[2] / total,
            span[2] / np.maximum(span[0], 1),
            span[4] / lines,
            np.log1p(alike),
            span[0] / lines,
        ],
        np.float32,
    )
    level0 = leaf
    level1, ups = higher[level0], [level0]
    ups.append(level1)
    for _ in range(3):
        ups.append(higher[ups[-1]])
    # the nearest element around the line of which there are three
    same = np.full(len(nodes), -1, np.int64)
    for at in range(1, len(nodes)):
        same[at] = at if alike[at] > 2 and lines[at] > 1 else same[parent[at]]
    item = same[leaf]
    line_mask = np.array(masks, np.int64)[leaf]
    own_mask = np.array([s[1] for s in steps], np.int64)[leaf] | np.array([steps[p][1] if p >= 0 else 0 for p in parent], np.int64)[leaf]
    bits = len(AROUND) + len(WORDS)
    around = ((line_mask[None] >> np.arange(bits)[:, None]) & 1).astype(np.float32)
    own = ((own_mask[None] >> np.arange(len(AROUND), bits)[:, None]) & 1).astype(np.float32)
    tags = [b.tag for b in blocks]
    tag_rows = (np.array([TAG_OF.get(tag, -1) for tag in tags])[None] == np.arange(len(TAGS))[:, None]).astype(np.float32)
    # place
    order = np.arange(count)
    lines_of_form = np.bincount(form)
    heads = np.full(len(lines_of_form), count)
    np.minimum.at(heads, form, order)
    tails = np.zeros(len(lines_of_form), np.int64)
    np.maximum.at(tails, form, order)
    title = _title_line(tree, page)
    title_text = plain(page.metadata.get("title", "")).lower()
    plains = [plain(line).lower() for line in tree.lines]
    is_title = np.array([bool(title_text) and (p == title_text or (len(p) > 5 and p in title_text)) for p in plains], np.float32)
    seen: dict[str, int] = {}
    for p in plains:
        seen[p] = seen.get(p, 0) + 1
    repeats = np.array([seen[p] for p in plains], np.float32)
    sentence = (counts[5] > 0) & (density < 0.5) & (chars > 15)
    before = _distance(sentence)
    after = _distance(sentence[::-1])[::-1]
    heading = np.array([tag[:1] == "h" and tag[1:].isdigit() for tag in tags])
    related = np.array([len(line) < SHORT and is_heading(line) for line in tree.lines])
    inside_headed = np.zeros(count, np.float32)
    for node in nodes:
        if node.headed:
            inside_headed[node.first : node.last + 1] = 1
    root_node = nodes[root]
    rule = np.array([RULES.get(role, REPEATED) for role in roles])
    rule_rows = (rule[None] == np.arange(7)[:, None]).astype(np.float32)
    kept = rule < 2
    place = [
        order / count,
        np.log1p(order),
        np.log1p(count - order),
        sums[0, 1:] / all_chars,
        sums[2, 1:] / total,
        np.log1p(before),
        np.log1p(after),
        np.log1p(_distance(heading)),
        np.clip(order - title, -60, 200) if title >= 0 else np.full(count, -99),
        is_title,
        np.log1p(repeats),
        density,
        np.array(depths)[leaf],
        (order >= root_node.first) & (order <= root_node.last),
        np.clip(order - root_node.first, -99, 99),
        np.clip(order - root_node.last, -99, 99),
        np.log1p(_distance(kept)),
        np.log1p(_distance(kept[::-1])[::-1]),
        _window(kept.astype(np.float64), 5),
        np.log1p(_distance(related)), inside_headed, _window(counts[12] > 0, 6),
        _window(density, 1), _window(density, 3), _window(density, 8),
        _window(figures[0], 1), _window(figures[0], 3), _window(figures[0], 8),
        _window((prose > 0).astype(np.float64), 3), _window((prose > 0).astype(np.float64), 10),
        np.log1p(lines_of_form[form]), lines_of_form[form] / count, _by_form(chars, form) / all_chars,
        lines_of_form[form] / (tails - heads + 1)[form], order - heads[form], _mean_of_form(density, form), _mean_of_form(figures[0], form),
        _mean_of_form(prose > 0, form), _mean_of_form(kept, form),
        (item >= 0), np.where(item >= 0, alike[item], 0), np.where(item >= 0, span[0, item] / all_chars, 0),
        np.where(item >= 0, np.log1p(span[0, item]), 0), np.where(item >= 0, span[2, item] / np.maximum(span[0, item], 1), 0),
        np.where(item >= 0, span[1, item] / np.maximum(span[0, item], 1), 0),
    ]  # fmt: skip
    whole = [
        np.log1p(count), np.log1p(all_chars), sums[1, -1] / all_chars, np.log1p(total), total / all_chars, counts[1].sum() / all_chars,
        kept.mean(), (chars * kept).sum() / all_chars, span[2, root] / total, np.log1p(root_node.last - root_node.first),
        heading.mean(), sentence.mean(), np.log1p(alike.max()), float(title >= 0),
        *(((line_mask >> bit) & 1).mean() for bit in (len(AROUND) + 3, len(AROUND) + 6, len(AROUND) + 7, len(AROUND) + 9)),
    ]  # fmt: skip
    base = np.concatenate(
        [
            figures,
            np.array(place, np.float32),
            tag_rows, around, own, rule_rows,
            *(of_node[:, u] for u in ups[1:4]),
            np.repeat(np.array(whole, np.float32)[:, None], count, axis=1),
        ]
    ).T.astype(np.float32)  # fmt: skip
    inline = [_inline(block.tokens[:INLINE]) for block in blocks]
    words = [step[2] for step in steps]
    return Signals(words, parent, leaf, inline, points, starts, ends, base, np.array(ups), first, last, chars, form, kept, item)


def _by_form(values: Any, form: I64) -> Any:
    return np.bincount(form, weights=values)[form]


def _mean_of_form(values: Any, form: I64) -> Any:
    return (np.bincount(form, weights=values) / np.maximum(np.bincount(form), 1))[form]


def _title_line(tree: Tree, page: Page) -> int:
    wanted = plain(page.metadata.get("title", ""))
    return next((i for i, line in enumerate(tree.lines) if wanted and line[:1] == wanted[0] and plain(line) == wanted), -1)


def _distance(marks: Any) -> I64:
    """Return how many lines ago the last mark was, 500 where there was none."""
    at = np.arange(len(marks))
    last = np.maximum.accumulate(np.where(marks, at, -500))
    return np.minimum(at - last, 500)


def _window(values: Any, reach: int) -> F32:
    """Return the mean over neighbours each way, the line itself left out."""
    count = len(values)
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    at = np.arange(count)
    lo, hi = np.maximum(at - reach, 0), np.minimum(at + reach + 1, count)
    found: F32 = ((total[hi] - total[lo] - values) / np.maximum(hi - lo - 1, 1)).astype(np.float32)
    return found


def columns(signals: Signals, score: F32) -> F32:
    """Return the figures of each line with what a model said of it, its neighbours and the elements around it."""
    count = len(score)
    total = np.concatenate([[0.0], np.cumsum(score, dtype=np.float64)])
    heavy = np.concatenate([[0.0], np.cumsum(score * np.sqrt(signals.chars), dtype=np.float64)])
    weight = np.concatenate([[0.0], np.cumsum(np.sqrt(signals.chars), dtype=np.float64)])
    padded = np.concatenate([np.zeros(2), score, np.zeros(2)])
    out = [score, *(padded[k : k + count] for k in (0, 1, 3, 4))]
    out += [_window(score, reach) for reach in (2, 4, 8, 16, 40)]
    for up in signals.ups[1:]:
        lo, hi = signals.first[up], signals.last[up] + 1
        out += [(total[hi] - total[lo]) / (hi - lo), (heavy[hi] - heavy[lo]) / np.maximum(weight[hi] - weight[lo], 1)]
    item = signals.same
    lo, hi = np.where(item >= 0, signals.first[item], 0), np.where(item >= 0, signals.last[item] + 1, 1)
    out.append((heavy[hi] - heavy[lo]) / np.maximum(weight[hi] - weight[lo], 1))
    out += [
        np.full(count, total[-1] / count),
        np.full(count, heavy[-1] / max(weight[-1], 1)),
        np.full(count, score.max()),
        np.argsort(np.argsort(score)) / count,
    ]
    out += [
        _mean_of_form(score, signals.form),
        _by_form(score * np.sqrt(signals.chars), signals.form) / np.maximum(_by_form(np.sqrt(signals.chars), signals.form), 1),
    ]
    for part in (signals.kept, ~signals.kept):  # what is said of the lines that the rules have as main text, and of the rest
        heavy = np.sqrt(signals.chars) * part
        usual = (score * heavy).sum() / max(heavy.sum(), 1.0)
        out += [np.full(count, usual), score - usual]
    gain = np.cumsum(score - score.mean())
    out += [score - score.max(), gain / count]
    best = np.maximum.accumulate(score)
    out += [best, np.maximum.accumulate(score[::-1])[::-1]]
    return np.concatenate([signals.base, np.array(out, np.float32).T], 1).astype(np.float32)
