"""What editors, scrapers and broken software do to a text that they repost; each function returns the text and names itself in the log."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from benchmarks.crawling.crawl_plan import Role
from benchmarks.crawling.source_text import RANGE, mapped, to_script


def table(before: str, after: str) -> np.ndarray:
    """Return a table of all code points in which some become others."""
    out = np.arange(RANGE, dtype=np.uint32)
    out[[ord(c) for c in before]] = [ord(c) for c in after]
    return out


ASCII = "".join(map(chr, range(0x21, 0x7F)))
FULL = "".join(chr(ord(c) + 0xFEE0) for c in ASCII)
WIDTHS = (table("“”‘’《》", "「」『』〈〉"), table("，；：（）", ",;:()"), table(ASCII, FULL), table(FULL, ASCII))
NAMES = ["王小明", "李红", "张伟", "刘洋", "陈静", "杨帆", "赵磊", "黄婷", "周杰", "吴刚"]
PAPERS = ["新华网", "人民网", "央视新闻", "石榴云", "南方周末", "北京日报", "联合早报", "大公网"]
ADVERTS = (
    "扫描二维码关注公众号，每天获取更多精彩内容。",
    "【广告】名师一对一辅导，前一百名报名立减三百元，咨询热线400-820-8820。",
    "点击下载客户端，新用户领取八十八元红包。",
    "更多精彩内容请关注本站微信，投稿请发送至编辑部邮箱。",
)
LINE, BOX = ord("\n"), ord("口")
Edit = Callable[[str, random.Random], str]


# ---------------------------------------------------------------- these leave the similarity at 1


def width(text: str, rng: random.Random) -> str:
    return mapped(text, rng.choice(WIDTHS))


def rewrap(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    return "".join(line + rng.choice(("\n", "\n\n", "\n\u3000\u3000")) for line in lines).strip()


def other_script(text: str, rng: random.Random) -> str:
    return to_script(text, rng.choice(("hans", "hant")))


# ---------------------------------------------------------------- and these change it


def notice(text: str, rng: random.Random) -> str:
    by = rng.choice(NAMES)
    lines = (f"来源：{rng.choice(PAPERS)}", f"责任编辑：{by}", f"本文转载自{rng.choice(PAPERS)}，作者{by}，版权归原作者所有。")
    return "\n".join((*rng.sample(lines, rng.randint(0, 1)), text, *rng.sample(lines, 1)))


def digits(text: str, rng: random.Random) -> str:
    for before, after in (
        (rng.choice("012345"), rng.choice("6789")),
        *zip(rng.sample("一二三四五", 2), rng.sample("六七八九", 2), strict=True),
    ):
        text = text.replace(before, after)
    return text


def lead(text: str, rng: random.Random) -> str:
    at = text.find("。", 0, 200)
    if not 8 < at < len(text) // 3:
        return notice(text, rng)
    first = list(text[:at])
    rng.shuffle(first)
    return "".join(first) + text[at:]


def adverts(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(rng.randint(1, 2)):
        lines.insert(rng.randint(0, len(lines)), rng.choice(ADVERTS))
    return "\n".join(lines)


def order(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at = rng.randint(0, len(lines))
    return "\n".join(lines[at:] + lines[:at])


def cut(share: float) -> Edit:
    def cut(text: str, rng: random.Random) -> str:
        return text[: int(len(text) * (1 - share * rng.uniform(0.5, 1)))] + "……\n阅读全文"

    return cut


def noise(least: float, most: float) -> Edit:
    """Return an edit that misreads characters, as OCR does."""

    def noise(text: str, rng: random.Random) -> str:
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32).copy()
        count = max(1, int(len(points) * rng.uniform(least, most)))
        at, source = np.frombuffer(rng.randbytes(8 * count), np.uint32).reshape(2, -1) % len(points)
        at = at[(points[at] != LINE) & (points[source] != LINE)]
        points[at] = points[source[: len(at)]]
        points[at[points[at] == LINE]] = BOX
        return points.tobytes().decode("utf-32-le")

    return noise


def half(text: str, rng: random.Random) -> str:
    """Page one of two, or of three: about half of the text, from its beginning or its end."""
    at = int(len(text) * rng.uniform(0.4, 0.65))
    return text[:at] if rng.random() < 0.5 else text[at:]


SAME = {"width": width, "rewrap": rewrap, "other-script": other_script}
NEAR = {
    "notice": notice,
    "digits": digits,
    "lead": lead,
    "adverts": adverts,
    "order": order,
    "cut-tail": cut(0.2),
    "noise": noise(0.003, 0.015),
}
FAR = {"noise": noise(0.04, 0.09), "cut-tail": cut(0.6), "page-of-two": half}


def reposted(text: str, role: Role, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """Return a text as reposted in a role, and the names of what was done."""
    chosen = {
        Role.EXACT: rng.choices(("", *SAME), (5, 3, 2, 2)),
        Role.NEAR: rng.sample(tuple(NEAR), rng.choice((1, 1, 1, 2))),
        Role.FAR: rng.sample(tuple(FAR), 1),
    }[role]
    if role != Role.EXACT and rng.random() < 0.15:
        chosen.append(rng.choice(tuple(SAME)))
    for name in chosen:
        edits = FAR if role == Role.FAR and name in FAR else NEAR if name in NEAR else SAME
        text = edits[name](text, rng) if name else text
    return text, tuple(name for name in chosen if name)


# ---------------------------------------------------------------- what resembles and is no copy

FORM = (
    "为了加强和规范有关工作，根据国家有关法律法规，结合本地实际，制定本办法。\n{}\n"
    "违反本办法规定的，由有关部门责令改正，依法给予处分；构成犯罪的，依法追究刑事责任。\n本办法自发布之日起施行，由主管部门负责解释。"
)


def lookalike(own: str, other: str, rng: random.Random) -> tuple[str, str]:
    """Return a text that resembles another one: a form with other content, a sequel, or a table of prices; and which of these."""
    kind = rng.choice(("form", "sequel", "table"))
    if kind == "form":
        return FORM.format(own), kind
    if kind == "sequel":
        return digits(other[: len(own) // 2], rng) + "\n" + own, kind
    names = [own[i : i + 4] for i in range(0, min(len(own), 120), 4)]
    return "品名 规格 单价 库存\n" + "\n".join(
        f"{name} {rng.randint(1, 99)}kg {rng.randint(100, 9999) / 100:.2f} {rng.randint(0, 500)}" for name in names
    ), kind
