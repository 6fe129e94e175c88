"""Shared passages: anchors, alignment, boilerplate, and the pairs of spans that they give."""
