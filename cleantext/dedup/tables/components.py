"""Connected components of a table of pairs, computed by SQL in rounds, each of which ends with a checkpoint."""

from __future__ import annotations

from cleantext.plan.steps import Checkpoint, Expect, Loop, Sql, Step

__all__ = ["components"]

ROUNDS = 200  # a chain of a million links takes 16 to 20 rounds; their number grows at most with the square of the logarithm


def components(keep: tuple[str, ...]) -> list[Step]:
    """Turn ``links`` (rows ``u, v``, each pair once, v < u) into stars: afterwards ``v`` is the smallest number in the component of ``u``.

    Large-star and small-star in turn (Kiveris et al., *Connected Components in MapReduce and Beyond*, 2014): a round gives each
    number the least one among its neighbours, first to larger neighbours, then to smaller ones. There are never more links than
    at first. Tables of ``keep`` are needed afterwards.
    """
    both = "(SELECT u, v FROM links UNION ALL SELECT v AS u, u AS v FROM links)"
    return [
        Sql("unsettled", "SELECT u FROM links"),
        Loop(
            (
                Sql(
                    "links",
                    f"""
                    SELECT DISTINCT n.v AS u, least(m.least, n.u) AS v
                    FROM {both} n JOIN (SELECT u, min(v) AS least FROM {both} o GROUP BY u) m ON n.u = m.u
                    WHERE n.v > n.u
                    """,
                ),
                Sql(
                    "links",
                    """
                    SELECT l.v AS u, m.least AS v
                    FROM links l JOIN (SELECT u, min(v) AS least FROM links GROUP BY u) m ON l.u = m.u
                    WHERE l.v <> m.least
                    UNION
                    SELECT u, min(v) AS v FROM links GROUP BY u
                    """,
                ),
                # Done once each number has one link, to a number that has none.
                Sql(
                    "unsettled",
                    """
                    SELECT l.u FROM links l JOIN links m ON l.v = m.u
                    UNION ALL
                    SELECT u FROM links GROUP BY u HAVING count(*) > 1
                    """,
                ),
                Checkpoint((*keep, "links", "unsettled")),
            ),
            "unsettled",
            ROUNDS,
        ),
        Expect("unsettled", f"components are not found within {ROUNDS} rounds: please report it"),
    ]
