"""Sketches: MinHash rows with their specification, convertible to and from datasketch.

The scheme is datasketch's affine32 (version 2): a shingle hash is pre-mixed once, then permuted by
``a * h + b`` modulo 2**32 with odd ``a``; a slot holds the smallest value. The permutations are
datasketch's own for the same seed, so the rows are bit-identical to those of
``datasketch.MinHash(hashfunc=shingle_hash)``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cleantext.changes import U32, code_points
from cleantext.dedup.folded.text_columns import strings
from cleantext.dedup.folded.token_units import Unit, tokens
from cleantext.dedup.minhash.hash_kernels import MIX1, MIX2, PRIME, shingle_hashes, sketches
from cleantext.errors import ConfigError, SketchMismatch, unknown, wrong_type
from cleantext.fold import UNICODE, Fold, kept_column

if TYPE_CHECKING:
    import datasketch

__all__ = ["SketchSpec", "Sketches", "shingle_hash"]


def shingle_hash(shingle: str | bytes) -> int:
    """Return the 32-bit hash that sketches use for one shingle of folded characters.

    Give it to ``datasketch.MinHash(hashfunc=cleantext.shingle_hash)`` and update that with the
    5-character shingles of `cleantext.fold.kept`: it will equal, slot by slot, what `SketchSpec.sketch` makes
    of the text. (The upper half of the 64-bit hash by which similarity is verified.)

    >>> shingle_hash("中华人民共")
    2533681277
    """
    text = shingle.decode() if isinstance(shingle, bytes) else shingle
    if not isinstance(text, str):
        raise wrong_type(text)
    h = 0
    for point in code_points(text).tolist():
        h = (h * PRIME + point) & 0xFFFFFFFFFFFFFFFF
    for factor in (MIX1, MIX2):
        h = ((h ^ (h >> 33)) * factor) & 0xFFFFFFFFFFFFFFFF
    return (h ^ (h >> 33)) >> 32


@dataclass(frozen=True)
class SketchSpec:
    """All parameters that the value of a sketch depends on. Sketches compare only if their specifications are equal.

    >>> sketch = SketchSpec(slots=16).sketch(["發展新疆的歷史", "发展新疆的历史"])
    >>> sketch.rows.shape, bool((sketch.rows[0] == sketch.rows[1]).all())  # the fold makes one script of both
    ((2, 16), True)
    >>> SketchSpec(slots=16).check(SketchSpec(slots=32))
    Traceback (most recent call last):
        ...
    cleantext.errors.SketchMismatch: ...
    """

    k: int = 5
    slots: int = 128
    seed: int = 1
    fold: Fold = "basic"
    unit: Unit = "char"
    scheme: Literal["affine32"] = "affine32"
    unicode: str = UNICODE

    def __post_init__(self) -> None:
        for name, value in (("k", self.k), ("slots", self.slots)):
            if value < 1:
                raise ConfigError(f"{name}={value}: expected 1 or more")
        if self.scheme != "affine32":
            raise unknown("scheme", self.scheme, ("affine32",))

    def check(self, other: SketchSpec) -> None:
        """Raise `SketchMismatch`, with every field that differs, unless both specifications are equal."""
        wrong = [
            f"{f.name} {getattr(self, f.name)!r} and {getattr(other, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != getattr(other, f.name)
        ]
        if wrong:
            raise SketchMismatch(f"these sketches do not compare: {', '.join(wrong)}; make both under one SketchSpec")

    @property
    def permutations(self) -> tuple[U32, U32]:
        """The factors and summands of the slots, equal to those that datasketch 2 draws for this seed."""
        return _permutations(self.slots, self.seed)

    def sketch(self, texts: Any) -> Sketches:
        """Return one row per text. A text without shingles has all bits of its slots set."""
        column, _ = tokens(kept_column(strings(texts, "texts"), fold=self.fold), self.unit)
        return Sketches(self, sketches(shingle_hashes(column.points, self.k), column.offsets, self.k, *self.permutations))


@lru_cache(maxsize=8)
def _permutations(slots: int, seed: int) -> tuple[U32, U32]:
    draw = np.random.RandomState(seed)
    a = draw.randint(0, 1 << 31, slots, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, draw.randint(0, 1 << 32, slots, dtype=np.uint32)


@dataclass(frozen=True)
class Sketches:
    """Rows of MinHash slots, shape (texts, slots), and their specification."""

    spec: SketchSpec
    rows: U32

    def __len__(self) -> int:
        return len(self.rows)

    def jaccard(self, i: int, other: Sketches, j: int) -> float:
        """Return the estimate from row ``i`` here and row ``j`` there: standard error at most 0.5 / sqrt(slots)."""
        self.spec.check(other.spec)
        return float(np.mean(self.rows[i] == other.rows[j]))

    def to_datasketch(self, i: int) -> datasketch.MinHash:
        """Return row ``i`` as a `datasketch.MinHash`, which any datasketch index takes."""
        from datasketch import MinHash

        return MinHash(seed=self.spec.seed, hashfunc=shingle_hash, hashvalues=self.rows[i].copy(), scheme=self.spec.scheme)

    def to_lean(self, i: int) -> datasketch.LeanMinHash:
        """Return row ``i`` as a `datasketch.LeanMinHash`."""
        from datasketch import LeanMinHash

        return LeanMinHash(self.to_datasketch(i))

    @classmethod
    def from_datasketch(cls, spec: SketchSpec, minhashes: list[Any]) -> Sketches:
        """Return the rows of datasketch's MinHash or LeanMinHash objects made with `shingle_hash`."""
        for n, one in enumerate(minhashes):
            if (one.scheme, one.seed, len(one)) != (spec.scheme, spec.seed, spec.slots):
                has = f"scheme {one.scheme!r}, seed {one.seed}, {len(one)} slots"
                raise SketchMismatch(f"MinHash {n} has {has}; expected {spec.scheme!r}, {spec.seed}, {spec.slots}")
        return cls(spec, np.array([one.hashvalues for one in minhashes], np.uint32).reshape(-1, spec.slots))
