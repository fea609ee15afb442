"""Drawn from scores and models; nothing here changes a metric."""
