"""Readers: all forms of input as Arrow batches of one schema (`cleantext.run.readers.page_batches.SCHEMA`)."""
