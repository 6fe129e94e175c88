"""The scoreboard of the benchmarks: what is written comes from results.json, floors only rise, and an engine that fails is a line that says so."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import REPORTS, ROWS, chosen
from benchmarks.crawl import Crawl, write_crawl
from benchmarks.rows.sample_data import Planted
from benchmarks.scoreboard import measured, peer_environments, plots, rendered, row_floors
from benchmarks.scoreboard.measured import Contender, Context, Measure, in_turn

RESULTS = rendered.load()


# ---------------------------------------------------------------- what is written


def test_the_page_and_its_plots_are_written_from_the_results(tmp_path):
    assert rendered.results_page(RESULTS, tmp_path) == rendered.PAGE.read_text("utf-8")
    assert {p.name: p.read_text("utf-8") for p in tmp_path.iterdir()} == {p.name: p.read_text("utf-8") for p in rendered.PLOTS.iterdir()}


def test_the_table_of_the_readme_is_written_from_the_results():
    text = rendered.README.read_text("utf-8")
    assert rendered.BEGIN in text
    assert rendered.readme(text, RESULTS) == text


def test_every_row_says_where_it_comes_from():
    assert set(RESULTS["rows"]) <= set(ROWS)
    for row in RESULTS["rows"].values():
        assert row["when"] and row["commit"] and row["machine"]["cpu"] and row["machine"]["load"] >= 0
        for m in row["measures"]:
            assert m["row"] and m["engine"] and ("error" in m) != ("speed" in m or "quality" in m)


def test_no_address_stands_in_the_results():
    assert "://" not in json.dumps([row["measures"] for row in RESULTS["rows"].values()])


def test_rows_are_chosen_by_name_and_family():
    assert chosen(["chain"]) == ["chain.data-juicer", "chain.datatrove", "chain.warc"]
    assert chosen(["documents"]) == ["documents"]
    assert chosen([]) == list(ROWS)
    with pytest.raises(SystemExit, match="no row is called"):
        chosen(["nothing"])


def test_every_script_of_a_report_is_there():
    assert all((peer_environments.ROOT / "benchmarks" / call[0]).is_file() for _, call in REPORTS.values())


# ---------------------------------------------------------------- floors

FIGURES = st.dictionaries(st.sampled_from(["F1", "recall", "lost"]), st.floats(0, 1), min_size=1)


def row_of(quality, ratio=None, *, quick=True):
    measures = [{"row": "r", "engine": "cleantext", "data": "d", "quality": quality, "speed": [1, 1, 1]}]
    if ratio:
        measures.append({"row": "r", "engine": "peer", "data": "d", "speed": [1, 1, 1], "ratio": ratio})
    return {"r": {"quick": quick, "measures": measures}}


@given(FIGURES, FIGURES)
def test_floors_only_rise_without_a_reason(first, second):
    held = row_floors.raised(row_of(first), {"floors": {}, "lowered": []})
    assert row_floors.below(row_of(first), held) == []
    again = row_floors.raised(row_of(second), held)
    assert all(again["floors"][name] >= value for name, value in held["floors"].items())
    lowered = row_floors.raised(row_of(second), held, "an older bug counted twice")
    assert row_floors.below(row_of(second), lowered) == []
    assert {x["floor"] for x in lowered["lowered"]} == {n for n, v in held["floors"].items() if lowered["floors"][n] < v}


def test_what_falls_is_named_and_sizes_have_floors_of_their_own():
    held = row_floors.raised(row_of({"F1": 0.9, "lost": 0.1}, [10.0, 8.0, 12.0]), {"floors": {}, "lowered": []})
    assert row_floors.below(row_of({"F1": 0.9, "lost": 0.1}, [7.5, 1.0, 9.0]), held) == []  # the median counts; a tenth is slack
    (slow,) = row_floors.below(row_of({"F1": 0.9, "lost": 0.1}, [5.0, 4.0, 6.0]), held)
    assert "as fast as peer" in slow
    assert len(row_floors.below(row_of({"F1": 0.8, "lost": 0.2}), held)) == 2
    assert row_floors.below(row_of({"F1": 0.1}, [1.0, 1.0, 1.0], quick=False), held) == []


def test_no_row_is_below_its_floor():
    assert row_floors.below(RESULTS["rows"], row_floors.load()) == []


# ---------------------------------------------------------------- engines


def test_an_engine_that_cannot_be_had_is_a_line_that_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(peer_environments, "FOLDER", tmp_path)
    monkeypatch.setitem(peer_environments.ENVIRONMENTS, "ftfy", peer_environments.Environment("x", python="9.9"))
    peer_environments.interpreter.cache_clear()
    source = tmp_path / "pages.json"
    source.write_text(json.dumps(["喀什的春天"]), "utf-8")
    context = Context(quick=True, rounds=2, work=tmp_path)
    contenders = [Contender("cleantext", "", options={"warm": False}), Contender("ftfy", "ftfy")]
    ours, theirs = in_turn("repair.x", "one page", "mending", source, 1e-5, contenders, context, lambda value: ({"pages": len(value)}, ""))
    assert theirs.error == "needs Python 9.9, which is not on this machine" and theirs.speed is None
    assert ours.quality == {"pages": 1} and ours.speed[1] <= ours.speed[0] <= ours.speed[2] and ours.peak > 10 and not ours.error
    peer_environments.interpreter.cache_clear()


def test_an_engine_that_raises_is_a_line_that_says_why(tmp_path):
    (tmp_path / "text").write_text("喀什", "utf-8")
    context = Context(quick=True, rounds=1, work=tmp_path)
    options = {"configuration": "nonsense", "warm": False}
    (found,) = in_turn("script.x", "", "conversion", tmp_path / "text", 1.0, [Contender("cleantext", "", options=options)], context)
    assert found.error.startswith("did not run: ")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Collecting x\nERROR: No matching distribution found for x==9", "ERROR: No matching distribution found for x==9"),
        ("error: failed\n  [6] Could not resolve host: index.example.org", "[6] Could not resolve host:"),
        ("Traceback\n  File x\nImportError: no module", "ImportError: no module"),
        ("", "no message"),
    ],
)
def test_errors_are_told_without_addresses(message, told):
    assert peer_environments.why(message) == told


def test_what_is_measured_is_plain():
    assert Measure("r", "e", "d").plain() == {"row": "r", "engine": "e", "data": "d", "unit": "MB/s"}
    assert measured.spread([3.0, 1.0, 2.0]) == [2.0, 1.0, 3.0]
    assert measured.machine()["cores"] >= 1


def test_plots_are_of_what_can_be_compared():
    assert plots.bars({"r": [{"engine": "a", "speed": [1, 1, 1]}]}) == ""
    rows = {"r": [{"engine": "a", "speed": [10, 9, 11]}, {"engine": "<b>", "speed": [1, 1, 1], "ratio": [10, 9, 11]}]}
    assert "&lt;b&gt;" in plots.bars(rows) and plots.bars(rows).count("<rect") == 3
    measures = [{"row": "g", "engine": f"{n:,} pages", "unit": "pages/s", "speed": [100, 100, 100]} for n in (1000, 10000)]
    assert plots.growth_plot(measures).count("<polyline") == 2


# ---------------------------------------------------------------- planted truth


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    path = tmp_path_factory.mktemp("crawl") / "crawl.jsonl"
    write_crawl(path, pages=300, seed=6)
    return Planted(path, Crawl(300, seed=6))


def test_the_planted_groups_have_recall_and_precision_one(planted):
    groups = {}
    for name, cluster in planted.core.items():
        groups.setdefault(cluster, []).append(name)
    assert planted.judge(list(groups.values()))[0] == {"recall": 1.0, "precision": 1.0}
    assert planted.judge([])[0]["recall"] == 0


def test_pages_that_are_no_copies_cost_precision(planted):
    strangers = [name for name in planted.number if name not in planted.core][:20]
    assert len(strangers) == 20
    groups = {}
    for name, cluster in planted.core.items():
        groups.setdefault(cluster, []).append(name)
    found, _ = planted.judge([*groups.values(), strangers])
    assert found["recall"] == 1.0
    assert found["precision"] == pytest.approx(planted.wanted / (planted.wanted + 19), abs=0.02)


def test_copies_that_are_not_found_cost_recall(planted):
    groups = {}
    for name, cluster in planted.core.items():
        groups.setdefault(cluster, []).append(name)
    half = list(groups.values())[::2]
    found, _ = planted.judge(half)
    assert found["precision"] == 1.0
    assert found["recall"] == pytest.approx(sum(len(g) - 1 for g in half) / planted.wanted, abs=1e-4)


def test_results_are_not_changed_by_rendering():
    before = copy.deepcopy(RESULTS)
    rendered.readme_table(RESULTS)
    assert before == RESULTS
