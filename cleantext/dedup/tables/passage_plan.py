"""The passage search as a plan over tables, for corpora larger than memory.

The same kernels, the same anchors and the same decisions as `find_duplicates(level="passage")`: a test
compares the two row by row. Texts are folded once; from then on anchors travel, and the tokens of those
texts that share one (`passage_sql`). What goes is decided in scans over narrow rows (`removal_kernels`).
"""

from __future__ import annotations

from typing import Literal

from cleantext.dedup.passages.passage_search import PassageParams
from cleantext.dedup.passages.span_pairs import LISTED
from cleantext.dedup.tables.arrow_kernels import TextHead
from cleantext.dedup.tables.components import components
from cleantext.dedup.tables.document_plan import SHOWN
from cleantext.dedup.tables.document_sql import check_options, numbers, read_texts
from cleantext.dedup.tables.ordered_kernels import MEMBER, Overlapping, PackRows
from cleantext.dedup.tables.passage_kernels import Locate, Tokens
from cleantext.dedup.tables.passage_sql import BASE, PLACES, matches, passages
from cleantext.dedup.tables.removal_kernels import Cut, Decide, Repeats, SearchAgain, Slice
from cleantext.fold import UNICODE
from cleantext.plan.steps import Checkpoint, Expect, Join, Loop, Map, Plan, Scan, Sql, Step

__all__ = ["passage_plan"]

CHAIN = 10_000  # limit of rounds in which remaining parts of copies are searched again; real chains are short, so this only stops a bug
PREFERENCE = ("trank", "kind", "shorter", "low", "krank", "keeper_low", "keeper_high")


def passage_plan(
    params: PassageParams,
    *,
    keep: Literal["longest", "first", "value"] = "longest",
    id_type: Literal["string", "int64"] = "string",
    value_type: Literal["int64", "double"] = "double",
    against: bool = False,
    apart: bool = False,
    cuts: bool = True,
) -> Plan:
    """Return the plan that finds the shared passages of a table ``texts`` (``id, text`` and, with ``keep="value"``, ``value``).

    With ``against`` a table ``references`` (``id, text``) is searched for, and only pairs of a text and a
    reference are given. Both are read with the places of their rows. ``apart`` decides what goes by connected components of
    texts, wherever an engine does it, which pays where passages are too many for one worker.

    Outputs: ``pairs``, ``clusters``, ``shown`` and ``facts`` as `document_plan` has them, ``stretches`` (boilerplate:
    ``id, low, high, texts``), ``linked`` (``id, copies`` of large groups of equal texts) and, if asked, ``cuts``
    (``id, low, high, exact``: the spans that removal takes). Raise `ConfigError` for options that cannot be.
    """
    check_options(threshold=params.threshold, level="document", min_chars=params.min_chars, keep=keep, id_type=id_type)
    value: Literal["", "int64", "double"] = value_type if keep == "value" else ""
    steps: list[Step] = [
        *read_texts(lambda head: Tokens(params.fold, params.unit, head), TextHead(id_type, value), against=against),
        *numbers(keep),
        Sql(
            "text_tokens",
            "SELECT n.number, d.tokens, d.places FROM docs d JOIN numbered n ON d.reference = n.reference AND d.place = n.place",
        ),
        Checkpoint(("texts", "text_tokens", "numbered", "units")),
        *matches(params, against=against),
        Checkpoint((*BASE, "matched", "known")),
        *passages(params, against=against),
        Checkpoint((*BASE, "found")),
        *_removal(params, apart=apart),
        Checkpoint((*BASE, "found", "members")),
        *_results(params),
    ]
    outputs = ["pairs", "clusters", "stretches", "linked", "shown", "facts"]
    if cuts:
        steps += _cuts(params)
        outputs.append("cuts")
    anchor_spec = params.anchor_spec
    facts: dict[str, str | int | float] = {"fold": params.fold, "unit": params.unit, "k": params.k, "unicode": UNICODE}
    facts |= {"anchor_width": anchor_spec.k, "certain_run": anchor_spec.run, "max_df": params.max_df}
    return Plan(tuple(steps), tuple(outputs), facts)


def _removal(params: PassageParams, *, apart: bool) -> list[Step]:
    """Decide which passages are removed (``members``), each with a copy that is kept whole, as `keepers.passage_members` does.

    Searching the remaining parts of copies finds places in these copies only, so components do not change.
    """
    names = ", ".join(MEMBER)
    worse = "f.a_rank > f.b_rank"  # then b is preferred to a; of two places in one text the later one (b) is the worse
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
    keep = (*BASE, "found", "worse", "again", "repeats", *(["parts"] if apart else []))
    component = ", component" if apart else ""
    joined = "FROM worse t LEFT JOIN links l ON t.text = l.u"
    return [
        Sql("worse", f"SELECT {', '.join(side)}, f.similarity, f.exact FROM ({ranked}) f"),
        Sql("repeats", f"SELECT {names}, similarity, exact FROM worse WHERE text = keeper"),
        Sql("worse", f"SELECT {names}, trank, krank, similarity, exact FROM worse WHERE text <> keeper"),
        *(
            [
                Sql("links", "SELECT DISTINCT greatest(text, keeper) AS u, least(text, keeper) AS v FROM worse"),
                *components((*BASE, "found", "worse", "repeats")),
                Sql("worse", f"SELECT t.*, CASE WHEN l.v IS NULL THEN t.text ELSE l.v END AS component {joined}"),
                Sql("parts", "SELECT DISTINCT text, component FROM worse"),
            ]
            if apart
            else []
        ),
        Sql("again", f"SELECT {names}, similarity, exact, CAST(1 AS INT) AS kind FROM repeats WHERE 1 = 0"),
        Sql("decided", "SELECT 1 AS text"),
        Sql("searches", "SELECT 1 AS text"),
        Loop(
            (
                Sql(
                    "turn",
                    f"""
                    SELECT {names}, trank, krank, CAST(0 AS INT) AS kind, low - high AS shorter, similarity, exact{component} FROM worse
                    UNION ALL
                    SELECT g.text, g.low, g.high, g.keeper, g.keeper_low, g.keeper_high, x.rank AS trank, y.rank AS krank,
                           g.kind, g.low - g.high AS shorter, g.similarity, g.exact{", c.component" if apart else ""}
                    FROM again g JOIN numbered x ON g.text = x.number JOIN numbered y ON g.keeper = y.number
                    {"JOIN parts c ON g.text = c.text" if apart else ""}
                    """,
                ),
                Scan(
                    "decided",
                    "turn",
                    Decide(params.min_chars, apart),
                    (*(["component"] if apart else []), *PREFERENCE),
                    ("component",) if apart else (),
                ),
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
                    Slice(params.unit),
                    (Join("keeper", "text_tokens", "number", (("tokens", "tokens"), ("places", "places"))),),
                ),
                Scan("more", "pieces", SearchAgain(params), ("text", "kind", "keeper", "low"), ("text",)),
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
        Scan("repeated", "turn", Repeats(params.min_chars), ("text", "kind", "shorter", "low", "keeper_low", "keeper_high"), ("text",)),
        Sql("members", "SELECT * FROM members UNION ALL SELECT * FROM repeated"),
    ]


def _results(params: PassageParams) -> list[Step]:
    """Replace numbers of texts by ids, sort the rows, and count."""
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
            Overlapping(),
            ("keeper", "keeper_low", "keeper_high", "text", "low", "high"),
            ("keeper",),
        ),
        Sql(
            "places",
            """
            SELECT p.keeper, p.low, p.high, CAST(row_number() OVER (ORDER BY p.keeper, p.low) - 1 AS BIGINT) AS cluster
            FROM (SELECT keeper, first AS low, max(keeper_high) AS high FROM grouped GROUP BY keeper, first) p
            """,
        ),
        Sql(
            "clusters",
            """
            SELECT g.cluster, t.id, g.low, g.high, g.stays = 1 AS keeper, k.id AS keeper_id, g.keeper_low, g.keeper_high, g.similarity
            FROM (SELECT p.cluster, m.text, m.low, m.high, m.keeper, m.keeper_low, m.keeper_high, m.similarity, 0 AS stays
                  FROM grouped m JOIN places p ON m.keeper = p.keeper AND m.first = p.low
                  UNION ALL
                  SELECT cluster, keeper AS text, low, high, keeper, low AS keeper_low, high AS keeper_high, CAST(1 AS DOUBLE) AS similarity,
                         1 AS stays
                  FROM places) g
            JOIN numbered t ON g.text = t.number JOIN numbered k ON g.keeper = k.number
            ORDER BY g.cluster, 1 - g.stays, g.keeper_low, g.keeper_high, g.text, g.low, g.high
            """,
        ),
        Scan("stretches", "boilerplate", PackRows(("number",), ("low", "high"), "ranges"), ("number", "low", "high"), ("number",)),
        Map("stretches", "stretches", Locate(params.unit), (PLACES,)),
        Sql(
            "stretches",
            """
            SELECT n.id, s.starts AS low, s.ends AS high, b.texts
            FROM stretches s JOIN boilerplate b ON s.number = b.number AND s.low = b.low AND s.high = b.high
            JOIN numbered n ON s.number = n.number
            ORDER BY s.number, s.low, s.high
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


def _cuts(params: PassageParams) -> list[Step]:
    """Return the steps that compute the cuts. They read the texts again to find the ends of sentences."""
    return [
        Scan("cuts", "members", PackRows(("text",), ("low", "high", "exact"), "spans"), ("text", "low", "high"), ("text",)),
        Sql("cuts", "SELECT n.place, n.number, c.spans FROM cuts c JOIN numbered n ON c.text = n.number"),
        Map(
            "cuts",
            "texts",
            Cut(params.unit, params.min_chars),
            (Join("place", "cuts", "place", (("number", "number"), ("spans", "spans"))), PLACES),
        ),
        Sql(
            "cuts",
            "SELECT n.id, c.low, c.high, c.exact = 1 AS exact FROM cuts c JOIN numbered n ON c.number = n.number ORDER BY c.number, c.low",
        ),
    ]
