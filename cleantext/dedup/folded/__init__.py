"""Folded texts: the units that are compared, and where they stand in the texts as given."""
