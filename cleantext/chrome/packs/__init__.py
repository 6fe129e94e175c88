"""Rule packs: chrome rules as data."""
