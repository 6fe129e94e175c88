"""Letter-spaced Chinese, as in scans, PDF files and footers: 版 权 所 有."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cleantext.edits import Edit
from cleantext.repair.model import word_model
from cleantext.transform import HOLDS, Breaks, Law, Laws, Page, PageTransform, Safety, register

__all__ = ["LetterSpacing"]

BLANK = "[ \xa0\u3000]"
HAN, SIGN = "[\u3400-\u9fff]", "[\uff01-\uff0f\uff1a-\uff1f\u3001\u3002\u300a-\u300f\u201c\u201d\u2018\u2019\u2026\u2014（）]"
# A line of only single characters and signs, at least four, separated by one or two blanks; and ASCII words.
# Begins with the preceding line feed, to which `re` skips.
LINE = re.compile(rf"\n{BLANK}*+(?:{HAN}|{SIGN}|[!-~]++)(?:{BLANK}{{1,2}}+(?:{HAN}|{SIGN}|[!-~]++)){{3,}}+{BLANK}*+$", re.MULTILINE)
PAIR = re.compile(rf"{BLANK}(?<={HAN}.){HAN}{BLANK}{HAN}")  # begins with the blank: most text has few
CLOSED = re.compile(rf"(?<={HAN}|{SIGN}){BLANK}{{1,2}}(?={HAN}|{SIGN})")
LEAST = 4  # minimum characters of Chinese
JUDGED = 400  # characters of a line, including blanks, by which it is judged
GAIN = 1.5  # nats per character by which words must be more likely than the single characters: 版权所有 has 2.7, 你我他它 none
# Characters that are listed individually: numbers, days of the week, branches, seasons, colours, first characters to learn.
ROWS = frozenset(
    "〇零一二三四五六七八九十百千万甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥东南西北東上中下左右前后春夏秋冬金木水火土日月年时星天地人口手足目耳"
    "山石田大小多少赤橙黄黃绿綠青蓝藍紫红紅黑白宫商角徵羽你我他她它男女甲优良中差京津沪渝冀"
)
READABLE = -7.5  # nats per character


@register
@dataclass(frozen=True)
class LetterSpacing(PageTransform):
    r"""Remove the blanks between the characters of a line if all of them are separate, and together make words.

    Only lines of at least four characters; rows of single characters (甲 乙 丙 丁) and lines with an unspaced word are left unchanged.

    >>> LetterSpacing()("版 权 所 有 。\n甲 乙 丙 丁")
    '版权所有。\n甲 乙 丙 丁'
    """

    id: ClassVar[str] = "repair.letterspacing"
    characters: ClassVar[str] = "20 a0 3000"
    version: ClassVar[int] = 1
    safety: ClassVar[Safety] = Safety.SAFE
    rules: ClassVar[Mapping[str, str]] = {"letterspacing.han": "a blank between Chinese characters of a line that is letter-spaced"}
    laws: ClassVar[Laws] = {
        **dict.fromkeys(Law, HOLDS),
        Law.KEEPS_LENGTH: Breaks("版 权 所 有", "blanks go"),
    }

    def wants(self, text: str) -> bool:
        return PAIR.search(text) is not None

    def on_page(self, page: Page) -> tuple[Sequence[Edit], Sequence[str], Mapping[str, Any]]:
        edits: list[Edit] = []
        for line in LINE.finditer(f"\n{page.text}"):
            if _is_spaced(line[0][1:]):
                at = line.start() - 1  # of a text with a line feed before it
                edits += [Edit(at + m.start(), at + m.end(), m[0], "", "letterspacing.han") for m in CLOSED.finditer(line[0])]
        return edits, (), {}


def _is_spaced(line: str) -> bool:
    """Return whether the characters of a line make words together."""
    text = "".join(re.findall(f"{HAN}+", line[:JUDGED]))
    if len(text) < LEAST or len(set(text)) < LEAST - 1:
        return False
    if 2 * sum(character in ROWS for character in text) > len(text):
        return False
    model = word_model()
    apart = sum(model.scores(list(text)))
    together = model.score(text)
    return together - apart >= GAIN * len(text) and together >= READABLE * len(text)
