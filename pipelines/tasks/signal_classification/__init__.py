"""Signals to classes: movements, spoken words, music, machines."""
