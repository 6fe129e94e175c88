"""The search in memory: texts in, verified duplicates out.

The plans over tables (`document_plan`, `passage_plan`) give the same results, and tests compare both row by row. The search in memory exists
because it is much faster for many small searches: the document plan, run in the same process over Arrow tables and one DuckDB connection, takes
22 times as long for 100 texts, 5 times for 1,000 and 1.4 times for 20,000; the passage plan takes 21, 7 and 1.8 times as long
(`benchmarks/twins.py`). Both share the kernels for sketches, verification, anchors and alignment, and the decision which copy stays
(`keepers`). Only this search uses buckets of candidates (`bands`), groups of anchors (`anchors.find_matches`) and rows of texts (`span_pairs`).
"""

from __future__ import annotations

from typing import Any

from cleantext.dedup.folded.text_units import FoldedTexts, Keep
from cleantext.dedup.folded.token_units import Unit
from cleantext.dedup.minhash.bands import Bands
from cleantext.dedup.minhash.document_pairs import find_documents
from cleantext.dedup.minhash.sketch import SketchSpec
from cleantext.dedup.passages.passage_search import PassageParams
from cleantext.dedup.passages.span_pairs import LISTED, document_rows
from cleantext.dedup.result import Duplicates, Level
from cleantext.errors import ConfigError, unknown
from cleantext.fold import Fold

__all__ = ["find_duplicates"]


def find_duplicates(
    texts: Any,
    *,
    ids: Any = None,
    level: Level = "passage",
    threshold: float = 0.8,
    against: Any = None,
    against_ids: Any = None,
    min_chars: int = 40,
    max_df: int = 100,
    keep: Keep = "longest",
    fold: Fold = "basic",
    unit: Unit = "char",
    slots: int = 128,
    recall: float = 0.995,
) -> Duplicates:
    """Find texts, or passages of texts, that are nearly the same letter by letter.

    Similarity is the exact Jaccard index of the sets of 5 consecutive units of the fold (letters and
    digits; Traditional and Simplified copies are equal), verified on every pair that is returned.

    ``texts`` is a list of strings, an Arrow column or anything with an Arrow stream; ``ids`` name them
    (0, 1, ... by default). ``level="passage"`` finds shared passages of at least ``min_chars`` letters
    and digits wherever they lie, across texts and inside one; stretches that more than ``max_df`` different texts
    share are listed as boilerplate instead. ``level="document"`` compares whole texts by MinHash of
    ``slots`` slots, in bands that find a pair at the threshold with probability ``recall``.
    ``against`` is a reference set (a benchmark, say): only pairs of a text and a reference are reported,
    and references are never removed. ``keep`` says which copy stays: the "longest", the "first" in the
    order of ``texts``, or the one with the smallest of the values given, one a text; ties go by id.

    >>> news = "國務院辦公廳印發通知，要求各地區各部門結合實際認真貫徹落實，切實加強組織領導，確保各項任務落到實處。"
    >>> copy = "国务院办公厅印发通知,要求各地区各部门结合实际认真贯彻落实,切实加强组织领导,确保各项任务落到实处。"
    >>> find_duplicates([news, "转载：" + copy]).pairs.to_pylist()[0]["similarity"]
    1.0
    """
    if not isinstance(threshold, (int, float)) or not 0 < threshold <= 1:
        raise ConfigError(f"threshold={threshold!r}: expected a number above 0, up to 1")
    if level == "paragraph":  # type: ignore[comparison-overlap]
        raise ConfigError(
            "level 'paragraph' is searched in tables: use Index.open(folder, level='paragraph') or cleantext dedup --level paragraph "
            "--engine local; level='passage' finds paragraphs, too"
        )
    if level not in ("document", "passage"):
        raise unknown("level", level, ("document", "passage"))
    spec = SketchSpec(slots=slots, fold=fold, unit=unit)
    corpus = FoldedTexts.read(texts, ids, against, against_ids, keep, fold, unit, places=level == "passage")
    facts: dict[str, Any] = {"fold": fold, "unit": unit, "k": spec.k, "unicode": spec.unicode}
    copies = corpus.starts[1:] - corpus.starts[:-1]
    facts["equal_groups"] = int((copies > 1).sum())
    linked = (copies > LISTED).nonzero()[0].tolist()  # in these large groups each member is paired only with the first one
    facts["linked_groups"] = {
        corpus.ids[int(corpus.members[corpus.starts[unit_number]])]: int(copies[unit_number]) for unit_number in linked
    }
    if level == "document":
        bands = Bands.of(threshold, slots, recall)
        verified, hot = find_documents(corpus.units, corpus.side, corpus.rank[corpus.members[corpus.starts[:-1]]], spec, bands, threshold)
        facts |= {"slots": slots, "bands": bands.bands, "rows": bands.rows, "recall_at_threshold": bands.recall, "hot_buckets": hot}
        return Duplicates(corpus, document_rows(corpus, verified), level, threshold, facts)
    params = PassageParams(threshold, min_chars, max_df, spec.k, fold, unit)
    found = params.run(corpus)
    facts |= {"anchor_width": params.anchor_spec.k, "certain_run": params.anchor_spec.run, "max_df": max_df, "hot_anchors": found.hot}
    return Duplicates(corpus, found.rows, level, threshold, facts, params, found.boilerplate)
