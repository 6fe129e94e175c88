"""How much of the memory of a run is left for DuckDB."""

from __future__ import annotations

from pathlib import Path

__all__ = ["memory_limit"]

USUAL = 160 << 20  # memory of this process before it opens a database, where the system does not tell
BESIDE = 320 << 20  # what DuckDB takes beyond its limit: 250 MB were measured where 90 million pairs were sorted and written
LEAST = 128 << 20
SHARE = 4  # at most this part of the memory is taken for what the process holds: the rest of a larger one is not ours, but its user's


def memory_limit(memory: int) -> str:
    """Return the limit for a database, so that this process stays within about ``memory`` bytes, in the form that DuckDB reads.

    >>> memory_limit(100 << 20)
    '128MiB'
    """
    return f"{max(memory - min(held(), memory // SHARE) - BESIDE, LEAST) >> 20}MiB"


def held() -> int:
    """Return the bytes that this process holds and shares with no other: Python's objects, Arrow's buffers, what allocators keep."""
    try:
        rows = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return USUAL
    return next((int(row.split()[1]) << 10 for row in rows if row.startswith("Pss_Anon:")), USUAL)
