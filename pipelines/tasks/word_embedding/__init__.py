"""Word embedding: a vector for each word, near those of similar words."""
