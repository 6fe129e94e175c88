"""The exceptions of cleantext.

::

    CleantextError
    ├── ConfigError      a preset, option or command line that cannot work
    ├── RuleError        a row of a rule pack that the loader refuses
    ├── InputError       a text, file or table that cannot be read as asked
    ├── EditError        edits that do not fit the text they are applied to
    └── SketchMismatch   sketches made under different specifications

Every message says what happened, where (file, line, page), and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "CleantextError",
    "ConfigError",
    "EditError",
    "InputError",
    "RuleError",
    "SketchMismatch",
    "did_you_mean",
    "nearest",
    "unknown",
    "wrong_type",
]


MOST = 30  # a message lists at most so many names; if there are more, only similar ones


class CleantextError(Exception):
    """Any failure that cleantext foresees and explains.

    >>> from cleantext.pipeline import Pipeline
    >>> try:
    ...     Pipeline.load("zh-wab")
    ... except CleantextError as error:
    ...     print(error)
    unknown preset 'zh-wab': did you mean 'zh-web'? Known: text, web, zh-web, zh-web-hant
    """


class ConfigError(CleantextError):
    """An invalid preset, option or command line.

    >>> from cleantext.script import unify_script
    >>> unify_script("發展", to="hanz")
    Traceback (most recent call last):
        ...
    cleantext.errors.ConfigError: unknown script 'hanz': did you mean 'hant'? ...
    """


class RuleError(CleantextError):
    r"""An invalid row of a rule pack.

    >>> from cleantext.chrome.rules.load_packs import load_pack
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pack = pathlib.Path(folder, "mine.toml")
    ...     _ = pack.write_text('[[line]]\nid = "mine.slogan"', "utf-8")
    ...     load_pack(str(pack))
    Traceback (most recent call last):
        ...
    cleantext.errors.RuleError: ...
    """


class InputError(CleantextError):
    """A text, file or table that cannot be read as asked.

    >>> from cleantext.dedup import find_duplicates
    >>> find_duplicates("發展")
    Traceback (most recent call last):
        ...
    cleantext.errors.InputError: texts: expected many strings, got one str: put it into a list
    """


class EditError(CleantextError):
    """Edits that do not fit the text they are applied to.

    >>> from cleantext.edits import Edit, apply
    >>> apply("发展", [Edit(0, 1, "發", "发", "script.character")])
    Traceback (most recent call last):
        ...
    cleantext.errors.EditError: ...
    """


class SketchMismatch(CleantextError):
    """Sketches with different specifications, which cannot be compared.

    >>> from cleantext.dedup import SketchSpec
    >>> SketchSpec(slots=16).check(SketchSpec(slots=32))
    Traceback (most recent call last):
        ...
    cleantext.errors.SketchMismatch: ...
    """


def wrong_type(value: object, expected: str = "str") -> TypeError:
    """Return a `TypeError` that names the expected type, and advises what to do with the given value.

    >>> print(wrong_type("發展".encode()))
    expected str, got bytes: decode bytes first, with cleantext.decode(data).text
    """
    message = f"expected {expected}, got {type(value).__name__}"
    if expected != "str":
        return TypeError(message)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return TypeError(f"{message}: decode bytes first, with cleantext.decode(data).text")
    if value is None or isinstance(value, float):
        return TypeError(f"{message}: leave missing texts out; columns that hold them go through Pipeline.arrow")
    return TypeError(f"{message}: give one text; many go through Pipeline.arrow, a page of HTML through cleantext.read_html")


def unknown(kind: str, name: object, known: Iterable[str], *, where: str = "") -> ConfigError:
    """Return a `ConfigError` about an unknown name that lists similar known names.

    >>> print(unknown("preset", "zh-wab", ["zh-web", "zh-careful"]))
    unknown preset 'zh-wab': did you mean 'zh-web'? Known: zh-careful, zh-web
    """
    names = sorted(known)
    near = nearest(name, names)
    hint = did_you_mean(name, names)
    listed = names if len(names) <= MOST else [*near, f"... ({len(names)} in all)"]
    return ConfigError(f"{where}unknown {kind} {name!r}: {hint}Known: {', '.join(listed)}")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return a question with the most similar known name, followed by a blank, or "".

    >>> did_you_mean("anchor", ["match", "anchors"]), did_you_mean("b", "ABC"), did_you_mean("x", ["anchors"])
    ("did you mean 'anchors'? ", "did you mean 'B'? ", '')
    """
    near = nearest(name, list(known))
    return f"did you mean {near[0]!r}? " if near else ""


def nearest(name: object, names: Sequence[str]) -> list[str]:
    """Return the most similar names, at most three, the best first. Differences in case do not count.

    >>> nearest("Anchor", ["anchors", "match"]), nearest("b", ["A", "B"])
    (['anchors'], ['B'])
    """
    same = [known for known in names if known.casefold() == str(name).casefold()]
    return same or difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
