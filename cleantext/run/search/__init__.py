"""The search for duplicates in files of texts, as a part of cleaning or alone."""
