"""Stages of the passage search over tables: pair anchors, and align the pairs into passages."""

from __future__ import annotations

from cleantext.dedup.passages.passage_search import HOT, PassageParams
from cleantext.dedup.tables.document_sql import equal_texts, near_texts, sized
from cleantext.dedup.tables.ordered_kernels import Extents, Listed, PackRows
from cleantext.dedup.tables.passage_kernels import ALIGNED, RUNS, Align, Beside, Confirm, Locate, Propose, Winnow
from cleantext.plan.steps import Checkpoint, Join, Map, Scan, Sql, Step

__all__ = ["BASE", "PLACES", "matches", "passages"]

WIDE = 1 << 32  # packs a text and a place in it into one number, so that SQL's min() finds the first one
BASE = ("texts", "text_tokens", "numbered", "units", "boilerplate", "facts_of_anchors")
PLACES = Join("number", "text_tokens", "number", (("places", "places"),))


def _tokens(side: str) -> Join:
    """Return the join of the tokens of the text whose number is in the column ``side``."""
    return Join(side, "text_tokens", "number", ((f"{side}_tokens", "tokens"),))


def matches(params: PassageParams, *, against: bool) -> list[Step]:
    """Pair the places of equal anchors: ``matched`` gets a row for each pair of units. Anchors of boilerplate go to ``boilerplate``.

    An anchor in more than `HOT` places, or in many places of one text, is paired only with its leading place, and anchors
    inside runs are not paired with those outside, so that the number of pairs is linear in places. A pair that continues
    another one is left out, since the match of that one covers it (see `anchors.find_matches`).
    """
    here = f"u.rank * {WIDE} + x.spot"
    apart = """NOT (x.run < 0 AND y.run <> 0) AND NOT (y.run < 0 AND x.run <> 0)
                  AND NOT (x.number = y.number AND x.run = y.run AND x.run <> 0)"""
    paired = f"(x.number < y.number OR (x.number = y.number AND x.spot < y.spot)) AND {apart}"
    new = """NOT (x.gap > 0 AND x.gap = y.gap AND x.prior = y.prior AND x.known = 1
                     AND (x.prior_free * y.prior_free = 1 OR x.prior_leads = 1 OR y.prior_leads = 1))"""
    sides = " AND x.own * y.referred + x.referred * y.own > 0" if against else ""
    columns = "x.number AS a, y.number AS b, x.spot AS a_spot, y.spot AS b_spot, x.crowded"
    marks = f"UNION ALL SELECT number AS a, number AS b, min(spot) AS a_spot, min(spot) AS b_spot, {RUNS} AS crowded FROM anchors WHERE run <> 0 GROUP BY number"
    return [
        Sql("folded", "SELECT h.number, h.tokens FROM text_tokens h JOIN units u ON h.number = u.number"),
        Map("anchors", "folded", Winnow(params, against)),
        Sql(
            "grams",
            """
            SELECT hash, CAST(sum(CASE WHEN run < 0 THEN 0 ELSE 1 END) AS BIGINT) AS places, CAST(sum(first) AS BIGINT) AS texts,
                   max(often) AS often
            FROM anchors GROUP BY hash HAVING count(*) > 1
            """,
        ),
        Sql(
            "boilerplate",
            f"SELECT x.hash, x.number, x.spot FROM anchors x JOIN grams g ON x.hash = g.hash WHERE g.texts > {params.max_df}",
        ),
        Sql("grams", f"SELECT hash, places, often FROM grams WHERE texts <= {params.max_df}"),
        Sql(
            "leaders",
            f"""
            SELECT x.hash, min({here}) AS leader
            FROM anchors x JOIN grams g ON x.hash = g.hash JOIN units u ON x.number = u.number
            WHERE g.places > {HOT} OR g.often = 1
            GROUP BY x.hash
            """,
        ),
        Sql(
            "shared",
            f"""
            SELECT x.hash, x.prior, x.number, x.spot, x.gap, x.run, u.own, u.referred,
                   CASE WHEN g.places > {HOT} THEN 1 ELSE 0 END AS crowded,
                   CASE WHEN g.places > {HOT} OR x.often = 1 THEN 0 ELSE 1 END AS free,
                   CASE WHEN l.leader = {here} THEN 1 ELSE 0 END AS leads,
                   CASE WHEN x.gap = 0 OR p.hash IS NULL THEN 0 ELSE 1 END AS known,
                   CASE WHEN p.hash IS NULL OR p.places > {HOT} OR x.prior_often = 1 THEN 0 ELSE 1 END AS prior_free,
                   CASE WHEN x.gap > 0 AND m.leader = {here} - x.gap THEN 1 ELSE 0 END AS prior_leads
            FROM anchors x JOIN grams g ON x.hash = g.hash JOIN units u ON x.number = u.number
            LEFT JOIN leaders l ON x.hash = l.hash LEFT JOIN grams p ON x.prior = p.hash LEFT JOIN leaders m ON x.prior = m.hash
            """,
        ),
        Sql("facts_of_anchors", "SELECT count(*) AS hot_anchors FROM leaders"),
        Checkpoint((*BASE, "shared", "anchors")),
        Sql(
            "matched",
            f"""
            SELECT {columns} FROM shared x JOIN shared y ON x.hash = y.hash
            WHERE x.free = 1 AND y.free = 1 AND {paired} AND {new}{sides}
            UNION ALL
            SELECT {columns} FROM shared x JOIN shared y ON x.hash = y.hash
            WHERE x.leads = 1 AND x.free * y.free = 0 AND {paired} AND {new}{sides}
            UNION ALL
            SELECT {columns} FROM shared x JOIN shared y ON x.hash = y.hash
            WHERE x.free = 0 AND x.leads = 0 AND y.leads = 1 AND {paired} AND {new}{sides}
            {"" if against else marks}
            """,
        ),
        Scan(
            "matched", "matched", PackRows(("a", "b"), ("a_spot", "b_spot", "crowded"), "pairs"), ("a", "b", "a_spot", "b_spot"), ("a", "b")
        ),
        *_boilerplate(params),
    ]


def _boilerplate(params: PassageParams) -> list[Step]:
    """Find the extents of ``boilerplate`` anchors: ``known`` gets those in texts to be aligned, ``boilerplate`` the stretches to list."""
    anchor_spec, tokens = params.anchor_spec, Join("number", "text_tokens", "number", (("tokens", "tokens"),))
    return [
        Scan("near", "boilerplate", PackRows(("number",), ("spot",), "spots"), ("number", "spot"), ("number",)),
        Map("near", "near", Beside(anchor_spec, params.unit), (tokens,)),
        Sql(
            "near",
            """
            SELECT b.hash, n.number, n.spot, n.before, n.beside, u.copies
            FROM near n JOIN boilerplate b ON n.number = b.number AND n.spot = b.spot JOIN units u ON n.number = u.number
            """,
        ),
        Scan("near", "near", Extents(anchor_spec, params.max_df), ("hash", "number", "spot"), ("hash",)),
        Sql("known", "SELECT number, low, high FROM near WHERE number IN (SELECT a FROM matched)"),
        Scan("known", "known", PackRows(("number",), ("low", "high"), "common"), ("number", "low", "high"), ("number",)),
        Sql(
            "proposed",
            "SELECT number, spot, most_low, most_high, texts FROM near WHERE number IN (SELECT number FROM near WHERE leads = 1)",
        ),
        Scan(
            "proposed",
            "proposed",
            PackRows(("number",), ("spot", "most_low", "most_high", "texts"), "extents"),
            ("number", "spot"),
            ("number",),
        ),
        Map("proposed", "proposed", Propose(anchor_spec.k, params.unit), (tokens,)),
        Scan("boilerplate", "proposed", Listed(), ("fewer", "number", "low", "high")),
    ]


def passages(params: PassageParams, *, against: bool) -> list[Step]:
    """Align ``matched`` pairs of units, and expand the passages to the texts of these units: ``found``."""
    passage = ", ".join(f"v.{name}" for name in ALIGNED[2:])
    apart = " AND x.reference <> y.reference" if against else ""
    equal = (
        "CAST(0 AS BIGINT) AS a_low, x.size AS a_high, CAST(0 AS BIGINT) AS b_low, y.size AS b_high, "
        "CAST(0 AS BIGINT) AS inter, CAST(0 AS BIGINT) AS a_size, CAST(0 AS BIGINT) AS b_size, CAST(1 AS BIGINT) AS exact"
    )
    row = "s.x, s.y, x.first AS a_low, x.last AS a_high, y.first AS b_low, y.last AS b_high, s.inter, s.a_size, s.b_size, s.exact"
    row += ", x.starts AS x_start, x.ends AS x_end, y.starts AS y_start, y.ends AS y_end"
    located = """FROM spread s JOIN located x ON s.x = x.number AND s.a_low = x.low AND s.a_high = x.high
            JOIN located y ON s.y = y.number AND s.b_low = y.low AND s.b_high = y.high"""
    long = f"x.chars >= {params.min_chars} AND y.chars >= {params.min_chars}"
    same = "x.first = x.low AND x.last = x.high AND y.first = y.low AND y.last = y.high"
    return [
        Sql("compared", "SELECT m.a, m.b, m.pairs, k.common FROM matched m LEFT JOIN known k ON m.a = k.number"),
        Map("aligned", "compared", Align(params), (_tokens("a"), _tokens("b"))),
        Sql(
            "members",
            """
            SELECT n.number, n.reference, n.size, u.number AS unit, u.length, u.copies
            FROM numbered n JOIN (SELECT z.number, z.d1, z.d2, z.copies, k.length FROM units z JOIN numbered k ON z.number = k.number) u
              ON n.d1 = u.d1 AND n.d2 = u.d2
            WHERE n.length > 0
            """,
        ),
        Sql("aligned", sized("aligned")),
        Sql(
            "spread",
            f"""
            {near_texts("aligned", passage, condition=f"v.a <> v.b{apart}")}
            UNION ALL
            SELECT x.number AS x, x.number AS y, {passage}
            FROM aligned v JOIN members x ON x.unit = v.a
            WHERE v.a = v.b{" AND 1 = 0" if against else ""}
            UNION ALL
            {equal_texts(equal, condition=f"x.length >= {params.min_chars}{apart}")}
            """,
        ),
        Sql(
            "located",
            "SELECT x AS number, a_low AS low, a_high AS high FROM spread UNION SELECT y AS number, b_low AS low, b_high AS high FROM spread",
        ),
        Scan("located", "located", PackRows(("number",), ("low", "high"), "ranges"), ("number", "low", "high"), ("number",)),
        Map("located", "located", Locate(params.unit), (PLACES,)),
        Sql(
            "widened",
            f"""
            SELECT {row}
            {located}
            WHERE {long} AND NOT ({same})
            """,
        ),
        Map("widened", "widened", Confirm(params.k, params.unit, params.threshold), (_tokens("x"), _tokens("y"))),
        Sql("found", f"SELECT {row} {located} WHERE {long} AND {same} UNION ALL SELECT * FROM widened"),
        Sql("found", _found()),
    ]


def _found() -> str:
    """Return the query that makes the smaller text (or the earlier place) ``a``, and computes similarities."""
    swapped = "f.x > f.y OR (f.x = f.y AND f.x_start > f.y_start)"
    sides = [
        f"CASE WHEN {swapped} THEN f.{second} ELSE f.{first} END AS {name}"
        for name, first, second in (
            ("a", "x", "y"),
            ("b", "y", "x"),
            ("a_start", "x_start", "y_start"),
            ("a_end", "x_end", "y_end"),
            ("b_start", "y_start", "x_start"),
            ("b_end", "y_end", "x_end"),
            ("a_size", "a_size", "b_size"),
            ("b_size", "b_size", "a_size"),
        )
    ]
    share = "CASE WHEN g.exact = 1 THEN CAST(1 AS DOUBLE) ELSE CAST(g.inter AS DOUBLE) / ({}) END AS {}"
    shares = [
        share.format(whole, name)
        for whole, name in (("g.a_size + g.b_size - g.inter", "similarity"), ("g.a_size", "a_in_b"), ("g.b_size", "b_in_a"))
    ]
    return f"""
            SELECT g.a, g.b, g.a_start, g.a_end, g.b_start, g.b_end, {", ".join(shares)}, g.exact
            FROM (SELECT {", ".join(sides)}, f.inter, f.exact FROM found f) g
            """
