"""Corpus-level work as plain data, and what runs it. Knows no stage and no kernel."""

from __future__ import annotations

from cleantext.plan.embedded import EmbeddedRunner
from cleantext.plan.steps import Checkpoint, Expect, Join, Kernel, Loop, Map, Number, Plan, Scan, ScanKernel, Sql
from cleantext.plan.tables import Part, Table

__all__ = [
    "Checkpoint",
    "EmbeddedRunner",
    "Expect",
    "Join",
    "Kernel",
    "Loop",
    "Map",
    "Number",
    "Part",
    "Plan",
    "Scan",
    "ScanKernel",
    "Sql",
    "Table",
]
