"""Near-duplicate documents and passages: verified, with offsets, across scripts."""

from __future__ import annotations

from cleantext.dedup.in_memory import find_duplicates
from cleantext.dedup.minhash.sketch import Sketches, SketchSpec, shingle_hash
from cleantext.dedup.result import Duplicates

__all__ = ["Duplicates", "SketchSpec", "Sketches", "find_duplicates", "shingle_hash"]
