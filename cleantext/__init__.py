"""cleantext: crawled web pages, Chinese first, into a corpus. Every change is explained and reversible.

>>> import cleantext as ct
>>> ct.unify_script("發展新疆")
'发展新疆'

Importing this package loads none of its parts; each name is loaded when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

# The module of each public name. Type checkers and editors read __init__.pyi; a test compares the two.
_HOME = {
    "Changes": "changes",
    "Cleaned": "transform",
    "CleantextError": "errors",
    "ConfigError": "errors",
    "Decoded": "decode",
    "Duplicates": "dedup",
    "Edit": "edits",
    "EditError": "errors",
    "HostProfile": "chrome.hosts.profiles",
    "Index": "dedup.index",
    "InputError": "errors",
    "Law": "transform",
    "Page": "transform",
    "Pipeline": "pipeline",
    "Report": "report",
    "Rule": "chrome.rules.pack",
    "RuleError": "errors",
    "Script": "script",
    "SketchMismatch": "errors",
    "SketchSpec": "dedup",
    "Transform": "transform",
    "apply": "edits",
    "clean": "pipeline",
    "clean_files": "run.job",
    "clean_html": "pipeline",
    "compose": "edits",
    "decode": "decode",
    "detect_script": "script",
    "explain": "pipeline",
    "find_duplicates": "dedup",
    "learn": "chrome.hosts.repeated_lines",
    "normalize": "normalize",
    "read_html": "html",
    "repair": "repair",
    "revert": "edits",
    "shingle_hash": "dedup",
    "strip_chrome": "chrome",
    "unify_script": "script",
    "warm": "warm",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 - strings all


class _Package(ModuleType):
    """The class of this module: it loads public names lazily, and keeps submodules from replacing functions of the same name.

    ``cleantext.decode``, ``normalize``, ``repair`` and ``warm`` are both functions and modules. Importing a module sets it as
    an attribute of its package; only the class of the package can prevent this.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'cleantext' has no attribute {name!r}; public names: {', '.join(__all__)}")
        value = getattr(import_module(f"cleantext.{_HOME[name]}"), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return [*__all__, "__version__"]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by name like other modules: cloudpickle and dill only recognise modules of the plain class."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package
