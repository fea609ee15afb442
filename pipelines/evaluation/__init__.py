"""Metrics, intervals, and what it takes to score a model."""
