"""Cleaning on a cluster: kernels that read, clean and write pages, and the code that runs their plans."""
