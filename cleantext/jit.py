"""Kernels: plain Python functions over arrays, compiled by Numba when the work is worth it.

A kernel is written once. On long inputs it runs compiled; on one short string it runs as the
Python that it is, so that a single call never waits for Numba to be imported. Compiled code is
cached beside the source, or in the user's cache where the source folder is read-only, and
without a cache where there is neither.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast

__all__ = ["Kernel", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")

# Below this many elements interpreting costs less than `import numba` does (0.4 s).
SHORT = 20_000


class Kernel(Generic[P, R]):
    """A function over arrays; call it to run compiled, or let `sized` choose."""

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.compiled(*args, **kwargs)

    @cached_property
    def python(self) -> Callable[P, R]:
        """The function as Python, which calls other kernels as Python too."""
        return cast("Callable[P, R]", _bound(self.function, "python"))

    @cached_property
    def compiled(self) -> Callable[P, R]:
        """The Numba dispatcher, made at first use; Python where ``NUMBA_DISABLE_JIT`` is set."""
        from numba import config

        return _wrapping(self.python) if config.DISABLE_JIT else _compile(self.function)  # type: ignore[attr-defined]  # Numba sets it as it loads

    @property
    def cached(self) -> bool:
        """Whether compiled code of it is on disk, or cannot be put there."""
        dispatcher: Any = self.compiled
        folder = getattr(getattr(dispatcher, "_cache", None), "cache_path", None)  # Numba tells it nowhere else
        return folder is None or any(Path(folder).glob(f"*{dispatcher.py_func.__qualname__}-*.nbi"))

    def sized(self, n: int) -> Callable[P, R]:
        """Return what runs ``n`` elements soonest: compiled code once Numba is there, else Python."""
        return self.compiled if n > SHORT or "numba" in sys.modules else self.python


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Make a kernel of a function that Numba can compile in nopython mode."""
    return Kernel(function)


def _digest(function: Callable[..., Any]) -> str:
    """Return 12 hex digits of the constants and kernels that a function uses, and these in turn."""
    used = {name: function.__globals__[name] for name in sorted(function.__code__.co_names) if name in function.__globals__}
    said = [
        (
            name,
            _digest(value.function),
            value.function.__code__.co_code,
            [c for c in value.function.__code__.co_consts if not hasattr(c, "co_code")],
        )
        if isinstance(value, Kernel)
        else (name, repr(value))
        for name, value in used.items()
        if isinstance(value, (Kernel, int, float, str, tuple))
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:12]


def _bound(function: Callable[P, R], form: str) -> Any:
    """Return a copy of a function that finds other kernels in one of their forms."""
    used = {name: value for name, value in function.__globals__.items() if name in function.__code__.co_names}
    kernels = {name: getattr(value, form) for name, value in used.items() if isinstance(value, Kernel)}
    return types.FunctionType(function.__code__, {**function.__globals__, **kernels}, function.__name__, function.__defaults__)


def _wrapping(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function whose numpy integers wrap around without a warning, as compiled ones do: hashes count on it."""
    import numpy as np

    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(over="ignore"):
            return function(*args, **kwargs)

    return wrapped


def _compile(function: Callable[P, R]) -> Callable[P, R]:
    from numba import njit

    bound = _bound(function, "compiled")
    bound.__module__ = function.__module__
    # Numba compiles anew when the file of a function has changed. What the function takes from other files, it finds in this name.
    bound.__qualname__ = f"{function.__qualname__}.{_digest(function)}"
    try:
        return cast("Callable[P, R]", njit(cache=True, nogil=True)(bound))
    except RuntimeError:  # "no locator available": neither the source folder nor the user's cache can be written
        return cast("Callable[P, R]", njit(cache=False, nogil=True)(bound))
