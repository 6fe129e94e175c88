"""Count how often a table is read after a step. A table read once is computed on the fly by Spark; one read again is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cleantext.plan.steps import Checkpoint, Expect, Loop, Map, Number, Plan, Scan, Sql, Step
from cleantext.plan.walk import Place

__all__ = ["is_read_again"]


def is_read_again(plan: Plan, at: Place, name: str) -> bool:
    """Return whether the output of the step at a place is read more than once before it is replaced or dropped. A checkpoint reads what it keeps."""
    reads = 0
    for step in _behind(plan.steps, at):
        reads += _reads(step, name)
        if (isinstance(step, Checkpoint) and name not in step.keep) or getattr(step, "into", None) == name:
            return reads > 1
    return reads + (name in plan.outputs) > 1


def _behind(steps: Sequence[Step], at: Place) -> Iterator[Step]:
    """Yield the steps that run after a place."""
    loop = steps[at[0]]
    if isinstance(loop, Loop):
        yield from _behind(loop.body, at[2:])
        yield from _flat(loop)
    for step in steps[at[0] + 1 :]:
        yield from _flat(step)


def _flat(step: Step) -> Iterator[Step]:
    """Yield a step. A loop yields its test and its body twice, since each round reads the same tables again."""
    if isinstance(step, Loop):
        for _ in range(2):
            yield Expect(step.table, "")
            for each in step.body:
                yield from _flat(each)
        yield Expect(step.table, "")
    else:
        yield step


def _reads(step: Step, name: str) -> int:
    if isinstance(step, Map):
        return (step.source == name) + sum(join.table == name for join in step.joins)
    if isinstance(step, (Scan, Number)):
        return int(step.source == name)
    if isinstance(step, Sql):
        return len(re.findall(rf"\b(?:FROM|JOIN)\s+{name}\b", step.query))
    if isinstance(step, Checkpoint):
        return int(name in step.keep)
    return int(isinstance(step, Expect) and step.table == name)
