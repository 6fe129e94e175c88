"""Kernels: plain Python functions over arrays, compiled by Numba when the work is worth it.

A kernel is written once. It is interpreted as plain Python until the compiled form pays off: each kernel adds up the
time it was interpreted, and is compiled once this time, plus the expected time of the current call,
reaches the cost of the compiled form (importing Numba, then loading the kernel from the cache or else compiling
it). So a process takes at most about twice the optimal time, and small jobs never wait
for a compiler, whether or not another library has imported Numba. Large jobs announce themselves (`expect`) and run
compiled from the start. Both forms return the same values, bit for bit, with the same types.

Compiled code is cached next to the source, or in the user's cache folder if the source folder is read-only, or
not at all if neither is writable. With ``NUMBA_DISABLE_JIT=1`` everything is interpreted.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast

__all__ = [
    "LARGE",
    "Kernel",
    "cache_folder",
    "collected",
    "eager",
    "everything",
    "expect",
    "is_disabled",
    "kernel",
    "kernel_beside",
    "recorded",
    "seldom_collected",
    "wrapping",
]

P = ParamSpec("P")
R = TypeVar("R")

# Seconds, measured on one core of 2.5 GHz.
IMPORT = 2.5  # to import Numba (1.0 of it for SciPy, which Numba imports if installed), and to load the first kernels
LOAD = 0.02  # to read a kernel from the cache
INSTRUCTION = 2e-3  # to compile one instruction of bytecode
ELEMENT = 2e-6  # to interpret a kernel for one element of its input, until calls of the kernel give a better estimate
LARGE = 2_000_000  # for jobs of more characters, interpreting takes longer than compiling all kernels


Calls = dict[tuple["Kernel[..., Any]", Any], None]  # each kernel called with the types of its arguments, in order


class _Process:
    """State shared by all kernels of this process."""

    seconds = 0.0  # total time spent interpreting kernels
    expected = 0  # characters of the jobs announced to `expect`
    eager = False  # always run compiled kernels
    forced = False  # inside `eager(everything=True)`: also those for which plain Python is the usual way
    calls: Calls | None = None  # while calls are recorded: the kernels called, with the types of their arguments


class Kernel(Generic[P, R]):
    """A function over arrays; call it, or let `sized` choose for an input whose size is known."""

    def __init__(self, function: Callable[P, R], *, wraps: bool = False, arrays: Callable[P, R] | None = None) -> None:
        self.function = function
        self._arrays = arrays
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self._wraps = wraps
        self._seconds = 0.0
        self._elements = 0

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.sized(0 if "compiled" in self.__dict__ else _size(args))(*args, **kwargs)

    @cached_property
    def python(self) -> Callable[P, R]:
        """The interpreted form: the function itself, calling other kernels interpreted, or its NumPy equivalent where one was given."""
        return self._arrays or cast("Callable[P, R]", _bound(self.function, "python"))

    @cached_property
    def compiled(self) -> Callable[P, R]:
        """The Numba dispatcher, made at first use."""
        return partial(self._interpret, 0) if is_disabled() else _compile(self.function)

    @cached_property
    def inner(self) -> Callable[P, R]:
        """The Numba dispatcher for calls from other kernels: without the wrapper that takes Python's objects apart."""
        dispatcher: Any = _compile(self.function, no_cpython_wrapper=True)
        if not is_disabled():
            _forget_literals(dispatcher)
        return cast("Callable[P, R]", dispatcher)

    @cached_property
    def cached(self) -> bool:
        """Whether its compiled code is on disk. Looked up once."""
        folder = cache_folder(_compile(self.function))
        return folder is not None and any(folder.glob(f"*{_qualified(self.function)}-*.nbi"))

    @cached_property
    def cost(self) -> float:
        """About how many seconds it takes to compile, with all kernels that it calls."""
        return INSTRUCTION * sum(k.size for k in self.calls)

    @cached_property
    def size(self) -> int:
        """Instructions of its bytecode."""
        return len(self.function.__code__.co_code) // 2

    @cached_property
    def calls(self) -> set[Kernel[..., Any]]:
        """The kernel and all that it calls, and these in turn."""
        return {self}.union(*(k.calls for k in _globals(self.function).values() if isinstance(k, Kernel)))

    @cached_property
    def _overflows(self) -> bool:
        """Whether its integers, or those of a kernel that it calls, are meant to wrap around."""
        return any(k._wraps for k in self.calls)  # noqa: SLF001

    def sized(self, n: int) -> Callable[P, R]:
        """Return the form, compiled or interpreted, that is expected to be faster for an input of ``n`` elements."""
        if _Process.calls is not None:
            return partial(self._record, _Process.calls)
        if "compiled" in self.__dict__ or _Process.eager or self._pays(n):
            return self.compiled
        return partial(self._interpret, n)

    def interprets(self, n: int, start: float) -> bool:
        """Return whether an input of ``n`` elements is better left to plain Python that does the same, without the tables of the kernel.

        ``start`` is how many seconds the tables take to make. Even large jobs are left to Python until it has taken that long, plus the time to
        compile the kernel if it is not cached. The caller passes the seconds that Python took to `count`.
        """
        if is_disabled():
            return True
        if _Process.forced or "compiled" in self.__dict__:
            return False
        if _Process.calls is not None:
            return True
        spent = self._seconds + self._ahead(n)
        return spent < start or (spent < start + self.cost and not self.cached)  # asking the cache takes Numba

    def count(self, n: int, seconds: float) -> None:
        """Count the time that plain Python took for an input of ``n`` elements, as if the kernel had been interpreted."""
        self._seconds += seconds
        self._elements += n
        _Process.seconds += seconds

    def _ahead(self, n: int) -> float:
        return n * (self._seconds / self._elements if self._elements else ELEMENT)

    def _pays(self, n: int) -> bool:
        ahead = self._ahead(n)
        if self._seconds + ahead < LOAD or is_disabled():
            return False
        if "numba" not in sys.modules and _Process.seconds + ahead < IMPORT:
            return False
        return self._seconds + ahead > self.cost or self.cached

    def _interpret(self, n: int, *args: P.args, **kwargs: P.kwargs) -> R:
        start = time.thread_time()
        if self._overflows:
            import numpy as np

            with np.errstate(over="ignore"):
                found = self.python(*args, **kwargs)
        else:
            found = self.python(*args, **kwargs)
        self.count(n, time.thread_time() - start)
        return cast("R", _plain(found))

    def _record(self, calls: Calls, *args: P.args, **kwargs: P.kwargs) -> R:
        dispatcher: Any = self.compiled
        assert not kwargs, "kernels take their arguments by position"
        calls[self, tuple(map(dispatcher.typeof_pyval, args))] = None
        return self._interpret(0, *args, **kwargs)


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Make a kernel of a function that Numba can compile in nopython mode."""
    return Kernel(function)


def kernel_beside(arrays: Callable[P, R]) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a kernel whose interpreted form is ``arrays``, an equivalent in NumPy: for loops that are too slow in plain Python."""
    return partial(Kernel, arrays=arrays)


def wrapping(function: Callable[P, R]) -> Kernel[P, R]:
    """Make a kernel whose integers may overflow, as in hashes. When interpreted, NumPy's warnings about this are suppressed."""
    return Kernel(function, wraps=True)


def expect(characters: int) -> None:
    """Announce a job of this size. If the total of all jobs is large enough, kernels run compiled from now on."""
    _Process.expected += characters
    _Process.eager = _Process.eager or (_Process.expected >= LARGE and not is_disabled())


@contextmanager
def eager(*, everything: bool = False) -> Iterator[None]:
    """Run only compiled kernels inside the block; with ``everything`` also those that even large jobs use only if they need them."""
    before = _Process.eager, _Process.forced
    _Process.eager, _Process.forced = True, everything or _Process.forced
    try:
        yield
    finally:
        _Process.eager, _Process.forced = before


@contextmanager
def recorded() -> Iterator[Calls]:
    """Interpret everything inside the block, and record each kernel called with Numba's types of its arguments."""
    calls: Calls = {}
    _Process.calls = calls
    try:
        yield calls
    finally:
        _Process.calls = None


def seldom_collected() -> None:
    """Collect garbage rarely. For processes of our own: imports and Numba leave many objects that stay, and looking through them takes a tenth of the time.

    Long jobs call `collected` after each of their tasks.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def everything() -> bool:
    """Return whether kernels are to run wherever they can: inside `eager(everything=True)`."""
    return _Process.forced


def collected() -> None:
    """Collect the garbage of the last task. Call it after each task of a long job: a few objects that hold large arrays stay alive otherwise."""
    gc.collect(0)


def is_disabled() -> bool:
    """Return whether the user has disabled Numba's compiler."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _forget_literals(dispatcher: Any) -> None:
    """Make a dispatcher ignore literal types. Otherwise Numba compiles it again for each literal integer in a call, a tenth of all compile time."""
    from numba.core import types as known

    unliteral: Any = known.unliteral
    template = dispatcher.get_call_template
    dispatcher.get_call_template = lambda args, kws: template(tuple(map(unliteral, args)), {name: unliteral(a) for name, a in kws.items()})


def cache_folder(dispatcher: Any) -> Path | None:
    """Return the cache folder of a kernel, or None if it is not cached."""
    folder = getattr(dispatcher._cache, "cache_path", None)  # noqa: SLF001 - Numba tells it nowhere else
    return Path(folder) if folder else None


def _size(args: tuple[Any, ...]) -> int:
    """Return the size of the largest array among the arguments, including arrays in tuples."""
    return max((_size(a) if isinstance(a, tuple) else getattr(a, "size", 0) for a in args), default=0)


def _plain(value: Any) -> Any:
    """Convert NumPy scalars to Python scalars, as compiled code does."""
    if type(value) is tuple:
        return tuple(map(_plain, value))
    return value.item() if hasattr(value, "item") and hasattr(value, "dtype") and not hasattr(value, "__len__") else value


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: function.__globals__[name] for name in sorted(function.__code__.co_names) if name in function.__globals__}


def _digest(function: Callable[..., Any]) -> str:
    """Return a digest (12 hex digits) of the constants and kernels that a function uses, directly or through other kernels.

    It includes the names of the argument types, since cached code cannot be loaded after a class was renamed.
    """
    used = [
        (
            name,
            _digest(value.function),
            value.function.__code__.co_code,
            [c for c in value.function.__code__.co_consts if not hasattr(c, "co_code")],
        )
        if isinstance(value, Kernel)
        else (name, repr(value))
        for name, value in _globals(function).items()
        if isinstance(value, (Kernel, int, float, str, tuple))
    ]
    return hashlib.sha256(repr((function.__annotations__, used)).encode()).hexdigest()[:12]


def _qualified(function: Callable[..., Any]) -> str:
    """Return a cache name that includes a digest of what a function uses from other files, since Numba only notices changes of its own file."""
    return f"{function.__qualname__}.{_digest(function)}"


def _bound(function: Callable[P, R], form: str) -> Any:
    """Return a copy of a function that calls other kernels in the given form."""
    kernels = {name: getattr(value, form) for name, value in _globals(function).items() if isinstance(value, Kernel)}
    return types.FunctionType(function.__code__, {**function.__globals__, **kernels}, function.__name__, function.__defaults__)


def _compile(function: Callable[P, R], **options: Any) -> Callable[P, R]:
    from numba import njit as typed

    njit: Any = typed  # as Any: Numba's type stubs lack some of the options

    bound = _bound(function, "inner")
    bound.__module__ = function.__module__
    bound.__qualname__ = _qualified(function) + (".inner" if options else "")
    try:
        return cast("Callable[P, R]", njit(cache=True, nogil=True, **options)(bound))
    except RuntimeError:  # "no locator available": neither the source folder nor the user's cache can be written
        return cast("Callable[P, R]", njit(cache=False, nogil=True, **options)(bound))
