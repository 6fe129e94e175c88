"""The learned scorer of lines: features of a line and of its context, a model, and which lines a page can spare.

It gives evidence in addition to the rules, ``learned.line``, and never overrides a protector (see `cleantext.chrome.lines.decide`).
"""

from cleantext.chrome.scorer.choose import Scorer

__all__ = ["Scorer"]
