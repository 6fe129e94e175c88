"""datatrove: its four stages of MinHash in one process, over characters instead of words."""

import tempfile
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.utils.logging import logger
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WordTokenizer
from dedup_peer import clusters, joined

NOTE = "126 slots of 64 bits, 21 bands of 6; pairs: all of a cluster"
logger.remove()


class Characters(WordTokenizer):
    def word_tokenize(self, text):
        return list(text)

    def sent_tokenize(self, text):
        return [text]

    def span_tokenize(self, text):
        return [(0, len(text))]


def prepare(texts):
    return [Document(text=text, id=str(n)) for n, text in enumerate(texts)]


def search(documents, _threshold):
    as_given = TextNormConfig(*[False] * 7)  # folded already
    config = MinhashConfig(n_grams=5, num_buckets=21, hashes_per_bucket=6, norm_config=as_given)
    with tempfile.TemporaryDirectory() as folder:
        signatures, buckets, removed = (f"{folder}/{stage}" for stage in ("signatures", "buckets", "removed"))
        MinhashDedupSignature(signatures, config, language=Characters()).run(iter(documents))
        for bucket in range(config.num_buckets):
            MinhashDedupBuckets(signatures, buckets, config=config).run(rank=bucket, world_size=config.num_buckets)
        MinhashDedupCluster(buckets, removed, config).run()
        for _ in MinhashDedupFilter(removed).run(iter(documents)):
            pass
        return [np.fromfile(path, np.uint32).reshape(-1, 4)[:, 1::2].tolist() for path in sorted(Path(buckets).iterdir())]


def pairs(found):
    return clusters(joined(pair for bucket in found for pair in bucket))
