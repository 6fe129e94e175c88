"""MinHash: shingles, sketches, bands, and the exact verification of what they propose."""
