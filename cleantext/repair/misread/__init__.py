"""Text read as another encoding than it was written in: families of Chinese mojibake, lost bytes, and what ftfy knows."""
