"""The state of a run in its output folder, which tells a continued or later run what need not be done again."""
