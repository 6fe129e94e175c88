"""How every stage grows with the length of one hostile line: seconds for 1, 2, 4 and 8 MB, the worst ratio of a doubling, memory.

    python benchmarks/robustness/long_lines.py                                    # every stage, every kind of line
    python benchmarks/robustness/long_lines.py --stages repair.slip --kinds marks # some of them
    python benchmarks/robustness/long_lines.py --megabytes 0.25 0.5 1 --seconds 20

Each pair of stage and kind runs in a process of its own, forked when the kernels are loaded, and is ended when a size takes longer
than ``--seconds`` of the processor, which is what is measured: other work on the machine does not count. Each size is done ``--repeats`` times,
and the shortest counts. A stage whose time grows with the square of the line shows ratios near 4; the limit is `LIMIT`. Times below
`NOISE` say nothing about growth. With ``--pages`` whole pages of HTML and text are read and cleaned instead, see `PAGES`.

The system hands out memory in fresh pages from 32 MB on (an array of 8 bytes for each of 4,000,000 characters): a step in time, and no
growth. `HELD` has the C library keep what it was given, unless ``--fresh-memory`` asks for what a first use takes.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

from cleantext.transform import Page

LIMIT = 2.3
NOISE = 0.05  # seconds
HELD = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(1 << 26),
}  # of glibc; elsewhere it says nothing
HAN = "".join(map(chr, range(0x4E00, 0x4E00 + 997)))  # of a prime length, so that no two neighbours agree twice in a row

# Repeated to the length asked for.
KINDS: dict[str, str] = {
    "ampersands": "&amp;",
    "references": "&copy;",
    "cut references": "&am",
    "slips": "?！弊：",
    "full slips": "？！弊：",
    "marks": "?！",
    "anchors": "堡?!弊灾螀^",
    "glosses": "發(fā)展",
    "big5 marks": "坋?﹜楊?俴",
    "utf8 as latin": "æˆ‘ä»¬",
    "utf8 as gbk": "鏂扮枂 ",
    "latin pairs": "é à ",
    "lost": "\ufffd",
    "digits": "0123456789",
    "parentheses": "(",
    "closed parentheses": ")",
    "greater": ">",
    "less": "<",
    "list": "首页 > ",
    "dates": "2020年01月02日 ",
    "han": HAN,
    "one han": "春",
    "sentences": "喀什的春天来了，杏花开了。",
    "latin words": "the quick brown fox jumps ",
    "letters": "a",
    "brackets": "【】",
    "open brackets": "【",
    "spaces": " ",
    "odd spaces": "\u3000",
    "mixed spaces": " \u3000",
    "tabs": "\t",
    "combining": "\u0301",
    "combining mixed": "\u0301\u0327",
    "jamo": "\u1100\u1161",
    "emoji": "\N{WOMAN}\u200d\N{GIRL}",
    "joiners": "\u200d",
    "bidi": "a\u200f",
    "controls": "a\x01",
    "full width": "１，",
    "colons": ":",
    "shortcodes": ":copyright:",
    "labels": "编辑: 某 ",
    "tags": "春 ",
    "dashes": "-",
    "mixed": "?！弊：&amp;(fā)2020年 【】>春\u3000é\u0301:smile: ",
}

# Brackets inside brackets, all open ones first.
PAIRS = {"nested parentheses": ("(", ")"), "nested brackets": ("【", "】"), "nested pairs": ("([", "])")}


def line_of(kind: str, megabytes: float) -> str:
    """Return one line of a kind, of so many megabytes of UTF-8."""
    if kind in PAIRS:
        opens, closes = PAIRS[kind]
        return opens * int(megabytes * 5e5 / len(opens.encode())) + closes * int(megabytes * 5e5 / len(opens.encode()))
    unit = KINDS[kind]
    return unit * max(1, int(megabytes * 1e6 / len(unit.encode())))


def stages() -> dict[str, Callable[[str], Any]]:
    """Return what a line is given to, by the name of the stage."""
    from cleantext.decode import decode
    from cleantext.dedup import find_duplicates
    from cleantext.html import read_html
    from cleantext.pipeline import Pipeline, clean_html, explain
    from cleantext.repair import STEPS, repair
    from cleantext.script import detect_script

    def coded(text: str) -> bytes:
        return text.encode("gb18030", "replace")

    out: dict[str, Callable[[str], Any]] = {
        "decode": lambda text: decode(text.encode("utf-8", "replace")),
        "decode gbk": lambda text: decode(coded(text)),
        "decode big5": lambda text: decode(text.encode("big5hkscs", "replace")),
        "html": lambda text: read_html(f"<title>春</title><p>{text}</p>"),
        **{step.id: lambda text, step=step: step.run([Page(text)]) if step.wants(text) else None for step in STEPS},
        "repair": repair,
    }
    for step in Pipeline.load("zh-web").steps:
        if step.id not in out and step.id != "chrome.html":
            out[step.id] = lambda text, step=step: step.run([Page(text)])
    out["detect_script"] = detect_script
    out["clean_html"] = lambda text: clean_html(f"<title>春</title><h1>春天</h1><p>喀什的春天，杏花开了。</p><p>{text}</p>")
    out["explain"] = lambda text: explain(text).edits
    out["passages"] = lambda text: find_duplicates([text, "甲" + text], level="passage")
    out["documents"] = lambda text: find_duplicates([text, "甲" + text], level="document")
    return out


# Whole pages, by the number of their elements.
PAGES: dict[str, Callable[[int], str]] = {
    "attributes": lambda n: "<p " + " ".join(f"a{i}=1" for i in range(n)) + ">春天</p>",
    "same attributes": lambda n: "<p " + "a=1 " * n + ">春天</p>",
    "open div": lambda n: "<div>" * n + "春天",
    "open b": lambda n: "<b>" * n + "春天",
    "open b with names": lambda n: "".join(f"<b id={i}>" for i in range(n)) + "春天",
    "open a": lambda n: "<a href=x>春" * n,
    "open p in b": lambda n: "<b><i><u>" + "<p>春" * n,
    "open table": lambda n: "<table><tr><td>" * n + "春天",
    "tiny elements": lambda n: "<i>春</i>" * n,
    "tiny blocks": lambda n: "<p>春</p>" * n,
    "links": lambda n: "<p>" + "<a href=x>春</a> " * n,
    "table": lambda n: "<table>" + "<tr><td>春<td>天</tr>" * n + "</table>",
    "one row": lambda n: "<table><tr>" + "<td>春" * n + "</table>",
    "nested tables": lambda n: "<table><tr><td>" * (n // 10) + "春" * n,
    "br": lambda n: "春<br>" * n,
    "script": lambda n: "<script>" + "a<b;" * n + "</script><p>春",
    "open script": lambda n: "<script><!--<script>" + "</script " * n,
    "comments": lambda n: "<!-- a -->" * n + "春",
    "open comments": lambda n: "<!-- " * n + "春",
    "definitions": lambda n: "<dl>" + "<dt>春<dd>天" * n + "</dl>",
    "list": lambda n: "<ul>" + "<li>春" * n + "</ul>",
    "spans with names": lambda n: "<p>" + "<span class=source>春</span>" * n,
    "nested spans with names": lambda n: "<p>" + "<span class=source>春" * n,
    "classes": lambda n: "<p class='" + "a " * n + "'>春",
    "style": lambda n: "<p style='" + "display " * n + "'>春",
    "meta": lambda n: "<meta name=author content=a>" * n + "<p>春",
    "json": lambda n: "<script type=application/ld+json>" + "[" * n + "</script><p>春",
    "json list": lambda n: "<script type=application/ld+json>[" + "[{}]," * n + "{}]</script><p>春",
    "less": lambda n: "<" * n,
    "entities": lambda n: "<p>" + "&amp;" * n,
    "short lines": lambda n: "春\n" * n,
    "blank lines": lambda n: "\n" * n,
    "credit lines": lambda n: "责任编辑:某\n" * n,
    "dated lines": lambda n: "2020年01月02日 春\n" * n,
    "heads": lambda n: "相关阅读\n春天\n" * n,
    "paragraphs": lambda n: "喀什的春天来了，杏花开了，街上卖馕的老人说，这样的春天他等了三年。\n" * n,
}


def read_and_clean(text: str) -> None:
    """Do with a page what a run does."""
    from cleantext.decode import decode
    from cleantext.html import read_html
    from cleantext.pipeline import Pipeline

    decoded = decode(text.encode()).text
    Pipeline.load("zh-web").trace([read_html(decoded) if "<" in text[:100] else Page(decoded)])


def timed(
    work: Callable[[Any], Any], make: Callable[[float], str], sizes: list[float], limit: float, repeats: int = 1
) -> tuple[list[float], float]:
    """Return the seconds for each size, as far as they were within the limit, and how much memory the largest added, in MB."""
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def child() -> None:
        gc.collect()
        gc.freeze()  # or a few thousand edits more have Python look through all objects of all libraries once: a step of 0.08 s
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for size in sizes:
            text = make(size)
            took = math.inf
            for _ in range(repeats):
                start = time.process_time()
                resource.setrlimit(
                    resource.RLIMIT_CPU, (int(start + limit) + 1, resource.RLIM_INFINITY)
                )  # the kernel ends what takes longer
                work(text)
                took = min(took, time.process_time() - start)
            theirs.send((took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))
        os._exit(0)

    process = context.Process(target=child)
    process.start()
    theirs.close()
    seconds: list[float] = []
    memory = 0.0
    with contextlib.suppress(EOFError):  # the child has ended
        while len(seconds) < len(sizes):
            took, memory = ours.recv()
            seconds.append(took)
    process.join()
    return seconds, memory


def ratios(seconds: list[float], sizes: list[float]) -> Iterator[float]:
    """Yield by how much each doubling multiplied the time."""
    for (a, small), (b, large) in pairwise(zip(seconds, sizes, strict=False)):
        yield (max(b, NOISE) / max(a, NOISE)) ** (math.log(2) / math.log(large / small))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--megabytes", type=float, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--elements", type=float, nargs="+", default=[125_000, 250_000, 500_000, 1_000_000])
    parser.add_argument("--stages", nargs="+")
    parser.add_argument("--kinds", nargs="+")
    parser.add_argument("--pages", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--all", action="store_true", help="print every row, not only what grows too fast or is slow")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--fresh-memory", action="store_true", help="let the system give and take memory as it does in a short run")
    options = parser.parse_args()
    if not options.fresh_memory and any(os.environ.get(name) != value for name, value in HELD.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | HELD)
    from cleantext.warm import warm

    warm()
    if options.pages:
        from cleantext.pipeline import Pipeline

        read_and_clean("<p>春")
        del Pipeline
        for kind in options.kinds or PAGES:
            seconds, memory = timed(
                read_and_clean, lambda n, kind=kind: PAGES[kind](int(n)), options.elements, options.seconds, options.repeats
            )
            show("page", kind, seconds, memory, options.elements, everything=True)
        return
    for name, work in stages().items():
        if options.stages and name not in options.stages:
            continue
        work("春天&amp;")
        for kind in options.kinds or (*KINDS, *PAIRS):
            seconds, memory = timed(work, lambda n, kind=kind: line_of(kind, n), options.megabytes, options.seconds, options.repeats)
            show(name, kind, seconds, memory, options.megabytes, everything=options.all)


def show(name: str, kind: str, seconds: list[float], memory: float, sizes: list[float], *, everything: bool) -> None:
    """Print a row."""
    worst = max(ratios(seconds, sizes), default=1.0)
    verdict = (
        "DOES NOT END"
        if len(seconds) < len(sizes)
        else "GROWS"
        if worst > LIMIT
        else "slow"
        if seconds[-1] > sizes[-1] * 2 and sizes[-1] < 1e4
        else "ok"
    )
    if everything or verdict != "ok":
        print(f"{name:18} {kind:20} {verdict:12} {worst:5.2f}x {memory:7.0f} MB  {' '.join(f'{s:.3f}' for s in seconds)}", flush=True)


if __name__ == "__main__":
    main()
