"""From the bytes of a document to its visible lines, each with its place in the document."""
