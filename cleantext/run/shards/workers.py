"""Processes that clean shards, each with a clock and a limit of memory: a page that hangs, swells or ends its process fails alone.

Neither a regular expression nor a compiled kernel can be stopped from inside a process, so whoever exceeds its time is killed.
A shard that was stopped this way is tried page by page, each page with its own time; then it is done without the pages to blame.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from cleantext.errors import CleantextError
from cleantext.jit import seldom_collected
from cleantext.plan.processes import end_with_parent, undisturbed
from cleantext.report.tally import Report
from cleantext.run.resume.run_state import sweep
from cleantext.run.shards import budget
from cleantext.run.shards.clean_shard import ALL, run_shard, try_pages
from cleantext.run.shards.settings import Settings, Shard

__all__ = ["Task", "can_fork", "run_all"]


DIED = (
    "a worker process died: out of memory, killed, or started from a script without `if __name__ == '__main__':`. "
    "Finished shards are kept: run the same again to take up from there, with one worker if memory is short"
)


@dataclass(slots=True)
class Task:
    """A shard to do; which of its pages are to blame, and how far they have been looked for."""

    shard: Shard
    over: dict[int, str] = field(default_factory=dict)
    trial: bool = False  # look for pages to blame from `first` on, else do the shard
    first: int = 0
    tried: float = 0.0  # seconds that its pages took one by one

    def blame(self, page: int, why: str, *, died: bool) -> None:
        """Decide what comes next, where a process was stopped: look for pages to blame, or having found one go on behind it."""
        rest = [n for n in range(self.shard.unit.count) if n not in self.over]
        if page != ALL:
            self.over[page] = why
            self.trial, self.first = True, page + 1
        elif not (self.trial or self.tried):
            self.trial = True
        elif died or not rest:
            raise CleantextError(DIED)
        else:  # each page alone took its time and was well
            self.over |= dict.fromkeys(rest, f"together with the pages beside it {why}")
            self.trial = False


def can_fork() -> bool:
    """Say whether this process may be forked: no thread of Python's that could hold a lock, and no child of a pool."""
    alone = len(sys._current_frames()) == 1  # noqa: SLF001 - documented, and counts threads that `threading` does not know
    return sys.platform == "linux" and alone and not multiprocessing.current_process().daemon


# ---------------------------------------------------------------- in a worker


def _serve(pipe: Connection, settings: Settings, out: Path) -> None:
    """Do what comes through the pipe, until nothing comes or the parent is gone."""
    end_with_parent()
    seldom_collected()
    budget.cap_memory(settings.max_page_memory)
    pipe.send(("ready",))

    def clock(page: int, seconds: float) -> None:
        pipe.send(("clock", page, seconds))

    while task := pipe.recv():
        try:
            if task.trial:
                try_pages(task.shard, settings, first=task.first, over=task.over, watch=clock)
                answer: tuple[Any, ...] = ("done", None)
            else:
                extra = 2 * task.tried
                answer = ("done", run_shard(task.shard, settings, out, over=task.over, extra=extra, watch=clock))
        except MemoryError:
            answer = ("too large",)
        except Exception as error:  # noqa: BLE001 - raised in the parent
            answer = ("raised", error)
        try:
            pipe.send(answer)
        except Exception as error:  # noqa: BLE001 - it cannot be pickled
            pipe.send(("raised", CleantextError(f"{answer[1]!r} (cannot be carried between processes: {error})")))


# ---------------------------------------------------------------- in the parent


def _worked(pid: int | None) -> float | None:
    """Return the seconds for which a process has had a processor; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


class _Worker:
    """A process, the task that it has, and until when it must be heard of."""

    def __init__(self, settings: Settings, out: Path, *, fork: bool) -> None:
        context: Any = multiprocessing.get_context("fork" if fork else "spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, settings, out), daemon=True)
        with undisturbed(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside idle threads of libraries: see `can_fork`
            self.process.start()
        theirs.close()
        self.memory = settings.max_page_memory
        self.ready = False
        self.task: Task | None = None
        self.report: Report | None = None
        self.given = 0.0
        self._clock(ALL, 0)

    def _clock(self, page: int, seconds: float) -> None:
        self.page, self.seconds, self.since = page, seconds, time.monotonic()
        self.worked = _worked(self.process.pid)

    @property
    def left(self) -> float | None:
        """Seconds until its time may be over; None where it has no limit.

        Its time is that for which it had a processor, where the system tells, so that a busy machine fails no page; but a
        process that waits (for a disk that does not answer, say) waits no more than `budget.PATIENCE` times as long.
        """
        if not self.seconds:
            return None
        passed = time.monotonic() - self.since
        if (now := _worked(self.process.pid)) is None or self.worked is None:
            return self.seconds - passed
        return min(self.seconds - (now - self.worked), budget.PATIENCE * self.seconds - passed)

    def give(self, task: Task) -> None:
        """Give it a task."""
        self.task, self.given = task, time.monotonic()
        self._clock(ALL, 0)
        with contextlib.suppress(OSError):  # it has died: its end of the pipe tells
            self.pipe.send(task)

    def listen(self) -> Literal["busy", "done", "stopped"]:
        """Hear what it has to say, and stop it where its time is over. Raise what its task raised."""
        assert self.task
        try:
            while self.pipe.poll():
                what, *told = self.pipe.recv()
                if what == "clock":
                    self._clock(*told)
                elif what == "ready":
                    self.ready = True
                else:
                    break
            else:
                what = "none"
        except (EOFError, OSError):
            what = "ended"
        if what == "raised":
            raise told[0]
        if what == "done":
            self.report = told[0]
            return "done"
        if what == "too large":
            self.task.blame(self.page, budget.too_large(self.memory), died=False)
        elif what == "ended":
            self.process.join()
            if not self.ready:
                raise CleantextError(DIED)
            self.task.blame(
                self.page, f"ended its process (exit code {self.process.exitcode}): out of memory, or a fault to report", died=True
            )
        elif (left := self.left) is None or left > 0:
            return "busy"
        else:
            self.process.kill()
            self.task.blame(self.page, budget.too_long(self.seconds), died=False)
        return "stopped"

    def end(self) -> None:
        """Stop it."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run_all(tasks: Iterable[Task], settings: Settings, out: Path, *, count: int, fork: bool) -> Iterator[tuple[Shard, Report]]:
    """Do all tasks in up to so many processes; yield each shard's tally as it is done.

    Tasks are taken as workers can do them, and as many beforehand: reading the inputs makes them.

    Raise what a shard raised, and `CleantextError` where processes cannot be started or die without a page to blame.
    """
    todo: deque[Task] = deque()
    given, more = iter(tasks), True
    workers: list[_Worker] = [_Worker(settings, out, fork=True)] if fork else []  # before reading starts threads of Arrow's
    stopped = 0
    try:
        while True:
            while more and len(todo) < count - sum(bool(w.task) for w in workers):
                more = _taken(given, todo)
            while len(workers) < count and len(todo) > sum(not w.task for w in workers):
                workers.append(_Worker(settings, out, fork=fork))
            for worker in workers:
                if todo and not worker.task:
                    worker.give(todo.popleft())
            if not any(w.task for w in workers):
                break
            if more and len(todo) < count and not any(w.task and w.pipe.poll() for w in workers):
                more = _taken(given, todo)  # beforehand, while all are busy
                continue
            limits = [left for w in workers if w.task and (left := w.left) is not None]
            wait([w.pipe for w in workers if w.task], timeout=max(0.01, min(limits)) if limits else None)
            for worker in [w for w in workers if w.task]:
                task = worker.task
                assert task
                trial, state = task.trial, worker.listen()
                if state == "busy":
                    continue
                if trial:
                    task.tried += time.monotonic() - worker.given
                worker.task = None
                if state == "stopped":
                    stopped += 1
                    workers.remove(worker)
                    worker.end()
                    todo.appendleft(task)
                elif trial:
                    task.trial = False
                    todo.appendleft(task)
                else:
                    assert worker.report
                    yield task.shard, worker.report
    finally:
        for worker in workers:
            worker.end()
        if stopped or any(w.task for w in workers):
            sweep(out)  # what they were writing


def _taken(tasks: Iterator[Task], todo: deque[Task]) -> bool:
    """Take one task more, and say whether there was one."""
    task = next(tasks, None)
    if task is not None:
        todo.append(task)
    return task is not None
