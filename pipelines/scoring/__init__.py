"""Metrics with intervals, and figures, shared by the classification tasks."""
