"""Lines that repeat on the pages of one host: learned once, and used as evidence."""
