"""HTML: read a document as a `Page` whose lines keep their positions in the document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cleantext.errors import wrong_type
from cleantext.html.parsing.class_words import class_words
from cleantext.transform import Block, Page

if TYPE_CHECKING:
    import bs4

__all__ = ["class_words", "read_html"]

AS_BLOCK: Callable[[Iterable[Any]], Block] = partial(tuple.__new__, Block)  # half the time of a call with keyword arguments


def read_html(html: str | bytes | bs4.BeautifulSoup | bs4.Tag, *, url: str | None = None) -> Page:
    r"""Return all visible lines of an HTML document as a `Page`, including page chrome.

    Leaves out scripts, styles, form fields, embedded documents and elements that the markup itself hides.
    Inline markup is joined; a block element, a ``<br>`` or a list item starts a line; a row of a
    data table is one line with its cells separated by tabs; ``<pre>`` keeps its line breaks and blanks. Alternative texts of
    images (``alt``) are not visible and are left out, like readings above characters (``<rt>``).

    Each line is one block of `Page.html` (including its line break), with its element, the words
    of class and id from the inside out, its link density and its path: evidence for the choice of
    the main text, see `cleantext.chrome.main_text.main_blocks`. ``metadata`` has the values that the document states: title,
    published (ISO 8601) and published_raw, source, author (list), editor (list).

    Bytes are decoded first (`cleantext.decode`); soups are serialised and read again. No document
    raises an error: broken nesting, a second ``</html>``, 50,000 nested elements, random bytes.

    >>> page = read_html('<title>春天_某站</title><div class="nav"><a href="/">首页</a></div><h1>春天</h1><p>花<b>开</b>了。<br>真好。</p>')
    >>> page.text
    '首页\n春天\n花开了。\n真好。'
    >>> page.html[0]
    Block(start=0, end=3, tag='div', tokens=('nav',), link_density=1.0, path='body/div.nav[1]')
    >>> page.metadata["title"]
    '春天'
    """
    if url is not None and not isinstance(url, str):
        raise wrong_type(url, "url=a str")
    from cleantext.html.metadata.page_metadata import page_metadata  # here: a job of plain texts does not import it, 0.1 s
    from cleantext.html.routes import read_document

    read = read_document(_markup(html))
    texts, *rest = zip(*read.lines, strict=True) if read.lines else ((), ())
    ends = list(accumulate(len(text) + 1 for text in texts))
    blocks = [*map(AS_BLOCK, zip([0, *ends], ends, *rest, strict=False))]
    if blocks:
        blocks[-1] = blocks[-1]._replace(end=ends[-1] - 1)
    host = urlsplit(url).hostname if url and "[" not in url else None  # urlsplit raises on broken IPv6 brackets
    return Page("\n".join(texts), url=url, host=host, html=tuple(blocks), metadata=page_metadata(read), flags=read.flags)


def _markup(html: str | bytes | bs4.BeautifulSoup | bs4.Tag) -> str:
    if isinstance(html, str):
        return str(html)  # a NavigableString refers to its whole tree; take only its characters
    if isinstance(html, (bytes, bytearray, memoryview)):
        from cleantext.decode import decode

        return decode(bytes(html)).text
    if hasattr(html, "decode_contents"):  # a soup or one of its tags, without importing bs4
        return html.decode(formatter="minimal")
    raise TypeError(f"expected str, bytes or a BeautifulSoup object, got {type(html).__name__}: read a file with Path.read_bytes()")
