"""Floors of the scoreboard: quality as it is, speed as ratios to a peer of the same run; raised only, or lowered with a reason that is kept.

Quick and full sizes have floors of their own. A ratio's floor is the least of its rounds, less a tenth: that is what other work on a machine moves it by.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.scoreboard.peer_environments import ROOT
from benchmarks.scoreboard.plots import OWN

FLOORS = ROOT / "benchmarks" / "row_floors.json"
SLACK = 0.9
EXPONENT = 1.05  # of time over pages: less is as good
LESS_IS_MORE = ("lost", "lost, worst page", "exponent")


def figures(row: dict[str, Any]) -> dict[str, float]:
    """Return what of a row has a floor, by name; in all of it more is better (what is better small is negated)."""
    out, size = {}, "quick" if row["quick"] else "full"
    for m in row["measures"]:
        if "error" in m:
            continue
        name = f"{size}: {m['row']}"
        if m["engine"] in OWN or m["row"] in ("quality", "growth.pages"):
            found = {q: max(v, EXPONENT) if q == "exponent" else v for q, v in m.get("quality", {}).items()}
            out |= {f"{name} / {m['engine']} / {q}": -v if q in LESS_IS_MORE else v for q, v in found.items()}
        elif m.get("ratio"):
            out[f"{name} / as fast as {m['engine']}"] = round(m["ratio"][1] * SLACK, 2)
    return out


def load(path: Path = FLOORS) -> dict[str, Any]:
    """Return the floors."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {"floors": {}, "lowered": []}


def below(rows: dict[str, dict[str, Any]], held: dict[str, Any]) -> list[str]:
    """Return what is below its floor; a ratio is judged by its median, and a floor of which the row was not measured at this size is left alone."""
    out = []
    for row in rows.values():
        found = figures(row)
        medians = {
            f"{'quick' if row['quick'] else 'full'}: {m['row']} / as fast as {m['engine']}": m["ratio"][0]
            for m in row["measures"]
            if m.get("ratio")
        }
        for name, value in (found | {k: v for k, v in medians.items() if k in found}).items():
            floor = held["floors"].get(name)
            if floor is not None and value < floor - 1e-9:
                out.append(f"{name}: {abs(value):g} is worse than its floor {abs(floor):g}")
    return out


def raised(rows: dict[str, dict[str, Any]], held: dict[str, Any], reason: str = "") -> dict[str, Any]:
    """Return floors with the figures of rows: higher where they are higher, lower only with a reason, which is noted."""
    out = {"floors": dict(held["floors"]), "lowered": list(held["lowered"])}
    for row in rows.values():
        for name, value in figures(row).items():
            before = out["floors"].get(name)
            if before is None or value > before:
                out["floors"][name] = value
            elif value < before and reason:
                out["floors"][name] = value
                out["lowered"].append({"floor": name, "from": before, "to": value, "why": reason})
    return out


def save(floors: dict[str, Any], path: Path = FLOORS) -> None:
    """Write floors."""
    path.write_text(json.dumps(floors, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
