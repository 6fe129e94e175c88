"""The passage search as a plan over tables, for corpora that no memory holds.

The same kernels, the same anchors and the same decisions as `find_duplicates(level="passage")`: a test
compares the two row by row. Texts are folded once; from then on anchors travel, and the tokens of those
texts that share one. `matches` finds the pairs of texts, `passages` aligns them and carries the result to
the texts behind equal folds, `removal` says what goes.
"""

from __future__ import annotations

from typing import Literal

from cleantext.dedup.decide import Cut, Decide, Repeats, SearchAgain, Slice
from cleantext.dedup.passage_maps import ALIGNED, Align, Confirm, Locate, Tokens, Winnow
from cleantext.dedup.passages import HOT, Search
from cleantext.dedup.plan import SHOWN
from cleantext.dedup.rows import LISTED
from cleantext.dedup.scans import MEMBER, ClusterNumbers, Pack, Stretches
from cleantext.dedup.stages import CHAIN, check_options, numbers
from cleantext.fold import UNICODE
from cleantext.plan.steps import Checkpoint, Expect, Join, Loop, Map, Plan, Scan, Sql, Step

__all__ = ["passage_plan"]

WIDE = 1 << 32  # a text and a place in it as one number, so that an engine's minimum finds the first one
PREFERENCE = ("trank", "kind", "shorter", "low", "krank", "keeper_low", "keeper_high")
BASE = ("texts", "held", "numbered", "units", "boilerplate", "facts_of_anchors")

PLACES = Join("number", "held", "number", (("places", "places"),))


def _tokens(side: str) -> Join:
    """Join the tokens of a text whose number is in the column ``side``."""
    return Join(side, "held", "number", ((f"{side}_tokens", "tokens"),))


def passage_plan(
    search: Search,
    *,
    keep: Literal["longest", "first", "value"] = "longest",
    id_type: Literal["string", "int64"] = "string",
    value_type: Literal["int64", "double"] = "double",
    against: bool = False,
    cuts: bool = True,
) -> Plan:
    """Return the steps from a table ``texts`` (``id, text`` and, where one decides, ``value``) to the passages that it shares.

    With ``against`` a table ``references`` (``id, text``) is searched for, and only pairs of a text and a
    reference are given. Both are read with the places of their rows.

    Outputs: ``pairs``, ``clusters``, ``shown`` and ``facts`` as `document_plan` has them, ``stretches`` (boilerplate:
    ``id, low, high, texts``), ``linked`` (``id, copies`` of large groups of equal texts) and, if asked, ``cuts``
    (``id, low, high, exact``: the spans that removal takes). Raise `ConfigError` for options that cannot be.
    """
    check_options(threshold=search.threshold, level="document", min_chars=search.min_chars, keep=keep, id_type=id_type)
    value: Literal["", "int64", "double"] = value_type if keep == "value" else ""
    kernel = Tokens(search.fold, search.unit, reference=False, id_type=id_type, value=value)
    steps: list[Step] = [Map("docs", "texts", kernel)]
    if against:
        kernel = Tokens(search.fold, search.unit, reference=True, id_type=id_type, value=value)
        steps += [Map("more", "references", kernel), Sql("docs", "SELECT * FROM docs UNION ALL SELECT * FROM more")]
    steps += [
        *numbers(keep),
        Sql(
            "held",
            "SELECT n.number, d.tokens, d.places FROM docs d JOIN numbered n ON d.reference = n.reference AND d.place = n.place",
        ),
        Checkpoint(("texts", "held", "numbered", "units")),
        *_matches(search, against=against),
        Checkpoint((*BASE, "matched", "known")),
        *_passages(search, against=against),
        Checkpoint((*BASE, "found")),
        *_removal(search),
        Checkpoint((*BASE, "found", "members")),
        *_results(search),
    ]
    outputs = ["pairs", "clusters", "stretches", "linked", "shown", "facts"]
    if cuts:
        steps += _cuts(search)
        outputs.append("cuts")
    recipe = search.recipe
    facts: dict[str, str | int | float] = {"fold": search.fold, "unit": search.unit, "k": search.k, "unicode": UNICODE}
    facts |= {"anchor_width": recipe.k, "certain_run": recipe.run, "max_df": search.max_df}
    return Plan(tuple(steps), tuple(outputs), facts)


def _matches(search: Search, *, against: bool) -> list[Step]:
    """Pair the places of equal anchors, those of boilerplate apart: ``matched`` has a row for each pair of units, ``boilerplate`` stretches.

    Of anchors in more than `HOT` places each is paired with the leading one alone, so pairs are linear in places. A pair
    that continues another one, whose match covers it, is left out (see `anchors.find_matches`).
    """
    here = f"u.rank * {WIDE} + x.spot"
    paired = "(x.number < y.number OR (x.number = y.number AND x.spot < y.spot))"
    new = """NOT (x.gap > 0 AND x.gap = y.gap AND x.prior = y.prior AND x.before > 0
                     AND (x.before = 1 OR x.prior_leads = 1 OR y.prior_leads = 1))"""
    sides = " AND x.own * y.referred + x.referred * y.own > 0" if against else ""
    columns = "x.number AS a, y.number AS b, x.spot AS a_spot, y.spot AS b_spot, x.crowded"
    return [
        Sql("folded", "SELECT h.number, h.tokens FROM held h JOIN units u ON h.number = u.number"),
        Map("anchors", "folded", Winnow(search.recipe, search.unit)),
        Sql(
            "grams",
            "SELECT hash, count(*) AS places, CAST(sum(first) AS BIGINT) AS texts FROM anchors GROUP BY hash HAVING count(*) > 1",
        ),
        Sql(
            "boilerplate",
            f"SELECT x.hash, x.number, x.spot, g.texts FROM anchors x JOIN grams g ON x.hash = g.hash WHERE g.texts > {search.max_df}",
        ),
        Sql("grams", f"SELECT hash, places FROM grams WHERE texts <= {search.max_df}"),
        Sql(
            "leaders",
            f"""
            SELECT x.hash, min({here}) AS leader
            FROM anchors x JOIN grams g ON x.hash = g.hash JOIN units u ON x.number = u.number
            WHERE g.places > {HOT}
            GROUP BY x.hash
            """,
        ),
        Sql(
            "shared",
            f"""
            SELECT x.hash, x.prior, x.number, x.spot, x.gap, u.own, u.referred,
                   CASE WHEN g.places > {HOT} THEN 1 ELSE 0 END AS crowded,
                   CASE WHEN l.leader = {here} THEN 1 ELSE 0 END AS leads,
                   CASE WHEN x.gap = 0 OR p.hash IS NULL THEN 0 WHEN p.places > {HOT} THEN 2 ELSE 1 END AS before,
                   CASE WHEN x.gap > 0 AND m.leader = {here} - x.gap THEN 1 ELSE 0 END AS prior_leads
            FROM anchors x JOIN grams g ON x.hash = g.hash JOIN units u ON x.number = u.number
            LEFT JOIN leaders l ON x.hash = l.hash LEFT JOIN grams p ON x.prior = p.hash LEFT JOIN leaders m ON x.prior = m.hash
            """,
        ),
        Sql("facts_of_anchors", "SELECT count(*) AS hot_anchors FROM leaders"),
        Checkpoint((*BASE, "shared")),
        Sql(
            "matched",
            f"""
            SELECT {columns} FROM shared x JOIN shared y ON x.hash = y.hash
            WHERE x.crowded = 0 AND y.crowded = 0 AND {paired} AND {new}{sides}
            UNION ALL
            SELECT {columns} FROM shared x JOIN shared y ON x.hash = y.hash
            WHERE x.crowded = 1 AND x.leads = 1 AND {paired} AND {new}{sides}
            UNION ALL
            SELECT {columns} FROM shared x JOIN shared y ON x.hash = y.hash
            WHERE x.crowded = 1 AND x.leads = 0 AND y.leads = 1 AND {paired} AND {new}{sides}
            """,
        ),
        Scan("matched", "matched", Pack(("a", "b"), ("a_spot", "b_spot", "crowded"), "pairs"), ("a", "b", "a_spot", "b_spot"), ("a", "b")),
        Sql("known", "SELECT number, spot FROM boilerplate WHERE number IN (SELECT a FROM matched)"),
        Scan("known", "known", Pack(("number",), ("spot",), "common"), ("number", "spot"), ("number",)),
        Sql(
            "boilerplate",
            f"""
            SELECT x.number, x.spot, x.texts
            FROM boilerplate x JOIN (SELECT hash, min(number * {WIDE} + spot) AS place FROM boilerplate GROUP BY hash) b
              ON x.hash = b.hash AND x.number * {WIDE} + x.spot = b.place
            """,
        ),
        Scan(
            "boilerplate",
            "boilerplate",
            Stretches(search.recipe.k, search.recipe.k + search.recipe.window),
            ("number", "spot"),
            ("number",),
        ),
    ]


def _passages(search: Search, *, against: bool) -> list[Step]:
    """Align ``matched`` pairs of units, and carry the passages to the texts that these stand for: ``found``."""
    passage = ", ".join(f"v.{name}" for name in ALIGNED[2:])
    equal = (
        "CAST(0 AS BIGINT) AS a_low, x.size AS a_high, CAST(0 AS BIGINT) AS b_low, y.size AS b_high, "
        "CAST(0 AS BIGINT) AS inter, CAST(0 AS BIGINT) AS a_size, CAST(0 AS BIGINT) AS b_size, CAST(1 AS BIGINT) AS exact"
    )
    row = "s.x, s.y, x.first AS a_low, x.last AS a_high, y.first AS b_low, y.last AS b_high, s.inter, s.a_size, s.b_size, s.exact"
    row += ", x.starts AS x_start, x.ends AS x_end, y.starts AS y_start, y.ends AS y_end"
    located = """FROM spread s JOIN located x ON s.x = x.number AND s.a_low = x.low AND s.a_high = x.high
            JOIN located y ON s.y = y.number AND s.b_low = y.low AND s.b_high = y.high"""
    long = f"x.chars >= {search.min_chars} AND y.chars >= {search.min_chars}"
    same = "x.first = x.low AND x.last = x.high AND y.first = y.low AND y.last = y.high"
    return [
        Sql("compared", "SELECT m.a, m.b, m.pairs, k.common FROM matched m LEFT JOIN known k ON m.a = k.number ORDER BY m.a, m.b"),
        Map("aligned", "compared", Align(search), (_tokens("a"), _tokens("b"))),
        Sql(
            "members",
            """
            SELECT n.number, n.reference, n.size, n.length, u.number AS unit, u.copies
            FROM numbered n JOIN units u ON n.d1 = u.d1 AND n.d2 = u.d2
            WHERE n.length > 0
            """,
        ),
        Sql(
            "spread",
            f"""
            SELECT x.number AS x, y.number AS y, {passage}
            FROM aligned v JOIN members x ON x.unit = v.a JOIN members y ON y.unit = v.b
            WHERE v.a <> v.b AND (x.copies * y.copies <= {LISTED * LISTED} OR x.number = x.unit OR y.number = y.unit)
                  {"AND x.reference <> y.reference" if against else ""}
            UNION ALL
            SELECT x.number AS x, x.number AS y, {passage}
            FROM aligned v JOIN members x ON x.unit = v.a
            WHERE v.a = v.b{" AND 1 = 0" if against else ""}
            UNION ALL
            SELECT x.number AS x, y.number AS y, {equal}
            FROM members x JOIN members y ON x.unit = y.unit AND x.number < y.number JOIN members u ON x.unit = u.number
            WHERE u.length >= {search.min_chars} AND (x.copies <= {LISTED} OR x.number = x.unit OR y.number = y.unit)
                  {"AND x.reference <> y.reference" if against else ""}
            """,
        ),
        Sql(
            "located",
            "SELECT x AS number, a_low AS low, a_high AS high FROM spread UNION SELECT y AS number, b_low AS low, b_high AS high FROM spread",
        ),
        Scan("located", "located", Pack(("number",), ("low", "high"), "ranges"), ("number", "low", "high"), ("number",)),
        Map("located", "located", Locate(search.unit), (PLACES,)),
        Sql(
            "widened",
            f"""
            SELECT {row}
            {located}
            WHERE {long} AND NOT ({same})
            """,
        ),
        Map("widened", "widened", Confirm(search.k, search.unit, search.threshold), (_tokens("x"), _tokens("y"))),
        Sql("found", f"SELECT {row} {located} WHERE {long} AND {same} UNION ALL SELECT * FROM widened"),
        Sql("found", _found()),
    ]


def _found() -> str:
    """Return the query that names the smaller text ``a``, and its own earlier place, and counts similarities."""
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


def _removal(search: Search) -> list[Step]:
    """Decide which passages go (``members``), each with a copy of which nothing goes, as `cluster.passage_members` does."""
    names = ", ".join(MEMBER)
    worse = "f.a_rank > f.b_rank"  # then a goes for b; of two places of one text the later one, b
    side = [
        f"CASE WHEN {worse} THEN f.{one} ELSE f.{other} END AS {name}"
        for name, one, other in (
            ("text", "a", "b"),
            ("low", "a_start", "b_start"),
            ("high", "a_end", "b_end"),
            ("keeper", "b", "a"),
            ("keeper_low", "b_start", "a_start"),
            ("keeper_high", "b_end", "a_end"),
            ("trank", "a_rank", "b_rank"),
            ("krank", "b_rank", "a_rank"),
        )
    ]
    ranked = (
        "SELECT f.*, x.rank AS a_rank, y.rank AS b_rank FROM found f JOIN numbered x ON f.a = x.number JOIN numbered y ON f.b = y.number"
    )
    keep = (*BASE, "found", "worse", "again", "repeats")
    return [
        Sql("worse", f"SELECT {', '.join(side)}, f.similarity, f.exact FROM ({ranked}) f"),
        Sql("repeats", f"SELECT {names}, similarity, exact FROM worse WHERE text = keeper"),
        Sql("worse", f"SELECT {names}, trank, krank, similarity, exact FROM worse WHERE text <> keeper"),
        Sql("again", f"SELECT {names}, similarity, exact, CAST(1 AS INT) AS kind FROM repeats WHERE 1 = 0"),
        Sql("decided", "SELECT 1 AS text"),
        Sql("searches", "SELECT 1 AS text"),
        Loop(
            (
                Sql(
                    "turn",
                    f"""
                    SELECT {names}, trank, krank, CAST(0 AS INT) AS kind, low - high AS shorter, similarity, exact FROM worse
                    UNION ALL
                    SELECT g.text, g.low, g.high, g.keeper, g.keeper_low, g.keeper_high, x.rank AS trank, y.rank AS krank,
                           g.kind, g.low - g.high AS shorter, g.similarity, g.exact
                    FROM again g JOIN numbered x ON g.text = x.number JOIN numbered y ON g.keeper = y.number
                    """,
                ),
                Scan("decided", "turn", Decide(search.min_chars), PREFERENCE),
                Sql("searches", "SELECT text, keeper, keeper_low AS low, keeper_high AS high FROM decided WHERE left_over = 1"),
                Sql(
                    "pieces",
                    """
                    SELECT s.text, CAST(1 AS BIGINT) AS kind, s.keeper, s.low, s.high FROM searches s
                    UNION ALL
                    SELECT DISTINCT s.text, CAST(0 AS BIGINT) AS kind, s.text AS keeper, CAST(0 AS BIGINT) AS low, n.high
                    FROM searches s JOIN numbered n ON s.text = n.number
                    """,
                ),
                Map(
                    "pieces",
                    "pieces",
                    Slice(search.unit),
                    (Join("keeper", "held", "number", (("tokens", "tokens"), ("places", "places"))),),
                ),
                Scan("more", "pieces", SearchAgain(search), ("text", "kind", "keeper", "low"), ("text",)),
                Sql(
                    "again",
                    f"""
                    SELECT * FROM again
                    UNION ALL
                    SELECT {names}, similarity, exact, CAST(2 AS INT) AS kind FROM more
                    UNION ALL
                    SELECT DISTINCT text, low - low AS low, low - low AS high, text AS keeper, low - low AS keeper_low, low - low AS keeper_high,
                           CAST(1 AS DOUBLE) AS similarity, low - low AS exact, CAST(1 AS INT) AS kind
                    FROM searches
                    """,
                ),
                Checkpoint((*keep, "decided", "searches")),
            ),
            "searches",
            CHAIN,
        ),
        Expect("searches", "10,000 rounds of searches for what is left of copies: please report it"),
        Sql("members", f"SELECT {names}, similarity, exact FROM decided WHERE left_over = 0"),
        Sql(
            "turn",
            f"""
            SELECT m.*, CAST(0 AS INT) AS kind, m.low - m.high AS shorter FROM members m WHERE m.text IN (SELECT text FROM repeats)
            UNION ALL
            SELECT m.keeper AS text, m.low, m.high, m.keeper, m.keeper_low, m.keeper_high, m.similarity, m.exact,
                   CAST(1 AS INT) AS kind, m.low - m.high AS shorter
            FROM members m WHERE m.keeper IN (SELECT text FROM repeats)
            UNION ALL
            SELECT {names}, similarity, exact, CAST(2 AS INT) AS kind, low - high AS shorter FROM repeats
            """,
        ),
        Scan("repeated", "turn", Repeats(search.min_chars), ("text", "kind", "shorter", "low", "keeper_low", "keeper_high"), ("text",)),
        Sql("members", "SELECT * FROM members UNION ALL SELECT * FROM repeated"),
    ]


def _results(search: Search) -> list[Step]:
    """Name texts by their ids, give the rows their order, and count."""
    pair = "f.a_start, f.a_end, f.b_start, f.b_end, f.similarity, f.a_in_b, f.b_in_a, CASE WHEN f.exact = 1 THEN 'exact' ELSE 'near' END AS kind"
    named = "found f JOIN numbered x ON f.a = x.number JOIN numbered y ON f.b = y.number"
    return [
        Sql(
            "pairs",
            f"""
            SELECT x.id AS a, y.id AS b, {pair}
            FROM {named}
            ORDER BY f.a, f.b, f.a_start, f.a_end, f.b_start, f.b_end
            """,
        ),
        Sql(
            "shown",
            f"""
            SELECT x.place AS a_place, y.place AS b_place, y.reference AS b_reference, x.id AS a, y.id AS b, {pair}
            FROM {named}
            ORDER BY CASE WHEN f.a = f.b THEN 1 ELSE 0 END, f.a_start - f.a_end, x.id, y.id, f.a_start, f.b_start LIMIT {SHOWN}
            """,
        ),
        Scan(
            "grouped",
            "members",
            ClusterNumbers(),
            ("keeper", "keeper_low", "keeper_high", "text", "low", "high"),
            ("keeper",),
        ),
        Sql(
            "places",
            """
            SELECT cluster, keeper AS text, min(keeper_low) AS low, max(keeper_high) AS high, 1 AS stays
            FROM grouped GROUP BY cluster, keeper
            """,
        ),
        Sql(
            "clusters",
            """
            SELECT g.cluster, t.id, g.low, g.high, g.stays = 1 AS keeper, k.id AS keeper_id, g.keeper_low, g.keeper_high, g.similarity
            FROM (SELECT cluster, text, low, high, keeper, keeper_low, keeper_high, similarity, 0 AS stays FROM grouped
                  UNION ALL
                  SELECT cluster, text, low, high, text AS keeper, low AS keeper_low, high AS keeper_high, CAST(1 AS DOUBLE) AS similarity, stays
                  FROM places) g
            JOIN numbered t ON g.text = t.number JOIN numbered k ON g.keeper = k.number
            ORDER BY g.cluster, 1 - g.stays, g.keeper_low, g.keeper_high, g.text, g.low, g.high
            """,
        ),
        Scan("stretches", "boilerplate", Pack(("number",), ("low", "high"), "ranges"), ("number", "low", "high"), ("number",)),
        Map("stretches", "stretches", Locate(search.unit), (PLACES,)),
        Sql(
            "stretches",
            """
            SELECT n.id, s.starts AS low, s.ends AS high, b.texts
            FROM stretches s JOIN boilerplate b ON s.number = b.number AND s.low = b.low AND s.high = b.high
            JOIN numbered n ON s.number = n.number
            ORDER BY s.number, s.low
            """,
        ),
        Sql(
            "linked",
            f"SELECT n.id, u.copies FROM units u JOIN numbered n ON u.number = n.number WHERE u.copies > {LISTED} ORDER BY u.number",
        ),
        Sql(
            "facts",
            """
            SELECT (SELECT CAST(coalesce(sum(high - low), 0) AS BIGINT) FROM numbered) AS characters,
                   (SELECT count(*) FROM (SELECT a FROM found UNION SELECT b FROM found) i) AS involved,
                   (SELECT count(*) FROM found f JOIN numbered x ON f.a = x.number JOIN numbered y ON f.b = y.number
                    WHERE x.id <> y.id OR x.reference <> y.reference) AS across,
                   (SELECT count(*) FROM found) AS pairs,
                   (SELECT count(*) FROM places) AS clusters,
                   (SELECT count(*) FROM units WHERE copies > 1) AS equal_groups,
                   (SELECT hot_anchors FROM facts_of_anchors) AS hot_anchors,
                   (SELECT count(*) FROM members) AS removable
            """,
        ),
    ]


def _cuts(search: Search) -> list[Step]:
    """Say what removal takes: the texts are read again, since sentences end where their punctuation says."""
    return [
        Scan("cuts", "members", Pack(("text",), ("low", "high", "exact"), "spans"), ("text", "low", "high"), ("text",)),
        Sql("cuts", "SELECT n.place, n.number, c.spans FROM cuts c JOIN numbered n ON c.text = n.number"),
        Map(
            "cuts",
            "texts",
            Cut(search.unit, search.min_chars),
            (Join("place", "cuts", "place", (("number", "number"), ("spans", "spans"))), PLACES),
        ),
        Sql(
            "cuts",
            "SELECT n.id, c.low, c.high, c.exact = 1 AS exact FROM cuts c JOIN numbered n ON c.number = n.number ORDER BY c.number, c.low",
        ),
    ]
