"""What `python -m pipelines help` prints, from the annotations and docstrings that checks use."""
