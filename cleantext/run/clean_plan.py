"""Cleaning as a plan over a table of pages: learn what each host repeats, clean, find duplicates, and write what is left.

For corpora that lie in tables, on one machine or a cluster. Pages are read once into a table with their hosts. What a host repeats is
learned from its first pages by `cleantext.chrome.learn`, host by host, so that profiles are those of `cleantext learn`; they are small
and go to all workers, where pages are cleaned as they lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from cleantext.chrome import StripChrome
from cleantext.chrome.hosts import HostProfile, host_of
from cleantext.chrome.learn import PAGES, learn
from cleantext.dedup.passage_maps import integers
from cleantext.dedup.passage_plan import passage_plan
from cleantext.dedup.passages import Search
from cleantext.dedup.places import numbers_of
from cleantext.dedup.plan import document_plan
from cleantext.dedup.scans import Pack
from cleantext.dedup.sketch import SketchSpec
from cleantext.edits import Edit, apply
from cleantext.errors import ConfigError
from cleantext.html import read_html
from cleantext.pipeline import Pipeline
from cleantext.plan import Checkpoint, Loop, Map, Plan, Scan, Sql
from cleantext.plan.steps import Step
from cleantext.run.learn import ENOUGH, with_profile
from cleantext.transform import Page

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["clean_plan"]

AT_ONCE = 64  # pages that are cleaned together
CLEANED = ("place", "id", "host", "text", "title", "flags", "chars_in")


def clean_plan(
    pipeline: Pipeline,
    *,
    html: bool = False,
    learn_hosts: bool = True,
    duplicates: Literal["off", "documents", "passages"] = "passages",
    threshold: float = 0.8,
    min_chars: int = 40,
    max_df: int = 100,
    at_once: int = 0,
    apart: bool = False,
) -> Plan:
    """Return the steps from a table ``pages`` (``id, url`` and ``text`` or, with ``html``, ``html`` as a string or bytes) to clean texts.

    ``pages`` is read with the places of its rows. ``learn_hosts`` learns from the hosts with ten pages and more, of each from the
    first 2,000. ``duplicates`` says what is removed: nothing, texts that are like another one, or passages; ``at_once`` and ``apart`` are
    those of `document_plan`.

    Outputs: ``written`` (``place, id, host, text, title, flags, chars_in``: what is left, in no order; a text of which nothing is left is
    none), ``profiles`` (``host, profile`` as TOML) and those of the search. Raise `ConfigError` for options that cannot be.
    """
    learns = learn_hosts and any(isinstance(s, StripChrome) and not s.profile for s in pipeline.steps)
    known = "p.profile" if learns else "CAST(NULL AS STRING) AS profile"
    steps: list[Step] = [Map("hosted", "pages", Hosted(html))]
    outputs = ["written"]
    if learns:
        steps += [
            Sql(
                "sampled",
                f"""
                SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY host ORDER BY place) AS n, count(*) OVER (PARTITION BY host) AS pages
                                   FROM hosted WHERE host <> '') h
                WHERE h.pages >= {ENOUGH} AND h.n <= {PAGES}
                """,
            ),
            Sql("sampled", "SELECT h.* FROM hosted h JOIN sampled s ON h.place = s.place"),
            Scan("profiles", "sampled", Learn(html), ("host", "place"), ("host",)),
            Checkpoint(("hosted", "profiles")),
        ]
        outputs.append("profiles")
    source = "hosted h LEFT JOIN profiles p ON h.host = p.host" if learns else "hosted h"
    steps += [
        # A hint to Spark, a comment to others: texts stay where they are.
        Sql("ready", f"SELECT /*+ BROADCAST(p) */ h.*, {known} FROM {source}"),
        Map("cleaned", "ready", Clean(pipeline, html)),
    ]
    facts: dict[str, str | int | float] = {"pipeline": pipeline.name, "fingerprint": pipeline.fingerprint}
    held = ("cleaned", "profiles") if learns else ("cleaned",)
    if duplicates == "off":
        steps.append(Sql("written", f"SELECT {', '.join(CLEANED)} FROM cleaned"))
        return Plan(tuple(steps), tuple(outputs), facts)
    if duplicates == "documents":
        search = document_plan(SketchSpec(), threshold=threshold, min_chars=min_chars, at_once=at_once, apart=apart)
        cuts = "SELECT id, low, high FROM clusters WHERE NOT keeper"
    elif duplicates == "passages":
        search = passage_plan(Search(threshold, min_chars, max_df))
        cuts = "SELECT id, low, high FROM cuts"
    else:
        raise ConfigError(f"duplicates {duplicates!r}: expected off, documents or passages")
    steps += [
        Sql("texts", "SELECT place, id, text FROM cleaned"),
        Checkpoint(("texts", *held)),
        *_keeping(search.steps, held),
        Sql("removed", f"SELECT t.place, c.low, c.high FROM ({cuts}) c JOIN cleaned t ON c.id = t.id"),
        Scan("removed", "removed", Pack(("place",), ("low", "high"), "spans"), ("place", "low", "high"), ("place",)),
        Sql("written", "SELECT t.*, r.spans FROM cleaned t LEFT JOIN removed r ON t.place = r.place"),
        Map("written", "written", Remove()),
    ]
    return Plan(tuple(steps), (*outputs, *search.outputs), {**facts, **search.facts})


def _keeping(steps: Sequence[Step], names: tuple[str, ...]) -> Iterator[Step]:
    """Yield steps whose checkpoints keep further tables."""
    for step in steps:
        if isinstance(step, Checkpoint):
            yield Checkpoint((*step.keep, *names))
        elif isinstance(step, Loop):
            yield replace(step, body=tuple(_keeping(step.body, names)))
        else:
            yield step


# ---------------------------------------------------------------- kernels


@dataclass(frozen=True)
class Hosted:
    """Say of pages which host they are of."""

    html: bool

    @property
    def schema(self) -> pa.Schema:
        """The columns: place, id, host, address, and the page as it is."""
        import pyarrow as pa

        names = [(name, pa.string()) for name in ("id", "host", "url")]
        return pa.schema([("place", pa.int64()), *names, ("page", pa.binary() if self.html else pa.string())])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of ``place, id, url`` and ``text`` or ``html``."""
        import pyarrow as pa

        ids, urls = batch.column("id").cast(pa.string()), batch.column("url").cast(pa.string())
        hosts = [host_of(Page("", id=i or "", url=u)) for i, u in zip(ids.to_pylist(), urls.to_pylist(), strict=True)]
        page = batch.column("html" if self.html else "text").cast(self.schema.field("page").type)
        yield pa.record_batch([batch.column("place"), ids, pa.array(hosts, pa.string()), urls, page], schema=self.schema)


def _pages(batch: pa.RecordBatch, *, html: bool) -> list[Page]:
    """Return the rows of `Hosted` as pages; a null is an empty one."""
    rows = batch.select(["id", "host", "url", "page"]).to_pylist()
    out = []
    for row in rows:
        if html:
            page = read_html(row["page"] or b"", url=row["url"])
            out.append(replace(page, id=row["id"] or "", host=row["host"] or None))
        else:
            out.append(Page(row["page"] or "", id=row["id"] or "", url=row["url"], host=row["host"] or None))
    return out


@dataclass(frozen=True)
class Learn:
    """Learn what the pages of each host repeat. One host is held at a time."""

    html: bool

    @property
    def schema(self) -> pa.Schema:
        """The columns: the host, and its profile as TOML."""
        import pyarrow as pa

        return pa.schema([("host", pa.string()), ("profile", pa.string())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield a row for each host that repeats something, of rows of `Hosted` in the order of hosts and places."""
        host, held = "", list[Page]()
        for batch in batches:
            for page in _pages(batch, html=self.html):
                if page.host != host:
                    yield from self._learned(host, held)
                    host, held = str(page.host), []
                held.append(page)
        yield from self._learned(host, held)

    def _learned(self, host: str, pages: Sequence[Page]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        profile = learn(pages, host=host) if pages else HostProfile()
        if profile.hosts:
            yield pa.record_batch([pa.array([host]), pa.array([profile.toml()])], schema=self.schema)


@dataclass(frozen=True)
class Clean:
    """Clean pages, each with the profile of its host."""

    pipeline: Pipeline = field(repr=False)
    html: bool
    fingerprint: str = field(init=False)  # of the pipeline: what a plan is known by

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", self.pipeline.fingerprint)

    @property
    def schema(self) -> pa.Schema:
        """The columns: place, id, host, the clean text, the title of the page, flags between commas, and characters as read."""
        import pyarrow as pa

        kinds: dict[str, Any] = {"place": pa.int64(), "chars_in": pa.int64()}
        return pa.schema([(name, kinds.get(name, pa.string())) for name in CLEANED])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `Hosted` with ``profile``, cleaned; pages of one host go through the pipeline together."""
        import pyarrow as pa

        profiles = batch.column("profile").to_pylist()
        pages = _pages(batch, html=self.html)
        rows: dict[str | None, list[int]] = {}
        for n, profile in enumerate(profiles):
            rows.setdefault(profile, []).append(n)
        cleaned: list[Page] = list(pages)
        for profile, numbers in rows.items():
            pipeline = self.pipeline if profile is None else with_profile(self.pipeline, _profile(profile))
            for low in range(0, len(numbers), AT_ONCE):
                part = numbers[low : low + AT_ONCE]
                for n, page in zip(part, pipeline.fast([pages[i] for i in part]), strict=True):
                    cleaned[n] = page
        titles = [page.metadata.get("title") for page in cleaned]
        columns = [
            batch.column("place"),
            batch.column("id"),
            batch.column("host"),
            pa.array([page.text.encode("utf-8", "replace").decode() for page in cleaned], pa.string()),
            pa.array([None if title is None else str(title) for title in titles], pa.string()),
            pa.array([",".join(page.flags) for page in cleaned], pa.string()),
            pa.array([len(page.text) for page in pages], pa.int64()),
        ]
        yield pa.record_batch(columns, schema=self.schema)


@lru_cache(maxsize=512)
def _profile(text: str) -> HostProfile:
    return HostProfile.parse(text, "profile")


@dataclass(frozen=True)
class Remove:
    """Take what has a copy that stays out of texts; one of which nothing is left goes."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of `Clean`."""
        import pyarrow as pa

        numbers = integers(("place", "chars_in"))
        return pa.schema([numbers.field(name) if name in numbers.names else (name, pa.string()) for name in CLEANED])

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `Clean` with ``spans``, without these."""
        import pyarrow as pa
        import pyarrow.compute as pc

        spans, bounds = numbers_of(pc.fill_null(batch.column("spans"), b""), 2)
        left = []
        for n, text in enumerate(batch.column("text").to_pylist()):
            cuts = spans[bounds[n] : bounds[n + 1]].tolist()
            after = apply(text, [Edit(low, high, text[low:high], "", "dedup") for low, high in cuts]) if cuts else text
            left.append(None if cuts and not after.strip() else after)
        columns = [pa.array(left, pa.string()) if name == "text" else batch.column(name) for name in CLEANED]
        yield pa.record_batch(columns, schema=self.schema).filter(pa.array([text is not None for text in left], pa.bool_()))
