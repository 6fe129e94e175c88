"""The hosts of a made-up crawl: what script and charset they write, what their pages look like, and which lines frame every page."""

from __future__ import annotations

import html
import random
from dataclasses import dataclass

from benchmarks.crawling.source_text import converted, to_script

KINDS = ("news", "gov", "forum", "blog", "wiki", "spam", "wechat", "mobile")
DEV, HIDDEN = range(5), range(5, 10)  # variants of each kind: 40 templates to look at, 40 to be judged by
WORDS = [
    "首页",
    "新闻",
    "国内",
    "国际",
    "财经",
    "体育",
    "娱乐",
    "科技",
    "教育",
    "健康",
    "汽车",
    "房产",
    "旅游",
    "视频",
    "图片",
    "专题",
    "论坛",
    "博客",
    "微博",
    "登录",
    "注册",
    "搜索",
    "更多",
    "关于我们",
    "联系我们",
    "网站地图",
    "广告服务",
    "招聘信息",
    "法律声明",
    "隐私政策",
    "友情链接",
    "返回顶部",
    "设为首页",
    "加入收藏",
    "手机版",
    "客户端",
    "订阅",
    "投稿",
    "帮助中心",
    "意见反馈",
    "本地",
    "评论",
    "军事",
    "历史",
    "文化",
    "读书",
    "公益",
    "政务公开",
    "办事大厅",
    "互动交流",
    "信息公开",
]
FEET = (
    "Copyright © {year} {host} All Rights Reserved",
    "版权所有 {name} 未经授权禁止转载",
    "{name} 京ICP备{number}号-1",
    "京公网安备 1101{number}号",
    "违法和不良信息举报电话：010-{number}",
    "建议使用1024×768分辨率浏览本站 技术支持：{name}信息中心",
)
HEADS = (
    "当前位置：首页 > {word} > 正文",
    "您的位置：{word} >> {word2} >> 浏览文章",
    "今天是{year}年{month}月{day}日 星期三",
    "{word}频道 热线：{number}",
)
CUES = (
    "热点推荐：{title}",
    "[{month}-{day}] {title}",
    "上一篇：{title}",
    "下一篇：{title}",
    "{title}（{count}）",
    "· {title}",
    "阅读({count}) 评论({day})",
    "分享到：微信 微博 QQ空间",
    "字号：大 中 小",
)
INFO = ("{date} 来源：{paper} 作者：{author}", "发布时间：{date}　浏览次数：{count}", "{author} 发表于 {date}", "{paper} {date}")
BODIES = ("content", "article-body", "TRS_Editor", "post-content", "mw-content-text", "main-text", "rich_media_content", "detail")
OTHERS = ("nav", "header", "side-bar", "hot-list", "footer", "crumbs", "related", "share", "menu", "copyright")
CHARSETS = (("utf-8", 0.78), ("gb18030", 0.95), ("big5hkscs", 0.99), ("utf-16", 1.0))
LABELS = {"utf-8": "utf-8", "gb18030": "gb2312", "big5hkscs": "big5", "utf-16": "utf-16"}


@dataclass(frozen=True)
class Template:
    """What the pages of a host have in common."""

    kind: str
    variant: int
    body: str  # class name of the main text
    paragraph: tuple[str, str]
    info: str
    headline: str


@dataclass(frozen=True)
class Host:
    """A host: its pages are ``head``, chrome, text, chrome."""

    name: str
    script: str  # hans, hant-tw, hant-hk, mixed
    charset: str
    declared: str
    in_header: bool  # whether HTTP says the charset
    template: Template
    chrome: tuple[str, ...]
    framed: tuple[bytes, ...]  # the same lines as markup
    head: bytes
    title: str

    def write(self, text: str) -> str:
        """Return a text in the script of the host."""
        if self.script == "hant-hk":
            return converted(text, "HKVariants")
        if self.script == "mixed":
            lines = text.split("\n")
            return "\n".join(to_script(line, "hans") if n % 2 else line for n, line in enumerate(lines))
        return text

    def encoded(self, text: str) -> bytes:
        """Return a text in the charset of the host; what that lacks as character references."""
        return text.encode("utf-16-le" if self.charset == "utf-16" else self.charset, "xmlcharrefreplace")


def template_of(rng: random.Random, *, hidden: bool) -> Template:
    kind, variant = rng.choice(KINDS), rng.choice(HIDDEN if hidden else DEV)
    own = random.Random(f"{kind} {variant}")  # of the template, not of the crawl
    paragraph = own.choice(
        (("<p>", "</p>\n"), ("<p>\u3000\u3000", "</p>\n"), ("<div>", "</div>\n"), ("", "<br />\n"), ("<p><span>", "</span></p>\n"))
    )
    return Template(kind, variant, own.choice(BODIES), paragraph, own.choice(INFO), own.choice(("h1", "h1", "h2", "div")))


def chrome_lines(rng: random.Random, name: str, titles: list[str]) -> tuple[str, ...]:
    """Draw the pool of lines of a host."""
    lines = [rng.choice(WORDS) for _ in range(rng.randint(6, 30))] + [
        " | ".join(rng.sample(WORDS, rng.randint(4, 9))) for _ in range(rng.randint(1, 4))
    ]
    for pattern in rng.choices(HEADS, k=2) + rng.choices(FEET, k=4) + rng.choices(CUES, k=rng.randint(8, 80)):
        fields = {
            "host": name,
            "name": rng.choice(WORDS) + "网",
            "word": rng.choice(WORDS),
            "word2": rng.choice(WORDS),
            "title": rng.choice(titles),
        }
        fields |= {"year": rng.randint(2005, 2024), "month": rng.randint(10, 12), "day": rng.randint(10, 28)}
        lines.append(pattern.format(**fields, number=rng.randint(10**7, 10**8 - 1), count=rng.randint(1, 9999)))
    return tuple(dict.fromkeys(lines))[:120]


def filler(rng: random.Random, size: int) -> str:
    """Return style and script that fill the head of a page to a size."""
    rules = [
        f".{rng.choice(OTHERS)}-{n} a{{width:{rng.randint(1, 999)}px;color:#{rng.randrange(1 << 24):06x};float:left}}\n" for n in range(40)
    ]
    code = [f'var v{n}="{rng.randrange(1 << 30):x}";if(window.v{n}){{load("/js/{rng.randrange(1 << 20):x}.js",{n})}}\n' for n in range(40)]
    out = "".join(rng.choices(rules, k=size // 120))
    return f"<style>{out}</style><script>{''.join(rng.choices(code, k=size // 160))}</script>"


def make_host(number: int, seed: int, *, traditional: bool, titles: list[str], hidden: bool = False, framed: bool = True) -> Host:
    """Make a host from its number; ``titles`` are headlines that its lines link to. Without ``framed`` only what text needs."""
    rng = random.Random(f"host {seed} {number}")
    template = template_of(rng, hidden=hidden)
    name = f"{template.kind}{number}.example.{rng.choice(('cn', 'com', 'net'))}"
    script = rng.choices(("hant-tw", "hant-hk", "mixed"), (12, 4, 4))[0] if traditional else "hans"
    chance = rng.random()
    charset = next(c for c, share in CHARSETS if chance < share)
    if charset == ("gb18030" if script != "hans" else "big5hkscs"):
        charset = "big5hkscs" if script == "hant-tw" else "gb18030" if script == "hans" else "utf-8"
    declared = LABELS[charset] if rng.random() >= 0.02 else rng.choice(("utf-8", "gb2312", "big5", "iso-8859-1"))
    lines = chrome_lines(rng, name, titles) if framed else ()
    if traditional:
        lines = tuple(to_script("\n".join(lines), "hant").split("\n"))
    title = f"{rng.choice(WORDS)}网"
    bare = Host(name, script, charset, declared, rng.random() < 0.6, template, lines, (), b"", title)
    if not framed:
        return bare
    tag = rng.choice(("li", "li", "span", "td", "div"))
    markup = tuple(
        bare.encoded(f'<{tag}><a href="/{rng.randrange(10**6)}.html" target="_blank">{html.escape(line)}</a></{tag}>\n') for line in lines
    )
    head = f'<!DOCTYPE html>\n<html><head>\n<meta charset="{declared}">\n{filler(rng, int(rng.lognormvariate(10.8, 0.5)))}\n'
    bom = b"\xff\xfe" if charset == "utf-16" else b""
    return Host(name, script, charset, declared, bare.in_header, template, lines, markup, bom + bare.encoded(head), title)


def page_of(host: Host, title: str, text: str, rng: random.Random) -> tuple[bytes, str, list[str]]:
    """Return a page as HTML, what it says of itself, and the lines of chrome that frame it."""
    count = min(len(host.chrome), rng.randint(8, 60))
    chosen = rng.sample(range(len(host.chrome)), count)
    above = rng.randint(count // 4, 3 * count // 4)
    said = host.template.info.format(
        date=f"20{rng.randint(10, 24)}-{rng.randint(10, 12)}-{rng.randint(10, 28)} {rng.randint(10, 23)}:{rng.randint(10, 59)}",
        paper=rng.choice(WORDS) + "网",
        author=rng.choice(("王小明", "李红", "张伟", "刘洋")),
        count=rng.randint(10, 99999),
    )
    start, end = host.template.paragraph
    inner = (end + start).join(html.escape(text, quote=False).split("\n"))
    tag, name = host.template.headline, html.escape(title, quote=False)
    first = f'<title>{name}_{host.title}</title></head>\n<body><div class="{OTHERS[host.template.variant]}"><ul>\n'
    main = f'</ul></div>\n<{tag} class="title">{name}</{tag}>\n<div class="info">{said}</div>\n<div class="{host.template.body}">{start}{inner}{end}</div>\n'
    last = f'<div class="{OTHERS[-1 - host.template.variant]}"><ul>\n'
    pieces = (
        host.head,
        host.encoded(first),
        *(host.framed[i] for i in chosen[:above]),
        host.encoded(main + last),
        *(host.framed[i] for i in chosen[above:]),
        host.encoded("</ul></div></body></html>\n"),
    )
    return b"".join(pieces), said, [host.chrome[i] for i in chosen]
