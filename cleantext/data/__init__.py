"""Tables: dictionaries, frozen fold tables, readings. Loaded once, when first used."""
