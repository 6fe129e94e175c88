"""The runner for clusters. Spark shuffles, spills, retries and schedules; our kernels and queries run inside it."""

from __future__ import annotations

from cleantext.plan.spark.runner import SparkRunner
from cleantext.plan.spark.session import connected

__all__ = ["SparkRunner", "connected"]
