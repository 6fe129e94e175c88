"""Bytes that were lost before text was decoded wrongly: find where the rest can be read, and mark the loss.

In UTF-8 the start of each character is recognizable, so only one character is lost. In GBK everything up to the next ASCII character is
out of step: a run of bytes above ASCII has odd length, and the single byte is where both sides are most readable.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from cleantext.changes import text_of
from cleantext.jit import kernel, kernel_beside
from cleantext.repair.model import Links, WordArrays, follows, word_model

__all__ = ["BROKEN", "LOSS", "TRAILING", "resynchronised", "without_broken"]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

LOSS = "\N{REPLACEMENT CHARACTER}"
# The rest of a character of three bytes: between complete ones, ASCII or the end; or after ASCII and before two
# complete ones. A single accented letter of a single-byte encoding does not match.
BROKEN = re.compile(
    rb"(?<=[\xe2-\xef][\x80-\xbf][\x80-\xbf])(?:[\xe2-\xef][\x80-\xbf]|[\x80-\xbf]{1,2})(?=[\xe2-\xef][\x80-\xbf][\x80-\xbf]|[\x00-\x7f]|\Z)"
    rb"|(?<![\x80-\xff])(?:[\xe2-\xef][\x80-\xbf]|[\x80-\xbf]{1,2})(?=(?:[\xe2-\xef][\x80-\xbf][\x80-\xbf]){2})"
)
TRAILING = re.compile(rb"[\x80-\xbf]{0,2}")
HIGH = re.compile(rb"[\x80-\xff]{7,}")  # a run that may have lost a byte; shorter odd ones are accented letters
NO_PAIR = 0xFFFD  # the model's index for bytes that are not a GBK character
SINGLE_COST = 15.0  # nats; a character out of step costs eight more than one in step
LONGEST = 4000


def without_broken(data: bytes, *, start: bool = False) -> tuple[str, int] | None:
    """Return UTF-8 decoded, with U+FFFD for the rest of characters that lost a byte, and their number; None if it is not such UTF-8.

    With ``start`` the first character may have lost its first byte.

    >>> without_broken("新疆的".encode()[:4] + "疆的天气".encode()[2:])
    ('新�的天气', 1)
    """
    mended, lost = BROKEN.subn(LOSS.encode(), data)
    try:
        left = len(TRAILING.match(mended)[0]) if start else 0  # type: ignore[index]
        return LOSS * (left > 0) + mended[left:].decode(), lost + (left > 0)
    except UnicodeDecodeError:
        return None


def resynchronised(data: bytes, most: int) -> tuple[str, int] | None:
    """Return GBK decoded, with U+FFFD for each byte that has lost its partner, and their number, from 1 to ``most``; otherwise None.

    Within a run of bytes above ASCII, the most likely sequence of pairs and single bytes is chosen, at a cost of `SINGLE_COST` for each single byte.

    >>> resynchronised("新疆是一个好地方，我们".encode("gbk")[:9] + "好地方，我们".encode("gbk"), 1)
    ('新疆是一�好地方，我们', 1)
    """
    runs = [m.span() for m in HIGH.finditer(data) if len(m[0]) <= LONGEST]
    if not runs:
        return None
    model, widths = word_model(), np.zeros(len(data), np.uint8)
    lost = _all_ways.sized(8 * len(data))(np.frombuffer(data, np.uint8), np.array(runs), model.pairs, model.links, widths)
    if not 0 < lost <= most:
        return None
    parts: list[str] = []
    done = 0
    try:
        for low, high in runs:
            parts.append(data[done:low].decode("gb18030"))
            text, at = [], low
            for before, step in enumerate(np.flatnonzero(widths[low:high] == 1).tolist()):  # a single byte, after this many others
                stop = low + 2 * step - before
                text.append(_paired(data[at:stop]))
                at = stop + 1
            parts.append(LOSS.join([*text, _paired(data[at:high])]))
            done = high
        return "".join([*parts, data[done:].decode("gb18030")]), lost
    except UnicodeDecodeError:
        return None


def _paired(data: bytes) -> str:
    """Decode pairs of bytes as GBK, one character each; invalid pairs become U+FFFD."""
    try:
        return data.decode("gbk")
    except UnicodeDecodeError:
        return text_of(word_model().shown[np.frombuffer(data, ">u2")])


def _ways_at_once(run: U8, pairs: I32, links: Links | WordArrays, widths: U8) -> int:
    """Compute the same as `_ways` with NumPy and lists."""
    n = len(run)
    here = pairs[run[:-1].astype(np.int64) << 8 | run[1:]].astype(np.int64)
    left, right = here[:-2], here[2:]
    key = (left << 16 | right).astype(np.uint64)
    at = np.minimum(np.searchsorted(links.key, key), len(links.key) - 1)
    gain = np.where(links.key[at] == key, links.joined[at], links.end[left] + links.start[right])
    gains = [*links.start[here[:2]].tolist(), *gain.tolist()]
    best, steps = [0.0, -SINGLE_COST], [0, 1]
    for i in range(2, n + 1):
        pair, single = best[i - 2] + gains[i - 2], best[i - 1] - SINGLE_COST
        best.append(max(pair, single))
        steps.append(2 if pair >= single else 1)
    i, back = n, []
    while i:
        back.append(steps[i])
        i -= steps[i]
    widths[: len(back)] = back[::-1]
    return len(back)


@kernel_beside(_ways_at_once)
def _ways(run: U8, pairs: I32, links: Links | WordArrays, widths: U8) -> int:
    """Write the number of bytes of each step in the most likely sequence for a run; return the number of steps."""
    n = len(run)
    best, back = np.zeros(n + 1, np.float64), np.ones(n + 1, np.uint8)
    best[1] = -SINGLE_COST
    for i in range(2, n + 1):  # each pair is scored after the previous pair in step
        here = pairs[np.int64(run[i - 2]) << 8 | np.int64(run[i - 1])]
        gain = links.start[here] if i < 4 else follows(links, pairs[np.int64(run[i - 4]) << 8 | np.int64(run[i - 3])], here)
        pair, single = best[i - 2] + np.float64(gain), best[i - 1] - SINGLE_COST
        best[i] = max(pair, single)
        back[i] = 2 if pair >= single else 1
    i, steps = n, 0
    while i > 0:
        widths[steps] = back[i]
        i -= int(back[i])
        steps += 1
    for k in range(steps // 2):
        widths[k], widths[steps - 1 - k] = widths[steps - 1 - k], widths[k]
    return steps


@kernel
def _all_ways(data: U8, runs: I64, pairs: I32, links: Links, widths: U8) -> int:
    """Write the steps for each run, beginning at its offset; return how many of them are not a character."""
    lost = 0
    for n in range(len(runs)):
        low, at = runs[n, 0], runs[n, 0]
        for k in range(_ways(data[low : runs[n, 1]], pairs, links, widths[low : runs[n, 1]])):
            if widths[low + k] == 1 or pairs[np.int64(data[at]) << 8 | np.int64(data[at + 1])] == NO_PAIR:
                lost += 1
            at += np.int64(widths[low + k])
    return lost
