"""What a cluster does: a master and two workers of their own processes, some of which are killed while a plan runs. Minutes: outside the gate.

Run with ``pytest -m 'long and spark' -n 0 tests/test_spark_faults.py``.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made import corpus, edited, prose
from test_passage_plan import mixed
from test_plan import encodable, write
from test_spark import digest, ids_of, of_runner, plan_of

from cleantext.plan import EmbeddedRunner

pytestmark = [pytest.mark.spark, pytest.mark.long, pytest.mark.filterwarnings("default")]
HERE = Path(__file__).parent

DRIVER = """
import sys
from pathlib import Path
from test_spark import digest, of_runner, plan_of
from cleantext.errors import CleantextError
from cleantext.plan import Table
from cleantext.plan.spark import SparkRunner, connected

folder, url, level = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
table = Table.of(sorted((folder / "texts").glob("*.parquet")), positions=True)
conf = {"spark.ui.enabled": "false", "spark.driver.memory": "600m", "spark.executor.memory": "600m", "spark.sql.shuffle.partitions": "4",
        "spark.pyspark.python": sys.executable, "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.log.level": "OFF",
        "spark.executor.heartbeatInterval": "5s", "spark.network.timeout": "300s"}
with connected(url, conf) as spark:
    try:
        runner = SparkRunner(spark, folder / "run", progress=lambda name: print("step", name, flush=True))
        print("digest", digest(of_runner(runner, plan_of(level, apart=True), {"texts": table})), flush=True)
    except CleantextError as error:
        print("refused", error, flush=True)
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def descendants(pid):
    """Return the process ids below one, with their command lines."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    rows = [(int(p), int(q), rest) for p, q, rest in (line.split(None, 2) for line in listed)]
    held, found = {pid}, {}
    while True:
        new = {p: args for p, q, args in rows if q in held and p not in held}
        if not new:
            return found
        held |= new.keys()
        found |= new


class Cluster:
    """A standalone master and two workers on loopback."""

    def __init__(self, folder):
        import pyspark

        self.home, self.folder, self.port = Path(pyspark.__file__).parent, folder, free_port()
        self.url = f"spark://127.0.0.1:{self.port}"
        environment = os.environ | {
            "SPARK_HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
        }
        self.environment = environment | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
        self.drivers = []
        self.master = self.start("master.Master", "--port", str(self.port))
        self.workers = [self.start("worker.Worker", "-c", "1", "-m", "700m", "-d", str(folder / f"work-{n}"), self.url) for n in range(2)]

    def start(self, what, *options):
        call = [
            str(self.home / "bin" / "spark-class"),
            f"org.apache.spark.deploy.{what}",
            "--host",
            "127.0.0.1",
            "--webui-port",
            "0",
            *options,
        ]
        return subprocess.Popen(call, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def executors(self):
        """Return the process ids of executors, by worker."""
        return [
            [p for p, args in descendants(w.pid).items() if "CoarseGrainedExecutorBackend" in args and "java" in args.split()[0]]
            for w in self.workers
        ]

    def kill_executor(self):
        """Kill one executor with the Python processes below it; return its id."""
        for _ in range(300):
            found = [p for of_worker in self.executors() for p in of_worker]
            if found:
                kill_all([found[0], *descendants(found[0])])
                return found[0]
            time.sleep(0.2)
        raise AssertionError("no executor runs")

    def kill_worker(self):
        kill_all([self.workers[0].pid, *descendants(self.workers[0].pid)])

    def stop(self):
        for driver in self.drivers:
            driver.kill()
        for process in (*self.workers, self.master):
            kill_all([process.pid, *descendants(process.pid)])
            process.wait(30)


def kill_all(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Driver:
    """A run of a plan as a process of its own."""

    def __init__(self, cluster, folder, level):
        self.folder = folder
        call = [sys.executable, "-W", "ignore", "-c", DRIVER, str(folder), cluster.url, level]
        self.errors = (folder / "driver.err").open("wb")
        self.process = subprocess.Popen(call, env=cluster.environment, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        cluster.drivers.append(self)

    def until_written(self, *names):
        """Wait until a job writes a table of one of these names: it is running now."""
        before = set(self.folder.glob("run/*.table"))
        while self.process.poll() is None:
            for name in names:
                for found in set(self.folder.glob(f"run/{name}-*.table")) - before:
                    if (found / "_temporary").exists():
                        return found.name
            time.sleep(0.02)
        raise AssertionError(f"the run ended before {names} was written")

    def result(self):
        out, _ = self.process.communicate(timeout=900)
        self.errors.close()
        last = [line for line in out.splitlines() if line.startswith(("digest", "refused"))]
        assert last, (self.folder / "driver.err").read_text("utf-8", "replace")[-3000:]
        return last[-1]

    def kill(self):
        kill_all([self.process.pid, *descendants(self.process.pid)])
        self.process.wait(30)


@pytest.fixture
def cluster(tmp_path):
    pytest.importorskip("pyspark", reason="needs pyspark")
    if not shutil.which("java"):
        pytest.skip("needs pyspark and Java")
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


def made(folder, level):
    """Write texts, and return what one machine finds among them."""
    import random

    rng = random.Random(5)
    hot = prose(rng, 120)
    texts = encodable(corpus(5, 60)) + mixed(6, 60) + [edited(rng, hot, 0.002) for _ in range(80)]
    table = write(folder / "texts", ids_of(texts), texts, seed=1, files=6)
    return "digest " + digest(of_runner(EmbeddedRunner(folder / "local", workers=1), plan_of(level), {"texts": table}))


def test_executors_are_killed(tmp_path, cluster):
    """In banding, in verification, and in the loop that finds components: the rows are the same."""
    expected = made(tmp_path, "document")
    driver = Driver(cluster, tmp_path, "document")
    killed = []
    for names in (("banded",), ("verified", "touched"), ("links",)):
        at = driver.until_written(*names)
        killed.append((at, cluster.kill_executor()))
        print("killed", *killed[-1], flush=True)
    assert driver.result() == expected
    assert len({pid for _, pid in killed}) == 3


def test_a_node_is_lost(tmp_path, cluster):
    """A worker with its executor and all that this has shuffled: the other one does the rest."""
    expected = made(tmp_path, "passage")
    driver = Driver(cluster, tmp_path, "passage")
    driver.until_written("aligned", "matched", "located")
    cluster.kill_worker()
    assert driver.result() == expected
    assert cluster.workers[0].poll() is not None


@pytest.mark.parametrize("harm", ["none", "cut"])
def test_the_driver_is_killed(tmp_path, cluster, harm):
    """The next one goes on behind the checkpoint, or refuses it by the name of the part that was cut."""
    expected = made(tmp_path, "document")
    driver = Driver(cluster, tmp_path, "document")
    driver.until_written("candidates", "verified", "between")
    driver.kill()
    journal = tmp_path / "run" / "journal.json"
    assert '"numbered"' in journal.read_text()
    part = max((tmp_path / "run").glob("numbered-*/part-*.parquet"), key=lambda p: p.stat().st_size)
    if harm == "cut":
        part.write_bytes(part.read_bytes()[:-20])
    again = Driver(cluster, tmp_path, "document")
    result = again.result()
    if harm == "cut":
        assert result.startswith("refused")
        assert part.name in result
    else:
        assert result == expected
