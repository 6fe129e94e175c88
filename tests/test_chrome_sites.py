"""Texts worded as rules for kinds of sites are, of which no line goes, and headers and counts that once went wrong.

All are made up. ``-`` marks the chrome of a page, which has to go; ``*`` stands for five paragraphs, as in `test_chrome_kept`.
"""

import pytest
from test_chrome_kept import TEXT, as_read

from cleantext.chrome import StripChrome
from cleantext.transform import Page

STRIP = StripChrome()

PAGES = """\
# a title of four characters below a path
-菜谱大全
-菜单
-话题
-登录
-首页 > 家常菜 > 豆腐
鱼香豆腐
*

# the path through an application under its name
清河银行手册
首页 > 我的 > 设置
怎样修改转账限额
*

# genres of a bookshop, listed
老街书店的新书架
*
武侠
悬疑
科幻
散文
诗歌
*

# subjects of a school under a heading
开设课程
语文
数学
英语
物理
化学
*

# what a shop sells, with prices
老街小馆
*
鱼香豆腐
¥28
清炒时蔬
¥18
*

# a review ends with the address of the place
老街小馆
*
地址：清河市老街12号
电话：0399-1234567
营业时间：11:00-21:00

# a survey
读者满意度调查
*
满意的占六成，不满意的占一成。
您对这项服务是否满意？
非常满意
不满意
*

# a manual of a camera
老相机说明书
*
按住快门，播放 暂停 停止 三个键同时亮起。
下载音频
播放全部
*

# a talk about forums
论坛二十年
*
楼主、沙发、板凳，是那时的称呼。
12楼
回复
*

# an answer with numbered parts
电瓶没电怎么办
*
共三个回答，说法各不相同。
悬赏寻人
*

# a novel in which somebody calls for votes
第一章 渡口
“求月票！”他在台上喊，台下一片笑声。
*
他一秒记住了那张脸。

# keys of a program
终端入门
*
在终端里按 Ctrl+D 结束输入。
复制代码时按 Ctrl+C
*

# prices of a market in the text
早市行情
*
白菜：¥2
萝卜：¥1
*

# a letter with hashtags
活动通知
*
参加者请带上话题 #清河早市 #老街影像
*

# a lesson in mail forms
怎样写电子邮件
*
电子邮箱地址
主题
正文
*

# a page whose long lines before the date are the question
-网页
-资讯
-视频
-图片
-搜索答案
-我要提问
电瓶没电了放了半年怎么办
-3个回答
-2021-03-02 · TA获得超过1.1万个赞
*

# forum buttons and panels between posts
-白塔论坛»论坛›读书›书评›一本旧书，读了三遍
一本旧书，读了三遍
-12 主题
-208 帖子
-1033 积分
-发表于 2020-5-4 21:36:10 | 只看该作者
*
-回复 支持 反对
-使用道具 举报
-发表于 2020-5-4 22:01:33 | 只看该作者
*
-举报 | 12楼 | 打赏 | 回复 | 评论
-Powered by Discuz! X3.4

# an English page
Leek soup
Published in 1990 by a small press, the book sold out in a week and was never printed again.
He would not comment on the case, and the board sent everyone home before the rain came down.
Sign up for the course at the front desk, she told them, and bring a coat and a pair of boots.
-Did you make this recipe?
-Save my name, email, and website in this browser for the next time I comment.
-Please log in to comment

# polls in a text
议事会表决
*
支持 反对
支持 12
反对 3
*
"""


def pages():
    for block in PAGES.removeprefix("# ").strip().split("\n\n# "):
        name, *rows = block.split("\n")
        yield name, "\n".join(TEXT.get(row, row) for row in rows).split("\n")


@pytest.mark.parametrize(("name", "rows"), list(pages()), ids=lambda x: x if isinstance(x, str) else "")
def test_no_line_of_text_goes_and_the_chrome_does(name, rows):
    page = as_read(rows)
    assert STRIP(page).split("\n") == [row for row in rows if not row.startswith("-")], (name, STRIP.reasons(page))
    assert STRIP(STRIP(page)) == STRIP(page)


def test_a_header_of_any_length_goes_where_a_date_stands_below_the_title():
    links = [f"白塔栏目{chr(0x4E00 + 7 * k)}" for k in range(90)]
    known = ["网站地图", "设为首页", "登录 | 注册", "English", "联系我们", "首页 > 民生 > 正文"]
    text = TEXT["*"].split("\n")
    page = [*known[:5], *links, known[5], "渡口重开，两岸往来又方便了", "2019-03-02 08:15 来源：白塔网", *text]
    assert STRIP("\n".join(page)).split("\n") == ["渡口重开，两岸往来又方便了", *text]


def test_what_a_line_says_behind_a_cut_is_salvaged_where_it_stands():
    text = TEXT["*"]
    for widget in ("【字体：大 中 小】", "[字号：大 中 小]"):
        page = Page(f"渡口重开\n2019-03-02 08:15 {widget} 来源：清河晚报 作者：白石\n{text}")
        metadata = STRIP.run([page]).metadata[0]
        assert metadata["source"] == "清河晚报", metadata
        assert metadata["author"] == ["白石"], metadata


def test_a_row_of_links_in_brackets_is_a_bar():
    bar = "【新闻】【体育】【白塔圈】【财经】【娱乐】【教育】【汽车】"
    page = f"{bar}\n首页 > 民生 > 正文\n渡口重开，两岸往来又方便了\n2019-03-02 08:15 来源：白塔网\n{TEXT['*']}"
    assert bar not in STRIP(page)


@pytest.mark.parametrize("title", ["新能源车保养技巧", "日本旅游攻略", "老年健康讲座", "国际金融报告"])
@pytest.mark.parametrize("below", ["2019-03-02 08:15 来源：白塔网", ""])
def test_a_title_of_channel_words_stays(title, below):
    top = ["网站地图", "设为首页", "登录 | 注册", "English", "联系我们", "新闻", "财经", "汽车", "健康", "首页 > 专题 > 正文"]
    page = "\n".join([*top, title, *([below] if below else []), TEXT["*"]])
    assert STRIP(page).split("\n")[0] == title
