"""OpenCC's configurations, and its dictionaries compiled to arrays for kernels.

A stage of a configuration is a *group* of dictionaries, asked in turn: the first that knows a
prefix of the text at hand decides, by its longest key. That is the same as one flat dictionary
with leftmost-longest matching, which holds a key of a later dictionary only if no key of an
earlier one is a prefix of it. So each stage becomes one `ConversionTable`: characters in a two-level array,
phrases in a hashed trie behind a filter of their first two characters.

Source of the semantics: OpenCC 1.4, ``Conversion.cpp``, ``PrefixMatch.cpp``, ``DictGroup.cpp``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.data import BUNDLED, cached, opencc_text
from cleantext.errors import ConfigError

__all__ = [
    "CONFIGURATIONS",
    "RULES",
    "TO_HK",
    "TO_TW",
    "Configuration",
    "ConversionTable",
    "Group",
    "Tiers",
    "compiled",
    "custom",
    "flat",
    "pairs",
    "usual_forms",
]

# Rule ids by tag; tag 0 means unchanged.
CHARACTER, PHRASE, VARIANT, VOCABULARY, ZHE_RULE, COMPATIBILITY, USER, CONTEXT = range(1, 9)
RULES = (
    "",
    "script.character",
    "script.phrase",
    "script.variant",
    "script.vocabulary",
    "script.zhe",
    "script.compatibility",
    "script.user",
    "script.context",
)

Tiers = tuple[tuple[str, ...], ...]  # the dictionaries of one tier are looked up as one (OpenCC's "union")


class Group(NamedTuple):
    """One stage: its tiers, and the rule tags for single characters and for longer keys."""

    tiers: Tiers
    character: int
    phrase: int


class Configuration(NamedTuple):
    """A configuration of OpenCC. The segments of the first stage limit the matches of all later ones."""

    stages: tuple[Group, ...]
    segment_by: Group | None = None  # a separate pass that only segments the text


TS = Group((("TSPhrases",), ("TSCharactersExt",), ("TSCharacters",)), CHARACTER, PHRASE)
TS_PHRASES = Group((("TSPhrases",),), CHARACTER, PHRASE)
ST = Group((("STPhrases", "STPhrases_GeneratedFromRegionalPhrases"), ("STCharacters",)), CHARACTER, PHRASE)
TO_TW = Group((("TWVariantsPhrases",), ("TWVariants",)), VARIANT, VARIANT)
TO_TW_P = Group((("TWPhrases",), ("TWVariantsPhrases",), ("TWVariants",)), VARIANT, VOCABULARY)
TO_HK = Group((("HKVariantsPhrases",), ("HKVariants",)), VARIANT, VARIANT)
TO_HK_P = Group((("HKPhrases",), ("HKVariantsPhrases",), ("HKVariants",)), VARIANT, VOCABULARY)
OF_TW = Group((("TWVariantsRevPhrases",), ("TWVariantsRev",)), VARIANT, VARIANT)
OF_TW_P = Group((("TWPhrasesRev",), ("TWVariantsRevPhrases",), ("TWVariantsRev",)), VARIANT, VOCABULARY)
OF_HK = Group((("HKVariantsRevPhrases",), ("HKVariantsRev",)), VARIANT, VARIANT)
OF_HK_P = Group((("HKPhrasesRev",), ("HKVariantsRevPhrases",), ("HKVariantsRev",)), VARIANT, VOCABULARY)
TO_JP = Group((("JPShinjitaiCharactersRev",),), CHARACTER, PHRASE)
OF_JP = Group((("JPShinjitaiPhrases",), ("JPShinjitaiCharacters",)), CHARACTER, PHRASE)
COMPAT = Group((("CJK_Compatibility_Ideographs",),), COMPATIBILITY, COMPATIBILITY)

# As in the *.json files of OpenCC 1.4.2. In s2* the text is segmented by the first tier of the first stage.
CONFIGURATIONS: Mapping[str, Configuration] = {
    "s2t": Configuration((ST,)),
    "t2s": Configuration((TS,)),
    "s2tw": Configuration((ST, TO_TW)),
    "tw2s": Configuration((OF_TW, TS), TS_PHRASES),
    "s2twp": Configuration((ST, TO_TW_P)),
    "tw2sp": Configuration((OF_TW_P, TS), TS_PHRASES),
    "s2hk": Configuration((ST, TO_HK)),
    "hk2s": Configuration((OF_HK, TS), TS_PHRASES),
    "s2hkp": Configuration((ST, TO_HK_P)),
    "hk2sp": Configuration((OF_HK_P, TS), TS_PHRASES),
    "t2tw": Configuration((TO_TW,)),
    "tw2t": Configuration((OF_TW,)),
    "t2hk": Configuration((TO_HK,)),
    "hk2t": Configuration((OF_HK,)),
    "t2jp": Configuration((TO_JP,)),
    "jp2t": Configuration((OF_JP,)),
}


# --- from text to one flat dictionary ----------------------------------------------------------


def pairs(name: str, *, source: str = BUNDLED) -> list[tuple[str, str]]:
    """Return the rows of a dictionary, each with its first value, the one that OpenCC uses."""
    text = opencc_text(name, source=source) or ""
    rows = (line.split("\t") for line in text.splitlines() if "\t" in line and not line.startswith("#"))
    return [(key, value.split(" ", 1)[0]) for key, value in rows if key and value]


Rows = dict[str, tuple[str, int]]  # key -> value, tag


def flat(tiers: Iterable[Rows]) -> Rows:
    """Merge dictionaries, looked up in order, into one for leftmost-longest matching.

    >>> flat([{"乾": ("乾", 2)}, {"乾隆": ("乾隆", 2), "干": ("干", 1)}])
    {'乾': ('乾', 2), '干': ('干', 1)}
    """
    out: Rows = {}
    lengths: set[int] = set()
    for rows in tiers:
        fresh = {k: v for k, v in rows.items() if not any(k[:n] in out for n in lengths if n <= len(k))}
        out.update(fresh)
        lengths |= {len(k) for k in fresh}
    return out


def rows_of(group: Group, *, source: str = BUNDLED, rare_glyphs: bool = True, zhe: bool = False) -> Rows:
    """Return one stage as a flat dictionary. Raise `ConfigError` if the source lacks the stage's last dictionary."""
    tiers: list[Rows] = []
    for n, names in enumerate(group.tiers):
        tier: Rows = {}
        for name in names:
            if name == "TSCharactersExt" and not rare_glyphs:
                continue
            for key, value in pairs(name, source=source):
                tier.setdefault(key, (value, group.character if len(key) == 1 and n else group.phrase))
        tiers.append(tier)
    if len(group.tiers) == 1:
        tiers = [{k: (v, group.character if len(k) == 1 else group.phrase) for k, (v, _) in tiers[0].items()}]
    if not tiers[-1]:
        raise ConfigError(f"dictionary={source!r} has no {group.tiers[-1][-1]}.txt, which this conversion needs")
    if zhe:
        base = flat(tiers)
        words = zhe_words(lambda word: replaced(base, word))
        tiers[0] = {k: (v, group.phrase) for k, v in OWN.items()} | tiers[0]
        tiers[0] = {k: (v, CHARACTER if "著" in v else ZHE_RULE) for k, v in words} | tiers[0]
    return flat(tiers)


# Words from the Book of Changes in which OpenCC wrongly converts 乾 to 干; used by targets.
OWN = {"終日乾乾": "终日乾乾", "乾為天": "乾为天", "乾爲天": "乾为天"}
# Forms that Traditional text prefers over those of the dictionaries of variants. Counts in 86 Traditional pages and
# 1,200 statutes of Taiwan (../shared/data): 台 534 : 57 on the pages (the statutes write 臺), 群 153 : 0, 床 206 : 0, 峰 33 : 0,
# 麵 3 : 0, 濕 29 : 3, 啟 95 : 1, 污 620 : 1 (汙).
USUAL = {"臺": "台", "羣": "群", "牀": "床", "峯": "峰", "麪": "麵", "溼": "濕", "啓": "啟", "污": "污", "汙": "污"}


def usual_forms(regions: tuple[Group, ...], *, source: str = BUNDLED) -> Rows:
    """Return the forms that all given regions write instead of those of OpenCC's standard: 為 for 爲, 眾 for 衆.

    >>> usual_forms((TO_TW, TO_HK))["爲"][0], "裏" in usual_forms((TO_TW, TO_HK)), usual_forms((TO_TW,))["裏"][0]
    ('為', False, '裡')
    """
    first, *others = (rows_of(region, source=source) for region in regions)
    shared = {k: v for k, v in first.items() if all(rows.get(k, (k, 0))[0] == v[0] for rows in others)}
    return shared | ({k: (v, VARIANT) for k, v in USUAL.items()} if TO_TW in regions else {})


def in_forms(rows: Rows, forms: Rows) -> Rows:
    """Return a dictionary with ``forms`` applied to its values, and added for characters that it lacks."""
    written = {k: (replaced(forms, v), tag) for k, (v, tag) in rows.items()}
    return {k: v for k, v in forms.items() if len(k) == 1 and k != "臺"} | written


def replaced(rows: Rows, text: str) -> str:
    """Replace leftmost-longest in plain Python: the reference for tests of the kernel."""
    longest = max(map(len, rows), default=1)
    out, at = [], 0
    while at < len(text):
        width = next((n for n in range(min(longest, len(text) - at), 0, -1) if text[at : at + n] in rows), 0)
        out.append(rows[text[at : at + width]][0] if width else text[at])
        at += width or 1
    return "".join(out)


# --- from a flat dictionary to arrays ----------------------------------------------------------

START = 1 << 31  # a longer key may start with this character
LONG = 1 << 30  # the value is not a single character; the low bits have its number
LOW = (1 << 21) - 1
LONGEST = 4095  # maximum length of a value, in 12 bits
INNER = 0x110000  # a parent in the trie is a first character, or this plus the number of a node
A, B, C = 0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35  # odd, near 2**32: sums of products with 21-bit numbers fit in int64
PAIR = 0x5BD1E995  # XORed into the hash of two characters that are a key


class ConversionTable(NamedTuple):
    """A compiled stage. Numba takes a named tuple of arrays as it is."""

    block: npt.NDArray[np.int32]  # [code point >> 8] -> where its 256 entries start
    entry: npt.NDArray[np.uint32]  # code point XOR its replacement; or with START, LONG
    filter: npt.NDArray[np.uint8]  # bit set of the beginnings of phrases (with false positives), a tenth of the size of the trie
    slot: npt.NDArray[
        np.int64
    ]  # the trie's steps, hashed: parent, character, (value + 1) * 2 + (1 if longer keys go on), 21 bits each; -1 is empty
    value: npt.NDArray[np.int64]  # start in ``points``, length (12 bits), rule (4 bits)
    points: npt.NDArray[np.int32]
    settings: npt.NDArray[np.int64]  # shift of the hash for filter and slot, rule of plain characters, 著 rule on, values as long as keys


def compile_table(rows: Rows, *, character: int, zhe: bool) -> ConversionTable:
    """Compile a flat dictionary."""
    longer = {k: v for k, v in rows.items() if len(k) > 1}
    values = list(longer.values())
    entries: dict[int, int] = {}
    for key, (value, tag) in rows.items():
        if len(key) > 1:
            continue
        if len(value) == 1 and tag == character:
            entries[ord(key)] = ord(key) ^ ord(value)
        else:
            entries[ord(key)] = START | LONG | len(values)
            values.append((value, tag))
    for first in {ord(k[0]) for k in longer}:
        entries[first] = entries.get(first, 0) | START
    if zhe:
        entries[ord("著")] = entries.get(ord("著"), 0) | LONG  # always examined
    starts = np.cumsum([0, *(len(v) for v, _ in values)]).tolist()
    packed = [start << 16 | len(v) << 4 | tag for start, (v, tag) in zip(starts, values, strict=False)]
    filter_, slot, shifts = _trie({key: n for n, key in enumerate(longer)})
    # Copied, because for Numba a read-only array has another type than one from the disk cache, so kernels would be compiled twice.
    points = np.frombuffer("".join(v for v, _ in values).encode("utf-32-le", "surrogatepass"), np.int32).copy()
    aligned = all(len(k) == len(v) for k, (v, _) in rows.items())
    settings = np.array([*shifts, character, zhe, aligned], np.int64)
    return ConversionTable(*two_level(entries), filter_, slot, np.array(packed, np.int64), points, settings)


def two_level(entries: Mapping[int, int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32]]:
    """Return (block, entry) such that ``entry[block[c >> 8] + (c & 255)]`` is the entry of ``c``, 0 for the rest."""
    used = sorted({point >> 8 for point in entries})
    block = np.zeros(0x1100, np.int32)
    block[used] = np.arange(1, len(used) + 1, dtype=np.int32) * 256
    entry = np.zeros((len(used) + 1) * 256, np.uint32)
    where = np.fromiter(entries, np.int64, len(entries))
    entry[block[where >> 8] + (where & 255)] = np.fromiter(entries.values(), np.int64, len(entries))
    return block, entry


def _trie(keys: Mapping[str, int]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], tuple[int, int]]:
    """Return filter, slots and the shifts of their hashes. A node is the slot of the step that leads to it."""
    prefixes = {key[:n] for key in keys for n in range(2, len(key) + 1)}
    inner = {prefix[:-1] for prefix in prefixes}
    bits = max(4, (len(prefixes) * 2).bit_length())
    mask = (1 << bits) - 1
    slots = [-1] * (1 << bits)
    node: dict[str, int] = {}
    for prefix in sorted(prefixes, key=len):
        parent = ord(prefix[0]) if len(prefix) == 2 else INNER + node[prefix[:-1]]
        c = ord(prefix[-1])
        at = ((parent * A + c * B) & 0xFFFFFFFF) >> (32 - bits)
        while slots[at] >= 0:
            at = (at + 1) & mask
        slots[at] = (parent << 21 | c) << 21 | (keys.get(prefix, -1) + 1) * 2 | (prefix in inner)
        node[prefix] = at
    filter_, filter_shift = _filter(prefixes, keys)
    return filter_, np.array(slots, np.int64), (filter_shift, 32 - bits)


def _filter(prefixes: Iterable[str], keys: Container[str]) -> tuple[npt.NDArray[np.uint8], int]:
    """Return bits for the first two characters of keys, for those that are a key, and for the first three; and their shift."""
    hashes = []
    for prefix in prefixes:
        h = ord(prefix[0]) * A + ord(prefix[1]) * B
        if len(prefix) == 2:
            hashes += [h, h ^ PAIR] if prefix in keys else [h]
        elif len(prefix) == 3:
            hashes.append(h + ord(prefix[2]) * C)
    bits = max(10, min(20, (len(hashes) * 8).bit_length()))  # at most 128 kB, which fits in the second-level cache
    flags = np.zeros(1 << bits, np.uint8)
    flags[[(h & 0xFFFFFFFF) >> (32 - bits) for h in hashes]] = 1
    return np.packbits(flags, bitorder="little"), 32 - bits


@lru_cache(maxsize=64)
def compiled(
    group: Group, *, source: str = BUNDLED, rare_glyphs: bool = True, zhe: bool = False, forms: tuple[Group, ...] = ()
) -> ConversionTable:
    """Return the table of a stage from memory, from the disk cache, or compiled now. With ``forms`` it writes the `usual_forms` of regions."""
    digest = hashlib.sha256(repr((FORMAT, group, rare_glyphs, zhe and (ZHE, OWN), forms and (forms, USUAL))).encode())
    for name in (name for part in (group, *forms) for tier in part.tiers for name in tier):
        digest.update(f"{name}={opencc_text(name, source=source)}".encode())

    def build() -> dict[str, Any]:
        rows = rows_of(group, source=source, rare_glyphs=rare_glyphs, zhe=zhe)
        if forms:
            rows = in_forms(rows, usual_forms(forms, source=source))
        return compile_table(rows, character=group.character, zhe=zhe)._asdict()

    return ConversionTable(**cached(f"script-{digest.hexdigest()[:32]}", build))


FORMAT = 6  # of the compiled arrays; raise it when their meaning changes


def custom(words: Mapping[str, str]) -> ConversionTable:
    """Compile a user's own phrases. Single characters are stored as values as well, since plain entries cannot be frozen."""
    return compile_table({k: (v, USER) for k, v in words.items()}, character=0, zhe=False)


# --- The 著/着 rule -----------------------------------------------------------------------------------

# Which 著 of a Traditional text is the particle or verb 着, and which stays.
#
# In Taiwan one character 著 serves for both. The mainland writes 着 for the particle (隨著 -> 随着) and
# for "to touch, to put" (著力 -> 着力), and 著 for "to write" and "evident" (著名, 原著, 顯著). OpenCC's t2s
# leaves all of them; its tw2s converts all but 23 words, and so makes 原着, 土着 and 高爾基 着. Here,
# in this order:
#
# 1. the words below, leftmost and longest first;
# 2. after certain verbs and before a pause, 著 is 着 (看著，);
# 3. before a Han character it is 着, unless white space or the start of the line is in front of it;
# 4. everywhere else it stays: 高爾基 著, 魯迅著《吶喊》, （周樹人著）.
#
# A page that writes 着 at least as often as 著 tells them apart itself (Hong Kong does) and is left alone.

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
    """Yield the words of the rule, with their conversion by ``convert`` (t2s) and the rule."""
    for word in WRITTEN.split():
        yield word, convert(word)
    for word in TOUCHING.split():
        yield word, convert(word).replace("著", "着")
    for verb in VERBS:
        for pause in PAUSES:
            yield f"{verb}著{pause}", f"{convert(verb)}着{pause}"
