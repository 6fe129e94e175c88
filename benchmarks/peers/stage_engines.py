"""The stages of cleantext one behind the other in one process, without edits and with them."""

import json


def prepare(engine, source, options):
    """Return the pipeline over all texts, in batches as large as the shards of a run."""
    from cleantext.pipeline import Pipeline
    from cleantext.run.readers.page_batches import BATCH_BYTES, BATCH_ROWS
    from cleantext.transform import Page

    pipeline = Pipeline.load(options["pipeline"])
    batches, size = [[]], 0
    for text in json.loads(source.read_text("utf-8")):
        if size >= BATCH_BYTES or len(batches[-1]) == BATCH_ROWS:
            batches.append([])
            size = 0
        batches[-1].append(Page(text))
        size += len(text.encode())
    call = pipeline.fast if engine == "without edits" else pipeline.trace  # columns, as a run records them

    def run():
        return [call(batch) for batch in batches]

    return run, run


def result(_engine, value):
    return len(value)
