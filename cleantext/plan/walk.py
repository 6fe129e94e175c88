"""The traversal of a plan, common to all runners: steps in order, loops, and skipping the steps of an earlier run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cleantext.plan.steps import Checkpoint, Expect, Loop, Map, Number, Scan, Sql, Step

__all__ = ["Place", "Progress", "Walk"]

Place = tuple[int, ...]  # position of a step: its number, then for each loop the round and the number in the body
Progress = Callable[[str], None]


class Walk:
    """Run the steps of a plan. Runners define how a single step is run."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self.done: Place = (-1,)  # the last step that an earlier run completed

    def steps(self, steps: Sequence[Step], place: Place = ()) -> None:
        """Run the steps at a place of the plan, and skip those that an earlier run completed."""
        for n, step in enumerate(steps):
            at = (*place, n)
            if isinstance(step, Loop):
                self.loop(step, at)
            elif at > self.done:
                if self.progress:
                    self.progress(getattr(step, "into", type(step).__name__.lower()))
                self.step(step, at)

    def loop(self, loop: Loop, at: Place) -> None:
        """Repeat the steps of a loop, and skip rounds that an earlier run completed."""
        for rounds in range(loop.most):
            if (*at, rounds + 1) > self.done and not self.has_rows(loop.table):
                return
            self.steps(loop.body, (*at, rounds))

    def step(self, step: Map | Scan | Sql | Number | Expect | Checkpoint, at: Place) -> None:
        """Do one step."""
        raise NotImplementedError

    def has_rows(self, name: str) -> bool:
        """Say whether a table has rows."""
        raise NotImplementedError
