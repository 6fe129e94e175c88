"""Stages of the search over tables, from which its plans are built: each is a few steps, with the tables they need.

`numbers` reads ``docs`` and gives ``numbered`` (a row a text, narrow) and ``units`` (a row for all equal
texts); `candidates`, `verify` and `hot` give ``verified``, pairs of units; `pairs` carries these to the
texts as ``between``, and `keepers` says for each text that may go (``kept``) which one stays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cleantext.dedup.minhash.bands import HOT, Bands
from cleantext.dedup.minhash.document_pairs import ROUNDS
from cleantext.dedup.passages.span_pairs import LISTED
from cleantext.dedup.tables.arrow_kernels import TextHead, Verify, key_names
from cleantext.dedup.tables.components import components
from cleantext.dedup.tables.ordered_kernels import Stay
from cleantext.errors import ConfigError, unknown
from cleantext.plan.steps import ArrowKernel, Checkpoint, Expect, Join, Loop, Map, Number, Scan, Sql, Step

__all__ = [
    "KEEP",
    "candidates",
    "check_options",
    "clusters",
    "equal_texts",
    "hot",
    "keepers",
    "near_texts",
    "numbers",
    "pairs",
    "read_texts",
    "sized",
    "verify",
]

# Orders of preference; "first" is the order of files and rows. A text without a value comes last, wherever the engine sorts NULL.
KEEP = {"longest": "length DESC", "first": "place", "value": "CASE WHEN value IS NULL THEN 1 ELSE 0 END, value"}


def check_options(*, threshold: float, level: str, min_chars: int, keep: str, id_type: str) -> None:
    """Raise `ConfigError` for options that no search can use."""
    if not 0 < threshold <= 1:
        raise ConfigError(f"threshold={threshold}: expected a number above 0, up to 1")
    if min_chars < 1:
        raise ConfigError(f"min_chars={min_chars}: a paragraph has at least one letter")
    for name, value, known in (
        ("level", level, ("document", "paragraph")),
        ("keep", keep, KEEP),
        ("id_type", id_type, ("string", "int64")),
    ):
        if value not in known:
            raise unknown(name, value, known)


def read_texts(kernel: Callable[[TextHead], ArrowKernel], head: TextHead, *, against: bool) -> list[Step]:
    """Read ``texts``, and ``references`` if the search is against them, into ``docs``."""
    steps: list[Step] = [Map("docs", "texts", kernel(head))]
    if against:
        steps += [
            Map("more", "references", kernel(replace(head, reference=True))),
            Sql("docs", "SELECT * FROM docs UNION ALL SELECT * FROM more"),
        ]
    return steps


def numbers(keep: str) -> list[Step]:
    """Give texts numbers in the order of their ids, rank them by preference, and let one text represent all equal ones.

    References are numbered after all texts and preferred to them.
    """
    return [
        # Texts that an index holds have the place -1.
        Sql(
            "twice",
            """
            SELECT id, CASE WHEN min(place) < 0 THEN 'is in the index already: leave it out, or only ask (query; --no-add)'
                            ELSE 'stands twice: ids name texts, make them unique' END AS fault
            FROM docs GROUP BY reference, id HAVING min(place) <> max(place)
            """,
        ),
        Expect("twice", "id {id!r} {fault}"),
        Sql("numbered", "SELECT reference, place, id, low, high, length, value, size, d1, d2 FROM docs"),
        Number("numbered", "numbered", "number", ("reference", "id", "low")),
        Number("numbered", "numbered", "rank", ("1 - reference", "CASE WHEN reference = 1 THEN number ELSE 0 END", KEEP[keep], "number")),
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


def candidates(source: str, bands: Bands, threshold: float, *, at_once: int, against: bool) -> list[Step]:
    """Propose the pairs that share a bucket, ``at_once`` bands at a time (0: all). Hot buckets are treated separately.

    ``source`` is a FROM clause that joins the columns of ``{}``, under the name d, to ``units u``.
    """
    names = key_names(bands)
    size = at_once or len(names)
    groups = [names[low : low + size] for low in range(0, len(names), size)]
    of_interest = " AND max(own) = 1 AND max(referred) = 1" if against else ""
    steps: list[Step] = [
        Sql(
            "keyed",
            f"""
            SELECT u.number, u.rank, u.size, u.own, u.referred, {", ".join(f"d.{name}" for name in names)}
            FROM {source.format(", ".join(names))}
            WHERE u.size > 0
            """,
        )
    ]
    for n, group in enumerate(groups):
        steps += [
            Sql(
                "banded",
                f"""
                WITH keys AS ({_keys(group)})
                SELECT x.*, b.members
                FROM keys x JOIN (SELECT band, bucket, count(*) AS members FROM keys GROUP BY band, bucket HAVING count(*) > 1{of_interest}) b
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


def _keys(names: Sequence[str]) -> str:
    """Return the query that gives one row per text and band. One query for all bands, since Spark takes seconds to compile a large union."""
    columns = "number, rank, size, own, referred"
    if len(names) == 1:
        return f"SELECT CAST({int(names[0][1:])} AS INT) AS band, {names[0]} AS bucket, {columns} FROM keyed"
    bands = " UNION ALL ".join(f"SELECT CAST({int(name[1:])} AS INT) AS band" for name in names)
    bucket = " ".join(f"WHEN n.band = {int(name[1:])} THEN k.{name}" for name in names)
    return f"SELECT n.band, CASE {bucket} END AS bucket, {columns} FROM keyed k CROSS JOIN ({bands}) n"


def _possible(threshold: float, *, against: bool) -> str:
    """Return the SQL condition that a pair may be reported and can reach the threshold, given the sizes of its sets."""
    sizes = f"least(x.size, y.size) >= CAST({threshold - 1e-9!r} AS DOUBLE) * greatest(x.size, y.size)"
    return f"{sizes} AND x.own * y.referred + x.referred * y.own > 0" if against else sizes


def _union(tables: Iterable[str]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {table}" for table in tables)


def verify(source: str, kernel: Verify, proposed: str, into: str) -> list[Step]:
    """Verify candidates: count their common shingles from the tokens of both."""
    return [
        Sql(
            "touched",
            f"""
            SELECT u.number, d.tokens
            FROM {source.format("tokens")}
            WHERE u.number IN (SELECT a FROM {proposed} UNION ALL SELECT b FROM {proposed})
            """,
        ),
        Map(into, proposed, kernel, tuple(Join(side, "touched", "number", ((f"{side}_tokens", "tokens"),)) for side in "ab")),
    ]


def hot(source: str, kernel: Verify, threshold: float, keep: tuple[str, ...], *, against: bool) -> list[Step]:
    """Compare the members of each hot bucket with its best member, those that do not match it with the next best, and so on.

    Edges stay linear in the size of the bucket. ``verified`` has what was verified so far, ``seen`` all pairs that need
    no look any more. Tables of ``keep`` are needed afterwards.
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
        *verify(source, kernel, "proposed", "more"),
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
        Checkpoint((*keep, "units", "verified", "hot", "seen", "hot_buckets")),
    ]
    return [
        Sql("hot_buckets", "SELECT band, bucket, count(*) AS members FROM hot GROUP BY band, bucket"),
        Loop(tuple(body), "hot", ROUNDS),
    ]


def sized(pairs: str) -> str:
    """Return the query that adds to pairs of units (columns ``a, b``) the number of pairs of texts they stand for (``many``)."""
    return f"SELECT v.*, p.copies * q.copies AS many FROM {pairs} v JOIN units p ON v.a = p.number JOIN units q ON v.b = q.number"


def near_texts(pairs: str, columns: str, *, condition: str = "v.a <> v.b") -> str:
    """Return the query that expands pairs ``v`` of units, from `sized`, to pairs of their ``members`` x and y.

    Of large groups each member is paired with the best one of the other group alone, which has the number of its unit: no join ever has
    more rows than it gives.
    """
    few, many = f"v.many <= {LISTED * LISTED}", f"v.many > {LISTED * LISTED}"
    ways = (
        ("x.unit = v.a", "y.unit = v.b", few),
        ("x.number = v.a", "y.unit = v.b", many),
        ("x.unit = v.a AND x.number <> v.a", "y.number = v.b", many),
    )
    return " UNION ALL ".join(
        f"SELECT x.number AS x, y.number AS y, {columns} FROM {pairs} v JOIN members x ON {x} JOIN members y ON {y} WHERE {size} AND {condition}"
        for x, y, size in ways
    )


def equal_texts(columns: str, *, condition: str = "1 = 1") -> str:
    """Return the query that pairs the ``members`` x and y of one unit. In large groups each is paired only with the best one."""
    ways = (
        ("x.unit = y.unit AND x.number < y.number", f"x.copies <= {LISTED} AND y.copies <= {LISTED}"),
        ("x.number = y.unit AND x.number <> y.number", f"y.copies > {LISTED}"),
    )
    return " UNION ALL ".join(
        f"SELECT x.number AS x, y.number AS y, {columns} FROM members x JOIN members y ON {on} WHERE {size} AND {condition}"
        for on, size in ways
    )


def pairs(*, against: bool) -> list[Step]:
    """Expand pairs of units to pairs of their texts, and pair the texts within each unit.

    Of large groups each member is paired with the best one of the other group.
    """
    near = near_texts("sized", "v.inter, v.a_size, v.b_size")
    equal = equal_texts("CAST(-1 AS BIGINT) AS inter, x.size AS a_size, y.size AS b_size")
    share = "CASE WHEN f.inter < 0 THEN CAST(1 AS DOUBLE) ELSE CAST(f.inter AS DOUBLE) / ({}) END"
    smaller = "CASE WHEN f.x > f.y THEN f.b_size ELSE f.a_size END"
    larger = "CASE WHEN f.x > f.y THEN f.a_size ELSE f.b_size END"
    return [
        Sql(
            "members",
            """
            SELECT n.number, n.size, u.number AS unit, u.copies
            FROM numbered n JOIN units u ON n.d1 = u.d1 AND n.d2 = u.d2
            WHERE n.length > 0
            """,
        ),
        Sql("sized", sized("verified")),
        Sql(
            "between",
            f"""
            SELECT least(f.x, f.y) AS a, greatest(f.x, f.y) AS b, greatest(x.rank, y.rank) AS worse, least(x.rank, y.rank) AS better,
                   {share.format("f.a_size + f.b_size - f.inter")} AS similarity,
                   {share.format(smaller)} AS a_in_b,
                   {share.format(larger)} AS b_in_a,
                   CASE WHEN f.inter < 0 THEN 'exact' ELSE 'near' END AS kind
            FROM ({near} UNION ALL {equal}) f JOIN numbered x ON f.x = x.number JOIN numbered y ON f.y = y.number
            {"WHERE x.reference <> y.reference" if against else ""}
            """,
        ),
    ]


def keepers(keep: tuple[str, ...], *, apart: bool = False) -> list[Step]:
    """Decide which texts stay: in order of preference, each text is removed if it has a pair with one that stays.

    One scan over pairs of numbers decides all; with ``apart`` one for each connected component, wherever an engine does it, which
    pays where pairs are too many for one worker. ``grouped`` has the texts of clusters, those that stay as well. Tables of ``keep``
    are needed afterwards.
    """
    if apart:
        decided = [
            Sql("links", "SELECT DISTINCT worse AS u, better AS v FROM between"),
            *components((*keep, "between")),
            Sql("apart", "SELECT l.v AS component, e.worse, e.better FROM between e JOIN links l ON e.worse = l.u"),
            Scan("kept", "apart", Stay(), ("component", "worse", "better"), ("component",)),
        ]
    else:
        decided = [Sql("apart", "SELECT worse, better FROM between"), Scan("kept", "apart", Stay(), ("worse", "better"))]
    return [
        *decided,
        Sql(
            "kept",
            """
            SELECT m.number, k.number AS keeper, e.similarity
            FROM kept t JOIN numbered m ON t.worse = m.rank JOIN numbered k ON t.better = k.rank
            JOIN between e ON e.worse = t.worse AND e.better = t.better
            """,
        ),
        Sql(
            "grouped",
            """
            SELECT number, keeper, similarity FROM kept
            UNION ALL SELECT DISTINCT keeper AS number, keeper, CAST(1 AS DOUBLE) AS similarity FROM kept
            """,
        ),
    ]


def clusters() -> Sql:
    """List the members of clusters, each with the copy that stays for it. ``cluster`` has the number of each keeper's cluster."""
    return Sql(
        "clusters",
        """
        SELECT c.cluster, m.id, m.low, m.high, r.number = r.keeper AS keeper,
               k.id AS keeper_id, k.low AS keeper_low, k.high AS keeper_high, r.similarity
        FROM grouped r JOIN cluster c ON r.keeper = c.keeper JOIN numbered m ON r.number = m.number JOIN numbered k ON r.keeper = k.number
        ORDER BY r.keeper, CASE WHEN r.number = r.keeper THEN 0 ELSE 1 END, r.number
        """,
    )
