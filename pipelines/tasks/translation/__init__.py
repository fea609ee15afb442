"""Sentences of one language to sentences of another."""
