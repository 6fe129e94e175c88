"""Repair of text: pages in, pages out."""

import json


def prepare(engine, source, _options):
    """Return the repair of all pages, one by one, as a caller would."""
    pages = json.loads(source.read_text("utf-8"))
    if engine == "ftfy":
        import ftfy

        settings = ftfy.TextFixerConfig(uncurl_quotes=False, fix_character_width=False)  # which would rewrite the marks of Chinese text

        def call(text):
            return ftfy.fix_text(text, settings)
    else:
        import cleantext as ct

        call = ct.repair
    return lambda: [call(page) for page in pages], lambda: [call(page) for page in pages[: 20 if engine == "ftfy" else None]]


def result(_engine, value):
    return value
