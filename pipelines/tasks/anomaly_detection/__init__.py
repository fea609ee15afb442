"""Anomaly detection: readings so far -> a score of the last one, an alarm, its expected value."""
