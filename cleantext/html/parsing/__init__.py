"""From the bytes of a document to its visible lines, each with its position in the document."""
