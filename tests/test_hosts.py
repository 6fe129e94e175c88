"""Host profiles: what is learned, what never is, how a profile is kept, and how it votes."""

import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleantext.chrome import StripChrome
from cleantext.chrome.hosts.line_keys import hash_keys, key_hashes, line_key, line_keys
from cleantext.chrome.hosts.profiles import HostLine, HostProfile, host_of
from cleantext.chrome.hosts.repeated_lines import Repeated, learn
from cleantext.chrome.matching.character_bits import characters
from cleantext.chrome.matching.line_memory import Rows
from cleantext.edits import apply, revert
from cleantext.errors import ConfigError
from cleantext.fold import view
from cleantext.pipeline import Pipeline
from cleantext.run.learn import _learn_group, _learned, _write_groups, learn_files, with_learned, with_profile
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.find import find_pages
from cleantext.run.readers.units import units_of
from cleantext.testing import check_page
from cleantext.transform import Page

HOST = "news.example.cn"
PLACES = ["清河", "白塔", "老街", "渡口", "北岸", "南桥", "石门", "柳林", "东湖", "西山", "古城", "新港"]


def body(n):
    p = PLACES[n % len(PLACES)]
    return [
        f"{p}的第{'一二三四五六七八九十'[n % 10]}座桥昨夜合龙",
        f"昨夜，{p}下了一场大雨，{'今晨' if n % 2 else '傍晚'}水位涨了半米，守堤的人换了{n + 3}班。",
        f"{p}村的老人说，桥是去年修的；路还没有通，车只能停在河对岸，走过来要{n + 20}分钟。",
        f"到了晚上，孩子们追着{n + 2}条黄狗跑过{p}的堤坝，谁也没有注意到天色，也没有人说起{p}以前的样子。",
    ]


TOP = ["白塔晚报网", "要闻频道 民生频道", "今日关注"]
FOOT = ["白塔晚报读者沙龙", "下一期选题征集", "老街茶馆每周三开讲"]


def site(n, *, top=TOP, foot=FOOT, inside=()):
    title, *text = body(n)
    return "\n".join([*top, title, *text[:1], *inside, *text[1:], *foot])


SITE = [Page(site(n)) for n in range(10)]


def keys(profile):
    return set(profile.hosts.get(HOST, {}))


def test_the_frame_of_a_host_is_learned_and_goes():
    profile = learn(SITE, host=HOST)
    assert keys(profile) == {*TOP, *FOOT}
    assert profile.pages == {HOST: 10}
    rows = profile.hosts[HOST]
    assert rows["今日关注"] == HostLine("今日关注", 10, "A", "head", 0.2, 0.2)
    assert (rows["白塔晚报读者沙龙"].zone, rows["白塔晚报读者沙龙"].first) == ("tail", 0.7)
    new = site(11)
    assert StripChrome()(new) != "\n".join(body(11))
    assert StripChrome(profile=profile, host=HOST)(new) == "\n".join(body(11))
    reasons = StripChrome(profile=profile, host=HOST).page_decisions([new])[0].reasons
    assert {r.rule for r in reasons} == {"host.repeated", "related.heading", "channel.news"}  # where a rule knows the line, it speaks
    assert reasons[0].because == "on 10 pages of the host, strong enough anywhere"


def test_other_hosts_do_not_lose_what_repeats_on_this_one():
    profile = learn(SITE, host=HOST)
    other = {"other.example.cn": profile.hosts[HOST]}
    both = HostProfile({**profile.hosts, **other, "third.example.cn": {}}, profile.pages)
    text = site(11)
    known = Pipeline((StripChrome(profile=both),))
    assert known.fast([Page(text, host="third.example.cn")])[0].text == StripChrome()(text)
    assert known.fast([Page(text)])[0].text == StripChrome()(text)  # of no known host
    assert known.fast([Page(text, url=f"https://{HOST}/a.html")])[0].text == "\n".join(body(11))


@pytest.mark.parametrize(
    "line",
    [
        "白塔县人民政府办公室\n2019年3月2日",  # an office that signs
        "以上各项，请各单位遵照执行。\n白塔县人民政府办公室\n2019年3月2日",
        "一、总体要求",
        "第 一 章 總則",
        "附件：1.报名表",
        "特此通知",
        "各乡镇人民政府，县直各部门：",
        "1984年",
        "12.5%",
        "合计\t128\t96",
        "问",
    ],
)
def test_the_formulas_of_documents_are_not_learned(line):
    pages = [Page(site(n, top=(), foot=(line,))) for n in range(10)]
    assert keys(learn(pages, host=HOST)) == set()
    known = HostProfile({HOST: {line_key(view(k)): HostLine(k, 10, "A", "tail", 0.9, 1.0) for k in line.split("\n")}}, {HOST: 10})
    if "\n" not in line and not line.endswith("："):  # nor do they go if somebody writes them into a profile
        assert StripChrome(profile=known, host=HOST)(pages[0].text).endswith(line)


def test_headings_inside_the_text_are_not_learned():
    pages = [Page(site(n, top=(), foot=(), inside=("他们的生活",))) for n in range(10)]
    assert keys(learn(pages, host=HOST)) == set()


def test_a_sentence_must_stand_in_one_place_on_half_of_the_pages():
    said = "本报热线全天开通，读者可以随时来信来电，编辑部会在三天之内给每一位读者答复。"
    assert line_key(view(said)) in keys(learn([Page(site(n, foot=(said, *FOOT))) for n in range(10)], host=HOST))
    assert keys(learn([Page(site(n, foot=(said, *FOOT)) if n < 4 else site(n)) for n in range(10)], host=HOST)) == {*TOP, *FOOT}


def test_reposts_count_once():
    """A page that comes ten times must not make a frame of its sentences."""
    again = [Page(site(0, foot=(*FOOT, f"浏览{n}次"))) for n in range(8)]
    profile = learn([*again, *SITE[1:]], host=HOST)
    assert profile.pages == {HOST: 10}
    assert not keys(profile) & {line_key(line) for line in body(0)}
    assert keys(learn(again, host=HOST)) == set()


def test_a_line_of_few_pages_goes_only_around_the_text():
    pages = [Page(site(n, foot=(*FOOT, "茶馆预约由此进") if n < 3 else FOOT)) for n in range(10)]
    profile = learn(pages, host=HOST)
    assert profile.hosts[HOST]["茶馆预约由此进"].strength == "B"
    inside = site(11, inside=("茶馆预约由此进",))
    assert "茶馆预约由此进" in StripChrome(profile=profile, host=HOST)(inside)
    assert "茶馆预约由此进" not in StripChrome(profile=profile, host=HOST)(site(11, foot=(*FOOT, "茶馆预约由此进")))


def test_a_page_that_is_nothing_but_frame_is_kept_whole():
    profile = learn(SITE, host=HOST)
    page = "\n".join((*TOP, *FOOT))
    assert StripChrome(profile=profile, host=HOST)(page) == page
    assert StripChrome(profile=profile, host=HOST).run([Page(page)]).flags == {0: ("all_chrome",)}


def test_what_the_text_rules_salvage_is_still_salvaged():
    pages = [Page(site(n, foot=("来源：白塔晚报", *FOOT))) for n in range(10)]
    out = StripChrome(profile=learn(pages, host=HOST), host=HOST).run(pages[:1])
    assert out.metadata[0]["source"] == "白塔晚报"


# ---------------------------------------------------------------- proposals


def test_lines_of_several_hosts_and_labels_are_proposed_and_never_deleted():
    hosts = [f"{name}.example.cn" for name in "abc"]
    pages = [Page(site(n, foot=("茶馆预约由此进", f"掌灯人:{PLACES[n]}一家", *FOOT)), host=h) for h in hosts for n in range(8)]
    profile = learn(pages)
    found = {p.key: p for p in profile.proposals}
    assert found["茶馆预约由此进"].hosts == tuple(hosts)
    assert found["茶馆预约由此进"].pages == 24
    assert found["掌灯人:*"].examples[0].startswith("掌灯人:")
    other = "\n".join([*body(3), "茶馆预约由此进", "掌灯人:某某"])
    assert StripChrome(profile=profile, host=HOST).page_decisions([other], hosts=["d.example.cn"])[0].edits == []


# ---------------------------------------------------------------- files


def test_a_profile_is_a_file_that_a_person_edits(tmp_path):
    path = tmp_path / "hosts.toml"
    profile = learn(SITE, host=HOST)
    profile.save(path)
    assert HostProfile.load(path) == profile
    rows = [line for line in path.read_text("utf-8").splitlines() if "line = " in line]
    assert len(rows) == 6
    strip = StripChrome(profile=str(path), host=HOST)
    before = strip.spec()
    assert strip(site(11)) == "\n".join(body(11))
    path.write_text("\n".join(line for line in path.read_text("utf-8").splitlines() if "今日关注" not in line), "utf-8")
    assert strip(site(11)) == "\n".join(["今日关注", *body(11)])
    assert strip.spec() != before  # so that no run resumes with another profile


def test_a_row_written_by_hand_is_folded(tmp_path):
    path = tmp_path / "hosts.toml"
    path.write_text(f'version = 1\n["{HOST}"]\nlines = [{{ line = "白塔晚報　讀者沙龍 12" }}]\n', "utf-8")
    assert list(HostProfile.load(path).hosts[HOST]) == ["白塔晚报 读者沙龙 0"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version = 1\n[", "not valid TOML"),
        ("version = 2\n", "version 1"),
        ("version = 1\n[a]\npages = 3\n", "give `lines`"),
        ("version = 1\n[a]\nlines = [{ pages = 3 }]\n", r"\[a\], row 1: give `line`"),
        ('version = 1\n[a]\nlines = [{ line = "x", strenght = "A" }]\n', "no field 'strenght'"),
        ('version = 1\n[a]\nlines = [{ line = "x", strength = "C" }]\n', "strength 'C'"),
    ],
)
def test_a_profile_that_cannot_be_trusted_is_refused(text, says, tmp_path):
    path = tmp_path / "hosts.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=says):
        HostProfile.load(path)


def test_a_missing_profile_is_told():
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        StripChrome(profile="nowhere.toml")("text")


def test_a_profile_is_a_value():
    strip = StripChrome(profile=learn(SITE, host=HOST), host=HOST)
    again = pickle.loads(pickle.dumps(strip))
    assert again == strip
    assert hash(again) == hash(strip)
    assert again.spec() == strip.spec()
    assert again != StripChrome()


def test_files_name_their_host_by_their_folder(tmp_path):
    for n, page in enumerate(SITE):
        folder = tmp_path / HOST / f"{n}"
        folder.mkdir(parents=True)
        (folder / "page.txt").write_text(page.text, "utf-8")
    (tmp_path / HOST / "bad.html.gz").write_bytes(b"no gzip")
    profile = learn_files(tmp_path)
    assert profile == learn(SITE, host=HOST)
    pipeline = with_profile(Pipeline.load("zh-web"), profile)
    assert pipeline.fast([Page(site(11), id=f"{HOST}/a.txt")])[0].text.split("\n")[0] == body(11)[0]
    assert pipeline.fingerprint != Pipeline.load("zh-web").fingerprint
    with pytest.raises(ConfigError, match=r"no chrome.lines step"):
        with_profile(Pipeline(()), profile)


def test_a_run_learns_from_its_own_pages(tmp_path):
    for host, n in ((HOST, 10), ("small.example.cn", 4)):
        folder = tmp_path / "crawl" / host
        folder.mkdir(parents=True)
        for k in range(n):
            (folder / f"{k}.txt").write_text(site(k), "utf-8")
    found = find_pages([tmp_path / "crawl"]).pages
    pages = units_of(found, (), Fields())
    plain = Pipeline((StripChrome(),))
    pipeline, note = with_learned(plain, pages, tmp_path)
    assert set(HostProfile.load(tmp_path / "hosts.toml").hosts) == {HOST}
    assert note.startswith("6 lines that repeat on pages of 1 hosts")
    assert pipeline.fast([Page(site(11), id=f"{HOST}/new.txt")])[0].text == "\n".join(body(11))
    assert pipeline.fast([Page(site(11), id="small.example.cn/new.txt")])[0].text == plain(site(11))
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    assert with_learned(pipeline, pages, tmp_path) == (pipeline, "")  # what was given counts
    assert with_learned(plain, units_of([p for p in found if p.id.startswith("small")], (), Fields()), tmp_path) == (plain, "")
    assert with_learned(Pipeline(()), pages, tmp_path) == (Pipeline(()), "")


def test_pages_of_no_known_host_are_refused_with_the_way_out():
    with pytest.raises(ConfigError, match="name the host"):
        learn(SITE)


def test_an_iterator_of_pages_does_as_well():
    assert learn(iter(SITE), host=HOST) == learn(SITE, host=HOST)


@pytest.mark.parametrize(
    ("page", "host"),
    [
        (Page("", host="A.cn"), "a.cn"),
        (Page("", url="http://a.cn:80/x"), "a.cn"),
        (Page("", url="http://[bad/"), ""),
        (Page("", id="x/a.example.cn/index.html"), "a.example.cn"),
        (Page("", id="pages/index.html"), ""),
        (Page("", id="a.html/index.html"), ""),
    ],
)
def test_the_host_of_a_page(page, host):
    assert host_of(page) == host


# ---------------------------------------------------------------- laws


LINES = st.sampled_from([*TOP, *FOOT, *body(1), *body(2), "责任编辑：石青", "分享到：", "2019年3月2日", "附件：1.报名表", "", " "])
KNOWN = StripChrome(profile=learn(SITE, host=HOST), host=HOST)


@given(lines=st.lists(LINES, max_size=14))
def test_the_laws_hold_with_a_profile(lines):
    text = "\n".join(lines)
    once = KNOWN(text)
    assert KNOWN(once) == once
    check_page(KNOWN, Page(text))
    assert all(line in once.split("\n") for line in lines if line in (*body(1)[1:], *body(2)[1:]))


@given(texts=st.lists(st.lists(st.one_of(LINES, st.text(max_size=9)), max_size=6).map("\n".join), max_size=8))
def test_any_pages_can_be_learned_from(texts):
    profile = learn([Page(text) for text in [*texts, *texts]], host=HOST)
    assert all(line.pages <= len(texts) for rows in profile.hosts.values() for line in rows.values())  # every page came twice
    for text in texts:
        out = StripChrome(profile=profile, host=HOST).edits(text)
        assert revert(apply(text, out), out) == text


@given(order=st.permutations(range(10)))
def test_the_order_of_pages_does_not_matter(order):
    assert learn([SITE[n] for n in order], host=HOST) == learn(SITE, host=HOST)


@pytest.mark.parametrize(("name", "value"), [("HELD", 0), ("BATCH", 1), ("BATCH", 3)])
def test_how_much_is_held_at_once_does_not_matter(name, value, monkeypatch):
    again = [*SITE, *SITE[:4]]
    expected = learn(again, host=HOST)
    monkeypatch.setattr(f"cleantext.chrome.hosts.repeated_lines.{name}", value)
    assert learn(again, host=HOST) == expected


def test_groups_of_hosts_and_workers_do_not_matter(tmp_path, monkeypatch):
    """A profile learned in several processes from several files is that of all pages at once, proposals included."""
    pages = []
    for h in range(5):
        folder = tmp_path / "crawl" / f"{'abcde'[h]}.example.cn"
        folder.mkdir(parents=True)
        for n in range(4 + h):
            text = site(n, foot=("茶馆预约由此进", f"掌灯人:{PLACES[n]}一家", *FOOT[h:]))
            (folder / f"{n}.txt").write_text(text, "utf-8")
            pages.append(Page(text, host=folder.name))
    expected = learn(pages)
    assert len(expected.hosts) == 5
    monkeypatch.setattr("cleantext.run.learn.GROUP", 7)
    monkeypatch.setattr("cleantext.run.learn.TOGETHER", 2)
    monkeypatch.setattr("cleantext.run.learn.PARALLEL", 0)
    units = units_of(find_pages([tmp_path / "crawl"]).pages, (), Fields())
    for workers, held in ((1, 1 << 23), (2, 1 << 23), (1, 300)):
        monkeypatch.setattr("cleantext.run.learn.HELD", held)
        profile = _learned(units, tmp_path / "state", least=1, most=2000, workers=workers)
        assert profile == expected
        assert profile.proposals == expected.proposals
        assert not list((tmp_path / "state").iterdir())


def test_a_group_is_learned_with_the_texts_of_one_host_in_memory(tmp_path, monkeypatch):
    hosts, size = [f"{n}.example.cn" for n in range(20)], 20_000
    with monkeypatch.context() as patched:
        patched.setattr("cleantext.run.learn._texts", lambda *_: ((host, "清" * size) for _ in range(3) for host in hosts))
        _write_groups([], {}, dict.fromkeys(hosts, 0), [tmp_path / "learn.arrow"], None)
    taken = []
    monkeypatch.setattr("cleantext.run.learn.repeated_lines", lambda texts: taken.append(len(texts)) or Repeated((), 0, {}, {}))
    tracemalloc.start()
    _learn_group(tmp_path / "learn.arrow")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken == [3] * 20
    assert peak < 20 * size  # characters of one third of the pages; two bytes each


ROWS = st.lists(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]) | st.sampled_from(" \t\u3000\x1c第12,.-"), max_size=12)
)


@given(ROWS)
def test_keys_of_many_lines_are_those_of_each(rows):
    assert line_keys(rows) == [line_key(row) for row in rows]


@given(ROWS)
def test_hashes_of_keys_are_equal_where_keys_are(rows):
    keys = [line_key(row) for row in rows]
    lines = Rows.of(rows)
    arguments = lines.points, lines.starts, lines.ends, characters()
    for hashes, sizes in (hash_keys.python(*arguments), hash_keys.compiled(*arguments)):
        assert sizes.tolist() == list(map(len, keys))
        assert len(set(zip(hashes.tolist(), keys, strict=True))) == len(set(keys)) == len(set(hashes.tolist()))
    assert (key_hashes(lines)[0] == hashes.view("int64")).all()
