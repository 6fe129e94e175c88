import itertools
import json
import random
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from made import examples

from cleantext.changes import code_points
from cleantext.edits import apply, revert
from cleantext.repair import STEPS, Controls, Entities, GbkSlips, Mojibake, PinyinInjections, Shortcodes, model, repair
from cleantext.repair.damage import FAMILIES, FOLDED, Injector, draw_injector, garble
from cleantext.repair.misread import codec_runs, latin, losses
from cleantext.repair.misread.latin import SUSPECTS, ftfy_safe, gated, suspects
from cleantext.repair.model import word_model
from cleantext.repair.pinyin import CANDIDATE, first_readings, syllable
from cleantext.repair.shifted import certified
from cleantext.transform import Page

CASES = json.loads((Path(__file__).parent / "cases" / "repair.json").read_text("utf-8"))
HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
shared = pytest.mark.shared

# Pieces of every kind of damage, and what may stand beside them.
PIECES = (
    "發(fā)展 經(jīng)濟 設(shè)備 質(zhì)量 區(qū)域 (fā) 發 ?!弊灾螀^(qū) ??κ?、 當(dāng)?shù)貏趧恿μ貏e æˆ‘ä»¬ ÖÐ¹ú £¬ µÄ ¤¤¤å 鏂扮枂 锛 ㄛ腔 &nbsp; &amp; amp; &#x4E2D; &#38; lt; < :copyright: : "
    "\ufeff \u200b \u200d \u200e \u202e א ي 😀 \x0b \x81 \x1b[31m \n \ufffd 锟斤拷 € é Ã Â œ “ ” 。 ， ? ! ( ) ﬁ 的 新疆 abc 12 \ue000 `"
)  # fmt: skip
TEXTS = st.lists(
    st.sampled_from([*re.split(" ", PIECES), "發(fā)展經(jīng)濟與設(shè)備品質(zhì)區(qū)域", " "]) | st.text(max_size=3), max_size=12
).map("".join)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["label"])
def test_cases(case):
    fixed = repair(case["original"])
    assert fixed == case["fixed"]
    assert repair(fixed) == fixed


@given(TEXTS)
@settings(deadline=None, max_examples=examples(300))
def test_repair_reaches_a_fixpoint(text):
    fixed = repair(text)
    assert repair(fixed) == fixed


@given(TEXTS)
@settings(deadline=None, max_examples=examples(200))
def test_edits_explain_the_output_and_can_be_taken_back(text):
    for step in STEPS:
        edits = step.edits(text)
        assert apply(text, edits) == step(text)
        assert revert(step(text), edits) == text
        assert {rule for e in edits for rule in e.rules} <= set(step.rules)


@given(TEXTS)
@settings(deadline=None, max_examples=examples(200))
def test_pinyin_removes_glosses_and_nothing_else(text):
    for edit in PinyinInjections().edits(text):
        assert edit.after == ""
        assert re.fullmatch(
            r"(?:[(（][^\W\d_]{1,8}[)）])+",
            syllable(edit.before).join("()") if edit.before.count("(") + edit.before.count("（") == 1 else edit.before,
        )
        assert first_readings()[text[edit.start - 1]] == syllable(re.split("[()（）]+", edit.before)[1])


@given(TEXTS)
@settings(deadline=None, max_examples=examples(200))
def test_every_han_character_stays(text):
    for step in (PinyinInjections(), Controls(), Shortcodes(), Entities()):
        left = iter(HAN.findall(step(text)))
        assert all(character in left for character in HAN.findall(text)), step.id


class TestPinyin:
    INJECTED = "發(fā)展經(jīng)濟、建設(shè)新區(qū)、提高質(zhì)量"

    def test_metadata_and_flags(self):
        changes = PinyinInjections().run([Page("国产精品久久久亚洲精品\n" + self.INJECTED), Page("發(fā)展")])
        assert changes.metadata == {0: {"pinyin_injection_rate": round(5 / 23, 4)}}
        assert changes.flags == {0: ("pinyin_injection", "adult_first_line")}

    def test_thresholds(self):
        four = "發(fā)展經(jīng)濟、建設(shè)新區(qū)"
        assert PinyinInjections()(four) == four
        assert PinyinInjections(kinds=4)(four) == "發展經濟、建設新區"
        assert PinyinInjections()("發(fā)展" * 9) == "發(fā)展" * 9
        assert PinyinInjections()("發(fā)展" * 10) == "發展" * 10

    def test_other_readings_convict_nobody(self):
        page = self.INJECTED + "，樂(yuè)器"
        assert PinyinInjections()(page) == page
        assert PinyinInjections()(self.INJECTED * 4 + "，樂(yuè)器") == "發展經濟、建設新區、提高質量" * 4 + "，樂(yuè)器"

    def test_table(self):
        readings = first_readings()
        assert len(readings) > 3900
        assert [readings[c] for c in "區設發經質業貿產優續關創標內數戰務現領轉"] == re.split(
            " ", "qū shè fā jīng zhì yè mào chǎn yōu xù guān chuàng biāo nèi shù zhàn wù xiàn lǐng zhuǎn"
        )
        assert not {"展", "的", "发"} & set(readings)


def lines(chance, n):
    """Yield lines of every kind that may pass the gate: clean, of suspects, mojibake, cut anywhere, mixed."""
    table = [chr(c) for c in range(0x3000) if suspects()[c]]
    near = [chr(c) for c in (*range(0x20, 0x530), *range(0x2010, 0x2030), *range(0x2190, 0x2200))]
    codecs = ("latin-1", "cp1252", "cp1251", "mac-roman", "cp437", "cp1250", "iso8859-2", "cp1254", "cp1253")
    clean = re.split(" ", PIECES) + list(CLEAN) + ["À l’élève", "Привет", "“你好”——他说……", "naïve œuvre", "10 µm ± 5 °C", "€ 5", "a \xa0b"]
    for _ in range(n):
        parts = []
        for _ in range(chance.choice((1, 1, 2, 3))):
            kind = chance.randrange(6)
            text = chance.choice(clean)[: chance.choice((3, 12, 99))]
            if kind == 0:
                text = "".join(chance.choices(table, k=chance.randrange(1, 5)))
            elif kind == 1:
                text = "".join(chance.choices(near, k=chance.randrange(1, 12)))
            elif kind < 4:
                text = (text + "".join(chance.choices(near, k=2))).encode("utf-8", "ignore").decode(chance.choice(codecs), "replace")
            elif kind == 4:
                text = text[: chance.randrange(4)] + chance.choice(table) + chance.choice(" \n“”—…°œ")
            parts.append(text)
        yield "".join(parts)


class TestLatin:
    def test_every_alternative_of_badness_needs_a_suspect(self):
        """Take ftfy's expression apart: in each alternative some required character can only be a suspect."""
        from re import _constants as c
        from re import _parser

        from ftfy.badness import BADNESS_RE

        table = suspects()

        def characters(op, value):
            if op is c.LITERAL:
                return {value}
            if op is c.IN and not any(o is c.NEGATE for o, _ in value):
                found = set()
                for o, v in value:
                    found |= {v} if o is c.LITERAL else set(range(v[0], v[1] + 1)) if o is c.RANGE else {-1}
                return found
            return {-1}

        def needs(pattern):
            for op, value in pattern:
                if op is c.BRANCH:
                    if all(needs(p) for p in value[1]):
                        return True
                elif op is c.SUBPATTERN:
                    if needs(value[3]):
                        return True
                elif op in (c.MAX_REPEAT, c.MIN_REPEAT):
                    if value[0] > 0 and needs(value[2]):
                        return True
                elif (found := characters(op, value)) and -1 not in found and all(table[x] for x in found):
                    return True
            return False

        parsed = _parser.parse(BADNESS_RE.pattern, BADNESS_RE.flags)
        assert needs(parsed)
        assert len(SUSPECTS) < 1200

    def test_every_alternative_of_badness_needs_a_suspect_by_itself_or_beside_a_named_character(self):
        """Write out what each alternative reads: some two characters that follow one another, or one, are what `may_be_bad` looks for."""
        from re import _constants as c
        from re import _parser

        from ftfy.badness import BADNESS_RE

        table = {chr(code) for code in np.flatnonzero(suspects())}
        named, special = (re.compile(pattern) for pattern in (latin.NAMED, f"[{latin.BY_ITSELF}]"))

        def sequences(pattern):
            """Yield the rows of characters, or sets of them, None for any, that a parsed pattern reads."""
            rows = [[]]
            for op, value in pattern:
                if op is c.BRANCH:
                    more = [row for branch in value[1] for row in sequences(branch)]
                elif op is c.SUBPATTERN:
                    more = sequences(value[3])
                elif op in (c.MAX_REPEAT, c.MIN_REPEAT):
                    more = [row * n for n in range(value[0], min(int(value[1]), value[0] + 1) + 1) for row in sequences(value[2])]
                elif op is c.LITERAL:
                    more = [[{chr(value)}]]
                elif op is c.IN and all(o in (c.LITERAL, c.RANGE) for o, _ in value):
                    more = [[{chr(x) for o, v in value for x in ([v] if o is c.LITERAL else range(v[0], v[1] + 1))}]]
                else:
                    more = [[]] if op is c.AT else [[None]]
                rows = [[*row, *rest] for row in rows for rest in more]
            return rows

        def seen(row):
            if any(one and one <= table and all(map(special.match, one)) for one in row):
                return True
            return any(
                one and other and all(map(named.match, one | other)) and (one <= table or other <= table)
                for one, other in itertools.pairwise(row)
            )

        rows = sequences(_parser.parse(BADNESS_RE.pattern, BADNESS_RE.flags))
        assert len(rows) > 30
        assert [row for row in rows if not seen(row)] == []

    @given(st.text(st.characters(codec=None) | st.sampled_from("œŒÃÂ°€ \n“”éà×²вЂβÄ‚Ä\x80\x9dﬁ"), max_size=30))
    @settings(deadline=None, max_examples=examples(1500))
    def test_gate_never_changes_the_answer(self, text):
        assert gated(text) == ftfy_safe(text)

    @given(
        st.lists(
            st.sampled_from(
                [
                    "hôtel",
                    "été",
                    "dÃ©jÃ\xa0",
                    "mÃ©tÃ©o",
                    "l’hôtel",
                    "«Étoile»",
                    "œ",
                    "Å“",
                    "â€™",
                    "à",
                    "Ã",
                    "â\x1a",
                    "ÃƒÂ©",
                    "Ð¿",
                    "ﬁ",
                    "\x85",
                    "5€",
                ]
            ),
            max_size=8,
        )
    )
    @settings(deadline=None, max_examples=examples(1500))
    def test_gate_among_real_accents(self, words):
        for line in (" ".join(words), "".join(words) + "\n"):
            assert gated(line) == ftfy_safe(line)

    @given(TEXTS, st.sampled_from(["latin-1", "cp1252", "cp1251", "mac-roman", "cp437"]))
    @settings(deadline=None, max_examples=examples(400))
    def test_gate_on_mojibake(self, text, codec):
        damaged = text.encode("utf-8", "replace").decode(codec, "replace")
        assert gated(damaged + text) == ftfy_safe(damaged + text)

    def test_gate_on_50_000_lines(self):
        assert all(gated(line) == ftfy_safe(line) for line in lines(random.Random(1), 50_000))

    @pytest.mark.long
    @pytest.mark.parametrize("seed", range(2, 6))
    def test_gate_on_two_million_lines(self, seed):
        chance = random.Random(seed)
        assert all(gated(line) == ftfy_safe(line) for line in lines(chance, 500_000))

    @pytest.mark.long
    @shared
    def test_gate_on_real_lines(self):
        """The laws and the Bible, and what each of the families makes of them."""
        import zstandard

        n = 0
        for name in ("laws", "moj", "cuv"):
            data = zstandard.ZstdDecompressor().stream_reader((SHARED / "data" / "dedup" / f"{name}.jsonl.zst").read_bytes()).read()
            for line in re.findall(
                r"[^\n]+", "\n".join(v for row in data.decode().splitlines() for v in json.loads(row).values() if isinstance(v, str))
            ):
                for shown in (line, *(garble(line[:60], family) for family in FAMILIES)):
                    if shown is not None:
                        n += 1
                        assert gated(shown) == ftfy_safe(shown)
        assert n > 1_000_000

    def test_a_line_longer_than_ftfy_takes_at_once(self):
        text = "x" * 1_000_000 + "Â © Ã\xa0"
        assert gated(text) == ftfy_safe(text)

    @shared
    def test_ftfy_cases(self):
        """The same answers as ftfy without quotes and width, but for one C1 control that `Controls` takes out."""
        from ftfy import fix_text

        differ = []
        for file in sorted((SHARED / "data" / "suites" / "ftfy").glob("*.json")):
            for case in json.loads(file.read_text("utf-8")):
                theirs = fix_text(case["original"], uncurl_quotes=False, fix_character_width=False)
                if repair(case["original"]) != theirs:
                    differ.append((case["original"], theirs))
        assert [(o, t.replace("\x81", "")) for o, t in differ] == [(o, repair(o)) for o, _ in differ]
        assert len(differ) <= 1


def test_lost_characters_are_counted_and_stay():
    changes = Mojibake().run([Page("锟斤拷一\ufffd\ufffd"), Page("干净"), Page("讲锟斤拷的文章" * 3 + "正文" * 200)])
    assert changes.metadata == {0: {"lost_characters": 3}, 2: {"lost_characters": 3}}
    assert changes.flags == {0: ("lost_characters",)}
    assert not changes.by_page


@shared
def test_seeds_without_injections_stay():
    for file in sorted((SHARED / "data" / "seeds").glob("00[1-4]_*.txt")):
        text = file.read_text("utf-8")
        assert repair(text) == text.replace(":copyright:", "©")


def seed_000():
    folder = SHARED / "data" / "seeds"
    return next(folder.glob("000_*.txt")).read_text("utf-8"), (folder / "000.repaired.txt").read_text("utf-8")


@shared
def test_seed_000_is_repaired_exactly():
    """391 readings stand behind their character; the 392nd stands behind 區 once the slip before it is mended."""
    seed, true = seed_000()
    assert len(PinyinInjections().edits(seed)) == 391
    slips = GbkSlips().edits(seed)
    assert [(e.before, e.after) for e in slips] == [("?!弊灾螀^", "。”自治區"), ("??κ?", "。喀什"), ("?shù)貏趧恿μ貏e", "地勞動力特別")]
    assert len(PinyinInjections().edits(GbkSlips()(seed))) == 392
    assert repair(seed) == true


@shared
def test_the_simulator_makes_seed_000():
    seed, true = seed_000()
    table = list(dict.fromkeys(seed[m.start() - 1] for m in CANDIDATE.finditer(seed)))
    table.sort(key=lambda c: c != "數")  # 數 was replaced before 當, or `當(dāng)?shù)貏` could not stand there
    injector = Injector(tuple((c, first_readings()[c]) for c in table), separators="！？；：，。、", folds=True)
    assert len(table) == 44
    assert injector.damage(true) == seed


CLEAN = (
    "新疆維吾爾自治區位於祖國西北邊陲，總面積一百六十多萬平方公里。",
    "主任委員綜理會務，並指揮、監督所屬人員；副主任委員襄助之。",
    "各級人民政府應當加強對農業生產的領導，保護農民的合法權益！",
    "學校應當按照規定開展體育活動，增強學生體質。",
    "當地經濟的發展，離不開科學技術的進步；也離不開人才。",
    "他說：“這裡的春天來得很晚。”大家聽了都笑起來。",
)


@given(st.randoms(use_true_random=False), st.booleans())
@settings(deadline=None, max_examples=60)
def test_damage_and_back(chance, folds):
    """Every accepted run carries its byte certificate, and text without slips comes back exactly."""
    lines = [chance.choice(CLEAN) for _ in range(12)]
    injector = draw_injector(chance, "".join(lines), pairs=chance.choice([0, 20, 200]), separators=chance.randrange(8), folds=folds)
    shown = [injector.damage(line) for line in lines]
    true = [line.translate(FOLDED) if folds else line for line in lines]
    page = "\n".join(shown)
    for edit in GbkSlips().edits(page):
        assert certified(edit.before, edit.after)
    mended = PinyinInjections()(GbkSlips()(page)).split("\n")
    if len(injector.table) >= 5:
        for s, t, m in zip(shown, true, mended, strict=True):
            if s.count("?") == t.count("?"):
                assert m == t


def test_certificates_are_refused():
    assert certified("?shù)貏趧恿μ貏e", "地勞動力特別")
    assert not certified("?shù)貏趧恿μ貏e", "地勞動力特区")
    assert not certified("?！绷", "。”林好")
    assert certified("??κ?", "。喀什")


def test_slips_that_cannot_be_decided_are_flagged():
    page = "發(fā)展經(jīng)濟、建設(shè)新區(qū)、提高質(zhì)量，?：Φ?，處理"
    changes = GbkSlips().run([Page(page), Page("真的嗎??、基金")])
    assert changes.flags == {0: ("slip_unresolved",)}
    assert changes.metadata == {0: {"slip_unresolved": [(39, 43)]}}
    assert not changes.by_page


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_families(family):
    found = 0
    simplified = (
        "中华人民共和国成立了，新疆维吾尔自治区在西北。",
        "我们应当认真学习科学技术知识",
        "他们在北京大学工作，每天坐地铁上班。",
        "保护环境，人人有责",
        "中国人民解放",
    )
    for line in CLEAN if "big5 as" in family else (*CLEAN, *simplified):
        shown = garble(line, family)
        if shown is not None:
            found += 1
            assert repair(shown) == line
            assert repair("正常的文字\n" + shown + "\n正常的文字") == "正常的文字\n" + line + "\n正常的文字"
    assert found


def test_mojibake_inside_a_clean_line():
    assert repair("他说“ÖÐ¹úÈËÃñÒøÐÐ”，不是别的") == "他说“中国人民银行”，不是别的"
    assert repair("标题：ä¸\xadå›½äººæ°‘ - 首页") == "标题：中国人民 - 首页"


def test_a_lost_byte_stays_lost():
    shown = "中国人民解放军".encode().decode("gb18030", "replace")
    assert shown[-1] == "\ufffd"
    assert repair(shown) == "中国人民解放\ufffd"
    assert repair("正文" + shown[:-1] + "?") == "正文" + shown[:-1] + "?"


def test_gbk_as_latin_is_taken_before_ftfy_destroys_it():
    shown = garble("新疆维吾尔自治区人民政府", "gbk as latin-1")
    assert ftfy_safe(shown) != shown
    assert repair(shown) == "新疆维吾尔自治区人民政府"


def test_model_prefers_text():
    model = word_model()
    assert model.score("，。喀什、") > model.score("，。喀是、")
    assert model.score("高等院校和") > model.score("高等院。和")
    for text in ("發展經濟", "发展经济"):
        assert model.quick(text) / 4 > -7 > model.quick("鏂扮枂鏁扮") / 5
    assert model.score("ＡＢ，") == model.score("AB，")


def test_readings_have_no_empty_rows():
    for row in (resources.files("cleantext.data") / "readings.tsv").read_text("utf-8").splitlines():
        reading, characters = row.split("\t")
        assert reading
        assert characters


@pytest.mark.parametrize("at", range(3, 24))
def test_behind_a_lost_byte_the_rest_of_a_character_is_skipped(at):
    """Two bytes of UTF-8 that were one character of GBK are lost; all characters that keep their bytes come back."""
    text = "请看首页联系我们清河书店关于欢迎光临"
    shown = text.encode().decode("gbk")
    mended = repair(f"{shown[:at]}\ufffd{shown[at + 1 :]}")
    before, _, after = mended.partition("\ufffd")
    assert before == text[: 2 * at // 3]
    assert after == text[-((len(shown) - at - 1) * 2 // 3) :]


@pytest.mark.parametrize("text", ["河道清理软件下载中心", "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_chinese_that_was_read_as_cp1250(text, encoding):
    import ftfy.bad_codecs  # noqa: F401

    assert repair(text.encode(encoding).decode("sloppy-windows-1250")) == text


CENTRAL_EUROPE = """PŘÍLIŠ ŽLUŤOUČKÝ KŮŇ ÚPĚL ĎÁBELSKÉ ÓDY
ZAŻÓŁĆ GĘŚLĄ JAŹŃ
ÁRVÍZTŰRŐ TÜKÖRFÚRÓGÉP
ÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ áčďéěíňóřšťúůýž
ÁÉÍÓÖŐÚÜŰ áéíóöőúüű
ĄĆĘŁŃÓŚŹŻ ąćęłńóśźż
Înălțimea şi ţărmul, fără îndoială, au rămas"""


@given(st.lists(st.sampled_from(CENTRAL_EUROPE.split()), min_size=1, max_size=8).map(" ".join))
def test_the_languages_of_cp1250_stay(text):
    assert repair(text) == text


@pytest.mark.parametrize("shown", ["sloppy-windows-1251", "koi8-r", "iso8859-2", "sloppy-windows-1254"])
@pytest.mark.parametrize("text", ["河道清理软件下载中心", "今年三月,喀什古城的杏花开了,游客比往年多了一倍。"])
def test_chinese_that_was_read_by_other_tables(text, shown):
    import ftfy.bad_codecs  # noqa: F401

    for encoding in ("gb18030", "utf-8"):
        assert repair(text.encode(encoding).decode(shown)) == text


@given(st.sampled_from(["привет", "мир", "МОСКВА", "и", "Россия", "ёлка", "«да»", "№5", "Їжак", "її", "ґанок", "є", "вісті", "Ђорђе", "њива", "ја", "сам", "Қазақ", "İĞÜŞÖÇ", "şoför", "║меню║"]).flatmap(
    lambda word: st.lists(st.just(word) | st.sampled_from(["на", "столе", "ОКНО", "в", "Україна"]), min_size=1, max_size=8)
).map(" ".join))  # fmt: skip
@settings(max_examples=examples(40))
def test_the_languages_of_these_tables_stay(text):
    assert Mojibake()(text) == text


LONG_LINE = "今年三月喀什古城的杏花开了，游客比往年多了一倍，老人说这样的春天他等了三年。"


@pytest.mark.parametrize("at", [9, 24, 40, 61])
@pytest.mark.parametrize(("written", "shown"), [("gb18030", "latin-1"), ("gb18030", "koi8-r"), ("utf-8", "cp437"), ("utf-8", "mac-roman")])
def test_both_sides_of_a_lost_byte_come_back(written, shown, at):
    data = LONG_LINE.encode(written)
    page = Page((data[:at] + data[at + 1 :]).decode(shown, "replace"))
    fixed = Mojibake()(page.text)
    size = 2 if written == "gb18030" else 3
    assert fixed.startswith(LONG_LINE[: at // size - 1])
    assert LONG_LINE[at // size + 3 : -1] in fixed
    assert Mojibake().run([page]).metadata[0]["lost_characters"] >= 1


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("版 权 所 有", "版权所有"),
        ("这 是 一 段 从 扫 描 件 里 提 取 的 文 字 ， 每 个 字 都 有 空 格 。", "这是一段从扫描件里提取的文字，每个字都有空格。"),
        ("日 一 二 三 四 五 六", None),
        ("甲 乙 丙 丁", None),
        ("日 月 水 火 山 石 田 土", None),
        ("他说 今 天 很 好", None),
        ("A B C 我 你", None),
        ("联 系 我 们\n正文在这里。", "联系我们\n正文在这里。"),
    ],
)
def test_letter_spaced_lines(text, closed):
    assert repair(text) == (closed or text)


@given(st.text(st.sampled_from("Ðй├é’€œﬁ\uf8ff\ufffd中 aZ@?/09:\x7f\x80\0\ud800\U0001f600"), max_size=40))
@settings(deadline=None)
def test_both_forms_of_the_runs_of_codecs_agree_with_a_search(line):
    """The kernel, what runs until it is compiled, and regular expressions find the same runs."""
    lone = re.compile(r"(?:\A|(?<=[\0-/:-\x7f]))[^\0-\x7f](?=[\0-/:-?\x7f]|\Z)")
    names = ("latin-1", "sloppy-windows-1252", "koi8-r", "mac-roman")
    writers, found = codec_runs._writers(names), []
    for n, name in enumerate(names):
        runs = re.finditer(f"[{re.escape(bytes(range(256)).decode(name))}]+", line)
        runs = (m for m in runs if len(m[0]) >= codec_runs.SHORTEST)
        found += [[n, *m.span()] for m in runs if len(re.findall("[^\0-\x7f]", m[0])) >= codec_runs.FEWEST and not lone.search(m[0])]
    assert codec_runs.codec_runs(line, names) == found
    for form in (codec_runs._runs_at_once, codec_runs._runs.compiled):
        runs = np.empty((4 * len(line), 3), np.int64)
        assert runs[: form(code_points(line), writers, 4, runs)].tolist() == found


@given(st.text(st.sampled_from("新疆天山的發\ue000。a \U00020000") | st.characters(), max_size=30))
@settings(deadline=None)
def test_both_forms_of_the_gains_of_a_text_agree(text):
    words = word_model()
    one, other = np.zeros((2, len(text)))
    model._gains_at_once(code_points(text), words._fold, words.links, one)
    model._gains.compiled(code_points(text), words._fold, words.links, other)
    assert one.tolist() == other.tolist()


@given(st.binary(min_size=7, max_size=80))
def test_both_forms_of_the_way_through_lost_bytes_agree(data):
    """The kernel and what runs until it is compiled take the same way through any bytes above ASCII."""
    run, model = np.frombuffer(bytes(byte | 0x80 for byte in data), np.uint8), word_model()
    one, other = np.zeros((2, len(run)), np.uint8)
    assert losses._ways_at_once(run, model.pairs, model.links, one) == losses._ways.compiled(run, model.pairs, model.links, other)
    assert one.tolist() == other.tolist()
    assert one.sum() == len(run)
