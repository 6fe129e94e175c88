"""The searches as plans over tables: queries, and kernels over Arrow batches."""
