"""What `python -m benchmarks` is made of: engines in environments of their own, measured in turn, and the files that say what came out."""
