"""The stages of cleantext one behind the other in one process, without edits and with them."""

import json


def prepare(engine, source, options):
    """Return the pipeline over all texts, in batches as a run has them."""
    from cleantext.pipeline import Pipeline
    from cleantext.transform import Page

    pages = [Page(text) for text in json.loads(source.read_text("utf-8"))]
    pipeline = Pipeline.load(options["pipeline"])
    batches = [pages[n : n + 64] for n in range(0, len(pages), 64)]
    call = pipeline.fast if engine == "without edits" else pipeline.trace  # columns, as a run records them

    def run():
        return [call(batch) for batch in batches]

    return run, run


def result(_engine, value):
    return len(value)
