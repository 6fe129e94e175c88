"""A run in shards: the work of each, the processes that do it, and the budget of a page."""
