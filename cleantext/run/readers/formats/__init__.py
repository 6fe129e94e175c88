"""Readers of the formats of records: tables, JSON, CSV, WARC, archives."""
