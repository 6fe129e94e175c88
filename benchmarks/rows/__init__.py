"""Rows of the scoreboard: each function measures one set of engines and returns what came out."""
