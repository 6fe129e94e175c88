"""Warm up: compile all kernels now, so that later calls need not wait for it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from cleantext import jit
from cleantext.plan.processes import cores

__all__ = ["compile_ahead", "is_warm", "kernel_cache", "warm"]

Part = Literal["pages", "documents", "mojibake", "columns", "document", "passage", "boilerplate"]
Told = Callable[[int, int], None]  # kernels done, kernels in all
PARTS: tuple[Part, ...] = ("pages", "documents", "mojibake", "columns", "document", "passage", "boilerplate")


def warm(*parts: Part) -> None:
    """Compile all kernels, or those of some parts, or load them from the cache: about a minute the first time, then about a second.

    Call it once before starting processes or serving requests.

    >>> import cleantext
    >>> cleantext.warm()
    """
    parts = parts or PARTS
    compile_ahead(*parts)
    with jit.eager():
        _exercise(*parts)


def compile_ahead(*parts: Part, told: Told | None = None) -> float:
    """Compile kernels that are not cached yet, in one process per core; return the seconds it took.

    Numba compiles in one thread, so each process takes kernel after kernel from the same list.
    A kernel that they leave (a process died, or there is no cache to share) is compiled where it is first called.
    """
    start = time.perf_counter()
    if jit.is_disabled() or is_warm(*parts):
        return 0.0
    stamps = [_stamp(part) for part in parts]
    if None in stamps:  # without a cache, each process has to compile for itself
        return 0.0
    code = f"from cleantext.warm import share; share(*{parts!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryDirectory(prefix="cleantext-kernels-") as folder:
        call = [sys.executable, "-c", code, folder, str(os.getpid())]
        workers: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(cores()):
                worker = subprocess.Popen(call, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own code
                workers.append(worker)
            while any(worker.poll() is None for worker in workers):
                time.sleep(0.1)
                if told:
                    told(*_progress(Path(folder)))
        except OSError:  # no further process could be started
            return time.perf_counter() - start
        finally:
            for worker in workers:
                if worker.poll() is None:
                    worker.kill()
                worker.wait()
        if told:
            told(*_progress(Path(folder)))
        if not any(worker.returncode for worker in workers):
            for stamp in stamps:
                assert stamp
                with contextlib.suppress(OSError):
                    stamp.touch()
    return time.perf_counter() - start


def is_warm(*parts: Part) -> bool:
    """Return whether the kernels were compiled on this machine before."""
    return all((stamp := _stamp(part)) is not None and stamp.exists() for part in parts)


def kernel_cache() -> Path | None:
    """Return the folder of compiled kernels, or None if no folder is writable."""
    from cleantext.fold import _keep

    return jit.cache_folder(_keep.compiled)


def _stamp(part: Part) -> Path | None:
    """Return the marker file of a compiled part. Its name depends on the code, on the version of Numba and on the processor."""
    import llvmlite.binding
    import numba

    import cleantext

    folder = kernel_cache()
    if folder is None:
        return None
    sources = sorted(Path(cleantext.__file__).parent.rglob("*.py"))
    made = [(s.name, s.stat().st_size, s.stat().st_mtime_ns) for s in sources]  # Numba detects changed sources by the same data
    state = repr((numba.__version__, sys.version_info, llvmlite.binding.get_host_cpu_name(), made))
    return folder / f"cleantext-{part}-{hashlib.sha256(state.encode()).hexdigest()[:12]}.warm"


def share(*parts: Part) -> None:
    """Compile kernels that no other process of `compile_ahead` has taken yet. For child processes only."""
    folder, parent = Path(sys.argv[1]), int(sys.argv[2])
    with jit.recorded() as calls:
        _exercise(*parts)
    jit.seldom_collected()
    left = {f"{n:04}": call for n, call in enumerate(calls)}
    (folder / f"{len(left)}.all").touch()
    have: set[jit.Kernel[..., Any]] = set()
    while left and os.getppid() == parent:  # the parent changes when `compile_ahead` is stopped
        # Take the kernel that shares most with what this process has compiled, so that two processes seldom compile the same one.
        name = max(left, key=lambda name: _gain(left[name][0], have))
        kernel, given = left.pop(name)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(folder / name, os.O_CREAT | os.O_EXCL))
            dispatcher: Any = kernel.compiled
            dispatcher.compile(given)
            have |= kernel.calls
            (folder / f"{name}.done").touch()


def _gain(kernel: jit.Kernel[..., Any], have: set[jit.Kernel[..., Any]]) -> tuple[float, float]:
    return sum(k.size for k in kernel.calls & have) / kernel.cost, kernel.cost


def _progress(folder: Path) -> tuple[int, int]:
    size = max((int(path.stem) for path in folder.glob("*.all")), default=0)
    return len(list(folder.glob("*.done"))), size


def _exercise(*parts: Part) -> None:
    """Call every kernel of some parts."""
    for part in parts:
        if part in ("document", "passage"):
            duplicates(part, units=("char", "script"))
        else:
            {"pages": pages, "documents": documents, "mojibake": mojibake, "columns": columns, "boilerplate": boilerplate}[part]()


def pages() -> None:
    """Compile the kernels that clean pages."""
    from cleantext.chrome.hosts.repeated_lines import learn
    from cleantext.chrome.lines.findings import collect
    from cleantext.chrome.rules.load_packs import load_pack
    from cleantext.pipeline import Pipeline
    from cleantext.signals import signals_of
    from cleantext.transform import Page

    page = Page("發展新疆的歷史\n責任編輯:某某\n" * 3 + "相關閱讀\n喀什古城的杏花開了\n")
    pipeline = Pipeline.load("zh-web")
    pipeline.trace([page, page])
    pipeline.fast([page, page])
    pipeline.fast([Page(_misread())])
    learn([page, page], host="news.example.cn")
    signals_of([page.text], read=[1], removed=[0], damage=[0], links=[0.0])
    collect(
        [f"第{n}页 编辑:某某{n} 2020年1月" for n in range(400)], load_pack("zh-web-rules")
    )  # enough lines for the automata to be used instead of `re`


def mojibake() -> None:
    """Compile the kernels for many damaged pages; a few are repaired by Python."""
    from cleantext.repair.mojibake import Mojibake
    from cleantext.transform import Page

    with jit.eager(everything=True):
        Mojibake().fast([Page(_misread())])


def _misread() -> str:
    return "今年三月的杏花开了，游客比往年多".encode("gbk")[1:].decode("latin-1")  # a byte was lost


def documents() -> None:
    """Compile the kernels that read HTML and choose its main text."""
    from cleantext.chrome.main_text.main_blocks import MainContent
    from cleantext.html import read_html

    MainContent().fast([read_html("<p>春<a href=x>天</a>" + "<p>今年三月，喀什古城的杏花开了，游客比往年多了一倍。" * 20)])


def duplicates(*levels: Literal["document", "passage"], units: Sequence[Literal["char", "script"]] = ("char",)) -> None:
    """Compile the kernels that find and remove duplicates."""
    from cleantext.dedup import find_duplicates

    text = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。第二段也要够长。"
    for level in levels:
        for unit in units:
            find_duplicates([text, text + "尾声", "甲" + text], level=level, unit=unit).texts()


def boilerplate() -> None:
    """Compile the kernels that find boilerplate."""
    from cleantext.dedup import find_duplicates

    text = "今年三月,喀什古城的杏花开了,游客比往年多了一倍,街上卖馕的老人说,这样的春天他等了三年。"
    find_duplicates([text, text + "尾声", "甲" + text], max_df=1)


def columns() -> None:
    """Compile the kernels that convert scripts."""
    import pyarrow as pa

    from cleantext.script import UnifyScript
    from cleantext.transform import Page

    page = Page("發展新疆的歷史\n責任編輯:某某\n" * 3)
    UnifyScript(to="hant").fast(
        [Page("这种语言被发明于一百年前,他们学习了如何参与制造")]
    )  # ambiguous (被發 or 被髮), so that the context model is asked
    UnifyScript().fast([Page("我们对于这个问题还不够了解")])
    for to in ("t2s", "s2twp"):  # one converts character by character, the other changes lengths; each by pages and by columns
        convert = UnifyScript(to=to)
        convert.run([page])
        convert.fast([page])
        convert.arrow(pa.array([page.text]))
