"""Main text from HTML: decoded pages in, texts out. The peers are those of `extraction.py`."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cleaning"))

import extraction


def ours():
    from cleantext.chrome import StripChrome
    from cleantext.chrome.main_text.main_blocks import MainContent
    from cleantext.html import read_html
    from cleantext.pipeline import Pipeline

    pipeline = Pipeline((MainContent(), StripChrome()))
    return lambda html: pipeline.fast([read_html(html)])[0].text


def prepare(engine, source, _options):
    """Return the extraction of all pages; a page on which a peer raises is empty."""
    pages = json.loads(source.read_text("utf-8"))
    call = ours() if engine == "cleantext" else extraction.PEERS[engine]
    call(pages[0])  # raises where the package is missing

    def run(some):
        out = []
        for page in some:
            try:
                out.append(call(page))
            except Exception as error:  # noqa: BLE001
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                out.append("")
        return out

    return lambda: run(pages), lambda: run(pages[: None if engine == "cleantext" else 2])


def result(_engine, value):
    return value
