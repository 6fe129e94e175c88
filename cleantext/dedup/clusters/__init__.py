"""Clusters: which copy stays, and what is removed of the others."""
