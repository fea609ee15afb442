"""Merges concurrent requests into batches."""
