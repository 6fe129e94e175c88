"""What can be asked of a finished run: samples, audits, and the way back."""
