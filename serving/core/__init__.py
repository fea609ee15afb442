"""Models, their versions, and predictions."""
