"""Whole jobs, file in and file out: what a user of each package would run for the same purpose.

``cleantext`` does what the peer of the row does and no more; ``cleantext clean`` is the command with all that it does by default. What comes back
are the groups of ids of which one each stayed.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def rows_of(source):
    with Path(source).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# ---------------------------------------------------------------- cleantext


def cleantext_jsonl(source, out, steps):
    import pyarrow.json as pj

    from cleantext.dedup import find_duplicates
    from cleantext.pipeline import Pipeline

    table = pj.read_json(source, read_options=pj.ReadOptions(block_size=1 << 26))
    texts = table["text"].combine_chunks()
    if steps:
        whole = Pipeline.load("zh-web")
        texts = whole.without(*(step.id for step in whole.steps if step.id not in steps)).arrow(texts)
    found = find_duplicates(texts, ids=table["id"].to_pylist(), level="document", threshold=0.8)
    kept = found.texts()
    with Path(out).open("w", encoding="utf-8") as file:
        for name, text in zip(table["id"].to_pylist(), kept, strict=True):
            if text:
                file.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")
    return [group for group in grouped(found.clusters).values() if len(group) > 1]


def grouped(clusters):
    groups = {}
    for cluster, name in zip(clusters["cluster"].to_pylist(), clusters["id"].to_pylist(), strict=True):
        groups.setdefault(cluster, []).append(name)
    return groups


def cleantext_command(source, out, *_):
    import pyarrow.parquet as pq

    folder = Path(out).with_suffix(".clean")
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--format", "parquet", "--duplicates", "documents", "--remove", "--workers", "1", "--quiet"]
    subprocess.run([sys.executable, "-m", "cleantext", "clean", str(source), "-o", str(folder), *options], check=True)
    path = folder / "clusters.parquet"
    groups = grouped(pq.read_table(path)) if path.exists() else {}
    return [[str(name).removesuffix(".html") for name in group] for group in groups.values()]


# ---------------------------------------------------------------- data-juicer


def data_juicer(source, out, *_):
    import datasets
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
    from data_juicer.ops.mapper.chinese_convert_mapper import ChineseConvertMapper
    from data_juicer.ops.mapper.fix_unicode_mapper import FixUnicodeMapper
    from data_juicer.ops.mapper.whitespace_normalization_mapper import WhitespaceNormalizationMapper
    from dedup_peer import joined

    datasets.disable_caching()
    datasets.disable_progress_bars()
    rows = NestedDataset(datasets.load_dataset("json", data_files=str(source), split="train", cache_dir=tempfile.mkdtemp()))
    for mapper in (FixUnicodeMapper(), WhitespaceNormalizationMapper(), ChineseConvertMapper(mode="t2s")):
        rows = rows.map(
            mapper.process_batched, batched=True, batch_size=1000
        )  # what its `run` does, which would install torch to look for models
    settings = {"num_permutations": 128, "jaccard_threshold": 0.8, "num_bands": 21, "num_rows_per_band": 6}
    operator = DocumentMinhashDeduplicator(tokenization="character", window_size=5, lowercase=False, **settings)
    hashed = rows.map(operator.compute_hash)
    kept, _ = operator.process(hashed)
    kept.select_columns(["id", "text"]).to_json(str(out), force_ascii=False)
    names = rows["id"]
    return [
        [names[n] for n in group]
        for group in joined((min(b), n) for t in operator.hash_tables for b in t.values() if len(b) > 1 for n in b)
    ]


# ---------------------------------------------------------------- datatrove


def datatrove_minhash(documents, out, write):
    """Its four stages with the tokenizer, the norms and the bands (14 of 8) that FineWeb-2 takes for Chinese, in one process."""
    import numpy as np
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.logging import logger
    from datatrove.utils.typeshelper import Languages
    from dedup_peer import joined

    logger.remove()
    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    with tempfile.TemporaryDirectory() as folder:
        signatures, buckets, removed = (f"{folder}/{stage}" for stage in ("signatures", "buckets", "removed"))
        MinhashDedupSignature(signatures, config, language=Languages.mandarin_chinese__hani).run(iter(documents))
        for bucket in range(config.num_buckets):
            MinhashDedupBuckets(signatures, buckets, config=config).run(rank=bucket, world_size=config.num_buckets)
        MinhashDedupCluster(buckets, removed, config).run()
        with Path(out).open("w", encoding="utf-8") as file:
            file.writelines(write(document) for document in MinhashDedupFilter(removed).run(iter(documents)))
        found = [np.fromfile(path, np.uint32).reshape(-1, 4)[:, 1::2].tolist() for path in sorted(Path(buckets).iterdir())]
    return [[documents[n].id for n in group] for group in joined(pair for bucket in found for pair in bucket)]


def line_of(document):
    return json.dumps({"id": document.id, "text": document.text}, ensure_ascii=False) + "\n"


def datatrove(source, out, *_):
    from datatrove.data import Document

    return datatrove_minhash([Document(text=row["text"], id=row["id"]) for row in rows_of(source)], out, line_of)


def trafilatura_datatrove(source, out, *_):
    """WARC through warcio and trafilatura, then datatrove's MinHash: how FineWeb-2 was made."""
    from datatrove.data import Document
    from trafilatura import extract
    from warcio.archiveiterator import ArchiveIterator

    documents = []
    with Path(source).open("rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                text = extract(record.content_stream().read(), favor_precision=True, include_comments=False, deduplicate=False)
                name = re.sub(r"^https?://|\.html$", "", record.rec_headers.get_header("WARC-Target-URI"))
                if text:
                    documents.append(Document(text=text, id=name))
    return datatrove_minhash(documents, out, line_of)


ENGINES = {
    "cleantext": cleantext_jsonl,
    "cleantext clean": cleantext_command,
    "data-juicer": data_juicer,
    "datatrove": datatrove,
    "trafilatura + datatrove": trafilatura_datatrove,
}


def prepare(engine, source, options):
    """Return the whole job over the file."""
    call, folder = ENGINES[engine], tempfile.mkdtemp(dir=options["work"])
    steps = options.get("steps")
    small = options["small"]
    return lambda: call(source, f"{folder}/out.jsonl", steps), lambda: call(Path(small), f"{folder}/small.jsonl", steps)


def result(_engine, value):
    return [sorted(group) for group in value if len(group) > 1]
