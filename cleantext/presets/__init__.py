"""Presets: pipelines as data."""
