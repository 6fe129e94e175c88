"""Spark sessions for the command line. Callers with a session of their own pass it to `SparkRunner`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cleantext.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["connected"]

MISSING = "Spark needs pyspark and Java: pip install 'cleantext-zh[spark]', and a Java of 17 or later"


@contextlib.contextmanager
def connected(master: str, options: Mapping[str, str] | None = None) -> Iterator[SparkSession]:
    """Yield a session on a cluster, and stop it afterwards: ``local[4]``, ``spark://host:7077``, ``yarn``, ``k8s://...``, or ``sc://host:15002`` of Spark Connect.

    ``options`` are Spark's own (``spark.executor.memory``). Raise `ConfigError` where pyspark or Java are missing, or the
    cluster cannot be reached.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(f"{MISSING} ({error})") from error
    builder: Any = SparkSession.builder
    if master.startswith("sc://"):
        builder = builder.remote(master)
    else:
        builder = builder.master(master).config("spark.ui.showConsoleProgress", "false")
        if master.startswith("local"):  # workers are processes on this machine, so they use this Python
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    for name, value in (options or {}).items():
        builder = builder.config(name, value)
    try:
        spark = builder.appName("cleantext").getOrCreate()
    except (PySparkException, OSError, RuntimeError) as error:
        raise ConfigError(f"--master {master}: no session of Spark: {str(error).splitlines()[0]}. {MISSING}") from error
    try:
        yield spark
    finally:
        spark.stop()
