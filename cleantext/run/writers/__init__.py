"""Writers: what a run leaves behind, as texts in a tree, JSON lines or Parquet, whole or not at all."""
