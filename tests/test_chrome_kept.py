"""Pages whose lines look like page chrome and are not: lists, records, chronicles, manuals, talks. No line of text goes.

All are made up. Most lost lines once: to words of a list that convicted each other, to a label that a record has too, to the
first line of a page read as a link. ``-`` marks the chrome of a page, which has to go; ``*`` stands for five paragraphs, 1 to 3 for one.
"""

import pytest

from cleantext.chrome import StripChrome
from cleantext.transform import Page

STRIP = StripChrome()
P1 = "昨夜，清河上游下了一场大雨，今晨水位涨了半米，村里的干部连夜赶到了堤上。"
P2 = "村里人说，桥是去年修的；路还没有通，车只能停在河对岸，走过来要半个钟头，老人和孩子都不方便。"
P3 = "到了傍晚，雨停了，孩子们追着一条黄狗跑过堤坝，谁也没有注意到天色已经暗了下来。"
P4 = "前夜，清河上游下了一场大雨，今晨水位涨了半米，村里的干部连夜赶到了堤上。"
P5 = "镇上人说，桥是去年修的；路还没有通，车只能停在河对岸，走过来要半个钟头，老人和孩子都不方便。"
TEXT = {"*": f"{P1}\n{P2}\n{P3}\n{P4}\n{P5}", "<1>": P1, "<2>": P2, "<3>": P3}

PAGES = """\
# ranking of cities
热门城市排行
1 北京
2 上海
3 广州
4 深圳
5 杭州

# cities under a colon
清河游记
*
前十名如下：
北京
上海
广州
深圳
杭州
南京
苏州
武汉
成都
西安

# cities in a row
清河游记
*
北京 上海 广州 深圳 杭州 南京 苏州 武汉

# cities without a colon
清河游记
*
前十名的城市
北京
上海
广州
深圳
杭州
南京
苏州
武汉
成都
西安

# cities before a credit line
清河游记
*
前十名的城市
北京
上海
广州
深圳
杭州
南京
苏州
武汉
成都
西安
-责任编辑：石青

# channels as a list
清河游记
*
栏目
财经
体育
娱乐
科技
教育

# talk
学术讲座预告
时间：2024年3月5日 14:00
地点：图书馆三楼
主讲人：周南

# talk and text
学术讲座预告
时间：2024年3月5日 14:00
地点：图书馆三楼
主讲人：周南
*

# talk at the foot
讲座
*
主办：清河大学
时间：2024年3月5日
地点：图书馆

# chronicle of dates
大堤大事记
1958-03-01
开工建设大堤。
1963-07-02
大堤完工。

# chronicle with sentences
大堤大事记
1958-03-01
开工建设大堤，全县调集民工两千人，历时三年。
1963-07-02
大堤完工，省里来人验收，群众敲锣打鼓地庆祝。
1998-08-09
大堤经受了百年一遇的洪水。

# agenda of times
日程
2024-03-05 09:00
开幕式
2024-03-05 10:00
主旨演讲
2024-03-05 14:00
分组讨论

# price table with a note
今日菜价
*
注：以上价格仅供参考，以当日成交价为准。

# buttons in a short manual
编辑器手册
第一步
打开 保存 关闭
这三个按钮在左上角
分享到：微信 微博
点右上角可见

# buttons inside a text
编辑器手册
<1>
打开 保存 关闭
<2>
分享到：微信 微博
<3>

# words of feelings
情绪词语
平静 安宁 镇定 从容
忧虑 焦急 慌张
高兴 难过 愤怒 感动

# feelings under a text
情绪词语
*
高兴 难过 愤怒 感动

# record of a book
书名：《渡口》
作者：王强
出版社：白塔出版社
出版日期：2019-03-01
定价：38元

# record of a book above a text
新书推荐
书名：《渡口》
作者：王强
出版社：白塔出版社
*

# links above a poem
-首页 诗文 名句 作者 古籍 我的
静夜思
李白
床前明月光，疑是地上霜。
举头望明月，低头思故乡。

# neighbours at the foot
清河大雨
*
-上一篇：关于召开年度总结会的通知
-下一篇：清河大桥里的故事

# listing and permalink
编码手记
<1>
print(1)
-复制代码
<2>
-本文链接：https://demo.example/a/1.html

# bar of a blog
编码手记
-2021-07-08 分类：技术 标签：编码 阅读(2301) 评论(5)
*

# faq
常见问题
如何注册？
点击右上角注册，填写手机号和验证码即可完成注册。
忘记密码
点击登录页的忘记密码，按提示操作。
如何退款？
在订单页点击申请退款，三个工作日内到账。
联系客服
拨打热线或在公众号留言。

# faq2
帮助中心
登录
用手机号登录。
注册
用邮箱注册，也可以用微信登录。
密码
密码不少于八位，须含字母与数字两种字符。
退出
在设置里退出。

# pricelist
价目表
洗剪吹 38元
烫发 188元起
染发 168元起
会员 八折
注册会员 免费
联系方式
电话：0991-0000001
地址：中山路8号

# pricelist2
水果批发价格行情 2024-03-05
苹果 5.2
香蕉 3.1
橙子 4.4
价格仅供参考
来源：清河果品批发市场
单位：元/公斤

# timeline2
大事记
2019-03-02 大桥开工
2020-05-06 主塔封顶
2021-07-08 大桥合龙
2021-12-30 通车

# bookrec
渡口
作者：许文山
译者：白石
出版社：北岸书屋
出版时间：2018-03
页数：312
定价：45.00元
ISBN：9780000000000
内容简介
小说写一条河与两代摆渡人的故事，从战乱写到大桥合龙的那一天。
作者简介
许文山，清河人，中学教师。

# film2
渡口
*
导演：石青
编剧：许文山
摄影：周舟
剪辑：韩保林
主演：何宁

# glossary
网络词语表
楼主
沙发
板凳
顶
路过
点赞
粉丝
置顶
灌水

# glossary2
英汉对照
home 家
search 搜索
menu 菜单
close 关闭
print 打印
share 分享
login 登录
help 帮助

# glossary3
计算机英语单词
home
search
menu
close
print
share
login
help
settings

# contact
清河市人民政府办公室
地址：清河市中山路8号
邮编：000001
电话：0991-0000001
传真：0991-0000002
办公时间：9:00—17:00
举报电话：0991-0000003
邮箱：office@demo.example
-京ICP备00000001号
-版权所有：清河市人民政府办公室

# contact2
联系我们
欢迎各界人士来信来访，我们将竭诚为您服务。
地址：清河市中山路8号
邮编：000001
电话：0991-0000001
传真：0991-0000002
-京ICP备00000001号

# contact3
就业讲座通知
*
联系方式
石先生 13900000000
办公室 0991-0000001

# links
常用政府网站
中国政府网
政务服务
信息公开
办事指南
白塔统计局
清河税务局
南岸海关

# links2
推荐的学习网站
以下网站是我平时常用的，内容可靠，更新也及时，推荐给初学者。
知乎
哔哩哔哩
豆瓣
小红书
抖音

# links3
社交软件使用调查
*
使用最多的软件依次为：
微信
微博
抖音
小红书
知乎

# links4
社交软件使用调查
*
使用最多的软件
微信
微博
抖音
小红书
知乎

# interview2
渡口的导演谈新片
编辑：许文山
<1>
编辑：白石
<2>
编辑：何宁

# job
招聘信息
职位：网络编辑
部门：新媒体
编制：合同制
薪资：6000元
学历：本科
发布时间：2024-03-05
岗位职责
负责公众号的日常编辑和维护，参与专题策划。
联系方式
邮箱：hr@demo.example

# job2
加入我们
招聘编辑
职责：审稿 校对 排版
要求：本科以上
待遇：面议
欢迎加入我们，和清河的读者一起成长，我们提供良好的工作环境。

# exam
语文试卷
一、选择题
1. 下列词语中没有错别字的一项是
A. 感动 愤怒
B. 高兴 难过
C. 支持 反对
D. 关注 分享
二、填空题
姓名：
班级：
时间：120分钟
第1页 共4页

# manual
电视遥控器说明书
按键说明
返回
菜单
首页
音量
静音
暂停
播放
设置
长按返回键三秒可以恢复出厂设置，恢复后全部数据会丢失。

# manual2
阅读器使用说明
夜间模式
打开后屏幕变暗，适合晚上阅读，不伤眼睛。
语音朗读
点一下屏幕中央，选择语音朗读即可开始收听。
添加收藏
长按书名，选择添加收藏，可以在书架上找到它。
意见反馈
请写信给我们。

# manual3
分享功能怎么用
点击右上角的按钮，会出现下面的选项：
微信好友 微信朋友圈 复制链接
选择其中的一项，就可以把文章发给朋友，朋友不用登录就能看到。
复制链接
把地址粘贴到聊天窗口里，对方点开就能看到文章的全部内容。

# talk
周末读书会
主题：河与人
时间：3月9日14:00
地点：北岸书屋
嘉宾：许文山
主持：何宁
报名电话：0991-0000001
来源：清河图书馆

# talk2
讲座预告
主讲：石青 教授
日期：2024-03-09
时间：14:00
报告厅：三楼
主办：清河大学
讲座介绍清河流域百年水文变化，以及水文记录背后的人和故事，欢迎大家参加。

# news channels
网站栏目调整公告
*
调整后的栏目如下：
新闻
财经
体育
娱乐
文化
-责任编辑：石青

# partners
白塔公司简史
*
合作伙伴
清河大学
南岸物流公司
北岸书屋

# specimen
标本记录
编号：A-12
名称：白塔蕨
来源：清河上游
采集人：石青
日期：2019-03-02
备注：叶背有毛

# menu app
小程序开发教程
底部导航一般有四个标签
首页 分类 购物车 我的
每个标签对应一个页面，点击后切换，当前标签高亮显示。
配置写在文件里，修改以后要重新编译才会生效，请注意保存。

# sports
联赛积分榜
足球
1 北京 20
2 上海 18
3 山东 17
篮球
1 广东 30
2 辽宁 28

# company
公司简介
*
企业文化
以人为本，服务社会，追求卓越，回报乡里，这是我们的宗旨。
合作伙伴
清河大学
南岸物流

# emotion
情绪卡片
把下面的词语剪下来，做成卡片，每天抽一张，说说自己的心情，写在本子上。
开心
难过
愤怒
惊讶
感动
无聊

# provinces
邮编表
下面列出各省的名称，供查找时使用，如有变动以邮政部门公布的资料为准。
河北
山西
辽宁
吉林
黑龙江
江苏 浙江 安徽 福建 江西 山东

# manual short
手机银行使用手册
打开手机银行APP
点击我的
登录
输入验证码
确定
返回首页

# faq columns
网站帮助
账号
如何注册
忘记密码
找回密码
支付
购物车
我的订单
退货
联系客服

# obituary
石青先生生平
1921-03-02 生于清河
1940-05-01 入白塔师范
1983-02-01 病逝
*

# author end
渡口
*
作者：许文山
简介：清河人，中学教师
出版社：北岸书屋
定价：38元

# recipe tail
红烧肉
*
用料
大
中
小
收藏

# reading list
读书之法
*
推荐阅读
《渡口》
《清河往事》
《白塔之下》

# hot spots
清河旅游
*
热门推荐
老街
白塔
北岸码头

# schedule
展览信息
*
时间：2024年3月5日
地点：清河美术馆
票价：免费
主办：清河市文联

# schedule head
展览信息
展期：2024年3月5日—4月5日
开幕时间：2024年3月5日 10:00
地点：清河美术馆
策展人：石青
作者：许文山 白石
*

# interview labels
问答录
来源：民间采集
<1>
来源：口述
<2>
来源：书信
<3>

# platforms
软件安装记录
<1>
需要安装的软件有：
微信 QQ 微博
抖音 知乎
<2>
装完以后依次打开：
QQ空间
腾讯微博

# dict
分享 fēnxiǎng
和别人共同享受。
转发 zhuǎnfā
把收到的再发出去。
点赞 diǎnzàn
表示称赞。
关注 guānzhù
关心重视。

# list price
会员价目
会员分三级，价格不同，权益也不同，下面列出各级会员的价格与权益，供选择时参照。
初级会员
中级会员
高级会员
金牌会员

# channels row
广播节目单
<1>
<2>
07:00 新闻
08:00 财经
09:00 音乐
10:00 体育
11:00 健康

# title crumb
-首页 > 百科 > 正文
美食
-2019-03-02 10:20 来源：白塔网
*

# date and source
清河昨夜大雨
-时间：2024-03-05
-来源：白塔网
*

# rows of a related list
清河大雨
*
-你可能还喜欢
-清河大桥昨晚合龙
-老街改造一期完工
-渡口恢复摆渡

# buttons under comments
清河大雨
*
石先生
写得真好，我也是清河人，小时候常在堤上玩。
-回复 举报
南岸客
看了想家，明年春天一定要回去看看老街和渡口。
-回复 举报

# recipe
红烧肉的做法
用料
五花肉 500克
冰糖 20克
生抽 2勺
做法
1. 五花肉切块，冷水下锅。
2. 冰糖小火炒化。
3. 下肉翻炒上色，加水没过。
小贴士
收藏
可以冷藏保存三天

# poem2
返回
春天来了
我返回河边
打开
一扇门
关闭
另一扇
更多
更多的水

# interview
渡口的导演谈新片
记者：您为什么拍这部片子？
<1>
石青：因为河。
记者：会有续集吗？
<2>
石青：不会。

# letter
致读者
*
您的朋友
石青
2019-03-02

# article with its chrome
-首页 > 论坛 > 正文
老街的味道
-2019-03-02 10:20
*
-责任编辑：石青
-分享到：
-相关新闻
-清河大桥昨晚合龙
-老街改造一期完工
-© 2020 白塔网 版权所有
-京ICP备00000001号

# menu above the title
-首页
-关于我们
-新闻中心
-联系我们
清河大桥昨晚合龙
-2019-03-02 10:20 来源：白塔网
*
-上一页 下一页

# channels above the title, under the name of the site
白塔日报
-首页
-新闻
-体育
-财经
-教育
渡口重开
*

# channels in a column that starts the page
-国际
-娱乐
-体育
-财经
渡口昨日重开，两岸居民同庆
*

# a title that is called as a channel is, under the channels
-首页
-新闻
-体育
-财经
汽车
*

# sports under a short title
校运会项目
足球
篮球
游泳
网球
*

# the channels of a site, in a text about them
网站改版方案
首页
新闻
视频
论坛
*

# channels under the name of a site, without its home page
清河网
财经
体育
娱乐
科技
渡口重开的那一天
*

# channels above a numbered heading, the last of which may be the title
-财经
-体育
-娱乐
科技
一、总则
*

# channels, three of which no rule knows, one after the other
-财经
-体育
-娱乐
-科技
河堤
渡口
白塔
-教育
渡口重开的那一天
*

# channels that four lines part from another
-财经
-体育
-娱乐
-科技
河堤
渡口
白塔
杏花
教育
渡口重开的那一天
*

# channels, the title, and sports under it
-首页
-新闻
-财经
-视频
校运会项目
足球
篮球
游泳
网球
*

# channels, a short title, its date, and sports under that
-首页
-新闻
-财经
-视频
校运会
-2019-03-02 来源：白塔网
足球
篮球
游泳
网球
*

# a table of contents under the share buttons
渡口旧事出版
-来源：白塔网 2019-03-02
*
-分享到：
-责任编辑：石青
目录
序
渡口
老街
北岸人家
后记
-上一篇：老街书屋
-返回顶部
-关于我们 | 联系我们
-© 2020 白塔网 版权所有
-京ICP备00000001号

# works under the credits
*
-责任编辑：石青
-发表评论
主要作品
江边早市
渡
雨后
-返回顶部
-关于我们 | 联系我们
-© 2020 白塔网 版权所有
-京ICP备00000001号

# a title that begins with a number as the rows of a ranking do, in a header
-网站地图
-English
-设为首页
-首页 > 公告 > 正文
112学年度课后社团招生公告
-来源：白塔网 2019-03-02
-点击：120
*

# a pointer to the document that the page is about
渡口管理办法解读
*
相关链接：关于加强渡口管理的若干意见
-【关闭窗口】

# what the foot of a site states is no record beside fields that no rule knows
*
-上一篇：老街书屋
-下一篇：没有了
开放时间：9:00—17:00
预约电话：0399-8555555
-版权所有：白塔书屋 技术支持：清河网络
"""


def pages():
    """Yield the name and the lines of each page."""
    for block in PAGES.removeprefix("# ").strip().split("\n\n# "):
        name, *rows = block.split("\n")
        yield name, "\n".join(TEXT.get(row, row) for row in rows).split("\n")


def as_read(rows):
    return "\n".join(row.removeprefix("-") for row in rows)


@pytest.mark.parametrize(("name", "rows"), list(pages()), ids=lambda x: x if isinstance(x, str) else "")
def test_no_line_of_text_goes_and_the_chrome_does(name, rows):
    page = as_read(rows)
    assert STRIP(page).split("\n") == [row for row in rows if not row.startswith("-")], (name, STRIP.reasons(page))


@pytest.mark.parametrize("title", ["常见问题", "关于我们", "联系我们", "公司简介", "头条", "银行APP使用说明", "分享功能怎么用"])
@pytest.mark.parametrize("above", [[], ["-首页 > 帮助 > 正文"]])
@pytest.mark.parametrize("text", [[P1], [P1, P2, P3, P4, P5], ["怎么开户？", P1, P2, P3], ["怎么开户", "带身份证到柜台", "怎么销户"]])
def test_a_page_keeps_its_title(title, above, text):
    test_no_line_of_text_goes_and_the_chrome_does(title, [*above, title, *text])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("2023/08/19 14:22 記者陳怡君/台北報導", {"published": "2023-08-19T14:22", "author": ["陳怡君"]}),
        (
            "2023-08-19 14:22:10 聯合報 記者陳怡君／台北報導",
            {"published": "2023-08-19T14:22:10", "source": "聯合報", "author": ["陳怡君"]},
        ),
        ("2023-08-19 | 陳怡君", {"published": "2023-08-19"}),
        ("2023-08-19 | 白塔網", {"published": "2023-08-19", "source": "白塔網"}),
        ("文/陳怡君 圖/張明", {"author": ["陳怡君"]}),
        ("2021-07-08 分类：技术 标签：编码 阅读(2301) 评论(5)", {"published": "2021-07-08"}),
    ],
)
def test_bylines_are_salvaged_as_they_are_meant(line, found):
    page = f"渡口重开\n{line}\n{P1}\n{P2}\n{P3}"
    found_there = STRIP.run([Page(page)]).metadata[0]
    metadata = {k: v for k, v in found_there.items() if k != "published_raw" and not k.endswith("_expected")}
    assert metadata == {"title": "渡口重开", **found}
    assert line not in STRIP(page)


def test_a_page_without_sentences_that_would_lose_most_of_its_lines_is_kept_whole():
    footer = ["分享到：", "发表评论", "登录后才能发表留言", "© 2020 白塔网 版权所有", "京ICP备00000001号", "返回顶部"]
    page = "\n".join(["书目", "渡口", "老街", *footer])
    assert STRIP(page) == page
    assert STRIP.run([Page(page)]).flags == {0: ("over_removal",)}
    assert STRIP("\n".join(["书目", "渡口", "老街", "白塔", "北岸", "南岸", *footer])) == "书目\n渡口\n老街\n白塔\n北岸\n南岸"


def test_dates_return_in_a_chronicle_but_not_under_one_article():
    page = ["渡口重开", "2019-03-02", P1, P2, P3]
    assert "2019-03-02" not in STRIP("\n".join(page))
    assert "2019-03-02" in STRIP("\n".join([*page, "2019-04-05", P4]))


def test_weak_labels_need_metadata_beside_them():
    assert "时间" not in STRIP(f"渡口重开\n时间：2024-03-05\n来源：白塔网\n{P1}\n{P2}")
    assert "时间" not in STRIP(f"渡口重开\n时间：2024-03-05 来源：白塔网\n{P1}\n{P2}")
    assert "时间" in STRIP(f"渡口重开\n时间：2024-03-05\n{P1}\n{P2}")
