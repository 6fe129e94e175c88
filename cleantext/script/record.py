"""Kernels that turn the results of conversions into edits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.jit import kernel

__all__ = ["collect", "collect_units"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]


@kernel
def collect(places: I64, tags: U8, character: int, start: I64, rows: I32, offsets: I64) -> Any:
    """Write the runs of changed characters of a conversion that maps single characters; return their number.

    ``places`` lists the changed ones, ``start`` where the pages begin. ``rows`` takes page, start, end,
    rule; ``offsets`` where the characters of each run begin among the changed.
    """
    n, page = 0, 0
    last: Any = np.int64(-1)
    last_rule: Any = np.int64(-1)
    for k in range(len(places)):
        i: Any = places[k]
        tag: Any = np.int64(tags[i])
        rule: Any = character if tag == 0 else tag
        fresh = i >= start[page + 1]
        while i >= start[page + 1]:
            page += 1
        if fresh or i != last or rule != last_rule:
            rows[0, n] = page
            rows[1, n] = i - start[page]
            rows[3, n] = rule
            offsets[n] = k
            n += 1
        last = i + 1
        last_rule = rule
        rows[2, n - 1] = last - start[page]
    offsets[n] = len(places)
    return n


@kernel
def collect_units(
    points: I32,
    out: I32,
    origin: I32,
    tags: U8,
    character: int,
    start: I64,
    out_start: I64,
    rows: I32,
    offsets: I64,
    before: U32,
    after: U32,
) -> Any:
    """Write the runs of changed units of any conversion; return their number, and the numbers of characters before and after.

    ``origin`` says for each character of ``out`` where the unit that begins with it began in
    ``points``, and -1 inside a unit. ``rows`` is as in `collect`; ``offsets`` has a row for ``before``
    and one for ``after``.
    """
    n = nb = na = 0
    for page in range(len(start) - 1):
        base, end, o, stop = start[page], start[page + 1], out_start[page], out_start[page + 1]
        i: Any = base
        last = np.int64(-1)
        while o < stop:
            o2 = o + 1
            while o2 < stop and origin[o2] < 0:
                o2 += 1
            i2 = np.int64(origin[o2]) if o2 < stop else end
            k = 0
            while k < o2 - o and o2 - o == i2 - i and points[i + k] == out[o + k]:
                k += 1
            if k == o2 - o:
                i, o = i2, o2
                continue
            rule = character if tags[o] == 0 else np.int64(tags[o])
            if last != i or rows[3, n - 1] != rule:
                rows[0, n] = page
                rows[1, n] = i - base
                rows[3, n] = rule
                n += 1
            rows[2, n - 1] = i2 - base
            last = i2
            for k in range(i, i2):
                before[nb] = points[k]
                nb += 1
            for k in range(o, o2):
                after[na] = out[k]
                na += 1
            offsets[0, n] = nb
            offsets[1, n] = na
            i, o = i2, o2
    return n, nb, na
