"""Warm up: compile every kernel now, so that no later call has to wait for it."""

from __future__ import annotations

__all__ = ["warm"]


def warm() -> None:
    """Compile all kernels, or load them from the cache: under 30 s the first time, then about one.

    Call it once before starting processes or serving requests.
    """
    import numba  # noqa: F401 - once it is loaded, kernels run compiled whatever the size of their input
    import pyarrow as pa

    from cleantext.chrome.rules import load_pack
    from cleantext.chrome.votes import Register
    from cleantext.dedup import find_duplicates
    from cleantext.pipeline import Pipeline
    from cleantext.script import UnifyScript
    from cleantext.transform import Page

    page = Page("發展新疆的歷史\n責任編輯:某某\n" * 3)
    pipeline = Pipeline.load("zh-web")
    pipeline.trace([page, page])
    pipeline.fast([page, page])
    register = Register.of(load_pack("zh-web-rules"))
    lines = [f"第{n}页 编辑:某某{n} 2020年1月" for n in range(400)]  # enough for the sieves
    register.look(lines)
    register.finds(register.rules[0], lines)
    text = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。第二段也要够长。"
    for level in ("passage", "document"):
        for unit in ("char", "script"):
            find_duplicates([text, text + "尾声", "甲" + text], level=level, unit=unit)
    for to in ("t2s", "s2twp"):  # conversions of one length and of several, of pages and of columns
        convert = UnifyScript(to=to)
        convert.run([page])
        convert.fast([page])
        convert.arrow(pa.array([page.text]))
