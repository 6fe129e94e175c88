"""Matching many patterns and vocabularies against many lines at once, in arrays."""
