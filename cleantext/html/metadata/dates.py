"""Dates as written on pages, and the choice of the publication date among them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleantext.html.parsing.class_words import word_set

if TYPE_CHECKING:
    from cleantext.html.parsing.visible_lines import Line

__all__ = ["DATE", "MARKS", "iso_date", "published"]

HEAD = 15  # lines after the title in which date, source and author are expected
PUBLISHED = (
    "article:published_time", "og:article:published_time", "datepublished", "pubdate", "publishdate", "publish_date", "publish-date", "og:release_date",
    "og:time", "publishtime", "publish_time", "pubtime", "article:create_at", "weibo:article:create_at", "dc.date.issued", "dcterms.issued",
    "dcterms.created", "dc.date", "date", "sailthru.date", "parsely-pub-date", "apub:time", "firstpublishedtime", "createdate",
)  # fmt: skip
MARKS = re.compile("[。！？；，“”]")
_N = "[0-9０-９]"
DATE = re.compile(
    rf"(?<!{_N})((?:19|20){_N}{_N})\s?[-/.年]\s?({_N}{{1,2}})\s?[-/.月]\s?({_N}{{1,2}})(?!{_N})日?"
    rf"(?:[T\s,，|星期周一二三四五六日天上下午格林尼治标准时间()（）A-Z]{{0,16}}?({_N}{{1,2}})\s?[:：时]\s?({_N}{{2}})(?:\s?[:：分]\s?({_N}{{2}})(?:\.{_N}+)?秒?)?)?(Z|[+-][0-9][0-9]:?[0-9][0-9])?"
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ENGLISH_DATE = re.compile(
    rf"\b({'|'.join(MONTHS)})[a-z]*\.?\s+({_N}{{1,2}})(?:st|nd|rd|th)?\s*(?:,\s*)?(?:[a-z]{{3,9}},?\s*)?((?:19|20){_N}{_N})\s*(?:,?\s*(?:at )?({_N}{{1,2}}):({_N}{{2}})(?:\s?([ap]m)\b)?)?",
    re.IGNORECASE,
)
DAY_FIRST = re.compile(
    rf"(?<!{_N})({_N}{{1,2}})(?:st|nd|rd|th)?\s+({'|'.join(MONTHS)})[a-z]*\.?,?\s+((?:19|20){_N}{_N})(?:,?\s+({_N}{{1,2}}):({_N}{{2}}))?",
    re.IGNORECASE,
)
MONTH_FIRST = re.compile(rf"(?<!{_N})({_N}{{1,2}})月\s?({_N}{{1,2}})日?,?\s((?:19|20){_N}{_N})(?!{_N})")
SLASHED = re.compile(
    r"(?<![\d/])(\d{1,2})/(\d{1,2})/((?:19|20)\d\d)(?![\d/])(?:,?\s+(\d{1,2}):(\d\d)(?::(\d\d))?(?:\s?([ap]m)\b)?)?", re.IGNORECASE
)
SHORT_YEAR = re.compile(r"(?<![\d.-])(\d\d)-(\d\d)-(\d\d)\s+(\d{1,2}):(\d\d)(?::(\d\d))?(?!\d)")  # only with a time of day
YEAR = re.compile(rf"(?:19|20){_N}|\d\d-\d\d-\d\d\s")  # occurs in every date that is read
TIME_WORDS = word_set("time date pubtime pubdate publish published updated shijian riqi")
POSTED_AT = re.compile(r"(?:posted (?:@|on|at)|[发發][布表佈][于於在]|[编編][辑輯][于於]) ?(?:19|20)\d\d", re.IGNORECASE)
STATES = re.compile(
    "(?:^|[^\u3400-\u9fff名至])(?:日期|时间|時間)|[发發][布表佈稿]|刊登|刊载|刊載|作者|创建|創建|posted|published", re.IGNORECASE
)  # occurs next to the publication date
WEEKDAY = re.compile(r"[\s()（）,，]|星期.|周[一二三四五六日]|礼拜.")
PLACE = re.compile(r"\[\d+\]")
LINKED = 10  # characters of a link next to a date: it leads to another page
OFTEN = 3  # this many dates of one form are those of items or comments


def iso_date(text: str) -> tuple[str, str] | None:
    """Return the first date in ``text`` as written and in ISO 8601, with the same precision; local time unless an offset other than China's is stated.

    >>> iso_date("2020年09月11日 18:05 来源：商讯")
    ('2020年09月11日 18:05', '2020-09-11T18:05')
    >>> iso_date("7/5/2005 9:23:57 PM"), iso_date("21-03-04 09:20")
    (('7/5/2005 9:23:57 PM', '2005-07-05T21:23:57'), ('21-03-04 09:20', '2021-03-04T09:20'))
    """
    if not ("20" in text or "19" in text or "-" in text) or not YEAR.search(text):
        return None
    second = offset = half = None
    hour: str | None
    minute: str | None
    if match := DATE.search(text):
        year, month, day, hour, minute, second, offset = match.groups()
        if hour and ("下午" in match[0] or "晚上" in match[0]):
            half = "pm"
    elif match := ENGLISH_DATE.search(text):
        name, day, year, hour, minute, half = match.groups()
        month = str(MONTHS.index(name.lower()[:3]) + 1)
    elif match := DAY_FIRST.search(text):
        day, name, year, hour, minute = match.groups()
        month = str(MONTHS.index(name.lower()[:3]) + 1)
    elif match := MONTH_FIRST.search(text):
        month, day, year = match.groups()
        hour = minute = None
    elif match := SLASHED.search(text):
        month, day, year, hour, minute, second, half = match.groups()
        if int(month) > 12:
            month, day = day, month
    elif match := SHORT_YEAR.search(text):
        year, month, day, hour, minute, second = match.groups()
        year = "20" + year
    else:
        return None
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    iso = f"{int(year)}-{int(month):02d}-{int(day):02d}"
    if hour is not None and half:
        hour = str(int(hour) % 12 + 12 * (half.lower() == "pm")) if int(hour) <= 12 else hour
    if hour is None or minute is None or int(hour) > 23 or int(minute) > 59:
        return match[0].strip(), iso
    iso += f"T{int(hour):02d}:{int(minute):02d}" + (f":{int(second):02d}" if second and int(second) < 60 else "")
    return match[0].strip(), iso + (offset if offset and offset.replace(":", "") != "+0800" else "")


def published(lines: Sequence[Line], title: int, meta: Mapping[str, str], ld: Mapping[str, Any]) -> tuple[str, str]:
    """Return the time of publication as written and in ISO 8601; empty if there is none.

    The dates in the head of the page come first, if they have a time of day, agree with what the document
    states, or begin a short line right under the title; of several on one day the most precise. The time of an update is used only if there
    is no other. Next comes the foot of the first post. Several dates of one form are those of the items of a list, or of comments.
    """
    stated = [pair for name in PUBLISHED if (pair := iso_date(meta.get(name, "")))]
    stated += [pair for key in ("datePublished", "pubDate") if (pair := iso_date(str(ld.get(key, ""))))]
    low = max(0, title - 5)
    dated = [(i, line, pair) for i, line in enumerate(lines[low:], low) if len(line.text) <= 120 and (pair := iso_date(line.text))]
    forms = Counter(PLACE.sub("", line.path) for _, line, _ in dated)
    found = _shown([one for one in dated if one[0] < title + HEAD], title, {pair[1][:10] for pair in stated}, forms)
    found = found if stated and found and found[0][1][:10] in {pair[1][:10] for pair in stated} else (stated or found)
    if not found:  # the first post of a thread, or the foot of a blog post
        below = [(line, pair) for i, line, pair in dated if i >= title and len(line.text) <= 80]
        told = (pair for line, pair in below if POSTED_AT.match(line.text))
        told_so = (
            pair
            for line, pair in below
            if forms[PLACE.sub("", line.path)] < OFTEN
            and not MARKS.search(line.text.replace(pair[0], ""))
            and (STATES.search(line.text) or not TIME_WORDS.isdisjoint(line.tokens))
        )
        alone = (
            pair
            for _, line, pair in dated
            if forms[PLACE.sub("", line.path)] < OFTEN and not WEEKDAY.sub("", line.text.replace(pair[0], ""))
        )
        return next(told, None) or next(told_so, None) or next(alone, ("", ""))
    same = [pair for pair in found if pair[1][:10] == found[0][1][:10]]
    if all(len(pair[1]) == 10 for pair in same):  # midnight is not a time of day
        same += [pair for pair in stated if pair[1][:10] == found[0][1][:10] and not pair[1][10:].startswith("T00:00")]
    return max(same, key=lambda pair: len(pair[1].partition("+")[0]))


def _shown(
    dated: Iterable[tuple[int, Line, tuple[str, str]]], title: int, days: set[str], forms: Mapping[str, int]
) -> list[tuple[str, str]]:
    """Return the dates that the head of a page shows as its own; if some agree with the stated ``days``, only those."""
    shown: list[tuple[str, str]] = []
    updated: list[tuple[str, str]] = []
    for i, line, pair in dated:
        rest = line.text.replace(pair[0], "")
        leads = 0 < i - title < 4 and len(line.text) <= 60 and line.text.startswith(pair[0]) and not MARKS.search(line.text)
        leads = (leads and (not rest or rest[:1] in " \u3000\xa0|·")) or (not rest and abs(i - title) < 4)
        if line.link_density >= 0.5 and len(rest) > LINKED and pair[1][:10] not in days:
            continue
        named = not TIME_WORDS.isdisjoint(line.tokens) or (STATES.search(line.text) and not MARKS.search(rest))
        if pair[1][:10] not in days and forms[PLACE.sub("", line.path)] >= OFTEN and not (leads and i - title < 2):
            continue
        if leads or len(pair[1]) > 10 or pair[1] in days or named:
            (updated if "更新" in line.text or "updated" in line.text.lower() else shown).append(pair)
    return [pair for pair in (*shown, *updated) if pair[1][:10] in days] or shown or updated
