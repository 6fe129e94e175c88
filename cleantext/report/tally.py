"""The counts of a run. They form a commutative monoid, so the report does not depend on how work is split."""

from __future__ import annotations

import zlib
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cleantext.changes import EditColumns
from cleantext.errors import InputError
from cleantext.transform import Page

__all__ = ["OUTCOMES", "SAMPLES", "Report", "RuleTally", "counted", "how_searched", "nearest", "set_apart"]

STAGES = ("repair", "normalize", "chrome", "script", "dedup")  # in order of execution
OUTCOMES = ("kept", "emptied", "duplicate", "filtered", "failed")
SAMPLES = 5  # samples kept per rule, from different hosts if possible; drawn by a hash, so independent of how work is split
CALLS = 8  # number of closest calls kept among removed lines, and among kept lines
SCHEMA = 3  # schema version of report.json
FEW = 64  # samples are drawn from about so many rows, if a rule has more
STRIDE = 2_654_435_761  # multiplier that spreads offsets within a page over 32 bits
I64 = npt.NDArray[np.int64]


@dataclass
class RuleTally:
    """Counts of one rule: edits, characters removed and added, pages, and samples (page, offset, before, after) chosen by `drawn`."""

    edits: int = 0
    removed: int = 0
    added: int = 0
    pages: int = 0
    samples: list[tuple[str, int, str, str]] = field(default_factory=list)
    step: str = ""  # the id of the Transform whose rule it is

    def __add__(self, other: RuleTally) -> RuleTally:
        samples = drawn(self.samples + other.samples)
        return RuleTally(
            self.edits + other.edits,
            self.removed + other.removed,
            self.added + other.added,
            self.pages + other.pages,
            samples,
            min(filter(None, (self.step, other.step)), default=""),
        )


@dataclass
class Report:
    """Counts of a run. ``a + b`` adds the counts, and `Report()` is zero; order and grouping do not matter.

    Fields marked *set once* belong to the run as a whole and are not added.
    ``pages_in`` is the sum of ``outcomes``: kept, emptied, duplicate, filtered and failed. ``skipped`` records are not pages.

    >>> (Report(bytes_in=3) + Report(bytes_in=4)).bytes_in
    7
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    chars_in: int = 0
    chars_out: int = 0
    rules: dict[str, RuleTally] = field(default_factory=dict)
    flags: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, str]] = field(default_factory=list)  # sorted by id
    changed: int = 0  # pages whose bytes were changed
    skipped: Counter[str] = field(default_factory=Counter)  # records that are not pages, such as requests and pictures
    renamed: int = 0  # records renamed because their id was already taken
    lines: list[dict[str, Any]] = field(default_factory=list)  # the closest calls of the learned model (see `nearest`)
    # Set once for the whole run:
    duplicates: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    overview: dict[str, Any] = field(default_factory=dict)  # see cleantext.report.overview
    whys: dict[str, str] = field(default_factory=dict)  # purpose of each rule that made edits
    seconds: float = 0.0  # not in report.json and report.html, which do not depend on the machine
    phases: dict[str, float] = field(default_factory=dict)  # likewise, by phase

    def __add__(self, other: Report) -> Report:
        rules = {r: self.rules.get(r, RuleTally()) + other.rules.get(r, RuleTally()) for r in sorted({*self.rules, *other.rules})}
        return Report(
            self.outcomes + other.outcomes,
            self.bytes_in + other.bytes_in,
            self.chars_in + other.chars_in,
            self.chars_out + other.chars_out,
            rules,
            self.flags + other.flags,
            self.encodings + other.encodings,
            sorted(self.failures + other.failures, key=_failure),
            self.changed + other.changed,
            self.skipped + other.skipped,
            self.renamed + other.renamed,
            nearest(self.lines + other.lines),
        )

    @property
    def pages_in(self) -> int:
        """The number of all pages of the run."""
        return self.outcomes.total()

    @property
    def exit_code(self) -> int:
        """0 if all pages were processed, 3 if some failed."""
        return 3 if self.outcomes["failed"] else 0

    def fail(self, page: str, error: str) -> None:
        """Count a failed page, and keep its error message."""
        self.outcomes["failed"] += 1
        insort(self.failures, {"id": page, "error": error}, key=_failure)

    def count(self, step: str, pages: Sequence[str], edits: EditColumns) -> None:
        """Add the edits of one Transform on a batch of pages; ``pages`` are the ids in the order of the batch."""
        if not len(edits):
            return
        number = len(edits.rules)
        times = np.bincount(edits.rule, minlength=number).tolist()
        removed = np.bincount(edits.rule, np.diff(edits.before.offsets), number).astype(np.int64).tolist()
        added = np.bincount(edits.rule, np.diff(edits.after.offsets), number).astype(np.int64).tolist()
        seen = np.unique(edits.page.astype(np.int64) * number + edits.rule) % number
        touched = np.bincount(seen, minlength=number).tolist()
        draw = _Draw(pages, edits)
        for n, rule in enumerate(edits.rules):
            if not times[n]:
                continue
            tally = RuleTally(times[n], removed[n], added[n], touched[n], step=step)
            for row in draw(n):
                before, after = edits.before.strings(row, row + 1)[0], edits.after.strings(row, row + 1)[0]
                tally.samples.append((pages[edits.page[row]], int(edits.start[row]), before[:300], after[:300]))
            self.rules[rule] = self.rules.get(rule, RuleTally()) + tally

    def stages(self) -> dict[str, RuleTally]:
        """Return the counts by stage: repair, normalize, chrome, script, dedup."""
        found = _sums(self.rules, lambda _, tally: tally.step.split(".")[0])
        return {stage: found[stage] for stage in (*STAGES, *sorted(found.keys() - set(STAGES))) if stage in found}

    def topics(self, stage: str) -> dict[str, RuleTally]:
        """Return the counts of one stage by topic, which is the first word of a rule id: share, licence, meta, ..."""
        mine = {rule: tally for rule, tally in self.rules.items() if tally.step.split(".")[0] == stage}
        return _sums(mine, lambda rule, _: rule.split(".")[0])

    def to_json(self) -> dict[str, Any]:
        """Return plain data for report.json, with its schema version."""
        return {
            "schema": SCHEMA,
            "settings": self.settings,
            "pages": {"in": self.pages_in, **{name: self.outcomes[name] for name in OUTCOMES}},
            "bytes_in": self.bytes_in,
            "characters": {"in": self.chars_in, "out": self.chars_out},
            "changed": self.changed,
            "skipped": dict(sorted(self.skipped.items())),
            "renamed": self.renamed,
            "lines": self.lines,
            "flags": dict(sorted(self.flags.items())),
            "encodings": dict(sorted(self.encodings.items())),
            "rules": {
                rule: {
                    "step": t.step,
                    "why": self.whys.get(rule, ""),
                    "edits": t.edits,
                    "removed": t.removed,
                    "added": t.added,
                    "pages": t.pages,
                    "samples": [{"page": p, "start": s, "before": b, "after": a} for p, s, b, a in t.samples],
                }
                for rule, t in sorted(self.rules.items())
            },
            "duplicates": self.duplicates,
            "failures": self.failures,
            "notes": self.notes,
            "overview": self.overview,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Return the report that `to_json` encoded. Raise `InputError` for anything else."""
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            held = f"schema {data.get('schema')!r}" if isinstance(data, Mapping) else f"a {type(data).__name__}"
            raise InputError(f"no report of this version of cleantext (schema {SCHEMA}): {held}")
        try:
            return cls._read(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"no report that cleantext wrote: {error!r}") from error

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> Report:
        rules = {
            rule: RuleTally(
                t["edits"],
                t["removed"],
                t["added"],
                t["pages"],
                [(s["page"], s["start"], s["before"], s["after"]) for s in t["samples"]],
                t["step"],
            )
            for rule, t in data["rules"].items()
        }
        outcomes = Counter({name: data["pages"][name] for name in OUTCOMES if data["pages"][name]})
        return cls(
            outcomes,
            data["bytes_in"],
            data["characters"]["in"],
            data["characters"]["out"],
            rules,
            Counter(data["flags"]),
            Counter(data["encodings"]),
            list(data["failures"]),
            data["changed"],
            Counter(data["skipped"]),
            data["renamed"],
            list(data.get("lines", ())),
            dict(data["duplicates"]),
            dict(data["settings"]),
            list(data["notes"]),
            dict(data["overview"]),
            {rule: t["why"] for rule, t in data["rules"].items() if t["why"]},
        )


@lru_cache(4096)
def _group(page: str) -> str:
    """Return the host in the id of a page, or the id itself if it has none."""
    from cleantext.chrome.hosts.profiles import host_of

    return host_of(Page("", id=page, url=page if "://" in page else "")) or page


def _key(page: str, start: int) -> int:
    return (zlib.crc32(page.encode("utf-8", "replace")) + start * STRIDE) % 2**32


def drawn(samples: Iterable[tuple[str, int, str, str]]) -> list[tuple[str, int, str, str]]:
    """Select the samples to keep: one per host, then a second per host, and so on, ordered by a hash of page and offset.

    Drawing from parts, and then from the drawn samples, gives the same as drawing from everything at once.
    """
    held: Counter[str] = Counter()
    ranked = []
    for key, sample in sorted((_key(page, start), (page, start, before, after)) for page, start, before, after in samples):
        group = _group(sample[0])
        ranked.append((held[group], key, sample))
        held[group] += 1
    return [sample for *_, sample in sorted(ranked)[:SAMPLES]]


def nearest(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the closest calls among lines of plain text: the removed lines most likely to be text, then the kept ones most likely to be chrome.

    Each has ``page, text, chrome`` (the probability of being page chrome, 0 to 1) and ``gone``.
    """
    kinds: tuple[list[Any], list[Any]] = ([], [])
    for line in lines:
        kinds[not line["gone"]].append((line["chrome"] if line["gone"] else -line["chrome"], line["page"], line["text"], line))
    return [dict(line) for kind in kinds for *_, line in sorted(kind, key=lambda held: held[:3])[:CALLS]]


class _Draw:
    """Selects the same rows of a rule as `drawn` would from all its edits in a batch."""

    def __init__(self, pages: Sequence[str], edits: EditColumns) -> None:
        codes: dict[str, int] = {}
        groups = np.array([codes.setdefault(_group(page), len(codes)) for page in pages], np.int64)
        crcs = np.array([_key(page, 0) for page in pages], np.int64)
        self.number = len(codes)
        self.groups = groups[edits.page]
        self.keys = (crcs[edits.page] + edits.start.astype(np.int64) * STRIDE) % 2**32
        self.order = np.argsort(edits.rule, kind="stable")
        self.begins = np.concatenate([[0], np.cumsum(np.bincount(edits.rule, minlength=len(edits.rules)))])

    def __call__(self, rule: int) -> list[int]:
        rows = self._few(self.order[self.begins[rule] : self.begins[rule + 1]])
        rows = rows[np.lexsort((self.keys[rows], self.groups[rows]))]
        groups = self.groups[rows]
        first = np.flatnonzero(np.diff(groups, prepend=-1))
        rank = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
        chosen: list[int] = rows[np.lexsort((self.keys[rows], rank))][:SAMPLES].tolist()
        return chosen

    def _few(self, rows: I64) -> I64:
        """Return the rows with the smallest keys: enough of them to contain every row that can be drawn."""
        keys, below = self.keys[rows], 2**32 * FEW // max(len(rows), 1)
        while below < 2**32:
            some = rows[keys < below]
            sizes = np.bincount(self.groups[some], minlength=self.number)
            if np.count_nonzero(sizes) >= SAMPLES or sizes.min() >= SAMPLES:
                return some
            below *= 8
        return rows


def _failure(row: Mapping[str, str]) -> tuple[str, str]:
    return row["id"], row["error"]


def _sums(rules: Mapping[str, RuleTally], key: Callable[[str, RuleTally], str]) -> dict[str, RuleTally]:
    out: dict[str, RuleTally] = {}
    for rule, tally in rules.items():
        out[key(rule, tally)] = out.get(key(rule, tally), RuleTally()) + tally
    return out


def total(reports: Sequence[Report]) -> Report:
    """Return the sum of reports."""
    out = Report()
    for report in reports:
        out = out + report
    return out


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "pair"), counted(1200, "pair")
    ('1 pair', '1,200 pairs')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def set_apart(duplicates: Mapping[str, Any]) -> str:
    """Describe boilerplate, which was not paired because too many texts share it; return "" if there is none.

    >>> set_apart({"boilerplate": 2, "search": {"max_df": 100}})
    '2 stretches in more than 100 texts were not paired and stay: see boilerplate.parquet, and --max-df'
    """
    n = duplicates.get("boilerplate", 0)
    if not n:
        return ""
    told = "1 stretch" if n == 1 else f"{n:,} stretches"
    return (
        f"{told} in more than {counted(duplicates['search']['max_df'], 'text')} {'was' if n == 1 else 'were'} not paired and "
        f"{'stays' if n == 1 else 'stay'}: see boilerplate.parquet, and --max-df"
    )


def how_searched(facts: Mapping[str, Any]) -> str:
    """Describe the search for duplicates: what it is certain to find, and where not all members were compared.

    >>> how_searched({"bands": 21, "rows": 6, "recall_at_threshold": 0.9983})
    '21 bands of 6 find a pair at the threshold with probability 0.998'
    """
    told = []
    if "bands" in facts:
        told.append(
            f"{counted(facts['bands'], 'band')} of {facts['rows']} {'finds' if facts['bands'] == 1 else 'find'} "
            f"a pair at the threshold with probability {facts['recall_at_threshold']:.3f}"
        )
    if "certain_run" in facts:
        told.append(f"all texts that share a run of {facts['certain_run']} letters are compared")
    if facts.get("hot_buckets"):
        told.append(f"{counted(facts['hot_buckets'], 'crowded bucket')}, whose members were compared with their best ones")
    if facts.get("hot_anchors"):
        told.append(f"{counted(facts['hot_anchors'], 'crowded anchor')}, matched with one place only")
    if facts.get("linked_groups"):
        told.append(f"{counted(len(facts['linked_groups']), 'large group')} of equal texts, whose members are paired with the best one")
    return "; ".join(told)
