"""rensa again, given shingle hashes that numpy made: the way into it that has no Python string in it."""

import numpy as np
from dedup_peer import bands
from rensa import RMinHash

NOTE = "128 slots, 16 bands of 8; shingles hashed by numpy, not by rensa"


def search(texts, _threshold):
    rows, offsets = [], [0]
    for text in texts:
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        hashes = points[: max(len(points) - 4, 0)].astype(np.uint64)
        for j in range(1, 5):
            hashes *= np.uint64(0x9E3779B97F4A7C15)
            hashes += points[j : len(hashes) + j]
        hashes ^= hashes >> np.uint64(33)
        hashes *= np.uint64(0xFF51AFD7ED558CCD)
        hashes ^= hashes >> np.uint64(33)
        rows.append(hashes)
        offsets.append(offsets[-1] + len(hashes))
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(rows), np.array(offsets, np.uint64), 128, 42)
    return bands(matrix.to_rows(), 16, 8)
