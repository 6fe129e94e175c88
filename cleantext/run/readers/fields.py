"""Which field of a record holds what: named by the user, or found by the names that datasets commonly use."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from cleantext.errors import ConfigError

__all__ = ["Chosen", "Fields", "field_of", "host_in", "id_of_url", "integer_of", "number_of"]

WHOLE = 2**53  # floats below this can be converted back to the integers that they were in a table without integer columns
Kind = Literal["text", "html", ""]

# Names in public datasets for the fields that a run needs, the most common one first.
TEXT = ("text", "content", "raw_content", "maintext", "article", "body", "data.text", "data.content")
HTML = ("html", "raw_html", "html_content", "data.html")
IDS = ("id", "_id", "doc_id", "docid", "uuid")
URLS = ("url", "uri", "link", "source_url", "page_url", "warc_target_uri", "meta.url", "metadata.url", "data.url")
HOSTS = ("host", "domain", "hostname")
PUBLISHED = ("published", "publish_date", "publish_time", "pub_date", "pubdate", "date")
PLAIN = ("text", "data.text")  # content with these names is text; other content may be HTML, which its first characters decide


_ADDRESS = re.compile(r"[a-z]+://[\w.:-]+(?=[/?#]|\Z)", re.ASCII)  # everything that the host of an ordinary address depends on


@dataclass(frozen=True)
class Fields:
    """The names of the fields of a record, each empty to look for the usual names.

    ``meta.id`` is the field ``id`` of the field ``meta``. ``value`` is a number or date that decides which copy of duplicates is kept.
    >>> Fields().chosen({"url", "html", "title"}.__contains__)
    Chosen(content='html', kind='html', id='', url='url', host='', published='', value='')
    """

    text: str = ""
    html: str = ""
    id: str = ""
    url: str = ""
    host: str = ""
    published: str = ""
    value: str = ""

    def __post_init__(self) -> None:
        if self.text and self.html:
            raise ConfigError(f"a text ({self.text}) and HTML ({self.html}): name the one that holds the pages (--text or --html)")

    def chosen(self, has: Callable[[str], bool]) -> Chosen:
        """Return the fields that records have. Raise `KeyError` with a given name that is missing, or with the names that were looked for."""
        for name in (self.text, self.html, self.id, self.url, self.host, self.published, self.value):
            if name and not has(name):
                raise KeyError(name)
        kind: Kind = ""
        if self.text or self.html:
            content, kind = self.text or self.html, "text" if self.text else "html"
        elif content := _first(TEXT, has):
            kind = "text" if content in PLAIN else ""
        elif content := _first(HTML, has):
            kind = "html"
        else:
            raise KeyError("text")
        name, url, host, published = (given or _first(names, has) for given, names in self._searched())
        return Chosen(content, kind, name, url, host, published, self.value)

    def _searched(self) -> Sequence[tuple[str, Sequence[str]]]:
        return ((self.id, IDS), (self.url, URLS), (self.host, HOSTS), (self.published, PUBLISHED))


@dataclass(frozen=True)
class Chosen:
    """The fields of the records of one file; empty means missing. If ``kind`` is empty, each content decides whether it is HTML."""

    content: str
    kind: Kind
    id: str
    url: str
    host: str
    published: str
    value: str

    @cached_property
    def carried_not(self) -> set[str]:
        """The fields that are not carried through, since they become columns of their own."""
        return {self.content, self.id, self.url} - {""}


def _first(names: Sequence[str], has: Callable[[str], bool]) -> str:
    return next(filter(has, names), "")


def field_of(record: Mapping[str, Any], name: str) -> Any:
    """Return a field of a record by its name or its path. Raise `KeyError`.

    >>> field_of({"data": {"text": "甲"}}, "data.text"), field_of({"data.text": "乙"}, "data.text")
    ('甲', '乙')
    """
    if name in record:
        return record[name]
    held: Any = record
    for part in name.split("."):
        if not isinstance(held, dict) or part not in held:
            raise KeyError(name)
        held = held[part]
    return held


def integer_of(name: Any) -> str | int:
    """Return an id: a string, or an integer, also from a float in a table without integer columns. Raise `TypeError` for anything else."""
    if isinstance(name, float) and math.isfinite(name) and name == int(name) and abs(name) < WHOLE:
        return int(name)  # pandas writes integer columns with missing values as floats
    if name is None or not isinstance(name, (str, int)) or isinstance(name, bool):
        raise TypeError(f"id {name!r}: ids are strings or integers")
    if isinstance(name, str):
        name.encode()
    return name


def number_of(value: Any, name: str) -> float | None:
    """Return the value that decides which copy is kept. Raise `TypeError` if it is not a number."""
    if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool)):
        raise TypeError(f"field {name!r} is no number: {value!r}")
    return value


def host_in(url: str | None) -> str | None:
    """Return the host of an address, or None if it has none.

    >>> host_in("https://News.example.cn:8080/a.html"), host_in("mailto:a@example.cn"), host_in(None)
    ('news.example.cn', None, None)
    """
    if url and (found := _ADDRESS.match(url)):
        return _host(found[0])  # a crawl repeats the same few hosts
    return _host(url) if url else None


@lru_cache(1 << 14)
def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None


def id_of_url(url: str) -> str:
    """Return the id made from an address: without its scheme and fragment, like the file name in a mirror of the site.

    >>> id_of_url("https://news.example.cn/a/1.html#top")
    'news.example.cn/a/1.html'
    """
    rest = url.partition("://")[2] or url
    return rest.partition("#")[0].strip()


def no_field(where: str, name: str, has: Sequence[str]) -> str:
    """Return a message on a table that lacks a field that was named, or any that could be the text, with what to do."""
    return f"{where}: no column {name!r}; it has {', '.join(has) or 'none'}: name the right one (--text, --html, --id)"
