"""Letter-spaced Chinese, as scans, PDF files and footers have it: 版 权 所 有."""

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
# Nothing in the line but single characters and signs, with a blank or two between them, four of them at least; and words of ASCII.
# From the line feed before it on, to which `re` skips.
LINE = re.compile(rf"\n{BLANK}*+(?:{HAN}|{SIGN}|[!-~]++)(?:{BLANK}{{1,2}}+(?:{HAN}|{SIGN}|[!-~]++)){{3,}}+{BLANK}*+$", re.MULTILINE)
PAIR = re.compile(rf"{BLANK}(?<={HAN}.){HAN}{BLANK}{HAN}")  # from the blank on: most text has few
CLOSED = re.compile(rf"(?<={HAN}|{SIGN}){BLANK}{{1,2}}(?={HAN}|{SIGN})")
LEAST = 4  # characters of Chinese
JUDGED = 400  # characters of a line, blanks counted, by which it is judged
GAIN = 1.5  # nats a character by which words must be likelier than the characters each by itself: 版权所有 has 2.7, 你我他它 none
# Characters that stand in rows by themselves: numbers, days of the week, branches, seasons, colours, first characters to learn.
ROWS = frozenset(
    "〇零一二三四五六七八九十百千万甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥东南西北東上中下左右前后春夏秋冬金木水火土日月年时星天地人口手足目耳"
    "山石田大小多少赤橙黄黃绿綠青蓝藍紫红紅黑白宫商角徵羽你我他她它男女甲优良中差京津沪渝冀"
)
READABLE = -7.5  # nats a character


@register
@dataclass(frozen=True)
class LetterSpacing(PageTransform):
    r"""Close the blanks between the characters of a line whose characters all stand apart, where they make words together.

    A line of four characters and more; rows of single characters (甲 乙 丙 丁) and lines with a word in one piece stay.

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
    """Say whether the characters of a line make words together."""
    text = "".join(re.findall(f"{HAN}+", line[:JUDGED]))
    if len(text) < LEAST or len(set(text)) < LEAST - 1:
        return False
    if 2 * sum(character in ROWS for character in text) > len(text):
        return False
    model = word_model()
    apart = sum(model.scores(list(text)))
    together = model.score(text)
    return together - apart >= GAIN * len(text) and together >= READABLE * len(text)
