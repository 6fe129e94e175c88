"""Kernels: interpreted and compiled they say the same; a small job waits for no compiler, a large one compiles once, in all cores."""

import importlib
import os
import random
import shutil
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from made import prose
from rich.console import Console

import cleantext as ct
from cleantext import jit
from cleantext.cli import main
from cleantext.cli.progress import compiling
from cleantext.dedup.minhash import hash_kernels as hashes
from cleantext.run import job
from cleantext.run.doctor import checks
from cleantext.run.search import dedup_files as search

warm = importlib.import_module("cleantext.warm")  # not the function of that name

HEAD = "<html><head><title>{0}_某某网</title></head><body><div class=nav><a href=/>首页</a> &gt; <a href=/n>新闻</a></div><h1>{0}</h1>"
FOOT = "<div>責任編輯:某某</div><p>上一页 <a href=2>下一页</a></p><div class=footer>版权所有 2020 某某网</div></body></html>"


def python(code, *args, **environment):
    """Run code in a process of its own where a warning is an error; return what it printed."""
    call = [sys.executable, "-W", "error::RuntimeWarning", "-c", code, *map(str, args)]
    done = subprocess.run(call, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pages(seeds, tmp_path_factory):
    """The seeds and 20 made pages, text and HTML, which share passages."""
    rng, folder = random.Random(11), tmp_path_factory.mktemp("pages")
    for seed in seeds.glob("*.txt"):
        (folder / seed.name).write_bytes(seed.read_bytes())
    shared = [prose(rng, 120) for _ in range(6)]
    for n in range(20):
        lines = (
            [prose(rng, rng.choice([8, 30, 90])) for _ in range(6)]
            + rng.sample(shared, 2)
            + ["裝修後的臺灣圖書館㎡ e\u0301 １５", "&amp;amp; ï¼Œ"]
        )
        rng.shuffle(lines)
        title = f"新区建设第{n}期"
        if n % 2:
            body = "".join(f"<p>{line}</p>" if n % 3 else f"<div>{line}<br>{line}</div>" for line in lines)
            (folder / f"{n:02}.html").write_text(HEAD.format(title) + body + FOOT, "utf-8")
        else:
            text = (
                f"首页 > 新闻 > 国内\n{title}\n2020年1月{n + 1}日 来源:某报 编辑:某某\n"
                + "\n".join(lines)
                + "\n責任編輯:某某\n上一页 下一页\n"
            )
            (folder / f"{n:02}.txt").write_text(text, "utf-8")
    return folder


def test_interpreted_and_compiled_say_the_same(pages, tmp_path):
    code = "import sys, cleantext as ct; ct.clean_files(sys.argv[1], sys.argv[2], duplicates='passages', remove=True); assert 'numba' not in sys.modules"
    python(code, pages, tmp_path / "interpreted", NUMBA_DISABLE_JIT="1")
    with jit.eager():
        ct.clean_files(pages, tmp_path / "compiled", duplicates="passages", remove=True)
    one, other = ({p.relative_to(d): p for p in d.rglob("*") if p.is_file()} for d in (tmp_path / "interpreted", tmp_path / "compiled"))
    assert one.keys() == other.keys()
    assert len(one) > 25
    for name in one:
        if name.suffix == ".parquet":
            assert pq.read_table(one[name]).equals(pq.read_table(other[name])), name
        else:
            assert one[name].read_bytes() == other[name].read_bytes(), name
    assert pq.read_table(one[next(n for n in one if n.name == "duplicates.parquet")]).num_rows


def test_a_small_job_never_waits_for_a_compiler(tmp_path):
    """Nor does it where another library has imported Numba, whatever the caches hold."""
    code = (
        "import sys\nif sys.argv[1:]: import numba\nimport gc, cleantext as ct\nfrom cleantext.jit import Kernel\n"
        "ct.clean('發展新疆的歷史與經濟\\n責任編輯:某某\\n' * 20)\nct.read_html('<p>春<a href=x>天</a>')\n"
        "ct.find_duplicates(['今年三月,喀什古城的杏花开了,游客比往年多了一倍。' * 2] * 20)\n"
        "print('numba' in sys.modules, sum('compiled' in vars(k) for k in gc.get_objects() if isinstance(k, Kernel)))"
    )
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)).split() == ["False", "0"]
    assert python(code, "numba", NUMBA_CACHE_DIR=str(tmp_path)).split() == ["True", "0"]


# ---------------------------------------------------------------- when a kernel is compiled


@jit.kernel
def _double(values):
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = 2 * values[i]
    return out


def test_numba_is_imported_once_interpreting_took_as_long(clock, monkeypatch):
    monkeypatch.delitem(sys.modules, "numba")
    double, values = jit.kernel(_double.function), np.arange(10)
    clock[0] = jit.IMPORT / 4
    assert [isinstance(double(values), str) for _ in range(6)] == [False] * 3 + [True] * 3  # the fourth would make it a second


@pytest.fixture
def clock(monkeypatch):
    """A process that has done nothing yet, whose clock goes on by a second a look; kernels "compile" to a function that says so."""
    now = iter(range(1_000))
    monkeypatch.setattr(jit.time, "thread_time", lambda: next(now) * tick[0])
    monkeypatch.setattr(jit, "_compile", lambda function, **_: lambda *args: "compiled")
    monkeypatch.setattr(jit, "cache_folder", lambda _: None)
    monkeypatch.setitem(sys.modules, "numba", jit)  # as if it was imported
    for name, value in {"seconds": 0.0, "expected": 0, "eager": False, "forced": False}.items():
        monkeypatch.setattr(jit._Process, name, value)
    tick = [0.0]
    return tick


def test_a_kernel_is_compiled_once_it_was_interpreted_for_as_long_as_that_takes(clock):
    double, values = jit.kernel(_double.function), np.arange(10)
    for _ in range(100):
        assert list(double(values)) == list(_double.python(values))
    clock[0] = double.cost / 4
    calls = [double(values) for _ in range(6)]
    assert [isinstance(c, str) for c in calls] == [False] * 4 + [True] * 2


def test_a_call_that_will_take_long_is_compiled_at_once(clock):
    assert isinstance(jit.kernel(_double.function)(np.zeros(10)), np.ndarray)
    assert jit.kernel(_double.function)(np.zeros(200_000)) == "compiled"


def test_a_large_job_is_compiled_from_the_start(clock):
    double = jit.kernel(_double.function)
    jit.expect(jit.LARGE - 1)
    assert not isinstance(double(np.arange(10)), str)
    jit.expect(1)
    assert double(np.arange(10)) == "compiled"


def test_tables_of_a_kernel_are_made_once_python_took_as_long(clock):
    double = jit.kernel(_double.function)
    jit.expect(jit.LARGE)
    assert double.interprets(10, 1.0)
    double.count(10, 0.4)
    assert double.interprets(10, 1.0)
    assert double.interprets(15, 1.0)  # it would have to be compiled, too
    assert not double.interprets(20, 1.0)
    with jit.eager():
        assert jit.kernel(_double.function).interprets(10, 1.0)
    with jit.eager(everything=True):
        assert not jit.kernel(_double.function).interprets(10, 1.0)
        with jit.eager():
            assert not jit.kernel(_double.function).interprets(10, 1.0)
    double.cached = True
    assert not double.interprets(15, 1.0)


def test_without_a_compiler_python_does_it(clock, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with jit.eager(everything=True):
        assert jit.kernel(_double.function).interprets(10_000_000, 0.0)


def test_what_the_cache_holds_is_read_sooner(clock, tmp_path, monkeypatch):
    double, values = jit.kernel(_double.function), np.zeros(int(2 * jit.LOAD / jit.ELEMENT))
    assert not isinstance(double(values), str)
    (tmp_path / f"test_jit.{jit._qualified(double.function)}-1.py311.nbi").touch()
    monkeypatch.setattr(jit, "cache_folder", lambda _: tmp_path)
    found = jit.kernel(_double.function)
    assert found(values) == "compiled"


def test_without_a_compiler_everything_is_interpreted(clock, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    jit.expect(jit.LARGE)
    double = jit.kernel(_double.function)
    assert len(double(np.zeros(200_000))) == 200_000
    with jit.eager():
        assert list(double(np.arange(3))) == [0, 2, 4]


def test_values_are_pythons_as_those_of_compiled_code_are():
    @jit.kernel
    def first(values):
        return values[0], (values[1], values)

    one, (two, rest) = first(np.array([1, 2], np.uint32))
    assert (type(one), type(two), type(rest)) == (int, int, np.ndarray)


def test_only_hashes_may_wrap_around(monkeypatch):
    monkeypatch.setattr(jit._Process, "eager", False)  # as before any job was announced

    @jit.kernel
    def square(value):
        return value * value

    wrapped = jit.wrapping(square.function)
    value = np.uint64(1 << 40)
    assert wrapped(value) == 0
    with pytest.raises(RuntimeWarning, match="overflow"):
        square(value)


def test_compiled_code_is_not_looked_for_where_a_type_has_another_name():
    """Numba's files hold the classes of named tuples by name: after a release that renames one they could not be read."""
    names = set()
    for kind in ("Table", "ConversionTable"):
        space = {}
        exec(f"def size(table: {kind!r}) -> int:\n    return len(table)", space)
        names.add(jit._qualified(space["size"]))
    assert len(names) == 2


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7, 8, 22, 31])
def test_shingle_hashes_are_their_definition(monkeypatch, k):
    monkeypatch.setattr(hashes, "BLOCK", 64)
    tokens = np.random.default_rng(k).integers(0, 1 << 32, 200, dtype=np.uint64).astype(np.uint32)
    for n in (0, k - 1, k, k + 1, 63 + k, 64 + k, 65 + k, 128 + k - 1, 200):
        wanted = []
        for i in range(n):
            h = 0
            for t in tokens[i : i + k].tolist():
                h = (h * hashes.PRIME + t) % (1 << 64)
            h = (h ^ h >> 33) * hashes.MIX1 % (1 << 64)
            h = (h ^ h >> 33) * hashes.MIX2 % (1 << 64)
            wanted.append(h ^ h >> 33 if i + k <= n else 0)
        assert hashes.shingle_hashes(tokens[:n], k).tolist() == wanted


# ---------------------------------------------------------------- compiling ahead


def test_processes_share_the_kernels_among_them(monkeypatch, tmp_path):
    done = []
    double = jit.kernel(_double.function)
    dispatcher = double.compiled
    monkeypatch.setattr(dispatcher, "compile", lambda types: done.append(str(types)))
    monkeypatch.setattr(warm, "_exercise", lambda *_: [double(np.zeros(3, t)) for t in (np.int32, np.int64, np.int32)])
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path), str(os.getppid())])
    warm.share("pages")
    assert len(done) == 2
    assert warm._progress(tmp_path) == (2, 2)
    warm.share("pages")
    assert len(done) == 2


def test_what_is_compiled_stays_though_its_process_is_stopped_right_after(tmp_path):
    """Each kernel is on the disk once it is compiled: a run that was stopped meanwhile finds it again."""
    code = (
        "import os, numba\n"
        "from cleantext.dedup.clusters.removal import _is\n"
        "_is.compiled.compile((numba.int64, numba.int64, numba.uint8[::1]))\n"
        "print(sum(_is.compiled.stats.cache_hits.values()), flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    hits = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False).stdout.strip() for _ in range(2)
    ]
    assert hits == [b"0", b"1"]
    assert list(tmp_path.rglob("*.nbc"))


def test_a_process_whose_parent_is_gone_compiles_nothing(monkeypatch, tmp_path):
    double = jit.kernel(_double.function)
    monkeypatch.setattr(warm, "_exercise", lambda *_: double(np.zeros(3)))
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path), "1" if os.getppid() != 1 else "2"])
    warm.share("pages")
    assert warm._progress(tmp_path) == (0, 1)


def test_what_could_not_be_compiled_ahead_is_not_held_for_compiled(monkeypatch, tmp_path):
    monkeypatch.setattr(warm, "kernel_cache", lambda: tmp_path)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert warm.compile_ahead("pages") > 0
    assert not warm.is_warm("pages")
    monkeypatch.setattr(sys, "executable", "/bin/true")
    warm.compile_ahead("pages")
    assert warm.is_warm("pages")
    assert warm.compile_ahead("pages") == 0
    assert not warm.is_warm("pages", "documents")


def test_without_a_cache_nothing_is_compiled_ahead(monkeypatch):
    monkeypatch.setattr(warm, "kernel_cache", lambda: None)
    assert warm.compile_ahead("pages") == 0


def test_a_large_job_says_that_it_compiles_and_does_not_count_it(monkeypatch, tmp_path):
    def compile_ahead(*parts, told):
        assert parts == ("pages", "documents")
        for done in (0, 1, 2):
            told(done, 2)
        return 1_000.0

    monkeypatch.setattr(job, "compile_ahead", compile_ahead)
    monkeypatch.setattr(job, "LARGE", 1)
    (tmp_path / "page.txt").write_text("發展新疆的歷史", "utf-8")
    result = CliRunner().invoke(main, ["clean", str(tmp_path / "page.txt"), "-o", str(tmp_path / "out"), "--duplicates", "off"])
    assert result.exit_code == 0
    assert result.stderr.count("compiling kernels, once on this machine") == 1
    told = []
    report = ct.clean_files(tmp_path / "page.txt", tmp_path / "again", duplicates="off", compiled=lambda *n: told.append(n))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert report.seconds < 0  # without the thousand


@pytest.mark.parametrize("option", ["--check", "--dry-run"])
def test_runs_that_write_nothing_say_that_they_compile(monkeypatch, tmp_path, option):
    monkeypatch.setattr(job, "compile_ahead", lambda *_, told: told(0, 2) or 0.0)
    monkeypatch.setattr(job, "LARGE", 1)
    (tmp_path / "page.txt").write_text("發展新疆的歷史", "utf-8")
    args = ["clean", str(tmp_path / "page.txt"), "-o", str(tmp_path / "out"), "--duplicates", "off", option]
    assert CliRunner().invoke(main, args).stderr.count("compiling kernels, once on this machine") == 1
    assert "compiling" not in CliRunner().invoke(main, [*args, "--quiet"]).stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([], "passage"),
        (["--level", "document"], "document"),
        (["--engine", "local"], "passage"),
        (["--engine", "local", "--level", "paragraph"], "document"),
        (["--index", "index"], "document"),
    ],
)
def test_a_large_search_says_that_it_compiles(monkeypatch, tmp_path, options, part):
    def compile_ahead(*parts, told):
        assert parts == (part,)
        if told:
            told(0, 2)
        return 1_000.0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(search, "compile_ahead", compile_ahead)
    (tmp_path / "page.txt").write_text("发展新疆的历史,经济带进入了新阶段。" * 4, "utf-8")
    args = ["dedup", "page.txt", "-o", "out", *options]
    assert "compiling" not in CliRunner().invoke(main, args, catch_exceptions=False).stderr
    shutil.rmtree("index", ignore_errors=True)
    monkeypatch.setattr(search, "LARGE", 1)
    result = CliRunner().invoke(main, args, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stderr.count("compiling kernels, once on this machine") == 1
    if "--index" not in options:
        level = options[-1] if "--level" in options else "passage"
        engine = "local" if "local" in options else "memory"
        assert search.dedup_files(["page.txt"], "again", level=level, engine=engine).seconds < 0  # without the thousand


def test_a_terminal_sees_how_many_kernels_are_done(tmp_path):
    with (tmp_path / "said").open("w") as said:
        console = Console(file=said, force_terminal=True, width=120)
        with compiling(console, quiet=False) as told:
            told(0, 0)
            told(3, 40)
        with compiling(console, quiet=True) as told:
            assert told is None
    shown = (tmp_path / "said").read_text()
    assert "compiling kernels, once on this machine" in shown
    assert "3/40" in shown


def test_doctor_says_where_kernels_are_kept(monkeypatch, tmp_path):
    def said():
        [row] = [(sound, text) for name, sound, text in checks() if name == "kernels"]
        return row

    monkeypatch.setattr(warm, "kernel_cache", lambda: tmp_path / "fold")
    monkeypatch.setattr(warm, "is_warm", lambda *_: False)
    assert said() == (True, f"compiled by the first large job, once on this machine, into {tmp_path}; `cleantext.warm()` does so now")
    monkeypatch.setattr(warm, "is_warm", lambda *_: True)
    assert said() == (True, f"compiled, in {tmp_path}")
    monkeypatch.setattr(warm, "kernel_cache", lambda: None)
    assert said()[0] is False
    assert "NUMBA_CACHE_DIR" in said()[1]
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert "unset it" in said()[1]
