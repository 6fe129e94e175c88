"""Lines that repeat on the pages of one host: learned once, used as evidence."""
