"""Exported models on new files: what `python -m pipelines predict` is made of."""
