"""Metadata salvage: the information in a removed line about its page is stored as data.

A line such as ``发布时间:2023-10-24 来源:石榴云 作者:陈蔷薇`` is read as pairs of labels and values.
Every value must have the shape that its label requires; if one does not, the whole line is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from cleantext.chrome.rules.pack import Pack, Rule
from cleantext.chrome.rules.value_shapes import shape

__all__ = ["Pair", "gather", "iso_date", "read_labels"]

_LEAD = shape("date")
_EDGE = " \t|丨·,;、/\\[]【】()〔〕-–—>"
_TRAILING_DATE = re.compile(rf"(?<![ |丨·])[ |丨·]+(?P<date>{_LEAD.pattern})$")
# A button at the end of the line without a separator: 【纠错】【责任编辑:秦岭】, (编辑:晓东)返回首页.
_TOOL = r"[\[【(]?(?:我要)?(?:纠错|打印|关闭|分享|收藏|我要评论|返回(?:首页|顶部|列表|上一页))[\]】)]?"
_TOOL_AHEAD = re.compile(rf"(?:{_TOOL}[ |·]*)+[\[【(]?$")
_TOOL_BEHIND = re.compile(rf"[\]】)](?:[ |·]*{_TOOL})+$")
_STAFF = re.compile(r"[a-zA-Z]{0,4}[_-]?\d{2,8}")
_PLACE = re.compile(r"[(（][\u3400-\u9fff]{2,4}[)）]$")  # 网易 adds the town of a newspaper after its name
_REPORTER = re.compile(
    r"(?:本?[报網网台社刊]?(?:[记記]者|通[讯訊][员員]|特派[员員]|[编編][译譯]|撰文|文|[图圖])[ :/：／]?|(?:作者|[编編][辑輯])[ :/：／])"
)
_DESPATCH = re.compile(r"[/／ ] ?[\u3400-\u9fff]{2,6}(?:报[导道]|報[導道])$")  # 記者陳怡君／台北報導: the place of reporting


class Pair(NamedTuple):
    """One label of a line, its rule, and the span of its value in the line."""

    rule: Rule | None  # None for a date before the first label
    start: int
    end: int


def read_labels(line: str, pack: Pack) -> list[Pair]:
    """Read a folded line as ``[date] label: value label: value``; return no pairs unless the whole line has this form.

    Offsets refer to ``line``.
    """
    labels = list(pack.label_pattern.finditer(line))
    if not labels:
        return []
    pairs: list[Pair] = []
    tools = _TOOL_BEHIND.search(line, labels[-1].end())
    behind = tools.start() if tools else len(line)
    lead = line[: labels[0].start()].strip(_EDGE)
    if lead and not _TOOL_AHEAD.fullmatch(line[: labels[0].start()].strip()):
        found = _LEAD.match(lead)
        rest = lead[found.end() :].strip(_EDGE) if found else lead
        at = line.index(lead)
        if not found or len(rest) > 15 or any(c in rest for c in "。!?;,"):
            return []
        pairs.append(Pair(None, at, at + found.end()))
    for label, following in zip(labels, [*labels[1:], None], strict=True):
        rules = pack.labels[label["label"][:-1].replace(" ", "")]
        start, end = label.end(), following.start() if following else behind
        while start < end and line[start] in _EDGE:
            start += 1
        while start < end and line[end - 1] in _EDGE and not _closes(line, start, end):
            end -= 1
        rule = _fitting(rules, line[start:end])
        if rule is None:
            trailing = _TRAILING_DATE.search(line, start, end)
            rule = _fitting(rules, line[start : trailing.start()]) if trailing else None
            if trailing is None or rule is None:
                return []
            pairs.append(Pair(None, trailing.start("date"), end))
            end = trailing.start()
        pairs.append(Pair(rule, start, end))
    return pairs


def _fitting(rules: list[Rule], value: str) -> Rule | None:
    """Return the first rule whose shape the value has."""
    return next((r for r in rules if shape(r.value).fullmatch(value)), None)


def _closes(line: str, start: int, end: int) -> bool:
    """Return whether the last character closes a bracket that was opened in the value."""
    pair = {")": "(", "]": "[", "】": "【", "〕": "〔"}.get(line[end - 1])
    return pair is not None and pair in line[start : end - 1]


def iso_date(raw: str) -> str | None:
    """Return the ISO 8601 form of a date as written on pages, with the same precision.

    >>> iso_date("2023年6月8日 09:03:16"), iso_date("2017-11-03"), iso_date("昨天")
    ('2023-06-08T09:03:16', '2017-11-03', None)
    """
    found = re.search(
        r"((?:19|20)\d\d) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2})(?:[^\d]{0,8}(\d{1,2})[:：时] ?(\d{1,2})(?:[:：分] ?(\d{1,2}))?)?", raw
    )
    if not found:
        return None
    year, month, day, hour, minute, second = (int(x) if x else None for x in found.groups())
    if not (1 <= (month or 0) <= 12 and 1 <= (day or 0) <= 31):
        return None
    date = f"{year:04d}-{month:02d}-{day:02d}"
    if hour is None or hour > 23 or (minute or 0) > 59 or (second or 0) > 59:
        return date
    return f"{date}T{hour:02d}:{minute:02d}" + (f":{second:02d}" if second is not None else "")


def gather(found: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Make metadata of (field, raw value) pairs in page order: the first value of a field is used, names are collected.

    >>> gather([("published", "2023-10-24"), ("author", "记者 何宁 通讯员周舟")])
    {'published': '2023-10-24', 'published_raw': '2023-10-24', 'author': ['何宁', '周舟']}
    """
    out: dict[str, Any] = {}
    for name, raw in found:
        value = raw.strip()
        if not value:
            continue
        if name == "published":
            if date := iso_date(value):
                out.setdefault("published", date)
                out.setdefault("published_raw", value)
        elif name in ("author", "editor"):
            known = out.setdefault(name, [])
            known += [n for n in _names(value) if n not in known]
        elif name in ("licence", "image_credit"):
            out.setdefault(name, []).append(value)
        else:
            out.setdefault(name, _PLACE.sub("", value) if name == "source" else value)
    return {k: v for k, v in out.items() if v}


def _names(value: str) -> list[str]:
    value = _REPORTER.sub("、", _DESPATCH.sub("", value))
    latin = re.fullmatch(r"[\x00-\x7f]+", value) is not None
    parts = re.split(r"[、,，/|&;；]" if latin else r"[、,，/|&;；\s]+", value)
    names = [p.strip(" :：()（）") for p in parts]
    people = [n for n in names if n and not _STAFF.fullmatch(n)]
    return people or [n for n in names if n]  # a code is better than no author
