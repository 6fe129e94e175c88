"""What kernels say of lines is what plain Python and regular expressions say: each definition stands here once more, in words or as a pattern."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made import THOROUGH, judge

from cleantext import jit
from cleantext.changes import Ragged, code_points
from cleantext.chrome import StripChrome
from cleantext.chrome.lines import columns, findings
from cleantext.chrome.lines.findings import LineCache, collect
from cleantext.chrome.lines.headers_footers import LISTING
from cleantext.chrome.matching import automata, line_memory
from cleantext.chrome.matching.automata import ARRAYS, Automata, Machines
from cleantext.chrome.matching.character_bits import EDGE, MARKS, characters
from cleantext.chrome.matching.line_memory import Rows
from cleantext.chrome.matching.line_scan import Scanned, scan
from cleantext.chrome.matching.pattern_nodes import Question
from cleantext.chrome.matching.vocabulary_lines import _count_end, widgets
from cleantext.chrome.matching.word_index import RuleTable, lexicon
from cleantext.chrome.rules.load_packs import load_pack
from cleantext.chrome.rules.pack import Pack, unwrap
from cleantext.fold import view

PACK = load_pack("zh-web-rules")
REGISTER = LineCache.of(PACK)
TABLES = REGISTER.tables
SAMPLES = [view(line) for rule in PACK.rules for sample in (*rule.hit, *rule.miss) for line in sample.split("\n")]
PIECES = [
    *" \t:;。,.!?、\"')(】【[]<>-·|/\\1234567890号年月日附注一第条a万亿k+%",
    "来 源",
    "责任编辑",
    "上一篇",
    "首页",
    "下载",
    "2015年3月",
    "清河",
    "附录",
    "名单",
    "]",
]
LINES = st.lists(st.sampled_from(PIECES), max_size=24).map("".join) | st.sampled_from(SAMPLES)


def scanned(lines, tables=TABLES):
    return Scanned(*scan(Rows.of(lines), tables.bits, *tables.lexicons, tables.rules))


# ---------------------------------------------------------------- lines


def gain(line):
    n = len(line)
    if n < 12:
        return n if line.rstrip().endswith("。") else -3 if line.strip() and "\t" not in line else 0
    if "。" in line:
        return min(n, 200)
    if re.compile(r"[。;]|[.!?][\"'”’)]?(?:\s|$)").search(line, 3):
        return min(n, 200) if n >= 50 else n // 2
    if n >= 50 and len(re.findall("[,、:]", line)) >= 2:
        return min(n, 200) // 2
    return 4 if n >= 30 and "\t" not in line else -3


@given(line=LINES)
def test_what_is_known_of_a_line(line):
    found = scanned([line])
    known, bare = int(found.known[0]), line.strip()
    field = re.fullmatch(r"[\u3400-\u9fff][\u3400-\u9fff ]{0,8}[\u3400-\u9fff]: ?[^。;]{0,40}", bare) is not None
    assert (known & columns.GAIN) - columns.LOSS == gain(line)
    assert bool(known & columns.BLANK) == (not bare)
    assert bool(known & columns.FIELD) == field
    assert bool(known & columns.ANNOUNCES) == (re.fullmatch("[^:]{5,}:", bare) is not None)
    assert bool(known & columns.TITLE) == (2 <= len(bare) <= 80 and bare[-1] not in "。!;:,.、" and not field)
    assert bool(known & columns.LONG) == (len(bare) >= 8)
    assert bool(known & columns.NAMED) == (sum(map(str.isalpha, line)) >= 4 and bool(bare))
    assert bool(known & columns.COLON) == (":" in line)
    assert bool(known & columns.SITE_NAME) == (0 < len(bare) <= 10)
    assert bool(known & columns.CHANNEL_NAME) == (0 < len(bare) <= 4)
    assert known & columns.LISTS or not LISTING.answer(bare)
    assert tuple(found.core[0].tolist()) == unwrap(line)


@example(text="0.0a")
@given(text=st.text(st.sampled_from("0123456789.,万亿千kw+%年a²٣ "), max_size=12))
def test_a_count_ends_where_the_pattern_says(text):
    match = re.match(r"(?>\d(?:[\d.,]*\d)?)[.,]*[万亿千kw+%]{0,2}(?![\u3400-\u9fffa-z])", text)
    wanted = match.end() if match else 0
    assert not text or _count_end.python(code_points(text), 0, len(text), characters()) == wanted


# ---------------------------------------------------------------- words


WORDS = ["首页", "首", "页面", "面上", "上", "app", "ap", "p", "1", "下一页", "一页"]
EDGES = " |,+"


def segments(core, words):
    """Say whether a line is words, separators and counts: the definition, try by try."""

    def apart(a, b):
        before, after = core[a - 1 : a] or " ", core[b : b + 1] or " "
        spelled = [c.isalpha() and not "\u3040" <= c <= "\u9fff" for c in (core[a], before, core[b - 1], after)]
        alone = all(c in MARKS[EDGE] or c.isdigit() for c in (before, after))
        return not (spelled[0] and spelled[1]) and not (spelled[2] and spelled[3]) and (b - a > 1 or alone)

    def skip(at):
        while at < len(core):
            if core[at] in EDGES:
                at += 1
            elif core[at].isdigit() and (
                m := re.compile(r"(?>\d(?:[\d.,]*\d)?)[.,]*[万亿千kw+%]{0,2}(?![\u3400-\u9fffa-z])").match(core, at)
            ):
                at = m.end()
            else:
                break
        return at

    def rest(at):
        at = skip(at)
        return at == len(core) or any(core.startswith(w, at) and apart(at, at + len(w)) and rest(at + len(w)) for w in words)

    return skip(0) < len(core) and rest(0)


@given(core=st.lists(st.sampled_from([*WORDS, *EDGES, "甲", "x"]), min_size=1, max_size=9).map("".join))
def test_a_line_is_widget_words_where_some_split_is(core):
    a, b = unwrap(core)
    core = core[a:b]
    rules = RuleTable(np.array([120], np.int32), np.array([2], np.int32), np.array([False]), np.array([False]))
    found = widgets(code_points(core), np.array([0]), np.array([len(core)]), characters(), lexicon((w, 0) for w in WORDS), rules)
    is_bar = sum(map(core.count, " |·丨┊/")) >= 5
    if core and not is_bar:
        assert (found[0, 0] == 0) == segments(core, WORDS)


# ---------------------------------------------------------------- automata


def asked(lines, questions, automata=None):
    """Return the answers to all questions about all lines, twice: by automata that learn, and by those that have learned."""
    column, automata = Ragged.of(lines), automata or Automata(questions)
    number = np.tile(np.arange(len(questions), dtype=np.int32), len(lines))
    starts, ends = (np.repeat(offsets, len(questions)) for offsets in (column.offsets[:-1], column.offsets[1:]))
    assert automata.machines
    first, again = (automata.answers(column.points, starts, ends, number) for _ in range(2))
    assert np.array_equal(first, again)
    return first.reshape(len(lines), len(questions)).tolist()


def test_automata_answer_as_the_patterns_of_the_rules_do():
    lines = [line for line in dict.fromkeys([*SAMPLES, *(s[a:b] for s in SAMPLES for a, b in [unwrap(s)])]) if line]
    questions = [q for q in TABLES.automata.questions if q.pattern]
    lines = lines if THOROUGH else lines[::4]  # each asked by all rules: half a million questions
    for line, answers in zip(lines, asked(lines, questions), strict=True):
        for question, answer in zip(questions, answers, strict=True):
            assert answer == question.answer(line), (question, line)


def test_the_rules_that_automata_ask_again_about_are_few():
    assert np.sum(~TABLES.automata.machines.exact) <= 25
    assert (TABLES.automata.machines.automata[:, 0] >= 0).all()


def test_automata_are_kept_on_the_disk(tmp_path, monkeypatch):
    """What is read from the cache is what would be made; another pattern is another file; a broken file is made anew."""
    monkeypatch.setenv("CLEANTEXT_CACHE", str(tmp_path))
    monkeypatch.setattr("cleantext.chrome.matching.automata.KEPT", 1)
    questions = [Question("责任编辑[:：].{1,8}"), Question("[0-9]+年", "search")]
    made = [Machines(questions), Machines(questions)]
    [kept] = tmp_path.iterdir()
    kept.write_bytes(b"PK broken")
    made.append(Machines(questions))
    for other in made[1:]:
        for name in ARRAYS:
            assert np.array_equal(getattr(made[0], name), getattr(other, name)), name
    Machines([*questions, Question("a|b")])
    assert len(list(tmp_path.iterdir())) == 2


@given(line=st.text(st.sampled_from("ab1٣ \t年:x;+_"), max_size=9))
def test_automata_answer_as_re_does(line):
    patterns = [
        "a{2,}b?", "(?:a|bb|x1)+", r"(?<=a)?\d{2,4}年?", r"[^ab]{1,3}", r"\s*(?:a\s*){1,3}", "(?:ab)?x*", "(?P<v>a)(?P=v)b", "(?i:A)b", "a.*?:.{0,3}x",
        r"[\w:]+", "(?!a)b|x(?=1)1", "(?:a{0,2}b){2}", "(?:|a)b", "a|b{2}", "^x", "(?<!a)1", "[;]|1.{2}", "a?", "(?:x|;)$", "", r"\ba", r"(?<=ab)x",
        "(?=.{0,3}(?:ab|1x))(?=.*年).{2,6}", "(?!ab|.*;$)[^1]+", "(?!(?!a)b).+", r"(?!a\b).+", "(?=ab)a|b(?!ab)", r"[^\W\d_]+", r"(?:a*)*b", "x(?!$)", "(?<!^)a", "a{3}|a{5,6}",
    ]  # fmt: skip
    questions = [Question(pattern, how) for pattern in patterns for how in ("fullmatch", "match", "search")]
    for question, answer in zip(questions, asked([line], questions)[0], strict=True):
        assert answer == question.answer(line), question


def test_a_full_table_of_states_is_begun_anew(monkeypatch):
    monkeypatch.setattr(automata, "ROOM", 400)
    questions = [Question("(?:a|bc){2,9}"), Question(".*b.{3}")]
    lines = ["aabca", "bcbca", "abcab", "acbb", "b", "abbbb", "bbabb", "abcabcabca"]
    made = Automata(questions)
    for _ in range(3):
        for line in lines:
            assert asked([line], questions, made)[0] == [q.answer(line) for q in questions]
    assert made.machines.states.used[2] < 40


# ---------------------------------------------------------------- the register


def test_python_and_compiled_say_the_same():
    args = Rows.of(SAMPLES), TABLES.bits, *TABLES.lexicons, TABLES.rules
    for a, b in zip(scan.python(*args), scan.compiled(*args), strict=True):
        assert np.array_equal(a, b)


def test_many_lines_are_judged_as_few_are():
    many = collect(SAMPLES, Pack(PACK.rules))  # by automata
    assert many == [vote for n in range(0, len(SAMPLES), 9) for vote in collect(SAMPLES[n : n + 9], PACK)]


def test_memory_is_bounded_and_changes_nothing(monkeypatch):
    pack = Pack(PACK.rules)
    monkeypatch.setattr(line_memory, "MOST", 128)
    for n in range(0, len(SAMPLES), 50):
        assert collect(SAMPLES[n : n + 50], pack) == collect(SAMPLES[n : n + 50], PACK)
    memory = LineCache.of(pack).forget().memory
    asked = []

    def judge(lines):
        asked.append([lines.line(n) for n in range(len(lines.starts))])
        return np.array([len(line) for line in asked[-1]])

    lines = ["甲", "", "乙丙", "甲", "长" * 81, "乙丙", "长" * 81, "乙"]
    for _ in range(2):
        assert memory.look(Rows.of(lines), judge).tolist() == [1, 0, 2, 1, 81, 2, 81, 1]
    assert asked == [["甲", "", "乙丙", "长" * 81, "长" * 81, "乙"], ["长" * 81] * 2]
    lines = [str(n) for n in range(150)]
    for _ in range(2):
        assert memory.look(Rows.of(lines), judge).tolist() == [len(line) for line in lines]
    assert memory.full
    assert len(memory) == 128


def test_a_line_whose_judgement_fails_is_not_remembered():
    def fails(lines):
        raise KeyboardInterrupt

    memory = line_memory.Memory()
    with pytest.raises(KeyboardInterrupt):
        memory.look(Rows.of(["甲", "乙"]), fails)
    assert memory.look(Rows.of(["乙"]), lambda lines: np.array([7])).tolist() == [7]


def test_a_ballot_without_evidence_may_be_the_last_of_a_full_table():
    pack = Pack(PACK.rules)
    register = LineCache.of(pack)
    while register.evidence < len(register.evidence_rows):
        register.evidence_number(findings.Evidence(PACK.rules[0], 1, 0, register.evidence))
    page = "昨夜,清河上游下了一场大雨,今晨水位涨了半米。\n新桥通车了。W020180101000000000001_600"
    assert [e.before for e in judge(page, view(page), pack).edits] == ["W020180101000000000001_600"]


def test_what_a_cut_leaves_of_a_line_may_be_the_title_where_its_evidence_is_for_the_foot():
    above = "河堤\n广告\n您的位置:首页 > 要闻\n收藏文章\n打印预览\n繁体中文版\n手机客户端\n说两句"
    text = "\n".join(["昨夜,清河上游下了一场大雨,今晨水位涨了半米。"] * 5)
    page = f"{above}\n你可能也喜欢W020180101000000000001_600\n2024-05-06 10:20 来源:新华网\n{text}"
    assert StripChrome()(page) == f"你可能也喜欢\n{text}"


def test_threads_share_a_register():
    pages = ["\n".join(SAMPLES[n : n + 40]) for n in range(0, len(SAMPLES), 40)]
    strip = StripChrome()
    wanted = [strip.page_decisions([page])[0] for page in pages]
    REGISTER.forget()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda page: strip.page_decisions([page])[0], pages * 3)) == wanted * 3


def test_a_verdict_outlives_the_register_it_came_from():
    verdict = StripChrome().page_decisions(["河水涨了。\n村里的人都到了堤上,一夜没有睡,天亮时雨停了。\n责任编辑:石青"])[0]
    LineCache.of(PACK).forget()
    assert [reason.rule for reason in verdict.reasons] == ["meta.editor"]


@pytest.mark.parametrize("row", ["第三条 堤坝由各村看守", "附件:看守名单", "(二)堤坝"])
def test_a_protected_row_ends_a_list_on_a_page_without_other_evidence(row):
    body = "昨夜,清河上游下了一场大雨,今晨水位涨了半米。\n" * 3
    rows = "白塔的杏花比去年早开十天\n河堤上又种了三百棵柳树\n渡口的老船工今年七十岁"
    went = [reason.end for reason in StripChrome().reasons(f"{body}相关阅读\n{rows}\n{row}\n{rows}")]
    assert went
    assert max(went) == len(f"{body}相关阅读\n{rows}")


# ---------------------------------------------------------------- compiled code


def test_what_a_kernel_takes_from_elsewhere_is_in_its_name():
    def named(**values):
        scope = dict(values)
        exec("def f(x): return g(x) + N", scope)
        return jit._digest(scope["f"])

    def helper(**values):
        scope = dict(values)
        exec("def g(x): return x * M", scope)
        return jit.kernel(scope["g"])

    assert named(N=1, g=helper(M=2)) == named(N=1, g=helper(M=2))
    assert len({named(N=1, g=helper(M=2)), named(N=3, g=helper(M=2)), named(N=1, g=helper(M=3))}) == 3


def test_a_short_text_never_imports_numba():
    code = "import sys; from cleantext.chrome import strip_chrome; strip_chrome('河水涨了。\\n下一篇 上一篇\\n责任编辑:石青'); sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
