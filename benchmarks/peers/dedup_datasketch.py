"""datasketch 2: MinHash of character 5-grams and MinHashLSH. Called by benchmarks/dedup.py with a file of folded texts."""

import json
import sys
import time
from pathlib import Path

from datasketch import MinHash, MinHashLSH

source, threshold = sys.argv[1], float(sys.argv[2])
texts = json.loads(Path(source).read_text("utf-8"))
start = time.process_time()
sets = [{t[i : i + 5].encode() for i in range(len(t) - 4)} for t in texts]
index = MinHashLSH(threshold=threshold, num_perm=128)
pairs = set()
for n, one in enumerate(MinHash.bulk(sets, num_perm=128)):
    pairs.update((m, n) for m in index.query(one))
    index.insert(n, one)
print(json.dumps({"seconds": time.process_time() - start, "pairs": sorted(pairs)}))
