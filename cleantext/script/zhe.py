"""The 著/着 rule: which 著 of a Traditional text is the particle or verb 着, and which stays.

In Taiwan one character 著 serves for both. The mainland writes 着 for the particle (隨著 -> 随着) and
for "to touch, to put" (著力 -> 着力), and 著 for "to write" and "evident" (著名, 原著, 顯著). OpenCC's t2s
leaves all of them; its tw2s converts all but 23 words, and so makes 原着, 土着 and 高爾基 着. Here,
in this order:

1. the words below, leftmost and longest first;
2. after certain verbs and before a pause, 著 is 着 (看著，);
3. before a Han character it is 着, unless white space or the start of the line is in front of it;
4. everywhere else it stays: 高爾基 著, 魯迅著《吶喊》, （周樹人著）.

A page that writes 着 at least as often as 著 tells them apart itself (Hong Kong does) and is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

__all__ = ["ZHE", "zhe_words"]

# 著 stays. Words that are as often a verb and its particle are not here (拿著書, 大著膽子, 靠近著): rule 3 or doubt decides.
WRITTEN = """
著作 著名 著稱 著述 著錄 著者 著書立 著書人 著有 著於 著于 著成 著績 著效
顯著 卓著 昭著 彰著 較著 夙著 久著 懋著 炳著 名著 原著 專著 論著 巨著 鉅著 譯著 編著 合著 遺著 拙著 宏著 鴻著 撰著 土著 所著 特著
隨著作 跟著作 接著作 沿著作 順著作
"""
# 著 is 着, also where a word above would match a part: 談論著 is not 論著, 結合著 is not 合著, 拿著名片 not 著名.
TOUCHING = """
隨著 沿著 接著 跟著 順著 朝著 循著 意味著 標誌著 標志著 穿著 衣著 執著 沉著 沈著 附著 膠著 黏著 粘著 固著 定著 著落
著力 著眼 著手 著重 著急 著陸 著火 著迷 著想 著色 著實 著裝 著涼 著魔 著床 著墨 著筆 著意 著慌 著忙 著惱 著邊 著棋 著勁
著錄音 著錄影 著錄像 著名片 著名牌 著名字 所著重 所著眼 所著力 所著手 較著重 較著眼
談論著 議論著 討論著 爭論著 辯論著 評論著 理論著 翻譯著 彰顯著 凸顯著 突顯著 顯示著
配合著 結合著 混合著 融合著 契合著 閉合著 迎合著 糅合著 綜合著 聚合著 整合著 組合著 縫合著 癒合著 符合著 吻合著 聯合著 揉合著 切合著 集合著
"""
# Verbs that end no name: a name may stand in front of a 著 that a pause follows (諸葛亮著。).
VERBS = "看聽想說走跑坐站躺睡拿帶抱牽拉推背提扛穿戴笑哭唱跳吃喝住關掛擺寫盯瞪瞧跟隨沿接按守陪圍繞藏躲忍撐扶靠倚握捏抓咬吞鋪裹捆綁貼燒燃流淌滴叫喊罵吵鬧忙悬懸吊垂彎蹲跪趴騎追趕逃送指試活"
PAUSES = "，。、；：！？…」』”’,.;:!?"
ZHE = f"{WRITTEN}{TOUCHING}{VERBS}{PAUSES}"  # goes into the digest of the compiled tables


def zhe_words(convert: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield the words of the rule, each with what ``convert`` (t2s) and the rule make of it."""
    for word in WRITTEN.split():
        yield word, convert(word)
    for word in TOUCHING.split():
        yield word, convert(word).replace("著", "着")
    for verb in VERBS:
        for pause in PAUSES:
            yield f"{verb}著{pause}", f"{convert(verb)}着{pause}"
