"""Runs over files: readers, writers, shards, resume."""
