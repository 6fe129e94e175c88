"""Near-duplicate documents and passages: verified, with offsets, across scripts."""

from __future__ import annotations

from cleantext.dedup.duplicates import Duplicates
from cleantext.dedup.find import find_duplicates
from cleantext.dedup.sketch import Sketches, SketchSpec, shingle_hash

__all__ = ["Duplicates", "SketchSpec", "Sketches", "find_duplicates", "shingle_hash"]
