"""Columns of the arrays in which kernels receive lines, evidence and summaries of evidence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64

__all__ = ["GAIN", "LOSS", "SUMMARY", "Lines"]

# Facts about a line, packed in one number: its gain + LOSS in the low byte, then these bits, then the number of its summary.
LOSS = 3
GAIN = 0xFF
BLANK = 1 << 8
FIELD = 1 << 9  # a label in Han characters and a value, as in a record
ANNOUNCES = 1 << 10  # ends in a colon, its only one
TITLE = 1 << 11  # has the length and the ending of a title
LONG = 1 << 12  # at least eight characters
NAMED = 1 << 13  # at least four letters
COLON = 1 << 14
ENTRY = 1 << 15  # may start with a date, as in a chronicle
SHIELDED = 1 << 16  # protected by its form: a numbered heading, an attachment and the like
SIGNED = 1 << 17  # a date, as under a signature: protected in the tail
SITE_NAME = 1 << 18  # at most ten characters, like the name of a site
CHANNEL_NAME = 1 << 19  # at most four
LISTS = 1 << 20  # is the heading of a list that is text even in a footer
SUMMARY = 21  # shift of the summary number

HAN_FIRST, HAN_LAST = 0x3400, 0x9FFF

# Strengths, and zones as bits.
A, B, C = 3, 2, 1
HEAD, TAIL, BODY = 1, 2, 4
ZONES = {"head": HEAD, "tail": TAIL, "body": BODY}
ZONE_NAMES = {bit: name for name, bit in ZONES.items()}
STRENGTH_NAMES = {A: "A", B: "B", C: "C"}

# Columns of evidence and of summaries; kinds of rules.
RULE, POWER, WORDS, ZONE_BITS, CATEGORY, KIND, COMMON, DATED, BARE, NOTED, SALVAGED, RULE_POWER = range(12)
FIRST, COUNT, HEADS, SPANS, STRONGEST, PLACED = range(6)
OTHER, LABEL, WIDGETS, LINE = range(4)
KINDS = {"label": LABEL, "words": WIDGETS, "line": LINE}

# Why evidence was sufficient; `{n}` and `{zone}` are filled in for the reader.
BECAUSE = (
    "strong enough anywhere",
    "in the {zone}",
    "one of {n} widget words, each on a line of its own",
    "beside a line that goes",
    "beside another line of dates and names",
    "between lines that go",
    "a row under the heading",
    "a heading and its {n} rows",
    "the foot of the page names it again",
    "inside a {zone} of {n} certain lines",
    "nothing else stands in the line",
    "in a column of the site's pages, above the title",
    "learned, of such lines {n} % are page chrome",
)
ANYWHERE, IN_ZONE, COLUMN, BESIDE, BESIDE_DATES, BETWEEN, ROW_BELOW, HEADING, ECHO, ENCLOSED, EMPTIED, HEADER, LEARNED = range(len(BECAUSE))


class Lines(NamedTuple):
    """The non-blank lines of a batch, for pages with any evidence; one entry per line."""

    page: I32
    row: I32  # number within its page, counting blank lines
    start: I64  # offset in the page
    end: I64  # without the line break
    known: I64
    entry: I32  # lines that start with the same date have the same number; 0 without a date
    gain: I32  # score for being in the body
    power: I32  # power of the strongest evidence
    placed: npt.NDArray[np.bool_]  # whether the strongest evidence is a place in the site
    zone: I32
    shielded: npt.NDArray[np.bool_]  # protected at its position
    suspected: npt.NDArray[np.bool_]  # some evidence that counts in this page belongs to a rule for the line's zone
    best: I32  # the strongest evidence that fits the line's zone, -1 for none
    removed_by: I32  # the evidence by which the line was removed, -1 if it is kept
    because: I32
    number: I32  # for `BECAUSE`

    @classmethod
    def before(cls, page: I32, row: I64, start: I64, end: I64, known: I64) -> Lines:
        """Return lines of which only the facts ``known`` are filled in."""
        n = len(page)
        none, no, nothing = np.zeros(n, np.int32), np.zeros(n, bool), np.full(n, -1, np.int32)
        return cls(
            page=page, row=row.astype(np.int32), start=start, end=end, known=known, entry=none, gain=none.copy(), power=none.copy(),
            placed=no, zone=none.copy(), shielded=no.copy(), suspected=no.copy(), best=nothing, removed_by=nothing.copy(), because=none.copy(),
            number=none.copy(),
        )  # fmt: skip
