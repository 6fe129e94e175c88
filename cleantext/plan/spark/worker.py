"""Code that runs on Spark workers: the check that they have the same package, and kernels over batches."""

from __future__ import annotations

import hashlib
import importlib.metadata as meta
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from cleantext.plan.batches import cut, grown
from cleantext.plan.steps import ArrowKernel, OrderedKernel

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MARK", "Probe", "installed", "run", "shipped"]

Work = Callable[[Iterator["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]
BATCH = 1 << 22  # bytes per batch for a kernel
MARK = "cleantext on the worker"  # prefix of the message of a worker that cannot work
SUFFIXES = (".py", ".npz", ".toml", ".tsv", ".txt", ".j2")
DECIDE = ("datasketch", "ftfy", "opencc-python-reimplemented", "resiliparse")  # libraries whose version affects results


@cache
def installed() -> str:
    """Describe everything that results of kernels depend on: the versions of the package, of Unicode and of some libraries, and a digest of the package's files."""
    import cleantext

    digest = hashlib.sha256()
    for name, file in sorted(_files(files("cleantext"), "")):
        digest.update(f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    versions = [f"{name} {meta.version(name)}" for name in DECIDE]
    return ", ".join([f"cleantext {cleantext.__version__} {digest.hexdigest()[:12]}", f"Unicode {unicodedata.unidata_version}", *versions])


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files(each, f"{path}{each.name}/")
        elif each.name.endswith(SUFFIXES):
            yield path + each.name, each


def shipped(kernel: ArrowKernel | OrderedKernel, expected: str, characters: int, *, scans: bool = False) -> Work:
    """Return the function that Spark sends to workers: it checks the worker, then runs the kernel on each batch, or with ``scans`` on all batches.

    The function is pickled by value and contains the kernel as bytes, so that a worker without the package can report this.
    ``characters`` is the approximate size of the job, for `cleantext.jit`.
    """
    from pyspark import cloudpickle

    dumps: Callable[[object], bytes] = cloudpickle.dumps
    mark, data = MARK, dumps(kernel)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import platform
        import sys

        def refuse(why: str) -> RuntimeError:
            return RuntimeError(f"{mark} {platform.node()} ({sys.executable}): {why}|")

        try:
            from importlib import import_module

            worker = import_module("cleantext.plan.spark.worker")  # the module of the worker, not of the driver
            found = worker.installed()
        except ImportError as error:
            raise refuse(f"no cleantext-zh there ({error})") from error
        if found != expected:
            raise refuse(found)
        yield from worker.run(data, batches, characters, scans=scans)

    return work


def run(data: bytes, batches: Iterator[pa.RecordBatch], characters: int, *, scans: bool) -> Iterator[pa.RecordBatch]:
    """Yield the output of a pickled kernel for each batch, or with ``scans`` for all batches together."""
    import pickle

    from cleantext.jit import LARGE, expect

    if characters >= LARGE:
        expect(characters)
    kernel = pickle.loads(data)  # noqa: S301 - of our own driver
    sized = cut(grown(batches, BATCH), 2 * BATCH)
    made = kernel(sized) if scans else (out for batch in sized for out in kernel(batch))
    yield from (batch for batch in made if batch.num_rows)


@dataclass(frozen=True)
class Probe:
    """Return each batch unchanged: a kernel that tests workers."""

    @property
    def schema(self) -> pa.Schema:
        """The column that `SparkSession.range` makes."""
        import pyarrow as pa

        return pa.schema([("id", pa.int64())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield a batch."""
        yield batch
