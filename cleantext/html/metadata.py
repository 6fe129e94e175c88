"""What a document states about itself: title, time, source, authors, editors.

Order of trust: JSON-LD, meta tags, the heading that the title of the document repeats, then elements whose class says
what they hold. Values that name no one (a code number, the site's own name as author) are left out: a
wrong name is worse than none, and the text of the head is read once more by the rules for page chrome.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from cleantext.fold import letter
from cleantext.html.lines import Line, Part, Read
from cleantext.html.titles import best_headline
from cleantext.html.words import class_words, word_set

__all__ = ["page_metadata"]

PUBLISHED = (
    "article:published_time", "og:article:published_time", "datepublished", "pubdate", "publishdate", "publish_date", "publish-date", "og:release_date",
    "og:time", "publishtime", "publish_time", "pubtime", "article:create_at", "weibo:article:create_at", "dc.date.issued", "dcterms.issued",
    "dcterms.created", "dc.date", "date", "sailthru.date", "parsely-pub-date", "apub:time", "firstpublishedtime", "createdate",
)  # fmt: skip
TITLE = ("articletitle", "og:title", "twitter:title", "headline", "dc.title", "dcterms.title", "title", "parsely-title")
SOURCE = ("contentsource", "source", "article:source", "og:article:source", "mediaid", "copyrightholder", "dc.source", "laiyuan")
BLANK = re.compile(r"\s+")
MARKS = re.compile("[。！？；，“”]")
DATE = re.compile(
    r"(?<![0-9０-９])((?:19|20)[0-9０-９][0-9０-９])\s?[-/.年]\s?([0-9０-９]{1,2})\s?[-/.月]\s?([0-9０-９]{1,2})(?![0-9０-９])日?"
    r"(?:[T\s,，|星期周一二三四五六日天上下午格林尼治标准时间()（）]{0,16}?([0-9０-９]{1,2})\s?[:：时]\s?([0-9０-９]{2})(?:\s?[:：分]\s?([0-9０-９]{2})(?:\.[0-9０-９]+)?秒?)?)?(Z|[+-][0-9][0-9]:?[0-9][0-9])?"
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ENGLISH_DATE = re.compile(
    rf"\b({'|'.join(MONTHS)})[a-z]*\.?\s+([0-9０-９]{{1,2}})\s*(?:,\s*)?(?:[a-z]{{3,9}},?\s*)?((?:19|20)[0-9０-９][0-9０-９])\s*(?:([0-9０-９]{{1,2}}):([0-9０-９]{{2}}))?",
    re.IGNORECASE,
)
LABEL = re.compile(
    r"(?P<source>(?:信息|文章|稿件|消息|本文)?来源|(?:信息|文章|稿件|消息|本文)?來源|稿源|出处)\s*[:：]"
    rf"|(?P<author>(?<!{letter()})作\s?者|撰文|采写)\s*[:：︱|丨/]"
    rf"|(?P<editor>责任?\s?编辑?|責任編輯|(?<!{letter()})(?:编|編)\s?[辑輯])\s*[:：]"
    r"|(?P<other>标签|关键词|编审|审核|校对|摄影|字号|字体|浏览|阅读|点击|时间|日期|标题|签发|监制|分享到?)[^:：]{0,3}[:：]"
)
VALUE_END = re.compile(r"[\s\u3000]{2,}|[\t|｜\[\]【】]|(?<![\w·、])[）)]|[（(](?![^（()）]*[)）].)|\s(?=举报|(?:19|20)\d\d|我有话说|\d)")
WANTED = re.compile(r"[源处者文写编編辑輯]\s*[:：︱|丨/]")  # stands in every label that is wanted
HAN_SPACE = re.compile(r"(?<=[\u4e00-\u9fff])\s+")  # no name of a Chinese medium has a blank
NAMES = re.compile(r"[、,，;；/&]|\s+")
NAME = re.compile(rf"{letter()}{{2,4}}(?:·{letter()}{{1,8}})*|[A-Za-z][A-Za-z.' -]{{1,25}}[A-Za-z]?|[A-Za-z]{{1,3}}_?\d{{2,6}}")
CODE = re.compile(r"[\s_]{0,9}(?:[A-Z]{1,4}_?\d{2,6}|[A-Z]\d{3}|\d{1,20})$")
ROLE = re.compile(r"^(?:.{0,8}?(?:记者|記者)|通讯员|作者|文|评论员|编辑)[\s/:：]*")
SEPARATOR = re.compile(r"^[\s_【|\-–—·•@:：,，丨/>»]")
SUFFIX = re.compile(r"\s*(?:[_|丨]|\s[-–—·@»]+\s|--|[-–—](?=[^-–—]{2,10}$))\s*")
SOURCE_WORDS = word_set("source laiyuan where media origin publisher from")
AUTHOR_WORDS = word_set("author authors zuozhe writer byline nickname authi")
TIME_WORDS = word_set("time date pubtime pubdate publish published updated shijian riqi")
_PERSON = r"[\u3400-\u9fff]{2,4}(?:·[\u3400-\u9fff]{1,8})?"
# A line of its own under the title: 半月谈记者 石青 / 【文/某网专栏作者 石青】 / 文｜石青; on pages of people who publish themselves the day and a name.
BYLINE = re.compile(
    r"[【（(\[]?(?:文\s?[/／|｜︱丨]\s?)?(?!.{0,14}(?:摄影|视频|编辑))[^，。！？；：:\s]{0,14}(?:记者|記者|作者|通讯员|通訊員|撰稿人?|评论员|評論員)"
    rf"[\s/／|｜︱丨]+({_PERSON}(?:[、\s]+{_PERSON}){{0,3}})[】）)\]]?"
    rf"|[【（(\[]?文\s?[/／|｜︱丨]\s?({_PERSON}(?:[、\s]+{_PERSON}){{0,3}})[】）)\]]?"
    r"|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?: \d\d:\d\d(?::\d\d)?)?\s?[·•]\s?"
    rf"((?!.*(?:网|報|报|社|电视台|客户端)$){letter()}{{2,12}})"
)
# The foot of an article in a blog; before a date it would be that of a comment.
POSTED = re.compile(r"(\S{2,20}) (?:發表|发表)(?:在|於|于) (?!\d)\S.{0,40}")
# The hundred commonest family names: 。(石青) closes a report with its writer, 。(掌声) does not.
SURNAMES = (
    "王李张劉刘陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧肖程曹袁邓鄧许許傅沈曾彭吕呂苏蘇卢盧蒋蔣蔡贾賈丁魏薛叶葉阎閻余潘杜戴夏钟鍾汪田任姜范方石"
    "姚谭譚廖邹鄒熊金陆陸郝孔白崔康毛邱秦江史顾顧侯邵孟龙龍万萬段雷钱錢汤湯尹黎易常武乔喬贺賀赖賴龚龔文"
)
SIGNED = re.compile(rf"[。！？”][(（]([{SURNAMES}][\u3400-\u9fff]{{1,2}})[)）]$")
# What a site is called, when its name stands in front: 清河日报数字报-渡口重开.
SITE_NAME = re.compile(
    r".*(?:[网報报社刊]|電子版|电子版|数字报|在线|在線|论坛|論壇|博客|频道|頻道|门户|門戶|人民政府|委员会|Online|News|Blog)", re.IGNORECASE
)
POSTER = re.compile("^(?:張貼者|发布者|發佈者|發表者|楼主|文)[:：] ?")
POSTED_AT = re.compile(r"(?:posted (?:@|on|at)|[发發][布表佈][于於在]|[编編][辑輯][于於]) ?(?:19|20)\d\d", re.IGNORECASE)
STATES = re.compile("日期|[发發][布表佈稿]|刊登|刊载|刊載")  # a day without a time of day is that of publication beside such a word
HEADINGS = ("h1", "h2", "h3", "h4")
SHORTEST_TITLE = 5
LIKELY = 0.35  # of a headline among all lines that were asked; below, what the document states is taken
HEAD = 15  # lines after the title in which the facts about a page stand


def page_metadata(read: Read) -> dict[str, Any]:
    """Return the fields that the document states, those that it does not left out."""
    meta, ld = _meta(read), _article(read)
    title = _title(read, meta, ld)
    at = next((i for i, line in enumerate(read.lines) if title and line.text == title), 0)
    labelled = _labelled(read.lines, at)
    low = max(0, at - 5)
    raw, published = _published(read.lines[low : at + HEAD], at - low, meta, ld)
    if not published:  # the first post of a thread, or the foot of one in a blog
        posted = (iso_date(line.text) for line in read.lines[at:] if len(line.text) <= 80 and POSTED_AT.match(line.text))
        raw, published = next((pair for pair in posted if pair), ("", ""))
    parts = [p for p in read.parts if low <= p.line <= at + HEAD]
    parts += [Part(i, class_words(line.path.rpartition("/")[2]), line.text) for i, line in enumerate(read.lines[low : at + HEAD], low)]
    source = labelled.get("source") or _part(parts, SOURCE_WORDS, 20) or _first(meta, SOURCE)
    source = HAN_SPACE.split(LABEL.sub("", source).strip())[0]
    author = _names(labelled.get("author", "")) or _ld_names(ld.get("author"))
    if not author and (name := _part(parts, AUTHOR_WORDS, 16)) and name not in (source, title):
        author = [name]
    author = author or _byline(read.lines, at)
    if not author and (name := _first(meta, ("author", "og:article:author", "article:author"))) and NAME.fullmatch(name):
        author = [name] * any(
            name in line.text for line in read.lines[low : at + HEAD] if len(line.text) <= 40
        )  # many sites name themselves there
    editor = _names(labelled.get("editor", ""))
    found = {"title": title, "published": published, "published_raw": raw, "source": source, "author": author, "editor": editor}
    return {key: value for key, value in found.items() if value}


def _first(meta: Mapping[str, str], names: Iterable[str]) -> str:
    return next((meta[name] for name in names if meta.get(name)), "")


def stated_titles(read: Read) -> list[str]:
    """Return what a document says of its title: in ``<title>``, and in its meta tags or JSON-LD."""
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
    """Return the object of JSON-LD that is an article, empty where there is none."""
    return next((item for item in _json_ld(read.json_ld) if not {"headline", "datePublished", "pubDate"}.isdisjoint(item)), {})


def _title(read: Read, meta: Mapping[str, str], ld: Mapping[str, Any]) -> str:
    """Return the headline of a page, or what its document says of it where no line is likely one."""
    ruled = title_by_rules(read, meta, ld)
    found, sure = best_headline(read.lines, [read.title, _stated(meta, ld)], ruled)
    return found if sure >= LIKELY else ruled


def title_by_rules(read: Read, meta: Mapping[str, str] | None = None, ld: Mapping[str, Any] | None = None) -> str:
    """Return the line of the page that the title of the document begins with, or what else is nearest to a title."""
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
        linked and len(last) > max(4, len(best)) and not SITE_NAME.fullmatch(last)
    ):  # the name of a blog, a link to its front page, and the title behind it
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
    """Return the line of the page that the title of the document ends with, behind the name of its site."""
    parts = [part.strip() for part in SUFFIX.split(whole)]
    if len(parts) < 2 or len(parts[-1]) < 4 or not SITE_NAME.fullmatch(parts[0]) or SITE_NAME.fullmatch(parts[-1]):
        return ""
    return next((line.text for line in read.lines[:400] if line.text == parts[-1] and line.link_density < 0.5), "")


def _published(lines: Iterable[Line], title: int, meta: Mapping[str, str], ld: Mapping[str, Any]) -> tuple[str, str]:
    """Return the time of publication as written and in ISO 8601.

    What the head of the page shows comes first, if it has a time of day or agrees with what the document
    states, or begins a short line right under the title; of several on one day the most exact. The time of an update counts only where no other is there.
    """
    stated = [pair for name in PUBLISHED if (pair := iso_date(meta.get(name, "")))]
    stated += [pair for key in ("datePublished", "pubDate") if (pair := iso_date(str(ld.get(key, ""))))]
    days = {pair[1][:10] for pair in stated}
    shown: list[tuple[str, str]] = []
    updated: list[tuple[str, str]] = []
    for i, line in enumerate(lines):
        if len(line.text) > 120 or not (pair := iso_date(line.text)):
            continue
        leads = 0 < i - title < 4 and len(line.text) <= 60 and line.text.startswith(pair[0]) and not MARKS.search(line.text)
        leads = leads and line.text[len(pair[0]) :][:1] in " \u3000\xa0|·"
        if leads or len(pair[1]) > 10 or pair[1] in days or not TIME_WORDS.isdisjoint(line.tokens) or STATES.search(line.text):
            (updated if "更新" in line.text or "updated" in line.text.lower() else shown).append(pair)
    agreeing = [pair for pair in (*shown, *updated) if pair[1][:10] in days]
    found = agreeing or stated or shown or updated
    if not found:
        return "", ""
    same = [pair for pair in found if pair[1][:10] == found[0][1][:10]]
    if all(len(pair[1]) == 10 for pair in same):  # midnight is no time of day
        same += [pair for pair in stated if pair[1][:10] == found[0][1][:10] and not pair[1][10:].startswith("T00:00")]
    return max(same, key=lambda pair: len(pair[1].partition("+")[0]))


def iso_date(text: str) -> tuple[str, str] | None:
    """Return the first date in ``text`` as written and in ISO 8601, as exact as it is; local time unless an offset other than China's is stated.

    >>> iso_date("2020年09月11日 18:05 来源：商讯")
    ('2020年09月11日 18:05', '2020-09-11T18:05')
    """
    if match := DATE.search(text):
        year, month, day, hour, minute, second, offset = match.groups()
    elif match := ENGLISH_DATE.search(text):
        name, day, year, hour, minute = match.groups()
        month, second, offset = str(MONTHS.index(name.lower()[:3]) + 1), None, None
    else:
        return None
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    iso = f"{int(year)}-{int(month):02d}-{int(day):02d}"
    if hour is None or int(hour) > 23 or int(minute) > 59:
        return match[0].strip(), iso
    iso += f"T{int(hour):02d}:{int(minute):02d}" + (f":{int(second):02d}" if second and int(second) < 60 else "")
    return match[0].strip(), iso + (offset if offset and offset.replace(":", "") != "+0800" else "")


def _labelled(lines: list[Line], title: int) -> dict[str, str]:
    """Return the first value of each label: source in the head or in a closing line, author and editor anywhere after the title."""
    out: dict[str, str] = {}
    for i, line in enumerate(lines[max(0, title - 5) :], max(0, title - 5)):
        text = line.text
        if len(text) > 120 or not WANTED.search(text):
            continue
        labels = list(LABEL.finditer(text))
        for label, following in zip_longest(labels, labels[1:]):
            kind = str(label.lastgroup)
            if kind == "other" or kind in out or (label.start() > 60 and i > title + HEAD):
                continue
            value = text[label.end() : following.start() if following else None].strip(" \u3000\xa0")
            value = VALUE_END.split(value)[0].strip(" \u3000\xa0-—·,，;；)）")
            if 1 < len(value) <= 30 and not MARKS.search(value):
                out[kind] = value
    return out


def _byline(lines: list[Line], title: int) -> list[str]:
    """Return who signed: on a line of its own under the title, at the foot of a blog, or at the end of the one paragraph that closes so."""
    for line in lines[title + 1 : title + HEAD]:
        if match := BYLINE.fullmatch(line.text.strip()):
            return [match[3]] if match[3] else _names(match[1] or match[2])
    texts = [line.text.rstrip() for line in lines[title + 1 :]]
    posted = [match[1] for text in texts if (match := POSTED.fullmatch(text))]
    signed = [match[1] for text in texts if (match := SIGNED.search(text))]
    return posted[:1] if posted else signed if len(signed) == 1 else []


def _names(value: str) -> list[str]:
    """Split names of people: ``记者 何宁 周舟`` are two; what has not the shape of a name makes the list empty."""
    value = ROLE.sub("", value)
    names = []
    for word in NAMES.split(value):
        name = word if NAME.fullmatch(word) else CODE.sub("", word)
        name = name[:-1] if len(name) > 2 and name[-1] in "摄攝" else name  # who took the picture
        if not name:
            continue
        if not NAME.fullmatch(name):
            return []
        names.append(name)
    people = [name for name in names if not CODE.fullmatch(name)]
    return list(dict.fromkeys(people or names))


def _part(parts: Iterable[Part], wanted: frozenset[str], longest: int) -> str:
    """Return the text of the first part with such a name that holds a plain value."""
    for part in parts:
        text = POSTER.sub("", BLANK.sub(" ", part.text).strip())
        if (
            not wanted.isdisjoint(part.words)
            and 1 < len(text) <= longest
            and not DATE.search(text)
            and not LABEL.search(text)
            and not MARKS.search(text)
        ):
            return text
    return ""


def _ld_names(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    names = [item.get("name") if isinstance(item, dict) else item for item in found]
    return [name.strip() for name in names if isinstance(name, str) and 1 < len(name.strip()) <= 30]


def _json_ld(scripts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of JSON-LD scripts; what does not parse is passed over."""
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
