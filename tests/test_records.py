"""Tables of texts as they come: without ids, with repeated, broken or nested ones, under any name. Each was once a fault."""

import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from made import prose

from cleantext.errors import InputError
from cleantext.report.tally import Report
from cleantext.run.readers.fields import Fields
from cleantext.run.readers.find import find_pages
from cleantext.run.search.dedup_files import dedup_files
from cleantext.run.search.search_input import table_of

ONE, TWO, OTHER = prose(random.Random(1), 200), prose(random.Random(1), 200) + "甲", prose(random.Random(2), 200)
LOCAL = {"level": "document", "engine": "local", "workers": 1}


def lines(path, rows):
    data = "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else zstandard.compress(data) if path.suffix == ".zst" else data)
    return path


def corpus(tmp_path, *paths, strict=False, **columns):
    """Return the rows (id, text), the type of the ids, and the report."""
    report = Report()
    found = find_pages(paths)
    made = table_of(found.pages, found.holders, Fields(**columns), tmp_path / "state", report, strict=strict)
    names = dict(made.table.columns)
    table = made.table.read()
    return list(zip(table[names["id"]].to_pylist(), table[names["text"]].to_pylist(), strict=True)), made.id_type, report


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.ndjson", "a.JSONL", "a.jsonl.zst", "a.txt", "part-00000"])
def test_json_lines_under_any_name_are_searched(tmp_path, name):
    lines(tmp_path / name, [{"id": 1, "text": ONE}, {"id": 2, "text": TWO}])
    report = dedup_files(tmp_path / name, tmp_path / "out", **LOCAL)
    assert report.duplicates["pairs"] == 1


def test_a_folder_of_json_lines_under_other_names(tmp_path):
    (tmp_path / "in").mkdir()
    lines(tmp_path / "in" / "c.00.json.gz", [{"id": 1, "text": ONE}])
    lines(tmp_path / "in" / "c.01.json.gz", [{"id": 2, "text": TWO}])
    assert dedup_files(tmp_path / "in", tmp_path / "out", **LOCAL).duplicates["pairs"] == 1
    (tmp_path / "in" / "page.txt").write_text(OTHER, "utf-8")
    report = dedup_files(tmp_path / "in", tmp_path / "out2", level="document")
    assert report.outcomes["kept"] == 1, "beside pages, JSON may be anything"


def test_rows_without_ids_are_named_by_file_and_line(tmp_path):
    rows, kind, _ = corpus(
        tmp_path, lines(tmp_path / "a.jsonl", [{"text": "甲"}, "", {"text": "乙", "id": None}, {"text": "丙", "id": "c"}])
    )
    assert (rows, kind) == ([("a.jsonl:1", "甲"), ("a.jsonl:3", "乙"), ("a.jsonl:4", "丙")], "string")
    pq.write_table(pa.table({"text": ["甲", "乙"]}), tmp_path / "b.parquet")
    rows, kind, _ = corpus(tmp_path, tmp_path / "b.parquet")
    assert (rows, kind) == ([("b.parquet:1", "甲"), ("b.parquet:2", "乙")], "string")
    with pytest.raises(InputError, match="no column 'key'"):
        corpus(tmp_path, tmp_path / "b.parquet", id="key")


def test_broken_rows_are_counted_and_the_others_searched(tmp_path):
    given = [
        {"id": "a", "text": "甲"},
        "{",
        {"id": None, "text": "乙"},
        {"id": "b"},
        {"id": "c", "text": 5},
        "[1]",
        {"id": "d", "text": None},
    ]
    path = lines(tmp_path / "a.jsonl", given)
    rows, _, report = corpus(tmp_path, path)
    assert rows == [("a", "甲"), ("d", "")]
    assert [f["id"] for f in report.failures] == [f"a.jsonl:{n}" for n in (2, 3, 4, 5, 6)]
    assert "line 4: no field 'text'" in report.failures[2]["error"]
    assert any("1 rows have no text" in note for note in report.notes)
    with pytest.raises(InputError, match="line 2"):
        corpus(tmp_path, path, strict=True)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_a_cut_tail_loses_no_more_than_itself(tmp_path, name):
    path = lines(tmp_path / name, [{"id": str(n), "text": prose(random.Random(n), 3000)} for n in range(40)])
    path.write_bytes(path.read_bytes()[: -len(path.read_bytes()) // 4])
    report = dedup_files(path, tmp_path / "out", **LOCAL)
    assert report.outcomes["failed"] == 1
    assert report.exit_code == 3
    assert 10 < report.outcomes["kept"] < 40 or name.endswith("zst")


def test_repeated_ids_are_told_and_named_anew(tmp_path):
    path = lines(tmp_path / "a.jsonl", [{"id": "x", "text": ONE}, {"id": "x", "text": TWO}, {"id": "y", "text": OTHER}])
    report = dedup_files(path, tmp_path / "out", **LOCAL)
    assert [(p["a"], p["b"]) for p in pq.read_table(tmp_path / "out" / "duplicates.parquet").to_pylist()] == [("a.jsonl:2", "x")]
    assert any("a.jsonl:2" in note for note in report.notes)
    with pytest.raises(InputError, match="id 'x' stands twice"):
        dedup_files(path, tmp_path / "strict", strict=True, **LOCAL)
    pq.write_table(pa.table({"key": [7, 8, 7], "body": [ONE, OTHER, TWO]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"key": [9], "body": ["短"]}), tmp_path / "c.parquet")
    rows, kind, _ = corpus(tmp_path, tmp_path / "b.parquet", tmp_path / "c.parquet", text="body", id="key")
    assert ([r[0] for r in rows], kind) == (["7", "8", "b.parquet:3", "9"], "string")


def test_nested_fields(tmp_path):
    given = [{"meta": {"id": "u1"}, "data": {"text": "甲"}}, {"meta": {}, "data": {"text": "乙"}}, {"meta": {"id": "u3"}, "data": None}]
    rows, _, report = corpus(tmp_path, lines(tmp_path / "a.jsonl", given), text="data.text", id="meta.id")
    assert rows == [("u1", "甲")]
    assert [f["id"] for f in report.failures] == ["a.jsonl:2", "a.jsonl:3"]
    pq.write_table(pa.table({"meta": [{"id": 5}, {"id": 6}], "data": [{"text": "甲"}, {"text": "乙"}]}), tmp_path / "b.parquet")
    rows, kind, _ = corpus(tmp_path, tmp_path / "b.parquet", text="data.text", id="meta.id")
    assert (rows, kind) == ([(5, "甲"), (6, "乙")], "int64")


@pytest.mark.parametrize(
    ("ids", "seen", "failed"),
    [
        (pa.array([1.0, None, 3.0]), [1, 3], 1),
        (pa.array([1.0, float("nan"), 3.0]), [1, 3], 1),
        (pa.array([1.5, 2.0, 3.0]), ["1.5", "2", "3"], 0),
        (pa.array([1, 2, 3], pa.uint64()), [1, 2, 3], 0),
        (pa.array([2**63 + 5, 2, 3], pa.uint64()), [str(2**63 + 5), "2", "3"], 0),
        (pa.array(["a", None, "c"]), ["a", "c"], 1),
        (pa.array([1, 2, 3], pa.int8()), [1, 2, 3], 0),
    ],
    ids=str,
)
def test_ids_of_every_type(tmp_path, ids, seen, failed):
    pq.write_table(pa.table({"id": ids, "text": ["甲", "乙", "丙"]}), tmp_path / "a.parquet")
    rows, kind, report = corpus(tmp_path, tmp_path / "a.parquet")
    assert [r[0] for r in rows] == seen
    assert kind == ("string" if isinstance(seen[0], str) else "int64")
    assert report.outcomes["failed"] == failed


@pytest.mark.parametrize(
    ("ids", "seen"),
    [([1, "b"], ["1", "b"]), ([2**70, 1], [str(2**70), "1"]), ([1.0, 2], [1, 2]), ([-3, 2**63 - 1], [-3, 2**63 - 1])],
    ids=str,
)
def test_ids_of_every_type_in_lines(tmp_path, ids, seen, monkeypatch):
    monkeypatch.setattr("cleantext.run.search.search_input.PART", 1)  # each row a part
    rows, _, _ = corpus(tmp_path, lines(tmp_path / "a.jsonl", [{"id": i, "text": "甲"} for i in ids]))
    assert [r[0] for r in rows] == seen


def test_files_that_differ_in_the_type_of_their_ids(tmp_path):
    pq.write_table(pa.table({"id": [1, 2], "text": ["甲", "乙"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["x"], "text": ["丙"]}), tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_bytes(b"PAR1 and no more")
    rows, kind, report = corpus(tmp_path, tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "c.parquet")
    assert ([r[0] for r in rows], kind) == (["1", "2", "x"], "string")
    assert [f["id"] for f in report.failures] == ["c.parquet:0"]


def test_a_table_of_which_nothing_can_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="no field 'text'; no other row could be read"):
        corpus(tmp_path, lines(tmp_path / "a.jsonl", [{"id": 1, "words": "甲"}, {"id": 2, "words": "甲"}]))
    with pytest.raises(InputError, match="no column 'text'; it has id, words"):
        dedup_files(lines(tmp_path / "b.csv", ["id,words", "1,甲"]), tmp_path / "out", **LOCAL)


def test_a_resumed_run_finds_its_parts_as_they_were(tmp_path):
    class StoppedError(Exception):
        pass

    def stop(name):
        if name == "candidates":
            raise StoppedError

    path = lines(tmp_path / "a.jsonl", [{"id": "x", "text": ONE}, {"id": "x", "text": TWO}])
    with pytest.raises(StoppedError):
        dedup_files(path, tmp_path / "out", progress=stop, **LOCAL)
    done = []
    dedup_files(path, tmp_path / "out", progress=done.append, **LOCAL)
    assert done[0] == "candidates"
