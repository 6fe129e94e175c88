"""Find the runs of a line that single-byte codecs may have displayed for Chinese text, for all codecs at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cleantext.changes import I64, U32, code_points
from cleantext.jit import kernel_beside

__all__ = ["FEWEST", "SHORTEST", "codec_runs"]

U16 = npt.NDArray[np.uint16]
SHORTEST = 6  # bytes of a run: two characters in UTF-8, or three in another encoding
FEWEST = 3  # minimum of them above ASCII: in UTF-8 all are, in the others one per character


def codec_runs(line: str, codecs: tuple[str, ...]) -> list[list[int]]:
    """Return ``[n, low, high]`` for each maximal run of a line that codec ``n`` can write, by codec, then from left to right.

    Leaves out runs that are certainly not Chinese: shorter than `SHORTEST`, with fewer than `FEWEST` characters above ASCII, or with one of these that cannot
    be part of a Chinese character, such as an accented letter at the end of a word.

    >>> codec_runs("ÐÂ½®¡£ café 新疆", ("latin-1", "koi8-r")), codec_runs("ÐÂ½®¡£新疆", ("latin-1", "koi8-r"))
    ([], [[0, 0, 6]])
    """
    runs = np.empty((len(codecs) * (len(line) // SHORTEST), 3), np.int64)
    n = _runs.sized(len(codecs) * len(line))(code_points(line), _writers(codecs), len(codecs), runs)
    found: list[list[int]] = runs[:n].tolist()
    return found


@lru_cache(maxsize=4)
def _writers(codecs: tuple[str, ...]) -> U16:
    """Return which codecs can write each code point below 0x10000: bit ``n`` stands for codec ``n``."""
    import ftfy.bad_codecs  # noqa: F401 - registers the sloppy codecs, which map all 256 bytes

    table = np.zeros(0x10000, np.uint16)
    for n, codec in enumerate(codecs):
        table[code_points(bytes(range(256)).decode(codec))] |= np.uint16(1 << n)
    return table


def _runs_at_once(points: U32, writers: U16, codecs: int, runs: I64) -> int:
    """Compute the same as `_runs` with NumPy."""
    wide = len(points) + 1
    masks = np.append(writers[np.minimum(points, 0xFFFF)], np.uint16(0))  # every row ends with a character that cannot be written
    writes = (masks >> np.arange(codecs, dtype=np.uint16)[:, None] & 1).astype(np.bool_)
    code = np.append(points, np.uint32(0))
    high, digit = code >= 0x80, (code >= 0x30) & (code < 0x3A)
    ends, begins = (code < 0x80) & ~digit, (code < 0x40) & ~digit | (code == 0x7F)
    lone = high & writes
    lone[:, 1:] &= ~writes[:, :-1] | ends[:-1]
    lone[:, :-1] &= ~writes[:, 1:] | begins[1:]
    cuts = np.flatnonzero(~writes)
    run = np.cumsum(~writes)
    highs, lones = (np.bincount(run, flags.ravel(), len(cuts) + 1) for flags in (high & writes, lone))
    size = np.diff(cuts, prepend=-1, append=cuts[-1] + 1) - 1
    kept = np.flatnonzero((size >= SHORTEST) & (highs >= FEWEST) & (lones == 0))
    start = np.where(kept, cuts[kept - 1] + 1, 0)
    runs[: len(kept), :3] = np.stack([start // wide, start % wide, cuts[kept] % wide], 1)
    return len(kept)


@kernel_beside(_runs_at_once)
def _runs(points: U32, writers: U16, codecs: int, runs: I64) -> int:
    """Write codec, start and end of each run that may be Chinese; return the number of runs."""
    n = 0
    for codec in range(codecs):
        low = high = lone = 0
        for i in range(len(points) + 1):
            if i < len(points) and points[i] < 0x10000 and writers[np.int64(points[i])] >> np.uint16(codec) & np.uint16(1):
                if points[i] >= 0x80:
                    high += 1
                    left = points[i - 1] if i > low else np.uint32(0)
                    right = points[i + 1] if i + 1 < len(points) else np.uint32(0)
                    if right >= 0x10000 or not writers[np.int64(right)] >> np.uint16(codec) & np.uint16(1):
                        right = np.uint32(0)
                    after = left < 0x80 and not 0x30 <= left < 0x3A
                    if after and ((right < 0x40 and not 0x30 <= right < 0x3A) or right == 0x7F):
                        lone += 1
                continue
            if i - low >= SHORTEST and high >= FEWEST and lone == 0:
                runs[n, 0], runs[n, 1], runs[n, 2] = codec, low, i
                n += 1
            low, high, lone = i + 1, 0, 0
    return n
