"""Find the headline among the lines of a page by rules."""

from __future__ import annotations

import re

from cleantext.chrome.main_text.element_tree import Node, Tree, plain
from cleantext.transform import Page

__all__ = ["find_title", "second_title", "unnamed_title"]

LABELLED = re.compile(r"[:：]|(?:19|20)\d\d[-/.年]")
HEADS = ("h1", "h2", "h3", "h4")
SHORTEST = 4  # characters of a heading that is the beginning of the document title
SOME_LINKS = 0.5  # link density from which a line is not plain text


def find_title(tree: Tree, page: Page, root: Node) -> int:
    """Return the last line before the first sentence of the root that matches the title; -1 if there is none."""
    wanted = plain(page.metadata.get("title", ""))
    first = next((i for i in range(root.first, root.last + 1) if tree.stops[i]), root.first)
    found = [i for i in range(first + 1) if wanted and tree.plains[i] == wanted]
    if not found:  # a headline of two lines
        found = [i for i in range(first) if wanted and tree.lines[i][:1] == wanted[0] and tree.plains[i] + tree.plains[i + 1] == wanted]
    if not found:
        found = [i for i in range(first + 1) if page.html[i].tag == "h1" and tree.density[i] < 0.5 and not tree.of_site(i)][-1:]
    if not found:  # the document title continues with the name of a board or a series
        begins = [i for i in range(first + 1) if page.html[i].tag in HEADS and len(tree.plains[i]) >= SHORTEST]
        found = [i for i in begins if wanted.startswith(tree.plains[i])]
    heads = [i for i in found if page.html[i].tag in ("h1", "h2")]
    return (heads or found or [-1])[-1]


def unnamed_title(tree: Tree, first: int) -> int:
    """Return the line above the main text that reads as a headline, on pages whose titles are all alike; -1 if there is none.

    Only lines with labels may be between the two: author, date and source.
    """
    for i in range(first - 1, max(-1, first - 4), -1):
        if tree.is_headline(i) or tree.is_named_title(i):
            return i
        if not LABELLED.search(tree.lines[i]):
            break
    return -1


def second_title(tree: Tree, title: int, wanted: str) -> int:
    """Return the line under the title that belongs to it, -1 if there is none: in the same element, after a dash, or with the rest of the title."""
    i = title + 1
    if title < 0 or i == len(tree.lines) or tree.density[i] > SOME_LINKS:
        return -1
    inside = tree.paths[tree.leaf[i]].startswith(tree.paths[tree.leaf[title]] + "/") and tree.nodes[tree.leaf[title]].shape[0] in HEADS
    behind = tree.lines[i].startswith(("——", "──", "--"))
    return i if inside or behind or tree.plains[title] + tree.plains[i] == wanted else -1
