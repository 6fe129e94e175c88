"""Metadata stated by a document: title, time, source, authors, editors.

Order of trust: JSON-LD, meta tags, the heading that the title of the document repeats, then elements whose class names
describe their content. Values that are not names (a code number, the site's own name as author) are left out: a
wrong name is worse than none, and the rules for page chrome read the lines at the head again.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cleantext.html.metadata.bylines import read_byline
from cleantext.html.metadata.dates import published
from cleantext.html.metadata.headline import best_headline, is_site_name
from cleantext.html.parsing.visible_lines import Read

__all__ = ["page_metadata"]

TITLE = ("articletitle", "og:title", "twitter:title", "headline", "dc.title", "dcterms.title", "title", "parsely-title")
SOURCE = ("contentsource", "source", "article:source", "og:article:source", "mediaid", "copyrightholder", "dc.source", "laiyuan")
AUTHOR = ("author", "og:article:author", "article:author")
BLANK = re.compile(r"\s+")
SEPARATOR = re.compile(r"^[\s_【|\-–—·•@:：,，丨/>»]")
SUFFIX = re.compile(r"\s*(?:[_|丨]|\s[-–—·@»]+\s|--|[-–—](?=[^-–—]{2,10}$))\s*")
HEADINGS = ("h1", "h2", "h3", "h4")
SHORTEST_TITLE = 5
LIKELY = 0.35  # minimum probability of a headline among all lines considered; below it, the stated title is used
HEAD = 15  # lines after the title in which date, source and author are expected


def page_metadata(read: Read) -> dict[str, Any]:
    """Return the fields that the document states; others are left out."""
    meta, ld = _meta(read), _article(read)
    title = _title(read, meta, ld)
    at = next((i for i, line in enumerate(read.lines) if title and line.text == title), 0)
    raw, date = published(read.lines, at, meta, ld)
    stated = _first(meta, SOURCE), _first(meta, AUTHOR), ld.get("author")
    site = [meta.get("og:site_name", ""), meta.get("application-name", ""), *SUFFIX.split(read.title)[1:]]
    byline = read_byline(read.lines, read.parts, at, stated, site)
    found = {"title": title, "published": date, "published_raw": raw, **byline._asdict()}
    return {key: value for key, value in found.items() if value}


def _first(meta: Mapping[str, str], names: Iterable[str]) -> str:
    return next((meta[name] for name in names if meta.get(name)), "")


def stated_titles(read: Read) -> list[str]:
    """Return the titles stated by a document: in ``<title>``, and in its meta tags or JSON-LD."""
    return [read.title, _stated(_meta(read), _article(read))]


def _stated(meta: Mapping[str, str], ld: Mapping[str, Any]) -> str:
    return _first(meta, TITLE) or str(ld.get("headline") or ld.get("title") or "")


def _meta(read: Read) -> dict[str, str]:
    """Return the first content of each meta tag by its name."""
    meta: dict[str, str] = {}
    for name, content in read.meta:
        meta.setdefault(name.replace(" ", ""), content)
    return meta


def _article(read: Read) -> dict[str, Any]:
    """Return the JSON-LD object that is an article, empty if there is none."""
    return next((item for item in _json_ld(read.json_ld) if not {"headline", "datePublished", "pubDate"}.isdisjoint(item)), {})


def _title(read: Read, meta: Mapping[str, str], ld: Mapping[str, Any]) -> str:
    """Return the headline of a page, or if no line is a likely headline the title that the document states."""
    ruled = title_by_rules(read, meta, ld)
    found, sure = best_headline(read.lines, [read.title, _stated(meta, ld)], ruled)
    return found if sure >= LIKELY else ruled


def title_by_rules(read: Read, meta: Mapping[str, str] | None = None, ld: Mapping[str, Any] | None = None) -> str:
    """Return the line of the page that is the beginning of the document title, or what is nearest to a title otherwise."""
    meta, ld = _meta(read) if meta is None else meta, _article(read) if ld is None else ld
    whole = BLANK.sub(" ", read.title).strip()
    best, heads, linked, last = "", [], False, ""
    for line in read.lines[:400]:
        text = line.text
        if line.tag == "h1" and line.link_density < 0.5:
            heads.append(text)
        if (
            len(best) < len(text) <= len(whole)
            and whole.startswith(text)
            and (len(text) == len(whole) or SEPARATOR.match(whole[len(text) :]))
        ):
            best, linked = text, line.link_density >= 0.5
        if line.tag in HEADINGS and len(last) < len(text) < len(whole) and whole.endswith(text) and SEPARATOR.match(whole[-len(text) - 1]):
            last = text
    if (
        linked and len(last) > max(4, len(best)) and not is_site_name(last)
    ):  # the name of a blog, a link to its front page, and the title after it
        return last
    if best and (len(best) >= 5 or 2 * len(best) >= len(whole) or best in heads):
        return best
    stated = _stated(meta, ld)
    texts = (line.text for line in read.lines[:400] if len(line.text) >= SHORTEST_TITLE)
    if begun := max(
        (t for t in texts if stated.startswith(t) and len(t) < len(stated) and SEPARATOR.match(stated[len(t) :])), key=len, default=""
    ):
        return begun
    if len(heads) == 1 and (not whole or heads[0][:6] in whole + stated):
        return heads[0]
    return stated or _after_site(read, whole) or SUFFIX.split(whole)[0].strip()


def _after_site(read: Read, whole: str) -> str:
    """Return the line of the page that is the end of the document title, after the name of its site."""
    parts = [part.strip() for part in SUFFIX.split(whole)]
    if len(parts) < 2 or len(parts[-1]) < 4 or not is_site_name(parts[0]) or is_site_name(parts[-1]):
        return ""
    return next((line.text for line in read.lines[:400] if line.text == parts[-1] and line.link_density < 0.5), "")


def _json_ld(scripts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON-LD scripts; those with syntax errors are skipped."""
    for script in scripts:
        try:
            pending = deque([json.loads(script, strict=False)])
        except (ValueError, RecursionError):
            continue
        while pending:
            item = pending.popleft()
            if isinstance(item, list):
                pending.extendleft(reversed(item[:50]))
            elif isinstance(item, dict):
                yield item
                pending.extend([item["@graph"]] if "@graph" in item else [])
