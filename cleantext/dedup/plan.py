"""The document search as a plan over tables, for corpora that no memory holds.

The same kernels, the same candidates and the same decisions as `find_duplicates(level="document")`:
a test compares the two row by row. Texts go through `maps.Sketch` once; from then on only numbers
travel, and the tokens of those texts that some band proposed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from cleantext.dedup.bands import HOT, Bands
from cleantext.dedup.documents import ROUNDS
from cleantext.dedup.maps import Sketch, TableLevel, Verify, key_names
from cleantext.dedup.rows import LISTED
from cleantext.dedup.sketch import SketchSpec
from cleantext.plan.steps import Checkpoint, Expect, Loop, Map, Plan, Sql, Step

__all__ = ["KEEP", "document_plan"]

KEEP = {"longest": "length DESC", "first": "number", "value": "value"}
SHOWN = 200  # pairs whose texts a report shows
CHAIN = 10_000  # texts of which each is kept or goes only after the next one is decided; chains are short, this one stops a mistake


def document_plan(
    spec: SketchSpec,
    *,
    threshold: float,
    recall: float = 0.995,
    level: TableLevel = "document",
    min_chars: int = 40,
    keep: Literal["longest", "first", "value"] = "longest",
    id_type: Literal["string", "int64"] = "string",
    against: bool = False,
    at_once: int = 1,
) -> Plan:
    """Return the steps from a table ``texts`` (``id, text`` and, where one decides, ``value``) to its duplicates.

    With ``against`` a table ``references`` (``id, text``) is searched for, and only pairs of a text and a
    reference are given. ``at_once`` bands are searched in one query (0: all): more need more room, and
    save time where texts are few; the result is the same. ``texts`` and ``references`` are read with the places of their rows.

    Outputs: ``shown`` (places of the first 200 pairs), ``pairs`` (``a, b, a_start, a_end, b_start, b_end, similarity, a_in_b, b_in_a, kind``),
    ``clusters`` (``cluster, id, low, high, keeper, keeper_id, keeper_low, keeper_high, similarity``), both in the
    order of the ids, and ``facts`` (counts, one row).
    """
    bands = Bands.of(threshold, spec.slots, recall)
    sketch = [
        Sketch(spec, bands, level, min_chars, reference, id_type, value=keep == "value" and not reference) for reference in (False, True)
    ]
    steps: list[Step] = [Map("docs", "texts", sketch[0])]
    if against:
        steps += [Map("more", "references", sketch[1]), Sql("docs", "SELECT * FROM docs UNION ALL SELECT * FROM more")]
    steps += _numbers(keep)
    steps.append(Checkpoint(("docs", "numbered", "units")))
    steps += _candidates(bands, threshold, at_once=at_once or bands.bands, against=against)
    steps.append(Checkpoint(("docs", "numbered", "units", "candidates", "hot")))
    steps += _verify(Verify(spec.k, spec.unit, threshold), "candidates", "verified")
    steps += _hot(Verify(spec.k, spec.unit, threshold), threshold, against=against)
    steps.append(Checkpoint(("numbered", "units", "verified", "hot_buckets")))
    steps += _pairs(against=against)
    steps.append(Checkpoint(("numbered", "units", "between", "hot_buckets")))
    steps += _keepers()
    steps += _results()
    return Plan(tuple(steps), ("pairs", "clusters", "shown", "facts"))


def _numbers(keep: str) -> list[Step]:
    """Give texts numbers in the order of their ids and ranks in that of preference; let one stand for all that are equal."""
    return [
        Sql("twice", "SELECT reference, id, low FROM docs GROUP BY reference, id, low HAVING count(*) > 1"),
        Expect("twice", "id {id!r} stands twice: ids name texts, make them unique"),
        # The one place where rows are counted in order: narrow rows, so that an engine can sort them on one worker.
        Sql(
            "numbered",
            """
            SELECT reference, place, id, low, high, length, value, size, d1, d2,
                   row_number() OVER (ORDER BY reference, id, low) - 1 AS number
            FROM docs
            """,
        ),
        Sql(
            "numbered",
            f"""
            SELECT reference, place, id, low, high, length, size, d1, d2, number,
                   row_number() OVER (ORDER BY 1 - reference, CASE WHEN reference = 1 THEN number END, {KEEP[keep]}, number) AS rank
            FROM numbered
            """,
        ),
        Sql(
            "units",
            """
            SELECT n.reference, n.place, n.low, n.number, n.rank, n.size, n.d1, n.d2, u.copies, u.own, u.referred
            FROM numbered n
            JOIN (SELECT min(rank) AS rank, count(*) AS copies, max(1 - reference) AS own, max(reference) AS referred
                  FROM numbered WHERE length > 0 GROUP BY d1, d2) u
              ON n.rank = u.rank
            """,
        ),
    ]


def _candidates(bands: Bands, threshold: float, *, at_once: int, against: bool) -> list[Step]:
    """Propose the pairs that share a bucket, ``at_once`` bands after the other; set hot buckets apart."""
    names = key_names(bands)
    columns = ", ".join(f"d.{name}" for name in names)
    steps: list[Step] = [
        Sql(
            "keyed",
            f"""
            SELECT u.number, u.rank, u.size, u.own, u.referred, {columns}
            FROM docs d JOIN units u ON d.reference = u.reference AND d.place = u.place AND d.low = u.low
            WHERE u.size > 0
            """,
        )
    ]
    groups = [names[low : low + at_once] for low in range(0, len(names), at_once)]
    for n, group in enumerate(groups):
        rows = [
            f"SELECT CAST({int(name[1:])} AS INT) AS band, {name} AS bucket, number, rank, size, own, referred FROM keyed" for name in group
        ]
        steps += [
            Sql("banded", " UNION ALL ".join(rows)),
            Sql(
                "banded",
                """
                SELECT x.*, b.members
                FROM banded x JOIN (SELECT band, bucket, count(*) AS members FROM banded GROUP BY band, bucket HAVING count(*) > 1) b
                  ON x.band = b.band AND x.bucket = b.bucket
                """,
            ),
            Sql(
                f"found_{n}",
                f"""
                SELECT DISTINCT x.number AS a, y.number AS b, x.size AS a_size, y.size AS b_size
                FROM banded x JOIN banded y ON x.band = y.band AND x.bucket = y.bucket AND x.number < y.number
                WHERE x.members <= {HOT} AND {_possible(threshold, against=against)}
                """,
            ),
            Sql(f"hot_{n}", f"SELECT band, bucket, number, rank FROM banded WHERE members > {HOT}"),
        ]
    steps.append(Sql("candidates", f"SELECT DISTINCT a, b, a_size, b_size FROM ({_union(f'found_{n}' for n in range(len(groups)))}) f"))
    steps.append(Sql("hot", _union(f"hot_{n}" for n in range(len(groups)))))
    return steps


def _possible(threshold: float, *, against: bool) -> str:
    """Say which pairs can reach the threshold at all, given the sizes of their sets, and may be reported."""
    sizes = f"least(x.size, y.size) >= CAST({threshold!r} AS DOUBLE) * greatest(x.size, y.size)"
    return f"{sizes} AND x.own * y.referred + x.referred * y.own > 0" if against else sizes


def _union(tables: Iterable[str]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {table}" for table in tables)


def _verify(kernel: Verify, candidates: str, into: str) -> list[Step]:
    """Bring the tokens of candidates together and count what they share."""
    return [
        Sql(
            "touched",
            f"""
            SELECT u.number, d.tokens
            FROM docs d JOIN units u ON d.reference = u.reference AND d.place = u.place AND d.low = u.low
            WHERE u.number IN (SELECT a FROM {candidates} UNION ALL SELECT b FROM {candidates})
            """,
        ),
        Sql(
            "compared",
            f"""
            SELECT c.a, c.b, c.a_size, c.b_size, x.tokens AS a_tokens, y.tokens AS b_tokens
            FROM {candidates} c JOIN touched x ON c.a = x.number JOIN touched y ON c.b = y.number
            """,
        ),
        Map(into, "compared", kernel),
    ]


def _hot(kernel: Verify, threshold: float, *, against: bool) -> list[Step]:
    """Compare the members of a hot bucket with its best one, and those that are not like it with the next one, some rounds.

    Edges stay linear in the size of the bucket.
    """
    bucket = "x.band = y.band AND x.bucket = y.bucket"
    similar = f"CAST(inter AS DOUBLE) / (a_size + b_size - inter) >= CAST({threshold!r} AS DOUBLE)"
    body: list[Step] = [
        Sql("hub", "SELECT band, bucket, min(rank) AS rank, count(*) AS members FROM hot GROUP BY band, bucket"),
        Sql(
            "proposed",
            f"""
            SELECT least(x.number, y.number) AS a, greatest(x.number, y.number) AS b
            FROM hot x JOIN hub h ON x.band = h.band AND x.bucket = h.bucket AND x.rank = h.rank
            JOIN hot y ON {bucket} AND y.rank > x.rank
            WHERE h.members > {HOT}
            UNION ALL
            SELECT x.number AS a, y.number AS b
            FROM hot x JOIN hub h ON x.band = h.band AND x.bucket = h.bucket JOIN hot y ON {bucket} AND x.number < y.number
            WHERE h.members <= {HOT}
            """,
        ),
        Sql(
            "proposed",
            f"""
            SELECT p.a, p.b, x.size AS a_size, y.size AS b_size
            FROM (SELECT DISTINCT a, b FROM proposed) p JOIN units x ON p.a = x.number JOIN units y ON p.b = y.number
            WHERE NOT EXISTS (SELECT 1 FROM seen s WHERE s.a = p.a AND s.b = p.b) AND {_possible(threshold, against=against)}
            """,
        ),
        Sql("seen", "SELECT a, b FROM seen UNION ALL SELECT a, b FROM proposed"),
        *_verify(kernel, "proposed", "more"),
        Sql("verified", "SELECT * FROM verified UNION ALL SELECT * FROM more"),
        Sql(
            "hot",
            f"""
            SELECT x.*
            FROM hot x JOIN hub h ON x.band = h.band AND x.bucket = h.bucket AND x.rank > h.rank
            JOIN units u ON h.rank = u.rank
            WHERE h.members > {HOT} AND NOT EXISTS (
                SELECT 1 FROM verified v
                WHERE v.a = least(x.number, u.number) AND v.b = greatest(x.number, u.number) AND {similar})
            """,
        ),
        Sql("hub", "SELECT band, bucket, count(*) AS members FROM hot GROUP BY band, bucket"),
        Sql("hot", "SELECT x.* FROM hot x JOIN hub h ON x.band = h.band AND x.bucket = h.bucket WHERE h.members > 1"),
        Checkpoint(("docs", "numbered", "units", "verified", "hot", "seen", "hot_buckets")),
    ]
    return [
        Sql("hot_buckets", "SELECT band, bucket, count(*) AS members FROM hot GROUP BY band, bucket"),
        Sql("seen", "SELECT a, b FROM candidates"),
        Loop(tuple(body), "hot", ROUNDS),
    ]


def _pairs(*, against: bool) -> list[Step]:
    """Carry pairs of units to the texts that these stand for, and pair the texts of one unit.

    Of large groups each member is paired with the best one of the other group.
    """
    near = f"""
        SELECT x.number AS x, y.number AS y, v.inter, v.a_size, v.b_size
        FROM verified v JOIN members x ON x.unit = v.a JOIN members y ON y.unit = v.b
        WHERE x.copies * y.copies <= {LISTED * LISTED} OR x.number = x.unit OR y.number = y.unit"""
    equal = f"""
        SELECT x.number AS x, y.number AS y, CAST(-1 AS BIGINT) AS inter, x.size AS a_size, y.size AS b_size
        FROM members x JOIN members y ON x.unit = y.unit AND x.number < y.number
        WHERE x.copies <= {LISTED} OR x.number = x.unit OR y.number = y.unit"""
    inter = "CASE WHEN f.x > f.y THEN {0} ELSE {1} END"
    allowed = "WHERE x.reference <> y.reference" if against else ""
    return [
        Sql(
            "members",
            """
            SELECT n.number, n.size, u.number AS unit, u.copies
            FROM numbered n JOIN units u ON n.d1 = u.d1 AND n.d2 = u.d2
            WHERE n.length > 0
            """,
        ),
        Sql(
            "between",
            f"""
            SELECT least(f.x, f.y) AS a, greatest(f.x, f.y) AS b, greatest(x.rank, y.rank) AS worse, least(x.rank, y.rank) AS better,
                   CASE WHEN f.inter < 0 THEN CAST(1 AS DOUBLE)
                        ELSE CAST(f.inter AS DOUBLE) / (f.a_size + f.b_size - f.inter) END AS similarity,
                   CASE WHEN f.inter < 0 THEN CAST(1 AS DOUBLE) ELSE CAST(f.inter AS DOUBLE) / ({inter.format("f.b_size", "f.a_size")}) END AS a_in_b,
                   CASE WHEN f.inter < 0 THEN CAST(1 AS DOUBLE) ELSE CAST(f.inter AS DOUBLE) / ({inter.format("f.a_size", "f.b_size")}) END AS b_in_a,
                   CASE WHEN f.inter < 0 THEN 'exact' ELSE 'near' END AS kind
            FROM ({near} UNION ALL {equal}) f JOIN numbered x ON f.x = x.number JOIN numbered y ON f.y = y.number
            {allowed}
            """,
        ),
    ]


def _keepers() -> list[Step]:
    """Decide who stays: each text, in the order of preference, goes if one that it has a pair with stays.

    A round settles all texts at once that wait for no other one; the result is that of going through them one by one.
    """
    return [
        Sql("open", "SELECT worse, better FROM between"),
        Sql("stays", "SELECT better AS rank FROM between WHERE 1 = 0"),
        Loop(
            (
                Sql("roots", "SELECT DISTINCT better AS rank FROM open o WHERE NOT EXISTS (SELECT 1 FROM open p WHERE p.worse = o.better)"),
                Sql("gone", "SELECT DISTINCT o.worse AS rank FROM open o JOIN roots r ON o.better = r.rank"),
                Sql("stays", "SELECT rank FROM stays UNION ALL SELECT rank FROM roots"),
                Sql(
                    "open",
                    """
                    SELECT worse, better FROM open o
                    WHERE NOT EXISTS (SELECT 1 FROM gone g WHERE g.rank = o.worse)
                      AND NOT EXISTS (SELECT 1 FROM gone g WHERE g.rank = o.better)
                    """,
                ),
                Checkpoint(("numbered", "units", "between", "hot_buckets", "open", "stays")),
            ),
            "open",
            CHAIN,
        ),
        Sql("undecided", "SELECT worse, better FROM open"),
        Expect("undecided", "a chain of more than 10,000 texts of which each decides about the next: please report it"),
        Sql("kept", "SELECT e.worse, min(e.better) AS better FROM between e JOIN stays s ON e.better = s.rank GROUP BY e.worse"),
    ]


def _results() -> list[Step]:
    """Name texts by their ids, and give the rows their order."""
    return [
        Sql(
            "pairs",
            """
            SELECT x.id AS a, y.id AS b, x.low AS a_start, x.high AS a_end, y.low AS b_start, y.high AS b_end,
                   e.similarity, e.a_in_b, e.b_in_a, e.kind
            FROM between e JOIN numbered x ON e.a = x.number JOIN numbered y ON e.b = y.number
            ORDER BY e.a, e.b
            """,
        ),
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
            "kept",
            """
            SELECT m.number, k.number AS keeper, e.similarity
            FROM kept t JOIN numbered m ON t.worse = m.rank JOIN numbered k ON t.better = k.rank
            JOIN between e ON e.worse = t.worse AND e.better = t.better
            """,
        ),
        Sql(
            "rows",
            "SELECT number, keeper, similarity FROM kept UNION ALL SELECT DISTINCT keeper AS number, keeper, CAST(1 AS DOUBLE) AS similarity FROM kept",
        ),
        Sql("cluster", "SELECT keeper, row_number() OVER (ORDER BY keeper) - 1 AS cluster FROM (SELECT DISTINCT keeper FROM kept) k"),
        Sql(
            "clusters",
            """
            SELECT c.cluster, m.id, m.low, m.high, r.number = r.keeper AS keeper,
                   k.id AS keeper_id, k.low AS keeper_low, k.high AS keeper_high, r.similarity
            FROM rows r JOIN cluster c ON r.keeper = c.keeper JOIN numbered m ON r.number = m.number JOIN numbered k ON r.keeper = k.number
            ORDER BY r.keeper, CASE WHEN r.number = r.keeper THEN 0 ELSE 1 END, r.number
            """,
        ),
        Sql(
            "facts",
            """
            SELECT (SELECT CAST(coalesce(sum(high - low), 0) AS BIGINT) FROM numbered) AS characters,
                   (SELECT count(*) FROM (SELECT a FROM between UNION SELECT b FROM between) i) AS involved,
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
