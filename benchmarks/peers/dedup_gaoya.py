"""gaoya: 21 bands of 6 over character 5-grams, one thread. Called by benchmarks/dedup.py with a file of folded texts."""

import json
import os
import sys
import time
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"
from gaoya.minhash import MinHashStringIndex  # reads the number of threads when it is loaded

source, threshold = sys.argv[1], float(sys.argv[2])
texts = json.loads(Path(source).read_text("utf-8"))
start = time.process_time()
index = MinHashStringIndex(hash_size=32, jaccard_threshold=threshold, num_bands=21, band_size=6, analyzer="char", ngram_range=(5, 5))
index.par_bulk_insert_docs(list(range(len(texts))), texts)
pairs = {(m, n) for n, found in enumerate(index.par_bulk_query(texts)) for m in found if m < n}
print(json.dumps({"seconds": time.process_time() - start, "pairs": sorted(pairs)}))
