"""Figures and tables of outputs and models; nothing here changes a metric."""
