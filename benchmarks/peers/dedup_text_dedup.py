"""text-dedup: its MinHash from the fingerprints to the texts that stay."""

import tempfile
from pathlib import Path

import datasets
from dedup_peer import clusters
from text_dedup.config.base import load_config_from_toml
from text_dedup.minhash import assign, cluster, fingerprint, remove_duplicates

NOTE = "126 slots, 21 bands of 6; given characters with spaces between, its only way to see them; pairs: all of a cluster"
CONFIG = """
[input]
input_type = "local_files"
read_arguments = {}
[algorithm]
algorithm_name = "minhash"
text_column = "text"
num_perm = 126
bands = 21
rows = 6
ngram_size = 5
min_length = 5
threshold = 0.8  # only chooses bands, which are given
num_proc = 1
[output]
output_dir = "."
[debug]
"""
with tempfile.TemporaryDirectory() as folder:  # it takes its settings from a file only
    (Path(folder) / "config.toml").write_text(CONFIG)
    SETTINGS = load_config_from_toml(Path(folder) / "config.toml")
SETTINGS.algorithm.num_proc = None  # in this process: 1 would start another one
datasets.disable_caching()
datasets.disable_progress_bars()


def prepare(texts):
    rows = {"text": [" ".join(text) for text in texts], "__INDEX__": list(range(len(texts)))}
    return datasets.Dataset.from_dict(rows)


def search(rows, _threshold):
    parents = cluster(SETTINGS, fingerprint(SETTINGS, rows))
    remove_duplicates(SETTINGS, assign(SETTINGS, rows, parents))
    return parents


def pairs(parents):
    groups = {}
    for text, group in parents.items():
        groups.setdefault(group, []).append(text)
    return clusters(groups.values())
