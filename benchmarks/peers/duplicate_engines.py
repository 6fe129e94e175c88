"""Near-duplicate documents: texts in, pairs out. A peer is a file dedup_PEER.py; cleantext is given the texts as they are and verifies every pair."""

import importlib
import json

import dedup_peer  # noqa: F401  the peers import it


def prepare(engine, source, options):
    """Return the search over all texts; peers are given folded text, since their fold is not what is measured."""
    given = json.loads(source.read_text("utf-8"))
    threshold = options["threshold"]
    if engine == "cleantext":
        from cleantext.dedup import find_duplicates

        def search(texts):
            found = find_duplicates(texts, level="document", threshold=threshold)
            found.texts()
            return found

        return lambda: search(given["texts"]), lambda: search(given["texts"])
    peer = importlib.import_module(f"dedup_{engine}")
    folded = given["folded"][: options.get("limit")]
    make = getattr(peer, "prepare", lambda texts: texts)
    rows = make(folded)
    return lambda: peer.search(rows, threshold), lambda: peer.search(make(folded[:50]), threshold)


def result(engine, value):
    if engine == "cleantext":
        return {"pairs": [(r["a"], r["b"]) for r in value.pairs.to_pylist()], "note": "from raw strings, verified"}
    peer = importlib.import_module(f"dedup_{engine}")
    return {"pairs": sorted(map(list, peer.pairs(value) if hasattr(peer, "pairs") else value)), "note": peer.NOTE}
