"""Cleaning on a cluster: kernels that read, clean and write pages, and what runs their plans."""
