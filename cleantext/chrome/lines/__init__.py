"""Decide which lines of plain text go: evidence of rules, zones of a page, protectors, and the decision (`decide.py`)."""
