"""The document search as a plan over tables, for corpora larger than memory.

The same kernels, the same candidates and the same decisions as `find_duplicates(level="document")`:
a test compares the two row by row. Texts go through `arrow_kernels.Sketch` once; from then on only numbers
travel, and the tokens of those texts that some band proposed.
"""

from __future__ import annotations

from typing import Literal

from cleantext.dedup.minhash.bands import Bands
from cleantext.dedup.minhash.sketch import SketchSpec
from cleantext.dedup.tables.arrow_kernels import Sketch, TableLevel, TextHead, Verify
from cleantext.dedup.tables.document_sql import candidates, check_options, clusters, hot, keepers, numbers, pairs, read_texts, verify
from cleantext.plan.steps import Checkpoint, Plan, Sql, Step

__all__ = ["PAIRS", "document_plan"]

SHOWN = 200  # number of pairs whose texts the report shows
# The keys and tokens of a unit are stored with its representative text.
DOCS = "(SELECT reference, place, low, {} FROM docs) d JOIN units u ON d.reference = u.reference AND d.place = u.place AND d.low = u.low"
PAIRS = Sql(
    "pairs",
    """
    SELECT x.id AS a, y.id AS b, x.low AS a_start, x.high AS a_end, y.low AS b_start, y.high AS b_end,
           e.similarity, e.a_in_b, e.b_in_a, e.kind
    FROM between e JOIN numbered x ON e.a = x.number JOIN numbered y ON e.b = y.number
    ORDER BY e.a, e.b
    """,
)


def document_plan(
    spec: SketchSpec,
    *,
    threshold: float,
    recall: float = 0.995,
    level: TableLevel = "document",
    min_chars: int = 40,
    keep: Literal["longest", "first", "value"] = "longest",
    id_type: Literal["string", "int64"] = "string",
    value_type: Literal["int64", "double"] = "double",
    against: bool = False,
    at_once: int = 1,
    apart: bool = False,
) -> Plan:
    """Return the plan that finds the duplicates of a table ``texts`` (``id, text`` and, with ``keep="value"``, ``value``).

    With ``against`` a table ``references`` (``id, text``) is searched for, and only pairs of a text and a
    reference are given. ``at_once`` bands are searched in one query (0: all): more need more room, and
    save time where texts are few; with ``apart`` who stays is decided in each connected component by itself, for a cluster. The
    result is the same. ``texts`` and ``references`` are read with the
    places of their rows.

    Outputs: ``pairs`` (``a, b, a_start, a_end, b_start, b_end, similarity, a_in_b, b_in_a, kind``),
    ``clusters`` (``cluster, id, low, high, keeper, keeper_id, keeper_low, keeper_high, similarity``), both in the
    order of the ids, ``shown`` (places of the first 200 pairs) and ``facts`` (counts, one row). Raise `ConfigError` for options that cannot be.
    """
    check_options(threshold=threshold, level=level, min_chars=min_chars, keep=keep, id_type=id_type)
    bands = Bands.of(threshold, spec.slots, recall)
    value: Literal["", "int64", "double"] = value_type if keep == "value" else ""
    kernel = Verify(spec.k, spec.unit, threshold)
    steps: list[Step] = [
        *read_texts(lambda head: Sketch(spec, bands, level, min_chars, head), TextHead(id_type, value), against=against),
        *numbers(keep),
        Checkpoint(("docs", "numbered", "units")),
        *candidates(DOCS, bands, threshold, at_once=at_once, against=against),
        Checkpoint(("docs", "numbered", "units", "candidates", "hot")),
        *verify(DOCS, kernel, "candidates", "verified"),
        Sql("seen", "SELECT a, b FROM candidates"),
        *hot(DOCS, kernel, threshold, ("docs", "numbered"), against=against),
        Checkpoint(("numbered", "units", "verified", "hot_buckets")),
        *pairs(against=against),
        Checkpoint(("numbered", "units", "between", "hot_buckets")),
        *keepers(("numbered", "units", "hot_buckets"), apart=apart),
        *_results(),
    ]
    facts: dict[str, str | int | float] = {"fold": spec.fold, "unit": spec.unit, "k": spec.k, "unicode": spec.unicode, "slots": spec.slots}
    facts |= {"bands": bands.bands, "rows": bands.rows, "recall_at_threshold": bands.recall}
    return Plan(tuple(steps), ("pairs", "clusters", "shown", "facts"), facts)


def _results() -> list[Step]:
    """Replace numbers of texts by ids, sort the rows, and count."""
    return [
        PAIRS,
        Sql(
            "shown",
            f"""
            SELECT x.place AS a_place, y.place AS b_place, y.reference AS b_reference, x.id AS a, y.id AS b,
                   x.low AS a_start, x.high AS a_end, y.low AS b_start, y.high AS b_end, e.similarity
            FROM between e JOIN numbered x ON e.a = x.number JOIN numbered y ON e.b = y.number
            ORDER BY e.a, e.b LIMIT {SHOWN}
            """,
        ),
        Sql(
            "cluster",
            "SELECT keeper, CAST(row_number() OVER (ORDER BY keeper) - 1 AS BIGINT) AS cluster FROM (SELECT DISTINCT keeper FROM kept) k",
        ),
        clusters(),
        Sql(
            "facts",
            """
            SELECT (SELECT CAST(coalesce(sum(high - low), 0) AS BIGINT) FROM numbered WHERE reference = 0) AS characters,
                   (SELECT count(*) FROM (SELECT a FROM between UNION SELECT b FROM between) i JOIN numbered n ON i.a = n.number WHERE n.reference = 0) AS involved,
                   (SELECT count(*) FROM between e JOIN numbered x ON e.a = x.number JOIN numbered y ON e.b = y.number
                    WHERE x.id <> y.id OR x.reference <> y.reference) AS across,
                   (SELECT count(*) FROM between) AS pairs,
                   (SELECT count(*) FROM cluster) AS clusters,
                   (SELECT count(*) FROM units WHERE copies > 1) AS equal_groups,
                   (SELECT count(*) FROM hot_buckets) AS hot_buckets,
                   (SELECT count(*) FROM kept) AS removable
            """,
        ),
    ]
