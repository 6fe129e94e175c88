"""Plans on Apache Spark: row by row what the other two ways of searching give, whatever the partitions; whole, or refused by name.

Needs pyspark and Java; `.ci/run` installs the one, and fails where these tests are skipped.
"""

import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kernels import Running, Same, Whole
from made import corpus, prose
from test_clean_plan import WHERE, same_outputs
from test_clean_plan import inputs as pages_in_files
from test_components import check, shapes
from test_passage_plan import in_memory as passages_in_memory
from test_passage_plan import mixed
from test_plan import encodable, write
from test_plan import in_memory as documents_in_memory

from cleantext.dedup import SketchSpec
from cleantext.dedup.passages.passage_search import PassageParams
from cleantext.dedup.tables.document_plan import document_plan
from cleantext.dedup.tables.passage_plan import passage_plan
from cleantext.errors import CleantextError, ConfigError, InputError
from cleantext.plan import Checkpoint, EmbeddedRunner, Expect, Join, Loop, Map, Number, Plan, Scan, Sql, Table
from cleantext.plan.spark import SparkRunner, connected
from cleantext.plan.spark.reads import is_read_again

# pyspark's own: it warns of pandas 3, and leaves sockets to the collector.
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("default")]
HERE = Path(__file__).parent
SMALL = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.log.level": "OFF",
    # Kernels of these tests, for workers. Not by os.environ: the JVM may be another test's, and keeps the environment it began with.
    "spark.executorEnv.PYTHONPATH": str(HERE),
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # a JVM of a minute does not earn its compiler
}


@pytest.fixture(scope="module")
def spark():
    pytest.importorskip("pyspark", reason="needs pyspark")
    if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        pytest.skip("needs pyspark and Java")
    with connected("local[2]", SMALL) as session:
        yield session


def plain(name, rows):
    """Leave out places in files, which differ where files do."""
    return [{k: v for k, v in row.items() if name != "shown" or not k.endswith("_place")} for row in rows]


def digest(tables):
    """Return the SHA-256 of all rows of all tables, sorted."""
    rows = sorted(json.dumps([name, row], sort_keys=True, default=str) for name, table in tables.items() for row in plain(name, table))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def of_runner(runner, plan, inputs):
    return {name: table.read().to_pylist() for name, table in runner.run(plan, inputs).items()}


def ids_of(texts, letter="t"):
    return [f"{letter}{i:04d}" for i in range(len(texts))]


# ------------------------------------------------------------------ the same rows


TEXTS = encodable(corpus(5, 25)) + mixed(6, 25) + [prose(random.Random(3), 60)] * 25


def plan_of(level, *, apart=False):
    """Return the plan of a level; ``apart`` decides who stays by components."""
    if level == "passage":
        return passage_plan(PassageParams(0.6, 40, 20), apart=apart)
    return document_plan(SketchSpec(), threshold=0.5, level=level, at_once=5 if apart else 0, apart=apart)


@pytest.mark.parametrize("level", ["document", "paragraph", "passage"])
def test_the_same_rows_everywhere(tmp_path, spark, level):
    """On one machine and on Spark, in one partition and in seven, in an order of files and rows and in another."""
    plan, other = (plan_of(level, apart=apart) for apart in (False, True))
    inputs = [write(tmp_path / f"texts-{n}", ids_of(TEXTS), TEXTS, seed=n, files=n) for n in (1, 7)]
    local = of_runner(EmbeddedRunner(tmp_path / "local", workers=1), plan, {"texts": inputs[0]})
    assert len(local["pairs"]) > 50 < len(local["clusters"])
    for n, given, steps in zip((1, 7), inputs, (plan, other), strict=True):
        found = of_runner(SparkRunner(spark, tmp_path / f"spark {n}", partitions=n), steps, {"texts": given})
        for name in ("pairs", "clusters"):
            assert found[name] == local[name], "in the same order, too"
        assert digest(found) == digest(local)
    table = write(tmp_path / "texts", ids_of(TEXTS), TEXTS)  # as `in_memory` has them
    local = of_runner(EmbeddedRunner(tmp_path / "again", workers=1), plan, {"texts": table})
    renamed = {n: [{k.replace("low", "start").replace("high", "end"): v for k, v in r.items()} for r in rows] for n, rows in local.items()}
    if level == "passage":
        memory = passages_in_memory(TEXTS, threshold=0.6, max_df=20)
        for name in ("pairs", "clusters", "stretches", "cuts", "linked"):
            assert digest({name: renamed[name]}) == digest({name: memory[name]})
    elif level == "document":
        memory = dict(zip(("pairs", "clusters"), documents_in_memory(TEXTS, threshold=0.5)[:2], strict=True))
        assert digest({name: renamed[name] for name in memory}) == digest(memory)


def test_references_as_a_dataframe(tmp_path, spark):
    """A DataFrame without places is written first; one that has them is read as it is."""
    own, references = TEXTS[:40], TEXTS[30:60]
    plan = document_plan(SketchSpec(), threshold=0.5, against=True, at_once=0)
    tables = {
        "texts": write(tmp_path / "texts", ids_of(own), own),
        "references": write(tmp_path / "more", ids_of(references, "r"), references),
    }
    local = of_runner(EmbeddedRunner(tmp_path / "local", workers=1), plan, tables)
    frames = {
        "texts": spark.createDataFrame(list(zip(ids_of(own), own, strict=True)), "id string, text string"),
        "references": spark.createDataFrame(
            [(i, t, n) for n, (i, t) in enumerate(zip(ids_of(references, "r"), references, strict=True))],
            "id string, text string, place bigint",
        ),
    }
    runner = SparkRunner(spark, tmp_path / "spark")
    before = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    found = runner.run(plan, frames)
    assert digest({"pairs": found["pairs"].read().to_pylist()}) == digest({"pairs": local["pairs"]})
    assert runner.frame(found["clusters"]).count() == len(local["clusters"])
    assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == before, "the session is as it was"
    assert not [t for t in spark.catalog.listTables() if t.name.startswith("cleantext")]


# ------------------------------------------------------------------ steps


def table_of(path, **columns):
    pq.write_table(pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()}), path)
    return Table.of([path])


def test_steps_do_what_they_do_on_one_machine(tmp_path, spark):
    """Joins that follow one another and lose rows, scans within groups and over all, loops, names taken twice, words of SQL as names."""
    rng = random.Random(4)
    inputs = {
        "between": table_of(tmp_path / "between.parquet", a=[rng.randrange(50) for _ in range(300)], n=list(range(300))),
        "wide": table_of(tmp_path / "wide.parquet", number=rng.sample(range(50), 30), other=[rng.randrange(50) for _ in range(30)]),
        "none": table_of(tmp_path / "none.parquet", a=[], n=[]),
    }
    joins = (Join("a", "wide", "number", (("b", "other"),)), Join("b", "wide", "number", (("c", "other"),)))
    plan = Plan(
        (
            Map("joined", "between", Same(("a", "n", "b", "c")), joins),
            Sql("grouped", "SELECT a AS owner, n FROM joined"),
            Scan("within", "grouped", Running(), ("owner", "n"), ("owner",)),
            Scan("all", "grouped", Running(), ("n",)),
            Scan("none", "none", Whole(("a", "n")), ("n",)),
            Number("counted", "between", "at", ("n % 7 DESC", "n")),
            Number("empty", "none", "at", ("n",)),
            Sql("waiting", "SELECT n FROM between WHERE n < 5"),
            Sql("seen", "SELECT n FROM waiting"),
            Loop(
                (
                    Sql("waiting", "SELECT n - 1 AS n FROM waiting WHERE n > 1"),
                    Sql("seen", "SELECT n FROM seen UNION ALL SELECT n FROM waiting"),
                    Checkpoint(("waiting", "seen", "within", "all", "joined", "none", "counted", "empty")),
                ),
                "waiting",
                50,
            ),
            Sql("count", "SELECT count(*) AS rows, CAST(sum(x.n) AS BIGINT) AS n FROM seen x JOIN seen y ON x.n = y.n"),
            Expect("none", "there is {n}"),
        ),
        ("joined", "within", "all", "count", "none", "counted", "empty"),
    )
    local = of_runner(EmbeddedRunner(tmp_path / "local", workers=1), plan, inputs)
    assert len(local["joined"]) > 50
    for n in (1, 5):
        assert digest(of_runner(SparkRunner(spark, tmp_path / f"spark-{n}", partitions=n), plan, inputs)) == digest(local)
        assert len(list((tmp_path / f"spark-{n}").glob("*.table"))) == 7, "tables that are no more leave no files"
    with pytest.raises(InputError, match="there is 7"):
        SparkRunner(spark, tmp_path / "no").run(Plan((Expect("x", "there is {n}"),), ()), {"x": table_of(tmp_path / "x.parquet", n=[7])})


def test_what_is_read_once_is_not_written():
    plan = Plan(
        (
            Sql("a", "SELECT 1 AS n"),
            Sql("b", "SELECT n FROM a"),
            Sql("c", "SELECT x.n FROM b x JOIN b y ON x.n = y.n"),
            Loop((Sql("d", "SELECT n FROM c"), Sql("c", "SELECT n FROM d"), Checkpoint(("c", "b"))), "c", 3),
            Sql("e", "SELECT n FROM c"),
        ),
        ("e",),
    )
    found = {
        place: is_read_again(plan, place, name)
        for place, name in (((0,), "a"), ((1,), "b"), ((2,), "c"), ((3, 0, 0), "d"), ((3, 0, 1), "c"))
    }
    assert found == {(0,): False, (1,): True, (2,): True, (3, 0, 0): False, (3, 0, 1): True}


@pytest.mark.parametrize("shape", ["star around the last", "chain in no order"])
def test_components_on_spark(tmp_path, spark, shape):
    check(lambda folder: SparkRunner(spark, folder), tmp_path, shapes()[shape][:500])


# ------------------------------------------------------------------ stopped, spoilt, refused


def counting(tmp_path):
    """A plan of a few steps, and its input."""
    steps = (
        Sql("more", "SELECT n, n * n AS square FROM given"),
        Checkpoint(("more",)),
        Sql("out", "SELECT count(*) AS rows, CAST(sum(square) AS BIGINT) AS squares, max(n) AS most FROM more"),
    )
    return Plan(steps, ("out",)), {"given": table_of(tmp_path / "given.parquet", n=list(range(1000)))}


def stopped_behind(spark, folder, plan, inputs, name):
    def stop(step):
        if step == name:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SparkRunner(spark, folder, progress=stop).run(plan, inputs)


@pytest.mark.parametrize("harm", ["gone", "cut", "changed", "footer"])
def test_a_spoilt_checkpoint_is_refused_by_name(tmp_path, spark, harm):
    plan, inputs = counting(tmp_path)
    stopped_behind(spark, tmp_path / "run", plan, inputs, "out")
    part = next((tmp_path / "run").glob("more-*/*.parquet"))
    for crc in part.parent.glob(".*.crc"):
        crc.unlink()  # Hadoop's own, of local disks alone
    data = bytearray(part.read_bytes())
    data[100 if harm == "changed" else len(data) - 40] ^= 1
    if harm == "gone":
        part.unlink()
    else:
        part.write_bytes(data[:-7] if harm == "cut" else data)
    with pytest.raises(InputError, match=part.name):
        SparkRunner(spark, tmp_path / "run").run(plan, inputs)
    assert SparkRunner(spark, tmp_path / "run").store.read() is not None, "it stays until it is cleared"


def test_a_run_goes_on_behind_its_checkpoint(tmp_path, spark):
    plan, inputs = counting(tmp_path)
    stopped_behind(spark, tmp_path / "run", plan, inputs, "out")
    done = []
    (tmp_path / "run" / "mine.txt").write_text("not of a run")
    runner = SparkRunner(spark, tmp_path / "run", progress=done.append)
    expected = [{"rows": 1000, "squares": sum(n * n for n in range(1000)), "most": 999}]
    assert runner.run(plan, inputs)["out"].read().to_pylist() == expected
    assert done == ["out"]
    other = {"given": table_of(tmp_path / "other.parquet", n=[1])}
    assert runner.run(plan, other)["out"].read().to_pylist() == [{"rows": 1, "squares": 1, "most": 1}], "another input is another run"
    runner.clear()
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_an_input_that_is_gone_is_named(tmp_path, spark):
    plan, inputs = counting(tmp_path)
    (tmp_path / "given.parquet").unlink()
    with pytest.raises(InputError, match=r"given\.parquet"):
        SparkRunner(spark, tmp_path / "run").run(plan, inputs)


def test_errors_of_kernels_come_back(tmp_path, spark):
    inputs = counting(tmp_path)[1]
    with pytest.raises(CleantextError, match="missing"):
        SparkRunner(spark, tmp_path / "run").run(Plan((Map("out", "given", Same(("n", "missing"))),), ("out",)), inputs)


@pytest.mark.parametrize(("worker", "message"), [("none", "no cleantext-zh"), ("other", "cleantext 0")])
def test_workers_are_asked_before_any_work(tmp_path, spark, monkeypatch, worker, message):
    """A worker without the package, or with another version of it, is named with what it has, and nothing is written."""
    import cleantext

    stub = tmp_path / "path" / "cleantext"
    if worker == "other":
        shutil.copytree(Path(cleantext.__file__).parent, stub, ignore=shutil.ignore_patterns("__pycache__"))
        (stub / "fold.py").write_text((stub / "fold.py").read_text("utf-8") + "\n# mended\n", "utf-8")
    else:
        stub.mkdir(parents=True)
        (stub / "__init__.py").write_text("# the other project of this name")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncd "{stub.parent}" && exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(python))
    plan, inputs = counting(tmp_path)
    with pytest.raises(ConfigError, match=message) as caught:
        SparkRunner(spark, tmp_path / "run").run(plan, inputs)
    assert "on the worker" in str(caught.value)
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------ the command, and Connect


def test_dedup_on_spark_as_locally(tmp_path, spark):
    from click.testing import CliRunner

    from cleantext.cli import main

    table = write(tmp_path / "texts", ids_of(TEXTS[:40]), TEXTS[:40])
    assert len(table.parts) == 2
    for engine, more in (
        ("local", ["--workers", "1"]),
        ("spark", ["--master", "local[2]", "--spark-conf", "spark.sql.shuffle.partitions=2"]),
    ):
        call = ["dedup", str(tmp_path / "texts"), "-o", str(tmp_path / engine), "--engine", engine, "--threshold", "0.6", "--quiet"]
        result = CliRunner().invoke(main, [*call, *more])
        assert result.exit_code == 0, result.output
    for name in ("duplicates", "clusters", "boilerplate", "cuts"):
        one, other = (pq.read_table(tmp_path / engine / f"{name}.parquet").to_pylist() for engine in ("local", "spark"))
        assert one == other
    one, other = (json.loads((tmp_path / engine / "report.json").read_text("utf-8"))["duplicates"] for engine in ("local", "spark"))
    assert one == other
    assert not (tmp_path / "spark" / ".cleantext").exists()


def test_clean_on_spark_as_locally(tmp_path, spark):
    """Sixty pages in three forms: whole tables are those of one machine."""
    from click.testing import CliRunner

    from cleantext.cli import main

    src = pages_in_files(tmp_path / "in")
    options = ["--format", "parquet", "--remove", "--where", WHERE, "--quiet"]
    conf = ("shuffle.partitions=2", "files.openCostInBytes=0", "files.maxPartitionBytes=30000")  # more parts than one
    on_spark = ["--master", "local[2]", *(word for each in conf for word in ("--spark-conf", f"spark.sql.{each}"))]
    for out, more in (("one", ["--workers", "1"]), ("spark", on_spark)):
        result = CliRunner().invoke(main, ["clean", str(src), "-o", str(tmp_path / out), *options, *more])
        assert result.exit_code == 3, result.output  # one record is broken
    assert same_outputs(tmp_path / "one", tmp_path / "spark")["pages"]["duplicate"] > 20
    assert len(list((tmp_path / "spark").glob("corpus-*.parquet"))) > 1, "more workers than one have written"
    assert not (tmp_path / "spark" / ".cleantext").exists()


CONNECT = """
import sys
from pathlib import Path
from test_spark import TEXTS, digest, ids_of, of_runner
from cleantext.dedup import SketchSpec
from cleantext.dedup.tables.document_plan import document_plan
from cleantext.plan import Table
from cleantext.plan.spark import SparkRunner, connected

folder = Path(sys.argv[1])
table = Table.of(sorted((folder / "texts").glob("*.parquet")), positions=True)
with connected(sys.argv[2]) as spark:
    assert "connect" in type(spark).__module__
    plan = document_plan(SketchSpec(), threshold=0.5, at_once=0)
    print("digest", digest(of_runner(SparkRunner(spark, folder / "connect", partitions=2), plan, {"texts": table})))
"""


def test_spark_connect(tmp_path, spark):
    """A client without a JVM of its own, and a Connect server on loopback."""
    pytest.importorskip("grpc", reason="needs pyspark[connect]")
    texts = TEXTS[:40]
    table = write(tmp_path / "texts", ids_of(texts), texts)
    local = of_runner(
        EmbeddedRunner(tmp_path / "local", workers=1), document_plan(SketchSpec(), threshold=0.5, at_once=0), {"texts": table}
    )
    with connect_server() as url:
        call = [sys.executable, "-W", "ignore", "-c", CONNECT, str(tmp_path), url]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run(call, capture_output=True, text=True, timeout=500, check=False, env=environment)
    assert f"digest {digest(local)}" in done.stdout, done.stderr[-3000:]


class connect_server:  # noqa: N801
    """A Spark Connect server as a process of its own."""

    def __enter__(self):
        import socket

        import pyspark

        home = Path(pyspark.__file__).parent
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        conf = SMALL | {
            "spark.connect.grpc.binding.port": str(port),
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        }
        options = [word for name, value in conf.items() if name != "spark.driver.memory" for word in ("--conf", f"{name}={value}")]
        call = [str(home / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "1g", *options]
        call += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
        environment = os.environ | {"SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
        for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET", "SPARK_REMOTE"):
            environment.pop(name, None)
        self.process = subprocess.Popen(call, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    return f"sc://127.0.0.1:{port}"
            assert self.process.poll() is None, "the server ended"
            import time

            time.sleep(0.2)
        raise AssertionError("the server does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
