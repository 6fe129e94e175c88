"""The kernels of mojibake say what Python says, line by line and page by page."""

import random
import sys
import warnings

import ftfy.bad_codecs  # noqa: F401 - registers the sloppy codecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import examples

from cleantext import jit
from cleantext.changes import code_points, joined, text_of
from cleantext.edits import Edit
from cleantext.repair import Mojibake
from cleantext.repair.damage import FAMILIES, garble
from cleantext.repair.misread import byte_tables, ftfy_lines, ftfy_tables, latin, line_rounds, misread_pages, readings, transcode
from cleantext.transform import Page, PageTransform

SENTENCES = (
    "今年三月，喀什古城的杏花开了，游客比往年多了一倍。",
    "發展新疆的歷史，與設備品質；開放的橋頭堡“自治區”。",
    "第12条 本条例自2020年1月1日起施行",
    "（一）项目A、B和C",
    "新疆",
    "café naïve Ünïcode Привет œuvre 20°C §5",
)
BESIDE = (*"\ufffd? \xa0A。“é×²Â\x85\u3000ﬁ", "â€™", "乱码", "锟斤拷", "😀", "鏂扮枂", "ㄛ腔", "Ê̄")
MOJIBAKE = sys.modules["cleantext.repair.mojibake"]
CODECS = (
    "latin-1",
    "sloppy-windows-1252",
    "sloppy-windows-1251",
    "sloppy-windows-1257",
    "koi8-r",
    "mac-roman",
    "cp437",
    "gb18030",
    "big5hkscs",
    "cp950",
)


def damaged(seed):
    """Return a line with damage of any kind."""
    rng = random.Random(seed)
    line = "".join(rng.choice(SENTENCES) for _ in range(rng.randrange(1, 4)))
    low, high = sorted((rng.randrange(len(line) + 1), rng.randrange(len(line) + 1))) if rng.random() < 0.3 else (0, len(line))
    part = line[low:high]
    if rng.random() < 0.5:
        part = garble(part, rng.choice(list(FAMILIES))) or part
    else:
        for _ in range(rng.choice((1, 1, 2, 3))):
            data = part.encode(rng.choice(("utf-8", "gb18030", "big5hkscs")), "replace")
            part = data.decode(rng.choice(CODECS), rng.choice(("replace", "ignore")))
    for _ in range(rng.choice((0, 0, 1, 1, 3))):
        at = rng.randrange(len(part) + 1)
        part = part[:at] + rng.choice((*BESIDE, "")) + part[at + rng.randrange(3) :]
    return line[:low] + part + line[high:] + rng.choice(("", "\n", "\r\n"))


def tables():
    return byte_tables.tables(Mojibake.characters)


def by_kernel(line, form):
    """Return the edits of a line from a kernel, or None if it leaves them to Python."""
    points, room = code_points(line), readings.line_room(len(line) + 1, len(readings.SINGLE))
    bits = np.bitwise_or.reduce(tables().kind[points])
    if not bits & byte_tables.GATE:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numbers that wrap around, which are not used then
        n = getattr(line_rounds.line_rows, form)(points, len(line), bits, tables(), room)
    if n == transcode.UNSURE:
        return None
    edits, grown = [], 0
    for start, end, size, code, _ in room.rows[readings.EDITS, :n].tolist():
        after = text_of(room.points[readings.LINE, start + grown : start + grown + size])
        edits.append(Edit(start, end, line[start:end], after, misread_pages._name(code)))
        grown += size - (end - start)
    return tuple(edits)


def by_python(line):
    return tuple(MOJIBAKE._found_edits(line))


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=examples(800))
def test_a_line_gets_the_same_edits(seed):
    line = damaged(seed)
    assert by_kernel(line, "compiled") in (None, by_python(line))


@given(st.text(st.sampled_from("ÃÂâ€œ™ðŸ˜ €\x80\x99\xa0aZ é×°²鏂扮枂，。?\ufffdВРвЂ\x1a\n\U00020000\ud800ﬁ"), min_size=1, max_size=40))
@settings(deadline=None, max_examples=examples(800))
def test_any_line_gets_the_same_edits(line):
    line = line.partition("\n")[0] or "\n"
    assert by_kernel(line, "compiled") in (None, by_python(line))


@pytest.mark.parametrize("seed", range(25))
def test_interpreted_kernels_say_the_same(seed):
    line = damaged(seed)
    assert by_kernel(line, "python") in (None, by_python(line))


def test_most_lines_are_not_left_to_python():
    lines = [damaged(seed) for seed in range(400)]
    assert sum(by_kernel(line, "compiled") is None for line in lines) < 100


def test_pages_get_the_same_edits_flags_and_metadata(monkeypatch):
    rng = random.Random(1)
    pages = [Page("".join(damaged(1000 * n + k).rstrip() + "\n" for k in range(rng.randrange(0, 12)))) for n in range(120)]
    pages += [
        Page(""),
        Page("干净"),
        Page("讲锟斤拷的文章" * 3 + "正文" * 200),
        Page("说乱码：æˆ‘ä»¬ 这样的字" + "æˆ‘ä»¬\n" * 3),
        Page("\ud800鏂扮枂?"),
    ]
    one = PageTransform.run_some(Mojibake(), pages, range(len(pages)))
    monkeypatch.setattr(MOJIBAKE, "AT_ONCE", 1000)  # several parts
    with jit.eager(everything=True):
        other = Mojibake().run(pages)
    assert one.by_page
    assert list(other.touched) == list(one.touched)
    assert [other.edits(n) for n in range(len(pages))] == [one.edits(n) for n in range(len(pages))]
    assert [other.apply(n, page.text) for n, page in enumerate(pages)] == [one.apply(n, page.text) for n, page in enumerate(pages)]
    assert (other.flags, other.metadata) == (one.flags, one.metadata)
    assert other.columns.arrow().equals(one.columns.arrow())
    assert joined([other.columns]) is other.columns


def test_lines_end_with_their_pages(monkeypatch):
    """There is room for the longest line, not for all pages without line breaks together."""
    asked = []
    monkeypatch.setattr(misread_pages, "SHORT", 0)
    monkeypatch.setattr(misread_pages, "line_room", lambda longest, codecs: asked.append(longest) or readings.line_room(longest, codecs))
    with jit.eager(everything=True):
        found = Mojibake().run([Page("æˆ‘ä»¬"), Page("干净"), Page("\n"), Page("\nx\n"), Page("")] * 20)
    assert asked == [6]
    assert len(found.touched) == 20


def test_a_line_break_behind_the_byte_c0_stays():
    """ftfy reads both as a null, which has these bytes in Java."""
    text = "\ufffdÃ\x80\nя"
    page = Page(text)
    with jit.eager(everything=True):
        assert Mojibake().fast([page])[0].text == "\ufffdÀ\nя"
    assert Mojibake()(text) == "\ufffdÀ\nя"


@given(st.text(st.characters(max_codepoint=0xFFFF) | st.sampled_from("ÃÂâ€œ™ €\x80\xa0aZ é×°²ØÙÎВРвЂГў√≈‚Äàœ\n"), max_size=12))
@settings(deadline=None, max_examples=examples(2000))
def test_bad_is_what_ftfy_finds_bad(text):
    from ftfy.badness import is_bad

    assert bool(ftfy_lines.is_bad.compiled(code_points(text), 0, len(text), tables().ftfy)) == is_bad(text)


def test_ftfy_has_these_encodings():
    from ftfy.chardata import CHARMAP_ENCODINGS

    assert list(ftfy_tables.ENCODINGS) == CHARMAP_ENCODINGS


@given(st.text(st.sampled_from("ÃÂâ€œ™ðŸ˜ €\x99\xa0aZ é\ufffd中"), max_size=30))
@settings(deadline=None, max_examples=examples(800))
def test_ftfys_results(text):
    room = readings.line_room(len(text) + 1, 9)
    n = ftfy_lines.ftfy_result.compiled(code_points(text), len(text), tables().kind, tables().ftfy, room)
    assert n == transcode.UNSURE or text_of(room.points[readings.WHOLE, :n]) == latin.ftfy_line(text)


@pytest.mark.parametrize("codec", ["gb18030", "big5hkscs", "cp950"])
def test_pairs_are_those_of_the_codecs(codec):
    number = {"gb18030": byte_tables.GB18030, "big5hkscs": byte_tables.BIG5, "cp950": byte_tables.CP950}[codec]
    out = np.empty(8, np.uint8)
    for text in (*map(chr, range(0, 0xD800, 7)), *map(chr, range(0xE000, 0x10000, 3)), "\U00010000", "\U0010ffff", "😀"):
        n = transcode.encode.compiled(code_points(text), 0, 1, number, tables().codes, out)
        assert n == transcode.UNSURE or (out[:n].tobytes() if n >= 0 else b"") == text.encode(codec, "ignore")


@given(
    st.lists(
        st.sampled_from(["新".encode(), "疆".encode(), b"a", *(bytes((b,)) for b in (0xE6, 0x96, 0xB0, 0xC3, 0xF0, 0xED, 0xA0, 0x80))]),
        max_size=14,
    )
)
@settings(deadline=None, max_examples=examples(500))
def test_broken_utf8_is_patched_as_the_expression_does(parts):
    from cleantext.repair.misread.losses import BROKEN, LOSS

    data = b"".join(parts)
    for ends in (True, False):
        out = np.empty(3 * len(data) + 3, np.uint8)
        n, lost = transcode.patch_utf8.compiled(np.frombuffer(data, np.uint8), 0, len(data), ends, out)
        expected, count = BROKEN.subn(LOSS.encode(), data if ends else data + b"\xff")
        assert (out[:n].tobytes(), lost) == (expected if ends else expected[:-1], count)
        text = np.empty(n + 1, np.uint32)
        m, at, cut_off = transcode.decode_utf8.compiled(out, 0, n, text)
        try:
            assert text_of(text[:m]) == out[:n].tobytes().decode()
            assert at == n
        except UnicodeDecodeError as error:
            assert at == error.start
            assert cut_off == ("unexpected end" in error.reason)


def test_a_lone_surrogate_beside_a_lost_byte_stays():
    assert Mojibake()("鏂扮枂\ud800鏂扮枂?") == "新疆\ufffd新疆?"
