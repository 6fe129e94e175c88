"""Writers: the outputs of a run, as text files in folders, JSON lines or Parquet, written completely or not at all."""
