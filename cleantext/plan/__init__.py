"""Plans: corpus-level work described as plain data, and the runners that execute it. Independent of any stage or kernel."""

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
