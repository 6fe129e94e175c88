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

_HOME = {
    "Changes": "changes",
    "Cleaned": "transform",
    "CleantextError": "errors",
    "ConfigError": "errors",
    "Decoded": "decode",
    "Duplicates": "dedup",
    "Edit": "edits",
    "EditError": "errors",
    "HostProfile": "chrome.hosts",
    "Index": "dedup.index",
    "InputError": "errors",
    "Law": "transform",
    "Page": "transform",
    "Pipeline": "pipeline",
    "Report": "report",
    "Rule": "chrome.rules",
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
    "learn": "chrome.learn",
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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cleantext' has no attribute {name!r}; public names: {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(f"cleantext.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """Keeps ``cleantext.decode`` the function: importing a submodule would put the module in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
