"""TOML files of users: rule packs, pipelines and host profiles are read in the same way, with the same error messages."""

from __future__ import annotations

import tomllib
from typing import Any

from cleantext.errors import CleantextError

__all__ = ["parsed", "text_of"]


def text_of(data: bytes, *, source: str, refuse: type[CleantextError]) -> str:
    r"""Decode the bytes of a TOML file, which is UTF-8 with or without a byte order mark. Raise ``refuse`` for any other encoding.

    >>> from cleantext.errors import ConfigError
    >>> text_of(b'\xef\xbb\xbfname = "mine"', source="mine.toml", refuse=ConfigError)
    'name = "mine"'
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + len(data) - len(error.object)  # the decoder has removed the byte order mark
        raise refuse(
            f"{source}:{data[:at].count(10) + 1}: not UTF-8: byte {at:,} is {data[at]:#04x}; open it in the encoding that it was "
            "written in (such as GBK), and save it as UTF-8"
        ) from error


def parsed(text: str, *, source: str, refuse: type[CleantextError]) -> dict[str, Any]:
    """Parse the text of a TOML file. Raise ``refuse`` if it is invalid.

    >>> from cleantext.errors import ConfigError
    >>> parsed("a = 1", source="mine.toml", refuse=ConfigError)
    {'a': 1}
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also for numbers that are too long and lists that are too deep
        raise refuse(f"{source}: not valid TOML: {error}") from error
