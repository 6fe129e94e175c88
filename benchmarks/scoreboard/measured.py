"""Rows of the scoreboard: what was measured, how a row is asked for, and engines that take turns."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.scoreboard.peer_environments import ROOT, Engine, PeerError


@dataclass
class Context:
    """How rows are to be measured."""

    quick: bool
    rounds: int
    work: Path  # a scratch folder
    megabytes: float | None = None  # of a chain; None: what the row says

    def size(self, quick: float, full: float) -> float:
        """Return how much data a row takes."""
        return self.megabytes or (quick if self.quick else full)


@dataclass
class Measure:
    """One engine on one set of data. ``speed``, ``ratio``: median, least, most of the rounds; a ratio is how often as fast cleantext was, in the same round."""

    row: str
    engine: str
    data: str
    quality: dict[str, float] = field(default_factory=dict)
    speed: list[float] | None = None
    unit: str = "MB/s"
    ratio: list[float] | None = None
    peak: float | None = None  # MB
    note: str = ""
    error: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it without what it does not say."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "", {}, [])}


@dataclass(frozen=True)
class Contender:
    """An engine of a row: its name in the table, that of its environment ("" is this one), and what is told to it."""

    title: str
    environment: str
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0  # of the data that it is given, where all would take hours
    note: str = ""


def spread(values: Sequence[float]) -> list[float]:
    """Return the median, the least and the most, to four digits."""
    return [float(f"{value:.4g}") for value in (median(values), min(values), max(values))]


def in_turn(
    row: str,
    data: str,
    kind: str,
    source: Path,
    megabytes: float,
    contenders: Sequence[Contender],
    context: Context,
    judge: Callable[[Any], tuple[dict[str, float], str]] | None = None,
    rounds: int | None = None,
) -> list[Measure]:
    """Run engines round by round; the first is the one that the others are compared with. ``judge`` gives quality and a note from what an engine returned."""
    out = {c.title: Measure(row, c.title, data, note=c.note) for c in contenders}
    engines: dict[str, Engine] = {}
    took: dict[str, list[float]] = {}
    try:
        for c in contenders:
            try:
                engines[c.title] = Engine(c.name or c.title, c.environment, kind, source, dict(c.options))
                took[c.title] = []
            except PeerError as fault:
                out[c.title].error = str(fault)
        shares = {c.title: c.share for c in contenders}
        for _ in range(rounds or context.rounds):
            for title in tuple(engines):
                try:
                    said = engines[title].run()
                except PeerError as fault:
                    out[title].error = str(fault)
                    engines.pop(title).close()
                    continue
                took[title].append(said["seconds"] / shares[title])
                out[title].peak = round(said["peak"])
        first = took.get(contenders[0].title)
        for title, engine in engines.items():
            seconds = took[title]
            out[title].speed = spread([megabytes / s for s in seconds])
            if first and title != contenders[0].title:
                out[title].ratio = spread([theirs / ours for theirs, ours in zip(seconds, first, strict=True)])
            try:
                value = engine.result()
            except PeerError as fault:
                out[title].error = str(fault)
                continue
            if judge:
                out[title].quality, said_note = judge(value)
                out[title].note = "; ".join(filter(None, (out[title].note, said_note)))
    finally:
        for engine in engines.values():
            engine.close()
    return list(out.values())


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    name = next((x.split(":", 1)[1].strip() for x in _lines("/proc/cpuinfo") if x.startswith("model name")), platform.processor())
    memory = next((int(x.split()[1]) / 2**20 for x in _lines("/proc/meminfo") if x.startswith("MemTotal")), 0)
    return {
        "cpu": name,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "loop_ns": round(loop(), 1),
    }


def loop() -> float:
    """Return nanoseconds of the processor for a round of an empty loop: how fast this machine is now, beside others' work."""
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        for _ in range(200_000):
            pass
        best = min(best, (time.process_time() - start) / 200_000 * 1e9)
    return best


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []


def scripts() -> None:
    """Let the scripts of this folder import each other, as when they are run."""
    for path in (str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "cleaning")):
        if path not in sys.path:
            sys.path.append(path)
