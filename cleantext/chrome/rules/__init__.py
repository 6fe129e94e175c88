"""Rule packs: rows of TOML files, how they are read, checked and compiled, and the metadata in matched lines."""
