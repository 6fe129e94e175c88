"""Named shapes of values on Chinese pages: dates, names, phones. Defined once, used by all rules.

A pattern refers to a shape as ``<DATE>``. All are matched on folded text.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["SHAPES", "expand", "shape"]

_HAN = "\u3400-\u4e27\u4e29-\u9fff"  # without the bar 丨, which is a separator
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_YMD = r"(?:19|20)\d\d ?[-/.年] ?\d{1,2} ?[-/.月] ?\d{1,2}(?: ?[日号])?"
_WORDS = r"[a-z][a-z.'-]{0,20}(?: [a-z][a-z.'-]{0,20})"
_NAME = rf"(?:[{_HAN}]{{2,4}}(?:·[{_HAN}]{{1,8}}| [{_HAN}](?![{_HAN} ])| {_WORDS}{{0,3}})?|[{_HAN}] [{_HAN}]{{1,2}}|{_WORDS}{{0,3}})"
_REPORTER = "(?:本[报网刊社台])?(?:首席|特约|见习|实习)?(?:记者|通讯员)"


def _between(separators: str) -> str:
    """Return a pattern for the separators between names.

    A blank may occur inside a name, so by itself it separates only Han names: a line can be read in only one way.
    """
    return f"(?:[{separators}][ {separators}]{{0,2}}| [ {separators}]{{1,2}}| (?=[{_HAN}]))"


_PARTS = {
    "YMD": f"(?:{_YMD})",
    "DATE": rf"(?=[\djfmasond])(?:{_YMD}|\d{{1,2}} {_MONTH} (?:19|20)\d\d|{_MONTH} \d{{1,2}},? (?:19|20)\d\d)",
    "TIME": r"(?:\d{1,2}[:时] ?\d{1,2}(?:[:分] ?\d{1,2})?(?:\.\d{1,9})?[分秒]?(?: ?[ap]m)?(?: ?(?:gmt|utc|et|est|cst))?(?: ?[+-]\d\d:?\d\d)?)",
    "DAY": rf"(?:\(?(?:星期|周|礼拜)[{_HAN}]\)?)",
    "AGO": r"(?:刚刚|(?:昨|今|前)天|\d{1,2} ?(?:秒|分钟|分|小时|天|日|周|个月|月|年)之?前)",
    "NAME": _NAME,
    "NAMES": f"(?:{_NAME}(?:{_between('、,/|&')}{_NAME}){{0,5}})",
    "PEOPLE": f"(?:{_NAME}(?:{_between('、')}{_NAME}){{0,4}})",
    "STAFF": r"(?:[a-z]{1,4}[_-]?\d{2,6}|\d{4,8})",
    "ORG": rf"(?:[{_HAN}a-z0-9·.&《》“”\"'()-]{{2,30}})",
    "COUNT": r"(?:\[? ?\d[\d,.]* ?[万亿千kmw]?\+? ?\]?|loading)",
    "PHONE": r"(?:\+?\(?\d{2,4}\)?[ -]?\d{3,4}[ -]?\d{3,4}(?: ?(?:转|分机|-) ?\d{1,6})?|\d{5,12}|400[- ]?\d{3,4}[- ]?\d{3,4})",
    "EMAIL": r"(?:[a-z0-9._%+-]{1,40}@[a-z0-9.-]{1,40})",
    "URL": r"(?:(?:https?://)?(?:[a-z0-9-]{1,40}\.){1,5}[a-z]{2,12}(?:/[^\s]{0,80})?)",
    "PROVINCE": "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川蜀黔贵滇云藏陕秦甘陇青宁新港澳台]",
}
_PARTS["WHEN"] = f"(?:{_PARTS['DATE']}(?: ?{_PARTS['DAY']})?(?:[ t]{{0,3}}{_PARTS['TIME']})?|{_PARTS['AGO']}(?: ?{_PARTS['TIME']})?)"

# Values after a label. `org` and `text` exclude sentence ends, so that prose never matches.
SHAPES = {
    "date": _PARTS["WHEN"],
    "names": rf"(?:{_REPORTER}(?::{_NAME}|[{_HAN}]{{0,4}})|{_NAME})(?:{_between('、,/|&')}{_NAME}){{0,7}}(?:[ _(]{{0,2}}{_PARTS['STAFF']}\)?)?(?:\)\d{{7}})?|[{_HAN}]{{2,10}}(?:科|处|办公室|编辑部|宣传部|委员会|支部|工会|学会|协会|中心)|{_PARTS['STAFF']}|",
    "org": r"(?!.{0,12}(?:根据|自行|计算|整理|统计|不明|不详))[^。!?;:,,|]{1,30}",
    "count": rf"{_PARTS['COUNT']} ?[次人条个]?",
    "code": r"[a-z0-9〔〕\[\]()〇-\u9fff./_-]{1,40}",
    "place": rf"[{_HAN}]{{2,12}}",
    "phone": rf"(?!\d{{1,4}}[/-]\d\d?[/-]\d)(?=(?:\D{{0,3}}\d){{7}})[+(]{{0,2}}\d{{2,12}}(?:[ ,、/()转分机-]{{1,4}}\d{{1,12}}){{0,11}}|\d{{5,12}}|{_PARTS['EMAIL']}",
    "sizes": r"[大中小特标准默认aт+\- \[\]【】()]{0,20}",
    "tags": r"(?=[^。!?;:])[ 、,/|·#]*(?:[^。!?;: 、,/|·#]{1,14}[ 、,/|·#]+){0,60}[^。!?;: 、,/|·#]{0,14}",
    "profile": rf"\d[\d,.]* ?[^\s。,]{{0,3}}|{_PARTS['WHEN']}|[{_HAN}]{{2,8}}",
    "reporter": rf"[{_HAN}]{{0,10}}(?:记者|通讯员|特派员)[ :]{{1,3}}{_PARTS['NAMES']}",
    "platforms": r"(?:(?:微信|微博|新浪微博|腾讯微博|朋友圈|qq空间|qq好友|qq|豆瓣|人人网?|facebook|twitter|line|x|email|更多)[ |,、]{0,3}){0,12}",
    "text": r"[^。!?;]{0,40}",
    "title": r"[^。]{2,120}",
    "empty": r"",
}


def expand(pattern: str) -> str:
    """Fill named shapes such as ``<DATE>`` into a pattern."""
    return re.sub(r"(?<!\?P)<([A-Z]+)>", lambda m: _PARTS.get(m[1], m[0]), pattern)


@lru_cache(maxsize=64)
def shape(name: str) -> re.Pattern[str]:
    """Return the compiled shape of a label's value."""
    return re.compile(SHAPES[name])
