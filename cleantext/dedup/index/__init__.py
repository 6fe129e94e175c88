"""The index: texts that were searched before, in a folder, and batches that are compared with them."""

from __future__ import annotations

from cleantext.dedup.index.index_folder import Added, Index

__all__ = ["Added", "Index"]
