"""The state of a run in its output folder: what a run that was stopped, or a later one, need not do again."""
