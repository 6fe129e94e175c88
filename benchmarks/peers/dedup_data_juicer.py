"""data-juicer: its MinHash deduplicator over characters, on a data set in memory."""

import datasets
from data_juicer.core.data import NestedDataset
from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from dedup_peer import clusters, joined
from loguru import logger

NOTE = "128 slots, 21 bands of 6; pairs: all of a cluster"
datasets.disable_caching()
datasets.disable_progress_bars()
logger.remove()


def prepare(texts):
    return NestedDataset(datasets.Dataset.from_dict({"text": texts}))


def search(rows, threshold):
    settings = {"num_permutations": 128, "jaccard_threshold": threshold, "num_bands": 21, "num_rows_per_band": 6}
    operator = DocumentMinhashDeduplicator(tokenization="character", window_size=5, lowercase=False, num_proc=1, **settings)
    # What its `run` does, without looking for models to free, for which it would install torch.
    operator.process(rows.map(operator.compute_hash))
    return operator


def pairs(operator):
    return clusters(joined((min(b), n) for table in operator.hash_tables for b in table.values() if len(b) > 1 for n in b))
