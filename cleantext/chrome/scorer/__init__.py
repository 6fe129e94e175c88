"""The learned scorer of lines: features of a line and of its place, a model, and which lines a page can spare.

It gives evidence beside the rules, ``learned.line``, and never acts against a protector (see `cleantext.chrome.lines.decide`).
"""

from cleantext.chrome.scorer.choose import Scorer

__all__ = ["Scorer"]
