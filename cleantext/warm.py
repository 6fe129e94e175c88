"""Warm up: compile every kernel now, so that no later call has to wait for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cleantext.jit import Kernel

__all__ = ["beside", "warm"]


def warm() -> None:
    """Compile all kernels, or load them from the cache: half a minute the first time, then about a second.

    Call it once before starting processes or serving requests.

    >>> import cleantext
    >>> cleantext.warm()
    """
    with beside("passage", "document"):
        pages()
        columns()
        documents()
    duplicates("passage", "document", units=("char", "script"))
    boilerplate()


@contextlib.contextmanager
def beside(*levels: Literal["document", "passage"]) -> Iterator[None]:
    """Let another process compile the kernels of a duplicate search meanwhile, where they are not in the cache yet.

    They take as long as all others together, and Numba compiles in one thread.
    """
    from cleantext.dedup.cut import cut
    from cleantext.dedup.kernel import overlaps

    process = None
    last: dict[str, Kernel[..., Any]] = {"document": overlaps, "passage": cut}
    if not all(last[level].cached for level in levels):
        code = f"from cleantext.warm import duplicates; duplicates(*{levels!r})"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with contextlib.suppress(OSError):
            call = [sys.executable, "-c", code]
            process = subprocess.Popen(call, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own code
    try:
        yield
    finally:
        if process:
            process.wait()


def pages() -> None:
    """Compile what cleans pages."""
    import numba  # noqa: F401 - once it is loaded, kernels run compiled whatever the size of their input

    from cleantext.chrome.rules import load_pack
    from cleantext.chrome.votes import collect
    from cleantext.pipeline import Pipeline
    from cleantext.transform import Page

    page = Page("發展新疆的歷史\n責任編輯:某某\n" * 3 + "相關閱讀\n喀什古城的杏花開了\n")
    pipeline = Pipeline.load("zh-web")
    pipeline.trace([page, page])
    pipeline.fast([page, page])
    collect([f"第{n}页 编辑:某某{n} 2020年1月" for n in range(400)], load_pack("zh-web-rules"))  # enough for the automata


def documents() -> None:
    """Compile what reads HTML."""
    import numba  # noqa: F401 - see `pages`

    from cleantext.html import read_html

    read_html("<p>春<a href=x>天</a>")


def duplicates(*levels: Literal["document", "passage"], units: Sequence[Literal["char", "script"]] = ("char",)) -> None:
    """Compile what finds and removes duplicates."""
    from cleantext.dedup import find_duplicates

    text = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。第二段也要够长。"
    for level in levels:
        for unit in units:
            find_duplicates([text, text + "尾声", "甲" + text], level=level, unit=unit).texts()


def boilerplate() -> None:
    """Compile what lists what too many texts share."""
    from cleantext.dedup import find_duplicates

    text = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。"
    find_duplicates([text, text + "尾声", "甲" + text], max_df=1)


def columns() -> None:
    """Compile what converts scripts."""
    import numba  # noqa: F401 - see `pages`
    import pyarrow as pa

    from cleantext.script import UnifyScript
    from cleantext.transform import Page

    page = Page("發展新疆的歷史\n責任編輯:某某\n" * 3)
    for to in ("t2s", "s2twp"):  # conversions of one length and of several, of pages and of columns
        convert = UnifyScript(to=to)
        convert.run([page])
        convert.fast([page])
        convert.arrow(pa.array([page.text]))
