"""Cleaning as plans over tables: read pages, learn the lines that each host repeats, clean, find duplicates, and write the rest.

This does on a cluster what `cleantext clean` does on one machine, with the same kernels and decisions: the output rows are
identical. Host profiles are small and are sent to all workers; pages are cleaned where they are stored. What is known of a page only
after all are cleaned (an earlier page with the same id, its cluster, its spans to remove) is a narrow table, ``marks``, which
`cleantext.run.cluster.writing.WriteParts` joins while writing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from cleantext.chrome import StripChrome
from cleantext.dedup.tables.ordered_kernels import PackRows
from cleantext.plan import Checkpoint, Loop, Map, Plan, Scan, Sql
from cleantext.plan.steps import Step
from cleantext.run.cluster.cleaning import CleanRecords, Learn, Sum, Visible
from cleantext.run.cluster.reading import Given, ReadUnits
from cleantext.run.learn import ENOUGH, LOOKED_AT
from cleantext.run.search.engines import dedup_plan
from cleantext.run.shards.settings import Settings
from cleantext.run.writers.finish import query_of

__all__ = ["clean_plan"]

TALLIES = 64  # number of scans that add up the counts of batches
MADE = "concat(file, ':', CAST(record AS STRING))"  # the same id as `made_id` makes


def clean_plan(
    settings: Settings,
    *,
    source: Literal["units", "text", "html"] = "units",
    learn_hosts: bool = True,
    rows: int = 0,
    cluster: bool = False,
) -> Plan:
    """Return the steps from pages to cleaned texts and what is known of them.

    ``source`` is the input: either a table ``units`` (see `units_table`), or a table ``pages`` of rows ``id, url`` and "text" or "html" (a string, or
    bytes), which is read with the places of its rows. ``learn_hosts`` learns from the hosts with at least ten pages, from the first 300 readable
    pages of each. ``rows`` and ``cluster`` are those of `dedup_plan`.

    Outputs: ``cleaned`` (`CleanRecords`), ``marks`` (``place, name, cluster, keeper, spans``: the new id of a page whose id was already taken, its
    cluster and the page kept for it, and the spans to remove), ``shards`` (``batch, shard``), ``kinds`` (``carries, first``: the further fields, by the first
    batch that has them), ``tally`` (counts, in parts), ``profiles`` (``host, profile`` as TOML) and the outputs of the search. Raise `ConfigError`
    for invalid options.

    >>> from cleantext.pipeline import Pipeline
    >>> clean_plan(Settings(Pipeline.load("zh-web"), duplicates="off"), learn_hosts=False).outputs
    ('cleaned', 'marks', 'shards', 'kinds', 'tally')
    """
    learns = learn_hosts and any(isinstance(s, StripChrome) and not s.profile for s in settings.pipeline.steps)
    known = "p.profile" if learns else "CAST(NULL AS STRING) AS profile"
    steps: list[Step] = [
        Map("records", "units", ReadUnits(), spread=True) if source == "units" else Map("records", "pages", Given(source == "html")),
        Checkpoint(("records",)),
        Sql("shards", "SELECT batch FROM records GROUP BY batch"),
        Sql("shards", "SELECT batch, CAST(row_number() OVER (ORDER BY batch) - 1 AS BIGINT) AS shard FROM shards"),
        Sql("kinds", "SELECT carries, min(batch) AS first FROM records GROUP BY carries"),
    ]
    held = ["cleaned", "shards", "kinds", "tally", *(["profiles"] if learns else [])]
    if learns:
        steps += _learning()
    joined = "records h LEFT JOIN profiles p ON h.known_host = p.host" if learns else "records h"
    steps += [
        # Spark reads this as a hint, other engines as a comment: pages are not moved.
        Sql("ready", f"SELECT /*+ BROADCAST(p) */ h.*, {known} FROM {joined}"),
        Map("cleaned", "ready", CleanRecords(settings)),
        Checkpoint(tuple(name for name in (*held, "cleaned") if name != "tally")),
        Sql("tally", f"SELECT batch, batch % {TALLIES} AS part, tally FROM cleaned WHERE tally IS NOT NULL"),
        Scan("tally", "tally", Sum(), ("part", "batch"), ("part",)),
        Sql(
            "again",
            """
            SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY id ORDER BY place) AS n FROM cleaned WHERE tally IS NULL) c
            WHERE c.n > 1
            """,
        ),
        Sql("named", f"SELECT c.place, {MADE} AS name FROM again a JOIN cleaned c ON a.place = c.place WHERE c.tally IS NULL"),
    ]
    outputs = ["cleaned", "marks", "shards", "kinds", "tally", *(["profiles"] if learns else [])]
    facts: Mapping[str, str | int | float] = {}
    marks = "SELECT place, name, CAST(NULL AS BIGINT) AS cluster, CAST(NULL AS STRING) AS keeper, CAST(NULL AS BINARY) AS spans FROM named"
    if settings.duplicates != "off":
        query = query_of(settings)
        search = dedup_plan(
            level=query.level,
            threshold=query.threshold,
            min_chars=query.min_chars,
            max_df=query.max_df,
            against=False,
            rows=rows,
            cluster=cluster,
        )
        steps += [
            Sql(
                "texts",
                """
                SELECT c.place, CASE WHEN n.place IS NULL THEN c.id ELSE n.name END AS id, c.text
                FROM cleaned c LEFT JOIN named n ON c.place = n.place WHERE c.tally IS NULL
                """,
            ),
            Checkpoint(("texts", "named", *held)),
            *_keeping(search.steps, ("texts", "named", *held)),
            *_members(settings),
        ]
        marks += " UNION ALL SELECT place, CAST(NULL AS STRING), cluster, keeper, CAST(NULL AS BINARY) FROM members"
        marks += " UNION ALL SELECT place, CAST(NULL AS STRING), CAST(NULL AS BIGINT), CAST(NULL AS STRING), spans FROM removed"
        outputs += [name for name in search.outputs if name != "shown"]
        facts = search.facts
    steps.append(
        Sql(
            "marks",
            f"""
            SELECT place, max(name) AS name, max(cluster) AS cluster, max(keeper) AS keeper, max(spans) AS spans FROM ({marks}) m
            GROUP BY place ORDER BY place
            """,
        )
    )
    return Plan(tuple(steps), tuple(outputs), facts)


def _learning() -> list[Step]:
    """Learn from the first pages of hosts. Takes more pages than it needs, since some may be unreadable; moves only their visible lines."""
    return [
        Sql(
            "sampled",
            f"""
            SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY known_host ORDER BY place) AS n,
                                      count(*) OVER (PARTITION BY known_host) AS pages
                               FROM records WHERE known_host <> '') h
            WHERE h.pages >= {ENOUGH} AND h.n <= {2 * LOOKED_AT}
            """,
        ),
        Sql("sampled", "SELECT h.* FROM records h JOIN sampled s ON h.place = s.place"),
        Map("sampled", "sampled", Visible()),
        Scan("profiles", "sampled", Learn(), ("host", "place"), ("host",)),
        Checkpoint(("records", "shards", "kinds", "profiles")),
    ]


def _members(settings: Settings) -> list[Step]:
    """Compute for each page, by its place, its cluster (``members``) and the spans to remove (``removed``), as `marks_of` does on one machine."""
    taken = "SELECT id, low, high, CASE WHEN exact THEN 1 ELSE 0 END AS exact FROM cuts"
    if settings.duplicates != "passages":
        taken = "SELECT DISTINCT id, low, high, CASE WHEN similarity = 1 THEN 1 ELSE 0 END AS exact FROM clusters WHERE NOT keeper"
    return [
        Sql("places", "SELECT place, id FROM texts"),
        Sql("members", "SELECT id, min(cluster) AS cluster FROM clusters GROUP BY id"),
        Sql(
            "members",
            """
            SELECT p.place, m.cluster, max(c.keeper_id) AS keeper
            FROM members m JOIN clusters c ON m.id = c.id AND m.cluster = c.cluster JOIN places p ON m.id = p.id
            GROUP BY p.place, m.cluster
            """,
        ),
        Sql(
            "removed",
            f"SELECT p.place, t.low, t.high, t.exact FROM ({taken}) t JOIN places p ON t.id = p.id{'' if settings.remove else ' WHERE 1 = 0'}",
        ),
        Scan("removed", "removed", PackRows(("place",), ("low", "high", "exact"), "spans"), ("place", "low", "high", "exact"), ("place",)),
    ]


def _keeping(steps: Sequence[Step], names: tuple[str, ...]) -> Iterator[Step]:
    """Yield the steps, with the tables ``names`` added to what checkpoints keep."""
    for step in steps:
        if isinstance(step, Checkpoint):
            yield Checkpoint(tuple(dict.fromkeys((*step.keep, *names))))
        elif isinstance(step, Loop):
            yield replace(step, body=tuple(_keeping(step.body, names)))
        else:
            yield step
