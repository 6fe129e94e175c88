"""The way through a plan that all runners take: steps in order, loops, and what was done before a run was stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cleantext.plan.steps import Checkpoint, Expect, Loop, Map, Number, Scan, Sql, Step

__all__ = ["Place", "Progress", "Walk"]

Place = tuple[int, ...]  # of a step: its number, and for each loop the round and the number in its body
Progress = Callable[[str], None]


class Walk:
    """Goes through the steps of a plan; a runner says how one is done."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self.done: Place = (-1,)  # the last step of an earlier run that need not be done again

    def steps(self, steps: Sequence[Step], place: Place = ()) -> None:
        """Do steps that lie at a place of the plan; those done before are passed over."""
        for n, step in enumerate(steps):
            at = (*place, n)
            if isinstance(step, Loop):
                self.loop(step, at)
            elif at > self.done:
                if self.progress:
                    self.progress(getattr(step, "into", type(step).__name__.lower()))
                self.step(step, at)

    def loop(self, loop: Loop, at: Place) -> None:
        """Repeat the steps of a loop; rounds done before are passed over."""
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
