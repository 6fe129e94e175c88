"""Processes that clean shards, each with a clock and a memory limit: a page that hangs, takes too much memory or ends its process fails alone.

Neither a regular expression nor a compiled kernel can be stopped from inside a process, so a process that exceeds its time is killed.
A shard that was stopped this way is tried page by page, each page with its own time; then it is done without the pages that failed.
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
from cleantext.jit import collected, seldom_collected
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
    """A shard to do; its pages that failed, and how far it has been searched for them."""

    shard: Shard
    over: dict[int, str] = field(default_factory=dict)
    trial: bool = False  # search for failing pages from `first` on; otherwise clean the shard
    first: int = 0
    tried: float = 0.0  # seconds that its pages took one by one

    def blame(self, page: int, why: str, *, died: bool) -> None:
        """Decide what to do after a process was stopped: search for failing pages, or continue after the one that was found."""
        rest = [n for n in range(self.shard.unit.count) if n not in self.over]
        if page != ALL:
            self.over[page] = why
            self.trial, self.first = True, page + 1
        elif not (self.trial or self.tried):
            self.trial = True
        elif died or not rest:
            raise CleantextError(DIED)
        else:  # each page by itself stayed within its time
            self.over |= dict.fromkeys(rest, f"together with the pages beside it {why}")
            self.trial = False


def can_fork() -> bool:
    """Return whether this process may be forked: no Python thread that could hold a lock, and no child of a pool."""
    alone = len(sys._current_frames()) == 1  # noqa: SLF001 - documented, and counts threads that `threading` does not know
    return sys.platform == "linux" and alone and not multiprocessing.current_process().daemon


# ---------------------------------------------------------------- in a worker


def _serve(pipe: Connection, settings: Settings, out: Path) -> None:
    """Do the tasks from the pipe, until there are no more or the parent is gone."""
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
        collected()


# ---------------------------------------------------------------- in the parent


def _worked(pid: int | None) -> float | None:
    """Return the CPU time of a process in seconds; None if the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


class _Worker:
    """A process, its task, and the deadline for its next message."""

    def __init__(self, settings: Settings, out: Path, *, fork: bool) -> None:
        context: Any = multiprocessing.get_context("fork" if fork else "spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, settings, out), daemon=True)
        with undisturbed(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about forking with idle threads of libraries: see `can_fork`
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
        """Seconds until its time may be over; None if it has no limit.

        Its time is CPU time, if the system tells it, so that a busy machine fails no page; but a
        process that waits (for a disk that does not respond, for example) may wait at most `budget.PATIENCE` times as long.
        """
        if not self.seconds:
            return None
        passed = time.monotonic() - self.since
        if (now := _worked(self.process.pid)) is None or self.worked is None:
            return self.seconds - passed
        return min(self.seconds - (now - self.worked), budget.PATIENCE * self.seconds - passed)

    def give(self, task: Task) -> None:
        """Send it a task."""
        self.task, self.given = task, time.monotonic()
        self._clock(ALL, 0)
        with contextlib.suppress(OSError):  # it has died: its end of the pipe will show that
            self.pipe.send(task)

    def listen(self) -> Literal["busy", "done", "stopped"]:
        """Read its messages, and stop it if its time is over. Raise what its task raised."""
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
    """Do all tasks in up to ``count`` processes; yield each shard's tally as it is done.

    Tasks are read ahead, one for each worker, since making them means reading the inputs.

    Raise what a shard raised, and `CleantextError` if processes cannot be started, or die without a page that causes it.
    """
    todo: deque[Task] = deque()
    given, more = iter(tasks), True
    workers: list[_Worker] = [_Worker(settings, out, fork=True)] if fork else []  # before reading starts threads of Arrow
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
                more = _taken(given, todo)  # read ahead, while all are busy
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
            sweep(out)  # their unfinished files


def _taken(tasks: Iterator[Task], todo: deque[Task]) -> bool:
    """Take one more task, and return whether there was one."""
    task = next(tasks, None)
    if task is not None:
        todo.append(task)
    return task is not None
