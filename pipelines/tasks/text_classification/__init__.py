"""Texts to classes: spam or ham, positive or negative, topics."""
