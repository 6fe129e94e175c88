"""Readers of the forms in which records come: tables, JSON, CSV, WARC, archives."""
