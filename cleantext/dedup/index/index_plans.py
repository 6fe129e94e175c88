"""Plans of the index: add a batch of texts, query it for duplicates of texts, list all pairs.

The index holds ``rows`` (a narrow row a text), ``held`` (keys and tokens, once for all equal texts) and
``shared`` (verified pairs of them, by their digests). What stays and what is whose copy is decided anew
from these at each addition, by the stages of the plan that searches all at once; so it does not matter in
how many batches the texts came. Only of a bucket that became crowded batch after batch the index may hold
more verified pairs than one search, which would have compared its members with a few of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cleantext.dedup.minhash.bands import Bands
from cleantext.dedup.minhash.sketch import SketchSpec
from cleantext.dedup.tables.arrow_kernels import Sketch, TableLevel, TextHead, Verify, key_names
from cleantext.dedup.tables.document_plan import PAIRS
from cleantext.dedup.tables.document_sql import candidates, check_options, clusters, hot, keepers, numbers, pairs, verify
from cleantext.plan.steps import Checkpoint, Map, Plan, Sql, Step

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["IndexOptions"]

# Joins keys and tokens to units, whether of indexed texts (held) or of the batch (fresh).
HELD = "(SELECT d1, d2, {0} FROM held UNION ALL SELECT d1, d2, {0} FROM fresh) d JOIN units u ON d.d1 = u.d1 AND d.d2 = u.d2"
ADD_TABLES = ("added", "fresh", "held", "was", "numbered")
# The value for keep="first": the order of arrival over all batches.
ARRIVAL = "CAST(place AS DOUBLE) + (SELECT coalesce(max(value) + 1, CAST(0 AS DOUBLE)) FROM rows)"
NARROW = "id, low, high, length, size, d1, d2, value"


@dataclass(frozen=True)
class IndexOptions:
    """All options that affect what an index stores and finds."""

    spec: SketchSpec
    threshold: float = 0.8
    recall: float = 0.995
    level: TableLevel = "document"
    min_chars: int = 40
    keep: Literal["longest", "first", "value"] = "longest"
    id_type: Literal["string", "int64"] = "string"

    def __post_init__(self) -> None:
        check_options(threshold=self.threshold, level=self.level, min_chars=self.min_chars, keep=self.keep, id_type=self.id_type)

    def add_plan(self, next_cluster: int) -> Plan:
        """Return the plan that adds ``batch`` (columns ``id, text``, and ``value`` with ``keep="value"``) to the tables of the index.

        Outputs: ``added``, ``fresh`` and ``linked``, which are appended to ``rows``, ``held`` and ``shared``; ``clusters``, which
        replaces the old one; ``events``; ``pairs`` with a text of the batch; and ``facts``, with the number of crowded buckets of fresh texts.
        """
        steps = self._batch("batch", value=self.keep == "value")
        narrow = NARROW.replace("value", f"{ARRIVAL} AS value") if self.keep == "first" else NARROW
        steps += [
            Sql("added", f"SELECT {narrow} FROM docs"),
            Sql(
                "docs",
                f"SELECT 0 AS reference, place, {narrow} FROM docs UNION ALL SELECT 0 AS reference, CAST(-1 AS BIGINT) AS place, {NARROW} FROM rows",
            ),
            *numbers(self._order),
            # Only pairs with a text that was not in the index before are searched; the other text may be old or new.
            Sql(
                "units",
                """
                SELECT u.number, u.rank, u.size, u.d1, u.d2, u.copies, CASE WHEN f.d1 IS NULL THEN 0 ELSE 1 END AS own, 1 AS referred
                FROM units u LEFT JOIN (SELECT d1, d2 FROM fresh) f ON u.d1 = f.d1 AND u.d2 = f.d2
                """,
            ),
            *_known_pairs(),
            *candidates(HELD, self.bands, self.threshold, at_once=0, against=True),
            Checkpoint((*ADD_TABLES, "units", "known", "candidates", "hot")),
            *verify(HELD, self._kernel, "candidates", "found"),
            # In a crowded bucket with a fresh text, earlier verified pairs count as well, and the best members may have changed.
            Sql("verified", "SELECT * FROM found UNION ALL SELECT * FROM known"),
            Sql("seen", "SELECT a, b FROM candidates UNION ALL SELECT a, b FROM known"),
            *hot(HELD, self._kernel, self.threshold, (*ADD_TABLES, "known"), against=False),
            Sql(
                "linked",
                """
                SELECT x.d1 AS a1, x.d2 AS a2, y.d1 AS b1, y.d2 AS b2, v.inter, v.a_size, v.b_size
                FROM verified v JOIN units x ON v.a = x.number JOIN units y ON v.b = y.number
                WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.a = v.a AND k.b = v.b)
                """,
            ),
            *pairs(against=False),
            *keepers(("added", "fresh", "linked", "was", "numbered", "hot_buckets")),
            *_cluster_names(next_cluster),
            Sql(
                "between",
                "SELECT e.* FROM between e JOIN numbered x ON e.a = x.number JOIN numbered y ON e.b = y.number WHERE x.place >= 0 OR y.place >= 0",
            ),
            PAIRS,
            Sql("facts", "SELECT count(*) AS hot_buckets FROM hot_buckets"),
        ]
        return Plan(tuple(steps), ("added", "fresh", "linked", "clusters", "events", "pairs", "facts"))

    def query_plan(self) -> Plan:
        """Return the plan that finds the ``pairs`` of ``batch`` with indexed texts. Nothing is added."""
        steps = self._batch("batch", value=False)
        steps += [
            Sql(
                "docs",
                f"SELECT 0 AS reference, place, {NARROW} FROM docs UNION ALL SELECT 1 AS reference, CAST(-1 AS BIGINT) AS place, {NARROW} FROM rows",
            ),
            *numbers(self._order),
            *candidates(HELD, self.bands, self.threshold, at_once=0, against=True),
            Checkpoint(("numbered", "held", "fresh", "units", "candidates", "hot")),
            *verify(HELD, self._kernel, "candidates", "verified"),
            Sql("seen", "SELECT a, b FROM candidates"),
            *hot(HELD, self._kernel, self.threshold, ("numbered", "held", "fresh"), against=True),
            *pairs(against=True),
            PAIRS,
        ]
        return Plan(tuple(steps), ("pairs",))

    def pairs_plan(self) -> Plan:
        """Return the plan that lists all ``pairs`` of the index."""
        steps: list[Step] = [
            Sql("docs", f"SELECT 0 AS reference, CAST(-1 AS BIGINT) AS place, {NARROW} FROM rows"),
            *numbers(self._order),
            *_known_pairs(),
            Sql("verified", "SELECT * FROM known"),
            *pairs(against=False),
            PAIRS,
        ]
        return Plan(tuple(steps), ("pairs",))

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """The schemas of the tables of the index and of its results, by name."""
        import pyarrow as pa

        ids = ("id", pa.string() if self.id_type == "string" else pa.int64())
        digests = [(name, pa.int64()) for name in ("a1", "a2", "b1", "b2", "inter", "a_size", "b_size")]
        narrow = [(name, pa.int64()) for name in ("low", "high", "length", "size", "d1", "d2")]
        keys = [(name, pa.int64()) for name in ("d1", "d2", "size", *key_names(self.bands))]
        keeper = [
            ("keeper", pa.bool_()),
            ("keeper_id", ids[1]),
            ("keeper_low", pa.int64()),
            ("keeper_high", pa.int64()),
            ("similarity", pa.float64()),
        ]
        columns = {
            "rows": [ids, *narrow, ("value", pa.float64())],
            "held": [*keys, ("tokens", pa.binary())],
            "shared": digests,
            "events": [("event", pa.string()), ("cluster", pa.int64()), ("other", pa.int64()), ids],
            "pairs": [
                ("a", ids[1]),
                ("b", ids[1]),
                *((f"{s}_{e}", pa.int64()) for s in "ab" for e in ("start", "end")),
                *((name, pa.float64()) for name in ("similarity", "a_in_b", "b_in_a")),
                ("kind", pa.string()),
            ],
            "clusters": [("cluster", pa.int64()), ids, ("low", pa.int64()), ("high", pa.int64()), *keeper],
        }
        return {name: pa.schema(fields) for name, fields in columns.items()}

    @property
    def _order(self) -> str:
        """The order of preference. For "first" the index stores the time of arrival as value."""
        return "value" if self.keep == "first" else self.keep

    @property
    def bands(self) -> Bands:
        """The bands of the sketches."""
        return Bands.of(self.threshold, self.spec.slots, self.recall)

    def _batch(self, table: str, *, value: bool) -> list[Step]:
        """Return the steps that sketch a batch; ``fresh`` has its distinct units that the index does not hold yet."""
        names = ", ".join(f"d.{name}" for name in key_names(self.bands))
        sketch = Sketch(self.spec, self.bands, self.level, self.min_chars, TextHead(self.id_type, "double" if value else ""))
        return [
            Map("docs", table, sketch),
            Sql(
                "first",
                """
                SELECT d1, d2, min(place) AS place FROM docs d
                WHERE length > 0 AND NOT EXISTS (SELECT 1 FROM held h WHERE h.d1 = d.d1 AND h.d2 = d.d2)
                GROUP BY d1, d2
                """,
            ),
            Sql(
                "first",
                """
                SELECT f.d1, f.d2, f.place, min(d.low) AS low
                FROM first f JOIN docs d ON f.d1 = d.d1 AND f.d2 = d.d2 AND f.place = d.place
                GROUP BY f.d1, f.d2, f.place
                """,
            ),
            Sql(
                "fresh",
                f"SELECT d.d1, d.d2, d.size, {names}, d.tokens FROM docs d JOIN first f ON d.d1 = f.d1 AND d.place = f.place AND d.low = f.low",
            ),
        ]

    @property
    def _kernel(self) -> Verify:
        return Verify(self.spec.k, self.spec.unit, self.threshold)


def _known_pairs() -> list[Step]:
    """Return the steps that translate the stored pairs of digests into the current numbers of units."""
    turned = "x.number > y.number"
    return [
        Sql(
            "known",
            f"""
            SELECT least(x.number, y.number) AS a, greatest(x.number, y.number) AS b, s.inter,
                   CASE WHEN {turned} THEN s.b_size ELSE s.a_size END AS a_size,
                   CASE WHEN {turned} THEN s.a_size ELSE s.b_size END AS b_size
            FROM shared s JOIN units x ON s.a1 = x.d1 AND s.a2 = x.d2 JOIN units y ON s.b1 = y.d1 AND s.b2 = y.d2
            """,
        )
    ]


def _cluster_names(next_cluster: int) -> list[Step]:
    """Return the steps that number the clusters and list the changes since the last batch.

    A cluster keeps its number as long as the text that stayed in it is in a cluster. When clusters meet,
    the smallest number stays and the others are merged into it. Numbers are never reused.
    """
    return [
        Sql("before", "SELECT n.number, w.cluster, w.keeper AS stayed FROM was w JOIN numbered n ON w.id = n.id AND w.low = n.low"),
        Sql(
            "claims",
            "SELECT g.keeper, min(b.cluster) AS cluster FROM grouped g JOIN before b ON g.number = b.number WHERE b.stayed GROUP BY g.keeper",
        ),
        Sql(
            "new",
            f"""
            SELECT k.keeper, CAST(row_number() OVER (ORDER BY k.keeper) + {next_cluster - 1} AS BIGINT) AS cluster
            FROM (SELECT DISTINCT keeper FROM kept) k
            WHERE NOT EXISTS (SELECT 1 FROM claims c WHERE c.keeper = k.keeper)
            """,
        ),
        Sql("cluster", "SELECT keeper, cluster FROM claims UNION ALL SELECT keeper, cluster FROM new"),
        clusters(),
        # The cluster of each text before and now.
        Sql(
            "way",
            """
            SELECT b.number, b.cluster AS before, b.stayed, c.cluster AS now, g.keeper
            FROM before b LEFT JOIN grouped g ON b.number = g.number LEFT JOIN cluster c ON g.keeper = c.keeper
            """,
        ),
        Sql("heirs", "SELECT before, now FROM way WHERE stayed"),
        Sql(
            "told",
            """
            SELECT 'new' AS event, cluster, cluster AS other, keeper AS number FROM new
            UNION ALL SELECT 'merged' AS event, before AS cluster, now AS other, number FROM way WHERE stayed AND now <> before
            UNION ALL SELECT 'keeper' AS event, now AS cluster, now AS other, keeper AS number FROM way WHERE stayed AND now = before AND number <> keeper
            UNION ALL SELECT 'moved' AS event, w.before AS cluster, w.now AS other, w.number
                FROM way w JOIN heirs h ON w.before = h.before
                WHERE NOT w.stayed AND w.now IS NOT NULL AND w.now <> w.before AND (h.now IS NULL OR h.now <> w.now)
            UNION ALL SELECT 'left' AS event, before AS cluster, before AS other, number FROM way WHERE NOT stayed AND now IS NULL
            UNION ALL SELECT 'dissolved' AS event, before AS cluster, before AS other, number FROM way WHERE stayed AND now IS NULL
            """,
        ),
        Sql(
            "events",
            "SELECT t.event, t.cluster, t.other, n.id FROM told t JOIN numbered n ON t.number = n.number ORDER BY t.event, t.cluster, t.other, t.number",
        ),
    ]
