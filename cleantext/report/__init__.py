"""Reports: tallies that add up, and the pages that show them."""

from cleantext.report.tally import Report, RuleTally

__all__ = ["Report", "RuleTally"]
