"""Bytes that were lost before text was read wrongly: where the rest can be read, and what stands for the loss.

In UTF-8 each character shows where it begins, so one of them is lost. In GBK all that follows up to the next ASCII character is
out of step: a run of bytes above ASCII is odd, and where the odd one stood is where both sides read best.
"""

from __future__ import annotations

import re

from cleantext.repair.model import word_model

__all__ = ["BROKEN", "LOSS", "TRAILING", "resynchronised", "without_broken"]

LOSS = "\N{REPLACEMENT CHARACTER}"
# What is left of a character of three bytes, behind a whole one and before a whole one, ASCII or the end. An accented letter of a
# single-byte encoding, which stands by itself, is none.
BROKEN = re.compile(
    rb"(?<=[\xe2-\xef][\x80-\xbf][\x80-\xbf])(?:[\xe2-\xef][\x80-\xbf]|[\x80-\xbf]{1,2})(?=[\xe2-\xef][\x80-\xbf][\x80-\xbf]|[\x00-\x7f]|\Z)"
)
TRAILING = re.compile(rb"[\x80-\xbf]{0,2}")
HIGH = re.compile(rb"[\x80-\xff]+")
SHORTEST = 7  # bytes of a run above ASCII that may have lost one; shorter odd runs are accented letters
SINGLE_COST = 15.0  # nats; a character out of step costs eight more than one in step
LONGEST = 4000


def without_broken(data: bytes, *, start: bool = False) -> tuple[str, int] | None:
    """Return UTF-8 decoded, with U+FFFD for what is left of characters that lost a byte, and their number; None if it is no such UTF-8.

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


def resynchronised(data: bytes) -> tuple[str, int] | None:
    """Return GBK decoded, with U+FFFD for each byte that has lost the other of its pair, and their number; None if it is no such GBK.

    Within a run of bytes above ASCII the likeliest way through pairs and single bytes is taken, each single one at `SINGLE_COST`.

    >>> resynchronised("新疆是一个好地方，我们".encode("gbk")[:9] + "好地方，我们".encode("gbk"))
    ('新疆是一�好地方，我们', 1)
    """
    parts: list[str] = []
    done = lost = 0
    try:
        for run in HIGH.finditer(data):
            if SHORTEST <= len(run[0]) <= LONGEST:
                text = _likeliest(run[0])
                parts += [data[done : run.start()].decode("gb18030"), text]
                done, lost = run.end(), lost + text.count(LOSS)
        return "".join([*parts, data[done:].decode("gb18030")]), lost
    except UnicodeDecodeError:
        return None


def _likeliest(run: bytes) -> str:
    """Return the likeliest reading of a run of bytes above ASCII."""
    n = len(run)
    pairs, gains = [""] * n, [0.0] * n
    for phase in (0, 1):  # each pair is looked at behind the one before it in step
        text = "".join(run[i : i + 2].decode("gbk", "replace")[:1] for i in range(phase, n - 1, 2))
        pairs[phase : n - 1 : 2], gains[phase : n - 1 : 2] = list(text), word_model().increments(text).tolist()
    best, steps = [0.0, -SINGLE_COST], [0, 1]
    for i in range(2, n + 1):
        pair, single = best[i - 2] + gains[i - 2], best[i - 1] - SINGLE_COST
        best.append(max(pair, single))
        steps.append(2 if pair >= single else 1)
    out, i = [], n
    while i:
        step = steps[i]
        i -= step
        out.append(pairs[i] if step == 2 else LOSS)
    return "".join(reversed(out))
