"""The parts of the crawl generator, `benchmarks/crawl.py`."""
