"""Corpus-level work as plain data, and what runs it. Knows no stage and no kernel."""

from __future__ import annotations

from cleantext.plan.embedded import EmbeddedRunner
from cleantext.plan.steps import ArrowKernel, Checkpoint, Expect, Join, Loop, Map, Number, OrderedKernel, Plan, Scan, Sql
from cleantext.plan.tables import Part, Table

__all__ = [
    "ArrowKernel",
    "Checkpoint",
    "EmbeddedRunner",
    "Expect",
    "Join",
    "Loop",
    "Map",
    "Number",
    "OrderedKernel",
    "Part",
    "Plan",
    "Scan",
    "Sql",
    "Table",
]
