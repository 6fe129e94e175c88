"""fast-dedup: its MinHash objects, which have no index and do not show their slots, so all of them are compared with all."""

from fast_dedup import MinHash

NOTE = "128 slots, all pairs: it has no index"


def search(texts, threshold):
    made = []
    for text in texts:
        one = MinHash(128)
        for i in range(len(text) - 4):
            one.update(text[i : i + 5])
        made.append(one)
    return {(a, b) for b in range(len(made)) for a in range(b) if made[a].jaccard(made[b]) >= threshold}
