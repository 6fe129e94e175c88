"""Kernels of tests, in a module that workers of Spark import fast."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Same:
    """A kernel that gives what it gets, with a number for each call."""

    columns: tuple[str, ...]

    @property
    def schema(self):
        return pa.schema([(name, pa.binary() if name.endswith("bytes") else pa.int64()) for name in self.columns])

    def __call__(self, batch):
        yield pa.record_batch([batch.column(name) for name in self.columns], schema=self.schema)


@dataclass(frozen=True)
class Whole:
    """A scan that gives what it gets."""

    columns: tuple[str, ...]

    @property
    def schema(self):
        return pa.schema([(name, pa.int64()) for name in self.columns])

    def __call__(self, batches):
        yield from batches


@dataclass(frozen=True)
class Running:
    """A scan that numbers rows as they come, from 0 on for each owner."""

    @property
    def schema(self):
        return pa.schema([(n, pa.int64()) for n in ("owner", "n", "at")])

    def __call__(self, batches):
        last, at = None, 0
        for batch in batches:
            places = []
            for owner in batch.column("owner").to_pylist():
                at = at + 1 if owner == last else 0
                last = owner
                places.append(at)
            yield pa.record_batch([batch.column("owner"), batch.column("n"), pa.array(places, pa.int64())], schema=self.schema)
