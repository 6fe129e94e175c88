"""The index: a folder that remembers the texts seen so far, so that new batches are compared with them."""

from __future__ import annotations

from cleantext.dedup.index.index_folder import Added, Index

__all__ = ["Added", "Index"]
