import codecs

import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from made import examples

from cleantext.decode import CLEAR, decode, prescan

SIMPLIFIED = "新疆维吾尔自治区的首府是乌鲁木齐，位于天山北麓。全区的经济、文化和教育事业近年来发展很快，人民的生活水平不断提高。\n"
TRADITIONAL = "臺灣的春天，山上開滿了杜鵑花。遊客們從各地來到這裡，享受溫暖的陽光和清新的空氣，還有當地的美食。\n"
JAPANESE = "これは日本語の文章です。東京は日本の首都であり、世界でも有数の大都市です。私は毎日電車で会社に通っています。\n" * 4
KOREAN = "이것은 한국어 문장입니다. 서울은 대한민국의 수도이며 세계적인 대도시입니다. 나는 매일 지하철로 회사에 다닙니다.\n" * 4


@given(
    st.binary(max_size=400),
    st.sampled_from(
        [None, "gb2312", "big5", "utf-8", "utf-16", "latin1", "iso-2022-jp", "x-user-defined", "nonsense", "text/html; charset='gbk'", ""]
    ),
)
@settings(deadline=None, max_examples=examples(600))
def test_any_bytes_decode(data, hint):
    decoded = decode(data, hint=hint)
    assert isinstance(decoded.text, str)
    codecs.lookup(decoded.encoding)
    assert decoded.evidence in {"bom", "utf-8", "hint", "meta", "detector", "mixed", "utf-16", "binary", "none"}


@given(
    st.lists(
        st.binary(max_size=6)
        | st.sampled_from(
            [
                b"\x00",
                b"\xff\xfe",
                b"<meta charset=",
                b"gbk",
                b">",
                b'"',
                b"'",
                b"=",
                b"<!--",
                b"-->",
                b"</",
                b"/",
                b"\x1b$B",
                b"<?xml encoding='x'",
            ]
        ),
        max_size=30,
    ).map(b"".join)
)
@settings(deadline=None, max_examples=examples(600))
def test_any_markup_is_prescanned(data):
    prescan(data)
    decode(data)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(
        lambda t: (
            "\0" not in t and not t.startswith(("\ufeff", "%PDF-", "GIF8", "RIFF", "PK", "wOF", "Rar!", "\x7fELF")) and "\x1b" not in t
        )
    )
)
@settings(deadline=None)
def test_utf8_is_read_as_it_is(text):
    assert decode(text.encode()).text == text


@pytest.mark.parametrize(
    "label",
    ["gb2312", "GBK", "gb18030", "euc-cn", "x-gbk", "chinese", "cp936", "text/html; charset=gb2312", "text/html;charset='GB2312'; x=y"],
)
def test_labels_of_gb(label):
    text = "镕 € · — 囍 " + SIMPLIFIED  # what Python's own gb2312 cannot read, or reads as something else
    decoded = decode(text.encode("gb18030"), hint=label)
    assert decoded[:3] == (text, "gb18030", "hint")


@pytest.mark.parametrize("label", ["big5", "Big5-HKSCS", "cp950", "cn-big5", "x-x-big5"])
def test_labels_of_big5(label):
    text = "恒裏墻粧嫺銹碁 約翰‧史密斯 " + TRADITIONAL
    assert decode(text.replace("‧", "•").encode("big5hkscs"), hint=label)[:3] == (text, "big5hkscs", "hint")
    assert decode(b"\xa3\xe1" + TRADITIONAL.encode("big5hkscs"), hint=label).text == "€" + TRADITIONAL


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xd6\xd0\xa1<b>", "中\ufffd<b>"),  # a lead byte alone leaves the tag whole
        (b"\xd6\xd0\xff\xd6\xd0", "中\ufffd中"),
        (b"\xd6\xd0\x80", "中€"),
        (b"\xd6\xd0\xb9", "中\ufffd"),  # cut at a size limit
        (b"\xd6\xd0\xaa\xa1", "中\ue000"),  # user area, kept for slip repair
    ],
)
def test_bad_bytes_eat_no_neighbour(data, text):
    assert decode(data, hint="gbk").text == text


def test_gbk_reads_no_pair_otherwise_than_gb18030():
    read = 0
    for pair in (bytes((lead, trail)) for lead in range(256) for trail in range(256)):
        text = pair.decode("gbk", "ignore")
        if text.encode("gbk") == pair:
            read += 1
            assert pair.decode("gb18030") == text
    assert read > 21_000
    assert decode("\u2e81㐀😀".encode("gb18030"), hint="gbk").text == "\u2e81㐀😀"  # not in GBK: four bytes


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "gb18030"),
        (TRADITIONAL, "big5hkscs"),
        (TRADITIONAL, "gb18030"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "cp949"),
    ],
)
@pytest.mark.parametrize("hint", [None, "utf-8", "gb2312", "big5", "iso-8859-1"])
def test_wrong_and_missing_labels(text, encoding, hint):
    data = (text * 4).encode(encoding, "replace")
    assert decode(data, hint=hint).text == data.decode(encoding)


@pytest.mark.parametrize(
    ("text", "encoding"), [(SIMPLIFIED, "gb18030"), (TRADITIONAL, "big5hkscs"), (TRADITIONAL, "gb18030"), (SIMPLIFIED, "utf-8")]
)
def test_a_lost_byte_does_not_change_the_encoding(text, encoding):
    data = (text * 3).encode(encoding)
    for at in range(0, len(data), 7):
        assert decode(data[:at] + data[at + 1 :]).encoding == encoding


def test_utf8_beats_its_label():
    page = '<meta charset="gb2312"><title>' + SIMPLIFIED
    assert decode(page.encode(), hint="big5")[:3] == (page, "utf-8", "utf-8")
    assert decode(page.encode()[:-2], hint="gb2312").text == page[:-2] + "\ufffd\ufffd"[:1] if page[-1] == "\n" else page[:-1] + "\ufffd"


def test_a_few_chinese_bytes_may_look_like_utf8():
    data = "牡摹".encode("gbk")
    assert data.decode("utf-8")  # valid, and Cyrillic or the like
    assert decode(data, hint="gbk").text == "牡摹"
    assert decode("é ü".encode(), hint="utf-8").text == "é ü"


@pytest.mark.parametrize(
    ("bom", "encoding"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (b"\x84\x31\x95\x33", "gb18030")],
)
def test_marks(bom, encoding):
    assert decode(bom + SIMPLIFIED.encode(encoding), hint="big5")[:3] == (SIMPLIFIED, encoding, "bom")


def test_utf16_without_a_mark():
    page = "<html><body>\n" + SIMPLIFIED + "一开始"
    assert decode(page.encode("utf-16-le"))[:3] == (page, "utf-16-le", "utf-16")
    assert decode(page.encode("utf-16-be"))[:3] == (page, "utf-16-be", "utf-16")


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.4\n1 0 obj\ntext",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        bytes(range(256)) * 8,
        b"PK\x03\x04abc",
        b"\x00" * 50,
        b"\xff\xd8\xff\xe0JFIF",
    ],
)
def test_binary_is_marked(data):
    assert decode(data).evidence == "binary"


def test_text_with_a_stray_nul_is_text():
    assert decode((SIMPLIFIED * 20).encode() + b"\0").evidence == "utf-8"
    decoded = decode((SIMPLIFIED * 20).encode("gbk") + b"\0")
    assert decoded.text == SIMPLIFIED * 20
    assert decoded.evidence != "binary"


def test_nothing_is_text():
    assert decode(b"")[:3] == ("", "utf-8", "utf-8")
    assert decode(b"\xfe\xfd\x81 \xff").evidence in {"none", "detector"}


@pytest.mark.shared
def test_prescan_as_html5lib_has_it():
    from cleantext.data.encodings import codec_of

    wrong = total = 0
    for name in ("tests1.dat", "tests2.dat", "test-yahoo-jp.dat"):
        for case in (SHARED / "data" / "suites" / "html5lib" / "encoding" / name).read_bytes().split(b"#data\n")[1:]:
            data, _, encoding = case.partition(b"\n#encoding\n")
            if data.startswith(codecs.BOM_UTF8):
                continue
            total += 1
            label = prescan(data)
            wrong += (codec_of(label) if label else "cp1252") != codec_of(encoding.strip().decode())
    assert wrong == 0
    assert total > 70


@pytest.mark.shared
def test_pages_of_the_development_set():
    import json

    for folder in sorted((SHARED / "data" / "pages").iterdir()):
        true = json.loads((folder / "meta.json").read_text("utf-8"))["encoding"].lower()
        decoded = decode((folder / "page.html").read_bytes())
        assert decoded.encoding == true, folder.name
        assert "\ufffd" not in decoded.text


# ---------------------------------------------------------------- few bytes, defaults, private characters, two encodings


@pytest.mark.parametrize("text", ["东河街道办", "清淤工程", "关于道路施工的通知", "春季招生简章(2019年)"])
def test_a_few_characters_of_gbk_are_chinese(text):
    assert decode(text.encode("gb18030"))[:3] == (text, "gb18030", "detector")


@pytest.mark.parametrize("text", ["東河街道辦", "道路施工通知", "春季招生簡章(2019年)"])
def test_a_few_characters_of_big5_are_chinese(text):
    assert decode(text.encode("big5hkscs"))[:3] == (text, "big5hkscs", "detector")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Добрый вечер", "cp1251"),
        ("ДОБРЫЙ ВЕЧЕР", "cp1251"),
        ("Добрый вечер, друзья", "koi8-r"),
        ("Καλημέρα σας", "iso8859-7"),
        ("صباح الخير", "cp1256"),
        ("café à la crème, très brûlée", "cp1252"),
        ("おはようございます", "euc_jp"),
        ("안녕하십니까", "cp949"),
        ("สวัสดีตอนเช้า", "cp874"),
    ],
)
def test_a_few_characters_of_other_scripts_are_not_chinese(text, encoding):
    assert decode(text.encode(encoding)).encoding not in {"gb18030", "big5hkscs"}


@pytest.mark.parametrize("hint", ["text/html; charset=ISO-8859-1", "latin1", "us-ascii", "windows-1252"])
def test_a_default_is_no_statement(hint):
    assert decode("<p>东河清淤开工。市民很高兴!</p>".encode("gbk"), hint=hint).text == "<p>东河清淤开工。市民很高兴!</p>"
    page = "<meta charset=gbk><p>东河</p>"
    assert decode(page.encode("gbk"), hint=hint)[:3] == (page, "gb18030", "meta")
    assert decode("café, naïve".encode("cp1252"), hint=hint)[:3] == ("café, naïve", "cp1252", "hint")
    page = "<meta charset=iso-8859-1><p>东河清淤开工。市民很高兴!</p>"
    assert decode(page.encode("gbk")).text == page


def test_private_characters_that_have_been_assigned():
    pairs = bytes.fromhex("a6d9a6daa6dba6dca6dda6dea6dfa6eca6eda6f3a8bcfe51fe52fe53fe59fe61fe66fe67fe6cfe6dfe76fe7efe90fe91fea0")
    text = decode(SIMPLIFIED.encode("gbk") + pairs).text.removeprefix(SIMPLIFIED)
    assert text == "︐︒︑︓︔︕︖︗︘︙ḿ\U00020087\U00020089\U000200cc龴龵龶龷\U000215d7龸\U0002298f龹龺\U000241fe龻"
    from cleantext.repair.shifted import _bytes

    assert b"".join(map(_bytes, text)) == pairs, "repair of slips needs the bytes"


def test_private_characters_as_iconv_has_them():
    import shutil
    import subprocess

    from cleantext.data.encodings import ASSIGNED

    if not shutil.which("iconv"):
        pytest.skip("needs the program iconv")
    for private, assigned in ASSIGNED.items():
        done = subprocess.run(["iconv", "-f", "GB18030", "-t", "UTF-8"], input=private.encode("gb18030"), capture_output=True, check=False)
        assert done.stdout.decode() == assigned


LINES = ["第一行说的是春天的河。", "第二行，说的是秋天的山和路。", "第三行说到了冬天，还有雪。", "第四行只说夏天的雨。"]


@pytest.mark.parametrize("other", ["gb18030", "big5hkscs"])
@given(encodings=st.lists(st.booleans(), min_size=2, max_size=12), hint=st.sampled_from([None, "utf-8", "gbk", "big5"]))
@settings(deadline=None, max_examples=40)
def test_files_of_two_encodings_put_together(other, encodings, hint):
    lines = [LINES[n % 4] if other == "gb18030" else LINES[n % 4].translate(str.maketrans("说", "說")) for n in range(len(encodings))]
    lines = [line for line in lines if line.encode(other, "ignore").decode(other) == line]
    data = b"".join((line + "\r\n").encode("utf-8" if utf8 else other) for line, utf8 in zip(lines, encodings, strict=False))
    decoded = decode(data, hint=hint)
    assert decoded.text == "".join(line + "\r\n" for line in lines[: len(encodings)])
    assert decoded.evidence == "mixed" or len(set(encodings[: len(lines)])) == 1


def test_damaged_utf8_is_not_two_encodings():
    data = SIMPLIFIED.encode() * 5
    for at in range(0, len(data), 5):
        assert decode(data[:at] + data[at + 1 :]).evidence == "utf-8"


def test_a_margin_is_told_where_frequencies_decided_and_grows_with_what_they_saw():
    few, more = (decode(text.encode("gb18030")) for text in ("东河街道办", "东河街道办事处通知"))
    assert few.text == "东河街道办"
    assert CLEAR <= few.margin < more.margin
    assert decode(SIMPLIFIED.encode()).margin is decode(SIMPLIFIED.encode("gb18030"), hint="gbk").margin is None
