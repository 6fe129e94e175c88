"""The report: a sum that does not mind order, numbers that mean something, pages that show it."""

import json
import random

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from made import prose

import cleantext as ct
from cleantext.changes import Changes
from cleantext.cli import main
from cleantext.edits import Edit, apply
from cleantext.errors import InputError
from cleantext.report.overview import overview
from cleantext.report.page import calls, clusters, flow, pieces, render, shortened
from cleantext.report.page_pieces import page_view
from cleantext.report.tally import OUTCOMES, SAMPLES, Report, drawn, nearest, total

EDIT = st.builds(
    Edit, st.just(0), st.just(1), st.sampled_from("甲乙"), st.sampled_from(["", "丙丁"]), st.sampled_from(["meta.date", "space.odd"])
)


@st.composite
def reports(draw):
    lines = draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.booleans()), max_size=12))
    told = nearest({"page": p, "text": "甲", "chrome": c / 10, "gone": g} for p, c, g in lines)
    report = Report(lines=told, bytes_in=draw(st.integers(0, 9)), chars_in=draw(st.integers(0, 9)), changed=draw(st.integers(0, 2)))
    for page in draw(
        st.lists(st.sampled_from(["a", "b", "x.example.cn/1", "x.example.cn/2", "x.example.cn/3", "y.example.cn/1"]), max_size=6)
    ):
        report.outcomes[draw(st.sampled_from(OUTCOMES[:3]))] += 1
        edits = draw(st.lists(EDIT, max_size=8))
        rows = [e._replace(start=n, end=n + 1) for n, e in enumerate(edits)]
        report.count(draw(st.sampled_from(["chrome.lines", "normalize.spaces"])), [page], Changes({0: rows}).columns)
    for page in draw(st.lists(st.sampled_from(["x", "y"]), max_size=2)):
        report.fail(page, f"{page}: broken")
    return report


@given(reports(), reports(), reports())
def test_reports_are_a_commutative_monoid(a, b, c):
    assert (a + b) + c == a + (b + c) == c + b + a
    assert a + Report() == Report() + a == total([a])


@given(reports())
def test_json_and_back(report):
    assert Report.from_json(report.to_json()).to_json() == report.to_json()
    assert all(len(t.samples) <= SAMPLES for t in report.rules.values())


def test_counts_are_those_of_the_rows():
    rows = {0: [Edit(0, 2, "甲乙", "", "a.b"), Edit(3, 4, "丙", "丁戊", "c.d")], 1: [Edit(0, 1, "己", "", "a.b")]}
    report = Report()
    report.count("chrome.lines", ["one", "two"], Changes(rows).columns)
    tally = report.rules["a.b"]
    assert (tally.edits, tally.removed, tally.added, tally.pages, tally.step) == (2, 3, 0, 2, "chrome.lines")
    assert sorted(tally.samples) == [("one", 0, "甲乙", ""), ("two", 0, "己", "")]
    assert isinstance(tally.removed, int)
    assert not isinstance(tally.removed, np.generic)


def test_another_schema_is_refused():
    with pytest.raises(InputError, match="schema"):
        Report.from_json({})


def test_page_shows_everything_and_escapes_it():
    report = Report(settings={"pipeline": "zh-web", "fingerprint": "f", "cleantext": "0"})
    report.count("chrome.lines", ["<p>"], Changes({0: [Edit(0, 8, "<script>", "", "a.b")]}).columns)
    report.fail("bad", "bad: is binary data")
    page = render(report)
    assert "&lt;script&gt;" in page
    assert page.count("<script") == 1  # our own
    assert "is binary data" in page


@given(st.text("甲乙丙", max_size=12), st.text("甲乙丙", max_size=12), st.integers(0, 12))
def test_pieces_are_the_texts(a, b, longest):
    left, right = pieces(a, b)
    assert ("".join(t for _, t in left), "".join(t for _, t in right)) == (a, b)
    assert [t for same, t in left if same] == [t for same, t in right if same]
    assert "".join(t for _, t in shortened(left, longest)) == a[:longest]


WHOLE = Report(bytes_in=3, settings={"cleantext": "1", "pipeline": "mine", "fingerprint": "0"}).to_json()
BROKEN = [{**WHOLE, name: value} for name in WHOLE for value in (None, 5, "x", [1], {"a": 1})] + [
    {k: v for k, v in WHOLE.items() if k != name} for name in WHOLE
]


@pytest.mark.parametrize(
    "data", [b"", b"x", b"[]", b"5", b"null", b'"x"', b"{}", b'{"schema": 1}', b"\xff\xfe{", b"[" * 9999, b'{"schema": 2}']
)
def test_a_broken_report_is_refused_with_what_to_do(tmp_path, data):
    (tmp_path / "report.json").write_bytes(data)
    result = CliRunner().invoke(main, ["report", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 2
    assert f"{tmp_path / 'report.json'}: " in result.stderr
    assert "run `cleantext clean` again" in result.stderr
    assert not (tmp_path / "report.html").exists()


def test_any_other_json_is_a_report_or_refused(tmp_path):
    for data in (WHOLE, *BROKEN):
        (tmp_path / "report.json").write_text(json.dumps(data), "utf-8")
        result = CliRunner().invoke(main, ["report", str(tmp_path)], catch_exceptions=False)
        assert result.exit_code == 0 if data == WHOLE else result.exit_code in (0, 2), data


# ---------------------------------------------------------------- samples, overview, pages


PLACES = st.tuples(st.sampled_from(["a", "b", "x.example.cn/1", "x.example.cn/2", "y.example.cn/1", "z.example.cn/7"]), st.integers(0, 30))


@given(st.sets(PLACES, max_size=40), st.randoms(use_true_random=False))
def test_drawing_of_parts_is_drawing_of_the_whole(places, chance):
    samples = [(page, start, "x", "") for page, start in places]
    chance.shuffle(samples)
    cut = chance.randint(0, len(samples))
    assert drawn(drawn(samples[:cut]) + drawn(samples[cut:])) == drawn(samples)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=60, unique=True))
def test_a_batch_draws_what_its_samples_would(places):
    pages = ["x.example.cn/1", "x.example.cn/2", "y.example.cn/1", "alone"]
    rows = {}
    for page, start in sorted(places):
        rows.setdefault(page, []).append(Edit(start, start + 1, "字", "", "a.b"))
    report = Report()
    report.count("chrome.lines", pages, Changes(rows).columns if rows else Changes({}).columns)
    found = report.rules["a.b"].samples if places else []
    assert found == drawn((pages[page], start, "字", "") for page, start in places)
    hosts = {page.partition("/")[0] for page, *_ in found}
    assert len(hosts) == min(5, len({pages[page].partition("/")[0] for page, _ in places}))


ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a.example.cn/1", "a.example.cn/2", "b.example.cn/1", "page"]),
        "outcome": st.sampled_from(["kept", "emptied", "failed"]),
        "chars_in": st.integers(0, 900),
        "chars_out": st.integers(0, 900),
        "flags": st.lists(st.sampled_from(["html_main", "over_removal"]), unique=True),
    },
    optional={"body_lost_expected": st.floats(0, 1), "chrome_left_expected": st.floats(0, 1), "script": st.sampled_from(["hans", "hant"])},
)


@given(st.lists(ROW, max_size=40))
def test_overview_counts_each_page_once(rows):
    rows = [{**row, "id": f"{row['id']}-{n}"} for n, row in enumerate(rows)]
    told = overview(rows)
    assert sum(told["removed"]) == sum(row["outcome"] != "failed" for row in rows)
    assert sum(host["pages"] for host in told["hosts"]) == sum("example.cn" in row["id"] for row in rows)
    assert sum(told["scripts"].values()) == sum("script" in row for row in rows)
    ids = [page["id"] for page in told["pages"]]
    assert len(ids) == len(set(ids)) <= len(rows)
    assert all(page["reasons"] for page in told["pages"])
    failed = [page["id"] for page in told["pages"] if "failed" in page["reasons"]]
    assert len(failed) == min(12, sum(row["outcome"] == "failed" for row in rows))
    assert json.loads(json.dumps(told)) == told


def test_pages_that_lost_most_and_of_which_least_is_sure_are_shown():
    rows = [
        {
            "id": f"p{n:03}",
            "outcome": "kept",
            "chars_in": 1000,
            "chars_out": n,
            "body_lost_expected": 0.0,
            "chrome_left_expected": 1 - n / 1000,
        }
        for n in range(1000)
    ]
    shown = overview(rows)["pages"]
    for reason in ("most removed", "least sure"):
        assert [page["id"] for page in shown if reason in page["reasons"]] == [f"p{n:03}" for n in range(12)]
    assert sum("sample" in page["reasons"] for page in shown) == 24


def test_hosts_beyond_the_bound_are_counted_together(monkeypatch):
    monkeypatch.setattr("cleantext.report.overview.HELD_HOSTS", 8)
    rows = [{"id": f"h{n}.example.cn/1", "outcome": "kept", "chars_in": 100 + n, "chars_out": 100} for n in range(40)]
    told = overview(rows)
    assert len(told["hosts"]) <= 8
    assert sum(host["chars_in"] for host in told["hosts"]) == sum(row["chars_in"] for row in rows)


@given(st.text("甲乙\n", max_size=30), st.data())
def test_pieces_of_a_page_are_the_page(text, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    edits = [
        Edit(i, j, text[i:j], data.draw(st.sampled_from(["", "新"])), data.draw(st.sampled_from(["a.b", "c.d"])))
        for i, j in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    view = page_view(text, edits)
    assert "".join(p.before if p.kind == "new" else p.text for p in view.pieces) == text
    assert "".join(p.text for p in view.pieces if p.kind in ("same", "new")) == view.after == apply(text, edits)
    assert view.cut == 0


def test_a_long_page_is_cut_and_says_by_how_much():
    text = "文" * 20_000
    view = page_view(text, [Edit(10_000, 10_010, "文" * 10, "", "a.b")])
    assert [p.kind for p in view.pieces] == ["same", "skipped", "same", "skipped"]
    kept = sum(len(p.text) for p in view.pieces if p.kind == "same")
    assert kept + sum(int(p.text.replace(",", "")) for p in view.pieces if p.kind == "skipped") == 20_000
    assert (len(view.after), view.cut) == (3_000, 16_990)


@given(reports())
def test_flow_stays_within_the_picture(report):
    report.chars_in += 1_000  # more than its edits remove
    for _, kept, lost, new, told in flow(report):
        assert min(kept, lost, new) >= 0
        assert kept + lost + new <= 100.2  # each is rounded to a tenth
        assert told


def test_pairs_that_share_a_text_are_one_cluster():
    def pair(a, b, text):
        sides = {
            "a": a,
            "b": b,
            "a_start": 0,
            "a_end": 9,
            "b_start": 0,
            "b_end": 9,
            "a_text": text,
            "b_text": text + "。",
            "similarity": 0.9,
        }
        return sides | {f"original_{s}_{e}": None for s in "ab" for e in ("start", "end")}

    found = clusters(
        [pair("a", "b", "新疆"), pair("c", "d", "甲" * 50), pair("b", "e", "新疆。"), pair("e", "f", "新疆"), pair("f", "g", "新疆")]
    )
    assert [[member["page"] for member in cluster] for cluster in found] == [["a", "b", "e", "f"], ["c", "d"]]
    assert [cluster.more for cluster in found] == [1, 0]
    assert found[1][1]["pieces"] == [(True, "甲" * 50), (False, "。")]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**6)), min_size=200, max_size=400), st.integers(1, 6))
def test_samples_of_many_edits_are_drawn_of_few(places, hosts):
    pages = [f"h{n % hosts}.example.cn/{n}" for n in range(6)]
    rows = {n: [Edit(at, at + 1, "字", "", "a.b") for at in sorted({at for page, at in places if page == n})] for n in range(6)}
    report = Report()
    report.count("chrome.lines", pages, Changes({n: edits for n, edits in rows.items() if edits}).columns)
    assert report.rules["a.b"].samples == drawn((pages[n], e.start, "字", "") for n, edits in rows.items() for e in edits)


def test_pairs_nearest_to_the_threshold_are_shown_above_it_and_below_it():
    def pair(similarity):
        return {"a": "a", "b": "b", "similarity": similarity, "a_text": "新疆喀什", "b_text": "新疆和田"}

    found = calls({"threshold": 0.8, "examples": [pair(n / 100) for n in range(80, 100)], "below": [pair(0.6), pair(0.79)]})
    assert [round(call["similarity"], 2) for call in found] == [0.8, 0.81, 0.82, 0.83, 0.84, 0.79, 0.6]
    assert [call["above"] for call in found] == [True] * 5 + [False] * 2
    assert found[0]["sides"][1] == [(True, "新疆"), (False, "和田")]
    assert calls({}) == []


def test_lines_about_which_the_model_was_least_sure_are_told(tmp_path):
    rng = random.Random(4)
    for n in range(8):
        frame = ["首页 > 新闻 > 正文", "字号 大 中 小", f"阅读 {n}37 次", "扫一扫 手机看", "上一篇 下一篇", "网站地图 联系我们 加入收藏"]
        lines = ["清河的堤坝", *frame[:3], *(prose(rng, 80) for _ in range(5)), f"本页由清河网第{n}组制作", *frame[3:]]
        (tmp_path / f"{n}.txt").write_text("\n".join(lines), "utf-8")
    ct.clean_files(tmp_path, tmp_path.with_name("out"), workers=1, duplicates="off")
    told = json.loads((tmp_path.with_name("out") / "report.json").read_text("utf-8"))["lines"]
    assert told
    assert [line["gone"] for line in told] == sorted((line["gone"] for line in told), reverse=True)
    for line in told:
        text = (tmp_path.with_name("out") / line["page"]).read_text("utf-8")
        assert (line["text"] in text.split("\n")) != line["gone"]
        assert 0.1 < line["chrome"] <= 1
    assert "Closest calls" in (tmp_path.with_name("out") / "report.html").read_text("utf-8")
    out = CliRunner().invoke(main, ["report", str(tmp_path.with_name("out"))])
    assert out.exit_code == 0
