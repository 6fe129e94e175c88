"""Made-up pages of the kinds that the development set lacks: notices, threads, papers, shops, songs, in eight languages.

All were written and labelled before the tool had seen them: `expected` is what a reader would keep, `optional` lines nobody minds. On the
first run of each batch, untouched, 0 of 7,039, 20 of 2,898, 0 of 1,391, 0 of 7,142, 15 of 2,140 and 0 of 1,030 characters of text were lost,
and 52.4 %, 72.1 %, 59.1 %, 66.4 %, 60.5 % and 67.2 % of the lines of chrome went; before all but the first, what the one before had taught
was mended. Since then they are development data.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from cleantext.chrome import StripChrome

CASES = json.loads((Path(__file__).parent / "cases" / "chrome.json").read_text("utf-8"))
STRIP = StripChrome()


def lines(text):
    return Counter(line for line in text.split("\n") if line.strip())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["label"])
def test_no_line_of_text_is_lost(case):
    out = STRIP(case["input"])
    lost = (lines(case["expected"]) & lines(case["input"])) - lines(out)
    assert not lost, STRIP.reasons(case["input"])
    assert STRIP(out) == out


FLOORS = {1: 0.80, 2: 0.88, 3: 0.87, 4: 0.89, 5: 0.82, 6: 0.91}  # share of lines of chrome that go; raised only


@pytest.mark.parametrize("batch", FLOORS)
def test_most_lines_of_chrome_go(batch):
    had = left = 0
    for case in CASES:
        if case["batch"] == batch:
            fine = lines(case["expected"]) + Counter(case.get("optional", ()))
            had += (lines(case["input"]) - fine).total()
            left += (lines(STRIP(case["input"])) - fine).total()
    assert 1 - left / had >= FLOORS[batch], (had - left, had)


def test_the_pages_are_whole():
    assert len(CASES) == len({case["label"] for case in CASES}) == 116
    for case in CASES:
        body = [line for line in case["expected"].split("\n") if line not in lines(case["input"])]
        assert all(any(line in whole for whole in case["input"].split("\n")) for line in body), case["label"]


# Lines of manuals, notices, papers and records that are worded as page chrome is. Each is text where sentences stand around it.
INSIDE = """\
禁止酒驾|请勿饮酒后驾车|饮酒过量危害健康|扫码入园须提前预约|请扫描二维码填写问卷|打开微信扫一扫付款|下载“交管12123”App|下载国家反诈中心APP
立即预约接种|免费体验活动|立即报名|推广|加载失败|加载中|返回顶部|首页 > 我的 > 设置 > 隐私|首页>个人中心>账单|主页 → 商品 → 库存|设置 > 通用 > 语言与地区
登录 | 注册|登录后才能评论|点赞 收藏 转发|photo.png|未经许可，不得转载|投资有风险，入市需谨慎|仅供内部参考|责任编辑：石青|来源：国家统计局
（待续）|相关链接|常见问题|联系方式|公司简介|免责声明|主办单位：清河市文联|技术支持：白塔科技|咨询电话：0399-1234567|举报电话：12388|微信号：demo1234
QQ群：100200300|关键词：河流；桥梁；渡口|作者简介：石青（1980—），男，教授。|2019年3月2日|主题：春天|3楼|楼主|English|北京|音乐|大|收藏|支持|全部
"""


@pytest.mark.parametrize("line", INSIDE.replace(" | ", "\0").replace("|", "\n").replace("\0", " | ").split("\n")[:-1])
def test_lines_worded_as_chrome_stay_inside_an_article(line):
    article = [
        "渡口重开的这一年",
        "昨夜，清河上游下了一场大雨，今晨水位涨了半米，村里的干部连夜赶到了堤上。",
        "村里人说，桥是去年修的；路还没有通，车只能停在河对岸，走过来要半个钟头。",
        line,
        "到了傍晚，雨停了，孩子们追着一条黄狗跑过堤坝，谁也没有注意到天色已经暗了下来。",
        "村里人说，桥是去年修的；路还没有通，老人和孩子都不方便，只能等水退了再走。",
    ]
    assert STRIP("\n".join(article)).split("\n") == article


TAIL = [
    "扫码入园须提前预约",
    "下载国家反诈中心APP",
    "立即预约接种",
    "主题：春天",
    "3楼",
    "禁止酒驾",
    "相关链接：关于清河航运的管理办法",
]


@pytest.mark.parametrize("line", TAIL)
def test_lines_worded_as_chrome_stay_at_the_end(line):
    article = [
        "渡口重开的这一年",
        "昨夜，清河上游下了一场大雨，今晨水位涨了半米，村里的干部连夜赶到了堤上。",
        "到了傍晚，雨停了，天色已经暗了下来，路上没有人。",
        line,
    ]
    assert STRIP("\n".join(article)).split("\n") == article
