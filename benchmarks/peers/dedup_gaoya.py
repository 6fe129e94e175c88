"""gaoya: its sketches, each made once, and the check of their similarity that its index does."""

import numpy as np
from dedup_peer import bands
from gaoya.minhash import MinHashStringIndex

NOTE = "126 slots, 21 bands of 6, pairs by the similarity of sketches"


def search(texts, threshold):
    index = MinHashStringIndex(hash_size=32, jaccard_threshold=threshold, num_bands=21, band_size=6, analyzer="char", ngram_range=(5, 5))
    # Its index sketches every text twice, to insert and to look up; this gives the same pairs in half the time.
    rows = index.minhash_index.bulk_hash_docs(texts)
    slots = np.array(rows, np.int64)
    return {(a, b) for a, b in bands(rows, 21, 6) if np.mean(slots[a] == slots[b]) >= threshold}
