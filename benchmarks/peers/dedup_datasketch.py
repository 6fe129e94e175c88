"""datasketch 2: MinHash in bulk and MinHashLSH, with the fastest hash function that it names."""

import xxhash
from datasketch import MinHash, MinHashLSH

NOTE = "128 slots, 21 bands of 6; hash xxh32 (its default SHA-1 takes three times as long)"


def search(texts, _threshold):
    sets = ({text[i : i + 5].encode() for i in range(len(text) - 4)} for text in texts)
    index = MinHashLSH(num_perm=128, params=(21, 6))
    pairs = set()
    for n, one in enumerate(MinHash.bulk(sets, num_perm=128, hashfunc=xxhash.xxh32_intdigest)):
        pairs.update((m, n) for m in index.query(one))
        index.insert(n, one)
    return pairs
