"""Operations on a finished run: samples, audits, and undo."""
