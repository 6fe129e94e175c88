"""A page as Markdown: headings, lists, quotes, tables and listings, according to its elements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from cleantext.transform import Block, Page

__all__ = ["markdown"]

HEADINGS = {f"h{n}": "#" * n + " " for n in range(1, 7)}
CELLS = ("tr", "td", "th", "dl", "dt", "dd")
LISTS = re.compile(r"/(ul|ol|dir|menu)(?=[\[.#/]|$)")
ITEM = re.compile(r"/li(?=[\[.#/]|$)")
QUOTE = re.compile(r"/blockquote(?=[\[.#/]|$)")
CODE = re.compile(r".*?/pre(?=[\[.#/]|$)[^/]*")
TABLE = re.compile(r".*/(?:table|dl)(?=[\[.#/]|$)[^/]*")
FENCE = "```"


def markdown(page: Page) -> str:
    r"""Return the text of a page as Markdown: headings, lists, quotes, tables and code are marked, paragraphs separated.

    A row of a table is one line of cells; the first row is its header. The lines of a ``<pre>`` are one fenced block. A line without
    an element, as in plain text, is a paragraph.

    >>> from cleantext.transform import Block
    >>> markdown(Page("喀什\n杏花开了。", html=(Block(0, 3, "h1"), Block(3, 8, "p"))))
    '# 喀什\n\n杏花开了。'
    >>> rows = Page("树\t花期\n杏\t三月", html=(Block(0, 5, "tr", path="body/table[1]/tr[1]"), Block(5, 9, "tr", path="body/table[1]/tr[2]")))
    >>> print(markdown(rows))
    | 树 | 花期 |
    | --- | --- |
    | 杏 | 三月 |
    """
    lines = [(block, page.text[block.start : block.end].strip("\n")) for block in page.blocks]
    lines = [(block, text) for block, text in lines if text.strip()]
    out: list[str] = []
    before = ""
    for kind, group in groupby(lines, key=_kind):
        own = list(group)
        name = kind.partition(" ")[0]
        texts = _code(own) if name == "code" else _table(own) if name == "table" else _list(own) if name == "list" else _plain(own)
        for text in texts:
            close = name == before == "list"
            out += ["\n" if close else "\n\n", text]
            before = name
    return "".join(out[1:])


def _kind(line: tuple[Block, str]) -> str:
    """Return what a line is part of by its element: code, a table or a list, or nothing."""
    block, text = line
    if found := CODE.match(block.path):
        return f"code {found[0]}"
    if "\t" in text and block.tag in CELLS:
        found = TABLE.match(block.path)
        return f"table {found[0] if found else ''}"
    return "list" if block.tag == "li" or (ITEM.search(block.path) and block.tag not in HEADINGS) else "plain"


def _code(lines: Sequence[tuple[Block, str]]) -> Iterator[str]:
    """Yield the fenced lines of a listing; the fence is longer than any in it."""
    texts = [text for _, text in lines]
    fence = FENCE
    while any(fence in text for text in texts):
        fence += "`"
    yield "\n".join((fence, *texts, fence))


def _table(lines: Sequence[tuple[Block, str]]) -> Iterator[str]:
    """Yield a table of all rows, as wide as the widest."""
    rows = [[cell.strip().replace("|", r"\|") for cell in text.split("\t")] for _, text in lines]
    width = max(map(len, rows))
    rows = [row + [""] * (width - len(row)) for row in rows]
    yield "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], ["---"] * width, *rows[1:]))


def _list(lines: Sequence[tuple[Block, str]]) -> Iterator[str]:
    """Yield the items of a list, indented by their depth; those of an ordered list are numbered, and their continuation lines are indented."""
    counts: dict[str, int] = {}
    last = ""
    for block, text in lines:
        item = ITEM.split(block.path)
        path = block.path[: block.path.rindex("/li", 0, len(block.path)) + 3] if len(item) > 1 else block.path
        place = re.match(r"\[\d+\]|[^/]*", block.path[len(path) :])
        path += place[0] if place else ""
        kinds = LISTS.findall(path)
        ordered = bool(kinds) and kinds[-1] == "ol"
        indent = "  " * (max(len(kinds), 1) - 1)
        if path == last and block.path != path:
            yield f"{indent}  {text}"
            continue
        parent = path.rpartition("/")[0]
        counts[parent] = counts.get(parent, 0) + 1
        yield f"{indent}{f'{counts[parent]}.' if ordered else '-'} {text}"
        last = path


def _plain(lines: Sequence[tuple[Block, str]]) -> Iterator[str]:
    for block, text in lines:
        quote = "> " * len(QUOTE.findall(block.path)) or ("> " if block.tag == "blockquote" else "")
        yield quote + HEADINGS.get(block.tag, "") + text
