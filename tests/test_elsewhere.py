"""In other people's pipelines: the one-liners of docs/elsewhere.md, run on the real packages where they are installed."""

import re
import sys
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import cleantext as ct
from cleantext.pipeline import Pipeline

GUIDE = Path(__file__).parent.parent / "docs" / "elsewhere.md"
TEXTS = ["發展新疆的歷史與經濟，今年三月，喀什古城的杏花開了。", None, "開放的口岸"]
CLEAN = ["发展新疆的历史与经济，今年三月，喀什古城的杏花开了。", None, "开放的口岸"]


def block(name):
    """Return the code that the guide gives for a package."""
    found = re.search(rf"^## {re.escape(name)}\n.*?```python\n(.*?)```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def given(name, **names):
    exec(block(name), names)  # the guide's own words
    return names


@pytest.mark.elsewhere
def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": TEXTS})
    made = given("pandas", frame=frame)["frame"]["clean"]
    assert [None if pandas.isna(text) else text for text in made] == CLEAN


@pytest.mark.elsewhere
def test_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": TEXTS})
    assert given("Polars", frame=frame)["frame"]["clean"].to_list() == CLEAN


def test_duckdb():
    con = duckdb.connect()
    con.execute("CREATE TABLE pages AS SELECT unnest(?) AS text", [TEXTS])
    assert [r[0] for r in given("DuckDB", con=con)["rows"]] == CLEAN


@pytest.mark.elsewhere
@pytest.mark.parametrize("streaming", [False, True])
def test_datasets(streaming, tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    dataset = datasets.Dataset.from_dict({"text": TEXTS})
    made = given("datasets", dataset=dataset.to_iterable_dataset() if streaming else dataset)["dataset"]
    assert [row["text"] for row in made] == CLEAN


@pytest.mark.elsewhere
def test_datatrove(tmp_path):
    pytest.importorskip("datatrove")
    (tmp_path / "in").mkdir()
    import json

    (tmp_path / "in" / "a.jsonl").write_text(
        "".join(json.dumps({"id": str(n), "text": t or ""}) + "\n" for n, t in enumerate(TEXTS)), "utf-8"
    )
    given("datatrove", source=str(tmp_path / "in"), target=str(tmp_path / "out"), logs=str(tmp_path / "logs"))
    rows = [json.loads(line) for path in (tmp_path / "out").rglob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == [t for t in CLEAN if t]


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_pyspark(monkeypatch):
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)  # else the first Python on the path
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        pages = spark.createDataFrame([(t,) for t in TEXTS], "text string")
        assert [r["text"] for r in given("PySpark", pages=pages)["cleaned"].collect()] == CLEAN
    finally:
        spark.stop()


def test_threads():
    pipeline = Pipeline.load("zh-web")
    found, texts = {}, [f"第{n}頁：發展經濟" for n in range(60)]

    def work(mine):
        for n in mine:
            found[n] = pipeline(texts[n])

    threads = [threading.Thread(target=work, args=(range(k, 60, 6),)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[n] for n in range(60)] == [ct.clean(text) for text in texts]


@pytest.mark.elsewhere
@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_ray():
    data = pytest.importorskip("ray.data")
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=100 << 20)
    try:
        dataset = data.from_arrow(pa.table({"text": TEXTS}))
        assert [row["text"] for row in given("Ray Data", dataset=dataset)["dataset"].take_all()] == CLEAN
    finally:
        ray.shutdown()


def test_arrow_batches():
    batch = pa.record_batch({"text": TEXTS})
    assert given("Anything with Arrow batches", batch=batch)["batch"].column("text").to_pylist() == CLEAN
