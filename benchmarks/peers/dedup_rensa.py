"""rensa's full-set path (not the sampled one) and its index. Called by benchmarks/dedup.py with a file of folded texts."""

import json
import sys
import time
from pathlib import Path

from rensa import RMinHash, RMinHashLSH

source, threshold = sys.argv[1], float(sys.argv[2])
texts = json.loads(Path(source).read_text("utf-8"))
start = time.process_time()
rows = RMinHash.from_token_sets([[t[i : i + 5] for i in range(len(t) - 4)] for t in texts], 128, 42)
index = RMinHashLSH(threshold, 128, 16)
index.insert_many(rows)
pairs = {(m, n) for n, found in enumerate(index.query_all(rows)) for m in found if m < n}
print(json.dumps({"seconds": time.process_time() - start, "pairs": sorted(pairs)}))
