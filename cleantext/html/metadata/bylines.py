"""Authors and original source of a page, from its lines: labels, bylines, datelines, signatures.

Values that are not names are left out: a code number, the name of a site as its author, a label of the next field. A wrong
name is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple

from cleantext.fold import letter
from cleantext.html.metadata.dates import DATE, MARKS, iso_date
from cleantext.html.parsing.class_words import class_words, word_set
from cleantext.html.parsing.visible_lines import Line, PagePart

__all__ = ["Byline", "read_byline", "split_names"]

HEAD = 15  # lines after the title in which date, source and author are expected
LEAD = 60  # characters at the start of a paragraph that may contain its dateline
LONGEST = 120  # characters of a line with labels
FOOT = 20  # lines before the end of the text that may contain a signature
LABEL = re.compile(
    r"(?P<source>(?:信息|文章|稿件|消息|本文)?(?:来源|來源)|稿源|出处|出處|(?<![\w])出版社(?=\s?[:：])|出自(?=\s?[\[:：]))\s*[:：\[]"
    r"|(?P<author>(?<![合工协協创創制写寫著])作\s?者|撰文|采写|採訪)\s*[:：︱|丨/]"
    r"|(?P<sender>(?<!\w)(?:来自|來自))\s?[:：]"
    r"|(?P<translator>翻译|译者|翻譯|譯者)\s*[:：]"
    rf"|(?P<editor>责任?\s?编辑?|責任編輯|(?<!{letter()})(?:编|編)\s?[辑輯])\s*[:：]"
    r"|(?P<other>标签|关键词|编审|审核|校对|摄影|字号|字体|浏览|阅读|点击|访问|时间|日期|标题|签发|监制|统计|分享到?)[^:：]{0,3}[:：]"
)
WANTED = re.compile(r"[源处處者文写譯译编編辑輯自社翻訪]\s*[:：︱|丨/\[]")  # occurs in every label of interest
VALUE_END = re.compile(r"[\s\u3000]{2,}|[\t|｜\[\]【】]|(?<![\w·、])[）)]|[（(](?![^（()）]*[)）].)|\s(?=举报|(?:19|20)\d\d|我有话说|\d)")
NO_VALUE = re.compile(r"[=\"<>{}]|https?:|\d{1,3}\.\d{1,3}\.\d{1,3}|^(?:本站)?原[创創]$|^本站$")
HAN_SPACE = re.compile(r"(?<=[\u4e00-\u9fff》」”）)])\s+")  # names of Chinese media contain no blanks
BLANK = re.compile(r"\s+")
NAMES = re.compile(r"[、,，;；/&]|(?<=[^a-zA-Z.])\s+|\s+(?=[^a-zA-Z])")  # a blank separates only names in Han
NAME = re.compile(rf"{letter()}{{2,4}}(?:·{letter()}{{1,8}})*|[A-Za-z][A-Za-z.' -]{{1,25}}[A-Za-z]?|[A-Za-z]{{1,3}}_?\d{{2,6}}")
CODE = re.compile(r"[\s_]{0,9}(?:[A-Z]{1,4}_?\d{2,6}|[A-Z]\d{3}|\d{1,20})$")
ROLE = re.compile(r"^(?:.{0,8}?(?:记者|記者)|通讯员|实习生|作者|文|评论员|编辑)[\s/:：]*")
WORDS_OF_NOBODY = word_set(
    "出自 来自 来源 來源 时间 發佈 发布 发表 日期 编辑 記者 记者 匿名 佚名 未知 管理员 admin administrator webmaster"
)
# Endings of the names of media, sites and offices: never a person's name.
MEDIUM = re.compile(
    r".*(?:[网網报報刊社台臺]|时报|電視|电视|新[闻聞]|财经|財經|快[讯訊]|客户端|在线|在線|频道|頻道|论坛|論壇|周刊|週刊|杂志|雜誌|学报|季刊|月刊|出版社|编辑部|官方|互联网|网络|公众号|平台|委|局|部|办公室|中心|大学|学院|\.com|\.cn|\.net|news|daily|times|post|media)(?:[\d.]{0,6})$|《[^》]+》$",
    re.IGNORECASE,
)
SOURCE_WORDS = word_set("source laiyuan where media origin publisher from")
AUTHOR_WORDS = word_set("author authors zuozhe writer byline nickname authi nick username")
NAMED, OF_PERSON = "name", word_set("user up nick account member poster")  # <span class="user-name">
ACCOUNT = "nickname"  # of an account on a publishing platform: it is the source, and the author is next to it
ACCOUNT_WORDS = word_set("rich media meta")
COUNTED = re.compile(
    r"https?://\S+|www\.\S+|posted (?:@|on)|[发發][布表](?:于|於|在)?"
    r"|(?:阅读|閱讀|浏览|瀏覽|点击|點擊|评论|評論|收藏|点赞|赞|回复|播放|弹幕|粉丝|人气|人氣|留言|关注|举报|编辑|分类|次)[数量]?[\s:：\[(（]{0,3}\d{0,9}[\])）]?",
    re.IGNORECASE,
)
ENUMERATED = re.compile("[，。,；！？]")
POSTER = re.compile("^(?:張貼者|发布者|發佈者|發表者|楼主|文|(?:written |posted )?by)(?:[:：] ?| )", re.IGNORECASE)
# The hundred most common family names: 。(石青) at the end of a report is its author, 。(掌声) is not.
SURNAMES = (
    "王李张張劉刘陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧肖程曹袁邓鄧许許傅沈曾彭吕呂苏蘇卢盧蒋蔣蔡贾賈丁魏薛叶葉阎閻余潘杜戴夏钟鍾汪田任姜范方石"
    "姚谭譚廖邹鄒熊金陆陸郝孔白崔康毛邱秦江史顾顧侯邵孟龙龍万萬段雷钱錢汤湯尹黎易常武乔喬贺賀赖賴龚龔文巫葛单單柏"
)
PERSON = re.compile(
    rf"(?:[{SURNAMES}][\u3400-\u9fff]{{1,2}}|范姜[\u3400-\u9fff]{{1,2}}|[欧歐诸諸上司][阳陽葛官马馬徒][\u3400-\u9fff]{{1,2}})"
)
_PERSON = r"[\u3400-\u9fff]{2,4}(?:·[\u3400-\u9fff]{1,8})?"
_REPORTER = r"(?:记者|記者|作者|通讯员|通訊員|撰稿人?|评论员|評論員|实习生|實習生|特约撰稿)"
# A line of its own: 半月谈记者 石青 / 【文/某网专栏作者 石青】 / 文｜石青; on self-publishing platforms the date and a name.
BYLINE = re.compile(
    rf"[□■●◆▲◇○\s]*[【（(\[〔]?(?:文\s?[/／|｜︱丨:：]\s?)?(?!.{{0,14}}(?:摄影|视频|编辑))[^，。！？；：:\s]{{0,14}}{_REPORTER}"
    rf"[\s/／|｜︱丨:：]+({_PERSON}(?:[、\s]+{_PERSON}){{0,5}})[】）)\]〕]?"
    rf"|[【（(\[]?文\s?[/／|｜︱丨:：]\s?({_PERSON}(?:[、\s]+{_PERSON}){{0,3}})[】）)\]]?"
    r"|(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?: \d\d:\d\d(?::\d\d)?)?\s?[·•]\s?"
    rf"((?!.*(?:网|報|报|社|电视台|客户端)$){letter()}{{2,12}})"
)
SENT = re.compile(
    r"本[报报刊社网台][^，。\s]{0,4}(?:记者|記者)\s?([\u3400-\u9fff]{2,6}?)\s?(?:发自|發自|[\u3400-\u9fff]{2,4}(?:报道|報導)).{0,8}"
)
# The start of a news report: 〔記者石青／台北報導〕, 【某某快報／石青】, 【某某网2005年07月03日报道】, 某某快訊／石青 2020年03月12日.
DESPATCH = re.compile(
    r"[〔【\[(（]?(?P<medium>[^\s／/〕】\])）,，。記记]{2,8}?)?(?:記者|记者|快訊|快讯|特派員)?\s?[／/]?(?:(?<=記者)|(?<=记者)|(?<=[／/]))\s?"
    rf"(?P<names>{_PERSON}(?:[、]{_PERSON}){{0,3}})(?:[／/]\s?(?P<place>[^\s〕】\])）]{{2,6}}))?(?:[〕】\])）]|\s?(?=(?:19|20)\d\d))"
)
# Content of elements named after the author that is not a name: a form field, a label, a button.
FIELD = re.compile(
    r"(?:your )?(?:name|email|author|share|follow|posted|edited|updated|fact.checked)\b.{0,6}|about\b.*|(?:(?:written|posted|reviewed) )?by:?|.*(?:\*|:)",
    re.IGNORECASE,
)
WRITTEN_BY = re.compile(
    r"(?:(?i:written |posted |story |article |words )?(?i:by):? )((?:[A-Z][\w.'’-]*\.? ){1,3}[A-Z][\w'’-]+)(?:[,|•·–].*)?"
)
WAY = re.compile("報導|报道|综合|綜合|整理|編譯|编译")  # the kind of report, not its author
REPORTED = re.compile(
    r"[【〔\[](?P<medium>[^\s【】〔〕,，。\d]{2,12})(?P<date>(?:19|20)?\d\d年?[^】〕\]]{0,14})?(?:报道|報導|讯|訊|消息|电|電)[】〕\]]"
)
# The foot of a blog post; before a date it would be that of a comment.
POSTED = re.compile(r"(\S{2,20}) (?:發表|发表)(?:在|於|于) (?!\d)\S.{0,40}")
BY = re.compile(
    r"本[贴帖文]由\s?(\S{2,16}?)\s?[于於在]\s?(?:19|20)\d\d|(?:发布|發布|发表|posted).{0,12}(?:19|20)\d\d\S{4,8}(?: [\d:]{4,8})? by (\S{2,16})",
    re.IGNORECASE,
)
SIGNED = re.compile(
    rf"(?:^|[。！？”…])\s?[（(](?:(?:本[报報刊网網台]|[\u3400-\u9fff]{{2,6}}[报報网網])?(?:见习|实习)?(?:记者|記者|通讯员|评论员|評論員|编译|編譯|撰文|文)\s?[:：/]?\s?)?({PERSON.pattern}(?:[、\s]{PERSON.pattern}){{0,2}})"
    r"(?:\s[\u3400-\u9fff]{2,4}(?:报道|報導|摄影报道))?[)）]$"
)
CITED = re.compile(r"(?:[（(]?(?:摘自|转自|轉自|转载自|轉載自|原载|原載|选自|選自)\s?[:：]?\s?|^[-—–]{1,4}\s?)(《[^》]{2,20}》)")


class Byline(NamedTuple):
    """Authors, editors and original source of a page."""

    source: str
    author: list[str]
    editor: list[str]


def read_byline(lines: Sequence[Line], parts: Sequence[PagePart], title: int, stated: tuple[str, str, Any], site: Iterable[str]) -> Byline:
    """Return the authors, editors and source of a page.

    ``parts`` are named elements inside lines; ``title`` is the number of the line of the headline; ``stated`` has source and author from meta tags, and
    the author from JSON-LD; ``site`` is the name of the site, which is not an author.
    """
    low = max(0, title - 5)
    labelled = _labelled(lines, title)
    head = lines[low : title + HEAD]
    near = [p for p in parts if low <= p.line <= title + HEAD]
    near += [PagePart(low + i, class_words(_step(line)), line.text) for i, line in enumerate(lines[low : title + HEAD + 1])]
    own = {BLANK.sub("", name) for name in site if name}
    lead_medium, lead_names = _despatch(lines, title)
    dated_medium, dated_names = _beside_date(head)
    source = labelled.get("source", "") or _account(near) or _part(near, SOURCE_WORDS, 20) or dated_medium or lead_medium
    source = source or _cited(lines, title) or stated[0]
    names = labelled.get("author", "")
    author = _bylines(lines[: title + HEAD], title) or split_names(names) or _bylines(lines, title)
    if source and not author and PERSON.fullmatch(source) and not MEDIUM.match(source) and dated_medium:
        author, source = [source], dated_medium
    ways = (
        lambda: _named(parts, near, title, lines, source),
        lambda: _ld_names(stated[2]),
        lambda: [m[1] for line in head if len(line.text) <= 60 and (m := WRITTEN_BY.fullmatch(line.text))][:1],
        lambda: lead_names,
        lambda: dated_names,
        lambda: _signatures(lines, title),
        lambda: split_names(labelled.get("translator", "")),
        lambda: [stated[1]] * (stated[1] not in own and _shown(stated[1], head)),
    )
    for way in ways:
        if author:
            break
        author = [name for name in way() if not _is_nobody(name, source)]
    source = HAN_SPACE.split(LABEL.sub("", source).strip())[0]
    return Byline(source if not NO_VALUE.search(source) else "", author, split_names(labelled.get("editor", "")))


def _step(line: Line) -> str:
    """Return the last step of the path of a line, without its index."""
    return line.path[line.path.rfind("/") + 1 :].partition("[")[0]


@lru_cache(maxsize=16_384)
def _words_of_people(step: str) -> tuple[str, ...]:
    """Return the words of a step if they name an author, otherwise none."""
    words = class_words(step)
    return words if _names_people(words) else ()


def _names_people(words: Sequence[str]) -> bool:
    return not AUTHOR_WORDS.isdisjoint(words) or (NAMED in words and not OF_PERSON.isdisjoint(words))


def split_names(value: str) -> list[str]:
    """Split names of people: ``记者 何宁 周舟`` are two; if a part does not look like a name, the list is empty."""
    value = ROLE.sub("", value)
    names = []
    for word in NAMES.split(value):
        name = word if NAME.fullmatch(word) else CODE.sub("", word)
        name = name[:-1] if len(name) > 2 and name[-1] in "摄攝" else name  # photographer
        if not name or name.lower() in WORDS_OF_NOBODY:
            continue
        if not NAME.fullmatch(name):
            return []
        names.append(name)
    people = [name for name in names if not CODE.fullmatch(name)]
    return list(dict.fromkeys(people or names))


def _is_nobody(name: str, source: str) -> bool:
    """Return whether a name is that of a site or a medium, or of nobody."""
    plain = BLANK.sub("", name)
    if plain.lower() in WORDS_OF_NOBODY:
        return True
    return not PERSON.fullmatch(plain) and (plain == BLANK.sub("", source) or MEDIUM.match(plain) is not None)


def _labelled(lines: Sequence[Line], title: int) -> dict[str, str]:
    """Return the first value of each label: source in the head or in a closing line, author and editor anywhere after the title."""
    out: dict[str, str] = {}
    for i, line in enumerate(lines[max(0, title - 5) :], max(0, title - 5)):
        text = line.text
        if len(text) > LONGEST or not WANTED.search(text) or (line.link_density >= 0.5 and i > title + HEAD):
            continue
        labels = list(LABEL.finditer(text))
        for label, following in zip_longest(labels, labels[1:]):
            kind = str(label.lastgroup)
            if kind == "other" or kind in out or (label.start() > 60 and i > title + HEAD):
                continue
            if kind == "author" and i > title + HEAD and labels[0].start() > 4:  # within a sentence, or a row of a list
                continue
            value = text[label.end() : following.start() if following else None].strip(" \u3000\xa0")
            value = VALUE_END.split(value)[0].strip(" \u3000\xa0-—·,，;；)）")
            if kind == "sender":  # a medium on a page of news, a person on a self-publishing platform
                kind, value = (
                    ("source", value) if MEDIUM.match(value) else ("author", value.partition("(")[0]) if DATE.search(text) else ("", "")
                )
                if not kind or kind in out:
                    continue
            if 1 < len(value) <= 30 and not MARKS.search(value) and not NO_VALUE.search(value):
                out[kind] = value
    return out


def _part(parts: Iterable[PagePart], wanted: frozenset[str], longest: int) -> str:
    """Return the text of the first part with one of these names that holds a plain value; none if each item of a list has one."""
    found = [p for p in parts if (_names_people(p.words) if wanted is AUTHOR_WORDS else not wanted.isdisjoint(p.words))]
    values = []
    for part in found:
        text = POSTER.sub("", BLANK.sub(" ", part.text).strip())
        if (
            1 < len(text) <= longest
            and not iso_date(text)
            and not FIELD.fullmatch(text)
            and not LABEL.search(text)
            and not MARKS.search(text)
        ):
            values.append(text)
    return "" if len({part.line for part in found}) > 4 and len(set(values)) > 2 else next(iter(values), "")


def _account(parts: Iterable[PagePart]) -> str:
    """Return the name of the account under which a platform publishes the page."""
    return next(
        (p.text.strip() for p in parts if ACCOUNT in p.words and not ACCOUNT_WORDS.isdisjoint(p.words) and 1 < len(p.text) <= 30), ""
    )


def _named(parts: Sequence[PagePart], near: Sequence[PagePart], title: int, lines: Sequence[Line], source: str) -> list[str]:
    """Return the names in an element that is named after the author: near the title, or the only one on the page."""
    account = next((p for p in near if ACCOUNT in p.words and not ACCOUNT_WORDS.isdisjoint(p.words)), None)
    if account:
        beside = [
            p for p in near if p is not account and set(p.words) >= ACCOUNT_WORDS and p.text.strip() != source and not iso_date(p.text)
        ]
        return [p.text.strip() for p in beside[:1] if 1 < len(p.text.strip()) <= 16]
    heading = lines[title].text if title < len(lines) else ""
    if (name := _plain_name(_plain_name(_part(near, AUTHOR_WORDS, 24)))) and name not in (source, heading):
        return [name]
    whole = [*parts, *(PagePart(i, words, line.text) for i, line in enumerate(lines) if (words := _words_of_people(_step(line))))]
    if len({_plain_name(p.text) for p in whole if not AUTHOR_WORDS.isdisjoint(p.words)}) > 1:
        return []
    name = _plain_name(_plain_name(_part(whole, AUTHOR_WORDS, 24)))
    return [name] if name and name not in (source, heading) else []


def _plain_name(text: str) -> str:
    """Return a name without a place or kind of report after it: 石青／台北, 石青／綜合報導."""
    name = POSTER.sub("", BLANK.sub(" ", text).strip())
    front, slash, _ = name.replace("／", "/").partition("/")
    return front.strip() if slash and NAME.fullmatch(front.strip()) else name


def _beside_date(head: Sequence[Line]) -> tuple[str, list[str]]:
    """Return the medium and the people next to the date of a short line: 2005年03月31日03:18 某某晚报, 某某周刊 | 石青 | 2018-05-17.

    Any other word is a name only if the line counts readers, as on self-publishing platforms.
    """
    for line in head:
        if len(line.text) > 80 or not (found := DATE.search(line.text)):
            continue
        rest = f"{line.text[: found.start()]} | {line.text[found.end() :]}"
        counted = COUNTED.search(rest) is not None
        rest = COUNTED.sub(" ", rest)
        if LABEL.search(rest) or ENUMERATED.search(rest):
            continue
        words = [
            word for word in re.split(r"[\s|｜·•()（）\[\]【】»]+", rest) if len(word) > 1 and (NAME.fullmatch(word) or MEDIUM.match(word))
        ]
        media = [word for word in words if MEDIUM.match(word) and 2 < len(word) <= 16]
        people = [word for word in words if PERSON.fullmatch(word) and not MEDIUM.match(word)]
        others = [word for word in words if word not in media]
        if not people and counted and len(others) == 1:
            people = others
        if media or people:
            return next(iter(media), ""), people if len(people) < 3 else []
    return "", []


def _despatch(lines: Sequence[Line], title: int) -> tuple[str, list[str]]:
    """Return the medium and the names at the start of a report."""
    for line in lines[title + 1 : title + HEAD]:
        text = line.text.lstrip()
        if (found := REPORTED.match(text[:LEAD])) and (found["date"] or MEDIUM.match(found["medium"])):
            return found["medium"], []
        found = DESPATCH.match(text[:LEAD])
        if found and (text[0] in "〔【[(（" or DATE.search(text)):
            medium = re.sub(r"(?:快訊|快讯|記者|记者|特派|综合|綜合)$", "", found["medium"] or "")
            names = [name for name in found["names"].split("、") if not MEDIUM.match(name) and not WAY.search(name)]
            if names and (not medium or MEDIUM.match(medium)):
                return medium, names
        if (sent := SENT.fullmatch(text)) and len(text) <= 40:
            return "", _unspaced(sent[1])
    return "", []


def _unspaced(names: str) -> list[str]:
    """Split names that are next to each other without a blank: 罗科苏盈."""
    if len(names) > 3:
        for size in (2, 3):
            rest = names[size:]
            if 2 <= len(rest) <= 3 and names[0] in SURNAMES and rest[0] in SURNAMES:
                return [names[:size], rest]
    return [names]


def _bylines(lines: Sequence[Line], title: int) -> list[str]:
    """Return the names on lines of their own: under the title, or at the end of the text."""
    found: list[str] = []
    for i, line in enumerate(lines[title + 1 :], title + 1):
        text = line.text.strip()
        match = BYLINE.fullmatch(text) if len(text) <= 60 else None
        if match:
            found += [match[3]] if match[3] else split_names(match[1] or match[2])
        elif found:
            break
        elif i <= title + 3 and len(text) <= 16 and not line.link_density and (names := _alone(text)):
            return names
    return list(dict.fromkeys(found))


def _alone(text: str) -> list[str]:
    """Return the names of people if a line holds nothing else."""
    names = re.split(r"[、\s]+", text)
    return (
        names
        if PERSON.fullmatch(names[0])
        and all(2 <= len(n) <= 3 and PERSON.fullmatch(n) for n in names[:1])
        and all(re.fullmatch(r"[\u3400-\u9fff]{2,3}", n) for n in names)
        else []
    )


def _signatures(lines: Sequence[Line], title: int) -> list[str]:
    """Return the signatures: of a forum post, at the foot of a blog post, or at the end of the only paragraph that closes with one."""
    texts = [line.text.rstrip() for line in lines[title + 1 :]]
    posted = [match[1] for text in texts if ("表在" in text or "表於" in text or "表于" in text) and (match := POSTED.fullmatch(text))]
    if posted:
        return posted[:1]
    some = (text for text in texts if len(text) <= LONGEST and ("由" in text or " by " in text.lower()))
    by = next((match[1] or match[2] or match[3] for text in some if (match := BY.search(text))), "")
    if by:
        return [by]
    signed = [match[1] for text in texts if text[-1:] in ")）" and (match := SIGNED.search(_end(text)))]
    return split_names(signed[0]) if len(signed) == 1 else []


def _end(text: str) -> str:
    """Return the end of a line; if it was shortened, with a letter before it."""
    return text if len(text) <= LEAD else f"x{text[-LEAD:]}"


def _cited(lines: Sequence[Line], title: int) -> str:
    """Return the journal cited at the foot of a text: （摘自《某某学刊》2000年第2期）."""
    found = [m[1] for line in lines[title + 1 :] if len(line.text) <= LONGEST and "《" in line.text and (m := CITED.search(line.text))]
    return found[0] if len(set(found)) == 1 else ""


def _ld_names(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    names = [item.get("name") if isinstance(item, dict) else item for item in found]
    return [_plain_name(name) for name in names if isinstance(name, str) and 1 < len(name.strip()) <= 30]


def _shown(name: str, head: Sequence[Line]) -> bool:
    """Return whether the head of a page shows a name: many sites put their own name into the meta tag."""
    return bool(NAME.fullmatch(name)) and any(name in line.text for line in head if len(line.text) <= 40)
