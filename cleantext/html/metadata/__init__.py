"""Metadata stated by a document: headline, date, source, authors."""
