"""Combine rules and model: decide which lines of a page are main text.

The rules of `cleantext.chrome.main_text.main_blocks` know what is certain on any page, the model what is usual on many. Together they decide line by line
what is kept; then the lines are removed that are not worth keeping for the page as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log

import numpy as np
import numpy.typing as npt

from cleantext.chrome.lines.confidence import HTML, expected
from cleantext.chrome.main_text.block_features import read_signals
from cleantext.chrome.main_text.block_model import load_model, odds
from cleantext.chrome.main_text.element_tree import ATTACHED, Tree, is_heading
from cleantext.html.metadata.dates import iso_date
from cleantext.transform import Page

__all__ = ["best_threshold", "with_model"]

LEAST_LEARNED = 400  # characters; the model is not reliable for shorter pages
# Odds (natural logarithm) that a line is main text. Chosen on pages of hosts that the model has not seen (`make_block_model --folds`).
SURE = -0.4  # of the lines with higher odds, at least the share `AGREED` must be main text by the rules;
AGREED = 0.5
OUT, IN = -0.5, 0.5  # then a main line of the rules is removed below the first, and any other line is added above the second;
ALL_AGREED, IN_SURE = 0.9, 1.5  # if the rules have nearly all of them, a line below the head of the text needs more
ALONE = -1.4  # otherwise the rules have missed the text, and the model decides alone
LENGTH, SHORT_LINE = 0.3, 12  # a lost sentence costs more than a lost label: the required odds decrease for every factor e of characters
OUT_LENGTH = 0.5  # the same for removing lines
APART = 1.0  # in a list whose lines are all doubtful, a line is removed if its odds are lower than the median by this much
WORST = -3.2  # any line with lower odds is removed
IN_AGAIN, IN_NAMED = 0.0, 0.85  # for a line within the main text that rules removed for its links, or for the name of its element
HEADLINE, SECOND_HEADLINE, ABOVE, LONGEST_HEADLINE = -1.8, -1.0, 6, 80
NAMED = 2.0  # added to the odds of a headline if it is a heading, or in an element with the name of one
FACT = re.compile(  # date, author and number of views of a text: neither a headline, nor text that the rules have missed
    r"(?:19|20)\d\d ?[-/.年] ?\d|\d{1,2}:\d\d|\d ?(?:天前|小时|小時|分钟|分鐘|次)|(?:来源|來源|作者|编辑|編輯|时间|時間|日期|阅读|閱讀|浏览|瀏覽|点击|點擊|字数|字數|声明|手机|电话|電話|地址)\S{0,2}[:：]|(?:>>|》》|»)$"
)
POSITION = re.compile(
    r"(?:[您你]的|[您你](?:现在|目前)的?|当前|當前|目前)?(?:所在)?位置\s?[:：][^>›»]{0,60}[>›»]"
)  # the position of the page in its site
LONGEST_FACT = 40
PARAMETER = -3.0  # odds from which a row of the parameters of a product is added
LONGEST_LONG = 2.5  # maximum effect of the length of a line
NEVER = PARAMETER - LENGTH * LONGEST_LONG  # no line with lower odds is added
# Of the lines that are kept, those are removed without which the expected F measure of the page is better.
# Recall counts more than precision: from 1.0 to 1.3, F1 on WCXB is the same, and pages2 lose 1.06 instead of 1.29 %.
BETA = 1.3
LOWEST, HIGHEST = -3.0, 0.0  # range for the odds of the last line that is kept
SHARED = 0.3  # minimum share of the characters to keep: with less, either rules or model missed the text, and nothing more is removed
LINKED = 0.6  # link density of a line that only leads somewhere
OUTSIDE = "html.outside-main"
ENTERS = {"html.link-dense": IN_AGAIN, "html.class": IN_NAMED, "html.headed": IN_NAMED}
CHOSEN = ("main", "title")
LEAST_TITLE = 3  # characters
FIXED = frozenset(("html.repeated", "html.line-numbers"))  # the rules know these better than the model


def with_model(page: Page, tree: Tree, roles: tuple[str, ...], top: int) -> tuple[tuple[str, ...], dict[str, float]]:
    """Return the roles of the lines by rules and model together, and the expected loss and rest of chrome."""
    if sum(map(len, tree.lines)) < LEAST_LEARNED:
        return roles, {}
    said = odds(read_signals(page, tree, roles, top), load_model()).tolist()
    weights = [len(line) ** 0.5 for line in tree.lines]
    sure = [(weight, role) for weight, role, odd in zip(weights, roles, said, strict=True) if odd > SURE]
    agreed = sum(weight for weight, role in sure if role in CHOSEN) / max(sum(weight for weight, _ in sure), 1.0)
    first = next((i for i, role in enumerate(roles) if role == "main" and tree.stops[i]), len(roles))
    least = max(min(OUT, _middle(said, weights, roles) - APART), WORST) if agreed >= AGREED else ALONE
    titles = {line for role, line in zip(roles, tree.plains, strict=True) if role == "title"}
    headed = {i for node in tree.nodes if node.headed for i in range(node.first, node.last + 1)}
    out, settled = [], set()  # lines whose decision does not only depend on the odds
    for i, (role, odd, line) in enumerate(zip(roles, said, tree.lines, strict=True)):
        if odd < NEVER and role not in CHOSEN:
            out.append(role)
            continue
        long = min(max(log(max(len(line), 1) / SHORT_LINE), -1.0), LONGEST_LONG)
        if role == "title" or role in FIXED:
            out.append(role)
            settled.add(i)
        elif role == "main":
            out_below = IN_SURE if POSITION.match(line) else least - OUT_LENGTH * max(long, 0.0)
            attached = ATTACHED.search(line) is not None
            if odd >= out_below or attached or (odd >= out_below - NAMED and (tree.is_named_title(i) or tree.is_subhead(i))):
                out.append(role)
                if odd < out_below or attached or tree.is_subhead(i):
                    settled.add(i)
            else:
                out.append("html.learned")
        else:
            in_above = ALONE if agreed < AGREED else IN_SURE if agreed >= ALL_AGREED and i > first else ENTERS.get(role, IN)
            if role == OUTSIDE and ("\t" in line or ":" in line or "：" in line) and tree.is_parameter(i):  # of a product
                in_above = PARAMETER
            enters = (
                odd >= in_above - LENGTH * long
                and not (tree.plains[i] in titles or i in headed or is_heading(line) or (tree.density[i] > LINKED and tree.is_action(i)))
                and not (in_above > PARAMETER and len(line) < LONGEST_FACT and (FACT.search(line) or iso_date(line)))
            )
            out.append("main" if enters else role)
            if enters and (role in ENTERS or in_above == PARAMETER):
                settled.add(i)
    text = 1 / (1 + np.exp(-np.array(said)))
    sizes = np.array([len(line) for line in tree.lines])
    if "main" in out:
        if (head := _headline(tree, out, said)) >= 0:
            out[head] = "title" if "title" not in out else "main"
            settled.add(head)
        stays = _worth_keeping(tree, out, np.array(said), sizes, settled)
        for i in np.flatnonzero(~stays).tolist():
            if out[i] == "main":
                out[i] = "html.learned" if roles[i] == "main" else roles[i]
    else:
        out = list(roles)
    return tuple(out), expected(sizes, text, [role in CHOSEN for role in out], scale=HTML)


def _worth_keeping(
    tree: Tree, out: Sequence[str], said: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64], settled: set[int]
) -> npt.NDArray[np.bool_]:
    """Return which lines are kept for the best expected F measure of the page, besides those ``settled``; all, if too little would be left."""
    stays = said >= min(max(best_threshold(said, np.array([_words(line) for line in tree.lines])), LOWEST), HIGHEST)
    stays[list(settled)] = True
    before = np.array([role in CHOSEN for role in out])
    if sizes[stays & before].sum() < SHARED * sizes[before].sum():
        stays[:] = True
    return stays


def best_threshold(said: npt.NDArray[np.float64], words: npt.NDArray[np.float64]) -> float:
    """Return the threshold of odds for keeping lines that gives the best expected F measure of their words.

    The measure is the expected number of words that are kept and are text, over the weighted mean of those kept and those that are text, with
    the square of `BETA` as the weight of the latter (van Rijsbergen 1979; Lewis 1995; Ye et al. 2012).

    Args:
        said: natural logarithm of the odds that each line is text
        words: number of words of each line

    >>> best_threshold(np.array([4.0, 0.4, -3.0]), np.array([30.0, 10.0, 20.0]))
    0.4

    """
    order = np.argsort(-said, kind="stable")
    likely = words / (1 + np.exp(-said))
    measure = np.cumsum(likely[order]) / (np.cumsum(words[order]) + BETA**2 * likely.sum() + 1e-9)
    measure[np.flatnonzero(np.diff(said[order]) == 0)] = -1  # lines of equal odds are kept or removed together
    return float(said[order[int(np.argmax(measure))]])


def _words(line: str) -> float:
    """Return the approximate number of words of a line; a Han word has two characters."""
    parts = len(line.split())
    return float(parts if line.isascii() else max(parts, len(line) / 2))


def _middle(said: Sequence[float], weights: Sequence[float], roles: Sequence[str]) -> float:
    """Return the weighted median of the odds of the main text of the rules."""
    usual = sorted((odd, weight) for odd, weight, role in zip(said, weights, roles, strict=True) if role == "main")
    half = sum(weight for _, weight in usual) / 2
    for odd, weight in usual:
        half -= weight
        if half <= 0:
            return odd
    return 0.0


def _headline(tree: Tree, roles: Sequence[str], said: Sequence[float]) -> int:
    """Return the most likely headline that was left out, from the lines above the first sentence of the main text; -1 if none is likely."""
    chosen = [i for i, role in enumerate(roles) if role == "main"]
    first = next((i for i in chosen if tree.stops[i] or len(tree.lines[i]) > LONGEST_FACT), chosen[0])
    titled = "title" in roles[:first]
    least = SECOND_HEADLINE if titled else HEADLINE
    odds_of = {i: said[i] + (0 if titled else NAMED * tree.is_named_title(i)) for i in range(max(0, first - ABOVE), first)}
    found = [
        i
        for i, odd in odds_of.items()
        if roles[i] not in CHOSEN
        and odd >= least
        and LEAST_TITLE < len(tree.lines[i]) < LONGEST_HEADLINE
        and not FACT.search(tree.lines[i])
        and not iso_date(tree.lines[i])
        and not tree.is_action(i)
        and not POSITION.match(tree.lines[i])
        and not any(tree.plains[i] == line for line, role in zip(tree.plains, roles, strict=True) if role in CHOSEN)
    ]
    return max(found, key=odds_of.__getitem__, default=-1)
