"""Decide which lines of plain text are removed: evidence of rules, zones of a page, protectors, and the decision (`decide.py`)."""
