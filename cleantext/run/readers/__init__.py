"""Readers: every form in which pages come, as Arrow batches of one schema (`cleantext.run.readers.page_batches.SCHEMA`)."""
