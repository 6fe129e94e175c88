"""Rule packs: rows of TOML files, how they are read, checked and compiled, and the metadata that a matched line states."""
