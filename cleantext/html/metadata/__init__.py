"""What a document states about itself: headline, date, source, authors."""
