"""Markers of finished shards, which a continued run need not do again.

A marker holds the identity of the inputs (their paths, sizes, times and inode numbers), the recipe, and the digests of the parts of
the tables and of the pages that the shard wrote. It is valid only while all of them are unchanged; otherwise the shard is done again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from cleantext.errors import InputError
from cleantext.report.tally import Report
from cleantext.run.files import write_whole
from cleantext.run.paths import inside
from cleantext.run.resume.run_state import rows_of
from cleantext.run.shards.settings import EDITS_PART, METADATA, ROWS_PART, Settings, Shard, page_folder, part

__all__ = ["digest_of", "finished", "mark"]


def mark(shard: Shard, settings: Settings, out: Path, *, inputs: str, report: Report, over: bool) -> None:
    """Record that a shard is done. All its outputs must be on the disk. ``over`` means that pages went over their budget."""
    parts = {kind: digest_of(part(out, shard, kind)) for kind in _kinds(settings)}
    held = {"inputs": inputs, "parts": parts, "budget": settings.budget if over else None, "report": report.to_json()}
    write_whole(part(out, shard, "done"), json.dumps({"sum": _sum(held), **held}, ensure_ascii=False).encode())


def finished(shard: Shard, settings: Settings, out: Path) -> Report | None:
    """Return the tally of a finished shard whose outputs are all still there and unchanged, otherwise None."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, InputError):
        held = json.loads(part(out, shard, "done").read_bytes())
        if (
            held.pop("sum") == _sum(held)
            and held["inputs"] == shard.digest(settings)
            and held["budget"] in (None, settings.budget)  # with another budget, pages that went over theirs are tried again
            and all(held["parts"][kind] == digest_of(part(out, shard, kind)) for kind in _kinds(settings))
            and (settings.is_table or _pages_are_there(shard, settings, out))
        ):
            return Report.from_json(held["report"])
    return None


def _kinds(settings: Settings) -> tuple[str, ...]:
    rows = ROWS_PART if settings.is_table else METADATA
    return (rows, EDITS_PART) if settings.record else (rows,)


def _pages_are_there(shard: Shard, settings: Settings, out: Path) -> bool:
    rows = rows_of(part(out, shard, METADATA))
    folder = page_folder(out, settings)
    return all(digest_of(inside(folder, row["output"])) == row["output_sha256"] for row in rows if row["output"])


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sum(held: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()
