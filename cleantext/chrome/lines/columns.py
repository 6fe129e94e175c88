"""Columns of the arrays that describe lines, evidence and summaries of evidence to the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cleantext.changes import I32, I64

__all__ = ["GAIN", "LOSS", "SUMMARY", "Lines"]

# What is known of a line, in one number: its gain + LOSS in the low byte, then these bits, then the number of its summary.
LOSS = 3
GAIN = 0xFF
BLANK = 1 << 8
FIELD = 1 << 9  # a label of Han and a value, as in a record
ANNOUNCES = 1 << 10  # ends in its only colon
TITLE = 1 << 11  # as long as a title is, and ends as one
LONG = 1 << 12  # eight characters and more
NAMED = 1 << 13  # four letters and more
COLON = 1 << 14
ENTRY = 1 << 15  # may start with a date, as in a chronicle
SHIELDED = 1 << 16  # protected by what it looks like: a numbered heading, an attachment and their kin
SIGNED = 1 << 17  # a date, as under a signature: protected in the tail
SITE_NAME = 1 << 18  # ten characters at most, as the name of a site
CHANNEL_NAME = 1 << 19  # four at most
LISTS = 1 << 20  # heads a list that is text where it stands in a footer
SUMMARY = 21  # bits below

HAN_FIRST, HAN_LAST = 0x3400, 0x9FFF

# Strengths, and zones as bits.
A, B, C = 3, 2, 1
HEAD, TAIL, BODY = 1, 2, 4
ZONES = {"head": HEAD, "tail": TAIL, "body": BODY}
ZONE_NAMES = {bit: name for name, bit in ZONES.items()}
STRENGTH_NAMES = {A: "A", B: "B", C: "C"}

# Columns of evidence, of summaries; kinds of rules.
RULE, POWER, WORDS, ZONE_BITS, CATEGORY, KIND, COMMON, DATED, BARE, NOTED, SALVAGED, RULE_POWER = range(12)
FIRST, COUNT, HEADS, SPANS, STRONGEST, PLACED = range(6)
OTHER, LABEL, WIDGETS, LINE = range(4)
KINDS = {"label": LABEL, "words": WIDGETS, "line": LINE}

# Why evidence was enough; `{n}` and `{zone}` are filled in for the reader.
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
    """The lines of a batch that are not blank, of pages against which anything is said; one entry a line."""

    page: I32
    row: I32  # among the lines of its page, blank ones counted
    start: I64  # in the page
    end: I64  # without the line break
    known: I64
    entry: I32  # the same number for lines that start with the same date, 0 for those that do not
    gain: I32  # how much it speaks for standing in the body
    power: I32  # of the strongest evidence
    placed: npt.NDArray[np.bool_]  # the strongest evidence is of a place in the site
    zone: I32
    shielded: npt.NDArray[np.bool_]  # protected where it stands
    suspected: npt.NDArray[np.bool_]  # some evidence that counts in this page is of a rule for where the line stands
    best: I32  # the strongest evidence that fits where the line stands, -1 for none
    removed_by: I32  # the evidence that took the line, -1 while it stays
    because: I32
    number: I32  # for `BECAUSE`

    @classmethod
    def before(cls, page: I32, row: I64, start: I64, end: I64, known: I64) -> Lines:
        """Return lines before anything is said about them but what is ``known``."""
        n = len(page)
        none, no, nothing = np.zeros(n, np.int32), np.zeros(n, bool), np.full(n, -1, np.int32)
        return cls(
            page=page, row=row.astype(np.int32), start=start, end=end, known=known, entry=none, gain=none.copy(), power=none.copy(),
            placed=no, zone=none.copy(), shielded=no.copy(), suspected=no.copy(), best=nothing, removed_by=nothing.copy(), because=none.copy(),
            number=none.copy(),
        )  # fmt: skip
