"""A run in shards: what each does, the processes that do them, and what a page may take."""
