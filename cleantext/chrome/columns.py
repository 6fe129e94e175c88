"""Columns of short lines: the pages of a site above a title, and the lists that are text where they stand in a footer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleantext.chrome.lines import Line

__all__ = ["COLUMN", "LISTING", "header"]

SITE, CHANNEL = 10, 4  # characters that the name of a site and of a channel have at most
COLUMN = 4  # lines of one widget word each that are as good as one line of them
# The heading of a list that is text: no site heads a part of its footer so.
LISTING = re.compile(
    r"[\[【]?.{0,12}(?:目录|目次|名单|名录|一览表?|曲目|书目|篇目|剧目|年表|年谱|著作|主要作品|代表作品?|获奖作品|作品列表|演员表|演职员表|日程|议程|赛程|课程表|价目表|附录|鸣谢)[\]】]?:?"
)


def header(lines: Sequence[Line], gone: Sequence[int]) -> list[int]:
    """Return the lines of widget words in the column of the site's pages above the title: names of channels, however common as words.

    It has four such lines and more, and nothing above it that stays, or no more than the name of the site where a word for the home page
    or a path (C01) stands in it or below it. It ends at the first line that no rule knows and that is longer than a channel's name,
    or at a date. The last line of a column that no possible title follows may be the title.
    """
    head = [n for n, x in enumerate(lines) if x.zone == "head"]
    column: list[int] = []
    above = apart = 0  # lines of no rule: above the column, and since its last line
    for n in head:
        line, length = lines[n], len(lines[n].folded.strip())
        if line.acted and line.acted.rule.category in ("C02", "C03"):
            break
        if any(e.words for e in line.evidence):
            column.append(n)
            apart = 0
        elif not line.votes.evidence:
            above, apart = (above, apart + 1) if column else (above + 1, 0)
            if max(above, apart - 1) > 2 or length > (CHANNEL if column else SITE):
                break
    if len(column) < COLUMN or above > 2:
        return []
    titled = any(not gone[n] and not lines[n].votes.evidence and not lines[n].shielded for n in head if n > column[-1])
    if above and not (titled and any(e.rule.category == "C01" for n in head if n >= column[0] for e in lines[n].evidence)):
        return []
    return [n for n in (column if titled else column[:-1]) if not gone[n]]
