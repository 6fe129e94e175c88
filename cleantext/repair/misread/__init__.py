"""Text decoded with the wrong encoding: families of Chinese mojibake, lost bytes, and the cases that ftfy handles."""
